// The list of problems and the labels: what was said comes back with its problem, and all solutions
// in the order in which they are worth a look. Runs after problems.js, in the same function.

// What a file says of a problem's steps; that they are its steps, where it says nothing more.
function saidByFile(i) {
  const problem = session.problems[i];
  const solutions = solutionsOf(problem);
  const letters = lettersOf(solutions);
  const texts = textsOf(problem);
  const records = solutions.map((one, k) => ({
    problem: problem.problem,
    source: texts[k],
    rule: ruleOf(problem),
    steps: one.steps ?? [],
    labels: one.labels ?? (one.steps ?? []).map(() => null),
    notes: one.step_notes ?? (one.steps ?? []).map(() => ""),
    note: one.note ?? "",
  }));
  return Object.fromEntries(
    letters.map((letter, k) => [letter, records[k]]).filter(([, { steps }]) => steps.length),
  );
}

const saidNow = (i) => i === at ? prm.labels.all() : labels.get(i) ?? saidByFile(i);

const nLabelled = (i) => Object.values(saidNow(i)).filter(prm.labels.holds).length;

// What there is of a problem: its draft, its scores, what the list says of it, and its labels. -1 is
// what is on show and in no list.
function known(i) {
  const draft = i === at ? prm.draft : draftFor(i);
  const board = boardOf(i);
  const stored = board
    ? prm.storedResults(board)
    : session && i >= 0 && (results.get(i) ?? recordedResults(i));
  return {
    draft,
    scored: stored ? JSON.parse(stored) : null,
    fact: board?.choices ? factOfBoard(board) : factOf(i),
    said: saidNow(i),
  };
}

// --- the order --------------------------------------------------------------------------------------

const ORDERS = [
  ["as listed", null],
  ["PRM and label apart", "label"],
  ["PRM and right answer apart", "answer"],
  ["PRM and majority apart", "majority"],
  ["annotators apart", "apart"],
];
const orders = () => ORDERS.filter(([, by]) => by !== "apart" || prm.second).map(([name]) => name);

// How far a model is from a label, and from what its answer says of a solution; -1 where one of
// them is not there.
function opinions(i) {
  const { draft, scored, fact, said } = known(i);
  return draft.letters.filter((_, k) => draft.solutions[k].trim()).map((letter) => {
    const place = scored?.candidates.findIndex((one) => one.letter === letter) ?? -1;
    const { steps = [], probabilities: p = [] } = scored?.candidates[place]?.scores ?? {};
    const record = said[letter];
    const gaps = (record?.labels ?? []).flatMap((label, k) =>
      typeof label === "number" && record.steps[k] === steps[k] ? [Math.abs(label - p[k])] : []
    );
    const apart = (right) =>
      p.length && typeof right === "boolean" ? Math.abs(Number(right) - Math.min(...p)) : -1;
    return {
      at: i,
      letter,
      label: Math.max(-1, ...gaps),
      answer: apart(fact?.correct?.[place]),
      majority: apart(fact?.majority?.length ? fact.majority.includes(place) : null),
      apart: prm.second?.get(`${i} ${letter}`)?.steps.length ?? -1,
    };
  });
}

function listed(i) {
  const { letters, solutions } = i === at ? prm.draft : draftFor(i);
  return letters.filter((_, k) => solutions[k].trim()).map((letter) => ({ at: i, letter }));
}

function ordered(order) {
  const [, by] = ORDERS.find(([name]) => name === order) ?? ORDERS[0];
  const places = session ? shownPlaces() : [-1];
  if (!by) return places.flatMap(listed);
  return places.flatMap(opinions).sort((a, b) => b[by] - a[by]);
}

let queue = { of: null, key: "", items: [] };

// All solutions of the problems that the list shows, or of the only one. The order stays while they
// are walked, whatever is labelled in between.
prm.queue = (order) => {
  const own = session ? null : [prm.draft.letters, prm.results?.run, prm.results?.status];
  const key = JSON.stringify([order, model, search.value, filter.selectedIndex, own]);
  if (key !== queue.key || session !== queue.of || prm.secondFile !== queue.beside) {
    queue = { of: session, beside: prm.secondFile, key, items: ordered(order) };
  }
  return { items: queue.items, at, orders: orders() };
};

// --- wiring -------------------------------------------------------------------------------------------

document.addEventListener("prm:open-problem", async ({ detail: { at: i, letter } }) => {
  await choose(i);
  tell("prm:label", letter);
});
document.addEventListener("prm:labelled", () => {
  if (!session || at < 0) return;
  document.getElementById(`prm-problem-${at}`)?.replaceWith(line(at));
  clearTimeout(saving);
  saving = setTimeout(saveNow, SAVE_MS);
});

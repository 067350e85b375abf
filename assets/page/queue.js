// The list of problems and the labels: what was said comes back with its problem, all solutions in
// the order in which they are worth a look, and the whole list with its labels as a session. Runs
// after problems.js, in the same function.

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

// What there is of a problem: its draft, its scores, what the list says of it, and its labels. Where
// no list is open, -1 is the only problem there is.
function known(i) {
  const here = i === at;
  const draft = here ? prm.draft : draftFor(i);
  const shown = here && prm.results?.status !== "running" ? prm.results : null;
  const board = shown?.problem === draft.problem && shown.candidates.some((one) => one.detail)
    ? shown
    : null;
  const stored = board
    ? prm.storedResults(board)
    : session && (results.get(i) ?? recordedResults(i));
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
];

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
  if (key !== queue.key || session !== queue.of) {
    queue = { of: session, key, items: ordered(order) };
  }
  return { items: queue.items, at, orders: ORDERS.map(([name]) => name) };
};

// --- the list with its labels -----------------------------------------------------------------------

// A solution as a session has it; what a file said of it stays where it is of these steps.
function mergedSolution(letter, text, file, record, judged) {
  const steps = [
    prm.labels.holds(record) ? record.steps : null,
    judged?.steps.length > 1 ? judged.steps : null,
    file?.steps,
    judged?.steps,
  ].find(Boolean) ?? [];
  const same = (other) => JSON.stringify(other) === JSON.stringify(steps);
  const solution = file && (same(file.steps ?? []))
    ? { ...file }
    : { name: file?.name ?? letter, text, steps };
  if (record && same(record.steps)) {
    Object.assign(solution, {
      labels: record.labels,
      step_notes: record.notes,
      note: record.note,
    });
  }
  if (judged && steps.length && (same(judged.steps) || judged.steps.length === 1)) {
    const { probabilities, log_odds, extras, rationales } = judged;
    const scores = { probabilities, log_odds, extras, rationales };
    solution.scores = { ...solution.scores, [judged.model_id]: scores };
    if (same(judged.steps)) solution.thinking = judged.thinking;
  }
  return solution;
}

function mergedProblem(i, models) {
  const { draft, scored, said } = known(i);
  const base = session?.problems[i] ?? {};
  const given = solutionsOf(base);
  const [names, texts] = [lettersOf(given), textsOf(base)];
  const solutions = draft.letters.flatMap((letter, k) => {
    const text = draft.solutions[k];
    const place = names.indexOf(letter);
    const file = given[place];
    const isFiles = texts[place] === text && base.problem === draft.problem;
    const isOf = (one) => one?.problem === draft.problem;
    const record = isOf(said[letter]) && said[letter].source === text ? said[letter] : null;
    const judged = isOf(scored)
      ? scored.candidates.find((one) => one.letter === letter && one.source === text)?.scores
      : null;
    if (judged && !models.has(judged.model_id)) {
      const { model: label, model_line: line, model_note: note, own: threshold } = scored;
      models.set(judged.model_id, { id: judged.model_id, label, line, note, threshold });
    }
    return text.trim() ? [mergedSolution(letter, text, isFiles ? file : null, record, judged)] : [];
  });
  const more = (base.solutions ?? []).slice(MOST_SOLUTIONS);
  const { problem, gold } = draft;
  const rule = session && draft.rule === ruleOf(base) ? base.rule : draft.rule;
  return { ...base, problem, gold_answer: gold, rule, solutions: [...solutions, ...more] };
}

// Everything, as the text of a session.
prm.merged = () => {
  const models = new Map((session?.models ?? []).map((one) => [one.id, one]));
  const isTouched = (i) => i === at || [labels, drafts, results].some((one) => one.has(i));
  const problems = session
    ? session.problems.map((one, i) => isTouched(i) ? mergedProblem(i, models) : one)
    : [mergedProblem(-1, models)];
  const head = session ?? { format: "prm-inspector-session", version: 1 };
  return JSON.stringify({ ...head, problems, models: [...models.values()] });
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

// Other models' scores of the displayed results: asks the server to compare, for the tab Models and
// for an outcome model's number on each card. Runs after stale.js, in the same
// function; `value.others` is text as `prm.others` makes it.

const compared = new WeakMap(); // results → the server's comparison, by the other model's line
let comparing = Promise.resolve(); // one question at a time

function othersNow() {
  try {
    return prm.others.list({ others: JSON.parse(value.others ?? "[]") });
  } catch {
    return []; // a link may contain anything
  }
}

// The names of both models; one that scored here and in the file gets two names.
function names({ model, model_line: line }) {
  const name = (label, from) =>
    value.model === model && from.startsWith(prm.RECORDED) ? `${label} (recorded)` : label;
  return [name(value.model, value.model_line), name(String(model), String(line))];
}

// The comparison with another model of the solutions that are still there; a promise until it arrives.
function comparison(other) {
  if (!compared.has(value)) compared.set(value, new Map());
  const known = compared.get(value);
  const letters = there.map((one) => one.letter);
  const key = `${letters.join()} ${other.model_line}`;
  if (!known.has(key)) {
    const stored = prm.plainResults(prm.ownResults(value));
    const rows = stored.candidates.map((one, i) => [one, other.candidates[i]]);
    const left = rows.filter(([one]) => letters.includes(one.letter));
    const [candidates, theirs] = [0, 1].map((i) => left.map((pair) => pair[i] ?? null));
    const [model, second] = names(other);
    const theirScores = { ...other, model: second, candidates: theirs };
    const question = { ...stored, model, candidates, other: theirScores };
    comparing = comparing.then(() => prm.reply(server.compare(JSON.stringify(question))));
    const answer = comparing.then((found) => {
      if (found) known.set(key, found);
      else {
        known.delete(key);
        prm.whenBack("comparison", compareAgain);
      }
      return found;
    });
    known.set(key, answer);
  }
  return known.get(key);
}

function compareAgain() {
  if (viewNow().name === "Models") fillModels();
  showOutcomes();
}

function fillModels() {
  const others = value.status === "running" ? [] : othersNow();
  const other = others.find((one) => one.model_line === value.other) ?? others[0];
  TwoModels.draw({
    line: value.model_line,
    others,
    other,
    found: other && comparison(other),
    names,
    own: value.own,
    method,
    colours: paletteNow(),
    textOf: (letter, step) => inside(cards.get(letter)).steps[step]?.text ?? "",
    open: goToStep,
    pick: (line) => {
      value.other = line;
      saved = null;
      keepResults();
      fillModels();
    },
  });
}

// --- an outcome model's number on each card ---------------------------------------------------------

let outcomes = { key: "", chips: [] }; // they are the same under every threshold

async function findOutcomes() {
  const of = value;
  const whole = othersNow().filter(({ candidates }) =>
    candidates.every((one) => !one || one.probabilities?.length === 1)
  );
  const found = value.status === "running" ? [] : await Promise.all(whole.map(comparison));
  const chips = found.flatMap((one, i) => one?.outcome ? [[whole[i], one.outcome]] : []);
  if (value === of) outcomes = { key: found.every(Boolean) ? outcomeKey() : "", chips };
  return value === of;
}

const outcomeKey = () => [value.run, value.status, value.problem, value.others].join("\n");

async function showOutcomes() {
  if (outcomes.key !== outcomeKey() && !(await findOutcomes())) return;
  const { chips } = outcomes;
  root.classList.toggle("bd-with-outcome", chips.length > 0);
  for (const [letter, card] of cards) {
    card.outcome?.replaceChildren(...chips.flatMap(([{ model }, numbers]) => {
      if (!(letter in numbers)) return [];
      const title = `${model}: one number for the whole solution`;
      return [
        make("span", { class: "bd-chip", title }, "outcome ", text("b", "", numbers[letter])),
      ];
    }));
  }
}

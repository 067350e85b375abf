// What people say of solutions: labels and notes. They are kept with the problem and the very steps
// that they were made on, and hold for as long as these are there: where a step is another one
// now, neither its label nor any after it is shown, and none ever moves. Each part of the page runs
// this after state.js; the first one makes it.
//
// A label is 1 (right), 0 (wrong), "neutral", a share in between, or null. `prm:labelled` tells of
// a change.

prm.labels ??= (() => {
  const KEY = "prm-inspector.labels";
  const NAME = "prm-annotator"; // kept for all visits
  const MOST_UNDO = 200;

  let said = read(); // letter → { problem, source, rule, steps, labels, notes, note }
  let undone = []; // what was there before, last first: [letter, record or undefined]
  const earlier = new Map(); // a problem's text → what was said of it before it was replaced
  let annotator = nameKept(); // who labels here

  function read() {
    try {
      return JSON.parse(prm.stored(KEY)) ?? {};
    } catch {
      return {}; // not one of ours
    }
  }

  function nameKept() {
    try {
      return localStorage.getItem(NAME) ?? "";
    } catch {
      return ""; // forbidden
    }
  }

  function sign(name) {
    annotator = name.trim();
    try {
      localStorage.setItem(NAME, annotator);
    } catch {
      // forbidden: it lasts until the page is left
    }
  }

  function changed() {
    prm.store(KEY, JSON.stringify(said));
    document.dispatchEvent(new CustomEvent("prm:labelled"));
  }

  // What is said of a solution of the problem on the left; of whatever steps.
  function of(letter) {
    const { problem } = prm.draft;
    const found = [said, earlier.get(problem)].map((all) => all?.[letter]);
    const editor = prm.draft.letters.length > 0;
    return found.find((record) => record && (!editor || record.problem === problem)) ?? null;
  }

  // The same as far as it holds for these steps; `lost` counts what is of others.
  function on(letter, steps) {
    const record = of(letter);
    let same = 0;
    while (record && same < steps.length && record.steps[same] === steps[same]) same += 1;
    const kept = (values, none) => steps.map((_, i) => (i < same && values[i]) || none);
    const labels = steps.map((_, i) => (i < same ? record.labels[i] ?? null : null));
    const lost = (record?.steps ?? []).filter((_, i) =>
      i >= same && ((record.labels[i] ?? null) !== null || record.notes[i])
    );
    return {
      labels,
      notes: kept(record?.notes ?? [], ""),
      note: same ? record.note : "",
      lost: lost.length,
    };
  }

  // Say something of a solution; what is typed letter by letter is one change to undo.
  function put(letter, record, typed = false) {
    const [last] = undone.at(-1) ?? [];
    if (!typed || last !== `${letter} note`) {
      undone.push([typed ? `${letter} note` : letter, said[letter]]);
    }
    undone = undone.slice(-MOST_UNDO);
    said[letter] = record;
    changed();
  }

  // Take the last change back; gives the solution's letter.
  function undo() {
    if (!undone.length) return null;
    const [name, record] = undone.pop();
    const letter = name.split(" ")[0];
    if (record) said[letter] = record;
    else delete said[letter];
    changed();
    return letter;
  }

  // All that is said, of another problem from now on. It may come from any file.
  function load(next) {
    for (const record of Object.values(said)) earlier.set(record.problem, said);
    said = Object.fromEntries(Object.entries(next ?? {}).filter(([, one]) => isRecord(one)));
    said = structuredClone(said);
    undone = [];
    changed();
  }

  const areTexts = (values) => values.every((one) => typeof one === "string");
  const isLabel = (one) =>
    one === null || one === "neutral" || (typeof one === "number" && one >= 0 && one <= 1);

  function isRecord(one) {
    const { problem, source, rule, note, steps, notes, labels: given } = one ?? {};
    const lists = [steps, notes, given];
    return areTexts([problem, source, rule, note]) &&
      lists.every((one) => Array.isArray(one) && one.length === steps.length) &&
      areTexts(steps) && areTexts(notes) && given.every(isLabel);
  }

  const holds = (record) =>
    Boolean(
      record?.note || record?.notes.some(Boolean) ||
        record?.labels.some((one) => (one ?? null) !== null),
    );

  return {
    KEY,
    of,
    on,
    put,
    undo,
    load,
    holds,
    sign,
    annotator: () => annotator,
    all: () => structuredClone(said),
    first: (labels) => labels.findIndex((one) => typeof one === "number" && one < 0.5),
    // A label as people say it.
    words: (label) => {
      if ((label ?? null) === null) return "";
      if (label === "neutral") return "neutral";
      return { 0: "wrong", 1: "right" }[label] ?? `${Number(label.toFixed(2))} right`;
    },
  };
})();

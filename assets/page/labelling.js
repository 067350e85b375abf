// What the Labels have to do with the rest of the Board: which solution's steps are labelled, in
// which order solutions are walked, the keys, and the labels on the cards. Labels need no scores:
// where nothing is scored, their tab is shown alone. Runs before export.js, in the same function.

let labelled = ""; // the letter of the solution that is being labelled
let queueOrder = "as listed";

const labelEntry = make(
  "button",
  { type: "button", class: "bd-link bd-label-entry", hidden: true, onclick: () => openLabels() },
  "Label the steps by hand",
);
empty.before(labelEntry);

const isLabelling = () => viewNow()?.name === "Labels";

// The solutions that have a text; a board without an editor has its own.
function labelLetters() {
  const { letters, solutions } = prm.draft;
  if (!letters.length) return value.candidates.filter((one) => one.detail).map((one) => one.letter);
  return letters.filter((_, i) => solutions[i].trim());
}

// A solution as it is now, and its steps: those that were labelled or judged, if they are of
// this very text, or else as the editor cuts it.
function toLabel(letter) {
  const { draft, cuts } = prm;
  const at = draft.letters.indexOf(letter);
  const found = value.candidates.find((one) => one.letter === letter && one.detail);
  const judged = found ? inside(cards.get(letter)).steps : [];
  if (at < 0) {
    return { problem: value.problem, source: found?.source ?? "", rule: value.rule, steps: judged };
  }
  const now = { problem: draft.problem, source: draft.solutions[at], rule: draft.rule };
  const isOf = (one) => one && Object.keys(now).every((name) => one[name] === now[name]);
  const record = prm.labels.of(letter);
  const own = isOf(record) ? record.steps.map((text) => ({ text })) : [];
  const cut = cuts.get(letter);
  const spans = cut?.text === now.source && cut.rule === now.rule ? cut.spans : [];
  const scored = found && isOf({ ...value, source: found.source }) ? judged : [];
  const steps = [
    prm.labels.holds(record) ? own : [],
    scored.length > 1 ? scored : [], // the one number of an outcome model is of no step
    own,
    spans.map(([start, end]) => ({ text: now.source.slice(start, end) })),
    scored,
  ].find((one) => one.length) ?? [];
  const same = steps.length === scored.length &&
    steps.every((one, i) => one.text === scored[i].text);
  return { ...now, steps: same ? scored : steps };
}

// --- the tab --------------------------------------------------------------------------------------

function fillLabels() {
  const letters = labelLetters();
  if (!letters.includes(labelled)) labelled = letters[0] ?? "";
  const now = toLabel(labelled);
  const texts = now.steps.map((step) => step.text);
  const queue = queueNow();
  const place = queue.items.findIndex((one) => one.letter === labelled && one.at === queue.at);
  const of = queue.at >= 0 ? ` of problem ${queue.at + 1}` : "";
  const count = place < 0 ? "" : ` · ${place + 1} of ${queue.items.length.toLocaleString("en")}`;
  const blank = !now.problem.trim();
  Labels.draw({
    letter: labelled,
    problem: now.problem,
    steps: blank ? [] : now.steps,
    said: prm.labels.on(labelled, texts),
    why: blank
      ? "Labels are of a problem's solutions: write the problem first."
      : texts.length
      ? ""
      : "The steps of this solution are not known yet; Score cuts them.",
    place: labelled ? `Solution ${labelled}${of}${count}` : "",
    orders: queue.orders,
    order: queueOrder,
    plain,
    bare: root.classList.contains("bd-bare"),
    second: prm.second && { words: second.words, ...prm.second.get(`${queue.at} ${labelled}`) },
    annotator: prm.labels.annotator(),
    sign: prm.labels.sign,
    compareWith,
    saves: prm.merged ? props.label_formats.map((one) => [one.label, () => saveLabels(one)]) : [],
    put: ({ labels, notes, note }, typed) =>
      prm.labels.put(labelled, { ...now, steps: texts, labels, notes, note }, typed),
    walk: (by) => {
      const next = queue.items[place + by];
      if (next) openItem(next, queue.at);
      else Labels.tell(by > 0 ? "This was the last one." : "This is the first one.");
    },
    reorder: (name) => {
      queueOrder = name;
      const { items, at } = queueNow();
      if (items.length) openItem(items[0], at);
    },
    open: (letter) => openLabels(letter),
    close: () => {
      showTab("Steps");
      labelEntry.focus();
    },
  });
}

// The solutions in the order in which they are walked; the list of problems has one of all.
function queueNow() {
  const own = { items: labelLetters().map((letter) => ({ letter, at: -1 })), at: -1, orders: [] };
  return prm.queue?.(queueOrder) ?? own;
}

function openItem({ at, letter }, here) {
  if (at === here) openLabels(letter);
  else document.dispatchEvent(new CustomEvent("prm:open-problem", { detail: { at, letter } }));
}

function openLabels(letter = labelled, step = null) {
  labelled = letter;
  if (isLabelling()) fillLabels();
  else showTab("Labels");
  Labels.focus(step);
}

// Where there are no cards, the labels are all there is; where there are solutions, the way there.
function showBare() {
  if (!value) return;
  const nothing = value.candidates.length === 0 || endedWithNothing(value);
  const can = nothing && labelLetters().length > 0;
  const bare = can && isLabelling();
  labelEntry.hidden = !can || bare;
  root.classList.toggle("bd-bare", bare);
  results.hidden = nothing && !bare;
  if (nothing) empty.hidden = bare || value.status !== "empty";
}

document.addEventListener("prm:changed", () => {
  showBare();
  if (value && isLabelling()) fillLabels();
});
document.addEventListener("prm:labelled", () => {
  cards.forEach(markLabels);
  if (prm.second) {
    clearTimeout(comparingLabels);
    comparingLabels = setTimeout(compareLabels, COMPARE_MS);
  }
  if (value && isLabelling()) fillLabels();
});
document.addEventListener("prm:label", ({ detail: letter }) => openLabels(letter ?? undefined));

const TYPING = "input, textarea, select, dialog, [contenteditable], [role=menu], [role=listbox]";

document.addEventListener("keydown", (event) => {
  const { target } = event;
  const elsewhere = target !== document.body && !root.contains(target);
  const other = event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented;
  if (other || elsewhere || results.hidden || !isLabelling() || target.closest(TYPING)) return;
  if (Labels.press(event)) event.preventDefault();
});

// --- on the cards -----------------------------------------------------------------------------------

const saidOf = (card) => prm.labels.on(card.letter, inside(card).steps.map((step) => step.text));

// The labels of a card's steps, in its rows.
function markLabels(card) {
  if (!card.rows) return;
  const { labels, notes } = saidOf(card);
  card.rows.forEach((node, i) => {
    const words = [
      labels[i] !== null && `label: ${prm.labels.words(labels[i])}`,
      notes[i] && "note",
    ];
    const mark = node.querySelector(".bd-label") ?? text("span", "bd-label", "");
    mark.textContent = words.filter(Boolean).join(", ");
    mark.dataset.label = labels[i] ?? "";
    mark.title = notes[i];
    if (mark.textContent) node.querySelector(".bd-line").append(mark);
    else mark.remove();
  });
}

// What an opened step shows.
function labelFacts(card, i) {
  const { labels, notes } = saidOf(card);
  return [
    labels[i] !== null && fact("label", prm.labels.words(labels[i])),
    notes[i] && fact("note", notes[i]),
  ].filter(Boolean);
}

const labelButton = (card, i) =>
  make(
    "button",
    { type: "button", class: "bd-copy", onclick: () => openLabels(card.letter, i) },
    "Label",
  );

// --- out of the page --------------------------------------------------------------------------------

async function saveLabels({ format, label }) {
  Labels.tell("Saving…");
  const reply = await exported(format, { method });
  if (reply.contents) download(reply.name, new Blob([bytesOf(reply.contents)]));
  if (!reply.contents && !reply.error) tellUnanswered(unanswered(label), () => {});
  else Labels.tell(reply.contents ? `Saved ${reply.words}` : reply.error);
}

// Says that the server did not answer, until it is back; then it may be asked again.
function tellUnanswered(words, again) {
  Labels.tell(words);
  prm.whenBack("labels", () => {
    if (Labels.told() === words) Labels.tell("");
    again();
  });
}

// --- a second annotator -------------------------------------------------------------------------------

const COMPARE_MS = 1000; // after the last change of a label
let second = null; // another annotator's file, and what the server found
let comparingLabels = 0;

// A file beside the labels here; null ends the comparison.
async function compareWith(file) {
  clearTimeout(comparingLabels);
  prm.second = prm.secondFile = null;
  second = file && { name: file.name };
  if (!file) {
    if (queueOrder === APART) queueOrder = "as listed";
    fillLabels();
    return;
  }
  Labels.tell("Comparing…");
  const packed = /\.(gz|parquet|eval)$/i.test(file.name)
    ? file
    : await through(file, new CompressionStream("gzip")).blob();
  if (packed !== file) second.name += ".gz";
  second.contents = base64(new Uint8Array(await packed.arrayBuffer()));
  await compareLabels();
  if (!prm.second?.size) return;
  queueOrder = APART;
  const { items, at } = queueNow();
  openItem(items[0], at);
}

const APART = "annotators apart";

async function compareLabels() {
  const mine = second;
  const packing = through(prm.merged({ method }), new CompressionStream("gzip"));
  const session = base64(new Uint8Array(await packing.arrayBuffer()));
  const { name, contents } = mine;
  const found = await prm.reply(server.compare_annotators({ session, name, contents }));
  if (mine !== second) return;
  if (!found) {
    tellUnanswered(
      "The server did not answer; the files are compared when it is back.",
      () => mine === second && compareLabels(),
    );
    return;
  }
  if (!found.words) {
    Labels.tell(found.error);
    return;
  }
  Labels.tell("");
  mine.words = found.words;
  prm.secondFile = mine;
  prm.second = prm.byPlace(found.differing.map((one) => ({ ...one, by: found.name })));
  fillLabels();
}

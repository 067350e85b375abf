// The left side of the page: the problem, the step rule and one card per candidate.
//
// Runs as the `js_on_load` of `prm_core.ui.editor.Editor`; Gradio hands in `element`, `trigger`,
// `props`, `server` and `watch`. The browser cuts nothing into steps: it asks the server where
// steps begin and end and draws a line beside them. Text that people wrote goes through `.value`
// and `.textContent` only, so nothing in it can become markup or code.

const LIMITS = props.limits;
const DRAFT = "prm-inspector.draft";
const LENT = "prm-inspector.rule"; // the step rule before a problem that was opened brought its own
const PREVIEW_DELAY_MS = 150;
const PREVIEW_AGAIN_MS = 3000; // after the server did not answer
const MOST_OFFERS = 20;
const LONG = 200_000; // characters in all, from which on the preview waits longer
const SAVE_DELAY_MS = 250;
const TURN_MS = 20;
const MANY = 12; // with more solutions only the first few are shown, until all are asked for
const FROM_RIGHT = /^[^\p{L}]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u; // Hebrew, Arabic and others
const MARKS = 400; // lines drawn per card; beyond that the count alone is shown

const problem = element.querySelector(".prm-problem textarea");
const rule = element.querySelector(".prm-rule select");
const separator = element.querySelector(".prm-rule input");
const list = element.querySelector(".prm-cards");
const said = element.querySelector(".prm-said");
const saidText = said.querySelector("span");
const unkept = element.querySelector(".prm-unkept");
const goldLine = element.querySelector(".prm-gold");
const useGold = goldLine.querySelector(".prm-use-gold");
const add = element.querySelector(".prm-add");
const menuButton = element.querySelector(".prm-examples-button");
const menu = element.querySelector(".prm-examples");

const allButton = make("button", { type: "button", class: "prm-unfold prm-all-cards", hidden: "" });

let allShown = false;
let cards = []; // { letter, … } each; see makeCard
let asked = []; // the letters when Score was pressed last
let offers = []; // what can be done about the last changes, the latest at the end
let gold = null; // the right answer, of a row or typed beside the results
let goldOf = ""; // the problem that it answers
let pushed = ""; // the last value this side gave to Gradio, as JSON
let previewTimer = 0;
let previewing = false;
let previewDue = false;
let previewKey = ""; // what the last preview was of
let serverAway = false;
let saveTimer = 0;
let arriving = []; // the cards of solutions that are being written; null where there was no room

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// --- the value ------------------------------------------------------------------------------

function chosenRule() {
  return rule.value === "separator" ? `separator:${separator.value}` : rule.value;
}

function read() {
  return {
    problem: problem.value,
    solutions: cards.map((card) => card.area.value),
    letters: cards.map((card) => card.letter),
    rule: chosenRule(),
    gold: isGoldUsed() ? gold : null,
  };
}

// Every keystroke reaches Gradio at once: Score pressed right after the last character must
// score that character. Only the preview and the saved draft wait.
function push() {
  giveRuleBack();
  const value = read();
  pushed = JSON.stringify(value);
  props.value = value;
  prm.draft = value;
  prm.changed();
  clearTimeout(saveTimer);
  saveTimer = setTimeout(save, SAVE_DELAY_MS);
  clearTimeout(previewTimer);
  const length = value.solutions.reduce((sum, text) => sum + text.length, 0);
  previewTimer = setTimeout(preview, PREVIEW_DELAY_MS * (length > LONG ? 8 : 1));
}

function show(value) {
  if (arriving.length) endArriving();
  problem.value = value.problem;
  setRule(value.rule);
  grow(problem);
  setGold(value.gold ?? null, value.problem);
  setCards(value.solutions.length ? value.solutions : [""], value.letters);
  clearIssues();
  push();
}

function setRule(written) {
  const [name, ...text] = written.split(":");
  rule.value = name;
  separator.value = text.join(":");
  separator.hidden = name !== "separator";
}

// The rule that came with a problem of a list goes when another problem is written in its place.
function giveRuleBack() {
  const [lent, was] = [prm.stored(LENT), prm.draft.problem];
  if (lent === null || !was.trim() || isSameProblem(was, problem.value)) return;
  if (prm.place?.().at >= 0) return;
  prm.forget(LENT);
  setRule(lent);
}

// --- letters: a text keeps its own until it is removed ------------------------------------------

function index(name) {
  return [...name].reduce((sum, one) => 26 * sum + one.charCodeAt(0) - 64, 0) - 1;
}

// The names of `n` new solutions: those after the highest that the editor, the board or an undo
// still uses, so that no two texts ever share a name.
function freshLetters(n) {
  const used = [...cards.map((card) => card.letter), ...offers.flatMap((one) => one.letters)];
  const board = (prm.results?.candidates ?? []).map((one) => one.letter);
  const shown = cards.some((card) => card.area.value.trim()) ? board : [];
  const first = Math.max(-1, ...[...used, ...shown].map(index)) + 1;
  return Array.from({ length: n }, (_, i) => prm.letter(first + i));
}

// --- cards ----------------------------------------------------------------------------------

function makeCard(text, of) {
  const name = make("span", { class: "prm-letter", "aria-hidden": "true" });
  const count = make("span", { class: "prm-count" });
  const why = make("span", { class: "prm-why" });
  const remove = make("button", { type: "button", class: "prm-icon prm-remove" }, "×");
  const marks = make("div", { class: "prm-marks", "aria-hidden": "true" });
  const mirror = make("div", { class: "prm-mirror", "aria-hidden": "true" });
  const area = make("textarea", {
    rows: "1",
    spellcheck: "false",
    autocapitalize: "off",
    placeholder: "One step a line, or any solution text",
  });
  const issue = make("p", { class: "prm-issue", role: "alert", hidden: "" });
  const frame = make("div", {}, make("div", { class: "prm-text" }, marks, mirror, area));
  const box = make(
    "li",
    { class: "prm-card" },
    make(
      "div",
      { class: "prm-card-top" },
      name,
      count,
      why,
      make("span", { class: "prm-grow" }),
      remove,
    ),
    frame,
    issue,
  );
  const card = {
    letter: of,
    box,
    name,
    count,
    why,
    remove,
    marks,
    mirror,
    area,
    issue,
    preview: null,
  };
  area.value = text;
  area.addEventListener("input", () => {
    grow(area, mirror);
    clearIssue(issue);
    push();
  });
  area.addEventListener("paste", (event) => paste(event, card));
  foldable(frame, area, mirror);
  remove.addEventListener("click", () => removeCard(card));
  grow(area, mirror);
  return card;
}

// A text box grows with its text: the mirror below it holds the same words and gives the height.
function grow(area, mirror = area.previousElementSibling) {
  mirror.textContent = `${area.value}\n`;
}

function name() {
  cards.forEach((card) => {
    const of = card.letter;
    card.name.textContent = of;
    card.box.dataset.letter = of;
    card.area.setAttribute("aria-label", `Solution ${of}`);
    card.remove.setAttribute("aria-label", `Remove solution ${of}`);
    card.remove.title = `Remove ${of}`;
  });
  showSome();
  add.disabled = cards.length >= LIMITS.candidates;
  add.title = add.disabled ? `${LIMITS.candidates} solutions are the most` : "";
}

// Which cards are in sight is in the style sheet: of many the first few, and those with an issue.
function showSome() {
  const some = cards.length > MANY && !allShown;
  list.classList.toggle("prm-few", some);
  allButton.hidden = cards.length <= MANY;
  allButton.textContent = some ? `Show all ${cards.length} solutions` : "Show fewer solutions";
  allButton.setAttribute("aria-expanded", String(!some));
}

allButton.addEventListener("click", () => {
  allShown = !allShown;
  showSome();
  if (allShown) mark(cards.filter((card) => card.preview));
});
list.after(allButton);

function setCards(texts, letters) {
  allShown = false;
  const named = letters?.length === texts.length ? letters : texts.map((_, i) => prm.letter(i));
  cards = texts.map((text, i) => {
    const card = cards[i];
    if (!card) return makeCard(text, named[i]);
    card.letter = named[i];
    if (card.area.value !== text) card.area.value = text;
    grow(card.area, card.mirror);
    return card;
  });
  list.replaceChildren(...cards.map((card) => card.box));
  name();
}

function insertCards(at, texts, letters = freshLetters(texts.length)) {
  const fresh = texts.map((text, i) => makeCard(text, letters[i]));
  cards.splice(at, 0, ...fresh);
  if (at === cards.length - fresh.length) list.append(...fresh.map((card) => card.box));
  else cards[at + fresh.length].box.before(...fresh.map((card) => card.box));
  name();
  push();
  return fresh;
}

function removeCard(card) {
  const at = cards.indexOf(card);
  const { letter: of, area } = card;
  const focused = card.box.contains(document.activeElement);
  cards.splice(at, 1);
  card.box.remove();
  if (area.value.trim()) {
    offer(`Solution ${of} is removed.`, [["Undo", () => putBack(at, area.value, of)]], [of]);
  }
  if (!cards.length) insertCards(0, [""]);
  name();
  push();
  if (focused) cards[Math.min(at, cards.length - 1)].remove.focus();
}

// Only the removed card comes back: what was typed since then stays.
function putBack(at, text, of) {
  if (cards.length === 1 && !cards[0].area.value.trim()) {
    cards[0].box.remove();
    cards = [];
  }
  if (cards.length >= LIMITS.candidates) {
    offer(`${LIMITS.candidates} solutions are the most; remove one first.`, [[
      "Undo",
      () => putBack(at, text, of),
    ]], [of]);
    return;
  }
  allShown = true; // else it might come back out of sight
  const taken = cards.some((one) => one.letter === of);
  const [card] = insertCards(Math.min(at, cards.length), [text], taken ? undefined : [of]);
  card.area.focus();
}

// --- undo for what a button removed ------------------------------------

// A sentence under the cards, with the actions it offers: [words, action] pairs. The letters
// are those that an action may bring back. When one is used, the one before it is offered again.
function offer(text, actions, letters) {
  offers = [...offers, { text, actions, letters }].slice(-MOST_OFFERS);
  showOffer();
}

function showOffer() {
  const { text, actions } = offers.at(-1) ?? { text: "", actions: [] };
  saidText.textContent = text;
  said.hidden = !text;
  said.querySelectorAll("button").forEach((button) => button.remove());
  for (const [words, action] of actions) {
    const button = make("button", { type: "button", class: "prm-link" }, words);
    button.addEventListener("click", () => {
      offers.pop();
      showOffer();
      action();
    });
    said.append(" ", button);
  }
}

// What the editor holds, and where it belongs: an Undo brings it back to its place.
function here(place = prm.place?.()) {
  return { ...read(), place, lent: prm.stored(LENT) };
}

function returnTo(before) {
  prm.returnTo(before.place, () => show(before));
  if (before.lent === null) prm.forget(LENT);
  else prm.store(LENT, before.lent);
}

// Undo that is itself undone by one press: what was typed in between is not lost either.
function back(before, words = "Undo") {
  return [words, () => {
    const now = before.place ? here() : read();
    if (before.place) returnTo(before);
    else show(before);
    const undone = words === "Undo";
    offer(undone ? "Undone." : "Done again.", [back(now, undone ? "Redo" : "Undo")], now.letters);
    problem.focus();
  }];
}

// --- solutions that a server writes (sampling.js) -----------------------------------------------

// Shows texts as far as they are written, behind the other solutions; until `endArriving` nobody can
// change them, so that nothing typed is written over. Returns their letters, null where there was no
// room for one.
function arrive(texts) {
  texts.forEach((text, i) => {
    if (arriving[i] === undefined && text.trim()) arriving[i] = cardToFill();
    const card = arriving[i];
    if (!cards.includes(card) || card.area.value === text) return;
    card.area.value = text;
    grow(card.area, card.mirror);
  });
  push();
  return Array.from(arriving, (card) => card ? card.letter : null);
}

function cardToFill() {
  const blank = cards.find((card) => !card.area.value && card.area !== document.activeElement);
  if (!blank && cards.length >= LIMITS.candidates) return null;
  const card = blank ?? insertCards(cards.length, [""])[0];
  card.area.readOnly = true;
  return card;
}

// The solutions are whole, or what shows them goes. `words` offers to take them away again.
function endArriving(words = "") {
  const there = arriving.filter((card) => cards.includes(card));
  for (const card of there) card.area.readOnly = false;
  arriving = [];
  document.dispatchEvent(new CustomEvent("prm:arrived", { detail: { whole: Boolean(words) } }));
  if (!words || !there.length) return;
  const now = read();
  const others = cards.filter((card) => !there.includes(card));
  const before = {
    ...now,
    solutions: others.map((card) => card.area.value),
    letters: others.map((card) => card.letter),
  };
  offer(words, [back(before)], now.letters);
}

prm.editor = {
  arrive,
  endArriving,
  room: () => LIMITS.candidates - cards.filter((card) => card.area.value.trim()).length,
};

// --- several solutions, or a problem with its own, in one paste --------------------------------

function paste(event, card) {
  const text = event.clipboardData.getData("text/plain");
  const found = pastedInto(text);
  if (!found) return;
  event.preventDefault();
  if (found.rows) takeRow(found.rows, text, false);
  else takeSolutions(card, found, text);
}

problem.addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text/plain");
  const rows = problemRows(text);
  const objects = /^[\s[]*\{/.test(text); // a list of texts may be what is asked about
  const solutions = rows || !objects ? null : listedSolutions(text);
  if (!rows && !solutions) return;
  event.preventDefault();
  takeRow(rows ?? [{ ...read(), solutions }], text, true);
});

// The first row fills the editor, and all of them can be opened as a list. What was pasted into the
// problem's box may have been meant literally.
function takeRow(rows, text, literal) {
  const before = read();
  const [first, ...others] = rows;
  const solutions = first.solutions.slice(0, LIMITS.candidates);
  show({
    ...before,
    problem: first.problem,
    gold: first.gold,
    ...(solutions.length ? { solutions, letters: null } : {}),
  });
  const n = solutions.length;
  const words = [recognised(first, n, before), leftOut(first.solutions, n), otherRows(others)]
    .filter(Boolean).join(" ");
  const open = [`open all ${rows.length} as a list`, () => openPasted(before, text)];
  const keep = ["keep as text", () => keepText(before, problem, text)];
  const more = [...(others.length ? [open] : []), ...(literal ? [keep] : [])];
  offer(words, [back(before), ...more], before.letters);
}

// As the file that it would have been.
function openPasted(before, text) {
  show(before);
  const name = /^\s*[[{]/.test(text) ? "pasted.jsonl" : "pasted.csv";
  document.dispatchEvent(new CustomEvent("prm:open-file", { detail: new File([text], name) }));
}

function recognised(row, n, before) {
  const solutions = `${n} ${n === 1 ? "solution" : "solutions"}`;
  if (n && row.problem === before.problem) {
    return `${solutions} ${n === 1 ? "was" : "were"} recognised.`;
  }
  return `A problem${n ? ` with ${solutions}` : ""} was recognised.`;
}

function otherRows(rows) {
  if (!rows.length) return "";
  const named = rows.slice(0, 3).map((row) => `“${shortened(row.problem)}”`).join(", ");
  const more = rows.length > 3 ? ` and ${rows.length - 3} more` : "";
  return `It is the first of ${rows.length + 1} problems; not taken: ${named}${more}.`;
}

function shortened(text) {
  const line = text.trim().split("\n")[0];
  return line.length > 40 ? `${line.slice(0, 39).trimEnd()}…` : line;
}

// Which solutions did not fit, by number and first words.
function leftOut(solutions, n) {
  if (n >= solutions.length) return "";
  const rest = solutions.slice(n);
  const named = rest.slice(0, 3).map((text, i) => `${n + i + 1} “${shortened(text)}”`).join(", ");
  const more = rest.length > 3 ? ` … up to ${solutions.length}` : "";
  return `${LIMITS.candidates} are the most; left out: ${named}${more}.`;
}

function takeSolutions(card, { solutions, rules }, text) {
  const before = read();
  const { selectionStart, selectionEnd } = card.area;
  const kept = solutions.slice(0, LIMITS.candidates - cards.length + 1);
  const [first, ...rest] = kept;
  insertText(card.area, first);
  const fresh = insertCards(cards.indexOf(card) + 1, rest);
  (fresh.at(-1) ?? card).area.focus();
  const at = cards.indexOf(card);
  const keep = ["keep as one", () => {
    show(before);
    cards[at].area.setSelectionRange(selectionStart, selectionEnd);
    keepText(before, cards[at].area, text);
  }];
  const said = `Pasted as ${prm.several(kept.length, "solution")}.`;
  const words = `${said} ${leftOut(solutions, kept.length)}`.trim();
  offer(words, [...(rules ? [keep] : []), back(before)], before.letters);
}

// The text as it was pasted, into the box where it was pasted.
function keepText(before, area, text) {
  if (area === problem) show(before);
  insertText(area, text);
  offer("Kept as it was pasted.", [back(before)], before.letters);
}

// The browser's own insertion keeps the box's undo.
function insertText(area, text) {
  area.focus();
  document.execCommand("insertText", false, text);
}

// --- where the steps are ---------------------------------------------------------------------

// One request at a time: what was typed in the meantime is sent when it is answered.
async function preview() {
  previewDue = true;
  if (previewing) return;
  previewing = true;
  while (previewDue) {
    previewDue = false;
    await askForSteps();
  }
  previewing = false;
}

// Under "auto" one rule is looked for that fits all solutions, so all of them are asked about.
async function askForSteps() {
  const cut = chosenRule();
  const whole = cards.filter((card) => !tooLong(card));
  const key = JSON.stringify([cut, ...whole.map((card) => card.area.value)]);
  if (key === previewKey) return;
  const texts = whole.map((card) => card.area.value);
  const answer = await server.split_preview({ texts, rule: cut }).catch(() => null);
  if (answer?.length !== texts.length) {
    whole.forEach((card) => card.preview?.text === card.area.value || forgetSteps(card));
    if (answer) return; // it cannot read them all; Score says why
    document.dispatchEvent(new CustomEvent("prm:doubt"));
    clearTimeout(previewTimer);
    if (!serverAway) previewTimer = setTimeout(preview, PREVIEW_AGAIN_MS);
    return;
  }
  previewKey = key;
  const cutNow = whole.filter((card, i) => {
    if (card.area.value !== texts[i]) return false;
    const old = card.preview && JSON.stringify(card.preview.steps);
    const drawn = card.preview?.text === texts[i] && old === JSON.stringify(answer[i].steps);
    card.preview = { text: texts[i], ...answer[i] };
    const { rule: used, steps: spans } = answer[i];
    prm.cuts.set(card.letter, { text: texts[i], rule: cut, used: used.split(":")[0], spans });
    tell(card);
    return !drawn;
  });
  mark(cutNow);
  prm.changed();
}

document.addEventListener("prm:away", ({ detail }) => {
  serverAway = detail;
  if (!serverAway) preview();
});

// Steps of an earlier text are none of this one.
function forgetSteps(card) {
  card.preview = null;
  card.marks.replaceChildren();
  card.count.textContent = card.why.textContent = "";
}

// A text that is too long is reported once, where Score reports it too.
function tooLong(card) {
  const n = card.area.value.length <= LIMITS.chars ? 0 : [...card.area.value].length;
  if (n <= LIMITS.chars) return false;
  forgetSteps(card);
  const [has, most] = [n, LIMITS.chars].map((one) => one.toLocaleString("en"));
  card.issue.textContent =
    `Solution ${card.letter} has ${has} characters; at most ${most} are read.`;
  card.issue.hidden = false;
  return true;
}

// How many steps a solution has, and why.
function tell(card) {
  const { steps, dropped, words, note, large, unread } = card.preview;
  card.why.textContent = card.count.textContent = "";
  if (unread) return; // Score says why
  if (large) {
    card.count.textContent = "many steps; Score cuts them";
    return;
  }
  const n = steps.length;
  const how = words && n > 1 ? ` · ${words}` : "";
  card.count.textContent = n
    ? `${n.toLocaleString("en")} ${n === 1 ? "step" : "steps"}${how}`
    : "no steps yet";
  const left = [...new Set((dropped ?? []).map(([, , kind]) => kind))];
  const why = [
    note,
    n === 0 && rule.value === "separator" && !separator.value ? "the separator is empty" : "",
    left.length ? `left out: ${left.join(", ")}` : "",
  ];
  card.why.textContent = why.filter(Boolean).join("; ");
}

// A line at the left of each step; a step that begins inside a line gets a mark before it.
// Everything of a turn is measured before anything is drawn, because each drawing makes the browser
// lay out the page again; and a turn is short, however many solutions there are.
function mark(some) {
  const until = performance.now() + TURN_MS;
  const drawn = [];
  while (drawn.length < some.length && performance.now() < until) {
    drawn.push(measure(some[drawn.length]));
  }
  drawn.forEach((marks, index) => some[index].marks.replaceChildren(...marks));
  const rest = some.slice(drawn.length);
  if (rest.length) setTimeout(() => mark(rest));
}

function measure(card) {
  const text = card.mirror.firstChild;
  const marks = [];
  const range = document.createRange();
  const frame = card.mirror.getBoundingClientRect();
  let bottom = -1;
  for (const [start, end, thinking] of card.preview.steps.slice(0, MARKS)) {
    range.setStart(text, Math.min(start, text.length));
    range.setEnd(text, Math.min(end, text.length));
    const rects = Array.from(range.getClientRects()).filter((rect) => rect.width > 0);
    if (!rects.length) continue;
    const first = rects[0];
    const top = Math.max(first.top - frame.top, bottom);
    const under = rects.at(-1).bottom - frame.top;
    if (first.top - frame.top < bottom - 1) {
      const tick = make("i", { class: "prm-tick" });
      const side = FROM_RIGHT.test(range.toString()) ? first.right : first.left;
      tick.style.cssText = `left:${side - frame.left - 3}px;top:${
        first.top - frame.top
      }px;height:${first.height}px`;
      marks.push(tick);
    }
    if (under > top + 1) {
      const line = make("i", { class: thinking ? "prm-line prm-thinking" : "prm-line" });
      line.style.cssText = `top:${top + 1}px;height:${under - top - 2}px`;
      marks.push(line);
    }
    bottom = under;
  }
  return marks;
}

// --- what is wrong, where it is ---------------------------------------------------------------

function clearIssue(issue) {
  issue.textContent = "";
  issue.hidden = true;
}

function clearIssues() {
  element.querySelectorAll(".prm-issue").forEach(clearIssue);
}

// Shows sentences beside the problem, the rule or a card, and moves to the first of them.
function showIssues(issues) {
  clearIssues();
  let first = null;
  for (const { where, text } of issues) {
    // A place counts the cards as they were when Score was pressed.
    const card = cards.find((one) => one.letter === asked[where]);
    const place = card ? card.issue : element.querySelector(`.prm-issue[data-for="${where}"]`);
    if (!place) continue;
    place.textContent = text;
    place.hidden = false;
    first ??= card ? card.area : where === "rule" ? separator : problem;
  }
  if (first && !first.hidden) first.focus();
}

// --- the right answer, from a row or typed beside the results ---------------------------------

// A problem whose wording changes keeps its answer. With other numbers, or few of its words, it is
// another problem; the answer waits, for the change may be undone.
function isGoldUsed() {
  return gold !== null && (!goldOf.trim() || isSameProblem(goldOf, problem.value));
}

function isSameProblem(before, now) {
  const tokens = (text, kind) => text.toLowerCase().match(kind) ?? [];
  const [numbers, same] = [before, now].map((text) => tokens(text, /\d+/g).join());
  const [words, left] = [before, now].map((text) => tokens(text, /\p{L}+/gu));
  const there = new Set(left);
  return numbers === same && 2 * words.filter((word) => there.has(word)).length >= words.length;
}

function setGold(answer, of) {
  [gold, goldOf] = [answer, of];
  showGold();
}

function showGold() {
  const used = isGoldUsed();
  goldLine.hidden = gold === null;
  goldLine.querySelector("span").textContent = used
    ? `right answer: ${gold}`
    : `right answer of another problem, not used: ${gold}`;
  useGold.hidden = used;
}

document.addEventListener("prm:gold", ({ detail }) => {
  setGold(detail, prm.results.problem);
  push();
});

useGold.addEventListener("click", () => {
  setGold(gold, problem.value);
  push();
  problem.focus();
});

goldLine.querySelector(".prm-icon").addEventListener("click", () => {
  const before = read();
  setGold(null, "");
  push();
  offer("The right answer is removed.", [back(before)], before.letters);
  problem.focus();
});

// --- drafts, kept in this browser and never sent ----------------------------------------------

// The tab's own draft comes first, so that two tabs do not overwrite each other on reload; the
// shared one restores what a closed tab contained.
function save() {
  clearTimeout(saveTimer);
  const kept = [prm.keepDraft(DRAFT, pushed), keepShared()].includes(true);
  unkept.hidden = kept || !cards.some((card) => card.area.value);
}

function keepShared() {
  try {
    localStorage.setItem(DRAFT, pushed);
    return true;
  } catch {
    return false; // full or forbidden
  }
}

function restore() {
  for (const store of [() => sessionStorage, () => localStorage]) {
    try {
      const draft = draftOf(JSON.parse(store().getItem(DRAFT)));
      if (draft) return draft;
    } catch {
      // no draft there, or not one of ours
    }
  }
  return props.value;
}

// A stored value as a draft, or null: anything may be stored there.
function draftOf({ problem: p, solutions: s, rule: r, letters, gold: g }) {
  const texts = Array.isArray(s) && s.every((one) => typeof one === "string");
  if (typeof p !== "string" || !texts || typeof r !== "string") return null;
  const solutions = s.slice(0, LIMITS.candidates);
  const named = Array.isArray(letters) && letters.length === s.length &&
    letters.every((one) => /^[A-Z]{1,3}$/.test(one)) && new Set(letters).size === letters.length;
  return {
    problem: p,
    solutions,
    rule: r,
    letters: named ? letters.slice(0, solutions.length) : null,
    gold: typeof g === "string" ? g : null,
  };
}

// --- examples ---------------------------------------------------------------------------------

function toggleMenu(open) {
  menu.hidden = !open;
  menuButton.setAttribute("aria-expanded", String(open));
}

function useExample({ problem: p, solutions }) {
  toggleMenu(false);
  replace({ problem: p, solutions, rule: "auto" });
  document.dispatchEvent(new CustomEvent("prm:score"));
}

// Replaces what is here with another text; if it was typed by hand, Undo restores it.
function replace(value, words = "The example replaced what was here.") {
  const before = here();
  prm.leaveList?.();
  prm.forget(LENT);
  show(value);
  const typed = [before.problem, ...before.solutions].some((text) => text.trim());
  const known = props.examples.some(
    (one) => one.problem === before.problem && String(one.solutions) === String(before.solutions),
  );
  if (typed && !known) offer(words, [back(before)], before.letters);
  else {
    offers = [];
    showOffer();
  }
}

for (const example of props.examples) {
  const n = example.solutions.length;
  const button = make(
    "button",
    { type: "button", class: "prm-example" },
    make("span", {}, example.problem),
    make("small", {}, `${n} ${n === 1 ? "solution" : "solutions"}`),
  );
  button.addEventListener("click", () => useExample(example));
  menu.append(button);
}

foldable(problem.closest(".prm-box"), problem, problem.previousElementSibling);

// --- wiring -----------------------------------------------------------------------------------

problem.addEventListener("input", () => {
  grow(problem);
  showGold();
  clearIssue(element.querySelector('.prm-issue[data-for="problem"]'));
  push();
});
rule.addEventListener("change", () => {
  prm.forget(LENT);
  separator.hidden = rule.value !== "separator";
  if (!separator.hidden) separator.focus();
  clearIssues();
  push();
});
separator.addEventListener("input", () => {
  clearIssues();
  push();
});
add.addEventListener("click", () => {
  allShown = true;
  insertCards(cards.length, [""])[0].area.focus();
});
document.addEventListener("prm:new-problem", () => {
  const rule = prm.stored(LENT) ?? "auto";
  replace({ problem: "", solutions: [""], rule }, "A new problem replaced what was here.");
  document.dispatchEvent(new CustomEvent("prm:show-results", { detail: null }));
  problem.focus();
});
menuButton.addEventListener("click", () => toggleMenu(menu.hidden));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || menu.hidden || event.target.closest("dialog")) return;
  toggleMenu(false);
  menuButton.focus();
});
document.addEventListener("prm:issues", (event) => showIssues(event.detail));
document.addEventListener("prm:example", (event) => {
  const example = props.examples.find((one) => one.id === event.detail);
  if (example) useExample(example);
});
document.addEventListener("prm:open-draft", ({ detail: { draft, from } }) => {
  const before = here(from);
  const lent = before.lent ?? before.rule;
  prm.forget(LENT);
  show(draftOf(draft));
  if (chosenRule() !== lent) prm.store(LENT, lent);
  offers = [];
  showOffer();
  const typed = [before.problem, ...before.solutions].some((text) => text.trim());
  if (from && typed) {
    offer("A problem of the list replaced what was here.", [back(before)], before.letters);
  }
});
// Blank cards beside filled ones are not candidates; they go when scoring starts.
document.addEventListener("prm:before-score", () => {
  const filled = cards.filter((card) => card.area.value.trim());
  if (filled.length && filled.length < cards.length) {
    cards = filled;
    list.replaceChildren(...cards.map((card) => card.box));
    name();
    push();
  }
  asked = cards.map((card) => card.letter);
});
window.addEventListener("pagehide", save);
document.addEventListener("visibilitychange", save);
// Another width breaks lines elsewhere; a new height alone moves nothing inside a card.
let width = 0;
new ResizeObserver(([{ contentRect }]) => {
  if (contentRect.width === width) return;
  width = contentRect.width;
  mark(cards.filter((card) => card.preview));
}).observe(list);
// The left side stays in sight beside long results. Where it is taller than the window it sticks
// by its lower end, so that every card can be reached.
const left = element.closest("#prm-left");
function stick() {
  const top = Math.min(16, window.innerHeight - left.offsetHeight - 16);
  left.style.setProperty("--prm-left-top", `${top}px`);
}
new ResizeObserver(stick).observe(left);
window.addEventListener("resize", stick);

watch("value", () => {
  if (JSON.stringify(props.value) !== pushed) replace(props.value);
});
// Gradio hands out its own initial value once more when the page is mounted; the draft comes after.
setTimeout(() => {
  show(restore());
  prm.arrived("editor");
});

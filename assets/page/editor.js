// The left side of the page: the problem, the step rule and one card per candidate.
//
// Runs as the `js_on_load` of `prm_core.ui.editor.Editor`; Gradio hands in `element`, `trigger`,
// `props`, `server` and `watch`. The browser cuts nothing into steps: it asks the server where
// steps begin and end and draws a line beside them. Text that people wrote goes through `.value`
// and `.textContent` only, so nothing in it can become markup or code.

const LIMITS = props.limits;
const RULE_WORDS = props.rule_words;
const DRAFT = "prm-inspector.draft";
const PREVIEW_DELAY_MS = 150;
const SAVE_DELAY_MS = 250;
const TURN_MS = 20;
const MARKS = 400; // lines drawn per card; beyond that the count alone tells

const problem = element.querySelector(".prm-problem textarea");
const rule = element.querySelector(".prm-rule select");
const separator = element.querySelector(".prm-rule input");
const list = element.querySelector(".prm-cards");
const said = element.querySelector(".prm-said");
const saidText = said.querySelector("span");
const undo = said.querySelector("button");
const add = element.querySelector(".prm-add");
const menuButton = element.querySelector(".prm-examples-button");
const menu = element.querySelector(".prm-examples");

let cards = [];
let pushed = ""; // the last value this side gave to Gradio, as JSON
let previewTimer = 0;
let previewAsked = 0;
let saveTimer = 0;

function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function letter(index) {
  return (index >= 26 ? letter(Math.floor(index / 26) - 1) : "") +
    String.fromCharCode(65 + (index % 26));
}

// --- the value ------------------------------------------------------------------------------

function chosenRule() {
  return rule.value === "separator" ? `separator:${separator.value}` : rule.value;
}

function read() {
  return {
    problem: problem.value,
    solutions: cards.map((card) => card.area.value),
    rule: chosenRule(),
  };
}

// Every keystroke reaches Gradio at once: Score pressed right after the last character must
// score that character. Only the preview and the saved draft wait.
function push() {
  const value = read();
  pushed = JSON.stringify(value);
  props.value = value;
  clearTimeout(saveTimer);
  saveTimer = setTimeout(save, SAVE_DELAY_MS);
  clearTimeout(previewTimer);
  previewTimer = setTimeout(preview, PREVIEW_DELAY_MS);
}

function show(value) {
  problem.value = value.problem;
  const [name, ...text] = value.rule.split(":");
  rule.value = name;
  separator.value = text.join(":");
  separator.hidden = name !== "separator";
  grow(problem);
  setCards(value.solutions.length ? value.solutions : [""]);
  clearIssues();
  push();
}

// --- cards ----------------------------------------------------------------------------------

function makeCard(text) {
  const name = make("span", { class: "prm-letter", "aria-hidden": "true" });
  const count = make("span", { class: "prm-count" });
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
    make("div", { class: "prm-card-top" }, name, count, make("span", { class: "prm-grow" }), remove),
    frame,
    issue,
  );
  const card = { box, name, count, remove, marks, mirror, area, issue, preview: null };
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
  cards.forEach((card, index) => {
    const of = letter(index);
    card.name.textContent = of;
    card.box.dataset.letter = of;
    card.area.setAttribute("aria-label", `Solution ${of}`);
    card.remove.setAttribute("aria-label", `Remove solution ${of}`);
    card.remove.title = `Remove ${of}`;
  });
  add.disabled = cards.length >= LIMITS.candidates;
  add.title = add.disabled ? `${LIMITS.candidates} solutions are the most` : "";
}

function setCards(texts) {
  cards = texts.map((text, index) => {
    const card = cards[index];
    if (!card) return makeCard(text);
    if (card.area.value !== text) card.area.value = text;
    grow(card.area, card.mirror);
    return card;
  });
  list.replaceChildren(...cards.map((card) => card.box));
  name();
}

function insertCards(at, texts) {
  const fresh = texts.map(makeCard);
  cards.splice(at, 0, ...fresh);
  if (at === cards.length - fresh.length) list.append(...fresh.map((card) => card.box));
  else cards[at + fresh.length].box.before(...fresh.map((card) => card.box));
  name();
  push();
  return fresh;
}

function removeCard(card) {
  const index = cards.indexOf(card);
  const before = read();
  const focused = card.box.contains(document.activeElement);
  cards.splice(index, 1);
  card.box.remove();
  if (!cards.length) insertCards(0, [""]);
  name();
  push();
  if (focused) cards[Math.min(index, cards.length - 1)].remove.focus();
  if (card.area.value.trim()) say(`Solution ${letter(index)} is removed.`, before);
}

// --- one step back for what a press of a button took away ------------------------------------

function say(text, before = null) {
  saidText.textContent = text;
  said.hidden = !text;
  undo.hidden = before === null;
  undo.onclick = () => {
    show(before);
    say("");
    problem.focus();
  };
}

// --- several solutions in one paste ----------------------------------------------------------

// Reads pasted text as several solutions: a JSON list of texts, a JSON list of lists of steps,
// a JSON row with `problem` and `solutions`, or texts between lines of three or more dashes.
// Returns null when the text is one solution.
function parts(text) {
  const whole = text.trim();
  if (whole.startsWith("[") || whole.startsWith("{")) {
    try {
      const row = fromJson(JSON.parse(whole));
      if (row) return row;
    } catch {
      // Not JSON after all: a solution may well start with a bracket.
    }
  }
  const solutions = text
    .replace(/\r\n?/g, "\n")
    .split(/^[ \t]*-{3,}[ \t]*$/m)
    .map((part) => part.replace(/^(?:[ \t]*\n)+|\s+$/g, ""))
    .filter(Boolean);
  return solutions.length > 1 ? { solutions } : null;
}

function fromJson(data) {
  if (data && typeof data === "object" && !Array.isArray(data)) {
    const row = fromJson(data.solutions);
    return row && typeof data.problem === "string" ? { ...row, problem: data.problem } : row;
  }
  if (!Array.isArray(data) || !data.length) return null;
  if (data.every((one) => typeof one === "string")) return { solutions: data };
  const steps = (one) => Array.isArray(one) && one.every((step) => typeof step === "string");
  if (!data.every((one) => typeof one === "string" || steps(one))) return null;
  const solutions = data.map((one) => (typeof one === "string" ? one : joined(one)));
  return { solutions };
}

// Steps become lines; where a step has lines of its own, a blank line parts the steps.
function joined(steps) {
  return steps.join(steps.some((step) => step.includes("\n")) ? "\n\n" : "\n");
}

function paste(event, card) {
  const found = parts(event.clipboardData.getData("text/plain"));
  if (!found) return;
  event.preventDefault();
  const total = cards.length - 1 + found.solutions.length;
  if (total > LIMITS.candidates) {
    say(`That would make ${total} solutions; ${LIMITS.candidates} are the most.`);
    return;
  }
  const before = read();
  if (found.problem !== undefined) {
    problem.value = found.problem;
    grow(problem);
  }
  const [first, ...rest] = found.solutions;
  // The browser's own insertion keeps the box's undo; the box is empty or the caret stands in it.
  card.area.focus();
  document.execCommand("insertText", false, first);
  const fresh = insertCards(cards.indexOf(card) + 1, rest);
  (fresh.at(-1) ?? card).area.focus();
  say(`${found.solutions.length} solutions were pasted.`, before);
}

// --- where the steps are ---------------------------------------------------------------------

async function preview() {
  const cut = chosenRule();
  const due = cards.filter((card) => card.preview?.key !== `${cut}\n${card.area.value}`);
  if (!due.length) return;
  const asked = ++previewAsked;
  const texts = due.map((card) => card.area.value);
  let answer;
  try {
    answer = await server.split_preview({ texts, rule: cut });
  } catch {
    return; // The server is away; typing goes on, and the next keystroke asks again.
  }
  if (asked !== previewAsked || answer?.length !== texts.length) return;
  const cutNow = due.filter((card, index) => {
    if (card.area.value !== texts[index]) return false;
    card.preview = { key: `${cut}\n${texts[index]}`, ...answer[index] };
    tell(card);
    return true;
  });
  mark(cutNow);
}

function tell(card) {
  const { steps, rule: used, large } = card.preview;
  if (large) {
    card.count.textContent = "many steps; Score cuts them";
    return;
  }
  const n = steps.length;
  const how = rule.value === "auto" && n > 1 ? ` · ${RULE_WORDS[used]}` : "";
  card.count.textContent = n ? `${n} ${n === 1 ? "step" : "steps"}${how}` : "no steps yet";
}

// A line at the left of each step; a step that begins inside a line gets a mark before it.
// Everything of a turn is measured before anything is drawn, for each drawing makes the browser lay
// out anew; and a turn is short, however many solutions there are.
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
      tick.style.cssText =
        `left:${first.left - frame.left - 3}px;top:${first.top - frame.top}px;height:${first.height}px`;
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
    const card = cards[where];
    const place = card ? card.issue : element.querySelector(`.prm-issue[data-for="${where}"]`);
    if (!place) continue;
    place.textContent = text;
    place.hidden = false;
    first ??= card ? card.area : where === "rule" ? separator : problem;
  }
  if (first && !first.hidden) first.focus();
}

// --- drafts, kept in this browser and never sent ----------------------------------------------

// The tab's own draft comes first, so that two tabs do not overwrite each other on reload; the
// shared one brings back what a closed tab held.
function save() {
  clearTimeout(saveTimer);
  for (const store of [sessionStorage, localStorage]) {
    try {
      store.setItem(DRAFT, pushed);
    } catch {
      // Full or forbidden: the page works without drafts.
    }
  }
}

function restore() {
  for (const store of [() => sessionStorage, () => localStorage]) {
    try {
      const { problem: p, solutions: s, rule: r } = JSON.parse(store().getItem(DRAFT));
      const texts = Array.isArray(s) && s.every((one) => typeof one === "string");
      if (typeof p === "string" && texts && typeof r === "string") {
        return { problem: p, solutions: s.slice(0, LIMITS.candidates), rule: r };
      }
    } catch {
      // No draft there, or not one of ours.
    }
  }
  return props.value;
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

// Puts another text in the place of what is here, which can be had back if somebody typed it.
function replace(value) {
  const before = read();
  show(value);
  const typed = [before.problem, ...before.solutions].some((text) => text.trim());
  const known = props.examples.some(
    (one) => one.problem === before.problem && String(one.solutions) === String(before.solutions),
  );
  if (typed && !known) say("The example replaced what was here.", before);
  else say("");
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
  clearIssue(element.querySelector('.prm-issue[data-for="problem"]'));
  push();
});
rule.addEventListener("change", () => {
  separator.hidden = rule.value !== "separator";
  if (!separator.hidden) separator.focus();
  clearIssues();
  push();
});
separator.addEventListener("input", () => {
  clearIssues();
  push();
});
add.addEventListener("click", () => insertCards(cards.length, [""])[0].area.focus());
menuButton.addEventListener("click", () => toggleMenu(menu.hidden));
menu.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  toggleMenu(false);
  menuButton.focus();
});
document.addEventListener("prm:issues", (event) => showIssues(event.detail));
document.addEventListener("prm:example", (event) => {
  const example = props.examples.find((one) => one.id === event.detail);
  if (example) useExample(example);
});
// Cards left blank beside filled ones are no candidates; they go when scoring starts.
document.addEventListener("prm:before-score", () => {
  const filled = cards.filter((card) => card.area.value.trim());
  if (filled.length && filled.length < cards.length) {
    cards = filled;
    list.replaceChildren(...cards.map((card) => card.box));
    name();
    push();
  }
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
// Gradio hands out its own first value once more when the page is mounted; the draft comes after.
setTimeout(() => show(restore()));

// The Board: ranking, cards with bars, table. Its value comes from prm_core/ui/board.py and holds
// every number and sentence for every aggregation; here they are only moved, coloured and shown.
// User text enters the page only as text nodes and through `Typeset` (typeset.js).
//
// Gradio gives `element`, `props`, `trigger` and `watch`, and runs this once.

const SLIDE_MS = 150;
// With more of either, the results begin as an overview: one line per solution, steps on demand.
const MANY_CARDS = 12;
const MANY_STEPS = 120;
const MOST_LINES = 20; // of an overview; of more only the first are shown, until all are asked for
const TALL = 8; // a card with more steps is dense, and an opened step of it stays in sight
const ROW_CHARS = 2000; // of a step; more than a row ever shows
const ROW_PX = 28; // a step of a dense card
const AXIS_PX = 24;
const FOLDED = -100; // where a bar lies whose row is not shown: above the drawing
const CELL_PX = 14; // the widest step of an overview
const FEW_DIGITS = 8; // a score of more may take two lines in a table
const SCORE_PX = 72; // the least room of a score in its line …
const DIGIT_PX = 11; // … and what a digit takes
const SVG = "http://www.w3.org/2000/svg";
const STORED_PALETTE = "prm-palette";
const STORED_PLAIN = "prm-as-written";

const root = element.querySelector(".prm-board");
const id = "prm-board-" + Math.random().toString(36).slice(2, 8);
const still = matchMedia("(prefers-reduced-motion: reduce)");

const blank = received(props.value); // the board of a new page

let value = null;
let method = "min";
let palette = recalled(STORED_PALETTE) in props.palettes ? recalled(STORED_PALETTE) : "default";
let plain = recalled(STORED_PLAIN) === "on"; // texts as they were written, nothing typeset
let moved = false; // the page was scrolled since the run began
const cards = new Map(); // candidate's letter → card
let there = []; // the scored candidates that are ranked
let noted = null; // the run that the note above the results belongs to
let current = true; // the ranking matches what is on the left
let standing = new Map(); // letter → { rank, tied } among them, under the chosen rule

// --- small tools --------------------------------------------------------------------------------

function recalled(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return ""; // a page in someone else's frame may have no storage
  }
}

function remember(key, what) {
  try {
    localStorage.setItem(key, what);
  } catch {
    // remembered for this page only
  }
}

// The board's value, from what came through Gradio (`packed` in prm_core/ui/board.py).
function received({ about, details, marks }) {
  const whole = JSON.parse(about);
  whole.candidates.forEach((one, i) => Object.assign(one, { detail: details[i], marks: marks[i] }));
  return whole;
}

// An element with attributes and children; strings become text nodes, null is left out.
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, content] of Object.entries(attributes)) {
    if (content === null || content === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), content);
    else node.setAttribute(name, content === true ? "" : content);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const text = (tag, name, content) => make(tag, { class: name }, String(content));
const minus = (number) => String(number).replace("-", "−");

function logOdds(step) {
  if (step.log_odds === null) return step.probability < 0.5 ? "−∞" : "+∞";
  return minus(step.log_odds.toFixed(2));
}

// A model's other values for a step, as [name, words] pairs.
function extras(step) {
  return Object.entries(step.extras).map(([name, number]) => [
    name,
    number === null ? "–" : minus(Number(number.toPrecision(4))),
  ]);
}

// A step's words in its row, which has its own number.
function showWords(node, step) {
  const content = step.text.slice(step.prefix.length);
  Typeset.show(node, content.slice(0, ROW_CHARS), plain);
}

function answer(candidate) {
  if (!candidate.answer) return text("span", "bd-chip bd-answer", "no answer");
  const tex = candidate.answer.includes("\\");
  const shown = tex ? Typeset.formula(candidate.answer, candidate.answer, false) : candidate.answer;
  return make(
    "span",
    { class: "bd-chip bd-answer", title: candidate.answer },
    text("span", "bd-word", "answer "),
    shown,
    correct(candidate),
  );
}

// Whether the answer is the right one, if the page was given one.
function correct({ correct: is }) {
  if (is === null || is === undefined) return null;
  return make(
    "span",
    { class: `bd-correct bd-ink-${is ? "good" : "bad"}` },
    make("span", { class: "bd-unseen" }, is ? ", right" : ", wrong"),
    make("span", { "aria-hidden": "true" }, is ? " ✓" : " ✗"),
  );
}

// --- the frame, built once ----------------------------------------------------------------------

const empty = make("div", { class: "bd-empty" });
const note = make("div", { class: "bd-note" });
const progress = make("div", { class: "bd-progress", role: "progressbar" }, make("i"));
const doing = make("p", { class: "bd-doing" });
const rules = make("div", { class: "bd-rules", role: "radiogroup", "aria-labelledby": id + "-by" });
const rule = make("p", { class: "bd-rule" });
const verdict = make("p", { class: "bd-verdict", role: "status" });
const rest = make("span", { class: "bd-rest", "aria-live": "polite" });
const task = make("div", { class: "bd-task" });
const judge = make("p", { class: "bd-judge" });
const solved = make("details", { class: "bd-solved", hidden: true });
const caveat = make("p", { class: "bd-caveat", role: "note" });
const cutNote = make("p", { class: "bd-cut" });
const outdatedNote = make("p", { class: "bd-outdated", role: "status" });
const unkept = make("p", { class: "bd-unkept", role: "status", hidden: true });
const overview = make("div", { class: "bd-overview-head", hidden: true });
const list = make("div", { class: "bd-cards" });
const linesButton = make("button", {
  type: "button",
  class: "bd-unfold bd-lines",
  hidden: true,
  onclick: () => showLines(!list.classList.contains("bd-whole-list")),
});
const table = make("div", { class: "bd-tables" });
const colours = make(
  "button",
  { type: "button", class: "bd-palette", "aria-pressed": "false", onclick: togglePalette },
  make("span", { class: "bd-swatches", "aria-hidden": "true" }, make("i"), make("i"), make("i")),
  "Colour-blind palette",
);
const written = make(
  "button",
  { type: "button", class: "bd-written", "aria-pressed": String(plain), onclick: togglePlain },
  "As written",
);
// A tab's content, and what refreshes it while it is in sight.
const views = [
  { name: "Steps", content: [overview, list, linesButton], fill: () => {} },
  { name: "Overview", content: [Overview.node], fill: () => fillOverview() },
  { name: "Rules", content: [Rules.node], fill: () => fillRules() },
  { name: "Answers", content: [Answers.node], fill: () => fillAnswers() },
  { name: "Models", content: [TwoModels.node], fill: () => fillModels() },
  { name: "Tree", content: [Trees.node], fill: () => fillTree() },
  { name: "Table", content: [table], fill: () => fillTable() },
  { name: "Labels", content: [Labels.node], fill: () => fillLabels() },
];
const tabs = views.map(({ name }, i) =>
  make(
    "button",
    {
      type: "button",
      role: "tab",
      id: `${id}-tab-${i}`,
      "aria-controls": `${id}-panel-${i}`,
      onclick: () => showTab(name),
      onkeydown: (event) => {
        const open = views.filter((_, k) => !tabs[k].hidden);
        const here = open.indexOf(views[i]);
        const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: -1 }[event.key];
        if (to === undefined) return;
        const next = open.at(to % open.length);
        showTab(next.name);
        tabs[views.indexOf(next)].focus();
        event.preventDefault();
      },
    },
    name,
  )
);
const panels = views.map(({ content }, i) =>
  make(
    "div",
    { role: "tabpanel", id: `${id}-panel-${i}`, "aria-labelledby": `${id}-tab-${i}` },
    ...content,
  )
);
// What stays in sight while the cards scroll below it.
const head = make(
  "div",
  { class: "bd-head" },
  make(
    "div",
    { class: "bd-by" },
    make("span", { class: "bd-cap", id: id + "-by" }, "Rank by"),
    rules,
  ),
  make("div", { class: "bd-says" }, doing, verdict),
  progress,
);
const results = make(
  "div",
  { class: "bd-results" },
  make("div", { class: "bd-about" }, task, judge, solved, caveat),
  head,
  make("div", { class: "bd-rule-line" }, rule),
  cutNote,
  outdatedNote,
  unkept,
  make(
    "div",
    { class: "bd-bar" },
    make("div", { class: "bd-tabs", role: "tablist" }, ...tabs),
    make("div", { class: "bd-views" }, written, colours),
  ),
  ...panels,
);
root.append(note, empty, results);

function showTab(chosen) {
  tabs.forEach((tab, i) => {
    const here = views[i].name === chosen;
    tab.setAttribute("aria-selected", String(here));
    tab.tabIndex = here ? 0 : -1;
    panels[i].hidden = !here;
  });
  showBare();
  fillView();
  keepView();
}

const viewNow = () => views[panels.findIndex((panel) => !panel.hidden)];

// What is shown beside the cards depends on the value, the rule and the colours.
function fillView() {
  if (value) viewNow().fill();
}

// --- the rules: a radio group; the rarer ones in a panel that opens when one gets the focus ------

const more = make("div", { class: "bd-more-panel" });
const moreButton = make("button", {
  type: "button",
  class: "bd-more",
  "aria-expanded": "false",
  onclick: () => openMore(!more.classList.contains("bd-open")),
});
const radios = new Map();

function openMore(open) {
  more.classList.toggle("bd-open", open);
  moreButton.setAttribute("aria-expanded", String(open));
}

function buildRules() {
  const seg = make("div", { class: "bd-seg" });
  for (const one of value.methods) {
    const radio = make("input", {
      type: "radio",
      name: id + "-rule",
      value: one.name,
      "aria-label": one.label,
      "aria-description": one.words,
      onchange: () => choose(one.name),
    });
    radios.set(one.name, radio);
    const label = make("label", { title: one.more ? null : one.words }, radio);
    label.append(make("span", { "data-label": one.label }, one.label));
    if (one.more) {
      label.append(text("small", "", one.words));
      more.append(label);
    } else {
      seg.append(label);
    }
  }
  seg.append(moreButton);
  rules.replaceChildren(seg, more);
  more.addEventListener("focusin", () => openMore(true));
  more.addEventListener("click", (event) => {
    if (event.target.matches("input") && event.detail > 0) openMore(false); // not an arrow key
  });
  rules.addEventListener("focusout", (event) => {
    if (!rules.contains(event.relatedTarget)) openMore(false);
  });
  rules.addEventListener("keydown", (event) => {
    if (event.key === "Escape" || event.key === "Enter") openMore(false);
  });
}

document.addEventListener("pointerdown", (event) => {
  if (!rules.contains(event.target)) openMore(false);
});

function choose(name) {
  method = name;
  frozen = false;
  keepView();
  takeStock();
  showRule();
  showVerdict();
  cards.forEach(showStanding);
  arrange(true);
  fillView();
}

function showRule() {
  const chosen = value.methods.find((one) => one.name === method);
  radios.get(method).checked = true;
  moreButton.textContent = chosen.more ? chosen.label : "More";
  moreButton.classList.toggle("bd-on", chosen.more);
  rule.replaceChildren(text("span", "", chosen.words), text("code", "", chosen.formula), rest);
}

// The first sentence says which solution leads, the others qualify it. The element is a live region,
// so it changes only when the words do.
function showVerdict() {
  const running = value.status === "running";
  const said = Verdict.words(running ? [] : there, value.methods, method, value.threshold);
  const lead = said.lead && !current ? `Before your changes: ${said.lead}` : upper(said.lead);
  if (verdict.textContent !== lead) verdict.textContent = lead;
  if (rest.textContent !== said.rest) rest.textContent = said.rest;
}

const upper = (words) => words.charAt(0).toUpperCase() + words.slice(1);

// Which scored solutions are ranked: those that were not removed since.
function takeStock() {
  const scored = value.candidates.filter((one) => one.detail);
  const why = new Map(scored.map((one) => [one, prm.staleness(value, one)]));
  const left = scored.filter((one) => why.get(one) !== prm.REMOVED);
  there = left.length ? left : scored;
  current = there.every((one) => !why.get(one));
  standing = Verdict.standing(there, method);
}

// What was judged, and by which model. The model is named beside the verdict, which is its opinion.
function showAbout() {
  task.hidden = !value.problem;
  if (task.dataset.text !== value.problem) {
    task.dataset.text = value.problem;
    showTask();
  }
  caveat.hidden = !value.caveat || value.status === "running";
  caveat.textContent = value.caveat ?? "";
  judge.hidden = !value.model;
  judge.replaceChildren(
    "Judged by ",
    text("strong", "", value.model),
    value.model_note ? `. ${value.model_note} ` : ". ",
    ...secondOpinion(value),
  );
  showSolved(value);
}

// A button that has another model judge the same solutions; what this one said stays beside it.
function secondOpinion({ second_opinion: other, status }) {
  if (!other || status !== "done") return [];
  const ask = () =>
    document.dispatchEvent(new CustomEvent("prm:ask-model", { detail: other.line }));
  const button = { type: "button", class: "bd-link", onclick: ask };
  return [make("button", button, other.words), ` (${other.note}).`];
}

// The model's own solutions of the problem, which its scores lean on.
function showSolved({ own_solutions: texts = [], own_answers: answers }) {
  solved.hidden = !texts.length;
  const shown = JSON.stringify(texts);
  if (solved.dataset.texts === shown) return; // what is open stays open
  solved.dataset.texts = shown;
  solved.replaceChildren(
    text("summary", "", `Its own solutions come to: ${(answers ?? []).join(" · ")}`),
    ...texts.map((one) => make("pre", { tabindex: "0" }, one.trim())),
  );
}

function showTask() {
  const words = make("div", { class: "md bd-problem" });
  task.replaceChildren(text("span", "bd-cap", "Problem"), folded(words));
  Typeset.show(words, value.problem, plain);
}

// A long text ends in a fade and a button.
function folded(words) {
  const button = make("button", { type: "button", class: "bd-unfold", hidden: true }, "Show all");
  const fold = make("div", { class: "bd-fold" }, words);
  button.addEventListener("click", () => {
    const open = fold.classList.toggle("bd-unfolded");
    button.textContent = open ? "Show less" : "Show all";
  });
  new ResizeObserver(() => {
    const long = fold.classList.contains("bd-unfolded") ||
      words.offsetHeight > fold.clientHeight + 4;
    fold.classList.toggle("bd-long", long);
    button.hidden = !long;
  }).observe(words);
  return make("div", {}, fold, button);
}

// --- in sight ------------------------------------------------------------------------------------

for (const how of ["wheel", "touchmove", "keydown", "mousedown"]) {
  addEventListener(how, () => {
    moved = true;
  }, { passive: true });
}

// Scroll to the results unless their head is in sight, or the reader is elsewhere on the page.
function reveal() {
  const { top, bottom } = head.getBoundingClientRect();
  if (moved || (top >= 0 && bottom <= innerHeight)) return;
  (root.closest("#prm-right") ?? root).scrollIntoView({
    block: "start",
    behavior: still.matches ? "auto" : "smooth",
  });
}

// Beside a longer left side the results stay in the window; where they are taller than it, they
// stick by their lower end, so that every card can be reached.
const side = root.closest("#prm-right");
function stick() {
  const top = Math.min(0, innerHeight - side.offsetHeight);
  side.style.setProperty("--prm-right-top", `${top}px`);
}
if (side) {
  new ResizeObserver(stick).observe(side);
  addEventListener("resize", stick);
}

// The head gets a hairline while something scrolls below it.
new IntersectionObserver(
  ([{ boundingClientRect, intersectionRatio }]) => {
    head.classList.toggle("bd-stuck", intersectionRatio < 1 && boundingClientRect.top < 1);
  },
  { threshold: 1, rootMargin: "-1px 0px 0px 0px" },
).observe(head);

// --- cards ---------------------------------------------------------------------------------------

// A card's changing parts are in the object; `data` is null while the candidate is waiting.
function skeleton(candidate) {
  const dense = (candidate.n_steps ?? 3) > TALL;
  const n = (candidate.n_steps ?? 3) - Math.max(0, (candidate.n_thinking ?? 0) - 1);
  const rows = Array.from(
    { length: many() ? 0 : n }, // a line of an overview has no rows yet
    () => make("div", { class: "bd-row bd-ghost" }, make("i"), make("b")),
  );
  const node = make(
    "article",
    {
      class: "bd-card bd-waiting" + (dense ? " bd-dense" : ""),
      "aria-label": `Solution ${candidate.letter}, not scored yet`,
    },
    make(
      "header",
      {},
      text("span", "bd-rank", "–"),
      text("span", "bd-letter", candidate.letter),
      text("span", "bd-hint", ""),
    ),
    make("div", { class: "bd-chart" }, ...rows),
  );
  const { index, letter } = candidate;
  return { index, letter, node, data: null, run: value.run };
}

function scoredCard(data) {
  const rank = text("span", "bd-rank", "");
  const score = text("span", "bd-score", "");
  const plot = make("div", { class: "bd-plot", "aria-hidden": "true" });
  const card = {
    index: data.index,
    letter: data.letter,
    data,
    rank,
    score,
    plot,
    rows: null,
    opened: null,
    section: null,
  };
  const stale = text("span", "bd-chip bd-stale-why", "");
  card.stale = stale;
  card.outcome = make("span", { class: "bd-outcome" });
  card.answer = answer(data);
  card.chart = make("div", { class: "bd-chart", style: `padding-bottom: ${AXIS_PX}px` });
  card.node = make(
    "article",
    { class: "bd-card" + (data.n_steps > TALL ? " bd-dense bd-tall" : "") },
    make(
      "header",
      {},
      rank,
      text("span", "bd-letter", data.letter),
      score,
      many() ? strip(card) : null,
      card.outcome,
      card.answer,
      Chain.claim(data),
      stale,
      text("span", "bd-hint", data.n_steps > 1 ? `weakest: step ${data.weakest_step + 1}` : ""),
      many() ? opener(card) : null,
    ),
    card.chart,
  );
  if (many()) card.chart.hidden = true;
  else fill(card);
  return card;
}

// Whether two candidates, or one and what no run has scored, have the same steps and numbers.
const isSame = (one, other) =>
  ["detail", "marks"].every((part) => (one?.[part] ?? null) === other[part]);

// A card whose steps and numbers are the same; its answer may be right or wrong only now.
function showAgain(card, data) {
  const was = card.data;
  card.data = data;
  if (was.correct === data.correct) return;
  const shown = answer(data);
  card.answer.replaceWith(shown);
  card.answer = shown;
}

// --- the overview: a line per solution, a column per step -----------------------------------------

function many() {
  const steps = value.candidates.reduce((n, one) => n + (one.n_steps ?? 0), 0);
  return value.candidates.length > MANY_CARDS || steps > MANY_STEPS;
}

// What the layout of all cards depends on.
const form = () => (many() ? `a line of ${mostSteps()} steps` : "a card");

// The room of the longest score in a line, whatever the rule.
function scorePx() {
  const digits = value.candidates.flatMap(({ shown = {} }) => Object.values(shown));
  return Math.max(SCORE_PX, ...digits.map((one) => DIGIT_PX * one.length));
}

const mostSteps = () => Math.max(1, ...value.candidates.map((one) => one.n_steps ?? 0));

// A solution's steps side by side: colour as in its bars, height the probability, a foot below the
// first error.
function strip(card) {
  const most = mostSteps();
  const node = make("span", { class: "bd-strip", "aria-hidden": "true" });
  node.style.maxWidth = `${CELL_PX * most}px`;
  Typeset.soon(() => {
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", `0 0 ${10 * most} 30`);
    drawing.setAttribute("preserveAspectRatio", "none");
    for (const [name, outline] of Object.entries(outlines(card))) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      path.setAttribute("d", outline);
      drawing.append(path);
    }
    node.append(drawing);
  });
  return node;
}

// One outline per colour: a drawing with few parts moves quickly.
function outlines(card) {
  const found = {};
  const box = (name, i, top, height) => {
    found[name] = (found[name] ?? "") + `M${10 * i + 1} ${top}h8v${height}h-8z`;
  };
  inside(card).steps.forEach(({ band, probability }, i) => {
    const height = Math.max(1.5, 24 * probability).toFixed(1);
    box(`bd-cell-${band}`, i, 0, 24);
    box(`bd-fill-${band}`, i, 24 - height, height);
  });
  if (card.data.first_error !== null) box("bd-foot", card.data.first_error, 26, 4);
  return found;
}

function opener(card) {
  const button = make("button", {
    type: "button",
    class: "bd-opener",
    "aria-expanded": "false",
    "aria-label": `Steps of ${card.data.letter}`,
  });
  card.opener = button;
  return button;
}

// Open or close a card of the overview; `soonish` builds its steps when it comes near the window.
function unfoldCard(card, open, soonish = false) {
  if (!card.opener) return;
  card.opener.setAttribute("aria-expanded", String(open));
  card.node.classList.toggle("bd-opened", open);
  if (!open) closeStep(card);
  card.chart.hidden = !open;
  if (open && soonish && !card.rows) {
    card.chart.style.minHeight = `${ROW_PX * card.data.n_steps + AXIS_PX}px`;
    near.observe(card.node);
  } else if (open) fill(card);
}

// All lines of an overview, or the first of them in their current order.
function showLines(all) {
  const n = value.candidates.length;
  list.classList.toggle("bd-whole-list", all || n <= MOST_LINES);
  linesButton.hidden = !many() || n <= MOST_LINES;
  linesButton.textContent = all ? "Show fewer" : `Show all ${n}`;
  linesButton.setAttribute("aria-expanded", String(all));
}

function showOverview() {
  overview.hidden = !many();
  list.classList.toggle("bd-many", many());
  root.style.setProperty("--score-px", `${scorePx()}px`);
  linesButton.hidden ||= !many();
  if (overview.hidden || overview.dataset.run === String(value.run)) return;
  overview.dataset.run = String(value.run);
  showLines(false);
  const most = mostSteps();
  const every = [10, 20, 50, 100].find((one) => most / one <= 6) ?? 500;
  const ticks = [1, ...Array.from({ length: Math.floor(most / every) }, (_, i) => every * (i + 1))];
  const scale = make("span", { class: "bd-scale", "aria-hidden": "true" });
  scale.style.maxWidth = `${CELL_PX * most}px`;
  for (const tick of ticks) {
    const label = text("i", "", tick);
    label.style.left = `${(100 * (tick - 0.5)) / most}%`;
    scale.append(label);
  }
  const all = make("button", { type: "button", class: "bd-all" }, "Open all");
  all.addEventListener("click", () => {
    const open = all.textContent === "Open all";
    all.textContent = open ? "Close all" : "Open all";
    if (open) showLines(true);
    cards.forEach((card) => card.data && unfoldCard(card, open, true));
  });
  overview.replaceChildren(text("span", "bd-cap", "Steps"), scale, all);
}

// A candidate's steps and figure come as texts, a list for each of the steps' values.
function inside(card) {
  const { detail, marks } = card.data;
  card.inside ??= rowsOf({ ...JSON.parse(detail), ...JSON.parse(marks) });
  return card.inside;
}

function rowsOf({ steps, figure, rationales, by_step, ...of }) {
  const names = Object.keys(of.extras);
  const row = (text, i) => ({
    text,
    prefix: of.prefixes[i],
    thinking: of.thinking[i],
    probability: of.probabilities[i],
    log_odds: of.log_odds[i],
    extras: Object.fromEntries(names.map((name) => [name, of.extras[name][i]])),
    shown: of.shown[i],
    exact: of.exact[i],
    below: Boolean(of.below[i]),
    band: of.bands[i],
  });
  return { steps: steps.map(row), figure, rationales, by_step };
}

// The card's rows; the size observer then draws the bars, before anything is painted.
function fill(card) {
  if (card.rows) return;
  near.unobserve(card.node);
  card.chart.style.minHeight = "";
  card.rows = inside(card).steps.map((step, i) => row(card, step, i));
  card.tracks = card.rows.map((one) => one.querySelector(".bd-track"));
  card.chart.append(card.plot, Chain.list(card), Chain.map(card) ?? "");
  Chain.takeTab(card);
  card.chart.after(...inside(card).rationales.map(wrote));
  markLabels(card);
  sizes.observe(card.chart);
}

// What a verifier wrote about the solution, unchanged.
function wrote(rationale, i, all) {
  const which = all.length > 1 ? `, sample ${i + 1} of ${all.length}` : "";
  return make(
    "details",
    { class: "bd-wrote" },
    text("summary", "", "What it wrote" + which),
    make("pre", { tabindex: "0" }, rationale),
  );
}

function row(card, step, i) {
  const marks = [
    step.thinking ? "thinking" : "",
    i === card.data.first_error ? "first error" : "",
    i === card.data.weakest_step && card.data.n_steps > 1 ? "weakest" : "",
  ].filter(Boolean);
  const said = make("span", { class: "bd-words md" });
  showWords(said, step);
  return make(
    "div",
    {
      class: `bd-row bd-${step.band}` + (i === card.data.first_error ? " bd-error" : ""),
      role: "button",
      tabindex: "-1",
      "aria-expanded": "false",
      "data-step": String(i),
    },
    make("span", { class: "bd-n" }, make("span", { class: "bd-unseen" }, "Step "), String(i + 1)),
    make(
      "span",
      { class: "bd-line" },
      said,
      marks.length
        ? make("span", { class: "bd-mark" }, ...marks.map((mark) => text("i", "", mark)))
        : null,
    ),
    make("span", { class: "bd-track", style: `--p: ${step.probability}` }),
    make(
      "span",
      { class: "bd-p" },
      step.below ? make("span", { "aria-hidden": "true" }, "▼ ") : null,
      step.below ? text("span", "bd-unseen", `below ${value.threshold}: `) : null,
      step.shown,
    ),
  );
}

function showStanding(card) {
  if (!card.data) return;
  const { shown, letter } = card.data;
  const unranked = value.status === "running" || card.why === prm.REMOVED;
  const place = unranked ? undefined : standing.get(letter);
  const rank = place ? place.rank + (place.tied ? "=" : "") : "–";
  card.rank.textContent = rank;
  card.rank.title = place?.tied ? "tied" : "";
  card.score.textContent = shown[method];
  card.score.title = String(card.data.scores[method]);
  card.node.classList.toggle("bd-first", place?.rank === 1);
  const ranked = place ? `rank ${place.rank}${place.tied ? ", tied" : ""}, ` : "";
  const why = card.why ? `, ${card.why}` : "";
  card.node.setAttribute("aria-label", `Solution ${letter}, ${ranked}score ${shown[method]}${why}`);
  card.section?.querySelectorAll("[data-rule]").forEach((line) => {
    line.classList.toggle("bd-on", line.dataset.rule === method);
  });
}

// The wanted order of the cards: the editor's while scoring, then the ranking with ties in the
// editor's order, then what was not scored, and last what was removed.
function wanted() {
  const all = [...cards.values()].sort((a, b) => a.index - b.index);
  if (value.status === "running" || frozen) return all;
  const rank = ({ letter, data }) => standing.get(letter)?.rank ?? (data ? 2 : 1) * all.length + 1;
  return all.sort((a, b) => rank(a) - rank(b));
}

// Move the cards to their places. Nodes in the right place stay; the focus stays where it is. Only
// visible cards move: one that comes from out of sight fades in at its place.
function arrange(slide) {
  const order = wanted().map((card) => card.node);
  if (order.every((node, i) => node === list.children[i])) return;
  slide = slide && !still.matches && !panels[0].hidden;
  const before = slide ? places(order) : null;
  const focused = document.activeElement;
  let next = list.firstElementChild;
  for (const node of order) {
    if (node === next) next = next.nextElementSibling;
    else list.insertBefore(node, next);
  }
  if (focused !== document.activeElement && root.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
  if (!slide) return;
  for (const [node, top] of places(order)) {
    if (before.get(node) === top) continue;
    const from = before.has(node)
      ? { transform: `translateY(${before.get(node) - top}px)` }
      : { opacity: 0 };
    node.animate([from, { transform: "none", opacity: 1 }], {
      duration: SLIDE_MS,
      easing: "ease-out",
    });
  }
}

// The places of the cards in sight.
function places(nodes) {
  const seen = new Map();
  for (const node of nodes) {
    const { top, bottom } = node.getBoundingClientRect();
    if (bottom > 0 && top < innerHeight) seen.set(node, top);
  }
  return seen;
}

// --- bars: the figure comes from Python; its bars are placed beside the texts ---------------

const sizes = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const card = cardOf(entry.target);
    if (card) draw(card);
  }
});
const near = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      const card = isIntersecting ? cardOf(target) : null;
      if (card && !card.chart.hidden) fill(card);
    }
  },
  { rootMargin: "800px" },
);
addEventListener("beforeprint", () => {
  cards.forEach((card) => card.data && !card.chart.hidden && fill(card));
});

// The scored card that a node lies in.
function cardOf(node) {
  const found = node.closest(".bd-card");
  return [...cards.values()].find((card) => card.node === found && card.data);
}

function draw(card) {
  const width = card.chart.clientWidth;
  if (!width) return; // behind another tab; the observer calls again
  for (const row of card.rows) {
    const said = row.querySelector(".bd-words");
    said.classList.toggle("bd-clipped", said.scrollHeight > said.clientHeight + 4);
  }
  const place = card.tracks.map((track) =>
    track.offsetParent ? track.offsetTop + track.offsetHeight / 2 : FOLDED
  );
  const key = [width, ...place].join();
  if (key === card.key) return;
  card.key = key;
  paint(card, place);
}

function paint(card, place) {
  const track = card.tracks.find((one) => one.offsetParent);
  card.plot.hidden = !track;
  if (!track) return;
  const { data, layout } = coloured(inside(card).figure, paletteNow());
  const height = card.chart.clientHeight;
  const margin = layout.margin;
  card.plot.style.left = `${track.offsetLeft - margin.l}px`;
  for (const trace of data) {
    trace.y = place;
    trace.width = track.offsetHeight;
  }
  layout.yaxis.range = [height - AXIS_PX, 0];
  layout.width = track.offsetWidth + margin.l + margin.r;
  layout.height = height;
  card.place = place;
  const still = { staticPlot: true, displayModeBar: false };
  Plotting.draw(card.plot, () => window.Plotly.react(card.plot, data, layout, still));
}

// The figure with its colour names ("@good") replaced; always a fresh copy, because Plotly keeps and
// changes what it is given.
function coloured(part, table, key = "") {
  if (Array.isArray(part)) return part.map((item) => coloured(item, table, key));
  if (part && typeof part === "object") {
    return Object.fromEntries(
      Object.entries(part).map(([name, item]) => [name, coloured(item, table, name)]),
    );
  }
  const named = key.endsWith("color") && typeof part === "string" && part.startsWith("@");
  return named ? table[part.slice(1)] : part;
}

// --- colours -------------------------------------------------------------------------------------

const theme = () => (document.body.classList.contains("dark") ? "dark" : "light");
const paletteNow = () => props.palettes[palette][theme()];

function showColours() {
  const table = paletteNow();
  for (const [name, colour] of Object.entries(table)) {
    root.style.setProperty("--bd-" + name.replaceAll("_", "-"), colour);
  }
  colours.setAttribute("aria-pressed", String(palette !== "default"));
  cards.forEach((card) => card.place && paint(card, card.place));
  fillView();
}

function togglePalette() {
  palette = palette === "default" ? "colour-blind" : "default";
  remember(STORED_PALETTE, palette);
  showColours();
}

// Texts typeset, or as they were written.
function togglePlain() {
  plain = !plain;
  remember(STORED_PLAIN, plain ? "on" : "");
  written.setAttribute("aria-pressed", String(plain));
  showTask();
  cards.forEach((card) => {
    card.rows?.forEach((one, i) =>
      showWords(one.querySelector(".bd-words"), inside(card).steps[i])
    );
    if (card.section) {
      const step = inside(card).steps[card.opened];
      Typeset.show(card.section.querySelector(".bd-text"), step.text, plain);
    }
  });
}

let shownTheme = theme();
new MutationObserver(() => {
  if (theme() === shownTheme) return;
  shownTheme = theme();
  showColours();
}).observe(document.body, { attributeFilter: ["class"] });

// --- an opened step ------------------------------------------------------------------------------

function openStep(card, i) {
  closeStep(card);
  const { steps, by_step } = inside(card);
  const { up_to, without } = JSON.parse(by_step);
  const step = steps[i];
  const heading = `Step ${i + 1} of ${card.data.letter}` + (step.thinking ? ", thinking" : "");
  const close = make("button", { type: "button", class: "bd-close", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => {
    closeStep(card);
    focusRow(card, i);
  });
  const facts = make(
    "dl",
    { class: "bd-facts" },
    fact("probability", step.exact),
    fact("log-odds", logOdds(step)),
    ...extras(step).map(([name, words]) => fact(name, words)),
    ...labelFacts(card, i),
  );
  const whole = make("div", { class: "bd-text md" });
  Typeset.show(whole, step.text, plain);
  const rulesTable = make(
    "table",
    { class: "bd-makes" },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ...["rule", "up to here", "all steps", "without it"].map((name) =>
          make("th", { scope: "col" }, name)
        ),
      ),
    ),
    make(
      "tbody",
      {},
      ...value.methods.map((one, m) =>
        make(
          "tr",
          { "data-rule": one.name, class: one.name === method ? "bd-on" : null },
          make("th", { scope: "row" }, one.label),
          text("td", "", short(up_to[m][i])),
          text("td", "", short(card.data.scores[one.name])),
          text("td", "", without[m].length ? short(without[m][i]) : "–"),
        )
      ),
    ),
  );
  card.section = make(
    "section",
    { class: "bd-detail", id: `${id}-detail-${card.index}`, "aria-label": heading },
    make(
      "div",
      { class: "bd-whole" },
      text("h3", "bd-cap", heading),
      whole,
      facts,
      make(
        "div",
        {},
        Table.copyButton("Copy the text", () => step.text),
        labelButton(card, i),
      ),
    ),
    rulesTable,
    close,
  );
  card.node.append(card.section);
  card.opened = i;
  const node = card.rows[i];
  node.setAttribute("aria-expanded", "true");
  node.setAttribute("aria-controls", card.section.id);
  card.section.scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
}

const fact = (name, content) => make("div", {}, text("dt", "", name), text("dd", "", content));

// Nothing is rounded to a limit that it does not reach.
function short(number) {
  if (number > 0 && number < 0.0005) return number.toExponential(0);
  return number < 1 && number >= 0.9995 ? ">0.999" : number.toFixed(3);
}

function closeStep(card) {
  if (card.opened === null) return;
  const node = card.rows[card.opened];
  node.setAttribute("aria-expanded", "false");
  node.removeAttribute("aria-controls");
  card.section.remove();
  card.section = null;
  card.opened = null;
}

function focusRow(card, i) {
  fill(card);
  Chain.reveal(card, i);
  for (const one of card.rows) one.tabIndex = -1;
  card.rows[i].tabIndex = 0;
  card.rows[i].focus();
}

// The cards whose rows can be stepped through, in order.
const walkable = () =>
  wanted().filter((card) => card.rows && !card.chart.hidden && Chain.seen(card).length);

const rowAt = (event) => event.target.closest(".bd-row[data-step]");

function toggle(card, i) {
  if (card.opened === i) closeStep(card);
  else openStep(card, i);
}

list.addEventListener("click", (event) => {
  const header = event.target.closest(".bd-card > header");
  if (event.target.closest(".bd-to-error")) return;
  if (header) {
    const card = cardOf(header);
    if (card?.opener && document.getSelection().isCollapsed) unfoldCard(card, card.chart.hidden);
    return;
  }
  const node = rowAt(event);
  const card = node && cardOf(node);
  const selecting = !document.getSelection().isCollapsed; // the words can be selected and copied
  if (!card || selecting) return;
  const i = Number(node.dataset.step);
  focusRow(card, i);
  toggle(card, i);
});

list.addEventListener("keydown", (event) => {
  const card = cardOf(event.target);
  if (!card || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && card.opened !== null) {
    const i = card.opened;
    closeStep(card);
    focusRow(card, i);
    event.preventDefault();
    return;
  }
  const node = rowAt(event);
  if (!node) return;
  const i = Number(node.dataset.step);
  const places = Chain.seen(card);
  const here = places.indexOf(i);
  const order = walkable();
  const at = order.indexOf(card);
  switch (event.key) {
    case "Enter":
    case " ":
      toggle(card, i);
      break;
    case "ArrowDown":
    case "j":
      if (here < places.length - 1) focusRow(card, places[here + 1]);
      else if (order[at + 1]) focusRow(order[at + 1], Chain.seen(order[at + 1])[0]);
      break;
    case "ArrowUp":
    case "k":
      if (here > 0) focusRow(card, places[here - 1]);
      else if (order[at - 1]) focusRow(order[at - 1], Chain.seen(order[at - 1]).at(-1));
      break;
    case "Home":
      focusRow(card, places[0]);
      break;
    case "End":
      focusRow(card, places.at(-1));
      break;
    default:
      return;
  }
  event.preventDefault();
});

// --- all solutions at once ----------------------------------------------------------------------------

const accent = () => getComputedStyle(root).getPropertyValue("--prm-accent").trim();
const ranked = () => wanted().filter((card) => card.data && standing.has(card.letter));

function fillOverview() {
  const rows = ranked().map((card) => ({
    letter: card.letter,
    steps: inside(card).steps,
    first_error: card.data.first_error,
    correct: card.data.correct,
    score: card.data.shown[method],
  }));
  Overview.draw(rows, {
    colours: paletteNow(),
    accent: accent(),
    threshold: value.threshold,
    open: goToStep,
  });
}

// What the server found, parsed once. Where solutions were removed since, it is asked what
// the rules choose of the others.
function choices() {
  value.found ??= value.choices && JSON.parse(value.choices);
  if (!nRemoved()) return value.found;
  const those = there.map((one) => one.letter).join();
  if (value.ofThose?.those !== those) findChoices(those);
  return value.ofThose.found;
}

const nRemoved = () => value.candidates.filter((one) => one.detail).length - there.length;

async function findChoices(those) {
  const of = value;
  of.ofThose = { those, found: null };
  const stored = prm.plainResults(prm.ownResults(of));
  const letters = there.map((one) => one.letter);
  stored.candidates = stored.candidates.filter((one) => letters.includes(one.letter));
  const again = await prm.reply(server.restore(JSON.stringify({ ...stored, brief: true })));
  if (of.ofThose.those !== those) return;
  of.ofThose = again
    ? { those, found: JSON.parse(again.choices) }
    : { those, found: of.found, isOld: true };
  if (value === of) fillView();
  if (!again) {
    prm.whenBack("choices", () => {
      of.ofThose = undefined;
      if (value === of) fillView();
    });
  }
}

function fillRules() {
  const found = choices();
  Rules.draw({
    choices: found,
    there,
    methods: value.methods,
    method,
    standing,
    gold: value.gold ?? null,
    colours: paletteNow(),
    accent: accent(),
    scores: scoresTable(ranked()),
    removed: nRemoved() > 0 && Boolean(value.ofThose?.isOld),
    open: goToStep,
  });
}

function fillAnswers() {
  Answers.draw({
    choices: choices(),
    there,
    standing,
    method,
    label: value.methods.find((one) => one.name === method).label,
    gold: value.gold ?? null,
    open: (letter) => goToCard(letter),
    grade,
  });
}

// Show a card, from any tab.
function goToCard(letter) {
  const card = cards.get(letter);
  showTab("Steps");
  showLines(true);
  unfoldCard(card, true);
  card.node.scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
  focusRow(card, Chain.seen(card)[0] ?? 0);
  return card;
}

function goToStep(letter, i) {
  const card = goToCard(letter);
  focusRow(card, i);
  openStep(card, i);
}

// --- the table: everything, for screen readers and for copying --------------------------------------

function fillTable() {
  const scored = ranked();
  table.replaceChildren(scoresTable(scored), stepsTable(scored));
}

const figure = (name, more = {}) => ({ name, number: true, ...more });
const none = { shown: "–", value: "" };

function scoresTable(scored) {
  const { methods, model } = value;
  return Table.build({
    caption: "Scores" + (model ? ` by ${model}` : ""),
    columns: [
      { name: "Solution" },
      figure("Rank"),
      { name: "Answer" },
      figure("First error"),
      figure("Weakest"),
      ...methods.map((one) => figure(one.label, { on: one.name === method, descending: true })),
    ],
    rows: scored.map(({ data }) => ({
      cells: [
        { shown: data.letter },
        ranking(data.letter),
        data.answer ? { shown: data.answer, class: "bd-short" } : none,
        data.first_error === null ? none : place(data.first_error),
        data.n_steps > 1 ? place(data.weakest_step) : none,
        ...methods.map(({ name }) => digits(data.shown[name], data.scores[name])),
      ],
    })),
  });
}

function ranking(letter) {
  const { rank, tied } = standing.get(letter);
  return { shown: rank + (tied ? "=" : ""), value: rank };
}

// A score; one of many digits may take two lines.
const digits = (shown, value) => ({
  shown,
  value,
  class: shown.length > FEW_DIGITS ? "bd-digits" : "",
});
const ascii = (number) => number.replace("−", "-"); // a number for pasting
const place = (index) => ({ shown: index + 1, value: index + 1 });

function stepsTable(scored) {
  const labelled = scored.some(({ letter }) => prm.labels.holds(prm.labels.of(letter)));
  const beside = scored.flatMap((card) => Object.keys(inside(card).steps[0].extras));
  const others = [...new Set(beside)];
  return Table.build({
    name: "bd-long",
    caption: "Steps",
    columns: [
      { name: "Solution" },
      figure("Step"),
      figure("Probability"),
      figure("Log-odds"),
      ...others.map((name) => figure(name)),
      { name: "Text" },
      { name: "Mark" },
      ...(labelled ? [{ name: "Label" }] : []),
    ],
    rows: scored.flatMap((card) =>
      inside(card).steps.map((step, i) => ({
        name: i === card.data.first_error ? "bd-error" : undefined,
        cells: [
          { shown: card.data.letter },
          place(i),
          { shown: step.exact, value: step.probability, class: `bd-ink-${step.band}` },
          { shown: ascii(logOdds(step)), value: step.log_odds ?? ascii(logOdds(step)) },
          ...others.map((name) => extra(step, name)),
          { shown: step.text, class: "bd-text" },
          { shown: marks(card.data, step, i), class: "bd-mark" },
          ...(labelled ? [{ shown: prm.labels.words(saidOf(card).labels[i]) }] : []),
        ],
      }))
    ),
  });
}

function extra(step, name) {
  const number = step.extras[name] ?? null;
  return number === null ? none : { shown: Number(number.toPrecision(4)), value: number };
}

function marks(data, step, i) {
  return [
    step.below ? `below ${value.threshold}` : "",
    i === data.first_error ? "first error" : "",
    i === data.weakest_step && data.n_steps > 1 ? "weakest" : "",
    step.thinking ? "thinking" : "",
  ]
    .filter(Boolean)
    .join(", ");
}

// --- states ----------------------------------------------------------------------------------------

// A preview, on a solution that anyone can judge, and three problems to begin with.
const SAMPLE = [
  ["I need to multiply 7 by 8.", 0.97, "good"],
  ["7 × 8 = 54.", 0.06, "bad"],
  ["Wait, let me check: 7 × 8 = 56.", 0.93, "good"],
];

function sample() {
  const row = ([words, p, band]) =>
    make(
      "div",
      { class: band === "bad" ? "bd-error" : null },
      text("span", "", words),
      make("i", { style: `--p: ${p}; --c: var(--bd-${band})` }),
      text("b", `bd-ink-${band}`, (band === "bad" ? "▼ " : "") + p),
    );
  return make(
    "figure",
    { class: "bd-sample" },
    text(
      "figcaption",
      "",
      "What you will see: the probability that each step is right, and the first error.",
    ),
    ...SAMPLE.map(row),
  );
}

function exampleCard(one, index) {
  const press = () => {
    document.dispatchEvent(new CustomEvent("prm:example", { detail: one.id }));
    trigger("example", { id: one.id, index });
  };
  return make(
    "button",
    { type: "button", onclick: press },
    text("span", "", one.label),
    text("small", "", "Try it"),
  );
}

// Opens an example that the list of problems brings.
function link(name, words) {
  const press = () => prm.loaded.then(() => document.dispatchEvent(new CustomEvent(name)));
  return make("button", { type: "button", class: "bd-link", onclick: press }, words);
}

function showEmpty() {
  empty.replaceChildren(
    text("h2", "", "Which step went wrong?"),
    text(
      "p",
      "",
      "Write a problem and its solutions, or begin with an example. The model judges every step, and the solutions are ranked.",
    ),
    sample(),
    make("div", { class: "bd-examples" }, ...value.examples.map(exampleCard)),
    make(
      "div",
      { class: "bd-more-examples" },
      link("prm:gallery", "See how four 7B PRMs judged 30 problems"),
      link("prm:outcome-example", "See why one number for a whole solution is not enough"),
    ),
  );
}

// The state of the run; `of` is a run's value, whose cards may not be here yet.
function showNote(of) {
  const { status, message, candidates } = of;
  noted = of;
  const running = status === "running";
  const n = candidates.filter((one) => one.detail).length;
  const sentence = message || `${n} of ${candidates.length} solutions scored`;
  root.dataset.status = status;
  doing.textContent = running ? sentence : "";
  progress.hidden = !running;
  progress.firstChild.style.width = `${(100 * n) / Math.max(1, candidates.length)}%`;
  progress.setAttribute("aria-valuenow", String(n));
  progress.setAttribute("aria-valuemax", String(candidates.length));
  progress.setAttribute("aria-label", sentence);
  const bad = status === "failed";
  note.hidden = !bad && status !== "cancelled";
  if (bad) root.prepend(note);
  else doing.before(note); // in place of the progress message, so that nothing moves
  if (!note.hidden) {
    const words = message || (bad ? "Scoring failed." : "Cancelled.");
    note.replaceChildren(make("p", { role: bad ? "alert" : "status" }, words));
  }
}

// A run that failed as a whole has no cards to show: its sentence says everything.
function endedWithNothing({ status, candidates }) {
  return status === "failed" && !candidates.some((one) => one.detail || one.error);
}

// A solution without scores, and why it has none.
function showLeftOut(card) {
  const { error } = value.candidates.find((one) => one.letter === card.letter);
  card.node.classList.add(frozen ? "bd-stopped" : "bd-left-out");
  card.node.classList.toggle("bd-refused", Boolean(error));
  card.node.setAttribute("aria-label", `Solution ${card.letter}, not scored`);
  card.node.querySelector(".bd-hint").textContent = error ? `not scored: ${error}` : "not scored";
}

function forget(card) {
  if (card.data) {
    sizes.unobserve(card.chart);
    near.unobserve(card.node);
    if (card.place) Plotting.forget(card.plot);
  }
  card.node.remove();
}

// A run has sent something.
function update() {
  if (!props.value) return;
  const next = received(props.value);
  if (isOver(next)) return;
  frozen = false;
  if (bringsNothing(next)) showNote(next);
  else show(next);
}

// Show a board's value. Cards whose numbers are the same are left alone. `apart` where it has nothing
// to do with what is on show: it was opened, not scored.
function show(next, apart = false) {
  if (apart) forgetBefore();
  else keepBefore(next);
  const was = value;
  value = next;
  prm.results = next;
  Answers.sayGold(""); // it was said of what was on show before
  if (!radios.size) buildRules();
  list.style.setProperty("--t", value.threshold);
  if (value.candidates.length) Plotting.load(); // while the results are on their way
  showOverview();
  const running = value.status === "running";
  const fresh = was?.run !== value.run;
  if (fresh) moved = false;
  outdatedNote.after(unkept);
  const letters = new Set(value.candidates.map((one) => one.letter));
  for (const [letter, card] of cards) {
    if (letters.has(letter)) continue;
    forget(card);
    cards.delete(letter);
  }
  for (const candidate of value.candidates) {
    const old = cards.get(candidate.letter);
    if (old && isSame(old.data, candidate) && old.form === form()) {
      old.index = candidate.index;
      if (old.data) showAgain(old, candidate);
      if (old.data || old.run === value.run) continue;
    }
    const card = candidate.detail ? scoredCard(candidate) : skeleton(candidate);
    card.form = form();
    cards.set(candidate.letter, card);
    if (old) old.node.replaceWith(card.node);
    else list.append(card.node);
    if (old) forget(old);
  }
  const blank = value.candidates.length === 0;
  empty.hidden = true;
  showBare();
  if (!empty.hidden) showEmpty();
  showNote(value);
  showAbout();
  takeStock();
  showRule();
  showVerdict();
  cards.forEach((card) => {
    showStanding(card);
    if (!card.data && !running) showLeftOut(card);
  });
  showFacts();
  showThreshold();
  showExport();
  arrange(!fresh);
  fillView();
  showTreeTab();
  showOutcomes();
  // A quick run brings all of its results at once.
  if (!restoring && (fresh || (!running && was?.status === "running" && !frozen))) reveal();
  prm.changed();
  if (!running) keepResults();
}

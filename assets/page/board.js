// The Board: ranking, cards with bars, table. Its value comes from prm_core/ui/board.py and holds
// every number and sentence under every aggregation; here they are only moved, coloured and shown.
// User text enters the page as text nodes and through KaTeX without trust, and in no other way.
//
// Gradio gives `element`, `props`, `trigger` and `watch`, and runs this once.

const SLIDE_MS = 150;
// With more of either, a card's steps are built when it comes near the window.
const MANY_CARDS = 12;
const MANY_STEPS = 120;
const ROW_PX = 50; // a step with one line of words; what a card not built yet takes for its height
const TALL = 8; // an opened step of a card with more steps stays in sight while scrolling
const AXIS_PX = 24;
const STORED_PALETTE = "prm-palette";

const root = element.querySelector(".prm-board");
const id = "prm-board-" + Math.random().toString(36).slice(2, 8);
const still = matchMedia("(prefers-reduced-motion: reduce)");

let value = null;
let method = "min";
let palette = localStorageGet() in props.palettes ? localStorageGet() : "default";
const cards = new Map(); // candidate's index → card

// --- small tools --------------------------------------------------------------------------------

function localStorageGet() {
  try {
    return localStorage.getItem(STORED_PALETTE) ?? "";
  } catch {
    return ""; // a page in someone else's frame may have no storage
  }
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

// What a model says of a step beside its probability, as [name, words] pairs.
function extras(step) {
  return Object.entries(step.extras ?? {}).map(([name, number]) => [
    name,
    number === null ? "–" : minus(Number(number.toPrecision(4))),
  ]);
}

function formula(tex, written, display) {
  const span = make("span", { class: display ? "bd-display" : "bd-math" });
  try {
    window.katex.render(tex, span, {
      displayMode: display,
      throwOnError: true,
      strict: "ignore", // otherwise every ÷ in a formula is a warning in the console
      errorColor: "currentColor",
      trust: false,
      maxExpand: 200,
      maxSize: 20,
    });
  } catch {
    span.textContent = written; // not LaTeX after all: what was written, as it was written
  }
  return span;
}

// A step's words with its formulas typeset; in a row, formulas stay in the line.
function words(step, inRow) {
  const rest = inRow ? "" : (step.prefix ?? "");
  if (!step.parts) return [inRow ? step.text.slice((step.prefix ?? "").length) : step.text];
  const typeset = step.parts.map((part) =>
    typeof part === "string" ? part : formula(part[0], part[1], !inRow && part[2] === "display"),
  );
  return rest ? [rest, ...typeset] : typeset;
}

function answer(candidate) {
  if (!candidate.answer) return null;
  const tex = candidate.answer.includes("\\");
  const shown = tex ? formula(candidate.answer, candidate.answer, false) : candidate.answer;
  return make("span", { class: "bd-chip bd-answer", title: candidate.answer }, "answer ", shown);
}

// --- the frame, built once ----------------------------------------------------------------------

const empty = make("div", { class: "bd-empty" });
const note = make("div", { class: "bd-note" });
const progress = make("div", { class: "bd-progress", role: "progressbar" }, make("i"));
const doing = make("p", { class: "bd-doing" });
const rules = make("div", { class: "bd-rules", role: "radiogroup", "aria-labelledby": id + "-by" });
const rule = make("p", { class: "bd-rule" });
const verdict = make("p", { class: "bd-verdict", role: "status" });
const list = make("div", { class: "bd-cards" });
const table = make("div", { class: "bd-tables" });
const colours = make(
  "button",
  { type: "button", class: "bd-palette", "aria-pressed": "false", onclick: togglePalette },
  make("span", { class: "bd-swatches", "aria-hidden": "true" }, make("i"), make("i"), make("i")),
  "Colour-blind palette",
);
const tabs = ["Steps", "Table"].map((label, i) =>
  make(
    "button",
    {
      type: "button",
      role: "tab",
      id: `${id}-tab-${i}`,
      "aria-controls": `${id}-panel-${i}`,
      onclick: () => showTab(i),
      onkeydown: (event) => {
        if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
        showTab(1 - i);
        tabs[1 - i].focus();
      },
    },
    label,
  ),
);
const panels = [list, table].map((content, i) =>
  make(
    "div",
    { role: "tabpanel", id: `${id}-panel-${i}`, "aria-labelledby": `${id}-tab-${i}` },
    content,
  ),
);
const results = make(
  "div",
  { class: "bd-results" },
  make(
    "div",
    { class: "bd-by" },
    make("span", { class: "bd-cap", id: id + "-by" }, "Rank by"),
    rules,
  ),
  rule,
  make("div", { class: "bd-says" }, doing, verdict),
  make(
    "div",
    { class: "bd-bar" },
    make("div", { class: "bd-tabs", role: "tablist" }, ...tabs),
    colours,
    progress,
  ),
  ...panels,
);
root.append(note, empty, results);

function showTab(chosen) {
  tabs.forEach((tab, i) => {
    tab.setAttribute("aria-selected", String(i === chosen));
    tab.tabIndex = i === chosen ? 0 : -1;
    panels[i].hidden = i !== chosen;
  });
  if (chosen === 1) fillTable();
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
    label.append(text("span", "", one.label));
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
  showRule();
  showVerdict();
  cards.forEach(showStanding);
  arrange(true);
  if (!panels[1].hidden) fillTable();
}

function showRule() {
  const chosen = value.methods.find((one) => one.name === method);
  radios.get(method).checked = true;
  moreButton.textContent = (chosen.more ? chosen.label : "More") + " ▾";
  moreButton.classList.toggle("bd-on", chosen.more);
  rule.replaceChildren(text("span", "", chosen.words), text("code", "", chosen.formula));
}

// The first sentence says who leads, the others qualify it. The element is a live region, so it
// changes only when the words do.
function showVerdict() {
  const sentence = value.status === "running" ? "" : value.verdict[method];
  if (verdict.textContent === sentence) return;
  const end = sentence.search(/\. /) + 1;
  const [lead, rest] = end ? [sentence.slice(0, end), sentence.slice(end)] : [sentence, ""];
  verdict.replaceChildren(text("strong", "", lead), text("span", "", rest));
}

// --- cards ---------------------------------------------------------------------------------------

// A card's parts that change stand in the object; `data` is null while the candidate waits.
function skeleton(candidate) {
  const rows = Array.from({ length: candidate.n_steps ?? 3 }, () =>
    make("div", { class: "bd-row bd-ghost" }, make("i"), make("b")),
  );
  const node = make(
    "article",
    { class: "bd-card bd-waiting", "aria-label": `Solution ${candidate.letter}, not scored yet` },
    make(
      "header",
      {},
      text("span", "bd-rank", "–"),
      text("span", "bd-letter", candidate.letter),
      text("span", "bd-hint", ""),
    ),
    make("div", { class: "bd-chart" }, ...rows),
  );
  return { index: candidate.index, node, data: null };
}

function scoredCard(data) {
  const rank = text("span", "bd-rank", "");
  const score = text("span", "bd-score", "");
  const chip = data.first_error === null ? "bd-chip bd-good" : "bd-chip bd-bad";
  const plot = make("div", { class: "bd-plot", "aria-hidden": "true" });
  const card = { index: data.index, data, rank, score, plot, rows: null, opened: null, section: null };
  card.chart = make("div", { class: "bd-chart", style: `padding-bottom: ${AXIS_PX}px` });
  card.node = make(
    "article",
    { class: "bd-card" + (data.n_steps > TALL ? " bd-tall" : "") },
    make(
      "header",
      {},
      rank,
      text("span", "bd-letter", data.letter),
      score,
      answer(data),
      text("span", chip, data.claim),
      text("span", "bd-hint", `weakest: step ${data.weakest_step + 1}`),
    ),
    card.chart,
  );
  card.node.style.setProperty("--height", `${60 + ROW_PX * data.n_steps + AXIS_PX}px`);
  if (lazy()) {
    card.chart.style.minHeight = `${ROW_PX * data.n_steps + AXIS_PX}px`;
    near.observe(card.node);
  } else fill(card);
  return card;
}

// A candidate's steps and figure come as JSON text: Gradio walks every value it can see several
// times at each update.
function inside(card) {
  card.inside ??= JSON.parse(card.data.detail);
  return card.inside;
}

function lazy() {
  const steps = value.candidates.reduce((n, one) => n + (one.n_steps ?? 0), 0);
  return value.candidates.length > MANY_CARDS || steps > MANY_STEPS;
}

// The card's rows; the size observer then draws the bars, before anything is painted.
function fill(card) {
  if (card.rows) return;
  card.rows = inside(card).steps.map((step, i) => row(card, step, i));
  card.rows[0].tabIndex = 0;
  card.tracks = card.rows.map((one) => one.querySelector(".bd-track"));
  const steps = make("ol", { "aria-label": "Steps" }, ...card.rows.map((one) => make("li", {}, one)));
  card.chart.style.minHeight = "";
  card.chart.append(card.plot, steps);
  card.chart.after(...inside(card).rationales.map(wrote));
  sizes.observe(card.chart);
}

// What a verifier wrote of the solution, as it was written.
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
      make("span", { class: "bd-words" }, make("span", {}, ...words(step, true))),
      marks.length ? make("span", { class: "bd-mark" }, ...marks.map((mark) => text("i", "", mark))) : null,
    ),
    make("span", { class: "bd-track" }),
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
  const { ranks, tied, shown, letter } = card.data;
  const ranked = value.status !== "running";
  const rank = ranks[method] + (tied[method] ? "=" : "");
  card.rank.textContent = ranked ? rank : "–";
  card.rank.title = ranked && tied[method] ? "tied" : "";
  card.score.textContent = shown[method];
  card.score.title = String(card.data.scores[method]);
  card.node.classList.toggle("bd-first", ranked && ranks[method] === 1);
  const place = ranked ? `rank ${ranks[method]}${tied[method] ? ", tied" : ""}, ` : "";
  card.node.setAttribute("aria-label", `Solution ${letter}, ${place}score ${shown[method]}`);
  card.section?.querySelectorAll("[data-rule]").forEach((line) => {
    line.classList.toggle("bd-on", line.dataset.rule === method);
  });
}

// The wanted order of the cards: the editor's while scoring, then the ranking with ties in the
// editor's order, and last what was not scored.
function wanted() {
  const all = [...cards.values()].sort((a, b) => a.index - b.index);
  if (value.status === "running") return all;
  const rank = (card) => (card.data ? card.data.ranks[method] : Infinity);
  return all.sort((a, b) => (rank(a) === rank(b) ? 0 : rank(a) - rank(b)));
}

// Move the cards to their places. Nodes that stand right stay; the focus stays where it is.
function arrange(slide) {
  const order = wanted().map((card) => card.node);
  if (order.every((node, i) => node === list.children[i])) return;
  slide = slide && !still.matches && !panels[0].hidden;
  const before = slide ? order.map((node) => node.getBoundingClientRect().top) : [];
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
  const after = order.map((node) => node.getBoundingClientRect().top);
  order.forEach((node, i) => {
    const away = before[i] - after[i];
    const seen = Math.min(before[i], after[i]) < innerHeight && Math.max(before[i], after[i]) > -2000;
    if (away === 0 || !seen) return;
    node.animate([{ transform: `translateY(${away}px)` }, { transform: "none" }], {
      duration: SLIDE_MS,
      easing: "ease-out",
    });
  });
}

// --- bars: the figure comes from Python; its bars are put where the texts left room ---------------

const sizes = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const card = cardOf(entry.target);
    if (card) draw(card);
  }
});
const near = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      const card = cardOf(target);
      if (card) fill(card);
    }
  },
  { rootMargin: "800px" },
);

// The scored card that a node lies in.
function cardOf(node) {
  const found = node.closest(".bd-card");
  return [...cards.values()].find((card) => card.node === found && card.data);
}

function draw(card) {
  const width = card.chart.clientWidth;
  if (!width) return; // behind another tab; the observer calls again
  const place = card.tracks.map((track) => track.offsetTop + track.offsetHeight / 2);
  const key = [width, ...place].join();
  if (key === card.key) return;
  card.key = key;
  paint(card, place);
}

function paint(card, place) {
  const track = card.tracks[0];
  const { data, layout } = coloured(inside(card).figure, paletteNow());
  const height = card.chart.clientHeight;
  const margin = layout.margin;
  card.plot.style.left = `${track.offsetLeft - margin.l}px`;
  for (const trace of data) trace.y = place;
  layout.yaxis.range = [height - AXIS_PX, 0];
  layout.width = track.offsetWidth + margin.l + margin.r;
  layout.height = height;
  card.place = place;
  window.Plotly.react(card.plot, data, layout, { staticPlot: true, displayModeBar: false });
}

// The figure with its names of colours ("@good") replaced; always a fresh copy, for Plotly keeps
// and changes what it is given.
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
}

function togglePalette() {
  palette = palette === "default" ? "colour-blind" : "default";
  try {
    localStorage.setItem(STORED_PALETTE, palette);
  } catch {
    // remembered for this page only
  }
  showColours();
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
  const step = inside(card).steps[i];
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
  );
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
          make("th", { scope: "col" }, name),
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
          text("td", "", short(step.up_to[m])),
          text("td", "", short(card.data.scores[one.name])),
          text("td", "", step.without.length ? short(step.without[m]) : "–"),
        ),
      ),
    ),
  );
  card.section = make(
    "section",
    { class: "bd-detail", id: `${id}-detail-${card.index}`, "aria-label": heading },
    make("div", { class: "bd-whole" }, text("h3", "bd-cap", heading), make("div", { class: "bd-text" }, ...words(step, false)), facts),
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
const short = (number) => (number !== 0 && number < 0.0005 ? number.toExponential(0) : number.toFixed(3));

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
  for (const one of card.rows) one.tabIndex = -1;
  card.rows[i].tabIndex = 0;
  card.rows[i].focus();
}

const rowAt = (event) => event.target.closest(".bd-row[data-step]");

function toggle(card, i) {
  if (card.opened === i) closeStep(card);
  else openStep(card, i);
}

list.addEventListener("click", (event) => {
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
  const last = card.rows.length - 1;
  const order = wanted().filter((one) => one.data);
  const at = order.indexOf(card);
  switch (event.key) {
    case "Enter":
    case " ":
      toggle(card, i);
      break;
    case "ArrowDown":
    case "j":
      if (i < last) focusRow(card, i + 1);
      else if (order[at + 1]) focusRow(order[at + 1], 0);
      break;
    case "ArrowUp":
    case "k":
      if (i > 0) focusRow(card, i - 1);
      else if (order[at - 1]) focusRow(order[at - 1], order[at - 1].data.n_steps - 1);
      break;
    case "Home":
      focusRow(card, 0);
      break;
    case "End":
      focusRow(card, last);
      break;
    default:
      return;
  }
  event.preventDefault();
});

// --- the table: everything, for screen readers and for copying --------------------------------------

function fillTable() {
  const scored = wanted().filter((card) => card.data);
  const column = (name) => make("th", { scope: "col" }, name);
  const beside = scored.flatMap((card) => extras(inside(card).steps[0]).map(([name]) => name));
  const others = [...new Set(beside)];
  const scores = make(
    "table",
    {},
    make("caption", {}, "Scores" + (value.model ? ` by ${value.model}` : "")),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ...["Solution", "Rank", "Answer", "First error", "Weakest"].map(column),
        ...value.methods.map((one) =>
          make("th", { scope: "col", class: one.name === method ? "bd-on" : null }, one.label),
        ),
      ),
    ),
    make(
      "tbody",
      {},
      ...scored.map(({ data }) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, data.letter),
          text("td", "", data.ranks[method] + (data.tied[method] ? "=" : "")),
          text("td", "", data.answer ?? "–"),
          text("td", "", data.first_error === null ? "–" : data.first_error + 1),
          text("td", "", data.weakest_step + 1),
          ...value.methods.map((one) =>
            text("td", one.name === method ? "bd-on" : "", data.shown[one.name]),
          ),
        ),
      ),
    ),
  );
  const steps = make(
    "table",
    { class: "bd-long" },
    make("caption", {}, "Steps"),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ...["Solution", "Step", "Probability", "Log-odds", ...others, "Text", "Mark"].map(column),
      ),
    ),
    ...scored.map(({ data }, k) =>
      make(
        "tbody",
        {},
        ...inside(scored[k]).steps.map((step, i) =>
          make(
            "tr",
            { class: i === data.first_error ? "bd-error" : null },
            make("th", { scope: "row" }, data.letter),
            text("td", "", i + 1),
            text("td", `bd-ink-${step.band}`, step.exact),
            ...[logOdds(step), ...others.map((name) => new Map(extras(step)).get(name) ?? "–")].map(
              (words) => text("td", "", words.replace("−", "-")), // a number where it is pasted
            ),
            text("td", "bd-text", step.text),
            text(
              "td",
              "bd-mark",
              [
                step.below ? `below ${value.threshold}` : "",
                i === data.first_error ? "first error" : "",
                i === data.weakest_step ? "weakest" : "",
                step.thinking ? "thinking" : "",
              ]
                .filter(Boolean)
                .join(", "),
            ),
          ),
        ),
      ),
    ),
  );
  const scroller = (content, label) =>
    make("div", { class: "bd-scroll", tabindex: "0", role: "region", "aria-label": label }, content);
  table.replaceChildren(scroller(scores, "Scores"), scroller(steps, "Steps"));
}

// --- states ----------------------------------------------------------------------------------------

function showEmpty() {
  empty.replaceChildren(
    text("p", "", "Write a problem and its solutions, then press Score: every step gets a probability of being right."),
    make(
      "div",
      { class: "bd-examples" },
      ...value.examples.map((one, index) =>
        make(
          "button",
          {
            type: "button",
            onclick: () => {
              document.dispatchEvent(new CustomEvent("prm:example", { detail: one.id }));
              trigger("example", { id: one.id, index });
            },
          },
          one.label,
        ),
      ),
    ),
  );
}

function showNote() {
  const { status, message, candidates } = value;
  const running = status === "running";
  const n = candidates.filter((one) => one.detail).length;
  const sentence = message || `${n} of ${candidates.length} solutions scored`;
  doing.textContent = running ? sentence : "";
  progress.hidden = !running;
  progress.firstChild.style.width = `${(100 * n) / Math.max(1, candidates.length)}%`;
  progress.setAttribute("aria-valuenow", String(n));
  progress.setAttribute("aria-valuemax", String(candidates.length));
  progress.setAttribute("aria-label", sentence);
  const bad = status === "failed";
  note.hidden = !bad && status !== "cancelled";
  if (!note.hidden) {
    const words = message || (bad ? "Scoring failed." : "Cancelled.");
    note.replaceChildren(make("p", { role: bad ? "alert" : "status" }, words));
  }
}

function forget(card) {
  if (card.data) {
    sizes.unobserve(card.chart);
    near.unobserve(card.node);
    if (card.place) window.Plotly.purge(card.plot);
  }
  card.node.remove();
}

// Bring the page to `props.value`. Cards of the same run that have their bars are left alone.
function update() {
  const before = value;
  value = props.value;
  if (!value || !value.methods) return;
  if (!radios.size) buildRules();
  root.dataset.status = value.status;
  list.classList.toggle("bd-many", lazy());
  const fresh = before === null || before.run !== value.run;
  if (fresh) {
    cards.forEach(forget);
    cards.clear();
  }
  for (const candidate of value.candidates) {
    const old = cards.get(candidate.index);
    if (old && !candidate.detail === !old.data) {
      if (old.data) Object.assign(old.data, { ranks: candidate.ranks, tied: candidate.tied });
      continue;
    }
    const card = candidate.detail ? scoredCard(candidate) : skeleton(candidate);
    cards.set(candidate.index, card);
    if (old) old.node.replaceWith(card.node);
    else list.append(card.node);
    if (old) forget(old);
  }
  const none = value.candidates.length === 0;
  empty.hidden = !(none && value.status === "empty");
  results.hidden = none;
  if (!empty.hidden) showEmpty();
  showNote();
  showRule();
  showVerdict();
  cards.forEach((card) => {
    showStanding(card);
    if (!card.data && value.status !== "running") {
      card.node.classList.add("bd-left-out");
      card.node.querySelector(".bd-hint").textContent = "not scored";
    }
  });
  arrange(!fresh);
  if (!panels[1].hidden) fillTable();
}

showTab(0);
showColours();
watch("value", update);
update();

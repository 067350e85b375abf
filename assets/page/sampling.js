// The panel that lets a server write solutions into the editor (prm_core/ui/sampling.py). Runs after
// state.js, and works through `prm.editor`.
//
// The key is in its field, in the request that is being sent, and nowhere else.

const panel = element.querySelector(".prm-sampler");
const fields = Object.fromEntries(
  [...element.querySelectorAll("[data-field]")].map((field) => [field.dataset.field, field]),
);
const issue = element.querySelector(".prm-issue");
const line = element.querySelector(".prm-sampler-said");
const go = element.querySelector(".prm-sampler-go");
const cancel = element.querySelector(".prm-sampler-cancel");
const names = element.querySelector("datalist");

const KEPT = "prm-inspector.sampling";

let run = 0; // the number of the last press
let running = false;
let problem = ""; // what it is about
let asked = ""; // the request, until Gradio takes it
let letters = []; // of the solutions of this run
let next = ""; // the tree of a search that goes on once the cancelled run is over
const cancelling = prm.cancelling(ended);

// --- the panel ----------------------------------------------------------------------------------

function show(words) {
  line.textContent = words;
  cancel.hidden = !running;
  go.hidden = running;
}

function showIssue(words, where = "") {
  issue.textContent = words;
  issue.hidden = !words;
  for (const [name, field] of Object.entries(fields)) {
    if (words && name === where) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  }
  fields[where]?.focus();
}

function toggle(button, open) {
  panel.hidden = !open;
  button.setAttribute("aria-expanded", String(open));
  if (open) fields.url.focus();
}

// The server and the settings are restored with the page, the key never.
function keep() {
  const kept = Object.entries(fields).filter(([name]) => name !== "key");
  const values = Object.fromEntries(kept.map(([name, field]) => [name, field.value]));
  try {
    localStorage.setItem(KEPT, JSON.stringify(values));
  } catch {
    // full or forbidden: it is typed again
  }
}

function restore() {
  try {
    for (const [name, value] of Object.entries(JSON.parse(localStorage.getItem(KEPT)) ?? {})) {
      if (name !== "key" && fields[name] && typeof value === "string") fields[name].value = value;
    }
  } catch {
    // not ours
  }
}

// --- a run ----------------------------------------------------------------------------------------

// `half` is the tree of a search that goes on, as text.
function start(half = "") {
  if (running) return;
  if (go.disabled) {
    next = half;
    return;
  }
  const guided = half !== "" || fields.way.value !== "";
  const room = guided ? props.most : prm.editor.room();
  if (!room) {
    showIssue(`${props.most} solutions are the most; remove one first.`);
    return;
  }
  problem = prm.draft.problem;
  fields.n.value = String(Math.min(fields.n.valueAsNumber || 0, room) || fields.n.value);
  asked = JSON.stringify({
    run: ++run,
    problem,
    url: fields.url.value,
    key: fields.key.value,
    model: fields.model.value,
    n: fields.n.valueAsNumber,
    temperature: fields.temperature.valueAsNumber,
    max_tokens: fields.max_tokens.valueAsNumber,
    ...(guided ? searchOf(half) : {}),
  });
  letters = [];
  next = "";
  running = true;
  searching = guided;
  showIssue("");
  show("Waiting for the server…");
  trigger("submit");
}

prm.takeSampling = () => {
  const request = asked;
  asked = "";
  return [request];
};

function stop(words) {
  if (!running) return;
  running = false;
  cancelling.begin();
  trigger("stop");
  go.disabled = true;
  if (letters.length) prm.editor.endArriving(words);
  show(words);
  endSearch();
}

function ended() {
  go.disabled = false;
  if (next) start(next);
}

watch("value", () => {
  const value = props.value;
  if (!value || value.run !== run) return;
  if (!running) { // sent before the cancel arrived
    if (value.running) trigger("stop");
    return;
  }
  if (value.search) {
    showSearch(value);
    return;
  }
  letters = prm.editor.arrive(value.texts);
  const there = letters.filter(Boolean).length;
  if (value.running) {
    if (there) show(`${prm.several(there, "solution")} of ${value.texts.length} being written…`);
    return;
  }
  running = false;
  names.replaceChildren(...value.models.map((name) => {
    const option = document.createElement("option");
    option.value = name;
    return option;
  }));
  showIssue(value.issue, value.where);
  if (value.issue && !there) {
    show("");
    endSearch();
    return;
  }
  keep();
  const said = summary(value, there);
  prm.editor.endArriving(`${prm.several(there, "solution")} sampled from ${value.model}.`);
  show(said);
});

// Notes on what was written.
function summary({ ends, texts, seconds }, there) {
  const of = (is) => ends.map((end, i) => is(end, i) && (letters[i] ?? "one")).filter(Boolean);
  const cut = of((end) => end === "length");
  const failed = of((end) => !["stop", "length", ""].includes(end) && end.includes(" "));
  const left = texts.filter((text, i) => text.trim() && !letters[i]).length;
  const empty = texts.filter((text) => !text.trim()).length;
  const why = ends.find((end) => end.includes(" "));
  return [
    `${prm.several(there, "solution")} in ${Math.ceil(seconds)} s.`,
    cut.length ? `Cut at the limit: ${cut.join(", ")}.` : "",
    failed.length ? `Interrupted: ${failed.join(", ")} (${why}).` : "",
    empty ? `${empty} came without a text.` : "",
    left ? `${left} found no room.` : "",
    problem !== prm.draft.problem ? "They are for an earlier version of the problem." : "",
  ].filter(Boolean).join(" ");
}

// --- wiring -----------------------------------------------------------------------------------------

go.addEventListener("click", () => start());
cancel.addEventListener("click", () => {
  stop("Cancelled; what was written stays.");
  go.focus();
});
panel.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.target.type === "button") {
    return;
  }
  event.preventDefault();
  start();
});
document.addEventListener("prm:go-on", ({ detail: half }) => {
  if (panel.hidden) toggle(document.querySelector(".prm-sample"), true);
  start(half);
});
// What is wrong with a field, or with no field in particular, until it is mended.
panel.addEventListener("input", ({ target }) => {
  const wrong = Object.values(fields).filter((field) => field.matches("[aria-invalid=true]"));
  if (!wrong.length || wrong.includes(target)) showIssue("");
});
// Another text in the editor: what is still to come does not belong to it.
document.addEventListener("prm:arrived", ({ detail: { whole } }) => {
  letters = [];
  if (!whole && !searching) stop("Cancelled: the editor now contains another text.");
});
document.addEventListener("prm:ended-sampling", () => {
  if (cancelling.hear() || !running) return;
  running = false;
  prm.editor.endArriving(letters.length ? "What was sampled stays." : "");
  show("");
  showIssue(`The run ended early; what was written stays. Press ${go.textContent} again.`);
  endSearch();
});
// A page that the browser keeps for Back would keep the key too.
addEventListener("pagehide", () => {
  fields.key.value = "";
});
prm.loaded.then(() => {
  const button = document.querySelector(".prm-sample");
  button.hidden = false;
  button.setAttribute("aria-controls", panel.id);
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => toggle(button, panel.hidden));
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    toggle(button, false);
    button.focus();
  });
  restore();
});

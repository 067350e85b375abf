// The model's field (`prm_core.ui.model_field`): a combobox by the ARIA pattern, with a list of what
// is known and, on your own page, room for any name, folder and options. Runs after state.js.
// Its value follows every key, so what the field shows is what Score takes.

const input = element.querySelector("input");
const button = element.querySelector(".prm-model-open");
const pop = element.querySelector(".prm-model-pop");
const options = element.querySelector("[role=listbox]");
const SETTLE_MS = 400; // the badge asks for a model's state when typing pauses

const issue = () => document.querySelector("#prm-model-issue");
const lineOf = (words) =>
  props.choices.find((one) => one.label === words.trim())?.line ?? words.trim();
const wordsOf = (line) => props.choices.find((one) => one.line === line)?.label ?? line;

let active = -1;
let shown = []; // the nodes of the options in sight
let settle = 0;
let checked = 0;

// --- the value --------------------------------------------------------------------------------------

function set(line) {
  props.value = line;
  prm.model = line;
  prm.store(prm.MODEL, line);
  prm.changed();
  clearTimeout(settle);
  settle = setTimeout(() => document.dispatchEvent(new CustomEvent("prm:model")), SETTLE_MS);
}

function pick(node) {
  const choice = props.choices[node.dataset.at];
  input.value = choice.label;
  tellIssue("");
  set(choice.line);
  close();
  check();
}

function restore() {
  const kept = prm.stored(prm.MODEL);
  const known = props.choices.some((one) => one.line === kept);
  const line = kept && (known || !props.listed_only) ? kept : props.value;
  input.value = wordsOf(line);
  set(line);
  prm.arrived("model");
}

// --- the list ---------------------------------------------------------------------------------------

function build() {
  options.replaceChildren(...props.choices.map((choice, at) => {
    const node = document.createElement("li");
    node.id = `prm-model-option-${at}`;
    node.role = "option";
    node.dataset.at = at;
    const name = document.createElement("span");
    name.textContent = choice.label;
    const note = document.createElement("small");
    note.textContent = choice.note;
    node.append(name, " ", note);
    return node;
  }));
}

// Shows the options that contain the words; without words, all of them.
function open(words = "") {
  const wanted = words.toLowerCase();
  shown = [...options.children].filter((node, at) => {
    const { label, line } = props.choices[at];
    node.hidden = !`${label} ${line}`.toLowerCase().includes(wanted);
    return !node.hidden;
  });
  if (!shown.length) {
    close();
    return;
  }
  pop.hidden = false;
  input.setAttribute("aria-expanded", "true");
  activate(-1);
}

function close() {
  pop.hidden = true;
  input.setAttribute("aria-expanded", "false");
  activate(-1);
}

function activate(at) {
  active = at;
  for (const node of options.children) {
    node.setAttribute("aria-selected", String(node === shown[at]));
  }
  if (at < 0) input.removeAttribute("aria-activedescendant");
  else {
    input.setAttribute("aria-activedescendant", shown[at].id);
    shown[at].scrollIntoView({ block: "nearest" });
  }
}

function move(by) {
  if (pop.hidden) {
    open();
    const at = shown.findIndex((node) => props.choices[node.dataset.at].line === prm.model);
    activate(at >= 0 ? at : by > 0 ? 0 : shown.length - 1);
  } else activate((Math.max(active, by > 0 ? -1 : 0) + by + shown.length) % shown.length);
}

// --- what is wrong with it, said when the field is left -----------------------------------------------

let told = 0;

async function tellIssue(text) {
  const mine = ++told;
  await prm.released();
  const place = mine === told && issue();
  if (!place) return;
  place.textContent = text;
  place.hidden = !text;
  input.setAttribute("aria-invalid", String(Boolean(text)));
}

async function check() {
  const mine = ++checked;
  const line = prm.model;
  const words = await server.check_model(line).catch(() => "");
  if (mine === checked && line === prm.model && words) tellIssue(words);
}

// --- wiring -------------------------------------------------------------------------------------------

input.addEventListener("input", () => {
  checked += 1;
  tellIssue("");
  set(lineOf(input.value));
  open(input.value.trim());
});
input.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey) return;
  switch (event.key) {
    case "ArrowDown":
      move(1);
      break;
    case "ArrowUp":
      move(-1);
      break;
    case "Enter":
      if (!pop.hidden && active >= 0) pick(shown[active]);
      else {
        close();
        check();
      }
      break;
    case "Escape":
      close();
      break;
    case "Tab":
      close();
      return;
    default:
      return;
  }
  event.preventDefault();
});
input.addEventListener("click", () => (pop.hidden ? open() : close()));
input.addEventListener("focus", () => input.select());
input.addEventListener("blur", () => {
  close();
  if (!input.value.trim()) input.value = wordsOf(props.choices[0].line);
  if (lineOf(input.value) !== prm.model) set(lineOf(input.value));
  check();
});
// A press of the mouse must not take the focus out of the field.
for (const node of [button, pop]) {
  node.addEventListener("mousedown", (event) => event.preventDefault());
}
button.addEventListener("click", () => {
  input.focus();
  if (pop.hidden) open();
  else close();
});
options.addEventListener("click", (event) => {
  const node = event.target.closest("[role=option]");
  if (node) pick(node);
});
document.addEventListener("prm:issues", ({ detail }) => {
  const found = detail.find((one) => one.where === "model");
  if (found) {
    checked += 1;
    tellIssue(found.text);
  }
});
document.addEventListener("prm:model-state", ({ detail: { line, why } }) => {
  if (line === prm.model) tellIssue(why ?? "");
});

document.addEventListener("prm:ask-model", ({ detail: line }) => {
  input.value = wordsOf(line);
  tellIssue("");
  set(line);
  document.dispatchEvent(new CustomEvent("prm:score"));
});

build();
setTimeout(restore);

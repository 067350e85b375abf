// The right end of the header (`prm_core.ui.header.Tools`): badge, theme, help.

const badge = element.querySelector(".prm-badge");
const theme = element.querySelector(".prm-theme");
const help = element.querySelector(".prm-help");
const dialog = element.querySelector("dialog");
const THEME = "prm-inspector.theme";
const POLL_MS = 500;

// --- badge: asks until the model is ready or has failed ---------------------------------------

const AWAY = { kind: "failed", text: "server unreachable" };

let asked = 0;

function showState(state) {
  badge.dataset.kind = state.kind;
  badge.textContent = state.text;
  badge.title = state.text;
}

// Why a model failed is said at its field.
function tellField(line, { kind, why }) {
  if (kind !== "failed" && kind !== "ready") return;
  document.dispatchEvent(new CustomEvent("prm:model-state", { detail: { line, why } }));
}

async function poll() {
  const model = prm.model || props.value;
  const mine = ++asked;
  for (;;) {
    let state;
    try {
      state = (await server.model_state(model)) ?? AWAY; // Gradio gives nothing for a lost request
    } catch {
      state = AWAY;
    }
    if (mine !== asked) return;
    showState(state);
    if (state !== AWAY) tellField(model, state);
    if (state.kind !== "loading") return;
    await new Promise((done) => setTimeout(done, POLL_MS));
    if (mine !== asked) return;
  }
}

document.addEventListener("prm:model", poll);
document.addEventListener("prm:away", ({ detail: away }) => {
  asked += 1; // an answer still on its way is out of date
  if (away) showState(AWAY);
  else poll();
});
poll();

// --- light or dark: the system's choice until the person makes one ----------------------------

function dark() {
  return document.body.classList.contains("dark");
}

function setDark(on) {
  document.body.classList.toggle("dark", on);
  theme.setAttribute("aria-pressed", String(on));
}

try {
  const kept = localStorage.getItem(THEME);
  if (kept) setDark(kept === "dark");
} catch {
  // Storage is forbidden: the system's choice stays.
}
theme.setAttribute("aria-pressed", String(dark()));
theme.addEventListener("click", () => {
  setDark(!dark());
  try {
    localStorage.setItem(THEME, dark() ? "dark" : "light");
  } catch {
    // The choice holds until the page is left.
  }
});

// --- help -------------------------------------------------------------------------------------

help.addEventListener("click", () => dialog.showModal());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest(".prm-close")) dialog.close();
});

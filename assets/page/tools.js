// The right end of the header (`prm_core.ui.header.Tools`): badge, theme, help.

const badge = element.querySelector(".prm-badge");
const theme = element.querySelector(".prm-theme");
const help = element.querySelector(".prm-help");
const dialog = element.querySelector("dialog");
const THEME = "prm-inspector.theme";
const POLL_MS = 500;

// --- badge: asks until the model is ready or has failed ---------------------------------------

let asked = 0;

async function poll() {
  const mine = ++asked;
  for (;;) {
    let state;
    try {
      state = await server.model_state(props.value);
    } catch {
      state = { kind: "failed", text: "server unreachable" };
    }
    if (mine !== asked) return;
    badge.dataset.kind = state.kind;
    badge.textContent = state.text;
    badge.title = state.text;
    if (state.kind !== "loading") return;
    await new Promise((done) => setTimeout(done, POLL_MS));
    if (mine !== asked) return;
  }
}

watch("value", poll);
document.addEventListener("prm:model", poll);
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

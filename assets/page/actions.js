// Score, Cancel and the status line (`prm_core.ui.actions`).
//
// The server's word decides what is shown; a press shows at once, before the server answers.

const score = element.querySelector(".prm-score");
const cancel = element.querySelector(".prm-cancel");
const line = element.querySelector(".prm-state");
const SLOW_MS = 400; // a quicker answer needs no word

let running = false;
let slow = 0;

function show({ running: now, message }) {
  clearTimeout(slow);
  running = now;
  score.setAttribute("aria-disabled", String(running));
  cancel.hidden = !running;
  line.textContent = message;
}

function start() {
  if (running) return;
  document.dispatchEvent(new CustomEvent("prm:before-score"));
  document.dispatchEvent(new CustomEvent("prm:issues", { detail: [] }));
  show({ running: true, message: "" });
  slow = setTimeout(() => { line.textContent = "Waiting for the model…"; }, SLOW_MS);
  trigger("submit");
}

score.addEventListener("click", start);
cancel.addEventListener("click", () => {
  if (document.activeElement === cancel) score.focus();
  show({ running: false, message: "Cancelled." });
  trigger("stop");
});
document.addEventListener("prm:score", start);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  start();
});
watch("value", () => {
  show(props.value);
  document.dispatchEvent(new CustomEvent("prm:issues", { detail: props.value.issues }));
});

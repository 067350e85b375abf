// Score, Cancel and the status line (`prm_core.ui.actions`).
//
// The server's word decides what is shown; a press shows at once, before the server answers.

const score = element.querySelector(".prm-score");
const cancel = element.querySelector(".prm-cancel");
const line = element.querySelector(".prm-state");
const SLOW_MS = 400; // a quicker answer needs no word
const UNKNOWN_MS = 1000; // for so long a run may have no number yet, by which Gradio cancels it

let running = false;
let announced = false; // the server has said that it runs
let slow = 0;
let cancelled = false; // the run that was started last
let stopping = false; // it is cancelled but not over; Gradio would pass over another one
let wanted = false; // Score was pressed meanwhile
let late = 0;

function show({ running: now, message }) {
  clearTimeout(slow);
  running = now;
  score.setAttribute("aria-disabled", String(running));
  cancel.hidden = !running;
  line.textContent = message;
}

function start() {
  if (running) return;
  wanted = stopping;
  if (stopping) return;
  cancelled = announced = false;
  document.dispatchEvent(new CustomEvent("prm:before-score"));
  document.dispatchEvent(new CustomEvent("prm:issues", { detail: [] }));
  show({ running: true, message: "" });
  slow = setTimeout(() => { line.textContent = "Waiting for the model…"; }, SLOW_MS);
  trigger("submit");
}

function stop() {
  clearTimeout(late);
  late = 0;
  trigger("stop");
}

score.addEventListener("click", start);
cancel.addEventListener("click", () => {
  if (document.activeElement === cancel) score.focus();
  show({ running: false, message: "Cancelled." });
  cancelled = stopping = true;
  if (announced) stop(); else late = setTimeout(stop, UNKNOWN_MS);
});
document.addEventListener("prm:failed", (event) => {
  if (cancelled) event.preventDefault();
});
document.addEventListener("prm:score", start);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  start();
});
watch("value", () => {
  if (stopping && props.value.running) { // what was on its way
    if (late) stop();
    return;
  }
  stopping = false;
  announced = props.value.running;
  show(props.value);
  document.dispatchEvent(new CustomEvent("prm:model"));
  document.dispatchEvent(new CustomEvent("prm:issues", { detail: props.value.issues }));
  if (wanted) start();
});

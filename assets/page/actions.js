// Score, Cancel and the status line (`prm_core.ui.actions`). Runs after state.js and away.js.
//
// What the server says decides what is shown; a press shows at once, before the server answers.

const score = element.querySelector(".prm-score");
const what = element.querySelector(".prm-what");
const all = element.querySelector(".prm-all");
const cancel = element.querySelector(".prm-cancel");
const line = element.querySelector(".prm-state");
const SLOW_MS = 400; // a quicker answer needs no message
const UNKNOWN_MS = 1000; // for this long a run may still lack the number by which Gradio cancels it
const ALIVE_MS = 1500; // for this long Score waits to learn whether the server answers
const ENDED_MS = 1000; // within this time an end may turn out to be another run's
const UNHEARD_MS = 20_000; // silence after which Gradio no longer listens to the server
const UNHEARD_AFTER_AWAY_MS = 3000; // … which is likely after the server was unreachable
const RESUME = "prm-inspector.resume";

let running = false;
let announced = false; // the server has said that it runs
let slow = 0;
let unheard = 0;
let wasAway = false; // since the page was loaded
let cancelled = false; // the run that was started last
let stopping = false; // it is cancelled but not over; Gradio would pass over another one
let wanted = false; // Score was pressed in the meantime
let late = 0;
let heard = 0; // how often the server has said something
let resumed = false; // the page started this run by itself; it does so once
let reloaded = prm.stored(RESUME) === "1"; // the page was loaded for this run

function tell(name, detail) {
  document.dispatchEvent(new CustomEvent(name, { detail }));
}

function show({ running: now, message }) {
  clearTimeout(slow);
  running = now;
  score.setAttribute("aria-disabled", String(running));
  cancel.hidden = !running;
  line.textContent = message;
  offerDue();
}

// What Score would judge, if that is not everything.
function offerDue() {
  const { fresh, changed, fresher } = prm.due();
  const n = changed.length + fresher.length;
  const some = !running && fresh.length > 0 && n > 0;
  const kind = !fresher.length ? "changed" : !changed.length ? "new" : "changed or new";
  what.textContent = some ? ` ${n} ${kind}` : "";
  all.hidden = !some;
}

// --- start ----------------------------------------------------------------------------------------

async function start() {
  if (running) return;
  wanted = stopping;
  if (stopping) return;
  cancelled = announced = false;
  tell("prm:before-score");
  tell("prm:issues", []);
  show({ running: true, message: "" });
  slow = setTimeout(() => {
    line.textContent = "Waiting for the model…";
  }, SLOW_MS);
  const there = await serverAnswers(ALIVE_MS);
  if (cancelled) {
    over();
    return;
  }
  if (there === false) {
    tellAway(true);
    lose();
    return;
  }
  trigger("submit");
  clearTimeout(unheard);
  unheard = setTimeout(reload, wasAway ? UNHEARD_AFTER_AWAY_MS : UNHEARD_MS);
}

// Gradio takes a stream that was cut between a run's end and its own for open: it asks for no other
// one and waits forever. A new page has a new one; text and results come back, and the run begins.
async function reload() {
  const waits = () => running && !announced && !reloaded;
  if (waits() && (await serverAnswers()) && waits() && prm.store(RESUME, "1")) location.reload();
}

// --- the end, as the server or Gradio reports it -------------------------------------------------------

// A cancelled run is over; only now would Gradio start another one.
function over() {
  clearTimeout(late);
  late = 0;
  stopping = false;
  show({ running: false, message: "Cancelled." });
  startWanted();
}

// Score that was pressed right after Cancel starts a new run.
function startWanted() {
  if (!wanted) return;
  prm.judgeAll = true;
  start();
}

// The server cannot be reached in the middle of a run, or before it.
function lose() {
  prm.store(RESUME, resumed ? "" : "1");
  show({ running: false, message: AWAY + (resumed ? "" : " Scoring resumes when it is back.") });
  tell("prm:lost", "The server was lost; what was scored stays.");
}

// The request stays until the run is over: Gradio reloads the page when it reconnects, on a busy
// machine long after the run began, and what was started in between is lost.
function resume() {
  if (prm.stored(RESUME) !== "1" || running) return;
  resumed = true;
  start();
}

document.addEventListener("prm:away", ({ detail: gone }) => {
  wasAway = true;
  if (gone && running) lose();
  else if (gone) line.textContent = AWAY;
  else {
    show({ running, message: "The server is back." });
    resume();
  }
});
document.addEventListener("prm:loaded", resume);
document.addEventListener("prm:ended", async () => {
  if (cancelled) {
    over();
    return;
  }
  // It may be the end of the run before this one, which Gradio reports twice.
  const before = heard;
  await new Promise((done) => setTimeout(done, ENDED_MS));
  if (running && heard === before && !away && (await askServer())) {
    const words =
      "The run ended without results; the server may be busy. Your text is kept; press Score again in a minute.";
    show({ running: false, message: words });
    tell("prm:lost", words);
  }
});

// --- presses -------------------------------------------------------------------------------------------

// Gradio reloads a page that had lost the server, soon or late; the run resumes then.
function press() {
  resumed = reloaded = false;
  prm.store(RESUME, wasAway ? "1" : "");
  start();
}

function stop() {
  clearTimeout(late);
  late = 0;
  trigger("stop");
}

score.addEventListener("click", press);
all.addEventListener("click", () => {
  prm.judgeAll = true;
  score.focus();
  press();
});
cancel.addEventListener("click", () => {
  if (document.activeElement === cancel) score.focus();
  show({ running: false, message: "Cancelled." });
  prm.store(RESUME, "");
  cancelled = stopping = true;
  tell("prm:cancelled");
  if (announced) stop();
  else late = setTimeout(stop, UNKNOWN_MS);
});
document.addEventListener("prm:score", press);
// What was said of a run is not said of results that come from elsewhere.
for (const name of ["prm:show-results", "prm:earlier-results"]) {
  document.addEventListener(name, () => {
    if (!running && !away) line.textContent = "";
  });
}
document.addEventListener("prm:changed", offerDue);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  press();
});

watch("value", () => {
  heard += 1;
  if (stopping && props.value.running) { // sent before the cancel arrived
    if (late) stop();
    return;
  }
  stopping = false;
  announced = props.value.running;
  if (!announced) prm.store(RESUME, "");
  show(props.value);
  tell("prm:model");
  tell("prm:issues", props.value.issues);
  startWanted();
});

watchServer(() => running);

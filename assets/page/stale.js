// The rest of the Board: whether what it shows still belongs to what stands on the left, what stays
// of earlier results, and what is kept over a reload. Runs after board.js, in the same function.

let frozen = false; // Cancel was pressed: the cards stay where they are
let stopped = false; // … and what still comes of that run is over
let before = null; // the results before those that are shown
let chosen = null; // earlier results that somebody asked for, which stay although they are stale
let restoring = true;
let saved = null; // the value that the storage holds
const SAVE_RESULTS_MS = 300;

// --- what is stale ------------------------------------------------------------------------------

function showStale() {
  if (!value) return;
  const scored = [...cards.values()].filter((card) => card.data);
  for (const card of scored) {
    const why = prm.staleness(value, card.data);
    if (card.why === why) continue;
    card.why = why;
    card.stale.textContent = why;
    card.stale.hidden = !why;
    card.node.classList.toggle("bd-stale", Boolean(why));
    showStanding(card);
  }
  root.dataset.gold = (value.gold ?? null) === (prm.draft.gold ?? null) ? "same" : "other";
  const stale = scored.filter((card) => card.why);
  if (scored.length && stale.length === scored.length && value !== chosen && fits(before)) {
    swapBefore(); // an Undo brought back what they are of
    return;
  }
  root.classList.toggle("bd-all-stale", scored.length > 0 && stale.length === scored.length);
  const words = outdatedWords(stale, scored.length);
  if (outdatedNote.textContent !== words) outdatedNote.textContent = words;
  outdatedNote.hidden = !words;
}

function outdatedWords(stale, n) {
  if (!stale.length) return "";
  const whole = prm.outdated(value);
  if (whole) return `Not for what stands on the left: ${whole}.`;
  const named = stale.slice(0, 5).map((card) => `${card.letter} (${card.why})`).join(", ");
  const more = stale.length > 5 ? ` and ${stale.length - 5} more` : "";
  return `${stale.length} of ${n} no longer ${
    stale.length === 1 ? "matches" : "match"
  } the text on the left: ${named}${more}.`;
}

// Whether the solutions were cut alike, and what no longer is as it was judged.
function showFacts() {
  cutNote.textContent = value.cut_note ?? "";
  cutNote.hidden = !value.cut_note;
  showStale();
}

document.addEventListener("prm:changed", showStale);

// --- results before these -------------------------------------------------------------------------

// Whether results belong to what stands on the left, every one of them.
function fits(results) {
  const scored = results?.candidates.filter((one) => one.detail) ?? [];
  const idle = root.dataset.status !== "running";
  return idle && scored.length > 0 && scored.every((one) => !prm.staleness(results, one));
}

const hasScores = (one) => Boolean(one?.candidates.some((candidate) => candidate.detail));

// Until a run has its first score, and where it ends without one, the results before it stay.
function bringsNothing(next) {
  return next.candidates.length > 0 && !hasScores(next) && hasScores(value);
}

function keepBefore(next) {
  if (value !== next && value?.run !== next.run && hasScores(value)) before = value;
  beforeButton.hidden = !hasScores(before) || next.status === "running";
}

function swapBefore() {
  const now = value;
  show(before);
  before = now;
}

const beforeButton = make(
  "button",
  {
    type: "button",
    class: "bd-before",
    hidden: true,
    onclick: () => {
      chosen = before;
      swapBefore();
    },
  },
  "results before these",
);
colours.before(beforeButton);

// --- Cancel, and a server that is lost --------------------------------------------------------------

function isOver(next) {
  return stopped && next.status === "running";
}

function stop(status, message) {
  if (root.dataset.status !== "running") return;
  stopped = frozen = true;
  const ended = { ...value, status, message };
  if (value.status === "running") {
    props.value = ended;
    show(ended);
  } else showNote(ended);
}

document.addEventListener("prm:before-score", () => {
  stopped = false;
});
document.addEventListener(
  "prm:cancelled",
  () => stop("cancelled", "Cancelled; what was scored stays."),
);
document.addEventListener("prm:lost", (event) => stop("cancelled", event.detail));

// --- over a reload ------------------------------------------------------------------------------------

let saving = 0;

// Soon, but not in the way of what is being drawn.
function keepResults() {
  clearTimeout(saving);
  saving = setTimeout(saveNow, SAVE_RESULTS_MS);
}

function saveNow() {
  clearTimeout(saving);
  if (!restoring && hasScores(value) && value !== saved) {
    prm.saveResults(value);
    saved = value;
  }
}

function keepView() {
  if (!restoring) prm.saveView({ method, tab: panels.findIndex((panel) => !panel.hidden) });
}

// The server draws the stored numbers anew, and checks them as it checks any input.
async function restoreResults() {
  const [kept, view] = [prm.savedResults(), prm.savedView()];
  const again = kept && server.restore ? await server.restore(kept).catch(() => null) : null;
  const busy = hasScores(value) || root.dataset.status === "running";
  if (radios.has(view?.method)) {
    method = view.method;
    showRule();
  }
  if (again && !busy) {
    props.value = again;
    show(again);
    if (view?.tab === 1) showTab(1);
  }
  restoring = false;
  prm.arrived("board");
}

window.addEventListener("pagehide", saveNow);
setTimeout(restoreResults);

// --- begin ----------------------------------------------------------------------------------------------

showTab(0);
showColours();
watch("value", update);
update();

// The rest of the Board: whether what it shows still belongs to what is on the left, what stays of
// earlier results, and what survives a reload. Runs after board.js, in the same function.

let frozen = false; // Cancel was pressed: the cards stay where they are
let stopped = false; // … and whatever still arrives from that run is ignored
let before = null; // the results before those that are shown
let chosen = null; // earlier results that the visitor asked for; they stay although they are stale
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
  }
  root.dataset.gold = (value.gold ?? null) === (prm.draft.gold ?? null) ? "same" : "other";
  const stale = scored.filter((card) => card.why);
  const all = scored.length > 0 && stale.length === scored.length;
  if (all && value !== chosen && fits(before)) {
    swapBefore(); // an Undo brought back the text that they belong to
    return;
  }
  root.classList.toggle("bd-all-stale", all);
  const words = outdatedWords(stale);
  if (outdatedNote.textContent !== words) outdatedNote.textContent = words;
  outdatedNote.hidden = !words;
  rankAgain();
}

// The ranking and the verdict cover what is still there.
function rankAgain() {
  const was = [...standing.keys()].join();
  takeStock();
  showVerdict();
  cards.forEach(showStanding);
  if (was === [...standing.keys()].join()) return;
  arrange(true);
  fillView();
}

function outdatedWords(stale) {
  const whole = stale.length ? prm.outdated(value) : "";
  if (whole) return `Not for what the editor contains now: ${whole}.`;
  const removed = stale.filter((card) => card.why === prm.REMOVED);
  const edited = stale.filter((card) => card.why !== prm.REMOVED);
  const n = cards.size - removed.length;
  const named = some(edited, (card) => `${card.letter} (${card.why})`);
  const is = removed.length === 1 ? "is" : "are";
  const fresh = value.status === "running" ? [] : prm.due().unseen;
  return [
    edited.length &&
    `${edited.length} of ${n} no longer ${
      edited.length === 1 ? "matches" : "match"
    } the text in the editor: ${named}.`,
    removed.length &&
    `${some(removed, (card) => card.letter)} ${is} removed and no longer ranked.`,
    fresh.length &&
    `${some(fresh, (letter) => letter)} ${
      fresh.length === 1 ? "is" : "are"
    } new and not scored yet.`,
  ].filter(Boolean).join(" ");
}

// The first five of a list, and how many more.
function some(all, name) {
  const named = all.slice(0, 5).map(name);
  if (all.length > 5) named.push(`${all.length - 5} more`);
  return named.length < 2 ? named.join("") : `${named.slice(0, -1).join(", ")} and ${named.at(-1)}`;
}

// Whether all solutions were cut by one rule, and what has changed since it was judged.
function showFacts() {
  cutNote.textContent = value.cut_note ?? "";
  cutNote.hidden = !value.cut_note;
  showStale();
}

// A failure belongs to the model that was chosen then.
function forgetFailure() {
  if (noted?.status !== "failed" || noted.model_line === prm.model || !prm.model) return;
  noted = null;
  note.hidden = hasScores(value);
  note.replaceChildren(make("p", {}, "Nothing is scored yet; press Score."));
}

document.addEventListener("prm:changed", () => {
  forgetFailure();
  showStale();
});

// --- earlier results -------------------------------------------------------------------------

// Whether all results belong to what is on the left.
function fits(results) {
  const scored = results?.candidates.filter((one) => one.detail) ?? [];
  const idle = root.dataset.status !== "running";
  return idle && scored.length > 0 && scored.every((one) => !prm.staleness(results, one));
}

const hasScores = (one) => Boolean(one?.candidates.some((candidate) => candidate.detail));

// Until a run has its first score, and if it ends without one, the results before it stay.
function bringsNothing(next) {
  return next.candidates.length > 0 && !hasScores(next) && hasScores(value);
}

function keepBefore(next) {
  if (value !== next && value?.run !== next.run && hasScores(value)) before = value;
  keepOthers(next);
  beforeButton.hidden = !hasScores(before) || next.status === "running";
}

function forgetBefore() {
  before = null;
  beforeButton.hidden = true;
}

// What other models said of the same texts stays with the results, as text: Gradio walks values. The
// model that was on show before is the one to compare with. A run's results keep the tree too.
function keepOthers(next) {
  if (value === next || !hasScores(value) || value.problem !== next.problem) return;
  if (next.run && !next.search && sharesText(value, next)) {
    Object.assign(next, { search: value.search, compared_search: value.compared_search });
  }
  const again = value.model_line === next.model_line;
  const part = next.run === value.run && next.status === "running";
  const [others, other] = [next.others ?? value.others, next.other ?? value.other];
  if (part || (again && (next.others || !others))) {
    Object.assign(next, { others, other });
    return;
  }
  const [results, earlier] = [next, value].map(prm.plainResults);
  const found = prm.others.merged(results, earlier).others;
  next.others = found.length ? JSON.stringify(found) : undefined;
  next.other = again ? other : value.model_line;
}

// Whether results are of the same texts, some of them at least.
function sharesText(one, other) {
  const texts = new Set(one.candidates.map((candidate) => candidate.source));
  return other.candidates.some((candidate) => texts.has(candidate.source));
}

function swapBefore() {
  const now = value;
  show(before);
  before = now;
  document.dispatchEvent(new CustomEvent("prm:earlier-results"));
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
  "Earlier results",
);
colours.before(beforeButton);

// --- Cancel, and a lost server --------------------------------------------------------------

function isOver(next) {
  return stopped && next.status === "running";
}

function stop(status, message) {
  if (root.dataset.status !== "running") return;
  stopped = frozen = true;
  const ended = { ...value, status, message };
  if (value.status === "running") {
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

// Soon, but without delaying what is being drawn.
function keepResults() {
  clearTimeout(saving);
  saving = setTimeout(saveNow, SAVE_RESULTS_MS);
}

function saveNow() {
  clearTimeout(saving);
  if (restoring || !hasScores(value) || value === saved) return;
  sayUnkept({ all: "", own: OTHERS_TOO_LARGE, none: TOO_LARGE }[prm.saveResults(value)]);
  saved = value;
}

const TOO_LARGE =
  "These results are too large to survive a reload; the text is kept. To keep the numbers, copy the tables or print the page.";
const OTHERS_TOO_LARGE =
  "What else is known of these solutions, scores of other models or a search's tree, is too large to survive a reload; the scores shown here are kept.";
const NOT_DRAWN = "The results of this problem could not be drawn; choose it again in a minute.";
const NOT_BACK = "Earlier results could not be restored; the text is here. Press Score.";

function sayUnkept(words) {
  if (unkept.textContent !== words) unkept.textContent = words;
  unkept.hidden = !words;
}

// The text takes precedence: the stored results gave way to it.
document.addEventListener("prm:gave-way", () => sayUnkept(TOO_LARGE));

function keepView() {
  if (!restoring) prm.saveView({ method, tab: viewNow().name });
}

// The server draws the stored numbers again, and checks them as it checks any input.
async function restoreResults() {
  const [kept, view] = [prm.savedResults(), prm.savedView()];
  const again = kept && server.restore ? await drawn(kept) : null;
  const busy = hasScores(value) || root.dataset.status === "running";
  if (radios.has(view?.method)) {
    method = view.method;
    showRule();
  }
  if (again && !busy) {
    show(again);
    if (views.some(({ name }) => name === view?.tab)) showTab(view.tab);
  } else if (view?.tab === "Labels") showTab("Labels");
  restoring = false;
  if (kept && !again && !busy) {
    empty.before(unkept);
    sayUnkept(NOT_BACK);
    prm.whenBack("results", () => value.status === "empty" && showResults(kept));
  }
  prm.arrived("board");
}

// Stored results as the server draws them; null where it cannot. Other models' and trees stay here.
async function drawn(stored) {
  const { others, other, search, compared_search: beside, ...own } = prm.parsed(stored) ?? {};
  const again = await drawnOwn(own);
  if (again && others?.length) Object.assign(again, { others: JSON.stringify(others), other });
  if (again && typeof search === "string") again.search = search;
  if (again && typeof beside === "string") again.compared_search = beside;
  return again;
}

async function drawnOwn(results) {
  return server.restore ? await prm.reply(server.restore(JSON.stringify(results))) : null;
}

// The same numbers with another right answer or threshold, drawn by the server: one change after the
// other, so that none undoes the one before. What neither changes stays here.
let redrawing = Promise.resolve();

function redraw(change) {
  redrawing = redrawing.then(() => redrawNow(change));
  return redrawing;
}

async function redrawNow(change) {
  const of = value;
  const own = prm.plainResults(prm.ownResults(of));
  const again = await drawnOwn({ ...own, ...change, brief: true });
  if (!again) return false;
  if (value !== of) return value.problem === of.problem && redrawNow(change); // a run brought more
  again.candidates.forEach((one, i) => one.detail = one.marks && of.candidates[i].detail);
  const { others, other, search, compared_search } = of;
  show(Object.assign(again, { others, other, search, compared_search }));
  return true;
}

// The aggregation of a file that is opened.
document.addEventListener("prm:rule", ({ detail: name }) => {
  if (!radios.has(name)) return;
  method = name;
  keepView();
  showRule();
});

// Results that another part passes, in stored form; null shows the empty board.
let asked = 0; // so many results; of those that the server draws only the last are shown
let opened = false; // another problem or link, whose results are to come

document.addEventListener("prm:open-draft", () => {
  opened = true;
});

async function showResults(stored) {
  asked += 1;
  const mine = asked;
  const again = stored && await drawn(stored);
  if (mine !== asked) return;
  if (stored && !again) {
    empty.before(unkept);
    sayUnkept(NOT_DRAWN);
    prm.whenBack("results", () => {
      if (mine === asked) showResults(stored);
    });
    return;
  }
  sayUnkept("");
  if (!stored) prm.forgetResults();
  show(again ?? { ...blank }, opened);
  opened = false;
}

document.addEventListener("prm:show-results", ({ detail: stored }) => showResults(stored));

async function grade(gold) {
  const of = value;
  const done = await redraw({ gold });
  if (done) document.dispatchEvent(new CustomEvent("prm:gold", { detail: gold }));
  else if (value.problem === of.problem) {
    Answers.sayGold("The server could not compare them; press Compare again in a minute.");
    prm.whenBack("gold", () => value.problem === of.problem && grade(gold));
  }
}

window.addEventListener("pagehide", saveNow);
setTimeout(restoreResults);

// A search from the panel of sampling.js, in the same function: a way is chosen, the board draws the
// tree while it grows (growing.js), and what was found joins the list of problems (problems.js).

const guidedFields = [...element.querySelectorAll(".prm-sampler-guided")];
const HALF = "prm-inspector.half-search"; // `kept`, over a reload
const KEEP_MS = 2000;
const CUT_OFF = "The page was left before this search ended; what had grown until then is here.";

let searching = false; // the run is a search
let kept = null; // what there is to keep of it, as the list of problems takes it
let keeping = 0;

const tellPage = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

function showWay() {
  const way = fields.way.value;
  for (const field of guidedFields) field.hidden = !["beam", "dvts"].includes(way);
  go.textContent = way ? "Search" : "Sample";
  element.querySelector("q").textContent = way ? props.ask_for_steps : props.ask;
}

// What a search is asked for beside what sampling is. Paths are judged by the rule that ranks; one
// that goes on has all of this in its tree.
function searchOf(half) {
  const { gold } = prm.draft;
  if (half) {
    const { problem, settings: { way, n, temperature, max_tokens } } = JSON.parse(half);
    return { problem, way, n, temperature, max_tokens, gold, half };
  }
  return {
    way: fields.way.value,
    width: fields.width.valueAsNumber,
    rounds: fields.rounds.valueAsNumber,
    aggregation: prm.savedView()?.method ?? "min",
    gold,
  };
}

function showSearch(value) {
  kept = value.opened ?? kept;
  keeping ||= setTimeout(keepHalf, KEEP_MS);
  tellPage("prm:growing", value.search);
  if (value.running) {
    show(value.search.words);
    return;
  }
  running = false;
  showIssue(value.issue, value.where);
  keep();
  show(value.issue ? "" : "Done.");
  endSearch();
}

function endSearch() {
  if (!searching) return;
  searching = false;
  clearTimeout(keeping);
  keeping = 0;
  prm.forget(HALF);
  tellPage("prm:grown", Boolean(kept));
  if (kept) tellPage("prm:searched", kept);
  kept = null;
}

// --- over a reload ------------------------------------------------------------------------------------

function keepHalf() {
  keeping = 0;
  if (!searching || !kept) return;
  prm.store(HALF, JSON.stringify(kept));
  keep(); // the server that it can go on with
}

// What was left behind joins the list of problems, as if it had been cancelled.
function restoreHalf() {
  const left = prm.stored(HALF);
  if (left === null) return;
  prm.forget(HALF);
  const { session, ...more } = JSON.parse(left);
  const found = JSON.parse(session);
  found.problems[0].message = CUT_OFF;
  tellPage("prm:searched", { ...more, session: JSON.stringify(found) });
}

addEventListener("pagehide", keepHalf);
prm.loaded.then(restoreHalf);
fields.way.addEventListener("change", showWay);
prm.loaded.then(showWay);

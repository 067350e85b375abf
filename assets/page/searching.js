// A search from the panel of sampling.js, in the same function: a way is chosen, the board draws the
// tree while it grows (growing.js), and what was found joins the list of problems (problems.js).

const guidedFields = [...element.querySelectorAll(".prm-sampler-guided")];
let searching = false; // the run is a search
let kept = null; // what there is to keep of it, as the list of problems takes it

const tellPage = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

function showWay() {
  const way = fields.way.value;
  for (const field of guidedFields) field.hidden = !["beam", "dvts"].includes(way);
  go.textContent = way ? "Search" : "Sample";
  element.querySelector("q").textContent = way ? props.ask_for_steps : props.ask;
}

// What a search is asked for beside what sampling is. Paths are judged by the rule that ranks.
function searchOf() {
  return {
    way: fields.way.value,
    width: fields.width.valueAsNumber,
    rounds: fields.rounds.valueAsNumber,
    aggregation: prm.savedView()?.method ?? "min",
    gold: prm.draft.gold,
  };
}

function showSearch(value) {
  kept = value.opened ?? kept;
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
  tellPage("prm:grown", Boolean(kept));
  if (kept) tellPage("prm:searched", kept);
  kept = null;
}

fields.way.addEventListener("change", showWay);
prm.loaded.then(showWay);

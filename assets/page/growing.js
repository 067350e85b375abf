// The tree of a search: in its tab, for results that a search found (`value.search`, as text), and in
// place of the results while the search runs. Runs after stale.js, in the same function.

const growing = make("section", { class: "bd-growing", "aria-label": "Search", hidden: true });
root.prepend(growing);

const treeTab = () => views.findIndex((one) => one.name === "Tree");
const REST = 4; // drawing a growing tree leaves the page this many times as long for other things

// The ends of a tree and the letters of the solutions that they are. These are known by their texts:
// they may have been edited, removed or scored again since.
function lettersOf(tree, candidates) {
  const left = [...candidates];
  return new Map(
    TreeRecord.ends(tree).flatMap((i) => {
      const words = TreeRecord.textOf(i, tree);
      const place = left.findIndex((one) => one.source === words);
      return place < 0 ? [] : [[i, left.splice(place, 1)[0].letter]];
    }),
  );
}

// What a finished tree is drawn with: the letters of its solutions, the leaders, and the answers.
function aboutTree(tree, { candidates, solutions, ranks, choices: found, open }) {
  const letters = tree ? lettersOf(tree, candidates) : new Map();
  const label = value.methods.find((one) => one.name === method).label;
  return {
    letters,
    chosen: new Set([...letters.keys()].filter((i) => ranks.get(letters.get(i))?.rank === 1)),
    answers: found
      ? Answers.rows({ choices: found, there: solutions, method, label, open: open.card })
      : [],
    label,
    colours: paletteNow(),
    accent: accent(),
    open: open.step,
  };
}

function fillTree() {
  const tree = TreeRecord.read(value.search);
  const beside = value.compared_search ?? null;
  const found = beside && comparedSearch(beside);
  const open = { card: goToCard, step: goToStep };
  Trees.draw({
    tree,
    of: aboutTree(tree, {
      candidates: value.candidates,
      solutions: there,
      ranks: standing,
      choices: choices(),
      open,
    }),
    compared: beside,
    second: beside && secondTree(beside, found?.board),
    words: found ? found.words[method]?.join(" ") ?? NOT_COMPARED : "",
    others: otherSearches(beside),
    pick: pickSearch,
    goOn: tree && !tree.status && tree.groups.length && document.querySelector("#prm-sampling")
      ? () => document.dispatchEvent(new CustomEvent("prm:go-on", { detail: value.search }))
      : null,
  });
}

// --- another search of the same problem -------------------------------------------------------------

let comparedTrees = { asked: [], found: null }; // both trees and the right answer; what differs
const NOT_COMPARED = "The server could not compare these two searches.";
const NO_BOARD = { candidates: [], choices: null };

// Those in the list of problems, and the one that came with the results.
function otherSearches(beside) {
  const there = prm.searchesOf(value.problem).filter(({ search }) => search !== value.search);
  const all = there.some(({ search }) => search === beside) || !beside
    ? there
    : [...there, { name: "Kept with this one", search: beside }];
  return all.flatMap(({ name, search }) => {
    const tree = TreeRecord.read(search);
    return tree ? [{ name: `${name}: ${TreeRecord.setup(tree)}`, search }] : [];
  });
}

function pickSearch(search) {
  value.compared_search = search;
  saved = null;
  keepResults();
  fillTree();
}

// Its solutions, scores and answers, and what differs; null until the server has said it.
function comparedSearch(beside) {
  const asked = [value.search, beside, value.gold ?? null];
  if (!asked.every((one, i) => one === comparedTrees.asked[i])) {
    const mine = comparedTrees = { asked, found: null };
    const [first, second, gold] = asked;
    prm.reply(server.compare_searches({ searches: [first, second], gold })).then((found) => {
      mine.found = found ?? { board: null, words: {} };
      if (mine === comparedTrees) fillView();
      if (found) return;
      prm.whenBack("searches", () => {
        if (mine !== comparedTrees) return;
        comparedTrees = { asked: [], found: null };
        fillView();
      });
    });
  }
  return comparedTrees.found;
}

function secondTree(beside, board) {
  const tree = TreeRecord.read(beside);
  const { candidates, choices: found } = board ?? NO_BOARD;
  const solutions = candidates.filter((one) => one.ranks);
  const open = { card: Trees.second.openEnd, step: null };
  return {
    tree,
    of: aboutTree(tree, {
      candidates,
      solutions,
      ranks: solutions.length ? Verdict.standing(solutions, method) : new Map(),
      choices: found && JSON.parse(found),
      open,
    }),
  };
}

// The list of problems is there again, after a reload.
document.addEventListener("prm:problems", () => {
  if (value.search && viewNow().name === "Tree") fillTree();
});

// --- the tab ------------------------------------------------------------------------------------------

// Only results of a search have the tab.
function showTreeTab() {
  const tab = tabs[treeTab()];
  tab.hidden = !value.search;
  if (tab.hidden && viewNow().name === "Tree") showTab("Steps");
  else if (value.search && wantsTree) {
    wantsTree = false;
    showTab("Tree");
  }
}

// --- while it grows ---------------------------------------------------------------------------------

let grown = null; // { tree, groups, aggregation } that was drawn last
let wantsTree = false; // the results that come next are those of the search
let waiting = 0;
let slow = 0; // ms that the last drawing took

// The answers so far; every solution that has ended is one.
function drawGrowing() {
  waiting = 0;
  const began = performance.now();
  const { tree, groups, aggregation } = grown;
  const letters = new Map(tree.solutions.map((i, k) => [i, prm.letter(k)]));
  const there = [...letters].map(([i, letter]) => ({
    letter,
    scores: { [aggregation]: tree.nodes[i].score ?? 0 },
  }));
  const label = value.methods.find((one) => one.name === aggregation)?.label ?? "";
  Trees.first.draw(tree, {
    letters,
    chosen: new Set(),
    answers: there.length
      ? Answers.rows({
        choices: { groups },
        there,
        method: aggregation,
        label,
        open: Trees.first.openEnd,
      })
      : [],
    label,
    colours: paletteNow(),
    accent: accent(),
    growing: true,
  });
  slow = performance.now() - began;
}

document.addEventListener("prm:growing", ({ detail }) => {
  const tree = TreeRecord.read(detail.tree);
  if (!tree) return;
  grown = { ...detail, tree };
  if (growing.hidden) {
    growing.hidden = false;
    root.classList.add("bd-grows");
    growing.append(Trees.first.node);
    moved = false;
    if (root.getBoundingClientRect().top > innerHeight) root.scrollIntoView({ block: "start" });
  }
  waiting ||= setTimeout(drawGrowing, REST * slow);
});

// It is over; `kept` where its tree is among the results that come next.
document.addEventListener("prm:grown", ({ detail: kept }) => {
  if (growing.hidden) return;
  clearTimeout(waiting);
  waiting = 0;
  growing.hidden = true;
  root.classList.remove("bd-grows");
  Trees.pair.prepend(Trees.first.node);
  wantsTree = kept;
  fillView();
});

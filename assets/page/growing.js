// The tree of a search: in its tab, for results that a search found (`value.search`, as text), and in
// place of the results while the search runs. Runs after stale.js, in the same function.

const growing = make("section", { class: "bd-growing", "aria-label": "Search", hidden: true });
root.prepend(growing);

const treeTab = () => views.findIndex((one) => one.name === "Tree");
const REST = 4; // drawing a growing tree leaves the page this many times as long for other things

// Solutions are known by their texts: they may have been edited, removed or scored again since.
function lettersOf(tree) {
  const left = [...value.candidates];
  return new Map(tree.solutions.flatMap((i) => {
    const words = Tree.textOf(i, tree);
    const place = left.findIndex((one) => one.source === words);
    return place < 0 ? [] : [[i, left.splice(place, 1)[0].letter]];
  }));
}

function fillTree() {
  const tree = Tree.read(value.search);
  const letters = tree ? lettersOf(tree) : new Map();
  const label = value.methods.find((one) => one.name === method).label;
  const found = choices();
  Tree.draw(tree, {
    letters,
    chosen: new Set([...letters.keys()].filter((i) => standing.get(letters.get(i))?.rank === 1)),
    answers: found ? Answers.rows({ choices: found, there, method, label, open: goToCard }) : [],
    label,
    colours: paletteNow(),
    accent: accent(),
    open: goToStep,
  });
}

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
  Tree.draw(tree, {
    letters,
    chosen: new Set(),
    answers: there.length
      ? Answers.rows({ choices: { groups }, there, method: aggregation, label, open: () => {} })
      : [],
    label,
    colours: paletteNow(),
    accent: accent(),
    growing: true,
  });
  slow = performance.now() - began;
}

document.addEventListener("prm:growing", ({ detail }) => {
  const tree = Tree.read(detail.tree);
  if (!tree) return;
  grown = { ...detail, tree };
  if (growing.hidden) {
    growing.hidden = false;
    root.classList.add("bd-grows");
    growing.append(Tree.node);
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
  panels[treeTab()].append(Tree.node);
  wantsTree = kept;
  fillView();
});

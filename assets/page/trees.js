// The tab Tree: the tree of the search whose results are on show and, where one was chosen, that of
// another search of the same problem beside it, with what differs in words (prm_core/search/compare.py).

const Trees = (() => {
  const first = buildTree("Tree of steps", "tree");
  const second = buildTree("Second search", "second-tree");
  const select = make("select", { id: "bd-search", onchange: pick });
  const chooser = make(
    "p",
    { class: "bd-compared" },
    make("label", { for: "bd-search", class: "bd-cap" }, "Compare with"),
    select,
  );
  const more = make("button", { type: "button", class: "bd-copy", onclick: () => about.goOn() });
  more.textContent = "Go on with this search";
  const said = make("p", { class: "bd-trees-said", role: "status" });
  const pair = make("div", { class: "bd-trees" }, first.node);
  const line = make("div", { class: "bd-compared-line" }, chooser, more);
  const node = make("div", { class: "bd-whole-view" }, line, said, pair);
  let about = null;

  function fillSelect({ others, compared }) {
    const names = others.map(({ name }, i) => new Option(name, i));
    select.replaceChildren(new Option("no other search", ""), ...names);
    select.selectedIndex = 1 + others.findIndex(({ search }) => search === compared);
    chooser.hidden = !others.length;
  }

  function pick() {
    about.pick(about.others[select.selectedIndex - 1]?.search);
  }

  // Draws the tab. `show` is { tree, of, compared, second: { tree, of }, words, others, pick, goOn }:
  // the tree and its `about` as buildTree takes them, the text of the other tree, that tree and its
  // `about` (null without one), what differs, the searches that can be chosen, and what a press does.
  function draw(show) {
    about = show;
    fillSelect(show);
    more.hidden = !show.goOn;
    line.hidden = chooser.hidden && more.hidden;
    said.textContent = show.words;
    said.hidden = !show.words;
    pair.classList.toggle("bd-two", Boolean(show.second));
    first.draw(show.tree, { ...show.of, ...(show.second && { title: "First search" }) });
    if (!show.second) {
      second.node.remove();
      return;
    }
    if (!second.node.isConnected) pair.append(second.node);
    second.draw(show.second.tree, show.second.of);
  }

  return { node, pair, first, second, draw };
})();

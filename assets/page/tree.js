// A search's tree: how it wrote the solutions. A column per step, a mark per node, tinted by its
// probability; what was pruned is grey. The arrow keys walk from node to node, a press or Enter opens
// the step's text below. Two of them can be side by side (trees.js).
//
// User text goes into the page as text and through Typeset, and into no figure (pictures.js).

// `title` heads the picture, `file` names what is saved of it.
function buildTree(title, file) {
  const ROW_PX = { least: 12, most: 30 };
  const TALL_PX = 560; // the height that many rows share
  const COLUMN_PX = 22; // a narrower column does not fit: the picture scrolls
  const WRITTEN_PX = 60; // from here on a column has room for numbers
  const EDGE_PX = 16;
  const FEW = 4; // with more chosen paths their lines are thin, so that the numbers can be read
  const MOST_LISTED = 400;
  const MOST_MARKS = 600; // of more nodes all but the ends are dashes
  const PRUNED = {
    score: "pruned: others of its round have a higher score",
    duplicate: "pruned: the same text as another path",
    budget: "pruned: the budget was used up",
    surplus: "pruned: more solutions than n had ended",
    failed: "pruned: it failed",
  };
  const ENDED = {
    tokens: "Ended by the budget of tokens.",
    seconds: "Ended by the budget of time.",
    "": "Not finished.",
  };

  const said = make("p", { class: "bd-summary" });
  const picture = Pictures.build(title, file);
  const legend = make("p", { class: "bd-legend" });
  const pointed = make("p", { class: "bd-cell", "aria-live": "polite" });
  const answers = make("ol", { class: "bd-groups" });
  const beside = make(
    "section",
    { class: "bd-tree-answers", "aria-label": `${title}: answers of the finished paths` },
    make("h3", { class: "bd-cap" }, "Answers of the finished paths"),
    answers,
  );
  const stepPart = make("section", { class: "bd-tree-step", hidden: true });
  const list = make("ol", { class: "bd-tree-list" });
  const listPart = make(
    "details",
    { class: "bd-tree-all", ontoggle: () => listPart.open && fillList() },
    make("summary", {}, "All steps as a list"),
    list,
  );
  const wide = make("div", { class: "bd-tree-scroll" });
  picture.plot.before(wide);
  wide.append(picture.plot);
  const main = make("div", { class: "bd-tree-main" }, picture.node, legend, pointed);
  const node = make(
    "div",
    { class: "bd-whole-view bd-tree" },
    said,
    make("div", { class: "bd-tree-pair" }, main, beside),
    stepPart,
    listPart,
  );

  let tree = null;
  let show = null;
  let shape = null; // where every node is, as TreeRecord.layOut says
  let ground = []; // the shapes of the picture: lines, and marks where there are many
  let at = -1; // the node that the keys are at
  let opened = -1;

  // --- words ------------------------------------------------------------------------------------

  const path = (i) => TreeRecord.path(i, tree);
  const nameOf = (i) => `${shape.depth[i] + 1}.${shape.order[i] + 1}`;
  const known1 = (x) => x !== undefined && x !== null;
  const bandOf = (p) => (p > 0.7 ? "good" : p > 0.4 ? "warn" : "bad");

  function factsOf(i) {
    const one = tree.nodes[i];
    const letter = show.letters.get(i);
    return [
      `Step ${nameOf(i)}`,
      known1(one.probability) ? `probability ${short(one.probability)}` : "not judged",
      one.pruned ? PRUNED[one.pruned] ?? "pruned" : shape.cut[i] ? "pruned" : "",
      letter ? `ends solution ${letter}` : "",
      show.chosen.has(i) ? "chosen" : "",
      one.end === "length" ? "cut at the limit" : "",
    ].filter(Boolean).join(", ");
  }

  function say(i) {
    const words = tree.nodes[i].text.trim().slice(0, 300);
    pointed.replaceChildren(text("strong", "", factsOf(i)), " ", words);
  }

  function sayWhole() {
    const count = (k, noun) => `${k.toLocaleString("en")} ${noun}${k === 1 ? "" : "s"}`;
    const chosen = [...show.chosen].map((i) => show.letters.get(i)).filter(Boolean);
    said.textContent = [
      `${TreeRecord.setup(tree)}, by ${tree.generator}, judged by ${tree.model}:`,
      `${count(tree.nodes.length, "step")} in ${count(tree.n_rounds, "round")},`,
      `${count(tree.n_tokens, "token")}, ${tree.seconds.toFixed(1)} s.`,
      show.growing ? "" : ENDED[tree.status] ?? "",
      firstColumn() ? "Only the last steps are drawn while it grows." : "",
      chosen.length
        ? `Chosen under ${show.label.toLowerCase()}: ${some(chosen, (one) => one)}.`
        : "",
    ].filter(Boolean).join(" ");
  }

  // --- the picture ------------------------------------------------------------------------------

  const rowPx = () => Math.max(ROW_PX.least, Math.min(ROW_PX.most, Math.floor(TALL_PX / most())));
  const most = () => Math.max(...shape.columns.map((one) => one.length));
  const xOf = (i) => shape.depth[i] + 1;
  const yOf = (i) => shape.order[i] - (shape.columns[shape.depth[i]].length - 1) / 2;

  // Many lines as one shape, which Plotly draws at once; every line of a trace would be a node.
  function lines(pairs, colour, width) {
    const path = pairs.map(([a, b]) => `M${a.join()}L${b.join()}`).join("");
    return { type: "path", path: path || "M0,0", line: { color: colour, width }, layer: "below" };
  }

  // From each of these nodes to the one before it.
  function edges(ends, ...look) {
    const ways = ends.filter((i) => tree.nodes[i].parent !== null);
    const at = (i) => [xOf(i), yOf(i)];
    return lines(ways.map((i) => [at(tree.nodes[i].parent), at(i)]), ...look);
  }

  const dashes = (places, ...look) =>
    lines(places.map((i) => [[xOf(i) - 0.15, yOf(i)], [xOf(i) + 0.15, yOf(i)]]), ...look);

  function marks(places, { colour, symbol = "circle", size, line, written }) {
    return {
      type: "scatter",
      mode: written ? "markers+text" : "markers",
      x: places.map(xOf),
      y: places.map(yOf),
      customdata: places,
      marker: { symbol, size, color: places.map(colour), line: { width: 0, ...line } },
      hoverinfo: "none",
      ...(written
        ? {
          text: places.map((i) => known1(tree.nodes[i].probability) ? short2(i) : ""),
          textposition: "bottom center",
          textfont: { size: 10, color: show.colours.mute },
        }
        : {}),
    };
  }

  // What the pointer finds where the nodes are dashes.
  function places(those) {
    return {
      type: "scatter",
      mode: "none",
      x: those.map(xOf),
      y: those.map(yOf),
      customdata: those,
      hoverinfo: "none",
    };
  }

  // While a large tree grows only its last steps are drawn, so that the page stays quick.
  function firstColumn() {
    const { columns } = shape;
    let first = columns.length - 1;
    if (!show.growing || first < 0) return 0;
    let left = MOST_MARKS - columns[first].length;
    while (first > 0 && columns[first - 1].length <= left) {
      first -= 1;
      left -= columns[first].length;
    }
    return first;
  }

  const dense = () => !show.growing && tree.nodes.length > MOST_MARKS;

  // Two digits, but nothing is rounded to a limit.
  function short2(i) {
    const p = tree.nodes[i].probability;
    const rounded = p.toFixed(2);
    return bandOf(Number(rounded)) === bandOf(p) && !["0.00", "1.00"].includes(rounded)
      ? rounded
      : short(p);
  }

  function paint() {
    const { colours, accent, chosen } = show;
    const { nodes } = tree;
    const from = firstColumn();
    const n = shape.columns.length - from;
    picture.plot.style.minWidth = `${n * COLUMN_PX + 2 * EDGE_PX}px`;
    const written = picture.plot.clientWidth / n >= WRITTEN_PX && rowPx() >= 28;
    const size = Math.min(12, rowPx() - 3);
    const all = nodes.map((_, i) => i).filter((i) => shape.depth[i] >= from);
    const best = [...new Set([...chosen].flatMap((i) => path(i)))];
    const ends = new Set(show.growing ? tree.solutions : TreeRecord.ends(tree));
    const judged = (i) => known1(nodes[i].probability);
    const tint = (i) => judged(i) ? colours[bandOf(nodes[i].probability)] : colours.card;
    const kept = all.filter((i) => !shape.cut[i]);
    const outline = { line: { color: colours.mute, width: 1 } };
    const pruned = all.filter((i) => shape.cut[i]);
    const inner = kept.filter((i) => !ends.has(i));
    const tints = [...new Set(inner.map(tint))];
    ground = [
      edges(pruned, colours.track, 1),
      edges(kept, colours.faint, 1.2),
      edges(best, accent, chosen.size > FEW ? 1.5 : 2.5),
      ...(dense() ? [dashes(pruned, colours.faint, 3)] : []),
      ...(dense()
        ? tints.map((one) => dashes(inner.filter((i) => tint(i) === one), one, size * 0.7))
        : []),
    ];
    const data = [
      ...(dense() ? [places([...pruned, ...inner])] : [
        marks(pruned, { colour: () => colours.faint, symbol: "x", size: size * 0.7, written }),
        marks(inner.filter(judged), { colour: tint, size, written }),
        marks(inner.filter((i) => !judged(i)), { colour: tint, size, ...outline }),
      ]),
      marks(kept.filter((i) => ends.has(i) && !chosen.has(i)), {
        colour: tint,
        symbol: "square",
        size: size + 1,
        written,
        ...outline,
      }),
      marks(kept.filter((i) => chosen.has(i)), {
        colour: tint,
        symbol: "star",
        size: size + 4,
        line: { color: accent, width: 1.5 },
        written,
      }),
    ];
    const layout = Pictures.frame(colours, {
      height: rowPx() * (most() + 1) + 30,
      margin: { l: EDGE_PX, r: EDGE_PX, t: 26, b: 4 },
      xaxis: Pictures.axis(colours, {
        side: "top",
        range: [from + 0.5, from + n + 0.5],
        dtick: n > 20 ? 5 : 1,
        tick0: n > 20 ? 0 : 1,
        tickprefix: "step ",
        showtickprefix: "first",
      }),
      yaxis: Pictures.axis(colours, {
        showticklabels: false,
        range: [most() / 2 + 0.5, -most() / 2 - 0.3],
      }),
      shapes: [...ground, ...here()],
    });
    Pictures.draw(picture, data, layout, {
      hover: ({ points: [point] }) => point.customdata !== undefined && say(point.customdata),
      click: ({ points: [point] }) => point.customdata !== undefined && open(point.customdata),
    });
    picture.plot.setAttribute(
      "aria-label",
      `Tree of ${nodes.length} steps. Arrow keys move, Enter opens the step.`,
    );
    showLegend();
  }

  // A ring around the chosen node.
  function here() {
    if (at < 0 || document.activeElement !== picture.plot) return [];
    return [{
      type: "circle",
      xsizemode: "pixel",
      ysizemode: "pixel",
      xanchor: xOf(at),
      yanchor: yOf(at),
      x0: -10,
      x1: 10,
      y0: -10,
      y1: 10,
      line: { color: show.colours.ink, width: 2 },
    }];
  }

  function showLegend() {
    const swatch = (band, words) =>
      make("span", {}, make("i", { class: `bd-swatch bd-swatch-${band}` }), words);
    legend.replaceChildren(
      swatch("good", "above 0.7"),
      swatch("warn", "0.4 to 0.7"),
      swatch("bad", "up to 0.4"),
      text("span", "", `${dense() ? "–" : "✕"} grey: pruned`),
      text("span", "", "■ ends a solution"),
      ...(show.growing ? [] : [text("span", "", "★ chosen")]),
    );
  }

  // --- from node to node ------------------------------------------------------------------------

  function go(i) {
    if (!tree.nodes[i]) return;
    at = i;
    Plotting.drawShapes(picture.plot, [...ground, ...here()]);
    say(at);
  }

  const begin = () => [...show.chosen][0] ?? 0;
  const column = () => shape.columns[shape.depth[at]];

  // The child that the search went on with, or else the first.
  function child() {
    const children = shape.columns[shape.depth[at] + 1]?.filter((i) => tree.nodes[i].parent === at);
    return children?.find((i) => !shape.cut[i]) ?? children?.[0] ?? at;
  }

  const KEYS = {
    ArrowUp: () => go(column()[shape.order[at] - 1] ?? at),
    ArrowDown: () => go(column()[shape.order[at] + 1] ?? at),
    ArrowLeft: () => go(tree.nodes[at].parent ?? at),
    ArrowRight: () => go(child()),
    Home: () => go(shape.columns[0][0]),
    End: () => go(begin()),
    Enter: () => open(at),
  };
  const fromHere = (press) => () => {
    if (!tree?.nodes.length) return;
    if (at < 0) at = begin();
    press();
  };
  Pictures.walked(
    picture.plot,
    Object.fromEntries(Object.entries(KEYS).map(([key, press]) => [key, fromHere(press)])),
    fromHere(() => go(at)),
    () => tree && Plotting.drawShapes(picture.plot, ground),
  );

  // --- one step ---------------------------------------------------------------------------------

  // Which solution a step belongs to, and its place there.
  function solutionOf(i) {
    const end = TreeRecord.ends(tree).find((one) => show.letters.has(one) && path(one).includes(i));
    if (end === undefined) return null;
    const steps = path(end).filter((one) => tree.nodes[one].text.trim());
    return { letter: show.letters.get(end), step: steps.indexOf(i) };
  }

  function open(i) {
    at = opened = i;
    const one = tree.nodes[i];
    const own = show.open && solutionOf(i);
    const whole = make("div", { class: "bd-text md" });
    Typeset.show(whole, one.text.trim(), plain);
    const value1 = (name, x) => known1(x) ? [fact(name, short(x))] : [];
    stepPart.replaceChildren(
      text("h3", "bd-cap", factsOf(i)),
      make(
        "button",
        { type: "button", class: "bd-close", "aria-label": "Close", onclick: shut },
        "×",
      ),
      whole,
      make(
        "dl",
        { class: "bd-facts" },
        ...value1("probability", one.probability),
        ...value1("score of the path", one.score),
        fact("round", (one.round ?? 0) + 1),
        ...(one.n_tokens ? [fact("tokens", one.n_tokens)] : []),
      ),
      ...(one.error ? [text("p", "bd-tree-error", one.error)] : []),
      ...(own && own.step >= 0
        ? [
          make("button", {
            type: "button",
            class: "bd-goto",
            onclick: () => show.open(own.letter, own.step),
          }, `Step ${own.step + 1} of solution ${own.letter}`),
        ]
        : []),
    );
    stepPart.setAttribute("aria-label", `Step ${nameOf(i)}`);
    stepPart.hidden = false;
    say(i);
    stepPart.scrollIntoView({ block: "nearest", behavior: still.matches ? "auto" : "smooth" });
  }

  // The last step of a solution.
  function openEnd(letter) {
    const [i] = [...show.letters].find(([, one]) => one === letter) ?? [];
    if (i !== undefined) open(i);
  }

  function shut() {
    opened = -1;
    stepPart.hidden = true;
    picture.plot.focus();
  }

  // --- as a list --------------------------------------------------------------------------------

  function fillList() {
    const places = shape.columns.flat();
    const left = places.length - MOST_LISTED;
    list.replaceChildren(
      ...places.slice(0, MOST_LISTED).map((i) => {
        const { parent, text: words } = tree.nodes[i];
        const after = parent === null ? "" : ` after ${nameOf(parent)}`;
        const press = { type: "button", class: "bd-goto", onclick: () => open(i) };
        return make(
          "li",
          {},
          make("button", press, `Step ${nameOf(i)}`),
          text("span", "", `${after}${factsOf(i).replace(`Step ${nameOf(i)}`, "")}: `),
          text("span", "bd-tree-words", words.trim().slice(0, 200)),
        );
      }),
      ...(left > 0 ? [text("li", "", `… and ${left} more, which the arrow keys reach.`)] : []),
    );
  }

  // --- drawing ----------------------------------------------------------------------------------

  // Draws a tree. `about` is { title, letters: node → letter, chosen: nodes, answers: list items,
  // label, colours, accent, growing, open(letter, step) }; without `open` its solutions have no cards.
  function draw(found, about) {
    if (!tree?.nodes.every((one, i) => one.text === found?.nodes[i]?.text)) {
      at = opened = -1; // another tree
      stepPart.hidden = true;
    }
    [tree, show] = [found, about];
    picture.head.firstChild.textContent = about.title ?? title;
    for (const part of [main, listPart]) part.hidden = !tree?.nodes.length;
    beside.hidden = !about.answers.length;
    if (!tree) {
      said.textContent =
        "The tree of this search is damaged or of another version; the solutions are here.";
      return;
    }
    shape = TreeRecord.layOut(tree);
    sayWhole();
    answers.replaceChildren(...about.answers);
    if (!tree.nodes.length) return;
    if (opened < 0 && document.activeElement !== picture.plot) {
      pointed.textContent = "Point at a step, or press it to open its text.";
    }
    paint();
    if (listPart.open) fillList();
  }

  return { node, draw, openEnd };
}

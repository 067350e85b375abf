// The tab Models: two models on the same solutions. How often they agree, which solution each ranks
// first, and the steps with the bars of both, the largest difference first. The other model is one
// that scored these texts before, here or in a file. The server compares (prm_core/ui/compare.py).

const TwoModels = (() => {
  const FIRST = 25; // steps that are listed at once …
  const MORE = 100; // … and with every press
  const PICTURE_PX = 300;

  const said = make("p", { class: "bd-summary", role: "status" });
  const select = make("select", { id: "bd-other", onchange: () => about.pick(select.value) });
  const chooser = make(
    "p",
    { class: "bd-compared" },
    make("label", { for: "bd-other", class: "bd-cap" }, "Compared with"),
    select,
  );
  const invite = make("p", { class: "bd-invite" });
  const another = make("button", { type: "button", class: "bd-copy", onclick: addModel });
  const ranks = make("div", {});
  const cloud = Pictures.build("Every step by both models", "two-models");
  const pointed = make("p", { class: "bd-cell", "aria-live": "polite" });
  const list = make("ol", { class: "bd-pairs", "aria-label": "Steps, largest difference first" });
  const more = make("button", {
    type: "button",
    class: "bd-unfold",
    onclick: () => listMore(MORE),
  });
  const steps = make(
    "section",
    { "aria-label": "Differences" },
    make("h3", { class: "bd-cap" }, "Steps, largest difference first"),
    list,
    more,
  );
  const picture = make("div", {}, cloud.node, pointed);
  const node = make(
    "div",
    { class: "bd-whole-view bd-models" },
    make("div", { class: "bd-compared-line" }, chooser, invite, another),
    said,
    ranks,
    picture,
    steps,
  );

  let about = null;
  let drawn = null; // the comparison whose steps are listed
  let painted = null; // the colours of the picture
  let listed = 0;

  // --- another model ----------------------------------------------------------------------------

  const isOther = () => Boolean(about && prm.model && prm.model !== about.line);

  // Score with the model that is chosen, or go and choose one.
  function addModel() {
    if (isOther()) {
      prm.judgeAll = true;
      document.dispatchEvent(new CustomEvent("prm:score"));
    } else document.querySelector("#prm-header input")?.focus();
  }

  function showInvite() {
    const some = Boolean(about?.others.length);
    chooser.hidden = !some;
    invite.hidden = some;
    invite.textContent =
      "Only one model has scored these solutions. Choose another one at the top and score again: the scores of both are kept and shown here side by side.";
    another.textContent = isOther() ? "Also score with the chosen model" : "Choose another model";
  }

  document.addEventListener("prm:changed", showInvite);

  // --- what is compared -------------------------------------------------------------------------

  function fillSelect({ others, other, names }) {
    const options = others.map((one) => new Option(names(one)[1], one.model_line));
    select.replaceChildren(...options);
    select.value = other.model_line;
  }

  // --- ranks --------------------------------------------------------------------------------------

  function rankTable({ solutions }, { method, models, open }) {
    const step = (error) =>
      error === null ? none : { shown: `step ${error + 1}`, value: error + 1 };
    const columns = [
      { name: "Solution" },
      ...models.map((name) => figure(`${name}: rank`)),
      ...models.map((name) => figure(`${name}: score`, { descending: true })),
      ...models.map((name) => figure(`${name}: first error`)),
      figure("Largest difference", { descending: true }),
    ];
    const rows = solutions.map((one) => {
      const both = one.standings.map((standing) => standing[method]);
      const apart = both[0][0] !== both[1][0];
      return {
        cells: [
          { shown: one.letter },
          ...both.map(([rank, tied]) => ({
            shown: rank + (tied ? "=" : ""),
            value: rank,
            class: apart ? "bd-apart" : "",
          })),
          ...both.map(([, , score, words]) => digits(words, score)),
          ...one.errors.map(step),
          one.step === null ? none : {
            shown: `${one.words} in step ${one.step + 1}`,
            value: Math.abs(one.difference),
            press: () => open(one.letter, one.step),
          },
        ],
      };
    });
    rows.sort((a, b) => a.cells[1].value - b.cells[1].value);
    return Table.build({ caption: "Solutions by both models", columns, rows, name: "bd-both" });
  }

  // --- every step ---------------------------------------------------------------------------------

  function paint({ steps: pairs }, { colours, models, limits, open }) {
    const line = (limit, axis) => ({
      type: "line",
      [axis + "0"]: limit,
      [axis + "1"]: limit,
      [axis === "x" ? "yref" : "xref"]: "paper",
      [axis === "x" ? "y0" : "x0"]: 0,
      [axis === "x" ? "y1" : "x1"]: 1,
      line: { color: colours.mute, width: 1, dash: "dash" },
    });
    const points = (apart) => {
      const found = pairs.filter((pair) => pair.apart === apart);
      return {
        type: "scatter",
        mode: "markers",
        x: found.map(({ both: [[p]] }) => p),
        y: found.map(({ both: [, [p]] }) => p),
        customdata: found.map((pair) => pairs.indexOf(pair)),
        marker: {
          size: 8,
          symbol: apart ? "x" : "circle",
          color: apart ? colours.bad : colours.mute,
          opacity: 0.6,
        },
        hoverinfo: "none",
      };
    };
    const at = (index) => ({ range: [-0.03, 1.03], title: { text: axisName(models[index]) } });
    const layout = Pictures.frame(colours, {
      height: PICTURE_PX,
      margin: { l: 48, r: 8, t: 8, b: 44 },
      xaxis: Pictures.axis(colours, at(0)),
      yaxis: Pictures.axis(colours, at(1)),
      shapes: [line(limits[0], "x"), line(limits[1], "y")],
    });
    const pairOf = ({ points: [point] }) => drawn.steps[point.customdata];
    Pictures.draw(cloud, [points(false), points(true)], layout, {
      hover: (event) => pointAt(pairOf(event)),
      click: (event) => about.open(pairOf(event).letter, pairOf(event).step),
    });
    cloud.plot.setAttribute("role", "img");
    cloud.plot.setAttribute(
      "aria-label",
      "The probability of every step by both models; the list below has the same numbers.",
    );
    pointed.textContent = "Each point is a step; a cross is one on which the models differ.";
  }

  // Names come from files, and Plotly reads tags in a figure's words.
  const axisName = (name) => name.replace(/[<>&$]/g, " ").slice(0, 40);

  function pointAt({ letter, step, both, words }) {
    const [first, second] = both.map(([, shown]) => shown);
    pointed.replaceChildren(
      text("strong", "", `${letter}, step ${step + 1}: ${first} and ${second}, ${words}`),
      " ",
      about.textOf(letter, step).slice(0, 300),
    );
  }

  function bar(name, [p, shown, band, below], limit) {
    return make(
      "div",
      { class: "bd-vote bd-both-bar" },
      make("span", { class: "bd-vote-name", title: name }, name),
      make("i", {
        style: `--p: ${p}; --c: var(--bd-${band}); --t: ${limit}`,
        "aria-hidden": "true",
      }),
      make(
        "b",
        { class: `bd-ink-${band}` },
        below ? make("span", { "aria-hidden": "true" }, "▼ ") : null,
        below ? text("span", "bd-unseen", "wrong: ") : null,
        shown,
      ),
    );
  }

  function pairRow({ letter, step, apart, words, both }) {
    const { models, limits, open, textOf } = about;
    const go = { type: "button", class: "bd-goto", onclick: () => open(letter, step) };
    return make(
      "li",
      { class: "bd-pair-row" },
      make(
        "div",
        { class: "bd-pair-head" },
        make("button", go, `${letter}, step ${step + 1}`),
        text("span", "bd-pair-words", textOf(letter, step).slice(0, 200)),
        apart ? text("span", "bd-chip bd-bad", "differ") : null,
        text("b", "", words),
      ),
      ...both.map((one, i) => bar(models[i], one, limits[i])),
    );
  }

  function listMore(n) {
    const next = drawn.steps.slice(listed, listed + n);
    list.append(...next.map(pairRow));
    listed += next.length;
    more.hidden = listed === drawn.steps.length;
    more.textContent = `Show ${
      Math.min(MORE, drawn.steps.length - listed)
    } more of ${drawn.steps.length}`;
  }

  // --- drawing --------------------------------------------------------------------------------------

  function drawFound(found) {
    const limits = about.limits.map((one) => Number(one.toPrecision(4)));
    const thresholds = limits[0] === limits[1]
      ? `Both have the threshold ${limits[0]}.`
      : `Their thresholds are ${limits.join(" and ")}.`;
    said.textContent = `${found.words} ${found.leaders[about.method]} ${thresholds}`;
    ranks.replaceChildren(...(found.solutions.length ? [rankTable(found, about)] : []));
    picture.hidden = steps.hidden = !found.steps.length;
    if (picture.hidden) return;
    const anew = drawn !== found;
    drawn = found;
    if (anew || painted !== about.colours) paint(found, about); // another rule leaves it as it is
    painted = about.colours;
    if (!anew) return;
    list.replaceChildren();
    listed = 0;
    listMore(FIRST);
  }

  // `show` is { line, others, other, names, found, own, method, colours, textOf, open, pick };
  // `found` is the server's comparison, or a promise of it.
  async function draw(show) {
    about = show;
    showInvite();
    const { other } = show;
    for (const part of [said, ranks, picture, steps]) part.hidden = !other;
    if (!other) return;
    fillSelect(show);
    about.models = show.names(other);
    about.limits = [show.own, other.own];
    if (show.found instanceof Promise) {
      if (!drawn) said.textContent = "Comparing…";
      const found = await show.found;
      if (about !== show) return;
      if (found) drawFound(found);
      else {
        for (const part of [ranks, picture, steps]) part.hidden = true;
        said.textContent = "The server could not compare them; open the tab again in a minute.";
      }
    } else drawFound(show.found);
  }

  return { node, draw };
})();

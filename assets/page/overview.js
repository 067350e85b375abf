// The Overview: all solutions at once, as three pictures. A heat map with a row per solution, best
// first, and a column per step; the course of every solution; how the probabilities are spread.
// It draws the numbers that the board has, and reports which step is to be opened. A pointer or the
// arrow keys choose a cell; its content is shown in a line of text below the map.
//
// User text goes into that line as a text node, and into no figure (pictures.js).

const Overview = (() => {
  const MAP_PX = 560; // the height that the rows of many solutions share
  const ROW_PX = { least: 9, most: 30 };
  const WRITTEN_PX = 38; // a narrower cell has no number
  const BESIDE_PX = 84; // the names of the rows; more where a score has many digits
  const MOST_BESIDE = 0.45; // of the width
  const BELOW = 0.33; // of a row: where a second mark does not lie on the first
  const BINS = 20;
  const MOST_ODDS = 8; // log-odds beyond this are drawn at this value
  const NAMED = 8; // up to this many courses carry their letters
  const NAME_SHARE = 0.06; // of the height: two letters closer than this would lie on each other
  const PALE = 0.5; // how close to the card's colour a band begins

  const switches = make("div", { class: "bd-scales", role: "group", "aria-label": "Scale" });
  const said = make("p", { class: "bd-cell", "aria-live": "polite" });
  const map = Pictures.build("Probability of every step", "heat-map");
  const courses = Pictures.build("Step by step", "trajectories");
  const spread = Pictures.build("How the probabilities are spread", "distribution");
  const legend = make("p", { class: "bd-legend" });
  const node = make(
    "div",
    { class: "bd-whole-view" },
    map.node,
    legend,
    said,
    make("div", { class: "bd-pair" }, courses.node, spread.node),
  );

  let rows = []; // { letter, steps, first_error, correct, score }, best first
  let about = null; // { colours, accent, threshold, open }
  let odds = false; // log-odds in place of probabilities
  let at = { row: 0, column: 0 };

  for (const [label, on] of [["Probability", false], ["Log-odds", true]]) {
    const button = make(
      "button",
      {
        type: "button",
        "aria-pressed": String(on === odds),
        onclick: () => {
          odds = on;
          for (const one of switches.children) {
            one.setAttribute("aria-pressed", String(one === button));
          }
          paintAll();
        },
      },
      label,
    );
    switches.append(button);
  }
  map.head.lastChild.before(switches);

  // --- numbers ------------------------------------------------------------------------------------

  const clipped = (x) => Math.max(-MOST_ODDS, Math.min(MOST_ODDS, x));
  const oddsOf = (step) => clipped(step.log_odds ?? (step.probability < 0.5 ? -99 : 99));
  const valueOf = (step) => odds ? oddsOf(step) : step.probability;
  const wordsOf = (step) => odds ? logOdds(step) : step.shown;
  const most = () => Math.max(...rows.map((row) => row.steps.length));
  const limit = () => {
    const p = about.threshold;
    return odds ? clipped(Math.log(p / (1 - p))) : p;
  };

  // --- the heat map ---------------------------------------------------------------------------------

  const parts = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

  // From one colour towards another.
  function mix(colour, ground, share) {
    const [a, b] = [parts(colour), parts(ground)];
    const mixed = a.map((x, i) => Math.round(x + (b[i] - x) * share));
    return `#${mixed.map((x) => x.toString(16).padStart(2, "0")).join("")}`;
  }

  // The bands of the bars, paler towards the limit between them.
  function scale({ good, warn, bad, card }) {
    return [
      [0, bad],
      [0.4, mix(bad, card, PALE)],
      [0.4, mix(warn, card, PALE)],
      [0.7, warn],
      [0.7, mix(good, card, PALE)],
      [1, good],
    ];
  }

  // Black or white, whichever has more contrast with the cell of a probability (WCAG's luminance); at
  // least 4.5 to 1. Plotly's own choice has less.
  function inkOn(p) {
    const stops = scale(about.colours);
    const upper = stops.findIndex(([to], i) => i > 0 && p <= to);
    const [[low, from], [high, to]] = stops.slice(upper - 1, upper + 1);
    const [red, green, blue] = parts(mix(from, to, (p - low) / (high - low)))
      .map((x) => x / 255)
      .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
  }

  const axis = (more) => Pictures.axis(about.colours, more);
  const frame = (more) => Pictures.frame(about.colours, more);

  const dense = () => rows.length > 24;
  const rowPx = () =>
    Math.max(ROW_PX.least, Math.min(ROW_PX.most, Math.floor(MAP_PX / rows.length)));

  function label({ letter, score, correct: is }) {
    const mark = is === null || is === undefined ? "" : is ? " ✓" : " ✗";
    return `${letter}${mark}  ${score} `;
  }

  // The room of the rows' names.
  function besidePx() {
    const most = MOST_BESIDE * map.plot.clientWidth;
    return Math.max(BESIDE_PX, Math.min(most, 8 + Pictures.widest(rows.map(label))));
  }

  // Words on cells; "" where a step has none. `below` the middle of the cell.
  function marks(words, below = 0) {
    const found = rows.flatMap((row, r) =>
      row.steps.flatMap((step, c) => {
        const text = words(row, step, c);
        return text ? [{ x: c + 1, y: r + below, text, ink: inkOn(step.probability) }] : [];
      })
    );
    return {
      type: "scatter",
      mode: "text",
      x: found.map((one) => one.x),
      y: found.map((one) => one.y),
      text: found.map((one) => one.text),
      textfont: { size: Math.min(12, rowPx()), color: found.map((one) => one.ink) },
      hoverinfo: "skip",
    };
  }

  function paintMap() {
    const { colours } = about;
    const beside = besidePx();
    const wide = (map.plot.clientWidth - beside) / most() >= WRITTEN_PX && !dense();
    const first = (row, _, c) => (c === row.first_error ? "▼" : "");
    const number = (row, step, c) => `${first(row, step, c)} ${wordsOf(step)}`.trim();
    const data = [
      {
        type: "heatmap",
        x: Array.from({ length: most() }, (_, i) => i + 1),
        y: rows.map((_, r) => r),
        z: rows.map(({ steps }) =>
          Array.from({ length: most() }, (_, c) => steps[c]?.probability ?? null)
        ),
        zmin: 0,
        zmax: 1,
        colorscale: scale(colours),
        showscale: false,
        xgap: most() > 60 ? 0 : 1,
        ygap: dense() ? 1 : 2,
        hoverinfo: "none",
      },
      marks(wide ? number : first),
      marks((_, step) => (step.thinking ? "·" : ""), BELOW),
    ];
    const layout = frame({
      height: rowPx() * rows.length + 30,
      margin: { l: beside, r: 4, t: 26, b: 4 },
      xaxis: axis({
        side: "top",
        dtick: most() > 100 ? 20 : most() > 30 ? 5 : 1,
        tick0: most() > 30 ? 0 : 1,
        range: [0.5, most() + 0.5],
      }),
      yaxis: axis({
        tickvals: rows.map((_, r) => r),
        ticktext: rows.map(label),
        tickfont: { size: Math.max(8, Math.min(12, rowPx() - 1)), color: colours.ink },
        ticklabeloverflow: "allow", // each lies in its row; Plotly would measure them all
        range: [rows.length - 0.5, -0.5],
      }),
      shapes: [here()],
    });
    drawSteps(map, data, layout, (point) => [point.y, point.x - 1]);
    map.plot.setAttribute(
      "aria-label",
      `Heat map of ${rows.length} solutions and at most ${most()} steps. Arrow keys move, Enter opens the step.`,
    );
    showLegend();
  }

  // A frame around the chosen cell.
  const here = () => ({
    type: "rect",
    x0: at.column + 0.5,
    x1: at.column + 1.5,
    y0: at.row - 0.5,
    y1: at.row + 0.5,
    line: { color: about.colours.ink, width: 2 },
    visible: document.activeElement === map.plot,
  });

  function showLegend() {
    const swatch = (band, words) =>
      make("span", {}, make("i", { class: `bd-swatch bd-swatch-${band}` }), words);
    const some = rows.some(({ steps }) => steps.some((step) => step.thinking));
    const judged = rows.some(({ correct: is }) => is !== null && is !== undefined);
    legend.replaceChildren(
      swatch("good", "above 0.7"),
      swatch("warn", "0.4 to 0.7"),
      swatch("bad", "up to 0.4"),
      text("span", "", "▼ first error"),
      ...(some ? [text("span", "", "· thinking")] : []),
      ...(judged ? [text("span", "", "✓ ✗ the answer, right or wrong")] : []),
    );
  }

  // --- one cell ---------------------------------------------------------------------------------------

  function say(row, column) {
    const one = rows[row];
    const step = one?.steps[column];
    if (!step) return;
    const facts = [
      `${one.letter}, step ${column + 1} of ${one.steps.length}: ${step.exact}`,
      `log-odds ${logOdds(step)}`,
      column === one.first_error ? "first error" : step.below ? "below the threshold" : "",
      step.thinking ? "thinking" : "",
    ];
    said.replaceChildren(
      text("strong", "", facts.filter(Boolean).join(", ")),
      " ",
      step.text.slice(0, 300),
    );
  }

  function move(by, along) {
    const row = Math.max(0, Math.min(rows.length - 1, at.row + by));
    const column = Math.max(0, Math.min(rows[row].steps.length - 1, at.column + along));
    at = { row, column };
    Plotting.drawShapes(map.plot, [here()]);
    say(row, column);
  }

  const ring = () => rows.length && move(0, 0);
  const KEYS = {
    ArrowDown: () => move(1, 0),
    ArrowUp: () => move(-1, 0),
    ArrowRight: () => move(0, 1),
    ArrowLeft: () => move(0, -1),
    Home: () => move(0, -Infinity),
    End: () => move(0, Infinity),
    Enter: () => about.open(rows[at.row].letter, at.column),
  };
  Pictures.walked(map.plot, KEYS, ring, ring);

  // --- the course of every solution, and the spread ---------------------------------------------------

  const yRange = () => odds ? [-MOST_ODDS - 0.5, MOST_ODDS + 0.5] : [-0.03, 1.03];

  function paintCourses() {
    const { colours, accent } = about;
    const line = (row) => ({
      x: row.steps.map((_, i) => i + 1),
      y: row.steps.map(valueOf),
      customdata: row.steps.map(() => rows.indexOf(row)),
      band: row.steps.map((step) => colours[step.band]),
    });
    const course = (some, more) => {
      const { band, ...points } = Pictures.joined(some.map(line));
      return {
        type: "scatter",
        mode: most() > 1 && rows.length > NAMED ? "lines" : "lines+markers",
        ...points,
        marker: { size: 5, color: band },
        hoverinfo: "none",
        ...more,
      };
    };
    const [best, ...others] = rows;
    const [low, high] = yRange();
    const ends = rows.map(({ letter, steps }, r) => ({
      x: steps.length,
      y: valueOf(steps.at(-1)),
      text: letter,
      xshift: 6,
      font: { size: 11, color: r === 0 ? accent : colours.mute },
    }));
    const names = rows.length > NAMED ? [] : Pictures.endNames(ends, NAME_SHARE * (high - low));
    const layout = frame({
      height: 260,
      margin: { l: 34, r: names.length ? Pictures.roomFor(names) : 8, t: 8, b: 34 },
      xaxis: axis({
        range: [0.7, most() + 0.3],
        dtick: Math.ceil(most() / 12),
        tick0: 1,
        title: { text: "step", standoff: 6 },
      }),
      yaxis: axis({ range: yRange(), showgrid: true, gridcolor: colours.track }),
      shapes: [{
        type: "line",
        xref: "paper",
        x0: 0,
        x1: 1,
        y0: limit(),
        y1: limit(),
        line: { color: colours.mute, width: 1, dash: "dash" },
      }],
      annotations: names,
    });
    const cell = (point) => [point.customdata, point.x - 1];
    const data = [
      course(others, { line: { color: colours.faint, width: 1.2 }, opacity: 0.75 }),
      course([best], { line: { color: accent, width: 2.5 } }),
    ];
    drawSteps(courses, data, layout, cell);
  }

  function paintSpread() {
    const { colours } = about;
    const [low, high] = odds ? [-MOST_ODDS, MOST_ODDS] : [0, 1];
    const width = (high - low) / BINS;
    const counts = Array(BINS).fill(0);
    for (const step of rows.flatMap((row) => row.steps)) {
      counts[Math.min(BINS - 1, Math.floor((valueOf(step) - low) / width))] += 1;
    }
    const middle = counts.map((_, i) => low + (i + 0.5) * width);
    const p = (x) => odds ? 1 / (1 + Math.exp(-x)) : x;
    const band = (x) => (p(x) > 0.7 ? "good" : p(x) > 0.4 ? "warn" : "bad");
    const data = [{
      type: "bar",
      x: middle,
      y: counts,
      width: Array(BINS).fill(width * 0.9),
      marker: { color: middle.map((x) => colours[band(x)]) },
      hoverinfo: "none",
    }];
    const layout = frame({
      height: 260,
      margin: { l: 34, r: 8, t: 8, b: 34 },
      xaxis: axis({
        range: [low, high],
        title: { text: odds ? "log-odds" : "probability", standoff: 6 },
      }),
      yaxis: axis({ rangemode: "tozero", showgrid: true, gridcolor: colours.track, nticks: 5 }),
    });
    Pictures.draw(spread, data, layout);
  }

  // --- drawing -------------------------------------------------------------------------------------------

  // A picture whose points are steps: `cell` gives the step, as [row, column].
  function drawSteps(one, data, layout, cell) {
    Pictures.draw(one, data, layout, {
      hover: ({ points: [point] }) => say(...cell(point)),
      click: ({ points: [point] }) => {
        const [row, column] = cell(point);
        if (rows[row]?.steps[column]) about.open(rows[row].letter, column);
      },
    });
  }

  function paintAll() {
    if (!rows.length) return;
    at = { row: Math.min(at.row, rows.length - 1), column: 0 };
    said.textContent = "Point at a cell, or press it to open the step.";
    paintMap();
    paintCourses();
    paintSpread();
  }

  // Draws solutions, best first. `show` is { colours, accent, threshold, open(letter, step) }.
  function draw(solutions, show) {
    rows = solutions;
    about = show;
    node.hidden = !rows.length;
    paintAll();
  }

  return { node, draw };
})();

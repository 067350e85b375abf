// What the Plotly figures of the tabs share: a heading with buttons that save the figure, the
// frame, the axes. No user text enters a figure: Plotly reads tags in it.

const Pictures = (() => {
  const NEAR_PX = 200;

  // A picture: { node, head, plot }. `file` names what is saved.
  function build(title, file) {
    const plot = make("div", { class: "bd-figure" });
    const save = (format) =>
      make(
        "button",
        {
          type: "button",
          "aria-label": `Save ${title.toLowerCase()} as ${format.toUpperCase()}`,
          onclick: () =>
            plot.data && window.Plotly.downloadImage(plot, { format, filename: `prm-${file}` }),
        },
        format.toUpperCase(),
      );
    const head = make(
      "div",
      { class: "bd-figure-head" },
      make("h3", { class: "bd-cap" }, title),
      make("span", { class: "bd-saves" }, save("png"), save("svg")),
    );
    const node = make("section", { class: "bd-picture", "aria-label": title }, head, plot);
    return { node, head, plot };
  }

  const axis = (colours, more) => ({
    fixedrange: true,
    showgrid: false,
    zeroline: false,
    ticks: "",
    tickcolor: colours.mute,
    ...more,
  });

  const frame = (colours, more) => ({
    autosize: true,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(root).fontFamily, size: 12, color: colours.mute },
    showlegend: false,
    hovermode: "closest",
    dragmode: false,
    ...more,
  });

  // Many lines as one trace, which Plotly draws much faster than one trace each: they are joined, with
  // a gap between two. A line is an object of lists of one length, such as { x, y, customdata }.
  function joined(lines) {
    const names = Object.keys(lines[0] ?? {});
    return Object.fromEntries(
      names.map((name) => [name, lines.flatMap((line) => [...line[name], null])]),
    );
  }

  // The names at the ends of lines; those that would lie on each other, closer than `near`, are one.
  function endNames(names, near) {
    const places = [];
    for (const name of names) {
      const same = places.find(({ x, y }) => x === name.x && Math.abs(y - name.y) < near);
      if (same) same.all.push(name.text);
      else places.push({ ...name, all: [name.text] });
    }
    return places.map(({ all, ...name }) => ({
      ...name,
      text: all.length > 3 ? `${all.slice(0, 2).join(", ")} +${all.length - 2}` : all.join(", "),
      showarrow: false,
      xanchor: "left",
    }));
  }

  // How wide the longest of some words is, in pixels.
  function widest(words) {
    const pen = document.createElement("canvas").getContext("2d");
    pen.font = `12px ${getComputedStyle(root).fontFamily}`;
    return Math.ceil(Math.max(...words.map((one) => pen.measureText(one).width)));
  }

  // The room that they need at the right.
  const roomFor = (names) => 16 + 7 * Math.max(0, ...names.map((name) => name.text.length));

  // Draws it, again only when it comes near the window and no pointer is down: Plotly would lose that
  // press. Where only shapes differ, only they are drawn, which is much quicker. `events` are listened
  // to from the first time.
  function draw({ plot }, data, layout, events = {}) {
    late.set(plot, { data, layout, events });
    if (!plot.data) drawNow(plot);
    else prm.released().then(() => late.has(plot) && drawOrWait(plot));
  }

  // Lets the keys walk in a figure: `keys` says what each of them does, `enter` is called when the
  // focus comes, but not by a press of the pointer, which decides itself, and `leave` when it goes.
  function walked(plot, keys, enter, leave) {
    plot.setAttribute("role", "group");
    plot.tabIndex = 0;
    plot.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      keys[event.key]();
      event.preventDefault();
    });
    plot.addEventListener("focus", () => prm.down() || enter());
    plot.addEventListener("blur", leave);
  }

  const late = new Map(); // figure → what is to be drawn: { data, layout }
  const drawn = new WeakMap(); // figure → what was drawn but for the shapes, as text
  const near = new IntersectionObserver(
    (entries) => entries.forEach((one) => one.isIntersecting && drawNow(one.target)),
    { rootMargin: `${NEAR_PX}px` },
  );
  addEventListener("beforeprint", () => [...late.keys()].forEach(drawNow));

  function drawOrWait(plot) {
    const { top, bottom } = plot.getBoundingClientRect();
    if (bottom > -NEAR_PX && top < innerHeight + NEAR_PX) drawNow(plot);
    else near.observe(plot);
  }

  function drawNow(plot) {
    near.unobserve(plot);
    const { data, layout, events } = late.get(plot);
    late.delete(plot);
    Plotting.draw(plot, () => {
      const first = !plot.data;
      const { shapes = [], ...rest } = layout;
      const now = JSON.stringify([data, rest, plot.clientWidth]);
      if (now === drawn.get(plot)) Plotting.drawShapes(plot, shapes);
      else window.Plotly.react(plot, data, layout, { displayModeBar: false, responsive: true });
      drawn.set(plot, now);
      if (!first) return;
      for (const [name, heard] of Object.entries(events)) plot.on(`plotly_${name}`, heard);
    });
  }

  return { build, axis, frame, joined, endNames, widest, roomFor, draw, walked };
})();

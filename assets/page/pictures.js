// What the Plotly figures of the tabs share: a heading with buttons that save the figure, the
// frame, the axes. No user text enters a figure: Plotly reads tags in it.

const Pictures = (() => {
  // A picture: { node, head, plot }. `file` names what is saved.
  function build(title, file) {
    const plot = make("div", { class: "bd-figure" });
    const save = (format) =>
      make(
        "button",
        {
          type: "button",
          "aria-label": `Save ${title.toLowerCase()} as ${format.toUpperCase()}`,
          onclick: () => window.Plotly.downloadImage(plot, { format, filename: `prm-${file}` }),
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

  // Draws it; `events` are listened to from the first time on.
  function draw({ plot }, data, layout, events = {}) {
    const first = !plot.data;
    window.Plotly.react(plot, data, layout, { displayModeBar: false, responsive: true });
    if (!first) return;
    for (const [name, heard] of Object.entries(events)) plot.on(`plotly_${name}`, heard);
  }

  return { build, axis, frame, draw };
})();

// The Rules: what every aggregation, vote and length chooses, and where they differ. A picture of
// the ranks, and tables. It draws what prm_core/evaluation/choices.py found; picture, `frame` and
// `axis` are the Overview's.

const Rules = (() => {
  const NAMED = 12; // up to this many lines carry their letters
  const WIDE_PX = 640; // below this width the rules' names are turned upright

  const summary = make("p", { class: "bd-summary" });
  const bump = Pictures.build("Rank under every rule", "ranks");
  const tables = make("div", { class: "bd-tables" });
  const node = make("div", { class: "bd-whole-view" }, summary, bump.node, tables);

  // Which solutions lead, each under how many rules, and the most frequent answer.
  function sayWhoLeads({ picks, groups }) {
    const scores = picks.filter((one) => one.kind === "score");
    const times = new Map();
    for (const { letters } of scores) {
      const who = some(letters, (one) => one);
      times.set(who, (times.get(who) ?? 0) + 1);
    }
    const [[first, n], ...others] = [...times].sort((a, b) => b[1] - a[1]);
    const lead = others.length ? `${first} leads under ${n} of ${scores.length} rules` : "";
    const words = lead
      ? `${[lead, ...others.map(([who, k]) => `${who} under ${k}`)].join(", ")}.`
      : `All ${n} rules choose ${first}.`;
    const [most] = groups;
    summary.textContent = most.answer === null
      ? words
      : `${words} The most frequent answer is ${most.answer}, ${most.letters.length} of ${
        groups.reduce((sum, group) => sum + group.letters.length, 0)
      }.`;
  }

  // A line per solution, from rule to rule; it is strong where it leads under the chosen one.
  function paintRanks(show) {
    const { methods, there, colours, accent, method, standing } = show;
    const wide = bump.plot.clientWidth >= WIDE_PX;
    const ranks = new Map(methods.map(({ name }) => [name, Verdict.standing(there, name)]));
    const first = ({ letter }) => standing.get(letter)?.rank === 1;
    const rankOf = ({ letter }, { name }) => ranks.get(name).get(letter).rank;
    const line = (one) => ({
      x: methods.map((_, i) => i),
      y: methods.map((rule) => rankOf(one, rule)),
      text: methods.map(() => one.letter),
    });
    const trace = (those, colour, width, size) => ({
      type: "scatter",
      mode: "lines+markers",
      ...Pictures.joined(those.map(line)),
      line: { color: colour, width },
      marker: { size },
      hoverinfo: "text",
    });
    const end = (one) => ({
      x: methods.length - 1,
      y: rankOf(one, methods.at(-1)),
      text: one.letter,
      xshift: 8,
      font: { size: 11, color: first(one) ? accent : colours.mute },
    });
    const leadersFirst = [...there].sort((a, b) => first(b) - first(a)); // in their colour
    const names = there.length <= NAMED ? Pictures.endNames(leadersFirst.map(end), 0.5) : [];
    const below = 16 + Pictures.widest(methods.map(({ label }) => label));
    const layout = Pictures.frame(colours, {
      height: Math.min(420, Math.max(150, 26 * there.length + 90)),
      margin: { l: 40, r: Pictures.roomFor(names), t: 8, b: wide ? 44 : below },
      xaxis: Pictures.axis(colours, {
        tickvals: methods.map((_, i) => i),
        ticktext: methods.map(({ label }) => wide ? label.replace(" ", "<br>") : label),
        tickangle: wide ? 0 : -90,
        range: [-0.4, methods.length - 0.6],
      }),
      yaxis: Pictures.axis(colours, {
        range: [there.length + 0.5, 0.5],
        dtick: Math.ceil(there.length / 8),
        tick0: 1,
        showgrid: true,
        gridcolor: colours.track,
        title: { text: "rank", standoff: 4 },
      }),
      shapes: [{
        type: "rect",
        yref: "paper",
        y0: 0,
        y1: 1,
        x0: methods.findIndex(({ name }) => name === method) - 0.4,
        x1: methods.findIndex(({ name }) => name === method) + 0.4,
        fillcolor: colours.track,
        line: { width: 0 },
        layer: "below",
      }],
      annotations: names,
    });
    const data = [
      trace(there.filter((one) => !first(one)), colours.faint, 1.2, 5),
      trace(there.filter(first), accent, 2.5, 8),
    ];
    Pictures.draw(bump, data, layout);
  }

  const right = (share) =>
    share === null ? none : {
      shown: share === 1 ? "✓" : share === 0 ? "✗" : `${Math.round(100 * share)} %`,
      value: share,
      class: `bd-ink-${share === 1 ? "good" : share === 0 ? "bad" : "warn"}`,
    };

  // The step that holds the runner-up back, as a link to it.
  function heldBack({ ahead_of: rival, step, decides }, open) {
    if (step === null) return none;
    const words = decides ? `step ${step + 1}, which decides` : `step ${step + 1}`;
    return { shown: words, press: () => open(rival, step) };
  }

  function picksTable({ picks, groups }, { method, open, gold, removed }) {
    const answerOf = (letters) => {
      const given = groups.filter((group) => letters.some((one) => group.letters.includes(one)));
      return given.map((group) => group.answer ?? "none").join(" or ");
    };
    const columns = [
      { name: "Rule" },
      { name: "Chooses" },
      { name: "Answer" },
      ...(gold === null ? [] : [{ name: "Right", number: true, descending: true }]),
      { name: "Ahead of" },
      { name: "Held back by" },
    ];
    const row = (pick) => ({
      name: pick.rule === method ? "bd-on" : undefined,
      cells: [
        { shown: pick.label },
        { shown: some(pick.letters, (one) => one) || "none", value: pick.letters.join(" ") },
        { shown: answerOf(pick.letters), class: "bd-short" },
        ...(gold === null ? [] : [right(pick.accuracy)]),
        pick.ahead_of === null ? none : { shown: pick.ahead_of },
        heldBack(pick, open),
      ],
    });
    const caption = "What every rule chooses";
    const sheet = Table.build({ caption, columns, rows: picks.map(row) });
    const since = removed ? "They still include solutions that have since been removed. " : "";
    sheet.append(make(
      "p",
      { class: "bd-sheet-note" },
      since +
        "Ahead of: the best other solution. Held back by: the step that costs that solution most; it decides the choice if that solution would lead without it.",
    ));
    return sheet;
  }

  // `show` is { choices, there, methods, method, standing, gold, colours, accent, scores, open }.
  function draw(show) {
    node.hidden = !show.choices || !show.there.length;
    if (node.hidden) return;
    sayWhoLeads(show.choices);
    paintRanks(show);
    tables.replaceChildren(picksTable(show.choices, show), show.scores);
  }

  return { node, draw };
})();

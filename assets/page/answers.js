// The Answers: solutions that give the same answer, with their votes and their weight under the
// chosen rule; and the right answer, which can be typed here.

const Answers = (() => {
  const said = make("p", { class: "bd-summary", role: "status" });
  const groupsList = make("ol", { class: "bd-groups" });
  const goldInput = make("input", {
    type: "text",
    id: "bd-gold",
    maxlength: "500",
    autocomplete: "off",
    spellcheck: "false",
  });
  const goldIssue = make("span", { class: "bd-gold-issue", role: "status" });
  const goldForm = make(
    "form",
    {
      class: "bd-gold",
      onsubmit: (event) => {
        event.preventDefault();
        about.grade(goldInput.value.trim() || null);
      },
    },
    make("label", { for: "bd-gold", class: "bd-cap" }, "Right answer"),
    goldInput,
    make("button", { type: "submit", class: "bd-copy" }, "Compare"),
    goldIssue,
  );
  const node = make("div", { class: "bd-whole-view" }, said, groupsList, goldForm);
  let about = null;

  const bar = (label, share, words, kind) =>
    make(
      "div",
      { class: `bd-vote bd-vote-${kind}` },
      make("span", { class: "bd-vote-name" }, label),
      make("i", { style: `--p: ${share}`, "aria-hidden": "true" }),
      make("b", {}, words),
    );

  // Two digits behind the point, but no 0.00 for what is more than 0.
  const shownWeight = (weight) =>
    weight > 0 && weight < 0.005 ? String(Number(weight.toPrecision(1))) : weight.toFixed(2);

  function groupRow(group, { most, heaviest, n, label, open }) {
    const { answer: words, letters, weight } = group;
    const names = letters.map((letter) =>
      make("button", { type: "button", class: "bd-letter", onclick: () => open(letter) }, letter)
    );
    const shown = words === null
      ? make("span", { class: "bd-chip bd-answer" }, "no answer")
      : answer({ answer: words, correct: group.correct });
    const votes = bar("votes", letters.length / most, `${letters.length} of ${n}`, "count");
    return make(
      "li",
      { class: "bd-group" },
      make("div", { class: "bd-group-head" }, shown, make("span", { class: "bd-names" }, ...names)),
      ...(words === null
        ? []
        : [votes, bar(label, weight / heaviest, minus(shownWeight(weight)), "weight")]),
    );
  }

  // What the PRM's leader and the majority say, and whether they agree.
  function verdictOf(groups, { standing, label }) {
    const n = groups.reduce((sum, group) => sum + group.letters.length, 0);
    const voting = groups.filter((group) => group.answer !== null);
    if (!voting.length) return "No solution gives an answer.";
    const votes = Math.max(...voting.map((group) => group.letters.length));
    const majority = voting.filter((group) => group.letters.length === votes);
    const chosen = groups.filter((group) =>
      group.letters.some((one) => standing.get(one)?.rank === 1)
    );
    const quoted = (found) => found.map((one) => one.answer ?? "no answer").join(" or ");
    const prm = `under ${label.toLowerCase()} the PRM chooses ${quoted(chosen)}`;
    if (majority.length > 1) {
      return `No majority: ${quoted(majority)} have ${votes} of ${n} votes each; ${prm}.`;
    }
    const most = `${quoted(majority)} has the most votes, ${votes} of ${n}`;
    if (chosen.every((group) => majority.includes(group))) {
      return `PRM and majority agree: ${most}.`;
    }
    const apart = chosen.some((group) => majority.includes(group)) ? " in part" : "";
    return `PRM and majority disagree${apart}: ${prm}; ${most}.`;
  }

  // The groups of the solutions that are still there, with their weights under the chosen rule.
  function groupsOf({ choices, there, method }) {
    const scores = new Map(there.map((one) => [one.letter, one.scores[method]]));
    return choices.groups.flatMap((group) => {
      const letters = group.letters.filter((one) => scores.has(one));
      const weight = letters.reduce((sum, one) => sum + scores.get(one), 0);
      return letters.length ? [{ ...group, letters, weight }] : [];
    }).sort((a, b) =>
      (a.answer === null) - (b.answer === null) || b.letters.length - a.letters.length
    );
  }

  // The groups as list items, with their bars; `show` is { choices, there, method, label, open(letter) }.
  function rows(show) {
    const groups = groupsOf(show);
    const voting = groups.filter((group) => group.answer !== null);
    const most = Math.max(1, ...voting.map((group) => group.letters.length));
    const heaviest = Math.max(1e-9, ...voting.map((group) => group.weight));
    const n = groups.reduce((sum, group) => sum + group.letters.length, 0);
    const label = `${show.label.toLowerCase()}, sum`;
    return groups.map((group) => groupRow(group, { ...show, most, heaviest, n, label }));
  }

  // `show` is { choices, there, standing, method, label, gold, open(letter), grade(gold) }.
  function draw(show) {
    about = show;
    node.hidden = !show.choices;
    if (node.hidden) return;
    said.textContent = verdictOf(groupsOf(show), show);
    groupsList.replaceChildren(...rows(show));
    if (document.activeElement !== goldInput) goldInput.value = show.gold ?? "";
  }

  const sayGold = (words) => {
    goldIssue.textContent = words;
  };

  return { node, draw, rows, sayGold };
})();

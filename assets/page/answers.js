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

  function groupRow(group, { most, heaviest, n, method, label, open }) {
    const { answer: words, letters, weights } = group;
    const names = letters.map((letter) =>
      make("button", { type: "button", class: "bd-letter", onclick: () => open(letter) }, letter)
    );
    const weight = weights[method];
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
        : [votes, bar(label, weight / heaviest, minus(weight.toFixed(2)), "weight")]),
    );
  }

  // What the PRM's leader and the majority say, where they differ and where they do not.
  function verdictOf({ picks, groups }, method, label) {
    const answerOf = (pick) =>
      groups.filter((group) => pick.letters.some((one) => group.letters.includes(one)));
    const prmGroups = answerOf(picks.find((one) => one.rule === method));
    const majority = answerOf(picks.find((one) => one.rule === "majority"));
    const n = groups.reduce((sum, group) => sum + group.letters.length, 0);
    if (!majority.length) return "No solution gives an answer.";
    const quoted = (found) => found.map((one) => one.answer ?? "no answer").join(" or ");
    const votes = `${majority[0].letters.length} of ${n}`;
    const most = majority.length > 1
      ? `${quoted(majority)} have equally many votes, ${votes} each`
      : `${quoted(majority)} has the most votes, ${votes}`;
    if (prmGroups.every((group) => majority.includes(group))) {
      return `PRM and majority agree: ${most}.`;
    }
    const apart = prmGroups.some((group) => majority.includes(group)) ? "in part" : "";
    const prm = `under ${label.toLowerCase()} the PRM chooses ${quoted(prmGroups)}`;
    return `PRM and majority disagree${apart && ` ${apart}`}: ${prm}; ${most}.`;
  }

  // `show` is { choices, method, label, gold, open(letter), grade(gold) }.
  function draw(show) {
    about = show;
    node.hidden = !show.choices;
    if (node.hidden) return;
    const { groups } = show.choices;
    const voting = groups.filter((group) => group.answer !== null);
    const most = Math.max(1, ...voting.map((group) => group.letters.length));
    const heaviest = Math.max(1e-9, ...voting.map((group) => group.weights[show.method]));
    const n = groups.reduce((sum, group) => sum + group.letters.length, 0);
    said.textContent = verdictOf(show.choices, show.method, show.label);
    const label = `${show.label.toLowerCase()}, sum`;
    groupsList.replaceChildren(
      ...groups.map((group) => groupRow(group, { ...show, most, heaviest, n, label })),
    );
    if (document.activeElement !== goldInput) goldInput.value = show.gold ?? "";
  }

  const sayGold = (words) => {
    goldIssue.textContent = words;
  };

  return { node, draw, sayGold };
})();

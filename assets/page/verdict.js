// Which solution leads, in words: among those that are still there, under every rule. Plain functions of
// what prm_core/ui/board.py sends; the board (board.js) runs this first.
//
// A solution is { letter, ranks, first_error }, its ranks by the names of the rules and among all
// that were scored. When some are left out, the others keep their order.

const Verdict = (() => {
  const FEW = 3; // rules that are named where "every other rule" would do

  const listed = (names) =>
    names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

  // Letter → { rank, tied } under one rule.
  function standing(there, rule) {
    const ranks = there.map((one) => one.ranks[rule]).sort((a, b) => a - b);
    return new Map(there.map((one) => {
      const rank = one.ranks[rule];
      const [first, last] = [ranks.indexOf(rank), ranks.lastIndexOf(rank)];
      return [one.letter, { rank: 1 + first, tied: last > first }];
    }));
  }

  function leaders(there, rule) {
    const best = Math.min(...there.map((one) => one.ranks[rule]));
    return there.filter((one) => one.ranks[rule] === best).map((one) => one.letter);
  }

  // "A leads", "C is level with A", "A, B and 3 more are level".
  function who(first, n, leader = []) {
    if (first.length === 1) return `${first[0]} leads`;
    if (first.length === 2 && leader.length === 1 && first.includes(leader[0])) {
      return `${first.find((one) => one !== leader[0])} is level with ${leader[0]}`;
    }
    if (first.length === n && n > 2) return `all ${n} are level`;
    const named = first.length > 4 ? [...first.slice(0, 2), `${first.length - 2} more`] : first;
    return `${listed(named)} are level`;
  }

  // The rules by who leads under them, that of the chosen rule first: [{ first, rules }, …].
  function outcomes(there, methods, chosen) {
    const found = new Map();
    for (const name of [chosen, ...methods.map((one) => one.name)]) {
      const first = leaders(there, name);
      const key = first.join();
      if (!found.has(key)) found.set(key, { first, rules: [] });
      const { label } = methods.find((one) => one.name === name);
      const { rules } = found.get(key);
      if (!rules.includes(label.toLowerCase())) rules.push(label.toLowerCase());
    }
    return [...found.values()];
  }

  // Under which rules the chosen one's leader leads: named, or all but those that are named.
  function scope(own, others) {
    const elsewhere = others.flatMap((one) => one.rules);
    if (!elsewhere.length) return "under every rule";
    if (own.length <= elsewhere.length) return `under ${listed(own)}`;
    return `under every rule but ${listed(elsewhere)}`;
  }

  // Which one leads elsewhere, a sentence for each outcome; the one under most rules comes last.
  function rest(own, others, n) {
    const order = [...others].sort((a, b) => a.rules.length - b.rules.length);
    return order.map(({ first, rules }, i) => {
      const last = i === order.length - 1 && rules.length > FEW;
      return `Under ${last ? "every other rule" : listed(rules)}, ${who(first, n, own)}.`;
    });
  }

  // { lead, rest }: which solution leads under the chosen rule, and what qualifies that.
  function words(there, methods, chosen, threshold) {
    if (!there.length) return { lead: "", rest: "" };
    const n = there.length;
    const [own, ...others] = outcomes(there, methods, chosen);
    const alone = `${there[0].letter} is the only solution that is scored`;
    const lead = n === 1 ? alone : `${who(own.first, n)} ${scope(own.rules, others)}`;
    const more = n === 1 ? [] : rest(own.first, others, n);
    if (there.every((one) => one.first_error !== null)) {
      more.push(`${n === 1 ? "It has" : "Every solution has"} a step below ${threshold}.`);
    }
    return { lead: `${lead}.`, rest: more.join(" ") };
  }

  return { standing, words };
})();

// Where formulas are in a text, and how KaTeX may typeset them: for the page, and for a report.

const Formulas = (() => {
  const FORMULA_CHARS = 2000; // a longer formula is shown as it was written
  const TEXT_CHARS = 10_000; // and so is a longer text: reading it would stop the page

  const KATEX = {
    throwOnError: true,
    strict: "ignore", // otherwise every ÷ in a formula is a warning in the console
    errorColor: "currentColor",
    trust: false,
    maxExpand: 200,
    maxSize: 6,
  };

  const ENVIRONMENTS =
    /^(?:align|alignat|aligned|alignedat|array|cases|equation|gather|gathered|split|[pbBvV]?matrix)\*?$/;
  const OPENER = /```+|~~~+|`+|\$\$?|\\begin\{([a-zA-Z]+\*?)\}|\\boxed(?=\{)|\\[\s\S]/g;
  // "$5 and $6" is money: a dollar sign opens before a non-space, closes after one, never before a
  // digit; and "5 apples" is not a formula.
  const MONEY = /^\d[\d.,]*\s+[A-Za-z]{2}/;

  // The formulas of a text: [start, end, LaTeX, on a line of its own]. Every search ends after
  // FORMULA_CHARS, so the time is linear in the length of the text.
  function find(text) {
    const found = [];
    OPENER.lastIndex = 0;
    for (let open = OPENER.exec(text); open; open = OPENER.exec(text)) {
      const [mark, environment] = open;
      const code = mark[0] === "`" || /^~{3,4}$/.test(mark);
      const one = code ? null : formulaAt(text, open.index, mark, environment);
      if (one) found.push(one);
      const end = one ? one[1] : code ? codeEnd(text, open.index, mark) : OPENER.lastIndex;
      OPENER.lastIndex = Math.max(end, open.index + 1);
    }
    return found;
  }

  function formulaAt(text, start, mark, environment) {
    if (mark === "$") return dollarAt(text, start);
    if (mark === "\\boxed") return boxAt(text, start, start + mark.length);
    const close = { "\\(": "\\)", "\\[": "\\]", $$: "$$" }[mark];
    if (!close && !(environment && ENVIRONMENTS.test(environment))) return null;
    const from = start + mark.length;
    const until = close ?? `\\end{${environment}}`;
    const at = text.slice(from, from + FORMULA_CHARS).indexOf(until);
    if (at < 0 || !text.slice(from, from + at).trim()) return null;
    const end = from + at + until.length;
    const tex = environment ? text.slice(start, end) : text.slice(from, from + at);
    return [start, end, tex, mark !== "\\("];
  }

  function dollarAt(text, start) {
    if (/[\w$]/.test(text[start - 1] ?? "") || /[\s$]/.test(text[start + 1] ?? " ")) return null;
    const limit = Math.min(text.length, start + FORMULA_CHARS);
    let end = start + 1;
    while (end < limit && text[end] !== "$") end += text[end] === "\\" ? 2 : 1;
    if (end >= limit || /\s/.test(text[end - 1]) || /[\d$]/.test(text[end + 1] ?? "")) return null;
    const tex = text.slice(start + 1, end);
    return MONEY.test(tex) ? null : [start, end + 1, tex, false];
  }

  // An answer's box without dollar signs.
  function boxAt(text, start, brace) {
    const limit = Math.min(text.length, start + FORMULA_CHARS);
    let depth = 0;
    for (let end = brace; end < limit; end += text[end] === "\\" ? 2 : 1) {
      depth += (text[end] === "{") - (text[end] === "}");
      if (depth === 0) return [start, end + 1, text.slice(start, end + 1), false];
    }
    return null;
  }

  // The end of the code that begins here: a block at the start of a line, or a span.
  function codeEnd(text, start, mark) {
    const line = text.lastIndexOf("\n", start - 1) + 1;
    if (mark.length >= 3 && start - line <= 3 && !text.slice(line, start).trim()) {
      const close = text.indexOf("\n" + mark, start);
      return close < 0 ? text.length : close + 1 + mark.length;
    }
    if (mark[0] === "~") return start + mark.length;
    const rest = text.slice(start + mark.length, start + FORMULA_CHARS);
    const close = rest.search(new RegExp("(?<!`)" + mark + "(?!`)"));
    return start + mark.length + (close < 0 ? 0 : close + mark.length);
  }

  return { find, KATEX, TEXT_CHARS };
})();

// Markdown and mathematics, from text to nodes. No string of markup is ever made: markdown-it reads
// the text, and the nodes below are built one by one, with text nodes for every word. What is not
// in `TAGS` stays as it was written; links and images are not interpreted, so nothing is fetched.
// Work goes through one queue in short slices: text appears at once as it was written, and is
// typeset when its turn comes.

const Typeset = (() => {
  const FORMULA_CHARS = 2000; // a longer formula is shown as it was written
  const TYPESET_CHARS = 10_000; // and so is a longer text: reading it would stop the page
  const SLICE_MS = 10;

  const KATEX = {
    throwOnError: true,
    strict: "ignore", // otherwise every ÷ in a formula is a warning in the console
    errorColor: "currentColor",
    trust: false,
    maxExpand: 200,
    maxSize: 6,
  };
  const TAGS = new Set("p ul ol li table thead tbody tr th td strong em".split(" "));
  // Rules that would lose or change what was written in a calculation: "> 5" is not a quotation, a
  // line under a sum is not a heading, and four spaces are not code.
  const NOT_READ = [
    ...["link", "image", "autolink", "reference", "html_block", "html_inline", "entity"],
    ...["code", "lheading", "blockquote", "strikethrough"],
  ];
  const ESCAPED = "$*_#|`";
  const TILDES = /^~{5,}[ \t]*$/;

  // --- the queue ------------------------------------------------------------------------------------

  const tasks = [];
  let resting = false;

  // Do it in this turn while there is time, else soon.
  function soon(task) {
    tasks.push(task);
    if (resting) return;
    resting = true;
    queueMicrotask(work);
  }

  function work() {
    const until = performance.now() + SLICE_MS;
    while (tasks.length && performance.now() < until) tasks.shift()();
    if (tasks.length) setTimeout(work);
    else resting = false;
  }

  // --- formulas -------------------------------------------------------------------------------------

  const ENVIRONMENTS =
    /^(?:align|alignat|aligned|alignedat|array|cases|equation|gather|gathered|split|[pbBvV]?matrix)\*?$/;
  const OPENER = /```+|~~~+|`+|\$\$?|\\begin\{([a-zA-Z]+\*?)\}|\\boxed(?=\{)|\\[\s\S]/g;
  // "$5 and $6" is money: a dollar sign opens before a non-space, closes after one, never before a
  // digit; and "5 apples" is not a formula.
  const MONEY = /^\d[\d.,]*\s+[A-Za-z]{2}/;

  // The formulas of a text: [start, end, LaTeX, on a line of its own]. Every search ends after
  // FORMULA_CHARS, so the time is linear in the length of the text.
  function formulas(text) {
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

  function formula(tex, written, alone) {
    const span = document.createElement("span");
    span.className = alone ? "md-math md-alone" : "md-math";
    span.dataset.written = written;
    span.textContent = written;
    soon(() => {
      try {
        window.katex.render(tex, span, { ...KATEX, displayMode: alone });
      } catch {
        span.textContent = written; // not LaTeX after all: what was written, as it was written
      }
    });
    return span;
  }

  // --- Markdown -------------------------------------------------------------------------------------

  let reader = null;

  function markdown() {
    if (reader) return reader;
    reader = window.markdownit({ html: false, linkify: false, maxNesting: 20 }).disable(NOT_READ);
    reader.inline.State = strictEmphasis(reader.inline.State);
    reader.inline.ruler.at("escape", escape);
    reader.inline.ruler.at("newline", newline);
    reader.block.ruler.before("fence", "tildes", tildes, { alt: ["paragraph", "list"] });
    return reader;
  }

  // A line of five tildes or more is a rule, as it is where texts are cut into steps.
  function tildes(state, line, _last, silent) {
    const at = state.bMarks[line] + state.tShift[line];
    if (!TILDES.test(state.src.slice(at, state.eMarks[line]))) return false;
    if (!silent) {
      state.push("hr", "hr", 0);
      state.line = line + 1;
    }
    return true;
  }

  // "3*4*5" and "(3*4)*5*(2)" are products: a star next to a figure, a letter or a bracket on the
  // outer side is not emphasis, nor is a single one next to a figure on the inner side.
  function strictEmphasis(State) {
    return class extends State {
      scanDelims(start, canSplitWord) {
        const scanned = super.scanDelims(start, canSplitWord);
        const before = this.src[start - 1] ?? "";
        const after = this.src[start + scanned.length] ?? "";
        if (/[A-Za-z0-9)\]}]/.test(before)) scanned.can_open = false;
        if (/[A-Za-z0-9([{\\]/.test(after)) scanned.can_close = false;
        if (scanned.length === 1 && /\d/.test(after)) scanned.can_open = false;
        if (scanned.length === 1 && /\d/.test(before)) scanned.can_close = false;
        return scanned;
      }
    };
  }

  // A backslash before what Markdown or a formula would read; LaTeX outside of formulas stays whole.
  function escape(state, silent) {
    const next = state.src[state.pos + 1];
    if (state.src[state.pos] !== "\\" || !next || !ESCAPED.includes(next)) return false;
    if (!silent) state.pending += next;
    state.pos += 2;
    return true;
  }

  // Line breaks stay, and so do the spaces at the start of a line.
  function newline(state, silent) {
    if (state.src[state.pos] !== "\n") return false;
    if (!silent) state.pending += "\n";
    state.pos += 1;
    return true;
  }

  // Formulas are taken out before Markdown is read, and put back into the nodes: nothing in a
  // formula is a list, a table or emphasis. A private character on each side marks the place.
  const HELD = /\ue000(\d+)\ue001/;

  function hold(text) {
    const held = [];
    let rest = "";
    let at = 0;
    for (const [start, end, tex, alone] of formulas(text)) {
      rest += `${text.slice(at, start)}\ue000${held.length}\ue001`;
      held.push({ tex, alone, written: text.slice(start, end) });
      at = end;
    }
    return [rest + text.slice(at), held];
  }

  // A text as nodes; as it was written if it is too long or contains the private characters.
  function typeset(text) {
    const nodes = document.createDocumentFragment();
    if (text.length > TYPESET_CHARS || /[\ue000\ue001]/.test(text)) {
      nodes.append(text);
      return nodes;
    }
    const [rest, held] = hold(text);
    build(markdown().parse(rest, {}), nodes, held);
    return nodes;
  }

  function build(tokens, into, held) {
    const open = [into];
    for (const token of tokens) {
      const parent = open.at(-1);
      if (token.type === "inline") build(token.children, parent, held);
      else if (token.hidden) continue; // the paragraph of an item in a list without blank lines
      else if (token.nesting < 0) open.pop();
      else if (token.nesting > 0) open.push(parent.appendChild(opened(token)));
      else parent.append(...leaf(token, held));
    }
  }

  function opened(token) {
    const heading = /^h\d$/.test(token.tag);
    const node = document.createElement(TAGS.has(token.tag) ? token.tag : heading ? "p" : "span");
    if (heading) node.className = "md-heading";
    const aligned = /right|center/.exec(token.attrGet("style") ?? "");
    if (aligned) node.className = `md-${aligned[0]}`;
    if (token.tag === "li") node.append(marker(token));
    return node;
  }

  // The marker of a list item as it was written: "- 3" may be a difference.
  function marker(token) {
    const span = document.createElement("span");
    span.className = "md-marker";
    span.textContent = `${token.info}${token.markup} `;
    return span;
  }

  function leaf(token, held) {
    if (token.type === "hr") return [document.createElement("hr")];
    if (token.type === "code_inline" || token.type === "fence") {
      const code = document.createElement("code");
      code.textContent = written(token.content, held);
      if (token.type === "code_inline") return [code];
      const block = document.createElement("pre");
      block.append(code);
      return [block];
    }
    return token.type.endsWith("break") ? ["\n"] : words(token.content, held);
  }

  // A run of words with its formulas.
  function words(text, held) {
    return text.split(HELD).map((part, i) => {
      if (i % 2 === 0) return part;
      const { tex, written: source, alone } = held[part];
      return formula(tex, source, alone);
    });
  }

  function written(text, held) {
    return text.replace(new RegExp(HELD, "g"), (_, i) => held[i].written);
  }

  // Show a text in a node: at once as it was written, typeset when its turn comes.
  function show(node, text, plain = false) {
    node.textContent = text;
    node.classList.toggle("md-plain", plain);
    if (plain) return;
    soon(() => {
      node.replaceChildren(typeset(text));
      node.normalize();
    });
  }

  // What is copied from a typeset text has the formulas as they were written.
  document.addEventListener("copy", (event) => {
    const selection = document.getSelection();
    if (!selection.rangeCount) return;
    const range = selection.getRangeAt(0).cloneRange();
    const mathAt = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest(".md-math");
    const [first, last] = [mathAt(range.startContainer), mathAt(range.endContainer)];
    if (first) range.setStartBefore(first);
    if (last) range.setEndAfter(last);
    const part = range.cloneContents();
    const found = part.querySelectorAll(".md-math");
    if (!found.length) return;
    found.forEach((one) => one.replaceWith(one.dataset.written));
    const stage = document.createElement("div"); // in the page, so that lines are as they are seen
    stage.className = "md-stage";
    stage.append(part);
    document.body.append(stage);
    event.clipboardData.setData("text/plain", stage.innerText);
    stage.remove();
    event.preventDefault();
  });

  return { formulas, formula, show, soon };
})();

// Markdown and mathematics, from text to nodes. No string of markup is ever made: markdown-it reads
// the text, and the nodes below are built one by one, with text nodes for every word. What is not
// in `TAGS` stays as it was written; links and images are not interpreted, so nothing is fetched.
// Work goes through one queue in short slices: text appears at once as it was written, and is
// typeset when its turn comes.

const Typeset = (() => {
  const SLICE_MS = 10;

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

  function formula(tex, written, alone) {
    const span = document.createElement("span");
    span.className = alone ? "md-math md-alone" : "md-math";
    span.dataset.written = written;
    span.textContent = written;
    soon(() => {
      try {
        window.katex.render(tex, span, { ...Formulas.KATEX, displayMode: alone });
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
    for (const [start, end, tex, alone] of Formulas.find(text)) {
      rest += `${text.slice(at, start)}\ue000${held.length}\ue001`;
      held.push({ tex, alone, written: text.slice(start, end) });
      at = end;
    }
    return [rest + text.slice(at), held];
  }

  // A text as nodes; as it was written if it is too long or contains the private characters.
  function typeset(text) {
    const nodes = document.createDocumentFragment();
    if (text.length > Formulas.TEXT_CHARS || /[\ue000\ue001]/.test(text)) {
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

  return { formula, show, soon };
})();

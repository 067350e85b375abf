// Typesets the formulas of a report (prm_core/evaluation/session_report.py) as MathML, which needs
// neither fonts nor styles. Runs after KaTeX and formulas.js, in short slices; before printing, at
// once. Without it a report shows formulas as they were written.

(() => {
  const SLICE_MS = 10;
  const waiting = [...document.querySelectorAll("bdi")];

  function formula([, , tex, alone], written) {
    const span = document.createElement("span");
    span.dir = "ltr";
    try {
      globalThis.katex.render(tex, span, {
        ...Formulas.KATEX,
        output: "mathml",
        displayMode: alone,
      });
    } catch {
      return written; // not LaTeX after all: what was written, as it was written
    }
    return span;
  }

  function typeset(node) {
    const text = node.textContent;
    const whole = node.className === "tex" && [[0, text.length, text, false]];
    const found = text.length > Formulas.TEXT_CHARS ? [] : whole || Formulas.find(text);
    if (!found.length) return;
    const parts = [];
    let at = 0;
    let after = false; // a formula on a line of its own
    const words = (end, before) => {
      const all = text.slice(at, end);
      const rest = after ? all.replace(/^[ \t]*\n?/, "") : all;
      return before ? rest.trimEnd() : rest;
    };
    for (const one of found) {
      const [start, end, , alone] = one;
      const shown = formula(one, text.slice(start, end));
      const apart = alone && typeof shown !== "string";
      parts.push(words(start, apart), shown);
      [at, after] = [end, apart];
    }
    node.replaceChildren(...parts, words(text.length, false));
  }

  function work() {
    const until = performance.now() + SLICE_MS;
    while (waiting.length && performance.now() < until) typeset(waiting.shift());
    if (waiting.length) setTimeout(work);
    else document.documentElement.dataset.typeset = "";
  }

  addEventListener("beforeprint", () => waiting.splice(0).forEach(typeset));
  work();
})();

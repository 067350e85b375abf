// Tables to read, to sort, and to carry into a spreadsheet.
// A column is { name, number, on }: numbers are right-aligned, `on` marks the chosen rule. A cell is
// { shown, value, class, press }: `value` is what is sorted by and copied, by default `shown`; a cell
// with `press` is a button.

const Table = (() => {
  const FIRST = 200; // rows that are drawn; the others when they are asked for

  const asText = (cell) => String(cell.value ?? cell.shown);

  // A cell for a spreadsheet: one with a tab, a line break or a quote in it is quoted.
  function tsvCell(cell) {
    const text = asText(cell);
    return /[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function tsv(columns, rows) {
    const head = columns.map((column) => ({ shown: column.name }));
    return [head, ...rows].map((cells) => cells.map(tsvCell).join("\t")).join("\n") + "\n";
  }

  // Through a copy event, which also works where a page has no access to the clipboard.
  function copyText(text) {
    const put = (event) => {
      event.clipboardData.setData("text/plain", text);
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    document.addEventListener("copy", put, { capture: true, once: true });
    const done = document.execCommand("copy");
    document.removeEventListener("copy", put, { capture: true });
    return done;
  }

  // A button that copies what `text` gives, and says so for a moment.
  function copyButton(label, text) {
    const button = make("button", { type: "button", class: "bd-copy" }, label);
    button.addEventListener("click", () => {
      button.textContent = copyText(text()) ? "Copied" : "Not allowed here";
      setTimeout(() => {
        button.textContent = label;
      }, 1500);
    });
    return button;
  }

  // Numbers by size, words by the alphabet; what is not a number comes last in both directions.
  function compare(column, a, b, direction) {
    if (!column.number) {
      return direction * asText(a).localeCompare(asText(b), undefined, { numeric: true });
    }
    const [x, y] = [a, b].map((cell) => (typeof cell.value === "number" ? cell.value : NaN));
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return direction * (x - y);
  }

  function tableRow(columns, { cells, name }) {
    return make(
      "tr",
      { class: name ?? null },
      ...cells.map((cell, i) => {
        const kind = [
          columns[i].number ? "bd-number" : "",
          columns[i].on ? "bd-on" : "",
          cell.class ?? "",
        ];
        const attributes = { class: kind.filter(Boolean).join(" ") || null };
        if (i === 0) attributes.scope = "row";
        if (cell.class === "bd-short") attributes.title = String(cell.shown); // it may be cut off
        const go = { type: "button", class: "bd-goto", onclick: cell.press };
        const shown = cell.press ? make("button", go, cell.shown) : String(cell.shown);
        return make(i === 0 ? "th" : "td", attributes, shown);
      }),
    );
  }

  // The whole table with its caption, its button and its scroller. `rows` are { cells, name }.
  function build({ caption, columns, rows, name }) {
    const body = make("tbody", {});
    let order = rows;
    const heads = columns.map((column, i) =>
      make(
        "th",
        {
          scope: "col",
          class: [column.number ? "bd-number" : "", column.on ? "bd-on" : ""].join(" ").trim() ||
            null,
        },
        make("button", { type: "button", onclick: () => sortBy(i) }, column.name),
      )
    );
    const all = make("button", {
      type: "button",
      class: "bd-unfold",
      onclick: () => show(Infinity),
    });
    all.textContent = `Show all ${rows.length.toLocaleString("en")} rows`;
    const nodes = new Map();
    let n = FIRST;
    show(n);

    function show(most) {
      n = most;
      all.hidden = rows.length <= n;
      body.replaceChildren(
        ...order.slice(0, n).map((one) => {
          if (!nodes.has(one)) nodes.set(one, tableRow(columns, one));
          return nodes.get(one);
        }),
      );
    }

    function sortBy(i) {
      // Scores are read from the top, everything else from its beginning.
      const first = columns[i].descending ? -1 : 1;
      const again = heads[i].dataset.direction;
      const direction = again ? -Number(again) : first;
      order = [...order].sort((a, b) => compare(columns[i], a.cells[i], b.cells[i], direction));
      show(n);
      heads.forEach((head, k) => {
        head.removeAttribute("aria-sort");
        delete head.dataset.direction;
        if (k !== i) return;
        head.dataset.direction = direction;
        head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      });
    }

    const copy = copyButton("Copy", () => tsv(columns, order.map((one) => one.cells)));
    copy.title = "Copy as tab-separated values, for a spreadsheet";
    copy.setAttribute("aria-label", `Copy ${caption.toLowerCase()}`);
    const table = make(
      "table",
      { class: name ?? null },
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ...heads)),
      body,
    );
    return make(
      "div",
      { class: "bd-sheet" },
      copy,
      make(
        "div",
        { class: "bd-scroll", tabindex: "0", role: "region", "aria-label": caption },
        table,
      ),
      all,
    );
  }

  return { build, copyButton, copyText };
})();

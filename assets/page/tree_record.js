// The tree of a search as it is kept (docs/sessions.md): read, checked, and laid out. A link may hold
// anything, so what does not fit is no tree.

const TreeRecord = (() => {
  const WAYS = { "best-of-n": "Best of n", beam: "Beam search", dvts: "DVTS" };
  const MOST_KNOWN = 4;

  const isPlace = (x, end) => Number.isInteger(x) && x >= 0 && x < end;
  const isNumber = (x) => x === undefined || x === null || Number.isFinite(x);
  const isNode = ({ parent, text: words, ...rest }, i) =>
    (parent === null || isPlace(parent, i)) && typeof words === "string" &&
    isNumber(rest.probability) && isNumber(rest.score) && isPlace(rest.round ?? 0, Infinity) &&
    typeof (rest.error ?? "") === "string";

  const known = new Map(); // the last records that were read, as text → tree

  // The tree of a record as text; null where it holds none that can be drawn.
  function read(record) {
    if (known.has(record)) return known.get(record);
    let found = null;
    try {
      const parsed = JSON.parse(record);
      const { format, version, nodes = [], solutions = [], groups = [], ...rest } = parsed;
      const ours = format === "prm-inspector-search" && version === 1 && nodes.every(isNode) &&
        solutions.every((one) => isPlace(one, nodes.length)) && rest.settings.way in WAYS &&
        groups.flat().every((one) => one === null || isPlace(one, nodes.length));
      if (ours) {
        const usual = { n_rounds: 0, n_tokens: 0, seconds: 0, status: "" };
        found = { ...usual, ...rest, nodes, solutions, groups };
      }
    } catch {
      // not one of ours
    }
    known.set(record, found);
    if (known.size > MOST_KNOWN) known.delete(known.keys().next().value);
    return found;
  }

  // The nodes from a first step to this one.
  function path(i, { nodes }) {
    const found = [];
    for (let here = i; here !== null; here = nodes[here].parent) found.unshift(here);
    return found;
  }

  const textOf = (i, tree) => path(i, tree).map((one) => tree.nodes[one].text).join("");

  // The nodes that end a solution; while none does, those of the open paths.
  function ends({ solutions, groups }) {
    const open = groups.flat().filter((one) => one !== null);
    return solutions.length ? solutions : [...new Set(open)];
  }

  // How a search was set up, in words.
  function setup({ settings: { way, n, width } }) {
    const widths = way === "best-of-n" ? `n = ${n}` : `n = ${n}, width ${width}`;
    return `${WAYS[way]}, ${widths}`;
  }

  // A column per step, its nodes in the order of their parents; nothing crosses.
  function layOut({ nodes }) {
    const depth = [];
    const order = [];
    const columns = [];
    nodes.forEach(({ parent }, i) => {
      depth[i] = parent === null ? 0 : depth[parent] + 1;
      (columns[depth[i]] ??= []).push(i);
    });
    const above = (i) => nodes[i].parent === null ? 0 : order[nodes[i].parent];
    for (const column of columns) {
      column.sort((a, b) => above(a) - above(b) || a - b);
      column.forEach((i, k) => order[i] = k);
    }
    return { depth, order, columns, cut: prunedOnes(nodes) };
  }

  // What was pruned, with the steps that were written in one go with it.
  function prunedOnes(nodes) {
    const cut = nodes.map((one) => Boolean(one.pruned));
    const only = nodes.map(() => true); // all that follow in the same round are pruned
    const some = nodes.map(() => false);
    for (let i = nodes.length - 1; i >= 0; i -= 1) {
      const { parent, round = 0 } = nodes[i];
      if (some[i] && only[i]) cut[i] = true;
      if (parent === null) continue;
      some[parent] = true;
      only[parent] &&= cut[i] && round === (nodes[parent].round ?? 0);
    }
    return cut;
  }

  return { read, path, textOf, ends, setup, layOut };
})();

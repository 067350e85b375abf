// A card's steps as a chain: runs of thinking folded into one line with their count, and a map of a long
// chain at the card's edge, from which each step is one press away. The first error is never folded.
// The board (board.js) runs this first and gives it the cards.

const Chain = (() => {
  const LONG = 12; // a chain with more steps has a map
  const FEW = 2; // so many steps of thinking take no more room than the line that folds them
  const TICK_PX = 6;
  const WIDTH = 12; // of the map, in the drawing's units; a step is ten high

  const opened = new Set(); // runs of thinking that were opened, while the page lives

  // --- thinking -----------------------------------------------------------------------------------

  // Places of neighbouring steps of which something is true, as lists.
  function runs(steps, is) {
    const found = [];
    steps.forEach((step, i) => {
      if (!is(step, i)) return;
      if (found.at(-1)?.at(-1) === i - 1) found.at(-1).push(i);
      else found.push([i]);
    });
    return found;
  }

  // The list of a card's rows. `card.folds` are its folded parts: { key, places, button, items }.
  function list(card) {
    const { steps } = inside(card);
    const items = card.rows.map((row) => make("li", {}, row));
    const lines = new Map();
    card.folds = runs(steps, ({ thinking }) => thinking).flatMap((run) => {
      const key = [value.problem, card.data.source, run[0]].join("\n");
      const parts = runs(steps, (_, i) => run.includes(i) && i !== card.data.first_error);
      return parts.filter((places) => places.length > FEW).map((places) => {
        const button = make("button", {
          type: "button",
          class: "bd-thinking",
          onclick: () => set(card, key, !opened.has(key)),
        });
        lines.set(places[0], make("li", { class: "bd-thinking-line" }, button));
        return { key, places, button, items: places.map((i) => items[i]) };
      });
    });
    card.folds.forEach(show);
    const rows = items.flatMap((item, i) => lines.has(i) ? [lines.get(i), item] : [item]);
    return make("ol", { "aria-label": "Steps" }, ...rows);
  }

  function show({ key, places, button, items }) {
    const open = opened.has(key);
    button.textContent = `${open ? "" : "… "}${places.length} steps of thinking`;
    button.setAttribute("aria-expanded", String(open));
    for (const item of items) item.classList.toggle("bd-folded", !open);
  }

  // Opens or folds a run of thinking, with all its parts.
  function set(card, key, open) {
    if (open) opened.add(key);
    else opened.delete(key);
    card.folds.filter((fold) => fold.key === key).forEach(show);
    if (card.opened !== null && !isSeen(card, card.opened)) closeStep(card);
    takeTab(card);
  }

  const isSeen = (card, i) => !card.rows[i].parentElement.classList.contains("bd-folded");
  const seen = (card) => card.rows.flatMap((_, i) => isSeen(card, i) ? [i] : []);

  // One row in sight is in reach of the Tab key.
  function takeTab(card) {
    const places = seen(card);
    if (!places.some((i) => card.rows[i].tabIndex === 0) && places.length) {
      card.rows[places[0]].tabIndex = 0;
    }
  }

  // Unfold what hides a step.
  function reveal(card, i) {
    const fold = card.folds.find(({ places }) => places.includes(i));
    if (fold && !opened.has(fold.key)) set(card, fold.key, true);
    showNow(card, i);
  }

  // --- the map --------------------------------------------------------------------------------------

  // A tick for each step in the colour of its bar, narrow for thinking; the first error sticks out.
  function outlines({ steps }, first) {
    const found = {};
    steps.forEach(({ band, thinking }, i) => {
      const [left, wide] = i === first ? [0, WIDTH] : thinking ? [6, 3] : [4, 7];
      const name = i === first ? "bd-foot" : `bd-fill-${band}`;
      found[name] = (found[name] ?? "") + `M${left} ${10 * i + 1}h${wide}v8h-${wide}z`;
    });
    return found;
  }

  function map(card) {
    const { steps } = inside(card);
    if (steps.length <= LONG) return null;
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${10 * steps.length}`);
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.setAttribute("aria-hidden", "true");
    for (const [name, outline] of Object.entries(outlines(inside(card), card.data.first_error))) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("class", name);
      path.setAttribute("d", outline);
      drawing.append(path);
    }
    const now = make("i", {});
    const node = make(
      "div",
      {
        class: "bd-map",
        role: "slider",
        tabindex: "0",
        "aria-orientation": "vertical",
        "aria-label": `Map of the steps of ${card.letter}`,
        "aria-valuemin": "1",
        "aria-valuemax": String(steps.length),
        title: "Press to go to a step",
        style: `height: ${TICK_PX * steps.length}px`,
        onclick: (event) => {
          const { top, height } = node.getBoundingClientRect();
          const at = Math.floor((event.clientY - top) / height * steps.length);
          goTo(card, Math.max(0, Math.min(steps.length - 1, at)));
        },
        onkeydown: (event) => walk(card, event),
      },
      drawing,
      now,
    );
    card.map = { node, now, at: 0 };
    showNow(card, card.data.first_error ?? 0);
    return make("div", { class: "bd-rail" }, node);
  }

  function showNow(card, i) {
    if (!card.map) return;
    const { steps } = inside(card);
    const { node, now } = card.map;
    card.map.at = i;
    now.style.top = `${100 * i / steps.length}%`;
    now.style.height = `${100 / steps.length}%`;
    node.setAttribute("aria-valuenow", String(i + 1));
    const words = [
      `step ${i + 1} of ${steps.length}: ${steps[i].shown}`,
      i === card.data.first_error ? "first error" : "",
      steps[i].thinking ? "thinking" : "",
    ];
    node.setAttribute("aria-valuetext", words.filter(Boolean).join(", "));
  }

  // The arrow keys move through the chain, which comes into sight; Enter goes to the step.
  function walk(card, event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = card.rows.length - 1;
    const { at } = card.map;
    const to = {
      ArrowDown: at + 1,
      ArrowRight: at + 1,
      ArrowUp: at - 1,
      ArrowLeft: at - 1,
      PageDown: at + 10,
      PageUp: at - 10,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === "Enter" || event.key === " ") goTo(card, at);
    else if (to !== undefined) {
      const i = Math.max(0, Math.min(last, to));
      reveal(card, i);
      center(card, i);
    } else return;
    event.preventDefault();
  }

  function center(card, i) {
    card.rows[i].scrollIntoView({ block: "center", behavior: still.matches ? "auto" : "smooth" });
  }

  // Go to a step: unfolded, in the middle of the window, with the focus.
  function goTo(card, i) {
    unfoldCard(card, true);
    focusRow(card, i);
    center(card, i);
  }

  // What says where the first error is leads to it.
  function claim(data) {
    if (data.first_error === null) return text("span", "bd-chip bd-good", data.claim);
    const go = () => goTo(cards.get(data.letter), data.first_error);
    const name = "bd-chip bd-bad bd-to-error";
    return make("button", { type: "button", class: name, onclick: go }, data.claim);
  }

  return { list, map, claim, reveal, seen, takeTab };
})();

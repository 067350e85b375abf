// The Labels: one solution's steps, and what an annotator says of them by a key or a button. A mode says
// how people label: the first error alone, or every step. It draws what said.js keeps, and is told
// by `show` how to change it and which solution is next.

const Labels = (() => {
  const MODE = "prm-label-mode";
  const VERDICTS = [[0, "✗", "Wrong"], ["neutral", "○", "Neutral"], [1, "✓", "Right"]];
  const MODES = [["first", "First error"], ["each", "Each step"]];

  let show = null; // { letter, steps, said, put, walk, … }; see `draw`
  let mode = recalled(MODE) === "each" ? "each" : "first";
  let scores = false; // the model's probabilities beside the steps
  let at = 0; // the step that keys speak of
  let rows = [];
  let drawn = ""; // what the rows were made of
  let wished = false; // the steps are waited for
  let toldOf = ""; // what the last message was told of

  // --- the frame ----------------------------------------------------------------------------------

  const button = (words, press, more = {}) =>
    make("button", { type: "button", class: "bd-copy", onclick: press, ...more }, words);
  const modes = make("div", {
    class: "bd-scales",
    role: "group",
    "aria-label": "Way of labelling",
  });
  for (const [name, words] of MODES) {
    modes.append(make("button", { type: "button", onclick: () => setMode(name) }, words));
  }
  const allButton = button("All right", allRight);
  const scoresButton = button("Show scores", () => {
    scores = !scores;
    paint();
  });
  const order = make("select", {
    class: "bd-order",
    "aria-label": "Order of the solutions",
    onchange: () => show.reorder(order.value),
  });
  const where = make("p", { class: "bd-where", "aria-live": "polite" });
  const close = make(
    "button",
    { type: "button", class: "bd-label-close", "aria-label": "Close the labels", hidden: true },
    "×",
  );
  const problem = make("div", { class: "md bd-label-problem", hidden: true });
  const lost = make("p", { class: "bd-label-lost", role: "status", hidden: true });
  const none = make("p", { class: "bd-label-none" });
  const steps = make("ol", { class: "bd-label-steps", "aria-label": "Steps to label" });
  const status = make("p", { class: "bd-label-said", role: "status" });
  const whole = make("textarea", {
    class: "bd-remark",
    rows: "2",
    maxlength: "5000",
    oninput: () => change({ note: whole.value }, true),
  });
  const wholeLabel = make("label", { class: "bd-whole-note" }, "Note on the solution", whole);
  const saves = make("p", { class: "bd-label-saves" });
  const name = make("input", {
    type: "text",
    id: "bd-annotator",
    class: "bd-annotator",
    maxlength: "100",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => show.sign(name.value),
  });
  const file = make("input", {
    type: "file",
    hidden: true,
    "aria-label": "Another annotator’s file",
    onchange: () => {
      show.compareWith(file.files[0]);
      file.value = "";
    },
  });
  const compareButton = button(
    "Compare with another annotator",
    () => show.second ? show.compareWith(null) : file.click(),
  );
  const people = make(
    "p",
    { class: "bd-label-people" },
    make("label", { for: "bd-annotator" }, "Annotator"),
    name,
    compareButton,
    file,
  );
  const agreement = make("p", { class: "bd-agreement", role: "status", hidden: true });
  const told = make("span", { role: "status" });
  const keys = make("p", { class: "bd-keys", "aria-label": "Keys" });
  const node = make(
    "div",
    { class: "bd-whole-view bd-labels" },
    make(
      "div",
      { class: "bd-label-bar" },
      modes,
      allButton,
      button("Undo", undo),
      scoresButton,
      close,
    ),
    make(
      "div",
      { class: "bd-label-bar" },
      button("‹", () => walk(-1), { "aria-label": "Previous solution" }),
      where,
      button("›", () => walk(1), { "aria-label": "Next solution" }),
      order,
    ),
    problem,
    lost,
    none,
    steps,
    status,
    keys,
    wholeLabel,
    saves,
    people,
    agreement,
  );

  // What is wider than its place is scrolled, with the keyboard too.
  const wide = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) target.tabIndex = 0;
      else target.removeAttribute("tabindex");
    }
  });

  // --- the steps ------------------------------------------------------------------------------------

  function row(step, i) {
    const words = make("div", { class: "bd-label-words md" });
    const mark = make("span", { class: "bd-verdict-mark", "aria-hidden": "true" });
    const p = make("span", { class: "bd-label-p" });
    const theirs = make("span", { class: "bd-theirs" });
    const buttons = VERDICTS.map(([label, sign, name]) =>
      make(
        "button",
        { type: "button", class: "bd-say", "data-label": label, onclick: () => pressed(i, label) },
        make("span", { "aria-hidden": "true" }, sign),
        make("span", { class: "bd-unseen" }, name),
      )
    );
    const note = make("textarea", {
      class: "bd-remark",
      rows: "1",
      maxlength: "5000",
      "aria-label": `Note on step ${i + 1}`,
      hidden: true,
      oninput: () => {
        const notes = [...show.said.notes];
        notes[i] = note.value;
        change({ notes }, true);
      },
      onkeydown: (event) => {
        if (event.key !== "Escape") return;
        paint();
        goTo(i);
        event.preventDefault();
      },
    });
    const noteButton = button("Note", () => openNote(i), { class: "bd-say bd-say-note" });
    const group = make(
      "div",
      { class: "bd-label-row", role: "group", tabindex: "-1", "data-step": String(i) },
      make("span", { class: "bd-label-n" }, String(i + 1)),
      mark,
      words,
      p,
      make("span", { class: "bd-says-what" }, ...buttons, noteButton),
      theirs,
      note,
    );
    group.addEventListener("focusin", () => choose(i));
    wide.observe(words);
    Typeset.show(
      words,
      step.text.slice((step.prefix ?? "").length).slice(0, ROW_CHARS),
      show.plain,
    );
    return { group, mark, p, theirs, buttons, note };
  }

  function choose(i) {
    at = i;
    rows.forEach(({ group }, k) => {
      group.tabIndex = k === i ? 0 : -1;
      group.classList.toggle("bd-here", k === i);
    });
  }

  function goTo(i) {
    wished = !rows[i];
    if (wished) return;
    choose(i);
    rows[i].group.focus();
  }

  // The marks show what is said; a text that is being typed is left alone.
  function paint() {
    const { said } = show;
    const error = prm.labels.first(said.labels);
    for (const [k, one] of [...modes.children].entries()) {
      one.setAttribute("aria-pressed", String(MODES[k][0] === mode));
    }
    scoresButton.textContent = scores ? "Hide scores" : "Show scores";
    scoresButton.hidden = !show.steps.some((step) => step.shown);
    node.classList.toggle("bd-label-first", mode === "first");
    rows.forEach((one, i) => {
      const label = said.labels[i];
      const words = prm.labels.words(label);
      const [, sign] = VERDICTS.find(([value]) => value === label) ?? [];
      one.mark.textContent = sign ?? (words ? words.split(" ")[0] : "·");
      one.group.dataset.label = words && (sign ? label : label < 0.5 ? 0 : 1);
      const says = words || "no label";
      one.group.setAttribute("aria-label", `Step ${i + 1}: ${says}`);
      const theirs = show.second?.labels && prm.labels.words(show.second.labels[i]);
      const apart = words && theirs && words !== theirs;
      one.theirs.textContent = apart ? `${show.second.by}: ${theirs}` : "";
      one.buttons.forEach((each, k) => {
        each.setAttribute("aria-pressed", String(VERDICTS[k][0] === label));
        each.hidden = mode === "first" && VERDICTS[k][0] !== 0;
      });
      const name = mode === "first" ? "First error" : "Wrong";
      one.buttons[0].lastChild.textContent = name;
      one.buttons[0].title = name;
      one.p.textContent = scores ? show.steps[i].shown ?? "" : "";
      one.p.className = `bd-label-p bd-ink-${show.steps[i].band ?? ""}`;
      if (document.activeElement !== one.note) {
        one.note.value = said.notes[i];
        one.note.hidden = !said.notes[i];
      }
    });
    if (document.activeElement !== whole) whole.value = said.note;
    allButton.setAttribute("aria-pressed", String(isAllRight()));
    lost.hidden = !said.lost;
    lost.textContent = said.lost
      ? `${
        said.lost === 1 ? "One label or note is" : `${said.lost} labels or notes are`
      } of steps that are others now, and not shown. A new label here replaces them; Undo brings them back.`
      : "";
    const n = said.labels.filter((one) => one !== null).length;
    const first = error < 0 ? "" : `, first error: step ${error + 1}`;
    const now = isAllRight()
      ? "All steps are right"
      : `${n} of ${rows.length} steps labelled${first}`;
    if (status.textContent !== now) status.textContent = now;
  }

  const isAllRight = () =>
    show.said.labels.length > 0 && show.said.labels.every((one) => one === 1 || one === "neutral");

  // --- what the annotator says ---------------------------------------------------------------------------

  function change(what, typed = false) {
    const { labels, notes, note } = show.said;
    show.put({ labels, notes, note, ...what }, typed);
  }

  function say(i, label) {
    const labels = [...show.said.labels];
    labels[i] = label;
    change({ labels });
  }

  const upTo = (label) => (label === "neutral" ? "neutral" : 1);

  function firstError(i) {
    change({
      labels: show.said.labels.map((label, k) => k < i ? upTo(label) : k === i ? 0 : null),
    });
  }

  function allRight() {
    const labels = show.said.labels.map(isAllRight() ? () => null : upTo);
    change({ labels });
  }

  // A second press on a button takes its label back.
  function pressed(i, label) {
    const again = show.said.labels[i] === label;
    if (mode === "each") say(i, again ? null : label);
    else if (again) change({ labels: show.said.labels.map(() => null) });
    else firstError(i);
  }

  function undo() {
    const letter = prm.labels.undo();
    if (letter && letter !== show.letter) show.open(letter);
  }

  function setMode(name) {
    mode = name;
    remember(MODE, name);
    tellKeys();
    paint();
  }

  function openNote(i) {
    rows[i].note.hidden = false;
    rows[i].note.focus();
  }

  function walk(by) {
    show.walk(by);
  }

  // --- keys -----------------------------------------------------------------------------------------

  const sayAndGo = (label) => {
    say(at, label);
    if (at < rows.length - 1) goTo(at + 1);
  };
  const inFirst = {
    "-": () => firstError(at),
    3: () => firstError(at),
  };
  const inEach = {
    "+": () => sayAndGo(1),
    "=": () => sayAndGo(1),
    1: () => sayAndGo(1),
    0: () => sayAndGo("neutral"),
    2: () => sayAndGo("neutral"),
    "-": () => sayAndGo(0),
    3: () => sayAndGo(0),
    Delete: () => say(at, null),
    Backspace: () => say(at, null),
  };
  const inBoth = {
    e: () => firstError(at),
    a: () => isAllRight() || allRight(),
    u: undo,
    m: () => setMode(mode === "first" ? "each" : "first"),
    c: () => openNote(at),
    n: () => walk(1),
    p: () => walk(-1),
    j: () => goTo(Math.min(rows.length - 1, at + 1)),
    k: () => goTo(Math.max(0, at - 1)),
    ArrowDown: () => goTo(Math.min(rows.length - 1, at + 1)),
    ArrowUp: () => goTo(Math.max(0, at - 1)),
    Home: () => goTo(0),
    End: () => goTo(rows.length - 1),
  };
  const HELP = {
    first: [[["e"], "first error"], [["a"], "all right"]],
    each: [
      [["+"], "right"],
      [["−"], "wrong"],
      [["0"], "neutral"],
      [["Del"], "no label"],
      [["a"], "all right"],
    ],
    both: [
      [["↓", "↑"], "step"],
      [["n", "p"], "next, previous solution"],
      [["c"], "note"],
      [["u"], "undo"],
      [["m"], "other way of labelling"],
    ],
  };

  function tellKeys() {
    keys.replaceChildren(
      ...[...HELP[mode], ...HELP.both].map(([names, words]) =>
        make("span", {}, ...names.map((name) => make("kbd", {}, name)), words)
      ),
    );
  }

  // Whether a key was one of these; the caller knows that no text is being typed.
  function press(event) {
    const act = (mode === "each" ? inEach : inFirst)[event.key] ?? inBoth[event.key];
    if (!act || !rows.length) return false;
    act();
    return true;
  }

  // --- draw -----------------------------------------------------------------------------------------

  function fillOrders(orders, chosen) {
    order.hidden = orders.length < 2;
    if (order.options.length !== orders.length) {
      order.replaceChildren(...orders.map((name) => new Option(name, name)));
    }
    order.value = chosen;
  }

  // `next` is { letter, steps, said, place, orders, order, problem, plain, why, bare, saves, put,
  // walk, reorder, open, close, annotator, sign, second, compareWith }: a step is { text, prefix,
  // shown, band }, `why` a sentence where there are none; `second` has `words` on another annotator,
  // and where it differs here the name `by` and the `labels`.
  function draw(next) {
    const other = show?.letter !== next.letter || show.problem !== next.problem;
    show = next;
    const key = JSON.stringify([show.letter, show.plain, show.steps.map((step) => step.text)]);
    if (key !== drawn) {
      drawn = key;
      rows = show.steps.map(row);
      steps.replaceChildren(...rows.map(({ group }) => make("li", {}, group)));
      if (other) at = 0;
      choose(Math.min(at, Math.max(0, rows.length - 1)));
    }
    none.textContent = show.why;
    none.hidden = !show.why;
    where.textContent = show.place;
    fillOrders(show.orders, show.order);
    close.hidden = !show.bare;
    close.onclick = show.close;
    problem.hidden = !show.bare;
    if (show.bare && problem.dataset.text !== show.problem + show.plain) {
      problem.dataset.text = show.problem + show.plain;
      Typeset.show(problem, show.problem, show.plain);
    }
    for (const part of [wholeLabel, status, keys, allButton]) part.hidden = !rows.length;
    if (!saves.childElementCount) {
      saves.append(
        "Save the labels: ",
        ...show.saves.map(([words, save]) => button(words, save)),
        told,
      );
    }
    saves.hidden = people.hidden = !show.saves.length;
    if (document.activeElement !== name) name.value = show.annotator;
    compareButton.textContent = show.second ? "Stop comparing" : "Compare with another annotator";
    agreement.hidden = !show.second;
    if (show.second && agreement.textContent !== show.second.words) {
      agreement.textContent = show.second.words;
    }
    if (!keys.childElementCount) tellKeys();
    if (isAbout() !== toldOf) tell("");
    paint();
    if (wished && document.activeElement === document.body) goTo(at);
  }

  // A message is of one solution and what is said of it; it goes when another one is on show.
  const isAbout = () => JSON.stringify([show?.problem, show?.letter, show?.said]);

  const tell = (words) => {
    told.textContent = words;
    toldOf = isAbout();
  };

  return {
    node,
    draw,
    press,
    tell,
    told: () => told.textContent,
    focus: (step) => goTo(step ?? at),
  };
})();

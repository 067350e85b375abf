// What the page holds, for its parts to compare: the draft on the left, the chosen model, the
// results on the right. It lives in the browser and nowhere else. Each part runs this first; the
// first one makes it.
// `prm:changed` announces that the draft, the model or the results have changed.

window.prm ??= (() => {
  const RESULTS = "prm-inspector.results";
  const VIEW = "prm-inspector.view";
  const MODEL = "prm-inspector.model";
  const REMOVED = "removed since";
  const RECORDED = "recorded:"; // the model line of scores that came from a file
  const MOST_BACK = 2_400_000; // bytes that the server reads of stored results
  const MOST_KEPT = 1_000_000; // characters that go back to the server; more are judged again
  const OVER_MS = 3000; // a cancelled run is over by then
  const LATE_MS = 60_000; // no report of its end comes later

  const state = {
    draft: { problem: "", rule: "auto", gold: null, letters: [], solutions: [] },
    model: "",
    results: null, // as the board shows them
    cuts: new Map(), // letter → { text, rule, used, spans }: how a solution is cut now, as far as known
    judgeAll: false, // the next run reuses no score
  };

  function letter(index) {
    return (index >= 26 ? letter(Math.floor(index / 26) - 1) : "") +
      String.fromCharCode(65 + (index % 26));
  }

  // "1 row", "2 rows".
  function several(n, noun) {
    return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
  }

  function changed() {
    document.dispatchEvent(new CustomEvent("prm:changed"));
  }

  // The editor, the model's field and the board restore what the tab kept, and the list of problems
  // listens; `prm:loaded` announces it.
  const parts = new Set(["editor", "model", "board", "problems"]);
  let tellLoaded;
  const loaded = new Promise((done) => {
    tellLoaded = done;
  });
  function arrived(part) {
    if (!parts.delete(part) || parts.size) return;
    document.dispatchEvent(new CustomEvent("prm:loaded"));
    tellLoaded();
  }

  // A press is lost where what it began on moves or is drawn again before its end: what comes by itself
  // waits until no pointer is down and the press was heard.
  let down = false;
  const waiting = [];
  addEventListener("pointerdown", () => (down = true), true);
  for (const end of ["pointerup", "pointercancel"]) {
    addEventListener(end, () => {
      down = false;
      setTimeout(() => waiting.splice(0).forEach((done) => done()));
    }, true);
  }
  const released = () => new Promise((done) => down ? waiting.push(done) : done());

  // What the server replies to a question; null where it cannot: Gradio fails then, or gives nothing.
  async function reply(asked) {
    const found = (await asked.catch(() => null)) ?? null;
    if (found === null) document.dispatchEvent(new CustomEvent("prm:doubt"));
    return found;
  }

  // Cancelling runs of one kind. Gradio takes no new run before the cancelled one is over, which it
  // reports twice, the second time maybe late: `over` is called then, or after a while without.
  function cancelling(over) {
    let owed = 0;
    return {
      begin() {
        owed = 2;
        setTimeout(() => (owed = 0), LATE_MS);
        setTimeout(over, OVER_MS);
      },
      // Hears that a run ended; returns whether it was a cancelled one.
      hear() {
        const isCancelled = owed > 0;
        if (isCancelled) owed -= 1;
        over();
        return isCancelled;
      },
    };
  }

  // What to do once the server is back, by name: ask again what it left unanswered, or take back the
  // words that it did not answer. It happens once, and only what was said last under a name.
  const onReturn = new Map();
  document.addEventListener("prm:away", ({ detail: away }) => {
    if (away) return;
    const all = [...onReturn.values()];
    onReturn.clear();
    all.forEach((act) => act());
  });

  // --- which results are still valid ----------------------------------------------------------

  // Why all results are stale, in words; "" when they are not.
  function outdated(results) {
    if (!results || results.model_line === undefined) return "";
    const { draft, model } = state;
    if (results.problem !== draft.problem) return "problem changed since";
    if (results.rule !== draft.rule) return "steps cut differently now";
    const own = !results.model_line.startsWith(RECORDED);
    if (own && model && results.model_line !== model) return "another model chosen now";
    return "";
  }

  // Why one card is stale; "" while it belongs to what is on the left.
  function staleness(results, candidate) {
    const { draft, cuts } = state;
    const at = draft.letters.indexOf(candidate.letter);
    if (!results || results.model_line === "" && !draft.letters.length) return "";
    if (at < 0) return REMOVED;
    const text = draft.solutions[at];
    if (text !== candidate.source) return "edited since";
    const cut = cuts.get(candidate.letter);
    if (
      cut && candidate.cut && cut.text === text && cut.rule === draft.rule &&
      cut.used !== candidate.cut
    ) {
      return "steps cut differently now";
    }
    return outdated(results);
  }

  // The letters of the filled cards, by what Score has to do with them. `unseen` are those of the
  // `fresher` ones that no run has seen; one that was refused is due again once its text has changed.
  function due() {
    const { draft, results } = state;
    const found = new Map((results?.candidates ?? []).map((one) => [one.letter, one]));
    const left = { fresh: [], changed: [], fresher: [], unseen: [] };
    draft.letters.forEach((letter, i) => {
      if (!draft.solutions[i].trim()) return;
      const candidate = found.get(letter);
      const stale = candidate && staleness(results, candidate);
      if (candidate?.detail) left[stale ? "changed" : "fresh"].push(letter);
      else if (!candidate?.error || stale) left.fresher.push(letter);
      if (!candidate) left.unseen.push(letter);
    });
    return left;
  }

  // --- what is handed back to the server ------------------------------------------------------

  // A card's scores as they came, in the form that `prm_core.ui.kept` reads.
  function scores(candidate) {
    const { model_id, steps, thinking, probabilities, log_odds, extras, rationales } = JSON.parse(
      candidate.detail,
    );
    return { model_id, steps, thinking, probabilities, log_odds, extras, rationales };
  }

  // The threshold that the visitor chose instead of the model's own.
  function chosenThreshold() {
    const { threshold, own, model_line } = state.results ?? {};
    return model_line === state.model && threshold !== own ? { threshold } : {};
  }

  // The draft with the scores that may stay, and the threshold.
  function request(written) {
    const draft = { ...written, ...chosenThreshold() };
    const all = state.judgeAll;
    state.judgeAll = false;
    const { fresh, changed: stale, fresher } = due();
    if (all || !fresh.length || !(stale.length + fresher.length)) return draft;
    const found = new Map(state.results.candidates.map((one) => [one.letter, one]));
    const kept = draft.letters.map((letter) =>
      fresh.includes(letter) ? scores(found.get(letter)) : null
    );
    const text = JSON.stringify(kept);
    return text.length > MOST_KEPT ? draft : { ...draft, kept: text };
  }

  // --- over a reload ---------------------------------------------------------------------------

  function store(key, value) {
    try {
      sessionStorage.setItem(key, value);
      return true;
    } catch {
      return false; // full or forbidden: the page works without it
    }
  }

  function forget(key) {
    try {
      sessionStorage.removeItem(key);
    } catch {
      // forbidden: nothing was ever stored
    }
  }

  function stored(key) {
    try {
      return sessionStorage.getItem(key);
    } catch {
      return null;
    }
  }

  // The text takes precedence: if there is no room for both, the results go, and the board says so.
  function keepDraft(key, text) {
    if (store(key, text)) return true;
    if (stored(RESULTS) === null) return false;
    forget(RESULTS);
    document.dispatchEvent(new CustomEvent("prm:gave-way"));
    return store(key, text);
  }

  // Results as they are stored: what was judged and the numbers, no drawing.
  function plainResults(results) {
    const { problem, rule, model, model_line, model_note, gold, message, cut_note } = results;
    const { threshold, own, own_solutions } = results;
    const status = results.status === "running" ? "cancelled" : results.status;
    const candidates = results.candidates.map((one) => ({
      letter: one.letter,
      source: one.source,
      cut: one.cut,
      error: one.error ?? "",
      scores: one.detail ? scores(one) : null,
    }));
    const judge = { model, model_line, model_note, threshold, own };
    const about = { problem, rule, gold, cut_note, own_solutions, ...judge };
    const others = results.others ? { others: JSON.parse(results.others) } : {};
    // The model that is compared; a search's tree and one that is compared with it, as text.
    const { other, search, compared_search } = results;
    const more = { ...others, other, search, compared_search };
    return { ...about, status, message, candidates, ...more };
  }

  const storedResults = (results) => JSON.stringify(plainResults(results));

  // Results without other models' scores and without trees.
  const ownResults = (results) => ({
    ...results,
    others: undefined,
    search: undefined,
    compared_search: undefined,
  });

  // Without the scores of other models, and a tree, where there is no room: "all", "own" or "none".
  function saveResults(results) {
    // What is too large to come back would be useless, and what is there belongs to earlier results.
    state.forgetResults();
    const own = storedResults(ownResults(results));
    if (bytes(JSON.stringify(own)) > MOST_BACK) return "none";
    if (!results.others && !results.search) return store(RESULTS, own) ? "all" : "none";
    if (store(RESULTS, storedResults(results))) return "all";
    return store(RESULTS, own) ? "own" : "none";
  }

  const bytes = (text) => new Blob([text]).size;

  // A text as JSON; null where it is none: a link may hold anything.
  function parsed(text) {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  }

  return Object.assign(state, {
    REMOVED,
    RECORDED,
    letter,
    several,
    changed,
    arrived,
    loaded, // a promise of the same
    down: () => down,
    released, // a promise that no pointer is down
    reply,
    cancelling,
    whenBack: (name, act) => onReturn.set(name, act),
    outdated,
    staleness,
    due,
    request,
    store,
    stored,
    forget,
    plainResults,
    storedResults, // the same as text
    ownResults,
    saveResults,
    keepDraft,
    savedResults: () => stored(RESULTS), // as text: the server reads it
    forgetResults: () => forget(RESULTS),
    saveView: (view) => store(VIEW, JSON.stringify(view)),
    savedView: () => parsed(stored(VIEW)),
    parsed,
    MODEL,
  });
})();
const prm = window.prm;

// The list of problems (prm_core/ui/problems.py): a file that was opened, or the gallery. It fills
// the editor and brings recorded scores to the board; what was typed or scored for a problem is
// restored with it. The browser keeps all of it over a reload. Runs after state.js.

const find = (name) => element.querySelector(name);
const [openButton, galleryButton] = [find(".prm-open-file"), find(".prm-open-gallery")];
const backButton = find(".prm-open-back");
const fileInput = find("input[type=file]");
const openIssue = find(".prm-open-issue");
const pane = find(".prm-session");
const countWords = find(".prm-session-count");
const search = find(".prm-search");
const filter = find(".prm-filter");
const sort = find(".prm-sort");
const recorded = find(".prm-recorded");
const list = find(".prm-list");
const unread = find(".prm-unread");

const MOST_ROWS = 200; // lines in the list; searching reaches the others
const MOST_SOLUTIONS = 64;
const SAVE_MS = 1000; // while results come in quickly
const PLACE = "prm-inspector.problem"; // the problem that the editor's draft belongs to

let session = null;
let title = "";
let model = ""; // whose recorded scores are shown
let at = -1;
let opening = -1; // the problem that will be current once the page is loaded
let drafts = new Map(); // a problem's place → what the editor held of it
let results = new Map(); // … and what was scored here, as prm.storedResults writes it
let facts = new Map(); // … and what the list says of it, of recorded scores (by the model) or own ones
let labels = new Map(); // … and what people say of its solutions, as said.js keeps it
let foreign = null; // what the board showed when the problem was chosen: another one's results
let all = null; // the run over all problems: { places, began, stopping }
const cancelling = prm.cancelling(ended);
let saving = 0;
let previous = null; // the list before this one, with what was typed in it

// --- what the session says of a problem -------------------------------------------------------------

const solutionsOf = (problem) => (problem.solutions ?? []).slice(0, MOST_SOLUTIONS);

// Steps that a file gives stay those steps: as many line ends part them as none of them holds.
function partOf(problem) {
  const all = solutionsOf(problem);
  if (problem.rule || all.some(({ text, steps }) => text || !steps?.length)) return "";
  return ["\n", "\n\n", "\n\n\n"].find((part) =>
    !all.some(({ steps }) => steps.some((step) => step.includes(part)))
  ) ?? "";
}

function ruleOf(problem) {
  const part = partOf(problem);
  return part ? `separator:${part.replaceAll("\n", "\\n")}` : problem.rule ?? "auto";
}

function textsOf(problem) {
  const part = partOf(problem) || "\n\n";
  return solutionsOf(problem).map(({ text, steps }) => text ?? (steps ?? []).join(part));
}

// A model's recorded scores of a solution, with the steps that it judged: its own, the solution's,
// or the whole of these.
function scoresOf({ scores, steps = [], thinking }, by) {
  const own = scores?.[by];
  if (!own) return null;
  const n = own.probabilities.length;
  const judged = own.steps
    ? { steps: own.steps, thinking: own.thinking }
    : n === steps.length
    ? { steps, thinking }
    : { steps: [steps.join("\n\n")], thinking: undefined };
  return { extras: {}, rationales: [], ...own, model_id: by, ...judged };
}

// A model as the results name it.
function judgeOf({ id, label, line, note, threshold, recorded: fromFile } = {}) {
  return {
    model: label || id,
    model_line: !fromFile && line ? line : prm.RECORDED + id,
    model_note: note ||
      (fromFile ? "These scores were recorded before and come from the file." : ""),
    own: threshold ?? 0.5,
  };
}

// A search's tree, and the one that it is compared with, as text: Gradio walks values.
const TREES = ["search", "compared_search"];
const treesOf = ({ more = {} }) =>
  Object.fromEntries(
    TREES.flatMap((name) => more[name] ? [[name, JSON.stringify(more[name])]] : []),
  );

// The trees of a problem in this list and the one before it, with their places.
prm.searchesOf = (problem) =>
  [session && { session, title }, previous].filter(Boolean).flatMap(({ session, title }) =>
    session.problems.flatMap((one, i) => {
      const { search } = one.problem === problem ? treesOf(one) : {};
      return search ? [{ name: `${title}, problem ${i + 1}`, search }] : [];
    })
  );

// Which search the visitor compares this one with.
function keepCompared() {
  const problem = session.problems[at];
  const { search, compared_search: beside } = prm.results ?? {};
  if (!search || search !== treesOf(problem).search) return;
  problem.more = { ...problem.more, compared_search: beside && JSON.parse(beside) };
}

// The model that the file compares with the one on show.
function comparedLine(by) {
  const found = session.models.find((one) => one.id === session.settings?.other);
  return found && found.id !== by ? judgeOf(found).model_line : undefined;
}

// What the file's other models said of the same solutions.
function othersOf(solutions, by) {
  return session.models.filter((one) => one.id !== by).map((one) => ({
    ...judgeOf(one),
    candidates: solutions.map((solution) => scoresOf(solution, one.id)),
  })).filter((one) => one.candidates.some(Boolean));
}

// The solutions' letters: their own names where these are letters.
function lettersOf(solutions) {
  const names = solutions.map((one) => one.name ?? "");
  const good = names.every((one) => /^[A-Z]{1,3}$/.test(one)) &&
    new Set(names).size === names.length;
  return good ? names : names.map((_, k) => prm.letter(k));
}

// What the editor gets of a problem: what was judged, or what it held when the file was written.
function draftOf(problem) {
  const solutions = solutionsOf(problem);
  const letters = lettersOf(solutions);
  if (problem.draft) {
    const { names = [], texts = [], rule = "auto", gold_answer: gold = null } = problem.draft;
    const known = new Map(solutions.map(({ name }, k) => [name, letters[k]]));
    const free = names.map((_, k) => prm.letter(solutions.length + k));
    return {
      problem: problem.draft.problem ?? "",
      solutions: texts.slice(0, MOST_SOLUTIONS),
      letters: names.map((name, k) => known.get(name) ?? free[k]).slice(0, MOST_SOLUTIONS),
      rule,
      gold,
    };
  }
  return {
    problem: problem.problem,
    solutions: textsOf(problem),
    letters,
    rule: ruleOf(problem),
    gold: problem.gold_answer ?? null,
  };
}

const draftFor = (i) => drafts.get(i) ?? draftOf(session.problems[i]);

// The recorded scores as results that the board can draw, of the chosen model or else of the first
// that judged the problem; null where there are none.
function recordedResults(i) {
  const problem = session.problems[i];
  const solutions = solutionsOf(problem);
  const models = [...session.models ?? []].sort((a, b) => (b.id === model) - (a.id === model));
  const shown = models.find(({ id }) => solutions.some((one) => scoresOf(one, id)));
  if (!shown) return null;
  const [letters, texts] = [lettersOf(solutions), textsOf(problem)];
  const by = judgeOf(shown);
  const candidates = solutions.map((solution, k) => {
    const scores = scoresOf(solution, shown.id);
    return {
      letter: letters[k],
      source: texts[k],
      cut: solution.cut ?? "",
      error: scores ? "" : solution.error || "no recorded scores",
      scores,
    };
  });
  const found = {
    ...by,
    problem: problem.problem,
    rule: ruleOf(problem),
    gold: problem.gold_answer ?? null,
    threshold: session.settings?.threshold ?? by.own,
    status: problem.status || "done",
    message: problem.message ?? "",
    cut_note: problem.cut_note ?? "",
    candidates,
    others: othersOf(solutions, shown.id),
    other: comparedLine(shown.id),
    ...treesOf(problem),
  };
  return JSON.stringify(prm.others.merged(found, found));
}

// What is to be shown of a problem: what was scored here, or else recorded.
function resultsOf(i) {
  const own = results.get(i);
  return own
    ? JSON.stringify({ ...treesOf(session.problems[i]), ...JSON.parse(own) })
    : recordedResults(i);
}

// What scores make of a problem; those of here go before recorded ones. Null where nothing is known.
const factOf = (i) => facts.get(i) ?? facts.get(model)?.[i] ?? null;

// Whether it has recorded scores of which nothing is known: the server compares so many and no more.
const isUnknown = (i) =>
  !factOf(i) && solutionsOf(session.problems[i]).some(({ scores }) => scores?.[model]);

// The board knows it where it shows them.
function learnFact() {
  const shown = boardOf(at);
  if (shown?.model_line !== judgeOf(session.models?.find(({ id }) => id === model)).model_line) {
    return;
  }
  if (!isUnknown(at)) return;
  const known = facts.get(model) ?? [];
  known[at] = factOfBoard(shown);
  facts.set(model, known);
}

// The same of results that the board shows, with the letters of their solutions.
function factOfBoard({ candidates, choices }) {
  const { picks } = JSON.parse(choices);
  const pick = (rule) => picks.find((one) => one.rule === rule);
  const places = candidates.map((one) => one.letter);
  const [best, majority] = [pick("min"), pick("majority")];
  const scores = picks.filter((one) => one.kind === "score");
  return {
    letters: places,
    leaders: best.letters.map((letter) => places.indexOf(letter)),
    right: best.accuracy,
    rules: new Set(scores.map((one) => one.letters.join())).size,
    apart: majority.letters.length > 0 &&
      !best.letters.some((one) => majority.letters.includes(one)),
    error: candidates.some((one) => typeof one.first_error === "number"),
    correct: candidates.map((one) => one.correct ?? null),
    majority: majority.letters.map((letter) => places.indexOf(letter)),
  };
}

// Whether a label calls a step wrong that the scores pass, or the other way round.
function labelsDiffer(_, i) {
  const { scored, said } = known(i);
  return scored?.candidates.some(({ letter, scores }) =>
    said[letter]?.labels.some((label, k) =>
      typeof label === "number" && scores?.steps[k] === said[letter].steps[k] &&
      (label >= 0.5) !== (scores.probabilities[k] >= scored.threshold)
    )
  );
}

// By name, whether a problem is shown; the last where what scores make of it has to be known.
const FILTERS = [
  ["all", () => true],
  ["a step seems wrong", (_, i) => factOf(i)?.error, true],
  ["a wrong answer leads", (_, i) => factOf(i)?.right === 0, true],
  ["PRM and majority disagree", (_, i) => factOf(i)?.apart, true],
  ["the rules disagree", (_, i) => factOf(i)?.rules > 1, true],
  ["PRM and labels disagree", labelsDiffer],
  ["not scored", (_, i) => !factOf(i) && !isUnknown(i)],
  ["not labelled", (_, i) => !nLabelled(i)],
];

const shareRight = (i) => {
  const known = factOf(i)?.correct.filter((one) => one !== null) ?? [];
  return known.length ? known.filter(Boolean).length / known.length : Infinity;
};

// By name, what the list is sorted by, the smallest first.
const SORTS = [
  ["as in the file", (i) => i],
  ["fewest right answers", shareRight],
  ["the rules differ most", (i) => -(factOf(i)?.rules ?? 0)],
  ["most solutions", (i) => -(session.problems[i].solutions ?? []).length],
];

// --- the list -----------------------------------------------------------------------------------------

function shownPlaces() {
  const words = search.value.trim().toLowerCase();
  const [, holds] = FILTERS[Math.max(0, filter.selectedIndex)];
  const [, by] = SORTS[Math.max(0, sort.selectedIndex)];
  const found = session.problems.flatMap((problem, i) => {
    const text = `${problem.id ?? ""} ${problem.problem}`.toLowerCase();
    return text.includes(words) && holds(problem, i) ? [{ i, key: by(i) }] : [];
  });
  return found.sort((a, b) => a.key < b.key ? -1 : Number(a.key > b.key)).map(({ i }) => i);
}

// Whether what was scored here is what the editor holds, or held when the problem was left.
function isAsScored(i) {
  const [draft, scored] = [drafts.get(i), JSON.parse(results.get(i) ?? "null")];
  if (!draft || !scored) return true;
  const filled = (one) => one.source.trim();
  const now = draft.letters.map((letter, k) => ({ letter, source: draft.solutions[k] }));
  const texts = new Map(scored.candidates.map(({ letter, source }) => [letter, source]));
  return draft.problem === scored.problem && draft.rule === scored.rule &&
    now.filter(filled).length === scored.candidates.filter(filled).length &&
    now.filter(filled).every(({ letter, source }) => texts.get(letter) === source);
}

function line(i) {
  const problem = session.problems[i];
  const fact = factOf(i);
  const letters = fact?.letters ?? lettersOf(solutionsOf(problem));
  const n = drafts.get(i)?.solutions.filter((text) => text.trim()).length ??
    (problem.solutions ?? []).length;
  const leaders = (fact?.leaders ?? []).slice(0, 3).map((place) => letters[place]).join(", ");
  const mark = { 1: " ✓", 0: " ✗" }[fact?.right] ?? "";
  const node = document.createElement("li");
  node.id = `prm-problem-${i}`;
  node.role = "option";
  node.dataset.at = i;
  node.setAttribute("aria-selected", String(i === at));
  const [number, text, note] = ["b", "span", "small"].map((tag) => document.createElement(tag));
  number.textContent = i + 1;
  text.textContent = problem.problem.slice(0, 200);
  note.textContent = [
    prm.several(n, "solution"),
    leaders && `${leaders}${mark} ${fact.leaders.length > 1 ? "lead" : "leads"}`,
    isUnknown(i) && "not compared",
    facts.has(i) && (isAsScored(i) ? "scored here" : "scored here, changed since"),
    nLabelled(i) && `${nLabelled(i)} labelled`,
  ].filter(Boolean).join(" · ");
  node.append(number, text, note);
  return node;
}

function showList() {
  const places = shownPlaces();
  list.replaceChildren(...places.slice(0, MOST_ROWS).map(line));
  const n = session.problems.length;
  const part = places.length === n ? prm.several(n, "problem") : `${places.length} of ${n}`;
  const [, , needsFact] = FILTERS[Math.max(0, filter.selectedIndex)];
  const unknown = needsFact ? session.problems.filter((_, i) => isUnknown(i)).length : 0;
  countWords.textContent = [
    part,
    places.length > MOST_ROWS && `first ${MOST_ROWS} listed`,
    unknown && `${unknown} not compared`,
  ].filter(Boolean).join(", ");
  countWords.title = unknown
    ? "They were too many to compare when the file was opened. Open a problem to compare its solutions."
    : "";
  showActive();
}

function showActive() {
  for (const node of list.children) {
    node.setAttribute("aria-selected", String(Number(node.dataset.at) === at));
  }
  const active = list.querySelector("[aria-selected=true]");
  if (active) list.setAttribute("aria-activedescendant", active.id);
  else list.removeAttribute("aria-activedescendant");
  active?.scrollIntoView({ block: "nearest" });
}

function fillChoices() {
  const option = (value, words) => new Option(words, value);
  filter.replaceChildren(...FILTERS.map(([name]) => option(name, name)));
  sort.replaceChildren(...SORTS.map(([name]) => option(name, name)));
  const models = session.models ?? [];
  recorded.replaceChildren(...models.map((one) => option(one.id, one.label || one.id)));
  recorded.hidden = models.length < 2;
  recorded.value = model;
}

// --- open, choose, close ------------------------------------------------------------------------------

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));

// What the editor and the board hold of the problem that is left.
function keepCurrent() {
  if (at < 0 || !session) return;
  keepCompared();
  const draft = structuredClone(prm.draft);
  if (draft.problem.trim()) drafts.set(at, draft);
  if (draft.problem.trim()) labels.set(at, prm.labels.all());
  learnFact();
  const shown = boardOf(at);
  if (shown && !shown.model_line?.startsWith(prm.RECORDED)) keepResults(at, shown);
  document.getElementById(`prm-problem-${at}`)?.replaceWith(line(at));
}

// The results on the board, if they are of this problem: of its text as it is now, or as it was
// judged. While another problem is being drawn, the board still has those of the one before.
function boardOf(i) {
  const { results: shown } = prm;
  if (i !== at || !shown || shown === foreign || shown.status === "running") return null;
  const judged = i >= 0 && resultsOf(i);
  const texts = [prm.draft.problem, session?.problems[i]?.problem];
  const isOf = i < 0 || [...texts, judged && JSON.parse(judged).problem].includes(shown.problem);
  return isOf && shown.candidates.some((one) => one.detail) ? shown : null;
}

// With what other models said of the same texts before.
function keepResults(i, board) {
  const [stored, earlier] = [prm.storedResults(board), results.get(i) ?? recordedResults(i)];
  const merge = () => prm.others.merged(JSON.parse(stored), JSON.parse(earlier));
  results.set(i, earlier ? JSON.stringify(merge()) : stored);
  facts.set(i, { ...factOfBoard(board), by: board.model_line });
}

async function choose(i) {
  if (i === at) return;
  keepCurrent();
  const from = at < 0 ? prm.place() : null;
  [at, opening] = [-1, i]; // until the parts that listen are there, the editor holds another text
  await prm.loaded;
  [at, opening] = [i, -1];
  foreign = prm.results;
  prm.store(PLACE, at);
  const said = labels.get(i) ?? saidByFile(i);
  const scored = resultsOf(i);
  tell("prm:open-draft", { draft: draftFor(i), from });
  prm.labels.load(said);
  tell("prm:show-results", scored);
  if (from && !scored && Object.values(said).some(prm.labels.holds)) tell("prm:label");
  showActive();
  saveNow();
}

// Where the text in the editor belongs, with what is said and shown of it; `at` is -1 where it is none
// of the list.
prm.place = () => ({ session, at, said: prm.labels.all(), shown: prm.results });

// A text comes that is none of the list: what the list holds stays as it is.
prm.leaveList = () => {
  prm.store(PLACE, -1); // the list may not be restored yet
  if (at < 0) return;
  keepCurrent();
  at = -1;
  prm.labels.load({});
  showActive();
  saveNow();
};

// A text that was replaced comes back to its place; `showText` brings it into the editor. The board
// may have found its results by itself.
prm.returnTo = ({ session: of, at: place, said, shown }, showText) => {
  prm.leaveList();
  if (session && session === of) at = place;
  prm.store(PLACE, at);
  showText();
  prm.labels.load(said);
  if (prm.results !== shown) {
    const scored = shown?.candidates.some((one) => one.detail);
    const own = scored ? prm.storedResults(shown) : null;
    tell("prm:show-results", at < 0 ? own : resultsOf(at));
  }
  if (!session) return;
  showActive();
  saveNow();
};

const NO_ANSWER = "The server did not answer; try again in a minute.";

// Why something could not be opened, until the next is opened.
function sayIssue(words) {
  openIssue.textContent = words;
  openIssue.hidden = !words;
}

let nAsked = 0;
let latest = 0; // which of them is open

// What the server sends after a list that was asked for later is no longer wanted.
async function open(asked, name) {
  const mine = ++nAsked;
  const reply = await asked;
  if (mine < latest) return;
  if (reply && !reply.error) latest = mine;
  take(reply, name ?? reply?.title);
}

async function take(reply, name) {
  const words = reply?.error ?? (reply ? "" : NO_ANSWER);
  sayIssue(words);
  if (words === NO_ANSWER) {
    prm.whenBack("opening", () => openIssue.textContent === words && sayIssue(""));
  }
  if (words) return;
  putAside();
  [session, title] = [JSON.parse(reply.session), name];
  [drafts, results, labels] = [new Map(), new Map(), new Map()];
  facts = new Map(Object.entries(JSON.parse(reply.facts)));
  const models = session.models ?? [];
  const wanted = session.settings?.model;
  model = (models.find((one) => one.id === wanted) ?? models[0])?.id ?? "";
  showUnread(reply);
  show();
  const { settings } = session;
  choose(Math.min(settings?.problem ?? 0, session.problems.length - 1));
  await prm.loaded; // the board listens from then on
  tell("prm:rule", settings?.aggregation);
}

// What a search found joins the list of searches.
const SEARCHES = "Searches";

async function addSearch(reply) {
  await restored;
  if (session && title === SEARCHES) keepCurrent();
  else if (previous?.title === SEARCHES) {
    const wanted = previous;
    previous = null;
    putAside();
    ({ session, title, model, drafts, results, facts, labels } = wanted);
  } else {
    take(reply, SEARCHES);
    return;
  }
  const found = JSON.parse(reply.session);
  const [problem] = found.problems;
  const earlier = session.problems.findIndex((one) => isHalfOf(one, problem));
  const place = earlier < 0 ? session.problems.length : earlier;
  session.problems[place] = problem;
  for (const known of [drafts, results, labels, facts]) known.delete(place);
  const models = [...session.models, ...found.models].map((one) => [one.id, one]);
  session.models = [...new Map(models).values()];
  for (const [id, [fact]] of Object.entries(JSON.parse(reply.facts))) {
    const known = facts.get(id) ?? [];
    known[place] = fact;
    facts.set(id, known);
    model = id;
  }
  at = -1; // what is in the editor may be the text of this one
  show();
  choose(place);
}

// Whether a search that was cut off is the same as this one, which grew further: the same settings,
// of which the seed is one, make the same tree.
function isHalfOf({ problem, more }, { problem: same, more: { search } }) {
  const half = more?.search;
  const made = ({ settings, generator, model }) => JSON.stringify([settings, generator, model]);
  return half && !half.status && problem === same && made(half) === made(search) &&
    (half.n_rounds ?? 0) <= (search.n_rounds ?? 0);
}

// The current list can be restored, with what was typed and scored in it.
function putAside() {
  sayIssue("");
  if (all) {
    stopAll(`Scoring ${session.title || title} was cancelled; what was scored is kept there.`);
  } else sayAll("");
  keepCurrent();
  if (session) previous = { session, title, model, at, drafts, results, facts, labels };
  [session, at] = [null, -1];
  backButton.hidden = !previous;
  backButton.textContent = previous ? `Back to ${previous.title}` : "";
}

function goBack() {
  const wanted = previous;
  putAside();
  const place = wanted.at;
  ({ session, title, model, drafts, results, facts, labels } = wanted);
  showUnread({ n_errors: 0, errors: [] });
  show();
  choose(place);
}

function showUnread({ n_errors: n, errors }) {
  unread.hidden = n === 0;
  unread.querySelector("summary").textContent = `${prm.several(n, "row")} could not be read`;
  unread.querySelector("ul").replaceChildren(...errors.map((words) => {
    const node = document.createElement("li");
    node.textContent = words;
    return node;
  }));
}

function show() {
  pane.hidden = false;
  find(".prm-session-title").textContent = session.title || title;
  search.value = "";
  fillChoices();
  showList();
}

function close() {
  putAside();
  pane.hidden = true;
  saveNow();
  openButton.focus();
}

async function gzipped(file) {
  if (/\.(gz|parquet|eval)$/i.test(file.name)) return file;
  const stream = file.stream().pipeThrough(new CompressionStream("gzip"));
  return await new Response(stream).blob();
}

// A list that a link carries; the server reads it like any file.
function openText({ text, title: name }) {
  open(readByServer(new File([text], "link.json")), name);
}

function base64(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(blob);
  });
}

async function openFile(file) {
  if (!file) return;
  openButton.disabled = true;
  await open(readByServer(file), file.name);
  openButton.disabled = false;
}

async function readByServer(file) {
  const packed = await gzipped(file).catch(() => file);
  const large = packed.size > props.max_bytes;
  const name = packed === file || large ? file.name : `${file.name}.gz`;
  const megabytes = (n) => `${(n / 1e6).toFixed(1)} MB`;
  const words = `${file.name} has ${
    megabytes(packed.size)
  } compressed, and the page opens at most ${
    megabytes(props.max_bytes)
  }; on the command line it has no limit: python -m prm_core score ${file.name}`;
  return large ? { error: words } : await prm.reply(
    base64(packed).then((contents) => server.open_file({ name, contents })),
  );
}

// --- a data set of the Hub ----------------------------------------------------------------------------

const hubButton = find(".prm-open-hub");
const hubPane = find(".prm-hub");
const [hubName, hubGo] = [hubPane.querySelector("input"), hubPane.querySelector("button")];

async function openHub() {
  if (hubGo.disabled) return;
  hubGo.disabled = true;
  hubGo.textContent = "Opening…";
  const asked = prm.reply(server.open_hub(hubName.value));
  await open(asked);
  hubGo.disabled = false;
  hubGo.textContent = "Open";
  const reply = await asked;
  if (reply && !reply.error) showHub(false);
}

function showHub(open) {
  hubPane.hidden = !open;
  hubButton.setAttribute("aria-expanded", String(open));
  if (open) hubName.focus();
}

hubButton.hidden = !props.hub;
hubButton.addEventListener("click", () => showHub(hubPane.hidden));
hubGo.addEventListener("click", openHub);
hubPane.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    showHub(false);
    hubButton.focus();
  } else if (event.key === "Enter" && event.target === hubName) openHub();
});

// --- all of them --------------------------------------------------------------------------------------

const allButton = find(".prm-score-all");
const allSaid = find(".prm-all-said");

function sayAll(words) {
  allSaid.textContent = words;
  allSaid.hidden = !words;
  allButton.textContent = all ? "Cancel" : "Score all";
}

// Those in the list that the chosen model has not scored yet, all of them where it has; as many as
// one request takes.
function scoreAll() {
  keepCurrent();
  const shown = shownPlaces().filter((i) => draftFor(i).solutions.some((one) => one.trim()));
  const fresh = shown.filter((i) => facts.get(i)?.by !== prm.model);
  const places = [];
  const texts = [];
  let left = props.max_chars - 2;
  for (const i of (fresh.length ? fresh : shown).slice(0, props.max_problems)) {
    const text = JSON.stringify(draftFor(i));
    left -= text.length + 1;
    if (left < 0) break;
    places.push(i);
    texts.push(text);
  }
  if (!places.length) return;
  all = { places, began: performance.now(), failed: 0 };
  prm.drafts = `[${texts.join()}]`;
  sayAll(`0 of ${prm.several(places.length, "problem")} scored`);
  trigger("submit");
}

function stopAll(words = "Cancelled; what was scored stays.") {
  cancelling.begin();
  trigger("stop");
  all = null;
  sayAll(words);
  allButton.disabled = true;
}

function ended() {
  allButton.disabled = false;
}

// Seconds in words.
function about(seconds) {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

watch("value", () => {
  const { n_done: n, n_all: of, place, board, words } = props.value ?? {};
  if (!all || place === undefined || place === null) return;
  const i = all.places[place];
  if (board) keepResults(i, JSON.parse(board));
  else all.failed += 1;
  if (i === at && board) tell("prm:show-results", resultsOf(i));
  const left = (performance.now() - all.began) / 1000 / n * (of - n);
  const failed = all.failed ? `, ${all.failed} of them could not be: ${words}` : "";
  if (n === of) all = null;
  const done = `${n} of ${prm.several(of, "problem")} scored${failed}`;
  sayAll(all ? `${done}; about ${about(left)} left` : done);
  document.getElementById(`prm-problem-${i}`)?.replaceWith(line(i));
  clearTimeout(saving);
  saving = setTimeout(saveNow, all ? SAVE_MS : 0);
});
document.addEventListener("prm:ended-all", () => {
  if (cancelling.hear() || !all) return;
  all = null;
  sayAll("The run ended early; what was scored stays. Press Score all to resume.");
});
allButton.addEventListener("click", () => (all ? stopAll() : scoreAll()));

// --- over a reload --------------------------------------------------------------------------------------

const STORE = "sessions";

function stored(mode, work) {
  return new Promise((done, failed) => {
    const request = indexedDB.open("prm-inspector", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onerror = () => failed(request.error);
    request.onsuccess = () => {
      const asked = work(request.result.transaction(STORE, mode).objectStore(STORE));
      asked.onsuccess = () => done(asked.result);
      asked.onerror = () => failed(asked.error);
    };
  });
}

function saveNow() {
  clearTimeout(saving);
  if (session) keepCurrent();
  const kept = session && { session, title, model, at, drafts, results, facts, labels };
  const work = (store) => kept ? store.put(kept, "list") : store.delete("list");
  stored("readwrite", work).catch(() => {}); // forbidden or full: the list lasts until the page is left
}

async function restore() {
  const kept = await stored("readonly", (store) => store.get("list")).catch(() => null);
  if (!Array.isArray(kept?.session?.problems) || session) return;
  ({ session, title, model, drafts, results, facts = new Map(), labels = new Map() } = kept);
  at = Number(prm.stored(PLACE) ?? kept.at);
  if (at >= 0 && prm.stored(prm.labels.KEY) === null) {
    prm.labels.load(labels.get(at) ?? saidByFile(at));
  }
  show();
  tell("prm:problems");
}

// --- wiring -----------------------------------------------------------------------------------------------

find(".prm-open-new").addEventListener("click", () => tell("prm:new-problem"));
openButton.addEventListener("click", () => fileInput.click());
fileInput.addEventListener("change", () => {
  openFile(fileInput.files[0]);
  fileInput.value = "";
});
galleryButton.addEventListener("click", () => open(prm.reply(server.gallery("")), "Gallery"));
document.addEventListener("prm:open-session", ({ detail }) => openText(detail));
// Results that are new on the board belong to the problem at once, and to its line in the list.
let lastShown = null;
document.addEventListener("prm:changed", () => {
  if (!session || at < 0 || prm.results === lastShown || prm.results?.status === "running") return;
  lastShown = prm.results;
  clearTimeout(saving);
  saving = setTimeout(saveNow, SAVE_MS);
});
document.addEventListener("prm:open-file", ({ detail }) => openFile(detail));
document.addEventListener("prm:searched", ({ detail }) => addSearch(detail));
document.addEventListener("prm:gallery", () => galleryButton.click());
document.addEventListener("prm:outcome-example", () => {
  open(prm.reply(server.gallery("outcome")), "One number or every step");
});
backButton.addEventListener("click", goBack);
find(".prm-session-close").addEventListener("click", close);
search.addEventListener("input", showList);
filter.addEventListener("change", showList);
sort.addEventListener("change", () => {
  showList();
  list.scrollTop = 0; // what comes first is what was asked for
});
recorded.addEventListener("change", () => {
  model = recorded.value;
  showList();
  if (at >= 0) tell("prm:show-results", recordedResults(at));
  saveNow();
});
list.addEventListener("click", (event) => {
  const node = event.target.closest("[role=option]");
  if (node) choose(Number(node.dataset.at));
});
list.addEventListener("keydown", (event) => {
  const places = [...list.children].map((node) => Number(node.dataset.at));
  const here = places.indexOf(Math.max(at, opening));
  const to = {
    ArrowDown: here + 1,
    ArrowUp: Math.max(0, here - 1),
    Home: 0,
    End: places.length - 1,
  }[event.key];
  if (to === undefined || places[to] === undefined) return;
  choose(places[to]);
  event.preventDefault();
});
document.addEventListener("dragover", (event) => {
  if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  openFile(event.dataTransfer.files[0]);
});
// A file that was copied elsewhere; what a program copies as text has a picture beside it at times.
document.addEventListener("paste", (event) => {
  const { files, types } = event.clipboardData ?? { files: [] };
  if (!files.length || types.includes("text/plain")) return;
  event.preventDefault();
  openFile(files[0]);
});
addEventListener("pagehide", saveNow);
const restored = restore();
prm.arrived("problems");

// The list, or the only problem there is, as a session: what its file says, what was scored, typed and
// labelled here. A solution keeps its steps, and scores of other steps have their own. Runs after
// queue.js, in the same function.

const sameTexts = (a, b) => a.length === b.length && a.every((one, i) => one === b[i]);

// The name of a model of the results in `models`; one that is known from a file and scored here too
// gets two names.
function modelId(models, { model: label, model_line: line, model_note: note, own, candidates }) {
  const id = candidates.find(Boolean).model_id || label;
  const recorded = line.startsWith(prm.RECORDED);
  for (let name = id, n = 2;; name = `${id} (${n})`, n += 1) {
    const there = models.get(name);
    if (!there) {
      const words = recorded ? {} : { line, note };
      const shown = label === name ? "" : label;
      models.set(name, { id: name, label: shown, threshold: own, recorded, ...words });
      return name;
    }
    if (judgeOf(there).model_line === line) return name;
  }
}

// Every model that judged, with its name and its scores of each candidate.
function judgesOf(scored, models) {
  if (!scored) return [];
  const shown = { ...scored, candidates: scored.candidates.map((one) => one.scores) };
  return [shown, ...prm.others.list(scored)].map((one, k) => {
    const candidates = one.candidates.map((scores, i) =>
      scores && (k ? { steps: scored.candidates[i].scores?.steps, ...scores } : scores)
    );
    return candidates.some(Boolean)
      ? { ...one, candidates, id: modelId(models, { ...one, candidates }) }
      : null;
  }).filter(Boolean);
}

// Scores that name their steps, so that they may stand beside any others.
function named({ steps = [], thinking, scores = {} }) {
  const own = ([id, one]) => {
    if (one.steps) return [id, one];
    const whole = one.probabilities.length !== steps.length;
    return [id, { ...one, ...whole ? { steps: [steps.join("\n\n")] } : { steps, thinking } }];
  };
  return Object.fromEntries(Object.entries(scores).map(own));
}

// A solution as a session has it. `file` is the same text in the file, `record` what people say of
// it, `found` its scores by each judge; null where there is none.
function mergedSolution(name, text, file, record, found, candidate) {
  const judged = found.map(({ scores }) => scores.steps);
  const lists = [
    prm.labels.holds(record) ? record.steps : [],
    file?.steps ?? [],
    judged.find((steps) => steps.length > 1) ?? [],
    ...judged,
  ];
  const steps = lists.find((one) => one.length) ?? [];
  const asFile = file && sameTexts(file.steps ?? [], steps);
  const of = found.find(({ scores }) => sameTexts(scores.steps, steps))?.scores;
  const solution = {
    ...(file ?? { name, text }),
    steps,
    thinking: asFile ? file.thinking : of?.thinking,
    scores: asFile ? { ...file.scores } : named(file ?? {}),
  };
  if (!asFile) Object.assign(solution, { labels: [], step_notes: [], cut: candidate?.cut ?? "" });
  if (record && sameTexts(record.steps, steps)) {
    Object.assign(solution, {
      labels: record.labels,
      step_notes: record.notes,
      note: record.note,
    });
  }
  for (const { id, isRecorded, scores } of found) {
    if (isRecorded && solution.scores[id]) continue; // as the file has it
    const { probabilities, log_odds, extras, rationales, steps: own, thinking } = scores;
    solution.scores[id] = { probabilities, log_odds, extras, rationales, steps: own, thinking };
  }
  if (candidate?.error && !found.length && !file) solution.error = candidate.error;
  return solution;
}

// What the editor holds, as a session has it; blank cards are nothing.
function draftNow({ problem, rule, gold, letters, solutions }, nameOf) {
  const filled = letters.map((letter, k) => [letter, solutions[k]]).filter(([, one]) => one.trim());
  return {
    problem,
    rule,
    gold_answer: gold,
    names: filled.map(([letter]) => nameOf(letter)),
    texts: filled.map(([, one]) => one),
  };
}

function mergedProblem(i, models) {
  const { draft, scored, said } = known(i);
  const base = session?.problems[i] ?? {};
  const given = solutionsOf(base);
  const [letters, texts] = [lettersOf(given), textsOf(base)];
  const judges = judgesOf(scored, models);
  const records = Object.values(said).filter(prm.labels.holds);
  // Labels go before scores: these can be computed again.
  const problem = records.some((one) => one.problem === draft.problem)
    ? draft.problem
    : scored?.problem ?? records[0]?.problem ?? draft.problem;

  // What was judged or labelled of a solution; what the editor holds if neither was.
  const one = (letter) => {
    const place = scored?.candidates.findIndex((each) => each.letter === letter) ?? -1;
    const candidate = scored?.candidates[place];
    const record = said[letter]?.problem === problem ? said[letter] : null;
    const typed = draft.solutions[draft.letters.indexOf(letter)] ?? "";
    const hasScores = scored?.problem === problem && judges.some((by) => by.candidates[place]);
    const labelled = prm.labels.holds(record) && (record.source === typed || !hasScores);
    const text = labelled ? record.source : hasScores ? candidate.source : typed;
    if (!text.trim()) return [];
    const found = hasScores && candidate.source === text
      ? judges.filter((by) => by.candidates[place]).map((by) => ({
        id: by.id,
        isRecorded: by.model_line.startsWith(prm.RECORDED),
        scores: by.candidates[place],
      }))
      : [];
    const at = letters.indexOf(letter);
    const file = base.problem === problem && texts[at] === text ? given[at] : null;
    const own = record?.source === text ? record : null;
    const name = given[at]?.name ?? letter;
    return [mergedSolution(name, text, file, own, found, candidate)];
  };
  const order = [...letters, ...scored?.candidates.map((each) => each.letter) ?? []];
  const solutions = [...new Set([...order, ...draft.letters])].flatMap(one);
  const rest = (base.solutions ?? []).slice(MOST_SOLUTIONS);
  const judgedRule = scored?.problem === problem ? scored.rule : draft.rule;
  const merged = {
    ...base,
    problem,
    gold_answer: draft.gold,
    rule: session && judgedRule === ruleOf(base) ? base.rule : judgedRule,
    solutions: [...solutions, ...rest],
    draft: undefined,
  };
  if (scored && !scored.model_line.startsWith(prm.RECORDED)) {
    const { status, message, cut_note } = scored;
    Object.assign(merged, { status, message, cut_note });
  }
  if (scored?.search) {
    const trees = TREES.map((name) => [name, prm.parsed(scored[name]) ?? undefined]);
    merged.more = { ...base.more, ...Object.fromEntries(trees) };
  }
  const names = new Map(letters.map((letter, k) => [letter, given[k].name]));
  const nameOf = (letter) => names.get(letter) ?? letter;
  const written = (from) => JSON.stringify(draftNow(from, nameOf));
  if (written(draft) !== written(draftOf(merged))) merged.draft = draftNow(draft, nameOf);
  return merged;
}

// What is on display, where it is not what the file says.
function mergedSettings(base, models, method) {
  const settings = { ...base.settings };
  if (method !== (settings.aggregation ?? "min")) settings.aggregation = method;
  const { scored } = known(at);
  if (!scored) return settings;
  const [shown, ...others] = judgesOf(scored, models);
  const first = base.models?.find((one) => !settings.model || one.id === settings.model);
  const given = solutionsOf(base.problems?.[at] ?? {});
  const isOther = scored.model_line.startsWith(prm.RECORDED) && // it has none of the chosen one
    !given.some((one) => one.scores?.[first?.id]);
  if (shown && shown.id !== first?.id && !(given.length && isOther)) settings.model = shown.id;
  const compared = others.find((one) => one.model_line === scored.other);
  if (compared) settings.other = compared.id;
  else if (settings.other === shown?.id) delete settings.other;
  const { threshold, own } = scored;
  if (threshold !== (settings.threshold ?? own)) {
    settings.threshold = threshold === own ? null : threshold;
  }
  return settings;
}

// Who labelled: the name on the page where something was labelled here, else the file's.
function annotatorNow() {
  const name = prm.labels.annotator();
  const isOwn = (i) => JSON.stringify(saidNow(i)) !== JSON.stringify(saidByFile(i));
  const own = !session || [...new Set([...labels.keys(), at])].some((i) => i >= 0 && isOwn(i));
  return name && own ? name : session?.annotator;
}

// Solutions of a session, by their places on the page: `${problem} ${letter}`.
prm.byPlace = (solutions) =>
  new Map(solutions.map((one) => {
    const given = session ? solutionsOf(session.problems[one.at]) : [];
    const k = given.findIndex(({ name }) => name === one.name);
    return [`${session ? one.at : -1} ${k < 0 ? one.name : lettersOf(given)[k]}`, one];
  }));

// A session, as text: everything, or only the problem in the editor.
prm.merged = ({ method = "min", only = false } = {}) => {
  const models = new Map((session?.models ?? []).map((one) => [one.id, one]));
  const isTouched = (i) => i === at || [labels, drafts, results].some((one) => one.has(i));
  const whole = session && !only;
  const problems = whole
    ? session.problems.map((one, i) => isTouched(i) ? mergedProblem(i, models) : one)
    : [mergedProblem(at, models)];
  const head = session ?? { format: "prm-inspector-session", version: 1 };
  const isOther = whole && at < 0; // what is on show came from a link, and is none of the list
  const settings = isOther ? { ...head.settings } : mergedSettings(head, models, method);
  const place = whole && at >= 0 ? at : 0;
  if (place !== (settings.problem ?? 0)) settings.problem = place;
  const annotator = annotatorNow();
  return JSON.stringify({ ...head, problems, models: [...models.values()], settings, annotator });
};

// The list's title and how many problems it has; null where there is none.
prm.listed = () => session && { title: session.title || title, n: session.problems.length };

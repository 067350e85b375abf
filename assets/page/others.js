// What other models said of the same solutions. It stays with the results that are on show: a run of
// another model moves theirs here, and theirs come back from here. Runs after state.js, in each part
// that keeps results; results are as `prm.storedResults` writes them, `others` a list of
// { model, model_line, model_note, own, candidates }, with the scores of each solution or null.

prm.others ??= (() => {
  const MOST = 12; // models; the oldest give way

  const list = (results) => Array.isArray(results.others) ? results.others : [];
  const same = (a, b) => a?.length === b?.length && a.every((one, i) => one === b[i]);

  // All models of stored results, those on show first; their scores name their steps.
  function judges(results) {
    const { model, model_line, model_note, own, candidates } = results;
    const shown = {
      model,
      model_line,
      model_note,
      own,
      candidates: candidates.map((c) => c.scores),
    };
    return [shown, ...list(results)].map((one) => ({
      ...one,
      candidates: one.candidates.map((scores, i) =>
        scores && { ...scores, steps: scores.steps ?? candidates[i].scores?.steps }
      ),
    })).filter((one) => one.candidates.some(Boolean));
  }

  // Scores without the steps that the results have already.
  function short(scores, own) {
    const { steps, thinking, ...rest } = scores;
    const whole = own && scores.probabilities.length === 1 &&
      steps?.join("\n\n") === own.join("\n\n");
    return same(steps, own) || whole ? rest : { ...rest, steps, thinking };
  }

  // `results` with what `earlier` ones, of the same problem, hold of other models on the same texts.
  function merged(results, earlier) {
    const found = new Map();
    for (const from of [results, earlier]) {
      if (from.problem !== results.problem) continue;
      const rows = results.candidates.map(({ letter, source }) =>
        from.candidates.findIndex((one) => one.letter === letter && one.source === source)
      );
      for (const judge of judges(from)) {
        const candidates = rows.map((i, k) => {
          const scores = judge.candidates[i] ?? null;
          return scores && short(scores, results.candidates[k].scores?.steps);
        });
        const line = judge.model_line;
        if (line === results.model_line || found.has(line) || !candidates.some(Boolean)) continue;
        found.set(line, { ...judge, candidates });
      }
    }
    return { ...results, others: [...found.values()].slice(0, MOST) };
  }

  return { list, merged };
})();

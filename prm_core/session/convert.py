"""Sessions from scored and labelled solutions, and back to the rows that other programs read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from prm_core.errors import DataError, InputError
from prm_core.formats.results import letter, result_row
from prm_core.session.codec import FORMAT, VERSION, plain, session_of
from prm_core.session.record import Label, Model, Problem, Scores, Session, Solution
from prm_core.types import Candidate, Example, ScoredCandidate, whole_characters

# --- from other records ---------------------------------------------------------------------------


def scores_of(scored: ScoredCandidate) -> Scores:
    """A model's scores of a candidate, without the candidate."""
    # What a server wrote may contain unpaired surrogates, which no file can.
    rationales = tuple(whole_characters(t) for t in scored.rationales)
    return Scores(scored.probabilities, scored.log_odds, scored.extras, rationales)


def from_scored(
    scored: Iterable[ScoredCandidate],
    *,
    gold_answers: Mapping[str, str] | None = None,
    thresholds: Mapping[str, float] | None = None,
    recorded: bool = False,
) -> Session:
    """A session of scored candidates, of one problem or of several, by one model or by several.

    Candidates of the same problem text belong together; one that several models scored is one
    solution. A solution is named by its candidate's id, or by a letter if that is empty or taken.

    Args:
        scored: the candidates.
        gold_answers: the right answer of a problem, by its text.
        thresholds: a model's own threshold, by its id; 0.5 if it is missing.
        recorded: whether the scores come from a file.
    """
    pools: dict[str, list[tuple[Candidate, dict[str, Scores]]]] = {}
    models: dict[str, Model] = {}
    for one in scored:
        candidate, model = one.candidate.whole_of or one.candidate, one.model_id
        pool = pools.setdefault(candidate.problem, [])
        by_model = next(
            (found for other, found in pool if other == candidate and model not in found), None
        )
        if by_model is None:
            by_model = {}
            pool.append((candidate, by_model))
        by_model[model] = scores_of(one)
        threshold = (thresholds or {}).get(model, 0.5)
        models.setdefault(model, Model(model, threshold=threshold, recorded=recorded))
    problems = []
    for text, pool in pools.items():
        names = unique_names([candidate.id for candidate, _ in pool])
        solutions = tuple(
            replace(from_candidate(candidate, name), scores=by_model)
            for name, (candidate, by_model) in zip(names, pool, strict=True)
        )
        gold_answer = (gold_answers or {}).get(text)
        problems.append(Problem(text, solutions=solutions, gold_answer=gold_answer))
    return Session(tuple(problems), tuple(models.values()))


def from_candidate(candidate: Candidate, name: str) -> Solution:
    """A candidate as a solution without scores."""
    return Solution(
        name,
        steps=candidate.steps,
        thinking=candidate.thinking,
        tagged_answer=candidate.tagged_answer,
    )


def unique_names(ids: Sequence[str]) -> list[str]:
    """A name for each solution: its own id, or a letter if that is empty or a duplicate.

    >>> unique_names(["A", "", "A"])
    ['A', 'B', 'C']
    """
    first = {one: place for place, one in reversed([*enumerate(ids)])}
    wanted = [one if first[one] == place else "" for place, one in enumerate(ids)]
    taken, names, next_letter = set(wanted), [], 0
    for place, one in enumerate(wanted):
        next_letter = max(next_letter, place) if not one else next_letter
        while not one:
            one, next_letter = letter(next_letter), next_letter + 1
            one = "" if one in taken else one
        taken.add(one)
        names.append(one)
    return names


def from_examples(examples: Iterable[Example]) -> Session:
    """A session of labelled solutions; those of the same problem belong together."""
    pools: dict[tuple[str, str | None, str], list[Example]] = {}
    for one in examples:
        key = (one.candidate.problem, one.gold_answer, one.source)
        pools.setdefault(key, []).append(one)
    problems = []
    for (text, gold_answer, source), pool in pools.items():
        names = unique_names([one.candidate.id for one in pool])
        solutions = tuple(map(from_example, pool, names))
        problems.append(Problem(text, solutions=solutions, gold_answer=gold_answer, source=source))
    return Session(tuple(problems))


def from_example(example: Example, name: str) -> Solution:
    """A labelled solution under a name."""
    return replace(
        from_candidate(example.candidate, name),
        labels=example.labels,
        answer=example.answer,
        correct=example.correct,
        error_type=example.error_type,
    )


def with_scores(
    session: Session, index: int, model: Model, scored: Mapping[str, ScoredCandidate]
) -> Session:
    """A session in which a model has scored solutions of one problem.

    Args:
        session: the session before.
        index: the problem's.
        model: the model that scored; replaces the same model in the list.
        scored: by the solution's name. A solution whose text was cut for this gets the steps that
            were judged. If it has other ones, with labels, notes or scores, it keeps them, and the
            new scores have their own steps.
    """
    problem = session.problems[index]
    solutions = tuple(
        _judged(one, model.id, scored[one.name]) if one.name in scored else one
        for one in problem.solutions
    )
    problems = list(session.problems)
    problems[index] = replace(problem, solutions=solutions)
    models = {one.id: one for one in session.models} | {model.id: model}
    return replace(session, problems=tuple(problems), models=tuple(models.values()))


def _judged(solution: Solution, model: str, scored: ScoredCandidate) -> Solution:
    candidate, new = scored.candidate.whole_of or scored.candidate, scores_of(scored)
    others = {name: one for name, one in solution.scores.items() if name != model}
    if candidate.steps != solution.steps and (others or solution.labels or solution.step_notes):
        judged = scored.candidate
        new = replace(new, steps=judged.steps, thinking=judged.thinking)
        return replace(solution, scores=others | {model: new}, error="")
    return replace(
        solution,
        steps=candidate.steps,
        thinking=candidate.thinking,
        tagged_answer=candidate.tagged_answer,
        scores=others | {model: new},
        error="",
    )


# --- to rows --------------------------------------------------------------------------------------


def result_rows(session: Session, model: str = "") -> Iterator[dict[str, Any]]:
    """The rows that `score` writes, of each problem that the model scored.

    Args:
        session: the session.
        model: its id; empty for the one on display.
    """
    shown = model or (session.model.id if session.model else "")
    for problem in session.problems:
        scored = [one for one in problem.scored(shown) if one is not None]
        if scored:
            yield result_row(
                problem.id,
                scored,
                method=session.settings.aggregation,
                threshold=session.threshold,
                gold_answer=problem.gold_answer,
            )


def table_rows(session: Session, model: str = "") -> Iterator[dict[str, Any]]:
    """The rows of a table: those of `result_rows`, with the solutions' labels and notes.

    Labels and notes on steps that the model did not judge are in a row without scores.
    """
    shown = model or (session.model.id if session.model else "")
    for problem in session.problems:
        pairs = list(zip(problem.solutions, problem.scored(shown), strict=True))
        there = [(one, scored) for one, scored in pairs if scored is not None]
        row: dict[str, Any] = {
            "id": problem.id,
            "problem": problem.problem,
            "model": shown or None,
            "aggregation": session.settings.aggregation,
            "threshold": session.threshold,
            "ranking": [],
            "candidates": [],
        }
        if there:
            row = result_row(
                problem.id,
                [scored for _, scored in there],
                method=session.settings.aggregation,
                threshold=session.threshold,
                gold_answer=problem.gold_answer,
            )
        for candidate, (one, scored) in zip(row["candidates"], there, strict=True):
            candidate.update(_said(session, one) if _is_of(scored, one) else {})
        rest = [
            said
            for one, scored in pairs
            if not _is_of(scored, one) and (said := _said(session, one))
        ]
        for index, said in enumerate(rest, start=len(there)):
            row["candidates"].append({"index": index, **said})
        if row["candidates"]:
            yield row


def _is_of(scored: ScoredCandidate | None, solution: Solution) -> bool:
    """Whether the solution's own steps, or the whole of it, were judged."""
    return scored is not None and (
        (scored.candidate.whole_of or scored.candidate).steps == solution.steps
    )


def _said(session: Session, solution: Solution) -> dict[str, Any]:
    """People's labels and notes of a solution, with its steps; empty if there are none."""
    said = {
        name: plain(value)
        for name in ("labels", "step_notes", "note")
        if (value := getattr(solution, name))
    }
    return {"steps": list(solution.steps), **said, **_annotator(session)} if said else {}


def _annotator(session: Session) -> dict[str, str]:
    """Who labelled, as a field of a row; none if that is not known."""
    return {"annotator": session.annotator} if session.annotator else {}


def session_rows(session: Session) -> Iterator[dict[str, Any]]:
    """Rows for JSON lines, a problem each, from which `from_session_rows` makes an equal session.

    A row is what `score` writes for a problem that the displayed model scored, or else what `score`
    reads; its field `session` holds the rest, and the first row's also the session's own fields. A
    session without problems has no rows.
    """
    results = iter(result_rows(session))
    about = {"format": FORMAT, "version": VERSION}
    head = {name: one for name, one in plain(session).items() if name != "problems"}
    for index, problem in enumerate(session.problems):
        whole = about | ({"head": head} if index == 0 else {}) | {"problem": plain(problem)}
        shown = session.model
        is_scored = shown and any(shown.id in one.scores for one in problem.solutions)
        yield (next(results) if is_scored else _problem_row(problem)) | {"session": whole}


def _problem_row(problem: Problem) -> dict[str, Any]:
    """A problem as `score` reads it."""
    return {
        "id": problem.id,
        "problem": problem.problem,
        "solutions": [list(one.steps) or one.text for one in problem.solutions],
        "gold_answer": problem.gold_answer,
    }


def from_session_rows(rows: Iterable[Mapping[str, Any]], path: str = "-") -> Session:
    """The session that `session_rows` wrote.

    Raises:
        DataError: a row has no field `session`, or its content is not a session; see
            `read_session`.
    """
    there = list(rows)
    for line, row in enumerate(there, start=1):
        if not isinstance(row.get("session"), dict) or "problem" not in row["session"]:
            raise DataError("is not a row of a session", path=path, line=line, field="session")
    return session_of(session_rows_json(there), path)


def session_rows_json(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The JSON of the session in rows with a field `session`."""
    wholes = [row["session"] for row in rows]
    head = wholes[0].get("head") if wholes else None
    versions = [one.get("version") for one in wholes if one.get("version") != VERSION]
    return {
        **(head if isinstance(head, dict) else {}),
        "format": FORMAT,
        "version": versions[0] if versions else VERSION,
        "problems": [one.get("problem") for one in wholes],
    }


def examples(session: Session, *, neutral_is_right: bool = True) -> list[Example]:
    """The labelled solutions, as `evaluate` and `train` take them; others are left out.

    Args:
        session: the session.
        neutral_is_right: whether a step that is neither right nor wrong counts as right; data sets
            differ.
    """
    found = []
    for problem, one, labels in _labelled(session, float(neutral_is_right)):
        name = one.name if problem.id is None else f"{problem.id}/{one.name}"
        found.append(
            Example(
                replace(one.candidate(problem.problem), id=name),
                labels,
                source=problem.source,
                answer=one.answer,
                gold_answer=problem.gold_answer,
                correct=one.correct,
                error_type=one.error_type,
            )
        )
    return found


def trl_rows(session: Session, *, neutral_is_right: bool = True) -> Iterator[dict[str, Any]]:
    """The labelled solutions in TRL's format of stepwise supervision.

    Every step needs a label there, so a solution ends before its first step without one. Labels are
    true and false, or numbers if any of the solution's is in between.
    """
    for problem, one, labels in _labelled(session, float(neutral_is_right)):
        end = labels.index(None) if None in labels else len(labels)
        known = [y for y in labels[:end] if y is not None]
        if known:
            hard = all(y in (0.0, 1.0) for y in known)
            yield {
                "prompt": problem.problem,
                "completions": list(one.steps[:end]),
                "labels": [y == 1.0 for y in known] if hard else known,
                **_annotator(session),
            }


def processbench_rows(
    session: Session, *, neutral_is_right: bool = True
) -> Iterator[dict[str, Any]]:
    """The labelled solutions in ProcessBench's format, which gives only the first error.

    A solution is left out if a step before its first error (or any step, if it has no error) has no
    label.
    """
    for example in examples(session, neutral_is_right=neutral_is_right):
        if example.judged:
            candidate, first_error = example.candidate, example.first_error
            answer = Solution("-", steps=candidate.steps, thinking=candidate.thinking)
            correct = replace(answer, answer=example.answer, correct=example.correct)
            yield {
                "id": candidate.id,
                "generator": "",
                "problem": candidate.problem,
                "steps": list(candidate.steps),
                "final_answer_correct": correct.is_correct(example.gold_answer),
                "label": -1 if first_error is None else first_error,
                **_annotator(session),
            }


_RATINGS = {1.0: 1, 0.0: -1, "neutral": 0, None: None}


def prm800k_rows(session: Session) -> Iterator[dict[str, Any]]:
    """The labelled solutions in PRM800K's format; a neutral step is rated 0.

    Raises:
        InputError: a label is between 0 and 1, for which that format has no rating.
    """
    for problem, one, _ in _labelled(session, 0.0):
        for step, label in enumerate(one.labels, start=1):
            if label not in _RATINGS:
                raise InputError(
                    f"step {step} of solution {one.name} has the label {label}; PRM800K has "
                    "ratings for right, wrong and neutral steps only"
                )
        rated = [
            {
                "completions": [{"text": text, "rating": _RATINGS[label], "flagged": None}],
                "human_completion": None,
                "chosen_completion": 0,
            }
            for text, label in zip(one.steps, one.labels, strict=True)
        ]
        yield {
            "labeler": session.annotator or None,
            "question": {"problem": problem.problem, "ground_truth_answer": problem.gold_answer},
            "label": {
                "steps": rated,
                "total_time": None,
                "finish_reason": "solution" if one.first_error is None else "found_error",
            },
        }


_Labels = tuple[float | None, ...]


def _labelled(session: Session, neutral: float) -> Iterator[tuple[Problem, Solution, _Labels]]:
    """The solutions that have labels, with the labels as probabilities."""
    for problem in session.problems:
        for one in problem.solutions:
            if one.labels:
                yield problem, one, tuple(_probability(y, neutral) for y in one.labels)


def _probability(label: Label, neutral: float) -> float | None:
    return neutral if isinstance(label, str) else label

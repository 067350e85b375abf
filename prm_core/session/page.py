"""What the page keeps of a board, as a session, and back.

The page keeps one problem's results as `prm_core.ui.restore` reads them; a session contains the
same and more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from prm_core.errors import DataError, InputError
from prm_core.formats.results import letter
from prm_core.session.record import Model, Problem, Scores, Session, Settings, Solution

TREES = ("search", "compared_search")
"""In a problem's `more`: the tree of the search that found its solutions, and that of another
search of the same problem, which is shown beside it."""

RECORDED = "recorded:"
"""The prefix of a model's line on the page if its scores came with a file."""


def from_page(results: Mapping[str, Any], settings: Settings | None = None) -> Session:
    """A session of one problem, from the results that the page keeps of its board.

    Args:
        results: `{"problem", "rule", "model", "model_line", "model_note", "gold", "threshold",
            "own", "status", "message", "cut_note", "candidates": [{"letter", "source", "cut",
            "error", "scores", "said"?}]}`, and optionally `others`, the scores of other models:
            `{"model", "model_line", "model_note", "own", "candidates"}` with each solution's scores
            or null, and those of `TREES`, as JSON values. People's labels of a solution are
            `{"steps", "labels", "step_notes", "note"}`.
        settings: the other display settings; model and threshold are those of the results.

    Raises:
        DataError: they are not in the page's form.
    """
    try:
        return _session(results, settings or Settings())
    except (InputError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"are not results of the page: {error}", path="results") from error


def _session(results: Mapping[str, Any], settings: Settings) -> Session:
    own = results.get("own", results["threshold"])
    others = results.get("others") or []
    judges = [(results, own), *((other, other["own"]) for other in others)]
    rows = results["candidates"]
    by_judge = [[row["scores"] for row in rows], *(other["candidates"] for other in others)]
    ids = _ids([next((one["model_id"] for one in all_ if one), "") for all_ in by_judge])
    models = tuple(
        Model(
            name,
            judge["model"],
            judge["model_line"],
            judge["model_note"],
            threshold,
            judge["model_line"].startswith(RECORDED),
        )
        for name, (judge, threshold) in zip(ids, judges, strict=True)
        if name
    )
    solutions = tuple(
        _solution(row, dict(zip(ids, said, strict=True)))
        for row, said in zip(rows, zip(*by_judge, strict=True), strict=True)
    )
    problem = Problem(
        results["problem"],
        solutions=solutions,
        gold_answer=results["gold"],
        rule=results["rule"],
        status=results["status"],
        message=results["message"],
        cut_note=results.get("cut_note", ""),
        more={name: results[name] for name in TREES if results.get(name)},
    )
    threshold = results["threshold"]
    compared = [
        name
        for name, (judge, _) in zip(ids[1:], judges[1:], strict=True)
        if judge["model_line"] == results.get("other")
    ]
    return Session(
        (problem,),
        models,
        Settings(
            ids[0],
            "".join(compared[:1]),
            aggregation=settings.aggregation,
            threshold=None if threshold == own else threshold,
            rule=results["rule"],
            view=settings.view,
        ),
    )


def _ids(names: Sequence[str]) -> list[str]:
    """The models' names, made unique: one that scored here and in a file becomes two."""
    found: list[str] = []
    for name in names:
        number = 2
        unique = name
        while name and unique in found:
            unique, number = f"{name} ({number})", number + 1
        found.append(unique)
    return found


def _solution(row: Mapping[str, Any], by_model: Mapping[str, Any]) -> Solution:
    """A solution with people's labels, and each model's scores by the model's name."""
    steps, thinking = _steps([one for one in by_model.values() if one])
    said = row.get("said") or {}
    labelled = tuple(said.get("steps", ()))
    if len(steps) <= 1 < len(labelled) and steps in ((), ("\n\n".join(labelled),)):
        steps, thinking = labelled, ()  # one score of the whole, or none
    if steps != labelled:
        said = {}
    return Solution(
        row["letter"],
        row["source"],
        steps,
        thinking,
        cut=row["cut"],
        error=row.get("error", ""),
        labels=tuple(said.get("labels", ())),
        step_notes=tuple(said.get("step_notes", ())),
        note=said.get("note", ""),
        scores={
            name: Scores(
                tuple(one["probabilities"]),
                tuple(one["log_odds"]),
                {extra: tuple(values) for extra, values in (one.get("extras") or {}).items()},
                tuple(one.get("rationales") or ()),
            )
            for name, one in by_model.items()
            if one and _is_of(one, steps)
        },
    )


def _steps(said: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], tuple[bool, ...]]:
    """The judged steps; a PRM's if an outcome model judged the whole."""
    given = [one for one in said if one.get("steps")]
    for one in given:
        steps = tuple(one["steps"])
        if len(steps) > 1 and steps[:1] and _is_of(given[0], steps):
            return steps, tuple(one.get("thinking") or ())
    if not given:
        return (), ()
    return tuple(given[0]["steps"]), tuple(given[0].get("thinking") or ())


def _is_of(scores: Mapping[str, Any], steps: tuple[str, ...]) -> bool:
    """Whether scores belong to these steps, or to all of them joined."""
    own = tuple(scores.get("steps") or steps)
    return len(scores["probabilities"]) in (1, len(steps)) and own in (steps, ("\n\n".join(steps),))


def page_results(session: Session, index: int, model: str = "") -> dict[str, Any]:
    """A problem of a session in the form in which the page keeps a board's results.

    Args:
        session: the session.
        index: the problem's.
        model: whose scores; empty for the model on display.
    """
    problem = session.problems[index]
    shown = next((one for one in session.models if one.id == model), session.model)
    own = shown.threshold if shown else 0.5
    chosen = session.settings.threshold
    found = {
        "problem": problem.problem,
        "rule": problem.rule,
        "model": (shown.label or shown.id) if shown else "",
        "model_line": shown.line if shown else "",
        "model_note": shown.note if shown else "",
        "gold": problem.gold_answer,
        "threshold": own if chosen is None else chosen,
        "own": own,
        "status": problem.status or "done",
        "message": problem.message,
        "cut_note": problem.cut_note,
        "candidates": [
            _row(one, name, shown.id if shown else "")
            for one, name in zip(problem.solutions, _letters(problem), strict=True)
        ],
    }
    rest = [one for one in session.models if one is not shown]
    others = [_other(problem, one) for one in rest if any(problem.scored(one.id))]
    compared = next((one.line for one in rest if one.id == session.settings.other), None)
    return (
        found
        | ({"others": others} if others else {})
        | ({} if compared is None else {"other": compared})
        | {name: problem.more[name] for name in TREES if name in problem.more}
    )


def _other(problem: Problem, model: Model) -> dict[str, Any]:
    """Another model's scores, as the page keeps them beside the displayed ones."""
    return {
        "model": model.label or model.id,
        "model_line": model.line,
        "model_note": model.note,
        "own": model.threshold,
        "candidates": [
            _scores(one, one.scores[model.id], model.id) if model.id in one.scores else None
            for one in problem.solutions
        ],
    }


def _letters(problem: Problem) -> list[str]:
    """The names of the cards: the solutions' own, if all are letters as on the page."""
    names = [one.name for one in problem.solutions]
    are_letters = all(re.fullmatch("[A-Z]{1,3}", name) for name in names)
    return names if are_letters else [letter(place) for place in range(len(names))]


def _row(one: Solution, name: str, model: str) -> dict[str, Any]:
    scores = one.scores.get(model)
    return {
        "letter": name,
        "source": one.text or "\n\n".join(one.steps),
        "cut": one.cut,
        "error": one.error,
        "scores": scores and _scores(one, scores, model),
    }


def _scores(one: Solution, scores: Scores, model: str) -> dict[str, Any]:
    whole = len(scores.probabilities) != len(one.steps)
    steps = ["\n\n".join(one.steps)] if whole else list(one.steps)
    return {
        "model_id": model,
        "steps": steps,
        "thinking": [] if whole or not one.thinking else list(one.thinking),
        "probabilities": list(scores.probabilities),
        "log_odds": [x if math.isfinite(x) else None for x in scores.log_odds],
        "extras": {name: list(values) for name, values in scores.extras.items()},
        "rationales": list(scores.rationales),
    }

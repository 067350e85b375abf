"""What the page keeps of a board, as a session, and back.

The page keeps one problem's results as `prm_core.ui.restore` reads them; a session contains the
same and more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from prm_core.errors import DataError, InputError
from prm_core.formats.results import letter
from prm_core.session.record import Model, Problem, Scores, Session, Settings, Solution


def from_page(results: Mapping[str, Any], settings: Settings | None = None) -> Session:
    """A session of one problem, from the results that the page keeps of its board.

    Args:
        results: `{"problem", "rule", "model", "model_line", "model_note", "gold", "threshold",
            "own", "status", "message", "cut_note", "candidates": [{"letter", "source", "cut",
            "error", "scores"}]}`.
        settings: the other display settings; model and threshold are those of the results.

    Raises:
        DataError: they are not in the page's form.
    """
    try:
        return _session(results, settings or Settings())
    except (InputError, KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DataError(f"are not results of the page: {error}", path="results") from error


def _session(results: Mapping[str, Any], settings: Settings) -> Session:
    solutions = tuple(map(_solution, results["candidates"]))
    ids = dict.fromkeys(name for one in solutions for name in one.scores)
    own = results.get("own", results["threshold"])
    label, line, note = (results[name] for name in ("model", "model_line", "model_note"))
    models = tuple(Model(name, label, line, note, own) for name in ids)
    problem = Problem(
        results["problem"],
        solutions=solutions,
        gold_answer=results["gold"],
        rule=results["rule"],
        status=results["status"],
        message=results["message"],
        cut_note=results.get("cut_note", ""),
    )
    threshold = results["threshold"]
    return Session(
        (problem,),
        models,
        Settings(
            next(iter(ids), ""),
            aggregation=settings.aggregation,
            threshold=None if threshold == own else threshold,
            rule=results["rule"],
            view=settings.view,
        ),
    )


def _solution(row: Mapping[str, Any]) -> Solution:
    scores = row["scores"] or {}
    steps = tuple(scores.get("steps", ()))
    return Solution(
        row["letter"],
        row["source"],
        steps,
        tuple(scores.get("thinking") or ()),
        cut=row["cut"],
        error=row.get("error", ""),
        scores={
            scores["model_id"]: Scores(
                tuple(scores["probabilities"]),
                tuple(scores["log_odds"]),
                {name: tuple(values) for name, values in (scores.get("extras") or {}).items()},
                tuple(scores.get("rationales") or ()),
            )
        }
        if scores
        else {},
    )


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
    return {
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

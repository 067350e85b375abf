"""A problem of a session in the form in which the page keeps a board."""

from __future__ import annotations

import math
import re
from typing import Any

from prm_core.formats.results import letter
from prm_core.session.record import Model, Problem, Scores, Session, Solution

TREES = ("search", "compared_search")
"""In a problem's `more`: the tree of the search that found its solutions, and that of another
search of the same problem, which is shown beside it."""


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
    steps, thinking = one.steps, one.thinking
    if scores.steps:
        steps, thinking = scores.steps, scores.thinking
    elif len(scores.probabilities) != len(steps):
        steps, thinking = ("\n\n".join(steps),), ()
    return {
        "model_id": model,
        "steps": list(steps),
        "thinking": list(thinking),
        "probabilities": list(scores.probabilities),
        "log_odds": [x if math.isfinite(x) else None for x in scores.log_odds],
        "extras": {name: list(values) for name, values in scores.extras.items()},
        "rationales": list(scores.rationales),
    }

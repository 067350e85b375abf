"""Scores that the browser kept, read back: results are stored there and nowhere else.

The browser sends them again when only some solutions have changed, so that the others need not be
judged again, and after a reload, so that the board can be redrawn. They are checked like any input;
inconsistent ones are treated as if they had not been sent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from prm_core.errors import InputError
from prm_core.search.tree import Tree, tree_of
from prm_core.text.limits import MAX_STEPS
from prm_core.types import Candidate, ScoredCandidate

MAX_CHARS = 2_400_000
"""Of what comes back in one request; the browser sends no more."""

MAX_PARTS = 4_000
"""Lists and objects in it; 64 solutions have some hundreds by each model, and empty ones take much
memory."""

MAX_TREE_PARTS = 40_000
"""The same in a search's tree: two for each of its nodes."""

_PART = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{]', re.DOTALL)


def read_json(text: object, most_parts: int = MAX_PARTS) -> Any:
    """A text that came from the browser, parsed as JSON; None if it is not JSON, or too large."""
    if not isinstance(text, str) or len(text) > MAX_CHARS:
        return None
    if sum(found[0] in "[{" for found in _PART.finditer(text)) > most_parts:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def read_tree(text: object) -> Tree:
    """A search's tree that came from the browser as text.

    Raises:
        DataError: it is none, too large, or none whose parts fit together.
    """
    return tree_of(read_json(text, MAX_TREE_PARTS), "tree")


def read_all(text: object, problem: str, names: Sequence[str]) -> list[ScoredCandidate | None]:
    """The scores of a draft's solutions, one entry or null for each; none if they do not fit.

    Args:
        text: a JSON list of entries as `read_kept` takes them.
        problem: the draft's.
        names: the solutions' letters.
    """
    entries = read_json(text)
    if not isinstance(entries, list) or len(entries) != len(names):
        return [None] * len(names)
    return [read_kept(one, problem, name) for one, name in zip(entries, names, strict=True)]


def read_kept(entry: object, problem: str, name: str) -> ScoredCandidate | None:
    """One solution's scores; None if the entry is not what the page itself would send.

    Args:
        entry: `{"model_id", "steps", "thinking", "probabilities", "log_odds", "extras",
            "rationales"}`; log-odds without a number are null.
        problem: the problem that they belong to.
        name: the solution's letter.
    """
    match entry:
        case {
            "model_id": str(model_id),
            "steps": list(steps),
            "probabilities": list(probabilities),
            "log_odds": list(log_odds),
        } if len(steps) <= MAX_STEPS and _are_texts(steps) and _are_numbers(probabilities):
            pass
        case _:
            return None
    fields = cast("Mapping[str, Any]", entry)
    extras, rationales = fields.get("extras", {}), fields.get("rationales", [])
    thinking = fields.get("thinking")
    if not isinstance(extras, dict) or not isinstance(rationales, list):
        return None
    if not _are_texts(rationales) or len(log_odds) != len(probabilities):
        return None
    try:
        return ScoredCandidate(
            Candidate(problem, tuple(steps), name, _flags(thinking)),
            tuple(map(float, probabilities)),
            tuple(_odds(x, p) for x, p in zip(log_odds, probabilities, strict=True)),
            model_id,
            {str(key): tuple(map(_number, values)) for key, values in extras.items()},
            tuple(rationales),
        )
    except (InputError, ValueError, TypeError, OverflowError):
        return None


def still_valid(
    kept: Sequence[ScoredCandidate | None], candidates: Sequence[Candidate | None], model_id: str
) -> dict[int, ScoredCandidate]:
    """Which scores stay: those of the same model and of the same steps as cut now."""
    return {
        index: replace(one, candidate=candidate)
        for index, (one, candidate) in enumerate(zip(kept, candidates, strict=False))
        if one is not None
        and candidate is not None
        and one.model_id == model_id
        and one.candidate.steps == candidate.steps
    }


def _flags(values: object) -> tuple[bool, ...]:
    return tuple(one is True for one in values) if isinstance(values, list) else ()


def _are_texts(values: Sequence[object]) -> bool:
    return all(isinstance(one, str) for one in values)


def _are_numbers(values: Sequence[object]) -> bool:
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)


def _number(value: object) -> float:
    """A number, or NaN for null, which is how JSON must write one that is not finite."""
    return math.nan if value is None else float(value)  # type: ignore[arg-type]


def _odds(value: object, p: float) -> float:
    """Log-odds; null means the infinity that belongs to the probability."""
    return math.copysign(math.inf, p - 0.5) if value is None else _number(value)

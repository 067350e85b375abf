"""A board redrawn from what the browser stored of it, after a reload or a restart.

The server never kept any of it, so it is checked like any other input.
"""

from __future__ import annotations

import threading
from typing import Any, cast

from prm_core.errors import InputError
from prm_core.text.limits import MAX_STEPS, MAX_TOTAL_CHARS
from prm_core.types import ScoredCandidate
from prm_core.ui.board import Judged, Status, board_value
from prm_core.ui.editor import Draft, read_draft
from prm_core.ui.kept import read_json, read_kept

PATIENCE_S = 10

_MOST_SOLUTIONS = 16  # of the model's own

_one_at_a_time = threading.Lock()


def restore(results: object) -> dict[str, Any] | None:
    """The board's value, or None if the browser's storage does not contain one.

    Called by the browser (`server.restore`).

    Args:
        results: as JSON, `{"problem", "rule", "model", "model_line", "model_note", "gold",
            "threshold", "own", "status", "message", "cut_note", "own_solutions", "brief",
            "candidates": [{"letter", "source", "cut", "error", "scores"}]}`. `brief`, if true,
            leaves out what the browser has (see `board_value`).
    """
    if not _one_at_a_time.acquire(timeout=PATIENCE_S):
        return None
    try:
        return board_of(read_json(results))
    except (InputError, KeyError, TypeError, ValueError, AttributeError):
        return None
    finally:
        _one_at_a_time.release()


def read_results(results: Any) -> tuple[Draft, list[ScoredCandidate | None]]:
    """What was judged, and the scores of each solution, of results as the browser stores them.

    Raises:
        InputError, KeyError, TypeError, ValueError, AttributeError: they are not ours.
    """
    rows = results["candidates"]
    draft = read_draft(
        {
            "problem": results["problem"],
            "solutions": [row["source"] for row in rows],
            "letters": [row["letter"] for row in rows],
            "rule": results["rule"],
            "gold": results["gold"],
        }
    )
    scored = [
        read_kept(row["scores"], draft.problem, name)
        for row, name in zip(rows, draft.letters, strict=True)
    ]
    if draft.refused or not any(scored) or not _is_small(scored):
        raise InputError("the results hold no scores, or too many")
    return draft, scored


def board_of(results: Any) -> dict[str, Any]:
    """The board's value for results as the browser stores them.

    Raises:
        InputError, KeyError, TypeError, ValueError, AttributeError: it is not one of ours.
    """
    draft, scored = read_results(results)
    judged = Judged(
        draft.letters,
        draft.solutions,
        draft.rule,
        [short_text(row["cut"]) for row in results["candidates"]],
        short_text(results["model_line"]),
        draft.gold,
        short_text(results.get("cut_note", "")),
        {
            index: short_text(row.get("error", ""))
            for index, row in enumerate(results["candidates"])
        },
    )
    status = results["status"]
    return board_value(
        draft.problem,
        scored,
        threshold=share(results["threshold"]),
        own=share(results.get("own", results["threshold"])),
        status=cast("Status", status if status in ("done", "cancelled", "failed") else "done"),
        message=short_text(results["message"]),
        model=short_text(results["model"]),
        model_note=short_text(results["model_note"]),
        judged=judged,
        thinking=[() if one is None else one.candidate.thinking for one in scored],
        brief=results.get("brief") is True,
        own_solutions=list(map(short_text, results.get("own_solutions", [])[:_MOST_SOLUTIONS])),
    )


def _is_small(scored: list[ScoredCandidate | None]) -> bool:
    """Whether it can be drawn without making other requests wait."""
    there = [one for one in scored if one is not None]
    n_chars = sum(len(step) for one in there for step in one.candidate.steps)
    return sum(len(one.probabilities) for one in there) <= 4 * MAX_STEPS and (
        n_chars <= MAX_TOTAL_CHARS
    )


def share(value: object) -> float:
    """A number, moved into [0, 1].

    Raises:
        TypeError, ValueError: it is not a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise TypeError("a number is needed")
    return min(1.0, max(0.0, float(value)))


def short_text(value: object) -> str:
    """A short text.

    Raises:
        TypeError: it is not a short text.
    """
    if not isinstance(value, str):
        raise TypeError("text is needed")
    return value[:1_000]

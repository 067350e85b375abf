"""Results of scored candidates: as a JSON object or a table, and their letters."""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from prm_core.answers.final import final_answer
from prm_core.errors import BadOptionError
from prm_core.ranking.aggregate import METHODS, all_scores
from prm_core.ranking.rank import rank
from prm_core.types import ScoredCandidate

if TYPE_CHECKING:
    from pandas import DataFrame


def result_row(
    row_id: str | int | None,
    scored: Sequence[ScoredCandidate],
    *,
    method: str = "min",
    threshold: float = 0.5,
    gold_answer: str | None = None,
) -> dict[str, Any]:
    """A problem's results in the shape that `score` writes.

    Indices are 0-based and refer to the caller's order; what does not exist is None. The row has
    "gold_answer" only if that is known. A candidate has "thinking" only if some of its steps are
    (then true or false for each), "extras" only if its model gives other values for a step (null if
    not a number), and "rationales" only if its model wrote them: one text per sample.

    Args:
        row_id: the row's own name, or None.
        scored: the candidates of one problem; at least one.
        method: an aggregation in `prm_core.ranking.aggregate.METHODS`; determines `ranking`.
        threshold: below it a step counts as wrong; determines `first_error`.
        gold_answer: the right final answer; None if it is not known.
    """
    return {
        "id": row_id,
        "problem": scored[0].candidate.problem,
        **({"gold_answer": gold_answer} if gold_answer is not None else {}),
        "model": scored[0].model_id,
        "aggregation": method,
        "threshold": threshold,
        "ranking": [ranked.index for ranked in rank(scored, method)],
        "candidates": [
            {
                "index": index,
                "steps": list(one.candidate.steps),
                "probabilities": list(one.probabilities),
                "scores": all_scores(one.probabilities),
                "weakest_step": one.weakest_step,
                "first_error": one.first_error(threshold),
                "answer": final_answer(one.candidate),
                **({"thinking": list(one.candidate.thinking)} if one.candidate.thinking else {}),
                **(
                    {
                        "extras": {
                            name: [value if math.isfinite(value) else None for value in values]
                            for name, values in one.extras.items()
                        }
                    }
                    if one.extras
                    else {}
                ),
                **({"rationales": list(one.rationales)} if one.rationales else {}),
            }
            for index, one in enumerate(scored)
        ],
    }


def to_frame(
    scored: Sequence[ScoredCandidate],
    per: Literal["step", "candidate"] = "step",
    *,
    threshold: float = 0.5,
) -> DataFrame:
    """Scored candidates as a table.

    Args:
        scored: the candidates, of one problem or of several.
        per: "step" for a row for each step, "candidate" for a row for each candidate.
        threshold: below it a step counts as wrong; determines `first_error`.

    Returns:
        Candidates and steps are counted from 0, in the caller's order; what does not exist is
        missing (`pandas.NA`). A step's columns are candidate, id, problem, model, step, text,
        probability, log_odds, thinking, and one for each of the extras that any of the models
        gives. A candidate's are candidate, id, problem, model, n_steps, `score_` with the name of
        each aggregation, weakest_step, first_error and answer.

    Raises:
        BadOptionError: `per` is something else.
    """
    import pandas

    if per == "step":
        extras = dict.fromkeys(name for one in scored for name in one.extras)
        columns = [*_STEP_COLUMNS, *extras]
        frame = pandas.DataFrame(list(_step_rows(scored)), columns=columns)
    elif per == "candidate":
        rows = [_candidate_row(index, one, threshold) for index, one in enumerate(scored)]
        frame = pandas.DataFrame(rows, columns=_CANDIDATE_COLUMNS)
    else:
        raise BadOptionError(f"per {per!r} is not known; choose from step, candidate")
    kinds = {name: _KINDS.get(name, "Float64") for name in frame.columns}
    return frame.astype(kinds)


_KINDS = {
    **dict.fromkeys(("candidate", "step", "n_steps", "weakest_step", "first_error"), "Int64"),
    **dict.fromkeys(("id", "problem", "model", "text", "answer"), "string"),
    "thinking": "boolean",
}
"""Types of a table's columns; all others are "Float64"."""

_SAME = ("candidate", "id", "problem", "model")
_STEP_COLUMNS = (*_SAME, "step", "text", "probability", "log_odds", "thinking")
_CANDIDATE_COLUMNS = (
    *_SAME,
    "n_steps",
    *(f"score_{method}" for method in METHODS),
    *("weakest_step", "first_error", "answer"),
)


def _same(index: int, one: ScoredCandidate) -> dict[str, Any]:
    """The columns that a candidate's rows share."""
    candidate = one.candidate
    return dict(zip(_SAME, (index, candidate.id, candidate.problem, one.model_id), strict=True))


def _step_rows(scored: Sequence[ScoredCandidate]) -> Iterator[dict[str, Any]]:
    for index, one in enumerate(scored):
        thinking = one.candidate.thinking or (False,) * len(one.candidate.steps)
        for step, text in enumerate(one.candidate.steps):
            yield {
                **_same(index, one),
                "step": step,
                "text": text,
                "probability": one.probabilities[step],
                "log_odds": one.log_odds[step],
                "thinking": thinking[step],
                **{name: values[step] for name, values in one.extras.items()},
            }


def _candidate_row(index: int, one: ScoredCandidate, threshold: float) -> dict[str, Any]:
    return {
        **_same(index, one),
        "n_steps": len(one.candidate.steps),
        **{f"score_{method}": value for method, value in all_scores(one.probabilities).items()},
        "weakest_step": one.weakest_step,
        "first_error": one.first_error(threshold),
        "answer": final_answer(one.candidate),
    }


def letter(index: int) -> str:
    """A candidate's name for display: A, B, … Z, AA, AB, …; reordering changes none.

    >>> [letter(i) for i in (0, 25, 26, 701, 702)]
    ['A', 'Z', 'AA', 'ZZ', 'AAA']
    """
    head = letter(index // 26 - 1) if index >= 26 else ""
    return head + string.ascii_uppercase[index % 26]

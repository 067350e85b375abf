"""What is told of a problem's scored candidates: as one JSON object, and by which letter."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

from prm_core.aggregate import all_scores
from prm_core.answers import final_answer
from prm_core.rank import rank
from prm_core.types import ScoredCandidate


def result_row(
    row_id: str | int | None,
    scored: Sequence[ScoredCandidate],
    *,
    method: str = "min",
    threshold: float = 0.5,
) -> dict[str, Any]:
    """A problem's results in the shape that `score` writes.

    Indices are 0-based and refer to the caller's order; what does not exist is None. A candidate
    has "thinking" only where some of its steps are (then true or false for each), "extras" only
    where its model says more of a step than a probability, and "rationales" only where its model
    wrote them: one text per sample.

    Args:
        row_id: the row's own name, or None.
        scored: the candidates of one problem; at least one.
        method: an aggregation in `prm_core.aggregate.METHODS`; decides `ranking`.
        threshold: below it a step counts as wrong; decides `first_error`.
    """
    return {
        "id": row_id,
        "problem": scored[0].candidate.problem,
        "model": scored[0].model_id,
        "aggregation": method,
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
                    {"extras": {name: list(values) for name, values in one.extras.items()}}
                    if one.extras
                    else {}
                ),
                **({"rationales": list(one.rationales)} if one.rationales else {}),
            }
            for index, one in enumerate(scored)
        ],
    }


def letter(index: int) -> str:
    """A candidate's name where people read it: A … Z, AA, AB, ….

    >>> [letter(i) for i in (0, 25, 26, 63)]
    ['A', 'Z', 'AA', 'BL']
    """
    head = letter(index // 26 - 1) if index >= 26 else ""
    return head + string.ascii_uppercase[index % 26]

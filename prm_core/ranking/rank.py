"""Order candidates by their scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from prm_core.ranking.aggregate import aggregate
from prm_core.types import RankedCandidate, ScoredCandidate


def rank(
    scored: Sequence[ScoredCandidate], method: str = "min", **options: float
) -> list[RankedCandidate]:
    """Candidates from the highest score to the lowest.

    Equal scores share a rank and keep the caller's order: after two candidates of rank 1 comes rank
    3. A tie is exact equality of the aggregated float, so nothing is rounded together.

    Args:
        scored: candidates, usually of one problem; may be empty.
        method: an aggregation in `prm_core.ranking.aggregate.METHODS`.
        options: passed on to `aggregate`.

    Raises:
        BadOptionError: the method is not known.
    """
    scores = [aggregate(one.probabilities, method, **options) for one in scored]
    order = sorted(range(len(scored)), key=lambda i: -scores[i])  # stable: ties keep input order
    times = Counter(scores)
    ranking: list[RankedCandidate] = []
    for place, index in enumerate(order, start=1):
        score = scores[index]
        level = bool(ranking) and ranking[-1].score == score
        ranking.append(
            RankedCandidate(
                rank=ranking[-1].rank if level else place,
                tied=times[score] > 1,
                index=index,
                score=score,
                scored=scored[index],
            )
        )
    return ranking

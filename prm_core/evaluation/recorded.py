"""A scorer that runs no model: it returns scores recorded in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prm_core.errors import InputError
from prm_core.types import Candidate, ScoredCandidate, StepScorer, log_odds


class RecordedScorer(StepScorer):
    """Returns scores that are already known.

    Attributes:
        model_id: the name that results carry.
        threshold: 0.5; recorded scores come without a threshold.
    """

    status = "recorded"
    tolerance = 0.0

    def __init__(self, model_id: str, scores: Mapping[Candidate, Sequence[float]]) -> None:
        """
        Args:
            model_id: whose scores they are.
            scores: one probability per step of every candidate.
        """
        self.model_id = model_id
        self._scores = scores

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        """The recorded scores of each candidate, in order.

        Raises:
            InputError: a candidate has no recorded scores.
        """
        return [self._scored(candidate) for candidate in candidates]

    def _scored(self, candidate: Candidate) -> ScoredCandidate:
        if candidate not in self._scores:
            raise InputError(f"no scores of {self.model_id} are recorded for {candidate.id!r}")
        p = tuple(self._scores[candidate])
        return ScoredCandidate(candidate, p, tuple(map(log_odds, p)), self.model_id)

"""A PRM as a verifier: one verdict for a solution, and the solutions of a problem in order.

    verifier = Verifier(load_scorer(), aggregation="min")
    verdict = verifier.score("What is 8 × 3?", "8 × 3 = 21.\\nThe answer is 21.")
    print(verdict.score, verdict.weakest_step, verdict.answer)

What a verdict holds can be had piece by piece from `score`, `rank` and `final_answer`; this is the
short way for programs that want one number and the place where a solution goes wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prm_core.answers.final import final_answer
from prm_core.errors import BadOptionError, InputError
from prm_core.ranking.aggregate import METHODS
from prm_core.ranking.rank import rank
from prm_core.text.steps import candidate_of, steps_of
from prm_core.types import RankedCandidate, ScoredCandidate, StepScorer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of one solution.

    Attributes:
        score: the step probabilities as one number, in [0, 1].
        weakest_step: index of the step with the lowest probability, from 0.
        weakest_probability: that probability.
        first_error: index of the first step below the scorer's threshold; None when no step is.
        answer: the solution's final answer; None when it gives none.
        rank: place among the solutions of one call, from 1; equal scores share a place.
        tied: another solution of the call has the same score.
        index: place in the caller's order, from 0.
        scored: the steps with their probabilities.
    """

    score: float
    weakest_step: int
    weakest_probability: float
    first_error: int | None
    answer: str | None
    rank: int
    tied: bool
    index: int
    scored: ScoredCandidate

    @property
    def steps(self) -> tuple[str, ...]:
        """The solution's steps, [S]."""
        return self.scored.candidate.steps

    @property
    def probabilities(self) -> tuple[float, ...]:
        """P(step is correct) of each, [S]."""
        return self.scored.probabilities


class Verifier:
    """Scores and ranks solutions with any scorer.

    Attributes:
        scorer: what `load_scorer` gives, or anything else with its `score`.
        aggregation: how step probabilities become one number: a name in `METHODS`.
    """

    def __init__(self, scorer: StepScorer, aggregation: str = "min") -> None:
        """
        Raises:
            BadOptionError: the aggregation is not known.
        """
        if aggregation not in METHODS:
            raise BadOptionError(
                f"aggregation {aggregation!r} is not known; choose from {', '.join(METHODS)}"
            )
        self.scorer = scorer
        self.aggregation = aggregation

    def score(self, problem: str, solution: str | Sequence[str]) -> Verdict:
        """The verdict on one solution.

        Args:
            problem: the task's text.
            solution: its text, which is split into steps, or its steps.

        Raises:
            InputError: a text is blank, or too long for the model.
            ModelError: the model cannot score it.
        """
        (verdict,) = self.rank(problem, [solution])
        return verdict

    def rank(self, problem: str, solutions: Sequence[str | Sequence[str]]) -> list[Verdict]:
        """The verdicts on several solutions of one problem, the best first.

        Ties keep the caller's order. Texts are split by one rule where one fits them all.

        Args:
            problem: the task's text.
            solutions: each as a text or as its steps.

        Raises:
            InputError: there is no solution, or as `score`.
            ModelError: as `score`.
        """
        if isinstance(solutions, str):  # whose characters would pass as solutions
            raise InputError("the solutions are one text; give a list of solutions, or call score")
        if not solutions:
            raise InputError("there are no solutions to rank")
        candidates = [candidate_of(problem, steps) for steps in steps_of(solutions)]
        ranking = rank(self.scorer.score(candidates), self.aggregation)
        return [self._verdict(place) for place in ranking]

    def _verdict(self, place: RankedCandidate) -> Verdict:
        scored = place.scored
        weakest = scored.weakest_step
        return Verdict(
            score=place.score,
            weakest_step=weakest,
            weakest_probability=scored.probabilities[weakest],
            first_error=scored.first_error(self.scorer.threshold),
            answer=final_answer(scored.candidate),
            rank=place.rank,
            tied=place.tied,
            index=place.index,
            scored=scored,
        )

"""What an agent can ask of a PRM, as functions of texts that return plain data.

The docstrings of the methods of `Tools` are what an agent reads of them. The records have no slots,
which the package mcp would take for default values.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prm_core.errors import InputError
from prm_core.ranking.aggregate import METHODS
from prm_core.text.limits import too_long, too_many, too_many_steps, too_much
from prm_core.types import StepScorer
from prm_core.verify import Verdict, Verifier


@dataclass(frozen=True)
class StepScore:
    """A step: its index from 0, its text, P(it is correct), and whether that is enough."""

    index: int
    text: str
    probability: float
    correct: bool


@dataclass(frozen=True)
class ChainScore:
    """A chain of reasoning: every step, one score, and the place where it goes wrong."""

    model: str
    threshold: float
    aggregation: str
    score: float
    first_error: int | None
    weakest_step: int
    answer: str | None
    steps: list[StepScore]


@dataclass(frozen=True)
class FirstError:
    """The first step below the threshold; its index, text and probability are null for none."""

    model: str
    threshold: float
    n_steps: int
    first_error: int | None
    text: str | None
    probability: float | None


@dataclass(frozen=True)
class Place:
    """A chain in the order of several: its rank from 1, and its index as it was given, from 0."""

    rank: int
    tied: bool
    index: int
    score: float
    first_error: int | None
    answer: str | None


@dataclass(frozen=True)
class Comparison:
    """Chains for the same problem, the best first."""

    model: str
    threshold: float
    aggregation: str
    ranking: list[Place]


@dataclass(frozen=True)
class Model:
    """A model that can be asked."""

    name: str
    threshold: float
    runs_on: str
    aggregations: list[str]


def chain_score(verdict: Verdict, threshold: float, aggregation: str) -> ChainScore:
    """A verdict as plain data."""
    pairs = zip(verdict.steps, verdict.probabilities, strict=True)
    return ChainScore(
        model=verdict.scored.model_id,
        threshold=threshold,
        aggregation=aggregation,
        score=verdict.score,
        first_error=verdict.first_error,
        weakest_step=verdict.weakest_step,
        answer=verdict.answer,
        steps=[
            StepScore(index=i, text=text, probability=p, correct=p >= threshold)
            for i, (text, p) in enumerate(pairs)
        ],
    )


def comparison(verdicts: Sequence[Verdict], threshold: float, aggregation: str) -> Comparison:
    """The verdicts on several chains as plain data."""
    return Comparison(
        model=verdicts[0].scored.model_id,
        threshold=threshold,
        aggregation=aggregation,
        ranking=[
            Place(
                rank=one.rank,
                tied=one.tied,
                index=one.index,
                score=one.score,
                first_error=one.first_error,
                answer=one.answer,
            )
            for one in verdicts
        ],
    )


class Tools:
    """The tools of an agent, around one model. One call at a time runs it.

    Args:
        scorer: gives the model; called by the first tool, which waits for it.
    """

    def __init__(self, scorer: Callable[[], StepScorer]) -> None:
        self._scorer = scorer
        self._one_at_a_time = threading.Lock()

    def score_chain(
        self, problem: str, chain: str | list[str], aggregation: str = "min"
    ) -> ChainScore:
        """Score every step of a chain of reasoning with a process reward model.

        Each step gets the probability that it is correct, given the problem and the steps before
        it. Indices count from 0. A probability is a model's opinion, not a proof.

        Args:
            problem: the task's text.
            chain: the reasoning: one text, which is split into steps, or a list of steps.
            aggregation: how step probabilities become the score: min, prod, last, mean, weighted,
                geomean, softmin or max.
        """
        (verdict,) = self._rank(problem, [chain], aggregation)
        return chain_score(verdict, self._scorer().threshold, aggregation)

    def compare_chains(
        self, problem: str, chains: list[str | list[str]], aggregation: str = "min"
    ) -> Comparison:
        """Rank several chains of reasoning for the same problem, the best first.

        Args:
            problem: the task's text.
            chains: each one text or a list of steps.
            aggregation: how step probabilities become a score; see score_chain.
        """
        verdicts = self._rank(problem, chains, aggregation)
        return comparison(verdicts, self._scorer().threshold, aggregation)

    def find_first_error(self, problem: str, chain: str | list[str]) -> FirstError:
        """Find the first step of a chain of reasoning that a process reward model thinks is wrong.

        To repair a chain, keep the steps before it, rewrite this one, and check again.

        Args:
            problem: the task's text.
            chain: the reasoning: one text, which is split into steps, or a list of steps.
        """
        (verdict,) = self._rank(problem, [chain], "min")
        at = verdict.first_error
        return FirstError(
            model=verdict.scored.model_id,
            threshold=self._scorer().threshold,
            n_steps=len(verdict.steps),
            first_error=at,
            text=None if at is None else verdict.steps[at],
            probability=None if at is None else verdict.probabilities[at],
        )

    def list_models(self) -> list[Model]:
        """List the process reward models that these tools can ask, with their thresholds."""
        scorer = self._scorer()
        return [
            Model(
                name=scorer.model_id,
                threshold=scorer.threshold,
                runs_on=scorer.status,
                aggregations=list(METHODS),
            )
        ]

    def _rank(
        self, problem: str, chains: Sequence[str | list[str]], aggregation: str
    ) -> list[Verdict]:
        _check_size(problem, chains)
        verifier = Verifier(self._scorer(), aggregation)
        with self._one_at_a_time:
            return verifier.rank(problem, chains)


def _check_size(problem: str, chains: Sequence[str | list[str]]) -> None:
    """
    Raises:
        InputError: it is more than the page reads at once.
    """
    texts = [one if isinstance(one, str) else "".join(one) for one in chains]
    listed = [0 if isinstance(one, str) else len(one) for one in chains]
    named = [*enumerate(map(too_many_steps, listed)), *enumerate(map(too_long, map(len, texts)))]
    reasons = [too_many(len(texts)), too_much(problem, texts)]
    reasons += [f"Chain {place} {words}" for place, words in named if words]
    if words := next(filter(None, reasons), ""):
        raise InputError(words)

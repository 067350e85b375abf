"""Two models on the same solutions: differences, agreement, and the solution each ranks first.

Steps are compared if both models judged the same ones. For an outcome model, with one number for a
whole solution, only ranks can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from prm_core.errors import InputError
from prm_core.ranking.aggregate import METHODS
from prm_core.ranking.rank import rank
from prm_core.types import RankedCandidate, ScoredCandidate


@dataclass(frozen=True, slots=True)
class StepPair:
    """A step by both models.

    Attributes:
        solution: the solution's place.
        step: the step's place in it.
        first, second: P(step is right) by each model.
        apart: whether one model calls it right and the other wrong, each by its own threshold.
    """

    solution: int
    step: int
    first: float
    second: float
    apart: bool

    @property
    def difference(self) -> float:
        """How much higher the second model's probability is."""
        return self.second - self.first


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """What two models say of the same solutions.

    Attributes:
        places: the solutions that both scored.
        uncompared: those whose steps cannot be compared: one model judged other steps, or the
            whole.
        steps: the steps of all others, the largest difference first.
        first, second: each model's ranking of the solutions that both scored, by the aggregation;
            `index` counts within `places`.
    """

    places: tuple[int, ...]
    uncompared: tuple[int, ...]
    steps: tuple[StepPair, ...]
    first: dict[str, list[RankedCandidate]]
    second: dict[str, list[RankedCandidate]]

    @property
    def n_agreed(self) -> int:
        """Steps that both models call right, or both wrong."""
        return sum(not pair.apart for pair in self.steps)

    @property
    def agreement(self) -> float | None:
        """Their share; None if no step can be compared."""
        return self.n_agreed / len(self.steps) if self.steps else None

    def leaders(self, method: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The places of the solutions that each model ranks first."""
        return self._leaders(self.first[method]), self._leaders(self.second[method])

    def _leaders(self, ranking: Sequence[RankedCandidate]) -> tuple[int, ...]:
        return tuple(sorted(self.places[one.index] for one in ranking if one.rank == 1))

    def agreement_words(self) -> str:
        """How often they agree, as a sentence."""
        n, k = len(self.steps), self.n_agreed
        if not n:
            return "No step can be compared." if self.places else "No solution has scores of both."
        words = f"The models agree on {k} of {n} steps ({_percent(k, n)})"
        left = len(self.uncompared)
        if not left:
            return f"{words}."
        have = "solution has" if left == 1 else "solutions have"
        return f"{words}; {left} {have} different steps in one of them."

    def leader_words(self, method: str, names: Sequence[str], models: tuple[str, str]) -> str:
        """The solutions that each model ranks first under an aggregation, as a sentence.

        Args:
            method: the aggregation.
            names: of all solutions, by place.
            models: of both models.
        """
        if not self.places:
            return ""
        first, second = (_listed([names[i] for i in one]) for one in self.leaders(method))
        under = f"Under {METHODS[method].label.lower()}"
        if first == second:
            return f"{under}, both rank {first} first."
        return f"{under}, {models[0]} ranks {first} first, {models[1]} ranks {second} first."


def compare_models(
    first: Sequence[ScoredCandidate | None],
    second: Sequence[ScoredCandidate | None],
    thresholds: tuple[float, float] = (0.5, 0.5),
) -> ModelComparison:
    """Compare two models' scores of the same solutions of one problem.

    >>> from prm_core.types import Candidate
    >>> def said(model, *p):
    ...     candidate = Candidate("7 × 8?", ("7 × 8 = 54.", "It is 54."))
    ...     return ScoredCandidate(candidate, p, (0.0, 0.0), model)
    >>> found = compare_models([said("one", 0.1, 0.9)], [said("two", 0.2, 0.3)])
    >>> [(pair.step, round(pair.difference, 2), pair.apart) for pair in found.steps]
    [(1, -0.6, True), (0, 0.1, False)]
    >>> found.agreement_words()
    'The models agree on 1 of 2 steps (50 %).'

    Args:
        first, second: one entry per solution, in the same order; None if a model has no scores.
        thresholds: each model's own: below it a step counts as wrong.

    Raises:
        InputError: they differ in number.
    """
    if len(first) != len(second):
        raise InputError(
            f"one model has entries for {len(first)} solutions, the other for {len(second)}"
        )
    both = [
        (place, a, b)
        for place, (a, b) in enumerate(zip(first, second, strict=True))
        if a is not None and b is not None
    ]
    same = [(place, a, b) for place, a, b in both if a.candidate.steps == b.candidate.steps]
    pairs = [
        StepPair(place, step, p, q, (p < thresholds[0]) != (q < thresholds[1]))
        for place, a, b in same
        for step, (p, q) in enumerate(zip(a.probabilities, b.probabilities, strict=True))
    ]
    compared = {place for place, _, _ in same}
    return ModelComparison(
        tuple(place for place, _, _ in both),
        tuple(place for place, _, _ in both if place not in compared),
        tuple(sorted(pairs, key=lambda pair: -abs(pair.difference))),
        {method: rank([a for _, a, _ in both], method) for method in METHODS},
        {method: rank([b for _, _, b in both], method) for method in METHODS},
    )


def difference_words(pair: StepPair) -> str:
    """The difference with its sign, with enough digits to be visible.

    >>> difference_words(StepPair(0, 0, 0.9, 0.25, True))
    '−0.65'
    >>> difference_words(StepPair(0, 0, 0.5, 0.5001, False))
    '+0.0001'
    """
    x = pair.difference
    shown = f"{x:+.2f}" if abs(x) >= 0.005 or not x else f"{x:+.1g}"
    return shown.replace("-", "−", 1)


def _percent(k: int, n: int) -> str:
    """A share that is never rounded to none or all."""
    if 0 < k < n:
        return f"{min(99, max(1, round(100 * k / n)))} %"
    return f"{100 * k // n} %"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"

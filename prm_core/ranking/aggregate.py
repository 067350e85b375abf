"""Step probabilities → one score per candidate.

Every method is a plain function of the probabilities, so changing the method never runs the model
again. Which one suits depends on the question: `min` and `prod` fall with every doubtful step (and
so with length), `last` uses only the end, `mean` tolerates weak steps.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from prm_core.errors import BadOptionError, InputError

_GAMMA, _T = 0.9, 0.1  # the defaults of `weighted` and `soft_minimum`


def minimum(p: Sequence[float]) -> float:
    """The weakest step: min p_i.

    Source: Math-Shepherd (arXiv 2312.08935); OpenR `prm_min_max`.
    """
    return min(p)


def product(p: Sequence[float]) -> float:
    """The probability that every step is right, if they were independent: Π p_i.

    Source: Let's Verify Step by Step (arXiv 2305.20050), the main rule.
    """
    return math.prod(p)


def last(p: Sequence[float]) -> float:
    """The last step alone: p_S.

    Source: search-and-learn's default; OpenR `prm_last_max`.
    """
    return p[-1]


def mean(p: Sequence[float]) -> float:
    """The plain mean: Σ p_i / S.

    Source: RLHFlow math-rm, `prm_evaluate.py`.
    """
    return math.fsum(p) / len(p)


def weighted(p: Sequence[float], gamma: float = _GAMMA) -> float:
    """A mean in which early steps weigh more: Σ γ^i p_i / Σ γ^i with i from 0.

    An early error spoils everything after it, so it counts more. γ = 1 is the plain mean.
    Source: the weighted mean of the teaching reference; γ = 0.9 is our default.

    Raises:
        BadOptionError: gamma is outside (0, 1].
    """
    if not 0.0 < gamma <= 1.0:
        raise BadOptionError(f"gamma is {gamma}; it must be above 0 and at most 1")
    weights = [gamma**i for i in range(len(p))]
    return math.fsum(w * x for w, x in zip(weights, p, strict=True)) / math.fsum(weights)


def geometric_mean(p: Sequence[float]) -> float:
    """The product with the number of steps taken out: (Π p_i)^(1/S).

    Source: the length-neutral variant audited in StrictPRMBench (2026).
    """
    if min(p) == 0.0:
        return 0.0
    return math.exp(math.fsum(math.log(x) for x in p) / len(p))


def soft_minimum(p: Sequence[float], temperature: float = _T) -> float:
    """A mean weighted towards the weakest steps: Σ w_i p_i, w = softmax(-p / T).

    Source: PURE (arXiv 2504.15275), T = 0.1.

    Raises:
        BadOptionError: temperature is not above 0.
    """
    if not temperature > 0.0:
        raise BadOptionError(f"temperature is {temperature}; it must be above 0")
    lowest = min(p)
    weights = [math.exp((lowest - x) / temperature) for x in p]
    return math.fsum(w * x for w, x in zip(weights, p, strict=True)) / math.fsum(weights)


def maximum(p: Sequence[float]) -> float:
    """The strongest step: max p_i. A weak rule for validity; public systems offer it.

    Source: VersaPRM's option (arXiv 2502.06737).
    """
    return max(p)


@dataclass(frozen=True, slots=True)
class Method:
    """An aggregation with its descriptions.

    Attributes:
        name: its name in options and files.
        label: its name on a button.
        formula: the rule as a short formula.
        words: the rule in one sentence.
        of: step probabilities → score.
    """

    name: str
    label: str
    formula: str
    words: str
    of: Callable[..., float]


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("min", "Minimum", "min p", "The weakest step decides.", minimum),
        Method(
            "prod", "Product", "p₁ · p₂ · … · pₙ", "All step probabilities multiplied.", product
        ),
        Method("last", "Last step", "pₙ", "Only the last step counts.", last),
        Method("mean", "Mean", "(p₁ + … + pₙ) / n", "The average of all steps.", mean),
        Method(
            "weighted",
            "Weighted",
            "Σ 0.9ⁱ p / Σ 0.9ⁱ",
            "An average in which early steps weigh more.",
            weighted,
        ),
        Method(
            "geomean",
            "Geometric mean",
            "(p₁ · … · pₙ)^(1/n)",
            "The product, with the number of steps taken out.",
            geometric_mean,
        ),
        Method(
            "softmin",
            "Soft minimum",
            "Σ w p, w = softmax(−p / 0.1)",
            "An average weighted towards the weakest steps.",
            soft_minimum,
        ),
        Method("max", "Maximum", "max p", "The strongest step decides.", maximum),
    )
}


_Sums = tuple[float, ...]


def _added(a: _Sums, b: _Sums) -> _Sums:
    return tuple(map(operator.add, a, b))


def _ratio(sums: _Sums) -> float:
    return sums[0] / sums[1]


# Every method as: the value of one step, how two runs of steps combine, and the score of a run.
_JOINED: dict[
    str, tuple[Callable[[float], Any], Callable[[Any, Any], Any], Callable[[Any], float]]
] = {
    "min": (float, min, float),
    "prod": (float, operator.mul, float),
    "last": (float, lambda a, b: b, float),
    "mean": (lambda x: (x, 1), _added, _ratio),
    "weighted": (  # the third is the factor for the steps after it
        lambda x: (x, 1.0, _GAMMA),
        lambda a, b: (a[0] + a[2] * b[0], a[1] + a[2] * b[1], a[2] * b[2]),
        _ratio,
    ),
    "geomean": (
        lambda x: (math.log(x) if x else -math.inf, 1),
        _added,
        lambda sums: math.exp(_ratio(sums)),
    ),
    "softmin": (lambda x: (x * math.exp(-x / _T), math.exp(-x / _T)), _added, _ratio),
    "max": (float, max, float),
}


def scores_by_step(p: Sequence[float], method: str) -> tuple[list[float], list[float]]:
    """What each step does to the score, in time that grows with the number of steps.

    >>> [[round(x, 3) for x in scores] for scores in scores_by_step([0.9, 0.3, 0.8], "min")]
    [[0.9, 0.3, 0.3], [0.3, 0.8, 0.3]]

    Args:
        p: [S], each in [0, 1]; at least one.
        method: a name in `METHODS`.

    Returns:
        The score of the steps up to each one, and the score without each one; the second is empty
        if there is only one step.
    """
    part, join, value = _JOINED[method]
    parts = list(map(part, p))
    before = list(accumulate(parts, join))
    after = list(accumulate(reversed(parts), lambda a, b: join(b, a)))[::-1]
    without = [after[1], *map(join, before, after[2:]), before[-2]] if len(p) > 1 else []
    return list(map(value, before)), list(map(value, without))


def step_probabilities(values: Iterable[Any]) -> list[float]:
    """Step probabilities as a list of floats, checked.

    Args:
        values: [S], each in [0, 1]; at least one. A list, a NumPy array, a pandas column or a
            torch tensor, on any device.

    Raises:
        InputError: there is no value, one is outside [0, 1], or they are not one row of numbers.
    """
    # Arrays and tensors give their values at once; element by element, a tensor with grad warns.
    plain = getattr(values, "tolist", lambda: list(values))()
    try:
        probabilities = [float(value) for value in plain]
    except TypeError:
        raise InputError(
            "step probabilities must be one row of numbers, one for each step of one solution"
        ) from None
    if not probabilities:
        raise InputError("there are no step probabilities to aggregate")
    for p in probabilities:
        if not 0.0 <= p <= 1.0:
            raise InputError(f"{p} is not a probability; give numbers from 0 to 1")
    return probabilities


def aggregate(probabilities: Iterable[Any], method: str = "min", **options: float) -> float:
    """One score for a candidate from its step probabilities.

    >>> [round(aggregate([0.95, 0.90, 0.30, 0.85], m), 3) for m in ("min", "prod", "last", "mean")]
    [0.3, 0.218, 0.85, 0.75]

    Args:
        probabilities: [S], each in [0, 1]; at least one: a list, an array or a tensor.
        method: a name in `METHODS`.
        options: `gamma` for "weighted", `temperature` for "softmin".

    Returns:
        A number in [0, 1].

    Raises:
        BadOptionError: the method is not known, or does not take the option.
        InputError: there is no probability, one is outside [0, 1], or there are several rows.
    """
    if method not in METHODS:
        raise BadOptionError(
            f"aggregation {method!r} is not known; choose from {', '.join(METHODS)}"
        )
    takes = {"weighted": {"gamma"}, "softmin": {"temperature"}}.get(method, set())
    if unknown := options.keys() - takes:
        raise BadOptionError(f"aggregation {method!r} takes no {', '.join(sorted(unknown))}")
    p = step_probabilities(probabilities)
    return min(1.0, max(0.0, METHODS[method].of(p, **options)))


def all_scores(probabilities: Sequence[float]) -> dict[str, float]:
    """The score under every method, by name."""
    return {name: aggregate(probabilities, name) for name in METHODS}

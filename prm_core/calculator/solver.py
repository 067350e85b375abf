"""Which of a step's values and computations are in other solutions of the problem.

A true equation can compute the wrong thing. Solutions that a language model wrote itself
(`prm_core.scoring.solver`) show which values lie on a way through the problem: what several of
them reach is probably right, and a value that none of them reaches deserves doubt. They may be
wrong, or go another way, so this is evidence for a value head, and no verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from prm_core.calculator.conversions import factors_of
from prm_core.calculator.equations import read
from prm_core.calculator.ledger import stated_side
from prm_core.calculator.readings import Reading, Side
from prm_core.calculator.tokens import NUMBER, TIMES_WORD, Number, exact

FEATURES: tuple[tuple[str, str], ...] = (
    ("solved", "1 if there are other solutions"),
    ("certain", "the share of them that end with the most common answer"),
    ("stated", "1 if the step states a value"),
    ("reached", "the share of them in which that value is"),
    ("answered", "the share of them that end with it"),
    ("news", "1 if the step has a value that is neither in the problem nor in a step before"),
    ("news_reached", "the share of them in which its rarest new value is"),
    ("way_reached", "the least of these shares, of this step and those before"),
    ("in_problem", "1 if the stated value is in the problem"),
    ("comparable", "1 if the step computes something"),
    ("computed", "the share of them that compute the same; for the rarest of its computations"),
    ("otherwise", "the share of them that only compute something else with its two numbers"),
    ("way_computed", "the least share that computes the same, of this step and those before"),
)
"""Name and meaning of every feature, in order; each is between 0 and 1."""

VERSION = 2
"""Of the features and of how solutions are written; a model says which it was trained on."""

N_FEATURES = len(FEATURES)

_Computation = tuple[Number, Number, str]
"""Two numbers and what is done with them."""


class _Other(NamedTuple):
    """What a solution reaches.

    Attributes:
        values: all its values, with what they are in other units.
        last: the last one; None if it has none.
        computations: see `_computations`.
    """

    values: frozenset[Number]
    last: Number | None
    computations: frozenset[_Computation]


def read_others(
    problem: str, readings: Iterable[Reading], solutions: Sequence[str]
) -> list[tuple[float, ...]]:
    """Of every step what the other solutions say of its values.

    Args:
        problem: its text.
        readings: of the steps, in order, as the ledger read them.
        solutions: the other solutions; none if there are none.

    Returns:
        [S][F]; one value for each of `FEATURES`, all 0 without solutions.
    """
    others = [_read_other(text) for text in solutions]
    answers = [other.last for other in others if other.last is not None]
    if not answers:
        return [(0.0,) * N_FEATURES for _ in readings]
    n = len(others)
    certain = Counter(answers).most_common(1)[0][1] / n
    given = _values(read(problem))
    known, way, way_computed = set(given), 1.0, 1.0
    found: list[tuple[float, ...]] = []
    for reading in readings:
        stated, values = stated_side(reading), _values(reading)
        forms = set() if stated is None else {stated.value, *_converted(stated.value, stated.unit)}
        news = [
            sum(value in other.values for other in others) / n
            for value in values
            if value not in known
        ]
        own = _computations(reading)
        same = [sum(one in other.computations for other in others) / n for one in own]
        otherwise = [sum(_otherwise(one, other) for other in others) / n for one in own]
        way = min([way, *news])
        way_computed = min([way_computed, *same])
        found.append(
            (
                1.0,
                certain,
                float(stated is not None),
                sum(not forms.isdisjoint(other.values) for other in others) / n,
                sum(answer in forms for answer in answers) / n,
                float(bool(news)),
                min(news, default=0.0),
                way,
                float(not forms.isdisjoint(given)),
                float(bool(own)),
                min(same, default=0.0),
                max(otherwise, default=0.0),
                way_computed,
            )
        )
        known |= values
    return found


@lru_cache(256)
def _read_other(text: str) -> _Other:
    values: set[Number] = set()
    computations: set[_Computation] = set()
    last: Number | None = None
    for line in text.splitlines():
        reading = read(line)
        sides = _sides(reading)
        values |= _values(reading)
        for side in sides:
            values |= _converted(side.value, side.unit)
        computations |= _computations(reading)
        if sides:
            last = max(sides, key=lambda side: side.end).value
    return _Other(frozenset(values), last, frozenset(computations))


def _sides(reading: Reading) -> list[Side]:
    return [side for equation in reading.equations for side in equation.sides] + list(reading.loose)


def _computations(reading: Reading) -> set[_Computation]:
    """Every operation between two neighbouring numbers; of sums and products the smaller first."""
    found = set()
    for side in _sides(reading):
        plain = side.signs and not side.signs.strip("+-*/")
        if plain and len(side.signs) == len(side.operands) - 1:
            for (a, b), sign in zip(pairwise(side.operands), side.signs, strict=True):
                found.add((min(a, b), max(a, b), sign) if sign in "+*" else (a, b, sign))
    return found


def _otherwise(one: _Computation, other: _Other) -> bool:
    """Whether a solution computes with these two numbers, and never this."""
    numbers = {one[0], one[1]}
    return one not in other.computations and any(
        {a, b} == numbers for a, b, _ in other.computations
    )


def _values(reading: Reading) -> set[Number]:
    """All numbers of a text, and what its computations come to."""
    tokens = reading.tokens
    found = {
        value
        for kind, value in zip(tokens.kinds, tokens.values, strict=True)
        if kind in (NUMBER, TIMES_WORD) and not isinstance(value, str)
    }
    return found | {side.value for side in _sides(reading)}


def _converted(value: Number, unit: str) -> set[Number]:
    """A value in the other units of its kind."""
    return {exact(value * factor) for factor in factors_of(unit)}

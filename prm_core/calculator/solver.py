"""Which of a step's values are in other solutions of the problem.

A true equation can compute the wrong thing. Solutions that a language model wrote itself
(`prm_core.scoring.solver`) show which values lie on a way through the problem: what several of
them reach is probably right, and a value that none of them reaches deserves doubt. They may be
wrong, or go another way, so this is evidence for a value head, and no verdict.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

from prm_core.calculator.conversions import factors_of
from prm_core.calculator.equations import read
from prm_core.calculator.ledger import stated_side
from prm_core.calculator.readings import Reading
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
)
"""Name and meaning of every feature, in order; each is between 0 and 1."""

VERSION = 1
"""Of the features and of how solutions are written; a model says which it was trained on."""

N_FEATURES = len(FEATURES)

_ENDS = "answer"  # begins the line with the answer


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
    answers = [answer for _, answer in others if answer is not None]
    if not answers:
        return [(0.0,) * N_FEATURES for _ in readings]
    n = len(others)
    certain = Counter(answers).most_common(1)[0][1] / n
    given = _values(read(problem))
    known, way = set(given), 1.0
    found: list[tuple[float, ...]] = []
    for reading in readings:
        stated, values = stated_side(reading), _values(reading)
        forms = set() if stated is None else {stated.value, *_converted(stated.value, stated.unit)}
        news = [
            sum(value in reached for reached, _ in others) / n
            for value in values
            if value not in known
        ]
        if news:
            way = min(way, min(news))
        found.append(
            (
                1.0,
                certain,
                float(stated is not None),
                sum(not forms.isdisjoint(reached) for reached, _ in others) / n,
                sum(answer in forms for answer in answers) / n,
                float(bool(news)),
                min(news, default=0.0),
                way,
                float(not forms.isdisjoint(given)),
            )
        )
        known |= values
    return found


@lru_cache(256)
def _read_other(text: str) -> tuple[frozenset[Number], Number | None]:
    """(All values of a solution, with what they are in other units; the last one.)"""
    found: set[Number] = set()
    last: Number | None = None
    for line in text.splitlines():
        reading = read(line)
        found |= _values(reading)
        sides = [side for e in reading.equations for side in e.sides] + list(reading.loose)
        for side in sides:
            found |= _converted(side.value, side.unit)
        if sides:
            last = max(sides, key=lambda side: side.end).value
    return frozenset(found), last


def _values(reading: Reading) -> set[Number]:
    """All numbers of a text, and what its computations come to."""
    tokens = reading.tokens
    found = {
        value
        for kind, value in zip(tokens.kinds, tokens.values, strict=True)
        if kind in (NUMBER, TIMES_WORD) and not isinstance(value, str)
    }
    found |= {side.value for equation in reading.equations for side in equation.sides}
    return found | {side.value for side in reading.loose}


def _converted(value: Number, unit: str) -> set[Number]:
    """A value in the other units of its kind."""
    return {exact(value * factor) for factor in factors_of(unit)}

"""A plan is written out with errors put in; which steps are right follows from that.

Every solution is rendered twice, step by step: from the *true* state of the computation and from
the *actual* state, into which errors are put. A step is right exactly when both texts are equal.
So an error that is carried on makes later steps wrong by itself, and a correction, which resets
the actual state, makes them right again.

The two texts also say what a language model should have written: up to the first token that
differs the step's own tokens, and there the true one (`LabelledSolution.truth`).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

Number = int | Fraction
Env = dict[str, Number]
Value = Callable[[Env], Number]

ERRORS = (
    "slip",  # the result is not what the computation gives
    "operand",  # a number is copied wrongly; the equation may hold
    "quantity",  # another number that is there is taken
    "count",  # a count is one too many or too few
    "units",  # hours for minutes, cents for dollars
    "base",  # what is left of a percentage for the percentage
    "left_out",  # a step is missing
    "operator",  # another operation
    "reversed",  # the inverse one: more for less, times for a part
    "idea",  # something else is computed from numbers that are there
)
"""The kinds of errors that training sees; a wrong number in an answer is called "final"."""

HELD_OUT_ERRORS = (
    "exchanged",  # b - a for a - b, b / a for a / b
    "ignored",  # of three numbers one is left out
    "twice",  # a step is done again on its own result
)
"""Kinds that models are measured on and that training never sees."""


@dataclass(frozen=True, slots=True)
class LabelledSolution:
    """A solution with the truth about each of its steps.

    Attributes:
        problem: the task's text.
        steps: the solution's steps, [S].
        truth: what each step would say in a solution without errors, [S].
        kind: what is computed ("add", "percent", …).
        error: the kind of the first error put in (one of `ERRORS` or "final"), or None when there
            is none.
        size: digits of the two operands, as "2x1"; empty where it does not apply.
    """

    problem: str
    steps: tuple[str, ...]
    truth: tuple[str, ...]
    kind: str
    error: str | None
    size: str = ""

    @property
    def labels(self) -> tuple[bool, ...]:
        """Whether each step is right, [S]."""
        return tuple(step == true for step, true in zip(self.steps, self.truth, strict=True))


class Swap(NamedTuple):
    """A step gone wrong: the kind of error, its words and what it arrives at, if anything."""

    kind: str
    text: str
    value: Value | None


@dataclass(frozen=True, slots=True)
class Line:
    """One step of a plan: a text with `{name}` places, and the number that it computes.

    Attributes:
        text: the step; `{a}` is replaced by the state's value of `a`.
        result: the name that the step computes; None when it computes nothing.
        value: the state → the result.
        operands: names that the text shows and that may be copied wrongly.
        before: (name, its value) of what the step computes on the way to its result.
        swaps: the same step gone wrong in ways that its words show.
    """

    text: str
    result: str | None = None
    value: Value | None = None
    operands: tuple[str, ...] = ()
    before: tuple[tuple[str, Value], ...] = ()
    swaps: tuple[Swap, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A problem and the steps that solve it, before numbers and errors are put in."""

    problem: str
    env: Env
    lines: tuple[Line, ...]
    kind: str
    size: str = ""


def show(value: Number) -> str:
    """A number as people write it: an integer, a finite decimal, or a fraction.

    >>> show(Fraction(3, 20)), show(Fraction(2, 3)), show(-4)
    ('0.15', '2/3', '-4')
    """
    value = Fraction(value)
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    digits = 1
    while (value * 10**digits).denominator != 1:
        digits += 1
    whole = abs(value) * 10**digits
    text = str(whole.numerator).rjust(digits + 1, "0")
    return f"{'-' if value < 0 else ''}{text[:-digits]}.{text[-digits:]}"


def near(rng: random.Random, value: Number) -> Number:
    """A number that somebody who slips might write instead of `value`; never `value` itself."""
    value = Fraction(value)
    unit = Fraction(1)
    while (value / unit).denominator != 1 and unit > Fraction(1, 1000):
        unit /= 10
    if (value / unit).denominator != 1:
        return value + rng.choice((1, -1, 2)) * Fraction(1, value.denominator)
    whole = int(value / unit)
    digits = str(abs(whole))
    ways = [whole + rng.choice((1, -1, 2, -2)), whole + rng.choice((1, -1)) * 10]
    place = rng.randrange(len(digits))
    other = rng.choice([d for d in "123456789" if d != digits[place]])
    ways.append(int(digits[:place] + other + digits[place + 1 :]) * (1 if whole >= 0 else -1))
    ways.append(rng.randint(1, max(10, 2 * abs(whole))))
    if len(digits) > 1 and digits[-1] != digits[-2] and digits[-2:][::-1][0] != "0":
        ways.append(int(digits[:-2] + digits[-1] + digits[-2]) * (1 if whole >= 0 else -1))
    if len(digits) > 1:
        ways.append(whole * 10 if rng.random() < 0.3 else whole + rng.choice((100, -100, 5, -5)))
    wrong = rng.choice(ways) * unit
    if wrong == value or (value >= 0 and wrong < 0):
        return value + unit * rng.choice((1, 2, 3))
    return wrong


def render(text: str, env: Env) -> str:
    """A line's text with the state's numbers in it."""
    return text.format(**{name: show(value) for name, value in env.items()})


# How a correction is announced; the corrected step follows in the same sentence.
_CORRECTIONS = (
    "Wait, let me check: {}",
    "Wait, let me recalculate: {}",
    "Wait, that's too high. Let me check: {}",
    "Wait, that's too low. Let me check: {}",
    "Wait, that is wrong. {}",
    "Wait, {}",
    "Actually, {}",
    "No, that's not right: {}",
    "Let me check again: {}",
    "Hmm, let me redo that: {}",
    "Let me double-check: {}",
    "Correction: {}",
    "I made a mistake. {}",
    "Checking: {}",
)

# A check that finds nothing repeats the step behind one of these.
_CHECKS = _CORRECTIONS[:2] + _CORRECTIONS[8:11]


def solve(
    rng: random.Random,
    plan: Plan,
    *,
    error_rate: float = 0.6,
    correct_rate: float = 0.3,
    errors: Sequence[str] = ERRORS,
) -> LabelledSolution:
    """Write a plan out, with or without errors.

    Args:
        rng: where chance comes from.
        plan: what to write.
        error_rate: share of solutions with an error put in.
        correct_rate: share of the wrong solutions in which the error is noticed and mended.
        errors: which kinds of errors; a number that is wrong in the answer is called "final".
    """
    true, actual = dict(plan.env), dict(plan.env)
    steps: list[str] = []
    truths: list[str] = []
    spoil = _line_to_spoil(rng, plan.lines, error_rate)
    mend = rng.random() < correct_rate
    wait = rng.choice((0, 0, 0, 1))
    error: str | None = None
    broken: Line | None = None
    for index, line in enumerate(plan.lines):
        text, value, shown = line.text, line.value, dict(actual)
        if index == spoil:
            error = _error_kind(rng, plan, index, errors)
            swap = rng.choice([s for s in line.swaps if s.kind == error] or [None])
            if swap is not None:
                text, value = swap.text, swap.value
            elif error not in (None, "slip", "left_out", "twice"):
                name, number = _wrong_operand(rng, plan, line, error, actual)
                shown[name] = number
        for name, passing in line.before:
            true[name] = passing(true)
            actual[name] = shown[name] = _value_or_zero(passing, shown)
        if line.result is not None and line.value is not None and value is not None:
            true[line.result] = line.value(true)
            shown[line.result] = _value_or_zero(value, shown)
            if index == spoil and error == "slip":
                shown[line.result] = near(rng, shown[line.result])
            actual[line.result] = shown[line.result]
        if index == spoil and error == "left_out" and line.result is not None:
            actual[line.result] = actual[rng.choice(line.operands)]
            mend = False  # nothing stands there that could be put right
            continue
        truths.append(render(line.text, true))
        steps.append(render(text, shown))
        if index == spoil and error == "twice" and line.result is not None:
            actual[line.result], again = _done_again(line, actual)
            truths.append(render(plan.lines[index + 1].text, true))
            steps.append(again)
        if steps[-1] != truths[-1] and broken is None and line.result is not None:
            broken = line
        if broken is not None and mend and index >= spoil + wait and index < len(plan.lines) - 1:
            mend = False
            wrapper = rng.choice(_CORRECTIONS)
            truths.append(wrapper.format(render(broken.text, true)))
            actual = dict(true)
            if rng.random() >= 0.85 and broken.result is not None:  # mended wrongly
                actual[broken.result] = near(rng, true[broken.result])
            steps.append(wrapper.format(render(broken.text, actual)))
        elif broken is None and line.result is not None and rng.random() < 0.06:
            check = rng.choice(_CHECKS).format(truths[-1])  # a check that finds nothing
            steps.append(check)
            truths.append(check)
    final = spoil == len(plan.lines) - 1 and plan.lines[spoil].result is None
    return LabelledSolution(
        plan.problem,
        tuple(steps),
        tuple(truths),
        plan.kind,
        None if steps == truths else "final" if final else error,
        plan.size,
    )


def _line_to_spoil(rng: random.Random, lines: Sequence[Line], error_rate: float) -> int:
    """Index of the line that gets the first error, mostly one that computes; -1 for none."""
    spoil = rng.randrange(len(lines)) if rng.random() < error_rate else -1
    if spoil >= 0 and lines[spoil].result is None and rng.random() < 0.6:
        spoil = rng.choice([i for i, line in enumerate(lines) if line.result is not None])
    return spoil


_UNITS: tuple[tuple[re.Pattern[str], Fraction], ...] = tuple(
    (re.compile(rf"\b(?:{words})", re.IGNORECASE), Fraction(factor))
    for words, factor in (
        ("minute|min\\b|second", 60),
        ("hour|day", 24),
        ("week", 7),
        ("month|year|dozen|feet|foot|inch", 12),
        ("cent|dollar|cm|meter|metre|euro", 100),
        ("kg|kilo|gram|km|liter|litre|ml", 1000),
    )
)


def _error_kind(rng: random.Random, plan: Plan, index: int, errors: Sequence[str]) -> str | None:
    """What goes wrong in a line: one of the wanted ways that the line allows."""
    line = plan.lines[index]
    ways = {swap.kind for swap in line.swaps}
    if line.operands:
        ways |= {"operand", "quantity", "count"}
        ways |= {"units"} if _unit_factors(plan, line) else set()
        ways |= {"base"} if _percentages(plan, line, plan.env) else set()
    if line.result is not None:
        ways |= {"slip"}
        later = any(f"{{{line.result}}}" in other.text for other in plan.lines[index + 1 :])
        ways |= {"left_out", "twice"} if later and line.operands else set()
    # A slip is the commonest by far.
    allowed = [way for way in errors if way in ways] + ["slip"] * 2 * ("slip" in ways & {*errors})
    return rng.choice(allowed) if allowed else None


def _unit_factors(plan: Plan, line: Line) -> list[Fraction]:
    if line.result is None:
        return []
    return [factor for words, factor in _UNITS if words.search(plan.problem)]


def _percentages(plan: Plan, line: Line, env: Env) -> list[tuple[str, int]]:
    """Percentages that a line shows, as (name, the whole in the same unit: 100 or 1)."""
    if "%" not in plan.problem and "percent" not in plan.problem:
        return []
    written = [(name, 100) for name in line.operands if f"{{{name}}}%" in line.text]
    return written + [(name, 1) for name in line.operands if 0 < env.get(name, 0) < 1]


def _wrong_operand(
    rng: random.Random, plan: Plan, line: Line, error: str | None, env: Env
) -> tuple[str, Number]:
    """A name that a line shows, and the number that it wrongly has there."""
    name = rng.choice(line.operands)
    value = Fraction(env[name])
    if error == "quantity":
        others = [other for other in env.values() if other != value]
        return name, rng.choice(others) if others else near(rng, value)
    if error == "count" and value.denominator == 1 and abs(value) <= 60:
        return name, value + rng.choice((1, -1))
    if error == "base":
        percentage, whole = rng.choice(_percentages(plan, line, plan.env))
        return percentage, abs(whole - Fraction(env[percentage]))
    if error == "units":
        factor = rng.choice(_unit_factors(plan, line))
        return name, value * factor if value < factor or rng.random() < 0.5 else value / factor
    return name, near(rng, value)


def _done_again(line: Line, env: Env) -> tuple[Number, str]:
    """A step once more, with its own result in the place of its first number."""
    assert line.result is not None
    assert line.value is not None
    again = dict(env)
    again[line.operands[0]] = env[line.result]
    again[line.result] = _value_or_zero(line.value, again)
    return again[line.result], render(line.text, again)


def _value_or_zero(value: Value, env: Env) -> Number:
    """A wrong divisor may be zero; what stands in the text then is wrong anyway."""
    try:
        return value(env)
    except ZeroDivisionError:
        return 0

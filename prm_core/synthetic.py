"""Endless arithmetic problems whose right and wrong steps are labelled.

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

Number = int | Fraction
Env = dict[str, Number]


@dataclass(frozen=True, slots=True)
class LabelledSolution:
    """A solution with the truth about each of its steps.

    Attributes:
        problem: the task's text.
        steps: the solution's steps, [S].
        truth: what each step would say in a solution without errors, [S].
        kind: what is computed ("add", "percent", …).
        error: the kind of the first error put in ("slip", "operand", "operator", "final"), or
            None when there is none.
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


@dataclass(frozen=True, slots=True)
class Line:
    """One step of a plan: a text with `{name}` places, and the number that it computes.

    Attributes:
        text: the step; `{a}` is replaced by the state's value of `a`.
        result: the name that the step computes; None when it computes nothing.
        value: the state → the result.
        operands: names that the text shows and that may be copied wrongly.
        before: (name, its value) of what the step computes on the way to its result.
        swap: (other text, other value): the same step with a wrong operation; None without one.
    """

    text: str
    result: str | None = None
    value: Callable[[Env], Number] | None = None
    operands: tuple[str, ...] = ()
    before: tuple[tuple[str, Callable[[Env], Number]], ...] = ()
    swap: tuple[str, Callable[[Env], Number] | None] | None = None


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
    errors: Sequence[str] = ("slip", "operand", "operator"),
) -> LabelledSolution:
    """Write a plan out, with or without errors.

    Args:
        rng: where chance comes from.
        plan: what to write.
        error_rate: share of solutions with an error put in.
        correct_rate: share of the wrong solutions in which the error is noticed and mended.
        errors: which kinds of errors; an operand that is wrong in the answer is called "final".
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
            error = _error_kind(rng, line, errors, final=index == len(plan.lines) - 1)
            if error == "operator" and line.swap is not None:
                text, value = line.swap
            elif error in ("operand", "final"):
                name = rng.choice(line.operands)
                shown[name] = near(rng, shown[name])
        for name, passing in line.before:
            true[name] = passing(true)
            actual[name] = shown[name] = _value_or_zero(passing, shown)
        if line.result is not None and line.value is not None and value is not None:
            true[line.result] = line.value(true)
            shown[line.result] = _value_or_zero(value, shown)
            if index == spoil and error == "slip":
                shown[line.result] = near(rng, shown[line.result])
            actual[line.result] = shown[line.result]
        truths.append(render(line.text, true))
        steps.append(render(text, shown))
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
    return LabelledSolution(
        plan.problem,
        tuple(steps),
        tuple(truths),
        plan.kind,
        error if steps != truths else None,
        plan.size,
    )


def _line_to_spoil(rng: random.Random, lines: Sequence[Line], error_rate: float) -> int:
    """Index of the line that gets the first error, mostly one that computes; -1 for none."""
    spoil = rng.randrange(len(lines)) if rng.random() < error_rate else -1
    if spoil >= 0 and lines[spoil].result is None and rng.random() < 0.6:
        spoil = rng.choice([i for i, line in enumerate(lines) if line.result is not None])
    return spoil


def _error_kind(
    rng: random.Random, line: Line, errors: Sequence[str], *, final: bool
) -> str | None:
    """What goes wrong in a line: one of the wanted ways that the line allows."""
    ways = ["slip"] * 3 if line.result is not None else []
    ways += ["operand"] if line.operands else []
    ways += ["operator"] if line.swap is not None else []
    ways = [way for way in ways if way in errors]
    if not ways:
        return None
    kind = rng.choice(ways)
    return "final" if final and line.result is None else kind


def _value_or_zero(value: Callable[[Env], Number], env: Env) -> Number:
    """A wrong divisor may be zero; what stands in the text then is wrong anyway."""
    try:
        return value(env)
    except ZeroDivisionError:
        return 0


# --- the four operations ------------------------------------------------------------------------

_OPS: dict[str, tuple[str, Callable[[Number, Number], Number]]] = {
    "add": ("+", lambda a, b: a + b),
    "sub": ("-", lambda a, b: a - b),
    "mul": ("×", lambda a, b: a * b),
    "div": ("/", lambda a, b: Fraction(a) / b),
}

_PROBLEMS = {
    "add": (
        "the sum of {a} and {b}",
        "{a} plus {b}",
        "{b} added to {a}",
        "the total of {a} and {b}",
    ),
    "sub": ("{a} minus {b}", "the difference of {a} and {b}", "{b} less than {a}"),
    "mul": ("{a} times {b}", "the product of {a} and {b}", "{a} multiplied by {b}"),
    "div": ("{a} divided by {b}", "the quotient of {a} and {b}", "{a} over {b}"),
}

_INTENTS = {
    "add": (
        "add {a} and {b}",
        "find the sum of {a} and {b}",
        "add {b} to {a}",
        "compute {a} + {b}",
    ),
    "sub": ("subtract {b} from {a}", "take {b} away from {a}", "compute {a} - {b}"),
    "mul": (
        "multiply {a} by {b}",
        "multiply {a} and {b}",
        "find the product of {a} and {b}",
        "compute {a} × {b}",
    ),
    "div": ("divide {a} by {b}", "compute {a} / {b}", "split {a} into {b} equal parts"),
}


@dataclass(frozen=True, slots=True)
class Phrases:
    """Ways to ask for a computation, to begin, to state an equation and to answer.

    Each has one place: for the computation, what is to be done, the equation, the answer.
    """

    asks: tuple[str, ...]
    starts: tuple[str, ...]
    equations: tuple[str, ...]
    verbs: tuple[str, ...]
    answers: tuple[str, ...]


TRAINING = Phrases(
    asks=(
        "What is {}?",
        "What is {}?",
        "What's {}?",
        "Calculate {}.",
        "Compute {}.",
        "Find {}.",
        "How much is {}?",
        "Work out {}.",
        "Evaluate {}.",
        "Please compute {}.",
        "Please compute {} and explain.",
        "Tell me {}.",
        "{} = ?",
        "{}",
        "Solve: {}",
        "Can you calculate {}?",
        "I want to know {}.",
        "Determine {}.",
    ),
    starts=(
        "I need to {}.",
        "I need to {}.",
        "We need to {}.",
        "Let me {}.",
        "Let's {}.",
        "First, {}.",
        "First, I {}.",
        "To solve this, {}.",
        "We have to {}.",
        "The task is to {}.",
        "I will {}.",
        "I should {}.",
        "So we {}.",
        "Start: {}.",
    ),
    equations=(
        "{}.",
        "{}.",
        "{}.",
        "{}",
        "{}",
        "So {}.",
        "This gives {}.",
        "We get {}.",
        "Then {}.",
        "Now {}.",
        "I compute {}.",
        "Calculating: {}.",
    ),
    verbs=("=",) * 12 + ("is", "equals", "gives"),
    answers=(
        "The answer is {}.",
        "The answer is {}.",
        "The answer is {}.",
        "So the answer is {}.",
        "Final answer: {}",
        "Answer: {}",
        "Therefore, the answer is {}.",
        "The final answer is {}.",
        "Hence {}.",
        "The result is {}.",
        "Thus the result is {}.",
        "It is {}.",
        "#### {}",
    ),
)
"""What a model is trained on."""

UNSEEN = Phrases(
    asks=(
        "Would you compute {} for me?",
        "Give me {}.",
        "What do you get for {}?",
        "Try {}.",
        "We are looking for {}.",
    ),
    starts=(
        "My first move is to {}.",
        "Here we should {}.",
        "Okay, let me {}.",
        "The plan: {}.",
        "Step one is to {}.",
    ),
    equations=(
        "That makes {}.",
        "Doing the computation: {}",
        "As we know, {}.",
        "Therefore {}.",
        "One finds {}.",
    ),
    verbs=("=", "=", "=", "comes out as", "makes"),
    answers=(
        "So it must be {}.",
        "Our answer: {}.",
        "In the end we have {}.",
        "That leaves {} as the answer.",
        "This means the answer is {}.",
    ),
)
"""What training never sees; models are measured on these."""

_MEASURED = (UNSEEN.asks, UNSEEN.starts, UNSEEN.equations, UNSEEN.answers)


# Words that may stand anywhere and change no meaning. Phrases made of them teach that it is the
# numbers which count, however a step is put.
_FILLERS = re.split(
    r"\s+",
    """so now then next well okay here thus hence again first finally the a this that it which what
    we i you they value result number amount total outcome figure calculation computation problem
    question task step solution answer get have gives makes is becomes leads us me to for of in by
    with from as and find know see say write want need can should must will let simply just only
    exactly clearly indeed therefore because since after before all our my quick easy simple work
    working done carefully""",
)
_BABBLE = 0.35  # share of phrases that are made of fillers


def _babble(rng: random.Random, least: int, most: int) -> str:
    words = [rng.choice(_FILLERS) for _ in range(rng.randint(least, most))]
    text = " ".join(words)
    if words and rng.random() < 0.3:
        text += rng.choice((",", ":", "."))
    return text[:1].upper() + text[1:]


def _phrase(rng: random.Random, known: Sequence[str], *, least: int = 1) -> str:
    """A template with one place: of the known ones, or fillers around the place."""
    if known in _MEASURED or rng.random() >= _BABBLE:
        return rng.choice(known)
    before, after = _babble(rng, least, 5), _babble(rng, 0, 2).lower()
    end = rng.choice((".", ".", "", "?"))
    return f"{before} {{}} {after}".strip() + end


def _answer(rng: random.Random, result: str, phrases: Phrases = TRAINING) -> Line:
    return Line(_phrase(rng, phrases.answers).format(f"{{{result}}}"), operands=(result,))


def _binary(
    rng: random.Random, op: str, a: str, b: str, result: str, phrases: Phrases = TRAINING
) -> Line:
    """`a op b = result`, with another operation as its swap."""
    sign, value = _OPS[op]
    other = rng.choice([o for o in ("add", "sub", "mul") if o != op])
    other_sign, other_value = _OPS[other]
    verb = rng.choice(phrases.verbs)
    template = _phrase(rng, phrases.equations, least=0)
    template = template.format(f"{{{a}}} \0 {{{b}}} {verb} {{{result}}}")
    return Line(
        template.replace("\0", sign),
        result,
        lambda e: value(e[a], e[b]),
        operands=(a, b),
        swap=(template.replace("\0", other_sign), lambda e: other_value(e[a], e[b])),
    )


def _ask(rng: random.Random, op: str, phrases: Phrases = TRAINING) -> str:
    sign = _OPS[op][0]
    plain = rng.random() < 0.65
    what = f"{{a}} {sign} {{b}}" if plain else rng.choice(_PROBLEMS[op])
    return _phrase(rng, phrases.asks).format(what)


def operands(rng: random.Random, op: str, n_a: int, n_b: int) -> tuple[int, int]:
    """Two operands of `n_a` and `n_b` digits; differences are not negative, quotients whole."""

    def digits(n: int) -> int:
        return rng.randint(1 if n == 1 else 10 ** (n - 1), 10**n - 1)

    a, b = digits(n_a), digits(n_b)
    if op == "sub" and a < b and rng.random() < 0.95:
        a, b = b, a
    if op == "div":
        a = a * b
    return a, b


# Digits of two operands (of the quotient and the divisor), as often as they are to be practised.
_SIZES: dict[str, tuple[tuple[int, int], ...]] = {
    "add": ((1, 1),) * 4 + ((2, 1), (1, 2)) + ((2, 2),) * 4 + ((3, 1), (2, 3)) + ((3, 3),) * 3,
    "mul": ((1, 1),) * 6 + ((2, 1), (1, 2)) * 2 + ((3, 1),) * 2 + ((2, 2),),
    "div": ((1, 1),) * 4 + ((2, 1),) * 3 + ((3, 1),) * 2,
}
_SIZES["sub"] = _SIZES["add"]


def held_out(op: str, a: Number, b: Number) -> bool:
    """Whether these operands, in either order, are kept from training: about one pair in twenty.

    One-digit facts are not held out (there are only some hundred, and a fact that was never seen
    cannot be known); what is new there are the phrasings and the errors.
    """
    if max(a, b) < 10 or (op == "div" and max(Fraction(a) / b, b) < 10):
        return False
    low, high = sorted((int(a), int(b)))
    return (low * 7919 + high * 104729 + len(op)) % 20 == 0


def operation(
    rng: random.Random,
    op: str | None = None,
    n_a: int | None = None,
    n_b: int | None = None,
    phrases: Phrases = TRAINING,
) -> Plan:
    """One operation: say what to do, do it, answer."""
    op = op or rng.choice(("add", "sub", "mul", "mul", "div"))
    if n_a is None or n_b is None:
        n_a, n_b = rng.choice(_SIZES[op])
    a, b = operands(rng, op, n_a, n_b)
    lines: list[Line] = []
    if rng.random() < 0.75:
        other = rng.choice([o for o in _OPS if o != op])
        start = _phrase(rng, phrases.starts)
        lines.append(
            Line(
                start.format(rng.choice(_INTENTS[op])),
                operands=("a", "b"),
                swap=(start.format(rng.choice(_INTENTS[other])), None),
            )
        )
    lines.append(_binary(rng, op, "a", "b", "r", phrases))
    if rng.random() < 0.9:
        lines.append(_answer(rng, "r", phrases))
    return Plan(
        render(_ask(rng, op, phrases), {"a": a, "b": b}),
        {"a": a, "b": b},
        tuple(lines),
        op,
        f"{n_a}x{n_b}",
    )


def solve_facts(rng: random.Random, *, error_rate: float = 0.35) -> LabelledSolution:
    """A list of computations, each done in a step of its own and spoiled on its own.

    Much arithmetic in few words. The problem names every operand, so that each digit and sign of
    a step follows from it.
    """
    asked, steps, truths, kinds = [], [], [], []
    for _ in range(rng.randint(2, 6)):
        op = rng.choice(("add", "sub", "mul", "mul", "div"))
        a, b = operands(rng, op, *rng.choice(_SIZES[op]))
        sign, value = _OPS[op]
        asked.append(f"{a} {sign} {b}")
        truths.append(f"{a} {sign} {b} = {show(value(a, b))}")
        if rng.random() >= error_rate:
            steps.append(truths[-1])
            continue
        kinds.append(rng.choice(("slip", "slip", "slip", "operand", "operator")))
        result = value(a, b)
        if kinds[-1] == "slip":
            result = near(rng, result)
        elif kinds[-1] == "operand":
            if rng.random() < 0.5 and op != "div":
                b = int(near(rng, b))
            else:
                a = int(near(rng, a)) * (b if op == "div" else 1)
            result = value(a, b)
        else:
            sign, value = _OPS[rng.choice([o for o in ("add", "sub", "mul") if o != op])]
            result = value(a, b)
        steps.append(f"{a} {sign} {b} = {show(result)}")
    intro = rng.choice(("Compute {}.", "What are {}?", "{}", "Practice: {}", "Work out {}."))
    problem = intro.format(", ".join(asked))
    error = None if steps == truths else kinds[0]
    return LabelledSolution(problem, tuple(steps), tuple(truths), "facts", error)


# --- more kinds of problems -----------------------------------------------------------------------


def percent(rng: random.Random) -> Plan:
    """p % of n, through a decimal, a fraction or tenths."""
    p = rng.choice((5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 12, 35, 45))
    n = rng.choice((10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 120, 150, 160, 180, 200, 250, 400))
    env: Env = {"p": p, "n": n, "h": 100, "ten": 10}
    ask = _phrase(rng, TRAINING.asks).format("{p}% of {n}")
    decimal = Line(
        rng.choice(
            (
                "{p}% means {p}/{h} = {d}",
                "{p}% = {p}/{h} = {d}",
                "{p}% is {d}.",
                "Convert: {p}% = {d}.",
                "{p} percent is {p} / {h} = {d}.",
                "{p}/{h} = {d}",
            )
        ),
        "d",
        lambda e: Fraction(e["p"]) / 100,
        operands=("p",),
    )
    lines: list[Line] = [decimal]
    if rng.random() < 0.5:
        lines.append(
            Line(
                rng.choice(
                    (
                        "Multiply: {d} × {n}",
                        "Now multiply {d} by {n}.",
                        "I need to multiply {d} by {n}.",
                        "Multiply {d} by {n}.",
                    )
                ),
                operands=("d", "n"),
                swap=("Divide {n} by {d}.", None),
            )
        )
    product = Line(
        rng.choice(
            ("{d} × {n} = {r}", "{d} × {n} = {r}.", "So {d} × {n} = {r}.", "{n} × {d} = {r}")
        ),
        "r",
        lambda e: Fraction(e["d"]) * e["n"],
        operands=("d", "n"),
    )
    if rng.random() < 0.25:
        product = Line(
            "{d} × {n} = {p} × {m} = {r}",
            "r",
            lambda e: Fraction(e["p"]) * e["n"] / 100,
            operands=("p", "n"),
        )
        env["m"] = Fraction(n, 100)
    lines += [product, _answer(rng, "r")]
    if rng.random() < 0.2:
        lines = [
            Line("10% of {n} is {t}.", "t", lambda e: Fraction(e["n"]) / 10, operands=("n",)),
            Line("{k} × {t} = {r}.", "r", lambda e: Fraction(e["k"]) * e["t"], operands=("t",)),
            _answer(rng, "r"),
        ]
        env["k"] = Fraction(p, 10)
    return Plan(render(ask, env), env, tuple(lines), "percent")


def decimals(rng: random.Random) -> Plan:
    """Sums, differences and small products of decimals."""
    op = rng.choice(("add", "sub", "mul"))
    a = Fraction(rng.randint(1, 99), 10)
    b = Fraction(rng.randint(1, 99), 10) if op != "mul" else Fraction(rng.randint(2, 9))
    if op == "sub" and a < b:
        a, b = b, a
    lines = [_binary(rng, op, "a", "b", "r"), _answer(rng, "r")]
    if rng.random() < 0.5:
        lines.insert(
            0,
            Line(
                _phrase(rng, TRAINING.starts).format(rng.choice(_INTENTS[op])), operands=("a", "b")
            ),
        )
    return Plan(render(_ask(rng, op), {"a": a, "b": b}), {"a": a, "b": b}, tuple(lines), "decimals")


def fractions(rng: random.Random) -> Plan:
    """A part of a whole number, or a sum of fractions with one denominator."""
    if rng.random() < 0.5:
        d, q = rng.randint(2, 9), rng.randint(2, 12)
        k = rng.randint(1, d - 1)
        env: Env = {"k": k, "d": d, "n": d * q}
        lines: tuple[Line, ...] = (
            _binary(rng, "div", "n", "d", "q"),
            _binary(rng, "mul", "q", "k", "r"),
            _answer(rng, "r"),
        )
        return Plan(
            render(_phrase(rng, TRAINING.asks).format("{k}/{d} of {n}"), env),
            env,
            lines,
            "fractions",
        )
    d = rng.randint(3, 12)
    env = {"a": rng.randint(1, d), "b": rng.randint(1, d), "d": d}
    lines = (
        Line("The denominators are equal, so add the numerators."),
        _binary(rng, "add", "a", "b", "s"),
        Line("{a}/{d} + {b}/{d} = {s}/{d}", operands=("s", "d")),
        Line(rng.choice(("The answer is {s}/{d}.", "Final answer: {s}/{d}")), operands=("s",)),
    )
    return Plan(
        render(_phrase(rng, TRAINING.asks).format("{a}/{d} + {b}/{d}"), env),
        env,
        lines,
        "fractions",
    )


def parts(rng: random.Random) -> Plan:
    """A sum or product of larger numbers, done in tens and ones."""
    a = rng.randint(11, 99)
    if rng.random() < 0.5:
        b = rng.randint(11, 99)
        env: Env = {"ta": a // 10 * 10, "ua": a % 10, "tb": b // 10 * 10, "ub": b % 10}
        lines = [
            _binary(rng, "add", "ta", "tb", "t"),
            _binary(rng, "add", "ua", "ub", "u"),
            _binary(rng, "add", "t", "u", "r"),
        ]
        ask = _ask(rng, "add")
    else:
        b = rng.randint(2, 9)
        env = {"ta": a // 10 * 10, "ua": a % 10, "f": b}
        lines = [
            _binary(rng, "mul", "ta", "f", "t"),
            _binary(rng, "mul", "ua", "f", "u"),
            _binary(rng, "add", "t", "u", "r"),
        ]
        ask = _ask(rng, "mul")
    if rng.random() < 0.7:
        lines.append(_answer(rng, "r"))
    return Plan(render(ask, {"a": a, "b": b}), env, tuple(lines), "parts")


def order(rng: random.Random) -> Plan:
    """Order of operations: a + b × c and its relatives."""
    a, b, c = rng.randint(2, 20), rng.randint(2, 9), rng.randint(2, 9)
    env: Env = {"a": a, "b": b, "c": c}
    if rng.random() < 0.4:
        shape, first = "({a} + {b}) × {c}", _binary(rng, "add", "a", "b", "s")
        lines = (first, _binary(rng, "mul", "s", "c", "r"), _answer(rng, "r"))
        return Plan(render(_phrase(rng, TRAINING.asks).format(shape), env), env, lines, "order")
    op = rng.choice(("add", "sub"))
    if op == "sub":
        env["a"] = b * c + rng.randint(0, 20)
    shape = f"{{a}} {_OPS[op][0]} {{b}} × {{c}}"
    start = Line(
        rng.choice(("First multiply {b} by {c}.", "Multiplication comes first: {b} × {c}.")),
        operands=("b", "c"),
    )
    lines = (
        *((start,) if rng.random() < 0.4 else ()),
        _binary(rng, "mul", "b", "c", "s"),
        _binary(rng, op, "a", "s", "r"),
        _answer(rng, "r"),
    )
    return Plan(render(_phrase(rng, TRAINING.asks).format(shape), env), env, lines, "order")


def linear(rng: random.Random) -> Plan:
    """a x + b = c."""
    a, x, b = rng.randint(2, 9), rng.randint(1, 12), rng.randint(1, 20)
    env: Env = {"a": a, "b": b, "c": a * x + b}
    rest: tuple[Line, ...] = (
        Line(
            rng.choice(("Subtract {b} from both sides: {a}x = {c} - {b}", "{a}x = {c} - {b}")),
            operands=("b", "c"),
            swap=("{a}x = {c} + {b}", None),
        ),
        Line("{a}x = {s}", "s", lambda e: e["c"] - e["b"]),
    )
    if rng.random() < 0.3:
        rest = (
            Line(
                "{a}x = {c} - {b} = {s}",
                "s",
                lambda e: e["c"] - e["b"],
                operands=("b", "c"),
                swap=("{a}x = {c} + {b} = {s}", lambda e: e["c"] + e["b"]),
            ),
        )
    lines = (
        *rest,
        Line(
            rng.choice(("x = {s} / {a} = {r}", "Divide by {a}: x = {r}", "x = {r}")),
            "r",
            lambda e: Fraction(e["s"]) / e["a"],
        ),
        *((_answer(rng, "r"),) if rng.random() < 0.5 else ()),
    )
    ask = rng.choice(
        ("Solve {a}x + {b} = {c}.", "Solve for x: {a}x + {b} = {c}", "{a}x + {b} = {c}. Find x.")
    )
    return Plan(render(ask, env), env, lines, "linear")


_NAMES = ("Ann", "Ben", "Tom", "Mia", "Sara", "Omar", "Lena", "Jack", "Maria", "Sam", "John", "Amy")
_THINGS = (
    "apples",
    "books",
    "pens",
    "cards",
    "marbles",
    "coins",
    "cookies",
    "eggs",
    "toys",
    "cups",
)

# (story, operation of step 1, its operands, operation of step 2 or None, its second operand)
_STORIES: tuple[tuple[str, str, str, str | None], ...] = (
    (
        "{name} has {a} {things} and buys {b} more. How many {things} does {name} have?",
        "add",
        "",
        None,
    ),
    ("{name} has {a} {things} and gives away {b}. How many are left?", "sub", "", None),
    ("There are {a} boxes with {b} {things} each. How many {things} are there?", "mul", "", None),
    (
        "{name} shares {a} {things} equally among {b} friends. How many does each get?",
        "div",
        "",
        None,
    ),
    ("{name} buys {a} {things} at ${b} each. How much does {name} pay?", "mul", "$", None),
    (
        "{name} has {a} bags with {b} {things} each and finds {c} more. How many {things} in all?",
        "mul",
        "",
        "add",
    ),
    (
        "{name} buys {a} {things} at ${b} each and pays with a ${c} note. What is the change?",
        "mul",
        "$",
        "change",
    ),
    ("{name} had {a} {things}, got {b} more and lost {c}. How many are left?", "add", "", "sub"),
    (
        "{name} reads {a} pages a day for {b} days, then {c} more. How many pages in total?",
        "mul",
        "",
        "add",
    ),
)


def word_problem(rng: random.Random) -> Plan:
    """A short story of one or two operations."""
    story, op, unit, second = rng.choice(_STORIES)
    name, things = rng.choice(_NAMES), rng.choice(_THINGS)
    a, b = operands(rng, op, rng.choice((1, 1, 2)), 1)
    env: Env = {"a": a, "b": b}
    s = Fraction(_OPS[op][1](a, b))
    lines: list[Line] = []
    if rng.random() < 0.4:
        lines.append(
            Line(
                _phrase(rng, TRAINING.starts).format(rng.choice(_INTENTS[op])), operands=("a", "b")
            )
        )
    lines.append(_binary(rng, op, "a", "b", "s"))
    result = "s"
    if second == "change":
        env["c"] = s + rng.randint(1, 30)
        lines.append(_binary(rng, "sub", "c", "s", "r"))
        result = "r"
    elif second is not None:
        env["c"] = rng.randint(1, max(1, int(s) - 1)) if second == "sub" else rng.randint(1, 30)
        lines.append(_binary(rng, second, "s", "c", "r"))
        result = "r"
    if rng.random() < 0.4:
        lines.append(
            Line(
                rng.choice(
                    (f"{name} has {unit}{{{result}}}.", f"So it is {unit}{{{result}}} in all.")
                ),
                operands=(result,),
            )
        )
    lines.append(_answer(rng, result))
    text = story.replace("{name}", name).replace("{things}", things)
    return Plan(render(text, env), env, tuple(lines), "word")


KINDS: dict[str, Callable[[random.Random], Plan]] = {
    "operation": operation,
    "percent": percent,
    "decimals": decimals,
    "fractions": fractions,
    "parts": parts,
    "order": order,
    "linear": linear,
    "word": word_problem,
}

# What training consists of: the share of solutions of each kind, by the share of training done.
_MIXES: tuple[tuple[float, dict[str, float]], ...] = (
    (0.15, {"facts": 0.60, "operation": 0.20, "grounding": 0.10, "percent": 0.03, "gsm8k": 0.01}),
    (0.45, {"facts": 0.30, "operation": 0.26, "grounding": 0.12, "percent": 0.06, "gsm8k": 0.06}),
    (1.01, {"facts": 0.20, "operation": 0.30, "grounding": 0.12, "percent": 0.07, "gsm8k": 0.08}),
)
_OTHERS = ("decimals", "fractions", "parts", "order", "linear", "word")  # share the rest evenly

# Looks ahead, so that of "2 + 3 × 4" both pairs are seen.
_EQUATION = re.compile(r"(?<![\d.])(?=(\d+) ?([-+×*x/]) ?\$?(\d+)(?!\.?\d))")
_NAMES_OF_SIGNS = {"+": "add", "-": "sub", "/": "div"}


def shows_held_out(solution: LabelledSolution) -> bool:
    """Whether a text of this solution shows a computation that is kept from training."""
    for text in (solution.problem, *solution.steps, *solution.truth):
        for a, sign, b in _EQUATION.findall(text):
            if int(b) and held_out(_NAMES_OF_SIGNS.get(sign, "mul"), int(a), int(b)):
                return True
    return False


def generate(
    rng: random.Random,
    progress: float = 1.0,
    *,
    kinds: Sequence[str] | None = None,
    gsm8k: Sequence[Plan] = (),
) -> LabelledSolution:
    """One labelled solution for training.

    Args:
        rng: where chance comes from; the same state gives the same solution.
        progress: share of the training that is done, in [0, 1]: facts first, problems later.
        kinds: only these kinds ("facts", "grounding", "gsm8k" or names in `KINDS`); None for the
            curriculum's mix.
        gsm8k: plans to draw "gsm8k" from (`prm_core.gsm8k`); without any, that kind is left out.
    """
    if kinds is None:
        mix = dict(next(weights for until, weights in _MIXES if progress < until))
        mix |= dict.fromkeys(_OTHERS, (1 - sum(mix.values())) / len(_OTHERS))
        if not gsm8k:
            del mix["gsm8k"]
    else:
        mix = dict.fromkeys(kinds, 1.0)
    kind = rng.choices(list(mix), list(mix.values()))[0]
    while True:
        if kind == "facts":
            solution = solve_facts(rng)
        elif kind == "grounding":
            plan = operation(rng)
            solution = solve(rng, plan, error_rate=0.5, errors=("operand", "operator"))
        else:
            plan = rng.choice(gsm8k) if kind == "gsm8k" else KINDS[kind](rng)
            solution = solve(rng, plan)
        if solution.kind in _OPS and held_out(solution.kind, plan.env["a"], plan.env["b"]):
            continue
        if not shows_held_out(solution):
            return solution


def evaluation(seed: int, op: str, n_a: int, n_b: int, n: int) -> Iterator[LabelledSolution]:
    """Labelled solutions of one operation, in phrasings and on operands that training never sees.

    One-digit operands are all seen in training (see `held_out`); for them only the phrasings and
    the errors are new.
    """
    rng = random.Random(seed)
    made = 0
    while made < n:
        plan = operation(rng, op, n_a, n_b, UNSEEN)
        if n_a > 1 and not held_out(op, plan.env["a"], plan.env["b"]):
            continue
        made += 1
        yield solve(rng, plan)

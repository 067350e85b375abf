"""The kinds of problems, each as a plan: the numbers and the lines that solve it."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

from prm_core.synthetic.phrases import (
    INTENTS,
    OPERATIONS,
    TRAINING,
    Phrases,
    answer_line,
    ask_for,
    equation_line,
    phrase,
)
from prm_core.synthetic.solution import Env, LabelledSolution, Line, Plan, Swap, near, render, show


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
        other = rng.choice([o for o in OPERATIONS if o != op])
        start = phrase(rng, phrases.starts)
        lines.append(
            Line(
                start.format(rng.choice(INTENTS[op])),
                operands=("a", "b"),
                swaps=(Swap("operator", start.format(rng.choice(INTENTS[other])), None),),
            )
        )
    lines.append(equation_line(rng, op, "a", "b", "r", phrases))
    if rng.random() < 0.9:
        lines.append(answer_line(rng, "r", phrases))
    return Plan(
        render(ask_for(rng, op, phrases), {"a": a, "b": b}),
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
        sign, value = OPERATIONS[op]
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
            sign, value = OPERATIONS[rng.choice([o for o in ("add", "sub", "mul") if o != op])]
            result = value(a, b)
        steps.append(f"{a} {sign} {b} = {show(result)}")
    intro = rng.choice(("Compute {}.", "What are {}?", "{}", "Practice: {}", "Work out {}."))
    problem = intro.format(", ".join(asked))
    error = None if steps == truths else kinds[0]
    return LabelledSolution(problem, tuple(steps), tuple(truths), "facts", error)


def percent(rng: random.Random) -> Plan:
    """p % of n, through a decimal, a fraction or tenths."""
    p = rng.choice((5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 75, 80, 90, 12, 35, 45))
    n = rng.choice((10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 120, 150, 160, 180, 200, 250, 400))
    env: Env = {"p": p, "n": n, "h": 100, "ten": 10}
    ask = phrase(rng, TRAINING.asks).format("{p}% of {n}")
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
                swaps=(Swap("operator", "Divide {n} by {d}.", None),),
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
    lines += [product, answer_line(rng, "r")]
    if rng.random() < 0.2:
        lines = [
            Line("10% of {n} is {t}.", "t", lambda e: Fraction(e["n"]) / 10, operands=("n",)),
            Line("{k} × {t} = {r}.", "r", lambda e: Fraction(e["k"]) * e["t"], operands=("t",)),
            answer_line(rng, "r"),
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
    lines = [equation_line(rng, op, "a", "b", "r"), answer_line(rng, "r")]
    if rng.random() < 0.5:
        lines.insert(
            0,
            Line(phrase(rng, TRAINING.starts).format(rng.choice(INTENTS[op])), operands=("a", "b")),
        )
    return Plan(
        render(ask_for(rng, op), {"a": a, "b": b}), {"a": a, "b": b}, tuple(lines), "decimals"
    )


def fractions(rng: random.Random) -> Plan:
    """A part of a whole number, or a sum of fractions with one denominator."""
    if rng.random() < 0.5:
        d, q = rng.randint(2, 9), rng.randint(2, 12)
        k = rng.randint(1, d - 1)
        env: Env = {"k": k, "d": d, "n": d * q}
        lines: tuple[Line, ...] = (
            equation_line(rng, "div", "n", "d", "q"),
            equation_line(rng, "mul", "q", "k", "r"),
            answer_line(rng, "r"),
        )
        return Plan(
            render(phrase(rng, TRAINING.asks).format("{k}/{d} of {n}"), env),
            env,
            lines,
            "fractions",
        )
    d = rng.randint(3, 12)
    env = {"a": rng.randint(1, d), "b": rng.randint(1, d), "d": d}
    lines = (
        Line("The denominators are equal, so add the numerators."),
        equation_line(rng, "add", "a", "b", "s"),
        Line("{a}/{d} + {b}/{d} = {s}/{d}", operands=("s", "d")),
        Line(rng.choice(("The answer is {s}/{d}.", "Final answer: {s}/{d}")), operands=("s",)),
    )
    return Plan(
        render(phrase(rng, TRAINING.asks).format("{a}/{d} + {b}/{d}"), env),
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
            equation_line(rng, "add", "ta", "tb", "t"),
            equation_line(rng, "add", "ua", "ub", "u"),
            equation_line(rng, "add", "t", "u", "r"),
        ]
        ask = ask_for(rng, "add")
    else:
        b = rng.randint(2, 9)
        env = {"ta": a // 10 * 10, "ua": a % 10, "f": b}
        lines = [
            equation_line(rng, "mul", "ta", "f", "t"),
            equation_line(rng, "mul", "ua", "f", "u"),
            equation_line(rng, "add", "t", "u", "r"),
        ]
        ask = ask_for(rng, "mul")
    if rng.random() < 0.7:
        lines.append(answer_line(rng, "r"))
    return Plan(render(ask, {"a": a, "b": b}), env, tuple(lines), "parts")


def order(rng: random.Random) -> Plan:
    """Order of operations: a + b × c and its relatives."""
    a, b, c = rng.randint(2, 20), rng.randint(2, 9), rng.randint(2, 9)
    env: Env = {"a": a, "b": b, "c": c}
    if rng.random() < 0.4:
        shape, first = "({a} + {b}) × {c}", equation_line(rng, "add", "a", "b", "s")
        lines = (first, equation_line(rng, "mul", "s", "c", "r"), answer_line(rng, "r"))
        return Plan(render(phrase(rng, TRAINING.asks).format(shape), env), env, lines, "order")
    op = rng.choice(("add", "sub"))
    if op == "sub":
        env["a"] = b * c + rng.randint(0, 20)
    shape = f"{{a}} {OPERATIONS[op][0]} {{b}} × {{c}}"
    start = Line(
        rng.choice(("First multiply {b} by {c}.", "Multiplication comes first: {b} × {c}.")),
        operands=("b", "c"),
    )
    lines = (
        *((start,) if rng.random() < 0.4 else ()),
        equation_line(rng, "mul", "b", "c", "s"),
        equation_line(rng, op, "a", "s", "r"),
        answer_line(rng, "r"),
    )
    return Plan(render(phrase(rng, TRAINING.asks).format(shape), env), env, lines, "order")


def linear(rng: random.Random) -> Plan:
    """a x + b = c."""
    a, x, b = rng.randint(2, 9), rng.randint(1, 12), rng.randint(1, 20)
    env: Env = {"a": a, "b": b, "c": a * x + b}
    rest: tuple[Line, ...] = (
        Line(
            rng.choice(("Subtract {b} from both sides: {a}x = {c} - {b}", "{a}x = {c} - {b}")),
            operands=("b", "c"),
            swaps=(Swap("reversed", "{a}x = {c} + {b}", None),),
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
                swaps=(Swap("reversed", "{a}x = {c} + {b} = {s}", lambda e: e["c"] + e["b"]),),
            ),
        )
    lines = (
        *rest,
        Line(
            rng.choice(("x = {s} / {a} = {r}", "Divide by {a}: x = {r}", "x = {r}")),
            "r",
            lambda e: Fraction(e["s"]) / e["a"],
        ),
        *((answer_line(rng, "r"),) if rng.random() < 0.5 else ()),
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
    s = Fraction(OPERATIONS[op][1](a, b))
    lines: list[Line] = []
    if rng.random() < 0.4:
        lines.append(
            Line(phrase(rng, TRAINING.starts).format(rng.choice(INTENTS[op])), operands=("a", "b"))
        )
    lines.append(equation_line(rng, op, "a", "b", "s"))
    result = "s"
    if second == "change":
        env["c"] = s + rng.randint(1, 30)
        lines.append(equation_line(rng, "sub", "c", "s", "r"))
        result = "r"
    elif second is not None:
        env["c"] = rng.randint(1, max(1, int(s) - 1)) if second == "sub" else rng.randint(1, 30)
        lines.append(equation_line(rng, second, "s", "c", "r"))
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
    lines.append(answer_line(rng, result))
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

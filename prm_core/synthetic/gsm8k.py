"""GSM8K's solutions → plans that `prm_core.synthetic.solve` writes out with errors put in.

The solutions carry a calculator mark at every computation: `48/2 = <<48/2=24>>24 clips`. With the
marks the numbers of a text can be tied together: an error in one step then shows up wherever its
result is used.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from prm_core.errors import DataError
from prm_core.formats.labelled import rows_of
from prm_core.synthetic.equations import compiled, formula, formula_of, swaps_of
from prm_core.synthetic.solution import Env, Line, Plan, Swap, Value

_MARK = re.compile(r"<<([^<>=]+)=([^<>]+)>>")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+")


def read_solutions(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(problem, steps with their marks) of every row of a JSONL or gzip JSONL file.

    Raises:
        DataError: the file cannot be read, or a row has no problem and steps.
    """
    for row in rows_of(path):
        if isinstance(row, DataError):
            raise row
        problem, steps = row.fields.get("problem"), row.fields.get("steps")
        if not isinstance(problem, str) or not isinstance(steps, list):
            raise row.error("has no problem and steps")
        yield problem, steps


def read_plan(problem: str, steps: Sequence[str]) -> Plan | None:
    """A solution with calculator marks as a plan; None where the marks do not add up.

    Args:
        problem: the task's text.
        steps: the solution's steps, marks included.
    """
    given = {_value(number) for number in _NUMBER.findall(problem)}
    env: Env = {}
    lines: list[Line] = []
    known: dict[Fraction, str] = {}  # a result's value → its name, the latest first
    for index, step in enumerate(steps):
        try:
            line = _read_line(step, f"s{index}", env, known, given)
        except (ValueError, SyntaxError, ZeroDivisionError, RecursionError):
            return None
        lines.append(line)
    results = [line.result for line in lines if line.result is not None]
    if not results:
        return None
    answer = Line(f"The answer is {{{results[-1]}}}.", operands=(results[-1],))
    return Plan(problem, env, (*lines, answer), "gsm8k")


def read_plans(rows: Iterable[tuple[str, Sequence[str]]]) -> list[Plan]:
    """The plans of all (problem, steps) whose marks add up and that compute something."""
    plans = (read_plan(problem, steps) for problem, steps in rows)
    return [plan for plan in plans if plan is not None]


def _read_line(
    step: str, name: str, env: Env, known: dict[Fraction, str], given: set[Fraction]
) -> Line:
    """One step; puts its constants and results into `env`, its results into `known`.

    Raises:
        ValueError, SyntaxError, ZeroDivisionError: a mark cannot be computed or is not true.
    """
    names = {value: result for value, result in known.items() if value not in given}
    before = list(env)
    computed: list[tuple[str, Value]] = []
    operands: list[str] = []
    own: dict[Fraction, str] = {}
    text, end = "", 0
    for mark in _MARK.finditer(step):
        tree = ast.parse(mark[1].strip().lstrip("$"), mode="eval").body
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                value = _constant(node)
                if value not in names:
                    names[value] = f"{name}n{len(own)}"
                    own[value] = names[value]
                    env[names[value]] = value
                if names[value] not in operands and names[value] not in dict(computed):
                    operands.append(names[value])
        compute = compiled(_named(tree, names))
        result = f"{name}r{len(computed)}"
        value = Fraction(compute(env))
        if value != _value(mark[2]):
            raise ValueError(f"{mark[0]} is not true")
        text += _tied(step[end : mark.start()], names)
        # What follows a mark is its result; it stands for it even where another value is equal.
        rest = step[mark.end() :]
        shown = _NUMBER.match(rest)
        if shown is None or _value(shown[0]) != value:
            raise ValueError(f"{mark[0]} is not followed by its result")
        text += f"{{{result}}}"
        end = mark.end() + shown.end()
        env[result] = value
        names[value] = result
        known.pop(value, None)
        known[value] = result
        computed.append((result, compute))
    text += _tied(step[end:], names)
    operands = [operand for operand in operands if f"{{{operand}}}" in text]
    if not computed:
        shown_names = tuple(n for n in dict.fromkeys(names.values()) if f"{{{n}}}" in text)
        return Line(text, operands=shown_names)
    last, compute = computed[-1]
    return Line(
        text,
        last,
        compute,
        tuple(operands),
        tuple(computed[:-1]),
        (*swaps_of(text, last), *_ideas(text, last, before)) if len(computed) == 1 else (),
    )


def _tied(text: str, names: dict[Fraction, str]) -> str:
    """A text with every number that has a name replaced by its name, ready for `str.format`."""

    def tie(found: re.Match[str]) -> str:
        name = names.get(_value(found[0]))
        return f"{{{name}}}" if name is not None else found[0]

    return _NUMBER.sub(tie, text.replace("{", "{{").replace("}", "}}"))


def _value(number: str) -> Fraction:
    return Fraction(number.replace(",", "").strip())


def _constant(node: ast.Constant) -> Fraction:
    if isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise ValueError(f"{node.value!r} is not a number")
    return Fraction(str(node.value))


def _named(tree: ast.expr, names: dict[Fraction, str]) -> ast.expr:
    """A computation with names in the place of its numbers."""

    class Names(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Name:
            return ast.Name(names[_constant(node)])

    named = Names().visit(tree)
    assert isinstance(named, ast.expr)
    return named


def _ideas(text: str, result: str, known: Sequence[str]) -> Iterator[Swap]:
    """The same words around another computation, of numbers that are there.

    A few are drawn, the same for the same text.
    """
    shown = formula_of(text, result)
    if shown is None or len(known) < 2:
        return
    rng = random.Random(text)
    for _ in range(3):
        a, b = rng.sample(known, 2)
        new = f"{{{a}}} {rng.choice('+-*/')} {{{b}}}"
        if new != shown[1]:
            yield Swap("idea", text[: shown.start(1)] + new + text[shown.end(1) :], formula(new))

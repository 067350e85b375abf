"""GSM8K's solutions → plans that `prm_core.synthetic.solve` writes out with errors put in.

The solutions carry a calculator mark at every computation: `48/2 = <<48/2=24>>24 clips`. With the
marks the numbers of a text can be tied together: an error in one step then shows up wherever its
result is used.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from prm_core.errors import DataError
from prm_core.labelled import rows_of
from prm_core.synthetic.solution import Env, Line, Number, Plan

_MARK = re.compile(r"<<([^<>=]+)=([^<>]+)>>")
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+")
# A step that shows the computation in signs, right before its mark: "48 / 2 = $".
_SIGN = re.compile(r"(?<=[\d}])\s*([-+*/x×])\s*(?=[\d{$])")
_SIGNS = {"+": "-", "-": "+", "*": "+", "x": "+", "×": "+", "/": "*"}

_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


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
    computed: list[tuple[str, Callable[[Env], Number]]] = []
    operands: list[str] = []
    own: dict[Fraction, str] = {}
    text, swap, end = "", None, 0
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
        compute = _compiled(tree, dict(names))
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
        if len(list(_SIGN.finditer(text))) == 1 and isinstance(tree, ast.BinOp):
            swap = _swapped(text, tree, dict(names), result)
        text += f"{{{result}}}"
        end = mark.end() + shown.end()
        env[result] = value
        names[value] = result
        known.pop(value, None)
        known[value] = result
        computed.append((result, compute))
    tail = _tied(step[end:], names)
    text += tail
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
        (swap[0] + tail, swap[1]) if swap is not None and len(computed) == 1 else None,
    )


def _swapped(
    text: str, tree: ast.BinOp, names: dict[Fraction, str], result: str
) -> tuple[str, Callable[[Env], Number]] | None:
    """The same computation with another operation, in its text and in its value."""
    other = {ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Mult: ast.Add(), ast.Div: ast.Mult()}
    operation = other.get(type(tree.op))
    if operation is None or not all(isinstance(x, ast.Constant) for x in (tree.left, tree.right)):
        return None
    found = _SIGN.search(text)
    assert found is not None
    changed = text[: found.start(1)] + _SIGNS[found[1]] + text[found.end(1) :]
    value = _compiled(ast.BinOp(tree.left, operation, tree.right), names)
    return changed + f"{{{result}}}", value


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


def _compiled(tree: ast.expr, names: dict[Fraction, str]) -> Callable[[Env], Number]:
    """A computation over the state; the tree holds nothing but numbers and + - * /."""
    match tree:
        case ast.Constant():
            name = names[_constant(tree)]
            return lambda env: env[name]
        case ast.UnaryOp(ast.USub(), operand):
            inner = _compiled(operand, names)
            return lambda env: -inner(env)
        case ast.BinOp(left, op, right) if type(op) in _OPERATORS:
            a, b, apply = _compiled(left, names), _compiled(right, names), _OPERATORS[type(op)]
            return lambda env: apply(Fraction(a(env)), Fraction(b(env)))
    raise ValueError(f"{ast.unparse(tree)} is more than + - * /")

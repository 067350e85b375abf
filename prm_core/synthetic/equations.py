"""Formulas in a plan's words: what they compute, and how they go wrong and stay true.

A plan's text says `{a} × {b} = {r}`, so the computation need not be written twice, and the same
words with another sign, with the numbers exchanged or with one of them left out are an error whose
equation holds.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache

from prm_core.synthetic.solution import Swap, Value

OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda a, b: Fraction(a // b),
    ast.Mod: operator.mod,
}
_PLAIN = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", ":": "/", "x": "*"})
_TERM = r"[$€]?(?:\{\w+\}|\d+(?:\.\d+)?)%?"
_SIGN = r"\s*[-+*/×·÷x:]\s*"
_SIGN_BETWEEN = rf"(?<=[\d}}]){_SIGN}(?=[\d{{$€])"  # `{a} x {b}`; a name may be x as well
# The formula right before the result: "3 bags: {a} × {b} = ${r}" → "{a} × {b}".
_FORMULA = re.compile(rf"(?<![\w.}}])({_TERM}(?:{_SIGN}{_TERM})+)\s*=\s*[$€]?\{{(\w+)\}}")


@lru_cache(maxsize=4096)
def formula(text: str) -> Value:
    """A formula over names (`a * (b - 2)`, with or without braces) as a function of the state.

    >>> formula("{a} × 3 + b")({"a": 2, "b": 1})
    Fraction(7, 1)

    Raises:
        ValueError, SyntaxError: it holds more than numbers, names, brackets and + - * / // %.
    """
    signs = re.sub(_SIGN_BETWEEN, lambda found: found[0].translate(_PLAIN), text)
    plain = re.sub(r"[{}$€]", "", signs)
    return compiled(ast.parse(plain.strip(), mode="eval").body)


def compiled(tree: ast.expr) -> Value:
    """A parsed formula as a function of the state.

    Raises:
        ValueError: it holds something else than numbers, names and operators.
    """
    match tree:
        case ast.Constant(value) if isinstance(value, int | float) and not isinstance(value, bool):
            number = Fraction(str(value))
            return lambda env: number
        case ast.Name(name):
            return lambda env: Fraction(env[name])
        case ast.UnaryOp(ast.USub(), operand):
            inner = compiled(operand)
            return lambda env: -inner(env)
        case ast.BinOp(left, op, right) if type(op) in OPERATORS:
            a, b, apply = compiled(left), compiled(right), OPERATORS[type(op)]
            return lambda env: apply(Fraction(a(env)), Fraction(b(env)))
    raise ValueError(f"{ast.unparse(tree)} is no formula")


def formula_of(text: str, result: str) -> re.Match[str] | None:
    """Where a step's text shows what its result is computed from; group 1 is the formula."""
    return next((found for found in _FORMULA.finditer(text) if found[2] == result), None)


# The other signs that a computation may be done with by mistake, and the one that undoes it.
_OTHERS = {"+": "-*", "-": "+*", "*": "+/", "/": "*-"}
_INVERSE = {"+": "-", "-": "+", "*": "/", "/": "*"}
_SHOWN = {"*": "×", "/": "/", "+": "+", "-": "-"}


def swaps_of(text: str, result: str) -> Iterator[Swap]:
    """The ways in which a step with one formula goes wrong while its equation holds."""
    found = formula_of(text, result)
    if found is None:
        return

    def instead(kind: str, new: str) -> Swap:
        return Swap(kind, text[: found.start(1)] + new + text[found.end(1) :], formula(new))

    terms = re.findall(_TERM, found[1])
    signs = [sign.strip() for sign in re.findall(_SIGN_BETWEEN, found[1])]
    if len(terms) == 2 and "%" not in found[1]:
        (a, b), (written,) = terms, signs
        sign = written.translate(_PLAIN)
        for other in _OTHERS[sign]:
            kind = "reversed" if other == _INVERSE[sign] else "operator"
            shown = found[1][len(a) : len(found[1]) - len(b)].replace(written, _SHOWN[other])
            yield instead(kind, a + shown + b)
        if sign in "-/":
            yield instead("exchanged", b + found[1][len(a) : len(found[1]) - len(b)] + a)
    elif len(terms) > 2 and "%" not in found[1]:
        last = found[1].rindex(terms[-1])
        yield instead("ignored", re.sub(rf"{_SIGN}$", "", found[1][:last]))

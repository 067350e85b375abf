r"""Formulas → values: what an answer is worth, so that two ways to write it can be compared.

A formula is read by a small grammar (numbers, letters, fractions, roots, powers, functions) and
worked out: exactly while it is rational, else to 50 digits. Letters get fixed random values, so two
formulas that agree at several points are one formula; that is certain but for a chance far below
one in a billion, and unlike algebra it ends. Nothing is expanded, and what could grow without bound
is refused, so the work is bounded by the length of the text.

Source of the idea: polynomial identity testing (Schwartz 1980, Zippel 1979).
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from prm_core.answers.notation import FUNCTIONS, Token, words
from prm_core.answers.units import LETTERS as UNIT_LETTERS

Value = Any
"""A Fraction while it is exact, else a real or complex number of mpmath."""

N_POINTS = 3
"""Values that each letter gets in turn: positive ones, negative ones, both."""

_DIGITS = 50
_NEARLY = Fraction(1, 10**30)  # relative: equal but for rounding
_DEEPEST = 24  # brackets within brackets
_MOST_TOKENS = 300
_MOST_BITS = 4096  # of an exact number
_MOST_POWER = 10**6  # log2 of a number that is not exact

Node = Callable[["_Point"], Value]


class NoFormulaError(Exception):
    """A text is no formula that can be worked out."""


class Formula:
    """A formula that was read.

    Attributes:
        names: the letters in it that stand for anything: no numbers such as π and e.
        rest: the tokens after it: a unit, or something that is no formula.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        """
        Raises:
            NoFormulaError: the tokens do not begin with a formula.
        """
        if len(tokens) > _MOST_TOKENS:
            raise NoFormulaError
        parser = _Parser(tokens)
        self._node = parser.sum()
        self.names = frozenset(parser.names)
        self.rest = tuple(tokens[parser.place :])

    def values(self) -> list[Value | None]:
        """Its value at each point, a single one where it has no letters; None where it has none.

        Raises:
            NoFormulaError: it has no value anywhere, or one that is too large.
        """
        found: list[Value | None] = []
        for number in range(N_POINTS if self.names else 1):
            try:
                found.append(_tidied(self._node(_Point(number))))
            except (ArithmeticError, ValueError):
                found.append(None)
        if all(value is None for value in found):
            raise NoFormulaError
        return found


def nearly_equal(a: Value, b: Value) -> bool:
    """Are two values equal, exactly or but for rounding? By relative error, however small they are.

    >>> nearly_equal(Fraction(1, 3), Fraction(1, 3)), nearly_equal(Fraction(0), Fraction(1, 10**90))
    (True, False)
    """
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return a == b
    a, b = _inexact(a), _inexact(b)
    return bool(abs(a - b) <= max(abs(a), abs(b)) * _inexact(_NEARLY))


def is_real(value: Value) -> bool:
    """Has it no imaginary part?"""
    return not isinstance(value, _context().mpc)


def to_fraction(value: Value) -> Fraction:
    """A real value as a fraction, to 50 digits.

    Raises:
        NoFormulaError: it is complex, or too large to be written out.
    """
    if isinstance(value, Fraction):
        return value
    if not is_real(value):
        raise NoFormulaError
    sign, mantissa, exponent, _ = value._mpf_
    if abs(exponent) > _MOST_BITS:
        raise NoFormulaError
    size: Fraction = Fraction(mantissa) * Fraction(2) ** exponent
    return -size if sign else size


# --- values ---------------------------------------------------------------------------------------


_local = threading.local()


def _context() -> Any:
    """This thread's mpmath: one that threads share would change its precision under them."""
    if not hasattr(_local, "context"):
        import mpmath  # most answers are rational

        _local.context = mpmath.MPContext()
        _local.context.dps = _DIGITS
    return _local.context


def _inexact(value: Value) -> Any:
    if isinstance(value, Fraction):
        context = _context()
        return context.mpf(value.numerator) / value.denominator
    return value


def _tidied(value: Value) -> Value:
    """A value that can be compared: real where its imaginary part is rounding.

    Raises:
        NoFormulaError: it is not finite.
    """
    context = _context()
    if isinstance(value, context.mpc):
        if abs(value.imag) <= abs(value.real) * _inexact(_NEARLY):
            value = value.real
        elif abs(value.real) <= abs(value.imag) * _inexact(_NEARLY):
            value = context.mpc(0, value.imag)
    if not isinstance(value, Fraction) and not context.isfinite(value):
        raise NoFormulaError
    return value


class _Point:
    """The values of letters at one of the points."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __getitem__(self, name: str) -> Value:
        return _letter_value(name, self._number)


@cache
def _letter_value(name: str, number: int) -> Fraction:
    drawn = random.Random(f"{name}|{number}")
    size = Fraction(drawn.randrange(2_000, 30_000), 9_973)  # a prime: nothing cancels by chance
    negative = number == 1 or (number == 2 and drawn.random() < 0.5)
    return -size if negative else size


def _add(a: Value, b: Value) -> Value:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _bounded(a + b)
    a, b = _inexact(a), _inexact(b)
    total = a + b
    # What is left after all digits have cancelled is rounding.
    return Fraction(0) if abs(total) < abs(a) * _inexact(_NEARLY) else total


def _multiply(a: Value, b: Value) -> Value:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _bounded(a * b)
    return _sized(_inexact(a) * _inexact(b))


def divide(a: Value, b: Value) -> Value:
    """a / b; an exact number where both are."""
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return _bounded(a / b)
    return _sized(_inexact(a) / _inexact(b))


def _power(base: Value, exponent: Value) -> Value:
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        if isinstance(base, Fraction):
            n_bits = max(base.numerator.bit_length(), base.denominator.bit_length())
            if n_bits * abs(exponent.numerator) <= _MOST_BITS:
                return base**exponent.numerator
            if base in (0, 1):
                return base
        exponent = int(exponent)
    context = _context()
    base = _inexact(base)
    if base == 0:
        return _zero_power(exponent)
    size = abs(context.log(abs(base), 2)) + abs(context.arg(base)) + 1
    if size * abs(_inexact(exponent)) > _MOST_POWER:
        raise NoFormulaError
    return context.power(base, exponent if isinstance(exponent, int) else _inexact(exponent))


def _zero_power(exponent: Value) -> Fraction:
    if not is_real(exponent) or exponent <= 0:
        raise ZeroDivisionError
    return Fraction(0)


def _bounded(value: Fraction) -> Value:
    """A fraction while it is short, else its first 50 digits."""
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > 4 * _MOST_BITS:
        return _inexact(value)
    return value


def _sized(value: Any) -> Any:
    if value and abs(_context().mag(value)) > _MOST_POWER:
        raise NoFormulaError
    return value


def _factorial(value: Value) -> Value:
    if isinstance(value, Fraction) and value.denominator == 1:
        n = int(value)
        if n < 0:
            raise ZeroDivisionError
        if n <= 300:
            return Fraction(math.factorial(n))
    if not is_real(value) or abs(_inexact(value)) > 20_000:
        raise NoFormulaError
    return _context().gamma(_inexact(value) + 1)


def _binomial(n: Value, k: Value) -> Value:
    whole = all(isinstance(v, Fraction) and v.denominator == 1 for v in (n, k))
    if not whole or not 0 <= k <= n or k > 2_000 or n > 10**6:
        raise NoFormulaError
    value, smaller = Fraction(1), int(min(k, n - k))
    for index in range(smaller):
        value = _multiply(value, Fraction(int(n) - index, index + 1))
    return value


def _root(value: Value, degree: Value = Fraction(2)) -> Value:
    if isinstance(value, Fraction) and degree.denominator == 1 and 0 < degree < 100:
        exact = _exact_root(value, int(degree))
        if exact is not None:
            return exact
    odd = isinstance(degree, Fraction) and degree.denominator == 1 and degree.numerator % 2
    if odd and is_real(value) and value < 0:  # the real root, as in school
        return -_power(-value, 1 / degree)
    return _power(value, divide(Fraction(1), degree))


def _exact_root(value: Fraction, degree: int) -> Fraction | None:
    """The rational root, where there is one."""
    if value < 0:
        return None
    roots = []
    for part in (value.numerator, value.denominator):
        if part.bit_length() > _MOST_BITS:
            return None
        root = int(_context().nint(_context().root(part, degree))) if part else 0
        if root**degree != part:
            return None
        roots.append(root)
    return Fraction(roots[0], roots[1])


def _function(name: str, value: Value) -> Value:
    """One of the functions of `notation.FUNCTIONS` that take one value."""
    context = _context()
    if name == "sqrt":
        return _root(value)
    if name == "cbrt":
        return _root(value, Fraction(3))
    if name == "abs":
        return abs(value)
    x = _inexact(value)
    if name == "exp":
        return _power(context.e, value)
    if name in ("ln", "log", "lg"):
        if value == 1:
            return Fraction(0)
        return context.log(x) if name == "ln" else context.log(x) / context.log(10)
    if abs(x) > 10**6:  # a reduction by π would cost as many digits as it has
        raise NoFormulaError
    found = getattr(context, _LONG_NAMES.get(name, name))(x)
    return Fraction(0) if abs(found) < _inexact(_NEARLY) and abs(x) > 1 else found


_LONG_NAMES = {f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "cot", "sec", "csc")}


# --- reading --------------------------------------------------------------------------------------

_CLOSERS = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", r"\lfloor": r"\rfloor"}
_CLOSERS |= {r"\lceil": r"\rceil"}
_DECORATED = words(
    r"\bar \hat \vec \tilde \overline \widehat \widetilde \dot \ddot \overrightarrow"
)
_LETTERS = words(
    r"""\alpha \beta \gamma \delta \epsilon \zeta \eta \theta \iota \kappa \lambda \mu \nu \xi \rho
    \sigma \tau \upsilon \phi \chi \psi \omega \Gamma \Delta \Theta \Lambda \Xi \Pi \Sigma \Upsilon
    \Phi \Psi \Omega \infty \ell \hbar \partial \nabla \angle \triangle"""
)


class _Parser:
    """Reads a sum from the first token on; the caller looks at what is left."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self.place = 0
        self.names: set[str] = set()
        self._depth = 0
        self._bars = 0

    # What is next.

    def _peek(self, ahead: int = 0) -> str:
        place = self.place + ahead
        return self._tokens[place].text if place < len(self._tokens) else ""

    def _kind(self, ahead: int = 0) -> str:
        place = self.place + ahead
        return self._tokens[place].kind if place < len(self._tokens) else ""

    def _take(self, text: str | None = None) -> str:
        found = self._peek()
        if not found or (text is not None and found != text):
            raise NoFormulaError
        self.place += 1
        return found

    # The grammar, from the loosest to the tightest.

    def sum(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise NoFormulaError
        node = self._product()
        while (sign := self._peek()) in ("+", "-"):
            self.place += 1
            right = self._product()
            node = _sum_of(node, right if sign == "+" else _times(_number(-1), right))
        self._depth -= 1
        return node

    def _product(self) -> Node:
        sign = 1
        while self._peek() in ("+", "-"):
            sign = -sign if self._take() == "-" else sign
        node = self._mixed() or self._factor()
        while True:
            if self._peek() in ("*", "/"):
                divides = self._take() == "/"
                negative = self._peek() == "-" and self._take() == "-"
                right = self._factor()
                right = _times(_number(-1), right) if negative else right
                node = _over(node, right) if divides else _times(node, right)
            elif self._begins():
                node = _times(node, self._factor())
            else:
                break
        return node if sign > 0 else _times(_number(-1), node)

    def _mixed(self) -> Node | None:
        r"""A mixed number: `1 1/2`, `2\frac{1}{2}`."""
        start = self.place
        if not self._peek().isdigit():
            return None
        whole = Fraction(self._take())
        if self._peek() == r"\frac":
            self.place += 1
            both = self._peek() if self._kind() == "number" else ""
            if len(both) == 2 and both.isdigit():  # \frac12
                self.place += 1
                parts = list(both)
            else:
                parts = [self._whole_argument(), self._whole_argument()]
        elif self._kind() == "number" and self._peek(1) == "/":
            parts = [self._take(), self._take("/") and self._take()]
        else:
            parts = []
        if len(parts) == 2 and all(part and part.isdigit() for part in parts) and int(parts[1]):
            return _number(whole + Fraction(int(parts[0]), int(parts[1])))
        self.place = start
        return None

    def _whole_argument(self) -> str:
        """The number in an argument of a fraction; "" where there is something else."""
        if self._peek() == "{" and self._kind(1) == "number" and self._peek(2) == "}":
            self.place += 3
            return self._tokens[self.place - 2].text
        return ""

    def _begins(self) -> bool:
        """Does a factor begin here, so that it is multiplied without a sign?"""
        text, kind = self._peek(), self._kind()
        if kind == "letter":
            token = self._tokens[self.place]
            return not (token.upright and text in UNIT_LETTERS)
        if kind == "number":
            return True
        if kind == "command":
            return text in _READ
        return text in ("(", "[", "{") or (text == "|" and not self._bars)

    def _factor(self) -> Node:
        node = self._postfixed(self._atom())
        while self._peek() == "^":
            self.place += 1
            node = self._postfixed(_raised(node, self._exponent()))
        return node

    def _exponent(self) -> Node:
        if self._peek() in ("+", "-"):
            negative = self._take() == "-"
            inner = self._postfixed(self._atom())
            return _times(_number(-1), inner) if negative else inner
        node = self._postfixed(self._atom())
        if self._peek() == "^":
            self.place += 1
            return _raised(node, self._exponent())
        return node

    def _postfixed(self, node: Node) -> Node:
        while self._peek() == "!" or self._is_mark():
            mark = self._take()
            if mark == "!":
                node = _applied(_factorial, node)
            elif mark == "%":
                node = _over(node, _number(100))
            else:
                node = _over(_times(node, _pi), _number(180))
        return node

    def _is_mark(self) -> bool:
        """Is it "%" or "°" within a formula? At its end they are units, which stay."""
        return self._peek() in ("%", "degree") and self._depth > 1

    def _atom(self) -> Node:
        text, kind = self._peek(), self._kind()
        if kind == "number":
            self.place += 1
            return self._decimal(text)
        if kind == "letter":
            return self._letter()
        if text == "|":
            return self._absolute()
        if text in _CLOSERS:
            return self._group()
        if kind == "command":
            return self._command(text)
        raise NoFormulaError

    def _decimal(self, text: str) -> Node:
        r"""A number, perhaps with a period: `0.1\overline{6}`."""
        value = Fraction(text)
        following = [self._peek(ahead) for ahead in range(4)]
        if "." in text and following[:2] + following[3:] == [r"\overline", "{", "}"]:
            digits = following[2]
            if not digits.isdigit():
                raise NoFormulaError
            self.place += 4
            n_places = len(text.partition(".")[2])
            value += Fraction(int(digits), (10 ** len(digits) - 1) * 10**n_places)
        return _number(value)

    def _group(self) -> Node:
        opening = self._take()
        bars, self._bars = self._bars, 0
        node = self.sum()
        self._bars = bars
        self._take(_CLOSERS[opening])
        if opening == r"\{":
            raise NoFormulaError
        if opening in (r"\lfloor", r"\lceil"):
            return _applied(_floor if opening == r"\lfloor" else _ceiling, node)
        return node

    def _absolute(self) -> Node:
        self._take("|")
        self._bars += 1
        node = self.sum()
        self._bars -= 1
        self._take("|")
        return _applied(abs, node)

    def _argument(self) -> Node:
        r"""What `\frac` and `\sqrt` take: a group, or one token (of a number, one digit)."""
        if self._peek() in ("{", "(", "["):
            return self._group()
        return self._postfixed(self._atom())

    def _command(self, text: str) -> Node:
        name = text[1:]
        if text == r"\frac":
            self.place += 1
            return self._fraction()
        if text == r"\sqrt":
            self.place += 1
            degree: Node = _number(2)
            if self._peek() == "[":
                degree = self._group()
            return _both(_root, self._argument(), degree)
        if text == r"\binom":
            self.place += 1
            return _both(_binomial, self._argument(), self._argument())
        if name in FUNCTIONS:
            self.place += 1
            return self._applied_function(name)
        if text == r"\pi":
            self.place += 1
            return _pi
        if text in _LETTERS or text in _DECORATED:
            return self._letter()
        raise NoFormulaError

    def _fraction(self) -> Node:
        r"""`\frac{a}{b}`, `\frac12`, `\frac1{19}`."""
        digits = self._peek()
        if self._kind() == "number" and digits.isdigit():
            self.place += 1
            if len(digits) == 2:
                return _over(_number(int(digits[0])), _number(int(digits[1])))
            if len(digits) > 2:
                raise NoFormulaError
            return _over(_number(int(digits)), self._argument())
        top = self._argument()
        return _over(top, self._argument())

    def _applied_function(self, name: str) -> Node:
        base: Node | None = None
        exponent: Node | None = None
        while self._peek() in ("_", "^"):
            if self._take() == "_":
                base = self._argument()
            elif self._inverse() and name in ("sin", "cos", "tan"):
                name = f"arc{name}"
            else:
                exponent = self._exponent()
        if name == "log" and self._kind() == "number" and self._peek(1) == "(":  # log2(8)
            base = self._atom()
        inner = self._group() if self._peek() in ("(", "{", "[") else self._bare_argument()
        node = _applied_name(name, inner)
        if base is not None:
            if name not in ("log", "ln", "lg"):
                raise NoFormulaError
            node = _over(node, _applied_name(name, base))
        return node if exponent is None else _raised(node, exponent)

    def _inverse(self) -> bool:
        texts = [self._peek(ahead) for ahead in range(4)]
        for form in (["{", "-", "1", "}"], ["-", "1"]):
            if texts[: len(form)] == form:
                self.place += len(form)
                return True
        return False

    def _bare_argument(self) -> Node:
        r"""An argument without brackets: `\sin 2x` takes factors up to a sign or a function."""
        sign = -1 if self._peek() == "-" and self._take() else 1
        self._depth += 1
        node = self._mixed() or self._factor()
        while (
            self._begins() and self._peek()[1:] not in FUNCTIONS - {"sqrt"} and self._peek() != "("
        ):
            node = _times(node, self._factor())
        self._depth -= 1
        return _times(_number(sign), node)

    def _letter(self) -> Node:
        """A variable with its marks; `e` and `i` are numbers."""
        name = self._take()
        if name in _DECORATED:
            name += "".join(self._raw_group())
        elif name in (r"\angle", r"\triangle"):
            while self._kind() == "letter":
                name += self._take()
        if self._peek() == "_":
            self.place += 1
            name += "_" + "".join(self._raw_group())
        while self._peek() == "'":
            name += self._take()
        if name == "e":
            return lambda _: _context().e
        if name == "i":
            return lambda _: _context().mpc(0, 1)
        self.names.add(name)
        return lambda point: point[name]

    def _raw_group(self) -> list[str]:
        """The tokens of an argument, as they are written."""
        if self._peek() != "{":
            return [self._take()]
        self.place += 1
        inside: list[str] = []
        depth = 1
        while True:
            text = self._take()
            depth += (text == "{") - (text == "}")
            if not depth:
                return inside
            inside.append(text)


_READ = frozenset(
    {rf"\{name}" for name in FUNCTIONS}
    | _LETTERS
    | _DECORATED
    | {r"\frac", r"\binom", r"\pi", r"\lfloor", r"\lceil"}
)


def _number(value: int | Fraction) -> Node:
    exact = Fraction(value)
    return lambda _: exact


def _pi(_: _Point) -> Value:
    return +_context().pi


def _sum_of(a: Node, b: Node) -> Node:
    return lambda point: _add(a(point), b(point))


def _times(a: Node, b: Node) -> Node:
    return lambda point: _multiply(a(point), b(point))


def _over(a: Node, b: Node) -> Node:
    return lambda point: divide(a(point), b(point))


def _raised(a: Node, b: Node) -> Node:
    return lambda point: _power(a(point), b(point))


def _both(of: Callable[[Value, Value], Value], a: Node, b: Node) -> Node:
    return lambda point: of(a(point), b(point))


def _applied(of: Callable[[Value], Value], inner: Node) -> Node:
    return lambda point: of(inner(point))


def _applied_name(name: str, inner: Node) -> Node:
    return lambda point: _function(name, inner(point))


def _floor(value: Value) -> Value:
    return _rounded(value, lambda exact: exact.__floor__())


def _ceiling(value: Value) -> Value:
    return _rounded(value, lambda exact: exact.__ceil__())


def _rounded(value: Value, of: Callable[[Fraction], int]) -> Fraction:
    return Fraction(of(to_fraction(value)))

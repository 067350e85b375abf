"""The computations in a text: what is said to equal what, and whether it does.

A recursive descent over the tokens of `prm_core.calculator.tokens`. Words between a number and a
sign are its unit ("17 apples + 15 apples = 32 apples"). What cannot be read is no equation, and
where words leave it open whether something is meant as one ("day 1 = 5 × 2") it counts only if it
holds: a calculator may miss an error, but may not invent one.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from prm_core.calculator.tokens import (
    AND,
    COMMA,
    COPULA,
    FILLER,
    FRACTION,
    LINK,
    NUMBER,
    OF,
    ROOT,
    STOP,
    TIMES_WORD,
    VARIABLE,
    VERB,
    VERBS,
    WORD,
    Number,
    Tokens,
    exact,
    quotient,
    scan,
    words,
)

_ELSEWHERE = -1
_DEEPEST = 20  # brackets
_LARGEST = 200  # bits of a value's numerator or denominator
_LARGEST_POWER = 64
_UNIT_WORDS = 4  # between a number and the next sign
_GAP_WORDS = 5  # between a computation and the result that words give it

_OPERATIONS = frozenset("+-*/")
_UNIT = frozenset((WORD, FILLER, OF))
_GAP = frozenset((FILLER, COPULA, LINK, COMMA, OF))
_BEGINS = frozenset((NUMBER, "(", FRACTION, ROOT, VARIABLE, TIMES_WORD, VERB, "-"))
_OPERAND = _BEGINS - {VERB}
_RESULT = _OPERAND - {VARIABLE}
_BEHIND_UNIT = frozenset("+-*/=)^c%")
_LOOSELY = re.compile(
    r"≈|≅|\\approx|~|\b(?:about|approx\w*|round\w*|nearest|almost|roughly|whole|full|remain\w*|"
    r"complete\w*|at (?:least|most)|estimate\w*|closest)\b|\d r ?\d",
    re.IGNORECASE,
)

# Every match of it in ASCII holds one of these pieces, which are looked for much quicker.
_LOOSE_PIECES = (
    *words("~ about approx round nearest almost roughly whole full remain complete"),
    *("at least", "at most", "estimate", "closest", " r"),
)

# How many of the second unit make one of the first.
_CONVERSIONS: dict[tuple[str, str], Number] = {
    ("hour", "minute"): 60, ("minute", "second"): 60, ("hour", "second"): 3600,
    ("day", "hour"): 24, ("week", "day"): 7, ("year", "month"): 12, ("year", "week"): 52,
    ("year", "day"): 365, ("dozen", ""): 12, ("foot", "inch"): 12, ("yard", "foot"): 3,
    ("mile", "foot"): 5280, ("pound", "ounce"): 16, ("gallon", "quart"): 4, ("ton", "pound"): 2000,
    ("m", "cm"): 100, ("km", "m"): 1000, ("kg", "g"): 1000, ("l", "ml"): 1000, ("cm", "mm"): 10,
    ("$", "cent"): 100, ("dollar", "cent"): 100, ("decade", "year"): 10,
    ("century", "year"): 100, ("meter", "centimeter"): 100,
    ("euro", "cent"): 100, ("m", "dm"): 10, ("dm", "cm"): 10, ("kilometer", "meter"): 1000,
}  # fmt: skip
_SINGULAR = {
    "feet": "foot", "inches": "inch", "centuries": "century", "¢": "cent", "hr": "hour",
    "hrs": "hour", "h": "hour", "min": "minute", "mins": "minute", "sec": "second",
    "secs": "second", "euros": "euro",
}  # fmt: skip


class Side(NamedTuple):
    """A computation as it stands in a text.

    Attributes:
        value: what it comes to.
        start, end: where it stands.
        operands: the numbers in it, in order.
        signs: the operations in it, of "+-*/^%"; empty for a number alone.
        shown: digits behind the point of a number alone; -1 for anything else.
        unit: the word behind it, or the sign of a currency; empty where there is none.
        labelled: a word stands right before it, which it may number ("day 1").
        written: it is, or begins with, digits or signs rather than a number word.
        cut: something around it belongs to the computation and could not be read ("T + 4").
        first: its first token; -1 where it stands in the text before.
    """

    value: Number
    start: int
    end: int
    operands: tuple[Number, ...]
    signs: str
    shown: int = -1
    unit: str = ""
    labelled: bool = False
    written: bool = True
    cut: bool = False
    first: int = 0

    @property
    def is_number(self) -> bool:
        """A number alone; `3/4` and `20%` are numbers too."""
        return not self.signs or (self.signs in ("/", "%") and len(self.operands) < 3)


@dataclass(frozen=True, slots=True)
class Equation:
    """Two or more computations that are said to be equal.

    Attributes:
        start, end: where it stands in the text.
        sides: the computations.
        holds: whether they are equal, as far as the digits shown go.
        error: relative difference between the first side and the one that differs most; 0 where
            the equation holds.
        rounded: it holds only as rounded.
        unknown: it has an unknown in it, whose value is put in.
    """

    start: int
    end: int
    sides: tuple[Side, ...]
    holds: bool
    error: float
    rounded: bool
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a calculator finds in a text.

    Attributes:
        equations: in the order of the text.
        loose: computations and numbers that are part of no equation, in order.
        partial: values on the way through the computations, their terms taken in any order.
        root: the unknown's value, where the text determines it.
        tokens: the text.
        opens: the text begins with "=", and goes on from the one before.
        unread: a sign of equality with something beside it that could not be read.
    """

    equations: tuple[Equation, ...]
    loose: tuple[Side, ...]
    partial: frozenset[Number]
    root: Number | None
    tokens: Tokens
    opens: bool = False
    unread: bool = False


class _Reader:
    """One pass over the tokens of a text."""

    def __init__(self, tokens: Tokens, text: str, unknown: Number | None) -> None:
        self.kinds, self.values = tokens.kinds, tokens.values
        self.starts, self.ends, self.shown = tokens.starts, tokens.ends, tokens.shown
        self.text = text
        self.unknown = unknown
        self.hundredth: Number = Fraction(1, 100)
        self.i = 0
        self.depth = 0
        self.operands: list[Number] = []
        self.signs: list[str] = []
        self.partial: set[Number] = set()
        self.fractional = False
        self.saw_unknown = False
        self.saw_letter = False

    # A method that reads moves `i` behind what it read, or returns None.

    def side(self) -> Side | None:
        """A computation, or a number, that begins here."""
        first = self.i
        self.operands, self.signs, self.depth, self.saw_letter = [], [], 0, False
        value = self._command() if self.kinds[first] == VERB else self._sum()
        if value is None:
            self.i = first
            return None
        last = self.i - 1
        while last > first and self.kinds[last] in _UNIT:
            last -= 1
        alone = last == first
        return Side(
            value,
            self.starts[first],
            self.ends[last],
            tuple(self.operands),
            "".join(self.signs),
            self._digits_shown(first, last),
            self._unit(first, last),
            alone and first > 0 and self.kinds[first - 1] in (WORD, COPULA, FILLER, LINK),
            not alone or self.shown[first] >= 0 or self.kinds[first] == VARIABLE,
            self._is_cut(first, last),
            first,
        )

    def _is_cut(self, first: int, last: int) -> bool:
        """Whether a sign, or a letter right behind a number, shows that more belongs to it."""
        kinds = self.kinds
        j = first - 1
        while j > max(0, first - 3) and kinds[j] == WORD:
            j -= 1
        signs = _OPERATIONS if j == first - 1 else "+*"
        before = j > 0 and kinds[j] in signs and kinds[j - 1] != STOP
        behind = kinds[self.i] in "+*/^(" or (
            kinds[self.i] == "-" and self.ends[self.i + 1] - self.starts[self.i + 1] == 1
        )
        j = self.i
        while kinds[j] == WORD and j < self.i + 2:
            j += 1
        counts = kinds[j] == OF and kinds[j + 1] == NUMBER  # "6 groups of 7"
        return before or behind or counts or self.saw_letter

    def _digits_shown(self, first: int, last: int) -> int:
        if first == last:
            return self.shown[first]
        if last == first + 1 and self.kinds[last] == "%" and self.shown[first] >= 0:
            return self.shown[first] + 2
        return -1

    def _unit(self, first: int, last: int) -> str:
        if self.starts[first] and self.text[self.starts[first] - 1] in "$€£":
            return "$"
        j = last + 1
        while self.kinds[j] in (FILLER, OF) and j < last + 3:
            j += 1
        return _singular(self.values[j]) if self.kinds[j] == WORD else ""

    def _sum(self) -> Number | None:
        total = self._product()
        if total is None:
            return None
        terms = [total]
        while (sign := self.kinds[self.i]) == "+" or sign == "-":
            before = self.i
            if sign == "-" and self._is_negative_number(before):
                break
            mark = len(self.operands), len(self.signs)
            self.i += 1
            self._skip_words()
            term = self._product()
            if term is None:
                self.i = before
                del self.operands[mark[0] :], self.signs[mark[1] :]
                break
            percent = self.kinds[self.i - 1] == "%" and self.hundredth == 0
            if percent:  # "80 - 20%" taken of the 80
                term = total * quotient(self.operands[-1], 100)
            total = exact(total + term if sign == "+" else total - term)
            if _is_too_large(total):
                return None
            terms.append(term if sign == "+" else -term)
            self.signs.append(sign)
            self.partial.add(total)
        if len(terms) > 2:
            self._note_pairs(terms, product=False)
        return total

    def _is_negative_number(self, i: int) -> bool:
        """Of "from 5 down to -3" the last: a sign that belongs to the number behind it."""
        return (
            self.kinds[i - 1] in _UNIT
            and self.ends[i] == self.starts[i + 1]
            and self.starts[i] > self.ends[i - 1]
        )

    def _note_pairs(self, terms: list[Number], *, product: bool) -> None:
        """Terms may be taken in any order."""
        some = terms[:8]
        for i, a in enumerate(some):
            for b in some[i + 1 :]:
                self.partial.add(exact(a * b if product else a + b))
                if product and 0 < a < 1 and 0 < b < 1:
                    self.partial.add(exact(1 / Fraction(a * b)))  # what stands below

    def _product(self) -> Number | None:
        total = self._power()
        if total is None:
            return None
        factors = [total]
        while True:
            sign, before = self.kinds[self.i], self.i
            if sign == "*" or sign == "/" or (sign == OF and self.fractional and total):
                self.i += 1
                self._skip_words()
            elif not self._follows_at_once():
                break
            mark = len(self.operands), len(self.signs)
            factor = self._tight_fraction(sign) or self._power()
            if factor is None or (sign == "/" and factor == 0):
                self.i = before
                del self.operands[mark[0] :], self.signs[mark[1] :]
                break
            if sign == "/":
                factor = quotient(1, factor)
            total = exact(total * factor)
            if _is_too_large(total):
                return None
            factors.append(factor)
            self.signs.append("/" if sign == "/" else "*")
            self.partial.add(total)
            self.fractional = 0 < total < 1
            self._skip_unit()
        if len(factors) > 1:
            self._note_pairs([part for one in factors for part in _split(one)], product=True)
        return total

    def _tight_fraction(self, sign: str) -> Number | None:
        """Of `25 / 1/3` the `1/3`: what is written without blanks belongs together."""
        i, kinds = self.i, self.kinds
        if sign != "/" or kinds[i : i + 3] != [NUMBER, "/", NUMBER]:
            return None
        a, b = self.values[i], self.values[i + 2]
        assert not isinstance(a, str)
        assert not isinstance(b, str)
        tight = self.ends[i] == self.starts[i + 1] and self.ends[i + 1] == self.starts[i + 2]
        if not tight or self.starts[i] == self.ends[i - 1] or not b:
            return None
        self.i = i + 3
        self.operands += [a, b]
        self._skip_unit()
        return quotient(a, b)

    def _skip_words(self) -> None:
        """Behind a sign: "25 classmates + his 1 teacher"."""
        j = self.i
        while self.kinds[j] in (WORD, FILLER) and j < self.i + 2:
            j += 1
        if self.kinds[j] == NUMBER:
            self.i = j

    def _follows_at_once(self) -> bool:
        """`3x`, `3(4 + 5)` and `(2)(3)`: a product without a sign."""
        i = self.i
        if not i or self.starts[i] != self.ends[i - 1]:
            return False
        before, kind = self.kinds[i - 1], self.kinds[i]
        return (before in (NUMBER, ")") and kind in (VARIABLE, FRACTION)) or (
            before in (NUMBER, ")", VARIABLE) and kind == "(" and self.text[self.starts[i]] == "("
        )

    def _power(self) -> Number | None:
        base = self._primary()
        if base is None or self.kinds[self.i] != "^":
            return base
        before = self.i
        self.i += 1
        power = self._primary()
        if not isinstance(power, int) or abs(power) > _LARGEST_POWER or (not base and power < 0):
            self.i = before
            return None
        if _bits(base) * abs(power) > _LARGEST:
            return None
        self.signs.append("^")
        raised = Fraction(base) ** abs(power)
        value = exact(Fraction(raised) if power >= 0 else 1 / Fraction(raised))
        self.partial.add(value)
        self._skip_unit()
        return value

    def _primary(self) -> Number | None:
        kind, i = self.kinds[self.i], self.i
        self.fractional = False
        if kind == NUMBER:
            value = self.values[i]
            assert not isinstance(value, str)
            self.i += 1
            self.operands.append(value)
            self.fractional = 0 < value < 1
            if self.kinds[self.i] == "%":
                self.i += 1
                value = exact(value * self.hundredth)
                self.signs.append("%")
                self.partial.add(value)
                self.fractional = True
            else:
                value = self._with_smaller_unit(value)
            self._skip_unit()
            return value
        if kind in ("-", "+"):
            if self.starts[i + 1] != self.ends[i] and self.kinds[i - 1] != "(":
                return None  # a dash
            self.i += 1
            inner = self._primary()
            if inner is not None and self.operands:
                self.operands[-1] = -self.operands[-1] if kind == "-" else self.operands[-1]
            return None if inner is None else -inner if kind == "-" else inner
        if kind == VARIABLE:
            self.saw_unknown = True
            if self.unknown is None:
                return None
            self.i += 1
            return self.unknown
        if kind == TIMES_WORD:
            return self._times_word()
        return self._bracketed(kind)

    def _with_smaller_unit(self, value: Number) -> Number:
        """Of `1 h 50 min` the 110, in the smaller unit."""
        j = self.i + 1
        if self.kinds[self.i] != WORD:
            return value
        if self.kinds[j] == AND:
            j += 1
        if self.kinds[j] != NUMBER or self.kinds[j + 1] != WORD:
            return value
        factor = _CONVERSIONS.get((_singular(self.values[self.i]), _singular(self.values[j + 1])))
        more = self.values[j]
        if factor is None or isinstance(more, str):
            return value
        self.i = j + 1
        self.operands.append(more)
        return exact(value * factor + more)

    def _times_word(self) -> Number | None:
        """`twice 5`, `double the 8`."""
        factor = self.values[self.i]
        assert not isinstance(factor, str)
        self.i += 1
        if self.kinds[self.i] in (FILLER, OF):
            self.i += 1
        inner = self._primary() if self.kinds[self.i] == NUMBER else None
        if inner is None:
            return None
        self.operands.append(factor)
        self.signs.append("*")
        return exact(factor * inner)

    def _bracketed(self, kind: str) -> Number | None:
        r"""`(3 + 4)`, `\frac{3}{4}`, `\sqrt{16}`."""
        if self.depth >= _DEEPEST:
            return None
        self.depth += 1
        value: Number | None = None
        if kind == "(":
            value = self._inside()
            self._skip_unit()
        elif kind == FRACTION:
            value = self._fraction()
            self._skip_unit()
        elif kind == ROOT:
            self.i += 1
            value = _root(self._inside() if self.kinds[self.i] == "(" else self._primary())
            self.signs.append("^")
        self.depth -= 1
        return value

    def _inside(self) -> Number | None:
        if self.kinds[self.i] != "(":
            return None
        self.i += 1
        value = self._sum()
        while self.kinds[self.i] in _UNIT:
            self.i += 1
        if value is None or self.kinds[self.i] != ")":
            return None
        self.i += 1
        self.fractional = 0 < value < 1
        return value

    def _fraction(self) -> Number | None:
        self.i += 1
        over = self._inside()
        under = self._inside()
        if over is None or not under:
            return None
        self.signs.append("/")
        value = quotient(over, under)
        self.partial.add(value)
        self.fractional = 0 < value < 1
        return value

    def _skip_unit(self) -> None:
        """Pass over a unit, where the computation goes on behind it."""
        j, kinds = self.i, self.kinds
        if kinds[j] == WORD and self.ends[j] - self.starts[j] == 1:
            self.saw_letter = self.saw_letter or self.starts[j] == self.ends[j - 1]
        if kinds[j] in _BEHIND_UNIT and not (kinds[j] == "/" and kinds[j + 1] == WORD):
            return
        if kinds[j] == OF and self.fractional:
            return
        last = j + _UNIT_WORDS
        while j < last:
            if kinds[j] in _UNIT:
                j += 1
            elif kinds[j] == "/" and kinds[j + 1] == WORD:
                j += 2
            elif kinds[j] == "^" and j > self.i and kinds[j + 1] == NUMBER:
                j += 2  # "cm^3"
            elif kinds[j] == "(" and kinds[j + 1] in _UNIT:
                k = j + 1
                while k < j + 1 + _UNIT_WORDS and kinds[k] in _UNIT:
                    k += 1
                if kinds[k] != ")":
                    return
                j = k + 1
            else:
                break
        if j > self.i and kinds[j] in _BEHIND_UNIT and kinds[j] != "^":
            self.i = j

    def _command(self) -> Number | None:
        """`add 5 and 7`, `subtract 4 from 10`, `the product of 3 and 8`, `divide 12 by 4`."""
        word = str(self.values[self.i])
        self.i += 1
        if self.kinds[self.i] in (OF, FILLER):
            self.i += 1
        if self.values[self.i] == "between":
            self.i += 1
        numbers: list[Number] = []
        links: list[str] = []
        while len(numbers) < 8:
            value = self._power() if self.kinds[self.i] in _OPERAND else None
            if value is None:
                break
            numbers.append(value)
            j = self.i
            while self.kinds[j] in _UNIT and j < self.i + 2:
                j += 1
            if self.kinds[j] == COMMA:
                j += 1
            if self.kinds[j] in (AND, LINK):
                links.append(str(self.values[j]))
                j += 1
            if self.kinds[j] in (FILLER, WORD):
                j += 1
            if self.kinds[j] not in (NUMBER, FRACTION) or j == self.i:
                break
            self.i = j
        if len(numbers) < 2 or (VERBS[word] in "-/" and len(numbers) != 2):
            return None
        swapped = VERBS[word] == "-" and links[:1] == ["from"]
        return self._combined(VERBS[word], numbers[::-1] if swapped else numbers, word)

    def _combined(self, sign: str, numbers: list[Number], word: str) -> Number | None:
        total = numbers[0]
        for number in numbers[1:]:
            if sign == "/" and number == 0:
                return None
            self.signs.append(sign)
            total = exact(
                total + number
                if sign == "+"
                else total - number
                if sign == "-"
                else total * number
                if sign == "*"
                else Fraction(total) / number
            )
            self.partial.add(total)
        return size(total) if word == "difference" else total

    def relation(self, left: Side) -> str:
        """ "=" or "words" where the text says that what was read equals what comes; else ""."""
        kinds, j = self.kinds, self.i
        if kinds[j] in _UNIT:
            k = j
            while kinds[k] in _UNIT and k < j + _UNIT_WORDS:
                k += 1
            if kinds[k] == "=":
                j = k
        if kinds[j] == "=":
            self.i = j + 1
            while kinds[self.i] == "=":
                self.i += 1
            while kinds[self.i] in (FILLER, COPULA) and self.i < j + 4:
                self.i += 1
            return "="
        if not left.signs:
            return ""
        copula = False
        while kinds[j] in _GAP and j < self.i + _GAP_WORDS:
            copula = copula or kinds[j] == COPULA
            j += 1
        if copula and kinds[j] in _RESULT:
            self.i = j
            return "words"
        return ""


def _singular(word: Number | str) -> str:
    return _SINGULAR.get(str(word), str(word).removesuffix("s"))


def _split(factor: Number) -> list[Number]:
    """Of 3/4 the 3 and the 1/4, which may be taken apart."""
    if isinstance(factor, int) or factor.numerator == 1 or factor.denominator > 100:
        return [factor]
    return [factor.numerator, Fraction(1, factor.denominator)]


def size(value: Number) -> Number:
    """The value without its sign."""
    return -value if value < 0 else value


def _bits(value: Number) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _is_too_large(value: Number) -> bool:
    return _bits(value) > _LARGEST


def _root(value: Number | None) -> Number | None:
    if value is None or value < 0:
        return None
    value = Fraction(value)
    over, under = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if over * over != value.numerator or under * under != value.denominator:
        return None
    return exact(Fraction(over, under))


def read(text: str, unknown: Number | None = None, before: Side | None = None) -> Reading:
    """The computations in a text.

    Args:
        text: a problem or a step.
        unknown: the value of x, where it is known.
        before: what the text before ended with; a text that begins with "=" goes on from it.
    """
    tokens = scan(text)
    reading = _read(tokens, text, unknown, before)
    if unknown is None and VARIABLE in tokens.kinds and "=" in tokens.kinds:
        root = _solve(tokens, text)
        if root is not None:
            return replace(_read(tokens, text, root, before), root=root)
    return reading


def _solve(tokens: Tokens, text: str) -> Number | None:
    """The unknown's value from the first equation that has it, if it is linear there."""
    gaps: list[Number] = []
    for x in (0, 1, 2):
        with_x = [e for e in _read(tokens, text, x, None, every=True).equations if e.unknown]
        if not with_x:
            return None
        gaps.append(with_x[0].sides[0].value - with_x[0].sides[1].value)
    slope = gaps[1] - gaps[0]
    if not slope or gaps[2] - gaps[1] != slope:
        return None
    return exact(-Fraction(gaps[0]) / slope)


def _read(
    tokens: Tokens, text: str, unknown: Number | None, before: Side | None, every: bool = False
) -> Reading:
    reader = _Reader(tokens, text, unknown)
    kinds, last = reader.kinds, len(reader.kinds) - 1
    equations: list[Equation] = []
    loose: list[Side] = []
    unread = False
    loosely: bool | None = None
    opens = kinds[0] == "="
    reader.i = int(opens)
    chain: list[Side] = []
    if opens and before is not None and before.signs:
        before = before._replace(first=_ELSEWHERE)
        chain.append(before)
    links = ["="] * len(chain)
    while reader.i < last:
        found = reader.side() if kinds[reader.i] in _BEGINS else None
        if found is not None:
            at = reader.i
            chain.append(found)
            links.append(reader.relation(found))
            if links[-1] and kinds[reader.i] in _BEGINS:
                if links[-1] == "=" or found.written or len(chain) > 1:
                    continue
                reader.i = at  # "one is 5" says nothing of the number one
            else:
                unread = unread or links[-1] == "="
        elif chain:
            unread = True
        else:
            reader.i += 1
            continue
        if len(chain) > 1:
            if loosely is None:
                loosely = _is_loose(text)
            judged, left = _judge(reader, chain, links, loosely, every)
            equations += judged
            chain = left
        loose += [side for side in chain if side is not before]
        chain, links, reader.saw_unknown = [], [], False
    return Reading(
        tuple(equations), tuple(loose), frozenset(reader.partial), None, tokens, opens, unread
    )


def _is_loose(text: str) -> bool:
    """Whether a text says that its numbers are rounded."""
    small = text.lower()
    if text.isascii() and not any(piece in small for piece in _LOOSE_PIECES):
        return False
    return _LOOSELY.search(text) is not None


def _judge(
    reader: _Reader, chain: list[Side], links: list[str], loosely: bool, every: bool
) -> tuple[list[Equation], list[Side]]:
    """(The equations that a chain is made of, the sides that are part of none.)

    Where two sides differ and may not be meant as equal, the chain is cut between them.
    """
    equations: list[Equation] = []
    loose: list[Side] = []
    part, worst, rounded = [chain[0]], 0.0, False

    def close() -> None:
        if len(part) == 1:
            loose.append(part[0])
            return
        start, end = part[0].start, part[-1].end
        if part[0].first == _ELSEWHERE:
            start = reader.starts[0]  # its sign of equality
        holds = not worst or _holds_as_percent(reader, part)
        error = 0.0 if holds else worst
        unknown = reader.saw_unknown
        equations.append(
            Equation(start, end, tuple(part), holds, error, rounded and holds, unknown)
        )

    for k, (a, b) in enumerate(pairwise(chain)):
        error, near = _difference(a, b, loosely)
        if error and (_goes_on(reader, chain, k) or _converts(a, b)):
            error = 0.0
        if error and not every and _is_open(reader, a, b, links[k]):
            close()
            part, worst, rounded = [], 0.0, False
        part.append(b)
        worst, rounded = max(worst, error if len(part) > 1 else 0.0), rounded or near
    close()
    return equations, loose


def _is_open(reader: _Reader, a: Side, b: Side, link: str) -> bool:
    """Whether it is open that two sides which differ are meant as equal."""
    if a.cut or b.cut:
        return True
    if link == "words":
        return a.is_number or not b.is_number
    if not a.is_number:
        return bool(a.unit and b.unit and a.unit != b.unit and _factor(a.unit, b.unit))
    counted_apart = bool(a.unit and b.unit and a.unit != b.unit and b.is_number)
    known = _factor(a.unit, b.unit) is not None
    return (counted_apart and not known) or a.labelled or not (a.written and b.written)


def _factor(unit: str, other: str) -> Number | None:
    """How many of the other make one of this unit, where that is known here."""
    if (unit, other) in _CONVERSIONS:
        return _CONVERSIONS[unit, other]
    back = _CONVERSIONS.get((other, unit))
    return None if back is None else Fraction(1) / back


def factors_of(unit: str) -> list[Number]:
    """What a value may be multiplied by where its unit is changed to or from this one."""
    found: list[Number] = []
    for (big, small), factor in _CONVERSIONS.items():
        if unit and unit in (big, small):
            found += [factor, Fraction(1, factor)]
    return found


def _converts(a: Side, b: Side) -> bool:
    """`2 hours = 120 minutes`, `90 × 2 = 180 minutes = 3 hours`."""
    factor = _factor(a.unit, b.unit) if a.unit != b.unit else None
    return factor is not None and a.value * factor == b.value


def _goes_on(reader: _Reader, chain: list[Side], k: int) -> bool:
    """`40 + 20 = 60 + 10 = 70`: the last result, and on with it; sloppy, and meant right."""
    a, b = chain[k], chain[k + 1]
    if not (a.signs and b.signs and b.operands) or b.operands[0] != a.value:
        return False
    return k + 2 < len(chain) or "times" in reader.text[b.start : b.end]


def _difference(a: Side, b: Side, loosely: bool) -> tuple[float, bool]:
    """(Relative difference of two sides, 0 where they agree; whether only as rounded.)"""
    if a.value == b.value:
        return 0.0, False
    gap = size(a.value - b.value)
    for shown, other in ((b, a), (a, b)):
        if shown.shown >= 0 and _is_rounded(shown, other, gap, loosely):
            return 0.0, True
    scale = max(size(a.value), size(b.value))
    return max(float(Fraction(gap) / scale), 1e-9), False


def _is_rounded(shown: Side, other: Side, gap: Number, loosely: bool) -> bool:
    """Whether a number shown is the other side, rounded to the digits that it has."""
    if not other.signs:
        return loosely and other.shown > shown.shown and gap < Fraction(1, 10**shown.shown)
    unit = Fraction(1, 10**shown.shown)
    if shown.shown >= 2:
        return gap < unit
    if loosely:
        return gap < unit or gap * 50 <= size(other.value)
    if shown.shown == 1:
        return gap <= unit / 2 and 100 % Fraction(other.value).denominator != 0
    return False


def _holds_as_percent(reader: _Reader, chain: list[Side]) -> bool:
    """Whether a chain holds under another meaning of "%": a mere unit, or a share of the sum
    before it."""
    if not any("%" in side.signs for side in chain):
        return False
    here, holds = reader.i, False
    for meaning in (1, 0):
        reader.hundredth = meaning
        values: list[Number | None] = []
        for side in chain:
            if side.first == _ELSEWHERE:
                values.append(side.value)
                continue
            reader.i = side.first
            again = reader.side()
            values.append(None if again is None else again.value)
        if meaning == 0:  # a percentage alone keeps its value
            values = [s.value if s.signs == "%" else v for s, v in zip(chain, values, strict=True)]
        holds = holds or (None not in values and len(set(values)) == 1)
    reader.i, reader.hundredth = here, Fraction(1, 100)
    return holds

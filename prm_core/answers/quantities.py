r"""Are two numbers, or formulas, with their units the same?

`57_8` and `57 base 8`; `0.3333` and `1/3`; `5 m` and `500 cm`; `15%` and `0.15`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from prm_core.answers.expressions import (
    Formula,
    NoFormulaError,
    Value,
    is_real,
    nearly_equal,
    to_fraction,
)
from prm_core.answers.notation import Token, key_of, words
from prm_core.answers.structure import Tokens, without_thousands
from prm_core.answers.units import (
    LETTERS,
    NO_UNIT,
    PERCENT,
    READ_AS,
    SCALES,
    SPACED_LETTERS,
    Unit,
    read_unit,
)
from prm_core.text.number_words import UNITS

_MORE = words("more increase increased increases rise rose gain gained profit up")
_LESS = words("less fewer decrease decreased decreases drop fall fell loss lost discount off down")
_COMPASS = words("north south east west northeast northwest southeast southwest")
DIRECTIONS: tuple[tuple[frozenset[str], ...], ...] = (
    (_MORE, _LESS),
    tuple(frozenset({way}) for way in _COMPASS),
    (words("left"), words("right")),
    (words("before earlier behind"), words("after later ahead")),
    (words("above over older"), words("below under younger")),
)
"""Ways that exclude each other: "10 less" is not "10 more"."""
_LEADS = words("a an the of by exactly about 共 一共 共有 一共有 总共 总共有 有") | _MORE | _LESS
_MONEY = words("dollar dollars euro euros gbp cent cents pence")
_BASES = {word: str(base) for word, base in UNITS.items() if base in (*range(2, 13), 16)}


def _based(tokens: Tokens) -> tuple[str, str] | None:
    """Digits and their base, as in 57_8 or "57 base 8"; the base is "" where none is given."""
    index = 0
    while index < len(tokens) and (
        tokens[index].kind in ("number", "letter") and not (index and tokens[index].spaced)
    ):
        index += 1
    digits = "".join(token.text for token in tokens[:index]).upper()
    if not re.fullmatch(r"[0-9A-F.]+", digits) or not re.search(r"\d", digits):
        return None
    mark = [token.text for token in tokens[index:] if token.text not in ("{", "}", "(", ")")]
    if not mark:
        return digits, ""
    if mark[0] in ("_", "in", "base"):
        names = [word for word in mark if word not in ("_", "in", "base")]
        if len(names) == 1:
            base = _BASES.get(names[0], names[0])
            if base.isdigit():
                return digits, base
    return None


def same_based(a: Tokens, b: Tokens) -> bool | None:
    """Numbers with a base: the same digits, and no other base."""
    one, other = _based(a), _based(b)
    if one is None or other is None or not (one[1] or other[1]):
        return None
    return one[0] == other[0] and (one[1] == other[1] or not (one[1] and other[1]))


class _Quantity(NamedTuple):
    """A number or formula with what follows it.

    Attributes:
        names: the letters in it.
        values: its value at each point; a single one where there are no letters.
        places: where a plain decimal with four or more digits after its point was rounded; -1 for
            all others.
        unit: what it is counted in.
    """

    names: frozenset[str]
    values: list[Value | None]
    places: int
    unit: Unit


_PLACES = 4  # a decimal with so many stands for what rounds to it
_DECIMAL = re.compile(
    r"[-+]?(?P<whole>\d*)\.(?P<decimals>\d+)"
    r"(?:\*10\^\{?(?P<tens>[-+]?\d{1,3})\}?)?"
)


def forget() -> None:
    """Drop the quantities that were read last, which are a user's text."""
    _read.cache_clear()


@lru_cache(maxsize=1024)  # a vote compares every answer with many others
def _read(tokens: tuple[Token, ...]) -> _Quantity | None:
    """The quantity that an answer is; None where it is none."""
    try:
        return _quantity(tokens)
    except (NoFormulaError, ArithmeticError, ValueError):
        return _with_letter_unit(tokens)


def _quantity(tokens: Tokens) -> _Quantity:
    """
    Raises:
        NoFormulaError: it is none.
    """
    tokens = without_thousands(_after_lead(tokens))
    if len(tokens) > 1 and tokens[0].text in ("A", "a") and tokens[1].kind == "word":
        raise NoFormulaError  # "A dog" has no value
    formula = Formula(tokens)
    values = formula.values()
    size, rest = _scale(formula.rest)
    unit = PERCENT if _is_percent(rest) else read_unit(rest)
    if unit is None:
        raise NoFormulaError
    if size != 1:
        values = [None if v is None else v * size for v in values]
    number = tokens[: len(tokens) - len(formula.rest)]
    places = -1 if size != 1 else _places(key_of(number))
    return _Quantity(formula.names, values, places, unit)


def read_beside(tokens: Tokens, other: Tokens) -> Tokens:
    """An answer, its names of several units read as those that the other answer has.

    A price per hour or piece beside an amount of money is read as one, too.
    """
    mine, theirs = ({token.text for token in side} for side in (tokens, other))
    for names, beside, meant in READ_AS:
        if mine & names and theirs & beside and not mine & beside:
            tokens = [
                token._replace(text=meant, kind="word")
                if token.text in names and index and (token.kind == "word" or token is tokens[-1])
                else token
                for index, token in enumerate(tokens)
            ]
    if theirs & _MONEY and not theirs & {"per", "/"}:
        for index, (before, token) in enumerate(pairwise(tokens), start=1):
            if before.text in _MONEY and token.text in ("per", "/"):
                return tokens[:index]
    return tokens


def _after_lead(tokens: Tokens) -> Tokens:
    """Without "a", "up" or "an increase of" before a number."""
    first = next((i for i, token in enumerate(tokens) if token.kind == "number"), 0)
    lead = tokens[:first]
    return tokens[first:] if all(token.text in _LEADS for token in lead) else tokens


def _is_percent(rest: Tokens) -> bool:
    """Is it "%", perhaps with the word for what changes by it: "% increase", "percent off"?"""
    texts = [token.text for token in rest]
    n_mark = 2 if texts[:2] == ["per", "cent"] else texts[:1] in (["%"], ["percent"])
    return bool(n_mark) and all(token.kind == "word" for token in rest[int(n_mark) :])


def _scale(rest: Tokens) -> tuple[int, Tokens]:
    """What "million" and the like after a number multiply it by, and what is left."""
    size = 1
    while rest and rest[0].kind == "word" and (by := SCALES.get(rest[0].text)):
        size, rest = size * by, rest[1:]
    return size, rest


def _places(number: str) -> int:
    found = _DECIMAL.fullmatch(number.replace(" ", ""))
    if found is None or len(found["decimals"]) < _PLACES:
        return -1
    return max(len(found["decimals"]) - int(found["tens"] or 0), 0)


def same_quantities(a: Tokens, b: Tokens) -> bool | None:
    one, other = _read(tuple(a)), _read(tuple(b))
    if one is None or other is None:
        return None if one is other else False
    if other.names and (one.unit.powers or not one.names):
        other = _with_letter_unit(b) or other
    elif one.names and (other.unit.powers or not other.names):
        one = _with_letter_unit(a) or one
    if PERCENT in (one.unit, other.unit) and one.unit != other.unit:
        return _same_percent(one, other)
    if _same_measures(one, other):
        return True
    # 60 s and 1 min were told apart above; 3600 s and 1 h are both letters.
    left, right = (_with_letter_unit(t) if q.names else None for q, t in ((one, a), (other, b)))
    return left is not None and right is not None and _same_measures(left, right)


def _same_measures(one: _Quantity, other: _Quantity) -> bool:
    """The same values, once both are in one unit."""
    if one.unit.powers and other.unit.powers:
        if one.unit.powers != other.unit.powers:
            return False
        if one.unit.size != other.unit.size:
            one, other = (
                q._replace(values=[v and v * q.unit.size for v in q.values], places=-1)
                for q in (one, other)
            )
    return _same_values(one, other)


def same_compounds(a: Tokens, b: Tokens) -> bool | None:
    """ "5 ft 3 in" beside "63 inches"; None where neither is made of several units."""
    sums = [_compound(tokens) for tokens in (a, b)]
    if sums == [None, None]:
        return None
    one, other = (found or _measured(tokens) for found, tokens in zip(sums, (a, b), strict=True))
    if one is None or other is None:
        return None
    if one.unit.powers != other.unit.powers:
        return False
    sizes = (q._replace(values=[v and v * q.unit.size for v in q.values]) for q in (one, other))
    return _same_values(*sizes)


def _compound(tokens: Tokens) -> _Quantity | None:
    """The sum of several numbers with units of one kind, each smaller than the one before."""
    parts: list[list[Token]] = []
    for before, token in zip((None, *tokens), tokens, strict=False):
        begins = before is None or before.kind in ("word", "letter") or before.text == ","
        if token.kind == "number" and begins:
            parts.append([])
        if not parts:
            return None
        parts[-1].append(token)
    if not 1 < len(parts) < 5:
        return None
    found = [_measured(_unjoined(part)) for part in parts]
    known = [q for q in found if q is not None]
    sizes = [q.unit.size for q in known]
    one_kind = len(known) == len(parts) and len({q.unit.powers for q in known}) == 1
    if not one_kind or sizes != sorted(set(sizes), reverse=True):
        return None
    total = sum((Fraction(q.values[0] or 0) * q.unit.size for q in known), Fraction(0))
    return _Quantity(frozenset(), [total], -1, Unit(known[0].unit.powers))


def _measured(tokens: Tokens) -> _Quantity | None:
    """An exact number with a unit of measure, which may be a single letter: "2h"."""
    found = _read(tuple(tokens))
    if found is not None and found.names:
        found = _with_letter_unit(tokens)
    exact = found is not None and isinstance(found.values[0], Fraction)
    return found if found is not None and exact and found.unit.powers else None


def _unjoined(part: list[Token]) -> list[Token]:
    while part and part[-1].text in (",", "and"):
        part = part[:-1]
    return part


def _with_letter_unit(tokens: Tokens) -> _Quantity | None:
    """ "5 m" as five metres: beside another length or a bare number, for it may be 5 times m."""
    first = next((i for i, token in enumerate(tokens) if token.kind == "letter"), 0)
    if not first or tokens[first].text not in LETTERS:
        return None
    if tokens[first].text in SPACED_LETTERS and not tokens[first].spaced:
        return None
    try:
        quantity = _quantity(tokens[:first])
    except NoFormulaError:
        return None
    unit = read_unit([token._replace(upright=True) for token in tokens[first:]])
    return quantity._replace(unit=unit) if unit and unit.powers else None


def _same_percent(a: _Quantity, b: _Quantity) -> bool:
    rate, other = (a, b) if a.unit == PERCENT else (b, a)
    if other.unit.powers:
        return False
    places = rate.places + 2 if rate.places > 0 else -1
    hundredth = [None if v is None else v / 100 for v in rate.values]
    share = _Quantity(rate.names, hundredth, places, NO_UNIT)
    return _same_values(rate, other) or _same_values(share, other)


def _same_values(a: _Quantity, b: _Quantity) -> bool:
    """Equal at all points, or equal when rounded to the places of the one that was rounded."""
    n = max(len(a.values), len(b.values))  # one value stands for all points
    one, other = (q.values * (n // len(q.values)) for q in (a, b))
    pairs = [(x, y) for x, y in zip(one, other, strict=True) if x is not None and y is not None]
    if pairs and all(nearly_equal(x, y) for x, y in pairs):
        return True
    return not (a.names or b.names) and _rounded_same(a, b)


def _rounded_same(a: _Quantity, b: _Quantity) -> bool:
    places = min((q.places for q in (a, b) if q.places >= 0), default=None)
    x, y = a.values[0], b.values[0]
    if places is None or not (is_real(x) and is_real(y)):
        return False
    exact = to_fraction(x), to_fraction(y)
    for q, value in zip((a, b), exact, strict=True):
        if 0 <= q.places < places or value.denominator == 1:
            return False
    return abs(exact[0] - exact[1]) <= Fraction(f"5e-{places + 1}")

"""The equations in a text: which computations are said to be equal, and whether they are.

`prm_core.calculator.reader` reads the computations. Where words leave it open whether something is
meant as an equation ("day 1 = 5 × 2"), it counts only if it holds: a calculator may miss an error,
but may not invent one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from prm_core.calculator.clock import with_clocks
from prm_core.calculator.conversions import factor_of, factors_of
from prm_core.calculator.reader import BEGINS, Reader, size
from prm_core.calculator.readings import ELSEWHERE, Equation, Reading, Side
from prm_core.calculator.tokens import (
    AND,
    CLOCK,
    COMMA,
    COPULA,
    FILLER,
    LINK,
    NUMBER,
    OF,
    TIMES_WORD,
    VARIABLE,
    WORD,
    Number,
    Tokens,
    exact,
    scan,
    words,
)
from prm_core.text.number_words import SCALES

_LOOSELY = re.compile(
    r"≈|≅|\\approx|~|\b(?:about|approx\w*|round\w*|nearest|almost|roughly|whole|full|remain\w*|"
    r"complete\w*|at (?:least|most)|estimate\w*|closest|a bit)\b|\d r ?\d",
    re.IGNORECASE,
)
_ON = re.compile("times|plus|minus")
_WORTH = re.compile(  # of coins and of places
    r"\b(?:quarters|dimes?|nickels?|penn(?:y|ies)|tens|ones|hundreds)\b", re.IGNORECASE
)
_SQUARED = re.compile(r"\s*[a-z]{1,2}(?:(?P<square>²|\^\{?2)|³|\^\{?3)")  # "m²"
_REMAINDER = frozenset(("remainder", "rest", "rem", "r"))
_BEFORE_REMAINDER = frozenset((WORD, FILLER, LINK, COMMA, AND))
_SCALES = re.compile(r"\b(?:thousand|million|billion)\b", re.IGNORECASE)
_PI_DIGITS = 500  # 3.14 is off by a two-thousandth, 22/7 by less
# Every match of it in ASCII holds one of these pieces, which are looked for much quicker.
_LOOSE_PIECES = (
    *words("~ about approx round nearest almost roughly whole full remain complete"),
    *("at least", "at most", "estimate", "closest", "a bit", " r"),
)


def read(
    text: str, unknowns: Mapping[str, Number] | None = None, before: Side | None = None
) -> Reading:
    """The computations in a text.

    Args:
        text: a problem or a step.
        unknowns: letters whose value is known.
        before: what the text before ended with; a text that begins with "=" continues it.
    """
    tokens = scan(text)
    known = dict(unknowns or {})
    open_letters = {
        str(value)
        for kind, value in zip(tokens.kinds, tokens.values, strict=True)
        if kind == VARIABLE and value not in known
    }
    letter, root = "", None
    if len(open_letters) == 1 and "=" in tokens.kinds:
        (letter,) = open_letters
        root = _solve(tokens, text, letter, known)
        if root is not None:
            known[letter] = root
    reading = _read(tokens, text, known, before)
    if root is not None:
        reading = replace(reading, root=root, letter=letter)
        if assigns(reading):  # "x = 2 or x = 3": neither is false
            equations = tuple(e for e in reading.equations if e.holds or not e.unknown)
            reading = replace(reading, equations=equations)
    return with_clocks(reading) if CLOCK in tokens.kinds else reading


def assigns(reading: Reading) -> bool:
    """Whether an unknown has its value from "x = 3", which may be the case that comes next."""
    first = next((e for e in reading.equations if e.unknown), None)
    return first is not None and not first.sides[0].signs and first.sides[1].is_number


def _solve(tokens: Tokens, text: str, letter: str, known: Mapping[str, Number]) -> Number | None:
    """A letter's value from the first equation with a letter in it, if it is linear there."""
    gaps: list[Number] = []
    for x in (0, 1, 2):
        read_so = _read(tokens, text, {**known, letter: x}, None, every=True)
        with_x = [e for e in read_so.equations if e.unknown]
        if not with_x or any(side.cut for side in with_x[0].sides):
            return None
        gaps.append(with_x[0].sides[0].value - with_x[0].sides[1].value)
    slope = gaps[1] - gaps[0]
    if not slope or gaps[2] - gaps[1] != slope:
        return None
    return exact(-Fraction(gaps[0]) / slope)


def _read(
    tokens: Tokens,
    text: str,
    known: Mapping[str, Number],
    before: Side | None,
    every: bool = False,
) -> Reading:
    reader = Reader(tokens, text, known)
    kinds, last = reader.kinds, len(reader.kinds) - 1
    equations: list[Equation] = []
    loose: list[Side] = []
    unread = False
    loosely: bool | None = None
    opens = kinds[0] == "="
    reader.i = int(opens)
    chain: list[Side] = []
    if opens and before is not None and before.signs:
        before = before._replace(first=ELSEWHERE)
        chain.append(before)
    links = ["="] * len(chain)
    while reader.i < last:
        found = reader.side() if kinds[reader.i] in BEGINS else None
        if found is not None:
            at = reader.i
            chain.append(found)
            links.append(reader.relation(found))
            if links[-1] and kinds[reader.i] in BEGINS:
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
    reader: Reader, chain: list[Side], links: list[str], loosely: bool, every: bool
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
        if part[0].first == ELSEWHERE:
            start = reader.starts[0]  # its sign of equality
        holds = not worst or _holds_otherwise(reader, part)
        error = 0.0 if holds else worst
        unknown = reader.saw_unknown
        equations.append(
            Equation(start, end, tuple(part), holds, error, rounded and holds, unknown)
        )

    for k, (a, b) in enumerate(pairwise(chain)):
        error, near = _difference(a, b, loosely)
        rest = _remainder(reader, a, b)
        if rest is not None:
            error, near = _difference(*rest, False)
        elif error and (_goes_on(reader, chain, k) or _converts(reader, a, b)):
            error = 0.0
        # With `every`, an unknown has some value for a trial, and errors say nothing.
        if (links[k] == "words" if every else error) and _is_open(
            reader, a, b, links[k], k + 2 < len(chain)
        ):
            close()
            part, worst, rounded = [], 0.0, False
        part.append(b)
        worst, rounded = max(worst, error if len(part) > 1 else 0.0), rounded or near
    close()
    return equations, loose


def _remainder(reader: Reader, a: Side, b: Side) -> tuple[Side, Side] | None:
    """Of "53 / 8 = 6 remainder 5" and "53 / 8 = 6 with 5 left" the 53 and the 6 × 8 + 5.

    None where no remainder is told.
    """
    if a.signs != "/" or b.signs or not isinstance(b.value, int) or len(a.operands) != 2:
        return None
    kinds, j = reader.kinds, b.first + 1
    while kinds[j] in _BEFORE_REMAINDER and reader.values[j] not in _REMAINDER:
        j += 1
        if j > b.first + 5:
            return None
    if reader.values[j] in _REMAINDER:
        j += 1
        while kinds[j] in (OF, FILLER, COPULA):
            j += 1
    elif "left" not in reader.values[j + 1 : j + 3]:
        return None
    rest = reader.values[j]
    if kinds[j] != NUMBER or isinstance(rest, str):
        return None
    over, under = a.operands
    if rest >= under:
        return None  # "120 / 4 = 30, rest 90"
    return a._replace(value=over, signs=""), b._replace(value=exact(b.value * under + rest))


def _is_open(reader: Reader, a: Side, b: Side, link: str, goes_on: bool) -> bool:
    """Whether it is open that two sides which differ are meant as equal.

    Of a chain that goes on, the second is a computation and no result: "half of one is 6/2 = 3".
    """
    if a.cut or b.cut or {a.unit, b.unit} & {"am", "pm"}:
        return True
    if link == "words":
        bought = bool(a.unit) and a.unit != "$" and b.unit == "$"  # "the 2 x 4 boards were $10"
        computed = not b.is_number or b.signs == "%" or (b.signs == "/" and goes_on)
        in_words = not b.signs and reader.takes_of(b)  # "5% of 1200 is half of that"
        return a.is_number or computed or bought or in_words or reader.is_of(a)
    if _is_half_told(reader, a, b) or _counts_and_values(a, b):
        return True
    if not a.is_number:
        factor = factor_of(a.unit, b.unit) if a.unit and b.unit and a.unit != b.unit else None
        converted = factor in a.operands  # "2.5 years × 12 = 30 months"
        plain = a.mixed or b.mixed or converted or a.signs == "*"
        return factor is not None and not plain
    counted = bool(a.unit) and a.unit != b.unit
    # "5 apples = $10"; "3 pens = 4.50" and "1 pen = 4.50/3"
    counted_apart = counted and bool(b.unit) and b.is_number
    counted_apart |= counted and a.unit != "$" and not a.signs and (b.is_number or a.value == 1)
    known = factor_of(a.unit, b.unit) is not None
    # "15 mangoes = 15 × 1.60 = $24"
    priced = counted and not a.signs and b.signs[:1] == "*" and a.value in b.operands
    if priced and (not factors_of(a.unit) or (b.unit and not known)):
        return True
    return (counted_apart and not known) or a.labelled or not (a.written and b.written)


def _is_half_told(reader: Reader, a: Side, b: Side) -> bool:
    """Whether words around two sides hold a part of what is computed.

    As in "third of 21 = 7", "10% of the price = 55", "tax 10% = 55", "so 1/5 = 5" and "plus 60
    = 420".
    """
    if reader.takes_of(a) or _WORTH.search(reader.text, a.start, b.end + 6):
        return True
    plain = not a.signs or reader.kinds[a.first] == TIMES_WORD
    if plain and (reader.is_of(a) or reader.goes_on_from_before(a) or reader.takes_of(b)):
        return True
    # "2/3 = 16" of something; "4/8 = 2" is a division the wrong way round.
    lowest = a.signs == "/" and 0 < a.value < 1 and a.value.denominator == a.operands[1] < 13
    converts = factor_of(a.unit, b.unit) is not None
    return (a.signs == "%" or lowest) and b.value > 1 and not converts


def _counts_and_values(a: Side, b: Side) -> bool:
    """Whether things are added and then their prices: "1 pen + 2 caps = 4 + 2 × 5"."""
    if set(a.signs) != {"+"} or a.unit in ("", "$") or b.unit not in ("", "$"):
        return False
    return "*" in b.signs or (a.signs == b.signs and not set(a.operands) & set(b.operands))


def _converts(reader: Reader, a: Side, b: Side) -> bool:
    """`2 hours = 120 minutes`, `90 × 2 = 180 minutes = 3 hours`, `2 hours = 2 × 60`."""
    scale = _SCALES.search(reader.text, b.start, b.end)
    if scale is not None and _SCALES.search(reader.text, a.start, a.end) is None:
        return a.value * SCALES[scale[0].lower()] == b.value  # "5 × 3 = 15 thousand"
    mixed = a.unit if a.mixed else b.unit if b.mixed else ""
    if mixed or (a.unit and not b.unit and b.signs):
        return any(a.value * factor == b.value for factor in factors_of(mixed or a.unit))
    factor = factor_of(a.unit, b.unit) if a.unit != b.unit else None
    if factor is None:
        return False
    squared = _SQUARED.match(reader.text, a.end)
    power = 1 if squared is None else 2 if squared["square"] else 3
    return a.value * Fraction(factor) ** power == b.value


def _goes_on(reader: Reader, chain: list[Side], k: int) -> bool:
    """`40 + 20 = 60 + 10 = 70`: the last result, and on with it; sloppy, and meant right."""
    a, b = chain[k], chain[k + 1]
    if not (a.signs and b.signs and b.operands) or b.operands[0] != a.value:
        return False
    return k + 2 < len(chain) or _ON.search(reader.text, b.start, b.end) is not None


def _difference(a: Side, b: Side, loosely: bool) -> tuple[float, bool]:
    """(Relative difference of two sides, 0 where they agree; whether only as rounded.)"""
    if a.value == b.value:
        return 0.0, False
    gap = size(a.value - b.value)
    if "π" in a.signs + b.signs and gap * _PI_DIGITS <= max(size(a.value), size(b.value)):
        return 0.0, True
    for shown, other in ((b, a), (a, b)):
        if shown.shown >= 0 and _is_rounded(shown, other, gap, loosely):
            return 0.0, True
    scale = max(size(a.value), size(b.value))
    return max(float(Fraction(gap) / scale), 1e-9), False


def _is_rounded(shown: Side, other: Side, gap: Number, loosely: bool) -> bool:
    """Whether a number shown is the other side, rounded to the digits that it has."""
    if not other.signs:
        if loosely and not other.shown and not shown.shown:  # "389 ≈ 390"
            return gap * 2 <= _last_place(shown.value)
        return loosely and other.shown > shown.shown and gap < Fraction(1, 10**shown.shown)
    unit = Fraction(1, 10**shown.shown)
    if shown.shown >= 2:
        return gap < unit
    if loosely and isinstance(other.value, int):  # "123 + 456 ≈ 580", and no "40 + 20 ≈ 61"
        place = _last_place(shown.value) if not shown.shown else 0
        return gap * 2 <= place and gap * 50 <= size(other.value)
    if loosely:
        return gap < unit or gap * 50 <= size(other.value)
    if shown.shown == 1:
        return gap <= unit / 2 and 100 % Fraction(other.value).denominator != 0
    return False


def _last_place(value: Number) -> int:
    """The 100 of 1,200: what a whole number may be rounded to."""
    digits = str(value)
    return 10 ** (len(digits) - len(digits.rstrip("0"))) if value else 1


def _holds_as_percent(reader: Reader, chain: list[Side]) -> bool:
    """Whether a chain holds under another meaning of "%": a mere unit, or a share of the sum
    before it."""
    if not any("%" in side.signs for side in chain):
        return False
    here, holds = reader.i, False
    # A percentage beside a mere number is a share of it: "60 + 8%" is not 68.
    shares = any(
        set(s.signs) & {"+", "-"} and 0 < s.signs.count("%") < len(s.operands) for s in chain
    )
    for meaning in (0,) if shares else (1, 0):
        reader.hundredth = meaning
        values: list[Number | None] = []
        for side in chain:
            if side.first == ELSEWHERE:
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


def _holds_otherwise(reader: Reader, chain: list[Side]) -> bool:
    """Whether a chain holds in another reading of its first side or of its percentages.

    "half of 24 - 6 = 18, which is 9" and "40 times burns 40 × 128" speak of the rest; the dash of
    "- 7 + 12 = 5" is a sign.
    """
    for again in (reader.behind_share(chain[0]), reader.behind_dash(chain[0])):
        if again is not None and all(side.value == again for side in chain[1:]):
            return True
    return _holds_as_percent(reader, chain)

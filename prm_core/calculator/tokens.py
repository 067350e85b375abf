"""A text as the tokens that a calculator knows: numbers, signs, and words that stand for them.

One pass of one expression over the text, so it is linear; every token keeps where it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import compress
from typing import Any

from prm_core.text.number_words import SCALES, TENS, UNITS

Number = int | Fraction

# What a token can be, one character each. Signs are themselves: + - * / ^ ( ) = %
NUMBER, WORD, FILLER, COPULA, OF, AND, LINK = "n", "w", "f", "c", "o", "&", "b"
FRACTION, ROOT, VARIABLE, VERB, TIMES_WORD, CLOCK = "F", "R", "v", "V", "D", "t"
PI, PI_VALUE = "p", Fraction(314159265358979, 10**14)
STOP, COMMA, END = ".", ",", "$"

_MEASURED = re.compile(
    r"[ ]?(?:[€%£]|(?:euros?|dollars?|[kcm]?m|km/h|k?g|m?l|h|cm²|m²|met(?:er|re)s?|lit(?:er|re)s?|"
    r"kilos?|hours?|stunden|uhr|metros?|horas?|heures?|mètres?)\b)"
)
_BESIDE_COMMA = frozenset("=+-*/^%")
_BESIDE_COLON = frozenset("=+-*/(")

_ENDS = frozenset((STOP, COMMA, END))
_AND_A_PART = [NUMBER, AND, FILLER, NUMBER]

_LETTER_K = re.compile(
    r"(?<![^\W_])k(?![^\W_])|\dk\s?[-+*/=^)}\\]"
)  # where k is a letter, 3k is not 3,000

_LONGEST_NUMBER = 40  # digits; longer ones are words, so that arithmetic stays quick

_SCANNER = re.compile(
    r"""
    \s*+(?:(?P<skip><<[^<>]*>>|\\[,;!:\s]|\\[()\[]|\\?[$]|[€£`\#~°º]|\^\{?\\circ\}?
        |\\(?:left|right|displaystyle|q?quad|text\w*|mathrm|mathbf|boxed|fbox|mbox|operatorname)
        |(?<![\d)])\*\*|\*\*(?!\d)|\Z)
    |(?P<mixed>(?<![/\d.])\d{1,9}[ ]+(?:\d{1,9}/\d{1,9}(?![\d/.])
        |and[ ]+\d{1,9}/\d{1,9}(?![\d/.]|\s*=))
        |(?<![/\d.])\d{1,9}[ ]?\\[dt]?frac\{\d{1,9}\}\{\d{1,9}\})
    |(?P<clock>(?:[01]?\d|2[0-4]):\d\d(?!\d))
    |(?P<endless>\d*\.\d*(?:\\overline|\\bar|\\dot|\.\.|…))
    |(?P<ordinal>\d+(?:st|nd|rd|th)(?![^\W\d_]))
    |(?P<number>(?:\d{1,3}(?:(?:,(?:\\!)?|\{,\}|[ '’])\d{3})+(?!,?\d)|\d+)(?:\.\$?\d+)?|\.\d+)
    |(?P<short>\\[dt]?frac[ ]?\d\d(?!\d))|(?P<frac>\\[dt]?frac)|(?P<root>\\sqrt|√)
    |(?P<times>\\times|\\cdot|\\\*|[×·∙⋅✕✖⨯∗]
        |(?:(?<=[\w)])|(?<=[\w)][ ]))[•@](?=[ ]?[(\d$€£]))
    |(?P<over>\\div|[÷∕⁄∶]|(?<=\d[ ]):(?=[ ]\d))
    |(?P<pi>\\pi(?![^\W\d_])|π)
    |(?P<about>\\approx|≈|≅)|(?P<no>\\[a-z]+|[≠<>≤≥→]|=>|->)
    |(?P<small>[²³])|(?P<vulgar>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])
    |(?P<word>[^\W\d_²³½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]+(?:['’-][^\W\d_]+)*)
    |(?P<percent>\\?%)|(?P<power>\*\*)
    |(?P<sign>[-+*/^()=,−–—{}\[\]＋－＊／＝])
    |(?P<other>.))
    """,
    re.VERBOSE | re.DOTALL,
)
_SIGNS = {
    "−": "-", "–": "-", "—": "-", "{": "(", "}": ")", "[": "(", "]": ")",
    "＋": "+", "－": "-", "＊": "*", "／": "/", "＝": "=",
}  # fmt: skip
_VULGAR = {
    "½": Fraction(1, 2), "⅓": Fraction(1, 3), "⅔": Fraction(2, 3), "¼": Fraction(1, 4),
    "¾": Fraction(3, 4), "⅕": Fraction(1, 5), "⅖": Fraction(2, 5), "⅗": Fraction(3, 5),
    "⅘": Fraction(4, 5), "⅙": Fraction(1, 6), "⅚": Fraction(5, 6), "⅛": Fraction(1, 8),
    "⅜": Fraction(3, 8), "⅝": Fraction(5, 8), "⅞": Fraction(7, 8),
}  # fmt: skip


def words(text: str) -> list[str]:
    """A list of words, as a text."""
    return text.split()


_PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourth": 4,
    "fourths": 4, "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "eighth": 8, "eighths": 8,
    "tenth": 10, "tenths": 10,
}  # fmt: skip
_POWERS = {"squared": 2, "cubed": 3}
_TIMES_WORDS = {"twice": 2, "double": 2, "doubled": 2, "thrice": 3, "triple": 3, "tripled": 3}
_OPERATIONS = {"plus": "+", "minus": "-", "times": "*", "multiplied": "*", "divided": "/"}
VERBS = {
    "add": "+", "adding": "+", "sum": "+", "subtract": "-", "subtracting": "-", "difference": "-",
    "deduct": "-", "deducting": "-", "multiply": "*", "multiplying": "*", "product": "*",
    "divide": "/", "dividing": "/", "quotient": "/",
}  # fmt: skip
_KINDS: dict[str, str] = {
    **dict.fromkeys(_OPERATIONS, ""),
    **dict.fromkeys(VERBS, VERB),
    **dict.fromkeys(
        words(
            "is are equals equal makes make making gives give giving get gets leaves leaving "
            "yields totals becomes comes means mean be was were"
        ),
        COPULA,
    ),
    **dict.fromkeys(
        words(
            "which that this it we you us me a an the to total of in out as at result answer now "
            "so exactly just then there i have has left with about approximately roughly up or"
        ),
        FILLER,
    ),
    **dict.fromkeys(("by", "from", "with", "into", "among"), LINK),
    "to": LINK, "of": OF, "and": AND, "percent": "%", "pct": "%",
    **dict.fromkeys(("because", "since", "if", "when", "while", "but", "first", "next"), STOP),
}  # fmt: skip
_NOT_COUNTED = frozenset(
    words("first second third other last latter next each every this that per")
)
_NUMBERED = frozenset(words("year month week day hour round game trip step part box group team"))
_LETTERS = frozenset("xyzn")
_NUMBER_WORDS = {**UNITS, **TENS}
_KNOWN = frozenset(
    (*_KINDS, *_PARTS, *SCALES, "k", *_NUMBER_WORDS, *_TIMES_WORDS, *_POWERS, *_LETTERS, "pi")
)
"""Words that are more than words; the others with a hyphen may begin with a number."""


@dataclass(slots=True)
class Tokens:
    """A text in tokens; the lists have the same length and end with `END`.

    Attributes:
        kinds: what each token is.
        values: of a number its value, of a word the word, else the sign.
        starts, ends: where it is in the text.
        shown: of a number written in digits how many are after the point; -1 where it is a
            word or a mixed number.
    """

    kinds: list[str] = field(default_factory=list)
    values: list[Number | str] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)

    def add(self, kind: str, value: Number | str, start: int, end: int, shown: int = -1) -> None:
        self.kinds.append(kind)
        self.values.append(value)
        self.starts.append(start)
        self.ends.append(end)
        self.shown.append(shown)

    def columns(self) -> tuple[list[Any], ...]:
        """Its lists."""
        return self.kinds, self.values, self.starts, self.ends, self.shown

    def vocabulary(self) -> set[str]:
        """Every word, in small letters."""
        return {v for v in self.values if isinstance(v, str) and v.isalpha()}


def exact(value: Number) -> Number:
    """The value, as an int where it is whole: cheap to compute with."""
    return value.numerator if value.denominator == 1 else value


def quotient(over: Number, under: Number) -> Number:
    """One number by another that is not 0, exactly; whole ones without a fraction on the way."""
    if over.denominator == under.denominator == 1 and not over % under:
        return int(over // under)
    return exact(Fraction(over, under))


def lower(text: str) -> str:
    """Small letters, every character at its place (a few have two small letters)."""
    small = text.lower()
    if len(small) == len(text):
        return small
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def scan(text: str) -> Tokens:
    """The tokens of a text."""
    tokens = Tokens()
    add, small = tokens.add, lower(text)
    for match in _SCANNER.finditer(small):
        kind = match.lastgroup
        if kind == "skip":
            continue
        assert kind is not None
        start, end = match.span(kind)
        found = small[start:end]
        if kind == "number":
            if " " in found and tokens.kinds and tokens.values[-1] in _NUMBERED:
                number, _, found = found.partition(" ")  # "year 2 377+50"
                tokens.add(NUMBER, int(number), start, start + len(number), 0)
                start = end - len(found)
            if _is_in_a_name(tokens, start):
                add(WORD, found, start, end)
            else:
                _add_number(tokens, found, start, end)
        elif kind == "word":
            if found == "k" and _LETTER_K.search(small):
                add(WORD, found, start, end)
            elif found in _KNOWN or "-" in found:
                _add_word(tokens, found, start, end)
            else:
                add(WORD, found, start, end)
        elif kind == "sign":
            add(_SIGNS.get(found, found), found, start, end)
        elif kind == "percent":
            add("%", "%", start, end)
        elif kind in ("times", "over", "power"):
            add({"times": "*", "over": "/", "power": "^"}[kind], found, start, end)
        elif kind == "about":
            add("=", "≈", start, end)
        else:
            _add_rare(tokens, kind, found, start, end)
    add(END, "", len(text), len(text))
    _settle_letters(tokens)
    if "times" in small or "away" in small or "and a " in small:
        _settle_words(tokens)
    if "," in text:
        _settle_commas(tokens, small)
    if ":" in text:
        _settle_colons(tokens)
    return tokens


def _is_in_a_name(tokens: Tokens, start: int) -> bool:
    """Whether a number is the 2 of "H2", and not the 50 of "1h50"."""
    if not tokens.kinds or tokens.kinds[-1] != WORD or tokens.ends[-1] != start:
        return False
    return len(tokens.kinds) == 1 or tokens.ends[-2] != tokens.starts[-1]


def _add_number(tokens: Tokens, found: str, start: int, end: int) -> None:
    if tokens.kinds[-2:] == [WORD, "^"]:  # "cm^2"
        for column in tokens.columns():
            del column[-1]
        return
    digits, behind = found, ""
    if not found.isdigit():
        digits = found.replace("{,}", "").replace(",", "").replace("\\!", "")
        digits = re.sub("[ '’]", "", digits)
        digits, _, behind = digits.replace("$", "").partition(".")
    if len(digits) + len(behind) > _LONGEST_NUMBER:
        tokens.add(WORD, found, start, end)
    elif behind:
        value = exact(Fraction(int(digits + behind), 10 ** len(behind)))
        tokens.add(NUMBER, value, start, end, len(behind))
    else:
        tokens.add(NUMBER, int(digits), start, end, 0)


def _add_rare(tokens: Tokens, kind: str, found: str, start: int, end: int) -> None:
    if kind == "mixed":
        _add_mixed(tokens, found, start, end)
    elif kind == "short":  # "\\frac14"
        _add_fraction(tokens, found, start, "")
    elif kind == "small":
        _add_power(tokens, 2 if found == "²" else 3, found, start, end)
    elif kind == "vulgar":
        _add_vulgar(tokens, _VULGAR[found], start, end)
    elif kind == "pi":
        tokens.add(PI, found, start, end)
    elif kind in ("frac", "root"):
        tokens.add(FRACTION if kind == "frac" else ROOT, found, start, end)
    elif kind in ("clock", "ordinal"):
        tokens.add(CLOCK if kind == "clock" else WORD, found, start, end)
    else:
        tokens.add(STOP, found, start, end)


def _add_mixed(tokens: Tokens, found: str, start: int, end: int) -> None:
    """`2 1/2`, `2\\frac{1}{2}`; the 5 of "5 10/2 = 5" is a number of its own."""
    whole, over, under = re.findall(r"\d+", found)
    if int(over) < int(under):
        tokens.add(NUMBER, exact(int(whole) + Fraction(int(over), int(under))), start, end)
        return
    tokens.add(NUMBER, int(whole), start, start + len(whole), 0)
    if "{" in found:
        _add_fraction(tokens, found, start, whole)
        return
    part = f"{over}/{under}"
    begin = end - len(part)
    tokens.add(NUMBER, int(over), begin, begin + len(over), 0)
    tokens.add("/", "/", begin + len(over), begin + len(over) + 1)
    tokens.add(NUMBER, int(under), end - len(under), end, 0)


def _add_fraction(tokens: Tokens, found: str, start: int, whole: str) -> None:
    r"""`\frac{1}{4}` and `\frac14`, behind the digits of a whole number or none."""
    command = found.index("frac") + len("frac")
    tokens.add(FRACTION, "\\frac", start + len(whole), start + command)
    for match in re.finditer(r"\{(\d+)\}|\d", found[command:]):
        number = 1 if match[1] else 0
        begin, end = (start + command + place for place in match.span(number))
        first, last = (start + command + place for place in match.span())
        tokens.add("(", "{", first, begin)
        tokens.add(NUMBER, int(match[number]), begin, end, 0)
        tokens.add(")", "}", end, last)


def _add_power(tokens: Tokens, power: int, found: str, start: int, end: int) -> None:
    """`5²` and `5 squared`; behind a word it belongs to a unit: `cm²`."""
    if tokens.kinds and tokens.kinds[-1] in (NUMBER, VARIABLE, PI, ")"):
        tokens.add("^", "^", start, end)
        tokens.add(NUMBER, power, start, end, 0)
    elif found.isalpha():
        tokens.add(WORD, found, start, end)


def _add_vulgar(tokens: Tokens, part: Fraction, start: int, end: int) -> None:
    """`½`, and `2½` as one number."""
    if tokens.kinds and tokens.kinds[-1] == NUMBER and tokens.ends[-1] == start:
        tokens.values[-1] = exact(_number(tokens.values[-1]) + part)
        tokens.ends[-1], tokens.shown[-1] = end, -1
    else:
        tokens.add(NUMBER, part, start, end)


def _number(value: Number | str) -> Number:
    assert not isinstance(value, str)
    return value


def _add_word(tokens: Tokens, found: str, start: int, end: int) -> None:
    kind = _KINDS.get(found)
    if kind is not None:
        if kind == "":
            kind = _OPERATIONS[found]
        elif found == "by" and tokens.kinds and tokens.kinds[-1] in ("*", "/"):
            return  # "divided by"
        tokens.add(kind, found, start, end)
    elif found in _PARTS:
        _add_part(tokens, found, start, end)
    elif found in SCALES or found == "k":
        _add_scale(tokens, found, start, end)
    elif found == "one" and tokens.kinds and tokens.values[-1] in _NOT_COUNTED:
        tokens.add(WORD, found, start, end)  # "the other one"
    elif found in _NUMBER_WORDS:
        _add_unit(tokens, _NUMBER_WORDS[found], start, end)
    elif found in _TIMES_WORDS:
        tokens.add(TIMES_WORD, _TIMES_WORDS[found], start, end)
    elif found == "dozen":
        tokens.add(WORD, found, start, end)
    elif found == "pi":
        tokens.add(PI, found, start, end)
    elif found in _POWERS:
        _add_power(tokens, _POWERS[found], found, start, end)
    elif found in _LETTERS:
        tokens.add(VARIABLE, found, start, end)
    elif "-" in found and found.split("-")[0] in _NUMBER_WORDS:
        for part in found.split("-"):
            _add_word(tokens, part, start, end)
            tokens.starts[-1], tokens.ends[-1] = start, end
    else:
        tokens.add(WORD, found, start, end)


def _behind_a_number(tokens: Tokens) -> bool:
    return bool(tokens.kinds) and tokens.kinds[-1] == NUMBER


def _add_part(tokens: Tokens, found: str, start: int, end: int) -> None:
    """`half`, `two thirds`, `a third`."""
    part = Fraction(1, _PARTS[found])
    if tokens.kinds and tokens.values[-1] in _NOT_COUNTED:
        tokens.add(WORD, found, start, end)  # "the second half"
    elif _behind_a_number(tokens) and tokens.shown[-1] < 0:
        tokens.values[-1] = exact(_number(tokens.values[-1]) * part)
        tokens.ends[-1] = end
    elif _behind_a_number(tokens):
        tokens.add(WORD, found, start, end)  # "42 quarters"
    elif found in ("half", "quarter") or (tokens.values and tokens.values[-1] == "a"):
        tokens.add(NUMBER, part, start, end)
    else:
        tokens.add(WORD, found, start, end)  # "the third day"


def _add_scale(tokens: Tokens, found: str, start: int, end: int) -> None:
    """`2 million`, `five hundred`, `50k`."""
    if not _behind_a_number(tokens) or (found == "k" and tokens.ends[-1] != start):
        tokens.add(WORD, found, start, end)
        return
    tokens.values[-1] = exact(_number(tokens.values[-1]) * SCALES.get(found, 1000))
    tokens.ends[-1] = end


def _add_unit(tokens: Tokens, value: int, start: int, end: int) -> None:
    """`five`; `twenty five` and `two hundred five` as one number."""
    before = tokens.values[-1] if _behind_a_number(tokens) and tokens.shown[-1] < 0 else None
    if isinstance(before, int) and before >= 20 and before % (100 if value > 9 else 10) == 0:
        tokens.values[-1], tokens.ends[-1] = before + value, end
    else:
        tokens.add(NUMBER, value, start, end)


def _settle_letters(tokens: Tokens) -> None:
    """An `x` between two operands is a sign of multiplication; letters elsewhere are unknowns."""
    for i, kind in enumerate(tokens.kinds):
        if kind != VARIABLE or tokens.values[i] != "x" or not i:
            continue
        before, behind = tokens.kinds[i - 1], tokens.kinds[i + 1]
        apart = tokens.starts[i] > tokens.ends[i - 1]
        if (behind in (NUMBER, FRACTION, PI) and before in (NUMBER, ")", WORD, "%", PI)) or (
            behind == "(" and apart
        ):
            tokens.kinds[i] = "*"


def _settle_words(tokens: Tokens) -> None:
    """`62 take away 17`, `one and a half`, and the "times" of "6 times a week"."""
    kinds, values = tokens.kinds, tokens.values
    for i in range(len(kinds) - 2, 0, -1):
        if values[i] == "times" and (kinds[i + 1] in _ENDS or values[i + 1] in ("a", "per")):
            kinds[i] = WORD
        elif values[i - 1 : i + 1] == ["take", "away"] and kinds[i - 2 : i + 2 : 3] == [NUMBER] * 2:
            kinds[i] = "-"
            for column in tokens.columns():
                del column[i - 1]
        elif kinds[i - 2 : i + 2] == _AND_A_PART and kinds[i + 2] != OF and values[i] == "a":
            part = _number(values[i + 1])
            if 0 < part < 1 and tokens.shown[i + 1] < 0:
                values[i - 2] = exact(_number(values[i - 2]) + part)
                tokens.ends[i - 2], tokens.shown[i - 2] = tokens.ends[i + 1], -1
                for column in tokens.columns():
                    del column[i - 1 : i + 2]


def _settle_commas(tokens: Tokens, text: str) -> None:
    """`2,5 + 1 = 3,5` and `1,50 €`: a comma without blanks, beside a sign or before a unit.

    Lists, pairs and "x = 1,2" stay what they are.
    """
    kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
    n_signs = sum(kind in _BESIDE_COMMA for kind in kinds)
    found = []
    for i in range(1, len(kinds) - 2):
        if kinds[i] != COMMA or kinds[i - 1] != NUMBER or kinds[i + 1] != NUMBER:
            continue
        tight = ends[i - 1] == starts[i] and ends[i] == starts[i + 1]
        if not tight or tokens.shown[i - 1] or tokens.shown[i + 1] or ends[i + 1] - ends[i] > 2:
            continue
        before, behind = kinds[i - 2] if i > 1 else "", kinds[i + 2]
        if before in (COMMA, "(") or (behind in (COMMA, ")") and ends[i + 1] == starts[i + 2]):
            continue
        signs = behind in _BESIDE_COMMA or before in _BESIDE_COMMA
        letter = before == "=" and i > 2 and kinds[i - 3] in (VARIABLE, WORD)
        if _MEASURED.match(text, ends[i + 1]) or (signs and not (letter and n_signs == 1)):
            found.append(i)
    _join_at(tokens, found)


def _join_at(tokens: Tokens, commas: list[int]) -> None:
    """Each comma and the two numbers around it as one number."""
    kept = [True] * len(tokens.kinds)
    for i in commas:
        whole, part = _number(tokens.values[i - 1]), _number(tokens.values[i + 1])
        n_digits = tokens.ends[i + 1] - tokens.starts[i + 1]
        tokens.values[i - 1] = exact(whole + Fraction(part) / 10**n_digits)
        tokens.ends[i - 1], tokens.shown[i - 1] = tokens.ends[i + 1], n_digits
        kept[i] = kept[i + 1] = False
    for column in tokens.columns():
        column[:] = compress(column, kept)


def _settle_colons(tokens: Tokens) -> None:
    """`80:4 = 20` and `12:4 + 5`: a colon without blanks divides beside a sign, and nowhere else.

    So a ratio, a score and "Day 2: 4 = 2 + 2" stay what they are.
    """
    kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
    i = 1
    while i < len(kinds) - 1:
        first = i
        while (
            tokens.values[i] == ":"
            and kinds[i - 1] in (NUMBER, VARIABLE, ")")
            and kinds[i + 1] in (NUMBER, VARIABLE, "(")
            and ends[i - 1] == starts[i]
            and ends[i] == starts[i + 1]
        ):
            i += 2
        beside = {kinds[i], kinds[first - 2] if first > 1 else END, *kinds[first + 1 : i : 2]}
        if i > first and not beside.isdisjoint(_BESIDE_COLON):
            kinds[first:i:2] = ["/"] * ((i - first) // 2)
        i = max(i, first + 1)

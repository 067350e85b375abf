"""What follows a number: units of measure by their meaning, other nouns by nothing.

A small table instead of a units library: pint 0.25 took 2.1 s to import and build its registry and
0.1 to 0.9 ms for a text, "3 apples" and "$5" are errors to it, and "5 ft 3 in" is 15 of their
products. What answers are given in is a hundred names.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from prm_core.answers.notation import FUNCTIONS, Token, words


class Unit(NamedTuple):
    """A unit of measure.

    Attributes:
        powers: base unit → power, sorted; empty for "no unit of measure".
        size: how many of the base units it is.
    """

    powers: tuple[tuple[str, int], ...] = ()
    size: Fraction = Fraction(1)


NO_UNIT = Unit()
PERCENT = Unit((("%", 1),))

_TABLE: dict[str, Unit] = {}


def _define(base: str, power: int, size: str | int | Fraction, names: str) -> None:
    for name in names.split():
        _TABLE[name] = Unit(((base, power),), Fraction(size))


_define("m", 1, 1, "m meter meters metre metres")
_define("m", 1, "1e-2", "cm cms centimeter centimeters centimetre centimetres")
_define("m", 1, "1e-3", "mm millimeter millimeters millimetre millimetres")
_define("m", 1, 1000, "km kms kilometer kilometers kilometre kilometres")
_define("m", 1, "1e-9", "nm nanometer nanometers")
_define("m", 1, "0.0254", "in inch inches")
_define("m", 1, "0.3048", "ft foot feet")
_define("m", 1, "0.9144", "yd yds yard yards")
_define("m", 1, "1609.344", "mi mile miles")
_define("g", 1, 1, "g gram grams gramme grammes")
_define("g", 1, 1000, "kg kgs kilo kilos kilogram kilograms")
_define("g", 1, "1e-3", "mg milligram milligrams")
_define("g", 1, "453.59237", "lb lbs pound pounds")
_define("g", 1, "28.349523125", "oz ounce ounces")
_define("ton", 1, 1, "ton tons tonne tonnes")
_define("s", 1, 1, "s sec secs second seconds")
_define("s", 1, "1e-3", "ms millisecond milliseconds")
_define("s", 1, 60, "min mins minute minutes")
_define("s", 1, 3600, "h hr hrs hour hours")
_define("s", 1, 86_400, "day days")
_define("s", 1, 604_800, "week weeks wk wks")
_define("month", 1, 1, "month months")
_define("month", 1, 12, "year years yr yrs")
_define("m", 3, "1e-3", "l liter liters litre litres")
_define("m", 3, "1e-6", "ml milliliter milliliters millilitre millilitres cc")
_define("gallon", 1, 1, "gal gallon gallons")
_define("gallon", 1, "1/4", "qt quart quarts")
_define("gallon", 1, "1/8", "pt pint pints")
_define("degree", 1, 1, "deg degree degrees")
_define("radian", 1, 1, "rad radian radians")
_define("dollar", 1, 1, "dollar dollars usd")
_define("dollar", 1, "1e-2", "cent cents")
_define("euro", 1, 1, "euro euros eur")
_define("gbp", 1, 1, "gbp")
_define("yen", 1, 1, "yen")
_define("rupee", 1, 1, "rupee rupees inr")
_define("degC", 1, 1, "degc celsius")
_define("degF", 1, 1, "degf fahrenheit")
_define("kelvin", 1, 1, "kelvin kelvins")
_define("newton", 1, 1, "n newton newtons")
_define("joule", 1, 1, "j joule joules")
_define("joule", 1, 1000, "kj kilojoule kilojoules")
_define("watt", 1, 1, "w watt watts")
_define("watt", 1, 1000, "kw kilowatt kilowatts")
_define("volt", 1, 1, "v volt volts")
_define("hertz", 1, 1, "hz hertz")
_define("pascal", 1, 1, "pa pascal pascals")
_define("byte", 1, 1, "byte bytes")
_define("bit", 1, 1, "bit bits")
for _names, _size in (("mph", "1609.344"), ("kph kmh kmph", "1000")):
    for _name in _names.split():
        _TABLE[_name] = Unit((("m", 1), ("s", -1)), Fraction(_size) / 3600)

LETTERS = words("m g s h l L N J W V")
"""Units of one letter, which may be variables as well."""
ORDINALS = words("st nd rd th")
NAMES = frozenset(name for name in _TABLE if len(name) > 1) | words(
    "mL Hz Pa kJ kW sq cu st nd rd th"
)
"""Units as they are written; the short ones would else be variables."""

_DEGREES = {"celsius": "celsius", "C": "celsius", "fahrenheit": "fahrenheit", "F": "fahrenheit"}
_POWERS = {"square": 2, "sq": 2, "squared": 2, "cubic": 3, "cu": 3, "cubed": 3}
SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
    "percent": None,
}
# After a number these begin something else than what was counted.
_NOT_NOUNS = FUNCTIONS | words(
    "or and is to of in no am pm by at if for when where half quarter third thirds than but not "
    "mod base times plus minus over cup cap degree per all any integer integers real"
)


def read_unit(tokens: Sequence[Token]) -> Unit | None:
    """The unit that the tokens after a number are; `NO_UNIT` for other nouns, None for neither.

    "cm", "square feet", "km/h", "meters per second squared", "apples", "red apples in the box".
    """
    if tokens and tokens[0].text in ORDINALS and not tokens[0].spaced:  # 6th
        tokens = tokens[1:]
    if len(tokens) > 1 and tokens[0].text in ("unit", "units") and tokens[1].text == "^":
        tokens = tokens[:1]  # square units, without saying of what
    if not tokens:
        return NO_UNIT
    reader = _Reader(tokens)
    unit = reader.unit()
    rest = tokens[reader.place :]
    if unit is not None and not rest:
        return unit
    words = [token.text for token in rest if token.kind == "word"]
    if len(words) < len([token for token in rest if token.text not in ("-", ",")]):
        return None
    if unit is None:
        first = tokens[0]
        plain = len(first.text) > 2 and first.text not in _NOT_NOUNS and first.spaced
        plain = plain or (first.kind == "word" and not first.text.isascii())  # 14个
        return NO_UNIT if plain else None
    return unit  # "5 meters tall", "3 hours a day"


class _Reader:
    """Reads a unit from the first token on."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self.place = 0

    def _peek(self, ahead: int = 0) -> Token:
        place = self.place + ahead
        return self._tokens[place] if place < len(self._tokens) else Token("", "")

    def unit(self) -> Unit | None:
        """A product and quotient of units; None where none begins."""
        powers: dict[str, int] = {}
        size = Fraction(1)
        found = self._one()
        if found is None:
            return None
        sign = 1
        while found is not None:
            for base, power in found.powers:
                powers[base] = powers.get(base, 0) + sign * power
            size *= found.size**sign
            kept = self.place
            if self._peek().text in ("/", "per"):
                sign = -1
                self.place += 1
            elif self._peek().text in ("*", "-"):
                self.place += 1
            found = self._one()
            if found is None:
                self.place = kept
        return Unit(tuple(sorted((b, p) for b, p in powers.items() if p)), size)

    def _one(self) -> Unit | None:
        """One unit with its power."""
        start = self.place
        power = 1
        if self._peek().text in _POWERS and self._peek().kind == "word":
            power = _POWERS[self._peek().text]
            self.place += 1 + (self._peek(1).text == ".")
        bracketed = self._peek().text in ("(", "{")
        self.place += bracketed
        unit = self._named()
        if unit is None:
            self.place = start
            return None
        self.place += bracketed and self._peek().text in (")", "}")
        power *= self._power()
        powers = tuple((base, own * power) for base, own in unit.powers)
        return Unit(powers, unit.size**power)

    def _named(self) -> Unit | None:
        token = self._peek()
        letter = token.kind == "letter" and (token.upright or self.place > 0)
        if not (token.kind == "word" or (letter and token.text in LETTERS)):
            return None
        unit = _TABLE.get(token.text.lower())
        if unit is None:
            return None
        self.place += 1
        if token.text in ("degree", "degrees") and (scale := _DEGREES.get(self._peek().text)):
            self.place += 1
            return _TABLE[scale]
        self.place += self._peek().text == "." and self._peek(1).kind != "number"
        return unit

    def _power(self) -> int:
        token = self._peek()
        if token.text in ("squared", "cubed"):
            self.place += 1
            return _POWERS[token.text]
        if token.text != "^":
            return 1
        texts = [self._peek(ahead).text for ahead in range(1, 5)]
        braced = texts[0] == "{"
        texts = texts[1:] if braced else texts
        negative = texts[0] == "-"
        digits = texts[1] if negative else texts[0]
        if digits not in ("1", "2", "3"):
            return 1
        self.place += 2 + 2 * braced + negative
        return -int(digits) if negative else int(digits)

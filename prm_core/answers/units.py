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


def _define(unit: Unit, size: str | int | Fraction, names: str) -> None:
    """Names of what is `size` times a unit."""
    for name in names.split():
        _TABLE[name] = Unit(unit.powers, unit.size * Fraction(size))


def _of(*powers: tuple[str, int]) -> Unit:
    return Unit(tuple(sorted(powers)))


_PREFIXES = {
    **{"nano": ("n", "1e-9"), "micro": ("μ", "1e-6"), "milli": ("m", "1e-3")},
    **{"centi": ("c", "1e-2"), "deci": ("d", "1e-1"), "hecto": ("h", "1e2")},
    **{"kilo": ("k", "1e3"), "mega": ("M", "1e6"), "giga": ("G", "1e9"), "tera": ("T", "1e12")},
}


def _metric(unit: Unit, symbol: str, usual: str, names: str) -> None:
    """A unit with its prefixes: the names with all of them, the symbol with the usual ones."""
    _define(unit, 1, f"{symbol} {names}")
    for prefix, (letter, size) in _PREFIXES.items():
        _define(unit, size, " ".join(prefix + name for name in names.split()))
        if letter in usual:
            _define(unit, size, letter + symbol)


_M, _G, _S, _L = _of(("m", 1)), _of(("g", 1)), _of(("s", 1)), Unit((("m", 3),), Fraction("1e-3"))
_J = Unit((("g", 1), ("m", 2), ("s", -2)), Fraction(1000))
_metric(_M, "m", "nμmcdk", "meter meters metre metres")
_metric(_G, "g", "μmk", "gram grams gramme grammes")
_metric(_S, "s", "nμm", "second seconds")
_metric(_L, "l", "mcd", "liter liters litre litres")
_metric(_L, "L", "mcdμ", "")
_metric(_of(("s", -1)), "Hz", "kMGT", "hertz")
_metric(Unit((("g", 1), ("m", 1), ("s", -2)), Fraction(1000)), "N", "mk", "newton newtons")
_metric(_J, "J", "mkM", "joule joules")
_metric(Unit((("g", 1), ("m", 2), ("s", -3)), Fraction(1000)), "W", "mkMG", "watt watts")
_metric(Unit((("g", 1), ("m", -1), ("s", -2)), Fraction(1000)), "Pa", "hkM", "pascal pascals")
_metric(_of(("A", 1)), "A", "m", "ampere amperes amp amps")
_metric(Unit((("A", -1), ("g", 1), ("m", 2), ("s", -3)), Fraction(1000)), "V", "mk", "volt volts")
_metric(Unit((("A", -2), ("g", 1), ("m", 2), ("s", -3)), Fraction(1000)), "ohm", "kM", "ohm ohms")
_metric(_of(("mol", 1)), "mol", "mμ", "mole moles")
_metric(Unit(_J.powers, _J.size * Fraction("4.184")), "cal", "k", "calorie calories")
_metric(Unit(_J.powers, _J.size * Fraction("1.602176634e-19")), "eV", "kMG", "electronvolt")
_metric(_of(("byte", 1)), "B", "kMGT", "byte bytes")
_define(_of(("byte", 1)), 1000, "KB")
_define(_of(("byte", 1)), "1/8", "bit bits")
_metric(_of(("byte", 1), ("s", -1)), "Bps", "kMG", "")
_metric(Unit((("byte", 1), ("s", -1)), Fraction("1/8")), "bps", "kMG", "")
_metric(_of(("A", 1), ("s", 1)), "C", "μ", "coulomb coulombs")
_metric(_of(("T", 1)), "T", "", "tesla teslas")
_metric(_of(("F", 1)), "F", "μ", "farad farads")
_metric(_of(("H", 1)), "H", "", "henry henries henrys")
_define(_of(("lm", 1)), 1, "lumen lumens")
_define(_of(("lx", 1)), 1, "lux")
_define(_of(("cd", 1)), 1, "candela candelas")
_define(_of(("Bq", 1)), 1, "Bq becquerel becquerels")
_define(_of(("dB", 1)), 1, "dB decibel decibels")
_define(_of(("turn", 1), ("s", -1)), "1/60", "rpm")
_define(_of(("turn", 1)), 1, "rev revs revolution revolutions rotation rotations turn turns")
_define(_of(("ppm", 1)), 1, "ppm")
_define(_of(("carat", 1)), 1, "carat carats")
_define(_J, 3_600_000, "kWh")
_define(_J, 3600, "Wh")
_define(_TABLE["Pa"], 100_000, "bar bars")
_define(_TABLE["Pa"], 101_325, "atm atmosphere atmospheres")
_define(_TABLE["Pa"], "133.322387415", "mmHg")
_define(_M, "0.0254", "in inch inches")
_define(_M, "0.3048", "ft foot feet")
_define(_M, "0.9144", "yd yds yard yards")
_define(_M, "1609.344", "mi mile miles")
_define(_M, "1e-2", "cms")
_define(_M, 1000, "kms")
_define(_M, "9460730472580800", "lightyear lightyears")
_define(_M, "201.168", "furlong furlongs")
_define(_M, "1.8288", "fathom fathoms")
_define(_of(("m", 2)), 10_000, "ha hectare hectares")
_define(_of(("m", 2)), "4046.8564224", "acre acres")
_define(_G, 1000, "kgs kilo kilos")
_define(_G, "453.59237", "lb lbs pound pounds")
_define(_G, "28.349523125", "oz ounce ounces")
_define(_G, "6350.29318", "stone stones")
_define(_G, 1_000_000, "tonne tonnes tonnen toneladas tonnellate тонна тонны тонн 吨")
_define(_G, "907184.74", "shortton")
_define(_of(("ton", 1)), 1, "ton tons")
_define(_S, 1, "sec secs")
_define(_S, 60, "min mins minute minutes")
_define(_S, 3600, "h hr hrs hour hours")
_define(_S, 86_400, "day days")
_define(_S, 604_800, "week weeks wk wks")
_define(_of(("month", 1)), 1, "month months")
_define(_of(("month", 1)), 12, "year years yr yrs")
_define(_of(("month", 1)), 120, "decade decades")
_define(_of(("month", 1)), 1200, "century centuries")
_define(_L, "1e-3", "cc")
_define(_of(("gallon", 1)), 1, "gal gallon gallons")
_define(_of(("gallon", 1)), "1/4", "qt quart quarts")
_define(_of(("gallon", 1)), "1/8", "pt pint pints")
_define(_of(("gallon", 1)), "1/16", "cup cups")
_define(_of(("gallon", 1)), "1/128", "floz")
_define(_of(("gallon", 1)), "1/256", "tbsp tablespoon tablespoons")
_define(_of(("gallon", 1)), "1/768", "tsp teaspoon teaspoons")
_define(_of(("degree", 1)), 1, "deg degree degrees")
_define(_of(("radian", 1)), 1, "rad radian radians")
_define(_of(("dollar", 1)), 1, "dollar dollars usd")
_define(_of(("dollar", 1)), "1e-2", "cent cents")
_define(_of(("euro", 1)), 1, "euro euros eur")
_define(_of(("euro", 1)), "1e-2", "eurocent eurocents")
_define(_of(("gbp", 1)), 1, "gbp")
_define(_of(("gbp", 1)), "1e-2", "pence")
_define(_of(("yen", 1)), 1, "yen")
_define(_of(("yuan", 1)), 1, "yuan rmb 元 人民币")
_define(_of(("won", 1)), 1, "won")
_define(_of(("franc", 1)), 1, "franc francs chf")
_define(_of(("peso", 1)), 1, "peso pesos")
_define(_of(("rupee", 1)), 1, "rupee rupees inr")
_define(_of(("ruble", 1)), 1, "ruble rubles rouble roubles рубль рубля рублей руб")
_define(_of(("degC", 1)), 1, "degc celsius")
_define(_of(("degF", 1)), 1, "degf fahrenheit")
_define(_of(("kelvin", 1)), 1, "K kelvin kelvins")
_KMH = Unit((("m", 1), ("s", -1)), Fraction(1000, 3600))
_define(_KMH, 1, "kph kmh kmph")
_define(_KMH, "1.609344", "mph")
_define(_KMH, "1.852", "knot knots")
_define(_of(("gallon", -1), ("m", 1)), "1609.344", "mpg")
_define(_of(("m", 1), ("s", -1)), "0.3048", "fps")
# The other languages that answers are read in.
_define(_M, 1, "mètre mètres metro metros metri м метр метра метров 米")
_define(_M, "1e-1", "дм дециметр дециметра дециметров 分米")
_define(_M, "1e-2", "centimètre centimètres zentimeter centímetro centímetros centimetro")
_define(_M, "1e-2", "centimetri см сантиметр сантиметра сантиметров 厘米")
_define(_M, "1e-3", "millimètre millimètres milímetro milímetros millimetro millimetri")
_define(_M, "1e-3", "мм миллиметр миллиметра миллиметров 毫米")
_define(_M, 1000, "kilomètre kilomètres kilómetro kilómetros quilômetro quilômetros quilómetro")
_define(_M, 1000, "quilómetros chilometro chilometri км километр километра километров 千米 公里")
_define(_G, 1, "gramm gramo gramos grama gramas grammo grammi г грамм грамма граммов 克")
_define(_G, 1000, "kilogramm kilogramo kilogramos quilograma quilogramas quilo quilos chilogrammo")
_define(_G, 1000, "chilogrammi chilo chili кг килограмм килограмма килограммов 千克 公斤")
_define(_S, 1, "seconde secondes sekunde sekunden segundo segundos secondo secondi")
_define(_S, 1, "с секунда секунды секунд 秒")
_define(_S, 60, "minuten minuto minutos minuti мин минута минуты минут 分钟")
_define(_S, 3600, "heure heures stunde stunden hora horas ora ore ч час часа часов 小时")
_define(_S, 86_400, "jour jours tag tage tagen día días dia dias giorno giorni")
_define(_S, 86_400, "день дня дней 天")
_define(_S, 604_800, "semaine semaines woche wochen semana semanas settimana settimane")
_define(_S, 604_800, "неделя недели недель 周 星期")
_define(_of(("month", 1)), 1, "mois monat monate monaten mes meses mês mese mesi")
_define(_of(("month", 1)), 1, "месяц месяца месяцев 个月")
_define(_of(("month", 1)), 12, "ans année années jahr jahre jahren año años ano anos anno anni")
_define(_of(("month", 1)), 12, "год года лет 年")
_define(_L, 1, "litro litros litri л литр литра литров 升")
_define(_L, "1e-3", "мл 毫升")
_define(_of(("dollar", 1)), 1, "dólar dólares dollari доллар доллара долларов 美元")
_define(_of(("euro", 1)), 1, "евро 欧元")
_define(_of(("degree", 1)), 1, "degré degrés grad grado grados grau graus gradi")
_define(_of(("degree", 1)), 1, "градус градуса градусов 度")

READ_AS = (
    (words("pound pounds"), words("gbp pence"), "gbp"),
    (words("ton tons"), words("tonne tonnes t kg kilogram kilograms kilos"), "tonne"),
    (words("ton tons"), words("lb lbs pound pounds"), "shortton"),
    (words("degree degrees"), words("degc celsius C"), "degc"),
    (words("degree degrees"), words("degf fahrenheit F"), "degf"),
    (words("C"), words("degc celsius degree degrees"), "degc"),
    (words("F"), words("degf fahrenheit degree degrees"), "degf"),
    (words("cent cents"), words("euro euros eur"), "eurocent"),
    (words("p"), words("gbp"), "pence"),
)
"""Names of several units, beside which other ones they mean which: pounds beside £ are money."""
LETTERS = words("m g s h l L N J W V A K B C T F H")
"""Units of one letter, which may be variables as well."""
SPACED_LETTERS = words("C T F H")
"""Those of them that are units only apart from their number: "5 C"."""
ORDINALS = words("st nd rd th")
NAMES = frozenset(name for name in _TABLE if len(name) > 1) | words("sq cu st nd rd th fl")
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
    counted = {token.text for token in tokens if token.kind == "word"}
    if counted & {"unit", "units"} and counted <= {"unit", "units", *_POWERS}:
        return NO_UNIT  # square units, without saying of what
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
        unit = _TABLE.get(token.text) or _TABLE.get(token.text.lower())
        if token.text in ("fl", "fluid"):
            self.place += 1 + (self._peek(1).text == ".")
            unit = _TABLE["floz"] if self._peek().text in ("oz", "ounce", "ounces") else None
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

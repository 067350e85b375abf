"""Units, and how many of one make another."""

from __future__ import annotations

from fractions import Fraction

from prm_core.calculator.tokens import Number

# How many of the second unit make one of the first.
CONVERSIONS: dict[tuple[str, str], Number] = {
    ("hour", "minute"): 60, ("minute", "second"): 60, ("hour", "second"): 3600,
    ("day", "hour"): 24, ("week", "day"): 7, ("year", "month"): 12, ("year", "week"): 52,
    ("year", "day"): 365, ("dozen", ""): 12, ("foot", "inch"): 12, ("yard", "foot"): 3,
    ("mile", "foot"): 5280, ("pound", "ounce"): 16, ("gallon", "quart"): 4, ("ton", "pound"): 2000,
    ("m", "cm"): 100, ("km", "m"): 1000, ("kg", "g"): 1000, ("l", "ml"): 1000, ("cm", "mm"): 10,
    ("$", "cent"): 100, ("dollar", "cent"): 100, ("decade", "year"): 10,
    ("century", "year"): 100, ("euro", "cent"): 100, ("m", "dm"): 10, ("dm", "cm"): 10,
    ("m", "mm"): 1000, ("km", "cm"): 100_000, ("t", "kg"): 1000,
}  # fmt: skip
_SINGULAR = {
    "feet": "foot", "inches": "inch", "centuries": "century", "¢": "cent", "ct": "cent",
    "hr": "hour", "hrs": "hour", "h": "hour", "min": "minute", "mins": "minute",
    "sec": "second", "secs": "second", "s": "second", "tonne": "t", "tonnes": "t",
    "euros": "euro", "kilo": "kg", "kilos": "kg",
    **{
        f"{prefix}{name}{plural}": short + unit
        for prefix, short in (("", ""), ("kilo", "k"), ("centi", "c"), ("milli", "m"))
        for name, unit in (
            ("meter", "m"), ("metre", "m"), ("liter", "l"), ("litre", "l"), ("gram", "g"),
        )
        for plural in ("", "s")
    },
}  # fmt: skip


def singular(word: Number | str) -> str:
    return _SINGULAR.get(str(word), str(word).removesuffix("s"))


def factor_of(unit: str, other: str) -> Number | None:
    """How many of the other make one of this unit, where that is known here."""
    if (unit, other) in CONVERSIONS:
        return CONVERSIONS[unit, other]
    back = CONVERSIONS.get((other, unit))
    return None if back is None else Fraction(1) / back


def factors_of(unit: str) -> list[Number]:
    """What a value may be multiplied by where its unit is changed to or from this one."""
    found: list[Number] = []
    for (big, small), factor in CONVERSIONS.items():
        if unit and unit in (big, small):
            found += [factor, Fraction(1, factor)]
    return found

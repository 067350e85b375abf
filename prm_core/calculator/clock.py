"""Equations between times of day: "18:45 + 50 min = 19:35", "from 8:15 to 9:00 it's 45 minutes".

Everything is counted in minutes, and whoever writes 9:15 may mean the evening, so two times are the
same if they are on a clock of twelve hours.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from prm_core.calculator.conversions import singular
from prm_core.calculator.reader import size
from prm_core.calculator.readings import Equation, Reading, Side
from prm_core.calculator.tokens import (
    AND,
    CLOCK,
    COPULA,
    FILLER,
    LINK,
    NUMBER,
    WORD,
    Number,
    Tokens,
    exact,
)

_HALF_DAY = 720
_HALVES = frozenset(("am", "pm"))
_UNTIL = frozenset(("to", "until", "till"))
_LATER = {"after": "+", "past": "+", "before": "-"}
_SAYS = frozenset(("it's", "that's", "takes", "lasts", "another", "equals"))
_GAP_TOKENS = 3  # between two times and how long it is


class _Found(NamedTuple):
    """A time or a span of time: its minutes, the tokens from `first` to `end`, and its form."""

    minutes: Number
    first: int
    end: int
    is_clock: bool
    whole: bool = True  # False for 3:95


class _Clocks:
    """The tokens of a text, read at its times of day."""

    def __init__(self, tokens: Tokens) -> None:
        self.kinds, self.values = tokens.kinds, tokens.values
        self.starts, self.ends = tokens.starts, tokens.ends

    def time(self, i: int) -> _Found | None:
        """`8:15`, `8:15 pm`; as a span it is hours and minutes."""
        if self.kinds[i] != CLOCK:
            return None
        hours, minutes = map(int, str(self.values[i]).split(":"))
        end = i + 1 + (self.values[i + 1] in _HALVES)
        return _Found(hours * 60 + minutes, i, end, True, minutes < 60)

    def span(self, i: int, *, bare: bool) -> _Found | None:
        """`45 minutes`, `1 h 50 min`, `2 h 15`; `bare`: a number alone is minutes."""
        if self.kinds[i] != NUMBER:
            return None
        value = self._number(i)
        unit = singular(self.values[i + 1]) if self.kinds[i + 1] == WORD else ""
        if unit == "minute":
            return _Found(value, i, i + 2, False)
        if unit != "hour":
            return _Found(value, i, i + 1, False) if bare and not unit else None
        j = i + 2 + (self.kinds[i + 2] == AND)
        if self.kinds[j] != NUMBER:
            return _Found(exact(value * 60), i, i + 2, False)
        counted = self.kinds[j + 1] == WORD
        if counted and singular(self.values[j + 1]) != "minute":
            return None
        return _Found(exact(value * 60 + self._number(j)), i, j + 1 + counted, False)

    def equation(self, i: int) -> tuple[Equation, int] | None:
        """The equation that begins at a token, and the token after it."""
        return self._computed(i) or self._lasting(i) or self._later(i)

    def _computed(self, i: int) -> tuple[Equation, int] | None:
        """`8:15 + 45 = 9:00`, `9:00 - 8:15 = 45 min`."""
        first = self.time(i)
        sign = "" if first is None else self.kinds[first.end]
        if first is None or sign not in ("+", "-"):
            return None
        second = self.time(first.end + 1) or self.span(first.end + 1, bare=True)
        j = -1 if second is None else self._says(second.end)
        if second is None or j < 0:
            return None
        result = self.time(j) or self.span(j, bare=sign == "-" and second.is_clock)
        if result is None:
            return None
        total = first.minutes + (second.minutes if sign == "+" else -second.minutes)
        # The sign between two times may be a dash: "8:15 - 9:00 = 45 min".
        meant = (total, -total) if sign == "-" and second.is_clock else (total,)
        return self._made(first, second, sign, result, meant)

    def _lasting(self, i: int) -> tuple[Equation, int] | None:
        """`8:15 to 9:00 is 45 minutes`."""
        begin = self.time(i)
        if begin is None or self.values[begin.end] not in _UNTIL:
            return None
        end = self.time(begin.end + 1)
        if end is None:
            return None
        j = end.end
        while j < end.end + _GAP_TOKENS and self._is_gap(j):
            j += 1
        span = self.span(j, bare=False)
        if span is None:
            return None
        return self._made(end, begin, "-", span, (end.minutes - begin.minutes,), begin.first)

    def _later(self, i: int) -> tuple[Equation, int] | None:
        """`35 minutes after 8:40 is 9:15`."""
        span = self.span(i, bare=False)
        sign = "" if span is None else _LATER.get(str(self.values[span.end]), "")
        begin = self.time(span.end + 1) if span is not None and sign else None
        if span is None or begin is None:
            return None
        j = self._says(begin.end)
        end = self.time(j) if j >= 0 else None
        if end is None:
            return None
        total = begin.minutes + (span.minutes if sign == "+" else -span.minutes)
        return self._made(begin, span, sign, end, (total,), span.first)

    def _number(self, i: int) -> Number:
        value = self.values[i]
        assert not isinstance(value, str)
        return value

    def _is_gap(self, i: int) -> bool:
        return self.kinds[i] in (FILLER, COPULA, LINK, "=") or self.values[i] in _SAYS

    def _says(self, i: int) -> int:
        """The token after a sign or word of equality; -1 without one."""
        j = i
        while j < i + _GAP_TOKENS and self.kinds[j] == FILLER:
            j += 1
        if self.kinds[j] not in ("=", COPULA):
            return -1
        return j + 1

    def _made(
        self,
        first: _Found,
        second: _Found,
        sign: str,
        result: _Found,
        meant: tuple[Number, ...],
        begins: int | None = None,
    ) -> tuple[Equation, int]:
        """An equation whose result is one of the values meant, on a clock of twelve hours."""
        gaps = [exact(result.minutes - value) for value in meant]
        gap = min(min(one % _HALF_DAY, -one % _HALF_DAY) for one in gaps)
        holds = not gap and result.whole
        scale = max(1, size(result.minutes), size(meant[0]))
        begins = first.first if begins is None else begins
        places = self.starts[begins], self.ends[result.end - 1]
        left = Side(
            exact(meant[0]),
            places[0],
            self.ends[max(first.end, second.end) - 1],
            (first.minutes, second.minutes),
            sign,
            unit="minute",
            first=begins,
        )
        right = Side(
            result.minutes,
            self.starts[result.first],
            places[1],
            (result.minutes,),
            "",
            unit="minute",
            first=result.first,
        )
        error = 0.0 if holds else min(1.0, max(float(gap / scale), 1e-9))
        return Equation(*places, (left, right), holds, error, False), result.end


def with_clocks(reading: Reading) -> Reading:
    """A reading with the equations between its times of day."""
    tokens = reading.tokens
    clocks, found, i = _Clocks(tokens), list[Equation](), 0
    while i < len(tokens.kinds) - 1:
        made = clocks.equation(i) if tokens.kinds[i] in (CLOCK, NUMBER) else None
        if made is not None:
            found.append(made[0])
        i = i + 1 if made is None else made[1]
    if not found:
        return reading

    def apart(start: int, end: int) -> bool:
        return all(end <= one.start or one.end <= start for one in found)

    own = [one for one in reading.equations if apart(one.start, one.end)]
    signs = [i for i, kind in enumerate(tokens.kinds) if kind == "="]
    return replace(
        reading,
        equations=tuple(sorted((*own, *found), key=lambda one: one.start)),
        loose=tuple(side for side in reading.loose if apart(side.start, side.end)),
        unread=reading.unread and any(apart(tokens.starts[i], tokens.ends[i]) for i in signs),
    )

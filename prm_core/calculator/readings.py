"""What the calculator finds in a text, as records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from prm_core.calculator.tokens import Number, Tokens

ELSEWHERE = -1
"""`Side.first` of a computation that is in the text before."""


class Side(NamedTuple):
    """A computation as a text has it.

    Attributes:
        value: what it comes to.
        start, end: where it is.
        operands: the numbers in it, in order.
        signs: the operations in it, of "+-*/^%", and "π"; empty for a number alone.
        shown: digits after the point of a number alone; -1 for anything else.
        unit: the word after it, or the sign of a currency; empty where there is none.
        labelled: a word is right before it, which it may number ("day 1").
        written: it is, or begins with, digits or signs rather than a number word.
        cut: something around it belongs to the computation and could not be read ("T + 4").
        first: its first token; `ELSEWHERE` where it is in the text before.
        mixed: its numbers have several units ("1 kg - 300 g"), and it is in the smallest.
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
    mixed: bool = False

    @property
    def is_number(self) -> bool:
        """A number alone; `3/4` and `20%` are numbers too."""
        return not self.signs or (self.signs in ("/", "%") and len(self.operands) < 3)


@dataclass(frozen=True, slots=True)
class Equation:
    """Two or more computations that are said to be equal.

    Attributes:
        start, end: where it is in the text.
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
        root: the value of an unknown, where the text determines it.
        letter: that unknown; empty where there is none.
        tokens: the text.
        opens: the text begins with "=", and continues the one before.
        unread: a sign of equality with something beside it that could not be read.
    """

    equations: tuple[Equation, ...]
    loose: tuple[Side, ...]
    partial: frozenset[Number]
    root: Number | None
    tokens: Tokens
    opens: bool = False
    unread: bool = False
    letter: str = ""

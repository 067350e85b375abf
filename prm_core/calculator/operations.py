"""Which numbers and which operation the words of a problem call for, learned from solutions.

A calculator cannot tell whether the right thing is computed: "14 + 5 = 19" is true, also where
someone is 5 years younger. The words around two numbers often show it. A small table, learned from
GSM8K's own solutions (`prm_core.training.operations`), says of any two known numbers and any of the
four operations how likely the next step computes just that; so it says how odd a step's own
computation is. A guess by words alone, from one source: evidence for a value head, and no verdict.

The table holds a vector for every bucket of words. A word counts by its place: before or after the
number, at which distance, in the same sentence, in the question. The sum of the vectors of a pair
goes through one hidden layer, beside a linear part, to six log-odds, one for each of `OPERATIONS`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, lru_cache
from itertools import combinations, pairwise
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from prm_core.calculator.equations import read
from prm_core.calculator.readings import Reading, Side
from prm_core.calculator.tokens import NUMBER, TIMES_WORD, Number
from prm_core.paths import assets_dir

FEATURES: tuple[tuple[str, str], ...] = (
    ("computes", "1 if the step computes something whose operands can be looked up"),
    ("odd_operation", "how unlikely its least likely operation is between those two numbers"),
    ("odd_operations", "the mean of that over all its operations"),
    ("odd_pair", "how unlikely it is that just these two numbers come together next"),
    ("odd_step", "how much likelier another computation would be"),
)
"""Name and meaning of every feature, in order; each is between 0 and 1."""

VERSION = 1
"""Of the table and the features; a model says which it was trained on."""

N_FEATURES = len(FEATURES)

OPERATIONS = ("+", "*", "-", "reversed -", "/", "reversed /")
"""What can be done with two numbers of which one is said first; reversed: the second one leads."""

BUCKETS = 1 << 14
HIDDEN = 32

Floats = NDArray[np.float32]

_MOST_GIVEN, _MOST_RESULTS, _MOST_COMPUTED = 12, 6, 8  # numbers, results and operations looked at
_MOST_REMEMBERED = 50  # results among which an operand is looked up
_REACH = 25  # words of a sentence on either side of a number
_LONGEST_WORD = 20
_FULL = 4.0  # nats at which a feature is 1


@lru_cache(1 << 16)
def bucket(word: str) -> int:
    """Where a word's vector is in the table."""
    return crc32(word.encode()) % BUCKETS


@dataclass(slots=True, eq=False)
class Quantity:
    """A number that a step may compute with.

    Attributes:
        value: the number.
        words: what is said of it, every word with its place.
        kind: "given" in the problem, "part" of a given percentage or fraction, a "result", or
            "constant" where it comes from nowhere.
        order: where it is said; results come after the problem.
        nouns: the words after it.
        money: a sign of currency is before it, or it was computed from such a number.
        sentence: of the problem; -1 elsewhere.
        used: how often a step has computed with it.
        whole: of a part the number that is given.
    """

    value: Number
    words: tuple[str, ...]
    kind: str
    order: int
    nouns: frozenset[str] = frozenset()
    money: bool = False
    sentence: int = -1
    used: int = 0
    whole: Quantity | None = None
    _ids: dict[str, list[int]] = field(default_factory=dict)

    def ids(self, role: str) -> list[int]:
        """Buckets of its words, as the first ("L") or the second number ("R") of a pair."""
        if role not in self._ids:
            self._ids[role] = [bucket(f"{role}{word}") for word in self.words]
        return self._ids[role]


class Pair(NamedTuple):
    """Two numbers that may be computed with, the one that is said first in front.

    Attributes:
        values: of both.
        ids: buckets of all that is said of them.
    """

    values: tuple[Number, Number]
    ids: list[int]


class Computation(NamedTuple):
    """An operation that a step takes.

    Attributes:
        pair: what it computes with.
        operation: index in `OPERATIONS`.
    """

    pair: Pair
    operation: int


class Step(NamedTuple):
    """What a step computes, and what it might have.

    Attributes:
        known: all pairs of numbers known before it; empty where it computes nothing.
        taken: its own operations.
    """

    known: list[Pair]
    taken: list[Computation]


class Situation:
    """A problem's numbers, and what the steps so far made of them."""

    def __init__(self, problem: str) -> None:
        reading = read(problem)
        said = [_stem(value) for value in reading.tokens.values]
        sentences = _sentences(said)
        asked = _asked(said, sentences)
        self.question = [bucket(f"Q{word}") for word in _question(said, sentences, asked)]
        self.given = list(_given(problem, reading, said, sentences, asked))
        self.results: list[Quantity] = []
        self._stands: dict[Quantity, tuple[str, ...]] = {}  # for the step that is read

    def step(self, reading: Reading) -> Step:
        """What the next step computes; then it is taken into account."""
        taken: dict[tuple[Number, Number, str], Computation] = {}
        computed: list[tuple[Side, Side | None, Quantity, Quantity]] = []
        for side, result in _computed(reading):
            for (a, b), sign in zip(pairwise(side.operands), side.signs, strict=True):
                one, other = self._find(a), self._find(b)
                if one is other:
                    other = self._twin(one)
                taken[a, b, sign] = self._computation(one, other, sign)
            computed.append((side, result, one, other))
            if len(taken) >= _MOST_COMPUTED:
                break
        known = self._pairs() if taken else []
        self._stands.clear()
        for side, result, one, other in computed:
            self._close(side, result, one, other)
        return Step(known, list(taken.values()))

    def _computation(self, one: Quantity, other: Quantity, sign: str) -> Computation:
        turned = other.order < one.order
        name = f"reversed {sign}" if turned and sign in "-/" else sign
        return Computation(self._pair(one, other), OPERATIONS.index(name))

    def _pairs(self) -> list[Pair]:
        some = [*self.given, *self.results[-_MOST_RESULTS:]]
        return [self._pair(a, b) for a, b in combinations(some, 2)]

    def _pair(self, one: Quantity, other: Quantity) -> Pair:
        a, b = sorted((one, other), key=lambda quantity: quantity.order)
        ids = a.ids("L") + b.ids("R")
        ids += [bucket(f"L{word}") for word in self._standing_of(a)]
        ids += [bucket(f"R{word}") for word in self._standing_of(b)]
        ids += [bucket(f"P{word}") for word in _together(a, b)]
        return Pair((a.value, b.value), ids)

    def _standing_of(self, quantity: Quantity) -> tuple[str, ...]:
        if quantity not in self._stands:
            self._stands[quantity] = tuple(self._standing(quantity))
        return self._stands[quantity]

    def _standing(self, quantity: Quantity) -> Iterator[str]:
        """Whether it was used, and where it is among those that were not."""
        own = quantity.whole or quantity
        if own.used:
            yield f"used {min(2, own.used)}"
        elif own.kind == "given":
            unused = [q for q in self.given if not q.used]
            yield f"next {min(3, unused.index(own))}"
        elif own.kind == "result":
            yield "dangling"
        if own.kind == "given" and not self.results:
            yield f"start {min(4, self.given.index(own))}"
        if self.results and own is self.results[-1]:
            yield "last"

    def _find(self, value: Number) -> Quantity:
        """The known number that a step's operand is; the latest result, or an unused one."""
        for quantity in reversed(self.results[-_MOST_REMEMBERED:]):
            if quantity.value == value:
                return quantity
        found = [quantity for quantity in self.given if quantity.value == value]
        if found:
            return min(found, key=lambda quantity: quantity.used > 0)
        for quantity in self.given:
            part = _part(value, quantity.value)
            if part:
                words = (*quantity.words, part)
                nouns, place = quantity.nouns, (quantity.money, quantity.sentence)
                return Quantity(value, words, "part", quantity.order, nouns, *place, whole=quantity)
        word = f"is {value}" if value in _CONSTANTS else "is unknown"
        return Quantity(value, (word,), "constant", 1 << 20)

    def _twin(self, one: Quantity) -> Quantity:
        """What a number is computed with that is on both sides: another of the same value."""
        others = (q for q in self.given if q.value == one.value and q is not one)
        return next(others, one)

    def _close(self, side: Side, result: Side | None, one: Quantity, other: Quantity) -> None:
        for quantity in (one, other):
            (quantity.whole or quantity).used += 1
        if result is None or result.value in side.operands:
            return
        if self.results and self.results[-1].value == result.value:
            return
        unit = _stem(result.unit)
        words = [f"by {sign}" for sign in sorted(set(side.signs))] + [f"unit {unit}"] * bool(unit)
        words += [f"of {word}" for q in (one, other) for word in q.words if word[:2] in _KEPT]
        self.results.append(
            Quantity(
                result.value,
                tuple(dict.fromkeys(words)),
                "result",
                (1 << 24) + len(self.results),
                frozenset((unit,)) if unit else one.nouns,
                one.money or other.money,
            )
        )


_KEPT = ("a1", "a2", "b1")  # of the words around an operand, those that its results keep
_CONSTANTS = frozenset((1, 2, 3, 4, 7, 10, 12, 24, 30, 52, 60, 100, 365))


def _stem(word: Number | str) -> str:
    """A word without the ending of its plural; "#" for a number."""
    if not isinstance(word, str):
        return "#"
    word = word[:_LONGEST_WORD]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] != "s" else word


def _sentences(said: Sequence[str]) -> list[int]:
    """Of every token the number of its sentence."""
    found, number = [], 0
    for word in said:
        found.append(number)
        number += word in (".", "?", "!")
    return found


def _asked(said: Sequence[str], sentences: Sequence[int]) -> int:
    """The sentence that asks: the last one with a question mark, or the last one."""
    marks = [i for i, word in enumerate(said) if word == "?"]
    return sentences[marks[-1]] if marks else sentences[max(0, len(said) - 2)]


def _question(said: Sequence[str], sentences: Sequence[int], asked: int) -> list[str]:
    words = [word for word, s in zip(said, sentences, strict=True) if s == asked][: 2 * _REACH]
    start = next((i for i, w in enumerate(words) if w in ("how", "what", "which", "find")), None)
    opening = [] if start is None else words[start : start + 3]
    told = [" ".join(opening[:2]), " ".join(opening)] if opening else []
    n_numbers = min(6, said.count("#"))
    return [*dict.fromkeys(words), *told, f"numbers {n_numbers}", "always"]


def _given(
    text: str, reading: Reading, said: Sequence[str], sentences: Sequence[int], asked: int
) -> Iterator[Quantity]:
    """The first numbers of a problem, with the words around each."""
    tokens, n_found = reading.tokens, 0
    for i, (kind, value) in enumerate(zip(tokens.kinds, tokens.values, strict=True)):
        if kind not in (NUMBER, TIMES_WORD) or n_found == _MOST_GIVEN:
            continue
        assert not isinstance(value, str)
        n_found += 1
        start = tokens.starts[i]
        money = text[max(0, start - 1) : start] in ("$", "€", "£")
        words = list(_around(said, sentences, i))
        words += ["money"] * money + ["as a word"] * (kind == TIMES_WORD)
        words += ["asked"] * (sentences[i] == asked) + ["broken"] * (not isinstance(value, int))
        if isinstance(value, int) and value < 4:
            words.append(f"is {value}")
        nouns = frozenset(word for word in said[i + 1 : i + 3] if word.isalpha())
        yield Quantity(value, tuple(words), "given", i, nouns, money, sentences[i])


def _around(said: Sequence[str], sentences: Sequence[int], i: int) -> Iterator[str]:
    """The words near a number by their distance, and the others of its sentence by their side."""
    for distance in range(1, 5):
        for sign, at in (("b", i - distance), ("a", i + distance)):
            if 0 <= at < len(said):
                yield f"{sign}{distance} {said[at]}"
                yield f"near {sign} {said[at]}"
    near = range(max(0, i - _REACH), min(len(said), i + _REACH))
    for word in dict.fromkeys((said[j], j < i) for j in near if sentences[j] == sentences[i]):
        yield f"sentence {word[1]:d} {word[0]}"


def _part(value: Number, given: Number) -> str:
    """What a value is of a given percentage or fraction; empty where it is neither."""
    share = Fraction(given, 100)
    if value in (share, 1 - share, 1 + share, 100 - given, 100 + given):
        return "percent" if value == share else "rest of percent"
    if given and not isinstance(given, int) and value in (1 / given, 1 - given):
        return "rest of fraction" if value == 1 - given else "parts"
    return ""


def _together(a: Quantity, b: Quantity) -> Iterator[str]:
    """What two numbers have to do with each other."""
    yield "pair"
    yield f"kinds {a.kind} {b.kind}"
    yield f"money {a.money:d}{b.money:d}"
    yield "more" if a.value > b.value else "less" if a.value < b.value else "same"
    if a.nouns & b.nouns:
        yield "same noun"
    if a.sentence == b.sentence >= 0:
        yield "same sentence"
    if isinstance(a.value, int) and isinstance(b.value, int):
        if b.value and not a.value % b.value:
            yield "goes into"
        if a.value and not b.value % a.value:
            yield "is gone into"


def _computed(reading: Reading) -> Iterator[tuple[Side, Side | None]]:
    """(A computation of a step, what the step says it comes to.)"""
    found: list[tuple[Side, Side | None]] = [(side, None) for side in reading.loose]
    found[:0] = [(side, e.sides[-1]) for e in reading.equations for side in e.sides]
    for side, result in found:
        plain = side.signs and not side.signs.strip("+-*/")
        if plain and len(side.signs) == len(side.operands) - 1:
            yield side, result


class Table:
    """The learned table: log-odds of every operation between two numbers.

    Attributes:
        words: [BUCKETS, HIDDEN + 6] float32.
        bias: [HIDDEN].
        out: [HIDDEN, 6].
        out_bias: [6].
    """

    def __init__(self, words: Floats, bias: Floats, out: Floats, out_bias: Floats) -> None:
        self.words, self.bias, self.out, self.out_bias = words, bias, out, out_bias

    @classmethod
    def load(cls, path: Path) -> Table:
        """A table that `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            names = ("words", "bias", "out", "out_bias")
            return cls(*(stored[name].astype(np.float32) for name in names))

    def save(self, path: Path) -> None:
        """Write it, in half precision."""
        columns = (self.words, self.bias, self.out, self.out_bias)
        words, bias, out, out_bias = (column.astype(np.float16) for column in columns)
        np.savez_compressed(path, words=words, bias=bias, out=out, out_bias=out_bias)

    def log_odds(self, pairs: Sequence[Pair], question: Sequence[int]) -> Floats:
        """[P, 6]; of every pair and operation."""
        starts = np.cumsum([0, *(len(pair.ids) for pair in pairs[:-1])])
        rows = self.words[[i for pair in pairs for i in pair.ids]]
        summed = np.add.reduceat(rows, starts, axis=0) + self.words[list(question)].sum(axis=0)
        inner = np.tanh(summed[:, :HIDDEN] + self.bias)
        return np.asarray(inner @ self.out + self.out_bias + summed[:, HIDDEN:], dtype=np.float32)

    def features(self, step: Step, question: Sequence[int]) -> tuple[float, ...]:
        """How odd what a step computes is, one value for each of `FEATURES`."""
        if not step.taken:
            return (0.0,) * N_FEATURES
        own = [computation.pair for computation in step.taken]
        scores = self.log_odds([*own, *step.known], question).astype(np.float64)
        totals = np.logaddexp.reduce(scores, axis=1)
        odd: list[tuple[float, float, float]] = []
        for i, (pair, operation) in enumerate(step.taken):
            others = [
                len(own) + j
                for j, known in enumerate(step.known)
                if sorted(known.values) != sorted(pair.values)
            ]
            score = scores[i, operation]
            every = np.logaddexp.reduce(totals[[i, *others]])
            odd.append((totals[i] - score, every - totals[i], scores[[i, *others]].max() - score))
        operations, pairs, steps = zip(*odd, strict=True)
        values = (max(operations), sum(operations) / len(odd), max(pairs), max(steps))
        return (1.0, *(min(1.0, float(value) / _FULL) for value in values))


@cache
def shipped_table() -> Table:
    """The table in `assets`, read once."""
    return Table.load(assets_dir() / "operations.npz")


def read_operations(
    problem: str, readings: Iterable[Reading], table: Table | None = None
) -> list[tuple[float, ...]]:
    """Of every step how odd what it computes is.

    Args:
        problem: its text.
        readings: of the steps, in order, as the ledger read them.
        table: the one that ships when not given.

    Returns:
        [S][F]; one value for each of `FEATURES`.
    """
    table = shipped_table() if table is None else table
    situation = Situation(problem)
    return [table.features(situation.step(one), situation.question) for one in readings]

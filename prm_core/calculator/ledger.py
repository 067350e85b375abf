"""What each step of a solution rests on: the numbers known so far, true, false and carried on.

A ledger is opened with the problem and read step by step, so what it says of a step depends on the
problem and the steps up to it alone. It turns every step into `FEATURES`, which a value head may
see beside the hidden state, and keeps the equations with their places for a drawing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from prm_core.calculator.conversions import factors_of
from prm_core.calculator.equations import assigns, read
from prm_core.calculator.readings import Equation, Reading, Side
from prm_core.calculator.tokens import (
    CLOCK,
    COMMA,
    END,
    NUMBER,
    PI_VALUE,
    STOP,
    TIMES_WORD,
    VARIABLE,
    Number,
    exact,
    lower,
    quotient,
    words,
)
from prm_core.text.labels import step_content

FEATURES: tuple[tuple[str, str], ...] = (
    ("equations", "how many equations could be read, a quarter each, at most 1"),
    ("false", "1 if one of them does not hold"),
    ("error", "by how much, relatively: 0 to 1, the square root of it"),
    ("true", "1 if one holds"),
    ("rounded", "1 if one holds only as rounded"),
    ("unread", "1 if a sign of equality could not be read"),
    ("no_number", "1 if the step has no number"),
    ("numbers_only", "1 if it has numbers and no equation"),
    ("ends_false", "1 if its last equation does not hold"),
    ("correction", "1 if it has a word that announces a correction"),
    ("again", "1 if it computes what was computed before"),
    ("mends", "1 if it computes rightly what was computed wrongly before"),
    ("open_false", "1 if a false equation before it was not mended"),
    ("carries", "1 if it computes with a value that a false equation gave"),
    ("states_false", "1 if the last value that it states came from a false equation"),
    ("given", "share of its operands that the problem gives"),
    ("results", "share of its operands that are earlier results"),
    ("constants", "share of its operands that are usual factors: 1, 2, 10, 12, 60, 100, …"),
    ("parts", "share of its operands that are tens, ones or complements of known numbers"),
    ("new", "number of operands that come from nowhere, a third each, at most 1"),
    ("uses_last", "1 if it computes with the result before it"),
    ("reused", "share of its operands that were given and used before"),
    ("answers", "1 if it says that it states the answer"),
    ("last", "1 if the last value that it states is the result before it"),
    ("earlier", "1 if that is an earlier result"),
    ("as_given", "1 if that is a number of the problem, and no result"),
    ("unfounded", "1 if that is neither known nor computed, nor one operation away"),
    ("reachable", "1 if one operation on two known numbers gives it, unwritten"),
    ("bare", "1 if the problem is a bare computation or equation, whose result is known"),
    ("hits", "1 if the problem is bare, and the last value stated is its result"),
    ("misses", "1 if the problem is bare, and the step states another value as the answer"),
    ("on_the_way", "1 if the problem is bare, and all values of the step lie on the way to it"),
    ("off_the_way", "1 if the problem is bare, and one is made of its numbers and does not"),
    ("open_doubt", "1 if an earlier step had something from nowhere, or off the way"),
    ("doubtful", "1 if the step rests on such a value"),
    ("unused", "share of the problem's numbers that nothing has used up to here"),
    ("dangling", "earlier results that nothing has used, a third each, at most 1"),
    ("plus", "1 if the step adds"),
    ("minus", "1 if the step subtracts"),
    ("times", "1 if the step multiplies"),
    ("over", "1 if the step divides"),
    ("cue_plus", "1 if the problem has a word of adding: total, altogether, more, …"),
    ("cue_minus", "1 if it has a word of subtracting: left, fewer, difference, …"),
    ("cue_times", "1 if it has a word of multiplying: each, times, per, …"),
    ("cue_over", "1 if it has a word of dividing: share, split, equally, …"),
    ("fits", "1 if an operation has its word where the problem gives one of its numbers"),
    ("clashes", "1 if another operation has its word there"),
    ("negative", "1 if a result is negative where the problem has no negative number"),
    ("broken", "1 if a result is no whole number where the problem has whole numbers alone"),
    ("first", "1 for the first step"),
)
"""Name and meaning of every feature, in order; each is between 0 and 1."""

VERSION = 1
"""Of the features; a model says which it was trained on."""

N_FEATURES = len(FEATURES)
_INDEX = {name: i for i, (name, _) in enumerate(FEATURES)}

_CONSTANTS: frozenset[Number] = frozenset(
    (
        *(
            0,
            1,
            2,
            3,
            4,
            7,
            10,
            12,
            16,
            24,
            30,
            52,
            60,
            90,
            100,
            180,
            360,
            365,
            1000,
            1440,
            3600,
            5280,
        ),
        *(Fraction(1, n) for n in (2, 3, 4, 10, 100)),
        *(PI_VALUE, Fraction(314, 100), Fraction(22, 7)),
    )
)
_CORRECTION = re.compile(
    r"\b(?:wait|actually|recalculat\w*|re-?check\w*|double-?check\w*|correct(?:ion|ing)|"
    r"mistake\w*|oops|sorry|no,|not right|wrong|redo|should be|let me (?:check|verify)|"
    r"check(?:ing)?\b|hmm)",
)
_ANSWER = re.compile(r"\banswer|\\boxed|####|\bfinal\b|\bresult is|\bin total\b|\bsolution is")
# Every match of an expression above holds one of these pieces, which are looked for much quicker.
_CORRECTS = (
    *words("wait actually recalculat check correct mistake oops sorry no, wrong redo hmm"),
    *("not right", "should be", "let me "),
)
_CONCLUDES = (*words("answer boxed #### final"), "result is", "in total", "solution is")

_CUES: dict[str, frozenset[str]] = {
    sign: frozenset(words(text))
    for sign, text in {
        "+": "total altogether more sum combined together plus add added adds adding both older "
        "gain gained another extra longer taller heavier increase increased also additional buys "
        "bought found gets got receives received earns earned +",
        "-": "left remain remaining remains fewer less difference younger minus subtract lost "
        "loses lose gave gives give spent spends spend sold sells ate eats eat change save off "
        "shorter lighter decrease decreased broke used uses took takes away cheaper removed -",
        "*": "each every times per twice double triple doubled tripled product multiply "
        "multiplied dozen percent as an hourly daily weekly %",
        "/": "share shared shares split splits equally divide divided half third quarter average "
        "per groups evenly quotient each fourth fifth out",
    }.items()
}
_ASKING = frozenset(
    words(
        "what is s what's the value result answer of calculate compute find evaluate how much many "
        "work out solve simplify please me tell can you could give i want to know determine "
        "explain and show steps step by your for it let let's do be equation number if that so "
        "try we are looking get when get do would "
        "x y z n plus minus times multiplied divided percent add subtract from by multiply divide "
        "with sum difference product quotient between total half third quarter a ≈ in into pct"
    )
)
_SQUARES = frozenset(
    words("^ square squared squares circle circular radius diameter hypotenuse disc disk")
)
_MOST_KNOWN = 14  # numbers whose pairs are tried


@dataclass(frozen=True, slots=True)
class StepReading:
    """What a calculator says of one step.

    Attributes:
        equations: with their places in the step's text.
        features: one value for each of `FEATURES`.
        reading: all that was read of the step.
    """

    equations: tuple[Equation, ...]
    features: tuple[float, ...]
    reading: Reading


class Ledger:
    """The numbers of a problem, and what the steps so far made of them."""

    def __init__(self, problem: str) -> None:
        reading = read(problem)
        self._given = _given(reading)
        self._whole = all(isinstance(value, int) for value in self._given)
        self._signed = any(value < 0 for value in self._given) or "-" in problem
        self._unused = dict.fromkeys(self._given)
        self._known = set(self._given) | _derived(reading)
        self._raw = list(self._given)
        self._parts: set[Number] = set()
        for value in self._given:
            self._parts |= _parts(value)
        for side in reading.loose:  # "3 dozen" is 36, "2.5 hours" are 150 minutes
            self._parts |= {exact(side.value * factor) for factor in factors_of(side.unit)}
        self._target, self._way = _target(reading, problem)
        self._parts |= self._way
        self._squares = self._target is None and not _SQUARES.isdisjoint(_words(reading))
        if self._squares:
            self._parts |= {value * value for value in self._given if -1000 < value < 1000}
        self._unknowns: dict[str, Number] = {}
        if reading.root is not None:
            self._unknowns[reading.letter] = reading.root
        self._found: dict[str, int] = {}  # letters that a step gave a value → the step
        said = _words(reading)
        self._cues = {sign: not cue.isdisjoint(said) for sign, cue in _CUES.items()}
        self._cues_of = _cues_of(reading)
        self._clocks = _clocks(reading)
        self._known |= {*self._clocks, *(quotient(clock, 60) for clock in self._clocks)}
        self._results: dict[Number, bool] = {}  # value → whether something used it
        self._last: Number | None = None
        self._last_side: Side | None = None
        self._false: dict[object, Number] = {}  # what was computed → the false result
        self._done: set[object] = set()
        self._tainted: set[Number] = set()
        self._doubtful: set[Number] = set()
        self._open_false = self._open_doubt = False
        self._n_steps = 0

    def step(self, text: str) -> StepReading:
        """Read the next step."""
        content = step_content(text)
        known = {
            letter: value
            for letter, value in self._unknowns.items()
            if self._found.get(letter, self._n_steps) >= self._n_steps - 1
        }
        reading = read(content, known, self._last_side)
        self._known |= set(_clocks(reading))  # "8:15 to 9:00": an hour needs no reason
        if reading.root is not None and not assigns(reading):
            self._unknowns[reading.letter] = reading.root
            self._found[reading.letter] = self._n_steps
        elif [e.unknown and e.holds for e in reading.equations] == [True] and not assigns(reading):
            said = known.keys() & self._found.keys() & set(_words(reading))
            self._found |= dict.fromkeys(said, self._n_steps)  # "2x = 8": on to "x = 4"
        f = [0.0] * N_FEATURES
        small = lower(content)
        correction = _has(small, _CORRECTS, _CORRECTION)
        side = stated_side(reading)
        stated = None if side is None else side.value
        self._note_form(f, reading, small, correction)
        self._note_operands(f, reading, stated)
        own = self._note_equations(f, reading, correction)
        self._note_stated(f, reading, side, own)
        self._note_way(f, reading, stated, own)
        self._note_operations(f, reading, own)
        self._close(f, reading, stated, own)
        offset = len(text.rstrip()) - len(content) if text.rstrip().endswith(content) else 0
        return StepReading(_moved(reading.equations, offset), tuple(f), reading)

    def _note_form(self, f: list[float], reading: Reading, small: str, correction: bool) -> None:
        equations = reading.equations
        numbers = any(kind == NUMBER for kind in reading.tokens.kinds)
        worst = max((e.error for e in equations), default=0.0)
        f[_INDEX["equations"]] = min(1.0, len(equations) / 4)
        f[_INDEX["false"]] = float(worst > 0)
        f[_INDEX["error"]] = min(1.0, worst) ** 0.5
        f[_INDEX["true"]] = float(any(e.holds for e in equations))
        f[_INDEX["rounded"]] = float(any(e.rounded for e in equations))
        f[_INDEX["unread"]] = float(reading.unread)
        f[_INDEX["no_number"]] = float(not numbers)
        f[_INDEX["numbers_only"]] = float(numbers and not equations)
        f[_INDEX["ends_false"]] = float(bool(equations) and not equations[-1].holds)
        f[_INDEX["correction"]] = float(correction)
        f[_INDEX["open_false"]] = float(self._open_false)
        f[_INDEX["open_doubt"]] = float(self._open_doubt)
        f[_INDEX["answers"]] = float(_has(small, _CONCLUDES, _ANSWER))
        f[_INDEX["first"]] = float(self._n_steps == 0)

    def _note_operands(self, f: list[float], reading: Reading, stated: Number | None) -> None:
        """Where the numbers that the step computes with come from."""
        operands = _operands(reading)
        own = {side.value for e in reading.equations for side in e.sides} | reading.partial
        counts = dict.fromkeys(("given", "results", "constants", "parts", "new"), 0)
        reused = uses_last = doubtful = carries = 0
        for value in operands:
            where = self._where(value)
            if where == "new" and value in own and operands.count(value) < 2:
                where = "results"  # computed in the same step, as in a chain
            counts[where] += 1
            reused += where == "given" and value not in self._unused
            uses_last |= value == self._last
            doubtful |= value in self._doubtful
            carries |= value in self._tainted and (value == self._last or value not in self._known)
        n = max(1, len(operands))
        for name in ("given", "results", "constants", "parts"):
            f[_INDEX[name]] = counts[name] / n
        f[_INDEX["new"]] = min(1.0, counts["new"] / 3)
        f[_INDEX["reused"]] = reused / n
        f[_INDEX["uses_last"]] = float(uses_last)
        f[_INDEX["carries"]] = float(carries)
        f[_INDEX["doubtful"]] = float(doubtful)
        f[_INDEX["unused"]] = len(self._unused) / max(1, len(self._given))
        n_dangling = sum(not used for value, used in self._results.items())
        f[_INDEX["dangling"]] = min(1.0, n_dangling / 3)

    def _where(self, value: Number) -> str:
        if value in self._results:
            return "results"
        if value in self._known or -value in self._known:
            return "given"
        if value in self._parts:
            return "parts"
        return "constants" if value in _CONSTANTS else "new"

    def _note_equations(
        self, f: list[float], reading: Reading, correction: bool
    ) -> list[tuple[Number, bool]]:
        """(Value, whether it is right as far as can be told) of what the step computes."""
        own: list[tuple[Number, bool]] = []
        false_here: set[Number] = set()
        for equation in reading.equations:
            key = _key(equation)
            value = equation.sides[-1].value
            computes = any(side.signs for side in equation.sides) or equation.unknown
            rests = any(v in false_here for side in equation.sides for v in side.operands)
            if key in self._done:
                f[_INDEX["again"]] = 1.0
            if not equation.holds:
                self._false[key] = value
                false_here.add(value)
            elif key in self._false or (correction and self._open_false and computes):
                f[_INDEX["mends"]] = 1.0
                self._tainted.discard(self._false.pop(key, value))
                false_here.clear()
            self._done.add(key)
            if computes:
                own.append((value, equation.holds and not rests))
        return own

    def _note_stated(
        self,
        f: list[float],
        reading: Reading,
        side: Side | None,
        own: Sequence[tuple[Number, bool]],
    ) -> None:
        """Where the last value that the step states comes from."""
        if side is None:
            return
        stated = side.value
        f[_INDEX["states_false"]] = float(
            stated in self._tainted and (stated == self._last or stated not in self._known)
        )
        if any(stated == value for value, _ in own):
            return
        if stated == self._last:
            f[_INDEX["last"]] = 1.0
        elif stated in self._results:
            f[_INDEX["earlier"]] = 1.0
        elif stated in self._known:
            f[_INDEX["as_given"]] = 1.0
        elif stated not in self._parts and stated != self._target:
            way = "reachable" if self._is_reachable(side, reading) else "unfounded"
            f[_INDEX[way]] = 1.0

    def _is_reachable(self, side: Side, reading: Reading) -> bool:
        """Whether one operation on known numbers, or another unit, gives a value."""
        value = side.value
        here = [s.value for s in reading.loose if s is not side]
        here += [v for e in reading.equations for s in e.sides for v in (*s.operands, s.value)]
        some = [*self._raw[:_MOST_KNOWN], *list(self._results)[-6:], *here[-6:]][-_MOST_KNOWN:]
        factors = factors_of(side.unit)
        if value in factors:
            return True  # "a week has 7 days"
        if self._squares and value * value in self._known:
            return True
        wanted = {value, *(exact(value * f) for f in factors)}
        if side.signs == "%":
            wanted.add(exact(value * 100))
        if not wanted.isdisjoint(self._known) or not wanted.isdisjoint(self._results):
            return True
        self._clocks += _clocks(reading)
        if not wanted.isdisjoint(_spans(self._clocks)):
            return True
        return any(not wanted.isdisjoint(_combined(a, b)) for a, b in combinations(some, 2))

    def _note_way(
        self,
        f: list[float],
        reading: Reading,
        stated: Number | None,
        own: Sequence[tuple[Number, bool]],
    ) -> None:
        """Of a bare problem: whether the step is on the way to its result."""
        if self._target is None:
            return
        f[_INDEX["bare"]] = 1.0
        if reading.tokens.kinds.count(VARIABLE) and all(e.holds for e in reading.equations):
            f[_INDEX["on_the_way"]] = float(bool(reading.equations))
        f[_INDEX["hits"]] = float(stated == self._target)
        loose = [side for side in reading.loose if side.signs]
        claims = (
            f[_INDEX["answers"]]
            or (f[_INDEX["numbers_only"]] and not loose and _is_bare_number(reading))
            or (reading.opens and not reading.equations)
        )
        f[_INDEX["misses"]] = float(
            bool(claims)
            and stated is not None
            and stated != self._target
            and not loose
            and (len(reading.tokens.kinds) > 2 or stated not in self._raw)
        )
        values = [(side, side.value) for e in reading.equations for side in e.sides if side.signs]
        values += [(side, side.value) for side in loose]
        if values and all(v in self._way for _, v in values):
            f[_INDEX["on_the_way"]] = 1.0
        f[_INDEX["off_the_way"]] = float(
            any(
                v not in self._way
                and len(side.operands) > 1
                and all(o in self._raw or o in self._results for o in side.operands)
                for side, v in values
            )
        )

    def _note_operations(
        self, f: list[float], reading: Reading, own: Sequence[tuple[Number, bool]]
    ) -> None:
        """Which operations the step takes, and what they give."""
        sides = [s for e in reading.equations for s in e.sides] + list(reading.loose)
        signs = {sign for side in sides for sign in side.signs}
        for sign, name in zip("+-*/", ("plus", "minus", "times", "over"), strict=True):
            f[_INDEX[name]] = float(sign in signs)
            f[_INDEX[f"cue_{name}"]] = float(self._cues[sign])
        taken = [sign for sign in "+-*/" if sign in signs]
        local = {cue for v in _operands(reading) for cue in self._cues_of.get(v, ())}
        f[_INDEX["fits"]] = float(any(sign in local for sign in taken))
        f[_INDEX["clashes"]] = float(bool(local) and any(sign not in local for sign in taken))
        f[_INDEX["negative"]] = float(not self._signed and any(v < 0 for v, _ in own))
        f[_INDEX["broken"]] = float(self._whole and any(not isinstance(v, int) for v, _ in own))

    def _close(
        self,
        f: list[float],
        reading: Reading,
        stated: Number | None,
        own: Sequence[tuple[Number, bool]],
    ) -> None:
        """Take the step's values into the books."""
        for value in _operands(reading):
            self._unused.pop(value, None)
            if value in self._results:
                self._results[value] = True
        if stated in self._results:
            self._results[stated] = True
        doubt = f[_INDEX["new"]] > 0 or f[_INDEX["doubtful"]] > 0 or f[_INDEX["off_the_way"]] > 0
        carried = f[_INDEX["carries"]] > 0
        if f[_INDEX["mends"]] and not f[_INDEX["ends_false"]]:
            self._tainted.clear()
            self._doubtful.clear()
            self._open_false = self._open_doubt = False
            carried = doubt = False
        for value, right in own:
            self._results.pop(value, None)
            self._results[value] = False
            self._parts |= _parts(value)
            if carried or not right:
                self._tainted.add(value)
            else:
                self._tainted.discard(value)
            if doubt:
                self._doubtful.add(value)
            self._last = value
        for side in reading.loose:
            if side.signs and side.value not in self._known:
                self._results.setdefault(side.value, False)
                self._last = side.value
        for side in reading.loose:
            if not side.signs and side.value not in self._raw:
                self._results.setdefault(side.value, True)
        if (f[_INDEX["unfounded"]] or f[_INDEX["reachable"]]) and stated is not None:
            self._last = stated
            if f[_INDEX["unfounded"]]:
                self._doubtful.add(stated)
        if f[_INDEX["false"]] and not f[_INDEX["mends"]]:
            self._open_false = True
        self._open_doubt = self._open_doubt or doubt or f[_INDEX["unfounded"]] > 0
        self._n_steps += 1
        sides = [s for e in reading.equations for s in e.sides] + list(reading.loose)
        self._last_side = max(sides, key=lambda side: side.end, default=None)


def read_solution(problem: str, steps: Iterable[str]) -> list[StepReading]:
    """Every step of a solution, each in the light of the problem and the steps before it."""
    ledger = Ledger(problem)
    return [ledger.step(step) for step in steps]


def _has(text: str, pieces: Sequence[str], pattern: re.Pattern[str]) -> bool:
    """Whether a pattern, of which every match holds one of the pieces, is in a text."""
    return any(piece in text for piece in pieces) and pattern.search(text) is not None


def _moved(equations: Sequence[Equation], offset: int) -> tuple[Equation, ...]:
    if not offset:
        return tuple(equations)
    return tuple(
        Equation(e.start + offset, e.end + offset, e.sides, e.holds, e.error, e.rounded, e.unknown)
        for e in equations
    )


def _given(reading: Reading) -> list[Number]:
    """The numbers of a problem, in order, each once."""
    tokens = reading.tokens
    found: dict[Number, None] = {}
    for kind, value in zip(tokens.kinds, tokens.values, strict=True):
        if kind in (NUMBER, TIMES_WORD):
            assert not isinstance(value, str)
            found[value] = None
        elif isinstance(value, str) and value == "dozen":
            found[12] = None
        elif isinstance(value, str) and value[:1].isdigit() and ":" in value:
            found |= dict.fromkeys(map(int, value.split(":")))  # a time of day
    return list(found)


def _words(reading: Reading) -> list[str]:
    """Words and signs, in order."""
    return [value if isinstance(value, str) else "" for value in reading.tokens.values]


def _cues_of(reading: Reading) -> dict[Number, set[str]]:
    """For every number of a problem the operations that the words around it speak of."""
    tokens, said = reading.tokens, _words(reading)
    found: dict[Number, set[str]] = {}
    for i, kind in enumerate(tokens.kinds):
        if kind != NUMBER:
            continue
        first, last = i, i
        while first > 0 and first > i - 5 and tokens.kinds[first - 1] not in (STOP, COMMA):
            first -= 1
        while last < i + 5 and tokens.kinds[last + 1] not in (STOP, COMMA, END):
            last += 1
        near = set(said[first : last + 1])
        value = tokens.values[i]
        assert not isinstance(value, str)
        cues = {sign for sign, cue in _CUES.items() if not cue.isdisjoint(near)}
        found.setdefault(value, set()).update(cues)
    return found


def _clocks(reading: Reading) -> list[int]:
    """Times of day, in minutes."""
    found = []
    for kind, value in zip(reading.tokens.kinds, reading.tokens.values, strict=True):
        if kind == CLOCK and isinstance(value, str):
            hours, minutes = value.split(":")
            found.append(int(hours) * 60 + int(minutes))
    return found[:8]


def _spans(clocks: Sequence[int]) -> set[Number]:
    """What lies between times of day, in minutes and in hours, by either clock."""
    found: set[Number] = set()
    for a, b in combinations(clocks[-8:], 2):
        for span in {abs(a - b), abs(a - b + 720), abs(b - a + 720), 1440 - abs(a - b)}:
            found |= {span, quotient(span, 60), span // 60, span % 60}
    return found


def _combined(a: Number, b: Number) -> set[Number]:
    """What one operation makes of two numbers."""
    found: set[Number] = {a + b, a - b, b - a, a * b}
    if a and b:
        found |= {quotient(a, b), quotient(b, a)}
    return found


def _is_bare_number(reading: Reading) -> bool:
    """Whether a step is a number and next to nothing: "so 12", "= 5", "12 apples"."""
    tokens = reading.tokens
    numbers = tokens.kinds.count(NUMBER)
    return numbers == 1 and len(tokens.kinds) - 1 <= 4


def _derived(reading: Reading) -> set[Number]:
    """What a problem's percentages and fractions give at once: p / 100, 1 - p / 100, …"""
    tokens = reading.tokens
    found: set[Number] = set()
    for i, kind in enumerate(tokens.kinds):
        if kind == "%" and i and tokens.kinds[i - 1] == NUMBER:
            value = tokens.values[i - 1]
            assert not isinstance(value, str)
            share = Fraction(value, 100)
            found |= {exact(share), exact(1 - share), exact(1 + share), 100 - value, 100 + value}
    sides = [side for e in reading.equations for side in e.sides] + list(reading.loose)
    for side in sides:
        found.add(side.value)
        if 0 < side.value < 1:
            found |= {exact(1 - side.value), exact(1 / Fraction(side.value))}
    return found


def _parts(value: Number) -> set[Number]:
    """Tens and ones of a whole number, what it lacks to round ones, those, half and double."""
    if isinstance(value, Fraction):
        return {exact(value / 2), value * 2, *(exact(value * n) for n in (10, 100, 1000))}
    found: set[Number] = {quotient(value, 2), value * 2}
    if abs(value) < 10 or abs(value) > 10**9:
        return found
    value = abs(value)
    place = 10
    while place <= 10 * value:
        rest = value % place
        digit = value // (place // 10) % 10 * (place // 10)
        found |= {rest, value - rest, place - rest, value - rest + place, digit}
        place *= 10
    return found - {0}


def _target(reading: Reading, problem: str) -> tuple[Number | None, frozenset[Number]]:
    """(The result of a problem that is a bare computation or equation, what lies on the way)."""
    if not reading.tokens.vocabulary() <= _ASKING:
        return None, frozenset()
    computed = [side for side in reading.loose if side.signs]
    rest = [side for side in reading.loose if not side.signs]
    if reading.root is not None and len(computed) != 1:
        return reading.root, reading.partial | {reading.root}
    if reading.root is not None:  # "If x = 3, what is 2x + 1?"
        return computed[0].value, reading.partial | {*computed[0].operands, computed[0].value}
    if len(computed) != 1 or rest or reading.equations:
        return None, frozenset()
    value = computed[0].value
    return value, reading.partial | set(computed[0].operands) | {value}


def _operands(reading: Reading) -> list[Number]:
    """The numbers that a step computes with, results of its equations left out."""
    sides = [side for e in reading.equations for side in e.sides if side.signs]
    sides += [side for side in reading.loose if side.signs not in ("", "%")]
    return [value for side in sides for value in side.operands]


def _key(equation: Equation) -> object:
    """What is computed, whatever the result: the operands in any order, and the signs."""
    side = next((side for side in equation.sides if side.signs), equation.sides[0])
    return (tuple(sorted(side.operands)), side.signs)


def stated_side(reading: Reading) -> Side | None:
    """The last value of a step; a number word only where there is nothing else."""
    sides = [equation.sides[-1] for equation in reading.equations] + list(reading.loose)
    written = [side for side in sides if side.written] or sides
    return max(written, key=lambda side: side.end, default=None)

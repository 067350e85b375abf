r"""Solution text → final answer; and whether two answers are the same.

Finding an answer never fails and is linear in the text. Comparing is done in the cheapest way that
decides: equal texts, then plain numbers (exact, with fractions), and only then math-verify, which
knows LaTeX. Its own time limits use `signal.alarm`, which works in the main thread only; so what
reaches it is kept small (`_are_tame`), and a deadline for any thread stands behind that.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate
from types import FrameType
from typing import NamedTuple

from prm_core.steps import find_steps
from prm_core.types import Candidate

_SECONDS = 5.0  # for one comparison by math-verify; the usual one takes some hundredths
_LONGEST = 200  # characters of an answer that math-verify gets to see
_LONGEST_NUMBER = 60  # characters of a plain number


# --- finding --------------------------------------------------------------------------------------

_BRACES = re.compile(r"(?P<box>\\f?boxed\s*+\{)|\\.|[{}]", re.DOTALL)
_HASHES = re.compile(
    r"(?:^|[\n\r])[ \t]*+####[ \t]*+(?P<answer>\$?[-−+]?\$?\\?\d[^\n\r]{0,40})(?=[\n\r]|\Z)"
)
_STATED = re.compile(
    r"""(?: \b(?:answers?|ans)\b (?:\s++(?:to|for|of)\b[^.:=\n]{0,60}?)?
            [\s*_]*+ (?:is\b|are\b|would\s++be\b|[:：=])
          | 答案 [\s*_]*+ (?:[为是:：=])
        ) [\s*_:：=]*+""",
    re.VERBOSE | re.IGNORECASE,
)
_LETTER_A = re.compile(r"A:[ \t]*+(?P<answer>[^\n\r]{1,80})\Z")  # "A: 77" as a last line
_DELIMITED = re.compile(
    r"\$\$(?P<double>[^$]{1,400})\$\$|\$(?P<single>[^$\n]{1,400})\$"
    r"|\\\[(?P<display>.{1,400}?)\\\]|\\\((?P<inline>.{1,400}?)\\\)",
    re.DOTALL,
)
_CLAUSE_END = re.compile(
    r"[.!?;](?=[\s*_\"'”)]|\Z)|。|[\n\r]|,?\s(?:because|since|which|where|so)\b", re.IGNORECASE
)
_NUMBER = re.compile(
    r"""\\[dt]?frac\{-?\d{1,12}\}\{\d{1,12}\}
      | (?<![\w)\].,])[-−]? \\?\$? (?:\d{1,3}(?:,\d{3})++|\d++) (?:\.\d++)? (?:/\d++)? (?:\\?%)?
      | (?<![\w)\]])[-−]?\.\d++""",
    re.VERBOSE,
)


def final_answer(solution: str | Sequence[str] | Candidate) -> str | None:
    r"""The final answer that a solution gives, as it wrote it; None when it gives none.

    The last of the first kind that there is: `\boxed{…}`; a line `#### …`; "The answer is …",
    "Final answer: …" or "Answer: …"; a number in the last step (of a text: in its last paragraph).
    Thinking never counts: neither what stands between its tags, nor a candidate's steps that are
    marked so.

    >>> final_answer(["7 × 8 = 54.", "Wait: 7 × 8 = 56.", "The answer is 56."])
    '56'

    Args:
        solution: its text, its steps, or the record that holds them.
    """
    if isinstance(solution, str):
        (text,) = _spoken([solution])
        return _find(text, _last_paragraph(text))
    if isinstance(solution, Candidate):
        candidate = solution.whole_of or solution
        marks = candidate.thinking or (False,) * len(candidate.steps)
        solution = [step for step, mark in zip(candidate.steps, marks, strict=True) if not mark]
    written = [step for step in _spoken(solution) if step.strip()]
    return _find("\n\n".join(written), written[-1] if written else "")


def _spoken(steps: Sequence[str]) -> list[str]:
    """The steps with blanks in the place of what is thinking in them."""
    whole = "\n\n".join(steps)
    pieces, end = [], 0
    for step in find_steps(whole, "paragraph"):
        if step.thinking:
            pieces += [whole[end : step.start], " " * (step.end - step.start)]
            end = step.end
    whole = "".join([*pieces, whole[end:]])
    ends = list(accumulate(len(step) + 2 for step in steps))
    return [whole[end - len(step) - 2 : end - 2] for step, end in zip(steps, ends, strict=True)]


def _find(text: str, last_step: str) -> str | None:
    for search in (_boxed, _after_hashes, _stated):
        answer = search(text)
        if answer is not None and (shown := _shown(answer)):
            return shown
    numbers = [found.group() for found in _NUMBER.finditer(last_step)]
    return _shown(numbers[-1]) if numbers else None


def _boxed(text: str) -> str | None:
    r"""What the last `\boxed{…}` with a closing brace and something inside holds."""
    opened: list[tuple[int, bool]] = []
    last: tuple[int, int] | None = None
    for found in _BRACES.finditer(text):
        token = found.group()
        if found["box"] or token == "{":
            opened.append((found.end(), bool(found["box"])))
        elif token == "}" and opened:
            start, is_box = opened.pop()
            if is_box and (last is None or start > last[0]) and text[start : found.start()].strip():
                last = start, found.start()
    return None if last is None else text[slice(*last)]


def _after_hashes(text: str) -> str | None:
    lines = [found["answer"] for found in _HASHES.finditer(text)]
    return lines[-1] if lines else None


def _stated(text: str) -> str | None:
    """What the last "answer is" or "Answer:" is followed by, up to the end of its clause."""
    anchors = [found.end() for found in _STATED.finditer(text)]
    for start in reversed(anchors[-3:]):  # the last may be followed by nothing
        rest = text[start : start + 500]
        delimited = _DELIMITED.match(rest)
        if delimited is not None:
            return delimited[delimited.lastgroup or 0]
        clause = _CLAUSE_END.search(rest)
        answer = rest[: clause.start()] if clause else rest
        if _shown(answer):
            return answer
    last_line = _last_paragraph(text).splitlines()[-1:]
    found = _LETTER_A.match(last_line[0].strip()) if last_line else None
    return found["answer"] if found else None


def _last_paragraph(text: str) -> str:
    lines = text.rstrip().splitlines()
    first = len(lines)
    while first and lines[first - 1].strip():
        first -= 1
    return "\n".join(lines[first:])


_PAIRS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`"))
_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")


def _shown(answer: str) -> str:
    """An answer cleaned for display: no delimiters, no bold, no dollar sign, no full stop."""
    before = None
    while before != answer:
        before = answer
        answer = answer.strip().strip("\"“”'").rstrip(".,;:。").strip("*_ \t\n\r")
        for opening, closing in _PAIRS:
            long_enough = len(answer) > len(opening) + len(closing) - 1
            if long_enough and answer.startswith(opening) and answer.endswith(closing):
                inside = answer[len(opening) : -len(closing)]
                if closing not in inside:
                    answer = inside
        if whole := _TEXT.fullmatch(answer):
            answer = whole[1]
    return re.sub(r"^([-−]?)\\?\$(?=[-−]?[\d.])", r"\1", answer)


# --- comparing ------------------------------------------------------------------------------------


def same_answer(a: str | None, b: str | None) -> bool:
    r"""Do two final answers mean the same?

    >>> same_answer("1,000", "1000"), same_answer("0.5", r"\frac{1}{2}"), same_answer("56", "54")
    (True, True, False)

    Choices where usage differs: a noun or unit after a number is dropped ("12 apples" is 12), but
    two different units of measure differ (12 cm, 12 mm); 15% is both 15 and 0.15, as the question
    may ask for either; a decimal with four or more places equals what rounds to it (0.3333 is
    1/3); words are compared without regard to case; (B) is B. None equals nothing, None included.

    Never raises. Text that is long, or that could make algebra slow (towers of powers, sums,
    integrals, large factorials), is equal only to the same text.
    """
    if a is None or b is None:
        return False
    if a.strip() == b.strip():
        return bool(a.strip())
    if max(len(a), len(b)) > 10 * _LONGEST:
        return False
    left, right = sorted((_plain(a), _plain(b)))
    if not left or not right:
        return False
    if left == right:
        return True
    one, other = _quantity(left), _quantity(right)
    if one is not None and other is not None:
        return _same_quantity(one, other)
    return _are_tame(left, right) and _same_mathematics(left, right)


_REPLACED = {
    "−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "÷": r"\div ", "π": r"\pi ",
    "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "°": " degrees", r"^\circ": " degrees",
    r"^{\circ}": " degrees", r"\degree": " degrees", r"\dfrac": r"\frac", r"\tfrac": r"\frac",
    r"\left": "", r"\right": "", r"\!": "", r"\,": " ", r"\;": " ", r"\:": " ", r"\ ": " ",
    "{,}": ",", r"\%": "%", r"\$": "", "$": "", "€": "", "£": "", "~": " ",
}  # fmt: skip
_REPLACE = re.compile("|".join(map(re.escape, sorted(_REPLACED, key=len, reverse=True))))


def _plain(answer: str) -> str:
    r"""An answer without what does not change its meaning: delimiters, spacing, `\text`, case."""
    text = _REPLACE.sub(lambda found: _REPLACED[found[0]], _shown(answer))
    text = re.sub(r"\s+", " ", _TEXT.sub(r" \1 ", text)).strip().rstrip(".").strip()
    text = re.sub(r"(?<=\d)\s*(?:percent|per cent|%)$", "%", text)
    option = re.fullmatch(r"\(\s*([A-Za-z])\s*\)", text)
    if option:
        text = option[1]
    return text.casefold() if _has_words(text) or len(text) == 1 else text


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Letters that are mathematics although they look like words, and words although they are short.
_FUNCTIONS = _words("pi sqrt sin cos tan log ln exp inf frac")
_JOINING = _words("or and is to of in no am pm by at")


def _has_words(text: str) -> bool:
    words = re.findall(r"(?<![\\A-Za-z])[A-Za-z]{2,}", text)
    return any(
        (len(word) > 2 or word.lower() in _JOINING) and word.lower() not in _FUNCTIONS
        for word in words
    )


class _Quantity(NamedTuple):
    """A plain number with what follows it.

    Attributes:
        value: exact.
        places: digits after the point as written; -1 for a fraction or an integer.
        unit: "%", a unit of measure in the singular, or "" (other nouns are dropped).
    """

    value: Fraction
    places: int
    unit: str


_PLAIN_NUMBER = re.compile(
    r"""(?P<sign>[-+]?)\s*+
    (?: (?:(?P<whole>\d{1,9})\s*+)?\\frac\{(?P<top>-?\d{1,20})\}\{(?P<bottom>\d{1,20})\}
      | (?:(?P<whole2>\d{1,9})\s++)?(?P<top2>\d{1,20})\s*+/\s*+(?P<bottom2>\d{1,20})
      | (?P<integer>\d{1,3}(?:,\d{3})++|\d*+)(?:\.(?P<decimals>\d*+))?+
        (?:[eE](?P<power>[-+]?\d{1,2}))?+ )
    (?P<unit>.*+)""",
    re.VERBOSE | re.DOTALL,
)
_MEASURES = _words(
    "mm cm m km in inch ft foot yd yard mi mile g kg mg lb oz ton l ml gallon liter litre meter "
    "metre s sec second min minute h hr hour day week month year degree radian mph kph dollar cent "
    "euro pound gram kilogram kilometer centimeter millimeter"
)
_IRREGULAR = {"feet": "foot", "inches": "inch"}
_SCALES = _words("dozen dozens hundred thousand million billion trillion half quarter third")


def _quantity(text: str) -> _Quantity | None:
    """The number that a text is, or None when it is something else."""
    if len(text) > _LONGEST_NUMBER or (found := _PLAIN_NUMBER.fullmatch(text)) is None:
        return None
    unit = _unit(found["unit"])
    digits = (found["integer"] or "") + (found["decimals"] or "")
    top, bottom = found["top"] or found["top2"], found["bottom"] or found["bottom2"]
    if unit is None or not (digits or top) or (bottom and not int(bottom)):
        return None
    whole = found["whole"] or found["whole2"] or 0
    if top:
        value, places = int(whole) + Fraction(int(top), int(bottom)), -1
    else:
        decimals = found["decimals"] or ""
        power = int(found["power"] or 0)
        value = Fraction(f"{digits.replace(',', '')}e{power - len(decimals)}")
        places = max(len(decimals) - power, 0) if decimals else -1
    return _Quantity(-value if found["sign"] == "-" else value, places, unit)


def _unit(text: str) -> str | None:
    """What follows a number: its unit of measure, "" for another noun; None for mathematics."""
    if text in ("", "%"):
        return text
    words = re.fullmatch(r"(\s?)([A-Za-z]+)((?:[ -][A-Za-z]+)*)", text)
    if words is None:
        return None
    first = words[2].lower()
    measure = _IRREGULAR.get(first, first if first in _MEASURES else first.removesuffix("s"))
    if measure in _MEASURES and len(measure) > 1 and not words[3]:
        return measure
    if first in _SCALES | _FUNCTIONS | _JOINING:
        return None
    return "" if words[1] and len(first) > 2 else None


def _same_quantity(a: _Quantity, b: _Quantity) -> bool:
    if "%" in (a.unit, b.unit):
        if a.unit == b.unit:
            return _same_value(a, b)
        rate, other = (a, b) if a.unit == "%" else (b, a)
        hundredth = _Quantity(rate.value / 100, rate.places + 2 if rate.places > 0 else -1, "")
        return _same_value(rate, other) or _same_value(hundredth, other)
    if a.unit and b.unit and a.unit != b.unit:
        return False
    return _same_value(a, b)


def _same_value(a: _Quantity, b: _Quantity) -> bool:
    """Exactly equal, or equal when rounded to the places of the one that was rounded."""
    if a.value == b.value:
        return True
    places = min((q.places for q in (a, b) if q.places >= 4), default=None)
    if places is None:
        return False
    if any(0 <= q.places < places or q.value.denominator == 1 for q in (a, b)):
        return False
    return abs(a.value - b.value) <= Fraction(f"5e-{places + 1}")


# --- math-verify ----------------------------------------------------------------------------------

_POWER = re.compile(
    r"(?:\^|\*\*)\s*+(\{[^{}]*\}|\([^()]*\)|[-+]?\d+|\\?[A-Za-z]+)?+\s*+(\^|\*\*)?+"
)
_HEAVY = re.compile(
    r"\\(?:sum|prod|int|iint|oint|lim|input|def)(?![A-Za-z])|\d{21}|\d{3}\s*!|[)}\]!]\s*!|!\s*\^"
    r"|\\binom.*\d{4}"
)
_FUNCTION = re.compile(
    r"log|ln|lg|exp|sin|cos|tan|cot|sec|csc|\\(?:gcd|lcm|mod|bmod|pmod)|e\s*(?:\^|\*\*)"
)


def _are_tame(left: str, right: str) -> bool:
    """Are two texts so short and simple that algebra on their difference ends soon?

    A deadline does not help within one operation on integers, so large numbers are kept apart from
    functions: simplifying log 2 - n can need 2^n.
    """
    both = f"{left} {right}"
    if not both.isascii() or _HEAVY.search(both) or _has_words(both):
        return False
    if max(len(left), len(right)) > _LONGEST or max(_depth(left), _depth(right)) > 8:
        return False
    growth = _growth(left), _growth(right)
    if growth[0] is None or growth[1] is None:
        return False
    n_digits = sum(character.isdigit() for character in both) * max(growth[0], growth[1])
    large = n_digits > 8 or "!" in both or r"\binom" in both
    return not (large and _FUNCTION.search(both))


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "{[(") - (character in "}])")
        deepest = max(deepest, depth)
    return deepest


def _growth(text: str) -> int | None:
    """The exponents of a text multiplied with one another, or None where they could explode.

    That is a tower of powers, a product of 1,000 or more, and more than 12 on a bracket, which may
    have to be expanded.
    """
    total = 1
    for found in _POWER.finditer(text):
        exponent, tower = found[1], found[2]
        if exponent is None or tower or "!" in exponent:
            return None
        size = 1
        for number in re.findall(r"\d+", exponent):
            size *= max(1, int(number))
        total *= size
        on_bracket = text[: found.start()].rstrip()[-1:] in (")", "}", "]")
        if total >= 1000 or (on_bracket and size > 12):
            return None
    return total


class _TooSlow(BaseException):
    """The deadline passed. No Exception, so that no handler on the way swallows it."""


@lru_cache(maxsize=4096)
def _same_mathematics(left: str, right: str) -> bool:
    """Are two tame texts equal as mathematics? False too when that cannot be told in time."""
    # Slow to import, and most answers are plain numbers.
    from latex2sympy2_extended import NormalizationConfig  # type: ignore[import-untyped]
    from math_verify import LatexExtractionConfig, parse, verify

    # It warns that it has no time limit, and reports texts that it cannot parse, with the text.
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    # Units are dealt with above; here, "2ab" would lose its letters with them.
    latex = LatexExtractionConfig(
        normalization_config=NormalizationConfig(
            basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="none"
        )
    )

    def compare() -> bool:
        one, other = (
            parse(f"${text}$", extraction_config=[latex], parsing_timeout=None)
            for text in (left, right)
        )
        either = verify(one, other, timeout_seconds=None) or verify(
            other, one, timeout_seconds=None
        )
        return bool(either)

    try:
        return _with_deadline(compare)
    except (Exception, _TooSlow):  # any text may come in, and what cannot be read is not equal
        return False


def _with_deadline(work: Callable[[], bool]) -> bool:
    """Run pure Python work, ended by `_TooSlow` at a call after `_SECONDS` of this thread's time.

    The thread's own time, so that a busy machine does not change an answer.
    """
    deadline = time.thread_time() + _SECONDS
    calls = 0

    def check(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1
        if calls % 256 == 0 and time.thread_time() > deadline:
            raise _TooSlow

    before = sys.getprofile()
    sys.setprofile(check)  # of this thread only, unlike an alarm
    try:
        return work()
    finally:
        sys.setprofile(before)

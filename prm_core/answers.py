r"""Solution text → final answer.

Finding an answer never fails and is linear in the text. Whether two answers are the same is told by
`prm_core.equality`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

from prm_core.equality import bare
from prm_core.equality import same_answer as same_answer
from prm_core.steps import find_steps
from prm_core.types import Candidate

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


def _shown(answer: str) -> str:
    """An answer as it is shown: bare, and without a dollar sign in front of its number."""
    return re.sub(r"^([-−]?)\\?\$(?=[-−]?[\d.])", r"\1", bare(answer))

"""A solution's text, read: its two voices (thinking and the rest), and where each may be cut."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from prm_core.text.labels import (
    ANSWER,
    ANSWER_SIGN,
    EDGE,
    LABEL,
    MAY_COUNT,
    TURN,
    item,
    label_number,
)
from prm_core.text.line_ends import Lines, read_lines
from prm_core.text.protected import ProtectedSpans, Span, find_blocks, find_lines
from prm_core.text.tags import MARKER, WORD, Tagged, read_tags, says_something

_MAY_BLOCK = re.compile(r"[`~|$\\]|[\[<](?:asy|tikz|svg|table|pre)\b", re.IGNORECASE)
_BOX = re.compile(r"(?:\$\$?|\\[(\[])?+\s*+\\boxed\b")
_BULLET_ITEM = re.compile(r"[ \t]*+(?:[-*+•\uf0b7◦▪‣●○►▶➤→–—✅✔🔹🔸👉]|\\item|[o§](?=\t))[ \t]")
_ENDS = frozenset(".!?。！？\"'”’»)*_$")
_ENDED = re.compile(r"[.!?。！？][\"'”’»)*_$]{0,4}$")


class TextRow(NamedTuple):
    """A line with a letter or digit that does not begin inside a block: where a cut may be.

    Attributes:
        start, end: where it lies in the text.
        opens: it begins a paragraph.
        answer: it states the answer; see `_is_answer`.
    """

    start: int
    end: int
    opens: bool
    answer: bool


class Head(NamedTuple):
    """A row that begins with a number, "Step 1:" or a bullet.

    Attributes:
        row: its index.
        kind: "label" ("Step 1:"), "sub" ("Substep 1.1:"), "turn" ("Thought 1:"), "heading"
            ("## 1. …"), "item" ("1."), "letter" ("a)") or "bullet".
        level: how deep a heading it is; 7 when it is none.
        number: what it counts; 0 for a bullet; of turns 1 for a thought.
        indent: how many characters of white space come first.
    """

    row: int
    kind: str
    level: int
    number: int
    indent: int


@dataclass(frozen=True)
class Part:
    """The thinking of a text, or the rest of it.

    Attributes:
        original: the whole text.
        text: the same with everything else blanked out: tags, the other voice, lines without a
            letter or digit; and with line ends for those that are written out. Offsets are those
            of the original.
        thinking: which of the two it is.
        walls: where the stretches between tags begin; no step crosses them.
        marker: the step marker that joins its stretches, or "".
        answers: what was between answer tags.
        blocks: what stays whole.
        may_answer: whether a row can state the answer.
        rows: where cuts may be.
        items: as in `Lines`.
    """

    original: str
    text: str
    thinking: bool
    walls: list[int]
    marker: str
    answers: ProtectedSpans
    blocks: ProtectedSpans
    may_answer: bool
    rows: list[TextRow]
    items: dict[int, int]

    @cached_property
    def heads(self) -> dict[int, Head]:
        """What rows begin with, by their index; rows that state the answer are left out."""
        found = (_head(self, index, row) for index, row in enumerate(self.rows))
        return {head.row: head for head in found if head is not None}

    def between_walls(self, start: int, end: int) -> Iterator[Span]:
        """A piece, cut at the walls in it."""
        inside = self.walls[bisect_right(self.walls, start) : bisect_left(self.walls, end)]
        yield from pairwise([start, *inside, end])


def _head(part: Part, index: int, row: TextRow) -> Head | None:
    text = part.text
    start, end, _, answer = row
    if answer:
        return None
    counts = MAY_COUNT.match(text, start, end)
    if counts and counts["word"] and (found := LABEL.match(text, start, end)):
        kind, number = "sub" if found["sub"] else "label", label_number(found)
    elif counts and (counted := item(text, start, end)):
        found, number, lettered = counted
        kind = "letter" if lettered else "item"
    elif found := TURN.match(text, start, end):
        kind, number = "turn", int(found["thought"] is not None)
    elif found := _BULLET_ITEM.match(text, start, end):
        return Head(index, "bullet", 7, 0, len(found[0]) - len(found[0].lstrip()))
    elif start in part.items:
        number = part.items[start]
        return Head(index, "item" if number else "bullet", 7, number, 0)
    else:
        return None
    level = len(found["hashes"] or "") or 7
    if kind in ("item", "letter") and level < 7:
        kind = "heading"
    indent = len(found[0]) - len(found[0].lstrip()) if text[start].isspace() else 0
    return Head(index, kind, level, number, indent)


class Read(NamedTuple):
    """A text as it is read, its tags, and its parts that are not blank, by `Part.thinking`."""

    text: str
    tagged: Tagged
    parts: dict[bool, Part]


def read_text(text: str, written: bool = True) -> Read:
    """
    Args:
        text: a solution.
        written: line ends that are written out (`<br>`) are read as such.
    """
    lines = read_lines(text) if written else Lines(text, {})
    tagged = read_tags(lines.text)
    parts = (_part(text, lines, tagged, thinking) for thinking in (True, False))
    found = {part.thinking: part for part in parts if part is not None}
    return Read(lines.text, tagged, found)


def _part(original: str, lines: Lines, tagged: Tagged, thinking: bool) -> Part | None:
    """One voice of a text, or None when it says nothing."""
    text, items = lines
    spans = [(s.start, s.end) for s in tagged.stretches if s.thinking is thinking]
    if not any(WORD.search(text, *span) for span in spans):
        return None
    alone = text if len(spans) == 1 == len(tagged.stretches) else _only(text, spans)
    found: list[Span] = []
    for start, end in spans:
        stretch = text[start:end]
        if not _MAY_BLOCK.search(stretch):
            continue
        inside = find_blocks(stretch, find_lines(stretch)).spans()
        found += [(start + a, start + b) for a, b in inside]
    blocks = ProtectedSpans(found)
    may_answer = ANSWER_SIGN.search(alone) is not None
    rows, blank = _rows(alone, blocks, may_answer)
    cleared = _only(alone, _rest(blank, len(text)), " ") if blank else alone
    marker = _marker(text, tagged, spans)
    walls = [start for start, _ in spans]
    answers = ProtectedSpans(tagged.answers if not thinking else ())
    return Part(
        original, cleared, thinking, walls, marker, answers, blocks, may_answer, rows, items
    )


def _only(text: str, spans: Iterable[Span], last: str = "\u2029") -> str:
    """A text of the same length with blanks outside of the spans.

    Each stretch of blanks ends in a paragraph's end, so that what follows begins a line.
    """
    pieces, at = [], 0
    for start, end in [*spans, (len(text), len(text))]:
        if start > at:
            pieces.append(" " * (start - at - 1) + last)
        pieces.append(text[start:end])
        at = end
    return "".join(pieces)


def _rest(spans: list[Span], length: int) -> list[Span]:
    """What lies between spans."""
    edges = [0, *(place for span in spans for place in span), length]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _marker(text: str, tagged: Tagged, spans: list[Span]) -> str:
    """A step marker between two stretches that say something."""
    worded = [span for span in spans if WORD.search(text, *span)]
    for tag in tagged.tags:
        if tag.kind == MARKER and worded[0][0] < tag.start < worded[-1][0]:
            return text[tag.start : tag.end]
    return ""


def _rows(text: str, blocks: ProtectedSpans, may_answer: bool) -> tuple[list[TextRow], list[Span]]:
    """The rows of a part, and the lines that hold neither letter nor digit nor block."""
    rows: list[TextRow] = []
    wordless: list[Span] = []
    opens = True
    quoted = text[:80].lstrip().startswith(">")  # then ">" alone is a blank line
    for start, end in find_lines(text):
        if not says_something(text, start, end):
            if not text[start:end].strip(EDGE):
                opens = True
                continue
            if not blocks.overlap(start, end):
                wordless.append((start, end))
                opens = opens or (quoted and not text[start:end].strip(EDGE + ">"))
                continue
        if blocks.free(start):
            opens = opens or text[start - 1 : start] == "\u2029"
            rows.append(TextRow(start, end, opens, may_answer and _is_answer(text, start, opens)))
        opens = False
    return rows, wordless


def _is_answer(text: str, start: int, opens: bool) -> bool:
    """Does a line state the answer in a form of its own: "Final answer: …", "#### 12", a box?

    A box after a sentence that has not ended ("the answer is:") belongs to that sentence, but not
    to a formula in the paragraph before.
    """
    if ANSWER.match(text, start):
        return True
    if not _BOX.match(text, start):
        return False
    before = unfinished(text, start)
    return not before or (opens and (before[-1].isdigit() or before[-1] in ")]}$"))


def unfinished(text: str, position: int) -> str:
    """The last few characters before a position; nothing where a sentence ends, or at the start."""
    before = text[max(0, position - 80) : position].rstrip(EDGE)[-12:]
    return "" if before[-1:] in _ENDS and _ENDED.search(before) else before

"""A solution's text, read: its two voices (thinking and the rest), and where each may be cut."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from prm_core.text.labels import ANSWER, ANSWER_SIGN, EDGE
from prm_core.text.protected import ProtectedSpans, Span, find_blocks, find_lines
from prm_core.text.tags import MARKER, WORD, Tagged, read_tags

_MAY_BLOCK = re.compile(r"[`~|$\\]|[\[<]asy", re.IGNORECASE)
_BOX = re.compile(r"(?:\$\$?|\\[(\[])?+\s*+\\boxed\b")
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


@dataclass(frozen=True)
class Part:
    """The thinking of a text, or the rest of it.

    Attributes:
        original: the whole text.
        text: the same with everything else blanked out: tags, the other voice, lines without a
            letter or digit. Offsets are those of the original.
        thinking: which of the two it is.
        walls: where the stretches between tags begin; no step crosses them.
        marker: the step marker that joins its stretches, or "".
        answers: what stood between answer tags.
        blocks: what stays whole.
        rows: where cuts may be.
    """

    original: str
    text: str
    thinking: bool
    walls: list[int]
    marker: str
    answers: ProtectedSpans
    blocks: ProtectedSpans
    rows: list[TextRow]

    def between_walls(self, start: int, end: int) -> Iterator[Span]:
        """A piece, cut where walls stand in it."""
        inside = self.walls[bisect_right(self.walls, start) : bisect_left(self.walls, end)]
        yield from pairwise([start, *inside, end])


class Read(NamedTuple):
    """A text's tags, and its parts that are not blank, by whether they are thinking."""

    tagged: Tagged
    parts: dict[bool, Part]


def read_text(text: str) -> Read:
    tagged = read_tags(text)
    parts = (_part(text, tagged, thinking) for thinking in (True, False))
    return Read(tagged, {part.thinking: part for part in parts if part is not None})


def _part(text: str, tagged: Tagged, thinking: bool) -> Part | None:
    """One voice of a text, or None when it says nothing."""
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
    rows, blank = _rows(alone, blocks)
    cleared = _only(alone, _rest(blank, len(text)), " ") if blank else alone
    marker = _marker(text, tagged, spans)
    walls = [start for start, _ in spans]
    answers = ProtectedSpans(tagged.answers if not thinking else ())
    return Part(text, cleared, thinking, walls, marker, answers, blocks, rows)


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


def _rows(text: str, blocks: ProtectedSpans) -> tuple[list[TextRow], list[Span]]:
    """The rows of a part, and the lines that hold neither letter nor digit nor block."""
    may_answer = ANSWER_SIGN.search(text) is not None
    rows: list[TextRow] = []
    wordless: list[Span] = []
    opens = True
    for start, end in find_lines(text):
        if not text[start:end].strip(EDGE):
            opens = True
            continue
        if not WORD.search(text, start, end) and not blocks.overlap(start, end):
            wordless.append((start, end))
            continue
        if blocks.free(start):
            opens = opens or text[start - 1 : start] == "\u2029"
            rows.append(TextRow(start, end, opens, may_answer and _is_answer(text, start)))
        opens = False
    return rows, wordless


def _is_answer(text: str, start: int) -> bool:
    """Does a line state the answer in a form of its own: "Final answer: …", "#### 12", a box?

    A box after a sentence that has not ended ("the answer is:") belongs to that sentence.
    """
    if ANSWER.match(text, start):
        return True
    return _BOX.match(text, start) is not None and not unfinished(text, start)


def unfinished(text: str, position: int) -> str:
    """The last few characters before a position; nothing where a sentence ends, or at the start."""
    before = text[max(0, position - 80) : position].rstrip(EDGE)[-12:]
    return "" if _ENDED.search(before) else before

"""Where a solution's steps are numbered: labels, headings and lists, and which of them are steps.

A list can carry a solution or be part of a step of it (cases, a plan, what is given); the
paragraphs around it tell.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from prm_core.text.labels import (
    EDGE,
    FIRST_MARK,
    INLINE_ANSWER,
    INLINE_LABEL,
    INLINE_LEAD,
    INLINE_TURN,
    LABEL,
    LABEL_STEMS,
    REFERS,
    STAGE,
    label_number,
    next_mark,
)
from prm_core.text.parts import Head, Part, TextRow
from prm_core.text.tags import WORD

_DISPLAY = re.compile(r"\$\$|\\\[|\\begin\b")
BULLET = re.compile(r"[-*+•\uf0b7][ \t]|[o§]\t|\\item\b|\||`{3}|~{3}")
_GIVEN = re.compile(
    r"\b(?:given|knows?|known|information|facts?|data|conditions?|constraints?|variables?|options?"
    r"|choices|dad(?:as?|os?)|donnée?s|gegeben|дано)\b|已知",
    re.IGNORECASE,
)
_CONCLUDES = re.compile(
    r"""\W{0,8} (?: therefore | thus | hence | so | consequently | finally | overall | as\ a\ result
      | in\ (?:conclusion|total|summary) | this\ (?:means|gives|shows) | we\ conclude
      | (?:the\ )?(?:final\ |correct\ |total\ )?answer | donc | ainsi | finalement
      | also | somit | daher | folglich | por\ (?:lo\ )?tanto | así | luego | portanto | logo
      | quindi | dunque | perciò | итак | значит | поэтому | следовательно | таким\ образом )
      (?![^\W_]) | \W{0,8} (?: 因此 | 所以 | 故 | 综上 | 最终 | 最后 | 答 )""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADED = re.compile(r"[^\W\d_]{2,24}+[ \t]?[:：][ \t]*+\S")


def is_head(part: Part, index: int) -> bool:
    """Does a row begin with a number or "Step 1:"?"""
    head = part.heads.get(index)
    return head is not None and head.kind != "bullet"


_OWN = EDGE + "*_#>-[(0123456789.)"


class List(NamedTuple):
    """A list whose items may be steps.

    Attributes:
        heads: where its items begin; two at least.
        tail: index of the row after its last item.
        loose: its items may have several paragraphs. An item of a tight list ends where a
            paragraph opens at the left margin.
    """

    heads: list[Head]
    tail: int
    loose: bool


def all_lists(part: Part) -> list[List]:
    """Labels, else numbered headings, else the lists at the outermost indentation.

    An agent's turns are labels where the text begins with its thought.
    Headings and items count while they go up by one, so that a list within a step and "100. That"
    at a line's start are text; where they begin at 1 again, so does a list.
    """
    found = list(part.heads.values())
    for kind in ("label", "sub", "turn"):
        labels = [head for head in found if head.kind == kind]
        if len(labels) > 1 and (kind != "turn" or (labels[0].row, labels[0].number) == (0, 1)):
            return _ended(part, [labels])
    if headings := _rising([head for head in found if head.kind == "heading"]):
        return _ended(part, headings)
    outermost = min((head.indent for head in found if head.level == 7), default=0)
    listed = [head for head in found if head.level == 7 and head.indent == outermost]
    items = [
        run
        for run in _rising([head for head in listed if head.kind in ("item", "letter")])
        if not _has_parts(part, run)
    ]
    bullets = [head for head in listed if head.kind == "bullet"]
    return _ended(part, items or _unbroken(part, bullets))


def step_lists(part: Part) -> list[List]:
    """The lists whose items are steps, in order.

    Labels and headings always are. A list of items is where each item opens a paragraph. Tight
    lists are where they outnumber the paragraphs around them, or where nothing but a conclusion
    follows; else they are lists within a step: cases, a plan, what is given.
    """
    lists = all_lists(part)
    kinds = {one.heads[0].kind for one in lists}
    last = max((index for index, row in enumerate(part.rows) if not row.answer), default=-1)
    tight = [
        one for one in lists if not one.loose and (one.tail > last or not _is_given(part, one))
    ]
    if kinds == {"bullet"} and len(lists) > 1:  # one for each thought, as details
        return []
    kept = [one for one in lists if one.loose]
    if _carry(part, lists, tight):
        kept = sorted([*kept, *tight], key=lambda one: one.heads[0].row)
    return kept


def _rising(heads: list[Head]) -> list[list[Head]]:
    """Runs that begin at 1 and go up by one, of two at least."""
    runs: list[list[Head]] = []
    for head in heads:
        if head.number == 1:
            runs.append([head])
        elif runs and head.number == runs[-1][-1].number + 1:
            runs[-1].append(head)
    return [run for run in runs if len(run) > 1]


def _has_parts(part: Part, run: list[Head]) -> bool:
    """Do letters count the parts of a question, each of several paragraphs, and no steps?

    A stage of several lines is no step either.
    """
    if run[0].kind != "letter":
        return False
    inside = _at_margin(part, _between(run))
    staged = STAGE.match(part.text, part.rows[run[0].row].start)
    return any(part.rows[index].opens for index in inside) or (
        staged is not None and len(inside) >= 2 * (len(run) - 1)
    )


def _unbroken(part: Part, bullets: list[Head]) -> list[list[Head]]:
    """Bullets with no text at the margin between them, in runs of two at least."""
    runs: list[list[Head]] = []
    for head in bullets:
        between = range(runs[-1][-1].row + 1 if runs else 0, head.row)
        if runs and not (between and _at_margin(part, between)):
            runs[-1].append(head)
        else:
            runs.append([head])
    return [run for run in runs if len(run) > 1]


def _ended(part: Part, runs: list[list[Head]]) -> list[List]:
    """The lists that begin like this, each up to the next at most."""
    lists = []
    for index, heads in enumerate(runs):
        end = runs[index + 1][0].row if index + 1 < len(runs) else len(part.rows)
        kind = heads[0].kind
        loose = kind != "bullet" and all(part.rows[head.row].opens for head in heads[1:])
        loose = loose or kind in ("label", "sub", "turn", "heading")
        tail = _loose_tail(part, heads, end) if loose else _tight_tail(part, heads, end)
        lists.append(List(heads, tail, loose))
    return lists


def _tight_tail(part: Part, heads: list[Head], end: int) -> int:
    """Index of the row where the text after a tight list begins; `end` at most."""
    bodies = _at_margin(part, _between(heads))
    for index in range(heads[-1].row + 1, end):
        if opens_at_margin(part, index):
            return index
        ends = len(heads) > 2 or is_headed(part, index)
        if ends and not bodies and _at_margin(part, [index]):
            return index
    return end


def _loose_tail(part: Part, heads: list[Head], end: int) -> int:
    """The same for a list of paragraphs.

    Whether an unindented line still belongs to the last step is learnt from the steps before it:
    where none of them continues after a blank line (or on a new line at all), neither does the
    last. The conclusion is outside.
    """
    inside = _between(heads)
    bodies = _at_margin(part, inside)
    formulas = [index for index in inside if _DISPLAY.match(part.text, part.rows[index].start)]
    after = _at_margin(part, range(heads[-1].row + 1, end))
    if not any(part.rows[index].opens for index in (*bodies, *formulas)):
        for index in after:
            if part.rows[index].opens or (len(heads) > 2 and not bodies):
                return index
    *_, last = [-1, *(index for index in after if part.rows[index].opens)]
    if last >= 0 and (
        _concludes(part, last)
        if heads[0].kind in ("item", "letter")
        else _stands_over(part, heads, bodies, after, _concludes(part, last))
    ):
        return last
    return end


def _stands_over(
    part: Part, heads: list[Head], bodies: list[int], after: list[int], concludes: bool
) -> bool:
    """Has the last step a paragraph more than the steps before, which is the text's conclusion?

    Without a word that says so, two steps before it at least must have as many as each other.
    """
    starts = [head.row for head in heads]
    counts = [0] * (len(heads) - 1)
    for index in bodies:
        counts[bisect_right(starts, index) - 1] += part.rows[index].opens
    n_last = sum(part.rows[index].opens for index in after)
    if concludes:
        return n_last > max(counts)
    return len(counts) > 1 and set(counts) == {n_last - 1}


def _between(heads: list[Head]) -> list[int]:
    return [index for a, b in pairwise(heads) for index in range(a.row + 1, b.row)]


def opens_at_margin(part: Part, index: int) -> bool:
    """Does a paragraph begin with this row, which is neither indented nor a bullet?"""
    row = part.rows[index]
    return (
        row.opens and not part.text[row.start].isspace() and not BULLET.match(part.text, row.start)
    )


def is_headed(part: Part, index: int) -> bool:
    """Does a row begin with a word and a colon, and go on: "Adding: 3 + 4 = 7"?"""
    row = part.rows[index]
    found = _HEADED.match(part.text, row.start, row.end)
    return found is not None and not found[0][0].islower()  # where text was wrapped


def _at_margin(part: Part, indices: Iterable[int]) -> list[int]:
    """Rows of plain text at the left margin: no list, no formula or code on lines of its own."""
    flush = []
    for index in indices:
        start = part.rows[index].start
        plain = not part.text[start].isspace() and not part.blocks.overlap(start, start + 1)
        if plain and not BULLET.match(part.text, start):
            flush.append(index)
    return flush


def _is_given(part: Part, one: List) -> bool:
    """Does the line before say that this is given?"""
    before = part.rows[max(0, one.heads[0].row - 1)]
    line = part.text[before.start : before.end].rstrip(EDGE + "*_")
    return line.endswith((":", "：")) and _GIVEN.search(line) is not None


def _concludes(part: Part, index: int) -> bool:
    return _CONCLUDES.match(part.text, part.rows[index].start) is not None


def _carry(part: Part, lists: list[List], tight: list[List]) -> bool:
    """Are tight lists the solution's steps, by the paragraphs around and between them?"""
    if not tight:
        return False
    of_item = {index for one in lists for index in _rows_of_items(part, one)}
    prose = [
        index
        for index in _at_margin(part, (i for i in range(len(part.rows)) if i not in of_item))
        if not part.rows[index].answer and (part.rows[index].opens or index - 1 in of_item)
    ]
    n_items = sum(len(one.heads) for one in tight)
    n_before = sum(index < tight[0].heads[0].row for index in prose)
    after = [index for index in prose if index >= tight[-1].tail]
    goes_on = any(not _concludes(part, index) for index in after[:-1])
    outnumbers = n_items > len(prose)
    if tight[0].heads[0].kind == "bullet":
        return n_items > 2 and outnumbers and not goes_on
    return outnumbers or (not goes_on and n_items >= n_before)


def _rows_of_items(part: Part, one: List) -> list[int]:
    """The rows of a list that belong to its items."""
    rows = range(one.heads[0].row, one.tail)
    if one.loose:
        return list(rows)
    heads = {head.row for head in one.heads}
    return [index for index in rows if index in heads or not opens_at_margin(part, index)]


# --- labels within a line -------------------------------------------------------------------------


_ENDED = re.compile(r"[\d.!?;:)\]}$%。；！？*_]\Z")


def inlined(part: Part) -> Part:
    """A part with a row for every "Step 2:" within a line, where line ends were lost.

    It counts where it continues from the label before it, and the text does not refer to it, as in
    "by Step 2:" or "the step 2:". Where there are no labels, the same for "2." after "1.".
    """
    lower = part.text.lower()
    may_count = any(stem in lower for stem in LABEL_STEMS)
    found = list(INLINE_LABEL.finditer(part.text)) if may_count else []
    if not found:
        return _with_rows(part, list(_inline_turns(part) or _inline_numbers(part)))
    starts = [row.start for row in part.rows]
    labels = {index: head.number for index, head in part.heads.items() if head.kind == "label"}
    inside: list[TextRow] = []
    last, row_seen = 0, -1
    for match in found:
        index = bisect_right(starts, match.start()) - 1
        if index < 0 or not part.blocks.free(match.start()):
            continue
        for row in range(row_seen + 1, index + 1):
            last = labels.get(row, last)
        row_seen = index
        if index in part.heads and not part.text[starts[index] : match.start()].strip(_OWN):
            continue  # the row's own, in "2. Step 2. So", too
        number = label_number(match)
        before = part.text[max(starts[index], match.start() - 16) : match.start()]
        ended = INLINE_LEAD.sub("", before).rstrip(EDGE)
        weak = match["ordinal"] or (match["word"] or "").islower()
        weak = weak and not _ENDED.search(ended)
        bracket = before[-1:] if before[-1:] in "([【（" else ""
        refers = bracket and not _begins_with(part, labels, bracket)  # "52 (step 1) + 13 (step 2)"
        if number != last + 1 or weak or refers or REFERS.search(before):
            continue
        last = number
        start = match.start() - len(INLINE_LEAD.search(before)[0])  # type: ignore[index]
        inside.append(TextRow(start, part.rows[index].end, False, False))
    if len(labels) + len(inside) < 2 or not inside:
        return part
    if answer := _inline_answer(part, inside[-1]):
        inside.append(answer)
    return _with_rows(part, inside)


def _begins_with(part: Part, labels: Iterable[int], bracket: str) -> bool:
    """Does a label at the beginning of a row stand in brackets, too?"""
    starts = (part.rows[index].start for index in labels)
    return any(part.text[start : start + 24].lstrip(" *_").startswith(bracket) for start in starts)


def _inline_turns(part: Part) -> list[TextRow]:
    """Where "Thought 1: … Action 1: …" goes on, in a part of one line that begins like that."""
    if [head.kind for head in part.heads.values()] != ["turn"] or len(part.rows) > 1:
        return []
    turns = INLINE_TURN.finditer(part.text, part.rows[0].start)
    return [
        TextRow(found.start(), part.rows[0].end, False, False)
        for found in turns
        if part.blocks.free(found.start())
    ]


def _inline_numbers(part: Part) -> Iterator[TextRow]:
    """Where "1. 3 + 4 = 7 2. 7 * 2 = 14" goes on counting, as its first item does."""
    heads = [head for head in part.heads.values() if head.kind in ("item", "letter", "heading")]
    if [head.number for head in heads] != [1]:
        return
    row = part.rows[heads[0].row]
    first = FIRST_MARK.match(part.text, row.start, row.end)
    if first is None or not (first["open"] + first["close"] or first["sign"] != "1"):
        return
    at, number = first.end(), 2
    while (found := part.text.find(mark := next_mark(first, number), at, row.end)) >= 0:
        at = found + len(mark)
        before = part.text[max(row.start, found - 8) : found]
        goes_on = before[-1:].isspace() and _ENDED.search(before.rstrip(EDGE))
        if goes_on and part.blocks.free(found) and not part.text[at : at + 1].isspace():
            number += 1
            yield TextRow(found, row.end, False, False)


def _with_rows(part: Part, inside: list[TextRow]) -> Part:
    """A part with more rows, each of which ends the one before."""
    if not inside:
        return part
    rows = sorted([*part.rows, *inside])
    ends = [row.start for row in rows[1:]] + [len(part.text)]
    rows = [row._replace(end=min(row.end, end)) for row, end in zip(rows, ends, strict=True)]
    return replace(part, rows=rows)


def _inline_answer(part: Part, row: TextRow) -> TextRow | None:
    """The answer after the last label of a line: "Step 2: 7 * 2 = 14 The answer is: 14"."""
    *_, found = [None, *INLINE_ANSWER.finditer(part.text, row.start, row.end)]
    label = LABEL.match(part.text, row.start, row.end)
    if found is None or label is None or not WORD.search(part.text, label.end(), found.start()):
        return None
    return TextRow(found.start(), row.end, False, True)

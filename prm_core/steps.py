r"""Solution text → steps.

A step is what a PRM judges. People and models mark steps in four ways: they number them, leave
blank lines, start new lines, or just end sentences; `auto` looks which of these a text shows. The
work is done in three layers, each linear in the text's length:

1. `<think>` tags part the text; nothing reaches across a tag.
2. What must stay whole is found: code fences, tables, mathematics. A position inside is no cut.
3. A rule proposes positions; those that are free become cuts, and blank pieces are dropped.

Nothing but separators is lost (white space, the tags, the user's own separator), and every step
knows where it stood, so that an editor can mark it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from prm_core.blocks import (
    LINE_END,
    Blocks,
    find_blocks,
    find_decimals,
    find_fences,
    find_lines,
)
from prm_core.errors import BadOptionError, NoStepsError
from prm_core.sentences import CANDIDATE, ends_sentence
from prm_core.types import Candidate

RULES = ("auto", "numbered", "paragraph", "line", "sentence")

# What is taken off the ends of a step: white space as `str.isspace` has it, and three characters
# of no width (byte order mark, zero width space, word joiner) that copying leaves behind.
EDGE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff\u200b\u2060"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step and where it stood.

    Attributes:
        text: what the user wrote, its ends stripped, a prefix such as "Step 1:" included.
        start, end: character offsets; `original[start:end] == text`.
        thinking: it stood inside `<think>…</think>`.
    """

    text: str
    start: int
    end: int
    thinking: bool = False

    @property
    def content(self) -> str:
        """The text without its prefix: for models whose template numbers the steps itself."""
        return step_content(self.text)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A stretch of the text that is no step: it separates steps, and no model reads it.

    Attributes:
        start, end: character offsets in the original.
        kind: what it is, in words: "thinking tag", ….
    """

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Split:
    """One solution's text, cut.

    Attributes:
        steps: in order, none blank; empty for a text that holds nothing but separators.
        rule: the rule that cut it, never "auto"; of a text with thinking, the rule of what
            follows the thinking.
        dropped: what was left out beside white space, in order.
    """

    steps: tuple[Step, ...]
    rule: str
    dropped: tuple[Dropped, ...] = ()


@dataclass(frozen=True, slots=True)
class Splits:
    """The solutions of one problem, cut.

    Attributes:
        solutions: one per text, in order.
        rule: the one rule that cut them all; None where they are cut by different ones. Texts
            without a step play no part.
    """

    solutions: tuple[Split, ...]
    rule: str | None

    @property
    def note(self) -> str:
        """What a reader of a ranking must know of the rules; empty where one rule cut all."""
        if self.rule is not None:
            return ""
        return (
            "solutions are cut into steps by different rules; scores such as product depend on "
            "the number of steps"
        )


def split_solutions(texts: Sequence[str], rule: str = "auto") -> Splits:
    r"""Cut the solutions of one problem so that they can be compared.

    Under "auto" all of them are cut by one rule where one fits.

    Args:
        texts: solutions as they were pasted; blank ones have no steps.
        rule: as for `find_steps`.

    Raises:
        BadOptionError: the rule is not known.
    """
    separator = _separator(rule)
    solutions = []
    for text in texts:
        steps: list[Step] = []
        used, thinking = "sentence" if rule == "auto" else rule, True
        for part in _parts(text):
            named = _auto_rule(part) if rule == "auto" else rule
            if rule == "auto" and (thinking or not part.thinking):
                used, thinking = named, part.thinking
            if separator is not None:
                pieces = _literal_pieces(part, separator)
            else:
                pieces = _pieces(part, named)
            for start, end in pieces:
                left = part.text[start:end].lstrip(EDGE)
                step = left.rstrip(EDGE)
                if step:
                    first = part.offset + end - len(left)
                    steps.append(Step(step, first, first + len(step), part.thinking))
        solutions.append(Split(tuple(steps), used))
    rules = {one.rule for one in solutions if one.steps}
    return Splits(tuple(solutions), None if len(rules) > 1 else min(rules, default=rule))


def steps_of(
    solutions: Sequence[str | Sequence[str]],
    rule: str = "auto",
    thinking: Sequence[Sequence[bool] | None] = (),
) -> list[tuple[Step, ...]]:
    """The steps of one problem's solutions; those that are texts are cut as by `split_solutions`.

    Args:
        solutions: each a text, or its steps, which stay as they are.
        rule: as for `find_steps`.
        thinking: for each solution that is given as steps, what `given_steps` takes; empty where
            nobody says anything.

    Returns:
        The steps of each; none where a text holds none.

    Raises:
        BadOptionError: the rule is not known.
    """
    texts = [solution for solution in solutions if isinstance(solution, str)]
    cut = iter(split_solutions(texts, rule).solutions)
    return [
        next(cut).steps if isinstance(solution, str) else given_steps(solution, marks)
        for solution, marks in zip(solutions, thinking or [None] * len(solutions), strict=True)
    ]


def find_steps(text: str, rule: str = "auto") -> tuple[Step, ...]:
    r"""The steps of a solution, with their places.

    >>> [step.text for step in find_steps("7 × 8 = 56. The answer is 56.")]
    ['7 × 8 = 56.', 'The answer is 56.']

    Args:
        text: a solution as it was pasted.
        rule: a name in `RULES`, or `separator:TEXT` to cut at every TEXT. In TEXT, `\n`, `\r` and
            `\t` are the control characters and `\\` is one backslash; any other backslash stands
            for itself. A line feed in TEXT matches every kind of line end. Such cuts keep
            formulas, code, tables and decimal numbers whole too, unless TEXT itself has one of
            the characters ``$ \ ` ~ |`` that delimit them.

    Returns:
        Steps in order, none blank; empty for a text that holds nothing but separators.

    Raises:
        BadOptionError: the rule is not known.
    """
    return split_solutions([text], rule).solutions[0].steps


def split_steps(text: str, rule: str = "auto") -> tuple[str, ...]:
    """The steps of a solution as texts; see `find_steps`.

    >>> split_steps("Step 1: 7 × 8 = 56.\\nStep 2: The answer is 56.")
    ('Step 1: 7 × 8 = 56.', 'Step 2: The answer is 56.')

    Raises:
        NoStepsError: the text holds no step.
        BadOptionError: the rule is not known.
    """
    steps = tuple(step.text for step in find_steps(text, rule))
    if not steps:
        raise NoStepsError("the solution has no steps; write at least one line of reasoning")
    return steps


def given_steps(texts: Sequence[str], thinking: Sequence[bool] | None = None) -> tuple[Step, ...]:
    """Steps that somebody else has cut; they stay as they are.

    Where nobody says which of them are thinking, the tags in them tell: one with thinking and
    something else is no thinking, and a tag alone goes with the thinking beside it.

    >>> [step.thinking for step in given_steps(["<think>", "5?", "No.</think>", "So 4."])]
    [True, True, True, False]

    Args:
        texts: none blank.
        thinking: for each, whether it is thinking; None where nobody says.
    """
    joint = "\n\n"
    found = find_steps(joint.join(texts), "paragraph")
    starts, ends = [one.start for one in found], [one.end for one in found]
    steps: list[Step] = []
    start = 0
    for text in texts:
        end = start + len(text)
        first, behind = bisect_right(ends, start), bisect_left(starts, end)
        inside = [one.thinking for one in found[first:behind]]
        beside = [one.thinking for one in found[max(first - 1, 0) : behind + 1]]
        steps.append(Step(text, start, end, all(inside) if inside else any(beside)))
        start = end + len(joint)
    if thinking is None:
        return tuple(steps)
    return tuple(replace(one, thinking=m) for one, m in zip(steps, thinking, strict=True))


def candidate_of(problem: str, steps: Iterable[Step], id: str = "") -> Candidate:
    """The record that is scored; it keeps which steps are thinking.

    Raises:
        InputError, NoStepsError: as `Candidate`.
    """
    steps = tuple(steps)
    return Candidate(
        problem, tuple(one.text for one in steps), id, tuple(one.thinking for one in steps)
    )


def chosen_rule(text: str) -> str:
    """The rule that `auto` uses for this text.

    Thinking and what follows it are judged apart; the answer is about what follows, if there is
    anything.
    """
    return split_solutions([text]).solutions[0].rule


def step_content(text: str) -> str:
    """One step's text without its number or "Step 1:"; the text itself when nothing else is there.

    >>> step_content("**Step 3**: 7 × 8 = 56."), step_content("Step 1 (setup): x = 3.")
    ('7 × 8 = 56.', '(setup) x = 3.')
    """
    text = text.strip(EDGE)
    match = _LABEL.match(text) or _ITEM.match(text)
    if match is None:
        return text
    rest = text[match.end() :].strip(EDGE)
    opened = match["bold"]
    if opened and not match["closed"]:  # "**Step 3: Find x.** Then": the rest stays bold
        rest = opened + rest
    if not rest.strip(EDGE + "*_#"):
        return text
    aside = match.groupdict().get("aside")
    return f"{aside} {rest}" if aside else rest


def numbered(steps: Iterable[str]) -> list[str]:
    """Steps that begin with "Step k:", for models whose template has it.

    One that begins like that in any form is left alone; a bare number gives way.

    >>> numbered(["Step 1 (add): 3 + 2 = 5.", "2) So 5."])
    ['Step 1 (add): 3 + 2 = 5.', 'Step 2: So 5.']
    """
    return [
        text if _LABEL.match(text) else f"Step {number}: {step_content(text)}"
        for number, text in enumerate((step.strip(EDGE) for step in steps), start=1)
    ]


# --- the user's own separator ---------------------------------------------------------------------

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def _separator(rule: str) -> str | None:
    """The text to cut at, or None for a rule that has a name."""
    if rule in RULES:
        return None
    kind, colon, written = rule.partition(":")
    if kind != "separator" or not colon:
        raise BadOptionError(
            f"step rule {rule!r} is not known; choose from {', '.join(RULES)}, or separator:TEXT"
        )
    if not written:
        raise BadOptionError("the separator is empty; write the text to cut at after 'separator:'")
    return unescaped(written)


def unescaped(text: str) -> str:
    r"""A text that was typed on one line, with what "\n", "\r", "\t" and "\\" stand for.

    >>> unescaped(r"\n\n--")
    '\n\n--'
    """
    return re.sub(r"\\([nrt\\])", lambda found: _ESCAPES[found[1]], text)


def _literal_pieces(part: _Part, separator: str) -> Iterator[tuple[int, int]]:
    """What stands between the separators that are free to be cut at."""
    blocks = Blocks()
    if not set(separator) & set("$\\`~|"):
        blocks = Blocks([*part.blocks.spans(), *find_decimals(part.text)])
    pattern = LINE_END.join(map(re.escape, re.split("\r\n|\n", separator)))
    begin = 0
    for found in re.finditer(pattern, part.text):
        if not blocks.overlap(*found.span()):
            yield begin, found.start()
            begin = found.end()
    yield begin, len(part.text)


# --- parts: thinking and the rest -----------------------------------------------------------------

_TAG = re.compile(r"<(/?)think>")


class _Row(NamedTuple):
    """A line that is not blank and does not begin inside a block: where a cut may be.

    Attributes:
        start, end: where it lies in the part's text.
        opens: it begins a paragraph.
        answer: it states the answer; see `_is_answer`.
    """

    start: int
    end: int
    opens: bool
    answer: bool


@dataclass(frozen=True, slots=True)
class _Part:
    """Text without a `<think>` tag: where it stood in the whole, and where it may be cut."""

    text: str
    offset: int
    thinking: bool
    blocks: Blocks
    rows: list[_Row]


def _parts(text: str) -> Iterator[_Part]:
    """The text between the `<think>` tags, blank stretches left out.

    Models whose prompt ends in the opening tag write only the closing one: then the text before
    it is thinking. A tag in fenced code is text, except one that ends the thinking, for thinking
    may break off in the middle of code.
    """
    tags = list(_TAG.finditer(text))
    code = Blocks(find_fences(text, find_lines(text))[0] if tags else ())
    begin, thinking, seen = 0, False, False
    for tag in tags:
        closes = bool(tag[1])
        if code.overlap(*tag.span()) and not (closes and thinking):
            continue
        yield from _part(text[begin : tag.start()], begin, thinking or (closes and not seen))
        begin, thinking, seen = tag.end(), not closes, True
    yield from _part(text[begin:], begin, thinking)


def _part(text: str, offset: int, thinking: bool) -> Iterator[_Part]:
    """One part, or none when the text is blank."""
    if not text.strip(EDGE):
        return
    lines = find_lines(text)
    blocks = find_blocks(text, lines)
    may_answer = _ANSWER_SIGN.search(text) is not None
    rows = []
    opens = True
    for start, end in lines:
        if not text[start:end].strip(EDGE):
            opens = True
            continue
        if blocks.free(start):
            opens = opens or text[start - 1 : start] == "\u2029"
            rows.append(_Row(start, end, opens, may_answer and _is_answer(text, start)))
        opens = False
    yield _Part(text, offset, thinking, blocks, rows)


# --- what a line begins with ----------------------------------------------------------------------

_STEP_WORD = r"(?:step|étape|etape|schritt|paso|passo|шаг|步骤|步驟)"
_COUNT = r"(?:\d{1,3}(?:\.\d{1,2}){0,2}|one|two|three|four|five|six|seven|eight|nine|ten)"
_LEAD = r"[ \t]*+(?:[-*+•>][ \t]++)?(?P<hashes>\#{1,6})?[ \t]*+(?P<bold>\*\*|__)?[ \t]*+"
# "Step 1:", "### Step 2", "**Step 3**: ", "STEP 4 - ", "Step 5 (check):", "第一步：". The mark at
# the end may be missing only where the line or the bold type ends, or where the line is a heading.
# "Step 2.5 times" has none, for a count is read as a whole or not at all.
_LABEL = re.compile(
    rf"""{_LEAD}
    (?: {_STEP_WORD} [ \t]*+ [\#-]?+ (?>{_COUNT}) (?![^\W_])
      | 第[ \t]*+ (?:\d{{1,3}}|[一二三四五六七八九十]{{1,3}}) [ \t]*+步 )
    [ \t]*+
    (?: (?P<aside> [(（] [^()（）\n\r\x85\u2028\u2029]{{1,60}} [)）] ) [ \t]*+ )?+
    (?: (?P<closed> (?P=bold) [ \t]*+ (?:[:：.)]|[–—-](?=\s))?+ | [:：.)] (?P=bold) )
      | [:：.)、]
      | [–—-] (?=\s)
      | (?= [\n\r\x85\u2028\u2029] | \Z )
      | (?(hashes)|(?!)) )""",
    re.VERBOSE | re.IGNORECASE,
)
# "1.", "1)", "**1.**", "## 2. ", "3、".
_ITEM = re.compile(
    rf"""{_LEAD} (?P<number>\d{{1,3}})
    (?: [.)] (?P<closed>(?P=bold)) | [.)] (?=[\s*]|\Z) | [、．] )""",
    re.VERBOSE,
)
_HEADING = re.compile(r"[ \t]*+(\#{1,6})[ \t]")
_DISPLAY = re.compile(r"\$\$|\\\[|\\begin\b")
_BULLET = re.compile(r"[-*+•>][ \t]|\||`{3}|~{3}")
_ANSWER = re.compile(
    r"""[ \t>*_\#-]{0,8} (?: (?:the[ \t]+)?final[ \t]+answer | answer | ans | 最终答案 | 答案 )
        [ \t]*+ [*_]{0,2} [ \t]*+ (?:is[ \t]*+)? [:：]
      | [ \t]*+ \#{4} [ \t]*+ \$?[-+]?\$? \d[\d,./]*+ [ \t]*+ %?
        (?: [^\S\n\r\x85\u2028\u2029] | [\ufeff\u200b\u2060] )*+
        (?= [\n\r\x85\u2028\u2029] | \Z )""",
    re.VERBOSE | re.IGNORECASE,
)
_ANSWER_SIGN = re.compile(r"ans|答案|####|\\boxed", re.IGNORECASE)
_BOX = re.compile(r"(?:\$\$?|\\[(\[])?+\s*+\\boxed\b")
_ENDED = re.compile(r"[.!?。！？][\"'”’»)*_$]{0,4}$")


def _is_answer(text: str, start: int) -> bool:
    """Does a line state the answer in a form of its own: "Final answer: …", "#### 12", a box?

    A box after a sentence that has not ended ("the answer is:") belongs to that sentence.
    """
    if _ANSWER.match(text, start):
        return True
    return _BOX.match(text, start) is not None and not _unfinished(text, start)


def _unfinished(text: str, position: int) -> str:
    """The last few characters before a position; nothing where a sentence ends, or at the start."""
    before = text[max(0, position - 80) : position].rstrip(EDGE)[-12:]
    return "" if _ENDED.search(before) else before


class _Head(NamedTuple):
    """A row that begins with a number or "Step 1:".

    Attributes:
        row: its index.
        kind: "label" ("Step 1:"), "heading" ("## 1. …") or "item" ("1.").
        level: how deep a heading it is; 7 when it is none.
        number: of a heading or an item; 0 for a label.
        indent: how many characters of white space come first.
    """

    row: int
    kind: str
    level: int
    number: int
    indent: int


def _heads(part: _Part) -> list[_Head]:
    """The numbered rows that carry the solution: labels, else headings, else items.

    Items count while they go up by one at the outermost indentation, so that a list within a step
    and "100. That" at a line's start are text.
    """
    found = [head for index in range(len(part.rows)) if (head := _head(part, index))]
    for kind in ("label", "heading"):
        heads = [head for head in found if head.kind == kind]
        if heads:
            return heads if kind == "label" else _rising(heads)
    outermost = min((head.indent for head in found), default=0)
    return _rising([head for head in found if head.indent == outermost])


def _head(part: _Part, index: int) -> _Head | None:
    start, end, _, answer = part.rows[index]
    if answer:
        return None
    label = _LABEL.match(part.text, start, end)
    found = label or _ITEM.match(part.text, start, end)
    if found is None:
        return None
    level = len(found["hashes"] or "") or 7
    kind = "label" if label else "heading" if level < 7 else "item"
    indent = len(found[0]) - len(found[0].lstrip())
    return _Head(index, kind, level, 0 if label else int(found["number"]), indent)


def _rising(heads: list[_Head]) -> list[_Head]:
    kept = heads[:1]
    for head in heads:
        if head.number == kept[-1].number + 1:
            kept.append(head)
    return kept


# --- rules: where to cut --------------------------------------------------------------------------


def _pieces(part: _Part, rule: str) -> Iterator[tuple[int, int]]:
    """Where the pieces of a part begin and end under a rule that has a name."""
    cuts = {
        "numbered": _numbered_cuts,
        "paragraph": _paragraph_cuts,
        "line": _line_cuts,
        "sentence": _sentence_cuts,
    }[rule](part)
    yield from pairwise([0, *cuts, len(part.text)])


def _line_cuts(part: _Part) -> list[int]:
    return [row.start for row in part.rows]


def _paragraph_cuts(part: _Part) -> list[int]:
    return [row.start for row in part.rows if row.opens or row.answer]


def _numbered_cuts(part: _Part) -> list[int]:
    """Starts of the numbered steps and of what stands beside them.

    Before the first number and after the last step's end, every paragraph is a step. Between, so
    is a heading no deeper than the steps' own, and a line that states the answer.
    """
    heads = _heads(part)
    numbered = {head.row for head in heads}
    first = heads[0].row if heads else len(part.rows)
    tail = _tail(part, heads)
    cuts = []
    for index, row in enumerate(part.rows):
        if first <= index < tail:
            heading = _HEADING.match(part.text, row.start)
            aside = heading is not None and len(heading[1]) <= heads[0].level
            cut = index in numbered or aside
        else:
            cut = row.opens or index == tail
        if cut or row.answer:
            cuts.append(row.start)
    return cuts


def _tail(part: _Part, heads: list[_Head]) -> int:
    """Index of the row where the text after the last numbered step begins.

    Whether an unindented line still belongs to the last step is learnt from the steps before it:
    where none of them goes on after a blank line (or on a new line at all), neither does the last.
    """
    inside = [index for a, b in pairwise(heads) for index in range(a.row + 1, b.row)]
    bodies = _flush_rows(part, inside)
    formulas = [index for index in inside if _DISPLAY.match(part.text, part.rows[index].start)]
    loose = any(part.rows[index].opens for index in (*bodies, *formulas))
    if len(heads) > 1 and not loose:
        for index in _flush_rows(part, range(heads[-1].row + 1, len(part.rows))):
            if part.rows[index].opens or (len(heads) > 2 and not bodies):
                return index
    return len(part.rows)


def _flush_rows(part: _Part, indices: Iterable[int]) -> list[int]:
    """Rows of plain text at the left margin: no list, no formula or code on lines of its own."""
    flush = []
    for index in indices:
        start = part.rows[index].start
        plain = not part.text[start].isspace() and not part.blocks.overlap(start, start + 1)
        if plain and not _BULLET.match(part.text, start):
            flush.append(index)
    return flush


# --- what auto picks ------------------------------------------------------------------------------

_RUNS_ON = re.compile(
    r"(?:[,;=+×*/(−–-]|\b(?:a|an|the|by|of|to|is|are|and|or|with|from|for|in|on|at|that|than|as))$",
    re.IGNORECASE,
)
_EQUATION = re.compile(r"\S{1,24}?[ \t]*+[=+*/×÷·<>≈−-]")


def _auto_rule(part: _Part) -> str:
    """The rule that a text shows: numbers, else blank lines, else lines, else sentences.

    What states the answer, and a first line such as "Solution:", is no sign of anything.
    """
    body = [index for index, row in enumerate(part.rows) if not row.answer]
    paragraphs = [index for index in body if part.rows[index].opens]
    if paragraphs[:2] == [0, 1] and part.text[: part.rows[0].end].rstrip(EDGE).endswith(":"):
        paragraphs = paragraphs[1:]
    if _is_numbered(part, _heads(part), len(paragraphs)):
        return "numbered"
    if len(paragraphs) > 1:
        return "paragraph"
    n_wrapped = sum(_continues(part, index) for index in body[1:])
    return "line" if len(body) > 1 and 2 * n_wrapped < len(body) - 1 else "sentence"


def _is_numbered(part: _Part, heads: list[_Head], n_paragraphs: int) -> bool:
    """Do the numbers carry the solution, or only a list within it?"""
    if len(heads) < 2 or heads[0].kind != "item":
        return len(heads) > 1
    if heads[0].number > 1:
        return False
    if n_paragraphs > 1:
        return all(part.rows[head.row].opens for head in heads)
    return len(_flush_rows(part, range(len(part.rows)))) <= 2 * len(heads)


def _continues(part: _Part, index: int) -> bool:
    """Does the row go on with the sentence before it, as in wrapped text?"""
    text, start = part.text, part.rows[index].start
    formula = part.blocks.overlap(start, start + 1)
    if part.rows[index].opens or (text[start].isupper() and not formula):
        return False
    before = _unfinished(text, start)
    if not before or _BULLET.match(text, start) or _head(part, index):
        return False
    if text[start].islower():
        return not _EQUATION.match(text, start)
    return formula or _RUNS_ON.search(before) is not None


# --- sentences ------------------------------------------------------------------------------------


def _sentence_cuts(part: _Part) -> list[int]:
    """Where sentences end, and where lines end that do not run on into the next."""
    breaks = [row.start for index, row in enumerate(part.rows) if _breaks(part, index)]
    cuts = set(breaks)
    begin = upcoming = 0
    for found in CANDIDATE.finditer(part.text):
        while upcoming < len(breaks) and breaks[upcoming] <= found.start():
            begin = breaks[upcoming]
            upcoming += 1
        end = found.end()
        if (
            part.blocks.free(end)
            and not _is_prefix(part.text, begin, end)
            and ends_sentence(part.text, begin, found)
        ):
            begin = end
            cuts.add(end)
    return sorted(cuts)


def _breaks(part: _Part, index: int) -> bool:
    """Does a sentence end before this row, whatever the text before it ends with?"""
    row = part.rows[index]
    if row.opens or row.answer:
        return True
    return bool(_unfinished(part.text, row.start)) and not _continues(part, index)


def _is_prefix(text: str, begin: int, end: int) -> bool:
    """Is text[begin:end] nothing but a number, "Step 1." or a letter: the start of an item?"""
    if end - begin > 24:
        return False
    sentence = text[begin:end].strip(EDGE)
    match = _LABEL.match(sentence) or _ITEM.match(sentence)
    if match is not None:
        return match.end() == len(sentence)
    return len(sentence) == 2 and sentence[0].isalpha()

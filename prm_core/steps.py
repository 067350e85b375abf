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
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from prm_core.errors import BadOptionError, NoStepsError

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
    separator = _separator(rule)
    steps: list[Step] = []
    for part in _parts(text):
        if separator is not None:
            pieces = _literal_pieces(part, separator)
        else:
            pieces = _pieces(part, part.auto_rule() if rule == "auto" else rule)
        for start, end in pieces:
            left = part.text[start:end].lstrip(EDGE)
            step = left.rstrip(EDGE)
            if step:
                first = part.offset + end - len(left)
                steps.append(Step(step, first, first + len(step), part.thinking))
    return tuple(steps)


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


def chosen_rule(text: str) -> str:
    """The rule that `auto` uses for this text.

    Thinking and what follows it are judged apart; the answer is about what follows, if there is
    anything.
    """
    rule = "sentence"
    thinking = True
    for part in _parts(text):
        if thinking or not part.thinking:
            rule, thinking = part.auto_rule(), part.thinking
    return rule


def step_content(text: str) -> str:
    """One step's text without its number or "Step 1:"; the text itself when nothing else is there.

    >>> step_content("**Step 3**: 7 × 8 = 56.")
    '7 × 8 = 56.'
    """
    text = text.strip(EDGE)
    match = _LABEL.match(text) or _ITEM.match(text)
    if match is None:
        return text
    rest = text[match.end() :].strip(EDGE)
    opened = match["bold"]
    if opened and not match["closed"]:  # "**Step 3: Find x.** Then": the rest stays bold
        rest = opened + rest
    return rest if rest.strip(EDGE + "*_#") else text


# --- the user's own separator ---------------------------------------------------------------------

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
_LINE_END_PATTERN = r"(?>\r\n|[\n\r\x85\u2028\u2029])"


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
    return re.sub(r"\\([nrt\\])", lambda found: _ESCAPES[found[1]], written)


def _literal_pieces(part: _Part, separator: str) -> Iterator[tuple[int, int]]:
    """What stands between the separators that are free to be cut at."""
    blocks = _Blocks()
    if not set(separator) & set("$\\`~|"):
        decimals = [found.span() for found in _DECIMAL.finditer(part.text)]
        blocks = _Blocks([*part.blocks.spans(), *decimals])
    pattern = _LINE_END_PATTERN.join(map(re.escape, re.split("\r\n|\n", separator)))
    begin = 0
    for found in re.finditer(pattern, part.text):
        if not blocks.overlap(*found.span()):
            yield begin, found.start()
            begin = found.end()
    yield begin, len(part.text)


# --- what must stay whole -------------------------------------------------------------------------

_DECIMAL = re.compile(r"(?<!\d)\d++(?:[.,]\d++)++")
_FENCE = re.compile(r"[ \t]*+(`{3,}+|~{3,}+)(.*)", re.DOTALL)
_MATH = re.compile(r"\\\\|\\[$()\[\]]|\\(begin|end)[ \t]*+\{([^{}\s]{1,32})\}|\$\$?")
_BLANK_LINE = re.compile(
    rf"{_LINE_END_PATTERN}[^\S\n\r\x85\u2028\u2029]*+{_LINE_END_PATTERN}|\u2029"
)
# A price goes on with a word, a full stop and a word, or a calculator's <<…>>.
_PRICE = re.compile(r"\$(?:<<|\d[\d,]*+(?:\.\d++)?[.,;]?\s+[A-Za-z]{2})")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line without its end; `after` is where the next one starts."""

    start: int
    end: int
    after: int


class _Blocks:
    """Stretches of text that stay whole: sorted, and joined where they overlap."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(spans):
            if self._ends and start < self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def spans(self) -> list[tuple[int, int]]:
        return list(zip(self._starts, self._ends, strict=True))

    def free(self, position: int) -> bool:
        """May the text be cut before this character?"""
        before = bisect_left(self._starts, position) - 1
        return before < 0 or position >= self._ends[before]

    def overlap(self, start: int, end: int) -> bool:
        """Does any block share a character with text[start:end]?"""
        before = bisect_left(self._starts, end) - 1
        return before >= 0 and self._ends[before] > start


def _lines(text: str) -> list[_Line]:
    lines = []
    start = 0
    for found in re.finditer(_LINE_END_PATTERN, text):
        lines.append(_Line(start, found.start(), found.end()))
        start = found.end()
    lines.append(_Line(start, len(text), len(text)))
    return lines


def _find_blocks(text: str, lines: list[_Line]) -> _Blocks:
    """Code first, for nothing in it is Markdown or LaTeX; then tables; then mathematics."""
    closed, unclosed = _fences(text, lines)
    fences = [*closed, *unclosed]
    spans = [*fences, *_tables(text, lines)]
    if "$" in text or "\\" in text:
        begin = 0
        for start, end in [*fences, (len(text), len(text))]:
            spans += _mathematics(text, begin, start)
            begin = end
    return _Blocks(spans)


def _fences(text: str, lines: list[_Line]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Code fences with an end, and the one that has none and so runs to the end of the text."""
    closed: list[tuple[int, int]] = []
    if "```" not in text and "~~~" not in text:
        return closed, []
    begin, opener = -1, ""
    for line in lines:
        found = _FENCE.match(text, line.start, line.end)
        if found is None:
            continue
        mark, info = found[1], found[2]
        if not opener:
            if mark[0] == "~" or "`" not in info:  # "```x``` is code" is code in a line
                begin, opener = line.start, mark
        elif mark.startswith(opener) and not info.strip():
            closed.append((begin, line.end))
            opener = ""
    return closed, [(begin, len(text))] if opener else []


def _tables(text: str, lines: list[_Line]) -> Iterator[tuple[int, int]]:
    """Markdown tables: a row of names, a row of dashes, and every row with a bar after them."""
    if "|" not in text or "--" not in text:
        return
    index = 1
    while index < len(lines):
        ruler = text[lines[index].start : lines[index].end]
        header = lines[index - 1]
        ruled = "|" in ruler and "--" in ruler and not ruler.strip().strip("|:- \t")
        if ruled and "|" in text[header.start : header.end]:
            last = index
            while (
                last + 1 < len(lines) and "|" in text[lines[last + 1].start : lines[last + 1].end]
            ):
                last += 1
            yield header.start, lines[last].end
            index = last + 1
        index += 1


def _mathematics(text: str, begin: int, end: int) -> list[tuple[int, int]]:
    r"""LaTeX between `begin` and `end`.

    A delimiter without a partner is text. `\(` and `\[` pair with the next closing one, and of
    two that open the later one counts; environments nest by name.
    """
    spans: list[tuple[int, int]] = []
    dollars: list[tuple[int, int]] = []
    brackets: dict[str, int] = {}
    environments: dict[str, list[int]] = {}
    for found in _MATH.finditer(text, begin, end):
        token = found.group()
        if token[0] == "$":
            dollars.append(found.span())
        elif found[1] == "begin":
            environments.setdefault(found[2], []).append(found.start())
        elif found[1] == "end":
            if environments.get(found[2]):
                spans.append((environments[found[2]].pop(), found.end()))
        elif token in (r"\(", r"\["):
            brackets[token] = found.start()
        elif token in (r"\)", r"\]"):
            opener = brackets.pop(r"\(" if token == r"\)" else r"\[", None)
            if opener is not None:
                spans.append((opener, found.end()))
    inside = _Blocks(spans)
    return spans + _dollar_math(text, [d for d in dollars if not inside.overlap(*d)])


def _dollar_math(text: str, dollars: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """`$$…$$` and `$…$`, told from prices.

    A single dollar opens before something that is not white space, and the very next dollar must
    close it: after something that is not white space, not before a digit, in the same paragraph.
    """
    spans = []
    doubles = [i for i, (start, end) in enumerate(dollars) if end - start == 2]
    later = iter([*doubles[1:], -1])
    partner = {i: next(later) for i in doubles}
    index = 0
    while index < len(dollars):
        start, after = dollars[index]
        closing = index + 1
        if after - start == 2:
            closing = partner[index]
            whole = closing > 0
        else:
            whole = closing < len(dollars) and _is_inline_math(text, start, dollars[closing])
        if whole:
            spans.append((start, dollars[closing][1]))
            index = closing
        index += 1
    return spans


def _is_inline_math(text: str, opening: int, closing: tuple[int, int]) -> bool:
    close, after = closing
    return (
        after - close == 1
        and close - opening > 1
        and not text[opening + 1].isspace()
        and not text[close - 1].isspace()
        and not (text[after : after + 1].isdigit() or text.startswith("<<", after))
        and not _PRICE.match(text, opening)
        and not _BLANK_LINE.search(text, opening, close)
    )


# --- parts: thinking and the rest -----------------------------------------------------------------

_TAG = re.compile(r"<(/?)think>")


@dataclass(frozen=True, slots=True)
class _Part:
    """Text without a `<think>` tag, and where it stood in the whole.

    Attributes:
        lines: every line, blank ones too.
        blocks: what may not be cut.
        first: indices of the lines that begin a paragraph: not blank, after a blank line or none.
    """

    text: str
    offset: int
    thinking: bool
    lines: list[_Line] = field(init=False)
    blocks: _Blocks = field(init=False)
    blank: list[bool] = field(init=False)

    def __post_init__(self) -> None:
        lines = _lines(self.text)
        object.__setattr__(self, "lines", lines)
        object.__setattr__(self, "blocks", _find_blocks(self.text, lines))
        object.__setattr__(
            self, "blank", [not self.text[line.start : line.end].strip(EDGE) for line in lines]
        )

    def auto_rule(self) -> str:
        return _auto_rule(self)

    def line_text(self, index: int) -> str:
        line = self.lines[index]
        return self.text[line.start : line.end]

    def begins_paragraph(self, index: int) -> bool:
        """Is the line the first of a paragraph?"""
        if self.blank[index]:
            return False
        if index == 0 or self.blank[index - 1]:
            return True
        return self.text[self.lines[index].start - 1] == "\u2029"


def _parts(text: str) -> Iterator[_Part]:
    """The text between the `<think>` tags, blank stretches left out.

    Models whose prompt ends in the opening tag write only the closing one: then the text before
    it is thinking. A tag in fenced code is text, except one that ends the thinking, for thinking
    may break off in the middle of code.
    """
    tags = list(_TAG.finditer(text))
    if not tags:
        if text.strip(EDGE):
            yield _Part(text, 0, False)
        return
    code = _Blocks(_fences(text, _lines(text))[0])
    begin, thinking, seen = 0, False, False
    for tag in tags:
        closes = bool(tag[1])
        if code.overlap(*tag.span()) and not (closes and thinking):
            continue
        piece = text[begin : tag.start()]
        if piece.strip(EDGE):
            yield _Part(piece, begin, thinking or (closes and not seen))
        begin, thinking, seen = tag.end(), not closes, True
    if text[begin:].strip(EDGE):
        yield _Part(text[begin:], begin, thinking)


# --- rules: where to cut --------------------------------------------------------------------------

_STEP_WORD = r"(?:step|étape|etape|schritt|paso|passo|шаг|步骤|步驟)"
_COUNT = r"(?:\d{1,3}(?:\.\d{1,2}){0,2}|one|two|three|four|five|six|seven|eight|nine|ten)"
_LEAD = r"[ \t]*+(?:[-*+•>][ \t]++)?(?P<hashes>\#{1,6})?[ \t]*+(?P<bold>\*\*|__)?[ \t]*+"
# "Step 1:", "### Step 2", "**Step 3**: ", "STEP 4 - ", "第一步：". The mark after the number may be
# missing only where the line or the bold type ends, or where the line is a heading.
_LABEL = re.compile(
    rf"""{_LEAD}
    (?: {_STEP_WORD} [ \t]*+ [\#-]?+ {_COUNT} (?!\w)
      | 第[ \t]*+ (?:\d{{1,3}}|[一二三四五六七八九十]{{1,3}}) [ \t]*+步 )
    [ \t]*+
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
_BULLET = re.compile(r"[-*+•>][ \t]|\||`{3}|~{3}")
_ANSWER = re.compile(
    r"""[ \t>*_\#-]{0,8} (?: (?:the[ \t]+)?final[ \t]+answer | answer | ans | 最终答案 | 答案 )
        [ \t]*+ [*_]{0,2} [ \t]*+ (?:is[ \t]*+)? [:：]
      | [ \t]*+ \#{4} [ \t]*+ \$?[-+]?\$? \d[\d,./]*+ [ \t]*+ %? [ \t]*+
        (?= [\n\r\x85\u2028\u2029] | \Z )""",
    re.VERBOSE | re.IGNORECASE,
)
_BOX = re.compile(r"(?:\$\$?|\\[(\[])?+\s*+\\boxed\b")
_ENDED = re.compile(r"[.!?。！？][\"'”’»)*_$]{0,4}$")


def _pieces(part: _Part, rule: str) -> Iterator[tuple[int, int]]:
    """Where the pieces of a part begin and end under a rule that has a name."""
    cuts = {
        "numbered": _numbered_cuts,
        "paragraph": _paragraph_cuts,
        "line": _line_cuts,
        "sentence": _sentence_cuts,
    }[rule](part)
    begin = 0
    for cut in cuts:
        yield begin, cut
        begin = cut
    yield begin, len(part.text)


def _is_answer(part: _Part, index: int) -> bool:
    """Does the line state the answer in a form of its own: "Final answer: …", "#### 12", a box?

    A box after a sentence that has not ended ("the answer is:") belongs to that sentence.
    """
    line = part.lines[index]
    if _ANSWER.match(part.text, line.start):
        return True
    if not _BOX.match(part.text, line.start):
        return False
    return index == 0 or bool(_ENDED.search(part.line_text(index - 1).rstrip(EDGE)))


def _line_cuts(part: _Part) -> list[int]:
    return [line.start for line in part.lines if part.blocks.free(line.start)]


def _paragraph_cuts(part: _Part) -> list[int]:
    return _paragraphs_from(part, 0)


def _paragraphs_from(part: _Part, first: int) -> list[int]:
    """Starts of paragraphs and of lines that state the answer, from a line on."""
    return [
        part.lines[index].start
        for index in range(first, len(part.lines))
        if (part.begins_paragraph(index) or _is_answer(part, index))
        and part.blocks.free(part.lines[index].start)
    ]


@dataclass(frozen=True, slots=True)
class _Head:
    """A line that begins with a number or "Step 1:".

    Attributes:
        line: its index.
        kind: "label" ("Step 1:"), "heading" ("## 1. …") or "item" ("1.").
        level: how deep a heading it is; 7 when it is none.
        number: of a heading or an item; 0 for a label.
    """

    line: int
    kind: str
    level: int
    number: int
    indent: int


def _heads(part: _Part) -> list[_Head]:
    """The numbered lines that carry the solution: labels, else headings, else items.

    Items count while they go up by one at the outermost indentation, so that a list within a step
    and "100. That" at a line's start are text.
    """
    found = [head for index in range(len(part.lines)) if (head := _head(part, index))]
    labels = [head for head in found if head.kind == "label"]
    if labels:
        return labels
    headings = [head for head in found if head.kind == "heading"]
    if headings:
        return _rising(headings)
    outermost = min((head.indent for head in found), default=0)
    return _rising([head for head in found if head.indent == outermost])


def _head(part: _Part, index: int) -> _Head | None:
    line = part.lines[index]
    if not part.blocks.free(line.start):
        return None
    label = _LABEL.match(part.text, line.start, line.end)
    found = label or _ITEM.match(part.text, line.start, line.end)
    if found is None or _is_answer(part, index):
        return None
    level = len(found["hashes"] or "") or 7
    kind = "label" if label else "heading" if level < 7 else "item"
    head = part.line_text(index)
    return _Head(
        index, kind, level, 0 if label else int(found["number"]), len(head) - len(head.lstrip())
    )


def _rising(heads: list[_Head]) -> list[_Head]:
    kept: list[_Head] = []
    for head in heads:
        if not kept or head.number == kept[-1].number + 1:
            kept.append(head)
    return kept


def _numbered_cuts(part: _Part) -> list[int]:
    """Starts of the numbered steps and of what stands beside them.

    Text before the first is one step. A heading that is no deeper than the steps' own, and a line
    that states the answer, are steps of their own; so is every paragraph after the list.
    """
    heads = _heads(part)
    if not heads:
        return _paragraphs_from(part, len(part.lines))
    starts = {head.line for head in heads}
    tail = _tail(part, heads)
    cuts = []
    for index in range(heads[0].line, tail):
        start = part.lines[index].start
        heading = _HEADING.match(part.text, start)
        aside = heading is not None and len(heading[1]) <= heads[0].level
        if (index in starts or aside or _is_answer(part, index)) and part.blocks.free(start):
            cuts.append(start)
    if tail < len(part.lines) and part.blocks.free(part.lines[tail].start):
        cuts.append(part.lines[tail].start)
    return cuts + [cut for cut in _paragraphs_from(part, tail) if cut not in cuts[-1:]]


def _tail(part: _Part, heads: list[_Head]) -> int:
    """Index of the line where the text after the last numbered step begins.

    Whether an unindented line still belongs to the last step is learnt from the steps before it:
    where none of them goes on after a blank line (or on a new line at all), neither does the last.
    """
    loose = tight = False
    for here, following in pairwise(heads):
        for _, after_blank in _flush_lines(part, here.line + 1, following.line):
            loose, tight = loose or after_blank, tight or not after_blank
    if not loose and len(heads) > 1:
        for index, after_blank in _flush_lines(part, heads[-1].line + 1, len(part.lines)):
            if after_blank or (not tight and len(heads) > 2):
                return index
    return len(part.lines)


def _flush_lines(part: _Part, first: int, stop: int) -> Iterator[tuple[int, bool]]:
    """Lines of plain text at the left margin, each with whether a blank line came before it."""
    after_blank = False
    for index in range(first, stop):
        if part.blank[index]:
            after_blank = True
            continue
        start = part.lines[index].start
        block = not part.blocks.free(start) or part.blocks.overlap(start, start + 1)
        if not block and not part.text[start].isspace() and not _BULLET.match(part.text, start):
            yield index, after_blank
        after_blank = False


# --- what auto picks ------------------------------------------------------------------------------

_RUNS_ON = re.compile(
    r"(?:[,;=+×*/(−–-]|\b(?:a|an|the|by|of|to|is|are|and|or|with|from|for|in|on|at|that|than|as|per))$",
    re.IGNORECASE,
)


def _auto_rule(part: _Part) -> str:
    """The rule that a text shows: numbers, else blank lines, else lines, else sentences.

    What states the answer, and a first line such as "Solution:", is no sign of anything.
    """
    body = [
        index
        for index, line in enumerate(part.lines)
        if not part.blank[index] and part.blocks.free(line.start) and not _is_answer(part, index)
    ]
    titled = bool(body) and part.line_text(body[0]).rstrip(EDGE).endswith(":")
    paragraphs = [index for index in body if part.begins_paragraph(index)]
    n_paragraphs = len(paragraphs) - (titled and len(paragraphs) > 1 and paragraphs[1] == body[1])
    if _is_numbered(part, _heads(part), n_paragraphs):
        return "numbered"
    if n_paragraphs > 1:
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
        return all(part.begins_paragraph(head.line) for head in heads)
    n_others = sum(1 for _ in _flush_lines(part, 0, len(part.lines))) - len(heads)
    return n_others <= len(heads)


def _continues(part: _Part, index: int) -> bool:
    """Does the line go on with the sentence of the line before it, as in wrapped text?"""
    before = part.line_text(index - 1).rstrip(EDGE)
    if not before or _ENDED.search(before[-6:]):
        return False
    start = part.lines[index].start
    if _BULLET.match(part.text, start) or _head(part, index):
        return False
    here = part.text[start : start + 1]
    return (
        here.islower()
        or part.blocks.overlap(start, start + 1)
        or bool(_RUNS_ON.search(before[-8:]))
    )


# --- sentences ------------------------------------------------------------------------------------

_CANDIDATE = re.compile(
    r"""(?<![.!?…。！？]) (?:
        (?P<stop>[.!?…।؟]++) (?:["'”’»)\]}*_$]|\\[)\]])*+ (?=\s|\Z)
      | [。！？]++ [”’」』）)"'*_$]*+ )""",
    re.VERBOSE,
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# No sentence ends with these.
_NEVER = _words(
    "e.g i.e eg ie dr mr mrs ms prof st vs cf viz approx resp mme mlle p.ex env ca z.b d.h bzw"
)
# No end before a number or a bracket: "No. 3", "Eq. (2)", "pp. 4", "Jan. 5".
_BEFORE_NUMBER = _words(
    "no nos nr fig figs eq eqs sec ch p pp vol thm lem prop def ex art "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
# No end before a small letter: "5 sq. ft. of", "etc. and".
_CLIPPED = _words(
    "etc hr hrs min mins sec secs oz lb lbs ft sq in yd yds mi yr yrs mo wk wks pt qt gal tsp tbsp "
    "doz dept inc ltd co jr sr al a.m p.m u.s avg max"
)
# A sentence begins with these; a surname does not.
_OPENERS = _words(
    "the a an so then therefore thus hence this that these those now we it if since because next "
    "finally let first second also in for to from by as but and which there here i he she they you "
    "our each all both using given when what how after wait"
)
# After these a capital letter is a name in mathematics, not an initial.
_LETTERED = _words(
    "option choice answer point angle case line triangle part set statement figure class type "
    "group box plan team player event column row vertex node city town bag machine person student"
)
_CHESS = re.compile(r"(?:[KQRBN]?[a-h]?[1-8]?x?[a-h][1-8]|O-O(?:-O)?)(?!\w)")


def _sentence_cuts(part: _Part) -> list[int]:
    """Where sentences end, and where lines end that do not run on into the next."""
    breaks = [
        line.start
        for index, line in enumerate(part.lines)
        if index
        and not part.blank[index]
        and part.blocks.free(line.start)
        and (
            part.begins_paragraph(index)
            or _is_answer(part, index)
            or not (_continues(part, index) or _ENDED.search(part.line_text(index - 1)))
        )
    ]
    cuts = set(breaks)
    begin = upcoming = 0
    for found in _CANDIDATE.finditer(part.text):
        while upcoming < len(breaks) and breaks[upcoming] <= found.start():
            begin = breaks[upcoming]
            upcoming += 1
        if part.blocks.free(found.end()) and _ends_sentence(part.text, begin, found):
            begin = found.end()
            cuts.add(begin)
    return sorted(cuts)


def _ends_sentence(text: str, begin: int, found: re.Match[str]) -> bool:
    """Is this mark, followed by white space, the end of the sentence that began at `begin`?"""
    stop = found["stop"]
    if stop is None:  # Chinese and Japanese marks mean nothing else
        return True
    if found.end() - begin < 24 and _is_prefix(text[begin : found.end()].strip(EDGE)):
        return False
    after = text[found.end() : found.end() + 32].lstrip()
    if not after:
        return True
    if after[0] in "=+*/×÷·<>≤≥≈≠^,;:)]}%" and not after.startswith("**"):
        return False
    before = text[max(begin, found.start() - 32) : found.start()]
    if stop == "!" and (before[-1:].isdigit() or before[-1:] == ")"):  # a factorial
        return after[0].isupper()
    if ("." in stop and len(stop) > 1) or "…" in stop:
        if not before or before[-1].isspace() or before[-1] in ",+-*/×÷=<>":  # 1, 2, ..., n
            return False
        return not (after[0].islower() or after[0].isdigit())
    return stop != "." or _full_stop_ends(before.split(), after)


def _is_prefix(sentence: str) -> bool:
    """Is a sentence nothing but a number, "Step 1." or a letter: the start of an item?"""
    match = _LABEL.match(sentence) or _ITEM.match(sentence)
    if match is not None:
        return match.end() == len(sentence)
    return len(sentence) == 2 and sentence[0].isalpha()


def _full_stop_ends(words: list[str], after: str) -> bool:
    """Does a full stop between these words and that text end a sentence, or only a word?"""
    if not words:
        return True
    word = words[-1].lstrip("([{«“\"'*_")
    previous = words[-2] if len(words) > 1 else ""
    small = word.lower()
    if small in _NEVER:
        return False
    if small in _BEFORE_NUMBER and (after[0].isdigit() or after[0] in "(#"):
        return False
    if small in _CLIPPED:
        return not after[0].islower()
    if word.isdigit():  # "1. e4", but not "x = 1. e4"
        return previous.endswith(tuple("=+-−×*/<>≈")) or not _CHESS.match(after)
    initials = word.replace(".", "")
    if initials.isupper() and (len(word) == 1 or "." in word):
        return not _before_name(previous if len(word) == 1 else "By", after)
    return True


def _before_name(previous: str, after: str) -> bool:
    """Do these words stand about a capital letter with a full stop as in a person's name?"""
    following = after.split()[0]
    if not following[0].isupper() or following.lower().rstrip(".,:;") in _OPENERS:
        return False
    if len(following) > 1 and following[1] == ".":  # another initial
        return True
    name = previous[:1].isupper() and previous.lower() not in _LETTERED
    return name or previous.lower() in ("by", "von", "mr.", "dr.", "prof.")

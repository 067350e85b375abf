r"""What a text keeps whole when it is cut: code, figures, tables, mathematics, decimal numbers.

Every search here is linear in the text's length, whatever the text: a delimiter is looked at once,
and one without a partner is plain text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise

# A line is a pair: where it starts, and where its text ends and its line end begins.
Line = tuple[int, int]
Span = tuple[int, int]

LINE_END = r"(?>\r\n|[\n\r\x85\u2028\u2029])"

_LINE_END = re.compile(LINE_END)
# White space, and the characters of no width that copying leaves behind.
_NOTHING = re.compile(r"[\s\ufeff\u200b\u2060]*+")
_FENCE = re.compile(_NOTHING.pattern + r"(`{3,}+|~{3,}+)(.*)", re.DOTALL)
# Asymptote, in which the figures of MATH are drawn, and its like.
_FIGURE = re.compile(
    r"(?:\[|<)(?P<end>/)?(?P<name>asy|tikz|svg|table|pre)(?:[ \t\r\n][^<>\[\]]{0,400})?(?:\]|>)",
    re.IGNORECASE,
)
# Environments of text, whose paragraphs are cut as those outside.
_OF_TEXT = frozenset(
    ["enumerate", "itemize", "description", "proof", "solution", "document", "center", "quote"]
)
_MATH = re.compile(r"\\\\|\\[$()\[\]]|\\(begin|end)[ \t]*+\{([^{}\s]{1,32})\}|\$\$?")
_BLANK_LINE = re.compile(rf"{LINE_END}[^\S\n\r\x85\u2028\u2029]*+{LINE_END}|\u2029")
# A price is followed by a word, a full stop and a word, or a calculator's <<…>>.
_PRICE = re.compile(r"\$(?:<<|\d[\d,]*+(?:\.\d++)?[.,;]?\s+[A-Za-z]{2})")
_DECIMAL = re.compile(r"(?<!\d)\d++(?:[.,]\d++)++")


class ProtectedSpans:
    """Stretches of text that stay whole: sorted, and joined where they overlap."""

    __slots__ = ("_ends", "_starts")

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(spans):
            if self._ends and start < self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def spans(self) -> list[Span]:
        """The blocks as (start, end), in order."""
        return list(zip(self._starts, self._ends, strict=True))

    def free(self, position: int) -> bool:
        """May the text be cut before this character?"""
        before = bisect_left(self._starts, position) - 1
        return before < 0 or position >= self._ends[before]

    def overlap(self, start: int, end: int) -> bool:
        """Does a block share a character with text[start:end]?"""
        before = bisect_left(self._starts, end) - 1
        return before >= 0 and self._ends[before] > start


def find_lines(text: str) -> list[Line]:
    """Every line, blank ones too; a text that ends in a line end has an empty last line."""
    ends = [found.span() for found in _LINE_END.finditer(text)]
    starts = [0, *(after for _, after in ends)]
    return list(zip(starts, [*(end for end, _ in ends), len(text)], strict=True))


def find_blocks(text: str, lines: list[Line]) -> ProtectedSpans:
    """Code first, for nothing in it is Markdown or LaTeX; then tables; then mathematics."""
    closed, unclosed = find_fences(text, lines)
    fences = ProtectedSpans([*closed, *unclosed, *_figures(text)]).spans()
    spans = [*fences, *_tables(text, lines)]
    if "$" in text or "\\" in text:
        begin = 0
        for start, end in [*fences, (len(text), len(text))]:
            spans += _mathematics(text, begin, start)
            begin = end
    return ProtectedSpans(spans)


def find_decimals(text: str) -> list[Span]:
    """Numbers with a point or comma inside: 0.15, 1,000."""
    return [found.span() for found in _DECIMAL.finditer(text)]


def find_fences(text: str, lines: list[Line]) -> tuple[list[Span], list[Span]]:
    """Code fences with an end, and the one without, which runs to the end of the text.

    A line of five or more tildes, or of tildes that no other line closes, is a rule and no fence.
    """
    closed: list[Span] = []
    if "```" not in text and "~~~" not in text:
        return closed, []
    begin, opener, named = -1, "", False
    for start, end in lines:
        found = _FENCE.match(text, start, end)
        if found is None:
            continue
        mark, info = found[1], found[2]
        bare = _NOTHING.fullmatch(info) is not None
        if not opener:
            # "```x```" within a line is no fence.
            opens = not bare or len(mark) < 5 if mark[0] == "~" else "`" not in info
            if opens:
                begin, opener, named = start, mark, not bare
        elif mark.startswith(opener) and bare:
            closed.append((begin, end))
            opener = ""
    unclosed = opener and (named or opener[0] == "`")
    return closed, [(begin, len(text))] if unclosed else []


def _figures(text: str) -> Iterator[Span]:
    """`[asy]…[/asy]`, `<svg>…</svg>`; a figure without an end is cut off with the text.

    Of two that open, the later one is closed first: one that was left open hides nothing.
    """
    closed: list[Span] = []
    opened: dict[str, list[int]] = {}
    for found in _FIGURE.finditer(text):
        begins = opened.setdefault(found["name"].lower(), [])
        if not found["end"]:
            begins.append(found.start())
        elif begins:
            closed.append((begins.pop(), found.end()))
    yield from closed
    inside = ProtectedSpans(closed)
    begin = min((at for begins in opened.values() for at in begins if inside.free(at)), default=-1)
    if begin >= 0 and not _LINE_END.split(text[:begin])[-1].strip():
        yield begin, len(text)


def _tables(text: str, lines: list[Line]) -> Iterator[Span]:
    """Markdown tables: a row of names, a row of dashes, and every row with a bar after them."""
    if "|" not in text or "--" not in text:
        return
    index = 1
    while index < len(lines):
        ruler = text[slice(*lines[index])]
        ruled = "|" in ruler and "--" in ruler and not ruler.strip().strip("|:- \t")
        if ruled and "|" in text[slice(*lines[index - 1])]:
            header = lines[index - 1][0]
            while index + 1 < len(lines) and "|" in text[slice(*lines[index + 1])]:
                index += 1
            yield header, lines[index][1]
        index += 1


def _mathematics(text: str, begin: int, end: int) -> list[Span]:
    r"""LaTeX between `begin` and `end`.

    `\(` and `\[` pair with the next closing one, and of two that open the later one counts;
    environments nest by name.
    """
    spans: list[Span] = []
    dollars: list[Span] = []
    brackets: dict[str, int] = {}
    environments: dict[str, list[int]] = {}
    for found in _MATH.finditer(text, begin, end):
        token = found.group()
        if token[0] == "$":
            dollars.append(found.span())
        elif found[2] in _OF_TEXT:
            continue
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
    inside = ProtectedSpans(spans)
    return spans + _dollar_math(text, [d for d in dollars if not inside.overlap(*d)])


def _dollar_math(text: str, dollars: list[Span]) -> list[Span]:
    """`$$…$$` and `$…$`, told from prices."""
    spans = []
    doubles = [index for index, (start, end) in enumerate(dollars) if end - start == 2]
    partners = dict(pairwise(doubles))
    index = 0
    while index < len(dollars):
        closing: int | None = index + 1
        if dollars[index][1] - dollars[index][0] == 2:
            closing = partners.get(index)
        elif not (
            index + 1 < len(dollars) and _is_inline(text, dollars[index], dollars[index + 1])
        ):
            closing = None
        if closing is not None:
            spans.append((dollars[index][0], dollars[closing][1]))
            index = closing
        index += 1
    return spans


def _is_inline(text: str, opening: Span, closing: Span) -> bool:
    """Are these two, the second right after the first, the ends of a formula in a line?

    A formula begins and ends with something that is not white space and stays in its paragraph. A
    dollar after a digit does not open one, and a dollar before a digit does not close one: these
    are prices.
    """
    before, begin = opening
    end, after = closing
    return (
        after - end == 1
        and end > begin
        and not text[begin].isspace()
        and not text[end - 1].isspace()
        and not text[before - 1 : before].isdigit()
        and not (text[after : after + 1].isdigit() or text.startswith("<<", after))
        and not _PRICE.match(text, before)
        and not _BLANK_LINE.search(text, begin, end)
    )

r"""Line ends that are written out: HTML's `<br>`, `</p>`, `<li>`, the `\n` of JSON and Python, the
strings of a list there, LaTeX's `\\` and `\item`, the bullets of a list whose line ends were lost.

A text is read as though they were line ends. What is read is as long as the text, so that places
in it are places in the text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from prm_core.text.labels import EDGE
from prm_core.text.protected import LINE_END, find_blocks, find_lines

_LINE_END = re.compile(LINE_END)
_SOME = r"(?:[ \t][^<>\n]{0,80})?/?>"  # attributes, and the end of a tag
_TAG = re.compile(rf"<(?P<end>/)?(?P<name>br|hr|p|div|li|[ou]l){_SOME}", re.IGNORECASE)
_TAGS = re.compile(rf"(?:<(?:/?(?:br|p|div|li|[ou]l)|hr){_SOME}\s*+)++", re.IGNORECASE)

# LaTeX has these; "\n" and the rest of the word is no line end in them.
_COMMAND = (
    r"n(?:abla|atural|cong|e|earrow|eg|egmedspace|egthickspace|egthinspace|eq|ewcommand"
    r"|ewenvironment|ewline|ewpage|ewtheorem|exists|geq?q?|geqslant|gtr|i|icefrac|[lL]eftarrow"
    r"|[lL]eftrightarrow|leq?q?|leqslant|less|mid|obreak|ocite|ode|oindent|olimits|olinebreak"
    r"|onumber|opagebreak|orm|ormalfont|ormalsize|ot|otag|otin|otni|parallel|prec|preceq"
    r"|[rR]ightarrow|shortmid|shortparallel|sim|su[bp]seteqq?|succ|succeq|th"
    r"|triangle(?:lef|righ)t(?:eq)?|u|um|umberwithin|[vV][dD]ash|warrow)(?![A-Za-z])"
)
_WRITTEN = re.compile(
    rf"""(?<!\\) (?:\\\\)*+ (?P<end> (?:\\r)?+ \\ (?!{_COMMAND}) n )
        (?! [a-z]*+[{{_^] | ["'`] (?! `` | \s*\Z ) )""",
    re.VERBOSE,
)
_DOUBLED = re.compile(r"(?<!\\)\\\\(?=[()\[\]]|(?:begin|end)\{)")
_UNESCAPED = re.compile(r"(?<!\\)(?:\\\\)*+\\(?![\\nrt\"'/])")

# A list of strings, which may be the only value of an object: {"steps": ["3 + 4 = 7", "so 7"]}.
_STRING = r"""(?:"(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+')"""
_STRINGS = re.compile(rf"\s*+{_STRING}\s*+,?")
_LIST = re.compile(
    rf"\s*+(?:\{{\s*+{_STRING}\s*+:\s*+)?+\[(?P<inside>{_STRINGS.pattern}"
    rf"(?:(?<=,){_STRINGS.pattern})++)\s*+\]\s*+\}}?\s*+"
)
# Doubled, "\\frac" is none.
_LATEX = re.compile(
    r"(?<!\\)\\(?:\\(?=\s)|(?:newline|par)(?![A-Za-z]))\s*+"
    r"|\s(?=\\(?:item\b|end\{(?:enumerate|itemize)\}))"
    r"|(?:(?<=\\end\{enumerate\})|(?<=\\end\{itemize\}))\s"
)
_BULLET = re.compile(r"\s(?=[•●▪]\s)")


class Lines(NamedTuple):
    """A text as it is read.

    Attributes:
        text: the text, with line ends for those that are written out.
        items: where the outermost items of HTML lists begin, and their numbers; 0 for a bullet.
    """

    text: str
    items: dict[int, int]


def read_lines(text: str) -> Lines:
    r"""
    >>> read_lines("a<br>b").text, read_lines(r"a\n\nb").text
    ('a   \nb', 'a \n \nb')
    """
    return _html(_bulleted(_latex(_escaped(_listed(text)))))


def _escaped(text: str) -> str:
    r"""A text without a line end as it was before "\n" was written for each.

    Where its backslashes were doubled, those that begin and end formulas are halved.
    """
    if "\\n" not in text or _LINE_END.search(text.strip(EDGE)) or not _WRITTEN.search(text):
        return text
    text = _WRITTEN.sub(
        lambda found: found[0][: -len(found["end"])] + "\n".rjust(len(found["end"])), text
    )
    if _UNESCAPED.search(text):
        return text
    return _DOUBLED.sub("\x7f\\\\", text)  # what is no white space is not stripped


def _listed(text: str) -> str:
    """The strings of a list as paragraphs, without quotes and brackets."""
    found = _LIST.fullmatch(text)
    if found is None:
        return text
    pieces, at = [], 0
    for string in re.finditer(_STRING, found["inside"]):
        start, end = (place + found.start("inside") for place in string.span())
        pieces += [" " * (start - at), "\u2029", text[start + 1 : end - 1]]
        at = end - 1
    return "".join([*pieces, " " * (len(text) - at)])


def _latex(text: str) -> str:
    r"""LaTeX that was written on one line, with line ends at `\\`, `\par` and `\item`."""
    if "\\" not in text or not _LATEX.search(text) or _LINE_END.search(text.strip(EDGE)):
        return text
    return _with_ends(text, _LATEX)


def _bulleted(text: str) -> str:
    """A text without a line end that begins with a bullet, with line ends before the others."""
    if not text.lstrip(EDGE).startswith(("•", "●", "▪")) or _LINE_END.search(text.strip(EDGE)):
        return text
    return _with_ends(text, _BULLET)


def _with_ends(text: str, pattern: re.Pattern[str]) -> str:
    """A text with line ends where a pattern matches outside of code and formulas."""
    blocks = find_blocks(text, find_lines(text))
    return pattern.sub(
        lambda found: found[0] if blocks.overlap(*found.span()) else "\n".rjust(len(found[0])),
        text,
    )


def _html(text: str) -> Lines:
    """A text as a browser shows it: with line ends, and without the tags that stand for them.

    In a text that has line ends, not only beside tags, a tag is never more than one.
    """
    if not _TAG.search(text):
        return Lines(text, {})
    lower = text.lower()
    known = {"br", "hr", "li", "ol", "ul", *(n for n in ("p", "div") if f"</{n}>" in lower)}
    plain = not any(_LINE_END.search(piece.strip(EDGE)) for piece in _TAGS.split(text))
    blocks = find_blocks(text, find_lines(text))
    pieces: list[str] = []
    items: dict[int, int] = {}
    counts: list[int] = []  # for each open list its next number, 0 for bullets
    at = 0
    for found in _TAGS.finditer(text):
        names = [(tag["end"] or "") + tag["name"].lower() for tag in _TAG.finditer(found[0])]
        code = blocks.overlap(*found.span()) or text[found.start() - 1 : found.start()] == "`"
        if code or not {name.lstrip("/") for name in names} <= known:
            continue
        before = text[at : found.start()]
        stem = before.rstrip()
        gap = text[at + len(stem) : found.end()]
        pieces += [stem, _end_of(gap, names, plain)]
        at = found.end()
        for name in names:
            if name in ("ol", "ul"):
                counts.append(int(name == "ol"))
            elif name in ("/ol", "/ul") and counts:
                counts.pop()
            elif name == "li" and len(counts) < 2:
                items[at] = counts[0] if counts else 0
                counts[:1] = [n + 1 if n else 0 for n in counts[:1]]
    return Lines("".join([*pieces, text[at:]]), items)


def _end_of(gap: str, names: list[str], plain: bool) -> str:
    """What is read for tags and the white space around them, in as many characters."""
    blank = _TAG.sub(lambda tag: " " * len(tag[0]), gap)
    ends = _LINE_END.findall(blank)
    tail = gap[gap.rindex(">") + 1 :]
    if ends and _LINE_END.search(tail) and "li" not in names:
        return blank  # and the next line keeps its indentation
    paragraph = names.count("br") > 1 or not {"p", "/p", "hr"}.isdisjoint(names)
    opens = len(ends) > 1 or (plain and paragraph)
    return " " * (len(gap) - 1) + ("\u2029" if opens else "\n")

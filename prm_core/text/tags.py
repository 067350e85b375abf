"""What chat models and PRM data leave in a solution's text that is not the solution.

Thinking and the rest are told apart by tags: `<think>` and its like (DeepSeek-R1, Qwen3, EXAONE,
Cohere, Seed, Magistral, Reflection), Kimi's `◁think▷`, SkyThought's `<|begin_of_thought|>`, the
channels of gpt-oss's harmony format. Besides, there are tags around an answer, the tokens that
begin or end a turn, and the markers at which PRMs are read (`<extra_0>` of Qwen's, `ки` of
Math-Shepherd's). None of them is part of a step, and every one ends the step before it.

A tag in a closed code fence, or alone between backticks, is text. Linear in the text's length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from prm_core.text.protected import ProtectedSpans, find_fences, find_lines

THINKING_TAG = "thinking tag"
ANSWER_TAG = "answer tag"
OTHER_TAG = "tag"
SPECIAL_TOKEN = "special token"
MARKER = "step marker"
LABEL_MARK = "step label"

WORD = re.compile(r"[^\W_]|[∞∅]")
"""A letter or digit of any script, or a symbol that is a value: what every step has."""

# "think", "inner_monologue", "antThinking", "cot_budget_reflect", "chain_of_thought", …
_THOUGHT = (
    r"(?:[a-z]{1,12}_){0,3}(?:ant)?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflect(?:ion)?|cot|"
    r"scratchpad|analysis|monologue|rationale)(?:_[a-z]{1,12}){0,2}"
)
_WRAPPER = r"answer|ans|final_answer|final|solution|output|response|result|conclusion|summary"
_TAG = re.compile(
    rf"""
      (?: < | &lt; ) (?P<slash>/)? [ \t]? (?:[a-z]{{1,12}}:)?
        (?: (?P<thought>{_THOUGHT}) | (?P<wrapper>{_WRAPPER})
        | (?P<step>steps?(?:[ \t_-]?\d{{1,3}})?) )
        (?: [ \t] [^<>\n]{{0,60}} )? (?: > | &gt; )
    | ◁ (?P<kimi_end>/)? think ▷
    | \[ (?P<mistral_end>/)? (?-i:THINK(?:ING)?|REASONING|THOUGHTS?) \]
    | (?<![A-Za-z\\]) [\[{{] (?P<braced_end>/)?
        (?P<braced>think(?:ing)?|reasoning|thoughts?) [\]}}]
    | \[ (?P<square_end>/)? (?P<square>(?-i:ANSWER|SOLUTION|RESPONSE)) \]
    | <\| (?: (?P<edge>begin|start|end)[_▁]of[_▁](?P<of>\w{{1,20}})
             | (?P<cohere>start|end)_thinking ) \|>
    | <\| (?P<bar_end>/|end_)? (?:think|thinking) (?P<bar_edge>_end|_start)? \|>
    | (?: <\|start\|> [ \t]*+ [a-z]{{1,12}} [^<>\n]{{0,40}} )?
        <\|channel\|> [ \t]*+ (?P<channel>[a-z]{{1,20}}) [^<>\n]{{0,60}}
        (?: <\|constrain\|> [^<>\n]{{0,20}} )? <\|message\|>
    | <\|channel> [ \t]*+ (?P<gemma>[a-z]{{1,20}}) \b | (?P<gemma_end><channel\|>)
    | (?P<unused><unused94>) (?:thought\b)? | (?P<unused_end><unused95>)
    | (?-i: (?: \A | assistant ) (?P<bare> analysis|commentary|final) (?=[^\Wa-z_]|[\\$*\#"(]) )
    | (?P<special>
        (?: <\|im_start\|> | <start_of_turn> | <\|turn> )
          (?: [ \t]*+ (?:assistant|model|system|user)\b )?
      | <\|start_header_id\|> [a-z]{{1,12}} <\|end_header_id\|>
      | <\|start\|> (?: assistant\b )?
      | <\| (?: (?:[a-z]{{1,20}}_){{1,4}} (?:[a-z]{{1,20}}|\d{{1,4}}) | [a-z]{{3,20}} ) \|>
      | <[|｜] [^<>|｜\n]{{1,40}} ｜> | <｜ [^<>|｜\n]{{1,40}} [|｜]>
      | </s> | (?P<first><s>)
      | <(?: eos | bos | pad | unk | eod | eot | eoa | eoh | sep | end_of_(?!step)[a-z]{{1,16}}
          | endoftext | turn\| )>
      | \[\| [a-z_]{{2,24}} \|\] | (?-i: \[end[ ]of[ ]text\] )
      | (?-i: \[ (?: EOS | BOS | PAD | SEP | CLS | UNK | /?INST | UNUSED_TOKEN_\d{{1,4}} ) \] )
      )
    | (?P<marker> <extra(?:_id)?(?:_\d{{1,2}})?> | <\|?prm\|?> | (?-i: \[ (?: PRM | /?STEP ) \] )
        | <(?: (?:end|next|new)_(?:of_)?step | step_(?:end|sep|tag|token) | eos?_step )>
        | (?-i: <RM> )
        | (?<![^\W\d_])ки(?![^\W\d_]|[\u0300-\u036f]) | <(?:pos|neg)>
        | <[+-]> (?= [ \t]* (?:[\r\n]|\Z) ) )
    | </? (?P<other>[a-z][a-z_]{{1,30}}\d{{0,3}}) >
    """,
    re.VERBOSE | re.IGNORECASE,
)
_HOLDS_ANSWER = re.compile(r"(?:<|&lt;|\[)(?:final_)?answer|<\|begin_of_box", re.IGNORECASE)
_LINE_BEFORE = re.compile(r"(?:\A|[\r\n])[ \t]*\Z")
_LINE_AFTER = re.compile(r"[ \t]*(?:[\r\n]|\Z)")
_HTML = re.compile(  # names of its elements, and of figures
    "a|abbr|article|aside|b|big|blockquote|body|br|button|caption|center|cite|code|col|d[dlt]|del"
    "|details|div|em|figure|font|footer|form|head|header|hr|html|i|iframe|img|input|ins|kbd|label|li"
    "|main|mark|math|nav|ol|option|pre|s|samp|script|section|small|span|strong|style|su[bp]|summary"
    "|h[1-6]|svg|table|tbody|t[dhrt]|tfoot|thead|title|u|ul|var|video|asy|tikz"
)
_LAYOUT = re.compile(
    r"""(?: </?(?:br|hr|p|div|span|center|details|summary|[uo]l|li|font|section|blockquote)
              \b[^<>\n]{0,80}>
      | <!--[^<>\n]{0,200}-->
      | &(?:nbsp|e[mn]sp|thinsp|[mn]dash|bull|hellip|middot);
      | \\(?:hrule|hline|newline|linebreak|noindent|(?:big|med|small)skip|newpage|pagebreak
          |clearpage|par|centering|[vh]fill|qed(?:here)?|(?:black)?square|Box|quad|qquad)(?![A-Za-z])
      | \\(?:[vh]space|rule|vskip)\*?(?:\{[^{}\n]{0,20}\}){1,2}
      | \\\\\[[\d.]{1,4}(?:pt|e[mx]|[cm]m)\]
      | \\(?:begin|end)\{(?:proof|solution|enumerate|itemize|document|center|quote)\*?\}
      | [\W_] )++""",
    re.VERBOSE | re.IGNORECASE,
)
_BEGINS_LAYOUT = frozenset("<&\\$ \t")
# Where a tag may begin: looked for first, for `_TAG` is slow.
_SIGN = re.compile(
    r"<(?=[/|｜ \t+-]|[^\W\d_])|◁|\[(?=[/|]|[^\W\d_])|\{/?(?:think|reasoning|thought)|&lt;"
    r"|[кК][иИ]|\Aanalysis|assistant(?=analysis|commentary|final)"
)
_CHANNELS = ("analysis", "commentary", "thought")
_SOLUTION = "solution"


def says_something(text: str, start: int, end: int) -> bool:
    """Has a stretch of text a word, beside what only sets it: `<br>`, `\\newline`, `&nbsp;`?"""
    if not WORD.search(text, start, end):
        return False
    return text[start] not in _BEGINS_LAYOUT or not _LAYOUT.fullmatch(text, start, end)


class Dropped(NamedTuple):
    """A stretch of a text that is no part of any step.

    Attributes:
        start, end: character offsets in the original.
        kind: what it is, in words: "thinking tag", "answer tag", "tag", "special token", "step
            marker", "step label", "layout" (`<br>`, `\\newline`), or "no letter or digit".
    """

    start: int
    end: int
    kind: str


class Stretch(NamedTuple):
    """Text between two tags.

    Attributes:
        start, end: character offsets.
        thinking: a model thinks here, instead of answering.
    """

    start: int
    end: int
    thinking: bool


@dataclass(frozen=True, slots=True)
class Tagged:
    """A text's tags and what is between them.

    Attributes:
        tags: in order.
        stretches: one more than tags, blank ones too.
        answers: the last stretch within `<answer>` and its like that says something, if any.
    """

    tags: list[Dropped]
    stretches: list[Stretch]
    answers: list[tuple[int, int]]


class _Mark(NamedTuple):
    """A tag. `opens` and `closes` name the thinking that begins or ends there.

    Where a solution begins, all thinking ends.
    """

    start: int
    end: int
    kind: str
    opens: str = ""
    closes: str = ""


def read_tags(text: str) -> Tagged:
    """The tags of a text, and which stretches between them are thinking.

    Models whose prompt ends in the opening tag write only the closing one: then what comes before
    it is thinking. So is what comes before a closing tag that nothing opened, if something is
    left to be the solution. Thinking that is not closed ends where a solution is opened.
    """
    marks = [*_marks(text)]
    if signs := _signs(text):
        marks = sorted([*marks, *signs])
    edges = [0, *(place for mark in marks for place in (mark.start, mark.end)), len(text)]
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    worded = [WORD.search(text, *span) is not None for span in spans]
    thinking = _thinking(marks, worded)
    answers = [
        spans[index + 1]
        for index, mark in enumerate(marks)
        if mark.kind == ANSWER_TAG
        and mark.closes
        and worded[index + 1]
        and not thinking[index + 1]
        and _HOLDS_ANSWER.match(text, mark.start)
    ]
    return Tagged(
        [Dropped(mark.start, mark.end, mark.kind) for mark in marks],
        [Stretch(*span, is_thinking) for span, is_thinking in zip(spans, thinking, strict=True)],
        answers[-1:],
    )


def may_hold_tags(text: str) -> bool:
    """Whether a text may hold a tag, a special token or a marker; quick, and never wrongly no."""
    return _SIGN.search(text) is not None


def is_marker(text: str) -> bool:
    """Is a text a step marker and nothing else?"""
    found = _TAG.fullmatch(text)
    return found is not None and _mark(found).kind == MARKER


def _marks(text: str) -> Iterator[_Mark]:
    """All tags that count: not those in code, save one that ends thinking that broke off there."""
    code: ProtectedSpans | None = None
    # gpt-oss's channels with their tokens taken off: "analysisLet me …assistantfinalThe answer …".
    bare = text.startswith("analysis") and "assistantfinal" in text
    end = 0
    thinks = False
    paired: dict[str, bool] = {}
    for sign in _SIGN.finditer(text):
        found = _TAG.match(text, sign.start()) if sign.start() >= end else None
        if found is None or _is_text(text, found) or (found["bare"] and not bare):
            continue
        if name := found["other"]:
            if name not in paired:
                paired[name] = _is_paired(text, name)
            if not paired[name] or not _is_alone(text, found):
                continue
        mark = _mark(found)
        if code is None:
            code = ProtectedSpans(find_fences(text, find_lines(text))[0])
        if code.overlap(*found.span()) and not (mark.closes and thinks):
            continue
        yield mark
        end = mark.end
        thinks = bool(mark.opens) or (thinks and not mark.closes)


_SIGN_AT_END = re.compile(r"[ \t]([+-])[ \t]*\Z")
_FILLED_LINE = re.compile(r"[^\r\n]*[^\s][^\r\n]*")


def _signs(text: str) -> list[_Mark]:
    """The labels of Math-Shepherd's steps, where every line of several ends in + or -."""
    if not _SIGN_AT_END.search(text[-200:].rstrip()):
        return []
    lines = list(_FILLED_LINE.finditer(text))
    ends = [_SIGN_AT_END.search(line[0]) for line in lines]
    if len(lines) < 2 or not all(ends):
        return []
    starts = [line.start() + end.start(1) for line, end in zip(lines, ends, strict=True) if end]
    return [_Mark(start, start + 1, LABEL_MARK) for start in starts]


def _is_text(text: str, found: re.Match[str]) -> bool:
    """Is a tag spoken of (between backticks), or the HTML for text that is struck out?"""
    before, after = (
        text[max(0, found.start() - 16) : found.start()],
        text[found.end() : found.end() + 1],
    )
    if name := found["braced"]:
        opening, closing = found[0][0], found[0][-1]
        pair = (f"{opening}{name}{closing}", f"{opening}/{name}{closing}")
        return not all(tag in text for tag in pair)
    if found["first"]:
        return found.start() > 16 or bool(before.strip())
    return before[-1:] == "`" == after


def _is_alone(text: str, found: re.Match[str]) -> bool:
    """Is a tag all that its line has?"""
    before = text[max(0, found.start() - 16) : found.start()]
    return bool(_LINE_BEFORE.search(before) and _LINE_AFTER.match(text, found.end()))


def _is_paired(text: str, name: str) -> bool:
    """Is this the name of a tag that opens and closes, and none of HTML's?"""
    return not _HTML.fullmatch(name.lower()) and f"<{name}>" in text and f"</{name}>" in text


def _mark(found: re.Match[str]) -> _Mark:
    """What a match of `_TAG` does."""
    start, end = found.span()
    if found["other"]:
        return _Mark(start, end, OTHER_TAG)
    if found["marker"] or found["step"]:
        return _Mark(start, end, MARKER)
    if found["special"]:
        return _Mark(start, end, SPECIAL_TOKEN)
    channel = found["channel"] or found["bare"] or found["gemma"]
    if channel:
        if channel.lower() in _CHANNELS:
            return _Mark(start, end, THINKING_TAG, opens="channel")
        return _Mark(start, end, THINKING_TAG, closes=_SOLUTION)
    name = (found["thought"] or found["of"] or found["braced"] or "think").lower()
    is_thought = re.fullmatch(_THOUGHT, name) is not None
    closing = (
        found["slash"]
        or found["kimi_end"]
        or found["mistral_end"]
        or found["square_end"]
        or found["braced_end"]
        or found["gemma_end"]
        or found["unused_end"]
        or found["bar_end"]
        or found["bar_edge"] == "_end"
        or "end" in ((found["edge"] or "").lower(), (found["cohere"] or "").lower())
    )
    if found["gemma_end"]:
        name = "channel"
    if found["wrapper"] or found["square"] or not is_thought:
        return _Mark(start, end, ANSWER_TAG, closes="" if closing else _SOLUTION)
    return _Mark(start, end, THINKING_TAG, **{"closes" if closing else "opens": name})


def _thinking(marks: list[_Mark], worded: list[bool]) -> list[bool]:
    """For each stretch, whether it is thinking."""
    flags: list[bool] = []
    last_worded = max((i for i, is_worded in enumerate(worded) if is_worded), default=-1)
    last_close = max(
        (i for i, mark in enumerate(marks) if mark.closes not in ("", _SOLUTION)),
        default=-1,
    )
    opened: list[str] = []
    since = 0  # the first stretch after the last tag of thinking
    seen = False
    for index, mark in enumerate(marks):
        flags.append(bool(opened))
        if mark.closes == _SOLUTION and index < last_close:  # the thinking speaks of the tag
            continue
        if mark.closes in opened:
            del opened[opened.index(mark.closes) :]
        elif mark.closes:
            if mark.closes != _SOLUTION and not opened and (not seen or last_worded > index):
                flags[since:] = [True] * (index + 1 - since)
            opened.clear()
        elif mark.opens and mark.opens not in opened:
            opened.append(mark.opens)
        if mark.opens or mark.closes not in ("", _SOLUTION):
            since, seen = index + 1, True
    return [*flags, bool(opened)]

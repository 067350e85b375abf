r"""Solution text → final answer.

Finding an answer never fails and is linear in the text. Whether two answers are the same is told by
`prm_core.answers.equality`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from prm_core.answers.equality import bare
from prm_core.answers.equality import same_answer as same_answer
from prm_core.text.labels import step_content
from prm_core.text.tags import ANSWER_TAG, read_tags
from prm_core.types import Candidate

_LONGEST = 400  # characters after "the answer is" that are looked at


def final_answer(solution: str | Sequence[str] | Candidate) -> str | None:
    r"""The final answer that a solution gives, as it wrote it; None when it gives none.

    The last of the first kind that there is: `<answer>…</answer>`; `\boxed{…}`, or several boxes of
    one sentence; a line `#### …`; "The answer is …", "Final answer: …", or what follows a heading
    "Answer", in eight languages; what the last step (of a text: its last paragraph) comes to. An
    answer that the last step states goes before a box in an earlier one. Thinking never counts:
    neither what is between its tags, nor a candidate's steps that are marked so.

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
        if candidate.tagged_answer:
            return final_answer(f"<answer>{candidate.tagged_answer}</answer>")
        marks = candidate.thinking or (False,) * len(candidate.steps)
        solution = [step for step, mark in zip(candidate.steps, marks, strict=True) if not mark]
    written = [step for step in _spoken(solution) if step.strip()]
    return _find("\n\n".join(written), written[-1] if written else "")


def _find(text: str, last_step: str) -> str | None:
    last_begins = len(text) - len(last_step)
    tagged, boxes, stated = _tagged(text), _boxes(text), _stated(text, last_begins)
    if tagged is not None:
        return tagged
    if boxes and not (stated and boxes[-1].end <= last_begins <= stated.start and stated.is_value):
        return _joined(text, boxes)
    hashes = _after_hashes(text)
    if hashes is not None:
        return hashes
    if stated is not None:
        return stated.text
    return None if _OPEN_BOX.search(last_step) else _conclusion(text, last_step)


# --- what is looked through -----------------------------------------------------------------------

_CALCULATION = re.compile(r"<<[^<>\n]*=[^<>\n]*>>")  # the calculator's marks of GSM8K


def _spoken(steps: Sequence[str]) -> list[str]:
    """The steps with blanks in the place of thinking and of tags, but for those of answers."""
    whole = "\n\n".join(steps)
    tagged = read_tags(whole)
    blank = [tag[:2] for tag in tagged.tags if tag.kind != ANSWER_TAG]
    blank += [stretch[:2] for stretch in tagged.stretches if stretch.thinking]
    blank += [found.span() for found in _CALCULATION.finditer(whole)]
    pieces, end = [], 0
    for start, after in sorted(blank):
        if start >= end:
            pieces += [whole[end:start], " " * (after - start)]
            end = after
    whole = "".join([*pieces, whole[end:]])
    ends = list(accumulate(len(step) + 2 for step in steps))
    return [
        whole[end - len(step) - 2 : end - 2].rstrip() for step, end in zip(steps, ends, strict=True)
    ]


def _last_paragraph(text: str) -> str:
    lines = text.rstrip().splitlines(keepends=True)
    first = len(lines)
    while first and lines[first - 1].strip():
        first -= 1
    return "".join(lines[first:])


def _shown(answer: str) -> str:
    """An answer as it is shown: bare, and without a dollar sign in front of its number."""
    return re.sub(r"^([-−]?)\\?\$(?=[-−]?[\d.])", r"\1", bare(answer))


# --- tags and boxes -------------------------------------------------------------------------------

_ANSWER_TAG = re.compile(
    r"<(?P<tag>final[_ ]?answer|answer)>(?P<answer>.{0,2000}?)(?:</(?P=tag)>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
_BRACES = re.compile(r"(?P<box>\\f?boxed\s*+\{)|\\.|[{}]", re.DOTALL)
_OPEN_BOX = re.compile(r"\\f?boxed\b")
_BARE_BOX = re.compile(r"\\f?boxed\s+(?P<answer>[^\s{}$.,;]++)")
# What may come between two boxes of one sentence: "and", "$, $y = ", " is the first, the other ".
_BETWEEN = re.compile(
    r"""(?: [\s$,;&:()=] | \\[()\[\],;:\s] | \\q?quad\b
      | \b(?:and|or|the|is|are|first|second|third|other|another|one|root|roots|solution|solutions
        |value|values|respectively|both|also|for|part|with|und|et|y|e|и|和|[A-Za-z])\b
      | \\text\s*\{[^{}]{0,20}\} | \\(?:alpha|beta|theta|lambda) | _\d | _\{\w\} )*+""",
    re.VERBOSE,
)
_JOINS = re.compile(r",|;|&|\\q?quad|\b(?:and|or|und|et|y|e|и|和)\b")


class _Box(NamedTuple):
    """What a box holds, and where it is with its command and braces."""

    text: str
    start: int
    end: int


def _tagged(text: str) -> str | None:
    """What the last answer tag holds."""
    found = [match["answer"] for match in _ANSWER_TAG.finditer(text)]
    for inside in reversed(found):
        if boxes := _boxes(inside):
            return _joined(inside, boxes)
        stated = _stated(inside, 0)
        if shown := stated.text if stated else _reduced(_shown(inside)):
            return shown
    return None


def _boxes(text: str) -> list[_Box]:
    r"""Every `\boxed{…}` with a closing brace and something inside that is not asked."""
    opened: list[tuple[int, int]] = []  # where the inside begins, where the box does (-1: none)
    holding = -1  # where the last box begins that was closed: what holds it is no answer itself
    boxes: list[_Box] = []
    for found in _BRACES.finditer(text):
        token = found.group()
        if found["box"] or token == "{":
            opened.append((found.end(), found.start() if found["box"] else -1))
        elif token == "}" and opened:
            start, box = opened.pop()
            if box < 0 or holding > box:
                continue
            holding = box
            asked = re.match(r"[\s$)*\\\]]{0,8}\?", text[found.end() : found.end() + 10])
            inside = text[start : found.start()]
            if inside.strip() and not asked:
                boxes.append(_Box(inside, box, found.end()))
    if not boxes:
        boxes = [_Box(f["answer"], *f.span()) for f in _BARE_BOX.finditer(text)]
    return sorted(boxes, key=lambda box: box.start)


def _joined(text: str, boxes: Sequence[_Box]) -> str:
    """The last box, with those before it in the same sentence: 3, 5."""
    parts = [boxes[-1].text]
    for left, right in zip(reversed(boxes[:-1]), reversed(boxes[1:]), strict=True):
        between = text[left.end : right.start]
        short = len(between) < 80 and not re.search(r"\n\s*\n", between)
        if not (short and _BETWEEN.fullmatch(between) and _JOINS.search(between)):
            break
        parts.append(left.text)
    distinct = list(dict.fromkeys(shown for part in reversed(parts) if (shown := _shown(part))))
    return ", ".join(distinct) or parts[0].strip()


# --- lines of their own ---------------------------------------------------------------------------

_HASHES = re.compile(r"(?:^|[\n\r])[ \t]*+####[ \t]*+(?P<answer>[^\n\r#][^\n\r]{0,200})")
_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{3,}")


def _after_hashes(text: str) -> str | None:
    """What follows "####", where it is no heading: a number, a formula, or the last line."""
    end = len(text.rstrip())
    for found in reversed(list(_HASHES.finditer(text))):
        answer = found["answer"].strip()
        heading = step_content(answer) != answer or answer.endswith(":")
        n_words = len(_WORD.findall(answer))
        is_last = found.end() >= end and n_words < 8 and not _ANSWER_LINE.fullmatch(answer)
        if not heading and (is_last or n_words <= (1 if answer[:1].isdigit() else 0)):
            shown = _shown(answer)
            if shown:
                return shown
    return None


# --- what is stated -------------------------------------------------------------------------------

_NOUN = r"""(?:
    answers? | ans | final\s++result | (?:correct|right)\s++(?:choice|option)
    | r[ée]ponses? | antwort(?:en)? | endergebnis
    | respuestas? | respostas? | risposta | risposte | ответ | 答案 )"""
_IS = r"""(?:
    (?<!\w) (?:
        is | are | (?:would|should|must|will)\s++be | equals | (?:comes|turns)\s++out\s++to\s++be
      | est | sont | ist | sind | lautet | beträgt | es | son | é | são | è | sono | равен | равна
      | это )\b
    | [:：=] | [—–]\s )"""
_STATED = re.compile(
    rf"""(?: (?<![^\W_]) {_NOUN} (?![^\W_])
              (?: \s++ (?:to|for|of|à|auf|a|alla|на)\b [^.:=\n]{{0,60}}? )?
              (?: \s++ (?:finale?s?|correct[aeo]?|corrett[ae]|richtige) )?
              [\s*_]*+ {_IS}
          | 答案 [\s*_]*+ (?:[为為是:：=]) | (?:^|[\n。]) [ \t*_]*+ 答 [*_]*+ [:：]
        ) [\s*_:：=]*+
        (?: (?: therefore | thus | then | simply | just | indeed | equal\ to | approximately | about
              | roughly | donc | also ) \b [\s,*_:]*+ )?+
        (?: (?:the|la|le|el|die|der|das|a) \s++ (?= [*_]{{0,3}} \(? [A-J] \)? (?!\w) ) )?+""",
    re.VERBOSE | re.IGNORECASE,
)
_ANSWER_LINE = re.compile(
    rf"""[ \t>#*_]*+
        (?: (?:the|la|die|a|final|correct|finale|окончательный|最终|最後|最后) [ \t]*+ ){{0,2}}
        {_NOUN} (?:[ \t]++finale?)? [ \t*_#]*+ [:：.]? [ \t*_#]*+""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADING = re.compile(
    rf"(?:^|(?<=[\n\r])){_ANSWER_LINE.pattern}(?=[\n\r])\s*+(?:[-=]{{3,}}\s++)?+",
    _ANSWER_LINE.flags,
)
_QUOTED = re.compile(r"(?:^|(?<=\n))[ \t]*+>[ \t]?")  # how Markdown marks a quotation
_LETTER_A = re.compile(r"A:[ \t]*+(?P<answer>[^\n\r]{1,80})\Z")  # "A: 77" as a last line
_DELIMITED = re.compile(
    r"\$\$(?P<double>(?:[^$\\]|\\.){1,400})\$\$"
    r"|\$(?![\s$])(?P<single>(?:[^$\n\\]|\\.){1,400})(?<!\s)\$(?!\d)"
    r"|\\\[(?P<display>.{1,400}?)\\\]|\\\((?P<inline>.{1,400}?)\\\)"
    r"|\*\*(?P<bold>[^*\n]{1,200})\*\*",
    re.DOTALL,
)
_CLAUSE_END = re.compile(
    r"[.!?](?=[\s*_\"'”)]|\Z)|;(?=\s+[^\W\d_]{3})|。|[\n\r]|(?<=\S)\*{1,3}(?=[\s.,;:!?)]|\Z)|(?<=\w)_{1,2}(?=\s)"
    r"|,\s(?:as|given|per)\b"
    r"|,?\s(?:because|since|which|where|so|weil|parce\sque|porque|perché|потому\sчто)\b",
    re.IGNORECASE,
)


class _Stated(NamedTuple):
    """An answer that is stated, and where its statement begins."""

    text: str
    start: int

    @property
    def is_value(self) -> bool:
        """Is it a number, a formula or a letter, rather than a remark ("The answer is correct")?"""
        return len(self.text) == 1 or not _WORD.search(self.text) or self.text[:1].isdigit()


def _stated(text: str, last_begins: int) -> _Stated | None:
    """What the last "answer is", "Answer:" or heading "Answer" is followed by."""
    anchors = [(found.end(), found.start(), False) for found in _STATED.finditer(text)]
    anchors += [(found.end(), found.start(), True) for found in _HEADING.finditer(text)]
    for end, start, is_heading in sorted(anchors)[-3:][::-1]:  # the last may be followed by nothing
        rest = _QUOTED.sub("", text[end : end + _LONGEST])
        answer = _clause(rest.lstrip() if is_heading else rest, is_heading)
        if _OPEN_BOX.match(answer):
            continue
        shown = _reduced(_shown(answer))
        if shown and not (is_heading and len(_WORD.findall(shown)) > 4):
            return _Stated(shown, start)
    last_line = text[last_begins:].strip().splitlines()[-1:]
    letter = _LETTER_A.match(last_line[0].strip()) if last_line else None
    if letter and (shown := _shown(letter["answer"])):
        return _Stated(shown, last_begins)
    return None


def _clause(rest: str, is_heading: bool) -> str:
    """The beginning of a text up to the end of its clause, or the formula that it begins with."""
    delimited = _DELIMITED.match(rest)
    if delimited is not None:
        inside = delimited[delimited.lastgroup or 0]
        after = rest[delimited.end() :]
        joined = re.match(r"(?:,|\s+(?:and|or|und|et|y|o|e|и|или))\s*(?=[$\\])", after)
        return inside if joined is None else _first_clause(rest)
    if is_heading and (lines := _short_lines(rest)):
        return ", ".join(lines)
    return _first_clause(rest)


def _first_clause(rest: str) -> str:
    end = _CLAUSE_END.search(rest)
    return rest[: end.start()] if end else rest


def _short_lines(rest: str) -> list[str]:
    """The lines under a heading that are one value each; none where there are not several."""
    block = re.split(r"\n\s*\n", rest.strip(), maxsplit=1)[0]
    lines = [re.sub(r"^\s*(?:[-*•]|\d+\.)\s+", "", line).strip() for line in block.splitlines()]
    plain = all(len(line) < 40 and not _WORD.search(line) for line in lines)
    return lines if len(lines) > 1 and plain else []


_NUMBER = re.compile(
    r"""(?:(?<![\w)\]}])[-−]\s?)?+ \\[dt]?frac\s?\{-?[\d.]{1,12}\}\s?\{[\d.]{1,12}\}
      | (?<![\w)\].,:^])(?<!\^\{)[-−]? \\?\$?
        (?: \d{1,3}\ \d{1,2}/\d{1,3}(?!\d) | \d{1,3}\ ?[½⅓⅔¼¾]
          | \d{1,2}(?::\d{2}){1,2}(?!\d) (?:\s?[AaPp]\.?[Mm]\b)? | \d{1,3}:\d{1,3}(?![\d:])
          | (?:\d{1,3}(?:\.\d{3})++|\d++) ,\d{1,2}(?![\d,]|\.\d)
          | (?:\d{1,3}(?:,\d{3})++|\d++) (?:\.\d++)? (?:[eE][-+]?\d{1,3}(?!\w))? (?:/\d++)?
            (?:\s?(?:π|pi\b))? (?:\\?%)? )
        (?!:\d)
      | (?<![\w)\]])[-−]?\.\d++ | (?<![\w)\]])[-−]?[½⅓⅔¼¾]""",
    re.VERBOSE,
)
_LOOSE_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{2,}")


def _reduced(answer: str) -> str:
    """A sentence with a single number as that number; anything else as it is."""
    numbers = [found for found in _NUMBER.finditer(answer) if ":" not in found.group()]
    if (
        len(numbers) != 1
        or len(_LOOSE_WORD.findall(answer)) < 4
        or "\\" in answer.replace(r"\$", "")
    ):
        return answer
    return _shown(numbers[0].group())


# --- what the last step comes to ------------------------------------------------------------------

_SENTENCE = re.compile(r"(?<=[.!?。])\s+(?=\S)|[\n\r]+")
_BOLD = re.compile(r"\*\*(?P<inside>[^*\n]{1,60})\*\*")
# Not the point of a sentence: "(3 × 4)", "not 15", "in 2020", "at 5:00 PM", "of the 20 eggs".
_ASIDE = re.compile(
    r"\s\([^()]*\)|,?\snot\s\S+|\s(?:in|since|by)\s(?:19|20)\d\d\b"
    r"|\sat\s\d{1,2}:\d\d(?:\s?[ap]\.?m\b)?|\sof\s(?:the|all|these|those)\s\d[\d,]*+(?![\d.]*%)",
    re.IGNORECASE,
)
_REFERENCE = re.compile(  # to another place: "equation (3)", "step 2"
    r"\b(?:equations?|eqs?\.|steps?|figures?|tables?|theorem|lemma|exercise|problem)"
    r"\s*+#?\(?\d++(?:\.\d++)*+\)?",
    re.IGNORECASE,
)
_CHOICE = re.compile(  # "Hence B."; "Option (C) is correct"; "B is the right choice"
    r"\A[\s*_]*+(?:(?:[Hh]ence|[Tt]hus|[Ss]o|[Tt]herefore|∴)[\s,:*_]*+)?+"
    r"(?:(?:the\s++)?(?:[Oo]ption|[Cc]hoice|[Aa]nswer)\s++)?+"
    r"(?P<letter>\([A-J]\)|[A-J](?![\w'’]))"
    r"(?P<said>[\s*_]*+is\s++(?:the\s++)?(?:correct|right)(?:\s++(?:one|choice|option|answer))?)?"
    r"[\s*_.!]*+\Z"
)
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".replace(" ", "|")
_MONTH = rf"(?:{_MONTHS})[a-z]{{0,6}}"
_VALUE = r"[-−]?\s?\$?(?:\d[\d.,]*(?:/\d+)?|\\frac\{\d+\}\{\d+\})(?<![.,])"
_SIGN = r"\s*(?:[<>≤≥=]|\\[lg]e\b|[<>]=)\s*"
_RELATION = rf"(?:{_VALUE}{_SIGN})?\b[A-Za-z]{_SIGN}{_VALUE}"
# What a sentence can end with whole: May 5, 2020; (2, 3), [0, 5), {1, 4}; x ≥ 5; x = 2 or x = 3.
_WHOLE = re.compile(
    rf"""(?: (?P<date> \b (?: {_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)? | \d{{1,2}}\s{_MONTH} )
          (?:,?\s\d{{4}})? )
      | (?P<enclosed> (?<!\w) \\?[(\[{{]
          [^()\[\]{{}}]{{1,60}} , [^()\[\]{{}}]{{1,60}} \\?[)\]}}] )
      | (?<![\w^=+*/-]) (?<![=+*/^-]\s) (?P<said> {_RELATION}
          (?: (?:,|,?\s(?:and|or)\b)\s*{_RELATION} ){{0,5}} )
      ) [\s.!$*]*\Z""",
    re.VERBOSE,
)
_NO_WORD = re.compile(
    r"\\(?:text|mathrm)\s*\{[^{}]*\}|(?<![A-Za-z])(?:sin|cos|tan|log|ln|exp|sqrt|pi)\b"
)
_NO_AMOUNT = re.compile(r"\\(?:text|mathrm)\s*\{[^{}]*\}|\\[,;:! ]|\s+")  # beside a plain number
_FORMULA_WORD = re.compile(r"(?:\\(?:text|mathrm)\s*\{[^{}]*\}|\S)+")
_HAS_VALUE = re.compile(r"[\d½⅓⅔¼¾√π∞]|\\[A-Za-z]")
_Span = tuple[int, int]
_RESULT = re.compile(r"=(?:\s|[$\\({*[]|\\text\s*\{)*+(?P<number>-?\d[\d,]*+(?:\.\d++)?)")


def _conclusion(text: str, last_step: str) -> str | None:
    """The number or formula that the last step ends with, or that it repeats as a result."""
    said = _REFERENCE.sub("", last_step)
    sentences = [part for part in _SENTENCE.split(said.strip()) if part.strip()]
    if not sentences:
        return None
    if whole := _whole_at_end(sentences[-1]):
        return whole
    formula = _formula_at_end(sentences[-1])
    if formula is not None:
        return formula
    for sentence in reversed(sentences):
        values = _values(sentence)
        if values:
            return _among(values, sentence, text)
    return None


def _whole_at_end(sentence: str) -> str | None:
    """The choice, date, tuple, interval, set, inequality or solutions that a sentence ends with.

    "x = 5" is none of them.
    """
    choice = _CHOICE.match(sentence)
    if choice is not None and (choice["said"] or choice.start("letter")):
        return choice["letter"]
    found = _WHOLE.search(sentence[-_LONGEST:])
    if found is None:
        return None
    if date := found["date"]:
        return date
    if enclosed := found["enclosed"]:
        return None if _words_in(enclosed) or "=" in enclosed else _shown(enclosed)
    said = _shown(found["said"])
    if re.search(r"[<>≤≥]|\\[lg]e", said):
        return said
    names = set(re.findall(r"[A-Za-z](?=\s*=)", said))
    listed = said.count("=") > 1 and (len(names) == 1 or "," not in said)
    return said if listed else None


def _values(sentence: str) -> list[str]:
    """The numbers and formulas of a sentence in their order: a number in a formula is none."""
    if not _HAS_VALUE.search(sentence):
        return []
    begin = max(0, len(sentence) - 2 * _LONGEST)  # as in `_formula_at_end`
    spans = [found.span() for found in _DELIMITED.finditer(sentence, begin)]
    spans += _bare_formulas(sentence, begin, spans)
    values: list[str] = []
    after = 0
    for start, end in sorted(spans):
        inside = _shown(_shown(sentence[start:end]).rpartition("=")[2])
        amount = _NUMBER.fullmatch(_NO_AMOUNT.sub("", inside))
        if _is_formula(inside) and not amount:
            values += [*_numbers(sentence[after:start]), inside]
            after = end
    return values + _numbers(sentence[after:])


def _numbers(text: str) -> list[str]:
    return [_shown(found.group()) for found in _NUMBER.finditer(text)]


def _bare_formulas(sentence: str, begin: int, taken: Sequence[tuple[int, int]]) -> list[_Span]:
    r"""Formulas without delimiters: the words between others that have a command or a power."""
    runs: list[list[re.Match[str]]] = [[]]
    for found in _FORMULA_WORD.finditer(sentence, begin):
        free = not any(start < found.end() and found.start() < end for start, end in taken)
        if free and not _words_in(found[0]) and found[0] not in ("a", "A", "I"):
            runs[-1].append(found)
        elif runs[-1]:
            runs.append([])
    spans = [(run[0].start(), run[-1].end()) for run in runs if run]
    return [span for span in spans if re.search(r"\\[A-Za-z]|\w\s*\^|[π√]", sentence[slice(*span)])]


def _among(numbers: Sequence[str], sentence: str, text: str) -> str:
    """Which value of a closing sentence is its point: the bold one, the last result, the last."""
    numbers = _values(_ASIDE.sub("", sentence)) or numbers
    bold = [value for found in _BOLD.finditer(sentence) for value in _values(found["inside"])]
    if len(bold) == 1:
        return bold[0]
    results = [_value(found["number"]) for found in _RESULT.finditer(text[-2000:])]
    if results:
        repeated = [number for number in numbers if _value(number) == results[-1]]
        if repeated:
            return repeated[-1]
    return numbers[-1]


def _value(number: str) -> str:
    digits = number.replace(",", "")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _formula_at_end(sentence: str) -> str | None:
    """The formula at a sentence's end, right of its last equality sign; None where words end it."""
    sentence = sentence[-2 * _LONGEST :]  # no answer is longer, and the search tries every place
    delimited = list(_DELIMITED.finditer(sentence))
    if delimited and not sentence[delimited[-1].end() :].strip(" \t.,;:!?*"):
        found = delimited[-1]
        inside = found[found.lastgroup or 0]
        if found.lastgroup == "bold" and not _is_formula(inside):
            return None
    else:
        _, equals, inside = sentence.rpartition("=")
        if not (equals or _is_formula(sentence)):
            return None
    inside = inside.rpartition("=")[2]
    shown = _shown(inside)
    return shown if shown and _is_formula(shown) else None


def _is_formula(text: str) -> bool:
    """Is a text mathematics without words, and more than a letter or a mark?"""
    return _HAS_VALUE.search(text) is not None and not _words_in(text)


def _words_in(text: str) -> bool:
    """Has a text words that are neither set upright in a formula nor names of functions?"""
    return bool(_LOOSE_WORD.search(_NO_WORD.sub("", text)))

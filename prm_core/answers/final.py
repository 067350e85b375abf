r"""Solution text → final answer.

Finding an answer never fails and is linear in the text. Whether two answers are the same is told by
`prm_core.answers.equality`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import NamedTuple

from prm_core.answers.conclusion import (
    DELIMITED,
    HAS_VALUE,
    LONGEST,
    LOOSE_WORD,
    NUMBER,
    RESULT,
    SENTENCE,
    conclusion,
    exact,
    is_formula,
    shown_answer,
    value_of,
)
from prm_core.answers.equality import same_answer as same_answer
from prm_core.answers.notation import words
from prm_core.answers.remarks import before_check, before_courtesy
from prm_core.text.labels import step_content
from prm_core.text.tags import ANSWER_TAG, read_tags
from prm_core.types import Candidate


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
    answer = _declared(text, last_step)
    revised = _revised(text, answer) if answer is not None else None
    if answer is not None or _OPEN_BOX.search(last_step):
        return revised or answer
    return _concluded(text, last_step)


def _declared(text: str, last_step: str) -> str | None:
    """The answer that is marked or stated as one."""
    last_begins = len(text) - len(last_step)
    tagged, boxes, stated = _tagged(text), _boxes(text), _stated(text, last_begins)
    if tagged is not None:
        return tagged
    if boxes and not (stated and boxes[-1].end <= last_begins <= stated.start and stated.is_value):
        return _joined(text, boxes)
    hashes = _after_hashes(text)
    if hashes is not None:
        return hashes
    return None if stated is None else stated.text


# --- what is taken back ---------------------------------------------------------------------------

_TAKES_BACK = re.compile(
    r"""[\n.!?…。！] [\s*_>(—-]*+
    (?: (?:but|oh|hmm+|no|mais|aber|pero|mas|ma|но) \b [\s,.…]*+ )?
    (?: (?: wait | hold\ on | actually | correction | oops | sorry | my\ mistake
          | I\ made\ an?\ (?:mistake|error) | let\ me\ re(?:check|calculate|compute|do|consider)
          | warte | moment | halt | korrektur | attends | attendez | en\ fait | erratum
          | no (?=[,.:])
          | espera | espere | un\ momento | corrección | correção | aspetta | correzione
          | подожди(?:те)? | стоп | исправление ) \b
      | 等等 | 等一下 | 不对 | 更正 | 稍等 )""",
    re.VERBOSE | re.IGNORECASE,
)
_WRONG = re.compile(
    r"""(?<!no\ )(?<!not\ )(?<!nothing\ )
      \b(?: wrong | mistaken? | incorrect | error | not\ (?:right|correct) | isn['’]t\ right
      | correction | falsch | fehler | korrektur | faux | erreur | incorrecto | errado | erro
      | sbagliato | errore | corrección | correção | correzione | неверно | ошибка | исправление )\b
      | 不对 | 错 | 更正""",
    re.VERBOSE | re.IGNORECASE,
)


def _revised(text: str, answer: str) -> str | None:
    """What follows the last "Wait" and its like as another answer than the one that was declared.

    A result that only checks the answer does not replace it: it uses the answer, unless something
    is said to be wrong.
    """
    begins = [found.start() for found in _TAKES_BACK.finditer(f"\n{text}")]
    if not begins:
        return None
    after = text[begins[-1] :]
    last = _last_paragraph(after)
    declared = _declared(after, last)
    if declared is not None and (len(declared) == 1 or HAS_VALUE.search(declared)):
        return declared
    value = re.search(r"\d[\d,.]*", answer)
    uses = value and re.search(rf"(?<![\d.]){re.escape(value[0])}(?![\d]|\.\d)", after)
    computes = RESULT.search(after) and not uses
    return _concluded(after, last) if computes or _WRONG.search(after) else None


# --- what is looked through -----------------------------------------------------------------------

_FORMAT = re.compile(
    r"</?(?:b|strong|em|i|u|span|p|center|font|mark|h[1-6])(?:\s[^<>\n]{0,60})?>", re.IGNORECASE
)
_CALCULATION = re.compile(r"<<[^<>\n]*=[^<>\n]*>>")  # the calculator's marks of GSM8K


_EXCLAIMED = re.compile(r"(?<=\d)!(?=[ \t*_]*+(?:[\n\r]|\Z)|\s++[A-Z])")  # "The total is 15!"
_FACTORIALS = re.compile(  # where the exclamation mark may be one: "in 5! ways"
    r"""factorial | permut | arrang | \b[a-z]!
      | \d! \s*+ (?:[-+−*/×÷·=≈^,)$\\] | (?:ways|orders|different|possible)\b)
      | \b(?:many|of|different|possible|distinct) \s (?:ways|orders)\b""",
    re.VERBOSE | re.IGNORECASE,
)


def _spoken(steps: Sequence[str]) -> list[str]:
    """The steps with blanks in the place of thinking and of tags, but for those of answers.

    An exclamation mark after a number that ends a sentence is none any more.
    """
    steps = [_FORMAT.sub("", step) if "</" in step else step for step in steps]
    mark = "!." if any(map(_FACTORIALS.search, steps)) else "."
    steps = [_EXCLAIMED.sub(mark, step) for step in steps]
    whole = "\n\n".join(steps)
    tagged = read_tags(whole)
    blank = [
        tag[:2]
        for tag in tagged.tags
        if tag.kind != ANSWER_TAG or not _HOLDS_ANSWER.match(whole, tag.start)
    ]
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


def _up_to(remark: Callable[[str, int], int], text: str, last_step: str) -> tuple[str, str]:
    """A text and its last step without the remark at the end, where a value is before it."""
    begins = len(text) - len(last_step)
    end = remark(text, begins)
    said = text[:end].rstrip()
    if end == len(text) or not HAS_VALUE.search(said):
        return text, last_step
    return said, said[begins:] or _last_paragraph(said)


def _last_paragraph(text: str) -> str:
    lines = text.rstrip().splitlines(keepends=True)
    first = len(lines)
    while first and lines[first - 1].strip():
        first -= 1
    return "".join(lines[first:])


# --- tags and boxes -------------------------------------------------------------------------------

_ANSWER_TAG = re.compile(
    r"""<(?P<tag>final[_ ]?answer|answer)>(?P<answer>.{0,2000}?)(?:</(?P=tag)>|\Z)
      | \[ANSWER\](?P<square>.{0,2000}?)(?:\[/ANSWER\]|\Z)
      | <(?P<other>ans|final|result|output)>(?P<short>[^<>\n]{1,60})</(?P=other)>""",
    re.DOTALL | re.IGNORECASE | re.VERBOSE,
)
_HOLDS_ANSWER = re.compile(
    r"[<\[]/?(?:final[_ ]?answer|answer|ans|final|result|output)\b", re.IGNORECASE
)
_JSON = re.compile(  # {"reasoning": "…", "answer": "12"}
    r"""["'](?:final[_ ]?)?answer["']\s*:\s*
        (?:"(?P<text>(?:[^"\\\n]|\\.){1,400})"|(?P<value>[^\s"{}\[\],]{1,40}))\s*[,}]""",
    re.VERBOSE | re.IGNORECASE,
)
_BRACES = re.compile(r"(?P<box>\\f?boxed\s*+\{)|\\.|[{}]", re.DOTALL)
_OPEN_BOX = re.compile(r"\\f?boxed\b")
_BARE_BOX = re.compile(r"\\f?boxed\s+(?P<answer>[^\s{}$.,;]++)")
# Between two boxes of one sentence both are named: "and", "$ or $y = ", " boys and ". What follows
# from the first, or replaces it, is another matter.
_JOINS = re.compile(r",|;|&|\\q?quad|\b(?:and|or|und|oder|et|ou|y|e|o|и|или)\b|[和或]|\n\s*[-*•(]")
_PARTS = re.compile(
    r"""\A[\s$)]*= | [.!?。]\s | \n\s*\n
      | \b(?: not? | wait | actually | rather | instead | but | so | thus | hence
      | therefore | then | which | gives? | giving | i\.?e | that\ is | i\ mean | simply | means
      | since | because | as | if | when | from | sum | totals? | product | difference | ratio
      | average | altogether
      | donc | car | also | daher | weil | por | porque | perché | quindi | так | поэтому )\b
      | [=⇒→] > | \\(?:implies|Rightarrow|to)\b | [⇒→∴] | 因此 | 所以 | 故""",
    re.VERBOSE | re.IGNORECASE,
)


_ASKED = re.compile(r"[\s$)*\\\]]{0,8}(?:\?|(?:is|was)\s(?:wrong|incorrect|false)\b)")
_DENIES = re.compile(r"\b(?:not|rather\s+than|instead\s+of)[\s$(]*\\?[(\[]?\s*\Z", re.IGNORECASE)


class _Box(NamedTuple):
    """What a box holds, and where it is with its command and braces."""

    text: str
    start: int
    end: int


def _tagged(text: str) -> str | None:
    """What the last answer tag holds."""
    found = [m["answer"] or m["square"] or m["short"] or "" for m in _ANSWER_TAG.finditer(text)]
    for inside in reversed(found):
        inside = _of_json(inside) or inside
        if boxes := _boxes(inside):
            return _joined(inside, boxes)
        stated = _stated(inside, 0)
        if shown := stated.text if stated else _reduced(shown_answer(inside)):
            return shown
    return _of_json(text)


def _of_json(text: str) -> str | None:
    """The answer that an object of JSON gives."""
    if "{" not in text or not (found := list(_JSON.finditer(text))):
        return None
    written = found[-1]["text"]
    answer = found[-1]["value"] if written is None else re.sub(r'\\(["\\/])', r"\1", written)
    return shown_answer(answer) or None


def _boxes(text: str) -> list[_Box]:
    r"""Every `\boxed{…}` with a closing brace and something inside that is not asked or denied."""
    if "boxed" not in text:
        return []
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
            asked = _ASKED.match(text[found.end() : found.end() + 24])
            denied = _DENIES.search(text[max(0, box - 24) : box])
            inside = text[start : found.start()]
            if inside.strip() and not asked and not denied:
                boxes.append(_Box(inside, box, found.end()))
    if not boxes:
        boxes = [_Box(f["answer"], *f.span()) for f in _BARE_BOX.finditer(text)]
    return sorted(boxes, key=lambda box: box.start)


def _joined(text: str, boxes: Sequence[_Box]) -> str:
    """The last box, with those before it in the same sentence: 3, 5."""
    parts = [boxes[-1].text]
    for left, right in zip(reversed(boxes[:-1]), reversed(boxes[1:]), strict=True):
        between = text[left.end : right.start]
        if len(between) >= 80 or _PARTS.search(between) or not _JOINS.search(between):
            break
        parts.append(left.text)
    shown = (exact(shown_answer(part)) for part in reversed(parts))
    distinct = list(dict.fromkeys(filter(None, shown)))
    return ", ".join(distinct) or parts[0].strip()


# --- lines of their own ---------------------------------------------------------------------------

_HASHES = re.compile(
    r"(?:^|[\n\r]|(?<=[^\s#])[ \t])[ \t]*+####[ \t]*+(?P<answer>[^\n\r#][^\n\r]{0,200})"
)
_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{3,}")


def _after_hashes(text: str) -> str | None:
    """What follows "####", where it is no heading: a number, a formula, or the last line."""
    if "####" not in text:
        return None
    end = len(text.rstrip())
    for found in reversed(list(_HASHES.finditer(text))):
        answer = found["answer"].strip()
        heading = step_content(answer) != answer or answer.endswith(":")
        n_words = len(_WORD.findall(answer))
        is_last = found.end() >= end and n_words < 8 and not _ANSWER_LINE.fullmatch(answer)
        if not heading and (is_last or n_words <= (1 if answer[:1].isdigit() else 0)):
            stated = _stated(answer, 0)
            shown = stated.text if stated else shown_answer(answer)
            if shown:
                return shown
    return None


# --- what is stated -------------------------------------------------------------------------------

_NOUN = r"""(?:
    answers? | answer\(s\) | answer\s++(?:choice|option) | ans | final\s++result
    | (?:correct|right|best)\s++(?:choice|option|statement|alternative|one)
    | r[ée]ponses? | antwort(?:en)? | endergebnis
    | respuestas? | respostas? | risposta | risposte | ответ | 答案 )"""
_IS = r"""(?:
    (?<!\w) (?:
        is | are | (?:would|should|must|will)\s++be | equals | (?:comes|turns)\s++out\s++to\s++be
      | est | sont | ist | sind | lautet | beträgt | es | son | é | são | è | sono | равен | равна
      | это )\b
    | [:：] (?:-(?=\s))? | = | [—–]\s )"""
_STATED = re.compile(
    rf"""(?: (?<![^\W_]) {_NOUN} (?![^\W_])
              (?: \s++ (?:to|for|of|à|auf|a|alla|на)\b [^.:=\n]{{0,60}}? )?
              (?: \s++ (?:finale?s?|correct[aeo]?|corrett[ae]|corret[ao]|richtige|definitiva) )?
              [\s*_]*+ {_IS}
          | (?<![^\W_]) {_NOUN} \s++ (?=\([A-J]\)[\s*_.]*(?:\n|\Z))
          | (?<!\w) (?:lautet|ist) \s++ (?:(?:also|somit|damit|daher) \s++)?+ die \s++ antwort \b
          | solution [\s*_]*+ [:：] (?=[\s*_]*+(?:choice|option)[\s_])
          | (?<=【) 答案】 | 答案 [\s*_]*+ (?:[为為是:：=]) | (?<!\w) 答 [*_]*+ [:：]
          | (?:正确|正確)(?:选项|答案) [是为為:：]
          | 选 [项择]? [是为:：\s]*+ (?=[(（]?[A-J][)）]?(?![A-Za-z]))
        ) [\s*_:：=]*+ (?: \}} [\s*_:：=]*+ )?+
        (?: (?: [a-z]{{3,14}}ly(?=\s[\d$\\(*-]) | therefore | thus | then | simply | just
              | indeed | equal\ to | about | donc | also ) \b [\s,*_:]*+ )?+
        (?: (?:the|la|le|el|die|der|das|a) \s++ (?= [*_]{{0,3}} \(? [A-J] \)? (?!\w) ) )?+""",
    re.VERBOSE | re.IGNORECASE,
)
# These name results on the way, too: they count as the last sentence.
_RESULT_IS = re.compile(
    rf"""\W*+ (?: [^\W\d_]++ [\s,]++ ){{0,3}}?
        (?: results? | solutions? | ergebnis | lösung(?:en)? | résultats? | resultados?
          | soluci[oó]n | soluciones | solução | soluções | risultat[oi] | soluzion[ei]
          | результат | решение | итог | [\u4e00-\u9fff]{{0,6}}? (?: 结果 | 結果 | 结论 | 解 ) )
        (?: \s++ (?:final|finale?s?) )? [\s*_]*+ (?: {_IS} | [为為是] ) [\s*_:：=]*+""",
    re.VERBOSE | re.IGNORECASE,
)
# What `_STATED` begins with: looked for first, for it is slow.
_STEMS = words(
    "ans final correct right best rép rep ant endergeb risp res ответ 答 lautet ist solution 选 正"
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
_QUOTED = re.compile(  # how Markdown marks a quotation, or a block of code
    r"(?:^|(?<=\n))[ \t]*+(?:>[ \t]?|```\w*+[ \t]*+(?:\n|\Z))"
)
_ITEM = re.compile(  # the only one of a list: no sign, and no number
    r"\s*(?:[-•]|1[.)])\s+(?![^\n]*\n\s*(?:[-•]|\d{1,2}[.)])\s)"
)
_ALIGNED = re.compile(
    r"\s*\\begin\{(?P<name>align|aligned|equation|gather)\*?\}.{0,400}?"
    r"=\s*(?P<value>[^=]{1,200}?)\s*(?:\\\\)?\s*\\end\{(?P=name)\*?\}",
    re.DOTALL,
)
_LETTER_A = re.compile(r"A:[ \t]*+(?P<answer>[^\n\r]{1,80})\Z")  # "A: 77" as a last line
_CLAUSE_END = re.compile(
    r"(?:[.?]|!++)(?=[\s*_\"'”)]|\Z)|;(?=\s+[^\W\d_]{3})|。|[\n\r]|(?<=\S)\*{1,3}(?=[\s.,;:!?)]|\Z)|(?<=\w)_{1,2}(?=\s)"
    r"|,\s(?:as|given|per)\b|,?\s\(?(?:rounded|correct\sto|to\sthe\snearest)\b"
    r"|,?\s(?:because|since|which|where|so|weil|parce\sque|porque|perché|потому\sчто)\b"
    r"|\s\((?:because|since|as|check|weil|car|porque)\b"
    r"|,?\sI\s(?:think|guess|believe|hope|suppose)\b",
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
    anchors = []
    places = _places(text)
    for place in reversed(places):
        if found := _STATED.match(text, place):
            anchors.append((found.end(), False, found.start()))
            if len(anchors) == 3:
                break
    if places:
        anchors += [(found.end(), True, found.start()) for found in _HEADING.finditer(text)]
    for end, is_heading, start in sorted(anchors)[-3:][::-1]:  # the last may be followed by nothing
        rest = _QUOTED.sub("", text[end : end + LONGEST])
        if is_heading or "\n" in text[start:end]:
            rest = rest[item.end() :] if (item := _ITEM.match(rest)) else rest
        answer = _clause(rest.lstrip() if is_heading else rest, is_heading)
        if _OPEN_BOX.search(answer):
            continue
        if answer.count("**") == 1 and not answer.startswith("**"):  # "there are **4"
            answer = answer.partition("**")[2]
        if answer.count("$") == 1 and answer.endswith("$"):
            answer = answer[:-1]
        shown = _reduced(shown_answer(_DENIED.sub("", answer)), text[:start])
        if shown and not (is_heading and len(_WORD.findall(shown)) > 4):
            return _Stated(shown, start)
    last_line = text[last_begins:].strip().splitlines()[-1:]
    letter = _LETTER_A.match(last_line[0].strip()) if last_line else None
    if letter and (shown := shown_answer(letter["answer"])):
        return _Stated(shown, last_begins)
    return None


def _concluded(text: str, last_step: str) -> str | None:
    """What the last step comes to, or names as the result in its last sentence."""
    for remark in (before_courtesy, before_check):
        text, last_step = _up_to(remark, text, last_step)
    sentences = SENTENCE.split(last_step.strip())
    if result_is := _RESULT_IS.match(sentences[-1]):
        result = shown_answer(_clause(sentences[-1][result_is.end() :], is_heading=False))
        if is_formula(result):
            return result
    return conclusion(text, last_step)


_DENIED = re.compile(  # "not 5 but 6", "not 5, it is 6", "6 (not 5)", "6, not 5"
    r"\A\s*not\s.{1,40}?(?:\sbut\s|[,;]\s(?:but\s)?(?:it|that)(?:\sis|['’]s)\s)|(?<=\S)\s?[,(]\s?(?:not|rather\sthan|instead\sof)\s[^().,]{1,40}\)?\s*\Z",
    re.IGNORECASE,
)


def _places(text: str) -> list[int]:
    """Where an answer may begin to be stated, in order."""
    lower = text.lower()
    if len(lower) != len(text):  # İ gets longer
        lower = text
    places = []
    for stem in _STEMS:
        place = lower.find(stem)
        while place >= 0:
            places.append(place)
            place = lower.find(stem, place + 1)
    return sorted(places)


def _clause(rest: str, is_heading: bool) -> str:
    """The beginning of a text up to the end of its clause, or the formula that it begins with."""
    if aligned := _ALIGNED.match(rest):
        return aligned["value"]
    delimited = DELIMITED.match(rest)
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


_LEADING_HAN = re.compile(r"[\u4e00-\u9fff，：\s]+(?=[^\u4e00-\u9fff]*\d)")
_OPTION = re.compile(  # "option (B), 5"; not "options A, B"
    r"(?:option|choice)\s\(?(?P<letter>[A-J])\)?[,:]\s(?!\(?[A-J]\b)[^\n]*", re.IGNORECASE
)
_YES_NO = re.compile(
    r"(?P<word>yes|no|true|false|oui|non|ja|nein|sí|sim|não|sì|да|нет)\b(?P<alone>\s*[,;–—])?",
    re.IGNORECASE,
)


def _reduced(answer: str, before: str = "") -> str:
    """A sentence as its only number, or the one that is the last result before it."""
    answer = exact(answer)
    if chinese := _LEADING_HAN.match(answer):
        answer = answer[chinese.end() :]
    if option := _OPTION.fullmatch(answer):
        return option["letter"]
    verdict = _YES_NO.match(answer)
    if verdict and verdict["alone"]:
        return verdict["word"]
    numbers = [found for found in NUMBER.finditer(answer) if ":" not in found.group()]
    n_words = len(LOOSE_WORD.findall(answer))
    says = n_words > 3 or (n_words == 3 and numbers and numbers[0].start() > 0)
    if not says or "\\" in answer.replace(r"\$", "") or verdict:
        return answer
    if len(numbers) == 1:
        return shown_answer(numbers[0].group())
    results = [value_of(found["number"]) for found in RESULT.finditer(before[-2000:])][-1:]
    values = (shown_answer(found.group()) for found in numbers)
    return next((value for value in values if [value_of(value)] == results), answer)

"""How solutions number their steps ("Step 3:", "## 2.", "1)", "①") and say that an answer follows.

The words are known in eight languages: English, French, German, Spanish, Portuguese, Italian,
Russian and Chinese.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from prm_core.text.number_words import UNITS

# What is taken off the ends of a step: white space as `str.isspace` has it, and three characters
# of no width (byte order mark, zero width space, word joiner) that copying leaves behind.
EDGE = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff\u200b\u2060"
)

_LINE_ENDS = r"\n\r\x85\u2028\u2029"
_WORDS = tuple(UNITS)[1:11]  # one to ten
_HAN = "一二三四五六七八九十"
_ROMAN = {"i": 1, "v": 5, "x": 10}
_BLANK = r"[ \t\xa0]"
_SYMBOLS = "•‣\u2190-\u21ff\u25a0-\u2775\u2794-\u27bf\u2b00-\u2bff\U0001f300-\U0001faff"
_BULLETS = rf"[-*+>\uf0b7{_SYMBOLS}]"
_STEP_WORD = r"(?:step|étape|etape|schritt|paso|passo|шаг|步骤|步驟)"
_ORDINALS = (
    "final last next",
    "first erster première primer primeiro primo первый",
    "second zweiter deuxième segundo secondo второй",
    "third dritter troisième tercer terceiro terzo третий",
    "fourth vierter quatrième cuarto quarto четвёртый четвертый",
    "fifth fünfter cinquième quinto пятый",
    "sixth sechster sixième sexto sesto шестой",
    *("seventh", "eighth", "ninth", "tenth"),
)
_ORDINAL = (
    r"(?:\d{1,2}(?:st|nd|rd|th|[eè]re|[eè]me|er?|[ºª°]|-[йя])"
    rf"|{'|'.join(' '.join(_ORDINALS).split())})"
)
_NUMBER_SIGN = r"(?:[\#№_-]|[Nn]\.?[°º]|No\.|Nr\.)"
_STAGE = r"(?i:stage|phase|part|stufe|teil|partie|fase|parte|etapa|этап|часть|阶段|部分)"
LABEL_STEMS = ("step", "tape", "schritt", "paso", "passo", "шаг", "步")
"""What every label has in it, in lower case."""
_COUNT = (
    rf"(?>\d{{1,5}}(?:\.\d{{1,2}}){{0,2}}|{'|'.join(_WORDS)}|[ivx]{{1,5}}|[a-h]|[{_HAN}]{{1,3}})"
)
_OPENED = (
    r"\\(?:text(?:bf|it)|emph|underline|(?:sub){0,2}section|paragraph)\*?\{"
    r"|<(?:b|strong|em|u|h[1-6])>"
)
_LEAD = (
    rf"{_BLANK}*+(?:{_BULLETS}\ufe0f?{_BLANK}++)?(?P<hashes>\#{{1,6}})?{_BLANK}*+"
    rf"(?P<wrap>{_OPENED}|[=-]{{2,4}})?{_BLANK}*+(?P<bold>\*{{1,3}}|__?)?{_BLANK}*+"
)
_CLOSED = r"(?:\}|</(?:b|strong|em|u|h[1-6])>|[=-]{2,4})"

# "Step 1:", "### Step 2", "**Step 3**: ", "STEP 4 - ", "Step 5 (check):", "Step 6 of 7.",
# "Substep 6.1:", "First step:", "[Step 7]", "第一步：". The mark at the end may be missing only
# where the line or the bold type ends, or where the line is a heading or all bold. "Step 2.5 times"
# has none, for a count is read as a whole or not at all.
LABEL = re.compile(
    rf"""{_LEAD} (?P<bracket>[\[【(（])?
    (?: (?P<sub>sub-?)?+ {_STEP_WORD} {_BLANK}*+ (?:{_NUMBER_SIGN}{_BLANK}*+)?+
        (?P<count>{_COUNT}) (?![^\W_])
      | (?P<ordinal>{_ORDINAL}) {_BLANK}++ {_STEP_WORD} (?![^\W_])
      | 第{_BLANK}*+ (?P<han>\d{{1,3}}|[{_HAN}]{{1,3}}) {_BLANK}*+步 )
    (?: {_BLANK}*+ (?:of|/) {_BLANK}*+ \d{{1,3}} )?+
    {_BLANK}*+
    (?: (?P<aside> [(（] [^()（）{_LINE_ENDS}]{{1,60}} [)）] ) {_BLANK}*+ )?+
    (?: (?P<closed> (?P=bold) {_BLANK}*+ (?:[:：.)]|[–—→-](?=\s))?+ | [:：.)] (?P=bold) )
      | (?(bracket) [\]】)）]:?+ | [:：.)、] )
      | (?(wrap) {_CLOSED} | (?!))
      | [–—→-] (?=\s)
      | (?= [{_LINE_ENDS}] | \Z )
      | (?(hashes)|(?!))
      | (?(bold)|(?!)) (?<={_BLANK})
        (?= [^*_{_LINE_ENDS}]{{1,80}} (?P=bold) {_BLANK}*+ (?:[{_LINE_ENDS}]|\Z) ) )""",
    re.VERBOSE | re.IGNORECASE,
)
# "1.", "1)", "**1.**", "## 2. ", "3、", "④".
_ITEM = re.compile(
    rf"""{_LEAD}
    (?: (?P<number>\d{{1,3}})
        (?: [.)] (?P<closed>(?P=bold)) | (?:\.[)-]?|[°º]?\)) (?=[\s*]|[^\W\d_]|\Z)
          | [、．）] | / (?={_BLANK}[^\W\d_]) )
      | (?P<sign> [①-⑳❶-❿➀-➓] | \d\ufe0f?\u20e3 ) {_BLANK}*+ )""",
    re.VERBOSE,
)
# These count something only where others follow: "(2) is true", "1: 3" and "(a) holds" are text.
_COUNTED = re.compile(
    rf"""{_LEAD}
    (?: (?P<number>\d{{1,2}}) (?: [:：] (?=\s) | {_BLANK} [–—-] (?={_BLANK}[^\W\d_]) )
      | [(（\[] (?P<inner>\d{{1,2}}) [)）\]] | (?P<han>[{_HAN}]{{1,3}}) 、
      | (?P<roman>[IVX]{{1,5}}|[ivx]{{1,5}}) [.)] (?=\s) | [(（] (?P<small>[ivx]{{1,5}}) [)）]
      | (?(hashes) (?P<headed>\d{{1,2}}) (?={_BLANK}\S)
          | {_STAGE} {_BLANK}*+ (?P<stage>\d{{1,2}}) {_BLANK}*+ (?: [:：.)] | [–—-] (?=\s) ) )
      | [(（]?+ (?P<letter>[a-jA-J]) [)）] | (?P<dotted>[a-jA-J]) \. (?=\s) )""",
    re.VERBOSE,
)

STAGE = re.compile(rf"[\s*_(\[]*{_STAGE}")
"""What "**Stage 1:" begins with."""

TURN = re.compile(
    rf"{_LEAD}(?:(?P<thought>thought)|action(?:{_BLANK}input)?|observation)(?:{_BLANK}*+\d{{1,2}})?+"
    rf"{_BLANK}*+(?:\*\*{_BLANK}*+)?+[:：]",
    re.IGNORECASE,
)
"""An agent's turns (ReAct): "Thought 1:", "Action:", which is no number to take off."""

INLINE_TURN = re.compile(r"(?<=\s)(?:\*\*)?(?:Thought|Action|Observation)[ ]\d{1,2}(?:\*\*)?:")

MAY_COUNT = re.compile(
    rf"""(?:{_BLANK}|{_BULLETS}|[\ufe0f#*_=\[【(（]|{_OPENED})*+
    (?: (?P<word> (?: sub-? | [\wº°ª-]{{2,11}}{_BLANK}++ )? {_STEP_WORD} | 第 )
      | {_STAGE} | \d | [①-⑳❶-❿➀-➓{_HAN}] | [ivxa-j]{{1,5}}[.)] )""",
    re.VERBOSE | re.IGNORECASE,
)
"""What a label or a number begins with; quick, and `word` is set for every label."""


def label_number(found: re.Match[str]) -> int:
    """The number of a match of `LABEL`; of "2.3" the last one, 0 where it is a letter."""
    count: str = (found["count"] or found["han"] or found["ordinal"]).lower()
    if found["ordinal"]:
        digits = re.match(r"\d+", count)
        named = next((n for n, words in enumerate(_ORDINALS) if count in words.split()), 0)
        return int(digits[0]) if digits else named
    if count in _WORDS:
        return _WORDS.index(count) + 1
    if count[0] in _HAN:
        return _han(count)
    if count[0].isdigit():
        return int(count.rpartition(".")[2])
    return _roman(count) if set(count) <= _ROMAN.keys() else 0


def item(text: str, start: int, end: int) -> tuple[re.Match[str], int, bool] | None:
    """The number that a line begins with, such as "2.", "(2)", "II." or "b)".

    Returns:
        Its match, its value, and whether it may count parts of a question: "b)", "Part 2:".
    """
    found = _ITEM.match(text, start, end)
    if found is not None:
        sign = found["sign"]
        return found, int(unicodedata.numeric(sign[0]) if sign else found["number"]), False
    found = _COUNTED.match(text, start, end)
    if found is None:
        return None
    if digits := found["number"] or found["inner"] or found["headed"]:
        return found, int(digits), False
    if stage := found["stage"]:
        return found, int(stage), True
    if han := found["han"]:
        return found, _han(han), False
    if letter := found["letter"] or found["dotted"]:
        return found, ord(letter.lower()) - ord("a") + 1, True
    return found, _roman((found["roman"] or found["small"]).lower()), False


def _roman(letters: str) -> int:
    values = [_ROMAN[letter] for letter in letters]
    return sum(
        -value if value < max(values[index:]) else value for index, value in enumerate(values)
    )


def _han(digits: str) -> int:
    """一 to 九十九."""
    tens, ten, ones = digits.rpartition("十")
    unit = _HAN.index(ones[-1]) + 1 if ones else 0
    if not ten:
        return unit
    return 10 * (_HAN.index(tens[0]) + 1 if tens else 1) + unit


def is_number_alone(text: str) -> bool:
    """Is a text nothing but "Step 1." or "1."?"""
    match = LABEL.match(text) or _ITEM.match(text)
    return match is not None and match.end() == len(text)


def step_content(text: str) -> str:
    """One step's text without its number or "Step 1:"; the text itself when nothing else is there.

    >>> step_content("**Step 3**: 7 × 8 = 56."), step_content("Step 1 (setup): x = 3.")
    ('7 × 8 = 56.', '(setup) x = 3.')
    """
    text = text.strip(EDGE)
    match = LABEL.match(text) or _ITEM.match(text)
    if match is None:
        return text
    rest = text[match.end() :].strip(EDGE)
    groups = match.groupdict()
    if wrap := groups["wrap"]:
        closed = re.match(_CLOSED, rest)
        rest = rest[closed.end() :].lstrip(EDGE) if closed else rest
        if not closed and wrap[0] in "\\<" and re.search(_CLOSED, rest):
            rest = wrap + rest  # a command or a tag that is closed later
    opened = groups["bold"]
    if opened and not groups["closed"]:  # "**Step 3: Find x.** Then": the rest stays bold
        rest = opened + rest
    if not rest.strip(EDGE + "*_#"):
        return text
    aside = groups.get("aside")
    return f"{aside} {rest}" if aside else rest


def numbered(steps: Iterable[str]) -> list[str]:
    """Steps that begin with "Step k:", for models whose template has it.

    One that begins like that in any form is left alone; a bare number and "First step:" give way.

    >>> numbered(["Step 1 (add): 3 + 2 = 5.", "2) So 5."])
    ['Step 1 (add): 3 + 2 = 5.', 'Step 2: So 5.']
    """
    return [
        text if _is_step_k(text) else f"Step {number}: {step_content(text)}"
        for number, text in enumerate((step.strip(EDGE) for step in steps), start=1)
    ]


def _is_step_k(text: str) -> bool:
    found = LABEL.match(text)
    return found is not None and not found["ordinal"] and not found["sub"]


# --- steps within a line --------------------------------------------------------------------------

# "… = 7 Step 2: …"; see `lists.inlined`.
INLINE_LABEL = re.compile(
    rf"""(?<![^\W\d_]) (?<!sub-) (?P<bold>\*\*|__)?
    (?: (?P<word> step|étape|etape|schritt|paso|passo|шаг|步[骤驟] ) {_BLANK}*+
        (?:{_NUMBER_SIGN}{_BLANK}*+)?+ (?P<count>{_COUNT})
      | (?-i:(?=[\dA-ZА-Я])) (?P<ordinal>{_ORDINAL}) {_BLANK}++ {_STEP_WORD}
      | 第{_BLANK}*+(?P<han>\d{{1,3}}|[{_HAN}]{{1,3}})步 )
    (?: {_BLANK}*+ (?:of|/) {_BLANK}*+ \d{{1,3}} )?+
    {_BLANK}*+ (?: (?P=bold) {_BLANK}*+ (?:[:：.)–—→-]|->)?+ | [:：)\]】）] | \.(?=\s)
      | (?:[–—→-]|->) (?=\s) )""",
    re.VERBOSE | re.IGNORECASE,
)
INLINE_LEAD = re.compile(
    rf"(?:(?<=\s)(?:[-–>\#]{{1,6}}|[{_SYMBOLS}])\ufe0f?\s*)?(?:[*_(\[【（]|{_OPENED})?\Z"
)
"""What belongs to a label within a line and stands before it: "- Step 2:", "(Step 2)"."""

FIRST_MARK = re.compile(
    rf"""{_BLANK}*+ (?P<open> [*_]{{0,2}} (?: [(（\[]? | \# | {_STAGE} {_BLANK} ) )
        (?P<sign> 1\ufe0f?\u20e3 | ① | ❶ | 1 | [aA](?=[)）\].]) )
        (?P<close> [)）\].:：、]{{0,2}} [*_]{{0,2}} ) (?P<blank>{_BLANK}?)""",
    re.VERBOSE,
)
"""What the first item of a list begins with; the next ones are written alike."""


def next_mark(first: re.Match[str], number: int) -> str:
    """The mark of a later item: "(2) " after "(1) "."""
    sign = first["sign"]
    counted = chr(ord(sign) + number - 1) if sign in "①❶aA" else str(number) + sign[1:]
    return f"{first['open']}{counted}{first['close']}{first['blank']}"


REFERS = re.compile(
    r"\b(?:in|of|from|by|to|see|with|using|and|or|as|per|than|for|de|à|von|in|en|da|из|в|на)"
    r"[ \t]*\Z",
    re.IGNORECASE,
)

# --- answers --------------------------------------------------------------------------------------

ANSWER_WORD = r"""(?:
    (?:the[ \t]+)? (?:(?:final|correct)[ \t]+)? answer | ans | final[ \t]+result
  | (?:la[ \t]+)? r[ée]ponse (?:[ \t]+finale)? | (?:die[ \t]+)? (?:endgültige[ \t]+)? antwort
  | endergebnis | (?:la[ \t]+)? respuesta (?:[ \t]+final)? | (?:a[ \t]+)? resposta (?:[ \t]+final)?
  | (?:la[ \t]+)? risposta (?:[ \t]+finale)? | (?:(?:окончательный|итоговый)[ \t]+)? ответ
  | (?:最终|最後|最后)? 答案 | 答 )"""
_VERB = r"(?:is|est|ist|lautet|es|é|è|是|为|為)"
ANSWER = re.compile(
    rf"""[^\w$\\(\[{{|{_LINE_ENDS}]{{0,8}} {ANSWER_WORD}
        {_BLANK}*+ [*_]{{0,3}} {_BLANK}*+ (?:{_VERB}{_BLANK}*+)? [*_]{{0,3}} [\u202f]? [:：]
      | [ \t]*+ \#{{4}} [ \t]*+ \$?[-+]?\$? \d[\d,./]*+ [ \t]*+ %?
        (?: [^\S{_LINE_ENDS}] | [\ufeff\u200b\u2060] )*+
        (?= [{_LINE_ENDS}] | \Z )""",
    re.VERBOSE | re.IGNORECASE,
)
"""A line that states the answer, wherever it is: "Final answer: …", "#### 12"."""

CLOSING_ANSWER = re.compile(
    rf"""[^\w$\\(\[{{|{_LINE_ENDS}]{{0,8}}
    (?: (?:so|therefore|thus|hence|finally|donc|also|daher|por[ \t]lo[ \t]tanto|portanto|quindi
        |итак) ,? [ \t]+ (?:the|la|die|a)? [ \t]* )?+
    {ANSWER_WORD} (?: [ \t]+ to [^:.{_LINE_ENDS}]{{1,80}} )? {_BLANK}*+ {_VERB} (?![^\W\d_])
      | [ \t]*+ \#{{4}} [ \t]*+ \S""",
    re.VERBOSE | re.IGNORECASE,
)
"""A line that states the answer if it is the last: "The answer is 26.", "#### x + 1"."""

CLOSING_RESULT = re.compile(
    rf"""[^\w$\\(\[{{|{_LINE_ENDS}]{{0,8}}
    (?: (?:the|das|la|le|el|il|o)[ \t]+ )?+ (?: final[ \t]+ )?+
    (?: results? | solutions? | conclusion | ergebnis | lösung | résultat | resultado | solución
      | solução | risultato | soluzione | результат | решение | итог | 结果 | 結果 | 结论 )
    (?: [ \t]+ finale? )?+ {_BLANK}*+ [*_]{{0,3}} {_BLANK}*+ [\u202f]? [:：]""",
    re.VERBOSE | re.IGNORECASE,
)
"""A line that states the result, which is the answer if it is the last and only one."""

ANSWER_HEADING = re.compile(
    rf"""(?P<mark>[\#*_ \t\ufe0f{_SYMBOLS}]{{0,8}}) {ANSWER_WORD} (?P<after>[*_:： \t]{{0,8}})""",
    re.VERBOSE | re.IGNORECASE,
)
"""A line that announces the answer and gives none: "✅ Final Answer", "# Answer", "Answer:"."""

ANSWER_SIGN = re.compile(
    r"ans|r[ée]p|antw|ender|resp|rispos|result|ответ|答|####|\\boxed", re.IGNORECASE
)
"""What every line that states an answer has."""

INLINE_ANSWER = re.compile(
    r"""(?<=\s) (?:
      (?: The[ \t]+(?:final[ \t]+)?answer[ \t]+is | Final[ \t]+[Aa]nswer | Answer | Réponse
        | Antwort | Respuesta | Resposta | Risposta | Ответ | 答案 ) [ \t]*+ [:：]
      | \#{4} (?=[ \t]*+\S) )""",
    re.VERBOSE,
)
"""An answer that follows on the line of a step, where line ends were lost."""

r"""What a solution's last step comes to, where no answer is marked or stated.

Tried in this order: what its last sentence ends with whole (a choice, a tuple, an interval, several
solutions), the formula there, and of its values the bold one, what is worked out in words ("24
divided by 4 is 6"), what repeats the last result, the last one. Linear in the text, and never
fails.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from prm_core.answers.equality import bare
from prm_core.answers.notation import COUNT_WORDS

LONGEST = 400
"""Characters of an answer that are looked at."""
DELIMITED = re.compile(
    r"\$\$(?P<double>(?:[^$\\]|\\.){1,400})\$\$"
    r"|\$(?![\s$])(?P<single>(?:[^$\n\\]|\\.){1,400})(?<!\s)\$(?!\d)"
    r"|\\\[(?P<display>.{1,400}?)\\\]|\\\((?P<inline>.{1,400}?)\\\)"
    r"|\*\*(?P<bold>[^*\n]{1,200})\*\*",
    re.DOTALL,
)
NUMBER = re.compile(
    r"""(?:(?<![\w)\]}])[-−]\s?)?+ \\[dt]?frac\s?\{-?[\d.]{1,12}\}\s?\{[\d.]{1,12}\}
      | (?<![^\W\u3040-\u9fff]) (?<![)\].,:^]) (?<!\^\{) [-−–]? \\?\$?
        (?: \d{1,3}(?:[\ \u00a0\u2009\u202f'’]\d{3}){1,5}+(?![\d-])
          | \d{1,3}\ and\ (?:a|one)\ half\b | \d{1,3}!(?=[.,]) | \d{1,2}['′]\ ?\d{1,2}["″]
          | \d{1,3}\ \d{1,2}/\d{1,3}(?!\d) | \d{1,3}\ ?[¼-¾⅐-⅞]
          | \d{1,2}(?::\d{2}){1,2}(?!\d) (?:\s?[AaPp]\.?[Mm]\b)? | \d{1,3}:\d{1,3}(?![\d:])
          | (?:\d{1,3}(?:\.\d{3})++|\d++) ,\d{1,2}(?![\d,]|\.\d)
          | (?:\d{1,3}(?:,\d{3})++|\d++) (?:\.\d++)? (?:[eE][-+]?\d{1,3}(?!\w))? (?:/\d++)?
            (?:\s?(?:π|pi\b))? (?:\\?%|\s[mb]illion\b)? )
        (?!:\d)
      | (?<![\w)\]])[-−]?\.\d++ | (?<![\w)\]])[-−]?[¼-¾⅐-⅞]""",
    re.VERBOSE,
)
LOOSE_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{2,}")


SENTENCE = re.compile(r"(?<=[.!?。])\s+(?=\S)|[\n\r]+")
_BOLD = re.compile(r"\*\*(?P<inside>[^*\n]{1,60})\*\*")
# Not the point of a sentence: "(3 × 4)", "not 15", "instead of 15", "in 2020", "at 5:00 PM",
# "of the 20 eggs".
_ASIDE = re.compile(
    r"\s\([^()]*\)|,?\s(?:not|instead\sof|rather\sthan)\s\S+|\s(?:in|since|by)\s(?:19|20)\d\d\b"
    r"|\sat\s\d{1,2}:\d\d(?:\s?[ap]\.?m\b)?|\sof\s(?:the|all|these|those)\s\d[\d,]*+(?![\d.]*%)"
    r"|\sout\sof\s(?:the\s|a\stotal\sof\s)?\d[\d,]*+|,\san?\s\d[\d.]*%\s[a-z]+"
    r"|\sand\s\S{1,40}=\s?\d[\d.,]*+(?:\s[a-z]+)?\sleft\s?over[\s.!]*\Z"
    r"|,?\s(?:when|because)\s[^,.]{0,200}[.!]?\Z|,?\ssince\s[^,.:=]{0,200}[.!]?\Z"
    r"|\s(?:for|among|between)\s(?:the|all|these|those)\s\d[\d,]*+\s[a-z]+",
    re.IGNORECASE,
)
# Nor is this, where no result says otherwise: "more than 8", "change out of £5", "from his $5",
# "in 5 years", "for working 10 hours", "4 buses to carry 100 people", "and one table has 2 guests".
_BESIDE = re.compile(
    r"""\s (?:than|from|out\sof) \s (?:(?:his|her|its|their|my|our|the)\s)? \\?[$£€]?\d[\d.,]*+
      | (?<!resulting) (?<!results) \s (?:in|for\s[a-z]{2,12}ing) \s \d[\d.,]*+ \s (?:more\s)?
          (?:hours?|minutes?|days?|weeks?|months?|years?) (?=[\s.!*]*\Z)
      | (?P<kept> (?<![\d.,]) \d[\d.,]*+ \s [a-z]+ ) \s to \s (?!(?:get|make|be|have|reach)\b)
          [a-z]{2,12} \s (?:all\s|the\s)? \d[\d.,]*+ \s [a-z]+ (?=[\s.!*]*\Z)
      | ,? \s (?:and|but) \s one \s [a-z]{3,12} \s (?:has|gets|is|holds) \s [^,;]{1,40} \Z""",
    re.VERBOSE | re.IGNORECASE,
)
_REASON = re.compile(  # "n = 10 because 2^10 = 1024": what is said before it is the point
    r"""(?P<point>\d[^\s,;]{0,20} (?:\s[a-z]{1,20}){0,2}?) (?<!\band) ,?\s (?:because|since) \s
        (?=[^\n]{0,200}=) (?: (?! \b(?:so|thus|hence|therefore|then|we|gives?)\b | ,\s(?!which\b) )
          [^\n:] ){1,200} \Z""",
    re.VERBOSE | re.IGNORECASE,
)
_GIVEN = re.compile(  # "Since x > 0, x = 3": what is said after it is the point
    r"""\A[\s*_]*+ (?:since|as|because) \s (?: [^,()\[\]{}] | \([^()]{0,80}\) ){1,200} ,\s
        (?= \$?[a-z] [^\n]*\d )""",
    re.VERBOSE | re.IGNORECASE,
)
_ROUNDED = re.compile(  # "1/6 ≈ 0.167": a fraction, root or multiple of π and its rounded value
    r"""(?<![\w.)\]}]) (?<![-+−*/×÷·^]) (?<![-+−*/×÷·^]\s)
        (?P<exact> \d+/\d+ | \\[dt]?frac\{\d+\}\{\d+\} | \d*\s?(?:π|\\pi\b)
          | \d*(?:√\d+|\\sqrt\{\d+\}) )
        \s?(?:≈|\\approx)\s? \$?\d*\.\d{2,} (?=[\s.!$*)]*\Z)""",
    re.VERBOSE,
)
_ARROW = re.compile(r"=>|(?<=\d)\s?→(?=\s?[\d$])")  # between the lines of a computation
_UNSOLVABLE = re.compile(
    r"\b(?:is|are|has|have)\s(?P<none>no\s(?:(?:real|integer|such|valid)\s)?solutions?)[\s.!*]*\Z",
    re.IGNORECASE,
)
_REFERENCE = re.compile(  # to another place: "equation (3)", "step 2"
    r"\b(?:equations?|eqs?\.|steps?|figures?|tables?|theorem|lemma|exercise|problem)"
    r"\s*+#?\(?\d++(?:\.\d++)*+\)?",
    re.IGNORECASE,
)
_CHOICE = re.compile(  # "Hence B."; "Option (C) is correct"; "B is the right choice"
    r"\A[\s*_]*+(?:(?:[Hh]ence|[Tt]hus|[Ss]o|[Tt]herefore|∴)[\s,:*_]*+)?+"
    r"(?:(?:(?:[Ww]e|I)\s++)?(?:would\s++)?(?:[Cc]hoose|[Pp]ick|[Ss]elect|go\s++with)\s++)?+"
    r"(?:(?:the\s++)?(?:[Oo]ption|[Cc]hoice|[Aa]nswer)[\s_]++)?+"
    r"(?P<letter>\([A-J]\)|[A-J](?![\w'’]))"
    r"(?P<said>[\s*_]*+is\s++(?:(?:the\s++)?(?:correct|right)(?:\s++(?:one|choice|option|answer))?"
    r"|the\s++answer))?"
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
    r"\\(?:begin|end)\{[A-Za-z]+\*?\}(?:\{[lcr|]{1,9}\})?|"
    r"\\(?:text|mathrm)\s*\{[^{}]*\}|(?<![A-Za-z])(?:sin|cos|tan|log|ln|exp|sqrt|pi)\b"
)
_NO_AMOUNT = re.compile(r"\\(?:text|mathrm)\s*\{[^{}]*\}|\\[,;:! ]|\s+")  # beside a plain number
_FORMULA_WORD = re.compile(r"(?:\\(?:text|mathrm)\s*\{[^{}]*\}|\S)+")
HAS_VALUE = re.compile(r"[\d¼-¾⅐-⅞√π∞]|\\[A-Za-z]")
_Span = tuple[int, int]
_LETTER = r"[xyznkabi](?![A-Za-z'’])"  # no unit, and alone
_FACTOR = rf"\(*(?:\d[\d.]*\s?\*?\s?)?{_LETTER}\)*"
_TERM = re.compile(  # "So the perimeter is 6x + 2."
    rf"""\b(?:is|are|equals|to|get|becomes|be)\s+
        (?P<term> [-−–]?\s?(?:{_FACTOR}|\d[\d.]*(?=\s?[-+−*/^(]))
          (?: \s?[-+−*/^]\s?(?:{_FACTOR}|\(*\d[\d.]*\)*) | (?={_LETTER}|\(){_FACTOR} ){{0,6}} )
        (?:\s(?:[ckm]?m|ft|in)\b)? (?P<noun> (?:\s[a-z]{{3,}}){{0,3}} ) [\s.!$*]*\Z""",
    re.VERBOSE,
)
_PARTS_OF = re.compile(  # "The probability is 1 in 6", "The ratio is 3 to 4", "3 : 4", "6 R 2"
    r"""(?: \b(?:probability|chances?|odds|likelihood)\b .{0,200}?
          (?P<share> \b\d{1,4}\s(?:in|out\sof)\s(?:every\s)?\d{1,6} )
      | \bratio\b .{0,200}? (?P<ratio> \b\d[\d.]*(?:\sto\s\d[\d.]*)+ )
      | (?<![\d:]) (?<!:\s) (?P<colons> \b\d{1,4} (?:\s:\s\d{1,4}){1,3} )
      | (?P<division> \b\d+ \s(?:r|remainder(?:\sof)?)\s \d+ ) ) [\s.!$*]*\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_COUNT = rf"{COUNT_WORDS}(?:\sand\sa\shalf|[\s-](?:half|third|quarter)s?)?"
_IN_WORDS = re.compile(  # "It takes two and a half hours."
    rf"""\b(?:is|are|was|were|has|have|takes?|needs?|gets?|costs?|leaves|equals)\s
        (?:only\s|exactly\s|about\s)?(?!one\sof\b)
        (?P<count>{_COUNT})(?![\w-])""",
    re.VERBOSE | re.IGNORECASE,
)
_BARE_WORDS = re.compile(  # "so ninety", "Forty-two apples"
    rf"""[\s*_]*+ (?:(?:so|thus|hence|therefore|then|altogether|total)[\s,*_:]++)?+
        (?P<count>{_COUNT})
        (?:\s[a-z]{{3,}}){{0,2}} [\s.!*_]*""",
    re.VERBOSE | re.IGNORECASE,
)
_NOTHING = re.compile(  # "They eat 18, so none are left."; not "6 each, and none are left over"
    r"""(?: \A[\s*_]*+ | \b(?:so|thus|hence|therefore|then)[\s,*_]++ )
        (?: [a-z]{2,12}\s(?:is|are|was|were|will\sbe|has|have)\s )?
        (?: none(?:\sof\s(?:it|them))? | nothing | zero
          | (?:no|zero)(?!\s(?:more|remainder)\b)(?:\s[a-z]+){1,2}
          | [a-z]{2,12}\s(?:is|are|has|have|do|does)(?:\snot|n['’]?t)(?:\shave)?
            \sany(?:\s[a-z]+){0,2} )
        (?: \s(?:is|are|was|were|will\sbe) )? \s(?:left|remains?|remaining) [\s.!*_]*\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_COMES_TO = re.compile(  # what is worked out in words: "6 divided by 2 is 3", "which gives us $12"
    rf"""(?: \b(?: which\s(?:is|equals|means|leaves|comes\sto) (?:\sequal\sto)? | equals | equal\sto
          | (?:by|of|minus|plus|times|from)\s{_VALUE}(?:\s[a-z]+)?\sis | for\sa\stotal\sof )
        | (?: \b(?: to\sget | gives | we\s(?:get|obtain) ) | ,\s(?:giving|leaving) )
          (?:\s(?:us|me|you|him|her|them))? (?:(?:\s[a-z]+){{1,3}}\sof|\swith)? )
      \s(?:about\s|approximately\s|only\s)?
      (?={_VALUE}(?![\d^{{(\\]|\.\d|\s?[*+/×^÷−-]\s?[\d$]|\sis\b
        |(?:\s[a-z]+)?\s(?:more|less|fewer|lower|higher|longer|shorter|older|younger)\b))""",
    re.VERBOSE | re.IGNORECASE,
)
_IS_ANSWER = re.compile(  # "So x + 1 is the answer."
    r"[\s*_]*+(?:(?:so|thus|hence|therefore|then|finally)[\s,*_]++)?+(?P<value>[^\n]{1,80}?)[\s*_]++"
    r"is\s++(?:the|our|my)\s++(?:(?:final|correct|right|only)\s++)?+(?:answer|solution|result)[\s*_.!]*+\Z",
    re.IGNORECASE,
)
_SO_IT_IS = re.compile(  # "12 * 12 = 144, so it is 12"; "78 / 4 = 19.5 so 19 bags"
    rf"""\b(?:so|thus|hence|therefore),?\s(?:(?:it|that|this)(?:'s|’s|\sis|\sequals)\s
        | (?:we|he|she|they|you|it)\s(?:needs?|gets?|takes?)\s)?
        (?P<number>{_VALUE})(?:\s[a-z]{{3,}}){{0,2}}[\s.!*]*\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_GOES_ON = re.compile(r"\b(?:so|thus|hence|therefore)\b", re.IGNORECASE)
_TURNED = re.compile(rf"(?<![\w.*/+^-])(?P<number>{_VALUE})\s*=\s*\$?[A-Za-z]\$?[\s.!]*\Z")
RESULT = re.compile(r"=(?:\s|[$£€\\({*[]|\\text\s*\{)*+(?P<number>-?\d[\d,]*+(?:\.\d++)?)")


_MOST_READ = 50_000  # characters at the end of a step; a conclusion is in the last sentence


def conclusion(text: str, last_step: str) -> str | None:
    """The number or formula that the last step ends with, or that it repeats as a result."""
    said = _ARROW.sub("\n", _REFERENCE.sub("", last_step[-_MOST_READ:]))
    sentences = [part for part in SENTENCE.split(said.strip()) if part.strip()]
    if not sentences:
        return None
    sentences[-1] = _GIVEN.sub("", _REASON.sub(r"\g<point>", sentences[-1]))
    sentences[-1] = _ROUNDED.sub(r"\g<exact>", sentences[-1])
    if unsolvable := _UNSOLVABLE.search(sentences[-1]):
        return unsolvable["none"]
    if whole := _whole_at_end(sentences[-1], alone=len(sentences) == 1):
        return whole
    if _NOTHING.search(sentences[-1][-LONGEST:]):
        return "0"
    formula = _formula_at_end(sentences[-1])
    if formula is not None:
        return formula
    for sentence in reversed(sentences):
        values = _values(sentence)
        if values:
            return _among(values, sentence, text)
    bare_words = _BARE_WORDS.fullmatch(sentences[-1])
    *_, in_words = [bare_words, *_IN_WORDS.finditer(sentences[-1])]
    return in_words and in_words["count"]


def _whole_at_end(sentence: str, alone: bool) -> str | None:
    """The choice, date, tuple, interval, set, inequality or solutions that a sentence ends with.

    "x = 5" is none of them, and "B" is one only if the sentence is alone in its step.
    """
    choice = _CHOICE.match(sentence)
    if choice is not None and (choice["said"] or choice.start("letter") or alone):
        return choice["letter"]
    turned = _TURNED.search(sentence[-LONGEST:]) or _SO_IT_IS.search(sentence[-LONGEST:])
    if turned:
        return shown_answer(turned["number"])
    if named := _IS_ANSWER.match(sentence):
        value = shown_answer(shown_answer(named["value"]).rpartition("=")[2])
        if is_formula(value):
            return value
    term = _TERM.search(sentence[-LONGEST:])
    if term and _is_term(term["term"].strip(), with_noun=bool(term["noun"])):
        return shown_answer(term["term"])
    if parts := _PARTS_OF.search(sentence[-LONGEST:]):
        return shown_answer(parts[parts.lastgroup or 0])
    if several := _several(sentence[-LONGEST:]):
        return several
    found = _WHOLE.search(sentence[-LONGEST:])
    if found and found["enclosed"] and _JOINED.search(sentence[-LONGEST:][: found.start()]):
        return None  # the last of a union
    if found is None:
        return None
    if date := found["date"]:
        return date
    if enclosed := found["enclosed"]:
        return None if _words_in(enclosed) or "=" in enclosed else shown_answer(enclosed)
    said = shown_answer(found["said"])
    if re.search(r"[<>≤≥]|\\[lg]e", said):
        return said
    names = set(re.findall(r"[A-Za-z](?=\s*=)", said))
    listed = said.count("=") > 1 and (len(names) == 1 or "," not in said)
    return said if listed else None


_JOINED = re.compile(r"(?:\\cup|∪|\\cap|∩)\s*\Z")
_FORMULAS = re.compile(
    r"""(?P<list> (?:\$[^$\n]{1,80}\$|\\\([^\n]{1,80}?\\\))
          (?: (?:,\s?(?:and|or)?|\s(?:and|or)|\s?[、，或和])\s*
              (?:\$[^$\n]{1,80}\$|\\\([^\n]{1,80}?\\\)) ){1,9} )
        [\s.。!*]*\Z""",
    re.VERBOSE,
)
_BEFORE_FORMULAS = re.compile(
    r"(?:\A\s*|[:：]|所以|因此|故|得|为|是|\b(?:are|at|gets?|gives?|obtain|find|so|thus|hence|therefore))[\s,*]*\Z",
    re.IGNORECASE,
)
_AMOUNT = r"[-−–]?\$?\d[\d,]*(?:\.\d+|/\d+)?%?(?:\s[a-z]{1,12})?"
_NUMBERS = re.compile(  # "The solutions are 2 and -3."
    rf"""\b(?:solutions|roots|zeroe?s|values|answers|numbers|integers|factors|primes|sides|lengths
          |dimensions|angles)\b [^.]{{0,120}}? \bare:?\s+
        (?P<list> {_AMOUNT} (?:,\s{_AMOUNT}){{0,9}} ,?\s(?:and|or)\s{_AMOUNT} ) [\s.!*]*\Z""",
    re.VERBOSE | re.IGNORECASE,
)
_PERIOD = (
    "(?:hours?|minutes?|mins?|seconds?|days?|weeks?|months?|years?|feet|foot|ft|inch(?:es)?"
    "|pounds?|lbs?|ounces?|oz|dollars?|cents?|hrs?|h|min|secs?|s|(?:kilo|centi|milli)?met(?:er|re)s?"
    "|[kcm]?m|(?:kilo)?grams?|k?g|miles?|yards?|yd|m?l|(?:milli)?lit(?:er|re)s?)"
)
_COMPOUND = re.compile(  # "3 hours and 20 minutes", "1 h 15 min"
    rf"(?<![\w.,])(?P<parts>\d[\d,]*\s?{_PERIOD}(?:,?\s(?:and\s)?\d[\d.]*\s?{_PERIOD}){{1,3}}"
    r"|£\d[\d,]*\s(?:and\s)?\d\d?\s?p(?:ence)?)[\s.!*]*\Z",
    re.IGNORECASE,
)

_LETTERED_PART = r"\(?\b[a-h]\)\s*([-−]?\$?\d[\d.,/]*(?<![.,/])%?)(?:\s?[a-z]+(?![\w)]))?"
_LETTERED = re.compile(rf"(?:[\s,;*]*{_LETTERED_PART}){{2,8}}[\s.!*]*")  # "a) 5 b) 7"


def _several(sentence: str) -> str | None:
    """Several formulas, values or units that a sentence ends with."""
    if compound := _COMPOUND.search(sentence):
        return compound["parts"]
    if _LETTERED.fullmatch(sentence):
        return ", ".join(map(shown_answer, re.findall(_LETTERED_PART, sentence)))
    if numbers := _NUMBERS.search(sentence):
        return shown_answer(numbers["list"])
    formulas = _FORMULAS.search(sentence)
    if formulas is None or not _BEFORE_FORMULAS.search(sentence, 0, formulas.start()):
        return None
    inside = [found[found.lastgroup or 0] for found in DELIMITED.finditer(formulas["list"])]
    return ", ".join(shown_answer(one) for one in inside)


def _is_term(term: str, with_noun: bool) -> bool:
    """Is this more than a letter or a number: 6x, or n - 1 before a noun?"""
    computes = re.search(r"\w\s?[-+−*/^(]", term) is not None
    letter = re.search(r"[a-z]", term) is not None
    return letter and (computes if with_noun else len(term) > 1)


def _values(sentence: str) -> list[str]:
    """The numbers and formulas of a sentence in their order: a number in a formula is none.

    Of a sentence that is no sentence any more its end is looked at.
    """
    sentence = sentence[-20 * LONGEST :]
    if not HAS_VALUE.search(sentence):
        return []
    begin = max(0, len(sentence) - 2 * LONGEST)  # as in `_formula_at_end`
    spans = [found.span() for found in DELIMITED.finditer(sentence, begin)]
    spans += _bare_formulas(sentence, begin, spans)
    values: list[str] = []
    after = 0
    for start, end in sorted(spans):
        inside = shown_answer(shown_answer(sentence[start:end]).rpartition("=")[2])
        amount = NUMBER.fullmatch(_NO_AMOUNT.sub("", inside))
        if is_formula(inside) and not amount:
            values += [*_numbers(sentence[after:start]), inside]
            after = end
    return values + _numbers(sentence[after:])


_NEGATIVE = re.compile(
    r"(?:\bnegative|\b(?:is|are|was|be|to|at|of|get|gets|equals)\s+minus)\s+\Z", re.IGNORECASE
)


_BELOW_ZERO = re.compile(r"\s?(?:°\s?[CF]?|degrees?(?:\s[a-z]+)?)?\sbelow\szero\b", re.IGNORECASE)


def _numbers(text: str) -> list[str]:
    return [
        ("-" if _is_negative(text, *found.span()) else "") + shown_answer(found.group())
        for found in NUMBER.finditer(text)
    ]


def _is_negative(text: str, start: int, end: int) -> bool:
    """Do words around a number say that it is less than nothing?"""
    before = _NEGATIVE.search(text, max(0, start - 24), start)
    return before is not None or _BELOW_ZERO.match(text, end) is not None


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
    if worked_out := _worked_out(sentence):
        return worked_out
    results = [value_of(found["number"]) for found in RESULT.finditer(text[-2000:])]
    if results:
        repeated = [number for number in numbers if value_of(number) == results[-1]]
        if repeated:
            return repeated[-1]
    return (_values(_BESIDE.sub(r"\g<kept>", _ASIDE.sub("", sentence))) or numbers)[-1]


def _worked_out(sentence: str) -> str | None:
    """What a sentence comes to by its own words, and no equality sign after them."""
    *_, last = [None, *_COMES_TO.finditer(sentence)]
    if last is None or "=" in sentence[last.end() :]:
        return None
    values = _numbers(sentence[last.end() :])
    goes_on = _GOES_ON.search(sentence, last.end()) and values and values[0] not in values[1:]
    return values[0] if values and not (goes_on and values[1:]) else None


def value_of(number: str) -> str:
    digits = re.sub(r"[,\s'’]", "", number)
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def _formula_at_end(sentence: str) -> str | None:
    """The formula at a sentence's end, right of its last equality sign; None where words end it."""
    sentence = sentence[-2 * LONGEST :]  # no answer is longer, and the search tries every place
    delimited = list(DELIMITED.finditer(sentence))
    if delimited and not sentence[delimited[-1].end() :].strip(" \t.,;:!?*。，；！"):
        found = delimited[-1]
        inside = found[found.lastgroup or 0]
        if found.lastgroup == "bold" and not is_formula(inside):
            return None
    else:
        _, equals, inside = sentence.rpartition("=")
        if not (equals or is_formula(sentence)):
            return None
    inside = inside.rpartition("=")[2]
    if inside.count(")") > inside.count("("):  # "(5 + 2 = 7)"
        inside = re.sub(r"(?<!\\)\)[^)]*\Z", "", inside)
    shown = shown_answer(inside)
    return shown if shown and is_formula(shown) else None


def is_formula(text: str) -> bool:
    """Is a text mathematics without words, and more than a letter or a mark?"""
    whole = text.count(r"\begin{") == text.count(r"\end{")
    return whole and HAS_VALUE.search(text) is not None and not _words_in(text)


def _words_in(text: str) -> bool:
    """Has a text words that are neither set upright in a formula nor names of functions?"""
    return bool(LOOSE_WORD.search(_NO_WORD.sub("", text)))


_DOLLAR = re.compile(r"^([-−]?)\\?\$?(?=[-−]?[\d.])(?![\d.,]+\s?(?:per\s|/\s?[a-z]{2}))")


def shown_answer(answer: str) -> str:
    """An answer as it is shown: bare, and without a dollar sign in front of its number.

    A rate keeps it: $5 per hour.
    """
    return _DOLLAR.sub(r"\1", bare(answer))


_IN_OTHER_UNITS = re.compile(  # "3.5 hours (210 minutes)"
    r"(?P<amount>\$?\d[\d.,]*(?:/\d+)?%?(?:\s[a-z]+){0,2})"
    r"\s\((?:(?:or|about|i\.e\.|that\sis|=|≈)[\s,]+)?\$?\d[\d.,]*(?:\s[a-z]{2,}|\s?[%¢])[^()]*\)",
    re.IGNORECASE,
)


_SAID_TWICE = re.compile(  # "5 (five)"
    rf"(?P<amount>\$?\d[\d.,]*)\s\({COUNT_WORDS}\)|{COUNT_WORDS}\s\((?P<digits>\d[\d.,]*)\)",
    re.IGNORECASE,
)


def exact(answer: str) -> str:
    """An answer without its rounded value, or the same amount in other units or words, after it.

    >>> exact("10/3 ≈ 3.33"), exact("3.5 hours (210 minutes)"), exact("x ≈ 3.33"), exact("5 (five)")
    ('10/3', '3.5 hours', 'x ≈ 3.33', '5')
    """
    if twice := _SAID_TWICE.match(answer):
        answer = f"{twice['amount'] or twice['digits']}{answer[twice.end() :]}"
    if amount := _IN_OTHER_UNITS.fullmatch(answer):
        return amount["amount"]
    sides = re.split(r"≈|\\approx(?![A-Za-z])", answer)
    listed = re.search(r",\s", answer)
    return sides[0].strip() if len(sides) == 2 and not listed and is_formula(sides[0]) else answer

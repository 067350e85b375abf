r"""Where a solution's last remark begins that is not its answer: a courtesy, or a check.

Either may end with a number: "… 40 in all. Would you like to try one with 5 bags?", "So x = 4.
Check: 2 · 4 + 1 = 9." Linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice

from prm_core.answers.conclusion import RESULT, value_of

_BEGINS = r"(?:\A|(?<=[\n\r])|(?<=[.!?。)*]\s)|(?<=\s)(?=\())[\s>#*_(]{0,12}+"  # a sentence
_COURTESY = re.compile(
    rf"""{_BEGINS}
      (?: (?:please\s)? (?: let\sme\sknow | feel\sfree | don['’]t\shesitate )
        | (?:I\s)? hope\s(?:this|that|it)
        | (?: would\syou\slike | do\syou\s(?:want|have\sany) | is\sthere\sanything\selse
          | (?:shall|should)\s(?:we|I)\s(?:try|do|continue|go) )
        | if\syou(?:['’]d\slike | \s(?:would\slike|need|want|have)\s
            (?:any|more|further|another|me|help|to) ) ) \b""",
    re.VERBOSE | re.IGNORECASE,
)
_ANSWER = (
    r"(?:\s(?:this|it|that"
    r"|(?:(?:the|our|your|my)\s)?(?:final\s)?(?:answers?|solutions?|results?|work)))"
)
_CHECK = re.compile(
    rf"""{_BEGINS} (?: step\s\d{{1,2}}\s?[:.)-]\s | \d{{1,2}}[.)]\s )?+ [*_]{{0,3}}+
      (?: (?: (?:quick|sanity|final|double) [\s-] )?
          (?: check(?:ing)? | verification | verify(?:ing)? ) {_ANSWER}? [*_]{{0,3}}+
          (?: (?P<heading> \s?[:：]?+ [*_]{{0,3}}+ [ \t]*+ [\n\r] ) | \s?[:：—] )
        | (?: to | let(?:['’]s|\sus|\sme) | (?:we|you|I)(?:\scan)?(?:\salso)? )
          \s (?:double[\s-])? (?:check|verify|confirm) {_ANSWER}? (?: \s?[:,.] | \sby\b )
        | (?: probe | vérification | comprobación | verificação | verifica | проверка | 检验 | 验证
            | 验算 | 驗算 ) [*_]{{0,3}}+ \s?[:：]
        | (?P<insertion> (?:by\s)? (?: substitut(?:e|ing) | plug(?:ging)? )\b [^\n]{{0,80}}?
            (?: \b(?:gives?|yields?|we\s(?:get|have))\b | : ) ) )""",
    re.VERBOSE | re.IGNORECASE,
)
_CONFIRMED = re.compile(
    r"\b(?:match(?:es)?|as\s(?:required|expected)|is\s(?:true|correct)|holds)\b|[✓✔✅]",
    re.IGNORECASE,
)
_BACK = re.compile(r"\bback(?:\sin)?[\s,]{0,2}(?::|[a-z]+(?:\s[a-z]+)?)\Z", re.IGNORECASE)
_NUMBERS_ONLY = re.compile(r"(?:\\[a-z]+|[^A-Za-z=\n]){1,200}?=")  # not "gives y = 7 - 3 = 4"
# The check finds an error, or the solution goes on after it.
_GOES_ON = re.compile(
    r"""\b(?:wrong|mistake|incorrect|not|but|instead)\b | n['’]t\b | \n[ \t]*+(?:\#|step\s\d)
      | (?:[.!?。]\s | [\n\r]) [\s*_]{0,6}+ (?:so|thus|hence|therefore|finally)\b
        [^\n]{0,200}? \d""",
    re.VERBOSE | re.IGNORECASE,
)


def before_courtesy(text: str, last_begins: int) -> int:
    """Where a text ends without the courtesy in its last step: "Let me know if …".

    One that is followed by a computation is no end.
    """
    found = _COURTESY.search(text, last_begins)
    computes = found and "=" in text[found.end() :] and not text.endswith("?")
    return found.start() if found and not computes else len(text)


def before_check(text: str, last_begins: int) -> int:
    """Where a text ends without the check of the answer in its last step, or under a heading."""
    *_, heading = [None, *(found for found in _CHECK.finditer(text) if found["heading"])]
    checks: Iterator[re.Match[str]] = islice(_CHECK.finditer(text, last_begins), 3)
    if heading and _heads(text, heading, last_begins):
        checks = chain([heading], checks)
    for found in checks:
        check = text[found.end() - 1 :]
        if not _GOES_ON.search(check) and (not found["insertion"] or _confirms(text, found)):
            return found.start()
    return len(text)


def _heads(text: str, heading: re.Match[str], last_begins: int) -> bool:
    """Is the last step all there is under a heading, or is the answer said there to be right?"""
    between = text[heading.end() : last_begins]
    return not between.strip() or _CONFIRMED.search(text, heading.end()) is not None


def _confirms(text: str, found: re.Match[str]) -> bool:
    """Does an insertion say that it is right, or only come to a number that was known?"""
    after = text[found.end() :]
    if _CONFIRMED.search(after):
        return True
    known = _results(text[max(0, found.start() - 2000) : found.start()])
    results = _results(after) if _NUMBERS_ONLY.match(after) else []
    return bool(results) and (results[-1] in known or _BACK.search(found[0]) is not None)


def _results(text: str) -> list[str]:
    return [value_of(found["number"]) for found in RESULT.finditer(text)]

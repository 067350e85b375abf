"""Which marks end a sentence, in prose full of numbers, units and abbreviations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from prm_core.text.labels import ANSWER_WORD

# A mark that may end a sentence, with the quotes and brackets that belong to it. Chinese and
# Japanese marks need no white space after them, and others none between "each." and "He also".
CANDIDATE = re.compile(
    r"""(?<![.!?…।؟。！？]) (?:
        (?P<stop>[.!?…।؟]++) (?:["'”’»)\]}*_$]|\\[)\]])*+
        (?=\s|\Z|(?:(?<=[a-z]{2}[.!?])|(?<=\d[.!?]))[A-Z][a-z]*+[\s,])
      | [。！？]++ [”’」』）)"'*_$]*+ )""",
    re.VERBOSE,
)


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# No sentence ends with these.
_NEVER = words(
    "e.g i.e eg ie dr mr mrs ms prof st vs cf viz approx resp mme mlle p.ex env ca z.b d.h bzw "
    "т.е т.к p.ej p.es"
)
# No end before a number or a bracket: "No. 3", "Eq. (2)", "pp. 4", "Jan. 5".
_BEFORE_NUMBER = words(
    "no nos nr fig figs eq eqs sec ch p pp vol thm lem prop def ex art "
    "jan feb mar apr jun jul aug sep sept oct nov dec"
)
# No end before a small letter: "5 sq. ft. of", "etc. and".
_CLIPPED = words(
    "etc hr hrs min mins sec secs oz lb lbs ft sq in yd yds mi yr yrs mo wk wks pt qt gal tsp tbsp "
    "doz dept inc ltd co jr sr al a.m p.m u.s avg max"
)
# A sentence begins with these; a surname does not.
_OPENERS = words(
    "the a an so then therefore thus hence this that these those now we it if since because next "
    "finally let first second also in for to from by as but and which there here i he she they you "
    "our each all both using given when what how after wait"
)
# After these a capital letter is a name in mathematics, not an initial.
_LETTERED = words(
    "option choice answer point angle case line triangle part set statement figure class type "
    "group box plan team player event column row vertex node city town bag machine person student"
)
_CHESS = re.compile(r"(?:[KQRBN]?[a-h]?[1-8]?x?[a-h][1-8]|O-O(?:-O)?)(?!\w)")
_REACH = 32  # characters looked at on either side, so that the work per mark is bounded


def ends_sentence(text: str, begin: int, found: re.Match[str]) -> bool:
    """Does this `CANDIDATE` end the sentence that began at `begin`?"""
    stop = found["stop"]
    after = text[found.end() : found.end() + _REACH].lstrip()
    if stop is None or not after:
        return True
    if after[0] in "=+*/×÷·<>≤≥≈≠^,;:)]}%" and not after.startswith("**"):
        return False
    before = text[max(begin, found.start() - _REACH) : found.start()]
    if stop == "!" and (before[-1:].isdigit() or before[-1:] == ")"):  # a factorial
        return after[0].isupper()
    if "…" in stop or ".." in stop:
        if not before or before[-1].isspace() or before[-1] in ",+-*/×÷=<>":  # 1, 2, ..., n
            return False
        return not (after[0].islower() or after[0].isdigit())
    return stop != "." or _full_stop_ends(before.split(), after)


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
        return not (after[0].islower() or _goes_with(small, after))
    if word.isdigit():  # "1. e4", but not "x = 1. e4"
        return previous.endswith(tuple("=+-−×*/<>≈")) or not _CHESS.match(after)
    if len(word) == 1 and word.isupper():
        return not _is_initial(previous, after)
    if "." in word and word.replace(".", "").isupper():  # "J.K. Rowling"
        return not (after[0].islower() or _is_name(after))
    return True


def _goes_with(unit: str, after: str) -> bool:
    """Does the text continue with a number of another clipped unit: "5 oz." after "3 lb."?"""
    found = re.match(r"\d[\d.,/]*+\s*+([a-z]+)", after)
    return found is not None and found[1] in _CLIPPED - {unit}


def _is_initial(previous: str, after: str) -> bool:
    """Is a single capital letter between this word and that text part of a person's name?"""
    if not _is_name(after):
        return False
    if after[1:2] == ".":  # another initial
        return True
    name_before = previous[:1].isupper() and previous.lower() not in _LETTERED
    return name_before or previous.lower() in ("by", "von")


def _is_name(after: str) -> bool:
    """Does the text continue with a capital letter, and not with a word that opens sentences?"""
    return after[0].isupper() and after.split()[0].lower().rstrip(".,:;'") not in _OPENERS


# What equations without variables are made of: numbers, up to three words after each ("48 cm",
# "8 red apples", "60 km/h"; most single letters are variables), and signs.
_WORD = r"(?:[^\W\d_]{2,24}+|[mgtlLhs€])(?![^\W\d_])"
_UNITS = rf"(?:\s*+\(?{_WORD}(?:/{_WORD})?){{1,3}}"
_SIGN = r"(?:[-+*/×÷·⋅−–^:]|[xX](?=[\s($]*+\d)|of\b|\\(?:cdot|times|div)(?![A-Za-z]))"
_ARITHMETIC = re.compile(rf"(?:[\d)%²³]{_UNITS}+|[\s\d.,;，；()%$€£=≈²³]|{_SIGN}|\\[()%$])*+")
_OPERATION = re.compile(rf"\d[)%]*+(?:{_UNITS})?[\s)%$€£]*+{_SIGN}[\s($€£\\]*+\d")
_QUANTITY = re.compile(rf"\d{_UNITS}")
_DIGIT = re.compile(r"\d")
# A comma before three digits may belong to the number: "1,000". It parts equations where another
# comma without a blank does, and in "= 120,120 + 35". In "2,5 * 4 = 10; 10 + 2" none does.
_COMMA = re.compile(r"[,;，；]\s*")
_PLAIN_COMMA = re.compile(r"(?:,(?!\d)|(?<!\d),|[;，；])\s*")
_SURE_COMMA = re.compile(
    rf"{_PLAIN_COMMA.pattern}|(?P<bare>(?<=\d),(?=\d)(?!\d{{3}}(?!\d)))"
    r"|(?<![\d,])(\d{3}),(?=\2(?!\d))"
)
_CONCLUSION = re.compile(  # "…, so 16"; "…; ans = 6"
    rf"""[,;，；]\s*+
    (?= (?:so|thus|hence|therefore|total|donc|also|daher|luego|quindi|итак|{ANSWER_WORD})
        (?!\w) [\s:=]*+ [^,;:=\n]{{1,40}}\Z )""",
    re.VERBOSE | re.IGNORECASE,
)


def equation_cuts(text: str, cuts: Sequence[int]) -> Iterator[int]:
    """Where "24-7=17, 3*5=15" continues with its next equation.

    Args:
        text: what is cut.
        cuts: where its sentences begin, in order. A sentence is parted where it is nothing but
            equations, each of which computes something, and perhaps a conclusion from several of
            them; "x = 3, y = 4" is one statement.
    """
    for begin, end in pairwise([0, *cuts, len(text)]):
        if conclusion := _CONCLUSION.search(text, begin, end):
            end = conclusion.start()
        if not _ARITHMETIC.fullmatch(text, begin, end):
            continue
        sure = list(_SURE_COMMA.finditer(text, begin, end))
        readings = [[found.end() for found in sure]]
        if any(found["bare"] for found in sure):
            readings.insert(0, [found.end() for found in _COMMA.finditer(text, begin, end)])
            readings.append([found.end() for found in _PLAIN_COMMA.finditer(text, begin, end)])
        for edges in readings:
            equations = [text[slice(*span)] for span in pairwise([begin, *edges, end])]
            others = [one for one in equations if not _computes(one)]
            if len(others) < len(equations) and all(map(_changes_unit, others)):
                yield from edges
                if conclusion and edges:
                    yield conclusion.end()
                break


def _computes(equation: str) -> bool:
    """Is some side an operation, with a number after its equality sign?"""
    sides = re.split("[=≈]", equation)
    return any(_OPERATION.search(left) and _DIGIT.search(right) for left, right in pairwise(sides))


def _changes_unit(equation: str) -> bool:
    """Are all sides quantities, two at least: "2.5m=250cm"?"""
    sides = equation.split("=")
    return len(sides) > 1 and all(map(_QUANTITY.search, sides))

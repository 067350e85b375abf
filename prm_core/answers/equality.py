r"""Are two final answers the same?

Both are brought to one spelling (`notation`) and compared by what they are: choice letters, lists
and sets, tuples and intervals, matrices, equations and inequalities, numbers with their units, and
formulas by their values at several points (`expressions`). What is none of these (prose, sums,
integrals, limits) is compared token by token.

math-verify did this before. It needs a deadline (its algebra may not end), calls 0 and
x² + 7x + 10 = 0 the same, and numbers that agree to 15 decimal places; where this module cannot
decide, it had nothing to add. Figures and examples are in docs/answers.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextvars import ContextVar
from fractions import Fraction
from functools import lru_cache

from prm_core.answers.expressions import (
    Formula,
    NoFormulaError,
    Value,
    divide,
    is_real,
    nearly_equal,
)
from prm_core.answers.notation import SHORT_WORDS, Token, key_of, one_spelling, tokens_of, words
from prm_core.answers.quantities import (
    DIRECTIONS,
    read_beside,
    same_based,
    same_compounds,
    same_quantities,
)
from prm_core.answers.quantities import forget as forget_quantities
from prm_core.answers.structure import (
    COMMA,
    UNION,
    Relation,
    Tokens,
    brackets_of,
    cells_of,
    choice_of,
    condition_of,
    counted_entries,
    items_of,
    label_of,
    parts_of,
    relations_of,
    shared_label,
    tuple_entries,
)
from prm_core.answers.units import NAMES

_LONGEST = 2000  # characters of an answer; a longer one equals only itself
_MOST_PAIRS = 1600  # of entries that are compared, of all lists within two answers
_DEEPEST = 8  # structures within structures
_pairs_left: ContextVar[list[int]] = ContextVar("pairs_left")


def same_answer(a: str | None, b: str | None) -> bool:
    r"""Do two final answers mean the same?

    >>> same_answer("1,000", "1000"), same_answer("0.5", r"\frac{1}{2}"), same_answer("56", "54")
    (True, True, False)

    Choices where usage differs: a noun after a number is dropped ("12 apples" is 12), and so is a
    unit or a base where the other answer has none, but 12 cm is not 12 mm and 57_8 not 57_9; 15% is
    both 15 and 0.15, as the question may ask for either; a decimal with four or more places equals
    what rounds to it (0.3333 is 1/3, 1.4142 is √2); the order of "3 and 5" plays no part, that of
    (3, 5) does; words are compared without regard to case, letters with it (x is not X), except
    that (B), b) and "(B) 12" are choice B. None equals nothing, None included.

    Symmetric, but no equivalence: 15% is 15 and 0.15, which differ.
    `prm_core.evaluation.choices.answer_groups` says how votes are counted all the same.

    Never raises. Text that is long, or that could make algebra slow (towers of powers, sums,
    integrals, large factorials), is equal only to the same text.
    """
    if a is None or b is None:
        return False
    if a.strip() == b.strip():
        return bool(a.strip())
    if max(len(a), len(b)) > _LONGEST:
        return False
    left, right = _plain(a), _plain(b)
    left, right = sorted((_beside_clock(left, right), _beside_clock(right, left)))
    for ask in (_dates, _ranges):
        if (same := ask(left, right)) is not None:
            return same
    return bool(left and right) and _same_text(left, right)


@lru_cache(maxsize=1024)  # a vote compares every answer with many others
def _plain(answer: str) -> str:
    return _clock(bare(answer))


_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})|(\d{1,2})([-/.])(\d{1,2})\6(\d{4})")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = r"(?P<month{}>[A-Za-z]{{3,9}})\.?"
_NAMED_DATE = re.compile(
    rf"""(?: {_MONTH.format("")} \s (?P<day>\d{{1,2}})(?:st|nd|rd|th)?
          | (?P<first>\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)? {_MONTH.format("2")} )
        (?: ,? \s (?P<year>\d{{4}}) )?""",
    re.VERBOSE,
)
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d))?(?:\s*([ap])\.?\s?m\.?)?", re.IGNORECASE)
_NOON = re.compile(r"(?:12(?::00)?\s?)?(?:(noon|midday)|midnight)", re.IGNORECASE)
_OCLOCK = re.compile(r"(\d{1,2})\s?o['’]?\s?clock", re.IGNORECASE)


def _dates(a: str, b: str) -> bool | None:
    """Are two dates, or times of day, the same? None for anything else: 2020-05-06 is no sum."""
    dates = [_days(one) for one in (a, b)]
    if all(dates):
        return any(_same_day(one, other) for one in dates[0] for other in dates[1])
    if _DATE.fullmatch(a) or _DATE.fullmatch(b):
        return False
    one, other = _CLOCK.fullmatch(a), _CLOCK.fullmatch(b)
    if not (one and other and (one[3] or other[3])) or not all(c[2] or c[3] for c in (one, other)):
        return None
    minutes = [{60 * hour + int(c[2] or 0) for hour in _hours(c)} for c in (one, other)]
    return bool(minutes[0] & minutes[1])


def _days(text: str) -> list[tuple[int, int, int]]:
    """The year (0: not said), month and day that a date may mean; none for anything else."""
    if found := _DATE.fullmatch(text):
        if found[1]:
            return [(int(found[1]), int(found[3]), int(found[4]))]
        year, one, other = int(found[8]), int(found[5]), int(found[7])
        return [(year, one, other), (year, other, one)]  # 4/1 is in January or in April
    found = _NAMED_DATE.fullmatch(text)
    name = (found["month"] or found["month2"])[:3].lower() if found else ""
    if found is None or name not in _MONTHS:
        return []
    day = int(found["day"] or found["first"])
    return [(int(found["year"] or 0), _MONTHS.index(name) + 1, day)]


def _same_day(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or not (one[0] and other[0]))


def _clock(text: str) -> str:
    """A time of day with digits: noon is 12:00 PM."""
    if noon := _NOON.fullmatch(text):
        return "12:00 PM" if noon[1] else "12:00 AM"
    clock = _OCLOCK.fullmatch(text)
    return f"{clock[1]}:00" if clock else text


_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|\d{1,2}:[0-5]\d\s?[ap]\.?\s?m\.?", re.IGNORECASE)
_DOTTED = re.compile(r"(\d{1,2})(?:\s?h\s?|\.)([0-5]\d)")


def _beside_clock(text: str, other: str) -> str:
    """20h35 and 20.35 as 20:35, beside a time of day."""
    dotted = _DOTTED.fullmatch(text) if _TIME.fullmatch(other) else None
    return f"{dotted[1]}:{dotted[2]}" if dotted else text


_RANGE = re.compile(r"(\d+)\s?(?:[-–]|to)\s?(\d+)")


def _ranges(a: str, b: str) -> bool | None:
    """Is 10-20, a range and not −10, the same as another answer? None for anything else."""
    one, other = _RANGE.fullmatch(a), _RANGE.fullmatch(b)
    ends = [[int(end) for end in found.groups()] for found in (one, other) if found]
    if not ends or not all(low < high for low, high in ends):
        return None
    if len(ends) == 2:
        return ends[0] == ends[1]
    return False if re.fullmatch(r"[-−]?\d+", b if one else a) else None


def _hours(clock: re.Match[str]) -> set[int]:
    """The hours of the day that a time may mean: 10:30 may be in the morning or in the evening."""
    hour = int(clock[1])
    if not clock[3]:
        return {hour, hour + 12} if hour < 12 else {hour, hour - 12} if hour == 12 else {hour}
    return {hour % 12 + 12 * (clock[3].lower() == "p")}


@lru_cache(maxsize=4096)
def _same_text(left: str, right: str) -> bool:
    if left == right:
        return True
    token = _pairs_left.set([_MOST_PAIRS])
    try:
        return bool(_same(_tokens(left), _tokens(right), 0))
    except Exception:  # any text may come in, and what cannot be read is not equal
        return False
    finally:
        _pairs_left.reset(token)


def forget() -> None:
    """Drop what was kept of earlier answers, which are a user's text; a vote asks for them again.

    A server that others can reach calls it when it has compared a draft's answers.
    """
    _plain.cache_clear()
    _same_text.cache_clear()
    forget_quantities()


_PAIRS = (
    *(("$$", "$$"), (r"\$", r"\$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")),
    *(("**", "**"), ("__", "__"), ("`", "`"), ("'", "'"), ("‘", "’")),
)
_UPRIGHT = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|boxed|fbox)\s*\{([^{}]*)\}")
_BOLD = re.compile(r"(?<![\w)])\*\*(?=\S)([^*]+?)(?<=\S)\*\*(?![\w(])")
_MARKUP = re.compile(
    r"<(b|i|u|em|strong|span|p|code|mark|center|div|font)\b[^<>]{0,60}>([^<>]*)</\1>", re.IGNORECASE
)
_AROUND = re.compile(r"\A\s*#{2,6}\s|\s[+-]\s*\Z")  # a heading's mark, Math-Shepherd's labels
_BOXED = re.compile(r"\\f?boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")


def bare(answer: str) -> str:
    r"""An answer without delimiters, bold, quotes and the full stop after it.

    >>> bare(r"**$\text{even}$**."), bare(r"\(x + 1\)")
    ('even', 'x + 1')
    """
    answer = _MARKUP.sub(r"\2", _BOLD.sub(r"\1", _AROUND.sub("", answer)))
    before = None
    while before != answer:
        before = answer
        answer = answer.strip().strip('"“”`').rstrip(".,;:。．…✓✔✅ ").strip("*_ \t\n\r")
        for opening, closing in _PAIRS:
            long_enough = len(answer) > len(opening) + len(closing) - 1
            if long_enough and answer.startswith(opening) and answer.endswith(closing):
                inside = answer[len(opening) : -len(closing)]
                if closing not in inside.replace(r"\$", ""):
                    answer = inside
        if whole := _UPRIGHT.fullmatch(answer) or _BOXED.fullmatch(answer):
            answer = whole[1]
    return answer


_BEFORE = words("the about approximately exactly either both only numbers values")
_ARTICLES = words("a A an")
_MEANT = {  # what is one answer in several words
    "empty set": r"\emptyset",
    "{}": r"\emptyset",
    "N/A": "n/a",
    "dne": "does not exist",
    "all reals": r"\mathbb{R}",
    "all real numbers": r"\mathbb{R}",
    r"(-\infty,\infty)": r"\mathbb{R}",
}


def _tokens(text: str) -> list[Token]:
    tokens = tokens_of(one_spelling(text), NAMES)
    while tokens and tokens[0].text in (r"\approx", "~", *_BEFORE):
        tokens = tokens[1:]
    if len(tokens) > 1 and tokens[0].text in _ARTICLES and _is_noun(tokens[1]):
        tokens = tokens[1:]
    if meant := _MEANT.get(key_of(tokens)):
        tokens = tokens_of(one_spelling(meant), NAMES)
    return tokens


def _is_noun(token: Token) -> bool:
    return token.kind == "word" and token.spaced and token.text not in SHORT_WORDS


def _same(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Are two answers the same? None where that cannot be told here.

    Raises:
        NoFormulaError, ArithmeticError, ValueError: neither can this be told.
    """
    if not a or not b or depth > _DEEPEST:
        return None
    if key_of(a) == key_of(b) or _same_words(a, b):
        return True
    if _opposed(a, b):
        return False
    a, b = read_beside(a, b), read_beside(b, a)
    if (found := same_compounds(a, b)) is not None:
        return found
    a, b = condition_of(a), condition_of(b)
    for compare in (
        _same_choice,
        _same_lists,
        _same_matrices,
        _same_relations,
        _same_brackets,
        _same_ratio,
    ):
        found = compare(a, b, depth)
        if found is not None:
            return found
    found = same_based(a, b)
    return same_quantities(a, b) if found is None else found


def _same_words(a: Tokens, b: Tokens) -> bool:
    """Are they the same words, one or several of something: "no solution" and "no solutions"?"""
    if len(a) != len(b) or any(token.kind != "word" for token in (*a, *b)):
        return False
    return all(_one_of(x.text) == _one_of(y.text) for x, y in zip(a, b, strict=True))


def _one_of(noun: str) -> str:
    """ "solution" for "solutions"."""
    plural = len(noun) > 4 and noun.endswith("s") and not noun.endswith("ss")
    return noun[:-1] if plural else noun


def _opposed(a: Tokens, b: Tokens) -> bool:
    """Do both say which way, and not the same: "10 less" and "10 more"?"""
    one, other = ({token.text for token in tokens if token.kind == "word"} for tokens in (a, b))
    for ways in DIRECTIONS:
        mine, theirs = ([bool(said & way) for way in ways] for said in (one, other))
        if any(mine) and any(theirs) and mine != theirs:
            return True
    return False


def _same_choice(a: Tokens, b: Tokens, depth: int) -> bool | None:
    one, other = choice_of(a), choice_of(b)
    if one is None or other is None:
        for chosen, tokens in ((one, b), (other, a)):
            # "(C) 12" beside "12".
            if chosen and chosen.text and chosen.marked and _same(chosen.text, tokens, depth + 1):
                return True
        return None
    if not (one.marked or other.marked or bool(one.text) != bool(other.text)):
        return None
    if one.letter.upper() != other.letter.upper():
        return False
    if one.text and other.text:
        return _same(one.text, other.text, depth + 1)
    return True


def _same_lists(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Lists and sets, in any order; a list without brackets beside a tuple, in the same order."""
    a, b = _unlabelled(a, b)
    one, other = items_of(a), items_of(b)
    if len(one) == len(other) == 1:
        if any(tokens[0].text == r"\{" for tokens in (a, b)) and all(
            len(list(tokens)) < len(list(whole)) for tokens, whole in ((one[0], a), (other[0], b))
        ):
            return _same(one[0], other[0], depth + 1)
        if len(one[0]) < len(a) or len(other[0]) < len(b):  # 1,234 or {5}
            return _same(one[0], other[0], depth + 1)
        return None
    if len(one) == 1:
        a, b, one, other = b, a, other, one
    if len(other) == 1:
        tuple_of = tuple_entries(b)
        if tuple_of is not None and shared_label(one) is None:
            return _all_same(one, tuple_of, depth)
        unions = parts_of(b, UNION)
        other = unions if len(unions) > 1 else items_of(b, commas_of_numbers=True)
    for mine, theirs in ((one, other), (other, one)):
        counted_by = counted_entries(mine)  # x_1 = 2, x_2 = 7 beside x = 2 or x = 7
        if counted_by and counted_by[0] == shared_label(theirs):
            values = [label[1] if (label := label_of(entry)) else entry for entry in theirs]
            return len(mine) == len(theirs) and _match(counted_by[1], values, depth)
    shared = shared_label(one), shared_label(other)
    if None not in shared and shared[0] != shared[1]:
        return False
    if len(one) != len(other):
        return False
    counted = [[_noun(entry) for entry in side] for side in (one, other)]
    if len(set(counted[0])) == len(one) and set(counted[0]) == set(counted[1]):
        order = (sorted(range(len(side)), key=side.__getitem__) for side in counted)
        one, other = (
            [side[i] for i in places] for side, places in zip((one, other), order, strict=True)
        )
        return _all_same(one, other, depth)
    return _match(one, other, depth)


def _noun(entry: Tokens) -> str:
    """What an entry counts: "boys" of "12 boys"."""
    return " ".join(token.text for token in entry if token.kind == "word")


def _unlabelled(a: Tokens, b: Tokens) -> tuple[Tokens, Tokens]:
    r"""Two sets without the name that one has, or both have: "A = {1, 4}"."""
    named = [label_of(side) for side in (a, b)]
    names = {label[0] for label in named if label}
    if len(names) != 1 or not all(label[1][0].text == r"\{" for label in named if label):
        return a, b
    bare_sides = [label[1] if label else side for label, side in zip(named, (a, b), strict=True)]
    return bare_sides[0], bare_sides[1]


def _all_same(one: Sequence[Tokens], other: Sequence[Tokens], depth: int) -> bool:
    return len(one) == len(other) and all(
        _same_item(left, right, depth) for left, right in zip(one, other, strict=True)
    )


def _same_item(a: Tokens, b: Tokens, depth: int) -> bool:
    try:
        return bool(_same(a, b, depth + 1))
    except (NoFormulaError, ArithmeticError, ValueError):
        return False


def _match(one: Sequence[Tokens], other: Sequence[Tokens], depth: int) -> bool:
    """Can every entry be given one of its own on the other side that is the same?

    Every entry is compared with every other, so the pairs are bounded.
    """
    left = _pairs_left.get()
    left[0] -= len(one) * len(other)
    if left[0] < 0:
        return False
    equal: list[list[int]] = []
    for entry in one:
        equal.append([j for j, right in enumerate(other) if _same_item(entry, right, depth)])
        if not equal[-1]:
            return False
    given: dict[int, int] = {}  # entry of other → entry of one

    def find(index: int, tried: set[int]) -> bool:
        for j in equal[index]:
            if j not in tried:
                tried.add(j)
                if j not in given or find(given[j], tried):
                    given[j] = index
                    return True
        return False

    return all(find(index, set()) for index in range(len(one)))


def _same_brackets(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Tuples and intervals, entry by entry; unions of them in any order."""
    one, other = parts_of(a, UNION), parts_of(b, UNION)
    if len(one) > 1 or len(other) > 1:
        return len(one) == len(other) and _match(one, other, depth)
    left, right = brackets_of(a), brackets_of(b)
    parts = [parts_of(side[1], COMMA) if side else [] for side in (left, right)]
    if left is None or right is None or len(parts[0]) < 2 or len(parts[1]) < 2:
        return False if len(parts[0]) > 1 or len(parts[1]) > 1 else None
    brackets = [
        (side[0].replace(r"\langle", "("), side[2].replace(r"\rangle", ")"))
        for side in (left, right)
    ]
    return brackets[0] == brackets[1] and _all_same(parts[0], parts[1], depth)


def _same_ratio(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Ratios and times of day, part by part: 3:4 and 3 to 4; 1:2 is 2:4, but 8:30 not 4:15."""
    one, other = (parts_of(tokens, frozenset({":", "to"})) for tokens in (a, b))
    if len(one) == len(other) == 1:
        return None
    if _all_same(one, other, depth):
        return True
    texts = [["".join(token.text for token in part) for part in side] for side in (one, other)]
    if all(re.fullmatch(r"\d{1,2}:[0-5]\d", ":".join(side)) for side in texts):
        return False
    return _proportions(texts[0]) == _proportions(texts[1]) != []


def _proportions(parts: Sequence[str]) -> list[Fraction]:
    """The whole numbers of a ratio over its first; none for other ones."""
    whole = all(re.fullmatch(r"[1-9]\d{0,17}", part) for part in parts)
    return [Fraction(int(part), int(parts[0])) for part in parts] if whole else []


def _same_matrices(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Matrices and vectors, cell by cell."""
    one, other = cells_of(a), cells_of(b)
    if one is None or other is None:
        return None
    if [len(row) for row in one] != [len(row) for row in other]:
        return False
    return all(_all_same(left, right, depth) for left, right in zip(one, other, strict=True))


def _same_relations(a: Tokens, b: Tokens, depth: int) -> bool | None:
    one, other = relations_of(a), relations_of(b)
    if not one and not other:
        return None
    if not one or not other:
        label, plain = (label_of(a), b) if one else (label_of(b), a)
        if label is not None:
            return _same(label[1], plain, depth + 1)
        chain = one or other
        if all(r.sign == "=" for r in chain) and _is_constant(chain[0].left):
            return _same(chain[-1].right, plain, depth + 1)  # 2 + 3 = 5
        return bool(_same_interval(chain, plain, depth))
    left, right = label_of(a), label_of(b)
    if left is not None and right is not None and left[0] == right[0]:
        found = _same(left[1], right[1], depth + 1)
        if found:
            return True
    return len(one) == len(other) and _match_relations(one, other, depth)


def _match_relations(one: list[Relation], other: list[Relation], depth: int) -> bool:
    left = list(other)
    for relation in one:
        equal = next((r for r in left if _same_relation(relation, r, depth)), None)
        if equal is None:
            return False
        left.remove(equal)
    return True


def _same_relation(a: Relation, b: Relation, depth: int) -> bool:
    if a.sign != b.sign:
        return False
    if _same_item(a.left, b.left, depth) and _same_item(a.right, b.right, depth):
        return True
    if a.sign == "in":
        return False
    if a.sign in ("=", "!=") and (
        _same_item(a.left, b.right, depth) and _same_item(a.right, b.left, depth)
    ):
        return True
    return _proportional(a, b)


def _proportional(a: Relation, b: Relation) -> bool:
    """Is left - right of one a multiple of that of the other, by a number?"""
    try:
        differences = [_difference(relation) for relation in (a, b)]
    except (NoFormulaError, ArithmeticError, ValueError):
        return False
    (names, one), (other_names, other) = differences
    if not names or names != other_names or not all(one) or not all(other):
        return False
    ratios = [divide(x, y) for x, y in zip(one, other, strict=True)]
    if a.sign not in ("=", "!=") and not (is_real(ratios[0]) and ratios[0] > 0):
        return False
    return all(nearly_equal(ratios[0], ratio) for ratio in ratios[1:])


def _difference(relation: Relation) -> tuple[frozenset[str], list[Value]]:
    left, right = relation.left, relation.right
    minus = [Token("-", "sign"), Token("(", "sign")]
    formula = Formula([Token("(", "sign"), *left, Token(")", "sign"), *minus, *right, _CLOSE])
    if formula.rest:
        raise NoFormulaError
    return formula.names, formula.values()


_CLOSE = Token(")", "sign")


def _is_constant(tokens: Tokens) -> bool:
    try:
        formula = Formula(tokens)
    except NoFormulaError:
        return False
    return not formula.names and not formula.rest


def _same_interval(chain: list[Relation], plain: Tokens, depth: int) -> bool | None:
    r"""An inequality in one letter beside an interval: 2 < x ≤ 5 and (2, 5]."""
    enclosed = brackets_of(plain)
    ends = parts_of(enclosed[1], COMMA) if enclosed else []
    if enclosed is None or len(ends) != 2 or any(r.sign not in ("<", "<=") for r in chain):
        return None
    infinity = Token(r"\infty", "command")
    low: tuple[str, Tokens] = "(", [Token("-", "sign"), infinity]
    high: tuple[str, Tokens] = ")", [infinity]
    for left, sign, right in chain:
        if len(right) == 1 and right[0].kind == "letter":
            low = "[" if sign == "<=" else "(", left
        elif len(left) == 1 and left[0].kind == "letter":
            high = "]" if sign == "<=" else ")", right
        else:
            return None
    if (enclosed[0], enclosed[2]) != (low[0], high[0]):
        return False
    return _all_same([low[1], high[1]], ends, depth)

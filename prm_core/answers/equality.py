r"""Are two final answers the same?

Both are brought to one spelling (`notation`) and compared by what they are: choice letters, lists
and sets, tuples and intervals, matrices, equations and inequalities, numbers with their units, and
formulas by their values at several points (`expressions`). What is none of these (prose, sums,
integrals, limits) is compared token by token.

math-verify did this before. It needs a deadline (its algebra may not end), calls 0 and
x² + 7x + 10 = 0 the same, and numbers that agree to 15 decimal places; where this module cannot
decide, it had nothing to add. Figures and examples stand in docs/answers.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextvars import ContextVar
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from prm_core.answers.expressions import (
    Formula,
    NoFormulaError,
    Value,
    divide,
    is_real,
    nearly_equal,
    to_fraction,
)
from prm_core.answers.notation import Token, key_of, one_spelling, tokens_of, words
from prm_core.answers.units import LETTERS, NAMES, NO_UNIT, PERCENT, SCALES, Unit, read_unit

_LONGEST = 2000  # characters of an answer; a longer one equals only itself
_MOST_ITEMS = 40  # of a list; a longer one equals only the same text
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

    Symmetric, but no equivalence: 15% is 15 and 0.15, which differ. `best_of_n.answer_groups` says
    how votes are counted all the same.

    Never raises. Text that is long, or that could make algebra slow (towers of powers, sums,
    integrals, large factorials), is equal only to the same text.
    """
    if a is None or b is None:
        return False
    if a.strip() == b.strip():
        return bool(a.strip())
    if max(len(a), len(b)) > _LONGEST:
        return False
    left, right = sorted((bare(a), bare(b)))
    return bool(left and right) and _same_text(left, right)


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


# --- without what is only there to show it --------------------------------------------------------

_PAIRS = (
    *(("$$", "$$"), (r"\$", r"\$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")),
    *(("**", "**"), ("__", "__"), ("`", "`"), ("'", "'"), ("‘", "’")),
)
_UPRIGHT = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|boxed|fbox)\s*\{([^{}]*)\}")


def bare(answer: str) -> str:
    r"""An answer without delimiters, bold, quotes and the full stop behind it.

    >>> bare(r"**$\text{even}$**."), bare(r"\(x + 1\)")
    ('even', 'x + 1')
    """
    before = None
    while before != answer:
        before = answer
        answer = answer.strip().strip('"“”`').rstrip(".,;:。✓✔✅ ").strip("*_ \t\n\r")
        for opening, closing in _PAIRS:
            long_enough = len(answer) > len(opening) + len(closing) - 1
            if long_enough and answer.startswith(opening) and answer.endswith(closing):
                inside = answer[len(opening) : -len(closing)]
                if closing not in inside.replace(r"\$", ""):
                    answer = inside
        if whole := _UPRIGHT.fullmatch(answer):
            answer = whole[1]
    return answer


_BEFORE = words("about approximately either both")


def _tokens(text: str) -> list[Token]:
    tokens = tokens_of(one_spelling(text), NAMES)
    while tokens and tokens[0].text in (r"\approx", "~", *_BEFORE):
        tokens = tokens[1:]
    return tokens


# --- what an answer is made of --------------------------------------------------------------------

Tokens = Sequence[Token]

_OPEN = frozenset({"(", "[", "{", r"\{", r"\langle", r"\lfloor", r"\lceil"})
_CLOSED = frozenset({")", "]", "}", r"\}", r"\rangle", r"\rfloor", r"\rceil"})


def _split(tokens: Tokens, separators: frozenset[str]) -> list[Tokens]:
    """The parts between separators that stand outside all brackets; blank ones are dropped."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        if depth <= 0 and token.text in separators:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _enclosed(tokens: Tokens) -> tuple[str, Tokens, str] | None:
    """The brackets around all of it, and what is inside; an interval's may differ in kind."""
    if len(tokens) < 2 or tokens[0].text not in _OPEN or tokens[-1].text not in _CLOSED:
        return None
    depth = 0
    for token in tokens[:-1]:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        if not depth:
            return None
    return tokens[0].text, tokens[1:-1], tokens[-1].text


def _same(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Are two answers the same? None where that cannot be told here.

    Raises:
        NoFormulaError, ArithmeticError, ValueError: neither can this be told.
    """
    if not a or not b or depth > _DEEPEST:
        return None
    if key_of(a) == key_of(b):
        return True
    a, b = _condition(a), _condition(b)
    for compare in (
        _same_choice,
        _same_lists,
        _same_matrices,
        _same_relations,
        _same_brackets,
        _same_ratio,
        _same_based,
        _same_quantities,
    ):
        found = compare(a, b, depth)
        if found is not None:
            return found
    return None


# --- choices --------------------------------------------------------------------------------------


class _Choice(NamedTuple):
    """An option of a multiple choice: its letter, whether it is marked as one, and its text."""

    letter: str
    marked: bool
    text: Tokens


def _choice(tokens: Tokens) -> _Choice | None:
    if tokens and tokens[0].text in ("option", "choice", "answer"):
        tokens = tokens[1:]
        found = _choice(tokens)
        return found and found._replace(marked=True)
    texts = [token.text for token in tokens[:3]]
    if not texts:
        return None
    opened = texts[0] == "("
    letter = texts[1] if opened and len(texts) > 1 else texts[0]
    if len(letter) != 1 or not letter.isalpha() or not letter.isascii():
        return None
    if opened:
        if texts[2:] != [")"]:
            return None
        rest = tokens[3:]
    else:
        mark = texts[1] if len(texts) > 1 else ""
        if mark and mark not in (")", ":", "."):
            return None
        rest = tokens[2:] if mark else tokens[1:]
        opened = bool(mark)
    if rest and (letter not in "ABCDEFGHIJ" or rest[0].text in ("+", "*", "/", "^", "=", ",", "'")):
        return None
    more = len(rest) > 2 and rest[0].text == "(" and rest[2].text == ")"
    if more and rest[1].kind == "letter":
        return None  # (A)(B), or one of several parts
    return _Choice(letter, opened, rest)


def _same_choice(a: Tokens, b: Tokens, depth: int) -> bool | None:
    one, other = _choice(a), _choice(b)
    if one is None or other is None:
        for chosen, tokens in ((one, b), (other, a)):
            # "(C) 12" beside "12".
            if chosen and chosen.text and chosen.marked and _same(chosen.text, tokens, depth + 1):
                return True
        return None
    if not (one.marked or other.marked):
        return None
    if one.letter.upper() != other.letter.upper():
        return False
    if one.text and other.text:
        return _same(one.text, other.text, depth + 1)
    return True


# --- lists ----------------------------------------------------------------------------------------

_SEPARATORS = frozenset({",", ";", "and", "or", "&", r"\\", "und", "et", "y", "e", "и", "或", "和"})
_COMMA = frozenset({","})
_UNION = frozenset({r"\cup"})
_RELATION_NAMES = {"=": "=", r"\approx": "=", "<": "<", ">": ">", r"\le": "<=", r"\ge": ">="}
_RELATION_NAMES |= {r"\ne": "!=", r"\equiv": "=", r"\in": "in"}
_RELATIONS = frozenset(_RELATION_NAMES)


def _items(tokens: Tokens, *, commas_of_numbers: bool = False) -> list[Tokens]:
    """The entries of a list or a set, with both values of "±"; a single one for anything else.

    Args:
        tokens: an answer.
        commas_of_numbers: whether "1,234" is a list as well.
    """
    inside = tokens
    enclosed = _enclosed(tokens)
    if enclosed is not None and enclosed[0] == r"\{" and enclosed[2] == r"\}":
        inside = enclosed[1]
        commas_of_numbers = True
    if not commas_of_numbers:
        inside = _without_thousands(inside)
    words = frozenset(
        token.text for token in inside if token.kind != "letter" and token.text in _SEPARATORS
    )
    parts = _split(inside, words)
    expanded = [one for part in parts for one in _both_signs(part)]
    return expanded if 1 < len(expanded) <= _MOST_ITEMS else [inside]


def _without_thousands(tokens: Tokens) -> Tokens:
    """Numbers with commas between groups of three digits as one token each."""
    kept: list[Token] = []
    index = 0
    while index < len(tokens):
        token, digits, end = tokens[index], tokens[index].text, index + 1
        if token.kind == "number" and digits.isdigit() and len(digits) <= 3:
            while (
                end + 1 < len(tokens)
                and tokens[end].text == ","
                and re.fullmatch(r"\d{3}(?:\.\d+)?", tokens[end + 1].text)
                and not tokens[end].spaced
                and not tokens[end + 1].spaced
                and "." not in digits
            ):
                digits += tokens[end + 1].text
                end += 2
        kept.append(token._replace(text=digits))
        index = end
    return kept


def _both_signs(tokens: Tokens) -> list[Tokens]:
    r"""An entry with "±" as the two that it stands for."""
    if not any(token.text in (r"\pm", r"\mp") for token in tokens):
        return [tokens]
    signs = ({r"\pm": "+", r"\mp": "-"}, {r"\pm": "-", r"\mp": "+"})
    return [
        [t._replace(text=sign[t.text], kind="sign") if t.text in sign else t for t in tokens]
        for sign in signs
    ]


def _same_lists(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Lists and sets, in any order; a list without brackets beside a tuple, in the same order."""
    one, other = _items(a), _items(b)
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
        tuple_of = _tuple(b)
        if tuple_of is not None and _shared_label(one) is None:
            return _all_same(one, tuple_of, depth)
        unions = _split(b, _UNION)
        other = unions if len(unions) > 1 else _items(b, commas_of_numbers=True)
    shared = _shared_label(one), _shared_label(other)
    if None not in shared and shared[0] != shared[1]:
        return False
    if len(one) != len(other):
        return False
    return _match(one, other, depth)


def _shared_label(items: Sequence[Tokens]) -> str | None:
    """The name that is said of all entries: "x" in "x = 1, 2"."""
    labels = [_labelled(item) for item in items]
    first = labels[0]
    if first is None or any(label is not None and label[0] != first[0] for label in labels):
        return None
    return first[0]


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


def _condition(tokens: Tokens) -> Tokens:
    r"""Of "{x | x > 3}" what is said of x; all of anything else."""
    enclosed = _enclosed(tokens)
    if enclosed is None or enclosed[0] != r"\{":
        return tokens
    inside = enclosed[1]
    named = len(inside) > 2 and inside[0].kind == "letter" and inside[1].text in ("|", ":")
    return inside[2:] if named else tokens


# --- tuples, intervals, sets of them --------------------------------------------------------------


def _tuple(tokens: Tokens) -> list[Tokens] | None:
    """The entries of (a, b, …); None for anything else."""
    enclosed = _enclosed(tokens)
    if enclosed is None or enclosed[0] not in ("(", r"\langle"):
        return None
    parts = _split(enclosed[1], _COMMA)
    return parts if len(parts) > 1 else None


def _same_brackets(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Tuples and intervals, entry by entry; unions of them in any order."""
    one, other = _split(a, _UNION), _split(b, _UNION)
    if len(one) > 1 or len(other) > 1:
        return len(one) == len(other) and _match(one, other, depth)
    left, right = _enclosed(a), _enclosed(b)
    parts = [_split(side[1], _COMMA) if side else [] for side in (left, right)]
    if left is None or right is None or len(parts[0]) < 2 or len(parts[1]) < 2:
        return False if len(parts[0]) > 1 or len(parts[1]) > 1 else None
    brackets = [
        (side[0].replace(r"\langle", "("), side[2].replace(r"\rangle", ")"))
        for side in (left, right)
    ]
    return brackets[0] == brackets[1] and _all_same(parts[0], parts[1], depth)


def _same_ratio(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Ratios and times of day, 3:4 and 10:30, part by part."""
    one, other = (_split(tokens, frozenset({":"})) for tokens in (a, b))
    if len(one) == len(other) == 1:
        return None
    return _all_same(one, other, depth)


def _same_matrices(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Matrices and vectors, cell by cell."""
    one, other = _cells(a), _cells(b)
    if one is None or other is None:
        return None if one is other else False
    if [len(row) for row in one] != [len(row) for row in other]:
        return False
    return all(_all_same(left, right, depth) for left, right in zip(one, other, strict=True))


def _cells(tokens: Tokens) -> list[list[Tokens]] | None:
    outside = _enclosed(tokens)
    if outside is not None and outside[0] in ("(", "[") and outside[1]:
        tokens = outside[1]
    if len(tokens) < 3 or tokens[0].text != r"\matrix":
        return None
    enclosed = _enclosed(tokens[1:])
    if enclosed is None:
        return None
    rows = _split(enclosed[1], frozenset({r"\\"}))
    return [_split(row, frozenset({"&"})) for row in rows]


# --- equations and inequalities -------------------------------------------------------------------


class _Relation(NamedTuple):
    """`left` is `sign` to `right`; ">" is turned round."""

    left: Tokens
    sign: str
    right: Tokens


def _relations(tokens: Tokens) -> list[_Relation]:
    """The relations of "a < x ≤ b", from left to right; none for what is no relation."""
    sides: list[list[Token]] = [[]]
    signs: list[str] = []
    depth = 0
    for token in tokens:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        if not depth and token.text in _RELATIONS:
            signs.append(_RELATION_NAMES[token.text])
            sides.append([])
        else:
            sides[-1].append(token)
    if not all(sides):
        return []
    return [
        _Relation(right, sign.replace(">", "<"), left)
        if sign.startswith(">")
        else _Relation(left, sign, right)
        for left, sign, right in zip(sides, signs, sides[1:], strict=False)
    ]


def _labelled(tokens: Tokens) -> tuple[str, Tokens] | None:
    r"""A name and what it equals, or is in: "x = 5", "f(x) = x^2", "x \in [0, 1]"."""
    relations = _relations(tokens)
    if not relations or any(one.sign not in ("=", "in") for one in relations):
        return None
    left = relations[0].left
    return (key_of(left), relations[-1].right) if _is_name(left) else None


def _is_name(tokens: Tokens) -> bool:
    """Does this name something: letters with their marks and arguments, sums such as a + b?"""
    depth = 0
    subscript = False
    for token in tokens:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        inside = depth > 0 or token.text in _CLOSED or subscript
        subscript = token.text == "_"
        if not inside and (token.kind == "number" or token.text in ("^", r"\frac", r"\sqrt")):
            return False
    return True


def _same_relations(a: Tokens, b: Tokens, depth: int) -> bool | None:
    one, other = _relations(a), _relations(b)
    if not one and not other:
        return None
    if not one or not other:
        label, plain = (_labelled(a), b) if one else (_labelled(b), a)
        if label is not None:
            return _same(label[1], plain, depth + 1)
        chain = one or other
        if all(r.sign == "=" for r in chain) and _is_constant(chain[0].left):
            return _same(chain[-1].right, plain, depth + 1)  # 2 + 3 = 5
        return bool(_same_interval(chain, plain, depth))
    left, right = _labelled(a), _labelled(b)
    if left is not None and right is not None and left[0] == right[0]:
        found = _same(left[1], right[1], depth + 1)
        if found:
            return True
    return len(one) == len(other) and _match_relations(one, other, depth)


def _match_relations(one: list[_Relation], other: list[_Relation], depth: int) -> bool:
    left = list(other)
    for relation in one:
        equal = next((r for r in left if _same_relation(relation, r, depth)), None)
        if equal is None:
            return False
        left.remove(equal)
    return True


def _same_relation(a: _Relation, b: _Relation, depth: int) -> bool:
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


def _proportional(a: _Relation, b: _Relation) -> bool:
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


def _difference(relation: _Relation) -> tuple[frozenset[str], list[Value]]:
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


def _same_interval(chain: list[_Relation], plain: Tokens, depth: int) -> bool | None:
    r"""An inequality in one letter beside an interval: 2 < x ≤ 5 and (2, 5]."""
    enclosed = _enclosed(plain)
    ends = _split(enclosed[1], _COMMA) if enclosed else []
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


# --- numbers --------------------------------------------------------------------------------------

_BASES = {
    **{"two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8"},
    **{"nine": "9", "ten": "10", "eleven": "11", "twelve": "12", "sixteen": "16"},
}


def _based(tokens: Tokens) -> tuple[str, str] | None:
    """Digits and their base, as in 57_8 or "57 base 8"; the base is "" where none is given."""
    index = 0
    while index < len(tokens) and (
        tokens[index].kind in ("number", "letter") and not (index and tokens[index].spaced)
    ):
        index += 1
    digits = "".join(token.text for token in tokens[:index]).upper()
    if not re.fullmatch(r"[0-9A-F.]+", digits) or not re.search(r"\d", digits):
        return None
    mark = [token.text for token in tokens[index:] if token.text not in ("{", "}", "(", ")")]
    if not mark:
        return digits, ""
    if mark[0] in ("_", "in", "base"):
        names = [word for word in mark if word not in ("_", "in", "base")]
        if len(names) == 1:
            base = _BASES.get(names[0], names[0])
            if base.isdigit():
                return digits, base
    return None


def _same_based(a: Tokens, b: Tokens, depth: int) -> bool | None:
    """Numbers with a base: the same digits, and no other base."""
    one, other = _based(a), _based(b)
    if one is None or other is None or not (one[1] or other[1]):
        return None
    return one[0] == other[0] and (one[1] == other[1] or not (one[1] and other[1]))


class _Quantity(NamedTuple):
    """A number or formula with what follows it.

    Attributes:
        names: the letters in it.
        values: its value at each point; a single one where there are no letters.
        places: where a plain decimal with four or more digits behind its point was rounded; -1 for
            all others.
        unit: what it is counted in.
    """

    names: frozenset[str]
    values: list[Value | None]
    places: int
    unit: Unit


_PLACES = 4  # a decimal with so many stands for what rounds to it
_DECIMAL = re.compile(
    r"[-+]?(?P<whole>\d*)\.(?P<decimals>\d+)"
    r"(?:(?:[eE](?P<power>[-+]?\d{1,3}))|(?:\*10\^\{?(?P<tens>[-+]?\d{1,3})\}?))?"
)
_SCIENTIFIC = re.compile(r"([-+]?)(\d+(?:\.\d+)?|\.\d+)[eE]([-+]?\d{1,3})")


def _read(tokens: Tokens) -> _Quantity | None:
    """The quantity that an answer is; None where it is none."""
    try:
        return _quantity(tokens)
    except (NoFormulaError, ArithmeticError, ValueError):
        return _with_letter_unit(tokens)


def _quantity(tokens: Tokens) -> _Quantity:
    """
    Raises:
        NoFormulaError: it is none.
    """
    tokens = _without_thousands(tokens)
    plain = key_of(tokens)
    if found := _SCIENTIFIC.fullmatch(plain.replace(" ", "")):
        value = Fraction(f"{found[1]}{found[2]}e{found[3]}")
        return _Quantity(frozenset(), [value], _places(plain), NO_UNIT)
    formula = Formula(tokens)
    values = formula.values()
    size, rest = _scale(formula.rest)
    unit = (
        PERCENT
        if rest and [t.text for t in rest] in (["%"], ["percent"], ["per", "cent"])
        else None
    )
    if unit is None:
        unit = read_unit(rest)
    if unit is None:
        raise NoFormulaError
    if size != 1:
        values = [None if v is None else v * size for v in values]
    number = tokens[: len(tokens) - len(formula.rest)]
    places = -1 if size != 1 else _places(key_of(number))
    return _Quantity(formula.names, values, places, unit)


def _scale(rest: Tokens) -> tuple[int, Tokens]:
    """What "million" and the like after a number multiply it by, and what is left."""
    size = 1
    while rest and rest[0].kind == "word" and (by := SCALES.get(rest[0].text)):
        size, rest = size * by, rest[1:]
    return size, rest


def _places(number: str) -> int:
    found = _DECIMAL.fullmatch(number.replace(" ", ""))
    if found is None or len(found["decimals"]) < _PLACES:
        return -1
    return max(len(found["decimals"]) - int(found["power"] or found["tens"] or 0), 0)


def _same_quantities(a: Tokens, b: Tokens, depth: int) -> bool | None:
    one, other = _read(a), _read(b)
    if one is None or other is None:
        return None if one is other else False
    if other.names and (one.unit.powers or not one.names):
        other = _with_letter_unit(b) or other
    elif one.names and (other.unit.powers or not other.names):
        one = _with_letter_unit(a) or one
    if PERCENT in (one.unit, other.unit) and one.unit != other.unit:
        return _same_percent(one, other)
    if one.unit.powers and other.unit.powers:
        if one.unit.powers != other.unit.powers:
            return False
        if one.unit.size != other.unit.size:
            one, other = (
                q._replace(values=[v and v * q.unit.size for v in q.values], places=-1)
                for q in (one, other)
            )
    return _same_values(one, other)


def _with_letter_unit(tokens: Tokens) -> _Quantity | None:
    """ "5 m" as five metres: beside another length or a bare number, for it may be 5 times m."""
    first = next((i for i, token in enumerate(tokens) if token.kind == "letter"), 0)
    if not first or tokens[first].text not in LETTERS:
        return None
    try:
        quantity = _quantity(tokens[:first])
    except NoFormulaError:
        return None
    unit = read_unit([token._replace(upright=True) for token in tokens[first:]])
    return quantity._replace(unit=unit) if unit and unit.powers else None


def _same_percent(a: _Quantity, b: _Quantity) -> bool:
    rate, other = (a, b) if a.unit == PERCENT else (b, a)
    if other.unit.powers:
        return False
    places = rate.places + 2 if rate.places > 0 else -1
    hundredth = [None if v is None else v / 100 for v in rate.values]
    share = _Quantity(rate.names, hundredth, places, NO_UNIT)
    return _same_values(rate, other) or _same_values(share, other)


def _same_values(a: _Quantity, b: _Quantity) -> bool:
    """Equal at all points, or equal when rounded to the places of the one that was rounded."""
    n = max(len(a.values), len(b.values))  # one value stands for all points
    one, other = (q.values * (n // len(q.values)) for q in (a, b))
    pairs = [(x, y) for x, y in zip(one, other, strict=True) if x is not None and y is not None]
    if pairs and all(nearly_equal(x, y) for x, y in pairs):
        return True
    return not (a.names or b.names) and _rounded_same(a, b)


def _rounded_same(a: _Quantity, b: _Quantity) -> bool:
    places = min((q.places for q in (a, b) if q.places >= 0), default=None)
    x, y = a.values[0], b.values[0]
    if places is None or not (is_real(x) and is_real(y)):
        return False
    exact = to_fraction(x), to_fraction(y)
    for q, value in zip((a, b), exact, strict=True):
        if 0 <= q.places < places or value.denominator == 1:
            return False
    return abs(exact[0] - exact[1]) <= Fraction(f"5e-{places + 1}")

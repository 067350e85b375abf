r"""What an answer is made of: a choice letter, a list, a tuple, a matrix, an equation.

Each function finds one such structure in a list of tokens and gives its parts; whether two parts
are the same `equality` decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from prm_core.answers.notation import Token, key_of, words

Tokens = Sequence[Token]
_MOST_ITEMS = 40  # of a list; a longer one equals only the same text
_OPEN = frozenset({"(", "[", "{", r"\{", r"\langle", r"\lfloor", r"\lceil"})
_CLOSED = frozenset({")", "]", "}", r"\}", r"\rangle", r"\rfloor", r"\rceil"})
COMMA = frozenset({","})
UNION = frozenset({r"\cup"})
_SEPARATORS = words("and or und oder et ou y e o и или 或 和 与 及 以及 或者") | {
    ",",
    ";",
    "&",
    r"\\",
}
_RELATION_NAMES = {"=": "=", r"\approx": "=", "<": "<", ">": ">", r"\le": "<=", r"\ge": ">="}
_RELATION_NAMES |= {r"\ne": "!=", r"\equiv": "=", r"\in": "in"}
_RELATIONS = frozenset(_RELATION_NAMES)


def parts_of(tokens: Tokens, separators: frozenset[str]) -> list[Tokens]:
    """The parts between separators that are outside all brackets; blank ones are dropped."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        if depth <= 0 and token.text in separators:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def brackets_of(tokens: Tokens) -> tuple[str, Tokens, str] | None:
    """The brackets around all of it, and what is inside; an interval's may differ in kind."""
    if len(tokens) < 2 or tokens[0].text not in _OPEN or tokens[-1].text not in _CLOSED:
        return None
    depth = 0
    for token in tokens[:-1]:
        depth += (token.text in _OPEN) - (token.text in _CLOSED)
        if not depth:
            return None
    return tokens[0].text, tokens[1:-1], tokens[-1].text


class Choice(NamedTuple):
    """An option of a multiple choice: its letter, whether it is marked as one, and its text."""

    letter: str
    marked: bool
    text: Tokens


_CHOICE_WORDS = words("option choice answer 选项 选 答案 ответ вариант opción respuesta réponse")
_CHOICE_WORDS |= words("antwort opção resposta risposta opzione")


def _is_apart(tokens: Tokens) -> bool:
    """Is a capital letter followed by a blank and what it stands for: "C twelve", "C (12)"?

    "A tetrahedron" is none.
    """
    after = tokens[1]
    word = after.kind == "word" and tokens[0].text != "A"
    value = word or after.kind == "number" or after.text in ("(", r"\frac", r"\sqrt")
    return tokens[0].text.isupper() and after.spaced and value


def _is_said(tokens: Tokens) -> bool:
    """Are there words after the mark: "C - twelve apples", and not C - 12?"""
    return len(tokens) > 2 and tokens[2].spaced and tokens[2].kind == "word"


def choice_of(tokens: Tokens) -> Choice | None:
    if tokens and tokens[0].text in _CHOICE_WORDS:
        named = tokens[1:]
        found = choice_of(named[1:] if named and named[0].text in (":", "is", "_") else named)
        return found and found._replace(marked=True)
    texts = [token.text for token in tokens[:3]]
    if not texts:
        return None
    closing = {"(": ")", "[": "]", "{": "}"}.get(texts[0])
    opened = closing is not None
    letter = texts[1] if opened and len(texts) > 1 else texts[0]
    if len(letter) != 1 or not letter.isalpha() or not letter.isascii():
        return None
    if opened:
        if texts[2:] != [closing]:
            return None
        rest = tokens[3:]
    elif len(texts) == 1 or _is_apart(tokens):
        rest = tokens[1:]
    else:
        if texts[1] not in (")", ":", ".") and not (texts[1] in ("-", ",") and _is_said(tokens)):
            return None
        rest = tokens[2:]
        opened = True
    known = letter in "ABCDEFGHIJ" or (opened and letter in "abcdefghij")
    if rest and (not known or rest[0].text in ("+", "*", "/", "^", "=", ",", "'")):
        return None
    if len(rest) > 1 and rest[0].text in _SEPARATORS and choice_of(rest[1:]):
        return None  # (A) and (B)
    more = len(rest) > 2 and rest[0].text == "(" and rest[2].text == ")"
    if more and rest[1].kind == "letter":
        return None  # (A)(B), or one of several parts
    return Choice(letter, opened, rest)


def items_of(tokens: Tokens, *, commas_of_numbers: bool = False) -> list[Tokens]:
    """The entries of a list or a set, with both values of "±"; a single one for anything else.

    Args:
        tokens: an answer.
        commas_of_numbers: whether "1,234" is a list as well.
    """
    inside = tokens
    enclosed = brackets_of(tokens)
    if enclosed is not None and enclosed[0] == r"\{" and enclosed[2] == r"\}":
        inside = enclosed[1]
        commas_of_numbers = True
    if not commas_of_numbers:
        inside = without_thousands(inside)
    words = frozenset(
        token.text for token in inside if token.kind != "letter" and token.text in _SEPARATORS
    )
    parts = parts_of(inside, words)
    expanded = [one for part in parts for one in _both_signs(part)]
    return expanded if 1 < len(expanded) <= _MOST_ITEMS else [inside]


def without_thousands(tokens: Tokens) -> Tokens:
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


def shared_label(items: Sequence[Tokens]) -> str | None:
    """The name that is said of all entries: "x" in "x = 1, 2"."""
    labels = [label_of(item) for item in items]
    first = labels[0]
    if first is None or any(label is not None and label[0] != first[0] for label in labels):
        return None
    return first[0]


_COUNTED = re.compile(r"([A-Za-z])_(\d)")


def counted_entries(items: Sequence[Tokens]) -> tuple[str, list[Tokens]] | None:
    """ "x" and the entries of "x_1 = 2, x_2 = 7"; None for anything else."""
    labels = [label_of(item) for item in items]
    found = [label and _COUNTED.fullmatch(label[0]) for label in labels]
    counts = [int(one[2]) for one in found if one]
    letters = {one[1] for one in found if one}
    if counts != list(range(1, len(items) + 1)) or len(letters) != 1:
        return None
    return letters.pop(), [label[1] for label in labels if label]


def condition_of(tokens: Tokens) -> Tokens:
    r"""Of "{x | x > 3}" what is said of x; all of anything else."""
    enclosed = brackets_of(tokens)
    if enclosed is None or enclosed[0] != r"\{":
        return tokens
    inside = enclosed[1]
    bars = [index for index, token in enumerate(inside[:6]) if token.text in ("|", ":")]
    if not bars or inside[0].kind != "letter":
        return tokens
    named = inside[1 : bars[0]]  # nothing, or "∈ ℝ"
    of_reals = [token.text for token in named if token.text not in ("{", "}")] == [r"\in", "R"]
    return inside[bars[0] + 1 :] if of_reals or not named else tokens


def tuple_entries(tokens: Tokens) -> list[Tokens] | None:
    """The entries of (a, b, …); None for anything else."""
    enclosed = brackets_of(tokens)
    if enclosed is None or enclosed[0] not in ("(", r"\langle"):
        return None
    parts = parts_of(enclosed[1], COMMA)
    return parts if len(parts) > 1 else None


def cells_of(tokens: Tokens) -> list[list[Tokens]] | None:
    outside = brackets_of(tokens)
    if outside is not None and outside[0] in ("(", "[") and outside[1]:
        tokens = outside[1]
        listed = [brackets_of(row) for row in parts_of(tokens, COMMA)]
        if len(listed) > 1 and outside[0] == "[" and all(row and row[0] == "[" for row in listed):
            return [parts_of(row[1], COMMA) for row in listed if row]  # [[1, 2], [3, 4]]
    if outside is not None and outside[0] == r"\langle":
        return [[entry] for entry in parts_of(outside[1], COMMA)]
    if len(tokens) < 3 or tokens[0].text != r"\matrix":
        return None
    enclosed = brackets_of(tokens[1:])
    if enclosed is None:
        return None
    rows = parts_of(enclosed[1], frozenset({r"\\"}))
    return [parts_of(row, frozenset({"&"})) for row in rows]


class Relation(NamedTuple):
    """`left` is `sign` to `right`; ">" is turned round."""

    left: Tokens
    sign: str
    right: Tokens


def relations_of(tokens: Tokens) -> list[Relation]:
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
        Relation(right, sign.replace(">", "<"), left)
        if sign.startswith(">")
        else Relation(left, sign, right)
        for left, sign, right in zip(sides, signs, sides[1:], strict=False)
    ]


def label_of(tokens: Tokens) -> tuple[str, Tokens] | None:
    r"""A name and what it equals, or is in: "x = 5", "f(x) = x^2", "x \in [0, 1]"."""
    relations = relations_of(tokens)
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

"""A recursive descent over the tokens of a text: one computation after the other.

Words between a number and a sign are its unit ("17 apples + 15 apples = 32 apples"). What cannot
be read is no computation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction

from prm_core.calculator.conversions import CONVERSIONS, factor_of, singular
from prm_core.calculator.readings import ELSEWHERE, Side
from prm_core.calculator.tokens import (
    AND,
    COMMA,
    COPULA,
    FILLER,
    FRACTION,
    LINK,
    NUMBER,
    OF,
    PI,
    PI_VALUE,
    ROOT,
    STOP,
    TIMES_WORD,
    VARIABLE,
    VERB,
    VERBS,
    WORD,
    Number,
    Tokens,
    exact,
    quotient,
    words,
)

_DEEPEST = 20  # brackets
_LARGEST = 200  # bits of a value's numerator or denominator
_LARGEST_POWER = 64
_UNIT_WORDS = 4  # between a number and the next sign
_GAP_WORDS = 5  # between a computation and the result that words give it
_OPERATIONS = frozenset("+-*/")
_UNIT = frozenset((WORD, FILLER, OF))
_GAP = frozenset((FILLER, COPULA, LINK, COMMA, OF))
BEGINS = frozenset((NUMBER, "(", FRACTION, ROOT, PI, VARIABLE, TIMES_WORD, VERB, "-"))
_OPERAND = BEGINS - {VERB}
_RESULT = _OPERAND - {VARIABLE}
_FACTOR = frozenset((ROOT, FRACTION, VARIABLE, PI))
_JOINS = frozenset(("_", r"\pm", r"\mp", r"\mod", r"\bmod", r"\pmod", r"\choose", "mod", "?"))
_UNREAD = frozenset(  # they end what is computed with, or stand for it
    words(r"| ! … ? _ □ ☐ ▢ ⬜ \dots \cdots \ldots \vert \rvert")
)
_ARROWS = frozenset(  # commands that take nothing
    words(
        r"\implies \iff \to \rightarrow \therefore \because \colon \leq \geq \le \ge \neq \ne \lt "
        r"\gt \equiv \ldots \dots \cdots \checkmark \square \hline \begin \end \item \degree"
    )
)
_SHORT_UNITS = frozenset(
    words("kg cm mm km ml cl dl dm mg ft in oz lb hr mi yd pm am st nd rd th kw mb gb")
)
_BOX = re.compile(r"\\(?:boxed|fbox|mbox|text\w*|math\w+)\s*\Z")
_SHARE = frozenset(("/", "%", "(", ")", NUMBER))  # 2/3, 20%, \\frac{2}{3}
_BEHIND_UNIT = frozenset("+-*/=)^c%")
_NOT_TIME = frozenset((WORD, *"*/^%("))  # not behind "1 h 50", which is a time


class Reader:
    """One pass over the tokens of a text."""

    def __init__(self, tokens: Tokens, text: str, unknowns: Mapping[str, Number]) -> None:
        self.kinds, self.values = tokens.kinds, tokens.values
        self.starts, self.ends, self.shown = tokens.starts, tokens.ends, tokens.shown
        self.text = text
        self.unknowns = unknowns
        self.hundredth: Number = Fraction(1, 100)
        self.negates_by_a_dash = False  # "- 7 + 12", where the dash may be a bullet
        self.i = 0
        self.depth = 0
        self.operands: list[Number] = []
        self.signs: list[str] = []
        self.partial: set[Number] = set()
        self.fractional = False
        self.saw_unknown = False
        self.saw_letter = False
        self.measure = ""  # the unit of what was just read
        self.smallest = ""  # the unit in which numbers of several units are

    # A method that reads moves `i` past what it read, or returns None.

    def side(self) -> Side | None:
        """A computation, or a number, that begins here."""
        first = self.i
        self.operands, self.signs, self.depth, self.saw_letter = [], [], 0, False
        self.smallest = ""
        value = self._command() if self.kinds[first] == VERB else self._sum()
        if value is None:
            self.i = first
            return None
        last = self._before_unit(first, self.i - 1)
        alone = last == first
        return Side(
            value,
            self.starts[first],
            self.ends[last],
            tuple(self.operands),
            "".join(self.signs),
            self._digits_shown(first, last),
            self.smallest or self._unit(first, last) or ("" if alone else self.measure),
            alone and first > 0 and self.kinds[first - 1] in (WORD, COPULA, FILLER, LINK),
            not alone or self.kinds[first] == VARIABLE or self._is_in_digits(first),
            self._is_cut(first, last),
            first,
            bool(self.smallest),
        )

    def _is_in_digits(self, i: int) -> bool:
        """Not "one"; a mixed number counts."""
        return self.shown[i] >= 0 or self.text[self.starts[i]].isdigit()

    def _before_unit(self, first: int, last: int) -> int:
        r"""The last token of a computation without its unit, which may be `\text{ hours}`."""
        while last > first:
            j = last
            if self.kinds[j] == ")" and self.text[self.starts[j] : self.ends[j]] == "}":
                j -= 1
                while self.kinds[j] in _UNIT:
                    j -= 1
                if j == last - 1 or not self._opens_group(j):
                    return last
            elif self.kinds[j] == "/" and self.kinds[j - 1] == WORD:
                j -= 1  # "km/h"
            elif self.kinds[j] not in _UNIT:
                return last
            last = j - 1
        return last

    def _is_cut(self, first: int, last: int) -> bool:
        """Whether more than was read belongs to a computation: a sign, a letter, a command."""
        kinds = self.kinds
        j = first - 1
        while j > max(0, first - 3) and kinds[j] == WORD:
            j -= 1
        signs = _OPERATIONS if j == first - 1 else "+*"
        before = j > 0 and kinds[j] in signs and (kinds[j - 1] != STOP or self._is_unread(j - 1))
        behind = kinds[self.i] in "+*/^(" or (
            kinds[self.i] == "-" and self.ends[self.i + 1] - self.starts[self.i + 1] == 1
        )
        # "3 17/12"
        behind = behind or (first == last and kinds[self.i : self.i + 2] == [NUMBER, "/"])
        j = self.i
        while kinds[j] == WORD and j < self.i + 2:
            j += 1
        counts = kinds[j] == OF and kinds[j + 1] == NUMBER  # "6 groups of 7"
        before = before or self._belongs_before(first)
        if first == last:
            before = before or self._stands_behind_a_colon(first)
        behind = behind or kinds[self.i] in _FACTOR or self.values[self.i] in _JOINS
        return before or behind or counts or self.saw_letter

    def _is_unread(self, i: int) -> bool:
        """Whether a sign belongs to a number: of "3! ×", "|3 - 8| +", "2 + ... +", "30 lbs. ×"."""
        said = "".join(map(str, self.values[max(0, i - 1) : i + 1]))
        short = said[-1] == "." and self.kinds[i - 1] == WORD and not self._new_line(i + 1)
        return short or said.endswith("..") or self.values[i] in _UNREAD

    def _belongs_before(self, first: int) -> bool:
        r"""Whether what stands before takes it: `f(-2)`, `17 % 5`, `3 17/12`, `a_{14}`, `x^2`."""
        if not first:
            return False
        kind, said = self.kinds[first - 1], str(self.values[first - 1])
        place, end = self.starts[first], self.ends[first - 1]
        tight = self.text[end:place] in ("", r"\left")
        letter = kind in (WORD, FILLER, VARIABLE) or said == "'"
        if tight and self.text[place] in "(+-−" and (letter or kind == ")"):
            return True
        if (kind == "%" and self.kinds[first] in ("(", NUMBER)) or kind == ROOT or said == "∛":
            return True
        if kind == NUMBER and self.shown[first - 1] >= 0 and self.kinds[first + 1] == "/":
            return True
        in_group = self.text[place] == "{" and not _BOX.search(self.text, max(0, place - 12), place)
        if in_group or self.text[end - 1] == "}":
            return True
        takes = said[:1] == "\\" and said not in _ARROWS
        return kind == "^" or "_" in (said, self.values[first - 2]) or takes

    def _stands_behind_a_colon(self, i: int) -> bool:
        """Whether it may be a divisor: "2000 ml : 7 ≈ 286"."""
        spaced = i > 1 and self.starts[i - 1] > self.ends[i - 2]
        return spaced and self.values[i - 1] == ":" and self.kinds[i - 2] == WORD

    def _digits_shown(self, first: int, last: int) -> int:
        if self.kinds[first] == "(" and last == first + 2:
            first = last = first + 1  # "\\boxed{4.22}"
        if first == last:
            return self.shown[first]
        if last == first + 1 and self.kinds[last] == "%" and self.shown[first] >= 0:
            return self.shown[first] + 2
        return -1

    def _unit(self, first: int, last: int) -> str:
        if self._is_money(first):
            return "$"
        j = last + 1
        while j < last + 3 and (self.kinds[j] in (FILLER, OF) or self._opens_group(j)):
            j += 1
        if self.kinds[j] != WORD:
            return ""
        rate = self.kinds[j + 1 : j + 3] == ["/", WORD]  # "km/h"
        return singular(self.values[j]) + (f"/{self.values[j + 2]}" if rate else "")

    def _is_money(self, i: int) -> bool:
        return self.starts[i] > 0 and self.text[self.starts[i] - 1] in "$€£"

    def _opens_group(self, i: int) -> bool:
        """The brace of `\\text{ hours}`."""
        return self.kinds[i] == "(" and self.text[self.starts[i] : self.ends[i]] == "{"

    def _sum(self) -> Number | None:
        total = self._product()
        if total is None:
            return None
        terms, unit = [total], self.measure
        while (sign := self.kinds[self.i]) == "+" or sign == "-":
            before = self.i
            if sign == "-" and (self._is_negative_number(before) or self._is_bullet(before)):
                break
            mark = len(self.operands), len(self.signs)
            self.i += 1
            self._skip_words()
            term = self._product()
            if term is None:
                self.i = before
                del self.operands[mark[0] :], self.signs[mark[1] :]
                break
            if self.hundredth == 0 and self._ends_with_percent():  # "80 - 20%" taken of the 80
                term = total * quotient(self.operands[-1], 100)
            elif self.measure != unit:
                total, term, unit = self._in_one_unit(total, unit, term, self.measure)
            total = exact(total + term if sign == "+" else total - term)
            if _is_too_large(total):
                return None
            terms.append(term if sign == "+" else -term)
            self.signs.append(sign)
            self.partial.add(total)
        if len(terms) > 2:
            self._note_pairs(terms, product=False)
        return total

    def _in_one_unit(
        self, total: Number, unit: str, term: Number, other: str
    ) -> tuple[Number, Number, str]:
        """Both in the smaller unit, and that unit; as they are where their units do not convert."""
        factor = factor_of(unit, other) if unit and other else None
        if factor is None:
            return total, term, unit or other
        self.smallest = other if factor > 1 else unit
        if factor > 1:
            return total * factor, term, other
        return total, quotient(term, factor), unit

    def _ends_with_percent(self) -> bool:
        """Whether what was just read is a percentage: "8%", "8% tax"."""
        j = self.i - 1
        while self.kinds[j] in _UNIT:
            j -= 1
        return self.kinds[j] == "%"

    def _is_bullet(self, i: int) -> bool:
        return self._new_line(i) and self.starts[i + 1] > self.ends[i]

    def _is_negative_number(self, i: int) -> bool:
        """Of "from 5 down to -3" the last: a sign that belongs to the number after it."""
        return (
            self.kinds[i - 1] in _UNIT
            and self.ends[i] == self.starts[i + 1]
            and self.starts[i] > self.ends[i - 1]
        )

    def _note_pairs(self, terms: list[Number], *, product: bool) -> None:
        """Terms may be taken in any order."""
        some = terms[:8]
        for i, a in enumerate(some):
            for b in some[i + 1 :]:
                self.partial.add(exact(a * b if product else a + b))
                if product and 0 < a < 1 and 0 < b < 1:
                    self.partial.add(exact(1 / Fraction(a * b)))  # what stands below

    def _product(self) -> Number | None:
        total = self._power()
        if total is None:
            return None
        factors, units = [total], {self.measure}
        while True:
            sign, before = self.kinds[self.i], self.i
            if sign == "*" or sign == "/" or (sign == OF and self.fractional and total):
                self.i += 1
                self._skip_words()
            elif not self._follows_at_once():
                break
            mark = len(self.operands), len(self.signs)
            factor = self._tight_fraction(sign) or self._power()
            if factor is None or (sign == "/" and factor == 0):
                self.i = before
                del self.operands[mark[0] :], self.signs[mark[1] :]
                break
            if sign == "/":
                factor = quotient(1, factor)
            total = exact(total * factor)
            if _is_too_large(total):
                return None
            factors.append(factor)
            units.add(self.measure)
            self.signs.append("/" if sign == "/" else "*")
            self.partial.add(total)
            self.fractional = 0 < total < 1
            self._skip_unit()
        if len(factors) > 1:
            units.discard("")
            self.measure = units.pop() if len(units) == 1 else ""
            self._note_pairs([part for one in factors for part in _split(one)], product=True)
        return total

    def _tight_fraction(self, sign: str) -> Number | None:
        """Of `25 / 1/3` the `1/3`: what is written without blanks belongs together."""
        i, kinds = self.i, self.kinds
        if sign != "/" or kinds[i : i + 3] != [NUMBER, "/", NUMBER]:
            return None
        a, b = self.values[i], self.values[i + 2]
        assert not isinstance(a, str)
        assert not isinstance(b, str)
        tight = self.ends[i] == self.starts[i + 1] and self.ends[i + 1] == self.starts[i + 2]
        if not tight or self.starts[i] == self.ends[i - 1] or not b:
            return None
        self.i = i + 3
        self.operands += [a, b]
        self._skip_unit()
        return quotient(a, b)

    def _skip_words(self) -> None:
        """Behind a sign: "25 classmates + his 1 teacher", "Ann (21) - Tom (13)"."""
        j = self.i
        while self.kinds[j] in (WORD, FILLER) and j < self.i + 2:
            j += 1
        if self.kinds[j] == NUMBER or self.text[self.starts[j] : self.ends[j]] == "(":
            self.i = j

    def _follows_at_once(self) -> bool:
        r"""`3x`, `3(4 + 5)`, `(2)(3)` and `\frac{1}{3} (x - 30)`: a product without a sign."""
        i = self.i
        if not i:
            return False
        before, kind = self.kinds[i - 1], self.kinds[i]
        bracket = kind == "(" and self.text[self.starts[i]] == "("
        if bracket and before == ")" and self.text[self.starts[i - 1]] == "}":
            return True
        if bracket and before == NUMBER and self.kinds[i + 1] == NUMBER:
            # "2 (12 + 5)" and "5(3)", not "32 (16 students)"
            return self.kinds[i + 2] in _OPERATIONS or self.starts[i] == self.ends[i - 1]
        if self.starts[i] != self.ends[i - 1]:
            return False
        if kind == "(":
            return bracket and before in (NUMBER, ")", VARIABLE, PI)
        return before in (NUMBER, ")") and kind in (VARIABLE, FRACTION, PI)

    def _power(self) -> Number | None:
        if self.kinds[self.i] == "-" and self.kinds[self.i + 1 : self.i + 3] == [NUMBER, "^"]:
            return self._negated_power()
        base = self._primary()
        if base is None or self.kinds[self.i] != "^":
            return base
        before = self.i
        self.i += 1
        power = self._primary()
        if not isinstance(power, int) or abs(power) > _LARGEST_POWER or (not base and power < 0):
            self.i = before
            return None
        if _bits(base) * abs(power) > _LARGEST:
            return None
        self.signs.append("^")
        raised = Fraction(base) ** abs(power)
        value = exact(Fraction(raised) if power >= 0 else 1 / Fraction(raised))
        self.partial.add(value)
        self._skip_unit()
        return value

    def _negated_power(self) -> Number | None:
        """-3² is -9."""
        here = self.i
        self.i += 1
        value = self._power() if self.starts[self.i] == self.ends[here] else None
        if value is None:
            self.i = here
            return None
        return -value

    def _primary(self) -> Number | None:
        kind, i = self.kinds[self.i], self.i
        self.fractional, self.measure = False, ""
        if kind == NUMBER:
            value = self.values[i]
            assert not isinstance(value, str)
            self.i += 1
            self.operands.append(value)
            self.fractional = 0 < value < 1
            if self.kinds[self.i] == "%":
                self.i += 1
                value = exact(value * self.hundredth)
                self.signs.append("%")
                self.partial.add(value)
                self.fractional = True
            else:
                value = self._with_smaller_unit(value)
            self._skip_unit()
            return value
        if kind in ("-", "+"):
            apart = self.starts[i + 1] != self.ends[i] and self.kinds[i - 1] != "("
            if apart and not self.negates_by_a_dash:
                return None
            self.i += 1
            inner = self._primary()
            if inner is not None and self.operands:
                self.operands[-1] = -self.operands[-1] if kind == "-" else self.operands[-1]
            return None if inner is None else -inner if kind == "-" else inner
        if kind == PI:
            self.i += 1
            self.operands.append(PI_VALUE)
            self.signs.append("π")
            radius = self.kinds[self.i] == WORD and self.ends[self.i] - self.starts[self.i] == 1
            self.saw_letter = self.saw_letter or radius
            self._skip_unit()
            return PI_VALUE
        if kind == VARIABLE:
            self.saw_unknown = True
            known = self.unknowns.get(str(self.values[i]))
            self.i += known is not None
            return known
        if kind == TIMES_WORD:
            return self._times_word()
        return self._bracketed(kind)

    def _with_smaller_unit(self, value: Number) -> Number:
        """Of `1 h 50 min` and `1 h 50` the 110, in the smaller unit."""
        j = self.i + 1
        if self.kinds[self.i] != WORD:
            self.measure = "$" if self._is_money(self.i - 1) else ""
            return value
        self.measure = singular(self.values[self.i])
        if self.kinds[j] == AND:
            j += 1
        if self.kinds[j] != NUMBER:
            return value
        smaller = singular(self.values[j + 1]) if self.kinds[j + 1] == WORD else ""
        if self.values[self.i] == "h" and not self.shown[j] and self.kinds[j + 1] not in _NOT_TIME:
            smaller = "minute"
        factor = CONVERSIONS.get((self.measure, smaller))
        more = self.values[j]
        if factor is None or isinstance(more, str):
            return value
        self.measure = self.smallest = smaller
        self.i = j + 1
        self.operands.append(more)
        return exact(value * factor + more)

    def _times_word(self) -> Number | None:
        """`twice 5`, `double the 8`."""
        factor = self.values[self.i]
        assert not isinstance(factor, str)
        self.i += 1
        if self.kinds[self.i] in (FILLER, OF):
            self.i += 1
        inner = self._primary() if self.kinds[self.i] == NUMBER else None
        if inner is None:
            return None
        self.operands.append(factor)
        self.signs.append("*")
        return exact(factor * inner)

    def _bracketed(self, kind: str) -> Number | None:
        r"""`(3 + 4)`, `\frac{3}{4}`, `\sqrt{16}`."""
        if self.depth >= _DEEPEST:
            return None
        self.depth += 1
        value: Number | None = None
        if kind == "(":
            value = self._inside()
            self._skip_unit()
        elif kind == FRACTION:
            value = self._fraction()
            self._skip_unit()
        elif kind == ROOT:
            self.i += 1
            value = _root(self._inside() if self.kinds[self.i] == "(" else self._primary())
            self.signs.append("^")
        self.depth -= 1
        return value

    def _inside(self) -> Number | None:
        if self.kinds[self.i] != "(":
            return None
        self.i += 1
        value = self._sum()
        while self.kinds[self.i] in _UNIT:
            self.i += 1
        if value is None or self.kinds[self.i] != ")":
            return None
        self.i += 1
        self.fractional = 0 < value < 1
        return value

    def _fraction(self) -> Number | None:
        self.i += 1
        over = self._inside()
        under = self._inside()
        if over is None or not under:
            return None
        self.signs.append("/")
        value = quotient(over, under)
        self.partial.add(value)
        self.fractional = 0 < value < 1
        return value

    def _skip_unit(self) -> None:
        """Pass over a unit, where the computation continues after it."""
        j, kinds = self.i, self.kinds
        if kinds[j] in (WORD, FILLER) and (
            self.starts[j] == self.ends[j - 1] or self.text[self.ends[j - 1] - 1] == "}"
        ):
            n = self.ends[j] - self.starts[j]  # "3a", "3ab", "\\frac{5}{4} b"
            self.saw_letter |= n == 1 or (n == 2 and self.values[j] not in _SHORT_UNITS)
        if kinds[j] in _BEHIND_UNIT and not (kinds[j] == "/" and kinds[j + 1] == WORD):
            return
        if kinds[j] == OF and self.fractional:
            return
        last = j + _UNIT_WORDS
        while j < last:
            if kinds[j] in _UNIT and not self._begins_other(j):
                j += 1
            elif kinds[j] == "/" and kinds[j + 1] == WORD:
                j += 2
            elif kinds[j] == "^" and j > self.i and kinds[j + 1] == NUMBER:
                j += 2  # "cm^3"
            elif kinds[j] == "(" and (kinds[j + 1] in _UNIT or self._is_remark(j)):
                k = j + 1 + (kinds[j + 1] == NUMBER)
                while k < j + 1 + _UNIT_WORDS and kinds[k] in _UNIT and not self._begins_other(k):
                    k += 1
                if kinds[k] != ")":
                    return
                j = k + 1
            else:
                break
        if j > self.i and kinds[j] in _BEHIND_UNIT and kinds[j] != "^":
            self.i = j

    def _is_remark(self, i: int) -> bool:
        """Whether a bracket is "(16 students)" behind what they have, and no factor."""
        return self.starts[i] > self.ends[i - 1] and self.kinds[i + 1 : i + 3] == [NUMBER, WORD]

    def _command(self) -> Number | None:
        """`add 5 and 7`, `subtract 4 from 10`, `the product of 3 and 8`, `divide 12 by 4`."""
        word = str(self.values[self.i])
        self.i += 1
        if self.kinds[self.i] in (OF, FILLER):
            self.i += 1
        if self.values[self.i] == "between":
            self.i += 1
        numbers: list[Number] = []
        links: list[str] = []
        while len(numbers) < 8:
            value = self._power() if self.kinds[self.i] in _OPERAND else None
            if value is None:
                break
            numbers.append(value)
            j = self.i
            while self.kinds[j] in _UNIT and j < self.i + 2:
                j += 1
            if self.kinds[j] == COMMA:
                j += 1
            if self.kinds[j] in (AND, LINK):
                links.append(str(self.values[j]))
                j += 1
            if self.kinds[j] in (FILLER, WORD):
                j += 1
            if self.kinds[j] not in (NUMBER, FRACTION) or j == self.i:
                break
            self.i = j
        if len(numbers) < 2 or (VERBS[word] in "-/" and len(numbers) != 2):
            return None
        swapped = VERBS[word] == "-" and links[:1] == ["from"]
        return self._combined(VERBS[word], numbers[::-1] if swapped else numbers, word)

    def _combined(self, sign: str, numbers: list[Number], word: str) -> Number | None:
        total = numbers[0]
        for number in numbers[1:]:
            if sign == "/" and number == 0:
                return None
            self.signs.append(sign)
            total = exact(
                total + number
                if sign == "+"
                else total - number
                if sign == "-"
                else total * number
                if sign == "*"
                else Fraction(total) / number
            )
            self.partial.add(total)
        return size(total) if word == "difference" else total

    def _new_line(self, i: int) -> bool:
        """Whether a token is the first of its line."""
        return "\n" in self.text[self.ends[i - 1] : self.starts[i]]

    def _begins_other(self, i: int) -> bool:
        """Whether a word is no unit of what stands before it: "a = 0 or a = 2", "45 so m"."""
        return self._new_line(i) or self.values[i] in ("or", "a", "i", "so")

    def is_of(self, side: Side) -> bool:
        """Whether words speak of something of it: "the last digit of 3^4", "third of 21"."""
        i = side.first
        if i < 2 or self.kinds[i - 1] != OF:
            return False
        return self.kinds[i - 2] in (WORD, NUMBER) or self.values[i - 2] == "out"

    def takes_of(self, side: Side) -> bool:
        """Whether a share is one of something in words: "10% of the price", "half of it"."""
        in_words = not side.signs and side.value < 1
        if side.first == ELSEWHERE or not (in_words or side.signs in ("%", "/")):
            return False
        j = self._behind(side)
        while self.kinds[j] == FILLER:
            j += 1
        return self.kinds[j] == OF and self.kinds[j + 1] != NUMBER

    def goes_on_from_before(self, side: Side) -> bool:
        """Whether it is only what something before is changed by: "plus 60", "2 more than 10"."""
        return side.first > 0 and self.values[side.first - 1] in ("plus", "minus", "than")

    def _behind(self, side: Side) -> int:
        """The first token behind a computation."""
        j = side.first
        while self.starts[j] < side.end:
            j += 1
        return j

    def behind_dash(self, side: Side) -> Number | None:
        """The value with the dash at the head of the line before it read as a sign, or None."""
        first, here = side.first - 1, self.i
        if first < 0 or self.kinds[first] != "-" or (first and not self._new_line(first)):
            return None
        self.i, self.negates_by_a_dash = first, True
        again = self.side()
        self.i, self.negates_by_a_dash = here, False
        return None if again is None else again.value

    def behind_share(self, side: Side) -> Number | None:
        """The value of the computation alone that a share is taken of or that is done so often.

        Of "half of the 24 - 6", "40 times burns 24 - 6" and "double 24 - 6" that is 18. None where
        there is none.
        """
        kinds, here = self.kinds, self.i
        j = side.first + 1
        if kinds[side.first] != TIMES_WORD:
            while kinds[j] in _SHARE:
                j += 1
            often = kinds[j] == "*" and self.values[j] == "times"
            if not often and kinds[j] != OF:
                return None
            j += 1
        last = j + _UNIT_WORDS
        while kinds[j] in (WORD, FILLER) and j < last:
            j += 1
        self.i = j
        again = self.side() if kinds[j] in _OPERAND else None
        self.i = here
        return again.value if again is not None and again.signs and again.end == side.end else None

    def relation(self, left: Side) -> str:
        """ "=" or "words" where the text says that what was read equals what comes; else ""."""
        kinds, j = self.kinds, self.i
        if kinds[j] in _UNIT:
            k = j
            while kinds[k] in _UNIT and k < j + _UNIT_WORDS and not self._begins_other(k):
                k += 1
            if kinds[k] == "=":
                j = k
        if kinds[j] == "=":
            self.i = j + 1
            while kinds[self.i] == "=":
                self.i += 1
            while kinds[self.i] in (FILLER, COPULA) and self.i < j + 4:
                self.i += 1
            return "="
        if not left.signs:
            return ""
        copula = False
        while kinds[j] in _GAP and j < self.i + _GAP_WORDS:
            if self.values[j] == "there":
                return ""  # "63 = 6 × 10 + 3, so there are 10 boxes"
            copula = copula or kinds[j] == COPULA
            j += 1
        if copula and kinds[j] in _RESULT:
            self.i = j
            return "words"
        return ""


def _split(factor: Number) -> list[Number]:
    """Of 3/4 the 3 and the 1/4, which may be taken apart."""
    if isinstance(factor, int) or factor.numerator == 1 or factor.denominator > 100:
        return [factor]
    return [factor.numerator, Fraction(1, factor.denominator)]


def size(value: Number) -> Number:
    """The value without its sign."""
    return -value if value < 0 else value


def _bits(value: Number) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _is_too_large(value: Number) -> bool:
    return _bits(value) > _LARGEST


def _root(value: Number | None) -> Number | None:
    if value is None or value < 0:
        return None
    value = Fraction(value)
    over, under = math.isqrt(value.numerator), math.isqrt(value.denominator)
    if over * over != value.numerator or under * under != value.denominator:
        return None
    return exact(Fraction(over, under))

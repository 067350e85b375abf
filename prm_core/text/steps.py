r"""Solution text → steps.

A step is what a PRM judges. People and models mark steps in four ways: they number them, leave
blank lines, start new lines, or just end sentences; `auto` looks which of these a text shows, and
docs/steps.md says how. The work is done in four layers, each linear in the text's length:

1. Tags part thinking from the rest, and tokens and markers are taken out; every one is a wall that
   no step crosses.
2. What must stay whole is found: code, figures, tables, mathematics. A position inside is no cut.
3. A rule proposes positions; those that are free become cuts.
4. A piece without a letter or digit is no step.

Nothing is lost in silence: what is neither step nor white space is reported as dropped. Every step
knows where it was, so that an editor can mark it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import ascii_letters
from typing import NamedTuple

from prm_core.errors import BadOptionError, NoStepsError
from prm_core.text.labels import (
    ANSWER_HEADING,
    CLOSING_ANSWER,
    CLOSING_RESULT,
    EDGE,
    is_number_alone,
    step_content,
)
from prm_core.text.lists import (
    BULLET,
    List,
    all_lists,
    inlined,
    is_head,
    is_headed,
    opens_at_margin,
    step_lists,
)
from prm_core.text.parts import Part, Read, read_text, unfinished
from prm_core.text.protected import LINE_END, ProtectedSpans, Span, find_decimals
from prm_core.text.sentence_ends import CANDIDATE, ends_sentence, equation_cuts, words
from prm_core.text.tags import WORD, Dropped, Tagged, is_marker, says_something
from prm_core.types import Candidate

_HEADING = re.compile(r"[ \t]*+(\#{1,6})[ \t]")


class Step(NamedTuple):
    """One step and where it was.

    Attributes:
        text: what the user wrote, its ends stripped, a prefix such as "Step 1:" included.
        start, end: character offsets; `original[start:end] == text`.
        thinking: it was inside `<think>…</think>` or the like.
        answer: it was inside `<answer>…</answer>` or the like.
    """

    text: str
    start: int
    end: int
    thinking: bool = False
    answer: bool = False

    @property
    def content(self) -> str:
        """The text without its prefix: for models whose template numbers the steps itself."""
        return step_content(self.text)


@dataclass(frozen=True, slots=True)
class Split:
    """One solution's text, cut.

    Attributes:
        steps: in order, none blank; empty for a text that holds nothing but separators.
        rule: the rule that cut what follows the thinking (the thinking, where nothing follows);
            never "auto".
        thinking_rule: the rule that cut the thinking; None where there is none.
        dropped: what is neither step nor white space, in order.
        words: how it was cut; "numbered" cuts an unnumbered text at its list items or paragraphs.
        note: why there is a single step, or nothing numbered where that was asked for; empty where
            the text says so itself, as a single sentence does.
    """

    steps: tuple[Step, ...]
    rule: str
    thinking_rule: str | None = None
    dropped: tuple[Dropped, ...] = ()
    words: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Splits:
    """The solutions of one problem, cut.

    Attributes:
        solutions: one per text, in order.
        rule: the one rule that cut them all; None where they are cut by different ones. Texts
            without a step play no part.
    """

    solutions: tuple[Split, ...]
    rule: str | None

    def note(self, names: Sequence[str]) -> str:
        """What a reader of a ranking must know of the rules; empty where one rule cut all.

        Args:
            names: what the solutions are called, one per text.
        """
        if self.rule is not None:
            return ""
        of_rule: dict[str, list[str]] = {}
        for name, one in zip(names, self.solutions, strict=True):
            if one.steps:
                of_rule.setdefault(one.words, []).append(name)
        said = "; ".join(f"{_listed(those)} {words}" for words, those in of_rule.items())
        return (
            f"solutions are cut into steps by different rules: {said}. "
            "Scores such as product depend on the number of steps"
        )


def split_solutions(texts: Sequence[str], rule: str = "auto") -> Splits:
    r"""Cut the solutions of one problem so that they can be compared.

    Under "auto" all of them are cut by one rule where one fits: one under which no text keeps
    several sentences in one step while others are cut, and no numbered text is cut to bits.

    >>> splits = split_solutions(["1. 7 × 8 = 56.\n2. So 56.", "7 × 8 = 54. The answer is 54."])
    >>> splits.rule, [len(one.steps) for one in splits.solutions]
    ('sentence', [2, 2])

    Args:
        texts: solutions as they were pasted; blank ones have no steps.
        rule: as for `find_steps`.

    Raises:
        BadOptionError: the rule is not known.
    """
    separator = _separator(rule)
    written = separator is None or is_marker(separator)
    read = [read_text(text, written) for text in texts]
    chosen = {}
    for thinking in (False, True):
        parts = {i: one.parts[thinking] for i, one in enumerate(read) if thinking in one.parts}
        rules = [rule] * len(parts) if rule != "auto" else _common_rules(list(parts.values()))
        chosen[thinking] = dict(zip(parts, rules, strict=True))
    solutions = [
        _split(text, one, separator, chosen[False].get(i), chosen[True].get(i), rule)
        for i, (text, one) in enumerate(zip(texts, read, strict=True))
    ]
    used = [set(rules.values()) for rules in chosen.values()]
    first = next((rule for rules in used for rule in rules), "sentence")
    one_rule = all(len(rules) <= 1 for rules in used)
    return Splits(tuple(solutions), (first if rule == "auto" else rule) if one_rule else None)


def steps_of(
    solutions: Sequence[str | Sequence[str]],
    rule: str = "auto",
    thinking: Sequence[Sequence[bool] | None] = (),
) -> list[tuple[Step, ...]]:
    """The steps of one problem's solutions; those that are texts are cut as by `split_solutions`.

    Args:
        solutions: each a text, or its steps, which stay as they are.
        rule: as for `find_steps`.
        thinking: for each solution that is given as steps, what `given_steps` takes; empty where
            nothing is said of it.

    Returns:
        The steps of each; none where a text holds none.

    Raises:
        BadOptionError: the rule is not known.
    """
    texts = [solution for solution in solutions if isinstance(solution, str)]
    cut = iter(split_solutions(texts, rule).solutions)
    return [
        next(cut).steps if isinstance(solution, str) else given_steps(solution, marks)
        for solution, marks in zip(solutions, thinking or [None] * len(solutions), strict=True)
    ]


def find_steps(text: str, rule: str = "auto") -> tuple[Step, ...]:
    r"""The steps of a solution, with their places.

    >>> [step.text for step in find_steps("7 × 8 = 56. The answer is 56.")]
    ['7 × 8 = 56.', 'The answer is 56.']

    Args:
        text: a solution as it was pasted.
        rule: a name in `RULES`, or `separator:TEXT` to cut at every TEXT. In TEXT, `\n`, `\r` and
            `\t` are the control characters and `\\` is one backslash; any other backslash stands
            for itself. A line feed in TEXT matches every kind of line end. Such cuts keep
            formulas, code, tables and decimal numbers whole too, unless TEXT itself has one of
            the characters ``$ \ ` ~ |`` that delimit them.

    Returns:
        Steps in order, none blank; empty for a text that holds nothing but separators.

    Raises:
        BadOptionError: the rule is not known.
    """
    return split_solutions([text], rule).solutions[0].steps


def split_steps(text: str, rule: str = "auto") -> tuple[str, ...]:
    """The steps of a solution as texts; see `find_steps`.

    >>> split_steps("Step 1: 7 × 8 = 56.\\nStep 2: The answer is 56.")
    ('Step 1: 7 × 8 = 56.', 'Step 2: The answer is 56.')

    Raises:
        NoStepsError: the text holds no step.
        BadOptionError: the rule is not known.
    """
    steps = tuple(step.text for step in find_steps(text, rule))
    if not steps:
        raise NoStepsError("the solution has no steps; write at least one line of reasoning")
    return steps


def given_steps(texts: Sequence[str], thinking: Sequence[bool] | None = None) -> tuple[Step, ...]:
    """Steps that were cut elsewhere; they stay as they are.

    Where it is not said which of them are thinking, the tags in them decide: one with thinking and
    something else is no thinking, and a tag alone goes with the thinking beside it.

    >>> [step.thinking for step in given_steps(["<think>", "5?", "No.</think>", "So 4."])]
    [True, True, True, False]

    Args:
        texts: none blank.
        thinking: for each, whether it is thinking; None where it is not said.
    """
    joint = "\n\n"
    found = find_steps(joint.join(texts), "paragraph")
    starts, ends = [one.start for one in found], [one.end for one in found]
    steps: list[Step] = []
    start = 0
    for text in texts:
        end = start + len(text)
        first, behind = bisect_right(ends, start), bisect_left(starts, end)
        inside = [one.thinking for one in found[first:behind]]
        beside = [one.thinking for one in found[max(first - 1, 0) : behind + 1]]
        steps.append(Step(text, start, end, all(inside) if inside else any(beside)))
        start = end + len(joint)
    if thinking is None:
        return tuple(steps)
    return tuple(one._replace(thinking=m) for one, m in zip(steps, thinking, strict=True))


def candidate_of(problem: str, steps: Iterable[Step], id: str = "") -> Candidate:
    """The record that is scored; it keeps which steps are thinking.

    Raises:
        InputError, NoStepsError: as `Candidate`.
    """
    steps = tuple(steps)
    return Candidate(
        problem,
        tuple(one.text for one in steps),
        id,
        tuple(one.thinking for one in steps),
        "\n\n".join(one.text for one in steps if one.answer) or None,
    )


def chosen_rule(text: str) -> str:
    """The rule that `auto` uses for this text.

    Thinking and what follows it are judged apart; the answer is about what follows, if there is
    anything. Where step markers join a text, it is "separator:" and the marker.
    """
    return split_solutions([text]).solutions[0].rule


# --- one rule for several texts -------------------------------------------------------------------

_TO_BITS = 1.5  # a numbered text in that many times its own number of pieces is cut to bits
_TOO_FEW = 2 / 3  # of the pieces that a text's own rule gives: several of them are stuck together


def _common_rules(parts: list[Part]) -> list[str]:
    """For each part the rule that cuts it: the same one for all where one fits."""
    own = [_auto_rule(part) for part in parts]
    if len(set(own)) <= 1:
        return own
    for rule in (*sorted(set(own) - set(RULES)), *RULES[1:]):
        if all(_fits(part, mine, rule) for part, mine in zip(parts, own, strict=True)):
            return [rule] * len(parts)
    return own


def _fits(part: Part, own: str, rule: str) -> bool:
    """Does another rule than a part's own cut it well, too?"""
    if rule == own:
        return True
    mine, other = _starts(part, own), _starts(part, rule)
    if len(mine) == 1 == len(other):
        return True
    if rule == "numbered":  # it takes paragraphs where nothing is numbered
        return own == "paragraph"
    if ":" in rule:
        return False
    if own == "numbered" or ":" in own:
        return set(mine) <= set(other) and len(other) <= _TO_BITS * len(mine)
    if rule == "line" and own == "paragraph" and not _shows_lines(part):
        return False
    return len(other) >= _TOO_FEW * len(mine)


def _starts(part: Part, rule: str) -> list[int]:
    """Where the steps of a part begin under a rule."""
    return [step.start for step in _steps(part, rule, _separator(rule))]


def _listed(names: list[str]) -> str:
    """
    >>> _listed(["A", "B"]), _listed(list("ABCDEFGH"))
    ('A, B', 'A, B, C, D, E and 3 more')
    """
    if len(names) <= 6:
        return ", ".join(names)
    return f"{', '.join(names[:5])} and {len(names) - 5} more"


# --- steps of one text ----------------------------------------------------------------------------


def _split(
    text: str,
    read: Read,
    separator: str | None,
    solution_rule: str | None,
    thinking_rule: str | None,
    asked: str,
) -> Split:
    """A text cut by the rules that were chosen for its two voices."""
    steps: list[Step] = []
    words: dict[bool, str] = {}
    by_name = asked == "numbered"
    for part in read.parts.values():
        rule = thinking_rule if part.thinking else solution_rule
        assert rule is not None
        own = separator if asked == rule else _separator(rule)
        steps += _steps(part, rule, own, by_name)
        words[part.thinking] = _words(part, rule, by_name)
    steps.sort(key=lambda step: step.start)
    rule = solution_rule or thinking_rule or ("sentence" if asked == "auto" else asked)
    return Split(
        tuple(steps),
        rule,
        thinking_rule,
        tuple(_dropped(text, read.tagged, steps, separator)),
        _both_words(words),
        _note(read, steps, asked),
    )


def _steps(part: Part, rule: str, separator: str | None, by_name: bool = False) -> Iterator[Step]:
    """The pieces of a part that have a letter or digit, their ends stripped."""
    if separator is not None:
        pieces = _literal_pieces(part, separator)
    else:
        pieces = _pieces(part, rule, by_name)
    for start, end in pieces:
        left = part.text[start:end].lstrip(EDGE)
        step = left.rstrip(EDGE)
        if step and says_something(step, 0, len(step)):
            first = end - len(left)
            # From the original: a rule of dashes within a step is blank in the part's text.
            last = first + len(step)
            answer = part.answers.overlap(first, last)
            yield Step(part.original[first:last], first, last, part.thinking, answer)


def _dropped(
    text: str, tagged: Tagged, steps: list[Step], separator: str | None
) -> Iterator[Dropped]:
    """Tags, and whatever else is neither step nor white space, in order."""
    taken = [*((step.start, step.end, "") for step in steps), *tagged.tags]
    at = 0
    for start, end, kind in [*sorted(taken), (len(text), len(text), "")]:
        left = text[at:start].lstrip(EDGE)
        if rest := left.rstrip(EDGE):
            other = "layout" if WORD.search(rest) else "no letter or digit"
            first = start - len(left)
            yield Dropped(first, first + len(rest), other if separator is None else "separator")
        if kind:
            yield Dropped(start, end, kind)
        at = end


def _words(part: Part, rule: str, by_name: bool) -> str:
    """How a part is cut, in words."""
    name = rule.split(":")[0]
    if name != "numbered":
        return RULE_WORDS[name]
    kinds = {one.heads[0].kind for one in _numbered_lists(inlined(part), by_name)}
    if not kinds:
        return RULE_WORDS["paragraph"]
    if kinds == {"turn"}:
        return "by label"
    return "by list item" if kinds == {"bullet"} else RULE_WORDS["numbered"]


def _both_words(words: dict[bool, str]) -> str:
    """The words of a solution, and of its thinking if that is cut otherwise."""
    solution, thinking = words.get(False), words.get(True)
    if solution and thinking and solution != thinking:
        return f"{solution} (thinking {thinking})"
    return solution or thinking or ""


_LINE_BREAK = re.compile(LINE_END)
_BLANK_LINE = re.compile(rf"{LINE_END}[^\S\n\r\x85\u2028\u2029]*+{LINE_END}|\u2029")


def _note(read: Read, steps: list[Step], rule: str) -> str:
    """What `Split.note` says: only what is true of the text as it was typed."""
    text = read.text
    if len(steps) != 1 and rule != "numbered":
        return ""
    labelled = any(step.content != step.text for step in steps)
    if rule == "numbered":
        parts = map(inlined, read.parts.values())
        listed = labelled or any(_numbered_lists(part, by_name=True) for part in parts)
        return "" if listed or not steps else NAMED_RULES[rule].single
    if rule not in ("auto", *NAMED_RULES):
        return "the separator does not split it"
    (step,) = steps
    sign = _BLANK_LINE if rule == "paragraph" else _LINE_BREAK
    if rule == "auto":
        signs = labelled or sign.search(text.strip(EDGE)) or CANDIDATE.search(step.text)
        return "" if signs else "no numbering, line breaks or sentence ends found"
    if sign.search(text, step.start, step.end):
        blocks = any(part.blocks.overlap(step.start, step.end) for part in read.parts.values())
        return "code, tables and formulas stay whole" if blocks else NAMED_RULES[rule].single
    beside = rule != "sentence" and sign.search(text.strip(EDGE))  # something that is left out
    return "" if beside else NAMED_RULES[rule].single


# --- the user's own separator ---------------------------------------------------------------------

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def _separator(rule: str) -> str | None:
    """The text to cut at, or None for a rule that has a name."""
    if rule in RULES:
        return None
    kind, colon, written = rule.partition(":")
    if kind != "separator" or not colon:
        raise BadOptionError(
            f"step rule {rule!r} is not known; choose from {', '.join(RULES)}, or separator:TEXT"
        )
    if not written:
        raise BadOptionError("the separator is empty; write the text to cut at after 'separator:'")
    return unescaped(written)


def unescaped(text: str) -> str:
    r"""A text that was typed on one line, with what "\n", "\r", "\t" and "\\" stand for.

    >>> unescaped(r"\n\n--")
    '\n\n--'
    """
    return re.sub(r"\\([nrt\\])", lambda found: _ESCAPES[found[1]], text)


def _literal_pieces(part: Part, separator: str) -> Iterator[Span]:
    """What is between the separators that are free to be cut at."""
    if is_marker(separator):  # a wall already, and part of a word elsewhere
        return part.between_walls(0, len(part.text))
    return _cut_at(part, separator)


def _cut_at(part: Part, separator: str) -> Iterator[Span]:
    blocks = ProtectedSpans()
    if not set(separator) & set("$\\`~|"):
        blocks = ProtectedSpans([*part.blocks.spans(), *find_decimals(part.text)])
    pattern = LINE_END.join(map(re.escape, re.split("\r\n|\n", separator)))
    begin = 0
    for found in re.finditer(pattern, part.text):
        if not blocks.overlap(*found.span()):
            yield from part.between_walls(begin, found.start())
            begin = found.end()
    yield from part.between_walls(begin, len(part.text))


# --- rules: where to cut --------------------------------------------------------------------------


def _pieces(part: Part, rule: str, by_name: bool) -> Iterator[Span]:
    """Where the pieces of a part begin and end under a rule that has a name.

    Args:
        by_name: the user chose the rule; then a numbered list within a step is cut, too.
    """
    every_number = by_name and rule == "numbered"
    cuts = _every_number_cuts(part) if every_number else NAMED_RULES[rule].cuts(part)
    heads, bodies = _answer_headings(part)
    yield from pairwise(sorted({0, len(part.text), *heads, *({*cuts} - bodies), *part.walls}))


def _answer_headings(part: Part) -> tuple[set[int], set[int]]:
    """Where lines begin that only announce the answer, and where what they announce does.

    A heading alone claims nothing that could be judged.
    """
    if not part.may_answer:
        return set(), set()
    found = [
        (row.start, after.start)
        for row, after in pairwise(part.rows)
        if (head := ANSWER_HEADING.fullmatch(part.text[row.start : row.end].rstrip(EDGE)))
        and (row.opens or head[0][:1].isupper() or head["mark"].strip() or head["after"].strip())
    ]
    return {start for start, _ in found}, {start for _, start in found}


def _line_cuts(part: Part) -> list[int]:
    return [row.start for row in part.rows]


def _paragraph_cuts(part: Part) -> list[int]:
    return [row.start for row in part.rows if row.opens or row.answer]


def _numbered_cuts(part: Part) -> list[int]:
    """Starts of the numbered steps and of what is beside them."""
    part = inlined(part)
    return _list_cuts(part, step_lists(part))


def _every_number_cuts(part: Part) -> list[int]:
    """The same, and where no list carries the solution, starts of the items within its steps."""
    part = inlined(part)
    return _list_cuts(part, _numbered_lists(part, by_name=True))


def _numbered_lists(part: Part, by_name: bool) -> list[List]:
    """The lists at whose items the rule "numbered" cuts; `by_name` as in `_pieces`."""
    lists = step_lists(part)
    if by_name and not lists:
        return [one for one in all_lists(part) if one.heads[0].number]
    return lists


def _list_cuts(part: Part, lists: list[List]) -> list[int]:
    """Where lists cut a part.

    Outside of the lists every paragraph is a step. Within one, so is a heading no deeper than the
    steps' own, a line that states the answer, and the last line if it does so in a sentence. Right
    after one, so is every line such as "Adding: 3 + 4 = 7".
    """
    owner = {index: one for one in lists for index in range(one.heads[0].row, one.tail)}
    heads = {head.row for one in lists for head in one.heads}
    tails = {one.tail for one in lists}
    cuts = []
    headed = False  # a heading alone claims nothing: what follows belongs to it
    follows = False  # a list, in the same paragraph
    for index, row in enumerate(part.rows):
        heading = _HEADING.match(part.text, row.start)
        if one := owner.get(index):
            cut = index in heads or (not one.loose and opens_at_margin(part, index))
            cut = cut or (heading is not None and len(heading[1]) <= one.heads[0].level)
        else:
            follows = not row.opens and (follows or index in tails)
            cut = row.opens or index in tails or (follows and is_headed(part, index))
        cut = cut and (not headed or heading is not None or index in heads)
        headed = bool(lists) and cut and heading is not None and index not in heads
        if cut or row.answer or (index == len(part.rows) - 1 and _closes(part, index)):
            cuts.append(row.start)
    return cuts


def _closes(part: Part, index: int) -> bool:
    """Does the last row state the answer in a sentence of its own: "The answer is 26."?"""
    start = part.rows[index].start
    if part.text[start].isspace() or _continues(part, index):
        return False
    if CLOSING_ANSWER.match(part.text, start):
        return True
    starts = [row.start for row in part.rows if CLOSING_RESULT.match(part.text, row.start)]
    return starts == [start]  # not where every step has its result


# --- what auto picks ------------------------------------------------------------------------------

_RUNS_ON = words("a an the by of to is are and or with from for in on at that than as")
_EQUATION = re.compile(r"\S{1,24}?[ \t]*+[=+*/×÷·<>≈−-]")
_NARROW = 60  # characters of a line: text that is wrapped is seldom narrower
_COMPUTES = re.compile(r"\D*\d[\d.,:]*\D+\d")  # two numbers
_RESULT = re.compile(r"[=≈→][^=≈→]{1,24}$")
_BELONGS = re.compile(r"(?:where|which|whose|because|since)\b")
_BEGINS = re.compile(
    r"(?:so|then|thus|hence|therefore|now|next|finally|i|he|she|it|they|we|you|there)\b",
    re.IGNORECASE,
)


def _auto_rule(part: Part) -> str:
    """The rule that a text shows: markers, else numbers, else blank lines, lines, or sentences.

    What states the answer, and a first line such as "Solution:", is no sign of anything.
    """
    if part.marker:
        return f"separator:{part.marker}"
    body = [index for index, row in enumerate(part.rows) if not row.answer]
    paragraphs = [index for index in body if part.rows[index].opens]
    if paragraphs[:2] == [0, 1] and part.text[: part.rows[0].end].rstrip(EDGE).endswith(":"):
        paragraphs = paragraphs[1:]
    lists = step_lists(inlined(part))
    if lists and (lists[0].heads[0].kind != "bullet" or len(paragraphs) > 1):
        return "numbered"
    if len(paragraphs) > 1:
        return "paragraph"
    return "line" if _shows_lines(part) else "sentence"


def _shows_lines(part: Part) -> bool:
    """Do several lines hold a sentence each, and are not one text that was wrapped?"""
    body = [index for index, row in enumerate(part.rows) if not row.answer]
    n_wrapped = sum(_continues(part, index) for index in body[1:])
    return len(body) > 1 and 2 * n_wrapped < len(body) - 1


def _continues(part: Part, index: int) -> bool:
    """Does the row continue the sentence before it, as in wrapped text?"""
    text, start = part.text, part.rows[index].start
    if part.rows[index].opens or BULLET.match(text, start) or is_head(part, index):
        return False
    if start in part.items:
        return False
    formula = part.blocks.overlap(start, start + 1)
    if text[start].isupper() and not formula:
        return False
    before = unfinished(text, start)
    if not before:
        return False
    goes_on = _runs_on(before)
    if text[start].islower():
        goes_on = not _EQUATION.match(text, start) and (goes_on or not _begins_anew(part, index))
    elif formula:
        alone = _is_formula(part, index) and _is_formula(part, index - 1)
        goes_on = not alone or bool(_RELATION.match(text, start))
    return goes_on


# What begins with it goes on with the formula above: "$= 5$".
_RELATION = re.compile(r"(?:\$|\\\(|\\\[|\s)*(?:[=<>≤≥≈]|\\(?:[lg]eq?|approx|equiv)\b)")


def _is_formula(part: Part, index: int) -> bool:
    """Is the whole row a formula?"""
    row = part.rows[index]
    end = row.start + len(part.text[row.start : row.end].rstrip(EDGE))
    return all(part.blocks.overlap(at, at + 1) for at in range(row.start, end))


def _runs_on(before: str) -> bool:
    """Does a line that ends like this want something after it: "7 +", "the sum of"?"""
    stem = before.rstrip(ascii_letters)
    if len(stem) == len(before):
        return before[-1] in ",;=+×*/(−–-"
    word = before[len(stem) :].lower()
    return word in _RUNS_ON and not (stem[-1:].isalnum() or stem.endswith("_"))


def _begins_anew(part: Part, index: int) -> bool:
    """Does a row in lower case begin a step all the same, as in notes typed line by line?"""
    before, row = part.rows[index - 1], part.rows[index]
    narrow = max(row.end - row.start, before.end - before.start) < _NARROW
    if not narrow or _BELONGS.match(part.text, row.start):
        return False
    no_capitals = not part.text[part.rows[0].start].isupper()
    earlier = part.text[before.start : before.end].rstrip(EDGE)
    typed = "\\" not in part.text[before.start : row.end]
    if typed and _COMPUTES.match(earlier) and _COMPUTES.match(part.text[row.start : row.end]):
        return True
    return bool(no_capitals or _BEGINS.match(part.text, row.start) or _RESULT.search(earlier))


# --- sentences ------------------------------------------------------------------------------------


def _sentence_cuts(part: Part) -> list[int]:
    """Where sentences end, and where lines end that do not run on into the next."""
    breaks = [row.start for index, row in enumerate(part.rows) if _breaks(part, index)]
    cuts = set(breaks)
    begin = upcoming = 0
    for found in CANDIDATE.finditer(part.text):
        while upcoming < len(breaks) and breaks[upcoming] <= found.start():
            begin = breaks[upcoming]
            upcoming += 1
        end = found.end()
        if (
            part.blocks.free(end)
            and not _is_prefix(part.text, begin, end)
            and ends_sentence(part.text, begin, found)
        ):
            begin = end
            cuts.add(end)
    cuts.update(
        place for place in equation_cuts(part.text, sorted(cuts)) if part.blocks.free(place)
    )
    return sorted(cuts)


def _breaks(part: Part, index: int) -> bool:
    """Does a sentence end before this row, whatever the text before it ends with?"""
    row = part.rows[index]
    if row.opens or row.answer:
        return True
    return bool(unfinished(part.text, row.start)) and not _continues(part, index)


def _is_prefix(text: str, begin: int, end: int) -> bool:
    """Is text[begin:end] nothing but a number, "Step 1." or a letter: the start of an item?"""
    if end - begin > 24:
        return False
    sentence = text[begin:end].strip(EDGE)
    return is_number_alone(sentence) or (len(sentence) == 2 and sentence[0].isalpha())


# --- the rules ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that has a name.

    Attributes:
        label: what a menu calls it.
        words: how a text is cut that it cut.
        single: why it may find a single step.
        cuts: where the pieces of a part begin.
    """

    label: str
    words: str
    single: str
    cuts: Callable[[Part], Iterable[int]]


NAMED_RULES = {
    "numbered": Rule("numbered", "numbered", "nothing is numbered here", _numbered_cuts),
    "paragraph": Rule("paragraphs", "by paragraph", "there is no blank line", _paragraph_cuts),
    "line": Rule("lines", "by line", "there is one line", _line_cuts),
    "sentence": Rule("sentences", "by sentence", "there is one sentence", _sentence_cuts),
}
"""The rules to choose from; a text is cut by the first that fits it where none is chosen."""

RULES = ("auto", *NAMED_RULES)

RULE_WORDS = {
    **{name: rule.words for name, rule in NAMED_RULES.items()},
    "separator": "at its step markers",
}
"""How a text is cut, by the rule that cut it; "separator" stands for all of that kind."""

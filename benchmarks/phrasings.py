"""The teaching examples in twelve other phrasings each: the same numbers, other words and signs."""

from __future__ import annotations

import re
from typing import NamedTuple


class Phrasing(NamedTuple):
    """How somebody asks, plans, computes, corrects and answers; `{}` is what stays."""

    ask: str
    plan: str
    equation: str
    correction: str
    answer: str


PHRASINGS = (
    Phrasing("{}", "We are to {}", "{}", "Stop: {}", "{}"),
    Phrasing("{} =", "So I {}", "{}.", "No! {}", "= {}"),
    Phrasing("How much does {} come to?", "What I do is {}.", "I have {}.", "Sorry, {}", "so {}"),
    Phrasing("Say what {} is.", "{} first.", "then {}", "Better: {}", "That is {}."),
    Phrasing(
        "My homework: {}",
        "Now one must {}.",
        "As {}, we go on.",
        "Oops, I slipped. It should be {}.",
        "My result: {}",
    ),
    Phrasing("Question. {}?", "Idea: {}", "Computation: {}", "New computation: {}", "Solution: {}"),
    Phrasing("please solve {}", "i will have to {}", "i see {}", "hm no, {}", "the answer's {}"),
    Phrasing("Evaluate: {}", "Step: {}", "$ {} $", "Mistake! $ {} $", "$ \\boxed{{{}}} $"),
    Phrasing("Anna asks: {}?", "Well, {}.", "You see, {}.", "That was wrong, {}.", "It makes {}."),
    Phrasing("Quiz: {}", "Task: {}.", "Clearly {}.", "On second thought {}.", "I answer {}."),
    Phrasing("{}, what is it?", "One can {}.", "Hence {}", "Rather {}", "In short: {}"),
    Phrasing("Tell us {} now", "You {}.", "which means {}", "or rather {}", "**{}**"),
)

_ASK = re.compile(r"What(?:'s| is) (.*)\?")
_PARTS = (
    ("plan", re.compile(r"I need to (.*)\.")),
    ("correction", re.compile(r"Wait, .*: (.*?)\.?")),
    ("answer", re.compile(r"(?:The answer is|Final answer:) (.*?)\.?")),
    ("equation", re.compile(r"((?:.* )?\d.*?)\.?")),
)


def other_words(text: str, phrasing: Phrasing, *, problem: bool = False) -> str:
    """A problem or a step of the teaching examples in another phrasing.

    >>> other_words("The answer is 12.", PHRASINGS[2]), other_words("5 + 7 = 12.", PHRASINGS[2])
    ('so 12', 'I have 5 + 7 = 12.')
    """
    if problem:
        asked = _ASK.fullmatch(text)
        assert asked is not None, text
        return phrasing.ask.format(asked[1])
    for part, pattern in _PARTS:
        found = pattern.fullmatch(text)
        if found is not None:
            said: str = getattr(phrasing, part).format(found[1])
            return said
    raise AssertionError(f"{text!r} is no step of the examples")

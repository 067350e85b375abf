"""Label steps by what the right solutions of a problem have in common.

Of many solutions of one problem, some have the right answer. A solution with a wrong answer
diverges from them somewhere: at the first intermediate value that (almost) none of the right ones
ever shows. That step is labelled wrong, and so is the last one, which has the wrong answer; the
steps up to the last value that it shares with them are labelled right; the others are left
unlabelled. All steps of a solution with the right answer are labelled right.

Nothing is sampled: only existing solutions are used. Signs and numbers in words are not read.
docs/labelling.md says how far people agree with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

MIN_RIGHT = 2
"""The fewest right solutions that a problem's labels may be based on."""

SHARE = 0.1
"""A value shown by a smaller share of the right solutions counts as one that they do not reach."""

_NUMBER = re.compile(r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+")
# What comes after an equality sign or marks an answer, such as "= $1,200" or "\boxed{12}".
_RESULT = re.compile(rf"(?:=|≈|####|\\boxed\{{)[\s$€£\\*({{-]*({_NUMBER.pattern})")


@dataclass(slots=True)
class RightValues:
    """The values that the right solutions of one problem show.

    Attributes:
        n_right: how many solutions that is.
        n_showing: value → how many of them show it.
    """

    n_right: int = 0
    n_showing: Counter[float] = field(default_factory=Counter)

    def add(self, steps: Sequence[str]) -> None:
        """Count one more right solution."""
        self.n_right += 1
        self.n_showing.update({value for step in steps for value in values(step)})

    def reach(self, value: float) -> bool:
        """Whether enough of them show this value."""
        return self.n_showing[value] >= max(1, SHARE * self.n_right)


def values(text: str) -> list[float]:
    """The numbers of a text, without signs, to two decimals.

    >>> values("So 3 - 1,200.504 is 20%")
    [3.0, 1200.5, 20.0]
    """
    return [_value(number) for number in _NUMBER.findall(text)]


def results(step: str) -> list[float]:
    """The numbers that a step arrives at: after its equality signs, or else its last one.

    >>> results("2 * 3 = 6 and 6 + 1 = 7"), results("Jim has 4 of the 9"), results("So he does.")
    ([6.0, 7.0], [9.0], [])
    """
    found = [_value(number) for number in _RESULT.findall(step)]
    return found or ([] if "=" in step else values(step)[-1:])


def _value(number: str) -> float:
    return round(float(number.replace(",", "")), 2)


def consensus_labels(
    problem: str, steps: Sequence[str], correct: bool | None, right: RightValues
) -> tuple[float | None, ...]:
    """Labels of one solution, [S]; None for a step that cannot be judged.

    Args:
        problem: its text; its numbers are not results.
        steps: the solution.
        correct: whether the solution's answer is right; None if it has none.
        right: the values of this problem's solutions with the right answer.

    >>> right = RightValues()
    >>> for _ in range(2):
    ...     right.add(["3 * 4 = 12", "12 + 5 = 17"])
    >>> consensus_labels("3 bags of 4, and 5", ["3 * 4 = 12", "Take 5 off.", "12 - 5 = 7"],
    ...                  False, right)
    (1.0, None, 0.0)
    """
    n = len(steps)
    if correct:
        return (1.0,) * n
    if correct is None or right.n_right < MIN_RIGHT:
        return (None,) * n
    labels: list[float | None] = [None] * (n - 1) + [0.0]
    seen, shared = set(values(problem)), 0  # steps up to the last value that the right ones show
    for index, step in enumerate(steps):
        new = [value for value in results(step) if value not in seen]
        if not all(map(right.reach, new)):
            labels[:shared], labels[index] = [1.0] * shared, 0.0
            break
        if new:
            shared = index + 1
        seen.update(values(step))
    return tuple(labels)

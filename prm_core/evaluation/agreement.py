"""How far two annotators agree: step by step, and on the first error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prm_core.session import Label, Session, Solution

Verdict = Literal["right", "neutral", "wrong"]

VERDICTS: tuple[Verdict, ...] = ("right", "neutral", "wrong")


@dataclass(frozen=True, slots=True)
class Difference:
    """A solution on which two annotators differ.

    Attributes:
        problem: its id, or its number from 1 in the first file.
        solution: the solution's name there.
        steps: the steps on which they differ, counted from 0.
        place: its problem's in the first file.
        labels: the second annotator's, of all steps.
    """

    problem: str
    solution: str
    steps: tuple[int, ...]
    place: int
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two annotators' labels of the same steps.

    Attributes:
        n_solutions: solutions with labels of both; they have the same problem and the same steps.
        n_only_a, n_only_b: labelled solutions that the other did not label, or cut differently.
        n_contradicting_a, n_contradicting_b: labelled solutions that do not count, because the same
            one comes again later, with another label of a step.
        n_steps: steps that both labelled.
        agreement: the share of these with the same label from both; None if there are none.
        kappa: Cohen's, of the same; None if both use a single label throughout, and chance
            explains everything.
        confusion: steps by A's label (rows) and B's label, in the order of `VERDICTS`.
        n_judged: solutions for which both labels determine the first error, or that there is none.
        first_error: the share of these with the same first error; None if there are none.
        differing: the solutions with a step on which they differ.
    """

    n_solutions: int
    n_only_a: int
    n_only_b: int
    n_contradicting_a: int
    n_contradicting_b: int
    n_steps: int
    agreement: float | None
    kappa: float | None
    confusion: tuple[tuple[int, ...], ...]
    n_judged: int
    first_error: float | None
    differing: tuple[Difference, ...]


def compare_labels(a: Session, b: Session) -> Agreement:
    """Compare two annotators' labels of the same steps.

    A solution is recognised by the text of its problem and of its steps. If a session has it twice,
    the last one counts, and those that contradict it are reported. A label between 0 and 1 means
    right from 0.5.
    """
    all_left, all_right = _labelled(a), _labelled(b)
    left, right = dict(all_left), dict(all_right)
    both = [(name, left[name], right[name]) for name in left if name in right]
    pairs = [_pairs(one.labels, other.labels) for _, (_, one), (_, other) in both]
    places = _places(a)
    confusion = _table([(x, y) for found in pairs for _, x, y in found])
    firsts = [
        (one.first_error, other.first_error)
        for _, (_, one), (_, other) in both
        if _is_judged(one) and _is_judged(other)
    ]
    n_steps = sum(map(sum, confusion))
    n_same = sum(confusion[i][i] for i in range(len(VERDICTS)))
    return Agreement(
        n_solutions=len(both),
        n_only_a=len(left) - len(both),
        n_only_b=len(right) - len(both),
        n_contradicting_a=_n_contradicting(all_left),
        n_contradicting_b=_n_contradicting(all_right),
        n_steps=n_steps,
        agreement=n_same / n_steps if n_steps else None,
        kappa=cohens_kappa(confusion),
        confusion=confusion,
        n_judged=len(firsts),
        first_error=sum(x == y for x, y in firsts) / len(firsts) if firsts else None,
        differing=tuple(
            Difference(problem, one.name, steps, places[name], other.labels)
            for ((name, (problem, one), (_, other)), found) in zip(both, pairs, strict=True)
            if (steps := tuple(place for place, x, y in found if x != y))
        ),
    )


def cohens_kappa(confusion: Sequence[Sequence[int]]) -> float | None:
    """Cohen's kappa, (p_o - p_e) / (1 - p_e): agreement beyond chance.

    >>> cohens_kappa([[20, 5], [10, 15]])
    0.4

    Args:
        confusion: how often one gave the row's label and the other the column's.

    Returns:
        At most 1; 0 for chance agreement. None if p_e is 1, or nothing was counted.

    Source: J. Cohen, A coefficient of agreement for nominal scales, 1960.
    """
    rows = [sum(row) for row in confusion]
    columns: list[int] = [sum(column) for column in zip(*confusion, strict=True)]
    n = sum(rows)
    by_chance = sum(row * column for row, column in zip(rows, columns, strict=True))  # of n * n
    if n * n == by_chance:
        return None
    same = sum(confusion[i][i] for i in range(len(rows)))
    return (n * same - by_chance) / (n * n - by_chance)


_Name = tuple[str, tuple[str, ...]]
"""A solution's problem and steps."""


def _places(session: Session) -> Mapping[_Name, int]:
    """The place of each labelled solution's problem."""
    return {
        (problem.problem, one.steps): place
        for place, problem in enumerate(session.problems)
        for one in problem.solutions
        if one.labels
    }


def _labelled(session: Session) -> list[tuple[_Name, tuple[str, Solution]]]:
    """All labelled solutions, each after its problem and steps, with the name of the problem."""
    return [
        ((problem.problem, one.steps), (str(problem.id or place), one))
        for place, problem in enumerate(session.problems, start=1)
        for one in problem.solutions
        if one.labels
    ]


def _n_contradicting(found: Sequence[tuple[_Name, tuple[str, Solution]]]) -> int:
    """How many solutions have another label of a step than the last one with the same steps."""
    last = dict(found)
    return sum(
        any(x != y for _, x, y in _pairs(one.labels, last[name][1].labels))
        for name, (_, one) in found
    )


def _pairs(a: Sequence[Label], b: Sequence[Label]) -> list[tuple[int, Verdict, Verdict]]:
    """The steps that both labelled, with both labels."""
    return [
        (place, _verdict(x), _verdict(y))
        for place, (x, y) in enumerate(zip(a, b, strict=True))
        if x is not None and y is not None
    ]


def _verdict(label: Label) -> Verdict:
    if isinstance(label, str):
        return "neutral"
    return "wrong" if label is None or label < 0.5 else "right"


def _table(pairs: Sequence[tuple[Verdict, Verdict]]) -> tuple[tuple[int, ...], ...]:
    counts = Counter(pairs)
    return tuple(tuple(counts[a, b] for b in VERDICTS) for a in VERDICTS)


def _is_judged(solution: Solution) -> bool:
    """Whether every step up to the first error has a label."""
    return None not in solution.labels[: solution.first_error]

"""A scorer on generated arithmetic: a report for each operation and size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prm_core.evaluation.judge import refuse_whole
from prm_core.evaluation.metrics import share
from prm_core.synthetic.solution import LabelledSolution
from prm_core.synthetic.stream import evaluation
from prm_core.types import Candidate, ScoredCandidate, StepScorer


@dataclass(frozen=True, slots=True)
class ArithmeticReport:
    """A scorer measured on generated problems of one operation and size.

    Fractions, not percents; None if there was nothing to measure.

    Attributes:
        operation: "add", "sub", "mul" or "div".
        size: digits of the operands, such as "2x1".
        n_solutions, n_steps: how many were scored.
        step_accuracy: share of steps on the right side of the threshold.
        error_accuracy: share of the wrong solutions whose first error is located exactly.
        correct_accuracy: share of the right solutions in which no step is flagged.
    """

    operation: str
    size: str
    n_solutions: int
    n_steps: int
    step_accuracy: float | None
    error_accuracy: float | None
    correct_accuracy: float | None


SIZES: tuple[tuple[str, int, int], ...] = (
    *(("add", n, n) for n in (1, 2, 3)),
    *(("sub", n, n) for n in (1, 2, 3)),
    ("mul", 1, 1),
    ("mul", 2, 1),
    ("mul", 3, 1),
    ("div", 1, 1),
    ("div", 2, 1),
    ("div", 3, 1),
)
"""Operation and digits of its operands; a quotient has the first number of digits."""


def evaluate_arithmetic(
    scorer: StepScorer, *, n_solutions: int = 300, seed: int = 20_000, threshold: float = 0.5
) -> Iterator[ArithmeticReport]:
    """Measure a scorer on operand pairs that training never sees (see `synthetic.held_out`).

    Args:
        scorer: the scorer to measure.
        n_solutions: per operation and size.
        seed: of the problems.
        threshold: below it a step counts as wrong.

    Yields:
        One report per entry of `SIZES`, as soon as it is known.
    """
    for operation, n_a, n_b in SIZES:
        solutions = list(evaluation(seed, operation, n_a, n_b, n_solutions))
        scored = scorer.score([Candidate(s.problem, s.steps) for s in solutions])
        yield arithmetic_report(operation, f"{n_a}x{n_b}", solutions, scored, threshold)


def arithmetic_report(
    operation: str,
    size: str,
    solutions: Sequence[LabelledSolution],
    scored: Sequence[ScoredCandidate],
    threshold: float,
) -> ArithmeticReport:
    """Compare scored solutions with their labels.

    Raises:
        BadOptionError: the scorer judges whole solutions only.
    """
    right_steps: list[bool] = []
    located: dict[bool, list[bool]] = {True: [], False: []}
    for solution, one in zip(solutions, scored, strict=True):
        refuse_whole(one, len(solution.labels))
        says = [p >= threshold for p in one.probabilities]
        right_steps += [a == b for a, b in zip(says, solution.labels, strict=True)]
        first = next((i for i, label in enumerate(solution.labels) if not label), None)
        located[first is not None].append(one.first_error(threshold) == first)
    return ArithmeticReport(
        operation,
        size,
        len(solutions),
        len(right_steps),
        share(right_steps),
        share(located[True]),
        share(located[False]),
    )

"""Arithmetic that is made here, measured by hand and with a scorer that trusts everything."""

from __future__ import annotations

from collections.abc import Sequence

from prm_core.evaluation.arithmetic import SIZES, arithmetic_report, evaluate_arithmetic
from prm_core.synthetic.solution import LabelledSolution
from prm_core.types import Candidate, ScoredCandidate, StepScorer


def scored(candidate: Candidate, *p: float) -> ScoredCandidate:
    return ScoredCandidate(candidate, p, tuple(0.0 for _ in p), "test")


def solution(*pairs: tuple[str, str]) -> LabelledSolution:
    steps, truth = zip(*pairs, strict=True)
    return LabelledSolution("p", steps, truth, "add", None)


def test_report_counts_by_hand() -> None:
    right = solution(("a", "a"), ("b", "b"))
    wrong = solution(("a", "a"), ("x", "b"), ("y", "c"))
    solutions = [right, right, wrong, wrong]
    report = arithmetic_report(
        "add",
        "1x1",
        solutions,
        [
            scored(Candidate("p", right.steps), 0.9, 0.5),  # the threshold itself is right
            scored(Candidate("p", right.steps), 0.9, 0.4),
            scored(Candidate("p", wrong.steps), 0.9, 0.1, 0.9),
            scored(Candidate("p", wrong.steps), 0.1, 0.1, 0.1),
        ],
        threshold=0.5,
    )
    assert (report.n_solutions, report.n_steps) == (4, 10)
    assert report.step_accuracy == 7 / 10
    assert report.error_accuracy == 1 / 2
    assert report.correct_accuracy == 1 / 2


def test_nothing_to_measure_is_none() -> None:
    report = arithmetic_report("add", "1x1", [], [], 0.5)
    assert report.step_accuracy is report.error_accuracy is report.correct_accuracy is None


class Unsure(StepScorer):
    """A scorer that says 1 of everything."""

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        return [scored(c, *(1.0 for _ in c.steps)) for c in candidates]


def test_a_scorer_that_trusts_everything_finds_no_error() -> None:
    reports = list(evaluate_arithmetic(Unsure(), n_solutions=40))
    assert [(r.operation, r.size) for r in reports] == [(o, f"{a}x{b}") for o, a, b in SIZES]
    for report in reports:
        assert report.n_solutions == 40
        assert report.error_accuracy == 0.0
        assert report.correct_accuracy == 1.0

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prm_core.errors import DataError, InputError, TooLongError
from prm_core.evaluation.judge import Judged, judge, judge_pools, recorded_labels, recorded_scores
from prm_core.evaluation.reports import (
    best_of_n_report,
    calibration_report,
    first_error_report,
    prmbench_report,
    search_report,
    sweep_thresholds,
)
from prm_core.formats.candidate_sets import CandidateSet, Solution
from prm_core.types import Candidate, Example, ScoredCandidate, StepScorer

# --- files of examples


def scored(candidate: Candidate, *p: float) -> ScoredCandidate:
    return ScoredCandidate(candidate, p, tuple(0.0 for _ in p), "test")


class Rule(StepScorer):
    """A scorer that computes each step's probability from its text."""

    def __init__(self, rule: Callable[[str], float]) -> None:
        self.rule = rule
        self.n_calls = 0

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        self.n_calls += 1
        for candidate in candidates:
            if "long" in candidate.steps:
                raise TooLongError("too long")
            if "odd" in candidate.steps:
                raise InputError("odd")
        return [scored(c, *map(self.rule, c.steps)) for c in candidates]


def example(
    labels: Sequence[float | None],
    source: str = "s",
    steps: Sequence[str] | None = None,
    *,
    problem: str = "p",
    error_type: str | None = None,
) -> Example:
    steps = steps or [f"{label}" for label in labels]
    return Example(
        Candidate(problem, tuple(steps), f"{source}-{problem}-{labels}"),
        tuple(labels),
        source,
        error_type=error_type,
    )


MIXED = [
    example([1.0, 0.0, None], "a"),
    example([1.0, 1.0], "a", problem="q"),
    example([0.0, None], "b"),
    example([1.0], "b", problem="q"),
    example([1.0, 1.0], "b", problem="r"),
]
NAMES = {"model": "m", "source": "f.jsonl"}
AT_HALF = {"threshold": 0.5, "threshold_source": "given"}


def constant(p: float) -> Judged:
    return judge(Rule(lambda step: p), MIXED)


def test_labels_as_scores_are_perfect() -> None:
    report = first_error_report(judge(recorded_labels(MIXED), MIXED), **NAMES, **AT_HALF)
    assert report.error_accuracy == report.correct_accuracy == report.f1 == 1.0
    assert report.exact_location == report.auroc == 1.0
    assert report.calibration.ece == report.calibration.brier == 0.0
    assert (report.n_error, report.n_correct, report.skipped) == (2, 3, 0)
    assert report.intervals["exact_location"] == (1.0, 1.0)
    assert report.intervals["f1"] is None, "too few: many samples hold no error at all"


LABELS = st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=4)


@settings(max_examples=40)
@given(st.lists(LABELS, min_size=1, max_size=8))
def test_labels_as_scores_are_perfect_on_any_data(rows: list[list[float]]) -> None:
    examples = [example(labels, problem=str(i)) for i, labels in enumerate(rows)]
    judged = judge(recorded_labels(examples), examples)
    report = first_error_report(judged, **NAMES, **AT_HALF, n_resamples=2)
    assert report.exact_location == 1.0
    assert report.f1 == (1.0 if report.n_error and report.n_correct else None)


def test_a_scorer_that_always_says_the_same() -> None:
    trusting = first_error_report(constant(0.9), **NAMES, **AT_HALF)
    assert trusting.auroc == 0.5
    assert (trusting.error_accuracy, trusting.correct_accuracy, trusting.f1) == (0.0, 1.0, 0.0)
    suspicious = first_error_report(constant(0.1), **NAMES, **AT_HALF)
    # It names the first step of every solution, which is the first error of b's only wrong one.
    assert suspicious.subsets["a"].error_accuracy == 0.0
    assert suspicious.subsets["b"].error_accuracy == 1.0
    assert (suspicious.auroc, suspicious.correct_accuracy, suspicious.f1) == (0.5, 0.0, 0.0)


def test_figures_are_plain_means_over_subsets() -> None:
    # Right of all but one of b's right solutions.
    examples = [*MIXED, example([1.0], "b", ["wrong"], problem="s")]
    judged = judge(Rule(lambda step: 1.0 if step == "1.0" else 0.0), examples)
    report = first_error_report(judged, **NAMES, **AT_HALF)
    a, b = report.subsets["a"], report.subsets["b"]
    assert (a.f1, b.correct_accuracy, b.error_accuracy) == (1.0, 2 / 3, 1.0)
    assert b.f1 == pytest.approx(0.8)
    assert report.f1 == pytest.approx(0.9)
    assert report.correct_accuracy == pytest.approx((1 + 2 / 3) / 2)
    assert report.n_correct == 4


def test_what_cannot_be_measured_is_counted_with_its_reason() -> None:
    rows = [
        DataError("bad"),
        example([None, None]),
        example([None, 0.0]),
        example([1.0, 1.0], steps=["long", "x"]),
        example([1.0], steps=["odd"]),
        *MIXED,
    ]
    scorer = Rule(lambda step: 0.9)
    judged = judge(scorer, rows)
    assert scorer.n_calls == 1 + 8, "the batch once, then its members one by one"
    report = first_error_report(judged, **NAMES, **AT_HALF)
    assert report.skipped_reasons == {
        "unreadable row": 1,
        "no step is labelled": 1,
        "too long for the model": 1,
        "cannot be scored": 1,
        "the first error is not in the labels": 1,
    }
    assert report.skipped == 5
    assert report.n_error + report.n_correct == len(MIXED)
    steps = calibration_report(judged, **NAMES)
    assert steps.skipped == 4
    assert steps.calibration.n_steps == report.calibration.n_steps + 1


def test_nothing_to_measure_is_none_all_through() -> None:
    report = first_error_report(judge(Rule(lambda s: 0.5), []), **NAMES, **AT_HALF, with_sweep=True)
    assert report.error_accuracy is report.correct_accuracy is report.f1 is None
    assert report.exact_location is report.auroc is report.calibration.ece is None
    assert report.sweep is not None
    assert report.sweep.best_threshold is None
    assert set(report.intervals.values()) == {None}


def test_a_threshold_is_tuned_on_other_data() -> None:
    judged = judge(Rule(lambda step: 0.3 if step == "1.0" else 0.1), MIXED)
    best = sweep_thresholds(judged).best_threshold
    assert best == pytest.approx(0.2)
    assert first_error_report(judged, **NAMES, **AT_HALF).f1 == 0.0
    tuned = first_error_report(judged, **NAMES, threshold=best, threshold_source="tuned")
    assert tuned.f1 == 1.0


def test_many_examples_are_scored_in_batches_and_keep_their_order() -> None:
    examples = [example([1.0], steps=[f"{i}"], problem=f"{i}") for i in range(150)]
    heard: list[int] = []
    judged = judge(Rule(lambda step: int(step) / 150), examples, heard.append)
    assert [e for e, _ in judged.pairs] == examples
    assert [s.probabilities[0] for _, s in judged.pairs] == [i / 150 for i in range(150)]
    assert heard == [64, 128, 150]


PRMBENCH = [
    example([1.0, 1.0], "prmbench/original"),
    example([1.0, 0.0, None, 0.0], "prmbench/modified", error_type="circular"),
    example([0.0, 1.0], "prmbench/modified", error_type="deception"),
    example([1.0, 1.0, 1.0], "prmbench/modified"),
]


def test_prmbench_labels_as_scores_are_perfect() -> None:
    report = prmbench_report(judge(recorded_labels(PRMBENCH), PRMBENCH), **NAMES, **AT_HALF)
    assert report.prm_score == report.f1 == report.negative_f1 == 1.0
    assert report.areas == {"simplicity": 1.0, "soundness": None, "sensitivity": 1.0}


def test_prmbench_by_hand() -> None:
    report = prmbench_report(judge(Rule(lambda step: 0.9), PRMBENCH), **NAMES, **AT_HALF)
    # Modified solutions have 9 steps, 3 of them wrong; a step nobody judged holds no error.
    assert report.n == 3
    assert report.f1 == pytest.approx(2 * 6 / (2 * 6 + 3))
    assert report.negative_f1 == 0.0
    assert report.types["circular"].f1 == pytest.approx(2 * 2 / (2 * 2 + 2))
    assert report.types["multi_solutions"].prm_score == 1.0
    assert report.types["original"].n_steps == 2
    assert report.areas["sensitivity"] == pytest.approx((1.0 + (2 / 3) / 2) / 2)


def test_a_file_that_is_not_prmbench_has_no_kinds() -> None:
    report = prmbench_report(judge(recorded_labels(MIXED), MIXED), **NAMES, **AT_HALF)
    assert list(report.types) == ["unnamed"]
    assert set(report.areas.values()) == {None}


def pool(
    name: str, *solutions: tuple[str, bool | None, dict[str, tuple[float, ...]]]
) -> CandidateSet:
    return CandidateSet(
        name,
        tuple(
            Solution(Candidate(name, (step,), f"{name}/{i}"), step, correct, recorded)
            for i, (step, correct, recorded) in enumerate(solutions)
        ),
    )


POOLS = [
    pool("p", ("1", True, {"a": (0.9,), "b": (0.1,)}), ("2", False, {"a": (0.2,), "b": (0.8,)})),
    pool("q", ("3", True, {"a": (0.6,)}), ("long", False, {}), ("4", None, {})),
]


def test_best_of_n_takes_the_scores_that_a_file_carries() -> None:
    judged = judge_pools(recorded_scores("a", POOLS), [*POOLS, DataError("bad")])
    assert judged.skipped == {
        "cannot be scored": 1,
        "no right answer to compare with": 1,
        "unreadable row": 1,
    }
    report = best_of_n_report(judged, **NAMES, n_resamples=10)
    assert (report.n, report.n_problems, report.n_mixed, report.skipped) == (2, 2, 1, 3)
    assert report.accuracy["min"] == 1.0
    assert report.accuracy["majority"] == 0.75
    other = best_of_n_report(
        judge_pools(recorded_scores("b", POOLS), POOLS), **NAMES, n_resamples=10
    )
    assert other.accuracy["min"] == 0.0
    with pytest.raises(InputError, match=r"no scores of 'c'; it has a, b"):
        recorded_scores("c", POOLS)
    with pytest.raises(InputError, match="has no scores at all"):
        recorded_scores("c", [])
    nobody_knows = judge_pools(recorded_scores("a", POOLS), [pool("r", ("1", None, {}))])
    with pytest.raises(InputError, match=r"no candidate is left .* \(1 × no right answer"):
        best_of_n_report(nobody_knows, **NAMES)


def test_solutions_that_are_too_long_leave_the_pool() -> None:
    judged = judge_pools(Rule(lambda step: 0.5), POOLS)
    assert [len(choices) for choices in judged.pools] == [2, 1]
    assert judged.skipped["too long for the model"] == 1


def test_a_search_is_the_mean_over_problems_with_its_band() -> None:
    outcomes = {"beam": {8: [(10, 1.0), (20, 0.0), (30, 0.5), (40, 0.5)], 4: [(5, 1.0)] * 4}}
    report = search_report(
        outcomes,
        model="prm",
        generator="llm",
        source="file",
        choose="score",
        aggregation="last",
        skipped_reasons={"no right answer": 2},
    )
    four, eight = report.curves["beam"]
    assert (four.n, four.n_tokens, four.accuracy, four.interval) == (4, 5.0, 1.0, (1.0, 1.0))
    assert (eight.n, eight.n_tokens, eight.accuracy) == (8, 25.0, 0.5)
    assert eight.interval is not None
    low, high = eight.interval
    assert 0.0 < low < 0.5 < high < 1.0
    assert (report.n_problems, report.skipped) == (4, 2)

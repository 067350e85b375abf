"""Metrics against cases counted by hand, and against slow, obvious ways to the same numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prm_core.errors import InputError
from prm_core.evaluation.metrics import (
    Verdict,
    auroc,
    auroc_interval,
    calibration,
    first_error_intervals,
    first_error_score,
    harmonic_mean,
    interval,
    plain_mean,
    prm_score,
    resampled,
    sweep,
)

# Few different values, so that ties and thresholds that hit a value are common.
PROBABILITY = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]) | st.floats(0.0, 1.0)


@st.composite
def verdict(draw: st.DrawFn) -> Verdict:
    p = draw(st.lists(PROBABILITY, min_size=1, max_size=5))
    return p, draw(st.none() | st.integers(0, len(p) - 1))


VERDICTS = st.lists(verdict(), max_size=12)


def test_first_errors_counted_by_hand() -> None:
    found = first_error_score(
        [
            ([0.9, 0.2, 0.1], 1),  # located
            ([0.9, 0.2, 0.1], 2),  # flagged too early
            ([0.9, 0.8, 0.7], 0),  # not flagged
            ([0.4, 0.9], 0),  # located
            ([0.5, 0.9], None),  # the threshold itself is right
            ([0.9, 0.49], None),  # flagged without need
            ([0.9], None),
        ],
        0.5,
    )
    assert (found.n_error, found.n_correct) == (4, 3)
    assert found.error_accuracy == 2 / 4
    assert found.correct_accuracy == 2 / 3
    assert found.f1 == pytest.approx(2 * (1 / 2) * (2 / 3) / (1 / 2 + 2 / 3))
    assert found.exact_location == 4 / 7


def test_what_there_is_nothing_of_is_none() -> None:
    nothing = first_error_score([], 0.5)
    assert nothing.error_accuracy is nothing.correct_accuracy is nothing.f1 is None
    assert nothing.exact_location is None
    no_errors = first_error_score([([0.9], None)], 0.5)
    assert (no_errors.error_accuracy, no_errors.correct_accuracy, no_errors.f1) == (None, 1.0, None)
    only_errors = first_error_score([([0.9], 0)], 0.5)
    assert only_errors.error_accuracy == 0.0
    assert only_errors.f1 is None


def test_a_scorer_that_is_always_wrong_has_f1_zero_and_not_none() -> None:
    assert first_error_score([([0.9], 0), ([0.1], None)], 0.5).f1 == 0.0
    assert harmonic_mean(0.0, 0.0) == 0.0


def test_a_mean_leaves_out_what_is_not_defined() -> None:
    assert plain_mean([0.2, None, 0.4]) == pytest.approx(0.3)
    assert plain_mean([None]) is None


# --- thresholds


@settings(max_examples=50)
@example([], [([0.0], None), ([5e-324], None)])  # no number lies between these two
@given(VERDICTS, VERDICTS)
def test_the_sweep_says_what_measuring_at_each_threshold_says(
    a: list[Verdict], b: list[Verdict]
) -> None:
    found = sweep({"a": a, "b": b})
    for i, threshold in enumerate(found.thresholds):
        parts = [first_error_score(verdicts, threshold) for verdicts in (a, b)]
        for said, values in (
            (found.error_accuracy[i], [part.error_accuracy for part in parts]),
            (found.correct_accuracy[i], [part.correct_accuracy for part in parts]),
            (found.f1[i], [part.f1 for part in parts]),
        ):
            expected = plain_mean(values)
            assert said == (None if expected is None else pytest.approx(expected))


@settings(max_examples=50)
@given(VERDICTS, st.floats(0.0, 1.0, exclude_min=True))
def test_no_threshold_beats_the_best_one(verdicts: list[Verdict], other: float) -> None:
    found = sweep({"": verdicts})
    f1 = first_error_score(verdicts, other).f1
    if f1 is None:
        assert found.best_threshold is found.best_f1 is None
        return
    assert found.best_threshold is not None
    assert found.best_f1 is not None
    assert found.best_f1 >= f1 - 1e-12
    assert first_error_score(verdicts, found.best_threshold).f1 == pytest.approx(found.best_f1)


def test_the_best_threshold_is_the_middle_of_the_widest_span() -> None:
    # Exact for both between 0.2 and 0.6.
    found = sweep({"": [([0.9, 0.2], 1), ([0.6, 0.7], None)]})
    assert found.best_f1 == 1.0
    assert found.best_threshold == pytest.approx(0.4)


def test_labels_as_probabilities_give_the_middle() -> None:
    assert sweep({"": [([1.0, 0.0], 1), ([1.0, 1.0], None)]}).best_threshold == 0.5


@settings(max_examples=50)
@given(VERDICTS)
def test_a_thinned_sweep_keeps_its_ends_and_its_best(verdicts: list[Verdict]) -> None:
    found = sweep({"": verdicts})
    thin = found.thinned(3)
    assert len(thin.thresholds) <= 4
    assert (thin.best_threshold, thin.best_f1) == (found.best_threshold, found.best_f1)
    assert {thin.thresholds[0], thin.thresholds[-1]} == {
        found.thresholds[0],
        found.thresholds[-1],
    }
    assert found.best_f1 is None or found.best_f1 in thin.f1
    assert set(zip(thin.thresholds, thin.f1, strict=True)) <= set(
        zip(found.thresholds, found.f1, strict=True)
    )


# --- steps


def pair_counting(scores: Sequence[float], right: Sequence[bool]) -> float | None:
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, is_right in zip(scores, right, strict=True)
        if is_right
        for b, is_right_too in zip(scores, right, strict=True)
        if not is_right_too
    ]
    return sum(wins) / len(wins) if wins else None


@given(st.lists(st.tuples(PROBABILITY, st.booleans()), max_size=30))
def test_auroc_is_the_share_of_pairs_in_order(steps: list[tuple[float, bool]]) -> None:
    scores, right = [p for p, _ in steps], [truth for _, truth in steps]
    expected = pair_counting(scores, right)
    assert auroc(scores, right) == (None if expected is None else pytest.approx(expected))


def test_a_constant_scorer_has_auroc_one_half() -> None:
    assert auroc([0.7] * 5, [True, False, True, True, False]) == 0.5


def test_auroc_of_one_class_or_of_nothing_is_none() -> None:
    assert auroc([0.1, 0.9], [True, True]) is None
    assert auroc([], []) is None


def test_prm_score_by_hand() -> None:
    #        TP    TP    FN     FP     TN
    right = [True, True, True, False, False]
    says = [True, True, False, True, False]
    found = prm_score(right, says)
    assert found.f1 == pytest.approx(2 * (2 / 3) * (2 / 3) / (2 / 3 + 2 / 3))
    assert found.negative_f1 == pytest.approx(2 * (1 / 2) * (1 / 2) / (1 / 2 + 1 / 2))
    assert found.prm_score == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found.n_steps == 5


def test_prm_score_at_its_edges() -> None:
    assert prm_score([True, False], [False, True]).prm_score == 0.0
    without_errors = prm_score([True, True, True], [True, True, False])
    assert without_errors.negative_f1 is None
    assert without_errors.prm_score == without_errors.f1 == pytest.approx(0.8)
    only_errors = prm_score([False], [False])
    assert (only_errors.f1, only_errors.negative_f1, only_errors.prm_score) == (None, 1.0, None)
    assert prm_score([], []).prm_score is None


def test_calibration_by_hand() -> None:
    found = calibration([0.1, 0.15, 0.9, 1.0], [0, 1, 1, 1], n_bins=2)
    low, high = found.bins
    assert (low.n_steps, low.share_right, high.n_steps, high.share_right) == (2, 0.5, 2, 1.0)
    assert low.mean_probability == pytest.approx(0.125)
    assert found.ece == pytest.approx((2 * 0.375 + 2 * 0.05) / 4)
    assert found.brier == pytest.approx((0.01 + 0.85**2 + 0.01 + 0) / 4)


def test_bins_weigh_as_many_steps_as_they_hold() -> None:
    """Three steps said 0.1, one of them right; one said 0.9, wrong: (3 x 0.2333 + 1 x 0.9) / 4."""
    found = calibration([0.1, 0.1, 0.1, 0.9], [0, 0, 1, 0], n_bins=5)
    assert [one.n_steps for one in found.bins] == [3, 0, 0, 0, 1]
    assert found.ece == pytest.approx(1.6 / 4)


def test_soft_labels_count_as_they_are() -> None:
    assert calibration([0.25, 0.75], [0.25, 0.75]).ece == 0.0


def test_calibration_of_nothing_is_none() -> None:
    found = calibration([], [])
    assert found.ece is found.brier is None
    assert all(one.n_steps == 0 and one.share_right is None for one in found.bins)


@given(st.lists(st.tuples(PROBABILITY, PROBABILITY), min_size=1, max_size=40))
def test_every_step_falls_into_the_bin_that_it_belongs_to(steps: list[tuple[float, float]]) -> None:
    p = [x for x, _ in steps]
    found = calibration(p, [y for _, y in steps])
    assert sum(one.n_steps for one in found.bins) == len(p)
    for one in found.bins:
        if one.mean_probability is not None:
            assert one.low - 1e-9 <= one.mean_probability <= one.high + 1e-9
    assert found.ece is not None
    assert 0.0 <= found.ece <= 1.0


# --- intervals


def test_every_sample_has_the_subsets_in_their_sizes() -> None:
    strata = ["a", "b", "a", "a", "b"]
    counts = resampled(strata, 200, seed=1)
    of_a = np.array([s == "a" for s in strata])
    assert (counts[:, of_a].sum(axis=1) == 3).all()
    assert (counts[:, ~of_a].sum(axis=1) == 2).all()
    assert np.array_equal(counts, resampled(strata, 200, seed=1))
    assert not np.array_equal(counts, resampled(strata, 200, seed=2))


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1, math.inf])
def test_what_is_no_probability_or_label_is_refused(bad: float) -> None:
    for p, y in (([0.5, bad], [1.0, 0.0]), ([0.5, 0.5], [1.0, bad])):
        with pytest.raises(InputError, match=rf"{bad} is not in \[0, 1\]"):
            calibration(p, y)


def test_auroc_takes_scores_of_any_scale_but_no_nan() -> None:
    assert auroc([3.0, math.inf, -2.0, -math.inf], [True, True, False, False]) == 1.0
    with pytest.raises(InputError, match="NaN"):
        auroc([0.5, math.nan], [True, False])
    with pytest.raises(InputError, match="-1"):  # a label, which is no truth value
        auroc([0.5, 0.4], [1, -1])  # type: ignore[list-item]


def test_processbench_s_mark_for_no_error_is_no_step() -> None:
    for measure in (
        lambda verdicts: first_error_score(verdicts, 0.5),
        lambda verdicts: sweep({"": verdicts}),
        lambda verdicts: first_error_intervals({"": list(enumerate(verdicts))}, 0.5),
    ):
        with pytest.raises(InputError, match="first error -1 is not a step; give None"):
            measure([([0.9, 0.8], -1)])


@pytest.mark.parametrize("n_bins", [3, 7, 10, 100])
def test_a_probability_on_an_edge_is_in_the_bin_that_begins_there(n_bins: int) -> None:
    for b in range(n_bins):
        found = calibration([b / n_bins], [1.0], n_bins)
        assert [one.n_steps for one in found.bins] == [int(b == i) for i in range(n_bins)]
    assert calibration([1.0], [1.0], n_bins).bins[-1].n_steps == 1
    assert calibration([0.29], [1.0], 100).bins[29].n_steps == 1


def test_an_interval_of_mostly_undefined_values_is_none() -> None:
    assert interval(np.array([0.0] * 90 + [math.nan] * 10)) is None
    assert interval(np.array([0.5] * 99 + [math.nan])) == (0.5, 0.5)


def test_the_interval_is_that_of_resampled_problems() -> None:
    verdicts: list[Verdict] = [([0.2], 0), ([0.9], 0), ([0.9], None), ([0.1], None), ([0.8], None)]
    found = first_error_intervals({"": list(enumerate(verdicts))}, 0.5, n_resamples=400, seed=5)
    samples = []
    for counts in resampled([0] * 5, 400, seed=5):
        chosen = [v for v, n in zip(verdicts, counts, strict=True) for _ in range(int(n))]
        samples.append(first_error_score(chosen, 0.5))
    for name, said in found.items():
        values = [getattr(score, name) for score in samples]
        expected = interval(np.array([math.nan if v is None else v for v in values]))
        assert said == (None if expected is None else pytest.approx(expected)), name


def test_solutions_of_one_problem_count_as_one() -> None:
    verdicts: list[Verdict] = [([0.2], 0), ([0.9], 0)] * 20
    apart = first_error_intervals({"": list(enumerate(verdicts))}, 0.5)["error_accuracy"]
    four_problems = [(i // 10 + 2 * (i % 2), v) for i, v in enumerate(verdicts)]
    together = first_error_intervals({"": four_problems}, 0.5)["error_accuracy"]
    assert apart is not None
    assert together is not None
    assert together[1] - together[0] > 1.5 * (apart[1] - apart[0])


def test_a_subset_without_errors_has_no_interval_of_f1() -> None:
    found = first_error_intervals({"": [(0, ([0.9], None)), (1, ([0.1], None))]}, 0.5)
    assert found["f1"] is found["error_accuracy"] is None
    assert found["correct_accuracy"] == (0.0, 1.0)


def test_the_interval_of_auroc_is_that_of_repeated_steps() -> None:
    steps = [
        ("s", "a", 0.9, True), ("s", "a", 0.2, False), ("s", "b", 0.4, True),
        ("s", "b", 0.4, False), ("t", "a", 0.6, False), ("t", "a", 0.7, True),
    ]  # fmt: skip
    found = auroc_interval(steps, n_resamples=100, seed=3)
    units = [("s", "a"), ("s", "b"), ("t", "a")]
    values = []
    for counts in resampled(["s", "s", "t"], 100, seed=3):
        again = [
            step for step in steps for _ in range(int(counts[units.index((step[0], step[1]))]))
        ]
        values.append(auroc([p for *_, p, _ in again], [truth for *_, truth in again]))
    expected = interval(np.array(values, dtype=float))
    assert expected is not None
    assert found == pytest.approx(expected)
    assert auroc_interval(steps[:1]) is None

"""Best of n against counting every subset, one by one."""

from __future__ import annotations

from itertools import combinations, permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prm_core.answers.equality import same_answer
from prm_core.errors import BadOptionError, InputError
from prm_core.evaluation.best_of_n import (
    BASELINES,
    best_of_n,
    pick_accuracy,
    sizes,
    vote_accuracies,
)
from prm_core.evaluation.choices import Choice, answer_groups
from prm_core.ranking.aggregate import METHODS

CANDIDATES = st.lists(
    st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.booleans(), st.sampled_from([0, 1, 2, None])),
    min_size=1,
    max_size=6,
)


def choice(answer: str | None, correct: bool, *p: float, n_characters: int = 10) -> Choice:
    return Choice(answer, correct, n_characters, len(p), p)


@given(CANDIDATES, st.integers(1, 7))
def test_a_pick_is_counted_over_all_subsets(
    candidates: list[tuple[float, bool, int | None]], n: int
) -> None:
    subsets = list(combinations(candidates, min(n, len(candidates))))
    expected = 0.0
    for subset in subsets:
        highest = max(score for score, _, _ in subset)
        best = [right for score, right, _ in subset if score == highest]
        expected += sum(best) / len(best) / len(subsets)
    scores, correct = [c[0] for c in candidates], [c[1] for c in candidates]
    assert pick_accuracy(scores, correct, n) == pytest.approx(expected)


@given(CANDIDATES, st.integers(1, 7))
def test_a_vote_is_counted_over_all_subsets(
    candidates: list[tuple[float, bool, int | None]], n: int
) -> None:
    right_group = 1
    subsets = list(combinations(candidates, min(n, len(candidates))))
    expected = 0.0
    for subset in subsets:
        votes: dict[int, float] = {}
        for score, _, group in subset:
            if group is not None:
                votes[group] = votes.get(group, 0.0) + score
        first = [g for g, v in votes.items() if v == pytest.approx(max(votes.values()))]
        expected += (right_group in first) / max(len(first), 1) / len(subsets)
    found = vote_accuracies(
        [group for _, _, group in candidates],
        [group == right_group for _, _, group in candidates],
        [[score for score, _, _ in candidates]],
        n,
        10_000,
        np.random.default_rng(0),
    )
    assert found == [pytest.approx(expected)]


def test_an_answer_that_was_marked_right_once_is_right() -> None:
    args = ([0, 0, 1], [True, False, False], [[1.0] * 3])
    assert vote_accuracies(*args, 3, 1, np.random.default_rng(0)) == [1.0]


def test_drawn_subsets_have_no_bias() -> None:
    # 11 of 20 are right, five vote: the hypergeometric chance of three or more right ones.
    groups = [0] * 11 + [1] * 9
    args = (groups, [g == 0 for g in groups], [[1.0] * 20], 5)
    exact = vote_accuracies(*args, 20_000, np.random.default_rng(0))[0]  # all 15,504 subsets
    drawn = vote_accuracies(*args, 8_000, np.random.default_rng(0))[0]
    counted = sum(1.0 for subset in combinations(range(20), 5) if sum(i < 11 for i in subset) >= 3)
    assert exact == pytest.approx(counted / 15_504)
    assert drawn == pytest.approx(exact, abs=4 * 0.5 / 8_000**0.5)


def test_equal_answers_share_a_number() -> None:
    assert answer_groups(["0.5", " 1/2 ", "2", None, "", "2.0", "none"]) == [
        0,
        0,
        1,
        None,
        None,
        1,
        2,
    ]


POOLS = [
    [
        choice("56", True, 0.9, 0.8),
        choice("54", False, 0.7, 0.95, 0.2),
        choice("54", False, 0.6),
        choice(None, False, 0.99),
    ],
    [choice("3", True, 0.5, 0.6), choice("3.0", True, 0.4), choice("4", False, 0.45)],
    [choice("1", False, 0.3, 0.3), choice("2", False, 0.2)],
]


def test_curves_by_hand() -> None:
    found = best_of_n(POOLS)
    assert found.ns == (1, 2, 4)
    assert (found.n_problems, found.n_solutions, found.n_mixed) == (3, 9, 2)
    assert found.curves["random"] == pytest.approx([(1 / 4 + 2 / 3 + 0) / 3] * 3)
    # Two of four: 3 of 6 subsets hold the right one; two of three: all do.
    assert found.curves["oracle"] == pytest.approx([(1 / 4 + 2 / 3) / 3, (1 / 2 + 1) / 3, 2 / 3])
    # At 4 the first problem's 54 has two votes, the second's 3 and 3.0 are one answer.
    assert found.curves["majority"][-1] == pytest.approx(1 / 3)
    # The step of 0.99 wins the first problem.
    assert found.curves["max"][-1] == pytest.approx(1 / 3)
    assert found.curves["min"][-1] == pytest.approx((0 + 1 + 0) / 3)
    assert found.curves["weighted_vote"] == found.weighted_votes["min"]
    # 0.2 + 0.6 for 54 and 0.8 for 56 tie under min; under the mean 54 leads.
    assert found.weighted_votes["min"][-1] == pytest.approx((1 / 2 + 1) / 3)
    assert found.weighted_votes["mean"][-1] == pytest.approx(1 / 3)
    assert best_of_n(POOLS, aggregation="mean").curves["weighted_vote"][-1] == pytest.approx(1 / 3)


def test_every_rule_is_there() -> None:
    found = best_of_n(POOLS)
    assert set(found.curves) == set(found.bands) == {*METHODS, *BASELINES, "weighted_vote"}
    assert set(found.weighted_votes) == set(METHODS)


def test_lengths_are_content_blind_rules() -> None:
    pool = [
        Choice("1", True, 5, 3, (0.1,)),
        Choice("2", False, 9, 1, (0.9,)),
        Choice("3", False, 7, 2, (0.5,)),
    ]
    last = {rule: curve[-1] for rule, curve in best_of_n([pool]).curves.items()}
    assert (last["shortest"], last["longest"], last["fewest_steps"]) == (1.0, 0.0, 0.0)


POOL = st.lists(
    st.builds(
        lambda right, p, n: Choice("1" if right else str(n), right, n, len(p), tuple(p)),
        st.booleans(),
        st.lists(st.sampled_from([0.0, 0.2, 0.5, 1.0]), min_size=1, max_size=3),
        st.integers(2, 5),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=30)
@given(st.lists(POOL, min_size=1, max_size=4), st.randoms())
def test_the_order_of_a_file_plays_no_part(pools: list[list[Choice]], random: object) -> None:
    shuffled = [list(pool) for pool in pools]
    for pool in shuffled:
        random.shuffle(pool)  # type: ignore[attr-defined]
    a, b = (best_of_n(p, n_resamples=2) for p in (pools, shuffled))
    for rule, curve in a.curves.items():
        assert curve == pytest.approx(b.curves[rule]), rule


@settings(max_examples=30)
@given(st.lists(POOL, min_size=1, max_size=4))
def test_of_one_candidate_all_rules_choose_the_same(pools: list[list[Choice]]) -> None:
    found = best_of_n(pools, n_resamples=2)
    for rule, curve in found.curves.items():
        assert curve[0] == pytest.approx(found.curves["random"][0]), rule
        assert all(
            value <= most + 1e-9 for value, most in zip(curve, found.curves["oracle"], strict=True)
        )


def test_a_constant_scorer_is_a_random_pick_and_a_perfect_one_the_oracle() -> None:
    blind = [[choice(c.answer, c.correct, 0.6) for c in pool] for pool in POOLS]
    found = best_of_n(blind)
    for method in METHODS:
        assert found.curves[method] == pytest.approx(found.curves["random"])
    assert found.curves["weighted_vote"] == pytest.approx(found.curves["majority"])
    seeing = [[choice(c.answer, c.correct, float(c.correct)) for c in pool] for pool in POOLS]
    found = best_of_n(seeing)
    for method in METHODS:
        assert found.curves[method] == pytest.approx(found.curves["oracle"])


def test_bands_hold_the_curve_and_depend_on_the_seed_alone() -> None:
    found, again = best_of_n(POOLS, seed=4), best_of_n(POOLS, seed=4)
    assert found == again
    for rule, curve in found.curves.items():
        for value, band in zip(curve, found.bands[rule], strict=True):
            assert band is not None
            assert band[0] - 1e-9 <= value <= band[1] + 1e-9


def test_progress_is_told() -> None:
    heard: list[int] = []
    best_of_n(POOLS, on_progress=heard.append)
    assert heard == [1, 2, 3]


def test_sizes_end_with_the_largest() -> None:
    assert [sizes(n) for n in (1, 2, 3)] == [(1,), (1, 2), (1, 2, 3)]


def test_errors_are_sentences() -> None:
    with pytest.raises(InputError, match="at least one solution"):
        best_of_n([])
    with pytest.raises(InputError, match="at least one solution"):
        best_of_n([[]])
    with pytest.raises(BadOptionError, match="'median' is not known"):
        best_of_n(POOLS, aggregation="median")


AMBIGUOUS = [
    "15%",
    "15",
    "0.15",
    "24",
    "24 cm",
    "24 mm",
    "0.3333",
    "1/3",
    "0.33333",
    "x",
    "X",
    "20",
    "£5",
    "5 pounds",
    "80 oz",
    "3 to 5",
    "3:5",
    "3-5",
    "4/1/2020",
    "2020-01-04",
    "2020-04-01",
]


@given(st.lists(st.sampled_from(AMBIGUOUS), min_size=1, max_size=9), st.randoms())
def test_groups_do_not_depend_on_the_order(answers: list[str], random: Random) -> None:
    def together(answers: list[str]) -> set[frozenset[str]]:
        members: dict[int | None, set[str]] = {}
        for answer, group in zip(answers, answer_groups(answers), strict=True):
            members.setdefault(group, set()).add(answer)
        return set(map(frozenset, members.values()))

    found = together(answers)
    shuffled = random.sample(answers, len(answers))
    assert together(shuffled) == found
    for group in found:
        assert all(same_answer(a, b) for a in group for b in group), "every two are the same"


def test_a_rate_s_votes_have_one_outcome_in_every_order() -> None:
    pool = [choice(a, a != "20", 0.5) for a in ("15%", "15", "0.15", "20", "20")]
    outcomes = {best_of_n([order]).curves["majority"] for order in permutations(pool)}
    assert len(outcomes) == 1

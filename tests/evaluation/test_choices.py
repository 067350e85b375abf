"""What every rule chooses of one problem's solutions, on examples worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prm_core.evaluation.best_of_n import best_of_n
from prm_core.evaluation.choices import Choice, Comparison, answer_groups, compare_choices
from prm_core.ranking.aggregate import METHODS
from prm_core.types import Candidate, ScoredCandidate
from tests.clock import cpu_seconds


def solution(answer: str | None, *p: float, words: str = "A step.") -> ScoredCandidate:
    end = "It goes on." if answer is None else f"The answer is {answer}."
    steps = (*(words for _ in p[1:]), end)
    return ScoredCandidate(Candidate("What?", steps), p, (0.0,) * len(p), "a-model")


A = solution("4", 0.9, 0.8, 0.7)
B = solution("5", 0.95, 0.2, 0.99)
C = solution("5.0", 0.6, 0.6)
D = solution(None, 0.99)


@pytest.fixture
def found() -> Comparison:
    return compare_choices([A, B, C, D], "5")


def test_an_aggregation_chooses_the_best_score(found: Comparison) -> None:
    assert found.pick("min").solutions == (3,)  # .99 of .7, .2, .6, .99
    assert found.pick("min").accuracy == 0.0
    assert found.pick("last").solutions == (1, 3)  # level at .99: one is right, one has no answer
    assert found.pick("last").accuracy == 0.5
    assert set(METHODS) <= {pick.rule for pick in found.picks if pick.kind == "score"}


def test_votes_count_answers_or_weigh_them(found: Comparison) -> None:
    assert found.pick("majority").solutions == (1, 2)  # two for 5, one for 4, none for nothing
    assert found.pick("majority").accuracy == 1.0
    assert found.pick("vote_min").solutions == (1, 2)  # .2 + .6 beats .7
    assert found.pick("vote_prod").solutions == (1, 2)  # .1881 + .36 beats .504
    assert compare_choices([A, B], "5").pick("vote_min").solutions == (0,)


def test_answers_that_are_tied_in_votes_count_alike_whoever_gives_them() -> None:
    """54 has .5 and 56 has .25 + .25: a coin decides."""
    found = compare_choices([solution("54", 0.5), *[solution("56", 0.25)] * 2], "56")
    assert found.pick("vote_min").solutions == (0, 1, 2)
    assert found.pick("vote_min").accuracy == 0.5
    assert found.pick("majority").accuracy == 1.0


@pytest.mark.parametrize(
    "gold",
    [
        "5",
        "He has 2+3 = <<2+3=5>>5 apples.\n#### 5",
        r"Adding them, we get $2 + 3 = \boxed{5}$ apples.",
        "2 + 3 = 5.\nThe answer is 5.",
        "The answer is 5.",
    ],
)
def test_the_right_answer_may_be_a_whole_reference_solution(gold: str) -> None:
    found = compare_choices([A, B], gold)
    assert [(one.answer, one.correct) for one in found.groups] == [("4", False), ("5", True)]


def test_lengths_know_nothing_of_the_content(found: Comparison) -> None:
    assert found.pick("shortest").solutions == found.pick("fewest_steps").solutions == (3,)
    assert found.pick("longest").solutions == (0, 1)


def test_answers_are_grouped_and_those_without_come_last(found: Comparison) -> None:
    assert [(one.answer, one.solutions, one.correct) for one in found.groups] == [
        ("5", (1, 2), True),
        ("4", (0,), False),
        (None, (3,), False),
    ]
    assert found.groups[0].weights["min"] == pytest.approx(0.8)


def test_the_step_that_makes_the_difference() -> None:
    """B without its second step has a minimum of .95 and would lead; C's are level."""
    first = compare_choices([A, B]).pick("min")
    assert (first.solutions, first.ahead_of, first.step, first.decides) == ((0,), 1, 1, True)
    second = compare_choices([A, C]).pick("min")
    assert (second.ahead_of, second.step, second.decides) == (1, None, False)
    assert compare_choices([A, D]).pick("min").step == 2  # A's weakest; D is ahead of it
    alone = compare_choices([A]).pick("min")
    assert (alone.solutions, alone.ahead_of, alone.step) == ((0,), None, None)


def test_without_a_right_answer_nothing_is_right_or_wrong() -> None:
    found = compare_choices([A, B])
    assert {pick.accuracy for pick in found.picks} == {None}
    assert {group.correct for group in found.groups} == {None}


def test_nothing_is_chosen_where_nobody_answers_or_is_there() -> None:
    assert compare_choices([D], "5").pick("majority").solutions == ()
    assert compare_choices([D], "5").pick("majority").accuracy is None
    assert compare_choices([], "5").groups == ()


def test_numbers_that_differ_are_told_apart_without_a_comparison() -> None:
    answers = [str(i) for i in range(3000)]
    assert cpu_seconds(lambda: answer_groups(answers)) < 3
    assert answer_groups(answers) == list(range(3000))


def test_a_number_joins_the_group_of_an_answer_in_words_or_units() -> None:
    """The first two are given most often, so their groups are there before those of numbers."""
    assert answer_groups(["five", "five", "15%", "15%", "5", "5.0", "0.15", "15", "05"]) == [
        *(0, 0, 1, 1, 0, 0, 1, 2, 0)
    ]


PROBABILITY = st.sampled_from([0.1, 0.25, 0.5, 0.9])
SOLUTION = st.builds(
    lambda answer, p, words: solution(answer, *p, words=words),
    st.sampled_from(["1", "1.0", "2", "1/2", None]),
    st.lists(PROBABILITY, min_size=1, max_size=3),
    st.sampled_from(["A step.", "A longer step."]),
)


@given(st.lists(SOLUTION, min_size=1, max_size=5))
@settings(max_examples=60, deadline=None)
def test_it_is_what_best_of_n_measures(scored: list[ScoredCandidate]) -> None:
    found = compare_choices(scored, "1")
    curves = best_of_n([[Choice.of(one, "1") for one in scored]], n_resamples=2)
    measured = curves.curves | {f"vote_{m}": c for m, c in curves.weighted_votes.items()}
    for pick in found.picks:
        assert math.isclose(pick.accuracy or 0.0, measured[pick.rule][-1], abs_tol=1e-9), pick

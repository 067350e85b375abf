"""Two annotators: agreement and Cohen's kappa, against published and hand-computed values."""

from __future__ import annotations

import pytest

from prm_core.evaluation.agreement import cohens_kappa, compare_labels
from prm_core.session import Label, Problem, Session, Solution

STEPS = ("One.", "Two.", "Three.", "Four.")


def session(*labels: tuple[Label, ...], problem: str = "Why?") -> Session:
    """A session with a solution for each tuple of labels; names and steps tell them apart."""
    solutions = tuple(
        Solution(chr(65 + i), steps=tuple(f"{i}: {one}" for one in STEPS), labels=given)
        for i, given in enumerate(labels)
    )
    return Session((Problem(problem, id="p", solutions=solutions),))


def test_kappa_of_a_published_example() -> None:
    """Cohen 1968, Weighted kappa: 200 diagnoses by two people; without weights he reports .492."""
    kappa = cohens_kappa([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
    assert kappa == pytest.approx(0.492, abs=5e-4)


@pytest.mark.parametrize(
    ("confusion", "kappa"),
    [
        ([[20, 5], [10, 15]], 0.4),  # p_o 0.7, p_e 0.5
        ([[45, 15], [25, 15]], 0.06 / 0.46),  # p_o 0.60, p_e 0.54
        ([[25, 35], [5, 35]], 0.14 / 0.54),  # p_o 0.60, p_e 0.46
        ([[0, 1], [1, 0]], -1.0),
        ([[7, 0], [0, 0]], None),  # both say one word throughout
        ([[0, 0], [0, 0]], None),
    ],
)
def test_kappa_by_hand(confusion: list[list[int]], kappa: float | None) -> None:
    assert cohens_kappa(confusion) == (None if kappa is None else pytest.approx(kappa))


def test_steps_and_first_errors_are_compared() -> None:
    a = session((1, 0, 0, None), (1, "neutral", 1, 1), (1, 1, 1, 1), (None, 0, None, None))
    b = session((1, 1, 0, 0), (1, 1, 1, 1), (), (1, 0, None, None))
    found = compare_labels(a, b)
    assert (found.n_solutions, found.n_only_a, found.n_only_b) == (3, 1, 0)
    # steps of A: right/right, wrong/right, wrong/wrong; of B: 3 right/right, neutral/right; of D: 0
    assert found.confusion == ((4, 0, 0), (1, 0, 0), (1, 0, 2))
    assert found.n_steps == 8
    assert found.agreement == 6 / 8
    # p_e = (4 * 6 + 1 * 0 + 3 * 2) / 64
    assert found.kappa == pytest.approx((6 / 8 - 30 / 64) / (1 - 30 / 64))
    # A: step 2 and step 3; B: none and none; D of the first file does not say whether step 1 is.
    assert (found.n_judged, found.first_error) == (2, 0.5)
    differing = [(one.problem, one.solution, one.steps) for one in found.differing]
    assert differing == [("p", "A", (1,)), ("p", "B", (1,))]


def test_solutions_that_a_file_labels_in_two_ways_are_counted() -> None:
    twice = session((1, 1, 0, 0)).problems + session((1, 0, None, None)).problems
    once = session((1, 1, 0, 0), (1, 1, 1, 1))
    found = compare_labels(Session(twice), once)
    assert (found.n_contradicting_a, found.n_contradicting_b) == (1, 0)
    assert (found.n_solutions, found.agreement) == (1, 0.5), "the last one counts"
    # The same labels, or labels of other steps, contradict nothing; three words do so twice.
    same = session((1, None, 0, 0)).problems + session((1, 1, None, 0)).problems
    words: tuple[Label, ...] = (0, "neutral", 1)
    three = tuple(session((1, one, 1, 1)).problems[0] for one in words)
    found = compare_labels(Session(same), Session(three))
    assert (found.n_contradicting_a, found.n_contradicting_b) == (0, 2)


def test_a_soft_label_is_right_from_one_half() -> None:
    found = compare_labels(session((0.5, 0.49, 1, 0)), session((1, 0, 1, 0)))
    assert found.agreement == 1


def test_labels_of_other_steps_or_problems_are_not_compared() -> None:
    one = session((1, 1, 1, 1))
    assert compare_labels(one, session((0, 0, 0, 0), problem="What?")).n_solutions == 0
    cut = Solution("A", steps=("0: One.", "0: Two. 0: Three.", "0: Four."), labels=(1, 1, 0))
    found = compare_labels(one, Session((Problem("Why?", solutions=(cut,)),)))
    assert (found.n_solutions, found.n_only_a, found.n_only_b) == (0, 1, 1)
    assert (found.agreement, found.kappa, found.first_error) == (None, None, None)

"""Labels of one solution: by its answer, by continuations, by bisection; by hand."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from prm_core.labelling.methods import (
    LabelConfig,
    Rollouts,
    bisected_labels,
    monte_carlo_shares,
    most_generations,
    outcome_labels,
)
from tests.labelling.solver import PROBLEM, RIGHT, WRONG, Solver, labelled


def test_what_the_final_answer_says() -> None:
    assert outcome_labels(3, True) == (1.0, 1.0, 1.0)
    assert outcome_labels(3, False) == (None, None, 0.0)
    assert outcome_labels(1, False) == (0.0,)
    assert outcome_labels(2, None) == (None, None)
    good, bad = (labelled(steps, "outcome", Solver()) for steps in (RIGHT, WRONG))
    assert (good.answer, good.correct, good.labels) == ("9", True, (1.0, 1.0, 1.0))
    assert (bad.answer, bad.correct, bad.labels) == ("8", False, (None, None, 0.0))


def test_monte_carlo_by_hand() -> None:
    solver = Solver()
    assert labelled(WRONG, "monte-carlo", solver).labels == (1.0, 0.0, 0.0)
    assert solver.asked == [WRONG[:1], WRONG[:2]]  # the last step is judged by its own answer
    shares = {1: 0.25, 2: 0.5, 3: 0.0}
    assert monte_carlo_shares(3, True, shares.__getitem__) == (0.25, 0.5, 1.0)
    assert monte_carlo_shares(3, None, shares.__getitem__) == (0.25, 0.5, 0.0)


def test_soft_labels_are_shares_and_hard_ones_say_whether_any_is_right() -> None:
    soft = labelled(RIGHT, "monte-carlo", Solver(0.5), continuations=16).labels
    hard = labelled(RIGHT, "monte-carlo", Solver(0.5), continuations=16, hard=True).labels
    assert soft[0] is not None
    assert 0 < soft[0] < 1
    assert soft[0] * 16 == int(soft[0] * 16)
    assert hard == (1.0, 1.0, 1.0)


def test_the_seed_changes_the_continuations() -> None:
    one, two, again = (
        labelled(RIGHT, "monte-carlo", Solver(0.5), continuations=64, seed=seed).labels
        for seed in (1, 2, 1)
    )
    assert one == again != two


def test_a_continuation_without_text_leaves_the_answer_that_is_there() -> None:
    class Done(Solver):
        def continue_solution(
            self, problem: str, steps: Sequence[str], seeds: Sequence[int]
        ) -> list[str]:
            return [" " for _ in seeds]

    assert labelled(RIGHT, "monte-carlo", Done()).labels == (0.0, 1.0, 1.0)


def test_bisection_by_hand() -> None:
    solver = Solver()
    steps = ["a = 1", "b = 2", "c = 3", "wrong", "d", "e", "f", "The answer is 8."]
    labels = labelled(steps, "binary-search", solver).labels
    assert labels == (1.0, 1.0, 1.0, 0.0, None, None, None, None)
    assert [len(asked) for asked in solver.asked] == [0, 4, 2, 3]


def test_a_right_solution_needs_no_bisection() -> None:
    solver = Solver()
    assert labelled(RIGHT, "binary-search", solver).labels == (1.0, 1.0, 1.0)
    assert not solver.asked


def test_a_generator_that_never_solves_the_problem_cannot_tell() -> None:
    assert labelled(WRONG, "binary-search", Solver(0.0)).labels == (None, None, None)


@given(n_steps=st.integers(1, 40), error=st.integers(0, 40), has_answer=st.booleans())
def test_bisection_finds_every_first_error_within_its_cost(
    n_steps: int, error: int, has_answer: bool
) -> None:
    error = min(error, n_steps - 1 if has_answer else n_steps)
    asked: list[int] = []

    def reached(end: int) -> bool:
        asked.append(end)
        return end <= error

    found = bisected_labels(n_steps, False if has_answer else None, reached)
    right = (1.0,) * error
    assert found == (right + (0.0,) + (None,) * (n_steps - error - 1))[:n_steps]
    assert len(asked) <= most_generations(
        n_steps, has_answer, LabelConfig("binary-search", continuations=1)
    )


def test_a_beginning_that_solutions_share_is_continued_once_by_all_threads() -> None:
    inside = threading.Event()

    class Slow(Solver):
        def continue_solution(
            self, problem: str, steps: Sequence[str], seeds: Sequence[int]
        ) -> list[str]:
            inside.wait(0.1)
            return super().continue_solution(problem, steps, seeds)

    solver = Slow()
    rollouts = Rollouts(solver, 3)
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(rollouts.n_right(PROBLEM, RIGHT[:1], "9")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [3, 3, 3, 3]
    assert len(solver.asked) == 1
    assert rollouts.n_generations == 3

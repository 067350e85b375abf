"""What other solutions of a problem say of a step's values."""

from __future__ import annotations

import pytest

from prm_core import calculator
from prm_core.calculator import operations, read_solution
from prm_core.calculator.solver import FEATURES, N_FEATURES, read_others

PENCILS = "Tim buys 4 boxes of 6 pencils and gives 5 pencils away. How many are left?"
RIGHT = "4 * 6 = 24 pencils\n24 - 5 = 19 pencils\nAnswer: 19"
OTHERS = (RIGHT, RIGHT, "6 - 5 = 1\n4 * 1 = 4\nAnswer: 4", RIGHT)


def said(problem: str, steps: list[str], others: tuple[str, ...]) -> list[dict[str, float]]:
    readings = [one.reading for one in read_solution(problem, steps)]
    names = [name for name, _ in FEATURES]
    return [dict(zip(names, row, strict=True)) for row in read_others(problem, readings, others)]


def test_a_step_is_compared_with_what_the_others_reach() -> None:
    first, second = said(PENCILS, ["4 * 6 = 24", "24 - 5 = 19"], OTHERS)
    assert first == {
        "solved": 1.0,
        "certain": 0.75,
        "stated": 1.0,
        "reached": 0.75,
        "answered": 0.0,
        "news": 1.0,
        "news_reached": 0.75,
        "way_reached": 0.75,
        "in_problem": 0.0,
        "comparable": 1.0,
        "computed": 0.75,
        "otherwise": 0.0,
        "way_computed": 0.75,
    }
    assert (second["reached"], second["answered"]) == (0.75, 0.75)


def test_a_wrong_idea_in_a_true_equation_is_reached_by_none() -> None:
    first, second = said(PENCILS, ["4 + 6 = 10", "24 - 5 = 19"], OTHERS)
    assert first["reached"] == first["news_reached"] == first["way_reached"] == 0.0
    assert (second["reached"], second["way_reached"]) == (0.75, 0.0)


def test_another_operation_on_the_same_numbers_is_told() -> None:
    """Also where the value is reached by chance, or no value is stated."""
    first, second = said(PENCILS, ["6 + 4 = 10", "5 - 24"], OTHERS)
    assert (first["computed"], first["otherwise"]) == (0.0, 0.75)
    assert (second["computed"], second["otherwise"], second["way_computed"]) == (0.0, 0.75, 0.0)
    (turned,) = said(PENCILS, ["6 × 4 = 24"], OTHERS)
    assert (turned["computed"], turned["otherwise"]) == (0.75, 0.0)


def test_of_a_chain_every_operation_counts() -> None:
    other = ("2 + 3 + 4 = 9\nAnswer: 9",)
    same, rarest = said("Add 2, 3 and 4.", ["2 + 3 = 5", "3 + 4 + 4 = 11"], other)
    assert (same["computed"], rarest["computed"]) == (1.0, 0.0)


def test_a_step_that_computes_nothing_leaves_the_way_as_it_was() -> None:
    rows = said(PENCILS, ["There are 24 pencils.", "24 - 5 = 19"], OTHERS)
    assert [row["comparable"] for row in rows] == [0.0, 1.0]
    assert [row["way_computed"] for row in rows] == [1.0, 0.75]


def test_what_the_problem_gives_is_not_new() -> None:
    (first,) = said(PENCILS, ["There are 4 boxes."], OTHERS)
    assert (first["news"], first["in_problem"], first["way_reached"]) == (0.0, 1.0, 1.0)


def test_a_step_without_a_number_states_nothing() -> None:
    (first,) = said(PENCILS, ["First I count all of them."], OTHERS)
    assert first["stated"] == first["reached"] == first["news"] == 0.0


@pytest.mark.parametrize("step", ["2.2 m are left", "300 cm - 80 cm = 220 cm", "3 - 0.8 = 2.2"])
def test_a_value_may_be_in_another_unit(step: str) -> None:
    rope = "A rope is 3 m long. I cut off 80 cm. How much is left?"
    (first,) = said(rope, [step], ("300 cm - 80 cm = 220 cm", "3 - 0.8 = 2.2 m\nAnswer: 2.2 m"))
    assert first["reached"] >= 0.5


def test_without_other_solutions_nothing_is_said() -> None:
    for others in ((), ("", "I do not know.")):
        readings = [one.reading for one in read_solution(PENCILS, ["4 * 6 = 24"])]
        assert read_others(PENCILS, readings, others) == [(0.0,) * N_FEATURES]


def test_no_feature_has_the_name_of_another() -> None:
    names = [name for name, _ in (*calculator.FEATURES, *operations.FEATURES, *FEATURES)]
    assert len(set(names)) == len(names)

"""Equations between times of day."""

from __future__ import annotations

import pytest

from prm_core.calculator import FEATURES, read, read_solution


def judged(text: str) -> list[tuple[str, bool]]:
    return [(text[e.start : e.end], e.holds) for e in read(text).equations]


@pytest.mark.parametrize(
    "text",
    [
        "18:45 + 1 h = 19:45",
        "18:45 + 1 h 50 min = 20:35",
        "12:40 + 50 = 13:30",
        "12:40 + 50 minutes is 1:30 pm",
        "10:30 pm + 2 hours = 0:30",
        "14:25 - 0:35 = 13:50",
        "9:40 - 55 minutes = 8:45 am",
        "11:15 - 9:40 = 1:35",
        "11:15 - 9:40 = 95 min",
        "11:15 - 9:40 = 1 h 35 min",
        "11:15 - 9:40 = 1 hour and 35 minutes",
        "8:15 - 9:00 = 45 min",
        "19:20 to 20:00 is 40 min",
        "8:15 to 9:00 it's 45 minutes",
        "10:00 pm until 6:15 am is 8 h 15 min",
        "9:00 to 11:15 = 2.25 hours",
        "35 minutes after 8:40 is 9:15",
        "20 minutes before 7:10 is 6:50",
    ],
)
def test_what_a_clock_says_holds_and_nothing_else(text: str) -> None:
    assert judged(text) == [(text, True)]
    last = max(place for place, c in enumerate(text) if c.isdigit())
    wrong = text[:last] + str((int(text[last]) + 3) % 10) + text[last + 1 :]
    assert judged(wrong) == [(wrong, False)]


@pytest.mark.parametrize("text", ["3:50 + 45 = 3:95", "11:15 - 8:50 = 3:65", "9:40 - 55 = 8:85"])
def test_there_is_no_such_minute(text: str) -> None:
    assert judged(text) == [(text, False)]


@pytest.mark.parametrize(
    "text",
    [
        "The ratio is 3:20 = 0.15",
        "from 8:30 to 9:15",
        "She works from 8:00 to 9:00 and earns 45 dollars",
        "Between 8:00 and 9:00 she reads 20 pages",
        "From 8:00 to 9:00 he walks, 20 minutes of it uphill",
        "8:00 +",
        "8:00 + 5 apples = 9:00",
        "At 8:00 = ",
    ],
)
def test_what_is_no_such_equation_is_left_alone(text: str) -> None:
    assert judged(text) == []


def test_other_equations_of_the_step_stay() -> None:
    text = "9:40 to 10:00 is 20 minutes, and 20 + 75 = 94, so 9:40 + 95 = 11:15"
    assert judged(text) == [
        ("9:40 to 10:00 is 20 minutes", True),
        ("20 + 75 = 94", False),
        ("9:40 + 95 = 11:15", True),
    ]


def test_times_come_from_somewhere_and_what_a_false_one_gives_is_carried_on() -> None:
    problem = "A train leaves at 9:40 and arrives at 11:15. How long does it take?"
    right, wrong = (
        read_solution(problem, [f"9:40 to 10:00 is {first} min", f"{first} + 75 = {first + 75}"])
        for first in (20, 30)
    )
    names = [name for name, _ in FEATURES]
    told = [dict(zip(names, step.features, strict=True)) for step in (*right, *wrong)]
    assert [step["false"] for step in told] == [0, 0, 1, 0]
    assert [step["new"] for step in told[::2]] == [0, 0]
    assert [step["carries"] for step in told] == [0, 0, 0, 1]

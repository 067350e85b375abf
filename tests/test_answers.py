from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.answers import final_answer


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"So \boxed{56}.", "56"),
        (r"First \boxed{1}, no: \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        ("2 + 2 = 4\n#### 4", "4"),
        ("7 × 8 = 56.\nThe answer is 56.", "56"),
        ("**Final answer:** $\\frac{3}{4}$", r"\frac{3}{4}"),
        ("Answer: 1,200 dollars", "1,200 dollars"),
        ("The answer to the question is (B).", "(B)"),
        ("Therefore the answer is 12, because 3 × 4 = 12.", "12"),
        ("答案是 42。", "42"),
        ("It costs $12.50.", "12.50"),
        ("She pays $40 and has $10 left", "10"),
        ("<think>The answer is 3.</think>No: the answer is 4.", "4"),
        ("<think>The answer is 3.</think>", None),
        ("<think>It is 3.</think>I am sure.", None),
        ("Nothing to see here", None),
        ("", None),
    ],
)
def test_the_final_answer_of_a_text(solution: str, answer: str | None) -> None:
    assert final_answer(solution) == answer


def test_steps_are_read_like_a_text() -> None:
    assert final_answer(["7 × 8 = 54.", "Wait: 7 × 8 = 56.", "The answer is 56."]) == "56"
    assert final_answer(["3 × 4 = 12", "So there are 12 apples", " "]) == "12"
    assert final_answer([]) is None


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    final_answer(text)

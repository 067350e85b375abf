"""The page's examples, and what it says where a model is wrong about one."""

from __future__ import annotations

import math

from prm_core.text.steps import split_steps
from prm_core.types import Candidate, ScoredCandidate
from prm_core.ui.board import board_value
from prm_core.ui.examples import TRUTH, load_examples


def judged(problem: str, solution: str, signs: str) -> ScoredCandidate:
    """What a model says whose opinion of each step is `signs`."""
    p = tuple(0.9 if sign == "+" else 0.1 for sign in signs)
    odds = tuple(math.log(x / (1 - x)) for x in p)
    return ScoredCandidate(Candidate(problem, split_steps(solution)), p, odds, "a-model")


def caveat(problem: str, *scored: ScoredCandidate) -> str:
    said: str = board_value(problem, scored, status="done")["caveat"]
    return said


def test_the_truth_about_every_example_is_known() -> None:
    examples = {one.id: one for one in load_examples()}
    assert examples.keys() == TRUTH.keys()
    for name, signs in TRUTH.items():
        assert [len(one) for one in signs] == [
            len(split_steps(solution)) for solution in examples[name].solutions
        ], name


def test_a_right_opinion_needs_no_word() -> None:
    for one in load_examples():
        scored = [
            judged(one.problem, *pair) for pair in zip(one.solutions, TRUTH[one.id], strict=True)
        ]
        assert caveat(one.problem, *scored) == ""


def test_a_wrong_opinion_is_said() -> None:
    one = next(one for one in load_examples() if one.id == "rank-7-8")
    a, b, c = one.solutions
    scored = [judged(one.problem, *pair) for pair in ((a, "++-"), (b, "+--"), (c, "++++"))]
    assert caveat(one.problem, *scored) == (
        "The model is mistaken about this example: step 3 of A is right, and step 2 of C is wrong."
    )
    assert caveat(one.problem, judged(one.problem, a, "---"), judged(one.problem, b, "++-")) == (
        "The model is mistaken about this example: step 1 of A is right, step 2 of A is right, "
        "step 3 of A is right, and 1 more step is misjudged."
    )


def test_other_texts_are_passed_over() -> None:
    one = next(one for one in load_examples() if one.id == "rank-7-8")
    own = judged(one.problem, "It is 56.", "-")
    assert caveat(one.problem, own) == ""
    assert caveat("What is 7 x 8?", judged("What is 7 x 8?", one.solutions[0], "---")) == ""

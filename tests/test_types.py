import math
import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prm_core.errors import InputError, NoStepsError
from prm_core.types import (
    Candidate,
    Encoded,
    Example,
    ScoredCandidate,
    half_character,
    whole_characters,
)


def test_a_candidate_needs_a_problem_and_steps() -> None:
    with pytest.raises(InputError, match="candidate 'B' has an empty problem"):
        Candidate(" \n", ("a",), id="B")
    with pytest.raises(NoStepsError, match="has no steps"):
        Candidate("p", ())
    with pytest.raises(NoStepsError, match="step 2 of candidate 'B' is blank"):
        Candidate("p", ("a", "  "), id="B")
    for problem, step in (("q \ud83d", "s"), ("q", "\udc00")):
        with pytest.raises(InputError, match=r"'B' contains an unpaired surrogate .*; remove it"):
            Candidate(problem, ("s", step), "B")


@given(st.text(st.characters(codec=None)))
def test_half_characters_are_found_and_replaced(text: str) -> None:
    halves = [one for one in text if 0xD800 <= ord(one) <= 0xDFFF]
    assert half_character(text) == "".join(halves[:1])
    assert whole_characters(text) == "".join("\ufffd" if one in halves else one for one in text)


def test_a_long_text_is_looked_through_at_once() -> None:
    text = "a" * 40_000_000
    began = time.process_time()
    assert not any(half_character(text) for _ in range(50))  # 10 s, character by character
    assert time.process_time() - began < 1.0
    assert half_character("é" * 1_000_000 + "\ud83d") == "\ud83d"


@pytest.mark.parametrize("positions", [(), (2, 1), (1, 1), (-1,), (0, 5)])
def test_positions_rise_and_stay_inside(positions: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="position"):
        Encoded((1, 2, 3, 4, 5), positions)


@pytest.mark.parametrize("evidence", [((1,),), ((0,), (3,)), ((3,), (4,)), ((1,), (5,))])
def test_evidence_lies_before_the_end_of_its_step(evidence: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match="evidence"):
        Encoded((1, 2, 3, 4, 5, 6), (2, 4), evidence)
    assert Encoded((1, 2, 3, 4, 5, 6), (2, 4), ((1, 2), (4,))).evidence


@pytest.mark.parametrize("number", [np.int64, np.float32, torch.tensor])
def test_labels_may_be_numbers_of_any_library(number: Any) -> None:
    made = Example.from_labels("p", ["a", "b", "c"], [number(1), number(-1), None])
    assert made.labels == (1.0, 0.0, None)
    assert Example.from_labels("p", ["a", "b"], np.array([True, False])).labels == (1.0, 0.0)
    with pytest.raises(InputError, match="label"):
        Example.from_labels("p", ["a"], [number(3)])


def make(*p: float) -> ScoredCandidate:
    candidate = Candidate("p", tuple("abcdef"[: len(p)]))
    return ScoredCandidate(candidate, p, (0.0,) * len(p), "m")


def test_the_weakest_step_is_the_first_of_the_lowest() -> None:
    assert make(0.9, 0.2, 0.2).weakest_step == 1


def test_the_first_error_is_the_first_step_below_the_threshold() -> None:
    scored = make(0.9, 0.5, 0.4, 0.1)
    assert scored.first_error() == 2
    assert scored.first_error(0.6) == 1
    assert scored.first_error(0.05) is None


def test_impossible_scores_are_refused() -> None:
    candidate = Candidate("p", ("a",))
    for p in (1.1, -0.1, math.nan):
        with pytest.raises(ValueError, match="not a probability"):
            ScoredCandidate(candidate, (p,), (0.0,), "m")
    with pytest.raises(ValueError, match="NaN"):
        ScoredCandidate(candidate, (0.5,), (math.nan,), "m")
    with pytest.raises(ValueError, match="2 probabilities and 1 log-odds for 1 steps"):
        ScoredCandidate(candidate, (0.5, 0.5), (0.0,), "m")


def test_an_example_knows_its_first_error_and_whether_people_said_it() -> None:
    candidate = Candidate("p", ("a", "b", "c"))
    assert Example(candidate, (1.0, 0.0, None)).first_error == 1
    assert Example(candidate, (1.0, 0.0, None)).judged
    assert not Example(candidate, (None, 0.0, 1.0)).judged
    assert not Example(candidate, (1.0, None, 1.0)).judged
    assert Example(candidate, (1.0, 0.7, 1.0)).first_error is None
    with pytest.raises(InputError, match="2 labels for 3 steps"):
        Example(candidate, (1.0, 0.0))
    with pytest.raises(InputError, match=r"label 1\.5 is not in"):
        Example(candidate, (1.0, 0.0, 1.5))


def test_one_text_is_not_a_list_of_steps() -> None:
    with pytest.raises(InputError, match=r"split it first: Candidate\(problem, split_steps"):
        Candidate("What is 1 + 1?", "1 + 1 = 2. So 2.")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="split it first"):
        Example.from_labels("What is 1 + 1?", "2.", [1, 1])


def test_a_candidate_keeps_a_list_of_steps_as_a_tuple() -> None:
    listed = Candidate("q", ["a", "b"])  # type: ignore[arg-type]
    assert listed == Candidate("q", ("a", "b"))
    assert hash(listed) == hash(Candidate("q", ("a", "b")))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([1, -1, None], (1.0, 0.0, None)),
        ([1, 0, 1], (1.0, 0.0, 1.0)),
        ([True, False, True], (1.0, 0.0, 1.0)),
        ([0.25, 0.5, 1.0], (0.25, 0.5, 1.0)),
    ],
)
def test_labels_of_every_convention(
    labels: list[float | None], expected: tuple[float | None, ...]
) -> None:
    example = Example.from_labels("q", ["a", "b", "c"], labels)
    assert example.labels == expected
    assert example.candidate == Candidate("q", ("a", "b", "c"))


@pytest.mark.parametrize("label", [2, -0.5, 1.01, "+", float("nan")])
def test_what_is_no_label_is_refused(label: float) -> None:
    with pytest.raises(InputError, match="must be 1, -1, None or from 0 to 1"):
        Example.from_labels("q", ["a"], [label])


def test_as_many_labels_as_steps() -> None:
    with pytest.raises(InputError, match="1 labels for 2 steps"):
        Example.from_labels("q", ["a", "b"], [1])

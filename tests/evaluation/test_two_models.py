"""Two models on the same solutions: differences, agreement, ranks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prm_core import Candidate, InputError, ScoredCandidate, session_html
from prm_core.evaluation.two_models import compare_models
from prm_core.session import Settings, from_scored

A = Candidate("7 × 8?", ("7 × 8 = 56.", "It is 56."), "A")
B = Candidate("7 × 8?", ("7 × 8 = 54.", "It is 54."), "B")


def said(candidate: Candidate, model: str, *p: float) -> ScoredCandidate:
    return ScoredCandidate(candidate, p, (0.0,) * len(p), model)


ONE = [said(A, "one", 0.9, 0.8), said(B, "one", 0.1, 0.2)]
TWO = [said(A, "two", 0.75, 0.3), said(B, "two", 0.6, 0.55)]


def test_each_model_is_held_to_its_own_threshold() -> None:
    """By 0.5 and 0.5 they agree on A's first step alone, by 0.5 and 0.65 on B's two steps too."""
    assert compare_models(ONE, TWO).agreement == 0.25
    found = compare_models(ONE, TWO, (0.5, 0.65))
    assert found.n_agreed == 3
    assert [(one.solution, one.step) for one in found.steps if one.apart] == [(0, 1)]
    differences = [one.difference for one in found.steps]
    assert differences == pytest.approx([-0.5, 0.5, 0.35, -0.15])


def test_leaders_and_ties_are_named() -> None:
    found = compare_models(ONE, TWO)
    assert found.leaders("min") == ((0,), (1,))
    assert found.leaders("max") == ((0,), (0,))
    words = found.leader_words("min", ["A", "B"], ("one", "two"))
    assert words == "Under minimum, one ranks A first, two ranks B first."
    level = compare_models(ONE, [said(A, "two", 0.5, 0.5), said(B, "two", 0.5, 0.5)])
    assert level.leaders("min")[1] == (0, 1)
    assert level.leader_words("max", ["A", "B"], ("x", "y")).endswith("y ranks A and B first.")


def test_steps_that_only_one_model_judged_are_no_disagreement() -> None:
    other = replace(B, steps=("Otherwise.",))
    second = [said(A.joined(), "orm", 0.4), said(other, "orm", 0.3)]
    found = compare_models(ONE, second)
    assert (found.steps, found.agreement) == ((), None)
    assert found.uncompared == (0, 1)
    assert found.leaders("prod") == ((0,), (0,))
    third = compare_models(ONE, [None, TWO[1]])
    assert third.places == (1,)
    assert third.agreement_words() == "The models agree on 0 of 2 steps (0 %)."
    assert (
        compare_models(ONE, [TWO[0], second[1]])
        .agreement_words()
        .endswith("; 1 solution has different steps in one of them.")
    )
    assert compare_models(ONE, [None, None]).agreement_words().startswith("No solution has")
    with pytest.raises(InputError, match="2 solutions, the other for 1"):
        compare_models(ONE, TWO[:1])


def test_a_report_says_where_two_models_differ() -> None:
    session = from_scored([*ONE, *TWO], thresholds={"two": 0.65})
    session = replace(session, settings=Settings("one", "two"))
    page = session_html(session)
    assert "The models agree on 3 of 4 steps (75 %)." in page
    assert "Under minimum, one ranks A first, two ranks B first." in page
    assert page.count("<td>no</td>") == 1
    row = page[page.index("step 2</th>") :].split("</tr>")[0]
    assert "<td>0.80</td><td>0.30 ✗</td><td>−0.50</td><td>no</td>" in row
    assert "Two models" not in session_html(replace(session, settings=Settings("one")))

"""What the browser keeps of two models is compared, and is checked like any input."""

from __future__ import annotations

import json
from typing import Any

import pytest

from prm_core.search.tree import tree_json
from prm_core.ui.compare import compare, compare_searches
from tests.search.test_compare import search

ROW = {"letter": "A", "source": "x", "cut": "", "error": ""}
SCORES = {
    "model_id": "one",
    "steps": ["a", "b"],
    "probabilities": [0.9, 0.2],
    "log_odds": [2.197, -1.386],
}
OTHER = {"model_id": "two", "probabilities": [0.3, 0.25], "log_odds": [-0.847, -1.1]}
RESULTS: dict[str, Any] = {
    "problem": "?",
    "rule": "auto",
    "gold": None,
    "model": "One",
    "threshold": 0.9,  # chosen on the page; the model's own is what counts here
    "own": 0.5,
    "candidates": [{**ROW, "scores": SCORES}],
    "other": {"model": "Two", "own": 0.28, "candidates": [OTHER]},
}


def test_both_models_are_compared_by_their_own_thresholds() -> None:
    found = compare(json.dumps(RESULTS))
    assert found is not None
    assert found["words"] == "The models agree on 2 of 2 steps (100 %)."
    assert [(one["step"], one["words"]) for one in found["steps"]] == [(0, "−0.60"), (1, "+0.05")]
    assert found["steps"][0]["both"] == [[0.9, "0.90", "good", False], [0.3, "0.30", "bad", False]]
    (line,) = found["solutions"]
    assert line["errors"] == [1, 1]
    assert line["standings"][1]["mean"] == [1, False, 0.275, "0.275"]
    assert found["outcome"] is None


def test_an_outcome_model_has_a_number_of_the_whole() -> None:
    whole = {**OTHER, "probabilities": [0.75], "log_odds": [1.1]}
    other = {**RESULTS["other"], "candidates": [whole]}
    found = compare(json.dumps({**RESULTS, "other": other}))
    assert found is not None
    assert found["outcome"] == {"A": "0.75"}
    assert found["steps"] == []
    assert found["solutions"][0]["errors"] == [1, None]


@pytest.mark.parametrize(
    "change",
    [
        {"other": None},
        {"other": {**RESULTS["other"], "candidates": []}},
        {"other": {**RESULTS["other"], "own": "x"}},
        {"other": {**RESULTS["other"], "candidates": [{**OTHER, "probabilities": 3}]}},
        {"other": {**RESULTS["other"], "candidates": ["x"]}},
        {"candidates": []},
        {"candidates": [{**ROW, "scores": None}]},
    ],
)
def test_what_is_not_the_pages_is_not_compared(change: dict[str, Any]) -> None:
    assert compare(json.dumps(RESULTS | change)) is None


def test_scores_that_do_not_fit_are_none() -> None:
    """A probability of 2, or three of them for two steps."""
    for p in ([2, 0.1], [0.1, 0.2, 0.3]):
        other = {**RESULTS["other"], "candidates": [{**OTHER, "probabilities": p}]}
        found = compare(json.dumps({**RESULTS, "other": other}))
        assert found is not None
        assert found["solutions"] == []


def test_two_searches_are_compared_and_the_second_has_a_board() -> None:
    trees = search(way="dvts"), search(way="beam", width=2)
    texts = [json.dumps(tree_json(tree)) for tree in trees]
    found = compare_searches({"searches": texts, "gold": "4"})
    assert found is not None
    assert found["words"]["min"][0] == "The first chooses 4 (right), the second 5 (wrong)."
    assert [one["answer"] for one in found["board"]["candidates"]] == ["5", "6"]
    assert [one["ranks"]["min"] for one in found["board"]["candidates"]] == [1, 2]
    assert [one["correct"] for one in found["board"]["candidates"]] == [False, False]


@pytest.mark.parametrize(
    "asked",
    [
        None,
        {"searches": ["{}", "{}"], "gold": None},
        {"searches": [json.dumps(tree_json(search()))] * 3, "gold": None},
        {"searches": [json.dumps(tree_json(search()))] * 2, "gold": 4},
        {"searches": [json.dumps(tree_json(search())), "[" * 50_000], "gold": None},
        {"searches": [json.dumps(tree_json(search())), {"nodes": []}], "gold": None},
    ],
)
def test_what_are_no_two_searches_is_not_compared(asked: object) -> None:
    assert compare_searches(asked) is None

"""A problem's results as one JSON object."""

from __future__ import annotations

import json

import pytest

from prm_core.aggregate import METHODS
from prm_core.data import json_line
from prm_core.results import result_row
from prm_core.types import Candidate, ScoredCandidate


def scored(*probabilities: float) -> ScoredCandidate:
    steps = [f"line {i}." for i in range(len(probabilities) - 1)] + ["The answer is 56."]
    return ScoredCandidate(
        candidate=Candidate("What is 7 × 8?", tuple(steps)),
        probabilities=probabilities,
        log_odds=tuple(0.0 for _ in probabilities),
        model_id="a-model",
    )


def test_the_row_has_the_documented_shape() -> None:
    row = result_row("r1", [scored(0.9, 0.8), scored(0.9, 0.25, 0.5)], method="min")
    assert list(row) == ["id", "problem", "model", "aggregation", "ranking", "candidates"]
    assert row["id"] == "r1"
    assert row["problem"] == "What is 7 × 8?"
    assert row["model"] == "a-model"
    assert row["aggregation"] == "min"
    assert row["ranking"] == [0, 1]
    first, second = row["candidates"]
    assert first["scores"].keys() == METHODS.keys()
    assert first["scores"]["mean"] == pytest.approx(0.85)
    del first["scores"], second["scores"]
    assert first == {
        "index": 0,
        "steps": ["line 0.", "The answer is 56."],
        "probabilities": [0.9, 0.8],
        "weakest_step": 1,
        "first_error": None,
        "answer": "56",
    }
    assert second["first_error"] == 1


def test_the_ranking_follows_the_method() -> None:
    candidates = [scored(0.2, 0.9), scored(0.6, 0.6)]
    assert result_row(None, candidates, method="min")["ranking"] == [1, 0]
    assert result_row(None, candidates, method="last")["ranking"] == [0, 1]


def test_the_threshold_decides_the_first_error() -> None:
    (candidate,) = result_row(None, [scored(0.6, 0.9)], threshold=0.7)["candidates"]
    assert candidate["first_error"] == 0


def test_floats_survive_the_file() -> None:
    row = result_row(None, [scored(0.1, 1 / 3, 0.30000001192092896)])
    assert json.loads(json_line(row)) == row

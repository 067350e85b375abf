"""A problem's results as one JSON object."""

from __future__ import annotations

import json
import math
from typing import Literal

import pytest

from prm_core.errors import BadOptionError
from prm_core.formats.results import result_row, to_frame
from prm_core.formats.rows import json_line
from prm_core.ranking.aggregate import METHODS
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
    about = ["id", "problem", "model", "aggregation", "threshold"]
    assert list(row) == [*about, "ranking", "candidates"]
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


def test_the_right_answer_stays_with_its_problem() -> None:
    row = result_row("r1", [scored(0.9)], gold_answer="54")
    assert row["gold_answer"] == "54"
    assert row["candidates"][0]["answer"] == "56"


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


def test_a_table_has_a_row_for_each_step() -> None:
    thought = Candidate("p", ("hm", "so 5"), "b", thinking=(True, False))
    more = ScoredCandidate(thought, (0.5, 1.0), (0.0, math.inf), "m", {"raw": (1.5, 2.5)})
    table = to_frame([scored(0.25), more])
    assert table["candidate"].tolist() == [0, 1, 1]
    assert table["step"].tolist() == [0, 0, 1]
    assert table["text"].tolist() == ["The answer is 56.", "hm", "so 5"]
    assert table["probability"].tolist() == [0.25, 0.5, 1.0]
    assert table["log_odds"].tolist() == [0.0, 0.0, math.inf]
    assert table["thinking"].tolist() == [False, True, False]
    assert table["model"].tolist() == ["a-model", "m", "m"]
    assert table["raw"].isna().tolist() == [True, False, False]
    assert table["raw"].tolist()[1:] == [1.5, 2.5]


def test_a_table_has_a_row_for_each_candidate() -> None:
    table = to_frame([scored(0.9, 0.8), scored(0.9, 0.25, 0.5)], "candidate", threshold=0.4)
    assert table["n_steps"].tolist() == [2, 3]
    assert table["score_min"].tolist() == [0.8, 0.25]
    assert table["first_error"].isna().tolist() == [True, False]
    assert table["first_error"].tolist()[1] == 1
    assert str(table["first_error"].dtype) == "Int64"
    assert table["answer"].tolist() == ["56", "56"]
    assert {f"score_{method}" for method in METHODS} < set(table.columns)


@pytest.mark.parametrize("per", ["step", "candidate"])
def test_a_table_of_nothing_has_all_columns(per: Literal["step", "candidate"]) -> None:
    assert len(to_frame([], per)) == 0
    assert list(to_frame([], per).columns) == list(to_frame([scored(0.5)], per).columns)


def test_a_table_of_something_else_is_refused() -> None:
    with pytest.raises(BadOptionError, match="per 'token' is not known; choose from step"):
        to_frame([], "token")  # type: ignore[arg-type]

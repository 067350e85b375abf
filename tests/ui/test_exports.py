"""Results as files, read back by the readers that anybody would use."""

from __future__ import annotations

import base64
import csv
import io
import json
from typing import Any

import pytest

from prm_core.session import open_session
from prm_core.ui.exports import FORMATS, export_results

RESULTS: dict[str, Any] = {
    "problem": "What is 7 × 8?",
    "rule": "auto",
    "model": "A PRM",
    "model_line": "owner/a-prm",
    "model_note": "",
    "gold": "56",
    "threshold": 0.4,
    "own": 0.5,
    "status": "done",
    "message": "",
    "cut_note": "",
    "candidates": [
        {
            "letter": letter,
            "source": f"=1+1 <b>{answer}</b>\nThe answer is {answer}.",
            "cut": "line",
            "error": "",
            "scores": {
                "model_id": "a-prm",
                "steps": [f"=1+1 <b>{answer}</b>", f"The answer is {answer}."],
                "thinking": [False, False],
                "probabilities": p,
                "log_odds": [0.5, -0.25],
                "extras": {},
                "rationales": [],
            },
        }
        for letter, answer, p in (("A", "56", [0.9, 0.8]), ("C", "54", [0.7, 0.1]))
    ],
}


def exported(kind: str, results: object = None) -> bytes:
    text = json.dumps(RESULTS if results is None else results)
    found = export_results({"format": kind, "aggregation": "prod", "results": text})
    assert found["name"] == f"prm-results.{kind}", found
    return base64.b64decode(found["contents"])


@pytest.mark.parametrize("kind", ["json", "jsonl", "html"])
def test_the_session_comes_back_equal(kind: str) -> None:
    (problem,) = open_session(exported(kind), f"x.{kind}").session.problems
    assert [one.name for one in problem.solutions] == ["A", "C"]
    assert [one.scores["a-prm"].probabilities for one in problem.solutions] == [
        (0.9, 0.8),
        (0.7, 0.1),
    ]
    assert problem.solutions[0].text == RESULTS["candidates"][0]["source"]
    assert problem.gold_answer == "56"


def test_a_table_runs_nothing_in_a_spreadsheet() -> None:
    cells = [cell for row in csv.reader(io.StringIO(exported("csv").decode())) for cell in row]
    assert any("=1+1" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


def test_a_report_holds_no_tag_of_a_text() -> None:
    assert b"<b>56</b>" not in exported("html").split(b"<script", 1)[0]


def test_parquet_is_read_by_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    assert len(pandas.read_parquet(io.BytesIO(exported("parquet")))) == 2


@pytest.mark.parametrize(
    "asked",
    [
        None,
        {"format": "exe", "aggregation": "min", "results": "{}"},
        {"format": "../../x", "aggregation": "min", "results": "{}"},
        {"format": "json", "aggregation": "min", "results": "{}"},
        {"format": "json", "aggregation": "min", "results": "[" * 9000},
        {"format": "json", "aggregation": "no rule", "results": json.dumps(RESULTS)},
    ],
)
def test_what_cannot_be_exported_gets_a_sentence(asked: object) -> None:
    found = export_results(asked)
    assert set(found) == {"error"}
    assert found["error"].strip()


def test_every_offer_is_kept() -> None:
    assert all(exported(kind) for kind in FORMATS)

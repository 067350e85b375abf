"""Results as files, read back by the readers that anybody would use."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from typing import Any

import pytest

from prm_core.session import open_session
from prm_core.ui.exports import FORMATS, export_labels, export_results

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


def with_said(**said: Any) -> dict[str, Any]:
    first, second = RESULTS["candidates"]
    return {**RESULTS, "candidates": [{**first, "said": said}, second]}


SAID: dict[str, Any] = {
    "steps": RESULTS["candidates"][0]["scores"]["steps"],
    "labels": [1, "neutral"],
    "step_notes": ["", "<b>why?</b>"],
    "note": "Nice",
}


@pytest.mark.parametrize("kind", ["json", "jsonl", "html", "csv"])
def test_labels_and_notes_go_with_the_results(kind: str) -> None:
    (problem,) = open_session(exported(kind, with_said(**SAID)), f"x.{kind}").session.problems
    first, second = problem.solutions
    assert first.labels == (1.0, "neutral")
    assert (first.step_notes, first.note) == (("", "<b>why?</b>"), "Nice")
    assert not second.labels


def test_labels_of_other_steps_stay_behind() -> None:
    results = with_said(**{**SAID, "steps": ["Something else.", "The answer is 56."]})
    (problem,) = open_session(exported("json", results), "x.json").session.problems
    assert problem.solutions[0].labels == ()


def labels_saved(kind: str, *rows: object) -> dict[str, str]:
    packed = gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    return export_labels({"format": kind, "session": base64.b64encode(packed).decode()})


ROW = {"problem": "2 + 2?", "steps": ["2 + 2 = 5.", "So 5."], "label": 0}


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [("trl", "labels", [False]), ("processbench", "label", 0), ("prm800k", "labeler", None)],
)
def test_labels_become_rows(kind: str, field: str, value: object) -> None:
    reply = labels_saved(kind, ROW)
    assert reply["words"] == "1 of 1 labelled solutions"
    assert json.loads(base64.b64decode(reply["contents"]))[field] == value


def test_labels_that_a_format_cannot_hold_are_said() -> None:
    unsure = {"problem": "2?", "solutions": [{"steps": ["One."], "labels": [0.3]}]}
    assert "0.3" in labels_saved("prm800k", unsure)["error"]
    assert "TRL" in labels_saved("trl", {"problem": "2?", "solutions": ["One."]})["error"]
    assert set(labels_saved("exe", ROW)) == {"error"}
    assert set(export_labels({"format": "trl", "session": "!"})) == {"error"}

"""Results as files, read back by the readers that anybody would use."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
from typing import Any

import pytest

from prm_core.session import Model, Problem, Scores, Session, Solution, open_session, session_json
from prm_core.ui.exports import FORMATS, export_session


def solution(name: str, answer: str, *p: float, **said: Any) -> Solution:
    steps = f"=1+1 <b>{answer}</b>", f"The answer is {answer}."
    return Solution(name, "\n".join(steps), steps, scores={"a-prm": Scores(p)}, cut="line", **said)


SAID: dict[str, Any] = {
    "labels": (1.0, "neutral"),
    "step_notes": ("", "<b>why?</b>"),
    "note": "Nice",
}
SOLUTIONS = solution("A", "56", 0.9, 0.8, **SAID), solution("C", "54", 0.7, 0.1)
SESSION = Session(
    (Problem("What is 7 × 8?", solutions=SOLUTIONS, gold_answer="56", status="done"),),
    (Model("a-prm", "A PRM", "owner/a-prm"),),
)


def asked(kind: str, text: str) -> dict[str, str]:
    packed = gzip.compress(text.encode())
    return export_session({"format": kind, "session": base64.b64encode(packed).decode()})


def exported(kind: str) -> bytes:
    found = asked(kind, session_json(SESSION))
    assert found["name"] == f"prm-session.{kind}", found
    return base64.b64decode(found["contents"])


@pytest.mark.parametrize("kind", ["json", "jsonl", "html"])
def test_the_session_comes_back_equal(kind: str) -> None:
    assert open_session(exported(kind), f"x.{kind}").session == SESSION


def test_a_table_runs_nothing_in_a_spreadsheet() -> None:
    cells = [cell for row in csv.reader(io.StringIO(exported("csv").decode())) for cell in row]
    assert any("=1+1" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@"))]


def test_a_table_carries_labels_and_notes() -> None:
    (problem,) = open_session(exported("csv"), "x.csv").session.problems
    first, second = problem.solutions
    assert first.labels == (1.0, "neutral")
    assert (first.step_notes, first.note) == (("", "<b>why?</b>"), "Nice")
    assert not second.labels


def test_a_report_holds_no_tag_of_a_text() -> None:
    assert b"<b>56</b>" not in exported("html").split(b"<script", 1)[0]


def test_parquet_is_read_by_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    assert len(pandas.read_parquet(io.BytesIO(exported("parquet")))) == 2


HALF = session_json(SESSION).replace("0.9", "9.0")  # one of its solutions is bad


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        {"format": "exe", "session": ""},
        {"format": "../../x", "session": ""},
        {"format": "json", "session": "!"},
        {"format": "json", "session": "{}"},
        {"format": "json", "session": base64.b64encode(gzip.compress(HALF.encode())).decode()},
    ],
)
def test_what_cannot_be_exported_gets_a_sentence(wrong: object) -> None:
    """A part of a session is none: nothing is left out without a word."""
    found = export_session(wrong)
    assert set(found) == {"error"}
    assert found["error"].strip()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_says_what_it_leaves_out(kind: str) -> None:
    scored = {"problem": "1 + 1?", "completions": ["2.", "3."], "scores": [[0.9], [0.2]]}
    plain = {"problem": "2 + 2?", "solutions": ["4."]}
    rows = [json.dumps(row) + "\n" for row in (scored, plain)]
    assert asked(kind, rows[0])["words"] == "2 solutions"
    words = "2 of 3 solutions; the others have no scores or labels"
    assert asked(kind, "".join(rows))["words"] == words


def test_every_offer_is_kept() -> None:
    assert all(exported(kind) for kind in FORMATS)


def labels_saved(kind: str, *rows: object) -> dict[str, str]:
    return asked(kind, "".join(json.dumps(row) + "\n" for row in rows))


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

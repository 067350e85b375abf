"""What the browser is told of a file; anything may come in its place."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from prm_core.session import read_session
from prm_core.ui.problems import MAX_FILE_BYTES, gallery, open_file


def opened(contents: bytes, name: str = "rows.jsonl") -> dict[str, Any]:
    return open_file({"name": name, "contents": base64.b64encode(contents).decode()})


ROWS = b'{"problem": "2 + 2?", "solutions": ["It is 4."], "answer": "4"}\n{"no": "problem"}\n'


@pytest.mark.parametrize(
    ("contents", "name"), [(ROWS, "rows.jsonl"), (gzip.compress(ROWS, mtime=0), "rows.jsonl.gz")]
)
def test_rows_that_can_be_read_are_there_and_the_others_are_named(
    contents: bytes, name: str
) -> None:
    found = opened(contents, name)
    (problem,) = read_session(found["session"]).problems
    assert (problem.problem, problem.gold_answer) == ("2 + 2?", "4")
    assert found["n_errors"] == 1
    assert "line 2" in found["errors"][0]


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        {"name": "x"},
        {"name": 1, "contents": ""},
        {"name": "x.jsonl", "contents": "no base64!"},
        {"name": "x.jsonl", "contents": ""},
        {"name": "x.jsonl", "contents": "A" * (2 * MAX_FILE_BYTES)},
        {"name": "x.parquet", "contents": base64.b64encode(b"PAR1 is no table").decode()},
        {"name": "x.eval", "contents": base64.b64encode(b"PK no archive").decode()},
    ],
)
def test_what_is_no_file_gets_a_sentence(asked: object) -> None:
    found = open_file(asked)
    assert set(found) == {"error"}
    assert found["error"].strip()


def test_a_path_is_never_opened() -> None:
    assert "root:" not in json.dumps(opened(b"/etc/passwd", "/etc/passwd"))


def test_the_gallery_carries_recorded_scores() -> None:
    session = read_session(gallery("")["session"])
    assert len(session.problems) == 30
    assert len([one for one in session.models if one.recorded]) == 4

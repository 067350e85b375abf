"""What the browser is told of a file; anything may come in its place."""

from __future__ import annotations

import base64
import gzip
import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prm_core.session import read_session
from prm_core.ui.problems import MAX_FILE_BYTES, MAX_UNPACKED, gallery, open_file, open_hub
from tests.hub import write_library


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


def test_a_file_of_several_megabytes_opens() -> None:
    """A data set of usual size: 6 MB that gzip makes no smaller than a half."""
    rng = random.Random(0)
    rows = [
        {"problem": f"{i}: {rng.randbytes(400).hex()}?", "solutions": [rng.randbytes(400).hex()]}
        for i in range(4_000)
    ]
    raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
    packed = gzip.compress(raw, 1, mtime=0)
    assert len(packed) > 3_000_000
    found = opened(packed, "rows.jsonl.gz")
    assert len(read_session(found["session"]).problems) == 4_000


def test_what_is_small_only_while_it_is_packed_is_refused() -> None:
    bomb = gzip.compress(b" " * (MAX_UNPACKED + 10), mtime=0)
    assert len(bomb) < 1_000_000
    found = opened(bomb, "rows.jsonl.gz")
    assert found.keys() == {"error"}
    assert "rows.jsonl.gz: has more than 100,000,000 bytes" in found["error"]
    assert "python -m prm_core score" in found["error"]


def test_texts_of_a_table_are_bounded_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Parquet stores a text once, however often it is there."""
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"problem": ["p"] * 100, "solutions": [["s" * 1_000]] * 100})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    raw = (tmp_path / "rows.parquet").read_bytes()
    assert "session" in opened(raw, "rows.parquet")
    monkeypatch.setattr("prm_core.ui.problems.MAX_UNPACKED", 50_000)
    assert "50,000 characters" in opened(raw, "rows.parquet")["error"]


# --- data sets of the Hub ------------------------------------------------------------------------


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    write_library(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "datasets", raising=False)
    yield
    sys.modules.pop("datasets", None)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("name", ["own/set", " hf:own/set "])
def test_a_data_set_is_opened_by_its_name(name: str) -> None:
    found = open_hub(name)
    assert found["title"] == "own/set"
    assert [one.problem for one in read_session(found["session"]).problems] == ["0?", "1?", "2?"]


@pytest.mark.usefixtures("library")
def test_of_a_large_one_the_first_rows_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prm_core.ui.problems.MOST_HUB_ROWS", 10)
    found = open_hub("own/endless")
    assert found["title"] == "own/endless, the first 10 rows"
    assert len(read_session(found["session"]).problems) == 10
    monkeypatch.setattr("prm_core.ui.problems.MAX_UNPACKED", 100)
    assert 0 < len(read_session(open_hub("own/endless")["session"]).problems) < 5
    monkeypatch.setattr("prm_core.ui.problems.MAX_UNPACKED", 10**6)
    monkeypatch.setattr("prm_core.ui.problems.MOST_HUB_ROWS", 10**6)
    monkeypatch.setattr("prm_core.ui.problems.HUB_S", 0.2)
    assert len(read_session(open_hub("own/slow")["session"]).problems) < 20


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (None, "Type the name"),
        (" ", "Type the name"),
        ({}, "Type the name"),
        ("gsm8k", "write hf:owner/name"),
        ("../..", "write hf:owner/name"),
        ("/etc/passwd", "write hf:owner/name"),
        ("no/network", "is there a network?"),
    ],
)
def test_what_is_no_data_set_gets_a_sentence(asked: object, words: str) -> None:
    found = open_hub(asked)
    assert found.keys() == {"error"}
    assert words in found["error"]


def test_without_the_package_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    assert "pip install" in open_hub("own/set")["error"]


def test_a_path_is_never_opened() -> None:
    assert "root:" not in json.dumps(opened(b"/etc/passwd", "/etc/passwd"))


def test_the_gallery_carries_recorded_scores() -> None:
    session = read_session(gallery("")["session"])
    assert len(session.problems) == 30
    assert len([one for one in session.models if one.recorded]) == 4


def test_solutions_without_scores_take_no_room_from_those_that_have_some(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only so many are compared when a file is opened."""
    monkeypatch.setattr("prm_core.ui.problems.MOST_FACTS", 2)
    plain = {"problem": "1 + 1?", "solutions": ["2.", "3."]}
    scored = {"problem": "2 + 2?", "completions": ["4.", "5."], "scores": [[0.9], [0.2]]}
    rows = [plain, plain, scored, scored]
    found = opened("".join(json.dumps(row) + "\n" for row in rows).encode())
    (facts,) = json.loads(found["facts"]).values()
    assert [fact and fact["leaders"] for fact in facts] == [None, None, [0], None]

"""What a table in Parquet says is read as the same table in CSV, whatever the columns' types."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from prm_core.errors import DataError
from prm_core.formats.files import open_problems
from prm_core.formats.problems import ProblemRow
from prm_core.session import from_rows, open_session
from prm_core.ui.problems import opened_file

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

BOTH = {"problem": ["What?", "Why?"], "solution": ["So 7.", "So 8."]}


def write(path: Path, columns: dict[str, Any]) -> Path:
    parquet.write_table(pyarrow.table(columns), path)
    return path


def read(path: Path) -> list[ProblemRow]:
    """The problems as the command line reads them, which are those of a session."""
    with open_problems(path, io.BytesIO()) as found:
        rows = list(found)
    good = [one for one in rows if isinstance(one, ProblemRow)]
    assert good == rows
    opened = open_session(path)
    assert not opened.errors
    assert [(one.problem, one.gold_answer) for one in opened.session.problems] == [
        (one.problem, one.gold_answer) for one in good
    ]
    assert opened_file(path.read_bytes(), path.name) == opened
    return good


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([Decimal("18.00"), Decimal("3.5")], ["18", "3.5"]),
        ([Decimal("12345678901234567890.5"), None], ["12345678901234567890.5", None]),
        (pyarrow.array([Decimal(7), None], pyarrow.decimal256(50, 20)), ["7", None]),
        ([date(2024, 5, 1), None], ["2024-05-01", None]),
        ([datetime(2024, 5, 1), datetime(2024, 5, 1, 13)], ["2024-05-01", "2024-05-01T13:00:00"]),
        ([timedelta(seconds=90), None], ["0:01:30", None]),
        ([True, False], ["True", "False"]),
        ([7, None], ["7", None]),
        ([7.5, float("nan")], ["7.5", None]),
        ([b"seven", None], ["seven", None]),
        (pyarrow.array(["seven", "x"]).dictionary_encode(), ["seven", "x"]),
        (pyarrow.array([7, 8], pyarrow.uint8()), ["7", "8"]),
        (pyarrow.array(["seven", None], pyarrow.large_string()), ["seven", None]),
    ],
    ids=str,
)
def test_a_right_answer_of_any_type(given: Any, wanted: list[Any], tmp_path: Path) -> None:
    rows = read(write(tmp_path / "f.parquet", {**BOTH, "gold_answer": given}))
    assert [row.gold_answer for row in rows] == wanted
    assert [row.solutions for row in rows] == [("So 7.",), ("So 8.",)]


NAMES = [
    ("problem", ("solution_1", "solution_2"), "gold_answer"),
    ("question", ("solution_1", "solution_2"), "answer"),
    ("Problem", ("Solution A", "Solution B"), "Gold Answer"),  # not in JSON, whose names are exact
    ("Question", ("Solution-1", "Solution-2"), "Answer"),
]


@pytest.mark.parametrize(
    ("kind", "asked", "names", "right"),
    [
        *((kind, *names) for kind in ("parquet", "csv") for names in NAMES),
        *(("jsonl", *names) for names in NAMES[:2]),
    ],
)
def test_solutions_in_columns_of_their_own(
    kind: str, asked: str, names: tuple[str, str], right: str, tmp_path: Path
) -> None:
    columns = {asked: ["p", "q"], names[0]: ["a", "c"], names[1]: ["b", None], right: ["4", "5"]}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    path = tmp_path / f"f.{kind}"
    if kind == "parquet":
        write(path, columns)
    elif kind == "csv":
        cells = [columns, *([one or "" for one in row.values()] for row in rows)]
        path.write_text("\n".join(",".join(row) for row in cells), encoding="utf-8")
    else:
        path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = read(path)
    assert [(row.problem, row.solutions) for row in found] == [("p", ("a", "b")), ("q", ("c",))]
    assert [row.gold_answer for row in found] == ["4", "5"]


def test_an_object_of_a_table_has_every_field(tmp_path: Path) -> None:
    """Those that a row does not have are null there; in JSON they may be so too."""
    scores = pyarrow.map_(pyarrow.string(), pyarrow.list_(pyarrow.float64()))
    steps = pyarrow.list_(pyarrow.string())
    kind = pyarrow.struct([("text", pyarrow.string()), ("steps", steps), ("scores", scores)])
    solutions = [
        {"text": "So 7.", "steps": None, "scores": None},
        {"text": None, "steps": ["7", "So 7."], "scores": {"m": [0.5, 0.25]}},
    ]
    table = pyarrow.array([[{**one, "scores": one["scores"] and [*one["scores"].items()]}]
                           for one in solutions], pyarrow.list_(kind))  # fmt: skip
    path = write(tmp_path / "f.parquet", {"problem": ["p", "q"], "solutions": table})
    rows = [{"problem": p, "solutions": [one]} for p, one in zip("pq", solutions, strict=True)]
    (tmp_path / "f.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for one in (path, tmp_path / "f.jsonl"):
        assert [row.solutions for row in read(one)] == [("So 7.",), (("7", "So 7."),)]
        _, second = open_session(one).session.problems
        assert second.solutions[0].scores["m"].probabilities == (0.5, 0.25)


def test_numbers_texts_and_ids_of_a_table(tmp_path: Path) -> None:
    columns = {"id": [7.0, None], "problem": [b"p", b"q"], "solution": [42, 43]}
    rows = read(write(tmp_path / "f.parquet", columns))
    assert [(row.id, row.problem, row.solutions) for row in rows] == [
        (7, "p", ("42",)),
        (None, "q", ("43",)),
    ]
    bad = write(tmp_path / "bad.parquet", {**BOTH, "gold_answer": [b"7", b"\xff"]})
    (error,) = open_session(bad).errors
    assert "line 2, field 'gold_answer': must be text, not bytes that are not text" in str(error)


def test_rows_of_pandas_are_read_as_they_are() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(
        {
            "problem": pandas.Categorical(["p", "q"]),
            "solutions": [["a"], ["b"]],
            "gold_answer": pandas.array([7, None], "Int64"),
            "id": [pandas.Timestamp("2024-05-01"), pandas.NaT],
        }
    )
    table["solutions"] = table["solutions"].map(pandas.array)  # as read_parquet gives them
    table["solutions"] = table["solutions"].map(lambda one: one.to_numpy())
    opened = from_rows(table.to_dict("records"))
    assert not opened.errors
    found = [(one.id, one.gold_answer, one.solutions[0].text) for one in opened.session.problems]
    assert found == [("2024-05-01", "7", "a"), (None, None, "b")]


# --- a small file that holds much -----------------------------------------------------------------


def test_a_long_text_that_is_stored_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Rows of it are read one by one, and one that is too large for itself is named."""
    texts = ["s" * 30_000] * 100
    many = [["t"], ["t"] * 60_000, *[["t"]] * 98]
    path = write(tmp_path / "f.parquet", {"problem": ["p"] * 100, "solutions": many})
    monkeypatch.setattr("prm_core.formats.parquet.MAX_LINE", 50_000)
    with open_problems(path, io.BytesIO()) as found:
        rows = list(found)
    bad = {place: str(row) for place, row in enumerate(rows) if isinstance(row, DataError)}
    assert len(rows) == 100
    assert bad == {1: f"{path}, line 2: has more than 50,000 bytes"}
    write(path, {"problem": [f"p{i}" for i in range(100)], "solution": texts})
    assert path.stat().st_size < 10_000
    assert len(read(path)) == 100


def test_a_row_group_has_a_bound_before_it_is_read(tmp_path: Path) -> None:
    """A list of equal entries takes nearly no bytes, however long it is."""
    long = pyarrow.ListArray.from_arrays([0, 3_000_000], pyarrow.array(["t"] * 3_000_000))
    path = write(tmp_path / "f.parquet", {"problem": ["p"], "solutions": long})
    assert path.stat().st_size < 10_000
    with pytest.raises(DataError, match="row group of more than 20,000,000 bytes; write smaller"):
        open_session(path, most_bytes=20_000_000)

"""Files of problems and of results: JSON lines, gzip, CSV and Parquet hold the same."""

from __future__ import annotations

import builtins
import codecs
import csv
import gzip
import io
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prm_core.errors import DataError
from prm_core.formats.files import open_problems, open_results
from prm_core.formats.problems import ProblemRow
from prm_core.formats.results import result_row
from prm_core.formats.rows import json_line
from prm_core.session import open_session
from prm_core.types import Candidate, ScoredCandidate
from prm_core.ui.problems import opened_file

ROWS: list[dict[str, Any]] = [
    {"id": "a", "problem": 'What is "7 × 8"?', "solutions": ["7 × 8 = 56.\n56", "54, no"]},
    {"id": "b", "problem": "2 + 2?\nSay, why.", "solutions": ["4"], "gold_answer": "4"},
    {"problem": "last", "solutions": ["x", "y", "z"]},
]


def read(path: Path) -> list[ProblemRow | DataError]:
    with open_problems(path, io.BytesIO()) as problems:
        return list(problems)


def contents(path: Path) -> list[tuple[Any, ...]]:
    rows = read(path)
    for row in rows:
        assert isinstance(row, ProblemRow), row
    return [(r.id, r.problem, r.solutions, r.gold_answer) for r in rows]  # type: ignore[union-attr]


def message(path: Path, text: str) -> str:
    """What is said of a CSV file, or of its only bad row."""
    path.write_text(text, encoding="utf-8")
    try:
        (error,) = (row for row in read(path) if isinstance(row, DataError))
    except DataError as whole:
        error = whole
    return str(error).replace(str(path), "f.csv")


EXPECTED = [(r.get("id"), r["problem"], tuple(r["solutions"]), r.get("gold_answer")) for r in ROWS]


def write_jsonl(path: Path) -> Path:
    path.write_text("".join(map(json_line, ROWS)), encoding="utf-8")
    return path


def write_table(path: Path, rows: list[dict[str, Any]], header: list[str]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.DictWriter(file, header)
        table.writeheader()
        table.writerows(rows)
    return path


def zipped(path: Path) -> Path:
    target = path.with_name(path.name + ".gz")
    target.write_bytes(gzip.compress(path.read_bytes()))
    return target


def with_lists(path: Path) -> Path:
    rows = [{**row, "solutions": json.dumps(row["solutions"])} for row in ROWS]
    return write_table(path, rows, ["note", "id", "problem", "solutions", "gold_answer"])


def one_per_solution(path: Path) -> Path:
    rows = [
        {**{k: v for k, v in row.items() if k != "solutions"}, "solution": solution}
        for row in ROWS
        for solution in row["solutions"]
    ]
    return write_table(path, rows, ["id", "problem", "solution", "gold_answer"])


@pytest.mark.parametrize(
    ("make", "name"),
    [(write_jsonl, "in.jsonl"), (with_lists, "in.csv"), (one_per_solution, "in.CSV")],
)
def test_every_format_holds_the_same_problems(make: Any, name: str, tmp_path: Path) -> None:
    path = make(tmp_path / name)
    assert contents(path) == EXPECTED
    assert contents(zipped(path)) == EXPECTED


def test_how_much_is_read_is_known(tmp_path: Path) -> None:
    for path in (write_jsonl(tmp_path / "in.jsonl"), with_lists(tmp_path / "in.csv")):
        with open_problems(path, io.BytesIO()) as problems:
            assert problems.share == 0.0
            list(problems)
            assert problems.share == 1.0
    with open_problems("-", io.BytesIO(b"")) as problems:
        assert problems.share is None


@pytest.mark.parametrize("names", ["solution_1,solution_2", "Solution A,Solution B"])
def test_solutions_of_a_row_in_columns_of_their_own(names: str, tmp_path: Path) -> None:
    text = f"problem,{names},gold_answer\nWhat is 2 + 2?,2 + 2 = 4,2 + 2 = 5,4\nWhat?,So 3,,3\n"
    (tmp_path / "f.csv").write_text(text, encoding="utf-8")
    with open_problems(tmp_path / "f.csv", io.BytesIO()) as found:
        rows = [row for row in found if isinstance(row, ProblemRow)]
    assert [row.solutions for row in rows] == [("2 + 2 = 4", "2 + 2 = 5"), ("So 3",)]
    assert [row.gold_answer for row in rows] == ["4", "3"]


def test_lines_of_csv_are_counted_as_an_editor_does(tmp_path: Path) -> None:
    text = 'problem,solutions\n"two\nlines","[""s""]"\n\nhere,[]\n'
    assert message(tmp_path / "f.csv", text) == (
        "f.csv, line 5, field 'solutions': is an empty list; give at least one solution"
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("told", ["", "sep={}\r\n"])
@pytest.mark.parametrize(
    "columns", ["problem gold_answer solution", "Problem Gold_Answer Solution"]
)
def test_a_table_has_the_delimiter_of_its_header(
    delimiter: str, told: str, columns: str, tmp_path: Path
) -> None:
    header = columns.replace(" ", "{}").replace("_A", " A")
    lines = [header, '"2; 2, 3|4?"{}"3,5"{}"a, b;\nc"', '"2; 2, 3|4?"{}"3,5"{}"d"', "bad"]
    text = told.format(delimiter) + "\r\n".join(lines).replace("{}", delimiter)
    (tmp_path / "f.csv").write_text(text, encoding="utf-8", newline="")
    with open_problems(tmp_path / "f.csv", io.BytesIO()) as found:
        bad, good = found
    assert isinstance(good, ProblemRow)
    assert (good.problem, good.gold_answer) == ("2; 2, 3|4?", "3,5")
    assert good.solutions == ("a, b;\nc", "d")
    assert f"line {5 + bool(told)}: has 1 cells under 3 columns" in str(bad)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "f.csv: has no rows"),
        ("question,solution\n", "f.csv: has no column 'problem'; it has question, solution"),
        ("problem,problem\n", "f.csv: has the column 'problem' twice"),
        ("problem\np\n", "f.csv: needs either a column 'solutions'"),
        ("problem,solution,solutions\n", "f.csv: needs either a column 'solutions'"),
        ("problem,solution\np\n", "f.csv, line 2: has 1 cells under 2 columns"),
        ("problem,solution\np,\n", "f.csv, line 2, field 'solutions': solution 1 is blank"),
        (
            "problem,solutions\np,4\n",
            "field 'solutions': must be a JSON list of solutions, not a n",
        ),
        ("problem,solutions\np,[4\n", "field 'solutions': must be a JSON list of solutions, not t"),
        ("problem,solutions\np,[4]\n", "field 'solutions': solution 1 must be text, not a number"),
        ('problem,solution\np,"x\n', "is not valid CSV: unexpected end of data"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(text: str, expected: str, tmp_path: Path) -> None:
    assert expected in message(tmp_path / "f.csv", text)


def test_a_bad_row_does_not_part_a_problem_from_its_other_solutions(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("problem,solution\np,s\nq\np,t\nr,u\n", encoding="utf-8")
    bad, first, second = read(path)
    assert isinstance(bad, DataError)
    assert isinstance(first, ProblemRow)
    assert isinstance(second, ProblemRow)
    assert (first.solutions, second.solutions) == (("s", "t"), ("u",))


@pytest.mark.parametrize(
    ("name", "text", "bad", "good"),
    [
        ("f.csv", 'problem,solution\np,s\nq,"say "x", y"\nr,t\n', [3], [("p", "s"), ("r", "t")]),
        ("f.csv", 'problem,solution\np,"s\nq,"t"\nr,u\n', [2], [("q", "t"), ("r", "u")]),
        ("f.csv", 'problem,solution\np,s\nq,"t\nr,u\n', [3], [("p", "s"), ("r", "u")]),
        ("f.csv", 'sep=,\nproblem,solution\np,"s\n\nr,"u\nv"\n', [3], [("r", "u\nv")]),
        ("f.tsv", 'problem\tsolution\np\ts\n"Five" plus 2?\t7\n', [3], [("p", "s")]),
    ],
)
def test_a_quote_that_does_not_end_costs_its_own_row(
    name: str, text: str, bad: list[int], good: list[tuple[str, str]], tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    rows = read(tmp_path / name)
    errors = [row for row in rows if isinstance(row, DataError)]
    assert [error.line for error in errors] == bad
    assert all("is not valid CSV" in str(error) for error in errors)
    found = [row for row in rows if isinstance(row, ProblemRow)]
    assert [(row.problem, *row.solutions) for row in found] == good
    text = tmp_path.joinpath(name).read_text("utf-8")
    for row in found:  # and each row has the number of its line
        assert text.split("\n")[row.line - 1].startswith(row.problem)


def test_after_a_quote_that_takes_very_much_with_it_reading_goes_on(tmp_path: Path) -> None:
    lines = ['p,"s', *["r,u"] * 5_000, 'x,"y"', "last,z"]
    (tmp_path / "f.csv").write_text("\n".join(["problem,solution", *lines]), encoding="utf-8")
    error, row = read(tmp_path / "f.csv")
    assert isinstance(error, DataError)
    assert isinstance(row, ProblemRow)
    assert (error.line, row.line, row.problem) == (2, 5_004, "last")


def test_that_no_column_holds_solutions_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "f.csv"
    path.write_text("problem,attempt,answer\np,s,1\nq,t,2\n", encoding="utf-8")
    assert all(isinstance(row, DataError) for row in read(path))
    (said,) = (one for one in caplog.messages if "no column holds solutions" in one)
    assert "it has problem, attempt, answer" in said


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        ("f.jsonl.gz", b"not gzip", "cannot be read: Not a gzipped file"),
        ("f.jsonl.gz", gzip.compress(b"{}" * 999, mtime=0)[:-9], "the gzip file is damaged"),
        ("f.csv", b"problem,solution\n\xff,s\n", "cannot be read: it is not valid UTF-8"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(
    name: str, raw: bytes, expected: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError, match=expected) as caught:
        read(tmp_path / name)
    assert name in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.jsonl: cannot be read: No such file"):
        read(tmp_path / "nowhere.jsonl")


# --- results --------------------------------------------------------------------------------------


def result(
    extras: dict[str, tuple[float, ...]] | None = None, rationales: tuple[str, ...] = ()
) -> dict[str, Any]:
    scored = [
        ScoredCandidate(
            Candidate("p", steps), p, tuple(0.0 for _ in p), "m", extras or {}, rationales
        )
        for steps, p in (
            (("7 × 8 = 54.", "So \\boxed{54}"), (0.1, 0.25)),
            (("7 × 8 = 56.", "x"), (0.9, 0.8)),
        )
    ]
    return result_row(7, scored)


def write(path: Path, *rows: dict[str, Any]) -> Path:
    with open_results(path) as tell:
        for row in rows:
            tell(json_line(row))
    return path


def test_json_lines_are_written_as_they_are(tmp_path: Path) -> None:
    plain = write(tmp_path / "out.jsonl", result(), result())
    assert [json.loads(line) for line in plain.read_text("utf-8").splitlines()] == [result()] * 2
    packed = write(tmp_path / "out.jsonl.gz", result(), result())
    assert gzip.decompress(packed.read_bytes()) == plain.read_bytes()
    again = write(tmp_path / "again.jsonl.gz", result(), result())
    assert again.read_bytes() == packed.read_bytes(), "no name and no time inside"


def test_a_table_has_a_row_per_solution(tmp_path: Path) -> None:
    path = write(tmp_path / "out.csv", result({"raw": (1.0, 2.0)}, ("so",)), result())
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["id"], r["candidate"], r["place"]) for r in rows] == [
        *(("7", "0", "2"), ("7", "1", "1")) * 2
    ]
    first = rows[0]
    assert json.loads(first["steps"]) == ["7 × 8 = 54.", "So \\boxed{54}"]
    assert json.loads(first["probabilities"]) == [0.1, 0.25]
    assert float(first["score_min"]) == 0.1
    assert (first["weakest_step"], first["first_error"], first["answer"]) == ("0", "0", "54")
    assert json.loads(first["extras"]) == {"raw": [1.0, 2.0]}
    assert rows[3]["first_error"] == ""
    assert json.loads(first["rationales"]) == ["so"]
    assert rows[3]["extras"] == rows[3]["rationales"] == ""


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv", "out.csv.gz", "out.parquet"])
def test_right_answer_and_threshold_are_read_back(tmp_path: Path, name: str) -> None:
    if name == "out.parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    one = {**result(), "gold_answer": "-56", "threshold": 0.25}
    path = write(tmp_path / name, one, {**result(), "id": 8, "threshold": 0.25})
    with open_problems(path, io.BytesIO()) as problems:
        found = [row.gold_answer for row in problems if isinstance(row, ProblemRow)]
    assert found == ["-56", None]
    session = open_session(path).session
    assert session.threshold == 0.25
    assert [one.gold_answer for one in session.problems] == ["-56", None]


def test_a_carriage_return_does_not_end_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "out.csv", {**result(), "problem": "What\ris 7 × 8?"})
    with path.open(encoding="utf-8", newline="") as file:
        assert [row["problem"] for row in csv.DictReader(file)] == ["What\ris 7 × 8?"] * 2


def test_a_pipe_can_be_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "in.jsonl")
    text = write_jsonl(tmp_path / "file").read_bytes()
    writer = threading.Thread(target=(tmp_path / "in.jsonl").write_bytes, args=(text,))
    writer.start()
    with open_problems(tmp_path / "in.jsonl", io.BytesIO()) as problems:
        assert len(list(problems)) == len(ROWS)
        assert problems.share is None
    writer.join()


def test_a_failure_leaves_no_table(tmp_path: Path) -> None:
    def fail() -> None:
        with open_results(tmp_path / "out.csv.gz") as tell:
            tell(json_line(result()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert not list(tmp_path.iterdir())


def test_parquet_in_and_out(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "in.parquet"
    columns = {name: [row.get(name) for row in ROWS] for name in ("id", "gold_answer", *ROWS[2])}
    parquet.write_table(pyarrow.table({"note": [1, 2, 3], **columns}), path)
    assert contents(path) == EXPECTED
    with open_problems(path, io.BytesIO()) as problems:
        list(problems)
        assert problems.share == 1.0
    single = [{"problem": row["problem"], "solution": s} for row in ROWS for s in row["solutions"]]
    parquet.write_table(pyarrow.Table.from_pylist(single), path)
    assert [solutions for _, _, solutions, _ in contents(path)] == [r[2] for r in EXPECTED]

    written = write(
        tmp_path / "out.parquet", *[result({"raw": (1.0, 2.0)}, ("„so“",))] * 700, result()
    )
    rows = parquet.read_table(written).to_pylist()
    assert len(rows) == 1402
    assert rows[0]["probabilities"] == [0.1, 0.25]
    assert rows[0]["extras"] == '{"raw": [1.0, 2.0]}'
    assert rows[0]["rationales"] == '["„so“"]'
    assert rows[-1]["first_error"] is rows[-1]["rationales"] is None
    assert rows[-1]["steps"] == ["7 × 8 = 56.", "x"]

    path.write_bytes(b"not parquet")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read(path)


def test_without_pyarrow_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    imported = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    path = tmp_path / "in.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(DataError, match="Parquet needs the package pyarrow: pip install"):
        read(path)
    with pytest.raises(DataError, match="pyarrow"), open_results(tmp_path / "out.parquet"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["in.parquet"]


CODED: tuple[dict[str, Any], ...] = (
    {"problem": "Что такое 2 + 2?", "solutions": ["2 + 2 = 4.\nОтвет 4."], "gold_answer": "4"},
    {"problem": "∫ x dx", "solutions": ["x²/2 😀"]},
)


def text_of(kind: str) -> str:
    if kind == ".jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in CODED)
    if kind == ".json":
        return json.dumps(CODED, ensure_ascii=False, indent=1)
    out = io.StringIO()
    csv.writer(out).writerows(
        [("problem", "solutions", "gold_answer")]
        + [
            (row["problem"], json.dumps(row["solutions"]), row.get("gold_answer", ""))
            for row in CODED
        ]
    )
    return out.getvalue()


@pytest.mark.parametrize("kind", [".jsonl", ".json", ".csv"])
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"),
        lambda text: text.encode("utf-16"),
        lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: gzip.compress(text.encode("utf-16")),
        lambda text: gzip.compress(gzip.compress(text.encode())),
    ],
    ids=["mark", "utf-16", "utf-16-be", "crlf", "packed utf-16", "packed twice"],
)
def test_the_same_text_in_any_coding_is_the_same_session(
    kind: str, encode: Callable[[str], bytes], tmp_path: Path
) -> None:
    """On the command line and on the page, where the browser compresses what is not compressed."""
    plain, coded = tmp_path / f"plain{kind}", tmp_path / f"coded{kind}"
    plain.write_bytes(text_of(kind).encode())
    coded.write_bytes(encode(text_of(kind)))
    wanted = open_session(plain).session
    assert [one.problem for one in wanted.problems] == [row["problem"] for row in CODED]
    assert open_session(coded).session == wanted
    raw = coded.read_bytes()
    sent = raw if raw.startswith(b"\x1f\x8b") else gzip.compress(raw)
    assert opened_file(sent, f"coded{kind}.gz").session == wanted
    with open_problems(coded, io.BytesIO()) as found:
        read = [row for row in found if isinstance(row, ProblemRow)]
    assert [row.problem for row in read] == [row["problem"] for row in CODED]


def test_half_a_character_of_utf_16_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(text_of(".jsonl").encode("utf-16")[:-1])
    opened = open_session(tmp_path / "x.jsonl")
    assert "not valid UTF-16" in str(opened.errors[0])


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.json", "x.csv.gz"])
def test_a_file_without_rows_says_so(name: str, tmp_path: Path) -> None:
    raw = b"" if not name.endswith(".gz") else gzip.compress(b"")
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(DataError, match="has no rows"):
        open_session(tmp_path / name)

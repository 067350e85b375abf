"""JSON lines in and out."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.errors import DataError
from prm_core.formats.atomic import atomic_text
from prm_core.formats.problems import ProblemRow, read_problems
from prm_core.formats.rows import json_line, read_rows


def read(*lines: bytes) -> list[ProblemRow | DataError]:
    return list(read_problems(io.BytesIO(b"\n".join(lines)), "rows.jsonl"))


def message(line: bytes) -> str:
    (error,) = read(line)
    assert isinstance(error, DataError)
    return str(error)


def test_a_full_row_is_read_as_it_stands() -> None:
    line = {
        "id": "r1",
        "problem": "7 × 8?",
        "solutions": ["7 × 8 = 56.\n56", ["7 × 8 = 54.", "54"]],
        "gold_answer": "56",
        "source": "fields of the user's own are left alone",
    }
    (row,) = read(json.dumps(line).encode())
    assert row == ProblemRow(
        path="rows.jsonl",
        line=1,
        id="r1",
        problem="7 × 8?",
        solutions=("7 × 8 = 56.\n56", ("7 × 8 = 54.", "54")),
        gold_answer="56",
    )


def test_id_and_answer_may_be_missing_or_numbers() -> None:
    first, second = read(
        b'{"problem": "p", "solutions": ["s"]}',
        b'{"problem": "p", "solutions": ["s"], "id": 7, "gold_answer": 2.5}',
    )
    assert isinstance(first, ProblemRow)
    assert isinstance(second, ProblemRow)
    assert (first.id, first.gold_answer) == (None, None)
    assert (second.id, second.gold_answer) == (7, "2.5")


def test_byte_order_mark_blank_lines_and_windows_line_ends() -> None:
    row = b'{"problem": "p", "solutions": ["s"]}\r'
    rows = read(b"\xef\xbb\xbf" + row, b"", b"  \t\r", row, b"")
    assert [r.line for r in rows if isinstance(r, ProblemRow)] == [1, 4]
    assert len(rows) == 2


def test_a_line_separator_inside_text_does_not_end_the_line() -> None:
    (row,) = read('{"problem": "a\u2028b\u0085c", "solutions": ["s"]}'.encode())
    assert isinstance(row, ProblemRow)
    assert row.problem == "a\u2028b\u0085c"


def test_a_bad_row_stands_in_its_place_and_the_good_ones_are_read() -> None:
    good = b'{"problem": "p", "solutions": ["s"]}'
    first, second, third = read(good, b'{"problem": "p"}', good)
    assert isinstance(first, ProblemRow)
    assert isinstance(third, ProblemRow)
    assert isinstance(second, DataError)
    assert (second.path, second.line, second.field) == ("rows.jsonl", 2, "solutions")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"{", "line 1: is not valid JSON"),
        (b'"text"', "line 1: holds text; each line must be an object"),
        (b"[1]", "line 1: holds a number"),
        (b'{"problem": "\xff", "solutions": ["s"]}', "byte 14 is not valid UTF-8"),
        (b'{"problem": "p", "problem": "q"}', "field 'problem': appears twice"),
        (
            b'{"problem": "p", "solutions": ["s"], "x": {"a": 1, "a": 2}}',
            "field 'a': appears twice",
        ),
        (b'{"problem": "p", "solutions": ["s"], "x": NaN}', "NaN is not a JSON value"),
        (b'{"problem": "p", "solutions": ["s"], "x": -Infinity}', "-Infinity is not a JSON value"),
        (b'{"problem": "p", "solutions": ["s"], "x": 1e999}', "1e999 is too large"),
        (b'{"problem": "p", "solutions": ["s"], "x": ' + b"9" * 5000 + b"}", "a number too long"),
        (b'{"x": ' + b"[" * 200_000, "too deep"),
        (b'{"solutions": ["s"]}', "field 'problem': is missing"),
        (b'{"problem": 3, "solutions": ["s"]}', "field 'problem': must be text, not a number"),
        (b'{"problem": "  ", "solutions": ["s"]}', "field 'problem': is blank"),
        (b'{"problem": "\\ud83d", "solutions": ["s"]}', "unpaired surrogate"),
        (b'{"problem": "p"}', "field 'solutions': is missing"),
        (b'{"problem": "p", "solutions": "s"}', "must be a list of solutions, not text"),
        (b'{"problem": "p", "solutions": []}', "is an empty list"),
        (b'{"problem": "p", "solutions": ["s", null]}', "solution 2 must be text, not null"),
        (b'{"problem": "p", "solutions": ["s", " \\n"]}', "solution 2 is blank"),
        (b'{"problem": "p", "solutions": ["s", []]}', "solution 2 has no steps"),
        (b'{"problem": "p", "solutions": [["a", ""]]}', "step 2 of solution 1 is blank"),
        (
            b'{"problem": "p", "solutions": [["a", {}]]}',
            "step 2 of solution 1 must be text, not an",
        ),
        (
            b'{"problem": "p", "solutions": ["s"], "id": true}',
            "field 'id': must be text or a whole",
        ),
        (b'{"problem": "p", "solutions": ["s"], "id": 1.5}', "field 'id': must be text or a whole"),
        (
            b'{"problem": "p", "solutions": ["s"], "gold_answer": []}',
            "field 'gold_answer': must be",
        ),
    ],
)
def test_a_bad_row_is_named_with_what_is_wrong(line: bytes, expected: str) -> None:
    assert expected in message(line)
    assert message(line).startswith("rows.jsonl, line 1")


def test_a_byte_order_mark_later_in_the_file_is_not_swallowed() -> None:
    row = b'{"problem": "p", "solutions": ["s"]}'
    _, second = read(row, b"\xef\xbb\xbf" + row)
    assert isinstance(second, DataError)


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)


@given(
    problem=texts,
    solutions=st.lists(texts | st.lists(texts, min_size=1), min_size=1),
    row_id=st.none() | st.integers() | texts,
)
def test_writing_and_reading_a_row_is_the_identity(
    problem: str, solutions: list[str | list[str]], row_id: str | int | None
) -> None:
    line = json_line({"id": row_id, "problem": problem, "solutions": solutions})
    assert line.count("\n") == 1
    (row,) = read_problems([line.encode()])
    assert isinstance(row, ProblemRow)
    assert (row.id, row.problem) == (row_id, problem)
    assert [list(s) if isinstance(s, tuple) else s for s in row.solutions] == solutions


@given(st.binary())
def test_no_bytes_at_all_end_the_reading(raw: bytes) -> None:
    for row in read_problems(io.BytesIO(raw)):
        assert isinstance(row, ProblemRow | DataError)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back_equal(value: float) -> None:
    assert json.loads(json_line({"x": value})) == {"x": value}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_are_never_written(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_line({"x": value})


def test_a_written_file_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    with atomic_text(target) as write:
        write("7 × 8\n")
        assert not target.exists()
    assert target.read_text(encoding="utf-8") == "7 × 8\n"
    assert os.listdir(tmp_path) == ["out.jsonl"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("old", encoding="utf-8")

    def fail_half_way() -> None:
        with atomic_text(target) as write:
            write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_half_way()
    assert target.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["out.jsonl"]


def test_an_error_inside_the_block_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"^something else"), atomic_text(tmp_path / "out"):
        raise OSError("something else")


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old", encoding="utf-8")
    (tmp_path / "link").symlink_to("real")
    with atomic_text(tmp_path / "link") as write:
        write("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text(encoding="utf-8") == "new"


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with atomic_text(pipe) as write:
            write("row\n")
        assert os.read(reader, 100) == b"row\n"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("name", ["nowhere/out.jsonl", "."])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="cannot be written"), atomic_text(tmp_path / name):
        pass


def test_a_full_disk_is_an_error_that_names_the_file() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, which this system does not have")
    with (
        pytest.raises(DataError, match="cannot be written: No space"),
        atomic_text("/dev/full") as w,
    ):
        w("row")


ROWS = [
    {"problem": "2 + 2?", "solutions": ["4 ]},{"]},
    {"problem": 'say "[', "solutions": [["a", "b"]]},
]


@pytest.mark.parametrize("indent", [None, 2, "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n \n"])
def test_a_list_of_rows_is_read_like_lines(indent: int | str | None, start: str) -> None:
    text = start + json.dumps(ROWS, indent=indent) + "\n"
    found = list(read_problems(io.BytesIO(text.encode()), "rows.json"))
    assert [row.problem for row in found if isinstance(row, ProblemRow)] == ["2 + 2?", 'say "[']
    objects = start + "\n".join(json.dumps(row, indent=2) for row in ROWS)
    assert len(list(read_problems(io.BytesIO(objects.encode()), "rows.json"))) == 2


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)), st.sampled_from([None, 0, 1]))  # fmt: skip
def test_any_objects_in_a_list_come_back(value: object, indent: int | None) -> None:
    rows = [{"x": value}, {"y": [value]}]
    text = json.dumps(rows, indent=indent, ensure_ascii=False)
    found = list(read_rows(io.BytesIO(text.encode("utf-8", "surrogatepass")), "f"))
    assert [row.fields for row in found if not isinstance(row, DataError)] == rows


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('[{"a": 1},\n{"a" 2},\n{"a": 3}]', 2, "is not valid JSON: Expecting ':' delimiter"),
        ('[{"a": 1},\n{"a": 2}', 2, "the file ends in the middle of a value"),
        ('[{"a": 1}]\n{"a": 2}', 2, "goes on after the end of the list"),
        ('[{"a": 1}, 5]', 1, "holds a number"),
        ('{\n"a":\n 1 2\n}', 3, "is not valid JSON"),
    ],
)
def test_what_is_wrong_with_a_list_is_one_error(text: str, line: int, says: str) -> None:
    errors = [
        row for row in read_rows(io.BytesIO(text.encode()), "f") if isinstance(row, DataError)
    ]
    assert len(errors) == 1
    assert says in str(errors[0])
    assert f"line {line}" in str(errors[0])

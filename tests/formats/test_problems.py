"""Rows as problems with their solutions."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.errors import DataError
from prm_core.formats.problems import ProblemRow, read_problems
from prm_core.formats.rows import json_line


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


def test_solutions_may_be_objects_that_say_which_steps_are_thinking() -> None:
    solutions = [{"text": "7 × 8 = 56."}, {"steps": ["54?", "So 56."], "thinking": [True, False]}]
    (row,) = read(json.dumps({"problem": "7 × 8?", "solutions": solutions}).encode())
    assert isinstance(row, ProblemRow)
    assert row.solutions == ("7 × 8 = 56.", ("54?", "So 56."))
    assert row.thinking == (None, (True, False))


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
        (b'{"problem": "p", "solutions": [{"a": "s"}]}', "solution 1 has neither steps nor text"),
        (
            b'{"problem": "p", "solutions": [{"steps": ["s"], "thinking": [0]}]}',
            "thinking of solution 1 must be a list of 1 booleans",
        ),
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

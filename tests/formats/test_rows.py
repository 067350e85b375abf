"""Rows of JSON and JSON lines, in and out."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.errors import DataError
from prm_core.formats.rows import json_line, read_rows


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back_equal(value: float) -> None:
    assert json.loads(json_line({"x": value})) == {"x": value}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_nan_and_infinity_are_never_written(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_line({"x": value})


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
        ('[{"a": 1}]\n{"a": 2}', 2, "more text after the end of the list"),
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

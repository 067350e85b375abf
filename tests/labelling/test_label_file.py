"""The output grows row by row, and nothing of others is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from prm_core.errors import BadOptionError, DataError
from prm_core.labelling.label_file import LabelFile
from tests.labelling.solver import Solver, problems, run_all


def test_a_torn_line_is_written_again(source: Callable[..., Path], tmp_path: Path) -> None:
    path, output = source(*problems(2)), tmp_path / "out.jsonl"
    run_all(path, output, Solver())
    whole = output.read_bytes()
    output.write_bytes(whole[:-10])
    run_all(path, output, Solver())
    assert output.read_bytes() == whole


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": 1}\n{"b": 2}',
        b"no line end",
        b"no JSON\n",
        b'{"labelled_by": {"method": "other"}}\n',
    ],
)
def test_somebody_else_s_file_is_left_alone(content: bytes, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_bytes(content)
    with pytest.raises((DataError, BadOptionError)):
        LabelFile(output, {"method": "outcome"})
    assert output.read_bytes() == content


@pytest.mark.parametrize("name", ["out.jsonl.gz", "out.csv", "out.TSV", "out.parquet"])
def test_a_table_or_a_zipped_output_cannot_grow(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match=r"cannot grow row by row: .* write a \.jsonl"):
        LabelFile(tmp_path / name, {})

"""Files that appear complete or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from prm_core.errors import DataError
from prm_core.formats.atomic import atomic_text


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

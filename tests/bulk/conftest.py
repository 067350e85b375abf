"""What the tests of runs share."""

from __future__ import annotations

from pathlib import Path

import pytest

from prm_core.bulk import run as bulk_run
from tests.bulk.runs import StoppedScorer, run, write_problems


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_run, "PIECE_S", 0.0)


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A folder with in.jsonl of 20 problems, 12 of which are done."""
    write_problems(tmp_path / "in.jsonl", 20)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "in.jsonl", tmp_path / "out", StoppedScorer(tmp_path / "log", "problem 12"))
    return tmp_path

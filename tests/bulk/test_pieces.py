"""What is done is kept in pieces, and only the same run goes on with them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from prm_core.bulk import pieces
from prm_core.bulk.pieces import UnfinishedRun, check_model, parts_of
from prm_core.errors import BadOptionError, DataError, ModelError
from prm_core.formats.files import open_problems
from tests.bulk.runs import SETTINGS, ImplicitScorer, covered, run, whole, write_problems
from tests.counting import CountingScorer


@pytest.mark.parametrize(
    ("n", "changes"), [(20, {3: {"problem": "problem 3", "solutions": ["x"]}}), (11, {}), (1, {})]
)
def test_another_input_is_refused(stopped: Path, n: int, changes: dict[int, Any]) -> None:
    other = write_problems(stopped / "other.jsonl", n, changes)
    with pytest.raises(BadOptionError, match="was started with another input"):
        run(other, stopped / "out", CountingScorer(stopped / "log"), resume=True)
    assert len(covered(stopped / "out")) == 12, "and nothing is lost"


def test_other_settings_are_refused(stopped: Path) -> None:
    with pytest.raises(BadOptionError, match=r"was started with --threshold null, not 0\.4"):
        run(
            stopped / "in.jsonl",
            stopped / "out",
            CountingScorer(stopped / "log"),
            resume=True,
            settings={**SETTINGS, "--threshold": 0.4},
        )


def test_another_model_under_the_same_name_is_refused(stopped: Path) -> None:
    with pytest.raises(
        ModelError, match="gives different probabilities than when this run was started"
    ):
        run(
            stopped / "in.jsonl",
            stopped / "out",
            CountingScorer(stopped / "log", salt="retrained"),
            resume=True,
        )


def test_another_reference_of_an_implicit_model_is_refused(tmp_path: Path) -> None:
    check_model(tmp_path, ImplicitScorer(tmp_path / "log", nats=3.0))
    check_model(tmp_path, ImplicitScorer(tmp_path / "log", nats=3.5))
    with pytest.raises(ModelError, match=r"different probabilities than when .* \(0\.50145, 0\.5"):
        check_model(tmp_path, ImplicitScorer(tmp_path / "log", nats=5.8))


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    source = write_problems(tmp_path / "in.jsonl", 3)
    notes = parts_of(tmp_path / "out") / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine", encoding="utf-8")
    for resume in (False, True):
        with pytest.raises(
            DataError, match=r"out\.parts: holds notes\.txt, which does not belong to a run"
        ):
            run(source, tmp_path / "out", CountingScorer(tmp_path / "log"), resume=resume)
    assert [path.name for path in notes.parent.iterdir()] == ["notes.txt"]


def test_an_unfinished_run_is_not_thrown_away_by_accident(stopped: Path) -> None:
    with pytest.raises(BadOptionError, match=r"--resume continues it; .* remove the folder"):
        run(stopped / "in.jsonl", stopped / "out", CountingScorer(stopped / "log"))
    assert len(covered(stopped / "out")) == 12


def test_two_runs_do_not_write_one_output(tmp_path: Path) -> None:
    with (
        UnfinishedRun(tmp_path / "out", SETTINGS, False),
        pytest.raises(DataError, match="out: another run is writing it"),
        UnfinishedRun(tmp_path / "out", SETTINGS, True),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_a_piece_that_is_gone_or_cut_is_noticed(stopped: Path) -> None:
    first, second, *_ = sorted(parts_of(stopped / "out").glob("*.jsonl"))
    rows = range(int(second.name.split("-")[1]))
    second.write_bytes(second.read_bytes()[:0])
    with pytest.raises(DataError, match="is damaged; remove it and run again with --resume"):
        run(stopped / "in.jsonl", stopped / "out", CountingScorer(stopped / "log"), resume=True)
    first.unlink()
    second.unlink()
    scorer = CountingScorer(stopped / "third.log")
    run(stopped / "in.jsonl", stopped / "out", scorer, resume=True)
    assert scorer.scored() == [f"problem {i}" for i in rows], "gaps are filled, and no more"
    assert (stopped / "out").read_bytes() == whole(stopped, stopped / "in.jsonl")


def test_an_interrupt_in_the_middle_of_a_row_keeps_the_rows_before_it(tmp_path: Path) -> None:
    piece = pieces.Piece(tmp_path, 5)
    with open_problems(write_problems(tmp_path / "in.jsonl", 2), io.BytesIO()) as problems:
        first, second = problems
    piece.add(first, '"a"\n')

    def interrupted(row: Any) -> bytes:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "_content", interrupted)
        with pytest.raises(KeyboardInterrupt):
            piece.add(second, '"b"\n')
    piece.save()
    (saved,) = tmp_path.glob("0*.jsonl")
    assert saved.name.startswith("000000000005-000000000006-")
    assert saved.read_bytes() == b'"a"\n'

"""Scoring a file into a file: killed, gone on with, refused, and the same in the end."""

from __future__ import annotations

import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from prm_core.bulk import pieces
from prm_core.bulk import run as bulk_run
from prm_core.bulk.pieces import UnfinishedRun, check_model, parts_of
from prm_core.bulk.progress import Progress
from prm_core.bulk.run import Task, score_rows
from prm_core.errors import BadOptionError, DataError, ModelError
from prm_core.formats.files import open_problems
from prm_core.types import Candidate, ScoredCandidate
from tests.counting import CountingScorer

ROOT = Path(__file__).parent.parent.parent
SETTINGS = {"--model": "m", "--threshold": None}


def write_problems(path: Path, n: int, changes: dict[int, Any] | None = None) -> Path:
    """A file of `n` problems with two solutions each; `changes` are other lines."""
    lines = []
    for i in range(n):
        row = {"id": i, "problem": f"problem {i}", "solutions": [f"{i}\nstep", ["a", "b"]]}
        changed = (changes or {}).get(i, row)
        lines.append(changed if isinstance(changed, str) else json.dumps(changed))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(
    source: Path,
    output: Path,
    scorer: CountingScorer,
    *,
    resume: bool = False,
    settings: dict[str, Any] | None = None,
    n_together: int = 1,
    told: list[Progress] | None = None,
) -> tuple[int, int]:
    with (
        UnfinishedRun(output, settings or SETTINGS, resume) as unfinished,
        open_problems(source, io.BytesIO()) as problems,
    ):
        check_model(unfinished.folder, scorer)
        score_rows(
            scorer,
            problems,
            unfinished,
            Task(),
            n_together=n_together,
            tell=(told if told is not None else []).append,
        )
        return unfinished.join()


class StoppedScorer(CountingScorer):
    """Is interrupted at one problem."""

    def __init__(self, log: Path, at: str) -> None:
        super().__init__(log)
        self.at = at

    def score(self, candidates: Any) -> list[ScoredCandidate]:
        if any(one.problem == self.at for one in candidates):
            raise KeyboardInterrupt
        return super().score(candidates)


class ImplicitScorer(CountingScorer):
    """Its model and the reference are so far apart after every step."""

    beta = 0.001
    tolerance = beta / 4

    def __init__(self, log: Path, nats: float) -> None:
        super().__init__(log)
        self.q = self.beta * nats

    def _score(self, candidate: Candidate) -> ScoredCandidate:
        n_steps = len(candidate.steps)
        p = 1 / (1 + math.exp(-self.q))
        return ScoredCandidate(candidate, (p,) * n_steps, (self.q,) * n_steps, self.model_id)


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


def whole(folder: Path, source: Path) -> bytes:
    """What a run in one go makes."""
    run(source, folder / "whole", CountingScorer(folder / "whole.log"))
    return (folder / "whole").read_bytes()


def test_a_run_leaves_the_output_and_nothing_else(tmp_path: Path) -> None:
    source = write_problems(tmp_path / "in.jsonl", 5)
    scorer = CountingScorer(tmp_path / "log")
    told: list[Progress] = []
    assert run(source, tmp_path / "out", scorer, told=told) == (5, 0)
    rows = [json.loads(line) for line in (tmp_path / "out").read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [0, 1, 2, 3, 4]
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out", "log"}
    assert [progress.n_problems for progress in told] == [1, 2, 3, 4, 5]
    assert told[-1].left_s == 0.0


def test_an_interrupted_run_is_gone_on_with(stopped: Path) -> None:
    assert not (stopped / "out").exists()
    assert parts_of(stopped / "out").is_dir()
    second = CountingScorer(stopped / "second.log")
    assert run(stopped / "in.jsonl", stopped / "out", second, resume=True) == (20, 0)
    assert second.scored() == [f"problem {i}" for i in range(12, 20)]
    assert (stopped / "out").read_bytes() == whole(stopped, stopped / "in.jsonl")


def test_a_killed_run_is_gone_on_with(tmp_path: Path) -> None:
    """SIGKILL at some moment in the middle, three times over."""
    n = 60
    source = write_problems(tmp_path / "in.jsonl", n, {7: "{", 30: {"problem": "p"}})
    output = tmp_path / "out"
    code = (
        "import sys; from pathlib import Path; from prm_core.bulk import run as bulk\n"
        "from tests import counting; from tests.bulk import test_run as test_bulk\n"
        "bulk.PIECE_S = 0.1; folder, log = map(Path, sys.argv[1:])\n"
        "scorer = counting.CountingScorer(log, seconds=0.02)\n"
        "test_bulk.run(folder / 'in.jsonl', folder / 'out', scorer, resume=True)\n"
    )
    done: list[set[int]] = [set()]
    for kill in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), str(tmp_path / f"log{kill}")],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        with process:
            deadline = time.monotonic() + 30
            while len(covered(output)) < len(done[-1]) + 8:
                assert process.poll() is None, process.stderr and process.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
        done.append(covered(output))
        assert not output.exists()
    last = CountingScorer(tmp_path / "log3")
    assert run(source, output, last, resume=True) == (n - 2, 2)
    assert output.read_bytes() == whole(tmp_path, source)
    for kill, before in enumerate(done):
        again = {f"problem {i}" for i in before} & set(
            CountingScorer(tmp_path / f"log{kill}").scored()
        )
        assert not again, "what was in a piece is not scored again"
    times = Counter(
        name for kill in range(4) for name in CountingScorer(tmp_path / f"log{kill}").scored()
    )
    assert set(times) == {f"problem {i}" for i in range(n) if i not in (7, 30)}
    assert sum(times.values()) - len(times) < 3 * 12, "a kill costs a piece, not more"


def covered(output: Path) -> set[int]:
    """The rows in finished pieces."""
    if not parts_of(output).is_dir():
        return set()
    spans = [path.name.split("-") for path in parts_of(output).glob("*.jsonl")]
    return {i for first, after, _ in spans for i in range(int(first), int(after))}


def test_several_problems_go_in_one_call_where_that_is_asked_for(tmp_path: Path) -> None:
    too_long = {"id": 3, "problem": "problem 3", "solutions": ["too long"]}
    source = write_problems(tmp_path / "in.jsonl", 9, {3: too_long, 6: "{"})
    scorer = CountingScorer(tmp_path / "log")
    assert run(source, tmp_path / "out", scorer, n_together=6) == (7, 2)
    together = [set(line.split("|")) for line in scorer.log.read_text("utf-8").splitlines()[1:]]
    assert together == [
        {"problem 0", "problem 1", "problem 2"},
        *({f"problem {i}"} for i in (4, 5)),  # alone, beside the one that is too long
        {"problem 7", "problem 8"},
    ]
    assert (tmp_path / "out").read_bytes() == whole(tmp_path, source)


def test_bad_rows_of_an_earlier_run_count(tmp_path: Path) -> None:
    source = write_problems(tmp_path / "in.jsonl", 6, {0: "{", 5: "["})
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "out", StoppedScorer(tmp_path / "log", "problem 3"))
    assert run(source, tmp_path / "out", CountingScorer(tmp_path / "log"), resume=True) == (4, 2)


def test_an_input_may_move_and_grow(stopped: Path) -> None:
    moved = write_problems(stopped / "moved.jsonl", 25)
    scorer = CountingScorer(stopped / "second.log")
    assert run(moved, stopped / "out", scorer, resume=True) == (25, 0)
    assert len(scorer.scored()) == 13
    assert (stopped / "out").read_bytes() == whole(stopped, moved)


@pytest.mark.parametrize(
    ("n", "changes"), [(20, {3: {"problem": "problem 3", "solutions": ["x"]}}), (11, {}), (1, {})]
)
def test_another_input_is_refused(stopped: Path, n: int, changes: dict[int, Any]) -> None:
    other = write_problems(stopped / "other.jsonl", n, changes)
    with pytest.raises(BadOptionError, match="was started with another input"):
        run(other, stopped / "out", CountingScorer(stopped / "log"), resume=True)
    assert len(covered(stopped / "out")) == 12, "and nothing is lost"


def test_other_settings_are_refused(stopped: Path) -> None:
    with pytest.raises(BadOptionError, match=r"was begun with --threshold null, not 0\.4"):
        run(
            stopped / "in.jsonl",
            stopped / "out",
            CountingScorer(stopped / "log"),
            resume=True,
            settings={**SETTINGS, "--threshold": 0.4},
        )


def test_another_model_under_the_same_name_is_refused(stopped: Path) -> None:
    with pytest.raises(ModelError, match="gives other probabilities than when this run was begun"):
        run(
            stopped / "in.jsonl",
            stopped / "out",
            CountingScorer(stopped / "log", salt="retrained"),
            resume=True,
        )


def test_another_reference_of_an_implicit_model_is_refused(tmp_path: Path) -> None:
    check_model(tmp_path, ImplicitScorer(tmp_path / "log", nats=3.0))
    check_model(tmp_path, ImplicitScorer(tmp_path / "log", nats=3.5))
    with pytest.raises(ModelError, match=r"other probabilities than when .* \(0\.50145, 0\.5"):
        check_model(tmp_path, ImplicitScorer(tmp_path / "log", nats=5.8))


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    source = write_problems(tmp_path / "in.jsonl", 3)
    notes = parts_of(tmp_path / "out") / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine", encoding="utf-8")
    for resume in (False, True):
        with pytest.raises(DataError, match=r"out\.parts: holds notes\.txt, which is of no run"):
            run(source, tmp_path / "out", CountingScorer(tmp_path / "log"), resume=resume)
    assert [path.name for path in notes.parent.iterdir()] == ["notes.txt"]


def test_an_unfinished_run_is_not_thrown_away_by_accident(stopped: Path) -> None:
    with pytest.raises(BadOptionError, match="--resume continues it, and without the folder"):
        run(stopped / "in.jsonl", stopped / "out", CountingScorer(stopped / "log"))
    assert len(covered(stopped / "out")) == 12


def test_a_run_that_did_nothing_leaves_nothing_and_an_old_output_alone(tmp_path: Path) -> None:
    source = write_problems(tmp_path / "in.jsonl", 3)
    (tmp_path / "out").write_text("old", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "out", StoppedScorer(tmp_path / "log", "problem 0"))
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out", "log"}
    assert (tmp_path / "out").read_text("utf-8") == "old"
    run(source, tmp_path / "out", CountingScorer(tmp_path / "log"))
    assert (tmp_path / "out").read_text("utf-8").count("\n") == 3


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


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from prm_core.bulk import run as bulk\n"
        "from tests import counting; from tests.bulk import test_run as test_bulk\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before, folder = [], Path(sys.argv[1])\n"
        "for name in ('small', 'large'):\n"
        "    source = folder / f'{name}.jsonl'\n"
        "    test_bulk.run(source, folder / 'out', counting.CountingScorer(folder / 'log'))\n"
        "    before.append(peak())\n"
        "print(before[1] - before[0])\n"
    )
    row = {"problem": "x " * 100_000, "solutions": ["a"]}
    write_problems(tmp_path / "small.jsonl", 5, dict.fromkeys(range(5), row))
    write_problems(tmp_path / "large.jsonl", 60, dict.fromkeys(range(60), row))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert os.path.getsize(tmp_path / "large.jsonl") > 12_000_000
    assert int(done.stdout) * (1 if sys.platform == "darwin" else 1024) < 6_000_000


def test_the_time_left_follows_what_is_read_and_leaves_out_what_was_done() -> None:
    text = str(Progress(1200, 300, 100.0, 7300.0))
    assert text == "1,200 problems scored (300 before), 12.0/s, 2 h 1 min left"
    assert str(Progress(1, 0, 0.5, None)) == "1 problem scored"

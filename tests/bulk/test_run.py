"""Scoring a file into a file: killed, gone on with, and the same in the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from prm_core.bulk.pieces import parts_of
from tests.bulk.runs import StoppedScorer, covered, run, whole, write_problems
from tests.counting import CountingScorer

ROOT = Path(__file__).parent.parent.parent


def test_a_run_leaves_the_output_and_nothing_else(tmp_path: Path) -> None:
    source = write_problems(tmp_path / "in.jsonl", 5)
    scorer = CountingScorer(tmp_path / "log")
    told: list[tuple[int, int | None]] = []
    assert run(source, tmp_path / "out", scorer, told=told) == (5, 0)
    rows = [json.loads(line) for line in (tmp_path / "out").read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [0, 1, 2, 3, 4]
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out", "log"}
    assert [n_done for n_done, _ in told] == [1, 2, 3, 4, 5]
    assert told[-1] == (5, 0)


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
        "from tests import counting; from tests.bulk import runs\n"
        "bulk.PIECE_S = 0.1; folder, log = map(Path, sys.argv[1:])\n"
        "scorer = counting.CountingScorer(log, seconds=0.02)\n"
        "runs.run(folder / 'in.jsonl', folder / 'out', scorer, resume=True)\n"
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
            deadline = time.monotonic() + 300  # only so that it ends at all
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


def test_a_run_that_did_nothing_leaves_nothing_and_an_old_output_alone(tmp_path: Path) -> None:
    source = write_problems(tmp_path / "in.jsonl", 3)
    (tmp_path / "out").write_text("old", encoding="utf-8")
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / "out", StoppedScorer(tmp_path / "log", "problem 0"))
    assert {path.name for path in tmp_path.iterdir()} == {"in.jsonl", "out", "log"}
    assert (tmp_path / "out").read_text("utf-8") == "old"
    run(source, tmp_path / "out", CountingScorer(tmp_path / "log"))
    assert (tmp_path / "out").read_text("utf-8").count("\n") == 3


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from prm_core.bulk import run as bulk\n"
        "from tests import counting; from tests.bulk import runs\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before, folder = [], Path(sys.argv[1])\n"
        "for name in ('small', 'large'):\n"
        "    source = folder / f'{name}.jsonl'\n"
        "    runs.run(source, folder / 'out', counting.CountingScorer(folder / 'log'))\n"
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

"""The bulk run on Ray Data, with real actors: one is killed, and the driver is killed."""

from __future__ import annotations

import builtins
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from prm_core.bulk import ray as ray_engine
from prm_core.bulk.pieces import UnfinishedRun, parts_of
from prm_core.bulk.run import Task
from prm_core.cli import main
from prm_core.errors import ModelError
from prm_core.formats.files import open_problems
from tests.bulk import runs
from tests.bulk.runs import SETTINGS, covered, whole, write_problems
from tests.counting import CountingScorer

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own, of all kinds


class ActorScorer(CountingScorer):
    """Notes its process beside each problem."""

    def __init__(self, log: Path, seconds: float = 0.0, broken: str = "") -> None:
        super().__init__(log.with_name(f"{log.name}.{os.getpid()}"), seconds)
        if broken:
            raise ModelError(broken)


def run(
    source: Path,
    output: Path,
    log: Path,
    *,
    seconds: float = 0.0,
    broken: str = "",
    resume: bool = False,
    told: list[tuple[int, int | None]] | None = None,
) -> tuple[int, int]:
    with (
        UnfinishedRun(output, SETTINGS, resume) as unfinished,
        open_problems(source, io.BytesIO()) as problems,
    ):
        ray_engine.score_rows_on_ray(
            partial(ActorScorer, log, seconds, broken),
            problems,
            unfinished,
            Task(),
            n_actors=2,
            on_progress=lambda *progress: (told if told is not None else []).append(progress),
        )
        return unfinished.join()


def scored(log: Path) -> dict[int, list[str]]:
    """What each process has scored."""
    return {
        int(path.name.rpartition(".")[2]): CountingScorer(path).scored()
        for path in log.parent.glob(f"{log.name}.*")
    }


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """A cluster of two slots, all of which two actors take."""
    found = pytest.importorskip("ray", reason="Ray is not installed: pip install 'ray[data]'")
    found.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield found
    found.shutdown()


def test_what_is_spooled_is_read_back_as_it_was(tmp_path: Path) -> None:
    source = write_problems(
        tmp_path / "in.jsonl",
        9,
        {
            2: "{",
            4: {"problem": "p", "solutions": [7]},
            5: {"problem": "p", "solutions": [{"steps": ["a", "b"], "thinking": [True, False]}]},
        },
    )
    with open_problems(source, io.BytesIO()) as problems:
        rows = list(problems)
    (pieces,) = [list(ray_engine._pieces(((i, r) for i, r in enumerate(rows) if i != 6), 4))]
    assert [(first, len(piece)) for first, piece in pieces] == [(0, 4), (4, 2), (7, 2)]
    path = Path(ray_engine._spool(tmp_path, 0, rows))
    again = ray_engine._read_spool(path)
    assert list(map(str, again)) == list(map(str, rows))
    assert [type(row) for row in again] == [type(row) for row in rows]


def test_without_ray_a_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    imported = builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "ray":
            raise ImportError(name)
        return imported(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    source, out = write_problems(tmp_path / "in.jsonl", 2), str(tmp_path / "out")
    assert main(["score", str(source), "-o", out, "--engine", "ray"]) == 1
    assert "--engine ray needs Ray: pip install" in capsys.readouterr().err
    assert main(["score", str(source), "-o", out, "--actors", "3"]) == 1
    assert "are for --engine ray" in capsys.readouterr().err
    assert main(["score", str(source), "--engine", "ray"]) == 1
    assert "--engine ray is for rows from a FILE into a file" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_two_actors_one_of_them_killed(
    ray: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "PIECE_ROWS", 5)
    source = write_problems(tmp_path / "in.jsonl", 120, {7: "{"})
    log, killed = tmp_path / "log", list[int]()

    class Watch(list[tuple[int, int | None]]):
        """Kills one of the two when the first pieces are done."""

        def append(self, progress: tuple[int, int | None]) -> None:
            super().append(progress)
            at_work = [pid for pid, problems in scored(log).items() if problems]
            if len(self) >= 4 and not killed and len(at_work) == 2:
                killed.append(at_work[0])
                os.kill(at_work[0], signal.SIGKILL)

    told = Watch()
    assert run(source, tmp_path / "out", log, seconds=0.03, told=told) == (119, 1)
    assert killed
    assert (tmp_path / "out").read_bytes() == whole(tmp_path, source)
    times = Counter(name for problems in scored(log).values() for name in problems)
    assert set(times) == {f"problem {i}" for i in range(120) if i != 7}
    assert sum(times.values()) - len(times) <= 5, "a kill costs a piece"
    assert told[-1] == (119, 0)
    assert not (tmp_path / "out.parts").exists()


def test_a_model_that_does_not_load_is_told_and_not_tried_for_ever(
    ray: Any, tmp_path: Path
) -> None:
    source = write_problems(tmp_path / "in.jsonl", 3)
    with pytest.raises(ModelError, match=r"^no such weights$"):
        run(source, tmp_path / "out", tmp_path / "log", broken="no such weights")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_killed_driver_is_gone_on_with_by_either_engine(ray: Any, tmp_path: Path) -> None:
    source = write_problems(tmp_path / "in.jsonl", 150)
    output, log = tmp_path / "out", tmp_path / "log"
    code = (
        "import sys; from pathlib import Path; from prm_core.bulk import ray as ray_engine\n"
        "from tests.bulk import test_ray as test_ray_engine\n"
        "ray_engine.PIECE_ROWS = 5; source, output, log = map(Path, sys.argv[1:])\n"
        "test_ray_engine.run(source, output, log, seconds=0.05)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(source), str(output), str(log)],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as driver:
        deadline = time.monotonic() + 120
        while len(covered(output)) < 20:
            assert driver.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        driver.kill()
    wait_for_end_of(scored(log))
    done = covered(output)
    assert not output.exists()
    assert 20 <= len(done) < 150
    copy = tmp_path / "copy"
    shutil.copytree(parts_of(output), parts_of(copy))
    second = tmp_path / "second"
    assert run(source, output, second, resume=True) == (150, 0)
    assert output.read_bytes() == whole(tmp_path, source)
    again = [name for problems in scored(second).values() for name in problems]
    left = [f"problem {i}" for i in range(150) if i not in done]
    assert sorted(again) == sorted(left)

    alone = CountingScorer(tmp_path / "third.log")
    assert runs.run(source, copy, alone, resume=True) == (150, 0)
    assert copy.read_bytes() == output.read_bytes()
    assert alone.scored() == left


def wait_for_end_of(processes: dict[int, Any]) -> None:
    """Ray ends the actors of a driver that is gone."""
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_command(ray: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.tiny import tiny_model

    model = str(tiny_model(tmp_path / "model"))
    source = write_problems(tmp_path / "in.jsonl", 6)
    words = ["score", str(source), "--model", model, "--device", "cpu"]
    assert main([*words, "-o", str(tmp_path / "here.jsonl")]) == 0
    assert main([*words, "-o", str(tmp_path / "ray.jsonl"), "--engine", "ray"]) == 0
    here, there = (
        [json.loads(line) for line in (tmp_path / name).read_text("utf-8").splitlines()]
        for name in ("here.jsonl", "ray.jsonl")
    )
    assert [row["id"] for row in there] == list(range(6))
    for a, b in zip(here, there, strict=True):
        for one, other in zip(a["candidates"], b["candidates"], strict=True):
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-5)

"""The command label: killed and resumed, refused, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prm_core.cli import main
from prm_core.cli.label import _continuations_left
from prm_core.formats.labelled import read_examples
from prm_core.labelling.run import LabelCost, Progress
from prm_core.types import Example
from tests.completions import RefusedError, serve
from tests.labelling.solver import is_lucky, problems
from tests.tiny import tiny_model

ROOT = Path(__file__).parent.parent.parent


def write_on(body: dict[str, Any]) -> str:
    """A server's text: right three times of four while no step is wrong."""
    good = "wrong" not in body["prompt"] and is_lucky(body["prompt"], body["seed"])
    return "The answer is 9." if good else "The answer is 1."


def command(path: Path, output: Path, url: str, *more: str) -> list[str]:
    words = ["label", str(path), "-o", str(output), "--method", "monte-carlo", "-k", "4"]
    return [*words, "--generator", url, "--generator-model", "m", *more]


def test_killed_and_interrupted_runs_end_where_an_uninterrupted_one_ends(
    source: Callable[..., Path], tmp_path: Path
) -> None:
    path = source(*problems(12))
    with serve(write_on) as server:
        assert main(command(path, tmp_path / "whole.jsonl", server.url)) == 0
        n_whole = len(server.requests)
    whole = (tmp_path / "whole.jsonl").read_bytes()
    assert n_whole == 12 * 3 * 4
    assert {y for e in read_examples(tmp_path / "whole.jsonl") for y in e.labels} > {0.0, 1.0}

    def slow(body: dict[str, Any]) -> str:
        time.sleep(0.05)
        if len(server.requests) > 64:  # it shall not come to its end first
            stopped.wait(60)
        return write_on(body)

    output = tmp_path / "out.jsonl"
    n_before = 0
    for n_rows, how in ((3, signal.SIGKILL), (8, signal.SIGINT)):
        stopped = threading.Event()
        with serve(slow) as server:
            run = subprocess.Popen(
                [sys.executable, "-m", "prm_core", *command(path, output, server.url)],
                cwd=ROOT,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            while run.poll() is None and (
                not output.exists() or output.read_bytes().count(b"\n") < max(n_rows, n_before + 1)
            ):
                time.sleep(0.01)
            run.send_signal(how)
            stopped.set()
            _, said = run.communicate(timeout=20)
        part = output.read_bytes()
        assert n_rows <= part.count(b"\n") < whole.count(b"\n"), said
        assert whole.startswith(part)
        assert "Traceback" not in said
        n_before = part.count(b"\n")
    assert run.returncode == 1
    assert "the same command resumes it" in said
    assert said.endswith("interrupted\n")

    with serve(write_on) as server:
        assert main(command(path, output, server.url)) == 0
        assert 0 < len(server.requests) < n_whole
    assert output.read_bytes() == whole


def test_what_it_costs_is_said_before(
    source: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, output = source(*problems(2)), tmp_path / "out.jsonl"
    with serve(write_on) as server:
        assert main(command(path, output, server.url, "--dry-run", "--max-tokens", "50")) == 0
        assert not server.requests
    assert not output.exists()
    (said,) = caplog.messages
    assert "4 solutions to label (0 done before, 0 repeated)" in said
    assert said.endswith("at most 32 continuations, 1,600 tokens")


def test_what_is_left_follows_what_is_further_continuations_or_solutions() -> None:
    costs = LabelCost(10, 0, 0, 400, 4000)
    assert _continuations_left(Progress(0, 0, 10.0), costs) is None
    assert _continuations_left(Progress(0, 100, 20.0), costs) == 300
    assert _continuations_left(Progress(5, 120, 40.0), costs) == 120


def test_exit_codes_of_bad_rows(
    source: Callable[..., Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (good,) = problems(1)
    path = source(good, {"problem": "2?", "solutions": ["2"]})
    words = ["label", str(path), "-o", str(tmp_path / "out.jsonl"), "--method", "outcome"]
    assert main(words) == 1
    assert any("line 2, field 'gold_answer'" in said for said in caplog.messages)
    assert main([*words, "--skip-bad"]) == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


def test_the_key_comes_from_the_environment(
    source: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRM_INSPECTOR_API_KEY", "secret\n")
    output = tmp_path / "out.jsonl"
    with serve(write_on) as server:
        assert main(command(source(*problems(1)), output, server.url)) == 0
        assert {h["Authorization"] for _, _, h in server.requests} == {"Bearer secret"}
    assert "secret" not in output.read_text()


def test_every_row_says_how_it_was_labelled_and_other_settings_are_refused(
    source: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = source(*problems(1)), tmp_path / "out.jsonl"
    with serve(write_on) as server:
        assert main(command(path, output, server.url)) == 0
        row = json.loads(output.read_text().splitlines()[0])
        assert row["labelled_by"] == {
            "method": "monte-carlo",
            "labels": "soft",
            "generator": "m",
            "continuations": 4,
            "temperature": 0.7,
            "max_tokens": 1024,
            "chat": False,
            "seed": 0,
        }
        assert main(command(path, output, server.url, "--seed", "1")) == 1
    assert "made with other settings" in capsys.readouterr().err


def test_labels_of_solutions_that_are_gone_are_not_mixed_with_others(
    source: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, third = problems(3)
    output = tmp_path / "out.jsonl"
    words = ["-o", str(output), "--method", "outcome"]
    assert main(["label", str(source(first, second)), *words]) == 0
    before = output.read_bytes()
    for rows, n in (([first], 2), ([first, {**second, "gold_answer": 8}], 2), ([third], 4)):
        assert main(["label", str(source(*rows)), *words]) == 1
        said = capsys.readouterr().err
        assert f"out.jsonl has labels of {n} solutions that " in said
        assert output.read_bytes() == before
    assert main(["label", str(source(first, second, third)), *words]) == 0
    assert output.read_bytes().startswith(before)
    assert len(output.read_text().splitlines()) == 6, "rows may be added"


def test_a_server_that_refuses_is_an_error_in_words(
    source: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(body: dict[str, Any]) -> str:
        raise RefusedError(401, "who are you?")

    with serve(refuse) as server:
        assert main(command(source(*problems(1)), tmp_path / "out.jsonl", server.url)) == 1
    assert "HTTP 401: who are you?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--method", "monte-carlo"], "needs a --generator"),
        (["--method", "outcome", "--generator", "m"], "does not use a --generator"),
        (["--method", "outcome", "--labels", "soft"], "--labels is for"),
        (["--method", "monte-carlo", "--generator", "http://x/v1"], "--generator-model names"),
        (
            ["--method", "monte-carlo", "--generator", "dir", "--generator-model", "m"],
            "--generator-model names",
        ),
        (["--method", "monte-carlo", "--generator", "m", "-k", "0"], "must be above 0"),
        (["--method", "monte-carlo", "--generator", "m", "--concurrency", "0"], "above 0"),
        (["--method", "monte-carlo", "--generator", "m", "--timeout", "0"], "above 0"),
        (["--method", "monte-carlo", "--generator", "m", "--temperature", "0"], "above 0"),
    ],
)
def test_options_that_do_not_fit(
    words: list[str],
    message: str,
    source: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = source(*problems(1))
    assert main(["label", str(path), "-o", str(tmp_path / "out.jsonl"), *words]) == 1
    assert message in capsys.readouterr().err


def test_a_local_model_labels(source: Callable[..., Path], tmp_path: Path) -> None:
    path, model = source(*problems(1)), str(tiny_model(tmp_path / "tiny"))
    for name in ("one", "two"):
        words = ["label", str(path), "-o", str(tmp_path / name), "--method", "monte-carlo"]
        more = ["-k", "2", "--max-tokens", "4", "--device", "cpu", "--generator", model]
        assert main([*words, *more]) == 0
    one, two = (list(read_examples(tmp_path / name)) for name in ("one", "two"))
    assert one == two
    assert [e.labels for e in one if isinstance(e, Example)] == [(0.0, 0.0, 1.0), (0.0, 0.0, 0.0)]


def test_an_empty_file_and_an_output_that_cannot_be_written_are_told_of_first(
    source: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    words = ["--method", "outcome", "-o"]
    assert main(["label", str(empty), *words, str(tmp_path / "out.jsonl")]) == 1
    assert f"error: {empty}: has no rows" in capsys.readouterr().err
    assert main(["label", str(source(*problems(1))), *words, str(empty / "out.jsonl")]) == 1
    said = capsys.readouterr().err
    assert "out.jsonl: cannot be written: Not a directory" in said
    assert "solutions labelled" not in said, "before the work"

"""The command search: what it prints and writes, killed and resumed, and what it refuses."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prm_core.cli import main
from prm_core.search.results import search_tree
from prm_core.session import load_session
from tests.completions import RefusedError, serve
from tests.tiny import tiny_model

ROOT = Path(__file__).parent.parent.parent
ROWS = [
    {"id": f"p{i}", "problem": f"What is 2 + {i}?", "gold_answer": str(2 + i)} for i in range(3)
]


def write(body: dict[str, Any]) -> dict[str, Any]:
    """Steps that depend on the seed, and then an answer, right or wrong by the seed."""
    written = body["prompt"].partition("Solution:\n")[2]
    if "\n\n" in body.get("stop", ()) and written.count("\n\n") < 2:
        text = f"Step with {body['seed'] % 7}."
        return {"text": text, "stop_reason": "\n\n", "usage": {"completion_tokens": 5}}
    answer = 2 + body["seed"] % 3
    text = f"The answer is \\boxed{{{answer}}}."
    return {"text": text, "stop_reason": None, "usage": {"completion_tokens": 6}}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(tmp_path_factory.mktemp("models") / "prm"))


def command(what: object, url: str, model: str, *more: object) -> list[str]:
    words = ["search", what, "--model", model, "--generator", url, "--generator-model", "m"]
    return [str(word) for word in (*words, "--width", 2, *more)]


def same(a: Path, b: Path) -> bool:
    """Whether two sessions hold the same trees, scores up to rounding, times left aside."""
    sessions = [load_session(path) for path in (a, b)]
    for one, other in zip(*(session.problems for session in sessions), strict=True):
        trees = [search_tree(problem) for problem in (one, other)]
        shapes = [
            [(node.parent, node.text, node.end, node.pruned) for node in tree.nodes]
            for tree in trees
            if tree is not None
        ]
        scores = [[node.score for node in tree.nodes] for tree in trees if tree is not None]
        texts = [[solution.text for solution in problem.solutions] for problem in (one, other)]
        if shapes[0] != shapes[1] or texts[0] != texts[1]:
            return False
        assert scores[0] == pytest.approx(scores[1], abs=1e-5)
    return True


def test_a_problem_is_solved_and_shown(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out.json"
    with serve(write) as server:
        assert main(command("What is 2 + 2?", server.url, model, "-o", output)) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("What is 2 + 2?\nbeam: 12 steps in 3 rounds, 64 tokens")
    assert printed.count("\n*") == 1
    (problem,) = load_session(output).problems
    assert [one.name for one in problem.solutions] == ["A", "B", "C", "D"]
    tree = search_tree(problem)
    assert tree is not None
    assert (tree.status, len(tree.nodes), tree.n_tokens) == ("done", 12, 64)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.json"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_was_killed_or_interrupted_ends_as_it_would_have(
    how: signal.Signals, model: str, source: Callable[..., Path], tmp_path: Path
) -> None:
    path = source(*ROWS)
    with serve(write) as server:
        whole = command(path, server.url, model, "-o", tmp_path / "whole.json")
        assert main(whole) == 0
        n_whole = len(server.requests)

    def slow(body: dict[str, Any]) -> dict[str, Any]:
        time.sleep(0.15)
        return write(body)

    output = tmp_path / "out.json"
    with serve(slow) as server:
        words = command(path, server.url, model, "-o", output, "--concurrency", 2)
        run = subprocess.Popen(
            [sys.executable, "-m", "prm_core", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        while len(server.requests) < 18:  # in the second problem
            time.sleep(0.01)
            assert run.poll() is None
        run.send_signal(how)
        _, error = run.communicate(timeout=60)
        assert run.returncode != 0
        assert how == signal.SIGKILL or "the same command resumes" in error
        assert "Traceback" not in error
    assert not output.exists()
    trees = list((tmp_path / "out.json.trees").glob("*.json"))
    assert len(trees) >= 1
    with serve(write) as server:
        assert main(command(path, server.url, model, "-o", output)) == 0
        assert len(server.requests) < n_whole - 10
    assert same(tmp_path / "whole.json", output)
    assert not (tmp_path / "out.json.trees").exists()


def test_a_report_compares_the_ways(
    model: str, source: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, page = source(*ROWS, {"problem": "Of what nobody knows the answer"}), tmp_path / "r.html"
    with serve(write) as server:
        more = ("--report", "--sizes", "2,4", "--html", page, "--trees", tmp_path / "trees")
        assert main(command(path, server.url, model, *more)) == 0
        table = capsys.readouterr().out
        n_requests = len(server.requests)
        assert main(command(path, server.url, model, *more, "--json")) == 0
        assert len(server.requests) == n_requests  # from the trees
    report = json.loads(capsys.readouterr().out)
    assert (report["task"], report["n_problems"], report["skipped"]) == ("search", 3, 1)
    assert list(report["curves"]) == ["best-of-n", "majority", "beam", "dvts"]
    assert [point["n"] for point in report["curves"]["majority"]] == [1, 2, 4]
    assert report["curves"]["best-of-n"][2]["n_tokens"] == 24  # four answers of six tokens
    for points in report["curves"].values():
        for point in points:
            low, high = point["interval"]
            assert 0 <= low <= point["accuracy"] <= high <= 1
    for words in ("best of n", "majority vote", "beam search", "DVTS", "skipped 1"):
        assert words in table
        assert words in page.read_text(encoding="utf-8")


def test_a_server_that_refuses_is_an_error_and_the_trees_stay(
    model: str,
    source: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing(body: dict[str, Any]) -> dict[str, Any]:
        if len(server.requests) > 14:
            raise RefusedError(401, "no key")
        return write(body)

    with serve(failing) as server:
        words = command(source(*ROWS), server.url, model, "-o", tmp_path / "out.json")
        assert main(words) == 1
    error = capsys.readouterr().err
    assert "HTTP 401: no key; set the environment variable PRM_INSPECTOR_API_KEY" in error
    folder = tmp_path / "out.json.trees"
    assert f"trees so far are in {folder}; the same command resumes" in caplog.text
    assert len(list((tmp_path / "out.json.trees").glob("*.json"))) >= 1


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["no-such-file.jsonl"], "no-such-file.jsonl"),
        (["What is it?", "-n", "3"], "no multiple of the width 2"),
        (["What is it?", "--report"], "--report needs a file with right answers"),
        (["What is it?", "--sizes", "2"], "--sizes is for --report"),
        (["What is it?", "--html", "x.html"], "--html is for --report"),
        (["What is it?", "--report", "--sizes", "3"], "--sizes has 3"),
        (["What is it?", "--report", "-o", "x.json"], "-o is for a search"),
        (["What is it?", "-o", "x.txt"], "x.txt"),
        (["What is it?", "--temperature", "0"], "temperature"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_any_work(
    words: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    what, *more = words
    assert main(command(what, "http://127.0.0.1:9/v1", "no-such-model", *more)) == 1
    assert named in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_name_on_a_server_goes_with_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "What is it?", "--generator", "http://127.0.0.1:9/v1"]) == 1
    assert "--generator-model" in capsys.readouterr().err


def test_a_local_model_writes(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["search", "What is 2 + 2?", "--model", model, "--generator", model, "--json"]
    assert main([*words, "--write-tokens", "6", "-n", "2", "--width", "2"]) == 0
    session = json.loads(capsys.readouterr().out)
    (problem,) = session["problems"]
    assert problem["more"]["search"]["n_tokens"] == 12
    assert {one["generator"] for one in problem["solutions"]} == {model}

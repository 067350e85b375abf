"""Labels from final answers and continuations: by hand, in files, stopped and gone on with."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.cli import main
from prm_core.cli.label import _Teller
from prm_core.errors import BadOptionError, DataError, InputError, ModelError
from prm_core.formats.labelled import read_examples
from prm_core.formats.rows import json_line
from prm_core.labelling.consensus import RightValues, consensus_labels
from prm_core.labelling.label_file import LabelFile
from prm_core.labelling.methods import (
    LabelConfig,
    Rollouts,
    bisected_labels,
    label_solution,
    monte_carlo_shares,
    most_generations,
    outcome_labels,
)
from prm_core.labelling.run import LabelCost, Progress, label_all, plan
from prm_core.labelling.solutions import read_unlabelled
from prm_core.types import Candidate, Example
from tests.completions import RefusedError, serve
from tests.tiny import tiny_model

ROOT = Path(__file__).parent.parent.parent
PROBLEM = "What is 2 + 3 + 4?"
RIGHT = ("2 + 3 = 5.", "5 + 4 = 9.", "The answer is 9.")
WRONG = ("2 + 3 = 5.", "5 + 4 = 8, wrong.", "The answer is 8.")


def is_lucky(text: str, seed: int, share: float = 0.75) -> bool:
    """A coin that falls the same way for the same text and seed."""
    digest = hashlib.sha256(f"{text}|{seed}".encode()).digest()
    return digest[0] < 256 * share


class Solver:
    """A generator that goes on to 9 unless there is a "wrong" step, and then never."""

    def __init__(self, share: float = 1.0, concurrency: int = 4) -> None:
        self.share, self.concurrency = share, concurrency
        self.asked: list[tuple[str, ...]] = []
        self.closed = False

    def continue_solution(
        self, problem: str, steps: Sequence[str], seeds: Sequence[int]
    ) -> list[str]:
        self.asked.append(tuple(steps))
        if "refuse" in problem:
            raise InputError("it is refused")
        if "fail" in problem:
            raise ModelError("it does not work")
        text = " ".join(steps)
        good = "wrong" not in text
        return [
            "So the answer is 9." if good and is_lucky(text, seed, self.share) else "I think 1."
            for seed in seeds
        ]

    def close(self) -> None:
        self.closed = True


def example(steps: Sequence[str], problem: str = PROBLEM) -> Example:
    return Example(Candidate(problem, tuple(steps)), (None,) * len(steps))


def labelled(steps: Sequence[str], method: str, solver: Solver, **options: Any) -> Example:
    config = LabelConfig(method, **options)
    rollouts = Rollouts(solver, config.continuations, config.seed)
    return label_solution(example(steps), "9", config, rollouts)


# --- one solution ---------------------------------------------------------------------------------


def test_what_the_final_answer_says() -> None:
    assert outcome_labels(3, True) == (1.0, 1.0, 1.0)
    assert outcome_labels(3, False) == (None, None, 0.0)
    assert outcome_labels(1, False) == (0.0,)
    assert outcome_labels(2, None) == (None, None)
    good, bad = (labelled(steps, "outcome", Solver()) for steps in (RIGHT, WRONG))
    assert (good.answer, good.correct, good.labels) == ("9", True, (1.0, 1.0, 1.0))
    assert (bad.answer, bad.correct, bad.labels) == ("8", False, (None, None, 0.0))


def pool(path: Path, solutions: Sequence[Sequence[str]]) -> Path:
    row = {"problem": PROBLEM, "gold_answer": "9", "solutions": solutions}
    path.write_text(json_line(row))
    return path


def test_consensus_by_hand(tmp_path: Path) -> None:
    other_way = ("3 + 4 = 7", "Then 2 + 7 = 9.")
    late = ("2 + 3 = 5.", "Now the other one.", "5 + 4 = 8", "So 8.")
    early = ("2 + 3 is 6.", "6 + 4 = 10", "The answer is 10.")
    astray = ("2 + 3 = 5.", "The answer is 5.")  # every value is one of the right solutions
    path = pool(tmp_path / "in.jsonl", [RIGHT, other_way, late, early, astray])
    words = ["label", str(path), "-o", str(tmp_path / "out.jsonl"), "--method", "consensus"]
    assert main(words) == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["labels"] for row in rows] == [
        [1, 1, 1],
        [1, 1],
        [1, None, -1, -1],
        [-1, None, -1],
        [None, -1],
    ]


def test_one_right_solution_is_no_consensus(tmp_path: Path) -> None:
    path = pool(tmp_path / "in.jsonl", [RIGHT, RIGHT, WRONG])  # a repeated one counts once
    output = tmp_path / "out.jsonl"
    assert main(["label", str(path), "-o", str(output), "--method", "consensus"]) == 0
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["labels"] for row in rows] == [[1, 1, 1], [None, None, None]]


def test_a_value_of_few_right_solutions_is_no_consensus() -> None:
    right = RightValues()
    for k in range(21):
        right.add(["2 + 3 = 5", f"{5 if k else 50} + 4 = 9"])
    assert right.reach(5.0)
    assert not right.reach(50.0)  # one of 21
    assert consensus_labels(PROBLEM, ("2 + 3 = 50", "So 54."), False, right) == (0.0, 0.0)
    assert consensus_labels(PROBLEM, ("2 + 3 = 50",), None, right) == (None,)


def test_other_solutions_are_another_consensus(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    words = ["-o", str(output), "--method", "consensus"]
    path = pool(tmp_path / "in.jsonl", [RIGHT, WRONG])
    assert main(["label", str(path), *words]) == 0
    before = output.read_bytes()
    assert main(["label", str(path), *words]) == 0  # nothing is left to do
    pool(path, [RIGHT, WRONG, ("2 + 3 + 4 = 9",)])
    assert main(["label", str(path), *words]) == 1
    assert output.read_bytes() == before


def test_monte_carlo_by_hand() -> None:
    solver = Solver()
    assert labelled(WRONG, "monte-carlo", solver).labels == (1.0, 0.0, 0.0)
    assert solver.asked == [WRONG[:1], WRONG[:2]]  # the last step is judged by its own answer
    shares = {1: 0.25, 2: 0.5, 3: 0.0}
    assert monte_carlo_shares(3, True, shares.__getitem__) == (0.25, 0.5, 1.0)
    assert monte_carlo_shares(3, None, shares.__getitem__) == (0.25, 0.5, 0.0)


def test_soft_labels_are_shares_and_hard_ones_say_whether_any_is_right() -> None:
    soft = labelled(RIGHT, "monte-carlo", Solver(0.5), continuations=16).labels
    hard = labelled(RIGHT, "monte-carlo", Solver(0.5), continuations=16, hard=True).labels
    assert soft[0] is not None
    assert 0 < soft[0] < 1
    assert soft[0] * 16 == int(soft[0] * 16)
    assert hard == (1.0, 1.0, 1.0)


def test_the_seed_changes_the_continuations() -> None:
    one, two, again = (
        labelled(RIGHT, "monte-carlo", Solver(0.5), continuations=64, seed=seed).labels
        for seed in (1, 2, 1)
    )
    assert one == again != two


def test_a_continuation_without_text_leaves_the_answer_that_is_there() -> None:
    class Done(Solver):
        def continue_solution(
            self, problem: str, steps: Sequence[str], seeds: Sequence[int]
        ) -> list[str]:
            return [" " for _ in seeds]

    assert labelled(RIGHT, "monte-carlo", Done()).labels == (0.0, 1.0, 1.0)


def test_bisection_by_hand() -> None:
    solver = Solver()
    steps = ["a = 1", "b = 2", "c = 3", "wrong", "d", "e", "f", "The answer is 8."]
    labels = labelled(steps, "binary-search", solver).labels
    assert labels == (1.0, 1.0, 1.0, 0.0, None, None, None, None)
    assert [len(asked) for asked in solver.asked] == [0, 4, 2, 3]


def test_a_right_solution_needs_no_bisection() -> None:
    solver = Solver()
    assert labelled(RIGHT, "binary-search", solver).labels == (1.0, 1.0, 1.0)
    assert not solver.asked


def test_a_generator_that_never_solves_the_problem_cannot_tell() -> None:
    assert labelled(WRONG, "binary-search", Solver(0.0)).labels == (None, None, None)


@given(
    n_steps=st.integers(1, 40),
    error=st.integers(0, 40),
    has_answer=st.booleans(),
)
def test_bisection_finds_every_first_error_within_its_cost(
    n_steps: int, error: int, has_answer: bool
) -> None:
    error = min(error, n_steps - 1 if has_answer else n_steps)
    asked: list[int] = []

    def reached(end: int) -> bool:
        asked.append(end)
        return end <= error

    found = bisected_labels(n_steps, False if has_answer else None, reached)
    right = (1.0,) * error
    assert found == (right + (0.0,) + (None,) * (n_steps - error - 1))[:n_steps]
    assert len(asked) <= most_generations(
        n_steps, has_answer, LabelConfig("binary-search", continuations=1)
    )


def test_a_beginning_that_solutions_share_is_continued_once_by_all_threads() -> None:
    inside = threading.Event()

    class Slow(Solver):
        def continue_solution(
            self, problem: str, steps: Sequence[str], seeds: Sequence[int]
        ) -> list[str]:
            inside.wait(0.1)
            return super().continue_solution(problem, steps, seeds)

    solver = Slow()
    rollouts = Rollouts(solver, 3)
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(rollouts.n_right(PROBLEM, RIGHT[:1], "9")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [3, 3, 3, 3]
    assert len(solver.asked) == 1
    assert rollouts.n_generations == 3


# --- a file ---------------------------------------------------------------------------------------


def problems(n: int) -> list[dict[str, Any]]:
    """Problems with a right and a wrong solution each, which share their first step."""
    return [
        {
            "id": f"p{i}",
            "problem": f"What is 2 + 3 + 4 (number {i})?",
            "gold_answer": 9,
            "solutions": [list(RIGHT), "\n".join(WRONG)],
        }
        for i in range(n)
    ]


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Path]:
    def write(*rows: dict[str, Any]) -> Path:
        path = tmp_path / "in.jsonl"
        path.write_text("".join(map(json_line, rows)), encoding="utf-8")
        return path

    return write


def run_all(
    path: Path, output: Path, solver: Solver, method: str = "monte-carlo"
) -> list[DataError]:
    config = LabelConfig(method, continuations=4)
    file = LabelFile(output, {"method": method})
    return list(label_all(read_unlabelled(path), file, config, solver))


def test_rows_come_in_order_and_read_back(source: Callable[..., Path], tmp_path: Path) -> None:
    path, output, solver = source(*problems(3)), tmp_path / "out.jsonl", Solver()
    assert run_all(path, output, solver) == []
    examples = [one for one in read_examples(output) if isinstance(one, Example)]
    assert [e.candidate.id for e in examples] == [f"p{i}/{n}" for i in range(3) for n in (1, 2)]
    assert [e.labels for e in examples] == [(1.0, 1.0, 1.0), (1.0, 0.0, 0.0)] * 3
    assert {(e.gold_answer, e.correct) for e in examples} == {("9", True), ("9", False)}
    # Three beginnings a problem: the first step is shared.
    assert len(solver.asked) == 9
    costs = plan(read_unlabelled(path), set(), LabelConfig("monte-carlo", continuations=4), 100)
    assert (costs.n_solutions, costs.n_generations, costs.n_tokens) == (6, 48, 4800)


def test_labelled_files_can_be_labelled_anew(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl.gz"
    row = {"id": "a", "problem": PROBLEM, "steps": list(WRONG), "labels": [1, 1, 1]}
    path.write_bytes(gzip.compress(json_line({**row, "gold_answer": "9"}).encode()))
    assert run_all(path, tmp_path / "out.jsonl", Solver(), "binary-search") == []
    (one,) = read_examples(tmp_path / "out.jsonl")
    assert isinstance(one, Example)
    assert (one.candidate.id, one.labels) == ("a", (1.0, 0.0, None))


def test_answers_are_compared_as_mathematics_in_the_threads_that_label(
    source: Callable[..., Path], tmp_path: Path
) -> None:
    class Roots(Solver):
        def continue_solution(
            self, problem: str, steps: Sequence[str], seeds: Sequence[int]
        ) -> list[str]:
            return [rf"\boxed{{{answer}}}" for answer in (r"2\sqrt{2}", r"\sqrt{2}", "x", "2")]

    row = {"problem": "Root of 8?", "solutions": [["8 = 4 · 2", r"So \boxed{2^{1.5}}"]]}
    errors = run_all(source({**row, "gold_answer": r"\sqrt{8}"}), tmp_path / "out", Roots())
    assert errors == []
    (one,) = read_examples(tmp_path / "out")
    assert isinstance(one, Example)
    assert one.labels == (0.25, 1.0)


def test_pools_of_candidates_can_be_labelled(source: Callable[..., Path], tmp_path: Path) -> None:
    (row,) = problems(1)
    row["solutions"] = [{"text": "unused", "steps": list(WRONG)}, {"text": "\n".join(RIGHT)}]
    row["solutions"].append({"steps": ["So it is four and five."], "answer": "9"})
    assert run_all(source(row), tmp_path / "out.jsonl", Solver(), "outcome") == []
    examples = [e for e in read_examples(tmp_path / "out.jsonl") if isinstance(e, Example)]
    wrong, right, given = examples
    assert (wrong.candidate.steps, wrong.labels) == (WRONG, (None, None, 0.0))
    assert (right.candidate.steps, right.labels) == (RIGHT, (1.0, 1.0, 1.0))
    assert (given.answer, given.labels) == ("9", (1.0,))


def test_what_is_repeated_or_done_is_left_out(source: Callable[..., Path], tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    run_all(source(*problems(1)), output, Solver())
    before = output.read_bytes()
    solver = Solver()
    path = source(*problems(2), *problems(2))
    config = LabelConfig("monte-carlo", continuations=4)
    done = LabelFile(output, {"method": "monte-carlo"}).keys
    costs = plan(read_unlabelled(path), done, config)
    assert (costs.n_solutions, costs.n_done, costs.n_repeated) == (2, 2, 4)
    run_all(path, output, solver)
    assert output.read_bytes().startswith(before)
    assert len(output.read_text().splitlines()) == 4
    assert len(solver.asked) == 3


def test_bad_rows_are_named_and_the_others_labelled(
    source: Callable[..., Path], tmp_path: Path
) -> None:
    good, no_gold, refused, no_steps = problems(4)
    del no_gold["gold_answer"]
    refused["problem"] = "refuse this"
    no_steps["solutions"] = [["a", "<<1=1>>"]]
    path = source(good, no_gold, {"x": 1}, refused, no_steps)
    errors = run_all(path, tmp_path / "out.jsonl", Solver())
    assert [(e.line, e.field) for e in errors] == [
        (2, "gold_answer"),
        (3, None),
        (4, None),
        (4, None),
        (5, "solutions"),
    ]
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 2


def test_a_generator_that_fails_leaves_a_whole_file(
    source: Callable[..., Path], tmp_path: Path
) -> None:
    first, second = problems(2)
    second["problem"] = "fail here"
    solver = Solver()
    with pytest.raises(ModelError, match="does not work"):
        run_all(source(first, second), tmp_path / "out.jsonl", solver)
    assert solver.closed
    assert len(list(read_examples(tmp_path / "out.jsonl"))) == 2


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


def test_a_zipped_output_cannot_grow(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="cannot grow row by row"):
        LabelFile(tmp_path / "out.jsonl.gz", {})


# --- the command ----------------------------------------------------------------------------------


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
        return write_on(body)

    output = tmp_path / "out.jsonl"
    for n_rows, how in ((3, signal.SIGKILL), (8, signal.SIGINT)):
        with serve(slow) as server:
            run = subprocess.Popen(
                [sys.executable, "-m", "prm_core", *command(path, output, server.url)],
                cwd=ROOT,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
            while run.poll() is None and (
                not output.exists() or output.read_bytes().count(b"\n") < n_rows
            ):
                time.sleep(0.01)
            run.send_signal(how)
            _, said = run.communicate(timeout=20)
        part = output.read_bytes()
        assert n_rows <= part.count(b"\n") < whole.count(b"\n"), said
        assert whole.startswith(part)
        assert "Traceback" not in said
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


def test_the_rate_and_the_time_left_are_said_while_it_runs(
    source: Callable[..., Path], tmp_path: Path
) -> None:
    class Slow(Solver):
        def continue_solution(
            self, problem: str, steps: Sequence[str], seeds: Sequence[int]
        ) -> list[str]:
            time.sleep(0.05)
            return super().continue_solution(problem, steps, seeds)

    told: list[Progress] = []
    file = LabelFile(tmp_path / "out.jsonl", {})
    config = LabelConfig("monte-carlo", continuations=4)
    solutions = read_unlabelled(source(*problems(3)))
    list(label_all(solutions, file, config, Slow(), tell=told.append, tell_every_s=0.02))
    assert told[0].n_solutions == 0
    assert (told[-1].n_solutions, told[-1].n_generations) == (6, 36)
    assert [p.n_generations for p in told] == sorted(p.n_generations for p in told)


def test_progress_in_words(caplog: pytest.LogCaptureFixture) -> None:
    tell = _Teller(LabelCost(10, 0, 0, 400, 4000))
    with caplog.at_level(logging.INFO):
        tell(Progress(0, 10, 5.0))  # not yet
        tell(Progress(0, 0, 10.0))
        tell(Progress(0, 100, 20.0))
        tell(Progress(5, 100, 25.0))  # too soon again
        tell(Progress(5, 120, 40.0))
    assert caplog.messages == [
        "0 of 10 solutions, 0 continuations, 0.0/s, time left unknown",
        "0 of 10 solutions, 100 continuations, 5.0/s, 60 s left",
        "5 of 10 solutions, 120 continuations, 3.0/s, 40 s left",
    ]


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
    assert "made in another way" in capsys.readouterr().err


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


@pytest.mark.parametrize("answer", [9, 9.0, "9", " 9 "])
def test_an_answer_may_be_a_number_as_in_evaluate(tmp_path: Path, answer: object) -> None:
    row = {"problem": PROBLEM, "gold_answer": 9, "solutions": [{"steps": RIGHT, "answer": answer}]}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (one,) = read_unlabelled(path)
    assert not isinstance(one, DataError), str(one)
    labelled = label_solution(one.example, one.gold_answer, LabelConfig("outcome"), None)
    assert labelled.labels == (1.0, 1.0, 1.0)

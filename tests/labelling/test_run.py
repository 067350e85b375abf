"""All solutions of a file: in order, side by side, repeated, done, bad."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from prm_core.errors import ModelError
from prm_core.formats.labelled import read_examples
from prm_core.labelling.label_file import LabelFile
from prm_core.labelling.methods import LabelConfig
from prm_core.labelling.run import Progress, label_all, plan
from prm_core.labelling.solutions import read_unlabelled
from prm_core.types import Example
from tests.labelling.solver import Solver, problems, run_all


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
    list(label_all(solutions, file, config, Slow(), on_progress=told.append, every_s=0.02))
    assert told[0].n_solutions == 0
    assert (told[-1].n_solutions, told[-1].n_generations) == (6, 36)
    assert [p.n_generations for p in told] == sorted(p.n_generations for p in told)

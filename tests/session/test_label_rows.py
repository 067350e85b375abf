"""Labels as rows for other programs, read by the one reader, by `evaluate` and for training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from prm_core.cli import main
from prm_core.formats.labelled import read_examples
from prm_core.session import (
    Problem,
    Session,
    Solution,
    prm800k_rows,
    processbench_rows,
    trl_rows,
)
from prm_core.types import Example

STEPS = ("2 + 2 = 4.", "4 + 1 = 6.", "So 6.")
SESSION = Session(
    (
        Problem(
            "What is 2 + 2 + 1?",
            "p",
            (
                Solution("A", steps=STEPS, labels=(1.0, 0.0, None)),
                Solution("B", steps=("It is 5.",), labels=(1.0,)),
                Solution("C", steps=STEPS, labels=("neutral", 1.0, 0.0)),
                Solution("D", steps=STEPS),
            ),
            gold_answer="5",
        ),
    ),
    annotator="ada",
)

Rows = Callable[[Session], Iterable[dict[str, Any]]]


def written(rows: Rows, path: Path) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows(SESSION)), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("rows", [trl_rows, processbench_rows, prm800k_rows])
def test_rows_are_read_with_the_same_first_errors(rows: Rows, tmp_path: Path) -> None:
    """A neutral step counts as right, as the reader has it."""
    read = list(read_examples(written(rows, tmp_path / "rows.jsonl")))
    found = [(one.first_error, one.judged) for one in read if isinstance(one, Example)]
    assert found == [(1, True), (None, True), (2, True)]
    problems = {one.candidate.problem for one in read if isinstance(one, Example)}
    assert problems == {"What is 2 + 2 + 1?"}


@pytest.mark.parametrize("rows", [trl_rows, processbench_rows, prm800k_rows])
def test_evaluate_reads_the_rows(
    rows: Rows, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that says what the labels say is right on two with an error and one without."""
    path = written(rows, tmp_path / "rows.jsonl")
    assert main(["evaluate", path, "--model", "recorded:labels", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["n_error"], report["n_correct"], report["f1"]) == (2, 1, 1.0)


@pytest.mark.parametrize("rows", [trl_rows, prm800k_rows])
def test_every_label_comes_back(rows: Rows, tmp_path: Path) -> None:
    read = list(read_examples(written(rows, tmp_path / "rows.jsonl")))
    labels = [one.labels for one in read if isinstance(one, Example)]
    assert labels[1:] == [(1.0,), (1.0, 1.0, 0.0)]
    assert labels[0][:2] == (1.0, 0.0)

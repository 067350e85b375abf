"""What can be labelled: labelled files, pools of candidates, answers that are numbers."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from prm_core.errors import DataError
from prm_core.formats.labelled import read_examples
from prm_core.formats.rows import json_line
from prm_core.labelling.methods import LabelConfig, label_solution
from prm_core.labelling.solutions import read_unlabelled
from prm_core.types import Example
from tests.labelling.solver import PROBLEM, RIGHT, WRONG, Solver, problems, run_all


def test_labelled_files_can_be_labelled_anew(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl.gz"
    row = {"id": "a", "problem": PROBLEM, "steps": list(WRONG), "labels": [1, 1, 1]}
    path.write_bytes(gzip.compress(json_line({**row, "gold_answer": "9"}).encode()))
    assert run_all(path, tmp_path / "out.jsonl", Solver(), "binary-search") == []
    (one,) = read_examples(tmp_path / "out.jsonl")
    assert isinstance(one, Example)
    assert (one.candidate.id, one.labels) == ("a", (1.0, 0.0, None))


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


@pytest.mark.parametrize("answer", [9, 9.0, "9", " 9 "])
def test_an_answer_may_be_a_number_as_in_evaluate(tmp_path: Path, answer: object) -> None:
    row = {"problem": PROBLEM, "gold_answer": 9, "solutions": [{"steps": RIGHT, "answer": answer}]}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    (one,) = read_unlabelled(path)
    assert not isinstance(one, DataError), str(one)
    labelled = label_solution(one.example, one.gold_answer, LabelConfig("outcome"), None)
    assert labelled.labels == (1.0, 1.0, 1.0)

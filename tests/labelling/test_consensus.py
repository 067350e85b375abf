"""Labels by the values that the right solutions of a problem share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from prm_core.cli import main
from prm_core.formats.rows import json_line
from prm_core.labelling.consensus import RightValues, consensus_labels
from tests.labelling.solver import PROBLEM, RIGHT, WRONG


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

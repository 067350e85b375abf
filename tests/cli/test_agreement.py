"""`agreement A B` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prm_core.cli import main


def processbench(path: Path, *labels: int) -> str:
    rows = [
        {"problem": f"Problem {i}?", "steps": ["One.", "Two.", "Three."], "label": label}
        for i, label in enumerate(labels)
    ]
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return str(path)


def test_two_files_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = processbench(tmp_path / "a.jsonl", -1, 1, 0)
    b = processbench(tmp_path / "b.jsonl", -1, 2, 0)
    assert main(["agreement", a, b]) == 0
    out = capsys.readouterr().out
    # 3 + 2 + 1 steps with labels of both; A calls two wrong, B one of them.
    assert "steps with labels of both      6" in out
    assert "agreement                      0.833" in out
    assert "same first error               0.667 of 3" in out
    assert "problem 2, solution A: step 2" in out
    assert main(["agreement", a, b, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kappa"] == pytest.approx((5 / 6 - 22 / 36) / (1 - 22 / 36))
    differing = {"problem": "2", "solution": "A", "steps": [1], "place": 1}
    assert found["differing"] == [differing | {"labels": [1.0, 1.0, 0.0]}]


def test_rows_that_contradict_each_other_are_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"problem": "Problem?", "steps": ["One.", "Two."]}
    rows = [{**row, "label": label} for label in (0, -1)]
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    a.write_text("".join(json.dumps(one) + "\n" for one in rows), "utf-8")
    b.write_text(json.dumps(rows[1]), "utf-8")
    assert main(["agreement", str(a), str(b)]) == 0
    out = capsys.readouterr().out
    assert "agreement                      1.000" in out, "of the last row"
    assert "contradicted in A, in B      1, 0" in out
    assert main(["agreement", str(b), str(b)]) == 0
    assert "contradicted" not in capsys.readouterr().out


def test_files_without_a_solution_of_both_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = processbench(tmp_path / "a.jsonl", -1)
    b = tmp_path / "b.jsonl"
    b.write_text(json.dumps({"problem": "Another?", "steps": ["One."], "label": 0}), "utf-8")
    assert main(["agreement", a, str(b)]) == 1
    assert "no labelled solution" in capsys.readouterr().err

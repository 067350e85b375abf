"""Rewards as columns of the results of a file, in every format that is written."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy
import pyarrow.parquet
import pytest

from prm_core.cli import main
from tests.tiny import tiny_model

ROWS = [
    {"id": "a", "problem": "1 + 1?", "solutions": ["One and one.\nThat is 2.\nSo 2.", "2."]},
    {"id": "b", "problem": "2 + 2?", "solutions": ["Two and two is 4.\nThe answer is 4."]},
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def read(path: Path) -> list[dict[str, Any]]:
    """A row for each solution, with its probabilities and rewards as lists."""
    if path.suffix == ".parquet":
        return list(pyarrow.parquet.read_table(path).to_pylist())
    if path.suffix == ".csv":
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        lists = ("probabilities", "rewards")
        return [row | {name: json.loads(row[name] or "null") for name in lists} for row in rows]
    problems = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [
        {"reward_form": one.get("reward_form")} | {"rewards": None} | solution
        for one in problems
        for solution in one["candidates"]
    ]


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ".parquet"])
def test_results_have_the_rewards_of_every_step(
    suffix: str, model: str, source: Any, tmp_path: Path
) -> None:
    file, out, plain = str(source(*ROWS)), tmp_path / f"out{suffix}", tmp_path / f"plain{suffix}"
    assert main(["score", file, "--model", model, "-o", str(out), "--rewards", "pure"]) == 0
    rows = read(out)
    assert [len(row["rewards"]) for row in rows] == [3, 1, 2]
    for row in rows:
        assert row["reward_form"] == "pure"
        r = 2 * numpy.array(row["probabilities"]) - 1
        weights = numpy.exp(-r / 0.1) / numpy.exp(-r / 0.1).sum()
        assert row["rewards"] == pytest.approx((weights * r).tolist())
    # They are results all the same: they can be scored again, now without rewards.
    assert main(["score", str(out), "--model", model, "-o", str(plain)]) == 0
    again = read(plain)
    assert [row["rewards"] for row in again] == [None] * 3
    assert [row["probabilities"] for row in again] == [
        pytest.approx(row["probabilities"], abs=1e-6) for row in rows
    ]


def test_stdout_has_them_too(model: str, source: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["score", str(source(*ROWS)), "--model", model, "--rewards", "raw"]
    assert main(words) == 0
    for line in capsys.readouterr().out.splitlines():
        for one in json.loads(line)["candidates"]:
            assert one["rewards"] == one["probabilities"]

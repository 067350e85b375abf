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


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("log:floor=0.9999", [-0.0001] * 3),  # ln 0.9999; these probabilities are all below it
        ("until-error:threshold=1", [0.0] * 3),
        ("shaped:gamma=0.5,start=0.25", None),
    ],
)
def test_a_form_s_options_come_with_its_name(
    form: str, expected: list[float] | None, model: str, source: Any, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    assert (
        main(["score", str(source(*ROWS)), "--model", model, "-o", str(out), "--rewards", form])
        == 0
    )
    first = read(out)[0]
    p = first["probabilities"]
    if expected is None:
        expected = [0.5 * p[0] - 0.25, 0.5 * p[1] - p[0], -p[1]]
    assert first["rewards"] == pytest.approx(expected, abs=1e-6)
    assert first["reward_form"] == form


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("purer", "'purer' is not known; choose from raw, log"),
        ("raw:gamma=1", "takes no options, not gamma"),
        ("pure:temperature", "'temperature' is not NAME=NUMBER"),
        ("pure:temperature=hot", "'temperature=hot' is not NAME=NUMBER"),
        ("difference:start=nan", "'start=nan' is not NAME=NUMBER"),
        ("shaped:gamma=2", "gamma is 2.0; it must be above 0 and at most 1"),
    ],
)
def test_a_form_that_cannot_be_is_refused_at_once(
    form: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["score", "no such file", "--rewards", form])
    assert words in capsys.readouterr().err

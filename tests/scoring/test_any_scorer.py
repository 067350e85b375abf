"""A scorer that nobody knows, in ten lines: every way through the project takes it as it is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from prm_core import Candidate, ScoredCandidate, StepScorer, Verifier
from prm_core.cli import main
from prm_core.evaluation.judge import judge
from prm_core.types import Example
from prm_core.ui.models import ModelHost
from prm_core.ui.page import Run

SUM = ("What is 2 + 3?", ("2 + 3 = 5.", "So 6."))
SAYS = (0.9, 0.25)


class Fifth(StepScorer):
    """Believes a step that holds an equals sign."""

    model_id = "fifth"

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        said = [tuple(0.9 if "=" in step else 0.25 for step in one.steps) for one in candidates]
        return [
            ScoredCandidate(one, p, (0.0,) * len(p), self.model_id)
            for one, p in zip(candidates, said, strict=True)
        ]


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Fifth]:
    """Whatever model is asked for, it is this one; all that were opened."""
    made: list[Fifth] = []

    def open_fifth(*_: object, **__: object) -> Fifth:
        made.append(Fifth())
        return made[-1]

    monkeypatch.setattr("prm_core.scoring.load.load", open_fifth)
    return made


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    row = {"id": "one", "problem": SUM[0], "solutions": [list(SUM[1])]}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return path


def said(path: Path) -> Any:
    (row,) = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert row["model"] == "fifth"
    return tuple(row["candidates"][0]["probabilities"])


def test_the_page_scores_with_it(opened: list[Fifth]) -> None:
    host = ModelHost([("m", "fifth")])
    payload = {"problem": SUM[0], "solutions": ["\n".join(SUM[1])], "rule": "auto"}

    async def last() -> Any:
        run = Run(host, payload, "fifth", "a session")
        return [update async for update in run.updates() if update is not None][-1]

    board = json.dumps(asyncio.run(last()), default=str)
    assert "2 steps scored in" in board
    assert host.state("fifth").text == "ready"
    assert len(opened) == 1


def test_a_file_is_scored_with_it(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(rows)]) == 0
    row = json.loads(capsys.readouterr().out)
    assert tuple(row["candidates"][0]["probabilities"]) == SAYS


def test_a_run_in_pieces_takes_it(rows: Path, tmp_path: Path) -> None:
    assert main(["score", str(rows), "-o", str(tmp_path / "out.jsonl")]) == 0
    assert said(tmp_path / "out.jsonl") == SAYS


def test_what_it_reads_can_be_asked_for(rows: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(rows), "--explain"]) == 0
    assert "step 2: 0.2500" in capsys.readouterr().out


def test_it_is_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "labelled.jsonl"
    row = {"id": "a-0", "problem": SUM[0], "steps": list(SUM[1]), "label": 1}
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert main(["evaluate", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["model"], report["threshold"]) == ("fifth", 0.5)
    assert report["error_accuracy"] == 1.0


def test_the_library_takes_it() -> None:
    assert Verifier(Fifth()).score(*SUM).weakest_step == 1
    (found,) = judge(Fifth(), [Example.from_labels(*SUM, [1, -1])]).pairs
    assert found[1].probabilities == SAYS
    assert dict(Fifth().stream([Candidate(*SUM)]))[0].probabilities == SAYS

"""A model whose threshold is not 0.5 is judged by its own, whichever door it comes through."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from prm_core.cli import main
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from prm_core.ui.models import ModelHost
from prm_core.ui.page import Run
from tests.tiny import tiny_model

PROBLEM = "What is 7 × 8?"
STEPS = ["I need to multiply 7 by 8.", "7 × 8 = 56.", "So it is 54.", "56"]


def first_below(probabilities: Sequence[float], threshold: float) -> int | None:
    return next((i for i, p in enumerate(probabilities) if p < threshold), None)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, float]:
    """A model, the first error by its own threshold, and that threshold.

    The threshold lies so that 0.5 would name another step, or none.
    """
    path = tiny_model(tmp_path_factory.mktemp("model"), seed=7)
    (scored,) = load_scorer(path).score([Candidate(PROBLEM, tuple(STEPS))])
    p = scored.probabilities
    for threshold in [(a + b) / 2 for a, b in zip(sorted(p), sorted(p)[1:], strict=False)]:
        own = first_below(p, threshold)
        if own is not None and own != first_below(p, 0.5):
            prm = json.loads((path / "prm.json").read_text("utf-8"))
            (path / "prm.json").write_text(json.dumps({**prm, "threshold": threshold}))
            return path, own, threshold
    raise AssertionError(f"no threshold tells these apart: {p}")


def rows(tmp_path: Path) -> str:
    row = {"problem": PROBLEM, "solutions": [STEPS, STEPS[:1]]}
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    return str(file)


def test_loading_takes_it(made: tuple[Path, int, float]) -> None:
    path, _, threshold = made
    assert load_scorer(path).threshold == threshold


def test_the_command_line_judges_by_it(
    made: tuple[Path, int, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, own, _ = made
    assert main(["score", rows(tmp_path), "--model", str(path)]) == 0
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert row["candidates"][0]["first_error"] == own
    assert main(["score", rows(tmp_path), "--model", str(path), "--threshold", "0.5"]) == 0
    (row,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert row["candidates"][0]["first_error"] != own
    assert main(["rank", rows(tmp_path), "--model", str(path)]) == 0
    (line,) = (one for one in capsys.readouterr().out.splitlines() if one.split()[1:2] == ["A"])
    assert f"  step {own + 1}  " in line


def test_a_run_over_a_file_judges_by_it(made: tuple[Path, int, float], tmp_path: Path) -> None:
    path, own, _ = made
    out = tmp_path / "out.jsonl"
    assert main(["score", rows(tmp_path), "--model", str(path), "-o", str(out)]) == 0
    (row,) = map(json.loads, out.read_text("utf-8").splitlines())
    assert row["candidates"][0]["first_error"] == own


def test_evaluation_judges_by_it(
    made: tuple[Path, int, float], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, own, threshold = made
    labelled = {
        "id": "gsm8k-0",
        "generator": "g",
        "problem": PROBLEM,
        "steps": STEPS,
        "final_answer_correct": False,
        "label": own,
    }
    file = tmp_path / "bench.jsonl"
    file.write_text(json.dumps(labelled) + "\n", encoding="utf-8")
    assert main(["evaluate", str(file), "--model", str(path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["threshold"] == pytest.approx(threshold)
    assert report["error_accuracy"] == 1.0


def test_the_page_s_board_shows_it(made: tuple[Path, int, float]) -> None:
    path, own, threshold = made
    payload = {"problem": PROBLEM, "solutions": ["\n".join(STEPS)], "rule": "line"}
    run = Run(ModelHost([("m", str(path))]), payload, str(path), "a session")

    async def boards() -> list[dict[str, Any]]:
        return [update[0] async for update in run.updates() if update is not None]

    board = asyncio.run(boards())[-1]
    assert board["threshold"] == pytest.approx(threshold)
    assert board["candidates"][0]["claim"] == f"first error: step {own + 1}"

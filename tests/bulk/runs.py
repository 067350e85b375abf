"""Runs of a file into a file, whole and interrupted."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

from prm_core.bulk.pieces import UnfinishedRun, check_model, parts_of
from prm_core.bulk.run import Task, score_rows
from prm_core.formats.files import open_problems
from prm_core.types import Candidate, ScoredCandidate
from tests.counting import CountingScorer

SETTINGS = {"--model": "m", "--threshold": None}


def write_problems(path: Path, n: int, changes: dict[int, Any] | None = None) -> Path:
    """A file of `n` problems with two solutions each; `changes` are other lines."""
    lines = []
    for i in range(n):
        row = {"id": i, "problem": f"problem {i}", "solutions": [f"{i}\nstep", ["a", "b"]]}
        changed = (changes or {}).get(i, row)
        lines.append(changed if isinstance(changed, str) else json.dumps(changed))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(
    source: Path,
    output: Path,
    scorer: CountingScorer,
    *,
    resume: bool = False,
    settings: dict[str, Any] | None = None,
    n_together: int = 1,
    told: list[tuple[int, int | None]] | None = None,
) -> tuple[int, int]:
    with (
        UnfinishedRun(output, settings or SETTINGS, resume) as unfinished,
        open_problems(source, io.BytesIO()) as problems,
    ):
        check_model(unfinished.folder, scorer)
        score_rows(
            scorer,
            problems,
            unfinished,
            Task(),
            n_together=n_together,
            on_progress=lambda *progress: (told if told is not None else []).append(progress),
        )
        return unfinished.join()


class StoppedScorer(CountingScorer):
    """Is interrupted at one problem."""

    def __init__(self, log: Path, at: str) -> None:
        super().__init__(log)
        self.at = at

    def score(self, candidates: Any) -> list[ScoredCandidate]:
        if any(one.problem == self.at for one in candidates):
            raise KeyboardInterrupt
        return super().score(candidates)


class ImplicitScorer(CountingScorer):
    """Its model and the reference are so far apart after every step."""

    beta = 0.001
    tolerance = beta / 4

    def __init__(self, log: Path, nats: float) -> None:
        super().__init__(log)
        self.q = self.beta * nats

    def _score(self, candidate: Candidate) -> ScoredCandidate:
        n_steps = len(candidate.steps)
        p = 1 / (1 + math.exp(-self.q))
        return ScoredCandidate(candidate, (p,) * n_steps, (self.q,) * n_steps, self.model_id)


def whole(folder: Path, source: Path) -> bytes:
    """What a run in one go makes."""
    run(source, folder / "whole", CountingScorer(folder / "whole.log"))
    return (folder / "whole").read_bytes()


def covered(output: Path) -> set[int]:
    """The rows in finished pieces."""
    if not parts_of(output).is_dir():
        return set()
    spans = [path.name.split("-") for path in parts_of(output).glob("*.jsonl")]
    return {i for first, after, _ in spans for i in range(int(first), int(after))}

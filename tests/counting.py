"""A scorer without a model: numbers made from the text, and a note of everything it scores."""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from prm_core.errors import TooLongError
from prm_core.types import Candidate, ScoredCandidate, StepScorer


class CountingScorer(StepScorer):
    """Scores by a checksum of the text, and writes each problem that it scores into a file.

    Args:
        log: grows by a line per call: its problems.
        seconds: that each call takes.
        salt: another one is another model.
    """

    model_id = "counting"

    def __init__(self, log: Path, seconds: float = 0.0, salt: str = "") -> None:
        self.log, self.seconds, self.salt = log, seconds, salt

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        if any("too long" in step for one in candidates for step in one.steps):
            raise TooLongError("a candidate is too long")
        with self.log.open("a", encoding="utf-8") as file:
            file.write("|".join(dict.fromkeys(one.problem for one in candidates)) + "\n")
        time.sleep(self.seconds)
        return [self._score(one) for one in candidates]

    def _score(self, candidate: Candidate) -> ScoredCandidate:
        text = f"{self.salt}{candidate.problem}"
        odds = tuple(
            (sha256(f"{text}{step}".encode()).digest()[0] - 127.5) / 32 for step in candidate.steps
        )
        probabilities = tuple(1 / (1 + 2.718281828459045**-x) for x in odds)
        return ScoredCandidate(candidate, probabilities, odds, self.model_id)

    def scored(self) -> list[str]:
        """All problems that were scored, the probe left out."""
        if not self.log.exists():
            return []
        names = [
            name
            for line in self.log.read_text(encoding="utf-8").splitlines()
            for name in line.split("|")
        ]
        return [name for name in names if name.startswith("problem ")]

"""A generator that solves sums, and the problems that it is given."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prm_core.errors import DataError, InputError, ModelError
from prm_core.labelling.label_file import LabelFile
from prm_core.labelling.methods import LabelConfig, Rollouts, label_solution
from prm_core.labelling.run import label_all
from prm_core.labelling.solutions import read_unlabelled
from prm_core.types import Candidate, Example

PROBLEM = "What is 2 + 3 + 4?"
RIGHT = ("2 + 3 = 5.", "5 + 4 = 9.", "The answer is 9.")
WRONG = ("2 + 3 = 5.", "5 + 4 = 8, wrong.", "The answer is 8.")


def is_lucky(text: str, seed: int, share: float = 0.75) -> bool:
    """A coin that falls the same way for the same text and seed."""
    digest = hashlib.sha256(f"{text}|{seed}".encode()).digest()
    return digest[0] < 256 * share


class Solver:
    """A generator that goes on to 9 unless there is a "wrong" step, and then never."""

    def __init__(self, share: float = 1.0, concurrency: int = 4) -> None:
        self.share, self.concurrency = share, concurrency
        self.asked: list[tuple[str, ...]] = []
        self.closed = False

    def continue_solution(
        self, problem: str, steps: Sequence[str], seeds: Sequence[int]
    ) -> list[str]:
        self.asked.append(tuple(steps))
        if "refuse" in problem:
            raise InputError("it is refused")
        if "fail" in problem:
            raise ModelError("it does not work")
        text = " ".join(steps)
        good = "wrong" not in text
        return [
            "So the answer is 9." if good and is_lucky(text, seed, self.share) else "I think 1."
            for seed in seeds
        ]

    def close(self) -> None:
        self.closed = True


def example(steps: Sequence[str], problem: str = PROBLEM) -> Example:
    return Example(Candidate(problem, tuple(steps)), (None,) * len(steps))


def labelled(steps: Sequence[str], method: str, solver: Solver, **options: Any) -> Example:
    config = LabelConfig(method, **options)
    rollouts = Rollouts(solver, config.continuations, config.seed)
    return label_solution(example(steps), "9", config, rollouts)


def problems(n: int) -> list[dict[str, Any]]:
    """Problems with a right and a wrong solution each, which share their first step."""
    return [
        {
            "id": f"p{i}",
            "problem": f"What is 2 + 3 + 4 (number {i})?",
            "gold_answer": 9,
            "solutions": [list(RIGHT), "\n".join(WRONG)],
        }
        for i in range(n)
    ]


def run_all(
    path: Path, output: Path, solver: Solver, method: str = "monte-carlo"
) -> list[DataError]:
    config = LabelConfig(method, continuations=4)
    file = LabelFile(output, {"method": method})
    return list(label_all(read_unlabelled(path), file, config, solver))

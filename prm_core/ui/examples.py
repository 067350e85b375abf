"""The examples that are one press away on the page."""

from __future__ import annotations

import json
from dataclasses import dataclass

from prm_core.paths import assets_dir


@dataclass(frozen=True, slots=True)
class Example:
    """A problem with its solutions, as a person would type them."""

    id: str
    problem: str
    solutions: tuple[str, ...]


def load_examples() -> tuple[Example, ...]:
    """What `examples/` holds; comparisons come before single solutions.

    An installed package has no such folder; then there are none.
    """
    folder = assets_dir().parent / "examples"
    rows = [
        json.loads(line)
        for name in ("reference.jsonl", "gsm8k_style.jsonl")
        if (folder / name).is_file()
        for line in (folder / name).read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    examples = [
        Example(row["id"], row["problem"], tuple(map(_typed, row["solutions"]))) for row in rows
    ]
    return tuple(sorted(examples, key=lambda one: len(one.solutions) == 1))


def _typed(solution: str | list[str]) -> str:
    """Steps one a line; where one has lines of its own, blank lines part them."""
    if isinstance(solution, str):
        return solution
    return ("\n\n" if any("\n" in step for step in solution) else "\n").join(solution)

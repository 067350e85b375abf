"""The backbone's own solutions of the training problems, written once for a run."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from prm_core.formats.atomic import file_errors
from prm_core.scoring.solver import Solver

_log = logging.getLogger("prm_core.training")

_AT_ONCE = 128
"""Problems between two writes: a few minutes of a model of 1.5 billion weights on a CPU."""


def solve_once(solver: Solver, problems: Iterable[str], folder: Path) -> dict[str, tuple[str, ...]]:
    """The solutions of every problem.

    Args:
        solver: writes them.
        problems: the problems; each different one is solved once.
        folder: where they are kept, so that a stopped run resumes. Those of another backbone must
            not be there.

    Raises:
        DataError: the folder cannot be written.
    """
    file = folder / "solutions.jsonl"
    with file_errors(folder, "written"):
        folder.mkdir(parents=True, exist_ok=True)
        found = dict(_complete(file.read_text(encoding="utf-8"))) if file.is_file() else {}
        new = sorted(set(problems) - found.keys(), key=lambda one: (len(one), one))
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            found |= zip(some, solver.solve_now(some), strict=True)
            lines = "".join(json.dumps([one, found[one]]) + "\n" for one in found)
            unfinished = file.with_suffix(".unfinished")
            unfinished.write_text(lines, encoding="utf-8")
            unfinished.replace(file)
            done = len(new[: start + _AT_ONCE])
            _log.info("%s of %s problems are solved", f"{done:,}", f"{len(new):,}")
    return found


def _complete(lines: str) -> Iterable[tuple[str, tuple[str, ...]]]:
    for line in lines.splitlines():
        problem, solutions = json.loads(line)
        yield problem, tuple(solutions)

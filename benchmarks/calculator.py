"""How well the calculator reads: against GSM8K's own calculator marks, and with results spoiled.

    python benchmarks/calculator.py [FILE.jsonl.gz]

The marks (`48/2 = <<48/2=24>>24 clips`) are cut from the text, the equations are read from what is
left, and both are compared. Then one result in every marked step is made wrong. Prints Markdown.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from prm_core.calculator import Equation, read, read_solution
from prm_core.paths import assets_dir
from prm_core.synthetic.gsm8k import read_solutions
from prm_core.synthetic.solution import near, show

MARK = re.compile(r"<<([^<>]*)=([^<>=]*)>>(\d[\d,]*(?:\.\d+)?|\.\d+)")
ANY_MARK = re.compile(r"<<[^<>]*>>")


@dataclass
class Counts:
    """What came out.

    Attributes:
        marks, found: marks in the text; those whose result an equation reaches.
        read, held: equations with a computation that were read; those that hold, as nearly all of
            a gold solution do.
        spoiled, caught: steps with a result made wrong; those in which an equation fails.
        seconds, steps: time for whole solutions, and their steps.
    """

    marks: int = 0
    found: int = 0
    read: int = 0
    held: int = 0
    spoiled: int = 0
    caught: int = 0
    seconds: float = 0.0
    steps: int = 0


def number(text: str) -> Fraction | None:
    try:
        return Fraction(text.replace(",", "").replace("$", "").strip())
    except (ValueError, ZeroDivisionError):
        return None


def computed(text: str) -> Iterator[Equation]:
    """The equations of a text that compute something."""
    return (e for e in read(text).equations if any(side.signs for side in e.sides))


def count_step(counts: Counts, step: str, rng: random.Random) -> None:
    """Compare what is read from a step with its marks."""
    wanted = [value for _, result, _ in MARK.findall(step) if (value := number(result)) is not None]
    counts.marks += len(wanted)
    for equation in computed(ANY_MARK.sub("", step)):
        counts.read += 1
        counts.held += equation.holds
        for side in equation.sides[1:]:
            if side.value in wanted:
                wanted.remove(Fraction(side.value))
                counts.found += 1
    marks = list(MARK.finditer(step))
    # What is read at all can be caught; the rest is what the recall above leaves out.
    if not marks or not any(True for _ in computed(ANY_MARK.sub("", step))):
        return
    spoiled = rng.choice(marks)
    value = number(spoiled[3])
    assert value is not None
    text = f"{step[: spoiled.start(3)]}{show(near(rng, value))}{step[spoiled.end() :]}"
    counts.spoiled += 1
    counts.caught += any(not e.holds for e in computed(ANY_MARK.sub("", text)))


def measure(path: Path, seed: int = 0) -> Counts:
    """All solutions of a file of GSM8K's form."""
    counts, rng = Counts(), random.Random(seed)
    for problem, steps in read_solutions(path):
        for step in steps:
            count_step(counts, step, rng)
        plain = [ANY_MARK.sub("", step) for step in steps]
        begin = time.process_time()
        read_solution(problem, plain)
        counts.seconds += time.process_time() - begin
        counts.steps += len(steps)
    return counts


def main() -> None:
    """Print the table."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else assets_dir() / "gsm8k" / "test.jsonl.gz"
    counts = measure(path)
    print(f"| {path.name} | share | of |")
    print("| --- | --- | --- |")
    print(f"| marks found | {counts.found / counts.marks:.3f} | {counts.marks:,} |")
    print(f"| equations read that hold | {counts.held / counts.read:.3f} | {counts.read:,} |")
    print(f"| spoiled results caught | {counts.caught / counts.spoiled:.3f} | {counts.spoiled:,} |")
    print(f"\n{counts.seconds / counts.steps * 1e3:.3f} ms of CPU a step, {counts.steps:,} steps")


if __name__ == "__main__":
    main()

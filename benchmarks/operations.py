"""The table of operations: learn it again, and how well it guesses what GSM8K's solutions do next.

    python benchmarks/operations.py [--learn]

Measured on GSM8K's test solutions: how often the operation that a solution takes between two
numbers is the table's first choice, how often the pair is, and what either costs in nats.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from prm_core.calculator import read_solution
from prm_core.calculator.operations import Situation, Step, Table, shipped_table
from prm_core.paths import assets_dir
from prm_core.synthetic.gsm8k import read_solutions
from prm_core.training.operations import TableConfig, learn_table, teaches

_MARK = re.compile(r"<<[^<>]*>>")


def solutions(name: str) -> Iterator[tuple[str, list[str]]]:
    """(Problem, steps without calculator marks) of a part of GSM8K."""
    for problem, steps in read_solutions(assets_dir() / "gsm8k" / name):
        yield problem, [_MARK.sub("", step) for step in steps]


def measured(table: Table) -> Iterator[tuple[float, float, float, float]]:
    """Of every operation: whether it and its pair are the first choice, and what each costs."""
    for problem, steps in solutions("test.jsonl.gz"):
        situation = Situation(problem)
        for one in read_solution(problem, steps):
            step = situation.step(one.reading)
            yield from _measured(table, step, situation.question)


def _measured(
    table: Table, step: Step, question: list[int]
) -> Iterator[tuple[float, float, float, float]]:
    for pair, operation in step.taken:
        others = [p for p in step.known if sorted(p.values) != sorted(pair.values)]
        scores = table.log_odds([pair, *others], question)
        totals = np.logaddexp.reduce(scores, axis=1)
        yield (
            float(scores[0].argmax() == operation),
            float(totals.argmax() == 0),
            float(totals[0] - scores[0, operation]),
            float(np.logaddexp.reduce(totals) - totals[0]),
        )


def main() -> None:
    """Print the figures; with --learn, of a table that is learned and written first."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--learn", action="store_true", help="learn the table in assets again")
    parser.add_argument("--output", type=Path, default=assets_dir() / "operations.npz")
    options = parser.parse_args()
    if options.learn:
        own = (one for one in solutions("train.jsonl.gz") if teaches(one[0]))
        learn_table(own, TableConfig()).save(options.output)
    table = Table.load(options.output) if options.learn else shipped_table()
    began = time.process_time()
    operation, pair, operation_nats, pair_nats = np.mean(list(measured(table)), axis=0)
    seconds = time.process_time() - began
    print(f"operation {operation:.3f} right, {operation_nats:.3f} nats")
    print(f"pair {pair:.3f} right, {pair_nats:.3f} nats")
    print(f"{seconds:.1f} s", file=sys.stderr)


if __name__ == "__main__":
    main()

"""How odd an operation is by the words of a problem."""

from __future__ import annotations

import random
import time
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.operations import measured, solutions
from prm_core.calculator import read_solution
from prm_core.calculator.operations import (
    FEATURES,
    OPERATIONS,
    Situation,
    Table,
    read_operations,
    shipped_table,
)
from prm_core.training.operations import TableConfig, learn_table, teaches

NAMES = [name for name, _ in FEATURES]


def odd(problem: str, *steps: str, table: Table | None = None) -> list[dict[str, float]]:
    """Of every step its features by name."""
    readings = [one.reading for one in read_solution(problem, steps)]
    found = read_operations(problem, readings, table)
    return [dict(zip(NAMES, values, strict=True)) for values in found]


RIGHT_AND_WRONG = [
    (
        "Lena bakes 24 rolls and gives 9 of them to her neighbours. How many are left?",
        "24 - 9 = 15",
        "24 + 9 = 33",
    ),
    ("A ticket costs $14. How much do 3 tickets cost?", "14 * 3 = 42", "14 + 3 = 17"),
    (
        "There are 18 boys and 13 girls in the choir. How many children sing in total?",
        "18 + 13 = 31",
        "18 - 13 = 5",
    ),
    (
        "Five friends share 45 marbles equally. How many marbles does each get?",
        "45 / 5 = 9",
        "45 * 5 = 225",
    ),
    (
        "Omar reads 12 pages each day. How many pages does he read in 8 days?",
        "12 * 8 = 96",
        "12 + 8 = 20",
    ),
    (
        "A coat was $90. The store takes $25 off. What does it cost now?",
        "90 - 25 = 65",
        "90 + 25 = 115",
    ),
]


def test_the_operation_that_the_words_call_for_is_mostly_less_odd() -> None:
    less = [
        odd(problem, right)[0]["odd_operation"] < odd(problem, wrong)[0]["odd_operation"]
        for problem, right, wrong in RIGHT_AND_WRONG
    ]
    assert sum(less) >= 5  # a guess by words: it does not know "share equally" behind a "Five"


def test_a_pair_that_does_not_belong_together_is_odder() -> None:
    problem = (
        "Ben buys 4 notebooks for $3 each and 7 pens for $2 each. How much does he pay in total?"
    )
    assert odd(problem, "4 * 3 = 12")[0]["odd_pair"] < odd(problem, "4 * 7 = 28")[0]["odd_pair"]


def test_every_feature_is_between_0_and_1_and_0_without_an_operation() -> None:
    rows = odd("Ann has 5 apples and 3 pears.", "She has fruit.", "5 + 3 = 8", "8", "1/2 × 7 = 3.5")
    assert all(0 <= value <= 1 for row in rows for value in row.values())
    assert [row["computes"] for row in rows] == [0, 1, 0, 1]
    assert not any(rows[0].values())


def test_a_step_is_told_by_what_stands_before_it_alone() -> None:
    problem, steps = next(solutions("test.jsonl.gz"))
    whole = odd(problem, *steps)
    for n in range(1, len(steps)):
        assert odd(problem, *steps[:n]) == whole[:n]


def test_long_texts_take_linear_time() -> None:
    def seconds(length: int) -> float:
        problem = " ".join(f"{i} apples" for i in range(length))
        steps = [f"{i} + {i + 1} = {2 * i + 1}" for i in range(length // 4)]
        steps.append(" + ".join(map(str, range(length))) + " = 7")
        readings = [one.reading for one in read_solution(problem, steps)]
        begin = time.process_time()
        read_operations(problem, readings)
        return time.process_time() - begin

    seconds(100)
    assert seconds(1_600) < 3.5 * seconds(800) + 0.05


def test_it_guesses_what_solutions_that_it_never_saw_do_next() -> None:
    some = np.mean(list(islice(measured(shipped_table()), 600)), axis=0)
    assert some[0] > 0.6  # six operations; the commonest one is right in .36
    assert some[1] > 0.45  # of some fifteen pairs


def test_a_table_learns_what_the_words_call_for(tmp_path: Path) -> None:
    rng = random.Random(0)
    rows = []
    for _ in range(150):
        a, b = rng.randint(20, 90), rng.randint(2, 19)
        rows.append((f"A zug has {a} and a wim of {b}.", [f"{a} + {b} = {a + b}"]))
        rows.append((f"A zug has {a} and a dap of {b}.", [f"{a} - {b} = {a - b}"]))
    config = TableConfig(epochs=8, batch_size=32)
    table = learn_table(rows, config)
    again = learn_table(rows, config)
    assert all(
        np.array_equal(getattr(table, name), getattr(again, name))
        for name in ("words", "bias", "out", "out_bias")
    )
    (plus,), (minus,) = (
        odd("A zug has 50 and a dap of 7.", step, table=table)
        for step in ("50 + 7 = 57", "50 - 7 = 43")
    )
    assert minus["odd_operation"] < 0.2 < plus["odd_operation"]
    table.save(tmp_path / "table.npz")
    stored = Table.load(tmp_path / "table.npz")
    assert np.allclose(stored.words, table.words, atol=1e-3)


def test_an_operation_is_named_by_which_number_is_said_first() -> None:
    (one,) = read_solution("Of 30 eggs 12 are sold.", ["30 - 12 = 18"])
    (other,) = read_solution("She sold 12 of 30 eggs.", ["30 - 12 = 18"])
    taken = [
        Situation(problem).step(found.reading).taken[0].operation
        for problem, found in (("Of 30 eggs 12 are sold.", one), ("She sold 12 of 30 eggs.", other))
    ]
    assert [OPERATIONS[i] for i in taken] == ["-", "reversed -"]


def test_a_fifth_of_the_problems_teaches_nothing() -> None:
    problems = [problem for problem, _ in solutions("train.jsonl.gz")]
    assert 0.78 < sum(map(teaches, problems)) / len(problems) < 0.82
    assert teaches(problems[0]) == teaches("  ".join(problems[0].split(" ")))

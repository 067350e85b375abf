"""The guess that models are held against, and the halves that it is fitted and measured on."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from benchmarks.content_blind import features, fit_content_blind
from benchmarks.default_model import REFERENCE, Row, best_threshold, content_blind, figures
from benchmarks.phrasings import PHRASINGS, other_words
from prm_core.formats.problems import read_problems
from prm_core.synthetic.halves import half
from prm_core.types import Candidate

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "reference.jsonl"


def solutions(n: int, seed: int = 0) -> list[Row]:
    """Solutions of two to six steps that are wrong from the third step on, three times in four."""
    rng = random.Random(seed)
    rows = []
    for k in range(n):
        steps = tuple(f"{rng.randint(10, 99)} + 1" for _ in range(rng.randint(2, 6)))
        labels = tuple(0.0 if i >= 2 and rng.random() < 0.75 else 1.0 for i in range(len(steps)))
        rows.append(Row(Candidate(f"problem {k}", steps), labels))
    return rows


def test_it_learns_where_errors_stand() -> None:
    rows = solutions(400)
    model = fit_content_blind([(row.candidate, row.labels) for row in rows])
    p = model.probabilities(Candidate("problem 1", ("11 + 1",) * 6))
    assert min(p[:2]) > 0.85  # logistic in the position, no staircase
    assert np.mean(p[2:]) == pytest.approx(0.25, abs=0.08)


def test_the_mean_of_what_it_says_is_the_share_that_is_right() -> None:
    rows = solutions(300)
    model = fit_content_blind([(row.candidate, row.labels) for row in rows])
    said = [p for row in rows for p in model.probabilities(row.candidate)]
    assert np.mean(said) == pytest.approx(
        np.mean([y for row in rows for y in row.labels]), abs=1e-3
    )


def test_it_reads_no_word_and_no_value() -> None:
    one = features(Candidate("What is 3 + 4?", ("3 + 4 = 7.", "So it is 7")))
    other = features(Candidate("Whxt qs 9 - 8?", ("5 * 6 = 1.", "Nu ct wa 0")))
    assert (one == other).all()


def test_steps_without_a_label_are_left_out() -> None:
    rows = [(row.candidate, row.labels) for row in solutions(200)]
    model = fit_content_blind(rows)
    more = [*rows, (Candidate("p", ("1", "2")), (None, None))]
    assert fit_content_blind(more).weights == pytest.approx(model.weights)


def test_figures_by_hand() -> None:
    rows = [
        Row(Candidate("a", ("x", "y")), (1.0, 1.0)),
        Row(Candidate("b", ("x", "y", "z")), (1.0, 0.0, None)),
        Row(Candidate("c", ("x",)), (0.0,)),
    ]
    scores = [[0.9, 0.8], [0.7, 0.3, 0.9], [0.6]]
    right, auroc, f1, located, passed, ece = figures(rows, scores, 0.5)
    assert (right, located, passed) == (4 / 5, 0.5, 1.0)
    assert f1 == pytest.approx(2 / 3)
    assert auroc == 1.0
    assert ece == pytest.approx((0.1 + 0.2 + 0.3 + 0.3 + 0.6) / 5)
    assert 0.6 < best_threshold(rows, scores) < 0.7


def test_a_guess_is_measured_on_what_it_was_not_fitted_on() -> None:
    guess = content_blind(solutions(300, seed=1), solutions(300, seed=2))
    assert guess[1] is not None
    assert guess[1] > 0.8


def test_halves_are_even_and_the_same_for_the_same_problem() -> None:
    halves = [half(f"Tom has {k} pens.") for k in range(2000)]
    assert 0.45 < halves.count("fit") / 2000 < 0.55
    assert half("Tom  has 3 pens!") == half("tom has 3\npens")


def test_teaching_examples_in_other_words_keep_their_numbers() -> None:
    with EXAMPLES.open("rb") as lines:
        rows = list(read_problems(lines, EXAMPLES))
    assert sum(len(row.solutions) for row in rows) == len(REFERENCE)
    for phrasing in PHRASINGS:
        for row in rows:
            texts = [step for solution in row.solutions for step in solution]
            others = [other_words(text, phrasing) for text in texts]
            assert others != texts
            assert list(map(digits, others)) == list(map(digits, texts))
            assert digits(other_words(row.problem, phrasing, problem=True)) == digits(row.problem)
    assert len(set(PHRASINGS)) == 12


def digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))

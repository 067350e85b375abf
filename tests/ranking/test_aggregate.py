import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prm_core.errors import BadOptionError, InputError
from prm_core.ranking.aggregate import METHODS, aggregate, all_scores, scores_by_step

P = [0.95, 0.90, 0.30, 0.85]
PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("min", 0.30),
        ("max", 0.95),
        ("last", 0.85),
        ("prod", 0.95 * 0.90 * 0.30 * 0.85),
        ("mean", 3.0 / 4),
        ("weighted", (0.95 + 0.9 * 0.90 + 0.81 * 0.30 + 0.729 * 0.85) / (1 + 0.9 + 0.81 + 0.729)),
        ("geomean", (0.95 * 0.90 * 0.30 * 0.85) ** 0.25),
        (
            "softmin",
            sum(p * math.exp(-p / 0.1) for p in P) / sum(math.exp(-p / 0.1) for p in P),
        ),
    ],
)
def test_each_method_by_hand(method: str, expected: float) -> None:
    assert aggregate(P, method) == pytest.approx(expected, abs=1e-12)


@given(PROBABILITIES)
def test_what_each_step_does_is_the_method_of_the_steps_that_are_left(p: list[float]) -> None:
    for name, method in METHODS.items():
        up_to, without = scores_by_step(p, name)
        wanted = [method.of(p[: i + 1]) for i in range(len(p))]
        assert up_to == pytest.approx(wanted, rel=1e-9, abs=1e-12)
        others = [p[:i] + p[i + 1 :] for i in range(len(p))] if len(p) > 1 else []
        assert without == pytest.approx(list(map(method.of, others)), rel=1e-9, abs=1e-12)


def test_every_method_is_named_once_and_scored() -> None:
    assert list(all_scores(P)) == list(METHODS)
    assert all(method.name == name for name, method in METHODS.items())
    assert len({method.label for method in METHODS.values()}) == len(METHODS)


@given(PROBABILITIES)
def test_scores_stay_between_the_weakest_and_the_strongest_step(p: list[float]) -> None:
    for name, score in all_scores(p).items():
        assert 0.0 <= score <= 1.0
        if name != "prod":
            assert min(p) - 1e-9 <= score <= max(p) + 1e-9
    assert aggregate(p, "prod") <= min(p) + 1e-12


@given(PROBABILITIES, st.data())
def test_a_better_step_never_lowers_a_score_but_the_soft_minimum(
    p: list[float], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(p) - 1))
    better = [*p]
    better[place] = data.draw(st.floats(p[place], 1))
    for name in set(METHODS) - {"softmin"}:
        assert aggregate(better, name) >= aggregate(p, name) - 1e-12


@given(st.floats(0, 1), st.integers(1, 30))
def test_equal_steps_score_as_one(p: float, n: int) -> None:
    for name in set(METHODS) - {"prod"}:
        assert aggregate([p] * n, name) == pytest.approx(p, abs=1e-9)


def test_options_reach_their_method_only() -> None:
    assert aggregate(P, "weighted", gamma=1.0) == pytest.approx(aggregate(P, "mean"))
    assert aggregate(P, "softmin", temperature=1e6) == pytest.approx(aggregate(P, "mean"), abs=1e-5)
    assert aggregate(P, "softmin", temperature=1e-3) == pytest.approx(min(P))
    with pytest.raises(BadOptionError, match="'min' takes no gamma"):
        aggregate(P, "min", gamma=0.5)
    for gamma in (0.0, 1.1, math.nan):
        with pytest.raises(BadOptionError, match="gamma"):
            aggregate(P, "weighted", gamma=gamma)
    with pytest.raises(BadOptionError, match="temperature"):
        aggregate(P, "softmin", temperature=0.0)


def test_what_cannot_be_aggregated_is_refused_in_words() -> None:
    with pytest.raises(BadOptionError, match=r"'median' is not known; choose from min, prod"):
        aggregate(P, "median")
    with pytest.raises(InputError, match="no step probabilities"):
        aggregate([])
    for bad in (1.01, -0.1, math.nan):
        with pytest.raises(InputError, match="is not a probability"):
            aggregate([0.5, bad])


@pytest.mark.parametrize("method", METHODS)
def test_arrays_columns_and_tensors_give_what_the_list_gives(method: str) -> None:
    expected = aggregate(P, method)
    learns = torch.tensor(P, dtype=torch.float64, requires_grad=True)
    for values in (tuple(P), np.array(P), pd.Series(P), learns, iter(P)):
        assert aggregate(values, method) == expected
    assert aggregate(torch.tensor(P, dtype=torch.bfloat16), method) == pytest.approx(expected, 0.02)


def test_a_batch_of_solutions_is_not_one_solution() -> None:
    with pytest.raises(InputError, match="one row of numbers"):
        aggregate(torch.tensor([P, P]))
    with pytest.raises(InputError, match="one row of numbers"):
        aggregate(np.float64(0.3))
    with pytest.raises(InputError, match="nan is not a probability"):
        aggregate(torch.tensor([0.5, torch.nan]))
    with pytest.raises(InputError, match="no step probabilities"):
        aggregate(np.array([]))

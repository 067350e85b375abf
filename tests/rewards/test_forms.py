"""What each form of reward promises, on any probabilities; the expectations are the papers'."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prm_core.errors import BadOptionError, InputError
from prm_core.rewards.forms import (
    FORMS,
    add_rewards,
    form_of,
    min_weights,
    returns,
    step_rewards,
    token_rewards,
)

p = st.floats(0.0, 1.0)
solutions = st.lists(p, min_size=1, max_size=12)
gammas = st.sampled_from([0.5, 0.9, 1.0])


def discounted(rewards: list[float], gamma: float) -> float:
    return math.fsum(gamma**i * r for i, r in enumerate(rewards))


@given(solutions)
def test_every_form_gives_each_step_one_finite_reward(probabilities: list[float]) -> None:
    for name in FORMS:
        rewards = step_rewards(probabilities, name)
        assert len(rewards) == len(probabilities)
        assert all(map(math.isfinite, rewards))


@given(solutions, st.floats(0.01, 1.0))
def test_the_sum_of_raw_rewards_grows_with_every_step(
    probabilities: list[float], more: float
) -> None:
    assert sum(step_rewards([*probabilities, more], "raw")) > sum(
        step_rewards(probabilities, "raw")
    )


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=12))
def test_log_rewards_add_up_to_the_log_of_the_product(probabilities: list[float]) -> None:
    total = sum(step_rewards(probabilities, "log"))
    assert math.exp(total) == pytest.approx(math.prod(probabilities), rel=1e-9)


def test_a_probability_of_zero_costs_a_finite_amount() -> None:
    assert step_rewards([0.0], "log", floor=0.01) == [pytest.approx(math.log(0.01))]


@given(solutions, p)
def test_differences_telescope_to_the_last_step_less_the_start(
    probabilities: list[float], start: float
) -> None:
    rewards = step_rewards(probabilities, "difference", start=start)
    assert sum(rewards) == pytest.approx(probabilities[-1] - start, abs=1e-12)
    # From any step on, too: what is earned there is what is still gained.
    before = [start, *probabilities]
    for i, earned in enumerate(returns(rewards)):
        assert earned == pytest.approx(probabilities[-1] - before[i], abs=1e-12)


@given(solutions, gammas, p)
def test_shaping_adds_the_same_to_every_solution(
    probabilities: list[float], gamma: float, start: float
) -> None:
    rewards = step_rewards(probabilities, "shaped", gamma=gamma, start=start)
    assert discounted(rewards, gamma) == pytest.approx(-start, abs=1e-12)


Tree = tuple[float, list["Tree"], float]
"""P(step is right), what may be written next, and the outcome where nothing is."""

trees = st.recursive(
    st.tuples(p, st.just([]), st.sampled_from([0.0, 0.5, 1.0])),
    lambda inner: st.tuples(p, st.lists(inner, min_size=1, max_size=3), st.just(0.0)),
    max_leaves=12,
)


def best(tree: Tree, form: str | None, gamma: float) -> set[tuple[int, ...]]:
    """The paths to a leaf that no other beats, found by trying all of them."""

    def paths(node: Tree, so_far: list[float], way: tuple[int, ...]) -> list[tuple[float, ...]]:
        probability, children, outcome = node
        so_far = [*so_far, probability]
        if children:
            return [
                leaf for i, child in enumerate(children) for leaf in paths(child, so_far, (*way, i))
            ]
        rewards = [0.0] * len(so_far) if form is None else FORMS[form].of(so_far)
        if form == "shaped":
            rewards = step_rewards(so_far, form, gamma=gamma)
        rewards[-1] += outcome
        return [(discounted(rewards, gamma), *way)]

    found = paths(tree, [], ())
    most = max(value for value, *_ in found)
    return {tuple(map(int, way)) for value, *way in found if value > most - 1e-9}


@given(st.lists(trees, min_size=1, max_size=3), gammas)
def test_shaping_leaves_the_best_policy_unchanged(steps: list[Tree], gamma: float) -> None:
    root: Tree = (0.5, steps, 0.0)
    assert best(root, "shaped", gamma) == best(root, None, gamma)


def test_a_sum_of_probabilities_changes_the_best_policy() -> None:
    """The check above can fail: a wrong answer after three fine steps beats a right one."""
    chain: Tree = (0.9, [(0.9, [(0.9, [], 0.0)], 0.0)], 0.0)
    root: Tree = (0.5, [(0.9, [], 1.0), chain], 0.0)
    assert best(root, None, 1.0) == {(0,)}
    assert best(root, "raw", 1.0) == {(1, 0, 0)}


@given(solutions, st.floats(0.01, 10.0))
def test_min_weights_sum_to_one_and_the_weakest_step_has_the_most(
    probabilities: list[float], temperature: float
) -> None:
    weights = min_weights(probabilities, temperature)
    assert math.fsum(weights) == pytest.approx(1.0)
    lowest = probabilities.index(min(probabilities))
    assert weights[lowest] == max(weights)


@given(solutions)
def test_the_return_of_min_credit_approaches_the_minimum(probabilities: list[float]) -> None:
    minimum = 2 * min(probabilities) - 1
    errors = [
        abs(sum(step_rewards(probabilities, "pure", temperature=t)) - minimum)
        for t in (1.0, 0.1, 0.01, 1e-4)
    ]
    # The other steps weigh at most e^(-gap/T) each, and add at most their gap: n T / e in all.
    assert errors[-1] <= len(probabilities) * 1e-4 / math.e + 1e-9
    assert errors[-1] <= errors[0] + 1e-12


def test_pure_is_the_authors_recipe() -> None:
    """By hand: r = p1 - p0 = 0.8 and -0.2, T = 0.1; softmax(-r / T) = softmax(-8, 2)."""
    first, second = step_rewards([0.9, 0.4], "pure")
    weight = math.exp(-8) / (math.exp(-8) + math.exp(2))
    assert first == pytest.approx(0.8 * weight)
    assert second == pytest.approx(-0.2 * (1 - weight))


@given(solutions, p)
def test_nothing_from_the_first_error_on_pays(probabilities: list[float], threshold: float) -> None:
    rewards = step_rewards(probabilities, "until-error", threshold=threshold)
    wrong = [i for i, x in enumerate(probabilities) if x < threshold]
    end = wrong[0] if wrong else len(probabilities)
    assert rewards == probabilities[:end] + [0.0] * (len(probabilities) - end)


@given(solutions, st.sampled_from(sorted(FORMS)), st.floats(-1, 1), st.floats(0, 5))
def test_the_outcome_is_added_where_the_solution_ends(
    probabilities: list[float], form: str, outcome: float, weight: float
) -> None:
    plain = step_rewards(probabilities, form)
    mixed = step_rewards(probabilities, form, outcome=outcome, outcome_weight=weight)
    assert mixed[:-1] == plain[:-1]
    assert mixed[-1] == pytest.approx(plain[-1] + weight * outcome)


@given(solutions, gammas)
def test_returns_are_the_discounted_sums_of_what_follows(
    rewards: list[float], gamma: float
) -> None:
    expected = [discounted(rewards[i:], gamma) for i in range(len(rewards))]
    assert returns(rewards, gamma) == pytest.approx(expected)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.data())
def test_token_rewards_lie_on_the_token_that_ends_each_step(
    lengths: list[int], data: st.DataObject
) -> None:
    """Steps of so many characters with a line end between, and tokens cut anywhere."""
    ends = list(itertools.accumulate(length + 1 for length in lengths))
    spans = [(end - length - 1, end - 1) for end, length in zip(ends, lengths, strict=True)]
    cuts = data.draw(st.sets(st.integers(1, ends[-1] - 1))) if ends[-1] > 1 else set()
    edges = [0, *sorted(cuts), ends[-1]]
    offsets = [*itertools.pairwise(edges), (0, 0)]  # an end-of-text token is nowhere
    rewards = [float(i + 1) for i in range(len(lengths))]
    placed = token_rewards(rewards, spans, offsets)
    assert sum(placed) == sum(rewards)
    for i, (begin, end) in enumerate(offsets):
        here = [r for r, (_, last) in zip(rewards, spans, strict=True) if begin <= last - 1 < end]
        assert placed[i] == sum(here)


def test_a_step_that_the_tokens_do_not_reach_is_an_error() -> None:
    with pytest.raises(InputError, match="step 2 has no token"):
        token_rewards([1.0, 1.0], [(0, 3), (4, 8)], [(0, 3)])
    with pytest.raises(InputError, match="1 rewards for 2 steps"):
        token_rewards([1.0], [(0, 3), (4, 8)], [(0, 3)])


@pytest.mark.parametrize(
    ("form", "options", "words"),
    [
        ("best", {}, "'best' is not known; choose from raw"),
        ("raw", {"gamma": 0.9}, "'raw' takes no options, not gamma"),
        ("pure", {"temperature": 0.0}, "temperature is 0.0"),
        ("shaped", {"gamma": 1.5}, "gamma is 1.5"),
        ("log", {"floor": 0.0}, "floor is 0.0"),
        ("until-error", {"threshold": 2.0}, "threshold is 2.0"),
    ],
)
def test_wrong_options_are_named(form: str, options: dict[str, float], words: str) -> None:
    with pytest.raises(BadOptionError, match=words):
        form_of(form, options)
    with pytest.raises(BadOptionError, match=words):
        step_rewards([0.5], form, **options)


@pytest.mark.parametrize("bad", [math.nan, math.inf, "1", None])
def test_what_would_make_every_reward_nan_is_refused(bad: Any) -> None:
    for options in ({"start": bad}, {"outcome": 1.0, "outcome_weight": bad}):
        with pytest.raises(BadOptionError, match=r"is .*; it must be a finite number"):
            step_rewards([0.5], "difference", **options)
    if bad is not None:  # then there is no outcome
        with pytest.raises(BadOptionError, match=r"outcome is .*; it must be a finite number"):
            step_rewards([0.5], outcome=bad)


@pytest.mark.parametrize("number", [np.int64, np.float32, np.bool_, torch.tensor])
def test_numbers_of_any_library_will_do(number: Any) -> None:
    found = step_rewards([0.25, 0.5], "raw", outcome=number(1), outcome_weight=number(1))
    assert found == [0.25, 1.5]
    assert all(type(reward) is float for reward in found)
    with pytest.raises(BadOptionError, match="outcome is"):
        step_rewards([0.5], outcome=number([1, 1]) if number is torch.tensor else np.ones(2))
    assert step_rewards([0.5, 0.75], "difference", start=np.float32(0.25)) == [0.25, 0.25]


def test_what_is_no_probability_is_refused() -> None:
    for wrong in ([], [1.2], [math.nan]):
        with pytest.raises(InputError):
            step_rewards(wrong)


def test_every_form_says_its_formula_and_its_source() -> None:
    for form in FORMS.values():
        assert form.of.__doc__ is not None
        assert "r_i = " in form.of.__doc__
        assert "Source: " in form.of.__doc__


def test_rewards_of_a_result_follow_the_model_s_threshold() -> None:
    result = {"candidates": [{"probabilities": [0.6, 0.4]}]}
    added = add_rewards(result, "until-error", threshold=0.35)
    assert added["reward_form"] == "until-error"
    assert added["candidates"][0]["rewards"] == [0.6, 0.4]

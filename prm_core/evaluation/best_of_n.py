"""How often a problem is solved when one of n candidates is chosen, for every rule.

A pool has more candidates than n, and which n a model would have generated is random. So every
accuracy is the expectation over all subsets of n, drawn without replacement, which is unbiased at
any n:

- for rules that pick the candidate with the best score (the aggregations, the lengths, the
  oracle, a random pick) it is computed exactly, by counting subsets;
- for votes it is the mean over drawn subsets (over all of them if there are few).

Ties between candidates of equal score, and between answers with equally many votes, are broken at
random, so the order of a file does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from prm_core.errors import BadOptionError, InputError
from prm_core.evaluation.choices import (
    LENGTHS,
    Choice,
    answer_groups,
    length_scores,
    method_scores,
    vote_weights,
)
from prm_core.evaluation.metrics import Floats, Interval, interval, resampled
from prm_core.ranking.aggregate import METHODS

BASELINES = ("majority", "oracle", "random", *LENGTHS)
"""Rules that do not use the scores; the oracle uses the right answer."""


@dataclass(frozen=True, slots=True)
class BestOfN:
    """Accuracies over problems, as curves over n.

    Attributes:
        n_problems, n_solutions: how many were there.
        n_mixed: problems with both right and wrong solutions; only they distinguish the rules.
        ns: 1, 2, 4, … and the size of the largest pool. If n exceeds a pool, all of it is used.
        aggregation: the rule whose scores weight the votes of "weighted_vote".
        curves: for every rule its accuracy at each n.
        bands: for every rule and n a 95 % bootstrap interval, by resampling problems.
        weighted_votes: for every aggregation the curve of the vote weighted with its scores.
    """

    n_problems: int
    n_solutions: int
    n_mixed: int
    ns: tuple[int, ...]
    aggregation: str
    curves: dict[str, tuple[float, ...]]
    bands: dict[str, tuple[Interval | None, ...]]
    weighted_votes: dict[str, tuple[float, ...]]


def best_of_n(
    pools: Sequence[Sequence[Choice]],
    *,
    aggregation: str = "min",
    n_draws: int = 256,
    n_resamples: int = 1000,
    seed: int = 0,
    on_progress: Callable[[int], None] = lambda n_done: None,
) -> BestOfN:
    """Measure every rule on pools of candidates.

    Args:
        pools: the candidates of each problem; none empty.
        aggregation: its scores weight the votes of "weighted_vote".
        n_draws: subsets that a vote at one n is averaged over.
        n_resamples: samples of the bootstrap.
        seed: of subsets and bootstrap.
        on_progress: called with the number of problems done.

    Raises:
        InputError: there is no pool, or one is empty.
        BadOptionError: the aggregation is not known.
    """
    if aggregation not in METHODS:
        raise BadOptionError(
            f"aggregation {aggregation!r} is not known; choose from {', '.join(METHODS)}"
        )
    if not pools or not all(pools):
        raise InputError("best of n needs problems with at least one solution each")
    ns = sizes(max(map(len, pools)))
    generator = np.random.default_rng(seed)
    rows: dict[str, list[list[float]]] = {}
    for n_done, pool in enumerate(pools, start=1):
        for name, values in _accuracies(pool, ns, n_draws, generator).items():
            rows.setdefault(name, []).append(values)
        on_progress(n_done)
    names = list(rows)
    table = np.array([rows[name] for name in names])  # [methods, problems, ns]
    counts = resampled([0] * len(pools), n_resamples, seed)
    means = table.mean(axis=1)
    samples = np.einsum("bp,mpn->mnb", counts, table) / len(pools)
    curves = {name: tuple(map(float, means[m])) for m, name in enumerate(names)}
    bands = {name: tuple(map(interval, samples[m])) for m, name in enumerate(names)}
    votes = {method: f"vote_{method}" for method in METHODS}
    shown = (*METHODS, *BASELINES)
    return BestOfN(
        n_problems=len(pools),
        n_solutions=sum(map(len, pools)),
        n_mixed=sum(len({choice.correct for choice in pool}) == 2 for pool in pools),
        ns=ns,
        aggregation=aggregation,
        curves={name: curves[name] for name in shown}
        | {"weighted_vote": curves[votes[aggregation]]},
        bands={name: bands[name] for name in shown} | {"weighted_vote": bands[votes[aggregation]]},
        weighted_votes={method: curves[name] for method, name in votes.items()},
    )


def sizes(largest: int) -> tuple[int, ...]:
    """The n of the curves: powers of two, and the largest.

    >>> sizes(6), sizes(32)
    ((1, 2, 4, 6), (1, 2, 4, 8, 16, 32))
    """
    return (*(2**k for k in range(largest.bit_length()) if 2**k < largest), largest)


def _accuracies(
    pool: Sequence[Choice], ns: Sequence[int], n_draws: int, generator: np.random.Generator
) -> dict[str, list[float]]:
    """The expected accuracy of every rule at every n for one problem."""
    correct = [choice.correct for choice in pool]
    picks = method_scores(pool) | length_scores(pool)
    picks |= {"random": [0.0] * len(pool), "oracle": [float(right) for right in correct]}
    found = {
        name: [pick_accuracy(scores, correct, n) for n in ns] for name, scores in picks.items()
    }
    weights = vote_weights(pool)
    groups = answer_groups([choice.answer for choice in pool])
    votes = [
        vote_accuracies(groups, correct, list(weights.values()), n, n_draws, generator) for n in ns
    ]
    return found | {name: [at_n[w] for at_n in votes] for w, name in enumerate(weights)}


def pick_accuracy(scores: Sequence[float], correct: Sequence[bool], n: int) -> float:
    """The probability that the candidate with the highest score among n is right.

    The n are drawn without replacement from all; the probability is exact.

    >>> pick_accuracy([0.9, 0.5, 0.1], [False, True, True], 2)
    0.3333333333333333
    """
    n = min(n, len(scores))
    levels: dict[float, list[bool]] = {}
    for score, right in zip(scores, correct, strict=True):
        levels.setdefault(score, []).append(right)
    left = len(scores)
    chance = 0.0
    n_subsets = math.comb(left, n)
    for score in sorted(levels, reverse=True):
        rights = levels[score]
        n_best_here = math.comb(left, n) - math.comb(left - len(rights), n)
        chance += n_best_here / n_subsets * (sum(rights) / len(rights))
        left -= len(rights)
    return chance


def vote_accuracies(
    groups: Sequence[int | None],
    correct: Sequence[bool],
    weights: Sequence[Sequence[float]],
    n: int,
    n_draws: int,
    generator: np.random.Generator,
) -> list[float]:
    """The probability that the answer with the most votes of n candidates is right.

    Args:
        groups: the group number of each candidate's answer; None has no vote.
        correct: whether each candidate's answer is right.
        weights: for each kind of vote, the weight of each candidate's vote.
        n: candidates that vote, drawn without replacement.
        n_draws: draws to average over; if there are no more subsets than that, all are used.
        generator: of the draws.

    Returns:
        One probability per kind of vote.
    """
    n_groups = max((g for g in groups if g is not None), default=-1) + 1
    if not n_groups:
        return [0.0] * len(weights)
    member = np.zeros((len(groups), n_groups))
    for candidate, group in enumerate(groups):
        if group is not None:
            member[candidate, group] = 1.0
    # Being right is a property of the answer. If a file marks equal answers differently, one right
    # mark suffices: the other solution was marked wrong for another reason.
    right = (np.asarray(correct, dtype=np.float64) @ member > 0.0).astype(np.float64)
    drawn = _subsets(len(groups), min(n, len(groups)), n_draws, generator)  # [D, N]
    present = drawn @ member > 0.0
    chances = []
    for weight in weights:
        total = np.where(present, drawn @ (member * np.asarray(weight)[:, None]), -1.0)
        highest = total.max(axis=1, keepdims=True)
        # Sums of equal weights may differ in their last digits.
        first = present & (total >= highest * (1.0 - 1e-12))
        chances.append(float(((first @ right) / np.maximum(first.sum(axis=1), 1)).mean()))
    return chances


def _subsets(n_all: int, n: int, n_draws: int, generator: np.random.Generator) -> Floats:
    """Subsets of n as rows of zeros and ones."""
    if math.comb(n_all, n) <= n_draws:
        chosen = np.array(list(combinations(range(n_all), n)))
    else:
        chosen = generator.random((n_draws, n_all)).argpartition(n, axis=1)[:, :n]
    rows = np.zeros((len(chosen), n_all))
    np.put_along_axis(rows, chosen, 1.0, axis=1)
    return rows

"""What a guess reaches that never reads a word: logistic regression on position and length.

Errors are more likely in late steps, in long solutions and in steps with many numbers. A model that
is no better than this has learnt the shape of the data and not to judge it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from prm_core.types import Candidate

Floats = NDArray[np.float64]

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def features(candidate: Candidate) -> Floats:
    """Of each step, where it stands and how long it is, [S, 10]; no word, no number's value."""
    n = len(candidate.steps)
    longest = max(map(len, candidate.steps))
    rows = []
    for i, step in enumerate(candidate.steps):
        numbers = len(_NUMBER.findall(step))
        rows.append(
            (
                np.log1p(i),
                i / n,
                float(i == 0),
                float(i == n - 1),
                np.log(n),
                np.log1p(len(step)),
                len(step) / longest,
                np.log1p(numbers),
                float(numbers == 0),
                np.log1p(len(candidate.problem)),
            )
        )
    return np.asarray(rows, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ContentBlind:
    """A fitted guess.

    Attributes:
        mean, scale: of the features it was fitted on, [F].
        weights: of the standardised features, and last the constant, [F + 1].
    """

    mean: Floats
    scale: Floats
    weights: Floats

    def probabilities(self, candidate: Candidate) -> list[float]:
        """Of each step, that it is right, [S]."""
        x = _with_constant((features(candidate) - self.mean) / self.scale)
        return [float(p) for p in _sigmoid(x @ self.weights)]


def fit_content_blind(
    rows: Sequence[tuple[Candidate, Sequence[float | None]]], *, ridge: float = 1.0
) -> ContentBlind:
    """Fit to the labelled steps of some solutions, by Newton's method.

    Args:
        rows: solutions with P(step is right) or None for each step.
        ridge: weight of the squared weights, the constant left out; keeps them finite.
    """
    x = np.concatenate([features(candidate) for candidate, _ in rows])
    labels = [label for _, found in rows for label in found]
    known = np.asarray([label is not None for label in labels])
    x, y = x[known], np.asarray([label for label in labels if label is not None])
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale == 0] = 1.0
    x = _with_constant((x - mean) / scale)
    penalty = np.full(x.shape[1], ridge)
    penalty[-1] = 1e-6
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        p = _sigmoid(x @ weights)
        slope = x.T @ (p - y) + penalty * weights
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        weights = weights - step
        if np.abs(step).max() < 1e-8:
            break
    return ContentBlind(mean, scale, weights)


def _with_constant(x: Floats) -> Floats:
    return np.concatenate([x, np.ones((len(x), 1))], axis=1)


def _sigmoid(z: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(z, -30, 30))), dtype=np.float64)

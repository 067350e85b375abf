"""The field's metrics of step probabilities with known truth.

Plain numbers in, plain numbers out. Fractions, not percents. Undefined values are None: an accuracy
over no solutions, an AUROC with only one class.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from prm_core.errors import InputError

Floats = NDArray[np.float64]
Interval = tuple[float, float]
Verdict = tuple[Sequence[float], int | None]
"""A solution's step probabilities, and the index of its first error (None: it has none)."""


# --- first error ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FirstErrorScore:
    """ProcessBench's metrics for one set of solutions.

    Attributes:
        n_error: solutions with an error.
        n_correct: solutions without one.
        error_accuracy: share of the former whose first error is located exactly.
        correct_accuracy: share of the latter in which no step is flagged.
        f1: the harmonic mean of the two.
        exact_location: share of all solutions whose prediction is exact.
    """

    n_error: int
    n_correct: int
    error_accuracy: float | None
    correct_accuracy: float | None
    f1: float | None
    exact_location: float | None


def first_error_score(verdicts: Sequence[Verdict], threshold: float) -> FirstErrorScore:
    """Measure how exactly first errors are located.

    >>> found = first_error_score([([0.9, 0.2], 1), ([0.1, 0.2], 1), ([0.9, 0.8], None)], 0.5)
    >>> found.error_accuracy, found.correct_accuracy, round(found.f1, 3)
    (0.5, 1.0, 0.667)

    Args:
        verdicts: probabilities with the true first error.
        threshold: below it a step counts as wrong.

    Raises:
        InputError: a first error is negative, as ProcessBench's -1 for "no error".

    Source: QwenLM/ProcessBench (arXiv 2412.06559), section 3.
    """
    hits: dict[bool, list[bool]] = {True: [], False: []}
    for probabilities, truth in verdicts:
        _check_first_error(truth)
        said = next((i for i, p in enumerate(probabilities) if p < threshold), None)
        hits[truth is not None].append(said == truth)
    error, correct = share(hits[True]), share(hits[False])
    return FirstErrorScore(
        n_error=len(hits[True]),
        n_correct=len(hits[False]),
        error_accuracy=error,
        correct_accuracy=correct,
        f1=harmonic_mean(error, correct),
        exact_location=share([*hits[True], *hits[False]]),
    )


def _check_first_error(truth: int | None) -> None:
    if truth is not None and truth < 0:
        raise InputError(f"first error {truth} is not a step; give None where there is no error")


def share(outcomes: Sequence[bool]) -> float | None:
    """The share that is true; None if there are no values."""
    return sum(outcomes) / len(outcomes) if outcomes else None


def harmonic_mean(a: float | None, b: float | None) -> float | None:
    """2ab / (a + b): 0 if both are 0, which is the limit; None if one is None."""
    if a is None or b is None:
        return None
    return 2 * a * b / (a + b) if a + b else 0.0


def plain_mean(values: Iterable[float | None]) -> float | None:
    """The mean of the defined values; None if none is defined."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


# --- the threshold --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sweep:
    """First-error metrics over all thresholds.

    They change only where the threshold passes a probability, so each entry represents a whole
    interval of thresholds, given by its middle; there is nothing between entries.

    Attributes:
        thresholds: middles of the intervals, ascending.
        error_accuracy, correct_accuracy, f1: at each, plain means over the subsets.
        best_threshold: the middle of the widest interval with the highest F1; None without an F1.
        best_f1: the F1 there. It is optimistic, as it was chosen on the same data.
    """

    thresholds: tuple[float, ...]
    error_accuracy: tuple[float | None, ...]
    correct_accuracy: tuple[float | None, ...]
    f1: tuple[float | None, ...]
    best_threshold: float | None
    best_f1: float | None

    def thinned(self, n_most: int) -> Sweep:
        """The same with at most about that many entries, evenly spaced, including ends and best."""
        n = len(self.thresholds)
        if n <= n_most:
            return self
        keep = {round(i * (n - 1) / (n_most - 1)) for i in range(n_most)}
        if self.best_f1 is not None:
            keep.add(self.f1.index(self.best_f1))
        kept = sorted(keep)
        return Sweep(
            thresholds=tuple(self.thresholds[i] for i in kept),
            error_accuracy=tuple(self.error_accuracy[i] for i in kept),
            correct_accuracy=tuple(self.correct_accuracy[i] for i in kept),
            f1=tuple(self.f1[i] for i in kept),
            best_threshold=self.best_threshold,
            best_f1=self.best_f1,
        )


def exact_span(probabilities: Sequence[float], truth: int | None) -> tuple[float, float]:
    """Thresholds t with low < t <= high give exactly this first error; none do if low >= high.

    >>> exact_span([0.9, 0.8, 0.3], 2), exact_span([0.9, 0.8], None)
    ((0.3, 0.8), (-inf, 0.8))

    Raises:
        InputError: the first error is negative.
    """
    _check_first_error(truth)
    before = probabilities if truth is None else probabilities[:truth]
    low = -math.inf if truth is None else probabilities[truth]
    return low, min(before, default=math.inf)


def sweep(subsets: Mapping[str, Sequence[Verdict]]) -> Sweep:
    """Metrics at every threshold in (0, 1] that makes a difference.

    Args:
        subsets: solutions by the name of their subset; F1 is the plain mean over subsets.
    """
    spans = {
        name: [(exact_span(p, truth), truth is not None) for p, truth in verdicts]
        for name, verdicts in subsets.items()
    }
    inside = {
        edge for found in spans.values() for span, _ in found for edge in span if 0.0 < edge < 1.0
    }
    edges = np.array(sorted({0.0, 1.0} | inside))
    columns = {
        kind: np.full((len(spans), len(edges) - 1), np.nan) for kind in ("error", "correct", "f1")
    }
    for row, found in enumerate(spans.values()):
        for kind, is_error in (("error", True), ("correct", False)):
            ours = np.array([span for span, wrong in found if wrong is is_error]).reshape(-1, 2)
            if len(ours):
                columns[kind][row] = _covered(edges, ours) / len(ours)
        columns["f1"][row] = _harmonic(columns["error"][row], columns["correct"][row])
    error, correct, f1 = (_mean_of_defined(columns[kind]) for kind in ("error", "correct", "f1"))
    middles = [_middle(*cell) for cell in pairwise(edges.tolist())]
    best_threshold = best_f1 = None
    if not np.isnan(f1).all():
        best_f1 = float(np.nanmax(f1))
        low, high = _widest_run(edges, f1 >= best_f1)
        best_threshold = _middle(low, high)
    return Sweep(
        thresholds=tuple(middles),
        error_accuracy=tuple(map(_defined, error)),
        correct_accuracy=tuple(map(_defined, correct)),
        f1=tuple(map(_defined, f1)),
        best_threshold=best_threshold,
        best_f1=best_f1,
    )


def _middle(low: float, high: float) -> float:
    """A number above `low` and at most `high`, even if there is no other number between them."""
    middle = (low + high) / 2
    return middle if middle > low else high


def _covered(edges: Floats, spans: Floats) -> Floats:
    """How many of the intervals contain each of the cells between edges, [E - 1]."""
    start = np.searchsorted(edges, np.clip(spans[:, 0], 0.0, 1.0))
    end = np.searchsorted(edges, np.clip(spans[:, 1], 0.0, 1.0))
    steps = np.zeros(len(edges))
    some = start < end
    np.add.at(steps, start[some], 1.0)
    np.add.at(steps, end[some], -1.0)
    covered: Floats = np.cumsum(steps)[:-1]
    return covered


def _widest_run(edges: Floats, chosen: NDArray[np.bool_]) -> tuple[float, float]:
    """The longest run of neighbouring chosen cells; the first on a tie."""
    best, start = (0.0, 0.0), None
    for cell, is_chosen in enumerate([*chosen.tolist(), False]):
        if is_chosen and start is None:
            start = cell
        elif not is_chosen and start is not None:
            run = float(edges[start]), float(edges[cell])
            if run[1] - run[0] > best[1] - best[0]:
                best = run
            start = None
    return best


def _harmonic(a: Floats, b: Floats) -> Floats:
    """`harmonic_mean` of arrays, with NaN for None."""
    total = a + b
    return np.where(total == 0.0, 0.0, 2 * a * b / np.where(total == 0.0, 1.0, total))


def _mean_of_defined(rows: Floats) -> Floats:
    """The mean of every column's numbers; NaN if there are none."""
    known = ~np.isnan(rows)
    n = known.sum(axis=0)
    total = np.where(known, rows, 0.0).sum(axis=0)
    return np.where(n > 0, total / np.maximum(n, 1), np.nan)


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


# --- single steps ---------------------------------------------------------------------------------


def auroc(scores: Sequence[float] | Floats, right: Sequence[bool]) -> float | None:
    """P(a right step scores higher than a wrong one), a tie counting half; None with one class.

    >>> auroc([0.9, 0.8, 0.8, 0.1], [True, True, False, False])
    0.875

    Args:
        scores: of each step, on any scale; infinite ones are ordered too.
        right: whether it is right, [S].

    Raises:
        InputError: a score is NaN, or an entry of `right` is not in [0, 1].
    """
    return _defined(float(_RankedSteps(scores, right).auroc()))


def _shares(what: str, values: Sequence[float] | Floats) -> Floats:
    """Numbers from 0 to 1 as an array.

    Raises:
        InputError: one is another, or NaN.
    """
    found = np.asarray(values, dtype=np.float64)
    for value in found[~((found >= 0.0) & (found <= 1.0))][:1].tolist():
        raise InputError(f"{what} {value} is not in [0, 1]")
    return found


class _RankedSteps:
    """Scores grouped by equal value, so that AUROC with other weights needs no new sorting."""

    def __init__(self, scores: Sequence[float] | Floats, right: Sequence[bool]) -> None:
        values = np.asarray(scores, dtype=np.float64)
        if np.isnan(values).any():
            raise InputError("a score is NaN; leave out steps without one")
        _, self._level = np.unique(values, return_inverse=True)
        self._n_levels = int(self._level.max()) + 1 if len(self._level) else 0
        self._right = _shares("label", right)

    def auroc(self, weights: Floats | None = None) -> float:
        """AUROC with that many copies of each step; NaN if a class has none."""
        times = np.ones(len(self._right)) if weights is None else weights
        right, wrong = (
            np.bincount(self._level, times * of, minlength=self._n_levels)
            for of in (self._right, 1.0 - self._right)
        )
        pairs = right.sum() * wrong.sum()
        if not pairs:
            return math.nan
        below = np.cumsum(wrong) - wrong
        return float((right * (below + wrong / 2)).sum() / pairs)


@dataclass(frozen=True, slots=True)
class PRMScore:
    """PRMBench's metrics for one set of steps.

    Attributes:
        n_steps: how many were judged.
        f1: F1 of calling right steps right; None if no step is right.
        negative_f1: F1 of calling wrong steps wrong; None if no step is wrong.
        prm_score: the mean of the two; if no step is wrong, `f1` alone.
    """

    n_steps: int
    f1: float | None
    negative_f1: float | None
    prm_score: float | None


def prm_score(right: Sequence[bool], called_right: Sequence[bool]) -> PRMScore:
    """Measure decisions on single steps as PRMBench does.

    Args:
        right: the truth of each step.
        called_right: the decision on it.

    Source: ssmisya/PRMBench (arXiv 2501.03124); the weights 0.5 and 0.5, and the exception for
    solutions without a wrong step, are those of its published table.
    """
    pairs = list(zip(right, called_right, strict=True))
    f1, negative_f1 = (
        _f1_of_class([(truth is of, said is of) for truth, said in pairs]) for of in (True, False)
    )
    both = f1 if negative_f1 is None or f1 is None else (f1 + negative_f1) / 2
    return PRMScore(len(pairs), f1, negative_f1, both)


def _f1_of_class(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """2 TP / (2 TP + FP + FN) of (is, is called); None if nothing is."""
    if not any(truth for truth, _ in pairs):
        return None
    hits = sum(truth and said for truth, said in pairs)
    misses = sum(truth is not said for truth, said in pairs)
    return 2 * hits / (2 * hits + misses)


# --- calibration ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Steps whose probability is in [low, high); the last bin includes 1.

    Attributes:
        n_steps: how many.
        mean_probability: of these steps; None if there are none.
        share_right: how many of them are right; soft labels count with their value.
    """

    low: float
    high: float
    n_steps: int
    mean_probability: float | None
    share_right: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Are the probabilities calibrated?

    Attributes:
        n_steps: steps with a label.
        ece: expected calibration error, the mean gap between probability and share right, each bin
            weighted by its number of steps.
        brier: mean squared difference between probability and label.
        bins: the reliability table, of equal widths.
    """

    n_steps: int
    ece: float | None
    brier: float | None
    bins: tuple[ReliabilityBin, ...]


def calibration(
    probabilities: Sequence[float], labels: Sequence[float], n_bins: int = 10
) -> Calibration:
    """Compare step probabilities with labels.

    Args:
        probabilities: [S], in [0, 1].
        labels: [S], in [0, 1]; soft ones count as shares.
        n_bins: bins of equal width.

    Raises:
        InputError: a probability or a label is not in [0, 1].

    Source: Guo et al. 2017 (arXiv 1706.04599), for one class and with the probability itself as the
    confidence.
    """
    p, y = _shares("probability", probabilities), _shares("label", labels)
    edges = np.arange(n_bins + 1) / n_bins  # p * n_bins would put 0.29 below 29 / 100
    place = np.minimum(np.digitize(p, edges) - 1, n_bins - 1)
    bins = []
    gaps = 0.0
    for b in range(n_bins):
        inside = place == b
        n = int(inside.sum())
        said, so = (float(v[inside].mean()) if n else None for v in (p, y))
        if said is not None and so is not None:
            gaps += n * abs(said - so)
        bins.append(ReliabilityBin(float(edges[b]), float(edges[b + 1]), n, said, so))
    return Calibration(
        n_steps=len(p),
        ece=gaps / len(p) if len(p) else None,
        brier=float(((p - y) ** 2).mean()) if len(p) else None,
        bins=tuple(bins),
    )


# --- intervals ------------------------------------------------------------------------------------


def resampled(strata: Sequence[Hashable], n_resamples: int, seed: int) -> Floats:
    """How often each unit is drawn in each bootstrap sample, [B, U].

    Units are drawn with replacement within their stratum, so every sample keeps the subsets' sizes.
    A unit should be a problem: its solutions are not independent.
    """
    generator = np.random.default_rng(seed)
    counts = np.zeros((n_resamples, len(strata)))
    places: dict[Hashable, list[int]] = {}
    for unit, stratum in enumerate(strata):
        places.setdefault(stratum, []).append(unit)
    for units in places.values():
        n = len(units)
        counts[:, units] = generator.multinomial(n, [1 / n] * n, size=n_resamples)
    return counts


def interval(values: Floats) -> Interval | None:
    """The middle 95 % of a bootstrap's values; None if one in twenty is undefined."""
    known = values[~np.isnan(values)]
    if len(known) <= 0.95 * len(values):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def first_error_intervals(
    subsets: Mapping[str, Sequence[tuple[Hashable, Verdict]]],
    threshold: float,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> dict[str, Interval | None]:
    """95 % bootstrap intervals of the plain means over subsets.

    Args:
        subsets: for each solution of a subset, its problem and its verdict.
        threshold: below it a step counts as wrong.
        n_resamples: samples of the bootstrap.
        seed: of the drawing.

    Returns:
        Intervals of "error_accuracy", "correct_accuracy", "f1" and "exact_location".
    """
    means: dict[str, list[Floats]] = {}
    for number, found in enumerate(subsets.values()):
        units: dict[Hashable, int] = {}
        # For each problem: solutions with an error, located ones, right ones, unflagged ones.
        cells = np.zeros((len({problem for problem, _ in found}), 4))
        for problem, (probabilities, truth) in found:
            low, high = exact_span(probabilities, truth)
            column = 0 if truth is not None else 2
            unit = units.setdefault(problem, len(units))
            cells[unit, column : column + 2] += 1.0, float(low < threshold <= high)
        drawn = resampled([0] * len(units), n_resamples, seed + number) @ cells
        n_error, located, n_correct, unflagged = drawn.T
        error, correct = _ratio(located, n_error), _ratio(unflagged, n_correct)
        for name, values in (
            ("error_accuracy", error),
            ("correct_accuracy", correct),
            ("f1", _harmonic(error, correct)),
            ("exact_location", _ratio(located + unflagged, n_error + n_correct)),
        ):
            means.setdefault(name, []).append(values)
    return {name: interval(_mean_of_defined(np.stack(values))) for name, values in means.items()}


def auroc_interval(
    steps: Sequence[tuple[Hashable, Hashable, float, bool]],
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> Interval | None:
    """The 95 % bootstrap interval of the steps' AUROC.

    Args:
        steps: subset, problem, score and truth of each step.
        n_resamples: samples of the bootstrap.
        seed: of the drawing.
    """
    units: dict[tuple[Hashable, Hashable], int] = {}
    unit = [units.setdefault((subset, problem), len(units)) for subset, problem, _, _ in steps]
    if len({truth for *_, truth in steps}) < 2:
        return None
    ranked = _RankedSteps([score for *_, score, _ in steps], [truth for *_, truth in steps])
    counts = resampled([subset for subset, _ in units], n_resamples, seed)
    return interval(np.array([ranked.auroc(row[unit]) for row in counts]))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.where(whole > 0, part / np.maximum(whole, 1.0), np.nan)

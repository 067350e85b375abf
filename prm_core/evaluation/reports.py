"""How often a scorer is right, from the results of `prm_core.evaluation.judge`.

A report is a record whose fields are the keys of its JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from prm_core.errors import InputError
from prm_core.evaluation.best_of_n import best_of_n
from prm_core.evaluation.judge import NO_GOLD, UNREAD, Judged, JudgedPools, OnProgress
from prm_core.evaluation.metrics import (
    Calibration,
    FirstErrorScore,
    Interval,
    PRMScore,
    Sweep,
    Verdict,
    auroc,
    auroc_interval,
    calibration,
    first_error_intervals,
    first_error_score,
    interval,
    plain_mean,
    prm_score,
    resampled,
    sweep,
)
from prm_core.types import Example, ScoredCandidate


@dataclass(frozen=True, slots=True)
class Subset(FirstErrorScore):
    """First-error metrics of one subset, with the AUROC of its steps."""

    auroc: float | None


@dataclass(frozen=True, slots=True)
class FirstErrorReport:
    """How exactly first errors are located.

    Accuracies, F1 and exact location are plain means over the subsets in which they are defined,
    as in ProcessBench; with one subset they are its own.

    Attributes:
        model, source: the model, and the file it was measured on.
        threshold, threshold_source: below it a step counts as wrong, and where it comes from.
        auroc: of all labelled steps together.
        skipped, skipped_reasons: examples left out, in all and for each reason.
        unread: examples for which a verifier wrote nothing readable; they count as wrong, as in
            ProcessBench, but are not part of AUROC and calibration.
        intervals: 95 % bootstrap intervals by the metric's name; problems are resampled.
        subsets: the metrics of each subset.
        calibration: are the probabilities calibrated?
        sweep: the metrics at all thresholds; None if not requested.
    """

    model: str
    source: str
    n_error: int
    n_correct: int
    error_accuracy: float | None
    correct_accuracy: float | None
    f1: float | None
    threshold: float
    threshold_source: str
    skipped: int
    skipped_reasons: dict[str, int]
    exact_location: float | None
    auroc: float | None
    intervals: dict[str, Interval | None]
    subsets: dict[str, Subset]
    calibration: Calibration
    sweep: Sweep | None
    unread: int = 0
    task: str = field(default="first-error", init=False)


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """Are the probabilities calibrated, and do they separate right steps from wrong ones?"""

    model: str
    source: str
    skipped: int
    skipped_reasons: dict[str, int]
    auroc: float | None
    intervals: dict[str, Interval | None]
    calibration: Calibration
    task: str = field(default="calibration", init=False)


AREAS: dict[str, tuple[str, ...]] = {
    "simplicity": ("redundency", "circular"),
    "soundness": ("counterfactual", "step_contradiction", "domain_inconsistency", "confidence"),
    "sensitivity": ("missing_condition", "deception", "multi_solutions"),
}
"""PRMBench's areas and their kinds of error, in its own spelling."""


@dataclass(frozen=True, slots=True)
class PRMBenchReport:
    """Decisions on single steps, as PRMBench measures them.

    The totals are over the steps of all modified solutions together; the original ones, which are
    right, are only in `types`.

    Attributes:
        n: modified solutions.
        prm_score, f1, negative_f1: see `PRMScore`.
        types: the metrics of each kind of error.
        areas: for each area the plain mean of its kinds' PRM scores.
        skipped, skipped_reasons: examples left out, in all and for each reason.
    """

    model: str
    source: str
    n: int
    prm_score: float | None
    f1: float | None
    negative_f1: float | None
    threshold: float
    threshold_source: str
    skipped: int
    skipped_reasons: dict[str, int]
    types: dict[str, PRMScore]
    areas: dict[str, float | None]
    task: str = field(default="prmbench", init=False)


@dataclass(frozen=True, slots=True)
class BestOfNReport:
    """How often the right answer is chosen; see `prm_core.evaluation.best_of_n.BestOfN`.

    Attributes:
        n: the most candidates to choose among.
        accuracy: of each rule at n.
        intervals: 95 % bootstrap intervals of these.
        ns, curves, bands: the same at smaller n.
        weighted_votes: for each aggregation the curve of the vote weighted with its scores.
        skipped, skipped_reasons: solutions (or whole rows) left out, in all and for each reason.
    """

    model: str
    source: str
    n: int
    n_problems: int
    n_mixed: int
    accuracy: dict[str, float]
    skipped: int
    skipped_reasons: dict[str, int]
    aggregation: str
    intervals: dict[str, Interval | None]
    ns: tuple[int, ...]
    curves: dict[str, tuple[float, ...]]
    bands: dict[str, tuple[Interval | None, ...]]
    weighted_votes: dict[str, tuple[float, ...]]
    task: str = field(default="best-of-n", init=False)


@dataclass(frozen=True, slots=True)
class SearchPoint:
    """One way at one size; see `prm_core.search`.

    Attributes:
        n: solutions that are written side by side.
        n_tokens: generated for a problem, on average.
        accuracy: how often the right answer is chosen.
        interval: 95 % bootstrap interval of that, by resampling problems.
    """

    n: int
    n_tokens: float
    accuracy: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What searches of the same problems reach, against the tokens that they generate.

    Attributes:
        model: the PRM that guides and chooses.
        generator: the model that writes.
        choose, aggregation: how a solution is chosen; majority votes go without.
        curves: for each way, and for "majority" (a vote of the solutions of best of n), its points.
        skipped, skipped_reasons: problems left out, in all and for each reason.
    """

    model: str
    generator: str
    source: str
    n_problems: int
    choose: str
    aggregation: str
    curves: dict[str, tuple[SearchPoint, ...]]
    skipped: int
    skipped_reasons: dict[str, int]
    task: str = field(default="search", init=False)


Report = FirstErrorReport | CalibrationReport | PRMBenchReport | BestOfNReport | SearchReport


Outcomes = Sequence[tuple[int, float]]
"""For each problem the generated tokens, and the chance that the chosen answer is right."""


def search_report(
    outcomes: Mapping[str, Mapping[int, Outcomes]],
    *,
    model: str,
    generator: str,
    source: str,
    choose: str,
    aggregation: str,
    skipped_reasons: Mapping[str, int],
    n_resamples: int = 1000,
    seed: int = 0,
) -> SearchReport:
    """The report of searches.

    Args:
        outcomes: for each way and size those of all problems, in the same order.
        model, generator, source, choose, aggregation: named in the report.
        skipped_reasons: problems left out, for each reason.
        n_resamples, seed: of the bootstrap.
    """
    n_problems = len(next(iter(next(iter(outcomes.values())).values())))
    counts = resampled([0] * n_problems, n_resamples, seed)  # [B, P]

    def point(n: int, found: Outcomes) -> SearchPoint:
        tokens, right = np.array(found, dtype=float).T
        band = interval(counts @ right / n_problems)
        return SearchPoint(n, float(tokens.mean()), float(right.mean()), band)

    return SearchReport(
        model=model,
        generator=generator,
        source=source,
        n_problems=n_problems,
        choose=choose,
        aggregation=aggregation,
        curves={
            way: tuple(point(n, found) for n, found in sorted(sizes.items()))
            for way, sizes in outcomes.items()
        },
        skipped=sum(skipped_reasons.values()),
        skipped_reasons=dict(skipped_reasons),
    )


def first_error_report(
    judged: Judged,
    *,
    model: str,
    source: str,
    threshold: float,
    threshold_source: str,
    with_sweep: bool = False,
    n_resamples: int = 1000,
    seed: int = 0,
) -> FirstErrorReport:
    """The report of ProcessBench's protocol.

    An example whose labels do not determine its first error is skipped here.

    Args:
        judged: scored examples; their `source` is their subset.
        model, source: named in the report.
        threshold, threshold_source: below it a step counts as wrong, and where it comes from.
        with_sweep: whether to measure all other thresholds too.
        n_resamples, seed: of the bootstrap.
    """
    told, skipped = _told(judged)
    unread = [example for example in judged.unread if example.judged]
    skipped = {reason: n - len(unread) if reason == UNREAD else n for reason, n in skipped.items()}
    by_subset: dict[str, list[tuple[Example, Verdict]]] = {}
    for example, verdict in [*_verdicts(told), *map(_miss, unread)]:
        by_subset.setdefault(example.source, []).append((example, verdict))
    subsets = {}
    for name, pairs in by_subset.items():
        score = first_error_score([verdict for _, verdict in pairs], threshold)
        auroc = _auroc([pair for pair in told if pair[0].source == name])
        subsets[name] = Subset(**asdict(score), auroc=auroc)
    intervals = first_error_intervals(
        {
            name: [(example.candidate.problem, verdict) for example, verdict in pairs]
            for name, pairs in by_subset.items()
        },
        threshold,
        n_resamples=n_resamples,
        seed=seed,
    )
    return FirstErrorReport(
        model=model,
        source=source,
        n_error=sum(subset.n_error for subset in subsets.values()),
        n_correct=sum(subset.n_correct for subset in subsets.values()),
        error_accuracy=plain_mean(subset.error_accuracy for subset in subsets.values()),
        correct_accuracy=plain_mean(subset.correct_accuracy for subset in subsets.values()),
        f1=plain_mean(subset.f1 for subset in subsets.values()),
        threshold=threshold,
        threshold_source=threshold_source,
        skipped=sum(skipped.values()),
        skipped_reasons={reason: n for reason, n in skipped.items() if n},
        unread=len(unread),
        exact_location=plain_mean(subset.exact_location for subset in subsets.values()),
        auroc=_auroc(told),
        intervals=intervals | {"auroc": _auroc_interval(told, n_resamples, seed)},
        subsets=subsets,
        calibration=_calibration(told),
        sweep=sweep_thresholds(judged).thinned(200) if with_sweep else None,
    )


def sweep_thresholds(judged: Judged) -> Sweep:
    """First-error metrics at every threshold; use its best one on other data than these."""
    told, _ = _told(judged)
    subsets: dict[str, list[Verdict]] = {}
    unread = (example for example in judged.unread if example.judged)
    for example, verdict in [*_verdicts(told), *map(_miss, unread)]:
        subsets.setdefault(example.source, []).append(verdict)
    return sweep(subsets)


def calibration_report(
    judged: Judged, *, model: str, source: str, n_resamples: int = 1000, seed: int = 0
) -> CalibrationReport:
    """The report of every labelled step, soft labels included."""
    return CalibrationReport(
        model=model,
        source=source,
        skipped=sum(judged.skipped.values()),
        skipped_reasons=dict(judged.skipped),
        auroc=_auroc(judged.pairs),
        intervals={"auroc": _auroc_interval(judged.pairs, n_resamples, seed)},
        calibration=_calibration(judged.pairs),
    )


def prmbench_report(
    judged: Judged, *, model: str, source: str, threshold: float, threshold_source: str
) -> PRMBenchReport:
    """The report of PRMBench's protocol.

    Every step without an inserted error counts as right, even after an error, where there are no
    labels. A modified solution without an error is PRMBench's "multi_solutions".

    Args:
        judged: scored examples with their `error_type`.
        model, source: named in the report.
        threshold, threshold_source: below it a step counts as wrong, and where it comes from.
    """
    steps: dict[str, list[tuple[bool, bool]]] = {}
    n_modified = 0
    told, skipped = _told(judged)
    for example, scored in told:
        kind = _kind(example)
        n_modified += kind != _ORIGINAL
        steps.setdefault(kind, []).extend(
            (label is None or label >= 0.5, p >= threshold)
            for label, p in zip(example.labels, scored.probabilities, strict=True)
        )
    types = {kind: _prm_score(pairs) for kind, pairs in sorted(steps.items())}
    total = _prm_score([pair for kind, ps in steps.items() if kind != _ORIGINAL for pair in ps])
    return PRMBenchReport(
        model=model,
        source=source,
        n=n_modified,
        prm_score=total.prm_score,
        f1=total.f1,
        negative_f1=total.negative_f1,
        threshold=threshold,
        threshold_source=threshold_source,
        skipped=sum(skipped.values()),
        skipped_reasons=skipped,
        types=types,
        areas={
            area: plain_mean(types[kind].prm_score for kind in kinds if kind in types)
            for area, kinds in AREAS.items()
        },
    )


def best_of_n_report(
    judged: JudgedPools,
    *,
    model: str,
    source: str,
    aggregation: str = "min",
    n_resamples: int = 1000,
    seed: int = 0,
    on_progress: OnProgress = lambda n_done: None,
) -> BestOfNReport:
    """The report of choosing one candidate of n.

    Args:
        judged: scored pools.
        model, source: named in the report.
        aggregation: its scores weight the votes of "weighted_vote".
        n_resamples, seed: of the bootstrap.
        on_progress: called with the number of problems done.

    Raises:
        InputError: no pool is left to choose from.
        BadOptionError: the aggregation is not known.
    """
    if not judged.pools:
        reasons = ", ".join(f"{n} × {reason}" for reason, n in judged.skipped.items())
        remedy = "; give each problem its right answer as gold_answer"
        raise InputError(
            f"no candidate is left to choose from ({reasons or 'there are no rows'})"
            + remedy * (NO_GOLD in judged.skipped)
        )
    found = best_of_n(
        judged.pools,
        aggregation=aggregation,
        n_resamples=n_resamples,
        seed=seed,
        on_progress=on_progress,
    )
    return BestOfNReport(
        model=model,
        source=source,
        n=found.ns[-1],
        n_problems=found.n_problems,
        n_mixed=found.n_mixed,
        accuracy={rule: curve[-1] for rule, curve in found.curves.items()},
        skipped=sum(judged.skipped.values()),
        skipped_reasons=dict(judged.skipped),
        aggregation=aggregation,
        intervals={rule: band[-1] for rule, band in found.bands.items()},
        ns=found.ns,
        curves=found.curves,
        bands=found.bands,
        weighted_votes=found.weighted_votes,
    )


_Pairs = Sequence[tuple[Example, ScoredCandidate]]
_ORIGINAL = "original"


def _told(judged: Judged) -> tuple[_Pairs, dict[str, int]]:
    """The examples whose labels determine the first error, and what is skipped with the others."""
    told = [(example, scored) for example, scored in judged.pairs if example.judged]
    skipped = dict(judged.skipped)
    if n_untold := len(judged.pairs) - len(told):
        skipped["the first error is not in the labels"] = n_untold
    return told, skipped


def _verdicts(pairs: _Pairs) -> Iterator[tuple[Example, Verdict]]:
    for example, scored in pairs:
        yield example, (scored.probabilities, example.first_error)


def _miss(example: Example) -> tuple[Example, Verdict]:
    """A verdict that is wrong at every threshold."""
    if example.first_error is None:
        return example, ((-1.0,), None)  # always flagged
    return example, ((2.0,), 0)  # never located


def _steps(pairs: _Pairs) -> Iterator[tuple[Example, float, float]]:
    """Every labelled step: its example, label and probability."""
    for example, scored in pairs:
        for label, p in zip(example.labels, scored.probabilities, strict=True):
            if label is not None:
                yield example, label, p


def _auroc(pairs: _Pairs) -> float | None:
    steps = list(_steps(pairs))
    return auroc([p for _, _, p in steps], [label >= 0.5 for _, label, _ in steps])


def _auroc_interval(pairs: _Pairs, n_resamples: int, seed: int) -> Interval | None:
    return auroc_interval(
        [(e.source, e.candidate.problem, p, label >= 0.5) for e, label, p in _steps(pairs)],
        n_resamples=n_resamples,
        seed=seed,
    )


def _calibration(pairs: _Pairs) -> Calibration:
    steps = list(_steps(pairs))
    return calibration([p for _, _, p in steps], [label for _, label, _ in steps])


def _kind(example: Example) -> str:
    """PRMBench's kind of error; without one it is an original or can be solved in several ways."""
    if example.error_type is not None:
        return example.error_type
    if example.source == f"prmbench/{_ORIGINAL}":
        return _ORIGINAL
    is_prmbench = example.source.startswith("prmbench/")
    return "multi_solutions" if is_prmbench and example.first_error is None else "unnamed"


def _prm_score(pairs: Sequence[tuple[bool, bool]]) -> PRMScore:
    return prm_score([truth for truth, _ in pairs], [said for _, said in pairs])

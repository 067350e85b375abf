"""How often a scorer is right, on examples whose truth is known.

Files of examples are measured in two strokes: `judge` (or `judge_pools`) runs the scorer and
counts what it had to leave out, and a report is made of that, as often as one likes. A report is
a record whose fields are the keys of its JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from prm_core.errors import (
    BadOptionError,
    DataError,
    InputError,
    NoVerdictError,
    TooLongError,
    UnreadableError,
)
from prm_core.evaluation.best_of_n import Choice, best_of_n
from prm_core.evaluation.metrics import (
    Calibration,
    Interval,
    PRMScore,
    Sweep,
    Verdict,
    auroc,
    auroc_interval,
    calibration,
    first_error_intervals,
    first_error_score,
    plain_mean,
    prm_score,
    share,
    sweep,
)
from prm_core.evaluation.recorded import RecordedScorer
from prm_core.formats.candidate_sets import CandidateSet
from prm_core.synthetic.solution import LabelledSolution
from prm_core.synthetic.stream import evaluation
from prm_core.types import Candidate, Example, ScoredCandidate, StepScorer

_NO_GOLD = "no right answer to compare with"
_UNREAD = "no verdict that can be read"
_BATCH = 64  # candidates in one call of a scorer: enough to pack, few enough to show progress

Told = Callable[[int], None]
"""Hears how many examples are done."""


# --- arithmetic that is made here -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ArithmeticReport:
    """A scorer measured on generated problems of one operation and size.

    Fractions, not percents; None where nothing was there to measure.

    Attributes:
        operation: "add", "sub", "mul" or "div".
        size: digits of the operands, as "2x1".
        n_solutions, n_steps: how many were scored.
        step_accuracy: share of steps on the right side of the threshold.
        error_accuracy: share of the wrong solutions whose first error is located exactly.
        correct_accuracy: share of the right solutions in which no step is flagged.
    """

    operation: str
    size: str
    n_solutions: int
    n_steps: int
    step_accuracy: float | None
    error_accuracy: float | None
    correct_accuracy: float | None


SIZES: tuple[tuple[str, int, int], ...] = (
    *(("add", n, n) for n in (1, 2, 3)),
    *(("sub", n, n) for n in (1, 2, 3)),
    ("mul", 1, 1),
    ("mul", 2, 1),
    ("mul", 3, 1),
    ("div", 1, 1),
    ("div", 2, 1),
    ("div", 3, 1),
)
"""Operation and digits of its operands; a quotient has the first number of digits."""


def evaluate_arithmetic(
    scorer: StepScorer, *, n_solutions: int = 300, seed: int = 20_000, threshold: float = 0.5
) -> Iterator[ArithmeticReport]:
    """Measure a scorer on operand pairs that training never sees (see `synthetic.held_out`).

    Args:
        scorer: what is measured.
        n_solutions: per operation and size.
        seed: of the problems.
        threshold: below it a step counts as wrong.

    Yields:
        One report per entry of `SIZES`, as soon as it is known.
    """
    for operation, n_a, n_b in SIZES:
        solutions = list(evaluation(seed, operation, n_a, n_b, n_solutions))
        scored = scorer.score([Candidate(s.problem, s.steps) for s in solutions])
        yield arithmetic_report(operation, f"{n_a}x{n_b}", solutions, scored, threshold)


def arithmetic_report(
    operation: str,
    size: str,
    solutions: Sequence[LabelledSolution],
    scored: Sequence[ScoredCandidate],
    threshold: float,
) -> ArithmeticReport:
    """Compare scored solutions with their labels.

    Raises:
        BadOptionError: the scorer judges whole solutions only.
    """
    right_steps: list[bool] = []
    located: dict[bool, list[bool]] = {True: [], False: []}
    for solution, one in zip(solutions, scored, strict=True):
        _refuse_whole(one, len(solution.labels))
        says = [p >= threshold for p in one.probabilities]
        right_steps += [a == b for a, b in zip(says, solution.labels, strict=True)]
        first = next((i for i, label in enumerate(solution.labels) if not label), None)
        located[first is not None].append(one.first_error(threshold) == first)
    return ArithmeticReport(
        operation,
        size,
        len(solutions),
        len(right_steps),
        share(right_steps),
        share(located[True]),
        share(located[False]),
    )


# --- scoring what a file holds --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """Examples with what a scorer says of them.

    Attributes:
        pairs: each example that was scored, in order.
        skipped: why examples were left out, and how many for each reason.
        unread: examples of which a verifier wrote nothing that can be read; among the skipped.
    """

    pairs: tuple[tuple[Example, ScoredCandidate], ...]
    skipped: Mapping[str, int]
    unread: tuple[Example, ...] = ()


def judge(
    scorer: StepScorer, rows: Iterable[Example | DataError], told: Told = lambda n_done: None
) -> Judged:
    """Score examples.

    Bad rows, examples in which no step is labelled, and those that the scorer cannot read are
    counted and left out.

    Args:
        scorer: what is measured.
        rows: as `prm_core.formats.labelled.read_examples` gives them.
        told: called with the number of examples done.

    Raises:
        BadOptionError: the scorer judges whole solutions only.
    """
    skipped: Counter[str] = Counter()
    examples = []
    for row in rows:
        if isinstance(row, DataError):
            skipped["unreadable row"] += 1
        elif all(label is None for label in row.labels):
            skipped["no step is labelled"] += 1
        else:
            examples.append(row)
    scored = _score_all(scorer, [example.candidate for example in examples], skipped, told)
    pairs = [*zip(examples, scored, strict=True)]
    done = tuple((example, one) for example, one in pairs if isinstance(one, ScoredCandidate))
    for example, one in done:
        _refuse_whole(one, len(example.labels))
    unread = tuple(example for example, one in pairs if isinstance(one, NoVerdictError))
    return Judged(done, skipped, unread)


def _refuse_whole(scored: ScoredCandidate, n_labels: int) -> None:
    """An outcome model's one score cannot be held against labels of steps."""
    if len(scored.probabilities) != n_labels:
        raise BadOptionError(
            f"{scored.model_id} judges whole solutions, not steps; measure it on candidates "
            "(best-of-n)"
        )


@dataclass(frozen=True, slots=True)
class JudgedPools:
    """Pools of candidates with what a scorer says of them.

    Attributes:
        pools: of each problem, the candidates that were scored and whose truth is known.
        skipped: why candidates (or whole rows) were left out, and how many for each reason.
    """

    pools: tuple[tuple[Choice, ...], ...]
    skipped: Mapping[str, int]


def judge_pools(
    scorer: StepScorer, rows: Iterable[CandidateSet | DataError], told: Told = lambda n_done: None
) -> JudgedPools:
    """Score pools of candidates, a problem at a time.

    Args:
        scorer: what is measured.
        rows: as `prm_core.formats.candidate_sets.read_candidate_sets` gives them.
        told: called with the number of problems done.
    """
    skipped: Counter[str] = Counter()
    pools = []
    for n_done, row in enumerate(rows, start=1):
        if isinstance(row, DataError):
            skipped["unreadable row"] += 1
            continue
        known = [s for s in row.solutions if s.correct is not None]
        if len(known) < len(row.solutions):
            skipped[_NO_GOLD] += len(row.solutions) - len(known)
        candidates = [solution.candidate for solution in known]
        pool = tuple(
            Choice(
                answer=solution.answer,
                correct=bool(solution.correct),
                n_characters=sum(map(len, solution.candidate.steps)),
                n_steps=len(solution.candidate.steps),
                probabilities=one.probabilities,
            )
            for solution, one in zip(known, _score_all(scorer, candidates, skipped), strict=True)
            if isinstance(one, ScoredCandidate)
        )
        if pool:
            pools.append(pool)
        told(n_done)
    return JudgedPools(tuple(pools), skipped)


def _score_all(
    scorer: StepScorer,
    candidates: Sequence[Candidate],
    skipped: Counter[str],
    told: Told = lambda n_done: None,
) -> list[ScoredCandidate | InputError]:
    """Score candidates in batches; why it cannot be in the place of one that cannot be scored."""
    results: list[ScoredCandidate | InputError] = []
    for start in range(0, len(candidates), _BATCH):
        batch = candidates[start : start + _BATCH]
        try:
            results += scorer.score(batch)
        except InputError:  # of one of them: which?
            for candidate in batch:
                try:
                    results += scorer.score([candidate])
                except InputError as error:
                    skipped[_reason(error)] += 1
                    results.append(error)
        told(len(results))
    return results


def _reason(error: InputError) -> str:
    """Why an example is skipped."""
    if isinstance(error, TooLongError):
        return "too long for the model"
    if isinstance(error, UnreadableError):
        return "a step of which the model can read nothing"
    return _UNREAD if isinstance(error, NoVerdictError) else "cannot be scored"


def recorded_labels(examples: Iterable[Example]) -> RecordedScorer:
    """A scorer that says what the labels say; of a step that has none, that it is right."""
    return RecordedScorer(
        "recorded:labels",
        {e.candidate: tuple(1.0 if y is None else y for y in e.labels) for e in examples},
    )


def recorded_scores(name: str, pools: Iterable[CandidateSet]) -> RecordedScorer:
    """A scorer that gives the scores which a file of pools carries.

    Raises:
        InputError: no solution carries scores of this name; the message lists those that are.
    """
    solutions = [solution for pool in pools for solution in pool.solutions]
    scores = {s.candidate: s.recorded[name] for s in solutions if name in s.recorded}
    if not scores:
        there = sorted({known for solution in solutions for known in solution.recorded})
        raise InputError(
            f"the file carries no scores of {name!r}; "
            + (f"it has {', '.join(there)}" if there else "it carries no scores at all")
        )
    return RecordedScorer(f"recorded:{name}", scores)


# --- reports --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subset:
    """First-error figures of one subset; see `FirstErrorScore`."""

    n_error: int
    n_correct: int
    error_accuracy: float | None
    correct_accuracy: float | None
    f1: float | None
    exact_location: float | None
    auroc: float | None


@dataclass(frozen=True, slots=True)
class FirstErrorReport:
    """How exactly first errors are located.

    Accuracies, F1 and exact location are plain means over the subsets in which they are defined,
    as in ProcessBench; with one subset they are its own.

    Attributes:
        model, source: what was measured, on which file.
        threshold, threshold_source: below it a step counts as wrong, and where it comes from.
        auroc: of all labelled steps together.
        skipped, skipped_reasons: examples left out, in all and for each reason.
        unread: examples of which a verifier wrote nothing that can be read; they count as wrong, as
            in ProcessBench, but have no part in AUROC and calibration.
        intervals: 95 % bootstrap intervals by the figure's name; problems are resampled.
        subsets: the figures of each subset.
        calibration: do the probabilities mean what they say?
        sweep: the figures at all thresholds; None when nobody asked.
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
    """Do the probabilities mean what they say, and do they part right steps from wrong ones?"""

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
    right, stand in `types` alone.

    Attributes:
        n: modified solutions.
        prm_score, f1, negative_f1: see `PRMScore`.
        types: the figures of each kind of error.
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
        n: candidates to choose among, at most.
        accuracy: of each rule at n.
        intervals: 95 % bootstrap intervals of these.
        ns, curves, bands: the same at smaller n.
        weighted_votes: of each aggregation the curve of the vote that its scores weigh.
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


Report = FirstErrorReport | CalibrationReport | PRMBenchReport | BestOfNReport


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

    An example whose labels do not tell its first error is skipped here.

    Args:
        judged: scored examples; their `source` is their subset.
        model, source: named in the report.
        threshold, threshold_source: below it a step counts as wrong, and why there.
        with_sweep: whether to measure all other thresholds too.
        n_resamples, seed: of the bootstrap.
    """
    told, skipped = _told(judged)
    unread = [example for example in judged.unread if example.judged]
    skipped = {reason: n - len(unread) if reason == _UNREAD else n for reason, n in skipped.items()}
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
    """First-error figures at every threshold; its best one is for other data than these."""
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

    Every step in which no error was put counts as right, also after an error, where labels say
    nothing. A modified solution without an error is PRMBench's "multi_solutions".

    Args:
        judged: scored examples with their `error_type`.
        model, source: named in the report.
        threshold, threshold_source: below it a step counts as wrong, and why there.
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
    told: Told = lambda n_done: None,
) -> BestOfNReport:
    """The report of choosing one candidate of n.

    Args:
        judged: scored pools.
        model, source: named in the report.
        aggregation: whose scores weigh the votes of "weighted_vote".
        n_resamples, seed: of the bootstrap.
        told: called with the number of problems done.

    Raises:
        InputError: no pool is left to choose from.
        BadOptionError: the aggregation is not known.
    """
    if not judged.pools:
        reasons = ", ".join(f"{n} × {reason}" for reason, n in judged.skipped.items())
        remedy = "; give each problem its right answer as gold_answer"
        raise InputError(
            f"no candidate is left to choose from ({reasons or 'there are no rows'})"
            + remedy * (_NO_GOLD in judged.skipped)
        )
    found = best_of_n(
        judged.pools, aggregation=aggregation, n_resamples=n_resamples, seed=seed, told=told
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


# --- parts of reports -----------------------------------------------------------------------------

_Pairs = Sequence[tuple[Example, ScoredCandidate]]
_ORIGINAL = "original"


def _told(judged: Judged) -> tuple[_Pairs, dict[str, int]]:
    """The examples whose labels tell the first error, and what is skipped with the others."""
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
    """PRMBench's kind of error; what has none is an original or has several ways to solve it."""
    if example.error_type is not None:
        return example.error_type
    if example.source == f"prmbench/{_ORIGINAL}":
        return _ORIGINAL
    is_prmbench = example.source.startswith("prmbench/")
    return "multi_solutions" if is_prmbench and example.first_error is None else "unnamed"


def _prm_score(pairs: Sequence[tuple[bool, bool]]) -> PRMScore:
    return prm_score([truth for truth, _ in pairs], [said for _, said in pairs])

"""Run a scorer over a file's contents, and count what had to be left out.

Any number of reports can be made from the result (`prm_core.evaluation.reports`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from prm_core.errors import (
    BadOptionError,
    DataError,
    InputError,
    NoVerdictError,
    TooLongError,
    UnreadableError,
)
from prm_core.evaluation.choices import Choice
from prm_core.evaluation.recorded import RecordedScorer
from prm_core.formats.candidate_sets import CandidateSet
from prm_core.types import Candidate, Example, ScoredCandidate, StepScorer

NO_GOLD = "no right answer to compare with"
UNREAD = "no readable verdict"
_BATCH = 64  # candidates in one call of a scorer: enough to pack, few enough to show progress
OnProgress = Callable[[int], None]
"""Called with the number of examples done."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Examples with a scorer's results.

    Attributes:
        pairs: each example that was scored, in order.
        skipped: why examples were left out, and how many for each reason.
        unread: examples for which a verifier wrote nothing readable; among the skipped.
    """

    pairs: tuple[tuple[Example, ScoredCandidate], ...]
    skipped: Mapping[str, int]
    unread: tuple[Example, ...] = ()


def judge(
    scorer: StepScorer,
    rows: Iterable[Example | DataError],
    on_progress: OnProgress = lambda n_done: None,
) -> Judged:
    """Score examples.

    Bad rows, examples without a labelled step, and those that the scorer cannot read are counted
    and left out.

    Args:
        scorer: the scorer to measure.
        rows: from `prm_core.formats.labelled.read_examples`.
        on_progress: called with the number of examples done.

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
    scored = _score_all(scorer, [example.candidate for example in examples], skipped, on_progress)
    pairs = [*zip(examples, scored, strict=True)]
    done = tuple((example, one) for example, one in pairs if isinstance(one, ScoredCandidate))
    for example, one in done:
        refuse_whole(one, len(example.labels))
    unread = tuple(example for example, one in pairs if isinstance(one, NoVerdictError))
    return Judged(done, skipped, unread)


def refuse_whole(scored: ScoredCandidate, n_labels: int) -> None:
    """Refuse outcome models: their single score cannot be compared with labels of steps."""
    if len(scored.probabilities) != n_labels:
        raise BadOptionError(
            f"{scored.model_id} judges whole solutions, not steps; measure it on candidates "
            "(best-of-n)"
        )


@dataclass(frozen=True, slots=True)
class JudgedPools:
    """Pools of candidates with a scorer's results.

    Attributes:
        pools: for each problem, the candidates that were scored and are known to be right or wrong.
        skipped: why candidates (or whole rows) were left out, and how many for each reason.
    """

    pools: tuple[tuple[Choice, ...], ...]
    skipped: Mapping[str, int]


def judge_pools(
    scorer: StepScorer,
    rows: Iterable[CandidateSet | DataError],
    on_progress: OnProgress = lambda n_done: None,
) -> JudgedPools:
    """Score pools of candidates, a problem at a time.

    Args:
        scorer: the scorer to measure.
        rows: from `prm_core.formats.candidate_sets.read_candidate_sets`.
        on_progress: called with the number of problems done.
    """
    skipped: Counter[str] = Counter()
    pools = []
    for n_done, row in enumerate(rows, start=1):
        if isinstance(row, DataError):
            skipped["unreadable row"] += 1
            continue
        known = [s for s in row.solutions if s.correct is not None]
        if len(known) < len(row.solutions):
            skipped[NO_GOLD] += len(row.solutions) - len(known)
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
        on_progress(n_done)
    return JudgedPools(tuple(pools), skipped)


def _score_all(
    scorer: StepScorer,
    candidates: Sequence[Candidate],
    skipped: Counter[str],
    on_progress: OnProgress = lambda n_done: None,
) -> list[ScoredCandidate | InputError]:
    """Score candidates in batches; in place of one that cannot be scored comes the error."""
    results: list[ScoredCandidate | InputError] = []
    for start in range(0, len(candidates), _BATCH):
        batch = candidates[start : start + _BATCH]
        try:
            results += scorer.score(batch)
        except InputError:  # caused by one of them: which?
            for candidate in batch:
                try:
                    results += scorer.score([candidate])
                except InputError as error:
                    skipped[_reason(error)] += 1
                    results.append(error)
        on_progress(len(results))
    return results


def _reason(error: InputError) -> str:
    """Why an example is skipped."""
    if isinstance(error, TooLongError):
        return "too long for the model"
    if isinstance(error, UnreadableError):
        return "a step that the model cannot read"
    return UNREAD if isinstance(error, NoVerdictError) else "cannot be scored"


def recorded_labels(examples: Iterable[Example]) -> RecordedScorer:
    """A scorer that returns the labels; a step without one counts as right."""
    return RecordedScorer(
        "recorded:labels",
        {e.candidate: tuple(1.0 if y is None else y for y in e.labels) for e in examples},
    )


def recorded_scores(name: str, pools: Iterable[CandidateSet]) -> RecordedScorer:
    """A scorer that returns the scores recorded in a file of pools.

    Raises:
        InputError: no solution has scores of this name; the message lists the names that exist.
    """
    solutions = [solution for pool in pools for solution in pool.solutions]
    scores = {s.candidate: s.recorded[name] for s in solutions if name in s.recorded}
    if not scores:
        there = sorted({known for solution in solutions for known in solution.recorded})
        raise InputError(
            f"the file has no scores of {name!r}; "
            + (f"it has {', '.join(there)}" if there else "it has no scores at all")
        )
    return RecordedScorer(f"recorded:{name}", scores)

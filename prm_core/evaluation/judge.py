"""Run a scorer over what a file holds, and count what had to be left out.

Reports are made of the result (`prm_core.evaluation.reports`), as often as one likes.
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
UNREAD = "no verdict that can be read"
_BATCH = 64  # candidates in one call of a scorer: enough to pack, few enough to show progress
OnProgress = Callable[[int], None]
"""Hears how many examples are done."""


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
    scorer: StepScorer,
    rows: Iterable[Example | DataError],
    on_progress: OnProgress = lambda n_done: None,
) -> Judged:
    """Score examples.

    Bad rows, examples in which no step is labelled, and those that the scorer cannot read are
    counted and left out.

    Args:
        scorer: what is measured.
        rows: as `prm_core.formats.labelled.read_examples` gives them.
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
    scorer: StepScorer,
    rows: Iterable[CandidateSet | DataError],
    on_progress: OnProgress = lambda n_done: None,
) -> JudgedPools:
    """Score pools of candidates, a problem at a time.

    Args:
        scorer: what is measured.
        rows: as `prm_core.formats.candidate_sets.read_candidate_sets` gives them.
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
        on_progress(len(results))
    return results


def _reason(error: InputError) -> str:
    """Why an example is skipped."""
    if isinstance(error, TooLongError):
        return "too long for the model"
    if isinstance(error, UnreadableError):
        return "a step of which the model can read nothing"
    return UNREAD if isinstance(error, NoVerdictError) else "cannot be scored"


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

"""Score a file of problems into a file, in pieces that survive a kill (`prm_core.bulk.pieces`).

One problem and its results are in memory (with a server: as many as are requested at once).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prm_core.bulk.pieces import Piece, UnfinishedRun, is_bad
from prm_core.errors import DataError, InputError
from prm_core.formats.atomic import file_errors
from prm_core.formats.problems import ProblemRow, Problems
from prm_core.formats.results import result_row
from prm_core.formats.rows import json_line
from prm_core.rewards.forms import add_rewards
from prm_core.text.steps import candidate_of, steps_of
from prm_core.types import Candidate, ScoredCandidate, StepScorer, suits

OnProgress = Callable[[int, int | None], None]
"""Takes how many problems this run has scored, and how many are left (None if unknown)."""

PIECE_S = 1.0
"""A piece is closed after this time, or after `PIECE_SHARE` of the time so far if that is more: a
kill costs about a hundredth of the work, and the folder contains some hundred files, not
millions."""

PIECE_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class Task:
    """How each problem is processed.

    Attributes:
        rule: how a solution's text is split into steps.
        method: the aggregation that ranks.
        threshold: below this probability a step counts as wrong; None for the model's own.
        rewards: the form in which steps get rewards, as `prm_core.rewards.forms.read_form` takes
            it; None for results without them.
    """

    rule: str = "auto"
    method: str = "min"
    threshold: float | None = None
    rewards: str | None = None

    def line(self, row: ProblemRow, scored: Sequence[ScoredCandidate], own_threshold: float) -> str:
        """A problem's results as a line of JSON.

        Args:
            row: the problem.
            scored: its candidates.
            own_threshold: the model's.
        """
        threshold = own_threshold if self.threshold is None else self.threshold
        result = result_row(
            row.id,
            scored,
            method=self.method,
            threshold=threshold,
            gold_answer=row.gold_answer,
        )
        return json_line(add_rewards(result, self.rewards, threshold) if self.rewards else result)


def score_problem(scorer: StepScorer, row: ProblemRow, rule: str) -> list[ScoredCandidate]:
    """A row's candidates, scored together.

    Raises:
        DataError: a solution has no steps or is too long for the model.
    """
    candidates = _candidates(row, rule)
    try:
        return scorer.score(candidates)
    except InputError as error:
        raise row.error(str(error), field="solutions") from error


def _candidates(row: ProblemRow, rule: str) -> list[Candidate]:
    candidates = []
    for number, steps in enumerate(steps_of(row.solutions, rule, row.thinking), start=1):
        if not steps:
            raise row.error(f"solution {number} has no steps", field="solutions")
        candidates.append(candidate_of(row.problem, steps, str(number)))
    return candidates


def result_lines(
    scorer: StepScorer, rows: Sequence[ProblemRow | DataError], task: Task
) -> list[str]:
    """A piece's line for each row: its result as an object, or why it has none, as a text.

    Several problems go to the scorer in one call. If it refuses one of them, each goes alone.
    """
    found: list[list[Candidate] | DataError] = []
    for row in rows:
        try:
            if isinstance(row, DataError):
                raise row
            found.append(_candidates(row, task.rule))
        except DataError as error:
            found.append(error)
    good = [
        one for candidates in found if not isinstance(candidates, DataError) for one in candidates
    ]
    try:
        flat = iter(scorer.score(good) if good else [])
    except InputError as error:
        if len(rows) > 1:
            return [line for row in rows for line in result_lines(scorer, [row], task)]
        (row,) = rows
        assert isinstance(row, ProblemRow)
        return [_error_line(row.error(str(error), "solutions"))]
    lines = []
    for row, one in zip(rows, found, strict=True):
        if isinstance(one, DataError) or isinstance(row, DataError):
            assert isinstance(one, DataError)
            lines.append(_error_line(one))
            continue
        scored = [next(flat) for _ in one]
        lines.append(task.line(row, scored, scorer.threshold))
    return lines


def _error_line(error: DataError) -> str:
    return json.dumps(str(error)) + "\n"  # a file's name need not be UTF-8


def score_rows(
    scorer: StepScorer,
    problems: Problems,
    run: UnfinishedRun,
    task: Task,
    *,
    n_together: int | None = None,
    on_progress: OnProgress = lambda n_done, n_left: None,
    on_bad_row: Callable[[str], None] = lambda message: None,
) -> None:
    """Score what is not done yet; `run.join` then writes the output.

    Finished work is kept, whatever ends the run.

    Args:
        scorer: the model.
        problems: the input, from its beginning.
        run: where pieces are kept.
        task: how each problem is processed.
        n_together: solutions that go to the scorer in one call, if they belong to several
            problems; 1 for one problem per call, None for what suits the scorer.
        on_progress: called after each call of the scorer.
        on_bad_row: called with the message of each bad row.

    Raises:
        DataError: a file cannot be read or written.
        ModelError: the model does not work.
        BadOptionError: the finished work came from another input.
    """
    n_together = n_together or suits(scorer)
    began_s = opened_s = time.monotonic()
    n_done, share_before = 0, None
    piece = None
    try:
        for group in _groups(run.todo(problems), n_together):
            if share_before is None:  # finished rows have been skipped
                began_s, share_before = time.monotonic(), problems.share or 0.0
            lines = result_lines(scorer, [row for _, row in group], task)
            with file_errors(run.folder, "written"):
                for (number, row), line in zip(group, lines, strict=True):
                    if piece is not None and piece.after != number:
                        done, piece = piece, None
                        done.save()
                    if piece is None:
                        piece, opened_s = Piece(run.folder, number), time.monotonic()
                    piece.add(row, line)
                    if is_bad(line):
                        on_bad_row(json.loads(line))
                now_s = time.monotonic()
                if piece and now_s - opened_s >= max(PIECE_S, PIECE_SHARE * (now_s - began_s)):
                    done, piece = piece, None
                    done.save()
            n_done += len(group)
            on_progress(n_done, _left(n_done, share_before, problems.share))
    finally:
        if piece is not None:
            with file_errors(run.folder, "written"):
                piece.save()


def _left(n_done: int, share_before: float, share: float | None) -> int | None:
    """How many problems are left, if they are as long as those that this run has scored.

    >>> _left(10, 0.5, 0.75), _left(10, 0.0, None)
    (10, None)

    Args:
        n_done: scored by this run.
        share_before, share: how much of the input was read when the run began, and is read now.
    """
    if share is None or share <= share_before:
        return None
    return round(n_done * (1 - share) / (share - share_before))


def _groups(
    rows: Iterable[tuple[int, ProblemRow | DataError]], n_solutions: int
) -> Iterator[list[tuple[int, ProblemRow | DataError]]]:
    """Neighbouring rows in groups of about that many solutions."""
    group: list[tuple[int, ProblemRow | DataError]] = []
    n = 0
    for number, row in rows:
        group.append((number, row))
        n += 1 if isinstance(row, DataError) else len(row.solutions)
        if n >= n_solutions:
            yield group
            group, n = [], 0
    if group:
        yield group

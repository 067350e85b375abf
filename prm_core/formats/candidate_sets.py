"""Pools of candidates in files: many solutions of each problem, to choose among.

Two kinds of rows are read. Ours, as `score` reads them: `problem`, `solutions` (texts or lists of
steps), `gold_answer`. And those whose solutions are objects with `steps`, which may carry `text`,
`answer`, `correct` and `prm_scores` (name of a PRM → one score per step). What a row leaves out is
determined: the answer from the last step, and whether it is right by comparing it with
`gold_answer`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from prm_core.answers.final import final_answer, same_answer
from prm_core.errors import DataError, InputError
from prm_core.formats.labelled import rows_of
from prm_core.formats.problems import given_solutions, text_or_steps
from prm_core.formats.rows import FileRow, kind_of
from prm_core.formats.translate import problem_rows
from prm_core.text.steps import Step, candidate_of, steps_of
from prm_core.types import Candidate


@dataclass(frozen=True, slots=True)
class Solution:
    """One solution of a pool.

    Attributes:
        candidate: the solution in steps.
        answer: its final answer as text; None if it gives none.
        correct: whether that is right; None if it is not known.
        recorded: the scores in the file, by the name of the PRM that gave them.
    """

    candidate: Candidate
    answer: str | None
    correct: bool | None
    recorded: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CandidateSet:
    """All solutions of one problem.

    Attributes:
        id: the problem's own name, or the number of its line.
        solutions: at least one.
    """

    id: str
    solutions: tuple[Solution, ...]


def read_candidate_sets(path: str | Path, rule: str = "auto") -> Iterator[CandidateSet | DataError]:
    """The pools of a JSONL file, in order, with an error in place of each bad row.

    Args:
        path: the file; gzip if its name ends in .gz.
        rule: how a solution's text is split, as in `split_solutions`; lists of steps stay as
            they are.

    Raises:
        DataError: the file cannot be read.
        BadOptionError: the rule is not known.
    """
    for row in rows_of(path):
        try:
            if isinstance(row, DataError):
                raise row
            yield from [_pool(one, rule) for one in problem_rows(row)]
        except DataError as error:
            yield error


def one_set_per_problem(rows: Iterable[CandidateSet | DataError]) -> list[CandidateSet | DataError]:
    """Rows with one solution each, in any order, as one set a problem; others as they are."""
    found: list[CandidateSet | DataError] = []
    place: dict[str, int] = {}
    for row in rows:
        if isinstance(row, DataError) or len(row.solutions) > 1:
            found.append(row)
            continue
        at = place.setdefault(row.solutions[0].candidate.problem, len(found))
        if at == len(found):
            found.append(row)
            continue
        there = found[at]
        assert isinstance(there, CandidateSet)
        found[at] = replace(there, solutions=(*there.solutions, *row.solutions))
    return found


def _pool(row: FileRow, rule: str) -> CandidateSet:
    problem, cut = read_solutions(row, rule)
    pool_id = row.text_or_number("id", row.fields.get("id")) or str(row.line)
    gold_answer = row.text_or_number("gold_answer", row.fields.get("gold_answer"))
    solutions = []
    for number, (fields, steps) in enumerate(cut, start=1):
        try:
            candidate = candidate_of(problem, steps, f"{pool_id}/{number}")
        except InputError as error:
            raise row.error(str(error), "solutions") from error
        answer = row.text_or_number("answer", fields.get("answer")) or final_answer(candidate)
        correct = fields.get("correct")
        if not isinstance(correct, bool | None):
            what = f"correct of solution {number} must be true, false or null"
            raise row.error(f"{what}, not {kind_of(correct)}", "solutions")
        if correct is None and gold_answer is not None:
            correct = same_answer(answer, gold_answer)
        recorded = recorded_scores(row, number, fields, len(steps))
        solutions.append(Solution(candidate, answer, correct, recorded))
    return CandidateSet(pool_id, tuple(solutions))


def read_solutions(
    row: FileRow, rule: str = "auto"
) -> tuple[str, list[tuple[Mapping[str, Any], tuple[Step, ...]]]]:
    """A row's problem, and each of its solutions: its unchecked fields, and its steps.

    A solution is a text, a list of steps, or an object with `text` or `steps`; then `thinking` may
    say which steps are. Anything but an object has no fields. Texts are cut together.

    Raises:
        DataError: a field is missing or invalid, or a solution has no steps.
        BadOptionError: the rule is not known.
    """
    given = given_solutions(row)
    problem = row.text("problem", row.fields["problem"])
    fields = [one if isinstance(one, dict) else {} for one in given]
    read = [text_or_steps(row, number, one) for number, one in enumerate(given, start=1)]
    cut = steps_of([solution for solution, _ in read], rule, [thinking for _, thinking in read])
    for number, steps in enumerate(cut, start=1):
        if not steps:
            raise row.error(f"solution {number} has no steps", "solutions")
    return problem, [*zip(fields, cut, strict=True)]


def recorded_scores(
    row: FileRow, number: int, fields: Mapping[str, Any], n_steps: int
) -> dict[str, tuple[float, ...]]:
    """`prm_scores`, and the probabilities of `scores`: one number in [0, 1] per step by name.

    An outcome model's score of the whole solution is left out.

    Raises:
        DataError: they have another form.
    """
    found = _scores(row, number, "prm_scores", fields.get("prm_scores"), n_steps)
    scores = fields.get("scores")
    if isinstance(scores, dict):
        lists = {
            name: one.get("probabilities") if isinstance(one, dict) else one
            for name, one in scores.items()
        }
        whole = [name for name, one in lists.items() if isinstance(one, list) and len(one) == 1]
        for name in whole if n_steps > 1 else []:
            del lists[name]
        found |= _scores(row, number, "scores", lists, n_steps)
    return found


def _scores(
    row: FileRow, number: int, field: str, value: Any, n_steps: int
) -> dict[str, tuple[float, ...]]:
    """One number in [0, 1] per step under every name."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise row.error(f"{field} must be an object, not {kind_of(value)}", "solutions")
    for name, scores in value.items():
        whose = f"{field} of {name!r} for solution {number}"
        if not isinstance(scores, list) or len(scores) != n_steps:
            raise row.error(f"{whose} must be a list of {n_steps} numbers", "solutions")
        for score in scores:
            is_number = isinstance(score, int | float) and not isinstance(score, bool)
            if not is_number or not 0.0 <= score <= 1.0:
                raise row.error(f"{whose} holds {score!r}, not a number in 0 to 1", "solutions")
    return {name: tuple(map(float, scores)) for name, scores in value.items()}

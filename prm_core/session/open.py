"""Any file as a session: ours come back equal, from others comes whatever can be read."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from prm_core.errors import DataError, InputError
from prm_core.formats.atomic import file_errors, read_errors
from prm_core.formats.candidate_sets import recorded_scores
from prm_core.formats.containers import expanded
from prm_core.formats.files import rows_in
from prm_core.formats.hub import hub_rows, is_hub
from prm_core.formats.problems import check_asks, text_or_steps
from prm_core.formats.rows import FileRow, json_value
from prm_core.formats.translate import problem_rows
from prm_core.session.codec import is_session, whatever_is_good
from prm_core.session.convert import from_candidate, session_rows_json, unique_names
from prm_core.session.record import (
    MAX_PROBLEMS,
    MAX_SOLUTIONS,
    Model,
    Problem,
    Scores,
    Session,
    Solution,
)
from prm_core.text.steps import Splits, candidate_of, given_steps, split_solutions
from prm_core.text.tags import may_hold_tags

MAX_CHARS = 2**29
"""Of all texts of a file that is not our session; about a million long solutions."""

MAX_UNPACKED = 2**31
"""Bytes of a compressed file, unpacked."""


_MOST_BAD = 10_000  # rows that cannot be read, beside ten for each problem that can


@dataclass(frozen=True, slots=True)
class Opened:
    """The contents of a file.

    Attributes:
        session: everything that could be read.
        errors: one for each unreadable row, with its line and its field.
    """

    session: Session
    errors: tuple[DataError, ...] = ()


def open_session(
    source: str | Path | bytes | BinaryIO,
    name: str = "",
    *,
    most_chars: int = MAX_CHARS,
    most_bytes: int = MAX_UNPACKED,
) -> Opened:
    """The session in a file of any kind.

    Our sessions, JSON lines and reports come back equal. From any other format that `score`,
    `evaluate` or `label` reads, the session has what a row says: scores of steps belong to a model
    that is `recorded`; texts without scores stay uncut (`cut` cuts them). Rows with one solution
    each and the same problem become one problem.

    Args:
        source: a path, a file's contents, or a data set of the Hub ("hf:owner/name").
        name: its name, if there is no path; used in errors, and for the format if the contents
            do not show it.
        most_chars: in all texts of a file that is not a session of ours; more is refused.
        most_bytes: of a compressed file, unpacked; more is refused.

    Raises:
        DataError: nothing can be read: the file is damaged, of an unknown kind, has no rows, or is
            a session of another version.
    """
    if isinstance(source, str) and is_hub(source):
        return _Builder().read(expanded(hub_rows(source)), source)
    if isinstance(source, str | Path):
        with file_errors(source, "read"), Path(source).open("rb") as file:
            return open_session(
                file, name or str(source), most_chars=most_chars, most_bytes=most_bytes
            )
    name = name or "-"
    base = nullcontext(io.BytesIO(source) if isinstance(source, bytes) else source)
    with base as stream, read_errors(name):
        rows = rows_in(stream, name, most_bytes)
        first = next(rows, None)
        if isinstance(first, FileRow) and is_session(first.fields):
            return Opened(*whatever_is_good(first.fields, name))
        everything = chain([first] if first is not None else [], rows)
        if isinstance(first, FileRow) and _is_session_row(first):
            return _session_rows(everything, name)
        return _Builder(most_chars).read(expanded(everything), name)


def from_rows(rows: Iterable[Mapping[str, Any]], name: str = "-") -> Opened:
    """The session of rows in memory, in any format that `open_session` reads.

    >>> row = {"problem": "2 + 2?", "completions": ["4"], "scores": [[0.9]]}
    >>> from_rows([row]).session.problems[0].solutions[0].scores["search-and-learn"].probabilities
    (0.9,)

    Args:
        rows: JSON objects, as `json.loads` makes them.
        name: named in errors.

    Raises:
        DataError: nothing can be read.
    """
    numbered = (
        FileRow(name, line, json_value(dict(row))) for line, row in enumerate(rows, start=1)
    )
    return _Builder().read(expanded(numbered), name)


def _is_session_row(row: FileRow) -> bool:
    return is_session(row.fields.get("session"))


def _session_rows(rows: Iterator[FileRow | DataError], name: str) -> Opened:
    """The session of rows that `session_rows` wrote, without those that are bad."""
    found = []
    for row in rows:
        found.append(row)
        if len(found) > MAX_PROBLEMS:
            raise DataError(f"has more than {MAX_PROBLEMS:,} rows of a session", path=name)
    good = [row.fields for row in found if isinstance(row, FileRow) and _is_session_row(row)]
    strange = [
        row if isinstance(row, DataError) else row.error("is not a row of a session", "session")
        for row in found
        if isinstance(row, DataError) or not _is_session_row(row)
    ]
    session, errors = whatever_is_good(session_rows_json(good), name)
    return Opened(session, (*strange, *errors))


def _too_many(errors: Sequence[DataError], name: str) -> DataError:
    """Why a file of which nearly nothing can be read is not read to its end."""
    return DataError(
        f"has more than {len(errors) - 1:,} rows that cannot be read; the first: {errors[0]}",
        path=name,
    )


class _Builder:
    """Turns rows into problems, and remembers which models they name."""

    def __init__(self, most_chars: int = MAX_CHARS) -> None:
        self._problems: list[Problem] = []
        self._models: dict[str, Model] = {}
        self._single: dict[tuple[str, str | None], int] = {}  # problem of one solution → place
        self._scored: dict[tuple[Any, ...], int] = {}  # problem with scores → place
        self._errors: list[DataError] = []
        self._annotators: set[str] = set()
        self._n_chars, self._most_chars = 0, most_chars

    def read(self, rows: Iterator[FileRow | DataError], name: str) -> Opened:
        for row in rows:
            try:
                if isinstance(row, DataError):
                    raise row
                self._annotators.update(_annotators(row.fields))
                threshold = _threshold(row.fields)
                for one in problem_rows(row):
                    self._add(one, threshold)
            except DataError as error:
                self._errors.append(error)
            if len(self._problems) > MAX_PROBLEMS or self._n_chars > self._most_chars:
                most = f"{MAX_PROBLEMS:,} problems or {self._most_chars:,} characters"
                raise DataError(f"has more than {most}, the most for a session", path=name)
            if len(self._errors) > _MOST_BAD + 10 * len(self._problems):
                raise _too_many(self._errors, name)
        if not self._problems:
            raise self._errors[0] if self._errors else DataError("has no rows", path=name)
        problems, models = tuple(self._problems), tuple(self._models.values())
        try:
            annotator = "".join(self._annotators) if len(self._annotators) == 1 else ""
            session = Session(problems, models, annotator=annotator)
            return Opened(session, tuple(self._errors))
        except InputError as error:
            raise DataError(str(error), path=name) from error

    def _add(self, row: FileRow, threshold: float) -> None:
        problem = _problem(row)
        self._n_chars += len(problem.problem)
        for solution in problem.solutions:
            self._n_chars += len(solution.text) + sum(map(len, solution.steps))
            for model in solution.scores:
                self._models.setdefault(model, Model(model, threshold=threshold, recorded=True))
        if self._added_scores(problem):
            return
        key = (problem.problem, problem.gold_answer)
        at = self._single.get(key) if len(problem.solutions) == 1 else None
        if at is None:
            at = len(self._problems)
            self._problems.append(problem)
            self._scored.setdefault(_judged(problem), at)
            if len(problem.solutions) == 1:
                self._single[key] = at
        elif not _is_repeated(problem, self._problems[at]):
            self._problems[at] = _with(row, self._problems[at], problem.solutions[0])

    def _added_scores(self, problem: Problem) -> bool:
        """Whether these solutions are already there, scored by another model."""
        at = self._scored.get(_judged(problem))
        if at is None or not problem.solutions:
            return False
        pairs = [*zip(self._problems[at].solutions, problem.solutions, strict=False)]
        if any(not b.scores or a.scores.keys() & b.scores.keys() for a, b in pairs):
            return False
        more = [_with_scores(a, b) for a, b in pairs]
        there = self._problems[at]
        rest = there.solutions[len(more) :]  # others of this problem that were added since
        self._problems[at] = replace(there, solutions=(*more, *rest))
        return True


def _threshold(fields: Mapping[str, Any]) -> float:
    """The threshold of the results of `score`, which may be a cell; 0.5 where there is none."""
    try:
        threshold = float(fields.get("threshold") or 0.5)
    except (TypeError, ValueError, OverflowError):
        return 0.5
    return threshold if 0.0 < threshold < 1.0 else 0.5


def _annotators(fields: Mapping[str, Any]) -> set[str]:
    """Who labelled a row, or solutions of it."""
    candidates = fields.get("candidates")
    inside = candidates if isinstance(candidates, list) else []
    said = [fields.get("annotator"), fields.get("labeler")]
    said += [one.get("annotator") for one in inside if isinstance(one, dict)]
    return {one for one in said if isinstance(one, str) and one.strip()}


def _is_repeated(problem: Problem, there: Problem) -> bool:
    """PRMBench repeats an original solution with every modification of it."""
    (one,) = problem.solutions
    return problem.source == "prmbench/original" and any(
        (one.steps, one.labels) == (other.steps, other.labels) for other in there.solutions
    )


def _judged(problem: Problem) -> tuple[Any, ...]:
    """The same key for the same solutions of the same problem."""
    texts = tuple(map(_letters, problem.solutions))
    return (problem.problem, problem.id, problem.gold_answer, texts)


def _letters(solution: Solution) -> str:
    """The same for the same text, however it is cut."""
    return "".join("".join(solution.steps or (solution.text,)).split())


def _with_scores(one: Solution, scored: Solution) -> Solution:
    """A solution with another model's scores of the same text, which may be cut differently."""
    if not one.steps:
        one = replace(one, steps=scored.steps, thinking=scored.thinking)
    scores = {name: _of_steps(scored, found) for name, found in scored.scores.items()}
    return replace(one, scores={**one.scores, **scores})


def _of_steps(solution: Solution, scores: Scores) -> Scores:
    """A solution's scores, with the steps that they are of."""
    if scores.steps:
        return scores
    if len(scores.probabilities) == len(solution.steps):
        return replace(scores, steps=solution.steps, thinking=solution.thinking)
    return replace(scores, steps=("\n\n".join(solution.steps),))


def _with(row: FileRow, problem: Problem, solution: Solution) -> Problem:
    """A problem with one more solution, or with another model's scores of an existing one."""
    for at, one in enumerate(problem.solutions):
        same = one.steps and _letters(one) == _letters(solution) and solution.scores
        if same and not one.scores.keys() & solution.scores.keys():
            kept = list(problem.solutions)
            kept[at] = _with_scores(one, solution)
            return replace(problem, solutions=tuple(kept))
    if len(problem.solutions) == MAX_SOLUTIONS:
        message = f"is one more than the {MAX_SOLUTIONS:,} solutions that are kept of a problem"
        raise row.error(message, "solutions")
    names = [one.name for one in problem.solutions]
    name = unique_names([*names, solution.name])[-1]
    try:
        solutions = (*problem.solutions, replace(solution, name=name))
        return replace(problem, solutions=solutions)
    except InputError as error:
        raise row.error(str(error), "solutions") from error


def _problem(row: FileRow) -> Problem:
    """One of our rows as a problem.

    Raises:
        DataError: a field does not contain what it should.
    """
    fields = row.fields
    check_asks(row)
    text = row.text("problem", fields["problem"])
    given = fields.get("solutions", [])
    if not isinstance(given, list):
        raise row.error("must be a list of solutions", "solutions")
    if len(given) > MAX_SOLUTIONS:
        message = f"has {len(given):,} entries; at most {MAX_SOLUTIONS:,} are kept of a problem"
        raise row.error(message, "solutions")
    more = [one if isinstance(one, dict) else {} for one in given]
    read = [text_or_steps(row, number, one) for number, one in enumerate(given, start=1)]
    names = unique_names([one["name"] if _is_name(one.get("name")) else "" for one in more])
    try:
        return Problem(
            text,
            row.text_or_number("id", fields.get("id")),
            tuple(
                _solution(row, number, *parts)
                for number, parts in enumerate(zip(names, read, more, strict=True), start=1)
            ),
            gold_answer=row.text_or_number("gold_answer", fields.get("gold_answer")),
            source=row.text_or_number("source", fields.get("source")) or "",
        )
    except InputError as error:
        raise row.error(str(error), "solutions") from error


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _solution(
    row: FileRow,
    number: int,
    name: str,
    read: tuple[str | tuple[str, ...], Sequence[bool] | None],
    fields: Mapping[str, Any],
) -> Solution:
    written, marks = read
    solution = _cut(name, written, marks, fields)
    said = f"of solution {number}"
    return replace(
        solution,
        generator=row.text_or_number("solutions", fields.get("generator"), said) or "",
        answer=row.text_or_number("solutions", fields.get("answer"), said),
        correct=fields["correct"] if isinstance(fields.get("correct"), bool) else None,
        scores=_scores(row, number, fields, len(solution.steps)),
        labels=tuple(_label(one) for one in fields.get("labels") or ()),
        step_notes=_notes(row, number, fields.get("step_notes")),
        note=row.text_or_number("solutions", fields.get("note"), said) or "",
        error_type=row.text_or_number("solutions", fields.get("error_type"), said),
    )


def _cut(
    name: str,
    written: str | tuple[str, ...],
    marks: Sequence[bool] | None,
    fields: Mapping[str, Any],
) -> Solution:
    """A solution as it was written: steps as given, a text cut only if it was judged."""
    if isinstance(written, str):
        solution = Solution(name, written)
        judged = any(fields.get(one) for one in ("scores", "prm_scores", "labels"))
        return cut_solutions((solution,), "auto")[0] if judged else solution
    text = fields.get("text") if isinstance(fields.get("text"), str) else ""
    if not any(map(may_hold_tags, written)):  # skip a slow search that would find nothing
        return Solution(name, text or "", written, tuple(marks or ()))
    candidate = candidate_of("–", given_steps(written, marks))
    return replace(from_candidate(candidate, name), text=text or "")


def _notes(row: FileRow, number: int, notes: Any) -> tuple[str, ...]:
    if notes is not None and not isinstance(notes, list):
        raise row.error(f"step_notes of solution {number} must be a list", "solutions")
    return tuple(notes or ())


def _label(value: Any) -> Any:
    """A label as a session has it; -1 is wrong."""
    return 0.0 if value == -1 else value


def _scores(
    row: FileRow, number: int, fields: Mapping[str, Any], n_steps: int
) -> dict[str, Scores]:
    """The models' scores of a solution, in any form that a row may have."""
    found = {name: Scores(p) for name, p in recorded_scores(row, number, fields, n_steps).items()}
    scores = fields.get("scores")
    for name, one in scores.items() if isinstance(scores, dict) else ():
        said = one if isinstance(one, dict) else {"probabilities": one}
        try:
            found[name] = Scores(
                tuple(said["probabilities"]),
                tuple(said.get("log_odds") or ()),
                {extra: tuple(values) for extra, values in (said.get("extras") or {}).items()},
                tuple(said.get("rationales") or ()),
            )
        except (InputError, *_NOT_SCORES) as error:
            why = f"scores of {name!r} for solution {number}: {error}"
            raise row.error(why, "solutions") from error
    return found


_NOT_SCORES = (KeyError, TypeError, ValueError, AttributeError, OverflowError)


# --- cutting --------------------------------------------------------------------------------------


def cut(problem: Problem, rule: str = "auto") -> Problem:
    """A problem whose uncut texts are cut into steps, all by one rule if one fits.

    Args:
        problem: the problem before; solutions that have steps stay as they are.
        rule: as for `split_solutions`.

    Raises:
        BadOptionError: the rule is not known.
    """
    return replace(problem, solutions=cut_solutions(problem.solutions, rule), rule=rule)


def cut_solutions(solutions: Sequence[Solution], rule: str) -> tuple[Solution, ...]:
    """Solutions of one problem, those that are texts cut into steps; see `cut`."""
    texts = [one.text for one in solutions if not one.steps]
    splits: Splits = split_solutions(texts, rule)
    found = iter(splits.solutions)
    cut_ones = []
    for one in solutions:
        if not one.steps and (split := next(found)).steps:
            candidate = candidate_of("–", split.steps)
            one = replace(
                one,
                steps=candidate.steps,
                thinking=candidate.thinking,
                tagged_answer=candidate.tagged_answer,
                cut=split.rule,
            )
        cut_ones.append(one)
    return tuple(cut_ones)

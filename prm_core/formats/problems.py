"""A row as a problem with its solutions: the one reader of these fields, and a file of them.

Rows of other formats are translated first (`prm_core.formats.translate`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prm_core.errors import DataError
from prm_core.formats.atomic import read_errors
from prm_core.formats.containers import expanded
from prm_core.formats.rows import FileRow, kind_of, read_rows
from prm_core.formats.translate import problem_rows


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One line of an input file: a problem and its solutions.

    Attributes:
        path: the file, or "-" for standard input.
        line: 1-based number of the line.
        id: the row's own name; None if it has none.
        problem: the task's text; not blank.
        solutions: each a text still to be split, or its steps as given; at least one, none blank.
        gold_answer: the right final answer, as text; None if it is not known.
        thinking: for each solution, which of its given steps are thinking, or None if its row
            does not say; empty if none does.
    """

    path: str
    line: int
    id: str | int | None
    problem: str
    solutions: tuple[str | tuple[str, ...], ...]
    gold_answer: str | None = None
    thinking: tuple[tuple[bool, ...] | None, ...] = ()

    def error(self, message: str, field: str | None = None) -> DataError:
        """A `DataError` that names this row."""
        return DataError(message, path=self.path, line=self.line, field=field)


def read_problems(
    stream: Iterable[bytes], path: str | Path = "-"
) -> Iterator[ProblemRow | DataError]:
    """Problems of a JSONL file, in order, with an error in place of each bad row.

    Lines are read as by `read_rows`.

    >>> lines = [b'{"problem": "2 + 2?", "solutions": ["4", ["2 + 2 = 5", "5"]]}', b"{}"]
    >>> good, bad = read_problems(lines, "rows.jsonl")
    >>> good.solutions
    ('4', ('2 + 2 = 5', '5'))
    >>> print(bad)
    rows.jsonl, line 2, field 'problem': is missing, and no known format has its fields (none)

    Args:
        stream: the lines, as bytes.
        path: named in errors.
    """
    yield from _problems(expanded(read_rows(stream, path)))


def _problems(rows: Iterable[FileRow | DataError]) -> Iterator[ProblemRow | DataError]:
    """Rows of any format as problems, with an error in place of each bad row."""
    for row in rows:
        try:
            if isinstance(row, DataError):
                raise row
            yield from [problem_row(one) for one in problem_rows(row)]
        except DataError as error:
            yield error


def check_asks(row: FileRow) -> None:
    """
    Raises:
        DataError: it is not one of our rows, as which those of known formats are read.
    """
    if "problem" not in row.fields:
        there = ", ".join(map(repr, [*row.fields][:8])) or "none"
        raise row.error(f"is missing, and no known format has its fields ({there})", "problem")


def given_solutions(row: FileRow) -> list[Any]:
    """The `solutions` of a row that also has a problem; each is still unchecked.

    Raises:
        DataError: one of the two fields is missing, or there are no solutions.
    """
    check_asks(row)
    if "solutions" not in row.fields:
        raise row.error("is missing", "solutions")
    solutions = row.fields["solutions"]
    if not isinstance(solutions, list):
        raise row.error(f"must be a list of solutions, not {kind_of(solutions)}", "solutions")
    if not solutions:
        raise row.error("is an empty list; give at least one solution", "solutions")
    return solutions


Marks = tuple[bool, ...] | None


def text_or_steps(row: FileRow, number: int, solution: Any) -> tuple[str | tuple[str, ...], Marks]:
    """A solution of a row: a text that is still to be split, or its steps as given.

    It may be an object with `steps` or `text`, whose `thinking` says which steps are thinking; that
    is the second value, None if not given.

    Args:
        row: named in errors.
        number: the solution's, from 1.
        solution: what to check.

    Raises:
        DataError: it is something else, or has no steps.
    """
    name = f"solution {number}"
    thinking = None
    if isinstance(solution, dict):
        if not solution.keys() & {"steps", "text"}:
            raise row.error(f"{name} has neither steps nor text", "solutions")
        thinking = solution.get("thinking")
        solution = solution.get("steps", solution.get("text"))
    if not isinstance(solution, list):
        return row.text("solutions", solution, name), None
    if not solution:
        raise row.error(f"{name} has no steps", "solutions")
    steps = tuple(
        row.text("solutions", step, f"step {index} of {name}")
        for index, step in enumerate(solution, start=1)
    )
    return steps, row.marks("solutions", thinking, len(steps), f"thinking of {name}")


def problem_row(row: FileRow) -> ProblemRow:
    """One of our rows as a problem with its solutions.

    Raises:
        DataError: a field is invalid.
    """
    fields = row.fields
    solutions = given_solutions(row)
    row_id = fields.get("id")
    if isinstance(row_id, str):
        row_id = row.text("id", row_id)
    elif row_id is not None and (isinstance(row_id, bool) or not isinstance(row_id, int)):
        raise row.error(f"must be text or a whole number, not {kind_of(row_id)}", "id")
    read = [text_or_steps(row, number, one) for number, one in enumerate(solutions, start=1)]
    marks = tuple(thinking for _, thinking in read)
    return ProblemRow(
        path=row.path,
        line=row.line,
        id=row_id,
        problem=row.text("problem", fields["problem"]),
        solutions=tuple(solution for solution, _ in read),
        gold_answer=row.text_or_number("gold_answer", fields.get("gold_answer")),
        thinking=marks if any(marks) else (),
    )


class Problems:
    """The problems of a file, in order, with an error in place of each bad row.

    Made by `open_problems`; can be read once.
    """

    def __init__(
        self, rows: Iterable[FileRow | DataError], share: Callable[[], float | None], path: str
    ) -> None:
        self._rows, self._share, self._path = rows, share, path

    def __iter__(self) -> Iterator[ProblemRow | DataError]:
        """
        Raises:
            DataError: the file cannot be read any further.
        """
        return _problems(self.rows())

    def rows(self) -> Iterator[FileRow | DataError]:
        """The rows of the file, of any format, their fields unchecked.

        Raises:
            DataError: the file cannot be read any further.
        """
        with read_errors(self._path):
            yield from self._rows

    @property
    def share(self) -> float | None:
        """How much of the file has been read, from 0 to 1; None if unknown."""
        return self._share()

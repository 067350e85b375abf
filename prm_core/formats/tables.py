"""CSV and Parquet: problems in, results out.

A table of problems has the columns `problem`, perhaps `id` and `gold_answer`, and either
`solutions`, a list (in CSV as JSON), or `solution`: then neighbouring rows with the same problem
and id are the solutions of one problem. A table of results has one row per solution, and is read
back in this form. A table with the columns of another format is read as rows of that format, with
lists in CSV as JSON.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Any, BinaryIO

from prm_core.errors import DataError
from prm_core.formats.atomic import read_errors
from prm_core.formats.labelled_rows import LABELLED
from prm_core.formats.rows import (
    ALSO_GOLD,
    ASKED,
    MAX_BLANK,
    MAX_LINE,
    MAX_SAME,
    FileRow,
    is_solution_name,
    kind_of,
    several_solutions,
    too_blank,
    with_gold_answer,
)
from prm_core.formats.translate import FORMATS, OR_REPLIED, REPLIED
from prm_core.ranking.aggregate import METHODS

_log = logging.getLogger(__name__)

_COLUMNS = ("id", "problem", "solutions", "solution", "gold_answer", *ALSO_GOLD, "source")
_MOST_COLUMNS = 10_000
_ROW_GROUP = 1000  # solutions that are written to Parquet at once


_OF_PROBLEM = ("id", "problem", "gold_answer", "model", "aggregation", "threshold")
_RESULTS = frozenset({"problem", "candidate", "steps", "probabilities"})


def _is_other(columns: Sequence[str]) -> bool:
    """Whether these are the columns of another format, not of a table of problems."""
    adds = set(OR_REPLIED) if "solution" in columns else set()
    known = [one.fields for one in FORMATS if one.name != "MATH" and not one.fields & adds]
    known += [_RESULTS, _PRM800K, *LABELLED]
    is_math = {"problem", "solution"} <= set(columns) and {"level", "subject"} & set(columns)
    return bool(is_math) or any(fields <= set(columns) for fields in known)


_PRM800K = frozenset({"question", "label"})


def check_columns(columns: Sequence[str], path: str) -> bool:
    """Whether a table is one of problems, rather than of another format.

    Raises:
        DataError: it is neither.
    """
    for column, n in Counter(columns).items():
        if n > 1 and column:
            raise DataError(f"has the column {column[:60]!r} twice", path=path)
    several = several_solutions(columns)
    if not {"solutions", *several} & set(columns) and _is_other(columns):
        return False
    if (
        "problem" not in columns
        and (several or "solutions" in columns)
        and set(ASKED) & set(columns)
    ):
        return False  # ours, but for the name of the problem
    if "problem" not in columns:
        there = ", ".join(column[:60] for column in columns[:8])
        found = f"; it has {there}" if any(columns) else ""
        raise DataError(f"has no column 'problem'{found}", path=path)
    given = {"solutions", "solution"} & set(columns) or several[:1]
    asks_only = not given and bool({"gold_answer", *ALSO_GOLD} & set(columns))
    if len(given) != 1 and not asks_only:
        raise DataError(
            "needs either a column 'solutions' (a list) or a column 'solution' (one per row)",
            path=path,
        )
    if asks_only:
        there = ", ".join(column[:60] for column in columns[:8])
        message = "%s: no column holds solutions, so that only problems are read; it has %s"
        _log.warning(message, path, there)
    return True


_WITH_REFERENCE = frozenset({"level", "subject", *REPLIED})
"""Columns beside which `solution` is the reference, and not one of several."""


def one_per_problem(rows: Iterable[FileRow | DataError]) -> Iterator[FileRow | DataError]:
    """Combine rows with one solution each: neighbours with the same problem and id.

    `answer` is the right one if it is the same for all of them, or else each solution's own.
    """
    pool: list[FileRow] = []
    for row in rows:
        if isinstance(row, DataError):  # the problem's other solutions stay together
            yield row
            continue
        alone = "solution" not in row.fields or bool(_WITH_REFERENCE & row.fields.keys())
        names = ("problem", "id")
        if pool and (alone or any(pool[0].fields.get(n) != row.fields.get(n) for n in names)):
            yield _one(pool)
            pool = []
        if alone:
            yield row
        else:
            pool.append(row)
            _check_same(len(pool), pool[0])
    if pool:
        yield _one(pool)


def _check_same(n: int, first: FileRow) -> None:
    """
    Raises:
        DataError: so many rows are solutions of one problem that they would fill the memory.
    """
    if n > MAX_SAME:
        message = f"and the rows after it are more than {MAX_SAME:,} solutions of one problem"
        raise first.error(message)


def _one(pool: list[FileRow]) -> FileRow:
    """The rows of one problem as one."""
    fields = {name: value for name, value in pool[0].fields.items() if name != "solution"}
    solutions = [row.fields["solution"] for row in pool]
    answers = [row.fields.get("answer") for row in pool]
    if any(one != answers[0] for one in answers):
        fields.pop("answer", None)
        solutions = list(map(_answered, solutions, answers))
    return FileRow(pool[0].path, pool[0].line, {**fields, "solutions": solutions})


def _answered(solution: Any, answer: Any) -> Any:
    """A solution with its own answer."""
    if answer is None or isinstance(solution, dict):
        return solution
    return {"steps" if isinstance(solution, list) else "text": solution, "answer": answer}


def one_result_per_problem(rows: Iterable[FileRow | DataError]) -> Iterator[FileRow | DataError]:
    """Combine rows of a table of results as `score` writes them: neighbours of one problem."""
    first: FileRow | None = None
    for row in rows:
        if isinstance(row, DataError) or not row.fields.keys() >= _RESULTS:
            yield row
            continue
        about = {name: row.fields.get(name) for name in _OF_PROBLEM}
        if first is None or any(first.fields[name] != value for name, value in about.items()):
            if first is not None:
                yield first
            first = FileRow(row.path, row.line, {**about, "candidates": []})
        first.fields["candidates"].append(
            {
                name: _json_cell(value, name)
                for name, value in row.fields.items()
                if name not in about
            }
        )
        _check_same(len(first.fields["candidates"]), first)
    if first is not None:
        yield first


_NUMBER = re.compile(r"-?\d{1,15}")
_WORDS = {"true": True, "false": False, "True": True, "False": False}
_TYPED = ("label", "mistake_index", "doc_id", "epoch", "correct", "final_answer_correct")


def _json_cell(cell: Any, name: str = "") -> Any:
    """The value in a text cell: a list or an object as JSON, and values that cannot be text."""
    if not isinstance(cell, str) or name in ("note", "annotator"):
        return cell
    if cell[:1] in ("[", "{"):
        with suppress(ValueError, RecursionError):
            return json.loads(cell)
    if name in _TYPED:
        return int(cell) if _NUMBER.fullmatch(cell) else _WORDS.get(cell, cell)
    return cell


class _Lines(Iterator[str]):
    """The lines of a table. After a record that cannot be read, those after its first come again:
    a quote that does not end takes the next records with it."""

    _MOST = 100  # lines of such a record; after a longer one reading continues where it ended

    def __init__(self, lines: Iterable[str], number: int) -> None:
        self._lines, self.number = iter(lines), number
        self._held: list[str] = []
        self._again: deque[str] = deque()

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.number += 1
        if len(self._held) <= self._MOST:
            self._held.append(line)
        return line

    def begin(self) -> None:
        """The next line is the first of a record."""
        self._held.clear()

    def again(self) -> None:
        """Go back to the second line of the record."""
        if 1 < len(self._held) <= self._MOST:
            self._again.extendleft(reversed(self._held[1:]))
            self.number -= len(self._held) - 1


def _records(reader: Any, lines: _Lines, path: str) -> Iterator[tuple[int, list[str]] | DataError]:
    """The cells of each record with the number of its first line, or why it cannot be read."""
    while True:
        lines.begin()
        line = lines.number + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield DataError(f"is not valid CSV: {error}", path=path, line=line)
            lines.again()


class _Bounded(io.RawIOBase):
    """A file, with a bound on a line, which is in memory before it is read, and on line ends alone:
    gzip may unpack to anything."""

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream, self._path, self._n_held, self._n_blank = stream, path, 0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        end = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self._n_held = len(data) - end - 1 + (self._n_held if end < 0 else 0)
        if self._n_held > MAX_LINE:
            raise DataError(f"has a line of more than {MAX_LINE:,} bytes", path=self._path)
        self._n_blank = 0 if data.strip() else self._n_blank + len(data)
        if self._n_blank > MAX_BLANK:
            raise too_blank(self._path)
        return len(data)


_TOLD = re.compile(r"sep=(.)\r?\n?")  # Excel's first line


_NAMES = frozenset({*_COLUMNS, *ASKED}.union(*(one.fields for one in FORMATS), *LABELLED))


def column_name(name: str) -> str:
    """A column's name as ours, where it differs in case and blanks: "Gold Answer"."""
    plain = "_".join(name.lower().split())
    return plain if plain in _NAMES else name


def is_read(column: str) -> bool:
    """Whether a column of a table of problems is read."""
    return column in _COLUMNS or is_solution_name(column)


def csv_rows(stream: Any, path: str, delimiter: str = ",") -> Iterator[FileRow | DataError]:
    """The rows of a CSV file under its header; empty cells are left out.

    Raises:
        DataError: the header is not that of a table of problems.
    """
    csv.field_size_limit(MAX_LINE)  # its default, 131,072, is less than a long solution
    stream = _Bounded(stream, path)
    with read_errors(path):
        text = io.TextIOWrapper(stream, "utf-8-sig", newline="")
        try:
            first = text.readline()
            if told := _TOLD.fullmatch(first):
                delimiter, first, n_above = told[1], text.readline(), 1
            else:
                # A semicolon is Excel's where a comma is the decimal point.
                delimiter, n_above = max(delimiter, *",;\t|", key=first.count), 0
            if not first:
                raise DataError("has no rows", path=path)
            if first.count(delimiter) > _MOST_COLUMNS:
                raise DataError(f"has more than {_MOST_COLUMNS:,} columns", path=path)
            lines = _Lines(chain([first], text), n_above)
            reader = csv.reader(lines, strict=True, delimiter=delimiter)
            header = [column_name(name) for name in next(reader, [])]
            is_ours = check_columns(header, path)
            for record in _records(reader, lines, path):
                if isinstance(record, DataError):
                    yield record
                    continue
                line, cells = record
                if not cells:
                    continue
                if len(cells) != len(header):
                    message = f"has {len(cells)} cells under {len(header)} columns"
                    yield DataError(message, path=path, line=line)
                    continue
                found = list(zip(header, cells, strict=True))
                if not is_ours:
                    is_result = set(header) >= _RESULTS
                    typed = {
                        name: cell
                        if is_solution_name(name)
                        else _json_cell(armed(cell) if is_result else cell, name)
                        for name, cell in found
                        if name
                    }
                    given = {k: v for k, v in typed.items() if v != "" or k in REPLIED}
                    yield FileRow(path, line, given)
                    continue
                fields: dict[str, Any] = {
                    name: cell for name, cell in found if is_read(name) and cell
                }
                if "solution" in header:
                    fields.setdefault("solution", "")
                yield with_list(FileRow(path, line, fields))
        except csv.Error as error:
            line = lines.number
            raise DataError(f"is not valid CSV: {error}", path=path, line=line) from None
        finally:
            text.detach()  # otherwise the stream would be closed with it


def with_list(row: FileRow) -> FileRow | DataError:
    """A row whose solutions are parsed as JSON if they are text."""
    value = row.fields.get("solutions")
    if not isinstance(value, str):
        return row
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = value
    if not isinstance(found, list):
        return row.error(
            f"must be a JSON list of solutions, not {kind_of(found)}; a column of single texts is "
            "called 'solution'",
            "solutions",
        )
    row.fields["solutions"] = found
    return row


def grouped(rows: Iterable[FileRow | DataError]) -> Iterator[FileRow | DataError]:
    """The rows of a table, those of one problem combined."""
    for row in one_result_per_problem(one_per_problem(rows)):
        if isinstance(row, FileRow):
            with_gold_answer(row.fields, row.path)
        yield row


def pyarrow_for(path: str) -> Any:
    """The library that reads and writes Parquet, which is optional.

    Raises:
        DataError: it is not installed.
    """
    try:
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError as error:
        raise DataError(
            "Parquet needs the package pyarrow: pip install 'prm-inspector[parquet]', or "
            "pip install pyarrow",
            path=path,
        ) from error
    return pyarrow


_SCORES = tuple(f"score_{method}" for method in METHODS)
_RESULT_COLUMNS = (
    *(*_OF_PROBLEM, "candidate", "place", "steps", "probabilities"),
    *_SCORES,
    *("weakest_step", "first_error", "answer", "thinking", "extras", "rationales"),
    *("reward_form", "rewards"),
)
_SAID_COLUMNS = ("labels", "step_notes", "note", "annotator")


def solution_rows(result: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A problem's results as one row per solution, in the order in which they were given.

    `place` counts from 1 in the order of the ranking; lists and objects are JSON. A solution
    that was not scored has no numbers.
    """
    places = {index: place for place, index in enumerate(result["ranking"], start=1)}
    of_problem = {name: result.get(name) for name in _OF_PROBLEM}
    for one in result["candidates"]:
        same = ("steps", "probabilities", "weakest_step", "first_error", "answer")
        yield {
            **of_problem,
            "id": None if result["id"] is None else str(result["id"]),
            "reward_form": result.get("reward_form"),
            "rewards": one.get("rewards"),
            "candidate": one["index"],
            "place": places.get(one["index"]),
            **{name: one.get(name) for name in same},
            "probabilities": one.get("probabilities", []),
            **{f"score_{method}": score for method, score in one.get("scores", {}).items()},
            **{
                name: json.dumps(one[name], ensure_ascii=False) if name in one else None
                for name in ("thinking", "extras", "rationales", "labels", "step_notes")
            },
            "note": one.get("note"),
            "annotator": one.get("annotator"),
        }


_Writer = tuple[Callable[[str], object], Callable[[], object]]
"""A function that takes a JSON line, and one to call after the last line."""


_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_PLAIN_NUMBER = re.compile(r"[+-]?[\d.,]+%?")


def defused(cell: Any) -> Any:
    """A cell that no spreadsheet runs: what begins like a formula gets an apostrophe before it.

    >>> defused("=1+1"), defused("-5"), defused("'=1"), defused(7)
    ("'=1+1", '-5', "''=1", 7)
    """
    is_text = isinstance(cell, str) and _FORMULA.match(cell) and not _PLAIN_NUMBER.fullmatch(cell)
    return f"'{cell}" if is_text else cell


def armed(cell: Any) -> Any:
    """The inverse of `defused`."""
    is_text = isinstance(cell, str) and cell[:1] == "'" and _FORMULA.match(cell[1:])
    return cell[1:] if is_text else cell


def csv_writer(file: Any, labelled: bool = False) -> _Writer:
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    # Not QUOTE_MINIMAL: Python 3.11 would leave a carriage return in a cell unquoted.
    table = csv.DictWriter(
        text,
        _columns(labelled),
        extrasaction="ignore",
        lineterminator="\n",
        quoting=csv.QUOTE_NONNUMERIC,
    )
    table.writeheader()

    def write(line: str) -> None:
        for row in solution_rows(json.loads(line)):
            for name in ("steps", "probabilities", "rewards"):
                if row[name] is not None:
                    row[name] = json.dumps(row[name], ensure_ascii=False)
            table.writerow({name: defused(cell) for name, cell in row.items()})

    def finish() -> None:
        text.detach()  # flushes, and leaves the file open for the caller

    return write, finish


def _columns(labelled: bool) -> tuple[str, ...]:
    return (*_RESULT_COLUMNS, *_SAID_COLUMNS) if labelled else _RESULT_COLUMNS


def parquet_writer(file: Any, path: str, labelled: bool = False) -> _Writer:
    pyarrow = pyarrow_for(path)
    lists = {
        "steps": pyarrow.string(),
        "probabilities": pyarrow.float64(),
        "rewards": pyarrow.float64(),
    }
    whole = ("candidate", "place", "weakest_step", "first_error")
    schema = pyarrow.schema(
        [
            pyarrow.field(
                name,
                pyarrow.list_(lists[name])
                if name in lists
                else pyarrow.float64()
                if name in (*_SCORES, "threshold")
                else pyarrow.int64()
                if name in whole
                else pyarrow.string(),
            )
            for name in _columns(labelled)
        ]
    )
    table = pyarrow.parquet.ParquetWriter(file, schema)
    waiting: list[dict[str, Any]] = []

    def write_waiting() -> None:
        table.write_table(pyarrow.Table.from_pylist(waiting, schema))
        waiting.clear()

    def write(line: str) -> None:
        waiting.extend(solution_rows(json.loads(line)))
        if len(waiting) >= _ROW_GROUP:
            write_waiting()

    def finish() -> None:
        if waiting:
            write_waiting()
        table.close()

    return write, finish

"""JSON and JSON lines → rows with their place, and rows → JSON lines.

A bad line becomes a `DataError` that names file, line and field, in place of its row, so that the
caller decides whether the good rows still count.
"""

from __future__ import annotations

import codecs
import io
import json
import logging
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any
from uuid import UUID

from prm_core.answers.final import final_answer
from prm_core.errors import DataError
from prm_core.types import half_character

_log = logging.getLogger(__name__)

_LONGEST = 240  # characters of a message

MAX_LINE = 2**28
"""Bytes of one line, or of one value over several lines; more is refused."""

MAX_BLANK = 1_000_000
"""Blank lines in a row; more are what a file of a few kilobytes unpacks to, and no rows follow."""

MAX_SAME = 100_000
"""Rows of a table that are solutions of one problem; all of them are in memory."""

_MAX_DEPTH = 100_000  # the parser refuses less, with its own words


class TooMuchError(DataError):
    """A file has more than is read at all, so that not even its beginning counts."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One line of a file: an object whose fields are still to be checked.

    Attributes:
        path: the file, or "-" for standard input.
        line: 1-based number of the line.
        fields: the object's contents.
    """

    path: str
    line: int
    fields: dict[str, Any]

    def error(self, message: str, field: str | None = None) -> DataError:
        """A `DataError` that names this row; long quotations from the row are cut."""
        message = message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…"
        return DataError(message, path=self.path, line=self.line, field=field)

    def marks(self, field: str, value: Any, n_steps: int, name: str) -> tuple[bool, ...] | None:
        """A value as one true or false per step; None if it is null.

        Args:
            field: where it is; named in errors.
            value: the value to check.
            n_steps: how many there must be.
            name: what they are.

        Raises:
            DataError: it is something else.
        """
        if value is None:
            return None
        right = isinstance(value, list) and all(isinstance(one, bool) for one in value)
        if not right or len(value) != n_steps:
            raise self.error(f"{name} must be a list of {n_steps} booleans", field)
        return tuple(value)

    def text_or_number(self, field: str, value: Any, name: str = "") -> str | None:
        """A value as text that may be missing: null and blank text are None, a number is a text.

        Args, Raises: as `text`.
        """
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        return self.text(field, value, name)

    def text(self, field: str, value: Any, name: str = "") -> str:
        """A value of a field as text that is not blank.

        Args:
            field: where it is; named in errors.
            value: the value to check.
            name: what it is, if the field contains several.

        Raises:
            DataError: it is something else.
        """
        what = f"{name} " if name else ""
        if not isinstance(value, str):
            raise self.error(f"{what}must be text, not {kind_of(value)}", field)
        if not value.strip():
            raise self.error(f"{what}is blank", field)
        if half_character(value):
            raise self.error(f"{what}holds an unpaired surrogate (invalid Unicode)", field)
        return value


def read_rows(stream: Iterable[bytes], path: str | Path = "-") -> Iterator[FileRow | DataError]:
    """The objects of a JSON file, in order, with an error in place of each bad one.

    One object a line; or a list of objects, or objects over several lines, as `json.dump` writes
    them with and without `indent`: a file whose first line begins with "[", or is "{" alone with a
    field on the next. Blank lines are skipped and a byte order mark is ignored. Only one row and
    the current line are in memory. If a problem with `solutions` has no `gold_answer`, its field
    `answer` (as in MATH-500) is used instead, which is logged.

    Args:
        stream: the lines, as bytes.
        path: named in errors.
    """
    name = str(path)
    numbered = enumerate(_bounded(stream, name), start=1)
    blank = (b"", codecs.BOM_UTF8)
    lines = ((number, line) for number, line in numbered if line.strip() not in blank)
    first = [(number, line.removeprefix(codecs.BOM_UTF8)) for number, line in islice(lines, 1)]
    several = bool(first) and first[0][1].lstrip()[:1] == b"["
    if first and first[0][1].strip() == b"{":  # an object over several lines, or half of a row
        first += islice(lines, 1)
        several = first[-1][1].lstrip()[:1] in (b'"', b"}")
    found = chain(first, lines)
    yield from _rows(_values(found, name) if several else found, name)


def _bounded(stream: Iterable[bytes], path: str) -> Iterator[bytes]:
    """Lines, none longer than `MAX_LINE`; of a file, which may unpack to anything, no more is read.

    Raises:
        DataError: one is longer, or too many in a row are blank.
    """
    lines: Iterable[bytes] = stream
    if isinstance(stream, io.BufferedIOBase):
        lines = iter(partial(stream.readline, MAX_LINE + 1), b"")
    n_blank = 0
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_LINE:
            raise DataError(f"has more than {MAX_LINE:,} bytes", path=path, line=number)
        n_blank = n_blank + 1 if line.isspace() else 0
        if n_blank > MAX_BLANK:
            raise too_blank(path, number)
        yield line


def too_blank(path: str, line: int | None = None) -> DataError:
    """Why a file is not read to its end that goes on with blank lines."""
    return DataError(f"has more than {MAX_BLANK:,} blank lines in a row", path=path, line=line)


def _rows(values: Iterable[tuple[int, bytes]], path: str) -> Iterator[FileRow | DataError]:
    """Texts that should be objects, each with the number of its first line, as rows."""
    try:
        for number, raw in values:
            try:
                yield FileRow(path, number, with_gold_answer(_fields(raw, path, number), path))
            except DataError as error:
                yield error
    except TooMuchError:
        raise
    except DataError as error:  # the values are not separated correctly
        yield error


_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_FLAT = rb'(?:[^][{}"]++|' + _STRING + rb")*+"  # no bracket, except in strings
_LEAF = rb"\{" + _FLAT + rb"\}|\[" + _FLAT + rb"\]"
# By whether a value has begun, in which only brackets count, and whether a string of the line has
# no end, after which its quotes mean nothing. What is matched is group 1; a quote alone is such a
# string.
_JSON_TOKEN = {
    (False, False): re.compile(rb"\s*+(" + _STRING + rb'|[][{},]|[^][{},"\s]++|")'),
    (True, False): re.compile(rb'(?:[^][{}"]++|' + _STRING + b"|" + _LEAF + rb')*+([][{}"])'),
    (False, True): re.compile(rb"\s*+([][{},]|[^][{},\s]++)"),
    (True, True): re.compile(rb"[^][{}]*+([][{}])"),
}


def _values(lines: Iterable[tuple[int, bytes]], path: str) -> Iterator[tuple[int, bytes]]:
    """The values of a list over any number of lines, or concatenated values.

    Strings hold no line ends in JSON, so brackets can be counted line by line.

    Raises:
        DataError: the list has no end, something follows it, or brackets are nested too deeply.
    """
    depth = base = 0
    held: list[bytes] = []
    begin = number = n_held = 0
    ended = False
    for number, line in lines:
        at = end = 0
        broken = False
        while token := _JSON_TOKEN[depth > base, broken].match(line, end):
            sign, start, end = token[1], token.start(1), token.end()
            if sign == b'"':
                broken = True
                continue
            if ended:
                raise DataError("has more text after the end of the list", path=path, line=number)
            if not held and depth == base == 0 and sign == b"[":
                depth = base = 1
                continue
            if depth == base and sign in (b",", b"]"):
                if held:
                    yield begin, b"".join([*held, line[at:start]])
                    held = []
                ended = sign == b"]"
                continue
            if not held:
                begin, at = number, start
                held, n_held = [b""], 0
            depth += (sign in (b"[", b"{")) - (sign in (b"]", b"}"))
            if depth > _MAX_DEPTH:
                raise DataError("has too many brackets that do not end", path=path, line=number)
            if depth == base and sign in (b"]", b"}"):
                yield begin, b"".join([*held, line[at:end]])
                held = []
        if held:
            held.append(line[at:])
            n_held += len(line) - at
            if n_held > MAX_LINE:
                message = f"has a value of more than {MAX_LINE:,} bytes"
                raise DataError(message, path=path, line=begin)
    if held or (base and not ended):
        raise DataError(
            "is not valid JSON: the file ends in the middle of a value", path=path, line=number
        )


ASKED = ("problem", "question", "prompt", "instruction")
"""Fields that contain the problem, the first of them in our rows."""
_ONE_OF_SEVERAL = re.compile(r"solution[ _-]?(?:\d{1,3}|[A-Z])", re.IGNORECASE)


def is_solution_name(name: str) -> bool:
    """Whether a field contains one of several solutions: solution_1, … or Solution A, …"""
    return _ONE_OF_SEVERAL.fullmatch(name) is not None


def several_solutions(names: Iterable[str]) -> list[str]:
    """Such fields, where there is none for all of them."""
    names = list(names)
    if "solution" in names or "solutions" in names:
        return []
    return [name for name in names if is_solution_name(name)]


GOLD = ("gold_answer", "ground_truth_answer", "ground_truth", "groundtruth", "final_answer")
"""Fields that contain a right answer in every format."""
ALSO_GOLD = (
    *GOLD[1:],
    *("expected_answer", "correct_answer", "reference_answer", "gt_answer", "gold"),
    *("answer", "target", "reference"),
)
"""Fields that contain one where a row has no such field; the last ones may contain others."""

_STATED = re.compile(r"\\boxed|\banswer(?: is\b|\s*:)", re.IGNORECASE)


def with_gold_answer(fields: dict[str, Any], path: str) -> dict[str, Any]:
    """A problem's fields, with another as the right answer if it has no `gold_answer`.

    Of a whole reference solution only its answer is kept.
    """
    gold_answer = fields.get("gold_answer")
    if isinstance(fields.get("solutions"), list) and _is_nothing(gold_answer):
        for name in ALSO_GOLD:
            value = fields.get(name)
            if isinstance(value, str | int | float) and not _is_nothing(value):
                say_answer_counts(path, name)
                fields["gold_answer"] = gold_answer = value
                break
    if isinstance(gold_answer, str):
        fields["gold_answer"] = right_answer(gold_answer)
    return fields


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def right_answer(truth: str) -> str | None:
    r"""The right answer in a text that may be a whole reference solution; None if it is blank.

    Lines alone do not make it one: a matrix has several, too.

    >>> right_answer("3 + 4 = 7\n#### 7"), right_answer(r"So it is \boxed{7}."), right_answer("7")
    ('7', '7', '7')
    """
    if "####" in truth:
        return after_mark(truth) or None
    answer = final_answer(truth) if _STATED.search(truth) else None
    return answer or (truth if truth.strip() else None)


def after_mark(solution: str) -> str:
    """The answer after the last "####"; more lines, such as "The answer is: 5", only repeat it."""
    return solution.rpartition("####")[2].strip().partition("\n")[0].strip()


@lru_cache(maxsize=256)  # once a file, however often it is opened
def say_answer_counts(name: str, field: str = "answer") -> None:
    """Log that another field of a file is used as the right answer."""
    message = "%s: rows have no gold_answer; their field %s counts as the right answer"
    _log.warning(message, name, field)


@lru_cache(maxsize=256)
def say_judged(name: str, judged: str, unread: str) -> None:
    """Log that a file's reference solutions are judged, and which texts are not read."""
    message = "%s: the reference solutions in %s are judged; these fields are not read: %s"
    _log.warning(message, name, judged, unread)


def json_value(value: Any) -> Any:
    """A value of a table or a library as JSON has it; what JSON cannot say stays as it is.

    Decimals are numbers, dates and times text, bytes the text in them, and NaN, which tables have
    in place of a number that is missing, is null.

    >>> json_value({"gold": Decimal("18.00"), "day": date(2024, 5, 1), "none": math.nan})
    {'gold': 18, 'day': '2024-05-01', 'none': None}
    """
    if isinstance(value, float):
        return None if math.isnan(value) else float(value)
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {name: json_value(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(one) for one in value]
    if type(value).__name__ in ("NAType", "NaTType"):  # of pandas
        return None
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime) and value.tzinfo is None and value.time() == time():
        return value.date().isoformat()  # as pandas stores a date, and writes it
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID | timedelta):
        return str(value)
    if isinstance(value, bytes):
        with suppress(UnicodeDecodeError):
            return value.decode("utf-8")
    if hasattr(value, "tolist"):  # of numpy
        return json_value(value.tolist())
    return value


def _decimal(value: Decimal) -> int | float | str | None:
    """A decimal as a number, or as text if a float would not be equal to it."""
    if not value.is_finite():
        return None
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else format(value, "f").rstrip("0")


def json_line(row: dict[str, Any]) -> str:
    """A row as one line of JSON. Floats read back equal; NaN and infinity are a bug.

    >>> json_line({"id": None, "score": 0.1})
    '{"id": null, "score": 0.1}\\n'
    """
    return json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


class BadRows:
    """Reports bad rows: the first with a message at once, the others together at the end.

    >>> with BadRows(print) as bad:
    ...     for line in range(1, 8):
    ...         bad("a.jsonl, line %d, field 'problem': is missing" % line)
    a.jsonl, line 1, field 'problem': is missing
    a.jsonl, lines 2, 3, 4 and 3 others, field 'problem': is missing

    Args:
        say: called with each line.
    """

    _LINE = re.compile(r", line (\d+)(?=[,:])")

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._lines: dict[tuple[str, str], list[str]] = {}  # of messages that were already reported

    def __call__(self, message: str) -> None:
        found = self._LINE.search(message)
        kind = (message[: found.start()], message[found.end() :]) if found else (message, "")
        if kind in self._lines and found:
            self._lines[kind].append(found[1])
            return
        self._lines.setdefault(kind, [])
        self._say(message)

    def __enter__(self) -> BadRows:
        return self

    def __exit__(self, *error: object) -> None:
        for (before, after), lines in self._lines.items():
            if lines:
                self._say(f"{before}, {_listed_lines(lines)}{after}")
        self._lines.clear()


def _listed_lines(lines: list[str]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    if len(lines) > 4:
        return f"lines {', '.join(lines[:3])} and {len(lines) - 3} others"
    return f"lines {', '.join(lines[:-1])} and {lines[-1]}"


def _fields(raw: bytes, path: str, line: int) -> dict[str, Any]:
    """One line of a file as the object in it."""
    value = parsed_json(raw, path, line)
    if not isinstance(value, dict):
        message = f"holds {kind_of(value)}; each line must be an object {{…}}"
        raise DataError(message, path=path, line=line)
    return value


def parsed_json(
    raw: bytes, path: str, line: int | None = None, *, nan_is_null: bool | None = None
) -> Any:
    """The value of a JSON text, whatever it is.

    Args:
        raw: the text, in UTF-8; a byte order mark is ignored.
        path: named in errors.
        line: where the text begins; None if it is the whole file.
        nan_is_null: whether NaN and infinity, which are not JSON, are read as null; None: only in
            logs of inspect_ai, which writes them.

    Raises:
        DataError: it is not JSON, a name is there twice in one object, or a number is not finite.
    """

    def bad(message: str, field: str | None = None) -> DataError:
        return DataError(message, path=path, line=line, field=field)

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        """Refuse equal names, of which json would silently keep the last."""
        found: dict[str, Any] = {}
        for key, value in items:
            if key in found:
                raise bad("appears twice in the row", key)
            found[key] = value
        return found

    constants: list[str] = []

    def finite(digits: str) -> float:
        if math.isinf(value := float(digits)):
            raise bad(f"the number {digits[:40]} is too large")
        return value

    try:
        whole = raw.removeprefix(codecs.BOM_UTF8) if line is None else raw
        text = whole.rstrip().decode("utf-8")
    except UnicodeDecodeError as error:
        raise bad(f"byte {error.start + 1} is not valid UTF-8") from error
    try:
        value = json.loads(
            text, object_pairs_hook=pairs, parse_constant=constants.append, parse_float=finite
        )
    except json.JSONDecodeError as error:
        line = (line or 1) + error.lineno - 1
        raise bad(f"is not valid JSON: {error.msg} at column {error.colno}") from error
    except (RecursionError, ValueError) as error:  # nested too deeply; an integer of 5,000 digits
        raise bad("is not JSON that can be read: too deep, or a number too long") from error
    is_log = isinstance(value, dict) and {"eval", "status"} <= value.keys()
    if constants and not (is_log if nan_is_null is None else nan_is_null):
        raise bad(f"{constants[0]} is not a JSON value; write null, or leave the field out")
    return value


def kind_of(value: Any) -> str:
    """The kind of a JSON value, in words."""
    if value is None:
        return "null"
    names = {bool: "true or false", int: "a number", float: "a number", str: "text"}
    names[bytes] = "bytes that are not text"
    return names.get(type(value), "a list" if isinstance(value, list) else "an object")

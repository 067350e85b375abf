"""Sessions as JSON and back, equal to the last bit.

The JSON is an object: `format` and `version`, then the fields of `Session`, each record as an
object of its fields. Default values are left out, infinite log-odds are null. Reading refuses what
this version does not know, naming its place and value, and is bounded: input may come from anyone.
"""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from prm_core.errors import DataError, InputError
from prm_core.formats.atomic import atomic_file, file_errors
from prm_core.formats.containers import SESSION, other_version
from prm_core.formats.containers import VERSION as VERSION
from prm_core.formats.rows import kind_of, parsed_json
from prm_core.session.record import (
    MAX_MODELS,
    MAX_PROBLEMS,
    MAX_SOLUTIONS,
    MAX_STEPS,
    Draft,
    Model,
    Problem,
    Scores,
    Session,
    Settings,
    Solution,
)
from prm_core.types import half_character

FORMAT = SESSION

MAX_BYTES = 256 * 2**20
"""Of a session as JSON: of 10,000 problems with 8 solutions each it has about a tenth."""

_MAX_DEPTH = 32  # of `more` and `view`
_MAX_NAMES = 10_000  # fields of an object with free names

T = TypeVar("T")
_Decode = Callable[[Any], Any]


# --- writing --------------------------------------------------------------------------------------


def session_json(session: Session, indent: int | None = None) -> str:
    """A session as JSON text.

    Args:
        session: what to write.
        indent: spaces per level; None for one line.

    Raises:
        InputError: a field for arbitrary JSON contains something else.
    """
    value = {"format": FORMAT, "version": VERSION} | plain(session)
    separators = (",", ":") if indent is None else None
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
        )
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the session cannot be written as JSON: {error}") from error


def save_session(session: Session, path: str | Path) -> None:
    """Write a session to a file, completely or not at all; gzip if its name ends in .gz.
    Equal sessions make equal files.

    Raises:
        DataError: it cannot be written.
        InputError: as `session_json`.
    """
    raw = session_json(session).encode()
    if str(path).endswith(".gz"):
        raw = gzip.compress(raw, mtime=0)
    with atomic_file(path) as file, file_errors(path, "written"):
        file.write(raw)


def plain(record: Any) -> Any:
    """A record, or the value of one of its fields, as JSON values."""
    if is_dataclass(record):
        return {
            one.name: plain(value)
            for one in fields(record)
            if not _is_usual(one, value := getattr(record, one.name), record)
        }
    if isinstance(record, tuple | list):
        return [plain(one) for one in record]
    if isinstance(record, Mapping):
        return {name: plain(one) for name, one in record.items()}
    if isinstance(record, float) and not math.isfinite(record):
        return None
    return record


def _is_usual(one: Any, value: Any, record: Any) -> bool:
    """Whether a field has its default value."""
    if one.default is not MISSING:
        return bool(value == one.default) and type(value) is type(one.default)
    if one.default_factory is not MISSING:
        return bool(value == one.default_factory())
    return False


# --- reading --------------------------------------------------------------------------------------


def read_session(raw: str | bytes, path: str | Path = "-") -> Session:
    """The session in a text, or in bytes, which may be gzip.

    >>> read_session(session_json(Session(title="Sums"))).title
    'Sums'

    Args:
        raw: what `session_json` or `save_session` made.
        path: named in errors.

    Raises:
        DataError: it is not a session, comes from a newer version, is too large, or has an invalid
            value; the field is named.
    """
    data = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    return session_of(parsed_json(_unpacked(data, str(path)), str(path)), path)


def load_session(path: str | Path) -> Session:
    """The session of a file.

    Raises:
        DataError: it cannot be read; else as `read_session`.
    """
    with file_errors(path, "read"), Path(path).open("rb") as file:
        return read_session(file.read(MAX_BYTES + 1), path)


def is_session(value: Any) -> bool:
    """Whether a JSON value says that it is a session, of any version."""
    return isinstance(value, dict) and value.get("format") == FORMAT


def session_of(value: Any, path: str | Path = "-") -> Session:
    """The session in a JSON value.

    Raises:
        DataError: as `read_session`.
    """
    try:
        if not is_session(value):
            raise _BadValueError(f"is not a session: its format is not {FORMAT!r}")
        if words := other_version(value.get("version")):
            raise _BadValueError(words).at("version")
        rest = {name: one for name, one in value.items() if name not in ("format", "version")}
        return _session(rest)
    except _BadValueError as bad:
        raise DataError(str(bad), path=path, field=bad.place) from None


def whatever_is_good(value: Any, path: str | Path = "-") -> tuple[Session, tuple[DataError, ...]]:
    """The session in a JSON value without its bad parts, and the errors.

    A bad value removes its solution, or its problem if it is the problem's own; in the settings, a
    title or the like it removes these. A field that is not known is left out alone.

    Raises:
        DataError: as `read_session`, if nothing is left or it is not a session of this version.
    """
    errors: list[DataError] = []
    while True:
        try:
            return session_of(value, path), tuple(errors)
        except DataError as error:
            rest, bad = _without(value, error)
            if rest is None:
                raise
            errors += bad
            value = rest


def _without(value: Any, error: DataError) -> tuple[dict[str, Any] | None, list[DataError]]:
    """A session without its bad parts, and an error for each; None if nothing can be left out."""
    part = (error.field or "settings").split(".")[0].split("[")[0]
    if part == "settings":
        known, bad = _known(Settings, value[part], part, error.path)
        if bad:
            return {**value, part: known}, bad
    if part in ("problems", "models"):
        one_by_one = _good_problem if part == "problems" else _good_model
        entries = value[part] if isinstance(value[part], list) else []
        if len(entries) > MAX_PROBLEMS:  # too many, whatever is bad of them
            return None, []
        found = [one_by_one(one, f"{part}[{i}]", error.path) for i, one in enumerate(entries)]
        good = [one for one, _ in found if one is not None]
        bad = [one for _, errors in found for one in errors]
        return ({**value, part: good}, bad) if good and bad else (None, [])
    if part == "version" or part not in value:
        return None, []
    if part not in {one.name for one in fields(Session)}:
        error = _left_out(part, error.path)
    return {name: one for name, one in value.items() if name != part}, [error]


def _good_model(
    value: Any, at: str, path: str | Path
) -> tuple[dict[str, Any] | None, list[DataError]]:
    """A model's JSON without its bad fields, and an error for each."""
    good: dict[str, Any] = {}
    value, bad = _known(Model, value, at, path)
    for name, one in value.items() if isinstance(value, dict) else ():
        try:
            _model({"id": "-", name: one})
            good[name] = one
        except _BadValueError as error:
            error.at(at)
            bad.append(DataError(str(error), path=path, field=error.place))
    return good if "id" in good else None, bad


def _good_problem(
    value: Any, at: str, path: str | Path
) -> tuple[dict[str, Any] | None, list[DataError]]:
    """A problem's JSON without its bad solutions, and an error for each; None if it is bad."""
    value, bad = _known(Problem, value, at, path)
    if isinstance(value, dict) and "draft" in value:
        draft, more = _known(Draft, value["draft"], f"{at}.draft", path)
        value, bad = {**value, "draft": draft}, bad + more
    if isinstance(value, dict) and isinstance(value.get("solutions"), list):
        good = []
        for place, one in enumerate(value["solutions"]):
            one, more = _known_solution(one, f"{at}.solutions[{place}]", path)
            bad += more
            try:
                _solution(one)
                good.append(one)
            except _BadValueError as error:
                error.at(f"{at}.solutions[{place}]")
                bad.append(DataError(str(error), path=path, field=error.place))
        value = {**value, "solutions": good}
    try:
        _problem(value)
    except _BadValueError as error:
        error.at(at)
        return None, [DataError(str(error), path=path, field=error.place)]
    return value, bad


def _known_solution(value: Any, at: str, path: str | Path) -> tuple[Any, list[DataError]]:
    """A solution's JSON, and that of its scores, without what is not known."""
    value, bad = _known(Solution, value, at, path)
    scores = value.get("scores") if isinstance(value, dict) else None
    if isinstance(scores, dict):
        found = {
            name: _known(Scores, one, f"{at}.scores[{_short(name)}]", path)
            for name, one in scores.items()
        }
        value = {**value, "scores": {name: one for name, (one, _) in found.items()}}
        bad += [error for _, errors in found.values() for error in errors]
    return value, bad


def _known(
    kind: Callable[..., Any], value: Any, at: str, path: str | Path
) -> tuple[Any, list[DataError]]:
    """A record's JSON without fields that are not known, and an error for each."""
    if not isinstance(value, dict):
        return value, []
    names = {one.name for one in fields(kind)}  # type: ignore[arg-type]
    bad = [_left_out(f"{at}.{_short(name)[1:-1]}", path) for name in value if name not in names]
    return {name: one for name, one in value.items() if name in names}, bad


def _left_out(field: str, path: str | Path) -> DataError:
    message = f"is not known in version {VERSION} and is left out; a newer PRM Inspector reads it"
    return DataError(message, path=path, field=field)


def problem_of(value: Any, path: str | Path = "-", line: int | None = None) -> Problem:
    """The problem in a JSON value, as `plain` wrote it.

    Raises:
        DataError: as `read_session`.
    """
    try:
        found: Problem = _problem(value)
        return found
    except _BadValueError as bad:
        raise DataError(str(bad), path=path, line=line, field=bad.place) from None


def _unpacked(raw: bytes, path: str) -> bytes:
    """The bytes, unpacked if they are gzip, up to `MAX_BYTES`."""
    if raw[:2] == b"\x1f\x8b":
        packed = zlib.decompressobj(wbits=31)
        try:
            raw = packed.decompress(raw, MAX_BYTES + 1)
        except zlib.error as error:
            raise DataError(f"cannot be read: the gzip is damaged: {error}", path=path) from error
        if not packed.eof and len(raw) <= MAX_BYTES:
            raise DataError("cannot be read: the gzip ends too early", path=path)
    if len(raw) > MAX_BYTES:
        raise DataError(f"has more than {MAX_BYTES:,} bytes, the most for a session", path=path)
    return raw


class _BadValueError(Exception):
    """A value that is not what it should be; callers add its place as the error passes through."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self._parts: list[str] = []

    def at(self, part: str) -> _BadValueError:
        self._parts.insert(0, part)
        return self

    @property
    def place(self) -> str | None:
        return "".join(self._parts).lstrip(".") or None


def _short(value: Any) -> str:
    """A value, for a message."""
    if isinstance(value, dict | list):
        return kind_of(value)
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:60] + "…"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _BadValueError(f"must be text, not {_short(value)}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadValueError(f"must be a number, not {_short(value)}")
    try:
        return float(value)
    except OverflowError:
        raise _BadValueError("contains a number that is too large") from None


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _BadValueError(f"must be true or false, not {_short(value)}")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise _BadValueError(f"must be a whole number from 0, not {_short(value)}")
    return value


def _id(value: Any) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _text(value)


def _label(value: Any) -> Any:
    return _number(value) if isinstance(value, int | float) else value  # the record checks


def _any(value: Any, depth: int = 0) -> Any:
    """Any JSON."""
    if depth > _MAX_DEPTH:
        raise _BadValueError(f"is nested more than {_MAX_DEPTH} levels deep")
    if isinstance(value, str) and half_character(value):
        raise _BadValueError("contains an unpaired surrogate (invalid Unicode)")
    if isinstance(value, list):
        return [_any(one, depth + 1) for one in value]
    if isinstance(value, dict):
        return {_any(name): _any(one, depth + 1) for name, one in value.items()}
    return value


def _object(value: Any) -> Any:
    """An object of any JSON."""
    if not isinstance(value, dict):
        raise _BadValueError(f"must be an object, not {_short(value)}")
    return _any(value)


def _or_null(decode: _Decode) -> _Decode:
    return lambda value: None if value is None else decode(value)


def _list(decode: _Decode, most: int) -> _Decode:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _BadValueError(f"must be a list, not {_short(value)}")
        if len(value) > most:
            raise _BadValueError(f"has {len(value):,} entries; at most {most:,} are kept")
        found = []
        for index, one in enumerate(value):
            try:
                found.append(decode(one))
            except _BadValueError as bad:
                raise bad.at(f"[{index}]") from None
        return tuple(found)

    return read


def _named(decode: _Decode) -> _Decode:
    """An object whose names are free."""

    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _BadValueError(f"must be an object, not {_short(value)}")
        if len(value) > _MAX_NAMES:
            raise _BadValueError(f"has {len(value):,} names; at most {_MAX_NAMES:,} are kept")
        found = {}
        for name, one in value.items():
            try:
                found[_any(name)] = decode(one)
            except _BadValueError as bad:
                raise bad.at(f"[{_short(name)}]") from None
        return found

    return read


def _record(kind: Callable[..., T], **decoders: _Decode) -> Callable[[Any], T]:
    """An object with the fields of a record."""
    needed = [one.name for one in fields(kind) if _is_needed(one)]  # type: ignore[arg-type]

    def read(value: Any) -> T:
        if not isinstance(value, dict):
            raise _BadValueError(f"must be an object, not {_short(value)}")
        found = {}
        for name, one in value.items():
            if name not in decoders:
                raise _BadValueError(f"is not known in version {VERSION}").at(
                    f".{_short(name)[1:-1]}"
                )
            try:
                found[name] = decoders[name](one)
            except _BadValueError as bad:
                raise bad.at(f".{name}") from None
        for name in needed:
            if name not in found:
                raise _BadValueError("is missing").at(f".{name}")
        try:
            return kind(**found)
        except InputError as error:
            raise _BadValueError(str(error)) from None

    return read


def _is_needed(one: Any) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


_steps = _list(_text, MAX_STEPS)
_numbers = _list(_or_null(_number), MAX_STEPS)
_scores = _record(
    Scores,
    probabilities=_list(_number, MAX_STEPS),
    log_odds=_numbers,
    extras=_named(_numbers),
    rationales=_list(_text, 1_000),
    steps=_steps,
    thinking=_list(_flag, MAX_STEPS),
)
_solution = _record(
    Solution,
    name=_text,
    text=_text,
    steps=_steps,
    thinking=_list(_flag, MAX_STEPS),
    tagged_answer=_or_null(_text),
    cut=_text,
    generator=_text,
    answer=_or_null(_text),
    correct=_or_null(_flag),
    scores=_named(_scores),
    labels=_list(_label, MAX_STEPS),
    step_notes=_steps,
    note=_text,
    error=_text,
    error_type=_or_null(_text),
    more=_object,
)
_draft = _record(
    Draft,
    problem=_text,
    rule=_text,
    gold_answer=_or_null(_text),
    names=_list(_text, MAX_SOLUTIONS),
    texts=_list(_text, MAX_SOLUTIONS),
)
_problem = _record(
    Problem,
    problem=_text,
    id=_or_null(_id),
    solutions=_list(_solution, MAX_SOLUTIONS),
    gold_answer=_or_null(_text),
    source=_text,
    note=_text,
    rule=_text,
    status=_text,
    message=_text,
    cut_note=_text,
    draft=_or_null(_draft),
    more=_object,
)
_model = _record(
    Model, id=_text, label=_text, line=_text, note=_text, threshold=_number, recorded=_flag
)
_session = _record(
    Session,
    problems=_list(_problem, MAX_PROBLEMS),
    models=_list(_model, MAX_MODELS),
    settings=_record(
        Settings,
        model=_text,
        other=_text,
        aggregation=_text,
        threshold=_or_null(_number),
        rule=_text,
        problem=_count,
        view=_object,
    ),
    title=_text,
    note=_text,
    annotator=_text,
    more=_object,
)

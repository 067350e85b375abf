"""Files that hold many rows in one: sessions, reports, logs of inspect_ai, conversations, texts."""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, BinaryIO, NamedTuple

from prm_core.errors import DataError
from prm_core.formats.rows import MAX_LINE, FileRow, kind_of, parsed_json, right_answer

SESSION = "prm-inspector-session"
"""`format` of a session, and the id of the element that contains one in a report."""

VERSION = 1
"""Of the sessions that are written and read."""

Rows = Iterator[FileRow | DataError]


def expanded(rows: Iterable[FileRow | DataError]) -> Rows:
    """Rows, with each that contains several replaced by those."""
    rows = iter(rows)
    first = next(rows, None)
    if isinstance(first, FileRow) and _is_message(first):
        yield from _one_conversation(first, rows)
        return
    filters: dict[int, Any] = {}  # of lm-evaluation-harness: the first one of each sample
    for row in chain([first] if first is not None else [], rows):
        if isinstance(row, DataError):
            yield row
        elif {"doc", "resps", "filter"} <= row.fields.keys():
            # It writes every sample once for each way of reading the answer.
            sample = hash(repr([row.fields[name] for name in ("doc", "resps")]))
            if filters.setdefault(sample, row.fields["filter"]) == row.fields["filter"]:
                yield row
        elif row.fields.get("format") == SESSION:
            yield from _session(row)
        elif {"eval", "status"} <= row.fields.keys() and "solutions" not in row.fields:
            yield from _inspect_log(row)
        elif "inspect_ai" in row.fields:  # from an archive
            yield row
        elif (inside := _rows_inside(row.fields)) is not None:
            yield from (FileRow(row.path, row.line, fields) for fields in inside)
        else:
            yield row


_ASK = frozenset({"problem", "question", "prompt", "messages"})


def _asks(value: Any) -> bool:
    return isinstance(value, dict) and bool(_ASK & value.keys())


def _rows_inside(fields: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The rows of an object that is none itself: {"data": [row, …]}, {"id": row}, columns."""
    values = list(fields.values())
    columns = [fields[name] for name in _ASK & fields.keys()]
    if not columns:
        lists = [value for value in values if isinstance(value, list) and value]
        if lists and all(map(_asks, (one for value in lists for one in value))):
            return [one for value in lists for one in value]
        if len(values) > 1 and all(map(_asks, values)):
            return [{"id": name, **row} for name, row in fields.items()]
    elif isinstance(columns[0], list) and columns[0] and _are_texts(columns[0]):
        lengths = {len(value) if isinstance(value, list) else -1 for value in values}
        if len(lengths) == 1:
            return [dict(zip(fields, row, strict=True)) for row in zip(*values, strict=True)]
    elif isinstance(columns[0], dict) and _are_texts(keyed := columns[0].values()):
        names = columns[0].keys()  # as pandas writes a table
        if keyed and all(isinstance(value, dict) and value.keys() == names for value in values):
            return [{name: value[key] for name, value in fields.items()} for key in names]
    return None


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _is_message(row: FileRow) -> bool:
    """Whether it is a single message: then the file is one conversation."""
    is_role = row.fields.get("role") in ("system", "developer", "user", "assistant", "tool")
    return is_role and bool({"content", "tool_calls"} & row.fields.keys())


def _one_conversation(first: FileRow, rest: Rows) -> Rows:
    messages: list[Any] = [first.fields]
    for row in rest:
        if isinstance(row, DataError):
            yield row
        else:
            messages.append(row.fields)
    yield FileRow(first.path, first.line, {"messages": messages})


def other_version(version: Any) -> str:
    """Why a session of a version is not read; empty if it is.

    >>> other_version(2)
    'is 2; this program reads version 1; open it with a newer PRM Inspector'
    """
    whole = isinstance(version, int) and not isinstance(version, bool)
    if whole and version == VERSION:
        return ""
    way_out = "save the session again with the program that made it"
    if whole and version > VERSION:
        way_out = "open it with a newer PRM Inspector"
    text = kind_of(version) if isinstance(version, dict | list) else json.dumps(version)[:60]
    return f"is {text}; this program reads version {VERSION}; {way_out}"


def _session(row: FileRow) -> Rows:
    """The problems of a session, each as a row."""
    problems = row.fields.get("problems", [])
    if words := other_version(row.fields.get("version")):
        yield row.error(words, "version")
    elif not isinstance(problems, list):
        yield row.error(f"must be a list, not {kind_of(problems)}", "problems")
    else:
        yield from _objects(row, "problems", problems)


def _objects(row: FileRow, field: str, values: list[Any]) -> Rows:
    for number, value in enumerate(values, start=1):
        if isinstance(value, dict):
            yield FileRow(row.path, row.line, value)
        else:
            yield row.error(f"entry {number} must be an object, not {kind_of(value)}", field)


def _inspect_log(row: FileRow) -> Rows:
    """The samples of a log; those of one problem (its epochs) together."""
    samples = row.fields.get("samples", [])
    if not samples:
        yield row.error("the log has none; finished runs have them", "samples")
        return
    if not isinstance(samples, list):
        yield row.error(f"must be a list, not {kind_of(samples)}", "samples")
        return
    about = row.fields["eval"]
    model = about.get("model") if isinstance(about, dict) else None
    pools: dict[str, list[dict[str, Any]]] = {}
    for one in _objects(row, "samples", samples):
        if isinstance(one, DataError):
            yield one
        else:
            pools.setdefault(repr(one.fields.get("id")), []).append(one.fields)
    for pool in pools.values():
        yield _pool(row.path, row.line, pool, model)


def _pool(path: str, line: int, samples: list[dict[str, Any]], model: Any) -> FileRow:
    return FileRow(path, line, {"samples": samples, "model": model, "inspect_ai": True})


# --- zip: logs of inspect_ai ----------------------------------------------------------------------

_SAMPLE = re.compile(r"samples/(?P<id>.*)_epoch_(?P<epoch>\d{1,9})\.json")


def inspect_archive(base: BinaryIO, path: str, most_bytes: int | None = None) -> Rows:
    """The samples of an `.eval` file; those of one problem together, one problem in memory at a
    time.

    The line of a row is the place of its first sample in the archive.

    Args:
        base: the file.
        path: named in errors.
        most_bytes: of everything in it, unpacked; None: any number.

    Raises:
        DataError: it is not a zip file, contains no samples, or more than so many bytes.
    """
    try:
        archive = zipfile.ZipFile(base)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise DataError(f"cannot be read as a zip file: {error}", path=path) from error
    with archive:
        # No more is unpacked of a member than it says here.
        n_bytes = sum(one.file_size for one in archive.infolist())
        if most_bytes is not None and n_bytes > most_bytes:
            most = f"at most {most_bytes:,} are opened at once; score and evaluate have no limit"
            message = f"has {n_bytes:,} bytes when unpacked; {most}"
            raise DataError(message, path=path)
        pools: dict[str, list[tuple[int, int, str]]] = {}
        for place, name in enumerate(archive.namelist(), start=1):
            if found := _SAMPLE.fullmatch(name):
                pools.setdefault(found["id"], []).append((int(found["epoch"]), place, name))
        if not pools:
            message = (
                "contains no samples/…_epoch_….json; of zip files only inspect_ai's logs are read"
            )
            raise DataError(message, path=path)
        model = _model(archive, path)
        for pool in pools.values():
            samples = []
            for _, place, name in sorted(pool):
                sample = _member(archive, name, path, place)
                if isinstance(sample, DataError):
                    yield sample
                else:
                    samples.append(sample)
            if samples:
                yield _pool(path, min(place for _, place, _ in pool), samples, model)


def _model(archive: zipfile.ZipFile, path: str) -> Any:
    """The model of a log, if its header names it."""
    for name in ("header.json", "start.json", "_journal/start.json"):
        if name in archive.namelist():
            header = _member(archive, name, path, 1)
            about = header.get("eval") if isinstance(header, dict) else None
            if isinstance(about, dict):
                return about.get("model")
    return None


def _member(
    archive: zipfile.ZipFile, name: str, path: str, place: int
) -> dict[str, Any] | DataError:
    """A JSON object of an archive, or why it cannot be read."""
    try:
        with archive.open(name) as file:
            raw = file.read(MAX_LINE + 1)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
        return DataError(f"{name} cannot be read: {error}", path=path, line=place)
    except (RuntimeError, NotImplementedError) as error:  # a password; an unknown compression
        return DataError(f"{name} cannot be read: {error}", path=path, line=place)
    if len(raw) > MAX_LINE:
        message = f"{name} has more than {MAX_LINE:,} bytes"
        return DataError(message, path=path, line=place)
    try:
        value = parsed_json(raw, path, place, nan_is_null=True)  # inspect_ai writes NaN
    except DataError as error:
        return error
    if not isinstance(value, dict):
        return DataError(f"{name} holds {kind_of(value)}", path=path, line=place)
    return value


# --- HTML: our reports ------------------------------------------------------------------------

_ELEMENT = re.compile(
    rb"<script\b(?=[^>]{0,200}\bid\s*=\s*[\"']?" + SESSION.encode() + rb"[\"'\s>])[^>]{0,400}>"
    rb"(?P<data>.*?)(?P<end></script|\Z)",
    re.IGNORECASE | re.DOTALL,
)


def session_in_report(raw: bytes, path: str) -> FileRow:
    """The session in one of our reports.

    Raises:
        DataError: it contains none, several, or one that was changed and cannot be read.
    """
    found = [*_ELEMENT.finditer(raw)]
    if not found:
        raise DataError(
            "is a web page, but not a report of this program: it contains no session; a report "
            "whose data were removed cannot be read, so open it as it was saved",
            path=path,
        )
    first = found[0]
    line = raw.count(b"\n", 0, first.start("data")) + 1
    if len({one["data"].strip() for one in found}) > 1:
        raise DataError(
            f"contains {len(found)} different sessions; open each report in a file of its own",
            path=path,
        )
    try:
        if not first["end"]:
            raise DataError("the file ends in the middle of it", path=path, line=line)
        value = parsed_json(first["data"], path, line)
        if not isinstance(value, dict):
            raise DataError(f"it is {kind_of(value)}", path=path, line=line)
        return FileRow(path, line, value)
    except DataError as error:
        why = str(error).removeprefix(f"{path}, line {error.line}: ")
        raise DataError(
            f"the session in this report was cut or changed, and cannot be read ({why}); open the "
            "report as it was saved, or the session that it was made from",
            path=path,
            line=error.line,
        ) from error


# --- plain texts ----------------------------------------------------------------------------------

_HEADING = re.compile(
    r"[ \t]*(?P<mark>#{1,6}[ \t]+)?(?:\*\*)?"
    r"(?P<what>problem|solution|candidate|gold[ \t]answer|reference[ \t]answer)"
    r"(?:[ \t]+(?P<name>[\w-]{1,20}))?(?:\*\*)?[ \t]*(?P<colon>:)?(?:\*\*)?(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_MOST_LINES = 2_000_000
_DASHES = re.compile(r" {0,3}-{3,}\s*")
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_NUMBERED = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]*)?(?:\*\*)?(?:step[ \t]*(\d{1,4})\b|(\d{1,3})[.):](?=[ \t*]|$))",
    re.IGNORECASE | re.MULTILINE,
)


class _Block(NamedTuple):
    """A piece of a text under one heading."""

    what: str
    name: str
    line: int
    parts: list[list[str]]  # lines, separated by lines of dashes

    @property
    def body(self) -> str:
        return "\n---\n".join("".join(part).strip() for part in self.parts).strip("-\n ")


def text_rows(text: str, path: str) -> Rows:
    """The problems of a plain or Markdown text.

    "Problem:", or a heading "Problem", begins one; "Solution:", "Solution B:" or such a heading
    begins a solution, and "Gold answer:" before or after them gives the right answer. Without the
    word "Solution" lines of three dashes separate a problem and its solutions, unless the numbering
    of steps continues across them.

    Raises:
        DataError: there is no problem, or there are too many lines.
    """
    if text.count("\n") > _MOST_LINES:
        message = f"has more than {_MOST_LINES:,} lines of text; write so many as JSON lines"
        raise DataError(message, path=path)
    pools: list[list[_Block]] = []
    for block in _blocks(text):
        if block.what == "problem" and block.body and (block.line or len(block.parts) > 1):
            pools.append([block])
        elif pools:
            pools[-1].append(block)
    if not pools:
        raise DataError('has no problem; begin it with "Problem: …"', path=path)
    for problem, *rest in pools:
        gold_answer = next((right_answer(one.body) for one in rest if "answer" in one.what), None)
        given = [one for one in rest if "answer" not in one.what]
        solutions = [
            {"text": one.body, **({"name": one.name} if one.name else {})}
            for one in given
            if one.body
        ]
        asked = problem.body
        if not given:
            asked, *texts = ["".join(part).strip() for part in problem.parts]
            solutions = [{"text": one} for one in _between_dashes(texts)]
        fields = {"problem": asked, "solutions": solutions, "gold_answer": gold_answer}
        yield FileRow(path, problem.line or 1, fields)


def _blocks(text: str) -> list[_Block]:
    blocks = [_Block("problem", "", 0, [[]])]  # what comes before any heading
    fence = False
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        fence ^= _FENCE.match(line) is not None
        found = None if fence else _HEADING.match(line)
        if found and (found["colon"] or (found["mark"] and not found["rest"].strip())):
            first = found["rest"].lstrip(" \t*")
            what = found["what"].lower()
            blocks.append(_Block(what, found["name"] or "", number, [[first]]))
        elif not fence and _DASHES.fullmatch(line):
            blocks[-1].parts.append([])
        else:
            blocks[-1].parts[-1].append(line)
    return blocks


def _between_dashes(parts: list[str]) -> list[str]:
    """Solutions between lines of dashes; parts whose numbering continues belong together."""
    joined: list[str] = []
    last = 0
    for part in filter(None, parts):
        numbers = [int(found[1] or found[2]) for found in _NUMBERED.finditer(part)]
        if joined and last and numbers and numbers[0] == last + 1:
            joined[-1] += f"\n\n{part}"
        else:
            joined.append(part)
        last = numbers[-1] if numbers else 0
    return joined

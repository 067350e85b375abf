"""Files of problems in any format, and files of results by their suffix.

Gzip, Parquet, zip files and web pages are recognised by their first bytes; everything else is JSON,
unless the name ends in .csv or .tsv, or in .txt or .md and the content is not JSON. The format of
rows is recognised by their fields (`prm_core.formats.translate`). One problem is in memory at a
time; of texts, reports and sessions everything.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from prm_core.errors import DataError
from prm_core.formats.atomic import atomic_file, file_errors, read_errors
from prm_core.formats.containers import (
    expanded,
    inspect_archive,
    session_in_report,
    text_rows,
)
from prm_core.formats.hub import hub_rows, is_hub
from prm_core.formats.parquet import MOST_OF_A_GROUP, parquet_problems
from prm_core.formats.problems import Problems
from prm_core.formats.rows import MAX_LINE, FileRow, TooMuchError, read_rows
from prm_core.formats.tables import (
    csv_rows,
    csv_writer,
    grouped,
    parquet_writer,
    pyarrow_for,
)


@contextmanager
def open_problems(path: str | Path, stdin: BinaryIO) -> Iterator[Problems]:
    """The problems of a file, or of `stdin` (JSON lines) when the path is "-".

    Raises:
        DataError: the file cannot be opened, is not a table of problems, or is Parquet and pyarrow
            is not installed.
    """
    name = str(path)
    if name == "-":
        yield Problems(expanded(read_rows(stdin, name)), lambda: None, name)
        return
    with open_file(path) as problems:
        yield problems


@contextmanager
def open_file(path: str | Path) -> Iterator[Problems]:
    """The same, but always for a file: "-" is an ordinary name.

    A name that begins with "hf:" is a data set of the Hub (`prm_core.formats.hub`).

    Raises:
        DataError: as `open_problems`.
    """
    name = str(path)
    if is_hub(name):
        yield Problems(expanded(grouped(hub_rows(name))), lambda: None, name)
        return
    with file_errors(path, "read"):
        base = Path(path).open("rb")  # noqa: SIM115, closed two lines below
    with base:
        size = os.fstat(base.fileno()).st_size if base.seekable() else 0

        def share() -> float | None:
            return base.tell() / size if size else None

        yield problems_in(base, name, share)


def problems_in(
    base: BinaryIO, name: str, share: Callable[[], float | None] = lambda: None
) -> Problems:
    """The problems in a file's bytes.

    Args:
        base: the bytes, from their beginning.
        name: of the file; used in errors, and for the format if the bytes do not show it.
        share: gives the share that has been read.

    Raises:
        DataError: as `open_problems`.
    """
    if _is_parquet(base, name):
        return parquet_problems(base, name)
    return Problems(expanded(rows_in(base, name)), share, name)


def rows_in(
    base: BinaryIO, name: str, most_bytes: int | None = None
) -> Iterator[FileRow | DataError]:
    """The rows in a file's bytes, of any format, unchecked; a session is one row.

    Args:
        base, name: as `problems_in`.
        most_bytes: of what is compressed, once it is unpacked; more is refused. None: any number.

    Raises:
        DataError: as `problems_in`.
    """
    if _is_parquet(base, name):
        return parquet_problems(base, name, most_bytes or MOST_OF_A_GROUP).rows()
    head = _head(base, name)
    if head.startswith(b"PK\x03\x04"):
        return inspect_archive(base, name, most_bytes)
    stream: BinaryIO = base
    packed = name.endswith(".gz")
    for _ in range(MOST_PACKED):
        if not (packed or head.startswith(GZIP)):
            break
        stream, packed = cast(BinaryIO, gzip.GzipFile(mode="rb", fileobj=stream)), False
        if most_bytes is not None:
            bounded = _Unpacked(stream, name, most_bytes)
            stream = cast(BinaryIO, io.BufferedReader(bounded, _CHUNK))
        head = _head(stream, name)
    if head.startswith(GZIP):
        raise too_packed(name)
    if head.startswith(_UTF_16):
        stream = cast(BinaryIO, io.BufferedReader(_FromUtf16(stream, name)))
        head = head.decode("utf-16", "ignore").encode("utf-8", "ignore")
    begins = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if _kind(name) in (".csv", ".tsv"):
        return grouped(csv_rows(stream, name, "\t" if _kind(name) == ".tsv" else ","))
    is_text = _kind(name) in (".txt", ".md", ".markdown")
    if re.match(rb"<!doctype html|<html" if is_text else b"<", begins, re.IGNORECASE):
        return iter([session_in_report(_whole(stream, name), name)])
    if is_text and not _is_json(begins):
        return text_rows(_decoded(_whole(stream, name), name), name)
    return read_rows(stream, name)


def _is_parquet(base: BinaryIO, name: str) -> bool:
    return _kind(name) == ".parquet" or _head(base, name).startswith(b"PAR1")


_HEAD = 4096

_CHUNK = 2**18

GZIP = b"\x1f\x8b"
"""How compressed files begin."""

MOST_PACKED = 2
"""How often a file may be compressed: a tool may compress what another one had compressed."""


def too_packed(name: str) -> DataError:
    """Why a file is not unpacked once more, which for some files would never end."""
    return DataError("is compressed more than twice; unpack it first", path=name)


_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class _FromUtf16(io.RawIOBase):
    """UTF-16 with its mark, as Windows' shells write text, read as UTF-8."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name = stream, name
        self._decoder = codecs.getincrementaldecoder("utf-16")()
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            raw = self._stream.read(_HEAD)
            try:
                self._left = self._decoder.decode(raw, final=not raw).encode("utf-8")
            except UnicodeError as error:
                raise DataError("is not valid UTF-16", path=self._name) from error
            if not raw:
                break
        part, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


class _Unpacked(io.RawIOBase):
    """What a compressed file unpacks to, up to a number of bytes."""

    def __init__(self, stream: BinaryIO, name: str, most_bytes: int) -> None:
        self._stream, self._name, self._most = stream, name, most_bytes

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(place, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        if self._stream.tell() > self._most:
            message = (
                f"has more than {self._most:,} bytes when unpacked, the most that is opened at "
                "once; score and evaluate have no limit"
            )
            raise TooMuchError(message, path=self._name)
        buffer[: len(data)] = data
        return len(data)


def _head(stream: BinaryIO, name: str) -> bytes:
    """The first bytes of a stream that can be read twice; none of others."""
    if not stream.seekable():
        return b""
    with read_errors(name):
        head = stream.read(_HEAD)
        stream.seek(0)
    return head


def _is_json(begins: bytes) -> bool:
    """Whether a text is JSON, by its first line."""
    line, _, rest = begins.partition(b"\n")
    if line.strip() in (b"{", b"["):
        return rest.lstrip()[:1] in (b'"', b"{", b"[", b"}", b"]")
    return bool(re.match(rb'\{\s*"|\[\s*\{', line))


def _whole(stream: BinaryIO, name: str) -> bytes:
    """Everything that a stream holds.

    Raises:
        DataError: it is more than `MAX_LINE` bytes.
    """
    with read_errors(name):
        raw = stream.read(MAX_LINE + 1)
    if len(raw) > MAX_LINE:
        raise DataError(f"has more than {MAX_LINE:,} bytes", path=name)
    return raw


def _decoded(raw: bytes, name: str) -> str:
    with read_errors(name):
        return raw.decode("utf-8-sig")


@contextmanager
def open_results(path: str | Path, *, labelled: bool = False) -> Iterator[Callable[[str], None]]:
    """A function that writes results to a file, which appears complete or not at all.

    It takes them as JSON lines, from `prm_core.formats.results.result_row` and
    `prm_core.formats.rows.json_line`.

    Args:
        path: its name tells the format.
        labelled: whether a table has columns for labels and notes.

    Raises:
        DataError: the file cannot be written.
    """
    name, kind = str(path), _kind(str(path))
    check_results(path)
    with atomic_file(path) as file:
        inner: Any = file
        if name.endswith(".gz"):  # without name and time: equal results, equal files
            inner = gzip.GzipFile("", "wb", fileobj=file, mtime=0)
        if kind == ".parquet":
            write, finish = parquet_writer(inner, name, labelled)
        elif kind == ".csv":
            write, finish = csv_writer(inner, labelled)
        else:
            write, finish = lambda line: inner.write(line.encode("utf-8")), lambda: None

        def write_named(line: str) -> None:
            with file_errors(path, "written"):
                write(line)

        yield write_named
        with file_errors(path, "written"):
            finish()
            if inner is not file:
                inner.close()


def check_results(path: str | Path) -> None:
    """Whether results can be written in a file's format, before the work.

    Raises:
        DataError: it is Parquet, and pyarrow is not installed.
    """
    if _kind(str(path)) == ".parquet":
        pyarrow_for(str(path))


def _kind(name: str) -> str:
    """A name's suffix, without .gz."""
    return Path(name.removesuffix(".gz")).suffix.lower()

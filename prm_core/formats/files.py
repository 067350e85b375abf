"""Files of problems and of results by what their names end in: JSON lines, CSV, Parquet.

One problem is held at a time. A name that ends in .gz means gzip around JSON lines or CSV; any
other name means JSON lines.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from prm_core.formats.atomic import atomic_file, file_errors
from prm_core.formats.problems import Problems
from prm_core.formats.rows import read_rows
from prm_core.formats.tables import (
    csv_rows,
    csv_writer,
    one_per_problem,
    parquet_problems,
    parquet_writer,
    pyarrow_for,
)


@contextmanager
def open_problems(path: str | Path, stdin: BinaryIO) -> Iterator[Problems]:
    """The problems of a file, or of `stdin` (JSON lines) when the path is "-".

    Raises:
        DataError: the file cannot be opened, is no table of problems, or is Parquet and nothing
            that reads it is installed.
    """
    name = str(path)
    if name == "-":
        yield Problems(read_rows(stdin, name), lambda: None, name)
        return
    with open_file(path) as problems:
        yield problems


@contextmanager
def open_file(path: str | Path) -> Iterator[Problems]:
    """The same of a file alone, whatever its name: "-" is one like others.

    Raises:
        DataError: as `open_problems`.
    """
    name = str(path)
    with file_errors(path, "read"):
        base = Path(path).open("rb")  # noqa: SIM115, closed two lines below
    with base:
        size = os.fstat(base.fileno()).st_size if base.seekable() else 0

        def share() -> float | None:
            return base.tell() / size if size else None

        if _kind(name) == ".parquet":
            yield parquet_problems(base, name)
            return
        stream = gzip.GzipFile(fileobj=base) if name.endswith(".gz") else base
        if _kind(name) == ".csv":
            yield Problems(one_per_problem(csv_rows(stream, name)), share, name)
        else:
            yield Problems(read_rows(stream, path), share, name)


@contextmanager
def open_results(path: str | Path) -> Iterator[Callable[[str], None]]:
    """A function that writes results to a file, which appears whole or not at all.

    It takes them as lines of JSON, as `result_row` and `json_line` of `prm_core.formats.results`
    make them.

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
            write, finish = parquet_writer(inner, name)
        elif kind == ".csv":
            write, finish = csv_writer(inner)
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
        DataError: it is Parquet, and nothing that writes it is installed.
    """
    if _kind(str(path)) == ".parquet":
        pyarrow_for(str(path))


def _kind(name: str) -> str:
    """What a name ends in, .gz left out."""
    return Path(name.removesuffix(".gz")).suffix.lower()

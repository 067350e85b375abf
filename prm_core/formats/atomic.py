"""Files that appear complete or not at all, and the system's file errors as `DataError`."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from prm_core.errors import BadOptionError, DataError


@contextmanager
def atomic_text(path: str | Path) -> Iterator[Callable[[str], None]]:
    """A function that writes to a file, which appears complete or not at all; see `atomic_file`.

    Raises:
        DataError: the file cannot be written.
    """
    with atomic_file(path) as file:

        def write(text: str) -> None:
            with file_errors(path, "written"):
                file.write(text.encode("utf-8"))

        yield write


@contextmanager
def atomic_file(path: str | Path) -> Iterator[BinaryIO]:
    """A file of bytes, which appears complete or not at all.

    Output goes to a temporary file beside it, which replaces the file if the block succeeds and is
    removed if it does not; an existing file then stays as it was. Anything but an ordinary file (a
    pipe, /dev/null) is written directly.

    Raises:
        DataError: the file cannot be created or finished.
    """
    target = Path(path).resolve()  # a link stays a link: its target is replaced
    in_place = target.exists() and not target.is_file()
    part = target if in_place else target.with_name(f".{target.name}.{os.getpid()}.part")
    with file_errors(path, "written"):
        file = part.open("wb")
    try:
        yield file
        with file_errors(path, "written"):
            file.close()
            if not in_place:
                part.replace(target)
    finally:
        with suppress(OSError):
            file.close()
        if not in_place:
            part.unlink(missing_ok=True)


def refuse_same_file(source: str, output: str) -> None:
    """
    Raises:
        BadOptionError: the input would be replaced by its results.
    """
    with suppress(OSError):  # one of them does not exist
        if os.path.samefile(source, output) and os.path.isfile(output):
            raise BadOptionError(f"{source} would be replaced by its results; name another output")


@contextmanager
def file_errors(path: str | Path, done: str) -> Iterator[None]:
    """Turn a file's system errors into a `DataError` that names it."""
    try:
        yield
    except OSError as error:
        raise DataError(f"cannot be {done}: {error.strerror}", path=path) from error


@contextmanager
def read_errors(path: str) -> Iterator[None]:
    """Turn errors in the middle of reading a file into a `DataError` that names it."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise DataError("cannot be read: it is not valid UTF-8", path=path) from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"cannot be read: the gzip file is damaged: {error}", path=path) from error
    except OSError as error:  # also gzip's error for other files
        raise DataError(f"cannot be read: {error.strerror or error}", path=path) from error

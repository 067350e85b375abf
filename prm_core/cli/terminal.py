"""What people and pipes see: results on stdout or in a file, everything else on stderr."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prm_core.errors import DataError
from prm_core.formats.atomic import atomic_text
from prm_core.formats.rows import BadRows

LINE_WIDTH = 96
"""How much of a text stands on a line."""


@contextmanager
def written_to(output: str) -> Iterator[Callable[[str], None]]:
    """A function that writes results: to stdout, always in UTF-8, or to a file."""
    if output != "-":
        with atomic_text(output) as write:
            yield write
        return

    def to_stdout(text: str) -> None:
        try:
            sys.stdout.buffer.write(text.encode("utf-8"))
            sys.stdout.buffer.flush()  # a reader at the other end sees each row when it is ready
        except BrokenPipeError:
            raise
        except OSError as error:
            drop_stdout()
            message = f"cannot be written: {error.strerror}"
            raise DataError(message, path="standard output") from error

    sys.stdout.flush()
    yield to_stdout


def drop_stdout() -> None:
    """Write no more to stdout; Python would complain once more when it flushes at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def open_missing_streams() -> None:
    """Stand-ins for standard streams that whoever started the program has closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115, to the end


def say(text: str) -> None:
    """One line on stderr."""
    progress(None)
    print(text, file=sys.stderr)


def bad_rows(options: argparse.Namespace) -> BadRows:
    """What names bad rows on stderr; rows with the same message share a line."""
    kind = "skipped" if options.skip_bad else "error"
    return BadRows(lambda message: say(f"{kind}: {message}"))


def progress(text: str | None) -> None:
    """A counter on the last line of a terminal; None removes it."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + (text or ""))
        sys.stderr.flush()


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def columns(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as text, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def one_line(text: str, width: int) -> str:
    """A user's text on one line: without control characters, and cut.

    >>> one_line("a\\n  b\\x1b[2J", 20)
    'a b [2J'
    """
    line = " ".join(printable(text).split())
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def printable(text: str) -> str:
    """A text with blanks for its control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)

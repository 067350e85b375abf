"""What users and pipes see: results on stdout or in a file, everything else on stderr."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from prm_core.errors import DataError
from prm_core.formats.atomic import atomic_text
from prm_core.formats.rows import BadRows

if TYPE_CHECKING:
    from tqdm import tqdm

LINE_WIDTH = 96
"""How much of a text is shown on a line."""


@contextmanager
def written_to(output: str) -> Iterator[Callable[[str], None]]:
    """A function that writes results: to stdout, always in UTF-8, or to a file."""
    if output != "-":
        with atomic_text(output) as write:
            yield write
        return

    def to_stdout(text: str) -> None:
        _clear()
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
    """Replacements for standard streams that were closed before the program started."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115, to the end


def say(text: str) -> None:
    """One line on stderr."""
    _clear()
    print(text, file=sys.stderr)


class LogHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes the log to stderr, above a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, as `logging.StreamHandler` does."""
        _clear()
        super().emit(record)


def bad_rows(options: argparse.Namespace) -> BadRows:
    """Reports bad rows on stderr; rows with the same message share a line."""
    kind = "skipped" if options.skip_bad else "error"
    return BadRows(lambda message: say(f"{kind}: {message}"))


class Show(Protocol):
    """Shows the progress of the work."""

    def __call__(self, n_done: int, n_left: int | None = None, note: str = "") -> None:
        """
        Args:
            n_done: since the bar began.
            n_left: how many are left, if no total was given; None if it is not known.
            note: shown beside the numbers.
        """
        ...


LINE_EVERY_S = 60.0
"""How often progress is a line on stderr if that is not a terminal."""

_bar: tqdm[object] | None = None


@contextmanager
def progress_bar(unit: str, total: int | None = None, n_before: int = 0) -> Iterator[Show]:
    """A bar with the rate and the time left while the block runs; a line a minute elsewhere.

    Args:
        unit: what is counted, in the plural.
        total: how many there are, if known.
        n_before: how many were done by an earlier run.
    """
    global _bar
    from tqdm import tqdm

    on_terminal = sys.stderr.isatty()
    _bar = bar = tqdm(
        total=total,
        initial=n_before,
        unit=f" {unit}",
        file=sys.stderr if on_terminal else _Lines(),
        leave=False,
        dynamic_ncols=on_terminal,
        smoothing=0,  # the rate is the average
        miniters=1,
        mininterval=0.1 if on_terminal else LINE_EVERY_S,
        delay=0.0 if on_terminal else LINE_EVERY_S,
    )

    def show(n_done: int, n_left: int | None = None, note: str = "") -> None:
        if n_left is not None:
            bar.total = n_before + n_done + n_left
        bar.set_postfix_str(note, refresh=False)
        bar.update(n_before + n_done - bar.n)

    try:
        yield show
    finally:
        bar.close()
        _bar = None


class _Lines:
    """A stream on which tqdm's redrawn line becomes a line each time."""

    def write(self, text: str) -> None:
        if line := text.strip("\r\n "):
            print(line, file=sys.stderr)

    def flush(self) -> None:
        sys.stderr.flush()


def _clear() -> None:
    """Clear the bar on a terminal; it is drawn again with the next progress."""
    if _bar is not None and sys.stderr.isatty():
        _bar.clear()


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
    """A text with spaces in place of control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)

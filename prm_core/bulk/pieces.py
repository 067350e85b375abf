"""The folder of an unfinished run: finished work survives a kill.

It is beside the output (its name and `.parts`) and contains the settings of the run and one file
for every finished piece. A piece is a number of whole problems: its name says which rows of the
input it covers, with a digest of their contents, and it appears atomically when it is complete. To
resume, the input is read again from the start, finished rows are compared with their digest and
left alone, and the rest is scored. At the end the pieces are joined into the output, in the input's
order, and the folder is removed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from prm_core.errors import BadOptionError, DataError, InputError, ModelError
from prm_core.formats.atomic import file_errors
from prm_core.formats.files import check_results, open_results
from prm_core.formats.problems import ProblemRow
from prm_core.types import Candidate, StepScorer

if sys.platform != "win32":
    import fcntl

_PIECE = re.compile(r"([0-9]{12})-([0-9]{12})-([0-9a-f]{16})\.jsonl")
_OURS = re.compile(rf"{_PIECE.pattern}|run\.json|probe\.json|todo|\.(lock|.+\.part|nfs.+|DS_Store)")
_PROBE = Candidate("What is 2 + 3 + 4?", ("2 + 3 = 5.", "5 + 4 = 8."))


class Totals(NamedTuple):
    """What an output was made from: the number of scored problems and of bad rows."""

    n_good: int
    n_bad: int


def is_bad(line: str) -> bool:
    """Whether a line of a piece says why a row has no result."""
    return line.startswith('"')


def _content(row: ProblemRow | DataError) -> bytes:
    """What determines a row's result."""
    if isinstance(row, DataError):  # without the path: a file may move
        return str(row).removeprefix(row.path).encode(errors="surrogatepass")
    thinking = [row.thinking] if row.thinking else []
    return json.dumps([row.id, row.problem, row.solutions, row.gold_answer, *thinking]).encode()


class Span(NamedTuple):
    """A finished piece: rows `first` up to `after`, exclusive."""

    first: int
    after: int
    digest: str
    path: Path


class Piece:
    """A piece in progress; it is not visible until it is saved.

    Args:
        folder: of the unfinished run.
        first: number of its first row, from 0.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self._folder, self._first = folder, first
        # After the last complete row: rows, bytes, digest. One value, so that an interrupt leaves
        # all three old or all three new.
        self._state = (first, 0, sha256())
        self._part = folder / f".{first:012d}.{os.getpid()}.part"
        self._file = self._part.open("wb")

    @property
    def after(self) -> int:
        """Number of the next row."""
        return self._state[0]

    def add(self, row: ProblemRow | DataError, line: str) -> None:
        """Add the next row, and its line from `result_lines`."""
        after, n_bytes, digest = self._state
        n_bytes += self._file.write(line.encode("utf-8"))
        digest = digest.copy()
        digest.update(_content(row) + b"\n")
        self._state = (after + 1, n_bytes, digest)

    def save(self) -> None:
        """Make the piece visible, complete and on disk."""
        after, n_bytes, digest = self._state
        self._file.flush()
        self._file.truncate(n_bytes)
        os.fsync(self._file.fileno())
        self._file.close()
        name = f"{self._first:012d}-{after:012d}-{digest.hexdigest()[:16]}.jsonl"
        if after > self._first:
            self._part.replace(self._folder / name)


class UnfinishedRun:
    """The finished part of a file, in a folder beside the output.

    Args:
        output: the file to write.
        settings: what determines the results, by the names of the options; a run resumes only
            with the same ones.
        resume: continue with what is done; without it, nothing may be done yet.

    Raises:
        DataError: the folder cannot be created, contains other things, another run is using it, or
            the output's format cannot be written here.
        BadOptionError: there is finished work without `resume`, or with other settings.
    """

    def __init__(self, output: str | Path, settings: Mapping[str, Any], resume: bool) -> None:
        check_results(output)
        self.output = Path(output)
        self.folder = parts_of(output)
        self.n_rows = 0
        with file_errors(output, "written"):
            self.folder.mkdir(exist_ok=True)
            _refuse_others(self.folder)
            self._lock = (self.folder / ".lock").open("wb")
        try:
            self._begin(dict(settings), resume)
        except BaseException:
            self._lock.close()
            raise

    def _begin(self, settings: dict[str, Any], resume: bool) -> None:
        _hold(self._lock, self.output)
        with file_errors(self.folder, "read"):
            for left in self.folder.glob(".*.part"):  # of a run that was killed
                left.unlink()
            self.spans = _spans(self.folder)
        record = self.folder / "run.json"
        if self.spans:
            if not resume:
                raise BadOptionError(
                    f"{self.output} has an unfinished run beside it: --resume continues it; "
                    f"to start from scratch, remove the folder {self.folder}"
                )
            self._compare(record, settings)
        else:
            with file_errors(record, "written"):
                record.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
                self._probe.unlink(missing_ok=True)

    def _compare(self, record: Path, settings: dict[str, Any]) -> None:
        """
        Raises:
            BadOptionError: the finished work has other settings.
        """
        try:
            before = json.loads(record.read_bytes())
            names = before.keys() | settings.keys()
        except (OSError, ValueError, AttributeError) as error:
            raise DataError(
                "does not record how the run was started; remove the folder", path=record
            ) from (error)
        for name in sorted(names):
            was, now = before.get(name), settings.get(name)
            if was != now:
                raise BadOptionError(
                    f"the unfinished run beside {self.output} was started with {name} "
                    f"{json.dumps(was)}, not {json.dumps(now)}; resume with the same, or remove "
                    f"{self.folder}"
                )

    @property
    def is_begun(self) -> bool:
        """Whether there is something to resume."""
        return self.folder.is_dir() and bool(_spans(self.folder))

    @property
    def n_done(self) -> int:
        """Number of rows that earlier runs have done."""
        return sum(span.after - span.first for span in self.spans)

    @property
    def _probe(self) -> Path:
        return self.folder / "probe.json"

    def todo(
        self, rows: Iterable[ProblemRow | DataError]
    ) -> Iterator[tuple[int, ProblemRow | DataError]]:
        """The rows that are not done, each with its number from 0.

        Raises:
            BadOptionError: the finished rows were different.
        """
        done = deque(self.spans)
        digest = sha256()
        self.n_rows = 0
        for number, row in enumerate(rows):
            self.n_rows = number + 1
            if not done or number < done[0].first:
                yield number, row
                continue
            digest.update(_content(row) + b"\n")
            if self.n_rows == done[0].after:
                if digest.hexdigest()[:16] != done.popleft().digest:
                    raise self._other_input()
                digest = sha256()
        if done:
            raise self._other_input()

    def _other_input(self) -> BadOptionError:
        return BadOptionError(
            f"the unfinished run beside {self.output} was started with another input; resume with "
            f"the same, or remove {self.folder}"
        )

    def join(self) -> Totals:
        """Join all pieces into the output and remove the folder.

        An output that is there stays if nothing could be scored: nothing would be in its place.

        Raises:
            DataError: a piece is missing or damaged, or the output cannot be written.
        """
        spans = _spans(self.folder)
        edges = [0, *(edge for span in spans for edge in (span.first, span.after)), self.n_rows]
        if any(a != b for a, b in zip(edges[::2], edges[1::2], strict=True)):
            raise DataError(
                "has gaps: a piece was removed; run again with --resume", path=self.folder
            )
        n_good = n_bad = 0
        stays = Path(self.output).exists() and not _any_good(spans)
        with ExitStack() as stack:
            write = None if stays else stack.enter_context(open_results(self.output))
            for span in spans:
                n_lines = 0
                with file_errors(span.path, "read"), span.path.open(encoding="utf-8") as lines:
                    for line in lines:
                        n_lines += 1
                        if is_bad(line):
                            n_bad += 1
                        else:
                            n_good += 1
                            if write is not None:
                                write(line)
                if n_lines != span.after - span.first:
                    raise DataError(
                        "is damaged; remove it and run again with --resume", path=span.path
                    )
        # Atomically: a folder without some of its pieces would look like a run to resume.
        old = self.folder.with_name(f".{self.folder.name}.{os.getpid()}.old")
        with file_errors(self.folder, "removed"):
            self.folder.rename(old)
            self._lock.close()
            shutil.rmtree(old)
        return Totals(n_good, n_bad)

    def leave(self) -> None:
        """Release the folder; it is removed if nothing is done."""
        if self._lock.closed:
            return
        if not self.is_begun:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def __enter__(self) -> UnfinishedRun:
        return self

    def __exit__(self, *error: object) -> None:
        self.leave()


def _any_good(spans: Iterable[Span]) -> bool:
    """Whether a row was scored."""
    for span in spans:
        with file_errors(span.path, "read"), span.path.open(encoding="utf-8") as lines:
            if not all(map(is_bad, lines)):
                return True
    return False


def parts_of(output: str | Path) -> Path:
    """The folder of an output's unfinished run."""
    target = Path(output)
    return target.with_name(target.name + ".parts")


def check_model(folder: Path, scorer: StepScorer) -> None:
    """Compare a model with the one that started a run, by its scores of two steps.

    A name is not enough: its folder or server may have another model by now. Scorers that sample
    are not compared.

    Raises:
        ModelError: the scores differ.
    """
    if not scorer.repeatable:
        return
    try:
        (scored,) = scorer.score([_PROBE])
    except InputError:  # a model that cannot score these two steps
        return
    path, now = folder / "probe.json", scored.probabilities
    part = folder / f".probe.{os.getpid()}.part"
    with file_errors(folder, "written"):
        part.write_text(json.dumps(now), encoding="utf-8")
        try:
            os.link(part, path)  # the first process decides for all
        except FileExistsError:
            before = json.loads(path.read_bytes())
        else:
            return
        finally:
            part.unlink()
    if len(before) != len(now) or any(
        abs(a - b) > scorer.tolerance for a, b in zip(before, now, strict=True)
    ):
        raise ModelError(
            f"{scored.model_id} gives different probabilities than when this run was started "
            f"({_shown(now)}, not {_shown(before)}); resume with the same model, or remove {folder}"
        )


def _shown(probabilities: Sequence[float]) -> str:
    return ", ".join(f"{p:.5f}" for p in probabilities)


def _spans(folder: Path) -> list[Span]:
    """The finished pieces, in order and without overlaps.

    A process of a killed run may have finished a piece while the next run was already working.
    """
    found = []
    for path in folder.iterdir():
        if name := _PIECE.fullmatch(path.name):
            found.append(Span(int(name[1]), int(name[2]), name[3], path))
    spans: list[Span] = []
    for span in sorted(found):
        if not spans or span.first >= spans[-1].after:
            spans.append(span)
    return spans


def _refuse_others(folder: Path) -> None:
    """
    Raises:
        DataError: the folder has other contents, which would be removed when the run is done.
    """
    for path in folder.iterdir():
        if not _OURS.fullmatch(path.name):
            raise DataError(
                f"holds {path.name}, which does not belong to a run; move it, or give the output "
                "another name",
                path=folder,
            )


def _hold(lock: BinaryIO, output: Path) -> None:
    """Lock out other runs while the file is open; the system releases the lock on a kill.

    Raises:
        DataError: another run has the lock.
    """
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataError("another run is writing it", path=output) from error
    except OSError:  # a file system without locks
        return

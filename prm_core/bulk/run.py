"""Score a file of problems into a file, in pieces that outlive a kill.

While a run is unfinished, a folder beside the output (its name and `.parts`) holds the settings
of the run and one file for every piece that is done. A piece is a number of whole problems: its
name says which rows of the input it covers, with a digest of what they held, and it appears in one
moment, when it is complete. To go on, the input is read again from the start, what is done is
compared with its digest and left alone, and the rest is scored. At the end the pieces are joined
into the output, in the input's order, and the folder goes away.

Memory holds one problem and its results (with a server: as many as are asked for at once).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from prm_core.errors import BadOptionError, DataError, InputError, ModelError
from prm_core.formats.files import Problems, check_results, open_results
from prm_core.formats.problems import ProblemRow, file_errors, json_line
from prm_core.formats.results import result_row
from prm_core.text.steps import candidate_of, steps_of
from prm_core.types import Candidate, ScoredCandidate, StepScorer

if sys.platform != "win32":
    import fcntl

PIECE_S = 1.0
"""A piece is closed after this time, or after `PIECE_SHARE` of the time so far if that is more: a
kill costs about a hundredth of the work, and the folder holds some hundred files, not millions."""

PIECE_SHARE = 0.01

SERVED_TOGETHER = 128
"""Solutions in one call of a scorer elsewhere, so that a server always has some to batch."""

WRITTEN_ABOUT_TOGETHER = 32
"""The same where texts are written; a kill costs what was written about them."""

_PIECE = re.compile(r"([0-9]{12})-([0-9]{12})-([0-9a-f]{16})\.jsonl")
_OURS = re.compile(rf"{_PIECE.pattern}|run\.json|probe\.json|todo|\.(lock|.+\.part|nfs.+|DS_Store)")
_PROBE = Candidate("What is 2 + 3 + 4?", ("2 + 3 = 5.", "5 + 4 = 8."))


@dataclass(frozen=True, slots=True)
class Task:
    """What is made of each problem.

    Attributes:
        rule: how a solution's text is split into steps.
        method: the aggregation that ranks.
        threshold: below this probability a step counts as wrong; None for the model's own.
    """

    rule: str = "auto"
    method: str = "min"
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        n_problems: scored by this run.
        n_before: rows that earlier runs have done.
        seconds: that this run has worked.
        left_s: that it will still take; None where nobody can tell.
    """

    n_problems: int
    n_before: int
    seconds: float
    left_s: float | None

    def __str__(self) -> str:
        """
        >>> print(Progress(120, 0, 60.0, 90.0))
        120 problems scored, 2.0/s, 1 min 30 s left
        """
        rate = f", {self.n_problems / self.seconds:.1f}/s" if self.seconds >= 1 else ""
        before = f" ({self.n_before:,} before)" if self.n_before else ""
        left = "" if self.left_s is None else f", {duration(self.left_s)} left"
        count = f"{self.n_problems:,} problem{'' if self.n_problems == 1 else 's'}"
        return f"{count} scored{before}{rate}{left}"


class Totals(NamedTuple):
    """What an output was made from: problems that were scored, and rows that were bad."""

    n_good: int
    n_bad: int


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> [duration(s) for s in (0.2, 59.6, 61, 7320)]
    ['0 s', '1 min 0 s', '1 min 1 s', '2 h 2 min']
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


# --- problems -------------------------------------------------------------------------------------


def score_problem(scorer: StepScorer, row: ProblemRow, rule: str) -> list[ScoredCandidate]:
    """A row's candidates, scored together.

    Raises:
        DataError: a solution has no steps or is too long for the model.
    """
    candidates = _candidates(row, rule)
    try:
        return scorer.score(candidates)
    except InputError as error:
        raise row.error(str(error), field="solutions") from error


def _candidates(row: ProblemRow, rule: str) -> list[Candidate]:
    candidates = []
    for number, steps in enumerate(steps_of(row.solutions, rule), start=1):
        if not steps:
            raise row.error(f"solution {number} has no steps", field="solutions")
        candidates.append(candidate_of(row.problem, steps, str(number)))
    return candidates


def result_lines(
    scorer: StepScorer, rows: Sequence[ProblemRow | DataError], task: Task
) -> list[str]:
    """What a piece holds of each row: its result as an object, or why it has none, as a text.

    Several problems go to the scorer in one call. If that refuses one of them, each goes alone.
    """
    threshold = scorer.threshold if task.threshold is None else task.threshold
    found: list[list[Candidate] | DataError] = []
    for row in rows:
        try:
            if isinstance(row, DataError):
                raise row
            found.append(_candidates(row, task.rule))
        except DataError as error:
            found.append(error)
    good = [
        one for candidates in found if not isinstance(candidates, DataError) for one in candidates
    ]
    try:
        flat = iter(scorer.score(good) if good else [])
    except InputError as error:
        if len(rows) > 1:
            return [line for row in rows for line in result_lines(scorer, [row], task)]
        (row,) = rows
        assert isinstance(row, ProblemRow)
        return [_error_line(row.error(str(error), "solutions"))]
    lines = []
    for row, one in zip(rows, found, strict=True):
        if isinstance(one, DataError) or isinstance(row, DataError):
            assert isinstance(one, DataError)
            lines.append(_error_line(one))
            continue
        scored = [next(flat) for _ in one]
        lines.append(json_line(result_row(row.id, scored, method=task.method, threshold=threshold)))
    return lines


def is_bad(line: str) -> bool:
    """Whether a line of a piece says why a row has no result."""
    return line.startswith('"')


def _error_line(error: DataError) -> str:
    return json.dumps(str(error)) + "\n"  # a file's name need not be UTF-8


def _content(row: ProblemRow | DataError) -> bytes:
    """What decides a row's result."""
    if isinstance(row, DataError):  # without the path: a file may move
        return str(row).removeprefix(row.path).encode(errors="surrogatepass")
    return json.dumps([row.id, row.problem, row.solutions, row.gold_answer]).encode()


# --- an unfinished run ----------------------------------------------------------------------------


class Span(NamedTuple):
    """A piece that is done: rows `first` up to `after`, without it."""

    first: int
    after: int
    digest: str
    path: Path


class Piece:
    """A piece that is being made; nobody sees it until it is saved.

    Args:
        folder: of the unfinished run.
        first: number of its first row, from 0.
    """

    def __init__(self, folder: Path, first: int) -> None:
        self._folder, self._first = folder, first
        # After the last complete row: rows, bytes, digest. One value, so that an interrupt finds
        # all three old or all three new.
        self._state = (first, 0, sha256())
        self._part = folder / f".{first:012d}.{os.getpid()}.part"
        self._file = self._part.open("wb")

    @property
    def after(self) -> int:
        """Number of the row that would come next."""
        return self._state[0]

    def add(self, row: ProblemRow | DataError, line: str) -> None:
        """The next row, and what `result_lines` says of it."""
        after, n_bytes, digest = self._state
        n_bytes += self._file.write(line.encode("utf-8"))
        digest = digest.copy()
        digest.update(_content(row) + b"\n")
        self._state = (after + 1, n_bytes, digest)

    def save(self) -> None:
        """Let the piece appear, whole and on disk."""
        after, n_bytes, digest = self._state
        self._file.flush()
        self._file.truncate(n_bytes)
        os.fsync(self._file.fileno())
        self._file.close()
        name = f"{self._first:012d}-{after:012d}-{digest.hexdigest()[:16]}.jsonl"
        if after > self._first:
            self._part.replace(self._folder / name)


class UnfinishedRun:
    """What is done of a file, in a folder beside the output.

    Args:
        output: the file that is to be made.
        settings: what decides the results, by the names of the options; a run goes on with the
            same ones only.
        resume: go on with what is done; else nothing may be done.

    Raises:
        DataError: the folder cannot be made, holds other things, another run is at work in it, or
            the output's format cannot be written here.
        BadOptionError: something is done, and it was not asked for, or has other settings.
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
                    f"{self.output} has an unfinished run beside it: --resume continues it, "
                    f"and without the folder {self.folder} a new one begins"
                )
            self._compare(record, settings)
        else:
            with file_errors(record, "written"):
                record.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
                self._probe.unlink(missing_ok=True)

    def _compare(self, record: Path, settings: dict[str, Any]) -> None:
        """
        Raises:
            BadOptionError: what is done has other settings.
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
                    f"the unfinished run beside {self.output} was begun with {name} "
                    f"{json.dumps(was)}, not {json.dumps(now)}; resume with the same, or remove "
                    f"{self.folder}"
                )

    @property
    def is_begun(self) -> bool:
        """Whether there is something to go on with."""
        return self.folder.is_dir() and bool(_spans(self.folder))

    @property
    def n_done(self) -> int:
        """Rows that earlier runs have done."""
        return sum(span.after - span.first for span in self.spans)

    @property
    def _probe(self) -> Path:
        return self.folder / "probe.json"

    def todo(
        self, rows: Iterable[ProblemRow | DataError]
    ) -> Iterator[tuple[int, ProblemRow | DataError]]:
        """The rows that are not done, each with its number from 0.

        Raises:
            BadOptionError: the rows that are done were others.
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
        """Make the output of all pieces and remove the folder.

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
        with open_results(self.output) as write:
            for span in spans:
                n_lines = 0
                with file_errors(span.path, "read"), span.path.open(encoding="utf-8") as lines:
                    for line in lines:
                        n_lines += 1
                        if is_bad(line):
                            n_bad += 1
                        else:
                            n_good += 1
                            write(line)
                if n_lines != span.after - span.first:
                    raise DataError(
                        "is damaged; remove it and run again with --resume", path=span.path
                    )
        # In one moment: a folder without some of its pieces would be a run to go on with.
        old = self.folder.with_name(f".{self.folder.name}.{os.getpid()}.old")
        with file_errors(self.folder, "removed"):
            self.folder.rename(old)
            self._lock.close()
            shutil.rmtree(old)
        return Totals(n_good, n_bad)

    def leave(self) -> None:
        """Let go of the folder; it is removed where nothing is done."""
        if self._lock.closed:
            return
        if not self.is_begun:
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()

    def __enter__(self) -> UnfinishedRun:
        return self

    def __exit__(self, *error: object) -> None:
        self.leave()


def parts_of(output: str | Path) -> Path:
    """The folder of an output's unfinished run."""
    target = Path(output)
    return target.with_name(target.name + ".parts")


def check_model(folder: Path, scorer: StepScorer) -> None:
    """Compare a model with the one that a run was begun with, by what it says of two steps.

    A name says little: the folder behind it may hold another model by now, and so may a server.
    Of a scorer that says something else each time two steps would say nothing.

    Raises:
        ModelError: it says something else.
    """
    if not scorer.repeatable:
        return
    try:
        (scored,) = scorer.score([_PROBE])
    except InputError:  # not a model for these two steps
        return
    path, now = folder / "probe.json", scored.probabilities
    part = folder / f".probe.{os.getpid()}.part"
    with file_errors(folder, "written"):
        part.write_text(json.dumps(now), encoding="utf-8")
        try:
            os.link(part, path)  # the first one says it for all
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
            f"{scored.model_id} gives other probabilities than when this run was begun "
            f"({_shown(now)}, not {_shown(before)}); resume with the same model, or remove {folder}"
        )


def _shown(probabilities: Sequence[float]) -> str:
    return ", ".join(f"{p:.5f}" for p in probabilities)


def _spans(folder: Path) -> list[Span]:
    """What is done, in order and without overlaps.

    A process of a killed run may still have finished a piece while the next run was at work.
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
        DataError: the folder is somebody's own, and would be removed when the run is done.
    """
    for path in folder.iterdir():
        if not _OURS.fullmatch(path.name):
            raise DataError(
                f"holds {path.name}, which is of no run of ours; move it, or give the output "
                "another name",
                path=folder,
            )


def _hold(lock: BinaryIO, output: Path) -> None:
    """Keep other runs away for as long as the file is open; the system lets go of it at a kill.

    Raises:
        DataError: another run holds it.
    """
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DataError("another run is writing it", path=output) from error
    except OSError:  # a file system without locks
        return


# --- the run --------------------------------------------------------------------------------------


class Clock:
    """Measures a run.

    Args:
        problems: what is read.
        run: what is done.
    """

    def __init__(self, problems: Problems, run: UnfinishedRun) -> None:
        self._problems, self._run = problems, run
        self._n_before = run.n_done
        self._began: float | None = None
        self._share = 0.0
        self._n = 0

    def start(self) -> None:
        """The first rows to be scored have been read (later calls change nothing)."""
        if self._began is None:
            self._began, self._share = time.monotonic(), self._problems.share or 0.0

    @property
    def seconds(self) -> float:
        """Since the start."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def scored(self, n: int) -> Progress:
        """That many more rows are done."""
        self._n += n
        share, seconds = self._problems.share, self.seconds
        done = 0.0 if share is None else share - self._share
        left_s = seconds * (1 - (share or 0.0)) / done if done > 0 else None
        return Progress(self._n, self._n_before, seconds, left_s)


def score_rows(
    scorer: StepScorer,
    problems: Problems,
    run: UnfinishedRun,
    task: Task,
    *,
    n_together: int | None = None,
    tell: Callable[[Progress], None] = lambda progress: None,
    bad: Callable[[str], None] = lambda message: None,
) -> None:
    """Score what is not done yet; `run.join` then makes the output.

    What is done stays done, whatever ends the run.

    Args:
        scorer: the model.
        problems: the input, from its beginning.
        run: where pieces are kept.
        task: what is made of each problem.
        n_together: solutions that are given to the scorer in one call, if they are of several
            problems; 1 for one problem a call, None for what suits the scorer.
        tell: called after each call of the scorer.
        bad: told of each bad row.

    Raises:
        DataError: a file cannot be read or written.
        ModelError: the model does not work.
        BadOptionError: what is done was made of another input.
    """
    n_together = n_together or suits(scorer)
    clock = Clock(problems, run)
    piece, began_s = None, 0.0
    try:
        for group in _groups(run.todo(problems), n_together):
            clock.start()
            lines = result_lines(scorer, [row for _, row in group], task)
            with file_errors(run.folder, "written"):
                for (number, row), line in zip(group, lines, strict=True):
                    if piece is not None and piece.after != number:
                        done, piece = piece, None
                        done.save()
                    if piece is None:
                        piece, began_s = Piece(run.folder, number), clock.seconds
                    piece.add(row, line)
                    if is_bad(line):
                        bad(json.loads(line))
                if piece and clock.seconds - began_s >= max(PIECE_S, PIECE_SHARE * clock.seconds):
                    done, piece = piece, None
                    done.save()
            tell(clock.scored(len(group)))
    finally:
        if piece is not None:
            with file_errors(run.folder, "written"):
                piece.save()


def suits(scorer: StepScorer) -> int:
    """How many solutions of several problems a scorer is best given in one call."""
    if not scorer.elsewhere:
        return 1
    return SERVED_TOGETHER if scorer.repeatable else WRITTEN_ABOUT_TOGETHER


def _groups(
    rows: Iterable[tuple[int, ProblemRow | DataError]], n_solutions: int
) -> Iterator[list[tuple[int, ProblemRow | DataError]]]:
    """Neighbouring rows, until they have that many solutions."""
    group: list[tuple[int, ProblemRow | DataError]] = []
    n = 0
    for number, row in rows:
        group.append((number, row))
        n += 1 if isinstance(row, DataError) else len(row.solutions)
        if n >= n_solutions:
            yield group
            group, n = [], 0
    if group:
        yield group

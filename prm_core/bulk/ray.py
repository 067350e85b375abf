"""The bulk run of `prm_core.bulk.run` on Ray Data: several processes, GPUs or machines.

Unfinished rows are cut into pieces of whole problems, so that what candidates share is still
computed once, and each piece is spooled into the folder beside the output. A piece is a row of a
Ray dataset. A pool of actors, each with its own model, scores them, and an actor writes its piece
as a run in one process does; so either engine can resume a run of the other. If a killed actor's
piece is scored again, it becomes the same file.

The dataset contains only file names and has no reading task: nothing ever waits for a CPU slot that
the actors have taken. `docs/decisions/0008-pieces-not-ray-checkpoints.md` explains why Ray's own
checkpoints are not used.
"""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prm_core.bulk.pieces import Piece, UnfinishedRun, check_model, is_bad
from prm_core.bulk.run import OnProgress, Task, result_lines
from prm_core.errors import BadOptionError, DataError, ModelError, PRMError
from prm_core.formats.atomic import file_errors
from prm_core.formats.problems import ProblemRow, Problems
from prm_core.formats.rows import json_line
from prm_core.types import StepScorer, suits

PIECE_ROWS = 64
"""Problems in a piece."""

MAX_BLOCKS = 2000
"""The most blocks that Ray has to track; more pieces than that share blocks."""

Row = ProblemRow | DataError


def score_rows_on_ray(
    load: Callable[[], StepScorer],
    problems: Problems,
    run: UnfinishedRun,
    task: Task,
    *,
    n_actors: int,
    gpus_per_actor: float = 0.0,
    on_progress: OnProgress = lambda n_done, n_left: None,
    on_bad_row: Callable[[str], None] = lambda message: None,
) -> None:
    """Like `prm_core.bulk.run.score_rows`, on the Ray cluster of RAY_ADDRESS or a local one.

    Args:
        load: makes the scorer, in each actor; called on machines that see the input's and the
            output's folder under the same names.
        problems: the input, from its beginning.
        run: where pieces are kept.
        task: how each problem is processed.
        n_actors: how many models work at the same time; no more than there are pieces.
        gpus_per_actor: the GPUs that Ray reserves for each; may be a fraction.
        on_progress: called when pieces are done.
        on_bad_row: called with the message of each bad row.

    Raises:
        DataError: a file cannot be read or written.
        ModelError: the model cannot be loaded, or does not work.
        BadOptionError: Ray is not installed, or the finished work came from another input.
    """
    ray = _ray()
    spool = run.folder.resolve() / "todo"
    with file_errors(run.folder, "written"):
        shutil.rmtree(spool, ignore_errors=True)  # of a run that was killed
        spool.mkdir()
        paths = [
            _spool(spool, first, rows) for first, rows in _pieces(run.todo(problems), PIECE_ROWS)
        ]
    if not paths:
        return
    n_done = n_good = 0
    is_ours = _start(ray, n_actors)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        rows = ray.data.from_items(
            [{"path": path} for path in paths], override_num_blocks=min(len(paths), MAX_BLOCKS)
        )
        done = rows.map_batches(
            _Actor,
            fn_constructor_args=(load, str(run.folder.resolve()), asdict(task)),
            compute=ray.data.ActorPoolStrategy(size=min(n_actors, len(paths))),
            batch_size=1,
            num_cpus=1,
            num_gpus=gpus_per_actor,
        )
        for row in done.iter_rows():
            if row["error"]:
                raise ModelError(row["error"])
            n_done, n_good = n_done + 1, n_good + row["n_rows"]
            for message in json.loads(row["bad"]):
                on_bad_row(message)
            on_progress(n_good, round(n_good * (len(paths) / n_done - 1)))
    finally:
        if is_ours:
            ray.shutdown()
        shutil.rmtree(spool, ignore_errors=True)


class _Actor:
    """Holds a model and scores pieces; a worker process of Ray's makes one."""

    def __init__(self, load: Callable[[], StepScorer], folder: str, task: dict[str, Any]) -> None:
        self._folder, self._task = Path(folder), Task(**task)
        self._scorer, self._error = None, ""
        try:
            self._scorer = load()
            check_model(self._folder, self._scorer)
        except (
            PRMError
        ) as error:  # reported by the driver; if it were raised here, Ray would retry forever
            self._error = str(error)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Score the piece of one row."""
        (path,) = batch["path"]
        n_rows, messages = 0, list[str]()
        try:
            if self._scorer is not None and not self._error:
                n_rows, messages = self._score(self._scorer, Path(path))
        except PRMError as error:
            self._error = str(error)
        told = {"error": self._error, "n_rows": n_rows, "bad": json.dumps(messages)}
        return {name: [value] for name, value in told.items()}

    def _score(self, scorer: StepScorer, path: Path) -> tuple[int, list[str]]:
        """How many rows there were, and the messages of the bad ones."""
        if not path.exists():  # done, but its actor was killed before Ray knew
            return 0, []
        rows, messages = _read_spool(path), []
        with file_errors(self._folder, "written"):
            piece = Piece(self._folder, int(path.stem))
            n_rows = _step(rows, suits(scorer))
            for start in range(0, len(rows), n_rows):
                some = rows[start : start + n_rows]
                for row, line in zip(some, result_lines(scorer, some, self._task), strict=True):
                    piece.add(row, line)
                    if is_bad(line):
                        messages.append(json.loads(line))
            piece.save()
            path.unlink()
        return len(rows) - len(messages), messages


def _step(rows: list[Row], n_together: int) -> int:
    """How many rows have about that many solutions."""
    n_solutions = sum(1 if isinstance(row, DataError) else len(row.solutions) for row in rows)
    return max(1, math.floor(n_together * len(rows) / n_solutions))


def _pieces(rows: Iterable[tuple[int, Row]], n_most: int) -> Iterator[tuple[int, list[Row]]]:
    """Neighbouring rows together, with the number of the first."""
    piece: list[Row] = []
    first = 0
    for number, row in rows:
        if piece and (len(piece) == n_most or number != first + len(piece)):
            yield first, piece
            piece = []
        if not piece:
            first = number
        piece.append(row)
    if piece:
        yield first, piece


def _spool(folder: Path, first: int, rows: list[Row]) -> str:
    """Write a piece's rows to a file; returns its name."""
    path = folder / f"{first:012d}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            if isinstance(row, ProblemRow):
                file.write(json_line(asdict(row)))
                continue
            where: dict[str, Any] = {"path": row.path, "line": row.line, "field": row.field}
            message = str(row).removeprefix(str(DataError("", **where)))
            file.write(json_line({"message": message, **where}))
    return str(path)


def _read_spool(path: Path) -> list[Row]:
    rows: list[Row] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            fields = json.loads(line)
            if "message" in fields:
                rows.append(DataError(fields.pop("message"), **fields))
                continue
            solutions, thinking = fields.pop("solutions"), fields.pop("thinking")
            rows.append(
                ProblemRow(
                    solutions=tuple(s if isinstance(s, str) else tuple(s) for s in solutions),
                    thinking=tuple(marks and tuple(marks) for marks in thinking),
                    **fields,
                )
            )
    return rows


def _ray() -> Any:
    """Ray, which need not be installed.

    Raises:
        BadOptionError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read when it is imported
    try:
        import ray.data
    except ImportError as error:
        raise BadOptionError(
            "--engine ray needs Ray: pip install 'prm-inspector[ray]', or pip install "
            "'ray[data]==2.60.*'"
        ) from error
    return ray


def _start(ray: Any, n_actors: int) -> bool:
    """Connect to the cluster, or start one; returns whether we must stop it.

    Raises:
        BadOptionError: the cluster that RAY_ADDRESS names does not answer.
    """
    if ray.is_initialized():
        return False
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address := os.environ.get("RAY_ADDRESS"):
        try:
            ray.init(**quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise BadOptionError(
                f"the Ray cluster of RAY_ADDRESS={address} cannot be reached: {error}; is it "
                "running, and does it need a token (RAY_AUTH_MODE=token)?"
            ) from error
    else:
        # One slot more than the actors take, for Ray's own tasks.
        ray.init("local", num_cpus=n_actors + 1, include_dashboard=False, **quiet)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return True

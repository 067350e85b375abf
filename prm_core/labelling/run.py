"""Label the steps of all solutions in a file: a file of labels that grows row by row.

Labels by people come in the same schema (`prm_core.formats.labelled`), so all kinds mix. How one
solution is labelled is in `prm_core.labelling.methods`.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from prm_core.answers.final import final_answer
from prm_core.errors import BadOptionError, DataError, InputError
from prm_core.formats.candidate_sets import read_solutions
from prm_core.formats.labelled import cut_marks, example_row, examples_of, rows_of
from prm_core.formats.problems import FileRow, file_errors, json_line, read_rows
from prm_core.labelling.completers import Completer
from prm_core.labelling.consensus import RightValues
from prm_core.labelling.methods import (
    LabelConfig,
    Rollouts,
    digest,
    judged,
    label_solution,
    most_generations,
)
from prm_core.text.steps import candidate_of
from prm_core.types import Example

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A solution to label.

    Attributes:
        example: the solution; its labels do not count.
        gold_answer: the problem's right answer.
        row: where it stands.
    """

    example: Example
    gold_answer: str
    row: FileRow

    @property
    def key(self) -> bytes:
        """The same for solutions that are the same."""
        candidate = self.example.candidate
        return digest(candidate.problem, candidate.steps, self.gold_answer, candidate.thinking)

    @property
    def problem_key(self) -> bytes:
        """The same for solutions of the same problem."""
        return digest(self.example.candidate.problem, (), self.gold_answer)


@dataclass(frozen=True, slots=True)
class LabelCost:
    """What there is to do, and what it costs.

    Attributes:
        n_solutions: to be labelled.
        n_done: labelled by an earlier run.
        n_repeated: the same as one before them; left out.
        n_generations: continuations at most.
        n_tokens: generated tokens at most.
    """

    n_solutions: int
    n_done: int
    n_repeated: int
    n_generations: int
    n_tokens: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: solutions labelled, continuations written, seconds used."""

    n_solutions: int
    n_generations: int
    seconds: float


def read_unlabelled(path: str | Path, rule: str = "auto") -> Iterator[Unlabelled | DataError]:
    """The solutions of a file, in order, with an error in the place of each that cannot be used.

    A row is a problem with its `solutions`, as for scoring (or objects with `steps` or `text`, and
    perhaps `answer`), or one solution in any format of `prm_core.formats.labelled`. Each needs a
    gold answer.

    Args:
        path: JSONL; gzip when its name ends in .gz.
        rule: how a solution's text is split into steps.

    Raises:
        DataError: the file cannot be read.
    """
    for row in rows_of(path):
        try:
            if isinstance(row, DataError):
                raise row
            examples = _split(row, rule) if "solutions" in row.fields else examples_of(row)
            for example in examples:
                if example.gold_answer is None:
                    raise row.error("is missing: without it no answer can be judged", "gold_answer")
            found = [Unlabelled(e, e.gold_answer, row) for e in examples if e.gold_answer]
        except DataError as error:
            yield error
            continue
        yield from found


def _split(row: FileRow, rule: str) -> list[Example]:
    """The solutions of a problem, each named after it and numbered from 1."""
    problem, cut = read_solutions(row, rule)
    name = row.text_or_number("id", row.fields.get("id")) or row.line
    gold_answer = row.text_or_number("gold_answer", row.fields.get("gold_answer"))
    examples = []
    for number, (fields, steps) in enumerate(cut, start=1):
        unmarked = [replace(step, text=cut_marks(step.text)) for step in steps]
        try:
            candidate = candidate_of(problem, unmarked, f"{name}/{number}")
        except InputError as error:
            raise row.error(f"solution {number}: {error}", "solutions") from error
        nobody = (None,) * len(steps)
        answer = row.text_or_number("answer", fields.get("answer"))
        examples.append(Example(candidate, nobody, answer=answer, gold_answer=gold_answer))
    return examples


class LabelFile:
    """A file of labels that grows row by row, in the order of the solutions.

    Each row is written whole, in one piece. A run that was stopped goes on where it stood; what is
    behind the last line end, if anything, is cut off.

    Args:
        path: the file; made if it is not there.
        labelled_by: what decides the labels; stands in every row.

    Raises:
        DataError: it cannot be read or written.
        BadOptionError: it holds labels that were made in another way.
    """

    def __init__(self, path: Path, labelled_by: dict[str, Any]) -> None:
        if path.suffix == ".gz":
            raise BadOptionError(f"{path} cannot grow row by row; write a .jsonl and zip it later")
        self.path, self.labelled_by = path, labelled_by
        self.keys: set[bytes] = set()
        self._end = 0  # bytes up to the last line end
        with file_errors(path, "read"):
            if path.exists():
                self._read()

    def append(self, example: Example) -> None:
        """Write one labelled solution.

        Raises:
            DataError: the file cannot be written.
        """
        line = json_line({**example_row(example), "labelled_by": self.labelled_by}).encode("utf-8")
        with file_errors(self.path, "written"), self.path.open("ab", buffering=0) as file:
            n_written = file.write(line)
        if n_written != len(line):  # the next run cuts off the part
            raise DataError("cannot be written: the disk may be full", path=self.path)

    def _read(self) -> None:
        """Learn which solutions are done; nothing is cut off from a file that is not ours."""
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            for row in read_rows(self._whole_lines(file), self.path):
                if isinstance(row, DataError):
                    raise row
                if row.fields.get("labelled_by") != self.labelled_by:
                    raise BadOptionError(
                        f"{self.path} holds labels that were made in another way (line {row.line}: "
                        f"{json.dumps(row.fields.get('labelled_by'))}); choose another file"
                    )
                (example,) = examples_of(row)
                # As they stand: reading cuts what looks like a calculator mark.
                steps, gold_answer = row.fields["steps"], example.gold_answer or ""
                candidate = example.candidate
                self.keys.add(digest(candidate.problem, steps, gold_answer, candidate.thinking))
        if size > self._end:
            if not self.keys:
                raise DataError("holds no row of labels; choose another file", path=self.path)
            os.truncate(self.path, self._end)

    def _whole_lines(self, file: Iterable[bytes]) -> Iterator[bytes]:
        for line in file:
            if line.endswith(b"\n"):
                self._end += len(line)
                yield line


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the right solutions in a file have in common, problem by problem.

    Attributes:
        problems: `problem_key` → the values of its right solutions.
        digest: of all solutions that stand behind it; the same for the same file.
    """

    problems: dict[bytes, RightValues]
    digest: str

    def of(self, one: Unlabelled) -> RightValues:
        """What stands behind the labels of a solution."""
        return self.problems.get(one.problem_key) or RightValues()


def read_consensus(solutions: Iterable[Unlabelled | DataError]) -> Consensus:
    """The consensus of all solutions of a file; a solution that is repeated counts once."""
    problems: dict[bytes, RightValues] = {}
    seen: set[bytes] = set()
    for one in solutions:
        if isinstance(one, DataError) or one.key in seen:
            continue
        seen.add(one.key)
        if judged(one.example, one.gold_answer)[1]:
            steps = one.example.candidate.steps
            problems.setdefault(one.problem_key, RightValues()).add(steps)
    return Consensus(problems, hashlib.sha256(b"".join(sorted(seen))).hexdigest()[:16])


def plan(
    solutions: Iterable[Unlabelled | DataError],
    done: set[bytes],
    config: LabelConfig,
    max_tokens: int = 0,
) -> LabelCost:
    """What labelling takes, without doing it."""
    seen: set[bytes] = set()
    n_done = n_repeated = n_generations = 0
    for one in solutions:
        if isinstance(one, DataError):
            continue
        if one.key in seen:
            n_repeated += 1
            continue
        seen.add(one.key)
        if one.key in done:
            n_done += 1
            continue
        steps = one.example.candidate.steps
        has_answer = (one.example.answer or final_answer(one.example.candidate)) is not None
        n_generations += most_generations(len(steps), has_answer, config)
    n_new = len(seen) - n_done
    return LabelCost(n_new, n_done, n_repeated, n_generations, n_generations * max_tokens)


def label_all(
    solutions: Iterable[Unlabelled | DataError],
    output: LabelFile,
    config: LabelConfig,
    generator: Completer | None,
    consensus: Consensus | None = None,
    *,
    tell: Callable[[Progress], None] = lambda progress: None,
    tell_every_s: float = 10.0,
) -> Iterator[DataError]:
    """Label what `output` does not hold yet; gives the rows that could not be labelled.

    Solutions are worked on side by side, as many as keep the generator busy, and written in their
    order.

    Args:
        solutions: from `read_unlabelled`.
        output: grows by one row for each solution.
        config: how to label.
        generator: needed by the methods in `SAMPLING`.
        consensus: of the same solutions; needed by the method of that name.
        tell: called after each solution, and every `tell_every_s` seconds while one takes longer.

    Raises:
        DataError: a file cannot be read or written.
        ModelError: the generator does not work.
    """
    rollouts = (
        Rollouts(generator, config.continuations, config.seed) if generator is not None else None
    )
    n_beside = (
        1 if generator is None else 1 + math.ceil(generator.concurrency / config.continuations)
    )
    began, n_labelled = time.monotonic(), 0

    def fresh() -> Iterator[Unlabelled | DataError]:
        seen = set(output.keys)
        for one in solutions:
            if isinstance(one, DataError):
                yield one
            elif one.key not in seen:
                seen.add(one.key)
                yield one

    def work(one: Unlabelled | DataError) -> Example | DataError:
        if isinstance(one, DataError):
            return one
        try:
            right = consensus.of(one) if consensus is not None else None
            return label_solution(one.example, one.gold_answer, config, rollouts, right)
        except InputError as error:
            return one.row.error(str(error))

    with ThreadPoolExecutor(n_beside, thread_name_prefix="label") as pool:
        try:
            for labelled in _in_order(pool, work, fresh(), 2 * n_beside, tell_every_s):
                if isinstance(labelled, DataError):
                    yield labelled
                    continue
                if labelled is not None:
                    output.append(labelled)
                    n_labelled += 1
                n_generations = rollouts.n_generations if rollouts else 0
                tell(Progress(n_labelled, n_generations, time.monotonic() - began))
        except BaseException:
            if generator is not None:
                generator.close()  # or leaving the pool would wait for all that was asked
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[T], R],
    items: Iterable[T],
    n_ahead: int,
    every_s: float,
) -> Iterator[R | None]:
    """Results in the order of the items, of which at most `n_ahead` are taken before they count.

    None stands for `every_s` seconds without a result.
    """
    waiting: deque[Future[R]] = deque()

    def first() -> Iterator[R | None]:
        while not wait([waiting[0]], every_s).done:
            yield None
        yield waiting.popleft().result()

    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= n_ahead:
            yield from first()
    while waiting:
        yield from first()

"""Label the steps of all solutions in a file.

Human labels use the same schema (`prm_core.formats.labelled`), so all kinds can be mixed. See
`prm_core.labelling.methods` for how one solution is labelled.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from prm_core.answers.final import final_answer
from prm_core.errors import DataError, InputError
from prm_core.http_client import completed, uninterrupted
from prm_core.labelling.completers import Completer
from prm_core.labelling.label_file import LabelFile
from prm_core.labelling.methods import LabelConfig, Rollouts, label_solution, most_generations
from prm_core.labelling.solutions import Consensus, Unlabelled
from prm_core.types import Example

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class LabelCost:
    """The work to do, and its cost.

    Attributes:
        n_solutions: to be labelled.
        n_done: labelled by an earlier run.
        n_repeated: the same as an earlier one; left out.
        n_generations: the most continuations.
        n_tokens: the most generated tokens.
    """

    n_solutions: int
    n_done: int
    n_repeated: int
    n_generations: int
    n_tokens: int


@dataclass(frozen=True, slots=True)
class Progress:
    """A run's progress: solutions labelled, continuations generated, seconds used."""

    n_solutions: int
    n_generations: int
    seconds: float


def plan(
    solutions: Iterable[Unlabelled | DataError],
    done: set[bytes],
    config: LabelConfig,
    max_tokens: int = 0,
) -> LabelCost:
    """The cost of labelling, without doing it."""
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
    on_progress: Callable[[Progress], None] = lambda progress: None,
    every_s: float = 10.0,
) -> Iterator[DataError]:
    """Label what `output` does not contain yet; returns the rows that could not be labelled.

    Solutions are processed in parallel, as many as keep the generator busy, and written in order.

    Args:
        solutions: from `read_unlabelled`.
        output: grows by one row for each solution.
        config: how to label.
        generator: needed by the methods in `SAMPLING`.
        consensus: of the same solutions; needed by the method of that name.
        on_progress: called after each solution, and every `every_s` seconds while one takes longer.

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
            for labelled in _in_order(pool, work, fresh(), 2 * n_beside, every_s):
                if isinstance(labelled, DataError):
                    yield labelled
                    continue
                if labelled is not None:
                    output.append(labelled)
                    n_labelled += 1
                n_generations = rollouts.n_generations if rollouts else 0
                on_progress(Progress(n_labelled, n_generations, time.monotonic() - began))
        except BaseException:
            if generator is not None:
                generator.close()  # otherwise leaving the pool would wait for all requests
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[T], R],
    items: Iterable[T],
    n_ahead: int,
    every_s: float,
) -> Iterator[R | None]:
    """Results in the order of the items; at most `n_ahead` items are started in advance.

    None means `every_s` seconds without a result.
    """
    waiting: deque[Future[R]] = deque()

    def first() -> Iterator[R | None]:
        for future in completed([waiting.popleft()], every_s):
            yield None if future is None else future.result()

    for item in items:
        with uninterrupted():
            waiting.append(pool.submit(work, item))
        if len(waiting) >= n_ahead:
            yield from first()
    while waiting:
        yield from first()

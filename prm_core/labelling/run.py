"""Label the steps of all solutions in a file: a file of labels that grows row by row.

Labels by people come in the same schema (`prm_core.formats.labelled`), so all kinds mix. How one
solution is labelled is in `prm_core.labelling.methods`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
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
from prm_core.formats.problems import BadRows, FileRow, file_errors, json_line, read_rows
from prm_core.http_client import API_KEY
from prm_core.labelling.completers import Completer, Sampling, ServerCompleter
from prm_core.labelling.consensus import RightValues
from prm_core.labelling.methods import (
    METHODS,
    SAMPLING,
    LabelConfig,
    Rollouts,
    digest,
    judged,
    label_solution,
    most_generations,
)
from prm_core.text.steps import candidate_of
from prm_core.types import Example

_log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


# --- a file ---------------------------------------------------------------------------------------


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


# --- the command ----------------------------------------------------------------------------------


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `label`."""
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help='JSON lines (or .jsonl.gz) {"problem", "solutions", "gold_answer", "id"?} or one '
        "solution a row in a format of labelled data",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="JSON lines of labelled steps; grows row by row; the same command resumes it",
    )
    parser.add_argument(
        "--method",
        choices=METHODS,
        required=True,
        help="outcome: by the final answer alone; consensus: by the values that the right "
        "solutions of a problem share; monte-carlo: continuations after every step; "
        "binary-search: the first error by bisection",
    )
    parser.add_argument(
        "--generator",
        metavar="MODEL",
        help="address of an OpenAI-compatible server (http://127.0.0.1:8000/v1), or directory or "
        f"hub name of a causal language model; a server's key comes from {API_KEY}",
    )
    parser.add_argument("--generator-model", metavar="NAME", help="the model's name on the server")
    parser.add_argument(
        "--chat",
        action="store_true",
        help="continue an assistant's turn in the model's chat format instead of plain text; a "
        "server must know continue_final_message, as vLLM and SGLang do",
    )
    parser.add_argument(
        "-k",
        "--continuations",
        type=int,
        default=8,
        metavar="K",
        help="continuations from one place (default: 8)",
    )
    parser.add_argument(
        "--labels",
        choices=("soft", "hard"),
        help="monte-carlo: soft is the share of right continuations (default), hard says right "
        "where any is",
    )
    parser.add_argument(
        "--temperature", type=float, default=0.7, metavar="T", help="of sampling (default: 0.7)"
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=1024,
        metavar="N",
        help="tokens of one continuation at most (default: 1024)",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the continuations (default: 0)")
    parser.add_argument(
        "--concurrency",
        type=int,
        default=16,
        metavar="N",
        help="requests to a server at the same time (default: 16)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="S",
        help="seconds without an answer after which a server is asked again (default: 300)",
    )
    parser.add_argument(
        "--steps",
        default="auto",
        metavar="RULE",
        help="how a solution's text is split, as for score (default: auto)",
    )
    parser.add_argument(
        "--device", default="auto", help="of a local generator: auto, cpu, cuda or mps"
    )
    parser.add_argument(
        "--dtype", default="auto", help="of a local generator: auto, float32, bfloat16 or float16"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what it would cost, and stop there"
    )
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="bad rows are named on stderr but do not make the exit code 1",
    )


def main(
    options: argparse.Namespace, open_local: Callable[[argparse.Namespace, Sampling], Completer]
) -> int:
    """Run `label`; what it costs and how far it is are said on stderr.

    Args:
        options: as `add_arguments` made them.
        open_local: loads a generator that runs here; given by the caller, so that torch is only
            imported when it is needed.
    """
    _log.setLevel(logging.INFO)
    config, sampling = _checked(options)
    consensus = None
    if config.method == "consensus":
        consensus = read_consensus(read_unlabelled(options.file, options.steps))
    output = LabelFile(options.output, _labelled_by(options, config, sampling, consensus))
    costs = plan(
        read_unlabelled(options.file, options.steps), output.keys, config, sampling.max_tokens
    )
    _log.info(
        "%s: %d solutions to label (%d done before, %d repeated); at most %s continuations, "
        "%s tokens",
        options.file,
        costs.n_solutions,
        costs.n_done,
        costs.n_repeated,
        f"{costs.n_generations:,}",
        f"{costs.n_tokens:,}",
    )
    if options.dry_run:
        return 0
    with file_errors(output.path, "written"):  # before the work
        output.path.open("ab").close()
    generator = _open_generator(options, sampling, open_local) if options.generator else None
    tell, n_bad = _Teller(costs), 0
    solutions = read_unlabelled(options.file, options.steps)
    kind = "skipped" if options.skip_bad else "error"
    try:
        with BadRows(lambda message: _log.error("%s: %s", kind, message)) as bad:
            for error in label_all(solutions, output, config, generator, consensus, tell=tell):
                n_bad += 1
                bad(str(error))
    except KeyboardInterrupt:
        _log.info("%s is complete so far; the same command resumes it", output.path)
        raise
    finally:
        if generator is not None:
            generator.close()
        _log.info(
            "%d solutions labelled with %d continuations in %.0f s, %d bad rows",
            tell.last.n_solutions,
            tell.last.n_generations,
            tell.last.seconds,
            n_bad,
        )
    if not (n_bad or costs.n_solutions or costs.n_done):
        raise DataError("has no rows", path=options.file)
    return 1 if n_bad and not options.skip_bad else 0


def _checked(options: argparse.Namespace) -> tuple[LabelConfig, Sampling]:
    """The options as records.

    Raises:
        BadOptionError: they do not fit together.
    """
    if options.method not in SAMPLING and options.generator:
        raise BadOptionError(f"--method {options.method} does not use a --generator; leave it out")
    if options.method in SAMPLING and not options.generator:
        raise BadOptionError(f"--method {options.method} needs a --generator")
    if options.labels and options.method != "monte-carlo":
        raise BadOptionError("--labels is for --method monte-carlo; the others' labels are hard")
    if options.generator and _is_address(options.generator) != bool(options.generator_model):
        raise BadOptionError(
            "--generator-model names the model on a server; it is needed with an address in "
            "--generator, and only there"
        )
    if options.concurrency < 1:
        raise BadOptionError(f"--concurrency is {options.concurrency}; it must be above 0")
    if not options.timeout > 0:
        raise BadOptionError(f"--timeout is {options.timeout}; it must be above 0")
    config = LabelConfig(
        options.method, options.continuations, options.labels == "hard", options.seed
    )
    return config, Sampling(options.temperature, options.max_tokens, options.chat)


def _labelled_by(
    options: argparse.Namespace,
    config: LabelConfig,
    sampling: Sampling,
    consensus: Consensus | None,
) -> dict[str, Any]:
    """What decides the labels, for every row of the output."""
    if consensus is not None:  # with other solutions beside it a solution gets other labels
        return {"method": "consensus", "solutions": consensus.digest}
    if config.method == "outcome":
        return {"method": "outcome"}
    return {
        "method": config.method,
        **({"labels": options.labels or "soft"} if config.method == "monte-carlo" else {}),
        "generator": options.generator_model or options.generator,
        "continuations": config.continuations,
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "chat": sampling.chat,
        "seed": config.seed,
    }


def _is_address(generator: str) -> bool:
    return generator.startswith(("http://", "https://"))


def _open_generator(
    options: argparse.Namespace,
    sampling: Sampling,
    open_local: Callable[[argparse.Namespace, Sampling], Completer],
) -> Completer:
    if not _is_address(options.generator):
        return open_local(options, sampling)
    return ServerCompleter(
        options.generator,
        options.generator_model,
        sampling,
        concurrency=options.concurrency,
        timeout_s=options.timeout,
        api_key=os.environ.get(API_KEY, "").strip(),
    )


class _Teller:
    """Says now and then how far the run is."""

    def __init__(self, costs: LabelCost, every_s: float = 10.0) -> None:
        self._costs, self._every_s, self._said_at = costs, every_s, 0.0
        self.last = Progress(0, 0, 0.0)

    def __call__(self, progress: Progress) -> None:
        self.last = progress
        if progress.seconds - self._said_at < self._every_s:
            return
        self._said_at = progress.seconds
        # Continuations are counted at most, so solutions can be ahead of them.
        share = max(
            progress.n_solutions / max(self._costs.n_solutions, 1),
            progress.n_generations / max(self._costs.n_generations, 1),
        )
        left = f"{progress.seconds * (1 / share - 1):.0f} s left" if share else "time left unknown"
        _log.info(
            "%d of %d solutions, %d continuations, %.1f/s, %s",
            progress.n_solutions,
            self._costs.n_solutions,
            progress.n_generations,
            progress.n_generations / progress.seconds,
            left,
        )

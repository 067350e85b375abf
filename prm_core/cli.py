"""The command line: score and rank problems in files, train and evaluate models, measure speed.

Results go to stdout (or to the file that `-o` names), everything else to stderr. Exit codes: 0
done, 1 an error in words, 2 wrong usage.

A command's arguments are added when it is the one that was called, and what needs torch is
imported inside the command, so that `--help` stays quick.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from prm_core import __version__
from prm_core.aggregate import METHODS
from prm_core.answers import final_answer, same_answer
from prm_core.bulk import (
    Progress,
    Task,
    UnfinishedRun,
    check_model,
    parts_of,
    score_problem,
    score_rows,
)
from prm_core.charts import format_probability
from prm_core.data import ProblemRow, json_line, open_whole
from prm_core.endpoint import API_KEY
from prm_core.errors import BadOptionError, DataError, PRMError
from prm_core.evaluate import (
    Report,
    best_of_n_report,
    calibration_report,
    evaluate_arithmetic,
    first_error_report,
    judge,
    judge_pools,
    prmbench_report,
    recorded_labels,
    recorded_scores,
    sweep_thresholds,
)
from prm_core.files import Problems, open_problems, open_results
from prm_core.labelled import read_examples, rows_of
from prm_core.pools import Pool, read_pools
from prm_core.rank import rank
from prm_core.recorded import RecordedScorer
from prm_core.registry import KNOWN_MODELS
from prm_core.report import fraction, report_html, report_row, report_text
from prm_core.results import letter, result_row
from prm_core.steps import RULES, find_steps, unescaped
from prm_core.types import Example, Explanation, ScoredCandidate
from prm_core.verifiers import VERIFIERS, Message, VerifierScorer, form_of, open_verifier

if TYPE_CHECKING:
    from prm_core.generators import Generator, Sampling
    from prm_core.remote import RemoteScorer
    from prm_core.scorer import Scorer

_Row = TypeVar("_Row")
_Scorer: TypeAlias = "Scorer | RemoteScorer | VerifierScorer"
_NAME = "python -m prm_core"
_PROBLEM_WIDTH = 96
_RECORDED = "recorded:"
_SERVED_TOGETHER = 128  # solutions, so that a server always has some to batch
_WRITTEN_ABOUT_TOGETHER = 32  # a kill costs what was written about them
_MODELS_NOTE = (
    'F1 is ProcessBench\'s average in percent, as published; "?" stands where no source says.\n'
    "Every family is tested against its authors' recipe on tiny weights. Where published numbers\n"
    'are at hand ("doctor"), the doctor command compares the real weights with them.\n'
    "The threshold is 0.5 everywhere, which is not calibrated for skywork and the outcome models.\n"
    'What runs on a "server" writes its verdicts (--server URL); its prompt is tested alone.\n'
    "GenPRM's F1 was measured with the Python that it writes being run, which is never done here."
)
_TASKS = {  # and the options that mean something there
    "first-error": ("threshold", "tune", "sweep", "html"),
    "best-of-n": ("aggregation", "steps", "html"),
    "prmbench": ("threshold", "tune", "html"),
    "calibration": ("html",),
    "arithmetic": ("solutions",),
}
_ARITHMETIC_COLUMNS = ("operation", "size", "steps", "step acc", "error acc", "correct acc")
_ANSWER_WIDTH = 24


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after the program's name; those of the process when None.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    try:
        options = _parser(words).parse_args(words)
        run: Callable[[argparse.Namespace], int] = options.run
        code = run(options)
        sys.stdout.flush()
        return code
    except PRMError as error:
        _say(f"error: {error}")
        return 1
    except BrokenPipeError:
        # The reader has seen enough. Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        _say("interrupted")
        return 1


# The commands.


def _score(options: argparse.Namespace) -> int:
    """`score`: one JSON row per problem, or a table."""
    if options.engine != "ray" and (options.actors or options.gpus_per_actor is not None):
        raise BadOptionError("--actors and --gpus-per-actor are for --engine ray")
    into_file = options.output != "-" and (
        Path(options.output).is_file() or not Path(options.output).exists()
    )
    if options.file != "-" and into_file and not options.explain:
        return _score_into_file(options)
    if options.resume or options.engine == "ray":
        which = "--resume" if options.resume else "--engine ray"
        raise BadOptionError(f"{which} is for rows from a FILE into a file (-o OUT)")
    if options.explain:
        with _written_to(options.output) as write:
            return _each_problem(
                options,
                lambda row, scored, threshold, scorer: write(
                    "".join(_explained(scorer, one) for one in scored)
                ),
            )
    with _written_to("-") if options.output == "-" else open_results(options.output) as write:
        return _each_problem(
            options,
            lambda row, scored, threshold, _: write(
                json_line(
                    result_row(row.id, scored, method=options.aggregation, threshold=threshold)
                )
            ),
        )


def _score_into_file(options: argparse.Namespace) -> int:
    """`score FILE -o OUT`: what is done is kept beside OUT until all is done."""
    unfinished = parts_of(options.output)
    if options.resume and Path(options.output).exists() and not unfinished.exists():
        _say(
            f"{options.output} is whole, and no unfinished run is beside it; without --resume it "
            "is made anew"
        )
        return 0
    task = Task(options.steps, options.aggregation, options.threshold)
    with UnfinishedRun(options.output, _settings(options), options.resume) as run:
        try:
            with open_problems(options.file, sys.stdin.buffer) as problems:
                _score_rows(options, problems, run, task)
            _progress(None)
            if not run.n_rows:
                raise DataError("has no rows", path=options.file)
            n_good, n_bad = run.join()
        except BaseException as error:
            if run.n_rows and run.is_begun and not isinstance(error, BadOptionError):
                _say(f"{run.folder} holds what is done; the same command with --resume goes on")
            raise
    return _sum_up(options, n_good, n_bad)


def _score_rows(
    options: argparse.Namespace, problems: Problems, run: UnfinishedRun, task: Task
) -> None:
    """Score what is not done, in this process or on Ray."""
    writes = form_of(options.model, options.family) is not None
    together = _WRITTEN_ABOUT_TOGETHER if writes else _SERVED_TOGETHER
    n_together = together if options.server else 1
    tell = _Teller()

    def bad(message: str) -> None:
        _say_bad(options, message)

    if options.engine == "ray":
        from prm_core.ray_engine import score_rows_on_ray

        score_rows_on_ray(
            partial(_load, options),
            problems,
            run,
            task,
            n_actors=options.actors or 2,
            gpus_per_actor=options.gpus_per_actor or 0.0,
            n_together=n_together,
            tell=tell,
            bad=bad,
        )
        return
    scorer = _load(options)
    check_model(run.folder, scorer)
    score_rows(scorer, problems, run, task, n_together=n_together, tell=tell, bad=bad)


def _settings(options: argparse.Namespace) -> dict[str, object]:
    """What decides the results, for a run that may be gone on with."""
    model = options.model
    if model is not None and Path(model).is_dir():
        model = str(Path(model).resolve())
    decisive = ("family", "revision", "separator", "reference", "dtype", "samples", "max_tokens")
    names = (*decisive, "steps", "aggregation", "threshold")
    return {
        "version": __version__,
        "--model": model,
        **{f"--{name.replace('_', '-')}": getattr(options, name) for name in names},
    }


class _Teller:
    """Says how far a run is: always on a terminal, else once a minute."""

    def __init__(self) -> None:
        self._said_at = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if sys.stderr.isatty():
            _progress(str(progress))
        elif time.monotonic() - self._said_at >= 60:
            self._said_at = time.monotonic()
            _say(str(progress))


def _rank(options: argparse.Namespace) -> int:
    """`rank`: a table for people."""
    with _written_to("-") as write:
        return _each_problem(
            options,
            lambda row, scored, threshold, _: write(
                ranking_table(row, scored, options.aggregation, threshold) + "\n"
            ),
        )


def _evaluate(options: argparse.Namespace) -> int:
    """`evaluate`: how often the model is right, on a file or on generated arithmetic."""
    task = options.task or ("arithmetic" if options.file is None else _task_of(options.file))
    if (options.file is None) is not (task == "arithmetic"):
        what = "makes its own problems and takes no" if options.file else "needs a"
        raise BadOptionError(f"--task {task} {what} FILE")
    for name in dict.fromkeys(name for names in _TASKS.values() for name in names):
        given = getattr(options, name)
        if given is not None and given is not False and name not in _TASKS[task]:
            raise BadOptionError(f"--{name} means nothing with --task {task}")
    if task == "arithmetic":
        return _evaluate_arithmetic(options)
    with ExitStack() as files:  # a page that cannot be written is told of before the work
        page = options.html and files.enter_context(open_whole(options.html))
        choosing = task == "best-of-n"
        report, n_bad = _best_of_n(options) if choosing else _labelled_steps(options, task)
        _progress(None)
        if page:
            page(report_html(report))
        write = files.enter_context(_written_to("-"))
        write(json_line(report_row(report)) if options.json else report_text(report))
    return 1 if n_bad and not options.skip_bad else 0


def _task_of(path: str) -> str:
    """The task that a file's first row is for."""
    first = next((row for row in rows_of(path) if not isinstance(row, DataError)), None)
    if first is None:
        raise DataError("has no rows that can be read", path=path)
    if "solutions" in first.fields:
        return "best-of-n"
    is_prmbench = str(first.fields.get("source")).startswith("prmbench/")
    return "prmbench" if is_prmbench or "error_steps" in first.fields else "first-error"


def _labelled_steps(options: argparse.Namespace, task: str) -> tuple[Report, int]:
    """The report of a file whose steps are labelled, and the number of its bad rows."""
    rows, n_bad = _read_all(options, read_examples(options.file))
    examples = [row for row in rows if isinstance(row, Example)]
    if options.model == "recorded:labels":
        scorer: _Scorer | RecordedScorer = recorded_labels(examples)
    elif (options.model or "").startswith(_RECORDED):
        raise BadOptionError(f"{options.model}: a file of labelled steps has recorded:labels alone")
    else:
        scorer = _load(options)
    is_recorded = isinstance(scorer, RecordedScorer)
    threshold, threshold_source = scorer.threshold, "default" if is_recorded else "the model's own"
    if options.threshold is not None:
        threshold, threshold_source = options.threshold, "given"
    if options.tune is not None:
        threshold, n_more = _tuned(options, scorer)
        n_bad, threshold_source = n_bad + n_more, f"tuned on {options.tune}"
    judged = judge(scorer, rows, lambda n: _progress(f"{n} of {len(rows)} solutions scored"))
    names = {"model": scorer.model_id, "source": options.file}
    if task == "calibration":
        return calibration_report(judged, **names), n_bad
    if task == "prmbench":
        return prmbench_report(
            judged, **names, threshold=threshold, threshold_source=threshold_source
        ), n_bad
    return first_error_report(
        judged,
        **names,
        threshold=threshold,
        threshold_source=threshold_source,
        with_sweep=options.sweep,
    ), n_bad


def _tuned(options: argparse.Namespace, scorer: _Scorer | RecordedScorer) -> tuple[float, int]:
    """The threshold with the highest F1 on the file of `--tune`, and that file's bad rows."""
    rows, n_bad = _read_all(options, read_examples(options.tune))
    if options.model == "recorded:labels":
        scorer = recorded_labels(row for row in rows if isinstance(row, Example))
    judged = judge(scorer, rows, lambda n: _progress(f"{n} solutions of {options.tune} scored"))
    best = sweep_thresholds(judged).best_threshold
    if best is None:
        raise DataError("needs solutions with and without an error to tune on", path=options.tune)
    return best, n_bad


def _best_of_n(options: argparse.Namespace) -> tuple[Report, int]:
    """The report of a file of candidates, and the number of its bad rows."""
    rows, n_bad = _read_all(options, read_pools(options.file, options.steps or "auto"))
    pools = [row for row in rows if isinstance(row, Pool)]
    if (options.model or "").startswith(_RECORDED):
        name = options.model.removeprefix(_RECORDED)
        scorer: _Scorer | RecordedScorer = recorded_scores(name, pools)
    else:
        scorer = _load(options)
    judged = judge_pools(scorer, rows, lambda n: _progress(f"{n} of {len(rows)} problems scored"))
    report = best_of_n_report(
        judged,
        model=scorer.model_id,
        source=options.file,
        aggregation=options.aggregation or "min",
        told=lambda n: _progress(f"{n} of {len(judged.pools)} problems measured"),
    )
    return report, n_bad


def _read_all(
    options: argparse.Namespace, rows: Iterator[_Row | DataError]
) -> tuple[list[_Row | DataError], int]:
    """All rows of a file, and the number of bad ones, which are named on stderr."""
    read = []
    n_bad = 0
    for row in rows:
        if isinstance(row, DataError):
            n_bad += 1
            _say(f"{'skipped' if options.skip_bad else 'error'}: {row}")
        read.append(row)
        _progress(f"{_count(len(read), 'row')} read")
    return read, n_bad


def _evaluate_arithmetic(options: argparse.Namespace) -> int:
    """How often the model is right on generated arithmetic."""
    scorer = _load(options)
    reports = evaluate_arithmetic(
        scorer, n_solutions=options.solutions or 300, threshold=scorer.threshold
    )
    with _written_to("-") as write:
        if not options.json:
            write("".join(f"{title:>12}" for title in _ARITHMETIC_COLUMNS) + "\n")
        for report in reports:
            _progress(None)
            if options.json:
                write(json_line(asdict(report)))
            else:
                row = (
                    report.operation,
                    report.size,
                    str(report.n_steps),
                    *map(
                        fraction,
                        (report.step_accuracy, report.error_accuracy, report.correct_accuracy),
                    ),
                )
                write("".join(f"{cell:>12}" for cell in row) + "\n")
            _progress(f"{report.operation} {report.size} measured")
    _progress(None)
    return 0


def _models(options: argparse.Namespace) -> int:
    """`models`: what is known by name, and what each family's score means."""
    from prm_core.families import FAMILIES

    summaries = {name: family.summary for name, family in FAMILIES.items()}
    summaries |= {name: form.summary for name, form in VERIFIERS.items()}
    with _written_to("-") as write:
        if options.json:
            for name, known in KNOWN_MODELS.items():
                means = summaries[known.family]
                row = {"id": name, **asdict(known), "bf16_gb": known.bf16_gb, "score": means}
                write(json_line(row))
            return 0
        titles = ("model", "family", "size", "bf16", "context", "F1", "licence", "runs", "checked")
        table = [titles]
        for name, known in KNOWN_MODELS.items():
            table.append(
                (
                    name,
                    known.family,
                    f"{known.billions:g} B",
                    f"{known.bf16_gb:.1f} GB",
                    "?" if known.context is None else f"{known.context:,}",
                    "?" if known.f1 is None else f"{known.f1:.1f}",
                    known.licence or "?",
                    "server" if known.server else "here",
                    known.checked,
                )
            )
        write(_columns(table) + "\n\n")
        write(_MODELS_NOTE + "\n\n")
        rows = [("family", "score"), *summaries.items()]
        write(_columns(rows) + "\n")
    return 0


def _models_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="JSON lines instead of tables")


def _doctor(options: argparse.Namespace) -> int:
    """`doctor`: whether a checkpoint can be trusted."""
    from prm_core import doctor

    return doctor.main(options)


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    from prm_core import doctor

    doctor.add_arguments(parser)
    _loading_arguments(parser)


def _bench(options: argparse.Namespace) -> int:
    """`bench`: packed scoring against one candidate at a time."""
    from prm_core import bench

    return bench.main(options)


def _train(options: argparse.Namespace) -> int:
    """`train`: a value-head PRM."""
    from prm_core import train

    return train.main(options)


def _label(options: argparse.Namespace) -> int:
    """`label`: step labels from final answers and continuations."""
    from prm_core import label

    def open_local(options: argparse.Namespace, sampling: Sampling) -> Generator:
        from prm_core.local_generator import LocalGenerator

        return LocalGenerator(
            options.generator, sampling, device=options.device, dtype=options.dtype
        )

    return label.main(options, open_local)


# Their arguments.


def _score_arguments(parser: argparse.ArgumentParser) -> None:
    _scoring_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        default="-",
        help="file for the results; it appears whole or not at all, as JSON lines, or as a table "
        "with a row per solution where its name ends in .csv or .parquet (default: -, stdout)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on where the same command was stopped; what is done is kept beside OUT",
    )
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: several processes, GPUs or machines with Ray Data (default: local)",
    )
    parser.add_argument(
        "--actors", type=_positive, metavar="N", help="ray: models that work at once (default: 2)"
    )
    parser.add_argument(
        "--gpus-per-actor",
        type=_share_of_gpus,
        metavar="G",
        help="ray: GPUs that are set aside for each, also a fraction (default: 0)",
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help="show the prompts instead of rows: every token with its id, and which one is read "
        "for which step (of a model that writes: the conversation)",
    )


def _scoring_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        help='JSON lines {"problem": text, "solutions": [text or list of steps], "id"?, '
        '"gold_answer"?}, plain or gzip; a .csv or .parquet with these columns, or with '
        '"solution" and a row for each; - for JSON lines from stdin',
    )
    _model_arguments(parser)
    parser.add_argument(
        "--aggregation",
        choices=METHODS,
        default="min",
        help="how step probabilities become one score (default: min): " + ", ".join(METHODS),
        metavar="METHOD",
    )
    parser.add_argument(
        "--threshold",
        type=_probability,
        help="below this probability a step counts as wrong (default: the model's own)",
    )
    parser.add_argument(
        "--steps",
        type=_step_rule,
        default="auto",
        metavar="RULE",
        help=f"how a solution's text is split: {', '.join(RULES)}, or separator:TEXT "
        "(default: auto); lists of steps are taken as given",
    )
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="bad rows are named on stderr but do not make the exit code 1",
    )


def _model_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        help="directory or hub name of a model (default: the one that ships with the project)",
    )
    parser.add_argument(
        "--server",
        metavar="URL",
        help="a vLLM server that runs the model (http://127.0.0.1:8000); --model then names where "
        f"its tokenizer is, and a key comes from {API_KEY}. With --family {' or '.join(VERIFIERS)} "
        "any server that speaks OpenAI's protocol, whose model writes its verdicts",
    )
    parser.add_argument(
        "--server-model", metavar="NAME", help="the model's name on the server, if it is another"
    )
    parser.add_argument(
        "--samples",
        type=_positive,
        metavar="N",
        help="models that write: how many times each solution is judged (default: 1)",
    )
    parser.add_argument(
        "--max-tokens",
        type=_positive,
        metavar="N",
        help="models that write: longest reply (default: what the model's authors allow)",
    )
    _loading_arguments(parser)


def _loading_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--family", help="how to read a model that does not say it itself")
    parser.add_argument("--revision", help="branch, tag or commit of a model on the hub")
    parser.add_argument(
        "--reference", help="directory or hub name of the second model, for families that need one"
    )
    parser.add_argument(
        "--separator",
        type=unescaped,
        metavar="TEXT",
        help=r"text after each step, for models that do not say it; \n is a line end",
    )
    parser.add_argument(
        "--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default: auto)"
    )
    parser.add_argument(
        "--dtype", default="auto", help="auto, float32, bfloat16 or float16 (default: auto)"
    )


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="labelled steps or candidates as JSON lines, also gzip; without it, arithmetic",
    )
    _model_arguments(parser)
    parser.add_argument(
        "--task",
        choices=_TASKS,
        help="what to measure (default: what FILE is for): first-error as ProcessBench does, "
        "best-of-n, prmbench, calibration, or arithmetic: generated problems whose operands "
        "training never sees",
    )
    thresholds = parser.add_mutually_exclusive_group()
    thresholds.add_argument(
        "--threshold",
        type=_probability,
        help="below this probability a step counts as wrong (default: the model's own)",
    )
    thresholds.add_argument(
        "--tune", metavar="FILE2", help="take the threshold with the highest F1 on this file"
    )
    parser.add_argument(
        "--sweep", action="store_true", help="first-error: the figures at all thresholds too"
    )
    parser.add_argument(
        "--aggregation",
        choices=METHODS,
        metavar="METHOD",
        help="best-of-n: whose scores weigh the weighted vote (default: min)",
    )
    parser.add_argument(
        "--steps",
        type=_step_rule,
        metavar="RULE",
        help="best-of-n: how a solution's text is split, as for score (default: auto)",
    )
    parser.add_argument(
        "--solutions",
        type=_positive,
        metavar="N",
        help="arithmetic: solutions per operation and size (default: 300)",
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--html", metavar="OUT", help="also write a page with pictures")
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="bad rows are named on stderr but do not make the exit code 1",
    )


def _bench_arguments(parser: argparse.ArgumentParser) -> None:
    from prm_core import bench

    bench.add_arguments(parser)


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    from prm_core import train

    train.add_arguments(parser)


def _label_arguments(parser: argparse.ArgumentParser) -> None:
    from prm_core import label

    label.add_arguments(parser)


@dataclass(frozen=True, slots=True)
class Command:
    """A word after `python -m prm_core`, with its help and what it runs."""

    summary: str
    example: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS: dict[str, Command] = {
    "score": Command(
        "score every step of every solution in a file; writes JSON lines",
        "score examples/reference.jsonl -o results.jsonl",
        _score_arguments,
        _score,
    ),
    "rank": Command(
        "rank the solutions of every problem in a file; prints tables",
        "rank examples/reference.jsonl --aggregation mean",
        _scoring_arguments,
        _rank,
    ),
    "train": Command(
        "train a process reward model, on a backbone or from scratch",
        "train --backbone Qwen/Qwen2.5-0.5B --data examples/training/four_samples.jsonl -o my-prm",
        _train_arguments,
        _train,
    ),
    "label": Command(
        "label steps by final answers and continuations",
        "label examples/gsm8k_style.jsonl -o labels.jsonl --method outcome",
        _label_arguments,
        _label,
    ),
    "evaluate": Command(
        "measure how often a model is right, on labelled steps, candidates or arithmetic",
        "evaluate examples/evaluate/steps.jsonl --sweep",
        _evaluate_arguments,
        _evaluate,
    ),
    "models": Command(
        "list the models and families that are known",
        "models",
        _models_arguments,
        _models,
    ),
    "doctor": Command(
        "check whether a model gives the numbers that its authors published",
        "doctor Qwen/Qwen2.5-Math-PRM-7B",
        _doctor_arguments,
        _doctor,
    ),
    "bench": Command(
        "measure packed scoring against scoring one solution at a time",
        "bench",
        _bench_arguments,
        _bench,
    ),
}


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the arguments of the command that `words` call."""
    parser = argparse.ArgumentParser(
        prog=_NAME,
        description="See which step of a chain of reasoning went wrong.",
        epilog=f"example: {_NAME} {COMMANDS['score'].example}",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"PRM Inspector {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    called = next((word for word in words if not word.startswith("-")), None)
    for name, command in COMMANDS.items():
        sub = commands.add_parser(
            name,
            help=command.summary,
            description=command.summary[0].upper() + command.summary[1:] + ".",
            epilog=f"example: {_NAME} {command.example}",
            allow_abbrev=False,
        )
        if name == called:
            command.add_arguments(sub)
        sub.set_defaults(run=command.run)
    return parser


def _step_rule(text: str) -> str:
    """An option's value as a rule that `split_steps` knows."""
    try:
        find_steps("", text)
    except BadOptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _positive(text: str) -> int:
    """An option's value as a whole number above 0."""
    value = int(text)  # argparse turns a ValueError into a sentence
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _share_of_gpus(text: str) -> float:
    """An option's value as a number of GPUs."""
    value = float(text)  # argparse turns a ValueError into a sentence
    if not 0.0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of GPUs")
    return value


def _probability(text: str) -> float:
    """An option's value as a number from 0 to 1."""
    value = float(text)  # argparse turns a ValueError into a sentence
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is outside 0 to 1")
    return value


# From a file of problems to scores.


def _each_problem(
    options: argparse.Namespace,
    tell: Callable[[ProblemRow, list[ScoredCandidate], float, _Scorer], None],
) -> int:
    """Score a file's problems one after the other and tell of each.

    A bad row (or one that the model cannot read) is named on stderr and the next one is scored.

    Returns:
        1 if a row was bad and `--skip-bad` was not given, else 0.

    Raises:
        DataError: the file cannot be read, or has no rows.
        ModelError: the model cannot be loaded or used.
        BadOptionError: an option has a value that it does not know.
    """
    n_good = n_bad = 0
    with open_problems(options.file, sys.stdin.buffer) as problems:
        scorer = _load(options)
        threshold = scorer.threshold if options.threshold is None else options.threshold
        for row in problems:
            try:
                if isinstance(row, DataError):
                    raise row
                scored = score_problem(scorer, row, options.steps)
            except DataError as error:
                n_bad += 1
                _say_bad(options, str(error))
                continue
            tell(row, scored, threshold, scorer)
            n_good += 1
            _progress(f"{_count(n_good, 'problem')} scored")
    _progress(None)
    if not n_good and not n_bad:
        raise DataError("has no rows", path=options.file)
    return _sum_up(options, n_good, n_bad)


def _say_bad(options: argparse.Namespace, message: str) -> None:
    """Name a bad row on stderr."""
    _say(f"{'skipped' if options.skip_bad else 'error'}: {message}")


def _sum_up(options: argparse.Namespace, n_good: int, n_bad: int) -> int:
    """The exit code; where rows were bad, what there was is told."""
    if n_bad:
        _say(f"{_count(n_good, 'problem')} scored, {_count(n_bad, 'bad row')}")
    return 1 if n_bad and not options.skip_bad else 0


def _load(options: argparse.Namespace) -> _Scorer:
    """The scorer that the options ask for."""
    if form_of(options.model, options.family) is None:
        for name in ("samples", "max_tokens"):
            if getattr(options, name) is not None:
                raise BadOptionError(
                    f"--{name.replace('_', '-')} is for models that write their verdicts "
                    f"(--family {', '.join(VERIFIERS)})"
                )
    if options.server is not None:
        return _open_server(options)
    if options.server_model is not None:
        raise BadOptionError("--server-model is a name on a server; give its address (--server)")
    from prm_core.scorer import load_scorer

    return load_scorer(
        options.model,
        device=options.device,
        dtype=options.dtype,
        revision=options.revision,
        family=options.family,
        separator=options.separator,
        reference=options.reference,
    )


def _open_server(options: argparse.Namespace) -> RemoteScorer | VerifierScorer:
    """The scorer behind an address."""
    for name in ("device", "dtype"):
        if getattr(options, name) != "auto":
            raise BadOptionError(f"--{name} means nothing with --server; the server has its own")
    key = os.environ.get(API_KEY, "").strip()
    form = form_of(options.model, options.family)
    if form is not None:
        for name in ("revision", "separator", "reference"):
            if getattr(options, name) is not None:
                raise BadOptionError(f"--{name} means nothing to a model that writes its verdicts")
        return open_verifier(
            options.server,
            options.model,
            form,
            served_as=options.server_model,
            n_samples=options.samples or 1,
            max_tokens=options.max_tokens,
            api_key=key,
        )
    from prm_core.remote import open_server

    return open_server(
        options.server,
        options.model,
        served_as=options.server_model,
        revision=options.revision,
        family=options.family,
        separator=options.separator,
        api_key=key,
    )


# What people read.


def ranking_table(
    row: ProblemRow, scored: Sequence[ScoredCandidate], method: str, threshold: float
) -> str:
    """A problem's ranking as a table; a tie is marked "=", an answer that is right "✓".

    Steps and solutions are counted from 1 and lettered here, as on the page.
    """
    lines = [("rank", "solution", "score", "answer", "first error", "weakest step")]
    for ranked in rank(scored, method):
        one = ranked.scored
        answer = final_answer(one.candidate.steps)
        shown = "–" if answer is None else _one_line(answer, _ANSWER_WIDTH)
        if answer is not None and row.gold_answer is not None:
            shown += " ✓" if same_answer(answer, row.gold_answer) else " ✗"
        error = one.first_error(threshold)
        lowest = format_probability(min(one.probabilities), threshold, 3)
        lines.append(
            (
                f"{ranked.rank}{'=' if ranked.tied else ''}",
                letter(ranked.index),
                format_probability(ranked.score, threshold, 3),
                shown,
                "–" if error is None else f"step {error + 1}",
                f"step {one.weakest_step + 1}, {lowest}",
            )
        )
    name = f"{_one_line(str(row.id), _ANSWER_WIDTH)}: " if row.id is not None else ""
    return "\n".join(
        [
            name + _one_line(row.problem, _PROBLEM_WIDTH),
            *(f"  {line}" for line in _columns(lines).split("\n")),
            "",
        ]
    )


def _columns(lines: Sequence[Sequence[str]]) -> str:
    """Lines of cells as text, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _explained(scorer: _Scorer, scored: ScoredCandidate) -> str:
    """How a candidate was asked about, and what was read."""
    if isinstance(scorer, VerifierScorer):
        return conversation_text(scorer.conversation(scored.candidate), scored)
    return explanation_text(scorer.explain(scored.candidate), scored)


def conversation_text(messages: Sequence[Message], scored: ScoredCandidate) -> str:
    """What a verifier was asked and what it wrote, line by line, with what was read of it."""
    parts = [
        (f"solution {scored.candidate.id}, sent as {m['role']}", m["content"]) for m in messages
    ]
    parts += [
        (f"solution {scored.candidate.id}, written as sample {number}", text)
        for number, text in enumerate(scored.rationales, start=1)
    ]
    lines = []
    for title, text in parts:
        lines += [f"{title}:", *(f"    {_printable(line)}" for line in text.split("\n"))]
    for number, p in enumerate(scored.probabilities, start=1):
        lines.append(f"step {number}: {p:.4f}")
    return "\n".join([*lines, "", ""])


def explanation_text(explanation: Explanation, scored: ScoredCandidate) -> str:
    """A candidate's prompt, one token a line, with the step that is read there."""
    read = {position: i for i, position in enumerate(explanation.positions)}
    lines = [f"solution {scored.candidate.id}: {_count(len(explanation.tokens), 'token')}"]
    for place, (token_id, token) in enumerate(
        zip(explanation.input_ids, explanation.tokens, strict=True)
    ):
        line = f"{place:>6} {token_id:>7}  {_one_line(token, _PROBLEM_WIDTH)}"
        if place in read:
            step = read[place]
            line += f"   <- step {step + 1}: {scored.probabilities[step]:.4f}"
        lines.append(line)
    return "\n".join([*lines, "", ""])


def _one_line(text: str, width: int) -> str:
    """A user's text on one line: without control characters, which a terminal would obey, and cut.

    >>> _one_line("a\\n  b\\x1b[2J", 20)
    'a b [2J'
    """
    line = " ".join(_printable(text).split())
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def _printable(text: str) -> str:
    """A text without control characters; blanks stand for them."""
    return "".join(c if c.isprintable() else " " for c in text)


@contextmanager
def _written_to(output: str) -> Iterator[Callable[[str], None]]:
    """A function that writes results: to stdout, always in UTF-8, or to a file."""
    if output != "-":
        with open_whole(output) as write:
            yield write
        return

    def to_stdout(text: str) -> None:
        sys.stdout.buffer.write(text.encode("utf-8"))
        sys.stdout.buffer.flush()  # a reader at the other end sees each row when it is ready

    sys.stdout.flush()
    yield to_stdout


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _progress(text: str | None) -> None:
    """A counter on the last line of a terminal; None removes it."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + (text or ""))
        sys.stderr.flush()


def _say(text: str) -> None:
    """One line on stderr."""
    _progress(None)
    print(text, file=sys.stderr)

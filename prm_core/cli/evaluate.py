"""`evaluate`: how often a model is right, on a file or on generated arithmetic."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from typing import TypeVar

from prm_core.cli.arguments import probability, skip_bad_argument, step_rule
from prm_core.cli.terminal import bad_rows, progress_bar, written_to
from prm_core.errors import BadOptionError, DataError
from prm_core.evaluation.arithmetic import SIZES, evaluate_arithmetic
from prm_core.evaluation.html import fraction, report_html, report_row, report_text
from prm_core.evaluation.judge import judge, judge_pools, recorded_labels, recorded_scores
from prm_core.evaluation.reports import (
    Report,
    best_of_n_report,
    calibration_report,
    first_error_report,
    prmbench_report,
    sweep_thresholds,
)
from prm_core.formats.atomic import atomic_text, refuse_same_file
from prm_core.formats.candidate_sets import (
    CandidateSet,
    one_set_per_problem,
    read_candidate_sets,
)
from prm_core.formats.labelled import contents_of, read_examples
from prm_core.formats.rows import json_line
from prm_core.model_options import model_arguments, positive, request_of
from prm_core.ranking.aggregate import METHODS
from prm_core.scoring.open import open_scorer
from prm_core.types import Example, StepScorer

_Row = TypeVar("_Row")
_RECORDED = "recorded:"
_TASKS = {  # and the options that apply to each
    "first-error": ("threshold", "tune", "sweep", "html"),
    "best-of-n": ("aggregation", "steps", "html"),
    "prmbench": ("threshold", "tune", "html"),
    "calibration": ("html",),
    "arithmetic": ("solutions",),
}
_TASK_OF = {"labels": "first-error", "prmbench": "prmbench", "candidates": "best-of-n"}
_ARITHMETIC_COLUMNS = ("operation", "size", "steps", "step acc", "error acc", "correct acc")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`evaluate`: its arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="labelled steps or candidates, in any format of docs/formats.md; without it, "
        "arithmetic",
    )
    model_arguments(parser)
    parser.add_argument(
        "--task",
        choices=_TASKS,
        help=(
            "what to measure (default: what FILE is for): first-error as ProcessBench does, "
            "best-of-n, prmbench, calibration, or arithmetic (generated problems with operands "
            "that training never sees)"
        ),
    )
    thresholds = parser.add_mutually_exclusive_group()
    thresholds.add_argument(
        "--threshold",
        type=probability,
        help="below this probability a step counts as wrong (default: the model's own)",
    )
    thresholds.add_argument(
        "--tune", metavar="FILE2", help="use the threshold with the highest F1 on this file"
    )
    parser.add_argument(
        "--sweep",
        action="store_true",
        help="first-error: also print the metrics at all thresholds",
    )
    parser.add_argument(
        "--aggregation",
        choices=METHODS,
        metavar="METHOD",
        help="best-of-n: the score that weights the weighted vote (default: min)",
    )
    parser.add_argument(
        "--steps",
        type=step_rule,
        metavar="RULE",
        help="best-of-n: how a solution's text is split into steps, as for score (default: auto)",
    )
    parser.add_argument(
        "--solutions",
        type=positive,
        metavar="N",
        help="arithmetic: solutions per operation and size (default: 300)",
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--html", metavar="OUT", help="also write an HTML report with figures")
    skip_bad_argument(parser)


def main(options: argparse.Namespace) -> int:
    """`evaluate`: how often the model is right, on a file or on generated arithmetic."""
    file = options.file
    task = options.task or ("arithmetic" if file is None else _TASK_OF[contents_of(file)])
    if (options.file is None) is not (task == "arithmetic"):
        what = "makes its own problems and takes no" if options.file else "needs a"
        raise BadOptionError(f"--task {task} {what} FILE")
    for name in dict.fromkeys(name for names in _TASKS.values() for name in names):
        given = getattr(options, name)
        if given is not None and given is not False and name not in _TASKS[task]:
            raise BadOptionError(f"--{name} does not apply to --task {task}")
    if task == "arithmetic":
        return _arithmetic(options)
    with ExitStack() as stack:  # a page that cannot be written is reported before the work
        for source in filter(None, (options.file, options.tune)):
            refuse_same_file(source, options.html or "")
        page = options.html and stack.enter_context(atomic_text(options.html))
        choosing = task == "best-of-n"
        report, n_bad = (
            _best_of_n(options, stack) if choosing else _labelled_steps(options, task, stack)
        )
        if page:
            page(report_html(report))
        write = stack.enter_context(written_to("-"))
        write(json_line(report_row(report)) if options.json else report_text(report))
    return 1 if n_bad and not options.skip_bad else 0


def _labelled_steps(options: argparse.Namespace, task: str, stack: ExitStack) -> tuple[Report, int]:
    """The report of a file whose steps are labelled, and the number of its bad rows."""
    rows, n_bad = _read_all(options, read_examples(options.file))
    examples = [row for row in rows if isinstance(row, Example)]
    if not examples:
        raise DataError("has no row that can be read", path=options.file)
    is_recorded = options.model == "recorded:labels"
    if is_recorded:
        scorer: StepScorer = recorded_labels(examples)
    elif (options.model or "").startswith(_RECORDED):
        raise BadOptionError(f"{options.model}: a file of labelled steps has only recorded:labels")
    else:
        scorer = stack.enter_context(closing(open_scorer(request_of(options))))
    threshold, threshold_source = scorer.threshold, "default" if is_recorded else "the model's own"
    if options.threshold is not None:
        threshold, threshold_source = options.threshold, "given"
    if options.tune is not None:
        threshold, n_more = _tuned(options, scorer)
        n_bad, threshold_source = n_bad + n_more, f"tuned on {options.tune}"
    with progress_bar("solutions", len(rows)) as show:
        judged = judge(scorer, rows, show)
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


def _tuned(options: argparse.Namespace, scorer: StepScorer) -> tuple[float, int]:
    """The threshold with the highest F1 on the file of `--tune`, and that file's bad rows."""
    rows, n_bad = _read_all(options, read_examples(options.tune))
    if options.model == "recorded:labels":
        scorer = recorded_labels(row for row in rows if isinstance(row, Example))
    with progress_bar(f"solutions of {options.tune}", len(rows)) as show:
        judged = judge(scorer, rows, show)
    best = sweep_thresholds(judged).best_threshold
    if best is None:
        raise DataError("needs solutions with and without an error to tune on", path=options.tune)
    return best, n_bad


def _best_of_n(options: argparse.Namespace, stack: ExitStack) -> tuple[Report, int]:
    """The report of a file of candidates, and the number of its bad rows."""
    read, n_bad = _read_all(options, read_candidate_sets(options.file, options.steps or "auto"))
    rows = one_set_per_problem(read)
    pools = [row for row in rows if isinstance(row, CandidateSet)]
    if (options.model or "").startswith(_RECORDED):
        name = options.model.removeprefix(_RECORDED)
        scorer: StepScorer = recorded_scores(name, pools)
    else:
        scorer = stack.enter_context(closing(open_scorer(request_of(options))))
    with progress_bar("problems scored", len(rows)) as show:
        judged = judge_pools(scorer, rows, show)
    with progress_bar("problems measured", len(judged.pools)) as show:
        report = best_of_n_report(
            judged,
            model=scorer.model_id,
            source=options.file,
            aggregation=options.aggregation or "min",
            on_progress=show,
        )
    return report, n_bad


def _read_all(
    options: argparse.Namespace, rows: Iterator[_Row | DataError]
) -> tuple[list[_Row | DataError], int]:
    """All rows of a file, and the number of bad ones, which are named on stderr."""
    read = []
    n_bad = 0
    with bad_rows(options) as bad, progress_bar("rows read") as show:
        for row in rows:
            if isinstance(row, DataError):
                n_bad += 1
                bad(str(row))
            read.append(row)
            show(len(read))
    return read, n_bad


def _arithmetic(options: argparse.Namespace) -> int:
    """How often the model is right on generated arithmetic."""
    with (
        closing(open_scorer(request_of(options))) as scorer,
        written_to("-") as write,
        progress_bar("tasks", len(SIZES)) as show,
    ):
        reports = evaluate_arithmetic(
            scorer, n_solutions=options.solutions or 300, threshold=scorer.threshold
        )
        if not options.json:
            write("".join(f"{title:>12}" for title in _ARITHMETIC_COLUMNS) + "\n")
        for n, report in enumerate(reports, start=1):
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
            show(n)
    return 0

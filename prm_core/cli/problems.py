"""What `score` and `rank` share: the arguments of a file of problems, and the loop over it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import closing

from prm_core.bulk.run import score_problem
from prm_core.cli.arguments import probability, skip_bad_argument, step_rule
from prm_core.cli.terminal import bad_rows, count, progress_bar, say
from prm_core.errors import DataError
from prm_core.formats.files import open_problems
from prm_core.formats.problems import ProblemRow
from prm_core.model_options import model_arguments, request_of
from prm_core.ranking.aggregate import METHODS
from prm_core.scoring.open import open_scorer
from prm_core.text.steps import RULES
from prm_core.types import ScoredCandidate, StepScorer


def problem_arguments(parser: argparse.ArgumentParser) -> None:
    """A file of problems, the model, and how its scores are used."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help='JSON lines {"problem": text, "solutions": [text, list of steps, or object with '
        'one of them as "text" or "steps"], "id"?, "gold_answer"?}, or any format of '
        "docs/formats.md, recognised by its fields: JSON, CSV, Parquet, text, gzip; "
        "hf:owner/name for a data set of the Hub; - for JSON lines from stdin",
    )
    model_arguments(parser)
    parser.add_argument(
        "--aggregation",
        choices=METHODS,
        default="min",
        help="how step probabilities become one score (default: min): " + ", ".join(METHODS),
        metavar="METHOD",
    )
    parser.add_argument(
        "--threshold",
        type=probability,
        help="below this probability a step counts as wrong (default: the model's own)",
    )
    parser.add_argument(
        "--steps",
        type=step_rule,
        default="auto",
        metavar="RULE",
        help=(
            f"how a solution's text is split into steps: {', '.join(RULES)}, or separator:TEXT "
            "(default: auto); lists of steps are used as they are"
        ),
    )
    skip_bad_argument(parser)


def each_problem(
    options: argparse.Namespace,
    on_scored: Callable[[ProblemRow, list[ScoredCandidate], float, StepScorer], None],
) -> int:
    """Score a file's problems one after the other, and pass on each.

    A bad row (or one that the model cannot read) is named on stderr and the next one is scored.

    Returns:
        1 if a row was bad and `--skip-bad` was not given, else 0.

    Raises:
        DataError: the file cannot be read, or has no rows.
        ModelError: the model cannot be loaded or used.
        BadOptionError: an option has an invalid value.
    """
    n_good = n_bad = 0
    with (
        open_problems(options.file, sys.stdin.buffer) as problems,
        closing(open_scorer(request_of(options))) as scorer,
        bad_rows(options) as bad,
        progress_bar("problems") as show,
    ):
        threshold = scorer.threshold if options.threshold is None else options.threshold
        for row in problems:
            try:
                if isinstance(row, DataError):
                    raise row
                scored = score_problem(scorer, row, options.steps)
            except DataError as error:
                n_bad += 1
                bad(str(error))
                continue
            on_scored(row, scored, threshold, scorer)
            n_good += 1
            show(n_good)
    if not n_good and not n_bad:
        raise DataError("has no rows", path=options.file)
    check_any_scored(options, n_good)
    return sum_up(options, n_good, n_bad)


def check_any_scored(options: argparse.Namespace, n_good: int) -> None:
    """
    Raises:
        DataError: no row could be scored, and that is not to be ignored.
    """
    if not n_good and not options.skip_bad:
        raise DataError("none of its rows could be scored", path=options.file)


def sum_up(options: argparse.Namespace, n_good: int, n_bad: int) -> int:
    """The exit code; bad rows are reported."""
    if n_bad:
        say(f"{count(n_good, 'problem')} scored, {count(n_bad, 'bad row')}")
    return 1 if n_bad and not options.skip_bad else 0

"""Arguments, and types of arguments, that several commands share."""

from __future__ import annotations

import argparse

from prm_core.errors import BadOptionError
from prm_core.text.steps import find_steps


def step_rule(text: str) -> str:
    """An option's value as a rule that `split_steps` knows."""
    try:
        find_steps("", text)
    except BadOptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def probability(text: str) -> float:
    """An option's value as a number from 0 to 1."""
    value = float(text)  # argparse turns a ValueError into a sentence
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is outside 0 to 1")
    return value


def skip_bad_argument(parser: argparse.ArgumentParser) -> None:
    """`--skip-bad`."""
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="bad rows are reported on stderr but do not change the exit code to 1",
    )

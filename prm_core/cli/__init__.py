"""The command line: score and rank problems in files, train and evaluate models.

score.py      rows for the problems of a file; --resume, --engine ray, --explain
rank.py       tables for the problems of a file
problems.py   what these two share: arguments, and the way through the file
evaluate.py   how often a model is right
models.py     the list of what is known by name
doctor.py     whether a checkpoint can be trusted
jobs.py       train, label: the doors to modules of their own
arguments.py  types of arguments that several commands share
terminal.py   stdout and stderr

Results go to stdout (or to the file that `-o` names), everything else to stderr. Exit codes: 0
done, 1 an error in words, 2 wrong usage.

A command's arguments are added when it is the one that was called, and what needs torch is
imported inside the command, so that `--help` stays quick.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prm_core import __version__
from prm_core.cli import doctor, evaluate, jobs, models, rank, score
from prm_core.cli.terminal import drop_stdout, open_missing_streams, say
from prm_core.errors import PRMError

__all__ = ["COMMANDS", "Command", "main"]

_NAME = "python -m prm_core"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after the program's name; those of the process when None.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    open_missing_streams()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    try:
        options = _parser(words).parse_args(words)
        run: Callable[[argparse.Namespace], int] = options.run
        code = run(options)
        sys.stdout.flush()
        return code
    except PRMError as error:
        say(f"error: {error}")
        return 1
    except BrokenPipeError:
        drop_stdout()  # the reader has seen enough
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 1


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
        score.add_arguments,
        score.main,
    ),
    "rank": Command(
        "rank the solutions of every problem in a file; prints tables",
        "rank examples/reference.jsonl --aggregation mean",
        rank.add_arguments,
        rank.main,
    ),
    "train": Command(
        "train a process reward model, on a backbone or from scratch",
        "train --backbone Qwen/Qwen2.5-0.5B --data examples/training/four_samples.jsonl -o my-prm",
        jobs.train_arguments,
        jobs.train,
    ),
    "label": Command(
        "label steps by final answers and continuations",
        "label examples/gsm8k_style.jsonl -o labels.jsonl --method outcome",
        jobs.label_arguments,
        jobs.label,
    ),
    "evaluate": Command(
        "measure how often a model is right, on labelled steps, candidates or arithmetic",
        "evaluate examples/evaluate/steps.jsonl --sweep",
        evaluate.add_arguments,
        evaluate.main,
    ),
    "models": Command(
        "list the models and families that are known",
        "models",
        models.add_arguments,
        models.main,
    ),
    "doctor": Command(
        "check whether a model gives the numbers that its authors published",
        "doctor Qwen/Qwen2.5-Math-PRM-7B",
        doctor.add_arguments,
        doctor.main,
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

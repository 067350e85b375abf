"""The command line: a module for each command, all alike, imported when the command is called.

score.py      rows for the problems of a file; --resume, --engine ray, --explain
rank.py       tables for the problems of a file
train.py      a process reward model, on a backbone or from scratch
label.py      step labels, from final answers and continuations
evaluate.py   how often a model is right
search.py     solutions found by a tree of steps, and what the ways reach
report.py     a session as one HTML page
agreement.py  how far two annotators agree
models.py     the models and families known by name
mcp.py        a server for agents
doctor.py     whether a checkpoint can be trusted

Each has `add_arguments(parser)` and `main(options)`, which returns the exit code. Beside them:

problems.py   what score and rank share: arguments, and the loop over the file
arguments.py  arguments that several commands share, and their types
terminal.py   stdout and stderr

Results go to stdout (or to the file that `-o` names), everything else to stderr. Exit codes: 0
success, 1 error, 2 usage error. What needs torch is imported inside a command's functions, so that
`--help` stays quick.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from prm_core import __version__
from prm_core.cli.terminal import LogHandler, drop_stdout, open_missing_streams, say
from prm_core.errors import PRMError, ServerError

__all__ = ["COMMANDS", "Command", "main"]

_NAME = "python -m prm_core"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments after the program's name; the process's own if None.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    open_missing_streams()
    logging.basicConfig(handlers=[LogHandler(sys.stderr)], format="%(message)s")
    try:
        options = _parser(words).parse_args(words)
        run: Callable[[argparse.Namespace], int] = options.run
        code = run(options)
        sys.stdout.flush()
        return code
    except PRMError as error:
        say(f"error: {error}{_way_out(error)}")
        return 1
    except BrokenPipeError:
        drop_stdout()  # the reader has seen enough
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 1


def _way_out(error: PRMError) -> str:
    """What to do where a server wants a key; the page has a field for it."""
    wants_key = isinstance(error, ServerError) and error.status in (401, 403)
    return "; set the environment variable PRM_INSPECTOR_API_KEY to its key" if wants_key else ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of `python -m prm_core`, with its help; it runs `prm_core.cli.<name>`."""

    name: str
    summary: str
    example: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's arguments."""
        import_module(f"prm_core.cli.{self.name}").add_arguments(parser)

    def run(self, options: argparse.Namespace) -> int:
        """Run the command; returns the exit code.

        Raises:
            PRMError: the command failed.
        """
        code: int = import_module(f"prm_core.cli.{self.name}").main(options)
        return code


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command(
            "score",
            "score every step of every solution in a file; writes JSON lines",
            "score examples/reference.jsonl -o results.jsonl",
        ),
        Command(
            "rank",
            "rank the solutions of every problem in a file; prints tables",
            "rank examples/reference.jsonl --aggregation mean",
        ),
        Command(
            "train",
            "train a process reward model, on a backbone or from scratch",
            "train --backbone Qwen/Qwen2.5-0.5B --data examples/training/four_samples.jsonl "
            "-o my-prm",
        ),
        Command(
            "label",
            "label steps by final answers and continuations",
            "label examples/gsm8k_style.jsonl -o labels.jsonl --method outcome",
        ),
        Command(
            "evaluate",
            "measure how often a model is right, on labelled steps, candidates or arithmetic",
            "evaluate examples/evaluate/steps.jsonl --sweep",
        ),
        Command(
            "search",
            "let a generator solve problems step by step, guided by a model that judges each step",
            'search "What is 7 * 8 - 6?" --generator smollm2-135m --chat',
        ),
        Command(
            "report",
            "write a session or results as one HTML page that needs nothing else",
            "report examples/gallery/gsm8k.json.gz -o report.html",
        ),
        Command(
            "agreement",
            "compare two files with labels of the same steps",
            "agreement examples/evaluate/steps.jsonl examples/evaluate/steps.jsonl",
        ),
        Command(
            "mcp",
            "serve agents: an MCP server that scores chains of reasoning and finds the first error",
            "mcp --http 8765",
        ),
        Command("models", "list the known models and families", "models"),
        Command(
            "doctor",
            "check whether a model reproduces its authors' published numbers",
            "doctor Qwen/Qwen2.5-Math-PRM-7B",
        ),
    )
}


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser, with the arguments of the command that `words` name."""
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

"""Write docs/cli.md from what `--help` of every command says: `make docs` runs it.

The same help as a page with tables, since argparse lays out its text differently in every version
of Python. tests/test_docs.py compares the page with what this makes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from prm_core.cli import COMMANDS

PAGE = Path(__file__).with_name("cli.md")
START = """\
# The command line

<!-- Written by docs/write_cli.py from the help of the commands: `make docs` does it. -->

Results go to stdout (or to the file that `-o` names), everything else to stderr. Exit codes:
0 success, 1 error, 2 usage error. `--help` after any command prints what is below.

| command | what it does |
| --- | --- |
"""


def page() -> str:
    """docs/cli.md as the commands have it now."""
    rows = [
        f"| [`{name}`](#{name}) | {_cell(command.summary)} |" for name, command in COMMANDS.items()
    ]
    return START + "\n".join(rows) + "\n" + "".join(_section(name) for name in COMMANDS)


def _section(name: str) -> str:
    """One command: its summary, an example, and a table for each group of its arguments."""
    command = COMMANDS[name]
    parser = argparse.ArgumentParser(prog=name)
    command.add_arguments(parser)
    parts = [
        f"\n## {name}\n",
        f"\n`python -m prm_core {name}`: {_plain(command.summary)}. For example:\n",
        f"\n    python -m prm_core {command.example}\n",
    ]
    for title, actions in _groups(parser):
        parts += [f"\n{title}:\n" if title else "", "\n| argument | meaning |\n| --- | --- |\n"]
        parts += [f"| {_spelling(one)} | {_cell(_help(parser, one))} |\n" for one in actions]
    return "".join(parts)


def _groups(parser: argparse.ArgumentParser) -> list[tuple[str, list[argparse.Action]]]:
    """Title and arguments of every group; FILE and options without a group come first, untitled."""
    groups: dict[str, list[argparse.Action]] = {}
    for group in parser._action_groups:
        title = "" if group.title in {"options", "positional arguments"} else group.title or ""
        shown = [one for one in group._group_actions if one.help not in {None, argparse.SUPPRESS}]
        groups.setdefault(title, []).extend(one for one in shown if one.dest != "help")
    return [(title, actions) for title, actions in groups.items() if actions]


def _help(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    """The help of an argument, with its default filled in."""
    return parser._get_formatter()._expand_help(action)


def _spelling(action: argparse.Action) -> str:
    """How an argument is typed: `-o`, `--output` OUT."""
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    value = action.metavar or (
        "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest.upper()
    )
    names = ", ".join(f"`{name}`" for name in action.option_strings)
    return names if action.nargs == 0 else f"{names} {_cell(str(value))}"


def _plain(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    """Text in a cell of a table: on one line, nothing in it read as Markdown or HTML."""
    for sign in "\\|*_<>[]`":
        text = text.replace(sign, "\\" + sign)
    return _plain(text)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

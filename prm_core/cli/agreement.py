"""`agreement`: how far two annotators agree."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from prm_core.cli.arguments import skip_bad_argument
from prm_core.cli.terminal import bad_rows, columns, count, one_line, written_to
from prm_core.errors import DataError
from prm_core.evaluation.agreement import VERDICTS, Agreement, compare_labels
from prm_core.evaluation.html import fraction
from prm_core.formats.rows import json_line
from prm_core.session import open_session

_MOST_LISTED = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`agreement`: its arguments."""
    for name in ("A", "B"):
        parser.add_argument(
            name.lower(),
            metavar=name,
            help="a session with labels, or labelled steps in any format of docs/formats.md",
        )
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    skip_bad_argument(parser)


def main(options: argparse.Namespace) -> int:
    """`agreement`: step by step, and on the first error; Cohen's kappa.

    Raises:
        DataError: a file cannot be read, or no solution is labelled in both.
    """
    opened = [open_session(path) for path in (options.a, options.b)]
    errors = [error for one in opened for error in one.errors]
    with bad_rows(options) as bad:
        for error in errors:
            bad(str(error))
    found = compare_labels(*(one.session for one in opened))
    if not found.n_solutions:
        said = f"{found.n_only_a} are labelled in {options.a}, {found.n_only_b} in {options.b}"
        raise DataError(
            f"has no labelled solution with the problem and the steps of one there; {said}",
            path=options.b,
        )
    with written_to("-") as write:
        write(json_line(asdict(found)) if options.json else _text(found))
    return 1 if errors and not options.skip_bad else 0


def _text(found: Agreement) -> str:
    """The tables for a terminal."""
    lines = [
        ("solutions with labels of both", str(found.n_solutions)),
        ("  of A alone, of B alone", f"{found.n_only_a}, {found.n_only_b}"),
        *_contradicting(found),
        ("steps with labels of both", str(found.n_steps)),
        ("agreement", fraction(found.agreement)),
        ("Cohen's kappa", fraction(found.kappa)),
        ("same first error", f"{fraction(found.first_error)} of {found.n_judged}"),
    ]
    table = [("A says", *(f"B: {word}" for word in VERDICTS))]
    for word, row in zip(VERDICTS, found.confusion, strict=True):
        table.append((word, *map(str, row)))
    return f"{columns(lines)}\n\n{columns(table)}\n{_differing(found)}"


def _contradicting(found: Agreement) -> list[tuple[str, str]]:
    """The line about solutions that one file labels in two ways; none if there are none."""
    in_a, in_b = found.n_contradicting_a, found.n_contradicting_b
    return [("  contradicted in A, in B", f"{in_a}, {in_b}")] if in_a or in_b else []


def _differing(found: Agreement) -> str:
    """The first places where they differ."""
    if not found.differing:
        return ""
    lines = [
        f"  problem {one_line(one.problem, 40)}, solution {one_line(one.solution, 40)}: "
        f"{'steps' if len(one.steps) > 1 else 'step'} {', '.join(str(i + 1) for i in one.steps)}"
        for one in found.differing[:_MOST_LISTED]
    ]
    if (more := len(found.differing) - _MOST_LISTED) > 0:
        lines.append(f"  and {count(more, 'more solution')}")
    return "\nThey differ in\n" + "\n".join(lines) + "\n"

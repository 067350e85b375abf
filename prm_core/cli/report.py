"""`report`: a session, or the contents of another file, as one HTML page."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace

from prm_core.cli.arguments import probability
from prm_core.cli.terminal import bad_rows, count, say
from prm_core.errors import BadOptionError
from prm_core.evaluation.session_report import session_html
from prm_core.formats.atomic import atomic_text, refuse_same_file
from prm_core.ranking.aggregate import METHODS
from prm_core.session import Session, open_session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`report`: its arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        help="a session, results of score, or any format of docs/formats.md; no model is run",
    )
    parser.add_argument(
        "-o", "--output", metavar="OUT", required=True, help="the page, written completely or not"
    )
    parser.add_argument("--title", help="title of the page")
    parser.add_argument(
        "--problem",
        metavar="ID",
        help="show only one problem: its id, or its number from 1 (default: all)",
    )
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="the model whose scores are shown (default: the session's choice)",
    )
    parser.add_argument(
        "--compare",
        metavar="NAME",
        help="the model whose scores are shown beside them, step by step",
    )
    parser.add_argument(
        "--aggregation",
        choices=METHODS,
        metavar="METHOD",
        help="how step probabilities become one score (default: the session's choice, or min)",
    )
    parser.add_argument(
        "--threshold",
        type=probability,
        help="below this probability a step counts as wrong (default: the model's own)",
    )
    parser.add_argument(
        "--skip-bad",
        action="store_true",
        help="bad rows are reported on stderr but do not change the exit code to 1",
    )


def main(options: argparse.Namespace) -> int:
    """`report`: one page that opens without a network, and opens again as the same session."""
    refuse_same_file(options.file, options.output)
    opened = open_session(options.file)
    with bad_rows(options) as bad:
        for error in opened.errors:
            bad(str(error))
    session = _shown(opened.session, options)
    only = None if options.problem is None else _index(session, options.problem)
    page = session_html(session, only=only)  # before the file is touched
    with atomic_text(options.output) as write:
        write(page)
    n = len(session.problems) if only is None else 1
    say(f"{options.output}: {count(n, 'problem')}, {os.path.getsize(options.output):,} bytes")
    return 1 if opened.errors and not options.skip_bad else 0


def _shown(session: Session, options: argparse.Namespace) -> Session:
    """The session with the options applied.

    Raises:
        BadOptionError: the file has no scores of the named model.
    """
    names = [model.id for model in session.models]
    for name in filter(None, (options.model, options.compare)):
        if name not in names:
            known = ", ".join(names) or "no model"
            raise BadOptionError(f"the file has no scores of {name!r}; {known} scored")
    given = {
        "model": options.model,
        "other": options.compare,
        "aggregation": options.aggregation,
        "threshold": options.threshold,
    }
    settings = replace(
        session.settings, **{name: value for name, value in given.items() if value is not None}
    )
    return replace(session, settings=settings, title=options.title or session.title)


def _index(session: Session, name: str) -> int:
    """The place of a problem with an id, or with a number from 1.

    Raises:
        BadOptionError: there is no such problem.
    """
    ids = [str(one.id) for one in session.problems if one.id is not None]
    for place, one in enumerate(session.problems):
        if one.id is not None and str(one.id) == name:
            return place
    if name.isdecimal() and 1 <= int(name[:9]) <= len(session.problems):
        return int(name[:9]) - 1
    known = f"ids are {', '.join(ids[:8])}, …" if ids else "none has an id"
    raise BadOptionError(
        f"--problem {name}: there are {len(session.problems)} problems, and {known}"
    )

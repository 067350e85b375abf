"""`search`: a generator writes, a PRM judges each step, and a tree grows."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import get_args

from prm_core.cli.arguments import skip_bad_argument
from prm_core.cli.terminal import (
    LINE_WIDTH,
    Show,
    bad_rows,
    columns,
    one_line,
    printable,
    progress_bar,
    written_to,
)
from prm_core.errors import BadOptionError, DataError, ModelError, check_above_zero
from prm_core.evaluation.html import fraction, report_html, report_row, report_text
from prm_core.evaluation.reports import search_report
from prm_core.formats.atomic import atomic_text, refuse_same_file
from prm_core.formats.rows import json_line
from prm_core.http_client import API_KEY
from prm_core.model_options import model_arguments, positive, request_of
from prm_core.ranking.aggregate import METHODS
from prm_core.scoring.open import open_scorer
from prm_core.search.engine import Event
from prm_core.search.generators import Generator, ServerGenerator
from prm_core.search.report import measured, n_searches
from prm_core.search.results import CHOICES, chosen, search_session, searched
from prm_core.search.runs import grown, tree_file
from prm_core.search.tree import Settings, Tree, Way, new_tree
from prm_core.session import Opened, Problem, Session, export, open_session, session_json
from prm_core.session.export import export_kind
from prm_core.text.steps import unescaped
from prm_core.types import StepScorer

_log = logging.getLogger(__name__)
_DEFAULT = Settings()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`search`: what it asks for."""
    parser.add_argument(
        "problem",
        metavar="PROBLEM",
        help="a problem's text, or a file of problems in any format of docs/formats.md (solutions "
        "in it are left aside)",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="write a session with the trees (.json or .jsonl, perhaps with .gz); the same command "
        "resumes a stopped run",
    )
    _generator_arguments(parser.add_argument_group("who writes"))
    _search_arguments(parser.add_argument_group("how the tree grows"))
    _report_arguments(parser.add_argument_group("accuracy against generated tokens"))
    model_arguments(parser)
    skip_bad_argument(parser)


def _generator_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--generator",
        metavar="MODEL",
        required=True,
        help=(
            "address of an OpenAI-compatible server (http://127.0.0.1:8000/v1), or the directory "
            f"or Hub name of a causal language model; a server's API key is read from {API_KEY}"
        ),
    )
    group.add_argument("--generator-model", metavar="NAME", help="the model's name on the server")
    group.add_argument(
        "--chat",
        action="store_true",
        help=(
            "write an assistant's turn in the model's chat format instead of plain text; a server "
            "must support continue_final_message, as vLLM and SGLang do"
        ),
    )
    group.add_argument(
        "--ask",
        dest="search_ask",
        default=_DEFAULT.ask,
        metavar="TEXT",
        help="comes after the problem, and says how to solve it (default: %(default)s)",
    )
    group.add_argument(
        "--concurrency",
        type=positive,
        default=16,
        metavar="N",
        help="simultaneous requests to a server (default: 16)",
    )
    group.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="S",
        help="seconds to wait for an answer of the server before a retry (default: 300)",
    )


def _search_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--way",
        choices=get_args(Way),
        default=_DEFAULT.way,
        help="beam search, diverse verifier tree search or best of n (default: %(default)s)",
    )
    numbers = (
        ("-n", int, "n", "N", "solutions that are written side by side"),
        ("--width", int, "width", "M", "continuations of each path that continues"),
        ("--temperature", float, "temperature", "T", "sampling temperature"),
        ("--top-p", float, "top_p", "P", "draw from the most probable tokens of this mass"),
        ("--rounds", int, "rounds", "N", "most rounds; the last one writes to the end"),
        ("--write-tokens", int, "max_tokens", "N", "most tokens of one writing"),
        ("--lookahead", int, "lookahead", "N", "greedy steps that are judged with each step"),
        ("--seed", int, "seed", "N", "random seed"),
    )
    for flag, kind, dest, metavar, text in numbers:
        default = getattr(_DEFAULT, dest)
        group.add_argument(
            flag,
            type=kind,
            dest=dest if flag == "-n" else f"search_{dest}",
            default=default,
            metavar=metavar,
            help=f"{text} (default: {default})",
        )
    group.add_argument(
        "--step-end",
        type=unescaped,
        dest="search_step_end",
        default=_DEFAULT.step_end,
        metavar="TEXT",
        help=r"what ends a step; \n is a line break (default: \n\n)",
    )
    group.add_argument(
        "--aggregation",
        choices=METHODS,
        default=_DEFAULT.aggregation,
        metavar="METHOD",
        help="a path's score from its steps' probabilities (default: %(default)s)",
    )
    group.add_argument(
        "--choose",
        choices=CHOICES,
        default="score",
        help=(
            "which solution counts: the best score, a vote weighted by scores, or a majority vote "
            "(default: score)"
        ),
    )
    group.add_argument(
        "--keep-duplicates",
        action="store_true",
        help="beam: paths with the same text keep their places in the beam",
    )
    group.add_argument(
        "--budget-tokens", type=positive, metavar="N", help="most generated tokens for a problem"
    )
    group.add_argument(
        "--budget-seconds", type=float, metavar="S", help="most seconds for a problem"
    )
    group.add_argument(
        "--trees",
        metavar="DIR",
        type=Path,
        help=(
            "keep each tree here as it grows, a JSON file each, and resume from them (default: "
            "OUT.trees, removed at the end)"
        ),
    )


def _report_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--report",
        action="store_true",
        help="search a file in all three ways, and compare them and a majority vote",
    )
    group.add_argument(
        "--sizes",
        type=_sizes,
        metavar="N,N",
        help="with --report: the n to compare (default: what -n says)",
    )
    group.add_argument("--json", action="store_true", help="JSON instead of a table")
    group.add_argument(
        "--html", metavar="OUT", help="with --report: also write a page with figures"
    )


def _sizes(text: str) -> list[int]:
    return [positive(one) for one in text.split(",")]


def main(options: argparse.Namespace) -> int:
    """`search`: solutions of problems, or with `--report` what the ways reach."""
    settings = _settings(options)
    problems, n_bad = _problems(options)
    with ExitStack() as stack:
        page = options.html and stack.enter_context(atomic_text(options.html))
        scorer = stack.enter_context(closing(open_scorer(request_of(options), keep=True)))
        generator = stack.enter_context(closing(_open_generator(options)))
        run = _Run(generator, scorer, options.trees)
        if options.report:
            text, report_page = _report(options, settings, problems, run)
            if page:
                page(report_page)
        else:
            text = _search(options, settings, problems, run)
        stack.enter_context(written_to("-"))(text)
    return 1 if n_bad and not options.skip_bad else 0


class _Run:
    """Grows trees with one generator and one PRM, and shows how far they are."""

    def __init__(self, generator: Generator, scorer: StepScorer, folder: Path | None) -> None:
        self.generator, self.scorer, self.folder = generator, scorer, folder
        self.n_done = 0
        self.show: Show | None = None

    @contextmanager
    def shown(self, n_searches: int) -> Iterator[None]:
        """Progress on stderr, and what a run leaves that was interrupted or failed."""
        try:
            with progress_bar("searches", n_searches) as self.show:
                yield
        except (KeyboardInterrupt, ModelError):
            if self.folder is not None and any(self.folder.glob("*.json")):
                _log.warning("trees so far are in %s; the same command resumes", self.folder)
            raise

    def grow(self, problem: Problem, settings: Settings) -> Tree:
        tree = new_tree(problem.problem, settings, self.generator.name, self.scorer.model_id)
        tree = grown(tree, self.generator, self.scorer, self.folder, self._tell)
        self.n_done += 1
        self._tell(Event("round", tree))
        return tree

    def _tell(self, event: Event) -> None:
        if self.show is not None and event.kind == "round":
            note = f"round {event.tree.n_rounds}, {event.tree.n_tokens:,} tokens"
            self.show(self.n_done, note=note)


def _settings(options: argparse.Namespace) -> Settings:
    """The options as settings.

    Raises:
        BadOptionError: one is out of range, or they do not fit together.
    """
    if options.generator.startswith(("http://", "https://")) != bool(options.generator_model):
        raise BadOptionError(
            "--generator-model names the model on a server; it is needed with an address in "
            "--generator, and only there"
        )
    for name in ("sizes", "html"):
        if getattr(options, name) is not None and not options.report:
            raise BadOptionError(f"--{name} is for --report")
    if options.report and options.output is not None:
        raise BadOptionError("-o is for a search; --report has --json, --html and --trees")
    if options.output is not None and export_kind(options.output) not in (".json", ".jsonl"):
        raise BadOptionError(f"{options.output} cannot hold trees; end its name in .json or .jsonl")
    check_above_zero(**{"--timeout": options.timeout})
    named = {one.name: f"search_{one.name}" for one in fields(Settings)}
    given = {name: getattr(options, dest) for name, dest in named.items() if dest in vars(options)}
    settings = Settings(
        **given,
        way=options.way,
        n=options.n,
        aggregation=options.aggregation,
        drop_duplicates=not options.keep_duplicates,
        budget_tokens=options.budget_tokens,
        budget_s=options.budget_seconds,
    )
    for n in options.sizes or ():
        if n % settings.width:
            raise BadOptionError(f"--sizes has {n}, no multiple of the width {settings.width}")
    return settings


def _problems(options: argparse.Namespace) -> tuple[list[Problem], int]:
    """What to search, and how many rows of a file are bad; these are named on stderr.

    Raises:
        DataError: there is no such file, or nothing in it.
        BadOptionError: a report has no right answers.
    """
    text = options.problem
    path, is_file = Path(text), False
    with suppress(OSError, ValueError):  # names that no system takes
        is_file = path.exists()
    if not is_file and len(text.split()) < 2:
        raise DataError("is no file, and no problem of two words or more", path=text)
    refuse_same_file(text, options.output or "")
    session = Session((Problem(text.strip()),))
    opened = open_session(path) if is_file else Opened(session)
    with bad_rows(options) as bad:
        for error in opened.errors:
            bad(str(error))
    problems = list(opened.session.problems)
    if options.report and not any(one.gold_answer for one in problems):
        raise BadOptionError("--report needs a file with right answers (gold_answer)")
    return problems, len(opened.errors)


def _open_generator(options: argparse.Namespace) -> Generator:
    if options.generator_model:
        return ServerGenerator(
            options.generator,
            options.generator_model,
            chat=options.chat,
            concurrency=options.concurrency,
            timeout_s=options.timeout,
            api_key=os.environ.get(API_KEY, "").strip(),
        )
    from prm_core.search.local_generator import LocalGenerator

    return LocalGenerator(
        options.generator, chat=options.chat, device=options.device, dtype=options.dtype
    )


# --- a search -------------------------------------------------------------------------------------


def _search(
    options: argparse.Namespace, settings: Settings, problems: Sequence[Problem], run: _Run
) -> str:
    """Search every problem; what is printed. The session is written, and then trees are removed."""
    if options.output is not None and run.folder is None:
        run.folder = Path(f"{options.output}.trees")
    with run.shown(len(problems)):
        trees = [run.grow(one, settings) for one in problems]
    done = [searched(tree, one) for tree, one in zip(trees, problems, strict=True)]
    session = search_session(done, trees[0], run.scorer.threshold)
    if options.output is not None:
        export(session, options.output)
        if run.folder is not None and options.trees is None:
            _remove(run.folder, trees)
    if options.json:
        return session_json(session) + "\n"
    return "\n".join(map(_text, done, trees, [options.choose] * len(done)))


def _remove(folder: Path, trees: Sequence[Tree]) -> None:
    """Remove the files of trees, and the folder if nothing else is in it."""
    with suppress(OSError):
        for tree in trees:
            start = new_tree(tree.problem, tree.settings, tree.generator, tree.model)
            tree_file(folder, start).unlink(missing_ok=True)
        folder.rmdir()


def _text(problem: Problem, tree: Tree, choose: str) -> str:
    """A searched problem for people: its solutions in a table, and the chosen one."""
    model, aggregation = tree.model, tree.settings.aggregation
    pick = chosen(problem, model, aggregation, choose)
    lines = [
        one_line(problem.problem, LINE_WIDTH),
        f"{tree.settings.way}: {len(tree.nodes):,} steps in {tree.n_rounds} rounds, "
        f"{tree.n_tokens:,} tokens, {tree.seconds:.1f} s. {problem.message}".rstrip(),
    ]
    rows = [("", "solution", aggregation, "answer", "")]
    for one, leaf in zip(problem.solutions, tree.solutions, strict=True):
        right = one.is_correct(problem.gold_answer)
        rows.append(
            (
                "*" if one is pick.solution else "",
                one.name,
                fraction(tree.nodes[leaf].score),
                one_line(one.final_answer() or "none", 40),
                one.error or {True: "right", False: "wrong", None: ""}[right],
            )
        )
    lines.append(columns(rows))
    if pick.solution is not None:
        lines += ["", *map(printable, pick.solution.steps), ""]
    return "\n".join(lines) + "\n"


# --- a report -------------------------------------------------------------------------------------


def _report(
    options: argparse.Namespace, settings: Settings, problems: Sequence[Problem], run: _Run
) -> tuple[str, str]:
    """What is printed, and the page."""
    judged = [one for one in problems if one.gold_answer]
    sizes = sorted(set(options.sizes or [settings.n]))
    with run.shown(n_searches(len(judged), sizes)):
        outcomes = measured(judged, settings, sizes, options.choose, run.grow)
    n_left = len(problems) - len(judged)
    report = search_report(
        outcomes,
        model=run.scorer.model_id,
        generator=run.generator.name,
        source=options.problem,
        choose=options.choose,
        aggregation=settings.aggregation,
        skipped_reasons={"no right answer is known": n_left} if n_left else {},
    )
    text = json_line(report_row(report)) if options.json else report_text(report)
    return text, report_html(report) if options.html else ""

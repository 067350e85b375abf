"""`score`: every step of every solution in a file, as rows; in one go, or with --resume."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path

from prm_core import __version__
from prm_core.bulk.pieces import UnfinishedRun, check_model, parts_of
from prm_core.bulk.run import Task, score_rows
from prm_core.cli.problems import check_any_scored, each_problem, problem_arguments, sum_up
from prm_core.cli.terminal import (
    LINE_WIDTH,
    bad_rows,
    count,
    one_line,
    printable,
    progress_bar,
    say,
    written_to,
)
from prm_core.errors import BadOptionError, DataError
from prm_core.formats.atomic import refuse_same_file
from prm_core.formats.files import open_problems, open_results
from prm_core.formats.problems import Problems
from prm_core.model_options import positive, request_of
from prm_core.rewards.forms import FORMS, read_form
from prm_core.scoring.open import open_scorer
from prm_core.types import Explanation, ScoredCandidate, StepScorer

_FORMS = ", ".join(
    f"{one.name} ({', '.join(one.options)})" if one.options else one.name for one in FORMS.values()
)

_NOT_WRITTEN = (".tsv", ".tsv.gz", ".parquet.gz")  # would hold what cannot be read back


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`score`: its arguments beside those of the problems."""
    problem_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        default="-",
        help=(
            "file for the results, written completely or not at all: JSON lines, or a table with "
            "one row per solution if the name ends in .csv or .parquet (default: -, stdout)"
        ),
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="resume a stopped run of the same command; finished work is kept beside OUT",
    )
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: use several processes, GPUs or machines through Ray Data (default: local)",
    )
    parser.add_argument(
        "--actors",
        type=positive,
        metavar="N",
        help="ray: how many models run at the same time (default: 2)",
    )
    parser.add_argument(
        "--gpus-per-actor",
        type=_share_of_gpus,
        metavar="G",
        help="ray: GPUs reserved for each model; may be a fraction (default: 0)",
    )
    parser.add_argument(
        "--rewards",
        type=_reward_form,
        metavar="FORM[:NAME=NUMBER,...]",
        help=(
            "add a reward for each step, for reinforcement learning, in one of the forms of "
            f"docs/rewards.md: {_FORMS}"
        ),
    )
    parser.add_argument(
        "--explain",
        action="store_true",
        help=(
            "print the prompts instead of results: every token with its id, and which token is "
            "read for which step (for a generative verifier: the conversation)"
        ),
    )


def _reward_form(text: str) -> str:
    """An option's value as a form of rewards with its options."""
    try:
        read_form(text)
    except BadOptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def _share_of_gpus(text: str) -> float:
    """An option's value as a number of GPUs."""
    value = float(text)  # argparse turns a ValueError into a sentence
    if not 0.0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number of GPUs")
    return value


def main(options: argparse.Namespace) -> int:
    """`score`: one JSON row per problem, or a table."""
    if options.engine != "ray" and (options.actors or options.gpus_per_actor is not None):
        raise BadOptionError("--actors and --gpus-per-actor are for --engine ray")
    refuse_same_file(options.file, options.output)
    if options.output.lower().endswith(_NOT_WRITTEN) and not options.explain:
        raise BadOptionError(
            f"{options.output}: this format cannot be written; name a .jsonl, .csv or .parquet"
        )
    into_file = options.output != "-" and (
        Path(options.output).is_file() or not Path(options.output).exists()
    )
    if options.file != "-" and into_file and not options.explain:
        return _into_file(options)
    if options.resume or options.engine == "ray":
        which = "--resume" if options.resume else "--engine ray"
        raise BadOptionError(f"{which} is for rows from a FILE into a file (-o OUT)")
    if options.explain:
        with written_to(options.output) as write:
            return each_problem(
                options,
                lambda row, scored, threshold, scorer: write(
                    "".join(_explained(scorer, one) for one in scored)
                ),
            )
    task = _task(options)
    with written_to("-") if options.output == "-" else open_results(options.output) as write:
        return each_problem(
            options,
            lambda row, scored, threshold, _: write(task.line(row, scored, threshold)),
        )


def _task(options: argparse.Namespace) -> Task:
    return Task(options.steps, options.aggregation, options.threshold, options.rewards)


def _into_file(options: argparse.Namespace) -> int:
    """`score FILE -o OUT`: finished work is kept beside OUT until all is done."""
    unfinished = parts_of(options.output)
    if options.resume and Path(options.output).exists() and not unfinished.exists():
        say(
            f"{options.output} is complete, and there is no unfinished run to compare this one "
            "with: it stays as it is, whatever the model and the options are now; without --resume "
            "it is written again from scratch"
        )
        return 0
    task = _task(options)
    with UnfinishedRun(options.output, _settings(options), options.resume) as run:
        try:
            with open_problems(options.file, sys.stdin.buffer) as problems:
                _score_rows(options, problems, run, task)
            if not run.n_rows:
                raise DataError("has no rows", path=options.file)
            n_good, n_bad = run.join()
        except BaseException as error:
            if run.n_rows and run.is_begun and not isinstance(error, BadOptionError):
                say(f"{run.folder} contains the finished work; run the same command with --resume")
            raise
    check_any_scored(options, n_good)
    return sum_up(options, n_good, n_bad)


def _score_rows(
    options: argparse.Namespace, problems: Problems, run: UnfinishedRun, task: Task
) -> None:
    """Score what is left, in this process or on Ray."""
    request = request_of(options)

    if options.engine == "ray":
        from prm_core.bulk.ray import score_rows_on_ray

        with bad_rows(options) as bad, progress_bar("problems", n_before=run.n_done) as show:
            score_rows_on_ray(
                partial(open_scorer, request),
                problems,
                run,
                task,
                n_actors=options.actors or 2,
                gpus_per_actor=options.gpus_per_actor or 0.0,
                on_progress=show,
                on_bad_row=bad,
            )
        return
    with closing(open_scorer(request)) as scorer, bad_rows(options) as bad:
        check_model(run.folder, scorer)
        with progress_bar("problems", n_before=run.n_done) as show:
            score_rows(scorer, problems, run, task, on_progress=show, on_bad_row=bad)


def _settings(options: argparse.Namespace) -> dict[str, object]:
    """What decides the results, for a run that may be resumed."""
    decisive = asdict(request_of(options))
    for where in ("server", "device"):
        del decisive[where]
    if decisive["model"] is not None and Path(decisive["model"]).is_dir():
        decisive["model"] = str(Path(decisive["model"]).resolve())
    decisive |= {
        "steps": options.steps,
        "aggregation": options.aggregation,
        "threshold": options.threshold,
        "rewards": options.rewards,
    }
    return {
        "version": __version__,
        **{f"--{name.replace('_', '-')}": value for name, value in decisive.items()},
    }


def _explained(scorer: StepScorer, scored: ScoredCandidate) -> str:
    """The prompt of a candidate, and what was read from the reply."""
    prompts = scorer.explain(scored.candidate)
    if all(one.role for one in prompts):
        return conversation_text(prompts, scored)
    return "".join(explanation_text(one, scored) for one in prompts)


def conversation_text(turns: Sequence[Explanation], scored: ScoredCandidate) -> str:
    """What a verifier was asked and what it wrote, line by line, with what was read from it."""
    name = f"solution {scored.candidate.id}"
    parts = [(f"{name}, sent as {one.role}", one.text) for one in turns]
    parts += [
        (f"{name}, written as sample {number}", text)
        for number, text in enumerate(scored.rationales, start=1)
    ]
    lines = []
    for title, text in parts:
        lines += [f"{title}:", *(f"    {printable(line)}" for line in text.split("\n"))]
    for number, p in enumerate(scored.probabilities, start=1):
        lines.append(f"step {number}: {p:.4f}")
    return "\n".join([*lines, "", ""])


def explanation_text(explanation: Explanation, scored: ScoredCandidate) -> str:
    """A candidate's prompt, one token per line, with what is read there."""
    read = {
        position: f"step {step + 1}{name and f', {name}'}: "
        f"{(scored.extras[name] if name else scored.probabilities)[step]:.4f}"
        for position, step, name in zip(
            explanation.positions, explanation.steps, explanation.names, strict=True
        )
    }
    lines = [f"solution {scored.candidate.id}: {count(len(explanation.tokens), 'token')}"]
    for place, (token_id, token) in enumerate(
        zip(explanation.input_ids, explanation.tokens, strict=True)
    ):
        line = f"{place:>6} {token_id:>7}  {one_line(token, LINE_WIDTH)}"
        if place in read:
            line += f"   <- {read[place]}"
        lines.append(line)
    for step, said in enumerate(explanation.calculator, start=1):
        values = ", ".join(f"{name} {value:g}" for name, value in said)
        lines.append(f"calculator, step {step}: {values or 'nothing'}")
    for number, text in enumerate(explanation.solutions, start=1):
        lines.append(f"its own solution {number}: {one_line(text.strip(), LINE_WIDTH)}")
    return "\n".join([*lines, "", ""])

"""`label`: step labels from final answers and continuations."""

from __future__ import annotations

import argparse
import logging
import os
from pathlib import Path
from typing import Any

from prm_core.cli.arguments import skip_bad_argument
from prm_core.cli.terminal import count, progress_bar
from prm_core.errors import BadOptionError, DataError, check_above_zero
from prm_core.formats.atomic import file_errors
from prm_core.formats.rows import BadRows
from prm_core.http_client import API_KEY
from prm_core.labelling.completers import Completer, Sampling, ServerCompleter
from prm_core.labelling.label_file import LabelFile
from prm_core.labelling.methods import METHODS, SAMPLING, LabelConfig
from prm_core.labelling.run import LabelCost, Progress, label_all, plan
from prm_core.labelling.solutions import Consensus, read_consensus, read_unlabelled

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`label`: its arguments."""
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help='JSON lines {"problem", "solutions", "gold_answer", "id"?}, or any format of '
        "docs/formats.md that gives the right answer",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help=(
            "file for the labelled steps, as JSON lines, written row by row; the same command "
            "resumes a stopped run"
        ),
    )
    parser.add_argument(
        "--method",
        choices=METHODS,
        required=True,
        help=(
            "outcome: by the final answer alone; consensus: by the values that the right "
            "solutions of a problem share; monte-carlo: by continuations after every step; "
            "binary-search: find the first error by bisection"
        ),
    )
    parser.add_argument(
        "--generator",
        metavar="MODEL",
        help=(
            "address of an OpenAI-compatible server (http://127.0.0.1:8000/v1), or the directory"
            f" or Hub name of a causal language model; a server's API key is read from {API_KEY}"
        ),
    )
    parser.add_argument("--generator-model", metavar="NAME", help="the model's name on the server")
    parser.add_argument(
        "--chat",
        action="store_true",
        help=(
            "continue the assistant's turn in the model's chat format instead of plain text; the "
            "server must support continue_final_message, as vLLM and SGLang do"
        ),
    )
    parser.add_argument(
        "-k",
        "--continuations",
        type=int,
        default=8,
        metavar="K",
        help="continuations after each step (default: 8)",
    )
    parser.add_argument(
        "--labels",
        choices=("soft", "hard"),
        help=(
            "monte-carlo: soft is the share of right continuations (default); hard is right if "
            "any of them is"
        ),
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.7,
        metavar="T",
        help="sampling temperature (default: 0.7)",
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=1024,
        metavar="N",
        help="most tokens of one continuation (default: 1024)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="random seed of the continuations (default: 0)"
    )
    parser.add_argument(
        "--concurrency",
        type=int,
        default=16,
        metavar="N",
        help="simultaneous requests to a server (default: 16)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="S",
        help="seconds to wait for an answer of the server before a retry (default: 300)",
    )
    parser.add_argument(
        "--steps",
        default="auto",
        metavar="RULE",
        help="how a solution's text is split into steps, as for score (default: auto)",
    )
    parser.add_argument(
        "--device",
        default="auto",
        help="device of a local generator: auto, cpu, cuda or mps (default: auto)",
    )
    parser.add_argument(
        "--dtype",
        default="auto",
        help="dtype of a local generator: auto, float32, bfloat16 or float16 (default: auto)",
    )
    parser.add_argument("--dry-run", action="store_true", help="print what it would cost, and stop")
    skip_bad_argument(parser)


def main(options: argparse.Namespace) -> int:
    """`label`: a file of labels; cost and progress are reported on stderr."""
    _log.setLevel(logging.INFO)
    config, sampling = _checked(options)
    consensus = None
    if config.method == "consensus":
        consensus = read_consensus(read_unlabelled(options.file, options.steps))
    output = LabelFile(options.output, _labelled_by(options, config, sampling, consensus))
    costs = plan(
        read_unlabelled(options.file, options.steps), output.keys, config, sampling.max_tokens
    )
    if n_stale := len(output.keys) - costs.n_done:
        raise BadOptionError(
            f"{output.path} has labels of {count(n_stale, 'solution')} that {options.file} does "
            "not contain, or with another gold answer or other steps; choose another file, or "
            "remove it to label everything again"
        )
    _log.info(
        "%s: %d solutions to label (%d done before, %d repeated); at most %s continuations, "
        "%s tokens",
        options.file,
        costs.n_solutions,
        costs.n_done,
        costs.n_repeated,
        f"{costs.n_generations:,}",
        f"{costs.n_tokens:,}",
    )
    if options.dry_run:
        return 0
    with file_errors(output.path, "written"):  # before the work
        output.path.open("ab").close()
    generator = _open_generator(options, sampling) if options.generator else None
    last, n_bad = Progress(0, 0, 0.0), 0
    solutions = read_unlabelled(options.file, options.steps)
    kind = "skipped" if options.skip_bad else "error"

    def on_progress(progress: Progress) -> None:
        nonlocal last
        last = progress
        if not costs.n_generations:
            show(progress.n_solutions, costs.n_solutions - progress.n_solutions)
        else:
            note = f"{progress.n_solutions} of {costs.n_solutions} solutions"
            show(progress.n_generations, _continuations_left(progress, costs), note)

    try:
        with (
            progress_bar("continuations" if costs.n_generations else "solutions") as show,
            BadRows(lambda message: _log.error("%s: %s", kind, message)) as bad,
        ):
            for error in label_all(
                solutions, output, config, generator, consensus, on_progress=on_progress
            ):
                n_bad += 1
                bad(str(error))
    except KeyboardInterrupt:
        _log.info("%s is complete so far; the same command resumes it", output.path)
        raise
    finally:
        if generator is not None:
            generator.close()
        _log.info(
            "%d solutions labelled with %d continuations in %.0f s, %d bad rows",
            last.n_solutions,
            last.n_generations,
            last.seconds,
            n_bad,
        )
    if not (n_bad or costs.n_solutions or costs.n_done):
        raise DataError("has no rows", path=options.file)
    return 1 if n_bad and not options.skip_bad else 0


def _continuations_left(progress: Progress, costs: LabelCost) -> int | None:
    """How many continuations are still to be written; None before the first."""
    # Their total number is an upper bound, so the solutions may show that less is left.
    share = max(
        progress.n_solutions / costs.n_solutions, progress.n_generations / costs.n_generations
    )
    return round(progress.n_generations * (1 / share - 1)) if share else None


def _checked(options: argparse.Namespace) -> tuple[LabelConfig, Sampling]:
    """The options as records.

    Raises:
        BadOptionError: they do not fit together.
    """
    if options.method not in SAMPLING and options.generator:
        raise BadOptionError(f"--method {options.method} does not use a --generator; leave it out")
    if options.method in SAMPLING and not options.generator:
        raise BadOptionError(f"--method {options.method} needs a --generator")
    if options.labels and options.method != "monte-carlo":
        raise BadOptionError("--labels is for --method monte-carlo; the others' labels are hard")
    if options.generator and _is_address(options.generator) != bool(options.generator_model):
        raise BadOptionError(
            "--generator-model names the model on a server; it is needed with an address in "
            "--generator, and only there"
        )
    check_above_zero(**{"--concurrency": options.concurrency, "--timeout": options.timeout})
    config = LabelConfig(
        options.method, options.continuations, options.labels == "hard", options.seed
    )
    return config, Sampling(options.temperature, options.max_tokens, options.chat)


def _labelled_by(
    options: argparse.Namespace,
    config: LabelConfig,
    sampling: Sampling,
    consensus: Consensus | None,
) -> dict[str, Any]:
    """What decides the labels, for every row of the output."""
    if consensus is not None:  # a solution's labels depend on the problem's other solutions
        return {"method": "consensus", "solutions": consensus.digest}
    if config.method == "outcome":
        return {"method": "outcome"}
    return {
        "method": config.method,
        **({"labels": options.labels or "soft"} if config.method == "monte-carlo" else {}),
        "generator": options.generator_model or options.generator,
        "continuations": config.continuations,
        "temperature": sampling.temperature,
        "max_tokens": sampling.max_tokens,
        "chat": sampling.chat,
        "seed": config.seed,
    }


def _is_address(generator: str) -> bool:
    return generator.startswith(("http://", "https://"))


def _open_generator(options: argparse.Namespace, sampling: Sampling) -> Completer:
    if not _is_address(options.generator):
        from prm_core.labelling.local_completer import LocalCompleter

        return LocalCompleter(
            options.generator, sampling, device=options.device, dtype=options.dtype
        )
    return ServerCompleter(
        options.generator,
        options.generator_model,
        sampling,
        concurrency=options.concurrency,
        timeout_s=options.timeout,
        api_key=os.environ.get(API_KEY, "").strip(),
    )

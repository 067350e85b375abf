"""`train`: a process reward model, on a backbone or from scratch."""

from __future__ import annotations

import argparse
import logging
import os
import shlex
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prm_core.errors import BadOptionError
from prm_core.paths import assets_dir
from prm_core.synthetic.gsm8k import read_plans, read_solutions
from prm_core.training.options import MODES, REPORTS, RunConfig, ScratchConfig, TuneConfig
from prm_core.types import DTYPE_NAMES

if TYPE_CHECKING:
    from prm_core.training.loss import Loss

_log = logging.getLogger("prm_core.training")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`train`: its arguments."""
    parser.add_argument("-o", "--output", type=Path, required=True, help="directory for the model")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    parser.add_argument(
        "--precision",
        choices=("auto", *DTYPE_NAMES),
        default="auto",
        help="precision of the computation (default: auto, the fastest on the device)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="random seed (default: 0)")
    parser.add_argument(
        "--save-every",
        type=int,
        default=1000,
        metavar="N",
        help="optimizer steps between checkpoints (default: 1000)",
    )
    parser.add_argument(
        "--log-every",
        type=int,
        default=100,
        metavar="N",
        help="optimizer steps between progress lines (default: 100)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="resume from the last checkpoint in the directory"
    )
    parser.add_argument(
        "--report-to",
        choices=REPORTS,
        default="none",
        help="where to report metrics (default: none)",
    )
    parser.add_argument(
        "--push-to-hub", metavar="NAME", help="upload the finished model to this repository"
    )
    _loss_arguments(parser.add_argument_group("loss"))
    _tune_arguments(parser.add_argument_group("on a backbone, from labelled solutions"))
    _scratch_arguments(parser.add_argument_group("from scratch (without --backbone)"))


def _loss_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--pos-weight",
        type=float,
        default=1.0,
        metavar="X",
        help="weight of right steps (default: 1)",
    )
    group.add_argument(
        "--later-weighs-more",
        action="store_true",
        help="give step i of S the weight 2 i / (S + 1)",
    )
    group.add_argument(
        "--mask-after-error",
        action="store_true",
        help="ignore the steps after the first wrong one",
    )
    group.add_argument(
        "--ranking",
        type=float,
        default=0.0,
        metavar="X",
        help="weight of a ranking loss that puts right steps above wrong ones (default: 0)",
    )
    group.add_argument(
        "--lm-weight",
        type=float,
        metavar="X",
        help="weight of the language-model loss (default: 1 from scratch, 0 on a backbone)",
    )


def _tune_arguments(group: argparse._ArgumentGroup) -> None:
    # No defaults here, so that options given without --backbone can be refused.
    def add(name: str, **settings: Any) -> None:
        group.add_argument(name, default=argparse.SUPPRESS, **settings)

    add("--backbone", metavar="NAME", help="directory or Hub name of a causal language model")
    add("--revision", help="branch, tag or commit of the backbone on the Hub")
    add(
        "--data",
        action="append",
        metavar="FILE[:SHARE%][:WEIGHT]",
        help=(
            "labelled solutions; can be given several times; only SHARE percent of the file's "
            "problems are used (default: all; 8-20 are others than 8), and each epoch sees every "
            "row WEIGHT times (default: 1)"
        ),
    )
    add(
        "--made",
        type=int,
        metavar="N",
        help=(
            "also train on N generated solutions, some of them GSM8K solutions with errors put "
            "in; works without --data, too"
        ),
    )
    add(
        "--spoil-gsm8k",
        type=int,
        metavar="N",
        help=(
            "also train on N of GSM8K's training solutions, six in ten with an error put in; works "
            "without --data, too"
        ),
    )
    add(
        "--neutral",
        choices=("right", "wrong"),
        help="how PRM800K's neutral steps are labelled (default: right)",
    )
    add("--validation", metavar="FILE", help="labelled solutions to evaluate on after each epoch")
    add(
        "--validation-share",
        type=float,
        metavar="X",
        help="instead of --validation: hold out this share of the problems",
    )
    add(
        "--template",
        metavar="FILE",
        help="a prm.json with the text and the markers around problem and steps",
    )
    add("--mode", choices=MODES, help="which weights are trained (default: full)")
    for name, kind, text in (
        ("first-layers", int, "keep only so many layers of the backbone (default: all)"),
        (
            "keep-tokens",
            int,
            "keep only so many tokens of the vocabulary, those that the data use most "
            "(default: all)",
        ),
        ("epochs", float, "number of epochs (default: 1)"),
        ("batch-size", int, "rows per process and forward pass (default: 8)"),
        ("accumulate", int, "forward passes per step (default: 1)"),
        (
            "learning-rate",
            float,
            "peak rate (default: "
            + ", ".join(f"{rate:g} for {mode}" for mode, (rate, _) in MODES.items())
            + ")",
        ),
        (
            "blind",
            float,
            "share of the steps for which the head sees nothing of the language model (default: 0)",
        ),
        (
            "threshold",
            float,
            "probability below which the model calls a step wrong (default: as in the template)",
        ),
        ("dropout", float, "dropout on the hidden state that the head reads (default: 0.1)"),
        ("max-tokens", int, "leave out longer rows (default: the most that the backbone reads)"),
        ("lora-rank", int, "rank of the adapters (default: 16)"),
        ("lora-alpha", int, "scale of the adapters, times their rank (default: 32)"),
        ("lora-from", int, "the first layer that gets adapters (default: 0)"),
        ("head-learning-rate", float, "peak rate of the head (default: that of the rest)"),
    ):
        add(f"--{name}", type=kind, metavar="X" if kind is float else "N", help=text)
    add(
        "--evidence",
        metavar="KINDS",
        help=(
            "what the head sees in addition to the hidden state, with commas between: lm (the "
            "model's own probabilities of digits and signs), calculator, operations, solver (its "
            "own solutions of the problem; default: as in the template)"
        ),
    )
    add(
        "--head-units",
        type=int,
        metavar="N",
        help="size of a hidden layer on the evidence; 0 for none (default: as in the template)",
    )
    add(
        "--more-units",
        type=int,
        metavar="N",
        help=(
            "add units to that layer of the backbone's own head, which goes on: what it has stays "
            "as it is (default: 0)"
        ),
    )
    add("--gradient-checkpointing", action="store_true", help="use less memory; a third slower")
    add(
        "--one-spelling",
        action="store_true",
        help="let the tokenizer write every sign of arithmetic in one way and all letters small",
    )
    add(
        "--four-bit",
        action="store_true",
        help="train weights that are written in 4 bits each; with --mode full",
    )
    add(
        "--pack",
        action="store_true",
        help="read a problem once for all its solutions; quicker where it has several",
    )
    add(
        "--without-backbone",
        action="store_true",
        help=(
            "with --mode head or lora: write only the head and the adapters; the backbone is found "
            "by its name when the model is loaded"
        ),
    )


def _scratch_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--gsm8k",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help=(
            "JSONL (or .jsonl.gz) of GSM8K's problems and steps, with calculator marks (default: "
            "the training part, which is included)"
        ),
    )
    group.add_argument(
        "--start",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="DIRECTORY",
        help="continue from a model that was trained from scratch here; it keeps its own shape",
    )
    for field in fields(ScratchConfig):
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=argparse.SUPPRESS,
            metavar="N",
            help=f"default: {field.default}",
        )


_TUNE = {f.name for f in fields(TuneConfig)}
_TUNE_TOO = {
    "data",
    "made",
    "spoil_gsm8k",
    "neutral",
    "validation",
    "validation_share",
    "template",
}
_SCRATCH = {f.name for f in fields(ScratchConfig)}


def main(options: argparse.Namespace) -> int:
    """`train`: a model in a directory; progress is reported on stderr."""
    first = os.environ.get("RANK", "0") == "0"  # of several processes only one reports
    _log.setLevel(logging.INFO if first else logging.ERROR)
    given = vars(options)
    tuning = "backbone" in given
    strangers = (_SCRATCH | {"gsm8k", "start"}) if tuning else (_TUNE | _TUNE_TOO)
    for name in sorted(strangers & given.keys()):
        kind = "from scratch, without --backbone" if tuning else "on a backbone; give --backbone"
        raise BadOptionError(f"--{name.replace('_', '-')} is for training {kind}")
    run_config = RunConfig(
        command=shlex.join(["python", "-m", "prm_core", *sys.argv[1:]]),
        **{f.name: given[f.name] for f in fields(RunConfig) if f.name in given},
    )
    from prm_core.training.loss import Loss

    loss = Loss(
        options.pos_weight,
        options.later_weighs_more,
        options.mask_after_error,
        options.ranking,
        (0.0 if tuning else 1.0) if options.lm_weight is None else options.lm_weight,
    )
    (_on_a_backbone if tuning else _from_scratch)(given, loss, run_config)
    _log.info("written to %s", run_config.output)
    return 0


def _from_scratch(given: dict[str, Any], loss: Loss, run_config: RunConfig) -> None:
    """Train on generated problems, and on the file that the options name."""
    from prm_core.training.scratch import train_from_scratch

    shape = {"hidden_size", "layers", "heads", "mlp_size", "vocabulary", "vocabulary_texts"}
    if "start" in given and (both := sorted(shape & given.keys())):
        name = both[0].replace("_", "-")
        raise BadOptionError(f"--start keeps the shape of that model; leave out --{name}")
    config = ScratchConfig(**{name: given[name] for name in _SCRATCH & given.keys()})
    path = given.get("gsm8k", assets_dir() / "gsm8k" / "train.jsonl.gz")
    plans = read_plans(read_solutions(path))
    _log.info("%d solutions of %s can have errors put in", len(plans), path)
    train_from_scratch(config, loss, run_config, gsm8k=plans, start=given.get("start"))


def _on_a_backbone(given: dict[str, Any], loss: Loss, run_config: RunConfig) -> None:
    """Read the data that the options name, and train on them."""
    from prm_core.models.weight_files import read_json
    from prm_core.training.data import (
        hold_out,
        made_source,
        read_source,
        spoiled_sources,
        without_problems,
    )
    from prm_core.training.operations import teaches
    from prm_core.training.tune import fine_tune

    if not given.get("data") and given.keys().isdisjoint({"made", "spoil_gsm8k"}):
        raise BadOptionError("there is nothing to train on; give --data FILE or --made N")
    if {"validation", "validation_share"} <= given.keys():
        raise BadOptionError("--validation and --validation-share exclude each other")
    right = given.get("neutral") != "wrong"
    sources = [read_source(text, neutral_is_right=right) for text in given.get("data", [])]
    gsm8k = assets_dir() / "gsm8k" / "train.jsonl.gz"
    if "made" in given:
        solutions = read_solutions(gsm8k)
        # The table of operations has learned from the others.
        plans = read_plans(one for one in solutions if not teaches(one[0]))
        sources.append(made_source(given["made"], run_config.seed, plans))
    if "spoil_gsm8k" in given:
        sources += spoiled_sources(given["spoil_gsm8k"], run_config.seed, [*read_solutions(gsm8k)])
    validation = []
    if "validation" in given:
        validation = list(read_source(given["validation"], neutral_is_right=right).examples)
        n_before = sum(len(source.examples) for source in sources)
        sources = without_problems(sources, validation)
        if n_shared := n_before - sum(len(source.examples) for source in sources):
            _log.warning("left out, in the validation file too: %d rows", n_shared)
    elif "validation_share" in given:
        sources, validation = hold_out(sources, given["validation_share"], run_config.seed)
    fine_tune(
        TuneConfig(**{name: given[name] for name in _TUNE & given.keys()}),
        sources,
        loss,
        run_config,
        validation=validation,
        prm=read_json(Path(given["template"])) if "template" in given else None,
    )

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
    """`train`: what it asks for."""
    parser.add_argument("-o", "--output", type=Path, required=True, help="directory to write")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    parser.add_argument(
        "--precision",
        choices=("auto", *DTYPE_NAMES),
        default="auto",
        help="of the computation (default: auto: what the device is fast in)",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument(
        "--save-every", type=int, default=1000, metavar="N", help="steps between checkpoints"
    )
    parser.add_argument(
        "--log-every", type=int, default=100, metavar="N", help="steps between lines of progress"
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint in the directory"
    )
    parser.add_argument(
        "--report-to", choices=REPORTS, default="none", help="where figures go (default: none)"
    )
    parser.add_argument(
        "--push-to-hub", metavar="NAME", help="upload the finished model to this repository"
    )
    _loss_arguments(parser.add_argument_group("loss"))
    _tune_arguments(parser.add_argument_group("on a backbone, from labelled solutions"))
    _scratch_arguments(parser.add_argument_group("from scratch (without --backbone)"))


def _loss_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--pos-weight", type=float, default=1.0, metavar="X", help="of right steps (default: 1)"
    )
    group.add_argument(
        "--later-weighs-more", action="store_true", help="step i of S weighs 2 i / (S + 1)"
    )
    group.add_argument(
        "--mask-after-error",
        action="store_true",
        help="steps after the first wrong one do not count",
    )
    group.add_argument(
        "--ranking",
        type=float,
        default=0.0,
        metavar="X",
        help="weight of a term that puts right steps above wrong ones (default: 0)",
    )
    group.add_argument(
        "--lm-weight",
        type=float,
        metavar="X",
        help="weight of the language-model term (default: 1 from scratch, 0 on a backbone)",
    )


def _tune_arguments(group: argparse._ArgumentGroup) -> None:
    # No defaults here: what is given without --backbone is refused.
    def add(name: str, **settings: Any) -> None:
        group.add_argument(name, default=argparse.SUPPRESS, **settings)

    add("--backbone", metavar="NAME", help="directory or hub name of a causal language model")
    add("--revision", help="branch, tag or commit of it on the hub")
    add(
        "--data",
        action="append",
        metavar="FILE[:WEIGHT]",
        help="labelled solutions, several times; an epoch sees each row WEIGHT times (default: 1)",
    )
    add(
        "--made",
        type=int,
        metavar="N",
        help="beside the data, or alone, N generated solutions and spoiled ones of GSM8K",
    )
    add(
        "--neutral",
        choices=("right", "wrong"),
        help="what PRM800K's neutral steps count as (default: right)",
    )
    add("--validation", metavar="FILE", help="labelled solutions to measure on after each epoch")
    add("--validation-share", type=float, metavar="X", help="or this share of the problems")
    add("--template", metavar="FILE", help="a prm.json: text and markers around problem and steps")
    add("--mode", choices=MODES, help="what learns (default: full)")
    for name, kind, text in (
        ("epochs", float, "default: 1"),
        ("batch-size", int, "rows per process and forward pass (default: 8)"),
        ("accumulate", int, "forward passes per step (default: 1)"),
        (
            "learning-rate",
            float,
            "default: " + ", ".join(f"{rate:g} ({mode})" for mode, (rate, _) in MODES.items()),
        ),
        ("blind", float, "share of the steps of which it sees the calculator alone (default: 0)"),
        ("dropout", float, "share of the hidden state that the head does not see (default: 0.1)"),
        ("max-tokens", int, "longer rows are left out (default: what the backbone reads)"),
        ("lora-rank", int, "default: 16"),
        ("lora-alpha", int, "default: 32"),
    ):
        add(f"--{name}", type=kind, metavar="X" if kind is float else "N", help=text)
    add(
        "--evidence",
        metavar="KINDS",
        help="what the head sees beside the hidden state: lm (the model's own probabilities of "
        "digits and signs), calculator, or lm,calculator (default: what the template says)",
    )
    add(
        "--head-units",
        type=int,
        metavar="N",
        help="size of a hidden layer on the evidence; 0 for none (default: what the template says)",
    )
    add("--gradient-checkpointing", action="store_true", help="less memory, a third slower")
    add(
        "--without-backbone",
        action="store_true",
        help="mode head: write the head alone; loading it finds the backbone by its name again",
    )


def _scratch_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--gsm8k",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="FILE",
        help="JSONL (or .jsonl.gz) of GSM8K's problems and steps, calculator marks included "
        "(default: the training part, which comes along)",
    )
    group.add_argument(
        "--start",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="DIRECTORY",
        help="a model that was trained from scratch here, to go on from; it has its own shape",
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
_TUNE_TOO = {"data", "made", "neutral", "validation", "validation_share", "template"}
_SCRATCH = {f.name for f in fields(ScratchConfig)}


def main(options: argparse.Namespace) -> int:
    """`train`: a model in a directory; how it goes is said on stderr."""
    first = os.environ.get("RANK", "0") == "0"  # of several processes only one speaks
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
        raise BadOptionError(f"--start brings its own shape; leave out --{name}")
    config = ScratchConfig(**{name: given[name] for name in _SCRATCH & given.keys()})
    path = given.get("gsm8k", assets_dir() / "gsm8k" / "train.jsonl.gz")
    plans = read_plans(read_solutions(path))
    _log.info("%d solutions of %s can be spoiled", len(plans), path)
    train_from_scratch(config, loss, run_config, gsm8k=plans, start=given.get("start"))


def _on_a_backbone(given: dict[str, Any], loss: Loss, run_config: RunConfig) -> None:
    """Read the data that the options name, and train on them."""
    from prm_core.models.weight_files import read_json
    from prm_core.training.data import hold_out, made_source, read_source, without_problems
    from prm_core.training.tune import fine_tune

    if not given.get("data") and "made" not in given:
        raise BadOptionError("there is nothing to learn from; give --data FILE, or --made N")
    if {"validation", "validation_share"} <= given.keys():
        raise BadOptionError("--validation and --validation-share exclude each other")
    right = given.get("neutral") != "wrong"
    sources = [read_source(text, neutral_is_right=right) for text in given.get("data", [])]
    if "made" in given:
        plans = read_plans(read_solutions(assets_dir() / "gsm8k" / "train.jsonl.gz"))
        sources.append(made_source(given["made"], run_config.seed, plans))
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

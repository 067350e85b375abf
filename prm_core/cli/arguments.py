"""Arguments that several commands share, and the scorer that they ask for."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from prm_core.endpoint import API_KEY
from prm_core.errors import BadOptionError
from prm_core.steps import find_steps, unescaped

if TYPE_CHECKING:
    from prm_core.remote import RemoteScorer
    from prm_core.scorer import Scorer


def model_arguments(parser: argparse.ArgumentParser) -> None:
    """The model, here or on a server."""
    parser.add_argument(
        "--model",
        help="directory or hub name of a model (default: the one that ships with the project)",
    )
    parser.add_argument(
        "--server",
        metavar="URL",
        help="a vLLM server that runs the model (http://127.0.0.1:8000); --model then names where "
        f"its tokenizer is, and a key comes from {API_KEY}",
    )
    parser.add_argument(
        "--server-model", metavar="NAME", help="the model's name on the server, if it is another"
    )
    loading_arguments(parser)


def loading_arguments(parser: argparse.ArgumentParser) -> None:
    """How a model is loaded here."""
    parser.add_argument("--family", help="how to read a model that does not say it itself")
    parser.add_argument("--revision", help="branch, tag or commit of a model on the hub")
    parser.add_argument(
        "--reference", help="directory or hub name of the second model, for families that need one"
    )
    parser.add_argument(
        "--separator",
        type=unescaped,
        metavar="TEXT",
        help=r"text after each step, for models that do not say it; \n is a line end",
    )
    parser.add_argument(
        "--device",
        default="auto",
        help="auto, cpu, cuda, cuda:1, mps, or all: spread over all GPUs, and CPU memory where "
        "these do not suffice (default: auto)",
    )
    parser.add_argument(
        "--dtype", default="auto", help="auto, float32, bfloat16 or float16 (default: auto)"
    )
    parser.add_argument(
        "--quantize",
        choices=("8bit", "4bit"),
        help="hold the weights so (with bitsandbytes): a half or a quarter of bfloat16's memory, "
        "and scores that are only near the model's",
    )


def load(options: argparse.Namespace) -> Scorer | RemoteScorer:
    """The scorer that the options ask for."""
    if options.server is not None:
        return _open_server(options)
    if options.server_model is not None:
        raise BadOptionError("--server-model is a name on a server; give its address (--server)")
    from prm_core.scorer import load_scorer

    return load_scorer(
        options.model,
        device=options.device,
        dtype=options.dtype,
        quantize=options.quantize,
        revision=options.revision,
        family=options.family,
        separator=options.separator,
        reference=options.reference,
    )


def _open_server(options: argparse.Namespace) -> RemoteScorer:
    """The scorer behind an address."""
    for name in ("device", "dtype", "quantize"):
        if getattr(options, name) not in ("auto", None):
            raise BadOptionError(f"--{name} means nothing with --server; the server has its own")
    from prm_core.remote import open_server

    return open_server(
        options.server,
        options.model,
        served_as=options.server_model,
        revision=options.revision,
        family=options.family,
        separator=options.separator,
        api_key=os.environ.get(API_KEY, "").strip(),
    )


def step_rule(text: str) -> str:
    """An option's value as a rule that `split_steps` knows."""
    try:
        find_steps("", text)
    except BadOptionError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return text


def positive(text: str) -> int:
    """An option's value as a whole number above 0."""
    value = int(text)  # argparse turns a ValueError into a sentence
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def probability(text: str) -> float:
    """An option's value as a number from 0 to 1."""
    value = float(text)  # argparse turns a ValueError into a sentence
    if not 0.0 <= value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text} is outside 0 to 1")
    return value

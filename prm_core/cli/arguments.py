"""Arguments that several commands share, and the scorer that they ask for."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING, TypeAlias

from prm_core.endpoint import API_KEY
from prm_core.errors import BadOptionError
from prm_core.steps import find_steps, unescaped
from prm_core.verifiers import VERIFIERS, VerifierScorer, form_of, open_verifier

if TYPE_CHECKING:
    from prm_core.remote import RemoteScorer
    from prm_core.scorer import Scorer

AnyScorer: TypeAlias = "Scorer | RemoteScorer | VerifierScorer"
"""What the options may ask for."""


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
        f"its tokenizer is, and a key comes from {API_KEY}. With --family {' or '.join(VERIFIERS)} "
        "any server that speaks OpenAI's protocol, whose model writes its verdicts",
    )
    parser.add_argument(
        "--server-model", metavar="NAME", help="the model's name on the server, if it is another"
    )
    parser.add_argument(
        "--samples",
        type=positive,
        metavar="N",
        help="models that write: how many times each solution is judged (default: 1)",
    )
    parser.add_argument(
        "--max-tokens",
        type=positive,
        metavar="N",
        help="models that write: longest reply (default: what the model's authors allow)",
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


def load(options: argparse.Namespace) -> AnyScorer:
    """The scorer that the options ask for."""
    if form_of(options.model, options.family) is None:
        for name in ("samples", "max_tokens"):
            if getattr(options, name) is not None:
                raise BadOptionError(
                    f"--{name.replace('_', '-')} is for models that write their verdicts "
                    f"(--family {', '.join(VERIFIERS)})"
                )
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
        keep_bytes=0,  # every problem comes once, and a resumed run must give the same bits
    )


def _open_server(options: argparse.Namespace) -> RemoteScorer | VerifierScorer:
    """The scorer behind an address."""
    for name in ("device", "dtype", "quantize"):
        if getattr(options, name) not in ("auto", None):
            raise BadOptionError(f"--{name} means nothing with --server; the server has its own")
    key = os.environ.get(API_KEY, "").strip()
    form = form_of(options.model, options.family)
    if form is not None:
        for name in ("revision", "separator", "reference"):
            if getattr(options, name) is not None:
                raise BadOptionError(f"--{name} means nothing to a model that writes its verdicts")
        return open_verifier(
            options.server,
            options.model,
            form,
            served_as=options.server_model,
            n_samples=options.samples or 1,
            max_tokens=options.max_tokens,
            api_key=key,
        )
    from prm_core.remote import open_server

    return open_server(
        options.server,
        options.model,
        served_as=options.server_model,
        revision=options.revision,
        family=options.family,
        separator=options.separator,
        api_key=key,
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

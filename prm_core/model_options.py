"""Which model, and how: the same options on the command line and in the page's model field.

A line of that field is a model's name followed by the command line's options, such as
"my-trl-model --separator '\\n'" or "launch/ThinkPRM-7B --server http://127.0.0.1:8000".
"""

from __future__ import annotations

import argparse
import re
import shlex
from dataclasses import fields
from typing import NoReturn

from prm_core.errors import BadOptionError
from prm_core.http_client import API_KEY
from prm_core.text.steps import unescaped
from prm_core.types import QUANTIZED, ModelRequest
from prm_core.verifiers import VERIFIERS


def model_arguments(parser: argparse.ArgumentParser) -> None:
    """Which model, here or on a server, and how it is loaded."""
    parser.add_argument(
        "--model",
        help="directory or Hub name of a model (default: the one that ships with the project)",
    )
    server_arguments(parser)
    loading_arguments(parser)


def server_arguments(parser: argparse.ArgumentParser) -> None:
    """A server that runs the model, and options for generative verifiers."""
    parser.add_argument(
        "--server",
        metavar="URL",
        help=(
            "address of a vLLM server that runs the model (http://127.0.0.1:8000); --model then "
            "names the directory or repository of its tokenizer, and the API key is read from "
            f"{API_KEY}. For a generative verifier (--family {', '.join(VERIFIERS)}): any "
            "OpenAI-compatible server that runs it"
        ),
    )
    parser.add_argument(
        "--server-model", metavar="NAME", help="the model's name on the server, if it differs"
    )
    parser.add_argument(
        "--samples",
        type=positive,
        metavar="N",
        help="generative verifiers: how many times each solution is judged (default: 1)",
    )
    parser.add_argument(
        "--max-tokens",
        type=positive,
        metavar="N",
        help=(
            "generative verifiers: most tokens of one reply (default: what the model's authors "
            "allow)"
        ),
    )


def loading_arguments(parser: argparse.ArgumentParser) -> None:
    """How a model is loaded here."""
    parser.add_argument("--family", help="the model's family, if it cannot be detected")
    parser.add_argument("--revision", help="branch, tag or commit of a model on the Hub")
    parser.add_argument(
        "--reference", help="directory or Hub name of the second model, for families that need one"
    )
    parser.add_argument(
        "--separator",
        type=unescaped,
        metavar="TEXT",
        help=r"text after each step, if the model's files do not say it; \n is a line break",
    )
    parser.add_argument(
        "--device",
        default="auto",
        help=(
            "auto, cpu, cuda, cuda:1, mps, or all (spread over all GPUs, and over CPU memory if "
            "they are too small); default: auto"
        ),
    )
    parser.add_argument(
        "--dtype", default="auto", help="auto, float32, bfloat16 or float16 (default: auto)"
    )
    parser.add_argument(
        "--quantize",
        choices=QUANTIZED,
        help=(
            "load the weights in 8 or 4 bits (with bitsandbytes): a half or a quarter of the "
            "memory of bfloat16, but the scores are only close to the model's"
        ),
    )


def positive(text: str) -> int:
    """An option's value as a whole number above 0."""
    value = int(text)  # argparse turns a ValueError into a sentence
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


class _LineParser(argparse.ArgumentParser):
    """Raises what the command line prints before it exits."""

    def error(self, message: str) -> NoReturn:
        raise BadOptionError(f"the model's options cannot be read: {message}")


def name_and_options(line: str) -> tuple[str, str]:
    """A model's name, which may contain spaces, and the options after it.

    >>> name_and_options("my models/one --family pure"), name_and_options("owner/name")
    (('my models/one', '--family pure'), ('owner/name', ''))
    """
    name, *options = re.split(r"(?:^|\s)(?=--)", line.strip(), maxsplit=1)
    return name.strip(), "".join(options)


def read_line(line: str) -> ModelRequest:
    r"""The request that a line such as "my-trl-model --separator '\n'" describes.

    A value may be quoted. A backslash is an ordinary character here, unlike in a shell, so
    `--separator \n` means the same without quotes.

    Raises:
        BadOptionError: an option or its value is not known, or a quote is not closed.
    """
    name, options = name_and_options(line)
    words = shlex.shlex(options, posix=True, punctuation_chars=False)
    words.whitespace_split, words.escape, words.commenters = True, "", ""
    parser = _LineParser(add_help=False, allow_abbrev=False)
    server_arguments(parser)
    loading_arguments(parser)
    try:
        read = parser.parse_args(list(words), argparse.Namespace(model=name or None))
    except ValueError as error:
        raise BadOptionError(f"the model's options cannot be read: {error}") from error
    return request_of(read)


def request_of(options: argparse.Namespace) -> ModelRequest:
    """The request that `model_arguments`, or `loading_arguments` and a model, describe."""
    names = {one.name for one in fields(ModelRequest)}
    return ModelRequest(**{name: value for name, value in vars(options).items() if name in names})

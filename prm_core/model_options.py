"""Which model, and how: the same options on the command line and in the page's model field.

A line of that field is a model's name with the command line's options behind it, such as
"my-trl-model --separator '\\n'" or "launch/ThinkPRM-7B --server http://127.0.0.1:8000".
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, NoReturn

from prm_core.endpoint import API_KEY
from prm_core.errors import BadOptionError
from prm_core.steps import unescaped
from prm_core.types import StepScorer
from prm_core.verifiers import VERIFIERS, form_of, open_verifier

if TYPE_CHECKING:
    from prm_core.scorer import Scorer


def model_arguments(parser: argparse.ArgumentParser) -> None:
    """Which model, here or on a server, and how it is loaded."""
    parser.add_argument(
        "--model",
        help="directory or hub name of a model (default: the one that ships with the project)",
    )
    server_arguments(parser)
    loading_arguments(parser)


def server_arguments(parser: argparse.ArgumentParser) -> None:
    """A server that runs the model, and what is asked of one that writes."""
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
    """A model's name, which may hold spaces, and the options behind it.

    >>> name_and_options("my models/one --family pure"), name_and_options("owner/name")
    (('my models/one', '--family pure'), ('owner/name', ''))
    """
    name, *options = re.split(r"(?:^|\s)(?=--)", line.strip(), maxsplit=1)
    return name.strip(), "".join(options)


def read_line(line: str) -> argparse.Namespace:
    r"""What `model_arguments` would give for a line such as "my-trl-model --separator '\n'".

    Quotes may stand around a value. A backslash is an ordinary character here, unlike in a shell,
    so `--separator \n` means the same without them.

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
        return parser.parse_args(list(words), argparse.Namespace(model=name or None))
    except ValueError as error:
        raise BadOptionError(f"the model's options cannot be read: {error}") from error


def load(
    options: argparse.Namespace,
    *,
    keep: bool = False,
    send_key: bool = True,
    turn: AbstractContextManager[object] | None = None,
) -> StepScorer:
    """The scorer that the options of `model_arguments` ask for.

    Args:
        options: which model, and how.
        keep: whether what was computed for a problem may stay for the next call. In files every
            problem comes once, and a resumed run must give the same bits.
        send_key: whether a server gets the key of the environment.
        turn: as `load_scorer` takes it.

    Raises:
        BadOptionError: options contradict each other, or have unknown values.
        ModelError: the model cannot be loaded, or its server does not answer as it should.
    """
    if form_of(options.model, options.family) is None:
        for name in ("samples", "max_tokens"):
            if getattr(options, name) is not None:
                raise BadOptionError(
                    f"--{name.replace('_', '-')} is for models that write their verdicts "
                    f"(--family {', '.join(VERIFIERS)})"
                )
    if options.server is not None:
        return _open_server(options, os.environ.get(API_KEY, "").strip() if send_key else "")
    if options.server_model is not None:
        raise BadOptionError("--server-model is a name on a server; give its address (--server)")
    return load_here(options, keep=keep, turn=turn)


@contextmanager
def loaded(options: argparse.Namespace) -> Iterator[StepScorer]:
    """As `load`, closed in the end: what still waits for a server would keep the process alive."""
    scorer = load(options)
    try:
        yield scorer
    finally:
        scorer.close()


def load_here(
    options: argparse.Namespace,
    *,
    keep: bool,
    turn: AbstractContextManager[object] | None = None,
) -> Scorer:
    """The model on this machine that the options of `loading_arguments` ask for.

    Raises: as `load_scorer`.
    """
    from prm_core.scorer import KEEP_BYTES, load_scorer

    return load_scorer(
        options.model,
        device=options.device,
        dtype=options.dtype,
        quantize=options.quantize,
        revision=options.revision,
        family=options.family,
        separator=options.separator,
        reference=options.reference,
        keep_bytes=KEEP_BYTES if keep else 0,
        turn=turn,
    )


def _open_server(options: argparse.Namespace, key: str) -> StepScorer:
    """The scorer behind an address."""
    for name in ("device", "dtype", "quantize"):
        if getattr(options, name) not in ("auto", None):
            raise BadOptionError(f"--{name} means nothing with --server; the server has its own")
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
    if options.reference is not None:
        raise BadOptionError("--reference means nothing with --server, which runs one model")
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

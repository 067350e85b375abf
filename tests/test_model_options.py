"""The options of a model: on the command line and in one line of text."""

from __future__ import annotations

import argparse
import pickle
from dataclasses import FrozenInstanceError

import pytest

from prm_core.errors import BadOptionError
from prm_core.model_options import model_arguments, read_line, request_of
from prm_core.scoring.open import open_scorer
from prm_core.types import ModelRequest


def on_the_command_line(*words: str) -> ModelRequest:
    parser = argparse.ArgumentParser()
    model_arguments(parser)
    return request_of(parser.parse_args(words))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", ""),
        ("owner/name", "--model owner/name"),
        ("  my models/it's one  ", ("--model", "my models/it's one")),
        (r"C:\models\one --family pure", ("--model", r"C:\models\one", "--family", "pure")),
        (r"m --separator \n", ("--model", "m", "--separator", "\n")),
        (r"m --separator '\n\n'", ("--model", "m", "--separator", "\n\n")),
        (r'm --separator "# \n"', ("--model", "m", "--separator", "# \n")),
        ("m --separator=' '", ("--model", "m", "--separator", " ")),
        (
            "m  --server http://127.0.0.1:80/v1 --family critic --samples 4 --max-tokens 9",
            "--model m --server http://127.0.0.1:80/v1 --family critic --samples 4 --max-tokens 9",
        ),
        (
            "m --device cpu --dtype bfloat16 --quantize 4bit --revision a --reference 'b'",
            "--model m --device cpu --dtype bfloat16 --quantize 4bit --revision a --reference b",
        ),
        ("--server http://x", "--server http://x"),
    ],
)
def test_a_line_means_what_the_command_line_means(line: str, words: str | tuple[str, ...]) -> None:
    words = words.split() if isinstance(words, str) else words
    assert read_line(line) == on_the_command_line(*words)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("m --famly pure", "unrecognized arguments: --famly pure"),
        ("m --fam pure", "unrecognized arguments"),
        ("m --family", "--family: expected one argument"),
        ("m --family pure owner/name", "unrecognized arguments: owner/name"),
        ("m --model other", "unrecognized arguments: --model"),
        ("m --quantize 3bit", "invalid choice: '3bit'"),
        ("m --samples 0", "0 is not above 0"),
        ("m --samples many", "invalid positive value: 'many'"),
        ("m --separator 'x", "No closing quotation"),
        ("m --help", "unrecognized arguments: --help"),
    ],
)
def test_a_line_that_cannot_be_read_is_told(line: str, expected: str) -> None:
    with pytest.raises(BadOptionError, match="the model's options cannot be read") as raised:
        read_line(line)
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("m --server http://127.0.0.1:9 --reference r", "--reference does not apply with --server"),
        ("--revision main", "a revision is for models on the Hub"),
    ],
)
def test_what_would_not_be_used_is_refused(line: str, expected: str) -> None:
    with pytest.raises(BadOptionError, match=expected):
        open_scorer(read_line(line))


def test_a_request_is_sent_to_other_processes() -> None:
    request = read_line("m --family pure --device cpu --samples 2")
    assert request == ModelRequest("m", "pure", device="cpu", samples=2)
    assert pickle.loads(pickle.dumps(request)) == request
    with pytest.raises(FrozenInstanceError):
        request.model = "other"  # type: ignore[misc]

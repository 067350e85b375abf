"""TRL's process reward models and PURE: a token classifier read at the separator after a step.

TRL's `PRMTrainer` trains `…ForTokenClassification` with two labels, `score.weight` (2, H) and
`score.bias` (2); LABEL_1 is "right", unless config.json names the labels differently. Prompt, steps
and separators are each encoded on their own and concatenated, with BOS first if the tokenizer has
one; the last token of a separator carries the label. There is no separator between the prompt and
the first step (the documentation's snippet for inference has one, training does not). Source:
huggingface/trl, trl/experimental/prm/prm_trainer.py.

The separator is not in the checkpoint: it comes from the table of known models or from the user,
and is never guessed. TRL's default is a line end, its recipe for PRM800K a blank line.

PURE (jinachris/PURE-PRM-7B) is such a model of two classes whose reward is r = p(right) - p(wrong)
in [-1, 1]. Here the probability is (r + 1) / 2 = p(right), and r is given as "raw". Its
card and its training use a line end as separator. Source: CJReinforce/PURE. Nothing in config.json
distinguishes it from TRL's, so it is recognised by its name or given with `--family`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.families.base import Checkpoint, Evidence, Family, OpenedModel
from prm_core.families.prompt import CUT, READ, Part, assemble
from prm_core.types import Candidate, Encoded

_SAYS = dict.fromkeys(("correct", "right", "good", "positive", "true", "valid", "yes", "+"), True)
_SAYS |= dict.fromkeys(
    ("incorrect", "wrong", "bad", "negative", "false", "invalid", "error", "mistake", "no", "-"),
    False,
)
_SAYS |= {"pos": True, "neg": False, "ok": True}
"""Whether a label's words mean right or wrong."""


def right_class(labels: Mapping[Any, str], source: Path) -> int:
    """Which of two classes is "right".

    Args:
        labels: config.json's `id2label`.
        source: the file, for messages.

    Returns:
        1, TRL's convention, if the labels are placeholders such as LABEL_0 and LABEL_1.

    Raises:
        ModelLoadError: their names do not say it, or contradict each other.
    """
    names = [str(labels.get(i, "")) for i in (0, 1)]
    if all(re.fullmatch(rf"([a-z]*[ _-]*{i})?", name.lower()) for i, name in enumerate(names)):
        return 1
    said = [_verdict(name) for name in names]
    if sorted(map(str, said)) == ["False", "True"]:
        return said.index(True)
    raise ModelLoadError(
        f"{source}: the labels {names[0]!r} and {names[1]!r} (id2label) do not say which class is "
        'a right step; name the one "incorrect" and the other "correct" there, as it was trained'
    )


def _verdict(name: str) -> bool | None:
    """Whether a label calls a step right; None if it does not say."""
    words = re.findall(r"[^\W_]+", name.lower()) or re.findall("[+-]", name)
    turned = len(words) > 1 and words[0] in ("not", "no", "non", "un")
    found = {_SAYS[word] for word in words[turned:] if word in _SAYS}
    return (next(iter(found)) is not turned) if len(found) == 1 else None


def open_trl(checkpoint: Checkpoint) -> OpenedModel:
    """Open a checkpoint.

    Raises:
        BadOptionError: no separator was given, or it has no token.
        ModelLoadError: the head is missing or misshapen, or the labels' names contradict it.
    """
    tokenizer = checkpoint.tokenizer
    if checkpoint.separator is None:
        raise BadOptionError(
            f"{checkpoint.directory} does not say which text was put after each step in training; "
            r"give it as separator (--separator '\n' is TRL's default, '\n\n' is frequent too)"
        )
    separator: list[Part] = list(tokenizer.encode(checkpoint.separator, add_special_tokens=False))
    if not separator:
        raise BadOptionError(f"separator {checkpoint.separator!r} has no token in this tokenizer")
    weight = checkpoint.tensor("score.weight", (2, checkpoint.n_hidden))
    bias = checkpoint.tensor("score.bias", (2,))
    right = right_class(
        checkpoint.backbone.config.id2label or {}, checkpoint.directory / "config.json"
    )
    bos = tokenizer.bos_token_id
    prefix: list[Part] = [bos] if isinstance(bos, int) else []

    def encode(candidate: Candidate) -> Encoded:
        parts = [*prefix, candidate.problem]
        for step in candidate.steps:
            parts += [CUT, step, *separator, READ]
        return assemble(tokenizer, parts)

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        both = functional.linear(hidden.float(), weight, bias)  # [S, 2]
        return both[:, right] - both[:, 1 - right]

    return OpenedModel(encode, read)


def open_pure(checkpoint: Checkpoint) -> OpenedModel:
    """Like `open_trl`, with a line end as separator unless another is named, and the raw reward."""
    if checkpoint.separator is None:
        checkpoint = replace(checkpoint, separator="\n")
    opened = open_trl(checkpoint)

    def raw(hidden: Tensor) -> Tensor:
        return torch.tanh(opened.readout(hidden) / 2)  # p(right) - p(wrong)

    return replace(opened, extras={"raw": raw})


def recognises_trl(config: Mapping[str, Any], tensors: frozenset[str]) -> bool:
    """Whether config.json names a token classifier, and the head's tensor has two labels."""
    kinds = config.get("architectures") or [""]
    return len(kinds) == 1 and str(kinds[0]).endswith("ForTokenClassification")


TRL = Family(
    name="trl",
    summary="Two classes at the separator after each step, which must be named; softmax.",
    open=open_trl,
    recognises=recognises_trl,
    takes=("separator",),
)

PURE = Family(
    name="pure",
    summary='As trl; the reward p(right) - p(wrong) is given as "raw".',
    open=open_pure,
    takes=("separator",),
)

r"""ReasonEval: three classes at the end of each step, so a step can be right and still redundant.

GAIR/ReasonEval-7B (on WizardMath, Mistral) and -34B (on llemma, Llama), "Evaluating Mathematical
Reasoning Beyond Accuracy" (arXiv 2404.05692): `score_head.weight` (3, H) without bias, softmax
over negative, neutral, positive. A step's validity is neutral + positive and is the probability
here; its redundancy is neutral, given as "redundancies".

    Question:\n{problem}\nAnswer:\nLet's think step by step.\n{step}{step}…

The authors put the tokenizer's padding token after the prompt and after each step, encode all of
it, and remove these tokens again; so every piece is encoded on its own and there is nothing between
the steps. The score is read at the last token of a step.

There is one exception, which affects the published numbers of the 7B model: its padding token is
its BOS, so the script removes BOS as well, finds the places, and then puts BOS back at the start.
Every place is one token early. `reason_eval` does the same for the 7B model; `reason_eval_end`
reads the natural place. Source: GAIR-NLP/ReasonEval, codes/examples.py; config.json of the 7B model
says `score_dimension`, that of the 34B model `score_dim`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from prm_core.families.base import Checkpoint, Evidence, Family, OpenedModel
from prm_core.families.prompt import CUT, READ, Part, assemble
from prm_core.types import Candidate, Encoded


def open_reason_eval(checkpoint: Checkpoint, offset: int | None = None) -> OpenedModel:
    """Open a checkpoint.

    Args:
        checkpoint: its backbone and tokenizer are loaded.
        offset: where to read, counted from the last token of a step; None for the place in the
            authors' script for a model of this size.

    Raises:
        ModelLoadError: the head is missing or misshapen.
    """
    tokenizer = checkpoint.tokenizer
    weight = checkpoint.tensor("score_head.weight", (3, checkpoint.n_hidden))
    prefix = checkpoint.prefix()
    if offset is None:
        offset = -1 if hasattr(checkpoint.backbone.config, "score_dimension") else 0

    def encode(candidate: Candidate) -> Encoded:
        prompt = f"Question:\n{candidate.problem}\nAnswer:\nLet's think step by step.\n"
        parts: list[Part] = [*prefix, prompt]
        for step in candidate.steps:
            parts += [CUT, step, READ]
        encoded = assemble(tokenizer, parts)
        return replace(encoded, positions=tuple(p + offset for p in encoded.positions))

    def classes(hidden: Tensor) -> Tensor:  # [S, 3]
        return functional.linear(hidden.float(), weight)

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        logits = classes(hidden)
        return logits[:, 1:].logsumexp(dim=1) - logits[:, 0]

    def redundancies(hidden: Tensor) -> Tensor:
        return torch.softmax(classes(hidden), dim=1)[:, 1]

    return OpenedModel(encode, read, extras={"redundancies": redundancies})


def recognises_reason_eval(config: Mapping[str, Any], tensors: frozenset[str]) -> bool:
    """Whether config.json gives the size of the head under one of its two names."""
    return {"score_dimension", "score_dim"} & config.keys() != set()


REASON_EVAL = Family(
    name="reason_eval",
    summary="Three classes at the end of each step: validity, and redundancies as an extra.",
    open=open_reason_eval,
    recognises=recognises_reason_eval,
)

REASON_EVAL_END = Family(
    name="reason_eval_end",
    summary="As reason_eval, always at a step's last token; the 7B script reads one earlier.",
    open=lambda checkpoint: open_reason_eval(checkpoint, offset=0),
)

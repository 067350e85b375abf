"""What a PRM family is: data plus one function that opens a checkpoint.

A checkpoint, once opened, is two functions: how a candidate becomes token ids with the positions
that are read (`encode`), and how the hidden states at these positions become log-odds
(`readout`). What a checkpoint decides for itself (its template, its marker, its threshold) is
settled when it is opened. Backbone, packing, batching, order, device and dtype live in
`prm_core.scorer`, once for all families.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prm_core.types import Candidate, Encoded


@dataclass(frozen=True, slots=True)
class Evidence:
    """Tokens whose own probability a readout wants to see, with where they stand.

    Attributes:
        hidden: [E, H]; hidden state one token before each of them.
        token_ids: [E] int64; the tokens themselves.
        step: [E] int64; which of the S steps each belongs to.
    """

    hidden: Tensor
    token_ids: Tensor
    step: Tensor


class Readout(Protocol):
    """Hidden states at the step positions → log-odds that each step is right."""

    def __call__(self, hidden: Tensor, evidence: Evidence | None = None, /) -> Tensor:
        """
        Args:
            hidden: [S, H], any float dtype; last layer, after the final norm, at the positions.
            evidence: what `Encoded.evidence` asked for; None when it was empty.

        Returns:
            [S] float32 log-odds on hidden's device.
        """
        ...


@dataclass(frozen=True, slots=True)
class Opened:
    """A family's checkpoint, ready to use.

    Attributes:
        encode: candidate → ids and positions.
        readout: hidden states → log-odds; its tensors lie on the backbone's device.
        threshold: below this probability a step counts as wrong.
    """

    encode: Callable[[Candidate], Encoded]
    readout: Readout
    threshold: float


@dataclass(frozen=True, slots=True)
class Family:
    """Models that are prompted and read in the same way.

    Attributes:
        name: what `--family` and checkpoints say.
        summary: one sentence for lists: the form of the head, and where it is read.
        open: (checkpoint directory, loaded backbone, tokenizer) → `Opened`; raises ModelLoadError
            when a file, a key or a tensor is missing or malformed, and names it.
    """

    name: str
    summary: str
    open: Callable[[Path, PreTrainedModel, PreTrainedTokenizerBase], Opened]

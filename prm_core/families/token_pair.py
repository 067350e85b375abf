"""For families whose models answer with one of two words: "right" or "wrong" as tokens.

A softmax over two rows of the language model's head is a sigmoid of one product with their
difference, so the other rows are never touched.
"""

from __future__ import annotations

from torch import Tensor

from prm_core.families.base import Checkpoint, Evidence, Readout


def pair_readout(checkpoint: Checkpoint, good: int, bad: int) -> Readout:
    """The log-odds of one token against another at the positions that are read.

    Args:
        checkpoint: where the head's rows are.
        good, bad: token ids.

    Raises:
        ModelLoadError: the LM head is missing.
    """
    rows = checkpoint.lm_head([good, bad]).float()
    difference = rows[0] - rows[1]  # [H]

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        return hidden.float() @ difference

    return read

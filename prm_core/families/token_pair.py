"""What families share whose models answer with one of two words: "right" or "wrong" as tokens.

A softmax over two rows of the language model's head is a sigmoid of one product with their
difference, so the other rows are never touched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import Tensor

from prm_core.families.base import Checkpoint, Evidence, Readout
from prm_core.steps import step_content

_STEP = re.compile(r"step\s*\d+\s*[:.]", re.IGNORECASE)


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


def numbered(steps: Sequence[str]) -> list[str]:
    """Steps that begin with "Step k:", as some templates want it; one that does is left alone.

    >>> numbered(["Step 1: 3 + 2 = 5.", "2) So 5."])
    ['Step 1: 3 + 2 = 5.', 'Step 2: So 5.']
    """
    return [
        step.strip() if _STEP.match(step.strip()) else f"Step {number}: {step_content(step)}"
        for number, step in enumerate(steps, start=1)
    ]

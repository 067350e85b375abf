"""What training minimises: cross-entropy per step, its variants, and a language-model term.

The plain form is the textbook's: binary cross-entropy on the log-odds of every labelled step,
averaged over all steps of the batch. Each variant changes one thing:

- `pos_weight`: the weight of right steps, for data with few wrong (or right) steps;
- `later`: a later step weighs more than an earlier one; a solution's weights still average 1;
- `mask_after_error`: what follows the first wrong step does not count;
- `ranking`: every right step of a solution should have higher log-odds than every wrong one.

All averages are over everything in an optimizer step, not over its parts: a batch of 8 gives the
same gradient as two accumulated ones of 4. So the sums are divided by `totals`, which the trainer
adds up over the parts and over all processes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn import functional

from prm_core.errors import BadOptionError

UNLABELLED = -1.0
"""The label in a batch for a step without one."""


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss and its variants; the defaults are the plain form.

    Attributes:
        pos_weight: the weight of a right step.
        later: step i of S has the weight 2 (i + 1) / (S + 1) instead of 1.
        mask_after_error: steps after the first wrong one have the weight 0.
        ranking: weight of the ranking term; 0 for none.
        lm_weight: weight of the language-model term; 0 for none.
    """

    pos_weight: float = 1.0
    later: bool = False
    mask_after_error: bool = False
    ranking: float = 0.0
    lm_weight: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < math.inf or (name == "pos_weight" and value == 0):
                limit = "above 0" if name == "pos_weight" else "at least 0"
                raise BadOptionError(f"{name} is {value}; it must be {limit}")

    def step_weights(self, labels: Sequence[float | None]) -> list[float]:
        """The weight of each step of a solution.

        >>> Loss(later=True, mask_after_error=True).step_weights([1.0, None, 0.0, 1.0])
        [0.4, 0.0, 1.2, 0.0]
        """
        n = len(labels)
        error = next((i for i, y in enumerate(labels) if y is not None and y < 0.5), n)
        last = error if self.mask_after_error else n
        return [
            0.0 if y is None or i > last else 2 * (i + 1) / (n + 1) if self.later else 1.0
            for i, y in enumerate(labels)
        ]

    def pairs(self, labels: Sequence[float | None]) -> list[tuple[int, int]]:
        """(right step, wrong step) of all pairs that the ranking term compares.

        >>> Loss(ranking=1.0).pairs([1.0, 0.0, None, 0.9])
        [(0, 1), (3, 1)]
        """
        if not self.ranking:
            return []
        weights = self.step_weights(labels)
        counted = [(i, y) for i, y in enumerate(labels) if y is not None and weights[i]]
        return [(i, j) for i, y in counted for j, z in counted if y >= 0.5 > z]

    def __call__(
        self, logits: Tensor, batch: Mapping[str, Tensor], log_p: Tensor | None, totals: Tensor
    ) -> dict[str, Tensor]:
        """The loss of one batch, and its parts.

        Args:
            logits: [S] float32 log-odds.
            batch: what `prm_core.training.rows.collate` made: labels and step_weights [S], pairs
                [P, 2], target_weights [N].
            log_p: [N]; log-probability of each target under the language model; None without
                that term.
            totals: [3]; sum of the step weights, number of pairs and sum of the target weights
                over everything that the optimizer step sees.

        Returns:
            "loss", and those of "step_loss", "ranking_loss" and "word_loss" that are part of it.
        """
        n_steps, n_pairs, n_words = totals.clamp(min=1e-9).unbind()
        labels = batch["labels"]
        each = functional.binary_cross_entropy_with_logits(
            logits,
            labels.clamp(min=0.0),  # unlabelled steps have the weight 0
            pos_weight=None if self.pos_weight == 1 else logits.new_tensor(self.pos_weight),
            reduction="none",
        )
        step_loss = (each * batch["step_weights"]).sum() / n_steps
        # A separate tensor: the Trainer multiplies the loss in place on several processes.
        parts = {"loss": step_loss.clone(), "step_loss": step_loss}
        if self.ranking:
            right, wrong = batch["pairs"].unbind(1)
            ranking = functional.softplus(logits[wrong] - logits[right]).sum() / n_pairs
            parts["ranking_loss"] = ranking
            parts["loss"] = parts["loss"] + self.ranking * ranking
        if log_p is not None:
            parts["word_loss"] = -(log_p * batch["target_weights"]).sum() / n_words
            parts["loss"] = parts["loss"] + self.lm_weight * parts["word_loss"]
        return parts


def collate_labels(rows: Sequence[Sequence[float | None]], loss: Loss) -> dict[str, Tensor]:
    """The loss's inputs for the steps of several solutions, concatenated.

    Args:
        rows: the labels of each solution; S in all.
        loss: decides how much each step counts and which steps are compared.

    Returns:
        labels and step_weights [S]; pairs [P, 2] (steps in the batch); target_weights [0].
    """
    labels: list[float] = []
    step_weights: list[float] = []
    pairs: list[tuple[int, int]] = []
    for row in rows:
        pairs += [(len(labels) + i, len(labels) + j) for i, j in loss.pairs(row)]
        labels += [UNLABELLED if y is None else y for y in row]
        step_weights += loss.step_weights(row)
    return {
        "labels": torch.tensor(labels),
        "step_weights": torch.tensor(step_weights),
        "pairs": torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2),
        "target_weights": torch.zeros(0),
    }


def totals_of(batch: Mapping[str, Tensor]) -> Tensor:
    """[3] float32: a batch's contribution to `totals`."""
    return torch.stack(
        (
            batch["step_weights"].sum(),
            batch["step_weights"].new_tensor(len(batch["pairs"])),
            batch["target_weights"].sum(),
        )
    )

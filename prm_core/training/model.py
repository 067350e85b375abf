"""What is trained: a stock causal backbone with our value head, or the head alone.

The forward pass shares its path with scoring: `encode` made the ids and positions, the hidden
states are gathered there, and `log_odds` is what a loaded checkpoint reads with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from prm_core.families.base import Evidence
from prm_core.families.heads import ValueHead, token_log_probability
from prm_core.families.value_head import features_of, log_odds
from prm_core.training.loss import Loss, collate_labels, totals_of
from prm_core.training.rows import TrainingRow, collate


class Verifier(nn.Module):
    """A causal language model and a value head on its hidden states.

    Attributes:
        model: the stock model, with its LM head.
        head: the value head.
        loss: what is minimised.
    """

    def __init__(self, model: PreTrainedModel, head: ValueHead, loss: Loss) -> None:
        super().__init__()
        self.model = model
        self.head = head
        self.loss = loss

    @property
    def lm_head(self) -> Tensor:
        """[V, H]; the embedding where the two are tied."""
        weight: Tensor = self.model.get_output_embeddings().weight
        return weight

    def read(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Evidence | None]:
        """(All hidden states [B, T, H], those at the steps [S, H], the evidence, if any)."""
        ids = batch["input_ids"]
        hidden = self.model.base_model(input_ids=ids, use_cache=False).last_hidden_state
        seen = None
        if self.head.calculator or (self.head.evidence and len(batch["evidence"])):
            row, token, step = batch["evidence"].unbind(1)
            said = batch["calculator"] if self.head.calculator else None
            seen = Evidence(hidden[row, token - 1], ids[row, token], step, said)
        return hidden, hidden[batch["rows"], batch["positions"]], seen

    def forward(
        self, num_items_in_batch: Tensor | None = None, **batch: Tensor
    ) -> dict[str, Tensor]:
        """The losses and log-odds of one batch.

        Args:
            num_items_in_batch: [3] `totals`, under the name that the Trainer passes them by; of
                this batch alone when not given.
            batch: what `collate` made.

        Returns:
            "logits" [S] and what `Loss` returns.
        """
        hidden, at_steps, seen = self.read(batch)
        logits = log_odds(self.head, at_steps, seen, self.lm_head)
        log_p = None
        if self.loss.lm_weight:
            before = hidden[batch["target_rows"], batch["target_positions"] - 1]
            log_p = token_log_probability(before, self.lm_head, batch["targets"])
        totals = totals_of(batch) if num_items_in_batch is None else num_items_in_batch
        return {"logits": logits, **self.loss(logits, batch, log_p, totals)}


class HeadOnly(nn.Module):
    """A value head on hidden states that were computed once.

    Attributes:
        head, loss: as in `Verifier`.
    """

    def __init__(self, head: ValueHead, loss: Loss) -> None:
        super().__init__()
        self.head = head
        self.loss = loss

    def forward(
        self, num_items_in_batch: Tensor | None = None, **batch: Tensor
    ) -> dict[str, Tensor]:
        """As `Verifier.forward`, of what `collate_cached` made."""
        logits = self.head(batch["hidden"], batch.get("features"))
        totals = totals_of(batch) if num_items_in_batch is None else num_items_in_batch
        return {"logits": logits, **self.loss(logits, batch, None, totals)}


@dataclass(frozen=True, slots=True)
class CachedRow:
    """What a value head sees of a solution.

    Attributes:
        hidden: [S, H].
        features: [S, F]; None for a head without evidence.
        labels: [S]; as in `TrainingRow`.
    """

    hidden: Tensor
    features: Tensor | None
    labels: tuple[float | None, ...]


@torch.no_grad()
def cache(
    verifier: Verifier, rows: Sequence[TrainingRow], pad: int, batch_size: int
) -> list[CachedRow]:
    """The hidden states (and evidence features) at every row's steps, in float32 on the CPU."""
    verifier.eval()
    device = verifier.head.weight.device
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].input_ids))
    done: dict[int, CachedRow] = {}
    for start in range(0, len(order), batch_size):
        some = order[start : start + batch_size]
        batch = collate([rows[i] for i in some], pad, verifier.loss)
        _, hidden, seen = verifier.read({name: t.to(device) for name, t in batch.items()})
        sizes = [len(rows[i].positions) for i in some]
        features: Iterator[Tensor | None] = iter([None] * len(some))
        found = features_of(verifier.head, len(hidden), seen, verifier.lm_head)
        if found is not None:
            features = iter(found.cpu().split(sizes))
        for i, states in zip(some, hidden.float().cpu().split(sizes), strict=True):
            done[i] = CachedRow(states, next(features), rows[i].labels)
    return [done[i] for i in range(len(rows))]


def collate_cached(rows: Sequence[CachedRow], loss: Loss) -> dict[str, Tensor]:
    """Cached rows one after the other: hidden [S, H]; labels, weights and pairs as `collate`."""
    batch = {
        "hidden": torch.cat([row.hidden for row in rows]),
        **collate_labels([row.labels for row in rows], loss),
    }
    features = [row.features for row in rows if row.features is not None]
    return {**batch, "features": torch.cat(features)} if features else batch


def parameters_that_learn(module: nn.Module) -> dict[str, Any]:
    """The parameters that training changes, by name."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}

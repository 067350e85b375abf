"""The trained module: a stock causal backbone with our value head, or the head alone.

The forward pass is the same as in scoring: `encode` makes the ids and positions, the hidden states
are gathered there, and `log_odds` also reads a loaded checkpoint.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from prm_core.families.base import Evidence
from prm_core.families.heads import ValueHead, token_log_probability
from prm_core.families.value_head import features_of, log_odds, states_of
from prm_core.formats.atomic import file_errors
from prm_core.models.weight_files import read_tensors
from prm_core.training.loss import Loss, collate_labels, totals_of
from prm_core.training.rows import TrainingRow, collate

_log = logging.getLogger("prm_core.training")


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
        """[V, H]; the embedding if the two are tied."""
        weight: Tensor = self.model.get_output_embeddings().weight
        return weight

    def read(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor, Evidence | None]:
        """(All hidden states [B, T, H], those at the steps [S, H], the evidence or None)."""
        ids = batch["input_ids"]
        packed = {name: batch[name] for name in ("position_ids", "attention_mask") if name in batch}
        model = self.model.base_model
        hidden = model(input_ids=ids, use_cache=False, **packed).last_hidden_state
        seen = None
        looks_at_tokens = self.head.evidence or self.head.pooled
        if self.head.calculator or (looks_at_tokens and len(batch["evidence"])):
            row, token, before, step = batch["evidence"].unbind(1)
            said = batch["calculator"] if self.head.calculator else None
            seen = Evidence(hidden[row, before], ids[row, token], step, said)
        return hidden, hidden[batch["rows"], batch["positions"]], seen

    def forward(
        self, num_items_in_batch: Tensor | None = None, **batch: Tensor
    ) -> dict[str, Tensor]:
        """The losses and log-odds of one batch.

        Args:
            num_items_in_batch: [3] `totals`, under the name that the Trainer uses; by default those
                of this batch.
            batch: from `collate`.

        Returns:
            "logits" [S] and what `Loss` returns.
        """
        hidden, at_steps, seen = self.read(batch)
        logits = log_odds(self.head, at_steps, seen, self.lm_head)
        log_p = None
        if self.loss.lm_weight:
            before = hidden[batch["target_rows"], batch["target_positions"]]
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
        """Like `Verifier.forward`, for the output of `collate_cached`."""
        logits = self.head(batch["hidden"], batch.get("features"))
        totals = totals_of(batch) if num_items_in_batch is None else num_items_in_batch
        return {"logits": logits, **self.loss(logits, batch, None, totals)}


@dataclass(frozen=True, slots=True)
class CachedRow:
    """A value head's input for a solution.

    Attributes:
        hidden: [S, H], or [S, 2H]; `states_of`.
        features: [S, F]; None for a head without evidence.
        labels: [S]; as in `TrainingRow`.
    """

    hidden: Tensor
    features: Tensor | None
    labels: tuple[float | None, ...]


_BATCHES_A_PART = 8
"""How many rows are saved at a time: about half a minute of a small model's work."""


def cache(
    verifier: Verifier,
    rows: Sequence[TrainingRow],
    pad: int,
    batch_size: int,
    folder: Path,
    *,
    pack: bool = False,
) -> list[CachedRow]:
    """The head's input for every row, in float32 on the CPU; each row is read once.

    Args:
        verifier: backbone and head; the backbone stays as it is.
        rows: the rows to read.
        pad: as for `collate`.
        batch_size: rows in a forward pass; those of similar length are together.
        folder: where the result is saved, a part at a time, so that a stopped run resumes with
            the same bits. Parts of other rows or another backbone are not used.
        pack: as for `collate`.

    Raises:
        DataError: the folder cannot be written.
    """
    verifier.eval()
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].input_ids))
    if pack:  # a problem's solutions are where its longest one is
        place = {rows[i].problem: place for place, i in enumerate(order)}
        order.sort(key=lambda i: place[rows[i].problem])
    reader = _fingerprint(verifier, batch_size, pad, pack)
    done: dict[int, CachedRow] = {}
    size = batch_size * _BATCHES_A_PART
    for start in range(0, len(order), size):
        some = order[start : start + size]
        part = [rows[i] for i in some]
        key = sha256(f"{reader} {part}".encode()).hexdigest()
        found = _kept(folder / f"{key[:32]}.safetensors", part)
        if found is None:
            batches = (part[i : i + batch_size] for i in range(0, len(part), batch_size))
            found = [row for batch in batches for row in _read_once(verifier, batch, pad, pack)]
            _keep(folder / f"{key[:32]}.safetensors", found)
        done.update(zip(some, found, strict=True))
        _log.info("%s of %s rows are read", f"{len(done):,}", f"{len(rows):,}")
    return [done[i] for i in range(len(rows))]


@torch.no_grad()
def _read_once(
    verifier: Verifier, rows: Sequence[TrainingRow], pad: int, pack: bool
) -> list[CachedRow]:
    """The hidden states (and evidence features) at the steps of one batch."""
    device = verifier.head.weight.device
    batch = collate(rows, pad, verifier.loss, pack=pack)
    _, hidden, seen = verifier.read({name: t.to(device) for name, t in batch.items()})
    sizes = [len(row.positions) for row in rows]
    features: Iterable[Tensor | None] = [None] * len(rows)
    found = features_of(verifier.head, len(hidden), seen, verifier.lm_head)
    if found is not None:
        features = found.float().cpu().split(sizes)
    states = states_of(verifier.head, hidden, seen).float().cpu().split(sizes)
    return [
        CachedRow(one, seen, row.labels)
        for one, seen, row in zip(states, features, rows, strict=True)
    ]


def _fingerprint(verifier: Verifier, batch_size: int, pad: int, pack: bool) -> str:
    """What else determines the bits of a reading: samples of every weight, dtype, device."""
    found = sha256(
        f"{verifier.head.evidence} {verifier.head.pooled} {verifier.head.weight.device} "
        f"{batch_size} {pad} {pack}".encode()
    )
    for name, weight in verifier.model.named_parameters():
        some = weight.detach().flatten()[:: 1 + weight.numel() // 256]
        found.update(f"{name} {weight.dtype} {some.double().cpu().tolist()}".encode())
    return found.hexdigest()


def _keep(file: Path, found: Sequence[CachedRow]) -> None:
    """Write a part, completely or not at all."""
    tensors = {"hidden": torch.cat([row.hidden for row in found])}
    features = [row.features for row in found if row.features is not None]
    if features:
        tensors["features"] = torch.cat(features)
    unfinished = file.with_suffix(f".{os.getpid()}")
    with file_errors(file.parent, "written"):
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, unfinished)
        unfinished.replace(file)


def _kept(file: Path, rows: Sequence[TrainingRow]) -> list[CachedRow] | None:
    """The saved reading of these rows; None if there is none."""
    if not file.is_file():
        return None
    tensors, sizes = read_tensors(file), [len(row.positions) for row in rows]
    hidden = tensors["hidden"].split(sizes)
    features: Iterable[Tensor | None] = [None] * len(rows)
    if "features" in tensors:
        features = tensors["features"].split(sizes)
    return [
        CachedRow(one, seen, row.labels)
        for one, seen, row in zip(hidden, features, rows, strict=True)
    ]


def collate_cached(rows: Sequence[CachedRow], loss: Loss) -> dict[str, Tensor]:
    """Cached rows concatenated: hidden [S, H]; labels, weights and pairs as in `collate`."""
    batch = {
        "hidden": torch.cat([row.hidden for row in rows]),
        **collate_labels([row.labels for row in rows], loss),
    }
    features = [row.features for row in rows if row.features is not None]
    return {**batch, "features": torch.cat(features)} if features else batch


def parameters_that_learn(module: nn.Module) -> dict[str, Any]:
    """The parameters that training changes, by name."""
    return {name: p for name, p in module.named_parameters() if p.requires_grad}

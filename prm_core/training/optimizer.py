"""Muon for the layers' matrices and AdamW for everything else, as one optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Muon, Optimizer


class MuonAndAdamW(Optimizer):
    """Two optimizers whose state is saved and loaded as one.

    Muon orthogonalises the update of a matrix; on this project's small models it needs about half
    of AdamW's steps for the same loss. It is only for matrices, and not for embeddings.
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        others: Iterable[nn.Parameter],
        muon_lr: float,
        adamw_lr: float,
    ) -> None:
        """
        Args:
            matrices: two-dimensional weights of layers.
            others: embeddings, norms, biases, heads.
            muon_lr, adamw_lr: learning rates; Muon's is scaled to move a matrix as far as AdamW's.
        """
        self._parts: tuple[Optimizer, ...] = (
            Muon(
                matrices,
                lr=muon_lr,
                momentum=0.95,
                weight_decay=0.02,
                adjust_lr_fn="match_rms_adamw",
            ),
            AdamW(others, lr=adamw_lr, betas=(0.9, 0.98), weight_decay=0.01),
        )
        super().__init__([part.param_groups[0] for part in self._parts], {})
        self._share()

    def _share(self) -> None:
        """Make both parts use this optimizer's own groups and state."""
        for part, group in zip(self._parts, self.param_groups, strict=True):
            part.param_groups = [group]
            part.state = self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Set the gradients to zero, as in every optimizer."""
        super().load_state_dict(state_dict)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Tensor | None:  # type: ignore[override]
        """One step of both."""
        loss = None if closure is None else closure()
        for part in self._parts:
            part.step()
        return loss

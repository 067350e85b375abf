"""What a scorer has computed for the current problem, so that it is not computed again.

An edited step, or one more step on each path of a search, leaves most of what was scored
before valid. Keys and values of all rows are kept, and hidden states where they were read; a call
with other problems drops them, and so does exceeding a bound on their bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from prm_core.scoring import packed_forward
from prm_core.scoring.trie import Pack, RunRows, TokenIds


class PrefixCache:
    """Rows that were run, across packs and calls.

    Args:
        backbones: the models; hidden states of the second come after those of the first.
        max_bytes: how much may be kept once a pack is done.

    Attributes:
        max_bytes: the same; 0 from `retire` on.
        problems: whose rows these are.
        known: which sequences are in which rows; for `trie.plan`.
    """

    def __init__(self, backbones: Sequence[PreTrainedModel], max_bytes: int) -> None:
        self._backbones = backbones
        self.max_bytes = max_bytes
        self.problems: set[str] = set()
        self.known = RunRows()
        self._drop_rows()

    def clear(self) -> None:
        """Forget everything."""
        self.problems.clear()
        self._drop_rows()

    def retire(self) -> None:
        """Forget everything, and keep nothing from calls that still use it."""
        self.clear()
        self.max_bytes = 0

    def _drop_rows(self) -> None:
        self.known.clear()
        self._key_values = [packed_forward.KeyValues() for _ in self._backbones]
        self._hidden: Tensor | None = None
        self._place: dict[int, int] = {}

    def read(
        self, pack: Pack, rows: Sequence[int], sequences: Sequence[TokenIds]
    ) -> tuple[Tensor, dict[int, int]]:
        """Run a pack.

        Args:
            pack: planned with the current `known`.
            rows: increasing; those that are read. Those before the pack were read before.
            sequences: what the pack was planned from.

        Returns:
            Hidden states after the final norm, [R, H] or [R, 2H] with a second backbone, and the
            place of each row among them.
        """
        new = [row for row in rows if row >= pack.first_row]
        parts = [] if self._hidden is None else [self._hidden]
        if pack.token_ids:
            of_each = [
                packed_forward.read_pack(one, pack, new, key_values)
                for one, key_values in zip(self._backbones, self._key_values, strict=True)
            ]
            parts.append(torch.cat(of_each, dim=1))
        hidden, place = torch.cat(parts), self._place
        place |= {row: len(place) + i for i, row in enumerate(new)}
        self._hidden = hidden
        self.known.add(pack, sequences, new)
        if hidden.nbytes + sum(one.n_bytes for one in self._key_values) > self.max_bytes:
            self._drop_rows()
        return hidden, place

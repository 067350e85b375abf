"""Prompts in, values of their steps out: packs through the backbones, and readouts.

Packs are planned, run and read here, in halves if memory runs out. Nothing here handles text:
prompts come as token ids with the places that are read, and a family's readout interprets the
hidden states there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from transformers import PreTrainedModel

from prm_core.errors import ModelError
from prm_core.families import Evidence, OpenedModel, Reading
from prm_core.models.backbone import is_out_of_memory
from prm_core.models.device import Placement, free_bytes
from prm_core.scoring import packed_forward
from prm_core.scoring.prefix_cache import PrefixCache
from prm_core.scoring.trie import Pack, plan
from prm_core.types import Encoded

logger = logging.getLogger(__name__)

MAX_TOKENS = 4096
"""Budget of a pack. On a CPU 1,024 to 4,096 are equally fast if packs continue from each other; if
nothing is kept, small ones share less."""

GPU_TOKENS = 1024, 16_384
"""Bounds of a pack on a GPU, where half of the free memory decides. Calculated, not measured:
below, the GPU waits for the program; above, there is nothing left to gain."""

Readings = list[tuple[int, Reading]]
"""Indices of prompts, and the readings of each one's steps."""

_Step = tuple[int, tuple[tuple[int, int], ...], tuple[float, ...]]
"""A step in a pack: the row that is read, for each evidence token the row before it and its id, and
the calculator's features."""


class Reader:
    """Backbones with what they have computed for the current problem.

    Attributes:
        backbones: the models; hidden states of the second come after those of the first.
        packed: whether prompts share forward passes; one at a time otherwise.
        max_tokens: budget of a pack.
        keep_bytes: how much may be kept for the next call.
        memory: what is kept for the most recent call.

    Args:
        name: the model's, for errors.
        placement: where the backbones are.
        max_tokens: None for what is fastest on a CPU and fits on a GPU.
        packed: False for one prompt at a time, whatever the backbones are.
    """

    def __init__(
        self,
        backbones: Sequence[PreTrainedModel],
        *,
        name: str,
        placement: Placement,
        max_tokens: int | None,
        keep_bytes: int,
        packed: bool,
    ) -> None:
        self.backbones, self.keep_bytes = backbones, keep_bytes
        self.packed = packed and all(packed_forward.can_pack(one.config) for one in backbones)
        self._name, self._placement = name, placement
        self.max_tokens = self._fitting_tokens() if max_tokens is None else max_tokens
        self.memory = PrefixCache(backbones, keep_bytes)
        self._running = threading.Lock()  # one pack at a time: packs depend on earlier ones

    def _fitting_tokens(self) -> int:
        free = free_bytes(self._placement.device)
        if free is None or not self.packed:
            return MAX_TOKENS
        fitting = free // 2 // sum(map(packed_forward.bytes_per_token, self.backbones))
        fewest, most = GPU_TOKENS
        return max(fewest, min(most, fitting))

    def begin(self, problems: set[str]) -> tuple[PrefixCache, bool]:
        """What is kept for a call about these problems, and whether older rows were forgotten."""
        with self._running:
            is_new = self.memory.problems.isdisjoint(problems)
            if is_new:
                self._forget()
            self.memory.problems |= problems
            return self.memory, is_new

    def forget(self) -> None:
        """Drop what is kept."""
        with self._running:
            self._forget()

    def _forget(self) -> None:
        self.memory.retire()
        self.memory = PrefixCache(self.backbones, self.keep_bytes)

    def read(
        self,
        opened: OpenedModel,
        encoded: Sequence[Encoded],
        problems: Sequence[str],
        memory: PrefixCache,
        first_tokens: int | None = None,
    ) -> Iterator[Readings]:
        """The readings of each prompt's steps, pack by pack.

        Args:
            opened: how hidden states are read.
            encoded: the prompts.
            problems: the problem of each prompt; prompts of one problem share what is equal.
            memory: from `begin`.
            first_tokens: budget of the first pack, if it differs.

        Raises:
            ModelError: out of memory for a single prompt, or the readout is wrong.
        """
        packs = plan(
            [one.input_ids for one in encoded],
            self.max_tokens if self.packed else 1,  # budget of one token: every prompt alone
            problems,
            first_tokens,
            memory.known,
            [one.reads for one in encoded],
        )
        while readings := self._read_next(opened, packs, encoded, memory):
            yield readings

    def _read_next(
        self,
        opened: OpenedModel,
        packs: Iterator[Pack],
        encoded: Sequence[Encoded],
        memory: PrefixCache,
    ) -> Readings:
        """The readings of the next pack; none if there is no next pack."""
        with self._running:
            pack = next(packs, None)
            return [] if pack is None else list(self._within_memory(opened, pack, encoded, memory))

    def _within_memory(
        self, opened: OpenedModel, pack: Pack, encoded: Sequence[Encoded], memory: PrefixCache
    ) -> Iterator[tuple[int, Reading]]:
        """`_read`, in halves if memory does not suffice for the whole pack."""
        try:
            results = self._read(opened, pack, encoded, memory)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            results = None  # continue outside, where the failed pass no longer holds its tensors
        if results is not None:
            yield from zip(pack.members, results, strict=True)
            return
        memory.clear()
        sequences = [encoded[i].input_ids for i in pack.members]
        n_tokens = sum(len(one.token_ids) for one in plan(sequences, sum(map(len, sequences))))
        parts = list(plan(sequences, n_tokens // 2))
        if len(parts) == 1 and pack.first_row == 0:
            raise ModelError(
                f"out of memory on {self._placement.device} for a single candidate of "
                f"{n_tokens:,} tokens with {self._name}; shorten it, or use a smaller model or "
                "dtype"
            )
        logger.warning(
            "out of memory on %s with %d tokens at once; continuing in %d parts",
            self._placement.device,
            n_tokens,
            len(parts),
        )
        for part in parts:
            memory.clear()
            members = tuple(pack.members[i] for i in part.members)
            yield from self._within_memory(opened, replace(part, members=members), encoded, memory)

    @torch.inference_mode()
    def _read(
        self, opened: OpenedModel, pack: Pack, encoded: Sequence[Encoded], memory: PrefixCache
    ) -> list[Reading]:
        """The readings of each member's steps, from one forward pass.

        Prompts that share a step share its row, and it is read once.
        """
        steps, of_members = _steps(pack, encoded)
        seen = [(*token, i) for i, (_, tokens, _) in enumerate(steps) for token in tokens]
        said_of = [said for _, _, said in steps] if opened.calculator else None
        rows = sorted({row for row, _, _ in steps} | {row for row, _, _ in seen})
        if self.packed:
            sequences = [one.input_ids for one in encoded]
            hidden, place = memory.read(pack, rows, sequences)
        else:
            of_each = [
                packed_forward.read_alone(one, pack.token_ids, rows) for one in self.backbones
            ]
            hidden = torch.cat(of_each, dim=1)  # [R, H], or [R, 2H] with a second backbone
            place = {row: i for i, row in enumerate(rows)}

        def index_of(numbers: list[int]) -> Tensor:
            return torch.tensor(numbers, dtype=torch.int64, device=hidden.device)

        of_steps = hidden[index_of([place[row] for row, _, _ in steps])]  # [S, H]
        log_odds = opened.readout(
            of_steps,
            Evidence(
                hidden=hidden[index_of([place[row] for row, _, _ in seen])],
                token_ids=index_of([token for _, token, _ in seen]),
                step=index_of([i for _, _, i in seen]),
                calculator=None if said_of is None else torch.tensor(said_of, device=hidden.device),
            )
            if seen or said_of
            else None,
        )
        if log_odds.shape != (len(steps),):
            raise ModelError(
                f"{self._name} gave {tuple(log_odds.shape)} numbers for {len(steps)} steps"
            )
        extras = [read(of_steps) for read in opened.extras.values()]
        readings = torch.stack([log_odds, *extras]).float().cpu()  # [1 + E, S]
        return [
            opened.combine(Reading(first, dict(zip(opened.extras, others, strict=True))))
            for first, *others in (readings[:, of_member] for of_member in of_members)
        ]


def _steps(pack: Pack, encoded: Sequence[Encoded]) -> tuple[list[_Step], list[list[int]]]:
    """The distinct steps of a pack, and which of them each member has, in order."""
    steps: dict[_Step, int] = {}
    of_members: list[list[int]] = []
    for i, index in enumerate(pack.members):
        rows, one = pack.rows(i), encoded[index]
        nothing = ((),) * len(one.positions)
        of_members.append([])
        for position, tokens, said in zip(
            one.positions, one.evidence or nothing, one.calculator or nothing, strict=True
        ):
            before = tuple((rows[t - 1], one.input_ids[t]) for t in tokens)
            step = (rows[position], before, said)
            of_members[-1].append(steps.setdefault(step, len(steps)))
    return list(steps), of_members


def with_beats(
    values: Iterator[Encoded], heartbeat_s: float | None
) -> Generator[None, None, list[Encoded]]:
    """All values as a list, yielding None whenever that many seconds have passed."""
    found, said = [], time.monotonic()
    for value in values:
        found.append(value)
        if heartbeat_s is not None and time.monotonic() - said >= heartbeat_s:
            yield None
            said = time.monotonic()
    return found

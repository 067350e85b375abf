"""Attention over a trie of rows: every query sees its own branch, and nothing else.

There are two ways, which give the same result:

- `ByBranch` runs the stock kernel once for each segment of a pack, on the keys and values of the
  segment's own path. It needs no mask for most segments and wastes almost no computation.
- `ByBlocks` is one FlexAttention kernel for the whole pack. Hundreds of small kernels are slow on a
  GPU, so there it is used for packs of many segments.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention.flex_attention import BlockMask, flex_attention

from prm_core.scoring.trie import Pack, Range, Segment, first_rows, path_length, shared_rows

logger = logging.getLogger(__name__)

_BLOCKS_FROM = 16
"""Number of segments from which a pack on a GPU uses a FlexAttention kernel, whose first use
compiles for some seconds. So two or three solutions never wait for that."""

_CPU_QUERIES = 64
"""Queries per kernel call on a CPU if a mask hides keys from some of them: hidden products are
wasted, and smaller calls waste fewer."""

_BLOCK = 128
"""Rows of a block: FlexAttention's own size."""


class Attention(Protocol):
    """The attention of one pack's queries."""

    def __call__(
        self, query: Tensor, key: Tensor, value: Tensor, scaling: float, window: int | None
    ) -> Tensor:
        """
        Args:
            query: [Q, heads, D]; may be overwritten.
            key, value: [key heads, rows, D]; including those of the rows before the pack.
            scaling: of the products.
            window: how many keys a query sees, itself included; None for all.

        Returns:
            [Q, heads * D].
        """
        ...


@dataclass(frozen=True, slots=True)
class _View:
    """What some queries of a branch see under one window.

    Attributes:
        queries: their places among the queries of the pass.
        keys: the depths that they attend to.
        mask: [Q, keys], added to the products; None if nothing is hidden, or if `causal` covers it.
    """

    queries: slice
    keys: slice
    mask: Tensor | None
    causal: bool


class _Branch:
    """Consecutive queries on one branch of the trie.

    Args:
        queries: their places among the queries of the pass.
        depths: the depth of each, increasing.
        path: rows of the branch's keys up to the last query, in order of depth.
        n_kept: how many of the path's first rows `gather` finds in its buffers.
    """

    def __init__(
        self, queries: slice, depths: Sequence[int], path: tuple[Range, ...], n_kept: int
    ) -> None:
        self._first = queries.start
        self._depths = depths
        self._path = path
        self._n_kept = n_kept
        self._views: dict[tuple[int | None, torch.device], list[_View]] = {}

    def gather(self, x: Tensor, buffer: Tensor) -> Tensor:
        """The rows of the path; without a copy if they are contiguous.

        Args:
            x: [heads, rows, D].
            buffer: [heads, n, D], as the branch before left it.

        Returns:
            [1, heads, n, D].
        """
        if len(self._path) == 1:
            start, stop = self._path[0]
            return x[None, :, start:stop]
        depth = 0
        for start, stop in self._path:
            skipped = min(max(self._n_kept - depth, 0), stop - start)
            buffer[:, depth + skipped : depth + stop - start] = x[:, start + skipped : stop]
            depth += stop - start
        return buffer[None]

    def views(self, window: int | None, like: Tensor) -> list[_View]:
        """Computed once per window and device, and used by every layer."""
        if (window, like.device) not in self._views:
            self._views[window, like.device] = self._make_views(window, like)
        return self._views[window, like.device]

    def _make_views(self, window: int | None, like: Tensor) -> list[_View]:
        n_queries, n_keys = len(self._depths), self._depths[-1] + 1
        if window is not None and n_keys <= window:
            window = None
        if window is None and n_queries == n_keys:
            queries = slice(self._first, self._first + n_queries)
            return [_View(queries, slice(0, n_keys), None, causal=True)]
        n_views = -(-n_queries // _CPU_QUERIES) if like.is_cpu else 1
        cuts = [n_queries * i // n_views for i in range(n_views + 1)]
        return [self._make_view(start, stop, window, like) for start, stop in pairwise(cuts)]

    def _make_view(self, start: int, stop: int, window: int | None, like: Tensor) -> _View:
        """The view of the queries from `start` up to `stop`, exclusive."""
        depths = self._depths[start:stop]
        queries = slice(self._first + start, self._first + stop)
        first = 0 if window is None else max(0, depths[0] - window + 1)
        keys = slice(first, depths[-1] + 1)
        if len(depths) == 1:  # sees every key that is left
            return _View(queries, keys, None, causal=False)
        of_query = torch.tensor(depths, device=like.device)[:, None]
        of_key = torch.arange(keys.start, keys.stop, device=like.device)[None, :]
        hidden = of_key > of_query
        if window is not None:
            hidden |= of_key <= of_query - window
        # As numbers to add: from booleans the kernels would compute these at every call.
        mask = torch.zeros(hidden.shape, dtype=like.dtype, device=like.device)
        return _View(queries, keys, mask.masked_fill_(hidden, -torch.inf), causal=False)


class ByBranch:
    """Attention branch by branch.

    Args:
        pack: what runs.
        rows: [Q], increasing; which rows of the pack ask. None: all of them.
    """

    def __init__(self, pack: Pack, rows: Sequence[int] | None = None) -> None:
        self._branches: list[_Branch] = []
        self._longest = 0
        in_buffer: tuple[Range, ...] = ()
        for segment in pack.segments:
            if rows is None:
                queries = slice(segment.start - pack.first_row, segment.stop - pack.first_row)
                n_tokens = segment.stop - segment.start
                depths: Sequence[int] = range(segment.depth, segment.depth + n_tokens)
            else:
                queries = slice(bisect_left(rows, segment.start), bisect_left(rows, segment.stop))
                depths = [segment.depth + row - segment.start for row in rows[queries]]
            if not depths:
                continue
            path = first_rows(segment.path, depths[-1] + 1)
            self._branches.append(_Branch(queries, depths, path, shared_rows(in_buffer, path)))
            if len(path) > 1:
                in_buffer = path
                self._longest = max(self._longest, path_length(path))

    def __call__(
        self, query: Tensor, key: Tensor, value: Tensor, scaling: float, window: int | None
    ) -> Tensor:
        """See `Attention`."""
        n_shared = query.shape[1] // key.shape[0]  # query heads of a key head
        # With a mask only the CPU's kernel supports grouped heads without falling back to a slow
        # one.
        grouped = n_shared > 1 and query.is_cpu
        key_buffer, value_buffer = key.new_empty(2, key.shape[0], self._longest, key.shape[2])
        for branch in self._branches:
            keys, values = branch.gather(key, key_buffer), branch.gather(value, value_buffer)
            if n_shared > 1 and not grouped:
                keys, values = (x.repeat_interleave(n_shared, dim=1) for x in (keys, values))
            for view in branch.views(window, query):
                query[view.queries] = functional.scaled_dot_product_attention(
                    query[None, view.queries].transpose(1, 2),
                    keys[:, :, view.keys],
                    values[:, :, view.keys],
                    attn_mask=view.mask,
                    is_causal=view.causal,
                    scale=scaling,
                    enable_gqa=grouped,
                )[0].transpose(0, 1)
        return query.flatten(1)


@dataclass(frozen=True, slots=True)
class _Visible:
    """Which queries see each row, [rows] int32 each: those in rows `begin` up to `end`, exclusive.

    Attributes:
        depth: of the row in its branch.
    """

    begin: Tensor
    end: Tensor
    depth: Tensor


def _visible(pack: Pack) -> _Visible | None:
    """The same as the segments' paths, if one interval for each row can express it.

    Branches are in depth-first order, so it always can for a pack without earlier rows. Known rows
    may contain the same tokens twice; then a row can be seen by queries that are not contiguous,
    and the result is None.
    """
    n_rows = pack.first_row + len(pack.token_ids)
    begin, end, depth, seen = (np.zeros(n_rows, dtype=np.int32) for _ in range(4))
    for segment in pack.segments:
        done = 0
        for start, stop in segment.path:
            some = slice(start, stop)
            begin[some] = np.where(seen[some] == 0, segment.start, begin[some])
            end[some] = segment.stop
            seen[some] += segment.stop - segment.start
            depth[some] = np.arange(done, done + stop - start)
            done += stop - start
    if (seen != end - begin).any():
        return None
    return _Visible(*map(torch.from_numpy, (begin, end, depth)))


class ByBlocks:
    """Attention of a whole pack in one kernel, block by block of its mask.

    Args:
        visible: which queries see each row.
        rows: [Q], increasing; the queries' own rows.
    """

    def __init__(self, visible: _Visible, rows: Tensor) -> None:
        self._visible = visible
        self._rows = rows
        self._masks: dict[tuple[int | None, torch.device], BlockMask] = {}

    def __call__(
        self, query: Tensor, key: Tensor, value: Tensor, scaling: float, window: int | None
    ) -> Tensor:
        """See `Attention`."""
        if (window, query.device) not in self._masks:
            self._masks[window, query.device] = self._make_mask(window, query.device)
        out = _flex()(
            query.transpose(0, 1)[None],
            key[None],
            value[None],
            block_mask=self._masks[window, query.device],
            scale=scaling,
            enable_gqa=query.shape[1] != key.shape[0],
        )
        attended = out[0].transpose(0, 1).flatten(1)
        assert isinstance(attended, Tensor)
        return attended

    def _make_mask(self, window: int | None, device: torch.device) -> BlockMask:
        """Which blocks are computed, and in which of them every pair is visible."""
        seen, n_queries, n_keys = self._visible, len(self._rows), len(self._visible.end)

        def blocks(x: Tensor, filler: int) -> Tensor:  # [n] → [blocks, 128]
            return functional.pad(x, (0, -len(x) % _BLOCK), value=filler).view(-1, _BLOCK)

        rows = self._rows
        first, last = blocks(rows, 0)[:, 0, None], blocks(rows, int(rows[-1])).amax(1)[:, None]
        key_rows = blocks(torch.arange(n_keys), n_keys)
        begin, end = blocks(seen.begin, 0), blocks(seen.end, 0)
        looked_at = (
            (key_rows[:, 0] <= last) & (end.amax(1) > first) & (begin.amin(1) <= last)
        )  # [query blocks, key blocks]
        full = (key_rows.amax(1) <= first) & (end.amin(1) > last) & (begin.amax(1) <= first)
        if window is not None:
            full = torch.zeros_like(full)

        row, own_depth, starts, ends, depths = (
            x.to(device) for x in (rows, seen.depth[rows], seen.begin, seen.end, seen.depth)
        )
        reach = n_keys if window is None else window

        def sees(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
            inside = (key <= row[query]) & (row[query] < ends[key]) & (starts[key] <= row[query])
            return inside & (own_depth[query] - depths[key] < reach)

        def listed(chosen: Tensor) -> tuple[Tensor, Tensor]:  # how many, and which, per query block
            order = chosen.to(torch.int8).argsort(dim=1, descending=True, stable=True)
            counts = (chosen.sum(1, dtype=torch.int32), order.to(torch.int32))
            return counts[0][None, None].to(device), counts[1][None, None].to(device)

        return BlockMask.from_kv_blocks(
            *listed(looked_at & ~full),
            *listed(full),
            BLOCK_SIZE=_BLOCK,
            mask_mod=sees,
            seq_lengths=(n_queries, n_keys),
        )


@cache
def _flex() -> Callable[..., Any]:
    return torch.compile(flex_attention, dynamic=True)


@cache
def _blocks_work(device: torch.device, dtype: torch.dtype, heads: tuple[int, int, int]) -> bool:
    """Whether FlexAttention compiles here for this model, and gives the right result.

    Args:
        heads: how many of queries, how many of keys, and their width.
    """
    n_heads, n_key_heads, width = heads
    draw = torch.Generator(device).manual_seed(0)
    # Different lengths, so that what is compiled now works for all others.
    for n_rows, rows in ((200, range(200)), (500, range(40, 500, 3))):
        branch = Segment(0, n_rows, ((0, n_rows),), 0)
        pack = Pack((0,), (0,) * n_rows, (0,) * n_rows, (branch,), (branch.path,))
        query, key, value = (
            torch.randn(shape, dtype=dtype, device=device, generator=draw)
            for shape in ((len(rows), n_heads, width), *2 * [(n_key_heads, n_rows, width)])
        )
        visible = _visible(pack)
        assert visible is not None
        try:
            got = ByBlocks(visible, torch.tensor(rows))(query.clone(), key, value, 0.1, None)
        except Exception as error:  # compilers can fail in any way; it also works without
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            logger.warning(
                "FlexAttention does not work on %s, continuing without: %s", device, reason
            )
            return False
        wanted = ByBranch(pack, rows)(query, key, value, 0.1, None)
        if not torch.allclose(got.float(), wanted.float(), atol=2e-2):
            logger.warning("FlexAttention gives wrong numbers on %s, continuing without", device)
            return False
    return True


def attention_of(
    pack: Pack, rows: Sequence[int] | None, heads: tuple[int, int, int], like: Tensor
) -> Attention:
    """The better way for a pack on the device at hand.

    Args:
        pack: what runs.
        rows: [Q], increasing; which rows of the pack ask. None: all of them.
        heads: how many of queries, how many of keys, and their width.
        like: any tensor with the device and dtype of queries and keys.
    """
    if like.is_cuda and len(pack.segments) >= _BLOCKS_FROM:
        visible = _visible(pack)
        if visible is not None and _blocks_work(like.device, like.dtype, heads):
            first = pack.first_row
            asking = range(first, first + len(pack.token_ids)) if rows is None else rows
            return ByBlocks(visible, torch.tensor(asking))
    return ByBranch(pack, rows)

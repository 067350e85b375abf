"""One forward pass over a pack: hidden states at the rows that are read, and nowhere else.

The backbone is a stock transformer whose layers run as they are, with two things of ours:

- Attention follows the trie. A segment's queries meet the keys and values of their own path only,
  so every branch sees exactly what it would see alone. Position ids are depths in the branch.
- The last layer computes keys and values for every token, the rest only for the rows that are
  read. Nothing else of it could be seen, so this is exact.

Architectures are listed, not guessed: `can_pack` says whether a backbone is known. All others go
through `read_alone`, the stock forward, one candidate at a time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor
from torch.nn import functional
from transformers import (
    AttentionInterface,
    AttentionMaskInterface,
    PreTrainedConfig,
    PreTrainedModel,
)
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask
from transformers.models.llama.modeling_llama import rotate_half

from prm_core.packing import Pack, Range, first_rows

ATTENTION = "prm_core_trie"
"""Name of our attention: the stock scaled-dot-product one, unless a trie comes along."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """How a backbone differs from the common form.

    The common form: `embed_tokens`, `rotary_emb`, layers of `input_layernorm`, `self_attn` (with
    `q_proj`, `k_proj`, `v_proj`, `o_proj`), `post_attention_layernorm` and `mlp`, then `norm`.

    Attributes:
        window: which layers look back only `config.sliding_window` tokens, where it is set.
        normalised: queries and keys pass `q_norm` and `k_norm`, head by head.
        scaled: embeddings are multiplied by `config.embedding_multiplier`, and what a layer adds by
            `config.residual_multiplier`.
    """

    window: Literal["none", "all", "by layer"]
    normalised: bool = False
    scaled: bool = False


ARCHITECTURES: dict[str, Architecture] = {
    "granite": Architecture(window="none", scaled=True),
    "llama": Architecture(window="none"),
    "mistral": Architecture(window="all"),
    "qwen2": Architecture(window="by layer"),
    "qwen3": Architecture(window="by layer", normalised=True),
}
"""By `model_type`; each is compared with the stock forward in tests/test_parity.py."""

_FIXED_ROPE = {"default", "linear", "llama3", "yarn"}
"""Rotary scalings that do not look at the input's length, which in a pack is the longest one's."""


def can_pack(config: PreTrainedConfig) -> bool:
    """Whether candidates can share a forward pass of this backbone."""
    if config.model_type not in ARCHITECTURES:
        return False
    return config.rope_parameters["rope_type"] in _FIXED_ROPE


def prepare(backbone: PreTrainedModel) -> None:
    """Make a backbone that `can_pack` ready for `read_pack`; its stock forward stays as it was."""
    AttentionInterface.register(ATTENTION, _attention)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)
    backbone.set_attn_implementation(ATTENTION)


def read_alone(backbone: PreTrainedModel, token_ids: Sequence[int], rows: Sequence[int]) -> Tensor:
    """The stock forward on one sequence.

    Args:
        backbone: any causal transformer without its LM head.
        token_ids: [T].
        rows: [R]; which of them are read.

    Returns:
        [R, H] after the final norm, in the backbone's dtype.
    """
    ids = torch.tensor([token_ids], device=backbone.device)
    hidden = backbone(input_ids=ids, use_cache=False).last_hidden_state[0]
    assert isinstance(hidden, Tensor)
    return hidden[torch.tensor(rows, device=hidden.device)]


def read_pack(backbone: PreTrainedModel, pack: Pack, rows: Sequence[int]) -> Tensor:
    """All candidates of a pack in one pass; equal to `read_alone` on each, up to rounding.

    Args:
        backbone: one that `can_pack`, after `prepare`.
        pack: T tokens.
        rows: [R], increasing; which rows of the pack are read.

    Returns:
        [R, H] after the final norm, in the backbone's dtype.
    """
    model = cast(Any, backbone)  # its parts are listed at `Architecture`
    device = backbone.device
    positions = torch.tensor([pack.depths], device=device)  # [1, T]
    hidden = model.embed_tokens(torch.tensor([pack.token_ids], device=device))  # [1, T, H]
    if ARCHITECTURES[model.config.model_type].scaled:
        hidden = hidden * model.config.embedding_multiplier
    rope = model.rotary_emb(hidden, position_ids=positions)
    trie = [
        _Part(slice(s.start, s.stop), range(s.depth, s.depth + s.stop - s.start), s.path)
        for s in pack.segments
    ]
    for layer in model.layers[:-1]:
        hidden = layer(
            hidden,
            attention_mask=None,
            position_ids=positions,
            position_embeddings=rope,
            trie=trie,
        )
    hidden = _last_layer(model, hidden, rope, pack, rows)
    read = model.norm(hidden)[0].to(device)
    assert isinstance(read, Tensor)
    return read


def _last_layer(
    model: Any, hidden: Tensor, rope: tuple[Tensor, Tensor], pack: Pack, rows: Sequence[int]
) -> Tensor:
    """[1, T, H] → [1, R, H]: everything but keys and values for the rows that are read only."""
    architecture = ARCHITECTURES[model.config.model_type]
    layer = model.layers[-1]
    attention = layer.self_attn
    normed = layer.input_layernorm(hidden)
    # Where layers are spread over devices, this one may live elsewhere than the one before it.
    hidden, cos, sin = (x.to(normed.device) for x in (hidden, *rope))  # rope: [1, T, D]
    index = torch.tensor(rows, device=normed.device)

    n_dims = int(attention.head_dim)

    def heads(x: Tensor) -> Tensor:  # [1, n, heads * D] → [1, n, heads, D]
        return x.view(*x.shape[:2], -1, n_dims)

    query = heads(attention.q_proj(normed[:, index]))
    key, value = heads(attention.k_proj(normed)), heads(attention.v_proj(normed))
    if architecture.normalised:
        query, key = attention.q_norm(query), attention.k_norm(key)
    attended = _attend(
        _rotate(query.transpose(1, 2), cos[:, index], sin[:, index]),
        _rotate(key.transpose(1, 2), cos, sin),
        value.transpose(1, 2),
        _parts_of_rows(pack, rows),
        attention.scaling,
        _window(model.config, architecture),
    )
    scale = model.config.residual_multiplier if architecture.scaled else 1.0
    hidden = hidden[:, index] + attention.o_proj(attended.flatten(2)) * scale
    out = hidden + layer.mlp(layer.post_attention_layernorm(hidden)) * scale
    assert isinstance(out, Tensor)
    return out


def _window(config: PreTrainedConfig, architecture: Architecture) -> int | None:
    """How far the last layer looks back, or None for all the way."""
    if architecture.window == "none":
        return None
    if architecture.window == "by layer" and config.layer_types[-1] != "sliding_attention":
        return None
    window = config.sliding_window
    assert window is None or isinstance(window, int)
    return window


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary positions; x: [1, heads, n, D], cos and sin: [1, n, D]."""
    turned = cast(Tensor, rotate_half(x))
    return x * cos.unsqueeze(1) + turned * sin.unsqueeze(1)


@dataclass(frozen=True, slots=True)
class _View:
    """What the queries of a part see under one window: key rows in order of depth, and a mask."""

    keys: tuple[Range, ...]
    mask: Tensor | None
    causal: bool


class _Part:
    """Queries on one branch of the trie.

    Attributes:
        queries: where they stand among the queries of the pass.
        depths: the depth of each, increasing.
        path: rows of the branch's keys up to the last query, in order of depth.
    """

    __slots__ = ("_views", "depths", "path", "queries")

    def __init__(self, queries: slice, depths: Sequence[int], path: tuple[Range, ...]) -> None:
        self.queries = queries
        self.depths = depths
        self.path = path
        self._views: dict[tuple[int | None, torch.device], _View] = {}

    def view(self, window: int | None, device: torch.device) -> _View:
        """Made once per window and device, and used by every layer."""
        if (window, device) not in self._views:
            self._views[window, device] = self._make_view(window, device)
        return self._views[window, device]

    def _make_view(self, window: int | None, device: torch.device) -> _View:
        n_keys = self.depths[-1] + 1
        if window is None or n_keys <= window:
            window, first = None, 0
        else:
            first = max(0, self.depths[0] - window + 1)
        keys = _without_first(self.path, first)
        if len(self.depths) == 1:  # sees every key that is left
            return _View(keys, None, causal=False)
        if window is None and len(self.depths) == n_keys:
            return _View(keys, None, causal=True)
        of_query = torch.tensor(self.depths, device=device)[:, None]
        of_key = torch.arange(first, n_keys, device=device)[None, :]
        mask = of_key <= of_query
        if window is not None:
            mask &= of_key > of_query - window
        return _View(keys, mask, causal=False)


def _without_first(path: tuple[Range, ...], length: int) -> tuple[Range, ...]:
    """A path less its first `length` rows."""
    kept: list[Range] = []
    for start, stop in path:
        skipped = min(length, stop - start)
        length -= skipped
        if start + skipped < stop:
            kept.append((start + skipped, stop))
    return tuple(kept)


def _parts_of_rows(pack: Pack, rows: Sequence[int]) -> list[_Part]:
    """The rows that are read, by segment; they stand in the queries in their own order."""
    parts: list[_Part] = []
    for segment in pack.segments:
        first, last = bisect_left(rows, segment.start), bisect_left(rows, segment.stop)
        if first < last:
            depths = [segment.depth + row - segment.start for row in rows[first:last]]
            path = first_rows(segment.path, depths[-1] + 1)
            parts.append(_Part(slice(first, last), depths, path))
    return parts


def _attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    trie: list[_Part] | None = None,
    sliding_window: int | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """What the backbone's layers call; see `transformers.AttentionInterface`."""
    if trie is not None:
        return _attend(query, key, value, trie, scaling, sliding_window), None
    stock: tuple[Tensor, None] = sdpa_attention_forward(
        module,
        query,
        key,
        value,
        attention_mask,
        scaling=scaling,
        sliding_window=sliding_window,
        **options,
    )
    return stock


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    parts: list[_Part],
    scaling: float,
    window: int | None,
) -> Tensor:
    """Attention branch by branch.

    Args:
        query: [1, heads, Q, D].
        key, value: [1, key heads, T, D].
        parts: together they hold each query once.
        scaling: of the products.
        window: how many keys a query sees, itself included; None for all.

    Returns:
        [1, Q, heads, D].
    """
    n_heads, n_queries, n_dims = query.shape[1:]
    grouped = n_heads != key.shape[1]
    if grouped and query.device.type != "cpu":
        # With a mask only the CPU's kernel takes grouped heads without falling back to a slow one.
        key = key.repeat_interleave(n_heads // key.shape[1], dim=1)
        value = value.repeat_interleave(n_heads // value.shape[1], dim=1)
        grouped = False
    out = query.new_empty(1, n_queries, n_heads, n_dims)
    for part in parts:
        view = part.view(window, query.device)
        out[:, part.queries] = functional.scaled_dot_product_attention(
            query[:, :, part.queries],
            _gather(key, view.keys),
            _gather(value, view.keys),
            attn_mask=view.mask,
            is_causal=view.causal,
            scale=scaling,
            enable_gqa=grouped,
        ).transpose(1, 2)
    return out


def _gather(x: Tensor, ranges: tuple[Range, ...]) -> Tensor:
    """The rows of a path, [1, heads, n, D]; without a copy where they lie together."""
    if len(ranges) == 1:
        start, stop = ranges[0]
        return x[:, :, start:stop]
    return torch.cat([x[:, :, start:stop] for start, stop in ranges], dim=2)

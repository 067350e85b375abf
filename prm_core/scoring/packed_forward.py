"""One forward pass over a pack: hidden states at the rows that are read, and nowhere else.

The backbone's own modules run as they are, one after the other as in the stock layer, with three
changes of ours:

- Attention follows the trie (`prm_core.scoring.attention`), so every branch sees exactly what it
  would see alone. Position ids are depths in the branch.
- Keys and values stay in `KeyValues`, so that a later pack continues where this one ended.
- The last layer computes keys and values for every token, the rest only for the rows that are
  read. Nothing else of it has any effect, so this is exact.

Architectures are listed, not guessed: `can_pack` says whether a backbone is known. All others use
`read_alone`, the stock forward, one candidate at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

from prm_core.scoring.attention import Attention, attention_of
from prm_core.scoring.trie import Pack

_CPU_ROWS = 512
"""Rows that pass through a layer's linear parts at once on a CPU, so that intermediate results stay
in the caches and no allocation is so large that the system must provide fresh pages."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """How a backbone differs from the common form.

    The common form: `embed_tokens`, `rotary_emb`, layers of `input_layernorm`, `self_attn` (with
    `q_proj`, `k_proj`, `v_proj`, `o_proj`), `post_attention_layernorm` and `mlp`, then `norm`.

    Attributes:
        window: which layers look back only `config.sliding_window` tokens, if it is set.
        normalised: queries and keys pass through `q_norm` and `k_norm`, head by head.
        scaled: embeddings are multiplied by `config.embedding_multiplier`, and each layer's
            output by `config.residual_multiplier`.
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
"""By `model_type`; each is compared with the stock forward in tests/families/test_parity.py."""

_FIXED_ROPE = {"default", "linear", "llama3", "yarn", "dynamic"}
"""Rotary scalings that do not depend on the input's length, which in a pack is the longest one's.
"dynamic" does only beyond `max_position_embeddings`, where nothing is scored."""


def can_pack(config: PreTrainedConfig) -> bool:
    """Whether candidates can share a forward pass of this backbone."""
    if config.model_type not in ARCHITECTURES:
        return False
    return config.rope_parameters["rope_type"] in _FIXED_ROPE


def bytes_per_token(backbone: PreTrainedModel) -> int:
    """The memory of a pack beside the weights, for each of its tokens.

    Keys and values of all layers, and one layer's peak: the MLP's two inner
    activations and their product, and about eight times the hidden state, two of them in float32.
    """
    model = cast(Any, backbone)
    config, n_dims = model.config, int(model.layers[0].self_attn.head_dim)
    keys_and_values = 2 * config.num_hidden_layers * config.num_key_value_heads * n_dims
    inner = 3 * config.intermediate_size + 10 * config.hidden_size
    return int(keys_and_values + inner) * backbone.dtype.itemsize


class KeyValues:
    """Keys and values of one backbone, by layer and row."""

    def __init__(self) -> None:
        self._layers: dict[int, tuple[Tensor, Tensor]] = {}  # [key heads, capacity, D] each

    @property
    def n_bytes(self) -> int:
        """Their memory, including spare capacity."""
        return sum(one.nbytes for pair in self._layers.values() for one in pair)

    def room(self, layer: int, n_rows: int, like: Tensor) -> tuple[Tensor, Tensor]:
        """A layer's keys and values, [key heads, n_rows, D] each, to be read and written.

        Args:
            layer: its number.
            n_rows: how many are needed; existing ones stay.
            like: keys of the layer, [key heads, any, D].
        """
        old = self._layers.get(layer)
        if old is None or old[0].shape[1] < n_rows:
            n_old = 0 if old is None else old[0].shape[1]
            capacity = max(n_rows, n_old * 5 // 4)
            new = like.new_empty(2, like.shape[0], capacity, like.shape[2])
            for kept, grown in zip(old or (), new, strict=False):
                grown[:, :n_old] = kept
            self._layers[layer] = (new[0], new[1])
        keys, values = self._layers[layer]
        return keys[:, :n_rows], values[:, :n_rows]


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


def read_pack(
    backbone: PreTrainedModel,
    pack: Pack,
    rows: Sequence[int],
    key_values: KeyValues | None = None,
    attend: Attention | None = None,
) -> Tensor:
    """All candidates of a pack in one pass; equal to `read_alone` on each, up to rounding.

    Args:
        backbone: one that `can_pack`.
        pack: T tokens.
        rows: [R], increasing; which rows of the pack are read.
        key_values: those of the rows before the pack; the pack's own are added. None if nothing
            comes before it.
        attend: the attention of all its tokens, which are all read; None for that of its segments.

    Returns:
        [R, H] after the final norm, in the backbone's dtype.
    """
    model = cast(Any, backbone)  # its parts are listed at `Architecture`
    device = backbone.device
    kept = KeyValues() if key_values is None else key_values
    hidden = model.embed_tokens(torch.tensor(pack.token_ids, device=device))  # [T, H]
    if ARCHITECTURES[model.config.model_type].scaled:
        hidden = hidden * model.config.embedding_multiplier
    cos, sin = model.rotary_emb(hidden, position_ids=torch.tensor([pack.depths], device=device))
    index = torch.tensor(rows, device=device) - pack.first_row
    rope = (cos[0, :, None], sin[0, :, None])  # [T, 1, D] each
    n_dims = int(model.layers[0].self_attn.head_dim)
    heads = (model.config.num_attention_heads, model.config.num_key_value_heads, n_dims)
    everywhere, where_read = (
        attend or attention_of(pack, asking, heads, hidden) for asking in (None, rows)
    )
    query = hidden.new_empty(len(hidden), heads[0], n_dims)  # every layer overwrites it
    for number in range(len(model.layers) - 1):
        hidden = _layer(model, number, hidden, rope, query, pack.first_row, kept, everywhere)
    hidden = _layer(
        model, len(model.layers) - 1, hidden, rope, query, pack.first_row, kept, where_read, index
    )
    read = model.norm(hidden).to(device)
    assert isinstance(read, Tensor)
    return read


def _layer(
    model: Any,
    number: int,
    hidden: Tensor,
    rope: tuple[Tensor, Tensor],
    query: Tensor,
    first_row: int,
    kept: KeyValues,
    attend: Attention,
    index: Tensor | None = None,
) -> Tensor:
    """One layer of the backbone.

    Args:
        number: which one.
        hidden: [T, H]; may be changed.
        rope: cosines and sines of each token's position, [T, 1, D].
        query: [T, heads, D], a work buffer. A large new tensor for each layer would need fresh
            pages from the system each time.
        first_row: the row of the first token.
        kept: receives the layer's keys and values.
        attend: the attention of all tokens, or of those in `index`.
        index: [Q]; tokens whose output is wanted. None: all.

    Returns:
        [Q, H].
    """
    architecture = ARCHITECTURES[model.config.model_type]
    layer = model.layers[number]
    attention = layer.self_attn
    n_rows = first_row + len(hidden)
    keys = values = hidden
    for some in _slices(hidden):
        normed = layer.input_layernorm(hidden[some])
        if normed.device != hidden.device:  # this layer is on another device than the one before
            hidden = hidden.to(normed.device)
            rope = (rope[0].to(normed.device), rope[1].to(normed.device))
            query = query.to(normed.device)
            index = None if index is None else index.to(normed.device)
        key = _heads(attention, attention.k_proj(normed))
        if architecture.normalised:
            key = attention.k_norm(key)
        new = _rotate(key, rope, some).transpose(0, 1)  # [key heads, n, D]
        keys, values = kept.room(number, n_rows, new)
        place = slice(first_row + some.start, first_row + some.stop)
        keys[:, place] = new
        values[:, place] = _heads(attention, attention.v_proj(normed)).transpose(0, 1)
        if index is None:
            query[some] = _query(attention, architecture, normed, rope, some)
    if index is not None:
        hidden = hidden[index]
        normed = layer.input_layernorm(hidden)
        query = query[: len(index)]
        query[:] = _query(attention, architecture, normed, rope, index)
    window = _window(model.config, architecture, number)
    attended = attend(query, keys, values, attention.scaling, window)

    def scaled(added: Tensor) -> Tensor:
        return added * model.config.residual_multiplier if architecture.scaled else added

    for some in _slices(hidden):
        part = hidden[some]
        part += scaled(attention.o_proj(attended[some]))
        part += scaled(_mlp(layer.mlp, layer.post_attention_layernorm(part)))
    return hidden


def _mlp(mlp: Any, x: Tensor) -> Tensor:
    """The stock MLP, [n, H] → [n, H], without separate memory for its inner product."""
    inner = mlp.act_fn(mlp.gate_proj(x))
    inner *= mlp.up_proj(x)
    out = mlp.down_proj(inner)
    assert isinstance(out, Tensor)
    return out


def _query(
    attention: Any,
    architecture: Architecture,
    normed: Tensor,
    rope: tuple[Tensor, Tensor],
    some: slice | Tensor,
) -> Tensor:
    """[n, H] → [n, heads, D]: the queries of some tokens."""
    query = _heads(attention, attention.q_proj(normed))
    return _rotate(attention.q_norm(query) if architecture.normalised else query, rope, some)


def _heads(attention: Any, x: Tensor) -> Tensor:
    """[n, heads * D] → [n, heads, D]."""
    return x.view(len(x), -1, int(attention.head_dim))


def _slices(hidden: Tensor) -> Iterator[slice]:
    """[T, H] in chunks of rows, each computed on its own."""
    at_once = _CPU_ROWS if hidden.is_cpu else max(1, len(hidden))
    for start in range(0, len(hidden), at_once):
        yield slice(start, min(start + at_once, len(hidden)))


def _rotate(x: Tensor, rope: tuple[Tensor, Tensor], some: slice | Tensor) -> Tensor:
    """Rotary positions; x: [n, heads, D]."""
    cos, sin = rope[0][some], rope[1][some]
    half = x.shape[-1] // 2
    turned = x * cos
    turned[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-1)
    turned[..., half:].addcmul_(x[..., :half], sin[..., half:])
    return turned


def _window(config: PreTrainedConfig, architecture: Architecture, number: int) -> int | None:
    """How far a layer looks back, or None for all the way."""
    if architecture.window == "none":
        return None
    if architecture.window == "by layer" and config.layer_types[number] != "sliding_attention":
        return None
    window = config.sliding_window
    assert window is None or isinstance(window, int)
    return window

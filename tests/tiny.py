"""Small real models on disk: stock architectures, random weights, a byte-level tokenizer.

Their numbers mean nothing, but the code that loads and runs them is the code that loads and runs
a checkpoint of seven billion parameters.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    GraniteConfig,
    LlamaConfig,
    MistralConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen3Config,
)

from prm_core.calculator import N_FEATURES, VERSION, operations, solver
from prm_core.families.heads import ValueHead
from prm_core.families.value_head import TEXTBOOK, save_value_head

SPECIAL = ("[BOS]", "[Q]", "[STEP]", "[PAD]")

CONFIGS: dict[str, type[PreTrainedConfig]] = {
    "qwen2": Qwen2Config,
    "llama": LlamaConfig,
    "mistral": MistralConfig,
    "qwen3": Qwen3Config,
    "granite": GraniteConfig,
}

MARKED: dict[str, Any] = {
    **TEXTBOOK,
    "layout": {"problem": "{problem}", "problem_end": "[Q]", "step": "{step}"},
    "marker": "[STEP]",
}
"""A family file in which special tokens stand between the user's texts."""

DIGITS_AND_SIGNS: dict[str, Any] = {"tokens": list("0123456789+-=")}
"""`evidence` for the tiny tokenizer, whose entries are single bytes."""

CALCULATOR: dict[str, Any] = {"evidence": {"calculator": VERSION}}
CALCULATOR_AND_UNITS: dict[str, Any] = {
    "evidence": {**DIGITS_AND_SIGNS, "calculator": VERSION},
    "head": {"units": 5},
}
"""Parts of family files whose head sees a calculator."""


def tiny_tokenizer(
    *, bos: bool = True, normalizer: normalizers.Normalizer | None = None
) -> PreTrainedTokenizerFast:
    """One token per byte, four special tokens; any text can be written."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *alphabet])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="[BOS]" if bos else None,
        pad_token="[PAD]",
        extra_special_tokens=["[Q]", "[STEP]"],
    )


def tiny_config(arch: str = "qwen2", **changes: Any) -> PreTrainedConfig:
    """Two layers, 32 wide, two query heads for each key head.

    Args:
        arch: a key of `CONFIGS`, or one that does not pack: "gpt2" (learned positions) or "gemma2"
            (no SDPA).
        changes: settings of the config class.
    """
    if arch == "gpt2":
        small = {"vocab_size": 264, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 4096}
        return GPT2Config(**{**small, "bos_token_id": 0, "eos_token_id": None, **changes})
    settings: dict[str, Any] = {
        "vocab_size": 264,
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        # The default 0.02 leaves attention almost uniform, which hides wrong masks and positions.
        "initializer_range": 0.3,
        "bos_token_id": 0,
        "eos_token_id": None,
        "pad_token_id": 3,
    }
    if arch == "mistral":
        settings["sliding_window"] = None
    if arch == "granite":
        settings |= {
            "embedding_multiplier": 1.5,
            "residual_multiplier": 0.7,
            "attention_multiplier": 0.2,
        }
    kind = Gemma2Config if arch == "gemma2" else CONFIGS[arch]
    return kind(**{**settings, **changes})


def random_head(n_hidden: int, prm: dict[str, Any] = TEXTBOOK) -> ValueHead:
    """A head of the form that a family file tells and that is not zero, from torch's seed."""
    evidence = prm.get("evidence") or {}
    head = ValueHead(
        n_hidden,
        "tokens" in evidence,
        calculator=N_FEATURES * ("calculator" in evidence)
        + operations.N_FEATURES * ("operations" in evidence)
        + solver.N_FEATURES * ("solver" in evidence),
        units=(prm.get("head") or {}).get("units", 0),
        pooled_beside=frozenset() if "pooling" in (prm.get("head") or {}) else None,
    )
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return head


def tiny_model(
    path: Path,
    arch: str = "qwen2",
    *,
    prm: dict[str, Any] | None = None,
    tokenizer: PreTrainedTokenizerFast | None = None,
    seed: int = 0,
    **config: Any,
) -> Path:
    """Write a value-head checkpoint as `prm_core.training` would.

    Args:
        path: the directory; made if need be.
        arch: a key of `CONFIGS`.
        prm: the family file; `TEXTBOOK` when not given.
        tokenizer: `tiny_tokenizer()` when not given.
        seed: of the weights.
        config: changes to `tiny_config`.

    Returns:
        path.
    """
    prm = TEXTBOOK if prm is None else prm
    settings = tiny_config(arch, **config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(settings)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "norm" in name or name.endswith("bias"):  # else all ones and zeros
                    weight.add_(0.1 * torch.randn_like(weight))
        head = random_head(settings.hidden_size, prm)
    model.save_pretrained(path)
    (tokenizer or tiny_tokenizer()).save_pretrained(path)
    save_value_head(path, head, prm)
    return path


def rewrite_tensors(file: Path, **changes: Tensor | None) -> None:
    """Change tensors of a safetensors file in place; None removes one.

    Names are given with "__" for ".".
    """
    from safetensors.torch import load_file, save_file

    tensors = load_file(file)
    for name, tensor in changes.items():
        key = name.replace("__", ".")
        tensors.pop(key)
        if tensor is not None:
            tensors[key] = tensor
    save_file(tensors, file, metadata={"format": "pt"})

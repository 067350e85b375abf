"""LoRA adapters, merged into their base when a model is loaded.

An adapter in the layout of the peft library: `adapter_config.json` names the base, the rank r and
alpha; `adapter_model.safetensors` holds for each adapted linear layer A (r, in) and B (out, r)
under `base_model.model.<layer>.lora_A.weight` and `.lora_B.weight`. Merging adds
(alpha / r) · B · A to the layer's weight, in float32, once; nothing is left to do when the model
runs, and peft is not needed. What plain merging cannot express is refused by name.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from prm_core.checkpoint import read_json, read_tensors, weights
from prm_core.errors import ModelLoadError

ADAPTER_FILE = "adapter_config.json"
_FILES = ("adapter_model.safetensors", "adapter_model.bin")
_KEY = re.compile(r"base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight")


_HARMLESS = {
    *("auto_mapping", "base_model_name_or_path", "bias", "corda_config", "ensure_weight_tying"),
    *("eva_config", "exclude_modules", "inference_mode", "init_lora_weights", "layers_pattern"),
    *("layers_to_transform", "loftq_config", "lora_alpha", "lora_dropout", "lora_ga_config"),
    *("megatron_config", "megatron_core", "parent_library", "peft_type", "peft_version"),
    *("qalora_group_size", "r", "revision", "runtime_config", "target_modules", "task_type"),
    *("trainable_token_indices", "use_rslora"),
}
"""Settings of peft 0.21 that do not change the merge, or whose tensors have names of their own."""

_INITS = (True, False, None, "gaussian", "eva", "orthogonal")
"""Ways to begin that leave the base's weights alone; others subtract from them (PiSSA, OLoRA …)."""


def is_adapter(directory: Path) -> bool:
    """Whether a folder holds an adapter and no weights of a model of its own.

    Raises:
        ModelLoadError: it holds both; transformers would take the one or the other, depending on
            whether peft is installed.
    """
    if not (directory / ADAPTER_FILE).is_file():
        return False
    if weights(directory).files:
        raise ModelLoadError(
            f"{directory} holds an adapter ({ADAPTER_FILE}) and weights of a whole model, so which "
            "one is meant is not known; move one of them elsewhere"
        )
    return True


def base_of(directory: Path) -> str:
    """The model that an adapter was trained on, as its file names it.

    Raises:
        ModelLoadError: the file is damaged or names none.
    """
    base = read_json(directory / ADAPTER_FILE).get("base_model_name_or_path")
    if not isinstance(base, str) or not base:
        raise ModelLoadError(f"{directory / ADAPTER_FILE} names no base model")
    return base


def merge_adapter(backbone: PreTrainedModel, directory: Path) -> None:
    """Add an adapter to the weights of its base, in place.

    Args:
        backbone: the base without its LM head.
        directory: the adapter's folder.

    Raises:
        ModelLoadError: the adapter is of another kind than plain LoRA, adapts a layer that the
            backbone lacks, or a tensor is missing or misshapen; names it.
    """
    file = directory / ADAPTER_FILE
    settings = read_json(file)
    _refuse_other_kinds(settings, file)
    rank, alpha = settings.get("r"), settings.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        raise ModelLoadError(f"{file}: 'r' is {rank!r} and 'lora_alpha' is {alpha!r}")
    scale = alpha / (math.sqrt(rank) if settings.get("use_rslora") else rank)
    tensors: dict[str, Tensor] = {}
    for name in _FILES:
        tensors = tensors or read_tensors(directory / name)
    if not tensors:
        raise ModelLoadError(f"{directory / _FILES[0]} is missing or empty")
    pairs: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        found = _KEY.fullmatch(key)
        if found is None:
            raise ModelLoadError(
                f"{directory}: tensor {key!r} is not of a plain LoRA layer; merge the adapter with "
                "the library that made it, and load the result"
            )
        pairs.setdefault(found[1], {})[found[2]] = tensor
    layers = dict(backbone.named_modules())
    for name, pair in pairs.items():
        layer = layers.get(name.removeprefix(f"{backbone.base_model_prefix}."))
        if not isinstance(layer, nn.Linear):
            raise ModelLoadError(f"{directory}: adapts {name!r}, which the backbone does not have")
        _add(layer, pair, rank, scale, f"{directory}: LoRA of {name!r}")


def _refuse_other_kinds(settings: dict[str, Any], file: Path) -> None:
    """What would change the result if it were ignored."""
    if settings.get("peft_type") != "LORA":
        raise ModelLoadError(f"{file}: 'peft_type' is {settings.get('peft_type')!r}, not 'LORA'")
    for key, value in settings.items():
        if (value and key not in _HARMLESS) or (key == "init_lora_weights" and value not in _INITS):
            raise ModelLoadError(
                f"{file}: {key!r} is {value!r}, which plain merging cannot do; merge the "
                "adapter with the library that made it, and load the result"
            )


@torch.no_grad()
def _add(layer: nn.Linear, pair: dict[str, Tensor], rank: int, scale: float, what: str) -> None:
    """W += scale · B · A."""
    n_out, n_in = layer.weight.shape
    for letter, shape in (("A", (rank, n_in)), ("B", (n_out, rank))):
        if letter not in pair:
            raise ModelLoadError(f"{what}: lora_{letter} is missing")
        if pair[letter].shape != shape:
            raise ModelLoadError(
                f"{what}: lora_{letter} has shape {tuple(pair[letter].shape)}, not {shape}"
            )
    device = layer.weight.device
    if device.type == "meta":
        raise ModelLoadError(
            f"{what}: the base's weight is not on any GPU, so nothing can be merged into it; "
            "choose a device that holds the whole base, or merge with the library that made the "
            "adapter"
        )
    change = pair["B"].float().to(device) @ pair["A"].float().to(device)
    layer.weight.copy_(layer.weight.float() + scale * change)

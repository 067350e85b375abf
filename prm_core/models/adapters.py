"""LoRA adapters, merged into their base when a model is loaded.

An adapter in the layout of the peft library: `adapter_config.json` names the base, the rank r and
alpha; `adapter_model.safetensors` holds A (r, in) and B (out, r) for each adapted linear layer
under `base_model.model.<layer>.lora_A.weight` and `.lora_B.weight`. Merging adds
(alpha / r) · B · A to the layer's weight, in float32, once; nothing is left to do when the model
runs, and peft is not needed. Training writes them in the same layout. Settings that plain merging
cannot express are refused by name; the names are those of peft 0.21.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from prm_core.errors import ModelLoadError
from prm_core.models.weight_files import ADAPTER_FILE, AGAIN, ModelFolder, read_json, read_tensors

_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")

_HARMLESS = {
    *("auto_mapping", "base_model_name_or_path", "bias", "corda_config", "ensure_weight_tying"),
    *("eva_config", "exclude_modules", "inference_mode", "init_lora_weights", "layers_pattern"),
    *("layers_to_transform", "loftq_config", "lora_alpha", "lora_dropout", "lora_ga_config"),
    *("megatron_config", "megatron_core", "parent_library", "peft_type", "peft_version"),
    *("qalora_group_size", "r", "revision", "runtime_config", "target_modules", "task_type"),
    *("use_rslora",),
}
"""Settings that do not change the computation, or that add tensors whose names are refused."""

_PLAIN_STARTS = (None, True, False, "gaussian", "eva", "orthogonal", "mica")
"""How A and B may be initialised. Other ways (PiSSA, OLoRA, CorDA, LoftQ, LoRA-GA) first subtract
their share from the base's weights, so that A and B belong to a base that is not stored."""

_WAY_OUT = "merge the adapter with peft where it was trained, and give the merged model"

_KEY = re.compile(r"base_model\.model\.(.+)\.lora_([AB])(?:\.default)?\.weight")


def is_adapter(folder: ModelFolder) -> bool:
    """Whether a folder holds an adapter and no model weights, with or without config.json."""
    return has_adapter(folder.path) and not folder.weights.files


def has_adapter(directory: Path) -> bool:
    """Whether an adapter is in a folder, alone or beside something else."""
    return (directory / ADAPTER_FILE).is_file()


def base_of(directory: Path) -> tuple[str, str | None]:
    """The model and revision that an adapter was trained on, as its file names them.

    Raises:
        ModelLoadError: the file is damaged or does not name a model.
    """
    settings = read_json(directory / ADAPTER_FILE)
    base, revision = settings.get("base_model_name_or_path"), settings.get("revision")
    if not isinstance(base, str) or not base:
        raise ModelLoadError(f"{directory / ADAPTER_FILE} names no base model")
    return base, None if Path(base).is_dir() else revision or None


def merge_adapter(backbone: PreTrainedModel, directory: Path) -> None:
    """Add an adapter to the weights of its base, in place.

    Args:
        backbone: the base without its LM head.
        directory: the adapter's folder.

    Raises:
        ModelLoadError: the adapter is not plain LoRA, adapts a layer that the backbone lacks, or a
            tensor is missing or misshapen; names it.
    """
    file = directory / ADAPTER_FILE
    settings = read_json(file)
    _refuse_other_kinds(settings, file)
    rank, alpha = settings.get("r"), settings.get("lora_alpha")
    if not isinstance(rank, int) or rank < 1 or not isinstance(alpha, int | float):
        raise ModelLoadError(f"{file}: 'r' is {rank!r} and 'lora_alpha' is {alpha!r}")
    scale = alpha / (math.sqrt(rank) if settings.get("use_rslora") else rank)
    tensors: dict[str, Tensor] = {}
    for name in _WEIGHTS:
        tensors = tensors or read_tensors(directory / name)
    if not tensors:
        raise ModelLoadError(f"{directory / _WEIGHTS[0]} is missing or empty; {AGAIN}")
    pairs: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        found = _KEY.fullmatch(key)
        if found is None:
            raise ModelLoadError(
                f"{directory}: tensor {key!r} does not belong to a plain LoRA layer; {_WAY_OUT}"
            )
        pairs.setdefault(found[1], {})[found[2]] = tensor
    layers = dict(backbone.named_modules())
    for name, pair in pairs.items():
        layer = layers.get(name.removeprefix(f"{backbone.base_model_prefix}."))
        if not isinstance(layer, nn.Linear):
            raise ModelLoadError(f"{directory}: adapts {name!r}, which the backbone does not have")
        _add(layer, pair, rank, scale, f"{directory}: LoRA of {name!r}")


def save_adapter(
    directory: Path, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
) -> None:
    """Write an adapter as files that `merge_adapter` and peft read, in float16.

    Args:
        directory: must exist.
        tensors: by peft's names.
        settings: what adapter_config.json says beside its type.
    """
    halves = {
        name: tensor.detach().to("cpu", torch.float16).contiguous()
        for name, tensor in tensors.items()
    }
    save_file(halves, directory / _WEIGHTS[0], metadata={"format": "pt"})
    text = json.dumps({"peft_type": "LORA", **settings}, indent=2)
    (directory / ADAPTER_FILE).write_text(text + "\n", encoding="utf-8")


def copy_adapter(source: Path, directory: Path) -> None:
    """Copy an adapter's files from one folder to another that exists."""
    for name in (ADAPTER_FILE, *_WEIGHTS):
        if (source / name).is_file():
            shutil.copyfile(source / name, directory / name)


def _refuse_other_kinds(settings: dict[str, Any], file: Path) -> None:
    """Refuse settings that would change the result if they were ignored."""
    if settings.get("peft_type") != "LORA":
        raise ModelLoadError(f"{file}: 'peft_type' is {settings.get('peft_type')!r}, not 'LORA'")
    if tokens := settings.get("alora_invocation_tokens"):
        raise ModelLoadError(
            f"{file}: 'alora_invocation_tokens' is {tokens!r}: the adapter is active only after "
            "these tokens, which merging cannot express; use one that was trained without them"
        )
    refused = [key for key, value in settings.items() if value and key not in _HARMLESS]
    if settings.get("init_lora_weights") not in _PLAIN_STARTS:
        refused.append("init_lora_weights")
    for key in refused:
        raise ModelLoadError(
            f"{file}: {key!r} is {settings[key]!r}, which plain merging cannot do; {_WAY_OUT}"
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

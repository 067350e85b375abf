"""A causal language model with its head, as generators use it.

Stock architectures and safetensors only; no code comes from a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from prm_core.errors import BadOptionError
from prm_core.models.backbone import (
    find_model,
    load_backbone,
    load_config,
    load_tokenizer,
    quiet_transformers,
)
from prm_core.models.device import choose_device
from prm_core.models.weight_files import ModelFolder


@dataclass(frozen=True, slots=True)
class CausalModel:
    """A loaded model.

    Attributes:
        name: as it was asked for.
        model: the transformer with its head.
        tokenizer: its own.
        device: where it runs.
        context: how many tokens it reads at most; None where it does not say so.
        end_ids: tokens that end a text.
        pad_id: a token that fills up rows.
    """

    name: str
    model: Any
    tokenizer: Any
    device: torch.device
    context: int | None
    end_ids: tuple[int, ...]
    pad_id: int | None


def load_causal(
    model: str, *, chat: bool = False, device: str = "auto", dtype: str = "auto"
) -> CausalModel:
    """Load a causal language model.

    Args:
        model: directory or hub name, or that of the small backbone.
        chat: whether its chat format is needed.
        device, dtype: as for `prm_core.models.device.choose_device`.

    Raises:
        ModelLoadError: the model cannot be loaded.
        BadOptionError: the device is not here, or the tokenizer has no chat template.
    """
    placement = choose_device(device, dtype)
    directory = find_model(model)
    folder = ModelFolder(directory)
    with quiet_transformers():
        tokenizer = load_tokenizer(directory)
        backbone = load_backbone(folder, load_config(folder), placement, AutoModelForCausalLM)
    if chat and tokenizer.chat_template is None:
        raise BadOptionError(f"the tokenizer of {model} has no chat template")
    own: Any = backbone.generation_config
    end, pad = own.eos_token_id, tokenizer.pad_token_id
    return CausalModel(
        model,
        backbone,
        tokenizer,
        placement.device,
        getattr(backbone.config, "max_position_embeddings", None),
        () if end is None else tuple(end) if isinstance(end, list) else (end,),
        pad if pad is not None else tokenizer.eos_token_id,
    )

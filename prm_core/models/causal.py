"""A causal language model with its head, as generators use it.

Stock architectures and safetensors only; no code comes from a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import MODEL_FOR_CAUSAL_LM_MAPPING, AutoModelForCausalLM, PreTrainedConfig

from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.models.backbone import (
    find_model,
    load_backbone,
    load_config,
    load_tokenizer,
    quiet_transformers,
)
from prm_core.models.device import choose_device
from prm_core.models.weight_files import ModelFolder

_KEY_VALUE_LAYERS = {"full_attention", "sliding_attention", "chunked_attention"}
"""Layers that keep keys and values alone; layers of other kinds keep a state beside them."""


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
        ModelLoadError: the model cannot be loaded, or keeps a state instead of keys and values.
        BadOptionError: the device is not here, or the tokenizer has no chat template.
    """
    placement = choose_device(device, dtype)
    directory = find_model(model)
    folder = ModelFolder(directory)
    with quiet_transformers():
        tokenizer = load_tokenizer(directory)
        config = load_config(folder)
        architecture = _architecture(model, config)
        backbone = load_backbone(
            folder,
            config,
            placement,
            AutoModelForCausalLM,
            attention="sdpa" if architecture._supports_sdpa else "eager",  # Gemma 2, say
        )
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


def _architecture(model: str, config: PreTrainedConfig) -> Any:
    """The class of a model that keeps keys and values.

    Raises:
        ModelLoadError: it keeps a state.
    """
    found = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    architecture: Any = found[0] if isinstance(found, tuple) else found
    layers = getattr(config.get_text_config(), "layer_types", None) or ()
    if architecture._is_stateful or not set(layers) <= _KEY_VALUE_LAYERS:
        raise ModelLoadError(
            f"{model} ({config.model_type}) keeps a state instead of keys and values, so it cannot "
            "write here; run it on a server (vLLM, say) and give its address with --generator and "
            "its name with --generator-model"
        )
    return architecture

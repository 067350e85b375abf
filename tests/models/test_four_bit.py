"""Weights in 4 bits: the values and the bytes are those of ggml's own package."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from gguf import GGMLQuantizationType, dequantize, quantize
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModel, AutoModelForCausalLM

from prm_core.errors import ModelLoadError
from prm_core.models.backbone import load_backbone, load_config
from prm_core.models.device import Placement
from prm_core.models.four_bit import pack, round_weights, unpack
from prm_core.models.weight_files import FOUR_BIT_FILE, ModelFolder, pack_weights
from tests.tiny import tiny_config

Q4_0 = GGMLQuantizationType.Q4_0
PLACE = Placement(torch.device("cpu"), torch.float32, "a test")


def matrices() -> list[Tensor]:
    """Usual ones, and blocks that are 0, alike, or as far below 0 as above."""
    torch.manual_seed(0)
    usual = torch.randn(48, 96) * 0.05
    ties = torch.randint(-3, 4, (64, 64)) * 0.25
    return [usual, ties, torch.zeros(2, 32), torch.full((1, 32), 0.5), usual * 1e-6]


@pytest.mark.parametrize("weight", matrices())
def test_weights_are_rounded_packed_and_unpacked_as_by_ggml(weight: Tensor) -> None:
    blocks = quantize(weight.numpy(), Q4_0)
    wanted = torch.from_numpy(dequantize(blocks, Q4_0))
    assert torch.equal(pack(weight), torch.from_numpy(blocks))
    assert torch.equal(unpack(torch.from_numpy(blocks)), wanted)
    assert torch.equal(round_weights(weight), wanted)


def test_rounding_twice_changes_nothing() -> None:
    once = round_weights(matrices()[0])
    assert torch.equal(round_weights(once), once)


def test_a_model_in_4_bits_loads_as_the_rounded_one(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_config(tiny_config("llama")).eval()
    model.save_pretrained(tmp_path)
    pack_weights(tmp_path)
    assert not (tmp_path / "model.safetensors").exists()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.dim() == 2:
                weight.copy_(torch.from_numpy(dequantize(quantize(weight.numpy(), Q4_0), Q4_0)))
    ids = torch.tensor([[5, 9, 40, 41]])
    wanted = model.base_model(ids).last_hidden_state
    for kind in (AutoModel, AutoModelForCausalLM):
        folder = ModelFolder(tmp_path)
        loaded = load_backbone(folder, load_config(folder), PLACE, kind)
        assert loaded.dtype == torch.float32
        torch.testing.assert_close(loaded.base_model(ids).last_hidden_state, wanted)


def test_a_damaged_matrix_in_4_bits_is_refused_by_name(tmp_path: Path) -> None:
    AutoModelForCausalLM.from_config(tiny_config("llama")).save_pretrained(tmp_path)
    pack_weights(tmp_path)
    file = tmp_path / FOUR_BIT_FILE
    tensors = load_file(file)
    name, short = "model.layers.0.mlp.up_proj.weight", "layers.0.mlp.up_proj.weight"
    for wrong, message in (
        (tensors[name][:, :-1].contiguous(), "not a matrix in 4 bits"),
        (tensors[name][:-1].contiguous(), "config.json asks for"),
    ):
        save_file({**tensors, name: wrong}, file)
        folder = ModelFolder(tmp_path)
        with pytest.raises(ModelLoadError, match=f"{short}.*{message}"):
            load_backbone(folder, load_config(folder), PLACE)

"""What of a checkpoint is refused before it gives a number: damage that nothing else would tell."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from prm_core.errors import ModelError, ModelLoadError
from prm_core.models import backbone
from prm_core.models.weight_files import SUMS_FILE, write_sums
from prm_core.paths import assets_dir
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests.families.build import write_weights
from tests.tiny import tiny_model

SHIPPED = assets_dir() / "default-model"
SEVEN = Candidate("What is 7 × 8?", ("7 × 8 = 54.",))


def rewritten(directory: Path, change: object, file: str = "model.safetensors") -> None:
    """The weights with a function applied to each."""
    assert callable(change)
    tensors = load_file(directory / file)
    save_file({name: change(tensor) for name, tensor in tensors.items()}, directory / file)


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The model that ships, where it may be damaged."""
    monkeypatch.setattr(backbone, "assets_dir", lambda: tmp_path)
    return shutil.copytree(SHIPPED, tmp_path / "default-model")


@pytest.mark.parametrize("file", sorted(json.loads((SHIPPED / SUMS_FILE).read_text("utf-8"))))
@pytest.mark.parametrize("by_path", [False, True])
def test_one_flipped_bit_of_the_shipped_model_is_noticed(
    file: str, by_path: bool, copy: Path
) -> None:
    damaged = bytearray((copy / file).read_bytes())
    damaged[-9] ^= 1
    (copy / file).write_bytes(damaged)
    with pytest.raises(ModelLoadError, match=f"{file} differs from the one listed in {SUMS_FILE}"):
        load_scorer(copy if by_path else None)


def test_the_shipped_model_is_whole_and_listed_whole(copy: Path) -> None:
    listed = (copy / SUMS_FILE).read_text("utf-8")
    write_sums(copy)
    assert (copy / SUMS_FILE).read_text("utf-8") == listed, "make checksums"
    assert load_scorer().score([SEVEN])
    (copy / "value_head.safetensors").unlink()
    with pytest.raises(ModelLoadError, match=r"value_head\.safetensors differs"):
        load_scorer()
    (copy / SUMS_FILE).unlink()
    with pytest.raises(ModelLoadError, match=f"{SUMS_FILE} is missing; .* install the project"):
        load_scorer()


def test_a_model_of_zeros_is_refused(tmp_path: Path) -> None:
    rewritten(tiny_model(tmp_path), torch.zeros_like)
    with pytest.raises(ModelLoadError, match=r"tensor '.*' holds nothing but zeros"):
        load_scorer(tmp_path)


def test_one_matrix_of_zeros_among_good_ones_is_refused_by_name(tmp_path: Path) -> None:
    tensors = load_file(tiny_model(tmp_path) / "model.safetensors")
    name = next(name for name in tensors if name.endswith("down_proj.weight"))
    save_file({**tensors, name: torch.zeros_like(tensors[name])}, tmp_path / "model.safetensors")
    with pytest.raises(ModelLoadError, match=r"down_proj\.weight' holds nothing but zeros"):
        load_scorer(tmp_path)


@pytest.mark.parametrize("stored_as", [torch.int8, torch.uint8, torch.int32, torch.float8_e4m3fn])
@pytest.mark.parametrize("file", ["model.safetensors", "value_head.safetensors", "pickle"])
def test_weights_that_a_quantizer_rounded_are_refused(
    stored_as: torch.dtype, file: str, tmp_path: Path
) -> None:
    def rounded(tensor: Tensor) -> Tensor:
        return (tensor * 100).clamp(-100, 100).to(stored_as)

    tiny_model(tmp_path)
    if file == "pickle":
        tensors = load_file(tmp_path / "model.safetensors")
        (tmp_path / "model.safetensors").unlink()
        whole = {name: rounded(tensor) for name, tensor in tensors.items()}
        write_weights(tmp_path, whole, pickled=True)
    else:
        rewritten(tmp_path, rounded, file)
    with pytest.raises(ModelLoadError, match=r"stored as .*, so these are not the weights as they"):
        load_scorer(tmp_path)


@pytest.mark.parametrize("where", ["../elsewhere.safetensors", "absolute", "a/../../b.safetensors"])
def test_shards_outside_the_folder_are_refused(where: str, tmp_path: Path) -> None:
    directory = tiny_model(tmp_path / "model")
    outside = tmp_path / "elsewhere.safetensors"
    (directory / "model.safetensors").rename(outside)
    named = str(outside) if where == "absolute" else where
    shards = dict.fromkeys(load_file(outside), named)
    index = {"metadata": {}, "weight_map": shards}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelLoadError, match="which is outside its folder"):
        load_scorer(directory)


@pytest.mark.parametrize("file", ["config.json", "prm.json", "tokenizer_config.json"])
def test_json_that_is_nested_without_end_is_refused_by_file(file: str, tmp_path: Path) -> None:
    tiny_model(tmp_path)
    (tmp_path / file).write_text('{"a":' + "[" * 100_000 + "]" * 100_000 + "}")
    with pytest.raises(ModelLoadError, match=rf"{file} cannot be read as JSON \(.*recursion"):
        load_scorer(tmp_path)


@pytest.mark.parametrize(
    ("dtype", "advice"), [("float32", "its weights are damaged"), ("bfloat16", "try dtype float32")]
)
def test_numbers_that_are_not_finite_get_the_advice_that_helps(
    dtype: str, advice: str, tmp_path: Path
) -> None:
    rewritten(tiny_model(tmp_path), lambda tensor: torch.full_like(tensor, torch.nan))
    scorer = load_scorer(tmp_path, dtype=dtype)
    with pytest.raises(ModelError, match=f"not finite in torch.{dtype}; {advice}") as caught:
        scorer.score([SEVEN])
    assert ("float32;" in str(caught.value)) == (dtype == "float32")

"""Models larger than a GPU: held in 8 or 4 bits, or spread over devices; scores stay what they are.

Everything that spreads is tested with real hooks of accelerate, which fetch layers from disk. What
needs several GPUs is skipped where they are missing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from prm_core.cli import main
from prm_core.doctor import Golden, examine, verdict
from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.families import Checkpoint, family_for
from prm_core.models.adapters import merge_adapter
from prm_core.models.backbone import load_backbone, load_config, load_tokenizer
from prm_core.models.device import Placement, place_model, with_fewer_bits
from prm_core.models.weight_files import ModelFolder
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.types import Candidate
from tests.families.contract import CANDIDATES
from tests.models import test_adapters
from tests.tiny import DIGITS_AND_SIGNS, MARKED, rewrite_tensors, tiny_model

ROOT = Path(__file__).parent.parent.parent

needs_bitsandbytes = pytest.mark.skipif(
    find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)
no_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is here")
WITH_EVIDENCE = {**MARKED, "evidence": DIGITS_AND_SIGNS}  # reads the embedding as LM head
WIDE: dict[str, Any] = {"hidden_size": 64, "intermediate_size": 128, "head_dim": 16}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Layers of whole blocks of weights, without which 4 bits are refused on the CPU."""
    return tiny_model(tmp_path_factory.mktemp("wide"), prm=WITH_EVIDENCE, **WIDE)


def numbers(scorer: Scorer, candidates: Sequence[Candidate] = CANDIDATES) -> list[float]:
    scorer.forget()
    return [p for scored in scorer.score(candidates) for p in scored.probabilities]


def numbers_alone(scorer: Scorer) -> list[float]:
    return [p for candidate in CANDIDATES for p in numbers(scorer, [candidate])]


def mean_difference(ones: list[float], others: list[float]) -> float:
    return sum(abs(a - b) for a, b in zip(ones, others, strict=True)) / len(ones)


# --- fewer bits -------------------------------------------------------------------------------


@needs_bitsandbytes
def test_four_bits_score_as_the_model_whose_weights_are_rounded_so(wide: Path) -> None:
    """The rounded weights are computed here from what NF4 says, and put into the model as it is."""
    from bitsandbytes.functional import get_4bit_type

    levels = get_4bit_type("nf4", device="cpu")
    plain = load_scorer(wide, device="cpu")
    whole = numbers(plain)
    for layer in plain._backbone.modules():
        if isinstance(layer, nn.Linear):
            blocks = layer.weight.reshape(-1, 64)
            scales = blocks.abs().amax(dim=1, keepdim=True)
            nearest = (blocks / scales)[..., None].sub(levels).abs().argmin(dim=-1)
            layer.weight.data = (levels[nearest] * scales).reshape(layer.weight.shape)
    rounded = load_scorer(wide, device="cpu", quantize="4bit")
    assert rounded.packed
    assert numbers(rounded) == pytest.approx(numbers(plain), rel=0, abs=1e-5)
    assert numbers_alone(rounded) == pytest.approx(numbers(plain), rel=0, abs=1e-5)
    assert numbers(rounded) != pytest.approx(whole, rel=0, abs=1e-3)


@needs_bitsandbytes
def test_eight_bits_score_nearly_as_the_model(wide: Path) -> None:
    """Packed and alone too: which columns stay in half precision hangs on the tokens together."""
    scorer = load_scorer(wide, device="cpu", quantize="8bit")
    whole = numbers(load_scorer(wide, device="cpu"))
    assert mean_difference(numbers(scorer), whole) < 0.03
    assert mean_difference(numbers_alone(scorer), numbers(scorer)) < 0.03
    assert len(set(whole)) > 10


@needs_bitsandbytes
@pytest.mark.parametrize("imports", ["load_scorer", "train"])
def test_bitsandbytes_fetches_no_code_from_the_hub(
    imports: str, wide: Path, tmp_path: Path
) -> None:
    """In a fresh interpreter that has the package it would ask for it."""
    fetched = tmp_path / "fetched"
    (tmp_path / "kernels.py").write_text(
        f"def get_kernel(*_, **__): open({str(fetched)!r}, 'w')\n", encoding="utf-8"
    )
    of_it = {
        "load_scorer": "from prm_core.scoring.load import load_scorer\n"
        f"load_scorer({str(wide)!r}, device='cpu', quantize='8bit')",
        "train": "import prm_core.training.engine",
    }
    code = (
        f"import sys, kernels\n{of_it[imports]}\n"
        "assert sys.modules['kernels'] is kernels and 'bitsandbytes' in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not fetched.exists()


@needs_bitsandbytes
@pytest.mark.parametrize(("bits", "dtype"), [("8bit", torch.int8), ("4bit", torch.uint8)])
def test_only_linear_layers_have_fewer_bits(wide: Path, bits: str, dtype: torch.dtype) -> None:
    scorer = load_scorer(wide, device="cpu", quantize=bits)
    linear = [layer for layer in scorer._backbone.modules() if isinstance(layer, nn.Linear)]
    assert len(linear) == 14
    assert {layer.weight.dtype for layer in linear} == {dtype}
    held = {id(layer.weight) for layer in linear}
    others = [tensor for tensor in scorer._backbone.parameters() if id(tensor) not in held]
    assert {tensor.dtype for tensor in others} == {torch.float32}


@needs_bitsandbytes
def test_results_say_that_the_weights_were_rounded(
    wide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems = tmp_path / "in.jsonl"
    problems.write_text(json.dumps({"problem": "2 + 2?", "solutions": ["4\n4"]}), "utf-8")
    words = ["score", str(problems), "--model", str(wide), "--device", "cpu"]
    assert main([*words, "--quantize", "8bit"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["model"] == f"{wide} (8bit)"
    assert err == ""
    assert place_model("cpu", quantize="8bit").reason.endswith(
        "8bit weights: as asked, scores are near those of the model"
    )


@needs_bitsandbytes
def test_the_doctor_does_not_hold_rounded_weights_against_published_numbers(wide: Path) -> None:
    candidate = CANDIDATES[0]
    golden = Golden(str(wide), "a paper", 1e-9, candidate, (0.5,) * len(candidate.steps))
    (*_, found) = findings = list(
        examine(load_scorer(wide, device="cpu", quantize="4bit"), [golden])
    )
    assert (found.name, found.good) == ("rounded", True)
    assert "4bit weights: not a check" in found.text
    trusted, line = verdict(findings)
    assert trusted
    assert "check them without --quantize" in line


@needs_bitsandbytes
def test_four_bits_are_refused_on_the_cpu_where_they_come_out_wrong(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"a multiple of 64 wide.*q_proj' is 32.*8bit"):
        load_scorer(tiny_model(tmp_path), device="cpu", quantize="4bit")


@needs_bitsandbytes
@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_a_tensor_that_is_missing_or_misshapen_is_named_all_the_same(
    bits: str, tmp_path: Path
) -> None:
    name = "model.layers.0.mlp.up_proj.weight"
    path = tiny_model(tmp_path / "a", **WIDE)
    rewrite_tensors(path / "model.safetensors", model__layers__0__mlp__up_proj__weight=None)
    with pytest.raises(ModelLoadError, match=r"up_proj\.weight' is missing"):
        load_scorer(path, device="cpu", quantize=bits)
    path = tiny_model(tmp_path / "b", **WIDE)
    rewrite_tensors(path / "model.safetensors", **{name.replace(".", "__"): torch.zeros(3, 64)})
    with pytest.raises(ModelLoadError, match=r"up_proj\.weight' has shape"):
        load_scorer(path, device="cpu", quantize=bits)


@pytest.mark.parametrize("package", ["bitsandbytes", "accelerate"])
def test_a_package_that_is_missing_is_named_with_the_way_out(
    package: str, wide: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(BadOptionError, match=rf"not installed: pip install .*{package}"):
        load_scorer(wide, device="cpu", quantize="8bit")


def test_what_cannot_be_quantized_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="'2bit' is not known; choose 8bit or 4bit"):
        load_scorer(device="cpu", quantize="2bit")
    apple = Placement(torch.device("mps"), torch.float32, "as asked")
    with pytest.raises(BadOptionError, match="not for mps; choose device cpu"):
        with_fewer_bits(apple, "8bit")


@needs_bitsandbytes
def test_an_adapter_is_not_merged_into_rounded_weights(tmp_path: Path) -> None:
    own = test_adapters.adapter(tmp_path / "adapter", test_adapters.base(tmp_path / "base"))
    with pytest.raises(BadOptionError, match=r"is an adapter.*merge it with the library"):
        load_scorer(own, device="cpu", family="math_psa", quantize="8bit")


def test_a_server_has_its_own_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problems = tmp_path / "in.jsonl"
    problems.write_text(json.dumps({"problem": "2 + 2?", "solutions": ["4"]}), "utf-8")
    words = ["rank", str(problems), "--server", "http://127.0.0.1:1", "--quantize", "4bit"]
    assert main(words) == 1
    assert "--quantize does not apply with --server" in capsys.readouterr().err


# --- spread over devices ----------------------------------------------------------------------


def spread_scorer(path: Path, places: dict[str, str | int], packed: bool = True) -> Scorer:
    """As `load_scorer` makes it, with modules where `places` says."""
    device = torch.device(places["embed_tokens"])
    placement = Placement(device, torch.float32, "as the test asks", device_map=places)
    backbone = load_backbone(ModelFolder(path), load_config(ModelFolder(path)), placement)
    tokenizer = load_tokenizer(path)
    return Scorer(
        model_id=str(path),
        family="value_head",
        backbones=[backbone],
        tokenizer=tokenizer,
        opened=family_for(ModelFolder(path)).open(
            Checkpoint(ModelFolder(path), backbone, tokenizer)
        ),
        placement=placement,
        packed=packed,
    )


def places(first: str | int, second: str | int) -> dict[str, str | int]:
    """Embedding and first layer at one place, the rest at another."""
    near = dict.fromkeys(("embed_tokens", "rotary_emb"), first)
    return {**near, "layers.0": first, "layers.1": second, "norm": second}


ON_DISK = {**places("cpu", "disk"), "layers.0": "disk"}


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("arch", ["qwen2", "granite", "mistral", "qwen3"])
def test_layers_that_wait_on_disk_score_as_in_memory(
    arch: str, packed: bool, tmp_path: Path
) -> None:
    changes = {"sliding_window": 7} if arch == "mistral" else {}
    path = tiny_model(tmp_path, arch, prm=WITH_EVIDENCE, **changes)
    scorer = spread_scorer(path, ON_DISK, packed)
    assert scorer.packed is packed
    weights = [layer.weight for layer in scorer._backbone.modules() if isinstance(layer, nn.Linear)]
    assert {weight.device.type for weight in weights} == {"meta"}, "nothing waits on disk"
    expected = numbers(load_scorer(path, device="cpu"))
    assert numbers(scorer) == pytest.approx(expected, rel=0, abs=1e-5)
    assert numbers_alone(scorer) == pytest.approx(expected, rel=0, abs=1e-5)


def test_what_waits_elsewhere_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spread_scorer(tiny_model(tmp_path), ON_DISK)
    (record,) = caplog.records
    assert "69 % of the weights are in CPU memory or on disk" in record.getMessage()


def test_an_embedding_without_a_place_is_refused(tmp_path: Path) -> None:
    path = tiny_model(tmp_path)
    nowhere = Placement(
        torch.device("cpu"), torch.float32, "", device_map={**ON_DISK, "embed_tokens": "disk"}
    )
    with pytest.raises(ModelLoadError, match="the embedding does not fit on any device"):
        load_backbone(ModelFolder(path), load_config(ModelFolder(path)), nowhere)


def test_an_adapter_is_not_merged_into_what_waits_elsewhere(tmp_path: Path) -> None:
    base = test_adapters.base(tmp_path / "base")
    own = test_adapters.adapter(tmp_path / "adapter", base)
    away = Placement(torch.device("cpu"), torch.float32, "", device_map=ON_DISK)
    backbone = load_backbone(ModelFolder(base), load_config(ModelFolder(base)), away)
    with pytest.raises(ModelLoadError, match="is not on any GPU, so nothing can be merged"):
        merge_adapter(backbone, own)


@no_cuda
def test_without_a_gpu_there_is_nothing_to_spread_over(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match=r"there is no GPU here; choose from auto, .*cpu"):
        load_scorer(tiny_model(tmp_path), device="all")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_all_gpus_score_as_one_does(tmp_path: Path) -> None:
    path = tiny_model(tmp_path, prm=WITH_EVIDENCE)
    scorer = load_scorer(path, device="all", dtype="float32")
    assert scorer.device_reason.startswith(f"all {torch.cuda.device_count()} GPUs")
    expected = numbers(load_scorer(path, device="cuda:0", dtype="float32"))
    assert numbers(scorer) == pytest.approx(expected, rel=0, abs=1e-4)


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="no two CUDA devices")
@pytest.mark.parametrize("second", [1, "cpu"])
def test_two_devices_score_as_one_does(second: str | int, tmp_path: Path) -> None:
    path = tiny_model(tmp_path, prm=WITH_EVIDENCE)
    expected = numbers(load_scorer(path, device="cpu"))
    for packed in (True, False):
        scorer = spread_scorer(path, places(0, second), packed)
        assert numbers(scorer) == pytest.approx(expected, rel=0, abs=1e-4)

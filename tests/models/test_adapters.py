"""Adapters are merged into their base when they are loaded, and what cannot be is refused."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from prm_core.errors import ModelLoadError
from prm_core.models.adapters import base_of
from prm_core.scoring.load import load_scorer
from tests import reference
from tests.families import build, contract
from tests.families.test_versa_prm import qwen

SETTINGS = {
    "peft_type": "LORA",
    "r": 4,
    "lora_alpha": 8,
    "bias": "none",
    "target_modules": ["q_proj", "v_proj"],
    "modules_to_save": None,
    "alpha_pattern": {},
}


def base(path: Path) -> Path:
    return build.checkpoint(path, qwen(), arch="qwen2", architectures=["Qwen2ForCausalLM"])


def tensors(infix: str = "") -> dict[str, torch.Tensor]:
    """For q (32 → 32) and v (32 → 16) of both layers, far from zero."""
    made = {}
    generator = torch.Generator().manual_seed(5)
    for layer in range(2):
        for name, n_out in (("q_proj", 32), ("v_proj", 16)):
            key = f"base_model.model.model.layers.{layer}.self_attn.{name}"
            for letter, shape in (("A", (4, 32)), ("B", (n_out, 4))):
                made[f"{key}.lora_{letter}{infix}.weight"] = torch.randn(shape, generator=generator)
    return made


def adapter(
    path: Path,
    base_name: Path | str,
    weights: dict[str, torch.Tensor] | None = None,
    pickled: bool = False,
    **changes: Any,
) -> Path:
    path.mkdir()
    settings = {**SETTINGS, "base_model_name_or_path": str(base_name), **changes}
    (path / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
    weights = tensors() if weights is None else weights
    if pickled:
        torch.save(weights, path / "adapter_model.bin")
    else:
        save_file(weights, path / "adapter_model.safetensors")
    return path


def merged(path: Path, source: Path, scale: float) -> Path:
    """The base with the sum written into its own file."""
    base(path)
    found = reference.tensors_of(source)
    made = tensors()
    for key in made:
        if key.endswith("lora_A.weight"):
            name = key.removeprefix("base_model.model.").replace("lora_A.", "")
            found[name] += scale * made[key.replace("lora_A", "lora_B")] @ made[key]
    build.write_weights(path, found)
    return path


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize(("rslora", "scale"), [(False, 2.0), (True, 4.0)])
def test_an_adapter_gives_what_the_merged_model_gives(
    rslora: bool, scale: float, pickled: bool, tmp_path: Path
) -> None:
    source = base(tmp_path / "base")
    whole = merged(tmp_path / "whole", source, scale)
    own = adapter(tmp_path / "adapter", source, use_rslora=rslora, pickled=pickled)

    def recipe(_: Path, candidate: Any) -> reference.Expected:
        return reference.math_psa(whole, candidate)

    contract.hold_parity(own, recipe, family="math_psa")
    (plain,) = load_scorer(source, family="math_psa").score(contract.CANDIDATES[:1])
    (adapted,) = load_scorer(own, family="math_psa").score(contract.CANDIDATES[:1])
    assert plain.probabilities != adapted.probabilities


def test_the_adapter_s_own_tokenizer_counts_and_its_names_may_have_one_more_part(
    tmp_path: Path,
) -> None:
    source = base(tmp_path / "base")
    own = adapter(tmp_path / "adapter", source, tensors(".default"))
    whole = merged(tmp_path / "whole", source, 2.0)
    qwen().save_pretrained(own)
    (source / "tokenizer.json").unlink()
    recipe = partial(reference.math_psa, whole)
    contract.hold_parity(own, lambda _, candidate: recipe(candidate), family="math_psa")


def test_a_config_beside_an_adapter_does_not_make_it_a_model(tmp_path: Path) -> None:
    source = base(tmp_path / "base")
    own = adapter(tmp_path / "adapter", source)
    (expected,) = load_scorer(own, family="math_psa").score(contract.CANDIDATES[:1])
    shutil.copy(source / "config.json", own)
    (scored,) = load_scorer(own, family="math_psa").score(contract.CANDIDATES[:1])
    assert scored == expected


def test_an_adapter_beside_a_model_s_own_weights_is_refused(tmp_path: Path) -> None:
    both = base(tmp_path / "both")
    own = adapter(tmp_path / "adapter", both)
    for file in own.iterdir():
        shutil.copy(file, both)
    with pytest.raises(ModelLoadError, match=r"adapter_config\.json is beside .* move"):
        load_scorer(both, family="math_psa")


def test_an_adapter_s_base_is_fetched_at_the_revision_that_it_names(tmp_path: Path) -> None:
    own = adapter(tmp_path / "adapter", "some/base", revision="v2")
    assert base_of(own) == ("some/base", "v2")
    folder = base(tmp_path / "base")
    assert base_of(adapter(tmp_path / "local", folder, revision="v2")) == (str(folder), None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"peft_type": "IA3"}, "'peft_type' is 'IA3', not 'LORA'"),
        ({"use_dora": True}, "'use_dora' is True, which plain merging cannot do"),
        ({"modules_to_save": ["score"]}, r"'modules_to_save' is \['score'\]"),
        ({"use_qalora": True}, "'use_qalora' is True"),
        ({"invented_later": 1}, "'invented_later' is 1, which plain merging cannot do"),
        ({"rank_pattern": {"q_proj": 2}}, "'rank_pattern'"),
        ({"layer_replication": [[0, 1], [0, 1]]}, "'layer_replication'"),
        ({"init_lora_weights": "pissa_niter_16"}, "'init_lora_weights' is 'pissa_niter_16', which"),
        ({"init_lora_weights": "olora"}, "merge .* with peft .* give the merged model"),
        (
            {"alora_invocation_tokens": [7, 8]},
            r"'alora_invocation_tokens' is \[7, 8\].* merging cannot",
        ),
        ({"r": 0}, "'r' is 0"),
        ({"lora_alpha": None}, "'lora_alpha' is None"),
        ({"r": 8}, r"lora_A has shape \(4, 32\), not \(8, 32\)"),
        ({"base_model_name_or_path": None}, "names no base model"),
        ({"base_model_name_or_path": "/no/such/folder"}, "neither a folder here nor the name"),
    ],
    ids=str,
)
def test_what_cannot_be_merged_is_refused_by_name(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    source = base(tmp_path / "base")
    with pytest.raises(ModelLoadError, match=message):
        load_scorer(adapter(tmp_path / "a", source, **changes), family="math_psa")


@pytest.mark.parametrize("start", [True, False, "gaussian", "eva", "orthogonal"])
def test_a_start_that_leaves_the_base_as_it_is_changes_nothing(start: Any, tmp_path: Path) -> None:
    source = base(tmp_path / "base")
    candidates = contract.CANDIDATES[:1]
    first, second = (
        load_scorer(adapter(tmp_path / name, source, **changes), family="math_psa")
        for name, changes in (("a", {}), ("b", {"init_lora_weights": start}))
    )
    assert first.score(candidates)[0].log_odds == second.score(candidates)[0].log_odds


@pytest.mark.parametrize(
    ("key", "new", "message"),
    [
        ("model.layers.0.self_attn.q_proj.lora_B.weight", None, "lora_B is missing"),
        ("", "base_model.model.lm_head.lora_A.weight", "adapts 'lm_head', which the backbone"),
        ("", "base_model.model.score.weight", "does not belong to a plain LoRA layer"),
    ],
)
def test_a_tensor_too_few_or_too_many_is_refused_by_name(
    key: str, new: str | None, message: str, tmp_path: Path
) -> None:
    made = tensors()
    if new is None:
        del made[f"base_model.model.{key}"]
    else:
        made[new] = torch.zeros(4, 32)
    with pytest.raises(ModelLoadError, match=message):
        load_scorer(adapter(tmp_path / "a", base(tmp_path / "base"), made), family="math_psa")


def test_settings_that_change_nothing_are_no_reason_to_refuse(tmp_path: Path) -> None:
    source = base(tmp_path / "base")
    from peft import LoraConfig

    settings = json.loads(json.dumps(LoraConfig(r=4).to_dict(), default=list))
    changes = {key: value for key, value in settings.items() if key not in SETTINGS}
    changes |= {"init_lora_weights": "gaussian", "layers_to_transform": [0, 1]}
    own = adapter(tmp_path / "a", source, **{**changes, "base_model_name_or_path": str(source)})
    load_scorer(own, family="math_psa")


def test_an_adapter_without_weights_is_refused(tmp_path: Path) -> None:
    own = adapter(tmp_path / "a", base(tmp_path / "base"))
    (own / "adapter_model.safetensors").unlink()
    with pytest.raises(
        ModelLoadError, match=r"adapter_model\.safetensors is missing .*; download it"
    ):
        load_scorer(own, family="math_psa")

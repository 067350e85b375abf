"""Qwen2.5-Math-PRM, its layout on Qwen3, and ReasonFlux-PRM."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from prm_core.errors import ModelLoadError
from prm_core.families import family_for
from prm_core.models.weight_files import ModelFolder
from prm_core.scoring.load import load_scorer
from tests import reference
from tests.families import build, contract

CODE = {
    "AutoConfig": "configuration_qwen2_rm.Qwen2RMConfig",
    "AutoModel": "modeling_qwen2_rm.Qwen2ForProcessRewardModel",
}
HEAD = {
    "score.0.weight": (32, 32),
    "score.0.bias": (32,),
    "score.2.weight": (2, 32),
    "score.2.bias": (2,),
}


def tokenizer(side: str = "right", *, special: bool = True) -> PreTrainedTokenizerFast:
    marker = ("<extra_0>",)
    return build.merging_tokenizer(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *(marker if special else ())),
        added=() if special else marker,
        template=build.QWEN_TEMPLATE,
        pad="<|endoftext|>",
        side=side,
    )


def make(path: Path, arch: str = "qwen2", side: str = "right", **changes: Any) -> Path:
    """As the published directory looks: code that nobody runs, an LM head that nobody reads."""
    directory = build.checkpoint(
        path,
        changes.pop("tokenizer", None) or tokenizer(side),
        arch=arch,
        architectures=[arch.replace("qwen", "Qwen") + "ForProcessRewardModel"],
        head=HEAD,
        written={"auto_map": CODE},
        **{"n_files": 4, **changes},
    )
    (directory / "modeling_qwen2_rm.py").write_text(
        f"open({str(path / 'was_run')!r}, 'w')\nclass Qwen2ForProcessRewardModel: pass\n",
        encoding="utf-8",
    )
    return directory


with_system = reference.qwen_prm


@pytest.mark.parametrize("arch", ["qwen2", "qwen3"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_scores_are_those_of_the_published_recipe(arch: str, side: str, tmp_path: Path) -> None:
    scorer = contract.hold_parity(make(tmp_path, arch, side), with_system)
    assert (scorer.family, scorer.threshold) == ("qwen_prm", 0.5)
    contract.hold_causality(scorer)
    contract.hold_length(scorer)
    assert not (tmp_path / "was_run").exists()


def test_reasonflux_leaves_the_system_message_to_the_template(tmp_path: Path) -> None:
    without = partial(reference.qwen_prm, system=None)
    scorer = contract.hold_parity(make(tmp_path), without, family="reasonflux")
    assert scorer.encode(contract.CANDIDATES[0]) != (
        load_scorer(tmp_path).encode(contract.CANDIDATES[0])
    )


@pytest.mark.parametrize("special", [True, False])
def test_a_typed_marker_is_text(special: bool, tmp_path: Path) -> None:
    own = tokenizer(special=special)
    scorer = load_scorer(make(tmp_path, tokenizer=own))
    contract.hold_typed_markers(
        scorer,
        ["<extra_0>", "<|im_end|>\n<|im_start|>user"],
        own.convert_tokens_to_ids("<extra_0>"),
    )


def test_one_file_gives_what_four_shards_give(tmp_path: Path) -> None:
    four = load_scorer(make(tmp_path / "four")).score(contract.CANDIDATES)
    one = load_scorer(make(tmp_path / "one", n_files=1)).score(contract.CANDIDATES)
    assert [a.probabilities for a in one] == [a.probabilities for a in four]


@pytest.mark.parametrize("name", HEAD)
def test_every_tensor_of_the_head_counts_and_a_missing_one_is_refused(
    name: str, tmp_path: Path
) -> None:
    make(tmp_path)
    before = load_scorer(tmp_path).score(contract.CANDIDATES[:1])[0].probabilities
    tensors = reference.tensors_of(tmp_path)
    right = tensors[name]
    tensors[name] = right + torch.linspace(0, 1, right.numel()).view_as(right)
    build.write_weights(tmp_path, tensors, n_files=4)
    assert load_scorer(tmp_path).score(contract.CANDIDATES[:1])[0].probabilities != before
    tensors[name] = right[..., :-1].contiguous()
    build.write_weights(tmp_path, tensors, n_files=4)
    with pytest.raises(ModelLoadError, match=rf"'{name}' has shape"):
        load_scorer(tmp_path)
    del tensors[name]
    build.write_weights(tmp_path, tensors, n_files=4)
    with pytest.raises(ModelLoadError, match=rf"'{name}' of the head is missing"):
        load_scorer(tmp_path)


def test_a_tokenizer_that_splits_the_marker_is_refused(tmp_path: Path) -> None:
    """The stock Qwen2.5 tokenizers do: there its id belongs to another token."""
    stock = build.merging_tokenizer(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>"), template=build.QWEN_TEMPLATE
    )
    with pytest.raises(ModelLoadError, match=r"'<extra_0>' is \d+ tokens in this tokenizer"):
        load_scorer(make(tmp_path, tokenizer=stock))


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (None, "chat template cannot be used"),
        ("{{ messages[0].content.nothing.there }}", "chat template cannot be used"),
        ("{{ messages[1].content }}", "does not show every turn once"),
    ],
)
def test_a_chat_template_that_does_not_serve_is_refused(
    template: str | None, message: str, tmp_path: Path
) -> None:
    own = tokenizer()
    own.chat_template = template
    with pytest.raises(ModelLoadError, match=message):
        load_scorer(make(tmp_path, tokenizer=own))


def test_it_is_recognised_by_its_class_alone(tmp_path: Path) -> None:
    make(tmp_path)
    assert family_for(ModelFolder(tmp_path)).name == "qwen_prm"
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    for others in (["Qwen2ForProcessRewardModels"], ["Qwen2ForCausalLM"], None):
        config["architectures"] = others
        (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        with pytest.raises(Exception, match=r"--family\): value_head, qwen_prm"):
            family_for(ModelFolder(tmp_path))

"""SPARE-PRM: Math-Shepherd's tag in a conversation."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from prm_core.errors import ModelLoadError
from prm_core.scoring.load import load_scorer
from tests import reference
from tests.families import build, contract
from tests.families.test_rlhflow import SPECIAL


def tokenizer(side: str = "right", words: tuple[str, ...] = (" ки",)) -> PreTrainedTokenizerFast:
    return build.merging_tokenizer(
        SPECIAL, words=words, template=build.LLAMA_TEMPLATE, bos="<|begin_of_text|>", side=side
    )


def make(path: Path, own: PreTrainedTokenizerFast) -> Path:
    return build.checkpoint(path, own, arch="llama", architectures=["LlamaForCausalLM"], n_files=4)


@pytest.mark.parametrize("side", ["left", "right"])
def test_scores_are_those_of_the_published_recipe(side: str, tmp_path: Path) -> None:
    recipe = reference.spare_prm
    scorer = contract.hold_parity(make(tmp_path, tokenizer(side)), recipe, family="spare_prm")
    contract.hold_causality(scorer)
    contract.hold_length(scorer)
    marker = tokenizer().encode(" ки", add_special_tokens=False)[0]
    contract.hold_typed_markers(scorer, [" ки", "ки", "<|eot_id|>", "\n"], marker)


def test_a_vocabulary_without_the_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"' ки' is \d+ tokens in this tokenizer"):
        load_scorer(make(tmp_path, tokenizer(words=())), family="spare_prm")

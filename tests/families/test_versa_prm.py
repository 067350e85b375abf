"""VersaPRM and OpenR's Math-psa: tags made of line ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from prm_core.errors import ModelLoadError
from prm_core.scoring.load import load_scorer
from tests import reference
from tests.families import build, contract

FOUR, FIVE = " \n\n\n\n", " \n\n\n\n\n"


def llama(side: str = "right") -> PreTrainedTokenizerFast:
    tokenizer = build.merging_tokenizer(("<|begin_of_text|>",), words=(FOUR,), side=side)
    bos = ("<|begin_of_text|>", tokenizer.convert_tokens_to_ids("<|begin_of_text|>"))
    tokenizer._tokenizer.post_processor = TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[bos]
    )
    return tokenizer


def qwen(side: str = "right") -> PreTrainedTokenizerFast:
    return build.merging_tokenizer(("<|endoftext|>",), words=(FIVE, " +", " -"), side=side)


@pytest.mark.parametrize("side", ["left", "right"])
def test_versa_prm_is_read_at_four_line_ends(side: str, tmp_path: Path) -> None:
    build.checkpoint(tmp_path, llama(side), arch="llama", architectures=["LlamaForCausalLM"])
    scorer = contract.hold_parity(tmp_path, reference.versa_prm, family="versa_prm")
    contract.hold_causality(scorer)
    contract.hold_length(scorer)
    marker = llama().encode(FOUR, add_special_tokens=False)[0]
    contract.hold_typed_markers(scorer, [FOUR, "\n\n\n\n", FIVE, "<|begin_of_text|>"], marker)


@pytest.mark.parametrize("side", ["left", "right"])
def test_math_psa_is_read_at_five_line_ends(side: str, tmp_path: Path) -> None:
    build.checkpoint(tmp_path, qwen(side), arch="qwen2", architectures=["Qwen2ForCausalLM"])
    scorer = contract.hold_parity(tmp_path, reference.math_psa, family="math_psa")
    contract.hold_causality(scorer)
    contract.hold_length(scorer)
    contract.hold_typed_markers(scorer, [FIVE, "\n\n\n\n\n"], qwen().encode(FIVE)[0])


def test_a_vocabulary_without_the_tag_is_refused(tmp_path: Path) -> None:
    build.checkpoint(tmp_path, qwen(), arch="qwen2", architectures=["Qwen2ForCausalLM"])
    with pytest.raises(ModelLoadError, match="tokens in this tokenizer"):
        load_scorer(tmp_path, family="math_shepherd")

"""Math-Shepherd on a SentencePiece vocabulary, ER-PRM on a byte-level one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from prm_core.errors import ModelLoadError, UnknownModelError
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests import reference
from tests.families import build, contract

PLAIN = partial(reference.math_shepherd, blank="")
BLANK = partial(reference.math_shepherd, blank=" ")


def with_bos(tokenizer: PreTrainedTokenizerFast, bos: str) -> PreTrainedTokenizerFast:
    tokenizer._tokenizer.post_processor = TemplateProcessing(
        single=f"{bos} $A", special_tokens=[(bos, tokenizer.convert_tokens_to_ids(bos))]
    )
    tokenizer.bos_token = bos
    return tokenizer


def mistral(side: str = "right") -> PreTrainedTokenizerFast:
    tokenizer = build.sentencepiece_tokenizer(("▁+", "▁-", "▁ки"), padding_side=side)
    return with_bos(tokenizer, "<s>")


def llama(side: str = "right") -> PreTrainedTokenizerFast:
    special = ("<|begin_of_text|>", "<|eot_id|>")
    tokenizer = build.merging_tokenizer(special, words=(" +", " -", " ки"), side=side)
    return with_bos(tokenizer, "<|begin_of_text|>")


def shepherd(path: Path, side: str = "right", **changes: Any) -> Path:
    """As published: pickles in two shards."""
    options = {"arch": "mistral", "n_files": 2, "pickled": True, **changes}
    return build.checkpoint(path, mistral(side), architectures=["MistralForCausalLM"], **options)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("arch", ["mistral", "llama"])
def test_scores_are_those_of_the_published_recipe(side: str, arch: str, tmp_path: Path) -> None:
    directory = shepherd(tmp_path, side, arch=arch)
    scorer = contract.hold_parity(directory, PLAIN, family="math_shepherd")
    contract.hold_causality(scorer)
    contract.hold_length(scorer)


def test_a_head_with_fewer_rows_than_the_tokenizer_has_tokens_is_refused(tmp_path: Path) -> None:
    shepherd(tmp_path, settings={"vocab_size": 20})
    with pytest.raises(ModelLoadError, match=r"read at token \d+, but the LM head has 20 rows"):
        load_scorer(tmp_path, family="math_shepherd")


@pytest.mark.parametrize("side", ["left", "right"])
def test_er_prm_is_read_with_its_blanks(side: str, tmp_path: Path) -> None:
    build.checkpoint(tmp_path, llama(side), arch="llama", architectures=["LlamaForCausalLM"])
    contract.hold_parity(tmp_path, BLANK, family="er_prm")


def test_the_prompt_is_one_line_for_each_step(tmp_path: Path) -> None:
    scorer = load_scorer(shepherd(tmp_path), family="math_shepherd")
    ids = scorer.encode(Candidate("Ann has 3.", ("3+2 = 5", "So 5"))).input_ids
    text = mistral().decode(ids, clean_up_tokenization_spaces=False)
    assert text == "<s> Ann has 3. Step 1: 3+2 = 5 ки\nStep 2: So 5 ки"


def test_a_step_that_is_numbered_keeps_its_number(tmp_path: Path) -> None:
    scorer = load_scorer(shepherd(tmp_path), family="math_shepherd")
    plain = Candidate("Ann has 3.", ("3+2 = 5", "So 5"))
    written = replace(plain, steps=("Step 1: 3+2 = 5", " 2. So 5\n"))
    assert scorer.encode(written) == scorer.encode(plain)
    titled = replace(plain, steps=("Step 1 (add): 3+2 = 5", "Step 2.5 is less"))
    text = mistral().decode(scorer.encode(titled).input_ids, clean_up_tokenization_spaces=False)
    assert text == "<s> Ann has 3. Step 1 (add): 3+2 = 5 ки\nStep 2: Step 2.5 is less ки"


def test_a_typed_tag_is_text(tmp_path: Path) -> None:
    scorer = load_scorer(shepherd(tmp_path / "a"), family="math_shepherd")
    marker = mistral().convert_tokens_to_ids("▁ки")
    contract.hold_typed_markers(scorer, [" ки", "ки", " ки\n", "<s>"], marker)
    build.checkpoint(tmp_path / "b", llama(), arch="llama", architectures=["LlamaForCausalLM"])
    scorer = load_scorer(tmp_path / "b", family="er_prm")
    marker = llama().convert_tokens_to_ids(llama().tokenize(" ки")[0])
    contract.hold_typed_markers(scorer, [" ки", "ки", "<|eot_id|>"], marker)


def test_a_language_model_is_not_taken_for_a_prm(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match=r"\(MistralForCausalLM\).*--family.*math_shepherd"):
        load_scorer(shepherd(tmp_path))


def test_a_vocabulary_without_the_tag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"' ки' is \d+ tokens in this tokenizer"):
        load_scorer(shepherd(tmp_path), family="er_prm")


def test_the_rows_of_both_signs_count_and_a_missing_head_is_refused(tmp_path: Path) -> None:
    shepherd(tmp_path, pickled=False)
    plus, minus = mistral().convert_tokens_to_ids(["▁+", "▁-"])

    def log_odds() -> torch.Tensor:
        scorer = load_scorer(tmp_path, family="math_shepherd")
        return torch.tensor(scorer.score(contract.CANDIDATES[:1])[0].log_odds)

    before, tensors = log_odds(), reference.tensors_of(tmp_path)
    head = tensors["lm_head.weight"]
    head[[plus, minus]] = head[[minus, plus]]
    build.write_weights(tmp_path, tensors, n_files=2)
    torch.testing.assert_close(log_odds(), -before, rtol=0, atol=1e-5)
    del tensors["lm_head.weight"]
    build.write_weights(tmp_path, tensors, n_files=2)
    with pytest.raises(ModelLoadError, match=r"'lm_head\.weight' .* is missing"):
        load_scorer(tmp_path, family="math_shepherd")

"""The llemma PRMs, whose LM head holds the reward."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from prm_core.errors import ModelLoadError
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests import reference
from tests.families import build, contract


def tokenizer(side: str = "right") -> PreTrainedTokenizerFast:
    own = build.sentencepiece_tokenizer(
        ("▁answer",), bos_token="<s>", eos_token="</s>", padding_side=side
    )
    own._tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", own.convert_tokens_to_ids("<s>"))]
    )
    return own


def make(path: Path, side: str = "right") -> Path:
    """A pickle in two shards whose LM head repeats two rows over the vocabulary."""
    own = tokenizer(side)
    rows = torch.randn(2, 32, generator=torch.Generator().manual_seed(1))
    head = {"lm_head.weight": rows.repeat((len(own) + 8) // 2 + 1, 1)[: len(own) + 8]}
    return build.checkpoint(
        path,
        own,
        arch="llama",
        architectures=["LlamaForCausalLM"],
        head=head,
        n_files=2,
        pickled=True,
    )


@pytest.mark.parametrize("side", ["left", "right"])
def test_scores_are_the_mean_of_all_logits(side: str, tmp_path: Path) -> None:
    one_line = [c for c in contract.CANDIDATES if "\n\n" not in "".join(c.steps)]
    scorer = contract.hold_parity(
        make(tmp_path, side), reference.llemma_prm, candidates=one_line, family="llemma_prm"
    )
    contract.hold_length(scorer)
    contract.hold_typed_markers(scorer, ["\n", "\n\n", "\n \n\n", "</s>", "<s>"])


def test_blank_lines_inside_a_step_are_line_ends(tmp_path: Path) -> None:
    scorer = load_scorer(make(tmp_path), family="llemma_prm")
    blank = scorer.encode(Candidate("a", ("b\n\n\n c", "d")))
    assert blank == scorer.encode(Candidate("a", ("b\n c", "d")))


def test_a_tokenizer_that_merges_blank_lines_is_refused(tmp_path: Path) -> None:
    own = build.merging_tokenizer(("<s>",), words=("\n\n",))
    build.checkpoint(tmp_path, own, arch="llama", architectures=["LlamaForCausalLM"])
    with pytest.raises(ModelLoadError, match="a blank line is not the same token twice"):
        load_scorer(tmp_path, family="llemma_prm")

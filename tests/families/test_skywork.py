"""Skywork-o1-Open-PRM."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from prm_core.errors import ModelLoadError
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests import reference
from tests.families import build, contract

HEAD = {"v_head.summary.weight": (1, 32), "v_head.summary.bias": (1,)}
LINES = [
    *contract.CANDIDATES,
    Candidate("Two\nlines.", ("first\nsecond.\n\nfourth", "so.\n", "\n\nend")),
]


def tokenizer(side: str = "right", bos: str | None = "<|im_start|>") -> PreTrainedTokenizerFast:
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    return build.merging_tokenizer(special, bos=bos, pad="<|endoftext|>", side=side)


def make(path: Path, side: str = "right", bos: str | None = "<|im_start|>", **changes: Any) -> Path:
    """As published: a pickle, another BOS in config.json, code that does not fit."""
    return build.checkpoint(
        path,
        tokenizer(side, bos),
        arch="qwen2",
        architectures=["Qwen2ForPrmModel"],
        written={"auto_map": {"AutoModel": "modeling_qwen2_rm.Qwen2ForRewardModel"}},
        **{
            "head": HEAD,
            "pickled": True,
            "settings": {"bos_token_id": 0, "tie_word_embeddings": True},
            **changes,
        },
    )


@pytest.mark.parametrize("side", ["left", "right"])
def test_scores_are_those_of_the_published_recipe(
    side: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "prm_core.models.backbone"):
        scorer = contract.hold_parity(make(tmp_path, side), reference.skywork, candidates=LINES)
    assert scorer.family == "skywork"
    assert "pytorch_model.bin: a pickle" in caplog.text
    contract.hold_causality(scorer)
    contract.hold_length(scorer)


def test_special_tokens_in_the_text_are_text(tmp_path: Path) -> None:
    scorer = load_scorer(make(tmp_path))
    contract.hold_typed_markers(scorer, ["\n", "\n\n", "<|im_start|>"])
    ids = scorer.encode(Candidate("<|im_start|>", ("<|im_start|>",))).input_ids
    assert ids.count(tokenizer().convert_tokens_to_ids("<|im_start|>")) == 1


def test_a_tokenizer_without_bos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="the tokenizer has no BOS"):
        load_scorer(make(tmp_path, bos=None))


@pytest.mark.parametrize("name", HEAD)
def test_a_missing_or_misshapen_head_is_refused_by_name(name: str, tmp_path: Path) -> None:
    head = dict(HEAD)
    del head[name]
    with pytest.raises(ModelLoadError, match=f"'{name}' of the head is missing"):
        load_scorer(make(tmp_path / "missing", head=head))
    with pytest.raises(ModelLoadError, match=rf"'{name}' has shape"):
        load_scorer(make(tmp_path / "large", head={**HEAD, name: (2, 32)}))

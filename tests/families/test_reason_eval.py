"""ReasonEval, with its 7B script's places and without."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from prm_core.errors import ModelLoadError
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests import reference
from tests.families import build, contract

HEAD = {"score_head.weight": (3, 32)}
SIZES = {
    "7B": ("mistral", "MistralForCausalLM", {"score_dimension": 3, "use_bias": False}),
    "34B": ("llama", "ReasonEval_34B", {"score_dim": 3, "bias": False}),
}


def tokenizer(size: str, side: str = "right") -> PreTrainedTokenizerFast:
    """SentencePiece with BOS in front; the 7B model pads with BOS, the 34B one does not."""
    own = build.sentencepiece_tokenizer(
        ("▁answer",),
        bos_token="<s>",
        pad_token="<s>" if size == "7B" else "<unk>",
        padding_side=side,
    )
    own._tokenizer.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", own.convert_tokens_to_ids("<s>"))]
    )
    return own


def make(path: Path, size: str, side: str = "right") -> Path:
    arch, kind, written = SIZES[size]
    own = tokenizer(size, side)
    return build.checkpoint(
        path, own, arch=arch, architectures=[kind], head=HEAD, n_files=6, written=written
    )


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("size", SIZES)
def test_scores_are_those_of_the_authors_script(size: str, side: str, tmp_path: Path) -> None:
    recipe = partial(reference.reason_eval, size=size)
    scorer = contract.hold_parity(make(tmp_path, size, side), recipe)
    assert scorer.family == "reason_eval"
    contract.hold_causality(scorer)
    contract.hold_length(scorer)
    (scored,) = scorer.score([contract.CANDIDATES[0]])
    for validity, redundancy in zip(
        scored.probabilities, scored.extras["redundancies"], strict=True
    ):
        assert 0.0 <= redundancy <= validity


def test_the_7b_model_is_read_one_token_early_and_can_be_read_at_the_end(tmp_path: Path) -> None:
    candidate = contract.CANDIDATES[0]
    early = load_scorer(make(tmp_path, "7B")).encode(candidate)
    at_end = load_scorer(tmp_path, family="reason_eval_end").encode(candidate)
    assert at_end.input_ids == early.input_ids
    assert at_end.positions == tuple(position + 1 for position in early.positions)
    assert at_end.positions[-1] == len(at_end.input_ids) - 1


def test_the_34b_model_is_read_at_the_end_either_way(tmp_path: Path) -> None:
    candidate = contract.CANDIDATES[0]
    by_itself = load_scorer(make(tmp_path, "34B")).encode(candidate)
    assert by_itself == load_scorer(tmp_path, family="reason_eval_end").encode(candidate)


@pytest.mark.parametrize("size", SIZES)
def test_a_typed_separator_is_text(size: str, tmp_path: Path) -> None:
    scorer = load_scorer(make(tmp_path, size))
    contract.hold_typed_markers(scorer, ["<s>", "<unk>", "</s>"])
    ids = scorer.encode(Candidate("<s>", ("<s>", "<s>"))).input_ids
    assert ids.count(tokenizer(size).convert_tokens_to_ids("<s>")) == 1


def test_a_missing_head_is_refused_by_name(tmp_path: Path) -> None:
    tensors = reference.tensors_of(make(tmp_path, "7B"))
    build.write_weights(
        tmp_path, {**tensors, "score_head.weight": tensors["score_head.weight"][:2]}
    )
    (tmp_path / "model.safetensors.index.json").unlink()
    with pytest.raises(ModelLoadError, match=r"'score_head\.weight' has shape \(2, 32\)"):
        load_scorer(tmp_path)
    del tensors["score_head.weight"]
    build.write_weights(tmp_path, tensors)
    with pytest.raises(ModelLoadError, match=r"'score_head\.weight' of the head is missing"):
        load_scorer(tmp_path)

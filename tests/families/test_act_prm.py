"""ActPRM's ensemble."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from prm_core.errors import ModelLoadError
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests import reference
from tests.families import build, contract

SHAPES = {
    "nn1.weight": (8, 32, 128),
    "nn1.bias": (8, 128),
    "nn2.weight": (8, 128, 128),
    "nn2.bias": (8, 128),
    "nn_out.weight": (8, 128, 1),
    "nn_out.bias": (8, 1),
}
HEAD = {f"score.{kind}.{name}": SHAPES[name] for kind in ("model", "reg_model") for name in SHAPES}


def tokenizer(side: str = "right") -> PreTrainedTokenizerFast:
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>")
    return build.merging_tokenizer(
        special, template=build.QWEN_TEMPLATE, pad="<|endoftext|>", side=side
    )


def make(path: Path, side: str = "right", head: dict[str, tuple[int, ...]] | None = None) -> Path:
    """Members of moderate opinions; a large second copy that must not be read."""
    build.checkpoint(
        path,
        tokenizer(side),
        arch="qwen2",
        architectures=["Qwen2ForEnsemblePRM"],
        head=HEAD if head is None else head,
        written={"num_ensemble": 5, "rr_token": "<extra_0>", "rr_token_id": 4},
    )
    tensors = reference.tensors_of(path)
    for name in SHAPES:
        if f"score.model.{name}" in tensors:
            tensors[f"score.model.{name}"] *= 0.3
    build.write_weights(path, tensors)
    return path


@pytest.mark.parametrize("side", ["left", "right"])
def test_scores_are_the_mean_of_the_members(side: str, tmp_path: Path) -> None:
    scorer = contract.hold_parity(make(tmp_path, side), reference.act_prm)
    assert scorer.family == "act_prm"
    contract.hold_causality(scorer)
    contract.hold_length(scorer)
    marker = tokenizer().convert_tokens_to_ids("<extra_0>")
    contract.hold_typed_markers(scorer, ["<extra_0>", "<|im_end|>"], marker)
    (scored,) = scorer.score(contract.CANDIDATES[:1])
    assert min(scored.extras["spread"]) > 0.001


def test_the_authors_example_has_another_system_message(tmp_path: Path) -> None:
    recipe = partial(reference.act_prm, card=True)
    contract.hold_parity(make(tmp_path), recipe, family="act_prm_card")
    blanks = Candidate("a", (" b ", "c "))
    script, card = (load_scorer(tmp_path, family=name) for name in ("act_prm", "act_prm_card"))
    assert list(card.encode(blanks).input_ids) == recipe(tmp_path, blanks).input_ids
    assert list(script.encode(blanks).input_ids) == reference.act_prm(tmp_path, blanks).input_ids


def test_one_member_alone_has_no_spread(tmp_path: Path) -> None:
    head = {name: (1, *shape[1:]) for name, shape in HEAD.items()}
    scorer = contract.hold_parity(make(tmp_path, head=head), reference.act_prm)
    assert set(scorer.score(contract.CANDIDATES[:1])[0].extras["spread"]) == {0.0}


def test_log_odds_order_steps_where_every_member_is_sure(tmp_path: Path) -> None:
    make(tmp_path)
    tensors = reference.tensors_of(tmp_path)
    tensors["score.model.nn_out.bias"] += 200
    build.write_weights(tmp_path, tensors)
    (scored,) = load_scorer(tmp_path).score([contract.CANDIDATES[5]])
    assert set(scored.probabilities) == {1.0}
    assert len(set(scored.log_odds)) == 40
    assert all(torch.isfinite(torch.tensor(scored.log_odds)))


@pytest.mark.parametrize("name", SHAPES)
def test_a_missing_or_misshapen_tensor_is_refused_by_name(name: str, tmp_path: Path) -> None:
    key = f"score.model.{name}"
    with pytest.raises(ModelLoadError, match=f"'{key}' of the head is missing"):
        load_scorer(make(tmp_path / "a", head={k: v for k, v in HEAD.items() if k != key}))
    with pytest.raises(ModelLoadError, match="has shape"):
        load_scorer(make(tmp_path / "b", head={**HEAD, key: (7, *HEAD[key][1:])}))

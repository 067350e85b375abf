"""PQM: Q-values at [PRM]."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from prm_core.errors import ModelLoadError
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests import reference
from tests.families import build, contract

HEAD = {"v_head.summary.weight": (1, 32), "v_head.summary.bias": (1,)}


def tokenizer(side: str = "right", special: bool = True) -> PreTrainedTokenizerFast:
    made = build.merging_tokenizer(("<|begin|>", "<|end|>"), bos="<|begin|>", side=side)
    if special:
        made.add_special_tokens({"additional_special_tokens": ["[PRM]"]})
    return made


def make(
    path: Path, side: str = "right", head: dict[str, tuple[int, ...]] = HEAD, special: bool = True
) -> Path:
    own = tokenizer(side, special)
    return build.checkpoint(path, own, arch="llama", architectures=["LlamaForCausalLM"], head=head)


@pytest.mark.parametrize("side", ["left", "right"])
def test_scores_are_those_of_the_published_recipe(side: str, tmp_path: Path) -> None:
    scorer = contract.hold_parity(make(tmp_path, side), reference.pqm, family="pqm")
    contract.hold_causality(scorer)
    contract.hold_length(scorer)
    marker = tokenizer().convert_tokens_to_ids("[PRM]")
    contract.hold_typed_markers(scorer, ["[PRM]", " [PRM]\n", "<|begin|>"], marker)
    (scored,) = scorer.score(contract.CANDIDATES[:1])
    assert scored.log_odds == scored.extras["raw"]


def test_labels_of_steps_give_way_to_the_recipe_s(tmp_path: Path) -> None:
    scorer = load_scorer(make(tmp_path), family="pqm")
    plain = Candidate("a", ("b", "c"))
    labelled = Candidate("a", ("Step 1: b", "2. c"))
    assert scorer.encode(labelled) == scorer.encode(plain)


@pytest.mark.parametrize("name", HEAD)
def test_a_missing_or_misshapen_head_is_refused_by_name(name: str, tmp_path: Path) -> None:
    head = {key: shape for key, shape in HEAD.items() if key != name}
    with pytest.raises(ModelLoadError, match=f"'{name}' of the head is missing"):
        load_scorer(make(tmp_path / "missing", head=head), family="pqm")
    with pytest.raises(ModelLoadError, match=rf"'{name}' has shape"):
        load_scorer(make(tmp_path / "large", head={**HEAD, name: (2, 32)}), family="pqm")


def test_a_tokenizer_without_the_marker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"'\[PRM\]' is \d+ tokens"):
        load_scorer(make(tmp_path, special=False), family="pqm")

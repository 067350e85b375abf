"""Outcome reward models: one number for a whole solution."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from prm_core.errors import BadOptionError, ModelLoadError, TooLongError
from prm_core.evaluation.arithmetic import evaluate_arithmetic
from prm_core.evaluation.judge import judge
from prm_core.ranking.aggregate import METHODS, aggregate
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.types import Candidate, Example
from tests import reference
from tests.families import build, contract

SOLUTIONS = [replace(c, steps=("\n\n".join(c.steps),)) for c in contract.CANDIDATES]
QWEN_HEAD = {
    "score.0.weight": (32, 32),
    "score.0.bias": (32,),
    "score.2.weight": (1, 32),
    "score.2.bias": (1,),
}


def make(path: Path, side: str = "right", head: Any = None, kind: str = "") -> Path:
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
    own = build.merging_tokenizer(
        special, template=build.QWEN_TEMPLATE, pad="<|endoftext|>", side=side
    )
    return build.checkpoint(
        path,
        own,
        arch="qwen2",
        architectures=[kind or "Qwen2ForSequenceClassification"],
        head=head or {"score.weight": (1, 32)},
        settings={"num_labels": 1, "pad_token_id": 0},
    )


def judged_whole(scorer: Scorer) -> bool:
    """Whether a solution of several steps comes back as one, and tells which it was."""
    several = next(one for one in contract.CANDIDATES if len(one.steps) > 1)
    (scored,) = scorer.score([several])
    return scored.candidate.whole_of is several


@pytest.mark.parametrize("side", ["left", "right"])
def test_scores_are_those_of_the_stock_classifier(side: str, tmp_path: Path) -> None:
    scorer = contract.hold_parity(make(tmp_path, side), reference.outcome, candidates=SOLUTIONS)
    assert scorer.family == "outcome"
    assert judged_whole(scorer)


@pytest.mark.parametrize("pads", [True, False])
def test_a_template_that_ends_in_padding_is_read_before_it(pads: bool, tmp_path: Path) -> None:
    special = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
    own = build.merging_tokenizer(special, template=build.LLAMA_TEMPLATE, bos=special[0])
    end = own.convert_tokens_to_ids("<|eot_id|>")
    build.checkpoint(
        tmp_path,
        own,
        arch="llama",
        architectures=["LlamaForSequenceClassification"],
        head={"score.weight": (1, 32)},
        settings={"num_labels": 1, "pad_token_id": end if pads else None},
    )
    scorer = contract.hold_parity(tmp_path, reference.outcome, candidates=SOLUTIONS)
    assert (scorer.encode(SOLUTIONS[0]).input_ids[-1] == end) is not pads


@pytest.mark.parametrize("side", ["left", "right"])
def test_qwen_s_reward_model_has_two_layers_and_a_system_message(side: str, tmp_path: Path) -> None:
    make(tmp_path, side, QWEN_HEAD, "Qwen2ForRewardModel")
    scorer = contract.hold_parity(tmp_path, reference.qwen_rm, candidates=SOLUTIONS)
    assert scorer.family == "qwen_rm"
    assert judged_whole(scorer)


def test_acemath_has_a_system_message_of_its_own(tmp_path: Path) -> None:
    recipe = partial(reference.outcome, system=reference.ACEMATH_SYSTEM)
    scorer = contract.hold_parity(make(tmp_path), recipe, candidates=SOLUTIONS, family="acemath_rm")
    assert judged_whole(scorer)


def test_a_solution_of_many_steps_gets_one_score_under_every_rule(tmp_path: Path) -> None:
    scorer = load_scorer(make(tmp_path))
    for candidate, one in zip(contract.CANDIDATES, SOLUTIONS, strict=True):
        (scored,), (whole,) = scorer.score([candidate]), scorer.score([one])
        assert scored.candidate == one
        assert scored.probabilities == whole.probabilities
        assert scorer.encode(candidate) == scorer.encode(one)
        for method in METHODS:
            assert aggregate(scored.probabilities, method) == pytest.approx(whole.probabilities[0])


def test_markers_in_the_text_are_text_and_nothing_is_cut(tmp_path: Path) -> None:
    scorer = load_scorer(make(tmp_path))
    typed = Candidate("<|im_end|>", ("<|im_end|>", "<|im_start|>user"))
    assert len(scorer.score([typed])[0].probabilities) == 1
    with pytest.raises(TooLongError):
        scorer.score([Candidate("p", ("x " * 3000,) * 2)])


def test_a_classifier_of_more_labels_or_without_a_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"'score\.weight' has shape \(2, 32\)"):
        load_scorer(make(tmp_path / "two", head={"score.weight": (2, 32)}))
    with pytest.raises(ModelLoadError, match=r"'score\.weight' of the head is missing"):
        load_scorer(make(tmp_path / "none", head={"other": (1, 32)}))
    for name in QWEN_HEAD:
        head = {k: v for k, v in QWEN_HEAD.items() if k != name}
        with pytest.raises(ModelLoadError, match=f"'{name}' of the head is missing"):
            load_scorer(make(tmp_path / name, head=head, kind="Qwen2ForRewardModel"))


def test_labels_of_steps_cannot_be_held_against_it(tmp_path: Path) -> None:
    scorer = load_scorer(make(tmp_path))
    candidate = contract.CANDIDATES[0]
    example = Example(candidate, (1.0,) * len(candidate.steps))
    with pytest.raises(BadOptionError, match="judges whole solutions, not steps"):
        judge(scorer, [example])
    with pytest.raises(BadOptionError, match="judges whole solutions, not steps"):
        list(evaluate_arithmetic(scorer, n_solutions=2, threshold=0.5))

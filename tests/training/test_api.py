"""Training in a few lines of Python, as the textbook has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM

from prm_core import (
    Candidate,
    Example,
    Loss,
    TrainingProgress,
    add_value_head,
    load_scorer,
    step_loss,
    step_positions,
    train,
)
from prm_core.errors import BadOptionError
from tests.tiny import tiny_config, tiny_tokenizer

# The teaching notebook's first two samples.
SAMPLES = [
    Example.from_labels(
        "What is 5 + 7?",
        ["I need to add 5 and 7.", "5 + 7 = 12.", "The answer is 12."],
        [1, 1, 1],
    ),
    Example.from_labels(
        "What is 8 × 3?",
        ["I need to multiply 8 by 3.", "8 × 3 = 21.", "The answer is 21."],
        [1, -1, -1],
    ),
]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("backbone")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(tiny_config("llama")).save_pretrained(directory)
    tiny_tokenizer().save_pretrained(directory)
    return directory


def test_a_new_head_knows_nothing(backbone: Path, tmp_path: Path) -> None:
    scorer = add_value_head(backbone, tmp_path / "prm", device="cpu")
    (scored,) = scorer.score([SAMPLES[0].candidate])
    assert scored.probabilities == (0.5, 0.5, 0.5)
    # The backbone's weights are the ones that were given.
    before = AutoModelForCausalLM.from_pretrained(backbone).state_dict()
    after = AutoModelForCausalLM.from_pretrained(tmp_path / "prm").state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_folder_in_use_is_left_alone(backbone: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(BadOptionError, match="name a new directory"):
        add_value_head(backbone, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_steps_are_read_at_their_last_token_and_the_problem_is_no_step(
    backbone: Path, tmp_path: Path
) -> None:
    scorer = add_value_head(backbone, tmp_path / "prm", device="cpu")
    candidate = Candidate("What is 1 + 1?", ("1 + 1 = 2.", "So 2."))
    text = "Problem: What is 1 + 1?\nStep 1: 1 + 1 = 2.\nStep 2: So 2.\n"
    # One token a byte after BOS: a place in the text is a place in the prompt.
    ends = [text.index("2.\nStep 2") + 3, len(text)]
    found = step_positions(scorer, candidate)
    assert [(one.step, one.position, one.token) for one in found] == [
        (0, ends[0], "\n"),
        (1, ends[1], "\n"),
    ]


def test_the_loss_is_cross_entropy_with_a_weight_for_right_steps() -> None:
    log_odds = torch.tensor([1.5, -0.3, 0.8], dtype=torch.bfloat16)
    labels = torch.tensor([1.0, 0.0, 1.0])
    for weight in (1.0, 0.25, 3.0):
        expected = functional.binary_cross_entropy_with_logits(
            log_odds.float(), labels, pos_weight=torch.tensor(weight)
        )
        found = step_loss(log_odds, [1.0, 0.0, 1.0], Loss(pos_weight=weight))
        assert found.item() == pytest.approx(expected.item(), abs=1e-6)
    first_two = step_loss(log_odds[:2], [1.0, 0.0])
    assert step_loss(log_odds, [1.0, 0.0, None]).item() == pytest.approx(first_two.item())


def test_training_ends_in_a_scorer_that_has_learnt(backbone: Path, tmp_path: Path) -> None:
    told: list[TrainingProgress] = []
    scorer = train(
        backbone,
        SAMPLES,
        tmp_path / "prm",
        validation=SAMPLES,
        epochs=20,
        batch_size=2,
        learning_rate=0.01,
        device="cpu",
        on_progress=told.append,
    )
    scored = scorer.score([one.candidate for one in SAMPLES])
    signs = ["".join("+" if p > 0.5 else "-" for p in one.probabilities) for one in scored]
    assert signs == ["+++", "+--"]
    assert (told[-1].step, told[-1].n_steps) == (20, 20)
    losses = [one.figures["loss"] for one in told if "loss" in one.figures]
    assert len(losses) >= 10
    assert losses[-1] < losses[0] / 2
    assert "validation_auroc" in {name for one in told for name in one.figures}
    assert str(told[0]).startswith("step 1 of 20, ")
    # It is a model like any other, on the disk.
    again = load_scorer(tmp_path / "prm", device="cpu").score([SAMPLES[1].candidate])
    assert again[0].probabilities == pytest.approx(scored[1].probabilities, abs=1e-5)
    assert json.loads((tmp_path / "prm" / "prm.json").read_text())["family"] == "value_head"


def test_an_outcome_model_is_trained_on_whole_solutions(backbone: Path, tmp_path: Path) -> None:
    whole = [
        Example.from_labels(
            one.candidate.problem, ["\n".join(one.candidate.steps)], [one.labels[-1]]
        )
        for one in SAMPLES
    ]
    scorer = train(backbone, whole, tmp_path / "orm", epochs=30, learning_rate=0.01, device="cpu")
    right, wrong = scorer.score([one.candidate for one in whole])
    assert right.probabilities[0] > 0.5 > wrong.probabilities[0]


def test_a_weight_and_a_whole_loss_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="part of the loss"):
        train("nowhere", SAMPLES, tmp_path / "prm", pos_weight=2.0, loss=Loss())

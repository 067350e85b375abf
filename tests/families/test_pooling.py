"""A value head that also sees the mean of a step's hidden states."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import gelu
from transformers import AutoModelForCausalLM

from prm_core.errors import ModelLoadError
from prm_core.families.heads import evidence_features
from prm_core.families.value_head import FAMILY_FILE, HEAD_FILE
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.training.data import Source
from prm_core.training.loss import Loss
from prm_core.training.options import RunConfig, TuneConfig
from prm_core.training.tune import fine_tune
from prm_core.types import Candidate
from tests.families.test_evidence import sums
from tests.tiny import CALCULATOR_AND_UNITS, MARKED, tiny_model

PROBLEM = "What is 12 + 3 - 1?"
CANDIDATES = [
    Candidate(PROBLEM, ("12 + 3 = 15", "15 - 1 = 14")),
    Candidate(PROBLEM, ("12 + 3 = 15", "15 - 1 = 13", "no number here")),
    Candidate(PROBLEM, ("12 + 3 = 16",)),
]
DIGITS = {"tokens": list("0123456789")}
FORMS: list[dict[str, Any]] = [
    {"head": {"pooling": "mean"}},
    {"head": {"pooling": "mean"}, "evidence": DIGITS},
    {**CALCULATOR_AND_UNITS, "head": {"units": 5, "pooling": "mean"}},
]


def by_hand(folder: Path, scorer: Scorer, candidate: Candidate) -> list[float]:
    """The log-odds from stock transformers' hidden states, one sequence at a time."""
    encoded = scorer.encode(candidate)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        found = model(torch.tensor([encoded.input_ids]), output_hidden_states=True)
    hidden, log_p = found.hidden_states[-1][0], found.logits[0].log_softmax(-1)
    prm = json.loads((folder / FAMILY_FILE).read_text())
    head = load_file(folder / HEAD_FILE)
    named = (prm["evidence"] or {}).get("tokens", [])
    counts = {scorer.tokenizer.get_vocab()[token] for token in named}
    log_odds = []
    for number, end in enumerate(encoded.positions):
        tokens = list(encoded.evidence[number])
        assert tokens == list(range(tokens[0], tokens[-1] + 1))
        states = torch.stack([hidden[t - 1] for t in tokens]).mean(0)
        features = torch.zeros(0)
        if named:
            counted = [t for t in tokens if encoded.input_ids[t] in counts]
            of_counted = torch.tensor([log_p[t - 1, encoded.input_ids[t]] for t in counted])
            of_step = torch.zeros(len(counted), dtype=torch.int64)
            features = evidence_features(of_counted, of_step, 1)[0]
        if encoded.calculator:
            features = torch.cat((features, torch.tensor(encoded.calculator[number])))
        whole = torch.cat((hidden[end], states, features))
        value = whole @ head["weight"][0] + head["bias"][0]
        if "unit_weight" in head:
            inner = head["unit_weight"] @ features + head["unit_bias"]
            value = value + (head["unit_out"] @ gelu(inner))[0]
        log_odds.append(float(value))
    return log_odds


@pytest.mark.parametrize("form", FORMS)
def test_the_mean_is_that_of_the_states_before_the_steps_tokens(
    form: dict[str, Any], tmp_path: Path
) -> None:
    folder = tiny_model(tmp_path, prm={**MARKED, **form})
    scorer = load_scorer(folder, device="cpu")
    wanted = [by_hand(folder, scorer, candidate) for candidate in CANDIDATES]
    for _ in range(2):  # the second time from kept prefixes
        for one, log_odds in zip(scorer.score(CANDIDATES), wanted, strict=True):
            assert one.log_odds == pytest.approx(log_odds, abs=1e-4)


@pytest.mark.parametrize("form", FORMS[1:])
def test_a_trained_head_scores_as_training_saw_it(form: dict[str, Any], tmp_path: Path) -> None:
    """Rows read once and rows read in every step give a head that scoring reads alike."""
    backbone = tiny_model(tmp_path / "backbone", prm={**MARKED, **form})
    config = TuneConfig(str(backbone), mode="head", epochs=2, batch_size=4, learning_rate=0.01)
    examples = sums(40, seed=0)
    for name, pack in (("alone", False), ("packed", True)):
        run_config = RunConfig(tmp_path / name, device="cpu")
        fine_tune(replace(config, pack=pack), [Source("sums", examples)], Loss(), run_config)
    candidates = [example.candidate for example in examples]
    before, alone, packed = (
        [one.log_odds for one in load_scorer(tmp_path / name, device="cpu").score(candidates)]
        for name in ("backbone", "alone", "packed")
    )
    assert before != alone
    for one, other in zip(alone, packed, strict=True):
        assert one == pytest.approx(other, abs=0.2)  # other batches, so other steps


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ({"pooling": "max"}, "'head.pooling' is 'max'"),
        ({"pooling": None}, "'head.pooling' is None"),
        ({}, "'head' must be null or"),
    ],
)
def test_another_pooling_is_refused(head: object, problem: str, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path, prm=MARKED)
    prm = json.loads((folder / FAMILY_FILE).read_text())
    (folder / FAMILY_FILE).write_text(json.dumps({**prm, "head": head}))
    (folder / "prm.sha256.json").unlink(missing_ok=True)
    with pytest.raises(ModelLoadError, match=problem):
        load_scorer(folder, device="cpu")

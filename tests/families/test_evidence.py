"""What a value head sees beside the hidden state, from the family file to the trained model."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from prm_core.calculator import FEATURES, VERSION, operations, read_solution
from prm_core.cli import main
from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.families.heads import ValueHead
from prm_core.families.value_head import TEXTBOOK, read_template
from prm_core.scoring.load import load_scorer
from prm_core.training.data import Source, made_source
from prm_core.training.loss import Loss
from prm_core.training.options import RunConfig, ScratchConfig, TuneConfig
from prm_core.training.scratch import PRM_FILE, train_from_scratch
from prm_core.training.tune import digits_and_signs, fine_tune
from prm_core.types import Candidate, Encoded, Example
from tests.tiny import CALCULATOR, CALCULATOR_AND_UNITS, MARKED, tiny_model, tiny_tokenizer

WRONG = Candidate("What is 8 × 3?", ("I need to multiply 8 by 3.", "8 × 3 = 21.", "So 21."))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"evidence": {"calculator": VERSION + 1}}, f"'evidence.calculator' is {VERSION + 1}"),
        ({"evidence": {"calculator": True}}, "'evidence.calculator' is True"),
        ({"evidence": {"calculator": None}}, "'evidence.calculator' is None"),
        ({"evidence": {"operations": 0}}, "'evidence.operations' is 0"),
        ({"evidence": {}}, "'evidence' must be null or"),
        ({"head": {"units": 4}}, "'head.units' needs 'evidence'"),
        ({**CALCULATOR, "head": {"units": 0}}, "'head.units' is 0"),
        ({**CALCULATOR, "head": {"units": True}}, "'head.units' is True"),
        ({**CALCULATOR, "head": {"units": 10**9}}, "'head.units' is 1000000000"),
        ({**CALCULATOR, "head": {"layers": 2}}, "'head.layers' is not known"),
        ({**CALCULATOR, "head": []}, "'head' must be null or"),
    ],
    ids=str,
)
def test_a_family_file_that_asks_for_what_is_not_there_is_refused(
    part: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelLoadError) as caught:
        read_template({**TEXTBOOK, **part}, tiny_tokenizer())
    assert message in str(caught.value)


def test_the_calculator_reads_the_candidates_own_text(tmp_path: Path) -> None:
    scorer = load_scorer(tiny_model(tmp_path, prm={**MARKED, **CALCULATOR}), device="cpu")
    said = scorer.encode(WRONG).calculator
    assert said == tuple(r.features for r in read_solution(WRONG.problem, WRONG.steps))
    assert scorer.calculator == tuple(name for name, _ in FEATURES)


@pytest.mark.parametrize("alone", [True, False])
def test_the_oddity_of_operations_stands_behind_what_the_calculator_says(
    alone: bool, tmp_path: Path
) -> None:
    evidence = {"operations": operations.VERSION} | ({} if alone else {"calculator": VERSION})
    model = tiny_model(tmp_path, prm={**MARKED, "evidence": evidence})
    scorer = load_scorer(model, device="cpu")
    names = tuple(name for name, _ in operations.FEATURES)
    assert scorer.calculator == (names if alone else (*(n for n, _ in FEATURES), *names))
    said = scorer.encode(WRONG).calculator
    assert [row[-len(names)] for row in said] == [1.0, 1.0, 0.0]  # "multiply 8 by 3" too
    assert {len(row) for row in said} == {len(scorer.calculator)}
    assert len(scorer.score([WRONG])[0].probabilities) == 3


def test_a_model_that_sees_a_calculator_says_so_and_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny_model(tmp_path / "model", prm={**MARKED, **CALCULATOR_AND_UNITS})
    scorer = load_scorer(model, device="cpu")
    assert scorer.model_id == f"{model} (sees a calculator)"
    (explanation,) = scorer.explain(WRONG)
    assert dict(explanation.calculator[1])["false"] == 1.0
    assert "false" not in dict(explanation.calculator[0])
    rows = tmp_path / "rows.jsonl"
    row = {"problem": WRONG.problem, "solutions": [list(WRONG.steps)]}
    rows.write_text(json.dumps(row), encoding="utf-8")
    assert main(["score", str(rows), "--model", str(model), "--explain", "--device", "cpu"]) == 0
    assert "calculator, step 2: " in capsys.readouterr().out


def test_a_model_without_one_says_nothing(tmp_path: Path) -> None:
    scorer = load_scorer(tiny_model(tmp_path, prm=MARKED), device="cpu")
    assert scorer.calculator == ()
    assert scorer.model_id == str(tmp_path)
    assert scorer.explain(WRONG)[0].calculator == ()


def test_equal_tokens_with_other_text_keep_their_own_evidence(tmp_path: Path) -> None:
    """Blanks at a step's ends are cut before it is encoded; the numbers are the same."""
    scorer = load_scorer(tiny_model(tmp_path, prm={**MARKED, **CALCULATOR}), device="cpu")
    others = [Candidate(WRONG.problem, (WRONG.steps[0], step)) for step in ("24", "23", "24")]
    together = scorer.score(others)
    alone = [scorer.score([one])[0] for one in others]
    for one, same in zip(together, alone, strict=True):
        assert one.probabilities == pytest.approx(same.probabilities, abs=1e-5)


def test_evidence_needs_one_entry_per_step() -> None:
    with pytest.raises(ValueError, match="calculator"):
        Encoded((1, 2, 3), (1, 2), calculator=((0.0,),))


def test_units_on_the_evidence_can_say_what_no_linear_unit_can() -> None:
    """Exclusive or: neither feature alone says anything."""
    torch.manual_seed(0)
    features = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    wanted = torch.tensor([1.0, 0.0, 0.0, 1.0])
    head = ValueHead(1, calculator=2, units=8, dropout=0.0)
    assert head(torch.zeros(4, 1), features).tolist() == [0.0] * 4
    optimizer = torch.optim.Adam(head.parameters(), lr=0.05)
    for _ in range(400):
        optimizer.zero_grad()
        logits = head(torch.zeros(4, 1), features)
        torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted).backward()
        optimizer.step()
    assert ((head(torch.zeros(4, 1), features) > 0).float() == wanted).all()


def test_a_partly_blind_head_sees_the_calculator_and_on_average_the_rest() -> None:
    torch.manual_seed(0)
    head = ValueHead(2, evidence=True, calculator=1, dropout=0.0)
    head.blind = 0.75
    with torch.no_grad():
        head.weight[0] = torch.tensor([1.0, 1.0, 1.0, 1.0, 1.0, 10.0])
    hidden, features = torch.ones(4000, 2), torch.ones(4000, 4)
    logits = head(hidden, features)
    assert set(logits.round().tolist()) == {10.0, 30.0}  # blind; and four times the five others
    assert float(logits.detach().mean()) == pytest.approx(15.0, abs=0.5)
    assert head.eval()(hidden, features).tolist() == [15.0] * 4000


def sums(n: int, seed: int) -> tuple[Example, ...]:
    """Sums in one step, half of them wrong."""
    rng = random.Random(seed)
    made = []
    for _ in range(n):
        a, b, wrong = rng.randint(10, 99), rng.randint(10, 99), rng.random() < 0.5
        step = f"{a} + {b} = {a + b + wrong * rng.randint(1, 9)}"
        made.append(Example(Candidate(f"What is {a} + {b}?", (step,)), (float(not wrong),)))
    return tuple(made)


@pytest.mark.parametrize(
    ("mode", "evidence"),
    [("head", "calculator"), ("head", "lm,calculator"), ("lora", "calculator")],
)
def test_training_learns_what_the_calculator_says(mode: str, evidence: str, tmp_path: Path) -> None:
    """Random weights know no arithmetic, so only the evidence can tell right from wrong."""
    if mode == "lora":
        pytest.importorskip("peft")
    backbone = tiny_model(tmp_path / "backbone", prm=MARKED)
    fine_tune(
        TuneConfig(
            str(backbone),
            mode=mode,
            evidence=evidence,
            head_units=4,
            epochs=6,
            batch_size=16,
            learning_rate=0.02,
        ),
        [Source("sums", sums(160, seed=0))],
        Loss(),
        RunConfig(tmp_path / "trained", device="cpu"),
    )
    prm = json.loads((tmp_path / "trained" / "prm.json").read_text(encoding="utf-8"))
    assert prm["head"] == {"units": 4}
    assert ("tokens" in prm["evidence"]) == ("lm" in evidence)
    examples = sums(40, seed=1)
    scored = load_scorer(tmp_path / "trained", device="cpu").score([e.candidate for e in examples])
    right = [(s.probabilities[0] > 0.5) == (e.labels[0] == 1.0)
             for s, e in zip(scored, examples, strict=True)]  # fmt: skip
    assert sum(right) >= 38


def test_what_is_no_evidence_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="evidence 'dice' is not known"):
        TuneConfig("anything", evidence="lm,dice")
    command = ["train", "-o", str(tmp_path / "o"), "--evidence", "calculator"]
    assert main(command) == 1  # it needs a backbone


def test_digits_and_signs_of_a_vocabulary() -> None:
    found = digits_and_signs(tiny_tokenizer())
    assert set("0123456789+-*/=%.") == set(found)


def test_training_from_scratch_goes_on_from_a_model_of_its_own(tmp_path: Path) -> None:
    config = ScratchConfig(
        steps=3, batch_tokens=256, hidden_size=32, layers=1, heads=2, mlp_size=32,
        vocabulary=300, vocabulary_texts=100,
    )  # fmt: skip
    loss = Loss(lm_weight=1.0)
    train_from_scratch(config, loss, RunConfig(tmp_path / "first", device="cpu"))
    second = RunConfig(tmp_path / "second", device="cpu")
    train_from_scratch(config, loss, second, start=tmp_path / "first")
    written = [
        json.loads((tmp_path / name / "prm.json").read_text()) for name in ("first", "second")
    ]
    assert written[0] == written[1]
    assert written[0]["evidence"] == PRM_FILE["evidence"]
    before, after = (
        load_file(tmp_path / name / "model.safetensors") for name in ("first", "second")
    )
    # All of it learns; vectors change too little in three steps to show in half precision.
    assert not any(torch.equal(t, after[name]) for name, t in before.items() if t.ndim == 2)
    for name in ("first", "second"):
        (scored,) = load_scorer(tmp_path / name, device="cpu").score([WRONG])
        assert len(scored.probabilities) == 3


def test_made_solutions_can_be_all_the_data(tmp_path: Path) -> None:
    made = made_source(30, seed=4)
    assert made == made_source(30, seed=4)
    assert made != made_source(30, seed=5)
    labels = [label for example in made.examples for label in example.labels]
    assert set(labels) == {0.0, 1.0}
    with pytest.raises(BadOptionError, match="at least 1"):
        made_source(0, seed=4)
    backbone = tiny_model(tmp_path / "backbone", prm=MARKED)
    command = ["train", "-o", str(tmp_path / "o"), "--backbone", str(backbone), "--mode", "head"]
    command += ["--evidence", "calculator", "--made", "30", "--device", "cpu"]
    assert main(command) == 0
    arguments = json.loads((tmp_path / "o" / "training.json").read_text())["arguments"]
    assert arguments["data"] == {"made": [1.0, 30]}

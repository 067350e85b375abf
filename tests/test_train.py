import json
import logging
import random
import re
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from prm_core.errors import BadOptionError, DataError
from prm_core.families.value_head import read_template
from prm_core.scorer import load_scorer
from prm_core.synthetic import LabelledSolution, generate
from prm_core.train import (
    PRM_FILE,
    TrainConfig,
    build_tokenizer,
    collate,
    learning_rate,
    make_example,
    read_solutions,
    train,
)
from prm_core.types import Candidate

TINY = TrainConfig(
    steps=120, batch_tokens=512, hidden_size=32, layers=2, heads=2, mlp_size=64, vocabulary=400
)


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    rng = random.Random(0)
    made = [generate(rng) for _ in range(300)]
    return build_tokenizer([t for s in made for t in (s.problem, *s.steps)], 400)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A tiny model, and the step losses on the way."""
    directory = tmp_path_factory.mktemp("trained")
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    log = logging.getLogger("prm_core.train")
    handler, level = Keep(), log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        train(TINY, directory, device="cpu")
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
    return directory, [float(re.findall(r"step loss ([\d.]+)", line)[0]) for line in lines]


def ids(tokenizer: PreTrainedTokenizerFast, text: str) -> list[int]:
    found: list[int] = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
    return found


@pytest.mark.parametrize(
    "other",
    [
        "7 x 8 = 56",
        "7*8=56.",
        r"$7 \times 8 = 56$",
        r"7 \cdot 8 = \boxed{56}",
        "  7 ⋅ 8  =  56 . ",
        "**7 × 8 = 56**",
    ],
)
def test_notation_does_not_reach_the_model(tokenizer: PreTrainedTokenizerFast, other: str) -> None:
    assert ids(tokenizer, other) == ids(tokenizer, "7 × 8 = 56.")


def test_digits_are_single_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    tokens = tokenizer.convert_ids_to_tokens(ids(tokenizer, "1,234.5 + 60%"))
    assert tokens == ["1", "2", "3", "4", ".", "5", "+", "6", "0", "%", "."]


def test_a_typed_marker_is_text(tokenizer: PreTrainedTokenizerFast) -> None:
    marker = tokenizer.convert_tokens_to_ids("[STEP]")
    assert marker not in ids(tokenizer, "[STEP] 7 × 8 = 56 [STEP]")


def test_targets_say_what_should_have_been_written(tokenizer: PreTrainedTokenizerFast) -> None:
    template = read_template(PRM_FILE, tokenizer)
    solution = LabelledSolution(
        "What is 7 × 8?",
        ("7 × 8 = 54.", "The answer is 54."),
        ("7 × 8 = 56.", "The answer is 56."),
        "mul",
        "slip",
    )
    example = make_example(tokenizer, template, solution)
    six, marker = tokenizer.convert_tokens_to_ids(["6", "[STEP]"])
    wrong = [i for i, t in enumerate(example.targets) if t not in (-1, example.input_ids[i])]
    assert [example.targets[i] for i in wrong] == [six, six]
    for index in wrong:  # nothing is asked of what follows a wrong token, up to the step's end
        end = example.input_ids.index(marker, index)
        assert set(example.targets[index + 1 : end + 1]) == {-1}
    assert example.labels == (0.0, 0.0)
    assert all(t == -1 for t in example.targets[: example.input_ids.index(template.problem_end)])


def test_a_batch_holds_what_its_examples_hold(tokenizer: PreTrainedTokenizerFast) -> None:
    template = read_template(PRM_FILE, tokenizer)
    rng = random.Random(1)
    examples = [make_example(tokenizer, template, generate(rng)) for _ in range(5)]
    batch = collate(examples, tokenizer.pad_token_id, torch.device("cpu"))
    marker = tokenizer.convert_tokens_to_ids("[STEP]")
    assert batch.labels.tolist() == [label for e in examples for label in e.labels]
    assert (batch.input_ids[batch.rows, batch.positions] == marker).all()
    assert len(batch.evidence) == sum(len(e.evidence) for e in examples)
    ends = batch.positions[batch.evidence[:, 2]]
    assert (batch.evidence[:, 1] < ends).all()


def test_the_loss_falls(trained: tuple[Path, list[float]]) -> None:
    _, step_losses = trained
    assert step_losses[-1] < 0.69  # ln 2: what a head that knows nothing has


def test_a_trained_checkpoint_is_scored_like_any_other(
    trained: tuple[Path, list[float]],
) -> None:
    directory, _ = trained
    scorer = load_scorer(str(directory), device="cpu")
    [scored] = scorer.score([Candidate("What is 5 + 7?", ("5 + 7 = 12.", "The answer is 12."))])
    assert len(scored.probabilities) == 2
    assert json.loads((directory / "training.json").read_text())["steps"] == TINY.steps


def test_the_learning_rate_rises_holds_and_falls() -> None:
    assert learning_rate(0.0, 1000) < 0.01
    assert learning_rate(0.5, 1000) == 1.0
    assert learning_rate(1.0, 1000) == pytest.approx(0.02)


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(BadOptionError, match="steps is 0"):
        TrainConfig(steps=0)
    with pytest.raises(BadOptionError, match="cannot be split into 3 heads"):
        TrainConfig(hidden_size=32, heads=3)


def test_solutions_to_spoil_name_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "solutions.jsonl"
    good = '{"problem": "a", "steps": ["b <<1+1=2>>2"]}\n'
    path.write_text(good + '{"problem": "x"}\n')
    with pytest.raises(DataError, match="line 2"):
        list(read_solutions(path))
    path.write_text(good)
    assert list(read_solutions(path)) == [("a", ["b <<1+1=2>>2"])]

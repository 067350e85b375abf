"""Training: what a batch holds, what is minimised, and that every run ends where it should."""

from __future__ import annotations

import gzip
import itertools
import json
import logging
import math
import random
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedConfig, PreTrainedTokenizerFast

from prm_core.cli import main
from prm_core.errors import BadOptionError, DataError, ModelError
from prm_core.families.value_head import TEXTBOOK, encode, read_template
from prm_core.formats.labelled import example_row
from prm_core.scoring.load import load_scorer
from prm_core.synthetic.solution import LabelledSolution
from prm_core.synthetic.stream import generate
from prm_core.training.data import MixSampler, Source, hold_out, read_source, without_problems
from prm_core.training.loss import Loss
from prm_core.training.model import Verifier
from prm_core.training.options import RunConfig, ScratchConfig, TuneConfig
from prm_core.training.rows import TrainingRow, collate, labelled_row
from prm_core.training.saving import Learner
from prm_core.training.scratch import (
    PRM_FILE,
    build_tokenizer,
    learning_rate,
    make_row,
    train_from_scratch,
)
from prm_core.training.tune import fine_tune
from prm_core.types import Candidate, Example
from tests.tiny import random_head, tiny_config, tiny_tokenizer

FOUR_SAMPLES = Path(__file__).parent.parent.parent / "examples" / "training" / "four_samples.jsonl"
TINY = ScratchConfig(
    steps=60,
    batch_tokens=256,
    hidden_size=32,
    layers=2,
    heads=2,
    mlp_size=64,
    vocabulary=400,
    vocabulary_texts=300,
)
FAST = {"learning_rate": 0.01, "batch_size": 4}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    rng = random.Random(0)
    made = [generate(rng) for _ in range(300)]
    return build_tokenizer([t for s in made for t in (s.problem, *s.steps)], 400)


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A stock Qwen2 with random weights, as a directory."""
    directory = tmp_path_factory.mktemp("backbone")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        AutoModelForCausalLM.from_config(tiny_config("qwen2")).save_pretrained(directory)
    tiny_tokenizer().save_pretrained(directory)
    return str(directory)


def solutions(n: int, seed: int = 0) -> Source:
    """Labelled solutions of made problems."""
    rng = random.Random(seed)
    made = [generate(rng, kinds=["operation"]) for _ in range(n)]
    return Source(
        "made",
        tuple(
            Example(Candidate(s.problem, s.steps, str(i)), tuple(map(float, s.labels)))
            for i, s in enumerate(made)
        ),
    )


def weights(directory: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    found = load_file(directory / "model.safetensors")
    return found | load_file(directory / "value_head.safetensors")


def assert_same(one: Path, other: Path, tolerance: float = 0.0) -> None:
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=tolerance, atol=tolerance, msg=name)


# --- the default model's tokenizer and rows -------------------------------------------------------


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
    row = make_row(tokenizer, template, solution)
    six, marker = tokenizer.convert_tokens_to_ids(["6", "[STEP]"])
    wrong = [i for i, t in enumerate(row.targets) if t not in (-1, row.input_ids[i])]
    assert [row.targets[i] for i in wrong] == [six, six]
    for index in wrong:  # nothing is asked of what follows a wrong token, up to the step's end
        end = row.input_ids.index(marker, index)
        assert set(row.targets[index + 1 : end + 1]) == {-1}
    assert row.labels == (0.0, 0.0)
    assert all(t == -1 for t in row.targets[: row.input_ids.index(template.problem_end)])


def test_a_batch_holds_what_its_rows_hold(tokenizer: PreTrainedTokenizerFast) -> None:
    template = read_template(PRM_FILE, tokenizer)
    rng = random.Random(1)
    rows = [make_row(tokenizer, template, generate(rng)) for _ in range(5)]
    batch = collate(rows, tokenizer.pad_token_id, Loss(lm_weight=1.0))
    marker = tokenizer.convert_tokens_to_ids("[STEP]")
    assert batch["labels"].tolist() == [label for row in rows for label in row.labels]
    assert (batch["input_ids"][batch["rows"], batch["positions"]] == marker).all()
    assert len(batch["evidence"]) == sum(len(row.evidence) for row in rows)
    ends = batch["positions"][batch["evidence"][:, 3]]
    assert (batch["evidence"][:, 1] < ends).all()


def test_labelled_rows_are_encoded_as_for_scoring_and_teach_right_steps_only() -> None:
    tokenizer = tiny_tokenizer()
    template = read_template(TEXTBOOK, tokenizer)
    example = Example(Candidate("p", ("good", "bad", "open", "fine")), (0.9, 0.2, None, 1.0))
    row = labelled_row(tokenizer, template, example)
    encoded = encode(tokenizer, template, example.candidate)
    assert (row.input_ids, row.positions) == (encoded.input_ids, encoded.positions)
    assert row.labels == (0.9, 0.2, None, 1.0)
    asked = "".join(
        tokenizer.convert_ids_to_tokens([t for t in row.targets if t != -1])  # one token a byte
    )
    assert asked.replace("Ġ", " ").replace("Ċ", "\n") == "Step 1: good\nStep 4: fine\n"


# --- the loss, by hand ----------------------------------------------------------------------------


def row(*labels: float | None) -> TrainingRow:
    n = len(labels)
    return TrainingRow(tuple(range(n)), tuple(range(n)), labels, (), (-1,) * n, (0.0,) * n)


def loss_of(loss: Loss, rows: Sequence[TrainingRow], logits: Sequence[float]) -> dict[str, Tensor]:
    from prm_core.training.loss import totals_of

    batch = collate(rows, 0, loss)
    return loss(torch.tensor(logits), batch, None, totals_of(batch))


def nll(p: float) -> float:
    return -math.log(p)


# P = 3/4, 1/3, 1/2 for the three steps.
LOGITS = (math.log(3), math.log(1 / 2), 0.0)


def test_plain_loss_is_averaged_over_all_labelled_steps_of_the_batch() -> None:
    found = loss_of(Loss(), [row(1.0, 0.0), row(None), row(1.0)], (*LOGITS[:2], 9.0, LOGITS[2]))
    assert found["loss"].item() == pytest.approx((nll(3 / 4) + nll(2 / 3) + nll(1 / 2)) / 3)


def test_a_loss_that_several_processes_scale_leaves_its_parts_alone() -> None:
    found = loss_of(Loss(), [row(1.0)], LOGITS[:1])
    before = found["step_loss"].item()
    found["loss"] *= 2  # as the Trainer does, in place
    assert found["step_loss"].item() == before


def test_soft_labels_stay_what_they_are() -> None:
    found = loss_of(Loss(), [row(0.7)], LOGITS[:1])
    assert found["loss"].item() == pytest.approx(0.7 * nll(3 / 4) + 0.3 * nll(1 / 4))


def test_pos_weight_multiplies_right_steps() -> None:
    found = loss_of(Loss(pos_weight=5.0), [row(1.0, 0.0)], LOGITS[:2])
    assert found["loss"].item() == pytest.approx((5 * nll(3 / 4) + nll(2 / 3)) / 2)


def test_later_steps_weigh_more_and_a_solution_as_much_as_before() -> None:
    found = loss_of(Loss(later=True), [row(1.0, 0.0, 1.0)], LOGITS)
    expected = (0.5 * nll(3 / 4) + 1.0 * nll(2 / 3) + 1.5 * nll(1 / 2)) / 3
    assert found["loss"].item() == pytest.approx(expected)


def test_steps_after_the_first_error_are_masked() -> None:
    found = loss_of(Loss(mask_after_error=True), [row(1.0, 0.0, 1.0)], LOGITS)
    assert found["loss"].item() == pytest.approx((nll(3 / 4) + nll(2 / 3)) / 2)


def test_ranking_compares_right_and_wrong_steps_of_one_solution() -> None:
    rows = [row(1.0, 0.0, 1.0), row(0.0)]  # the other solution's wrong step is not compared
    found = loss_of(Loss(ranking=0.5), rows, (*LOGITS, 7.0))
    plain = loss_of(Loss(), rows, (*LOGITS, 7.0))["loss"].item()
    # Right above wrong by ln 3 - ln 1/2 = ln 6 and by 0 - ln 1/2 = ln 2.
    expected = (math.log(1 + 1 / 6) + math.log(1 + 1 / 2)) / 2
    assert found["ranking_loss"].item() == pytest.approx(expected)
    assert found["loss"].item() == pytest.approx(plain + 0.5 * expected)


def test_the_language_model_term_is_the_weighted_mean_of_what_is_asked() -> None:
    one = TrainingRow((5, 6, 7), (2,), (1.0,), (), (-1, 6, 8), (0.0, 1.0, 3.0))
    loss = Loss(lm_weight=2.0)
    batch = collate([one], 0, loss)
    log_p = torch.tensor([math.log(1 / 2), math.log(1 / 4)])
    found = loss(torch.tensor(LOGITS[:1]), batch, log_p, torch.tensor([1.0, 0.0, 4.0]))
    words = (nll(1 / 2) + 3 * nll(1 / 4)) / 4
    assert found["word_loss"].item() == pytest.approx(words)
    assert found["loss"].item() == pytest.approx(nll(3 / 4) + 2 * words)


@pytest.mark.parametrize("wrong", [{"pos_weight": 0.0}, {"ranking": -1.0}, {"lm_weight": -0.1}])
def test_weights_below_their_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BadOptionError, match=next(iter(wrong))):
        Loss(**wrong)


# --- data -----------------------------------------------------------------------------------------


def test_an_epoch_sees_rows_as_often_as_their_weight_says() -> None:
    sampler = MixSampler([4, 30, 3], [2.0, 0.5, 1.0], list(range(37)), batch_size=4, seed=0)
    order = list(sampler)
    assert len(order) == len(sampler) == 8 + 15 + 3
    assert [order.count(i) for i in range(4)] == [2] * 4
    assert [order.count(i) for i in range(34, 37)] == [1] * 3
    half = {i for i in order if 4 <= i < 34}
    assert len(half) == 15
    sampler.set_epoch(1)
    again = list(sampler)
    assert again != order
    assert {i for i in again if 4 <= i < 34} != half
    sampler.set_epoch(0)
    assert list(sampler) == order


def test_rows_of_like_length_share_a_batch() -> None:
    lengths = [i % 10 for i in range(40)]
    order = list(MixSampler([40], [1.0], lengths, batch_size=4, seed=3))
    for start in range(0, 40, 4):
        assert len({lengths[i] for i in order[start : start + 4]}) == 1


def test_a_source_names_its_weight_and_its_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "a:b.jsonl"
    path.write_text('{"problem": "p", "steps": ["s", "t"], "labels": [0.25, null]}\n')
    assert read_source(f"{path}:2.5").weight == 2.5
    source = read_source(str(path))
    assert source.weight == 1.0
    assert source.examples[0].labels == (0.25, None)
    with path.open("a") as file:
        file.write('{"problem": "p", "steps": ["s", "t"], "labels": [1]}\n')
    with pytest.raises(DataError, match="line 2") as raised:
        read_source(str(path))
    assert "1 labels for 2 steps" in str(raised.value)
    with pytest.raises(BadOptionError, match="above 0"):
        read_source(f"{FOUR_SAMPLES}:0")


def test_a_share_of_a_source_is_of_its_problems(tmp_path: Path) -> None:
    def write(name: str, numbers: range) -> Path:
        rows = [
            {"problem": f"problem {number}", "steps": [f"step {copy}"], "labels": [1.0]}
            for number in numbers
            for copy in range(3)
        ]
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    def problems(text: str) -> list[str]:
        return [example.candidate.problem for example in read_source(text).examples]

    one, other = write("one.jsonl", range(400)), write("other.jsonl", range(200, 600))
    some = problems(f"{one}:25%:0.5")
    assert read_source(f"{one}:25%:0.5").weight == 0.5
    assert 60 < len(set(some)) < 140
    assert all(some.count(problem) == 3 for problem in some)
    both = {f"problem {number}" for number in range(200, 400)}
    assert set(some) & both == set(problems(f"{other}:25%")) & both
    assert set(some) < set(problems(f"{one}:50%"))
    later = problems(f"{one}:25-50%:2")
    assert set(later) == set(problems(f"{one}:50%")) - set(some)
    assert read_source(f"{one}:25-50%:2").weight == 2
    for bad in ("0%", "101%", "-5%", "50-25%", "25-25%", "50-101%"):
        with pytest.raises(BadOptionError, match="share of"):
            read_source(f"{one}:{bad}")


def test_no_problem_is_on_both_sides_of_the_split() -> None:
    source = solutions(200)
    twice = Source(
        "shouted",
        tuple(
            Example(Candidate(e.candidate.problem.upper(), e.candidate.steps), e.labels)
            for e in source.examples
        ),
    )
    kept, held = hold_out([source, twice], 0.2, seed=0)
    shared = {e.candidate.problem.lower() for s in kept for e in s.examples} & {
        e.candidate.problem.lower() for e in held
    }
    assert not shared
    assert 40 <= len(held) <= 120
    assert sum(len(s.examples) for s in kept) + len(held) == 400
    assert without_problems(kept, held) == kept
    with pytest.raises(BadOptionError, match="nothing on one side"):
        hold_out([solutions(1)], 0.2, seed=0)


# --- whole runs -----------------------------------------------------------------------------------


class PowerCut(Loss):
    """A loss that ends the run at its n-th forward pass, as a kill would."""

    passes_left: list[int]

    @classmethod
    def after(cls, n: int, **settings: Any) -> PowerCut:
        made = cls(**settings)
        object.__setattr__(made, "passes_left", [n])
        return made

    def __call__(
        self, logits: Tensor, batch: Mapping[str, Tensor], log_p: Tensor | None, totals: Tensor
    ) -> dict[str, Tensor]:
        if self.passes_left[0] == 0:
            raise KeyboardInterrupt
        self.passes_left[0] -= 1
        return Loss.__call__(self, logits, batch, log_p, totals)


@pytest.mark.parametrize("mode", ["full", "head", "lora"])
def test_a_run_that_was_cut_ends_where_a_whole_one_ends(
    mode: str, backbone: str, tmp_path: Path
) -> None:
    config = TuneConfig(backbone, mode=mode, epochs=3, **FAST)
    source = solutions(16)  # 4 steps an epoch, 12 in all

    def run(name: str, loss: Loss, resume: bool = False) -> None:
        settings = RunConfig(tmp_path / name, device="cpu", save_every=3, resume=resume)
        fine_tune(config, [source], loss, settings)

    run("whole", Loss())
    with pytest.raises(KeyboardInterrupt):
        run("cut", PowerCut.after(8))  # in the second epoch, after the checkpoint of step 6
    run("cut", Loss(), resume=True)
    assert_same(tmp_path / "whole", tmp_path / "cut")
    steps = [
        json.loads((tmp_path / name / "checkpoint-12" / "trainer_state.json").read_text())
        for name in ("whole", "cut")
    ]
    assert steps[0]["global_step"] == steps[1]["global_step"] == 12


@pytest.mark.parametrize("first", [0, 1])
def test_adapters_are_for_layers_of_any_kind(first: int, tmp_path: Path) -> None:
    """GPT-2's layers are no nn.Linear."""
    torch.manual_seed(5)
    AutoModelForCausalLM.from_config(tiny_config("gpt2")).save_pretrained(tmp_path / "a")
    tiny_tokenizer().save_pretrained(tmp_path / "a")
    config = TuneConfig(str(tmp_path / "a"), mode="lora", lora_from=first, **FAST)
    fine_tune(config, [solutions(24)], Loss(), RunConfig(tmp_path / "b", "cpu"))
    before, after = (
        AutoModelForCausalLM.from_pretrained(tmp_path / name).state_dict() for name in "ab"
    )
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name.split(".")[2] for name in changed} == {"01"[i] for i in range(first, 2)}


def test_a_half_written_checkpoint_is_not_gone_on_from(backbone: str, tmp_path: Path) -> None:
    config = TuneConfig(backbone, epochs=2, **FAST)
    first = RunConfig(tmp_path / "a", device="cpu", save_every=3)
    fine_tune(config, [solutions(16)], Loss(), first)
    (tmp_path / "a" / "checkpoint-8" / "trainer_state.json").unlink()
    (tmp_path / "a" / "checkpoint-8" / "model.safetensors").write_bytes(b"cut")
    again = RunConfig(tmp_path / "a", device="cpu", save_every=3, resume=True)
    fine_tune(config, [solutions(16)], Loss(), again)
    fine_tune(config, [solutions(16)], Loss(), RunConfig(tmp_path / "b", device="cpu"))
    assert_same(tmp_path / "a", tmp_path / "b")


def test_checkpoints_in_the_way_and_of_other_runs_are_refused(
    backbone: str, tmp_path: Path
) -> None:
    config = TuneConfig(backbone, mode="head", **FAST)
    fine_tune(config, [solutions(8)], Loss(), RunConfig(tmp_path, device="cpu"))
    with pytest.raises(BadOptionError, match="--resume"):
        fine_tune(config, [solutions(8)], Loss(), RunConfig(tmp_path, device="cpu"))
    resumed = RunConfig(tmp_path, device="cpu", resume=True)
    with pytest.raises(BadOptionError, match=r"pos_weight 1\.0, not 3\.0"):
        fine_tune(config, [solutions(8)], Loss(pos_weight=3.0), resumed)


def test_a_seed_gives_the_same_run_twice(backbone: str, tmp_path: Path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        config = TuneConfig(backbone, **FAST)
        fine_tune(config, [solutions(12)], Loss(), RunConfig(tmp_path / name, "cpu", seed=seed))
    assert_same(tmp_path / "a", tmp_path / "b")
    with pytest.raises(AssertionError):
        assert_same(tmp_path / "a", tmp_path / "c")


@pytest.mark.parametrize(
    "loss", [Loss(), Loss(later=True, mask_after_error=True, ranking=1.0, lm_weight=0.5)]
)
def test_a_batch_of_8_equals_two_of_4_accumulated(
    loss: Loss, backbone: str, tmp_path: Path
) -> None:
    source = solutions(20)  # the last optimizer step of the epoch sees 4
    for name, size, parts in (("a", 8, 1), ("b", 4, 2)):
        config = TuneConfig(
            backbone, batch_size=size, accumulate=parts, dropout=0.0, learning_rate=0.01
        )
        fine_tune(config, [source], loss, RunConfig(tmp_path / name, "cpu", save_every=1))
    # AdamW divides by the gradient's size, so a last bit of a tiny gradient can show.
    assert_same(tmp_path / "a" / "checkpoint-2", tmp_path / "b" / "checkpoint-2", tolerance=1e-5)


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_packed_rows_say_and_learn_what_they_do_alone(family: str) -> None:
    torch.manual_seed(3)
    model = AutoModelForCausalLM.from_config(tiny_config(family))
    head, loss = random_head(32), Loss(lm_weight=0.5)
    verifier = Verifier(model, head, loss).eval()  # without dropout
    tokenizer = tiny_tokenizer()
    template = read_template(TEXTBOOK, tokenizer)
    examples = [
        Example(Candidate(problem, steps), tuple(float(i % 2) for i, _ in enumerate(steps)))
        for problem in ("What is 3 + 4?", "Add 10 to 20, then to 5.")
        for steps in (("3 + 4 = 7", "7"), ("3 + 4 = 8", "8", "so 8"), ("3 + 4 = 7",), ("7",))
    ]
    rows = [labelled_row(tokenizer, template, example) for example in examples]
    alone, packed = (collate(rows, 3, loss, pack=pack) for pack in (False, True))
    assert packed["input_ids"].numel() < 0.8 * alone["input_ids"].numel()
    found: list[dict[str, Tensor]] = []
    for batch in (alone, packed):
        verifier.zero_grad()
        outputs = verifier(**batch)
        outputs["loss"].backward()
        grads = {
            name: p.grad.clone() for name, p in verifier.named_parameters() if p.grad is not None
        }
        found.append({**outputs, **grads})
    for name, wanted in found[0].items():
        torch.testing.assert_close(found[1][name], wanted, rtol=1e-4, atol=1e-6, msg=name)


def test_packed_training_keeps_the_solutions_of_a_problem_together() -> None:
    groups = [i % 25 for i in range(100)]
    sampler = MixSampler([60, 40], [1.0, 2.5], [10 + g for g in groups], 8, 0, groups)
    order = [*sampler]
    assert len(order) == len(sampler) == 160
    assert {i: order.count(i) for i in range(60)} == dict.fromkeys(range(60), 1)
    assert all(order.count(i) in (2, 3) for i in range(60, 100))
    changes = sum(groups[a] != groups[b] for a, b in itertools.pairwise(order))
    assert changes < 90  # of 159; a pair of neighbours has 1 chance in 25 otherwise
    assert [*sampler] == order
    sampler.set_epoch(1)
    assert [*sampler] != order


@pytest.mark.parametrize("family", ["llama", "qwen3"])
def test_only_the_first_layers_of_a_backbone_are_kept(family: str, tmp_path: Path) -> None:
    torch.manual_seed(4)
    whole = AutoModelForCausalLM.from_config(tiny_config(family)).eval()
    whole.save_pretrained(tmp_path / "whole")
    tiny_tokenizer().save_pretrained(tmp_path / "whole")
    tune = TuneConfig(
        str(tmp_path / "whole"), first_layers=1, learning_rate=1e-12, dropout=0.0, batch_size=4
    )
    fine_tune(tune, [solutions(4)], Loss(), RunConfig(tmp_path / "cut", "cpu"))
    cut = AutoModelForCausalLM.from_pretrained(tmp_path / "cut").eval()
    assert cut.config.num_hidden_layers == len(cut.base_model.layers) == 1
    ids = torch.tensor([[5, 9, 40, 41]])
    with torch.no_grad():
        after_one = whole(ids, output_hidden_states=True).hidden_states[1]
        wanted = whole.lm_head(whole.base_model.norm(after_one))
        torch.testing.assert_close(cut(ids).logits, wanted, rtol=1e-4, atol=1e-5)
    more = replace(tune, first_layers=3)
    with pytest.raises(BadOptionError, match="first_layers is 3, and the backbone has 2"):
        fine_tune(more, [solutions(4)], Loss(), RunConfig(tmp_path / "more", "cpu"))
    with pytest.raises(BadOptionError, match="first_layers changes it"):
        TuneConfig("any", mode="head", first_layers=1, without_backbone=True)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (tiny_config("gpt2"), r"'gpt2'; leave the option out"),
        (tiny_config("mistral", sliding_window=8), r"window of 8 tokens, .* --max-tokens 8"),
    ],
    ids=["gpt2", "window"],
)
def test_packing_is_refused_where_the_mask_would_not_be_all(
    config: PreTrainedConfig, said: str, tmp_path: Path
) -> None:
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "a")
    tiny_tokenizer().save_pretrained(tmp_path / "a")
    tune = TuneConfig(str(tmp_path / "a"), pack=True, **FAST)
    with pytest.raises(BadOptionError, match=said):
        fine_tune(tune, [solutions(4)], Loss(), RunConfig(tmp_path / "b", "cpu"))


def test_scores_are_the_same_before_and_after_saving(backbone: str, tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(backbone).eval()
    head = random_head(32).eval()
    verifier = Verifier(model, head, Loss())
    tokenizer = tiny_tokenizer()
    template = read_template(TEXTBOOK, tokenizer)
    examples = solutions(5).examples
    with torch.no_grad():
        rows = [labelled_row(tokenizer, template, e) for e in examples]
        before = verifier(**collate(rows, 3, Loss()))["logits"]
    learner = Learner(verifier, model, head, tokenizer, TEXTBOOK, torch.float32)
    learner.save(tmp_path)
    scored = load_scorer(tmp_path, device="cpu").score([e.candidate for e in examples])
    after = torch.tensor([value for one in scored for value in one.log_odds])
    torch.testing.assert_close(before, after, rtol=1e-5, atol=1e-5)
    stock = AutoModelForCausalLM.from_pretrained(tmp_path)
    for name, tensor in stock.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name
    assert torch.equal(weights(tmp_path)["weight"], head.weight)


def test_the_reference_s_four_samples(
    backbone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--epochs", "10", "--batch-size", "4", "--learning-rate", "0.01", "--log-every", "5"]
    output = tmp_path / "reference"
    command = ["train", "--backbone", backbone, "--data", str(FOUR_SAMPLES), "-o", str(output)]
    assert main([*command, *words, "--device", "cpu"]) == 0
    assert capsys.readouterr().out == ""
    state = json.loads((output / "checkpoint-10" / "trainer_state.json").read_text())
    losses = [entry["loss"] for entry in state["log_history"] if "loss" in entry]
    assert losses[-1] < losses[0] < 0.75
    tested = [
        ("What is 6 + 4?", "I need to add 6 and 4.", "6 + 4 = 10.", "The answer is 10."),
        ("What is 9 × 2?", "I need to multiply 9 by 2.", "9 × 2 = 16.", "The answer is 16."),
        ("What is 12 / 4?", "I need to divide 12 by 4.", "12 / 4 = 4.", "The answer is 4."),
    ]
    scorer = load_scorer(output, device="cpu")
    scored = scorer.score([Candidate(problem, tuple(steps)) for problem, *steps in tested])
    assert [len(one.probabilities) for one in scored] == [3, 3, 3]
    card = (output / "README.md").read_text()
    for fact in (backbone, "4 solutions, 13 labelled steps (3 wrong)", "Threshold: 0.5", "loss"):
        assert fact in card
    assert "licence" in card


def documented() -> list[list[str]]:
    """The commands that docs/training.md shows, as words."""
    text = (FOUR_SAMPLES.parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    return [shlex.split(line) for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE)]


@pytest.mark.parametrize(
    "words",
    [w for w in documented() if w[:4] == ["python", "-m", "prm_core", "train"]],
    ids=" ".join,
)
def test_documented_commands_run(
    words: list[str],
    backbone: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [backbone if word.startswith("Qwen/") else word for word in words[3:]]
    for option, value in itertools.pairwise(words):
        if option == "--data":  # the reader's own files
            path = Path(value.partition(":")[0])
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = [json.dumps(example_row(e)) + "\n" for e in solutions(60).examples]
            with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
                file.writelines(rows)
    if "tensorboard" in words and find_spec("tensorboard") is None:
        words[words.index("tensorboard")] = "none"
    if "--backbone" not in words:
        few = tmp_path / "few.jsonl"
        few.write_text('{"problem": "2 + 2?", "steps": ["2 + 2 = <<2+2=4>>4"]}\n')
        words += ["--gsm8k", str(few), "--steps", "2", "--vocabulary-texts", "200"]
    assert main([*words, "--device", "cpu"]) == 0
    assert load_scorer(words[words.index("-o") + 1], device="cpu").family == "value_head"


def test_what_is_left_out_is_counted_and_named(
    backbone: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = solutions(6).examples
    long = Example(Candidate("long", ("x" * 400,), "the long one"), (1.0,))
    silent = Example(Candidate("q", ("y",), "nobody looked"), (None,))
    sources = [Source("file", (*made, long, silent))]
    config = TuneConfig(backbone, max_tokens=300, **FAST)
    with caplog.at_level(logging.WARNING, "prm_core.training"):
        fine_tune(config, sources, Loss(), RunConfig(tmp_path, "cpu"), validation=made[:2])
    assert "more than 300 tokens: 1 rows: file: the long one (" in caplog.text
    assert "no step has a label: 1 rows: file: nobody looked" in caplog.text
    record = json.loads((tmp_path / "training.json").read_text())
    assert record["arguments"]["data"] == {"file": [1.0, 6]}
    assert [len(names) for names in record["left_out"].values()] == [1, 1]
    assert {"validation_loss", "validation_step_accuracy", "loss"} <= record["figures"].keys()
    short = TuneConfig(backbone, max_tokens=3)
    with pytest.raises(BadOptionError, match="no row is left"):
        fine_tune(short, sources, Loss(), RunConfig(tmp_path / "b", "cpu"))


def test_a_model_trained_here_brings_its_template_and_its_head(
    backbone: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    config = TuneConfig(backbone, mode="head", **FAST)
    prm = {**TEXTBOOK, "layout": {**TEXTBOOK["layout"], "problem": "Q: {problem}\n"}}
    fine_tune(config, [solutions(8)], Loss(), RunConfig(first, "cpu"), prm=prm)
    more = TuneConfig(str(first), mode="head", batch_size=4, learning_rate=1e-9)
    fine_tune(more, [solutions(8)], Loss(), RunConfig(second, "cpu"))
    assert json.loads((second / "prm.json").read_text()) == prm
    assert_same(first, second, tolerance=1e-6)
    stricter = replace(more, threshold=0.7)
    fine_tune(stricter, [solutions(8)], Loss(), RunConfig(tmp_path / "third", "cpu"))
    assert load_scorer(tmp_path / "third", device="cpu").threshold == 0.7


def test_mode_head_writes_the_backbone_as_it_was(backbone: str, tmp_path: Path) -> None:
    config = TuneConfig(backbone, mode="head", **FAST)
    run_config = RunConfig(tmp_path / "out", "cpu", precision="bfloat16")
    fine_tune(config, [solutions(8)], Loss(), run_config)
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "out" / name).read_bytes() == (Path(backbone) / name).read_bytes()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    """A tiny model from scratch, and its last figures."""
    directory = tmp_path_factory.mktemp("scratch")
    settings = RunConfig(directory, device="cpu", save_every=40)
    return directory, train_from_scratch(TINY, Loss(lm_weight=1.0), settings)


def test_from_scratch_the_loss_falls(scratch: tuple[Path, dict[str, float]]) -> None:
    _, figures = scratch
    assert figures["step_loss"] < 0.69  # ln 2: what a head that knows nothing has
    assert figures["word_loss"] < 5.9  # ln 400 is 5.99


def test_from_scratch_a_cut_run_ends_where_a_whole_one_ends(
    scratch: tuple[Path, dict[str, float]], tmp_path: Path
) -> None:
    whole, _ = scratch
    settings = {"output": tmp_path, "device": "cpu", "save_every": 40}
    with pytest.raises(KeyboardInterrupt):
        train_from_scratch(TINY, PowerCut.after(50, lm_weight=1.0), RunConfig(**settings))
    train_from_scratch(TINY, Loss(lm_weight=1.0), RunConfig(**settings, resume=True))
    assert_same(whole, tmp_path)


def test_a_trained_checkpoint_is_scored_like_any_other(
    scratch: tuple[Path, dict[str, float]],
) -> None:
    directory, _ = scratch
    for one in (directory, directory / "checkpoint-40"):
        scorer = load_scorer(str(one), device="cpu")
        [scored] = scorer.score([Candidate("What is 5 + 7?", ("5 + 7 = 12.", "It is 12."))])
        assert len(scored.probabilities) == 2
    record = json.loads((directory / "training.json").read_text())
    assert record["arguments"]["steps"] == TINY.steps


def test_the_learning_rate_rises_holds_and_falls() -> None:
    assert learning_rate(0.0, 1000) < 0.01
    assert learning_rate(0.5, 1000) == 1.0
    assert learning_rate(1.0, 1000) == pytest.approx(0.02)


# --- what is refused ------------------------------------------------------------------------------


def test_impossible_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="steps is 0"):
        ScratchConfig(steps=0)
    with pytest.raises(BadOptionError, match="cannot be split into 3 heads"):
        ScratchConfig(hidden_size=32, heads=3)
    with pytest.raises(BadOptionError, match="epochs is 0"):
        TuneConfig("x", epochs=0)
    with pytest.raises(BadOptionError, match="mode 'some'"):
        TuneConfig("x", mode="some")
    with pytest.raises(BadOptionError, match="epochs is inf"):
        TuneConfig("x", epochs=math.inf)
    with pytest.raises(BadOptionError, match="threshold is 2"):
        TuneConfig("x", threshold=2)
    with pytest.raises(BadOptionError, match="pos_weight is nan"):
        Loss(pos_weight=math.nan)
    with pytest.raises(BadOptionError, match="the weight of x is inf"):
        Source("x", (), math.inf)
    with pytest.raises(BadOptionError, match="seed is -5; it must be at least 0"):
        RunConfig(tmp_path, seed=-5)
    with pytest.raises(BadOptionError, match="CUDA_VISIBLE_DEVICES"):
        RunConfig(tmp_path, device="cuda:1")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--data", "x.jsonl"], "--data is for training on a backbone"),
        (["--backbone", "x", "--layers", "2"], "--layers is for training from scratch"),
        (["--backbone", "x"], "give --data FILE"),
    ],
)
def test_options_of_the_other_kind_are_refused(
    words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "-o", str(tmp_path / "out"), *words]) == 1
    assert message in capsys.readouterr().err


def test_a_missing_package_is_named_with_the_way_to_get_it(
    backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    settings = RunConfig(tmp_path, "cpu")
    with pytest.raises(BadOptionError, match="pip install peft"):
        fine_tune(TuneConfig(backbone, mode="lora"), [solutions(4)], Loss(), settings)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(BadOptionError, match="pip install accelerate"):
        RunConfig(tmp_path, "cpu")


def test_what_a_directory_holds_is_not_written_over(backbone: str, tmp_path: Path) -> None:
    notes = tmp_path / "README.md"
    notes.write_text("mine", encoding="utf-8")
    config = TuneConfig(backbone, **FAST)
    said = r"holds README\.md, which may be needed; choose a new"
    with pytest.raises(BadOptionError, match=said):
        fine_tune(config, [solutions(4)], Loss(), RunConfig(tmp_path, "cpu"))
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    with pytest.raises(DataError, match=r"README\.md/model: cannot be written: Not a directory"):
        fine_tune(config, [solutions(4)], Loss(), RunConfig(notes / "model", "cpu"))


def test_a_loss_that_is_not_finite_ends_the_run(backbone: str, tmp_path: Path) -> None:
    larger_than_any_float32 = Loss(pos_weight=1e39)
    with pytest.raises(ModelError, match=r"the loss is (inf|nan) at step 1: training has diverged"):
        fine_tune(
            TuneConfig(backbone, **FAST),
            [solutions(4)],
            larger_than_any_float32,
            RunConfig(tmp_path, "cpu"),
        )
    assert not (tmp_path / "model.safetensors").exists()


def test_a_hub_that_cannot_be_reached_is_told_of_before_the_training(
    backbone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    settings = RunConfig(tmp_path, "cpu", push_to_hub="somebody/model")
    said = r"somebody/model cannot be uploaded .*; check the network"
    with pytest.raises(ModelError, match=said):
        fine_tune(TuneConfig(backbone, **FAST), [solutions(4)], Loss(), settings)

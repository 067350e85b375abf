"""PathFinder-PRM: two prompts for every step."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from prm_core.cli.score import explanation_text
from prm_core.errors import ModelLoadError, TooLongError
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests import reference
from tests.families import build, contract

TAGS = ("<+>", "<->", "<extra>")
CANDIDATES = [*contract.CANDIDATES[:5], contract.CANDIDATES[6]]


def tokenizer(side: str = "right", special: bool = True) -> PreTrainedTokenizerFast:
    return build.merging_tokenizer(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *(TAGS if special else ())),
        added=() if special else TAGS,
        template=build.QWEN_TEMPLATE,
        pad="<|endoftext|>",
        side=side,
    )


def make(path: Path, own: PreTrainedTokenizerFast) -> Path:
    return build.checkpoint(path, own, arch="qwen2", architectures=["Qwen2ForCausalLM"])


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", ["pathfinder", "pathfinder_card"])
def test_scores_are_those_of_the_authors_passes(family: str, side: str, tmp_path: Path) -> None:
    """One pass, as their script for ProcessBench; two, as their card."""
    scorer = load_scorer(make(tmp_path, tokenizer(side)), family=family)
    together = scorer.score(CANDIDATES)
    said, ways = set[bool](), set[bool]()
    for candidate, scored in zip(CANDIDATES, together, strict=True):
        expected = reference.pathfinder(tmp_path, candidate, card=family == "pathfinder_card")
        assert scored.candidate is candidate
        assert scored.probabilities == pytest.approx(expected.probabilities, rel=0, abs=1e-5)
        assert scored.extras.keys() == expected.extras.keys()
        for name, values in expected.extras.items():
            assert scored.extras[name] == pytest.approx(values, rel=0, abs=1e-5)
            said |= {value > 0.5 for value in values}
        ways |= {m > 0.5 < c for m, c in zip(*list(expected.extras.values())[:2], strict=True)}
        (alone,) = scorer.score([candidate])
        assert alone.probabilities == pytest.approx(scored.probabilities, rel=0, abs=1e-5)
    assert said == {True, False}, "only one of the two answers was tried"
    assert ways == {True, False}, "no step was right by both tags, or none wrong by one"
    small = load_scorer(tmp_path, family=family, max_tokens=100)
    order = random.Random(0).sample(range(len(CANDIDATES)), len(CANDIDATES))
    mixed = dict(small.stream([CANDIDATES[i] for i in order]))
    for place, i in enumerate(order):
        expected_p = together[i].probabilities
        assert mixed[place].probabilities == pytest.approx(expected_p, rel=0, abs=1e-5)


def test_later_steps_do_not_change_earlier_ones(tmp_path: Path) -> None:
    contract.hold_causality(load_scorer(make(tmp_path, tokenizer()), family="pathfinder"))


@pytest.mark.parametrize("special", [True, False])
def test_typed_tags_are_text(special: bool, tmp_path: Path) -> None:
    own = tokenizer(special=special)
    scorer = load_scorer(make(tmp_path, own), family="pathfinder")
    typed = Candidate("a <extra> <+>", ("b <->", "<extra> c <|im_end|>"))
    assert len(scorer.score([typed])[0].probabilities) == 2
    ids = scorer.encode(typed).input_ids
    assert [ids.count(own.convert_tokens_to_ids(tag)) for tag in TAGS] == [0, 0, 1]


def test_what_is_too_long_is_refused(tmp_path: Path) -> None:
    scorer = load_scorer(make(tmp_path, tokenizer()), family="pathfinder")
    long = Candidate("p", ("a", "x " * scorer.context))
    with pytest.raises(TooLongError):
        scorer.encode(long)
    with pytest.raises(TooLongError):
        scorer.score([long])


def test_every_prompt_is_shown_with_what_is_read_there(tmp_path: Path) -> None:
    scorer = load_scorer(make(tmp_path, tokenizer()), family="pathfinder_card")
    candidate = Candidate("a", ("b", "c"))
    (scored,) = scorer.score([candidate])
    prompts = scorer.explain(candidate)
    assert [(one.steps, one.names) for one in prompts] == [
        *(((k, k), ("mathematics", "consistency")) for k in range(2)),
        *(((k,), ("correctness",)) for k in range(2)),
    ]
    for k in range(2):
        first, second = prompts[k], prompts[2 + k]
        assert first.text.endswith(" Math reasoning: <extra>, Consistency: ")
        answers = ["<+>" if scored.extras[name][k] > 0.5 else "<->" for name in first.names]
        assert (
            f"Math reasoning: {answers[0]}, Consistency: {answers[1]}, Correctness" in second.text
        )
    text = "".join(explanation_text(one, scored) for one in prompts)
    assert text.count("<- step 2, mathematics: ") == text.count("<- step 2, correctness: ") == 1
    assert f"<- step 2, correctness: {scored.extras['correctness'][1]:.4f}" in text
    one_pass = load_scorer(tmp_path, family="pathfinder")
    (scored,) = one_pass.score([candidate])
    assert [one.names for one in one_pass.explain(candidate)] == [
        ("mathematics", "consistency")
    ] * 2
    assert scored.probabilities == tuple(map(min, zip(*scored.extras.values(), strict=True)))


def test_a_tokenizer_without_the_tags_is_refused(tmp_path: Path) -> None:
    own = build.merging_tokenizer(("<|im_start|>", "<|im_end|>"), template=build.QWEN_TEMPLATE)
    with pytest.raises(ModelLoadError, match=r"'<extra>' is \d+ tokens"):
        load_scorer(make(tmp_path, own), family="pathfinder")

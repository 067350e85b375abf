"""Packed scoring against a slow reference: same ids, same probabilities, whatever the batch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel

from prm_core.scoring import packed_forward
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.scoring.trie import Pack, Segment, plan
from prm_core.types import Candidate, ScoredCandidate
from tests import reference
from tests.tiny import (
    CALCULATOR,
    CALCULATOR_AND_UNITS,
    CONFIGS,
    DIGITS_AND_SIGNS,
    MARKED,
    TEXTBOOK,
    tiny_model,
)

TOLERANCE = 1e-5

FAMILY_FILES: dict[str, dict[str, Any]] = {
    "textbook": TEXTBOOK,
    "marked": MARKED,
    "textbook with evidence": {**TEXTBOOK, "evidence": DIGITS_AND_SIGNS},
    "marked with evidence": {**MARKED, "evidence": DIGITS_AND_SIGNS},
    "textbook with a calculator": {**TEXTBOOK, **CALCULATOR},
    "marked with both, and units": {**MARKED, **CALCULATOR_AND_UNITS},
}


SCALED = {"rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 64}
LLAMA3 = {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
LONG = {"short_factor": [1.0] * 4, "long_factor": [2.0] * 4}


def make_candidates() -> list[Candidate]:
    """Every way in which candidates can share, and none."""
    seven = "What is 7 × 8?"
    start = ("I need to multiply 7 by 8.", "7 × 8 = 54.")
    return [
        Candidate(seven, ("I need to multiply 7 by 8.", "7 × 8 = 56.", "The answer is 56.")),
        Candidate(seven, (*start, "The answer is 54.")),
        Candidate(seven, (*start, "Wait, let me check: 7 × 8 = 56.", "The answer is 56.")),
        Candidate(seven, start),  # the beginning of two others
        Candidate(seven, (*start, "The answer is 54.")),  # a copy
        Candidate(seven, ("56",)),
        Candidate("Ann has 3 pens.", tuple(f"Step {i}: {i} + {i} = {2 * i}" for i in range(40))),
        Candidate("Æ", ("shares nothing", "[STEP] typed [BOS] by hand [Q]")),
        Candidate(" Ann has 3 pens.\n", ("Step 9: 3 + 2 = 5", "**", "no digits here\nat all")),
    ]


@pytest.fixture(
    scope="module",
    params=[(arch, name) for arch in CONFIGS for name in FAMILY_FILES],
    ids=lambda p: " ".join(p),
)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    arch, name = request.param
    return tiny_model(tmp_path_factory.mktemp("parity"), arch, prm=FAMILY_FILES[name])


def assert_same(scored: ScoredCandidate, expected: Sequence[float]) -> None:
    assert scored.probabilities == pytest.approx(expected, rel=0, abs=TOLERANCE)


def test_packed_scores_equal_the_reference(checkpoint: Path) -> None:
    scorer, candidates = load_scorer(checkpoint), make_candidates()
    assert scorer.packed
    for candidate, scored in zip(candidates, scorer.score(candidates), strict=True):
        expected = reference.value_head(checkpoint, candidate)
        encoded = scorer.encode(candidate)
        assert list(encoded.input_ids) == expected.input_ids
        assert list(encoded.positions) == expected.positions
        assert scored.candidate is candidate
        assert_same(scored, expected.probabilities)


def test_one_by_one_any_order_and_any_budget_give_the_same(checkpoint: Path) -> None:
    candidates = make_candidates()
    together = load_scorer(checkpoint).score(candidates)
    for budget in (1, 40, 100, 4096):
        scorer = load_scorer(checkpoint, max_tokens=budget)
        order = random.Random(budget).sample(range(len(candidates)), len(candidates))
        mixed = scorer.score([candidates[i] for i in order])
        for i, scored in zip(order, mixed, strict=True):
            assert_same(scored, together[i].probabilities)
        for i, scored in scorer.stream(candidates):
            assert_same(scored, together[i].probabilities)
        for candidate, scored in zip(candidates, together, strict=True):
            assert_same(scorer.score([candidate])[0], scored.probabilities)


def test_later_steps_do_not_change_earlier_probabilities(checkpoint: Path) -> None:
    scorer = load_scorer(checkpoint)
    whole = make_candidates()[2]
    for n_steps in range(1, len(whole.steps)):
        part = replace(whole, steps=whole.steps[:n_steps])
        (alone,) = scorer.score([part])
        (among_all,) = scorer.score([whole])
        assert_same(alone, among_all.probabilities[:n_steps])


@pytest.mark.parametrize("arch", CONFIGS)
def test_random_trees_equal_the_stock_forward(arch: str, tmp_path: Path) -> None:
    """Hidden states, not only scores, over tries of every shape."""
    stock = AutoModel.from_pretrained(tiny_model(tmp_path, arch)).eval()
    backbone = AutoModel.from_pretrained(tmp_path).eval()
    rng = random.Random(arch)
    for _ in range(10):
        sequences = [(5,)]
        while len(sequences) < 12:
            grown = rng.choice(sequences)
            kept = grown[: rng.randint(1, len(grown))]
            sequences.append(kept + tuple(rng.choices(range(264), k=rng.randint(0, 9))))
        for pack in plan(sequences, rng.choice([20, 1000])):
            read = sorted(rng.sample(range(len(pack.token_ids)), len(pack.token_ids) // 2 + 1))
            with torch.inference_mode():
                got = dict(zip(read, packed_forward.read_pack(backbone, pack, read), strict=True))
                for i, index in enumerate(pack.members):
                    alone = stock(torch.tensor([sequences[index]])).last_hidden_state[0]
                    for token, row in enumerate(pack.rows(i)):
                        if row in got:
                            torch.testing.assert_close(got[row], alone[token], rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("arch", "changes"),
    [
        ("mistral", {"sliding_window": 24}),
        ("qwen2", {"sliding_window": 24, "use_sliding_window": True, "max_window_layers": 0}),
        ("qwen2", {"sliding_window": 24, "use_sliding_window": True, "max_window_layers": 1}),
        ("qwen3", {"sliding_window": 24, "use_sliding_window": True, "max_window_layers": 1}),
        ("qwen2", {"sliding_window": 24, "use_sliding_window": False}),
        ("llama", {"rope_parameters": {"rope_type": "linear", "factor": 4, "rope_theta": 1e4}}),
        ("llama", {"rope_parameters": {"rope_type": "dynamic", "factor": 4, "rope_theta": 1e4}}),
        ("llama", {"rope_parameters": {**SCALED, "rope_type": "llama3", **LLAMA3}}),
        ("qwen2", {"rope_parameters": {**SCALED, "rope_type": "yarn"}}),
        ("qwen2", {"tie_word_embeddings": False}),
        ("llama", {"num_key_value_heads": 4}),
        ("llama", {"num_key_value_heads": 1, "num_hidden_layers": 1}),
    ],
    ids=str,
)
def test_variants_of_the_backbones_equal_the_reference(
    arch: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    prm = FAMILY_FILES["marked with evidence"]
    scorer = load_scorer(tiny_model(tmp_path, arch, prm=prm, **changes))
    assert scorer.packed
    candidates = make_candidates()
    for candidate, scored in zip(candidates, scorer.score(candidates), strict=True):
        assert_same(scored, reference.value_head(tmp_path, candidate).probabilities)


def test_a_sliding_window_changes_the_scores_of_these_tests(tmp_path: Path) -> None:
    """Otherwise the test above would pass without looking at the window."""
    narrow = load_scorer(tiny_model(tmp_path / "narrow", "mistral", sliding_window=24))
    wide = load_scorer(tiny_model(tmp_path / "wide", "mistral", sliding_window=None))
    (a,), (b,) = (scorer.score(make_candidates()[:1]) for scorer in (narrow, wide))
    assert max(abs(p - q) for p, q in zip(a.probabilities, b.probabilities, strict=True)) > 1e-2


@pytest.mark.parametrize(
    "changes",
    [
        {"rope_parameters": {**SCALED, "rope_type": "longrope", **LONG}},
        {"architecture": "gpt2"},
    ],
    ids=str,
)
def test_backbones_that_cannot_be_packed_run_alone(changes: dict[str, Any], tmp_path: Path) -> None:
    changes = dict(changes)
    arch = changes.pop("architecture", "llama")
    scorer = load_scorer(tiny_model(tmp_path, arch, prm=MARKED, **changes))
    assert not scorer.packed
    candidates = make_candidates()
    for candidate, scored in zip(candidates, scorer.score(candidates), strict=True):
        assert_same(scored, reference.value_head(tmp_path, candidate).probabilities)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_padding_side_of_the_tokenizer_is_irrelevant(side: str, tmp_path: Path) -> None:
    tiny_model(tmp_path)
    before = load_scorer(tmp_path).score(make_candidates())
    config = tmp_path / "tokenizer_config.json"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("{", f'{{"padding_side": "{side}",', 1), encoding="utf-8")
    after = load_scorer(tmp_path).score(make_candidates())
    assert [one.probabilities for one in after] == [one.probabilities for one in before]


# --- the comparison notices what goes wrong ---------------------------------------------------


def difference(scorer: Scorer, candidates: list[Candidate], hidden_of: Any) -> float:
    """Largest difference between right probabilities and those from a doctored pass.

    Args:
        hidden_of: (backbone, pack, rows) → [R, H].
    """
    encoded = [scorer.encode(candidate) for candidate in candidates]
    (pack,) = plan([one.input_ids for one in encoded], 10_000)
    right = scorer.score(candidates)
    rows = list(range(len(pack.token_ids)))
    with torch.inference_mode():
        hidden = hidden_of(scorer._backbone, pack, rows)
        worst = 0.0
        for i, index in enumerate(pack.members):
            own = pack.rows(i)
            read = torch.tensor([own[position] for position in encoded[index].positions])
            p = torch.sigmoid(scorer._opened.readout(hidden[read])).tolist()
            pairs = zip(p, right[index].probabilities, strict=True)
            worst = max(worst, *(abs(a - b) for a, b in pairs))
    return worst


def with_packed_positions(backbone: Any, pack: Pack, rows: list[int]) -> torch.Tensor:
    return packed_forward.read_pack(backbone, replace(pack, depths=tuple(rows)), rows)


def with_plain_causal_mask(backbone: Any, pack: Pack, rows: list[int]) -> torch.Tensor:
    n_tokens = len(pack.token_ids)
    one = Segment(0, n_tokens, ((0, n_tokens),), 0)
    return packed_forward.read_pack(backbone, replace(pack, segments=(one,)), rows)


def with_dense_mask(backbone: Any, pack: Pack, mask: torch.Tensor) -> torch.Tensor:
    """The stock forward with the whole mask written out, [T, T], True where a token is seen."""
    out = backbone(
        input_ids=torch.tensor([pack.token_ids]),
        position_ids=torch.tensor([pack.depths]),
        attention_mask=mask[None, None],
        use_cache=False,
    )
    hidden = out.last_hidden_state[0]
    assert isinstance(hidden, torch.Tensor)
    return hidden


def with_no_mask(backbone: Any, pack: Pack, rows: list[int]) -> torch.Tensor:
    return with_dense_mask(backbone, pack, torch.ones(len(rows), len(rows), dtype=torch.bool))


def with_the_right_mask(backbone: Any, pack: Pack, rows: list[int]) -> torch.Tensor:
    mask = torch.zeros(len(rows), len(rows), dtype=torch.bool)
    for i in range(len(pack.members)):
        own = pack.rows(i)
        for depth, row in enumerate(own):
            mask[row, own[: depth + 1]] = True
    return with_dense_mask(backbone, pack, mask)


@pytest.mark.parametrize("arch", ["qwen2", "llama", "mistral"])
def test_wrong_positions_and_wrong_masks_are_noticed(arch: str, tmp_path: Path) -> None:
    scorer = load_scorer(tiny_model(tmp_path, arch))
    candidates = make_candidates()[:6]
    assert difference(scorer, candidates, packed_forward.read_pack) < TOLERANCE
    assert difference(scorer, candidates, with_the_right_mask) < TOLERANCE
    assert difference(scorer, candidates, with_packed_positions) > 1000 * TOLERANCE
    assert difference(scorer, candidates, with_plain_causal_mask) > 1000 * TOLERANCE
    assert difference(scorer, candidates, with_no_mask) > 1000 * TOLERANCE


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_gives_what_the_cpu_gives(checkpoint: Path) -> None:
    many = [Candidate("What is 7 × 8?", (f"Way {i}: {i}", "56")) for i in range(40)]
    candidates = [*make_candidates(), *many]  # so many that FlexAttention takes part
    on_cpu = load_scorer(checkpoint, device="cpu").score(candidates)
    on_gpu = load_scorer(checkpoint, device="cuda", dtype="float32").score(candidates)
    for a, b in zip(on_cpu, on_gpu, strict=True):
        assert b.probabilities == pytest.approx(a.probabilities, rel=0, abs=1e-4)

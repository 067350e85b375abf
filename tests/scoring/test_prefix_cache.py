"""What is kept between calls: nothing is computed twice, and nothing changes by it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import PreTrainedTokenizerFast

from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.types import Candidate
from prm_core.ui.models import ModelHost
from tests.tiny import CONFIGS, DIGITS_AND_SIGNS, MARKED, tiny_model

TOLERANCE = 1e-5
PROBLEM = "What is 7 × 8?"
CHAIN = Candidate(PROBLEM, ("Multiply 7 by 8.", "7 × 8 = 54.", "Hence 54.", "The answer is 54."))


class Watched:
    """A scorer, and how many tokens each of its passes has."""

    def __init__(self, directory: Path, **options: Any) -> None:
        self.scorer = load_scorer(directory, **options)
        self.cold = load_scorer(directory, keep_bytes=0)
        self.sizes: list[int] = []
        self.scorer._backbone.get_input_embeddings().register_forward_hook(
            lambda _, args, out: self.sizes.append(args[0].numel())
        )

    def score(self, candidates: Sequence[Candidate]) -> int:
        """Score, compare with a scorer that remembers nothing, and tell how many tokens ran."""
        self.sizes.clear()
        scored = self.scorer.score(candidates)
        for got, cold in zip(scored, self.cold.score(candidates), strict=True):
            assert got.probabilities == pytest.approx(cold.probabilities, rel=0, abs=TOLERANCE)
        return sum(self.sizes)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("memory"), prm=MARKED)


def length(scorer: Scorer, candidate: Candidate) -> int:
    return len(scorer.encode(candidate).input_ids)


def edited(index: int, text: str) -> Candidate:
    return replace(CHAIN, steps=(*CHAIN.steps[:index], text, *CHAIN.steps[index + 1 :]))


@pytest.mark.parametrize("evidence", [None, DIGITS_AND_SIGNS], ids=["plain", "evidence"])
@pytest.mark.parametrize(
    ("arch", "changes"),
    [
        *((arch, {}) for arch in CONFIGS),
        ("mistral", {"sliding_window": 24}),
        ("qwen2", {"sliding_window": 24, "use_sliding_window": True, "max_window_layers": 1}),
    ],
    ids=str,
)
def test_after_an_edit_only_what_follows_it_runs(
    arch: str, changes: dict[str, Any], evidence: dict[str, Any] | None, tmp_path: Path
) -> None:
    tiny_model(tmp_path, arch, prm={**MARKED, "evidence": evidence}, **changes)
    watched = Watched(tmp_path)
    assert watched.score([CHAIN]) == length(watched.scorer, CHAIN)
    assert watched.score([CHAIN]) == 0
    better = edited(1, "7 × 8 = 56.")
    prefix = replace(CHAIN, steps=("Multiply 7 by 8.", "7 × 8 = 5"))
    # The marker behind "5" is not shared; the number's first digit is.
    n_shared = length(watched.scorer, prefix) - 1
    assert watched.score([better]) == length(watched.scorer, better) - n_shared
    assert watched.score([better, CHAIN]) == 0
    assert watched.score([replace(CHAIN, steps=CHAIN.steps[:2])]) == 0


def test_a_search_runs_its_newest_steps_alone(tiny: Path) -> None:
    watched = Watched(tiny)
    choice = random.Random(0)
    beams = [CHAIN]
    watched.score(beams)
    for round_number in range(5):
        paths = [
            replace(beam, steps=(*beam.steps, f"{round_number}.{i} {choice.random()}"))
            for beam in beams
            for i in range(4)
        ]
        new = {
            tuple(watched.scorer.encode(path).input_ids[: n + 1])
            for path in paths
            for n in range(length(watched.scorer, path))
        } - {
            tuple(watched.scorer.encode(beam).input_ids[: n + 1])
            for beam in beams
            for n in range(length(watched.scorer, beam))
        }
        assert watched.score(paths) == len(new)
        beams = choice.sample(paths, 4)


def test_packs_of_one_call_go_on_from_each_other(tiny: Path) -> None:
    candidates = [replace(CHAIN, steps=(*CHAIN.steps, f"Way {i}: {i}.")) for i in range(9)]
    whole, cut = Watched(tiny), Watched(tiny, max_tokens=60)
    assert whole.score(candidates) == cut.score(candidates)
    assert len(whole.sizes) == 1 < len(cut.sizes)


def test_a_place_that_was_not_read_before_is_run_again(tmp_path: Path) -> None:
    """Another way to cut the same text: the same tokens, read elsewhere."""
    prm = {**MARKED, "marker": None, "layout": {"problem": "{problem}\n", "step": "{step}\n"}}
    watched = Watched(tiny_model(tmp_path, prm={**prm, "family": "value_head"}))
    lines = ("One line.", "Another line.", "The end.")
    watched.score([Candidate(PROBLEM, ("\n".join(lines),))])
    n_before = len(f"{PROBLEM}\nOne line.".encode())  # bytes are tokens; and a BOS, less one
    n_run = watched.score([Candidate(PROBLEM, lines)])
    assert n_run == length(watched.scorer, Candidate(PROBLEM, lines)) - n_before - 1


def test_another_problem_drops_what_was_kept(tiny: Path) -> None:
    watched = Watched(tiny)
    other = Candidate("What is 7 × 9?", CHAIN.steps)
    assert watched.score([CHAIN]) > 0
    assert watched.score([other]) == length(watched.scorer, other)
    assert watched.score([CHAIN]) == length(watched.scorer, CHAIN)
    assert watched.score([CHAIN, other]) == length(watched.scorer, other) - len(
        b"[What is 7 \xc3\x97 "
    )
    assert watched.score([other]) == watched.score([CHAIN]) == 0
    watched.scorer.forget()
    assert watched.score([CHAIN]) == length(watched.scorer, CHAIN)


def test_nothing_is_kept_where_nothing_may_be(tiny: Path) -> None:
    watched = Watched(tiny, keep_bytes=0)
    assert watched.score([CHAIN]) == watched.score([CHAIN]) == length(watched.scorer, CHAIN)


def test_what_is_kept_stays_within_its_bytes(tiny: Path) -> None:
    # Two layers of keys and values, two heads of eight float32 each: 256 bytes a token.
    watched = Watched(tiny, keep_bytes=60_000)
    seen = set()
    for i in range(40):
        watched.score([replace(CHAIN, steps=(*CHAIN.steps, f"Way {i}: {'x' * 20}"))])
        memory = watched.scorer._reader.memory
        kept = sum(one.n_bytes for one in memory._key_values)
        kept += 0 if memory._hidden is None else memory._hidden.nbytes
        assert kept <= 60_000
        seen.add(kept > 0)
    assert seen == {True, False}  # it was full, and went on


steps = st.lists(st.sampled_from(["a = 1.", "b", "12 + 3 = 15", "b c"]), min_size=1, max_size=4)
calls = st.lists(st.lists(steps, min_size=1, max_size=4), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def remembering(tiny: Path) -> Watched:
    return Watched(tiny, max_tokens=40)


@settings(max_examples=60, deadline=None)
@given(calls=calls)
def test_any_calls_in_any_order_give_what_a_cold_scorer_gives(
    calls: list[list[list[str]]], remembering: Watched
) -> None:
    seen: set[tuple[int, ...]] = set()
    remembering.scorer.forget()
    for call in calls:
        candidates = [Candidate(PROBLEM, tuple(one)) for one in call]
        n_tokens = remembering.score(candidates)
        prefixes = {
            tuple(ids[: n + 1])
            for one in candidates
            for ids in [remembering.scorer.encode(one).input_ids]
            for n in range(len(ids))
        }
        assert n_tokens == len(prefixes - seen)
        seen |= prefixes


def test_threads_do_not_disturb_each_other(tiny: Path) -> None:
    scorer = load_scorer(tiny, max_tokens=50)
    chains = [
        [Candidate(f"Problem {k}", (*CHAIN.steps[: i % 4 + 1], f"End {i}.")) for i in range(6)]
        for k in range(4)
    ]
    expected = [load_scorer(tiny, keep_bytes=0).score(chain) for chain in chains]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for got, wanted in zip(pool.map(scorer.score, chains), expected, strict=True):
                for a, b in zip(got, wanted, strict=True):
                    assert a.probabilities == pytest.approx(b.probabilities, rel=0, abs=TOLERANCE)


def test_streams_that_take_turns_do_not_disturb_each_other(tiny: Path) -> None:
    scorer = load_scorer(tiny, max_tokens=50)
    chains = [
        [Candidate(f"Problem {k}", (*CHAIN.steps, f"End {i}.")) for i in range(6)] for k in range(2)
    ]
    expected = [load_scorer(tiny, keep_bytes=0).score(chain) for chain in chains]
    for together in zip(*(scorer.stream(chain) for chain in chains), strict=True):
        for (index, got), wanted in zip(together, expected, strict=True):
            assert got.probabilities == pytest.approx(
                wanted[index].probabilities, rel=0, abs=TOLERANCE
            )


def test_when_memory_runs_out_what_is_kept_goes_first(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(tiny)
    watched.score([CHAIN])
    embedding = watched.scorer._backbone.get_input_embeddings()
    failures = iter([True])

    def fail_once(*_: Any) -> None:
        if next(failures, False):
            raise torch.OutOfMemoryError("out of memory")

    hook = embedding.register_forward_pre_hook(fail_once)
    longer = replace(CHAIN, steps=(*CHAIN.steps, "One more."))
    watched.sizes.clear()
    (scored,) = watched.scorer.score([longer])
    hook.remove()
    assert watched.sizes == [length(watched.scorer, longer)]
    (cold,) = load_scorer(tiny).score([longer])
    assert scored.probabilities == pytest.approx(cold.probabilities, rel=0, abs=TOLERANCE)


@pytest.mark.parametrize("public", [True, False])
def test_a_public_page_keeps_nothing_of_its_visitors(public: bool) -> None:
    host = ModelHost([("ours", "default")], public=public)
    scorer = host.scorer("default").result()
    assert isinstance(scorer, Scorer)
    list(host.run([CHAIN]))
    assert (scorer._reader.memory.known.n_rows == 0) is public


def test_texts_are_encoded_once_and_forgotten_with_the_rest(tiny: Path) -> None:
    encoded: list[str] = []

    class Watching(PreTrainedTokenizerFast):
        def __call__(self, text: Any, **options: Any) -> Any:
            encoded.extend(one for one in text if one.strip())  # a blank shows the vocabulary
            return super().__call__(text, **options)

    scorer = load_scorer(tiny)
    scorer.tokenizer.__class__ = Watching
    longer = replace(CHAIN, steps=(*CHAIN.steps, "One more."))
    for candidates, wanted in (
        ([CHAIN, longer], [PROBLEM, *longer.steps]),
        ([longer, CHAIN], []),
        ([Candidate("Another.", ("One more.",))], ["Another.", "One more."]),
        ([CHAIN], [PROBLEM, *CHAIN.steps]),
    ):
        encoded.clear()
        scorer.score(candidates)
        assert encoded == wanted
    scorer.forget()
    scorer.score([CHAIN])
    assert encoded == 2 * [PROBLEM, *CHAIN.steps]

"""Runs that take turns at one model: each as if it were alone, and nobody waits for long."""

from __future__ import annotations

import asyncio
import math
import random
from pathlib import Path

import pytest

from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.types import Candidate, ScoredCandidate
from prm_core.ui import line as line_module
from prm_core.ui.line import FullError, Line
from tests.tiny import tiny_model

TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def problems(n: int) -> list[list[Candidate]]:
    """Problems with several candidates that share steps."""
    return [
        [
            Candidate(f"What is {i} + 8?", (f"{i} + 8 = {i + 8}.", f"Way {way}.", f"So {way}."))
            for way in range(6)
        ]
        for i in range(n)
    ]


def in_turn(
    scorer: Scorer, drafts: list[list[Candidate]], seed: int
) -> list[list[ScoredCandidate]]:
    """All drafts, a pack at a time in an order of chance."""
    rng = random.Random(seed)
    runs = {i: scorer.stream(draft, 0.0) for i, draft in enumerate(drafts)}
    found: list[dict[int, ScoredCandidate]] = [{} for _ in drafts]
    while runs:
        i = rng.choice(list(runs))
        for one in runs[i]:
            if one is None:
                break
            found[i][one[0]] = one[1]
        else:
            del runs[i]
    return [[one[k] for k in sorted(one)] for one in found]


@pytest.mark.parametrize("keep_bytes", [0, 20_000, 1 << 30])
def test_every_score_is_the_one_computed_alone(tiny: Path, keep_bytes: int) -> None:
    drafts = problems(5)
    alone = [load_scorer(tiny, max_tokens=120).score(draft) for draft in drafts]
    scorer = load_scorer(tiny, max_tokens=120, keep_bytes=keep_bytes)
    for seed in range(4):
        for got, wanted in zip(in_turn(scorer, drafts, seed), alone, strict=True):
            assert len(got) == len(wanted)
            for one, other in zip(got, wanted, strict=True):
                assert one.candidate == other.candidate
                assert one.probabilities == pytest.approx(other.probabilities, rel=0, abs=TOLERANCE)


def test_where_nothing_is_kept_the_bits_are_the_same(tiny: Path) -> None:
    """Packs are planned alike, whoever runs between them."""
    drafts = problems(4)
    scorer = load_scorer(tiny, max_tokens=120, keep_bytes=0)
    alone = [list(scorer.stream(draft)) for draft in drafts]
    assert in_turn(scorer, drafts, 7) == [[one for _, one in sorted(a)] for a in alone]


def test_what_is_kept_stays_within_its_bytes_whoever_runs(tiny: Path) -> None:
    scorer = load_scorer(tiny, max_tokens=120, keep_bytes=1 << 30)
    drafts = problems(2)
    first = scorer.stream(drafts[0], math.inf)
    assert next(first) is not None
    kept = scorer._reader.memory
    second = scorer.stream(drafts[1], math.inf)
    assert next(second) is not None
    assert scorer._reader.memory is not kept
    assert (kept.max_bytes, kept.known.n_rows) == (0, 0)
    assert len([one for one in first if one]) == 5
    assert kept.known.n_rows == 0
    assert scorer._reader.memory.known.n_rows > 0


# --- the line -------------------------------------------------------------------------------------


def turns(runs: list[tuple[str, str, int]], *, alone: bool = False) -> list[str]:
    """Who had the model, turn by turn; runs are (session, model, packs), in order of arrival."""

    async def all_runs() -> list[str]:
        line, log = Line(alone=alone), list[str]()

        async def run(session: str, model: str, n_packs: int) -> None:
            with line.join(session, model, 0) as place:
                for _ in range(n_packs):
                    assert await line.turn(place, 10.0)
                    log.append(session)
                    await asyncio.sleep(0.001)
                    line.hand_on(place)

        await asyncio.gather(*(run(*one) for one in runs))
        return log

    return asyncio.run(all_runs())


def test_sessions_have_a_turn_each() -> None:
    log = turns([("a", "m", 9), ("b", "m", 1), ("c", "m", 2)])
    assert log == list("abcac") + ["a"] * 7


def test_a_session_s_runs_share_its_turns() -> None:
    log = turns([("a", "m", 3), ("a", "m", 3), ("b", "m", 3)])
    assert log == list("ababab") + list("aaa")


def test_another_model_waits_for_what_has_begun_and_is_not_passed() -> None:
    log = turns([("a", "m", 3), ("b", "other", 2), ("c", "m", 1)])
    assert log == list("aaabbc")


def test_where_each_has_a_gpu_to_itself_no_run_is_parted() -> None:
    assert turns([("a", "m", 3), ("b", "m", 2)], alone=True) == list("aaabb")


def test_who_leaves_gives_the_turn_on() -> None:
    async def run() -> None:
        line = Line()
        with line.join("b", "m", 0) as second:
            with line.join("a", "m", 0) as first:
                assert await line.turn(first, 1.0)
                assert not await line.turn(second, 0.01)
                assert line.before(second) in (0, 1)
            assert await line.turn(second, 1.0)
        with line.join("c", "m", 0) as third:
            assert line.before(third) == 0
            assert await line.turn(third, 1.0)

    asyncio.run(run())


def test_the_line_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "MOST_RUNS", 4)
    monkeypatch.setattr(line_module, "MOST_CHARS", 100)

    async def run() -> None:
        line = Line()
        with line.join("a", "m", 0), line.join("a", "m", 0), line.join("a", "m", 0):
            with pytest.raises(FullError, match="3 runs of yours"), line.join("a", "m", 0):
                pass
            with pytest.raises(FullError, match="Too many people"), line.join("b", "m", 101):
                pass
            with (
                line.join("b", "m", 100),
                pytest.raises(FullError, match="Too many people"),
                line.join("c", "m", 0),
            ):
                pass
        with line.join("a", "m", 100):
            pass

    asyncio.run(run())

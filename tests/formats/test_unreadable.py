"""A step of which the tokenizer knows nothing gets no score as if it had been read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from prm_core.cli import main
from prm_core.errors import NoVerdictError, UnreadableError
from prm_core.evaluation.judge import judge
from prm_core.families.prompt import refuse_unreadable
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.types import Candidate, Example, ScoredCandidate, StepScorer
from prm_core.ui.models import ModelHost
from prm_core.ui.page import Run
from tests.families import build
from tests.tiny import tiny_model


def of_words(normalizer: normalizers.Normalizer | None = None) -> PreTrainedTokenizerFast:
    """Words that it knows, and "[UNK]" for all others."""
    words = ["[UNK]", "Problem", "Step", ":", ".", "a", "b", "1", "2", "=", "[PAD]"]
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    return load_scorer(tiny_model(tmp_path_factory.mktemp("words"), tokenizer=of_words()))


@pytest.mark.parametrize("step", ["日本", "🙂 🙂", "Ответ", "Step 2: 日本", "日本 . ."])
def test_a_step_of_unknown_tokens_is_refused_by_its_number(step: str, scorer: Scorer) -> None:
    candidate = Candidate("a", ("a = b", step), id="7")
    for call in (scorer.encode, lambda one: scorer.score([one])):
        with pytest.raises(UnreadableError, match="step 2 of candidate '7' cannot be judged"):
            call(candidate)


@pytest.mark.parametrize("step", ["a", "日本 = a", "Step 2: 1", "=", "日本 1"])
def test_a_step_of_which_something_is_known_is_scored(step: str, scorer: Scorer) -> None:
    (scored,) = scorer.score([Candidate("a", ("a = b", step))])
    assert len(scored.probabilities) == 2


def test_a_problem_of_unknown_tokens_is_refused_too(scorer: Scorer) -> None:
    with pytest.raises(UnreadableError, match="the problem of a candidate cannot be judged"):
        scorer.score([Candidate("日本", ("a",))])


@pytest.mark.parametrize("step", ["?", "日", "?? 日"])
def test_a_step_that_the_normaliser_drops_is_refused(step: str) -> None:
    """It may put something of its own there, as the shipped model's puts a full stop."""
    dropping = normalizers.Sequence([normalizers.Replace("?", ""), normalizers.Replace("日", "")])
    adding = normalizers.Sequence([dropping, normalizers.Replace(Regex(r"\s*\z"), " .")])
    for normalizer in (dropping, adding):
        tokenizer = of_words(normalizer)
        with pytest.raises(UnreadableError, match="step 1"):
            refuse_unreadable(tokenizer, Candidate("a", (step,)))
        refuse_unreadable(tokenizer, Candidate("a", (f"{step} a",)))


def test_bytes_can_tell_everything() -> None:
    candidate = Candidate("日本", ("日本", "🙂", "?", "∫"))
    refuse_unreadable(build.merging_tokenizer(()), candidate)
    refuse_unreadable(build.sentencepiece_tokenizer(()), candidate)


def test_the_shipped_model_refuses_what_it_does_not_know() -> None:
    scorer = load_scorer()
    for step in ("日本", "π", "🙂", "$$"):
        with pytest.raises(UnreadableError, match="step 2"):
            scorer.score([Candidate("What is 1 + 1?", ("1 + 1 = 2", step))])
    assert scorer.score([Candidate("What is 1 + 1?", ("1 + 1 = 2 日本", "So 2."))])


def test_families_with_a_prompt_for_each_step_refuse_as_well(tmp_path: Path) -> None:
    tags = ("<+>", "<->", "<extra>", "<|im_start|>", "<|im_end|>")
    own = build.merging_tokenizer(tags, template=build.QWEN_TEMPLATE)
    build.checkpoint(tmp_path, own, arch="qwen2", architectures=["Qwen2ForCausalLM"])
    own.backend_tokenizer.normalizer = normalizers.Replace("?", "")
    own.save_pretrained(tmp_path)
    pathfinder = load_scorer(tmp_path, family="pathfinder")
    with pytest.raises(UnreadableError, match="step 2"):
        pathfinder.score([Candidate("a", ("b", "?"))])


def test_the_others_of_a_file_are_not_lost(
    tmp_path: Path, scorer: Scorer, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny_model(tmp_path / "model", tokenizer=of_words())
    rows = [{"problem": "a", "solutions": [["a", step]]} for step in ("日本", "b")]
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    main(["score", str(file), "--model", str(model), "-o", str(tmp_path / "out.jsonl")])
    out = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert len(out) == 1
    assert "probabilities" in out[0]
    assert "line 1, field 'solutions': step 2 of candidate '1' cannot be" in capsys.readouterr().err
    good, bad = Candidate("a", ("b",)), Candidate("a", ("日本",))
    results = judge(scorer, [Example(good, (1.0,)), Example(bad, (1.0,))])
    assert results.skipped == {"a step that the model cannot read": 1}


def page_run(model: str, *solutions: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the board and the buttons hold when a press of Score is over."""
    payload = {"problem": "a", "solutions": list(solutions), "rule": "line"}
    host = ModelHost([("m", model)])

    async def last() -> Any:
        run = Run(host, payload, model, "a session")
        return [update async for update in run.updates() if update is not None][-1]

    board, buttons = asyncio.run(last())
    return board, buttons


def test_the_others_of_a_page_are_scored_and_each_card_says_why_it_is_not(tmp_path: Path) -> None:
    model = str(tiny_model(tmp_path / "model", tokenizer=of_words()))
    board, buttons = page_run(
        model, "b\n1 = 2", "b\n日本", "---", "a \ud83d", "1", "a 1 " * 3000, "x" * 200_001
    )
    assert board["status"] == "done"
    assert [bool(one["detail"]) for one in board["candidates"]] == [1, 0, 0, 0, 1, 0, 0]
    said = {one["letter"]: one.get("error", "") for one in board["candidates"]}
    for letter, words in {
        "B": "step 2 of solution B cannot be judged",
        "C": "Solution C has no steps",
        "D": "Solution D contains an unpaired surrogate",
        "F": "Solution F has 6,",
        "G": "Solution G has 200,001 characters",
    }.items():
        assert words.lower() in said[letter].lower()
    places = {one["where"]: one["text"] for one in buttons["issues"]}
    assert places == {"ABCDEFG".index(letter): words for letter, words in said.items() if words}
    assert "5 of 7 solutions not scored" in buttons["message"]
    json.dumps(board, ensure_ascii=False).encode()  # whatever was sent, it can be sent back


def test_nothing_that_can_be_scored_is_an_error(tmp_path: Path) -> None:
    model = str(tiny_model(tmp_path / "model", tokenizer=of_words()))
    board, buttons = page_run(model, "日本", "日")
    assert board["status"] == "failed"
    assert [one["where"] for one in buttons["issues"]] == [0, 1]


class Mute(StepScorer):
    """Finds only while it runs that it has nothing to say of some."""

    model_id = "mute"

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        for one in candidates:
            if "?" in one.steps[0]:
                raise NoVerdictError(f"candidate {one.id!r}: no reply can be read; ask again")
        return [ScoredCandidate(one, (0.5,), (0.0,), self.model_id) for one in candidates]


def test_one_without_a_verdict_leaves_the_others_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prm_core.ui.models.open_scorer", lambda *_, **__: Mute())
    board, buttons = page_run("x", "a", "why?", "b", "how?")
    assert [bool(one["detail"]) for one in board["candidates"]] == [True, False, True, False]
    assert [one["where"] for one in buttons["issues"]] == [1, 3]
    assert "olution B: no reply can be read" in board["candidates"][1]["error"]

"""The doctor says which checkpoints can be trusted, and why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prm_core import doctor
from prm_core.catalog import KNOWN_MODELS
from prm_core.cli import main
from prm_core.doctor import Finding, Golden, examine, golden_examples, verdict
from prm_core.families import FAMILIES
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.types import Candidate, ScoredCandidate
from prm_core.verifiers import VERIFIERS
from tests.families import build
from tests.families.test_act_prm import make as make_act_prm
from tests.families.test_outcome import make as make_outcome
from tests.families.test_qwen_prm import make as make_qwen
from tests.families.test_reason_eval import make as make_reason_eval
from tests.tiny import tiny_model

ROOT = Path(__file__).parent.parent
LAST = ("Qwen", "here", "doctor")  # licence, where it runs, how it was checked


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, list[str]]]:
    def call(*words: str) -> tuple[int, list[str]]:
        code = main(["doctor", *words])
        return code, capsys.readouterr().out.splitlines()

    return call


# --- the examples -----------------------------------------------------------------------------


def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ROOT / "assets/golden.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", sorted({row["model"] for row in rows()}))
def test_every_example_is_whole(name: str) -> None:
    for example in golden_examples(name):
        n_steps = len(example.candidate.steps)
        assert len(example.probabilities) == n_steps
        assert all(0 <= p <= 1 for p in example.probabilities)
        assert all(len(values) == n_steps for values in example.extras.values())
        assert 0 < example.tolerance <= 0.05
        assert example.source
        assert example.prompt.count("{problem}") == bool(example.prompt)
        assert name in KNOWN_MODELS or not example.prompt


def test_the_registry_says_which_models_have_examples() -> None:
    known = {name for name, model in KNOWN_MODELS.items() if model.golden}
    assert known == {row["model"] for row in rows()} & KNOWN_MODELS.keys()
    assert known


# --- what it says -----------------------------------------------------------------------------


def test_a_sound_model_without_published_numbers(run: Callable[..., Any], tmp_path: Path) -> None:
    code, lines = run(str(make_qwen(tmp_path)))
    assert code == 0
    assert all(line.startswith("ok ") for line in lines[:-1])
    assert [line.split()[1] for line in lines[:-1]] == [
        "family",
        "files",
        "device",
        "counts",
        "typed",
        "packed",
    ]
    assert lines[-1].startswith("no problems found")


def test_a_model_that_cannot_be_loaded(run: Callable[..., Any], tmp_path: Path) -> None:
    tiny_model(tmp_path)
    (tmp_path / "value_head.safetensors").unlink()
    code, lines = run(str(tmp_path))
    assert code == 1
    assert lines[0].startswith("BAD  loading")
    assert lines[-1].startswith("not trustworthy: loading: ")
    assert "'weight' is missing" in lines[-1]


def test_published_numbers_of_another_model_are_noticed(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    """Random weights are not ReasonEval's, though everything else is in order."""
    code, lines = run(str(make_reason_eval(tmp_path, "7B")), "--published", "GAIR/ReasonEval-7B")
    assert code == 1
    assert lines[-2].startswith("BAD  golden")
    assert "from 20 numbers of GAIR/ReasonEval-7B" in lines[-2]
    assert lines[-1].startswith("not trustworthy: golden: largest difference")


def test_numbers_that_another_family_made_are_compared_as_it_reads(tmp_path: Path) -> None:
    """ActPRM's example has another system message than the script that its name stands for."""
    script, card = (
        load_scorer(make_act_prm(tmp_path), family=name) for name in ("act_prm", "act_prm_card")
    )
    candidate = Candidate("What is 2 + 3?", ("2 + 3 = 6.", "So it is 6."))
    ((theirs,), (ours,)) = (one.score([candidate]) for one in (card, script))
    assert (
        max(abs(a - b) for a, b in zip(theirs.probabilities, ours.probabilities, strict=True))
        > 1e-3
    )
    golden = Golden("m", "here", 1e-5, candidate, theirs.probabilities, family="act_prm_card")
    findings = list(examine(script, [golden]))
    assert verdict(findings) == (
        True,
        "trustworthy: reproduces the numbers that were published for it",
    )
    assert "of m, read as act_prm_card; here" in findings[-1].text
    (wrong,) = list(examine(script, [replace(golden, family=None)]))[-1:]
    assert not wrong.good
    (example,) = golden_examples("sail/ActPRM")
    assert example.family == "act_prm_card"


@pytest.mark.parametrize(
    ("make", "published", "said"),
    [
        (make_qwen, "GAIR/ReasonEval-7B", "10 redundancies of GAIR/ReasonEval-7B are published"),
        (make_outcome, "UKPLab/Llama-3-8b-spare-prm-math", "3 probabilities of UKPLab/Llama"),
        (
            make_outcome,
            "Qwen/Qwen2.5-Math-PRM-7B",
            "published with a prompt of the family qwen_prm",
        ),
    ],
)
def test_published_numbers_that_cannot_be_compared_are_told(
    make: Callable[[Path], Path],
    published: str,
    said: str,
    run: Callable[..., Any],
    tmp_path: Path,
) -> None:
    code, lines = run(str(make(tmp_path)), "--published", published)
    assert code == 1
    assert lines[-2].startswith("BAD  golden")
    assert lines[-1].startswith("not trustworthy: golden")
    assert said in lines[-1]


def test_a_model_that_gives_its_published_numbers_is_trusted(tmp_path: Path) -> None:
    scorer = load_scorer(make_reason_eval(tmp_path, "34B"))
    candidate = Candidate("What is 2 + 3?", ("2 + 3 = 6.", "So it is 6."))
    (scored,) = scorer.score([candidate])
    example = Golden(
        "some/model",
        "this test",
        0.001,
        candidate,
        scored.probabilities,
        dict(scored.extras),
    )
    findings = list(examine(scorer, [example]))
    assert verdict(findings) == (
        True,
        "trustworthy: reproduces the numbers that were published for it",
    )
    wrong = Golden("some/model", "this test", 0.001, candidate, (0.5, 0.5))
    assert [f.name for f in examine(scorer, [example, wrong]) if not f.good] == ["golden 2"]


def test_an_example_with_a_prompt_of_its_own_is_fed_as_it_stands(tmp_path: Path) -> None:
    (example,) = golden_examples("Qwen/Qwen2.5-Math-PRM-7B")
    own = build.merging_tokenizer(
        ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>"), template=build.QWEN_TEMPLATE
    )
    scorer = load_scorer(make_qwen(tmp_path, tokenizer=own))
    (finding,) = [f for f in examine(scorer, [example]) if f.name == "golden"]
    assert "from 4 numbers" in finding.text
    whole = example.prompt.replace("{problem}", example.candidate.problem)
    whole += "".join(step + "<extra_0>" for step in example.candidate.steps)
    fed = []
    score_encoded = scorer.score_encoded
    scorer.score_encoded = lambda c, e: (fed.append(e), score_encoded(c, e))[1]  # type: ignore[method-assign, func-returns-value]
    doctor._score(scorer, example)
    assert list(fed[0].input_ids) == own.encode(whole, add_special_tokens=False)


def test_an_outcome_model_passes_too(run: Callable[..., Any], tmp_path: Path) -> None:
    code, lines = run(str(make_outcome(tmp_path)))
    assert (code, "one score for a whole solution" in "\n".join(lines)) == (0, True)


def test_a_repository_without_published_numbers_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", str(tmp_path), "--published", "some/prm"]) == 1
    assert "there are no published numbers of some/prm" in capsys.readouterr().err


class Leaning(Scorer):
    """A model whose scores depend on who else is scored."""

    def score(self, candidates: Any) -> list[ScoredCandidate]:
        scored = super().score(candidates)
        if len(candidates) == 1:
            return scored
        return [
            ScoredCandidate(o.candidate, o.log_odds and (0.5,) * len(o.log_odds), o.log_odds, "")
            for o in scored
        ]


def test_scores_that_depend_on_company_are_noticed(tmp_path: Path) -> None:
    scorer = load_scorer(make_qwen(tmp_path))
    scorer.__class__ = Leaning
    bad = [finding for finding in examine(scorer) if not finding.good]
    assert [finding.name for finding in bad] == ["packed"]


def test_the_verdict_names_the_first_thing_that_is_wrong() -> None:
    findings = [Finding("a", True, "x"), Finding("b", False, "y"), Finding("c", False, "z")]
    assert verdict(findings) == (False, "not trustworthy: b: y")


# --- the list of models -----------------------------------------------------------------------


@pytest.mark.parametrize("name", KNOWN_MODELS)
def test_every_known_model_has_a_family(name: str) -> None:
    known = KNOWN_MODELS[name]
    assert known.family in (VERIFIERS if known.server else FAMILIES)
    assert 0.1 < known.billions < 100
    assert known.f1 is None or 20 < known.f1 < 100
    assert name.count("/") == 1


def test_models_are_listed_as_tables_and_as_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    for name in [*KNOWN_MODELS, *FAMILIES, *VERIFIERS]:
        assert f"\n{name} " in out
    qwen = next(line for line in out.splitlines() if line.startswith("Qwen/Qwen2.5-Math-PRM-7B "))
    assert qwen.split()[1:] == [
        "qwen_prm",
        "7.6",
        "B",
        "15.2",
        "GB",
        "4,096",
        "0.5",
        "73.5",
        *LAST,
    ]
    eurus = next(line for line in out.splitlines() if line.startswith("PRIME-RL/EurusPRM-Stage1 "))
    assert " unknown  tune " in eurus
    assert " 31.2 " in eurus
    assert main(["models", "--json"]) == 0
    listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["id"] for row in listed] == list(KNOWN_MODELS)
    assert listed[0]["f1"] == 73.5
    assert listed[0]["bf16_gb"] == 15.2
    assert listed[0]["score"] == FAMILIES["qwen_prm"].summary
    written = next(row for row in listed if row["id"] == "launch/ThinkPRM-14B")
    assert written["server"] is True
    assert written["score"] == VERIFIERS["think_prm"].summary


def test_the_doctor_says_that_a_verifier_needs_a_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor", "GenPRM/GenPRM-7B"]) == 1
    out = capsys.readouterr().out
    assert "BAD  loading   GenPRM/GenPRM-7B belongs to family gen_prm, which writes its" in out
    assert "--server URL" in out.splitlines()[-1]

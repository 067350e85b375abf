"""The tools that agents call, as plain functions; the expectations are said by the double."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

import pytest

from prm_core import calculator
from prm_core.agents.tools import Tools
from prm_core.errors import BadOptionError, InputError, TooLongError
from prm_core.ranking.aggregate import METHODS
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate, ScoredCandidate, StepScorer

PROBLEM = "What is 7 × 8?"
A, B = "7 × 8 = 56.\nThe answer is 56.", ["7 × 8 = 54.", "The answer is 54."]


class Says(StepScorer):
    """0.9 of every step, 0.2 of those with 54."""

    model_id, threshold, status = "says", 0.3, "here"

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        return [
            ScoredCandidate(
                one, p := tuple(0.2 if "54" in s else 0.9 for s in one.steps), (0.0,) * len(p), "x"
            )
            for one in candidates
        ]


tools = Tools(Says)


def test_a_chain_is_scored_step_by_step() -> None:
    found = tools.score_chain(PROBLEM, B, "mean")
    assert found.score == pytest.approx(0.2)
    assert (found.first_error, found.weakest_step, found.answer) == (0, 0, "54")
    assert found.threshold == 0.3
    assert asdict(found.steps[1]) == {
        "index": 1,
        "text": "The answer is 54.",
        "probability": 0.2,
        "correct": False,
    }
    assert json.loads(json.dumps(asdict(found))) == asdict(found)


def test_what_agents_read_names_every_aggregation() -> None:
    words = (Tools.score_chain.__doc__ or "").replace(",", " ").replace(".", " ").split()
    assert set(METHODS) <= set(words)


def test_chains_are_compared_and_keep_their_index() -> None:
    found = tools.compare_chains(PROBLEM, [B, A, A])
    assert [(one.rank, one.tied, one.index) for one in found.ranking] == [
        (1, True, 1),
        (1, True, 2),
        (3, False, 0),
    ]
    assert found.ranking[0].answer == "56"


def test_the_first_error_is_named_or_none() -> None:
    found = tools.find_first_error(PROBLEM, ["7 × 8 is asked.", "7 × 8 = 54.", "So 54."])
    assert (found.first_error, found.text, found.probability) == (1, "7 × 8 = 54.", 0.2)
    none = tools.find_first_error(PROBLEM, A)
    assert (none.first_error, none.text, none.n_steps) == (None, None, 2)


def test_what_cannot_be_scored_is_an_error() -> None:
    with pytest.raises(InputError, match="empty problem"):
        tools.find_first_error(" ", A)
    with pytest.raises(InputError, match="no steps"):
        tools.score_chain(PROBLEM, "")
    with pytest.raises(InputError, match="no solutions"):
        tools.compare_chains(PROBLEM, [])
    with pytest.raises(BadOptionError, match="'best' is not known"):
        tools.score_chain(PROBLEM, A, "best")


def test_the_model_is_the_server_s() -> None:
    (model,) = tools.list_models()
    assert (model.name, model.threshold, model.runs_on) == ("says", 0.3, "here")


def test_what_is_too_long_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped model's calculator took half a minute for steps that nobody scores."""
    real = Tools(load_scorer)
    assert real.score_chain(PROBLEM, A).steps

    def read(*_: object) -> None:
        raise AssertionError("the calculator reads what is refused")

    monkeypatch.setattr(calculator, "read_solution", read)
    line = "3 + 4 = 7, so we have 7 apples and 5 more.\n"
    for chain in (line * 4_000, [line] * 4_000, ["1"] * 4_096):
        with pytest.raises(TooLongError, match=r"has [\d,]+ tokens .* reads at most 4,096"):
            real.score_chain(PROBLEM, chain)
    for chains in ([["1"] * 5_001], [A, [""] * 1_000_000]):
        with pytest.raises(InputError, match=r"Chain \d has [\d,]+ steps; at most 5,000 are read"):
            real.compare_chains(PROBLEM, chains)  # type: ignore[arg-type]

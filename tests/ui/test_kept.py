"""Scores that come back from a browser: what is taken over, and what never is."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from prm_core.text.limits import MAX_STEPS
from prm_core.types import Candidate, ScoredCandidate
from prm_core.ui.board import Judged, board_value
from prm_core.ui.kept import read_all, read_kept, still_valid
from prm_core.ui.restore import restore

PROBLEM = "What is 7 × 8?"
TEXT = "I multiply.\nIt is 56."
STEPS = ("I multiply.", "It is 56.")
P = (0.1 + 0.2, 1.0)  # a float of 17 digits, and a probability without finite log-odds
ODDS = (math.log(P[0] / (1 - P[0])), math.inf)
SCORED = ScoredCandidate(
    Candidate(PROBLEM, STEPS, "C"), P, ODDS, "a-model", {"raw": (0.25, -3.0)}, ("It wrote <b>.",)
)


def entry(**changes: Any) -> dict[str, Any]:
    """What the browser makes of `SCORED`."""
    return {
        "model_id": "a-model",
        "steps": list(STEPS),
        "thinking": [False, False],
        "probabilities": list(P),
        "log_odds": [ODDS[0], None],
        "extras": {"raw": [0.25, -3.0]},
        "rationales": ["It wrote <b>."],
    } | changes


def test_scores_come_back_as_they_went() -> None:
    sent = json.loads(json.dumps(entry()))
    assert read_kept(sent, PROBLEM, "C") == SCORED


@pytest.mark.parametrize(
    "changes",
    [
        {"probabilities": [0.5]},
        {"probabilities": [0.5, 2.0]},
        {"probabilities": [0.5, "0.5"]},
        {"probabilities": [True, False]},
        {"probabilities": [10**400, 0.5]},
        {"log_odds": [0.0]},
        {"log_odds": ["x", None]},
        {"log_odds": [math.nan, None]},
        {"extras": {"raw": [1.0]}},
        {"extras": {"raw": 1.0}},
        {"extras": [1.0]},
        {"rationales": [1]},
        {"steps": ["one", " "]},
        {"steps": ["one", "half \ud83d"]},
        {"steps": []},
        {"model_id": None},
        {"thinking": [True]},
        {"steps": ["x"] * (MAX_STEPS + 1)},
    ],
)
def test_what_does_not_hold_together_is_no_score(changes: dict[str, Any]) -> None:
    assert read_kept(entry(**changes), PROBLEM, "C") is None


@pytest.mark.parametrize("sent", [None, 1, "x", [], {}])
def test_what_is_no_entry_is_no_score(sent: object) -> None:
    assert read_kept(sent, PROBLEM, "C") is None


def test_only_scores_of_the_same_steps_and_model_stay() -> None:
    same = Candidate(PROBLEM, STEPS, "C")
    assert still_valid([SCORED], [same], "a-model") == {0: SCORED}
    assert still_valid([SCORED], [same], "another") == {}
    assert still_valid([SCORED], [Candidate(PROBLEM, STEPS[:1], "C")], "a-model") == {}
    assert still_valid([None, SCORED], [same, same], "a-model") == {1: SCORED}


@pytest.mark.parametrize(
    "text", [None, 5, "", "{", "[]", "[1]", "[" * 100_000, "[" + "[]," * 5_000 + "1]", "nul"]
)
def test_what_is_no_list_of_scores_is_none(text: object) -> None:
    assert read_all(text, PROBLEM, ["C"]) == [None]


def test_scores_are_read_in_the_order_of_the_solutions() -> None:
    text = json.dumps([None, entry()])
    assert read_all(text, PROBLEM, ["A", "C"]) == [None, SCORED]
    assert read_all(text, PROBLEM, ["C"]) == [None]


# --- a whole board --------------------------------------------------------------------------------


def stored(**changes: Any) -> dict[str, Any]:
    return {
        "problem": PROBLEM,
        "rule": "auto",
        "model": "A model",
        "model_line": "a-model",
        "model_note": "It is small.",
        "gold": "56",
        "threshold": 0.5,
        "status": "done",
        "message": "",
        "candidates": [
            {"letter": "C", "source": TEXT, "cut": "line", "scores": entry()},
            {"letter": "A", "source": "later", "cut": "line", "scores": None},
        ],
    } | changes


def test_a_board_comes_back_as_it_was() -> None:
    judged = Judged(("C", "A"), (TEXT, "later"), "auto", ("line", "line"), "a-model", "56")
    was = board_value(
        PROBLEM,
        [SCORED, None],
        status="done",
        model="A model",
        model_note="It is small.",
        judged=judged,
        thinking=[(), ()],
    )
    assert restore(json.dumps(stored())) == json.loads(json.dumps(was))


def test_the_models_own_solutions_come_back() -> None:
    solutions = ["24 / 3 = 8\nAnswer: 8", "nothing to say"]
    found = restore(json.dumps(stored(own_solutions=solutions)))
    assert found is not None
    assert found["own_solutions"] == solutions
    assert found["own_answers"] == ["8", "no answer"]


@pytest.mark.parametrize("said", [5, {}, [5], ["a", None]])
def test_a_board_whose_own_solutions_are_no_texts_is_not_ours(said: object) -> None:
    assert restore(json.dumps(stored(own_solutions=said))) is None


@pytest.mark.parametrize("change", [{"threshold": 0.2}, {"threshold": 1.0}, {"gold": "It."}, {}])
def test_what_the_browser_has_need_not_be_drawn_again(change: dict[str, Any]) -> None:
    """Another threshold or right answer: what stays in the browser is what would come."""
    first = restore(json.dumps(stored()))
    whole, brief = (restore(json.dumps(stored(**change, brief=one))) for one in (False, True))
    assert first is not None
    assert brief is not None
    assert [one["detail"] for one in brief["candidates"]] == [None, None]
    for one, had in zip(brief["candidates"], first["candidates"], strict=True):
        one["detail"] = had["detail"]
    assert brief == whole
    assert (brief["candidates"][1]["detail"], brief["candidates"][1]["marks"]) == (None, None)


@pytest.mark.parametrize(
    "sent",
    [
        None,
        [],
        {},
        stored(candidates=None),
        stored(candidates=[{}]),
        stored(candidates=[{"letter": "C", "source": 1, "cut": "line", "scores": entry()}]),
        stored(candidates=[stored()["candidates"][0]] * 2),
        stored(candidates=[stored()["candidates"][1]]),
        stored(candidates=[stored()["candidates"][0]] * 65),
        stored(problem=1),
        stored(threshold="x"),
        stored(model=None),
    ],
)
def test_what_is_no_board_is_not_drawn(sent: object) -> None:
    assert restore(json.dumps(sent)) is None

"""What the page keeps of a board is expressed in a session, and comes back from it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from prm_core import DataError
from prm_core.session import (
    Model,
    Problem,
    Scores,
    Session,
    Settings,
    Solution,
    from_page,
    load_session,
    page_results,
    read_session,
    session_json,
)
from prm_core.ui.restore import restore

RESULTS = {
    "problem": "2 + 2?",
    "rule": "line",
    "model": "My PRM",
    "model_line": "owner/prm",
    "model_note": "Good for sums.",
    "gold": "4",
    "threshold": 0.3,
    "own": 0.4,
    "status": "cancelled",
    "message": "Stopped.",
    "cut_note": "Cut at lines.",
    "candidates": [
        {
            "letter": "A",
            "source": "Hm.\n4",
            "cut": "line",
            "error": "",
            "scores": {
                "model_id": "prm",
                "steps": ["Hm.", "4"],
                "thinking": [True, False],
                "probabilities": [1.0, 0.25],
                "log_odds": [None, math.log(1 / 3)],
                "extras": {"raw": [1.0, None]},
                "rationales": ["Fine."],
            },
        },
        {"letter": "C", "source": "too long", "cut": "", "error": "Too long.", "scores": None},
    ],
}


def test_results_of_the_page_come_back_equal() -> None:
    session = from_page(RESULTS)
    assert page_results(read_session(session_json(session)), 0) == RESULTS
    assert session.models == (Model("prm", "My PRM", "owner/prm", "Good for sums.", 0.4),)
    assert session.threshold == 0.3


def test_the_trees_of_searches_stay_with_the_problem() -> None:
    trees = {"search": {"nodes": []}, "compared_search": {"nodes": [{"text": "x"}]}}
    session = from_page(RESULTS | trees)
    assert session.problems[0].more == trees
    assert page_results(read_session(session_json(session)), 0) == RESULTS | trees


def test_the_page_restores_what_a_session_gives() -> None:
    board = restore(json.dumps(page_results(from_page(RESULTS), 0)))
    assert board == restore(json.dumps(RESULTS))
    assert board is not None
    gallery = load_session(Path(__file__).parents[2] / "examples" / "gallery" / "gsm8k.json.gz")
    for index, problem in enumerate(gallery.problems[:3]):
        board = restore(json.dumps(page_results(gallery, index)))
        assert board is not None
        assert [one["scores"]["min"] for one in board["candidates"]] == [
            min(one.scores["Qwen/Qwen2.5-Math-PRM-7B"].probabilities) for one in problem.solutions
        ]


def test_names_that_are_no_letters_get_some() -> None:
    whole = Scores((0.5,))
    solutions = (Solution("gsm8k-1", steps=("a", "b"), scores={"m": whole}), Solution("B", "x"))
    session = Session((Problem("?", solutions=solutions),), (Model("m"),), Settings(threshold=0.5))
    found = page_results(session, 0)
    assert [one["letter"] for one in found["candidates"]] == ["A", "B"]
    assert found["candidates"][0]["scores"]["steps"] == ["a\n\nb"]  # an outcome model's one number
    assert restore(json.dumps(found)) is not None


@pytest.mark.parametrize(
    "change", [{"threshold": 2}, {"candidates": None}, {"gold": 4}, {"problem": []}]
)
def test_what_is_not_the_page_s_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(DataError, match="are not results of the page"):
        from_page({**RESULTS, **change})


def other(*scores: object, line: str = "recorded:orm", **changed: object) -> dict[str, object]:
    name = {"model": "ORM", "model_line": line, "model_note": "", "own": 0.5}
    return name | {"candidates": list(scores)} | changed


WHOLE = {"model_id": "orm", "probabilities": [0.75], "log_odds": [math.log(3)]}


def test_scores_of_other_models_are_in_the_session_too() -> None:
    """An outcome model's number is of the whole; scores of other steps are of no solution here."""
    strange = {"model_id": "c", "steps": ["x", "y"], "probabilities": [1, 1], "log_odds": [0, 0]}
    twin = {**RESULTS["candidates"][0]["scores"], "probabilities": [0.5, 0.5]}  # type: ignore[index]
    others = [other(WHOLE, None), other(strange, None, line="c"), other(twin, None, line="again")]
    session = from_page({**RESULTS, "others": others, "other": "recorded:orm"})
    assert [one.id for one in session.models] == ["prm", "orm", "c", "prm (2)"]
    assert [one.recorded for one in session.models] == [False, True, False, False]
    assert session.settings.other == "orm"
    scores = session.problems[0].solutions[0].scores
    assert {name: one.probabilities for name, one in scores.items()} == {
        "prm": (1.0, 0.25),
        "orm": (0.75,),
        "prm (2)": (0.5, 0.5),
    }
    assert from_page(page_results(session, 0)).problems == session.problems


def test_steps_are_those_of_the_prm_where_an_outcome_model_is_on_show() -> None:
    (first, second) = RESULTS["candidates"]  # type: ignore[misc]
    judged = first["scores"]  # type: ignore[index]
    rows = [{**first, "scores": {**WHOLE, "steps": ["Hm.\n\n4"]}}, second]  # type: ignore[dict-item]
    session = from_page({**RESULTS, "candidates": rows, "others": [other(judged, None, line="p")]})
    solution = session.problems[0].solutions[0]
    assert (solution.steps, solution.thinking) == (("Hm.", "4"), (True, False))
    assert {name: one.probabilities for name, one in solution.scores.items()} == {
        "orm": (0.75,),
        "prm": (1.0, 0.25),
    }

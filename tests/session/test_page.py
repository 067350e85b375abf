"""A problem of a session as the page draws it."""

from __future__ import annotations

import json
from pathlib import Path

from prm_core.session import (
    Model,
    Problem,
    Scores,
    Session,
    Settings,
    Solution,
    load_session,
    page_results,
)
from prm_core.ui.restore import restore


def test_the_page_draws_what_a_session_gives() -> None:
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


def test_scores_of_other_steps_bring_them() -> None:
    other = Scores((0.5, 0.25, 0.75), steps=("a", "b", "c"), thinking=(True, False, False))
    one = Solution("A", "a b c", ("a b", "c"), scores={"m": Scores((0.5, 1.0)), "n": other})
    session = Session((Problem("?", solutions=(one,)),), (Model("m"), Model("n")))
    for name, steps in ("m", ["a b", "c"]), ("n", ["a", "b", "c"]):
        found = page_results(session, 0, name)
        assert found["candidates"][0]["scores"]["steps"] == steps
        (beside,) = found["others"][0]["candidates"]
        assert len(beside["steps"]) == 5 - len(steps)
        assert restore(json.dumps({**found, "others": None})) is not None

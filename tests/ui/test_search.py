"""A search from the page: what may be asked for, what comes of it, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prm_core.scoring.load import load_scorer
from prm_core.search.results import search_tree
from prm_core.search.tree import Node, Settings, Tree, new_tree, tree_json
from prm_core.session import read_session
from prm_core.types import Candidate
from prm_core.ui.models import ModelHost
from prm_core.ui.search import SearchRun
from tests.completions import serve
from tests.search.scripted import rounded
from tests.tiny import tiny_model

KEY = "sk-secret-0123"
ASKED = {
    "run": 7,
    "url": "http://127.0.0.1:9/v1",
    "key": KEY,
    "model": "org/model",
    "problem": "What is 7 × 8?",
    "n": 4,
    "temperature": 0.7,
    "max_tokens": 100,
    "way": "beam",
    "width": 2,
    "rounds": 5,
    "aggregation": "min",
    "gold": "56",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


def writer(body: dict[str, Any]) -> dict[str, Any]:
    n = body["messages"][-1]["content"].count("\n\n") if len(body["messages"]) > 1 else 0
    text = f"Step {n} of {body['seed'] % 97}." if n < 1 else "So \\boxed{56}."
    return {
        "message": {"role": "assistant", "content": text},
        "stop_reason": "\n\n" if n < 1 else None,
        "usage": {"completion_tokens": 5},
    }


def updates(prm: Path, **changed: Any) -> list[dict[str, Any]]:
    async def all_of() -> list[dict[str, Any]]:
        host = ModelHost([("Tiny", str(prm))], device="cpu")
        run = SearchRun(host, json.dumps({**ASKED, **changed}), str(prm), "me")
        async with aclosing(run.updates()) as found:
            return [one async for one in found if one is not None]

    return asyncio.run(all_of())


def test_the_tree_has_what_the_prm_says_of_the_same_steps(model: Path) -> None:
    with serve(writer) as server:
        last = updates(model, url=server.url)[-1]
    assert (last["running"], last["issue"]) == (False, "")
    session = read_session(last["opened"]["session"])
    (problem,) = session.problems
    tree = search_tree(problem)
    assert tree is not None
    assert tree.status == "done"
    assert json.loads(last["search"]["tree"])["status"] == "done"
    assert last["search"]["groups"] == [
        {"answer": "56", "letters": ["A", "B", "C", "D"], "correct": True}
    ]
    candidates = [Candidate(problem.problem, one.steps) for one in problem.solutions]
    expected = load_scorer(str(model), device="cpu").score(candidates)
    for one, right in zip(problem.solutions, expected, strict=True):
        scored = one.scored(problem.problem, session.models[0].id)
        assert scored is not None
        assert scored.probabilities == pytest.approx(right.probabilities, abs=1e-5)
    assert KEY not in json.dumps(last)


@pytest.mark.parametrize(
    ("changed", "where", "words"),
    [
        ({"n": 3}, "width", "no multiple"),
        ({"width": 0}, "width", "Width must be"),
        ({"width": None}, "width", "Width must be"),
        ({"rounds": 10**6}, "rounds", "Rounds must be"),
        ({"temperature": 0}, "temperature", "temperature"),
        ({"way": "magic"}, "temperature", "magic"),
        ({"aggregation": 7}, "temperature", "aggregation"),
        ({"problem": " "}, "problem", "Write the problem"),
    ],
)
def test_what_cannot_be_asked_for_is_said_at_its_field(
    model: Path, changed: dict[str, Any], where: str, words: str
) -> None:
    (only,) = updates(model, **changed)
    assert only["where"] == where
    assert words in only["issue"]
    assert not only["running"]


def test_a_prm_that_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    with serve(writer) as server:
        (only,) = updates(tmp_path / "none", url=server.url)
        assert server.requests == []
    assert "none" in only["issue"]


def fails_after(n_good: int) -> Any:
    n_asked: list[int] = []

    def failing(body: dict[str, Any]) -> dict[str, Any]:
        n_asked.append(1)
        return writer(body) if len(n_asked) <= n_good else {"message": {"role": "assistant"}}

    return failing


def test_a_server_that_fails_later_leaves_what_there_is(model: Path) -> None:
    with serve(fails_after(4)) as server:
        last = updates(model, url=server.url)[-1]
    assert last["issue"].startswith(f"{server.url} did not answer with a text.")
    (problem,) = read_session(last["opened"]["session"]).problems
    assert problem.status == "cancelled"
    assert len(problem.solutions) == 2  # the open paths


def tree_in(last: dict[str, Any]) -> Tree:
    (problem,) = read_session(last["opened"]["session"]).problems
    tree = search_tree(problem)
    assert tree is not None
    return rounded(tree)


def test_a_half_made_tree_goes_on_to_the_same_end(model: Path) -> None:
    with serve(writer) as server:
        whole = tree_in(updates(model, url=server.url)[-1])
        assert len(server.requests) == 8
    with serve(fails_after(4)) as server:
        half = tree_in(updates(model, url=server.url)[-1])
    assert (half.status, half.n_rounds) == ("", 1)
    # What was written of the round under way is written again.
    loose = Node(len(half.nodes), half.groups[0][0], "half", round=1)
    text = json.dumps(tree_json(replace(half, nodes=(*half.nodes, loose))))
    with serve(writer) as server:
        changed = {"way": "dvts", "rounds": 1, "model": "", "problem": "Else?", "half": text}
        assert tree_in(updates(model, url=server.url, **changed)[-1]) == whole
        assert len(server.requests) == 4
        assert {body["model"] for _, body, _ in server.requests} == {"org/model"}


def half(**changed: Any) -> str:
    settings = Settings(**{"n": 4, "width": 2, "rounds": 5, "max_tokens": 100} | changed)
    return json.dumps(tree_json(new_tree("What is 7 × 8?", settings, "org/model (chat)", "a PRM")))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("7", "cannot be read"),
        (half().replace('"version": 1', '"version": 2'), "version 2"),
        (half(n=66), "up to 66 paths; the page takes at most 64"),
        (half(rounds=101), "up to 101 rounds; the page takes at most 100"),
        (
            half(max_tokens=100_001),
            "up to 100,001 tokens for a step; the page takes at most 100,000",
        ),
        (half().replace('"groups"', '"status": "done", "groups"'), "has ended"),
        (half(), "a PRM judged this search; choose it at the top"),
    ],
)
def test_what_cannot_go_on_is_said(model: Path, text: str, words: str) -> None:
    (only,) = updates(model, half=text)
    assert words in only["issue"]
    assert not only["running"]


def test_leaving_ends_the_search_and_its_threads(model: Path) -> None:
    go_on = threading.Event()

    def slow(body: dict[str, Any]) -> dict[str, Any]:
        go_on.wait(30)
        return writer(body)

    async def leave(url: str) -> None:
        host = ModelHost([("Tiny", str(model))], device="cpu")
        run = SearchRun(host, json.dumps({**ASKED, "url": url}), str(model), "me")
        found = run.updates()
        while not server.requests:
            await anext(found)
        await found.aclose()

    with serve(slow) as server:
        asyncio.run(leave(server.url))
        go_on.set()
        ends = time.monotonic() + 30
        while any(one.name.startswith("generator") for one in threading.enumerate()):
            assert time.monotonic() < ends
            time.sleep(0.05)
        assert len(server.requests) <= 4

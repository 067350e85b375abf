"""The panel's requests: what they may hold, what comes of them, and what they leave behind."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from contextlib import aclosing
from typing import Any

import pytest

from prm_core.ui.models import ModelHost
from prm_core.ui.page import build_page
from prm_core.ui.sampling import Run, Sampler
from tests.streaming import Script, Stream, solution, streaming

KEY = "sk-secret-0123"
ASKED = {
    "run": 7,
    "url": "http://127.0.0.1:9/v1",
    "key": "",
    "model": "org/model",
    "problem": "What is 7 × 8?",
    "n": 3,
    "temperature": 0.7,
    "max_tokens": 100,
}


def updates(payload: object) -> list[dict[str, Any]]:
    async def all_of() -> list[dict[str, Any]]:
        return [one async for one in Run(payload).updates() if one is not None]

    return asyncio.run(all_of())


def asked(script: Script, **changed: Any) -> dict[str, Any]:
    with streaming(script) as server:
        return updates(json.dumps({**ASKED, "url": server.url, **changed}))[-1]


def test_every_solution_arrives_and_says_how_it_ended() -> None:
    last = asked(solution)
    assert sorted(text[:5] for text in last["texts"]) == ["Way 1", "Way 2", "Way 3"]
    assert (last["run"], last["running"], last["issue"]) == (7, False, "")
    assert (last["ends"], last["model"]) == (["stop"] * 3, "org/model")


def test_without_a_name_the_server_s_only_model_is_taken() -> None:
    assert asked(solution, model="  ")["model"] == "org/model"
    with streaming(solution) as server:
        server.models = ["a", "b"]
        last = updates(json.dumps({**ASKED, "url": server.url, "model": ""}))[-1]
        assert server.requests == []
    assert (last["where"], last["models"]) == ("model", ["a", "b"])


def test_a_request_that_is_refused_does_not_blame_the_name_that_was_found() -> None:
    last = asked(lambda stream: stream.refuse(400, "the prompt is too long"), model="")
    assert "HTTP 400: the prompt is too long" in last["issue"]
    assert "It has" not in last["issue"]


def test_one_that_fails_takes_no_other_with_it() -> None:
    def script(stream: Stream) -> None:
        if stream.number == 2:
            stream.say("Half")
            stream.cut()
        else:
            solution(stream)

    last = asked(script)
    assert sorted(end[:4] for end in last["ends"]) == ["stop", "stop", "the "]
    assert "Half" in last["texts"]
    assert last["issue"] == ""


@pytest.mark.parametrize(
    ("status", "where", "words"), [(401, "key", "type it"), (404, "model", "It has org/model.")]
)
def test_where_all_fail_it_is_said_at_its_place(status: int, where: str, words: str) -> None:
    last = asked(lambda stream: stream.refuse(status, "no\x1b[31m such"), model="wrong")
    assert last["where"] == where
    assert words in last["issue"]
    assert f"HTTP {status}" in last["issue"]
    assert "\x1b" not in last["issue"]


def test_a_server_that_is_not_there_is_said() -> None:
    last = updates(json.dumps(ASKED))[-1]
    assert last["where"] == "url"
    assert "Connection refused. Start the server, or correct its address." in last["issue"]


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"problem": " "}, "problem"),
        ({"url": ""}, "url"),
        ({"url": "file:///etc/passwd"}, "url"),
        ({"url": "http://user:word@127.0.0.1/v1"}, "url"),
        ({"key": "no\nkey"}, "key"),
        ({"n": 0}, "n"),
        ({"n": 65}, "n"),
        ({"n": 1.5}, "n"),
        ({"n": None}, "n"),
        ({"n": True}, "n"),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"max_tokens": 10**9}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_its_field(changed: Any, where: str) -> None:
    (last,) = updates(json.dumps({**ASKED, **changed}))
    assert (last["where"], last["running"]) == (where, False)
    assert last["issue"]


@pytest.mark.parametrize("payload", [None, 5, "", "{}", "[" * 10_000, json.dumps([ASKED])])
def test_a_forged_request_gets_a_sentence(payload: object) -> None:
    (last,) = updates(payload)
    assert last["issue"]


def test_leaving_hangs_up() -> None:
    hung_up = threading.Event()

    def script(stream: Stream) -> None:
        stream.say("First.")
        while not stream.gone():
            pass
        hung_up.set()

    async def leave(url: str) -> None:
        async with aclosing(Run(json.dumps({**ASKED, "url": url, "n": 1})).updates()) as found:
            async for one in found:
                if one and one["texts"] == ["First."]:
                    return

    with streaming(script) as server:
        asyncio.run(leave(server.url))
        assert hung_up.wait(20)


def test_the_key_goes_to_the_server_and_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    def script(stream: Stream) -> None:
        stream.refuse(401, f"{KEY} is no key")

    with caplog.at_level(logging.DEBUG), streaming(script) as server:
        found = updates(json.dumps({**ASKED, "url": server.url, "key": KEY}))
    assert all(one["Authorization"] == f"Bearer {KEY}" for _, one in server.requests)
    assert KEY not in json.dumps(found) + caplog.text


def test_many_solutions_are_written_at_once() -> None:
    together = threading.Barrier(16, timeout=20)

    def script(stream: Stream) -> None:
        together.wait()
        solution(stream)

    assert asked(script, n=16)["ends"] == ["stop"] * 16


# Gradio leaves its event loop to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_public_page_has_no_such_panel() -> None:
    """A visitor must not have the server send requests to addresses of their choosing."""
    for public in (True, False):
        demo = build_page(ModelHost([("own", "default")], public=public)).demo
        samplers = [one for one in demo.blocks.values() if isinstance(one, Sampler)]
        assert len(samplers) == (0 if public else 1)
        takes = [fn for fn in demo.fns.values() if fn.fn and fn.fn.__name__ == "sample"]
        assert len(takes) == len(samplers)


def test_updates_are_not_too_many() -> None:
    def script(stream: Stream) -> None:
        until = time.monotonic() + 1.0
        while time.monotonic() < until:
            stream.say("word ")
            time.sleep(0.005)
        stream.end()

    with streaming(script) as server:
        found = updates(json.dumps({**ASKED, "url": server.url, "n": 1}))
    assert 2 <= len(found) <= 10

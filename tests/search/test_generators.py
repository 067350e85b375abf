"""A server writes: what it is asked, how its answers are read, and that it is asked again."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pytest

from prm_core.errors import ModelError
from prm_core.search.engine import grow
from prm_core.search.generators import Sampling, ServerGenerator, Written
from prm_core.search.tree import Settings, new_tree
from tests.completions import RefusedError, Server, Write, serve
from tests.loopback import JsonHandler, LoopbackServer, running
from tests.search.scripted import ScriptedScorer
from tests.search.test_engine import DEEP, timeless
from tests.search.test_ways import PROBLEM, TABLE

STEP = Sampling("\n\n", 0.8, 0.9, 64)
TO_THE_END = replace(STEP, until=None)
Open = Callable[..., tuple[ServerGenerator, Server]]


def never() -> bool:
    return False


def choice(text: str, n_tokens: int = 3, **more: Any) -> dict[str, Any]:
    """What a server answers; `usage` stands beside the choices."""
    return {"text": text, "usage": {"completion_tokens": n_tokens}, **more}


@pytest.fixture
def opened() -> Iterator[Open]:
    """Starts a server and a generator that asks it."""
    with ExitStack() as stack:

        def start(write: Write, **options: Any) -> tuple[ServerGenerator, Server]:
            server = stack.enter_context(serve(write))
            generator = ServerGenerator(server.url, "some-model", **options)
            stack.callback(generator.close)
            return generator, server

        yield start


def written(opened: Open, answer: Any, sampling: Sampling = STEP, **options: Any) -> Written:
    generator, _ = opened(lambda body: answer, **options)
    (one,) = generator.write(PROBLEM, [""], [1], sampling, never)
    return one


def test_each_path_is_a_request_of_its_own(opened: Open) -> None:
    generator, server = opened(lambda body: choice(f"seed {body['seed']}", stop_reason="\n\n"))
    found = generator.write(PROBLEM, ["", "a\n\n"], [7, 8], STEP, never)
    assert found == [Written(f"seed {seed}\n\n", 3, "step") for seed in (7, 8)]
    assert {path for path, _, _ in server.requests} == {"/v1/completions"}
    _, body, _ = max(server.requests, key=lambda request: request[1]["seed"])
    assert body.pop("prompt").endswith("Solution:\na\n\n")
    assert body == {
        "model": "some-model",
        "temperature": 0.8,
        "top_p": 0.9,
        "max_tokens": 64,
        "seed": 8,
        "stop": ["\n\n", "\nProblem:"],
    }


def test_chat_continues_the_assistant_s_turn(opened: Open) -> None:
    answer = choice("", stop_reason=None, message={"content": "So 4."})
    generator, server = opened(lambda body: answer, chat=True)
    asking = replace(TO_THE_END, ask="Be brief.")
    assert generator.write(PROBLEM, ["a\n\n"], [1], asking, never) == [Written("So 4.", 3, "done")]
    path, body, _ = server.requests[0]
    assert path == "/v1/chat/completions"
    assert (generator.name, body["model"]) == ("some-model (chat)", "some-model")
    assert body["messages"][0] == {"role": "user", "content": f"{PROBLEM}\n\nBe brief."}
    assert body["messages"][1] == {"role": "assistant", "content": "a\n\n"}
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
    assert "stop" not in body


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        (choice("a", stop_reason="\n\n"), Written("a\n\n", 3, "step")),  # vLLM
        (choice("a", stop_reason=None), Written("a", 3, "done")),
        (choice("a", stop_reason="\nProblem:"), Written("a", 3, "done")),
        (choice("a", matched_stop="\n\n"), Written("a\n\n", 3, "step")),  # SGLang
        (choice("a", matched_stop=151645), Written("a", 3, "done")),  # an end token
        (choice("a"), Written("a\n\n", 3, "step")),  # says nothing
        (choice("", 1), Written("", 1, "done")),
        (choice("a", finish_reason="length"), Written("a", 3, "length")),
        (choice("a\n\nb\n\nc"), Written("a\n\n", 3, "step")),  # knows no stops
        (choice("a\nProblem: b\n\nc"), Written("a", 3, "done")),
        (choice("a \ud800"), Written("a \N{REPLACEMENT CHARACTER}\n\n", 3, "step")),
    ],
)
def test_how_a_text_ended(opened: Open, answer: Any, wanted: Written) -> None:
    assert written(opened, answer) == wanted


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("no usage", r"a text and usage\.completion_tokens"),
        (choice("a", usage={}), r"a text and usage\.completion_tokens"),
        (choice("a", usage={"completion_tokens": "5"}), r"a text and usage\.completion_tokens"),
        (choice(4), "did not answer with a text$"),
        ({"text": None}, "did not answer with a text$"),
    ],
)
def test_an_answer_without_text_or_tokens_is_an_error(
    opened: Open, answer: Any, words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        written(opened, answer)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'{"error": {"message": "too many at once"}}', "too many at once"),
        (b"<html><h1>Bad gateway</h1></html>", "Bad gateway"),
        (b'{"choices": [{"text": "3 + ', "3 +"),
        (b'{"choices": []}', "choices"),
    ],
)
def test_what_a_server_says_instead_of_a_text_is_passed_on(answer: bytes, words: str) -> None:
    class Handler(JsonHandler):
        def reply(self, body: Any) -> None:
            self.send(200, answer)

    http = LoopbackServer(Handler)
    generator = ServerGenerator(f"{http.url}/v1", "some-model")
    with running(http), closing(generator), pytest.raises(ModelError, match=re.escape(words)):
        generator.write(PROBLEM, [""], [1], STEP, never)


def test_a_refused_request_fails_alone(opened: Open) -> None:
    def write(body: dict[str, Any]) -> Any:
        if body["seed"] == 1:
            raise RefusedError(400, "too long")
        return choice("a", stop_reason=None)

    generator, _ = opened(write)
    failed, good = generator.write(PROBLEM, ["", ""], [1, 2], STEP, never)
    assert (failed.end, failed.text, good.end) == ("failed", "", "done")
    assert "too long" in failed.error


@pytest.mark.parametrize("answer", [None, {"text": None}, {"text": 5}])
def test_a_search_survives_a_server_that_fails_now_and_then(opened: Open, answer: Any) -> None:
    failures, lock = {6, 9}, threading.Lock()
    settings = Settings(n=4, width=2)

    def write(body: dict[str, Any]) -> Any:
        with lock:
            if len(server.requests) in failures:
                failures.discard(len(server.requests))
                if answer is not None:  # one that cannot be used
                    return answer
                raise RefusedError(503)
        prefix = body["prompt"].partition("Solution:\n")[2]
        text = DEEP[prefix][body["seed"] % len(DEEP[prefix])] if prefix in DEEP else ""
        return choice(text.removesuffix("\n\n"), len(text), stop_reason=text[-2:])

    trees = []
    for _ in range(2):  # the second time it never fails
        generator, server = opened(write)
        start = new_tree(PROBLEM, settings, generator.name, "table")
        *_, last = grow(start, generator, ScriptedScorer(TABLE))
        trees.append(timeless(last.tree))
    assert not failures
    assert trees[0] == trees[1]
    assert trees[0].n_rounds == 3


def test_a_server_that_always_fails_is_an_error(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prm_core.http_client._ATTEMPTS", 2)
    generator, _ = opened(lambda body: (_ for _ in ()).throw(RefusedError(503)))
    with pytest.raises(ModelError, match="503"):
        generator.write(PROBLEM, [""], [1], STEP, never)


def test_what_was_not_asked_yet_is_dropped_when_the_time_is_up(opened: Open) -> None:
    def write(body: dict[str, Any]) -> Any:
        time.sleep(0.3)
        return choice("a", stop_reason=None)

    generator, server = opened(write, concurrency=1)
    found = generator.write(PROBLEM, [""] * 20, range(20), STEP, lambda: True)
    assert 1 <= len(server.requests) < 5
    assert [one.end for one in found].count("length") > 15


def test_leaving_does_not_wait_for_the_server(opened: Open) -> None:
    going = threading.Event()

    def write(body: dict[str, Any]) -> Any:
        going.wait(20)
        return choice("a")

    def leave() -> bool:
        raise KeyboardInterrupt

    generator, _ = opened(write)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        generator.write(PROBLEM, ["", ""], [1, 2], STEP, leave)
    generator.close()
    assert time.monotonic() - began < 10
    going.set()
    with pytest.raises(ModelError, match="closed"):
        generator.write(PROBLEM, [""], [1], STEP, never)

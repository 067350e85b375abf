"""Solutions read from a server while they are written, whatever the server does."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from prm_core.errors import InputError, ModelError, ServerError
from prm_core.http_client import Endpoint
from prm_core.sampling import Solution, models_of, prompt, what_to_do
from tests.streaming import Script, Stream, StreamingServer, solution, streaming

KEY = "sk-secret-0123"
BODY = {"model": "org/model", "messages": prompt("7 × 8?"), "temperature": 0.7, "max_tokens": 99}


def of(server: StreamingServer, most_chars: int = 10_000, key: str = KEY) -> Solution:
    endpoint = Endpoint(server.url, "the server", api_key=key, attempts=1)
    return Solution(endpoint, BODY, most_chars)


def written(script: Script, most_chars: int = 10_000) -> Solution:
    with streaming(script) as server:
        one = of(server, most_chars)
        one.write()
    return one


def test_a_solution_is_asked_for_as_the_protocol_says() -> None:
    with streaming(solution) as server:
        one = of(server)
        one.write()
    assert one.text == "Way 1: 7 × 8 = 56.\nThe answer is \\boxed{56}."
    assert one.end == "stop"
    ((body, headers),) = server.requests
    assert body == {**BODY, "stream": True}
    (message,) = body["messages"]
    assert message["role"] == "user"
    asks = "Please reason step by step, and put your final answer within \\boxed{}."
    assert message["content"] == f"7 × 8?\n\n{asks}"
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_the_text_is_there_while_it_is_written() -> None:
    go_on = threading.Event()

    def script(stream: Stream) -> None:
        stream.say("First.")
        assert go_on.wait(20)
        stream.say(" Second.")
        stream.end()

    with streaming(script) as server:
        one = of(server)
        thread = threading.Thread(target=one.write)
        thread.start()
        began = time.monotonic()
        while one.text != "First.":
            assert time.monotonic() - began < 20
            time.sleep(0.01)
        assert one.end == ""
        go_on.set()
        thread.join()
    assert one.text == "First. Second."


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_that_a_server_keeps_apart_is_thinking(field: str) -> None:
    def script(stream: Stream) -> None:
        stream.say("Hm.", field)
        stream.say(" Yes.", field)
        stream.say("It is 56.")
        stream.end()

    assert written(script).text == "<think>\nHm. Yes.\n</think>\n\nIt is 56."


def test_comments_windows_lines_and_pieces_of_characters_are_read() -> None:
    def script(stream: Stream) -> None:
        whole = '{"choices":[{"delta":{"content":"7 × 8 = 56 🎉"}}]}'.encode()
        stream.raw(b": keep-alive\r\n\r\nevent: message\r\nid: 1\r\nretry: 5\r\ndata:")
        for byte in whole:
            stream.raw(bytes([byte]))
        stream.raw(b'\r\n\r\ndata: {"choices": [], "usage": {}}\r\n\r\ndata: [DONE]\r\n\r\n')

    one = written(script)
    assert (one.text, one.end) == ("7 × 8 = 56 🎉", "stop")


def test_a_server_that_does_not_stream_is_read_too() -> None:
    choice = {"message": {"content": "It is 56."}, "finish_reason": "length"}
    one = written(lambda stream: stream.whole({"choices": [choice]}))
    assert (one.text, one.end) == ("It is 56.", "length")


def test_no_more_is_read_than_a_box_holds() -> None:
    def script(stream: Stream) -> None:
        while not stream.gone():
            stream.say("x" * 100)

    one = written(script, most_chars=250)
    assert (one.text, one.end) == ("x" * 250, "length")


def test_what_broke_off_is_kept_and_said() -> None:
    def script(stream: Stream) -> None:
        stream.say("Half of it")
        stream.cut()

    with streaming(script) as server:
        one = of(server)
        with pytest.raises(ModelError, match="broke off"):
            one.write()
    assert one.text == "Half of it"
    assert len(server.requests) == 1  # not asked again: it would be another solution


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b'data: {"error": {"message": "out of memory"}}\n\n', "failed: out of memory"),
        (b'data: {"error": "out of memory"}\n\n', "failed: out of memory"),
        (b"data: {no JSON\n\n", "usually ends in /v1"),
        (b"data: [1, 2]\n\n", "usually ends in /v1"),
        (b'data: {"choices": [{"delta": {"content": 5}}]}\n\n', "usually ends in /v1"),
        (b'data: {"choices": [5]}\n\n', "usually ends in /v1"),
        (b"<html>no protocol</html>", "usually ends in /v1"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "usually ends in /v1"),
        (b"", "broke off before the end"),
    ],
)
def test_what_is_no_solution_is_an_error(sent: bytes, words: str) -> None:
    with streaming(lambda stream: stream.raw(sent)) as server, pytest.raises(ModelError) as raised:
        of(server).write()
    assert words in str(raised.value)


def test_the_key_comes_back_in_nothing() -> None:
    """Whole, in pieces, escaped, in an error, in a name."""

    def script(stream: Stream) -> None:
        stream.say(f"{KEY} and {KEY[:6]}")
        stream.say(KEY[6:])
        stream.raw(b'data: {"choices":[{"delta":{"content":" sk-\\u0073ecret-0123"}}]}\n\n')
        stream.raw(b'data: {"error": {"message": "bad key sk-\\u0073ecret-0123"}}\n\n')

    with streaming(script) as server:
        server.models = [f"model-{KEY}"]
        one = of(server)
        with pytest.raises(ModelError) as raised:
            one.write()
        names = models_of(Endpoint(server.url, "the server", api_key=KEY))
    assert KEY not in one.text + str(raised.value) + "".join(names)
    assert one.text.count("[key]") == 3


def test_halves_of_characters_are_replaced() -> None:
    one = written(lambda s: (s.say("a\ud800b"), s.end()))  # type: ignore[func-returns-value]
    assert one.text == "a\ufffdb"


def test_closing_ends_what_is_being_written() -> None:
    hung_up = threading.Event()

    def script(stream: Stream) -> None:
        stream.say("First.")
        while not stream.gone():
            pass
        hung_up.set()

    with streaming(script) as server:
        endpoint = Endpoint(server.url, "the server", attempts=1)
        one = Solution(endpoint, BODY, 100)
        failed: list[ModelError] = []

        def write() -> None:
            try:
                one.write()
            except ModelError as error:
                failed.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        while not one.text:
            time.sleep(0.01)
        endpoint.close()
        thread.join(20)
        assert hung_up.wait(20)
    assert "was closed" in str(failed[0])


# --- what a person can do about it ----------------------------------------------------------------


def remedy(script: Script, model: str = "org/model", key: str = "") -> tuple[str, str, list[str]]:
    with streaming(script) as server:
        server.models = ["org/model", "org/other"]
        endpoint = Endpoint(server.url, "the server", api_key=key, attempts=1)
        with pytest.raises((ModelError, InputError)) as raised:
            Solution(endpoint, BODY, 100).write()
        return what_to_do(endpoint, raised.value, model, bool(key))


@pytest.mark.parametrize("status", [400, 404])
def test_a_wrong_name_brings_the_right_ones(status: int) -> None:
    where, words, models = remedy(lambda s: s.refuse(status, "no such model"), "wrong")
    assert (where, models) == ("model", ["org/model", "org/other"])
    assert words == "It has org/model, org/other."


def test_a_request_that_is_refused_for_another_reason_blames_no_name() -> None:
    assert remedy(lambda s: s.refuse(400, "too long"))[:2] == ("", "")


def test_a_wrong_key_and_a_missing_one_are_told_apart() -> None:
    refuse: Script = lambda s: s.refuse(401, "who are you?")  # noqa: E731
    assert remedy(refuse)[:2] == ("key", "It requires a key; type it.")
    assert remedy(refuse, key="sk-wrong")[:2] == ("key", "It rejected this key; correct it.")


def test_an_address_where_nobody_is_and_one_without_v1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", "the server", attempts=1)
    with pytest.raises(ModelError) as raised:
        Solution(endpoint, BODY, 100).write()
    where, words, _ = what_to_do(endpoint, raised.value, "m", has_key=False)
    assert (where, words) == ("url", "Start the server, or correct its address.")
    with streaming(solution) as server:
        endpoint = Endpoint(server.http.url, "the server", attempts=1)
        with pytest.raises(ServerError) as refused:
            Solution(endpoint, BODY, 100).write()
        assert refused.value.status == 404
        where, words, _ = what_to_do(endpoint, refused.value, "m", has_key=False)
    assert (where, words) == ("url", "Its address usually ends in /v1.")


def test_nothing_is_followed_elsewhere(tmp_path: Path) -> None:
    """A redirect would take the key to another host."""
    with streaming(solution) as other, streaming(lambda s: None) as server:

        def script(stream: Stream) -> None:
            stream._handler.send(302, b"", ("Location", f"{other.url}/chat/completions"))

        with streaming(script) as redirecting, pytest.raises(ServerError, match="HTTP 302"):
            of(redirecting).write()
        assert other.requests == server.requests == []

"""What writes a solution on: the contract of a generator, and one that asks a server.

The server speaks OpenAI's protocol (vLLM, SGLang, llama.cpp, …). Every continuation is a request
of its own with a seed of its own, because not every server knows `n`; one that caches prefixes
reads the steps once all the same. A generator that runs in this process is in
`prm_core.local_generator`.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from prm_core.errors import BadOptionError, InputError, ModelError

ASK = "Reason step by step and end with the final answer in \\boxed{}."
NEXT_PROBLEM = "\nProblem:"
"""A base model that is done goes on with another problem; what follows is cut."""

_ATTEMPTS = 7  # about a minute of waiting in all
_LONGEST_WAIT_S = 30.0
_CONNECT_S = 10.0
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # a later attempt may go well
_THIS_ONE = {400, 413, 422}  # the request is refused, as for a prompt that is too long


@dataclass(frozen=True, slots=True)
class Sampling:
    """How continuations are drawn.

    Attributes:
        temperature: above 0, or all continuations would be the same.
        max_tokens: of one continuation.
        chat: whether the steps are the beginning of an assistant's turn in the model's chat
            format; else problem and steps are plain text.

    Raises:
        BadOptionError: a number is not above 0.
    """

    temperature: float = 0.7
    max_tokens: int = 1024
    chat: bool = False

    def __post_init__(self) -> None:
        for name in ("temperature", "max_tokens"):
            if not getattr(self, name) > 0:
                raise BadOptionError(f"{name} is {getattr(self, name)}; it must be above 0")


class Generator(Protocol):
    """What writes a solution on from where it stands."""

    @property
    def concurrency(self) -> int:
        """How many continuations are written at the same time."""
        ...

    def continue_solution(
        self, problem: str, steps: Sequence[str], seeds: Sequence[int]
    ) -> list[str]:
        """One continuation for each seed; the same one for the same arguments.

        May be called from several threads.

        Raises:
            InputError: this solution cannot be continued; others can.
            ModelError: the generator does not work, or was closed.
        """
        ...

    def close(self) -> None:
        """Drop what is being written; calls that wait for it raise `ModelError`."""
        ...


def plain_prompt(problem: str, steps: Sequence[str]) -> str:
    """A problem and the first steps of its solution as one text, to be written on."""
    return f"Problem: {problem}\n{ASK}\n\nSolution:\n" + "".join(f"{step}\n\n" for step in steps)


def chat_messages(problem: str, steps: Sequence[str]) -> list[dict[str, str]]:
    """A problem as a user's turn, and the first steps of its solution as the answer's beginning."""
    messages = [{"role": "user", "content": f"{problem}\n\n{ASK}"}]
    if steps:
        messages.append({"role": "assistant", "content": "\n\n".join(steps)})
    return messages


class ServerGenerator:
    """A server that speaks OpenAI's protocol.

    Args:
        url: where the protocol begins, as "http://127.0.0.1:8000/v1".
        model: the model's name on the server.
        sampling: how continuations are drawn. Chat needs a server that can go on with an
            assistant's turn (`continue_final_message`, as vLLM and SGLang).
        concurrency: requests at the same time.
        timeout_s: how long the server may be silent before the request is sent again.
        api_key: sent as a bearer token; none when it is empty.

    Raises:
        BadOptionError: the address cannot be used.
    """

    def __init__(
        self,
        url: str,
        model: str,
        sampling: Sampling,
        *,
        concurrency: int = 16,
        timeout_s: float = 300.0,
        api_key: str = "",
    ) -> None:
        wrong = BadOptionError(f"{url!r} is not an address such as http://127.0.0.1:8000/v1")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise wrong from error
        if parts.scheme not in ("http", "https") or not host or not url.isascii() or " " in url:
            raise wrong
        if parts.username is not None or parts.query or parts.fragment:
            raise wrong
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise BadOptionError("the API key holds characters that cannot be sent")
        https = parts.scheme == "https"
        self._kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
        self._host, self._port = host, port
        self._path = parts.path.rstrip("/")
        self._name = f"{parts.scheme}://{parts.netloc}{self._path}"
        self._model, self._sampling, self._timeout_s = model, sampling, timeout_s
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": "prm-inspector",
            **({"Authorization": f"Bearer {api_key}"} if api_key else {}),
        }
        self._concurrency = concurrency
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="generator")
        self._closed = threading.Event()
        self._works = False  # it has answered at least once
        self._own = threading.local()  # each thread's connection
        self._connections: list[http.client.HTTPConnection] = []

    @property
    def concurrency(self) -> int:
        return self._concurrency

    def continue_solution(
        self, problem: str, steps: Sequence[str], seeds: Sequence[int]
    ) -> list[str]:
        try:
            asked = [self._pool.submit(self._one, problem, steps, seed) for seed in seeds]
            return [one.result() for one in asked]
        except (RuntimeError, CancelledError) as error:  # the pool takes or does no more work
            raise _closed() from error

    def close(self) -> None:
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        for connection in list(self._connections):
            if connection.sock is not None:
                with suppress(OSError):  # wakes the thread that waits for an answer
                    connection.sock.shutdown(socket.SHUT_RDWR)
        self._pool.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    def _one(self, problem: str, steps: Sequence[str], seed: int) -> str:
        body: dict[str, Any] = {
            "model": self._model,
            "temperature": self._sampling.temperature,
            "max_tokens": self._sampling.max_tokens,
            "seed": seed,
        }
        if not self._sampling.chat:
            body |= {"prompt": plain_prompt(problem, steps), "stop": [NEXT_PROBLEM]}
            return self._text(self._ask("/completions", body), "text").partition(NEXT_PROBLEM)[0]
        body["messages"] = chat_messages(problem, steps)
        if steps:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return self._text(self._ask("/chat/completions", body), "message")

    def _text(self, answer: bytes, field: str) -> str:
        """The continuation in an answer.

        Raises:
            ModelError: there is none.
        """
        try:
            value = json.loads(answer)["choices"][0][field]
            text = value if field == "text" else value["content"] or ""
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise ModelError(f"{self._name} answered with something else than a text") from error
        if not isinstance(text, str):
            raise ModelError(f"{self._name} answered with something else than a text")
        return text

    def _ask(self, path: str, body: dict[str, Any]) -> bytes:
        """What the server answers, asked again with longer and longer pauses while it fails.

        Raises:
            InputError: the server refuses this request.
            ModelError: it refuses every request, does not answer, or `close` was called.
        """
        content = json.dumps(body).encode()
        reason, wait_s = "", 0.0
        for attempt in range(_ATTEMPTS):
            if self._closed.wait(wait_s):
                raise _closed()
            wait_s = min(2.0**attempt, _LONGEST_WAIT_S) * random.uniform(0.5, 1.0)
            try:
                answer, asked_wait = self._post(path, content)
                status, said = answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._drop_connection()
                reason = str(error) or type(error).__name__
                if isinstance(error, ConnectionRefusedError | socket.gaierror) and not self._works:
                    break  # the address is wrong, or the server has not been started
                continue
            self._works = True
            if status == 200:
                return said
            reason = f"HTTP {status}: {_sentence(said)}"
            if status in _THIS_ONE:
                raise InputError(f"the generator refuses it ({reason})")
            if status not in _PASSING:
                break
            wait_s = max(wait_s, asked_wait)
        if self._closed.is_set():
            raise _closed()
        raise ModelError(f"the generator at {self._name} does not work: {reason}")

    def _post(self, path: str, content: bytes) -> tuple[http.client.HTTPResponse, float]:
        """The response, and for how many seconds it asks to wait."""
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._kind(self._host, self._port, timeout=_CONNECT_S)
            self._own.connection = connection
            self._connections.append(connection)
        if connection.sock is None:
            connection.connect()
            if self._closed.is_set():  # too late for `close` to see this connection
                raise ConnectionAbortedError
        if connection.sock is not None:
            connection.sock.settimeout(self._timeout_s)
        connection.request("POST", self._path + path, content, self._headers)
        response = connection.getresponse()
        asked = response.getheader("Retry-After", "")
        return response, min(float(asked), _LONGEST_WAIT_S) if asked.isdecimal() else 0.0

    def _drop_connection(self) -> None:
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is not None:
            connection.close()


def _closed() -> ModelError:
    return ModelError("the generator was closed")


def _sentence(said: bytes) -> str:
    """What a server says of an error, on one line and cut."""
    text = said[:2000].decode("utf-8", "replace")
    with suppress(ValueError, LookupError, TypeError, RecursionError):
        text = str(json.loads(said)["error"]["message"])
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:300]

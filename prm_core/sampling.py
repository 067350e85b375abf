"""Solutions from a server that speaks OpenAI's protocol, read while they are being written.

Each is a separate request, because not every server supports `n`. Reasoning that a server returns
separately comes first, between `<think>` tags, as if the model had written them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from prm_core.errors import InputError, ModelError, ServerError
from prm_core.http_client import Endpoint
from prm_core.types import whole_characters

ASK = "Please reason step by step, and put your final answer within \\boxed{}."
"""After the problem, in the user's turn; as in the model cards of DeepSeekMath and DeepSeek-R1,
and as the system prompt of Qwen2.5-Math's."""

MOST_NAMES = 100
"""The most models of a server that are listed."""

_NO_KEY = (401, 403)


def prompt(problem: str) -> list[dict[str, str]]:
    """The messages that ask for a solution.

    >>> prompt("2 + 2?")[0]["content"].splitlines()[0]
    '2 + 2?'
    """
    return [{"role": "user", "content": f"{problem}\n\n{ASK}"}]


def models_of(endpoint: Endpoint) -> list[str]:
    """The names under which a server has models.

    Raises:
        ModelError: it does not list them as in OpenAI's protocol.
    """
    try:
        found = json.loads(endpoint.ask("/models"))["data"][:MOST_NAMES]
        return [endpoint.keyless(whole_characters(str(one["id"])[:200])) for one in found]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ModelError(f"{endpoint.name} does not list its models") from error


class Solution:
    """One solution, while a server writes it.

    Attributes:
        end: why the server stopped, in its own term ("stop", "length"); blank before that.

    Args:
        endpoint: the server.
        body: the request: model, messages, temperature, max_tokens.
        most_chars: of a solution; the rest is not read.
    """

    def __init__(self, endpoint: Endpoint, body: dict[str, Any], most_chars: int) -> None:
        self._endpoint, self._body, self._left = endpoint, body, most_chars
        self._thoughts: list[str] = []  # appended to in one thread, joined in another
        self._said: list[str] = []
        self.end = ""

    @property
    def text(self) -> str:
        """The text so far; it only grows, except for a key that is removed from it."""
        thought, said = "".join(self._thoughts), "".join(self._said)
        if thought.strip():
            said = f"<think>\n{thought}\n</think>\n\n{said}" if said else f"<think>\n{thought}"
        return self._endpoint.without_key(whole_characters(said).encode()).decode()

    def write(self) -> None:
        """Read until the server stops.

        Raises:
            InputError: it refuses this request.
            ServerError: it refuses every one.
            ModelError: it does not answer, violates the protocol, or breaks off before it is done.
                The text so far is kept.
        """
        for event in _events(self._endpoint, self._body):
            if event is None:
                self.end = self.end or "stop"
                return
            self._take(event)
            if self._left <= 0:
                self.end = "length"
                return
        if not self.end:
            raise ModelError(f"the server at {self._endpoint.name} broke off before the end")

    def _take(self, event: Any) -> None:
        try:
            if said := event.get("error"):
                words = said["message"] if isinstance(said, dict) else said
                words = self._endpoint.keyless(whole_characters(str(words)[:300]))
                raise ModelError(f"the server at {self._endpoint.name} failed: {words}")
            for choice in event["choices"][:1]:
                piece = choice.get("delta") or choice.get("message") or {}
                thought = piece.get("reasoning_content") or piece.get("reasoning") or ""
                self._add(self._thoughts, thought)
                self._add(self._said, piece.get("content") or "")
                self.end = str(choice.get("finish_reason") or self.end)[:20]
        except (LookupError, TypeError, AttributeError) as error:
            raise _no_protocol(self._endpoint) from error

    def _add(self, to: list[str], piece: Any) -> None:
        if not isinstance(piece, str):
            raise TypeError("a text is something else")
        to.append(piece[: max(0, self._left)])
        self._left -= len(piece)


def _events(endpoint: Endpoint, body: dict[str, Any]) -> Iterator[Any]:
    """The parts of a server's answer as JSON values, and None where it says that it is complete.

    From server-sent events their data; a server without `stream` answers in one piece.
    """
    rest: list[bytes] = []
    try:
        for line in endpoint.lines("/chat/completions", body | {"stream": True}):
            line = line.strip()
            if line.startswith(b"data:"):
                data = line[5:].strip()
                yield None if data == b"[DONE]" else json.loads(data)
            elif not line.startswith((b":", b"event:", b"id:", b"retry:")):
                rest.append(line)
        if any(rest):
            yield json.loads(b"\n".join(rest))
    except (ValueError, RecursionError) as error:
        raise _no_protocol(endpoint) from error


def _no_protocol(endpoint: Endpoint) -> ModelError:
    return ModelError(
        f"the server at {endpoint.name} does not answer as OpenAI's protocol says; its address "
        "usually ends in /v1"
    )


def what_to_do(
    endpoint: Endpoint, error: Exception, model: str, has_key: bool
) -> tuple[str, str, list[str]]:
    """What a user can do about a server's error.

    Args:
        endpoint: the server; it is asked for its models if the name may be wrong.
        error: the error.
        model: the requested name.
        has_key: whether a key was sent.

    Returns:
        Where to look ("url", "key" or "model", or "" if nothing helps), what to do as a
        sentence, and the models that the server has.
    """
    if isinstance(error, ServerError) and error.status in _NO_KEY:
        words = "It rejected this key; correct it." if has_key else "It requires a key; type it."
        return "key", words, []
    asked_wrong = isinstance(error, InputError) or (
        isinstance(error, ServerError) and error.status == 404
    )
    if asked_wrong:
        try:
            models = models_of(endpoint)
        except (ModelError, InputError):
            return "url", "Its address usually ends in /v1.", []
        if model in models:
            return "", "", models
        return "model", f"It has {_listed(models)}.", models
    if isinstance(error, ServerError):
        return "", "", []
    return "url", "Start the server, or correct its address.", []


def _listed(models: list[str]) -> str:
    more = f" and {len(models) - 8} more" if len(models) > 8 else ""
    return ", ".join(models[:8]) + more if models else "no model"

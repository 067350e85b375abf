"""Solutions that a language model writes on: how it is asked, and a server that does it.

A solution is continued as plain text, or as an assistant's turn in the model's chat format. The
server speaks OpenAI's protocol (vLLM, SGLang, llama.cpp, …).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from prm_core.errors import ModelError
from prm_core.http_client import Endpoint, uninterrupted
from prm_core.types import whole_characters

NEXT_PROBLEM = "\nProblem:"
"""A base model that is done continues with another problem; what follows is cut."""


def plain_prompt(problem: str, ask: str) -> str:
    """A problem as a text that a solution follows."""
    return f"Problem: {problem}\n{ask}\n\nSolution:\n"


def chat_messages(problem: str, ask: str, prefix: str = "") -> list[dict[str, str]]:
    """A problem as a user's turn, and what is written so far as the beginning of the answer."""
    turns = [{"role": "user", "content": f"{problem}\n\n{ask}"}]
    return [*turns, {"role": "assistant", "content": prefix}] if prefix else turns


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a server wrote.

    Attributes:
        text: without what ended it.
        n_tokens: generated; None where the server does not say.
        said: all else that it says of this text.
    """

    text: str
    n_tokens: int | None = None
    said: dict[str, Any] = field(default_factory=dict)


class ContinuingServer:
    """A language model on a server; it continues several solutions at a time.

    Each continuation is a request with a seed of its own, because not every server supports `n`;
    one that caches prefixes reads what was written before once.

    Attributes:
        name: the server's, as errors say it.
        concurrency: requests at the same time.

    Args:
        url: where the protocol begins, as "http://127.0.0.1:8000/v1".
        model: the model's name on the server.
        chat: whether the solution is an assistant's turn; the server must be able to continue one
            (`continue_final_message`, as vLLM and SGLang). Else problem and solution are plain
            text.
        concurrency: as above.
        timeout_s: how long the server may be silent before a request is sent again.
        api_key: sent as a bearer token; none when it is empty.
        attempts: how often a request is sent at most; None for about a minute of trying.

    Raises:
        BadOptionError: the address cannot be used.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        chat: bool = False,
        concurrency: int = 16,
        timeout_s: float = 300.0,
        api_key: str = "",
        attempts: int | None = None,
    ) -> None:
        self._endpoint = Endpoint(
            url, "the generator", timeout_s=timeout_s, api_key=api_key, attempts=attempts
        )
        self._model, self._chat = model, chat
        self.name, self.concurrency = self._endpoint.name, concurrency
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="generator")

    def begin(
        self, problem: str, ask: str, prefix: str, stops: Sequence[str] = (), **sampling: Any
    ) -> Future[Continuation]:
        """Continue a solution, in a thread of the server's own.

        Its result raises `InputError` where the server refuses this one, and `ModelError` where it
        does not work; it is cancelled when the server is closed.

        Args:
            problem: the task's text.
            ask: comes after it, and says how to solve it.
            prefix: what is written so far.
            stops: texts that end it.
            sampling: the protocol's fields, as `temperature`, `max_tokens` and `seed`.

        Raises:
            ModelError: it was closed.
        """
        try:
            with uninterrupted():
                return self._pool.submit(self._one, problem, ask, prefix, [*stops], sampling)
        except RuntimeError as error:  # the pool takes no more work
            raise self.closed() from error

    def closed(self) -> ModelError:
        """The error that is raised after `close`."""
        return self._endpoint.closed()

    def close(self) -> None:
        """Abort what is being written."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._endpoint.close()
        self._pool.shutdown(wait=True)
        self._endpoint.drop()

    def _one(
        self, problem: str, ask: str, prefix: str, stops: list[str], sampling: dict[str, Any]
    ) -> Continuation:
        body: dict[str, Any] = {"model": self._model, **sampling}
        if self._chat:
            path, body["messages"] = "/chat/completions", chat_messages(problem, ask, prefix)
            if prefix:
                body |= {"continue_final_message": True, "add_generation_prompt": False}
        else:
            path, body["prompt"] = "/completions", plain_prompt(problem, ask) + prefix
            stops.append(NEXT_PROBLEM)
        body |= {"stop": stops} if stops else {}
        return self._endpoint.read(path, body, self._read)

    def _read(self, answer: bytes) -> Continuation:
        """What an answer holds.

        Raises:
            ModelError: it holds no text.
        """
        said_instead = f" ({self._endpoint.sentence(answer)})"
        try:
            whole = json.loads(answer)
            said = whole["choices"][0]
            said_instead = ""
            text = said["message"]["content"] or "" if self._chat else said["text"]
            if not isinstance(text, str):
                raise TypeError("its text is something else")
            text = whole_characters(text)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise ModelError(f"{self.name} did not answer with a text{said_instead}") from error
        usage = whole.get("usage")
        n_tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
        return Continuation(text, n_tokens if type(n_tokens) is int else None, said)

"""Continue solutions: the interface of a generator, and one that uses a server.

The server speaks OpenAI's protocol (vLLM, SGLang, llama.cpp, …). Every continuation is a separate
request with its own seed, because not every server supports `n`; a server that caches prefixes
still reads the steps only once. A generator that runs in this process is in
`prm_core.labelling.local_completer`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from prm_core.errors import ModelError, check_above_zero
from prm_core.http_client import Endpoint

ASK = "Reason step by step and end with the final answer in \\boxed{}."
NEXT_PROBLEM = "\nProblem:"
"""After the solution a base model continues with another problem; what follows is cut."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How continuations are sampled.

    Attributes:
        temperature: above 0, or all continuations would be the same.
        max_tokens: of one continuation.
        chat: whether the steps are the beginning of an assistant's turn in the model's chat format;
            otherwise problem and steps are plain text.

    Raises:
        BadOptionError: a number is not above 0.
    """

    temperature: float = 0.7
    max_tokens: int = 1024
    chat: bool = False

    def __post_init__(self) -> None:
        check_above_zero(temperature=self.temperature, max_tokens=self.max_tokens)


class Completer(Protocol):
    """Continues a partial solution."""

    @property
    def concurrency(self) -> int:
        """How many continuations are generated at the same time."""
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
        """Abort what is being generated; calls that wait for it raise `ModelError`."""
        ...


def plain_prompt(problem: str, steps: Sequence[str]) -> str:
    """A problem and the first steps of its solution as one text to continue."""
    return f"Problem: {problem}\n{ASK}\n\nSolution:\n" + "".join(f"{step}\n\n" for step in steps)


def chat_messages(problem: str, steps: Sequence[str]) -> list[dict[str, str]]:
    """A problem as a user's turn, and the first steps of its solution as the answer's beginning."""
    messages = [{"role": "user", "content": f"{problem}\n\n{ASK}"}]
    if steps:
        messages.append({"role": "assistant", "content": "\n\n".join(steps)})
    return messages


class ServerCompleter:
    """A server that speaks OpenAI's protocol.

    Args:
        url: the base address, such as "http://127.0.0.1:8000/v1".
        model: the model's name on the server.
        sampling: how continuations are sampled. Chat needs a server that can continue an
            assistant's turn (`continue_final_message`, as in vLLM and SGLang).
        concurrency: requests at the same time.
        timeout_s: how long the server may be silent before the request is sent again.
        api_key: sent as a bearer token; not sent if it is empty.

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
        self._endpoint = Endpoint(url, "the generator", timeout_s=timeout_s, api_key=api_key)
        self._model, self._sampling = model, sampling
        self._concurrency = concurrency
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="generator")

    @property
    def concurrency(self) -> int:
        return self._concurrency

    def continue_solution(
        self, problem: str, steps: Sequence[str], seeds: Sequence[int]
    ) -> list[str]:
        try:
            asked = [self._pool.submit(self._one, problem, steps, seed) for seed in seeds]
            return [one.result() for one in asked]
        except (RuntimeError, CancelledError) as error:  # the pool is shut down
            raise self._endpoint.closed() from error

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._endpoint.close()
        self._pool.shutdown(wait=True)
        self._endpoint.drop()

    def _one(self, problem: str, steps: Sequence[str], seed: int) -> str:
        body: dict[str, Any] = {
            "model": self._model,
            "temperature": self._sampling.temperature,
            "max_tokens": self._sampling.max_tokens,
            "seed": seed,
        }
        if not self._sampling.chat:
            body |= {"prompt": plain_prompt(problem, steps), "stop": [NEXT_PROBLEM]}
            return self._text(self._endpoint.ask("/completions", body), "text").partition(
                NEXT_PROBLEM
            )[0]
        body["messages"] = chat_messages(problem, steps)
        if steps:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return self._text(self._endpoint.ask("/chat/completions", body), "message")

    def _text(self, answer: bytes, field: str) -> str:
        """The continuation in an answer.

        Raises:
            ModelError: there is none.
        """
        try:
            value = json.loads(answer)["choices"][0][field]
            text = value if field == "text" else value["content"] or ""
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise ModelError(f"{self._endpoint.name} did not answer with a text") from error
        if not isinstance(text, str):
            raise ModelError(f"{self._endpoint.name} did not answer with a text")
        return text

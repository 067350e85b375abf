"""What writes a path on: the contract of a generator, and one that asks a server.

The server speaks OpenAI's protocol. Every continuation is a request with a seed of its own; one
that caches prefixes reads what was written before once. A model in this process is in
`prm_core.search.local_generator`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from prm_core.errors import InputError, ModelError
from prm_core.http_client import Endpoint, completed
from prm_core.types import HALF_CHARACTER

ASK = (
    "Solve the problem in short steps, with a blank line after each step. End with the final "
    "answer in \\boxed{}."
)
NEXT_PROBLEM = "\nProblem:"
"""A base model that is done continues with another problem; what follows is cut."""

_BEAT_S = 0.2
_CHAT = " (chat)"

End = Literal["step", "done", "length", "failed"]
"""How a text ended: another step may follow; by itself; by a limit; the generator refused it."""

Beat = Callable[[], bool]
"""Asked now and then: whether the time is up, so that what is there must do. What it raises ends
the writing."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How continuations are drawn.

    Attributes:
        until: ends a step and belongs to it; None to write to the end.
        temperature: 0 for the most probable token each time.
        top_p: mass of the tokens that are drawn from.
        max_tokens: of one continuation.
        ask: comes after the problem, and says how to solve it.
    """

    until: str | None
    temperature: float
    top_p: float
    max_tokens: int
    ask: str = ASK


@dataclass(frozen=True, slots=True)
class Written:
    """A continuation.

    Attributes:
        text: with the step end, if one ended it.
        n_tokens: generated.
        end: "step" (more may follow), "done", "length", or "failed".
        error: why it failed; others may go well.
    """

    text: str
    n_tokens: int
    end: End
    error: str = ""


class Generator(Protocol):
    """What writes paths on.

    Attributes:
        name: that solutions carry; one that is asked in another form has another.
    """

    name: str

    def write(
        self,
        problem: str,
        prefixes: Sequence[str],
        seeds: Sequence[int],
        sampling: Sampling,
        beat: Beat,
    ) -> list[Written]:
        """A continuation of each prefix; the same one for the same prefix, seed and sampling.

        Args:
            problem: the task's text.
            prefixes: what is written so far of each solution; "" for a new one.
            seeds: one for each prefix.
            sampling: how.
            beat: asked often; when it says so, what is written so far is given as cut.

        Raises:
            ModelError: the generator does not work, or was closed.
        """
        ...

    def close(self) -> None:
        """Drop what is being written."""
        ...


def plain_prompt(problem: str, ask: str = ASK) -> str:
    """A problem as a text that a solution follows."""
    return f"Problem: {problem}\n{ask}\n\nSolution:\n"


def chat_messages(problem: str, prefix: str = "", ask: str = ASK) -> list[dict[str, str]]:
    """A problem as a user's turn, and what is written so far as the beginning of the answer."""
    turns = [{"role": "user", "content": f"{problem}\n\n{ask}"}]
    return [*turns, {"role": "assistant", "content": prefix}] if prefix else turns


def form_name(model: str, chat: bool) -> str:
    """A model's name with the form in which it is asked."""
    return f"{model}{_CHAT}" if chat else model


def model_of_form(name: str) -> tuple[str, bool]:
    """A model's name, and whether its chat form is asked: what `form_name` was given."""
    return name.removesuffix(_CHAT), name.endswith(_CHAT)


def ending(text: str, until: str | None, plain: bool) -> tuple[str, Literal["step", "done", ""]]:
    r"""A continuation up to the first step end or, in plain text, another problem; and which it is.

    >>> ending("2 + 2 = 4.\n\nSo 4.", "\n\n", True), ending("So 4.\nProblem: 3", None, True)
    (('2 + 2 = 4.\n\n', 'step'), ('So 4.', 'done'))
    """
    step = text.find(until) if until is not None else -1
    other = ("\n" + text).find(NEXT_PROBLEM) if plain else -1  # it may begin with one
    if until is not None and step >= 0 and (other < 0 or step < other):
        return text[: step + len(until)], "step"
    return (text[: max(0, other - 1)], "done") if other >= 0 else (text, "")


class ServerGenerator:
    """A server that speaks OpenAI's protocol.

    How a text ended is said by vLLM (`stop_reason`) and SGLang (`matched_stop`). Where a server
    does not say it, a stop counts as the end of a step; after the last one such a server writes
    nothing, which ends the path.

    Attributes:
        name: the model's name on the server, and the form.

    Args:
        url: where the protocol begins, as "http://127.0.0.1:8000/v1".
        model: the model's name on the server.
        chat: whether the solution is an assistant's turn; the server must be able to continue one
            (`continue_final_message`, as vLLM and SGLang). Else problem and solution are plain
            text.
        concurrency: requests at the same time.
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
        self.name, self._model = form_name(model, chat), model
        self._endpoint = Endpoint(
            url, "the generator", timeout_s=timeout_s, api_key=api_key, attempts=attempts
        )
        self._chat = chat
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="generator")

    def write(
        self,
        problem: str,
        prefixes: Sequence[str],
        seeds: Sequence[int],
        sampling: Sampling,
        beat: Beat,
    ) -> list[Written]:
        try:
            asked = [
                self._pool.submit(self._one, problem, prefix, seed, sampling)
                for prefix, seed in zip(prefixes, seeds, strict=True)
            ]
        except RuntimeError as error:  # the pool takes no more work
            raise self._endpoint.closed() from error
        try:
            for _ in completed(asked, _BEAT_S):
                if beat():
                    for one in asked:
                        one.cancel()  # those that are under way are waited for
            return [Written("", 0, "length") if f.cancelled() else f.result() for f in asked]
        except CancelledError as error:
            raise self._endpoint.closed() from error
        finally:
            for one in asked:
                one.cancel()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._endpoint.close()
        self._pool.shutdown(wait=True)
        self._endpoint.drop()

    def _one(self, problem: str, prefix: str, seed: int, sampling: Sampling) -> Written:
        body: dict[str, Any] = {
            "model": self._model,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": seed,
        }
        stops = [sampling.until] if sampling.until is not None else []
        if self._chat:
            path, body["messages"] = (
                "/chat/completions",
                chat_messages(problem, prefix, sampling.ask),
            )
            if prefix:
                body |= {"continue_final_message": True, "add_generation_prompt": False}
        else:
            path, body["prompt"] = "/completions", plain_prompt(problem, sampling.ask) + prefix
            stops.append(NEXT_PROBLEM)
        body |= {"stop": stops} if stops else {}
        try:
            answer = self._endpoint.ask(path, body)
        except InputError as error:
            return Written("", 0, "failed", str(error))
        return self._written(answer, sampling.until)

    def _written(self, answer: bytes, until: str | None) -> Written:
        """What an answer holds.

        Raises:
            ModelError: it does not say what was written, or in how many tokens.
        """
        try:
            said = json.loads(answer)
            choice = said["choices"][0]
            text = choice["message"]["content"] or "" if self._chat else choice["text"]
            n_tokens = int(said["usage"]["completion_tokens"])
            was_cut = choice.get("finish_reason") == "length"
            text = HALF_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ModelError(
                f"{self._endpoint.name} did not answer with a text and usage.completion_tokens"
            ) from error
        text, end = ending(text, until, not self._chat)
        if end or was_cut:
            return Written(text, n_tokens, end or "length")
        names = [name for name in ("stop_reason", "matched_stop") if name in choice]
        is_step = until in [choice[name] for name in names] if names else bool(text)
        if until is not None and is_step:
            return Written(text + until, n_tokens, "step")
        return Written(text, n_tokens, "done")

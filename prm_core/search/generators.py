"""What writes a path on: the contract of a generator, and one that asks a server.

A model in this process is in `prm_core.search.local_generator`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from prm_core.continuations import NEXT_PROBLEM, Continuation, ContinuingServer
from prm_core.errors import InputError, ModelError
from prm_core.http_client import completed

ASK = (
    "Solve the problem in short steps, with a blank line after each step. End with the final "
    "answer in \\boxed{}."
)
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
        url, model, chat, options: as for `prm_core.continuations.ContinuingServer`.

    Raises:
        BadOptionError: the address cannot be used.
    """

    def __init__(self, url: str, model: str, *, chat: bool = False, **options: Any) -> None:
        self.name, self._chat = form_name(model, chat), chat
        self._server = ContinuingServer(url, model, chat=chat, **options)

    def write(
        self,
        problem: str,
        prefixes: Sequence[str],
        seeds: Sequence[int],
        sampling: Sampling,
        beat: Beat,
    ) -> list[Written]:
        asked = [
            self._server.begin(
                problem,
                sampling.ask,
                prefix,
                [sampling.until] if sampling.until is not None else [],
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                max_tokens=sampling.max_tokens,
                seed=seed,
            )
            for prefix, seed in zip(prefixes, seeds, strict=True)
        ]
        try:
            for _ in completed(asked, _BEAT_S):
                if beat():
                    for one in asked:
                        one.cancel()  # those that are under way are waited for
            return [self._written(one, sampling.until) for one in asked]
        finally:
            for one in asked:
                one.cancel()

    def close(self) -> None:
        self._server.close()

    def _written(self, asked: Future[Continuation], until: str | None) -> Written:
        """What came of a request.

        Raises:
            ModelError: the server does not work, was closed, or does not count its tokens.
        """
        if asked.cancelled():
            return Written("", 0, "length")
        try:
            found = asked.result()
        except InputError as error:
            return Written("", 0, "failed", str(error))
        if found.n_tokens is None:
            raise ModelError(
                f"{self._server.name} did not answer with a text and usage.completion_tokens"
            )
        text, end = ending(found.text, until, not self._chat)
        if end or found.said.get("finish_reason") == "length":
            return Written(text, found.n_tokens, end or "length")
        names = [name for name in ("stop_reason", "matched_stop") if name in found.said]
        is_step = until in [found.said[name] for name in names] if names else bool(text)
        if until is not None and is_step:
            return Written(text + until, found.n_tokens, "step")
        return Written(text, found.n_tokens, "done")

"""Continue solutions: the interface of a generator, and one that uses a server.

A generator that runs in this process is in `prm_core.labelling.local_completer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any, Protocol

from prm_core.continuations import NEXT_PROBLEM, ContinuingServer
from prm_core.errors import check_above_zero

ASK = "Reason step by step and end with the final answer in \\boxed{}."


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


def prefix_of(steps: Sequence[str], chat: bool) -> str:
    """The first steps of a solution as the text that is continued."""
    return "\n\n".join(steps) if chat else "".join(f"{step}\n\n" for step in steps)


class ServerCompleter:
    """A server that speaks OpenAI's protocol.

    Args:
        url, model, options: as for `prm_core.continuations.ContinuingServer`.
        sampling: how continuations are sampled.

    Raises:
        BadOptionError: the address cannot be used.
    """

    def __init__(self, url: str, model: str, sampling: Sampling, **options: Any) -> None:
        self._server = ContinuingServer(url, model, chat=sampling.chat, **options)
        self._sampling = sampling

    @property
    def concurrency(self) -> int:
        return self._server.concurrency

    def continue_solution(
        self, problem: str, steps: Sequence[str], seeds: Sequence[int]
    ) -> list[str]:
        s = self._sampling
        prefix = prefix_of(steps, s.chat)
        asked = [
            self._server.begin(
                problem,
                ASK,
                prefix,
                temperature=s.temperature,
                max_tokens=s.max_tokens,
                seed=seed,
            )
            for seed in seeds
        ]
        try:
            texts = [one.result().text for one in asked]
        except CancelledError as error:
            raise self._server.closed() from error
        return texts if s.chat else [text.partition(NEXT_PROBLEM)[0] for text in texts]

    def close(self) -> None:
        self._server.close()

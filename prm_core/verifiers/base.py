"""What a generative verifier is: data plus its dialogue with the model.

A dialogue is a generator. It yields requests that may be sent at the same time, gets their replies
in the same order, and returns the model's verdict on the steps. It sends nothing itself, so it is
tested without a server, and how requests are sent is written once, in `prm_core.verifiers.scorer`.

Replies come from a model that has read untrusted text. They are searched for verdicts in one pass
and never executed: code in them stays text.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from prm_core.errors import NoVerdictError
from prm_core.types import Candidate

Message = dict[str, str]
"""One turn of a conversation: its "role" and its "content"."""

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to the model.

    Attributes:
        messages: the conversation. If it ends with an assistant's turn, that turn is incomplete,
            and the model continues it.
        options: further fields of the request, named as in OpenAI's protocol.
    """

    messages: tuple[Message, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a reply.

    Attributes:
        text: the token as text.
        log_p: ln of its probability.
        top: the most probable tokens at its place, each with the ln of its probability.
    """

    text: str
    log_p: float
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model wrote.

    Attributes:
        text: all of it; reasoning that a server returns separately comes first.
        cut: whether it ended because it had reached `max_tokens`.
        tokens: its tokens, if the request asked for their probabilities.
    """

    text: str
    cut: bool = False
    tokens: tuple[Token, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The model's verdict on a candidate.

    Attributes:
        probabilities: that each step is right, [S].
        rationales: what it wrote, one text per sample.
        extras: its other values for each step, by name, [S] each.
    """

    probabilities: tuple[float, ...]
    rationales: tuple[str, ...]
    extras: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


Dialogue = Generator[list[Request], list[Reply], Judgement]


@dataclass(frozen=True, slots=True)
class VerifierRecipe:
    """Verifiers that are prompted and read in the same way.

    Attributes:
        name: its name for `--family`.
        summary: one sentence for lists.
        max_tokens: of one reply, if the user does not give it.
        talk: (candidate, number of samples, most tokens of a reply) → the dialogue about it.
        conversation: all turns of the first sample, as far as they are known beforehand; "…" is
            a placeholder for what the model writes.
    """

    name: str
    summary: str
    max_tokens: int
    talk: Callable[[Candidate, int, int], Dialogue]
    conversation: Callable[[Candidate], list[Message]]


def read_each(replies: Sequence[Reply], read: Callable[[Reply], _Read]) -> list[_Read | None]:
    """The verdict of each reply; None for one that cannot be read.

    Raises:
        NoVerdictError: none can be read; the message is about the first one.
    """
    found: list[_Read | None] = []
    first: NoVerdictError | None = None
    for reply in replies:
        try:
            found.append(read(reply))
        except NoVerdictError as error:
            found.append(None)
            first = first or error
    if all(one is None for one in found):
        assert first is not None
        if len(replies) == 1:
            raise first
        raise NoVerdictError(f"none of {len(replies)} replies can be read; the first: {first}")
    return found


def refuse_cut(reply: Reply, max_tokens: int) -> None:
    """
    Raises:
        NoVerdictError: the reply was cut, so its end is not the model's.
    """
    if reply.cut:
        raise NoVerdictError(
            f"the reply was cut at {max_tokens:,} tokens, before its end; allow more (--max-tokens)"
        )


AGAIN = "ask several times (--samples N)"
"""The way out for a malformed reply."""


def mean(values: Sequence[float]) -> float:
    """The average.

    >>> mean([0.0, 1.0])
    0.5
    """
    return sum(values) / len(values)

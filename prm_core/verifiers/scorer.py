"""A `StepScorer` for generative verifiers: requests to a server in OpenAI's chat protocol.

The prompts and how replies are read are in `prm_core.verifiers.base` and its subclasses' files.
Here requests are sent, several at a time, with retries while the server fails, and never twice once
they are answered.

The conversation is sent as text and tokenized by the server with its own chat template, so a text
that spells a special token of the model may become one there. Families whose prompts are built here
do not have this weakness.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from prm_core.errors import BadOptionError, InputError, ModelError, NoVerdictError
from prm_core.http_client import Endpoint, completed, served_model, uninterrupted
from prm_core.types import (
    Candidate,
    Explanation,
    Found,
    ScoredCandidate,
    StepScorer,
    log_odds,
    whole_characters,
)
from prm_core.verifiers.base import Judgement, Reply, Request, Token, VerifierRecipe

AT_ONCE = 8
"""Concurrent requests, and candidates. The server batches them."""

SILENCE_S = 1800.0
"""How long a server may be silent: a reply arrives only when all of it is written."""


class VerifierScorer(StepScorer):
    """A verifier on a server. Make one with `open_verifier`.

    Attributes:
        model_id: the name that results carry.
        family: the name of its family.
        threshold: below this probability a step counts as wrong.
    """

    status = "server"
    repeatable = False
    elsewhere = True

    def __init__(
        self,
        endpoint: Endpoint,
        form: VerifierRecipe,
        *,
        served_as: str,
        model_id: str,
        n_samples: int,
        max_tokens: int,
    ) -> None:
        self.model_id, self.family, self.threshold = model_id, form.name, 0.5
        self._endpoint, self._form, self._served_as = endpoint, form, served_as
        self._n_samples, self._max_tokens = n_samples, max_tokens
        self._talks = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="verifier")
        self._requests = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="verifier-request")
        self._kept: dict[Candidate, ScoredCandidate | InputError] = {}
        self._lock = threading.Lock()  # guards the kept results

    def score(self, candidates: Iterable[Candidate]) -> list[ScoredCandidate]:
        """The verifier's scores for every step of every candidate, in the same order.

        If one of several candidates cannot be scored, all others still are, and their results are
        kept until requested: continuing candidate by candidate costs nothing twice.

        Raises:
            NoVerdictError: what was written about a candidate cannot be read.
            InputError: the server refuses a candidate.
            ModelError: the server does not work.
        """
        candidates = tuple(candidates)
        different = list(dict.fromkeys(candidates))
        with self._lock:
            found = {c: self._kept.pop(c) for c in different if c in self._kept}
            if len(found) < len(different):
                self._kept.clear()  # left over from an abandoned call
        asked = [candidate for candidate in different if candidate not in found]
        for index, outcome in filter(None, self._outcomes(asked, None)):
            found[asked[index]] = outcome
        refused = next((one for one in found.values() if isinstance(one, InputError)), None)
        if refused is not None:
            if len(found) > 1:
                with self._lock:
                    self._kept.update(found)
            raise refused
        return [one for c in candidates if isinstance(one := found[c], ScoredCandidate)]

    def stream(
        self, candidates: Iterable[Candidate], heartbeat_s: float | None = None
    ) -> Iterator[Found | None]:
        """Like `score`, but yields each candidate with its index as soon as it is scored."""
        for found in self._outcomes(tuple(candidates), heartbeat_s):
            if found is None:
                yield None
                continue
            index, outcome = found
            if isinstance(outcome, InputError):
                raise outcome
            yield index, outcome

    def explain(self, candidate: Candidate) -> list[Explanation]:
        """The turns of the conversation as text, with "…" where the model writes."""
        return [
            Explanation((), (), (), (), (), turn["content"], role=turn["role"])
            for turn in self._form.conversation(candidate)
        ]

    def close(self) -> None:
        """Drop pending requests; later calls raise `ModelError`."""
        for pool in (self._talks, self._requests):
            pool.shutdown(wait=False, cancel_futures=True)
        self._endpoint.close()
        for pool in (self._talks, self._requests):
            pool.shutdown(wait=True)
        self._endpoint.drop()

    def _outcomes(
        self, candidates: Sequence[Candidate], heartbeat_s: float | None
    ) -> Iterator[tuple[int, ScoredCandidate | InputError] | None]:
        """Each candidate's index, with its scores or its error."""
        endpoint = self._endpoint.branch()  # so that leaving ends pending requests
        talks: dict[Future[ScoredCandidate | InputError], int] = {}
        try:
            for index, candidate in enumerate(candidates):
                with uninterrupted():
                    talks[self._talks.submit(self._judge, candidate, endpoint)] = index
            for future in completed(talks, heartbeat_s):
                yield None if future is None else (talks[future], future.result())
        except (RuntimeError, CancelledError) as error:  # the pool is shut down
            raise self._endpoint.closed() from error
        finally:
            for future in talks:
                future.cancel()
            endpoint.close()

    def _judge(self, candidate: Candidate, endpoint: Endpoint) -> ScoredCandidate | InputError:
        """One dialogue, from its first request to its verdict."""
        name = f"candidate {candidate.id!r}" if candidate.id else "a candidate"
        try:
            judgement = self._talk(candidate, endpoint)
        except NoVerdictError as error:
            return NoVerdictError(f"{name}: {error}")
        except InputError as error:
            return InputError(f"{name}: {error}")
        return ScoredCandidate(
            candidate,
            judgement.probabilities,
            tuple(map(log_odds, judgement.probabilities)),
            self.model_id,
            judgement.extras,
            judgement.rationales,
        )

    def _talk(self, candidate: Candidate, endpoint: Endpoint) -> Judgement:
        talk = self._form.talk(candidate, self._n_samples, self._max_tokens)
        requests = next(talk)
        while True:
            asked = [self._requests.submit(self._ask, request, endpoint) for request in requests]
            try:
                replies = [one.result() for one in asked]
            finally:
                for one in asked:
                    one.cancel()
            try:
                requests = talk.send(replies)
            except StopIteration as end:
                judgement: Judgement = end.value
                return judgement

    def _ask(self, request: Request, endpoint: Endpoint) -> Reply:
        """One request's reply.

        Raises:
            InputError: the server refuses the request.
            ModelError: it does not work, or its answer is not a reply.
        """
        body: dict[str, Any] = {"model": self._served_as, "messages": list(request.messages)}
        if request.messages[-1]["role"] == "assistant":
            body |= {"continue_final_message": True, "add_generation_prompt": False}
        return endpoint.read("/chat/completions", {**body, **request.options}, self._reply)

    def _reply(self, answer: bytes) -> Reply:
        """What an answer holds.

        Raises:
            ModelError: it holds no reply.
        """
        try:
            return _reply(json.loads(answer)["choices"][0])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise ModelError(f"{self._endpoint.name} did not answer with a text") from error


def _reply(choice: Any) -> Reply:
    """A choice of OpenAI's protocol.

    Raises:
        ValueError, LookupError, TypeError, AttributeError: it is not a choice.
    """
    message = choice["message"]
    thoughts = message.get("reasoning_content") or message.get("reasoning") or ""
    text = message.get("content") or ""
    if not isinstance(thoughts, str) or not isinstance(text, str):
        raise TypeError("a text is something else")
    thoughts, text = (whole_characters(one) for one in (thoughts, text))
    tokens = (choice.get("logprobs") or {}).get("content") or []
    return Reply(
        f"{thoughts}\n\n{text}" if thoughts else text,
        choice.get("finish_reason") == "length",
        tuple(
            Token(
                str(one["token"]),
                _log_p(one["logprob"]),
                tuple(
                    (str(top["token"]), _log_p(top["logprob"]))
                    for top in one.get("top_logprobs") or []
                ),
            )
            for one in tokens
        ),
    )


def _log_p(value: Any) -> float:
    """
    Raises:
        ValueError, TypeError: it is not the logarithm of a probability.
    """
    number = float(value)
    if not number <= 0.01:  # True for NaN as well; some servers round up
        raise ValueError(f"{number} is not the logarithm of a probability")
    return number


def open_verifier(
    url: str,
    model: str | None,
    form: VerifierRecipe,
    *,
    served_as: str | None = None,
    n_samples: int = 1,
    max_tokens: int | None = None,
    timeout_s: float = SILENCE_S,
    api_key: str = "",
) -> VerifierScorer:
    """A verifier on a server that speaks OpenAI's protocol (vLLM, SGLang, llama.cpp, …).

    Args:
        url: the base address, such as "http://127.0.0.1:8000/v1"; an address without a path gets
            "/v1".
        model: the name that results carry, and the model's name on the server.
        form: how it is prompted and read; see `prm_core.verifiers.VERIFIERS`.
        served_as: the model's name on the server, if it differs.
        n_samples: how many times each candidate is judged.
        max_tokens: of one reply; None for the authors' value.
        timeout_s: how long the server may be silent before a retry.
        api_key: the server's key, if it requires one.

    Raises:
        BadOptionError: no model is named, or a number is below 1.
        ModelError: the server does not answer, or has another model.
    """
    if not model:
        raise BadOptionError(
            "name the model that the server runs: --model NAME, or on the page NAME --server URL"
        )
    for name, value in (("samples", n_samples), ("max_tokens", max_tokens)):
        if value is not None and value < 1:
            raise BadOptionError(f"{name} is {value}; it must be at least 1")
    endpoint = Endpoint(_base(url), "the verifier", timeout_s=timeout_s, api_key=api_key)
    try:
        name_there, _ = served_model(endpoint, "/models", model, served_as)
    except BaseException:
        endpoint.drop()
        raise
    return VerifierScorer(
        endpoint,
        form,
        served_as=name_there,
        model_id=model,
        n_samples=n_samples,
        max_tokens=form.max_tokens if max_tokens is None else max_tokens,
    )


def _base(url: str) -> str:
    """The base address of the protocol.

    >>> _base("http://127.0.0.1:8000/"), _base("https://example.org/api/v1")
    ('http://127.0.0.1:8000/v1', 'https://example.org/api/v1')
    """
    try:
        path = urlsplit(url).path
    except ValueError:  # the endpoint raises with a message
        return url
    return url if path.strip("/") else url.rstrip("/") + "/v1"

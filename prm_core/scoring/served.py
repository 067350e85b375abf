"""A PRM that a vLLM server runs: prompts are built here, the server gives two logits per step.

The prompt of each candidate is built by the model's own family, from its tokenizer and
configuration (the weights stay with the server), and sent as token ids to `/pooling`. So a prompt
is the same, id for id, as for a model that is loaded here, and a marker in the user's text is text.
The server answers with a row for each token that it considers the end of a step, or with a row for
each token; both are checked against the places where the family reads. Rows are logits and not
probabilities (`use_activation` is off), so that steps keep their order even if probabilities
saturate.

A server with different weights under the same name cannot be detected. The name, the length of
its context, the number of rows, and that the rows are logits of two classes are checked when it is
opened.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from prm_core.catalog import identify
from prm_core.errors import BadOptionError, ModelError, TooLongError
from prm_core.families import Checkpoint, OpenedModel, family_for, refuse_unused
from prm_core.families.heads import probability
from prm_core.families.prompt import forget_texts, refuse_unreadable
from prm_core.http_client import Endpoint, completed, served_model, uninterrupted
from prm_core.models.backbone import (
    empty_backbone,
    find_model,
    load_config,
    load_tokenizer,
    quiet_transformers,
)
from prm_core.models.weight_files import ModelFolder
from prm_core.scoring.explain import explanation
from prm_core.types import (
    Candidate,
    Encoded,
    Explanation,
    Found,
    ModelRequest,
    ScoredCandidate,
    StepScorer,
)
from prm_core.verifiers import refuse_to_load

SERVED = ("qwen_prm", "reasonflux", "trl", "math_shepherd", "er_prm")
"""Families whose score is a softmax over two logits, wrong and right, that vLLM can serve."""

AT_ONCE = 8
"""Concurrent requests. The server batches them."""

MAX_TOKENS = 16_384
"""Of one request; a candidate is never cut, so one may have more."""

_PROBE = Candidate("What is 2 + 3 + 4?", ("2 + 3 = 5.", "5 + 4 = 8."))
_Row = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _WithoutWeights(Checkpoint):
    """A checkpoint used only for its prompt: its head's tensors are all zero."""

    def tensor(self, name: str, shape: Sequence[int | None]) -> Tensor:
        return torch.zeros([1 if size is None else size for size in shape])

    def lm_head(self, rows: Sequence[int] | None = None) -> Tensor:
        n_rows = self.backbone.config.vocab_size if rows is None else len(rows)
        return torch.zeros(n_rows, self.n_hidden)


class VllmScorer(StepScorer):
    """A PRM on a server. Make one with `open_server`.

    Attributes:
        model_id: the name that results carry.
        family: the name of its family.
        threshold: below this probability a step counts as wrong.
        context: the most tokens that the model reads.
    """

    status = "server"
    elsewhere = True

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        served_as: str,
        model_id: str,
        family: str,
        tokenizer: PreTrainedTokenizerBase,
        opened: OpenedModel,
        context: int,
    ) -> None:
        self.model_id, self.family = model_id, family
        self.threshold, self.context = opened.threshold, context
        self._endpoint, self._served_as = endpoint, served_as
        self._tokenizer, self._opened = tokenizer, opened
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="server")

    def score(self, candidates: Iterable[Candidate]) -> list[ScoredCandidate]:
        """Probabilities for every step of every candidate, in the same order.

        Raises:
            TooLongError: a candidate does not fit the model; nothing was sent.
            InputError: the server refuses a candidate.
            ModelError: the server does not work, or its answers are not scores of steps.
        """
        done = dict(filter(None, self.stream(candidates)))
        return [done[i] for i in range(len(done))]

    def stream(
        self, candidates: Iterable[Candidate], heartbeat_s: float | None = None
    ) -> Iterator[Found | None]:
        """As `score`, giving each candidate with its index as soon as it is known."""
        candidates = tuple(candidates)
        encoded = [self.encode(candidate) for candidate in candidates]
        forget_texts(self._tokenizer)  # the server has them now; they are not needed here again
        return self._stream(candidates, encoded, heartbeat_s)

    def _stream(
        self, candidates: Sequence[Candidate], encoded: Sequence[Encoded], heartbeat_s: float | None
    ) -> Iterator[Found | None]:
        asked: dict[Future[list[list[_Row]]], list[int]] = {}
        try:
            for batch in _batches(encoded):
                with uninterrupted():
                    asked[self._pool.submit(self._ask, [encoded[i] for i in batch])] = batch
            for future in completed(asked, heartbeat_s):
                if future is None:
                    yield None
                    continue
                for index, rows in zip(asked[future], future.result(), strict=True):
                    yield index, self._scored(candidates[index], rows)
        except (RuntimeError, CancelledError) as error:  # the pool is shut down
            raise self._endpoint.closed() from error
        finally:
            for future in asked:
                future.cancel()

    def encode(self, candidate: Candidate) -> Encoded:
        """A candidate as the model reads it.

        Raises:
            UnreadableError: the tokenizer cannot express the problem or a step.
            TooLongError: it has more tokens than the model or the server reads.
        """
        refuse_unreadable(self._tokenizer, candidate)
        encoded = self._opened.encode(candidate)
        n_tokens = len(encoded.input_ids)
        if n_tokens > self.context:
            name = f"candidate {candidate.id!r}" if candidate.id else "a candidate"
            raise TooLongError(
                f"{name} has {n_tokens:,} tokens but {self.model_id} on {self._endpoint.name} "
                f"reads at most {self.context:,}; shorten it"
            )
        return encoded

    def check_length(self, candidate: Candidate) -> None:
        """As `encode`, whose errors it raises."""
        self.encode(candidate)

    def explain(self, candidate: Candidate) -> list[Explanation]:
        """The prompt exactly as it is sent, and where each step is read."""
        return [explanation(self._tokenizer, self.encode(candidate))]

    def close(self) -> None:
        """Drop pending requests; later calls raise `ModelError`."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._endpoint.close()
        self._pool.shutdown(wait=True)
        self._endpoint.drop()

    def check(self) -> None:
        """Request two steps, and check their scores.

        Raises:
            ModelError: they are invalid; says how to start the server.
        """
        encoded = self.encode(_PROBE)
        (logits,), (shares,) = self._ask([encoded]), self._ask([encoded], activated=True)
        wanted = torch.tensor(logits).softmax(dim=1)
        if not torch.allclose(torch.tensor(shares), wanted, atol=0.02):
            raise ModelError(
                f"{self._endpoint.name} gives {_shown(logits)} as logits and {_shown(shares)} as "
                "probabilities, which do not match; a vLLM that knows use_activation "
                "(0.32 does) and a head of two classes are needed"
            )

    def _ask(self, encoded: Sequence[Encoded], activated: bool = False) -> list[list[_Row]]:
        """The server's answer for the steps of each prompt.

        Raises:
            ModelError: it is not two numbers for each step.
        """
        said = self._endpoint.ask(
            "/pooling",
            {
                "model": self._served_as,
                "input": [one.input_ids for one in encoded],
                "use_activation": activated,
            },
        )
        try:
            data = json.loads(said)["data"]
            found: dict[int, Any] = {int(one["index"]): one["data"] for one in data}
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise self._wrong("with something other than scores") from error
        if len(data) != len(encoded) or found.keys() != set(range(len(encoded))):
            raise self._wrong(f"for {len(data)} prompts instead of {len(encoded)}")
        return [self._steps(one, found[i]) for i, one in enumerate(encoded)]

    def _steps(self, encoded: Encoded, rows: Any) -> list[_Row]:
        """The rows of the places that the family reads, from the server's answer.

        Raises:
            ModelError: the server reads other places.
        """
        if not isinstance(rows, list):
            raise self._wrong("with something other than scores")
        ids, positions = encoded.input_ids, encoded.positions
        tags = {ids[position] for position in positions}
        at_tags = [i for i, token in enumerate(ids) if {token} == tags]
        if len(rows) == len(ids):
            at_tags = list(range(len(ids)))
        elif len(rows) != len(at_tags):
            tag = min(tags)
            raise self._wrong(
                f"with {len(rows)} scores for {len(positions)} steps, so its tag is not that of "
                f"{self.model_id}; start it with --pooler-config "
                f'\'{{"pooling_type": "STEP", "step_tag_id": {tag}}}\''
            )
        place = {token: i for i, token in enumerate(at_tags)}
        read = [rows[place[position]] for position in positions]
        for row in read:
            is_pair = isinstance(row, list) and len(row) == 2
            if not is_pair or not all(map(_is_finite, row)):
                raise self._wrong(f"with {str(row)[:60]} for a step, not with two finite numbers")
        return [(float(wrong), float(right)) for wrong, right in read]

    def _wrong(self, how: str) -> ModelError:
        return ModelError(f"the server at {self._endpoint.name} answers {how}")

    def _scored(self, candidate: Candidate, rows: Sequence[_Row]) -> ScoredCandidate:
        log_odds = torch.tensor([right - wrong for wrong, right in rows])
        return ScoredCandidate(
            candidate,
            tuple(probability(log_odds).tolist()),
            tuple(log_odds.tolist()),
            self.model_id,
        )


def _is_finite(value: Any) -> bool:
    """Whether a JSON value is a finite number; JSON integers are unbounded."""
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


def _batches(encoded: Sequence[Encoded]) -> Iterator[list[int]]:
    """Indices of candidates, as many as fit into one request."""
    batch: list[int] = []
    n_tokens = 0
    for index, one in enumerate(encoded):
        if batch and n_tokens + len(one.input_ids) > MAX_TOKENS:
            yield batch
            batch, n_tokens = [], 0
        batch.append(index)
        n_tokens += len(one.input_ids)
    if batch:
        yield batch


def _shown(rows: Sequence[_Row]) -> str:
    return ", ".join(f"({wrong:.3f}, {right:.3f})" for wrong, right in rows)


def open_server(
    url: str,
    model: str | Path | None,
    *,
    served_as: str | None = None,
    revision: str | None = None,
    family: str | None = None,
    separator: str | None = None,
    timeout_s: float = 300.0,
    api_key: str = "",
) -> VllmScorer:
    """A PRM on a vLLM server, checked with a first request.

    Args:
        url: the server's address, such as "http://127.0.0.1:8000".
        model: a folder, or a repository on the Hugging Face Hub, with the tokenizer and the
            configuration of the model that the server runs.
        served_as: the model's name on the server; the same name as here when None.
        revision: branch, tag or commit of the repository.
        family: name of the family, if the checkpoint does not say.
        separator: the text after each step, for families whose checkpoints do not give it.
        timeout_s: how long the server may be silent before a retry.
        api_key: the server's key, if it requires one.

    Raises:
        BadOptionError: no model is named, or it belongs to a family that a server cannot run.
        ModelError: the server does not answer, has another model, or does not score its steps.
    """
    if model is None:
        raise BadOptionError(
            "name the model that the server runs, whose tokenizer is used: --model NAME, or on the "
            "page NAME --server URL"
        )
    refuse_to_load(str(model), family)
    endpoint = Endpoint(
        url.rstrip("/").removesuffix("/v1"), "the server", timeout_s=timeout_s, api_key=api_key
    )
    name, server_context = served_model(endpoint, "/v1/models", str(model), served_as)
    directory = find_model(model, revision, with_weights=False)
    request = identify(ModelRequest(str(model), family, separator=separator)).request
    folder = ModelFolder(directory)
    chosen = family_for(folder, request.family)
    if chosen.name not in SERVED:
        raise BadOptionError(
            f"{model} belongs to family {chosen.name}, whose steps a vLLM server does not score; "
            f"it can serve {', '.join(SERVED)}"
        )
    refuse_unused(chosen, separator=separator)
    with quiet_transformers():
        config = load_config(folder)
        tokenizer = load_tokenizer(directory)
        backbone = empty_backbone(directory, config)
    scorer = VllmScorer(
        endpoint,
        served_as=name,
        model_id=str(model),
        family=chosen.name,
        tokenizer=tokenizer,
        opened=chosen.open(_WithoutWeights(folder, backbone, tokenizer, request.separator)),
        context=min(int(config.max_position_embeddings), server_context),
    )
    try:
        scorer.check()
    except BaseException:
        scorer.close()
        raise
    return scorer

"""A generator that runs in this process: the one that also writes searches."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from prm_core.errors import TooLongError
from prm_core.labelling.completers import ASK, Sampling, prefix_of
from prm_core.search import generators
from prm_core.search.local_generator import LocalGenerator


class LocalCompleter:
    """A causal language model.

    Args:
        model: directory or hub name.
        sampling: how continuations are sampled; chat needs a tokenizer with a chat template.
        device, dtype: as for `prm_core.models.device.choose_device`.

    Raises:
        ModelLoadError: the model cannot be loaded, or keeps a state instead of keys and values.
        BadOptionError: the device is not available, or the tokenizer has no chat template.
    """

    concurrency = 1

    def __init__(
        self, model: str, sampling: Sampling, *, device: str = "auto", dtype: str = "auto"
    ) -> None:
        self._generator = LocalGenerator(
            model, chat=sampling.chat, device=device, dtype=dtype, keep=False
        )
        self._name, self._chat = model, sampling.chat
        self._sampling = generators.Sampling(
            None, sampling.temperature, 1.0, sampling.max_tokens, ASK
        )
        self._lock = threading.Lock()

    def continue_solution(
        self, problem: str, steps: Sequence[str], seeds: Sequence[int]
    ) -> list[str]:
        prefix, s = prefix_of(steps, self._chat), self._sampling
        n_tokens, longest = self._generator.size(problem, prefix, ASK), self._generator.context
        if longest is not None and n_tokens + s.max_tokens > longest:
            raise TooLongError(
                f"the problem and {len(steps)} steps have {n_tokens:,} tokens and a continuation "
                f"up to {s.max_tokens:,}, but {self._name} reads at most {longest:,}; lower "
                "--max-tokens"
            )
        with self._lock:
            written = self._generator.write(
                problem, [prefix] * len(seeds), seeds, s, beat=lambda: False
            )
        return [one.text for one in written]

    def close(self) -> None:
        self._generator.close()

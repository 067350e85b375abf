"""A generator that runs in this process: a causal language model of transformers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from prm_core.continuations import NEXT_PROBLEM, chat_messages, plain_prompt
from prm_core.errors import ModelError, TooLongError
from prm_core.labelling.completers import ASK, Sampling, prefix_of
from prm_core.models.causal import load_causal

_AT_ONCE = 16  # continuations in one batch


class LocalCompleter:
    """A causal language model.

    Args:
        model: directory or hub name.
        sampling: how continuations are sampled; chat needs a tokenizer with a chat template.
        device, dtype: as for `prm_core.models.device.choose_device`.

    Raises:
        ModelLoadError: the model cannot be loaded.
        BadOptionError: the device is not available, or the tokenizer has no chat template.
    """

    concurrency = 1

    def __init__(
        self, model: str, sampling: Sampling, *, device: str = "auto", dtype: str = "auto"
    ) -> None:
        loaded = load_causal(model, chat=sampling.chat, device=device, dtype=dtype)
        self._name, self._sampling, self._tokenizer = model, sampling, loaded.tokenizer
        self._model, self._device, self._longest = loaded.model, loaded.device, loaded.context
        # Everything is set here: a checkpoint's own defaults (top_k, penalties) would change
        # labels.
        self._settings = GenerationConfig(
            do_sample=True,
            temperature=sampling.temperature,
            top_k=0,
            top_p=1.0,
            max_new_tokens=sampling.max_tokens,
            bos_token_id=loaded.model.generation_config.bos_token_id,
            eos_token_id=list(loaded.end_ids) or None,
            pad_token_id=loaded.pad_id,
        )
        self._lock = threading.Lock()
        self._stop = _Stop()

    def continue_solution(
        self, problem: str, steps: Sequence[str], seeds: Sequence[int]
    ) -> list[str]:
        ids = self._ids(problem, steps)
        if self._longest is not None and ids.shape[1] + self._sampling.max_tokens > self._longest:
            raise TooLongError(
                f"the problem and {len(steps)} steps have {ids.shape[1]:,} tokens and a "
                f"continuation up to {self._sampling.max_tokens:,}, but {self._name} reads at most "
                f"{self._longest:,}; lower --max-tokens"
            )
        texts: list[str] = []
        with self._lock:
            for begin in range(0, len(seeds), _AT_ONCE):
                texts += self._batch(ids, seeds[begin : begin + _AT_ONCE])
        return [text.partition(NEXT_PROBLEM)[0] for text in texts]

    def close(self) -> None:
        self._stop.asked = True

    def _ids(self, problem: str, steps: Sequence[str]) -> Tensor:
        """The prompt's token ids, [1, T]."""
        prefix = prefix_of(steps, self._sampling.chat)
        if self._sampling.chat:
            ids = self._tokenizer.apply_chat_template(
                chat_messages(problem, ASK, prefix),
                add_generation_prompt=not steps,
                continue_final_message=bool(steps),
                return_dict=False,
            )
        else:
            ids = self._tokenizer(plain_prompt(problem, ASK) + prefix)["input_ids"]
        return torch.tensor([ids], device=self._device)

    def _batch(self, ids: Tensor, seeds: Sequence[int]) -> list[str]:
        """Continuations of one prompt in one batch; the first seed determines them all."""
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.inference_mode(), torch.random.fork_rng(devices=devices):
            torch.manual_seed(seeds[0])
            written = self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                generation_config=self._settings,
                num_return_sequences=len(seeds),
                stopping_criteria=StoppingCriteriaList([self._stop]),
            )  # [N, T + continuation]
        if self._stop.asked:
            raise ModelError("the generator was closed")
        texts: list[str] = self._tokenizer.batch_decode(
            written[:, ids.shape[1] :], skip_special_tokens=True
        )
        return texts


class _Stop(StoppingCriteria):
    """Ends generation between two tokens on request."""

    asked = False

    def __call__(self, input_ids: Tensor, scores: Tensor, **kwargs: Any) -> Tensor:
        return torch.full((input_ids.shape[0],), self.asked, device=input_ids.device)

"""A generator in this process: a causal language model that keeps what it has read.

What a round wrote is the beginning of what the next round reads. So the keys and values of the last
call's paths stay, each path's without padding, and a call computes only what is new in its
prefixes. Prefixes are texts, and their tokens are what the tokenizer makes of the whole text, as on
a server; where these differ from the tokens that were written, what they have in common is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import DynamicCache

from prm_core.continuations import chat_messages, plain_prompt
from prm_core.errors import ModelError
from prm_core.models.causal import load_causal
from prm_core.search.generators import (
    Beat,
    End,
    Sampling,
    Written,
    ending,
    form_name,
)

_AT_ONCE = 16  # paths in one batch


@dataclass(frozen=True, slots=True)
class _Row:
    """A path: its tokens, and for each layer keys and values [heads, T, D] of the first T."""

    ids: list[int]
    key_values: list[tuple[Tensor, Tensor]]

    def shared(self, ids: Sequence[int]) -> int:
        """How many of its tokens with keys and values are at the beginning of `ids`."""
        most = min(len(ids) - 1, self.key_values[0][0].shape[1])  # the last one is always run
        return next((i for i in range(most) if self.ids[i] != ids[i]), most)


@dataclass(slots=True)
class _Batch:
    """Paths side by side: what is cached, which of it counts [B, T], logits of what is next."""

    cache: DynamicCache
    mask: Tensor
    logits: Tensor


class LocalGenerator:
    """A causal language model.

    Attributes:
        name: as it was asked for, and the form.
        context: how many tokens the model reads at most; None where it does not say so.
        n_computed: tokens that went through the model so far, padding left out.

    Args:
        model: directory or hub name.
        chat: whether the solution is an assistant's turn in the tokenizer's chat format; else
            problem and solution are plain text.
        device, dtype: as for `prm_core.models.device.choose_device`.
        keep: whether keys and values stay for the next call.

    Raises:
        ModelLoadError: the model cannot be loaded, or keeps a state instead of keys and values.
        BadOptionError: the device is not here, or the tokenizer has no chat template.
    """

    def __init__(
        self,
        model: str,
        *,
        chat: bool = False,
        device: str = "auto",
        dtype: str = "auto",
        keep: bool = True,
    ) -> None:
        self.name, self.n_computed = form_name(model, chat), 0
        self._loaded = load_causal(model, chat=chat, device=device, dtype=dtype)
        self.context = self._loaded.context
        self._chat, self._keep = chat, keep
        self._rows: list[_Row] = []
        self._closed = False

    def write(
        self,
        problem: str,
        prefixes: Sequence[str],
        seeds: Sequence[int],
        sampling: Sampling,
        beat: Beat,
    ) -> list[Written]:
        written: list[Written] = []
        rows: list[_Row] = []
        with torch.inference_mode():
            for i in range(0, len(prefixes), _AT_ONCE):
                texts, some = prefixes[i : i + _AT_ONCE], seeds[i : i + _AT_ONCE]
                done, more = self._batch(
                    self._ids(problem, texts, sampling.ask), some, sampling, beat
                )
                written += done
                rows += more
        self._rows = rows if self._keep else []
        return written

    def close(self) -> None:
        self._closed, self._rows = True, []

    def size(self, problem: str, prefix: str, ask: str) -> int:
        """How many tokens a solution has so far, with its prompt."""
        return len(self._ids(problem, [prefix], ask)[0])

    def _ids(self, problem: str, prefixes: Sequence[str], ask: str) -> list[list[int]]:
        """The tokens of a prompt and of what follows it."""
        tokenizer, prompt = self._loaded.tokenizer, plain_prompt(problem, ask)
        if self._chat:
            prompt = tokenizer.apply_chat_template(
                chat_messages(problem, ask), add_generation_prompt=True, tokenize=False
            )
        texts = [prompt + prefix for prefix in prefixes]
        ids: list[list[int]] = tokenizer(texts, add_special_tokens=not self._chat)["input_ids"]
        return ids

    def _batch(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], sampling: Sampling, beat: Beat
    ) -> tuple[list[Written], list[_Row]]:
        """Continuations of some prefixes side by side, and what is kept of them."""
        context = self.context or 2**63
        fitting = [i for i, ids in enumerate(prompts) if len(ids) < context]
        if not fitting:
            return [Written("", 0, "length")] * len(prompts), []
        ids = [list(prompts[i]) for i in fitting]
        paths = [
            _Path(self, one, seeds[i], sampling, min(sampling.max_tokens, context - len(one)))
            for i, one in zip(fitting, ids, strict=True)
        ]
        batch = self._read(ids)
        while True:
            tokens = [path.next(row) for path, row in zip(paths, batch.logits, strict=True)]
            if self._closed:
                raise ModelError("the generator was closed")
            if beat():
                for path in paths:
                    path.end = path.end or "length"
            if all(path.end for path in paths):
                break
            self._step(batch, tokens, [not path.end for path in paths])
        rows = [_row(batch, i, path.ids) for i, path in enumerate(paths)] if self._keep else []
        done = dict(zip(fitting, (path.written() for path in paths), strict=True))
        return [done.get(i, Written("", 0, "length")) for i in range(len(prompts))], rows

    def _read(self, ids: Sequence[list[int]]) -> _Batch:
        """Run what is new in some prefixes, each different one once.

        All run as many tokens as the one with the most that is new: what others would be padded
        with is run again instead. Padding between old and new would count in a sliding window.
        """
        different = list(dict.fromkeys(map(tuple, ids)))
        kept = [self._kept(one) for one in different]
        n_new = max(len(one) - n for one, (n, _) in zip(different, kept, strict=True))
        kept = [
            (max(0, min(n, len(one) - n_new)), row)
            for one, (n, row) in zip(different, kept, strict=True)
        ]
        n_old = max(n for n, _ in kept)
        cache = self._stacked(kept, n_old)
        shape = len(different), n_old + n_new
        mask = torch.zeros(shape, dtype=torch.int64)
        tokens = torch.full((len(different), n_new), self._loaded.pad_id or 0)
        positions = torch.zeros_like(tokens)
        for i, (one, (n, _)) in enumerate(zip(different, kept, strict=True)):
            new = len(one) - n
            mask[i, n_old - n : n_old] = 1
            mask[i, -new:] = 1
            tokens[i, -new:] = torch.tensor(one[n:])
            positions[i, -new:] = torch.arange(n, len(one))
            self.n_computed += new
        mask = mask.to(self._loaded.device)
        logits = self._forward(cache, tokens, positions, mask)
        index = torch.tensor([different.index(tuple(one)) for one in ids], device=mask.device)
        cache.batch_select_indices(index)
        return _Batch(cache, mask[index], logits[index])

    def _kept(self, ids: Sequence[int]) -> tuple[int, _Row | None]:
        """The kept row that shares most with some tokens, and how many."""
        found = [(row.shared(ids), row) for row in self._rows]
        return max(found, key=lambda one: one[0], default=(0, None))

    def _stacked(self, kept: Sequence[tuple[int, _Row | None]], n_old: int) -> DynamicCache:
        """Keys and values of kept rows side by side, each aligned to the right."""
        cache = DynamicCache()
        for layer in range(len(self._rows[0].key_values) if n_old else 0):
            parts = []
            for which, like in enumerate(self._rows[0].key_values[layer]):
                whole = like.new_zeros((len(kept), like.shape[0], n_old, like.shape[2]))
                for i, (n, row) in enumerate(kept):
                    if row is not None and n:
                        whole[i, :, n_old - n :] = row.key_values[layer][which][:, :n]
                parts.append(whole)
            cache.update(parts[0], parts[1], layer)
        return cache

    def _step(self, batch: _Batch, tokens: Sequence[int], going: Sequence[bool]) -> None:
        """Run one token of each path; those of paths that ended count for nothing."""
        new = torch.tensor(going, dtype=torch.int64, device=batch.mask.device)[:, None]
        positions = batch.mask.sum(dim=1, keepdim=True)
        batch.mask = torch.cat([batch.mask, new], dim=1)
        self.n_computed += sum(going)
        batch.logits = self._forward(
            batch.cache, torch.tensor(tokens)[:, None], positions, batch.mask
        )

    def _forward(
        self, cache: DynamicCache, tokens: Tensor, positions: Tensor, mask: Tensor
    ) -> Tensor:
        """Float32 logits [B, V] of what follows the last token; the cache grows."""
        device = self._loaded.device
        said = self._loaded.model(
            input_ids=tokens.to(device),
            attention_mask=mask,
            position_ids=positions.to(device),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: Tensor = said.logits[:, -1].float()
        return logits


def _row(batch: _Batch, i: int, ids: list[int]) -> _Row:
    """What is kept of a path; its last token was not run."""
    columns = batch.mask[i].nonzero()[:, 0]
    layers: list[Any] = batch.cache.layers
    return _Row(ids, [(one.keys[i][:, columns], one.values[i][:, columns]) for one in layers])


class _Path:
    """A path that is being written on; `end` is empty until it ends."""

    def __init__(
        self, owner: LocalGenerator, ids: list[int], seed: int, sampling: Sampling, most: int
    ) -> None:
        self.ids, self.text, self.n_tokens = ids, "", 0
        self.end: End | Literal[""] = ""
        self._loaded, self._sampling, self._most = owner._loaded, sampling, most
        self._begin = max(0, len(ids) - 4)  # some tokens are written with a blank only after others
        self._before = len(self._decoded())
        self._random = torch.Generator(owner._loaded.device).manual_seed(seed)
        self._chat = owner._chat

    def next(self, logits: Tensor) -> int:
        """Draw the next token, unless it has ended."""
        if self.end:
            return self._loaded.pad_id or 0
        token = _drawn(logits, self._sampling, self._random)
        self.n_tokens += 1
        if token in self._loaded.end_ids:
            self.end = "done"
            return token
        self.ids.append(token)
        self.text, self.end = ending(
            self._decoded()[self._before :], self._sampling.until, not self._chat
        )
        if not self.end and self.n_tokens >= self._most:
            self.end = "length"
        return token

    def written(self) -> Written:
        return Written(self.text, self.n_tokens, self.end or "length")

    def _decoded(self) -> str:
        text: str = self._loaded.tokenizer.decode(self.ids[self._begin :], skip_special_tokens=True)
        return text


def _drawn(logits: Tensor, sampling: Sampling, random: torch.Generator) -> int:
    """A token by its probability, or the most probable one."""
    if sampling.temperature == 0.0:
        return int(logits.argmax())
    p = torch.softmax(logits / sampling.temperature, dim=-1)
    if sampling.top_p < 1.0:
        ordered, index = p.sort(descending=True)
        ordered[ordered.cumsum(0) - ordered >= sampling.top_p] = 0.0
        p = torch.zeros_like(p).scatter_(0, index, ordered)
    return int(torch.multinomial(p, 1, generator=random))

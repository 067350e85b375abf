"""A prompt of token ids in readable form."""

from __future__ import annotations

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from prm_core.types import Encoded, Explanation


def explanation(
    tokenizer: PreTrainedTokenizerBase,
    encoded: Encoded,
    steps: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
) -> Explanation:
    """A prompt in readable form; see `Explanation`. Without `steps`, one place for each."""
    ids, n_read = list(encoded.input_ids), len(encoded.positions)
    return Explanation(
        encoded.input_ids,
        tuple(tokenizer.convert_ids_to_tokens(ids)),
        encoded.positions,
        tuple(range(n_read) if steps is None else steps),
        tuple([""] * n_read if names is None else names),
        str(tokenizer.decode(ids, clean_up_tokenization_spaces=False)),
    )

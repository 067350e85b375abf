r"""The llemma PRMs of "Easy-to-Hard Generalization": the reward is in the language-model head.

ScalableMath/llemma-7b-prm-prm800k-level-1to3-hf and its MetaMath sibling (arXiv 2403.09472) are
`LlamaForCausalLM` whose LM head was overwritten with the reward head, repeated over the whole
vocabulary. The score is the sigmoid of the mean of all logits, that is, of one product with the
mean of the head's rows.

    # Question\n\n{problem}\n\n# Solution\n\n{step}\n\n{step}…

BOS comes first and the end-of-sequence token last. In llemma's vocabulary a blank line is
two tokens; a step is read at the first of the two that follow it, the last step at the
end-of-sequence token. Blank lines inside a step would be read as its end and become line ends.
Source: Edward-Sun/easy-to-hard, inference_reward.py and models/reward_model.py. Recognised by name
or given with `--family`.
"""

from __future__ import annotations

import re

from torch import Tensor

from prm_core.errors import ModelLoadError
from prm_core.families.base import Checkpoint, Evidence, Family, OpenedModel
from prm_core.families.prompt import READ, Part, assemble
from prm_core.types import Candidate, Encoded

_BLANK_LINES = re.compile(r"\n\s*\n")


def open_llemma_prm(checkpoint: Checkpoint) -> OpenedModel:
    """Open a checkpoint.

    Raises:
        ModelLoadError: a blank line is not two tokens, there is no end-of-sequence token, or
            the LM head is missing.
    """
    tokenizer = checkpoint.tokenizer
    tail = tokenizer.encode("a\n\nb", add_special_tokens=False)[-3:-1]
    if len(set(tail)) != 1:
        raise ModelLoadError(
            f"{checkpoint.directory}: a blank line is not the same token twice in this tokenizer, "
            "but this family is read between the two; use the tokenizer of llemma"
        )
    eos = tokenizer.eos_token_id
    if not isinstance(eos, int):
        raise ModelLoadError(
            f"{checkpoint.directory}: the tokenizer has no end-of-sequence token, at which the "
            "last step is read; use the tokenizer of llemma"
        )
    prefix = checkpoint.prefix()
    mean_row = checkpoint.lm_head().float().mean(dim=0)  # [H]

    def encode(candidate: Candidate) -> Encoded:
        problem = candidate.problem.strip()
        parts: list[Part] = [*prefix, f"# Question\n\n{problem}\n\n# Solution"]
        for number, step in enumerate(candidate.steps):
            parts += ["\n", READ, "\n"] if number else ["\n\n"]
            parts.append(_BLANK_LINES.sub("\n", step.strip()))
        return assemble(tokenizer, [*parts, eos, READ])

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        return hidden.float() @ mean_row

    return OpenedModel(encode, read)


LLEMMA_PRM = Family(
    name="llemma_prm",
    summary="The mean of all logits at the line end after each step; sigmoid.",
    open=open_llemma_prm,
)

r"""Outcome reward models: one number for a whole solution, to compare a PRM with.

`outcome` is any `…ForSequenceClassification` with one output: `score.weight` (1, H) without bias.
Skywork's Reward-V2 models are such, and so, with a system message of its own, is `acemath_rm`
(nvidia/AceMath-7B-RM and -72B-RM). `qwen_rm` is Qwen/Qwen2.5-Math-RM-72B: config.json calls the
class `Qwen2ForRewardModel`, its head is that of the Qwen PRMs with one output (`score.0` (H, H) →
ReLU → `score.2` (1, H)), and its system message is theirs.

The prompt is the problem and the solution as a conversation in the model's own chat template, the
steps joined by blank lines. The head is read at the very last token, whatever the template puts
there. The stock class reads the last one that is not config.json's `pad_token_id`, so if that also
ends every turn, `outcome` is read before it. Such a model does not score single steps, so a
solution is one step here and has the same score under every aggregation. The probability is the
sigmoid of the reward: rewards are trained on pairs, so only their order within a problem is
meaningful, and 0.5 is not a natural threshold. The reward itself is given as "raw". Source: the
model cards; transformers (`GenericForSequenceClassification`) for the class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor
from torch.nn import functional

from prm_core.families.base import Checkpoint, Evidence, Family, OpenedModel, class_named
from prm_core.families.prompt import READ, assemble, chat, fill
from prm_core.families.qwen_prm import SYSTEM, two_layers
from prm_core.types import Candidate, Encoded

ACEMATH_SYSTEM = r"Please reason step by step, and check your final answer within \boxed{}."
"""From the model cards of AceMath's reward models."""


def _opened(
    checkpoint: Checkpoint,
    system: str | None,
    reward: Callable[[Tensor], Tensor],
    pad: int | None = None,
) -> OpenedModel:
    """An outcome model with its system message, its head, and the token that is not read."""
    messages: list[tuple[str, str | None]] = [("user", None), ("assistant", None)]
    if system is not None:
        messages.insert(0, ("system", system))
    template = chat(checkpoint.tokenizer, messages)

    def encode(candidate: Candidate) -> Encoded:
        texts = [[candidate.problem], list(candidate.steps)]
        ids = assemble(checkpoint.tokenizer, [*fill(template, texts), READ]).input_ids
        while len(ids) > 1 and ids[-1] == pad:
            ids = ids[:-1]
        return Encoded(ids, (len(ids) - 1,))

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        return reward(hidden.float())

    return OpenedModel(encode, read, prepare=Candidate.joined, extras={"raw": read})


def open_outcome(checkpoint: Checkpoint, system: str | None = None) -> OpenedModel:
    """Open a sequence classifier.

    Args:
        checkpoint: its backbone and tokenizer are loaded.
        system: the system message; None for the chat template's own.

    Raises:
        ModelLoadError: the head is missing or has more than one output, or the tokenizer has no
            chat template.
    """
    weight = checkpoint.tensor("score.weight", (1, checkpoint.n_hidden))
    pad = checkpoint.backbone.config.get_text_config().pad_token_id

    def reward(hidden: Tensor) -> Tensor:
        return functional.linear(hidden, weight).squeeze(1)

    return _opened(checkpoint, system, reward, pad)


def open_qwen_rm(checkpoint: Checkpoint) -> OpenedModel:
    """Open Qwen2.5-Math-RM.

    Raises:
        ModelLoadError: a tensor of the head is missing or misshapen, or there is no chat template.
    """
    head = two_layers(checkpoint, 1)
    return _opened(checkpoint, SYSTEM, lambda hidden: head(hidden).squeeze(1))


def recognises_outcome(config: Mapping[str, Any], tensors: frozenset[str]) -> bool:
    """Whether config.json names a sequence classifier."""
    kinds = config.get("architectures") or [""]
    return len(kinds) == 1 and str(kinds[0]).endswith("ForSequenceClassification")


OUTCOME = Family(
    name="outcome",
    summary="An outcome reward model: one output at the end of the whole solution; sigmoid.",
    open=open_outcome,
    recognises=recognises_outcome,
)

ACEMATH_RM = Family(
    name="acemath_rm",
    summary="AceMath's reward models: as outcome, with a system message of their own.",
    open=partial(open_outcome, system=ACEMATH_SYSTEM),
)

QWEN_RM = Family(
    name="qwen_rm",
    summary="Qwen2.5-Math-RM: as outcome, with two linear layers.",
    open=open_qwen_rm,
    recognises=class_named("Qwen2ForRewardModel"),
)

r"""Qwen2.5-Math-PRM and everything with the same head: two linear layers at a special token.

Qwen/Qwen2.5-Math-PRM-7B and -72B ("The Lessons of Developing Process Reward Models in Mathematical
Reasoning", arXiv 2501.07301), Qwen/Qwen2.5-Math-7B-PRM800K, and models trained the same way on
Qwen3. config.json calls the class `Qwen2ForProcessRewardModel` and names code of its own; that code
is not needed: the backbone is a stock one, and the head is

    score.0 (H, H) → ReLU → score.2 (2, H)       class 1 is "right", class 0 "wrong"

A prompt is a conversation in the model's chat template: a system message that asks for reasoning
step by step, the problem, and the steps, each followed by `<extra_0>`, with nothing between. The
head is read at every `<extra_0>`; softmax over the two classes. The threshold is 0.5, as in the
public evaluations. Source: the model cards; vLLM's `qwen2_rm.py` has the same head.

Gen-Verse/ReasonFlux-PRM-7B is the family `reasonflux`: its page shows no system message, so the
chat template adds its own. Its config.json looks the same, so it is recognised by its name or given
with `--family`.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from prm_core.families.base import Checkpoint, Evidence, Family, OpenedModel, class_named
from prm_core.families.prompt import READ, Part, assemble, chat, fill
from prm_core.types import Candidate, Encoded

MARKER = "<extra_0>"
SYSTEM = r"Please reason step by step, and put your final answer within \boxed{}."
ARCHITECTURES = ("Qwen2ForProcessRewardModel", "Qwen3ForProcessRewardModel")


def two_layers(checkpoint: Checkpoint, n_outputs: int) -> Callable[[Tensor], Tensor]:
    """The head that Qwen's reward models share: [S, H] of any float dtype → [S, n_outputs] float32.

    Raises:
        ModelLoadError: one of its tensors is missing or misshapen.
    """
    n_hidden = checkpoint.n_hidden
    first = checkpoint.tensor("score.0.weight", (n_hidden, n_hidden))
    first_bias = checkpoint.tensor("score.0.bias", (n_hidden,))
    second = checkpoint.tensor("score.2.weight", (n_outputs, n_hidden))
    second_bias = checkpoint.tensor("score.2.bias", (n_outputs,))

    def head(hidden: Tensor) -> Tensor:
        inner = functional.relu(functional.linear(hidden.float(), first, first_bias))
        return functional.linear(inner, second, second_bias)

    return head


def open_qwen_prm(checkpoint: Checkpoint, system: str | None = SYSTEM) -> OpenedModel:
    """Open a checkpoint.

    Args:
        checkpoint: its backbone and tokenizer are loaded.
        system: the system message; None for the chat template's own.

    Raises:
        ModelLoadError: a tensor of the head is missing or misshapen, the tokenizer splits
            `<extra_0>` (the stock Qwen2.5 tokenizers do), or the chat template is missing.
    """
    marker = checkpoint.token_id(MARKER)
    head = two_layers(checkpoint, 2)
    messages: list[tuple[str, str | None]] = [("user", None), ("assistant", None)]
    if system is not None:
        messages.insert(0, ("system", system))
    template = chat(checkpoint.tokenizer, messages)

    def encode(candidate: Candidate) -> Encoded:
        steps: list[Part] = []
        for step in candidate.steps:
            steps += [step, marker, READ]
        parts = fill(template, [[candidate.problem], steps])
        return assemble(checkpoint.tokenizer, parts, marker=marker)

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        wrong, right = head(hidden).unbind(dim=1)
        return right - wrong

    return OpenedModel(encode, read)


QWEN_PRM = Family(
    name="qwen_prm",
    summary="Two linear layers at <extra_0> after each step; softmax, P(right).",
    open=open_qwen_prm,
    recognises=class_named(*ARCHITECTURES),
)

REASONFLUX = Family(
    name="reasonflux",
    summary="As qwen_prm, without a system message of its own.",
    open=lambda checkpoint: open_qwen_prm(checkpoint, system=None),
)

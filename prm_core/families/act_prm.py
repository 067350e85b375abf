r"""ActPRM: an ensemble of small heads, whose disagreement shows how certain the model is.

sail/ActPRM and ActPRM-X ("Efficient Process Reward Model Training via Active Learning", arXiv
2504.10559) are `Qwen2ForEnsemblePRM`: a stock Qwen2 backbone and E small networks in float32,

    score.model.nn1 (E, H, 128) → ReLU → nn2 (E, 128, 128) → ReLU → nn_out (E, 128, 1) → sigmoid

whose weights have the input dimension first, so a member computes x @ W + b. A step's probability
is the mean over the members; their standard deviation (of a sample, as in the authors' trainer; 0
for one member) is reported as "spread". The tensors under `score.reg_model` are a frozen copy that
regularises training, and are not used.

The prompt is a system message, the problem, and the header of the assistant's turn, followed by the
stripped steps, each with the token that config.json calls `rr_token` (`<extra_0>`) after it.
`act_prm` has the system message of the authors' script for ProcessBench, which gave their F1 at the
threshold 0.5; `act_prm_card` has that of their example, whose numbers are in `assets/golden.json`,
and does not strip steps. Source: sail-sg/ActivePRM, src/active_prm,
examples/py_scripts/test_actprm_on_processbench.py and code_snippets.py.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from prm_core.families.base import Checkpoint, Evidence, Family, OpenedModel, class_named
from prm_core.families.prompt import READ, Part, assemble, chat, fill
from prm_core.types import Candidate, Encoded

SYSTEM = (
    "You are a helpful and harmless assistant. You should think step-by-step and put your final "
    r"answer within \boxed{}."
)
"""Of the authors' script for ProcessBench; training used the template's own."""

CARD_SYSTEM = r"Please reason step by step, and put your final answer within \boxed{}."
"""Of the authors' example."""


def open_act_prm(checkpoint: Checkpoint, card: bool = False) -> OpenedModel:
    """Open a checkpoint.

    Args:
        checkpoint: its backbone and tokenizer are loaded.
        card: whether it is prompted as in the authors' example instead of their script.

    Raises:
        ModelLoadError: a tensor of the head is missing or misshapen, the marker is not one token,
            or the chat template cannot be used.
    """
    marker = checkpoint.token_id(getattr(checkpoint.backbone.config, "rr_token", None) or " \n\n")
    first = checkpoint.tensor("score.model.nn1.weight", (None, checkpoint.n_hidden, None))
    n_members, _, width = first.shape
    layers = [(first, checkpoint.tensor("score.model.nn1.bias", (n_members, width)))]
    for name, n_out in (("nn2", width), ("nn_out", 1)):
        weight = checkpoint.tensor(f"score.model.{name}.weight", (n_members, width, n_out))
        layers.append((weight, checkpoint.tensor(f"score.model.{name}.bias", (n_members, n_out))))
    messages: list[tuple[str, str | None]] = [
        ("system", CARD_SYSTEM if card else SYSTEM),
        ("user", None),
    ]
    template = chat(checkpoint.tokenizer, messages, generation=True)

    def encode(candidate: Candidate) -> Encoded:
        parts: list[Part] = fill(template, [[candidate.problem]])
        for step in candidate.steps:
            parts += [step if card else step.strip(), marker, READ]
        return assemble(checkpoint.tokenizer, parts, marker=marker)

    def members(hidden: Tensor) -> Tensor:
        """Each member's output before the sigmoid, [E, S]."""
        inner = hidden.float().expand(n_members, -1, -1)  # [E, S, H]
        for weight, bias in layers[:-1]:
            inner = functional.relu(torch.baddbmm(bias[:, None], inner, weight))
        weight, bias = layers[-1]
        return torch.baddbmm(bias[:, None], inner, weight).squeeze(2)

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        # The log-odds of a mean of probabilities, exact even if all of them saturate.
        logits = members(hidden)
        right = functional.logsigmoid(logits).logsumexp(dim=0)
        return right - functional.logsigmoid(-logits).logsumexp(dim=0)

    def spread(hidden: Tensor) -> Tensor:
        return members(hidden).sigmoid().std(dim=0, correction=min(n_members - 1, 1))

    return OpenedModel(encode, read, extras={"spread": spread})


ACT_PRM = Family(
    name="act_prm",
    summary="An ensemble of small heads at <extra_0> after each step: their mean and spread.",
    open=open_act_prm,
    recognises=class_named("Qwen2ForEnsemblePRM"),
)

ACT_PRM_CARD = Family(
    name="act_prm_card",
    summary="As act_prm, with the system message of its authors' example.",
    open=partial(open_act_prm, card=True),
)

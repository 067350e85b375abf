"""IBM's Granite math PRMs: a conversation in which "Y" answers every step.

ibm-granite/granite-3.3-8b-math-prm-v2 is a plain causal language model, asked after each step
whether the response is correct so far. The score is the probability of "Y" in the whole vocabulary
where the assistant's answer begins, at the last token of the header before it. Every step sees "Y"
after each earlier one, as in the authors' recipe. There is no system message, so the chat template
adds its own, and Granite's contains today's date: scores may differ in the third digit from one day
to the next.

The logits are divided by `logits_scaling` of config.json, as the architecture requires. Source: the
model card. config.json says `GraniteForCausalLM`, so such a model is recognised by its name or
given with `--family`.
"""

from __future__ import annotations

from torch import Tensor

from prm_core.families.base import Checkpoint, Evidence, Family, OpenedModel
from prm_core.families.heads import token_log_odds
from prm_core.families.prompt import Part, turn_per_step
from prm_core.types import Candidate

QUESTION = "Is this response correct so far (Y/N)?"
"""What the model was trained on, from the model card."""


def open_granite(checkpoint: Checkpoint) -> OpenedModel:
    """Open a checkpoint.

    Raises:
        ModelLoadError: "Y" is not one token, the chat template cannot be used, or the LM head is
            missing.
    """
    good = checkpoint.token_id("Y")
    lm_head = checkpoint.lm_head()
    scale = 1.0 / getattr(checkpoint.backbone.config, "logits_scaling", 1.0)

    def asked(candidate: Candidate, index: int) -> list[Part]:
        before = "" if index else f"{candidate.problem} "
        return [f"{before}{candidate.steps[index]} {QUESTION}"]

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        return token_log_odds(hidden, lm_head, good, scale)

    return OpenedModel(turn_per_step(checkpoint.tokenizer, asked, "Y", good), read)


GRANITE = Family(
    name="granite",
    summary='P("Y") in the whole vocabulary where the assistant answers each step.',
    open=open_granite,
)

"""RLHFlow's Llama-3.1 PRMs: a conversation in which "+" answers every step.

RLHFlow/Llama3.1-8B-PRM-Mistral-Data and -Deepseek-Data are plain causal language models, trained
on turns: the user gives the problem and the first step, the assistant says "+", the user gives
the next step, and so on. A step's score compares "+" with "-" where the assistant's answer begins,
that is, at the last token of the header before it. All steps are read in one pass, and every step
sees "+" after each earlier one, whatever their scores are: that is how the authors score.

The conversation uses the tokenizer's own chat template, with a system message only if the template
adds one. Source: RLHFlow/RLHF-Reward-Modeling, math-rm; token ids 10 and 12 in Llama-3's
vocabulary. config.json says `LlamaForCausalLM`, so such a model is recognised by its name or given
with `--family`.
"""

from __future__ import annotations

from prm_core.families.base import Checkpoint, Family, OpenedModel
from prm_core.families.prompt import Part, turn_per_step
from prm_core.families.token_pair import pair_readout
from prm_core.types import Candidate


def open_rlhflow(checkpoint: Checkpoint) -> OpenedModel:
    """Open a checkpoint.

    Raises:
        ModelLoadError: "+" or "-" is not one token, the chat template cannot be used, or the LM
            head is missing.
    """
    good, bad = checkpoint.token_id("+"), checkpoint.token_id("-")

    def asked(candidate: Candidate, index: int) -> list[Part]:
        step = candidate.steps[index]
        return [step if index else f"{candidate.problem} {step}"]

    encode = turn_per_step(checkpoint.tokenizer, asked, "+", good)
    return OpenedModel(encode, pair_readout(checkpoint, good, bad))


RLHFLOW = Family(
    name="rlhflow",
    summary='P("+") against "-" where the assistant answers each step.',
    open=open_rlhflow,
)

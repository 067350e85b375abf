r"""SPARE-PRM: Math-Shepherd's tag in a conversation.

UKPLab/Llama-3-8b-spare-prm-math is a plain causal language model that says "+" or "-" at the tag
" ки", read like `math_shepherd`. The prompt is a conversation in the tokenizer's
own template: the system message from training, the problem, and a second turn of
the user with the solution:

    Let's think step by step.\n{step} ки\n{step} ки

Source: the model's repository, UKPLab's README. config.json says `LlamaForCausalLM`, so it is
recognised by its name or given with `--family`.
"""

from __future__ import annotations

from prm_core.families.base import Checkpoint, Family, OpenedModel
from prm_core.families.prompt import READ, Part, assemble, chat, fill
from prm_core.families.token_pair import pair_readout
from prm_core.types import Candidate, Encoded

SYSTEM = (
    "You are an expert at solving challenging math problems spanning across various categories and "
    "difficulties such as Algebra, Number Theory, Geometry, Counting and Probability, Precalculus "
    "etc. For a given math problem, your task is to generate a step-by-step reasoning-based "
    "solution providing an answer to the question. Identify the correct concepts, formulas and "
    "heuristics that needs to be applied and then derive the contents of the reasoning steps from "
    "the given contexts and accurate calculations from the previous reasoning steps."
)
"""What the model was trained with, verbatim: its scores depend on it."""

TAG = " ки"


def open_spare_prm(checkpoint: Checkpoint) -> OpenedModel:
    """Open a checkpoint.

    Raises:
        ModelLoadError: the tag or a sign is not one token, the chat template cannot be used, or the
            LM head is missing.
    """
    tokenizer = checkpoint.tokenizer
    marker = checkpoint.token_id(TAG)
    readout = pair_readout(checkpoint, checkpoint.token_id("+"), checkpoint.token_id("-"))
    template = chat(tokenizer, [("system", SYSTEM), ("user", None), ("user", None)])

    def encode(candidate: Candidate) -> Encoded:
        solution: list[Part] = ["Let's think step by step."]
        for step in candidate.steps:
            solution += [f"\n{step.strip()}", TAG, READ]
        return assemble(tokenizer, fill(template, [[candidate.problem], solution]), marker=marker)

    return OpenedModel(encode, readout)


SPARE_PRM = Family(
    name="spare_prm",
    summary='P("+") against "-" at the tag " ки" after each step, in a conversation.',
    open=open_spare_prm,
)

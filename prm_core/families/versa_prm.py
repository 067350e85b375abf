r"""VersaPRM and OpenR's Math-psa: "+" or "-" at a tag made of line ends.

Both are plain causal language models, read like Math-Shepherd (`math_shepherd`) at a tag that is
one token of the ordinary vocabulary and begins with a space.

UW-Madison-Lee-Lab/VersaPRM (arXiv 2502.06737), on Llama-3.1 or Qwen2.5: the tag is " \n\n\n\n", and
"+" is compared with "-", without spaces:

    {problem} \n\n{step} \n\n\n\n{step} \n\n\n\n

openreasoner/Math-psa (OpenR, arXiv 2410.09671) is a LoRA adapter of Qwen2.5-Math-7B-Instruct; the
tag is " \n\n\n\n\n", the words are " +" and " -", and steps are numbered:

    {problem} Step 1: … \n\n\n\n\n Step 2: … \n\n\n\n\n

Sources: the repository of each, evaluation/prm_models and prm/infer_fns.py. Nothing in config.json
distinguishes them from other language models: they are recognised by name or given with `--family`.
"""

from __future__ import annotations

from prm_core.families.base import Checkpoint, Family, OpenedModel
from prm_core.families.prompt import READ, Part, assemble
from prm_core.families.token_pair import pair_readout
from prm_core.text.labels import numbered
from prm_core.types import Candidate, Encoded


def open_versa_prm(checkpoint: Checkpoint) -> OpenedModel:
    """Open a VersaPRM checkpoint.

    Raises:
        ModelLoadError: the tag or a word is not one token here, or the LM head is missing.
    """
    tag = " \n\n\n\n"
    marker = checkpoint.token_id(tag)
    readout = pair_readout(checkpoint, checkpoint.token_id("+"), checkpoint.token_id("-"))
    prefix = checkpoint.prefix()

    def encode(candidate: Candidate) -> Encoded:
        parts: list[Part] = [*prefix, f"{candidate.problem.strip()} \n\n"]
        for step in candidate.steps:
            parts += [step.strip(), tag, READ]
        return assemble(checkpoint.tokenizer, parts, marker=marker)

    return OpenedModel(encode, readout)


def open_math_psa(checkpoint: Checkpoint) -> OpenedModel:
    """Open OpenR's adapter, merged into its base.

    Raises:
        ModelLoadError: the tag or a word is not one token here, or the LM head is missing.
    """
    tag = " \n\n\n\n\n"
    marker = checkpoint.token_id(tag)
    readout = pair_readout(checkpoint, checkpoint.token_id(" +"), checkpoint.token_id(" -"))
    prefix = checkpoint.prefix()

    def encode(candidate: Candidate) -> Encoded:
        parts: list[Part] = [*prefix, candidate.problem.strip()]
        for step in numbered(candidate.steps):
            parts += [f" {step}", tag, READ]
        return assemble(checkpoint.tokenizer, parts, marker=marker)

    return OpenedModel(encode, readout)


VERSA_PRM = Family(
    name="versa_prm",
    summary='P("+") against "-" at a tag of four line ends after each step.',
    open=open_versa_prm,
)

MATH_PSA = Family(
    name="math_psa",
    summary='P(" +") against " -" at a tag of five line ends after each step.',
    open=open_math_psa,
)

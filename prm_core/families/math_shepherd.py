"""Math-Shepherd and its relatives: "+" or "-" at the tag that ends a step.

peiyi9979/math-shepherd-mistral-7b-prm ("Math-Shepherd", arXiv 2312.08935) is a plain causal
language model that was taught to say "+" or "-" at the tag ` ки`:

    {problem} Step 1: … ки
    Step 2: … ки

The tag is one token of the ordinary vocabulary. At each one the logits of "+" and "-" are
compared, at the tag itself and not one token before. Lines are joined by a line end, the tokenizer
puts its BOS first, there is no chat template. Source: the model card. In its SentencePiece
vocabulary "+", "-" and "ки" are 648, 387 and 12902, each with the "▁" of a space.

OpenRLHF/Mistral-7b-PRM-Math-Shepherd is read the same way. ER-PRM (HanningZhang/Llama3.1-Math-PRM)
has a byte-level vocabulary, in which the space is part of the token: the family `er_prm`.

Nothing in config.json distinguishes such a model from other language models, so it is recognised by
its name or given with `--family`. A "Step 2:" is added to steps that have none.
"""

from __future__ import annotations

from prm_core.families.base import Checkpoint, Family, OpenedModel
from prm_core.families.prompt import READ, Part, assemble
from prm_core.families.token_pair import pair_readout
from prm_core.text.labels import numbered
from prm_core.types import Candidate, Encoded


def open_math_shepherd(checkpoint: Checkpoint, blank: str = "") -> OpenedModel:
    """Open a checkpoint.

    Args:
        checkpoint: its backbone and tokenizer are loaded.
        blank: what comes before a word whose token includes the space: nothing if the tokenizer
            itself puts a space before every text.

    Raises:
        ModelLoadError: a tag is not one token, or the LM head is missing.
    """
    tokenizer = checkpoint.tokenizer
    marker = checkpoint.token_id(f"{blank}ки")
    good, bad = checkpoint.token_id(f"{blank}+"), checkpoint.token_id(f"{blank}-")
    prefix = checkpoint.prefix()

    def encode(candidate: Candidate) -> Encoded:
        parts: list[Part] = [*prefix, candidate.problem.strip()]
        for number, step in enumerate(numbered(candidate.steps)):
            parts += ["\n" if number else " ", step, " ки", READ]
        return assemble(tokenizer, parts, marker=marker)

    return OpenedModel(encode, pair_readout(checkpoint, good, bad))


MATH_SHEPHERD = Family(
    name="math_shepherd",
    summary='P("+") against "-" at the tag " ки" after each step.',
    open=open_math_shepherd,
)

ER_PRM = Family(
    name="er_prm",
    summary='As math_shepherd, in a vocabulary where " +", " -" and " ки" are the tokens.',
    open=lambda checkpoint: open_math_shepherd(checkpoint, blank=" "),
)

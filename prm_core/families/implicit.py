"""Implicit PRMs: how much more a trained model believes in a step than the model it came from.

PRIME-RL/EurusPRM-Stage1 and -Stage2 ("Free Process Rewards without Process Labels", arXiv
2412.01981) have no head. The reward of the text up to the end of step k is

    q_k = β · Σ (ln π(token) − ln π_ref(token))      over the tokens of steps 1 … k

with β = 0.001 and Qwen2.5-Math-7B-Instruct as reference, as code derived from the model cards has
it; β, reference and any threshold belong together. The probability here is sigmoid(q_k), as in the
authors' ProcessBench protocol, with q_k beside it as "raw" and the step's own share q_k − q_{k−1}
as "single". β is small, so probabilities lie near 0.5 and only their order means much.

The prompt is the model's own chat template: the problem, then "Step 1: …" and so on, joined by
blank lines. Both models read it once. A token belongs to the step in which it begins, the blank
line to the step before it; public code finds these ends by the length of encoded prefixes, which
is off by a token where one merges across the joint.

config.json says `Qwen2ForCausalLM`, so such a model is known by its name or asked for with
`--family`; the reference is named with `--reference`.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor

from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.families.base import Checkpoint, Evidence, Family, Opened
from prm_core.families.prompt import READ, Part, assemble, chat, fill
from prm_core.readout import token_log_probability
from prm_core.steps import numbered
from prm_core.types import Candidate, Encoded

BETA = 0.001
"""Of EurusPRM, in code derived from its model card (HazyResearch/scaling-verification)."""


def open_implicit(checkpoint: Checkpoint) -> Opened:
    """Open a model and its reference.

    Raises:
        BadOptionError: nobody named the reference.
        ModelLoadError: the two have different vocabularies, an LM head is missing, or the chat
            template does not serve.
    """
    tokenizer, reference = checkpoint.tokenizer, checkpoint.reference
    if reference is None:
        raise BadOptionError(
            f"{checkpoint.directory}: this family compares two models; name the one that it was "
            "trained from as reference (--reference)"
        )
    if tokenizer.get_vocab() != reference.tokenizer.get_vocab():
        raise ModelLoadError(
            f"{checkpoint.directory} and {reference.directory} have different vocabularies, so "
            "their probabilities of a token cannot be compared; name its own reference"
        )
    heads = (checkpoint.lm_head(), reference.lm_head())
    template = chat(tokenizer, [("user", None), ("assistant", None)])

    def encode(candidate: Candidate) -> Encoded:
        response: list[Part] = [READ]
        steps = numbered(candidate.steps)
        for number, step in enumerate(steps, start=1):
            response += [step + ("\n\n" if number < len(steps) else ""), READ]
        encoded = assemble(tokenizer, fill(template, [[candidate.problem], response]))
        ends = encoded.positions  # the first is where the response begins
        evidence = tuple(tuple(range(a + 1, b + 1)) for a, b in pairwise(ends))
        return Encoded(encoded.input_ids, ends[1:], evidence)

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        assert seen is not None  # every step has tokens
        policy, base = (
            token_log_probability(half, head, seen.token_ids)
            for half, head in zip(seen.hidden.chunk(2, dim=1), heads, strict=True)
        )
        nothing = hidden.new_zeros(len(hidden), dtype=policy.dtype)
        return nothing.index_add(0, seen.step, BETA * (policy - base))

    return Opened(encode, read, reference=reference.backbone, cumulative=True, beta=BETA)


IMPLICIT = Family(
    name="implicit",
    summary="β times the log-ratio to a reference model, up to the end of each step; sigmoid.",
    open=open_implicit,
    takes=("reference",),
)

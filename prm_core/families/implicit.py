"""Implicit PRMs: how much more probable a step is under a trained model than under its reference.

PRIME-RL/EurusPRM-Stage1 and -Stage2 ("Free Process Rewards without Process Labels", arXiv
2412.01981) have no head. The reward of the text up to the end of step k is

    q_k = β · Σ (ln π(token) − ln π_ref(token))      over the tokens of the answer up to that end

The probability here is sigmoid(q_k), as in the authors' ProcessBench protocol, with q_k as the
extra "raw" and the step's own share q_k − q_{k−1} as "single". β is small, so probabilities are
near 0.5 and little but their order is meaningful. The prompt is the model's own chat template: the
problem, then "Step 1: …" and so on, joined by blank lines. Both models read it once.

The authors find the end of step k by encoding the conversation up to it, closed by the template and
a blank line, and count two tokens fewer in a row that is shifted by one. So the sum of a step
extends to the second token after its text, usually the first one of "Step 2:", and that of the last
step to the token that ends the turn. `implicit` and `implicit_processbench` do the same;
`implicit_exact` ends a step where its text and the blank line after it end.

β, the reference and a threshold belong together, and the authors name two sets:

    implicit               β = 0.001, reference Qwen2.5-Math-7B-Instruct      the model cards
    implicit_processbench  β = 0.005, reference Qwen2.5-7B-Instruct,
                           threshold 0.5005, tuned on GSM8K                   process_eval.sh

The card also adds the last token of the assistant's header, the same constant for every step.
Source: PRIME-RL/ImplicitPRM, eval/processbench.py and eval/process_eval.sh; the model cards.

config.json says `Qwen2ForCausalLM`, so such a model is recognised by its name or given with
`--family`; the reference is given with `--reference`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from torch import Tensor
from transformers import PreTrainedTokenizerBase

from prm_core.errors import BadOptionError, InputError, ModelLoadError
from prm_core.families.base import Checkpoint, Evidence, Family, OpenedModel, Reading
from prm_core.families.heads import token_log_probability
from prm_core.families.prompt import (
    READ,
    Part,
    Slot,
    assemble,
    chat,
    encode_texts,
    fill,
)
from prm_core.text.labels import numbered
from prm_core.types import Candidate, Encoded

BETA = 0.001
"""From the model cards."""

PROCESSBENCH_BETA = 0.005
PROCESSBENCH_THRESHOLD = 0.5005
"""From the authors' process_eval.sh."""


def open_implicit(
    checkpoint: Checkpoint, beta: float = BETA, threshold: float = 0.5, exact: bool = False
) -> OpenedModel:
    """Open a model and its reference.

    Args:
        checkpoint: its backbone and tokenizer are loaded.
        beta: the weight of a nat of difference between the two models.
        threshold: below this probability a step counts as wrong.
        exact: whether a step's sum ends with its text and the blank line after it, instead of where
            the authors' script ends it.

    Raises:
        BadOptionError: no reference was given.
        ModelLoadError: the two have different vocabularies, an LM head is missing, or the chat
            template cannot be used.
    """
    tokenizer, reference = checkpoint.tokenizer, checkpoint.reference
    if reference is None:
        raise BadOptionError(
            f"{checkpoint.directory}: this family compares two models; name the one that it was "
            "trained from as the reference (--reference)"
        )
    if tokenizer.get_vocab() != reference.tokenizer.get_vocab():
        raise ModelLoadError(
            f"{checkpoint.directory} and {reference.directory} have different vocabularies, so "
            "their probabilities of a token cannot be compared; name its own reference"
        )
    heads = (checkpoint.lm_head(), reference.lm_head())
    template = chat(tokenizer, [("user", None), ("assistant", None)])
    closing = _n_tokens(tokenizer, template, "")

    def encode(candidate: Candidate) -> Encoded:
        steps = numbered(candidate.steps)
        prompt = fill(template, [[candidate.problem], [READ, *_cut_exactly(steps)]])
        encoded = assemble(tokenizer, [*prompt, *([READ] if closing else [])])
        begin, *ends = encoded.positions  # the first is the last token before the answer
        last, ends = ends[-1], ends[: len(steps)]
        if not exact:
            begin += closing - 1
            script = _ends_of_the_script(tokenizer, template, candidate.problem, steps)
            ends = [min(end, last) for end in script]
        spans = tuple(tuple(range(a + 1, b + 1)) for a, b in pairwise((begin, *ends)))
        if not all(spans):
            raise InputError("a step has no token of its own in this model's tokenizer; rewrite it")
        return Encoded(encoded.input_ids[: ends[-1] + 1], tuple(ends), spans)

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        assert seen is not None  # every step has tokens
        policy, base = (
            token_log_probability(half, head, seen.token_ids)
            for half, head in zip(seen.hidden.chunk(2, dim=1), heads, strict=True)
        )
        nothing = hidden.new_zeros(len(hidden), dtype=policy.dtype)
        return nothing.index_add(0, seen.step, beta * (policy - base))

    return OpenedModel(
        encode,
        read,
        threshold,
        combine=_summed,
        note=f"β = {beta:g}",
        tolerance=beta / 4,  # near p = 0.5, the change per nat between the two models
    )


def _summed(reading: Reading) -> Reading:
    """The sum of the steps so far as a step's log-odds, with its own share beside it."""
    total = reading.log_odds.cumsum(0)
    return Reading(total, {"raw": total, "single": reading.log_odds})


def _cut_exactly(steps: Sequence[str]) -> list[Part]:
    """The answer, read at the end of each step; the blank line belongs to the step before it."""
    parts: list[Part] = []
    for number, step in enumerate(steps, start=1):
        parts += [step + ("\n\n" if number < len(steps) else ""), READ]
    return parts


def _ends_of_the_script(
    tokenizer: PreTrainedTokenizerBase,
    template: Sequence[str | int | Slot],
    problem: str,
    steps: Sequence[str],
) -> list[int]:
    """The last token that the authors' script adds to the sum of each step.

    For each prefix of the answer it encodes the closed conversation and, except for the whole
    answer, a blank line; the index in the row of tokens is one less than the number of tokens.
    """
    ends: list[int] = []
    for number in range(1, len(steps) + 1):
        answer: list[Part] = ["\n\n".join(steps[:number]), READ]
        begun = assemble(tokenizer, fill(template, [[problem], answer]), keep=False)
        behind = "\n\n" if number < len(steps) else ""
        ends.append(begun.positions[0] + _n_tokens(tokenizer, template, behind))
    return ends


def _n_tokens(
    tokenizer: PreTrainedTokenizerBase, template: Sequence[str | int | Slot], behind: str
) -> int:
    """How many tokens close the assistant's turn, stripped at its end, with a text after them."""
    tail = list(template)
    while Slot in map(type, tail):
        del tail[0]
    last = tail.pop() if tail and isinstance(tail[-1], str) else ""
    texts = [*(part for part in tail if isinstance(part, str)), f"{last}".rstrip() + behind]
    n_special = sum(isinstance(part, int) for part in tail)
    return n_special + sum(len(ids) for ids, _ in encode_texts(tokenizer, texts))


IMPLICIT = Family(
    name="implicit",
    summary="β times the log-ratio to a reference model, up to the end of each step; sigmoid.",
    open=open_implicit,
    takes=("reference",),
)

IMPLICIT_PROCESSBENCH = Family(
    name="implicit_processbench",
    summary="As implicit, with β = 0.005 and the threshold 0.5005 of its authors' ProcessBench.",
    open=partial(open_implicit, beta=PROCESSBENCH_BETA, threshold=PROCESSBENCH_THRESHOLD),
    takes=("reference",),
)

IMPLICIT_EXACT = Family(
    name="implicit_exact",
    summary="As implicit, each sum ending exactly with its step; the authors' script differs.",
    open=partial(open_implicit, exact=True),
    takes=("reference",),
)

r"""FoVer: a conversation in which "correct" answers every step.

ryokamoi's FoVer PRMs ("Efficient PRM Training Data Synthesis via Formal Verification", arXiv
2505.15960), on Llama-3.1-8B-Instruct and Qwen2.5-7B-Instruct, are plain causal language models. The
user's first turn contains the problem, the task and the first step, later turns one step each:

    ** Problem **\n{problem}\n\n** Task **\n{what to judge}\n\n** Sotluion **\n{step}

The assistant's answer to each is always "correct", and the score is the probability of
"correct" against "incorrect", by the first token of each, at the last token of the header before
the answer. There is no system message, so the chat template may add its own. Source:
psunlpgroup/FoVer, src/prm/preprocessing.py (with its slip in the last heading) and
postprocessing.py. config.json does not show any of this, so such a model is recognised by its name
or given with `--family`.
"""

from __future__ import annotations

from prm_core.errors import ModelLoadError
from prm_core.families.base import Checkpoint, Family, OpenedModel
from prm_core.families.prompt import Part, turn_per_step
from prm_core.families.token_pair import pair_readout
from prm_core.types import Candidate

FIRST_TURN = (
    "** Problem **\n{problem}\n\n** Task **\nYour task is to evaluate the accuracy of each step in "
    'the provided solution to the above question. For each step, respond with "correct" if the '
    "reasoning is logically valid and mathematically sound, or if the step is a general statement "
    'or transition that does not contain reasoning. Respond with "incorrect" if the step includes '
    "any errors or flawed logic.\n\n** Sotluion **\n"
)
"""What the models were trained on, verbatim."""


def open_fover(checkpoint: Checkpoint) -> OpenedModel:
    """Open a checkpoint.

    Raises:
        ModelLoadError: the two answers begin with the same token, the chat template cannot be used,
            or the LM head is missing.
    """
    tokenizer = checkpoint.tokenizer
    good, bad = (
        tokenizer.encode(word, add_special_tokens=False)[0] for word in ("correct", "incorrect")
    )
    if good == bad:
        raise ModelLoadError(
            f"{checkpoint.directory}: 'correct' and 'incorrect' begin with the same token in this "
            "tokenizer; use the tokenizer that was published with the model"
        )
    before, after = FIRST_TURN.split("{problem}")

    def asked(candidate: Candidate, index: int) -> list[Part]:
        first = f"{before}{candidate.problem}{after}"
        return ["" if index else first, candidate.steps[index]]

    encode = turn_per_step(tokenizer, asked, "correct", good)
    return OpenedModel(encode, pair_readout(checkpoint, good, bad))


FOVER = Family(
    name="fover",
    summary='P("correct") against "incorrect" where the assistant answers each step.',
    open=open_fover,
)

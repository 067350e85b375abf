r"""PQM: Q-values at a marker after each step.

Windy0822/PQM ("Process Reward Model with Q-value Rankings", arXiv 2410.11287), on
deepseek-math-7b-base, has TRL's value head (`v_head.summary`) and one added special token, `[PRM]`,
at which a step's Q-value is read:

    Below is an instruction … ### Instruction:\n{problem}\n\n### Response: Let's think step by step
    Step 1: … [PRM]\nStep 2: … [PRM]

There is no BOS. The values are trained to be ranked; the probability is their sigmoid, which the
authors use as weights, and the value itself is given as "raw". Source:
WindyLee0822/Process_Q_Model, bon_eval_hf.py and value_model.py.

The repository contains nothing but weights, so a checkpoint is put together with the base's
configuration and tokenizer with `[PRM]` added, and given with `--family`; see docs/models.md.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from prm_core.families.base import Checkpoint, Evidence, Family, OpenedModel
from prm_core.families.prompt import READ, Part, assemble
from prm_core.text.labels import step_content
from prm_core.types import Candidate, Encoded

MARKER = "[PRM]"
PROMPT = (
    "Below is an instruction that describes a task.\nWrite a response that appropriately completes "
    "the request.\n\n### Instruction:\n{problem}\n\n### Response: Let's think step by step\n"
)
"""From the authors' evaluation, verbatim."""


def open_pqm(checkpoint: Checkpoint) -> OpenedModel:
    """Open a checkpoint.

    Raises:
        ModelLoadError: a tensor of the head is missing or misshapen, or `[PRM]` is not one token.
    """
    marker = checkpoint.token_id(MARKER)
    weight = checkpoint.tensor("v_head.summary.weight", (1, checkpoint.n_hidden))
    bias = checkpoint.tensor("v_head.summary.bias", (1,))
    before, after = PROMPT.split("{problem}")

    def encode(candidate: Candidate) -> Encoded:
        parts: list[Part] = [f"{before}{candidate.problem}{after}"]
        for number, step in enumerate(candidate.steps, start=1):
            line_end = "\n" if number > 1 else ""
            parts += [f"{line_end}Step {number}: {step_content(step)} ", marker, READ]
        return assemble(checkpoint.tokenizer, parts, marker=marker)

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        return functional.linear(hidden.float(), weight, bias).squeeze(1)

    return OpenedModel(encode, read, extras={"raw": read})


PQM = Family(
    name="pqm",
    summary="A linear unit at [PRM] after each step: a Q-value; sigmoid.",
    open=open_pqm,
)

"""Skywork-o1-Open-PRM: a value head read at the line end after each step.

Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B and -7B are stock Qwen2 backbones with TRL's value head
`v_head.summary` (1, H); sigmoid. They are published as pickles. config.json calls the class
`Qwen2ForPrmModel`, and the code that it names is not the one that loads them.

The prompt is not a conversation: the tokenizer's BOS, the problem and a line end, then line after
line, each followed by a line end. Every line is encoded on its own and the line end is appended by
id, so nothing merges with it. The authors read a score at each line end; a step of several lines
is read at its last. BOS is the tokenizer's (`<|im_start|>`), not the one that config.json names.
Source: SkyworkAI/skywork-o1-prm-inference, model_utils.

Scores are not calibrated around 0.5: ProcessBench's authors tune the threshold on GSM8K.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from prm_core.errors import ModelLoadError
from prm_core.families.base import Checkpoint, Evidence, Family, OpenedModel, class_named
from prm_core.families.prompt import CUT, READ, Part, assemble
from prm_core.types import Candidate, Encoded


def open_skywork(checkpoint: Checkpoint) -> OpenedModel:
    """Open a checkpoint.

    Raises:
        ModelLoadError: the value head is missing or misshapen, a line end is not one token, or the
            tokenizer has no BOS (stock Qwen tokenizers have none).
    """
    tokenizer = checkpoint.tokenizer
    line_end = checkpoint.token_id("\n")
    bos = tokenizer.bos_token_id
    if not isinstance(bos, int):
        raise ModelLoadError(
            f"{checkpoint.directory}: the tokenizer has no BOS, with which this family's "
            "prompts begin; use the tokenizer that was published with the model"
        )
    weight = checkpoint.tensor("v_head.summary.weight", (1, checkpoint.n_hidden))
    bias = checkpoint.tensor("v_head.summary.bias", (1,))

    def encode(candidate: Candidate) -> Encoded:
        parts: list[Part] = [bos, f"{candidate.problem}\n"]
        for step in candidate.steps:
            for line in step.split("\n"):
                parts += [CUT, line, line_end]
            parts.append(READ)
        return assemble(tokenizer, parts)

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        return functional.linear(hidden.float(), weight, bias).squeeze(1)

    return OpenedModel(encode, read)


SKYWORK = Family(
    name="skywork",
    summary="A value head at the line end after each step; sigmoid. Not calibrated around 0.5.",
    open=open_skywork,
    recognises=class_named("Qwen2ForPrmModel"),
)

"""The public models that are known by name: how each is read, and what is published about it.

Sizes, licences and contexts are those of the models' pages; F1 is the average over ProcessBench's
four parts, in percent, as its paper (arXiv 2412.06559), "The Lessons of Developing Process Reward
Models in Mathematical Reasoning" (arXiv 2501.07301) or the model's own page reports it. None means
that no source does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from prm_core.types import ModelRequest


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A public checkpoint.

    Attributes:
        family: the name of its family in `prm_core.families.FAMILIES` (or see `server`).
        billions: parameters, in billions.
        licence: of the weights.
        context: tokens that its configuration allows.
        f1: ProcessBench F1, average of the four parts, in percent.
        threshold: below this probability its authors call a step wrong; None if they tune it on
            labelled steps; 0.5 is used then.
        separator: the text after each step, if the checkpoint does not give it.
        reference: the second model of families that compare two.
        base: the model that an adapter is merged into; None for a whole model.
        tokenizer: the model whose tokenizer is used if it has none of its own.
        golden: whether `assets/golden.json` has published numbers of it.
        server: whether it writes its verdicts, so that only a server runs it; its family is one of
            `prm_core.verifiers.VERIFIERS` then.
    """

    family: str
    billions: float
    licence: str | None = None
    context: int | None = None
    f1: float | None = None
    threshold: float | None = 0.5
    separator: str | None = None
    reference: str | None = None
    base: str | None = None
    tokenizer: str | None = None
    golden: bool = False
    server: bool = False

    @property
    def checked(self) -> str:
        """How it was checked: its prompt, on "tiny" weights, or by the `doctor` command."""
        if self.server:
            return "prompt"
        return "doctor" if self.golden else "tiny"

    @property
    def bf16_gb(self) -> float:
        """Memory of the weights in bfloat16, including a second model's, in 10^9 bytes."""
        return 2 * self.billions * (1 if self.reference is None else 2)


KNOWN_MODELS: dict[str, KnownModel] = {
    "Qwen/Qwen2.5-Math-PRM-7B": KnownModel("qwen_prm", 7.6, "Qwen", 4096, 73.5, golden=True),
    "Qwen/Qwen2.5-Math-PRM-72B": KnownModel("qwen_prm", 72.7, "Qwen", 4096, 78.3),
    "Qwen/Qwen2.5-Math-7B-PRM800K": KnownModel("qwen_prm", 7.6, "Qwen", 4096, 56.5),
    "Gen-Verse/ReasonFlux-PRM-7B": KnownModel("reasonflux", 7.6),
    "peiyi9979/math-shepherd-mistral-7b-prm": KnownModel(
        "math_shepherd", 7.2, f1=31.5, golden=True
    ),
    "OpenRLHF/Mistral-7b-PRM-Math-Shepherd": KnownModel("math_shepherd", 7.2),
    "HanningZhang/Llama3.1-Math-PRM": KnownModel("er_prm", 8.0),
    "UKPLab/Llama-3-8b-spare-prm-math": KnownModel("spare_prm", 8.0, golden=True),
    "RLHFlow/Llama3.1-8B-PRM-Mistral-Data": KnownModel("rlhflow", 8.0, f1=28.4),
    "RLHFlow/Llama3.1-8B-PRM-Deepseek-Data": KnownModel("rlhflow", 8.0, f1=26.6),
    "ibm-granite/granite-3.3-8b-math-prm-v2": KnownModel(
        "granite", 8.2, "Apache-2.0", 131072, golden=True
    ),
    "ibm-granite/granite-3.3-8b-lora-math-prm": KnownModel(
        "granite",
        8.2,
        "Apache-2.0",
        131072,
        base="ibm-granite/granite-3.3-8b-instruct",
        golden=True,
    ),
    "ryokamoi/Llama-3.1-8B-FoVer-PRM-2026": KnownModel("fover", 8.0, "Llama 3.1"),
    "ryokamoi/Qwen-2.5-7B-FoVer-PRM-2026": KnownModel("fover", 7.6, "Apache-2.0", golden=True),
    "ryokamoi/Llama-3.1-8B-FoVer-PRM": KnownModel("fover", 8.0),
    "ryokamoi/Qwen-2.5-7B-FoVer-PRM": KnownModel("fover", 7.6, golden=True),
    "Skywork/Skywork-o1-Open-PRM-Qwen-2.5-1.5B": KnownModel(
        "skywork", 1.5, "Skywork Community", 4096, 36.4, threshold=None
    ),
    "Skywork/Skywork-o1-Open-PRM-Qwen-2.5-7B": KnownModel(
        "skywork", 7.6, "Skywork Community", f1=42.1, threshold=None
    ),
    "trl-lib/Qwen2-0.5B-Reward-Math-Sheperd": KnownModel("trl", 0.5, separator="\n"),
    "HuggingFaceH4/Qwen2.5-Math-1.5B-Instruct-PRM-0.2": KnownModel("trl", 1.5, separator="\n\n"),
    "HuggingFaceH4/Qwen2.5-Math-7B-Instruct-PRM-0.2": KnownModel("trl", 7.1, separator="\n\n"),
    "jinachris/PURE-PRM-7B": KnownModel("pure", 7.1, "Apache-2.0", f1=57.5, separator="\n"),
    "GAIR/ReasonEval-7B": KnownModel(
        "reason_eval", 7.1, "Apache-2.0 or Llama 2", 32768, golden=True
    ),
    "GAIR/ReasonEval-34B": KnownModel(
        "reason_eval", 33.5, "Apache-2.0 or Llama 2", 4096, golden=True
    ),
    "UW-Madison-Lee-Lab/VersaPRM": KnownModel("versa_prm", 8.0),
    "dongboklee/dPRM-8B": KnownModel(
        "versa_prm", 8.0, base="deepseek-ai/DeepSeek-R1-Distill-Llama-8B"
    ),
    "dongboklee/dPRM-14B": KnownModel(
        "versa_prm", 14.8, base="deepseek-ai/DeepSeek-R1-Distill-Qwen-14B"
    ),
    "openreasoner/Math-psa": KnownModel(
        "math_psa", 7.6, context=4096, base="Qwen/Qwen2.5-Math-7B-Instruct"
    ),
    "sail/ActPRM": KnownModel("act_prm", 7.1, f1=75.0, golden=True),
    "sail/ActPRM-X": KnownModel("act_prm", 7.1, f1=76.0),
    "ScalableMath/llemma-7b-prm-prm800k-level-1to3-hf": KnownModel(
        "llemma_prm", 6.7, tokenizer="EleutherAI/llemma_7b"
    ),
    "ScalableMath/llemma-7b-prm-metamath-level-1to3-hf": KnownModel(
        "llemma_prm", 6.7, tokenizer="EleutherAI/llemma_7b"
    ),
    "declare-lab/PathFinder-PRM-7B": KnownModel("pathfinder", 7.6, "MIT", f1=69.5),
    "PRIME-RL/EurusPRM-Stage1": KnownModel(
        "implicit",
        7.6,
        "Apache-2.0",
        f1=31.2,
        threshold=None,
        reference="Qwen/Qwen2.5-Math-7B-Instruct",
    ),
    "PRIME-RL/EurusPRM-Stage2": KnownModel(
        "implicit",
        7.6,
        "Apache-2.0",
        f1=31.3,
        threshold=None,
        reference="Qwen/Qwen2.5-Math-7B-Instruct",
    ),
    "Qwen/Qwen2.5-Math-RM-72B": KnownModel("qwen_rm", 72.7, "Qwen", 4096, 38.9, threshold=None),
    "nvidia/AceMath-7B-RM": KnownModel("acemath_rm", 7.1, "CC-BY-NC-4.0", threshold=None),
    "nvidia/AceMath-72B-RM": KnownModel("acemath_rm", 71.5, "CC-BY-NC-4.0", threshold=None),
    "Skywork/Skywork-Reward-V2-Llama-3.1-8B": KnownModel(
        "outcome", 7.5, "Llama 3.1", threshold=None, golden=True
    ),
    "Skywork/Skywork-Reward-V2-Llama-3.1-8B-40M": KnownModel("outcome", 7.5, threshold=None),
    "Skywork/Skywork-Reward-V2-Llama-3.2-1B": KnownModel("outcome", 1.2, threshold=None),
    "Skywork/Skywork-Reward-V2-Llama-3.2-3B": KnownModel("outcome", 3.2, threshold=None),
    "Skywork/Skywork-Reward-V2-Qwen3-0.6B": KnownModel(
        "outcome", 0.6, "Apache-2.0", threshold=None
    ),
    "Skywork/Skywork-Reward-V2-Qwen3-1.7B": KnownModel(
        "outcome", 1.7, "Apache-2.0", threshold=None
    ),
    "Skywork/Skywork-Reward-V2-Qwen3-4B": KnownModel("outcome", 4.0, "Apache-2.0", threshold=None),
    "Skywork/Skywork-Reward-V2-Qwen3-8B": KnownModel("outcome", 7.6, "Apache-2.0", threshold=None),
    "launch/ThinkPRM-1.5B": KnownModel("think_prm", 1.8, "Apache-2.0", server=True),
    "launch/ThinkPRM-7B": KnownModel("think_prm", 7.6, "Apache-2.0", server=True),
    "launch/ThinkPRM-14B": KnownModel("think_prm", 14.8, "Apache-2.0", server=True),
    "GenPRM/GenPRM-1.5B": KnownModel("gen_prm", 1.8, "MIT", f1=57.3, server=True),
    "GenPRM/GenPRM-7B": KnownModel("gen_prm", 7.6, "MIT", f1=75.2, server=True),
    "GenPRM/GenPRM-32B": KnownModel("gen_prm", 32.8, f1=77.6, server=True),
}
"""By repository, in display order; names are exact, and nothing is guessed from part of one."""

_OWN_CODE = "its head and the range of its numbers are known from the repository's own code only"
_NO_HEAD = (
    "its reward is the first score of a text generator, and whether its generation settings change "
    "that score could not be checked"
)

NOT_READ: dict[str, str] = {
    "infly/Universal-PRM-7B": (
        "its head is known from the repository's own code only; it gives one number per prefix, "
        "and expects a reference answer in the prompt"
    ),
    "Babelscape/Llama-3.1-8B-PRM800k-r": _OWN_CODE,
    "Babelscape/Llama-3.1-8B-PDDL-r": _OWN_CODE,
    "Gen-Verse/ReasonFlux-PRM-1.5B": (
        "one number for a whole text, from a head in a file of its own (reward_head.pt)"
    ),
    "kevinpro/R-PRM-7B-DPO": "writes five analyses of every step, and is read at a phrase in them",
    "Windy0822/PQM": (
        "the repository holds weights without config.json and tokenizer; docs/models.md says how "
        "to put them together for --family pqm"
    ),
    "nvidia/Llama-3.1-Nemotron-70B-Reward-HF": _NO_HEAD,
    "nvidia/Llama-3.3-Nemotron-70B-Reward": _NO_HEAD,
    "nvidia/Llama-3.3-Nemotron-70B-Reward-Multilingual": _NO_HEAD,
    "nvidia/Qwen-3-Nemotron-32B-Reward": (
        "it was trained with an instruction not to think, whose exact form could not be checked"
    ),
}
"""Public models that are refused by name, and why."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A request with what is known about the model's name.

    Attributes:
        request: as asked, with family, separator and reference filled in if they were left open.
        base: the model that an adapter is merged into; None if only its own files say it.
        tokenizer: the model whose tokenizer is used if it has none of its own.
        not_read: why a public model cannot be read here; empty for all others.
    """

    request: ModelRequest
    base: str | None = None
    tokenizer: str | None = None
    not_read: str = ""


def identify(request: ModelRequest) -> Identified:
    """Look a model up by its exact name; what the request itself says is kept.

    A known reference belongs to the known family.
    """
    known = KNOWN_MODELS.get(request.model or "")
    if known is None:
        unread = NOT_READ.get(request.model or "", "") if request.family is None else ""
        return Identified(request, not_read=unread)
    is_own = request.family in (None, known.family)
    completed = replace(
        request,
        family=known.family if request.family is None else request.family,
        separator=known.separator if request.separator is None else request.separator,
        reference=known.reference if request.reference is None and is_own else request.reference,
    )
    return Identified(completed, known.base, known.tokenizer)

"""The known families, in one table."""

from __future__ import annotations

from prm_core.errors import BadOptionError, UnknownModelError
from prm_core.families.act_prm import ACT_PRM, ACT_PRM_CARD
from prm_core.families.base import (
    Checkpoint,
    Evidence,
    Family,
    OpenedInRounds,
    OpenedModel,
    Reading,
    Readout,
)
from prm_core.families.fover import FOVER
from prm_core.families.granite import GRANITE
from prm_core.families.implicit import IMPLICIT, IMPLICIT_EXACT, IMPLICIT_PROCESSBENCH
from prm_core.families.llemma_prm import LLEMMA_PRM
from prm_core.families.math_shepherd import ER_PRM, MATH_SHEPHERD
from prm_core.families.outcome import ACEMATH_RM, OUTCOME, QWEN_RM
from prm_core.families.pathfinder import PATHFINDER, PATHFINDER_CARD
from prm_core.families.pqm import PQM
from prm_core.families.qwen_prm import QWEN_PRM, REASONFLUX
from prm_core.families.reason_eval import REASON_EVAL, REASON_EVAL_END
from prm_core.families.rlhflow import RLHFLOW
from prm_core.families.skywork import SKYWORK
from prm_core.families.spare_prm import SPARE_PRM
from prm_core.families.token_classification import PURE, TRL
from prm_core.families.value_head import FAMILY_FILE, VALUE_HEAD
from prm_core.families.versa_prm import MATH_PSA, VERSA_PRM
from prm_core.models.weight_files import ModelFolder, read_json

__all__ = [
    "FAMILIES",
    "Checkpoint",
    "Evidence",
    "Family",
    "OpenedInRounds",
    "OpenedModel",
    "Reading",
    "Readout",
    "family_for",
    "refuse_unused",
]

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        VALUE_HEAD,
        QWEN_PRM,
        REASONFLUX,
        MATH_SHEPHERD,
        ER_PRM,
        SPARE_PRM,
        RLHFLOW,
        GRANITE,
        FOVER,
        SKYWORK,
        PQM,
        TRL,
        PURE,
        REASON_EVAL,
        REASON_EVAL_END,
        VERSA_PRM,
        MATH_PSA,
        ACT_PRM,
        ACT_PRM_CARD,
        LLEMMA_PRM,
        PATHFINDER,
        PATHFINDER_CARD,
        IMPLICIT,
        IMPLICIT_PROCESSBENCH,
        IMPLICIT_EXACT,
        OUTCOME,
        ACEMATH_RM,
        QWEN_RM,
    )
}


def family_for(folder: ModelFolder, name: str | None = None) -> Family:
    """The family of a checkpoint.

    It is the named one, else the one that the checkpoint's family file names, else the one family
    that recognises its config.json and its tensors. Nothing is guessed.

    Raises:
        UnknownModelError: the name is not in the table, or the family cannot be detected.
        ModelLoadError: the family file or another one cannot be read.
    """
    known = ", ".join(FAMILIES)
    if name is not None:
        if name not in FAMILIES:
            raise UnknownModelError(f"family {name!r} is not known; choose from {known}")
        return FAMILIES[name]
    path = folder.path / FAMILY_FILE
    if path.is_file():
        written = read_json(path).get("family")
        if not isinstance(written, str) or written not in FAMILIES:
            raise UnknownModelError(f"{path}: 'family' is {written!r}; this version knows {known}")
        return FAMILIES[written]
    config = dict(folder.config)
    named = config.get("architectures")
    config["architectures"] = [str(one) for one in named] if isinstance(named, list) else []
    tensors = folder.tensor_names
    found = [family for family in FAMILIES.values() if family.recognises(config, tensors)]
    if len(found) == 1:
        return found[0]
    kind = ", ".join(config["architectures"]) or "no architecture"
    raise UnknownModelError(
        f"{folder} has no {FAMILY_FILE}, and its config.json ({kind}) and tensors do not show "
        f"how it is prompted and read; if it is a process reward model, name its family "
        f"(--family): {known}"
    )


def refuse_unused(family: Family, **named: object) -> None:
    """
    Args:
        family: how the model is read.
        named: what the user gave in addition to the model, or None: "separator", "reference".

    Raises:
        BadOptionError: the family would not use it, so the user expects a different prompt or
            reading.
    """
    for name, value in named.items():
        if value is not None and name not in family.takes:
            users = ", ".join(one.name for one in FAMILIES.values() if name in one.takes)
            raise BadOptionError(
                f"{name} {str(value)!r} would not be used: the model belongs to the family "
                f"{family.name}; only {users} can be given one"
            )

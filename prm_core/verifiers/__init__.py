"""Generative verifiers, in one table: models that only a server runs."""

from __future__ import annotations

from prm_core.catalog import identify
from prm_core.errors import BadOptionError
from prm_core.types import ModelRequest
from prm_core.verifiers.base import Message, VerifierRecipe
from prm_core.verifiers.critic import CRITIC
from prm_core.verifiers.gen_prm import GEN_PRM, GEN_PRM_DIRECT
from prm_core.verifiers.scorer import VerifierScorer, open_verifier
from prm_core.verifiers.think_prm import THINK_PRM

__all__ = [
    "VERIFIERS",
    "Message",
    "VerifierRecipe",
    "VerifierScorer",
    "open_verifier",
    "recipe_of",
    "refuse_to_load",
]

VERIFIERS: dict[str, VerifierRecipe] = {
    form.name: form for form in (THINK_PRM, GEN_PRM, GEN_PRM_DIRECT, CRITIC)
}


def recipe_of(model: str | None, family: str | None) -> VerifierRecipe | None:
    """The named verifier, or the one known for the model; None for other models."""
    return VERIFIERS.get(identify(ModelRequest(model, family)).request.family or "")


def refuse_to_load(model: str | None, family: str | None) -> None:
    """
    Raises:
        BadOptionError: the model is a generative verifier, so it cannot be loaded.
    """
    form = recipe_of(model, family)
    if form is not None:
        raise BadOptionError(
            f"{model or 'the model'} belongs to family {form.name}, which writes its verdicts and "
            "needs a server that runs it: --server URL, or prm_core.verifiers.open_verifier"
        )

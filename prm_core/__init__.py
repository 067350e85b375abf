"""PRM Inspector: step probabilities from Process Reward Models.

    >>> from prm_core import aggregate
    >>> aggregate([0.9, 0.8, 0.95], "min")
    0.8

What needs torch, Plotly, the splitter or the answer checker is imported when its name is first
used, so that `import prm_core` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from prm_core.errors import (
    BadOptionError,
    DataError,
    InputError,
    ModelError,
    ModelLoadError,
    NoStepsError,
    NoVerdictError,
    PRMError,
    TooLongError,
    UnknownModelError,
    UnreadableError,
)
from prm_core.ranking.aggregate import aggregate
from prm_core.ranking.rank import rank
from prm_core.types import (
    Candidate,
    Example,
    ModelRequest,
    RankedCandidate,
    ScoredCandidate,
    StepPosition,
    StepScorer,
)

if TYPE_CHECKING:
    from prm_core.answers.final import final_answer, same_answer
    from prm_core.evaluation.choices import compare_choices
    from prm_core.evaluation.session_report import session_html
    from prm_core.figures.step_bars import step_bars
    from prm_core.formats.results import to_frame
    from prm_core.rewards.forms import step_rewards, token_rewards
    from prm_core.rewards.trainer import PRMReward
    from prm_core.scoring.load import load_scorer
    from prm_core.scoring.local import Scorer, step_positions
    from prm_core.scoring.open import open_scorer
    from prm_core.session.open import open_session
    from prm_core.session.record import Session
    from prm_core.text.steps import split_steps
    from prm_core.training.api import add_value_head, step_loss, train
    from prm_core.training.loss import Loss
    from prm_core.training.options import TrainingProgress
    from prm_core.verify import Verdict, Verifier

__version__ = "0.1.0"

__all__ = [
    "BadOptionError",
    "Candidate",
    "DataError",
    "Example",
    "InputError",
    "Loss",
    "ModelError",
    "ModelLoadError",
    "ModelRequest",
    "NoStepsError",
    "NoVerdictError",
    "PRMError",
    "PRMReward",
    "RankedCandidate",
    "ScoredCandidate",
    "Scorer",
    "Session",
    "StepPosition",
    "StepScorer",
    "TooLongError",
    "TrainingProgress",
    "UnknownModelError",
    "UnreadableError",
    "Verdict",
    "Verifier",
    "__version__",
    "add_value_head",
    "aggregate",
    "compare_choices",
    "final_answer",
    "load_scorer",
    "open_scorer",
    "open_session",
    "rank",
    "same_answer",
    "session_html",
    "split_steps",
    "step_bars",
    "step_loss",
    "step_positions",
    "step_rewards",
    "to_frame",
    "token_rewards",
    "train",
]

_LATER = {
    "Loss": "prm_core.training.loss",
    "PRMReward": "prm_core.rewards.trainer",
    "Scorer": "prm_core.scoring.local",
    "Session": "prm_core.session.record",
    "TrainingProgress": "prm_core.training.options",
    "Verdict": "prm_core.verify",
    "Verifier": "prm_core.verify",
    "add_value_head": "prm_core.training.api",
    "compare_choices": "prm_core.evaluation.choices",
    "final_answer": "prm_core.answers.final",
    "load_scorer": "prm_core.scoring.load",
    "open_scorer": "prm_core.scoring.open",
    "open_session": "prm_core.session.open",
    "same_answer": "prm_core.answers.final",
    "session_html": "prm_core.evaluation.session_report",
    "split_steps": "prm_core.text.steps",
    "step_bars": "prm_core.figures.step_bars",
    "step_loss": "prm_core.training.api",
    "step_positions": "prm_core.scoring.local",
    "step_rewards": "prm_core.rewards.forms",
    "to_frame": "prm_core.formats.results",
    "token_rewards": "prm_core.rewards.forms",
    "train": "prm_core.training.api",
}


def __getattr__(name: str) -> Any:
    """A public name whose module is imported now that it is used (PEP 562)."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted(globals() | dict.fromkeys(_LATER))

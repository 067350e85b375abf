"""Training in a few lines of Python: a value head on a base model, and a run that ends in a scorer.

The same runs as `python -m prm_core train --backbone …`, without data files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from prm_core.errors import BadOptionError
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.training.data import Source
from prm_core.training.loss import Loss, collate_labels, totals_of
from prm_core.training.options import RunConfig, TrainingProgress, TuneConfig
from prm_core.training.tune import fine_tune, untrained
from prm_core.types import Example


def add_value_head(
    backbone: str | Path,
    output: str | Path,
    *,
    template: Mapping[str, Any] | None = None,
    revision: str | None = None,
    device: str = "auto",
) -> Scorer:
    """Put a new value head on a base model: a PRM that gives every step 0.5.

    The head is one linear unit on the hidden state at the end of each step, after dropout, and
    starts at zero. The default prompt is the textbook's: "Problem: …" on a line, then "Step 1: …"
    and so on, one per line.

    Args:
        backbone: directory or Hub name of a causal language model with safetensors weights.
        output: a new directory for the model, for `train` and `load_scorer`.
        template: the contents of prm.json: the prompt, and what the head sees beside the hidden
            state; see `prm_core.families.value_head`.
        revision: branch, tag or commit on the Hub.
        device: as for `load_scorer`.

    Raises:
        BadOptionError: `output` is not empty.
        ModelLoadError: the backbone cannot be loaded.
    """
    directory = Path(output)
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise BadOptionError(f"{directory} exists and is not empty; name a new directory")
    untrained(TuneConfig(str(backbone), revision=revision), template).save(directory)
    return load_scorer(directory, device=device)


def train(
    backbone: str | Path,
    examples: Sequence[Example],
    output: str | Path,
    *,
    validation: Sequence[Example] = (),
    template: Mapping[str, Any] | None = None,
    mode: str = "full",
    epochs: float = 1.0,
    batch_size: int = 8,
    learning_rate: float | None = None,
    pos_weight: float = 1.0,
    loss: Loss | None = None,
    seed: int = 0,
    device: str = "auto",
    resume: bool = False,
    on_progress: Callable[[TrainingProgress], None] | None = None,
) -> Scorer:
    """Train a PRM on labelled solutions, and load it.

    Examples with a single step, the whole solution, train an outcome model.

    Args:
        backbone: directory or Hub name of a causal language model, or of a value-head PRM, whose
            head and template are then kept.
        examples: what to learn from; `Example.from_labels` makes them.
        output: a new directory; the finished model and its card are written there.
        validation: measured after every epoch; should share no problem with the examples.
        template: as for `add_value_head`; by default the backbone's own if it has one.
        mode: "full" (all weights), "head" (the value head alone) or "lora" (adapters).
        epochs: how often the examples are seen.
        batch_size: solutions per optimizer step.
        learning_rate: peak rate; None for the mode's (1e-5, 1e-3, 2e-4).
        pos_weight: the weight of a right step.
        loss: the loss with all its variants; instead of `pos_weight`.
        seed: of the order and of dropout.
        device: "auto", "cpu", "cuda" or "mps".
        resume: continue from the last checkpoint in `output`.
        on_progress: called about twenty times in a run, `print` for instance; None for lines in the
            log only ("prm_core.training", level INFO).

    Raises:
        BadOptionError: an option has an invalid value, `output` contains something else, or there
            is nothing to train on.
        ModelLoadError: the backbone cannot be loaded.
        ModelError: the loss is no longer finite.
    """
    if loss is not None and pos_weight != 1.0:
        raise BadOptionError("pos_weight is part of the loss; give only one of the two")
    config = TuneConfig(
        str(backbone),
        mode=mode,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
    )
    n_steps = max(1, round(len(examples) * epochs / batch_size))
    run_config = RunConfig(
        Path(output),
        device=device,
        seed=seed,
        log_every=max(1, n_steps // 20),
        resume=resume,
        on_progress=on_progress,
    )
    fine_tune(
        config,
        [Source("examples", tuple(examples))],
        loss or Loss(pos_weight=pos_weight),
        run_config,
        validation=validation,
        prm=template,
    )
    return load_scorer(output, device=device)


def step_loss(
    log_odds: torch.Tensor, labels: Sequence[float | None], loss: Loss | None = None
) -> torch.Tensor:
    """The loss of one solution, as training computes it.

    >>> float(step_loss(torch.zeros(2), [1.0, 0.0])).__round__(4)  # ln 2: the head knows nothing
    0.6931

    Args:
        log_odds: [S]; the value head's output for each step.
        labels: [S]; P(step is right), None for a step without a label.
        loss: the variant; by default the plain cross-entropy.

    Returns:
        A scalar, the average over the labelled steps.
    """
    loss = loss or Loss()
    batch = collate_labels([tuple(labels)], loss)
    return loss(log_odds.float(), batch, None, totals_of(batch))["loss"]

"""Train a value-head PRM: on any causal backbone from labelled solutions, or from scratch.

api.py        `train` and `add_value_head`, for Python
tune.py       a backbone and labelled solutions: all weights, the head alone, or LoRA
scratch.py    the default model's recipe: own vocabulary, made problems, Muon
data.py       labelled files → rows, mixed by weight, and a validation part
rows.py       one row, and rows side by side as a batch
model.py      the module that learns; shares `encode` and the read-out with scoring
loss.py       cross-entropy per step and its variants
optimizer.py  Muon and AdamW as one
engine.py     transformers' Trainer with our averages, files and figures
saving.py     checkpoints to go on from, and the finished model
card.py       the model card
"""

from prm_core.training.api import add_value_head, step_loss, train
from prm_core.training.data import Source, read_source
from prm_core.training.engine import RunConfig
from prm_core.training.loss import Loss
from prm_core.training.scratch import ScratchConfig, train_from_scratch
from prm_core.training.tune import TuneConfig, fine_tune

__all__ = [
    "Loss",
    "RunConfig",
    "ScratchConfig",
    "Source",
    "TuneConfig",
    "add_value_head",
    "fine_tune",
    "read_source",
    "step_loss",
    "train",
    "train_from_scratch",
]

"""The options of a training run, and its reports; no torch, so that `--help` stays quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from prm_core.errors import BadOptionError, check_above_zero
from prm_core.types import DTYPE_NAMES

REPORTS = {"none": None, "tensorboard": "tensorboard", "wandb": "wandb"}
"""Where metrics can be sent, with the package that this needs."""

MODES: dict[str, tuple[float, str]] = {
    "full": (1e-5, "All weights were trained."),
    "head": (1e-3, "Only the value head was trained."),
    "lora": (2e-4, "Low-rank adapters were trained and merged into the weights."),
}
"""Which weights are trained, with the default learning rate."""

EVIDENCE = ("lm", "calculator", "operations", "solver")
"""What a head may see beside the hidden state: the language model's probabilities of digits and
signs, a calculator's findings, how unusual an operation is for the problem's words, and which
values are in the backbone's own solutions of the problem."""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """The progress of a run; as text, one line.

    Attributes:
        step, n_steps: optimizer steps done, and in all.
        figures: since the last report: "loss", "step_loss", "step_accuracy", … or, after an epoch,
            "validation_loss", "validation_auroc", ….
        left_s: estimated seconds left, at the speed so far.
    """

    step: int
    n_steps: int
    figures: Mapping[str, float]
    left_s: float

    def __str__(self) -> str:
        figures = "".join(f", {n.replace('_', ' ')} {x:.4g}" for n, x in self.figures.items())
        return f"step {self.step} of {self.n_steps}{figures}, {self.left_s:.0f} s left"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """Settings of a training run, independent of what is trained.

    Attributes:
        output: directory of the checkpoints and of the finished model.
        device: "auto", "cpu", "cuda" or "mps".
        precision: "auto", "float32", "bfloat16" or "float16"; of the computation; the trained
            weights are float32.
        seed: of weights, data and order; the same seed gives the same run on the same machine.
        save_every: optimizer steps between two checkpoints; the last two are kept.
        log_every: optimizer steps between two lines of progress.
        resume: resume from the last checkpoint in `output`, if there is one.
        report_to: a key of `REPORTS`.
        push_to_hub: a repository's name to upload the finished model to; None for no upload.
        command: the command in the model card to repeat the run.
        on_progress: called with every progress line, in addition to the log.
    """

    output: Path
    device: str = "auto"
    precision: str = "auto"
    seed: int = 0
    save_every: int = 1000
    log_every: int = 100
    resume: bool = False
    report_to: str = "none"
    push_to_hub: str | None = None
    command: str = ""
    on_progress: Callable[[TrainingProgress], None] | None = None

    def __post_init__(self) -> None:
        check_above_zero(save_every=self.save_every, log_every=self.log_every)
        if not 0 <= self.seed < 2**32:
            raise BadOptionError(f"seed is {self.seed}; it must be at least 0 and below 2^32")
        if self.precision not in ("auto", *DTYPE_NAMES):
            raise BadOptionError(
                f"precision {self.precision!r} is not known; choose from auto, "
                f"{', '.join(DTYPE_NAMES)}"
            )
        if self.device.partition(":")[1]:
            raise BadOptionError(
                f"device is {self.device!r}; training chooses a GPU by the environment's "
                "CUDA_VISIBLE_DEVICES"
            )
        if self.report_to not in REPORTS:
            raise BadOptionError(
                f"report_to is {self.report_to!r}; choose from {', '.join(REPORTS)}"
            )
        for package, what in (("accelerate", "training"), (REPORTS[self.report_to], "report_to")):
            if package is not None and find_spec(package) is None:
                raise BadOptionError(
                    f"{what} needs the package {package}, which is not installed: "
                    f"pip install {package}"
                )


@dataclass(frozen=True, slots=True)
class TuneConfig:
    """What determines a training run on labelled solutions.

    Attributes:
        backbone: directory or Hub name of a causal language model with safetensors weights. One
            that was trained here keeps its template and its head.
        revision: branch, tag or commit on the Hub.
        first_layers: only so many layers of the backbone are kept; None for all.
        keep_tokens: only so many tokens of its vocabulary are kept, those that the training texts
            use most; None for all.
        one_spelling: its tokenizer gets a normaliser that writes every sign of arithmetic in one
            way and all letters small (`prm_core.training.spelling`).
        four_bit: train weights that are written in 4 bits (`prm_core.models.four_bit`), as they
            will be used.
        mode: a key of `MODES`.
        epochs: how often the data are seen.
        batch_size: rows per process and forward pass.
        accumulate: forward passes per optimizer step.
        learning_rate: peak rate; None for the mode's.
        dropout: share of the hidden state that the head does not see in training.
        max_tokens: longer rows are left out; None for the backbone's own limit.
        lora_rank, lora_alpha: size of the adapters, and their weight times that size.
        lora_from: the first layer that gets adapters; those before it stay as they are.
        head_learning_rate: peak rate of the head; None for the same as that of the rest.
        pack: read a problem once for all its solutions in a batch, which are then together.
        gradient_checkpointing: compute the layers twice instead of keeping their outputs.
        evidence: what the head sees beside the hidden state: keys of `EVIDENCE`, separated by
            commas; None for what the family file says. If this or the next is given, a new head
            is trained, unless kinds are only added behind those that the backbone's own sees:
            then what it makes of those stays as it is.
        head_units: size of a hidden layer on the evidence; None for what the family file says.
        more_units: units added to that layer of the backbone's own head, which goes on: what it has
            stays as it is, and the new ones learn.
        blind: share of the steps for which the head sees nothing of the language model
            (`ValueHead.blind`).
        threshold: probability below which the model calls a step wrong; None for what the family
            file says.
        without_backbone: write only the head and the adapters; the family file names the
            backbone, which is looked up when the model is loaded. Not for mode "full", which
            changes the backbone.
    """

    backbone: str
    revision: str | None = None
    first_layers: int | None = None
    keep_tokens: int | None = None
    one_spelling: bool = False
    four_bit: bool = False
    mode: str = "full"
    epochs: float = 1.0
    batch_size: int = 8
    accumulate: int = 1
    learning_rate: float | None = None
    dropout: float = 0.1
    max_tokens: int | None = None
    lora_rank: int = 16
    lora_alpha: int = 32
    lora_from: int = 0
    head_learning_rate: float | None = None
    pack: bool = False
    gradient_checkpointing: bool = False
    evidence: str | None = None
    head_units: int | None = None
    more_units: int = 0
    blind: float = 0.0
    threshold: float | None = None
    without_backbone: bool = False

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise BadOptionError(f"mode {self.mode!r} is not known; choose from {', '.join(MODES)}")
        if self.without_backbone and self.mode == "full":
            raise BadOptionError(
                "without_backbone writes only the head and adapters, and mode full changes all "
                "weights; choose mode head or lora"
            )
        for name in ("first_layers", "keep_tokens", "one_spelling"):
            if self.without_backbone and getattr(self, name):
                raise BadOptionError(
                    f"without_backbone names the backbone as it is, and {name} changes it; choose "
                    "one"
                )
        if self.four_bit and self.mode != "full":
            raise BadOptionError(
                f"four_bit is for weights that are trained, and mode {self.mode} leaves them as "
                "they are; choose mode full"
            )
        for name in ("lora_from", "more_units"):
            if getattr(self, name) < 0:
                raise BadOptionError(f"{name} is {getattr(self, name)}; it must be at least 0")
        if self.more_units and self.head_units is not None:
            raise BadOptionError(
                "more_units are for a head that goes on, and head_units for a new one; choose one"
            )
        for kind in () if self.evidence is None else self.evidence.split(","):
            if kind.strip() not in EVIDENCE:
                raise BadOptionError(
                    f"evidence {kind.strip()!r} is not known; choose from {', '.join(EVIDENCE)}, "
                    "or several with commas between"
                )
        for name in ("dropout", "blind"):
            if not 0 <= getattr(self, name) < 1:
                raise BadOptionError(
                    f"{name} is {getattr(self, name)}; it must be at least 0 and below 1"
                )
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise BadOptionError(f"threshold is {self.threshold}; it must be between 0 and 1")
        check_above_zero(
            epochs=self.epochs,
            batch_size=self.batch_size,
            accumulate=self.accumulate,
            learning_rate=self.learning_rate,
            head_learning_rate=self.head_learning_rate,
            first_layers=self.first_layers,
            keep_tokens=self.keep_tokens,
            max_tokens=self.max_tokens,
            lora_rank=self.lora_rank,
            lora_alpha=self.lora_alpha,
            head_units=self.head_units or None,  # 0 is a head without a hidden layer
        )


@dataclass(frozen=True, slots=True)
class ScratchConfig:
    """The shape of a model and the length of its training.

    Attributes:
        steps: optimizer steps.
        batch_tokens: tokens per batch, padding included.
        hidden_size, layers, heads, mlp_size: shape of the backbone.
        vocabulary: the most entries of the tokenizer.
        vocabulary_texts: solutions from which its words are learnt.
        muon_lr, adamw_lr: peak learning rates of the layers' matrices and of everything else.
    """

    steps: int = 26_000
    batch_tokens: int = 1024
    hidden_size: int = 160
    layers: int = 5
    heads: int = 5
    mlp_size: int = 432
    vocabulary: int = 1400
    vocabulary_texts: int = 20_000
    muon_lr: float = 4e-3
    adamw_lr: float = 2e-3

    def __post_init__(self) -> None:
        check_above_zero(**asdict(self))
        if self.hidden_size % (2 * self.heads):
            raise BadOptionError(
                f"hidden_size {self.hidden_size} cannot be split into {self.heads} heads "
                "of even size"
            )

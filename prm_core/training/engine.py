"""The training loop: transformers' Trainer on our module, with our loss and our files.

The Trainer provides epochs, gradient accumulation, mixed precision, several GPUs and machines,
checkpoints and resuming, TensorBoard and W&B, and the upload to the Hub. We define what a batch is,
how the loss is averaged (`prm_core.training.loss`), what a checkpoint contains (`saving`), and how
progress is reported.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, Sampler

from prm_core.errors import BadOptionError, ModelError
from prm_core.evaluation.metrics import auroc
from prm_core.formats.atomic import file_errors
from prm_core.models.backbone import without_kernels
from prm_core.models.device import choose_device
from prm_core.models.weight_files import read_json
from prm_core.training.card import Card
from prm_core.training.loss import totals_of
from prm_core.training.options import RunConfig, TrainingProgress
from prm_core.training.saving import Learner

with without_kernels():  # the Trainer imports peft, and that bitsandbytes
    from transformers import (
        PrinterCallback,
        Trainer,
        TrainerCallback,
        TrainerControl,
        TrainerState,
        TrainingArguments,
    )

_log = logging.getLogger("prm_core.training")

_RUN_FILE = "run.json"  # in a checkpoint: the run's arguments
_OF_A_RUN = ("checkpoint-", "runs", ".")  # left by a run that was stopped early
_LAST_WRITTEN = "trainer_state.json"  # a checkpoint without it was cut short


@dataclass(frozen=True, slots=True)
class Feed:
    """The data of a run.

    Attributes:
        rows: a dataset of rows, or an iterable one of whole batches (lists of rows).
        collate: rows → batch.
        batch_size: rows per process and forward pass; 1 for whole batches.
        accumulate: forward passes per optimizer step.
        epochs: how often the rows are seen; None if `steps` gives the length of the run.
        steps: optimizer steps; None if `epochs` gives the length.
        sampler: the rows' order; None for whole batches.
        validation: rows that are measured after every epoch and at the end.
        arguments: what determines the run; a checkpoint with different ones is not resumed.
    """

    rows: Dataset[Any] | Sequence[Any]
    collate: Callable[[Sequence[Any]], dict[str, Tensor]]
    batch_size: int = 1
    accumulate: int = 1
    epochs: float | None = None
    steps: int | None = None
    sampler: Sampler[int] | None = None
    validation: Sequence[Any] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """Optimizer and schedule.

    Attributes:
        learning_rate: peak rate of the Trainer's AdamW, with warm-up over 5 % of the steps and a
            linear decay; unused if `optimizer` is given.
        optimizer: makes another optimizer, once the model is on its device.
        schedule: optimizer step → factor of the peak rates, for that optimizer.
        cpu_precision: the meaning of "auto" on a CPU.
    """

    learning_rate: float = 1e-5
    optimizer: Callable[[], torch.optim.Optimizer] | None = None
    schedule: Callable[[int], float] | None = None
    cpu_precision: str = "float32"


class StepTrainer(Trainer):
    """The Trainer with our averages, files and metrics."""

    def __init__(
        self,
        learner: Learner,
        feed: Feed,
        recipe: Recipe,
        card: Card,
        args: TrainingArguments,
        on_progress: Callable[[TrainingProgress], None] | None = None,
    ) -> None:
        self._learner, self._feed, self._recipe, self._card = learner, feed, recipe, card
        self._seen: dict[str, Tensor] = {}
        super().__init__(
            model=learner.module,
            args=args,
            data_collator=self._collate,
            train_dataset=feed.rows,
            eval_dataset=feed.validation or None,
            callbacks=[_Progress(on_progress)],
        )
        self.remove_callback(PrinterCallback)  # it prints to stdout
        self._logged_at, self._logged_time = 0, time.monotonic()

    def _collate(self, rows: Sequence[Any]) -> dict[str, Tensor]:
        return self._feed.collate(rows if self._feed.sampler is not None else rows[0])

    # What the Trainer calls.

    def _get_train_sampler(self, train_dataset: Any = None) -> Sampler[int] | None:
        return self._feed.sampler

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The recipe's own optimizer, or the Trainer's."""
        if self.optimizer is None and self._recipe.optimizer is not None:
            self.optimizer = self._recipe.optimizer()
        return super().create_optimizer(model)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The recipe's own schedule, or the Trainer's."""
        if self.lr_scheduler is None and self._recipe.schedule is not None:
            own = optimizer or self.optimizer
            self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(own, self._recipe.schedule)  # type: ignore[arg-type]
        return super().create_scheduler(num_training_steps, optimizer)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], Any]:
        """The batches of one optimizer step, with the totals for its averages."""
        random_state = torch.get_rng_state()
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        torch.set_rng_state(random_state)  # randomness is the model's; a loader also draws once
        if not batches:
            return batches, None
        totals = torch.stack([totals_of(batch) for batch in batches]).sum(0).to(device)
        if self.args.world_size > 1:
            totals = self.accelerator.gather(totals[None]).sum(0)
        return batches, totals

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The Trainer's; also adds up what the progress line shows."""
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        known = inputs["labels"] >= 0
        right = (outputs["logits"] > 0) == (inputs["labels"] >= 0.5)
        seen = {n: v.detach() for n, v in outputs.items() if n.endswith("_loss")}
        seen |= {"n_right": (right & known).sum(), "n_steps": known.sum()}
        if "input_ids" in inputs:
            seen["n_tokens"] = torch.tensor(inputs["input_ids"].numel())
        for name, value in seen.items():
            self._seen[name] = self._seen[name] + value if name in self._seen else value
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """The Trainer's, with the parts of the loss and the accuracy since the last time.

        Raises:
            ModelError: the loss is not finite, so there is nothing to train or save any more.
        """
        if not math.isfinite(logs.get("loss", 0.0)):
            raise ModelError(
                f"the loss is {logs['loss']} at step {self.state.global_step}: training has "
                "diverged; use a lower learning rate, or float32 (--precision)"
            )
        if "loss" in logs and self._seen:
            n_updates = self.state.global_step - max(self._logged_at, self._initial_global_step)
            sums = torch.stack(
                [value.to(self.args.device).float() for value in self._seen.values()]
            )
            if self.args.world_size > 1:  # each process has only its part of the sums
                sums = self.accelerator.reduce(sums, "sum")
            seen = dict(zip(self._seen, sums.tolist(), strict=True))
            logs |= {n: v / n_updates for n, v in seen.items() if n.endswith("_loss")}
            logs["step_accuracy"] = seen["n_right"] / max(1, seen["n_steps"])
            now = time.monotonic()
            if "n_tokens" in seen:
                logs["tokens_per_s"] = seen["n_tokens"] / (now - self._logged_time)
            self._seen = {}
            self._logged_at, self._logged_time = self.state.global_step, now
        super().log(logs, start_time)

    @torch.no_grad()
    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "validation",
    ) -> dict[str, float]:
        """Measure the model on the validation rows.

        Every process measures all of them: with weights spread over processes, all must take part
        in every forward pass.
        """
        module = self.model
        assert module is not None
        module.eval()
        loss, weight = 0.0, 0.0
        log_odds: list[float] = []
        labels: list[float] = []
        rows = self._feed.validation
        for start in range(0, len(rows), self._feed.batch_size):
            batch = self._feed.collate(rows[start : start + self._feed.batch_size])
            outputs = module(**self._prepare_inputs(batch))
            n = float(batch["step_weights"].sum())
            loss, weight = loss + n * outputs["step_loss"].item(), weight + n
            known = batch["labels"] >= 0
            log_odds += outputs["logits"].cpu()[known].tolist()
            labels += batch["labels"][known].tolist()
        figures = {"loss": loss / max(weight, 1e-9), **_figures(log_odds, labels)}
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in figures.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    # What is written and read back.

    def _save(
        self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None
    ) -> None:
        if not self.args.should_save:
            return
        directory = Path(output_dir or str(self.args.output_dir))
        if directory == Path(str(self.args.output_dir)):
            self._learner.save(directory, state_dict)
            self._card.write(directory, self.last_figures())
            return
        self._learner.save_checkpoint(directory, state_dict)
        text = json.dumps(dict(self._feed.arguments), indent=2)
        (directory / _RUN_FILE).write_text(text + "\n", encoding="utf-8")

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: nn.Module | None = None
    ) -> None:
        if self.is_fsdp_enabled:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
        else:
            self._learner.load_checkpoint(Path(resume_from_checkpoint))

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """The Trainer's; called before the training.

        Raises:
            ModelError: the Hub cannot be reached, or refuses access.
        """
        with _told_of_the_hub(str(self.args.hub_model_id)):
            super().init_hf_repo(token, private)

    def push_to_hub(self, *arguments: Any, **options: Any) -> Any:
        """The Trainer's; it saves first.

        Raises:
            ModelError: as `init_hf_repo`; the model is saved anyway.
        """
        with _told_of_the_hub(f"what is whole in {self.args.output_dir}"):
            return super().push_to_hub(*arguments, **options)

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Do nothing: our card is written with the model."""

    def last_figures(self) -> dict[str, float]:
        """The last metrics in the run's log, of training and of validation."""
        figures: dict[str, float] = {}
        for entry in self.state.log_history:
            figures |= entry
        speed = ("train_runtime", "train_samples_per_second", "train_steps_per_second")
        return {
            name: value
            for name, value in figures.items()
            if name not in {*speed, "total_flos", "learning_rate", "grad_norm", "tokens_per_s"}
        }


@contextmanager
def _told_of_the_hub(what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # the library passes on whatever its connections raise
        words = " ".join(str(error).split())
        raise ModelError(
            f"{what} cannot be uploaded ({words}); check the network, the login (`hf auth login`) "
            "and the permission to write"
        ) from error


def _figures(log_odds: Sequence[float], labels: Sequence[float]) -> dict[str, float]:
    """Accuracies at 0.5 and AUROC; those that are undefined are left out."""
    right = [y >= 0.5 for y in labels]
    called = [value > 0 for value in log_odds]
    hits = [a == b for a, b in zip(right, called, strict=True)]
    of_right = [hit for hit, y in zip(hits, right, strict=True) if y]
    of_wrong = [hit for hit, y in zip(hits, right, strict=True) if not y]
    figures = {
        "step_accuracy": sum(hits) / len(hits) if hits else None,
        "right_steps_found": sum(of_right) / len(of_right) if of_right else None,
        "wrong_steps_found": sum(of_wrong) / len(of_wrong) if of_wrong else None,
        "auroc": auroc(log_odds, right),
    }
    return {name: value for name, value in figures.items() if value is not None}


class _Progress(TrainerCallback):
    """One line per log entry: the run's progress, its metrics, and the time left."""

    def __init__(self, on_progress: Callable[[TrainingProgress], None] | None) -> None:
        self._began, self._first = time.monotonic(), 0
        self._on_progress = on_progress

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        self._began, self._first = time.monotonic(), state.global_step

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        if state.global_step == state.max_steps:
            control.should_log = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **_: Any,
    ) -> None:
        if not state.is_world_process_zero or logs is None or "train_runtime" in logs:
            return
        done = state.global_step - self._first
        per_step = (time.monotonic() - self._began) / max(1, done)
        progress = TrainingProgress(
            state.global_step,
            state.max_steps,
            {n: x for n, x in logs.items() if n not in ("epoch", "grad_norm", "learning_rate")},
            per_step * (state.max_steps - state.global_step),
        )
        _log.info("%s", progress)
        if self._on_progress is not None:
            self._on_progress(progress)


def run(
    learner: Learner, feed: Feed, recipe: Recipe, config: RunConfig, card: Card
) -> dict[str, float]:
    """Train, and write the finished model.

    Args:
        learner: the model, on the CPU.
        feed: the data.
        recipe: optimizer and schedule.
        config: device, checkpoints and reports.
        card: is written beside the model.

    Returns:
        The last metrics, as in the model card.

    Raises:
        BadOptionError: the device or precision is not available, or the directory contains
            checkpoints.
        ModelLoadError: the checkpoint to resume from is damaged.
    """
    last = last_checkpoint(config, feed.arguments)
    if last is not None:
        _log.info("resuming from %s", last)
    args = _arguments(feed, recipe, config)
    random_state = torch.get_rng_state()
    trainer = StepTrainer(learner, feed, recipe, card, args, config.on_progress)
    torch.set_rng_state(random_state)  # continue with the generator's state after the first weights
    trainer.train(resume_from_checkpoint=last)
    if config.push_to_hub is None:
        trainer.save_model()
    else:
        trainer.push_to_hub()  # saves first
    return trainer.last_figures()


def last_checkpoint(config: RunConfig, arguments: Mapping[str, Any]) -> str | None:
    """The last complete checkpoint to resume from; None to start from scratch.

    Raises:
        BadOptionError: there is one but `resume` is off, or it belongs to another run; or the
            directory contains something else.
        DataError: the directory cannot be created.
    """
    with file_errors(config.output, "written"):
        config.output.mkdir(parents=True, exist_ok=True)
        entries = sorted(path.name for path in config.output.iterdir())
    found = sorted(
        (path for path in config.output.glob("checkpoint-*") if (path / _LAST_WRITTEN).is_file()),
        key=lambda path: int(path.name.rpartition("-")[2]),
    )
    if not found:
        for name in entries:
            if not name.startswith(_OF_A_RUN):
                raise BadOptionError(
                    f"{config.output} holds {name}, which may be needed; choose a new directory"
                )
        return None
    if not config.resume:
        raise BadOptionError(
            f"{config.output} holds checkpoints of a run; --resume continues it, a new "
            "directory starts again"
        )
    before = read_json(found[-1] / _RUN_FILE)
    now = json.loads(json.dumps(dict(arguments)))
    for name in before.keys() | now.keys():
        if before.get(name) != now.get(name):
            raise BadOptionError(
                f"{found[-1]} has {name} {before.get(name)!r}, not {now.get(name)!r}; "
                "resuming needs the same arguments"
            )
    return str(found[-1])


def _arguments(feed: Feed, recipe: Recipe, config: RunConfig) -> TrainingArguments:
    """The run as the Trainer's arguments.

    Raises:
        BadOptionError: the device is not available, or does not compute in the precision.
    """
    placement = choose_device(config.device)
    on_gpu = placement.device.type == "cuda"
    precision = config.precision
    if precision == "auto":
        best = "bfloat16" if placement.dtype == torch.bfloat16 else "float16"
        by_device = {"cuda": best, "cpu": recipe.cpu_precision}
        precision = by_device.get(placement.device.type, "float32")
    if precision == "float16" and not on_gpu:
        raise BadOptionError("float16 trains on CUDA devices only; choose bfloat16 or float32")
    args = TrainingArguments(
        output_dir=str(config.output),
        per_device_train_batch_size=feed.batch_size,
        gradient_accumulation_steps=feed.accumulate,
        num_train_epochs=feed.epochs or 1.0,
        max_steps=feed.steps or -1,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=0.05,  # below 1 it is a share
        max_grad_norm=1.0,
        bf16=precision == "bfloat16",
        fp16=precision == "float16",
        use_cpu=placement.device.type == "cpu",
        seed=config.seed,
        logging_steps=config.log_every,
        logging_nan_inf_filter=False,  # a loss that is not finite must be visible
        save_steps=config.save_every,
        save_total_limit=2,
        eval_strategy="epoch" if feed.validation else "no",
        report_to=[config.report_to],
        disable_tqdm=True,
        log_level="error",
        remove_unused_columns=False,
        dataloader_pin_memory=on_gpu,
        # Every process makes or reads its own batches; ours cannot be split and sent.
        accelerator_config={"dispatch_batches": False},
        ddp_find_unused_parameters=False,
        push_to_hub=config.push_to_hub is not None,
        hub_model_id=config.push_to_hub,
        hub_strategy="end",
    )
    # Several GPUs in one process would get parts of a batch, and ours cannot be split; use them
    # through `torchrun` or `accelerate launch`.
    args._n_gpu = min(1, args.n_gpu)
    return args

"""Train a value head on a causal backbone from labelled solutions: all of it, the head, or LoRA."""

from __future__ import annotations

import logging
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.pytorch_utils import Conv1D

from prm_core.errors import BadOptionError
from prm_core.families.value_head import (
    FAMILY_FILE,
    TEXTBOOK,
    VERSIONS,
    borrowed_backbone,
    read_head,
    read_template,
    widened,
)
from prm_core.models.adapters import copy_adapter, has_adapter, merge_adapter, save_adapter
from prm_core.models.backbone import (
    find_model,
    load_backbone,
    load_config,
    load_tokenizer,
    quiet_transformers,
)
from prm_core.models.device import Placement, choose_device
from prm_core.models.weight_files import ModelFolder, read_json
from prm_core.scoring.packed_forward import can_pack
from prm_core.scoring.solver import Solver
from prm_core.training.card import Card
from prm_core.training.data import MixSampler, Source, encode_examples
from prm_core.training.engine import Feed, Recipe, last_checkpoint, run
from prm_core.training.loss import Loss
from prm_core.training.model import HeadOnly, Verifier, cache, collate_cached
from prm_core.training.options import MODES, RunConfig, TuneConfig
from prm_core.training.rows import TrainingRow, collate
from prm_core.training.saving import Learner
from prm_core.training.shrink import keep_layers, keep_words, train_rounded
from prm_core.training.solutions import solve_once
from prm_core.training.spelling import spell_as_a_line
from prm_core.types import Example

_log = logging.getLogger("prm_core.training")

READ_FOLDER = ".read"
"""In the output, until the run is over: a frozen backbone's hidden states of the rows."""

_LONGEST_SIGN = 4  # characters of a sign in a vocabulary, including its space and its bytes
_N_NAMED = 10  # as many left-out rows are named on stderr; all are in training.json


def fine_tune(
    config: TuneConfig,
    sources: Sequence[Source],
    loss: Loss,
    run_config: RunConfig,
    *,
    validation: Sequence[Example] = (),
    prm: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Train on labelled solutions and write a checkpoint that `load_scorer` reads.

    Args:
        config: what determines the training.
        sources: the training data.
        loss: the variants of the loss.
        run_config: seed, device, checkpoints.
        validation: measured after every epoch; should share no problem with the sources.
        prm: the family file; by default the backbone's own, or `TEXTBOOK`.

    Returns:
        The last figures of the run.

    Raises:
        BadOptionError: an option cannot be used, or nothing is left to train on.
        ModelLoadError: the backbone cannot be loaded.
        DataError: a row cannot be encoded.
    """
    if config.mode == "head" and loss.lm_weight:
        raise BadOptionError("the language-model term trains the backbone; mode head leaves it")
    torch.manual_seed(run_config.seed)
    texts = (
        text
        for source in sources
        for one in source.examples
        for text in (one.candidate.problem, *one.candidate.steps)
    )
    learner, verifier, placement = _learner(config, loss, run_config, prm, texts)
    template = read_template(learner.prm, learner.tokenizer)
    context = int(learner.model.config.max_position_embeddings)
    limit = min(config.max_tokens or context, context)
    kept_in = run_config.output / READ_FOLDER
    held_out = Source("validation", tuple(validation))
    solutions: dict[str, tuple[str, ...]] = {}
    if template.solver:
        if config.mode != "head":
            raise BadOptionError(
                f"evidence solver is for a backbone that stays as it is, and mode {config.mode} "
                "changes it; choose mode head"
            )
        nn.Module.to(verifier, placement.device)
        solver = Solver(
            cast(PreTrainedModel, verifier.model.base_model), learner.tokenizer, verifier.lm_head
        )
        problems = (e.candidate.problem for s in (*sources, held_out) for e in s.examples)
        solutions = solve_once(solver, problems, kept_in)
    found = [encode_examples(learner.tokenizer, template, s, limit, solutions) for s in sources]
    held = encode_examples(learner.tokenizer, template, held_out, limit, solutions)
    left_out = {
        f"more than {limit:,} tokens": [n for e in (*found, held) for n in e.too_long],
        "no step has a label": [n for e in (*found, held) for n in e.unlabelled],
    }
    _tell(left_out)
    kept = [(s, e.rows) for s, e in zip(sources, found, strict=True) if e.rows]
    if not kept:
        raise BadOptionError("no row is left to train on")
    rows = [row for _, some in kept for row in some]
    if config.pack:
        _refuse_to_pack(
            learner.model.config, max(len(row.input_ids) for row in [*rows, *held.rows])
        )
    pad = learner.tokenizer.pad_token_id or 0

    examples: list[Any] = [*rows]
    measured: list[Any] = [*held.rows]
    gather: Callable[[Sequence[Any]], dict[str, torch.Tensor]]
    n_processes = int(os.environ.get("WORLD_SIZE", "1"))
    arguments = {
        **asdict(config),
        **asdict(loss),
        "seed": run_config.seed,
        "precision": run_config.precision,
        "processes": n_processes,
        "data": {s.name: [s.weight, len(some)] for s, some in kept},
        "validation": len(held.rows),
    }
    if config.mode == "head":
        last_checkpoint(run_config, arguments)  # raises before the slow reading
        nn.Module.to(verifier, placement.device)
        _log.info("computing the hidden states of %s rows once", f"{len(rows) + len(measured):,}")
        cached = cache(
            verifier,
            [*rows, *held.rows],
            pad,
            config.batch_size,
            kept_in,
            pack=config.pack,
        )
        examples, measured = [*cached[: len(rows)]], [*cached[len(rows) :]]
        nn.Module.to(verifier, "cpu")

        def gather(rows: Sequence[Any]) -> dict[str, torch.Tensor]:
            return collate_cached(rows, loss)
    else:

        def gather(rows: Sequence[Any]) -> dict[str, torch.Tensor]:
            return collate(rows, pad, loss, pack=config.pack)

    figures = run(
        learner,
        Feed(
            examples,
            gather,
            batch_size=config.batch_size,
            accumulate=config.accumulate,
            epochs=config.epochs,
            sampler=MixSampler(
                [len(some) for _, some in kept],
                [source.weight for source, _ in kept],
                [len(row.input_ids) for row in rows],
                config.batch_size * config.accumulate * n_processes,
                run_config.seed,
                [row.problem for row in rows] if config.pack else None,
            ),
            validation=measured,
            arguments=arguments,
        ),
        _recipe(config, learner),
        run_config,
        Card(
            config.backbone,
            MODES[config.mode][1],
            [(f"`{s.name}`", _content(some, s.weight)) for s, some in kept]
            + ([("validation", _content(held.rows, 1.0))] if held.rows else []),
            learner.prm,
            arguments,
            run_config.command,
            left_out,
        ),
    )
    shutil.rmtree(kept_in, ignore_errors=True)
    return figures


def _refuse_to_pack(settings: PreTrainedConfig, longest: int) -> None:
    """Refuse backbones for which a pack's mask would not be all that they look back to."""
    if not can_pack(settings):
        raise BadOptionError(
            "pack is for the architectures that scoring packs, and the backbone is a "
            f"{settings.model_type!r}; leave the option out"
        )
    window = getattr(settings, "sliding_window", None)
    if window is not None and longest > window:
        raise BadOptionError(
            f"pack reads rows up to the backbone's window of {window:,} tokens, and one has "
            f"{longest:,}; leave the option out, or choose --max-tokens {window}"
        )


def _recipe(config: TuneConfig, learner: Learner) -> Recipe:
    """The rates of the head and of the rest."""
    rate = config.learning_rate or MODES[config.mode][0]
    of_head = config.head_learning_rate

    def optimizer() -> torch.optim.Optimizer:
        head = set(learner.head.parameters())
        rest = [p for p in learner.module.parameters() if p.requires_grad and p not in head]
        groups: list[dict[str, Any]] = [{"params": [*head], "lr": of_head}]
        if rest:
            groups.append({"params": rest, "lr": rate})
        return torch.optim.AdamW(groups, weight_decay=0.0)

    return Recipe(rate, optimizer=None if of_head is None else optimizer)


def untrained(config: TuneConfig, prm: Mapping[str, Any] | None = None) -> Learner:
    """The backbone with a new head, before any training.

    Args:
        config: names the backbone.
        prm: the family file; by default `TEXTBOOK`.

    Raises:
        ModelLoadError: the backbone cannot be loaded.
    """
    run_config = RunConfig(Path(), device="cpu")
    return _learner(config, Loss(), run_config, prm or TEXTBOOK)[0]


def _learner(
    config: TuneConfig,
    loss: Loss,
    run_config: RunConfig,
    prm: Mapping[str, Any] | None,
    texts: Iterable[str] = (),
) -> tuple[Learner, Verifier, Placement]:
    """The backbone with its head, and which of its weights are trained."""
    own = find_model(config.backbone, config.revision)
    borrowed = borrowed_backbone(own)
    directory = own if borrowed is None else find_model(borrowed.name)
    # A frozen backbone needs no autocast: it is in the dtype that it computes in.
    dtype = run_config.precision if config.mode == "head" else "auto"
    placement = choose_device(run_config.device, dtype)
    # Trained weights are kept in float32, whatever the computation's dtype.
    if config.mode == "full":
        placement = replace(placement, dtype=torch.float32)
    folder = ModelFolder(directory)
    with quiet_transformers():
        settings = load_config(folder)
        stored = _dtype_of(settings)
        tokenizer = load_tokenizer(directory)
        model = load_backbone(
            folder,
            settings,
            replace(placement, device=torch.device("cpu")),
            AutoModelForCausalLM,
        )
        adapter = own if borrowed is not None and has_adapter(own) else None
        if adapter is not None:
            merge_adapter(cast(PreTrainedModel, model.base_model), adapter)
    if config.first_layers is not None:
        keep_layers(model, config.first_layers)
    if config.one_spelling:
        spell_as_a_line(tokenizer)
    if config.keep_tokens is not None:
        tokenizer = keep_words(model, tokenizer, texts, config.keep_tokens)
    prm_is_own = prm is None and (own / FAMILY_FILE).is_file()
    prm = {**TEXTBOOK, **(read_json(own / FAMILY_FILE) if prm_is_own else prm or {})}
    prm = _with_options(prm, tokenizer, config)
    prm["backbone"] = None
    if config.without_backbone:
        name = config.backbone if borrowed is None else borrowed.name
        prm["backbone"] = {"name": name, "dtype": str(placement.dtype).removeprefix("torch.")}
    template = read_template(prm, tokenizer)
    head = template.head(int(settings.hidden_size))
    goes_on = False
    if prm_is_own and config.head_units is None:
        narrow = read_template(read_json(own / FAMILY_FILE), tokenizer)
        has_more = template.said != narrow.said
        if template.begins_with(narrow) and (config.evidence is None or has_more):
            trained = read_head(ModelFolder(own), narrow.head(head.n_hidden))
            head = widened(trained, head)
            goes_on = True
    if config.more_units and not goes_on:
        raise BadOptionError(
            f"more_units are for a head that goes on, and {config.backbone} has none, or one that "
            "sees other evidence; choose head_units"
        )
    head.dropout.p = config.dropout
    head.blind = config.blind
    if head.blind and not head.calculator:
        raise BadOptionError(
            "blind is for a head that sees a calculator; give --evidence calculator"
        )
    if adapter is not None and config.without_backbone and config.mode == "lora":
        raise BadOptionError(
            f"{config.backbone} has adapters already, and only one set is written beside a head; "
            "leave without_backbone out, and the merged model is written"
        )
    verifier = Verifier(model, head, loss)
    write_adapters: Callable[[Path], None] | None = None
    if adapter is not None:
        write_adapters = partial(copy_adapter, adapter)
    merge = None
    if config.mode == "full":
        model.requires_grad_(True)
        if config.four_bit:
            train_rounded(model)
        tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
        if not tied and not head.evidence and not loss.lm_weight:
            model.get_output_embeddings().requires_grad_(False)  # nothing reads it
    elif config.mode == "lora":
        merge, write_adapters = _add_adapters(model, config)
    if config.gradient_checkpointing and config.mode != "head":
        with warnings.catch_warnings():
            # Renamed in later 5.x; the old name is there in all of them.
            warnings.filterwarnings("ignore", "`gradient_checkpointing_enable`", FutureWarning)
            model.gradient_checkpointing_enable({"use_reentrant": False})
    module = HeadOnly(head, loss) if config.mode == "head" else verifier
    is_unchanged = config.mode == "head" and not (
        config.first_layers or config.keep_tokens or adapter is not None or folder.weights.pickled
    )
    learner = Learner(
        module,
        model,
        head,
        tokenizer,
        prm,
        stored,
        whole=config.mode == "full",
        merge=merge,
        apart=config.without_backbone,
        write_adapters=write_adapters,
        four_bit=config.four_bit,
        unchanged=folder if is_unchanged else None,
    )
    return learner, verifier, placement


def _with_options(
    prm: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, config: TuneConfig
) -> dict[str, Any]:
    """A family file with the evidence, the head and the threshold from the options."""
    changed = dict(prm)
    if config.evidence is not None:
        kinds = [kind.strip() for kind in config.evidence.split(",")]
        evidence: dict[str, Any] = {}
        if "lm" in kinds:
            own = (prm["evidence"] or {}).get("tokens", [])
            is_kept = own and config.head_units is None  # a head that goes on looks at the same
            evidence["tokens"] = own if is_kept else digits_and_signs(tokenizer)
        evidence |= {name: own for name, own in VERSIONS.items() if name in kinds}
        changed["evidence"] = evidence
    if config.more_units:
        form = dict(changed["head"] or {})
        changed["head"] = form | {"units": form.get("units", 0) + config.more_units}
    if config.head_units is not None:
        form = {key: value for key, value in (changed["head"] or {}).items() if key != "units"}
        if config.head_units:
            form["units"] = config.head_units
        changed["head"] = form or None
    if config.threshold is not None:
        changed["threshold"] = config.threshold
    return changed


def digits_and_signs(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """The entries of a vocabulary that are a digit or a sign of arithmetic, alone or after a space.

    Raises:
        BadOptionError: there are no digits.
    """
    found = sorted(
        token
        for token in tokenizer.get_vocab()
        if len(token) <= _LONGEST_SIGN
        and re.fullmatch("[-0-9+*/=%.×÷−]", tokenizer.convert_tokens_to_string([token]).strip())
    )
    if not found:
        raise BadOptionError("evidence lm needs digits in the vocabulary, and this one has none")
    return found


def _add_adapters(
    model: PreTrainedModel, config: TuneConfig
) -> tuple[Callable[[], PreTrainedModel], Callable[[Path], None]]:
    """Put adapters on every linear layer from `lora_from` on.

    Returns:
        What merges and removes them, and what writes them into a folder.

    Raises:
        BadOptionError: peft is not installed, or there is no such layer.
    """
    try:
        from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
    except ImportError as error:
        raise BadOptionError(
            "mode lora needs the package peft, which is not installed: pip install peft"
        ) from error
    n_layers = int(model.config.num_hidden_layers)
    if config.lora_from >= n_layers:
        raise BadOptionError(
            f"lora_from is {config.lora_from}, and {config.backbone} has the layers 0 to "
            f"{n_layers - 1}"
        )
    settings: dict[str, Any] = {
        "r": config.lora_rank,
        "lora_alpha": config.lora_alpha,
        "target_modules": "all-linear",
        "task_type": "CAUSAL_LM",
    }
    if config.lora_from:
        settings["layers_to_transform"] = [*range(config.lora_from, n_layers)]
        settings["target_modules"] = sorted(  # peft takes names here, not "all-linear"
            {
                name.rpartition(".")[2]
                for name, layer in model.base_model.named_modules()
                if isinstance(layer, nn.Linear | Conv1D)
            }
        )
    with warnings.catch_warnings():
        # peft uses a name that transformers has changed.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        warnings.filterwarnings(
            "ignore", "fan_in_fan_out is set to False", UserWarning
        )  # it sets it
        adapted: Any = get_peft_model(model, LoraConfig(**settings))
    settings["target_modules"] = sorted(adapted.peft_config["default"].target_modules)
    settings["base_model_name_or_path"] = config.backbone

    def write(directory: Path) -> None:
        save_adapter(directory, get_peft_model_state_dict(adapted), settings)

    return adapted.merge_and_unload, write


def _dtype_of(settings: PreTrainedConfig) -> torch.dtype:
    """The dtype of a checkpoint's weights."""
    return settings.dtype if isinstance(settings.dtype, torch.dtype) else torch.float32


def _tell(left_out: Mapping[str, Sequence[str]]) -> None:
    """Report on stderr which rows are left out."""
    for reason, names in left_out.items():
        if names:
            more = f", and {len(names) - _N_NAMED:,} more" if len(names) > _N_NAMED else ""
            _log.warning(
                "left out, %s: %s rows: %s%s",
                reason,
                f"{len(names):,}",
                ", ".join(names[:_N_NAMED]),
                more,
            )


def _content(rows: Sequence[TrainingRow], weight: float) -> str:
    """A source's contents, for the model card."""
    labels = [y for row in rows for y in row.labels if y is not None]
    wrong = sum(y < 0.5 for y in labels)
    text = f"{len(rows):,} solutions, {len(labels):,} labelled steps ({wrong:,} wrong)"
    return text if weight == 1 else f"{text}, weight {weight:g}"

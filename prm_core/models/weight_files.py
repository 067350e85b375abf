"""Read a checkpoint's small files and single tensors: JSON, safetensors, and pickle as data only.

Some public checkpoints exist as pickles alone. Their tensors are read with `weights_only=True`,
which builds nothing but tensors and plain containers; `weights` names the files, so that the caller
can report them.
"""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from prm_core.errors import ModelLoadError
from prm_core.models.four_bit import pack, unpack

ADAPTER_FILE = "adapter_config.json"
"""The file that marks a folder as an adapter's."""

AGAIN = "download it again (in a clone: git lfs pull)"
"""The way out for a file that differs from the original."""

SUMS_FILE = "prm.sha256.json"
"""SHA-256 of a folder's files by name."""

_PACKED = "U8"

_TRAINED_AS = ("F64", "F32", "F16", "BF16", "float64", "float32", "float16", "bfloat16")
"""Types of unquantized weights, as safetensors and PyTorch name them."""

FOUR_BIT_FILE = "model.q4_0.safetensors"
"""Weights as `prm_core.models.four_bit` packs them; only this project reads such a file."""

_STORED_AS = ("model.safetensors", "pytorch_model.bin", FOUR_BIT_FILE)
"""The single file, or with ".index.json" appended the list of shards; the first one found is used.
The order is that of transformers, which loads the backbone."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Where a checkpoint's tensors are.

    Attributes:
        files: tensor name → file; for a checkpoint in one file, that file under "".
        pickled: whether the files are pickles.
        four_bit: whether it is one file of matrices in 4 bits.
    """

    files: dict[str, Path]
    pickled: bool
    four_bit: bool = False


def no_config(directory: Path) -> ModelLoadError:
    """The error for a folder that is not a checkpoint, with one inside that may be meant."""
    inside = sorted(
        (path.parent for path in directory.glob("*/config.json")),
        key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)] or [-1],
    )
    way_out = f"try {inside[-1]}" if inside else "download the model again, or name its own folder"
    return ModelLoadError(f"{directory / 'config.json'} is missing; {way_out}")


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ModelLoadError: the file is missing, damaged or contains something else; names the file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelLoadError(f"{path} is missing") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ModelLoadError(
            f"{path} cannot be read as JSON ({error}); correct it, or {AGAIN}"
        ) from error
    if not isinstance(content, dict):
        raise ModelLoadError(f"{path} must hold a JSON object; correct it, or {AGAIN}")
    return content


def weights(directory: Path) -> Weights:
    """The files of a model's weights; none if there are none.

    Raises:
        ModelLoadError: an index is damaged.
    """
    for name in _STORED_AS:
        pickled = name.endswith(".bin")
        index = directory / f"{name}.index.json"
        if (directory / name).is_file():
            return Weights({"": directory / name}, pickled, name == FOUR_BIT_FILE)
        if index.is_file():
            listed = read_json(index)
            for key in ("weight_map", "metadata"):  # transformers reads both
                if not isinstance(listed.get(key), dict):
                    raise ModelLoadError(f"{index} has no {key!r}; {AGAIN}")
            shards = {key: Path(str(file)) for key, file in listed["weight_map"].items()}
            for file in shards.values():
                if file.is_absolute() or ".." in file.parts:
                    raise ModelLoadError(
                        f"{index} names {str(file)!r}, which is outside its folder; {AGAIN}"
                    )
            return Weights({key: directory / file for key, file in shards.items()}, pickled)
    return Weights({}, pickled=False)


def _refuse_rounded(path: Path, name: str, stored_as: str) -> None:
    packed_here = path.name == FOUR_BIT_FILE and stored_as == _PACKED
    if stored_as not in _TRAINED_AS and not packed_here:
        raise ModelLoadError(
            f"{path}: tensor {name!r} is stored as {stored_as}, so these are not the weights as "
            "they were trained; take the original checkpoint (to save memory, with --quantize "
            "8bit or 4bit)"
        )


def check_sums(directory: Path) -> None:
    """Compare a folder's files with its list of checksums, if it has one.

    Raises:
        ModelLoadError: a file is missing, or differs from the listed one; names it.
    """
    listed = directory / SUMS_FILE
    if not listed.is_file():
        return
    for name, expected in read_json(listed).items():
        path = directory / name
        if not path.is_file() or _sum(path) != expected:
            raise ModelLoadError(
                f"{path} differs from the one listed in {SUMS_FILE}: it is damaged or was "
                f"changed; {AGAIN}, or remove {SUMS_FILE} if the change is yours"
            )


def write_sums(directory: Path) -> None:
    """List the checksums of a model's files, for `check_sums`."""
    files = sorted((*directory.glob("*.json"), *directory.glob("*.safetensors")))
    sums = {path.name: _sum(path) for path in files if path.name != SUMS_FILE}
    (directory / SUMS_FILE).write_text(json.dumps(sums, indent=2) + "\n", encoding="utf-8")


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def pack_weights(directory: Path) -> None:
    """Replace model.safetensors by the same with every matrix in 4 bits, an eighth of its size."""
    file = directory / "model.safetensors"
    packed = {
        name: pack(tensor) if tensor.dim() == 2 else tensor
        for name, tensor in load_file(file).items()
    }
    save_file(packed, directory / FOUR_BIT_FILE, metadata={"format": "pt"})
    file.unlink()


class ModelFolder:
    """A checkpoint's folder; everything is read on first use, and once.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._types: dict[Path, dict[str, str]] = {}

    def __str__(self) -> str:
        return str(self.path)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The object in config.json.

        Raises:
            ModelLoadError: it is missing or damaged.
        """
        file = self.path / "config.json"
        if not file.is_file():
            raise no_config(self.path)
        return read_json(file)

    @cached_property
    def weights(self) -> Weights:
        """The files of the weights; none if there are none.

        Raises:
            ModelLoadError: an index is damaged.
        """
        return weights(self.path)

    @cached_property
    def tensor_names(self) -> frozenset[str]:
        """Names of all tensors of the weights.

        Raises:
            ModelLoadError: a file is damaged.
        """
        files = self.weights.files
        return frozenset(self._types_of(files[""]) if "" in files else files)

    def tensor(self, name: str) -> Tensor | None:
        """One tensor of the weights, from the single file or the shard that the index names.

        Returns:
            The tensor on the CPU in its own dtype (float32 if it is in 4 bits), or None if the
            weights have none of that name.

        Raises:
            ModelLoadError: the index names a shard that is missing, or a file is damaged.
        """
        files = self.weights.files
        path = files.get("", files.get(name))
        return None if path is None else _tensor(path, name, self._types_of(path))

    def check_weights(self) -> None:
        """Open every file once, so that a damaged one is refused by name.

        Raises:
            ModelLoadError: a file is missing or damaged, a pickle contains more than tensors, or
                weights are stored as integers or in 8 bits, whose scales only a quantizer knows.
        """
        for path in sorted(set(self.weights.files.values())):
            for name, stored_as in self._types_of(path).items():
                if name.endswith(".weight"):  # buffers, such as a mask, may be anything
                    _refuse_rounded(path, name, stored_as)

    def copy_weights(self, directory: Path) -> None:
        """Copy configuration and weights, unread, into a folder, created if needed."""
        directory.mkdir(parents=True, exist_ok=True)
        files = {*self.weights.files.values(), *self.path.glob("*.index.json")}
        for file in (self.path / "config.json", *files):
            shutil.copyfile(file, directory / file.name)

    def _types_of(self, path: Path) -> dict[str, str]:
        if path not in self._types:
            self._types[path] = _types(path)
        return self._types[path]


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of one small file, safetensors or pickle; none if there is no such file.

    Raises:
        ModelLoadError: the file is damaged.
    """
    if not path.is_file():
        return {}
    types = _types(path)
    found = {name: _tensor(path, name, types) for name in types}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


def _unreadable(path: Path) -> ModelLoadError:
    """The error for a file of tensors that cannot be opened.

    The libraries' own messages do not name the file, and PyTorch's advises letting pickles run
    code.
    """
    if not path.is_file():
        return ModelLoadError(f"{path} is missing; download the model again")
    more = "" if path.suffix == ".safetensors" else ", or contains more than tensors"
    return ModelLoadError(f"{path} is damaged or incomplete{more}; {AGAIN}")


def _types(path: Path) -> dict[str, str]:
    """Tensors of a file by name, with the types in which they are stored."""
    if path.suffix != ".safetensors":
        tensors = _unpickled(path).items()
        return {name: str(tensor.dtype).removeprefix("torch.") for name, tensor in tensors}
    try:
        with safe_open(path, framework="pt") as file:
            return {name: str(file.get_slice(name).get_dtype()) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise _unreadable(path) from error


def _tensor(path: Path, name: str, types: Mapping[str, str]) -> Tensor | None:
    stored_as = types.get(name)
    if stored_as is None:
        return None
    _refuse_rounded(path, name, stored_as)
    if path.suffix != ".safetensors":
        return _unpickled(path)[name]
    with safe_open(path, framework="pt") as file:
        tensor = file.get_tensor(name)
    assert isinstance(tensor, Tensor)
    if path.name != FOUR_BIT_FILE or stored_as != _PACKED:
        return tensor
    try:
        return unpack(tensor)
    except ValueError as error:
        raise ModelLoadError(f"{path}: tensor {name!r} {error}; {AGAIN}") from error


def _unpickled(path: Path) -> dict[str, Tensor]:
    """The tensors of a pickle by name, left on disk until they are used."""
    try:
        # Only the current form of the file can be left on disk.
        content = torch.load(
            path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
        )
    except Exception as error:  # a damaged pickle can raise anything
        raise _unreadable(path) from error
    if not isinstance(content, dict):
        raise ModelLoadError(f"{path} must hold tensors by name")
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}

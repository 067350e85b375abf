"""Read a checkpoint's small files and single tensors: JSON and safetensors, never pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from prm_core.errors import ModelLoadError

_WEIGHTS = "model.safetensors"
_INDEX = "model.safetensors.index.json"


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        ModelLoadError: the file is missing, damaged or holds something else; names the file.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelLoadError(f"{path} is missing") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelLoadError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(content, dict):
        raise ModelLoadError(f"{path} must hold a JSON object")
    return content


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of one small safetensors file; none when there is no such file.

    Raises:
        ModelLoadError: the file is damaged.
    """
    if not path.is_file():
        return {}
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelLoadError(f"{path} is damaged or half downloaded: {error}") from error


def find_tensor(directory: Path, name: str) -> Tensor | None:
    """One tensor of a model's weights, from the one file or the shard that its index names.

    Returns:
        The tensor on the CPU in its own dtype, or None when the weights have none of that name.

    Raises:
        ModelLoadError: the index names a shard that is missing, or a file is damaged.
    """
    path = directory / _WEIGHTS
    if (directory / _INDEX).is_file():
        shard = read_json(directory / _INDEX).get("weight_map", {}).get(name)
        if shard is None:
            return None
        path = directory / str(shard)
        if not path.is_file():
            raise ModelLoadError(f"{path} is missing, but {_INDEX} says that it holds {name!r}")
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            return file.get_tensor(name) if name in file.keys() else None  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise ModelLoadError(f"{path} is damaged or half downloaded: {error}") from error

"""Which device and which dtype, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec

import torch

from prm_core.errors import BadOptionError
from prm_core.types import DTYPE_NAMES, QUANTIZED

DTYPES: dict[str, torch.dtype] = {name: getattr(torch, name) for name in DTYPE_NAMES}

SHORT = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
"""Common abbreviations of these names."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the backbone runs, in which precision, and the reason in words.

    Attributes:
        device: the backbone's; if it is spread over several, the one that token ids go to.
        dtype: of its weights, and of the computation if these are quantized.
        reason: of both, in words.
        quantize: one of `QUANTIZED`, or None for the weights as they are.
        device_map: which module is on which device, or "auto", for a backbone that is spread over
            devices; None for one that is not.
    """

    device: torch.device
    dtype: torch.dtype
    reason: str
    quantize: str | None = None
    device_map: str | Mapping[str, str | int] | None = None

    @property
    def status(self) -> str:
        """The kind of device and the dtype, abbreviated: "CUDA · bf16"."""
        dtype = next(name for name, one in DTYPES.items() if one == self.dtype)
        return f"{self.device.type.upper()} · {SHORT[dtype]}"


def available_devices() -> list[str]:
    """Kinds of devices that this machine has, best first; "cpu" is always there."""
    devices = []
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def free_bytes(device: torch.device) -> int | None:
    """How much memory a GPU has left; None if that is irrelevant to speed, or not known."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def cpu_has_bfloat16() -> bool:
    """Whether the CPU multiplies natively in bfloat16, several times as fast as in float32."""
    found = torch.cpu.get_capabilities()
    return any(bool(found.get(name)) for name in ("avx512_bf16", "amx_bf16"))


def as_learned(placement: Placement, dtype: str) -> Placement:
    """The dtype of a head's training hidden states, on a CPU that computes in it."""
    if placement.device.type != "cpu" or dtype != "bfloat16" or not cpu_has_bfloat16():
        return placement
    where = placement.reason.partition("; ")[0]
    reason = f"{where}; bfloat16: the head was trained on it, and this CPU computes in it"
    return replace(placement, dtype=torch.bfloat16, reason=reason)


def choose_device(device: str = "auto", dtype: str = "auto") -> Placement:
    """Decide where the backbone runs.

    Args:
        device: "auto" (the best available), "cpu", "mps", "cuda" or "cuda:1".
        dtype: "auto" or a name in `DTYPES`. Auto is bfloat16 on a CUDA device that computes in
            it, float32 elsewhere. The head and every sigmoid are float32 in any case.

    Raises:
        BadOptionError: the device is not here, or a name is not known; names the choices.
    """
    devices = available_devices()
    if dtype != "auto" and dtype not in DTYPES:
        raise BadOptionError(f"dtype {dtype!r} is not known; choose from auto, {', '.join(DTYPES)}")
    if device == "auto":
        chosen = torch.device(devices[0])
        why = {"cuda": "a GPU is here", "mps": "Apple's GPU is here", "cpu": "no GPU is here"}
        reason = why[chosen.type]
    else:
        chosen = _named_device(device, devices)
        reason = "as asked"
    if dtype != "auto":
        return Placement(chosen, DTYPES[dtype], f"{chosen}: {reason}; {dtype}: as asked")
    if chosen.type == "cuda" and torch.cuda.get_device_capability(chosen) >= (8, 0):
        kind, because = "bfloat16", "this GPU computes in it"
    elif chosen.type == "cuda":
        kind, because = "float32", "this GPU does not compute in bfloat16"
    else:
        kind, because = "float32", "exact, and as fast as any here"
    return Placement(chosen, DTYPES[kind], f"{chosen}: {reason}; {kind}: {because}")


def place_model(
    device: str = "auto", dtype: str = "auto", quantize: str | None = None
) -> Placement:
    """Like `choose_device`, for a model that is only run: it may be spread and quantized.

    Args:
        device: as for `choose_device`, or "all": over all GPUs, and CPU memory if they are too
            small.
        dtype: as for `choose_device`.
        quantize: one of `QUANTIZED`, or None for the weights as they are.

    Raises:
        BadOptionError: as for `choose_device`, or a required package is not installed.
    """
    placement = _all_gpus(dtype) if device == "all" else choose_device(device, dtype)
    return placement if quantize is None else with_fewer_bits(placement, quantize)


def _all_gpus(dtype: str) -> Placement:
    """Over all GPUs of this machine, in the dtype that the first one computes in."""
    devices = available_devices()
    if "cuda" not in devices:
        raise BadOptionError(
            "device 'all' spreads a model over GPUs, and there is no GPU here; choose from auto, "
            + ", ".join(devices)
        )
    _check_installed("device 'all'", "accelerate")
    n_devices = torch.cuda.device_count()
    first = choose_device("cuda:0", dtype)
    because = first.reason.partition("; ")[2]
    reason = f"all {n_devices} GPUs, and CPU memory for what does not fit: as asked; {because}"
    return replace(first, reason=reason, device_map="auto")


def with_fewer_bits(placement: Placement, quantize: str) -> Placement:
    """The same placement, with the weights of linear layers in 8 or 4 bits.

    Raises:
        BadOptionError: it is not one of `QUANTIZED`, or this machine lacks what it needs.
    """
    if quantize not in QUANTIZED:
        raise BadOptionError(f"quantize {quantize!r} is not known; choose {' or '.join(QUANTIZED)}")
    if placement.device.type not in ("cuda", "cpu"):
        raise BadOptionError(
            f"quantize is for CUDA and the CPU, not for {placement.device.type}; choose device "
            "cpu, or load the weights as they are"
        )
    _check_installed("quantize", "bitsandbytes", "accelerate")
    reason = f"{placement.reason}; {quantize} weights: as asked, scores are near those of the model"
    return replace(placement, quantize=quantize, reason=reason)


def _check_installed(what: str, *packages: str) -> None:
    """Refuse options that need a package that is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        names = " and ".join(missing)
        raise BadOptionError(
            f"{what} needs {names}, which is not installed: pip install {' '.join(missing)}"
        )


def _named_device(name: str, devices: list[str]) -> torch.device:
    """The device of that name, checked against this machine."""
    choices = f"choose from auto, {', '.join(devices)}"
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise BadOptionError(f"device {name!r} is not known; {choices}") from error
    if chosen.type not in devices:
        raise BadOptionError(f"device {name!r} is not available on this machine; {choices}")
    n_devices = torch.cuda.device_count() if chosen.type == "cuda" else 1
    if chosen.index is not None and chosen.index >= n_devices:
        raise BadOptionError(
            f"device {name!r} is not available; this machine has {n_devices} of its kind; {choices}"
        )
    return chosen

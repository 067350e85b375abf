"""Which device and which dtype, and why."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from prm_core.errors import BadOptionError

DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the backbone runs, in which precision, and the reason in words."""

    device: torch.device
    dtype: torch.dtype
    reason: str


def available_devices() -> list[str]:
    """Kinds of devices that this machine has, best first; "cpu" is always there."""
    devices = []
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def free_bytes(device: torch.device) -> int | None:
    """How much memory a GPU has left; None where that says nothing about speed, or is not told."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def choose_device(device: str = "auto", dtype: str = "auto") -> Placement:
    """Decide where the backbone runs.

    Args:
        device: "auto" (the best there is), "cpu", "mps", "cuda" or "cuda:1".
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

"""Calls of the page's endpoints for programs, as they arrive over HTTP; see `prm_core.ui.gate`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

CALLS = "/gradio_api/call/"

CALL = re.compile(CALLS + r"(?:(?P<named>v2)/)?(?P<name>\w+)(?:/(?P<event>\w+))?", re.ASCII)
"""An endpoint: what starts a run is sent to it, as a list or, at v2, by its names; and what the run
says is read from the run's own address."""

OPENAPI = "/gradio_api/openapi.json"

Parameters = Mapping[str, object]
"""What an endpoint takes, in order: names with defaults; `NEEDED` where there is none."""

NEEDED = inspect.Parameter.empty


def parameters_of(endpoint: Callable[..., Any]) -> Parameters:
    """What a program gives to an endpoint."""
    found = inspect.signature(endpoint).parameters
    return {name: one.default for name, one in found.items() if name != "request"}


def values_of(wanted: Parameters, named: Mapping[str, Any]) -> list[Any]:
    """The values of a call by names, in their order.

    Raises:
        ValueError: a value is missing, or has an unknown name.
    """
    if unknown := named.keys() - wanted.keys():
        raise ValueError(f"has no parameter {min(unknown)[:80]!r}")
    if missing := [name for name, value in wanted.items() if value is NEEDED and name not in named]:
        raise ValueError(f"needs {missing[0]!r}")
    return [named.get(name, default) for name, default in wanted.items()]


def described(schema: dict[str, Any]) -> dict[str, Any]:
    """Gradio's schema without what answers 404 here, as its address of uploads does."""
    paths = {path: said for path, said in schema.get("paths", {}).items() if path.startswith(CALLS)}
    return {**schema, "paths": paths}

"""What all tests share: no network, and patience with a busy machine."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Before anything imports the libraries that read them.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
# Tiny models gain nothing from threads, and threads that wait for each other on a busy machine take
# ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings

from prm_core.formats.rows import json_line

# A shell starts what runs in its background deaf to Ctrl-C, and so would be all that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("patient")


@pytest.fixture(scope="module")
def frozen() -> Iterator[None]:
    """As in the app, where the collector does not look through the libraries (or other tests)."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows to a file of JSON lines."""

    def write(*rows: dict[str, Any]) -> Path:
        path = tmp_path / "in.jsonl"
        path.write_text("".join(map(json_line, rows)), encoding="utf-8")
        return path

    return write

"""Every benchmark can be started."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = sorted(Path(__file__).parent.parent.parent.glob("benchmarks/*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_every_benchmark_imports_what_there_is(path: Path) -> None:
    assert callable(import_module(f"benchmarks.{path.stem}").main)

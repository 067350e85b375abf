"""No benchmark imports what is no longer there."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

BENCHMARKS = sorted(Path(__file__).parent.parent.parent.glob("benchmarks/*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_every_benchmark_can_be_imported(path: Path) -> None:
    assert import_module(f"benchmarks.{path.stem}").__doc__

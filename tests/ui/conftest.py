"""What every test of the page's server leaves behind is cleared after its file."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Iterator

# FastAPI imports it first while it builds a page. If the collector runs within an import and a
# finalizer imports as well, Python 3.11 raises (python/cpython issue 106176): here, every test.
import pydantic.v1  # noqa: F401
import pytest


@pytest.fixture(scope="module", autouse=True)
def nothing_left() -> Iterator[None]:
    """Gradio leaves its event loops to the collector; no later test is to be blamed for them."""
    yield
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        asyncio.set_event_loop(None)
        gc.unfreeze()
        gc.collect()

"""Processor time that means the same on a quick and on a slow machine."""

from __future__ import annotations

import time
from collections.abc import Callable

ADDITIONS = 2_000_000
REFERENCE_S = 0.06
"""CPU seconds that so many additions took where the bounds of the tests were set."""


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of `work` in this thread, as on the machine where the bounds were set.

    Additions before and after it tell how much slower this machine is at the moment: one that
    other work shares runs at half its speed. It never counts as quicker than that one.
    """
    before = _additions()
    began = time.thread_time()
    work()
    took = time.thread_time() - began
    return took / max(1.0, (before + _additions()) / 2 / REFERENCE_S)


def _additions() -> float:
    began = time.thread_time()
    total = 0
    for i in range(ADDITIONS):
        total += i
    return time.thread_time() - began

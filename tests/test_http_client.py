"""Waiting for requests, and Ctrl-C while waiting."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from prm_core.http_client import completed, uninterrupted


class _InterruptedAtItsLock(Future[int]):
    """Ctrl-C arrives just when the main thread has taken this future's lock."""

    def __init__(self) -> None:
        super().__init__()
        take: Any = self._condition.acquire

        def acquire(*options: Any) -> bool:
            taken: bool = take(*options)
            signal.raise_signal(signal.SIGINT)
            return taken

        setattr(self._condition, "acquire", acquire)  # noqa: B010


def test_an_interrupt_leaves_no_lock_held() -> None:
    future = _InterruptedAtItsLock()
    with pytest.raises(KeyboardInterrupt):
        list(completed([future], None))
    done = threading.Thread(target=future.set_result, args=(1,), daemon=True)
    done.start()
    done.join(10)
    assert not done.is_alive(), "the thread of a pool waits for the future's lock"


def test_an_interrupt_that_wakes_nobody_is_seen() -> None:
    """As one is that comes just before the main thread falls asleep: its handler has run then."""
    over = threading.Event()

    def interrupt() -> None:
        time.sleep(0.2)  # the main thread sleeps
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        over.wait(20)

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(interrupt)
        began = time.monotonic()
        try:
            with pytest.raises(KeyboardInterrupt):
                list(completed([asked], None))
            assert time.monotonic() - began < 15
        finally:
            over.set()


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    reached = []

    def block() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            reached.append(True)
        reached.append(False)

    with pytest.raises(KeyboardInterrupt):
        block()
    assert reached == [True]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_beats_are_as_far_apart_as_asked() -> None:
    future: Future[int] = Future()
    waiting = completed([future], 1.2)
    began = time.monotonic()
    assert next(waiting) is None
    assert time.monotonic() - began >= 1.2
    future.set_result(7)
    (done,) = filter(None, waiting)
    assert done.result() == 7

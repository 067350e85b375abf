"""Which sessions are read, and that nothing is kept of what they sent.

Gradio remembers the last value of every component for each of thousands of sessions, so that views
can be shared. Nothing on this page uses that, so one state serves all, and it stores nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, TypeVar

import gradio as gr
from gradio.context import LocalContext
from gradio.state_holder import SessionState, StateHolder

T = TypeVar("T")

READER_S = 10.0
"""How long a run continues while its messages are not read; a browser reads within a moment."""


class ForgetfulState(SessionState):
    """The page as it was built, whatever sessions do."""

    def __setitem__(self, key: int, value: Any) -> None:
        """Keep nothing."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keep nothing."""


class ForgetfulHolder(StateHolder):
    """One state for all sessions."""

    def __init__(self, demo: gr.Blocks) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._state = ForgetfulState(demo)
        self.set_blocks(demo)

    def __getitem__(self, session_id: str) -> SessionState:
        return self._state

    def __contains__(self, session_id: object) -> bool:
        return False


class Readers:
    """Which sessions are being read; what the queue still holds for the others is dropped.

    Args:
        demo: the page, whose queue it is.
    """

    def __init__(self, demo: gr.Blocks) -> None:
        self._demo = demo
        self._reading: Counter[str] = Counter()
        self._left: dict[str, float] = {}  # when a session's last reader left
        self._drops: dict[str, asyncio.TimerHandle] = {}

    @contextmanager
    def reading(self, session: str) -> Iterator[None]:
        """A session's messages are being read, until the block is left."""
        self._reading[session] += 1
        try:
            yield
        finally:
            self._reading[session] -= 1
            if not self._reading[session]:
                del self._reading[session]
                self._left[session] = time.monotonic()
                self.drop_soon(session)

    def gone(self, session: str, begun: float) -> bool:
        """Whether a session has not been read for too long.

        Args:
            session: its name.
            begun: when its run began, by the monotonic clock.
        """
        if session in self._reading:
            return False
        return time.monotonic() - max(begun, self._left.get(session, 0.0)) > READER_S

    async def follow(
        self, request: gr.Request, updates: AsyncGenerator[T | None]
    ) -> AsyncGenerator[T]:
        """What a run says, until it is over or nobody reads it any more.

        Args:
            request: the run's; nothing else keeps it from here on.
            updates: of the run; None where it has nothing to say. Closed in the end.
        """
        self.take(LocalContext.event_id.get())
        session, begun = str(request.session_hash), time.monotonic()
        try:
            async with aclosing(updates):
                async for update in updates:
                    if self.gone(session, begun):
                        return
                    if update is not None:
                        yield update
        finally:
            self.drop_soon(session)

    def session_of(self, event_id: str) -> str | None:
        """Whose run it is, as long as it has something to say; None if there is no such run."""
        queue = self._demo._queue
        if event := queue.event_ids_to_events.get(event_id):
            return str(event.session_hash)
        found = (one for one, ids in queue.pending_event_ids_session.items() if event_id in ids)
        return next(found, None)

    def take(self, event_id: str | None) -> None:
        """Empty the queue's copy of a run's request; from now on only the run holds it.

        Gradio's loops keep a reference to the last request until the next one arrives.
        """
        event = self._demo._queue.event_ids_to_events.get(event_id or "")
        if event is not None and event.data is not None:
            event.data.data = []
            for name in ("_body", "_json"):
                vars(event.request).pop(name, None)

    def drop_soon(self, session: str) -> None:
        """Drop what is held for a session, unless it is read first.

        The time counts from the last call: what has just ended must not go with what ended earlier.
        """
        if earlier := self._drops.get(session):
            earlier.cancel()
        loop = asyncio.get_running_loop()
        self._drops[session] = loop.call_later(READER_S, self._drop, session)

    def _drop(self, session: str) -> None:
        self._drops.pop(session, None)
        queue = self._demo._queue
        # Not those with an id: a run that is cancelled as it ends keeps its own.
        waiting = [one.queue for one in queue.event_queue_per_concurrency_id.values()]
        going = [one for one in queue.active_jobs if one is not None]
        runs = any(one.session_hash == session for events in waiting + going for one in events)
        if session not in self._reading and not runs:
            self._left.pop(session, None)
            queue.pending_messages_per_session.pop(session, None)
            queue.pending_event_ids_session.pop(session, None)
            for name, event in list(queue.event_ids_to_events.items()):
                if event.session_hash == session:
                    del queue.event_ids_to_events[name]

"""Which run uses the model next: a pack each, session after session.

A run of many packs hands the model on after every one, so a small run waits for a few packs and not
for all of a large one. Everything here runs on the server's event loop; nothing locks.

>>> import asyncio
>>> async def two_sessions():
...     line, turns = Line(), []
...     async def run(name, n_packs):
...         with line.join(name, "a model", 0) as place:
...             for _ in range(n_packs):
...                 await line.turn(place, 1.0)
...                 turns.append(name)
...                 await asyncio.sleep(0)
...                 line.hand_on(place)
...     await asyncio.gather(run("large", 4), run("small", 1))
...     return turns
>>> asyncio.run(two_sessions())
['large', 'small', 'large', 'large', 'large']
"""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prm_core.errors import InputError

MOST_RUNS = 256
"""Runs in the line, including those that have begun."""

MOST_WAITING = 2
"""Runs of one session that wait for another run of theirs."""

MOST_CHARS = 16_000_000
"""Text of all runs in the line: eight of the largest drafts, or thousands of typical ones."""


class FullError(InputError):
    """The line takes no more runs now."""


@dataclass(eq=False, slots=True)
class Place:
    """A run's place in the line.

    Attributes:
        session: whose run it is.
        model: what it runs.
        n_chars: how much text waits with it.
        number: a running count of arrivals.
        begun: it had its first turn.
    """

    session: str
    model: str
    n_chars: int
    number: int
    begun: bool = False
    _asks: bool = False
    _ready: asyncio.Event = field(default_factory=asyncio.Event)


class Line:
    """The line before one model.

    Runs of one model take turns; a run of another model waits until those that have begun are over,
    and later runs of the first model wait after it.

    Args:
        alone: no run begins before the last one is over, for example when each has a GPU to itself.
    """

    def __init__(self, *, alone: bool = False) -> None:
        self._alone = alone
        self._numbers = itertools.count()
        self._sessions: OrderedDict[str, list[Place]] = OrderedDict()  # the next turn's first
        self._holder: Place | None = None

    @contextmanager
    def join(self, session: str, model: str, n_chars: int) -> Iterator[Place]:
        """A place at the end of the line, given up when the block is left.

        Raises:
            FullError: there is no room, for this session or for any.
        """
        own = self._sessions.get(session, [])
        if len(own) > MOST_WAITING:
            raise FullError(f"{len(own)} runs of yours are under way; wait for one to end.")
        places = self._places()
        if len(places) >= MOST_RUNS or sum(p.n_chars for p in places) + n_chars > MOST_CHARS:
            raise FullError("Too many people are waiting for the model; press Score again later.")
        place = Place(session, model, n_chars, next(self._numbers))
        self._sessions.setdefault(session, []).append(place)
        try:
            yield place
        finally:
            self._leave(place)

    def before(self, place: Place) -> int:
        """How many runs have a turn before this one's next."""
        own = self._sessions[place.session].index(place)
        return own + list(self._sessions).index(place.session)

    async def turn(self, place: Place, seconds: float) -> bool:
        """Wait up to that long for the place's turn; True when it is."""
        if self._holder is place:
            return True
        place._asks = True
        self._grant()
        if not place._ready.is_set():
            try:
                await asyncio.wait_for(place._ready.wait(), seconds)
            except TimeoutError:
                return self._holder is place
        return True

    def hand_on(self, place: Place) -> None:
        """End the place's turn, if it has one."""
        if self._holder is not place:
            return
        self._holder = None
        place._ready.clear()
        self._sessions.move_to_end(place.session)
        self._grant()

    def _leave(self, place: Place) -> None:
        self.hand_on(place)
        own = self._sessions[place.session]
        own.remove(place)
        if not own:
            del self._sessions[place.session]
        self._grant()

    def _grant(self) -> None:
        """Give the model to the first place that may have it."""
        if self._holder is not None:
            return
        for place, *_ in self._sessions.values():
            if place._asks and self._may(place):
                self._holder, place.begun, place._asks = place, True, False
                place._ready.set()
                return

    def _may(self, place: Place) -> bool:
        if place.begun:
            return True
        others = [other for other in self._places() if other.model != place.model]
        if any(other.begun for other in (self._places() if self._alone else others)):
            return False
        first = {own[0] for own in self._sessions.values()}
        return not any(other.number < place.number and other in first for other in others)

    def _places(self) -> list[Place]:
        return [place for own in self._sessions.values() for place in own]

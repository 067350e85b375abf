"""How far a run is, and how long it will still take."""

from __future__ import annotations

import time
from dataclasses import dataclass

from prm_core.bulk.pieces import UnfinishedRun
from prm_core.formats.problems import Problems


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        n_problems: scored by this run.
        n_before: rows that earlier runs have done.
        seconds: that this run has worked.
        left_s: that it will still take; None where nobody can tell.
    """

    n_problems: int
    n_before: int
    seconds: float
    left_s: float | None

    def __str__(self) -> str:
        """
        >>> print(Progress(120, 0, 60.0, 90.0))
        120 problems scored, 2.0/s, 1 min 30 s left
        """
        rate = f", {self.n_problems / self.seconds:.1f}/s" if self.seconds >= 1 else ""
        before = f" ({self.n_before:,} before)" if self.n_before else ""
        left = "" if self.left_s is None else f", {duration(self.left_s)} left"
        count = f"{self.n_problems:,} problem{'' if self.n_problems == 1 else 's'}"
        return f"{count} scored{before}{rate}{left}"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> [duration(s) for s in (0.2, 59.6, 61, 7320)]
    ['0 s', '1 min 0 s', '1 min 1 s', '2 h 2 min']
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


class Clock:
    """Measures a run.

    Args:
        problems: what is read.
        run: what is done.
    """

    def __init__(self, problems: Problems, run: UnfinishedRun) -> None:
        self._problems, self._run = problems, run
        self._n_before = run.n_done
        self._began: float | None = None
        self._share = 0.0
        self._n = 0

    def start(self) -> None:
        """The first rows to be scored have been read (later calls change nothing)."""
        if self._began is None:
            self._began, self._share = time.monotonic(), self._problems.share or 0.0

    @property
    def seconds(self) -> float:
        """Since the start."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def scored(self, n: int) -> Progress:
        """That many more rows are done."""
        self._n += n
        share, seconds = self._problems.share, self.seconds
        done = 0.0 if share is None else share - self._share
        left_s = seconds * (1 - (share or 0.0)) / done if done > 0 else None
        return Progress(self._n, self._n_before, seconds, left_s)

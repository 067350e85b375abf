"""Which problems of a measured set a model may learn from, and which it is measured on.

Sets of real solutions are few and small, so each is cut in two by its problems: what is fitted
(weights, thresholds, baselines) sees the half "fit", what is reported comes from the half "report".
A problem falls on the same side in every set, also where sets share their problems.
"""

from __future__ import annotations

import hashlib
import re
from typing import Literal

_NOT_COUNTED = re.compile(r"[^a-z0-9+\-*/=<>^().]+")


def half(problem: str) -> Literal["fit", "report"]:
    """The half of a problem: the parity of the second byte of the SHA-256 of its plain text.

    Capitals, white space and punctuation beside mathematical signs do not count.

    >>> half("What is 7 + 8?"), half("  what is 7 + 8 ")
    ('report', 'report')
    """
    plain = _NOT_COUNTED.sub(" ", problem.lower()).strip()
    return "report" if hashlib.sha256(plain.encode()).digest()[1] % 2 else "fit"

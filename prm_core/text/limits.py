"""How much text is scored at once for a browser, a program or an agent.

Calls from Python and the command line have no such limits.
"""

from __future__ import annotations

from collections.abc import Sequence

MAX_CANDIDATES = 64
"""As many as best-of-N work on one problem uses; the results stay a page one can read."""

MAX_SOLUTION_CHARS = 200_000
"""About 50,000 tokens: longer than any PRM's context, so nothing scorable is refused."""

MAX_STEPS = 5_000
"""Of one solution that is given in steps; more than any model reads."""

MAX_TOTAL_CHARS = 2_000_000
"""All solutions and the problem. Gradio takes any body, so the handler must bound its own work."""


def too_many(n: int) -> str:
    """Why so many solutions are not read at once; empty if they are."""
    if n <= MAX_CANDIDATES:
        return ""
    return f"There are {n:,} solutions; at most {MAX_CANDIDATES} can be compared."


def too_long(n_chars: int) -> str:
    """Why a problem or a solution is not read, without its name; empty if it is.

    >>> too_long(200_001)
    'has 200,001 characters; at most 200,000 are read.'
    """
    if n_chars <= MAX_SOLUTION_CHARS:
        return ""
    return f"has {n_chars:,} characters; at most {MAX_SOLUTION_CHARS:,} are read."


def too_many_steps(n: int) -> str:
    """Why a solution in so many steps is not read, without its name; empty if it is.

    >>> too_many_steps(5_001)
    'has 5,001 steps; at most 5,000 are read.'
    """
    return f"has {n:,} steps; at most {MAX_STEPS:,} are read." if n > MAX_STEPS else ""


def too_much(problem: str, solutions: Sequence[str]) -> str:
    """Why a problem and its solutions are not read together; empty if they are."""
    if words := too_long(len(problem)):
        return f"The problem {words}"
    total = len(problem) + sum(map(len, solutions))
    if total <= MAX_TOTAL_CHARS:
        return ""
    return (
        f"The solutions have {total:,} characters together; at most {MAX_TOTAL_CHARS:,} "
        "can be compared at once."
    )

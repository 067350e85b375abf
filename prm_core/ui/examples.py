"""The examples that are one press away on the page, and what is true of them.

The model may be wrong about an example, and a first-time visitor cannot know. So the truth about
every step is recorded here, and the page says where the model misses it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from prm_core.paths import assets_dir


@dataclass(frozen=True, slots=True)
class PageExample:
    """A problem with its solutions, as a person would type them."""

    id: str
    problem: str
    solutions: tuple[str, ...]


TRUTH = {
    "add-5-7": ("+++",),
    "multiply-8-3": ("+--",),
    "subtract-10-4": ("+++",),
    "divide-15-3": ("+-++",),
    "add-6-4": ("+++",),
    "multiply-9-2": ("+--",),
    "divide-12-4": ("+--",),
    "percent-15-80": ("++-++",),
    "rank-7-8": ("+++", "+--", "+-++"),
    "tomatoes": ("+++", "---", "---"),
    "bus": ("++++", "+---", "++++"),
    "ribbon": ("+++", "+-++", "+-"),
    "savings": ("+++", "++-"),
    "trays": ("+++", "+--", "+--"),
}
"""Whether each step of each solution is right, by the example's id. A step that builds on an
uncorrected error is wrong too."""

_MOST_NAMED = 3  # missed steps; more of them are counted


@cache
def load_examples() -> tuple[PageExample, ...]:
    """The contents of `examples/`; comparisons come before single solutions.

    An installed package has no such folder; then there are none.
    """
    folder = assets_dir().parent / "examples"
    rows = [
        json.loads(line)
        for name in ("reference.jsonl", "gsm8k_style.jsonl")
        if (folder / name).is_file()
        for line in (folder / name).read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    examples = [
        PageExample(row["id"], row["problem"], tuple(map(_typed, row["solutions"]))) for row in rows
    ]
    return tuple(sorted(examples, key=lambda one: len(one.solutions) == 1))


def missed_steps(problem: str, judged: Mapping[str, tuple[tuple[str, ...], list[bool]]]) -> str:
    """Where a model is wrong about one of our examples, as a sentence; "" where it is right.

    Args:
        problem: the problem's text; the result is "" for one that is not ours.
        judged: for each solution's letter its steps, and whether the model calls each one right.
            A solution that is not ours, or is cut differently, is skipped.
    """
    truth = {
        _bare(solution): signs
        for one in load_examples()
        if one.problem == problem
        for solution, signs in zip(one.solutions, TRUTH.get(one.id, ()), strict=False)
    }
    missed = [
        f"step {number} of {name} is {'right' if sign == '+' else 'wrong'}"
        for name, (steps, right) in judged.items()
        if len(signs := truth.get(_bare("".join(steps)), "")) == len(steps)
        for number, (sign, says) in enumerate(zip(signs, right, strict=True), start=1)
        if (sign == "+") != says
    ]
    if not missed:
        return ""
    named, more = missed[:_MOST_NAMED], len(missed) - _MOST_NAMED
    if more > 0:
        named.append(f"{more} more {'step is' if more == 1 else 'steps are'} misjudged")
    words = ", and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
    return f"The model is mistaken about this example: {words}."


def _bare(text: str) -> str:
    return "".join(text.split())


def _typed(solution: str | list[str]) -> str:
    """One step per line; if one has lines of its own, blank lines separate them."""
    if isinstance(solution, str):
        return solution
    return ("\n\n" if any("\n" in step for step in solution) else "\n").join(solution)

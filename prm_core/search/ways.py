"""The three ways, each a function of one round: which paths are solutions, and which continue.

All paths of a group were written on by a step and judged. The loop around is the same for all
(`prm_core.search.engine`): what continues is repeated in turn until the group has its size again,
and the search ends when nothing continues.

Source: search-and-learn (Beeching, Tunstall and Rush 2024, "Scaling test-time compute with open
models"), src/sal/search at commit 6f81cac, which follows Snell et al. 2024 (arXiv 2408.03314).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prm_core.search.tree import Node, Settings

BOXED = "boxed{"
"""An answer that ends a subtree (diverse_verifier_tree_search.py)."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """The last node of a path, and the text of the whole path."""

    node: Node
    text: str


Verdict = tuple[list[Leaf], list[Leaf]]
"""Those that are solutions now, and those that continue; what is in neither is pruned."""


def best_of_n(leaves: Sequence[Leaf], settings: Settings) -> Verdict:
    """n whole solutions, drawn independently: all were written to the end at once."""
    return list(leaves), []


def beam_search(leaves: Sequence[Leaf], settings: Settings) -> Verdict:
    """The n / width best of all unfinished paths continue, each written on `width` times.

    A path that ended is a solution, whatever its score, and frees no place: the others fill the
    beam again. One group of n paths.
    """
    ended = [one for one in leaves if one.node.ended]
    going = [one for one in leaves if not one.node.ended]
    if settings.drop_duplicates:
        going = list({one.text: one for one in reversed(going)}.values())[::-1]
    return ended, best(going, settings.n // settings.width)


def dvts(leaves: Sequence[Leaf], settings: Settings) -> Verdict:
    """In each of n / width independent subtrees only the best of `width` continuations is kept.

    A subtree ends when its best path ends or holds a boxed answer; that path and the others of its
    last round are its solutions, so there are n in all.
    """
    kept = best(leaves, 1)
    if not kept or kept[0].node.ended or BOXED in kept[0].text:
        return list(leaves), []
    return [], kept


WAYS: dict[str, Callable[[Sequence[Leaf], Settings], Verdict]] = {
    "best-of-n": best_of_n,
    "beam": beam_search,
    "dvts": dvts,
}


def best(leaves: Sequence[Leaf], n: int) -> list[Leaf]:
    """The n with the highest scores, in their own order; on a tie the earlier, never unjudged."""
    judged = [i for i, one in enumerate(leaves) if one.node.score is not None]
    top = sorted(judged, key=lambda i: -(leaves[i].node.score or 0.0))[:n]
    return [leaves[i] for i in sorted(top)]

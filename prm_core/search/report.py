"""What the three ways and a majority vote reach against the tokens that they generate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product

from prm_core.evaluation.reports import Outcomes
from prm_core.search.results import chosen, searched
from prm_core.search.tree import Settings, Tree, Way
from prm_core.session.record import Problem

Grow = Callable[[Problem, Settings], Tree]
_GUIDED: tuple[Way, ...] = ("beam", "dvts")


def n_searches(n_problems: int, sizes: Sequence[int]) -> int:
    """How many searches a report takes."""
    return n_problems * (1 + 2 * len(sizes))


def measured(
    problems: Sequence[Problem],
    settings: Settings,
    sizes: Sequence[int],
    choose: str,
    grow: Grow,
) -> Mapping[str, Mapping[int, Outcomes]]:
    """For each way and size the tokens and the result of every problem.

    Best of n is searched once, with the largest size: its solutions are drawn independently, so the
    first n of them are what a search with n would have drawn. "majority" is a vote of the same.

    Args:
        problems: with right answers.
        settings: of all searches; way and n are set here.
        sizes: the n to measure; multiples of the width.
        choose: how a solution is chosen; a name in `prm_core.search.results.CHOICES`.
        grow: grows a tree to its end.
    """
    most = max(sizes)
    found: dict[str, dict[int, list[tuple[int, float]]]] = {
        **{way: {n: [] for n in _powers_of_two(most)} for way in ("best-of-n", "majority")},
        **{way: {n: [] for n in sizes} for way in _GUIDED},
    }
    for problem in problems:
        whole = grow(problem, replace(settings, way="best-of-n", n=most))
        for n in _powers_of_two(most):
            some = _first(whole, n)
            found["best-of-n"][n].append(_outcome(problem, some, choose))
            found["majority"][n].append(_outcome(problem, some, "majority"))
        for way, n in product(_GUIDED, sizes):
            tree = grow(problem, replace(settings, way=way, n=n))
            found[way][n].append(_outcome(problem, tree, choose))
    return found


def _powers_of_two(most: int) -> list[int]:
    """1, 2, 4, … and the largest."""
    return sorted({most, *(2**i for i in range(most.bit_length()) if 2**i <= most)})


def _first(tree: Tree, n: int) -> Tree:
    """The first n solutions of best of n, and the tokens of these."""
    some = tree.solutions[:n]
    tokens = sum(node.n_tokens for one in some for node in tree.path(one))
    return replace(tree, solutions=some, n_tokens=tokens)


def _outcome(problem: Problem, tree: Tree, choose: str) -> tuple[int, float]:
    one = chosen(searched(tree, problem), tree.model, tree.settings.aggregation, choose)
    return tree.n_tokens, one.correct or 0.0

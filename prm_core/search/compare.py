"""Two searches of one problem: what differs, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields

from prm_core.evaluation.choices import AnswerGroup, compare_choices
from prm_core.figures.step_bars import format_apart
from prm_core.ranking.aggregate import METHODS, aggregate
from prm_core.search.results import searched
from prm_core.search.tree import Settings, Tree
from prm_core.session.record import Problem
from prm_core.types import ScoredCandidate


def search_differences(
    first: Tree, second: Tree, gold_answer: str | None, aggregation: str
) -> list[str]:
    """Sentences on two searches: which answers they chose and found, their scores, their costs.

    Args:
        first, second: trees of the same problem.
        gold_answer: the right answer, if it is known.
        aggregation: the score that chooses, a name in `METHODS`.
    """
    trees = first, second
    found = [_scored(tree) for tree in trees]
    groups = [
        one
        for one in compare_choices([*found[0], *found[1]], gold_answer).groups
        if one.answer is not None
    ]
    places = range(len(found[0])), range(len(found[0]), sum(map(len, found)))
    scores = [[aggregate(one.probabilities, aggregation) for one in own] for own in found]
    return [
        _chosen(groups, [_best(*pair) for pair in zip(scores, places, strict=True)]),
        *_alone(groups, places),
        *_best_scores(trees, scores, aggregation),
        *_settings(trees),
        _costs(trees),
    ]


def _scored(tree: Tree) -> list[ScoredCandidate]:
    """The solutions of a search that were judged."""
    problem = searched(tree, Problem(tree.problem))
    return [one for one in problem.scored(tree.model) if one is not None]


def _best(scores: Sequence[float], places: range) -> list[int]:
    """The places of the best scores."""
    return [place for place, score in zip(places, scores, strict=True) if score == max(scores)]


def _chosen(groups: Sequence[AnswerGroup], best: Sequence[Sequence[int]]) -> str:
    """The answers of the best solutions."""
    chosen = [[one for one in groups if set(one.solutions) & set(those)] for those in best]
    first, second = (
        _listed([_answer(one) for one in those], "or") or "no answer" for those in chosen
    )
    if first == second:
        return f"Both choose {first}."
    return f"The first chooses {first}, the second {second}."


def _alone(groups: Sequence[AnswerGroup], places: Sequence[range]) -> Iterator[str]:
    """The answers that only one of them found."""
    if not groups:
        return
    by = [[one for one in groups if set(one.solutions) & set(those)] for those in places]
    first, second = (
        _listed([_answer(one) for one in own if one not in other], "and")
        for own, other in (by, by[::-1])
    )
    if first:
        yield f"Only the first has a solution with {first}."
    if second:
        yield f"Only the second has a solution with {second}."
    if not first and not second and len(groups) > 1:
        yield f"Both found the same {len(groups)} answers."


def _answer(group: AnswerGroup) -> str:
    said = {True: " (right)", False: " (wrong)", None: ""}[group.correct]
    return f"{group.answer}{said}"


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _best_scores(
    trees: Sequence[Tree], scores: Sequence[Sequence[float]], aggregation: str
) -> Iterator[str]:
    if trees[0].model != trees[1].model:
        yield "Different PRMs judged them, so their scores are not comparable."
    elif all(scores):
        best = [max(own) for own in scores]
        shown = dict(zip(ordered := sorted(best, reverse=True), format_apart(ordered), strict=True))
        name = METHODS[aggregation].label.lower()
        yield f"Best score under {name}: {_both([shown[one] for one in best], '')}."


def _settings(trees: Sequence[Tree]) -> Iterator[str]:
    """Settings that differ, but for those in the line above each tree."""
    names = [one.name for one in fields(Settings) if one.name not in ("way", "n", "width")]
    values = {name: [getattr(tree.settings, name) for tree in trees] for name in names}
    apart = [
        f"{name.replace('_', ' ')} {first!r} and {second!r}"
        for name, (first, second) in values.items()
        if first != second
    ]
    if apart:
        yield f"Settings that differ: {'; '.join(apart)}."


def _costs(trees: Sequence[Tree]) -> str:
    amounts = [
        ([f"{tree.n_tokens:,}" for tree in trees], " tokens"),
        ([f"{len(tree.nodes):,}" for tree in trees], " steps"),
        ([f"{len(tree.ends):,}" for tree in trees], " solutions"),
        ([f"{tree.seconds:.1f}" for tree in trees], " s"),
    ]
    return f"{', '.join(_both(*one) for one in amounts)}."


def _both(pair: Sequence[str], noun: str) -> str:
    """The first's and the second's amount."""
    first, second = pair
    return f"{first}{noun} each" if first == second else f"{first}{noun} against {second}"

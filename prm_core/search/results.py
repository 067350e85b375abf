"""Grown trees as problems of a session, and which solution is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from prm_core.evaluation.choices import compare_choices
from prm_core.formats.results import letter
from prm_core.search.tree import Tree, steps_of, tree_json, tree_of
from prm_core.session.record import Model, Problem, Scores, Session, Settings, Solution

Choose = Literal["score", "weighted", "majority"]
"""The best score (`pred`, and "naive" in search-and-learn's utils/math.py), the answer with the
most score, or the commonest answer."""

CHOICES: tuple[str, ...] = get_args(Choose)


def searched(tree: Tree, problem: Problem) -> Problem:
    """A problem with the solutions that a search found, and its tree in `more["search"]`.

    Args:
        tree: of the problem; its solutions, or the open paths of one that has none yet, get the
            letters as names, in their order.
        problem: keeps its id, right answer, source and note; solutions that it had are dropped.
    """
    solutions = tuple(_solution(tree, i, letter(place)) for place, i in enumerate(tree.ends))
    ended = {"tokens": "the budget of tokens", "seconds": "the budget of seconds"}
    return replace(
        problem,
        solutions=solutions,
        status="done" if tree.status else "cancelled",
        message=f"the search was ended by {ended[tree.status]}" if tree.status in ended else "",
        draft=None,
        more={**problem.more, "search": tree_json(tree)},
    )


def _solution(tree: Tree, node_id: int, name: str) -> Solution:
    node, text = tree.nodes[node_id], tree.text(node_id)
    steps = steps_of(text, tree.settings.step_end)
    return Solution(
        name,
        text,
        steps,
        generator=tree.generator,
        scores={tree.model: Scores(node.probabilities)} if node.probabilities else {},
        error=node.error or ("" if steps else "nothing was written"),
    )


def search_session(problems: Sequence[Problem], tree: Tree, threshold: float) -> Session:
    """A session of problems as `searched` makes them.

    Args:
        problems: at least one.
        tree: of any of them: whose PRM and aggregation are on show.
        threshold: the PRM's own.
    """
    model = Model(tree.model, threshold=threshold)
    settings = Settings(model=tree.model, aggregation=tree.settings.aggregation)
    return Session(tuple(problems), (model,), settings)


def search_tree(problem: Problem) -> Tree | None:
    """The tree that a problem of a session carries; None where it has none.

    Raises:
        DataError: what it carries is none that can be read.
    """
    return tree_of(problem.more["search"]) if "search" in problem.more else None


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a rule chooses of the solutions that a search found.

    Attributes:
        solution: its name; the first where several are level. None where nothing was judged.
        answer: the final answer, as that solution says it.
        correct: the chance that it is right, with ties broken at random; None where no right answer
            is known, 0 where there is one and nothing to choose.
    """

    solution: Solution | None
    answer: str | None
    correct: float | None


def chosen(problem: Problem, model: str, aggregation: str, choose: str = "score") -> Chosen:
    """The solution, or the answer, that a rule chooses; where no path has one, the best score.

    Args:
        problem: with its solutions; those that were not judged are left out.
        model: whose scores.
        aggregation: of those.
        choose: a name in `CHOICES`.
    """
    scored = [one.scored(problem.problem, model) for one in problem.solutions]
    judged = [(one, said) for one, said in zip(problem.solutions, scored, strict=True) if said]
    if not judged:
        return Chosen(None, None, None if problem.gold_answer is None else 0.0)
    found = compare_choices([said for _, said in judged], problem.gold_answer)
    rules = {"score": aggregation, "weighted": f"vote_{aggregation}", "majority": "majority"}
    pick = found.pick(rules[choose])
    if not pick.solutions:
        pick = found.pick(aggregation)
    solution = judged[pick.solutions[0]][0]
    return Chosen(solution, solution.final_answer(), pick.accuracy)

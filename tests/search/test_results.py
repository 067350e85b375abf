"""A grown tree as a session, what is chosen of it, and what a report counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from prm_core.errors import DataError
from prm_core.search.engine import grow
from prm_core.search.report import measured, n_searches
from prm_core.search.results import chosen, search_session, search_tree, searched
from prm_core.search.tree import Settings, Tree, new_tree
from prm_core.session import Problem, read_session, session_json
from tests.search.scripted import Script, ScriptedGenerator, ScriptedScorer

PROBLEM = Problem("What is 2 + 2?", id="sum", gold_answer="4", source="sums")
# Best score: 5; most score together: 4 (twice .6); commonest: 3 (three times .1).
SCRIPT: Script = {
    "": (
        "Add.\n\nSo the answer is 5.",
        *("Add.\n\nThe answer is 4.", "Add them.\n\nThe answer is 4."),
        *("Add.\n\nIt is \\boxed{3}.", "Add.\n\nIt is 3, \\boxed{3}.", "Hm.\n\nIt is \\boxed{3}."),
    )
}
TABLE = {
    "Add.": 0.9,
    "So the answer is 5.": 0.8,
    "The answer is 4.": 0.6,
    "It is \\boxed{3}.": 0.1,
    "It is 3, \\boxed{3}.": 0.1,
}


def tree(**settings: object) -> Tree:
    chosen_settings = Settings(**{"way": "best-of-n", "n": 6, "width": 2, **settings})
    return end(PROBLEM, chosen_settings)


def end(problem: Problem, settings: Settings) -> Tree:
    start = new_tree(problem.problem, settings, "scripted", "table")
    *_, last = grow(start, ScriptedGenerator(SCRIPT), ScriptedScorer(TABLE))
    return last.tree


@pytest.mark.parametrize(
    ("choose", "name", "answer", "right"),
    [("score", "A", "5", 0.0), ("weighted", "B", "4", 1.0), ("majority", "D", "3", 0.0)],
)
def test_rules_choose_what_they_are_for(choose: str, name: str, answer: str, right: float) -> None:
    found = chosen(searched(tree(), PROBLEM), "table", "last", choose)
    assert found.solution is not None
    assert (found.solution.name, found.answer, found.correct) == (name, answer, right)


def test_a_search_is_a_session_and_its_tree_comes_back() -> None:
    grown = tree()
    session = search_session([searched(grown, PROBLEM)], grown, 0.4)
    read = read_session(session_json(session))
    assert read == session
    (problem,) = read.problems
    assert (problem.id, problem.gold_answer, problem.source) == ("sum", "4", "sums")
    assert search_tree(problem) == grown
    first = problem.solutions[0]
    assert (first.steps, first.generator) == (("Add.", "So the answer is 5."), "scripted")
    assert first.scores["table"].probabilities == (0.9, 0.8)
    assert (read.model.id, read.threshold, read.settings.aggregation) == ("table", 0.4, "last")
    assert search_tree(PROBLEM) is None
    with pytest.raises(DataError):
        search_tree(replace(problem, more={"search": {"format": "else"}}))


def test_what_was_not_judged_says_why_and_is_not_chosen() -> None:
    script = {"": ("This is too long.", "")}
    start = new_tree("1 + 1?", Settings(way="best-of-n", n=2), "scripted", "table")
    *_, last = grow(start, ScriptedGenerator(script), ScriptedScorer(TABLE))
    problem = searched(last.tree, Problem("1 + 1?", gold_answer="2"))
    assert [one.error for one in problem.solutions] == [
        "a candidate is too long",
        "nothing was written",
    ]
    assert chosen(problem, "table", "last") == chosen(Problem("", gold_answer="2"), "table", "last")
    assert chosen(problem, "table", "last").correct == 0.0


def test_a_budget_that_ended_it_is_said() -> None:
    assert "budget of tokens" in searched(tree(budget_tokens=60), PROBLEM).message
    assert searched(tree(), PROBLEM).message == ""


def test_a_report_counts_each_way_s_tokens_and_right_answers() -> None:
    n_grown = 0

    def counted(problem: Problem, settings: Settings) -> Tree:
        nonlocal n_grown
        n_grown += 1
        return end(problem, settings)

    settings = Settings(width=2)
    found = measured([PROBLEM, PROBLEM], settings, [2, 6], "weighted", counted)
    assert n_grown == n_searches(2, [2, 6]) == 10
    texts = SCRIPT[""]
    tokens = {n: sum(map(len, texts[:n])) for n in (1, 2, 4, 6)}
    assert found["best-of-n"] == {
        1: [(tokens[1], 0.0)] * 2,
        2: [(tokens[2], 0.0)] * 2,
        4: [(tokens[4], 1.0)] * 2,
        6: [(tokens[6], 1.0)] * 2,
    }
    assert [found["majority"][n][0][1] for n in (1, 2, 4, 6)] == [0.0, 0.5, 1.0, 0.0]
    assert set(found["beam"]) == set(found["dvts"]) == {2, 6}
    alone = end(PROBLEM, replace(settings, way="dvts", n=6))
    assert found["dvts"][6][0][0] == alone.n_tokens

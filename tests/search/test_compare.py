"""What differs between two searches, in words; the expectations are read off the scripted trees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prm_core.search.compare import search_differences
from prm_core.search.engine import grow
from prm_core.search.tree import Settings, Tree, new_tree
from tests.search.scripted import Script, ScriptedGenerator, ScriptedScorer

# Two first steps; the path with the right answer has the better end.
SCRIPT: Script = {
    "": ("a\n\n", "b\n\n"),
    "a\n\n": ("The answer is 5.", "The answer is 6."),
    "b\n\n": ("The answer is 4.", "The answer is 7."),
}
TABLE = {
    "a": 0.9,
    "b": 0.8,
    "The answer is 4.": 0.95,
    "The answer is 5.": 0.3,
    "The answer is 6.": 0.2,
    "The answer is 7.": 0.1,
}


def search(script: Script = SCRIPT, **settings: Any) -> Tree:
    chosen = Settings(**{"n": 2, "width": 1, **settings})
    tree = new_tree("What is 2 + 2?", chosen, "scripted", "table")
    *_, last = grow(tree, ScriptedGenerator(script), ScriptedScorer(TABLE))
    return replace(last.tree, seconds=2.0)


def test_answers_scores_and_costs_are_said() -> None:
    first = search(way="dvts")  # a, then 5; b, then 4
    second = search(way="beam", width=2, temperature=0.5)  # only a: 5 and 6
    assert search_differences(first, second, "4", "min") == [
        "The first chooses 4 (right), the second 5 (wrong).",
        "Only the first has a solution with 4 (right).",
        "Only the second has a solution with 6 (wrong).",
        "Best score under minimum: 0.80 against 0.30.",
        "Settings that differ: temperature 0.8 and 0.5.",
        f"{first.n_tokens} tokens each, 4 steps each, 2 solutions each, 2.0 s each.",
    ]


def test_the_same_answers_are_the_same_however_they_are_written() -> None:
    script = {**SCRIPT, "b\n\n": ("The answer is 4.0.",)}
    table = {**TABLE, "The answer is 4.0.": 0.95}
    tree = new_tree("What is 2 + 2?", Settings(way="dvts", n=2, width=1), "scripted", "table")
    *_, last = grow(tree, ScriptedGenerator(script), ScriptedScorer(table))
    chosen, found, score, *_ = search_differences(search(way="dvts"), last.tree, None, "last")
    assert chosen == "Both choose 4."
    assert found == "Both found the same 2 answers."
    assert score == "Best score under last step: 0.95 each."


def test_scores_of_different_prms_are_not_compared() -> None:
    first = search(way="dvts")
    said = search_differences(first, replace(first, model="other"), None, "min")
    assert "Different PRMs judged them, so their scores are not comparable." in said
    assert not any(one.startswith("Best score") for one in said)


def test_a_search_without_a_judged_solution_chooses_none() -> None:
    first = search(way="dvts")
    empty = replace(first, nodes=(), solutions=(), groups=((None, None),), status="")
    assert search_differences(first, empty, "4", "min")[:2] == [
        "The first chooses 4 (right), the second no answer.",
        "Only the first has a solution with 5 (wrong) and 4 (right).",
    ]

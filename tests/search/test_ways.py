"""Each way finds the best path of a known tree, or must not, by its definition."""

from __future__ import annotations

from typing import Any

import pytest

from prm_core.errors import BadOptionError
from prm_core.search.engine import grow
from prm_core.search.tree import Settings, Tree, new_tree
from tests.search.scripted import Script, ScriptedGenerator, ScriptedScorer

PROBLEM = "What is 2 + 2?"

# Four first steps; the good end is behind the second, which is not the best of the first two.
SECOND: Script = {
    "": ("a\n\n", "b\n\n", "c\n\n", "d\n\n"),
    "a\n\n": ("bad", "worse"),
    "b\n\n": ("worse", "good"),
    "c\n\n": ("bad", "worse"),
    "d\n\n": ("bad", "worse"),
}
# The same with the good end behind the third: fewer points than the first two, but in the second
# half, where it is the best.
THIRD: Script = {**SECOND, "b\n\n": ("worse", "bad"), "c\n\n": ("worse", "good")}
TABLE = {"a": 0.9, "b": 0.8, "c": 0.5, "d": 0.4, "good": 0.95, "bad": 0.2, "worse": 0.1}


def search(script: Script, **settings: Any) -> tuple[Tree, ScriptedGenerator, ScriptedScorer]:
    generator, scorer = ScriptedGenerator(script), ScriptedScorer(TABLE)
    chosen = Settings(**{"n": 4, "width": 2, **settings})
    *_, last = grow(new_tree(PROBLEM, chosen, "scripted", "table"), generator, scorer)
    return last.tree, generator, scorer


def found(tree: Tree) -> list[str]:
    return [tree.text(one) for one in tree.solutions]


@pytest.mark.parametrize(
    ("script", "way", "is_found"),
    [
        (SECOND, "beam", True),  # two of four go on: a and b
        (SECOND, "dvts", False),  # one of each two: a and c
        (SECOND, "best-of-n", False),  # whole solutions: each goes on in its first way
        (THIRD, "beam", False),
        (THIRD, "dvts", True),
        (THIRD, "best-of-n", False),
        ({**SECOND, "d\n\n": ("good",)}, "best-of-n", True),
        ({**SECOND, "b\n\n": ("bad",), "d\n\n": ("good",)}, "beam", False),
        ({**SECOND, "b\n\n": ("bad",), "d\n\n": ("good",)}, "dvts", False),
    ],
)
def test_a_way_finds_the_good_end_where_its_definition_leads(
    script: Script, way: str, is_found: bool
) -> None:
    tree, _, _ = search(script, way=way)
    assert any(text.endswith("good") for text in found(tree)) is is_found
    assert len(tree.solutions) == 4
    assert tree.status == "done"


def test_beam_search_keeps_the_best_and_writes_each_on_as_often_as_it_is_wide() -> None:
    tree, generator, _ = search(SECOND, way="beam")
    assert [prefixes for _, prefixes in generator.calls] == [
        ["", "", "", ""],
        ["a\n\n", "b\n\n", "a\n\n", "b\n\n"],
    ]
    assert [node.text for node in tree.nodes if node.pruned == "score"] == ["c\n\n", "d\n\n"]
    assert found(tree) == ["a\n\nbad", "b\n\nworse", "a\n\nworse", "b\n\ngood"]
    best = max(tree.solutions, key=lambda one: tree.nodes[one].score or 0)
    assert (tree.nodes[best].score, tree.nodes[best].probabilities) == (0.95, (0.8, 0.95))


def test_dvts_keeps_one_of_each_subtree() -> None:
    tree, generator, _ = search(SECOND, way="dvts")
    assert generator.calls[1][1] == ["a\n\n", "a\n\n", "c\n\n", "c\n\n"]
    assert found(tree) == ["a\n\nbad", "a\n\nworse", "c\n\nbad", "c\n\nworse"]


def test_dvts_ends_a_subtree_at_a_boxed_answer() -> None:
    script = {"": ("a \\boxed{4}\n\n", "d\n\n"), "d\n\n": ("b",), "a \\boxed{4}\n\n": ("more",)}
    tree, generator, _ = search(script, way="dvts", n=2)
    assert (len(generator.calls), found(tree)) == (1, ["a \\boxed{4}\n\n", "d\n\n"])
    assert search(script, way="beam", n=2)[0].n_rounds == 2


def test_best_of_n_writes_whole_solutions_in_one_round() -> None:
    tree, generator, scorer = search(SECOND, way="best-of-n")
    ((sampling, prefixes),) = generator.calls
    assert (sampling.until, prefixes) == (None, [""] * 4)
    assert scorer.scored == [("a", "bad"), ("b", "worse"), ("c", "bad"), ("d", "bad")]
    assert [node.parent for node in tree.nodes] == [None, 0, None, 2, None, 4, None, 6]
    assert [node.probability for node in tree.nodes[:2]] == [0.9, 0.2]


def test_a_path_that_ended_frees_no_place_and_the_others_fill_the_beam() -> None:
    script = {"": ("end", "b\n\n", "c\n\n", "d\n\n"), "b\n\n": ("x",), "c\n\n": ("y",)}
    tree, generator, _ = search(script, way="beam")
    assert generator.calls[1][1] == ["b\n\n", "c\n\n", "b\n\n", "c\n\n"]
    assert found(tree) == ["end", "b\n\nx", "c\n\ny", "b\n\nx"]  # the first four of five
    assert [node.pruned for node in tree.nodes].count("surplus") == 1


def test_equal_paths_count_once_in_a_beam_unless_they_are_kept() -> None:
    script = {"": ("a\n\n", "a\n\n", "a\n\n", "c\n\n"), "a\n\n": ("x",), "c\n\n": ("y",)}
    tree, generator, scorer = search(script, way="beam")
    assert generator.calls[1][1] == ["a\n\n", "c\n\n", "a\n\n", "c\n\n"]
    assert [node.pruned for node in tree.nodes[:4]] == ["", "duplicate", "duplicate", ""]
    assert scorer.scored[:2] == [("a",), ("c",)]  # and are judged once
    _, kept, _ = search(script, way="beam", drop_duplicates=False)
    assert kept.calls[1][1] == ["a\n\n", "a\n\n", "a\n\n", "a\n\n"]


def test_fewer_different_paths_than_places_are_repeated() -> None:
    script = {"": ("a\n\n",), "a\n\n": ("x", "y")}
    _, generator, _ = search(script, way="beam")
    assert generator.calls[1][1] == ["a\n\n"] * 4


@pytest.mark.parametrize(("aggregation", "kept"), [("last", "d"), ("min", "a"), ("prod", "a")])
def test_a_path_counts_by_its_aggregation(aggregation: str, kept: str) -> None:
    # One step further it is .9, .5 against .4, .8.
    script = {"": ("a\n\n", "d\n\n"), "a\n\n": ("c\n\n",), "d\n\n": ("b\n\n",)}
    options = {"way": "dvts", "n": 2, "rounds": 2, "lookahead": 1, "aggregation": aggregation}
    _, generator, _ = search(script, **options)
    assert generator.calls[2][1] == [f"{kept}\n\n"] * 2


def test_the_last_round_writes_to_the_end() -> None:
    endless = {"a\n\n" * i: ("a\n\n",) for i in range(5)}
    tree, generator, _ = search(endless, way="beam", rounds=3)
    assert [sampling.until for sampling, _ in generator.calls] == ["\n\n", "\n\n", None]
    assert (tree.n_rounds, tree.status) == (3, "done")


def test_what_looks_ahead_is_judged_and_dropped() -> None:
    # a is better than b by itself, but b leads to a better step.
    script = {"": ("a\n\n", "b\n\n"), "a\n\n": ("bad\n\n",), "b\n\n": ("good\n\n",)}
    plain, _, _ = search(script, way="dvts", n=2, rounds=2)
    tree, generator, _ = search(script, way="dvts", n=2, rounds=2, lookahead=1)
    assert plain.text(plain.solutions[0]).startswith("a")
    assert tree.text(tree.solutions[0]).startswith("b")
    ahead = generator.calls[1]
    assert (ahead[0].temperature, ahead[1]) == (0.0, ["a\n\n", "b\n\n"])
    assert generator.calls[2][1] == ["b\n\n", "b\n\n"]  # without the good step
    assert tree.nodes[1].probabilities == (0.8,)
    assert tree.nodes[1].score == 0.95
    assert tree.n_tokens == sum(node.n_tokens for node in tree.nodes) + len("bad\n\ngood\n\n")


def test_seeds_differ_from_slot_to_slot_and_round_to_round_and_never_from_run_to_run() -> None:
    runs = [search(SECOND, way="beam")[1].seeds for _ in range(2)]
    assert runs[0] == runs[1]
    assert len({seed for call in runs[0] for seed in call}) == 8
    assert search(SECOND, way="beam", seed=1)[1].seeds != runs[0]
    assert all(0 <= seed < 2**31 for call in runs[0] for seed in call)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"n": 6, "width": 4}, "6, no multiple of the width 4"),
        ({"way": "mcts"}, "'mcts'"),
        ({"aggregation": "nope"}, "'nope'"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"top_p": 1.5}, "1.5"),
        ({"budget_tokens": 0}, "budget_tokens is 0"),
    ],
)
def test_settings_that_make_no_search_are_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(BadOptionError, match=named):
        Settings(**options)

"""A search stops where it should, and goes on from where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prm_core.errors import DataError, ModelError
from prm_core.search.engine import Event, grow
from prm_core.search.runs import grown, load_tree, save_tree, tree_file
from prm_core.search.tree import Settings, Tree, new_tree, tree_json, tree_of
from prm_core.types import Candidate, ScoredCandidate
from tests.search.scripted import ScriptedGenerator, ScriptedScorer
from tests.search.test_ways import PROBLEM, TABLE

# Three rounds, then the end.
DEEP = {
    "": ("a\n\n", "b\n\n", "c\n\n", "d\n\n"),
    "a\n\n": ("c\n\n", "d\n\n"),
    "b\n\n": ("a\n\n", "bad"),
    "a\n\nc\n\n": ("worse", "good"),
    "b\n\na\n\n": ("too long", "good"),
}


def start(**settings: Any) -> Tree:
    return new_tree(PROBLEM, Settings(**{"n": 4, "width": 2, **settings}), "scripted", "table")


def events(tree: Tree, script: Any = DEEP) -> Iterator[Event]:
    return grow(tree, ScriptedGenerator(script), ScriptedScorer(TABLE))


def end(tree: Tree, script: Any = DEEP) -> Tree:
    *_, last = events(tree, script)
    return timeless(last.tree)


def timeless(tree: Tree) -> Tree:
    return replace(tree, seconds=0.0)


def test_events_tell_all_that_the_tree_becomes() -> None:
    seen: dict[int, Any] = {}
    solutions, kinds = [], []
    for event in events(start()):
        kinds.append(event.kind)
        if event.node is not None:
            seen[event.node.id] = event.node
        if event.kind == "solution" and event.node is not None:
            solutions.append(event.node.id)
    tree = event.tree
    assert kinds[:8] == ["added"] * 4 + ["scored"] * 4
    assert tuple(seen[i] for i in sorted(seen)) == tree.nodes
    assert tuple(one for one in solutions if not seen[one].pruned) == tree.solutions
    assert kinds[-1] == "round"


@pytest.mark.parametrize("way", ["beam", "dvts", "best-of-n"])
def test_a_tree_that_was_killed_after_any_round_ends_as_it_would_have(
    way: str, tmp_path: Path
) -> None:
    whole = end(start(way=way))
    rounds = [event.tree for event in events(start(way=way)) if event.kind == "round"]
    for tree in rounds:
        save_tree(tree, tmp_path / "tree.json")
        assert load_tree(tmp_path / "tree.json") == tree
        if not tree.status:
            assert end(load_tree(tmp_path / "tree.json")) == whole


def test_a_tree_that_is_left_in_a_round_is_as_it_was_before(tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def killed(event: Event) -> None:
        nonlocal n_scored
        n_scored += event.kind == "scored"
        if n_scored == 6:  # in the middle of the second round
            raise KilledError

    n_scored = 0
    generator, scorer = ScriptedGenerator(DEEP), ScriptedScorer(TABLE)
    with pytest.raises(KilledError):
        grown(start(), generator, scorer, tmp_path, killed)
    kept = load_tree(tree_file(tmp_path, start()))
    assert (kept.n_rounds, len(kept.nodes)) == (1, 4)
    again = ScriptedGenerator(DEEP)
    assert timeless(grown(start(), again, scorer, tmp_path)) == end(start())
    assert again.calls[0][1] == generator.calls[1][1]  # the first round was not done again
    assert again.seeds[0] == generator.seeds[1]
    assert len(list(tmp_path.iterdir())) == 1
    done = ScriptedGenerator(DEEP)
    grown(start(), done, scorer, tmp_path)
    assert not done.calls


def test_other_settings_have_another_file(tmp_path: Path) -> None:
    names = {tree_file(tmp_path, one) for one in (start(), start(seed=1), start(way="dvts"))}
    assert len(names) == 3


def test_a_generator_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    class Failing(ScriptedGenerator):
        def write(self, *args: Any) -> Any:
            if len(self.calls) == 2:
                raise ModelError("the generator failed")
            return super().write(*args)

    with pytest.raises(ModelError):
        grown(start(), Failing(DEEP), ScriptedScorer(TABLE), tmp_path)
    assert load_tree(tree_file(tmp_path, start())).n_rounds == 2
    assert timeless(
        grown(start(), ScriptedGenerator(DEEP), ScriptedScorer(TABLE), tmp_path)
    ) == end(start())


@pytest.mark.parametrize("budget", [1, 3, 4, 15, 22, 29, 36, 43, 50, 57, 500])
@pytest.mark.parametrize("way", ["beam", "dvts", "best-of-n"])
def test_no_token_is_written_beyond_the_budget(way: str, budget: int) -> None:
    assert end(start(way=way, budget_tokens=budget, lookahead=1)).n_tokens <= budget
    tree = end(start(way=way, budget_tokens=budget))
    assert tree.n_tokens <= budget
    if tree.status == "done":
        assert tree.nodes == end(start(way=way)).nodes
    assert (tree.status == "done") >= (budget == 500)
    assert bool(tree.solutions) is (budget >= 4)  # a token for each path; cut ones if need be


def test_where_a_budget_ends_it_what_ended_by_itself_is_preferred() -> None:
    script = {"": ("end", "b\n\n", "c\n\n", "d\n\n"), "b\n\n": ("a long step",)}
    script |= {"c\n\n": ("a long step",)}
    tree = end(start(budget_tokens=16), script)
    assert [tree.text(one) for one in tree.solutions] == ["end"]
    assert {node.pruned for node in tree.nodes if node.end == "length"} == {"budget"}


def test_no_round_begins_when_the_time_is_up() -> None:
    generator = ScriptedGenerator(DEEP)
    tree = replace(start(budget_s=5.0), seconds=6.0)  # spent by an earlier run
    *_, last = grow(tree, generator, ScriptedScorer(TABLE))
    assert (last.tree.status, generator.calls) == ("seconds", [])


def test_a_path_that_the_model_refuses_ends_and_the_others_go_on() -> None:
    tree = end(start())
    (refused,) = [node for node in tree.nodes if node.error]
    assert (refused.text, refused.error, refused.score) == (
        "too long",
        "a candidate is too long",
        None,
    )
    assert refused.id in tree.solutions


def test_a_path_that_the_generator_refuses_is_pruned_with_the_reason() -> None:
    script = {"": ("a\n\n", "FAIL", "b\n\n", "FAIL"), "a\n\n": ("good",), "b\n\n": ("bad",)}
    tree = end(start(), script)
    failed = [node for node in tree.nodes if node.pruned == "failed"]
    assert [node.error for node in failed] == ["it is refused"] * 2
    assert len(tree.solutions) == 4
    nothing = end(start(), {"": ("FAIL",)})
    assert (nothing.solutions, nothing.status) == ((), "done")


def test_an_outcome_model_s_number_is_for_the_whole_path() -> None:
    class Outcome(ScriptedScorer):
        def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
            return super().score([one.joined() for one in candidates])

    scorer = Outcome({"a\n\nc": 0.7, "a\n\nc\n\ngood": 0.6, **TABLE})
    script = {"": ("a\n\n",), "a\n\n": ("c\n\n",), "a\n\nc\n\n": ("good",)}
    *_, last = grow(start(n=1, width=1), ScriptedGenerator(script), scorer)
    assert [node.probability for node in last.tree.nodes] == [0.9, 0.7, 0.6]
    assert [node.probabilities for node in last.tree.nodes] == [(0.9,), (0.7,), (0.6,)]
    whole = grow(start(n=1, way="best-of-n"), ScriptedGenerator(script), scorer)
    *_, last = whole
    assert [node.probability for node in last.tree.nodes] == [None, None, 0.6]


def test_blank_steps_are_no_steps() -> None:
    script = {
        "": ("\n\n",),
        "\n\n": ("a\n\n", "b\n\n"),
        "\n\na\n\n": ("good",),
        "\n\nb\n\n": ("bad",),
    }
    tree = end(start(), script)
    first = tree.nodes[0]
    assert (first.probability, first.score) == (None, 0.0)
    best = max(tree.solutions, key=lambda one: tree.nodes[one].score or 0)
    assert tree.nodes[best].probabilities == (0.9, 0.95)


def test_the_json_is_plain_and_equal() -> None:
    tree = end(start())
    value = json.loads(json.dumps(tree_json(tree)))
    assert (value["format"], value["version"]) == ("prm-inspector-search", 1)
    assert value["nodes"][4] == {
        "parent": 0,
        "text": "c\n\n",
        "round": 1,
        "n_tokens": 3,
        "probability": 0.5,
        "score": 0.5,
        "probabilities": [0.9, 0.5],
    }
    assert tree_of(value) == tree


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"format": "other"}, "format"),
        ({"version": 2}, "version 2"),
        ({"settings": {"n": 3}}, "3, no multiple"),
        ({"settings": {"nope": 3}}, "nope"),
        ({"solutions": [99]}, "no node 99"),
        ({"groups": [[True]]}, "no node True"),
        ({"status": "lost"}, "'lost'"),
        ({"problem": 4}, "4 is no text"),
        ({"settings": {"ask": 4}}, "4 is no text"),
        ({"seconds": float("nan")}, "nan is no number"),
        ({"nodes": [{"parent": 0, "text": ""}]}, "parent 0"),
        ({"nodes": [{"text": ""}]}, "parent"),
        ({"nodes": [{"parent": None, "text": "", "score": "high"}]}, "'high'"),
        ({"nodes": [{"parent": None, "text": "", "probability": 1.5}]}, "1.5"),
        ({"nodes": [{"parent": None, "text": "", "pruned": "x"}]}, "'x'"),
        ({"nodes": 4}, "int"),
    ],
)
def test_what_is_no_tree_is_refused_by_what_is_wrong(change: dict[str, Any], named: str) -> None:
    with pytest.raises(DataError, match=named):
        tree_of({**tree_json(start()), **change})


def test_a_file_that_is_no_tree_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(DataError, match=r"x\.json"):
        load_tree(tmp_path / "x.json")

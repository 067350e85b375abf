"""The loop of every search: write on each path, judge, choose; a round at a time.

`grow` is an iterator of events, so that a caller who draws the tree sees it grow and can leave
between two events. A tree changes only with a whole round: one that was left, killed or failed in
a round is as it was before, and growing it again does the same round with the same seeds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from prm_core.errors import InputError
from prm_core.ranking.aggregate import aggregate
from prm_core.search import generators
from prm_core.search.generators import Sampling, Written
from prm_core.search.tree import Node, Pruned, Status, Tree, pieces, steps_of
from prm_core.search.ways import WAYS, Leaf
from prm_core.types import Candidate, ScoredCandidate, StepScorer


@dataclass(frozen=True, slots=True)
class Event:
    """What has just happened to a tree.

    Attributes:
        kind: a node was "added", "scored", "pruned" or made a "solution"; or a "round" is over,
            and `tree` is what there is to keep.
        tree: after a round the new one, else the tree as the round began.
        node: as it is now; None for a round.
    """

    kind: Literal["added", "scored", "pruned", "solution", "round"]
    tree: Tree
    node: Node | None = None


def grow(
    tree: Tree,
    generator: generators.Generator,
    scorer: StepScorer,
    beat: Callable[[], None] = lambda: None,
) -> Iterator[Event]:
    """Grow a tree to its end, from wherever it is; the last event's tree has a status.

    Args:
        tree: a new one, or one that was saved.
        generator: writes.
        scorer: judges; one that keeps prefixes computes each step once.
        beat: called often while texts are written; what it raises ends the search.

    Raises:
        ModelError: the generator or the PRM does not work.
    """
    settings, before, began = tree.settings, tree.seconds, time.monotonic()

    def seconds() -> float:
        return before + time.monotonic() - began

    def is_late() -> bool:
        beat()
        return settings.budget_s is not None and seconds() >= settings.budget_s

    while not tree.status:
        pruned: list[Node] = []
        status = _status(tree, is_late())
        if not status:
            allowance = _allowance(tree, tree.n_tokens)
            pruned, tree = yield from _round(tree, generator, scorer, is_late)
            if allowance < settings.max_tokens and _was_cut(tree):
                status = "tokens"
        if status:
            left, tree = _finished(tree, status)
            pruned += left
        yield from (Event("pruned", tree, one) for one in pruned)
        tree = replace(tree, seconds=seconds())
        yield Event("round", tree)


def _status(tree: Tree, is_late: bool) -> Status:
    """Why no further round may begin; empty if one may."""
    budget = tree.settings.budget_tokens
    if budget is not None and budget - tree.n_tokens < tree.settings.n:  # a token for each path
        return "tokens"
    if is_late:
        return "seconds"
    return "done" if not tree.groups or tree.n_rounds >= tree.settings.n_rounds else ""


def _was_cut(tree: Tree) -> bool:
    """Whether a text of the last round was cut."""
    return any(node.end == "length" for node in tree.nodes if node.round == tree.n_rounds - 1)


def _allowance(tree: Tree, n_tokens: int) -> int:
    """Most tokens of each continuation, so that all of them together stay within the budget."""
    budget, most = tree.settings.budget_tokens, tree.settings.max_tokens
    n_slots = sum(map(len, tree.groups))
    return most if budget is None else min(most, max(0, budget - n_tokens) // n_slots)


Pruning = tuple[list[Node], Tree]


def _round(
    tree: Tree,
    generator: generators.Generator,
    scorer: StepScorer,
    is_late: Callable[[], bool],
) -> Generator[Event, None, Pruning]:
    """One round: what was pruned in it, and the tree after it."""
    written, ahead, n_tokens = _write(tree, generator, is_late)
    parents = [node for group in tree.groups for node in group]
    nodes, ends = list(tree.nodes), []
    for parent, one in zip(parents, written, strict=True):
        nodes += _nodes(tree, parent, one, len(nodes))
        ends.append(len(nodes) - 1)
    yield from (Event("added", tree, node) for node in nodes[len(tree.nodes) :])
    grown = replace(
        tree, nodes=tuple(nodes), n_rounds=tree.n_rounds + 1, n_tokens=tree.n_tokens + n_tokens
    )
    grown = _judged(grown, ends, ahead, scorer)
    yield from (Event("scored", tree, node) for node in grown.nodes[len(tree.nodes) :])
    pruned, grown = _chosen(grown, ends)
    new = grown.solutions[len(tree.solutions) :]
    yield from (Event("solution", tree, grown.nodes[one]) for one in new)
    return pruned, grown


def _write(
    tree: Tree, generator: generators.Generator, is_late: Callable[[], bool]
) -> tuple[list[Written], list[str], int]:
    """A continuation for each slot, the text that looks ahead of it, and all tokens."""
    s, is_last = tree.settings, tree.n_rounds + 1 >= tree.settings.n_rounds
    prefixes = [tree.text(node) for group in tree.groups for node in group]

    def write(
        slots: Sequence[int], texts: Sequence[str], depth: int, n_tokens: int
    ) -> list[Written]:
        sampling = Sampling(
            None if is_last else s.step_end,
            s.temperature if depth == 0 else 0.0,
            s.top_p,
            _allowance(tree, tree.n_tokens + n_tokens),
            s.ask,
        )
        seeds = [_seed(s.seed, tree.problem, tree.n_rounds, slot, depth) for slot in slots]
        return generator.write(tree.problem, texts, seeds, sampling, is_late)

    slots: list[int] = [*range(len(prefixes))]
    written = write(slots, prefixes, 0, 0)
    n_tokens = sum(one.n_tokens for one in written)
    ahead, last = [""] * len(slots), dict(enumerate(written))
    for depth in range(1, 1 + (0 if is_last else s.lookahead)):
        slots = [i for i in slots if last[i].end == "step"]
        if not slots or not _allowance(tree, tree.n_tokens + n_tokens):
            break
        texts = [prefixes[i] + written[i].text + ahead[i] for i in slots]
        last = dict(zip(slots, write(slots, texts, depth, n_tokens), strict=True))
        for i, one in last.items():
            ahead[i] += one.text
        n_tokens += sum(one.n_tokens for one in last.values())
    return written, ahead, n_tokens


def _seed(*parts: object) -> int:
    """A seed that is the same in every run: 31 bits, which every server takes."""
    return int.from_bytes(sha256(repr(parts).encode("utf-8", "replace")).digest()[:4]) >> 1


def _nodes(tree: Tree, parent: int | None, written: Written, next_id: int) -> Iterator[Node]:
    """What was written as nodes, one under the other: a step each."""
    *inner, last = pieces(written.text, tree.settings.step_end)
    for text in inner:
        yield Node(next_id, parent, text, tree.n_rounds)
        parent, next_id = next_id, next_id + 1
    yield Node(
        next_id,
        parent,
        last,
        tree.n_rounds,
        written.n_tokens,
        written.end,
        error=written.error,
    )


def _judged(tree: Tree, ends: Sequence[int], ahead: Sequence[str], scorer: StepScorer) -> Tree:
    """With what the PRM says of each path that was written on; equal texts are judged once."""
    s, nodes = tree.settings, list(tree.nodes)
    texts = {end: tree.text(end) for end in ends if nodes[end].end != "failed"}
    wholes = {end: texts[end] + more for end, more in zip(ends, ahead, strict=True) if end in texts}
    candidates = {
        whole: Candidate(tree.problem, steps)
        for whole in dict.fromkeys(wholes.values())
        if (steps := steps_of(whole, s.step_end))
    }
    said = dict(zip(candidates, _scores(scorer, [*candidates.values()]), strict=True))
    for end, whole in wholes.items():
        found = said.get(whole)
        if isinstance(found, InputError):
            nodes[end] = replace(nodes[end], error=str(found))
        elif found is None:  # nothing but blanks so far: it may continue if nothing is better
            nodes[end] = replace(nodes[end], score=0.0)
        else:
            _note(nodes, tree, end, found)
    return replace(tree, nodes=tuple(nodes))


def _scores(
    scorer: StepScorer, candidates: Sequence[Candidate]
) -> list[ScoredCandidate | InputError]:
    """What the PRM says of all; where it refuses, of each alone."""
    try:
        return list(scorer.score(candidates)) if candidates else []
    except InputError as error:
        if len(candidates) == 1:
            return [error]
    return [found for one in candidates for found in _scores(scorer, [one])]


def _note(nodes: list[Node], tree: Tree, end: int, scored: ScoredCandidate) -> None:
    """Write what the PRM says of a path into its nodes of this round."""
    said, step_end = scored.probabilities, tree.settings.step_end
    if scored.candidate.whole_of is not None:  # one number for the whole
        nodes[end] = replace(nodes[end], probability=said[0], probabilities=said)
    else:
        text = ""
        for node in tree.path(end):
            text += node.text
            n_steps = len(steps_of(text, step_end))
            if node.round == tree.n_rounds - 1 and node.text.strip():
                nodes[node.id] = replace(nodes[node.id], probability=said[n_steps - 1])
        nodes[end] = replace(nodes[end], probabilities=said[:n_steps])
    nodes[end] = replace(nodes[end], score=aggregate(said, tree.settings.aggregation))


def _chosen(tree: Tree, ends: Sequence[int]) -> Pruning:
    """The groups of the next round by the way's rule; the rest are solutions or pruned."""
    way, s, nodes = WAYS[tree.settings.way], tree.settings, list(tree.nodes)
    groups, solutions, pruned, at = [], [*tree.solutions], [], 0
    for group in tree.groups:
        leaves = [Leaf(nodes[end], tree.text(end)) for end in ends[at : at + len(group)]]
        at += len(group)
        ended, kept = way([one for one in leaves if one.node.end != "failed"], s)
        solutions += [one.node.id for one in ended]
        if kept:
            groups.append(tuple(kept[i % len(kept)].node.id for i in range(len(group))))
        stay = {one.node.id for one in (*ended, *kept)}
        seen = {one.text for one in kept}
        for one in leaves:
            if one.node.id not in stay:
                why: Pruned = "duplicate" if one.text in seen else "score"
                why = "failed" if one.node.end == "failed" else why
                nodes[one.node.id] = replace(one.node, pruned=why)
                pruned.append(nodes[one.node.id])
    grown = replace(tree, nodes=tuple(nodes), groups=tuple(groups), solutions=tuple(solutions))
    return pruned, grown


def _finished(tree: Tree, status: Status) -> Pruning:
    """The end: n solutions at most, the first that ended.

    Where a budget ended it, they are those that ended by themselves. What is cut or still open is a
    solution only where there is no other.
    """
    nodes, open_ends = list(tree.nodes), [one for group in tree.groups for one in group]
    ended = [one for one in tree.solutions if status == "done" or nodes[one].end == "done"]
    rest = dict.fromkeys([*tree.solutions, *(one for one in open_ends if one is not None)])
    solutions = (ended or [*rest])[: tree.settings.n]
    pruned = [
        replace(nodes[one], pruned="surplus" if one in ended else "budget")
        for one in rest
        if one not in solutions
    ]
    for node in pruned:
        nodes[node.id] = node
    done = replace(tree, nodes=tuple(nodes), groups=(), solutions=tuple(solutions), status=status)
    return pruned, done

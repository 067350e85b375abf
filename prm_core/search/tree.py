"""What a search grows: nodes of a tree, each a step, with the settings that decide how it grows.

    Tree
    ├─ settings: Settings     the way, its widths, how texts are drawn, budgets
    ├─ nodes: Node            parent, text, tokens, probability, score, why it was pruned
    ├─ groups                 which nodes are written on in the next round
    └─ solutions              which nodes end a solution

All are frozen: a round makes a new tree, so whatever is held is whole. `tree_json` and `tree_of`
write and read a tree; docs/sessions.md describes the JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from prm_core.errors import BadOptionError, DataError, check_above_zero
from prm_core.ranking.aggregate import METHODS
from prm_core.search.generators import ASK, End
from prm_core.session.codec import plain

FORMAT, VERSION = "prm-inspector-search", 1

Way = Literal["best-of-n", "beam", "dvts"]
Pruned = Literal["", "score", "duplicate", "budget", "surplus", "failed"]
Status = Literal["", "done", "tokens", "seconds"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a tree grows. Defaults are those of search-and-learn at commit 6f81cac.

    Attributes:
        way: see `prm_core.search.ways`. Ours; `approach` has no use here as a default.
        n: solutions that are written side by side (`n = 4`).
        width: continuations of each path that is kept, M in the paper (`beam_width = 4`); n is a
            multiple of it. No meaning for best of n.
        temperature: of sampling (`temperature = 0.8`).
        top_p: sampling is among the most probable tokens of this mass (`top_p = 1.0`).
        step_end: what ends a step; it belongs to the step (`stop=["\\n\\n"]`, beam_search.py).
        rounds: most rounds; the last one writes to the end (`num_iterations = 40`).
        max_tokens: of one writing (`max_tokens = 2048`).
        lookahead: further steps, written greedily, that are judged with a step and then dropped
            (`lookahead = 0`). Judged in both ways here, as Snell et al. 2024 define it;
            beam_search.py leaves them out of what it scores.
        aggregation: step probabilities → a path's score (`agg_strategy = "last"`; min and prod are
            the others there).
        drop_duplicates: beam search: of paths with the same text only the first continues
            (`filter_duplicates: true` in recipes/*/beam_search.yaml; false in config.py).
        ask: what the generator is asked after the problem; ours, and shorter than `system_prompt`.
        seed: of all sampling (`seed: 0` in recipes/*/*.yaml).
        budget_tokens: most tokens that are generated, lookahead included. Ours.
        budget_s: no token is generated after so many seconds. Ours.

    Raises:
        BadOptionError: a value is out of range, or n is no multiple of the width.
    """

    way: Way = "beam"
    n: int = 4
    width: int = 4
    temperature: float = 0.8
    top_p: float = 1.0
    step_end: str = "\n\n"
    rounds: int = 40
    max_tokens: int = 2048
    lookahead: int = 0
    aggregation: str = "last"
    drop_duplicates: bool = True
    ask: str = ASK
    seed: int = 0
    budget_tokens: int | None = None
    budget_s: float | None = None

    def __post_init__(self) -> None:
        check_above_zero(
            n=self.n,
            width=self.width,
            temperature=self.temperature,
            top_p=self.top_p,
            rounds=self.rounds,
            max_tokens=self.max_tokens,
            budget_tokens=self.budget_tokens,
            budget_s=self.budget_s,
        )
        if self.way not in get_args(Way):
            raise BadOptionError(f"way is {self.way!r}; choose from {', '.join(get_args(Way))}")
        if self.aggregation not in METHODS:
            known = ", ".join(METHODS)
            raise BadOptionError(f"aggregation is {self.aggregation!r}; choose from {known}")
        if self.top_p > 1 or self.lookahead < 0 or not self.step_end:
            raise BadOptionError(
                f"top_p {self.top_p} must be at most 1, lookahead {self.lookahead} at least 0, and "
                "step_end not empty"
            )
        if self.way != "best-of-n" and self.n % self.width:
            raise BadOptionError(f"n is {self.n}, no multiple of the width {self.width}")

    @property
    def n_rounds(self) -> int:
        """Most rounds: best of n writes to the end in its first."""
        return 1 if self.way == "best-of-n" else self.rounds

    def first_groups(self) -> tuple[tuple[int | None, ...], ...]:
        """What the first round writes on: the problem, n times in all."""
        size = self.width if self.way == "dvts" else self.n
        return ((None,) * size,) * (self.n // size)


@dataclass(frozen=True, slots=True)
class Node:
    """A step of a tree.

    Attributes:
        id: its place among the tree's nodes.
        parent: the step before it; None for a first step.
        text: as it was written, with its step end.
        round: in which it was written, from 0.
        n_tokens: generated for it; where several steps were written in one go, the last has all.
        end: "step" (another may follow), "done", "length" (it was cut), "failed" (see `error`).
        probability: the PRM's for this step; None where it was not judged or is blank.
        score: of the path up to here, lookahead included.
        probabilities: the PRM's for each step of that path, or a single one for the whole; only
            where a path was judged.
        pruned: why nothing follows: a lower score, the same text as another, a budget, more
            solutions than n, a failure; empty where it is open, has children or ends a solution.
        error: what the generator or the PRM said.
    """

    id: int
    parent: int | None
    text: str
    round: int = 0
    n_tokens: int = 0
    end: End = "step"
    probability: float | None = None
    score: float | None = None
    probabilities: tuple[float, ...] = ()
    pruned: Pruned = ""
    error: str = ""

    @property
    def ended(self) -> bool:
        """Whether its text is finished, by itself or by a limit."""
        return self.end in ("done", "length")


@dataclass(frozen=True, slots=True)
class Tree:
    """A search of one problem, as far as it is.

    Attributes:
        problem: the task's text.
        settings: how it grows.
        generator, model: who writes, and the PRM.
        nodes: by their ids.
        groups: for each group of paths that compete, the nodes that the next round writes on, one
            entry for each continuation; None is the problem itself.
        solutions: ids of the nodes that end a solution, in the order in which they ended.
        n_rounds: how many are done.
        n_tokens: generated so far, lookahead included.
        seconds: spent so far.
        status: empty while it grows; then "done", or which budget ended it.
    """

    problem: str
    settings: Settings
    generator: str
    model: str
    nodes: tuple[Node, ...] = ()
    groups: tuple[tuple[int | None, ...], ...] = ()
    solutions: tuple[int, ...] = ()
    n_rounds: int = 0
    n_tokens: int = 0
    seconds: float = 0.0
    status: Status = ""

    @property
    def ends(self) -> tuple[int, ...]:
        """The nodes that end a solution; while none does, those of the open paths."""
        open_ends = dict.fromkeys(i for group in self.groups for i in group if i is not None)
        return self.solutions or tuple(open_ends)

    def whole(self) -> Tree:
        """As it was after its last whole round, from where it can be grown on."""
        nodes = tuple(node for node in self.nodes if node.round < self.n_rounds)
        return replace(self, nodes=nodes)

    def path(self, node: int | None) -> list[Node]:
        """The nodes from a first step to this one."""
        found = []
        while node is not None:
            found.append(self.nodes[node])
            node = self.nodes[node].parent
        return found[::-1]

    def text(self, node: int | None) -> str:
        """What is written up to a node."""
        return "".join(one.text for one in self.path(node))


def new_tree(problem: str, settings: Settings, generator: str, model: str) -> Tree:
    """A tree without a node."""
    return Tree(problem, settings, generator, model, groups=settings.first_groups())


def pieces(text: str, step_end: str) -> list[str]:
    r"""A text cut after every step end; what is blank stays with what is before it.

    >>> pieces("2 + 2 = 4.\n\n\n\nSo 4.", "\n\n")
    ['2 + 2 = 4.\n\n\n\n', 'So 4.']
    """
    *whole, rest = text.split(step_end)
    found: list[str] = []
    for part in [*(one + step_end for one in whole), rest]:
        if found and not (part.strip() and found[-1].strip()):
            found[-1] += part
        else:
            found.append(part)
    return found


def steps_of(text: str, step_end: str) -> tuple[str, ...]:
    """The steps of a text that was written in steps, as a PRM judges them."""
    return tuple(step for one in pieces(text, step_end) if (step := one.strip()))


# --- as JSON --------------------------------------------------------------------------------------


def tree_json(tree: Tree) -> dict[str, Any]:
    """A tree as JSON values; a node's id is its place in the list, usual values are left out."""
    value: dict[str, Any] = {"format": FORMAT, "version": VERSION} | plain(tree)
    for node in value.get("nodes", ()):
        del node["id"]
    # Settings whose usual value changes one day would change what old trees say.
    return value | {"settings": {f.name: getattr(tree.settings, f.name) for f in fields(Settings)}}


def tree_of(value: Any, path: str = "-") -> Tree:
    """The tree that JSON values hold.

    Raises:
        DataError: they hold none, one of another version, or one whose parts do not fit together.
    """
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise DataError(f"holds no search: its format is not {FORMAT!r}", path=path)
    if value.get("version") != VERSION:
        raise DataError(
            f"is a search of version {value.get('version')!r}; this program reads {VERSION}",
            path=path,
        )
    try:
        rest = {name: one for name, one in value.items() if name not in ("format", "version")}
        nodes = (
            Node(**{**node, "id": i, "parent": node["parent"]} | _tuples(node, "probabilities"))
            for i, node in enumerate(rest.pop("nodes", ()))
        )
        groups = tuple(map(tuple, rest.pop("groups", ())))
        solutions = tuple(rest.pop("solutions", ()))
        settings = Settings(**rest.pop("settings"))
        parts = {"nodes": tuple(nodes), "groups": groups, "solutions": solutions}
        tree = Tree(**{**rest, **parts, "settings": settings})
        wrong = next(_faults(tree), None)
    except (TypeError, KeyError, ValueError, AttributeError, BadOptionError) as error:
        raise DataError(f"is no search that can be read: {error}", path=path) from error
    if wrong:
        raise DataError(f"is no search that can be read: {wrong}", path=path)
    return tree


def _tuples(node: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: tuple(node[name])} if name in node else {}


def _faults(tree: Tree) -> Iterator[str]:
    """What does not fit together."""
    texts = [tree.problem, tree.generator, tree.model, tree.settings.ask, tree.settings.step_end]
    numbers: list[object] = [tree.n_rounds, tree.n_tokens, tree.seconds]
    if tree.status not in get_args(Status):
        yield f"status is {tree.status!r}"
    for node in tree.nodes:
        texts += [node.text, node.error]
        numbers += [node.round, node.n_tokens]
        if node.end not in get_args(End) or node.pruned not in get_args(Pruned):
            yield f"node {node.id} has the end {node.end!r} and is pruned by {node.pruned!r}"
        if node.parent is not None and not _is_index(node.parent, node.id):
            yield f"node {node.id} has the parent {node.parent!r}"
        for p in (node.probability, *node.probabilities):
            if p is not None and not (_is_number(p) and 0 <= p <= 1):
                yield f"node {node.id} has the probability {p!r}"
        if node.score is not None and not _is_number(node.score):
            yield f"node {node.id} has the score {node.score!r}"
    named: Sequence[object] = [*tree.solutions, *(one for group in tree.groups for one in group)]
    for one in named:
        if one is not None and not _is_index(one, len(tree.nodes)):
            yield f"there is no node {one!r}"
    yield from (f"{one!r} is no text" for one in texts if not isinstance(one, str))
    yield from (f"{one!r} is no number" for one in numbers if not _is_number(one))


def _is_index(value: object, end: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < end


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

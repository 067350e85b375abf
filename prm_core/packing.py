"""Token ids of many candidates → packs in which what they share stands once.

Candidates of one problem begin alike: template and problem always, often steps too. Sorted
lexicographically, each candidate adds only the tokens after its longest common prefix with its
predecessor, and that is a trie: a pack lists its tokens once, and a candidate is a path through
it. The plan holds plain numbers; `prm_core.forward` runs it.

>>> (pack,) = plan([(7, 8, 9), (7, 8, 5), (7, 8)], max_tokens=100)
>>> pack.token_ids, pack.depths
((7, 8, 5, 9), (0, 1, 2, 2))
>>> [pack.rows(i) for i in range(3)]  # members in sorted order: (7, 8), (7, 8, 5), (7, 8, 9)
[[0, 1], [0, 1, 2], [0, 1, 3]]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

TokenIds = tuple[int, ...]

Range = tuple[int, int]
"""Rows of a pack, from the first to before the second."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows that stand together and follow each other on one branch.

    Attributes:
        start, stop: the rows.
        path: every row that these see, from the root of the trie to `stop`, as ranges in order
            of depth; the last range ends with the segment itself.
        depth: how many tokens stand before the first of them on the path.
    """

    start: int
    stop: int
    path: tuple[Range, ...]
    depth: int


@dataclass(frozen=True, slots=True)
class Pack:
    """Candidates that share one forward pass.

    Attributes:
        members: the caller's indices of the candidates.
        token_ids: [T]; every token of the trie once, a segment at a time.
        depths: [T]; position of each token within its own candidates.
        segments: where the branches lie.
        paths: per member, its rows as ranges in order of depth.
    """

    members: tuple[int, ...]
    token_ids: tuple[int, ...]
    depths: tuple[int, ...]
    segments: tuple[Segment, ...]
    paths: tuple[tuple[Range, ...], ...]

    def rows(self, i: int) -> list[int]:
        """The rows of `members[i]`, by depth: token t of the candidate stands in row `rows[t]`."""
        return [row for start, stop in self.paths[i] for row in range(start, stop)]


def shared_length(a: TokenIds, b: TokenIds) -> int:
    """How many tokens two sequences have in common at the front.

    >>> shared_length((1, 2, 3), (1, 2, 4, 5))
    2
    """
    low, high = 0, min(len(a), len(b))
    while low < high:  # slices compare in C: much faster than a loop over tokens
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def sorted_for_sharing(
    sequences: Sequence[TokenIds], groups: Sequence[object] | None = None
) -> list[int]:
    """Indices of the sequences so that neighbours share as much as they can.

    Args:
        sequences: token ids.
        groups: which sequences belong together (the problem, say); groups keep the order in which
            they first appear. None: all are one group.
    """
    if groups is None:
        return sorted(range(len(sequences)), key=lambda i: sequences[i])
    place: dict[object, int] = {}
    for group in groups:
        place.setdefault(group, len(place))
    return sorted(range(len(sequences)), key=lambda i: (place[groups[i]], sequences[i]))


def first_rows(path: tuple[Range, ...], length: int) -> tuple[Range, ...]:
    """The first `length` rows of a path."""
    kept: list[Range] = []
    for start, stop in path:
        if length <= 0:
            break
        kept.append((start, min(stop, start + length)))
        length -= stop - start
    return tuple(kept)


def _fill(sequences: Sequence[TokenIds], order: Sequence[int], first: int, max_tokens: int) -> Pack:
    """The pack of as many sequences from `order[first]` on as the budget holds.

    Always takes one, however long it is; a sequence that adds no token always fits.
    """
    token_ids: list[int] = []
    depths: list[int] = []
    segments: list[Segment] = []
    paths: list[tuple[Range, ...]] = []
    previous: TokenIds = ()
    path: tuple[Range, ...] = ()
    for place in range(first, len(order)):
        ids = sequences[order[place]]
        shared = shared_length(previous, ids)
        n_new = len(ids) - shared
        if paths and n_new > 0 and len(token_ids) + n_new > max_tokens:
            break
        path = first_rows(path, shared)
        if n_new > 0:
            start, stop, depth = len(token_ids), len(token_ids) + n_new, shared
            if path and path[-1][1] == start:  # grows straight on from the last row
                path = (*path[:-1], (path[-1][0], stop))
                last = segments.pop()
                start, depth = last.start, last.depth
            else:
                path = (*path, (start, stop))
            token_ids.extend(ids[shared:])
            depths.extend(range(shared, len(ids)))
            segments.append(Segment(start, stop, path, depth))
        paths.append(path)
        previous = ids
    members = tuple(order[first : first + len(paths)])
    return Pack(members, tuple(token_ids), tuple(depths), tuple(segments), tuple(paths))


def plan(
    sequences: Sequence[TokenIds],
    max_tokens: int,
    groups: Sequence[object] | None = None,
    first_tokens: int | None = None,
) -> Iterator[Pack]:
    """Every sequence in exactly one pack, each pack within the budget if it can be.

    Args:
        sequences: token ids; none empty.
        max_tokens: budget for a pack's tokens, shared ones counted once.
        groups: which sequences belong together, see `sorted_for_sharing`.
        first_tokens: budget of the first pack; it doubles from pack to pack up to `max_tokens`.
            So the first result comes soon, whoever waits waits at most about as long again as so
            far, and little sharing is lost.

    Yields:
        Packs; only one that holds a single sequence (with copies and beginnings of it) may be
        above the budget.
    """
    order = sorted_for_sharing(sequences, groups)
    done, budget = 0, max_tokens if first_tokens is None else min(first_tokens, max_tokens)
    while done < len(order):
        pack = _fill(sequences, order, done, budget)
        yield pack
        done += len(pack.members)
        budget = min(2 * budget, max_tokens)

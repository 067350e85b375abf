"""Token ids of many candidates → packs in which shared tokens appear once.

Candidates of one problem share a beginning: always the template and the problem, often steps too.
Sorted lexicographically, each candidate adds only the tokens after its longest common prefix with
its predecessor, and that is a trie: a pack lists its tokens once, and a candidate is a path through
it. The plan consists of plain numbers; `prm_core.scoring.packed_forward` runs it.

Rows of earlier packs can be reused: a pack planned with `RunRows` contains only new tokens, and its
paths begin in the rows of those packs.

>>> (pack,) = plan([(7, 8, 9), (7, 8, 5), (7, 8)], max_tokens=100)
>>> pack.token_ids, pack.depths
((7, 8, 5, 9), (0, 1, 2, 2))
>>> [pack.rows(i) for i in range(3)]  # members in sorted order: (7, 8), (7, 8, 5), (7, 8, 9)
[[0, 1], [0, 1, 2], [0, 1, 3]]
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

TokenIds = tuple[int, ...]

Range = tuple[int, int]
"""Rows from the first up to the second, exclusive."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Contiguous rows that follow each other on one branch.

    Attributes:
        start, stop: the rows.
        path: every row that these see, from the root of the trie to `stop`, as ranges in order
            of depth; the last range ends with the segment itself.
        depth: how many tokens come before the first of them on the path.
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
        token_ids: [T]; every token of the trie that is not known, once, a segment at a time.
        depths: [T]; position of each token within its own candidates.
        segments: the branches.
        paths: per member, its rows as ranges in order of depth.
        first_row: the row of the first of these tokens; those before it are known.
    """

    members: tuple[int, ...]
    token_ids: tuple[int, ...]
    depths: tuple[int, ...]
    segments: tuple[Segment, ...]
    paths: tuple[tuple[Range, ...], ...]
    first_row: int = 0

    def rows(self, i: int) -> list[int]:
        """The rows of `members[i]`, by depth: token t of the candidate is in row `rows[t]`."""
        return [row for start, stop in self.paths[i] for row in range(start, stop)]


def shared_length(a: TokenIds, b: TokenIds) -> int:
    """How many leading tokens two sequences have in common.

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
    """Indices of the sequences, ordered so that neighbours share as much as possible.

    Args:
        sequences: token ids.
        groups: which sequences belong together (by problem, for example); groups keep the order in
            which they first appear. None: all are one group.
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


def path_length(path: tuple[Range, ...]) -> int:
    """How many rows a path has."""
    return sum(stop - start for start, stop in path)


def shared_rows(a: tuple[Range, ...], b: tuple[Range, ...]) -> int:
    """How many leading rows two paths have in common.

    >>> shared_rows(((0, 5), (8, 9)), ((0, 5), (8, 12), (20, 30)))
    6
    """
    n_rows = 0
    for (start, stop), other in zip(a, b, strict=False):
        if start == other[0]:
            n_rows += min(stop, other[1]) - start
        if (start, stop) != other:
            break
    return n_rows


class RunRows:
    """Which sequences are in which rows, from packs that were run before.

    Attributes:
        n_rows: how many rows there are; the next pack's begin after them.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.n_rows = 0
        self._sorted: list[TokenIds] = []
        self._paths: dict[TokenIds, tuple[Range, ...]] = {}
        self._read: set[int] = set()

    def add(self, pack: Pack, sequences: Sequence[TokenIds], rows: Iterable[int]) -> None:
        """Record a pack that was run.

        Args:
            pack: planned with what was known before, and nothing else.
            sequences: those that it was planned from.
            rows: which of its rows were read.
        """
        self.n_rows = pack.first_row + len(pack.token_ids)
        self._read.update(rows)
        for index, path in zip(pack.members, pack.paths, strict=True):
            ids = sequences[index]
            if ids not in self._paths:
                self._sorted.insert(bisect_left(self._sorted, ids), ids)
            self._paths[ids] = path

    def longest(self, ids: TokenIds) -> tuple[Range, ...]:
        """The rows of the longest known prefix of a sequence."""
        place = bisect_left(self._sorted, ids)
        path: tuple[Range, ...] = ()
        longest = 0
        for near in self._sorted[max(0, place - 1) : place + 1]:
            if (shared := shared_length(near, ids)) > longest:
                path, longest = first_rows(self._paths[near], shared), shared
        return path

    def readable(self, path: tuple[Range, ...], reads: Sequence[int]) -> tuple[Range, ...]:
        """A path up to where it can be reused.

        A row that is to be read now and was not read then must run again, and so must everything
        after it. Rows of a pack that is still being planned can all be read.

        Args:
            path: rows of a sequence's prefix.
            reads: which of the sequence's tokens are read, increasing.
        """
        depth = 0
        for start, stop in path:
            for read in reads[bisect_left(reads, depth) : bisect_left(reads, depth + stop - start)]:
                row = start + read - depth
                if row < self.n_rows and row not in self._read:
                    return first_rows(path, read)
            depth += stop - start
        return path


def _fill(
    sequences: Sequence[TokenIds],
    order: Sequence[int],
    first: int,
    max_tokens: int,
    known: RunRows,
    reads: Sequence[Sequence[int]],
) -> Pack:
    """The pack of as many sequences from `order[first]` on as the budget holds.

    Always takes one, however long it is; a sequence that adds no token always fits.
    """
    first_row = known.n_rows
    token_ids: list[int] = []
    depths: list[int] = []
    segments: list[Segment] = []
    paths: list[tuple[Range, ...]] = []
    previous: TokenIds = ()
    path: tuple[Range, ...] = ()
    for index in order[first:]:
        ids = sequences[index]
        near, old = first_rows(path, shared_length(previous, ids)), known.longest(ids)
        begun = max(
            known.readable(old, reads[index]), known.readable(near, reads[index]), key=path_length
        )
        shared = path_length(begun)
        n_new = len(ids) - shared
        if paths and n_new > 0 and len(token_ids) + n_new > max_tokens:
            break
        path = begun
        if n_new > 0:
            start, depth = first_row + len(token_ids), shared
            stop = start + n_new
            if path and path[-1][1] == start:  # continues directly from the last row
                path = (*path[:-1], (path[-1][0], stop))
                if segments:
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
    return Pack(members, tuple(token_ids), tuple(depths), tuple(segments), tuple(paths), first_row)


def plan(
    sequences: Sequence[TokenIds],
    max_tokens: int,
    groups: Sequence[object] | None = None,
    first_tokens: int | None = None,
    known: RunRows | None = None,
    reads: Sequence[Sequence[int]] | None = None,
) -> Iterator[Pack]:
    """Every sequence in exactly one pack, each pack within the budget if it can be.

    A pack is planned when it is requested, with what is known then.

    Args:
        sequences: token ids; none empty.
        max_tokens: budget for a pack's tokens, shared ones counted once.
        groups: which sequences belong together, see `sorted_for_sharing`.
        first_tokens: budget of the first pack; it doubles from pack to pack up to `max_tokens`.
            So the first result comes soon, each wait is at most about as long as the time so far,
            and little sharing is lost.
        known: the rows of earlier packs. None: nothing.
        reads: per sequence, which tokens are read; needed with `known`.

    Yields:
        Packs; only one with a single sequence (and copies and prefixes of it) may exceed the
        budget.
    """
    known = RunRows() if known is None else known
    reads = ((),) * len(sequences) if reads is None else reads
    order = sorted_for_sharing(sequences, groups)
    done, budget = 0, max_tokens if first_tokens is None else min(first_tokens, max_tokens)
    while done < len(order):
        pack = _fill(sequences, order, done, budget, known, reads)
        yield pack
        done += len(pack.members)
        budget = min(2 * budget, max_tokens)

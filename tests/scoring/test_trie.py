from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from prm_core.scoring.trie import Pack, RunRows, first_rows, plan, shared_length

ids = st.lists(st.integers(0, 2), min_size=1, max_size=12).map(tuple)
sequences = st.lists(ids, max_size=12)


def spelled(pack: Pack, i: int) -> tuple[int, ...]:
    return tuple(pack.token_ids[row] for row in pack.rows(i))


@given(sequences, st.integers(1, 30), st.one_of(st.none(), st.integers(1, 30)))
def test_every_candidate_is_in_one_pack_and_its_path_spells_its_ids(
    sequences: list[tuple[int, ...]], max_tokens: int, first_tokens: int | None
) -> None:
    packs = list(plan(sequences, max_tokens, first_tokens=first_tokens))
    assert Counter(i for pack in packs for i in pack.members) == Counter(range(len(sequences)))
    for pack in packs:
        for i, index in enumerate(pack.members):
            assert spelled(pack, i) == sequences[index]
            assert [pack.depths[row] for row in pack.rows(i)] == list(range(len(sequences[index])))


@given(sequences, st.integers(1, 30))
def test_packs_keep_the_budget_unless_one_candidate_alone_is_above_it(
    sequences: list[tuple[int, ...]], max_tokens: int
) -> None:
    for pack in plan(sequences, max_tokens):
        if len(pack.token_ids) > max_tokens:
            longest = max((sequences[i] for i in pack.members), key=len)
            assert pack.token_ids == longest
            assert all(longest[: len(sequences[i])] == sequences[i] for i in pack.members)


@given(sequences)
def test_one_pack_holds_every_distinct_beginning_once(sequences: list[tuple[int, ...]]) -> None:
    beginnings = {one[:n] for one in sequences for n in range(1, len(one) + 1)}
    assert sum(len(pack.token_ids) for pack in plan(sequences, 1000)) == len(beginnings)


@given(sequences, st.integers(1, 30), st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_a_segment_sees_exactly_what_its_candidates_hold_before_it(
    sequences: list[tuple[int, ...]], max_tokens: int, groups: list[int]
) -> None:
    for pack in plan(sequences, max_tokens, groups[: len(sequences)]):
        edges = [row for s in pack.segments for row in (s.start, s.stop)]
        assert edges == sorted(edges)  # the segments tile the pack
        assert edges[0] == 0
        assert edges[-1] == len(pack.token_ids)
        assert edges[1:-1:2] == edges[2::2]
        for i in range(len(pack.members)):
            rows = pack.rows(i)
            for segment in pack.segments:
                own = [row for row in rows if segment.start <= row < segment.stop]
                if own:
                    seen = [row for a, b in segment.path for row in range(a, b)]
                    assert seen[segment.depth] == segment.start
                    assert seen[: segment.depth + len(own)] == rows[: rows.index(own[-1]) + 1]


@given(st.lists(sequences, min_size=1, max_size=4), st.integers(1, 30), st.data())
def test_behind_what_is_known_only_what_is_new_stands(
    calls: list[list[tuple[int, ...]]], max_tokens: int, data: st.DataObject
) -> None:
    known, rows_of, read = RunRows(), {}, set()
    for call in calls:
        reads = [
            sorted(data.draw(st.sets(st.integers(0, len(one) - 1), min_size=1))) for one in call
        ]
        for pack in plan(call, max_tokens, known=known, reads=reads):
            assert pack.first_row == len(rows_of)
            rows_of |= dict(enumerate(pack.token_ids, start=pack.first_row))
            wanted = set()
            for i, index in enumerate(pack.members):
                rows = pack.rows(i)
                assert tuple(rows_of[row] for row in rows) == call[index]
                wanted |= {rows[place] for place in reads[index]}
            new = {row for row in wanted if row >= pack.first_row}
            assert wanted - new <= read  # nothing has to be read that was not kept
            read |= new
            known.add(pack, call, new)


def test_groups_keep_their_order_and_stay_together() -> None:
    sequences = [(9, 1), (2, 1), (9, 0), (2, 0)]
    order = [i for pack in plan(sequences, 2, ["b", "a", "b", "a"]) for i in pack.members]
    assert order == [2, 0, 3, 1]


def test_the_budget_doubles_from_the_first_pack_on() -> None:
    sequences = [(i,) for i in range(20)]
    sizes = [len(pack.token_ids) for pack in plan(sequences, 8, first_tokens=2)]
    assert sizes == [2, 4, 8, 6]


def test_copies_and_beginnings_cost_nothing() -> None:
    (pack,) = plan([(1, 2, 3), (1, 2, 3), (1, 2)], max_tokens=3)
    assert pack.token_ids == (1, 2, 3)
    assert sorted(pack.members) == [0, 1, 2]
    assert len(pack.segments) == 1


def test_nothing_to_plan_gives_no_pack() -> None:
    assert list(plan([], 10)) == []


@given(ids, ids)
def test_shared_length_is_the_longest_common_beginning(
    a: tuple[int, ...], b: tuple[int, ...]
) -> None:
    n = shared_length(a, b)
    assert a[:n] == b[:n]
    assert n == min(len(a), len(b)) or a[n] != b[n]


def test_first_rows_cuts_within_a_range() -> None:
    assert first_rows(((0, 4), (9, 12)), 5) == ((0, 4), (9, 10))
    assert first_rows(((0, 4), (9, 12)), 0) == ()

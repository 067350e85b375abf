from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.errors import BadOptionError
from prm_core.ranking.aggregate import METHODS, aggregate
from prm_core.ranking.rank import rank
from prm_core.types import Candidate, ScoredCandidate


def scored(*probabilities: float) -> ScoredCandidate:
    steps = tuple(f"step {i}" for i in range(len(probabilities)))
    return ScoredCandidate(Candidate("p", steps), probabilities, (0.0,) * len(steps), "model")


def test_the_highest_score_comes_first() -> None:
    ranking = rank([scored(0.2), scored(0.9), scored(0.5)])
    assert [(one.rank, one.index, one.score) for one in ranking] == [
        (1, 1, 0.9),
        (2, 2, 0.5),
        (3, 0, 0.2),
    ]


def test_ties_share_a_rank_keep_their_order_and_are_marked() -> None:
    ranking = rank([scored(0.5), scored(0.9), scored(0.5, 0.7), scored(0.1)])
    assert [(one.rank, one.tied, one.index) for one in ranking] == [
        (1, False, 1),
        (2, True, 0),
        (2, True, 2),
        (4, False, 3),
    ]


def test_nearly_equal_is_not_a_tie() -> None:
    assert not any(one.tied for one in rank([scored(0.5), scored(0.5 + 1e-12)]))


def test_the_method_decides() -> None:
    steady, late = scored(0.7, 0.7), scored(0.2, 0.99)
    assert [one.index for one in rank([steady, late], "min")] == [0, 1]
    assert [one.index for one in rank([steady, late], "last")] == [1, 0]
    with pytest.raises(BadOptionError):
        rank([steady], "median")


def test_no_candidates_are_ranked_as_nothing() -> None:
    assert rank([]) == []


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=4), max_size=8),
    st.sampled_from(sorted(METHODS)),
)
def test_a_ranking_is_a_stable_order_of_all(rows: list[list[float]], method: str) -> None:
    ranking = rank([scored(*row) for row in rows], method)
    assert sorted(one.index for one in ranking) == list(range(len(rows)))
    for one in ranking:
        assert one.score == aggregate(rows[one.index], method)
        better = sum(aggregate(row, method) > one.score for row in rows)
        assert one.rank == better + 1
    for a, b in pairwise(ranking):
        assert (-a.score, a.index) < (-b.score, b.index)

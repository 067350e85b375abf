"""The benchmark against others: all ways give the same, and the figures are what they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.packing import Sizes, search_workloads, workloads
from prm_core.models.device import choose_device
from prm_core.types import Encoded

SMALL = Sizes(n_layers=2, hidden_size=32, mlp_size=48, n_vocabulary=97, head_dim=8, group=2)


@pytest.fixture(scope="module")
def rows() -> list[peers.Row]:
    placement = choose_device("cpu", "float32")
    told: list[str] = []
    best_of_8 = workloads(SMALL.n_vocabulary)[0]
    found = [
        row
        for name, calls in (
            ("best-of-8", [best_of_8]),
            ("search", search_workloads(SMALL.n_vocabulary)[:3]),
        )
        for row in peers.measure(
            name,
            calls,
            SMALL,
            placement,
            repeats=1,
            sample_tokens=3000,
            tell=told.append,
        )
    ]
    assert len(told) == len(found)
    return found


def test_all_ways_give_the_same_probabilities(rows: list[peers.Row]) -> None:
    assert [row.way for row in rows if row.workload == "best-of-8"] == [peers.OURS, *peers.PEERS]
    assert [row.way for row in rows if row.workload == "search"][:2] == [peers.OURS, peers.COLD]
    assert max(row.difference for row in rows) < 1e-5


def test_speeds_are_told_against_the_fastest_peer(rows: list[peers.Row]) -> None:
    for workload in ("best-of-8", "search"):
        own = [row for row in rows if row.workload == workload]
        fastest = min(row.time_s for row in own if row.way in peers.PEERS)
        for row in own:
            assert row.speed == pytest.approx(fastest / row.time_s)
            assert row.of_limit * row.time_s == pytest.approx(own[0].of_limit * own[0].time_s)
            assert row.of_limit > 0
            assert 0 < row.sampled <= 1
        assert {row.sampled for row in own if row.way not in peers.PEERS} == {1.0}
        assert min(row.sampled for row in own) < 0.5


def test_the_least_work_counts_what_is_shared_once() -> None:
    shared = [Encoded((1, 2, 3), (2,)), Encoded((1, 2, 4), (2,))]
    h, mlp, keys = 32, 48, 2 * 32 * 16
    per_token = h * h * 2 + 3 * h * mlp  # queries, output and MLP
    tokens, read = 4, 2
    pairs, pairs_read = 1 + 2 + 3 + 3, 3 + 3
    products = tokens * 2 * keys + tokens * per_token + read * per_token
    attention = 2 * h * (pairs + pairs_read)
    assert peers.least_flops(SMALL, [shared]) == 2 * (products + attention)
    assert peers.least_flops(SMALL, [shared, shared]) == peers.least_flops(SMALL, [shared])


def test_results_are_told_as_a_table_and_a_picture(rows: list[peers.Row]) -> None:
    lines = peers.table(rows).splitlines()
    assert len(lines) == 2 + len(rows)
    assert all(line.count("|") == 8 for line in lines)
    figure = peers.picture(rows, "tiny")
    assert [bars.name for bars in figure.data] == [peers.OURS, peers.COLD, *peers.PEERS]
    assert list(figure.data[0].y) == [row.speed for row in rows if row.way == peers.OURS]


def test_the_results_that_are_kept_are_of_this_form() -> None:
    file = Path(peers.__file__).parent / "results" / "peers.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert {tuple(row) for row in kept["rows"]} == {tuple(peers.Row.__annotations__)}

from __future__ import annotations

import argparse
import json

import pytest

from benchmarks import packing as bench
from prm_core.errors import BadOptionError

SMALL = ["--layers=1", "--hidden=256", "--mlp=64", "--vocab=97", "--repeats=1", "--device=cpu"]


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    bench.add_arguments(parser)
    return parser.parse_args([*SMALL, *words])


def test_both_ways_are_measured_and_give_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(parse()) == 0
    out = capsys.readouterr().out.splitlines()
    result = json.loads(out[-1])
    assert result["conditions"]["layers"] == 1
    names = [row["workload"] for row in result["measured"]]
    assert names == ["best-of-8", "beam-64", "trace-4k"]
    assert [line.split()[0] for line in out[2:-1]] == names
    for row in result["measured"]:
        assert row["difference"] < 1e-5
        assert row["speed"] == pytest.approx(row["alone_s"] / row["packed_s"])
    best, beam, trace = result["measured"]
    assert (best["n_candidates"], beam["n_candidates"], trace["n_candidates"]) == (32, 64, 1)
    assert 1.4 < best["n_tokens"] / best["n_unique"] < 1.7
    assert 7 < beam["n_tokens"] / beam["n_unique"] < 9
    assert 4000 < trace["n_tokens"] == trace["n_unique"] <= 4096


def test_the_workloads_are_the_same_every_time() -> None:
    assert bench.workloads(97) == bench.workloads(97)
    assert bench.workloads(97) != bench.workloads(97, seed=1)


@pytest.mark.parametrize("wrong", ["--hidden=100", "--layers=0", "--repeats=0", "--threads=0"])
def test_sizes_that_make_no_sense_are_refused(wrong: str) -> None:
    with pytest.raises(BadOptionError, match="must be"):
        bench.main(parse(wrong))

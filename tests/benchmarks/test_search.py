"""In a search the PRM computes each step once: at least eight times fewer tokens in ten rounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import search as bench
from prm_core.scoring.load import load_scorer
from tests.tiny import tiny_model


def test_ten_rounds_of_sixteen_paths_compute_eight_times_fewer_tokens(tmp_path: Path) -> None:
    model = tiny_model(tmp_path / "prm")
    rounds = bench.measure(load_scorer(model))
    assert [one.n_paths for one in rounds] == [16] * 10
    n_tokens, n_computed = (
        sum(getattr(one, name) for one in rounds) for name in ("n_tokens", "n_computed")
    )
    assert n_tokens >= 8 * n_computed
    # From nothing each round would compute most of its paths; what is shared within a round is the
    # problem, and the steps of the four that went on.
    cold = bench.measure(load_scorer(model, keep_bytes=0))
    assert sum(one.n_computed for one in cold) > 1.5 * n_computed


def test_the_table_has_a_line_for_each_round_and_for_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.main(["--model", str(tiny_model(tmp_path / "prm"))])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 10 + 1
    assert lines[-1].startswith("| all | 160 | ")

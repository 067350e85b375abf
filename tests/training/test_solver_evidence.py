"""Training a head that also sees the backbone's own solutions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from prm_core.calculator.solver import N_FEATURES
from prm_core.errors import BadOptionError
from prm_core.families.value_head import FAMILY_FILE, HEAD_FILE
from prm_core.scoring import solver
from prm_core.scoring.load import load_scorer
from prm_core.scoring.solver import Solver
from prm_core.training import solutions
from prm_core.training.data import Source
from prm_core.training.loss import Loss
from prm_core.training.options import RunConfig, TuneConfig
from prm_core.training.solutions import solve_once
from prm_core.training.tune import fine_tune
from tests.families.test_evidence import sums
from tests.training.test_head_apart import CANDIDATES, plain, trained


@pytest.fixture(autouse=True)
def few_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights never write an end."""
    monkeypatch.setattr(solver, "MOST_TOKENS", 6)


def with_solver(backbone: Path, output: Path, **settings: Any) -> Path:
    config = TuneConfig(
        str(backbone),
        evidence="lm,calculator,solver",
        batch_size=4,
        **{"mode": "head", "without_backbone": True, **settings},
    )
    source = Source("sums", sums(8, seed=1))
    fine_tune(config, [source], Loss(), RunConfig(output, device="cpu"))
    return output


def test_solutions_are_added_to_a_head_that_goes_on_as_it_was(tmp_path: Path) -> None:
    first = trained(str(plain(tmp_path / "backbone")), tmp_path / "first", without_backbone=True)
    second = with_solver(first, tmp_path / "second", learning_rate=1e-12)
    evidence = json.loads((second / FAMILY_FILE).read_text())["evidence"]
    assert set(evidence) == {"tokens", "calculator", "solver"}
    one, other = (load_file(folder / HEAD_FILE) for folder in (first, second))
    assert other["weight"].shape[1] == one["weight"].shape[1] + N_FEATURES
    for name, old in one.items():
        new = other[name][..., : old.shape[-1]]
        assert torch.allclose(new, old, atol=1e-6), name
    assert other["unit_weight"][:, -N_FEATURES:].abs().max() < 1e-6
    found, wanted = (load_scorer(f, device="cpu").score(CANDIDATES) for f in (second, first))
    for a, b in zip(found, wanted, strict=True):
        assert a.log_odds == pytest.approx(b.log_odds, abs=1e-4)
    assert not (second / ".read").exists()


def test_what_the_head_made_of_its_own_evidence_stays(tmp_path: Path) -> None:
    first = trained(str(plain(tmp_path / "backbone")), tmp_path / "first", without_backbone=True)
    second = with_solver(first, tmp_path / "second", learning_rate=0.05)
    one, other = (load_file(folder / HEAD_FILE) for folder in (first, second))
    for name in ("weight", "unit_weight"):
        assert torch.equal(other[name][:, :-N_FEATURES], one[name])
        assert other[name][:, -N_FEATURES:].abs().max() > 1e-3
    for name in ("unit_bias", "unit_out"):
        assert torch.equal(other[name], one[name])


def test_units_are_added_to_a_head_that_goes_on_as_it_was(tmp_path: Path) -> None:
    first = trained(str(plain(tmp_path / "backbone")), tmp_path / "first", without_backbone=True)
    one = load_file(first / HEAD_FILE)
    n_units, n_features = one["unit_weight"].shape
    found = [
        with_solver(first, tmp_path / f"at {rate}", learning_rate=rate, more_units=3)
        for rate in (1e-12, 0.05)
    ]
    assert json.loads((found[0] / FAMILY_FILE).read_text())["head"]["units"] == n_units + 3
    for folder, learns in zip(found, (False, True), strict=True):
        other = load_file(folder / HEAD_FILE)
        assert other["unit_weight"].shape == (n_units + 3, n_features + N_FEATURES)
        assert torch.equal(other["unit_weight"][:n_units, :n_features], one["unit_weight"])
        assert torch.equal(other["unit_out"][:, :n_units], one["unit_out"])
        assert torch.equal(other["unit_bias"][:n_units], one["unit_bias"])
        assert (other["unit_out"][:, n_units:].abs().max() > 1e-3) == learns
    scores = [load_scorer(folder, device="cpu").score(CANDIDATES) for folder in (first, *found)]
    for before, same, learnt in zip(*scores, strict=True):
        assert same.log_odds == pytest.approx(before.log_odds, abs=1e-4)
        assert learnt.log_odds != pytest.approx(before.log_odds, abs=1e-2)


def test_a_head_that_goes_on_unchanged_in_form_learns_everywhere(tmp_path: Path) -> None:
    first = trained(str(plain(tmp_path / "backbone")), tmp_path / "first", without_backbone=True)
    config = TuneConfig(
        str(first), mode="head", without_backbone=True, learning_rate=0.05, batch_size=4, epochs=2
    )
    source = Source("sums", sums(8, seed=1))
    fine_tune(config, [source], Loss(), RunConfig(tmp_path / "second", device="cpu"))
    one, other = (load_file(folder / HEAD_FILE) for folder in (first, tmp_path / "second"))
    for name, old in one.items():
        assert not torch.equal(other[name], old), name


def test_units_are_added_only_to_a_head_that_goes_on(tmp_path: Path) -> None:
    backbone = plain(tmp_path / "backbone")
    with pytest.raises(BadOptionError, match=r"for a head that goes on, and .* has none"):
        with_solver(backbone, tmp_path / "out", more_units=3, without_backbone=False)
    with pytest.raises(BadOptionError, match="and head_units for a new one"):
        TuneConfig(str(backbone), more_units=3, head_units=8)
    with pytest.raises(BadOptionError, match="more_units is -1"):
        TuneConfig(str(backbone), more_units=-1)


def test_what_the_solutions_say_is_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Solutions that are always right leave nothing else to look at."""

    def solve(self: Solver, problems: list[str]) -> Any:
        yield None
        return [(f"The answer is {eval(one[8:-1])}",) * 4 for one in problems]  # "What is 2 + 3?"

    monkeypatch.setattr(Solver, "solve", solve)
    backbone = plain(tmp_path / "backbone")
    config = TuneConfig(
        str(backbone), mode="head", evidence="solver", epochs=30, learning_rate=0.05, batch_size=8
    )
    examples = sums(60, seed=0)
    fine_tune(config, [Source("sums", examples)], Loss(), RunConfig(tmp_path / "out", device="cpu"))
    scorer = load_scorer(tmp_path / "out", device="cpu")
    others = sums(40, seed=9)
    scores = scorer.score([one.candidate for one in others])
    right = [
        (p >= 0.5) == (label >= 0.5)
        for one, found in zip(others, scores, strict=True)
        for p, label in zip(found.probabilities, one.labels, strict=True)
        if label is not None
    ]
    assert sum(right) / len(right) > 0.9


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_a_backbone_that_changes_cannot_have_solved_the_problems(mode: str, tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="evidence solver is for a backbone that stays"):
        with_solver(
            plain(tmp_path / "backbone"), tmp_path / "out", mode=mode, without_backbone=False
        )


def test_what_was_solved_is_not_solved_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fake:
        def __init__(self, fails_after: int) -> None:
            self.asked: list[str] = []
            self.left = fails_after

        def solve_now(self, problems: list[str]) -> list[tuple[str, ...]]:
            if not self.left:
                raise KeyboardInterrupt
            self.left -= 1
            self.asked += problems
            return [(f"{one} is solved", "é\n") for one in problems]

    monkeypatch.setattr(solutions, "_AT_ONCE", 2)
    problems = ["a", "b", "c", "d", "e", "a"]
    first, second = Fake(1), Fake(9)
    with pytest.raises(KeyboardInterrupt):
        solve_once(first, problems, tmp_path)  # type: ignore[arg-type]
    found = solve_once(second, problems, tmp_path)  # type: ignore[arg-type]
    assert (first.asked, second.asked) == (["a", "b"], ["c", "d", "e"])
    assert found == {one: (f"{one} is solved", "é\n") for one in "abcde"}

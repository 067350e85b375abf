"""Readouts are float32 whatever the backbone's dtype is: half precision ends where heads begin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from prm_core.families.base import Evidence
from prm_core.scoring.load import load_scorer
from tests import reference
from tests.families import (
    build,
    test_act_prm,
    test_fover,
    test_granite,
    test_implicit,
    test_outcome,
    test_pathfinder,
    test_pqm,
    test_qwen_prm,
    test_skywork,
    test_token_classification,
)
from tests.tiny import DIGITS_AND_SIGNS, MARKED, tiny_model

MADE: dict[str, Callable[[Path], Path]] = {
    "value_head": lambda path: tiny_model(path, prm={**MARKED, "evidence": DIGITS_AND_SIGNS}),
    "qwen_prm": test_qwen_prm.make,
    "act_prm": test_act_prm.make,
    "granite": test_granite.make,
    "fover": lambda path: test_fover.make(path, test_fover.qwen()),
    "implicit": lambda path: test_implicit.make(path, 0),
    "outcome": test_outcome.make,
    "pathfinder": lambda path: test_pathfinder.make(path, test_pathfinder.tokenizer()),
    "pqm": test_pqm.make,
    "skywork": test_skywork.make,
    "trl": test_token_classification.make,
}


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("family", MADE)
def test_a_readout_gives_the_same_of_the_same_hidden_states(
    family: str, dtype: str, tmp_path: Path
) -> None:
    """Of weights that half precision can hold, both readouts have the same, and so has the head."""
    MADE[family](tmp_path)
    half = getattr(torch, dtype)
    tensors = {name: t.to(half) for name, t in reference.tensors_of(tmp_path).items()}
    for file in [*tmp_path.glob("model*"), *tmp_path.glob("pytorch_model*")]:
        file.unlink()
    build.write_weights(tmp_path, tensors)
    options: dict[str, Any] = {"family": family}
    if family == "implicit":
        options["reference"] = test_implicit.make(tmp_path / "reference", 1)
    if family == "trl":
        options["separator"] = "\n"
    torch.manual_seed(0)
    rows = 2 if family == "implicit" else 1
    hidden = (3 * torch.randn(6, 32 * rows)).to(half)
    seen = Evidence(
        (3 * torch.randn(9, 32 * rows)).to(half), torch.arange(9) + 5, torch.arange(9) % 6
    )
    given = []
    for name in (dtype, "float32"):
        opened = load_scorer(tmp_path, dtype=name, **options)._opened
        given.append(opened.readout(hidden, seen))
        for extra in opened.extras.values():
            given[-1] = torch.cat((given[-1], extra(hidden)))
    assert all(one.dtype is torch.float32 for one in given)
    torch.testing.assert_close(*given, rtol=0, atol=2e-5)
    assert float(given[1].std()) > 1e-3

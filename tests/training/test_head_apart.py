"""A head apart from its backbone, written and found again; and that each row is read once."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.families.heads import ValueHead
from prm_core.families.value_head import TEXTBOOK, borrowed_backbone, read_template
from prm_core.models.device import Placement, as_learned, cpu_has_bfloat16
from prm_core.scoring.load import load_scorer
from prm_core.training import model
from prm_core.training.data import Source, encode_examples
from prm_core.training.loss import Loss
from prm_core.training.options import RunConfig, TuneConfig
from prm_core.training.tune import fine_tune
from tests.families.test_evidence import sums
from tests.tiny import tiny_model, tiny_tokenizer

CANDIDATES = [example.candidate for example in sums(20, seed=3)]


def trained(backbone: str, output: Path, n: int = 60, **settings: Any) -> Path:
    """A head that sees everything, one epoch long."""
    config = TuneConfig(
        backbone, mode="head", evidence="lm,calculator", head_units=4, batch_size=4, **settings
    )
    run_config = RunConfig(output, device="cpu", save_every=5)
    fine_tune(config, [Source("sums", sums(n, seed=0))], Loss(), run_config)
    return output


def plain(path: Path) -> Path:
    """A tiny backbone without a family file."""
    tiny_model(path)
    (path / "prm.json").unlink(missing_ok=True)
    (path / "value_head.safetensors").unlink(missing_ok=True)
    return path


# --- a head apart ---------------------------------------------------------------------------------


def test_a_head_apart_scores_as_with_its_backbone_beside_it(tmp_path: Path) -> None:
    backbone = str(plain(tmp_path / "backbone"))
    beside = trained(backbone, tmp_path / "beside")
    apart = trained(backbone, tmp_path / "apart", without_backbone=True)
    assert borrowed_backbone(beside) is None
    borrowed = borrowed_backbone(apart)
    assert borrowed is not None
    assert (borrowed.name, borrowed.dtype) == (backbone, "float32")
    assert not {"config.json", "model.safetensors", "tokenizer.json"} & {
        path.name for path in apart.iterdir()
    }
    wanted, found = (load_scorer(path, device="cpu").score(CANDIDATES) for path in (beside, apart))
    assert [one.log_odds for one in found] == [one.log_odds for one in wanted]


def test_training_goes_on_from_a_head_apart(tmp_path: Path) -> None:
    backbone = str(plain(tmp_path / "backbone"))
    first = trained(backbone, tmp_path / "first", without_backbone=True)
    more = TuneConfig(str(first), mode="head", learning_rate=1e-12, without_backbone=True)
    run_config = RunConfig(tmp_path / "second", device="cpu")
    fine_tune(more, [Source("sums", sums(4, seed=1))], Loss(), run_config)
    assert borrowed_backbone(tmp_path / "second") == borrowed_backbone(first)
    one, other = (
        load_file(tmp_path / name / "value_head.safetensors") for name in ("first", "second")
    )
    assert all(torch.allclose(one[name], other[name], atol=1e-6) for name in one)


def test_only_a_head_and_adapters_can_be_written_alone() -> None:
    with pytest.raises(BadOptionError, match="mode full changes all weights"):
        TuneConfig("any", without_backbone=True)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("smollm2-135m", "'backbone' must be null or"),
        ({"name": "smollm2-135m"}, "'backbone' must be null or"),
        ({"name": "", "dtype": "bfloat16"}, "'backbone.name' is ''"),
        ({"name": "a", "dtype": "int8"}, "'backbone.dtype' is 'int8'"),
    ],
    ids=str,
)
def test_a_backbone_that_is_not_named_well_is_refused(
    said: object, message: str, tmp_path: Path
) -> None:
    (tmp_path / "prm.json").write_text(json.dumps({"family": "value_head", "backbone": said}))
    with pytest.raises(ModelLoadError) as caught:
        load_scorer(tmp_path, device="cpu")
    assert message in str(caught.value)


def test_a_cpu_reads_in_the_dtype_of_the_learning_only_where_it_computes_in_it() -> None:
    place = Placement(torch.device("cpu"), torch.float32, "cpu: as asked; float32: exact")
    wanted = torch.bfloat16 if cpu_has_bfloat16() else torch.float32
    assert as_learned(place, "bfloat16").dtype == wanted
    assert as_learned(place, "float32") == place
    assert as_learned(place, "float16") == place
    elsewhere = replace(place, device=torch.device("meta"))
    assert as_learned(elsewhere, "bfloat16") == elsewhere


# --- adapters beside a head -----------------------------------------------------------------------


def adapted(backbone: str, output: Path, **settings: Any) -> Path:
    """A head and adapters, one epoch long."""
    config = TuneConfig(backbone, mode="lora", batch_size=4, learning_rate=0.05, **settings)
    run_config = RunConfig(output, device="cpu")
    fine_tune(config, [Source("sums", sums(24, seed=0))], Loss(), run_config)
    return output


def test_adapters_beside_a_head_score_as_the_merged_model(tmp_path: Path) -> None:
    backbone = str(plain(tmp_path / "backbone"))
    merged = adapted(backbone, tmp_path / "merged")
    apart = adapted(backbone, tmp_path / "apart", without_backbone=True)
    assert {path.name for path in apart.iterdir()} >= {
        "adapter_config.json",
        "adapter_model.safetensors",
        "prm.json",
        "value_head.safetensors",
    }
    assert not (apart / "config.json").exists()
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("prm.json", "value_head.safetensors"):
        shutil.copyfile(apart / name, bare / name)
    wanted, found, without = (
        torch.cat(
            [torch.tensor(one.log_odds) for one in load_scorer(p, device="cpu").score(CANDIDATES)]
        )
        for p in (merged, apart, bare)
    )
    torch.testing.assert_close(found, wanted, rtol=2e-3, atol=2e-3)  # they are kept in float16
    assert (without - wanted).abs().max() > 0.02  # and they do something


def test_adapters_begin_at_a_layer(tmp_path: Path) -> None:
    backbone = str(plain(tmp_path / "backbone"))
    apart = adapted(backbone, tmp_path / "apart", without_backbone=True, lora_from=1)
    names = load_file(apart / "adapter_model.safetensors")
    assert names
    assert all(".layers.1." in name for name in names)
    with pytest.raises(BadOptionError, match=r"lora_from is 2, and .* has the layers 0 to 1"):
        adapted(backbone, tmp_path / "beyond", lora_from=2)


def test_a_head_is_trained_on_what_the_adapters_made(tmp_path: Path) -> None:
    backbone = str(plain(tmp_path / "backbone"))
    first = adapted(backbone, tmp_path / "first", without_backbone=True)
    same = TuneConfig(str(first), mode="head", learning_rate=1e-12, without_backbone=True)
    fine_tune(
        same,
        [Source("sums", sums(4, seed=1))],
        Loss(),
        RunConfig(tmp_path / "second", device="cpu"),
    )
    wanted, found = (
        [one.log_odds for one in load_scorer(path, device="cpu").score(CANDIDATES)]
        for path in (first, tmp_path / "second")
    )
    assert torch.allclose(torch.tensor(sum(found, ())), torch.tensor(sum(wanted, ())), atol=1e-6)
    with pytest.raises(BadOptionError, match="has adapters already"):
        adapted(str(first), tmp_path / "third", without_backbone=True)


# --- each row is read once ------------------------------------------------------------------------


def test_a_reading_that_was_cut_goes_on_and_ends_in_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "_BATCHES_A_PART", 2)
    backbone = str(plain(tmp_path / "backbone"))
    read, n_read = model._read_once, 0

    def counted(*arguments: Any) -> Any:
        nonlocal n_read
        if n_read == most:
            raise KeyboardInterrupt
        n_read += 1
        return read(*arguments)

    monkeypatch.setattr(model, "_read_once", counted)
    most = -1
    whole = trained(backbone, tmp_path / "whole", epochs=3)
    assert n_read == 15  # 60 rows, 4 a batch, once in three epochs
    n_read, most = 0, 9
    with pytest.raises(KeyboardInterrupt):
        trained(backbone, tmp_path / "cut", epochs=3)
    n_read, most = 0, -1
    cut = trained(backbone, tmp_path / "cut", epochs=3)
    assert n_read == 7  # four parts of two batches were kept
    assert not (cut / ".read").exists()
    one, other = (load_file(path / "value_head.safetensors") for path in (whole, cut))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_another_backbone_read_is_not_taken(tmp_path: Path) -> None:
    """Equal rows, another backbone, one folder: each gets what its own says."""
    found = []
    for seed in (0, 1):
        backbone = tiny_model(tmp_path / f"backbone-{seed}", seed=seed)
        causal = AutoModelForCausalLM.from_pretrained(backbone, dtype=torch.float32)
        verifier = model.Verifier(causal, ValueHead(32), Loss())
        template = read_template(TEXTBOOK, tiny_tokenizer())
        rows = encode_examples(tiny_tokenizer(), template, Source("sums", sums(8, 0)), 4096).rows
        alone = model.cache(verifier, rows, 0, 4, tmp_path / f"alone-{seed}")
        again = model.cache(verifier, rows, 0, 4, tmp_path / "shared")
        assert all(torch.equal(a.hidden, b.hidden) for a, b in zip(alone, again, strict=True))
        found.append(alone[0].hidden)
    assert not torch.equal(*found)

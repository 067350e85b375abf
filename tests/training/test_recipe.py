"""The commands in the shipped model's card make such a model again; here on a few rows each."""

from __future__ import annotations

import gzip
import itertools
import re
import shlex
from pathlib import Path

import pytest

from prm_core.cli import main
from prm_core.models.weight_files import read_json
from prm_core.paths import assets_dir
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate

MODEL = assets_dir() / "default-model"


def recipe(card: Path) -> list[list[str]]:
    """The commands that a model card shows as the way to make the model, as words."""
    text = card.read_text(encoding="utf-8").replace("\\\n", " ")
    shown = re.findall(r"^\$ (python -m prm_core train .*)$", text, re.MULTILINE)
    return [shlex.split(line)[3:] for line in shown]


def shortened(words: list[str], few: Path) -> list[str]:
    """The same command on a few rows: the first ones of every file stand at its name here."""
    words = list(words)
    for i, (option, value) in enumerate(itertools.pairwise(words)):
        if option == "--data":
            name = Path(value.partition(":")[0])
            name.parent.mkdir(parents=True, exist_ok=True)
            with gzip.open(assets_dir().parent / name, "rt") as rows, gzip.open(name, "wt") as file:
                file.writelines(itertools.islice(rows, 6))
        elif option in ("--made", "--epochs"):
            words[i + 1] = "6" if option == "--made" else "1"
    if "--backbone" not in words:
        words += ["--gsm8k", str(few), "--steps", "2", "--vocabulary-texts", "200"]
    return [*words, "--device", "cpu"]


def test_the_cards_commands_make_such_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    few = tmp_path / "few.jsonl"
    few.write_text('{"problem": "2 + 2?", "steps": ["2 + 2 = <<2+2=4>>4"]}\n')
    commands = recipe(MODEL / "README.md")
    assert len(commands) >= 2
    for words in commands:
        assert main(shortened(words, few)) == 0
    made = Path(commands[-1][commands[-1].index("-o") + 1])
    shipped, own = (read_json(path / "prm.json") for path in (MODEL, made))
    for name in ("layout", "marker", "head", "evidence"):
        assert own[name] == shipped[name]
    shape = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")
    configs = [read_json(path / "config.json") for path in (MODEL, made)]
    assert [configs[0][name] for name in shape] == [configs[1][name] for name in shape]
    (scored,) = load_scorer(made, device="cpu").score([Candidate("2 + 2?", ("2 + 2 = 4", "So 4."))])
    assert len(scored.probabilities) == 2

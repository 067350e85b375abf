"""The commands in the shipped models' cards make such models again; here on a few rows each."""

from __future__ import annotations

import gzip
import itertools
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM

from prm_core.cli import main
from prm_core.models.packages import PACKAGED
from prm_core.models.weight_files import read_json
from prm_core.paths import assets_dir
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests.tiny import tiny_config, tiny_tokenizer


def recipe(card: Path) -> list[list[str]]:
    """The commands that a model card shows as the way to make the model, as words."""
    text = card.read_text(encoding="utf-8").replace("\\\n", " ")
    shown = re.findall(r"^\$ (python -m prm_core train .*)$", text, re.MULTILINE)
    return [shlex.split(line)[3:] for line in shown]


def shortened(words: list[str], few: Path, backbone: Path) -> list[str]:
    """The same command on a few rows: the first ones of every file stand at its name here."""
    words = list(words)
    for i, (option, value) in enumerate(itertools.pairwise(words)):
        name = Path(value.partition(":")[0])
        if option in ("--data", "--template"):
            name.parent.mkdir(parents=True, exist_ok=True)
        if option == "--data":
            with gzip.open(assets_dir().parent / name, "rt") as rows, gzip.open(name, "wt") as file:
                file.writelines(itertools.islice(rows, 6))
            words[i + 1] = re.sub(r":[-\d]+%", "", value)  # of six rows a share may be none
        elif option == "--template":
            shutil.copy(assets_dir().parent / name, name)
        elif option in ("--made", "--spoil-gsm8k", "--epochs"):
            words[i + 1] = "1" if option == "--epochs" else "6"
        elif value in PACKAGED:
            words[i + 1] = str(backbone)
    if "--backbone" not in words:
        words += ["--gsm8k", str(few), "--steps", "2", "--vocabulary-texts", "200"]
    return [*words, "--device", "cpu"]


@pytest.mark.parametrize("name", ["default-model", "small-model", "medium-model"])
def test_the_cards_commands_make_such_a_model(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = assets_dir() / name
    monkeypatch.chdir(tmp_path)
    few = tmp_path / "few.jsonl"
    few.write_text('{"problem": "2 + 2?", "steps": ["2 + 2 = <<2+2=4>>4"]}\n')
    stand_in = backbone_stand_in(tmp_path / "stand-in", read_json(model / "prm.json"))
    commands = recipe(model / "README.md")
    assert commands
    for words in commands:
        assert main(shortened(words, few, stand_in)) == 0
    made = Path(commands[-1][commands[-1].index("-o") + 1])
    shipped, own = (read_json(path / "prm.json") for path in (model, made))
    for key in ("layout", "marker", "head", "evidence"):
        assert own[key] == shipped[key]
    if name != "medium-model":  # which is a head alone
        shape = ["num_hidden_layers", "tie_word_embeddings"]
        if name == "default-model":
            shape += ["hidden_size", "num_attention_heads", "intermediate_size"]
        configs = [read_json(path / "config.json") for path in (model, made)]
        assert [configs[0][key] for key in shape] == [configs[1][key] for key in shape]
    assert {file.name for file in model.glob("*.safetensors")} == {
        file.name for file in made.glob("*.safetensors")
    }
    (scored,) = load_scorer(made, device="cpu").score([Candidate("2 + 2?", ("2 + 2 = 4", "So 4."))])
    assert len(scored.probabilities) == 2


def backbone_stand_in(directory: Path, prm: dict[str, Any]) -> Path:
    """What stands for a pretrained model here: more layers than are kept, and its tokens."""
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"})
    tokenizer.add_tokens(prm["evidence"].get("tokens", []))
    config = tiny_config(
        "llama", vocab_size=len(tokenizer), num_hidden_layers=6, tie_word_embeddings=True
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory

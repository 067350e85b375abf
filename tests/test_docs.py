"""README, docs, examples and requirements say what is true: their commands and code are run."""

from __future__ import annotations

import ast
import doctest
import itertools
import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import prm_core
from benchmarks import rewards
from docs import write_cli
from prm_core.cli import COMMANDS, main
from prm_core.families import FAMILIES
from prm_core.formats.results import result_row
from prm_core.models.weight_files import read_json
from prm_core.ranking.aggregate import METHODS
from prm_core.rewards.forms import FORMS
from prm_core.scoring.load import load_scorer
from prm_core.session import open_session, read_session
from prm_core.text.steps import RULES
from prm_core.types import Candidate, ScoredCandidate
from prm_core.verifiers import VERIFIERS
from tests import reference
from tests.families import build
from tests.tiny import tiny_model

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
# Commands that need a network, an account or a person, with the reason why they are not run here.
NOT_RUN = {
    "git": "pushes to the reader's own Space",
    "make": "its targets are looked up instead; tests/cli/test_commands.py runs what they call",
}
# Run elsewhere, with data that the reader is to bring.
RUN_ELSEWHERE = {
    "search.md": "tests/cli/test_search.py",
    "training.md": "tests/training/test_training.py",
}


def blocks(language: str, *pages: str) -> list[str]:
    """The code blocks in a language, of the named pages or of all."""
    return [
        block
        for name in pages or TEXTS
        for block in re.findall(
            rf"^```{language}\n(.*?)^```$", TEXTS[name], re.DOTALL | re.MULTILINE
        )
    ]


def commands() -> list[list[str]]:
    """The commands that README and docs show, as words, each once."""
    pages = [name for name in TEXTS if name not in RUN_ELSEWHERE]
    lines = [line for block in blocks("console", *pages) for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines), "a console block holds commands only"
    return [shlex.split(line[2:]) for line in dict.fromkeys(lines)]


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
    shown = {" ".join(words[: 3 if words[0] == "python" else 2]) for words in commands()}
    assert {"make run", "make test", "python -m prm_core", "python -m examples.score_one"} <= shown


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_commands_of_the_pages_run(
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
    if words[1:3] == ["-m", "prm_core"]:
        assert main([*words[3:], *([] if words[3] == "label" else ["--model", model])]) == 0
        assert words[3] == "label" or capsys.readouterr().err == ""
        if words[3] == "score":
            rows = (folder / words[words.index("-o") + 1]).read_text(encoding="utf-8")
            n_problems = len((ROOT / words[4]).read_text(encoding="utf-8").splitlines())
            assert len([json.loads(line) for line in rows.splitlines()]) == n_problems
    else:
        assert words[1] == "-m"
        monkeypatch.setattr(sys, "argv", [*words[2:], "--model", model])
        runpy.run_module(words[2], run_name="__main__")
        assert "weakest step:" in capsys.readouterr().out


def run(code: str, model: str) -> dict[str, Any]:
    """The names that a block of code leaves, with a tiny model in place of the default one."""
    assert "load_scorer()" in code
    names: dict[str, Any] = {}
    exec(code.replace("load_scorer()", f"load_scorer({model!r})"), names)
    return names


def test_the_readme_s_python_runs(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = blocks("python", "README.md")
    names = run(code, model)
    assert len(names["scored"]) == 2
    assert names["figure"].data
    assert capsys.readouterr().out.count("\n") == 4


def test_the_python_page_s_code_runs(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = blocks("python", "python.md")
    names = run(code, model)
    assert names["verdict"].answer in {"54", "56"}
    assert capsys.readouterr().out.count("\n") == 3


def test_the_pipeline_behind_vllm_runs(
    model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """vLLM needs a GPU; what stands for it draws the same two solutions for every problem."""
    drawn = SimpleNamespace(
        outputs=[SimpleNamespace(text=text) for text in ("So 1.\nThe answer is 1.", "It is 2.")]
    )
    stands = ModuleType("vllm")
    stands.__dict__["LLM"] = lambda name: SimpleNamespace(
        chat=lambda chats, _: [drawn] * len(chats)
    )
    stands.__dict__["SamplingParams"] = SimpleNamespace
    monkeypatch.setitem(sys.modules, "vllm", stands)
    (code,) = (block for block in blocks("python", "agents.md") if "vllm" in block)
    names = run(code, model)
    printed = capsys.readouterr().out.splitlines()
    assert [line[: line.index("?") + 1] for line in printed] == names["problems"]
    assert {line.split()[-1] for line in printed} <= {"1", "2"}


def test_the_agent_that_repairs_prints_what_its_page_shows() -> None:
    pytest.importorskip("mcp")
    command = [sys.executable, "examples/agent_that_repairs.py"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    (shown,) = blocks("text", "agents.md")
    digits = re.compile(r"0\.\d+")
    assert digits.sub("#", ran.stdout) == digits.sub("#", shown)
    said, printed = ([float(x) for x in digits.findall(one)] for one in (shown, ran.stdout))
    assert said == pytest.approx(printed, abs=0.001)  # of the model that ships, not of one before


def test_the_code_of_sessions_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = blocks("python", "sessions.md")
    names: dict[str, Any] = {}
    exec(code, names)
    assert open_session(names["page"].encode(), "page.html").session.problems
    assert "majority" in capsys.readouterr().out
    (text,) = blocks("json", "sessions.md")
    (problem,) = read_session(text).problems
    assert problem.solutions[0].labels == (1.0, "neutral")


def test_the_page_of_rewards_shows_what_is_earned(capsys: pytest.CaptureFixture[str]) -> None:
    """Its code runs, and its tables are the benchmark's; the model that ships may gain a digit."""
    (code,) = blocks("python", "rewards.md")
    names: dict[str, Any] = {}
    exec(code, names)
    assert len(names["one"].rewards) == 2
    assert capsys.readouterr().out.count("\n") == 3
    table = TEXTS["rewards.md"].split("| form |")[1].split("\n\n")[0]
    assert not [name for name in FORMS if f"`{name}`" not in table]
    for text in rewards.tables(rewards.measure(names["reward"].scorer)).split("\n\n"):
        head, _, *rows = text.splitlines()
        shown = TEXTS["rewards.md"].split(head)[1].split("\n\n")[0].splitlines()[2:]
        for ours, real in zip(shown, rows, strict=True):
            name, *cells = re.split(r" \| ", real.strip("| "))
            assert name in ours
            found = [float(cell.strip("%")) for cell in re.split(r" \| ", ours.strip("| "))[1:]]
            margin = 10 if "%" in real else 0.25
            assert [float(cell.strip("%")) for cell in cells] == pytest.approx(found, abs=margin)


def test_the_search_page_s_code_runs(
    folder: Path, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = blocks("python", "search.md")
    small = code.replace('"smollm2-135m", chat=True', repr(model)).replace("2000", "200")
    names = run(small, model)
    assert names["tree"].solutions
    assert "added 0 None None" in capsys.readouterr().out


def test_the_table_in_the_readme_is_what_rank_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """The model that ships may gain a digit; the order, the answers and the errors stay."""
    (shown,) = blocks("text", "README.md")
    assert main(["rank", str(ROOT / "examples" / "reference.jsonl")]) == 0
    start = shown.splitlines()[0]
    printed = capsys.readouterr().out.split(start)[1].strip("\n").splitlines()
    for ours, real in zip(shown.splitlines()[1:], printed, strict=False):
        numbers = r"\d\.\d+"
        assert re.sub(numbers, "#", ours).split() == re.sub(numbers, "#", real).split()
        found = [float(number) for number in re.findall(numbers, real)]
        assert [float(number) for number in re.findall(numbers, ours)] == pytest.approx(
            found, abs=0.05
        )


def test_the_result_that_is_shown_has_the_real_shape() -> None:
    (block,) = blocks("json", "bulk.md")
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
    return set(re.findall(r"--[a-z][a-z0-9-]+", capsys.readouterr().out)) - {"--help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_is_documented(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    section = TEXTS["cli.md"].split(f"\n## {command}\n")[1].split("\n## ")[0]
    assert f"python -m prm_core {command}" in section
    assert not {one for one in options_of(command, capsys) if f"`{one}`" not in section}


def test_the_page_of_the_command_line_is_up_to_date() -> None:
    assert TEXTS["cli.md"] == write_cli.page(), "make docs writes it anew"


def test_every_aggregation_and_step_rule_is_documented() -> None:
    for name, method in METHODS.items():
        assert f"\n| `{name}` " in TEXTS["README.md"], name
        assert method.of.__doc__
    for rule in RULES:
        assert f"`{rule}`" in TEXTS["steps.md"], rule


def test_every_setting_is_in_the_readme() -> None:
    read = set(
        re.findall(r'environ(?:\.get\(|\[)"((?:PRM_|HOST|PORT)\w*)"', (ROOT / "app.py").read_text())
    )
    assert read
    assert read == set(re.findall(r"^\| `([A-Z_]+)`", TEXTS["deploy.md"], re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_exist(page: Path) -> None:
    text = TEXTS[page.name]
    links = re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", text)
    named = re.findall(r"`((?:docs|examples|prm_core|assets|tests|benchmarks)/[^`*<>]+)`", text)
    named += re.findall(r"`([A-Z]+\.md)`", text)
    assert not [path for path in links if not (page.parent / path).exists()]
    assert not [path for path in named if not (ROOT / path).exists()]


def test_the_site_builds_without_a_broken_link_or_a_host(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    reference = (tmp_path / "api.html").read_text(encoding="utf-8")
    shown = set(re.findall(r'id="prm_core\.(?:\w+\.)*(\w+)"', reference))
    assert set(prm_core.__all__) - {"__version__"} <= shown
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.findall(r"""<(?:script|img|link|iframe)[^>]*=["'](?:https?:)?//""", text)


def front_matter() -> dict[str, str]:
    found = re.match(r"---\n(.*?)\n---\n", TEXTS["README.md"], re.DOTALL)
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


def test_pyproject_names_no_requirement_of_its_own() -> None:
    """What the app needs is read from requirements.txt; extras ask for what is tested."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert whole["project"]["dynamic"] == ["dependencies"]
    assert whole["tool"]["hatch"]["metadata"]["hooks"]["requirements_txt"]["files"] == [
        "requirements.txt"
    ]
    extras = whole["project"]["optional-dependencies"]
    assert extras.pop("ray") == ["ray[data]==2.60.*"]  # a cluster of its own; not installed to test
    assert extras.pop("hub") == ["datasets>=4,<6"]  # the network, for which the tests stand in
    asked = {line for lines in extras.values() for line in lines}
    assert asked <= set(requirements("requirements-dev.txt"))


def test_every_requirement_has_its_reason_above_it() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        for above, line in itertools.pairwise(lines):
            if line in requirements(name):
                assert above.startswith("# "), line


def test_constraints_pin_every_requirement_within_its_range() -> None:
    pins = dict(line.split("==") for line in requirements("constraints.txt"))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    for line in requirements("requirements.txt") + requirements("requirements-dev.txt"):
        wanted = Requirement(line)
        assert pinned[canonicalize_name(wanted.name)] in wanted.specifier, line


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
    # peft is for those who train adapters, pyarrow for Parquet, datasets for the Hub's, ray for
    # several machines, bitsandbytes for quantized weights; a sentence says so where one is missing.
    brought = {"prm-core", "spaces", "starlette"}
    ours = brought | {"peft", "pyarrow", "datasets", "ray", "bitsandbytes", "mcp"}
    required = {re.split(r"[<>=]", line)[0] for line in requirements("requirements.txt")}
    assert others - ours <= required
    # The tables of the page are gradio's, and stand on pandas; transformers reads SentencePiece's
    # files with protobuf.
    assert required - others <= {"pandas", "protobuf"}, "required, but not imported anywhere"


def test_decisions_have_the_same_parts_and_are_listed() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    assert len(decisions) >= 5
    listed = (ROOT / "docs" / "decisions" / "index.md").read_text(encoding="utf-8")
    for number, path in enumerate(decisions, start=1):
        text = path.read_text(encoding="utf-8")
        assert path.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        for part in ("Status:", "## Context", "## Decision", "## What we tried", "## Consequences"):
            assert part in text, f"{path.name} has no {part}"
        title = text.splitlines()[0].split(". ", 1)[1]
        (row,) = [line for line in listed.splitlines() if line.startswith(f"| {number} |")]
        assert f"[{title}]({path.name})" in row
        assert ("Status: superseded" in text) == ("| superseded by" in row)


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
    (code,) = blocks("python", "models.md")
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


def test_every_family_is_in_the_table_of_families() -> None:
    table = TEXTS["models.md"].split("## Families")[1].split("\n## ")[0]
    assert not [name for name in [*FAMILIES, *VERIFIERS] if f"`{name}`" not in table]


def test_the_examples_of_how_a_text_is_cut_are_true() -> None:
    found = doctest.testfile(str(ROOT / "docs" / "steps.md"), module_relative=False)
    assert found.attempted > 8
    assert not found.failed

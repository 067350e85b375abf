"""The floors of the building: who may import whom, read from the source."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from prm_core.cli import COMMANDS

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "prm_core"

# From the ground up. A package or module imports only from lines above its own; a package may also
# import from itself. What is missing here fails the tests, so that its place is chosen and not
# found. docs/architecture.md says what lives where.
FLOORS: list[tuple[int, set[str]]] = [
    (0, {"errors", "paths"}),
    (0, {"types"}),
    (1, {"catalog", "http_client", "text"}),
    (1, {"continuations", "sampling"}),
    (1, {"answers", "calculator", "ranking"}),
    (1, {"figures", "formats", "verify"}),
    (1, {"rewards", "session", "synthetic", "verifiers"}),
    (1, {"agents", "evaluation", "model_options"}),
    # Below this line torch and transformers are allowed; above it they are never imported.
    (2, {"models"}),
    (3, {"families"}),
    (4, {"scoring"}),
    (5, {"bulk", "doctor", "search", "training"}),
    (5, {"labelling"}),
    (6, {"__init__"}),  # the public names
    (6, {"ui"}),
    (7, {"cli", "app"}),
    (7, {"__main__"}),
]
LEVEL = {name: level for level, (_, names) in enumerate(FLOORS) for name in names}
FLOOR = {name: floor for floor, names in FLOORS for name in names}
DOORS = {"app", "cli", "ui", "scoring.open"}
# Half a second to import, and most answers are plain numbers that do not need it.
LATER = {
    ("answers.expressions", "mpmath"),
    ("formats.results", "pandas"),
    ("http_client", "httpx"),  # only servers need it
    ("cli.terminal", "tqdm"),  # takes as long to import as all of --help
    ("training.tune", "peft"),  # only one of the ways to train needs it
    ("formats.hub", "datasets"),  # need not be installed
    ("formats.tables", "pyarrow"),
    ("models.four_bit", "gguf"),
    ("models.gguf_file", "gguf"),
    ("models.backbone", "bitsandbytes"),
    ("bulk.ray", "ray"),
    ("agents.server", "mcp"),  # need not be installed
}
HEAVY = {"torch", "transformers", "safetensors", "tokenizers", "accelerate"}


class Import(NamedTuple):
    """One import of one module, in one file."""

    file: str
    line: int
    module: str  # "prm_core.rank", "torch", …
    inside_function: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def sources() -> dict[str, Path]:
    """The project's modules by dotted name under prm_core, and app."""
    files = {
        ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
        for path in sorted(PACKAGE.rglob("*.py"))
    }
    files["app"] = ROOT / "app.py"
    return files


def imports(path: Path) -> Iterator[Import]:
    """Every import statement of a file, wherever it stands."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    within = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno} is a relative import"
            assert node.module is not None
            names = [node.module]
            folder = ROOT / node.module.replace(".", "/")
            if folder.is_dir():  # a module of it, or a name?
                names = [
                    f"{node.module}.{alias.name}"
                    if (folder / alias.name).with_suffix(".py").exists()
                    or (folder / alias.name).is_dir()
                    else node.module
                    for alias in node.names
                ]
        for name in names:
            yield Import(path.relative_to(ROOT).as_posix(), node.lineno, name, node in within)


def part(module: str) -> str | None:
    """The name in `FLOORS` that a module of ours belongs to; None for other people's modules."""
    first, _, rest = module.partition(".")
    if first != "prm_core":
        return "app" if module == "app" else None
    return rest.split(".")[0] or "__init__"


ALL = [(name, one) for name, path in sources().items() for one in imports(path)]


def test_every_module_has_a_place() -> None:
    assert {name.split(".")[0] for name in sources()} == set(LEVEL)


def test_the_entrance_is_small() -> None:
    """Ten modules at most lie beside the packages, and every package says what lives in it."""
    beside = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert len(beside) <= 10, beside
    for folder in (path for path in PACKAGE.iterdir() if path.is_dir() and list(path.glob("*.py"))):
        module = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(module), folder.name


def test_the_tests_have_the_same_folders() -> None:
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    tests = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert tests - packages <= {"benchmarks", "browser"}
    assert packages <= tests


def test_imports_go_down_only() -> None:
    wrong = []
    for name, one in ALL:
        here, there = name.split(".")[0], part(one.module)
        if there is None or (here == there and "." in name):
            continue
        if LEVEL[there] >= LEVEL[here]:
            wrong.append(str(one))
    assert not wrong


def test_there_are_no_cycles() -> None:
    """The floors rule them out between parts; this also looks inside families and ui."""
    modules = {
        "prm_core" if name == "__init__" else f"prm_core.{name.removesuffix('.__init__')}": path
        for name, path in sources().items()
        if name != "app"
    }
    below = {
        module: {one.module for one in imports(path)} & modules.keys() - {module}
        for module, path in modules.items()
    }
    while leaves := {module for module, needs in below.items() if not needs}:
        below = {m: needs - leaves for m, needs in below.items() if m not in leaves}
    assert not below, "these import each other in a circle"


def test_torch_stays_above_its_line() -> None:
    assert not [str(o) for n, o in ALL if FLOOR[n.split(".")[0]] < 2 and top(o) in HEAVY]


def test_gradio_stays_in_the_page() -> None:
    assert not [
        str(o) for n, o in ALL if n.split(".")[0] not in {"ui", "app"} and top(o) == "gradio"
    ]


def top(one: Import) -> str:
    return one.module.split(".")[0]


def test_imports_inside_functions_are_for_doors_that_open_heavy_modules() -> None:
    wrong = []
    for name, one in ALL:
        if not one.inside_function or (name, top(one)) in LATER:
            continue
        there = part(one.module)
        heavy = top(one) in HEAVY or (there is not None and 2 <= FLOOR[there] <= 5)
        if not {name, name.split(".")[0]} & DOORS or not heavy:
            wrong.append(str(one))
    assert not wrong


@pytest.mark.parametrize("word", ["eval", "exec", "compile", "__import__"])
def test_no_text_is_ever_executed(word: str) -> None:
    calls = [
        f"{path.name}:{node.lineno}"
        for path in sources().values()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == word
    ]
    assert not calls


def test_no_code_comes_from_a_checkpoint() -> None:
    assert not [str(one) for _, one in ALL if top(one) in {"pickle", "joblib", "dill"}]
    for path in sources().values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in {"trust_remote_code", "weights_only"}:
                assert isinstance(node.value, ast.Constant)
                assert node.value.value is (node.arg == "weights_only"), path.name


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_plain_modules_leave_torch_alone_in_a_fresh_interpreter() -> None:
    plain = [f"prm_core.{name}" for name, floor in FLOOR.items() if floor < 2]
    loaded = run_python(
        f"import sys, importlib; [importlib.import_module(m) for m in {plain!r}];"
        "print([m for m in ('torch', 'transformers', 'gradio') if m in sys.modules])"
    )
    assert loaded.strip() == "[]"


@pytest.mark.parametrize(
    "words", [["--help"], *([name, "--help"] for name in COMMANDS), ["rank", "nowhere.jsonl"]]
)
def test_help_and_a_wrong_file_name_do_not_wait_for_torch(words: list[str]) -> None:
    loaded = run_python(
        "import sys; from prm_core.cli import main\n"
        f"try: main({words!r})\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'transformers', 'gradio') if m in sys.modules])"
    )
    assert loaded.splitlines()[-1] == "[]"


def joined_scripts() -> list[list[str]]:
    """The scripts of the page that run in one function: what `page_script` joins."""
    calls = [
        node
        for path in sorted((PACKAGE / "ui").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "page_script"
    ]
    found = [[one.value for one in call.args if isinstance(one, ast.Constant)] for call in calls]
    return [[str(name) for name in names] for names in found if names]


@pytest.mark.parametrize("names", joined_scripts(), ids=lambda names: names[-1])
def test_scripts_that_run_in_one_function_share_no_name(names: list[str]) -> None:
    """Of two functions with one name the second would take the place of the first, silently."""
    pages = ROOT / "assets" / "page"
    declared = [
        name
        for script in names
        for name in re.findall(
            r"^(?:async )?(?:function|const|let) (\w+)",
            (pages / script).read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    ]
    assert len(declared) > 3
    assert [name for name, n in Counter(declared).items() if n > 1] == []

"""The floors of the building: who may import whom, read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "prm_core"

# From the ground up. A module imports only from lines above its own; a package (cli, families,
# train …) may also import from itself. A module that is missing here fails the tests, so that its
# place is chosen and not found.
FLOORS: list[tuple[int, set[str]]] = [
    (0, {"errors"}),
    (0, {"types", "paths"}),
    (1, {"blocks", "labels", "sentences", "endpoint"}),
    (1, {"tags"}),
    (1, {"parts"}),
    (1, {"lists"}),
    (1, {"steps", "aggregate", "packing", "data"}),
    (1, {"notation"}),
    (1, {"units"}),
    (1, {"expressions"}),
    (1, {"equality"}),
    (1, {"answers"}),
    (1, {"calculator"}),
    (1, {"rank", "registry", "files"}),
    (1, {"labelled"}),
    (1, {"metrics", "pools", "recorded", "synthetic", "verifiers", "consensus"}),
    (1, {"results", "charts", "best_of_n", "verify", "model_options"}),
    (1, {"evaluate"}),
    (1, {"report"}),
    # Below this line torch and transformers are allowed; above it they are never imported.
    (2, {"checkpoint", "readout", "device", "attention"}),
    (2, {"small_backbone"}),
    (2, {"lora", "loading", "forward"}),
    (2, {"memory"}),
    (3, {"families"}),
    (4, {"reader", "explain", "generators"}),
    (4, {"scorer"}),
    (4, {"rounds", "remote"}),
    (4, {"load"}),
    (4, {"open"}),
    (5, {"label_methods", "local_generator"}),
    (5, {"training", "bench", "label", "doctor", "bulk"}),
    (5, {"ray_engine"}),
    (6, {"__init__"}),  # the public names
    (6, {"ui"}),
    (7, {"cli", "app"}),
    (7, {"__main__"}),
]
LEVEL = {name: level for level, (_, names) in enumerate(FLOORS) for name in names}
FLOOR = {name: floor for floor, names in FLOORS for name in names}
DOORS = {"app", "cli", "ui", "open"}
# Half a second to import, and most answers are plain numbers that do not need it.
LATER = {
    ("expressions", "mpmath"),
    ("results", "pandas"),
    ("endpoint", "httpx"),  # only servers need it
    ("training.tune", "peft"),  # only one of the ways to train needs it
    ("files", "pyarrow"),  # need not be installed
    ("small_backbone", "gguf"),
    ("loading", "bitsandbytes"),
    ("ray_engine", "ray"),
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
        if name.split(".")[0] not in DOORS or not heavy:
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
    "words", [["--help"], ["score", "--help"], ["rank", "nowhere.jsonl"], ["label", "--help"]]
)
def test_help_and_a_wrong_file_name_do_not_wait_for_torch(words: list[str]) -> None:
    loaded = run_python(
        "import sys; from prm_core.cli import main\n"
        f"try: main({words!r})\n"
        "except SystemExit: pass\n"
        "print([m for m in ('torch', 'transformers', 'gradio') if m in sys.modules])"
    )
    assert loaded.splitlines()[-1] == "[]"

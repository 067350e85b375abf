"""`make` and what it calls: what is said when something is missing, without installing anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TOOLS = (
    "bash",
    "sh",
    "cat",
    "cut",
    "dirname",
    "grep",
    "id",
    "mkdir",
    "rm",
    "sed",
    "sha256sum",
    "tail",
    "touch",
)
GOOD_PYTHON = """
case "$*" in
    --version) echo Python 3.11.2 ;;
    "-c import sys; sys.exit(sys.version_info < (3, 11))" | "-c import venv, ensurepip") ;;
    "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
    "-m pip --version") ;;
    "-m pip install "*) echo installed >>pip-calls ;;
    *) echo "not expected: $*" >&2; exit 9 ;;
esac
"""


class Machine:
    """A folder with the project's installer, and a PATH on which only chosen programs stand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.folder / ".ci").mkdir(parents=True)
        for name in (".ci/install", "requirements.txt", "requirements-dev.txt", "constraints.txt"):
            shutil.copy(ROOT / name, self.folder / name)
        for tool in (*TOOLS, "cp"):
            found = shutil.which(tool)
            assert found, tool
            (self.bin / tool).symlink_to(found)
        self.program("sudo", "exit 1")

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text("#!/bin/bash\n" + script, encoding="utf-8")
        path.chmod(0o755)

    def install(self, what: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.folder / ".ci" / "install", what],
            env={"PATH": str(self.bin)},
            cwd=self.folder.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    @property
    def n_pip_calls(self) -> int:
        calls = self.folder / "pip-calls"
        return len(calls.read_text().splitlines()) if calls.exists() else 0


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.program("python3", GOOD_PYTHON)
    return made


def says(done: subprocess.CompletedProcess[str], expected: str) -> None:
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert expected in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_it_installs_once(machine: Machine) -> None:
    for _ in range(2):
        done = machine.install("run")
        assert done.returncode == 0, done.stderr
    assert machine.n_pip_calls == 1


def test_a_changed_requirement_is_installed(machine: Machine) -> None:
    machine.install("run")
    with (machine.folder / "requirements.txt").open("a") as file:
        file.write("another\n")
    assert machine.install("run").returncode == 0
    assert machine.n_pip_calls == 2


def test_touching_the_requirements_changes_nothing(machine: Machine) -> None:
    machine.install("run")
    os.utime(machine.folder / "requirements.txt")
    machine.install("run")
    assert machine.n_pip_calls == 1


def test_a_failed_installation_is_tried_again(machine: Machine) -> None:
    machine.program(
        "python3", GOOD_PYTHON.replace("echo installed", "echo ERROR: no network; false")
    )
    done = machine.install("run")
    says(done, "The packages of requirements.txt could not be installed (ERROR: no network)")
    machine.program("python3", GOOD_PYTHON)
    shutil.copy(machine.bin / "python3", machine.folder / ".venv/bin/python")
    assert machine.install("run").returncode == 0


PIP_SAYS = """Collecting torch==2.13.0
  Downloading torch-2.13.0-cp311-none-linux_x86_64.whl.metadata (29 kB)
  Downloading torch-2.13.0-cp311-none-linux_x86_64.whl (192.3 MB)
  Using cached huggingface_hub-1.2.0-py3-none-any.whl (512 kB)
Installing collected packages: huggingface-hub, torch
Successfully installed"""


def test_it_says_what_comes_and_how_large_it_is(machine: Machine) -> None:
    said = "".join(f"echo '{line}'; " for line in PIP_SAYS.splitlines())
    machine.program("python3", GOOD_PYTHON.replace("echo installed >>pip-calls", said))
    done = machine.install("run")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["1", "torch", "192.3", "MB"] in lines
    assert ["2", "huggingface_hub", "512", "kB"] in lines
    assert any("Unpacking 2 packages" in line for line in done.stdout.splitlines())
    log = (machine.folder / ".venv" / "install.log").read_text()
    assert log == PIP_SAYS + "\n"  # nothing of what pip said is lost


def test_another_python_makes_another_environment(machine: Machine) -> None:
    machine.install("run")
    machine.program("python3", GOOD_PYTHON.replace("3.11.2", "3.12.9"))
    assert machine.install("run").returncode == 0
    assert "3.12.9" in (machine.folder / ".venv/bin/python").read_text()


def test_no_python(machine: Machine) -> None:
    (machine.bin / "python3").unlink()
    says(machine.install("run"), "there is no 'python3'")


def test_an_old_python(machine: Machine) -> None:
    machine.program("python3", "[ $1 = --version ] && echo Python 3.9.2 || exit 1")
    says(machine.install("run"), "Python 3.11 or newer is needed, and 'python3' is Python 3.9.2")


def test_no_venv_module_and_no_rights(machine: Machine) -> None:
    machine.program("python3", GOOD_PYTHON.replace(' | "-c import venv, ensurepip"', ""))
    machine.program("id", "echo 1000")
    machine.program("apt-get", "echo must not be called >&2; exit 1")
    says(machine.install("run"), "install python3-venv and try again")


def test_no_chromium_and_no_rights(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    machine.program("apt-get", "echo must not be called >&2; exit 1")
    says(machine.install("test"), "the command 'chromium-headless-shell' or 'chromium'")
    assert machine.install("run").returncode == 0, "the page needs no chromium"


def test_any_chromium_does_where_nothing_can_be_installed(machine: Machine) -> None:
    machine.program("id", "echo 1000")
    shutil.copy(machine.bin / "cat", machine.bin / "chromium")
    assert machine.install("test").returncode == 0


def test_chromium_is_installed_where_that_is_allowed(machine: Machine) -> None:
    machine.program("id", "echo 0")
    machine.program("env", 'shift; exec "$@"')
    machine.program(
        "apt-get",
        f'echo "$*" >>"{machine.folder}/apt-calls"\n'
        f'[ $1 = update ] || cp "{machine.bin}/cat" "{machine.bin}/chromium-headless-shell"',
    )
    done = machine.install("test")
    assert done.returncode == 0, done.stderr
    update, install = (machine.folder / "apt-calls").read_text().splitlines()
    assert update.startswith("update")
    assert "chromium-headless-shell" in install


def test_make_alone_lists_the_commands() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("run", "test", "lint", "format", "clean"):
        assert f"make {target} " in done.stdout

"""Data sets of the Hub, with a stand-in for the library that fetches them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from prm_core.errors import DataError
from prm_core.formats.labelled import read_examples
from prm_core.session import open_session

_LIBRARY = """
def load_dataset(path, name=None, *, split=None, streaming=False):
    assert streaming
    if path == "no/where":
        raise FileNotFoundError("Dataset 'no/where' doesn't exist\\non the Hub")
    row = {"prompt": f"{path} {name} {split}", "completions": ["a", "b"], "labels": [True, False]}
    rows = [row]
    return iter(rows) if split else {"train": [], "test": rows}
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "datasets.py").write_text(_LIBRARY, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "datasets", raising=False)
    yield  # type: ignore[misc]
    sys.modules.pop("datasets", None)


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("hf:trl-lib/prm800k", "trl-lib/prm800k None None"),
        ("hf:trl-lib/prm800k/train", "trl-lib/prm800k None train"),
        ("hf:openai/gsm8k/main/test", "openai/gsm8k main test"),
    ],
)
def test_a_data_set_is_read_by_its_name(name: str, problem: str) -> None:
    (found,) = open_session(name).session.problems
    assert found.problem == problem
    assert found.solutions[0].labels == (1.0, 0.0)
    assert len([*read_examples(name)]) == 1


@pytest.mark.usefixtures("library")
def test_what_the_library_says_is_said() -> None:
    with pytest.raises(DataError, match="hf:no/where: cannot be read: Dataset 'no/where' doesn't"):
        open_session("hf:no/where")
    with pytest.raises(DataError, match="is not a data set; write hf:owner/name"):
        open_session("hf:gsm8k")


@pytest.mark.usefixtures("library")
def test_a_folder_here_is_no_data_set_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library looks for one first."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own" / "set").mkdir(parents=True)
    with pytest.raises(DataError, match="the folder of this name"):
        open_session("hf:own/set/train")
    assert open_session("hf:own/other").session.problems


def test_without_the_library_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match="pip install 'datasets>=4'"):
        open_session("hf:openai/gsm8k")

"""The public names are what `__all__` says, no more and no less."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
import types
from pathlib import Path

import pytest

import prm_core

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


@pytest.mark.parametrize("name", prm_core.__all__)
def test_every_public_name_resolves_to_something_with_a_name(name: str) -> None:
    value = getattr(prm_core, name)
    assert not isinstance(value, types.ModuleType)
    if name != "__version__":
        assert value.__name__ == name
        assert value.__doc__


def test_all_is_sorted_and_complete() -> None:
    assert sorted(prm_core.__all__) == prm_core.__all__
    public = {
        name
        for name in dir(prm_core)
        if not name.startswith("_")
        and not isinstance(getattr(prm_core, name), types.ModuleType)
        and getattr(getattr(prm_core, name), "__module__", "").startswith("prm_core")
    }
    assert public | {"__version__"} == set(prm_core.__all__)


def test_a_star_import_gives_exactly_these() -> None:
    names: dict[str, object] = {}
    exec("from prm_core import *", names)
    assert names.keys() - {"__builtins__"} == set(prm_core.__all__)


def test_functions_are_not_hidden_by_modules_of_the_same_name() -> None:
    for module in pkgutil.iter_modules(prm_core.__path__):
        if module.name != "__main__":
            importlib.import_module(f"prm_core.{module.name}")
    assert callable(prm_core.rank)
    assert callable(prm_core.aggregate)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'scorr'"):
        prm_core.scorr  # noqa: B018


def test_the_version_is_the_package_s() -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    assert prm_core.__version__ == project["version"]


def test_types_are_shipped() -> None:
    assert (Path(prm_core.__file__).parent / "py.typed").exists()

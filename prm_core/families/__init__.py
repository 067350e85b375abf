"""The families that are known, in one table."""

from __future__ import annotations

from pathlib import Path

from prm_core.checkpoint import read_json
from prm_core.errors import UnknownModelError
from prm_core.families.base import Evidence, Family, Opened, Readout
from prm_core.families.value_head import FAMILY_FILE, VALUE_HEAD

__all__ = ["FAMILIES", "Evidence", "Family", "Opened", "Readout", "family_for"]

FAMILIES: dict[str, Family] = {
    VALUE_HEAD.name: VALUE_HEAD,
}


def family_for(directory: Path, name: str | None = None) -> Family:
    """The family of a checkpoint: the one named by hand, or the one its family file names.

    Raises:
        UnknownModelError: the name is not in the table, or there is none and no family file.
        ModelLoadError: the family file cannot be read.
    """
    known = ", ".join(FAMILIES)
    if name is not None:
        if name not in FAMILIES:
            raise UnknownModelError(f"family {name!r} is not known; choose from {known}")
        return FAMILIES[name]
    path = directory / FAMILY_FILE
    if not path.is_file():
        raise UnknownModelError(
            f"{directory} has no {FAMILY_FILE}, so its family is not known; "
            f"if it is a process reward model, name its family (--family): {known}"
        )
    written = read_json(path).get("family")
    if not isinstance(written, str) or written not in FAMILIES:
        raise UnknownModelError(f"{path}: 'family' is {written!r}; this version knows {known}")
    return FAMILIES[written]

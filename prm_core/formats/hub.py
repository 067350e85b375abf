"""Data sets on the Hugging Face Hub as rows, if the package `datasets` is installed.

A name is `hf:owner/name`, `hf:owner/name/split` or `hf:owner/name/config/split`. No code from a
data set is ever run: the supported versions of `datasets` cannot.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from prm_core.errors import DataError
from prm_core.formats.rows import FileRow, json_value

_NAME = re.compile(
    r"hf:(?P<repo>[\w-][\w.-]*/[\w-][\w.-]*)(?:/(?P<config>[\w.-]+)(?=/))?(?:/(?P<split>[\w.-]+))?"
)


def is_hub(name: str) -> bool:
    """Whether a name is that of a data set, and not of a file."""
    return name.startswith("hf:")


def hub_rows(name: str) -> Iterator[FileRow | DataError]:
    """The rows of a data set, as they come over the network; the first one has the line 1.

    By default the split called "test" is used, or else the first one.

    Args:
        name: see this module.

    Raises:
        DataError: the name is invalid, `datasets` is not installed, or the data set cannot be read.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise DataError(
            "is not a data set; write hf:owner/name, perhaps with /split or /config/split",
            path=name,
        )
    if os.path.exists(found["repo"]):
        raise DataError(
            "the library would read the folder of this name that is here; give the name of a file "
            "in it instead",
            path=name,
        )
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            "data sets of the Hub need the package datasets: pip install 'prm-inspector[hub]', or "
            "pip install 'datasets>=4'; files need none",
            path=name,
        ) from error
    try:
        opened = datasets.load_dataset(
            found["repo"], found["config"], split=found["split"], streaming=True
        )
        if isinstance(opened, Mapping):
            opened = opened["test"] if "test" in opened else next(iter(opened.values()))
        for line, row in enumerate(opened, start=1):
            yield FileRow(name, line, json_value(dict(row)))
    except DataError:
        raise
    except Exception as error:  # the library and its dependencies can raise anything
        raise DataError(
            f"cannot be read: {_first_line(error)} (is the name right, and is there a network?)",
            path=name,
        ) from error


def _first_line(error: Exception) -> Any:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200]

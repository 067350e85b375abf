"""Searches that can be killed: every tree is a file, rewritten after each round.

A file is named by what decides its tree, so a folder may hold trees of many searches, and the same
search finds its own again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from prm_core.errors import DataError
from prm_core.formats.atomic import atomic_text, file_errors
from prm_core.search.engine import Event, grow
from prm_core.search.generators import Generator
from prm_core.search.tree import Tree, tree_json, tree_of
from prm_core.types import StepScorer


def tree_file(folder: Path, tree: Tree) -> Path:
    """Where a tree is kept."""
    decides = (tree.problem, tree.settings, tree.generator, tree.model)
    return folder / f"{sha256(repr(decides).encode('utf-8', 'replace')).hexdigest()[:24]}.json"


def grown(
    tree: Tree,
    generator: Generator,
    scorer: StepScorer,
    folder: Path | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Tree:
    """A tree at its end: from its file where there is one, and kept there round by round.

    Args:
        tree: a new one.
        generator, scorer: as for `grow`.
        folder: of the files; None to keep nothing.
        on_event: called with each event.

    Raises:
        DataError: the file cannot be read or written.
        ModelError: as `grow`.
    """
    file = None if folder is None else tree_file(folder, tree)
    if file is not None and file.exists():
        tree = load_tree(file)
    for event in grow(tree, generator, scorer):
        if event.kind == "round":
            tree = event.tree
            if file is not None:
                save_tree(tree, file)
        on_event(event)
    return tree


def save_tree(tree: Tree, file: Path) -> None:
    """Write a tree; the file appears whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    with file_errors(file.parent, "made"):
        file.parent.mkdir(parents=True, exist_ok=True)
    with atomic_text(file) as write:
        write(json.dumps(tree_json(tree), ensure_ascii=False, allow_nan=False))


def load_tree(file: Path) -> Tree:
    """The tree of a file.

    Raises:
        DataError: it cannot be read, or holds none.
    """
    with file_errors(file, "read"):
        raw = file.read_text(encoding="utf-8")
    try:
        return tree_of(json.loads(raw), str(file))
    except (ValueError, RecursionError) as error:
        raise DataError(f"is no JSON ({error}); remove it", path=file) from error

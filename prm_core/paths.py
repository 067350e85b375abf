"""Where the files that ship with the project are."""

from __future__ import annotations

from pathlib import Path


def assets_dir() -> Path:
    """The project's `assets` folder: beside the package in a checkout, inside it when installed."""
    inside = Path(__file__).parent / "assets"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "assets"


def page_script(*names: str) -> str:
    """Scripts of `assets/page` joined into one, as Gradio takes one per component."""
    folder = assets_dir() / "page"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)

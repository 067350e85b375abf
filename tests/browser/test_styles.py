"""The page's styles hold no declaration that the browser would pass over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

STYLES = sorted((Path(__file__).parents[2] / "assets" / "page").glob("*.css"))
NOT_KNOWN = """declarations => declarations.filter(
    ([property, value]) => !CSS.supports(property, value.replace(/\\s*!important$/, ""))
)"""


def declarations(style: str) -> list[tuple[str, str]]:
    """Property and value of every declaration, in the layout that deno fmt gives it."""
    without_comments = re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)
    return re.findall(r"(?<=[{;\s])([a-z-]+):\s+([^;{}]+);", without_comments)


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_the_browser_knows_every_declaration(path: Path, browser: Browser) -> None:
    page = browser.new_page()
    try:
        found = declarations(path.read_text(encoding="utf-8"))
        assert len(found) > 500
        misspelt = declarations("a { colour: red; margin: 1 px; color: red; }")
        assert [*page.evaluate(NOT_KNOWN, [*found, *misspelt])] == [
            ["colour", "red"],
            ["margin", "1 px"],
        ]
    finally:
        page.close()

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


def without_comments(style: str) -> str:
    return re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)


def declarations(style: str) -> list[tuple[str, str]]:
    """Property and value of every declaration, in the layout that deno fmt gives it."""
    return re.findall(r"(?<=[{;\s])([a-z-]+):\s+([^;{}]+);", without_comments(style))


@pytest.mark.parametrize("path", STYLES, ids=lambda path: path.name)
def test_the_browser_knows_every_declaration(path: Path, browser: Browser) -> None:
    page = browser.new_page()
    try:
        style = path.read_text(encoding="utf-8")
        found = declarations(style)
        plain = without_comments(style)
        assert len(found) == plain.count(";") > plain.count("{")
        misspelt = declarations("a { colour: red; margin: 1 px; color: red; }")
        assert [*page.evaluate(NOT_KNOWN, [*found, *misspelt])] == [
            ["colour", "red"],
            ["margin", "1 px"],
        ]
    finally:
        page.close()

"""The pages that `evaluate --html` and `report` write, opened from the disk in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from prm_core.evaluation.html import report_html
from prm_core.evaluation.session_report import session_html
from tests.browser.test_axe import violations
from tests.evaluation.test_html import NASTY, TASKS, reports
from tests.evaluation.test_session_report import session

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("task", TASKS)
def test_every_picture_is_drawn_and_nothing_is_asked_for(
    browser: Browser, tmp_path: Path, task: str
) -> None:
    path = tmp_path / "report.html"
    path.write_text(report_html(reports(NASTY, NASTY)[TASKS.index(task)]), encoding="utf-8")
    context = browser.new_context(viewport={"width": 700, "height": 900})
    try:
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text))
        page.on("dialog", lambda dialog: wrong.append(f"a script ran: {dialog.message}"))
        page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith("file:") else None)
        page.goto(path.as_uri())
        n_pictures = page.locator("figure").count()
        assert n_pictures
        expect(page.locator("figure .main-svg").first).to_be_visible()
        for picture in page.locator("figure").all():
            expect(picture.locator(".bars path, .scatterlayer path").first).to_be_attached()
        expect(page.locator("h1")).to_contain_text("<b>")
        assert page.locator("h1 b, img").count() == 0
        assert not wrong
    finally:
        context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_session_is_read_without_a_script_and_on_a_narrow_screen(
    browser: Browser, tmp_path: Path, theme: Literal["light", "dark"]
) -> None:
    path = tmp_path / "report.html"
    path.write_text(session_html(session(NASTY)), encoding="utf-8")
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme=theme)
    try:
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: wrong.append(line.text))
        page.on("dialog", lambda dialog: wrong.append(f"a script ran: {dialog.message}"))
        page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith("file:") else None)
        page.goto(path.as_uri())
        assert violations(page) == []
        expect(page.locator("article")).to_have_count(4)
        expect(page.locator("h1")).to_contain_text("<b>")
        bars = page.locator("article .track i")
        widths = [bar.bounding_box() for bar in bars.all() if bar.is_visible()]
        assert all(box and box["width"] > 0 and box["height"] > 0 for box in widths)
        assert page.locator("h1 b, img").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_text("Thinking: 1 step").click()
        assert not wrong
    finally:
        context.close()

"""The page that `evaluate --html` writes, opened from the disk in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from prm_core.evaluation.html import report_html
from tests.evaluation.test_html import NASTY, TASKS, reports

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

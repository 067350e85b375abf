"""The pages that `evaluate --html` and `report` write, opened from the disk in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from prm_core.evaluation.html import report_html
from prm_core.evaluation.session_report import session_html
from prm_core.session import Model, Problem, Scores, Session, Settings, Solution
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


FORMULAS = (
    "So $x = \\frac{1}{2}$ and \\(y^2\\), or $5 and $6.",
    "\\[ \\sum_{i=1}^n i \\]",
    "Hence \\boxed{\\sqrt{2}}.",
)
HOSTILE = (
    "$\\href{javascript:alert(1)}{x}$ $\\includegraphics{http://x.invalid/a.png}$",
    "$\\htmlData{a=b}{x}$ $\\def\\a{\\a\\a}\\a$ $\\rule{999em}{999em}$ $\\unknown{$",
    "$<img src=x onerror=alert(1)>$ $\\text{<script>alert(1)</script>}$ " + "$" * 3000,
)


def formulas_page(browser: Browser, path: Path, wrong: list[str], **options: Any) -> Page:
    """The report of solutions with formulas, some of them hostile."""
    solutions = Solution("A", steps=FORMULAS), Solution("B", steps=HOSTILE, answer="\\frac{3}{2}")
    path.write_text(session_html(Session((Problem("Find $x$.", solutions=solutions),))), "utf-8")
    page = browser.new_context(**options).new_page()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text))
    page.on("dialog", lambda dialog: wrong.append(f"a script ran: {dialog.message}"))
    page.on("request", lambda r: wrong.append(r.url) if not r.url.startswith("file:") else None)
    page.goto(path.as_uri())
    return page


def test_formulas_of_a_report_are_typeset_and_run_nothing(browser: Browser, tmp_path: Path) -> None:
    wrong: list[str] = []
    page = formulas_page(browser, tmp_path / "report.html", wrong)
    try:
        expect(page.locator("html[data-typeset]")).to_be_attached()
        first = page.locator("article").first.locator("li")
        assert first.nth(0).locator("math mfrac").count() == 1
        assert first.nth(0).locator("math").count() == 2
        expect(first.nth(0)).to_contain_text("or $5 and $6.")
        assert first.nth(1).locator("math[display=block] munderover").count() == 1
        assert first.nth(2).locator("math msqrt").count() == 1
        box = (
            first.nth(2).locator("menclose").evaluate("one => getComputedStyle(one).borderTopWidth")
        )
        assert box == "1px"  # Chromium knows no \\boxed
        assert page.locator("h3 math mfrac").count() == 1  # the answer of B
        second = page.locator("article").nth(1)
        assert second.locator("a, img, script, [data-a], [onerror]").count() == 0
        expect(second).to_contain_text("<img src=x onerror=alert(1)>")
        sizes = second.locator("math").evaluate_all(
            "all => all.map((one) => one.getBoundingClientRect().width)"
        )
        assert all(width < 400 for width in sizes)
        assert violations(page) == []
        assert not wrong
    finally:
        page.context.close()


def test_a_report_without_scripts_shows_formulas_as_they_were_written(
    browser: Browser, tmp_path: Path
) -> None:
    wrong: list[str] = []
    page = formulas_page(browser, tmp_path / "report.html", wrong, java_script_enabled=False)
    try:
        expect(page.locator("article").first.locator("li").nth(1)).to_contain_text(FORMULAS[1])
        assert page.locator("math").count() == 0
    finally:
        page.context.close()


def test_all_formulas_of_a_long_report_are_typeset_when_it_is_printed(
    browser: Browser, tmp_path: Path
) -> None:
    steps = tuple(f"Step {i}: $\\frac{{{i}}}{{7}} + x_{{{i}}}^2$" for i in range(3000))
    problem = Problem("?", solutions=(Solution("A", steps=steps),))
    path = tmp_path / "report.html"
    path.write_text(session_html(Session((problem,))), "utf-8")
    page = browser.new_context().new_page()
    try:
        page.goto(path.as_uri())
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("li math").count() == 3000
    finally:
        page.context.close()


def test_nothing_is_cut_off_on_paper(browser: Browser, tmp_path: Path) -> None:
    """A4 has 718 pixels between usual margins; a scroll bar cannot be used there."""
    steps = tuple(f"Step {i}." for i in range(60))
    scores = {"a" * 40: Scores((0.5,) * 60), "b" * 40: Scores((0.25,) * 60)}
    problem = Problem("?", solutions=(Solution("A", steps=steps, scores=scores),))
    session = Session((problem,), tuple(map(Model, scores)), Settings(other="b" * 40))
    path = tmp_path / "report.html"
    path.write_text(session_html(session), "utf-8")
    page = browser.new_context(viewport={"width": 718, "height": 1000}).new_page()
    try:
        page.goto(path.as_uri())
        page.emulate_media(media="print")
        ends = page.locator("table, svg, article").evaluate_all(
            "all => all.map((one) => one.getBoundingClientRect().right)"
        )
        assert max(ends) <= 718
    finally:
        page.context.close()

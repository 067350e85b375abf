"""axe-core finds nothing in any view, light and dark, wide and narrow."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import PROBLEM, SOLUTIONS, OpenPage
from tests.browser.test_board import chart, row, show
from tests.browser.test_page import expect_scored, fill, score

pytestmark = pytest.mark.browser

LOOKS: list[dict[str, Any]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
]
looks = pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])


# What fades in has its contrast when it is there; what waits for the model may pulse for ever.
STILL = """() => document.getAnimations().every((one) =>
    one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity)"""


def violations(page: Page, part: str | None = None) -> list[str]:
    page.wait_for_function(STILL)
    found = Axe().run(page, context=part).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for one in found
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("look", LOOKS[:2], ids=["light", "dark"])
def test_every_state_of_the_board(open_page: OpenPage, board_url: str, look: Any) -> None:
    page = open_page(board_url, **look)
    found = {"empty": violations(page, ".prm-board")}
    chart(page)
    row(page, "B", 2).click()
    expect(page.locator(".bd-detail")).to_be_visible()
    for tab in page.get_by_role("tab").all():
        tab.click()
        found[f"chart, {tab.text_content()}"] = violations(page, ".prm-board")
    page.get_by_role("tab").first.click()
    for name, shown in (
        ("failed", ".bd-note [role=alert]"),
        ("cancelled", ".bd-note [role=status]"),
        ("waiting", ".bd-waiting"),
        ("written", ".bd-wrote"),
        ("solved", ".bd-solved"),
        ("offered", ".bd-judge button"),
        ("many", ".bd-strip svg"),
        ("hostile", ".bd-row .katex"),
        ("thought", ".bd-thinking"),
    ):
        show(page, name)
        expect(page.locator(shown).first).to_be_visible()
        found[name] = violations(page, ".prm-board")
    assert {name: which for name, which in found.items() if which} == {}


@looks
def test_every_state_of_the_page(open_page: OpenPage, look: Any) -> None:
    page = open_page(**look)
    found = {"empty": violations(page)}
    score(page)
    expect(page.locator(".prm-issue:visible").first).to_be_visible()
    found["bad input"] = violations(page)
    fill(page, PROBLEM, *SOLUTIONS)
    page.get_by_role("button", name="Label the steps by hand").click()
    expect(page.locator(".bd-label-row").first).to_be_focused()
    for key in "jecx":  # the second step is wrong, and has a note
        page.keyboard.press(key)
    found["labelling, not scored"] = violations(page)
    page.get_by_role("button", name="Each step").click()
    for key in "j0+":
        page.keyboard.press(key)
    score(page)
    expect_scored(page, 3)
    page.get_by_role("button", name="Show scores").click()
    found["labelling, scored"] = violations(page)
    page.get_by_role("tab", name="Steps").click()
    expect(page.locator(".bd-label").first).to_be_visible()
    found["scored"] = violations(page)
    page.get_by_role("combobox", name="Model").click()
    found["models"] = violations(page)
    page.keyboard.press("Escape")
    page.locator(".prm-help").click()
    found["help"] = violations(page)
    page.keyboard.press("Escape")
    page.locator("#prm-problem").fill("What is 9 × 9?")
    expect(page.locator(".bd-stale").first).to_be_visible()
    found["stale"] = violations(page)
    page.get_by_role("combobox", name="Model").fill("/no/such/model")
    score(page)
    expect(page.locator(".bd-note")).to_contain_text("Nothing was scored")
    found["failed run"] = violations(page)
    page.get_by_role("button", name="Gallery", exact=True).click()
    expect(page.locator(".prm-list [role=option]")).to_have_count(30)
    expect(page.locator(".bd-judge")).to_contain_text("recorded")
    found["gallery"] = violations(page)
    page.get_by_role("tab", name="Models").click()
    expect(page.locator(".bd-pair-row").first).to_be_visible()
    found["two models"] = violations(page)
    page.get_by_role("button", name="Export").click()
    found["export"] = violations(page)
    assert {name: which for name, which in found.items() if which} == {}

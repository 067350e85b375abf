"""The threshold's slider in a real browser: every mark follows it, no probability does."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PROBLEM, SOLUTIONS
from tests.browser.test_page import expect_scored, fill, probabilities, score, solutions

pytestmark = pytest.mark.browser


def test_the_threshold_can_be_moved_and_put_back(page: Page) -> None:
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    before = {letter: probabilities(page, letter) for letter in "ABC"}
    p = sorted(x for found in before.values() for x in found)
    high = round(max(p) + 0.01, 2)
    slider = page.get_by_role("slider", name="Threshold")
    expect(slider).to_have_value("0.5")
    for _ in range(8):  # faster than the server draws
        slider.press("ArrowLeft")
    expect(page.locator(".bd-threshold output")).to_have_text("0.42")
    expect(slider).to_have_value("0.42")
    slider.fill(str(min(high, 0.99)))
    wrong = page.locator(".bd-card .bd-row", has_text="▼")
    expect(wrong).to_have_count(sum(x < high for x in p))
    expect(page.locator(".bd-verdict, .bd-rest").last).to_contain_text(f"below {high:g}")
    assert {letter: probabilities(page, letter) for letter in "ABC"} == before
    solutions(page).nth(1).fill("7 × 8 = 56.")  # another run of the same model keeps it
    score(page)
    expect(page.locator(".prm-state")).to_contain_text("earlier")
    expect(slider).to_have_value(f"{high:g}")
    solutions(page).nth(1).fill(SOLUTIONS[1])
    score(page)
    expect(wrong).to_have_count(sum(x < high for x in p))
    page.reload()  # it belongs to the results
    expect(wrong).to_have_count(sum(x < high for x in p))
    expect(slider).to_have_value(f"{high:g}")
    page.get_by_role("button", name="Reset to the model's own threshold, 0.5").click()
    expect(wrong).to_have_count(sum(x < 0.5 for x in p))
    expect(slider).to_have_value("0.5")

"""Results out of the page and back in, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PROBLEM, SOLUTIONS, OpenPage
from tests.browser.test_page import expect_scored, fill, probabilities, score, solutions

pytestmark = pytest.mark.browser


def scored(page: Page) -> dict[str, list[float]]:
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    return {letter: probabilities(page, letter) for letter in "ABC"}


def save(page: Page, entry: str, folder: Path) -> Path:
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as waited:
        page.get_by_role("menuitem", name=entry).click()
    path = folder / waited.value.suggested_filename
    waited.value.save_as(path)
    return path


def copied_link(page: Page) -> str:
    page.evaluate(
        """() => {
            document.execCommand = () => {
                const data = new DataTransfer();
                const event = new ClipboardEvent("copy", { clipboardData: data });
                document.dispatchEvent(event);
                globalThis.copied = data.getData("text/plain");
                return true;
            };
        }"""
    )
    page.get_by_role("button", name="Export").click()
    page.get_by_role("menuitem", name="Copy a link").click()
    expect(page.locator(".bd-export-said")).to_have_text("Link copied")
    return str(page.evaluate("globalThis.copied"))


@pytest.mark.parametrize("entry", ["Session", "Report", "Rows of score"])
def test_what_was_exported_opens_again(open_page: OpenPage, tmp_path: Path, entry: str) -> None:
    page = open_page()
    before = scored(page)
    path = save(page, entry, tmp_path)
    other = open_page()
    other.locator(".prm-open input[type=file]").set_input_files(path)
    expect(other.locator("#prm-problem")).to_have_value(PROBLEM)
    expect(other.locator(".bd-card:has(.bd-row)")).to_have_count(3)
    assert {letter: probabilities(other, letter) for letter in "ABC"} == before
    assert [box.input_value() for box in solutions(other).all()] == list(SOLUTIONS)
    expect(other.locator(".bd-stale")).to_have_count(0)


def test_a_link_carries_text_and_results(open_page: OpenPage) -> None:
    page = open_page()
    before = scored(page)
    page.get_by_role("radio", name="Last step", exact=True).check(force=True)
    link = copied_link(page)
    assert "#s=" in link
    other = open_page()
    sent: list[str] = []
    other.on("request", lambda request: sent.append(request.url))
    other.goto("about:blank")
    other.goto(link)
    expect(other.locator("#prm-problem")).to_have_value(PROBLEM)
    expect(other.locator(".bd-card:has(.bd-row)")).to_have_count(3)
    assert {letter: probabilities(other, letter) for letter in "ABC"} == before
    expect(other.get_by_role("radio", name="Last step", exact=True)).to_be_checked()
    assert "#" not in other.url
    assert not [url for url in sent if "s=" in url.split("#")[0]]


@pytest.mark.parametrize("hash", ["#s=AAAA", "#s=eyJ4IjoxfQ", "#s=" + "A" * 5000])
def test_a_link_of_another_kind_opens_nothing(open_page: OpenPage, page: Page, hash: str) -> None:
    page.goto(page.url + "?x" + hash)
    expect(page.locator(".bd-unkept")).to_contain_text("link is damaged")
    expect(page.locator("#prm-problem")).to_have_value("")


def test_the_menu_is_walked_with_the_keyboard(page: Page) -> None:
    scored(page)
    page.get_by_role("button", name="Export").press("Enter")
    items = page.get_by_role("menuitem")
    expect(items.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(items.nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Export")).to_be_focused()
    expect(items.first).to_be_hidden()

"""Long chains in a real browser: folded thinking, the map at the card's edge, the first error."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.test_board import bars, card, chart, row, show
from tests.browser.test_look import in_sight

pytestmark = pytest.mark.browser


def visible_steps(one: Locator) -> list[int]:
    """The numbers of the rows that are in sight."""
    found: list[int] = one.locator(".bd-row").evaluate_all(
        "(rows) => rows.filter((row) => row.offsetParent).map((row) => Number(row.dataset.step))"
    )
    return found


def folds(one: Locator) -> list[str]:
    return one.locator(".bd-thinking").all_text_contents()


def test_thinking_is_folded_with_its_count_and_the_first_error_stays(board: Page) -> None:
    show(board, "thought")
    a, b = card(board, "A"), card(board, "B")
    expect(a.locator(".bd-thinking")).to_have_count(2)
    assert folds(a) == ["… 12 steps of thinking", "… 17 steps of thinking"]
    assert visible_steps(a) == [12, *range(30, 40)]
    assert folds(b) == ["… 30 steps of thinking"]
    assert visible_steps(b) == list(range(30, 40))
    button = a.get_by_role("button", name="… 12 steps of thinking")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    assert visible_steps(a) == list(range(40))
    assert visible_steps(b) == list(range(30, 40))
    expect(a.locator(".bd-thinking").first).to_have_text("12 steps of thinking")
    expect(a.locator(".bd-thinking").first).to_have_attribute("aria-expanded", "true")
    show(board, "thought again")  # another threshold builds the cards anew
    expect(board.locator(".bd-threshold output")).to_have_text("0.45")
    expect(a.locator(".bd-thinking").first).to_have_attribute("aria-expanded", "true")
    expect(a.locator(".bd-row:visible")).to_have_count(40)
    a.locator(".bd-thinking").last.click()
    assert visible_steps(a) == [12, *range(30, 40)]


def test_bars_lie_beside_the_rows_that_are_left(board: Page) -> None:
    show(board, "thought")
    a = card(board, "A")
    expect(bars(a)).to_have_count(40)

    def expect_beside(n: int) -> None:
        board.wait_for_function(
            """(n) => {
                const card = document.querySelector(".bd-card");
                const bars = [...[...card.querySelectorAll(".trace.bars")].at(-1)
                    .querySelectorAll(".point path")];
                const middle = (node) => {
                    const box = node.getBoundingClientRect();
                    return box.top + box.height / 2;
                };
                const off = [...card.querySelectorAll(".bd-track")].flatMap((track, i) =>
                    track.offsetParent ? [Math.abs(middle(track) - middle(bars[i]))] : []);
                return off.length === n && Math.max(...off) < 1.5;
            }""",
            arg=n,
        )

    expect_beside(11)
    a.locator(".bd-thinking").first.click()
    expect_beside(40)


def test_the_arrow_keys_pass_what_is_folded(board: Page) -> None:
    show(board, "thought")
    row(board, "A", 13).focus()
    board.keyboard.press("ArrowDown")
    expect(row(board, "A", 31)).to_be_focused()
    board.keyboard.press("End")
    board.keyboard.press("ArrowDown")
    expect(row(board, "B", 31)).to_be_focused()
    board.keyboard.press("ArrowUp")
    expect(row(board, "A", 40)).to_be_focused()
    board.keyboard.press("Home")
    expect(row(board, "A", 13)).to_be_focused()


def test_a_step_that_is_folded_unfolds_where_a_picture_leads_to_it(board: Page) -> None:
    show(board, "thought")
    board.get_by_role("tab", name="Overview").click()
    board.locator(".bd-figure").first.focus()
    for _ in range(4):
        board.keyboard.press("ArrowRight")
    board.keyboard.press("Enter")
    expect(board.locator(".bd-detail").get_by_role("heading")).to_contain_text("thinking")
    expect(board.locator(".bd-row:focus")).to_be_visible()


def test_the_map_of_a_long_chain_leads_to_each_step(board: Page) -> None:
    show(board, "thought")
    b = card(board, "B")
    slider = b.get_by_role("slider", name="Map of the steps of B")
    expect(slider).to_have_attribute("aria-valuetext", "step 36 of 40: 0.10, first error")
    ticks = slider.locator("path")
    drawn = {one.get_attribute("class"): one.get_attribute("d") for one in ticks.all()}
    assert {name: (path or "").count("M") for name, path in drawn.items()} == {
        "bd-fill-good": 39,
        "bd-foot": 1,
    }
    box = slider.bounding_box()
    assert box
    slider.click(position={"x": 5, "y": box["height"] * 4.5 / 40})  # a step of folded thinking
    expect(row(board, "B", 5)).to_be_focused()
    in_sight(row(board, "B", 5))
    slider.focus()
    board.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuenow", "40")
    expect(slider).to_be_focused()
    board.keyboard.press("PageUp")
    board.keyboard.press("ArrowUp")
    expect(slider).to_have_attribute("aria-valuetext", "step 29 of 40: 0.90, thinking")
    board.keyboard.press("Enter")
    expect(row(board, "B", 29)).to_be_focused()


def test_the_map_stays_in_sight_while_a_long_chain_goes_by(board: Page) -> None:
    show(board, "thought")
    card(board, "A").locator(".bd-thinking").first.click()
    for step in (5, 20, 38):
        row(board, "A", step).scroll_into_view_if_needed()
        in_sight(card(board, "A").locator(".bd-map"))


def test_the_first_error_is_one_press_away(board: Page) -> None:
    show(board, "thought")
    one = card(board, "B").get_by_role("button", name="first error: step 36")
    one.click()
    expect(row(board, "B", 36)).to_be_focused()
    in_sight(row(board, "B", 36))
    show(board, "full")  # a line for each solution
    expect(board.locator(".bd-card:visible")).to_have_count(20)
    folded = board.locator(".bd-card:visible", has=board.locator(".bd-to-error")).first
    number = int((folded.locator(".bd-to-error").text_content() or "").split()[-1])
    folded.locator(".bd-to-error").click()
    expect(folded.locator(".bd-row:focus")).to_have_attribute("data-step", str(number - 1))
    expect(folded.locator(".bd-row:focus")).to_have_class(re.compile("bd-error"))


def test_a_short_chain_has_no_map_and_nothing_folded(board: Page) -> None:
    chart(board)
    expect(board.locator(".bd-map, .bd-thinking")).to_have_count(0)


def test_paper_shows_what_is_folded(board: Page) -> None:
    show(board, "thought")
    expect(card(board, "A").locator(".bd-thinking")).to_have_count(2)
    board.emulate_media(media="print")
    assert len(visible_steps(card(board, "A"))) == 40
    expect(card(board, "A").locator(".bd-map")).to_be_hidden()
    expect(card(board, "B").locator(".bd-to-error")).to_be_visible()


def test_a_phone_shows_a_long_chain_without_sideways_scroll(
    open_page: OpenPage, board_url: str
) -> None:
    page = open_page(board_url, viewport={"width": 390, "height": 800})
    show(page, "thought")
    a = card(page, "A")
    a.locator(".bd-thinking").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    edge = a.locator(".bd-map").bounding_box()
    number = row(page, "A", 20).locator(".bd-p").bounding_box()
    assert edge
    assert number
    assert number["x"] + number["width"] <= edge["x"]

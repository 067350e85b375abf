"""The Overview in a real browser: its pictures hold the numbers, and lead to the steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.board_app import CHART, waves
from tests.browser.conftest import OpenPage
from tests.browser.test_board import card, chart, choose, row, show

pytestmark = pytest.mark.browser

MAP, COURSES, SPREAD = ".bd-figure >> nth=0", ".bd-figure >> nth=1", ".bd-figure >> nth=2"


def open_overview(page: Page) -> None:
    page.get_by_role("tab", name="Overview").click()
    expect(page.locator(MAP).locator(".heatmaplayer image")).to_be_visible()


def drawn(page: Page, which: str, what: str) -> Any:
    """A part of what Plotly was given, as it keeps it."""
    return page.locator(which).evaluate(f"(node) => node.{what}")


def middle(page: Page, row: int, column: int) -> dict[str, float]:
    """Where a cell is, in pixels from the map's corner."""
    place: dict[str, float] = page.locator(MAP).evaluate(
        """(node, [row, column]) => ({
            x: node._fullLayout.xaxis.l2p(column) + node._fullLayout._size.l,
            y: node._fullLayout.yaxis.l2p(row) + node._fullLayout._size.t,
        })""",
        [row, column],
    )
    return place


def test_the_map_has_every_probability_best_first(board: Page) -> None:
    chart(board)
    open_overview(board)
    assert drawn(board, MAP, "data[0].z") == [
        [0.97, 0.95, 0.96, None],
        [0.97, 0.06, 0.11, None],
        [0.97, 0.06, 0.93, 0.98],
    ]
    names = [words.split()[0] for words in drawn(board, MAP, "layout.yaxis.ticktext")]
    assert names == ["A", "B", "C"]
    choose(board, "Last step")
    names = [words.split()[0] for words in drawn(board, MAP, "layout.yaxis.ticktext")]
    assert names == ["C", "A", "B"]
    assert drawn(board, MAP, "data[0].z")[0] == [0.97, 0.06, 0.93, 0.98]
    assert drawn(board, MAP, "data[1].text")[1] == "▼ 0.06"  # the first error
    others, best = drawn(board, COURSES, "data.map((one) => one.y)")  # a gap after each
    assert best == [0.97, 0.06, 0.93, 0.98, None]
    assert others == [0.97, 0.95, 0.96, None, 0.97, 0.06, 0.11, None]
    n_steps = sum(len(one.probabilities) for one in CHART)
    assert sum(drawn(board, SPREAD, "data[0].y")) == n_steps


def test_a_press_on_a_cell_opens_the_step(board: Page) -> None:
    chart(board)
    open_overview(board)
    board.locator(MAP).hover(position=middle(board, 1, 2))
    line = board.locator(".bd-cell:visible")
    expect(line).to_contain_text("B, step 2 of 3: 0.0600")
    expect(line).to_contain_text("first error 7 × 8 = 54.")
    board.mouse.move(0, 0)  # a redraw forgets what a pointer that does not move is over
    board.locator(MAP).click(position=middle(board, 1, 2))
    expect(board.get_by_role("tab", name="Steps")).to_have_attribute("aria-selected", "true")
    expect(card(board, "B").get_by_role("heading")).to_have_text("Step 2 of B")
    expect(row(board, "B", 2)).to_be_focused()


def test_the_map_is_walked_with_the_arrow_keys(board: Page) -> None:
    chart(board)
    open_overview(board)
    board.locator(MAP).focus()
    expect(board.locator(".bd-cell:visible")).to_contain_text("A, step 1 of 3")
    for key in ("ArrowDown", "ArrowDown", "End"):
        board.keyboard.press(key)
    expect(board.locator(".bd-cell:visible")).to_contain_text("C, step 4 of 4: 0.9800")
    board.keyboard.press("ArrowUp")
    expect(board.locator(".bd-cell:visible")).to_contain_text(
        "B, step 3 of 3"
    )  # which has no fourth
    board.keyboard.press("Enter")
    expect(card(board, "B").get_by_role("heading")).to_have_text("Step 3 of B")


def test_saturated_scores_are_told_apart_by_their_log_odds(board: Page) -> None:
    chart(board)
    open_overview(board)
    board.get_by_role("button", name="Log-odds").click()
    best = drawn(board, COURSES, "data[1].y")[:-1]
    assert best == pytest.approx([3.476, 2.944, 3.178], abs=1e-3)
    assert drawn(board, COURSES, "layout.shapes[0].y0") == 0  # the threshold of 0.5
    assert drawn(board, MAP, "data[1].text")[0] == "3.48"
    assert sum(drawn(board, SPREAD, "data[0].y")) == 10
    board.get_by_role("button", name="Probability", exact=True).click()
    assert drawn(board, COURSES, "data[1].y")[:-1] == [0.97, 0.95, 0.96]


def test_right_answers_and_thinking_are_marked(board: Page) -> None:
    show(board, "judged")
    open_overview(board)
    names = drawn(board, MAP, "layout.yaxis.ticktext")
    assert [words.split()[:2] for words in names] == [["A", "✓"], ["B", "✗"], ["C", "✓"]]
    thinking = drawn(board, MAP, "data.at(-1)")
    assert thinking["x"] == [1, 2]
    # In the third row, and below the cell's number, which takes 12 of its 30 pixels.
    assert all(2 + 6 / 30 < y < 2.5 for y in thinking["y"])
    expect(board.locator(".bd-legend:visible")).to_contain_text("thinking")


def test_texts_in_the_overview_are_no_code(board: Page) -> None:
    """The fixture fails on a dialog and on a request to another host."""
    show(board, "hostile")
    open_overview(board)
    board.locator(MAP).focus()
    board.keyboard.press("ArrowRight")
    expect(board.locator(".bd-cell:visible")).to_contain_text("<img src=x onerror=alert(1)>")
    assert board.locator(".bd-cell img").count() == 0


def test_64_solutions_of_40_steps_fit_one_screen(board: Page) -> None:
    show(board, "full")
    open_overview(board)
    z = drawn(board, MAP, "data[0].z")
    assert sorted(z) == sorted([list(one.probabilities) for one in waves(64, 40)])
    assert board.locator(".bd-picture").first.bounding_box()["height"] < 800  # type: ignore[index]
    last = board.locator(MAP)
    last.click(position=middle(board, 63, 40))
    expect(board.locator(".bd-detail").get_by_role("heading")).to_contain_text("Step 40 of ")


@pytest.mark.parametrize("format", ["PNG", "SVG"])
def test_a_picture_can_be_saved(board: Page, tmp_path: Path, format: str) -> None:
    chart(board)
    open_overview(board)
    with board.expect_download() as waited:
        board.get_by_role("button", name=f"Save probability of every step as {format}").click()
    assert waited.value.suggested_filename == f"prm-heat-map.{format.lower()}"
    waited.value.save_as(path := tmp_path / "picture")
    begins = b"\x89PNG" if format == "PNG" else b"<svg"
    assert path.read_bytes().startswith(begins)


def test_colours_follow_theme_and_palette(board: Page) -> None:
    chart(board)
    open_overview(board)
    before = drawn(board, MAP, "data[0].colorscale.at(-1)[1]")
    board.get_by_role("button", name="Colour-blind palette").click()
    assert before == "#2f9e63"
    assert drawn(board, MAP, "data[0].colorscale.at(-1)[1]") == "#0072b2"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_are_legible_on_their_cells(board: Page, theme: str) -> None:
    show(board, "many")
    board.evaluate(f"document.body.classList.toggle('dark', {json.dumps(theme == 'dark')})")
    open_overview(board)
    numbers = drawn(board, MAP, "data[1]")
    shown = [float(words.strip("▼ ")) for words in numbers["text"]]
    inks = dict(zip(shown, numbers["textfont"]["color"], strict=True))
    assert {ink for p, ink in inks.items() if p > 0.9} == {"#000"}
    pale = {ink for p, ink in inks.items() if 0.7 < p < 0.75}  # close to the page's own colour
    assert pale == {"#fff" if theme == "dark" else "#000"}


def test_the_tabs_are_walked_with_the_keyboard(board: Page) -> None:
    chart(board)
    steps = board.get_by_role("tab", name="Steps")
    steps.focus()
    names = [one.text_content() for one in board.get_by_role("tab").all()]
    for name in [*names[1:], "Steps"]:  # past the last one to the first
        board.keyboard.press("ArrowRight")
        expect(board.get_by_role("tab", name=str(name))).to_be_focused()
        expect(board.get_by_role("tabpanel")).to_have_count(1)
    board.keyboard.press("End")
    expect(board.get_by_role("tab").last).to_be_focused()


def test_a_phone_shows_the_overview_without_sideways_scroll(
    open_page: OpenPage, board_url: str
) -> None:
    page = open_page(board_url, viewport={"width": 390, "height": 800})
    show(page, "full")
    open_overview(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_picture_out_of_sight_is_drawn_when_it_comes_into_sight(board: Page) -> None:
    board.set_viewport_size({"width": 1280, "height": 500})
    show(board, "full")
    open_overview(board)
    best = "data[1].y"
    before = drawn(board, COURSES, best)
    choose(board, "Last step")
    assert drawn(board, COURSES, best) == before
    board.locator(COURSES).scroll_into_view_if_needed()
    first = board.locator(MAP).evaluate("(node) => node.data[0].z[0]")
    board.wait_for_function(
        "([n, y]) => document.querySelectorAll('.bd-figure')[n].data[1].y[0] === y",
        arg=[1, first[0]],
    )
    assert drawn(board, COURSES, best)[:-1] == first != before[:-1]


def test_a_long_table_shows_its_first_rows_and_the_rest_when_asked(board: Page) -> None:
    show(board, "full")
    board.get_by_role("tab", name="Table").click()
    rows = board.get_by_role("table", name="Steps").locator("tbody tr")
    expect(rows).to_have_count(200)
    board.get_by_role("button", name="Probability").click()  # sorts all of them
    lowest = rows.first.locator("td").nth(1).text_content() or ""
    assert float(lowest) == 0.4
    board.get_by_role("button", name="Show all 2,560 rows").click()
    expect(rows).to_have_count(64 * 40)

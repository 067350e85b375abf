"""The Board in a real browser, with fixed results: order, bars, opened steps, states."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from prm_core.figures.step_bars import palette_table
from tests.browser.board_app import EXAMPLES, HOSTILE, WRITTEN
from tests.browser.conftest import OpenPage

pytestmark = pytest.mark.browser


def show(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def chart(page: Page) -> None:
    show(page, "chart")
    expect(bars(card(page, "C"))).to_have_count(4)


def card(page: Page, letter: str) -> Locator:
    return page.locator(".bd-card", has=page.locator(f".bd-letter:text-is('{letter}')"))


def row(page: Page, letter: str, step: int) -> Locator:
    return card(page, letter).locator(".bd-row").nth(step - 1)


def bars(one: Locator) -> Locator:
    return one.locator(".trace.bars").last.locator(".point path")


def order(page: Page) -> str:
    return "".join(page.locator(".bd-card .bd-letter").all_text_contents())


def typeset(page: Page) -> None:
    """The first formula is drawn, and the fonts of formulas, which come by request, are there."""
    expect(page.locator(".katex").first).to_be_visible()
    page.evaluate("document.fonts.ready.then(() => true)")


def choose(page: Page, rule: str) -> None:
    page.get_by_role("radio", name=rule, exact=True).check(force=True)  # the label covers it


def fills(one: Locator) -> list[str]:
    """What the bars are filled with: "#rrggbb", or "hatched #rrggbb"."""
    found: list[str] = bars(one).evaluate_all(
        """(bars) => bars.map((bar) => {
            const hex = (colour) => "#" + colour.match(/\\d+/g).slice(0, 3)
                .map((n) => Number(n).toString(16).padStart(2, "0")).join("");
            const fill = getComputedStyle(bar).fill;
            const pattern = fill.match(/#([^")]+)/);
            if (!fill.startsWith("url")) return hex(fill);
            const ground = document.getElementById(pattern[1]).querySelector("rect");
            return "hatched " + hex(getComputedStyle(ground).fill);
        })"""
    )
    return found


# --- ranking --------------------------------------------------------------------------------------


def test_the_cards_follow_the_rule_and_are_not_drawn_again(board: Page) -> None:
    chart(board)
    assert order(board) == "ABC"
    expect(card(board, "B").locator(".bd-rank")).to_have_text("2=")
    expect(card(board, "C").locator(".bd-rank")).to_have_text("2=")
    expect(board.get_by_role("status").filter(has_text="A leads")).to_be_visible()
    typeset(board)
    board.evaluate("document.querySelectorAll('.bd-card path').forEach((bar) => { bar.mark = 1; })")
    asked: list[str] = []
    board.on("request", lambda request: asked.append(request.url))
    choose(board, "Last step")
    expect(board.locator(".bd-verdict")).to_contain_text("C leads")
    assert order(board) == "CAB"
    expect(card(board, "C").locator(".bd-score")).to_have_text("0.98")
    expect(card(board, "C").locator(".bd-rank")).to_have_text("1")
    choose(board, "Mean")
    assert order(board) == "ACB"
    assert board.evaluate(
        "[...document.querySelectorAll('.bd-card path')].every((bar) => bar.mark)"
    )
    assert asked == []


def test_bars_stand_beside_their_words(board: Page) -> None:
    chart(board)
    typeset(board)  # which changes heights, and the next frame moves the bars
    places = board.evaluate(
        """async () => {
            for (const _ of "ab") await new Promise(requestAnimationFrame);
            const box = (node) => node.getBoundingClientRect().toJSON();
            return [...document.querySelectorAll(".bd-card")].map((card) => ({
                letter: card.querySelector(".bd-letter").textContent,
                rows: [...card.querySelectorAll(".bd-row")].map(box),
                words: [...card.querySelectorAll(".bd-words")].map(box),
                bars: [...[...card.querySelectorAll(".trace.bars")].at(-1)
                    .querySelectorAll(".point path")].map(box),
            }));
        }"""
    )
    assert [(one["letter"], len(one["bars"])) for one in places] == [("A", 3), ("B", 3), ("C", 4)]
    for one in places:
        for line, words, bar in zip(one["rows"], one["words"], one["bars"], strict=True):
            assert words["bottom"] <= bar["top"] + 1
            assert bar["bottom"] <= line["bottom"]
            assert abs(bar["left"] - words["left"]) <= 1


def test_colour_is_never_the_only_sign(board: Page) -> None:
    chart(board)
    light = palette_table()["default"]["light"]
    good, bad = light["good"], f"hatched {light['bad']}"
    assert fills(card(board, "C")) == [good, bad, good, good]
    expect(row(board, "C", 2).locator(".bd-p")).to_contain_text("▼")
    expect(row(board, "C", 2).locator(".bd-mark")).to_have_text("first errorweakest")
    expect(row(board, "C", 1).locator(".bd-p")).not_to_contain_text("▼")
    expect(card(board, "A").locator(".bd-mark")).to_have_text("weakest")


def test_palette_and_theme_are_changed_without_the_server(board: Page) -> None:
    chart(board)
    typeset(board)
    asked: list[str] = []
    board.on("request", lambda request: asked.append(request.url))
    switch = board.get_by_role("button", name="Colour-blind palette")
    switch.click()
    expect(switch).to_have_attribute("aria-pressed", "true")
    table = palette_table()
    safe = table["colour-blind"]["light"]
    assert fills(card(board, "B")) == [safe["good"], *[f"hatched {safe['bad']}"] * 2]
    board.evaluate("document.body.classList.add('dark')")
    dark = table["colour-blind"]["dark"]
    number = row(board, "A", 1).locator(".bd-p")
    red, green, blue = (int(dark["good_ink"][i : i + 2], 16) for i in (1, 3, 5))
    expect(number).to_have_css("color", f"rgb({red}, {green}, {blue})")
    assert fills(card(board, "A")) == [dark["good"]] * 3
    assert asked == []
    switch.click()
    assert fills(card(board, "A")) == [table["default"]["dark"]["good"]] * 3


def test_the_chosen_palette_is_remembered(board: Page) -> None:
    chart(board)
    board.get_by_role("button", name="Colour-blind palette").click()
    board.reload()
    chart(board)
    assert fills(card(board, "A")) == [palette_table()["colour-blind"]["light"]["good"]] * 3


def test_arrow_keys_reach_every_rule(board: Page) -> None:
    chart(board)
    board.get_by_role("radio", name="Minimum", exact=True).focus()
    for verdict in ("C leads under maximum and last step.", "Under every other rule, A leads."):
        board.keyboard.press("ArrowLeft")  # from the first to the last: behind "More"
        expect(board.get_by_role("radio", name="Maximum", exact=True)).to_be_checked()
        expect(board.locator(".bd-more-panel")).to_have_class("bd-more-panel bd-open")
        expect(board.locator(".bd-results")).to_contain_text(verdict)
        board.keyboard.press("ArrowRight")
        expect(board.get_by_role("radio", name="Minimum", exact=True)).to_be_checked()
    board.keyboard.press("Escape")
    board.get_by_role("button", name="More").click()
    board.get_by_role("radio", name="Geometric mean", exact=True).click(force=True)
    expect(board.locator(".bd-more-panel")).to_have_class("bd-more-panel")
    expect(board.locator(".bd-more")).to_have_text("Geometric mean")


def test_choosing_a_rule_takes_less_than_a_tenth_of_a_second(board: Page) -> None:
    for name, letters in (("many", 16), ("full", 64)):
        show(board, name)
        expect(board.locator(".bd-strip svg")).to_have_count(letters)
        choose(board, "Minimum")
        before = order(board)
        times = board.evaluate(
            """async () => {
                const radios = [...document.querySelectorAll(".bd-rules input")].slice(0, 6);
                const times = radios.map(() => Infinity); // of each rule the quickest of five
                for (let round = 0; round < 5; round += 1) {
                    for (const [i, radio] of [...radios.entries()].reverse()) {
                        const began = performance.now();
                        radio.click();
                        await new Promise(requestAnimationFrame);
                        document.body.getBoundingClientRect();
                        times[i] = Math.min(times[i], performance.now() - began);
                    }
                }
                return times;
            }"""
        )
        print(name, "cards re-ordered in", [round(one) for one in times], "ms")
        assert max(times) < 100, times
        assert order(board) == before  # back at the first rule
        choose(board, "Product")
        assert order(board) != before


def test_a_new_rule_moves_only_what_is_seen(board: Page) -> None:
    show(board, "full")
    expect(board.locator(".bd-strip svg")).to_have_count(64)
    board.locator(".bd-rules").scroll_into_view_if_needed()
    moves = board.evaluate(
        """() => {
            const list = document.querySelector(".bd-cards");
            document.querySelector(".bd-rules input[value=prod]").click();
            return [...list.children].map((card) => {
                const [one] = card.getAnimations();
                const away = one?.effect.getKeyframes()[0].transform?.match(/-?[0-9.]+/)?.[0];
                one?.finish();
                const place = card.getBoundingClientRect();
                const seen = place.bottom > 0 && place.top < innerHeight;
                return { moves: !!one, away: Number(away ?? 0), seen };
            });
        }"""
    )
    assert any(one["moves"] for one in moves)
    assert not any(one["moves"] and not one["seen"] for one in moves)
    assert max(abs(one["away"]) for one in moves) <= 900  # the window's height


# --- steps ----------------------------------------------------------------------------------------


def test_a_click_opens_the_step(board: Page) -> None:
    chart(board)
    row(board, "A", 2).click()
    opened = card(board, "A").locator(".bd-detail")
    expect(opened.get_by_role("heading")).to_have_text("Step 2 of A")
    expect(opened.locator(".bd-text .katex")).to_have_count(1)
    expect(opened.locator(".bd-facts")).to_contain_text("0.9500")
    expect(opened.locator(".bd-facts")).to_contain_text("2.94")
    mean = opened.get_by_role("row", name="Mean", exact=False).first
    expect(mean.get_by_role("cell")).to_have_text(["0.960", "0.960", "0.965"])
    row(board, "A", 2).click()
    expect(opened).to_have_count(0)


def test_the_keyboard_walks_through_the_steps(board: Page) -> None:
    chart(board)
    row(board, "A", 1).focus()
    for key in ("j", "ArrowDown", "ArrowDown", "j"):
        board.keyboard.press(key)
    expect(row(board, "B", 2)).to_be_focused()  # past A's end, into the next card
    board.keyboard.press("Enter")
    expect(card(board, "B").locator(".bd-detail")).to_be_visible()
    expect(row(board, "B", 2)).to_be_focused()
    expect(row(board, "B", 2)).to_have_attribute("aria-expanded", "true")
    board.keyboard.press("Escape")
    expect(board.locator(".bd-detail")).to_have_count(0)
    expect(row(board, "B", 2)).to_be_focused()
    board.keyboard.press("k")
    expect(row(board, "B", 1)).to_be_focused()
    board.keyboard.press("End")
    expect(row(board, "B", 3)).to_be_focused()


def test_no_text_is_code(board: Page) -> None:
    """The fixture fails on a dialog, on a request to another host and on an error."""
    show(board, "hostile")
    rows = board.locator(".bd-row .bd-words")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_have_text(HOSTILE[0].replace("`", ""))  # code, without its signs
    expect(rows.nth(1)).to_have_text(HOSTILE[1])
    expect(rows.nth(2)).to_contain_text("costs $5 and $6.")
    expect(rows.nth(2).locator(".katex")).to_have_count(2)
    board.locator(".bd-row").nth(2).click()
    expect(board.locator(".bd-detail")).to_contain_text(r"\frac of")
    board.locator(".bd-row").nth(3).click()
    expect(board.locator(".bd-detail .bd-text")).to_have_text(HOSTILE[3].replace("`", ""))
    assert board.locator(".prm-board :is(img, script, a, iframe)").count() == 0
    clipped = board.locator(".bd-row .bd-words").nth(3)
    assert clipped.evaluate("(node) => node.scrollHeight > node.clientHeight + 10")
    assert clipped.evaluate("(node) => node.clientHeight") <= 8 * 22


# --- the table ------------------------------------------------------------------------------------


def test_what_else_a_model_says_is_a_press_away(board: Page) -> None:
    show(board, "written")
    wrote = card(board, "B").locator(".bd-wrote")
    expect(wrote.locator("summary")).to_have_text(
        ["What it wrote, sample 1 of 2", "What it wrote, sample 2 of 2"]
    )
    expect(card(board, "A").locator(".bd-wrote")).to_have_count(0)
    expect(wrote.first.locator("pre")).to_be_hidden()
    wrote.first.locator("summary").press("Enter")
    expect(wrote.first.locator("pre")).to_be_visible()
    expect(wrote.first.locator("pre")).to_have_text(WRITTEN.rationales[0])
    row(board, "B", 2).click()
    facts = card(board, "B").locator(".bd-facts div")
    expect(facts).to_contain_text(["probability", "log-odds", "raw−0.88", "share0.25"])
    board.get_by_role("tab", name="Table").click()
    steps = board.locator(".bd-long")
    expect(steps.locator("thead th")).to_have_text(
        ["Solution", "Step", "Probability", "Log-odds", "raw", "share", "Text", "Mark"]
    )
    expect(steps.locator("tr", has_text="54.").first.locator("td")).to_contain_text(
        ["2", "0.06", "-2.75", "-0.88", "0.25", "7 × 8 = 54."]
    )
    # A candidate of which the model says nothing more keeps the columns.
    expect(steps.locator("tbody").first.locator("tr").first.locator("td")).to_have_count(7)


def test_the_table_holds_everything(board: Page) -> None:
    chart(board)
    choose(board, "Last step")
    board.get_by_role("tab", name="Table").click()
    scores = board.get_by_role("table", name="Scores")
    expect(scores.locator("tbody tr")).to_have_count(3)
    expect(scores.locator("tbody th[scope=row]")).to_have_text(["C", "A", "B"])
    expect(scores.locator("thead th[scope=col]")).to_have_count(5 + 8)
    expect(scores.locator("tbody td.bd-on")).to_have_text(["0.98", "0.96", "0.11"])
    steps = board.get_by_role("table", name="Steps")
    expect(steps.locator("tbody tr")).to_have_count(10)
    expect(steps.locator("tbody tr").nth(1)).to_contain_text("below 0.5, first error, weakest")
    choose(board, "Minimum")
    expect(scores.locator("tbody th")).to_have_text(["A", "B", "C"])
    board.keyboard.press("Tab")
    board.get_by_role("tab", name="Table").focus()
    board.keyboard.press("Home")
    expect(board.get_by_role("tab", name="Steps")).to_be_focused()
    expect(card(board, "A")).to_be_visible()


# --- states ---------------------------------------------------------------------------------------


def test_an_empty_board_offers_examples(board: Page) -> None:
    board.evaluate(
        "document.addEventListener('prm:example', (event) => { window.asked = event.detail; })"
    )
    for _, label in EXAMPLES:
        expect(board.get_by_role("button", name=label)).to_be_visible()
    board.get_by_role("button", name=EXAMPLES[1][1]).click()
    expect(board.get_by_label("heard")).to_have_value("1 two")
    assert board.evaluate("window.asked") == "two"


def test_results_arrive_without_disturbing_anything(board: Page) -> None:
    show(board, "waiting")
    expect(board.locator(".bd-waiting")).to_have_count(3)
    expect(board.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "0")
    heights = [card(board, letter).bounding_box() for letter in "ABC"]
    choose(board, "Last step")
    show(board, "one there")
    expect(bars(card(board, "B"))).to_have_count(3)
    row(board, "B", 2).click()
    board.evaluate("document.querySelectorAll('.bd-card path').forEach((bar) => { bar.mark = 1; })")
    row(board, "B", 3).focus()
    board.evaluate(
        "[...document.querySelectorAll('button')].find((b) => b.innerText === 'two there').click()"
    )
    expect(bars(card(board, "A"))).to_have_count(3)
    assert order(board) == "ABC"  # the editor's order while it runs
    expect(card(board, "A").locator(".bd-rank")).to_have_text("–")
    assert bars(card(board, "B")).evaluate_all("(bars) => bars.every((bar) => bar.mark)")
    expect(card(board, "B").locator(".bd-detail")).to_be_visible()
    expect(row(board, "B", 3)).to_be_focused()
    board.evaluate(
        "[...document.querySelectorAll('button')].find((b) => b.innerText === 'all there').click()"
    )
    expect(board.locator(".bd-verdict")).to_contain_text("C leads")
    assert order(board) == "CAB"
    expect(row(board, "B", 3)).to_be_focused()
    expect(card(board, "B").locator(".bd-detail")).to_be_visible()
    expect(board.get_by_role("radio", name="Last step", exact=True)).to_be_checked()
    assert bars(card(board, "B")).evaluate_all("(bars) => bars.every((bar) => bar.mark)")
    row(board, "B", 2).click()
    for letter, before in zip("ABC", heights, strict=True):
        after = card(board, letter).bounding_box()
        assert before
        assert after
        assert abs(after["height"] - before["height"]) <= 2


def test_a_cancelled_run_keeps_what_is_there(board: Page) -> None:
    show(board, "cancelled")
    expect(board.locator(".bd-note")).to_have_text("Cancelled; what was scored stays.")
    expect(bars(card(board, "B"))).to_have_count(3)
    assert order(board) == "BA"
    expect(card(board, "A")).to_contain_text("not scored")
    expect(board.locator(".bd-verdict")).to_contain_text("B is the only solution")
    expect(board.get_by_role("progressbar")).to_have_count(0)


def test_a_failure_is_said_where_it_happened(board: Page) -> None:
    show(board, "failed")
    expect(board.get_by_role("alert").filter(has_text="The model <b>x</b>")).to_be_visible()
    expect(board.locator(".bd-results")).to_be_hidden()  # nothing was scored, nothing is ranked
    show(board, "chart")
    expect(bars(card(board, "A"))).to_have_count(3)
    expect(board.locator(".bd-note")).to_be_hidden()


def test_a_full_board_begins_with_an_overview(board: Page) -> None:
    show(board, "full")
    expect(board.locator(".bd-card")).to_have_count(64)
    expect(board.locator(".bd-strip svg")).to_have_count(64)
    assert board.locator(".bd-row").count() == 0
    expect(board.locator(".bd-card:visible")).to_have_count(20)
    board.get_by_role("button", name="Show all 64").click()
    expect(board.locator(".bd-card:visible")).to_have_count(64)
    assert board.locator(".bd-results").evaluate("(node) => node.offsetHeight") < 64 * 60
    drawn = board.locator(".bd-strip svg").evaluate_all(
        """(drawings) => drawings.map((one) => ({
            cells: [...one.querySelectorAll("[class^=bd-fill]")]
                .flatMap((path) => path.getAttribute("d").match(/M/g)).length,
            left: one.getBoundingClientRect().left,
            width: one.getBoundingClientRect().width,
        }))"""
    )
    assert {one["cells"] for one in drawn} == {40}
    assert len({(one["left"], one["width"]) for one in drawn}) == 1  # a step below the same step
    last = board.locator(".bd-card").last
    opener = last.get_by_role("button", expanded=False).first
    opener.press("Enter")
    expect(last.locator(".bd-row")).to_have_count(40)
    expect(bars(last)).to_have_count(40)
    # Dense: a step takes one line.
    assert last.locator(".bd-row").first.evaluate("(row) => row.offsetHeight") <= 32
    row_of_last = last.locator(".bd-row").first
    row_of_last.click()
    expect(last.locator(".bd-detail")).to_be_visible()
    last.locator("header").click(position={"x": 5, "y": 5})
    expect(last.locator(".bd-row").first).to_be_hidden()
    board.get_by_role("button", name="Open all").click()
    expect(board.locator(".bd-opened")).to_have_count(64)
    assert board.locator(".bd-card:has(.bd-row)").count() < 20  # the others when they come near
    last.scroll_into_view_if_needed()
    expect(last.locator(".bd-row:visible")).to_have_count(40)
    board.get_by_role("button", name="Close all").click()
    expect(board.locator(".bd-row:visible")).to_have_count(0)


def test_a_phone_shows_one_column(open_page: OpenPage, board_url: str) -> None:
    page = open_page(board_url, viewport={"width": 390, "height": 800})
    chart(page)
    row(page, "C", 2).click()
    expect(card(page, "C").locator(".bd-detail")).to_be_visible()
    for tab in ("Table", "Overview", "Steps"):
        page.get_by_role("tab", name=tab).click()
        assert page.locator(".prm-board").evaluate(
            """(board) => [...board.querySelectorAll("*")].every((node) => {
                const scroller = node.closest(
                    ".bd-seg, .bd-tabs, .bd-scroll, .bd-plot, .bd-figure, .bd-more-panel, .md");
                return scroller || node.getBoundingClientRect().right <= innerWidth;
            })"""
        )


def test_cards_do_not_slide_where_motion_is_unwanted(open_page: OpenPage, board_url: str) -> None:
    for motion, slides in (("no-preference", True), ("reduce", False)):
        page = open_page(board_url, reduced_motion=motion)
        chart(page)
        # In one go, for a slide is over sooner than a busy machine asks a second time.
        slid = page.evaluate(
            """() => {
                document.querySelector(".bd-rules input[value=last]").click();
                return [...document.querySelectorAll(".bd-card")]
                    .some((card) => card.getAnimations().length > 0);
            }"""
        )
        assert slid == slides


def test_the_models_own_solutions_are_shown_once_as_text(board: Page) -> None:
    show(board, "solved")
    said = board.locator(".bd-solved")
    expect(said.locator("summary")).to_have_text("Its own solutions come to: 56 · 54")
    expect(said.locator("pre").first).to_be_hidden()
    said.locator("summary").click()
    expect(said.locator("pre").last).to_have_text("<img src=x onerror=alert(1)>\nAnswer: 54")
    assert said.locator("img").count() == 0
    show(board, "chart")
    expect(said).to_be_hidden()


def test_another_model_is_offered_beside_the_verdict(board: Page) -> None:
    show(board, "offered")
    judge = board.locator(".bd-judge")
    words = "It is quick. Ask it too (it takes a while)."
    expect(judge).to_have_text(f"Judged by Embedded. {words}")
    asked = """new Promise((done) => {
        document.addEventListener("prm:ask-model", ({ detail }) => done(detail));
        document.querySelector(".bd-judge button").click();
    })"""
    assert board.evaluate(asked) == "medium"
    show(board, "chart")
    expect(judge.get_by_role("button")).to_have_count(0)

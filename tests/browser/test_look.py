"""How the page looks and where things stand: sight, sizes, print, colours of the reader's own."""

from __future__ import annotations

import itertools
import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.apps import App
from tests.browser.conftest import PROBLEM, SOLUTIONS, OpenPage
from tests.browser.test_page import expect_scored, fill, paste, score
from tests.browser.test_problems import choose, options, write

pytestmark = pytest.mark.browser

LONG = "\n".join(
    f"Step {i}: {i} + {i} is {2 * i}, as one sees when one counts it." for i in range(1, 61)
)
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 800},
    "has_touch": True,
    "is_mobile": True,
}
IN_SIGHT = """(node) => {
    const { top, bottom, height } = node.getBoundingClientRect();
    return height > 0 && top >= 0 && bottom <= innerHeight;
}"""


def expect_done(page: Page) -> None:
    expect(page.locator(".prm-state")).to_contain_text("scored in")


def becomes(one: Locator, condition: str) -> None:
    """What is said of the node is true sooner or later: nothing scrolls or is measured any more."""
    handle = one.element_handle()
    assert handle
    one.page.wait_for_function(condition, arg=handle)


def in_sight(one: Locator) -> None:
    becomes(one, IN_SIGHT)


def typeset(page: Page, n_formulas: int) -> None:
    """All formulas of the rows are drawn, in their own fonts."""
    expect(page.locator(".bd-row .bd-words .katex")).to_have_count(n_formulas)
    page.evaluate("document.fonts.ready.then(() => true)")


# --- in sight -------------------------------------------------------------------------------------


@pytest.mark.parametrize("phone", [False, True])
def test_the_verdict_comes_into_sight_and_stays(open_page: OpenPage, phone: bool) -> None:
    page = open_page(**PHONE) if phone else open_page()
    fill(page, PROBLEM, LONG, LONG, LONG)
    page.locator(".prm-unfold:visible").evaluate_all("(all) => all.forEach((one) => one.click())")
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    score(page)
    expect_done(page)
    verdict = page.locator(".bd-verdict")
    expect(verdict).not_to_be_empty()
    in_sight(verdict)
    page.evaluate("scrollBy(0, 1500)")
    in_sight(verdict)
    in_sight(page.locator(".bd-rules .bd-seg"))


def test_somebody_who_reads_elsewhere_is_left_there(page: Page) -> None:
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    page.locator(".bd-card").last.scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    page.get_by_role("radio", name="Product", exact=True).check(force=True)
    page.wait_for_timeout(400)
    assert page.evaluate("scrollY") == before


# --- the editor -----------------------------------------------------------------------------------


def test_a_long_text_shows_its_beginning(page: Page) -> None:
    box = page.get_by_label("Solution A", exact=True)
    paste(box, LONG)
    frame = page.locator(".prm-fold:has(> .prm-text)")
    expect(page.get_by_role("button", name="Show all")).to_be_visible()
    becomes(frame, "(node) => node.clientHeight < 400 && node.getBoundingClientRect().top >= 0")
    assert frame.evaluate("(node) => [node.scrollTop, getComputedStyle(node).overflowY]") == [
        0,
        "clip",
    ]
    page.get_by_role("button", name="Show all").click()
    assert frame.evaluate("(node) => node.clientHeight") > 1400
    page.get_by_role("button", name="Show less").click()
    box.press("End")  # who works in it sees all of it
    expect(page.get_by_role("button", name="Show less")).to_be_visible()
    problem = page.get_by_label("Problem", exact=True)
    paste(problem, LONG)
    assert page.locator(".prm-box").evaluate("(node) => node.clientHeight") < 400


def test_much_is_compact_by_itself_and_all_of_it_is_one_press_away(page: Page) -> None:
    page.locator("#prm-problem").fill(PROBLEM)
    many = ["\n".join(f"{i} × {k} = {i * k}." for k in range(2, 14)) for i in range(64)]
    paste(page.locator(".prm-card textarea").first, json.dumps(many))
    score(page)
    expect_done(page)
    for seen in (
        ".bd-verdict",
        ".bd-strip >> nth=0",
        ".bd-many .bd-chip:is(.bd-bad, .bd-good) >> nth=0",
    ):
        in_sight(page.locator(seen))
    assert page.evaluate("document.documentElement.scrollHeight / innerHeight") < 2
    boxes, lines = page.locator(".prm-card:visible"), page.locator(".bd-card:visible")
    assert boxes.count() < 5
    assert lines.count() < 25
    expect(lines.first.locator(".bd-rank")).to_have_text(re.compile("^1"))
    page.get_by_role("button", name="Show all 64 solutions").click()
    page.get_by_role("button", name="Show all 64", exact=True).click()
    assert (boxes.count(), lines.count()) == (64, 64)
    expect(boxes.nth(60).locator(".prm-line")).not_to_have_count(0)
    # What is wrong with a solution is seen, wherever it is.
    page.reload()
    expect(boxes).to_have_count(3)
    box = page.locator(".prm-card textarea").nth(40)
    box.evaluate(
        "(box) => { box.value = '---'; box.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    score(page)
    expect(page.locator(".prm-card:visible .prm-issue:visible")).to_contain_text("has no steps")


def saturated(at: float) -> dict[str, Any]:
    """16 solutions whose scores differ in the tenth digit or so."""
    solutions = []
    for i in range(16):
        steps = [f"{k + 1}. 7 × 8 is 56." for k in range(4)]
        scores = [at + (i + 1) * 1e-11 + k * 1e-9 for k in range(4)]
        solutions.append({"steps": steps, "prm_scores": {"a-prm": scores}})
    return {"problem": f"Is it {at}?", "gold_answer": "56", "solutions": solutions}


BESIDE_EACH_OTHER = """(lines) => lines.every((line) => {
    const words = document.createRange();
    words.selectNodeContents(line.querySelector(".bd-score"));
    const [score, ...others] = [words, line.querySelector(".bd-strip"),
        line.querySelector(".bd-answer")].map((one) => one.getBoundingClientRect());
    return others.every(({ left, top }) => score.right <= left || score.bottom <= top);
})"""
NAMES_IN_SIGHT = """(figure) => [...figure.querySelectorAll(".ytick text")].every((name) =>
    name.getBoundingClientRect().left >= figure.getBoundingClientRect().left)"""


@pytest.mark.parametrize("width", [390, 1280])
def test_scores_of_many_digits_are_whole(open_page: OpenPage, tmp_path: Path, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    choose(page, write(tmp_path / "rows.jsonl", saturated(1 - 1e-7), saturated(1e-7)))
    for place, at in enumerate(("0.9999999", "1e-07")):
        options(page).nth(place).click()
        expect(page.locator(".bd-problem")).to_have_text(f"Is it {at}?")
        page.get_by_role("tab", name="Steps", exact=True).click()
        lines = page.locator(".bd-card > header")
        expect(lines).to_have_count(16)
        assert lines.evaluate_all(BESIDE_EACH_OTHER)
        page.get_by_role("tab", name="Overview").click()
        expect(page.locator(".bd-figure .ytick text").first).to_be_visible()
        assert page.locator(".bd-figure").first.evaluate(NAMES_IN_SIGHT)
        if width > 640:
            expect_whole_tables(page)


def expect_whole_tables(page: Page) -> None:
    for tab in ("Rules", "Table"):
        page.get_by_role("tab", name=tab).click()
        for sheet in page.locator(".bd-scroll:visible").all():
            assert sheet.evaluate("(sheet) => sheet.scrollWidth - sheet.clientWidth") <= 0, tab


@pytest.mark.parametrize("width", [1280, 1440, 1600])
def test_the_scores_do_not_scroll_sideways(open_page: OpenPage, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    fill(page, PROBLEM, *SOLUTIONS, "7 × 8 = 56.\nIt is $\\frac{112}{2}$, which is 56.")
    score(page)
    expect_done(page)
    expect_whole_tables(page)


FIRST_AND_LAST = """(node) => {
    const words = document.createTreeWalker(node, NodeFilter.SHOW_TEXT).nextNode();
    const text = words.data.trimEnd().split("\\n")[0];
    return [0, text.length - 1].map((at) => {
        const range = document.createRange();
        range.setStart(words, at);
        range.setEnd(words, at + 1);
        return range.getBoundingClientRect().left;
    });
}"""


def test_hebrew_is_read_from_the_right_beside_what_is_read_from_the_left(page: Page) -> None:
    fill(page, "נכפיל 7 ב-8?", "נכפיל 7 ב-8.\n7 × 8 = 56.")
    score(page)
    expect_scored(page, 1)
    rows = page.locator(".bd-row .bd-words")
    for place, from_right in (
        (page.locator(".prm-problem .prm-mirror"), True),
        (page.locator(".prm-card .prm-mirror"), True),
        (page.locator(".bd-problem"), True),
        (rows.nth(0), True),
        (rows.nth(1), False),
    ):
        first, last = place.evaluate(FIRST_AND_LAST)
        assert (first > last) == from_right, place  # the full stop ends the line


def test_no_box_scrolls_inside_the_page(page: Page) -> None:
    fill(page, LONG, LONG, LONG)
    scrolling = page.locator("#prm-left").evaluate(
        """(left) => [...left.querySelectorAll("*")].filter((node) =>
            /auto|scroll/.test(getComputedStyle(node).overflowY)
            && node.scrollHeight > node.clientHeight + 1).map((node) => node.className)"""
    )
    assert scrolling == []


# --- the table ------------------------------------------------------------------------------------


def test_the_table_sorts_and_copies(page: Page) -> None:
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    page.get_by_role("tab", name="Table").click()
    scores = page.get_by_role("table", name="Scores")
    for title, kind in (("Rank", "right"), ("Mean", "right"), ("Answer", "left")):
        head = scores.get_by_role("columnheader", name=title, exact=True)
        column = head.evaluate("(node) => node.cellIndex")
        cells = scores.locator(f"tbody tr > :nth-child({column + 1})")
        for align in cells.evaluate_all("(all) => all.map((x) => getComputedStyle(x).textAlign)"):
            assert align == kind, title
    head = scores.get_by_role("columnheader", name="Mean", exact=True)
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    column = head.evaluate("(node) => node.cellIndex")
    shown = scores.locator(f"tbody tr > :nth-child({column + 1})").all_text_contents()
    assert shown == sorted(shown, key=float, reverse=True)
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    page.evaluate(
        """() => {
            window.copied = "";
            document.addEventListener("copy", (event) => {
                const set = event.clipboardData.setData.bind(event.clipboardData);
                event.clipboardData.setData = (kind, text) => {
                    window.copied = text;
                    set(kind, text);
                };
            }, { capture: true, once: true });
        }"""
    )
    page.get_by_role("button", name=re.compile("^Copy scores")).click()
    lines = page.evaluate("copied").splitlines()
    assert len(lines) == 4
    assert lines[0].split("\t")[:3] == ["Solution", "Rank", "Answer"]
    assert all(len(line.split("\t")) == len(lines[0].split("\t")) for line in lines)
    assert [line.split("\t")[0] for line in lines[1:]] == scores.locator(
        "tbody th"
    ).all_text_contents()


def test_the_head_of_a_long_table_stays(page: Page) -> None:
    fill(page, PROBLEM, LONG, LONG)
    score(page)
    expect_done(page)
    page.get_by_role("tab", name="Table").click()
    region = page.get_by_role("region", name="Steps")
    region.evaluate("(node) => { node.scrollTop = 800; }")
    tops = region.evaluate(
        """(node) => [node.getBoundingClientRect().top,
            node.querySelector("thead th").getBoundingClientRect().top]"""
    )
    assert abs(tops[0] - tops[1]) <= 2


# --- fingers --------------------------------------------------------------------------------------


def test_on_a_phone_targets_are_large_and_no_keys_are_named(open_page: OpenPage) -> None:
    page = open_page(**PHONE)
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    expect(page.locator(".prm-score kbd")).to_be_hidden()
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, .bd-seg label, .bd-row")]
            .map((node) => [node, node.getBoundingClientRect()])
            .filter(([node, box]) => box.height > 0 && !node.closest(".bd-more-panel, dialog"))
            .filter(([, box]) => box.height < 43.5 || box.width < 43.5)
            .map(([node, box]) => [node.className, node.textContent, box.width, box.height])"""
    )
    assert small == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".prm-card textarea").first.fill("It is 56.")
    expect(page.get_by_role("button", name="judge all again")).to_be_visible()
    assert page.locator(".prm-state").evaluate("(node) => node.offsetHeight") < 45  # two lines
    page.get_by_role("tab", name="Table").click()
    title, copy = page.locator(".bd-sheet").first.evaluate(
        """(sheet) => ["caption", ".bd-copy"].map(
            (name) => sheet.querySelector(name).getBoundingClientRect().toJSON())"""
    )
    assert copy["bottom"] <= title["top"]


def test_the_words_of_a_dense_row_are_whole_beside_a_formula_of_any_height(page: Page) -> None:
    tall = r"\[ \frac{\frac{1}{2}}{\sum_{k=1}^{9} k} = 3 \]"
    bodies = [
        "A sum: $1 + 2 + 3 = 6$.",
        f"With {tall} words.",
        tall,
        "Code:\n\n```\nx = 1\n```",
    ] * 3
    steps = [f"Step {i}: {body}" for i, body in enumerate(bodies, start=1)]
    fill(page, PROBLEM, "\n\n".join(steps))
    score(page)
    expect_scored(page, 1)
    expect(page.locator(".bd-dense .bd-row")).to_have_count(12)
    typeset(page, 9)
    off = page.locator(".bd-row .bd-words").evaluate_all(
        """(all) => all.map((words) => {
            const range = document.createRange();
            const first = document.createTreeWalker(words, NodeFilter.SHOW_TEXT).nextNode();
            range.selectNode(first);
            const [text, line] = [range, words.parentElement].map((x) => x.getBoundingClientRect());
            return { off: text.top + text.height / 2 - line.top - line.height / 2,
                line: line.height, formula: Boolean(first.parentElement.closest(".katex")) };
        })"""
    )
    assert {one["line"] for one in off} == {24}
    assert all(abs(one["off"]) <= 6 for one in off if not one["formula"]), off
    page.emulate_media(media="print")
    assert page.locator(".bd-words .katex").first.evaluate("(sum) => sum.offsetHeight") < 30


# --- print ----------------------------------------------------------------------------------------


def test_print_shows_the_verdict_and_whole_cards(page: Page) -> None:
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 700, "height": 1000})
    for hidden in ("#prm-left", "#prm-model", "#prm-tools", ".bd-plot"):
        expect(page.locator(hidden).first).to_be_hidden()
    for shown in (".bd-verdict", ".bd-problem", ".bd-judge"):
        expect(page.locator(shown)).to_be_visible()
    boxes = page.locator(".bd-row").evaluate_all(
        """(rows) => rows.map((row) => {
            const at = (name) => row.querySelector(name).getBoundingClientRect().toJSON();
            return { words: at(".bd-words"), track: at(".bd-track"), number: at(".bd-p"),
                row: row.getBoundingClientRect().toJSON(),
                drawn: getComputedStyle(row.querySelector(".bd-track")).backgroundImage };
        })"""
    )
    assert len(boxes) == sum(len(text.splitlines()) for text in SOLUTIONS)
    for one in boxes:
        assert one["words"]["bottom"] <= one["track"]["top"] + 1
        assert one["track"]["right"] <= one["number"]["left"] + 1
        assert one["track"]["bottom"] <= one["row"]["bottom"]
        assert "gradient" in one["drawn"]
    assert all(
        a["row"]["bottom"] <= b["row"]["top"] + 1 or b["row"]["top"] < a["row"]["top"]
        for a, b in itertools.pairwise(boxes)
    )
    pages = len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4")))
    assert pages <= 2


def test_the_printed_table_names_its_columns(page: Page) -> None:
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    page.get_by_role("tab", name="Table").click()
    page.emulate_media(media="print")
    names = page.locator(".bd-scroll thead button")
    expect(names.filter(visible=True)).to_have_count(names.count())
    expect(page.locator(".bd-copy").first).to_be_hidden()


def test_the_lines_of_an_overview_say_which_step_is_wrong(page: Page) -> None:
    page.locator("#prm-problem").fill(PROBLEM)
    many = ["\n".join(f"{i} + {k} = {i + k}." for k in range(20)) for i in range(13)]
    paste(page.locator(".prm-card textarea").first, json.dumps(many))
    score(page)
    expect_done(page)
    cut = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((x) => x.innerText)"
    claims = page.locator(".bd-many .bd-chip:not(.bd-answer)")
    for words in ("first error: step 28", "every step above 0.5"):
        claims.first.evaluate("(chip, words) => { chip.textContent = words; }", words)
        assert claims.evaluate_all(cut) == []


# --- polish ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [390, 861, 1280, 1920, 2560])
def test_header_and_content_share_their_edges(open_page: OpenPage, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    edges = page.evaluate(
        """() => {
            const box = (name) => document.querySelector(name).getBoundingClientRect();
            return [box("#prm-brand").left - box("#prm-left").left,
                box("#prm-tools").right - box("#prm-right").right,
                document.documentElement.scrollWidth - innerWidth];
        }"""
    )
    assert max(map(abs, edges)) <= 1, edges


def test_the_rules_stand_in_one_line_and_the_chosen_one_is_bold(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 861, "height": 900})
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    tops = page.locator(".bd-seg > *").evaluate_all(
        "(all) => [...new Set(all.map((one) => Math.round(one.getBoundingClientRect().top)))]"
    )
    assert len(tops) == 1
    chosen = page.locator(".bd-seg label:has(:checked) span")
    expect(chosen).to_have_css("font-weight", "600")
    expect(chosen).to_have_css("text-shadow", "none")
    widths = page.locator(".bd-seg > *").evaluate_all("(all) => all.map((one) => one.offsetWidth)")
    page.get_by_role("radio", name="Product", exact=True).check(force=True)
    assert widths == page.locator(".bd-seg > *").evaluate_all(
        "(all) => all.map((one) => one.offsetWidth)"
    )


def test_forced_colours_show_what_is_chosen_folded_and_drawn(open_page: OpenPage) -> None:
    """Grounds go in them; so what was told by its ground alone would be lost."""
    page = open_page(forced_colors="active")
    counted = "".join(f"{i} times 8 is {8 * i}.\n" for i in range(1, 9))
    thought = f"<think>\n{counted}</think>\nIt is 56."
    fill(page, PROBLEM, *SOLUTIONS, thought)
    score(page)
    expect_scored(page, 4)

    def only_one_stands_out(buttons: str) -> bool:
        grounds = page.locator(buttons).evaluate_all(
            "(all) => all.map((one) => getComputedStyle(one).backgroundColor)"
        )
        return len(grounds) > 1 and sorted(grounds.count(one) for one in set(grounds))[0] == 1

    assert only_one_stands_out(".bd-seg label")
    fold = page.locator(".bd-thinking").first
    arrow, ground, line, words = fold.evaluate(
        """(node) => {
            const of = getComputedStyle(node);
            return [getComputedStyle(node, "::after").backgroundColor, of.backgroundColor,
                of.borderTopStyle, of.color];
        }"""
    )
    assert arrow not in (ground, "rgba(0, 0, 0, 0)")
    assert words != ground
    assert line == "dashed"  # rows of steps have no line
    page.get_by_role("tab", name="Answers").click()
    three, one = [page.locator(".bd-vote-count i").nth(place).screenshot() for place in (0, 1)]
    assert three != one  # bars of three votes and of one
    page.get_by_role("tab", name="Overview").click()
    assert only_one_stands_out(".bd-scales:visible button")
    page.get_by_role("tab", name="Labels").click()
    assert only_one_stands_out(".bd-scales:visible button")


def test_a_single_step_is_not_called_the_weakest(page: Page) -> None:
    fill(page, PROBLEM, "It is 56.")
    score(page)
    expect(page.locator(".bd-row")).to_have_count(1)
    assert "weakest" not in page.locator(".bd-cards").inner_text()
    page.get_by_role("tab", name="Table").click()
    expect(page.get_by_role("table", name="Steps").locator("tbody")).not_to_contain_text("weakest")
    expect(page.get_by_role("table", name="Scores").locator("tbody td").nth(3)).to_have_text("–")


def test_an_empty_page_shows_what_one_gets(page: Page) -> None:
    expect(page.locator(".bd-sample")).to_contain_text("▼ 0.06")
    cards = page.locator(".bd-examples button")
    expect(cards).to_have_count(3)
    heights = cards.evaluate_all("(all) => all.map((one) => one.offsetHeight)")
    assert len(set(heights)) == 1
    # The arrow belongs to what opens in its place.
    arrows = page.locator(".bd-more-examples button").evaluate_all(
        "(all) => all.map((one) => getComputedStyle(one, '::after').content)"
    )
    assert arrows == ["none", "none"]


def test_a_formula_alone_in_a_step_takes_one_line(page: Page) -> None:
    tex = ("$15\\% = \\frac{15}{100} = 0.15$", "$0.15 \\times 80 = 12$")
    fill(page, "What is 15% of 80?", "\n\n".join(tex))
    score(page)
    expect_scored(page, 1)
    typeset(page, 2)
    heights = page.locator(".bd-words").evaluate_all("(all) => all.map((one) => one.offsetHeight)")
    assert max(heights) < 2 * 22, heights


def test_on_a_phone_every_tab_and_rule_is_in_sight(open_page: OpenPage) -> None:
    page = open_page(**PHONE)
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    ends = page.locator(".bd-tabs button:visible, .bd-seg > *").evaluate_all(
        "(all) => all.map((one) => [one.textContent, one.getBoundingClientRect().right])"
    )
    assert {"Labels", "Weighted", "More"} <= {name for name, _ in ends}
    assert [name for name, right in ends if right > 390] == []


def test_texts_can_be_seen_and_copied_as_they_were_written(page: Page) -> None:
    written = r"So **it** is $\frac{56}{1}$, or $5 and $6."
    fill(page, r"What is $7 \times 8$?", written)
    score(page)
    words = page.locator(".bd-words")
    expect(words.locator(".katex")).to_have_count(1)
    copied = page.evaluate(
        """() => {
            document.getSelection().selectAllChildren(document.querySelector(".bd-words"));
            let text = "";
            document.addEventListener("copy", (event) => {
                text = event.clipboardData.getData("text/plain");
            }, { once: true });
            document.execCommand("copy");
            document.getSelection().removeAllRanges();
            return text;
        }"""
    )
    assert copied.strip() == r"So it is $\frac{56}{1}$, or $5 and $6."
    switch = page.get_by_role("button", name="As written")
    switch.click()
    expect(words).to_have_text(written)
    expect(page.locator(".bd-problem")).to_have_text(r"What is $7 \times 8$?")
    page.locator(".bd-row").first.click()
    expect(page.locator(".bd-detail .bd-text")).to_have_text(written)
    switch.click()
    expect(page.locator(".bd-detail .katex")).to_have_count(1)


def test_the_card_for_links_is_ours(server: App) -> None:
    with urllib.request.urlopen(server.url) as reply:
        page = reply.read().decode()
    head = page[: page.index("window.gradio_config")]
    assert "githubusercontent" not in head
    assert "Gradio" not in head
    found = dict(
        re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)"', head)
    )
    assert found["og:title"].startswith("PRM Inspector")
    assert found["og:image"].startswith(server.url + "/")
    with urllib.request.urlopen(found["og:image"]) as reply:
        assert reply.headers["content-type"] == "image/png"
    with urllib.request.urlopen(server.url + "/favicon.ico") as reply:
        assert b"<svg" in reply.read()

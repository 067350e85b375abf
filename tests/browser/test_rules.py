"""The tabs Rules and Answers in a real browser: who chooses what, and what most solutions say."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PROBLEM, OpenPage
from tests.browser.test_board import card, chart, choose, row, show
from tests.browser.test_page import expect_scored, fill, score, solutions

pytestmark = pytest.mark.browser


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tabpanel", name=name)).to_be_visible()


def cells(page: Page, rule: str) -> list[str]:
    table = page.get_by_role("table", name="What every rule chooses")
    line = table.locator("tbody tr", has=page.get_by_role("rowheader", name=rule, exact=True))
    return line.locator("th, td").all_text_contents()


def ranks(page: Page) -> dict[str, list[int]]:
    figure = page.locator(".bd-figure:visible")
    expect(figure.locator(".main-svg").first).to_be_attached()
    points: list[tuple[str, int]] = figure.evaluate(
        "(node) => node.data.flatMap((one) => (one.text ?? []).map((name, i) => [name, one.y[i]]))"
    )
    found: dict[str, list[int]] = {}
    for name, rank in points:
        if name:  # between two lines is a gap
            found.setdefault(name, []).append(rank)
    return found


def test_every_rule_says_what_it_chooses_and_why(board: Page) -> None:
    """A: .97 .95 .96; B: .97 .06 .11; C: .97 .06 .93 .98, and A and C answer 56, which is right."""
    show(board, "judged")
    open_tab(board, "Rules")
    assert cells(board, "Minimum") == ["Minimum", "A", "56", "✓", "B", "step 2"]
    assert cells(board, "Last step") == ["Last step", "C", "56", "✓", "A", "–"]
    assert cells(board, "Mean") == ["Mean", "A", "56", "✓", "C", "step 2"]
    assert cells(board, "Majority vote") == ["Majority vote", "A and C", "56", "✓", "–", "–"]
    assert cells(board, "Longest")[1:4] == ["A and C", "56", "✓"]  # of 38 characters each
    assert cells(board, "Fewest steps")[1:4] == ["A and B", "56 or 54", "50 %"]
    assert cells(board, "Weighted vote (minimum)")[1] == "A and C"
    expect(board.locator(".bd-summary:visible")).to_contain_text(
        "The most frequent answer is 56, 2 of 3."
    )
    board.get_by_role("row", name="Mean").get_by_role("button", name="step 2").first.click()
    expect(card(board, "C").get_by_role("heading")).to_have_text("Step 2 of C, thinking")
    expect(row(board, "C", 2)).to_be_focused()


def test_the_picture_has_the_rank_of_every_solution_under_every_rule(board: Page) -> None:
    chart(board)
    open_tab(board, "Rules")
    found = ranks(board)
    labels = board.locator(".bd-figure:visible").evaluate("(n) => n.layout.xaxis.ticktext")
    first, last = labels.index("Minimum"), labels.index("Last<br>step")
    assert {name: line[first] for name, line in found.items()} == {"A": 1, "B": 2, "C": 2}
    assert {name: line[last] for name, line in found.items()} == {"A": 2, "B": 3, "C": 1}
    assert {len(line) for line in found.values()} == {len(labels)} == {8}
    names = board.locator(".bd-figure:visible").evaluate(
        "(n) => n.layout.annotations.map((one) => [one.text, one.y])"
    )
    ends = {name: line[-1] for name, line in found.items()}
    level = ", ".join(name for name in "ABC" if list(ends.values()).count(ends[name]) > 1)
    alone = [name for name in "ABC" if name not in level]
    assert len(level) == 4  # two of them end at one place, and are named together
    assert sorted(names) == sorted([[level, ends[level[0]]], *([n, ends[n]] for n in alone)])


def test_answers_are_grouped_with_votes_and_weights(board: Page) -> None:
    show(board, "judged")
    open_tab(board, "Answers")
    groups = board.locator(".bd-group")
    expect(groups).to_have_count(2)
    expect(groups.nth(0)).to_contain_text(re.compile(r"56.*right.*A.*C.*2 of 3.*1\.01"))
    expect(groups.nth(1)).to_contain_text(re.compile(r"54.*wrong.*B.*1 of 3.*0\.06"))
    expect(board.locator(".bd-summary:visible")).to_have_text(
        "PRM and majority agree: 56 has the most votes, 2 of 3."
    )
    choose(board, "Last step")
    expect(groups.nth(0)).to_contain_text("1.94")
    groups.nth(1).get_by_role("button", name="B").click()
    expect(row(board, "B", 1)).to_be_focused()


def test_where_prm_and_majority_differ_it_is_said(board: Page) -> None:
    show(board, "split")
    open_tab(board, "Answers")
    summary = board.locator(".bd-summary:visible")
    expect(summary).to_contain_text("PRM and majority disagree: under minimum the PRM chooses 56;")
    expect(summary).to_contain_text("54 has the most votes, 2 of 3.")


def test_answers_are_of_the_solutions_that_are_still_there(page: Page) -> None:
    fill(page, PROBLEM, *(f"7 × 8 = {x}.\nThe answer is {x}." for x in (56, 54, 54)))
    score(page)
    expect_scored(page, 3)
    open_tab(page, "Answers")
    expect(page.locator(".bd-group").first).to_contain_text("2 of 3")
    page.get_by_role("button", name="Remove solution B").click()
    expect(page.locator(".bd-group", has_text="54")).to_contain_text("1 of 2")
    expect(page.locator(".bd-summary:visible")).to_contain_text("No majority: ")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".bd-group").first).to_contain_text("2 of 3")


def test_a_right_answer_is_of_its_problem(page: Page) -> None:
    fill(page, PROBLEM, "7 × 8 = 56.\nThe answer is 56.")
    score(page)
    expect_scored(page, 1)
    open_tab(page, "Answers")
    box = page.get_by_role("textbox", name="Right answer")
    box.fill("56")
    box.press("Enter")
    gold, problem = page.locator(".prm-gold"), page.locator("#prm-problem")
    expect(gold).to_contain_text("right answer: 56")
    problem.fill("What's 7 × 8, please?")
    expect(gold).to_contain_text("right answer: 56")
    problem.fill("What is 9 × 6?")
    expect(gold).to_contain_text("not used: 56")
    solutions(page).first.fill("9 × 6 = 54.\nThe answer is 54.")
    score(page)
    expect(page.locator(".bd-problem")).to_contain_text("9")
    expect(card(page, "A").locator(".bd-answer")).to_have_text("answer 54")
    problem.fill(PROBLEM)  # back again, as with Undo
    expect(gold).to_contain_text("right answer: 56")
    problem.fill("What is 9 × 6 + 2?")
    gold.get_by_role("button", name="use it").click()
    expect(gold).to_contain_text("right answer: 56")
    score(page)
    expect(card(page, "A").locator(".bd-answer")).to_contain_text("✗")


def test_a_right_answer_can_be_typed_after_scoring(page: Page) -> None:
    fill(page, PROBLEM, "7 × 8 = 56.\nThe answer is 56.", "7 × 8 = 54.\nThe answer is 54.")
    score(page)
    expect_scored(page, 2)
    before = page.locator(".bd-score").all_text_contents()
    open_tab(page, "Answers")
    expect(page.locator(".bd-group .bd-correct")).to_have_count(0)
    box = page.get_by_role("textbox", name="Right answer")
    box.fill("56.0")
    box.press("Enter")
    expect(page.locator(".bd-group", has_text="56")).to_contain_text("right")
    expect(page.locator(".bd-group", has_text="54")).to_contain_text("wrong")
    expect(page.locator(".prm-gold")).to_contain_text("right answer: 56.0")
    assert page.locator(".bd-score").all_text_contents() == before
    expect(page.locator(".bd-stale")).to_have_count(0)
    marks = [card(page, letter).locator(".bd-answer") for letter in "AB"]
    expect(marks[0]).to_contain_text("✓")  # on the cards too, for all that their bars are the same
    expect(marks[1]).to_contain_text("✗")
    box.fill("54")
    box.press("Enter")
    expect(page.locator(".bd-group", has_text="54")).to_contain_text("right")
    expect(marks[0]).to_contain_text("✗")
    expect(marks[1]).to_contain_text("✓")
    page.reload()
    expect(page.locator(".bd-group", has_text="54")).to_contain_text("right")
    page.get_by_role("textbox", name="Right answer").fill("")
    page.get_by_role("textbox", name="Right answer").press("Enter")
    expect(page.locator(".bd-correct")).to_have_count(0)


def test_texts_in_answers_are_no_code(page: Page) -> None:
    """The fixture fails on a dialog, on a request to another host and on an error."""
    hostile = "<img src=x onerror=alert(1)>"
    fill(page, PROBLEM, f"It is so.\nThe answer is {hostile}", "It is not.\nThe answer is `${1+1}`")
    score(page)
    expect_scored(page, 2)
    for name in ("Rules", "Answers"):
        open_tab(page, name)
        assert page.get_by_role("tabpanel", name=name).locator("img").count() == 0


@pytest.mark.parametrize("name", ["Rules", "Answers"])
def test_a_phone_shows_them_without_sideways_scroll(
    open_page: OpenPage, board_url: str, name: str
) -> None:
    page = open_page(board_url, viewport={"width": 390, "height": 800})
    show(page, "full")
    open_tab(page, name)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_phone_shows_the_rules_names_whole(open_page: OpenPage, board_url: str) -> None:
    page = open_page(board_url, viewport={"width": 390, "height": 800})
    chart(page)
    open_tab(page, "Rules")
    figure = page.locator(".bd-figure:visible")
    expect(figure.locator(".xtick text")).to_have_count(8)
    below = figure.evaluate(
        """(node) => [...node.querySelectorAll(".xtick text")].map((one) =>
            node.getBoundingClientRect().bottom - one.getBoundingClientRect().bottom)"""
    )
    assert min(below) > 0


def test_a_solution_that_was_removed_is_not_chosen(page: Page) -> None:
    """Of 56, 54 and 54 the majority is 54; without the two it is 56, and comes back with Undo."""
    fill(page, PROBLEM, *(f"7 × 8 = {n}.\nThe answer is {n}." for n in (56, 54, 54)))
    score(page)
    expect_scored(page, 3)
    open_tab(page, "Rules")
    table = page.get_by_role("table", name="What every rule chooses")
    majority = table.locator("tbody tr", has_text="Majority vote")
    expect(majority).to_contain_text("B and C")
    for letter in "CB":
        page.get_by_role("button", name=f"Remove solution {letter}").click()
    expect(majority.locator("td").nth(0)).to_have_text("A")
    expect(majority.locator("td").nth(1)).to_have_text("56")
    expect(page.locator(".bd-sheet-note:visible").first).not_to_contain_text("removed")
    page.get_by_role("button", name="Undo").click()
    expect(majority.locator("td").nth(0)).to_have_text(re.compile("A and [BC]"))

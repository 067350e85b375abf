"""Whether the page tells the truth: what is stale, what stays, what a paste became, who is away."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Route,
    expect,
)

from tests.browser.apps import START_S, App
from tests.browser.conftest import (
    ENDS_MS,
    PROBLEM,
    SOLUTIONS,
    OpenPage,
    serving,
)
from tests.browser.test_page import (
    expect_scored,
    fill,
    long_run,
    order,
    paste,
    probabilities,
    rows,
    score,
    solutions,
)

pytestmark = pytest.mark.browser

A, B, C = SOLUTIONS
SOON_MS = 5_000  # "at once": nothing here waits for a server, but the machine may be busy


def card(page: Page, letter: str) -> Locator:
    return page.locator(".bd-card", has=page.locator(f".bd-letter:text-is('{letter}')"))


def editor_letters(page: Page) -> list[str]:
    return page.locator(".prm-card .prm-letter").all_text_contents()


def stale(page: Page) -> list[str]:
    return page.locator(".bd-card.bd-stale .bd-letter").all_text_contents()


def scored_page(page: Page, *texts: str) -> None:
    fill(page, PROBLEM, *(texts or SOLUTIONS))
    score(page)
    expect_scored(page, len(texts or SOLUTIONS))


def model_field(page: Page) -> Locator:
    return page.locator("#prm-model input")


# --- what no longer matches its text --------------------------------------------------------------


def test_a_card_is_stale_at_once_and_no_longer_when_the_edit_is_undone(page: Page) -> None:
    scored_page(page)
    assert stale(page) == []
    expect(page.locator(".bd-outdated")).to_be_hidden()
    solutions(page).nth(1).fill(B + "\nDone.")
    expect(card(page, "B").locator(".bd-stale-why")).to_have_text("edited since", timeout=SOON_MS)
    assert stale(page) == ["B"]
    assert (
        float(card(page, "B").locator(".bd-plot").evaluate("n => getComputedStyle(n).opacity")) < 1
    )
    expect(page.locator(".bd-outdated")).to_contain_text("1 of 3 no longer matches")
    expect(card(page, "B")).to_have_accessible_name(re.compile("edited since"))
    solutions(page).nth(1).fill(B)
    expect(page.locator(".bd-stale")).to_have_count(0, timeout=SOON_MS)


def test_every_card_is_stale_where_the_whole_comparison_changed(page: Page, tiny_dir: Path) -> None:
    scored_page(page)
    steps, model = page.get_by_label("steps:", exact=True), model_field(page)
    as_it_was = model.input_value()
    for change, undo, words in (
        (
            lambda: page.locator("#prm-problem").fill("What is 9 × 9?"),
            lambda: page.locator("#prm-problem").fill(PROBLEM),
            "problem changed since",
        ),
        (
            lambda: steps.select_option("sentence"),
            lambda: steps.select_option("auto"),
            "steps cut differently now",
        ),
        (
            lambda: model.fill("another/model"),
            lambda: model.fill(as_it_was),
            "another model chosen now",
        ),
    ):
        change()
        expect(page.locator(".bd-stale")).to_have_count(3, timeout=SOON_MS)
        expect(page.locator(".bd-outdated")).to_contain_text(words)
        undo()
        expect(page.locator(".bd-stale")).to_have_count(0, timeout=SOON_MS)


def joined(request: Request) -> bool:
    return request.url.endswith("queue/join?")


def test_score_judges_only_what_changed(page: Page) -> None:
    scored_page(page)
    before = {letter: probabilities(page, letter) for letter in "AC"}
    solutions(page).nth(1).fill("7 × 8 = 56.\nThe answer is 56.")
    page.get_by_role("button", name="+ Add").click()
    solutions(page).nth(3).fill("It is 56.")
    button = page.get_by_role("button", name="Score")
    expect(button).to_contain_text("Score 2 changed or new")
    with page.expect_request(joined) as asked:
        score(page)
    kept = json.loads(json.loads(asked.value.post_data or "")["data"][0]["kept"])
    assert [one is None for one in kept] == [False, True, False, True]
    expect(page.locator(".prm-state")).to_contain_text("7 of them earlier")  # of A and C
    expect_scored(page, 4)
    assert {letter: probabilities(page, letter) for letter in "AC"} == before
    assert stale(page) == []
    expect(rows(page, "B")).to_have_count(2)
    # All again is one press away, and what is up to date can be judged anew.
    solutions(page).nth(0).fill(A + "\nDone.")
    with page.expect_request(joined) as asked:
        page.get_by_role("button", name="judge all again").click()
    assert "kept" not in json.loads(asked.value.post_data or "")["data"][0]
    expect(page.locator(".prm-state")).to_contain_text("11 steps scored in")  # 4 + 2 + 4 + 1
    expect(page.get_by_role("button", name="judge all again")).to_be_hidden()


def test_another_problem_keeps_no_score(page: Page) -> None:
    scored_page(page)
    page.locator("#prm-problem").fill("What is 8 × 7?")
    with page.expect_request(joined) as asked:
        score(page)
    assert "kept" not in json.loads(asked.value.post_data or "")["data"][0]
    expect(page.locator(".prm-state")).to_contain_text("10 steps scored in")
    expect(page.locator(".bd-stale")).to_have_count(0)


def test_forged_scores_are_no_scores(page: Page) -> None:
    scored_page(page, A, B)
    solutions(page).nth(1).fill(C)

    def forge(route: Any) -> None:
        body = route.request.post_data_json
        kept = json.loads(body["data"][0]["kept"])
        kept[0]["probabilities"] = [2.0, "x", None]
        body["data"][0]["kept"] = json.dumps(kept)
        route.continue_(post_data=json.dumps(body))

    page.route("**/queue/join?*", forge)
    score(page)
    expect(page.locator(".prm-state")).to_contain_text("7 steps scored in")
    expect(page.locator(".prm-state")).not_to_contain_text("earlier")  # A is judged as well
    assert all(0 <= p <= 1 for p in probabilities(page, "A"))


def test_results_keep_saying_what_was_judged_and_by_whom(page: Page, tiny_dir: Path) -> None:
    scored_page(page)
    page.locator("#prm-problem").fill("Another one")
    expect(page.locator(".bd-problem")).to_contain_text(PROBLEM)
    expect(page.locator(".bd-judge")).to_contain_text(tiny_dir.name)


# --- letters --------------------------------------------------------------------------------------


def test_a_letter_belongs_to_its_text_until_it_is_removed(page: Page) -> None:
    scored_page(page)
    page.get_by_role("button", name="Remove solution A").click()
    assert editor_letters(page) == ["B", "C"]
    assert sorted(order(page)) == ["A", "B", "C"]
    assert stale(page) == ["A"]
    expect(card(page, "A").locator(".bd-stale-why")).to_have_text("removed since")
    page.get_by_role("button", name="+ Add").click()
    assert editor_letters(page) == ["B", "C", "D"]  # A is still on the board
    solutions(page).nth(2).fill("It is 57.")
    score(page)
    expect_scored(page, 3)
    assert sorted(order(page)) == ["B", "C", "D"]
    expect(rows(page, "D")).to_contain_text("It is 57.")
    expect(page.locator(".bd-verdict")).to_contain_text("lead")
    page.reload()
    expect(solutions(page)).to_have_count(3)
    assert editor_letters(page) == ["B", "C", "D"]


def test_what_is_removed_is_no_longer_ranked(page: Page) -> None:
    scored_page(page)
    first, second, third = order(page)
    verdict, ranks = page.locator(".bd-verdict"), page.locator(".bd-rank")
    before = verdict.inner_text()
    assert re.match(rf"{first} (and \w are level|leads) under", before)
    page.get_by_role("button", name=f"Remove solution {first}").click()
    expect(verdict).not_to_contain_text(re.compile(rf"\b{first}\b"))
    expect(verdict).to_contain_text(second)
    assert order(page) == [second, third, first]
    assert ranks.all_inner_texts() == ["1", "2", "–"]
    expect(page.locator(".bd-outdated")).to_contain_text(f"{first} is removed")
    page.get_by_role("tab", name="Table").click()
    assert page.locator(".bd-sheet >> nth=0").locator("tbody tr").count() == 2
    page.get_by_role("tab", name="Steps").click()
    page.reload()
    expect(ranks.nth(2)).to_have_text("–")
    expect(verdict).not_to_contain_text(re.compile(rf"\b{first}\b"))
    page.get_by_role("button", name=f"Remove solution {second}").click()
    expect(verdict).to_contain_text(f"{third} is the only solution that is scored")
    page.locator(".prm-said").get_by_role("button", name="Undo").click()
    expect(verdict).to_contain_text(second)


def test_of_solutions_that_are_all_removed_none_is_ranked(page: Page) -> None:
    scored_page(page)
    for letter in "ABC":
        page.get_by_role("button", name=f"Remove solution {letter}").click()
    expect(page.locator(".bd-outdated")).to_contain_text("no longer ranked")
    expect(page.locator(".bd-rank")).to_have_text(["–"] * 3)
    page.locator(".prm-said").get_by_role("button", name="Undo").click()
    expect(page.locator(".bd-rank")).to_have_text(["1", "–", "–"])


def test_a_verdict_on_what_was_edited_since_says_so(page: Page) -> None:
    scored_page(page)
    verdict = page.locator(".bd-verdict")
    before = verdict.inner_text()
    solutions(page).nth(1).fill(B + "\nDone.")
    expect(verdict).to_have_text(f"Before your changes: {before}")
    solutions(page).nth(1).fill(B)
    expect(verdict).to_have_text(before)
    page.get_by_role("button", name="+ Add").click()
    solutions(page).nth(3).fill("It is 56.")
    expect(page.locator(".bd-outdated")).to_have_text("D is new and not scored yet.")


def test_undo_of_a_removal_keeps_what_was_typed_since(page: Page) -> None:
    fill(page, PROBLEM, A, B, C)
    page.get_by_role("button", name="Remove solution B").click()
    solutions(page).nth(1).fill("typed since")
    page.get_by_role("button", name="Undo").click()
    assert [box.input_value() for box in solutions(page).all()] == [A, B, "typed since"]
    assert editor_letters(page) == ["A", "B", "C"]


def test_every_removed_solution_comes_back(page: Page) -> None:
    fill(page, PROBLEM, A, B, C)
    for letter in "ACB":
        page.get_by_role("button", name=f"Remove solution {letter}").click()
    for _ in range(3):
        page.locator(".prm-said").get_by_role("button", name="Undo").click()
    assert [box.input_value() for box in solutions(page).all()] == [A, B, C]
    assert editor_letters(page) == ["A", "B", "C"]


def test_results_come_back_with_the_text_that_they_are_of(page: Page) -> None:
    scored_page(page, C, A, B)  # not an example of ours, which could be had again
    numbers = {letter: probabilities(page, letter) for letter in "ABC"}
    page.get_by_role("button", name="Examples").click()
    page.locator(".prm-example", has_text="What is 8 × 3?").click()
    expect(page.locator(".bd-card:has(.bd-row)")).to_have_count(1)
    page.locator(".prm-said").get_by_role("button", name="Undo").click()
    expect(page.locator(".bd-card:has(.bd-row)")).to_have_count(3)
    assert {letter: probabilities(page, letter) for letter in "ABC"} == numbers
    assert stale(page) == []
    page.get_by_role("button", name="Earlier results").click()
    expect(page.locator(".bd-problem")).to_contain_text("What is 8 × 3?")
    assert stale(page) == order(page)


def test_undo_can_itself_be_undone(page: Page) -> None:
    fill(page, PROBLEM, "mine")
    page.get_by_role("button", name="Examples").click()
    page.locator(".prm-example").first.click()
    expect_scored(page, solutions(page).count())
    page.locator(".prm-said").get_by_role("button", name="Undo").click()
    assert [box.input_value() for box in solutions(page).all()] == ["mine"]
    solutions(page).first.fill("mine, and more")
    page.locator(".prm-said").get_by_role("button", name="Redo").click()
    page.locator(".prm-said").get_by_role("button", name="Undo").click()
    assert [box.input_value() for box in solutions(page).all()] == ["mine, and more"]


# --- how the solutions are cut --------------------------------------------------------------------


def test_the_preview_asks_one_question_at_a_time(page: Page) -> None:
    """A server that gets a second one while it works on the first refuses one of them."""
    count = page.locator(".prm-card .prm-count").first
    fill(page, PROBLEM, A)
    expect(count).to_contain_text("3 steps")
    asking = re.compile("/component_server")
    asked: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if "split_preview" in (route.request.post_data or ""):
            asked.append(route)
            if len(asked) == 1:
                return
        route.continue_()

    page.route(asking, hold_the_first)
    with page.expect_request(asking):
        solutions(page).first.fill("7 × 8 = 56.\nIt is 56.")
    solutions(page).first.fill("7 × 8 = 56.\nIt is 56.\nSo 56.\nDone.")
    page.wait_for_timeout(1_000)  # long after a second question would have been asked
    assert len(asked) == 1
    asked[0].continue_()
    expect(count).to_contain_text("4 steps")


def test_the_preview_of_an_earlier_text_goes_where_the_server_does_not_answer(page: Page) -> None:
    count = page.locator(".prm-card .prm-count").first
    fill(page, PROBLEM, A)
    expect(count).to_contain_text("3 steps")
    asking = re.compile("/component_server")

    def busy(route: Route) -> None:
        if "split_preview" in (route.request.post_data or ""):
            route.fulfill(body="null", content_type="application/json")
        else:
            route.continue_()

    page.route(asking, busy)
    solutions(page).first.fill("7 × 8 = 56.\nIt is 56.")
    expect(count).to_be_empty()
    page.unroute(asking)  # nothing is typed, and yet it asks again
    expect(count).to_contain_text("2 steps")


def test_the_preview_says_how_many_steps_and_why(page: Page) -> None:
    fill(page, PROBLEM, "so it is 7 times 8 and therefore 56")
    top = page.locator(".prm-card-top").first
    expect(top).to_contain_text("1 step")
    expect(top).to_contain_text("no numbering, line breaks or sentence ends found")
    for rule, words in (
        ("numbered", "nothing is numbered here"),
        ("paragraph", "there is no blank line"),
        ("line", "there is one line"),
        ("sentence", "there is one sentence"),
    ):
        page.get_by_label("steps:", exact=True).select_option(rule)
        expect(top).to_contain_text(words)
        expect(page.locator(".prm-count").first).to_have_text("1 step")
    page.get_by_label("steps:", exact=True).select_option("separator")
    expect(top).to_contain_text("the separator is empty")
    solutions(page).first.fill(A)
    page.get_by_label("steps:", exact=True).select_option("line")
    expect(page.locator(".prm-why").first).to_be_empty()


# --- pastes ---------------------------------------------------------------------------------------

FENCED = "First a table:\n\n```yaml\na: 1\n---\nb: 2\n```\n\nSo it is 3."
STEPS = (
    "### Step 1: Add\n3 + 4 = 7\n\n---\n\n"
    "### Step 2: Double\n7 * 2 = 14\n\n---\n\nThe answer is 14."
)
ITEMS = "**1.** Add.\n\n---\n\n**2.** Double.\n\n-----\n\n**3.** It is 14."
THOUGHT = "<think>\nperhaps\n---\nperhaps not\n</think>\nIt is 14."
SUM = "We add:\n\n  12\n+ 5\n-----\n  17\n\nIt is 17."


@pytest.mark.parametrize(
    "text", [FENCED, STEPS, ITEMS, THOUGHT, SUM], ids=["fence", "steps", "items", "thought", "sum"]
)
def test_rules_inside_one_solution_do_not_part_it(page: Page, text: str) -> None:
    paste(solutions(page).first, text)
    expect(solutions(page).first).to_have_value(text)
    expect(solutions(page)).to_have_count(1)


def test_two_numbered_solutions_with_rules_between_their_steps_are_two(page: Page) -> None:
    paste(solutions(page).first, f"{STEPS}\n\n---\n\n{STEPS.replace('14', '15')}")
    expect(solutions(page)).to_have_count(2)
    expect(solutions(page).nth(1)).to_have_value(STEPS.replace("14", "15"))


def test_what_a_paste_parted_is_kept_as_one_by_one_press(page: Page) -> None:
    text = "First we add.\n\n---\n\nThen we double.\n\n---\n\nSo it is 14."
    fill(page, PROBLEM, "before ")
    paste(solutions(page).first, text)
    expect(solutions(page)).to_have_count(3)
    said = page.locator(".prm-said")
    expect(said).to_contain_text("Pasted as 3 solutions")
    said.get_by_role("button", name="keep as one").click()
    expect(solutions(page)).to_have_count(1)
    expect(solutions(page).first).to_have_value("before " + text)
    said.get_by_role("button", name="Undo").click()
    expect(solutions(page).first).to_have_value("before ")


def table(delimiter: str, head: str, *rows: list[str]) -> str:
    """As programs write it."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return f"{head}\r\n{text.getvalue()}"


ROW = {"problem": PROBLEM, "solutions": [A, B.splitlines()], "gold_answer": "56"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROW),
        json.dumps(ROW, indent=2),
        json.dumps([{"question": PROBLEM, "responses": [A, B], "answer": 56}]),
        "\n".join(
            json.dumps({"question": PROBLEM, "response": one, "answer": "…\n#### 56"})
            for one in (A, B)
        ),
        json.dumps({"prompt": PROBLEM, "completions": [{"text": A}, {"steps": B.splitlines()}]})[
            :-1
        ]
        + ', "ground_truth": "56"}',
        table(",", "problem,solution,answer", [PROBLEM, A, "56"], [PROBLEM, B, "56"]),
        table("\t", "Question\tResponses\tGold", [PROBLEM, json.dumps([A, B]), "56"]),
        table(",", "problem,solution_1,solution_2,gold_answer", [PROBLEM, A, B, "56"]),
        table("\t", "Problem\tSolution A\tSolution B\tAnswer", [PROBLEM, A, B, "56"]),
    ],
    ids=["row", "pretty", "list", "lines", "objects", "csv", "cells", "numbered", "lettered"],
)
def test_a_row_pasted_into_the_problem_fills_the_editor(page: Page, text: str) -> None:
    fill(page, "mine", "my own")
    paste(page.locator("#prm-problem"), text)
    expect(page.locator("#prm-problem")).to_have_value(PROBLEM)
    assert [box.input_value() for box in solutions(page).all()] == [A, B]
    expect(page.locator(".prm-gold")).to_contain_text("56")
    page.locator(".prm-said").get_by_role("button", name="Undo").click()
    expect(page.locator("#prm-problem")).to_have_value("mine")
    assert [box.input_value() for box in solutions(page).all()] == ["my own"]
    expect(page.locator(".prm-gold")).to_be_hidden()


CHAT = [{"role": "user", "content": PROBLEM}, {"role": "assistant", "content": A}]
RATED = [{"completions": [{"text": one, "rating": 1}]} for one in A.splitlines()]
STEP_BY_STEP = "Step 1: 7 × 8 = 56. ки\nStep 2: The answer is: 56 ки"


@pytest.mark.parametrize(
    ("row", "problem", "solution"),
    [
        ({"messages": CHAT}, PROBLEM, A),
        ({"question": {"problem": PROBLEM}, "label": {"steps": RATED}}, PROBLEM, A),
        ({"input": f"{PROBLEM} {STEP_BY_STEP}", "label": "…"}, PROBLEM, STEP_BY_STEP),
        ({"question": PROBLEM, "steps": A.splitlines(), "labels": [1, 1, 1]}, PROBLEM, A),
        ([{"text": A}], "", A),
        ({"problem": PROBLEM}, PROBLEM, ""),
    ],
    ids=["chat", "PRM800K", "Math-Shepherd", "labels", "no problem", "no solution"],
)
@pytest.mark.parametrize("where", ["#prm-problem", ".prm-card textarea"])
def test_a_row_of_a_known_format_is_a_problem_with_its_solution(
    page: Page, row: Any, problem: str, solution: str, where: str
) -> None:
    paste(page.locator(where), json.dumps(row))
    if not solution and where != "#prm-problem":  # in a solution's box it is a text
        problem, solution = "", json.dumps(row)
    expect(page.locator("#prm-problem")).to_have_value(problem)
    expect(solutions(page)).to_have_count(1)
    expect(solutions(page).first).to_have_value(solution)


def test_of_several_rows_the_first_is_taken_and_the_others_are_named(page: Page) -> None:
    others = [{"problem": f"Problem {i}", "solutions": ["x"]} for i in range(2, 7)]
    paste(page.locator("#prm-problem"), "\n".join(map(json.dumps, [ROW, *others])))
    expect(page.locator("#prm-problem")).to_have_value(PROBLEM)
    said = page.locator(".prm-said")
    expect(said).to_contain_text("the first of 6 problems; not taken: “Problem 2”")
    expect(said).to_contain_text("and 2 more")
    said.get_by_role("button", name="keep as text").click()
    expect(page.locator("#prm-problem")).to_have_value("\n".join(map(json.dumps, [ROW, *others])))
    page.locator("#prm-problem").fill("mine")
    paste(page.locator("#prm-problem"), "\n".join(map(json.dumps, [ROW, *others])))
    said.get_by_role("button", name="open all 6 as a list").click()
    expect(page.locator(".prm-list [role=option]")).to_have_count(6)
    expect(page.locator("#prm-problem")).to_have_value(PROBLEM)
    said.get_by_role("button", name="Undo").click()
    expect(page.locator("#prm-problem")).to_have_value("mine")


def test_json_and_tables_that_are_no_row_are_text(page: Page) -> None:
    json_texts = ('{"a": 1}', "[1, 2, 3]", '{"problem": 5}', "{x | x > 0}", '["a", "b"]')
    tables = ("Input,Output\n1,3\n2,5", "Problem, and more\nof it", 'problem,answer\n"What is 7?')
    for text in (*json_texts, *tables):
        page.locator("#prm-problem").fill("")
        paste(page.locator("#prm-problem"), text)
        expect(page.locator("#prm-problem")).to_have_value(text)


def test_the_right_answer_of_a_row_is_shown_on_the_cards(page: Page) -> None:
    paste(page.locator("#prm-problem"), json.dumps(ROW))
    score(page)
    expect_scored(page, 2)
    expect(card(page, "A").locator(".bd-correct")).to_contain_text("✓")
    expect(card(page, "B").locator(".bd-correct")).to_contain_text("✗")
    page.get_by_role("button", name="Remove the right answer").click()
    expect(card(page, "A").locator(".bd-correct")).to_be_hidden()


# --- long texts -----------------------------------------------------------------------------------


def test_a_text_that_is_too_long_is_said_once(page: Page) -> None:
    fill(page, PROBLEM, A)
    expect(page.locator(".prm-count").first).to_contain_text("3 steps")
    solutions(page).first.fill("x" * 250_000)
    issue = page.locator(".prm-card .prm-issue")
    words = "Solution A has 250,000 characters; at most 200,000 are read."
    expect(issue).to_have_text(words)
    expect(page.locator(".prm-count").first).to_be_empty()
    score(page)
    expect(page.locator(".prm-score")).to_have_attribute("aria-disabled", "false")
    expect(issue).to_have_text(words)
    assert page.get_by_text("250,000").count() == 1
    solutions(page).first.fill(A)
    expect(issue).to_be_hidden()
    expect(page.locator(".prm-count").first).to_contain_text("3 steps")


def test_a_long_text_is_counted_right(page: Page) -> None:
    text = "\n".join(f"Step {i}: {i} + 1 = {i + 1}." for i in range(1, 4001))
    solutions(page).first.evaluate(
        """(box, text) => {
            box.value = text;  // the browser takes long to type as much
            box.dispatchEvent(new Event("input", {bubbles: true}));
        }""",
        text,
    )
    expect(page.locator(".prm-count").first).to_contain_text("4,000 steps")


# --- the model's field ----------------------------------------------------------------------------


def test_a_slow_press_on_score_is_heard_though_the_models_field_is_left_by_it(page: Page) -> None:
    scored_page(page)
    model_field(page).fill("/no/such/model")
    page.get_by_role("button", name="Score").click(delay=900)  # the answer comes meanwhile
    expect(page.locator("#prm-model-issue")).to_contain_text("/no/such/model")
    expect(page.locator(".bd-note")).to_contain_text("Nothing was scored")


def test_old_results_stay_where_the_model_does_not_load(page: Page) -> None:
    scored_page(page)
    before = {letter: probabilities(page, letter) for letter in "ABC"}
    model = model_field(page)
    known = model.input_value()
    model.fill("/no/such/model")
    expect(page.locator("#prm-model-issue")).to_be_hidden()  # while it is typed
    model.press("Tab")
    expect(page.locator("#prm-model-issue")).to_contain_text("/no/such/model")
    score(page)
    expect(page.locator(".bd-note")).to_contain_text("Nothing was scored")
    expect(page.locator("#prm-model-issue")).to_contain_text("/no/such/model")
    assert {letter: probabilities(page, letter) for letter in "ABC"} == before
    assert stale(page) == order(page)
    model.fill(known)
    expect(page.locator("#prm-model-issue")).to_be_hidden()
    expect(page.locator(".bd-note")).to_be_hidden()  # it was of the other model
    expect(page.locator(".bd-stale")).to_have_count(0)
    solutions(page).first.fill("It is 56.")
    score(page)
    expect_scored(page, 3)
    expect(page.locator(".bd-note")).to_be_hidden()


def test_what_is_shown_in_the_field_is_what_judges(page: Page, tiny_dir: Path) -> None:
    fill(page, PROBLEM, A)
    model = model_field(page)
    model.fill(f"{tiny_dir} --dtype float64x")
    model.press("Control+Enter")
    expect(page.locator("#prm-model-issue")).to_contain_text("float64x")
    model.fill(f"{tiny_dir} --dtype float32")
    model.press("Control+Enter")
    expect_scored(page, 1)
    expect(page.locator(".bd-judge")).to_contain_text(f"{tiny_dir} --dtype float32")
    expect(page.locator(".bd-stale")).to_have_count(0)


def test_the_models_field_is_a_combobox(page: Page) -> None:
    model = page.get_by_role("combobox", name="Model")
    options = page.get_by_role("listbox", name="Models")
    expect(model).to_have_attribute("aria-expanded", "false")
    model.focus()
    expect(options).to_be_hidden()  # only passing by opens nothing
    expect(model).to_have_accessible_description(re.compile("Or type any"))
    model.press("ArrowDown")
    expect(options).to_be_visible()
    expect(model).to_have_attribute("aria-expanded", "true")
    expect(options.get_by_role("option", name="Qwen/Qwen2.5-Math-PRM-7B")).to_be_visible()
    expect(page.locator("#prm-model-hint")).to_contain_text("type any")
    model.press("ArrowDown")
    chosen = options.get_by_role("option", selected=True)
    expect(chosen).to_have_count(1)
    assert model.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    model.press("Escape")
    expect(options).to_be_hidden()
    model.press("ArrowDown")
    model.press("Tab")
    expect(options).to_be_hidden()
    expect(model).not_to_be_focused()
    model.fill("skywork")
    expect(options.get_by_role("option")).not_to_have_count(0)
    for option in options.get_by_role("option").all():
        expect(option).to_contain_text("kywork")
    model.press("ArrowDown")
    name = str(options.get_by_role("option", selected=True).locator("span").text_content())
    model.press("Enter")
    expect(model).to_have_value(name)
    expect(options).to_be_hidden()


def test_a_public_page_offers_its_list_and_nothing_else(
    open_page: OpenPage, tmp_path: Path
) -> None:
    with serving(tmp_path / "log", SPACE_ID="owner/space") as ours:
        page = open_page(ours.url)
        model = page.get_by_role("combobox", name="Model")
        assert model.get_attribute("readonly") is not None
        model.press("ArrowDown")
        expect(page.get_by_role("listbox").get_by_role("option")).to_have_count(1)
        expect(page.locator("#prm-model-hint")).to_have_count(0)
        page.evaluate("sessionStorage['prm-inspector.model'] = '/etc'")
        page.reload()
        expect(model).to_have_value("Embedded arithmetic PRM")
        expect(page.locator(".prm-count")).to_have_text("no steps yet")
        page.close()  # it asks whether the server is there


# --- the page's words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says", "never"),
    [
        ("{tiny} --server http://127.0.0.1:1", "refused", "Errno"),
        ("{tiny} --bogus x", "--bogus", "unrecognized"),
        ("{tiny} --samples x", "--samples", "invalid positive"),
    ],
)
def test_errors_are_in_the_pages_words(
    page: Page, tiny_dir: Path, line: str, says: str, never: str
) -> None:
    fill(page, PROBLEM, A)
    model_field(page).fill(line.format(tiny=tiny_dir))
    model_field(page).press("Enter")
    score(page)
    expect(page.locator("#prm-model-issue")).to_contain_text(says)
    assert never not in page.locator("body").inner_text()


def test_a_solution_is_a_solution_everywhere(page: Page) -> None:
    fill(page, PROBLEM, A, "word " * 1200)
    score(page)
    expect(page.locator(".prm-card .prm-issue").nth(1)).to_contain_text("Solution B has")
    assert "candidate" not in page.locator("body").inner_text().lower()
    solutions(page).nth(1).fill(B)
    score(page)
    expect_scored(page, 2)
    page.get_by_role("tab", name="Table").click()
    page.get_by_role("button", name="Help").click()
    assert "candidate" not in page.locator("body").inner_text().lower()


# --- cancel ---------------------------------------------------------------------------------------


def test_cancel_acts_at_once_and_nothing_jumps(open_page: OpenPage) -> None:
    page = open_page(reduced_motion="reduce")
    page.locator("#prm-problem").fill(PROBLEM)
    paste(solutions(page).first, json.dumps(long_run()[:32]))
    expect(solutions(page)).to_have_count(32)
    score(page)
    # In the page, for the run may be over before a press from here arrives.
    took, moved = page.evaluate(
        """async () => {
            while (!document.querySelector(".bd-card:not(.bd-waiting)"))
                await new Promise(requestAnimationFrame);
            const cards = [...document.querySelectorAll(".bd-card")].slice(0, 6);
            const tops = () => cards.map((card) => card.getBoundingClientRect().top);
            const before = tops();
            const began = performance.now();
            document.querySelector(".prm-cancel").click();
            const there = () => document.querySelector(".bd-note")?.innerText.includes("Cancelled");
            while (!there() && performance.now() - began < 20000)
                await new Promise(requestAnimationFrame);
            const took = performance.now() - began;
            await new Promise((done) => setTimeout(done, 1500));
            return [took, Math.max(...tops().map((top, i) => Math.abs(top - before[i])))];
        }"""
    )
    assert took < 500
    assert moved < 2
    expect(page.locator(".prm-state")).to_have_text("Cancelled.")
    # What is left is judged when Score is pressed again.
    expect(page.get_by_role("button", name="Score")).to_contain_text("new")
    score(page)
    expect(page.locator(".prm-state")).to_contain_text("scored in", timeout=ENDS_MS)
    expect(page.locator(".bd-card:not(.bd-waiting)")).to_have_count(32)


# --- reload, Back, restart ------------------------------------------------------------------------


def test_everything_is_there_after_a_reload_and_after_back(page: Page, tiny_dir: Path) -> None:
    model = model_field(page)
    line = f"{tiny_dir} --dtype float32"
    model.fill(line)
    model.press("Enter")
    page.get_by_label("steps:", exact=True).select_option("line")
    scored_page(page)
    page.get_by_role("radio", name="Last step", exact=True).check(force=True)
    page.locator(".bd-card").first.wait_for()
    ranked, numbers = order(page), {letter: probabilities(page, letter) for letter in "ABC"}
    home = page.url

    def again() -> None:
        expect(page.locator(".bd-card:has(.bd-row)")).to_have_count(3)
        assert order(page) == ranked
        assert {letter: probabilities(page, letter) for letter in "ABC"} == numbers
        expect(page.get_by_role("radio", name="Last step", exact=True)).to_be_checked()
        expect(page.get_by_label("steps:", exact=True)).to_have_value("line")
        expect(model_field(page)).to_have_value(line)
        expect(page.locator(".bd-stale")).to_have_count(0)

    page.reload()
    again()
    page.goto(f"{home}healthz")
    page.go_back()
    again()
    solutions(page).nth(1).fill("It is 56.")  # the numbers that came back stay at the next Score
    expect(page.get_by_role("button", name="Score")).to_contain_text("1 changed")
    score(page)
    expect(page.locator(".prm-state")).to_contain_text("7 of them earlier")


def test_what_comes_back_from_storage_is_not_trusted(page: Page) -> None:
    scored_page(page, A, B)
    page.reload()
    expect(page.locator(".bd-card:has(.bd-row)")).to_have_count(2)
    trap = "<img src=x onerror=alert(1)>${alert(2)}"
    for spoil in (
        "() => '{'",
        '() => \'{"results": {"candidates": [{}], "problem": 1}}\'',
        f'(kept) => kept.replaceAll(/"source":"[^"]*"/g, \'"source":{json.dumps(trap)}\')',
        "(kept) => kept.replaceAll(/0\\.\\d+/g, '7')",
        "(kept) => kept.replaceAll(/0\\.\\d+/g, '\"x\"')",
        f'(kept) => kept.replaceAll(/"(model|message|model_line)":"[^"]*"/g, '
        f'(_, name) => `"${{name}}":` + {json.dumps(json.dumps(trap))})',
    ):
        page.evaluate(
            f"""() => {{
                const kept = sessionStorage["prm-inspector.results"];
                addEventListener("pagehide", () => {{
                    sessionStorage["prm-inspector.results"] = ({spoil})(kept);
                }});
            }}"""
        )
        page.reload()
        expect(solutions(page)).to_have_count(2)
        expect(page.locator(".prm-badge")).to_contain_text("ready")
        page.evaluate("delete sessionStorage['prm-inspector.results']")
        score(page)
        expect_scored(page, 2)
        assert page.locator("#prm-board img[src=x]").count() == 0
        page.wait_for_function("sessionStorage['prm-inspector.results']")  # the next one spoils it


FULL = """(free) => {
    // What is left of the tab's room: so many characters, and no more.
    sessionStorage.setItem("filler", "");
    let size = 1 << 22;
    for (let filler = ""; size >= 64; size >>= 1) {
        try {
            sessionStorage.setItem("filler", filler + "x".repeat(size));
            filler += "x".repeat(size);
        } catch {}
    }
    const filler = sessionStorage.getItem("filler");
    sessionStorage.setItem("filler", filler.slice(free));
}"""


def test_results_that_find_no_room_are_said_and_the_text_is_kept(page: Page) -> None:
    page.evaluate(FULL, 1_000)
    scored_page(page)
    expect(page.locator(".bd-unkept")).to_contain_text("too large to survive a reload")
    page.reload()
    expect(solutions(page)).to_have_count(3)
    assert [box.input_value() for box in solutions(page).all()] == list(SOLUTIONS)
    expect(page.locator(".bd-card")).to_have_count(0)


def test_the_text_is_kept_rather_than_the_results(page: Page) -> None:
    scored_page(page)
    expect(page.locator(".bd-unkept")).to_be_hidden()
    page.wait_for_function("sessionStorage['prm-inspector.results']")
    page.evaluate(FULL, 100)
    longer = A + "\nSo it is 56." * 60
    solutions(page).nth(0).fill(longer)
    expect(page.locator(".bd-unkept")).to_contain_text("the text is kept")
    page.reload()
    expect(solutions(page).first).to_have_value(longer)


def test_results_that_cannot_be_brought_back_are_said(page: Page) -> None:
    scored_page(page)
    page.wait_for_function("sessionStorage['prm-inspector.results']")
    page.evaluate(
        "addEventListener('pagehide', () => { sessionStorage['prm-inspector.results'] = '{}'; })"
    )
    page.reload()
    expect(page.locator(".bd-unkept")).to_contain_text("could not be restored")
    expect(solutions(page)).to_have_count(3)


# --- a server that is away ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def killable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """One that can be killed and started again."""
    one = App(tmp_path_factory.mktemp("killable") / "log")
    yield one
    one.kill()


@pytest.fixture
def away_page(browser: Browser, killable: App) -> Iterator[Page]:
    """As `page`, but the browser may say that it reaches nobody."""
    killable.start()
    wrong: list[str] = []

    def heard(line: ConsoleMessage) -> None:
        network = (
            "net::ERR",
            "network error",
            "Failed to fetch",
            "Connection errored",
            "BodyStream",
            "AbortError",  # what the page still asked for when it was left
        )
        if line.type == "error" and not any(words in line.text for words in network):
            wrong.append(line.text)

    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.on("console", heard)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(killable.url)
    expect(page.locator(".prm-badge")).to_contain_text("ready", timeout=START_S * 1000)
    yield page
    context.close()
    assert not wrong, wrong


AWAY = "The server cannot be reached; your text and results are kept."
FIVE_S = 5_000


def test_plotly_is_fetched_after_the_page_and_until_it_comes(away_page: Page) -> None:
    page = away_page
    refused = []

    def refuse_two(route: Route) -> None:
        if len(refused) == 2:
            route.continue_()
        else:
            refused.append(route.request.url)
            route.abort()

    page.route(re.compile("/plotly-"), refuse_two)
    page.reload()
    scored_page(page, A)
    expect(page.locator(".bd-plot .point path").first).to_be_visible()
    assert len(refused) == 2
    arrived, asked = page.evaluate(
        """() => [performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
                  performance.getEntriesByType("resource").find((one) =>
                      one.name.includes("/plotly-")).startTime]"""
    )
    assert asked > arrived


def test_a_server_that_is_away_before_score_is_said_and_scoring_goes_on(
    away_page: Page, killable: App
) -> None:
    page = away_page
    scored_page(page, A, B)
    solutions(page).nth(1).fill(C)
    killable.kill()
    score(page)
    expect(page.locator(".prm-state")).to_contain_text(AWAY, timeout=FIVE_S)
    expect(page.locator(".prm-badge")).not_to_have_attribute("data-kind", "ready", timeout=FIVE_S)
    expect(page.locator(".prm-score")).to_have_attribute("aria-disabled", "false")
    expect(page.locator(".bd-card:has(.bd-row)")).to_have_count(2)
    score(page)  # still away, and still said
    expect(page.locator(".prm-state")).to_contain_text(AWAY, timeout=FIVE_S)
    killable.start()
    expect(page.locator(".prm-state")).to_contain_text("3 of them earlier", timeout=ENDS_MS)
    expect(rows(page, "B")).to_have_count(4)
    expect(page.locator(".prm-badge")).to_have_attribute("data-kind", "ready")


def test_a_server_that_goes_while_nobody_does_anything_is_noticed(
    away_page: Page, killable: App
) -> None:
    page = away_page
    scored_page(page, A, B)
    killable.kill()
    expect(page.locator(".prm-state")).to_contain_text(AWAY, timeout=30_000)
    expect(page.locator(".prm-badge")).to_contain_text("server unreachable")
    killable.start()
    expect(page.locator(".prm-badge")).not_to_contain_text("server unreachable", timeout=ENDS_MS)
    solutions(page).nth(1).fill(C)
    score(page)
    expect(page.locator(".prm-state")).to_contain_text("scored in", timeout=ENDS_MS)
    killable.kill()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # it is looked at again
    expect(page.locator(".prm-state")).to_contain_text(AWAY, timeout=FIVE_S)


def test_what_a_server_left_unanswered_is_said_until_it_is_back(page: Page) -> None:
    """It is asked again by itself then; files are not saved or opened without a press."""
    scored_page(page, A, B)
    page.locator(".prm-open-gallery").click()
    problems = page.locator(".prm-list [role=option]")
    expect(page.locator(".bd-judge")).to_contain_text("Qwen2.5-Math-PRM-7B")
    asking = re.compile("/component_server")
    page.route(asking, lambda route: route.fulfill(body="null", content_type="application/json"))
    tab = lambda name: page.get_by_role("tab", name=name, exact=True).click()  # noqa: E731
    compared = page.locator(".bd-models .bd-summary")
    tab("Models")
    expect(compared).to_contain_text("could not compare")
    tab("Labels")
    page.get_by_role("button", name="ProcessBench", exact=True).click()
    saved = page.locator(".bd-label-saves [role=status]")
    expect(saved).to_contain_text("did not answer")
    page.get_by_role("button", name="Export", exact=True).click()
    page.get_by_role("menuitem", name="Table (CSV)").click()
    expect(page.locator(".bd-export-said")).to_contain_text("did not answer")
    page.locator(".prm-open-gallery").click()
    expect(page.locator(".prm-open-issue")).to_contain_text("did not answer")
    tab("Answers")
    page.locator("#bd-gold").fill("7")
    page.get_by_role("button", name="Compare", exact=True).click()
    graded = page.locator(".bd-gold-issue")
    expect(graded).to_contain_text("could not compare")
    page.unroute(asking)
    for gone in ("true", "false"):
        page.evaluate(f"document.dispatchEvent(new CustomEvent('prm:away', {{ detail: {gone} }}))")
    expect(graded).to_be_empty()
    expect(page.locator(".bd-groups .bd-correct").first).to_contain_text("✗")
    expect(page.locator(".prm-open-issue")).to_be_hidden()
    tab("Models")
    expect(compared).to_contain_text("The models agree on")
    tab("Labels")
    expect(saved).to_be_empty()

    page.route(asking, lambda route: route.fulfill(body="null", content_type="application/json"))
    problems.nth(1).click()
    unkept = page.locator(".bd-unkept")
    expect(unkept).to_contain_text("could not be drawn")
    page.unroute(asking)
    page.evaluate("document.dispatchEvent(new CustomEvent('prm:away', { detail: false }))")
    expect(unkept).to_be_hidden()
    expect(page.locator(".bd-problem")).to_contain_text("Wendi")


def test_a_run_is_not_lost_where_gradio_reloads_the_page_after_the_press(page: Page) -> None:
    """As it does when it has reconnected; the server is back before that."""
    scored_page(page, A, B)
    page.evaluate("document.dispatchEvent(new CustomEvent('prm:away', { detail: false }))")
    solutions(page).nth(1).fill(C)
    lost: list[Route] = []
    joining = re.compile("/queue/join")
    page.route(joining, lambda route: route.continue_() if lost else lost.append(route))
    with page.expect_request(joining):
        score(page)
    page.reload()
    expect(page.locator(".prm-state")).to_contain_text("3 of them earlier")


def test_a_stream_that_is_cut_after_a_run_does_not_hold_up_the_next(page: Page) -> None:
    """As where a server dies, or a proxy ends it, before it has said that the stream is over."""

    def cut(route: Route) -> None:
        reply = route.fetch()
        body = reply.text()
        end = '{"msg":"close_stream","event_id":null}'
        assert end in body
        route.fulfill(response=reply, body=body.replace(end, '{"msg":"heartbeat"}'))

    page.route("**/queue/data*", cut, times=1)
    scored_page(page, A, B)
    page.evaluate("document.dispatchEvent(new CustomEvent('prm:away', { detail: false }))")
    solutions(page).nth(1).fill(C)
    score(page)
    expect(page.locator(".prm-state")).to_contain_text("3 of them earlier")
    assert [box.input_value() for box in solutions(page).all()] == [A, C]


def test_a_server_killed_in_the_middle_of_a_run_loses_nothing(
    away_page: Page, killable: App
) -> None:
    page = away_page
    page.locator("#prm-problem").fill(PROBLEM)
    # Few steps to draw, and nearly as many tokens as the default model reads at once.
    long = [
        "\n".join(" + ".join(str(100 + (i * n) % 899) for i in range(60)) for n in range(k, k + 4))
        for k in range(1, 65)
    ]
    paste(solutions(page).first, json.dumps(long))
    expect(solutions(page)).to_have_count(64)
    score(page)
    scored = page.locator(".bd-card:not(.bd-waiting)")
    expect(scored.first).to_be_visible()
    killable.kill()
    there = scored.count()
    expect(page.locator(".prm-state")).to_contain_text(AWAY, timeout=FIVE_S)
    expect(page.locator(".prm-badge")).not_to_have_attribute("data-kind", "ready", timeout=FIVE_S)
    expect(page.locator(".prm-score")).to_have_attribute("aria-disabled", "false")
    assert scored.count() >= there >= 1
    killable.start()
    expect(page.locator(".prm-state")).to_contain_text(f"of {len(long)}", timeout=ENDS_MS)
    page.reload()  # as Gradio does when it has reconnected, soon or late
    expect(page.locator(".prm-state")).to_contain_text("scored in", timeout=ENDS_MS)
    expect(page.locator(".bd-card:not(.bd-waiting)")).to_have_count(64)
    assert [box.input_value() for box in solutions(page).all()] == long

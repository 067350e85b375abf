"""The tab Models in a real browser: two models on the same solutions, and what is kept of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from prm_core.session import load_session
from tests.browser.conftest import PROBLEM, SOLUTIONS, OpenPage
from tests.browser.test_board import card, row
from tests.browser.test_page import expect_scored, fill, score
from tests.browser.test_problems import GALLERY, choose, open_gallery
from tests.browser.test_rules import open_tab
from tests.browser.test_state import model_field
from tests.tiny import tiny_model

pytestmark = pytest.mark.browser

TWO = {
    "problem": "What is 7 × 8?",
    "answer": "56",
    "solutions": [
        {
            "steps": ["7 × 8 = 56.", "It is 56."],
            "scores": {"one": [0.9, 0.8], "two": [0.75, 0.3], "whole": [0.25]},
        },
        {
            "steps": ["7 × 8 = 54.", "It is 54."],
            "scores": {"one": [0.1, 0.2], "two": [0.6, 0.55], "whole": [0.125]},
        },
    ],
}


def recorded(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    return path


def pairs(page: Page) -> list[list[str]]:
    """Of each step in the list: where it is, the difference, and both numbers."""
    found: list[list[str]] = page.locator(".bd-pair-row").evaluate_all(
        """(rows) => rows.map((row) => [
            row.querySelector("button").textContent,
            row.querySelector(".bd-pair-head b").textContent,
            ...[...row.querySelectorAll(".bd-both-bar b")].map((one) => one.textContent),
        ])"""
    )
    return found


def test_recorded_scores_of_two_models_stand_side_by_side(page: Page, tmp_path: Path) -> None:
    choose(page, recorded(tmp_path / "two.jsonl", TWO))
    open_tab(page, "Models")
    expect(page.locator(".bd-pair-row")).to_have_count(4)
    assert pairs(page) == [
        ["A, step 2", "−0.50", "0.80", "▼ wrong: 0.30"],
        ["B, step 1", "+0.50", "▼ wrong: 0.10", "0.60"],
        ["B, step 2", "+0.35", "▼ wrong: 0.20", "0.55"],
        ["A, step 1", "−0.15", "0.90", "0.75"],
    ]
    said = page.locator(".bd-models .bd-summary")
    expect(said).to_contain_text("The models agree on 1 of 4 steps (25 %).")
    expect(said).to_contain_text("Under minimum, one ranks A first, two ranks B first.")
    page.get_by_role("radio", name="Maximum", exact=True).or_(
        page.get_by_role("radio", name="Mean", exact=True)
    ).first.check(force=True)
    expect(said).to_contain_text("Under mean, one ranks A first, two ranks B first.")
    line = page.get_by_role("table", name="Solutions by both models").locator("tbody tr").first
    assert line.locator("th, td").all_text_contents()[:7] == [
        *("A", "1", "2", "0.85", "0.53", "–", "step 2"),
    ]
    page.get_by_role("button", name="B, step 1").click()
    expect(card(page, "B").get_by_role("heading")).to_have_text("Step 1 of B")
    expect(row(page, "B", 1)).to_be_focused()


def both(page: Page) -> list[list[str]]:
    """Letter and both scores of every solution, by the letter."""
    table = page.get_by_role("table", name="Solutions by both models")
    lines = [one.locator("th, td").all_text_contents() for one in table.locator("tbody tr").all()]
    return sorted([line[0], *line[3:5]] for line in lines)


def test_a_second_model_keeps_the_scores_of_the_first(
    page: Page, tiny_dir: Path, tmp_path: Path
) -> None:
    """Over an edit of one solution, a reload and the first model's return, too."""
    second = tiny_model(tmp_path / "second", seed=77)
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    first_said = page.locator(".bd-score").all_text_contents()
    open_tab(page, "Models")
    expect(page.locator(".bd-invite")).to_contain_text("Only one model has scored")
    page.get_by_role("button", name="Choose another model").click()
    expect(model_field(page)).to_be_focused()
    model_field(page).fill(str(second))
    page.get_by_role("button", name="Also score with the chosen model").click()
    expect(page.locator(".bd-pair-row")).to_have_count(10)
    seen = both(page)
    assert sorted(line[2] for line in seen) == sorted(first_said)
    assert all(line[1] != line[2] for line in seen)
    page.reload()
    expect(page.locator(".bd-pair-row")).to_have_count(10)
    assert both(page) == seen
    page.locator(".prm-card textarea").nth(1).fill("7 × 8 = 54.\nIt is 54.")
    score(page)
    expect(page.locator(".bd-pair-row")).to_have_count(7)  # the first model has not judged this one
    assert [line for line in seen if line[0] != "B"] == both(page)
    model_field(page).fill(str(tiny_dir))
    page.get_by_role("tab", name="Steps").click()
    score(page)
    expect(page.locator(".bd-judge")).not_to_contain_text("second")
    open_tab(page, "Models")
    expect(page.locator(".bd-pair-row")).to_have_count(9)
    for line, (_, first, second) in zip(both(page)[::2], seen[::2], strict=True):
        # As many digits are shown as tell them apart, and there are others beside them now.
        assert float(line[1]) == pytest.approx(float(second), abs=0.006)
        assert float(line[2]) == pytest.approx(float(first), abs=0.006)


def test_a_model_that_is_asked_too_is_chosen_and_scores(page: Page, tmp_path: Path) -> None:
    """What the button beside the verdict does, with a model that needs no download."""
    second = str(tiny_model(tmp_path / "second", seed=77))
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    page.evaluate(
        "line => document.dispatchEvent(new CustomEvent('prm:ask-model', { detail: line }))", second
    )
    expect(page.locator(".bd-judge")).to_contain_text("second")
    expect(model_field(page)).to_have_value(second)
    open_tab(page, "Models")
    expect(page.locator(".bd-pair-row")).to_have_count(10)


def test_a_model_that_scores_here_stands_beside_what_a_file_says(
    page: Page, tmp_path: Path
) -> None:
    """The steps of the file are those that are judged, whatever lines they have."""
    steps = ["First:\n\n- 7 × 8 = 54", "Step 2: so it is\n\n54."]
    row_ = {"problem": "7 × 8?", "solutions": [{"steps": steps, "scores": {"a-prm": [0.9, 0.1]}}]}
    choose(page, recorded(tmp_path / "one.jsonl", row_))
    expect(page.locator(".bd-judge")).to_contain_text("a-prm")
    score(page)
    expect(page.locator(".bd-judge")).not_to_contain_text("a-prm")
    expect(page.locator(".bd-card .bd-row")).to_have_count(2)
    open_tab(page, "Models")
    expect(page.locator(".bd-pair-row")).to_have_count(2)
    assert {line[0]: line[-1] for line in pairs(page)} == {
        "A, step 1": "0.90",
        "A, step 2": "▼ wrong: 0.10",
    }
    with page.expect_download() as waited:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name="Session, opens here again (JSON)").click()
    waited.value.save_as(path := tmp_path / "session.json")
    kept = load_session(path)
    assert kept.models[0].id == "a-prm"
    assert kept.settings.model == kept.models[1].id
    assert kept.settings.other == "a-prm"
    (solution,) = kept.problems[0].solutions
    assert solution.steps == tuple(steps)
    assert solution.scores["a-prm"].probabilities == (0.9, 0.1)
    assert len(solution.scores) == 2
    page.get_by_role("tab", name="Steps").click()
    choose(page, path)
    open_tab(page, "Models")
    expect(page.locator(".bd-pair-row")).to_have_count(2)


def test_all_problems_scored_by_a_second_model_keep_the_first(page: Page, tmp_path: Path) -> None:
    second = tiny_model(tmp_path / "second", seed=77)
    rows = [{"problem": f"{i} + {i}?", "solutions": [f"It is {2 * i}."]} for i in range(3)]
    choose(page, recorded(tmp_path / "rows.jsonl", *rows))
    said = page.locator(".prm-all-said")
    page.get_by_role("button", name="Score all").click()
    expect(said).to_have_text("3 of 3 problems scored")
    model_field(page).fill(str(second))
    page.get_by_role("button", name="Score all").click()
    expect(page.locator(".bd-judge")).to_contain_text("second")
    expect(said).to_have_text("3 of 3 problems scored")
    open_tab(page, "Models")
    for place in range(3):
        page.locator(".prm-list [role=option]").nth(place).click()
        expect(page.locator(".bd-problem")).to_have_text(f"{place} + {place}?")
        expect(page.locator(".bd-pair-row")).to_have_count(1)


def test_an_outcome_models_number_is_on_every_card(page: Page, tmp_path: Path) -> None:
    choose(page, recorded(tmp_path / "two.jsonl", TWO))
    expect(card(page, "A").locator(".bd-outcome")).to_have_text("outcome 0.25")
    expect(card(page, "B").locator(".bd-outcome")).to_have_text("outcome 0.12")
    open_tab(page, "Models")
    page.get_by_label("Compared with").select_option("whole")
    expect(page.locator(".bd-models .bd-summary")).to_contain_text("Under minimum, both rank A")
    expect(page.locator(".bd-pair-row:visible")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Compared with")).to_have_value("recorded:whole")
    page.get_by_label("Recorded scores of").select_option("whole")
    expect(page.locator(".bd-judge")).to_contain_text("whole")
    page.get_by_role("tab", name="Steps").click()
    expect(page.locator(".bd-card .bd-row")).to_have_count(2)  # the whole solutions


def test_names_of_models_are_no_code(page: Page, tmp_path: Path) -> None:
    """The fixture fails on a dialog, on a request to another host and on an error."""
    hostile = "<img src=x onerror=alert(1)> `${alert(1)}` $x$ <a href='javascript:alert(1)'>x</a>"
    said = [{"steps": ["a", "b"], "scores": {hostile: [0.2, 0.3], hostile + "!": [0.8, 0.2]}}]
    choose(page, recorded(tmp_path / "two.jsonl", {"problem": hostile, "solutions": said}))
    open_tab(page, "Models")
    expect(page.locator(".bd-pair-row")).to_have_count(2)
    expect(page.locator(".bd-both-bar").first).to_contain_text(hostile)
    assert page.locator(".bd-models img, .bd-models a").count() == 0


def test_a_phone_shows_both_models_without_sideways_scroll(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 390, "height": 800})
    open_gallery(page)
    open_tab(page, "Models")
    expect(page.locator(".bd-pair-row").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    gallery = load_session(GALLERY)
    n_steps = sum(len(one.steps) for one in gallery.problems[0].solutions)
    expect(page.locator(".bd-models .bd-summary")).to_contain_text(f"of {n_steps} steps")
    page.get_by_role("button", name="Show 28 more of 53").click()
    expect(page.locator(".bd-pair-row")).to_have_count(n_steps)


def test_the_example_of_an_outcome_reward_shows_one_number_and_then_every_step(
    page: Page,
) -> None:
    page.get_by_role("button", name="See why one number for a whole solution").click()
    expect(page.locator(".bd-judge")).to_contain_text("sees the final answer alone")
    expect(page.locator(".bd-verdict")).to_have_text("A, B and C are level under every rule.")
    score(page)
    expect(page.locator(".bd-card .bd-row")).to_have_count(15)
    for letter, number in dict.fromkeys("ABC", "1.00").items() | {("D", "0.00")}:
        expect(card(page, letter).locator(".bd-outcome")).to_have_text(f"outcome {number}")

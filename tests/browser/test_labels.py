"""Labels by keyboard and mouse: what they say, where they stay, and how they come back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from prm_core.session import load_session
from tests.browser.conftest import PROBLEM, SOLUTIONS, OpenPage
from tests.browser.test_axe import violations
from tests.browser.test_export import save
from tests.browser.test_page import expect_scored, fill, score, solutions
from tests.browser.test_problems import choose, open_gallery, options, write

pytestmark = pytest.mark.browser

MULTIPLY, WRONG, SAYS = SOLUTIONS[1].splitlines()
PROCESSBENCH = (
    {"id": "p1", "problem": PROBLEM, "steps": [MULTIPLY, WRONG, SAYS], "label": 1},
    {"id": "p2", "problem": "What is 2 + 2?", "steps": ["2 + 2 = 4.", "So 4."], "label": -1},
)


def said(page: Page) -> list[str]:
    """What the rows of the tab say of their steps, as a screen reader has it."""
    rows = page.locator(".bd-label-row").all()
    return [(row.get_attribute("aria-label") or "").split(": ")[1] for row in rows]


def expect_said(page: Page, *words: str) -> None:
    rows = page.locator(".bd-label-row")
    expect(rows).to_have_count(len(words))
    for i, one in enumerate(words, start=1):
        expect(rows.nth(i - 1)).to_have_attribute("aria-label", f"Step {i}: {one}")


def labelling(page: Page, *texts: str) -> None:
    """The tab with solutions that nothing has scored."""
    fill(page, PROBLEM, *(texts or SOLUTIONS))
    page.get_by_role("button", name="Label the steps by hand").click()
    expect(page.locator(".bd-label-row").first).to_be_focused()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def where(page: Page) -> Locator:
    return page.locator(".bd-where")


def test_one_key_marks_the_first_error_and_one_says_all_right(page: Page) -> None:
    labelling(page)
    press(page, "j", "e")
    expect_said(page, "right", "wrong", "no label")
    press(page, "k", "e")
    expect_said(page, "wrong", "no label", "no label")
    press(page, "a")
    expect_said(page, "right", "right", "right")
    expect(page.locator(".bd-label-said")).to_have_text("All steps are right")
    press(page, "u", "u")
    expect_said(page, "right", "wrong", "no label")


def test_every_step_gets_its_label_by_keys_that_move_on(page: Page) -> None:
    labelling(page)
    press(page, "m", "+", "0", "-")
    expect_said(page, "right", "neutral", "wrong")
    expect(page.locator(".bd-label-row").nth(2)).to_be_focused()
    press(page, "Delete", "Home", "3")
    expect_said(page, "wrong", "neutral", "no label")


def test_everything_is_reached_with_the_mouse(page: Page) -> None:
    labelling(page)
    page.get_by_role("button", name="Each step").click()
    row = page.locator(".bd-label-row").nth(1)
    row.get_by_role("button", name="Neutral").click()
    expect_said(page, "no label", "neutral", "no label")
    row.get_by_role("button", name="Neutral").click()
    expect_said(page, "no label", "no label", "no label")
    page.get_by_role("button", name="First error", exact=True).first.click()
    row.get_by_role("button", name="First error").click()
    expect_said(page, "right", "wrong", "no label")
    page.get_by_role("button", name="Next solution").click()
    expect(where(page)).to_contain_text("Solution B")
    page.get_by_role("button", name="All right").click()
    expect_said(page, "right", "right", "right")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Previous solution").click()
    expect_said(page, "right", "wrong", "no label")


def test_keys_are_letters_where_somebody_types(page: Page) -> None:
    labelling(page)
    press(page, "c")
    page.keyboard.type("a neat error - jump")
    expect_said(page, "no label", "no label", "no label")
    press(page, "Escape")
    expect(page.locator(".bd-label-row").first).to_be_focused()
    expect(page.get_by_label("Note on step 1")).to_have_value("a neat error - jump")
    solutions(page).nth(2).click()
    page.keyboard.type("e")
    expect_said(page, "no label", "no label", "no label")
    page.get_by_label("Note on the solution").fill("needs a look")
    expect_said(page, "no label", "no label", "no label")


def test_labels_stay_with_their_steps_when_the_text_is_edited(page: Page) -> None:
    """The label of a step that is another one now is not shown, nor any after it."""
    labelling(page)
    press(page, "m", "+", "-", "+")
    lines = SOLUTIONS[0].splitlines()
    solutions(page).first.fill("\n".join([lines[0], "7 × 8 is 56.", lines[2]]))
    expect(page.locator(".bd-label-steps")).to_contain_text("is 56")
    expect_said(page, "right", "no label", "no label")
    expect(page.locator(".bd-label-lost")).to_contain_text("2 labels or notes are of steps")
    solutions(page).first.fill("\n".join(["First of all.", *lines]))
    expect(page.locator(".bd-label-row")).to_have_count(4)
    expect_said(page, *["no label"] * 4)
    solutions(page).first.fill(SOLUTIONS[0])  # what was said holds again
    expect(page.locator(".bd-label-row")).to_have_count(3)
    expect_said(page, "right", "wrong", "right")


def test_labels_survive_scoring_a_reload_and_show_on_the_cards(page: Page) -> None:
    labelling(page)
    press(page, "j", "e")
    score(page)
    expect_scored(page, 3)
    expect(page.get_by_role("tab", name="Labels")).to_have_attribute("aria-selected", "true")
    expect_said(page, "right", "wrong", "no label")
    page.get_by_role("tab", name="Steps").click()
    card = page.locator(".bd-card", has=page.locator(".bd-letter:text-is('A')"))
    expect(card.locator(".bd-label")).to_have_text(["label: right", "label: wrong"])
    page.reload()
    expect(card.locator(".bd-label")).to_have_text(["label: right", "label: wrong"])
    card.locator(".bd-row").nth(1).click()
    expect(card.locator(".bd-facts")).to_contain_text("wrong")
    card.get_by_role("button", name="Label", exact=True).click()
    expect(page.locator(".bd-label-row").nth(1)).to_be_focused()


@pytest.mark.parametrize("entry", ["Session", "Report", "Table (CSV)"])
def test_labels_and_notes_come_back_with_what_was_exported(
    open_page: OpenPage, tmp_path: Path, entry: str
) -> None:
    page = open_page()
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    page.get_by_role("tab", name="Labels").click()
    press(page, "j", "e", "c")
    page.keyboard.type("54?")
    path = save(page, entry, tmp_path)
    other = open_page()
    choose(other, path)
    expect(other.locator(".bd-card:has(.bd-row)")).to_have_count(3)
    other.get_by_role("tab", name="Labels").click()
    expect_said(other, "right", "wrong", "no label")
    expect(other.get_by_label("Note on step 2")).to_have_value("54?")


def test_a_link_carries_the_labels(open_page: OpenPage) -> None:
    page = open_page()
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    page.get_by_role("tab", name="Labels").click()
    press(page, "a")
    page.evaluate("document.execCommand = () => true")
    link = page.evaluate(
        """async () => {
            const state = { draft: prm.draft, method: "min", said: prm.labels.all(),
                results: prm.storedResults(prm.results) };
            const stream = new Blob([JSON.stringify(state)]).stream()
                .pipeThrough(new CompressionStream("deflate-raw"));
            const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
            const text = btoa(String.fromCharCode(...bytes));
            return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
        }"""
    )
    other = open_page()
    other.goto("about:blank")
    other.goto(f"{page.url}#s={link}")
    expect(other.locator(".bd-card:has(.bd-row)")).to_have_count(3)
    other.get_by_role("tab", name="Labels").click()
    expect_said(other, "right", "right", "right")


def test_a_file_with_labels_shows_them_and_is_walked(page: Page, tmp_path: Path) -> None:
    choose(page, write(tmp_path / "labelled.jsonl", *PROCESSBENCH))
    expect(where(page)).to_have_text("Solution A of problem 1 · 1 of 2")
    expect_said(page, "right", "wrong", "no label")
    press(page, "n")
    expect(where(page)).to_have_text("Solution A of problem 2 · 2 of 2")
    expect_said(page, "right", "right")
    press(page, "e")
    expect_said(page, "wrong", "no label")
    press(page, "p")
    expect(where(page)).to_have_text("Solution A of problem 1 · 1 of 2")
    page.reload()
    expect(where(page)).to_have_text("Solution A of problem 1 · 1 of 2")
    press(page, "n")
    expect_said(page, "wrong", "no label")
    page.get_by_label("Show", exact=True).select_option("not labelled")
    expect(options(page)).to_have_count(0)


@pytest.mark.parametrize(
    ("entry", "field", "values"),
    [
        ("TRL", "labels", [[True, False], [False]]),
        ("ProcessBench", "label", [1, 0]),
        ("PRM800K", "labeler", [None, None]),
    ],
)
def test_the_labels_of_the_whole_list_are_saved_as_rows(
    page: Page, tmp_path: Path, entry: str, field: str, values: list[Any]
) -> None:
    choose(page, write(tmp_path / "labelled.jsonl", *PROCESSBENCH))
    expect(where(page)).to_have_text("Solution A of problem 1 · 1 of 2")
    press(page, "n")
    expect(where(page)).to_have_text("Solution A of problem 2 · 2 of 2")
    press(page, "e")
    with page.expect_download() as waited:
        page.locator(".bd-label-saves").get_by_role("button", name=entry).click()
    rows = [json.loads(line) for line in Path(waited.value.path()).read_text().splitlines()]
    assert [row[field] for row in rows] == values
    expect(page.locator(".bd-label-saves")).to_contain_text("2 of 2 labelled solutions")


def test_solutions_are_walked_from_the_largest_disagreement(page: Page) -> None:
    """The gallery's own numbers: how far the weakest step is from whether the answer is right."""
    from prm_core.paths import assets_dir

    session = load_session(assets_dir().parent / "examples" / "gallery" / "gsm8k.json.gz")
    assert session.model is not None
    gaps = {
        (place, one.name): abs(
            float(bool(one.is_correct(problem.gold_answer)))
            - min(one.scores[session.model.id].probabilities)
        )
        for place, problem in enumerate(session.problems, start=1)
        for one in problem.solutions
    }
    open_gallery(page)
    page.get_by_role("tab", name="Labels").click()
    page.get_by_label("Order of the solutions").select_option("PRM and right answer apart")
    seen = []
    for place in range(1, 4):
        expect(where(page)).to_contain_text(f"· {place} of {len(gaps)}")
        words = (where(page).text_content() or "").split()
        seen.append(gaps[int(words[4]), words[1]])
        problem = session.problems[int(words[4]) - 1]
        expect(page.locator(".bd-task")).to_contain_text(problem.problem[:20])  # it is drawn
        page.locator(".bd-label-row").first.focus()
        press(page, "n")
    assert seen == sorted(gaps.values(), reverse=True)[:3]


def test_what_a_link_says_is_no_code_and_cannot_break_the_page(page: Page) -> None:
    labelling(page)
    page.evaluate(
        """() => prm.labels.load({ A: { problem: prm.draft.problem, source: "x", rule: "auto",
            steps: "no list", labels: [7], notes: [], note: "" }, B: null })"""
    )
    expect_said(page, "no label", "no label", "no label")
    press(page, "c")
    page.keyboard.type("<img src=x onerror=alert(1)>")
    press(page, "Escape")
    assert page.locator(".bd-labels img").count() == 0


def test_the_annotator_s_name_is_kept_and_stands_in_every_file(page: Page, tmp_path: Path) -> None:
    choose(page, write(tmp_path / "labelled.jsonl", *PROCESSBENCH))
    expect(where(page)).to_have_text("Solution A of problem 1 · 1 of 2")
    page.get_by_label("Annotator", exact=True).fill("Ada <b>")
    saves = page.locator(".bd-label-saves")
    with page.expect_download() as waited:
        saves.get_by_role("button", name="Session").click()
    assert load_session(waited.value.path()).annotator == ""  # nothing is labelled by her yet
    page.locator(".bd-label-row").first.focus()
    press(page, "e")
    page.reload()
    expect(where(page)).to_have_text("Solution A of problem 1 · 1 of 2")
    expect(page.get_by_label("Annotator", exact=True)).to_have_value("Ada <b>")
    for entry, field in (
        ("TRL", "annotator"),
        ("ProcessBench", "annotator"),
        ("PRM800K", "labeler"),
    ):
        with page.expect_download() as waited:
            saves.get_by_role("button", name=entry).click()
        rows = [json.loads(line) for line in Path(waited.value.path()).read_text().splitlines()]
        assert [row[field] for row in rows] == ["Ada <b>"] * 2
    with page.expect_download() as waited:
        saves.get_by_role("button", name="Session").click()
    assert load_session(waited.value.path()).annotator == "Ada <b>"


def test_a_second_annotator_s_file_shows_where_both_differ(page: Page, tmp_path: Path) -> None:
    """Here: an error in step 2 of the first, none in the second. There: none, and in step 1."""
    theirs = (
        {**PROCESSBENCH[0], "label": -1, "annotator": "<i>Bo</i>"},
        {**PROCESSBENCH[1], "label": 0, "annotator": "<i>Bo</i>"},
    )
    choose(page, write(tmp_path / "mine.jsonl", *PROCESSBENCH))
    expect(where(page)).to_have_text("Solution A of problem 1 · 1 of 2")
    files = page.locator(".bd-labels input[type=file]")
    files.set_input_files(write(tmp_path / "theirs.jsonl", *theirs))
    said_ = page.locator(".bd-agreement")
    expect(said_).to_contain_text("You and <i>Bo</i> agree on 1 of 3 steps (33 %, Cohen’s kappa")
    expect(said_).to_contain_text("2 solutions differ.")
    expect(page.get_by_label("Order of the solutions")).to_have_value("annotators apart")
    expect(where(page)).to_have_text("Solution A of problem 1 · 1 of 2")
    expect(page.locator(".bd-theirs:not(:empty)")).to_have_text(["<i>Bo</i>: right"])
    page.locator(".bd-label-row").first.focus()
    press(page, "n")
    expect(where(page)).to_have_text("Solution A of problem 2 · 2 of 2")
    expect(page.locator(".bd-theirs:not(:empty)")).to_have_text(["<i>Bo</i>: wrong"])
    press(page, "e")  # she is convinced
    expect(page.locator(".bd-theirs:not(:empty)")).to_have_count(0)
    expect(said_).to_contain_text("agree on 2 of 3 steps")
    expect(where(page)).to_have_text("Solution A of problem 2 · 2 of 2")  # the order stays
    assert violations(page) == []
    page.get_by_role("button", name="Stop comparing").click()
    expect(said_).to_be_hidden()
    expect(page.get_by_label("Order of the solutions")).to_have_value("as listed")


def test_a_second_file_without_labels_of_these_steps_gets_a_sentence(
    page: Page, tmp_path: Path
) -> None:
    labelling(page)
    press(page, "a")
    other = write(tmp_path / "other.jsonl", {"problem": "?", "steps": ["x"], "label": 0})
    page.locator(".bd-labels input[type=file]").set_input_files(other)
    expect(page.locator(".bd-label-saves")).to_contain_text("has no labels of the steps")
    expect(page.get_by_role("button", name="Compare with another annotator")).to_be_visible()

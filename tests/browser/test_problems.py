"""Files of problems and the gallery in a real browser."""

from __future__ import annotations

import gzip
import json
import random
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from prm_core.paths import assets_dir
from prm_core.session import Problem, Session, Solution, load_session, save_session
from tests.browser.conftest import PROBLEM, SOLUTIONS, OpenPage, serving
from tests.browser.test_axe import violations
from tests.browser.test_page import (
    HOLD_SECOND_END,
    LATE_END,
    PRESS_WHEN,
    expect_scored,
    fill,
    score,
    solutions,
)
from tests.browser.test_state import model_field
from tests.completions import serve
from tests.hub import write_library

pytestmark = pytest.mark.browser

ASKING = re.compile("/component_server")
GALLERY = assets_dir().parent / "examples" / "gallery" / "gsm8k.json.gz"


def open_gallery(page: Page) -> None:
    page.get_by_role("button", name="Gallery", exact=True).click()
    expect(options(page)).to_have_count(30)
    expect(page.locator(".bd-card").first).to_be_visible()


def options(page: Page) -> Locator:
    return page.locator(".prm-list [role=option]")


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def choose(page: Page, path: Path) -> None:
    page.locator(".prm-open input[type=file]").set_input_files(path)


def hold_first(page: Page, name: str) -> list[Route]:
    """The first question of this name that the page asks from now on; it is not sent by itself."""
    held: list[Route] = []

    def look(route: Route) -> None:
        if f'"{name}"' in (route.request.post_data or "") and not held:
            held.append(route)
        else:
            route.continue_()

    page.route(ASKING, look)
    return held


ROWS = (
    {"problem": "What is 7 × 8?", "solutions": list(SOLUTIONS[:2]), "answer": "56"},
    {"problem": "What is 2 + 2?", "solutions": ["2 + 2 = 4.\nThe answer is 4."]},
    {"problem": "What is 3 + 3?", "solutions": ["3 + 3 = 6.\nThe answer is 6."]},
)


def test_the_gallery_shows_what_a_prm_said_without_any_model(page: Page) -> None:
    """The numbers are those of the file, and nothing is scored."""
    session = load_session(GALLERY)
    model = next(one for one in session.models if one.id == session.settings.model)
    open_gallery(page)
    expect(page.locator(".bd-judge")).to_contain_text(model.label or model.id)
    expect(page.locator(".bd-judge")).to_contain_text("recorded")
    first = session.problems[0]
    wanted = {
        chr(65 + i): min(one.scores[model.id].probabilities)
        for i, one in enumerate(first.solutions)
    }
    cards = page.locator(".bd-card")
    expect(cards).to_have_count(len(wanted))
    for card in cards.all():
        letter = card.locator(".bd-letter").text_content() or ""
        shown = float(card.locator(".bd-score").get_attribute("title") or "nan")
        assert shown == pytest.approx(wanted[letter]), letter
    expect(page.locator(".bd-stale")).to_have_count(0)


def test_the_list_is_walked_searched_and_filtered(page: Page) -> None:
    open_gallery(page)
    problems = [one.problem for one in load_session(GALLERY).problems]
    page.locator(".prm-list").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#prm-problem")).to_have_value(problems[1])
    expect(page.locator(".bd-problem")).to_contain_text(problems[1].split(".")[0][:30])
    page.get_by_role("searchbox").fill(problems[4][:25].upper())
    expect(options(page)).to_have_count(sum(problems[4][:25] in one for one in problems))
    page.get_by_role("searchbox").fill("")
    page.get_by_label("Show", exact=True).select_option("a wrong answer leads")
    expect(options(page).first).to_contain_text("✗ leads")
    assert 0 < options(page).count() < 30


def test_another_recorded_model_brings_its_own_scores(page: Page) -> None:
    open_gallery(page)
    before = page.locator(".bd-score").all_text_contents()
    session = load_session(GALLERY)
    other = next(one for one in session.models if one.id != session.settings.model)
    page.get_by_label("Recorded scores of").select_option(other.id)
    expect(page.locator(".bd-judge")).to_contain_text(other.label or other.id)
    assert page.locator(".bd-score").all_text_contents() != before


def test_the_list_is_sorted_and_walked_in_its_order(page: Page, tmp_path: Path) -> None:
    answers = (("4", "5"), ("5", "6", "7"), ("4", "4"))  # of 2 + 2: one, none and both right
    rows = [
        {
            "problem": f"What is 2 + 2, asked the {place}. time?",
            "gold_answer": "4",
            "completions": [f"It is {answer}." for answer in given],
            "scores": [[0.9 - k / 10] for k in range(len(given))],
        }
        for place, given in enumerate(answers, start=1)
    ]
    page.evaluate("() => { prm.loaded = new Promise((done) => { window.endLoading = done; }); }")
    choose(page, write(tmp_path / "rows.jsonl", *rows))

    def listed() -> list[str]:
        return options(page).locator("b").all_text_contents()

    expect(options(page)).to_have_count(3)
    assert listed() == ["1", "2", "3"]
    page.get_by_label("Sort", exact=True).select_option("fewest right answers")
    assert listed() == ["2", "1", "3"]
    page.locator(".prm-list").press("ArrowDown")  # from the first one, which is not open yet
    page.evaluate("endLoading()")
    expect(page.locator("#prm-problem")).to_have_value("What is 2 + 2, asked the 3. time?")
    page.get_by_label("Sort", exact=True).select_option("most solutions")
    assert listed() == ["2", "1", "3"]
    page.get_by_label("Sort", exact=True).select_option("as in the file")
    assert listed() == ["1", "2", "3"]


def test_what_was_not_compared_when_a_file_was_opened_is_said(page: Page, tmp_path: Path) -> None:
    """The server compares 4,000 solutions; of the others the list knows nothing yet."""
    rows = [
        {
            "problem": f"What is {i} + {i}?",
            "completions": [f"It is {2 * i}."] * 80,
            "scores": [[0.9 - k / 100] for k in range(80)],
        }
        for i in range(51)
    ]
    choose(page, write(tmp_path / "rows.jsonl", *rows))
    expect(options(page)).to_have_count(51)
    expect(options(page).nth(49)).to_contain_text("A leads")
    expect(options(page).nth(50)).to_contain_text("not compared")
    count = page.locator(".prm-session-count")
    page.get_by_label("Show", exact=True).select_option("the rules disagree")
    expect(count).to_have_text("0 of 51, 1 not compared")
    page.get_by_label("Show", exact=True).select_option("not scored")
    expect(count).to_have_text("0 of 51")
    page.get_by_label("Show", exact=True).select_option("all")
    options(page).nth(50).click()
    expect(page.locator(".bd-problem")).to_have_text("What is 50 + 50?")
    options(page).nth(49).click()
    expect(options(page).nth(50)).to_contain_text("A leads")


def test_a_file_fills_the_list_and_names_what_it_cannot_read(page: Page, tmp_path: Path) -> None:
    choose(page, write(tmp_path / "rows.jsonl", *ROWS, {"nothing": "here"}))
    expect(options(page)).to_have_count(3)
    expect(page.locator(".prm-unread")).to_contain_text("1 row could not be read")
    page.locator(".prm-unread summary").click()
    expect(page.locator(".prm-unread li")).to_contain_text("line 4")
    expect(page.locator("#prm-problem")).to_have_value("What is 7 × 8?")
    expect(page.locator(".prm-gold")).to_contain_text("56")
    expect(solutions(page)).to_have_count(2)


def test_a_file_that_was_copied_is_opened_where_it_is_pasted(page: Page) -> None:
    page.locator("#prm-problem").evaluate(
        """(box, text) => {
            const data = new DataTransfer();
            data.items.add(new File([text], "rows.jsonl"));
            const event = {clipboardData: data, bubbles: true, cancelable: true};
            box.dispatchEvent(new ClipboardEvent("paste", event));
        }""",
        "".join(json.dumps(row) + "\n" for row in ROWS),
    )
    expect(options(page)).to_have_count(3)
    expect(page.locator("#prm-problem")).to_have_value("What is 7 × 8?")


def test_what_was_typed_and_scored_comes_back_with_its_problem(page: Page, tmp_path: Path) -> None:
    choose(page, write(tmp_path / "rows.jsonl", *ROWS))
    expect(options(page)).to_have_count(3)
    solutions(page).nth(1).fill(SOLUTIONS[2])
    score(page)
    expect_scored(page, 2)
    expect(options(page).nth(0)).to_contain_text("scored here")
    shown = page.locator(".bd-score").all_text_contents()
    options(page).nth(1).click()
    expect(page.locator("#prm-problem")).to_have_value("What is 2 + 2?")
    expect(page.locator(".bd-card")).to_have_count(0)
    page.reload()
    expect(options(page)).to_have_count(3)
    options(page).nth(0).click()
    expect(solutions(page).nth(1)).to_have_value(SOLUTIONS[2])
    expect(page.locator(".bd-score")).to_have_text(shown)
    expect(page.locator(".bd-stale")).to_have_count(0)
    page.get_by_role("button", name="Close the list").click()
    expect(page.locator(".prm-session")).to_be_hidden()
    page.get_by_role("button", name="Back to rows.jsonl").click()
    expect(options(page)).to_have_count(3)
    expect(solutions(page).nth(1)).to_have_value(SOLUTIONS[2])


def test_results_stay_with_their_problem_where_another_has_the_same_text(
    page: Page, tmp_path: Path
) -> None:
    """Also where it is left before they are drawn, as two searches of one problem may be."""
    problems = [Problem(PROBLEM, solutions=(Solution("A", text),)) for text in SOLUTIONS[:2]]
    save_session(Session(tuple(problems)), path := tmp_path / "session.json")
    choose(page, path)
    for place, text in enumerate(SOLUTIONS[:2]):
        options(page).nth(place).click()
        expect(solutions(page).first).to_have_value(text)
        score(page)
        expect_scored(page, 1)
    held = hold_first(page, "restore")
    for place in (0, 1):
        options(page).nth(place).click()
        expect(solutions(page).first).to_have_value(SOLUTIONS[place])
    held[0].continue_()
    options(page).nth(0).click()
    expect(page.locator(".bd-row").nth(1)).to_contain_text("7 × 8 = 56.")
    expect(page.locator(".bd-stale")).to_have_count(0)


def test_of_two_files_the_one_that_was_chosen_last_is_open(page: Page, tmp_path: Path) -> None:
    """Also where the server reads the other one for longer."""
    files = [write(tmp_path / f"{row['problem'][8]}.jsonl", row) for row in ROWS[:2]]
    held = hold_first(page, "open_file")
    with page.expect_request(ASKING):
        choose(page, files[0])
    choose(page, files[1])
    title = page.locator(".prm-session-title")
    expect(title).to_have_text("2.jsonl")
    with page.expect_response(lambda reply: reply.request == held[0].request):
        held[0].continue_()
    expect(page.locator("#prm-problem")).to_have_value("What is 2 + 2?")
    expect(title).to_have_text("2.jsonl")


def test_a_line_of_the_list_speaks_of_the_solutions_that_were_scored(
    page: Page, tmp_path: Path
) -> None:
    choose(page, write(tmp_path / "rows.jsonl", *ROWS))
    expect(solutions(page).first).to_have_value(SOLUTIONS[0])
    page.get_by_role("button", name="Remove solution A").click()
    page.get_by_role("button", name="+ Add").click()
    solutions(page).nth(1).fill(SOLUTIONS[1])  # the same as B
    page.get_by_role("button", name="+ Add").click()
    solutions(page).nth(2).fill(SOLUTIONS[1])
    score(page)
    expect_scored(page, 3)
    first = options(page).nth(0)
    expect(first).to_contain_text("3 solutions · B, C, D ✗ lead · scored here")
    expect(first).not_to_contain_text("changed")
    solutions(page).nth(0).fill(SOLUTIONS[0])
    options(page).nth(1).click()
    expect(first).to_contain_text("scored here, changed since")


def test_the_draft_that_a_file_replaces_can_be_had_back(page: Page, tmp_path: Path) -> None:
    page.locator("#prm-problem").fill("Mine?")
    choose(page, write(tmp_path / "rows.jsonl", *ROWS))
    expect(page.locator("#prm-problem")).to_have_value("What is 7 × 8?")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#prm-problem")).to_have_value("Mine?")


def test_a_file_that_is_none_is_said_and_changes_nothing(page: Page, tmp_path: Path) -> None:
    page.locator("#prm-problem").fill("Mine?")
    path = tmp_path / "<img src=x onerror=alert(1)>.jsonl"
    path.write_bytes(b"\x00\x01\x02 no rows")
    choose(page, path)
    expect(page.locator(".prm-open-issue")).not_to_be_empty()
    expect(page.locator("#prm-problem")).to_have_value("Mine?")
    expect(page.locator(".prm-session")).to_be_hidden()


def test_texts_of_a_file_are_no_code(page: Page, tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)> `${alert(1)}` {{x}}"
    row = {"problem": hostile, "id": hostile, "solutions": [hostile]}
    choose(page, write(tmp_path / "rows.jsonl", row))
    expect(options(page)).to_contain_text(hostile)
    assert page.locator(".prm-problems img").count() == 0


def test_ten_thousand_problems_are_listed_soon(page: Page, tmp_path: Path) -> None:
    rows = [
        {"problem": f"What is {i} + {i}?", "solutions": [f"It is {2 * i}."]} for i in range(10_000)
    ]
    began = time.monotonic()
    choose(page, write(tmp_path / "rows.jsonl", *rows))
    expect(page.locator(".prm-session-count")).to_contain_text("10,000 problems")
    assert time.monotonic() - began < 60  # of a machine that has other work
    page.get_by_role("searchbox").fill("is 9999 +")
    expect(options(page)).to_have_count(1)
    options(page).click()
    expect(page.locator("#prm-problem")).to_have_value("What is 9999 + 9999?")


def test_a_packed_file_of_some_megabytes_opens_and_a_larger_one_is_told_why(
    page: Page, tmp_path: Path
) -> None:
    rng = random.Random(0)
    rows = [
        {"problem": f"Problem {i}", "solutions": [rng.randbytes(1_000).hex()]} for i in range(3_000)
    ]
    raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(raw, 1))
    assert path.stat().st_size > 3_000_000
    choose(page, path)
    expect(page.locator(".prm-session-count")).to_contain_text("3,000 problems")
    (tmp_path / "large.parquet").write_bytes(rng.randbytes(10_000_000))
    choose(page, tmp_path / "large.parquet")
    expect(page.locator(".prm-open-issue")).to_have_text(
        "large.parquet has 10.0 MB compressed, and the page opens at most 8.9 MB; on the command "
        "line it has no limit: python -m prm_core score large.parquet"
    )
    expect(page.locator(".prm-session-count")).to_contain_text("3,000 problems")


def test_a_data_set_of_the_hub_is_opened_by_its_name(
    open_page: OpenPage, tmp_path: Path, tiny_dir: Path
) -> None:
    write_library(tmp_path)
    settings = {"PYTHONPATH": str(tmp_path), "PRM_INSPECTOR_MODEL": str(tiny_dir)}
    with serving(tmp_path / "log", **settings) as local:
        page = open_page(local.url)
        page.get_by_role("button", name="Hub…").click()
        page.get_by_label("Data set on the Hub").fill("no/network")
        page.keyboard.press("Enter")
        expect(page.locator(".prm-open-issue")).to_contain_text("is there a network?")
        assert violations(page) == []
        page.get_by_label("Data set on the Hub").fill("own/set/test")
        page.locator(".prm-hub").get_by_role("button", name="Open").click()
        expect(options(page)).to_have_count(3)
        expect(page.locator(".prm-session-title")).to_have_text("own/set/test")
        expect(page.locator("#prm-problem")).to_have_value("0?")
        page.close()


def test_all_problems_are_scored_with_progress(page: Page, tmp_path: Path) -> None:
    choose(page, write(tmp_path / "rows.jsonl", *ROWS, {"problem": "Empty?", "solutions": ["---"]}))
    expect(options(page)).to_have_count(4)
    page.get_by_role("button", name="Score all").click()
    expect(page.locator(".prm-all-said")).to_contain_text("4 of 4 problems scored, 1 of them")
    expect(page.locator(".prm-list", has_text="scored here")).to_be_visible()
    expect(options(page).nth(0)).to_contain_text("leads")
    expect(page.locator(".bd-card:has(.bd-row)")).to_have_count(2)  # the problem that is open
    options(page).nth(2).click()
    expect(page.locator(".bd-card:has(.bd-row)")).to_have_count(1)
    expect(page.locator(".bd-stale")).to_have_count(0)
    page.get_by_label("Show", exact=True).select_option("not scored")
    expect(options(page)).to_have_count(1)
    expect(options(page)).to_contain_text("Empty?")


def test_score_all_pressed_the_moment_a_run_ends_scores(page: Page, tmp_path: Path) -> None:
    """What it brought is there before Gradio knows that it is over."""
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "queue/join" in one.url else None)
    choose(page, write(tmp_path / "rows.jsonl", *ROWS))
    expect(options(page)).to_have_count(3)
    said = page.locator(".prm-all-said")
    page.evaluate(PRESS_WHEN, [".prm-all-said", "3 of 3 problems scored", ".prm-score-all"])
    page.get_by_role("button", name="Score all").click()
    expect(said).to_have_text("3 of 3 problems scored")
    assert len(asked) == 2


def test_scoring_all_can_be_cancelled_and_goes_on(page: Page, tmp_path: Path) -> None:
    """A verifier judges each problem when it is told to, so that no run is over too soon."""
    may_judge = {str(row["problem"]): threading.Event() for row in ROWS[1:]}

    def judge(body: dict[str, Any]) -> str:
        for problem, told in may_judge.items():
            if problem in body["messages"][0]["content"]:
                told.wait(60)
        return "All of it is right: \\boxed{-1}"

    said = page.locator(".prm-all-said")
    with serve(judge) as writer:
        writer.models = [{"id": "writer"}]
        model_field(page).fill(f"writer --family critic --server {writer.url}")
        model_field(page).press("Enter")
        choose(page, write(tmp_path / "rows.jsonl", *ROWS))
        page.get_by_role("button", name="Score all").click()
        expect(said).to_contain_text(re.compile("^1 of 3 problems scored; about .* left"))
        page.evaluate(HOLD_SECOND_END, "prm:ended-all")
        page.locator(".prm-session").get_by_role("button", name="Cancel").click()
        expect(said).to_contain_text("Cancelled")
        page.get_by_label("Show", exact=True).select_option("not scored")
        expect(page.locator(".prm-session-count")).to_have_text("2 of 3")
        may_judge["What is 2 + 2?"].set()
        page.get_by_role("button", name="Score all").click()  # only those that are left
        expect(said).to_contain_text(re.compile("^1 of 2 problems scored; about .* left"))
        page.evaluate(LATE_END, "prm:ended-all")  # a late report of the first run
        expect(said).to_contain_text(re.compile("^1 of 2 problems scored; about .* left"))

        # Another list ends the run, whose scores belong to the problems that they were asked for.
        page.locator(".prm-open-gallery").click()
        expect(said).to_have_text(
            "Scoring rows.jsonl was cancelled; what was scored is kept there."
        )
        for told in may_judge.values():
            told.set()
    expect(options(page)).to_have_count(30)
    page.get_by_role("button", name="Back to rows.jsonl").click()
    expect(said).to_be_hidden()
    expect(options(page).nth(0)).to_contain_text("scored here")
    expect(options(page).nth(1)).to_contain_text("scored here")
    expect(options(page).nth(2)).not_to_contain_text("scored here")
    page.get_by_role("button", name="Back to Gallery").click()
    expect(page.locator(".prm-list", has_text="leads")).to_be_visible()
    expect(options(page).filter(has_text="scored here")).to_have_count(0)


# --- a text that is none of the list's ------------------------------------------------------------


def undo(page: Page) -> None:
    page.locator(".prm-said").get_by_role("button", name=re.compile("^(Undo|Redo)$")).click()


def use_example(page: Page, words: str = "What is 8 × 3?") -> None:
    page.get_by_role("button", name="Examples").click()
    page.locator(".prm-example", has_text=words).click()
    expect(page.locator("#prm-problem")).to_have_value(words)


def test_an_example_leaves_the_problem_of_the_list_alone(page: Page, tmp_path: Path) -> None:
    choose(page, write(tmp_path / "rows.jsonl", *ROWS))
    expect(options(page)).to_have_count(3)
    score(page)
    expect_scored(page, 2)
    expect(options(page).nth(0)).to_contain_text("scored here")
    shown = page.locator(".bd-score").all_text_contents()
    use_example(page)
    expect_scored(page, 1)
    expect(page.locator(".prm-list [aria-selected=true]")).to_have_count(0)
    expect(options(page).nth(0)).to_contain_text("What is 7 × 8?")
    first = page.evaluate("prm.merged({ method: 'min' })")
    assert json.loads(first)["problems"][0]["problem"] == "What is 7 × 8?"
    undo(page)  # back in its place, with its scores
    expect(options(page).nth(0)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".bd-score")).to_have_text(shown)
    expect(page.locator(".bd-stale")).to_have_count(0)
    undo(page)
    expect(page.locator("#prm-problem")).to_have_value("What is 8 × 3?")
    options(page).nth(0).click()
    expect(page.locator("#prm-problem")).to_have_value("What is 7 × 8?")
    expect(page.locator(".bd-score")).to_have_text(shown)
    expect(options(page).nth(0)).not_to_contain_text("changed since")


@pytest.mark.parametrize("what", ["gallery", "file without scores"])
def test_own_text_comes_back_from_a_list_with_its_scores(
    page: Page, tmp_path: Path, what: str
) -> None:
    fill(page, "What is 40 + 2?", "40 + 2 = 42.\nIt is 42.", "It is 43.")
    score(page)
    expect_scored(page, 2)
    expect(page.locator(".prm-state")).to_contain_text("3 steps scored in")
    shown = page.locator(".bd-score").all_text_contents()
    if what == "gallery":
        open_gallery(page)
    else:
        choose(page, write(tmp_path / "rows.jsonl", *ROWS))
        expect(page.locator(".bd-card")).to_have_count(0)
    expect(page.locator(".prm-state")).to_be_empty()
    first = page.locator("#prm-problem").input_value()
    undo(page)
    for again in (False, True):
        if again:
            page.reload()
        expect(page.locator("#prm-problem")).to_have_value("What is 40 + 2?")
        expect(page.locator(".bd-score")).to_have_text(shown)
        expect(page.locator(".bd-stale")).to_have_count(0)
        expect(page.locator(".prm-list [aria-selected=true]")).to_have_count(0)
    options(page).nth(0).click()
    expect(page.locator("#prm-problem")).to_have_value(first)


def test_text_without_scores_comes_back_without_those_of_the_gallery(page: Page) -> None:
    fill(page, "What is 40 + 2?", "It is 42.")
    open_gallery(page)
    undo(page)
    expect(page.locator("#prm-problem")).to_have_value("What is 40 + 2?")
    expect(page.locator(".bd-card")).to_have_count(0)
    undo(page)
    expect(page.locator(".bd-card").first).to_be_visible()
    expect(page.locator(".bd-stale")).to_have_count(0)


def test_the_rule_of_a_list_goes_with_its_problem(page: Page) -> None:
    rule = page.get_by_label("steps:", exact=True)
    rule.select_option("line")
    page.locator("#prm-problem").fill(PROBLEM)
    open_gallery(page)
    expect(rule).to_have_value("separator")
    undo(page)
    expect(rule).to_have_value("line")
    undo(page)
    expect(rule).to_have_value("separator")
    page.get_by_role("button", name="Close the list").click()
    expect(page.locator(".bd-stale")).to_have_count(0)  # its scores are on show, for its steps
    page.locator("#prm-problem").fill(PROBLEM)
    expect(rule).to_have_value("line")


def test_a_new_problem_is_one_press_away(page: Page) -> None:
    open_gallery(page)
    first = page.locator("#prm-problem").input_value()
    n = solutions(page).count()
    page.get_by_role("button", name="New problem").click()
    expect(page.locator("#prm-problem")).to_be_focused()
    expect(page.locator("#prm-problem")).to_have_value("")
    expect(solutions(page)).to_have_count(1)
    expect(page.get_by_label("steps:", exact=True)).to_have_value("auto")
    expect(page.locator(".bd-card")).to_have_count(0)
    expect(options(page).nth(0)).to_contain_text(first[:30])
    undo(page)
    expect(page.locator("#prm-problem")).to_have_value(first)
    expect(page.locator(".bd-card")).to_have_count(n)
    expect(page.locator(".bd-stale")).to_have_count(0)
    expect(options(page).nth(0)).to_have_attribute("aria-selected", "true")

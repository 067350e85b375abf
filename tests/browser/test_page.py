"""What a person does on the page, and what a person sees."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.apps import App, answers
from tests.browser.conftest import (
    ARTIFACTS,
    PROBLEM,
    ROOT,
    SOLUTIONS,
    OpenPage,
    serving,
)
from tests.completions import serve

pytestmark = pytest.mark.browser

A, B, C = SOLUTIONS

FILLS = {"good": "rgb(47, 158, 99)", "warn": "rgb(224, 160, 33)", "bad": "rgb(209, 73, 91)"}

# Every way that user text has been seen to become code, markup or other letters somewhere.
TRAPS = [
    "${1+1} ${alert(1)}",
    '<img src=x onerror="alert(1)">',
    "`backtick` and `${alert(2)}`",
    r"\frac{1}{2} and $\frac{1}{2}$",
    "{{value}} {{{value}}} @children",
    "<script>alert(3)</script> & &amp; <b>bold</b>",
]


def solutions(page: Page) -> Locator:
    return page.locator(".prm-card textarea")


def fill(page: Page, problem: str, *texts: str) -> None:
    page.locator("#prm-problem").fill(problem)
    while solutions(page).count() < len(texts):
        page.get_by_role("button", name="+ Add").click()
    for place, text in enumerate(texts):
        solutions(page).nth(place).fill(text)


def score(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^Score(?! all)")).click()


def expect_scored(page: Page, n: int) -> None:
    """All `n` cards have their bars, and the run is over."""
    expect(page.locator(".prm-state")).to_contain_text("scored in")
    expect(page.locator(".bd-card:not(.bd-waiting):has(.bd-row)")).to_have_count(n)


def order(page: Page) -> list[str]:
    return page.locator(".bd-card .bd-letter").all_text_contents()


def rows(page: Page, letter: str) -> Locator:
    return page.locator(".bd-card", has=page.locator(f".bd-letter:text-is('{letter}')")).locator(
        ".bd-row"
    )


def probabilities(page: Page, letter: str) -> list[float]:
    return [
        float(text.split()[-1].lstrip(">"))
        for text in rows(page, letter).locator(".bd-p").all_inner_texts()
    ]


def paste(box: Locator, text: str) -> None:
    box.focus()
    box.evaluate(
        """(box, text) => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            const event = {clipboardData: data, bubbles: true, cancelable: true};
            if (box.dispatchEvent(new ClipboardEvent("paste", event)))
                document.execCommand("insertText", false, text);
        }""",
        text,
    )


PRESS_WHEN = """([line, words, button]) => {
    const said = document.querySelector(line);
    new MutationObserver((_, observer) => {
        if (!said.textContent.includes(words)) return;
        observer.disconnect();
        document.querySelector(button).click();
    }).observe(said, { childList: true });
}"""


# Gradio reports the end of a cancelled run twice: the second report is held until it is said late.
HOLD_SECOND_END = """(name) => {
    let n = 0;
    addEventListener(name, (event) => {
        n += 1;
        if (n === 2 && !event.detail) event.stopImmediatePropagation();
    }, true);
}"""
LATE_END = "(name) => document.dispatchEvent(new CustomEvent(name, { detail: 'late' }))"


def picture(page: Page, name: str) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png", full_page=True)


def test_typed_solutions_are_scored_and_drawn(page: Page) -> None:
    fill(page, PROBLEM, A, B, C)
    score(page)
    expect_scored(page, 3)
    assert sorted(order(page)) == ["A", "B", "C"]
    seen = set()
    for letter, text in zip("ABC", (A, B, C), strict=True):
        expect(rows(page, letter)).to_have_count(len(text.splitlines()))
        card = page.locator(".bd-card", has=page.locator(f".bd-letter:text-is('{letter}')"))
        card.scroll_into_view_if_needed()
        bars = card.locator(".trace.bars").last.locator(".point path")
        expect(bars).to_have_count(len(text.splitlines()))
        for place, p in enumerate(probabilities(page, letter)):
            band = "good" if p > 0.7 else "warn" if p > 0.4 else "bad"
            drawn = bars.nth(place).evaluate("bar => bar.outerHTML")
            plain = bars.nth(place).evaluate("bar => getComputedStyle(bar).fill")
            # A bar below the threshold is hatched: its colour is the ground of a pattern.
            assert plain == FILLS[band] if p > 0.5 else "url(" in drawn
            expect(rows(page, letter).nth(place)).to_have_class(re.compile(f"bd-{band}"))
            seen.add(band)
    assert seen == {"good", "warn", "bad"}


def test_another_rule_reorders_without_asking_the_server(page: Page) -> None:
    fill(page, PROBLEM, A, B, C)
    score(page)
    expect_scored(page, 3)
    last = sorted("ABC", key=lambda letter: -probabilities(page, letter)[-1])
    weakest = sorted("ABC", key=lambda letter: -min(probabilities(page, letter)))
    assert order(page) == weakest != last
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.get_by_role("radio", name="Last step", exact=True).check(force=True)
    expect(page.locator(".bd-card .bd-letter").first).to_have_text(last[0])
    assert order(page) == last
    assert [url for url in asked if not url.endswith("/healthz")] == []


def test_the_split_is_seen_before_score(page: Page) -> None:
    fill(page, PROBLEM, A)
    card = page.locator(".prm-card").first
    expect(card.locator(".prm-count")).to_have_text("3 steps · by line")
    expect(card.locator(".prm-line")).to_have_count(3)
    page.get_by_label("steps:", exact=True).select_option("paragraph")
    expect(card.locator(".prm-count")).to_have_text("1 step")
    page.get_by_label("steps:", exact=True).select_option("separator")
    page.get_by_label("Separator between steps").fill("=")
    expect(card.locator(".prm-count")).to_have_text("2 steps")
    score(page)
    expect_scored(page, 1)
    expect(rows(page, "A")).to_have_count(2)


def test_marks_stand_beside_the_lines_they_mean(page: Page) -> None:
    page.get_by_label("steps:", exact=True).select_option("line")
    fill(page, PROBLEM, "🙂 two emoji 🙂\nsecond\n\n\nthird, below two blank lines")
    card = page.locator(".prm-card").first
    expect(card.locator(".prm-line")).to_have_count(3)
    tops = [mark.bounding_box() for mark in card.locator(".prm-line").all()]
    area = card.locator("textarea").bounding_box()
    assert area is not None
    lines = [round((box["y"] - area["y"]) / 24) for box in tops if box is not None]
    assert lines == [0, 1, 4]


def test_removing_the_middle_solution_keeps_the_others(page: Page) -> None:
    fill(page, PROBLEM, "alpha one", "beta two", "gamma three")
    page.get_by_role("button", name="Remove solution B").click()
    expect(solutions(page)).to_have_count(2)
    assert [box.input_value() for box in solutions(page).all()] == ["alpha one", "gamma three"]
    score(page)
    expect_scored(page, 2)
    expect(rows(page, "C")).to_contain_text("gamma three")  # a letter stays with its text
    assert sorted(order(page)) == ["A", "C"]
    page.get_by_role("button", name="Undo").click()
    assert [box.input_value() for box in solutions(page).all()] == [
        "alpha one",
        "beta two",
        "gamma three",
    ]


def test_the_last_character_typed_is_scored(page: Page) -> None:
    fill(page, PROBLEM, "I add.\nThe answer is 5")
    solutions(page).first.press("End")
    solutions(page).first.press("6")
    solutions(page).first.press("Control+Enter")
    expect_scored(page, 1)
    expect(rows(page, "A").nth(1)).to_contain_text("The answer is 56")


def test_text_typed_while_scoring_is_not_lost(page: Page) -> None:
    fill(page, PROBLEM, A)
    score(page)
    solutions(page).first.press("Control+End")
    solutions(page).first.press_sequentially("\nOne more line.")
    expect_scored(page, 1)
    expect(solutions(page).first).to_have_value(A + "\nOne more line.")
    expect(solutions(page).first).to_be_focused()


def test_undo_in_a_text_box_still_works(page: Page) -> None:
    box = solutions(page).first
    box.focus()
    page.keyboard.insert_text("kept")
    expect(page.locator(".prm-count").first).to_have_text("1 step")
    box.press("Control+z")
    expect(box).to_have_value("")


@pytest.mark.parametrize(
    "text",
    [
        f"{A}\n---\n{B}\n-----\n{C}",
        json.dumps([A, B, C]),
        json.dumps([text.splitlines() for text in (A, B, C)]),
        json.dumps({"problem": PROBLEM, "solutions": [A, B, C]}),
    ],
    ids=["dashes", "texts", "steps", "row"],
)
def test_one_paste_makes_several_cards(page: Page, text: str) -> None:
    paste(solutions(page).first, text)
    expect(solutions(page)).to_have_count(3)
    assert [box.input_value() for box in solutions(page).all()] == [A, B, C]


@pytest.mark.parametrize("name", ["solution", "steps", "response"])
def test_a_pasted_object_gives_its_solution(page: Page, name: str) -> None:
    paste(solutions(page).first, json.dumps({"id": 3, name: A.splitlines()}))
    expect(solutions(page)).to_have_count(1)
    expect(solutions(page).first).to_have_value(A)


def test_a_pasted_bracket_is_text(page: Page) -> None:
    paste(solutions(page).first, "[1, 2] is a list.\nIt has 2 entries.")
    expect(solutions(page)).to_have_count(1)
    expect(solutions(page).first).to_have_value("[1, 2] is a list.\nIt has 2 entries.")


def test_of_more_solutions_than_fit_the_first_are_kept_and_the_others_named(page: Page) -> None:
    paste(solutions(page).first, json.dumps([f"solution {i}" for i in range(1, 201)]))
    expect(solutions(page)).to_have_count(64)
    expect(solutions(page).last).to_have_value("solution 64")
    said = page.locator(".prm-said")
    expect(said).to_contain_text("64 are the most; left out: 65 “solution 65”")
    expect(said).to_contain_text("up to 200")
    said.get_by_role("button", name="Undo").click()
    expect(solutions(page)).to_have_count(1)


def test_bad_input_is_named_where_it_stands(page: Page) -> None:
    score(page)
    expect(page.locator("#prm-problem-issue")).to_have_text(re.compile("Write the problem first"))
    expect(page.locator(".prm-card .prm-issue")).to_contain_text("Solution A has no steps")
    expect(page.locator("#prm-problem")).to_be_focused()
    score(page)  # the same answer a second time
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(page.locator("#prm-problem-issue")).to_be_visible()
    page.locator("#prm-problem").fill(PROBLEM)
    expect(page.locator("#prm-problem-issue")).to_be_hidden()
    solutions(page).first.fill(A)
    page.get_by_label("steps:", exact=True).select_option("separator")
    score(page)
    expect(page.locator('.prm-issue[data-for="rule"]')).to_contain_text("separator")


def test_a_solution_too_long_for_the_model_is_named(page: Page) -> None:
    fill(page, PROBLEM, A, "word " * 1200)
    score(page)
    expect(page.locator(".prm-card .prm-issue").nth(1)).to_contain_text("at most 4,096")
    expect(page.locator(".prm-card .prm-issue").nth(0)).to_be_hidden()
    # The other one is scored, and the refused one says why it is not.
    expect(page.locator(".bd-card:has(.bd-row[data-step])")).to_have_count(1)
    refused = page.locator(".bd-card.bd-refused")
    expect(refused).to_contain_text("Solution B has")
    expect(refused).to_contain_text("at most 4,096")
    expect(page.locator(".bd-verdict")).to_contain_text("A is the only solution that is scored")
    expect(page.locator(".prm-what")).to_be_empty()  # what was refused is due when it is another
    page.reload()
    expect(page.locator(".bd-card.bd-refused")).to_contain_text("at most 4,096")
    expect(page.locator(".bd-card:has(.bd-row[data-step])")).to_have_count(1)
    solutions(page).nth(1).fill(B)
    expect(page.get_by_role("button", name="Score")).to_contain_text("1 new")
    score(page)
    expect_scored(page, 2)


def test_a_model_that_cannot_be_loaded_is_told_and_another_one_works(
    open_page: OpenPage, tiny_dir: Path
) -> None:
    page = open_page()
    fill(page, PROBLEM, A)
    model = page.get_by_role("combobox", name=re.compile("Model"))
    model.fill("/no/such/directory")
    model.press("Enter")
    score(page)
    why = page.locator("#prm-model-issue")
    expect(page.locator(".bd-note")).to_contain_text("Nothing was scored")
    expect(page.locator(".prm-badge")).to_have_text("failed")
    seen = page.get_by_text("/no/such/directory").filter(visible=True)
    expect(seen).to_have_count(1)  # in full once, at its field
    expect(why).to_contain_text("/no/such/directory")
    score(page)  # the same failure a second time
    expect(page.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(solutions(page).first).to_have_value(A)
    model.fill(f"{tiny_dir} --separator x")
    model.press("Enter")
    score(page)
    expect(why).to_contain_text("separator 'x' would not be used")
    model.fill(f"{tiny_dir} --dtype float32")
    model.press("Enter")
    score(page)
    expect_scored(page, 1)
    expect(page.locator(".prm-badge")).to_contain_text("ready")


def test_what_a_model_lacked_is_no_longer_said_when_it_is_there(
    page: Page, tiny_dir: Path, tmp_path: Path
) -> None:
    fill(page, PROBLEM, A)
    model = page.get_by_role("combobox", name=re.compile("Model"))
    model.fill(str(tmp_path / "later"))
    model.press("Enter")
    score(page)
    why = page.locator("#prm-model-issue")
    expect(why).to_contain_text("later")
    expect(page.locator(".prm-badge")).to_have_text("failed")
    shutil.copytree(tiny_dir, tmp_path / "later")
    score(page)
    expect_scored(page, 1)
    expect(why).to_be_hidden()


def long_run() -> list[str]:
    """64 solutions of few steps and many tokens: seconds for the tiny model, little to draw."""
    return [
        "\n".join(f"{name} {line} {'abcdefgh' * 110}" for line in range(4)) for name in range(64)
    ]


def test_cancel_keeps_what_is_there_and_a_rerun_works(page: Page) -> None:
    page.locator("#prm-problem").fill(PROBLEM)
    paste(solutions(page).first, json.dumps(long_run()))
    expect(solutions(page)).to_have_count(64)
    score(page)
    # In the page, for the run may be over before a press from here arrives. Those that wait have
    # rows too.
    page.wait_for_function(
        """() => document.querySelector(".bd-card:not(.bd-waiting)") &&
            (document.querySelector(".prm-cancel").click(), true)"""
    )
    scored = page.locator(".bd-card:not(.bd-waiting)")
    expect(page.locator(".bd-note")).to_contain_text("Cancelled")
    assert 1 <= scored.count() < 64
    # The model is free at once: another visitor's run does not wait for the cancelled one.
    paste_all = json.dumps({"problem": PROBLEM, "solutions": [A, B]})
    page.reload()
    expect(solutions(page)).to_have_count(64)
    while solutions(page).count() > 1:
        page.get_by_role("button", name=re.compile("^Remove solution")).last.click()
    solutions(page).first.fill("")
    paste(solutions(page).first, paste_all)
    began = time.monotonic()
    score(page)
    expect_scored(page, 2)
    assert time.monotonic() - began < 5


def test_score_pressed_the_moment_a_run_ends_scores(page: Page) -> None:
    """What it brought is there before Gradio knows that it is over."""
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "queue/join" in one.url else None)
    fill(page, PROBLEM, A)
    page.evaluate(PRESS_WHEN, [".prm-state", "scored in", ".prm-score"])
    score(page)
    expect_scored(page, 1)
    assert len(asked) == 2


def test_score_pressed_right_after_cancel_scores(page: Page) -> None:
    page.locator("#prm-problem").fill(PROBLEM)
    paste(solutions(page).first, json.dumps(long_run()))
    expect(solutions(page)).to_have_count(64)
    score(page)
    page.get_by_role("button", name="Cancel").click()
    score(page)
    expect(page.locator(".prm-state")).to_contain_text("256 steps scored in")
    expect(page.locator(".bd-card:not(.bd-waiting)")).to_have_count(64)


def test_a_verifier_is_left_at_once(page: Page) -> None:
    may_write = threading.Event()

    def write(body: dict[str, Any]) -> str:
        if "54" in body["messages"][0]["content"]:
            may_write.wait(60)
        return "All of it is right: \\boxed{-1}"

    with serve(write) as writer:
        writer.models = [{"id": "writer"}]
        model = page.locator("#prm-model input")
        model.fill(f"writer --family critic --server {writer.url}")
        model.press("Enter")
        fill(page, PROBLEM, A, B)
        score(page)
        expect(page.locator(".bd-card:not(.bd-waiting)")).to_have_count(1)
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator(".bd-note")).to_contain_text("Cancelled")
        page.wait_for_timeout(1500)  # longer than its silence between two beats
        expect(page.locator(".prm-state")).to_have_text("Cancelled.")
        solutions(page).nth(1).fill(A)
        score(page)
        expect_scored(page, 2)
        may_write.set()


def test_a_reload_keeps_the_draft(page: Page) -> None:
    fill(page, PROBLEM, A, B)
    page.get_by_label("steps:", exact=True).select_option("sentence")
    page.reload()
    expect(solutions(page)).to_have_count(2)
    expect(page.locator("#prm-problem")).to_have_value(PROBLEM)
    assert [box.input_value() for box in solutions(page).all()] == [A, B]
    expect(page.get_by_label("steps:", exact=True)).to_have_value("sentence")
    score(page)
    expect_scored(page, 2)


def test_two_tabs_do_not_mix(page: Page) -> None:
    fill(page, PROBLEM, A)
    other = page.context.new_page()
    other.goto(page.url)
    expect(solutions(other).first).to_be_visible()
    fill(other, "Another problem", "1 + 1 = 2\n2 + 1 = 3\n3 + 1 = 4\n4 + 1 = 5\n5 + 1 = 6")
    for tab in (page, other):
        score(tab)
    for tab in (page, other):
        expect_scored(tab, 1)
    expect(rows(page, "A")).to_have_count(3)
    expect(rows(other, "A")).to_have_count(5)
    for tab, problem in ((page, PROBLEM), (other, "Another problem")):
        tab.reload()
        expect(tab.locator("#prm-problem")).to_have_value(problem)


def test_examples_are_one_press_away(page: Page) -> None:
    page.locator("#prm-board").get_by_role("button", name=PROBLEM).click()
    expect_scored(page, 3)
    page.get_by_role("button", name="Examples").click()
    page.locator(".prm-example", has_text="What is 8 × 3?").click()
    expect(page.locator("#prm-problem")).to_have_value("What is 8 × 3?")
    expect(page.locator(".bd-card:not(.bd-waiting):has(.bd-row)")).to_have_count(1)


def test_escape_closes_the_examples_wherever_the_focus_is(page: Page) -> None:
    button, menu = page.get_by_role("button", name="Examples"), page.locator(".prm-examples")
    for move in (
        lambda: None,
        page.locator("#prm-problem").focus,
        menu.locator("button").last.focus,
    ):
        button.click()
        expect(menu).to_be_visible()
        move()
        page.keyboard.press("Escape")
        expect(menu).to_be_hidden()
        expect(button).to_be_focused()


def test_user_text_never_becomes_code_or_other_text(page: Page) -> None:
    text = "\n\n".join(TRAPS)
    page.get_by_label("steps:", exact=True).select_option("paragraph")
    fill(page, text, text, "\n\n".join(reversed(TRAPS)))
    score(page)
    expect_scored(page, 2)
    for place, trap in enumerate(TRAPS):
        if "$" not in trap:  # formulas are typeset; their text is checked below
            expect(rows(page, "A").nth(place)).to_contain_text(trap)
    expect(rows(page, "A").nth(3)).to_contain_text(r"\frac{1}{2} and")
    expect(rows(page, "A").nth(0)).to_contain_text("${1+1}")
    assert page.locator("#prm-board img[src=x], #prm-editor img, #prm-board script").count() == 0
    for row in rows(page, "A").all():
        row.click()
    page.get_by_role("tab", name="Table").click()
    assert page.locator("#prm-board img[src=x], #prm-board script").count() == 0
    page.reload()
    expect(page.locator("#prm-problem")).to_have_value(text)
    expect(solutions(page).first).to_have_value(text)


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.locator("#prm-problem").focus()
    page.keyboard.type(PROBLEM)
    page.keyboard.press("Tab")  # the step rule
    page.keyboard.press("Tab")  # remove A
    expect(page.get_by_role("button", name="Remove solution A")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_label("Solution A", exact=True)).to_be_focused()
    page.keyboard.type("I multiply.")
    page.keyboard.press("Enter")
    page.keyboard.type("The answer is 56.")
    page.keyboard.press("Tab")  # + Add
    page.keyboard.press("Enter")
    expect(page.get_by_label("Solution B", exact=True)).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect_scored(page, 1)  # the blank card went away
    page.get_by_role("button", name="Help").press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_help_shows_options_as_they_are_typed(page: Page) -> None:
    page.get_by_role("button", name="Help").click()
    expect(page.get_by_role("dialog")).to_contain_text(r"--separator '\n'")


def test_light_and_dark(page: Page) -> None:
    fill(page, PROBLEM, A, B, C)
    score(page)
    expect_scored(page, 3)
    picture(page, "light-1280")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(251, 250, 248)"
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate(ground) == "rgb(18, 20, 25)"
    picture(page, "dark-1280")
    page.reload()
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")


def test_a_phone_shows_it_without_sideways_scroll(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    fill(page, PROBLEM, A, B, "x" * 200 + "\n" + C)
    expect(page.get_by_role("button", name="Score")).to_be_in_viewport()
    score(page)
    expect_scored(page, 3)
    expect(page.locator(".bd-card").first).to_be_in_viewport()
    picture(page, "light-390")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_the_badge_settles(page: Page) -> None:
    expect(page.locator(".prm-badge")).to_have_text("ready · CPU · fp32")


def post(url: str, body: dict[str, Any]) -> tuple[int, str]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_forged_requests_get_nothing(server: App) -> None:
    with urllib.request.urlopen(f"{server.url}/config", timeout=30) as reply:
        config = json.load(reply)
    public = [d for d in config["dependencies"] if d["api_visibility"] == "public"]
    private = [d for d in config["dependencies"] if d["api_visibility"] != "public"]
    # What programs may call, and no event of the page's own.
    assert [d["api_name"] for d in public] == ["score", "rank", "split", "answers", "models"]
    score_event = next(d for d in private if len(d["inputs"]) == 2)
    forged = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    session = "forged"
    body = {"fn_index": score_event["id"], "session_hash": session}

    # The way around the queue is closed, and so is the file system.
    assert post(f"{server.url}/gradio_api/run/score", {"data": [forged, "x"]} | body)[0] == 404
    assert post(f"{server.url}/gradio_api/run/predict", {"data": [forged, "x"]} | body)[0] == 404
    for event in public:
        call = f"{server.url}/gradio_api/call/{event['api_name']}"
        assert post(call, {"data": [forged] * len(event["inputs"])})[0] == (
            400 if event["inputs"] else 200
        )
    for path in ("/etc/passwd", "../../etc/passwd", str(ROOT / "app.py"), str(server.log)):
        assert not answers(f"{server.url}/gradio_api/file={path}")

    status, _ = post(f"{server.url}/gradio_api/queue/join", {"data": [forged, "default"]} | body)
    if status == 200:
        stream = f"{server.url}/gradio_api/queue/data?session_hash={session}"
        with urllib.request.urlopen(stream, timeout=30) as reply:
            said = reply.read().decode()
        assert "root:" not in said
        assert '"success":false' in said.replace(" ", "") or "no problem" in said
    cached = re.findall(r"gradio_api/file=([^\s\"']+passwd)", server.log.read_text())
    assert not cached


def test_the_server_says_little_else(server: App) -> None:
    assert answers(f"{server.url}/healthz")
    for path in ("docs", "redoc"):
        assert not answers(f"{server.url}/{path}")


def test_a_taken_port_is_said_in_one_sentence(server: App) -> None:
    port = server.url.rsplit(":", 1)[1]
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "PORT": port, "HOST": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stdout + done.stderr


REFERENCE = [
    json.loads(line)
    for line in (ROOT / "examples" / "reference.jsonl").read_text(encoding="utf-8").splitlines()
]
WANTED = {
    "add-5-7": ["+++"],
    "multiply-8-3": ["+--"],
    "subtract-10-4": ["+++"],
    "divide-15-3": ["+-++"],
    "add-6-4": ["+++"],
    "multiply-9-2": ["+--"],
    "divide-12-4": ["+--"],
    "percent-15-80": ["++-++"],
    "rank-7-8": ["+++", "+--", "+-++"],
}


def test_the_reference_examples_come_out_right(open_page: OpenPage, tmp_path: Path) -> None:
    assert {row["id"] for row in REFERENCE} == set(WANTED)
    with serving(tmp_path / "log") as ours:
        page = open_page(ours.url)
        expect(page.locator(".prm-badge")).to_contain_text("ready")
        for row in REFERENCE:
            fill(page, row["problem"], *["\n".join(steps) for steps in row["solutions"]])
            while solutions(page).count() > len(row["solutions"]):
                page.get_by_role("button", name=re.compile("^Remove solution")).last.click()
            began = time.monotonic()
            score(page)
            expect(page.locator(".bd-row").first).to_contain_text(row["solutions"][0][0][:8])
            expect_scored(page, len(row["solutions"]))
            expect(page.locator(".bd-judge")).to_contain_text("wrong ideas")
            seconds = time.monotonic() - began
            for place, signs in enumerate(WANTED[row["id"]]):
                p = probabilities(page, "ABC"[place])
                assert "".join("+" if one > 0.5 else "-" for one in p) == signs, (row["id"], p)
            assert seconds < 5, f"{row['id']} took {seconds:.1f} s"
        picture(page, "reference-7-8")
        for name, label in (("min", "Minimum"), ("prod", "Product")):
            page.get_by_role("radio", name=label, exact=True).check(force=True)
            assert order(page)[0] == "A", name
        for name, label in (("last", "Last step"), ("mean", "Mean")):
            page.get_by_role("radio", name=label, exact=True).check(force=True)
            assert order(page)[2] == "B", name


def test_first_bars_come_soon(page: Page) -> None:
    """Measured in the browser, from the press to the first drawn bar."""
    expect(page.locator(".prm-badge")).to_contain_text("ready")
    steps = "\n".join(f"{i} + {i} = {2 * i}." for i in range(1, 11))
    fill(page, PROBLEM, steps, steps.replace("=", "is"), steps + "\nDone.")
    expect(page.locator(".prm-count").nth(2)).to_contain_text("11 steps")
    measured = page.evaluate(
        """async () => {
            const began = performance.now();
            document.querySelector(".prm-score").click();
            const there = () => document.querySelector(".bd-card .trace.bars .point path");
            while (!there() && performance.now() - began < 20000)
                await new Promise(requestAnimationFrame);
            return performance.now() - began;
        }"""
    )
    print(f"Score press to first bars: {measured:.0f} ms")
    assert measured < 5000


def test_the_results_name_their_problem_and_who_judged(page: Page, tiny_dir: Path) -> None:
    fill(page, r"What is $\frac{56}{8}$?", *SOLUTIONS)
    score(page)
    expect(page.locator(".bd-problem .katex")).to_have_count(1)
    expect(page.locator(".bd-judge")).to_have_text(f"Judged by {tiny_dir.name}.")

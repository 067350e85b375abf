"""Solutions that a server writes into the editor, in a real browser."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage, serving
from tests.browser.test_axe import looks, violations
from tests.browser.test_page import (
    HOLD_SECOND_END,
    LATE_END,
    PRESS_WHEN,
    expect_scored,
    score,
    solutions,
)
from tests.streaming import Stream, StreamingServer, solution, streaming

pytestmark = pytest.mark.browser

KEY = "sk-secret-0123"
HOSTILE = "<img src=x onerror=alert(1)> `${alert(1)}` {{x}} </textarea><script>alert(2)</script>"


def panel(page: Page) -> Locator:
    return page.get_by_role("region", name="Sample solutions from a server")


def fill(page: Page, server: StreamingServer, n: int = 2, key: str = "", model: str = "") -> None:
    page.locator("#prm-problem").fill("What is 7 × 8?")
    if panel(page).count() == 0:
        page.get_by_role("button", name="Sample…").click()
    panel(page).get_by_label("Server").fill(server.url)
    panel(page).get_by_label("Key").fill(key)
    panel(page).get_by_label("Model").fill(model)
    panel(page).get_by_label("Solutions").fill(str(n))


def press(page: Page) -> None:
    panel(page).get_by_role("button", name="Sample", exact=True).click()


def test_solutions_come_behind_the_others_and_can_be_taken_back(page: Page) -> None:
    solutions(page).first.fill("Mine.")
    with streaming(solution) as server:
        fill(page, server)
        press(page)
        expect(panel(page)).to_contain_text("2 solutions in")
    expect(solutions(page)).to_have_count(3)
    expect(solutions(page).first).to_have_value("Mine.")
    for place in (1, 2):
        expect(solutions(page).nth(place)).to_be_editable()
    # Both are asked for at once: which of them the server takes first is not the page's.
    sampled = {solutions(page).nth(place).input_value() for place in (1, 2)}
    assert sampled == {f"Way {n}: 7 × 8 = 56.\nThe answer is \\boxed{{56}}." for n in (1, 2)}
    score(page)
    expect_scored(page, 3)
    page.get_by_role("button", name="Undo").click()
    expect(solutions(page)).to_have_count(1)
    expect(solutions(page)).to_have_value("Mine.")
    page.get_by_role("button", name="Redo").click()
    expect(solutions(page)).to_have_count(3)


def test_a_press_the_moment_a_run_ends_is_heard(page: Page) -> None:
    """What it brought is there before Gradio knows that it is over."""
    with streaming(solution) as server:
        fill(page, server)
        page.evaluate(PRESS_WHEN, [".prm-sampler-said", "2 solutions in", ".prm-sampler-go"])
        press(page)
        expect(solutions(page)).to_have_count(4)


def test_text_streams_in_and_cancel_keeps_it_and_hangs_up(page: Page) -> None:
    hung_up, go_on = threading.Event(), threading.Event()

    def script(stream: Stream) -> None:
        stream.say("First line.\n")
        go_on.wait(60)
        stream.say("Second line.\n")
        while not stream.gone():
            pass
        hung_up.set()

    with streaming(script) as server:
        fill(page, server, n=1)
        press(page)
        expect(solutions(page)).to_have_value("First line.\n")
        expect(solutions(page)).not_to_be_editable()
        go_on.set()
        expect(solutions(page)).to_have_value("First line.\nSecond line.\n")
        panel(page).get_by_role("button", name="Cancel").click()
        expect(solutions(page)).to_be_editable()
        expect(panel(page)).to_contain_text("Cancelled; what was written stays.")
        assert hung_up.wait(60)
        solutions(page).press("End")
        press(page)  # another one can be had at once, behind what is there
        expect(solutions(page)).to_have_count(2, timeout=60_000)
        expect(solutions(page).first).to_have_value("First line.\nSecond line.\n")
        panel(page).get_by_role("button", name="Cancel").click()
        page.close()


def test_a_late_report_of_a_cancelled_run_does_not_end_the_next(page: Page) -> None:
    go_on = threading.Event()

    def script(stream: Stream) -> None:
        stream.say(f"Run {stream.number}.")
        go_on.wait(60)
        stream.end()

    with streaming(script) as server:
        fill(page, server, n=1)
        press(page)
        expect(solutions(page)).to_have_value("Run 1.")
        page.evaluate(HOLD_SECOND_END, "prm:ended-sampling")
        panel(page).get_by_role("button", name="Cancel").click()
        press(page)
        expect(solutions(page).nth(1)).to_have_value("Run 2.")
        page.evaluate(LATE_END, "prm:ended-sampling")
        go_on.set()
        expect(panel(page)).to_contain_text("1 solution in")
        expect(panel(page).get_by_role("alert")).to_be_hidden()


def test_errors_are_said_in_place_with_the_way_out(page: Page) -> None:
    def script(stream: Stream) -> None:
        if stream.body["model"] != "org/model":
            stream.refuse(404, "no such model")
        elif not stream._handler.headers.get("Authorization"):
            stream.refuse(401, "who are you?")
        else:
            solution(stream)

    alert = panel(page).get_by_role("alert")
    with streaming(script) as server:
        fill(page, server, model="wrong")
        press(page)
        expect(alert).to_contain_text("HTTP 404: no such model. It has org/model.")
        expect(panel(page).get_by_label("Model")).to_be_focused()
        panel(page).get_by_label("Model").fill("org/model")
        press(page)
        expect(alert).to_contain_text("It requires a key; type it.")
        expect(panel(page).get_by_label("Key")).to_be_focused()
        panel(page).get_by_label("Key").fill(KEY)
        panel(page).get_by_label("Key").press("Enter")
        expect(panel(page)).to_contain_text("2 solutions in")
        expect(alert).to_be_hidden()
    press(page)  # nobody is there any more
    expect(alert).to_contain_text("Start the server, or correct its address.")
    panel(page).get_by_label("Solutions").fill("0")
    press(page)
    expect(alert).to_contain_text("Solutions must be a whole number from 1 to 64.")
    page.locator("#prm-problem").fill("")
    panel(page).get_by_label("Solutions").fill("1")
    press(page)
    expect(alert).to_contain_text("Write the problem first.")
    expect(solutions(page)).to_have_count(2)  # what was sampled is still there


def test_what_breaks_off_is_kept_and_said(page: Page) -> None:
    def script(stream: Stream) -> None:
        stream.say("Half of it")
        if stream.number == 1:
            stream.cut()
        else:
            stream.end("length")

    with streaming(script) as server:
        fill(page, server)
        press(page)
        expect(panel(page)).to_contain_text("Interrupted: ")
        expect(panel(page)).to_contain_text("Cut at the limit: ")
    expect(solutions(page)).to_have_count(2)
    expect(solutions(page).first).to_have_value("Half of it")


def test_the_key_is_stored_nowhere_and_gone_with_a_reload(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url + (one.post_data or "")))
    with streaming(solution) as server:
        fill(page, server, key=KEY)
        assert panel(page).get_by_label("Key").get_attribute("type") == "password"
        press(page)
        expect(panel(page)).to_contain_text("2 solutions in")
        assert server.requests[0][1]["Authorization"] == f"Bearer {KEY}"
        score(page)
        expect_scored(page, 2)
    assert sum(KEY in one for one in sent) == 1  # the run's own request
    assert KEY not in str(stored(page))
    assert server.url in str(stored(page))  # the address comes back
    page.reload()
    expect(solutions(page)).to_have_count(2)
    page.get_by_role("button", name="Sample…").click()
    expect(panel(page).get_by_label("Key")).to_have_value("")
    expect(panel(page).get_by_label("Server")).to_have_value(server.url)


def stored(page: Page) -> Any:
    """Everything that the browser keeps of the page."""
    return page.evaluate(
        """async () => {
          const bases = await indexedDB.databases();
          const all = await Promise.all(bases.map(({ name }) => new Promise((done) => {
            indexedDB.open(name).onsuccess = ({ target: { result } }) => {
              const names = [...result.objectStoreNames];
              const found = [];
              if (!names.length) return done(found);
              const asked = result.transaction(names).objectStore(names[0]).getAll();
              asked.onsuccess = () => done(JSON.stringify(asked.result));
            };
          })));
          return [{...localStorage}, {...sessionStorage}, all, document.cookie, location.href,
            JSON.stringify(window.prm)];
        }"""
    )


def test_hostile_text_is_text(page: Page) -> None:
    def script(stream: Stream) -> None:
        stream.say(HOSTILE)
        stream.end(f"stop {HOSTILE}")

    with streaming(script) as server:
        server.models = [HOSTILE]
        fill(page, server, n=1)
        press(page)
        expect(solutions(page)).to_have_value(HOSTILE)
        expect(solutions(page)).to_be_editable()
    assert page.locator("#prm-left img, #prm-left script").count() == 0


def test_another_text_in_the_editor_is_not_written_into(page: Page) -> None:
    go_on = threading.Event()

    def script(stream: Stream) -> None:
        stream.say("Of the old problem.")
        go_on.wait(60)
        stream.say(" More of it.")
        stream.end()

    with streaming(script) as server:
        fill(page, server, n=1)
        press(page)
        expect(solutions(page)).to_have_value("Of the old problem.")
        page.get_by_role("button", name="Gallery", exact=True).click()
        expect(panel(page)).to_contain_text("the editor now contains another text")
        go_on.set()
        expect(page.locator(".bd-card").first).to_be_visible()
        before = [one.input_value() for one in solutions(page).all()]
        time.sleep(1)
        assert [one.input_value() for one in solutions(page).all()] == before
        expect(solutions(page).first).to_be_editable()


def test_a_public_page_has_no_such_panel(
    open_page: OpenPage, tmp_path: Path, tiny_dir: Path
) -> None:
    """One that has a name is reached through a proxy, though it listens on this machine alone."""
    settings = {"PRM_INSPECTOR_HOSTS": "prm.example.org", "PRM_INSPECTOR_MODEL": str(tiny_dir)}
    with serving(tmp_path / "log", **settings) as public:
        page = open_page(public.url)
        expect(page.get_by_role("button", name="+ Add")).to_be_visible()
        expect(page.get_by_role("button", name="Sample…")).to_have_count(0)
        assert page.locator("#prm-sampling").count() == 0
        page.close()


@looks
def test_axe_finds_nothing(open_page: OpenPage, look: Any) -> None:
    page = open_page(**look)
    go_on = threading.Event()

    def script(stream: Stream) -> None:
        stream.say("First.")
        go_on.wait(60)
        stream.end("length")

    with streaming(script) as server:
        fill(page, server)
        found = {"open": violations(page)}
        press(page)
        expect(panel(page)).to_contain_text("being written")
        found["running"] = violations(page)
        go_on.set()
        expect(panel(page)).to_contain_text("2 solutions in")
        found["over"] = violations(page)
    press(page)
    expect(panel(page).get_by_role("alert")).to_be_visible()
    found["failed"] = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert {name: which for name, which in found.items() if which} == {}

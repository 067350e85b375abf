"""The tree of a search on the page: drawn, walked through, kept, and growing."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.page import large_tree
from prm_core.search.results import search_session, search_tree, searched
from prm_core.search.tree import Tree
from prm_core.session import Problem, Session, export, load_session
from tests.browser.conftest import OpenPage
from tests.browser.test_axe import looks, violations
from tests.browser.test_board import row
from tests.browser.test_problems import choose
from tests.browser.test_rules import open_tab
from tests.browser.test_sampling import panel
from tests.completions import RefusedError, serve
from tests.search.scripted import rounded
from tests.search.test_ways import PROBLEM, SECOND, search

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)> `${alert(1)}` <script>alert(2)</script>"


def figure(page: Page) -> Locator:
    return page.locator(".bd-tree .bd-figure")


def said(page: Page) -> Locator:
    return page.locator(".bd-tree .bd-cell")


def drawn(page: Page) -> list[tuple[int, str]]:
    """Each node's id and the colour or mark that it has, as Plotly drew it."""
    expect(figure(page).locator(".main-svg").first).to_be_attached()
    found = figure(page).evaluate(
        """(plot) => plot.data.filter((one) => one.customdata).flatMap((one) =>
            one.customdata.map((id, k) => [id, one.marker.symbol === "x" ? "pruned" :
              one.marker.symbol === "star" ? "star" : one.marker.color[k]]))"""
    )
    return sorted((id, what) for id, what in found)


@pytest.fixture
def tree() -> Tree:
    """Beam search that finds the good end behind its second step."""
    return replace(search(SECOND, way="beam", aggregation="min")[0], seconds=1.0)


@pytest.fixture
def session_file(tree: Tree, tmp_path: Path) -> Path:
    problem = searched(tree, Problem(PROBLEM, gold_answer="4"))
    export(search_session([problem], tree, 0.5), path := tmp_path / "searched.json")
    return path


def open_tree(page: Page, path: Path) -> None:
    choose(page, path)
    expect(page.locator(".bd-card").first).to_be_visible()
    open_tab(page, "Tree")
    expect(figure(page).locator(".trace").first).to_be_visible()


def test_a_file_with_a_search_shows_its_tree(page: Page, session_file: Path, tree: Tree) -> None:
    expect(page.get_by_role("tab", name="Tree")).to_be_hidden()
    open_tree(page, session_file)
    p = {i: one.probability or 0.0 for i, one in enumerate(tree.nodes)}
    # a, b, c and d, of which c and d are pruned; then the ends of a and b.
    assert [what for _, what in drawn(page)][2:4] == ["pruned", "pruned"]
    assert {i for i, what in drawn(page) if what == "pruned"} == {
        i for i, one in enumerate(tree.nodes) if one.pruned
    }
    assert [i for i, what in drawn(page) if what == "star"] == [
        i for i in tree.solutions if tree.nodes[i].text == "good"
    ]
    tints: dict[bool, set[str]] = {True: set(), False: set()}
    for i, what in drawn(page):
        if what.startswith("#"):
            tints[p[i] > 0.7].add(what)
    assert len(tints[True]) == len(tints[False]) == 1
    assert tints[True] != tints[False]
    letter = "ABCD"[[tree.nodes[i].text for i in tree.solutions].index("good")]
    summary = page.locator(".bd-tree .bd-summary")
    expect(summary).to_contain_text("Beam search, n = 4, width 2, by scripted, judged by table: 8")
    expect(summary).to_contain_text(f"Chosen under minimum: {letter}.")
    expect(page.locator(".bd-tree-answers .bd-group")).not_to_have_count(0)


def test_keys_walk_the_tree_and_open_a_step(page: Page, session_file: Path, tree: Tree) -> None:
    open_tree(page, session_file)
    figure(page).focus()
    expect(said(page)).to_contain_text("chosen")  # where it begins
    expect(said(page)).to_contain_text("good")
    page.keyboard.press("ArrowLeft")
    expect(said(page)).to_contain_text("Step 1.2, probability 0.800 b")
    page.keyboard.press("ArrowDown")
    expect(said(page)).to_contain_text("Step 1.3, probability 0.500, pruned")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # no further
    expect(said(page)).to_contain_text("Step 1.1, probability 0.900 a")
    page.keyboard.press("ArrowRight")
    expect(said(page)).to_contain_text("Step 2.1, probability 0.200, ends solution A bad")
    page.keyboard.press("Enter")
    step = page.locator(".bd-tree-step")
    expect(step).to_contain_text("score of the path0.200")
    step.get_by_role("button", name="Step 2 of solution A").click()
    expect(row(page, "A", 2)).to_be_focused()
    open_tab(page, "Tree")
    page.get_by_text("All steps as a list").click()
    expect(page.locator(".bd-tree-list li")).to_have_count(len(tree.nodes))
    page.get_by_role("button", name="Step 1.4", exact=True).click()
    expect(step.locator(".bd-text")).to_have_text("d")


def saved(page: Page, path: Path) -> Session:
    with page.expect_download() as waited:
        page.get_by_role("button", name="Export").click()
        page.get_by_role("menuitem", name="Session, opens here again (JSON)").click()
    waited.value.save_as(path)
    return load_session(path)


def open_link(page: Page, **change: Any) -> None:
    """Follow a link to the stored results, as the page makes it, with other fields in it."""
    page.wait_for_function(  # they are stored a moment after they are shown
        """() => {
          const kept = prm.parsed(sessionStorage.getItem("prm-inspector.results"));
          const same = (name) =>
            JSON.stringify(kept[name] ?? null) === JSON.stringify(prm.results[name] ?? null);
          return kept && prm.results && same("search") && same("compared_search");
        }"""
    )
    link = page.evaluate(
        """async (change) => {
          const kept = JSON.parse(sessionStorage.getItem("prm-inspector.results"));
          const stored = JSON.stringify({ ...kept, ...change });
          const text = JSON.stringify({ draft: prm.draft, method: "min", results: stored });
          const packed = await new Response(new Blob([text]).stream()
            .pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer();
          return btoa(String.fromCharCode(...new Uint8Array(packed)))
            .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
        }""",
        change,
    )
    with page.expect_response(lambda reply: '"restore"' in (reply.request.post_data or "")):
        page.evaluate("(text) => { location.hash = 's=' + text; }", link)


def test_the_tree_stays_over_reload_export_and_link(
    page: Page, session_file: Path, tree: Tree, tmp_path: Path
) -> None:
    open_tree(page, session_file)
    before = drawn(page)
    page.reload()
    expect(figure(page).locator(".trace").first).to_be_visible()
    assert drawn(page) == before
    exported = saved(page, tmp_path / "again.json")
    assert search_tree(exported.problems[0]) == tree
    open_link(page)
    expect(page.locator(".bd-tree .bd-summary")).to_contain_text("Chosen under minimum")
    assert drawn(page) == before


def test_a_link_has_its_own_tree_or_none(page: Page, session_file: Path, tmp_path: Path) -> None:
    """It may hold anything; the tree of the results before it is not its own."""
    open_tree(page, session_file)
    open_link(page, search="{")
    expect(page.locator(".bd-tree .bd-summary")).to_contain_text("is damaged or of another version")
    exported = saved(page, tmp_path / "again.json")
    assert len(exported.problems[0].solutions) == 4
    assert search_tree(exported.problems[0]) is None
    page.reload()
    expect(page.locator(".bd-tree .bd-summary")).to_contain_text("is damaged or of another version")


def test_a_link_without_a_tree_has_none_and_leaves_the_list_alone(
    page: Page, session_file: Path, tmp_path: Path
) -> None:
    open_tree(page, session_file)
    tree = page.get_by_role("tab", name="Tree")
    listed = page.locator(".prm-list [role=option]")
    for odd in (None, 5, {"nodes": []}):
        open_link(page, search=odd, compared_search=None)
        expect(tree).to_be_hidden()
        expect(listed).to_have_attribute("aria-selected", "false")  # it is none of the list
        exported = saved(page, tmp_path / "again.json")
        assert len(exported.problems[0].solutions) == 4
        assert search_tree(exported.problems[0]) is None
        listed.click()
        expect(tree).to_be_visible()


def test_another_problem_has_no_tree(page: Page, session_file: Path, tmp_path: Path) -> None:
    open_tree(page, session_file)
    other = tmp_path / "other.jsonl"
    said_ = [{"steps": ["a", "b"], "scores": {"p": [0.2, 0.3]}}]
    other.write_text(json.dumps({"problem": "1 + 1?", "solutions": said_}) + "\n")
    choose(page, other)
    expect(page.get_by_role("tab", name="Tree")).to_be_hidden()
    expect(page.get_by_role("tab", name="Steps")).to_have_attribute("aria-selected", "true")


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 2},
        {"nodes": [{"parent": 5, "text": "x"}]},
        {"nodes": [{"parent": None, "text": "x", "probability": "<b>"}]},
        {"solutions": [99]},
        {"settings": {"way": HOSTILE}},
        {"nodes": None},
    ],
    ids=lambda one: next(iter(one)),
)
def test_a_damaged_tree_is_said_and_the_solutions_stay(
    page: Page, session_file: Path, damage: dict[str, Any]
) -> None:
    content = json.loads(session_file.read_text())
    content["problems"][0]["more"]["search"] |= damage
    session_file.write_text(json.dumps(content))
    choose(page, session_file)
    expect(page.locator(".bd-card")).to_have_count(4)
    open_tab(page, "Tree")
    expect(page.locator(".bd-tree .bd-summary")).to_contain_text("is damaged or of another version")


def test_hostile_text_in_a_tree_is_text(page: Page, session_file: Path) -> None:
    text = session_file.read_text()
    content = json.loads(text)
    search_ = content["problems"][0]["more"]["search"]
    search_["generator"] = search_["model"] = HOSTILE
    for one in search_["nodes"]:
        one["text"] = one["error"] = HOSTILE
    session_file.write_text(json.dumps(content))
    open_tree(page, session_file)
    expect(page.locator(".bd-tree .bd-summary")).to_contain_text(HOSTILE)
    figure(page).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".bd-tree-step")).to_contain_text("<img src=x onerror=alert(1)>")
    page.get_by_text("All steps as a list").click()
    assert page.locator(".bd-tree img, .bd-tree script").count() == 0


@looks
def test_axe_finds_nothing(open_page: OpenPage, session_file: Path, look: Any) -> None:
    page = open_page(**look)
    open_tree(page, session_file)
    figure(page).focus()
    page.keyboard.press("Enter")
    page.get_by_text("All steps as a list").click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# --- a search from the page -----------------------------------------------------------------------


def writer(body: dict[str, Any]) -> dict[str, Any]:
    """A step, another step, an answer; another one for each seed."""
    written = body["messages"][-1]["content"] if len(body["messages"]) > 1 else ""
    n = written.count("\n\n")
    text = f"Step {n} of seed {body['seed'] % 97}." if n < 2 else f"So \\boxed{{{50 + n}}}."
    more = {"stop_reason": "\n\n"} if n < 2 and body.get("stop") else {"stop_reason": None}
    content = {"message": {"role": "assistant", "content": text}}
    return {**content, **more, "usage": {"completion_tokens": 5}}


def fill_search(page: Page, url: str, *, way: str = "Beam search", n: int = 4) -> None:
    page.locator("#prm-problem").fill("What is 7 × 8?")
    if panel(page).count() == 0:
        page.get_by_role("button", name="Sample…").click()
    panel(page).get_by_label("Server").fill(url)
    panel(page).get_by_label("Model").fill("org/model")
    panel(page).get_by_label("Way").select_option(way)
    panel(page).get_by_label("Solutions").fill(str(n))
    if way != "Best of n":
        panel(page).get_by_label("Width").fill("2")
        panel(page).get_by_label("Rounds").fill("6")


def press(page: Page) -> None:
    panel(page).get_by_role("button", name="Search", exact=True).click()


def test_a_search_grows_on_the_page_and_is_a_session(page: Page, tmp_path: Path) -> None:
    page.locator(".prm-card textarea").first.fill("Mine.")
    turn = threading.Semaphore(4)  # the first round; the others are let through below

    def slow(body: dict[str, Any]) -> dict[str, Any]:
        turn.acquire(timeout=60)
        return writer(body)

    with serve(slow) as server:
        fill_search(page, server.url)
        press(page)
        growing = page.get_by_role("region", name="Search", exact=True)
        expect(growing.locator(".bd-summary")).to_contain_text("4 steps in 1 round")
        expect(panel(page)).to_contain_text("Round 2 of at most 6, 4 steps, 20 tokens")
        expect(figure(page).locator(".trace").first).to_be_visible()
        assert len(drawn(page)) == 4
        turn.release(100)
        expect(page.locator(".bd-card")).to_have_count(4)
        expect(growing).to_have_count(0)
    expect(page.get_by_role("tab", name="Tree")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".bd-tree .bd-summary")).to_contain_text("12 steps in 3 rounds, 60 tokens")
    expect(page.locator(".prm-session-title")).to_have_text("Searches")
    found = saved(page, tmp_path / "grown.json")
    tree = search_tree(found.problems[0])
    assert tree is not None
    assert (tree.status, tree.settings.way, tree.settings.width) == ("done", "beam", 2)
    assert [tree.text(i) for i in tree.solutions] == [
        one.text for one in found.problems[0].solutions
    ]
    # The numbers are those that the PRM gives for the same steps by itself.
    scores = page.locator(".bd-score").all_text_contents()
    page.locator(".prm-all, .prm-score").last.click()
    expect(page.locator(".prm-state")).to_contain_text("scored in")
    assert page.locator(".bd-score").all_text_contents() == scores
    page.reload()
    expect(figure(page).locator(".trace").first).to_be_visible()
    with serve(writer) as server:  # another one joins the list
        fill_search(page, server.url, way="DVTS")
        press(page)
        expect(page.locator(".prm-list [role=option]")).to_have_count(2)
        expect(page.locator(".bd-tree .bd-summary")).to_contain_text("DVTS, n = 4, width 2")
    page.locator(".prm-list [role=option]").first.click()
    expect(page.locator(".bd-tree .bd-summary")).to_contain_text("Beam search, n = 4, width 2")


def test_what_is_replaced_in_the_editor_can_be_had_back(page: Page) -> None:
    page.locator(".prm-card textarea").first.fill("Mine.")
    with serve(writer) as server:
        fill_search(page, server.url, way="Best of n", n=2)
        press(page)
        expect(page.locator(".bd-tree .bd-summary")).to_contain_text("Best of n, n = 2")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".prm-card textarea")).to_have_value("Mine.")


def test_cancel_keeps_the_tree_so_far(page: Page, tmp_path: Path) -> None:
    go_on, n_asked = threading.Event(), []

    def slow(body: dict[str, Any]) -> dict[str, Any]:
        n_asked.append(1)
        if len(n_asked) > 4:
            go_on.wait(60)
        return writer(body)

    with serve(slow) as server:
        fill_search(page, server.url)
        press(page)
        expect(panel(page)).to_contain_text("Round 2 of at most 6")
        panel(page).get_by_role("button", name="Cancel").click()
        expect(page.locator(".bd-tree .bd-summary")).to_contain_text("Not finished.")
        expect(page.locator(".bd-card")).to_have_count(2)  # the open paths
        go_on.set()
        found = saved(page, tmp_path / "cut.json")
        assert found.problems[0].status == "cancelled"
        expect(panel(page).get_by_role("button", name="Search")).to_be_enabled()
        press(page)  # another one at once
        expect(page.locator(".bd-tree .bd-summary")).to_contain_text("in 3 rounds")


class Held:
    """A writer that waits after so many answers, until it may go on."""

    def __init__(self, n_first: int) -> None:
        self.n_first, self.n_asked = n_first, 0
        self.go_on = threading.Event()

    def __call__(self, body: dict[str, Any]) -> dict[str, Any]:
        self.n_asked += 1
        if self.n_asked > self.n_first:
            self.go_on.wait(60)
        return writer(body)


def test_a_cancelled_search_goes_on_where_it_was(page: Page, tmp_path: Path) -> None:
    with serve(writer) as server:  # what it is at its end, grown in one go
        fill_search(page, server.url)
        press(page)
        expect(page.locator(".bd-tree .bd-summary")).to_contain_text("in 3 rounds")
        expect(page.get_by_role("button", name="Go on with this search")).to_be_hidden()
        whole = search_tree(saved(page, tmp_path / "whole.json").problems[0])
    page.get_by_role("button", name="Close the list").click()
    with serve(slow := Held(4)) as server:
        fill_search(page, server.url)
        press(page)
        expect(panel(page)).to_contain_text("Round 2 of at most 6")
        panel(page).get_by_role("button", name="Cancel").click()
        expect(page.locator(".bd-tree .bd-summary")).to_contain_text("Not finished.")
        panel(page).get_by_label("Way").select_option("DVTS")  # the tree says how it goes on
        panel(page).get_by_label("Model").fill("")
        n_before = len(server.requests)
        page.get_by_role("button", name="Go on with this search").click()
        slow.go_on.set()
        expect(page.locator(".bd-tree .bd-summary")).to_contain_text("12 steps in 3 rounds")
        expect(page.locator(".prm-list [role=option]")).to_have_count(2)  # in place of the half
        assert len(server.requests) - n_before == 8  # the first round is not written again
    again = search_tree(saved(page, tmp_path / "again.json").problems[0])
    assert whole is not None
    assert again is not None
    assert rounded(again) == rounded(whole)


def test_a_reload_keeps_what_has_grown(page: Page) -> None:
    with serve(slow := Held(4)) as server:
        fill_search(page, server.url)
        press(page)
        expect(panel(page)).to_contain_text("Round 2 of at most 6")
        page.reload()
        note = page.locator(".bd-note")
        expect(note).to_contain_text("The page was left before this search ended")
        expect(page.locator(".prm-list [role=option]")).to_have_count(1)
        open_tab(page, "Tree")
        expect(page.locator(".bd-tree .bd-summary")).to_contain_text("4 steps in 1 round")
        expect(page.locator(".bd-tree .bd-summary")).to_contain_text("Not finished.")
        slow.go_on.set()
        page.reload()  # once is enough
        expect(page.locator(".prm-list [role=option]")).to_have_count(1)
        page.get_by_role("button", name="Go on with this search").click()
        expect(page.locator(".bd-tree .bd-summary")).to_contain_text("12 steps in 3 rounds")
        expect(page.locator(".prm-list [role=option]")).to_have_count(1)


def test_errors_of_a_search_are_said_in_place(page: Page) -> None:
    alert = panel(page).get_by_role("alert")

    def refuse(body: dict[str, Any]) -> str:
        raise RefusedError(401)

    with serve(refuse) as server:
        fill_search(page, server.url, n=3)
        press(page)
        expect(alert).to_contain_text("n is 3, no multiple of the width 2")
        expect(panel(page).get_by_label("Width")).to_be_focused()
        panel(page).get_by_label("Solutions").fill("4")
        press(page)
        expect(alert).to_contain_text("type it")
        expect(panel(page).get_by_label("Key")).to_be_focused()
        expect(page.locator(".bd-empty")).to_be_visible()
    fill_search(page, server.url)
    press(page)  # nobody is there any more
    expect(alert).to_contain_text("Start the server, or correct its address.")


def test_of_a_large_tree_only_the_last_steps_are_drawn_while_it_grows(page: Page) -> None:
    """A drawing of all of it would hold the page up at every round."""
    nodes = [
        {"parent": None if i < 64 else i - 64, "text": "x\n\n", "probability": 0.9}
        for i in range(64 * 20)
    ]
    record = {
        "format": "prm-inspector-search",
        "version": 1,
        "generator": "g",
        "model": "m",
        "settings": {"way": "beam", "n": 64, "width": 4},
        "nodes": nodes,
    }
    expect(page.locator(".prm-board .bd-growing")).to_be_attached()  # the board listens
    page.evaluate(
        """(tree) => document.dispatchEvent(new CustomEvent("prm:growing", {
            detail: { tree, groups: [], aggregation: "min" } }))""",
        json.dumps(record),
    )
    summary = page.locator(".bd-tree .bd-summary")
    expect(summary).to_contain_text("Only the last steps are drawn while it grows.")
    expect(figure(page).locator(".trace").first).to_be_visible()
    assert [id for id, _ in drawn(page)] == [*range(64 * 11, 64 * 20)]  # 9 columns are under 600


@looks
def test_axe_finds_nothing_while_it_grows(open_page: OpenPage, look: Any) -> None:
    page = open_page(**look)
    go_on, n_asked = threading.Event(), []

    def slow(body: dict[str, Any]) -> dict[str, Any]:
        n_asked.append(1)
        if len(n_asked) > 4:
            go_on.wait(60)
        return writer(body)

    with serve(slow) as server:
        fill_search(page, server.url)
        press(page)
        expect(figure(page).locator(".trace").first).to_be_visible()
        found = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.close()
        go_on.set()
    assert found == []


def test_a_large_tree_is_few_parts_and_each_step_still_answers(page: Page, tmp_path: Path) -> None:
    """One part for each step and edge would stop the page for a quarter of a second."""
    tree = large_tree()
    problem = searched(tree, Problem("A tree"))
    export(search_session([problem], tree, 0.5), path := tmp_path / "large.json")
    choose(page, path)
    open_tab(page, "Tree")
    expect(figure(page).locator(".trace").first).to_be_attached()
    assert len(tree.nodes) == 2560
    assert figure(page).locator("path").count() < 200
    place = figure(page).evaluate(
        """(plot) => {
            const { xaxis, yaxis } = plot._fullLayout;
            const { left, top } = plot.getBoundingClientRect();
            const [trace] = plot.data.filter((one) => one.mode === "none");
            const k = trace.customdata.indexOf(70);
            return { x: left + xaxis._offset + xaxis.l2p(trace.x[k]),
                y: top + yaxis._offset + yaxis.l2p(trace.y[k]) };
        }"""
    )
    page.mouse.move(place["x"], place["y"])
    expect(said(page)).to_contain_text("Step 2.")
    page.mouse.down()
    page.evaluate("document.querySelector('.prm-theme').click()")  # a redraw
    page.mouse.up()
    expect(page.locator(".bd-tree-step")).to_contain_text(tree.nodes[70].text.strip())

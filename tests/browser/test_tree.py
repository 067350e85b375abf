"""The tree of a search on the page: drawn, walked through, kept, and growing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from prm_core.search.results import search_session, search_tree, searched
from prm_core.search.tree import Tree
from prm_core.session import Problem, Session, export, load_session
from tests.browser.conftest import OpenPage
from tests.browser.test_axe import looks, violations
from tests.browser.test_board import row
from tests.browser.test_problems import choose
from tests.browser.test_rules import open_tab
from tests.search.test_ways import PROBLEM, SECOND, search

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)> `${alert(1)}` <script>alert(2)</script>"


def figure(page: Page) -> Locator:
    return page.locator(".bd-tree .bd-figure")


def said(page: Page) -> Locator:
    return page.locator(".bd-tree .bd-cell")


def drawn(page: Page) -> list[tuple[int, str]]:
    """Each node's id and the colour or mark that it has, as Plotly drew it."""
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
    link = page.evaluate(
        """async () => {
          const stored = sessionStorage.getItem("prm-inspector.results");
          const text = JSON.stringify({ draft: prm.draft, method: "min", results: stored });
          const packed = await new Response(new Blob([text]).stream()
            .pipeThrough(new CompressionStream("deflate-raw"))).arrayBuffer();
          return btoa(String.fromCharCode(...new Uint8Array(packed)))
            .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
        }"""
    )
    page.evaluate("(text) => { location.hash = 's=' + text; }", link)
    expect(page.locator(".bd-tree .bd-summary")).to_contain_text("Chosen under minimum")
    assert drawn(page) == before


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

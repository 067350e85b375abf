"""Two searches of one problem side by side: chosen, said in words, kept, and looked at."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from prm_core.search.results import search_session, search_tree, searched
from prm_core.session import Problem, export
from tests.browser.conftest import OpenPage
from tests.browser.test_axe import looks, violations
from tests.browser.test_problems import choose
from tests.browser.test_rules import open_tab
from tests.browser.test_tree import HOSTILE, open_link, open_tree, saved
from tests.search.test_compare import search

pytestmark = pytest.mark.browser

WIDE = search(way="dvts")  # chooses 4
NARROW = search(way="beam", width=2)  # chooses 5
DIFFERS = "The first chooses 4 (right), the second 5 (wrong)."


def file_of(path: Path, *trees: Any) -> Path:
    problems = [searched(tree, Problem(tree.problem, gold_answer="4")) for tree in trees]
    export(search_session(problems, trees[0], 0.5), path)
    return path


def views(page: Page) -> Locator:
    return page.locator(".bd-tree:visible")


def said(page: Page) -> Locator:
    return page.locator(".bd-trees-said")


def compare(page: Page, words: str) -> None:
    select = page.get_by_label("Compare with")
    name = select.locator("option", has_text=words).first.text_content()
    select.select_option(label=name)


def chosen(page: Page) -> Locator:
    return page.get_by_label("Compare with").locator("option:checked")


@pytest.fixture
def both(tmp_path: Path) -> Path:
    return file_of(tmp_path / "both.json", WIDE, NARROW)


def test_two_searches_stand_side_by_side_with_what_differs(page: Page, both: Path) -> None:
    open_tree(page, both)
    expect(views(page)).to_have_count(1)
    expect(said(page)).to_be_hidden()
    compare(page, "problem 2: Beam search, n = 2, width 2")
    expect(said(page)).to_contain_text(DIFFERS)
    expect(said(page)).to_contain_text("Best score under last step: 0.95 against 0.30.")
    expect(views(page)).to_have_count(2)
    second = views(page).nth(1)
    expect(second.locator(".bd-summary")).to_contain_text("Chosen under last step: A.")
    expect(second.locator(".bd-group")).to_have_count(2)
    left, right = (views(page).nth(i).bounding_box() for i in (0, 1))
    assert left is not None
    assert right is not None
    assert right["x"] > left["x"] + left["width"]
    # Its solutions have no cards: a press opens the step there.
    second.get_by_role("button", name="B", exact=True).click()
    expect(second.locator(".bd-tree-step .bd-text")).to_have_text("The answer is 6.")
    page.get_by_role("radio", name="Product").check()
    expect(said(page)).to_contain_text("Best score under product: 0.76 against 0.27.")
    page.get_by_label("Compare with").select_option("no other search")
    expect(views(page)).to_have_count(1)


def test_both_stay_over_reload_export_link_and_another_problem(
    page: Page, both: Path, tmp_path: Path
) -> None:
    open_tree(page, both)
    compare(page, "Beam search")
    expect(said(page)).to_contain_text(DIFFERS)
    page.reload()
    expect(said(page)).to_contain_text(DIFFERS)
    expect(chosen(page)).to_have_text("both.json, problem 2: Beam search, n = 2, width 2")
    page.locator(".prm-list [role=option]").nth(1).click()
    expect(views(page)).to_have_count(1)
    expect(page.get_by_label("Compare with")).to_have_value("")
    page.locator(".prm-list [role=option]").first.click()
    expect(said(page)).to_contain_text(DIFFERS)
    (problem,) = saved(page, tmp_path / "again.json").problems
    assert search_tree(problem) == WIDE
    assert search_tree(replace(problem, more={"search": problem.more["compared_search"]})) == NARROW
    open_link(page)
    expect(said(page)).to_contain_text(DIFFERS)


def test_a_reopened_file_is_compared_with_what_was_open_before(
    page: Page, both: Path, tmp_path: Path
) -> None:
    open_tree(page, file_of(tmp_path / "one.json", WIDE))
    expect(page.get_by_label("Compare with")).to_be_hidden()
    choose(page, file_of(tmp_path / "two.json", replace(NARROW, problem="Else?")))
    expect(views(page).locator(".bd-summary")).to_contain_text("Beam search")
    expect(page.get_by_label("Compare with")).to_be_hidden()  # another problem
    choose(page, file_of(tmp_path / "three.json", NARROW))
    expect(page.locator(".prm-session-title")).to_have_text("three.json")
    choose(page, tmp_path / "one.json")
    open_tab(page, "Tree")
    compare(page, "three.json, problem 1: Beam search")
    expect(said(page)).to_contain_text(DIFFERS)
    path = tmp_path / "again.json"
    saved(page, path)
    page.get_by_role("button", name="Close the list").click()
    choose(page, path)
    open_tab(page, "Tree")
    expect(said(page)).to_contain_text(DIFFERS)
    expect(chosen(page)).to_contain_text("Beam search")


@pytest.mark.parametrize("damage", [{"version": 2}, {"nodes": [{"parent": 5, "text": "x"}]}])
def test_a_damaged_second_tree_leaves_the_first(
    page: Page, both: Path, damage: dict[str, Any]
) -> None:
    content = json.loads(both.read_text())
    first, second = content["problems"]
    first["more"]["compared_search"] = second["more"]["search"] | damage
    content["problems"] = [first]
    both.write_text(json.dumps(content))
    open_tree(page, both)
    expect(views(page).first.locator(".bd-summary")).to_contain_text("DVTS, n = 2, width 1")
    expect(views(page).nth(1).locator(".bd-summary")).to_contain_text("is damaged")


def test_hostile_text_in_both_is_text(page: Page, both: Path) -> None:
    content = json.loads(both.read_text())
    for problem in content["problems"]:
        tree = problem["more"]["search"]
        tree["generator"] = HOSTILE
        for node in tree["nodes"]:
            node["text"] = HOSTILE
    content["problems"][0]["more"]["compared_search"] = content["problems"][1]["more"]["search"]
    both.write_text(json.dumps(content))
    open_tree(page, both)
    expect(views(page).nth(1).locator(".bd-summary")).to_contain_text(HOSTILE)
    assert page.locator(".bd-tree img, .bd-tree script, .bd-trees-said img").count() == 0


@looks
def test_axe_finds_nothing(open_page: OpenPage, both: Path, look: Any) -> None:
    page = open_page(**look)
    open_tree(page, both)
    compare(page, "Beam search")
    expect(said(page)).to_contain_text(DIFFERS)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

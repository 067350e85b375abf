"""A session through the page: every problem looked at, a text edited, and everything out again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from prm_core.search.results import search_session, searched
from prm_core.session import (
    Draft,
    Model,
    Problem,
    Scores,
    Session,
    Settings,
    Solution,
    open_session,
    save_session,
)
from tests.browser.conftest import PROBLEM, SOLUTIONS, OpenPage
from tests.browser.test_export import copied_link, save
from tests.browser.test_page import expect_scored, fill, score, solutions
from tests.browser.test_problems import choose, options
from tests.browser.test_state import model_field
from tests.search.test_results import PROBLEM as SUM
from tests.search.test_results import tree
from tests.tiny import tiny_model

pytestmark = pytest.mark.browser


def solution(name: str, place: int) -> Solution:
    """A text whose lines one model judged, and whose sentences another one."""
    lines = f"{place} + 1 = {place + 1}. Then double it.", f"So {2 * place + 2}."
    sentences = f"{place} + 1 = {place + 1}.", "Then double it.", lines[1]
    other = Scores((0.5, place / 16, 0.125), steps=sentences) if place % 3 else Scores((0.25,))
    said = {"labels": (1.0, 0.0), "step_notes": ("", "why?"), "note": "<b>odd</b>"}
    return Solution(
        name,
        "\n".join(lines),
        lines,
        cut="line",
        generator="someone",
        answer=str(2 * place + 2),
        scores={"lines": Scores((1.0, place / 8)), "others": other},
        **(said if place % 2 else {}),
    )


def session() -> Session:
    """Three problems with eight solutions or a tree; two models, labels, notes, an edited text."""
    eight = tuple(solution(name, place) for place, name in enumerate("ABCDEFGH"))
    names = tuple(one.name for one in eight)
    texts = tuple(one.text for one in eight)
    edited = Draft("Twice 1 more?", "line", "4", names, ("I edited this.", *texts[1:]))
    grown = tree()
    found = search_session([searched(grown, SUM)], grown, 0.4)
    problems = (
        Problem("Twice 1 more?", "p1", eight, "4", source="sums", note="mind", rule="line"),
        Problem("Twice 1 more?", "p2", eight, "4", rule="line", draft=edited),
        replace(found.problems[0], id="p3"),
    )
    models = Model("lines", "By line", threshold=0.375, recorded=True), Model("others", "By sent.")
    return Session(
        problems,
        (*models, *found.models),
        Settings("lines", "others", aggregation="mean", threshold=0.25, problem=2),
        "Twice",
        "A note.",
        "ada",
        {"more": [1]},
    )


def opened(page: Page, path: Path) -> None:
    """The file, and each of its problems looked at."""
    choose(page, path)
    expect(page.locator(".bd-tree, .prm-list [aria-selected=true]").first).to_be_visible()
    for place, text in enumerate(("Twice 1 more?", "Twice 1 more?", "What is 2 + 2?")):
        options(page).nth(place).click()
        expect(options(page).nth(place)).to_have_attribute("aria-selected", "true")
        expect(page.locator("#prm-problem")).to_have_value(text)
        if place < 2:
            expect(page.locator(".bd-card:has(.bd-row)")).to_have_count(8)


def saved(page: Page, entry: str, path: Path) -> Session:
    page.get_by_role("button", name="Export").click()
    whole = page.get_by_role("menuitemcheckbox", name="All 3 problems")
    if whole.get_attribute("aria-checked") != "true":
        whole.click()
    with page.expect_download() as waited:
        page.get_by_role("menuitem", name=entry).click()
    waited.value.save_as(path)
    return open_session(path).session


def test_a_session_comes_back_equal(open_page: OpenPage, tmp_path: Path) -> None:
    """From every kind of file that holds everything, from a reload and from a link."""
    whole = session()
    save_session(whole, tmp_path / "session.json")
    page = open_page()
    opened(page, tmp_path / "session.json")
    assert saved(page, "Session", tmp_path / "again.json") == whole
    assert saved(page, "Rows of score", tmp_path / "again.jsonl") == whole
    assert saved(page, "Report", tmp_path / "again.html") == whole
    page.reload()
    expect(options(page)).to_have_count(3)
    expect(page.locator("#prm-problem")).to_have_value("What is 2 + 2?")
    expect(page.locator(".bd-card").first).to_be_visible()
    assert saved(page, "Session", tmp_path / "reloaded.json") == whole
    link = copied_link(page)
    other = open_page()
    other.goto("about:blank")
    other.goto(link)
    expect(options(other)).to_have_count(3)
    expect(other.locator(".bd-card").first).to_be_visible()
    assert saved(other, "Session", tmp_path / "linked.json") == whole


def test_scores_of_two_models_stay_with_the_steps_that_each_judged(
    open_page: OpenPage, tmp_path: Path
) -> None:
    """One judged lines, the other one whole paragraphs; one text was edited since."""
    page = open_page()
    fill(page, PROBLEM, *SOLUTIONS)
    score(page)
    expect_scored(page, 3)
    model_field(page).fill(str(tiny_model(tmp_path / "second", seed=77)))
    page.get_by_label("steps:", exact=True).select_option("paragraph")
    score(page)
    expect(page.locator(".bd-judge")).to_contain_text("second")
    expect(page.locator(".bd-card:has(.bd-row)")).to_have_count(3)
    solutions(page).nth(1).fill("Edited.")
    kept = {}
    for entry in ("Session", "Report", "Rows of score"):
        path = save(page, entry, tmp_path)
        kept[entry] = open_session(path).session
    assert kept["Session"] == kept["Report"] == kept["Rows of score"]
    (problem,) = kept["Session"].problems
    first, second = (one.id for one in reversed(kept["Session"].models))
    for one, text in zip(problem.solutions, SOLUTIONS, strict=True):
        assert one.text == text
        judged = [one.scored(problem.problem, name) for name in (first, second)]
        steps = [by.candidate.steps for by in judged if by is not None]
        assert steps[0] == tuple(text.splitlines())
        assert len(steps[1]) != len(steps[0])
    assert problem.draft is not None
    assert problem.draft.texts == (SOLUTIONS[0], "Edited.", SOLUTIONS[2])
    link = copied_link(page)
    for how in ("file", "link"):
        other = open_page()
        if how == "file":
            choose(other, path)
        else:
            other.goto("about:blank")
            other.goto(link)
        expect(solutions(other).nth(1)).to_have_value("Edited.")
        expect(other.locator(".bd-card:has(.bd-row)")).to_have_count(3)
        expect(other.locator(".bd-judge")).to_contain_text("second")
        (again,) = open_session(save(other, "Session", tmp_path)).session.problems
        assert again.solutions == problem.solutions
        assert again.draft == problem.draft

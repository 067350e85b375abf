"""Who leads, in words: verdict.js on values that Python makes."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from prm_core.paths import page_script
from prm_core.ranking.aggregate import METHODS
from prm_core.ranking.rank import rank
from prm_core.types import ScoredCandidate
from prm_core.ui.board import board_value
from tests.ui.test_board import MENDED, PROBLEM, RIGHT, WRONG, scored

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Page:
    """A page with nothing but `Verdict`."""
    page = browser.new_page()
    page.add_script_tag(content=page_script("verdict.js") + "\nwindow.Verdict = Verdict;")
    return page


def value(*candidates: ScoredCandidate) -> dict[str, Any]:
    return board_value(PROBLEM, candidates, status="done")


def words(
    page: Page, *candidates: ScoredCandidate, method: str = "min", without: str = ""
) -> tuple[str, str]:
    """The verdict in its two parts, of the candidates that are still there."""
    said = page.evaluate(
        """([value, method, without]) => {
            const there = value.candidates.filter((one) => !without.includes(one.letter));
            return Verdict.words(there, value.methods, method, value.threshold);
        }""",
        [value(*candidates), method, without],
    )
    return said["lead"], said["rest"]


STEADY, LATE = scored(0.8, 0.8), scored(0.6, 0.99)


def test_the_rules_are_named(blank: Page) -> None:
    assert words(blank, STEADY, LATE) == (
        "A leads under every rule but last step and maximum.",
        "Under last step and maximum, B leads.",
    )
    assert words(blank, STEADY, LATE, method="last") == (
        "B leads under last step and maximum.",
        "Under every other rule, A leads.",
    )


def test_who_is_level_is_named(blank: Page) -> None:
    assert words(blank, RIGHT, WRONG, scored(0.97, 0.06, 0.93, 0.96)) == (
        "A leads under every rule but last step and maximum.",
        "Under last step, C is level with A. Under maximum, all 3 are level.",
    )
    assert words(blank, RIGHT, WRONG, MENDED, method="last")[0] == (
        "A and C are level under last step."
    )
    assert words(blank, RIGHT, RIGHT) == ("A and B are level under every rule.", "")
    assert words(blank, RIGHT, RIGHT, RIGHT)[0] == "all 3 are level under every rule."
    assert words(blank, *[RIGHT] * 5, WRONG)[0].startswith("A, B and 3 more are level under")


def test_a_leader_with_a_fault_is_not_praised(blank: Page) -> None:
    assert words(blank, WRONG, scored(0.02, 0.01))[1].endswith(
        "Every solution has a step below 0.5."
    )
    assert words(blank, WRONG) == (
        "A is the only solution that is scored.",
        "It has a step below 0.5.",
    )


def test_a_verdict_is_of_those_that_are_there(blank: Page) -> None:
    assert words(blank, RIGHT, WRONG, MENDED, method="mean", without="A")[0].startswith("C leads")
    assert words(blank, RIGHT, WRONG, without="B")[0] == "A is the only solution that is scored."
    assert "Every solution has a step below" in words(blank, RIGHT, WRONG, MENDED, without="A")[1]
    assert words(blank, without="") == ("", "")


def test_places_of_some_are_those_that_the_library_gives_them(blank: Page) -> None:
    """Whoever is left out: ranked anew, the others stand as they would alone."""
    candidates = [WRONG, RIGHT, MENDED, RIGHT, STEADY]
    of_all = value(*candidates)
    for some in combinations(range(len(candidates)), 3):
        there = [of_all["candidates"][i] for i in some]
        for method in METHODS:
            found = dict(blank.evaluate("a => [...Verdict.standing(...a)]", [there, method]))
            for place in rank([candidates[i] for i in some], method):
                letter = there[place.index]["letter"]
                assert found[letter] == {"rank": place.rank, "tied": place.tied}

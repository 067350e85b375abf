"""The page in a real browser: one server and one Chromium for all tests, a new profile for each.

Every test fails on an error in the browser's console, on a traceback in the server's log and on a
request to another host; it leaves a picture in `test-artifacts/` when it fails.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    expect,
    sync_playwright,
)

from prm_core.ranking.rank import rank
from prm_core.types import Candidate, ScoredCandidate
from tests.browser.apps import ROOT, START_S, App

ARTIFACTS = ROOT / "test-artifacts"

ENDS_MS = 400_000  # a long run, while other work may have the processors
PATIENCE_MS = 60_000  # only so that it ends: a page that shares a slow machine takes as long


@contextmanager
def serving(log: Path, **settings: str) -> Iterator[App]:
    """`python app.py` with these settings, until the block ends."""
    app = App(log, **settings)
    try:
        app.start()
        yield app
    finally:
        app.kill()


# Gradio closes its streams when a page is left and writes what it cut off into the console as an
# error. Nobody is there to see it, so what a page says after it was left does not count.
LEAVING, ARRIVED = "test: the page is left", "test: the page is new"
SAY_WHEN_LEAVING = f"""
    console.debug({ARRIVED!r});
    addEventListener("beforeunload", () => console.debug({LEAVING!r}));
"""

PROBLEM = "What is 7 × 8?"
SOLUTIONS = (
    "I need to multiply 7 by 8.\n7 × 8 = 56.\nThe answer is 56.",
    "I need to multiply 7 by 8.\n7 × 8 = 54.\nThe answer is 54.",
    "I need to multiply 7 by 8.\n7 × 8 = 54.\nWait, let me check: 7 × 8 = 56.\nThe answer is 56.",
)


def telling(scored: Sequence[ScoredCandidate]) -> bool:
    """Three colours, no number that rounds to a limit, and "last" orders otherwise than "min"."""
    p = [x for one in scored for x in one.probabilities]
    colours = {(x > 0.4) + (x > 0.7) for x in p}
    clear = all(abs(x - limit) > 0.01 for x in p for limit in (0.4, 0.5, 0.7))
    orders = []
    for method in ("min", "last"):
        ranking = rank(scored, method)
        gaps = [a.score - b.score for a, b in pairwise(ranking)]
        clear = clear and min(gaps) > 0.01
        orders.append([one.index for one in ranking])
    return len(colours) == 3 and clear and orders[0] != orders[1]


@pytest.fixture(scope="session")
def tiny_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model with random weights whose opinion of `SOLUTIONS` shows what the page can."""
    from prm_core.scoring.load import load_scorer
    from tests.tiny import tiny_model

    candidates = [Candidate(PROBLEM, tuple(text.splitlines())) for text in SOLUTIONS]
    path = tmp_path_factory.mktemp("models") / "tiny"
    for seed in range(1000):
        scorer = load_scorer(str(tiny_model(path, seed=seed)), device="cpu")
        if telling(scorer.score(candidates)):
            return path
    pytest.fail("no tiny model has a telling opinion")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, tiny_dir: Path) -> Iterator[App]:
    log = tmp_path_factory.mktemp("server") / "log"
    with serving(log, PRM_INSPECTOR_MODEL=str(tiny_dir)) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; a module's own, because the driver's event loop disturbs other tests.

    Without its window if there is that package: a page then takes a quarter of the work.
    """
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        # Where changes are judged nothing may pass by not being looked at.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "no Chromium on this machine; apt-get install chromium-headless-shell"
        )
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, server: App, request: pytest.FixtureRequest) -> Iterator[OpenPage]:
    """Open the page in a new profile; `url` and Playwright's context options can be given."""
    contexts: list[Any] = []
    wrong: list[str] = []
    request.node.pages = []

    def watch(page: Page, home: str) -> None:
        leaving = False

        def on_request(seen: Request) -> None:
            if not seen.url.startswith((home, "data:", "blob:")):
                wrong.append(f"request to another host: {seen.url}")

        def on_console(line: ConsoleMessage) -> None:
            nonlocal leaving
            if line.text in (LEAVING, ARRIVED):
                leaving = line.text == LEAVING
            elif line.type in ("error", "warning") and not leaving:
                wrong.append(f"console: {line.text}")

        page.add_init_script(SAY_WHEN_LEAVING)
        page.on("request", on_request)
        page.on("pageerror", lambda error: wrong.append(f"error in the page: {error}"))
        page.on("console", on_console)
        page.on("dialog", lambda dialog: wrong.append(f"a script ran: {dialog.message}"))

    def open_one(url: str = server.url, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        context.on("page", lambda page: watch(page, url))
        page = context.new_page()
        request.node.pages.append(page)
        page.goto(url)
        expect(page.locator(".prm-card textarea, .prm-board").first).to_be_visible()
        if url == server.url:  # its model takes as long as it takes, where it is being loaded
            badge = page.locator(".prm-badge")
            expect(badge).not_to_have_attribute("data-kind", "loading", timeout=START_S * 1000)
        return page

    said_before = len(server.log.read_text())
    yield open_one
    if "Traceback" in (said := server.log.read_text()[said_before:]):
        wrong.append(said)
    for context in contexts:
        context.close()
    assert not wrong, wrong


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()


@pytest.fixture(scope="session")
def board_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = App(tmp_path_factory.mktemp("board") / "log", "tests/browser/board_app.py")
    app.start()
    yield app.url
    app.kill()


@pytest.fixture
def board(open_page: OpenPage, board_url: str) -> Page:
    return open_page(board_url)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a picture of what a failed test saw."""
    report = yield
    if report.failed and call.when == "call":
        ARTIFACTS.mkdir(exist_ok=True)
        for number, page in enumerate(getattr(item, "pages", [])):
            with suppress(Error):  # a page may be too busy for a picture
                page.screenshot(path=ARTIFACTS / f"failed-{item.name}-{number}.png")
    return report

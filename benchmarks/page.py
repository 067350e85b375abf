"""How fast the page feels, from the command to the last picture.

    python benchmarks/page.py

Starts the app and a headless Chromium, scores three solutions of ten steps with the default model,
several times with new numbers each time, then 16 of 8 and 64 of 40 for which a file has another
model's scores too, opens the gallery, a search's tree of 2,560 steps and a file of 10,000 problems,
and makes a report. Prints medians beside what is wanted. All times but the first and the last are
taken inside the page, from the event to the frame that shows its result; "longest task" is the
longest one of the browser's main thread.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from prm_core import Candidate, ScoredCandidate, session_html  # noqa: E402
from prm_core.search.results import search_session, searched  # noqa: E402
from prm_core.search.tree import Node, Settings, Tree  # noqa: E402
from prm_core.session import Problem, export, from_scored  # noqa: E402

ROUNDS = 7
PAUSE_MS = 250  # between two measurements, so that none has another's work

# From the press to the frame after the first bar with the wanted text stands in the page.
SCORE = """(wanted) => new Promise((done) => {
    const began = performance.now();
    const look = () => {
        const shown = document.querySelector(".bd-row")
            && document.querySelector(".bd-results").textContent.includes(wanted);
        requestAnimationFrame(shown ? () => done(performance.now() - began) : look);
    };
    document.querySelector(".prm-score").click();
    look();
})"""
# From the change of a control to the frame in which something reads otherwise.
CHANGE = """([control, value, shown]) => new Promise((done) => {
    const text = () => document.querySelector(shown).textContent;
    const [began, before] = [performance.now(), text()];
    const look = () => text() === before && performance.now() - began < 10_000
        ? requestAnimationFrame(look)
        : requestAnimationFrame(() => done(performance.now() - began));
    const node = document.querySelector(control);
    if (value === null) node.click();
    else {
        node.value = value;
        node.dispatchEvent(new Event("input", { bubbles: true }));
    }
    look();
})"""
# The longest task of the main thread from a press until a text stands somewhere, in milliseconds.
LONGEST = """([control, where, wanted]) => new Promise((done) => {
    let longest = 0;
    const observer = new PerformanceObserver((list) => {
        for (const one of list.getEntries()) longest = Math.max(longest, one.duration);
    });
    observer.observe({ type: "longtask" });
    document.querySelector(control).click();
    const look = () => document.querySelector(where)?.textContent.includes(wanted)
        ? setTimeout(() => done(longest), 500)
        : setTimeout(look, 100);
    setTimeout(look, 300);
})"""
TABS = ("Steps", "Overview", "Rules", "Answers", "Models", "Table")

N_PROBLEMS = 10_000


def solution(number: int, wrong: int, n_steps: int = 10) -> str:
    """So many steps of sums from `number`; the one at `wrong` is false."""
    lines = []
    for step in range(n_steps):
        total = number + 3 + (1 if step == wrong else 0)
        lines.append(f"{number} + 3 = {total}")
        number = total
    return "\n".join(lines)


def measure(page: Page, round_number: int) -> float:
    """Type three new solutions and press Score; milliseconds to the first bars."""
    first = 10 + round_number
    page.locator("#prm-problem").fill(f"Add 3 ten times to {first}.")
    areas = page.locator(".prm-card textarea")
    while areas.count() < 3:
        page.get_by_role("button", name="+ Add").click()
    for place, wrong in enumerate((99, 3, 7)):
        areas.nth(place).fill(solution(first, wrong))
    page.wait_for_timeout(300)
    return float(page.evaluate(SCORE, f"{first} + 3 ="))


def open_rows(page: Page, rows: list[dict[str, object]], folder: Path) -> None:
    """Open a file of these rows, up to the list."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    page.locator(".prm-open input[type=file]").set_input_files(path)


def measure_views(page: Page, n: int, n_steps: int, folder: Path) -> dict[str, list[float]]:
    """Score so many solutions; milliseconds of what is done with them."""
    solutions = [solution(10 + i, i % n_steps, n_steps) for i in range(n)]
    scores = [[(i * 7 + k * (i + 3)) % 60 / 60 for k in range(n_steps)] for i in range(n)]
    row = {"problem": f"{n} of {n_steps}", "completions": solutions, "scores": scores}
    open_rows(page, [row], folder)
    page.wait_for_function(
        "(n) => document.querySelector('#prm-problem').value.startsWith(n)", arg=f"{n} of"
    )
    page.get_by_text("Judged by").wait_for()
    size = f"{n} x {n_steps}"
    run = [".prm-score", ".prm-state", "scored in"]
    found = {f"longest task while {size} stream in": [float(page.evaluate(LONGEST, run))]}
    rules = [f".prm-board input[value={rule}]" for rule in ("last", "min") * (ROUNDS // 2)]
    for tab in TABS:
        page.get_by_role("tab", name=tab, exact=True).click()
        page.wait_for_timeout(PAUSE_MS)
        for rule in rules:
            change = page.evaluate(CHANGE, [rule, None, ".bd-rule"])
            found.setdefault(f"another rule, {tab}, {size}", []).append(float(change))
            page.wait_for_timeout(PAUSE_MS)
        for i in range(ROUNDS):
            slide = [".bd-threshold input", str(0.3 + 0.02 * i), ".bd-rule"]
            change = page.evaluate(CHANGE, slide)
            found.setdefault(f"another threshold, {tab}, {size}", []).append(float(change))
            page.wait_for_timeout(PAUSE_MS)
    page.get_by_role("tab", name="Steps", exact=True).click()
    return found


def large_tree() -> Tree:
    """A search with 64 paths of 40 steps, of which 16 go on in every round."""
    rng = random.Random(0)
    nodes: list[Node] = []
    left: list[int | None] = [None]
    for step in range(40):
        column = list(range(len(nodes), len(nodes) + 64))
        kept = set(rng.sample(column, 16))
        for k, i in enumerate(column):
            pruned = "" if i in kept else "score"
            node = Node(i, left[k % len(left)], f"{step} + {k}\n\n", step, 5, "step")
            p = rng.random()
            before = nodes[parent].probabilities if (parent := node.parent) is not None else ()
            nodes.append(
                replace(node, probability=p, score=p, probabilities=(*before, p), pruned=pruned)
            )
        left = sorted(kept)
    tree = Tree("A tree", Settings(n=64, width=4), "writer", "judge", tuple(nodes))
    return replace(tree, solutions=tuple(i for i in left if i is not None), status="done")


def measure_tree(page: Page, folder: Path) -> dict[str, list[float]]:
    """Open the tab of a large tree; milliseconds of the longest task."""
    tree = large_tree()
    problem = searched(tree, Problem("A tree"))
    export(search_session([problem], tree, 0.5), path := folder / "tree.json")
    page.locator(".prm-open input[type=file]").set_input_files(path)
    tab = page.get_by_role("tab", name="Tree", exact=True)
    tab.wait_for()
    selector = f"#{tab.get_attribute('id')}"
    steps = "#" + str(page.get_by_role("tab", name="Steps", exact=True).get_attribute("id"))
    times = []
    for _ in range(ROUNDS):
        page.locator(steps).click()
        page.wait_for_timeout(PAUSE_MS)
        shown = [selector, ".bd-tree .bd-summary", "2,560 steps"]
        times.append(float(page.evaluate(LONGEST, shown)))
    return {"longest task when a tree of 2,560 steps is opened": times}


def measure_report() -> float:
    """Milliseconds for a report of 64 x 40."""
    steps = [solution(10 + i, 50, 40).split("\n") for i in range(64)]
    scored = [
        ScoredCandidate(Candidate("Add.", tuple(one)), (0.9,) * 40, (2.2,) * 40, "a-model")
        for one in steps
    ]
    began = time.perf_counter()
    session_html(from_scored(scored))
    return 1000 * (time.perf_counter() - began)


WANTED_MS = {
    "command to page": 4000,
    "Score to first bars, 3 x 10": 1000,
    **{f"another {what}, {tab}, 16 x 8": 100 for what in ("rule", "threshold") for tab in TABS},
    **{f"another {what}, {tab}, 64 x 40": 300 for what in ("rule", "threshold") for tab in TABS},
    "longest task when a tree of 2,560 steps is opened": 100,
    "gallery": 2000,
    f"a file of {N_PROBLEMS:,} problems": 3000,
    "report of 64 x 40": 2000,
    "longest task while 64 x 40 stream in": 100,
}


def main() -> None:
    """Print the medians."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"PORT": str(port), "HOST": "127.0.0.1"}
    found: dict[str, list[float]] = {}
    began = time.monotonic()
    app = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        while True:
            try:
                urllib.request.urlopen(url, timeout=5).read()
                break
            except OSError:
                time.sleep(0.02)
        found["command to page"] = [1000 * (time.monotonic() - began)]
        with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("chromium-headless-shell")
            )
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(url)
            page.get_by_text("ready").wait_for()
            found["Score to first bars, 3 x 10"] = [measure(page, n) for n in range(ROUNDS)]
            for n, n_steps in ((16, 8), (64, 40)):
                found |= measure_views(page, n, n_steps, Path(folder))
            found |= measure_tree(page, Path(folder))
            rows: list[dict[str, object]] = [
                {"problem": f"What is {i} + {i}?", "solutions": [f"It is {2 * i}."]}
                for i in range(N_PROBLEMS)
            ]
            began = time.perf_counter()
            open_rows(page, rows, Path(folder))
            page.get_by_text(f"{N_PROBLEMS:,} problems").wait_for()
            took = 1000 * (time.perf_counter() - began)
            found[f"a file of {N_PROBLEMS:,} problems"] = [took]
            fresh = browser.new_page(viewport={"width": 1280, "height": 900})
            fresh.goto(url)
            fresh.get_by_text("ready").wait_for()
            fresh.locator(".bd-empty h2").wait_for()
            opened = fresh.evaluate(CHANGE, [".prm-open-gallery", None, ".bd-cards"])
            found["gallery"] = [float(opened)]
            browser.close()
        found["report of 64 x 40"] = [measure_report() for _ in range(3)]
        for name, times in found.items():
            wanted = f", wanted {WANTED_MS[name]:,}" if name in WANTED_MS else ""
            print(f"{name}: {statistics.median(times):,.0f} ms (worst {max(times):,.0f}){wanted}")
    finally:
        app.terminate()
        app.wait()


if __name__ == "__main__":
    main()

"""How fast the page feels, from the command to the last picture.

    python benchmarks/page.py

Starts the app and a headless Chromium, scores three solutions of ten steps with the default model,
several times with new numbers each time, then 16 of 8 and 64 of 40, opens the gallery and a file
of 10,000 problems, and makes a report. Prints medians beside what is wanted. All times but the
first and the last are taken inside the page, from the event to the frame that shows its result.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from prm_core import Candidate, ScoredCandidate, session_html  # noqa: E402
from prm_core.session import from_scored  # noqa: E402

ROUNDS = 7

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
# The longest task of the main thread while a run streams in, in milliseconds.
LONGEST = """() => new Promise((done) => {
    let longest = 0;
    const observer = new PerformanceObserver((list) => {
        for (const one of list.getEntries()) longest = Math.max(longest, one.duration);
    });
    observer.observe({ type: "longtask" });
    document.querySelector(".prm-score").click();
    const look = () => /scored in/.test(document.querySelector(".prm-state").textContent)
        ? setTimeout(() => done(longest), 500)
        : setTimeout(look, 100);
    setTimeout(look, 300);
})"""

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
    open_rows(page, [{"problem": f"{n} of {n_steps}", "solutions": solutions}], folder)
    page.wait_for_function(
        "(n) => document.querySelector('#prm-problem').value.startsWith(n)", arg=f"{n} of"
    )
    size = f"{n} x {n_steps}"
    found = {f"longest task while {size} stream in": [float(page.evaluate(LONGEST))]}
    rules = [f".prm-board input[value={rule}]" for rule in ("last", "min") * ROUNDS]
    found[f"another rule, {size}"] = [
        float(page.evaluate(CHANGE, [rule, None, ".bd-rule"])) for rule in rules
    ]
    found[f"another threshold, {size}"] = [
        float(page.evaluate(CHANGE, [".bd-threshold input", str(0.3 + 0.02 * i), ".bd-rule"]))
        for i in range(ROUNDS)
    ]
    return found


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
    "another rule, 16 x 8": 100,
    "another threshold, 16 x 8": 100,
    "another rule, 64 x 40": 300,
    "another threshold, 64 x 40": 300,
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
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(url)
            page.get_by_text("ready").wait_for()
            found["Score to first bars, 3 x 10"] = [measure(page, n) for n in range(ROUNDS)]
            for n, n_steps in ((16, 8), (64, 40)):
                found |= measure_views(page, n, n_steps, Path(folder))
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

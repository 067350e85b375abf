"""How fast the page feels: command → page, Score → first bars, another rule → new order.

    python benchmarks/page.py

Starts the app and a headless Chromium, scores three candidates of ten steps with the default
model, several times with new numbers each time, and prints medians. All times are taken inside
the page, from the event to the frame that shows its result.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parent.parent
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
# From the click to the frame in which the first card is another one.
SWITCH = """(rule) => new Promise((done) => {
    const began = performance.now();
    document.querySelector(`.prm-board input[value=${rule}]`).click();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
})"""


def solution(number: int, wrong: int) -> str:
    """Ten steps of sums from `number`; the one at `wrong` is false."""
    lines = []
    for step in range(10):
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


def main() -> None:
    """Print the three medians."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"PORT": str(port), "HOST": "127.0.0.1"}
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
        print(f"command to page: {time.monotonic() - began:.1f} s")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(url)
            page.get_by_text("ready").wait_for()
            scored = [measure(page, n) for n in range(ROUNDS)]
            switched = [
                float(page.evaluate(SWITCH, rule))
                for _ in range(ROUNDS)
                for rule in ("last", "min", "mean", "prod")
            ]
            browser.close()
        for name, times in (("Score to first bars", scored), ("another rule", switched)):
            print(f"{name}: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")
    finally:
        app.terminate()
        app.wait()


if __name__ == "__main__":
    main()

"""Takes the pictures of docs/guide.md again, of the gallery on a running page.

`python app.py`, and then `python docs/write_pictures.py http://127.0.0.1:7860`. The picture of a
search's tree needs a generator; it is taken by hand.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, expect, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
PROBLEM = 3  # its most frequent answer is wrong, and so is the leader's
TALL_PX = {"Overview": 1100, "Rules": 1100, "Answers": 950, "Models": 1330}
"""What is shown of the tabs' right side."""


def open_problem(page: Page) -> None:
    expect(page.locator(".prm-badge")).to_have_attribute("data-kind", "ready")
    page.get_by_role("button", name="Gallery", exact=True).click()
    page.locator(".prm-list [role=option]").nth(PROBLEM).click()
    expect(page.locator(".bd-problem")).to_contain_text("Raymond")
    expect(page.locator(".bd-card")).to_have_count(16)


def open_tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()
    page.wait_for_timeout(2000)  # figures are drawn, and the steps on the left are known


def label(page: Page) -> None:
    """Mark the first error, with a note."""
    page.locator(".bd-label-row").first.click()
    page.keyboard.press("e")
    page.keyboard.press("c")
    page.keyboard.type("He is the older one: 31 + 6 = 37.")
    page.keyboard.press("Escape")


def write(url: str) -> None:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        size: ViewportSize = {"width": 1280, "height": 860}
        page = chromium.new_page(viewport=size, reduced_motion="reduce")
        page.goto(url)
        open_problem(page)
        open_tab(page, "Steps")
        page.screenshot(path=PICTURES / "steps.png")
        for name, tall in TALL_PX.items():
            page.set_viewport_size({"width": 1280, "height": tall + 200})
            open_tab(page, name)
            right = page.locator("#prm-right").bounding_box()
            assert right
            page.screenshot(
                path=PICTURES / f"{name.lower()}.png",
                clip={**right, "height": min(right["height"], tall)},
            )
        page.set_viewport_size({"width": 1280, "height": 1000})
        open_tab(page, "Labels")
        label(page)
        page.screenshot(path=PICTURES / "labels.png")
        chromium.close()


if __name__ == "__main__":
    write(sys.argv[1])

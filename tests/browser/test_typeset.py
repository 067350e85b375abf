"""Markdown and mathematics in the browser: what is read, what is left as it was written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from prm_core.paths import assets_dir, page_script

pytestmark = pytest.mark.browser

VENDOR = assets_dir() / "vendor"


@pytest.fixture(scope="module")
def blank(browser: Browser) -> Page:
    """A page with nothing but the libraries and `Typeset`."""
    page = browser.new_page()
    page.set_content("<!doctype html><title>Typeset</title>")  # KaTeX asks for a doctype
    for name in ("katex/katex.min.js", "markdown-it/markdown-it.min.js"):
        page.add_script_tag(path=VENDOR / name)
    page.add_script_tag(
        content=page_script("formulas.js", "typeset.js")
        + "\nObject.assign(window, { Typeset, Formulas });"
    )
    page.evaluate(
        """() => {
            window.whole = async (text) => {
                const node = document.createElement("div");
                document.body.replaceChildren(node);
                Typeset.show(node, text);
                await new Promise((done) => Typeset.soon(done));
                await new Promise((done) => Typeset.soon(done));
                return node;
            };
        }"""
    )
    return page


def formulas(page: Page, text: str) -> list[list[Any]]:
    found: list[list[Any]] = page.evaluate("(text) => Formulas.find(text)", text)
    return found


def html(page: Page, text: str) -> str:
    made: str = page.evaluate("async (text) => (await whole(text)).innerHTML", text)
    return made


def said(page: Page, text: str) -> str:
    words: str = page.evaluate("async (text) => (await whole(text)).textContent", text)
    return words


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("So $x=2$.", ["x=2"]),
        ("$$a$$ and $b$", ["a", "b"]),
        (r"\(a\) and \[b\]", ["a", "b"]),
        (r"$\frac{1}{2}$", [r"\frac{1}{2}"]),
        (r"a price of \$5 and $x$", ["x"]),
        ("He has $5 and she has $6.", []),
        ("$5 and 6$", []),
        ("It costs $20 for lunch and 30$ for dinner", []),
        ("US$5 and US$6", []),
        ("$5$ apples", ["5"]),
        ("`${1+1}` and ${x}", []),
        ("$ a $ b", []),
        ("no formula", []),
        (r"\frac alone", []),
        (r"Answer: \boxed{\frac{1}{2}}.", [r"\boxed{\frac{1}{2}}"]),
        (r"\boxed{no end", []),
        (r"in $\boxed{5}$", [r"\boxed{5}"]),
        ("`$x$` is code, $y$ is not", ["y"]),
        ("```\n$x$\n```\n$y$", ["y"]),
        ("a\n~~~~~\n$x$\n~~~~~\n$y$", ["x", "y"]),
        ("\\begin{align*}\nx &= 1\n\\end{align*}", ["\\begin{align*}\nx &= 1\n\\end{align*}"]),
        (r"\begin{itemize}x\end{itemize}", []),
        ("\\[\n- 3 + x = 2\n\\]", ["\n- 3 + x = 2\n"]),
        ("$" + "x" * 5000 + "$", []),
    ],
)
def test_formulas_are_told_from_money_and_code(blank: Page, text: str, wanted: list[str]) -> None:
    assert [one[2] for one in formulas(blank, text)] == wanted


def test_only_display_formulas_stand_alone(blank: Page) -> None:
    assert [one[2] for one in formulas(blank, r"$$a$$ $b$ \[c\] \(d\)") if one[3]] == ["a", "c"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet="ab $5\\()[]{}`~\n", max_size=60) | st.text())
def test_formulas_follow_each_other_in_the_text(blank: Page, text: str) -> None:
    end = 0
    for start, stop, *_ in formulas(blank, text):
        assert end <= start < stop
        end = stop


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("**So** it is *right*.", "<strong>So</strong> it is <em>right</em>."),
        ("## Plan", '<p class="md-heading">Plan</p>'),
        ("- a\n- b", "<ul><li><span"),
        ("3. a\n4. b", ">3. </span>a"),
        ("|a|b|\n|-|-:|\n|1|2|", '<td class="md-right">2</td>'),
        ("```py\nx = 1\n  y\n```", "<pre><code>x = 1\n  y\n</code></pre>"),
        ("use `x**2`", "<code>x**2</code>"),
        ("So 7.\n~~~~~\nThen **14**.\n~~~~~~~\nEnd.", "<hr><p>Then <strong>14</strong>.</p><hr>"),
        ("|a|\n|-|\n|$|x|$|", 'class="katex"'),
    ],
)
def test_markdown_is_read(blank: Page, text: str, wanted: str) -> None:
    assert wanted in html(blank, text)


@pytest.mark.parametrize(
    "text",
    [
        "3*4*5 = 60",
        "(3*4)*5*(2) = 120",
        "2 * 3 * 4 = 24",
        "2*x*3 and 2**3**2",
        "5 *3* 2",
        "a_1 + b_2 = c_3",
        "- 3 + 5 = 2",
        "> 5 is too much",
        "    4 + 5",
        "  12\n+ 30",
        "1 < 2 &lt; 3 &amp; <b>x</b>",
        "[a](https://example.com) and ![b](https://example.com/b.png)",
        "<https://example.com>",
        "[a]: https://example.com",
        "https://example.com",
        r"\{1, 2\} \, \frac12 \\ x",
        "~~5~~ 6",
        "#5 and 1) and 1986. A year",
        "\ue0000\ue001 $x$",
        "<script>alert(1)</script><img src=x onerror=alert(1)>",
        "`${alert(1)} {{x}}",
    ],
)
def test_what_is_no_markdown_in_a_calculation_stays_as_it_was_written(
    blank: Page, text: str
) -> None:
    assert "".join(said(blank, text).split()) == "".join(text.split())
    assert blank.locator("body :is(a, img, script, iframe, b)").count() == 0


def test_columns_of_figures_keep_their_blanks(blank: Page) -> None:
    assert "\n  4\n 56" in said(blank, "So:\n  4\n 56")


def test_a_formula_that_is_none_is_shown_as_it_was_written(blank: Page) -> None:
    assert said(blank, r"So $\frac{1}$ it is.") == r"So $\frac{1}$ it is."


@pytest.mark.parametrize(
    "tex",
    [
        r"\rule{1000em}{1000em}",
        r"\kern{-1000em} x",
        r"\raisebox{1000em}{x}",
        r"\hspace{1000em}x",
        r"\Huge\rule{1000em}{1000em}",
    ],
)
def test_a_formula_stays_in_its_place(blank: Page, tex: str) -> None:
    style = (VENDOR / "katex" / "katex.min.css").read_text(encoding="utf-8")
    style += (assets_dir() / "page" / "board.css").read_text(encoding="utf-8")
    blank.add_style_tag(content=style)
    for text in (f"a ${tex}$ b", f"$${tex}$$"):
        said(blank, text)
        size = blank.evaluate(
            """() => {
                const box = document.querySelector(".md-math").getBoundingClientRect();
                const paints = getComputedStyle(document.querySelector(".md-math")).contain;
                return [box.width, box.height, document.documentElement.scrollWidth, paints];
            }"""
        )
        assert size[1] <= 500, size
        assert size[2] <= 1280, size
        assert size[3] == "paint"


PIECES = (
    *[
        "\\(",
        "\\[",
        "\\)",
        "$",
        "$$",
        "$a",
        "$ a",
        "\\begin{align}",
        "$\\",
        "\\",
        "$x$ ",
        "\\(x\\)",
    ],
    *["`", "```\n", "~~~\n", "*", "*a ", "*a_", "[", "](", "![", "<a ", "&", "|", "|a", "#", "> "],
    *["\n", "- ", " - a\n", "1. ", "{", "a|b\n-|-\n", "$\\rule{9em}{9em}$ "],
)


@pytest.mark.parametrize("piece", PIECES)
def test_no_text_holds_the_page_for_long(blank: Page, piece: str) -> None:
    """200,000 characters in parts of what is read at all; each turn of the page is short."""
    longest, turns = blank.evaluate(
        """async (piece) => {
            const node = document.createElement("div");
            document.body.replaceChildren(node);
            const text = piece.repeat(200000 / piece.length);
            let began = performance.now(), longest = 0, turns = 0;
            Typeset.show(node, text);
            for (let i = 0; i < 20; i++) {
                const part = node.appendChild(document.createElement("div"));
                Typeset.show(part, text.slice(0, 10000));
            }
            let over = false;
            const end = performance.now() + 3000;
            Typeset.soon(() => { over = true; });
            while (!over && performance.now() < end) {
                await new Promise((done) => setTimeout(done));
                const now = performance.now();
                longest = Math.max(longest, now - began);
                began = now;
                turns++;
            }
            return [longest, turns];
        }""",
        piece,
    )
    assert longest < 2000, (longest, turns)  # 60 ms on a machine with nothing else to do

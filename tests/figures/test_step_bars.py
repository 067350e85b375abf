"""The colour scale, the numbers people read, and the figures."""

from __future__ import annotations

import html
import json
import math
import re
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prm_core.errors import BadOptionError, InputError
from prm_core.figures.step_bars import (
    PALETTES,
    band,
    bar_spec,
    colour,
    format_apart,
    format_probability,
    palette_table,
    step_bars,
)
from prm_core.types import Candidate, ScoredCandidate

probability = st.floats(0.0, 1.0, width=32)


def scored(*probabilities: float, steps: tuple[str, ...] = ()) -> ScoredCandidate:
    steps = steps or tuple(f"Line {i + 1}." for i in range(len(probabilities)))
    return ScoredCandidate(
        Candidate("What is 7 × 8?", steps),
        probabilities,
        tuple(0.0 for _ in probabilities),
        "a-model",
    )


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def annotations(figure: Any) -> list[str]:
    return [label.text for label in figure.layout.annotations]


# --- colours --------------------------------------------------------------------------------------


def test_a_limit_belongs_to_the_band_below() -> None:
    above = math.nextafter
    assert [band(p) for p in (1.0, above(0.7, 1), 0.7, above(0.4, 1), 0.4, 0.0)] == [
        "good",
        "good",
        "warn",
        "warn",
        "bad",
        "bad",
    ]
    assert colour(0.9) == "#2f9e63"
    assert colour(0.9, theme="dark") == "#46b97c"
    assert [colour(p, palette="colour-blind") for p in (0.9, 0.5, 0.1)] == [
        "#0072b2",
        "#e69f00",
        "#d55e00",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("palette", PALETTES)
def test_every_text_colour_can_be_read_on_every_ground(palette: str, theme: str) -> None:
    colours = palette_table()[palette][theme]
    for ink in ("ink", "mute", "good_ink", "warn_ink", "bad_ink"):
        for ground in ("card", "track", "good_bg", "warn_bg", "bad_bg"):
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)


def test_unknown_colours_are_refused_by_name() -> None:
    with pytest.raises(BadOptionError, match=r"'neon'.*default, colour-blind"):
        step_bars(scored(0.5), palette="neon")
    with pytest.raises(BadOptionError, match="'sepia'"):
        colour(0.5, theme="sepia")


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (0.97, "0.97"),
        (0.5, "0.50"),
        (0.4996, "0.4996"),
        (0.7003, "0.7003"),
        (0.4004, "0.4004"),
        (0.996, "0.996"),
        (0.99999, ">0.9999"),
        (1.0, "1.00"),
        (0.0, "0.00"),
        (0.0003, "0.0003"),
        (0.00064, "0.0006"),  # a solution's score by the minimum is written like this, too
        (0.0064, "0.006"),
        (0.0146, "0.01"),
        (3e-7, "3e-7"),
        (0.49999997, "0.49999997"),
    ],
)
def test_a_number_takes_the_digits_it_needs(p: float, shown: str) -> None:
    assert format_probability(p) == shown


def test_scores_that_are_told_apart_are_as_short_as_can_be() -> None:
    shown = format_apart([3.1239e-7, 3.12383e-7, 3.12382e-7])
    assert shown == ["3.1239e-7", "3.12383e-7", "3.12382e-7"]  # not 0.00000031239
    assert format_apart([0.00123, 0.00122]) == ["0.00123", "0.00122"]


@given(probability, st.sampled_from([0.5, 0.7, 0.4, 0.05, 0.999]), st.integers(1, 6))
def test_a_shown_number_never_lies_about_its_side(p: float, threshold: float, digits: int) -> None:
    shown = format_probability(p, threshold, digits)
    number = float(shown.removeprefix(">"))
    assert (number < threshold) == (p < threshold)
    assert band(number) == band(p)
    assert (number == 1.0) == (p == 1.0)
    assert (number == 0.0) == (p == 0.0)
    assert number < p if shown.startswith(">") else number == pytest.approx(p, abs=10.0**-digits)


# --- figures --------------------------------------------------------------------------------------


def test_bars_have_the_colours_and_patterns_of_their_probabilities() -> None:
    figure = step_bars(scored(0.97, 0.45, 0.06, 0.6))
    track, bars = figure.data
    assert list(bars.x) == [0.97, 0.45, 0.06, 0.6]
    assert list(bars.marker.color) == ["#2f9e63", "#e0a021", "#d1495b", "#e0a021"]
    assert list(bars.marker.pattern.shape) == ["", "/", "/", ""]
    assert list(track.x) == [1, 1, 1, 1]


def test_the_first_step_is_on_top() -> None:
    figure = step_bars(scored(0.9, 0.8, 0.7))
    bottom, top = figure.layout.yaxis.range
    assert top == 0 < bottom
    assert list(figure.data[1].y) == sorted(figure.data[1].y)


def test_the_threshold_is_drawn_where_it_is() -> None:
    figure = step_bars(scored(0.6, 0.9), threshold=0.7)
    (line,) = [shape for shape in figure.layout.shapes if shape.type == "line"]
    assert line.x0 == line.x1 == 0.7
    assert line.line.dash
    assert list(figure.data[1].marker.pattern.shape) == ["/", ""]
    assert "0.7" in figure.layout.xaxis.ticktext


def test_every_bar_has_its_number_and_what_is_weak_is_marked() -> None:
    labels = annotations(step_bars(scored(0.97, 0.06, 0.4996)))
    assert [text for text in labels if re.search(r"\d\.\d", text)] == ["0.97", "▼ 0.06", "▼ 0.4996"]
    assert labels.count("weakest") == 1
    assert labels.index("weakest") == labels.index("▼ 0.06") + 1


def test_the_red_band_lies_under_the_first_error_only() -> None:
    figure = step_bars(scored(0.9, 0.3, 0.1))
    (rect,) = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    inside = [rect.y0 < y < rect.y1 for y in figure.data[1].y]
    assert inside == [False, True, False]
    assert not [s for s in step_bars(scored(0.9, 0.5)).layout.shapes if s.type == "rect"]


def test_a_long_step_ends_after_two_lines() -> None:
    long = "and so on " * 60
    figure = step_bars(scored(0.9, 0.8, steps=(long, "short")))
    text = annotations(figure)[0]
    assert text.count("<br>") == 1
    assert text.endswith("…")
    first, second = figure.data[1].y
    rows = step_bars(scored(0.9, 0.8)).data[1].y
    assert first > rows[0]
    assert second - first == rows[1] - rows[0]


@given(st.text(min_size=1).filter(str.strip))
def test_no_text_is_a_tag_or_a_formula_in_a_label(text: str) -> None:
    label = annotations(step_bars(scored(0.9, steps=(text,))))[0]
    plain = label.replace("<br>", " ")
    assert not set("<>$") & set(plain)
    shown = html.unescape(plain).removesuffix("…")
    assert " ".join(text.split()).replace(" ", "").startswith(shown.replace(" ", ""))


def test_hover_holds_no_user_text() -> None:
    figure = step_bars(scored(0.9, 0.2, steps=("<b>%{x}</b>", "b")))
    assert list(figure.data[1].customdata) == [
        "Step 1: 0.9000",
        "Step 2: 0.2000, below 0.5, first error, weakest step",
    ]


def test_the_page_gets_names_of_colours_and_no_words() -> None:
    candidate = scored(0.97, 0.06, steps=("secret one", "secret two"))
    spec = bar_spec(candidate)
    text = json.dumps(spec, allow_nan=False)
    assert "secret" not in text
    names = set(re.findall(r'"@(\w+)"', text))
    assert names == {"track", "good", "bad", "mute", "faint"}
    assert names <= set(palette_table()["default"]["light"])
    assert not re.search(r'"#[0-9a-f]{6}"', text)
    # The same bars as in the painted figure.
    painted = step_bars(candidate)
    assert list(painted.data[1].x) == spec["data"][1]["x"]
    assert list(painted.data[1].marker.color) == [
        palette_table()["default"]["light"][name[1:]] for name in spec["data"][1]["marker"]["color"]
    ]


def test_themes_and_palettes_change_colours_and_nothing_else() -> None:
    def shape(figure: Any) -> str:
        return re.sub(r"#[0-9a-f]{6}", "#", figure.to_json())

    candidate = scored(0.97, 0.06, 0.6)
    plain = step_bars(candidate)
    for palette in PALETTES:
        for theme in ("light", "dark"):
            other = step_bars(candidate, theme=theme, palette=palette)
            assert shape(other) == shape(plain)
            assert other.data[1].marker.color[0] == colour(0.97, theme=theme, palette=palette)
            assert other.layout.paper_bgcolor == palette_table()[palette][theme]["card"]


# --- texts and probabilities ----------------------------------------------------------------------


def test_texts_with_probabilities_draw_what_a_scored_solution_draws() -> None:
    one = scored(0.9, 0.3, 0.8)
    for values in ([0.9, 0.3, 0.8], torch.tensor([0.9, 0.3, 0.8], dtype=torch.float64)):
        other = step_bars(one.candidate.steps, values)
        assert other.to_json() == step_bars(one).to_json()


def test_axes_have_names_and_the_title_is_plain_text() -> None:
    figure = step_bars(["7 × 8 = 54."], [0.2], title="<b>B</b> costs $5 and $6")
    assert figure.layout.xaxis.title.text == "P(step is correct)"
    assert figure.layout.yaxis.title.text == "step"
    assert figure.layout.title.text == "&lt;b&gt;B&lt;/b&gt; costs &#36;5 and &#36;6"
    untitled = step_bars(["7 × 8 = 54."], [0.2])
    assert untitled.layout.title.text is None
    assert figure.layout.height - figure.layout.margin.t == untitled.layout.height


def test_one_step_is_not_its_own_weakest() -> None:
    assert "weakest" not in annotations(step_bars(["7 × 8 = 56."], [0.9]))
    assert "weakest" in annotations(step_bars(["a", "b"], [0.9, 0.8]))


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(InputError, match="2 probabilities for 1 steps"):
        step_bars(["a"], [0.9, 0.8])
    with pytest.raises(InputError, match="has its own"):
        step_bars(scored(0.9), [0.9])  # type: ignore[call-overload]
    with pytest.raises(InputError, match="split it first"):
        step_bars("a. b.", [0.9, 0.8])
    with pytest.raises(InputError, match="need their probabilities"):
        step_bars(["a"])  # type: ignore[call-overload]
    with pytest.raises(InputError, match="not a probability"):
        step_bars(["a"], [1.5])

"""Records → Plotly figures, and the one colour scale.

A figure is first written with names of colours ("@good") in the places where Plotly expects a
colour, and then painted with a palette. The page does the painting itself, from the same table, so
a change of theme or palette needs no new figure; a notebook gets a painted one from `step_bars`.

The vertical axis counts pixels from the top, because rows are as high as their text.
"""

from __future__ import annotations

import html
import math
import textwrap
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, overload

import plotly.graph_objects as go

from prm_core.errors import BadOptionError, InputError
from prm_core.ranking.aggregate import step_probabilities
from prm_core.types import ScoredCandidate

GOOD_ABOVE = 0.7
WARN_ABOVE = 0.4

Band = Literal["good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme: fills, their backgrounds, the same hues as text.

    Every `ink` and `mute` has a contrast of 4.5:1 or more on the card and on the three backgrounds.
    """

    card: str
    ink: str
    mute: str
    faint: str
    track: str
    good: str
    warn: str
    bad: str
    good_bg: str
    warn_bg: str
    bad_bg: str
    good_ink: str
    warn_ink: str
    bad_ink: str


_LIGHT = {
    "card": "#ffffff",
    "ink": "#1d1f24",
    "mute": "#606675",
    "faint": "#9aa0ad",
    "track": "#f0eee9",
}
_DARK = {
    "card": "#1a1d24",
    "ink": "#eceef3",
    "mute": "#9aa1b1",
    "faint": "#6d7484",
    "track": "#262b35",
}

PALETTES: dict[str, dict[str, Palette]] = {
    "default": {
        "light": Palette(
            **_LIGHT,
            good="#2f9e63",
            warn="#e0a021",
            bad="#d1495b",
            good_bg="#e4f4ea",
            warn_bg="#fbf0d8",
            bad_bg="#fbe4e6",
            good_ink="#1b6e41",
            warn_ink="#8a5a00",
            bad_ink="#b02b40",
        ),
        "dark": Palette(
            **_DARK,
            good="#46b97c",
            warn="#e7b04a",
            bad="#e8697a",
            good_bg="#17301f",
            warn_bg="#352a12",
            bad_bg="#3a1a20",
            good_ink="#55c78a",
            warn_ink="#e7b04a",
            bad_ink="#ee7b8a",
        ),
    },
    # Okabe and Ito's blue, orange and vermilion: distinguishable with any kind of colour vision.
    "colour-blind": {
        "light": Palette(
            **_LIGHT,
            good="#0072b2",
            warn="#e69f00",
            bad="#d55e00",
            good_bg="#e0eff8",
            warn_bg="#fbf0d8",
            bad_bg="#fbe7da",
            good_ink="#005a8e",
            warn_ink="#8a5a00",
            bad_ink="#9e4500",
        ),
        "dark": Palette(
            **_DARK,
            good="#0072b2",
            warn="#e69f00",
            bad="#d55e00",
            good_bg="#10293a",
            warn_bg="#352a12",
            bad_bg="#3b2113",
            good_ink="#62b5e5",
            warn_ink="#e7a92f",
            bad_ink="#f58a42",
        ),
    },
}


def palette_table() -> dict[str, dict[str, dict[str, str]]]:
    """`PALETTES` as plain JSON: palette → theme → name → colour."""
    names = [field.name for field in fields(Palette)]
    return {
        palette: {
            theme: {name: getattr(colours, name) for name in names}
            for theme, colours in themes.items()
        }
        for palette, themes in PALETTES.items()
    }


def _palette(theme: str, palette: str) -> Palette:
    if palette not in PALETTES:
        raise BadOptionError(f"palette {palette!r} is not known; choose from {', '.join(PALETTES)}")
    if theme not in PALETTES[palette]:
        raise BadOptionError(f"theme {theme!r} is not known; choose light or dark")
    return PALETTES[palette][theme]


def band(p: float) -> Band:
    """The band of a step's probability: above 0.7 good, above 0.4 warn, else bad.

    >>> [band(p) for p in (0.71, 0.7, 0.41, 0.4)]
    ['good', 'warn', 'warn', 'bad']
    """
    return "good" if p > GOOD_ABOVE else "warn" if p > WARN_ABOVE else "bad"


def colour(p: float, *, theme: str = "light", palette: str = "default") -> str:
    """The fill of a step's bar, as #rrggbb.

    Raises:
        BadOptionError: the theme or the palette is not known.
    """
    name: str = getattr(_palette(theme, palette), band(p))
    return name


def format_probability(p: float, threshold: float = 0.5, digits: int = 2) -> str:
    """A probability rounded for display, never to the wrong side of a limit.

    Uses as many digits as needed for the shown number to be on the same side of the threshold and
    of the colours' limits as `p` itself, for 0 and 1 to mean exactly that, and for its first digit
    to be there: 0.0006 is no 0.001. Near 0 and 1 it stops two digits later and says so.

    >>> [format_probability(p) for p in (0.97, 0.4996, 0.7003, 0.996, 0.9999999, 1.0, 2.5e-7)]
    ['0.97', '0.4996', '0.7003', '0.996', '>0.9999', '1.00', '2.5e-7']
    """

    def sides(x: float) -> tuple[bool, ...]:
        return (x < threshold, x > GOOD_ABOVE, x > WARN_ABOVE, x > 0.0, x < 1.0)

    finest = digits + 2
    if 0.5 * 10**-finest > 1.0 - p > 0.0:
        near_one = "0." + "9" * finest
        if sides(float(near_one)) == sides(p):
            return ">" + near_one
    least = (
        finest if digits <= 4 else 4
    )  # many digits of a small number are shorter with an exponent
    if 0.5 * 10**-least > p > 0.0:
        mantissa, exponent = f"{p:.{max(1, digits - 1)}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".")
        if sides(float(f"{mantissa}e{exponent}")) == sides(p):
            return f"{mantissa}e{int(exponent)}"
    first = -math.floor(math.log10(p)) if p > 0.0 else digits  # the place of its first digit
    for n_digits in range(max(digits, first), 17):
        shown = f"{p:.{n_digits}f}"
        if sides(float(shown)) == sides(p):
            return shown
    return repr(p)


def format_apart(scores: Sequence[float], threshold: float = 0.5) -> list[str]:
    """Scores rounded for display, with enough digits to tell each from its neighbours.

    Equal scores are written alike, different scores are not.

    Args:
        scores: from the highest to the lowest, each in [0, 1].
        threshold: as `format_probability` takes it.

    >>> format_apart([0.0141, 0.0123, 0.0123, 0.001])
    ['0.014', '0.012', '0.012', '0.001']
    """
    digits = dict.fromkeys(scores, 2)
    while True:
        shown = {x: format_probability(x, threshold, n) for x, n in digits.items()}
        times = Counter(shown.values())
        alike = [x for x, words in shown.items() if times[words] > 1 and digits[x] < 17]
        if not alike:
            return [shown[x] for x in scores]
        for x in alike:
            digits[x] += 1


# Geometry of a row, in pixels.
_LINE = 18  # one line of a step's text
_BAR = 12
_PAD = 7  # above the text and below the bar
_AXIS = 24  # the axis' numbers, below the last row; its name is as high
_TITLE = 52  # two lines above the first row
_WRAP = 84  # characters in a line
_FONT = 'ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif'


def _clip(text: str) -> list[str]:
    """A step's text as at most two lines, with "…" where it continues."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text[:200])
    width = _WRAP // 2 if wide > 40 else _WRAP
    return textwrap.wrap(" ".join(text.split()), width, max_lines=2, placeholder="…") or ["…"]


def _escape(text: str) -> str:
    """User text for a Plotly label, escaped so that no tag or formula is interpreted.

    Plotly passes a label with a pair of dollar signs to MathJax if a notebook has it; written as
    entities they are text.
    """
    return html.escape(text).replace("$", "&#36;")


def bar_spec(
    scored: ScoredCandidate, *, threshold: float = 0.5, row: float = _LINE + _BAR + 2 * _PAD
) -> dict[str, Any]:
    """The bars of a candidate, without words, as an unpainted Plotly figure.

    The page lays the steps' texts out itself, and moves the bars to where the texts are.

    Args:
        scored: the candidate.
        threshold: where the dashed line is; bars below it are hatched.
        row: height of every row.

    Returns:
        {"data": […], "layout": {…}} for plotly.js, with colours as names ("@good").
    """
    p = scored.probabilities
    return _spec(p, threshold, [row * (i + 1) - _PAD - _BAR / 2 for i in range(len(p))])


def _spec(p: Sequence[float], threshold: float, centres: Sequence[float]) -> dict[str, Any]:
    bottom = centres[-1] + _BAR / 2 + _PAD
    limits = sorted({0.0, threshold, 1.0})
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [1] * len(p),
                "y": list(centres),
                "width": _BAR,
                "marker": {"color": "@track", "cornerradius": 5},
                "hoverinfo": "skip",
            },
            {
                "type": "bar",
                "orientation": "h",
                "x": [float(f"{x:.6g}") for x in p],
                "y": list(centres),
                "width": _BAR,
                "marker": {
                    "color": ["@" + band(x) for x in p],
                    "cornerradius": 5,
                    "pattern": {
                        "shape": ["/" if x < threshold else "" for x in p],
                        "fillmode": "overlay",
                        # Each bar's own colour is the background. This one is never seen: it keeps
                        # Plotly from reading the list of them as one colour and warning about it.
                        "bgcolor": "@track",
                        "size": 6,
                        "solidity": 0.3,
                    },
                },
                "hoverinfo": "skip",
            },
        ],
        "layout": {
            "barmode": "overlay",
            "showlegend": False,
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "margin": {"l": 12, "r": 12, "t": 0, "b": _AXIS},
            "height": bottom + _AXIS,
            "font": {"family": _FONT, "size": 12, "color": "@mute"},
            "xaxis": {
                "range": [0, 1],
                "fixedrange": True,
                "tickvals": limits,
                "ticktext": [f"{x:g}" for x in limits],
                "showgrid": False,
                "zeroline": False,
            },
            "yaxis": {
                "range": [bottom, 0],
                "fixedrange": True,
                "showticklabels": False,
                "showgrid": False,
                "zeroline": False,
            },
            "shapes": [
                {
                    "type": "line",
                    "x0": threshold,
                    "x1": threshold,
                    "yref": "paper",
                    "y0": 0,
                    "y1": 1,
                    "line": {"color": "@faint", "width": 1, "dash": "3px,3px"},
                }
            ],
        },
    }


def _paint(value: Any, named: Callable[[str], str]) -> Any:
    """The same figure with "@good" and the like replaced, wherever Plotly expects a colour."""
    if isinstance(value, list):
        return [_paint(item, named) for item in value]
    if not isinstance(value, dict):
        return value
    painted = {}
    for key, item in value.items():
        if key.endswith("color"):
            items = item if isinstance(item, list) else [item]
            names = [named(x[1:]) if str(x).startswith("@") else x for x in items]
            painted[key] = names if isinstance(item, list) else names[0]
        else:
            painted[key] = _paint(item, named)
    return painted


@overload
def step_bars(
    scored: ScoredCandidate,
    *,
    title: str = "",
    threshold: float = 0.5,
    theme: str = "light",
    palette: str = "default",
) -> go.Figure: ...


@overload
def step_bars(
    scored: Sequence[str],
    probabilities: Iterable[Any],
    *,
    title: str = "",
    threshold: float = 0.5,
    theme: str = "light",
    palette: str = "default",
) -> go.Figure: ...


def step_bars(
    scored: ScoredCandidate | Sequence[str],
    probabilities: Iterable[Any] | None = None,
    *,
    title: str = "",
    threshold: float = 0.5,
    theme: str = "light",
    palette: str = "default",
) -> go.Figure:
    """Steps as horizontal bars, the first on top.

    Green above 0.7, amber above 0.4, red below; a dashed line at the threshold. Below it a bar is
    also hatched and its number carries ▼, so that colour is never the only sign. The row of the
    first error has a red background. A step's text is above its bar, as plain text cut to two
    lines; its number at the end.

    Args:
        scored: a scored solution, or the texts of its steps, [S].
        probabilities: P(step is correct), [S], with texts: a list, an array or a tensor.
        title: shown above the bars; plain text.
        threshold: below it a step counts as wrong.
        theme: "light" or "dark".
        palette: "default" or "colour-blind".

    Raises:
        BadOptionError: the theme or the palette is not known.
        InputError: texts and probabilities differ in number, or one is not a probability.
    """
    steps, p = _steps_of(scored, probabilities)
    colours = _palette(theme, palette)
    first_error = next((i for i, x in enumerate(p) if x < threshold), None)
    weakest = p.index(min(p))
    centres: list[float] = []
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    hover: list[str] = []
    top = 0.0
    for i, (step, x) in enumerate(zip(steps, p, strict=True)):
        lines = _clip(step)
        text_bottom = top + _PAD + _LINE * len(lines)
        centres.append(text_bottom + _BAR / 2)
        below = x < threshold
        shown = format_probability(x, threshold)
        ink = f"@{band(x)}_ink"
        labels += [
            _label("<br>".join(map(_escape, lines)), 0, text_bottom, "left", "bottom", 14, "@ink"),
            _label(str(i + 1), 0, centres[-1], "right", "middle", 12, "@mute", xshift=-12),
            _label(f"▼ {shown}" if below else shown, 1, centres[-1], "left", "middle", 13, ink, 12),
        ]
        if i == weakest and len(p) > 1:
            labels.append(_label("weakest", 1, text_bottom, "left", "bottom", 12, "@mute", 12))
        hover.append(
            f"Step {i + 1}: {format_probability(x, threshold, digits=4)}"
            + (f", below {threshold:g}" if below else "")
            + (", first error" if i == first_error else "")
            + (", weakest step" if i == weakest and len(p) > 1 else "")
        )
        bottom = text_bottom + _BAR + _PAD
        if i == first_error:
            band_of_row = {"type": "rect", "layer": "below", "line": {"width": 0}}
            edges = {"xref": "paper", "x0": -1, "x1": 2, "y0": top, "y1": bottom}
            shapes.append({**band_of_row, **edges, "fillcolor": "@bad_bg"})
        top = bottom
    spec = _spec(p, threshold, centres)
    spec["data"][1].update(customdata=hover, hovertemplate="%{customdata}<extra></extra>")
    del spec["data"][1]["hoverinfo"]
    layout = spec["layout"]
    layout["shapes"] = shapes + layout["shapes"]
    layout["annotations"] = labels
    layout["paper_bgcolor"] = "@card"
    _name_axes(layout, title)
    return go.Figure(_paint(spec, lambda name: str(getattr(colours, name))))


def _steps_of(
    scored: ScoredCandidate | Sequence[str], probabilities: Iterable[Any] | None
) -> tuple[Sequence[str], Sequence[float]]:
    """The texts and their probabilities, whichever way they were given."""
    if isinstance(scored, ScoredCandidate):
        if probabilities is not None:
            raise InputError("a scored solution has its own probabilities; pass it alone")
        return scored.candidate.steps, scored.probabilities
    if isinstance(scored, str):
        raise InputError("the steps are one text; split it first: step_bars(split_steps(text), …)")
    if probabilities is None:
        raise InputError("texts need their probabilities: step_bars(steps, probabilities)")
    p = step_probabilities(probabilities)
    if len(p) != len(scored):
        raise InputError(f"{len(p)} probabilities for {len(scored)} steps")
    return scored, p


def _name_axes(layout: dict[str, Any], title: str) -> None:
    """Set the axes' names and the figure's title, with space for both."""
    font = {"size": 12, "color": "@mute"}
    layout["xaxis"]["title"] = {"text": "P(step is correct)", "font": font, "standoff": 4}
    layout["yaxis"]["title"] = {"text": "step", "font": font, "standoff": 28}
    layout["margin"] |= {"l": 64, "r": 84, "b": 2 * _AXIS}
    layout["height"] += _AXIS
    if title:
        layout["title"] = {
            "text": "<br>".join(map(_escape, _clip(title))),
            "font": {"size": 16, "color": "@ink"},
            "x": 0,
            "xref": "paper",
            "y": 1,
            "yanchor": "top",
            "pad": {"t": 10},
        }
        layout["margin"]["t"] = _TITLE
        layout["height"] += _TITLE


def _label(
    text: str,
    x: float,
    y: float,
    xanchor: str,
    yanchor: str,
    size: int,
    color: str,
    xshift: int = 0,
) -> dict[str, Any]:
    return {
        "text": text,
        "showarrow": False,
        "xref": "paper",
        "x": x,
        "y": y,
        "xanchor": xanchor,
        "yanchor": yanchor,
        "align": xanchor,
        "xshift": xshift,
        "borderpad": 0,
        "font": {"size": size, "color": color},
    }

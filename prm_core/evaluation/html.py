"""An evaluation to read: a table, or one web page that needs nothing else.

The page contains its figures for plotly.js, and plotly.js itself. All text in it that comes from
files or names is escaped: for HTML, for Plotly's labels, and once more for the script element
around the figures.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from prm_core.errors import InputError
from prm_core.evaluation.metrics import Calibration, Interval
from prm_core.evaluation.reports import (
    BestOfNReport,
    CalibrationReport,
    FirstErrorReport,
    PRMBenchReport,
    Report,
    SearchReport,
)
from prm_core.figures.step_bars import PALETTES
from prm_core.paths import assets_dir
from prm_core.ranking.aggregate import METHODS

Figure = dict[str, Any]
Table = Sequence[Sequence[str]]

_COLOURS = PALETTES["default"]["light"]
_SET = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444", "#999999")
"""Okabe and Ito's colours, distinguishable with any kind of colour vision."""

_WAYS = {"best-of-n": "best of n", "beam": "beam search", "dvts": "DVTS"}

_RULES = {
    "majority": "majority vote",
    "weighted_vote": "weighted vote",
    "oracle": "oracle",
    "random": "random",
    "shortest": "shortest",
    "longest": "longest",
    "fewest_steps": "fewest steps",
}


def report_row(report: Report) -> dict[str, Any]:
    """A report as one JSON object; `task` comes first, and undefined values are null."""
    return {"task": report.task} | asdict(report)


def fraction(value: float | None) -> str:
    """A number rounded for display.

    >>> fraction(0.95), fraction(None)
    ('0.950', 'n/a')
    """
    return "n/a" if value is None else f"{value:.3f}"


def _between(interval: Interval | None) -> str:
    return "n/a" if interval is None else f"{interval[0]:.3f}–{interval[1]:.3f}"


# --- as text --------------------------------------------------------------------------------------


def report_text(report: Report) -> str:
    """A report as tables for a terminal, with a line above each and a newline at the end."""
    lines = [_one_line(line) for line in _heading(report)]
    for title, table in _tables(report):
        lines += ["", title] if title else [""]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines += [
            "  ".join(
                _one_line(cell).ljust(width) if i == 0 else _one_line(cell).rjust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in table
        ]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    """Text without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def _heading(report: Report) -> list[str]:
    """What was measured, in sentences."""
    lines = [f"{report.task} of {report.model} on {report.source}"]
    if isinstance(report, FirstErrorReport | PRMBenchReport):
        lines.append(f"threshold {report.threshold:.4g} ({report.threshold_source})")
    if isinstance(report, FirstErrorReport) and report.sweep is not None:
        found = report.sweep
        if found.best_threshold is not None:
            lines.append(
                f"best threshold {found.best_threshold:.4g} with F1 {fraction(found.best_f1)}; "
                "chosen on these data, so it is optimistic"
            )
    if isinstance(report, BestOfNReport):
        lines.append(
            f"{report.n_problems} problems, {report.n_mixed} of them with right and wrong "
            f"solutions; n counts the candidates to choose among, drawn from up to {report.n}"
        )
    if isinstance(report, SearchReport):
        lines.append(
            f"{report.n_problems} problems, written by {report.generator}; chosen by "
            f"{report.choose}, with the {report.aggregation} of a solution's steps as its score"
        )
    if isinstance(report, FirstErrorReport) and report.unread:
        lines.append(f"{report.unread} without a readable verdict; they count as wrong")
    if report.skipped:
        reasons = ", ".join(f"{n} × {reason}" for reason, n in report.skipped_reasons.items())
        lines.append(f"skipped {report.skipped}: {reasons}")
    return lines


def _tables(report: Report) -> list[tuple[str, Table]]:
    """The tables of a report with their titles; each begins with a row of column titles."""
    if isinstance(report, FirstErrorReport):
        found = report.calibration
        title = f"calibration: ECE {fraction(found.ece)}, Brier score {fraction(found.brier)}"
        return [("", _first_error_table(report)), (title, _bins(found))]
    if isinstance(report, CalibrationReport):
        found = report.calibration
        summary = [
            ("steps", "ECE", "Brier score", "AUROC", "AUROC, 95 %"),
            (
                str(found.n_steps),
                fraction(found.ece),
                fraction(found.brier),
                fraction(report.auroc),
                _between(report.intervals["auroc"]),
            ),
        ]
        return [("", summary), ("reliability", _bins(found))]
    if isinstance(report, PRMBenchReport):
        return [("", _prmbench_table(report))]
    if isinstance(report, SearchReport):
        return [("accuracy against generated tokens", _search_table(report))]
    return [
        ("accuracy", _curve_table(report, report.curves)),
        (
            "weighted vote, by the aggregation that gives the weights",
            _curve_table(report, report.weighted_votes),
        ),
    ]


def _first_error_table(report: FirstErrorReport) -> Table:
    figures = ("error_accuracy", "correct_accuracy", "f1", "exact_location", "auroc")
    rows = [
        ("subset", "with error", "without", "error acc", "correct acc", "F1", "exact", "AUROC"),
        *(
            (
                name or "(unnamed)",
                str(subset.n_error),
                str(subset.n_correct),
                *(fraction(getattr(subset, figure)) for figure in figures),
            )
            for name, subset in report.subsets.items()
        ),
    ]
    total = (str(report.n_error), str(report.n_correct))
    if len(report.subsets) != 1:
        rows.append(
            (
                "mean (AUROC: all)",
                *total,
                *(fraction(getattr(report, figure)) for figure in figures),
            )
        )
    # Two lines of numbers keep the columns narrow.
    for end, name in ((0, "95 % from"), (1, "95 % to")):
        ends = (report.intervals.get(figure) for figure in figures)
        rows.append((name, "", "", *(fraction(None if e is None else e[end]) for e in ends)))
    return rows


def _prmbench_table(report: PRMBenchReport) -> Table:
    return [
        ("kind", "steps", "F1", "negative F1", "PRM score"),
        *(
            (kind, str(s.n_steps), fraction(s.f1), fraction(s.negative_f1), fraction(s.prm_score))
            for kind, s in report.types.items()
        ),
        *((f"mean of {area}", "", "", "", fraction(s)) for area, s in report.areas.items()),
        (
            "all modified",
            str(sum(s.n_steps for kind, s in report.types.items() if kind != "original")),
            fraction(report.f1),
            fraction(report.negative_f1),
            fraction(report.prm_score),
        ),
    ]


def _bins(found: Calibration) -> Table:
    return [
        ("probability", "steps", "mean", "right"),
        *(
            (
                f"{one.low:.1f}–{one.high:.1f}",
                str(one.n_steps),
                fraction(one.mean_probability),
                fraction(one.share_right),
            )
            for one in found.bins
        ),
    ]


def _curve_table(report: BestOfNReport, curves: Mapping[str, Sequence[float]]) -> Table:
    with_band = curves is report.curves
    return [
        ("rule", *(f"n = {n}" for n in report.ns), *(("95 %",) if with_band else ())),
        *(
            (
                _rule(report, rule) if with_band else rule,
                *map(fraction, curve),
                *((_between(report.intervals[rule]),) if with_band else ()),
            )
            for rule, curve in curves.items()
        ),
    ]


def _search_table(report: SearchReport) -> Table:
    return [
        ("way", "n", "tokens", "accuracy", "95 %"),
        *(
            (_way(way), str(p.n), f"{p.n_tokens:,.0f}", fraction(p.accuracy), _between(p.interval))
            for way, points in report.curves.items()
            for p in points
        ),
    ]


def _way(way: str) -> str:
    """A way's name for people."""
    return _WAYS.get(way) or _RULES.get(way, way)


def _rule(report: BestOfNReport, rule: str) -> str:
    """A rule's display name."""
    if rule == "weighted_vote":
        return f"weighted vote ({report.aggregation})"
    return _RULES.get(rule, f"best {rule}")


# --- as a page ------------------------------------------------------------------------------------


def report_html(report: Report) -> str:
    """A report as one HTML page with its figures and tables; it loads nothing."""
    heading = _heading(report)
    figures = _figures(report)
    parts = [f"<p>{html.escape(line)}</p>" for line in heading[1:]]
    parts += [
        f'<figure><div id="figure-{i}" role="img" aria-label="{html.escape(title)}"></div>'
        f"<figcaption>{html.escape(title)}</figcaption></figure>"
        for i, (title, _) in enumerate(figures)
    ]
    for title, (titles, *rows) in _tables(report):
        head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in titles)
        body = "".join(
            "<tr>"
            + f'<th scope="row">{html.escape(row[0])}</th>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in rows
        )
        caption = f"<caption>{html.escape(title)}</caption>" if title else ""
        parts.append(f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
    return _PAGE.format(
        title=html.escape(heading[0]),
        style=_STYLE,
        body="\n".join(parts),
        plotly=_plotly(),
        figures=_script_json([figure for _, figure in figures]),
    )


def _plotly() -> str:
    """plotly.js; it must not end the script element around it.

    Raises:
        InputError: the file is missing.
    """
    path = assets_dir() / "vendor" / "plotly" / "plotly-cartesian.min.js"
    try:
        return path.read_text(encoding="utf-8").replace("</script", "<\\/script")
    except OSError as error:
        raise InputError(f"{path} cannot be read, so there are no figures") from error


def _script_json(value: Any) -> str:
    """JSON that is safe inside a script element: nothing in it can end or open one."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


_STYLE = """
body { font: 16px/1.5 ui-sans-serif, system-ui, sans-serif; color: #1d1f24; background: #fff;
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.3rem; }
figure { margin: 1.5rem 0; }
figcaption, caption { color: #606675; text-align: left; padding: .3rem 0; }
table { border-collapse: collapse; margin: 1.5rem 0; display: block; overflow-x: auto;
  font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #e4e2dc; text-align: right; }
th:first-child { text-align: left; }
tbody th { font-weight: normal; }
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: blob:;
 style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
<script>{plotly}</script>
<script type="application/json" id="figures">{figures}</script>
<script>
const settings = {{responsive: true, displaylogo: false}};
JSON.parse(document.getElementById("figures").textContent).forEach((figure, i) =>
  Plotly.newPlot("figure-" + i, figure.data, figure.layout, settings));
</script>
</body>
</html>
"""


def _figures(report: Report) -> list[tuple[str, Figure]]:
    """The figures of a report with their titles."""
    if isinstance(report, BestOfNReport):
        return [("Accuracy by the number of candidates, with 95 % bands", _curves(report))]
    if isinstance(report, CalibrationReport):
        return [_reliability(report.calibration)]
    if isinstance(report, PRMBenchReport):
        return [("PRM score by kind of error", _kinds(report))]
    if isinstance(report, SearchReport):
        return [("Accuracy against generated tokens, with 95 % bands", _search(report))]
    figures = [("First errors by subset", _subsets(report)), _reliability(report.calibration)]
    if report.sweep is not None:
        figures.insert(0, ("Metrics at every threshold", _sweep(report)))
    return figures


def _layout(x: str, y: str, **rest: Any) -> dict[str, Any]:
    axis = {"gridcolor": _COLOURS.track, "zeroline": False, "automargin": True}
    return {
        "height": 420,
        "margin": {"l": 60, "r": 20, "t": 20, "b": 60},
        "font": {"color": _COLOURS.ink},
        "xaxis": axis | {"title": {"text": x}},
        "yaxis": axis | {"title": {"text": y}, "range": [-0.02, 1.04]},
        "legend": {"orientation": "h", "y": -0.22},
    } | rest


def _named(y: str, **rest: Any) -> dict[str, Any]:
    """The layout of bars with names, which are slanted: if the angle is left to Plotly, names of
    some lengths make it alternate between two angles."""
    layout = _layout("", y, **rest)
    layout["xaxis"] |= {"tickangle": -30}
    return layout


def _line(name: str, x: Sequence[float], y: Sequence[float | None], **rest: Any) -> Figure:
    return {"type": "scatter", "mode": "lines", "name": name, "x": list(x), "y": list(y)} | rest


def _sweep(report: FirstErrorReport) -> Figure:
    found = report.sweep
    assert found is not None
    lines = (
        ("F1", found.f1, _SET[0], 3),
        ("error accuracy", found.error_accuracy, _SET[1], 1.5),
        ("correct accuracy", found.correct_accuracy, _SET[2], 1.5),
    )
    mode = "lines" if len(found.thresholds) > 40 else "lines+markers"
    x = [_log_odds(threshold) for threshold in found.thresholds]
    chosen = _log_odds(report.threshold)
    dashed = {"type": "line", "line": {"color": _COLOURS.faint, "dash": "dash"}}
    layout = _layout("threshold", "share")
    layout["xaxis"] |= {
        "range": [min(-5.0, *x, chosen) - 0.2, max(5.0, *x, chosen) + 0.2],
        "tickvals": [_log_odds(tick) for tick in _TICKS],
        "ticktext": [f"{tick:g}" for tick in _TICKS],
    }
    layout["shapes"] = [dashed | {"x0": chosen, "x1": chosen, "y0": 0, "y1": 1}]
    return {
        "data": [
            _line(
                name,
                x,
                values,
                mode=mode,
                line={"color": colour, "width": width},
                text=[f"threshold {threshold:.4g}" for threshold in found.thresholds],
                hovertemplate="%{text}: %{y:.3f}",
            )
            for name, values, colour, width in lines
        ],
        "layout": layout,
    }


_TICKS = (1e-6, 1e-4, 0.01, 0.1, 0.5, 0.9, 0.99, 0.9999, 0.999999)


def _log_odds(threshold: float) -> float:
    """Where a threshold is drawn: many models give most steps 0.001 or 0.999."""
    inside = min(max(threshold, 1e-7), 1.0 - 1e-7)
    return math.log(inside / (1.0 - inside))


def _subsets(report: FirstErrorReport) -> Figure:
    names = [_label(name) or "(unnamed)" for name in report.subsets]
    bars = (
        ("error accuracy", "error_accuracy", _SET[1]),
        ("correct accuracy", "correct_accuracy", _SET[2]),
        ("F1", "f1", _SET[0]),
    )
    return {
        "data": [
            {
                "type": "bar",
                "name": title,
                "x": names,
                "y": [getattr(subset, figure) for subset in report.subsets.values()],
                "marker": {"color": colour},
            }
            for title, figure, colour in bars
        ],
        "layout": _named("share", barmode="group"),
    }


def _reliability(found: Calibration) -> tuple[str, Figure]:
    bins = [one for one in found.bins if one.n_steps]
    most = max((one.n_steps for one in bins), default=1)
    return (
        "Reliability: how often steps of a probability are right; larger points mean more",
        {
            "data": [
                _line(
                    "ideal",
                    [0, 1],
                    [0, 1],
                    line={"color": _COLOURS.faint, "dash": "dash"},
                ),
                _line(
                    "measured",
                    [one.mean_probability or 0.0 for one in bins],
                    [one.share_right for one in bins],
                    mode="lines+markers",
                    line={"color": _SET[0]},
                    marker={"size": [6 + 18 * (one.n_steps / most) ** 0.5 for one in bins]},
                    text=[f"{one.n_steps} steps" for one in bins],
                ),
            ],
            "layout": _layout("probability", "share right"),
        },
    )


def _kinds(report: PRMBenchReport) -> Figure:
    return {
        "data": [
            {
                "type": "bar",
                "x": [_label(kind) for kind in report.types],
                "y": [score.prm_score for score in report.types.values()],
                "marker": {"color": _SET[0]},
            }
        ],
        "layout": _named("PRM score"),
    }


def _curves(report: BestOfNReport) -> Figure:
    """Every rule as a line; the best and its rivals are shown, clicking a name shows others."""
    best = max(METHODS, key=lambda rule: report.curves[rule][-1])
    shown = {best, "majority", "weighted_vote", "oracle", "random"}
    data = []
    for place, (rule, curve) in enumerate(report.curves.items()):
        colour = _SET[place % len(_SET)]
        name = _rule(report, rule)
        common = {
            "visible": True if rule in shown else "legendonly",
            "line": {"color": colour, "dash": "solid" if rule in METHODS else "dot"},
        }
        data += _banded(name, report.ns, curve, report.bands[rule], common)
    layout = _layout("candidates to choose among (n)", "accuracy")
    layout["height"] = 560
    layout["xaxis"] |= {
        "type": "log",
        "tickvals": list(report.ns),
        "ticktext": list(map(str, report.ns)),
    }
    lowest = min(low for rule in shown for low, _ in (b or (0.0, 0.0) for b in report.bands[rule]))
    layout["yaxis"]["range"] = [max(0.0, lowest - 0.02), 1.01]
    return {"data": data, "layout": layout}


def _banded(
    name: str,
    x: Sequence[float],
    curve: Sequence[float],
    bands: Sequence[Interval | None],
    common: Mapping[str, Any],
) -> list[Figure]:
    """A line with its band; both go when its name is pressed."""
    known = [band or (value, value) for band, value in zip(bands, curve, strict=True)]
    common = {**common, "legendgroup": name}
    return [
        _line(
            name,
            [*x, *reversed(x)],
            [*(high for _, high in known), *(low for low, _ in reversed(known))],
            fill="toself",
            fillcolor=_faint(common["line"]["color"]),
            showlegend=False,
            hoverinfo="skip",
        )
        | common
        | {"line": {"width": 0}},
        _line(name, x, curve, mode="lines+markers") | common,
    ]


def _search(report: SearchReport) -> Figure:
    data: list[Figure] = []
    for place, (way, points) in enumerate(report.curves.items()):
        values = [(one.n_tokens, one.accuracy, one.interval) for one in points]
        x, y, bands = zip(*values, strict=True)
        data += _banded(_label(_way(way)), x, y, bands, {"line": {"color": _SET[place]}})
        if len(points) == 1 and points[0].interval:  # a band needs two points
            low, high = points[0].interval
            ends = {"array": [high - y[0]], "arrayminus": [y[0] - low]}
            data[-1]["error_y"] = {"type": "data", "symmetric": False, "thickness": 1} | ends
    layout = _layout("generated tokens for a problem", "accuracy")
    layout["xaxis"] |= {"type": "log", "tick0": 1, "dtick": math.log10(2), "tickformat": ",.0f"}
    return {"data": data, "layout": layout}


def _label(text: str) -> str:
    """A name in a Plotly label, escaped so that no tag or formula is interpreted."""
    return html.escape(text).replace("$", "&#36;")


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.08)"

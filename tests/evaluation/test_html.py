"""Reports as text, as JSON and as a page: nothing missing, nothing unsafe."""

from __future__ import annotations

import html.parser
import json
import re
from typing import Any

import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prm_core.evaluation.choices import Choice
from prm_core.evaluation.html import report_html, report_row, report_text
from prm_core.evaluation.judge import JudgedPools, judge, recorded_labels
from prm_core.evaluation.reports import (
    Report,
    best_of_n_report,
    calibration_report,
    first_error_report,
    prmbench_report,
    search_report,
)
from prm_core.types import Candidate, Example

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)> $a$ \x1b[2J\u2028 <b>"


def reports(name: str = "data/x.jsonl", subset: str = "sub") -> list[Report]:
    examples = [
        Example(Candidate("p", ("a", "b")), (1.0, 0.0), subset, error_type=None),
        Example(Candidate("q", ("a", "b")), (1.0, 1.0), subset, error_type=subset),
        Example(Candidate("r", ("a",)), (1.0,), "other"),
        Example(Candidate("r", ("z",)), (None,), "other"),
    ]
    judged = judge(recorded_labels(examples), examples)
    names = {"model": name, "source": name}
    at = {"threshold": 0.5, "threshold_source": name}
    choices = (Choice("1", True, 3, 1, (0.9,)), Choice("2", False, 4, 1, (0.3,)))
    return [
        first_error_report(judged, **names, **at, with_sweep=True, n_resamples=20),
        calibration_report(judged, **names, n_resamples=20),
        prmbench_report(judged, **names, **at),
        best_of_n_report(JudgedPools((choices, choices[:1]), {}), **names, n_resamples=20),
        search_report(
            {"best-of-n": {1: [(9, 0.0), (7, 1.0)]}, subset: {4: [(30, 1.0), (20, 1.0)]}},
            **names,
            generator=name,
            choose="score",
            aggregation="last",
            skipped_reasons={name: 1},
            n_resamples=20,
        ),
    ]


TASKS = ("first-error", "calibration", "prmbench", "best-of-n", "search")


class Page(html.parser.HTMLParser):
    """What a browser would see: tags with attributes, text, and what scripts hold."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and not self.scripts[-1]:
            self.scripts[-1] = data
        else:
            self.text.append(data)

    @property
    def figures(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.scripts[1])
        return found


@pytest.mark.parametrize("index", range(5), ids=TASKS)
def test_json_has_the_task_first_and_reads_back(index: int) -> None:
    row = report_row(reports()[index])
    assert next(iter(row)) == "task"
    assert row["task"] == TASKS[index]
    assert {"model", "source", "skipped", "skipped_reasons"} <= row.keys()
    assert json.loads(json.dumps(row, allow_nan=False))["model"] == "data/x.jsonl"


def test_json_has_the_keys_that_were_promised() -> None:
    first_error, _, _, best_of_n, _ = map(report_row, reports())
    assert list(first_error)[:12] == [
        "task", "model", "source", "n_error", "n_correct", "error_accuracy", "correct_accuracy",
        "f1", "threshold", "threshold_source", "skipped", "skipped_reasons",
    ]  # fmt: skip
    assert best_of_n["n"] == 2
    assert best_of_n["accuracy"]["min"] == 1.0
    assert best_of_n["accuracy"]["random"] == 0.75


@pytest.mark.parametrize("index", range(5), ids=TASKS)
def test_tables_are_lines_of_printable_text(index: int) -> None:
    text = report_text(reports(NASTY, NASTY)[index])
    assert text.endswith("\n")
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.startswith(TASKS[index])


def test_the_table_says_what_was_left_out() -> None:
    text = report_text(reports()[0])
    assert "skipped 1: 1 × no step is labelled" in text
    assert re.search(r"^sub +1 +1 +1\.000 +1\.000 +1\.000", text, re.MULTILINE)
    assert re.search(r"^other +0 +1 +n/a +1\.000 +n/a", text, re.MULTILINE)


@pytest.mark.parametrize("index", range(5), ids=TASKS)
def test_the_page_needs_nothing_else(index: int) -> None:
    page = Page(report_html(reports()[index]))
    assert len(page.scripts) == 3
    assert "Plotly" in page.scripts[2]
    for _, attributes in page.tags:
        assert not {"src", "href"} & attributes.keys()
    policy = next(a["content"] for _, a in page.tags if "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize("index", range(5), ids=TASKS)
def test_the_pictures_are_figures(index: int) -> None:
    page = Page(report_html(reports()[index]))
    places = [a["id"] for tag, a in page.tags if tag == "div"]
    assert places == [f"figure-{i}" for i in range(len(page.figures))]
    for figure in page.figures:
        go.Figure(figure)  # raises where plotly.js would not know a name
        assert {trace["type"] for trace in figure["data"]} <= {"scatter", "bar"}, "cartesian bundle"


@settings(max_examples=4)
@given(st.sampled_from([NASTY, "<!--<script>", "]]>", '" onload="x']) | st.text())
def test_no_name_makes_the_page_unsafe(name: str) -> None:
    for report in reports(name, name):
        plain = Page(report_html(reports()[TASKS.index(report.task)]))
        page = Page(report_html(report))
        assert len(page.scripts) == 3
        assert not set(page.scripts[1]) & set("<>&"), "nothing in the data can end the script"
        assert {tag for tag, _ in page.tags} == {tag for tag, _ in plain.tags}
        assert {key for _, a in page.tags for key in a} == {key for _, a in plain.tags for key in a}
        for figure in page.figures:
            for trace in figure["data"]:
                labels = [x for x in trace["x"] if isinstance(x, str)]
                assert not any(c in label for label in labels for c in "<>$")


def test_the_chosen_threshold_and_the_best_one_are_told() -> None:
    text = report_text(reports("tuned on other.jsonl")[0])
    assert "threshold 0.5 (tuned on other.jsonl)" in text
    assert "best threshold 0.5 with F1 1.000; chosen on these data, so it is optimistic" in text

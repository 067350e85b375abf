"""The Board's value: what the browser shows, made in Python."""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import replace
from typing import Any

import gradio as gr
import plotly.offline
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.figures.step_bars import bar_spec
from prm_core.formats.results import letter
from prm_core.paths import assets_dir
from prm_core.ranking.aggregate import METHODS, aggregate
from prm_core.ranking.rank import rank
from prm_core.types import Candidate, ScoredCandidate
from prm_core.ui.board import Board, Judged, board_value, packed

PROBLEM = "What is 7 × 8?"
VENDOR = assets_dir() / "vendor"


def scored(*probabilities: float, steps: tuple[str, ...] = ()) -> ScoredCandidate:
    steps = steps or (*(f"Line {i + 1}." for i in range(len(probabilities) - 1)), "It is 56.")
    odds = [
        math.log(p / (1 - p)) if 0 < p < 1 else math.copysign(math.inf, p - 0.5)
        for p in probabilities
    ]
    return ScoredCandidate(Candidate(PROBLEM, steps), probabilities, tuple(odds), "a-model")


RIGHT = scored(0.97, 0.95, 0.96)
WRONG = scored(0.97, 0.06, 0.11)
MENDED = scored(0.97, 0.06, 0.93, 0.96)


def detail(candidate: dict[str, Any]) -> dict[str, Any]:
    """What the browser shows of the steps."""
    parsed: dict[str, Any] = json.loads(candidate["detail"]) | json.loads(candidate["marks"])
    return parsed | json.loads(parsed["by_step"])


# --- the value ------------------------------------------------------------------------------------


def test_candidates_keep_the_editors_order_and_their_letters() -> None:
    value = board_value(
        PROBLEM, [WRONG, None, RIGHT], status="cancelled", thinking=[[], [False] * 4]
    )
    first, second, third = value["candidates"]
    assert [one["letter"] for one in value["candidates"]] == ["A", "B", "C"]
    assert (second["detail"], second["n_steps"]) == (None, 4)
    assert (first["n_steps"], first["first_error"], first["weakest_step"]) == (3, 1, 1)
    assert first["claim"] == "first error: step 2"
    assert third["claim"] == "every step above 0.5"
    assert third["answer"] == "56"
    assert (first["ranks"]["min"], third["ranks"]["min"]) == (2, 1)


def test_letters_go_on_after_z() -> None:
    assert [letter(i) for i in (0, 25, 26, 63)] == ["A", "Z", "AA", "BL"]


def test_scores_ranks_and_ties_are_those_of_the_library() -> None:
    candidates = [WRONG, RIGHT, MENDED, RIGHT]
    value = board_value(PROBLEM, candidates, status="done")
    for method in METHODS:
        for place in rank(candidates, method):
            shown = value["candidates"][place.index]
            assert shown["scores"][method] == place.score
            assert shown["ranks"][method] == place.rank
            assert shown["tied"][method] == place.tied


def test_an_opened_step_shows_what_each_rule_makes_of_it() -> None:
    (candidate,) = board_value(PROBLEM, [MENDED], status="done")["candidates"]
    p = MENDED.probabilities
    shown = detail(candidate)
    assert shown["probabilities"] == list(p)
    for i in range(len(p)):
        up_to = [aggregate(p[: i + 1], method) for method in METHODS]
        without = [aggregate(p[:i] + p[i + 1 :], method) for method in METHODS]
        assert [values[i] for values in shown["up_to"]] == pytest.approx(up_to, abs=1e-3)
        assert [values[i] for values in shown["without"]] == pytest.approx(without, abs=1e-3)
    (single,) = board_value(PROBLEM, [scored(0.9)], status="done")["candidates"]
    assert detail(single)["without"] == [[]] * len(METHODS)
    (sure,) = board_value(PROBLEM, [scored(0.99999, 0.5)], status="done")["candidates"]
    shown = detail(sure)
    assert max(values[0] for values in shown["up_to"]) < 1  # none of them is
    assert max(values[1] for values in shown["without"]) < 1


def test_probabilities_come_back_exactly() -> None:
    p = (0.30000001192092896, 0.9999999403953552, 1.1754943508222875e-38)  # float32 values
    (candidate,) = board_value(PROBLEM, [scored(*p)], status="done")["candidates"]
    assert detail(candidate)["probabilities"] == pytest.approx(p, rel=1e-8)


def test_saturated_steps_make_no_bad_json() -> None:
    value = board_value(PROBLEM, [scored(1.0, 0.0)], status="done")
    json.dumps(value, allow_nan=False)
    shown = detail(value["candidates"][0])
    assert shown["log_odds"] == [None, None]
    assert shown["shown"] == ["1.00", "0.00"]


def test_a_step_at_the_threshold_is_not_below_it_and_not_above() -> None:
    value = board_value(PROBLEM, [scored(0.5, 0.9)], status="done")
    assert value["candidates"][0]["claim"] == "every step at least 0.5"
    value = board_value(PROBLEM, [scored(0.5, 0.9)], status="done", threshold=0.6)
    assert value["candidates"][0]["claim"] == "first error: step 1"


def test_the_figure_comes_from_charts() -> None:
    value = board_value(PROBLEM, [MENDED], status="done", threshold=0.3)
    figure = detail(value["candidates"][0])["figure"]
    assert figure == json.loads(json.dumps(bar_spec(MENDED, threshold=0.3)))


def test_the_number_of_a_step_is_not_shown_twice() -> None:
    steps = ("Step 1: 7 × 8 is $56$.", "7 × 8", "**Step 3: so** it is 56.")
    (candidate,) = board_value(PROBLEM, [scored(0.9, 0.9, 0.9, steps=steps)], status="done")[
        "candidates"
    ]
    shown = detail(candidate)
    assert shown["steps"] == list(steps)
    first, second, third = shown["prefixes"]
    assert (first, second) == ("Step 1: ", "")
    assert steps[2].startswith(third)


def test_thinking_is_marked() -> None:
    value = board_value(PROBLEM, [scored(0.9, 0.8)], status="done", thinking=[[True, False]])
    assert detail(value["candidates"][0])["thinking"] == [True, False]


def test_what_a_model_says_beside_the_probability_is_there() -> None:
    extras = {"raw": (0.25, -1.5, math.inf), "share": (1.0, 0.5, 0.0)}
    wrote = ("<b>Step 1</b> is right.", "So is it.")
    said = replace(RIGHT, extras=extras, rationales=wrote)
    value = board_value(PROBLEM, [said, WRONG], status="done")
    first, second = map(detail, value["candidates"])
    assert first["extras"] == {"raw": [0.25, -1.5, None], "share": [1.0, 0.5, 0.0]}
    assert first["rationales"] == list(wrote)
    assert second["rationales"] == []
    assert second["extras"] == {}


def test_streaming_works_nothing_out_twice() -> None:
    views: dict[int, dict[str, Any]] = {}
    first = board_value(PROBLEM, [RIGHT, None], status="running", views=views)
    second = board_value(PROBLEM, [RIGHT, WRONG], status="done", views=views)
    assert second["candidates"][0]["detail"] is first["candidates"][0]["detail"]
    assert second["candidates"][0]["ranks"] == dict.fromkeys(METHODS, 1)
    assert list(views) == [0, 1]


def test_a_value_travels_as_texts_which_gradio_does_not_walk() -> None:
    value = board_value(PROBLEM, [RIGHT, None], status="running")
    sent = packed(value)
    texts = (sent["about"], *sent["details"], *sent["marks"])
    assert all(text is None or type(text) is str for text in texts)
    back = json.loads(sent["about"])
    for one, text, marks in zip(back["candidates"], sent["details"], sent["marks"], strict=True):
        one.update(detail=text, marks=marks)
    assert back == json.loads(json.dumps(value))
    assert packed(gr.skip()) == gr.skip()


def test_a_full_board_stays_small() -> None:
    steps = tuple(f"Step {i}: " + "x" * 80 for i in range(40))
    many = [scored(*([0.123456789] * 40), steps=steps)] * 64
    assert len(json.dumps(board_value(PROBLEM, many, status="done"))) < 2_000_000


# --- scores as people read them -------------------------------------------------------------------


@given(
    st.lists(
        st.floats(0.0, 1.0) | st.floats(0.0101, 0.0149) | st.floats(1e-9, 1e-7), max_size=6
    ).map(lambda xs: [*xs, *xs[:1]])
)
def test_scores_read_alike_only_when_they_are_equal(p: list[float]) -> None:
    value = board_value(PROBLEM, [scored(x) for x in p], status="done")
    for method in METHODS:
        for one in value["candidates"]:
            for other in value["candidates"]:
                same = one["scores"][method] == other["scores"][method]
                assert (one["shown"][method] == other["shown"][method]) == same


def test_a_later_result_may_call_for_more_digits() -> None:
    views: dict[int, dict[str, Any]] = {}
    near, nearer = scored(0.0141), scored(0.0123)
    first = board_value(PROBLEM, [near, None], status="running", views=views)
    assert first["candidates"][0]["shown"]["min"] == "0.01"
    both = board_value(PROBLEM, [near, nearer], status="done", views=views)
    assert [one["shown"]["min"] for one in both["candidates"]] == ["0.014", "0.012"]


# --- time -----------------------------------------------------------------------------------------

N_HOSTILE = 200_000
HOSTILE_PIECES = (
    *["\\(", "\\[", "\\)", "$", "$$", "$a", "$ a", "\\begin{align}", "$\\", "5 $", "\\"],
    *[
        "`",
        "```\n",
        "~~~\n",
        "*",
        "*a ",
        "_",
        "[",
        "](",
        "![",
        "<",
        "<a ",
        "&",
        "|",
        "|-",
        "#",
        "> ",
    ],
    *["\n", "\n\n", " ", "\t", "- ", "1. ", "1", "1.", "a", "A.", "\u00e9", "{", "}", "\\boxed{"],
    *[
        "Step 1:",
        "**Step 1:",
        "<think>",
        "</think>",
        "=",
        "= 1 ",
        "x=",
        "(",
        ")",
        ",",
        ". ",
        "\U0001d7cf",
    ],
)


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("piece", HOSTILE_PIECES)
def test_hostile_texts_take_no_time(piece: str) -> None:
    """A regular expression that backtracks keeps the interpreter's lock: nothing answers then."""
    text = (piece * (N_HOSTILE // len(piece) + 1))[: N_HOSTILE - 1] + "x"
    one = scored(0.9, steps=(text,))

    def seconds() -> float:
        began = time.process_time()
        board_value(text, [one], status="done")
        return time.process_time() - began

    # A busy machine makes one try slow, not each of four.
    assert any(seconds() < 0.5 for _ in range(4))


# --- the component --------------------------------------------------------------------------------

HOSTILE = (
    "${alert(1)} `${1+1}`",
    "<img src=x onerror=alert(1)> </script>",
    r"{{x}} \frac $\frac{1}{2}$",
)


def test_user_text_is_in_the_value_and_nowhere_else() -> None:
    """Gradio compiles templates to code; ours is constant and has nothing to fill in."""
    board = Board(examples=[("one", "What is `${1+1}`?")])
    assert board.html_template == '<div class="prm-board"></div>'
    assert board.css_template == ""
    value = board_value(HOSTILE[0], [scored(0.9, 0.1, 0.5, steps=HOSTILE)], status="done")
    assert detail(value["candidates"][0])["steps"] == list(HOSTILE)


def test_an_example_can_be_asked_for() -> None:
    board = Board(examples=[("one", "What is 7 × 8?"), ("two", "Two")])
    assert callable(board.example)  # AttributeError if board.js did not name it
    assert json.loads(board.value["about"])["examples"] == [
        {"id": "one", "label": "What is 7 × 8?"},
        {"id": "two", "label": "Two"},
    ]


def test_libraries_come_from_our_own_server() -> None:
    board = Board()
    addresses = [*re.findall(r'(?:src|href)="([^"]+)"', board.head or ""), board.props["plotly"]]
    assert len(addresses) == 4
    for address in addresses:
        assert address.startswith("gradio_api/file=/")
        assert (VENDOR.parent / "vendor" / address.rpartition("/vendor/")[2]).is_file()


def test_plotly_js_is_of_the_version_that_python_writes_for() -> None:
    banner = (VENDOR / "plotly" / "plotly-cartesian.min.js").read_text(encoding="utf-8")[:400]
    ours = re.search(r"v(\d+)\.(\d+)\.(\d+)", banner)
    theirs = plotly.offline.get_plotlyjs_version()
    assert ours is not None
    assert ours[1] == theirs.split(".")[0]
    assert ours[0].removeprefix("v") in (VENDOR / "README.md").read_text(encoding="utf-8")


def test_vendored_files_are_whole_and_licensed() -> None:
    katex = VENDOR / "katex"
    version = re.search(r'version:"([\d.]+)"', (katex / "katex.min.js").read_text(encoding="utf-8"))
    assert version is not None
    assert version[1] in (VENDOR / "README.md").read_text(encoding="utf-8")
    style = (katex / "katex.min.css").read_text(encoding="utf-8")
    fonts = set(re.findall(r"url\(([^)]+)\)", style))
    assert fonts == {f"fonts/{font.name}" for font in (katex / "fonts").iterdir()}
    markdown = (VENDOR / "markdown-it" / "markdown-it.min.js").read_text(encoding="utf-8")
    assert "sourceMappingURL" not in markdown  # the browser would ask for it
    for folder in (katex, VENDOR / "plotly", VENDOR / "markdown-it"):
        assert "Permission is hereby granted" in (folder / "LICENSE").read_text(encoding="utf-8")


# --- what was judged ------------------------------------------------------------------------------


def test_a_letter_is_the_solutions_own() -> None:
    value = board_value(PROBLEM, [WRONG, RIGHT], status="done", judged=Judged(letters=("B", "AC")))
    assert [one["letter"] for one in value["candidates"]] == ["B", "AC"]


def test_a_right_answer_marks_the_solutions_that_reach_it() -> None:
    for gold, correct in (("56", [True, False]), ("x", [False, False]), (None, [None, None])):
        value = board_value(
            PROBLEM,
            [RIGHT, scored(0.9, 0.2, steps=("7 × 8 = 54.", "The answer is 54."))],
            status="done",
            judged=Judged(gold=gold),
        )
        assert [one["correct"] for one in value["candidates"]] == correct

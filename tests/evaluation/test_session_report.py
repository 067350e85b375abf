"""The report of a session: it says what the session says, runs nothing, and opens again."""

from __future__ import annotations

import base64
import re
import time
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings

from prm_core.cli import main
from prm_core.evaluation.session_report import session_html
from prm_core.session import (
    Model,
    Problem,
    Scores,
    Session,
    Settings,
    Solution,
    load_session,
    open_session,
    save_session,
)
from tests.session.test_record import sessions

GALLERY = Path(__file__).parents[2] / "examples" / "gallery" / "gsm8k.json.gz"
NASTY = (
    "</script></title><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\u2028 &amp; \"'"
)


class Elements(HTMLParser):
    """What a browser would make of a page: its elements and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def session(text: str = "2 + 2 = 4.") -> Session:
    scores = {
        "m": Scores((0.97, 0.31, 0.85), rationales=(text,)),
        "n": Scores((0.2, 0.3, 0.4)),
    }
    solutions = (
        Solution(
            text,
            steps=(text, "Hm.", "So 5."),
            thinking=(False, True, False),
            scores=scores,
            labels=(1.0, 0.0, "neutral"),
            step_notes=("", text, ""),
            note=text,
            generator=text,
            error_type=text,
            answer=text,
        ),
        Solution("B", text, error=text),
        Solution("C", text, ("4",), scores={"m": Scores((0.9,))}, correct=True),
        Solution("D", text, ("2", "4"), scores={"m": Scores((0.6,))}),
    )
    return Session(
        (Problem(text, text, solutions, gold_answer=text, note=text, cut_note=text),),
        (Model("m", label=text, note=text), Model("n")),
        Settings(other="n"),
        title=text,
        note=text,
        annotator=text,
    )


def test_the_report_opens_again_as_the_session(tmp_path: Path) -> None:
    for one in (session(), session(NASTY), load_session(GALLERY), Session(title="<b>")):
        (tmp_path / "report.html").write_text(session_html(one), encoding="utf-8")
        assert open_session(tmp_path / "report.html").session == one


def test_no_text_becomes_an_element() -> None:
    tame = NASTY.translate(str.maketrans("<>&\"'", "‹›+″′"))
    plain, nasty = Elements(session_html(session(tame))), Elements(session_html(session(NASTY)))
    assert [tag for tag, _ in nasty.tags] == [tag for tag, _ in plain.tags]
    assert [attrs.keys() for _, attrs in nasty.tags] == [attrs.keys() for _, attrs in plain.tags]


def test_the_page_runs_and_loads_nothing() -> None:
    page = Elements(session_html(session(NASTY)))
    scripts = [attrs for tag, attrs in page.tags if tag == "script"]
    assert [one["type"] for one in scripts] == ["application/json"]
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "script" not in policy
    for _, attrs in page.tags:
        assert not {"src", "srcset", "onload", "onerror", "onclick"} & attrs.keys()
        assert (attrs.get("href") or "#").startswith("#")


def test_every_line_is_read_in_its_own_direction() -> None:
    """Arabic and Hebrew from the right, whatever the page around them is in."""
    (rule,) = re.findall(r"^\.problem, \.text \{(.*)\}$", session_html(session()), re.MULTILINE)
    assert "unicode-bidi: plaintext" in rule


def test_it_says_what_the_session_says() -> None:
    text = Elements(session_html(session())).text
    for words in (
        "a step below 0.5 counts as wrong",
        "first error: step 2",
        "0.31 ✗",
        "0.97",
        "Label: right ✓",
        "Label: wrong ✗",
        "Label: neutral",
        "Thinking: 1 step",
        "What the verifier wrote",
        "The whole solution:",
        "not scored",
        "Compared with",
    ):
        assert words in text, words


def test_a_threshold_and_a_rule_are_followed() -> None:
    page = session_html(
        Session(
            (Problem("?", solutions=(
                Solution("A", steps=("a", "b"), scores={"m": Scores((0.9, 0.2))}),
                Solution("B", steps=("a", "b"), scores={"m": Scores((0.5, 0.5))}),
            )),),
            (Model("m", threshold=0.1),),
            Settings(aggregation="max"),
        )
    )  # fmt: skip
    assert "first error" not in Elements(page).text.replace("first error weakest", "")
    first, second = re.findall(r"<h3><b>Solution <bdi[^>]*>(\w)", page)
    assert (first, second) == ("A", "B")


def test_one_problem_alone_is_kept_alone(tmp_path: Path) -> None:
    whole = load_session(GALLERY)
    (tmp_path / "one.html").write_text(session_html(whole, only=4), encoding="utf-8")
    found = open_session(tmp_path / "one.html").session
    assert found.problems == (whole.problems[4],)
    assert found.models == whole.models


def test_every_solution_has_its_course() -> None:
    """The points of a line are the probabilities, and the dot is the first error."""
    values = {"A": (0.9, 0.5, 0.2, 0.7), "B": (0.8, 0.9), "C": (0.6,)}
    solutions = tuple(
        Solution(name, steps=("x",) * len(p), scores={"m": Scores(p)}) for name, p in values.items()
    )
    page = Elements(session_html(Session((Problem("?", solutions=solutions),), (Model("m"),))))
    lines = [attrs["points"] or "" for tag, attrs in page.tags if tag == "polyline"]
    labels = [a["aria-label"] or "" for t, a in page.tags if t == "svg" and a.get("class") != "map"]
    assert labels == [
        "B: 2 steps, lowest 0.80 at step 1",
        "A: 4 steps, lowest 0.20 at step 3, first error at step 3",
    ]
    for points, name in zip(lines, "BA", strict=True):
        drawn = [tuple(map(float, point.split(","))) for point in points.split()]
        assert [x for x, _ in drawn] == sorted({x for x, _ in drawn})
        heights = [y for _, y in drawn]
        best, worst = 4.0, 40.0  # of probabilities 1 and 0
        shown = [(worst - y) / (worst - best) for y in heights]
        assert shown == pytest.approx(values[name], abs=0.002)
    dots = [attrs for tag, attrs in page.tags if tag == "circle" and "class" in attrs]
    assert [(one["class"], one["cy"]) for one in dots] == [("bad", "32.8")]


def test_a_large_problem_takes_no_time() -> None:
    solutions = tuple(
        Solution(f"S{n}", steps=("A step of some words.",) * 40, scores={"m": Scores((0.5,) * 40)})
        for n in range(64)
    )
    large = Session((Problem("?", solutions=solutions),), (Model("m"),))
    began = time.process_time()
    session_html(large)
    assert time.process_time() - began < 2.0


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_session(session(), tmp_path / "s.json")
    out = tmp_path / "r.html"
    words = ["report", str(tmp_path / "s.json"), "-o", str(out)]
    assert main([*words, "--model", "n", "--aggregation", "mean", "--title", "Mine"]) == 0
    found = open_session(out).session
    assert (found.title, found.settings.model, found.settings.aggregation) == ("Mine", "n", "mean")
    assert found.problems == session().problems
    assert "1 problem, " in capsys.readouterr().err
    assert main([*words, "--model", "x"]) == 1
    assert "the file has no scores of 'x'; m, n scored" in capsys.readouterr().err
    assert main([*words, "--problem", "7"]) == 1
    assert "there are 1 problems, and ids are 2 + 2 = 4." in capsys.readouterr().err


def test_a_bad_row_is_named_and_the_rest_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"problem": "p", "solutions": ["s"]}\n{}\n', encoding="utf-8")
    assert main(["report", str(path), "-o", str(tmp_path / "r.html")]) == 1
    assert "rows.jsonl, line 2, field 'problem': is missing" in capsys.readouterr().err
    assert len(open_session(tmp_path / "r.html").session.problems) == 1


CUT = Session(
    (
        Problem(
            "7 × 8?",
            solutions=(
                Solution(
                    "A",
                    "7 × 8 = 54. So 54.",
                    ("7 × 8 = 54.", "So 54."),
                    scores={
                        "lines": Scores((0.25,), steps=("7 × 8 = 54. So 54.",)),
                        "sentences": Scores((0.125, 0.875)),
                        "thirds": Scores((0.5, 0.375, 0.625), steps=("7 × 8", "= 54.", "So 54.")),
                    },
                    labels=(0.0, None),
                ),
            ),
        ),
    ),
    (Model("lines"), Model("sentences", "By sentence"), Model("thirds")),
)


@pytest.mark.parametrize("model", ["lines", "sentences", "thirds"])
@pytest.mark.parametrize("other", ["", "lines", "sentences", "thirds"])
def test_every_model_s_scores_stand_at_the_steps_that_it_judged(model: str, other: str) -> None:
    """And labels at the steps that were labelled, whatever model is shown."""
    session = replace(CUT, settings=Settings(model, "" if other == model else other))
    page = session_html(session)
    card = page[page.index("<article") : page.index("</article>")]
    assert card.count("Label: wrong") == 1
    texts = {
        "lines": ["7 × 8 = 54. So 54."],
        "sentences": ["7 × 8 = 54.", "So 54."],
        "thirds": ["7 × 8", "= 54.", "So 54."],
    }
    wanted = [texts[model]]
    wanted += [texts["sentences"]] if model != "sentences" else []
    wanted += [texts[other]] if other not in ("", model) else []
    lists = re.findall(r"<ol.*?</ol>", card)
    found = [re.findall(r'<bdi dir="auto">(.*?)</bdi></div>', one) for one in lists]
    assert found == wanted
    n_bars = sum(len(texts[one]) for one in {model, other} - {""})
    assert len(re.findall('class="bar', card)) == n_bars
    assert open_session(page.encode(), "r.html").session == session


@settings(max_examples=15, deadline=None)
@given(sessions().filter(lambda session: bool(session.problems)))
def test_a_report_holds_the_session(session: Session) -> None:
    assert open_session(session_html(session).encode(), "r.html").session == session


@pytest.mark.parametrize(
    "text", ["$x$", "\\(x\\)", "\\[x\\]", "$$x$$", "is \\boxed{4}", "\\begin{cases}"]
)
def test_scripts_are_only_where_formulas_are_and_named_by_their_hashes(text: str) -> None:
    def scripts(step: str) -> tuple[str, list[str]]:
        page = session_html(Session((Problem("?", solutions=(Solution("A", steps=(step,)),)),)))
        policy = re.search('Content-Security-Policy" content="([^"]*)"', page)
        assert policy
        return policy[1], re.findall("<script>(.*?)</script>", page, re.DOTALL)

    policy, found = scripts(text)
    hashes = [base64.b64encode(sha256(one.encode()).digest()).decode() for one in found]
    assert policy.split("script-src ")[1] == " ".join(f"'sha256-{one}'" for one in hashes)
    assert len(found) == 2
    for plain in ("It costs $5 and $6.", "2 + 2 = 4", "a $ b $ c"):
        policy, found = scripts(plain)
        assert "script" not in policy
        assert not found

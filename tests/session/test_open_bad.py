"""One bad value in a session is named, and the rest is there."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from prm_core.cli import main
from prm_core.errors import DataError
from prm_core.evaluation.session_report import session_html
from prm_core.session import (
    Model,
    Problem,
    Scores,
    Session,
    Settings,
    Solution,
    export,
    read_session,
)
from prm_core.session import open_session as opened
from prm_core.ui.problems import open_file

SESSION = Session(
    tuple(
        Problem(
            f"Problem {n}?",
            f"p{n}",
            tuple(
                Solution(name, steps=("One.", "Two."), scores={"m": Scores((0.5, 0.25))})
                for name in "AB"
            ),
        )
        for n in range(3)
    ),
    (Model("m", threshold=0.4),),
    Settings("m", aggregation="prod"),
    "Title",
)


def spoilt(tmp_path: Path, path: list[str | int], value: object, name: str = "s.json") -> Path:
    """The session's file with another value at a place."""
    file = tmp_path / name
    export(SESSION, file)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    whole = rows[0]
    if name.endswith("jsonl") and path[0] == "problems":
        whole, path = rows[int(path[1])]["session"], ["problem", *path[2:]]
    at: Any = whole
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = value
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.mark.parametrize("name", ["s.json", "s.jsonl"])
@pytest.mark.parametrize(
    ("path", "value", "n_solutions"),
    [
        (["problems", 1, "solutions", 0, "labels"], [7, None], [2, 1, 2]),
        (["problems", 1, "solutions", 1, "scores", "m", "probabilities"], [2, 0], [2, 1, 2]),
        (["problems", 2, "solutions", 0, "steps"], ["", "x"], [2, 2, 1]),
        (["problems", 0, "gold_answer"], 5, [2, 2]),
        (["problems", 2, "strange"], 5, [2, 2, 2]),
        (["problems", 2, "solutions", 0, "strange"], 5, [2, 2, 2]),
        (["problems", 2, "solutions", 0, "scores", "m", "strange"], 5, [2, 2, 2]),
    ],
)
def test_a_bad_value_costs_its_entry_alone(
    tmp_path: Path, name: str, path: list[str | int], value: object, n_solutions: list[int]
) -> None:
    found = opened(spoilt(tmp_path, path, value, name))
    assert [len(one.solutions) for one in found.session.problems] == n_solutions
    (error,) = found.errors
    place = f"problems[{path[1]}]" + (f".solutions[{path[3]}]" if "solutions" in path else "")
    assert error.field is not None
    assert error.field.startswith(place)
    assert found.session.title == "Title"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["settings", "aggregation"], "no rule"),
        (["settings", "model"], "nobody"),
        (["models", 0, "threshold"], 5),
        (["title"], 5),
        (["strange"], 5),
        (["settings", "strange"], 5),
        (["models", 0, "strange"], 5),
    ],
)
def test_a_bad_setting_costs_no_problem(
    tmp_path: Path, path: list[str | int], value: object
) -> None:
    found = opened(spoilt(tmp_path, path, value))
    assert found.session.problems == SESSION.problems
    (error,) = found.errors
    if path[-1] == "strange":  # only a newer version knows it: everything else is there
        assert found.session == SESSION
        assert "is left out; a newer PRM Inspector reads it" in str(error)


def test_where_nothing_is_left_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    bad = {"problem": 5, "solutions": []}
    row = {"format": "prm-inspector-session", "version": 1, "problems": [bad]}
    file.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(DataError, match=r"problems\[0\].problem"):
        opened(file)


# --- files of another version, or changed by hand -------------------------------------------------

PAGE = session_html(SESSION)
BEGIN = '<script type="application/json" id="prm-inspector-session">'
DATA = PAGE.partition(BEGIN)[2].partition("</script>")[0]


def every_door(file: Path, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The page and every command say the same, and what was there before stays."""
    reply = opened_on_page(file)
    assert set(reply) == {"error"}
    assert words in reply["error"]
    there = tmp_path / "out"
    there.write_text("before", encoding="utf-8")
    for command in ("report", "score", "evaluate"):
        output = [] if command == "evaluate" else ["-o", str(there)]
        assert main([command, str(file), *output]) == 1
        assert words in capsys.readouterr().err
        assert there.read_text(encoding="utf-8") == "before"


def opened_on_page(file: Path) -> dict[str, Any]:
    raw = base64.b64encode(gzip.compress(file.read_bytes())).decode()
    return open_file({"name": f"{file.name}.gz", "contents": raw})


@pytest.mark.parametrize("name", ["s.json", "s.jsonl"])
@pytest.mark.parametrize(
    ("version", "said"),
    [
        (2, "is 2; this program reads version 1; open it with a newer PRM Inspector"),
        ("1", 'is "1"; this program reads version 1; save the session again with the program'),
        (None, "is null; this program reads version 1; save the session again"),
    ],
)
def test_a_session_of_another_version_says_the_way_out(
    name: str, version: object, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / name
    export(SESSION, file)
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row.get("session", row)["version"] = version
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    every_door(file, f"field 'version': {said}", tmp_path, capsys)


@pytest.mark.parametrize(
    ("html", "said"),
    [
        (
            PAGE.replace(DATA, DATA[: len(DATA) // 2]),
            "this report was cut or changed",
        ),
        (PAGE.replace(DATA, ""), "this report was cut or changed"),
        (
            PAGE.partition(DATA)[0] + DATA[:-9],
            "(the file ends in the middle of it); open",
        ),
        (PAGE.replace(DATA, DATA.replace(",", "", 1)), "open the report as it was saved"),
        (PAGE.replace(DATA, "[1]"), "(it is a list); open the report as it was saved"),
        (PAGE.replace(f"{BEGIN}{DATA}", "<script>"), "contains no session; a report whose data"),
        (PAGE + PAGE.replace("Title", "Other"), "contains 2 different sessions; open each report"),
        ("<svg></svg>", "is a web page, but not a report of this program"),
    ],
    ids=["cut", "empty", "ends", "comma", "list", "removed", "two", "other"],
)
def test_a_report_that_was_changed_says_what_is_wrong(
    html: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "r.html"
    file.write_text(html, encoding="utf-8")
    every_door(file, said, tmp_path, capsys)
    line = html.partition("<script type")[0].count("\n") + 1
    if "cut or changed" in said:
        assert f"r.html, line {line}: " in opened_on_page(file)["error"]


@pytest.mark.parametrize(
    "html",
    [
        PAGE.replace("<h1", "<h1 class='mine'").replace("<p", "<p title='also mine'"),
        "<!-- saved from url=(0014)about:internet -->\n" + PAGE,
        PAGE.replace(BEGIN, '<SCRIPT id=prm-inspector-session\n  type="application/json">'),
        PAGE.replace(DATA, f"\n  {DATA}\n"),
        PAGE + PAGE,  # the same twice
        PAGE.replace("\n", "\r\n"),
    ],
    ids=["text", "comment", "attributes", "lines", "twice", "windows"],
)
def test_a_report_that_holds_its_session_opens(html: str, tmp_path: Path) -> None:
    file = tmp_path / "r.html"
    file.write_bytes(html.encode())
    assert opened(file).session == SESSION
    assert read_session(opened_on_page(file)["session"]) == SESSION

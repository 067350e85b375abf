"""Sessions into files: what comes back, and what a spreadsheet may not run."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from prm_core import BadOptionError
from prm_core.formats.labelled import read_examples
from prm_core.formats.tables import armed, defused
from prm_core.session import (
    Model,
    Problem,
    Scores,
    Session,
    Settings,
    Solution,
    export,
    open_session,
)
from prm_core.types import Example

NASTY = '=HYPERLINK("http://x","y")'


def session() -> Session:
    """Three problems with eight solutions each, labels and edits."""
    problems = tuple(
        Problem(
            f"{NASTY} {number}",
            f"@p{number}",
            tuple(
                Solution(
                    name,
                    f"text {name}",
                    ("+1+1", "The answer is -5."),
                    scores={
                        "-m": Scores((0.25, place / 10)),
                        "n": Scores((0.5,)),
                    },
                    labels=(1.0, "neutral") if place % 2 else (),
                    note="edited" if place == 3 else "",
                )
                for place, name in enumerate("ABCDEFGH")
            ),
            gold_answer="-5",
        )
        for number in range(3)
    )
    return Session(problems, (Model("-m"), Model("n")), Settings(aggregation="prod"), "Title")


@pytest.mark.parametrize("name", ["s.json", "s.json.gz", "s.jsonl", "s.jsonl.gz"])
def test_what_holds_everything_comes_back_equal(name: str, tmp_path: Path) -> None:
    export(session(), tmp_path / name)
    export(session(), tmp_path / f"again-{name}")
    assert open_session(tmp_path / name).session == session()
    assert (tmp_path / name).read_bytes() == (tmp_path / f"again-{name}").read_bytes()


@pytest.mark.parametrize("name", ["s.csv", "s.csv.gz", "s.parquet"])
def test_tables_come_back_with_what_they_hold(name: str, tmp_path: Path) -> None:
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    export(session(), tmp_path / name)
    found = open_session(tmp_path / name).session
    assert [one.problem for one in found.problems] == [f"{NASTY} {n}" for n in range(3)]
    assert [one.id for one in found.problems] == ["@p0", "@p1", "@p2"]
    for mine, read in zip(session().problems, found.problems, strict=True):
        assert [one.steps for one in read.solutions] == [one.steps for one in mine.solutions]
        assert [one.scores["-m"] for one in read.solutions] == [
            one.scores["-m"] for one in mine.solutions
        ]


def test_no_cell_of_a_table_begins_like_a_formula(tmp_path: Path) -> None:
    export(session(), tmp_path / "s.csv")
    with (tmp_path / "s.csv").open(newline="", encoding="utf-8") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert f"'{NASTY} 0" in cells
    assert "-5" in cells  # a number is run by nobody
    for cell in cells:
        is_number = cell.lstrip("+-").replace(".", "").isdecimal()
        assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


@pytest.mark.parametrize("cell", ["=1", "'=1", "''=1", "+a", "-1", "'", "it's", "@x", "\tx", ""])
def test_a_defused_cell_is_read_as_it_was(cell: str) -> None:
    assert armed(defused(cell)) == cell


def test_a_name_must_tell_a_format(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match=r"does not give a format"):
        export(session(), tmp_path / "s.doc")


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_tables_carry_labels_and_notes(name: str, tmp_path: Path) -> None:
    """With scores and without; what nobody scored or labelled has no row."""
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    steps = ("=1+1", "So 2.")
    said = {"labels": (1.0, "neutral"), "step_notes": ("", "-5"), "note": "[1]"}
    solutions = (
        Solution("A", steps=steps, scores={"m": Scores((0.5, 0.25))}, **said),
        Solution("B", steps=steps, scores={"m": Scores((0.5, 0.75))}),
        Solution("C", steps=("So 3.",), labels=(0.0,)),
        Solution("D", steps=steps, scores={"n": Scores((0.5, 0.75))}),
    )
    plain = Problem("2?", "q", (Solution("A", steps=("Two.",), labels=(1.0,)),))
    made = Session((Problem("1 + 1?", "p", solutions), plain), (Model("m"), Model("n")))
    export(made, tmp_path / name)
    first, second = open_session(tmp_path / name).session.problems
    assert [(one.labels, one.step_notes, one.note) for one in first.solutions] == [
        ((1.0, "neutral"), ("", "-5"), "[1]"),
        ((), (), ""),
        ((0.0,), (), ""),
    ]
    assert [list(one.scores) for one in first.solutions] == [["m"], ["m"], []]
    assert second.solutions == plain.solutions
    labelled = [one for one in read_examples(tmp_path / name) if isinstance(one, Example)]
    assert [one.labels for one in labelled] == [(1.0, 1.0), (0.0,), (1.0,)]

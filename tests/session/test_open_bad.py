"""One bad value in a session is named, and the rest is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from prm_core.errors import DataError
from prm_core.session import Model, Problem, Scores, Session, Settings, Solution, export
from prm_core.session import open_session as opened

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
        (["problems", 2, "strange"], 5, [2, 2]),
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
    ],
)
def test_a_bad_setting_costs_no_problem(
    tmp_path: Path, path: list[str | int], value: object
) -> None:
    found = opened(spoilt(tmp_path, path, value))
    assert found.session.problems == SESSION.problems
    assert len(found.errors) == 1


def test_where_nothing_is_left_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.json"
    bad = {"problem": 5, "solutions": []}
    row = {"format": "prm-inspector-session", "version": 1, "problems": [bad]}
    file.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(DataError, match=r"problems\[0\].problem"):
        opened(file)

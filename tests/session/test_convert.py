"""Sessions as the rows that other programs read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from prm_core import Candidate, DataError, Example, InputError, ScoredCandidate
from prm_core.formats.labelled import read_examples
from prm_core.formats.results import result_row
from prm_core.session import (
    Problem,
    Session,
    Solution,
    examples,
    from_examples,
    from_scored,
    from_session_rows,
    prm800k_rows,
    processbench_rows,
    result_rows,
    session_rows,
    trl_rows,
)

STEPS = ("7 × 8 = 54.", "Hm.", "So 54.")


def session(*labels: Any, **fields: Any) -> Session:
    solution = Solution("A", steps=STEPS[: len(labels)], labels=labels)
    return Session((Problem("7 × 8?", "p1", (solution,), gold_answer="56"),), **fields)


def read(rows: Iterable[dict[str, Any]], folder: Path, **options: Any) -> list[Any]:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(read_examples(path, **options))


def test_trl_rows_are_read_back(tmp_path: Path) -> None:
    (row,) = trl_rows(session(1, 0, None))
    assert row == {"prompt": "7 × 8?", "completions": list(STEPS[:2]), "labels": [True, False]}
    (example,) = read([row], tmp_path)
    assert example.labels == (1.0, 0.0)
    assert [row["labels"] for row in trl_rows(session(1, 0.25, 0))] == [[1.0, 0.25, 0.0]]
    assert [row["labels"] for row in trl_rows(session("neutral"))] == [[True]]
    assert [*trl_rows(session(None, 1))] == []


def test_processbench_rows_are_read_back(tmp_path: Path) -> None:
    (row,) = processbench_rows(session(1, 0, None))
    assert (row["id"], row["label"], row["final_answer_correct"]) == ("p1/A", 1, False)
    (example,) = read([row], tmp_path)
    assert example.labels == (1.0, 0.0, None)
    (row,) = processbench_rows(session(0, 0, None))
    assert row["label"] == 0
    (row,) = processbench_rows(session(1, 1, "neutral"))
    assert (row["label"], row["final_answer_correct"]) == (-1, False)
    assert [*processbench_rows(session(1, None, 1))] == []  # nobody knows its first error
    (row,) = processbench_rows(session("neutral"), neutral_is_right=False)
    assert row["label"] == 0


def test_prm800k_rows_are_read_back(tmp_path: Path) -> None:
    (row,) = prm800k_rows(session(1, "neutral", 0, annotator="me"))
    assert [step["completions"][0]["rating"] for step in row["label"]["steps"]] == [1, 0, -1]
    assert row["label"]["finish_reason"] == "found_error"
    (example,) = read([row], tmp_path, neutral_is_right=False)
    assert (example.labels, example.gold_answer) == ((1.0, 0.0, 0.0), "56")
    with pytest.raises(InputError, match="step 2 of solution A has the label"):
        list(prm800k_rows(session(1, 0.5)))


def test_labelled_solutions_come_back_equal() -> None:
    there = [
        Example(Candidate("2 + 2?", ("4", "So 4."), "a"), (1.0, None), "made", "4", "4", True),
        Example(
            Candidate("2 + 2?", ("5", "So 5."), "b"), (0.0, 0.25), "made", "5", "4", False, "x"
        ),
        Example(Candidate("3 + 3?", ("6",), "c"), (1.0,), "made"),
    ]
    found = from_examples(there)
    assert [len(problem.solutions) for problem in found.problems] == [2, 1]
    assert examples(found) == there


def test_result_rows_are_those_of_score() -> None:
    scored = [
        ScoredCandidate(Candidate("2 + 2?", ("4",), name), (p,), (0.0,), "m")
        for name, p in (("A", 0.25), ("B", 0.75))
    ]
    (row,) = result_rows(from_scored(scored))
    assert row == result_row(None, scored)


def test_rows_without_a_session_are_named() -> None:
    (row,) = session_rows(session(1))
    assert row["solutions"] == [[STEPS[0]]]
    with pytest.raises(DataError, match="line 2, field 'session'"):
        from_session_rows([row, {"problem": "?"}], "x.jsonl")
    row["session"]["version"] = 2
    with pytest.raises(DataError, match="is 2; this program reads version 1"):
        from_session_rows([row])

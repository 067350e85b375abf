"""Sessions as the rows that other programs read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
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
    from_rows,
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


def test_result_rows_keep_the_right_answer() -> None:
    one = ScoredCandidate(Candidate("2 + 2?", ("So 5.",)), (0.25,), (0.0,), "m")
    (row,) = result_rows(from_scored([one], gold_answers={"2 + 2?": "4"}))
    assert row["gold_answer"] == "4"


def test_rows_without_a_session_are_named() -> None:
    (row,) = session_rows(session(1))
    assert row["solutions"] == [[STEPS[0]]]
    with pytest.raises(DataError, match="line 2, field 'session'"):
        from_session_rows([row, {"problem": "?"}], "x.jsonl")
    row["session"]["version"] = 2
    with pytest.raises(DataError, match="is 2; this program reads version 1"):
        from_session_rows([row])


LINES = Candidate("2 + 2?", ("2 + 2 = 4. So it", "is 4."))
SENTENCES = Candidate("2 + 2?", ("2 + 2 = 4.", "So it is 4."))
WHOLE = SENTENCES.joined()


@pytest.mark.parametrize("n_solutions", [1, 2])
def test_results_of_models_that_cut_a_text_differently_are_of_one_solution(
    n_solutions: int,
) -> None:
    """Two outputs of `score`, one after the other; a text that is another one stays apart."""
    judged = [
        ScoredCandidate(LINES, (0.9, 0.8), (0.0, 0.0), "lines"),
        ScoredCandidate(SENTENCES, (0.7, 0.6), (0.0, 0.0), "sentences"),
        ScoredCandidate(WHOLE, (0.5,), (0.0,), "whole"),
    ]
    more = [Candidate("2 + 2?", (f"It is {n}.",)) for n in range(n_solutions - 1)]
    rows = [
        result_row(None, [one, *(ScoredCandidate(c, (0.5,), (0.0,), one.model_id) for c in more)])
        for one in judged
    ]
    (problem,) = from_rows(rows).session.problems
    assert len(problem.solutions) == n_solutions
    first = problem.solutions[0]
    for one in judged:
        found = first.scored("2 + 2?", one.model_id)
        assert found is not None
        assert (found.candidate.steps, found.probabilities) == (
            one.candidate.steps,
            one.probabilities,
        )
    other = result_row(None, [replace(judged[0], candidate=Candidate("2 + 2?", ("Four.", "4")))])
    problems = from_rows([*rows, other]).session.problems
    assert sum(len(one.solutions) for one in problems) == n_solutions + 1

"""Files of candidate pools, and scores that they carry."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest

from prm_core.errors import DataError, InputError
from prm_core.evaluation.recorded import RecordedScorer
from prm_core.formats.candidate_sets import (
    CandidateSet,
    one_set_per_problem,
    read_candidate_sets,
)
from prm_core.types import Candidate

OURS = {
    "id": 7,
    "problem": "What is 7 × 8?",
    "gold_answer": 56,
    "solutions": ["7 × 8 = 56.\nThe answer is 56.", ["7 × 8 = 54.", "So 54."]],
}
RICH = {
    "id": "seven",
    "problem": "What is 7 × 8?",
    "gold_answer": "56",
    "solutions": [
        {
            "text": "not read, for there are steps",
            "steps": ["7 × 8 = 56.", "So 56."],
            "answer": "56",
            "correct": True,
            "generator": "someone",
            "prm_scores": {"a": [0.9, 1], "b": [0.5, 0.25]},
        },
        {"text": "7 × 8 = 54.\nThe answer is 54."},
        {"steps": ["No idea."], "answer": None, "correct": None},
        {"steps": ["It is 54."], "correct": True},
    ],
}


def write(path: Path, *rows: object) -> Path:
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        with gzip.open(path, "wt", encoding="utf-8") as file:
            file.write(lines)
    else:
        path.write_text(lines, encoding="utf-8")
    return path


def one(path: Path) -> CandidateSet:
    (pool,) = read_candidate_sets(path)
    assert isinstance(pool, CandidateSet)
    return pool


def test_rows_with_one_solution_each_are_one_set_in_any_order(tmp_path: Path) -> None:
    rows = [
        {"problem": problem, "response": f"It is {answer}.", "gold_answer": gold}
        for answer in (3, 4)  # one run of all problems after the other
        for problem, gold in (("1 + 2?", "3"), ("1 + 3?", "4"))
    ]
    path = write(tmp_path / "runs.jsonl", *rows, OURS)
    first, second, third = one_set_per_problem(read_candidate_sets(path))
    assert isinstance(first, CandidateSet)
    assert isinstance(second, CandidateSet)
    assert [(s.answer, s.correct) for s in first.solutions] == [("3", True), ("4", False)]
    assert [(s.answer, s.correct) for s in second.solutions] == [("3", False), ("4", True)]
    assert isinstance(third, CandidateSet)
    assert len(third.solutions) == 2


def test_rows_as_score_reads_them(tmp_path: Path) -> None:
    pool = one(write(tmp_path / "pools.jsonl", OURS))
    assert pool.id == "7"
    first, second = pool.solutions
    assert first.candidate == Candidate(
        "What is 7 × 8?", ("7 × 8 = 56.", "The answer is 56."), "7/1"
    )
    assert (first.answer, first.correct, dict(first.recorded)) == ("56", True, {})
    assert second.candidate.steps == ("7 × 8 = 54.", "So 54.")
    assert (second.answer, second.correct) == ("54", False)


def test_rows_with_solutions_as_objects_also_zipped(tmp_path: Path) -> None:
    first, second, third, fourth = one(write(tmp_path / "pools.jsonl.gz", RICH)).solutions
    assert first.candidate.steps == ("7 × 8 = 56.", "So 56.")
    assert first.recorded == {"a": (0.9, 1.0), "b": (0.5, 0.25)}
    assert second.candidate.steps == ("7 × 8 = 54.", "The answer is 54.")
    assert (second.answer, second.correct) == ("54", False)
    assert (third.answer, third.correct) == (None, False)
    assert fourth.correct is True, "what the file says counts, also against the gold answer"


def test_without_a_gold_answer_nobody_knows(tmp_path: Path) -> None:
    pool = one(write(tmp_path / "p.jsonl", {"problem": "p", "solutions": ["The answer is 3."]}))
    assert pool.id == "1"
    assert pool.solutions[0].correct is None


def spoiled(**changes: object) -> dict[str, object]:
    return {**RICH, "solutions": [{**RICH["solutions"][0], **changes}]}  # type: ignore[index, dict-item]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"solutions": ["s"]}, "field 'problem': is missing"),
        ({"problem": "p"}, "field 'solutions': is missing"),
        ({"problem": " ", "solutions": ["s"]}, "field 'problem': is blank"),
        ({"problem": "p", "solutions": "s"}, "must be a list of solutions, not text"),
        ({"problem": "p", "solutions": []}, "is an empty list"),
        ({"problem": "p", "solutions": [7]}, "solution 1 must be text, not a number"),
        ({"problem": "p", "solutions": [[]]}, "has no steps"),
        ({"problem": "p", "solutions": ["ok", {}]}, "solution 2 has neither steps nor text"),
        (spoiled(steps=["a", " "]), "step 2 of solution 1 is blank"),
        (spoiled(correct="yes"), "correct of solution 1 must be true, false or null, not text"),
        (spoiled(prm_scores=[1]), "prm_scores must be an object, not a list"),
        (spoiled(prm_scores={"a": [1]}), "prm_scores of 'a' for solution 1 must be a list of 2"),
        (spoiled(prm_scores={"a": [1, 2]}), "holds 2, not a number in 0 to 1"),
        (spoiled(prm_scores={"a": [1, True]}), "holds True, not a number"),
        (spoiled(answer=["x"]), "field 'answer': must be text, not a list"),
    ],
)
def test_a_bad_row_is_named_and_the_next_one_read(
    tmp_path: Path, row: dict[str, object], expected: str
) -> None:
    bad, good = read_candidate_sets(write(tmp_path / "p.jsonl", row, OURS))
    assert isinstance(bad, DataError)
    assert bad.line == 1
    assert expected in str(bad)
    assert isinstance(good, CandidateSet)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        list(read_candidate_sets(tmp_path / "nowhere.jsonl.gz"))


def test_recorded_scores_come_back_in_order() -> None:
    a, b = Candidate("p", ("x", "y"), "a"), Candidate("p", ("x", "y"), "b")
    scorer = RecordedScorer("recorded:it", {a: (0.5, 1.0), b: (0.0, 0.25)})
    second, first = scorer.score([b, a])
    assert (first.candidate, first.probabilities) == (a, (0.5, 1.0))
    assert first.log_odds == (0.0, math.inf)
    assert second.log_odds == pytest.approx((-math.inf, math.log(1 / 3)))
    assert first.model_id == "recorded:it"
    assert list(scorer.stream([a, b])) == [(0, first), (1, second)]
    with pytest.raises(InputError, match="no scores of recorded:it are recorded for 'c'"):
        scorer.score([Candidate("p", ("x",), "c")])

"""The final answer never comes from thinking, whichever way a solution goes through the product."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prm_core.answers.final import final_answer
from prm_core.bulk.run import Task, result_lines
from prm_core.cli import main
from prm_core.cli.rank import ranking_table
from prm_core.errors import DataError, InputError
from prm_core.formats.candidate_sets import CandidateSet, read_candidate_sets
from prm_core.formats.labelled import example_row, read_examples
from prm_core.formats.problems import ProblemRow
from prm_core.formats.results import result_row
from prm_core.formats.tables import solution_rows
from prm_core.labelling.methods import LabelConfig, Rollouts, label_solution
from prm_core.labelling.solutions import read_unlabelled
from prm_core.text.steps import candidate_of, find_steps, given_steps
from prm_core.types import Candidate, Example, ScoredCandidate
from prm_core.ui.board import board_value
from prm_core.ui.editor import Draft
from prm_core.ui.page import read_candidates
from prm_core.verify import Verifier
from tests.counting import CountingScorer

PROBLEM = "What is 2 + 2?"
TEXT = "<think>\nMaybe \\boxed{3}.\n\nNo, 2 + 2 = 4.\n</think>\n\nThe sum is 4."
STEPS = ("Maybe \\boxed{3}.", "No, 2 + 2 = 4.", "The sum is 4.")
MARKS = (True, True, False)
GIVEN = ["<think>", "Maybe \\boxed{3}.", "No, 2 + 2 = 4.</think>", "The sum is 4."]
"""The same, cut by somebody else, who left the tags in."""


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def scored(candidate: Candidate) -> ScoredCandidate:
    n_steps = len(candidate.steps)
    return ScoredCandidate(candidate, (0.5,) * n_steps, (0.0,) * n_steps, "m")


def test_a_candidate_keeps_which_steps_are_thinking() -> None:
    candidate = candidate_of(PROBLEM, find_steps(TEXT), "A")
    assert candidate == Candidate(PROBLEM, STEPS, "A", MARKS)
    assert Candidate("p", ("a",), thinking=(False,)) == Candidate("p", ("a",))
    with pytest.raises(InputError, match="2 marks of thinking for 1 steps"):
        Candidate("p", ("a",), thinking=(True, False))


@pytest.mark.parametrize(
    "solution",
    [
        TEXT,
        GIVEN,
        Candidate(PROBLEM, STEPS, thinking=MARKS),
        Candidate(PROBLEM, STEPS, thinking=MARKS).joined(),
        Candidate(PROBLEM, tuple(GIVEN)),
        TEXT.removeprefix("<think>"),  # the prompt ended in it
    ],
)
def test_thinking_holds_no_answer(solution: Any) -> None:
    assert final_answer(solution) == "4"


def test_who_only_thought_has_given_no_answer() -> None:
    assert final_answer(Candidate(PROBLEM, STEPS[:2], thinking=(True, True))) is None
    assert final_answer("<think>\nSo \\boxed{3}, or") is None
    assert final_answer(["<think>", "So \\boxed{3}."]) is None


@pytest.mark.parametrize(
    ("texts", "marks"),
    [
        (GIVEN, [True, True, True, False]),
        (["Hm. </think> So 4.", "4"], [False, False]),
        (["a", "<think>b</think>", "c"], [False, True, False]),
        (["a", "b"], [False, False]),
    ],
)
def test_tags_in_given_steps_tell(texts: list[str], marks: list[bool]) -> None:
    steps = given_steps(texts)
    assert [step.thinking for step in steps] == marks
    assert [step.text for step in steps] == texts
    assert all("\n\n".join(texts)[step.start : step.end] == step.text for step in steps)


def test_results_say_what_is_thinking(tmp_path: Path) -> None:
    row = ProblemRow("-", 1, None, PROBLEM, (TEXT, tuple(GIVEN), "2 + 2 = 4"))
    (line,) = result_lines(CountingScorer(tmp_path / "log"), [row], Task())
    first, given, plain = json.loads(line)["candidates"]
    assert (first["answer"], first["thinking"]) == ("4", list(MARKS))
    assert (given["answer"], given["thinking"]) == ("4", [True, True, True, False])
    assert plain["answer"] == "4"
    assert "thinking" not in plain


def test_an_outcome_model_s_joined_solution_keeps_its_answer() -> None:
    joined = Candidate(PROBLEM, STEPS, thinking=MARKS).joined()
    assert len(joined.steps) == 1
    (one,) = result_row(None, [scored(joined)])["candidates"]
    assert one["answer"] == "4"


def test_tables_have_it_as_json() -> None:
    result = result_row(None, [scored(Candidate(PROBLEM, STEPS, thinking=MARKS))])
    (row,) = solution_rows(result)
    assert json.loads(row["thinking"]) == list(MARKS)


def test_the_ranking_and_the_page() -> None:
    row = ProblemRow("-", 1, None, PROBLEM, (TEXT,), "4")
    reading = read_candidates(Draft(PROBLEM, (TEXT,), "auto", ("A",)))
    (candidate,) = reading.candidates
    assert candidate.thinking == MARKS
    assert "4 ✓" in ranking_table(row, [scored(candidate)], "min", 0.5)
    value = board_value(PROBLEM, [scored(candidate)], status="done", thinking=reading.thinking)
    assert value["candidates"][0]["answer"] == "4"


def test_pools(tmp_path: Path) -> None:
    marked = {"steps": list(STEPS), "thinking": list(MARKS)}
    row = {"problem": PROBLEM, "gold_answer": 4, "solutions": [TEXT, GIVEN, marked]}
    wrong = {**row, "solutions": [{**marked, "thinking": [True]}]}
    pool, error = read_candidate_sets(write(tmp_path / "p.jsonl", row, wrong))
    assert isinstance(pool, CandidateSet)
    assert [(s.answer, s.correct) for s in pool.solutions] == [("4", True)] * 3
    assert pool.solutions[2].candidate.thinking == MARKS
    assert isinstance(error, DataError)
    assert "thinking of solution 1 must be a list of 3 booleans" in str(error)


def test_labels_from_the_answer_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marked = {"steps": list(STEPS), "thinking": list(MARKS)}
    row = {"problem": PROBLEM, "gold_answer": "4", "solutions": [TEXT, GIVEN, marked]}
    source, output = write(tmp_path / "p.jsonl", row), tmp_path / "out.jsonl"
    assert main(["label", str(source), "-o", str(output), "--method", "outcome"]) == 0
    made = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert [one["answer"] for one in made] == ["4", "4"], "the third is the first"
    assert all(set(one["labels"]) == {1} for one in made)
    assert [one["thinking"] for one in made] == [list(MARKS), [True, True, True, False]]
    read = [one for one in read_examples(output) if isinstance(one, Example)]
    assert [one.candidate.thinking for one in read] == [MARKS, (True, True, True, False)]
    assert example_row(read[0])["thinking"] == list(MARKS)


def test_one_labelled_solution_a_row(tmp_path: Path) -> None:
    row = {"problem": PROBLEM, "steps": GIVEN, "labels": [None] * 4, "gold_answer": "4"}
    (one,) = read_unlabelled(write(tmp_path / "p.jsonl", row))
    assert not isinstance(one, DataError)
    assert one.example.candidate.thinking == (True, True, True, False)


class Silent:
    """A generator that has nothing to add."""

    concurrency = 1

    def continue_solution(self, problem: str, steps: Any, seeds: Any) -> list[str]:
        return [""] * len(seeds)

    def close(self) -> None:
        pass


def shares(make: Callable[[], Example]) -> tuple[float | None, ...]:
    config = LabelConfig("monte-carlo", continuations=1)
    return label_solution(make(), "4", config, Rollouts(Silent(), 1)).labels


def test_an_empty_continuation_is_judged_by_what_was_said() -> None:
    steps = ("It may be \\boxed{4}.", "Anyway.", "I give up.")
    thought = Candidate(PROBLEM, steps, thinking=(True, False, False))
    nobody = (None,) * 3
    assert shares(lambda: Example(thought, nobody)) == (0.0, 0.0, 0.0)
    assert shares(lambda: Example(Candidate(PROBLEM, steps), nobody)) == (1.0, 1.0, 1.0)


def test_a_verifier_s_verdict(tmp_path: Path) -> None:
    verifier = Verifier(CountingScorer(tmp_path / "log"))
    for solution in (TEXT, GIVEN):
        verdict = verifier.score(PROBLEM, solution)
        assert verdict.answer == "4"
        assert any(verdict.scored.candidate.thinking)

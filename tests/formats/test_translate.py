# ruff: noqa: E501  (a row a line, as in a file)
"""Rows of other programs: each format is told by its fields, and read the same by all readers.

The rows are made up; their fields are those that the programs write:
    lm-evaluation-harness   evaluator.py and loggers/evaluation_tracker.py, 4e7e0d47
    inspect_ai              log/_log.py, _recorders/eval.py, model/_chat_message.py
    search-and-learn        search/best_of_n.py, search/beam_search.py
    OpenR                   reason/evaluation/evaluate.py and evaluator.py, 54ae004c
    MR-GSM8K                README.md and dataset/k-shot-demos.json
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from prm_core.errors import DataError
from prm_core.formats.candidate_sets import CandidateSet, read_candidate_sets
from prm_core.formats.files import open_problems, open_results
from prm_core.formats.labelled import read_examples
from prm_core.formats.problems import ProblemRow
from prm_core.formats.results import result_row
from prm_core.formats.rows import json_line
from prm_core.labelling.solutions import Unlabelled, read_unlabelled
from prm_core.session import Session, open_session, save_session, session_rows
from prm_core.types import Candidate, Example, ScoredCandidate
from prm_core.ui.problems import opened_file

PEN = "A pen costs 3 and a book 4. What do both cost?"
STEPS = ["3 + 4 = 7.", "The answer is 7."]

RESULT = result_row(
    "p1",
    [
        ScoredCandidate(
            Candidate(PEN, tuple(STEPS), thinking=(True, False)),
            (0.9, 0.8),
            (0.0, 0.0),
            "m",
            {"raw": (1.0, 2.0)},
            ("Fine.",),
        )
    ],
)
SAL = {
    "problem": PEN,
    "answer": "7",
    "completions": ["3 + 4 = 7.\n\nThe answer is 7.", "3 + 4 = 8.\n\nSo 8."],
    "scores": [[0.9, 0.8], [0.2, 0.1]],
    "pred": "x",
    "completion_tokens": [9, 9],
}
OPENR = {
    "question": PEN,
    "groundtruth": "It is \\boxed{7}.",
    "result": {"majority_vote": 1},
    "output": [
        {
            "path_idx": 0,
            "text": "3 + 4 = 7.\n\nThe answer is 7.",
            "value": [0.9, 0.8],
            "completion_tokens": 9,
        },
        {"path_idx": 1, "text": "So 8.", "value": [0.1], "completion_tokens": 9},
    ],
}
LM_EVAL = {
    "doc_id": 3,
    "doc": {"question": PEN, "answer": "3 + 4 = 7\n#### 7"},
    "target": "3 + 4 = 7\n#### 7",
    "arguments": {"gen_args_0": {"arg_0": "Question: …", "arg_1": {"until": ["</s>"]}}},
    "resps": [["3 + 4 = 7.\n\nThe answer is 7.", "So 8."]],
    "filtered_resps": ["7"],
    "filter": "strict-match",
    "metrics": ["exact_match"],
    "exact_match": 1.0,
    "doc_hash": "a",
    "prompt_hash": "b",
    "target_hash": "c",
}
SAMPLE = {
    "id": 1,
    "epoch": 1,
    "input": PEN,
    "target": "7",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": PEN, "source": "input"},
        {
            "role": "assistant",
            "content": "3 + 4 = 7.\n\nThe answer is 7.",
            "source": "generate",
            "model": "m",
        },
    ],
    "output": {"model": "m", "choices": []},
    "scores": {"match": {"value": "C", "answer": "7"}},
    "metadata": {},
}
CALL = {
    "id": "c1",
    "type": "function",
    "function": {"name": "add", "arguments": '{"a": 3, "b": 4}'},
}
AGENT = {
    "messages": [
        {"role": "system", "content": "Use tools."},
        {"role": "user", "content": PEN},
        {"role": "assistant", "content": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "7"},
        {"role": "assistant", "content": "The answer is 7."},
    ],
    "gold_answer": "7",
}
CHAT = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": PEN}]},
        {"role": "assistant", "reasoning_content": "3 + 4 = 7.", "content": "The answer is 7."},
    ]
}
GSM8K = {"question": PEN, "answer": "3 + 4 = <<3+4=7>>7.\nThe answer is 7.\n#### 7"}
MATH = {
    "problem": PEN,
    "level": "Level 1",
    "type": "Prealgebra",
    "solution": "3 + 4 = 7.\n\nThe answer is \\boxed{7}.",
}
MR_GSM8K = {
    "uuid": "u1",
    "question": PEN,
    "ground_truth_solution": "3 + 4 = 7",
    "ground_truth_answer": 7,
    "model_output_steps": ["Step 1:  3 + 4 = 8.", "Step 2: So 8."],
    "model_output_answer_correctness": "wrong",
    "model_output_solution_correctness": "wrong",
    "model_output_solution_first_error_step": 1,
    "model_output_solution_first_error_reason": "3 + 4 is 7",
    "question_type": "original",
}


def write(folder: Path, *rows: Any, name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def problems(path: Path) -> list[ProblemRow]:
    with open_problems(path, io.BytesIO()) as rows:
        found = list(rows)
    assert not [row for row in found if isinstance(row, DataError)], found
    return [row for row in found if isinstance(row, ProblemRow)]


@pytest.mark.parametrize(
    ("row", "solutions", "gold_answer", "recorded"),
    [
        (RESULT, [tuple(STEPS)], None, {"m": (0.9, 0.8)}),
        (SAL, [tuple(STEPS), ("3 + 4 = 8.", "So 8.")], "7", {"search-and-learn": (0.9, 0.8)}),
        (OPENR, [tuple(STEPS), ("So 8.",)], "7", {"openr": (0.9, 0.8)}),
        (LM_EVAL, ["3 + 4 = 7.\n\nThe answer is 7.", "So 8."], "7", {}),
        (SAMPLE, ["3 + 4 = 7.\n\nThe answer is 7."], "7", {}),
        (AGENT, [('add({"a": 3, "b": 4})\n→ 7', "The answer is 7.")], "7", {}),
        (CHAT, ["<think>\n3 + 4 = 7.\n</think>\n\nThe answer is 7."], None, {}),
        (GSM8K, [("3 + 4 = 7.", "The answer is 7.")], "7", {}),
        (MATH, ["3 + 4 = 7.\n\nThe answer is \\boxed{7}."], "7", {}),
        (MR_GSM8K, [("3 + 4 = 8.", "So 8.")], "7", {}),
        ({"question": PEN, "response": "So 7.", "answer": "7"}, ["So 7."], "7", {}),
        ({"problem": PEN, "solution": "So 9.", "answer": "7", "generations": ["So 7.", "So 8."]}, ["So 7.", "So 8."], "7", {}),
        ({"question": PEN, "answer": "3 + 4 = 7\n#### 7", "solutions": ["So 7."]}, ["So 7."], "7", {}),
        ({"problem": PEN, "ground_truth": "7", "solutions": ["So 7."]}, ["So 7."], "7", {}),
        ({"problem": PEN, "expected_answer": 7, "solutions": ["So 7."]}, ["So 7."], "7", {}),
        ({"prompt": PEN, "completions": STEPS, "labels": [True, False]}, [tuple(STEPS)], None, {}),
        ({"id": "gsm8k-1", "problem": PEN, "steps": STEPS, "label": -1, "final_answer_correct": True}, [tuple(STEPS)], None, {}),
    ],
)  # fmt: skip
def test_a_row_is_read_the_same_by_every_command(
    row: dict[str, Any], solutions: list[Any], gold_answer: str | None, recorded: dict[str, Any], tmp_path: Path
) -> None:  # fmt: skip
    path = write(tmp_path, row)
    (one,) = problems(path)
    assert (one.problem, list(one.solutions), one.gold_answer) == (PEN, solutions, gold_answer)
    (pool,) = read_candidate_sets(path)
    assert isinstance(pool, CandidateSet)
    assert len(pool.solutions) == len(solutions)
    assert dict(pool.solutions[0].recorded) == recorded
    if gold_answer is not None:
        assert pool.solutions[0].correct is (pool.solutions[0].answer == "7")
        found = [*read_unlabelled(path)]
        assert all(isinstance(each, Unlabelled) for each in found), found
    (problem,) = open_session(path).session.problems
    assert (problem.problem, problem.gold_answer) == (PEN, gold_answer)
    assert [one.steps or one.text for one in problem.solutions] == solutions
    scored = {name: one.probabilities for name, one in problem.solutions[0].scores.items()}
    assert scored == recorded


@pytest.mark.parametrize(
    "whole",
    [
        {"data": [{"problem": PEN, "solutions": STEPS}] * 2},
        {"version": 1, "examples": [{"problem": PEN, "solutions": STEPS}] * 2},
        {
            "train": [{"problem": PEN, "solutions": STEPS}],
            "test": [{"question": PEN, "solutions": STEPS}],
        },
        {"a": {"problem": PEN, "solutions": STEPS}, "b": {"problem": PEN, "solutions": STEPS}},
        {"problem": [PEN, PEN], "solutions": [STEPS, STEPS]},
        {"problem": {"0": PEN, "1": PEN}, "solutions": {"0": STEPS, "1": STEPS}},
    ],
)
def test_rows_may_be_inside_an_object(whole: dict[str, Any], tmp_path: Path) -> None:
    found = problems(write(tmp_path, whole))
    assert [(one.problem, one.solutions) for one in found] == [(PEN, tuple(STEPS))] * 2


def test_results_of_score_keep_what_they_say(tmp_path: Path) -> None:
    session = open_session(write(tmp_path, RESULT)).session
    (problem,) = session.problems
    (one,) = problem.solutions
    assert problem.id == "p1"
    assert one.thinking == (True, False)
    assert one.scores["m"].extras == {"raw": (1.0, 2.0)}
    assert one.scores["m"].rationales == ("Fine.",)
    assert [(model.id, model.recorded) for model in session.models] == [("m", True)]
    (row,) = problems(tmp_path / "rows.jsonl")
    assert row.thinking == ((True, False),)


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz", "out.parquet"])
def test_tables_of_results_are_read_back(name: str, tmp_path: Path) -> None:
    if name == "out.parquet":
        pytest.importorskip("pyarrow")
    two = result_row(
        7,
        [
            ScoredCandidate(Candidate("2 + 2?", (text,)), (p,), (0.0,), "m")
            for text, p in (("4", 0.75), ("5", 0.25))
        ],
    )
    with open_results(tmp_path / name) as tell:
        for row in (RESULT, two):
            tell(json_line(row))
    found = open_session(tmp_path / name).session
    plain = open_session(write(tmp_path, RESULT, {**two, "id": "7"})).session
    assert found == plain


def test_labels_come_along(tmp_path: Path) -> None:
    rows = [
        MR_GSM8K,
        {
            **MR_GSM8K,
            "model_output_solution_first_error_step": "N/A",
            "model_output_solution_correctness": "correct",
        },
    ]
    first, second = read_examples(write(tmp_path, *rows))
    assert isinstance(first, Example)
    assert isinstance(second, Example)
    assert (first.labels, first.candidate.id, first.correct) == ((0.0, None), "u1", False)
    assert (first.error_type, second.labels) == ("3 + 4 is 7", (1.0, 1.0))
    for bad, said in (
        ("3", "there are 2 steps"),
        ("x", "neither the number"),
        ("N/A", "called wrong"),
    ):
        (error,) = read_examples(
            write(tmp_path, {**MR_GSM8K, "model_output_solution_first_error_step": bad})
        )
        assert isinstance(error, DataError)
        assert said in str(error)


# --- search-and-learn and OpenR: which parts were scored ------------------------------------------


@pytest.mark.parametrize(
    ("text", "scores", "steps"),
    [
        ("a\n\nb\n\n", [0.1, 0.2], ("a", "b")),
        ("a\n\n\n\nb", [0.1, 0.5, 0.2], ("a", "b")),  # the empty paragraph was scored too
        ("a\nb", [0.1, 0.2], ("a", "b")),
        ("a\n\nb", [[0.1, 0.2]], ("a", "b")),
    ],
)  # fmt: skip
def test_the_number_of_scores_tells_what_a_step_was(text: str, scores: list[Any], steps: Any, tmp_path: Path) -> None:  # fmt: skip
    (problem,) = open_session(
        write(tmp_path, {**SAL, "completions": [text], "scores": [scores]})
    ).session.problems
    (one,) = problem.solutions
    assert one.steps == steps
    assert one.scores["search-and-learn"].probabilities == (0.1, 0.2)


def test_a_score_for_the_whole_text_is_kept(tmp_path: Path) -> None:
    (problem,) = open_session(write(tmp_path, {**SAL, "scores": [[0.3], [0.4]]})).session.problems
    assert len(problem.solutions[0].steps) == 2
    assert problem.solutions[0].scores["search-and-learn"].probabilities == (0.3,)


def test_scores_that_fit_nothing_are_named(tmp_path: Path) -> None:
    opened = open_session(write(tmp_path, {**SAL, "scores": [[0.1] * 5, [0.2]]}, SAL))
    assert len(opened.session.problems) == 1
    (error,) = opened.errors
    assert (error.line, error.field) == (1, "scores")
    assert "text 1 has 5 scores" in str(error)


def test_openr_s_single_answer_was_not_scored(tmp_path: Path) -> None:
    row = {**OPENR, "output": [{"path_idx": 0, "text": "So 7.", "value": [0]}]}
    assert open_session(write(tmp_path, row)).session.models == ()


# --- lm-evaluation-harness, inspect_ai, conversations ---------------------------------------------


def test_log_likelihoods_are_no_solutions(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1, field 'resps'.*log-likelihoods have no steps"):
        open_session(write(tmp_path, {**LM_EVAL, "resps": [[["-1.5", "False"]]]}))


def test_the_prompt_stands_in_where_the_document_does_not_ask(tmp_path: Path) -> None:
    row = {**LM_EVAL, "doc": {"x": 1}, "arguments": [["Q: why?", {}]], "target": "7"}
    (one,) = problems(write(tmp_path, row))
    assert (one.problem, one.gold_answer) == ("Q: why?", "7")


@pytest.mark.parametrize(
    "row", [{"target": "3 + 4 = 7.\n#### 7\nThe answer is: 7"}, {"target": ["7"]}]
)
def test_the_right_answer_of_a_sample_is_the_answer_alone(row: dict[str, Any], tmp_path: Path) -> None:  # fmt: skip
    """MetaMath repeats the answer in a sentence after the mark; several tasks write lists."""
    path = write(tmp_path, {**LM_EVAL, **row})
    assert [one.gold_answer for one in problems(path)] == ["7"]
    (pool,) = read_candidate_sets(path)
    assert isinstance(pool, CandidateSet)
    assert [one.correct for one in pool.solutions] == [True, False]


WRONG = "3 + 4 = 8.\n#### 8"
REPLIED = "response responses generation generations prediction predictions model_output model_outputs model_response model_answer completion completions output outputs generated_text generated_solution samples resp cot rationale pred"


@pytest.mark.parametrize("name", REPLIED.split())
@pytest.mark.parametrize("reply", [WRONG, [WRONG], [WRONG, "So 7."]])
def test_what_the_model_wrote_is_judged_and_not_the_reference(name: str, reply: str | list[str], tmp_path: Path) -> None:  # fmt: skip
    texts = reply if isinstance(reply, list) else [reply]
    for row in (GSM8K, {"prompt": PEN, "gold_answer": "7"}):
        path = write(tmp_path, {**row, name: reply})
        (one,) = problems(path)
        assert (one.problem, one.solutions, one.gold_answer) == (PEN, tuple(texts), "7")
        (pool,) = read_candidate_sets(path)
        assert isinstance(pool, CandidateSet)
        assert [one.correct for one in pool.solutions] == [False, True][: len(texts)]
    cells = [PEN, GSM8K["answer"], json.dumps(reply) if isinstance(reply, list) else reply]
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["Question", "Answer", name.title()], cells])
    (one,) = problems(tmp_path / "t.csv")
    assert (one.problem, one.solutions, one.gold_answer) == (PEN, tuple(texts), "7")


@pytest.mark.parametrize("solution", ["It is 7.", "[3, 4]"])
def test_a_solution_is_not_left_out_for_what_adds_to_it(solution: str, tmp_path: Path) -> None:
    row = {"problem": PEN, "solution": solution, "pred": "7", "rationale": "A sum."}
    (tmp_path / "t.csv").write_text(f'{",".join(row)}\n{PEN},"{solution}",7,A sum.\n')
    for path in (write(tmp_path, row), tmp_path / "t.csv"):
        assert [one.solutions for one in problems(path)] == [(solution,)]


def test_a_reply_in_a_table_goes_before_the_reference_beside_it(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"problem,solution,response\n{PEN},So 7.,So 8.\n")
    assert [one.solutions for one in problems(tmp_path / "t.csv")] == [("So 8.",)]


def test_an_empty_reply_in_a_table_is_not_replaced_by_the_reference(tmp_path: Path) -> None:
    answer = '"3 + 4 = 7\n#### 7"'
    path = tmp_path / "t.csv"
    path.write_text(f"question,answer,response\n{PEN},{answer},\n{PEN},{answer},So 8.\n")
    with open_problems(path, io.BytesIO()) as rows:
        bad, good = rows
    assert isinstance(good, ProblemRow)
    assert good.solutions == ("So 8.",)
    assert "line 2, field 'solutions': solution 1 is blank" in str(bad)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({**GSM8K, "my_text": WRONG, "n": 3, "source": "gsm8k"}, "my_text"),
        ({**MATH, "texts": [WRONG]}, "texts"),
        ({**GSM8K, "response": None}, "response"),
        ({**GSM8K, "source": "gsm8k"}, ""),
        (MATH, ""),
    ],
)
def test_that_a_reference_is_judged_is_said_where_other_texts_are_not(row: dict[str, Any], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:  # fmt: skip
    assert len(problems(write(tmp_path, row, row))) == 2
    notices = [one for one in caplog.messages if "reference solutions" in one]
    assert [one.rpartition(": ")[2] for one in notices] == ([said] if said else [])


def test_the_input_of_an_instruction_belongs_to_the_problem(tmp_path: Path) -> None:
    """As in Alpaca's rows, where most inputs are blank."""
    rows = [{"instruction": "Add.", "input": text, "output": "7"} for text in ("3 and 4", "")]
    assert [one.problem for one in problems(write(tmp_path, *rows))] == ["Add.\n\n3 and 4", "Add."]


@pytest.mark.parametrize("label", [True, False])
def test_a_verdict_on_a_reply_is_read(label: bool, tmp_path: Path) -> None:
    (pool,) = read_candidate_sets(write(tmp_path, {"question": PEN, "response": "So 7.", "label": label}))  # fmt: skip
    assert isinstance(pool, CandidateSet)
    assert [one.correct for one in pool.solutions] == [label]


def test_what_is_no_format_is_not_called_a_missing_problem(tmp_path: Path) -> None:
    path = write(tmp_path, {"question": PEN, "response": "So 7.", "label": "maybe"})
    with open_problems(path, io.BytesIO()) as rows:
        (error,) = rows
    assert "no known format has its fields ('question', 'response', 'label')" in str(error)


@pytest.mark.parametrize("truth", ["3 + 4 = 7\n#### 7", "The answer is $\\boxed{7}$.", "3 + 4 = 7\n\nThe answer is 7.", "7"])  # fmt: skip
@pytest.mark.parametrize(
    ("replied", "gold"),
    [
        *((replied, gold) for replied in ("solutions", "responses", "completions") for gold in ("gold_answer", "answer", "target")),
        *(("solution", gold) for gold in ("gold_answer", "answer", "final_answer")),
    ],
)  # fmt: skip
def test_of_a_reference_only_the_answer_is_the_right_one(truth: str, replied: str, gold: str, tmp_path: Path) -> None:  # fmt: skip
    reply = "So 7." if replied == "solution" else ["So 7."]
    with (tmp_path / "t.csv").open("w", newline="", encoding="utf-8") as file:
        cell = json.dumps(reply) if isinstance(reply, list) else reply
        csv.writer(file).writerows([["problem", gold, replied], [PEN, truth, cell]])
    for path in (write(tmp_path, {"problem": PEN, replied: reply, gold: truth}), tmp_path / "t.csv"):  # fmt: skip
        (one,) = problems(path)
        assert (one.solutions, one.gold_answer) == (("So 7.",), "7")


@pytest.mark.parametrize("truth", ["\\begin{pmatrix}\n1\n\\end{pmatrix}", "x = 1\ny = 2"])
def test_an_answer_of_several_lines_is_kept(truth: str, tmp_path: Path) -> None:
    for row in ({"solutions": ["s"]}, {"response": "s"}):
        (one,) = problems(write(tmp_path, {"problem": PEN, "gold_answer": truth, **row}))
        assert one.gold_answer == truth


@pytest.mark.parametrize("name", ["gold_answer", "ground_truth", "final_answer", "expected_answer", "correct_answer", "reference_answer", "gold", "target", "reference", "answer"])  # fmt: skip
@pytest.mark.parametrize("reply", [{"response": "So 7."}, {"responses": ["So 7."]}, {"solutions": ["So 7."]}, {"completions": ["So 7."]}])  # fmt: skip
def test_a_right_answer_has_the_same_names_everywhere(name: str, reply: dict[str, Any], tmp_path: Path) -> None:  # fmt: skip
    for value in ("7", 7):
        (one,) = problems(write(tmp_path, {"question": PEN, **reply, name: value}))
        assert one.gold_answer == "7"


@pytest.mark.parametrize(
    ("value", "expected"), [(["7"], "7"), (["7", "seven"], None), ({"id": 7}, None), (True, None)]
)
def test_what_is_no_right_answer_does_not_cost_the_row(value: Any, expected: str | None, tmp_path: Path) -> None:  # fmt: skip
    for name in ("target", "reference", "gold"):
        (one,) = problems(write(tmp_path, {"question": PEN, "response": "So 7.", name: value}))
        assert one.gold_answer == expected


def test_a_field_for_right_answers_goes_before_one_that_may_be_the_model_s(tmp_path: Path) -> None:
    for reply in ({"response": "So 8."}, {"solutions": ["So 8."]}):
        (one,) = problems(write(tmp_path, {"problem": PEN, "answer": "8", "expected_answer": "7", **reply}))  # fmt: skip
        assert one.gold_answer == "7"


@pytest.mark.parametrize("nothing", [None, "", " "])
def test_a_blank_right_answer_is_none(nothing: str | None, tmp_path: Path) -> None:
    for more, expected in (({}, None), ({"answer": "7"}, "7")):
        for reply in ({"response": "So 7."}, {"solutions": ["So 7."]}):
            row = {"problem": PEN, "gold_answer": nothing, **reply, **more}
            assert [one.gold_answer for one in problems(write(tmp_path, row))] == [expected]


def test_several_right_answers_are_none(tmp_path: Path) -> None:
    (one,) = problems(write(tmp_path, {**LM_EVAL, "target": ["bike", "bicycle"]}))
    assert one.gold_answer is None


def test_samples_of_tasks_with_different_filters_are_all_read(tmp_path: Path) -> None:
    """Two tasks' files in one: each sample is read once, whatever its first filter is called."""
    other = {**LM_EVAL, "doc": {"question": "2 + 2?"}}
    rows = [{**one, "filter": name} for one, names in ((LM_EVAL, ("none",)), (other, ("strict-match", "flexible-extract"))) for name in names]  # fmt: skip
    assert [one.problem for one in problems(write(tmp_path, *rows))] == [PEN, "2 + 2?"]


def test_what_a_user_asks_after_the_input_is_asked_too(tmp_path: Path) -> None:
    """A template surrounds the input of inspect_ai; a task may ask in a second message."""
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Answer like a pirate."},
        {"role": "user", "content": PEN},
        {"role": "assistant", "content": "7, arr"},
    ]
    row = {**SAMPLE, "input": "Answer like a pirate.", "messages": messages}
    (one,) = problems(write(tmp_path, row))
    assert one.problem == f"Answer like a pirate.\n\n{PEN}"


@pytest.mark.parametrize(
    "row",
    [
        *({"problem": PEN, name: "7", "id": "a"} for name in ("gold_answer", "final_answer", "answer", "expected_answer", "target")),
        {"question": PEN, "final_answer": 7, "id": "a"},
        {"prompt": PEN, "answer": "7", "id": "a"},
        {"prompt": PEN, "ground_truth": "3 + 4 = 7\n#### 7", "id": "a"},
    ],
)  # fmt: skip
def test_a_problem_without_solutions_has_its_right_answer(row: dict[str, Any], tmp_path: Path) -> None:  # fmt: skip
    (one,) = open_session(write(tmp_path, row)).session.problems
    assert (one.problem, one.id, one.gold_answer, one.solutions) == (PEN, "a", "7", ())
    if "problem" in row:
        path = tmp_path / "t.csv"
        path.write_text(",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n")
        assert open_session(path).session.problems == (one,)


def test_a_list_that_no_format_knows_is_not_left_out_in_silence(tmp_path: Path) -> None:
    row = {"question": PEN, "final_answer": "7", "reasoning_steps": [{"solution_prefix": "3 + 4"}]}
    with pytest.raises(DataError, match="no known format has its fields"):
        open_session(write(tmp_path, row))


def eval_file(path: Path, samples: list[dict[str, Any]], **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        start = {"version": 2, "eval": {"task": "t", "model": "openai/x"}, "plan": {}}
        archive.writestr("_journal/start.json", json.dumps(start))
        for one in samples:
            name = f"samples/{one['id']}_epoch_{one['epoch']}.json"
            archive.writestr(name, json.dumps(one))
        for name, raw in more.items():
            archive.writestr(name, raw)
    return path


def test_logs_of_inspect_ai_in_both_forms(tmp_path: Path) -> None:
    other = {
        **SAMPLE,
        "epoch": 2,
        "scores": {"match": {"value": "I", "answer": "8"}},
        "extra": float("nan"),
    }
    log = {
        "version": 2,
        "status": "success",
        "eval": {"task": "t", "model": "openai/x"},
        "samples": [SAMPLE, {**SAMPLE, "id": "b"}, other],
    }
    as_json = tmp_path / "log.json"
    as_json.write_text(json.dumps(log, indent=2), encoding="utf-8")
    zipped = eval_file(tmp_path / "log.eval", [SAMPLE, {**SAMPLE, "id": "b"}, other])
    for path in (as_json, zipped):
        first, second = open_session(path).session.problems
        assert (first.id, second.id) == ("1", "b")
        assert [(one.correct, one.answer) for one in first.solutions] == [(True, "7"), (False, "8")]
        assert first.solutions[0].generator == "m"
        assert first.gold_answer == "7"
    assert open_session(as_json).session == open_session(zipped).session


def test_a_bad_sample_of_an_archive_is_named(tmp_path: Path) -> None:
    path = eval_file(
        tmp_path / "log.eval",
        [SAMPLE],
        **{"samples/2_epoch_1.json": b"{", "samples/3_epoch_1.json": b"[]"},
    )
    opened = open_session(path)
    assert len(opened.session.problems) == 1
    assert ["samples/3_epoch_1.json holds a list" in str(one) for one in opened.errors] == [
        False,
        True,
    ]
    assert "is not valid JSON" in str(opened.errors[0])


def test_attachments_and_choices_are_put_in(tmp_path: Path) -> None:
    messages = [
        {"role": "user", "content": "attachment://h"},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "B"}],
        },
    ]
    row = {
        **SAMPLE,
        "input": "attachment://h",
        "messages": messages,
        "attachments": {"h": PEN},
        "choices": ["8", "7"],
        "target": ["B"],
    }
    (one,) = problems(write(tmp_path, row))
    assert one.problem == f"{PEN}\n\nA) 8\nB) 7"
    assert one.solutions == ("<think>\nHm.\n</think>\n\nB",)
    assert one.gold_answer == "B"


def test_a_trace_has_a_step_for_each_call_with_its_result(tmp_path: Path) -> None:
    second = {"function": "look", "arguments": {"at": "π"}, "id": "c2"}  # as inspect_ai has them
    messages = [
        {"role": "user", "content": PEN},
        {"role": "assistant", "content": "I add.", "reasoning": "Which tool?", "tool_calls": [CALL, second]},
        {"role": "tool", "content": "7"},
        {"role": "tool", "content": "", "error": {"type": "timeout", "message": "too slow"}},
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "content": "It is 7."},
    ]  # fmt: skip
    for rows in ([{"messages": messages}], messages):
        (one,) = problems(write(tmp_path, *rows))
        assert one.solutions == (
            (
                "Which tool?",
                'I add.\n\nadd({"a": 3, "b": 4})\n\nlook({"at": "π"})\n→ 7\n→ error: too slow',
                "User: Go on.\n\nIt is 7.",
            ),
        )
        assert one.thinking == ((True, False, False),)


def test_calls_and_results_may_be_parts_of_a_message(tmp_path: Path) -> None:
    """As Anthropic's servers and inspect_ai's own tools write them."""
    call = {"type": "tool_use", "id": "c", "name": "add", "input": {"a": 3, "b": 4}}
    result = {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "7"}]}
    own = {"type": "tool_use", "name": "look", "arguments": "{}", "result": "a pen", "error": None}
    messages = [
        {"role": "user", "content": PEN},
        {"role": "assistant", "content": [{"type": "text", "text": "I add."}, call, call]},
        {"role": "user", "content": [result, result, {"type": "text", "text": "Go on."}]},
        {"role": "assistant", "content": [own]},
        {"role": "assistant", "content": "It is 7."},
    ]
    (one,) = problems(write(tmp_path, {"messages": messages}))
    assert one.solutions == (
        (
            'I add.\n\nadd({"a": 3, "b": 4})\n\nadd({"a": 3, "b": 4})\n→ 7\n→ 7',
            "User: Go on.\n\nlook({})\n→ a pen",
            "It is 7.",
        ),
    )


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([], "has no user message"),
        ([{"role": "user", "content": "?"}], "has no assistant message"),
        ([{"role": "user", "content": "?"}, {"role": "assistant", "content": " "}], "are blank"),
        ([{"role": "user", "content": 5}], "content of message 1 is a number"),
        ([7], "message 1 must be an object"),
        ([{"content": "?"}], "role of message 1 must be text"),
        ([{"role": "user", "content": "?"}, {"role": "assistant", "tool_calls": [{}]}], "names no function"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_conversation_is_said(messages: Any, said: str, tmp_path: Path) -> None:  # fmt: skip
    with pytest.raises(DataError, match=said):
        open_session(write(tmp_path, {"messages": messages}))


# --- files ----------------------------------------------------------------------------------------


def test_what_a_file_is_its_contents_tell(tmp_path: Path) -> None:
    expected = open_session(write(tmp_path, SAL, GSM8K)).session
    raw = (tmp_path / "rows.jsonl").read_bytes()
    for name, data in (
        ("no-name", raw),
        ("rows.txt", raw),
        ("packed", gzip.compress(raw)),
        ("bom.jsonl", b"\xef\xbb\xbf" + raw),
        ("windows.jsonl", raw.replace(b"\n", b"\r\n")),
        ("list.json", json.dumps([SAL, GSM8K]).encode()),
        ("pretty.json", json.dumps([SAL, GSM8K], indent=1).encode()),
    ):
        assert open_session(data, name).session == expected, name
        (tmp_path / name).write_bytes(data)
        assert open_session(tmp_path / name).session == expected, name


def test_tables_of_other_formats(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["id", "problem", "steps", "label"])
        table.writerow(["x-1", PEN, json.dumps(STEPS), 1])
    (example,) = read_examples(path)
    assert isinstance(example, Example)
    assert example.labels == (1.0, 0.0)
    path.write_text(
        "question\tanswer\n2?\t1 + 1 = 2 #### 2\n".replace(" ####", "\n####")
        .replace("1 + 1 = 2\n", '"1 + 1 = 2\n')
        .replace("#### 2\n", '#### 2"\n'),
        encoding="utf-8",
    )
    (problem,) = open_session(path.read_bytes(), "t.tsv").session.problems
    assert (problem.gold_answer, problem.solutions[0].steps) == ("2", ("1 + 1 = 2",))


@pytest.mark.parametrize(
    ("header", "cells", "gold_answer", "answers"),
    [
        ("problem,solution,final_answer", ["a,7", "b,7"], "7", [None, None]),
        ("Problem,Solution,Expected Answer", ["a,7", "b,7"], "7", [None, None]),
        ("question,solution,answer", ["a,7", "b,7"], "7", [None, None]),
        ("problem,solution,answer", ["a,7", "b,8"], None, ["7", "8"]),  # each solution's own
    ],
)
def test_the_right_answer_in_a_table_has_many_names(header: str, cells: list[str], gold_answer: Any, answers: Any, tmp_path: Path) -> None:  # fmt: skip
    path = tmp_path / "t.csv"
    path.write_text("\n".join([header, *(f"{PEN},{one}" for one in cells)]), encoding="utf-8")
    (problem,) = open_session(path).session.problems
    assert (problem.problem, problem.gold_answer) == (PEN, gold_answer)
    assert [one.text for one in problem.solutions] == ["a", "b"]
    assert [one.answer for one in problem.solutions] == answers
    assert [one.gold_answer for one in problems(path)] == [gold_answer]


def test_parquet_of_other_formats(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    columns = {
        name: [SAL[name], SAL[name]] for name in ("problem", "completions", "scores", "answer")
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "no-name")
    (problem,) = {
        one.problem: one for one in open_session(tmp_path / "no-name").session.problems
    }.values()
    assert problem.solutions[0].scores["search-and-learn"].probabilities == (0.9, 0.8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Problem: 2 + 2?\nGold answer: 4\n\nSolution A:\n2 + 2 = 4\n\n---\n\nSo 4.\n\nSolution: 5\n\nProblem: 3?\nSolution: 3",
         [("2 + 2?", "4", ["2 + 2 = 4\n---\nSo 4.", "5"], ["A", "B"]), ("3?", None, ["3"], ["A"])]),
        ("Problem: 2 + 2?\n\nSolution A:\n2 + 2 = 4\n\nSolution B: 5\n\nGold answer: 4\n\nProblem: 3?\nSolution: 3",
         [("2 + 2?", "4", ["2 + 2 = 4", "5"], ["A", "B"]), ("3?", None, ["3"], ["A"])]),
        ("# Problem\n2 + 2?\n## Solution\n2 + 2 = 4\n## Gold answer\n4\n", [("2 + 2?", "4", ["2 + 2 = 4"], ["A"])]),
        ("2 + 2?\n---\n4\n---\n5\n\nReference answer: 2 + 2 = 4\n#### 4", [("2 + 2?", "4", ["4", "5"], ["A", "B"])]),
        ("2 + 2?\n---\n4\n---\n5\n", [("2 + 2?", None, ["4", "5"], ["A", "B"])]),
        ("# Problem\n2 + 2?\n## Solution B\n```\nProblem: no\n```\n4", [("2 + 2?", None, ["```\nProblem: no\n```\n4"], ["B"])]),
        ("2?\n---\n### Step 1: a\n---\n### Step 2: b\n---\n### Step 1: c", [("2?", None, ["### Step 1: a\n\n### Step 2: b", "### Step 1: c"], ["A", "B"])]),
    ],
)  # fmt: skip
def test_plain_and_markdown_texts(text: str, expected: list[Any]) -> None:
    for name in ("a.txt", "a.md"):
        session = open_session(text.encode(), name).session
        assert [
            (
                one.problem,
                one.gold_answer,
                [s.text for s in one.solutions],
                [s.name for s in one.solutions],
            )
            for one in session.problems
        ] == expected


def test_sessions_are_read_by_every_command(tmp_path: Path) -> None:
    session = open_session(write(tmp_path, RESULT, SAL, MR_GSM8K)).session
    save_session(session, tmp_path / "s.json.gz")
    rows = write(tmp_path, *session_rows(session), name="s.jsonl")
    for path in (tmp_path / "s.json.gz", rows):
        assert open_session(path).session == session
        assert [len(one.solutions) for one in problems(path)] == [1, 2, 1]
        examples = [one for one in read_examples(path) if isinstance(one, Example)]
        assert [one.labels for one in examples] == [(0.0, None)]
        pools = [one for one in read_candidate_sets(path) if isinstance(one, CandidateSet)]
        assert pools[1].solutions[0].recorded == {"search-and-learn": (0.9, 0.8)}


@pytest.mark.parametrize(
    ("raw", "name", "said"),
    [
        (b"", "a.jsonl", "has no rows"),
        (b'{"a": 1, "b": 2}\n', "a.jsonl", "line 1, field 'problem': is missing, and no known format has its fields ('a', 'b')"),
        (b"<!DOCTYPE html><p>hello", "a.html", "is a web page, but not a report"),
        (b"PK\x03\x04rubbish", "a.eval", "cannot be read as a zip file"),
        (b"\x1f\x8b\x08rubbish", "a.gz", "gzip"),
        (b"PAR1rubbish", "a.bin", "cannot be read as Parquet"),
        (b"\xff\x00", "a.txt", "it is not valid UTF-8"),
        (b"just a text", "a.txt", "has no problem; begin it"),
        (b'{"problem": "p", "solutions": [' + b"[" * 5000, "a.jsonl", "too deep"),
        (b'{"problem": "p", "solutions": ["s"], "id": ' + b"9" * 5000 + b"}", "a.jsonl", "a number too long"),
        (b'{"problem": "p", "solutions": [NaN]}', "a.jsonl", "NaN is not a JSON value"),
        (json.dumps({**SAL, "scores": [[10**400, 0.1], [0.1]]}).encode(), "a.jsonl", "field 'solutions'"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(raw: bytes, name: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        open_session(raw, name)
    assert said in str(caught.value)
    assert name in str(caught.value)
    assert len(str(caught.value)) < 300


def test_nothing_unpacks_without_bound(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in ("rows", "containers", "files", "tables"):
        monkeypatch.setattr(f"prm_core.formats.{module}.MAX_LINE", 10_000)
    big = b" " * 1_000_000
    for name, raw in (
        ("a.jsonl", gzip.compress(big)),
        ("a.txt", gzip.compress(b"Problem: " + big)),
        ("a.json", gzip.compress(b"[\n" + b'{"a":\n' + b'"b",\n' * 99_999)),
        ("a.html", gzip.compress(b"<!doctype html>" + big)),
        ("a.csv.gz", gzip.compress(b"problem,solution\np," + big)),
    ):
        with pytest.raises(DataError, match="more than 10,000 bytes"):
            open_session(raw, name)
    path = eval_file(tmp_path / "b.eval", [SAMPLE], **{"samples/2_epoch_1.json": big})
    (error,) = open_session(path).errors
    assert "more than 10,000 bytes" in str(error)
    for name, raw in (
        ("a.jsonl", gzip.compress(b'{"problem": "p"}\n' * 30_000)),
        ("a.eval", path.read_bytes()),
    ):
        with pytest.raises(
            DataError, match=r"bytes when unpacked.* score and evaluate have no limit"
        ):
            open_session(raw, name, most_bytes=500_000)


@pytest.mark.parametrize("packed", [3, 4, 5])
def test_what_is_compressed_again_and_again_is_refused(packed: int) -> None:
    """Some files unpack to themselves, and so would never end."""
    raw = b'{"problem": "p", "solutions": ["s"]}'
    for _ in range(packed):
        raw = gzip.compress(raw)
    with pytest.raises(DataError, match="compressed more than twice; unpack it first"):
        open_session(raw, "a.jsonl.gz")
    if packed > 3:  # the page gets it compressed once more
        with pytest.raises(DataError, match="compressed more than twice; unpack it first"):
            opened_file(raw, "a.jsonl.gz")


@pytest.mark.parametrize(
    ("name", "begin", "unit", "said"),
    [
        ("a.jsonl", b"", b"\n", "blank lines in a row"),
        ("a.json", b"", b"[\n\n", "brackets that do not end"),
        ("a.json", b"", b"[", "brackets that do not end"),
        ("a.csv", b"problem,solution", b"\r\n", "blank lines in a row"),
        ("a.csv", b"", b",", "columns"),
        ("a.csv", b"", b'"', '^a.csv: has no column .problem.; it has "{60}$'),
        ("a.md", b"", b"---\n", "lines of text"),
        ("a.jsonl", b"", b"{}\n", "rows that cannot be read; the first: a.jsonl, line 1, field"),
        ("a.json", b"[", b"{},", "rows that cannot be read; the first: a.json, line 1, field"),
    ],
)
def test_nothing_is_read_for_minutes_that_holds_nothing(
    name: str, begin: bytes, unit: bytes, said: str
) -> None:
    """Files of a few kilobytes, which unpack to millions of lines or brackets."""
    packed = gzip.compress(begin + unit * (20_000_000 // len(unit)), 1)
    with pytest.raises(DataError, match=said):
        open_session(packed, name)


@pytest.mark.parametrize(
    ("begin", "unit", "said"),
    [
        (b'{"problem": "p", "solutions": ["s"', b',"s"', "has 3,000,001 entries; at most 1,024"),
        (
            b'{"format": "prm-inspector-session", "version": 1, "problems": [{}',
            b",{}",
            "has 3,000,001 entries; at most 100,000 are kept",
        ),
    ],
)
def test_a_list_that_is_too_long_is_refused_by_its_length(
    begin: bytes, unit: bytes, said: str
) -> None:
    began = time.process_time()
    with pytest.raises(DataError, match=said):
        open_session(begin + unit * 3_000_000 + b"]}", "a.jsonl")
    assert time.process_time() - began < 8  # each entry by itself took minutes


def test_a_string_without_an_end_is_looked_through_once() -> None:
    raw = b'[{"problem": "p", "solutions": ["s"]},\n{"a": "' + b'\\"' * 200_000 + b"},\n{}]"
    opened = open_session(raw, "a.json")  # each of the quotes could begin a string
    assert len(opened.session.problems) == 1
    assert len(opened.errors) == 2


def test_solutions_of_one_problem_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prm_core.formats.tables.MAX_SAME", 10)
    for header, row in (
        ("problem,solution", "p,s"),
        ("problem,candidate,steps,probabilities", 'p,0,"[""s""]",[0.5]'),
    ):
        with pytest.raises(DataError, match=r"line 2: .* more than 10 solutions of one problem"):
            open_session("\n".join([header, *[row] * 11]).encode(), "a.csv")
        assert open_session("\n".join([header, *[row] * 10]).encode(), "a.csv").session.problems


def test_a_zip_that_says_another_size_than_it_has(tmp_path: Path) -> None:
    path = eval_file(tmp_path / "a.eval", [SAMPLE], **{"samples/2_epoch_1.json": b" " * 5_000})
    raw = path.read_bytes()
    size = (5_000).to_bytes(4, "little")
    for false in (10, 4_000_000_000):
        wrong = raw.replace(size, false.to_bytes(4, "little"))
        assert wrong != raw
        if false > 5_000:  # it says how much it holds: nothing of it is unpacked
            with pytest.raises(DataError, match=r"has 4,000,00\d,\d{3} bytes when unpacked"):
                open_session(wrong, "a.eval")
            continue
        opened = open_session(wrong, "a.eval")
        assert len(opened.session.problems) == 1
        (error,) = opened.errors
        assert "samples/2_epoch_1.json cannot be read: Bad CRC-32" in str(error)


def test_an_empty_session_is_one(tmp_path: Path) -> None:
    save_session(Session(title="empty"), tmp_path / "s.json")
    assert open_session(tmp_path / "s.json").session == Session(title="empty")


def test_what_is_said_of_solutions_is_kept(tmp_path: Path) -> None:
    """Also where no step needs to be looked through for tags, and where one does."""
    for steps, thinking in ((STEPS, ()), (["<think>Hm.</think>", "So 7."], (True, False))):
        one = {"steps": steps, "answer": 8, "correct": False, "generator": "g", "error_type": "e"}
        (problem,) = open_session(
            write(tmp_path, {"problem": PEN, "solutions": [one]})
        ).session.problems
        (found,) = problem.solutions
        assert (found.answer, found.correct, found.generator, found.error_type) == (
            "8",
            False,
            "g",
            "e",
        )
        assert (found.steps, found.thinking) == (tuple(steps), thinking)


def test_many_small_rows_have_a_bound() -> None:
    rows = (json.dumps({"problem": f"p{n}", "solutions": ["s" * 50]}) for n in range(10_000))
    with pytest.raises(DataError, match="or 1,000 characters, the most for a session"):
        open_session(gzip.compress("\n".join(rows).encode()), "a.jsonl", most_chars=1_000)


def test_a_sample_that_is_written_for_two_filters_is_one(tmp_path: Path) -> None:
    other = {**LM_EVAL, "doc_id": 4, "doc": {"question": "Why?"}}
    rows = [LM_EVAL, other, *({**row, "filter": "flexible-extract"} for row in (LM_EVAL, other))]
    assert [one.problem for one in problems(write(tmp_path, *rows))] == [PEN, "Why?"]


def test_two_models_that_scored_the_same_solutions_stand_together(tmp_path: Path) -> None:
    other = {**RESULT, "model": "n"}
    session = open_session(write(tmp_path, RESULT, SAL, other, other)).session
    first, second = session.problems
    assert [one.scores.keys() for one in first.solutions] == [{"m", "n"}, {"n"}]  # said twice: kept
    assert len(second.solutions) == 2
    assert [model.id for model in session.models] == ["m", "search-and-learn", "n"]


def test_a_neutral_step_stays_neutral(tmp_path: Path) -> None:
    completion = {"completions": [{"text": "a", "rating": 0}], "chosen_completion": 0}
    row = {"question": {"problem": PEN}, "label": {"steps": [completion]}}
    (problem,) = open_session(write(tmp_path, row)).session.problems
    assert problem.solutions[0].labels == ("neutral",)


def test_scores_come_to_the_solution_that_has_these_steps(tmp_path: Path) -> None:
    def row(problem: str, step: str, model: str) -> dict[str, Any]:
        scores = {model: {"probabilities": [0.5]}}
        return {"problem": problem, "solutions": [{"steps": [step], "scores": scores}]}

    rows = [
        row("p", "a", "m"),
        row("p", "b", "m"),
        row("q", "c", "m"),
        row("p", "b", "n"),
        row("p", "a", "n"),
    ]
    first, second = open_session(write(tmp_path, *rows)).session.problems
    assert [(one.steps, *one.scores) for one in second.solutions] == [(("c",), "m")]
    found = [(one.steps, *one.scores) for one in first.solutions]
    assert found == [(("a",), "m", "n"), (("b",), "m", "n")]


def test_only_what_prmbench_repeats_is_left_out(tmp_path: Path) -> None:
    row = {
        "idx": "a_1",
        "classification": "a",
        "original_question": PEN,
        "modified_question": PEN,
        "original_process": STEPS,
        "modified_process": ["3 + 4 = 8.", "So 8."],
        "error_steps": [1],
    }
    other = {
        **row,
        "idx": "b_1",
        "classification": "b",
        "modified_process": ["3 + 4 = 9.", "So 9."],
    }
    third = {
        **row,
        "idx": "a_2",
        "original_process": ["It is 7."],
        "modified_process": ["It is 8."],
    }
    (problem,) = open_session(write(tmp_path, row, other, third)).session.problems
    assert [one.steps[0] for one in problem.solutions] == [
        "3 + 4 = 7.",
        "3 + 4 = 8.",
        "3 + 4 = 9.",
        "It is 7.",
        "It is 8.",
    ]


KNOWN_ROWS: dict[str, dict[str, Any]] = {
    "ours": {"id": 1, "problem": PEN, "solutions": ["7", STEPS], "gold_answer": "7"},
    "results of score": RESULT,
    "search-and-learn": SAL,
    "OpenR": OPENR,
    "lm-evaluation-harness": LM_EVAL,
    "agent": AGENT,
    "chat": CHAT,
    "GSM8K": GSM8K,
    "MATH": MATH,
    "MR-GSM8K": MR_GSM8K,
    "TRL": {"prompt": PEN, "completions": STEPS, "labels": [True, False]},
    "ProcessBench": {"id": "gsm8k-1", "problem": PEN, "steps": STEPS, "label": 1},
    "PRM800K": {
        "question": {"problem": PEN, "ground_truth_answer": "7"},
        "label": {
            "steps": [
                {
                    "completions": [{"text": "3 + 4 = 7.", "rating": 1, "flagged": None}],
                    "human_completion": None,
                    "chosen_completion": 0,
                }
            ],
            "finish_reason": "solution",
        },
    },
    "Math-Shepherd": {
        "input": f"{PEN} Step 1: 3 + 4 = 7. ки\nStep 2: So 8. ки",
        "label": f"{PEN} Step 1: 3 + 4 = 7. +\nStep 2: So 8. -",
    },
    "RLHFlow": {
        "conversations": [
            {"role": "user", "content": f"{PEN} Step 1: 3 + 4 = 7."},
            {"role": "assistant", "content": "+"},
        ]
    },
    "PRMBench": {
        "original_question": PEN,
        "modified_question": PEN,
        "original_process": STEPS,
        "modified_process": [STEPS[0], "So 8."],
        "error_steps": [2],
        "classification": "confidence",
    },
    "OpenR process": {"question": PEN, "process": "Step 1: 3 + 4 = 7. ки", "label": ["+"]},
    "BIG-Bench-Mistake": {"input": PEN, "steps": STEPS, "mistake_index": 1, "target": "7"},
}


@pytest.mark.parametrize("name", KNOWN_ROWS)
def test_a_bad_row_is_named_with_line_and_field_and_the_others_are_read(
    name: str, tmp_path: Path
) -> None:
    row = KNOWN_ROWS[name]
    alone = open_session(write(tmp_path, row)).session
    n_rows = len(read_all(write(tmp_path, row)))
    n_named = 0
    for field in row:
        for bad in (None, 7, 10**400, "", [[None]], {"a": None}):
            path = write(tmp_path, row, {**row, field: bad}, row)
            opened = open_session(path)
            assert opened.session.problems[0].problem == alone.problems[0].problem
            for error in opened.errors:
                n_named += 1
                assert "line 2" in str(error)
                assert error.field
                assert len(str(error)) < 400
            assert len(read_all(path)) >= 2 * n_rows
    assert n_named


def read_all(path: Path) -> list[ProblemRow]:
    """The problems that `score` and `rank` read."""
    with open_problems(path, io.BytesIO()) as rows:
        return [row for row in rows if isinstance(row, ProblemRow)]

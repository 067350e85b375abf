"""Step-labelled data: every format reads as what its own description says."""

from __future__ import annotations

import gzip
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.errors import DataError
from prm_core.formats.labelled import example_row, read_examples
from prm_core.formats.rows import json_line
from prm_core.types import Candidate, Example

PEN = "Ann has 3 pens and buys 2. How many has she?"
OWN: dict[str, Any] = {
    "id": "pens-1",
    "source": "made-up",
    "problem": PEN,
    "steps": ["She has 3+2=<<3+2=5>>5 pens.", "Half of them is 2.", "So 2."],
    "labels": [1, -1, None],
    "first_error": 1,
    "answer": "2",
    "gold_answer": 5,
    "correct": False,
    "generator": "human",
    "error_type": "needless",
}
TRL = {"prompt": PEN, "completions": ["3+2 = 5.", "So 5."], "labels": [True, False]}
PRM800K: dict[str, Any] = {
    "labeler": "someone",
    "question": {"problem": PEN, "ground_truth_answer": "5"},
    "label": {
        "steps": [
            {
                "completions": [
                    {"text": "Add 3 and 2.", "rating": 0, "flagged": False},
                    {"text": "3-2 = 1.", "rating": -1, "flagged": False},
                ],
                "human_completion": None,
                "chosen_completion": 0,
            },
            {
                "completions": [{"text": "3+2 = 6.", "rating": -1}],
                "human_completion": {"text": "3+2 = 5.", "rating": None},
                "chosen_completion": None,
            },
            {
                "completions": [{"text": "# Answer\n\n5", "rating": None}],
                "human_completion": None,
                "chosen_completion": 0,
            },
        ],
        "total_time": 9000,
        "finish_reason": "solution",
    },
}
SHEPHERD = {
    "input": f"{PEN} Step 1: 3+2 = <<3+2=6>>6 ки\nStep 2: The answer is: 6 ки",
    "label": f"{PEN} Step 1: 3+2 = <<3+2=6>>6 +\nStep 2: The answer is: 6 -",
    "task": "GSM8K",
}
PROCESSBENCH = {
    "id": "gsm8k-7",
    "generator": "Some-7B",
    "problem": PEN,
    "steps": ["3+2 = 5.", "5+1 = 6.", "So 6."],
    "final_answer_correct": False,
    "label": 1,
}
RLHFLOW: dict[str, Any] = {
    "conversations": [
        {"role": "user", "content": f"{PEN} Step 1: 3+2 = 5."},
        {"role": "assistant", "content": "+"},
        {"role": "user", "content": "Step 2: The answer is 6."},
        {"role": "assistant", "content": "-"},
    ]
}
PRMBENCH: dict[str, Any] = {
    "idx": "deception_prm_test_p1_0",
    "question": PEN,
    "original_question": PEN,
    "modified_question": PEN + " Say it.",
    "original_process": ["1. 3+2 = 5.", "2. So 5."],
    "modified_process": ["1. 3+2 = 5.", "2. 5+1 = 6.", "3. So it is 6.", "4. No, 7."],
    "modified_steps": [2, 4],
    "error_steps": [2, 4],
    "reason": "Step 2 adds one.",
    "classification": "deception",
}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(map(json_line, rows)), encoding="utf-8")
    return path


def read(path: Path, *rows: dict[str, Any], **options: bool) -> list[Example]:
    found = list(read_examples(write(path / "rows.jsonl", *rows), **options))
    assert not [one for one in found if isinstance(one, DataError)]
    return [one for one in found if isinstance(one, Example)]


def test_our_own_schema(tmp_path: Path) -> None:
    assert read(tmp_path, OWN) == [
        Example(
            Candidate(PEN, ("She has 3+2=5 pens.", "Half of them is 2.", "So 2."), "pens-1"),
            (1.0, 0.0, None),
            source="made-up",
            answer="2",
            gold_answer="5",
            correct=False,
            error_type="needless",
        )
    ]


def test_soft_labels_stay_floats_and_an_example_is_named_after_its_line(tmp_path: Path) -> None:
    row = {"problem": PEN, "steps": ["a", "b", "c", "d", "e"], "labels": [0.25, 1, 0, -1, 0.5]}
    _, one = read(tmp_path, OWN, row)
    assert one.labels == (0.25, 1.0, 0.0, 0.0, 0.5)
    assert one.candidate.id == "2"


def test_brackets_that_are_no_calculator_mark_stay(tmp_path: Path) -> None:
    row = {"problem": "Close: <<", "steps": ["<< needs >>: <<>>", "1 << 2"], "labels": [1, 1]}
    assert read(tmp_path, row)[0].candidate.steps == ("<< needs >>: <<>>", "1 << 2")


def test_trl(tmp_path: Path) -> None:
    (one,) = read(tmp_path, TRL)
    assert (one.candidate.problem, one.candidate.steps) == (PEN, ("3+2 = 5.", "So 5."))
    assert (one.labels, one.source) == ((1.0, 0.0), "trl")


def test_prm800k_gives_the_branch_and_every_completion_beside_it(tmp_path: Path) -> None:
    examples = read(tmp_path, PRM800K)
    assert [(e.candidate.id, e.candidate.steps, e.labels) for e in examples] == [
        ("1", ("Add 3 and 2.", "3+2 = 5.", "# Answer\n\n5"), (1.0, 1.0, None)),
        ("1/2", ("3-2 = 1.",), (0.0,)),
        ("1/3", ("Add 3 and 2.", "3+2 = 6."), (1.0, 0.0)),
    ]
    assert {(e.source, e.gold_answer) for e in examples} == {("prm800k", "5")}


def test_prm800k_where_nobody_went_on(tmp_path: Path) -> None:
    first, last = (json.loads(json.dumps(PRM800K)) for _ in range(2))
    first["label"]["steps"] = first["label"]["steps"][:2]
    first["label"]["steps"][1]["human_completion"] = None
    nothing = {"completions": None, "human_completion": None, "chosen_completion": None}
    last["label"]["steps"] = [last["label"]["steps"][0], nothing]
    assert [e.candidate.steps for e in read(tmp_path, first)] == [
        ("3-2 = 1.",),
        ("Add 3 and 2.", "3+2 = 6."),
    ]
    assert [e.candidate.steps for e in read(tmp_path, last)] == [("Add 3 and 2.",), ("3-2 = 1.",)]


@pytest.mark.parametrize(("right", "label"), [(True, 1.0), (False, 0.0)])
def test_what_neutral_means_is_said_once(
    right: bool, label: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        examples = read(tmp_path, PRM800K, PRM800K, neutral_is_right=right)
    assert examples[0].labels[0] == label
    (said,) = caplog.messages
    assert said.endswith(f"neutral steps count as {'right' if right else 'wrong'}")


def test_math_shepherd(tmp_path: Path) -> None:
    (one,) = read(tmp_path, SHEPHERD)
    assert one.candidate.problem == PEN
    assert one.candidate.steps == ("3+2 = 6", "The answer is: 6")
    assert (one.labels, one.source) == ((1.0, 0.0), "math-shepherd/gsm8k")


@pytest.mark.parametrize(("label", "labels"), [(1, (1.0, 0.0, None)), (-1, (1.0, 1.0, 1.0))])
def test_processbench(label: int, labels: tuple[float | None, ...], tmp_path: Path) -> None:
    (one,) = read(tmp_path, {**PROCESSBENCH, "label": label})
    assert (one.labels, one.source, one.correct) == (labels, "processbench/gsm8k", False)
    assert one.candidate == Candidate(PEN, ("3+2 = 5.", "5+1 = 6.", "So 6."), "gsm8k-7")
    assert one.judged


def test_processbench_with_another_name_for_the_problem(tmp_path: Path) -> None:
    (one,) = read(tmp_path, {"question": PEN, "steps": ["3+2 = 6.", "So 6."], "label": 0})
    assert (one.candidate.problem, one.labels) == (PEN, (0.0, None))


@pytest.mark.parametrize("label", [[1, 0], [True, False], ["+", "-"]])
def test_a_label_for_every_step_under_the_name_label(label: list[object], tmp_path: Path) -> None:
    (one,) = read(tmp_path, {"problem": PEN, "steps": ["3+2 = 5.", "So 6."], "label": label})
    assert (one.candidate.steps, one.labels) == (("3+2 = 5.", "So 6."), (1.0, 0.0))


def test_our_schema_with_another_name_for_the_problem(tmp_path: Path) -> None:
    (one,) = read(tmp_path, {"question": PEN, "steps": ["3+2 = 6.", "So 6."], "labels": [-1, None]})
    assert (one.candidate.problem, one.labels) == (PEN, (0.0, None))


@pytest.mark.parametrize("gap", [" ки\n", " \n\n\n\n\n", " \n\n\n\n"])
@pytest.mark.parametrize("labels", [{"label": ["+", "-"]}, {"labels": [1, 0]}])
def test_openr(gap: str, labels: dict[str, Any], tmp_path: Path) -> None:
    row = {"question": PEN, "process": f"Step 1: 3+2 = 5.{gap}Step 2: So 6.{gap}", **labels}
    (one,) = read(tmp_path, row)
    assert (one.candidate.problem, one.candidate.steps) == (PEN, ("3+2 = 5.", "So 6."))
    assert (one.labels, one.source) == ((1.0, 0.0), "openr")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"process": "Step 1: a ки", "label": ["+", "-"]}, "2 labels for 1 steps"),
        ({"process": "Step 1: a ки", "label": ["?"]}, "label 1 is '?', not + or -"),
        ({"label": ["+"]}, "none of the known sets of fields"),
    ],
)
def test_a_question_that_is_text_is_not_prm800k_s(
    row: dict[str, Any], says: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (error,) = read_examples(write(tmp_path / "rows.jsonl", {"question": PEN, **row}))
    assert says in str(error)
    assert not caplog.records


@pytest.mark.parametrize(("index", "labels"), [(1, (1.0, 0.0)), (None, (1.0, 1.0))])
def test_big_bench_mistake(
    index: int | None, labels: tuple[float | None, ...], tmp_path: Path
) -> None:
    row = {"input": PEN, "steps": ["3+2", "So 6."], "answer": "6", "target": "5"}
    (one,) = read(tmp_path, {**row, "mistake_index": index})
    assert (one.labels, one.answer, one.gold_answer) == (labels, "6", "5")


def test_the_marker_is_not_looked_for_in_words(tmp_path: Path) -> None:
    asked = "Сколько стоят 3 ручки? Step 1: 3 ручки, 12 ки\nStep 2: So 12 ки"
    told = "Сколько стоят 3 ручки? Step 1: 3 ручки, 12 +\nStep 2: So 12 -"
    (one,) = read(tmp_path, {"input": asked, "label": told})
    assert one.candidate.problem == "Сколько стоят 3 ручки?"
    assert (one.candidate.steps, one.labels) == (("3 ручки, 12", "So 12"), (1.0, 0.0))


def test_rlhflow(tmp_path: Path) -> None:
    turns = RLHFLOW["conversations"]
    apart = [
        {"role": "user", "content": PEN},
        {"role": "user", "content": "3+2 = 5."},
        *turns[1:],
    ]
    blank = [{"role": "user", "content": f"{PEN}\n\n3+2 = 5."}, *turns[1:]]
    for row in (RLHFLOW, {"messages": turns}, {"conversations": apart}, {"conversations": blank}):
        (one,) = read(tmp_path, row)
        assert one.candidate.problem == PEN
        assert one.candidate.steps == ("3+2 = 5.", "The answer is 6.")
        assert one.labels == (1.0, 0.0)


def test_prmbench(tmp_path: Path) -> None:
    other = {**PRMBENCH, "idx": "circular_prm_test_p1_0", "classification": "circular"}
    original, modified, again = read(tmp_path, PRMBENCH, other)
    assert original.candidate.steps == ("1. 3+2 = 5.", "2. So 5.")
    assert original.labels == (1.0, 1.0)
    assert (modified.labels, modified.first_error) == ((1.0, 0.0, None, 0.0), 1)
    assert (modified.candidate.problem, modified.error_type) == (PEN + " Say it.", "deception")
    assert [e.candidate.id for e in (original, modified, again)] == [
        "prm_test_p1_0/original",
        "deception_prm_test_p1_0",
        "circular_prm_test_p1_0",
    ]


def turns(*contents: Any) -> dict[str, Any]:
    roles = ("user", "assistant") * len(contents)
    return {
        "conversations": [{"role": r, "content": c} for r, c in zip(roles, contents, strict=False)]
    }


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"a": 1}, "", "none of the known sets of fields"),
    ({**OWN, "labels": [1, -1]}, "steps", "2 labels for 3 steps"),
    ({**OWN, "labels": [1, -1, 2]}, "labels", "label 3 is 2"),
    ({**OWN, "labels": [1, -0.5, 1]}, "labels", "label 2 is -0.5"),
    ({**OWN, "labels": ["+", "-", "+"]}, "labels", "label 1 is '+'"),
    ({**OWN, "labels": "+-"}, "labels", "must be a list, not text"),
    ({**OWN, "steps": []}, "steps", "is an empty list"),
    ({**OWN, "steps": ["a", " ", "c"]}, "steps", "entry 2 is blank"),
    ({**OWN, "steps": ["a", "<<1=1>>", "c"]}, "steps", "step 2 of candidate"),
    ({**OWN, "problem": ""}, "problem", "is blank"),
    ({**OWN, "first_error": 0}, "first_error", "is 0, but by the labels it is 1"),
    ({**OWN, "first_error": "1"}, "first_error", "must be a whole number"),
    ({**OWN, "correct": "no"}, "correct", "must be true, false or null"),
    ({**TRL, "labels": [True]}, "completions", "1 labels for 2 steps"),
    ({"question": {}, "label": {}}, "question", "problem is missing"),
    ({"question": 1, "label": {}}, "question", "must hold objects, not a number"),
    ({**PRM800K, "label": {"steps": []}}, "label", "contains no steps"),
    (
        {**PRM800K, "label": {"steps": [{"completions": [{"text": "a", "rating": 2}]}]}},
        "label",
        "a rating is 2",
    ),
    (
        {**PRM800K, "label": {"steps": [{"completions": [], "chosen_completion": 0}]}},
        "label",
        "completion 0 of 0 was chosen",
    ),
    ({**SHEPHERD, "label": SHEPHERD["input"]}, "label", "+ or - at marker 1"),
    ({**SHEPHERD, "label": SHEPHERD["label"] + "\n3 +"}, "label", "as many labels as"),
    ({**SHEPHERD, "input": SHEPHERD["input"] + " more"}, "input", "more text after the last"),
    ({"input": "Step 1: a ки", "label": "Step 1: a +"}, "input", 'has no "Step 1:"'),
    ({"input": "no marker", "label": "no marker"}, "input", "more text after the last"),
    ({**PROCESSBENCH, "label": 3}, "label", "is 3; there are 3 steps"),
    ({**PROCESSBENCH, "label": True}, "label", "must be a whole number"),
    (turns(f"{PEN} Step 1: a", "+", "b", "?"), "conversations", "label of step 2 is '?'"),
    (turns(f"{PEN} Step 1: a", "+", "b"), "conversations", "one after the other"),
    (turns("no step here", "+"), "conversations", 'has no "Step 1:"'),
    ({**PRMBENCH, "error_steps": [5]}, "error_steps", "step 5 is not one of 4"),
    ({**PRMBENCH, "error_steps": [0]}, "error_steps", "step 0 is not one of 4"),
]


@pytest.mark.parametrize(("row", "field", "message"), BAD)
def test_a_bad_row_is_named_in_its_place(
    row: dict[str, Any], field: str, message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "rows.jsonl", OWN, row, TRL)
    first, error, last = read_examples(path)
    assert isinstance(first, Example)
    assert isinstance(last, Example)
    assert isinstance(error, DataError)
    assert (error.path, error.line, error.field or "") == (str(path), 2, field)
    assert message in str(error)


def test_gzip_blank_lines_and_broken_json(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n" + json.dumps(OWN).encode() + b"\n\n{\n"))
    one, error = read_examples(path)
    assert isinstance(one, Example)
    assert isinstance(error, DataError)
    assert error.line == 4


@pytest.mark.parametrize("content", [None, b"{}\n", gzip.compress(b"x" * 4000, mtime=0)[:-20]])
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"rows\.jsonl\.gz: cannot be read") as error:
        list(read_examples(path))
    assert error.value.line is None


def test_rows_are_read_as_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write((json.dumps(OWN) + "\n").encode() * 4000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 10])  # the end is damaged; the beginning is not
    assert isinstance(next(read_examples(path)), Example)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>")).filter(
    lambda text: bool(text.strip())
)
labels = st.none() | st.floats(0, 1) | st.sampled_from([0.0, 1.0])


@st.composite
def examples(draw: st.DrawFn) -> Example:
    steps = draw(st.lists(texts, min_size=1, max_size=5))
    return Example(
        Candidate(draw(texts), tuple(steps), draw(texts)),
        tuple(draw(labels) for _ in steps),
        source=draw(st.just("") | texts),
        answer=draw(st.none() | texts),
        gold_answer=draw(st.none() | texts),
        correct=draw(st.none() | st.booleans()),
        error_type=draw(st.none() | texts),
    )


@given(wanted=st.lists(examples(), max_size=3))
def test_out_and_in_is_the_identity(
    wanted: list[Example], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    assert list(read_examples(write(path, *map(example_row, wanted)))) == wanted

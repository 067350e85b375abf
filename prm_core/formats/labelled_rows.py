"""Rows of step-labelled data, in the field's formats, as `Example`.

The format is recognised by the fields of each row. Formats differ in what they call a step, where
they count from, and how they label steps after the first error; here a label is P(step is right) or
None, and indices count from 0. Calculator marks such as `<<48/2=24>>` are cut from the steps.

    our own          problem (or question), steps, labels    +1, -1, null, or from 0 to 1
    TRL              prompt, completions, labels       true, false, or floats
    PRM800K          question, label                   ratings 1, 0, -1; several completions a step
    Math-Shepherd    input, label                      the text twice, `ки` in one, + and - in two
    ProcessBench     problem, steps, label             index of the first error, -1 for none
    RLHFlow          conversations                     steps by the user, + and - by the assistant
    OpenR            question, process, label(s)       a text with a marker after each step
    BIG-Bench Mistake  input, steps, mistake_index     index of the first error, null for none
    MR-GSM8K         question, model_output_steps, …_first_error_step      counted from 1
    PRMBench         original_process, modified_process, error_steps      indices from 1
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prm_core.errors import InputError
from prm_core.formats.rows import FileRow, kind_of
from prm_core.text.steps import candidate_of, given_steps
from prm_core.types import Example, label_probability

# With its "=", so that "<<>>" in a puzzle about brackets stays.
_MARK = re.compile(r"<<[^<>\n]*=[^<>\n]*>>")
_FIRST_STEP = re.compile(r"\bStep 1:")
_STEP_NUMBER = re.compile(r"\s*Step \d+:")
_SHEPHERD_MARKER = "ки"
# Not in the middle of a word, such as "ручки".
_MARKER = re.compile(r"(?<![^\W\d_])ки(?![^\W\d_]|[\u0300-\u036f])")


def is_labelled(row: FileRow) -> bool:
    """Whether a row has the fields of a labelled solution in some format."""
    if {"messages", "conversations"} & row.fields.keys():
        return has_signs(row.fields)
    return is_prm800k(row) or any(fields <= row.fields.keys() for fields, _ in _FORMATS)


def has_signs(fields: Mapping[str, Any]) -> bool:
    """Whether the replies of a conversation are labels, as RLHFlow's are, and not texts."""
    messages = fields.get("messages", fields.get("conversations"))
    turns = messages if isinstance(messages, list) else []
    replies = [
        str(turn.get("content")).strip()
        for turn in turns
        if isinstance(turn, dict) and turn.get("role") == "assistant"
    ]
    return any(reply in ("+", "-") for reply in replies)


def examples_of(row: FileRow, *, neutral_is_right: bool = True) -> list[Example]:
    """The labelled solutions of one row, whose format is recognised by its fields.

    Raises:
        DataError: no format has these fields, or one of them is invalid.
    """
    if is_prm800k(row):
        return _prm800k(row, neutral_is_right)
    for fields, read in _FORMATS:
        if fields <= row.fields.keys():
            return read(row)
    known = "; ".join(", ".join(sorted(fields)) for fields, _ in _FORMATS)
    raise row.error(f"has none of the known sets of fields (label, question, an object; {known})")


def cut_marks(text: str) -> str:
    """A step without its calculator marks.

    >>> cut_marks("48/2 = <<48/2=24>>24 clips")
    '48/2 = 24 clips'
    """
    return _MARK.sub("", text)


# --- the formats ----------------------------------------------------------------------------------


def _own(row: FileRow) -> list[Example]:
    """Our own schema, which `example_row` writes; others call the problem "question"."""
    fields = row.fields
    correct = fields.get("correct")
    if not isinstance(correct, bool | None):
        raise row.error(f"must be true, false or null, not {kind_of(correct)}", "correct")
    example = _example(
        row,
        text_of(row, _problem_field(row)),
        texts_of(row, "steps"),
        _labels(row),
        id=_id(row, "id"),
        source=optional_text(row, "source") or "",
        answer=optional_text(row, "answer"),
        gold_answer=optional_text(row, "gold_answer"),
        correct=correct,
        error_type=optional_text(row, "error_type"),
    )
    said = fields.get("first_error")
    found = -1 if example.first_error is None else example.first_error
    if said is not None and index_of(row, "first_error", said) != found:
        raise row.error(f"is {said}, but by the labels it is {found}", "first_error")
    return [example]


def _trl(row: FileRow) -> list[Example]:
    """TRL's stepwise supervision: `trl-lib/math_shepherd`, `trl-lib/prm800k`."""
    problem, steps = text_of(row, "prompt"), texts_of(row, "completions")
    return [_example(row, problem, steps, _labels(row), source="trl", field="completions")]


def _prm800k(row: FileRow, neutral_is_right: bool) -> list[Example]:
    """openai/prm800k: a tree of rated completions in which one branch was followed.

    The branch is an example, and so is every completion beside it with the steps before it, as in
    TRL's examples/datasets/prm800k.py. Steps written by people are right.
    """
    ratings: dict[Any, float | None] = {1: 1.0, 0: float(neutral_is_right), -1: 0.0, None: None}

    def rated(completion: Any) -> tuple[str, float | None]:
        rating = item_of(row, "label", completion, "rating", None)
        if isinstance(rating, bool | float | str | list | dict) or rating not in ratings:
            raise row.error(f"a rating is {rating!r}, not 1, 0, -1 or null", "label")
        return item_of(row, "label", completion, "text"), ratings[rating]

    question = row.fields["question"]
    problem = row.text("question", item_of(row, "question", question, "problem"), "problem")
    gold_answer = item_of(row, "question", question, "ground_truth_answer", None)
    steps = item_of(row, "label", row.fields["label"], "steps")
    branch: list[tuple[str, float | None]] = []
    found: list[list[tuple[str, float | None]]] = []
    for step in list_of(row, "label", steps):
        completions = list_of(row, "label", item_of(row, "label", step, "completions", None) or [])
        chosen = item_of(row, "label", step, "chosen_completion", None)
        written = item_of(row, "label", step, "human_completion", None)
        found += [[*branch, rated(c)] for i, c in enumerate(completions) if i != chosen]
        if chosen is not None:
            if isinstance(chosen, bool) or not isinstance(chosen, int):
                raise row.error(f"chosen_completion is {kind_of(chosen)}", "label")
            if not 0 <= chosen < len(completions):
                raise row.error(f"completion {chosen} of {len(completions)} was chosen", "label")
            branch.append(rated(completions[chosen]))
        elif written is not None:
            branch.append((item_of(row, "label", written, "text"), 1.0))
        else:
            # No branch continues here; any completions contain the whole branch.
            if completions:
                branch = []
            break
    paths = [path for path in (branch, *found) if path]
    if not paths:
        raise row.error("contains no steps", "label")
    return [
        _example(
            row,
            problem,
            [text for text, _ in path],
            [label for _, label in path],
            id=str(row.line) if number == 1 else f"{row.line}/{number}",
            source="prm800k",
            gold_answer=row.text_or_number("question", gold_answer),
            field="label",
        )
        for number, path in enumerate(paths, start=1)
    ]


def _math_shepherd(row: FileRow) -> list[Example]:
    """peiyi9979/Math-Shepherd: `input` with ` ки` after each step, `label` with + or - there.

    The steps are separated by the markers; "Step 1:" marks the end of the problem and is removed.
    """
    asked, answered = text_of(row, "input"), text_of(row, "label")
    *pieces, rest = _MARKER.split(asked)
    if rest.strip():
        raise row.error(f"has more text after the last {_SHEPHERD_MARKER}", "input")
    labels: list[float | None] = []
    position = 0
    for number, piece in enumerate(pieces, start=1):
        position += len(piece)
        sign = answered[position : position + 1]
        if not answered.endswith(piece, 0, position) or sign not in ("+", "-"):
            raise row.error(f"is not the input with + or - at marker {number}", "label")
        labels.append(float(sign == "+"))
        position += 1
    if answered[position:].strip() or not pieces:
        raise row.error(f"does not have as many labels as there are {_SHEPHERD_MARKER}", "label")
    problem, first = _parted(row, "input", pieces[0])
    steps = [_STEP_NUMBER.sub("", step, count=1).strip() for step in (first, *pieces[1:])]
    source = "math-shepherd"
    if task := optional_text(row, "task"):
        source += f"/{task.lower()}"
    return [_example(row, problem, steps, labels, source=source, field="input")]


def _processbench(row: FileRow) -> list[Example]:
    """Qwen/ProcessBench: the index of the first wrong step, -1 for none; later steps have no label.

    A copy of it may call the problem "question". A list is a label for each step, as in our own.
    """
    if isinstance(given := row.fields["label"], list):
        signs = {"+": 1, "-": 0}
        labels = [signs.get(one, one) if isinstance(one, str) else one for one in given]
        rest = {name: value for name, value in row.fields.items() if name != "label"}
        return _own(FileRow(row.path, row.line, {**rest, "labels": labels}))
    problem = text_of(row, _problem_field(row))
    steps = texts_of(row, "steps")
    correct = row.fields.get("final_answer_correct")
    if not isinstance(correct, bool | None):
        message = f"must be true, false or null, not {kind_of(correct)}"
        raise row.error(message, "final_answer_correct")
    first_error = index_of(row, "label", row.fields["label"])
    if not -1 <= first_error < len(steps):
        raise row.error(f"is {first_error}; there are {len(steps)} steps", "label")
    row_id = _id(row, "id")
    return [
        _example(
            row,
            problem,
            steps,
            _labels_to(first_error, len(steps)),
            id=row_id,
            # "gsm8k-12" is number 12 of its part.
            source=f"processbench/{row_id.rpartition('-')[0]}".removesuffix("/"),
            correct=correct,
        )
    ]


def _rlhflow(row: FileRow) -> list[Example]:
    """RLHFlow's Mistral-PRM-Data and Deepseek-PRM-Data: a dialogue of steps and signs.

    The problem comes before the first step, in the same turn or in a separate one.
    """
    field = "conversations" if "conversations" in row.fields else "messages"
    turns = [
        (item_of(row, field, turn, "role"), item_of(row, field, turn, "content"))
        for turn in list_of(row, field, row.fields[field])
    ]
    roles = [role for role, _ in turns]
    problem = ""
    if roles[:2] == ["user", "user"]:
        problem, turns, roles = row.text(field, turns[0][1], "the problem"), turns[1:], roles[1:]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        raise row.error("must be turns of user and assistant, one after the other", field)
    steps = [row.text(field, text, "a turn") for role, text in turns if role == "user"]
    if not problem:
        problem, steps[0] = _parted(row, field, steps[0])
    labels: list[float | None] = []
    for number, (_, sign) in enumerate(turns[1::2], start=1):
        if not isinstance(sign, str) or sign.strip() not in ("+", "-"):
            raise row.error(f"the label of step {number} is {sign!r}, not + or -", field)
        labels.append(float(sign.strip() == "+"))
    steps = [_STEP_NUMBER.sub("", step, count=1).strip() for step in steps]
    return [_example(row, problem, steps, labels, source="rlhflow", field=field)]


def _prmbench(row: FileRow) -> list[Example]:
    """PRMBench: a right solution, and the same with errors put in.

    Steps after the first error without one of their own may still depend on it: they have no label.
    """
    row_id = _id(row, "idx")
    kind = optional_text(row, "classification")
    original = texts_of(row, "original_process")
    modified = texts_of(row, "modified_process")
    errors = [
        index_of(row, "error_steps", number) - 1
        for number in list_of(row, "error_steps", row.fields["error_steps"])
    ]
    if outside := [index + 1 for index in errors if not 0 <= index < len(modified)]:
        raise row.error(f"step {outside[0]} is not one of {len(modified)}", "error_steps")
    labels = _labels_to(min(errors, default=-1), len(modified))
    for index in errors:
        labels[index] = 0.0
    return [
        _example(
            row,
            text_of(row, "original_question"),
            original,
            _labels_to(-1, len(original)),
            id=row_id.removeprefix(f"{kind}_") + "/original",
            source="prmbench/original",
            field="original_process",
        ),
        _example(
            row,
            text_of(row, "modified_question"),
            modified,
            labels,
            id=row_id,
            source="prmbench/modified",
            error_type=kind,
            field="modified_process",
        ),
    ]


def _openr(row: FileRow) -> list[Example]:
    """openreasoner/openr: `process` with ` ки`, or several line ends, after each step.

    A label is + or -, or 1 or 0.
    """
    name = "labels" if "labels" in row.fields else "label"
    signs = {"+": 1.0, "-": 0.0, 1: 1.0, 0: 0.0, -1: 0.0}
    labels: list[float | None] = []
    for number, value in enumerate(list_of(row, name, row.fields[name]), start=1):
        sign = value.strip() if isinstance(value, str) else value
        if isinstance(sign, float | list | dict | None) or sign not in signs:
            raise row.error(f"label {number} is {value!r}, not + or -", name)
        labels.append(signs[sign])
    process = text_of(row, "process")
    marker = _MARKER if _MARKER.search(process) else re.compile(r"(?:[ \t]*\n){3,}[ \t]*")
    steps = [step.strip() for step in marker.split(process) if step.strip()]
    if len(steps) != len(labels):
        message = f"{len(labels)} labels for {len(steps)} steps between the markers of process"
        raise row.error(message, name)
    steps = [_STEP_NUMBER.sub("", step, count=1).strip() for step in steps]
    problem = text_of(row, "question")
    return [_example(row, problem, steps, labels, source="openr", field="process")]


def _big_bench_mistake(row: FileRow) -> list[Example]:
    """WHGTyen/BIG-Bench-Mistake: the index of the first mistake, null for none."""
    steps = texts_of(row, "steps")
    index = row.fields["mistake_index"]
    first_error = -1 if index is None else index_of(row, "mistake_index", index)
    if not -1 <= first_error < len(steps):
        raise row.error(f"is {first_error}; there are {len(steps)} steps", "mistake_index")
    return [
        _example(
            row,
            text_of(row, "input"),
            steps,
            _labels_to(first_error, len(steps)),
            source="big-bench-mistake",
            answer=optional_text(row, "answer"),
            gold_answer=optional_text(row, "target"),
        )
    ]


_FIRST_ERROR = "model_output_solution_first_error_step"


def _mr_gsm8k(row: FileRow) -> list[Example]:
    """dvlab-research/MR-GSM8K: the number of the first wrong step from 1, "N/A" for none."""
    texts = texts_of(row, "model_output_steps")
    said = row.fields[_FIRST_ERROR]
    number = said.strip().removeprefix("Step ") if isinstance(said, str) else said
    first_error = -1
    if isinstance(number, str) and number.isdecimal():
        number = int(number[:9])
    if isinstance(number, int) and not isinstance(number, bool):
        first_error = number - 1
        if not 0 <= first_error < len(texts):
            raise row.error(f"is {said!r}; there are {len(texts)} steps", _FIRST_ERROR)
    elif number not in ("N/A", "NA", "", None):
        raise row.error(f"is {said!r}, neither the number of a step nor 'N/A'", _FIRST_ERROR)
    verdict = optional_text(row, "model_output_solution_correctness")
    if (verdict or "").lower() == "correct" and first_error >= 0:
        raise row.error(f"is {said!r}, but the solution is called correct", _FIRST_ERROR)
    if (verdict or "").lower() == "wrong" and first_error < 0:
        raise row.error(f"is {said!r}, but the solution is called wrong", _FIRST_ERROR)
    answer = optional_text(row, "model_output_answer_correctness")
    reason = optional_text(row, "model_output_solution_first_error_reason")
    return [
        _example(
            row,
            text_of(row, "question"),
            [_STEP_NUMBER.sub("", step, count=1).strip() for step in texts],
            _labels_to(first_error, len(texts)),
            id=_id(row, "uuid"),
            source="mr-gsm8k",
            gold_answer=optional_text(row, "ground_truth_answer"),
            correct={"correct": True, "wrong": False}.get((answer or "").lower()),
            error_type=None if reason in ("N/A", None) else reason,
            field="model_output_steps",
        )
    ]


def is_prm800k(row: FileRow) -> bool:
    """Its two fields' names are common, so their contents decide."""
    return row.fields.keys() >= _PRM800K and not isinstance(row.fields["question"], str)


_PRM800K = frozenset({"question", "label"})
# ProcessBench's fields resemble ours, so "labels" comes before "label".
_FORMATS: tuple[tuple[frozenset[str], Callable[[FileRow], list[Example]]], ...] = (
    (frozenset({"problem", "steps", "labels"}), _own),
    (frozenset({"question", "steps", "labels"}), _own),
    (frozenset({"problem", "steps", "label"}), _processbench),
    (frozenset({"question", "steps", "label"}), _processbench),
    (frozenset({"question", "process", "label"}), _openr),
    (frozenset({"question", "process", "labels"}), _openr),
    (frozenset({"input", "steps", "mistake_index"}), _big_bench_mistake),
    (frozenset({"question", "model_output_steps", _FIRST_ERROR}), _mr_gsm8k),
    (frozenset({"prompt", "completions", "labels"}), _trl),
    (frozenset({"input", "label"}), _math_shepherd),
    (frozenset({"conversations"}), _rlhflow),
    (frozenset({"messages"}), _rlhflow),
    (
        frozenset(
            {
                "original_question",
                "original_process",
                "modified_question",
                "modified_process",
                "error_steps",
            }
        ),
        _prmbench,
    ),
)


LABELLED = tuple(fields for fields, _ in _FORMATS)
"""The sets of fields that identify a format."""


# --- parts of a row -------------------------------------------------------------------------------


def _example(
    row: FileRow,
    problem: str,
    steps: Sequence[str],
    labels: Sequence[float | None],
    *,
    id: str | None = None,
    field: str = "steps",
    **rest: Any,
) -> Example:
    """The record of checked parts; `field` is where its steps come from."""
    texts = [cut_marks(row.text(field, s, f"step {i}")) for i, s in enumerate(steps, start=1)]
    thinking = row.marks("thinking", row.fields.get("thinking"), len(texts), "it")
    try:
        candidate = candidate_of(problem, given_steps(texts, thinking), id or str(row.line))
        return Example(candidate, tuple(labels), **rest)
    except InputError as error:
        raise row.error(str(error), field) from error


def _labels_to(first_error: int, n_steps: int) -> list[float | None]:
    """Labels of a solution of which only the first error is known (-1: none)."""
    if first_error < 0:
        return [1.0] * n_steps
    return [1.0] * first_error + [0.0] + [None] * (n_steps - first_error - 1)


def _labels(row: FileRow) -> list[float | None]:
    """`labels` as probabilities; +1 and true are right, -1 and false wrong."""
    labels: list[float | None] = []
    for number, value in enumerate(list_of(row, "labels", row.fields["labels"]), start=1):
        try:
            labels.append(label_probability(value))
        except InputError:
            raise row.error(
                f"label {number} is {value!r}; it must be 1, -1, null or from 0 to 1", "labels"
            ) from None
    return labels


def _parted(row: FileRow, field: str, text: str) -> tuple[str, str]:
    """A problem and the first step, which are in one text.

    They are separated at the last "Step 1:", or else at the last blank line.
    """
    marks = [found.start() for found in _FIRST_STEP.finditer(text)]
    cut = marks[-1] if marks else text.rstrip().rfind("\n\n")
    if cut < 0 or not text[:cut].strip():
        raise row.error('has no "Step 1:" that separates problem and solution', field)
    return text[:cut].strip(), text[cut:].strip()


def text_of(row: FileRow, field: str) -> str:
    return row.text(field, row.fields[field])


def texts_of(row: FileRow, field: str) -> list[str]:
    values = list_of(row, field, row.fields[field])
    if not values:
        raise row.error("is an empty list", field)
    return [row.text(field, value, f"entry {i}") for i, value in enumerate(values, start=1)]


def _problem_field(row: FileRow) -> str:
    return "problem" if "problem" in row.fields else "question"


def optional_text(row: FileRow, field: str) -> str | None:
    return row.text_or_number(field, row.fields.get(field))


def _id(row: FileRow, field: str) -> str:
    return optional_text(row, field) or str(row.line)


def list_of(row: FileRow, field: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise row.error(f"must be a list, not {kind_of(value)}", field)
    return value


def item_of(row: FileRow, field: str, value: Any, name: str, *default: Any) -> Any:
    """`value[name]` of an object within a field; `default` if it may be missing."""
    if not isinstance(value, dict):
        raise row.error(f"must hold objects, not {kind_of(value)}", field)
    if name not in value and not default:
        raise row.error(f"{name} is missing", field)
    return value.get(name, *default)


def index_of(row: FileRow, field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise row.error(f"must be a whole number, not {kind_of(value)}", field)
    return value

"""Step-labelled data in and out: the field's formats ↔ `Example`.

Which format a file has is told by the fields of its rows, one row at a time. Formats differ in
what they call a step, where they count from, and what they say of a step after the first error;
here a label is P(step is right) or None, and indices count from 0. Calculator marks such as
`<<48/2=24>>` are cut from the steps.

    our own          problem (or question), steps, labels    +1, -1, null, or from 0 to 1
    TRL              prompt, completions, labels       true, false, or floats
    PRM800K          question, label                   ratings 1, 0, -1; several completions a step
    Math-Shepherd    input, label                      the text twice, `ки` in one, + and - in two
    ProcessBench     problem, steps, label             index of the first error, -1 for none
    RLHFlow          conversations                     steps by the user, + and - by the assistant
    OpenR            question, process, label(s)       a text with a marker after each step
    BIG-Bench Mistake  input, steps, mistake_index     index of the first error, null for none
    PRMBench         original_process, modified_process, error_steps      indices from 1
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from prm_core.errors import DataError, InputError
from prm_core.formats.files import open_file
from prm_core.formats.rows import FileRow, kind_of
from prm_core.text.steps import candidate_of, given_steps
from prm_core.types import Example, label_probability

_log = logging.getLogger(__name__)

# With its "=", so that "<<>>" in a puzzle about brackets stays.
_MARK = re.compile(r"<<[^<>\n]*=[^<>\n]*>>")
_FIRST_STEP = re.compile(r"\bStep 1:")
_STEP_NUMBER = re.compile(r"\s*Step \d+:")
_SHEPHERD_MARKER = "ки"
# Not in the middle of a word, such as "ручки".
_MARKER = re.compile(r"(?<![^\W\d_])ки(?![^\W\d_])")


def read_examples(
    path: str | Path, *, neutral_is_right: bool = True
) -> Iterator[Example | DataError]:
    """The labelled solutions of a JSONL file, in order, with an error in place of each bad row.

    A row of PRM800K or PRMBench can hold several solutions, which follow each other. An example
    without a name of its own is named after its line.

    Args:
        path: the file; gzip when its name ends in .gz.
        neutral_is_right: whether a step that PRM800K rates 0 counts as right. Published models
            differ here, so what is done is logged.

    Raises:
        DataError: the file cannot be read.
    """
    originals: set[str] = set()
    neutral_said = False
    for row in rows_of(path):
        try:
            if isinstance(row, DataError):
                raise row
            if not neutral_said and _is_prm800k(row):
                neutral_said = True
                meaning = "right" if neutral_is_right else "wrong"
                _log.warning("%s: PRM800K's neutral steps count as %s", path, meaning)
            examples = examples_of(row, neutral_is_right=neutral_is_right)
        except DataError as error:
            yield error
            continue
        for example in examples:
            # PRMBench repeats the original solution with every modification of it.
            if example.source == "prmbench/original":
                if example.candidate.id in originals:
                    continue
                originals.add(example.candidate.id)
            yield example


def example_row(example: Example) -> dict[str, Any]:
    """An example as a row of our own schema, ready for JSON; `read_examples` reads it back.

    >>> from prm_core.types import Candidate
    >>> row = example_row(Example(Candidate("2 + 2?", ("2 + 2 = 5.", "So 5."), "a"), (0.0, None)))
    >>> row["labels"], row["first_error"]
    ([-1, None], 0)
    """
    first_error = -1 if example.first_error is None else example.first_error
    hard = {0.0: -1, 1.0: 1}
    return {
        "id": example.candidate.id or None,
        "source": example.source,
        "problem": example.candidate.problem,
        "steps": list(example.candidate.steps),
        **({"thinking": list(example.candidate.thinking)} if example.candidate.thinking else {}),
        "labels": [None if y is None else hard.get(y, y) for y in example.labels],
        "first_error": first_error if example.judged else None,
        "answer": example.answer,
        "gold_answer": example.gold_answer,
        "correct": example.correct,
        "error_type": example.error_type,
    }


def rows_of(path: str | Path) -> Iterator[FileRow | DataError]:
    """The unchecked rows of a file: JSON as by `read_rows`, or a table of problems.

    Gzip when its name ends in .gz, a table when it ends in .csv or .parquet; see
    `prm_core.formats.files`.

    Raises:
        DataError: the file cannot be read, or is no table of problems.
    """
    with open_file(path) as problems:
        yield from problems.rows()


def is_labelled(row: FileRow) -> bool:
    """Has a row the fields of a labelled solution in some format?"""
    return _is_prm800k(row) or any(fields <= row.fields.keys() for fields, _ in _FORMATS)


def examples_of(row: FileRow, *, neutral_is_right: bool = True) -> list[Example]:
    """The labelled solutions of one row, whose format its fields tell.

    Raises:
        DataError: no format has these fields, or one of them does not hold what it should.
    """
    if _is_prm800k(row):
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
        _text(row, _problem_field(row)),
        _texts(row, "steps"),
        _labels(row),
        id=_id(row, "id"),
        source=_optional_text(row, "source") or "",
        answer=_optional_text(row, "answer"),
        gold_answer=_optional_text(row, "gold_answer"),
        correct=correct,
        error_type=_optional_text(row, "error_type"),
    )
    said = fields.get("first_error")
    found = -1 if example.first_error is None else example.first_error
    if said is not None and _index(row, "first_error", said) != found:
        raise row.error(f"is {said}, but by the labels it is {found}", "first_error")
    return [example]


def _trl(row: FileRow) -> list[Example]:
    """TRL's stepwise supervision: `trl-lib/math_shepherd`, `trl-lib/prm800k`."""
    problem, steps = _text(row, "prompt"), _texts(row, "completions")
    return [_example(row, problem, steps, _labels(row), source="trl", field="completions")]


def _prm800k(row: FileRow, neutral_is_right: bool) -> list[Example]:
    """openai/prm800k: a tree of rated completions in which one branch was followed.

    The branch is an example, and so is every completion beside it with the steps before it, as in
    TRL's examples/datasets/prm800k.py. What people wrote themselves is right.
    """
    ratings: dict[Any, float | None] = {1: 1.0, 0: float(neutral_is_right), -1: 0.0, None: None}

    def rated(completion: Any) -> tuple[str, float | None]:
        rating = _item(row, "label", completion, "rating", None)
        if isinstance(rating, bool | float | str | list | dict) or rating not in ratings:
            raise row.error(f"a rating is {rating!r}, not 1, 0, -1 or null", "label")
        return _item(row, "label", completion, "text"), ratings[rating]

    question = row.fields["question"]
    problem = row.text("question", _item(row, "question", question, "problem"), "problem")
    gold_answer = _item(row, "question", question, "ground_truth_answer", None)
    steps = _item(row, "label", row.fields["label"], "steps")
    branch: list[tuple[str, float | None]] = []
    found: list[list[tuple[str, float | None]]] = []
    for step in _list(row, "label", steps):
        completions = _list(row, "label", _item(row, "label", step, "completions", None) or [])
        chosen = _item(row, "label", step, "chosen_completion", None)
        written = _item(row, "label", step, "human_completion", None)
        found += [[*branch, rated(c)] for i, c in enumerate(completions) if i != chosen]
        if chosen is not None:
            if isinstance(chosen, bool) or not isinstance(chosen, int):
                raise row.error(f"chosen_completion is {kind_of(chosen)}", "label")
            if not 0 <= chosen < len(completions):
                raise row.error(f"completion {chosen} of {len(completions)} was chosen", "label")
            branch.append(rated(completions[chosen]))
        elif written is not None:
            branch.append((_item(row, "label", written, "text"), 1.0))
        else:
            # Nobody went on from here; where there were completions, they hold the whole branch.
            if completions:
                branch = []
            break
    paths = [path for path in (branch, *found) if path]
    if not paths:
        raise row.error("holds no steps", "label")
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

    The steps are told by the markers; "Step 1:" tells where the problem ends, and goes.
    """
    asked, answered = _text(row, "input"), _text(row, "label")
    *pieces, rest = _MARKER.split(asked)
    if rest.strip():
        raise row.error(f"goes on after the last {_SHEPHERD_MARKER}", "input")
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
    if task := _optional_text(row, "task"):
        source += f"/{task.lower()}"
    return [_example(row, problem, steps, labels, source=source, field="input")]


def _processbench(row: FileRow) -> list[Example]:
    """Qwen/ProcessBench: the index of the first wrong step, -1 for none; nobody judged the rest.

    A copy of it may call the problem "question".
    """
    problem = _text(row, _problem_field(row))
    steps = _texts(row, "steps")
    correct = row.fields.get("final_answer_correct")
    if not isinstance(correct, bool | None):
        message = f"must be true, false or null, not {kind_of(correct)}"
        raise row.error(message, "final_answer_correct")
    first_error = _index(row, "label", row.fields["label"])
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
            # "gsm8k-12" is the twelfth of its part.
            source=f"processbench/{row_id.rpartition('-')[0]}".removesuffix("/"),
            correct=correct,
        )
    ]


def _rlhflow(row: FileRow) -> list[Example]:
    """RLHFlow's Mistral-PRM-Data and Deepseek-PRM-Data: a dialogue of steps and signs.

    The problem stands before the first step, in its turn or in one of its own.
    """
    field = "conversations" if "conversations" in row.fields else "messages"
    turns = [
        (_item(row, field, turn, "role"), _item(row, field, turn, "content"))
        for turn in _list(row, field, row.fields[field])
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

    Steps after the first error that hold none themselves may still rest on it: nobody judged them.
    """
    row_id = _id(row, "idx")
    kind = _optional_text(row, "classification")
    original = _texts(row, "original_process")
    modified = _texts(row, "modified_process")
    errors = [
        _index(row, "error_steps", number) - 1
        for number in _list(row, "error_steps", row.fields["error_steps"])
    ]
    if outside := [index + 1 for index in errors if not 0 <= index < len(modified)]:
        raise row.error(f"step {outside[0]} is not one of {len(modified)}", "error_steps")
    labels = _labels_to(min(errors, default=-1), len(modified))
    for index in errors:
        labels[index] = 0.0
    return [
        _example(
            row,
            _text(row, "original_question"),
            original,
            _labels_to(-1, len(original)),
            id=row_id.removeprefix(f"{kind}_") + "/original",
            source="prmbench/original",
            field="original_process",
        ),
        _example(
            row,
            _text(row, "modified_question"),
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
    for number, value in enumerate(_list(row, name, row.fields[name]), start=1):
        sign = value.strip() if isinstance(value, str) else value
        if isinstance(sign, float | list | dict | None) or sign not in signs:
            raise row.error(f"label {number} is {value!r}, not + or -", name)
        labels.append(signs[sign])
    process = _text(row, "process")
    marker = _MARKER if _MARKER.search(process) else re.compile(r"(?:[ \t]*\n){3,}[ \t]*")
    steps = [step.strip() for step in marker.split(process) if step.strip()]
    if len(steps) != len(labels):
        message = f"{len(labels)} labels for {len(steps)} steps between the markers of process"
        raise row.error(message, name)
    steps = [_STEP_NUMBER.sub("", step, count=1).strip() for step in steps]
    problem = _text(row, "question")
    return [_example(row, problem, steps, labels, source="openr", field="process")]


def _big_bench_mistake(row: FileRow) -> list[Example]:
    """WHGTyen/BIG-Bench-Mistake: the index of the first mistake, null for none."""
    steps = _texts(row, "steps")
    index = row.fields["mistake_index"]
    first_error = -1 if index is None else _index(row, "mistake_index", index)
    if not -1 <= first_error < len(steps):
        raise row.error(f"is {first_error}; there are {len(steps)} steps", "mistake_index")
    return [
        _example(
            row,
            _text(row, "input"),
            steps,
            _labels_to(first_error, len(steps)),
            source="big-bench-mistake",
            answer=_optional_text(row, "answer"),
            gold_answer=_optional_text(row, "target"),
        )
    ]


def _is_prm800k(row: FileRow) -> bool:
    """Its two fields' names are common; what they hold tells."""
    return row.fields.keys() >= _PRM800K and not isinstance(row.fields["question"], str)


_PRM800K = frozenset({"question", "label"})
# ProcessBench's fields begin like ours, so "labels" comes before "label".
_FORMATS: tuple[tuple[frozenset[str], Callable[[FileRow], list[Example]]], ...] = (
    (frozenset({"problem", "steps", "labels"}), _own),
    (frozenset({"question", "steps", "labels"}), _own),
    (frozenset({"problem", "steps", "label"}), _processbench),
    (frozenset({"question", "steps", "label"}), _processbench),
    (frozenset({"question", "process", "label"}), _openr),
    (frozenset({"question", "process", "labels"}), _openr),
    (frozenset({"input", "steps", "mistake_index"}), _big_bench_mistake),
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
    """Labels of a solution of which only the first error (-1: there is none) is known."""
    if first_error < 0:
        return [1.0] * n_steps
    return [1.0] * first_error + [0.0] + [None] * (n_steps - first_error - 1)


def _labels(row: FileRow) -> list[float | None]:
    """`labels` as probabilities; +1 and true are right, -1 and false wrong."""
    labels: list[float | None] = []
    for number, value in enumerate(_list(row, "labels", row.fields["labels"]), start=1):
        try:
            labels.append(label_probability(value))
        except InputError:
            raise row.error(
                f"label {number} is {value!r}; it must be 1, -1, null or from 0 to 1", "labels"
            ) from None
    return labels


def _parted(row: FileRow, field: str, text: str) -> tuple[str, str]:
    """A problem and the first step, which stand in one text.

    The last "Step 1:" parts them, else the last blank line.
    """
    marks = [found.start() for found in _FIRST_STEP.finditer(text)]
    cut = marks[-1] if marks else text.rstrip().rfind("\n\n")
    if cut < 0 or not text[:cut].strip():
        raise row.error('has no "Step 1:" that parts problem and solution', field)
    return text[:cut].strip(), text[cut:].strip()


def _text(row: FileRow, field: str) -> str:
    return row.text(field, row.fields[field])


def _texts(row: FileRow, field: str) -> list[str]:
    values = _list(row, field, row.fields[field])
    if not values:
        raise row.error("is an empty list", field)
    return [row.text(field, value, f"entry {i}") for i, value in enumerate(values, start=1)]


def _problem_field(row: FileRow) -> str:
    return "problem" if "problem" in row.fields else "question"


def _optional_text(row: FileRow, field: str) -> str | None:
    return row.text_or_number(field, row.fields.get(field))


def _id(row: FileRow, field: str) -> str:
    return _optional_text(row, field) or str(row.line)


def _list(row: FileRow, field: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise row.error(f"must be a list, not {kind_of(value)}", field)
    return value


def _item(row: FileRow, field: str, value: Any, name: str, *default: Any) -> Any:
    """`value[name]` of an object within a field; `default` when it may be missing."""
    if not isinstance(value, dict):
        raise row.error(f"must hold objects, not {kind_of(value)}", field)
    if name not in value and not default:
        raise row.error(f"{name} is missing", field)
    return value.get(name, *default)


def _index(row: FileRow, field: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise row.error(f"must be a whole number, not {kind_of(value)}", field)
    return value

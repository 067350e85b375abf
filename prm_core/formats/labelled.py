"""Step-labelled data in and out: files in the field's formats ↔ `Example`.

The format of a row is recognised by its fields (`prm_core.formats.labelled_rows`). Results and
sessions whose solutions carry labels are read too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from prm_core.errors import DataError, InputError
from prm_core.formats.files import open_file
from prm_core.formats.labelled_rows import cut_marks as cut_marks
from prm_core.formats.labelled_rows import examples_of as examples_of
from prm_core.formats.labelled_rows import is_labelled as is_labelled
from prm_core.formats.labelled_rows import is_prm800k
from prm_core.formats.problems import text_or_steps
from prm_core.formats.rows import FileRow
from prm_core.formats.translate import labelled_solutions, problem_rows
from prm_core.text.steps import candidate_of, given_steps
from prm_core.types import Example, label_probability

_log = logging.getLogger(__name__)


def read_examples(
    path: str | Path, *, neutral_is_right: bool = True
) -> Iterator[Example | DataError]:
    """The labelled solutions of a JSONL file, in order, with an error in place of each bad row.

    A row of PRM800K or PRMBench can contain several solutions, which follow each other. An example
    without a name is named after its line.

    Args:
        path: the file; gzip if its name ends in .gz.
        neutral_is_right: whether a step that PRM800K rates 0 counts as right. Published models
            differ here, so the choice is logged.

    Raises:
        DataError: the file cannot be read.
    """
    originals: set[str] = set()
    neutral_said = False
    for row in rows_of(path):
        try:
            if isinstance(row, DataError):
                raise row
            if not neutral_said and is_prm800k(row):
                neutral_said = True
                meaning = "right" if neutral_is_right else "wrong"
                _log.warning("%s: PRM800K's neutral steps count as %s", path, meaning)
            examples = _examples(row, neutral_is_right)
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


def _examples(row: FileRow, neutral_is_right: bool) -> list[Example]:
    """The examples of a row in a labelled format, or in our format if its solutions have labels.

    Raises:
        DataError: there are none, or a field is invalid.
    """
    ours = [] if is_labelled(row) else problem_rows(row)
    if not any(True for one in ours for _ in labelled_solutions(one)):
        return examples_of(row, neutral_is_right=neutral_is_right)
    return [
        _labelled_solution(one, number, fields, float(neutral_is_right))
        for one in ours
        for number, fields in labelled_solutions(one)
    ]


def _labelled_solution(
    row: FileRow, number: int, fields: Mapping[str, Any], neutral: float
) -> Example:
    steps, marks = text_or_steps(row, number, fields)
    if isinstance(steps, str):
        raise row.error(f"solution {number} has labels, but its text is not cut", "solutions")
    name = row.text_or_number("id", row.fields.get("id")) or row.line
    problem = row.text("problem", row.fields.get("problem"))
    try:
        labels = [neutral if y == "neutral" else label_probability(y) for y in fields["labels"]]
        candidate = candidate_of(
            problem, given_steps(steps, marks), f"{name}/{fields.get('name', number)}"
        )
        return Example(
            candidate,
            tuple(labels),
            source=row.text_or_number("source", row.fields.get("source")) or "",
            answer=row.text_or_number("solutions", fields.get("answer")),
            gold_answer=row.text_or_number("gold_answer", row.fields.get("gold_answer")),
            correct=fields["correct"] if isinstance(fields.get("correct"), bool) else None,
            error_type=row.text_or_number("solutions", fields.get("error_type")),
        )
    except (InputError, TypeError) as error:
        raise row.error(f"solution {number}: {error}", "solutions") from error


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


def contents_of(path: str | Path) -> Literal["labels", "prmbench", "candidates"]:
    """What a file contains: labelled steps, those of PRMBench, or candidates without labels.

    The first row in a known format decides.

    Raises:
        DataError: the file cannot be read, or has no rows.
    """
    error: DataError | None = None
    first: FileRow | None = None
    for row in rows_of(path):
        if isinstance(row, DataError):
            error = error or row
            continue
        with suppress(DataError):
            ours = [row] if is_labelled(row) else problem_rows(row)
            row = next((one for one in ours if any(labelled_solutions(one))), ours[0])
        if "solutions" in row.fields or is_labelled(row):
            first = row
            break
        first = first or row
    if first is None:
        raise error or DataError("has no rows", path=path)
    if "solutions" in first.fields and not any(labelled_solutions(first)):
        return "candidates"
    is_prmbench = str(first.fields.get("source")).startswith("prmbench/")
    return "prmbench" if is_prmbench or "error_steps" in first.fields else "labels"


def rows_of(path: str | Path) -> Iterator[FileRow | DataError]:
    """The unchecked rows of a file, of any format; see `prm_core.formats.files`.

    Raises:
        DataError: the file cannot be read, or is not a table of problems.
    """
    with open_file(path) as problems:
        yield from problems.rows()

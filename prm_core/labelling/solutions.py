"""The solutions of a file to label, and what its right ones have in common."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prm_core.errors import DataError, InputError
from prm_core.formats.candidate_sets import read_solutions
from prm_core.formats.labelled import cut_marks, examples_of, is_labelled, rows_of
from prm_core.formats.rows import FileRow
from prm_core.formats.translate import problem_rows
from prm_core.labelling.consensus import RightValues
from prm_core.labelling.methods import digest, judged
from prm_core.text.steps import candidate_of
from prm_core.types import Example


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A solution to label.

    Attributes:
        example: the solution; its labels are ignored.
        gold_answer: the problem's right answer.
        row: its row in the file.
    """

    example: Example
    gold_answer: str
    row: FileRow

    @property
    def key(self) -> bytes:
        """Equal for equal solutions."""
        candidate = self.example.candidate
        return digest(candidate.problem, candidate.steps, self.gold_answer, candidate.thinking)

    @property
    def problem_key(self) -> bytes:
        """Equal for solutions of the same problem."""
        return digest(self.example.candidate.problem, (), self.gold_answer)


def read_unlabelled(path: str | Path, rule: str = "auto") -> Iterator[Unlabelled | DataError]:
    """The solutions of a file, in order, with an error in place of each that cannot be used.

    A row is a problem with its solutions in any format that `score` reads, or one solution in any
    format of `prm_core.formats.labelled_rows`. Each needs a gold answer.

    Args:
        path: JSONL; gzip when its name ends in .gz.
        rule: how a solution's text is split into steps.

    Raises:
        DataError: the file cannot be read.
    """
    for row in rows_of(path):
        try:
            if isinstance(row, DataError):
                raise row
            ours = [] if is_labelled(row) else problem_rows(row)
            if any("solutions" in one.fields for one in [row, *ours]):
                examples = [example for one in ours or [row] for example in _split(one, rule)]
            else:
                examples = examples_of(row)
            for example in examples:
                if example.gold_answer is None:
                    raise row.error("is missing: without it no answer can be judged", "gold_answer")
            found = [Unlabelled(e, e.gold_answer, row) for e in examples if e.gold_answer]
        except DataError as error:
            yield error
            continue
        yield from found


def _split(row: FileRow, rule: str) -> list[Example]:
    """The solutions of a problem, each named after it and numbered from 1."""
    problem, cut = read_solutions(row, rule)
    name = row.text_or_number("id", row.fields.get("id")) or row.line
    gold_answer = row.text_or_number("gold_answer", row.fields.get("gold_answer"))
    examples = []
    for number, (fields, steps) in enumerate(cut, start=1):
        unmarked = [step._replace(text=cut_marks(step.text)) for step in steps]
        try:
            candidate = candidate_of(problem, unmarked, f"{name}/{number}")
        except InputError as error:
            raise row.error(f"solution {number}: {error}", "solutions") from error
        nobody = (None,) * len(steps)
        answer = row.text_or_number("answer", fields.get("answer"))
        examples.append(Example(candidate, nobody, answer=answer, gold_answer=gold_answer))
    return examples


@dataclass(frozen=True, slots=True)
class Consensus:
    """What the right solutions in a file have in common, problem by problem.

    Attributes:
        problems: `problem_key` → the values of its right solutions.
        digest: of all solutions that it is based on; the same for the same file.
    """

    problems: dict[bytes, RightValues]
    digest: str

    def of(self, one: Unlabelled) -> RightValues:
        """The values that a solution's labels are based on."""
        return self.problems.get(one.problem_key) or RightValues()


def read_consensus(solutions: Iterable[Unlabelled | DataError]) -> Consensus:
    """The consensus of all solutions of a file; a repeated solution counts once."""
    problems: dict[bytes, RightValues] = {}
    seen: set[bytes] = set()
    for one in solutions:
        if isinstance(one, DataError) or one.key in seen:
            continue
        seen.add(one.key)
        if judged(one.example, one.gold_answer)[1]:
            steps = one.example.candidate.steps
            problems.setdefault(one.problem_key, RightValues()).add(steps)
    return Consensus(problems, hashlib.sha256(b"".join(sorted(seen))).hexdigest()[:16])

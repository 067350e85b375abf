"""The examples of docs/answers.md are true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from prm_core.answers.equality import same_answer
from prm_core.answers.final import final_answer

PAGE = Path(__file__).parent.parent.parent / "docs" / "answers.md"


def table(first: str) -> Iterator[list[str]]:
    """The rows of the table whose head begins with these words, without the backticks."""
    lines = iter(PAGE.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith(f"| {first} |"):
            break
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip().strip("`") for cell in line.strip("|").split(" | ")]


FOUND = [*table("solution")]
COMPARED = [*table("answer")]


def test_the_page_has_its_tables() -> None:
    assert len(FOUND) > 10
    assert len(COMPARED) > 20


@pytest.mark.parametrize("row", FOUND, ids=lambda row: row[0])
def test_answers_are_found_as_the_page_says(row: list[str]) -> None:
    solution, answer = row
    assert final_answer(solution) == (None if answer == "none" else answer)


@pytest.mark.parametrize("row", COMPARED, ids=lambda row: row[0])
def test_answers_are_compared_as_the_page_says(row: list[str]) -> None:
    answer, same, another = row
    assert same_answer(answer, same)
    assert not same_answer(answer, another)

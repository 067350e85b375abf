"""`rank`: the solutions of every problem in a file, as tables to read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from prm_core.answers.final import final_answer, same_answer
from prm_core.cli.problems import each_problem, problem_arguments
from prm_core.cli.terminal import LINE_WIDTH, columns, one_line, written_to
from prm_core.figures.step_bars import format_probability
from prm_core.formats.problems import ProblemRow
from prm_core.formats.results import letter
from prm_core.ranking.rank import rank
from prm_core.text.steps import split_solutions
from prm_core.types import ScoredCandidate

_ANSWER_WIDTH = 24


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`rank`: its arguments."""
    problem_arguments(parser)


def main(options: argparse.Namespace) -> int:
    """`rank`: a table to read."""
    with written_to("-") as write:
        return each_problem(
            options,
            lambda row, scored, threshold, _: write(
                ranking_table(row, scored, options.aggregation, threshold, options.steps) + "\n"
            ),
        )


def ranking_table(
    row: ProblemRow,
    scored: Sequence[ScoredCandidate],
    method: str,
    threshold: float,
    rule: str = "auto",
) -> str:
    """A problem's ranking as a table; a tie is marked "=", a right answer "✓".

    Steps are counted from 1 and solutions lettered, as on the page. If no step rule fits all texts,
    a note under the table says how each was cut.
    """
    lines = [("rank", "solution", "score", "answer", "first error", "weakest step")]
    for ranked in rank(scored, method):
        one = ranked.scored
        answer = final_answer(one.candidate)
        shown = "–" if answer is None else one_line(answer, _ANSWER_WIDTH)
        if answer is not None and row.gold_answer is not None:
            shown += " ✓" if same_answer(answer, row.gold_answer) else " ✗"
        error = one.first_error(threshold)
        lowest = format_probability(min(one.probabilities), threshold, 3)
        lines.append(
            (
                f"{ranked.rank}{'=' if ranked.tied else ''}",
                letter(ranked.index),
                format_probability(ranked.score, threshold, 3),
                shown,
                "–" if error is None else f"step {error + 1}",
                f"step {one.weakest_step + 1}, {lowest}",
            )
        )
    name = f"{one_line(str(row.id), _ANSWER_WIDTH)}: " if row.id is not None else ""
    return "\n".join(
        [
            name + one_line(row.problem, LINE_WIDTH),
            *(f"  {line}" for line in columns(lines).split("\n")),
            *([f"  note: {note}"] if (note := _rules_note(row, rule)) else []),
            "",
        ]
    )


def _rules_note(row: ProblemRow, rule: str) -> str:
    """What to know about how the texts were cut; empty if one rule cut them all."""
    texts = {letter(i): one for i, one in enumerate(row.solutions) if isinstance(one, str)}
    return split_solutions(list(texts.values()), rule).note(list(texts))

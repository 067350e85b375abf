"""A PRM as a verifier: one verdict for a solution, and the solutions of a problem in order.

    verifier = Verifier(load_scorer(), aggregation="min")
    verdict = verifier.score("What is 8 × 3?", "8 × 3 = 21.\\nThe answer is 21.")
    print(verdict.score, verdict.weakest_step, verdict.answer)

What a verdict holds can be had piece by piece from `score`, `rank` and `final_answer`; this is the
short way for programs that want one number and the place where a solution goes wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from prm_core.answers.final import final_answer
from prm_core.errors import BadOptionError, InputError, UnreadableError
from prm_core.ranking.aggregate import METHODS
from prm_core.ranking.rank import rank
from prm_core.text.steps import candidate_of, steps_of
from prm_core.types import (
    Candidate,
    RankedCandidate,
    ScoredCandidate,
    StepScorer,
    check_scorer,
    suits,
)

Solution = str | Iterable[str]
"""A solution's text, which is split into steps, or its steps."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of one solution.

    Attributes:
        score: the step probabilities as one number, in [0, 1].
        weakest_step: index of the step with the lowest probability, from 0.
        weakest_probability: that probability.
        first_error: index of the first step below the scorer's threshold; None when no step is.
        answer: the solution's final answer; None when it gives none.
        rank: place among the solutions of one call, from 1; equal scores share a place.
        tied: another solution of the call has the same score.
        index: place in the caller's order, from 0.
        scored: the steps with their probabilities.
    """

    score: float
    weakest_step: int
    weakest_probability: float
    first_error: int | None
    answer: str | None
    rank: int
    tied: bool
    index: int
    scored: ScoredCandidate

    @property
    def steps(self) -> tuple[str, ...]:
        """The solution's steps, [S]."""
        return self.scored.candidate.steps

    @property
    def probabilities(self) -> tuple[float, ...]:
        """P(step is correct) of each, [S]."""
        return self.scored.probabilities


class Verifier:
    """Scores and ranks solutions with any scorer.

    Attributes:
        scorer: what `load_scorer` gives, or another `StepScorer`; a class that inherits from it
            needs only `model_id` and `score`.
        aggregation: how step probabilities become one number: a name in `METHODS`.
    """

    def __init__(self, scorer: StepScorer, aggregation: str = "min") -> None:
        """
        Raises:
            BadOptionError: the aggregation is not known, or the scorer is not one.
        """
        check_scorer(scorer, "score", "threshold", "check_length", "elsewhere", "repeatable")
        if aggregation not in METHODS:
            raise BadOptionError(
                f"aggregation {aggregation!r} is not known; choose from {', '.join(METHODS)}"
            )
        self.scorer = scorer
        self.aggregation = aggregation

    def score(self, problem: str, solution: Solution) -> Verdict:
        """The verdict on one solution.

        Args:
            problem: the task's text.
            solution: its text, which is split into steps, or its steps.

        Raises:
            InputError: something is not a text, is blank, or is too long for the model.
            ModelError: the model cannot score it.
        """
        (verdict,) = self.rank(problem, [solution])
        return verdict

    def rank(self, problem: str, solutions: Iterable[Solution]) -> list[Verdict]:
        """The verdicts on several solutions of one problem, the best first.

        Ties keep the caller's order. Texts are split by one rule where one fits them all.

        Args:
            problem: the task's text.
            solutions: each as a text or as its steps.

        Raises:
            InputError: there is no solution, or as `score`; the message names the solution.
            ModelError: as `score`.
        """
        return self._ranked(self._scored(_candidates(problem, solutions)))

    def stream(
        self,
        problems: Iterable[tuple[str, Iterable[Solution]]],
        n_together: int | None = None,
    ) -> Iterator[list[Verdict] | InputError]:
        """As `rank` for one problem after the other, however many there are.

        The problems are taken as they are needed, and memory holds those of one call of the scorer.

        Args:
            problems: (problem, its solutions), each as `rank` takes them; any iterator.
            n_together: problems are collected until they have so many solutions, and scored in one
                call; None for what suits the scorer.

        Yields:
            For each problem in its order the verdicts, the best first, or the error that says why
            it has none; the others are scored all the same.

        Raises:
            ModelError: the model does not work.
        """
        most = suits(self.scorer) if n_together is None else n_together
        waiting: list[list[Candidate] | InputError] = []
        n_solutions = 0
        for problem, solutions in problems:
            try:
                waiting.append(found := _candidates(problem, solutions))
                n_solutions += len(found)
            except InputError as error:
                waiting.append(error)
                n_solutions += 1  # what has none takes room too
            if n_solutions >= most:
                yield from self._judged(waiting)
                waiting, n_solutions = [], 0
        yield from self._judged(waiting)

    def _judged(
        self, waiting: Sequence[list[Candidate] | InputError]
    ) -> Iterator[list[Verdict] | InputError]:
        """Several problems in one call; each alone where the scorer refuses one of them."""
        good = [one for found in waiting if not isinstance(found, InputError) for one in found]
        try:
            scored = iter(self._scored(good) if good else [])
        except InputError as error:
            if len(waiting) == 1:
                yield error
                return
            for one in waiting:
                yield from self._judged([one])
            return
        for found in waiting:
            if isinstance(found, InputError):
                yield found
            else:
                yield self._ranked([next(scored) for _ in found])

    def _scored(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        """
        Raises:
            InputError: names the first solution that the model cannot read.
        """
        try:
            return self.scorer.score(candidates)
        except InputError:
            for number, candidate in enumerate(candidates, start=1):
                with _named(number):
                    self.scorer.check_length(candidate)
            raise  # only running the model shows which it is

    def _ranked(self, scored: Sequence[ScoredCandidate]) -> list[Verdict]:
        return verdicts_of(scored, self.aggregation, self.scorer.threshold)


def verdicts_of(
    scored: Sequence[ScoredCandidate], aggregation: str, threshold: float
) -> list[Verdict]:
    """The verdicts on solutions of one problem that are scored, the best first.

    Args:
        scored: the solutions.
        aggregation: a name in `METHODS`.
        threshold: below it a step counts as wrong.
    """
    return [_verdict(place, threshold) for place in rank(scored, aggregation)]


def _verdict(place: RankedCandidate, threshold: float) -> Verdict:
    scored = place.scored
    weakest = scored.weakest_step
    return Verdict(
        score=place.score,
        weakest_step=weakest,
        weakest_probability=scored.probabilities[weakest],
        first_error=scored.first_error(threshold),
        answer=final_answer(scored.candidate),
        rank=place.rank,
        tied=place.tied,
        index=place.index,
        scored=scored,
    )


def _candidates(problem: Any, solutions: Any) -> list[Candidate]:
    """
    Raises:
        InputError: there is no problem, there is no solution, or one has no steps.
    """
    if not isinstance(problem, str):
        raise InputError(f"the problem is {problem!r:.50}; give its text")
    if not problem.strip():  # else the first solution would have the blame
        raise InputError("an empty problem has no solutions; say what is to be solved")
    if isinstance(solutions, str):  # whose characters would pass as solutions
        raise InputError("the solutions are one text; give a list of solutions, or call score")
    if not isinstance(solutions, Iterable):
        raise InputError(f"the solutions are {solutions!r:.50}; give a list of solutions")
    given = [_text_or_steps(number, one) for number, one in enumerate(solutions, start=1)]
    if not given:
        raise InputError("there are no solutions to rank")
    found = []
    for number, steps in enumerate(steps_of(given), start=1):
        with _named(number):
            found.append(candidate_of(problem, steps))
    return found


@contextmanager
def _named(number: int) -> Iterator[None]:
    """An error about a solution says which one it is."""
    try:
        yield
    except InputError as error:
        if not (isinstance(error, UnreadableError) and error.of_problem):
            error.args = (f"solution {number}: {error}",)
        raise


def _text_or_steps(number: int, solution: Any) -> str | tuple[str, ...]:
    """
    Raises:
        InputError: a solution is neither a text nor its steps.
    """
    if isinstance(solution, str):
        return solution
    steps = tuple(solution) if isinstance(solution, Iterable) else (solution,)
    for step in steps:
        if not isinstance(step, str):
            raise InputError(f"solution {number} holds {step!r:.50}; give its text or its steps")
    return steps

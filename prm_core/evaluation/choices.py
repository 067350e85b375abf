"""Which solution of a problem each rule chooses, and the answers that they choose among.

A rule takes the solution with the best score (an aggregation, or a length, which ignores the
content), or lets the solutions vote with their answers, each with weight one or with a score as its
weight. `best_of_n` measures the same rules over many problems.
"""

from __future__ import annotations

import re
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from heapq import merge
from typing import Literal

from prm_core.answers.final import final_answer, same_answer
from prm_core.formats.rows import right_answer
from prm_core.ranking.aggregate import METHODS, all_scores
from prm_core.types import ScoredCandidate

LENGTHS = ("shortest", "longest", "fewest_steps")
"""Rules that use only a solution's length."""

Kind = Literal["score", "vote", "length"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A candidate as a rule sees it.

    Attributes:
        answer: its final answer; None if it gives none, and then it has no vote.
        correct: whether that is right.
        n_characters, n_steps: its length.
        probabilities: a PRM's, of its steps.
    """

    answer: str | None
    correct: bool
    n_characters: int
    n_steps: int
    probabilities: tuple[float, ...]

    @classmethod
    def of(cls, scored: ScoredCandidate, gold_answer: str | None) -> Choice:
        """A scored candidate; without a known right answer, no answer counts as right."""
        answer, steps = final_answer(scored.candidate), scored.candidate.steps
        return cls(
            answer,
            gold_answer is not None and same_answer(answer, gold_answer),
            sum(map(len, steps)),
            len(steps),
            scored.probabilities,
        )


@dataclass(frozen=True, slots=True)
class Pick:
    """A rule's choice among some solutions.

    Attributes:
        rule: an aggregation of `METHODS`, "majority", "vote_" and an aggregation, or one of
            `LENGTHS`.
        kind: whether the best score, the votes or the length decides.
        solutions: the places of those that are tied at the top; for a vote, all that give the
            answer. Empty if no solution gives an answer to vote for.
        accuracy: the probability that it is right, with ties broken at random: between solutions,
            and for a vote between answers. None if no right answer is known.
        ahead_of: for an aggregation with one leader, the place of the best other solution.
        step: the step that holds that other solution back most: without it, its score would rise
            most. None if it would not rise without any step.
        decides: whether that solution would lead without that step.
    """

    rule: str
    kind: Kind
    solutions: tuple[int, ...]
    accuracy: float | None
    ahead_of: int | None = None
    step: int | None = None
    decides: bool = False


@dataclass(frozen=True, slots=True)
class AnswerGroup:
    """Solutions that give the same answer.

    Attributes:
        answer: as the first of them writes it; None if they give none.
        solutions: their places, in order.
        weights: the sum of their scores for every aggregation; a group without an answer has no
            vote, whatever its weight.
        correct: whether the answer is right; None if no right answer is known.
    """

    answer: str | None
    solutions: tuple[int, ...]
    weights: dict[str, float]
    correct: bool | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every rule's choice among the solutions of one problem.

    Attributes:
        picks: one per rule: the aggregations, the votes, the lengths.
        groups: the answers, ordered by the number of solutions that give them; those without an
            answer are last.
    """

    picks: tuple[Pick, ...]
    groups: tuple[AnswerGroup, ...]

    def pick(self, rule: str) -> Pick:
        """The choice of one rule.

        Raises:
            KeyError: there is no such rule.
        """
        return {pick.rule: pick for pick in self.picks}[rule]


def compare_choices(
    scored: Sequence[ScoredCandidate], gold_answer: str | None = None
) -> Comparison:
    """Compare every rule's choice among the solutions of one problem.

    Args:
        scored: the solutions; may be empty.
        gold_answer: the right answer, if it is known; of a reference solution, such as GSM8K's with
            its "#### 56", the final answer counts.

    >>> from prm_core.types import Candidate
    >>> def solution(answer, *p):
    ...     steps = (*("A step.",) * (len(p) - 1), f"The answer is {answer}.")
    ...     return ScoredCandidate(Candidate("7 × 8?", steps), p, (0.0,) * len(p), "a PRM")
    >>> three = [solution(56, 0.9, 0.8), solution(54, 0.95), solution(54, 0.3)]
    >>> found = compare_choices(three, "56")
    >>> found.pick("min").solutions, found.pick("min").accuracy
    ((1,), 0.0)
    >>> found.pick("majority").solutions, found.pick("vote_min").solutions
    ((1, 2), (1, 2))
    >>> [(group.answer, group.solutions, group.correct) for group in found.groups]
    [('54', (1, 2), False), ('56', (0,), True)]
    """
    gold = None if gold_answer is None else right_answer(gold_answer)
    return compare_pool([Choice.of(one, gold) for one in scored], gold is not None)


def compare_pool(pool: Sequence[Choice], judged: bool) -> Comparison:
    """`compare_choices` for candidates whose answers are known.

    Args:
        pool: the solutions; may be empty.
        judged: whether it is known which answers are right.
    """
    numbers = answer_groups([choice.answer for choice in pool])
    scores, lengths = method_scores(pool), length_scores(pool)
    right = [choice.correct for choice in pool]
    members: dict[int | None, list[int]] = {}
    for place, number in enumerate(numbers):
        members.setdefault(number, []).append(place)

    def pick(rule: str, kind: Kind, tied: Sequence[Sequence[int]]) -> Pick:
        """What is tied at the top, each as probable: solutions, or answers with theirs."""
        rights = [any(right[i] for i in places) for places in tied]
        share = sum(rights) / len(rights) if judged and rights else None
        return Pick(rule, kind, tuple(sorted(i for places in tied for i in places)), share)

    def best(rule: str, kind: Kind, values: Sequence[float]) -> Pick:
        return pick(rule, kind, [[i] for i in _best(values)])

    picks = [_with_rival(best(rule, "score", s), pool, s) for rule, s in scores.items()]
    for rule, weights in vote_weights(pool).items():
        picks.append(pick(rule, "vote", [members[n] for n in _voted(numbers, weights)]))
    picks += [best(rule, "length", values) for rule, values in lengths.items()]
    groups = [
        AnswerGroup(
            pool[places[0]].answer if number is not None else None,
            tuple(places),
            {rule: sum(values[i] for i in places) for rule, values in scores.items()},
            any(right[i] for i in places) if judged else None,
        )
        for number, places in members.items()
    ]
    groups.sort(key=lambda group: (group.answer is None, -len(group.solutions)))
    return Comparison(tuple(picks), tuple(groups))


def method_scores(pool: Sequence[Choice]) -> dict[str, list[float]]:
    """The scores of all candidates under every aggregation."""
    rows = [all_scores(choice.probabilities) for choice in pool]
    return {method: [row[method] for row in rows] for method in METHODS}


def length_scores(pool: Sequence[Choice]) -> dict[str, list[float]]:
    """For every rule in `LENGTHS` a number per candidate; the highest is chosen."""
    values = [(-one.n_characters, one.n_characters, -one.n_steps) for one in pool]
    return {rule: [float(row[k]) for row in values] for k, rule in enumerate(LENGTHS)}


def vote_weights(pool: Sequence[Choice]) -> dict[str, list[float]]:
    """For every vote the weight of each candidate's vote: one, or its score."""
    weights = {f"vote_{method}": scores for method, scores in method_scores(pool).items()}
    return {"majority": [1.0] * len(pool)} | weights


def _best(scores: Sequence[float]) -> list[int]:
    best = max(scores, default=0.0)
    return [i for i, score in enumerate(scores) if score == best]


def _voted(numbers: Sequence[int | None], weights: Sequence[float]) -> list[int]:
    """The numbers of the answers that have the most votes."""
    totals: defaultdict[int, float] = defaultdict(float)
    for number, weight in zip(numbers, weights, strict=True):
        if number is not None:
            totals[number] += weight
    # Sums of equal weights may differ in their last digits.
    least = max(totals.values(), default=0.0) * (1.0 - 1e-12)
    return [number for number, total in totals.items() if total >= least]


def _with_rival(pick: Pick, pool: Sequence[Choice], scores: Sequence[float]) -> Pick:
    """Add the best other solution, and the step that holds it back."""
    if len(pick.solutions) != 1 or len(pool) == 1:
        return pick
    (leader,) = pick.solutions
    rival = max((i for i in range(len(pool)) if i != leader), key=lambda i: scores[i])
    p, method = pool[rival].probabilities, METHODS[pick.rule]
    without = [method.of(p[:i] + p[i + 1 :]) for i in range(len(p))] if len(p) > 1 else []
    best = max(without, default=0.0)
    step = without.index(best) if best > scores[rival] else None
    return replace(pick, ahead_of=rival, step=step, decides=best > scores[leader])


_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,18}(?:\.[0-9]{1,3})?")  # one with more places was rounded


def _plain_number(text: str) -> Fraction | None:
    """The value of a number that equals no plain number with another one."""
    return Fraction(text) if _PLAIN_NUMBER.fullmatch(text) else None


def answer_groups(answers: Sequence[str | None]) -> list[int | None]:
    r"""Number the answers so that equal ones share a number; None stays None.

    >>> answer_groups(["1,000", None, "3", "1000", r"\frac{6}{2}"])
    [0, None, 1, 0, 1]

    Any two answers of one group are the same. "The same" is not transitive (15% is 15 and 0.15; 24
    is 24 cm and 24 mm), so an answer that fits several groups goes to the one whose first answer
    was given most often, and on a tie to the one whose text sorts first: the order of the answers
    does not matter.
    """
    texts = [" ".join((answer or "").split()) for answer in answers]
    times = Counter(filter(None, texts))
    groups: list[list[str]] = []
    # Plain numbers that differ are not the same: a number is compared with the groups that hold it
    # (under itself) or none (under None), all others are with every group.
    holding: defaultdict[Fraction | None, list[int]] = defaultdict(list)
    for text in sorted(times, key=lambda text: (-times[text], text)):
        value = _plain_number(text)
        places: Iterable[int] = range(len(groups))
        if value is not None:
            places = merge(holding[None], holding[value])
        fitting = (i for i in places if all(same_answer(text, one) for one in groups[i]))
        place = next(fitting, len(groups))
        if place == len(groups):
            groups.append([])
            holding[value].append(place)
        elif value is not None and place in holding[None]:
            holding[None].remove(place)
            insort(holding[value], place)
        groups[place].append(text)
    of_text = {text: number for number, group in enumerate(groups) for text in group}
    names: dict[int, int] = {}  # numbered as they appear
    return [names.setdefault(of_text[t], len(names)) if t else None for t in texts]

"""Label the steps of one solution whose problem has a known answer, without human labels.

Four methods, from the cheapest to the most expensive:

    outcome        the solution's own final answer, and nothing else
    consensus      the first value that no right solution of the same problem shows
    binary-search  the first step from which no continuation reaches the right answer, by bisection
    monte-carlo    after every step, the share of continuations that reach the right answer

None of them finds an error in a solution with the right answer: ProcessBench's annotators found a
wrong step in 3.5 % (GSM8K) to 51.8 % (Omni-MATH) of these solutions.

Sources: Math-Shepherd (arXiv 2312.08935) for Monte Carlo labels, OmegaPRM (arXiv 2406.06592) for
bisection, ProcessBench (arXiv 2412.06559) for the shares.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

from prm_core.answers.final import final_answer, same_answer
from prm_core.errors import BadOptionError, check_above_zero
from prm_core.labelling.completers import Completer
from prm_core.labelling.consensus import RightValues, consensus_labels
from prm_core.types import Example

METHODS = ("outcome", "consensus", "monte-carlo", "binary-search")
SAMPLING = ("monte-carlo", "binary-search")  # these need a generator

_REMEMBERED = 65_536  # prefixes of solutions whose continuations are not generated again


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What determines the labels, in addition to the generator.

    Attributes:
        method: one of `METHODS`.
        continuations: how many are generated from one place.
        hard: for monte-carlo: 1.0 if any continuation is right, else 0.0, instead of the share.
        seed: of the continuations.

    Raises:
        BadOptionError: the method is not known, or there are no continuations.
    """

    method: str
    continuations: int = 8
    hard: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise BadOptionError(
                f"method {self.method!r} is not known; choose from {', '.join(METHODS)}"
            )
        check_above_zero(continuations=self.continuations)


class Rollouts:
    """How many continuations of a prefix of a solution reach the right answer.

    Prefixes that several solutions share are continued once, even if two threads ask at the same
    time.

    Args:
        generator: writes them.
        n: how many for each prefix.
        seed: together with the prefix it determines each continuation's seed.
    """

    def __init__(self, generator: Completer, n: int, seed: int = 0) -> None:
        self.n = n
        self.n_generations = 0
        self._generator, self._seed = generator, seed
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, Future[int]] = OrderedDict()

    def n_right(
        self,
        problem: str,
        steps: Sequence[str],
        gold_answer: str,
        thinking: Sequence[bool] = (),
    ) -> int:
        """How many of the n continuations after the last of `steps` are right.

        Args:
            problem, steps, gold_answer: the prefix, and the answer to reach.
            thinking: for each step, whether it is thinking; empty if none is.

        Raises:
            InputError, ModelError: as the generator's.
        """
        key = digest(problem, steps, gold_answer, thinking)
        with self._lock:
            known = self._known.get(key)
            if known is None:
                mine: Future[int] = Future()
                self._known[key] = mine
                if len(self._known) > _REMEMBERED:
                    self._known.popitem(last=False)
        if known is not None:
            return known.result()
        try:
            mine.set_result(self._count(problem, steps, gold_answer, thinking))
        except BaseException as error:
            mine.set_exception(error)
        return mine.result()

    def _count(
        self, problem: str, steps: Sequence[str], gold_answer: str, thinking: Sequence[bool]
    ) -> int:
        place = digest(problem, steps, str(self._seed))
        seeds = [
            int.from_bytes(hashlib.sha256(place + b"%d" % i).digest()[:4]) >> 1
            for i in range(self.n)
        ]
        texts = self._generator.continue_solution(problem, steps, seeds)
        with self._lock:
            self.n_generations += len(texts)
        marks = thinking or (False,) * len(steps)
        spoken = [step for step, mark in zip(steps, marks, strict=True) if not mark]
        return sum(
            # Nothing was added: the generator considers the solution complete.
            _is_right(final_answer(text if text.strip() else spoken), gold_answer)
            for text in texts
        )


def label_solution(
    example: Example,
    gold_answer: str,
    config: LabelConfig,
    rollouts: Rollouts | None,
    right: RightValues | None = None,
) -> Example:
    """A solution with new labels, its final answer, and whether that is right.

    Args:
        example: the solution.
        gold_answer: the problem's right answer.
        config: how to label.
        rollouts: needed by the methods in `SAMPLING`.
        right: for consensus: the values of the problem's right solutions.

    Raises:
        InputError, ModelError: as the generator's.
    """
    steps = example.candidate.steps
    answer, correct = judged(example, gold_answer)
    if config.method == "outcome":
        labels = outcome_labels(len(steps), correct)
    elif config.method == "consensus":
        assert right is not None
        labels = consensus_labels(example.candidate.problem, steps, correct, right)
    else:
        assert rollouts is not None

        def n_right(end: int) -> int:
            candidate = example.candidate
            return rollouts.n_right(
                candidate.problem, steps[:end], gold_answer, candidate.thinking[:end]
            )

        if config.method == "monte-carlo":
            shares = monte_carlo_shares(len(steps), correct, lambda end: n_right(end) / rollouts.n)
            labels = tuple(float(share > 0) for share in shares) if config.hard else shares
        else:
            labels = bisected_labels(len(steps), correct, lambda end: n_right(end) > 0)
    return replace(example, labels=labels, answer=answer, gold_answer=gold_answer, correct=correct)


def judged(example: Example, gold_answer: str) -> tuple[str | None, bool | None]:
    """A solution's final answer, and whether it is right; both None if there is none."""
    answer = example.answer or final_answer(example.candidate)
    return answer, None if answer is None else same_answer(answer, gold_answer)


def outcome_labels(n_steps: int, correct: bool | None) -> tuple[float | None, ...]:
    """Labels of the steps from the final answer alone.

    If it is right, every step is labelled right. If it is wrong, the last step is labelled wrong,
    as it contains or depends on an error, whose place is not known.

    >>> outcome_labels(3, True), outcome_labels(3, False)
    ((1.0, 1.0, 1.0), (None, None, 0.0))
    """
    if correct is None:
        return (None,) * n_steps
    return (1.0,) * n_steps if correct else (None,) * (n_steps - 1) + (0.0,)


def monte_carlo_shares(
    n_steps: int, correct: bool | None, share: Callable[[int], float]
) -> tuple[float, ...]:
    """The share of right continuations after each step.

    The last step is judged by its answer, if it gives one: there is nothing left to continue.

    Args:
        n_steps: number of steps.
        correct: whether the solution's own answer is right; None when it has none.
        share: the share after the first `end` steps.
    """
    if correct is None:
        return tuple(share(end) for end in range(1, n_steps + 1))
    return (*(share(end) for end in range(1, n_steps)), float(correct))


def bisected_labels(
    n_steps: int, correct: bool | None, reached: Callable[[int], bool]
) -> tuple[float | None, ...]:
    """Labels up to the first step after which the right answer is no longer reached.

    A solution with a right answer reaches it from every step: it is its own continuation. For the
    others bisection assumes that once it is out of reach, it stays out of reach. If the generator
    does not reach the answer even from the problem alone, nothing can be concluded.

    Args:
        n_steps: number of steps.
        correct: whether the solution's own answer is right; None when it has none.
        reached: whether any continuation after the first `end` steps is right.
    """
    if correct:
        return (1.0,) * n_steps
    good = 0  # the answer is reached after this many steps
    bad = n_steps if correct is not None else n_steps + 1
    if bad > 1 and not reached(0):
        return (None,) * n_steps
    while bad - good > 1:
        middle = (good + bad) // 2
        if reached(middle):
            good = middle
        else:
            bad = middle
    if bad > n_steps:
        return (1.0,) * n_steps
    return (1.0,) * good + (0.0,) + (None,) * (n_steps - bad)


def most_generations(n_steps: int, has_answer: bool, config: LabelConfig) -> int:
    """The most continuations that labelling one solution takes."""
    if config.method not in SAMPLING:
        return 0
    places = n_steps if not has_answer else n_steps - 1
    if config.method == "binary-search":
        # From the problem alone, and then as often as the places can be halved.
        places = 1 + math.ceil(math.log2(places + 1)) if places else 0
    return places * config.continuations


def _is_right(answer: str | None, gold_answer: str) -> bool:
    return answer is not None and same_answer(answer, gold_answer)


def digest(problem: str, steps: Sequence[str], more: str, thinking: Sequence[bool] = ()) -> bytes:
    """The key of a prefix of a solution (or, with all of its steps, of the solution)."""
    named: list[object] = [problem, list(steps), more]
    if any(thinking):
        named.append(list(thinking))
    return hashlib.sha256(json.dumps(named).encode()).digest()[:16]

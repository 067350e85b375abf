"""Families with several prompts per step: one round of prompts after the other.

In a round every step of every candidate has its own prompt, and all of them share forward passes as
solutions do. The readings of a round may be used in the prompts of the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from prm_core.families import OpenedInRounds
from prm_core.families.heads import probability
from prm_core.families.prompt import refuse_unreadable
from prm_core.scoring.explain import explanation
from prm_core.scoring.local import Scorer
from prm_core.scoring.prefix_cache import PrefixCache
from prm_core.scoring.reader import with_beats
from prm_core.types import Candidate, Encoded, Explanation, Found, ScoredCandidate

_Asked = tuple[int, tuple[str, ...], Encoded]
"""A step's index, the names of what is read, and the prompt."""


class RoundsScorer(Scorer):
    """A loaded PRM that reads every step in separate prompts."""

    _opened: OpenedInRounds

    def encode(self, candidate: Candidate) -> Encoded:
        """The last step's first prompt, which is the longest.

        Raises: as `Scorer.encode`.
        """
        refuse_unreadable(self.tokenizer, candidate)
        return self._fitting(candidate, self._opened.encode(candidate))

    def explain(self, candidate: Candidate) -> list[Explanation]:
        """All prompts, round by round; since later ones contain earlier answers, the model is run.

        Raises:
            TooLongError: a prompt has more tokens than the model reads.
        """
        asked: list[_Asked] = []
        for _ in self._in_rounds([candidate], self._reader.memory, None, asked):
            pass
        return [
            explanation(self.tokenizer, prompt, [step] * len(names), names)
            for step, names, prompt in asked
        ]

    def _judged(
        self,
        candidates: Sequence[Candidate],
        memory: PrefixCache,
        first_tokens: int | None,
        heartbeat_s: float | None,
    ) -> Iterator[Found | None]:
        return self._in_rounds(candidates, memory, heartbeat_s, [])

    def _in_rounds(
        self,
        candidates: Sequence[Candidate],
        memory: PrefixCache,
        heartbeat_s: float | None,
        asked: list[_Asked],
    ) -> Iterator[Found | None]:
        """Each candidate when all of its rounds are over; every prompt is also put into `asked`."""
        for candidate in candidates:
            self.encode(candidate)  # the longest prompt first: what is too long is told at once
        steps = [(i, k) for i, one in enumerate(candidates) for k in range(len(one.steps))]
        answers: dict[tuple[int, int], tuple[float, ...]] = dict.fromkeys(steps, ())
        for names in self._opened.rounds:
            built = self._prompts(candidates, steps, answers)
            prompts = yield from with_beats(built, heartbeat_s)
            asked += [(k, names, one) for (_, k), one in zip(steps, prompts, strict=True)]
            # Each prompt is scored as a solution whose steps are its places.
            parts = [replace(candidates[i], steps=names, thinking=()) for i, _ in steps]
            for found in self._read(parts, prompts, memory, None):
                if found is None:
                    yield None
                    continue
                index, part = found
                answers[steps[index]] += part.log_odds
        for i, candidate in enumerate(candidates):
            yield (
                i,
                self._of_answers(candidate, [answers[i, k] for k in range(len(candidate.steps))]),
            )

    def _prompts(
        self,
        candidates: Sequence[Candidate],
        steps: Sequence[tuple[int, int]],
        answers: dict[tuple[int, int], tuple[float, ...]],
    ) -> Iterator[Encoded]:
        for i, k in steps:
            prompt = self._opened.prompt(candidates[i], k, answers[i, k])
            yield self._fitting(candidates[i], prompt)

    def _of_answers(
        self, candidate: Candidate, said: Sequence[tuple[float, ...]]
    ) -> ScoredCandidate:
        """A candidate's scores from the log-odds of all places of each step."""
        log_odds = tuple(map(self._opened.of_step, said))
        places = [name for names in self._opened.rounds for name in names]
        extras = map(_probabilities, zip(*said, strict=True))
        return ScoredCandidate(
            candidate,
            _probabilities(log_odds),
            log_odds,
            self.model_id,
            dict(zip(places, extras, strict=True)),
        )


def _probabilities(log_odds: Sequence[float]) -> tuple[float, ...]:
    return tuple(probability(torch.tensor(log_odds)).tolist())

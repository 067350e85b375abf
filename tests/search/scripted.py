"""A generator and a PRM whose every word is known beforehand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from prm_core.errors import TooLongError
from prm_core.search.generators import Beat, Sampling, Written
from prm_core.search.tree import Tree
from prm_core.types import Candidate, ScoredCandidate, StepScorer, log_odds

Script = Mapping[str, Sequence[str]]
"""From what is written so far to the continuations: the first time it is asked for in a call the
first, then the second, and round again. A text that ends in a blank line is a step."""


class ScriptedGenerator:
    """Writes what a script says; one token for each letter.

    Attributes:
        calls: the sampling and prefixes of each call.
        seeds: of each call.
    """

    name = "scripted"

    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls: list[tuple[Sampling, list[str]]] = []
        self.seeds: list[list[int]] = []

    def write(
        self,
        problem: str,
        prefixes: Sequence[str],
        seeds: Sequence[int],
        sampling: Sampling,
        beat: Beat,
    ) -> list[Written]:
        beat()
        self.calls.append((sampling, list(prefixes)))
        self.seeds.append(list(seeds))
        asked: Counter[str] = Counter()
        found = []
        for prefix in prefixes:
            found.append(self._one(prefix, asked[prefix], sampling))
            asked[prefix] += 1
        return found

    def _one(self, prefix: str, time: int, sampling: Sampling) -> Written:
        options = self.script.get(prefix, ("",))
        text = options[time % len(options)]
        if sampling.until is None:
            while text.endswith("\n\n") and prefix + text in self.script:
                text += self.script[prefix + text][0]
        if text == "FAIL":
            return Written("", 0, "failed", "it is refused")
        if len(text) > sampling.max_tokens:
            return Written(text[: sampling.max_tokens], sampling.max_tokens, "length")
        is_step = sampling.until is not None and text.endswith(sampling.until)
        return Written(text, len(text), "step" if is_step else "done")

    def close(self) -> None:
        """There is nothing to close."""


class ScriptedScorer(StepScorer):
    """Gives each step the probability that a table has for it.

    Attributes:
        scored: all candidates' steps, in the order in which they were scored.
    """

    model_id = "table"

    def __init__(self, table: Mapping[str, float], **more: Any) -> None:
        self.table = table
        self.scored: list[tuple[str, ...]] = []

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        if any("too long" in step for one in candidates for step in one.steps):
            raise TooLongError("a candidate is too long")
        self.scored += [one.steps for one in candidates]
        return [self._score(one) for one in candidates]

    def _score(self, candidate: Candidate) -> ScoredCandidate:
        p = tuple(self.table.get(step, 0.5) for step in candidate.steps)
        return ScoredCandidate(candidate, p, tuple(map(log_odds, p)), self.model_id)


def rounded(tree: Tree) -> Tree:
    """A tree without its time, and to five digits: what follows depends on the pack."""

    def digits(x: float | None) -> float | None:
        return None if x is None else round(x, 5)

    nodes = tuple(
        replace(
            node,
            probability=digits(node.probability),
            score=digits(node.score),
            probabilities=tuple(round(x, 5) for x in node.probabilities),
        )
        for node in tree.nodes
    )
    return replace(tree, nodes=nodes, seconds=0.0)

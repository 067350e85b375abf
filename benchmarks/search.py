"""What a PRM computes in a search, against judging every path of every round from nothing.

A beam search of 16 paths over ten rounds, with steps of a made-up solution in place of a
generator's: how many tokens go through the PRM does not depend on what they say.

    PYTHONPATH=. python benchmarks/search.py
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass

from prm_core.model_options import model_arguments, request_of
from prm_core.scoring.load import load
from prm_core.scoring.local import KEEP_BYTES, Scorer
from prm_core.search.engine import grow
from prm_core.search.generators import Beat, Sampling, Written
from prm_core.search.tree import Settings, new_tree
from prm_core.types import Candidate, ScoredCandidate, StepScorer

PROBLEM = (
    "A market sells apples in crates of 12 and pears in crates of 9. A cook buys 7 crates of "
    "apples and 5 crates of pears, and uses 38 pieces for a cake. How many pieces are left?"
)


@dataclass(frozen=True, slots=True)
class Round:
    """One round's tokens: of all its paths, and those that the PRM computed."""

    n_paths: int
    n_tokens: int
    n_computed: int


class _Steps:
    """Writes steps that differ with their seeds."""

    name = "made-up steps"

    def write(
        self,
        problem: str,
        prefixes: Sequence[str],
        seeds: Sequence[int],
        sampling: Sampling,
        beat: Beat,
    ) -> list[Written]:
        return [self._one(random.Random(seed), sampling) for seed in seeds]

    def _one(self, draw: random.Random, sampling: Sampling) -> Written:
        a, b = draw.randint(10, 99), draw.randint(10, 99)
        text = f"The cook then has {a} pieces and takes {b} more, which makes {a} + {b} = {a + b}."
        text += sampling.until or ""
        return Written(text, len(text.split()), "step" if sampling.until else "done")

    def close(self) -> None:
        """There is nothing to close."""


class _Watched(StepScorer):
    """A scorer whose rounds are counted."""

    def __init__(self, scorer: Scorer) -> None:
        self.model_id, self.rounds = scorer.model_id, list[Round]()
        self._scorer, self._computed = scorer, 0
        scorer._backbone.get_input_embeddings().register_forward_hook(self._count)

    def _count(self, module: object, args: Sequence[object], output: object) -> None:
        self._computed += args[0].numel()  # type: ignore[attr-defined]

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        self._computed = 0
        found = self._scorer.score(candidates)
        n_tokens = sum(len(self._scorer.encode(one).input_ids) for one in candidates)
        self.rounds.append(Round(len(candidates), n_tokens, self._computed))
        return found


def measure(scorer: Scorer, n: int = 16, rounds: int = 10) -> list[Round]:
    """The rounds of a beam search.

    Args:
        scorer: keeps what it has computed.
        n: paths.
        rounds: of one step each.
    """
    watched = _Watched(scorer)
    tree = new_tree(PROBLEM, Settings(n=n, rounds=rounds), _Steps.name, scorer.model_id)
    for _ in grow(tree, _Steps(), watched):
        pass
    return watched.rounds


def main(words: Sequence[str] | None = None) -> None:
    """Print a table of rounds."""
    parser = argparse.ArgumentParser(description="tokens that a PRM computes in a search")
    model_arguments(parser)
    scorer = load(request_of(parser.parse_args(words)), keep_bytes=KEEP_BYTES)
    rounds = measure(scorer)
    print(
        "| round | paths | tokens of all paths | computed | times fewer |\n" + "| ---: " * 5 + "|"
    )
    total = Round(*(sum(getattr(r, name) for r in rounds) for name in Round.__slots__))
    for name, one in [*((str(i), one) for i, one in enumerate(rounds, start=1)), ("all", total)]:
        share = one.n_tokens / one.n_computed
        print(f"| {name} | {one.n_paths} | {one.n_tokens:,} | {one.n_computed:,} | {share:.1f} |")


if __name__ == "__main__":
    main()

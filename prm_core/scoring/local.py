"""A loaded PRM: candidates in, their steps' probabilities out.

The family's hooks turn a candidate into a prompt, `prm_core.scoring.reader` runs prompts together,
and its readings become scores here. For families with several prompts per step see
`prm_core.scoring.rounds`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prm_core.errors import ModelError, TooLongError
from prm_core.families import Checkpoint, OpenedModel, Reading
from prm_core.families.heads import probability
from prm_core.families.prompt import forget_texts, refuse_unreadable
from prm_core.models.device import Placement
from prm_core.scoring.explain import explanation
from prm_core.scoring.prefix_cache import PrefixCache
from prm_core.scoring.reader import Reader, with_beats
from prm_core.scoring.solver import Solver
from prm_core.types import (
    Candidate,
    Encoded,
    Explanation,
    Found,
    ScoredCandidate,
    StepPosition,
    StepScorer,
)

FIRST_TOKENS = 512
"""Budget of a stream's first pack, so that the first result comes soon."""

KEEP_BYTES = 1 << 30
"""How much is kept for the current problem. A 7B model's keys and values take 57 kB a token in
bfloat16, so this is ten rounds of a search with 64 paths."""

_MOST_SOLVED = 100
"""Problems whose solutions are kept until a call has another problem; those of one call always."""


class Scorer(StepScorer):
    """A loaded PRM. Make one with `prm_core.load_scorer`.

    Attributes:
        model_id: the name that results carry.
        family: the name of its family.
        threshold: below this probability a step counts as wrong.
        context: the most tokens that the model reads.
        status: its device and dtype, such as "CUDA · bf16".
        tolerance: how far a probability may be from the same one in another batch.
        device, dtype: of the backbone.
        device_reason: why it runs there, in words.
        quantize: "8bit" or "4bit" if its weights have this form, which changes its scores; else
            None.
        packed: whether candidates share forward passes; one at a time otherwise.
        calculator: names of the calculator's features that the model sees; empty if none.
        solves: whether it solves each problem itself before it judges.
        repeatable: False for such a model: in another batch a solution may go another way.
        checkpoint: what it was opened from; None for one that was put together by hand.
        placement: of the backbones.
    """

    def __init__(
        self,
        *,
        model_id: str,
        family: str,
        backbones: Sequence[PreTrainedModel],
        opened: OpenedModel,
        placement: Placement,
        tokenizer: PreTrainedTokenizerBase | None = None,
        max_tokens: int | None = None,
        keep_bytes: int = KEEP_BYTES,
        packed: bool = True,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.model_id = model_id
        self.family = family
        self.threshold, self.tolerance = opened.threshold, opened.tolerance
        self.calculator = opened.calculator
        self.placement = placement
        self.device, self.dtype = placement.device, placement.dtype
        self.device_reason, self.quantize = placement.reason, placement.quantize
        self.status = placement.status + (f" · {opened.note}" if opened.calculator else "")
        self.checkpoint = checkpoint
        self._tokenizer = tokenizer
        self._opened = opened
        self._backbone = backbones[0]
        self._reader = Reader(
            backbones,
            name=model_id,
            placement=placement,
            max_tokens=max_tokens,
            keep_bytes=keep_bytes,
            packed=packed,
        )
        self.packed = self._reader.packed
        self._solver: Solver | None = None
        if opened.solutions is not None:
            assert tokenizer is not None
            self._solver = Solver(self._backbone, tokenizer, opened.solutions.lm_head)
        self.solves = self._solver is not None
        self.repeatable = not self.solves
        self._solved: dict[str, tuple[str, ...]] = {}
        self.context = min(int(one.config.max_position_embeddings) for one in backbones)

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The model's tokenizer, as in its files; every scorer of `load_scorer` has one."""
        assert self._tokenizer is not None
        return self._tokenizer

    def score(self, candidates: Iterable[Candidate]) -> list[ScoredCandidate]:
        """Probabilities for every step of every candidate, in the same order.

        Candidates of one problem should come in one call: what they share is computed once. It is
        also kept for later calls, until one has another problem.

        Raises:
            TooLongError: a candidate does not fit the model; nothing was run.
            UnreadableError: the tokenizer cannot express a step; nothing was run.
            ModelError: out of memory for a single candidate, or a number is not finite.
        """
        done = dict(found for found in self._run(candidates, None, None) if found is not None)
        return [done[i] for i in range(len(done))]

    def stream(
        self, candidates: Iterable[Candidate], heartbeat_s: float | None = None
    ) -> Iterator[Found | None]:
        """As `score`, giving each candidate with its index as soon as it is known.

        The first results come soon, and closing the iterator stops the work between two forward
        passes. Several streams may be open at once, and each advances when it is iterated: each
        gives what it would give alone, up to rounding. Only the most recently started one keeps
        anything between its passes.

        Args:
            candidates: of one problem, best.
            heartbeat_s: None is yielded after every forward pass, and whenever preparing prompts
                has taken this long; without it, only candidates are yielded.
        """
        results = self._run(candidates, FIRST_TOKENS, heartbeat_s)
        return results if heartbeat_s is not None else (one for one in results if one is not None)

    def check_length(self, candidate: Candidate) -> None:
        """Raise what `encode` raises."""
        self.encode(candidate)

    def encode(self, candidate: Candidate) -> Encoded:
        """A candidate as the model reads it.

        Raises:
            TooLongError: it has more tokens than the model reads; nothing is ever truncated.
            UnreadableError: the tokenizer cannot express the problem or a step.
            ModelError: the tokenizer and the weights do not belong together.
        """
        candidate = self._opened.prepare(candidate)
        if self._tokenizer is not None:
            refuse_unreadable(self._tokenizer, candidate)
        encoded = self._fitting(candidate, self._opened.encode(candidate))
        if len(encoded.positions) != len(candidate.steps):
            raise ModelError(
                f"{self.model_id} has {len(encoded.positions)} places to read for the "
                f"{len(candidate.steps)} steps of {_name(candidate)}"
            )
        return encoded

    def explain(self, candidate: Candidate) -> list[Explanation]:
        """The prompt exactly as it is fed, and where each step is read.

        Raises:
            TooLongError: it has more tokens than the model reads.
        """
        encoded = self._with_solutions(candidate, self.encode(candidate))
        said = tuple(
            tuple((name, x) for name, x in zip(self.calculator, values, strict=True) if x)
            for values in encoded.calculator
        )
        own = self._own_solutions(candidate.problem)
        return [replace(explanation(self.tokenizer, encoded), calculator=said, solutions=own)]

    def solutions(self, problem: str) -> tuple[str, ...]:
        """The model's own solutions of a problem that it has judged; empty if it writes none.

        They are kept like what is read of the problem: all its candidates are judged by the same.
        """
        return self._solved.get(problem, ())

    def score_encoded(self, candidate: Candidate, encoded: Encoded) -> ScoredCandidate:
        """Score one candidate by a prompt that was built elsewhere."""
        encoded = self._with_solutions(candidate, encoded)
        found, _ = self._read([candidate], [encoded], self._reader.memory, None)
        assert found is not None
        return found[1]

    def forget(self) -> None:
        """Drop what is kept of the last problem, including its text."""
        self._reader.forget()
        self._solved.clear()
        if self._tokenizer is not None:
            forget_texts(self._tokenizer)

    def close(self) -> None:
        """Like `forget`; scorers on servers also have connections to close."""
        self.forget()

    def _run(
        self, candidates: Iterable[Candidate], first_tokens: int | None, heartbeat_s: float | None
    ) -> Iterator[Found | None]:
        candidates = tuple(candidates)
        problems = {candidate.problem for candidate in candidates}
        memory, is_new = self._reader.begin(problems)
        if is_new:
            self._solved = {one: said for one, said in self._solved.items() if one in problems}
            if self._tokenizer is not None:
                forget_texts(self._tokenizer)
        try:
            yield from self._judged(candidates, memory, first_tokens, heartbeat_s)
        finally:
            if not self._reader.keep_bytes:
                self.forget()

    def _judged(
        self,
        candidates: Sequence[Candidate],
        memory: PrefixCache,
        first_tokens: int | None,
        heartbeat_s: float | None,
    ) -> Iterator[Found | None]:
        """Each candidate as soon as it is scored; None after every forward pass."""
        encoded = yield from with_beats(map(self.encode, candidates), heartbeat_s)
        if self._solver is not None:
            yield from self._solve([candidate.problem for candidate in candidates])
            encoded = list(map(self._with_solutions, candidates, encoded))
        yield from self._read(candidates, encoded, memory, first_tokens)

    def _solve(self, problems: Iterable[str]) -> Iterator[None]:
        """Write the solutions of problems that have none yet; None after every token."""
        new = [one for one in dict.fromkeys(problems) if one not in self._solved]
        if self._solver is None or not new:
            return
        found = yield from self._solver.solve(new)
        self._solved |= dict(zip(new, found, strict=True))
        for old in list(self._solved)[: -max(_MOST_SOLVED, len(new))]:
            self._solved.pop(old, None)

    def _own_solutions(self, problem: str) -> tuple[str, ...]:
        for _ in self._solve([problem]):
            pass
        return self.solutions(problem)

    def _with_solutions(self, candidate: Candidate, encoded: Encoded) -> Encoded:
        """The prompt, with what the model's own solutions say of each step."""
        if self._opened.solutions is None:
            return encoded
        own = self._own_solutions(candidate.problem)
        return self._opened.solutions.add(candidate, encoded, own)

    def _read(
        self,
        candidates: Sequence[Candidate],
        encoded: Sequence[Encoded],
        memory: PrefixCache,
        first_tokens: int | None,
    ) -> Iterator[Found | None]:
        problems = [candidate.problem for candidate in candidates]
        for readings in self._reader.read(self._opened, encoded, problems, memory, first_tokens):
            for index, reading in readings:
                yield index, self._scored(self._opened.prepare(candidates[index]), reading)
            yield None

    def _scored(self, candidate: Candidate, reading: Reading) -> ScoredCandidate:
        """
        Raises:
            ModelError: a number is not finite.
        """
        finite = reading.finite
        if not finite.all():
            name = f" of candidate {candidate.id!r}" if candidate.id else ""
            way_out = (
                "its weights are damaged (download it again) or it failed in training"
                if self.dtype == torch.float32
                else "try dtype float32"
            )
            raise ModelError(
                f"{self.model_id} gives step {int((~finite).nonzero()[0]) + 1}{name} a number that "
                f"is not finite in {self.dtype}; {way_out}"
            )
        return ScoredCandidate(
            candidate,
            tuple(probability(reading.log_odds).tolist()),
            tuple(reading.log_odds.tolist()),
            self.model_id,
            {name: tuple(values.tolist()) for name, values in reading.extras.items()},
        )

    def _fitting(self, candidate: Candidate, encoded: Encoded) -> Encoded:
        """A prompt that the model can read.

        Raises:
            TooLongError: it has too many tokens.
            ModelError: the tokenizer and the weights do not belong together.
        """
        n_tokens = len(encoded.input_ids)
        if n_tokens > self.context:
            raise TooLongError(
                f"{_name(candidate)} has {n_tokens:,} tokens but {self.model_id} reads at most "
                f"{self.context:,}; shorten it or pick a model with a longer context"
            )
        if max(encoded.input_ids) >= self._backbone.config.vocab_size:
            raise ModelError(
                f"the tokenizer of {self.model_id} gives token {max(encoded.input_ids)}, but its "
                f"vocabulary has {self._backbone.config.vocab_size}; its files do not fit together"
            )
        return encoded


def _name(candidate: Candidate) -> str:
    return f"candidate {candidate.id!r}" if candidate.id else "a candidate"


def step_positions(scorer: Scorer, candidate: Candidate) -> list[StepPosition]:
    """Which token is read for each step: where a PRM's hidden states become probabilities.

    Args:
        scorer: a loaded model.
        candidate: a solution in steps.

    Returns:
        [S], in the order of the steps.

    Raises:
        TooLongError: the candidate has more tokens than the model reads.
    """
    # If a step is read at several places, the last one gives its score.
    places = {
        step: StepPosition(step, at, str(scorer.tokenizer.decode([prompt.input_ids[at]])))
        for prompt in scorer.explain(candidate)
        for at, step in zip(prompt.positions, prompt.steps, strict=True)
    }
    return [places[step] for step in sorted(places)]

"""A loaded PRM scores candidates: the one batch loop of the project."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prm_core import forward
from prm_core.device import Placement, free_bytes
from prm_core.errors import ModelError, TooLongError
from prm_core.families import FAMILIES, Checkpoint, Evidence, Opened
from prm_core.families.prompt import forget_texts, refuse_unreadable
from prm_core.loading import is_out_of_memory
from prm_core.memory import Memory
from prm_core.packing import Pack, plan
from prm_core.readout import probability
from prm_core.types import (
    Candidate,
    Encoded,
    Explanation,
    Found,
    ScoredCandidate,
    StepPosition,
    StepScorer,
)

logger = logging.getLogger(__name__)

MAX_TOKENS = 4096
"""Budget of a pack. On a CPU 1,024 to 4,096 are equally fast where packs go on from each other;
where nothing is kept, small ones share less."""

GPU_TOKENS = 1024, 16_384
"""Bounds of a pack on a GPU, where half of the free memory decides. By arithmetic, not measured:
below, the GPU waits for the program; above, there is nothing left to gain."""

FIRST_TOKENS = 512
"""Budget of a stream's first pack, so that the first result comes soon."""

KEEP_BYTES = 1 << 30
"""How much is kept of the problem at hand. A 7B model's keys and values take 57 kB a token in
bfloat16, so this is ten rounds of a search with 64 paths."""

_Step = tuple[int, tuple[tuple[int, int], ...], tuple[float, ...]]
"""A step in a pack: the row that is read, for each evidence token the row before it and its id, and
what the calculator says."""


class Scorer(StepScorer):
    """A loaded PRM. Make one with `prm_core.load_scorer`.

    Attributes:
        model_id: the name that results carry.
        family: the name of its family.
        threshold: below this probability a step counts as wrong.
        context: how many tokens the model reads at most.
        status: where it runs and in what, as "GPU · bf16".
        tolerance: how far a probability may be from the same one in another batch.
        device, dtype: where the backbone runs, and in what.
        device_reason: why there, in words.
        quantize: "8bit" or "4bit" where its weights are held so, which moves its scores; else None.
        packed: whether candidates share forward passes; one at a time otherwise.
        whole: whether the model judges whole solutions only. What it says is then told of a
            candidate whose steps are one.
        beta: of implicit PRMs: what a nat between the two models counts in log-odds; else None.
        calculator: names of what the model sees of a calculator; empty where it sees none.
    """

    def __init__(
        self,
        *,
        model_id: str,
        family: str,
        backbone: PreTrainedModel,
        opened: Opened,
        placement: Placement,
        tokenizer: PreTrainedTokenizerBase | None = None,
        max_tokens: int | None = None,
        keep_bytes: int = KEEP_BYTES,
        packed: bool = True,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.model_id = model_id
        self.family = family
        self.threshold = opened.threshold
        self.device = placement.device
        self.dtype = placement.dtype
        self.device_reason = placement.reason
        self.quantize = placement.quantize
        self.status = placement.status + (" · sees a calculator" if opened.calculator else "")
        if opened.beta is not None:  # a nat between two models is β / 4 near p = 0.5
            self.tolerance = opened.beta / 4
        self._placement = placement
        self._checkpoint = checkpoint
        self._backbones = [backbone, *([opened.reference] if opened.reference else [])]
        self.context = min(int(one.config.max_position_embeddings) for one in self._backbones)
        self.packed = packed and all(forward.can_pack(one.config) for one in self._backbones)
        self.whole = opened.whole
        self.beta = opened.beta
        self.calculator = opened.calculator
        self._tokenizer = tokenizer
        self._backbone = backbone
        self._opened = opened
        self._max_tokens = self._fitting_tokens() if max_tokens is None else max_tokens
        self._keep_bytes = keep_bytes
        self._memory = Memory(self._backbones, keep_bytes)
        self._running = threading.Lock()  # one pack at a time: packs lean on those before

    def _fitting_tokens(self) -> int:
        """The budget of a pack: what is fastest on a CPU, what fits on a GPU."""
        free = free_bytes(self.device)
        if free is None or not self.packed:
            return MAX_TOKENS
        fitting = free // 2 // sum(map(forward.bytes_per_token, self._backbones))
        fewest, most = GPU_TOKENS
        return max(fewest, min(most, fitting))

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """The model's, as its files have it; every scorer of `load_scorer` has one."""
        assert self._tokenizer is not None
        return self._tokenizer

    def read_as(self, family: str) -> Scorer:
        """The same weights, prompted and read as another family asks.

        Raises:
            ModelLoadError: they are not of that family.
        """
        assert self._checkpoint is not None  # every scorer of `load_scorer` has one
        return Scorer(
            model_id=self.model_id,
            family=family,
            backbone=self._backbone,
            opened=FAMILIES[family].open(self._checkpoint),
            placement=self._placement,
            tokenizer=self._tokenizer,
            max_tokens=self._max_tokens,
            packed=self.packed,
            checkpoint=self._checkpoint,
        )

    def encode(self, candidate: Candidate) -> Encoded:
        """A candidate as the model reads it.

        Raises:
            TooLongError: it has more tokens than the model reads; nothing is ever truncated.
            UnreadableError: of the problem or a step the tokenizer knows nothing.
            ModelError: the tokenizer and the weights do not belong together.

        For a family that reads every step in a prompt of its own it is the last step's first one,
        which is the longest.
        """
        candidate = self._as_judged(candidate)
        if self._tokenizer is not None:
            refuse_unreadable(self._tokenizer, candidate)
        return self._checked(candidate, self._opened.encode(candidate))

    def _checked(self, candidate: Candidate, encoded: Encoded) -> Encoded:
        """A prompt that the model can read."""
        name = f"candidate {candidate.id!r}" if candidate.id else "a candidate"
        n_tokens = len(encoded.input_ids)
        if n_tokens > self.context:
            raise TooLongError(
                f"{name} has {n_tokens:,} tokens but {self.model_id} reads at most "
                f"{self.context:,}; shorten it or pick a model with a longer context"
            )
        if self._opened.alone is None and len(encoded.positions) != len(candidate.steps):
            raise ModelError(
                f"{self.model_id} has {len(encoded.positions)} places to read for the "
                f"{len(candidate.steps)} steps of {name}"
            )
        if max(encoded.input_ids) >= self._backbone.config.vocab_size:
            raise ModelError(
                f"the tokenizer of {self.model_id} gives token {max(encoded.input_ids)}, but its "
                f"vocabulary has {self._backbone.config.vocab_size}; its files do not fit together"
            )
        return encoded

    def _as_judged(self, candidate: Candidate) -> Candidate:
        """The candidate, with its steps as one where the model judges nothing smaller."""
        return candidate.joined() if self.whole else candidate

    def explain(self, candidate: Candidate) -> list[Explanation]:
        """The prompt exactly as it is fed, and where each step is read.

        Families that read every step in prompts of its own have several; since later ones hold
        earlier answers, the model is run for them.

        Raises:
            TooLongError: one has more tokens than the model reads.
        """
        if self._opened.alone is None:
            encoded = self.encode(candidate)
            told = explanation(self.tokenizer, encoded)
            return [replace(told, calculator=self._said(encoded))]
        prompts: list[Explanation] = []

        def note(step: int, names: Sequence[str], prompt: Encoded) -> None:
            prompts.append(explanation(self.tokenizer, prompt, [step] * len(names), names))

        for _ in self._run_in_rounds([candidate], self._memory, note=note):
            pass
        return prompts

    def _said(self, encoded: Encoded) -> tuple[tuple[tuple[str, float], ...], ...]:
        """What the calculator says of each step, by name, as far as it is not 0."""
        return tuple(
            tuple((name, x) for name, x in zip(self.calculator, said, strict=True) if x)
            for said in encoded.calculator
        )

    def score_encoded(self, candidate: Candidate, encoded: Encoded) -> ScoredCandidate:
        """Score one candidate by a prompt that was built elsewhere."""
        found, _ = self._score_encoded([candidate], [encoded], self._memory, None)
        assert found is not None
        return found[1]

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        """Probabilities for every step of every candidate, in the same order.

        Candidates of one problem should come in one call: what they share is computed once. What
        later calls share with it is kept as well, until one has another problem.

        Raises:
            TooLongError: a candidate does not fit the model; nothing was run.
            UnreadableError: of a step the tokenizer knows nothing; nothing was run.
            ModelError: memory does not suffice for a single candidate, or a number is not finite.
        """
        done = dict(found for found in self._run(candidates, None, None) if found is not None)
        return [done[i] for i in range(len(candidates))]

    def stream(
        self, candidates: Sequence[Candidate], heartbeat_s: float | None = None
    ) -> Iterator[Found | None]:
        """As `score`, giving each candidate with its index as soon as it is known.

        The first come soon, and closing the iterator stops the work between two forward passes.
        Several may be under way, and whoever is asked runs the next pass: each gives what it would
        alone, up to rounding. Only the one that began last keeps anything between its passes.

        Args:
            candidates: of one problem, best.
            heartbeat_s: None comes after every forward pass, and whenever prompts were prepared for
                so long; without it, only candidates come.
        """
        results = self._run(candidates, FIRST_TOKENS, heartbeat_s)
        return results if heartbeat_s is not None else (one for one in results if one is not None)

    def check_length(self, candidate: Candidate) -> None:
        """As `encode`, whose errors it raises."""
        self.encode(candidate)

    def forget(self) -> None:
        """Drop what is kept of the last problem, its text included."""
        with self._running:
            self._forget()

    def close(self) -> None:
        """As `forget`; scorers on servers have connections to close."""
        self.forget()

    def _forget(self) -> None:
        self._memory.retire()
        self._memory = Memory(self._backbones, self._keep_bytes)
        if self._tokenizer is not None:
            forget_texts(self._tokenizer)

    def _run(
        self, candidates: Sequence[Candidate], first_tokens: int | None, beat_s: float | None
    ) -> Iterator[Found | None]:
        problems = {candidate.problem for candidate in candidates}
        with self._running:
            if self._memory.problems.isdisjoint(problems):
                self._forget()
            self._memory.problems |= problems
            memory = self._memory
        try:
            if self._opened.alone is not None:
                yield from self._run_in_rounds(candidates, memory, beat_s)
            else:
                encoded = yield from _with_beats(map(self.encode, candidates), beat_s)
                yield from self._score_encoded(candidates, encoded, memory, first_tokens)
        finally:
            if not self._keep_bytes:
                self.forget()

    def _run_in_rounds(
        self,
        candidates: Sequence[Candidate],
        memory: Memory,
        beat_s: float | None = None,
        note: Callable[[int, Sequence[str], Encoded], None] | None = None,
    ) -> Iterator[Found | None]:
        """For families that read every step in prompts of its own, one after the other.

        Args:
            note: called with every prompt, its step and the names of what is read there.
        """
        alone, rounds = self._opened.alone, self._opened.rounds
        assert alone is not None
        for candidate in candidates:
            refuse_unreadable(self.tokenizer, candidate)
        steps = [(i, k) for i, one in enumerate(candidates) for k in range(len(one.steps))]
        answers: dict[tuple[int, int], tuple[float, ...]] = dict.fromkeys(steps, ())
        for names in rounds:
            built = (
                self._checked(candidates[i], alone(candidates[i], k, answers[i, k]))
                for i, k in steps
            )
            prompts = yield from _with_beats(built, beat_s)
            if note is not None:
                for (_, k), prompt in zip(steps, prompts, strict=True):
                    note(k, names, prompt)
            # Each prompt is scored as a solution whose steps are its places.
            parts = [replace(candidates[i], steps=names, thinking=()) for i, _ in steps]
            for found in self._score_encoded(parts, prompts, memory, first_tokens=None):
                if found is None:
                    yield None
                    continue
                index, part = found
                answers[steps[index]] += part.log_odds
        for i, candidate in enumerate(candidates):
            said = [answers[i, k] for k in range(len(candidate.steps))]
            log_odds = tuple(map(self._opened.combine, said))
            places = [name for names in rounds for name in names]
            yield (
                i,
                ScoredCandidate(
                    candidate,
                    _probabilities(log_odds),
                    log_odds,
                    self.model_id,
                    dict(zip(places, map(_probabilities, zip(*said, strict=True)), strict=True)),
                ),
            )

    def _score_encoded(
        self,
        candidates: Sequence[Candidate],
        encoded: Sequence[Encoded],
        memory: Memory,
        first_tokens: int | None,
    ) -> Iterator[Found | None]:
        packs = plan(
            [one.input_ids for one in encoded],
            self._max_tokens if self.packed else 1,  # a token: every candidate alone
            [candidate.problem for candidate in candidates],
            first_tokens,
            memory.known,
            [one.reads for one in encoded],
        )
        names = ("raw", "single") if self._opened.cumulative else tuple(self._opened.extras)
        while readings := self._read_next(packs, encoded, memory):
            for index, reading in readings:
                candidate = self._as_judged(candidates[index])
                finite = torch.isfinite(reading).all(dim=0)
                if not finite.all():
                    name = f" of candidate {candidate.id!r}" if candidate.id else ""
                    way_out = (
                        "its weights are damaged (download it again) or it failed in training"
                        if self.dtype == torch.float32
                        else "try dtype float32"
                    )
                    raise ModelError(
                        f"{self.model_id} gives step {int((~finite).nonzero()[0]) + 1}{name} a "
                        f"number that is not finite in {self.dtype}; {way_out}"
                    )
                yield (
                    index,
                    ScoredCandidate(
                        candidate,
                        tuple(probability(reading[0]).tolist()),
                        tuple(reading[0].tolist()),
                        self.model_id,
                        {
                            name: tuple(values.tolist())
                            for name, values in zip(names, reading[1:], strict=True)
                        },
                    ),
                )
            yield None

    def _read_next(
        self, packs: Iterator[Pack], encoded: Sequence[Encoded], memory: Memory
    ) -> list[tuple[int, Tensor]]:
        """The readings of the next pack by candidate; none when there is no next pack."""
        with self._running:
            pack = next(packs, None)
            return [] if pack is None else list(self._read_within_memory(pack, encoded, memory))

    def _read_within_memory(
        self, pack: Pack, encoded: Sequence[Encoded], memory: Memory
    ) -> Iterator[tuple[int, Tensor]]:
        """`_read`, in halves where memory does not suffice for the whole."""
        try:
            results = self._read(pack, encoded, memory)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            results = None  # go on outside, where the failed pass no longer holds its tensors
        if results is not None:
            yield from zip(pack.members, results, strict=True)
            return
        memory.clear()
        sequences = [encoded[i].input_ids for i in pack.members]
        n_tokens = sum(len(one.token_ids) for one in plan(sequences, sum(map(len, sequences))))
        parts = list(plan(sequences, n_tokens // 2))
        if len(parts) == 1 and pack.first_row == 0:
            raise ModelError(
                f"memory on {self.device} does not suffice for one candidate of {n_tokens:,} "
                f"tokens with {self.model_id}; shorten it, or use a smaller model or dtype"
            )
        logger.warning(
            "out of memory on %s with %d tokens at once; going on with %d parts",
            self.device,
            n_tokens,
            len(parts),
        )
        for part in parts:
            memory.clear()
            members = tuple(pack.members[i] for i in part.members)
            yield from self._read_within_memory(replace(part, members=members), encoded, memory)

    @torch.inference_mode()
    def _read(self, pack: Pack, encoded: Sequence[Encoded], memory: Memory) -> list[Tensor]:
        """What each member's steps are given, float32 on the CPU, from one forward pass.

        Candidates that share a step share its row, and it is read once.

        Returns:
            Per member [1 + E, S]: log-odds, then what the family says beside them.
        """
        steps: dict[_Step, int] = {}
        of_members: list[list[int]] = []
        for i, index in enumerate(pack.members):
            rows, one = pack.rows(i), encoded[index]
            nothing = ((),) * len(one.positions)
            of_members.append([])
            for position, tokens, said in zip(
                one.positions, one.evidence or nothing, one.calculator or nothing, strict=True
            ):
                before = tuple((rows[t - 1], one.input_ids[t]) for t in tokens)
                step = (rows[position], before, said)
                of_members[-1].append(steps.setdefault(step, len(steps)))

        seen = [(*token, i) for i, (_, tokens, _) in enumerate(steps) for token in tokens]
        said_of = [said for _, _, said in steps] if self.calculator else None
        rows = sorted({row for row, _, _ in steps} | {row for row, _, _ in seen})
        if self.packed:
            sequences = [one.input_ids for one in encoded]
            hidden, place = memory.read(pack, rows, sequences)
        else:
            of_each = [forward.read_alone(one, pack.token_ids, rows) for one in self._backbones]
            hidden = torch.cat(of_each, dim=1)  # [R, H], or [R, 2H] with a second backbone
            place = {row: i for i, row in enumerate(rows)}

        def index_of(numbers: list[int]) -> Tensor:
            return torch.tensor(numbers, dtype=torch.int64, device=hidden.device)

        of_steps = hidden[index_of([place[row] for row, _, _ in steps])]  # [S, H]
        log_odds = self._opened.readout(
            of_steps,
            Evidence(
                hidden=hidden[index_of([place[row] for row, _, _ in seen])],
                token_ids=index_of([token for _, token, _ in seen]),
                step=index_of([i for _, _, i in seen]),
                calculator=None if said_of is None else torch.tensor(said_of, device=hidden.device),
            )
            if seen or said_of
            else None,
        )
        if log_odds.shape != (len(steps),):
            raise ModelError(
                f"{self.model_id} gave {tuple(log_odds.shape)} numbers for {len(steps)} steps"
            )
        extras = [read(of_steps) for read in self._opened.extras.values()]
        readings = torch.stack([log_odds, *extras]).float().cpu()
        if not self._opened.cumulative:
            return [readings[:, of_member] for of_member in of_members]
        added = [readings[0, of_member] for of_member in of_members]
        return [torch.stack([one.cumsum(0), one.cumsum(0), one]) for one in added]


def _probabilities(log_odds: Sequence[float]) -> tuple[float, ...]:
    return tuple(probability(torch.tensor(log_odds)).tolist())


def _with_beats(
    values: Iterator[Encoded], beat_s: float | None
) -> Generator[None, None, list[Encoded]]:
    """All values as a list, giving None whenever that many seconds passed."""
    found, said = [], time.monotonic()
    for value in values:
        found.append(value)
        if beat_s is not None and time.monotonic() - said >= beat_s:
            yield None
            said = time.monotonic()
    return found


def explanation(
    tokenizer: PreTrainedTokenizerBase,
    encoded: Encoded,
    steps: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
) -> Explanation:
    """A prompt as people can read it; see `Explanation`. Without `steps`, one place for each."""
    ids, n_read = list(encoded.input_ids), len(encoded.positions)
    return Explanation(
        encoded.input_ids,
        tuple(tokenizer.convert_ids_to_tokens(ids)),
        encoded.positions,
        tuple(range(n_read) if steps is None else steps),
        tuple([""] * n_read if names is None else names),
        str(tokenizer.decode(ids, clean_up_tokenization_spaces=False)),
    )


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
    # Where a step is read at several places, the last one says it.
    places = {
        step: StepPosition(step, at, str(scorer.tokenizer.decode([prompt.input_ids[at]])))
        for prompt in scorer.explain(candidate)
        for at, step in zip(prompt.positions, prompt.steps, strict=True)
    }
    return [places[step] for step in sorted(places)]

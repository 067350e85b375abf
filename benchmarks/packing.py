"""How fast packed scoring is against one candidate at a time, on this machine, in one run.

Both ways run the same random weights through the same `Scorer`, taking turns, and their
probabilities are compared. The workloads are token ids from a seed, so nothing is downloaded and
tokenization does not count:

- best-of-8: 4 problems with 8 solutions each, which share only their problem;
- beam-64: 64 paths of 10 steps as a beam search leaves them, most steps shared;
- trace-4k: one long chain of reasoning, where there is nothing to share.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import torch
from transformers import AutoModel, PreTrainedModel, Qwen2Config

from prm_core.errors import BadOptionError, PRMError
from prm_core.families import OpenedModel, Readout
from prm_core.families.heads import ValueHead
from prm_core.models.device import Placement, choose_device
from prm_core.scoring.local import Scorer
from prm_core.scoring.trie import plan
from prm_core.types import Candidate, Encoded


@dataclass(frozen=True, slots=True)
class Workload:
    """Candidates as token ids.

    Attributes:
        name: what tables call it.
        candidates: their `id` is the key of `encoded`; their texts are never read.
        encoded: ids and positions.
    """

    name: str
    candidates: tuple[Candidate, ...]
    encoded: dict[str, Encoded]

    def encode(self, candidate: Candidate) -> Encoded:
        """What a family's `encode` would give for a text."""
        return self.encoded[candidate.id]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One workload, both ways; medians in seconds.

    Attributes:
        n_candidates, n_steps: of the workload.
        n_tokens: of all candidates; what one at a time computes.
        n_unique: of the trie; what packed computes.
        alone_s, packed_s: median time of one call.
        speed: how many times faster packed is.
        difference: largest difference between the two probabilities of a step.
    """

    workload: str
    n_candidates: int
    n_steps: int
    n_tokens: int
    n_unique: int
    alone_s: float
    packed_s: float
    speed: float
    difference: float


_MARKER = 0
"""Token id that ends a step; texts use the others."""


class _Writer:
    """Problems and steps of random tokens, in the lengths of real ones."""

    def __init__(self, seed: int, n_vocabulary: int) -> None:
        self._random = random.Random(seed)
        self._n_vocabulary = n_vocabulary

    def _text(self, shortest: int, longest: int) -> tuple[int, ...]:
        length = self._random.randint(shortest, longest)
        return tuple(self._random.randrange(1, self._n_vocabulary) for _ in range(length))

    def problem(self) -> tuple[int, ...]:
        return self._text(110, 190)

    def step(self) -> tuple[int, ...]:
        return (*self._text(16, 32), _MARKER)

    def best_of_8(self) -> list[list[tuple[int, ...]]]:
        """Pieces of 4 × 8 candidates: the problem, then 6 to 12 steps."""
        return [
            [problem, *(self.step() for _ in range(self._random.randint(6, 12)))]
            for problem in [self.problem() for _ in range(4)]
            for _ in range(8)
        ]

    def search(self) -> list[list[list[tuple[int, ...]]]]:
        """The paths of 10 rounds that keep 16 beams at random and extend each by 4 steps."""
        beams = [[self.problem()]] * 16
        rounds = []
        for _ in range(10):
            rounds.append([[*beam, self.step()] for beam in beams for _ in range(4)])
            beams = self._random.sample(rounds[-1], 16)
        return rounds

    def trace_4k(self) -> list[list[tuple[int, ...]]]:
        """One candidate that fills a context of 4,096 tokens."""
        pieces = [self.problem()]
        while sum(map(len, pieces)) < 4096 - 33:
            pieces.append(self.step())
        return [pieces]


def workloads(n_vocabulary: int, seed: int = 0) -> list[Workload]:
    """The three workloads; equal arguments give equal tokens."""
    writer = _Writer(seed, n_vocabulary)
    return [
        _workload("best-of-8", writer.best_of_8()),
        _workload("beam-64", writer.search()[-1]),
        _workload("trace-4k", writer.trace_4k()),
    ]


def search_workloads(n_vocabulary: int, seed: int = 0) -> list[Workload]:
    """The calls of a beam search, one for each of its 10 rounds."""
    rounds = _Writer(seed, n_vocabulary).search()
    return [_workload(f"round {i}", paths) for i, paths in enumerate(rounds, start=1)]


def _workload(name: str, paths: Sequence[Sequence[tuple[int, ...]]]) -> Workload:
    candidates, encoded = [], {}
    for number, (problem, *steps) in enumerate(paths):
        key = str(number)
        ids = problem
        positions = []
        for step in steps:
            ids += step
            positions.append(len(ids) - 1)
        candidates.append(Candidate(str(problem[:8]), ("step",) * len(steps), key))
        encoded[key] = Encoded(ids, tuple(positions))
    return Workload(name, tuple(candidates), encoded)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of a Qwen2 backbone with random weights.

    Attributes:
        n_layers, hidden_size, mlp_size, n_vocabulary: as its configuration has them.
        head_dim: width of a head; hidden_size / head_dim heads, one in `group` of them with keys.
        group: query heads that share a key head.

    Raises:
        BadOptionError: they do not fit together.
    """

    n_layers: int = 12
    hidden_size: int = 512
    mlp_size: int = 2048
    n_vocabulary: int = 32000
    head_dim: int = 64
    group: int = 4

    def __post_init__(self) -> None:
        multiple = self.head_dim * self.group
        if self.hidden_size % multiple or self.hidden_size < multiple:
            raise BadOptionError(
                f"hidden size is {self.hidden_size}; it must be a multiple of {multiple}"
            )
        if min(self.n_layers, self.mlp_size) < 1 or self.n_vocabulary < 2:
            raise BadOptionError("layers and MLP size must be at least 1, vocabulary 2")


def random_model(sizes: Sizes, placement: Placement) -> tuple[PreTrainedModel, Readout]:
    """A backbone and a value head, the same for equal arguments."""
    n_heads = sizes.hidden_size // sizes.head_dim
    config = Qwen2Config(
        vocab_size=sizes.n_vocabulary,
        hidden_size=sizes.hidden_size,
        intermediate_size=sizes.mlp_size,
        num_hidden_layers=sizes.n_layers,
        num_attention_heads=n_heads,
        num_key_value_heads=n_heads // sizes.group,
        max_position_embeddings=4096,
    )
    with torch.random.fork_rng(devices=[]), placement.device:
        torch.manual_seed(0)
        backbone = AutoModel.from_config(config, dtype=placement.dtype)
        head = ValueHead(sizes.hidden_size)
        torch.nn.init.normal_(head.weight, std=sizes.hidden_size**-0.5)
    for module in (backbone, head):
        module.train(False).requires_grad_(False)
    assert isinstance(backbone, PreTrainedModel)
    return backbone, lambda hidden, _=None: head(hidden)


def run_bench(
    sizes: Sizes,
    *,
    repeats: int = 3,
    device: str = "auto",
    dtype: str = "auto",
    report: Callable[[str], None] | None = None,
) -> tuple[Placement, list[Measurement]]:
    """Measure the three workloads on a Qwen2 backbone of random weights.

    Args:
        sizes: of the backbone.
        repeats: how often each way is timed after the warm-up; the median counts.
        device, dtype: as in `load_scorer`.
        report: called with the workload's name before it is measured.

    Raises:
        BadOptionError: the device is not here, or there is nothing to repeat.
    """
    if repeats < 1:
        raise BadOptionError(f"repeats is {repeats}; it must be at least 1")
    placement = choose_device(device, dtype)
    backbone, readout = random_model(sizes, placement)
    measured = []
    for work in workloads(sizes.n_vocabulary):
        if report is not None:
            report(work.name)
        alone, packed = (
            Scorer(
                model_id="random weights",
                family="value_head",
                backbones=[backbone],
                opened=OpenedModel(work.encode, readout),
                placement=placement,
                keep_bytes=0,
                packed=packed,
            )
            for packed in (False, True)
        )
        measured.append(_measure(work, alone, packed, repeats))
    return placement, measured


def _measure(work: Workload, alone: Scorer, packed: Scorer, repeats: int) -> Measurement:
    """Both ways take turns, so that whatever else the machine does hits both alike."""
    times: dict[Scorer, list[float]] = {alone: [], packed: []}
    results = {scorer: scorer.score(work.candidates[:8]) for scorer in times}  # warm-up
    for _ in range(repeats):
        for scorer, taken in times.items():
            started = now(scorer.device)
            results[scorer] = scorer.score(work.candidates)
            taken.append(now(scorer.device) - started)
    sequences = [work.encoded[candidate.id].input_ids for candidate in work.candidates]
    n_tokens = sum(map(len, sequences))
    alone_s, packed_s = (statistics.median(taken) for taken in times.values())
    return Measurement(
        workload=work.name,
        n_candidates=len(sequences),
        n_steps=sum(len(one.steps) for one in work.candidates),
        n_tokens=n_tokens,
        n_unique=sum(len(pack.token_ids) for pack in plan(sequences, n_tokens)),
        alone_s=alone_s,
        packed_s=packed_s,
        speed=alone_s / packed_s,
        difference=max(
            abs(p - q)
            for one, other in zip(results[alone], results[packed], strict=True)
            for p, q in zip(one.probabilities, other.probabilities, strict=True)
        ),
    )


def now(device: torch.device) -> float:
    """Seconds. On one CPU thread its own time, which other programs do not stretch."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    if device.type == "cpu" and torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    for name, default, text in (
        ("layers", 12, "layers of the backbone"),
        ("hidden", 512, "its hidden size, a multiple of 256"),
        ("mlp", 2048, "its MLP size"),
        ("vocab", 32000, "its vocabulary"),
        ("repeats", 3, "timed repetitions; the median counts"),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help=f"{text} (default {default})"
        )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: torch's)")
    parser.add_argument("--device", default="auto", help="auto, cpu, mps, cuda, cuda:1")
    parser.add_argument("--dtype", default="auto", help="auto, float32, bfloat16, float16")


def main(options: argparse.Namespace) -> int:
    """Run, print a table for people and one line of JSON for scripts; the exit code."""
    if options.threads is not None:
        if options.threads < 1:
            raise BadOptionError(f"threads is {options.threads}; it must be at least 1")
        torch.set_num_threads(options.threads)
    placement, measured = run_bench(
        Sizes(options.layers, options.hidden, options.mlp, options.vocab),
        repeats=options.repeats,
        device=options.device,
        dtype=options.dtype,
        report=lambda name: print(f"measuring {name} …", file=sys.stderr),
    )
    n_threads = torch.get_num_threads()
    on_cpu = placement.device.type == "cpu"
    clock = "CPU time" if on_cpu and n_threads == 1 else "wall time"
    print(
        f"Qwen2 backbone, {options.layers} layers, hidden {options.hidden}, MLP {options.mlp}, "
        f"vocabulary {options.vocab}, random weights, {placement.dtype}, {placement.device}"
        + (f" with {n_threads} thread{'s' * (n_threads > 1)}" if on_cpu else "")
        + f"; median {clock} of {options.repeats}"
    )
    print(
        f"{'workload':<11}{'candidates':>11}{'steps':>7}{'tokens':>8}{'unique':>8}"
        f"{'one by one':>12}{'packed':>10}{'faster':>8}{'max |Δp|':>10}"
    )
    for row in measured:
        print(
            f"{row.workload:<11}{row.n_candidates:>11}{row.n_steps:>7}{row.n_tokens:>8}"
            f"{row.n_unique:>8}{row.alone_s:>10.2f} s{row.packed_s:>8.2f} s{row.speed:>7.2f}x"
            f"{row.difference:>10.1e}"
        )
    conditions = {
        "layers": options.layers,
        "hidden": options.hidden,
        "mlp": options.mlp,
        "vocab": options.vocab,
        "repeats": options.repeats,
        "device": str(placement.device),
        "dtype": str(placement.dtype).removeprefix("torch."),
        "threads": n_threads,
        "clock": clock,
        "torch": torch.__version__,
    }
    print(json.dumps({"conditions": conditions, "measured": [asdict(row) for row in measured]}))
    return 0


if __name__ == "__main__":
    command = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(command)
    try:
        sys.exit(main(command.parse_args()))
    except PRMError as error:
        sys.exit(f"error: {error}")

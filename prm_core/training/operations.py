"""The table of operations is learned from solutions whose every step is right.

At every operation of a solution the pair of numbers that it takes competes with other pairs that
were known there, and its operation against the five others. Both are cross-entropies, and their sum
is minimised.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from zlib import crc32

import torch
from torch import Tensor, nn
from torch.nn import functional

from prm_core.calculator import read_solution
from prm_core.calculator.operations import BUCKETS, HIDDEN, OPERATIONS, Pair, Situation, Table


@dataclass(frozen=True, slots=True)
class TableConfig:
    """How the table is learned.

    Attributes:
        epochs: how often the solutions are seen.
        batch_size: operations a step of the optimizer.
        learning_rate: at first; it falls to 0.
        others: pairs that compete with the one that was taken, at most.
        dropout: share of the words that are not seen.
        decay: weight of the mean square of the table, times 100.
        seed: of weights, order and what is dropped.
    """

    epochs: int = 4
    batch_size: int = 128
    learning_rate: float = 4e-3
    others: int = 8
    dropout: float = 0.25
    decay: float = 3e-4
    seed: int = 0


class Choice(NamedTuple):
    """One operation of a solution.

    Attributes:
        pairs: buckets of the pair taken, and of others that were not.
        question: buckets of the question.
        operation: index of what was done with the first pair.
    """

    pairs: list[list[int]]
    question: list[int]
    operation: int


def teaches(problem: str) -> bool:
    """Whether the table may learn from a problem: four in five.

    Errors are put into the solutions of the others, so that a head learns how odd the table finds
    what is new to it.
    """
    return crc32(" ".join(problem.split()).encode()) % 5 > 0


def choices(
    solutions: Iterable[tuple[str, Sequence[str]]], n_others: int, rng: random.Random
) -> list[Choice]:
    """All operations of some right solutions, each beside pairs that it did not take."""
    found = []
    for problem, steps in solutions:
        situation = Situation(problem)
        for one in read_solution(problem, steps):
            step = situation.step(one.reading)
            for pair, operation in step.taken:
                others = [p for p in step.known if sorted(p.values) != sorted(pair.values)]
                some: list[Pair] = rng.sample(others, min(n_others, len(others)))
                ids = [p.ids for p in (pair, *some)]
                found.append(Choice(ids, situation.question, operation))
    return found


class _Net(nn.Module):
    """`Table.log_odds`, in torch."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.EmbeddingBag(BUCKETS, HIDDEN + len(OPERATIONS), mode="sum")
        nn.init.normal_(self.words.weight[:, :HIDDEN], std=0.05)
        nn.init.zeros_(self.words.weight[:, HIDDEN:])
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.out = nn.Linear(HIDDEN, len(OPERATIONS))
        self.dropout = nn.Dropout(0.2)

    def forward(self, ids: Tensor, starts: Tensor) -> Tensor:
        summed = self.words(ids, starts)
        inner = self.dropout(torch.tanh(summed[:, :HIDDEN] + self.bias))
        scores: Tensor = self.out(inner) + summed[:, HIDDEN:]
        return scores


def learn_table(solutions: Iterable[tuple[str, Sequence[str]]], config: TableConfig) -> Table:
    """Learn the table from right solutions, on one CPU in a minute or two.

    Args:
        solutions: (problem, steps), without calculator marks.
        config: how.
    """
    torch.manual_seed(config.seed)
    rng = random.Random(config.seed)
    data = choices(solutions, config.others, rng)
    net = _Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=config.learning_rate)
    size = config.batch_size
    n_steps = max(1, config.epochs * (len(data) // size))
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, n_steps)
    for _ in range(config.epochs):
        rng.shuffle(data)
        for start in range(0, len(data) - size + 1, size):
            loss = _loss(net, data[start : start + size], config.dropout, rng)
            loss = loss + config.decay * net.words.weight.square().sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    weights = (net.words.weight, net.bias, net.out.weight.T, net.out.bias)
    return Table(*(weight.detach().numpy() for weight in weights))


def _loss(net: _Net, batch: Sequence[Choice], dropout: float, rng: random.Random) -> Tensor:
    """Of the operation between the pair taken, and of this pair among the others."""
    ids: list[int] = []
    starts: list[int] = []
    rows: list[int] = []  # which choice a pair belongs to
    for number, choice in enumerate(batch):
        question = [i for i in choice.question if rng.random() >= dropout]
        for pair in choice.pairs:
            starts.append(len(ids))
            rows.append(number)
            ids += question + [i for i in pair if rng.random() >= dropout]
    scores = net(torch.tensor(ids), torch.tensor(starts))
    row = torch.tensor(rows)
    taken = torch.tensor([i for i, r in enumerate(rows) if not i or rows[i - 1] != r])
    wanted = torch.tensor([choice.operation for choice in batch])
    totals = scores.logsumexp(dim=1)
    width = max(len(choice.pairs) for choice in batch)
    table = totals.new_full((len(batch), width), -torch.inf)
    table[row, torch.arange(len(rows)) - taken[row]] = totals
    among = functional.cross_entropy(table, torch.zeros(len(batch), dtype=torch.int64))
    return functional.cross_entropy(scores[taken], wanted) + among

"""Training rows and batches: a labelled solution as ids, places, labels and targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from prm_core.calculator.operations import N_FEATURES
from prm_core.families.value_head import Template, encode
from prm_core.scoring.trie import Pack, plan
from prm_core.training.loss import Loss, collate_labels
from prm_core.types import Encoded, Example

NOT_ASKED = -1
"""The value of a row's targets where the language model has no target."""

_PACK_TOKENS = 256
"""Tokens of a pack: a problem with its solutions, while attention costs little beside the rest."""


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A solution in the form used for training.

    Attributes:
        input_ids: [T].
        positions: [S]; where each step is judged.
        labels: [S]; P(step is right), None for a step without a label.
        evidence: (index of the token, index of its step) of every token that counts.
        targets: [T]; the right token here, `NOT_ASKED` where there is no target.
        weights: [T]; of each target in the language-model term.
        calculator: [S][F]; the calculator's features of the steps; empty if it is not used.
        begin: index of the first token after the problem.
    """

    input_ids: tuple[int, ...]
    positions: tuple[int, ...]
    labels: tuple[float | None, ...]
    evidence: tuple[tuple[int, int], ...]
    targets: tuple[int, ...]
    weights: tuple[float, ...]
    calculator: tuple[tuple[float, ...], ...] = ()
    begin: int = 0

    @property
    def problem(self) -> tuple[int, ...]:
        """What the solutions of one problem begin with."""
        return self.input_ids[: self.begin]


def flat_evidence(encoded: Encoded) -> tuple[tuple[int, int], ...]:
    """(index of the token, index of its step) of every evidence token."""
    return tuple((t, s) for s, tokens in enumerate(encoded.evidence) for t in tokens)


def steps_begin(tokenizer: PreTrainedTokenizerBase, template: Template, problem: str) -> int:
    """Index of the first token after the problem, in the output of `encode`."""
    before, after = template.problem
    piece = tokenizer.encode(
        f"{before}{problem.strip()}{after}", add_special_tokens=False, split_special_tokens=True
    )
    begin = len(piece) + (template.bos is not None) + (template.problem_end is not None)
    return max(1, begin)  # the first token has nothing before it to predict it


def labelled_row(
    tokenizer: PreTrainedTokenizerBase, template: Template, example: Example
) -> TrainingRow:
    """A labelled solution, encoded as it is for scoring.

    The language model's targets are the tokens of the right steps, and nothing else: what a wrong
    step should have said is not known.
    """
    encoded = encode(tokenizer, template, example.candidate)
    ids = encoded.input_ids
    targets = [NOT_ASKED] * len(ids)
    first = begin = steps_begin(tokenizer, template, example.candidate.problem)
    for end, label in zip(encoded.positions, example.labels, strict=True):
        if label is not None and label >= 0.5:
            targets[begin : end + 1] = ids[begin : end + 1]
        begin = end + 1
    weights = tuple(float(target != NOT_ASKED) for target in targets)
    return TrainingRow(
        ids,
        encoded.positions,
        example.labels,
        flat_evidence(encoded),
        tuple(targets),
        weights,
        encoded.calculator,
        first,
    )


def without_operations(row: TrainingRow) -> TrainingRow:
    """The row as if the table of operations, whose features come last, could look up nothing."""
    unsaid = (0.0,) * N_FEATURES
    return replace(row, calculator=tuple(said[:-N_FEATURES] + unsaid for said in row.calculator))


@dataclass(frozen=True, slots=True)
class Laid:
    """Where the tokens of several rows are in a batch.

    Attributes:
        token_ids: of each of the B sequences.
        at: per row, its sequence and the column of each of its tokens.
        packs: the sequences as tries; empty if each is a row.
    """

    token_ids: Sequence[Sequence[int]]
    at: Sequence[tuple[int, Sequence[int]]]
    packs: Sequence[Pack] = ()


def _lay_alone(rows: Sequence[TrainingRow]) -> Laid:
    """Every row is a sequence of its own."""
    ids = [row.input_ids for row in rows]
    return Laid(ids, [(b, range(len(some))) for b, some in enumerate(ids)])


def _lay_packed(rows: Sequence[TrainingRow]) -> Laid:
    """Rows that begin alike are one sequence, in which the beginning is there once."""
    ids = [row.input_ids for row in rows]
    packs = list(plan(ids, max(_PACK_TOKENS, *map(len, ids))))
    at: list[tuple[int, Sequence[int]]] = [(0, ())] * len(rows)
    for b, pack in enumerate(packs):
        for i, row in enumerate(pack.members):
            at[row] = (b, pack.rows(i))
    return Laid([pack.token_ids for pack in packs], at, packs)


def _as_alone(packs: Sequence[Pack], width: int) -> dict[str, Tensor]:
    """Positions and mask with which every branch of a pack is read as it would be alone.

    Returns:
        position_ids [B, T]; attention_mask [B, 1, T, T], True where a token looks. Padding sees
        itself, for a softmax over nothing is not a number.
    """
    depths = torch.zeros(len(packs), width, dtype=torch.int64)
    mask = torch.eye(width, dtype=torch.bool).repeat(len(packs), 1, 1, 1)
    for b, pack in enumerate(packs):
        depths[b, : len(pack.depths)] = torch.tensor(pack.depths)
        for segment in pack.segments:
            some = slice(segment.start, segment.stop)
            for start, stop in segment.path:
                mask[b, 0, some, start:stop] = True
            own = mask[b, 0, some, some]
            own.tril_()
    return {"position_ids": depths, "attention_mask": mask}


def collate(
    rows: Sequence[TrainingRow], pad: int, loss: Loss, *, pack: bool = False
) -> dict[str, Tensor]:
    """Rows stacked into a batch, padded at the right; causal attention needs no mask for that.

    Args:
        rows: R of them, with S steps, E evidence tokens and N targets in all.
        pad: any token id; no place that is read can see it.
        loss: gives each step's weight and the steps that are compared.
        pack: read what rows begin alike with once; for a backbone that takes a mask of its own.

    Returns:
        input_ids [B, T], B = R unless they are packed; rows, positions, labels and step_weights
        [S]; evidence [E, 4] (sequence, token, the token before it, step in the batch); calculator
        [S, F], or [0] if it is not used; pairs [P, 2] (steps in the batch); target_rows,
        target_positions (those of the tokens before), targets and target_weights [N]. If packed,
        position_ids [B, T] and attention_mask [B, 1, T, T].
    """
    laid = _lay_packed(rows) if pack else _lay_alone(rows)
    width = max(map(len, laid.token_ids))
    ids = torch.full((len(laid.token_ids), width), pad)
    for b, some in enumerate(laid.token_ids):
        ids[b, : len(some)] = torch.tensor(some)
    of_step: list[int] = []
    positions: list[int] = []
    evidence: list[tuple[int, int, int, int]] = []
    asked: list[tuple[int, int, int]] = []
    weights: list[float] = []
    for row, (b, at) in zip(rows, laid.at, strict=True):
        first = len(positions)
        evidence += [(b, at[token], at[token - 1], first + step) for token, step in row.evidence]
        of_step += [b] * len(row.positions)
        positions += [at[position] for position in row.positions]
        if loss.lm_weight:
            for t, target in enumerate(row.targets):
                if target != NOT_ASKED:
                    asked.append((b, at[t - 1], target))
                    weights.append(row.weights[t])
    places = torch.tensor(asked, dtype=torch.int64).reshape(-1, 3)
    return {
        "input_ids": ids,
        "rows": torch.tensor(of_step),
        "positions": torch.tensor(positions),
        **collate_labels([row.labels for row in rows], loss),
        "evidence": torch.tensor(evidence, dtype=torch.int64).reshape(-1, 4),
        "calculator": torch.tensor([said for row in rows for said in row.calculator]),
        "target_rows": places[:, 0],
        "target_positions": places[:, 1],
        "targets": places[:, 2],
        "target_weights": torch.tensor(weights),
        **(_as_alone(laid.packs, width) if pack else {}),
    }

"""Training rows and batches: a labelled solution as ids, places, labels and targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from prm_core.families.value_head import Template, encode
from prm_core.training.loss import Loss, collate_labels
from prm_core.types import Encoded, Example

NOT_ASKED = -1
"""The value of a row's targets where the language model has no target."""


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
    """

    input_ids: tuple[int, ...]
    positions: tuple[int, ...]
    labels: tuple[float | None, ...]
    evidence: tuple[tuple[int, int], ...]
    targets: tuple[int, ...]
    weights: tuple[float, ...]
    calculator: tuple[tuple[float, ...], ...] = ()


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
    begin = steps_begin(tokenizer, template, example.candidate.problem)
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
    )


def collate(rows: Sequence[TrainingRow], pad: int, loss: Loss) -> dict[str, Tensor]:
    """Rows stacked into a batch, padded at the right; causal attention needs no mask for that.

    Args:
        rows: B of them, with S steps, E evidence tokens and N targets in all.
        pad: any token id; no place that is read can see it.
        loss: gives each step's weight and the steps that are compared.

    Returns:
        input_ids [B, T]; rows, positions, labels and step_weights [S]; evidence [E, 3] (row,
        token, step in the batch); calculator [S, F], or [0] if it is not used; pairs [P, 2]
        (steps in the batch); target_rows,
        target_positions, targets and target_weights [N].
    """
    width = max(len(row.input_ids) for row in rows)
    ids = torch.full((len(rows), width), pad)
    of_step: list[int] = []
    positions: list[int] = []
    evidence: list[tuple[int, int, int]] = []
    asked: list[tuple[int, int, int]] = []
    weights: list[float] = []
    for b, row in enumerate(rows):
        ids[b, : len(row.input_ids)] = torch.tensor(row.input_ids)
        first = len(positions)
        evidence += [(b, token, first + step) for token, step in row.evidence]
        of_step += [b] * len(row.positions)
        positions += row.positions
        if loss.lm_weight:
            for t, target in enumerate(row.targets):
                if target != NOT_ASKED:
                    asked.append((b, t, target))
                    weights.append(row.weights[t])
    places = torch.tensor(asked, dtype=torch.int64).reshape(-1, 3)
    return {
        "input_ids": ids,
        "rows": torch.tensor(of_step),
        "positions": torch.tensor(positions),
        **collate_labels([row.labels for row in rows], loss),
        "evidence": torch.tensor(evidence, dtype=torch.int64).reshape(-1, 3),
        "calculator": torch.tensor([said for row in rows for said in row.calculator]),
        "target_rows": places[:, 0],
        "target_positions": places[:, 1],
        "targets": places[:, 2],
        "target_weights": torch.tensor(weights),
    }

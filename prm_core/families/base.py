"""What a PRM family is: data plus one function that opens a checkpoint.

A checkpoint, once opened, is two functions: how a candidate becomes token ids with the positions
that are read (`encode`), and how the hidden states at these positions become log-odds
(`readout`). What depends on the checkpoint (its template, its marker, its threshold) is determined
when it is opened. Backbone, packing, batching, order, device and dtype live in
`prm_core.scoring.reader`, once for all families.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prm_core.errors import ModelLoadError
from prm_core.models.weight_files import ModelFolder
from prm_core.types import Candidate, Encoded, StepScorer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint whose backbone and tokenizer are loaded; what a family opens.

    Attributes:
        folder: its files.
        backbone: the stock transformer, without any head.
        tokenizer: as in its files.
        separator: the text after each step, if the user (or the table of known models) named one;
            for families whose checkpoints do not give it.
        reference: a second model to compare with, for families that need one. It reads the same
            tokens, and readouts get [S, 2H].
        head: the folder of the family file and the head, if they are separate from the weights.
    """

    folder: ModelFolder
    backbone: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    separator: str | None = None
    reference: Checkpoint | None = None
    head: ModelFolder | None = None

    @property
    def own(self) -> ModelFolder:
        """Where the family file and the head are."""
        return self.folder if self.head is None else self.head

    @property
    def directory(self) -> Path:
        """Where its files are."""
        return self.folder.path

    @property
    def backbones(self) -> list[PreTrainedModel]:
        """What reads the tokens: hidden states of the second come after those of the first."""
        return [self.backbone, *([self.reference.backbone] if self.reference else [])]

    @property
    def n_hidden(self) -> int:
        """H."""
        return int(self.backbone.config.hidden_size)

    def tensor(self, name: str, shape: Sequence[int | None]) -> Tensor:
        """A tensor of the head, float32, on the backbone's device.

        Args:
            name: as in the weights.
            shape: the required shape; None for any size.

        Raises:
            ModelLoadError: it is missing or has another shape.
        """
        found = self.folder.tensor(name)
        if found is None:
            raise ModelLoadError(
                f"{self.directory}: tensor {name!r} of the head is missing from the weights; "
                "download them again, or name another family (--family)"
            )
        fits = len(found.shape) == len(shape) and all(
            wanted in (None, size) for size, wanted in zip(found.shape, shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise ModelLoadError(
                f"{self.directory}: tensor {name!r} has shape {tuple(found.shape)}, but hidden "
                f"size {self.n_hidden} needs ({wanted})"
            )
        return found.float().to(self.backbone.device)

    def lm_head(self, rows: Sequence[int] | None = None) -> Tensor:
        """[V, H] or [rows, H]: the embedding if the two are tied, else `lm_head.weight`.

        Args:
            rows: which of them; None for all.

        Returns:
            On the backbone's device and in its dtype.

        Raises:
            ModelLoadError: it is missing or has another shape.
        """
        embedding = self.backbone.get_input_embeddings().weight
        assert isinstance(embedding, Tensor)
        n_rows = len(embedding)
        for row in rows or ():
            if row >= n_rows:
                raise ModelLoadError(
                    f"{self.directory}: the score is read at token {row}, but the LM head has "
                    f"{n_rows} rows; tokenizer and weights do not belong together"
                )
        if self.backbone.config.tie_word_embeddings:
            return embedding if rows is None else embedding[list(rows)]
        weight = self.folder.tensor("lm_head.weight")
        if weight is None or weight.shape != embedding.shape:
            raise ModelLoadError(
                f"{self.directory}: 'lm_head.weight' of shape {tuple(embedding.shape)} is missing "
                "from the weights; the score is read from it"
            )
        return (weight if rows is None else weight[list(rows)]).to(embedding)

    def prefix(self) -> list[int]:
        """What the tokenizer puts before a text: its BOS, or nothing."""
        plain: list[int] = self.tokenizer.encode("a", add_special_tokens=False)
        whole: list[int] = self.tokenizer.encode("a")
        start = next(i for i in range(len(whole)) if whole[i : i + len(plain)] == plain)
        return whole[:start]

    def token_id(self, text: str) -> int:
        """The single token that a text is encoded as.

        Raises:
            ModelLoadError: it is several tokens, so this is not the family's tokenizer.
        """
        ids = self.tokenizer.encode(text, add_special_tokens=False)
        if len(ids) != 1:
            raise ModelLoadError(
                f"{self.directory}: {text!r} is {len(ids)} tokens in this tokenizer, but this "
                "family reads it as one; use the tokenizer that was published with the model"
            )
        return int(ids[0])


@dataclass(frozen=True, slots=True)
class Evidence:
    """Tokens whose own probability a readout uses, with their places.

    Attributes:
        hidden: [E, H]; hidden state one token before each of them.
        token_ids: [E] int64; the tokens themselves.
        step: [E] int64; which of the S steps each belongs to.
        calculator: [S, F] float32; the calculator's features of the steps; None if the family does
            not use it.
    """

    hidden: Tensor
    token_ids: Tensor
    step: Tensor
    calculator: Tensor | None = None


class Readout(Protocol):
    """Hidden states at the step positions → log-odds that each step is right."""

    def __call__(self, hidden: Tensor, evidence: Evidence | None = None, /) -> Tensor:
        """
        Args:
            hidden: [S, H], any float dtype; last layer, after the final norm, at the positions.
            evidence: for the tokens in `Encoded.evidence`; None if there are none.

        Returns:
            [S] float32 log-odds on hidden's device.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """A model's output for a candidate's steps.

    Attributes:
        log_odds: that each step is right, [S] float32 on the CPU.
        extras: its other values for each step, by name, [S] float32 each.
    """

    log_odds: Tensor
    extras: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def finite(self) -> Tensor:
        """[S] bool; whether all of a step's values are numbers (not NaN)."""
        return torch.isfinite(torch.stack([self.log_odds, *self.extras.values()])).all(dim=0)


def as_it_is(value: T) -> T:
    """A hook that changes nothing."""
    return value


@dataclass(frozen=True, slots=True)
class OwnSolutions:
    """What a model needs that solves each problem before it judges.

    Attributes:
        lm_head: [V, H]; of the backbone, which writes the solutions.
        add: (candidate, its prompt, the problem's solutions) → the prompt with what they say of
            each step.
    """

    lm_head: Tensor
    add: Callable[[Candidate, Encoded, Sequence[str]], Encoded]


@dataclass(frozen=True, slots=True)
class OpenedModel:
    """A family's checkpoint, ready to use.

    Attributes:
        encode: candidate → ids and positions.
        readout: hidden states → log-odds; its tensors are on the backbone's device.
        threshold: below this probability a step counts as wrong.
        extras: the model's other values for each step, by name: hidden states at the positions,
            [S, H] → [S] float32.
        prepare: the candidate as it is judged: outcome models join its steps into one.
        combine: the final values from those read at a candidate's steps: running sums for
            implicit PRMs.
        note: what readers of results must know about how they were made; part of `model_id`.
        tolerance: how far a probability may be from the same one in another batch.
        calculator: names of the calculator's features that the model sees; empty if none.
        solutions: None for a model that does not solve the problem itself.
    """

    encode: Callable[[Candidate], Encoded]
    readout: Readout
    threshold: float = 0.5
    extras: Mapping[str, Callable[[Tensor], Tensor]] = field(default_factory=dict)
    prepare: Callable[[Candidate], Candidate] = as_it_is
    combine: Callable[[Reading], Reading] = as_it_is
    note: str = ""
    tolerance: float = StepScorer.tolerance
    calculator: tuple[str, ...] = ()
    solutions: OwnSolutions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedInRounds(OpenedModel):
    """A checkpoint that reads every step in separate prompts, for `prm_core.scoring.rounds`.

    Attributes:
        prompt: (candidate, index of the step, log-odds read so far) → the next prompt.
        rounds: for each of these prompts, the names of the places where it is read.
        of_step: all places' log-odds, in order → the step's; the places' own are extras.
    """

    prompt: Callable[[Candidate, int, tuple[float, ...]], Encoded]
    rounds: tuple[tuple[str, ...], ...]
    of_step: Callable[[Sequence[float]], float] = min


Recognises = Callable[[Mapping[str, Any], frozenset[str]], bool]
"""(config.json, names of all tensors) → whether a checkpoint is certainly of a family."""


def class_named(*names: str) -> Recognises:
    """Recognises a checkpoint whose config.json names one of these classes, and no other."""
    return lambda config, tensors: config.get("architectures") in [[name] for name in names]


def never(config: Mapping[str, Any], tensors: frozenset[str]) -> bool:
    """For families whose checkpoints look like others': they must be named."""
    return False


@dataclass(frozen=True, slots=True)
class Family:
    """Models that are prompted and read in the same way.

    Attributes:
        name: its name for `--family` and in checkpoints.
        summary: one sentence for lists: the form of the head, and where it is read.
        open: loaded checkpoint → `OpenedModel`; raises ModelLoadError if a file, a key or a tensor
            is missing or malformed, and names it.
        recognises: (config.json, names of all tensors) → whether a checkpoint is certainly of
            this family.
        takes: what the user may have to give in addition: "separator", "reference".
    """

    name: str
    summary: str
    open: Callable[[Checkpoint], OpenedModel]
    recognises: Recognises = never
    takes: tuple[str, ...] = ()

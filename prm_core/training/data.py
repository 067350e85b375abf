"""Labelled files → training rows and a validation part that shares no problem with them."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from torch.utils.data import Sampler
from transformers import PreTrainedTokenizerBase

from prm_core.errors import BadOptionError, DataError, InputError, check_above_zero
from prm_core.families.value_head import Template, with_solutions
from prm_core.formats.labelled import read_examples
from prm_core.paths import assets_dir
from prm_core.synthetic.gsm8k import read_plans, read_solutions
from prm_core.synthetic.solution import LabelledSolution, Plan
from prm_core.synthetic.stream import generate
from prm_core.training.operations import teaches
from prm_core.training.rows import TrainingRow, labelled_row, without_operations
from prm_core.types import Candidate, Example

MADE = "made"
"""The name of generated solutions."""

_SHARE_AND_WEIGHT = re.compile(
    r"(?P<name>.+?)(?::(?:(?P<after>\d*\.?\d+)-)?(?P<percent>-?\d*\.?\d+)%)?"
    r"(?::(?P<weight>-?\d*\.?\d+))?"
)

SPOILED = "spoiled GSM8K"
"""The name of GSM8K's solutions with errors put in."""


@dataclass(frozen=True, slots=True)
class Source:
    """Labelled solutions that are mixed in with one weight.

    Attributes:
        name: its name in messages and in the model card; a file's path.
        examples: its rows.
        weight: how many times one epoch sees each row; with 0.5, half of them, drawn again for
            every epoch.
        is_known: the table of operations has learned from these problems, whose texts are changed,
            and knows them too well.
    """

    name: str
    examples: tuple[Example, ...]
    weight: float = 1.0
    is_known: bool = False

    def __post_init__(self) -> None:
        check_above_zero(**{f"the weight of {self.name}": self.weight})


def read_source(text: str, *, neutral_is_right: bool = True) -> Source:
    """A file as given to `--data`: FILE, FILE:WEIGHT, FILE:SHARE% or FILE:SHARE%:WEIGHT.

    Of a share only so many of the file's problems are read, with all their solutions. Which ones
    depends only on their text, so that files with the same problems keep the same ones. A share
    may begin later: 8-20% has none of the problems of 8%.

    Raises:
        BadOptionError: the weight is not above 0, or the share not between 0 and 100 %.
        DataError: the file cannot be read or has no rows, or a row is bad; names it.
    """
    name, (after, share), times = _parts(text)
    examples = []
    for example in read_examples(name, neutral_is_right=neutral_is_right):
        if isinstance(example, DataError):
            raise example
        if after <= _number(same_problem(example.candidate.problem)) < share:
            examples.append(example)
    if not examples:
        raise DataError("has no rows", path=name)
    return Source(name, tuple(examples), times)


def _parts(text: str) -> tuple[str, tuple[float, float], float]:
    """The file's name, between which shares its problems are, and its weight."""
    found = None if Path(text).exists() else _SHARE_AND_WEIGHT.fullmatch(text)
    if found is None:
        return text, (0.0, 1.0), 1.0
    after, percent = float(found["after"] or 0), float(found["percent"] or 100)
    if not 0 < percent <= 100:
        raise BadOptionError(f"the share of {found['name']} is {percent:g} %; give 1 to 100")
    if after >= percent:
        raise BadOptionError(
            f"the share of {found['name']} is {after:g} to {percent:g} %; the first must be smaller"
        )
    return found["name"], (after / 100, percent / 100), float(found["weight"] or 1)


def _number(text: str) -> float:
    """A number in [0, 1) that depends only on the text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def made_source(n: int, seed: int, gsm8k: Sequence[Plan] = ()) -> Source:
    """Solutions that `prm_core.synthetic` makes, in the mix that training from scratch ends with.

    Args:
        n: how many.
        seed: the same one makes the same solutions.
        gsm8k: solutions to put errors into, in addition to the generated problems.

    Raises:
        BadOptionError: n is below 1.
    """
    if n < 1:
        raise BadOptionError(f"made is {n}; it must be at least 1")
    rng = random.Random(seed)
    return Source(MADE, _examples((generate(rng, gsm8k=gsm8k) for _ in range(n)), MADE))


def spoiled_sources(n: int, seed: int, solutions: Sequence[tuple[str, list[str]]]) -> list[Source]:
    """GSM8K's solutions, six in ten of them with an error put in, from all problems alike.

    Args:
        n: how many.
        seed: the same one makes the same solutions.
        solutions: (problem, steps with their marks) of each.

    Returns:
        Those of problems that the table of operations has learned from, and those of the others.

    Raises:
        BadOptionError: n is below 1.
    """
    if n < 1:
        raise BadOptionError(f"spoil_gsm8k is {n}; it must be at least 1")
    rng = random.Random(seed)
    known = read_plans(one for one in solutions if teaches(one[0]))
    new = read_plans(one for one in solutions if not teaches(one[0]))
    n_known = round(n * len(known) / (len(known) + len(new)))
    sources = []
    for kind, plans, times in (("known", known, n_known), ("new", new, n - n_known)):
        made = [generate(rng, kinds=["gsm8k"], gsm8k=plans) for _ in range(times)]
        name = f"{SPOILED} ({kind} to the table)"
        sources.append(Source(name, _examples(made, SPOILED), is_known=kind == "known"))
    return [source for source in sources if source.examples]


def _examples(made: Iterable[LabelledSolution], source: str) -> tuple[Example, ...]:
    return tuple(
        Example(Candidate(one.problem, one.steps), tuple(map(float, one.labels)), source)
        for one in made
    )


def same_problem(problem: str) -> str:
    """A problem's text normalised: lower case, single spaces."""
    return " ".join(problem.lower().split())


@cache
def _known_problems() -> frozenset[str]:
    """What the table of operations has learned from, as `same_problem` writes it."""
    gsm8k = read_solutions(assets_dir() / "gsm8k" / "train.jsonl.gz")
    return frozenset(same_problem(problem) for problem, _ in gsm8k if teaches(problem))


def hold_out(
    sources: Sequence[Source], share: float, seed: int
) -> tuple[list[Source], list[Example]]:
    """Keep a share of the problems, with all their solutions, for validation.

    Which problems are held out depends only on their text and the seed, so adding data later does
    not change the choice.

    Raises:
        BadOptionError: the share is not between 0 and 1, or leaves nothing on one side.
    """
    if not 0 < share < 1:
        raise BadOptionError(f"the validation share is {share}; it must be between 0 and 1")

    def held(example: Example) -> bool:
        return _number(f"{seed} {same_problem(example.candidate.problem)}") < share

    validation = [e for source in sources for e in source.examples if held(e)]
    kept = without_problems(sources, validation)
    if not validation or not kept:
        raise BadOptionError(
            f"a validation share of {share} leaves nothing on one side; there are too few problems"
        )
    return kept, validation


def without_problems(sources: Sequence[Source], others: Sequence[Example]) -> list[Source]:
    """The sources without the solutions of problems that `others` have; empty ones are left out."""
    taken = {same_problem(e.candidate.problem) for e in others}
    kept = [
        replace(
            source,
            examples=tuple(
                e for e in source.examples if same_problem(e.candidate.problem) not in taken
            ),
        )
        for source in sources
    ]
    return [source for source in kept if source.examples]


@dataclass(frozen=True, slots=True)
class Encoding:
    """Rows, and what was left out of them.

    Attributes:
        rows: in the examples' order.
        too_long: names of the solutions with too many tokens.
        unlabelled: names of the solutions without a labelled step.
    """

    rows: list[TrainingRow]
    too_long: list[str]
    unlabelled: list[str]


def encode_examples(
    tokenizer: PreTrainedTokenizerBase,
    template: Template,
    source: Source,
    max_tokens: int,
    solutions: Mapping[str, Sequence[str]] | None = None,
) -> Encoding:
    """Encode a source's solutions; unusable ones are named, never truncated.

    What the table of operations says of a problem that it has learned from is hidden.

    Args:
        tokenizer, template: the model's.
        source: the solutions.
        max_tokens: what has more is left out.
        solutions: the backbone's own by problem, for a template with `solver`.

    Raises:
        DataError: a step has no token to read.
    """
    found = Encoding([], [], [])
    for number, example in enumerate(source.examples, start=1):
        name = f"{source.name}: {example.candidate.id or f'solution {number}'}"
        if all(label is None for label in example.labels):
            found.unlabelled.append(name)
            continue
        try:
            row = labelled_row(tokenizer, template, example)
        except InputError as error:
            raise DataError(f"{example.candidate.id}: {error}", path=source.name) from error
        if template.operations and (
            source.is_known or same_problem(example.candidate.problem) in _known_problems()
        ):
            row = without_operations(row)
        own = (solutions or {}).get(example.candidate.problem, ())
        said = with_solutions(template, example.candidate, row.calculator, own)
        row = replace(row, calculator=said)
        if len(row.input_ids) > max_tokens:
            found.too_long.append(f"{name} ({len(row.input_ids):,} tokens)")
        else:
            found.rows.append(row)
    return found


class MixSampler(Sampler[int]):
    """The order in which an epoch sees the rows of several sources.

    Rows of similar length are together: in pools of 50 batches they are sorted by length, and then
    whole batches are shuffled. With groups, their rows stay together in all of this. The order
    depends only on the seed and the epoch.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        weights: Sequence[float],
        lengths: Sequence[int],
        batch_size: int,
        seed: int,
        groups: Sequence[object] | None = None,
    ) -> None:
        """
        Args:
            sizes: rows of each source; the sources' rows are numbered consecutively.
            weights: `Source.weight` of each.
            lengths: tokens of each row.
            batch_size: rows per optimizer step, over all processes.
            seed: of the order.
            groups: the rows that are to be together have the same one; None: no two are.
        """
        self._sizes, self._weights, self._lengths = sizes, weights, lengths
        self._batch_size, self._seed = batch_size, seed
        self._groups = range(len(lengths)) if groups is None else groups
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Set the next epoch, from 0; the trainer does this."""
        self._epoch = epoch

    def __len__(self) -> int:
        return sum(
            round(size * weight) for size, weight in zip(self._sizes, self._weights, strict=True)
        )

    def __iter__(self) -> Iterator[int]:
        rng = random.Random(f"{self._seed} {self._epoch}")
        together: dict[object, list[int]] = {}
        first = 0
        for size, weight in zip(self._sizes, self._weights, strict=True):
            rows = range(first, first + size)
            whole, rest = divmod(round(size * weight), size)
            for copy in range(whole + 1):  # those of a row are in groups apart
                for row in rows if copy < whole else rng.sample(rows, rest):
                    together.setdefault((copy, self._groups[row]), []).append(row)
            first += size
        groups = [*together.values()]
        rng.shuffle(groups)
        chosen = [(max(self._lengths[i] for i in group), i) for group in groups for i in group]
        pool = 50 * self._batch_size
        batches: list[list[int]] = []
        for start in range(0, len(chosen), pool):
            near = [
                row for _, row in sorted(chosen[start : start + pool], key=lambda pair: pair[0])
            ]
            batches += [
                near[i : i + self._batch_size] for i in range(0, len(near), self._batch_size)
            ]
        # Only the last batch may be short, or later batches would shift.
        full = [batch for batch in batches if len(batch) == self._batch_size]
        rng.shuffle(full)
        for batch in full + [batch for batch in batches if len(batch) < self._batch_size]:
            yield from batch

"""Can this checkpoint be trusted to give its authors' numbers?

A model that could be loaded has all its files, in the shapes that its family expects; the checks
here cover what loading cannot see: as many scores as steps, markers in the text that stay text, the
same numbers alone and packed. For models whose authors (or a widely used implementation) published
numbers for an example, the example is scored and compared. The examples are in
`assets/golden.json`, each with its source and the tolerance that half precision needs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from prm_core.catalog import KNOWN_MODELS
from prm_core.errors import ModelError, PRMError
from prm_core.families import FAMILIES
from prm_core.families.prompt import READ, Part, assemble
from prm_core.paths import assets_dir
from prm_core.scoring.load import read_as
from prm_core.scoring.local import Scorer
from prm_core.types import Candidate, ScoredCandidate

_TOLERANCE = {"float32": 1e-4, "bfloat16": 5e-2, "float16": 1e-2}
"""How far packed scores may be from those of one candidate alone, by dtype."""

_TOLERANCE_8BIT = 1e-1
"""8-bit layers also round their inputs, differently beside other tokens."""

_TYPED = "<extra_0> ки + - Y correct [PRM] <+> <extra> <|im_end|> </s> \n\n \n\n\n\n \n\n\n\n\n"
"""Markers of all families in one text."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Published numbers for one example.

    Attributes:
        model: the repository whose numbers these are.
        source: where they are published.
        tolerance: how far a probability may be from them.
        candidate: the example.
        probabilities: of its steps.
        extras: further published numbers of its steps, by name.
        prompt: text before the steps, with "{problem}", if the numbers were not made with the
            model's own prompt; empty otherwise.
        marker: the token after each step of such a prompt.
        family: how they were made, if not by the family that reads the model by its name.
    """

    model: str
    source: str
    tolerance: float
    candidate: Candidate
    probabilities: tuple[float, ...]
    extras: dict[str, tuple[float, ...]] = field(default_factory=dict)
    prompt: str = ""
    marker: str = ""
    family: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was checked, whether it passed, and the details in words."""

    name: str
    good: bool
    text: str


def golden_examples(model: str) -> list[Golden]:
    """The published examples of a repository; none if there are none."""
    rows: list[dict[str, Any]] = json.loads(
        (assets_dir() / "golden.json").read_text(encoding="utf-8")
    )
    return [
        Golden(
            model=row["model"],
            source=row["source"],
            tolerance=row["tolerance"],
            candidate=Candidate(row["problem"], tuple(row["steps"])),
            probabilities=tuple(row["probabilities"]),
            extras={name: tuple(values) for name, values in row.get("extras", {}).items()},
            prompt=row.get("prompt", ""),
            marker=row.get("marker", ""),
            family=row.get("family"),
        )
        for row in rows
        if row["model"] == model
    ]


def examine(scorer: Scorer, golden: Sequence[Golden] = ()) -> Iterator[Finding]:
    """Check a loaded model.

    Args:
        scorer: the model; since it could be loaded, files, tag and head are in order.
        golden: examples to compare with.

    Yields:
        The findings, in the order in which they are made.
    """
    summary = FAMILIES[scorer.family].summary.rstrip(".")
    sees = "; sees a calculator" if scorer.calculator else ""
    yield Finding("family", True, f"{scorer.family}: {summary}{sees}")
    yield Finding("files", True, "tokenizer, template and every tensor of the head are as expected")
    yield Finding("device", True, f"{scorer.device_reason}; {scorer.dtype}")
    for check in (_counts, _typed, _packed):
        try:
            yield check(scorer)
        except PRMError as error:
            yield Finding(check.__name__.strip("_"), False, str(error))
    for number, example in enumerate(golden, start=1):
        name = "golden" if scorer.quantize is None else "rounded"
        name += f" {number}" if len(golden) > 1 else ""
        try:
            yield _compare(scorer, example, name)
        except PRMError as error:
            yield Finding(name, False, str(error))


def verdict(findings: Sequence[Finding]) -> tuple[bool, str]:
    """Whether a model can be trusted, and one line that says why."""
    wrong = [finding for finding in findings if not finding.good]
    if wrong:
        return False, f"not trustworthy: {wrong[0].name}: {wrong[0].text}"
    if any(finding.name.startswith("rounded") for finding in findings):
        return True, (
            "no problems found: loaded, prompted and read as its family requires; the "
            "published numbers are those of its weights as they are, so check them without "
            "--quantize"
        )
    if any(finding.name.startswith("golden") for finding in findings):
        return True, "trustworthy: reproduces the numbers that were published for it"
    return True, (
        "no problems found: loaded, prompted and read as its family requires; there "
        "are no published numbers to compare with"
    )


def _counts(scorer: Scorer) -> Finding:
    """As many scores as steps, for one, two and forty."""
    counts = (1, 2, 40)
    candidates = [
        Candidate("What is 2 + 3?", tuple(f"{i} + 1 = {i + 1}." for i in range(n))) for n in counts
    ]
    fitting = [c for c in candidates if len(scorer.encode(c).input_ids) <= scorer.context]
    whole = False
    for scored in scorer.score(fitting):
        whole |= scored.candidate.whole_of is not None
        n_steps = len(scored.candidate.steps)
        if len(scored.probabilities) != n_steps:
            raise ModelError(f"{len(scored.probabilities)} scores for {n_steps} steps")
    what = "one score for a whole solution" if whole else "as many scores as steps"
    return Finding("counts", True, what)


def _typed(scorer: Scorer) -> Finding:
    """Markers that a user types neither add a scored position nor move one."""
    plain = Candidate("What is 2 + 3?", ("2 + 3 = 5.", "So it is 5."))
    typed = Candidate(f"{_TYPED} {plain.problem}", tuple(f"{s} {_TYPED} x" for s in plain.steps))
    scored, expected = scorer.score([typed, plain])
    if len(scored.probabilities) != len(expected.probabilities):
        raise ModelError("markers in the text are read as ends of steps")
    return Finding("typed", True, "markers in the text are text")


def _packed(scorer: Scorer) -> Finding:
    """Candidates get the same scores together and alone."""
    start = ("I add 2 and 3.", "2 + 3 = 6.")
    candidates = [
        Candidate("What is 2 + 3?", (*start, "So it is 6.")),
        Candidate("What is 2 + 3?", (*start, "No: 2 + 3 = 5.", "So it is 5.")),
        Candidate("What is 2 + 3?", ("2 + 3 = 5.",)),
    ]
    together = scorer.score(candidates)
    alone = []
    for candidate in candidates:
        scorer.forget()
        alone += scorer.score([candidate])
    difference = max(
        abs(a - b)
        for one, other in zip(together, alone, strict=True)
        for a, b in zip(one.probabilities, other.probabilities, strict=True)
    )
    allowed = _TOLERANCE.get(str(scorer.dtype).removeprefix("torch."), 5e-2)
    if scorer.quantize == "8bit":
        allowed = max(allowed, _TOLERANCE_8BIT)
    return Finding(
        "packed",
        difference <= allowed,
        f"together and alone differ by {difference:.1e} (allowed: {allowed:.0e})",
    )


def _compare(scorer: Scorer, example: Golden, name: str) -> Finding:
    """A published example against this model's numbers; rounded weights do not fail it."""
    scored = _score(scorer, example)
    given = {"probabilities": scored.probabilities, **scored.extras}
    pairs: list[tuple[float, float]] = []
    for kind, values in {"probabilities": example.probabilities, **example.extras}.items():
        own = given.get(kind, ())
        if len(own) != len(values):
            raise ModelError(
                f"{len(values)} {kind} of {example.model} are published, but this model gives "
                f"{len(own)} for that example"
            )
        pairs += zip(own, values, strict=True)
    difference = max(abs(got - published) for got, published in pairs)
    rounded = scorer.quantize is not None
    limit = (
        f"{scorer.quantize} weights: not a check" if rounded else f"allowed: {example.tolerance}"
    )
    return Finding(
        name,
        difference <= example.tolerance or rounded,
        f"largest difference {difference:.4f} ({limit}) "
        f"from {len(pairs)} numbers of {example.model}"
        + (f", read as {example.family}" if example.family else "")
        + f"; {example.source}",
    )


def _score(scorer: Scorer, example: Golden) -> ScoredCandidate:
    if example.family not in (None, scorer.family):
        scorer = read_as(scorer, example.family)
    if not example.prompt:
        return scorer.score([example.candidate])[0]
    family = KNOWN_MODELS[example.model].family
    if scorer.family != family:
        raise ModelError(
            f"the numbers of {example.model} are published with a prompt of the family {family}, "
            f"but this model belongs to the family {scorer.family}"
        )
    tokenizer = scorer.tokenizer
    marker = tokenizer.convert_tokens_to_ids(example.marker)
    assert isinstance(marker, int)
    parts: list[Part] = [example.prompt.replace("{problem}", example.candidate.problem)]
    for step in example.candidate.steps:
        parts += [step, marker, READ]
    return scorer.score_encoded(example.candidate, assemble(tokenizer, parts))

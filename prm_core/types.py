"""The records that travel from a user's text to a coloured bar.

All are frozen, hold tuples instead of lists, and check themselves once, when they are made; the
code that takes them trusts them. Indices are 0-based here and in files, 1-based only where people
read them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from prm_core.errors import BadOptionError, InputError, NoStepsError

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def half_character(text: str) -> str:
    """The first unpaired surrogate of a text; empty if there is none.

    JSON can express one, but no file stores it and no tokenizer reads it. Encoding finds it, at
    several times the speed of a search character by character.
    """
    if text.isascii():
        return ""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return text[error.start]
    return ""


def whole_characters(text: str) -> str:
    """A text with the replacement character in place of every unpaired surrogate."""
    if not half_character(text):
        return text
    return _HALF_CHARACTER.sub("\N{REPLACEMENT CHARACTER}", text)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One solution of a problem, split into steps.

    Attributes:
        problem: the task's text; may not be blank.
        steps: the steps as the user wrote them; at least one, none blank. Any sequence of texts;
            kept as a tuple.
        id: names the candidate in results and messages; any text.
        thinking: for each step, whether it is inside the author's thinking (`<think>…</think>`);
            empty if no step is. Thinking is judged, but never contains the final answer.
        tagged_answer: what its text has between answer tags, which are not part of any step; None
            if there are none.
        whole_of: the candidate whose steps are joined here; see `joined`.

    Raises:
        InputError: the problem is blank, the steps are one text instead of several, a text contains
            an unpaired surrogate (invalid Unicode), or thinking and steps differ in number.
        NoStepsError: there is no step, or one is blank.
    """

    problem: str
    steps: tuple[str, ...]
    id: str = ""
    thinking: tuple[bool, ...] = ()
    tagged_answer: str | None = field(default=None, compare=False, repr=False)
    whole_of: Candidate | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        name = f"candidate {self.id!r}" if self.id else "a candidate"
        if not self.problem.strip():
            raise InputError(f"{name} has an empty problem; say what is to be solved")
        steps: object = self.steps
        if isinstance(steps, str):  # its characters would pass as steps
            raise InputError(
                f"the steps of {name} are one text; split it first: "
                "Candidate(problem, split_steps(text))"
            )
        object.__setattr__(self, "steps", tuple(self.steps))
        if not self.steps:
            raise NoStepsError(f"{name} has no steps; write at least one line of reasoning")
        for index, step in enumerate(self.steps):
            if not step.strip():
                raise NoStepsError(f"step {index + 1} of {name} is blank; remove it")
        for text in (self.problem, *self.steps):
            if half := half_character(text):
                raise InputError(
                    f"{name} contains an unpaired surrogate (invalid Unicode), {half!r}; remove it"
                )
        if self.thinking and len(self.thinking) != len(self.steps):
            raise InputError(
                f"{name} has {len(self.thinking)} marks of thinking for {len(self.steps)} steps; "
                "give one for each, or none"
            )
        # One representation of "none", so that equal candidates are equal.
        object.__setattr__(self, "thinking", tuple(self.thinking) if any(self.thinking) else ())

    def joined(self) -> Candidate:
        """The same solution as a single step, for models that judge only whole solutions."""
        if len(self.steps) == 1:
            return self
        text = "\n\n".join(self.steps)
        return Candidate(self.problem, (text,), self.id, whole_of=self.whole_of or self)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A candidate as the model reads it, with the positions that are scored.

    Positions are recorded while the ids are built and never searched for afterwards, so a marker
    in the user's text is text.

    Attributes:
        input_ids: token ids, [T].
        positions: index of the token whose hidden state judges each step, [S]; increasing.
        evidence: for each step, the indices of tokens whose own probability the readout uses
            beside the hidden state; empty for families that use the hidden state alone.
        calculator: for each step, the calculator's findings (`prm_core.calculator`), in [0, 1]
            each; empty for families that do not use it.
    """

    input_ids: tuple[int, ...]
    positions: tuple[int, ...]
    evidence: tuple[tuple[int, ...], ...] = ()
    calculator: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        n_tokens = len(self.input_ids)
        rising = all(a < b for a, b in zip(self.positions, self.positions[1:], strict=False))
        if not self.positions or not rising or not self.positions[0] >= 0:
            raise ValueError(f"positions must be increasing and not empty: {self.positions}")
        if self.positions[-1] >= n_tokens:
            raise ValueError(f"position {self.positions[-1]} is outside {n_tokens} tokens")
        if self.evidence:
            if len(self.evidence) != len(self.positions):
                raise ValueError("evidence needs one entry per step")
            # A token's own probability is read one token earlier, so the first has none.
            for step, end in zip(self.evidence, self.positions, strict=True):
                if any(not 1 <= token <= end for token in step):
                    raise ValueError(f"evidence {step} is outside 1..{end}")
        if self.calculator and len(self.calculator) != len(self.positions):
            raise ValueError("the calculator's evidence needs one entry per step")

    @property
    def reads(self) -> list[int]:
        """Every token whose hidden state is needed, increasing."""
        before = {token - 1 for step in self.evidence for token in step}
        return sorted(before | set(self.positions))


def log_odds(p: float) -> float:
    """ln(p / (1 - p)) of a probability; infinite if it is 0 or 1.

    >>> log_odds(0.5), log_odds(1.0)
    (0.0, inf)
    """
    if p in (0.0, 1.0):
        return math.copysign(math.inf, p - 0.5)
    return math.log(p) - math.log1p(-p)


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """A candidate and the PRM's scores of its steps.

    Attributes:
        candidate: what was scored.
        probabilities: P(step is right, given the problem and the steps so far), [S], float32
            values in [0, 1].
        log_odds: ln(p / (1 - p)) as the model's head gives it, [S]; still orders steps whose
            probability has saturated.
        model_id: the model that scored it.
        extras: the model's other values for each step, by name, [S] each; see the families for
            what they mean ("raw", "redundancies", "spread").
        rationales: what a generative verifier wrote, one text per sample; empty for other models.
    """

    candidate: Candidate
    probabilities: tuple[float, ...]
    log_odds: tuple[float, ...]
    model_id: str
    extras: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    rationales: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n_steps = len(self.candidate.steps)
        for name, values in self.extras.items():
            if len(values) != n_steps:
                raise ValueError(f"{len(values)} {name} for {n_steps} steps")
        if not len(self.probabilities) == len(self.log_odds) == n_steps:
            raise ValueError(
                f"{len(self.probabilities)} probabilities and {len(self.log_odds)} log-odds "
                f"for {n_steps} steps"
            )
        for p in self.probabilities:
            if not 0.0 <= p <= 1.0:  # False for NaN as well
                raise ValueError(f"{p} is not a probability")
        for value in self.log_odds:
            if math.isnan(value):
                raise ValueError("a log-odds value is NaN")

    @property
    def weakest_step(self) -> int:
        """Index of the step with the lowest probability; the first one on a tie."""
        return min(range(len(self.probabilities)), key=lambda i: self.probabilities[i])

    def first_error(self, threshold: float = 0.5) -> int | None:
        """Index of the first step below `threshold`, or None if no step is.

        The threshold belongs to the model and its use; 0.5 is where "right" and "wrong" are
        equally probable.
        """
        return next((i for i, p in enumerate(self.probabilities) if p < threshold), None)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A prompt exactly as the model reads it.

    Attributes:
        input_ids: the token ids that are fed, [T].
        tokens: the same as the vocabulary writes them, [T]; spaces may be "Ġ" or "▁" there.
        positions: the indices of the tokens that are read.
        steps: for each position, the index of the step that is read there.
        names: for each position, "" for the step's probability, else the name of an extra.
        text: the ids decoded to text.
        role: whose turn of a conversation the text is, such as "user"; a server then makes the
            tokens, and there are none here. Empty for a prompt of tokens.
        calculator: for each step the calculator's values that the model sees, (name, value) of
            all that are not 0; empty for models that see none.
        solutions: the model's own solutions of the problem; empty for models that write none.
    """

    input_ids: tuple[int, ...]
    tokens: tuple[str, ...]
    positions: tuple[int, ...]
    steps: tuple[int, ...]
    names: tuple[str, ...]
    text: str
    calculator: tuple[tuple[tuple[str, float], ...], ...] = ()
    solutions: tuple[str, ...] = ()
    role: str = ""


@dataclass(frozen=True, slots=True)
class StepPosition:
    """The token at which one step is judged.

    Attributes:
        step: the step's index, from 0.
        position: the token's index in the prompt, from 0.
        token: the token's text.
    """

    step: int
    position: int
    token: str


@dataclass(frozen=True, slots=True)
class RankedCandidate:
    """A scored candidate at its place in the ranking.

    Attributes:
        rank: from 1; candidates of equal score share a rank, and the next one skips ("1, 1, 3").
        tied: another candidate has the same score.
        index: the candidate's place in the caller's order, from 0.
        score: one number after aggregation.
        scored: the candidate with its step probabilities.
    """

    rank: int
    tied: bool
    index: int
    score: float
    scored: ScoredCandidate


def plain_number(value: Any) -> Any:
    """A number of NumPy or torch as Python has it; anything else as it is."""
    return getattr(value, "tolist", lambda: value)()


def label_probability(label: float | None) -> float | None:
    """A label as P(step is right): 1 and True are right, -1, 0 and False wrong; shares stay.

    None means that the step has no label. -1 and 0 may both mean a wrong step, so a data set
    whose 0 means "neutral" has to be translated first. NumPy's and torch's numbers will do.

    Raises:
        InputError: it is something else.
    """
    label = plain_number(label)
    if label is None:
        return None
    if not isinstance(label, int | float) or not (0 <= label <= 1 or label == -1):
        raise InputError(f"label {label!r} must be 1, -1, None or from 0 to 1")
    return max(float(label), 0.0)


@dataclass(frozen=True, slots=True)
class Example:
    """A solution with the labels that people (or a program) gave its steps: one row of labelled
    data.

    Attributes:
        candidate: the problem and the solution's steps.
        labels: P(step is right) according to the data, [S], in [0, 1]; hard labels are 0.0 and 1.0,
            None for a step without a label.
        source: the data set, such as "processbench/gsm8k".
        answer: the solution's final answer as text; None if there is none.
        gold_answer: the right final answer; None if it is not known.
        correct: whether the final answer is right; None if it is not known.
        error_type: the kind of error, in the data set's own term.

    Raises:
        InputError: labels and steps differ in number, or a label is outside [0, 1].
    """

    candidate: Candidate
    labels: tuple[float | None, ...]
    source: str = ""
    answer: str | None = None
    gold_answer: str | None = None
    correct: bool | None = None
    error_type: str | None = None

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.candidate.steps):
            raise InputError(f"{len(self.labels)} labels for {len(self.candidate.steps)} steps")
        for label in self.labels:
            if label is not None and not 0.0 <= label <= 1.0:
                raise InputError(f"label {label} is not in [0, 1]")

    @classmethod
    def from_labels(
        cls, problem: str, steps: Sequence[str], labels: Sequence[float | None]
    ) -> Example:
        """A training sample, with the labels as data sets and textbooks write them.

        >>> Example.from_labels("What is 8 × 3?", ["8 × 3 = 21.", "So 21."], [-1, -1]).labels
        (0.0, 0.0)

        Args:
            problem: the task's text.
            steps: the steps; a list of one, the whole solution, trains an outcome model.
            labels: one for each step, as `label_probability` takes them.

        Raises:
            InputError: labels and steps differ in number, or a label is invalid.
        """
        candidate = Candidate(problem, cast(tuple[str, ...], steps))  # turned into a tuple there
        return cls(candidate, tuple(map(label_probability, labels)))

    @property
    def first_error(self) -> int | None:
        """Index of the first step whose label is below 0.5, or None if there is none."""
        return next((i for i, y in enumerate(self.labels) if y is not None and y < 0.5), None)

    @property
    def judged(self) -> bool:
        """Whether the labels determine the first error: every step up to it has one."""
        end = self.first_error
        return None not in self.labels[:end]


DTYPE_NAMES = ("float32", "bfloat16", "float16")
"""What a model can compute in."""

QUANTIZED = ("8bit", "4bit")
"""Quantized forms that the weights of a backbone's linear layers can take."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Which model, and how to open it; can be pickled, and validates nothing itself.

    Attributes:
        model: a folder, or a repository on the Hugging Face Hub ("owner/name"); None for the model
            that ships with the project.
        family: name of the family, if it cannot be detected from the checkpoint or its name.
        revision: branch, tag or commit of the repository.
        separator: the text after each step, for families whose checkpoints do not give it.
        reference: folder or repository of the second model, for families that compare two.
        device, dtype, quantize: as `load_scorer` takes them.
        server: address of a server that runs the model; None for this machine.
        server_model: the model's name on the server, if it differs.
        samples: generative verifiers: how many times each solution is judged.
        max_tokens: generative verifiers: most tokens of one reply.
    """

    model: str | None = None
    family: str | None = None
    revision: str | None = None
    separator: str | None = None
    reference: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    quantize: str | None = None
    server: str | None = None
    server_model: str | None = None
    samples: int | None = None
    max_tokens: int | None = None


Found = tuple[int, ScoredCandidate]
"""A candidate's index in the call, and its scores."""


class StepScorer(Protocol):
    """Anything that gives every step of every candidate a probability.

    A class that inherits from this one must define `model_id` and `score`; the rest has defaults.
    Callers use nothing else of a scorer, so a new one needs no change in them.

    Attributes:
        model_id: the name that results carry.
        threshold: below this probability a step counts as wrong.
        status: what runs it and where, in a few words: "GPU · bf16", "server".
        repeatable: whether a later call gives the same scores, within `tolerance`; False if the
            model samples what it writes.
        tolerance: how far a probability may be from an earlier run's.
        elsewhere: whether another machine does the work, so that this one need not wait.
        solves: whether it first solves each problem itself, which takes a while.
    """

    model_id: str
    threshold: float = 0.5
    status: str = ""
    repeatable: bool = True
    tolerance: float = 0.02  # bfloat16 differs by some thousandths from batch to batch
    elsewhere: bool = False
    solves: bool = False

    def solutions(self, problem: str) -> tuple[str, ...]:
        """The model's own solutions of a problem that it has judged; empty if it writes none."""
        return ()

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        """Score candidates; the result has the same length and order.

        Raises:
            InputError: a candidate cannot be scored, for example because it is too long.
            ModelError: the model does not work.
        """
        ...

    def stream(
        self, candidates: Sequence[Candidate], heartbeat_s: float | None = None
    ) -> Iterator[Found | None]:
        """Like `score`, but yields each candidate with its index as soon as it is scored.

        Args:
            candidates: of one problem, best.
            heartbeat_s: None is yielded whenever about this many seconds pass without a candidate,
                so that the caller can leave; without it, only candidates are yielded.
        """
        for index, candidate in enumerate(candidates):
            yield index, self.score([candidate])[0]

    def check_length(self, candidate: Candidate) -> None:
        """Raise what `score` would raise before the model runs.

        Raises:
            TooLongError: the candidate has more tokens than the model reads.
            UnreadableError: the tokenizer cannot express the problem or a step.
        """
        return None

    def explain(self, candidate: Candidate) -> list[Explanation]:
        """The prompts as the model reads them; none if they are not known."""
        return []

    def close(self) -> None:
        """Release what is cached and the connections; the scorer is not used afterwards."""
        return None


def check_scorer(scorer: StepScorer, *names: str) -> None:
    """Refuse an object that is no whole `StepScorer` at once, not when it is first used.

    Args:
        scorer: what was given as one.
        names: what is used of it.

    Raises:
        BadOptionError: names what is missing.
    """
    if missing := [name for name in names if not hasattr(scorer, name)]:
        raise BadOptionError(
            f"the scorer, {type(scorer).__name__}, has no {', '.join(missing)}; inherit from "
            "prm_core.StepScorer, which has defaults for all but model_id and score"
        )


SERVED_TOGETHER = 128
"""Solutions in one call of a remote scorer, so that a server always has some to batch."""

WRITTEN_ABOUT_TOGETHER = 32
"""The same for generative verifiers; a kill costs what they wrote about these."""


def suits(scorer: StepScorer) -> int:
    """How many solutions of several problems suit a scorer in one call."""
    if not scorer.elsewhere:
        return 1
    return SERVED_TOGETHER if scorer.repeatable else WRITTEN_ABOUT_TOGETHER

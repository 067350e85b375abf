"""The parts of a session: problems and solutions, with models' scores and people's labels.

    Session
    ├─ models: Model             which models scored; "recorded" if the scores come from a file
    ├─ settings: Settings        which model, rule and threshold are on display
    └─ problems: Problem
       ├─ draft: Draft | None    what the editor contains, if that has changed since
       └─ solutions: Solution    text and steps, labels, notes
          └─ scores: Scores      by the name of the model, perhaps of other steps

All are frozen, equal if their contents are, and check themselves once. `prm_core.session.codec`
writes and reads them; `prm_core.session.convert` makes them from other records and back. `more` is
room for what later versions or other programs add (a search keeps its tree there): any JSON, kept
as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from prm_core.answers.final import final_answer, same_answer
from prm_core.errors import InputError
from prm_core.ranking.aggregate import METHODS
from prm_core.types import Candidate, ScoredCandidate, half_character, log_odds

MAX_PROBLEMS = 100_000
MAX_SOLUTIONS = 1_024
"""Of one problem."""
MAX_STEPS = 5_000
"""Of one solution."""
MAX_MODELS = 64

Label = float | Literal["neutral"] | None
"""A person's label of a step: P(it is right), neither right nor wrong, or nothing."""

Status = Literal["", "done", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class Scores:
    """One model's scores of one solution.

    Attributes:
        probabilities: P(step is right) for each step; or a single one for the whole solution, from
            an outcome model.
        log_odds: ln(p / (1 - p)) of each; if left out, they are computed. An infinite one has the
            sign that belongs to its probability, and may be given as None.
        extras: the model's other values, by name, one for each probability; None if not a number.
        rationales: what a verifier wrote, one text per sample.
        steps: what the model judged, if that is cut differently from the solution; empty if it
            judged the solution's own steps, or the whole.
        thinking: for each of these steps whether it is thinking; empty if none is.

    Raises:
        InputError: a value is not a probability, or they differ in number.
    """

    probabilities: tuple[float, ...]
    log_odds: tuple[float, ...] = ()
    extras: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)
    rationales: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    thinking: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        p = tuple(map(float, self.probabilities))
        if not p:
            raise InputError("probabilities is empty; there must be one for each step")
        for value in p:
            if not 0.0 <= value <= 1.0:
                raise InputError(f"probabilities contains {value}, not a number from 0 to 1")
        given = self.log_odds or tuple(map(log_odds, p))
        extras = {str(name): tuple(map(_finite, values)) for name, values in self.extras.items()}
        for name, values in ("log_odds", given), *extras.items():
            if len(values) != len(p):
                raise InputError(f"{name} has {len(values)} values for {len(p)} probabilities")
        steps, thinking = _steps(self.steps), _marks(self.thinking, len(self.steps))
        if steps and len(steps) != len(p):
            raise InputError(f"steps has {len(steps)} entries for {len(p)} probabilities")
        _set(self, steps=steps, thinking=thinking)
        _set(self, probabilities=p, extras=extras, rationales=_texts("rationales", self.rationales))
        _set(self, log_odds=tuple(_odds(x, y) for x, y in zip(given, p, strict=True)))


def _steps(values: Sequence[str]) -> tuple[str, ...]:
    steps = _texts("steps", values)
    if len(steps) > MAX_STEPS:
        raise InputError(f"steps has {len(steps):,} entries; at most {MAX_STEPS:,} are kept")
    for index, step in enumerate(steps):
        if not step.strip():
            raise InputError(f"steps contains a blank text at place {index}; leave it out")
    return steps


def _marks(values: Sequence[bool], n_steps: int) -> tuple[bool, ...]:
    """Which steps are thinking; empty if none is."""
    if not any(values):
        return ()
    if len(values) != n_steps:
        raise InputError(f"thinking has {len(values)} entries for {n_steps} steps")
    return tuple(values)


def _odds(value: float | None, p: float) -> float:
    """A log-odds value; an infinite one has the sign of its probability."""
    if value is None or math.isinf(value):
        return math.copysign(math.inf, p - 0.5)
    if math.isnan(value):
        raise InputError("log_odds contains NaN, which is not a number")
    return float(value)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


@dataclass(frozen=True, slots=True)
class Solution:
    """One solution: its text, its steps, its scores and labels.

    Attributes:
        name: its name within its problem, such as "A"; unique there.
        text: as it was typed; empty if only its steps are known.
        steps: empty as long as it is not cut.
        thinking: for each step whether it is thinking; empty if none is.
        tagged_answer: what its text has between answer tags; see `Candidate`.
        cut: the step rule that cut the text; empty if the steps were given.
        generator: the author, a model or a person.
        answer: its final answer, if a file gave it; otherwise see `final_answer`.
        correct: whether that is right, if a file says so.
        scores: the models' scores, by the name of the model; a model may have judged other steps.
        labels: people's label of each step; empty if there are none.
        step_notes: a remark on each step, an empty text for none; empty if there are none at all.
        note: a remark on the whole.
        error: why it could not be scored.
        error_type: the kind of error, in a data set's own term.
        more: any JSON.

    Raises:
        InputError: scores, labels or notes do not match the number of steps, or a value is invalid.
    """

    name: str
    text: str = ""
    steps: tuple[str, ...] = ()
    thinking: tuple[bool, ...] = ()
    tagged_answer: str | None = None
    cut: str = ""
    generator: str = ""
    answer: str | None = None
    correct: bool | None = None
    scores: Mapping[str, Scores] = field(default_factory=dict)
    labels: tuple[Label, ...] = ()
    step_notes: tuple[str, ...] = ()
    note: str = ""
    error: str = ""
    error_type: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _SOLUTION_TEXTS:
            _text(name, getattr(self, name))
        if not self.name:
            raise InputError("name is empty; a solution needs one, as 'A'")
        steps, thinking = _steps(self.steps), _marks(self.thinking, len(self.steps))
        labels = tuple(map(_label, self.labels))
        labels = labels if any(one is not None for one in labels) else ()
        notes = _texts("step_notes", self.step_notes) if any(self.step_notes) else ()
        for name, values in (("labels", labels), ("step_notes", notes)):
            if values and len(values) != len(steps):
                raise InputError(f"{name} has {len(values)} entries for {len(steps)} steps")
        scores = {model: _own(one, steps, thinking) for model, one in self.scores.items()}
        for model, one in scores.items():
            n = len(one.probabilities)
            if not one.steps and (n not in (1, len(steps)) or not steps):
                raise InputError(
                    f"scores of {model!r} have {n} probabilities for {len(steps)} steps"
                )
        _set(self, steps=steps, thinking=thinking, labels=labels, step_notes=notes, scores=scores)

    def candidate(self, problem: str) -> Candidate:
        """The solution as what is scored.

        Raises:
            InputError: it has no steps, or the problem is blank.
        """
        return Candidate(problem, self.steps, self.name, self.thinking, self.tagged_answer)

    def scored(self, problem: str, model: str) -> ScoredCandidate | None:
        """A model's scores of it; None if it has none."""
        if model not in self.scores:
            return None
        one = self.scores[model]
        if one.steps:
            candidate = Candidate(problem, one.steps, self.name, one.thinking, self.tagged_answer)
        elif len(one.probabilities) == len(self.steps):
            candidate = self.candidate(problem)
        else:
            candidate = self.candidate(problem).joined()
        return ScoredCandidate(
            candidate,
            one.probabilities,
            one.log_odds,
            model,
            {
                name: tuple(math.nan if x is None else x for x in values)
                for name, values in one.extras.items()
            },
            one.rationales,
        )

    def final_answer(self) -> str | None:
        """Its final answer: as a file gives it, else from its steps or its text."""
        if self.answer is not None:
            return self.answer
        return final_answer(self.candidate("–")) if self.steps else final_answer(self.text)

    def is_correct(self, gold_answer: str | None) -> bool | None:
        """Whether its final answer is right; None if that cannot be determined."""
        if self.correct is not None or gold_answer is None:
            return self.correct
        return same_answer(self.final_answer(), gold_answer)

    @property
    def first_error(self) -> int | None:
        """Index of the first step labelled wrong; None if there is none."""
        return next((i for i, y in enumerate(self.labels) if _is_wrong(y)), None)


def _own(scores: Scores, steps: tuple[str, ...], thinking: tuple[bool, ...]) -> Scores:
    """Scores that name no steps if these are the solution's own, or the whole of it."""
    whole = scores.steps == ("\n\n".join(steps),)
    if whole or (scores.steps == steps and scores.thinking == thinking):
        return replace(scores, steps=(), thinking=())
    return scores


_SOLUTION_TEXTS = (
    *("name", "text", "tagged_answer", "cut", "generator", "answer", "note", "error", "error_type"),
)


def _is_wrong(label: Label) -> bool:
    return isinstance(label, float) and label < 0.5


def _label(value: object) -> Label:
    if value is None or value == "neutral":
        return cast(Label, value)
    if isinstance(value, int | float) and 0.0 <= value <= 1.0:
        return float(value)
    raise InputError(f"labels contains {value!r}, not a number from 0 to 1, 'neutral' or null")


@dataclass(frozen=True, slots=True)
class Draft:
    """The editor's contents where they differ from what was judged.

    Attributes:
        problem: the problem's text.
        rule: the chosen step rule.
        gold_answer: the right answer.
        names: of the solutions.
        texts: the solutions, as they are typed.

    Raises:
        InputError: names and texts differ in number.
    """

    problem: str = ""
    rule: str = "auto"
    gold_answer: str | None = None
    names: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("problem", "rule", "gold_answer"):
            _text(name, getattr(self, name))
        _set(self, names=_texts("names", self.names), texts=_texts("texts", self.texts))
        if len(self.names) != len(self.texts):
            raise InputError(f"names has {len(self.names)} entries for {len(self.texts)} texts")


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with its solutions.

    Attributes:
        problem: the task's text.
        id: its own name; None if it has none.
        solutions: in the order in which they were given.
        gold_answer: the right final answer; None if it is not known.
        source: the data set it comes from.
        note: a remark.
        rule: the step rule that was chosen for its solutions.
        status: how its last run ended; empty if there was none.
        message: that run's message.
        cut_note: what must be known about the rules that cut the solutions.
        draft: the editor's contents; None if they are what was judged.
        more: any JSON.

    Raises:
        InputError: two solutions have one name, there are too many, or a value is invalid.
    """

    problem: str
    id: str | int | None = None
    solutions: tuple[Solution, ...] = ()
    gold_answer: str | None = None
    source: str = ""
    note: str = ""
    rule: str = "auto"
    status: Status = ""
    message: str = ""
    cut_note: str = ""
    draft: Draft | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("problem", "gold_answer", "source", "note", "rule", "message", "cut_note"):
            _text(name, getattr(self, name))
        if not isinstance(self.id, int) or isinstance(self.id, bool):
            _text("id", self.id)
        _one_of("status", self.status, ("", "done", "cancelled", "failed"))
        _set(self, solutions=tuple(self.solutions))
        if len(self.solutions) > MAX_SOLUTIONS:
            raise InputError(
                f"solutions has {len(self.solutions):,} entries; at most {MAX_SOLUTIONS:,} are kept"
            )
        if twice := _repeated(one.name for one in self.solutions):
            raise InputError(f"solutions has the name {twice!r} twice")
        if not self.problem.strip() and any(one.scores for one in self.solutions):
            raise InputError("problem is blank, but a solution of it has scores")

    def scored(self, model: str) -> list[ScoredCandidate | None]:
        """A model's scores of each solution; None where it has none."""
        return [one.scored(self.problem, model) for one in self.solutions]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that scored.

    Attributes:
        id: the name that scores carry.
        label: the name that people read; empty for the same.
        line: as in the page's model field.
        note: what the model is good for.
        threshold: its own: below it a step counts as wrong.
        recorded: whether the scores come from a file, and no model was run.

    Raises:
        InputError: the threshold is not a probability, or the id is empty.
    """

    id: str
    label: str = ""
    line: str = ""
    note: str = ""
    threshold: float = 0.5
    recorded: bool = False

    def __post_init__(self) -> None:
        for name in ("id", "label", "line", "note"):
            _text(name, getattr(self, name))
        if not self.id:
            raise InputError("id is empty; a model needs a name")
        _set(self, threshold=_share("threshold", self.threshold))


@dataclass(frozen=True, slots=True)
class Settings:
    """What is on display.

    Attributes:
        model: whose scores; empty for the first model.
        other: the model that is compared with it; empty for none.
        aggregation: a name in `prm_core.ranking.aggregate.METHODS`.
        threshold: below it a step counts as wrong; None for the model's own.
        rule: the step rule for new texts.
        problem: index of the problem on display.
        view: the page's other view settings, any JSON.

    Raises:
        InputError: a value is invalid.
    """

    model: str = ""
    other: str = ""
    aggregation: str = "min"
    threshold: float | None = None
    rule: str = "auto"
    problem: int = 0
    view: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("model", "other", "rule"):
            _text(name, getattr(self, name))
        _one_of("aggregation", self.aggregation, tuple(METHODS))
        if self.threshold is not None:
            _set(self, threshold=_share("threshold", self.threshold))
        if self.problem < 0:
            raise InputError(f"problem is {self.problem}; it counts from 0")


@dataclass(frozen=True, slots=True)
class Session:
    """Everything that was read, computed and labelled.

    Attributes:
        problems: in order.
        models: every model that scored a solution.
        settings: what is on display.
        title: names the session where people read it.
        note: a remark.
        annotator: the name of the labeller.
        more: any JSON.

    Raises:
        InputError: a solution has scores of a model that is not listed, a model is listed twice,
            or there is too much.
    """

    problems: tuple[Problem, ...] = ()
    models: tuple[Model, ...] = ()
    settings: Settings = field(default_factory=Settings)
    title: str = ""
    note: str = ""
    annotator: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("title", "note", "annotator"):
            _text(name, getattr(self, name))
        _set(self, problems=tuple(self.problems), models=tuple(self.models))
        for name, most in (("problems", MAX_PROBLEMS), ("models", MAX_MODELS)):
            if len(getattr(self, name)) > most:
                raise InputError(
                    f"{name} has {len(getattr(self, name)):,} entries; at most {most:,} are kept"
                )
        if twice := _repeated(one.id for one in self.models):
            raise InputError(f"models has {twice!r} twice")
        known = {one.id for one in self.models}
        for problem in self.problems:
            for solution in problem.solutions:
                if strange := solution.scores.keys() - known:
                    raise InputError(f"scores of {min(strange)!r} are there, but not in models")
        for name in ("model", "other"):
            value = getattr(self.settings, name)
            if value and value not in known:
                raise InputError(f"settings.{name} is {value!r}, which is not in models")

    @property
    def model(self) -> Model | None:
        """The model whose scores are on display; None if there are no scores."""
        shown = self.settings.model
        return next((one for one in self.models if not shown or one.id == shown), None)

    @property
    def threshold(self) -> float:
        """Below it a step counts as wrong: as set, else the displayed model's own."""
        if self.settings.threshold is not None:
            return self.settings.threshold
        return 0.5 if self.model is None else self.model.threshold


def _set(record: object, **values: object) -> None:
    """Fields in canonical form, so that records with the same contents are equal."""
    for name, value in values.items():
        object.__setattr__(record, name, value)


def _text(name: str, value: object) -> None:
    """
    Raises:
        InputError: it is not a text (or None), or contains an unpaired surrogate.
    """
    if not value and (value is None or value == ""):
        return
    if not isinstance(value, str):
        raise InputError(f"{name} is {value!r}, not a text")
    if half := half_character(value):
        raise InputError(f"{name} contains an unpaired surrogate (invalid Unicode), {half!r}")


def _texts(name: str, values: Sequence[str]) -> tuple[str, ...]:
    if isinstance(values, str):
        raise InputError(f"{name} is one text, not a list of texts")
    for value in values:
        if not isinstance(value, str):
            raise InputError(f"{name} contains {value!r}, not a text")
    _text(name, "".join(values))
    return tuple(values)


def _share(name: str, value: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise InputError(f"{name} is {value}; it must be from 0 to 1")
    return float(value)


def _one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        words = ", ".join(repr(one) for one in known)
        raise InputError(f"{name} is {value!r}; choose from {words}")


def _repeated(names: Iterable[str]) -> str | None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None

"""A PRM as a reward function, with the signature that TRL's trainers call.

    reward = PRMReward(open_scorer(), form="pure", problem="question", outcome="answer")
    trainer = GRPOTrainer(model, reward_funcs=reward, train_dataset=rows, args=config)

Nothing of TRL's is imported: a reward function is any callable that takes the prompts, the
completions and the data set's other columns, and gives one number for each completion.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from prm_core.answers.final import final_answer, same_answer
from prm_core.errors import BadOptionError, DataError, InputError
from prm_core.formats.chat import conversation
from prm_core.formats.rows import FileRow, json_value, kind_of, right_answer
from prm_core.rewards.forms import (
    default_options,
    finite,
    form_of,
    returns,
    step_rewards,
    token_rewards,
)
from prm_core.text.steps import Step, candidate_of, find_steps, given_steps
from prm_core.types import Candidate, ScoredCandidate, StepScorer, check_scorer

Messages = Sequence[Mapping[str, Any]]
"""A conversation, as chat templates take it: `role` and `content`."""


@dataclass(frozen=True, slots=True)
class Rewarded:
    """A completion's rewards, step by step.

    Attributes:
        rewards: what each step earns, [S].
        scored: the steps with their probabilities; None where the completion could not be scored.
        spans: where each step is in the completion, [S] of (start, end) in characters; None
            where the completion is not one text, as in a conversation of several turns.
        why: why it could not be scored; empty where it could.
    """

    rewards: tuple[float, ...]
    scored: ScoredCandidate | None
    spans: tuple[tuple[int, int], ...] | None
    why: str = ""

    @property
    def total(self) -> float:
        """What the whole completion earns."""
        return returns(self.rewards)[0]

    def by_token(self, offsets: Sequence[tuple[int, int]]) -> list[float]:
        """One reward for each token; see `token_rewards`.

        Raises:
            InputError: the completion is not one text, or a step has no token.
        """
        if self.spans is None:
            raise InputError("rewards by token need a completion that is one text")
        return token_rewards(self.rewards, self.spans, offsets)


class PRMReward:
    """Rewards completions by what a PRM says of their steps.

    A completion that cannot be scored, because it is blank, too long for the model or calls a tool
    in a form that cannot be read, earns what a single step would that is surely wrong;
    `prm/unscored` among the trainer's metrics is how many did. `prm/steps` and `prm/min` show when
    a policy learns to please the PRM by length.

    Attributes:
        scorer: what judges: `load_scorer` for a model in this process, `open_scorer` for one on a
            server, or another `StepScorer`; a class that inherits from it needs only `model_id` and
            `score`.
        form: a name in `prm_core.rewards.forms.FORMS`.
        steps: how a completion is cut into steps, each on its own.
        problem: the data set's column with the problems' texts; None where the problem is the
            prompt itself, or the last message of a user in it.
        outcome: the column with the right answers, or with reference solutions that end in them,
            as GSM8K's do: a completion with the right one earns `outcome_weight` at its end. None
            to leave the answers out.
        outcome_weight: see `step_rewards`.
        options: what the form takes; "until-error" takes the scorer's threshold if none is given.

    Raises:
        BadOptionError: the form, an option or the step rule is not known, or the scorer is not one.
    """

    def __init__(
        self,
        scorer: StepScorer,
        form: str = "pure",
        *,
        steps: str = "auto",
        problem: str | None = None,
        outcome: str | None = None,
        outcome_weight: float = 1.0,
        **options: float,
    ) -> None:
        check_scorer(scorer, "score", "threshold", "check_length")
        form_of(form, options)
        finite(outcome_weight=outcome_weight)
        options = default_options(form, scorer.threshold) | options
        find_steps("", steps)
        self.scorer, self.form, self.steps = scorer, form, steps
        self.problem, self.outcome, self.outcome_weight = problem, outcome, outcome_weight
        self.options = options
        # What trainers call it in their logs.
        self.__name__ = f"prm_{form.replace('-', '_')}"

    def __call__(
        self,
        prompts: Sequence[str | Messages],
        completions: Sequence[str | Messages],
        **columns: Any,
    ) -> list[float]:
        """One number for each completion: the sum of its steps' rewards.

        Args:
            prompts: texts or conversations.
            completions: texts or lists of messages, one for each prompt.
            columns: the data set's other columns, and what the trainer adds. Of these, the columns
                that `problem` and `outcome` name are read, and `log_metric` is called.

        Raises:
            BadOptionError: the form is "shaped", or a named column is missing.
            InputError: prompts, completions and columns differ in number, a column holds something
                else, or a prompt has no problem.
            ModelError: the model does not work.
        """
        if self.form == "shaped":
            raise BadOptionError(
                "shaped rewards add up to the same for every completion, so one number for each "
                "teaches nothing; choose another form, or use rewards for each token"
            )
        found = self.rewarded(prompts, completions, **columns)
        if "log_metric" in columns and found:
            _log(columns["log_metric"], found)
        return [one.total for one in found]

    def rewarded(
        self,
        prompts: Sequence[str | Messages],
        completions: Sequence[str | Messages],
        **columns: Any,
    ) -> list[Rewarded]:
        """The rewards of every step, for trainers that take more than one number a completion.

        Args, Raises: as for a call, but any form will do.
        """
        if len(prompts) != len(completions):
            raise InputError(
                f"there are {len(completions):,} completions for {len(prompts):,} prompts; give "
                "one for each"
            )
        asked = [_asked(one) for one in prompts] if self.problem is None else None
        problems = asked or _column(columns, self.problem, len(prompts), _is_problem, "a text")
        blank = next((i for i, one in enumerate(problems, start=1) if not one.strip()), None)
        if blank is not None:
            where = "the prompts" if self.problem is None else f"column {self.problem!r}"
            raise InputError(f"entry {blank} of {where} is blank; give the problem's text")
        answers = _column(columns, self.outcome, len(prompts), _is_answer, "a text or a number")
        cut = [self._cut(*pair) for pair in zip(problems, completions, strict=True)]
        judged = judge(self.scorer, [candidate for candidate, _ in cut])
        golds = [None if one is None else right_answer(str(one)) for one in answers]
        return [
            self._rewarded(scored, spans, gold)
            for (_, spans), scored, gold in zip(cut, judged, golds, strict=True)
        ]

    def _cut(
        self, problem: str, completion: str | Messages
    ) -> tuple[Candidate | str, tuple[tuple[int, int], ...] | None]:
        """A completion in steps, or why it has none, and where the steps are in its text."""
        text = completion if isinstance(completion, str) else _only_text(completion)
        whole = ((0, len(text)),) if text else None
        steps: Sequence[Step]
        try:
            if text is None:
                steps, spans = _turns(problem, cast(Messages, completion), self.steps), None
            else:
                steps = find_steps(text, self.steps)
                spans = tuple((step.start, step.end) for step in steps)
            return (candidate_of(problem, steps), spans) if steps else ("it has no steps", whole)
        except (InputError, DataError) as error:  # half a character, or a call of no function
            return str(error), whole

    def _rewarded(
        self,
        scored: ScoredCandidate | str,
        spans: tuple[tuple[int, int], ...] | None,
        gold: str | None,
    ) -> Rewarded:
        known = None if isinstance(scored, str) else scored
        answer = None if known is None else final_answer(known.candidate)
        rewards = step_rewards(
            [0.0] if known is None else known.probabilities,
            self.form,
            outcome=None if gold is None else float(same_answer(answer, gold)),
            outcome_weight=self.outcome_weight,
            **self.options,
        )
        if known is None and spans:  # it was cut before the model refused it
            spans = ((spans[0][0], spans[-1][1]),)
        return Rewarded(tuple(rewards), known, spans, scored if isinstance(scored, str) else "")


def _column(
    columns: Mapping[str, Any],
    name: str | None,
    n: int,
    fits: Callable[[Any], bool],
    kind: str,
) -> list[Any]:
    """A column of the data set, one entry for each prompt; as many None if none is named.

    Raises:
        BadOptionError: there is no such column.
        InputError: it has another length, or an entry is of another kind.
    """
    if name is None:
        return [None] * n
    if name not in columns:
        there = ", ".join(sorted(columns)) or "none"
        raise BadOptionError(f"the data set has no column {name!r}; it has {there}")
    given = json_value(columns[name])
    if not isinstance(given, list):
        raise InputError(f"column {name!r} is {kind_of(given)}; give a list, one entry a prompt")
    if len(given) != n:
        raise InputError(
            f"column {name!r} has {len(given):,} entries for {n:,} prompts; give one for each"
        )
    for place, one in enumerate(given, start=1):
        if not fits(one):
            raise InputError(
                f"entry {place} of column {name!r} is {kind_of(one)}; it must be {kind}"
            )
    return given


def _is_problem(value: Any) -> bool:
    return isinstance(value, str)


def _is_answer(value: Any) -> bool:
    """Whether it is a right answer, or null, where a row has none."""
    return value is None or isinstance(value, str | int | float)


def judge(scorer: StepScorer, candidates: Sequence[Candidate | str]) -> list[ScoredCandidate | str]:
    """Score in one call what can be scored.

    Args:
        scorer: the model.
        candidates: each a solution, or why there is none.

    Returns:
        For each what the model says of it, or why it says nothing.

    Raises:
        ModelError: the model does not work.
    """
    scored = iter(_scored(scorer, [one for one in candidates if not isinstance(one, str)]))
    return [one if isinstance(one, str) else next(scored) for one in candidates]


def _scored(scorer: StepScorer, candidates: Sequence[Candidate]) -> list[ScoredCandidate | str]:
    """All in one call; where the model refuses some of them, the others in the next."""
    if not candidates:
        return []
    try:
        return list(scorer.score(candidates))
    except InputError as error:
        if len(candidates) == 1:
            return [str(error)]
    unread = [_unread(scorer, one) for one in candidates]
    if not any(unread):  # only running the model can tell whose fault it is
        return [found for one in candidates for found in _scored(scorer, [one])]
    others = zip(candidates, unread, strict=True)
    rest = iter(_scored(scorer, [one for one, why in others if not why]))
    return [why or next(rest) for why in unread]


def _unread(scorer: StepScorer, candidate: Candidate) -> str:
    """Why a model cannot read a solution; empty where it can."""
    try:
        scorer.check_length(candidate)
    except InputError as error:
        return str(error)
    return ""


def _asked(prompt: str | Messages) -> str:
    """The problem in a prompt.

    Raises:
        InputError: there is none.
    """
    if isinstance(prompt, str):
        return prompt
    asked = [_text(one.get("content")) for one in prompt if one.get("role") == "user"]
    if not asked or not asked[-1].strip():
        raise InputError(
            "a prompt has no message of a user; name the column with the problems (problem=…)"
        )
    return asked[-1]


def _text(content: Any) -> str:
    """The text of a message, which may come in parts."""
    if isinstance(content, list):
        return "\n".join(
            one["text"]
            for one in content
            if isinstance(one, dict) and isinstance(one.get("text"), str)
        )
    return content if isinstance(content, str) else ""


def _only_text(messages: Messages) -> str | None:
    """A conversation of one plain message as its text; None where it is more."""
    if len(messages) != 1 or messages[0].keys() - {"role", "content"}:
        return None
    content = messages[0].get("content")
    return "" if content is None else content if isinstance(content, str) else None


def _turns(problem: str, messages: Messages, rule: str) -> Sequence[Step]:
    """The steps of several turns: each reply is one, and so is a call with its result."""
    if not any(_text(one.get("content")).strip() or one.get("tool_calls") for one in messages):
        return ()
    asked = {"role": "user", "content": problem}
    row = FileRow("completions", 1, {})
    _, solution = conversation(row, "completion", [asked, *map(dict, messages)])
    if "steps" in solution:
        return given_steps(solution["steps"], solution["thinking"])
    return find_steps(solution["text"], rule)


def _log(log_metric: Callable[[str, float], None], found: Sequence[Rewarded]) -> None:
    """Tell the trainer what its policy writes."""
    scored = [one.scored for one in found if one.scored is not None]
    log_metric("prm/unscored", 1 - len(scored) / len(found))
    if scored:
        log_metric("prm/steps", math.fsum(len(one.probabilities) for one in scored) / len(scored))
        log_metric("prm/min", math.fsum(min(one.probabilities) for one in scored) / len(scored))

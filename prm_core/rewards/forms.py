"""Step probabilities → one reward for each step, in the forms that the field trains with.

Every form is a plain function of the probabilities p₁ … p_S of one solution. What a policy earns
for it is the sum of its rewards (`returns`), so the form decides what pays: under a sum of
probabilities every further step does, under PURE's only a better weakest step. docs/rewards.md
shows each on real numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from prm_core.errors import BadOptionError, InputError, check_above_zero
from prm_core.ranking.aggregate import step_probabilities
from prm_core.types import plain_number


def raw(p: Sequence[float]) -> list[float]:
    """The probability itself: r_i = p_i.

    The sum grows with every step, right or not, so length and repetition pay.
    Source: Math-Shepherd (arXiv 2312.08935), step-by-step PPO.
    """
    return list(p)


def log(p: Sequence[float], floor: float = 1e-6) -> list[float]:
    """Its logarithm: r_i = ln max(p_i, floor). The sum is the logarithm of the product.

    Never above 0, so every further step costs and the shortest solution is favoured.
    Source: the product of Let's Verify Step by Step (arXiv 2305.20050), as a sum.

    Raises:
        BadOptionError: floor is not above 0 and below 1.
    """
    if not 0.0 < floor < 1.0:
        raise BadOptionError(f"floor is {floor}; it must be above 0 and below 1")
    return [math.log(max(x, floor)) for x in p]


def difference(p: Sequence[float], start: float = 0.0) -> list[float]:
    """What a step changes: r_i = p_i − p_{i−1}, with p_0 = start.

    The sum telescopes to p_S − start, so only the last step counts for the whole solution.
    Source: progress as the change of a step's value, Rewarding Progress (arXiv 2410.08146).
    """
    return [after - before for before, after in pairwise([start, *p])]


def shaped(p: Sequence[float], gamma: float = 1.0, start: float = 0.0) -> list[float]:
    """Shaping by a potential: r_i = γ Φ_i − Φ_{i−1}, with Φ_0 = start, Φ_i = p_i, Φ_S = 0.

    The end has no potential, so the discounted sum Σ γ^{i−1} r_i is −start whatever was written:
    added to the reward of the outcome it leaves the best policy unchanged, and it teaches nothing
    without one. `gamma` must be the trainer's.
    Source: Ng, Harada and Russell, Policy Invariance Under Reward Transformations (1999).

    Raises:
        BadOptionError: gamma is outside (0, 1].
    """
    _check_gamma(gamma)
    potentials = [start, *p[:-1], 0.0]
    return [gamma * after - before for before, after in pairwise(potentials)]


def min_weights(p: Sequence[float], temperature: float = 0.1) -> list[float]:
    """PURE's weights of the steps: w = softmax(−(2 p − 1) / T); they sum to 1.

    Raises:
        BadOptionError: temperature is not above 0.
    """
    check_above_zero(temperature=temperature)
    lowest = min(p)
    parts = [math.exp(2.0 * (lowest - x) / temperature) for x in p]
    return [part / math.fsum(parts) for part in parts]


def pure(p: Sequence[float], temperature: float = 0.1) -> list[float]:
    """PURE's credit by the minimum: r_i = w_i (2 p_i − 1), w = softmax(−(2 p − 1) / T).

    The sum, in [-1, 1], approaches 2 min p − 1 as T falls, so only the weakest step pays. PURE's
    model says p − (1 − p), hence the 2 p − 1.
    Source: Stop Summation (arXiv 2504.15275), T = 0.1; CJReinforce/PURE, `experience_maker.py`.

    Raises:
        BadOptionError: temperature is not above 0.
    """
    weights = min_weights(p, temperature)
    return [w * (2.0 * x - 1.0) for w, x in zip(weights, p, strict=True)]


def until_error(p: Sequence[float], threshold: float = 0.5) -> list[float]:
    """Nothing from the first error on: r_i = p_i before it, 0 at it and after it.

    The first error is the first step with p_i < threshold. What is written after it cannot pay,
    but nor does mending it, and length before it pays as under `raw`.
    Source: labels end at the first error in Let's Verify Step by Step (arXiv 2305.20050).

    Raises:
        BadOptionError: threshold is outside [0, 1].
    """
    if not 0.0 <= threshold <= 1.0:
        raise BadOptionError(f"threshold is {threshold}; it must be from 0 to 1")
    end = next((i for i, x in enumerate(p) if x < threshold), len(p))
    return [*p[:end], *[0.0] * (len(p) - end)]


@dataclass(frozen=True, slots=True)
class Form:
    """A way to make rewards, with the words that people read.

    Attributes:
        name: what options and files say.
        formula: the rule as a short formula.
        of: step probabilities [S] → rewards [S].
        options: the names of what `of` takes beside the probabilities.
    """

    name: str
    formula: str
    of: Callable[..., list[float]]
    options: tuple[str, ...] = ()


FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form("raw", "pᵢ", raw),
        Form("log", "ln pᵢ", log, ("floor",)),
        Form("difference", "pᵢ − pᵢ₋₁", difference, ("start",)),
        Form("shaped", "γ Φᵢ − Φᵢ₋₁, Φ = p, 0 at the end", shaped, ("gamma", "start")),
        Form("pure", "wᵢ (2 pᵢ − 1), w = softmax(−(2 p − 1) / T)", pure, ("temperature",)),
        Form("until-error", "pᵢ before the first error, then 0", until_error, ("threshold",)),
    )
}


def form_of(name: str, options: Mapping[str, float]) -> Form:
    """A form by its name, which must take the options.

    Raises:
        BadOptionError: the name is not known, or the form does not take an option.
    """
    if name not in FORMS:
        raise BadOptionError(f"reward form {name!r} is not known; choose from {', '.join(FORMS)}")
    form = FORMS[name]
    if unknown := sorted(options.keys() - set(form.options)):
        takes = ", ".join(form.options) or "no options"
        raise BadOptionError(f"reward form {name!r} takes {takes}, not {', '.join(unknown)}")
    form.of([0.5], **finite(**options))  # says what is wrong with a value
    return form


def read_form(text: str) -> tuple[str, dict[str, float]]:
    """A form with its options as files and the command line write it.

    >>> read_form("pure"), read_form("shaped:gamma=0.9,start=0.5")
    (('pure', {}), ('shaped', {'gamma': 0.9, 'start': 0.5}))

    Raises:
        BadOptionError: as `form_of`; or an option has no number.
    """
    name, _, rest = text.partition(":")
    options = {}
    for part in rest.split(",") if rest else ():
        key, _, value = part.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise BadOptionError(f"reward form {text!r}: {part!r} is not NAME=NUMBER")
        options[key.strip()] = number
    form_of(name, options)
    return name, options


def step_rewards(
    probabilities: Iterable[Any],
    form: str = "pure",
    *,
    outcome: float | None = None,
    outcome_weight: float = 1.0,
    **options: float,
) -> list[float]:
    """One reward for each step of a solution.

    >>> [round(r, 2) for r in step_rewards([0.9, 0.2, 0.6], "difference", outcome=1.0)]
    [0.9, -0.7, 1.4]

    Args:
        probabilities: [S], each in [0, 1]; at least one: a list, an array or a tensor.
        form: a name in `FORMS`.
        outcome: what the solution as a whole earned, such as 1 for a right answer and 0 for a
            wrong one; None to leave it out. It is added where the solution ends: r_S + w · outcome.
        outcome_weight: its weight w, as PURE's coefficient of the verifiable reward.
        options: what the form takes: `floor` for "log", `start` for "difference" and "shaped",
            `gamma` for "shaped", `temperature` for "pure", `threshold` for "until-error".

    Returns:
        [S]; what each step earns when it ends.

    Raises:
        BadOptionError: the form is not known, or an option does not fit it.
        InputError: there is no probability, or one is outside [0, 1].
    """
    chosen = form_of(form, options)
    rewards = chosen.of(step_probabilities(probabilities), **finite(**options))
    if outcome is not None:
        end = finite(outcome=outcome, outcome_weight=outcome_weight)
        rewards[-1] += end["outcome_weight"] * end["outcome"]
    return rewards


def add_rewards(result: dict[str, Any], form: str, threshold: float) -> dict[str, Any]:
    """The results of a problem, with the rewards of every step.

    Args:
        result: what `score` writes; each of its "candidates" gets "rewards", [S], and the whole
            "reward_form". It is changed.
        form: as `read_form` takes it.
        threshold: below it a step counts as wrong, which matters to "until-error" unless the form
            says another.

    Raises:
        BadOptionError: as `read_form`.
    """
    result["reward_form"] = form
    name, chosen = read_form(form)
    options = default_options(name, threshold) | chosen
    for one in result["candidates"]:
        one["rewards"] = step_rewards(one["probabilities"], name, **options)
    return result


def default_options(form: str, threshold: float) -> dict[str, float]:
    """What a form takes from the model: its threshold, where it looks for the first error."""
    return {"threshold": threshold} if "threshold" in FORMS[form].options else {}


def returns(rewards: Sequence[float], gamma: float = 1.0) -> list[float]:
    """What is earned from each step on: G_i = r_i + γ G_{i+1}. The first is the whole solution's.

    >>> returns([1.0, 0.0, 4.0], gamma=0.5)
    [2.0, 2.0, 4.0]

    Args:
        rewards: [S], of the steps or of the tokens.
        gamma: what a reward is worth one step later.

    Raises:
        BadOptionError: gamma is outside (0, 1].
    """
    _check_gamma(gamma)
    return list(accumulate(reversed(rewards), lambda later, r: r + gamma * later))[::-1]


def token_rewards(
    rewards: Sequence[float],
    spans: Sequence[tuple[int, int]],
    offsets: Sequence[tuple[int, int]],
) -> list[float]:
    """The same rewards, each at the token that ends its step; 0 everywhere else.

    >>> token_rewards([0.9, 0.2], [(0, 2), (3, 5)], [(0, 1), (1, 2), (2, 4), (4, 6), (0, 0)])
    [0.0, 0.9, 0.0, 0.2, 0.0]

    Args:
        rewards: [S].
        spans: where each step is in the completion's text, [S] of (start, end) in characters.
        offsets: where each token does, [T]; what a fast tokenizer gives for
            `return_offsets_mapping=True`. Special tokens are empty there.

    Returns:
        [T]; the sum is that of the steps. Where one token ends two steps, it has both rewards.

    Raises:
        InputError: rewards and steps differ in number, or a step has no token, as when the
            completion was cut.
    """
    if len(rewards) != len(spans):
        raise InputError(f"there are {len(rewards)} rewards for {len(spans)} steps")
    placed = [0.0] * len(offsets)
    for number, (reward, (start, end)) in enumerate(zip(rewards, spans, strict=True), start=1):
        inside = [i for i, (a, b) in enumerate(offsets) if max(a, start) < min(b, end)]
        if not inside:
            raise InputError(f"step {number} has no token; is the completion's text cut?")
        placed[inside[-1]] += reward
    return placed


def finite(**options: object) -> dict[str, float]:
    """Options as floats, whatever library their numbers are of.

    Raises:
        BadOptionError: names the first that is not a number, or not finite: every reward would be
            so too.
    """
    found = {name: plain_number(value) for name, value in options.items()}
    for name, value in found.items():
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise BadOptionError(f"{name} is {options[name]!r}; it must be a finite number")
    return {name: float(value) for name, value in found.items()}


def _check_gamma(gamma: float) -> None:
    if not 0.0 < gamma <= 1.0:
        raise BadOptionError(f"gamma is {gamma}; it must be above 0 and at most 1")

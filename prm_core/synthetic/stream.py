"""What training sees, and what it never sees: held-out operands and phrasings."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from prm_core.synthetic.phrases import OPERATIONS, UNSEEN
from prm_core.synthetic.problems import KINDS, operation, solve_facts
from prm_core.synthetic.scenes import scene_problem
from prm_core.synthetic.solution import LabelledSolution, Number, Plan, solve
from prm_core.synthetic.styles import restyled

# What training consists of: the share of solutions of each kind, by the share of training done.
_MIXES: tuple[tuple[float, dict[str, float]], ...] = (
    (0.15, {"facts": 0.54, "operation": 0.20, "grounding": 0.10, "scenes": 0.08, "gsm8k": 0.02}),
    (0.45, {"facts": 0.26, "operation": 0.20, "grounding": 0.10, "scenes": 0.20, "gsm8k": 0.12}),
    (1.01, {"facts": 0.14, "operation": 0.18, "grounding": 0.08, "scenes": 0.28, "gsm8k": 0.20}),
)
_GROUNDING = ("operand", "quantity", "count", "operator", "reversed")  # of true equations
_STYLED = 0.6  # share of the solutions that are put as somebody else would type them
_OTHERS = ("decimals", "fractions", "parts", "percent", "order", "linear", "word")  # share the rest
_PLANS = {**KINDS, "scenes": scene_problem}

# Looks ahead, so that of "2 + 3 × 4" both pairs are seen.


def held_out(op: str, a: Number, b: Number) -> bool:
    """Whether these operands, in either order, are kept from training: about one pair in twenty.

    One-digit facts are not held out (there are only some hundred, and a fact that was never seen
    cannot be known); what is new there are the phrasings and the errors.
    """
    if max(a, b) < 10 or (op == "div" and max(Fraction(a) / b, b) < 10):
        return False
    low, high = sorted((int(a), int(b)))
    return (low * 7919 + high * 104729 + len(op)) % 20 == 0


_EQUATION = re.compile(r"(?<![\d.])(?=(\d+) ?([-+×*x/]) ?\$?(\d+)(?!\.?\d))")
_NAMES_OF_SIGNS = {"+": "add", "-": "sub", "/": "div"}


def shows_held_out(solution: LabelledSolution) -> bool:
    """Whether a text of this solution shows a computation that is kept from training."""
    for text in (solution.problem, *solution.steps, *solution.truth):
        for a, sign, b in _EQUATION.findall(text):
            if int(b) and held_out(_NAMES_OF_SIGNS.get(sign, "mul"), int(a), int(b)):
                return True
    return False


def generate(
    rng: random.Random,
    progress: float = 1.0,
    *,
    kinds: Sequence[str] | None = None,
    gsm8k: Sequence[Plan] = (),
) -> LabelledSolution:
    """One labelled solution for training.

    Args:
        rng: where chance comes from; the same state gives the same solution.
        progress: share of the training that is done, in [0, 1]: facts first, problems later.
        kinds: only these kinds ("facts", "grounding", "scenes", "gsm8k" or names in `KINDS`); None
            for the curriculum's mix.
        gsm8k: plans to draw "gsm8k" from (`prm_core.gsm8k`); without any, that kind is left out.
    """
    if kinds is None:
        mix = dict(next(weights for until, weights in _MIXES if progress < until))
        mix |= dict.fromkeys(_OTHERS, (1 - sum(mix.values())) / len(_OTHERS))
        if not gsm8k:
            del mix["gsm8k"]
    else:
        mix = dict.fromkeys(kinds, 1.0)
    kind = rng.choices(list(mix), list(mix.values()))[0]
    while True:
        if kind == "facts":
            solution = solve_facts(rng)
        elif kind == "grounding":
            plan = operation(rng)
            solution = solve(rng, plan, error_rate=0.5, errors=_GROUNDING)
        else:
            plan = rng.choice(gsm8k) if kind == "gsm8k" else _PLANS[kind](rng)
            solution = solve(rng, plan)
        if solution.kind in OPERATIONS and held_out(solution.kind, plan.env["a"], plan.env["b"]):
            continue
        if not shows_held_out(solution):
            return restyled(rng, solution) if rng.random() < _STYLED else solution


def evaluation(seed: int, op: str, n_a: int, n_b: int, n: int) -> Iterator[LabelledSolution]:
    """Labelled solutions of one operation, in phrasings and on operands that training never sees.

    One-digit operands are all seen in training (see `held_out`); for them only the phrasings and
    the errors are new.
    """
    rng = random.Random(seed)
    made = 0
    while made < n:
        plan = operation(rng, op, n_a, n_b, UNSEEN)
        if n_a > 1 and not held_out(op, plan.env["a"], plan.env["b"]):
            continue
        made += 1
        yield solve(rng, plan, errors=("slip", "operand", "operator", "reversed"))

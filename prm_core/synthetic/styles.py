"""The same solution as different people type it.

Every change is a function of a text alone and is made to a step and to its truth alike, so equal
texts stay equal and labels follow as before: from whether the two are the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import replace

from prm_core.synthetic.solution import LabelledSolution

Change = Callable[[str], str]

_NUMBER = r"[$€]?-?\d+(?:,\d{3})*(?:\.\d+)?%?"
_SUM = rf"{_NUMBER}(?:\s*[-+*/×·÷]\s*{_NUMBER})+"
_EQUATION = re.compile(
    rf"(?<![\w.])(?<![-+*/×·÷=] )(?<![-+*/×·÷=$€])({_SUM})"
    rf"\s*(=|is|equals|gives)\s*({_NUMBER}(?:/\d+)?)"
)
_TIMES = re.compile(r"(?<=[\d)])(\s*)[×*·](\s*)(?=[($€\d-])")
_OVER = re.compile(r"(?<=[\d)]) [/÷] (?=[($€\d-])")
_MINUS = re.compile(r"(?<=[\d)]) - (?=[($€\d])")


def _signs(rng: random.Random) -> Change:
    """Signs and the blanks around them."""
    times = rng.choice(("×", "*", "x", "·", "*", "×"))
    over = rng.choice(("/", "/", "÷", ":"))
    minus = "−" if rng.random() < 0.1 else "-"
    tight = rng.random() < 0.3

    def change(text: str) -> str:
        text = _TIMES.sub(lambda found: f"{found[1]}{times}{found[2]}", text)
        text = _MINUS.sub(f" {minus} ", _OVER.sub(f" {over} ", text))
        if tight:
            text = re.sub(r"(?<=[\d)%]) ([-+*/×·÷=−]) (?=[($€\d-])", r"\1", text)
        return text

    return change


def _typing(rng: random.Random) -> Change:
    """Capitals and full stops."""
    small, bare = rng.random() < 0.35, rng.random() < 0.45
    first = rng.random() < 0.3

    def change(text: str) -> str:
        text = text.lower() if small else text[:1].upper() + text[1:] if first else text
        return text.rstrip(".") if bare and not text.endswith("...") else text

    return change


def _grouped(text: str) -> str:
    """Thousands with commas: 3875 → 3,875."""
    return re.sub(r"(?<![\d.,])\d{4,}(?![\d,])", lambda found: f"{int(found[0]):,}", text)


def _in_words(text: str) -> str:
    """A sentence without its computation: "So 36 - 6 = 30 are left" → "So 30 are left"."""
    return _EQUATION.sub(lambda found: found[3], text)


def _equation_only(text: str) -> str:
    found = _EQUATION.search(text)
    return found[0] if found else text


_VERBS = (" is ", " makes ", " → ", " gives ", ", that's ", "=", " = ")


def _said(rng: random.Random) -> Change:
    """Another word for the equality sign."""
    verb = rng.choice(_VERBS)
    return lambda text: _EQUATION.sub(lambda found: found[1] + verb + found[3], text)


_SHORT = (
    "so {}", "{}", "= {}", "that's {}", "makes {}", "→ {}", "gives {}", "I get {}", "now {}",
)  # fmt: skip
_ANSWERS = (
    "so {}", "{}", "= {}", "answer {}", "It's {}", "{}!", "ans: {}", "\\boxed{{{}}}", "Total {}",
    "so the answer must be {}", "Result = {}", "**{}**",
)  # fmt: skip
_LAST = re.compile(rf"({_NUMBER}(?:/\d+)?)\D*$")


def _result_only(rng: random.Random, templates: tuple[str, ...]) -> Change:
    """The last number of a step in a few letters, and now and then what it counts."""
    template, counted = rng.choice(templates), rng.random() < 0.3

    def change(text: str) -> str:
        found = _LAST.search(text)
        if found is None:
            return text
        noun = re.match(r"\s*([a-z]+)", text[found.end(1) :])
        unit = f" {noun[1]}" if counted and noun and "boxed" not in template else ""
        return template.format(found[1] + unit)

    return change


_ALIKE = tuple(
    (re.compile(rf"\b{plain}\b"), others)
    for plain, others in (
        ("So", ("Thus", "Then", "Hence", "Now", "Therefore")),
        ("Then", ("Next", "Afterwards", "So", "After that")),
        ("in all", ("altogether", "in total", "all together")),
        ("each", ("apiece", "per piece")),
        ("buys", ("gets", "picks up", "purchases")),
        ("bought", ("purchased", "got")),
        ("spends", ("pays", "uses")),
        ("spent", ("paid", "used")),
        ("needs", ("requires", "wants")),
        ("left", ("remaining", "left over")),
        ("more", ("extra", "additional")),
        ("number", ("amount", "count")),
        ("There are", ("We have", "One finds")),
        ("because", ("since", "as")),
        ("since", ("because", "as")),
        ("must", ("has to",)),
    )
)


def _paraphrase(rng: random.Random) -> Change:
    """Other words that mean the same."""
    chosen = [(word, rng.choice(others)) for word, others in _ALIKE if rng.random() < 0.5]

    def change(text: str) -> str:
        for word, other in chosen:
            text = word.sub(other, text)
        return text

    return change


def _formulas(text: str) -> str:
    """Equations in dollars, as people paste them from elsewhere."""
    if "$" in text or not _EQUATION.search(text):
        return text
    return _EQUATION.sub(lambda found: f"${found[0]}$", text)


def restyled(rng: random.Random, solution: LabelledSolution) -> LabelledSolution:
    """The solution in other signs, words and forms; a step's label is what it was.

    Args:
        rng: where chance comes from.
        solution: as it was generated.
    """
    common = [_signs(rng), _typing(rng)]
    if rng.random() < 0.2:
        common.insert(0, _grouped)
    if rng.random() < 0.5:
        common.insert(0, _paraphrase(rng))
    if rng.random() < 0.06:
        common.insert(0, _formulas)
    terse = rng.choice((0.0, 0.0, 0.15, 0.5, 0.8))
    steps, truths = [], []
    last = len(solution.steps) - 1
    for index, (step, truth) in enumerate(zip(solution.steps, solution.truth, strict=True)):
        changes = [*_forms(rng, terse, last=index == last), *common]
        for change in changes:
            step, truth = change(step), change(truth)
        steps.append(step)
        truths.append(truth)
    problem = solution.problem
    for change in (_signs(rng), *((_typing(rng),) if rng.random() < 0.5 else ())):
        problem = change(problem)
    error = solution.error if steps != truths else None
    return replace(solution, problem=problem, steps=tuple(steps), truth=tuple(truths), error=error)


def _forms(rng: random.Random, terse: float, *, last: bool) -> list[Change]:
    """How much of one step is written down."""
    if rng.random() >= terse:
        return [_said(rng)] if rng.random() < 0.1 else []
    if last:
        return [_result_only(rng, _ANSWERS)]
    return [rng.choice((_equation_only, _equation_only, _in_words, _result_only(rng, _SHORT)))]

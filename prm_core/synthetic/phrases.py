"""Ways to put problems, steps and answers into words."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from prm_core.synthetic.solution import Line, Number, Swap

OPERATIONS: dict[str, tuple[str, Callable[[Number, Number], Number]]] = {
    "add": ("+", lambda a, b: a + b),
    "sub": ("-", lambda a, b: a - b),
    "mul": ("×", lambda a, b: a * b),
    "div": ("/", lambda a, b: Fraction(a) / b),
}

_PROBLEMS = {
    "add": (
        "the sum of {a} and {b}",
        "{a} plus {b}",
        "{b} added to {a}",
        "the total of {a} and {b}",
    ),
    "sub": ("{a} minus {b}", "the difference of {a} and {b}", "{b} less than {a}"),
    "mul": ("{a} times {b}", "the product of {a} and {b}", "{a} multiplied by {b}"),
    "div": ("{a} divided by {b}", "the quotient of {a} and {b}", "{a} over {b}"),
}

INTENTS = {
    "add": (
        "add {a} and {b}",
        "find the sum of {a} and {b}",
        "add {b} to {a}",
        "compute {a} + {b}",
    ),
    "sub": ("subtract {b} from {a}", "take {b} away from {a}", "compute {a} - {b}"),
    "mul": (
        "multiply {a} by {b}",
        "multiply {a} and {b}",
        "find the product of {a} and {b}",
        "compute {a} × {b}",
    ),
    "div": ("divide {a} by {b}", "compute {a} / {b}", "split {a} into {b} equal parts"),
}


@dataclass(frozen=True, slots=True)
class Phrases:
    """Ways to ask for a computation, to begin, to state an equation and to answer.

    Each has one place: for the computation, what is to be done, the equation, the answer.
    """

    asks: tuple[str, ...]
    starts: tuple[str, ...]
    equations: tuple[str, ...]
    verbs: tuple[str, ...]
    answers: tuple[str, ...]


TRAINING = Phrases(
    asks=(
        "What is {}?",
        "What is {}?",
        "What's {}?",
        "Calculate {}.",
        "Compute {}.",
        "Find {}.",
        "How much is {}?",
        "Work out {}.",
        "Evaluate {}.",
        "Please compute {}.",
        "Please compute {} and explain.",
        "Tell me {}.",
        "{} = ?",
        "{}",
        "Solve: {}",
        "Can you calculate {}?",
        "I want to know {}.",
        "Determine {}.",
    ),
    starts=(
        "I need to {}.",
        "I need to {}.",
        "We need to {}.",
        "Let me {}.",
        "Let's {}.",
        "First, {}.",
        "First, I {}.",
        "To solve this, {}.",
        "We have to {}.",
        "The task is to {}.",
        "I will {}.",
        "I should {}.",
        "So we {}.",
        "Start: {}.",
    ),
    equations=(
        "{}.",
        "{}.",
        "{}.",
        "{}",
        "{}",
        "So {}.",
        "This gives {}.",
        "We get {}.",
        "Then {}.",
        "Now {}.",
        "I compute {}.",
        "Calculating: {}.",
    ),
    verbs=("=",) * 12 + ("is", "equals", "gives"),
    answers=(
        "The answer is {}.",
        "The answer is {}.",
        "The answer is {}.",
        "So the answer is {}.",
        "Final answer: {}",
        "Answer: {}",
        "Therefore, the answer is {}.",
        "The final answer is {}.",
        "Hence {}.",
        "The result is {}.",
        "Thus the result is {}.",
        "It is {}.",
        "#### {}",
    ),
)
"""What a model is trained on."""

UNSEEN = Phrases(
    asks=(
        "Would you compute {} for me?",
        "Give me {}.",
        "What do you get for {}?",
        "Try {}.",
        "We are looking for {}.",
    ),
    starts=(
        "My first move is to {}.",
        "Here we should {}.",
        "Okay, let me {}.",
        "The plan: {}.",
        "Step one is to {}.",
    ),
    equations=(
        "That makes {}.",
        "Doing the computation: {}",
        "As we know, {}.",
        "Therefore {}.",
        "One finds {}.",
    ),
    verbs=("=", "=", "=", "comes out as", "makes"),
    answers=(
        "So it must be {}.",
        "Our answer: {}.",
        "In the end we have {}.",
        "That leaves {} as the answer.",
        "This means the answer is {}.",
    ),
)
"""What training never sees; models are measured on these."""

_MEASURED = (UNSEEN.asks, UNSEEN.starts, UNSEEN.equations, UNSEEN.answers)


# Words that may stand anywhere and change no meaning. Phrases made of them teach that it is the
# numbers which count, however a step is put.
_FILLERS = re.split(
    r"\s+",
    """so now then next well okay here thus hence again first finally the a this that it which what
    we i you they value result number amount total outcome figure calculation computation problem
    question task step solution answer get have gives is becomes leads us me to for of in by
    with from as and find know see say write want need can should must will let simply just only
    exactly clearly indeed therefore because since after before all our my quick easy simple work
    working done carefully""",
)
_BABBLE = 0.35  # share of phrases that are made of fillers


def _babble(rng: random.Random, least: int, most: int) -> str:
    words = [rng.choice(_FILLERS) for _ in range(rng.randint(least, most))]
    text = " ".join(words)
    if words and rng.random() < 0.3:
        text += rng.choice((",", ":", "."))
    return text[:1].upper() + text[1:]


def phrase(rng: random.Random, known: Sequence[str], *, least: int = 1) -> str:
    """A template with one place: of the known ones, or fillers around the place."""
    if known in _MEASURED or rng.random() >= _BABBLE:
        return rng.choice(known)
    before, after = _babble(rng, least, 5), _babble(rng, 0, 2).lower()
    end = rng.choice((".", ".", "", "?"))
    return f"{before} {{}} {after}".strip() + end


def answer_line(rng: random.Random, result: str, phrases: Phrases = TRAINING) -> Line:
    return Line(phrase(rng, phrases.answers).format(f"{{{result}}}"), operands=(result,))


def equation_line(
    rng: random.Random, op: str, a: str, b: str, result: str, phrases: Phrases = TRAINING
) -> Line:
    """`a op b = result`, with another operation as its swap."""
    sign, value = OPERATIONS[op]
    other = rng.choice([o for o in ("add", "sub", "mul") if o != op])
    other_sign, other_value = OPERATIONS[other]
    inverse = {"add": "sub", "sub": "add", "mul": "div", "div": "mul"}[op]
    kind = "reversed" if other == inverse else "operator"
    verb = rng.choice(phrases.verbs)
    if phrases is not UNSEEN and rng.random() < _BABBLE / 2:
        verb = _babble(rng, 1, 3).lower()
    template = phrase(rng, phrases.equations, least=0)
    template = template.format(f"{{{a}}} \0 {{{b}}} {verb} {{{result}}}")
    return Line(
        template.replace("\0", sign),
        result,
        lambda e: value(e[a], e[b]),
        operands=(a, b),
        swaps=(Swap(kind, template.replace("\0", other_sign), lambda e: other_value(e[a], e[b])),),
    )


def ask_for(rng: random.Random, op: str, phrases: Phrases = TRAINING) -> str:
    sign = OPERATIONS[op][0]
    plain = rng.random() < 0.65
    what = f"{{a}} {sign} {{b}}" if plain else rng.choice(_PROBLEMS[op])
    return phrase(rng, phrases.asks).format(what)

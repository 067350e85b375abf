r"""PathFinder-PRM: two questions about a step, and a score derived from the answers.

declare-lab/PathFinder-PRM-7B (arXiv 2505.19706) is a causal language model with the added tokens
`<+>`, `<->` and `<extra>`. Every step has a prompt of its own: an instruction and the problem as
the user's turn, and as the assistant's turn the earlier steps and

    Current Step: {step} Math reasoning: <extra>, Consistency: <extra>

The two tags are answered: "+" against "-" one token before each. Their P("+") are given as the
extras "mathematics" and "consistency". There is no system message, and no header of a next turn.

`pathfinder` is the authors' script for ProcessBench, which gave their published F1: a step is wrong
if either tag is "-". The smaller of the two probabilities is equivalent at 0.5.

`pathfinder_card` is the model card and the authors' search: if both tags are "+", the answers
replace the tags, `, Correctness: <extra>` is appended, and "+" against "-" before that tag is the
step's score (also given as "correctness"). If either is "-", the authors call the step wrong
without a second prompt; here the prompt is made for every step, and the smaller of the two tags
counts. The card's instruction has a typo, which is part of its prompt.

Source: declare-lab/PathFinder-PRM, src/evaluation; the model card. config.json says
`Qwen2ForCausalLM`, so the model is recognised by its name or given with `--family`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from prm_core.families.base import Checkpoint, Family, OpenedInRounds, OpenedModel
from prm_core.families.prompt import READ, Part, assemble, chat, fill
from prm_core.families.token_pair import pair_readout
from prm_core.types import Candidate, Encoded

INSTRUCTION = (
    "You are a Math Teacher. Given a question and a student's solution, evaluate the mathematical "
    "correctness, logic consistency of the current step and whether it will lead to the correct "
    "final solution"
)
"""Used in training and in the authors' script for ProcessBench."""

CARD_INSTRUCTION = INSTRUCTION.replace("mathematical", "mathemetical")
"""From the model card and the authors' search, verbatim."""


def open_pathfinder(
    checkpoint: Checkpoint, instruction: str = INSTRUCTION, verdict: bool = False
) -> OpenedModel:
    """Open a checkpoint.

    Args:
        checkpoint: its backbone and tokenizer are loaded.
        instruction: what the user's turn begins with.
        verdict: whether a second prompt asks for the verdict.

    Raises:
        ModelLoadError: a tag is not one token, the chat template cannot be used, or the LM head is
            missing.
    """
    tokenizer = checkpoint.tokenizer
    blank, good, bad = (checkpoint.token_id(tag) for tag in ("<extra>", "<+>", "<->"))
    tags = frozenset((blank, good, bad))
    template = chat(tokenizer, [("user", None), ("assistant", None)])

    def prompt(candidate: Candidate, index: int, answers: tuple[float, ...]) -> Encoded:
        before = "".join(f"{step}\n\n" for step in candidate.steps[:index])
        turn: list[Part] = [f"{before}Current Step: {candidate.steps[index]} Math reasoning: "]
        if answers:
            mathematics, consistency = (good if value > 0 else bad for value in answers)
            turn += [mathematics, ", Consistency: ", consistency, ", Correctness: ", READ, blank]
        else:
            turn += [READ, blank, ", Consistency: ", READ, blank]
        question = f"{instruction}\n\n Question: {candidate.problem}"
        parts = fill(template, [[question], turn])
        return assemble(tokenizer, parts, answer=blank, reserved=tags)

    questions = ("mathematics", "consistency")
    return OpenedInRounds(
        encode=lambda candidate: prompt(candidate, len(candidate.steps) - 1, ()),
        readout=pair_readout(checkpoint, good, bad),
        prompt=prompt,
        rounds=(questions, ("correctness",)) if verdict else (questions,),
        of_step=_of_the_card if verdict else min,
    )


def _of_the_card(log_odds: Sequence[float]) -> float:
    mathematics, consistency, correctness = log_odds
    return correctness if mathematics > 0 and consistency > 0 else min(mathematics, consistency)


PATHFINDER = Family(
    name="pathfinder",
    summary='P("<+>") against "<->" at two tags after each step, the lower one; a prompt for each.',
    open=open_pathfinder,
)

PATHFINDER_CARD = Family(
    name="pathfinder_card",
    summary="As pathfinder, with the verdict of a second prompt if both tags are +.",
    open=partial(open_pathfinder, instruction=CARD_INSTRUCTION, verdict=True),
)

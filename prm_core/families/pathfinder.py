r"""PathFinder-PRM: two questions about a step, and the verdict that follows from their answers.

declare-lab/PathFinder-PRM-7B is a causal language model with the added tokens
`<+>`, `<->` and `<extra>`. Every step stands in a prompt of its own: an instruction and the problem
as the user's turn, and as the assistant's the steps before it and

    Current Step: {step} Math reasoning: <extra>, Consistency: <extra>

First the two tags are answered: "+" against "-" one token before each. Then they are replaced by
the likelier answers, `, Correctness: <extra>` is appended, and "+" against "-" before that tag is
the step's score. P("+") of the first two stand beside as "mathematics" and "consistency". The
authors' search code says "wrong" without a second pass where either is "-"; here the second pass is
always made, as a probability is wanted. Source: declare-lab/PathFinder-PRM, src/evaluation.

There is no system message, and no header for a next turn. config.json says `Qwen2ForCausalLM`, so
the model is known by its name or asked for with `--family`.
"""

from __future__ import annotations

from prm_core.families.base import Checkpoint, Family, Opened
from prm_core.families.prompt import READ, Part, assemble, chat, fill
from prm_core.families.token_pair import pair_readout
from prm_core.types import Candidate, Encoded

INSTRUCTION = (
    "You are a Math Teacher. Given a question and a student's solution, evaluate the mathematical "
    "correctness, logic consistency of the current step and whether it will lead to the correct "
    "final solution"
)
"""What the model was trained with."""


def open_pathfinder(checkpoint: Checkpoint) -> Opened:
    """Open a checkpoint.

    Raises:
        ModelLoadError: a tag is not one token here, the chat template does not serve, or the LM
            head is missing.
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
        question = f"{INSTRUCTION}\n\n Question: {candidate.problem}"
        parts = fill(template, [[question], turn])
        return assemble(tokenizer, parts, answer=blank, reserved=tags)

    return Opened(
        encode=lambda candidate: prompt(candidate, len(candidate.steps) - 1, ()),
        readout=pair_readout(checkpoint, good, bad),
        alone=prompt,
        rounds=(("mathematics", "consistency"), ("correctness",)),
    )


PATHFINDER = Family(
    name="pathfinder",
    summary='P("<+>") against "<->" for each step in a prompt of its own, after two questions.',
    open=open_pathfinder,
)

"""ThinkPRM: a chain of thought over the whole solution, with a boxed word for each step.

Source: mukhal/ThinkPRM (MIT): utils/helper.py (`format_verification_cot_for_thinkprm`, "main
template used in the paper"), prm/thinkprm.py (`process_example`, the sampling, and how labels are
read and filled up). The text of the prompt is theirs.

The model was trained to stop at the first wrong step, so a chain with fewer verdicts than steps
whose last one is "incorrect" calls the rest incorrect too, as in its authors' code. With "correct"
as the last one it is unfinished and counts as unreadable here.

Not implemented: the authors' single score for a whole solution, P(yes) after "Is the solution
correct?". It is read from 100 alternatives at a token of the reply (a server gives 20 by default),
or from forced continuations that only SGLang's own protocol has.
"""

from __future__ import annotations

import re
from functools import partial

from prm_core.errors import NoVerdictError
from prm_core.text.labels import numbered
from prm_core.types import Candidate
from prm_core.verifiers.base import (
    AGAIN,
    Dialogue,
    Judgement,
    Message,
    Reply,
    Request,
    VerifierRecipe,
    mean,
    read_each,
    refuse_cut,
)

PROMPT = """\
You are given a math problem and a proposed step-by-step solution:

[Math Problem]

{problem}

[Solution]

{solution}

Review and critique each step in the proposed solution to determine whether each step is correct. \
If the solution is incomplete, only verify the provided steps."""

_HEAD, _MIDDLE, _TAIL = re.split(r"\{problem\}|\{solution\}", PROMPT)
_VERDICT = re.compile(r"\\boxed\{(correct|incorrect)\}")


def conversation(candidate: Candidate) -> list[Message]:
    """The one question about a candidate."""
    solution = "\n".join(numbered(candidate.steps))
    return [{"role": "user", "content": _HEAD + candidate.problem + _MIDDLE + solution + _TAIL}]


def verdicts(reply: Reply, n_steps: int, max_tokens: int) -> tuple[float, ...]:
    """1.0 for each step that a chain calls correct, 0.0 for the others, [S].

    >>> verdicts(Reply(r"Step 1: \\boxed{correct} Step 2: \\boxed{incorrect}"), 3, 99)
    (1.0, 0.0, 0.0)

    Raises:
        NoVerdictError: it does not judge every step.
    """
    refuse_cut(reply, max_tokens)
    said = _VERDICT.findall(reply.text)
    if not said:
        raise NoVerdictError(
            rf"the reply has no \boxed{{correct}} and no \boxed{{incorrect}}; {AGAIN}"
        )
    stopped = len(said) < n_steps and said[-1] == "incorrect"
    if len(said) != n_steps and not stopped:
        raise NoVerdictError(
            f"the reply has {len(said)} verdict{'' if len(said) == 1 else 's'} for {n_steps} "
            f"step{'' if n_steps == 1 else 's'}, so verdicts and steps cannot be matched; "
            f"{AGAIN}"
        )
    return tuple(float(word == "correct") for word in said) + (0.0,) * (n_steps - len(said))


def talk(candidate: Candidate, n_samples: int, max_tokens: int) -> Dialogue:
    """One chain per sample; a step's probability is the share of chains that call it correct."""
    messages = tuple(conversation(candidate))
    replies = yield [
        Request(
            messages, {"temperature": 0.7, "top_p": 1.0, "max_tokens": max_tokens, "seed": seed}
        )
        for seed in range(n_samples)
    ]
    n_steps = len(candidate.steps)
    chains = read_each(replies, partial(verdicts, n_steps=n_steps, max_tokens=max_tokens))
    read = [chain for chain in chains if chain is not None]
    return Judgement(
        tuple(mean(of_step) for of_step in zip(*read, strict=True)),
        tuple(reply.text for reply in replies),
    )


THINK_PRM = VerifierRecipe(
    name="think_prm",
    summary="Generates on a server; the share of chains of thought that box a step as correct.",
    max_tokens=8192,
    talk=talk,
    conversation=conversation,
)

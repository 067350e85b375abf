"""ProcessBench's critic: any chat model is asked for the first paragraph with an error.

Source: QwenLM/ProcessBench: code/templates/critique_template.txt (its 488 bytes, SHA-256
0e7dba24bfaa9dea379907e11b8dc701c6cd6e74453ab2ffc9b1d63237cc4434) and code/run_eval.py: the tags,
the sampling (one greedy reply; with several, temperature 1 and top_p 0.9), the use of the last box,
and the majority vote, in which the answer seen first wins a tie and replies without an answer do
not vote.

There, a number that is not a paragraph's is a wrong prediction; here, where the right one is not
known, such a reply counts as unreadable.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import partial

from prm_core.errors import NoVerdictError
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

TEMPLATE = """\
The following is a math problem and a solution (split into paragraphs, enclosed with tags and \
indexed from 0):

[Math Problem]

{problem}

[Solution]

{tagged_response}

Your task is to review and critique the solution paragraph by paragraph. Once you identify an \
error in a paragraph, return the index of the paragraph where the earliest error occurs. \
Otherwise, return the index of -1 (which typically denotes "not found").

Please put your final answer (i.e., the index) in \\boxed{{}}."""
"""As in the file, with the doubled braces of `str.format`."""

_HEAD, _MIDDLE, _TAIL = re.split(r"\{problem\}|\{tagged_response\}", TEMPLATE.strip())
_NONE = -1  # the index that means "no error"
_BOX = "\\boxed{"


def conversation(candidate: Candidate) -> list[Message]:
    """The one question about a candidate."""
    tagged = "".join(
        f"<paragraph_{index}>\n{step}\n</paragraph_{index}>\n\n"
        for index, step in enumerate(candidate.steps)
    ).strip()
    tail = _TAIL.replace("{{}}", "{}")
    return [{"role": "user", "content": _HEAD + candidate.problem + _MIDDLE + tagged + tail}]


def last_box(text: str) -> str | None:
    """The content of the last box, up to its first closing brace; None if there is no box.

    >>> last_box(r"\\boxed{0} … no, \\boxed{ 1 }."), last_box("none")
    ('1', None)
    """
    found, start = None, text.find(_BOX)
    while start >= 0:
        end = text.find("}", start)
        if end < 0:
            break
        found, start = text[start + len(_BOX) : end].strip(), text.find(_BOX, end)
    return found


def first_wrong(reply: Reply, n_steps: int, max_tokens: int) -> int:
    """Index of the first wrong step, or -1 for none.

    Raises:
        NoVerdictError: the reply does not name one.
    """
    refuse_cut(reply, max_tokens)
    box = last_box(reply.text)
    if box is None:
        raise NoVerdictError(rf"the reply has no \boxed{{}} with the index of a step; {AGAIN}")
    try:
        index = int(box)
    except ValueError:
        raise NoVerdictError(
            f"the reply's last box holds {box[:40]!r}, not the index of a step; {AGAIN}"
        ) from None
    if not _NONE <= index < n_steps:
        raise NoVerdictError(
            f"the reply names paragraph {box[:40]}, but there are only those from 0 to "
            f"{n_steps - 1}, and -1 for no error; {AGAIN}"
        )
    return index


def talk(candidate: Candidate, n_samples: int, max_tokens: int) -> Dialogue:
    """One critique per sample; steps before the majority's index are right, the others wrong."""
    messages = tuple(conversation(candidate))
    drawn = {"temperature": 0.0} if n_samples == 1 else {"temperature": 1.0, "top_p": 0.9}
    replies = yield [
        Request(messages, {**drawn, "max_tokens": max_tokens, "seed": 42 + sample})
        for sample in range(n_samples)
    ]
    n_steps = len(candidate.steps)
    found = read_each(replies, partial(first_wrong, n_steps=n_steps, max_tokens=max_tokens))
    votes = [index for index in found if index is not None]
    chosen = Counter(votes).most_common(1)[0][0]
    return Judgement(
        _accepted(chosen, n_steps),
        tuple(reply.text for reply in replies),
        {"share": tuple(map(mean, zip(*(_accepted(v, n_steps) for v in votes), strict=True)))},
    )


def _accepted(index: int, n_steps: int) -> tuple[float, ...]:
    """1.0 for each step before the first wrong one, 0.0 for the others.

    >>> _accepted(1, 3), _accepted(-1, 3)
    ((1.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    """
    n_right = n_steps if index == _NONE else index
    return (1.0,) * n_right + (0.0,) * (n_steps - n_right)


CRITIC = VerifierRecipe(
    name="critic",
    summary="Any chat model on a server names the first wrong step; 1 before it, 0 from it on.",
    max_tokens=8192,
    talk=talk,
    conversation=conversation,
)

"""Error messages of the library, in the page's terms.

The library speaks of candidates and of the model's own name; on the page they are solutions, named
by their letters, and the model is what the field shows.
"""

from __future__ import annotations

import re

_NAMED = re.compile(r"\bcandidate '([A-Z]{1,3})'")
_KINDS = (
    (re.compile(r"\bcandidates\b"), "solutions"),
    (re.compile(r"\bcandidate\b"), "solution"),
    (re.compile(r"^the problem of (?:a solution|solution [A-Z]{1,3}) "), "The problem "),
    # What argparse says about the options in the model's field.
    (re.compile(r"the model's options cannot be read: "), ""),
    (
        re.compile(r"unrecognized arguments: (--\S+).*", re.DOTALL),
        r"the option \1 is not known; correct it or take it out of the model's field",
    ),
    (
        re.compile(r"unrecognized arguments: (.*)", re.DOTALL),
        r"“\1” does not belong to any option; take it out of the model's field",
    ),
    (re.compile(r"argument (--\S+): expected one argument"), r"\1 needs a value after it"),
    (
        re.compile(r"argument (--\S+): invalid positive value: "),
        r"\1 needs a whole number above 0, not ",
    ),
    (
        re.compile(r"argument (--\S+): invalid choice: (\S+) \(choose from (.*)\)"),
        r"\1 cannot be \2; choose from \3",
    ),
    (re.compile(r"argument (--\S+): "), r"\1: "),
    # What the page's visitor cannot call.
    (re.compile(r", or prm_core\.[\w.]+"), ""),
    (re.compile(r"\[Errno -?\d+\] "), ""),
)


def page_words(message: str, model_id: str = "", label: str = "") -> str:
    """A message as the page shows it: a sentence about solutions and the chosen model.

    >>> page_words("candidate 'B' has 9 tokens but default-model reads at most 8", "default-model",
    ...     "Arithmetic PRM")
    'Solution B has 9 tokens but Arithmetic PRM reads at most 8.'
    """
    message = message.strip()
    message = _NAMED.sub(r"solution \1", message)
    for pattern, words in _KINDS:
        message = pattern.sub(words, message)
    if model_id and label:
        message = message.replace(model_id, label)
    return sentence(message)


def sentence(message: str) -> str:
    """With a full stop, and a capital if it begins with a solution or a step of one."""
    message = message.strip()
    if message.startswith(("solution", "step ")):
        message = "S" + message[1:]
    return message if message.endswith((".", "!", "?", "…")) else message + "."

"""One spelling for each sign of arithmetic, so that scores do not depend on notation.

The rules become a tokenizer's normaliser: they are part of tokenizer.json, where no caller can
forget them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from tokenizers import Regex, normalizers
from transformers import PreTrainedTokenizerBase

SIGNS: tuple[tuple[str, str], ...] = (
    (r"\\(?:left|right|,|;|!|quad|displaystyle|text|mathrm|boxed)", " "),
    (r"\\[dt]?frac\s*\{", ""),
    (r"\}\s*\{", "/"),
    (r"\\(?:times|cdot)|[·⋅∙✕✖⨯]", "×"),
    (r"\\div|÷", "/"),
    (r"[−–—]", "-"),
    (r"\\%", "%"),
    (r"\\[()\[\]]", " "),
    (r"\*\*|__|[`#]", " "),
    (r"\*", "×"),
    (r"(?<=[0-9)])\s*x\s*(?=[0-9(])", "×"),
    (r"[{}$]", " "),
    (r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", ""),
    (r"[’‘]", "'"),
    (r"<<[^<>]*>>", ""),
    (r"(?<![0-9])\.(?=[0-9])", "0."),
)
"""Patterns, and what is written for them, in order."""

SPACES: tuple[tuple[str, str], ...] = (
    (r"(?<!\s)\s+(?=[×+/=^])|(?<=[×+/=^])\s+", ""),
    (r"(?<=[0-9)%])\s*-\s*(?=[0-9(])", "-"),
    (r"\s+", " "),
    (r"\A ", ""),
)
"""For tokenizers that count spaces: none around a sign, one elsewhere."""


END = r"(?<![.\s])[.\s]*\z"
"""A text's end, with its dots and blanks. Looked for at the first of a run only, as blanks before
signs are, or long runs would take quadratic time."""


def one_spelling(
    rules: Sequence[tuple[str, str]], *more: normalizers.Normalizer
) -> normalizers.Normalizer:
    """A normaliser that writes all letters small and applies the rules in order, then `more`."""
    return normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Lowercase(),
            *(normalizers.Replace(Regex(pattern), to) for pattern, to in rules),
            *more,
        ]
    )


def spell_as_a_line(tokenizer: PreTrainedTokenizerBase) -> None:
    """Let a byte-level tokenizer, which counts spaces, spell every text in one way, in place.

    A text then begins with a space, as words within a text do, and ends with a line's end instead
    of a full stop.
    """
    cast(Any, tokenizer).backend_tokenizer.normalizer = one_spelling(
        SIGNS + SPACES,
        normalizers.Prepend(" "),
        normalizers.Replace(Regex(END), "\n"),
    )

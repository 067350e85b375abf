"""Build a prompt's token ids and record at the same time where each step is read.

A prompt is a sequence of parts: texts, single token ids, and `READ` after whatever is read.
Neighbouring texts are encoded as one unless `CUT` is between them, so their tokens are those of the
whole string, and a position inside comes from the character offsets of that one encoding. Special
tokens are put into a prompt only by id: text is always encoded with special tokens split, so what a
user types is text, whatever it looks like.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from operator import itemgetter
from weakref import WeakKeyDictionary

from transformers import PreTrainedTokenizerBase

from prm_core.errors import InputError, ModelLoadError, UnreadableError
from prm_core.text.labels import step_content
from prm_core.types import Candidate, Encoded


class Mark(Enum):
    """The marks between the texts of a prompt."""

    READ = "the token before this is where a step is read"
    CUT = "the texts on both sides are encoded separately"


READ = Mark.READ
CUT = Mark.CUT

Part = str | int | Mark

_Texts = dict[str, tuple[list[int], list[tuple[int, int]]]]

_RECENT: WeakKeyDictionary[PreTrainedTokenizerBase, _Texts] = WeakKeyDictionary()
"""The most recently encoded texts, by tokenizer."""

_MOST_RECENT = 4096
"""The most texts that are kept: the steps of 64 paths of 60."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a caller's text in a rendered template.

    Attributes:
        index: which of the texts.
        stripped: whether the template strips its text.
    """

    index: int
    stripped: bool


def assemble(
    tokenizer: PreTrainedTokenizerBase,
    parts: Iterable[Part],
    *,
    marker: int | None = None,
    answer: int | None = None,
    reserved: frozenset[int] = frozenset(),
    keep: bool = True,
) -> Encoded:
    """The ids of a prompt, up to the last place that is read, and these places.

    Args:
        tokenizer: a fast one.
        parts: the prompt.
        marker: the token that is read; every place must have it, and if text elsewhere would give
            the same token, two others that spell it are used there.
        answer: the token that must follow every place.
        reserved: tokens that text must not give; they are spelt like the marker.
        keep: whether the texts' ids are cached for prompts that share them; see `encode_texts`.

    Raises:
        InputError: a place has no token of its own, or not the required one.
    """
    texts, flat = _runs(parts)
    encoded = encode_texts(tokenizer, texts, keep=keep)
    ids: list[int] = []
    positions: list[int] = []
    end = 0  # of what the last place needs
    for part in flat:
        if isinstance(part, int):
            ids.append(part)
        elif part is READ:
            positions.append(len(ids) - 1)
            end = len(ids)
        elif isinstance(part, _Run):
            run, offsets = encoded[part.index]
            # The last token that begins before a place is the one that ends there.
            read = [bisect_left(offsets, place, key=itemgetter(0)) - 1 for place in part.reads]
            if marker in run or not reserved.isdisjoint(run):
                run, read = _without_markers(tokenizer, run, read, marker, reserved)
            positions.extend(-1 if place < 0 else len(ids) + place for place in read)
            ids.extend(run)
            if read:
                end = positions[-1] + 1
    for number, position in enumerate(positions, start=1):
        missing = position < 0 or (marker is not None and ids[position] != marker)
        missing |= answer is not None and ids[position + 1 : position + 2] != [answer]
        if missing or position in positions[: number - 1]:
            raise InputError(
                f"step {number} cannot be written so that this model's tokenizer keeps the place "
                "where it is read; look for unusual characters at its end"
            )
    return Encoded(tuple(ids[:end]), tuple(positions))


def _without_markers(
    tokenizer: PreTrainedTokenizerBase,
    run: Sequence[int],
    read: Sequence[int],
    marker: int | None,
    reserved: frozenset[int],
) -> tuple[list[int], list[int]]:
    """A text's ids, none of which means more than its text, and the places that are read."""
    ids: list[int] = []
    moved: list[int] = []
    for i, token in enumerate(run):
        if token in reserved or (token == marker and i not in read):
            ids.extend(_spelt_apart(tokenizer, token))
        else:
            ids.append(token)
        moved.extend([len(ids) - 1] * read.count(i))
    return ids, moved + [-1] * read.count(-1)


def encode_texts(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], *, keep: bool = True
) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Token ids of each text, and the characters that each token covers; do not modify them.

    Texts are encoded together, and recent ones are looked up in a cache: candidates of one problem
    share most of theirs. `forget_texts` empties it, and without `keep` it is not used. Only fast
    tokenizers give the characters.
    """
    known = _RECENT.setdefault(tokenizer, {}) if keep else _Texts()
    new = [text for text in dict.fromkeys(texts) if text not in known]
    if len(known) + len(new) > _MOST_RECENT:
        known.clear()
        new = list(dict.fromkeys(texts))
    if new:
        encoded = tokenizer(
            new,
            add_special_tokens=False,
            split_special_tokens=True,
            return_attention_mask=False,
            return_offsets_mapping=tokenizer.is_fast,
            verbose=False,
        )
        offsets = encoded.get("offset_mapping", [[]] * len(new))
        for text, ids, covered in zip(new, encoded["input_ids"], offsets, strict=True):
            known[text] = ids, covered
    return [known[text] for text in texts]


def forget_texts(tokenizer: PreTrainedTokenizerBase) -> None:
    """Drop the texts that `encode_texts` has kept."""
    _RECENT.pop(tokenizer, None)


def refuse_unreadable(tokenizer: PreTrainedTokenizerBase, candidate: Candidate) -> None:
    """Refuse a step of which a model sees nothing, so that it does not get a score as if it were
    read.

    Raises:
        UnreadableError: the tokenizer gives no token for the problem or a step, or none that it
            knows.
    """
    unknown = tokenizer.unk_token_id
    texts = [candidate.problem, *map(step_content, candidate.steps)]
    (nothing, _), *encoded = encode_texts(tokenizer, [" ", *texts])
    for number, (text, (ids, reach)) in enumerate(zip(texts, encoded, strict=True)):
        if ids and ids != nothing and (unknown not in ids or _knows(text, ids, reach, unknown)):
            continue
        name = f"candidate {candidate.id!r}" if candidate.id else "a candidate"
        what = f"step {number}" if number else "the problem"
        raise UnreadableError(
            f"{what} of {name} cannot be judged: this model's tokenizer cannot express "
            f"{text if len(text) <= 40 else text[:40] + '…'!r}; "
            "write it in other words, or use another model",
            of_problem=not number,
        )


def _knows(text: str, ids: Sequence[int], reach: Sequence[tuple[int, int]], unknown: int) -> bool:
    """Whether a known token covers a letter or digit of a text, or a sign if it has neither.

    A normaliser may add tokens of its own, attributed to characters that other tokens cover.
    """
    if not reach:  # a slow tokenizer does not give the characters
        return set(ids) != {unknown}
    lost = {
        i for token, one in zip(ids, reach, strict=True) if token == unknown for i in range(*one)
    }
    kept = {i for one in reach for i in range(*one)} - lost
    signs = [i for i, sign in enumerate(text) if sign.isalnum()]
    return not kept.isdisjoint(signs or (i for i, sign in enumerate(text) if not sign.isspace()))


@dataclass(frozen=True, slots=True)
class _Run:
    """A place in the joined texts: which of them, and where it is read."""

    index: int
    reads: tuple[int, ...]


def _runs(parts: Iterable[Part]) -> tuple[list[str], list[_Run | int | Mark]]:
    """Neighbouring texts joined, with the places inside as numbers of characters."""
    texts: list[str] = []
    flat: list[_Run | int | Mark] = []
    joined, reads = "", list[int]()
    for part in (*parts, None):
        if isinstance(part, str):
            joined += part
        elif part is READ and joined:
            reads.append(len(joined))
        else:
            if joined:
                flat.append(_Run(len(texts), tuple(reads)))
                texts.append(joined)
                joined, reads = "", []
            if part is not None and part is not CUT:
                flat.append(part)
    return texts, flat


def _spelt_apart(tokenizer: PreTrainedTokenizerBase, token: int) -> list[int]:
    """Other tokens that together spell a token.

    Splitting special tokens does not help if the marker is an added token that is not flagged
    special, or one of the ordinary vocabulary.
    """
    added = tokenizer.added_tokens_decoder.get(token)
    if added is not None:
        halves = [added.content[:1], added.content[1:]]
        pieces: list[list[int]] = tokenizer(halves, add_special_tokens=False)["input_ids"]
        return [piece for half in pieces for piece in half]
    text = str(tokenizer.convert_ids_to_tokens(token))
    for cut in range(len(text) - 1, 0, -1):
        halves = [text[:cut], text[cut:]]
        ids = tokenizer.convert_tokens_to_ids(halves)
        assert isinstance(ids, list)
        # What the vocabulary lacks becomes its unknown token, or None.
        if None not in ids and tokenizer.convert_ids_to_tokens(ids) == halves:
            return ids
    raise InputError(
        f"a text contains {tokenizer.decode([token])!r}, which this model uses to mark its steps; "
        "write it differently"
    )


def chat(
    tokenizer: PreTrainedTokenizerBase,
    messages: Sequence[tuple[str, str | None]],
    *,
    generation: bool = False,
) -> list[str | int | Slot]:
    """A conversation in the tokenizer's own chat template.

    Args:
        messages: role and text of each turn; None where the caller's text goes, as `Slot`s
            numbered from 0.
        generation: whether the header of the assistant's next turn is at the end.

    Returns:
        The template's texts, its special tokens by id, and the slots in their order.

    Raises:
        ModelLoadError: there is no template, it cannot be rendered, or it drops or doubles a turn.
    """
    n_slots = sum(text is None for _, text in messages)
    numbers = iter(range(n_slots))
    filled = [
        {"role": role, "content": f" {_place(next(numbers))} " if text is None else text}
        for role, text in messages
    ]
    try:
        rendered = tokenizer.apply_chat_template(
            filled, tokenize=False, add_generation_prompt=generation
        )
    except Exception as error:  # anything: the template comes with the checkpoint
        raise ModelLoadError(
            f"the tokenizer's chat template cannot be used: {error}; use the tokenizer that was "
            "published with the model"
        ) from error
    assert isinstance(rendered, str)
    special = {token.content: i for i, token in tokenizer.added_tokens_decoder.items()}
    longest_first = sorted(map(re.escape, special), key=len, reverse=True)
    pattern = "|".join([f" ?{_place(0).replace('0', '[0-9]+')} ?", *longest_first])
    parts: list[str | int | Slot] = []
    done = 0
    for match in re.finditer(pattern, rendered):
        if before := rendered[done : match.start()]:
            parts.append(before)
        if match[0] in special:
            parts.append(special[match[0]])
        else:
            index = int(re.sub("[^0-9]", "", match[0]))
            parts.append(Slot(index, stripped=not match[0].startswith(" ")))
        done = match.end()
    if rest := rendered[done:]:
        parts.append(rest)
    if [part.index for part in parts if isinstance(part, Slot)] != list(range(n_slots)):
        raise ModelLoadError(
            "the tokenizer's chat template does not show every turn once; use the tokenizer that "
            "was published with the model"
        )
    return parts


def _place(index: int) -> str:
    """A placeholder for a text while a template is rendered; no real text contains it."""
    return f"\ue000{index}\ue001"


def fill(template: Iterable[str | int | Slot], texts: Sequence[Sequence[Part]]) -> list[Part]:
    """A rendered template with the texts in their slots, stripped if the template does that."""
    parts: list[Part] = []
    for part in template:
        if not isinstance(part, Slot):
            parts.append(part)
            continue
        inner = list(texts[part.index])
        if part.stripped and inner:
            if isinstance(inner[0], str):
                inner[0] = inner[0].lstrip()
            if isinstance(inner[-1], str):
                inner[-1] = inner[-1].rstrip()
        parts.extend(inner)
    return parts


def turn_per_step(
    tokenizer: PreTrainedTokenizerBase,
    asked: Callable[[Candidate, int], Sequence[Part]],
    answer: str,
    answer_id: int,
) -> Callable[[Candidate], Encoded]:
    """The encoder of a conversation in which the assistant answers each step, always the same.

    Each step is read where its answer begins, at the last token of the header before it.

    Args:
        tokenizer: its chat template is the conversation's.
        asked: the user's turn for a step, by its index.
        answer: the assistant's answer to every step.
        answer_id: the answer's first token.

    Raises:
        ModelLoadError: the chat template cannot be used.
    """

    @lru_cache(maxsize=64)
    def template(n_steps: int) -> list[str | int | Slot]:
        return chat(tokenizer, [("user", None), ("assistant", None)] * n_steps)

    template(1)  # raises now if the template cannot be used

    def encode(candidate: Candidate) -> Encoded:
        turns: list[Sequence[Part]] = []
        for index in range(len(candidate.steps)):
            turns += [asked(candidate, index), [READ, answer]]
        return assemble(tokenizer, fill(template(len(candidate.steps)), turns), answer=answer_id)

    return encode

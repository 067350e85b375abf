"""The left side of the page: the problem, the step rule and the candidates as cards.

A custom `gr.HTML` with a constant template, filled by `assets/page/editor.js`; Gradio's own list
of text boxes either loses what is typed during a round trip or shifts texts on removal. The value
is `{"problem", "solutions", "rule"}`, checked here once on its way in (`read_draft`), because any
client may send anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, cast

import gradio as gr

from prm_core.errors import InputError
from prm_core.formats.results import letter
from prm_core.paths import page_script
from prm_core.text.limits import MAX_CANDIDATES, MAX_SOLUTION_CHARS, too_long, too_many, too_much
from prm_core.text.steps import NAMED_RULES, RULE_WORDS, RULES, Split, split_solutions
from prm_core.types import half_character, whole_characters
from prm_core.ui.examples import PageExample

MAX_PREVIEW_CHARS = 400_000
"""Of all texts whose steps are requested at once: previews run beside the model."""

MAX_SEPARATOR_CHARS = 100
"""More than any format has between two steps."""

MAX_GOLD_CHARS = 1_000
"""A right answer's; a longer one is cut, as it could not equal any answer that is read."""

_LETTERS = re.compile("[A-Z]{1,3}")

SEPARATOR = "separator"
"""The rule whose text the user types; written "separator:TEXT"."""

RULE_LABELS = {
    "auto": "automatic",
    **{name: rule.label for name, rule in NAMED_RULES.items()},
    SEPARATOR: "own separator…",
}
"""What the menu says for each step rule."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the left side holds, checked for form and size but not yet for content.

    Attributes:
        problem: the task's text; may be blank.
        solutions: one text per card, in the order of the cards; each may be blank.
        rule: a step rule, as `prm_core.text.steps` takes it.
        letters: the name of each card; none twice.
        gold: the right final answer, if the page was given one.
        kept: the cards' scores that the browser still has, as JSON; not checked yet.
        threshold: below it a step counts as wrong, if the visitor chose another than the model's.
        refused: why a card's text cannot be read, by its place; the others can be read.
    """

    problem: str
    solutions: tuple[str, ...]
    rule: str
    letters: tuple[str, ...] = ()
    gold: str | None = None
    kept: str = ""
    threshold: float | None = None
    refused: Mapping[int, str] = field(default_factory=dict)


class PlaceError(InputError):
    """Something on the left side cannot be scored, and the page can point at it.

    Attributes:
        where: "problem", "rule", or the index of a card.
    """

    def __init__(self, message: str, where: str | int) -> None:
        self.where = where
        super().__init__(message)


def read_draft(payload: object) -> Draft:
    """Check what a browser sent, so that later code can trust it.

    Raises:
        InputError: the payload has another shape; only a forged request does.
        PlaceError: there are too many solutions, or all texts together or the problem are too long.
    """
    match payload:
        case {"problem": str(problem), "solutions": list(solutions), "rule": str(rule)} if all(
            isinstance(text, str) for text in solutions
        ):
            pass
        case _:
            raise InputError("the request has no problem, solutions and rule")
    fields = cast("dict[str, Any]", payload)
    letters = _letters(fields, len(solutions))
    if words := too_many(len(solutions)):
        raise PlaceError(words, MAX_CANDIDATES - 1)
    n_separator = len(rule) - len(f"{SEPARATOR}:")
    if n_separator > MAX_SEPARATOR_CHARS:
        raise PlaceError(
            f"The separator has {n_separator:,} characters; "
            f"at most {MAX_SEPARATOR_CHARS} are read.",
            "rule",
        )
    if n_separator > 0 and half_character(rule):
        raise PlaceError("The separator contains an unpaired surrogate (invalid Unicode).", "rule")
    if words := too_much(problem, solutions):
        raise PlaceError(words, "problem")
    if half_character(problem):
        raise PlaceError("The problem contains an unpaired surrogate (invalid Unicode).", "problem")
    refused = {index: words for index, text in enumerate(solutions) if (words := _unread(text))}
    return Draft(
        problem,
        tuple(map(whole_characters, solutions)),
        rule,
        letters,
        _gold(fields),
        _kept(fields),
        _threshold(fields),
        {index: f"Solution {letters[index]} {words}" for index, words in refused.items()},
    )


def _unread(text: str) -> str:
    """Why one solution cannot be read; empty for nearly all."""
    if half_character(text):
        return "contains an unpaired surrogate (invalid Unicode); retype it."
    return too_long(len(text))


def _letters(payload: dict[str, Any], n: int) -> tuple[str, ...]:
    """The cards' names; a request without them gets the usual ones.

    Raises:
        InputError: a name is invalid, or there twice; only a forged request has such names.
    """
    named = payload.get("letters")
    if named is None:
        return tuple(map(letter, range(n)))
    is_list = isinstance(named, list) and len(named) == n
    if not is_list or not all(isinstance(one, str) and _LETTERS.fullmatch(one) for one in named):
        raise InputError("the request has no letter for each solution")
    if len(set(named)) < n:
        raise InputError("the request has a letter twice")
    return tuple(named)


def _gold(payload: dict[str, Any]) -> str | None:
    """The right answer that came with the problem, if any."""
    gold = payload.get("gold")
    if not isinstance(gold, str) or half_character(gold):
        return None
    return gold.strip()[:MAX_GOLD_CHARS] or None


def _kept(payload: dict[str, Any]) -> str:
    """The earlier scores that the browser hands back; `prm_core.ui.kept` reads them."""
    kept = payload.get("kept")
    return kept if isinstance(kept, str) else ""


def _threshold(payload: dict[str, Any]) -> float | None:
    """The visitor's own threshold, if it is one."""
    value = payload.get("threshold")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def split_preview(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Where the steps of each text are, for the lines beside them.

    Called by the browser during typing (`server.split_preview`).

    Args:
        request: `{"texts": [...], "rule": ...}`.

    Returns:
        One `{"rule", "words", "note", "steps": [[start, end, thinking], …],
        "dropped": [[start, end, kind], …]}` per text: the rule that cut it, how it did so where the
        menu does not say it, why it found no more steps, the steps, and what is neither step nor
        white space. Offsets count UTF-16 units, as browsers do. If all texts together exceed the
        limit of a preview, each has `"large": True` and no steps.
    """
    try:
        draft = read_draft({"problem": "", "solutions": request["texts"], "rule": request["rule"]})
    except (InputError, KeyError, TypeError):
        return []
    if sum(map(len, draft.solutions)) > MAX_PREVIEW_CHARS:
        unseen = {"rule": draft.rule, "steps": [], "dropped": [], "large": True}
        return [unseen for _ in draft.solutions]
    nothing: dict[str, Any] = {"rule": draft.rule, "steps": [], "dropped": []}
    texts = ["" if i in draft.refused else text for i, text in enumerate(draft.solutions)]
    try:
        splits = split_solutions(texts, draft.rule)
    except InputError:  # an empty separator: Score says so, at its place
        return [nothing for _ in draft.solutions]
    found = [
        _preview(text, split, draft.rule)
        for text, split in zip(texts, splits.solutions, strict=True)
    ]
    return [
        nothing | {"unread": True} if i in draft.refused else one for i, one in enumerate(found)
    ]


def _preview(text: str, split: Split, asked: str) -> dict[str, Any]:
    """One text's steps, and what was left out."""
    spans = [(one.start, one.end) for one in split.steps]
    spans += [(one.start, one.end) for one in split.dropped]
    rising = sorted({place for span in spans for place in span})
    unit = dict(zip(rising, _utf16_offsets(text, rising), strict=True))
    chosen = RULE_WORDS.get(asked.split(":")[0])  # "auto" says nothing of how it cuts
    return {
        "rule": split.rule,
        "words": "" if split.words == chosen else split.words,
        "note": split.note,
        "steps": [[unit[one.start], unit[one.end], one.thinking] for one in split.steps],
        "dropped": [[unit[one.start], unit[one.end], one.kind] for one in split.dropped],
    }


def _utf16_offsets(text: str, places: Sequence[int]) -> list[int]:
    """Ascending character offsets as UTF-16 offsets; one pass over the text."""
    if text.isascii():
        return list(places)
    offsets, seen, units = [], 0, 0
    for place in places:
        units += len(text[seen:place].encode("utf-16-le", "surrogatepass")) // 2
        seen = place
        offsets.append(units)
    return offsets


class Editor(gr.HTML):
    """Problem, step rule and candidate cards; the value is what `read_draft` reads."""

    def __init__(self, examples: Sequence[PageExample]) -> None:
        super().__init__(
            value={"problem": "", "solutions": [""], "rule": "auto"},
            html_template=_TEMPLATE,
            js_on_load=page_script("state.js", "fold.js", "paste.js", "editor.js"),
            apply_default_css=False,
            elem_id="prm-editor",
            server_functions=[split_preview],
            limits={"candidates": MAX_CANDIDATES, "chars": MAX_SOLUTION_CHARS},
            examples=[asdict(one) for one in examples],
        )

    def api_info(self) -> dict[str, Any]:
        """The value is an object, not HTML."""
        return {"type": "object"}


_OPTIONS = "".join(
    f'<option value="{name}">{escape(RULE_LABELS[name])}</option>' for name in (*RULES, SEPARATOR)
)

# Constant: Gradio compiles templates, so user text must never get into one.
_TEMPLATE = f"""
<div class="prm-editor">
  <div class="prm-problem">
    <label class="prm-cap" for="prm-problem">Problem</label>
    <div class="prm-box prm-text">
      <div class="prm-mirror" aria-hidden="true"></div>
      <textarea id="prm-problem" rows="1" placeholder="What is to be solved?"
        aria-describedby="prm-problem-issue"></textarea>
    </div>
    <p class="prm-gold" hidden><span></span>
      <button type="button" class="prm-link prm-use-gold" hidden>use it</button>
      <button type="button" class="prm-icon" aria-label="Remove the right answer">×</button></p>
    <p class="prm-issue" id="prm-problem-issue" data-for="problem" role="alert" hidden></p>
  </div>
  <div class="prm-rule">
    <h2 class="prm-cap">Solutions</h2>
    <span class="prm-grow"></span>
    <label for="prm-rule">steps:</label>
    <select id="prm-rule">{_OPTIONS}</select>
    <input type="text" aria-label="Separator between steps" placeholder="separator" hidden
      spellcheck="false" autocapitalize="off">
  </div>
  <p class="prm-issue" data-for="rule" role="alert" hidden></p>
  <ol class="prm-cards" aria-label="Solutions"></ol>
  <p class="prm-said" role="status" hidden><span></span></p>
  <p class="prm-unkept" role="status" hidden>This text is too large for the browser to keep over a
    reload; save it elsewhere before you leave.</p>
  <div class="prm-tools">
    <button type="button" class="prm-button prm-add">+ Add</button>
    <button type="button" class="prm-button prm-ghost prm-sample" hidden>Sample…</button>
    <button type="button" class="prm-button prm-ghost prm-examples-button" aria-expanded="false"
      aria-controls="prm-examples">Examples</button>
    <span class="prm-grow"></span>
    <span class="prm-hint">Lines of --- or a JSON list paste as several</span>
  </div>
  <div class="prm-examples" id="prm-examples" hidden></div>
</div>
"""

"""The right side of the page: which candidate leads, and which step went wrong.

`board_value` turns scored candidates into plain JSON that holds everything the browser shows,
under every aggregation; `assets/page/board.js` only moves, colours and shows it. Choosing an
aggregation, a palette or a theme, or opening a step, asks nothing of the server.

The component's template is constant and user text enters the page as text nodes only: Gradio
compiles templates to code, so text in them would run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import gradio as gr

from prm_core.answers.equality import forget
from prm_core.answers.final import final_answer, same_answer
from prm_core.evaluation.choices import Choice, compare_pool
from prm_core.figures.step_bars import (
    band,
    bar_spec,
    format_apart,
    format_probability,
    palette_table,
)
from prm_core.formats.results import letter
from prm_core.paths import assets_dir, page_script
from prm_core.ranking.aggregate import METHODS, all_scores, scores_by_step
from prm_core.ranking.rank import rank
from prm_core.text.labels import step_content
from prm_core.types import ScoredCandidate
from prm_core.ui.examples import missed_steps
from prm_core.ui.exports import MAX_SESSION, formats, label_formats

T = TypeVar("T")

Status = Literal["empty", "running", "done", "cancelled", "failed"]

# The other aggregations are under "More".
_IN_SIGHT = ("min", "prod", "last", "mean", "weighted")


@dataclass(frozen=True, slots=True)
class Judged:
    """What was judged, as the left side had it; the browser compares it with what is there now.

    Attributes:
        letters: the solutions' names.
        texts: the solutions as they were typed.
        rule: the chosen step rule.
        cuts: the rule that actually cut each solution ("auto" chooses one).
        model: the model as the page's field has it (`model` of `board_value` is its label).
        gold: the right answer, if the page was given one.
        cut_note: what must be known about the rules that cut them; empty if one rule cut all.
        errors: why a solution could not be scored, by its place.
    """

    letters: Sequence[str] = ()
    texts: Sequence[str] = ()
    rule: str = "auto"
    cuts: Sequence[str] = ()
    model: str = ""
    gold: str | None = None
    cut_note: str = ""
    errors: Mapping[int, str] = field(default_factory=dict)

    def letter(self, index: int) -> str:
        """A solution's name."""
        return self.letters[index] if index < len(self.letters) else letter(index)


def board_value(
    problem: str,
    scored: Sequence[ScoredCandidate | None],
    *,
    threshold: float = 0.5,
    own: float | None = None,
    status: Status,
    message: str = "",
    model: str = "",
    model_note: str = "",
    judged: Judged | None = None,
    run: int = 0,
    thinking: Sequence[Sequence[bool]] = (),
    examples: Sequence[tuple[str, str]] = (),
    views: dict[int, dict[str, Any]] | None = None,
    brief: bool = False,
    own_solutions: Sequence[str] = (),
    second_opinion: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Everything that the Board shows, as JSON.

    Args:
        problem: the problem's text.
        scored: one entry per candidate in the editor's order; None is not scored (yet).
        threshold: below it a step counts as wrong.
        own: the model's own threshold, if the visitor chose another.
        status: what to show around the cards.
        message: a sentence for the status: what is being done, or what went wrong.
        model: the model that scored.
        model_note: a sentence on what that model is good for.
        judged: what was judged; without it the solutions are called A, B, C and never go stale.
        run: the run's number; a card of the same run and place is never drawn again.
        thinking: for each candidate and step, whether the step is inside `<think>`; also gives the
            height of the card of a candidate that is still waiting.
        examples: id and label of each example that an empty board offers.
        views: what earlier calls of the same run computed for each candidate, by its place; filled
            here. Streaming passes the same dict again, so no candidate is computed twice.
        brief: leave out each candidate's `detail`, for a browser that has it: neither another
            threshold nor another right answer changes it.
        own_solutions: the model's own solutions of the problem; empty if it wrote none.
        second_opinion: `line` of a model that finds more, `words` on a button that asks for it, and
            a `note` on what it costs; None where there is no such model.
    """
    views = {} if views is None else views
    judged = judged or Judged()
    there = [(index, one) for index, one in enumerate(scored) if one is not None]
    for index, one in there:
        if index not in views:
            flags = _at(thinking, index, ())
            views[index] = _view(one, threshold, flags, judged.gold, brief)
    if judged.gold is not None:
        forget()  # the answers that were compared with it
    standings: dict[int, dict[str, dict[str, Any]]] = {
        index: {"ranks": {}, "tied": {}, "shown": {}} for index, _ in there
    }
    for method in METHODS:
        ranking = rank([one for _, one in there], method)
        shown = format_apart([place.score for place in ranking], threshold)
        for place, words in zip(ranking, shown, strict=True):
            standing = standings[there[place.index][0]]
            standing["ranks"][method] = place.rank
            standing["tied"][method] = place.tied
            standing["shown"][method] = words
    return {
        "run": run,
        "status": status,
        "message": message,
        "model": model,
        "model_note": model_note,
        "caveat": missed_steps(
            problem,
            {
                judged.letter(index): (
                    one.candidate.steps,
                    [p >= threshold for p in one.probabilities],
                )
                for index, one in there
            },
        ),
        "second_opinion": second_opinion,
        "own_solutions": list(own_solutions),
        "own_answers": [final_answer(text) or "no answer" for text in own_solutions],
        "problem": problem,
        "rule": judged.rule,
        "model_line": judged.model,
        "gold": judged.gold,
        "cut_note": judged.cut_note,
        "threshold": threshold,
        "own": threshold if own is None else own,
        "choices": _choices(there, views, judged) if status != "running" else None,
        "examples": [{"id": name, "label": label} for name, label in examples],
        "methods": [
            {
                "name": method.name,
                "label": method.label,
                "formula": method.formula,
                "words": method.words,
                "more": method.name not in _IN_SIGHT,
            }
            for method in METHODS.values()
        ],
        "candidates": [
            {
                "index": index,
                "letter": judged.letter(index),
                "source": _at(judged.texts, index, ""),
                "cut": _at(judged.cuts, index, ""),
            }
            | (
                {
                    "n_steps": len(_at(thinking, index, ())) or None,
                    "n_thinking": sum(_at(thinking, index, ())),
                    "detail": None,
                    "marks": None,
                    "error": judged.errors.get(index, ""),
                }
                if one is None
                else {**views[index], **standings[index]}
            )
            for index, one in enumerate(scored)
        ],
    }


def packed(value: Any) -> Any:
    """A board's value as Gradio carries it to the browser; anything else unchanged.

    As texts, because Gradio's page walks whatever is in a value several times at each update, but
    not what is in a text, and those of the candidates as lists, because of a list only the items
    that changed are sent.
    """
    if not isinstance(value, dict) or "candidates" not in value:
        return value
    candidates = value["candidates"]
    short = [{**one, "detail": None, "marks": None} for one in candidates]
    return {
        "about": _text({**value, "candidates": short}),
        "details": [one["detail"] for one in candidates],
        "marks": [one["marks"] for one in candidates],
    }


def _choices(
    there: Sequence[tuple[int, ScoredCandidate]],
    views: Mapping[int, dict[str, Any]],
    judged: Judged,
) -> str:
    """What every rule chooses and which answers there are; text that is read when shown."""
    pool = [
        Choice(
            views[index]["answer"],
            bool(views[index]["correct"]),
            sum(map(len, one.candidate.steps)),
            len(one.candidate.steps),
            one.probabilities,
        )
        for index, one in there
    ]
    found = compare_pool(pool, judged.gold is not None)

    def letters(places: Sequence[int]) -> list[str]:
        return [judged.letter(there[place][0]) for place in places]

    picks = [
        {
            "rule": pick.rule,
            "label": _rule_label(pick.rule),
            "kind": pick.kind,
            "letters": letters(pick.solutions),
            "accuracy": pick.accuracy,
            "ahead_of": None if pick.ahead_of is None else letters([pick.ahead_of])[0],
            "step": pick.step,
            "decides": pick.decides,
        }
        for pick in found.picks
    ]
    groups = [
        {
            "answer": group.answer,
            "letters": letters(group.solutions),
            "correct": group.correct,
        }
        for group in found.groups
    ]
    return json.dumps({"picks": picks, "groups": groups}, ensure_ascii=False, allow_nan=False)


def _rule_label(rule: str) -> str:
    """
    >>> _rule_label("min"), _rule_label("vote_min"), _rule_label("fewest_steps")
    ('Minimum', 'Weighted vote (minimum)', 'Fewest steps')
    """
    if rule == "majority":
        return "Majority vote"
    if rule.startswith("vote_"):
        return f"Weighted vote ({METHODS[rule.removeprefix('vote_')].label.lower()})"
    return METHODS[rule].label if rule in METHODS else rule.replace("_", " ").capitalize()


def _at(values: Sequence[T], index: int, missing: T) -> T:
    return values[index] if index < len(values) else missing


def _view(
    scored: ScoredCandidate,
    threshold: float,
    thinking: Sequence[bool],
    gold: str | None,
    brief: bool,
) -> dict[str, Any]:
    """What is shown of one candidate, independent of the others; its steps as texts."""
    p, first_error = scored.probabilities, scored.first_error(threshold)
    scores = all_scores(p)
    answer = final_answer(scored.candidate)
    limit = f"{threshold:g}"
    if first_error is not None:
        claim = f"first error: step {first_error + 1}"
    else:
        claim = f"every step {'above' if min(p) > threshold else 'at least'} {limit}"
    return {
        "answer": answer,
        "correct": None if gold is None else same_answer(answer, gold),
        "claim": claim,
        "first_error": first_error,
        "weakest_step": scored.weakest_step,
        "scores": scores,
        "n_steps": len(p),
        # The browser reads both when it shows the steps.
        "detail": None if brief else _text(_detail(scored, thinking)),
        "marks": _text(_marks(scored, threshold)),
    }


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _detail(scored: ScoredCandidate, thinking: Sequence[bool]) -> dict[str, Any]:
    """The steps whatever the threshold, a list for each of their values.

    The first seven are what `read_kept` takes. `by_step`, a text that is read when a step is
    opened, has the scores up to each step and without each, in the order of METHODS.
    """
    steps, p = scored.candidate.steps, scored.probabilities
    by_method = [scores_by_step(p, method) for method in METHODS]
    return {
        "model_id": scored.model_id,
        "steps": steps,
        "thinking": [any(thinking[i : i + 1]) for i in range(len(p))],
        "probabilities": p,  # unrounded, as the browser may hand them back
        "log_odds": [_finite(x) for x in scored.log_odds],
        "extras": {name: list(map(_finite, values)) for name, values in scored.extras.items()},
        "rationales": scored.rationales,
        # A row has its own number, so "Step 2:" is shown only with the whole text.
        "prefixes": [_prefix(text) for text in steps],
        "bands": [band(x) for x in p],
        "by_step": _text(
            {
                "up_to": [[_short(x, 4) for x in up_to] for up_to, _ in by_method],
                "without": [[_short(x, 4) for x in without] for _, without in by_method],
            }
        ),
    }


def _marks(scored: ScoredCandidate, threshold: float) -> dict[str, Any]:
    """What the threshold changes of the steps, a list for each value, and the bars."""
    p = scored.probabilities
    return {
        "shown": [format_probability(x, threshold) for x in p],
        "exact": [format_probability(x, threshold, digits=4) for x in p],
        "below": [int(x < threshold) for x in p],
        "figure": bar_spec(scored, threshold=threshold),
    }


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None


def _prefix(step: str) -> str:
    content = step_content(step)
    return step.removesuffix(content) if step.endswith(content) else ""


def _short(x: float, digits: int) -> float:
    """`x` in few characters; unrounded if rounding would give 1, which it is not."""
    rounded = float(f"{x:.{digits}g}")
    return x if rounded == 1 else rounded


_PAGE = assets_dir() / "page"
_VENDOR = assets_dir() / "vendor"
_SERVED = "gradio_api/file=" + quote(str(_VENDOR))  # relative to the page


def _head() -> str:
    """The libraries, from our own server by an address relative to the page; and the styles.

    A `<style>` because it needs no request and no cache can serve an old one.
    """
    names = (
        *("board.css", "overview.css", "rules.css", "models.css", "tree.css"),
        *("chain.css", "labels.css"),
    )
    styles = [(_PAGE / name).read_text(encoding="utf-8") for name in names]
    return (
        f'<link rel="stylesheet" href="{_SERVED}/katex/katex.min.css">'
        f'<script src="{_SERVED}/katex/katex.min.js"></script>'
        f'<script src="{_SERVED}/markdown-it/markdown-it.min.js"></script>'
        f"<style>{''.join(styles)}</style>"
    )


class Board(gr.HTML):
    """The ranking and the step charts. Its value is made by `board_value` and sent `packed`.

    Events beside Gradio's own: `example`, when one of an empty board's examples is pressed; its
    data has the example's `id` and `index`. The browser sends `prm:example` with the id to the
    document as well, for which the editor listens. The page must serve `assets/vendor` as a
    static path.
    """

    def __init__(self, *, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(
            value=board_value("", [], status="empty", examples=examples),
            html_template='<div class="prm-board"></div>',
            js_on_load=page_script(
                "state.js",
                "others.js",
                "said.js",
                "formulas.js",
                "typeset.js",
                "table.js",
                "verdict.js",
                "plotting.js",
                "pictures.js",
                "overview.js",
                "rules.js",
                "answers.js",
                "two_models.js",
                "chain.js",
                "labels.js",
                "tree_record.js",
                "tree.js",
                "trees.js",
                "board.js",
                "stale.js",
                "growing.js",
                "compare.js",
                "threshold.js",
                "labelling.js",
                "export.js",
            ),
            head=_head(),
            apply_default_css=False,
            palettes=palette_table(),
            formats=formats(),
            label_formats=label_formats(),
            max_session=MAX_SESSION,
            plotly=f"{_SERVED}/plotly/plotly-cartesian.min.js",
            **kwargs,
        )

    def postprocess(self, value: Any) -> Any:
        return packed(value)

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}

    def example_value(self) -> Any:
        return packed(board_value("", [], status="empty"))

    def example_payload(self) -> Any:
        return self.example_value()

"""The page's endpoints for programs: `score`, `rank`, `split`, `answers` and `models`.

They take texts and the names of models in the page's list, never a path or an address, whatever
the page itself allows. Scoring goes through a `Run`, as a press of Score does: the same limits, the
same line before the model and the same turns. All calls from one address have the turns of one
visitor. What they return is plain data.
"""
# No `from __future__ import annotations`: Gradio reads what is returned from the annotation itself.

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Any, TypeVar

import gradio as gr
from gradio.context import LocalContext
from gradio.events import api

from prm_core.agents.tools import chain_score, comparison
from prm_core.answers.final import final_answer, same_answer
from prm_core.errors import InputError, PRMError
from prm_core.ranking.aggregate import METHODS
from prm_core.text.steps import candidate_of, split_solutions
from prm_core.types import ScoredCandidate
from prm_core.ui.editor import MAX_GOLD_CHARS, MAX_PREVIEW_CHARS, Draft, read_draft
from prm_core.ui.models import ModelHost, log_bug, logger
from prm_core.ui.page import BROKEN, Run, Update, large_drafts
from prm_core.ui.sessions import Readers
from prm_core.verify import verdicts_of

T = TypeVar("T")


def add_api(host: ModelHost, readers: Readers) -> None:
    """Add the endpoints to the page that is being built."""

    async def score(
        request: gr.Request,
        problem: str,
        solutions: list[str],
        steps: str = "auto",
        aggregation: str = "min",
        model: str = "",
    ) -> dict[str, Any]:
        """Score every step of each solution of a problem.

        Args:
            problem: the task's text.
            solutions: each a text, which is split into steps.
            steps: how a text is split: auto, numbered, line, paragraph, sentence or separator:TEXT.
            aggregation: how step probabilities become a score: min, prod, last, mean, weighted, …
            model: a name that models lists; empty for its first.

        Returns:
            {"solutions": one each, in order: its steps with their probabilities, its score, first
            error, weakest step and answer; or {"error": why it cannot be scored}}. Indices count
            from 0.
        """
        asked = problem, solutions, steps, aggregation, model
        run = await finished(host, readers, asked, request)
        return {"solutions": [told(one, run.threshold, aggregation) for one in run.results]}

    async def rank(
        request: gr.Request,
        problem: str,
        solutions: list[str],
        steps: str = "auto",
        aggregation: str = "min",
        model: str = "",
    ) -> dict[str, Any]:
        """Rank the solutions of a problem, the best first.

        Args:
            problem: the task's text.
            solutions: each a text, which is split into steps.
            steps: how a text is split; see score.
            aggregation: how step probabilities become a score; see score.
            model: a name that models lists; empty for its first.

        Returns:
            {"ranking": rank, index (from 0), score, first error and answer of each; "model";
            "errors": why solutions are left out, by their index}.
        """
        asked = problem, solutions, steps, aggregation, model
        run = await finished(host, readers, asked, request)
        places = [i for i, one in enumerate(run.results) if not isinstance(one, str)]
        scored = [one for one in run.results if not isinstance(one, str)]
        ranked = asdict(
            comparison(verdicts_of(scored, aggregation, run.threshold), run.threshold, aggregation)
        )
        for place in ranked["ranking"]:
            place["index"] = places[place["index"]]
        errors = {str(i): one for i, one in enumerate(run.results) if isinstance(one, str)}
        return ranked | {"errors": errors}

    async def split(
        request: gr.Request, solutions: list[str], steps: str = "auto"
    ) -> dict[str, Any]:
        """Split solutions of one problem into steps.

        Args:
            solutions: their texts.
            steps: how a text is split; see score.

        Returns:
            {"solutions": [{"rule": the rule that cut it, "steps": its steps}, …]}.
        """
        draft = read_texts(readers, request, solutions, steps)
        return {"solutions": await aside(cut, draft)}

    async def answers(request: gr.Request, solutions: list[str], gold: str = "") -> dict[str, Any]:
        """Find the final answer of each solution, and compare it with the right one.

        Args:
            solutions: their texts.
            gold: the right answer; empty if it is not known.

        Returns:
            {"solutions": [{"answer": text or null, "correct": true, false or null}, …]}.
        """
        if not isinstance(gold, str) or len(gold) > MAX_GOLD_CHARS:
            has = f" and has {len(gold):,}" if isinstance(gold, str) else ""
            raise refusal(f"gold must be a text of at most {MAX_GOLD_CHARS:,} characters{has}")
        draft = read_texts(readers, request, solutions, "auto")
        return {"solutions": await aside(compared, draft, gold)}

    async def models() -> dict[str, Any]:
        """List the models that score and rank take by name, the first of them by default.

        Returns:
            {"models": [names], "aggregations": [names]}.
        """
        return {"models": [label for label, _ in host.choices], "aggregations": list(METHODS)}

    for endpoint in (score, rank):
        api(endpoint, concurrency_id="model", concurrency_limit=None)  # the line decides
    for plain in (split, answers, models):
        api(plain, concurrency_id="api", concurrency_limit=2)


Asked = tuple[object, object, object, object, object]
"""Problem, solutions, step rule, aggregation and model, as a program sent them."""


async def finished(host: ModelHost, readers: Readers, asked: Asked, request: gr.Request) -> Run:
    """A run that is over, with at least one solution scored.

    Raises:
        gr.Error: nothing could be scored; it says why.
    """
    readers.take(LocalContext.event_id.get())
    problem, solutions, steps, aggregation, model = asked
    check_texts(problem, solutions, steps)
    check_aggregation(aggregation)
    session, begun = str(request.session_hash), time.monotonic()
    payload = {"problem": problem, "solutions": solutions, "rule": steps}
    run = Run(host, payload, line_of(host, model), caller(request))
    last: Update | None = None
    try:
        async with aclosing(run.updates()) as updates:
            async for update in updates:
                if readers.gone(session, begun):
                    raise refusal("nobody reads the result any more")
                last = update or last
    finally:
        readers.drop_soon(session)
    if not any(isinstance(one, ScoredCandidate) for one in run.results) or not run.done:
        raise refusal(why(last))
    return run


def caller(request: gr.Request) -> str:
    """Who has a program's turn before the model: its address, as every call is a new session."""
    return f"program at {request.client.host}" if request.client else "program"


def line_of(host: ModelHost, model: object) -> str:
    """The model that a program named by its label in the page's list.

    Raises:
        gr.Error: it is not in the list.
    """
    named = dict(host.choices)
    if model == "":
        return next(iter(named.values()))
    if not isinstance(model, str) or model not in named:
        raise refusal(f"model {str(model)[:80]!r} is not in the list: {', '.join(named)}")
    return named[model]


def why(last: Update | None) -> str:
    """What a run says that could score nothing."""
    board, actions = last or (None, {})
    issues = "; ".join(one["text"] for one in actions.get("issues", ()))
    return issues or (board.get("message") if isinstance(board, dict) else "") or BROKEN


def told(one: ScoredCandidate | str, threshold: float, aggregation: str) -> dict[str, Any]:
    """A solution's scores as plain data, or why it has none."""
    if isinstance(one, str):
        return {"error": one}
    (verdict,) = verdicts_of([one], aggregation, threshold)
    return asdict(chain_score(verdict, threshold, aggregation))


def check_texts(problem: object, solutions: object, steps: object) -> None:
    """
    Raises:
        gr.Error: one of them is of another type.
    """
    for name, value in (("problem", problem), ("steps", steps)):
        if not isinstance(value, str):
            raise refusal(f"{name} must be a text and is {value!r:.80}")
    if not isinstance(solutions, list) or not all(isinstance(one, str) for one in solutions):
        raise refusal(f"solutions must be a list of texts and is {solutions!r:.80}")


def check_aggregation(name: object) -> None:
    """
    Raises:
        gr.Error: it is not known.
    """
    if not isinstance(name, str) or name not in METHODS:
        raise refusal(
            f"aggregation {str(name)[:80]!r} is not known; choose from {', '.join(METHODS)}"
        )


def read_texts(readers: Readers, request: gr.Request, solutions: object, steps: object) -> Draft:
    """Texts that are looked at beside the model, within the bound of a preview.

    Raises:
        gr.Error: they are no texts, or too long.
    """
    readers.take(LocalContext.event_id.get())
    readers.drop_soon(str(request.session_hash))
    check_texts("", solutions, steps)
    try:
        draft = read_draft({"problem": "", "solutions": solutions, "rule": steps})
        if draft.refused:
            raise InputError("; ".join(draft.refused.values()))
        if (n_chars := sum(map(len, draft.solutions))) > MAX_PREVIEW_CHARS:
            raise InputError(
                f"The solutions have {n_chars:,} characters; at most {MAX_PREVIEW_CHARS:,} "
                "are read at once."
            )
    except InputError as error:
        raise refusal(str(error)) from None
    return draft


def cut(draft: Draft) -> list[dict[str, Any]]:
    """The steps of each text."""
    return [
        {"rule": one.rule, "steps": [step.text for step in one.steps]}
        for one in split_solutions(draft.solutions, draft.rule).solutions
    ]


def compared(draft: Draft, gold: str) -> list[dict[str, Any]]:
    """The answer of each text, and whether it is the right one."""
    found = []
    for one in split_solutions(draft.solutions).solutions:
        answer = final_answer(candidate_of("-", one.steps)) if one.steps else None
        correct = same_answer(answer, gold) if gold.strip() else None
        found.append({"answer": answer, "correct": correct})
    return found


async def aside(function: Callable[..., T], *values: Any) -> T:
    """A function's value, computed in a thread.

    Raises:
        gr.Error: the input is refused, or something broke.
    """
    try:
        return await asyncio.get_running_loop().run_in_executor(large_drafts, function, *values)
    except PRMError as error:
        raise refusal(str(error)) from None
    except Exception as error:
        log_bug(logger, "an endpoint failed", error)
        raise refusal(BROKEN) from None


def refusal(words: str) -> gr.Error:
    """An error that a program is told, and that leaves nothing in the log."""
    return gr.Error(words, print_exception=False)

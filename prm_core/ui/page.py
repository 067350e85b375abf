"""The page: layout, wiring, and how it is served.

Left what is judged, right the verdict. Callbacks are thin: they read what the browser sent, call
the library and hand on what it says. Whatever a person can cause arrives as a sentence at the
place where it happened, never as a traceback.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from concurrent.futures import wait
from dataclasses import dataclass, field
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from prm_core.errors import BadOptionError, InputError, PRMError, TooLongError, UnreadableError
from prm_core.model_options import AnyScorer
from prm_core.paths import assets_dir
from prm_core.steps import candidate_of, split_solutions
from prm_core.types import Candidate, ScoredCandidate
from prm_core.ui.actions import Actions, actions_value
from prm_core.ui.board import Board, Status, board_value, letter
from prm_core.ui.card import FAVICON, TITLE, Card, picture_route
from prm_core.ui.editor import Draft, Editor, PlaceError, read_draft
from prm_core.ui.examples import load_examples
from prm_core.ui.header import Brand, Tools
from prm_core.ui.models import ModelHost
from prm_core.verifiers import VerifierScorer

logger = logging.getLogger(__name__)

QUEUE_SIZE = 32
"""Runs waiting for the one model. At a second each the last waits half a minute; more would wait
longer than people do, so they are told at once instead."""

YIELD_S = 0.05
"""Results that follow each other faster than this go to the browser together: a person sees no
difference."""

YIELD_SHARE = 0.25
"""… and the longer a run takes, the rarer: each transfer carries all results so far, and a browser
that draws more slowly than the model scores must not fall behind."""

LOADING_S = 0.25
"""How soon Cancel acts while a model loads."""

_runs = itertools.count(1)  # names each run, so that the board knows a new one from a later pack

Update = tuple[Any, dict[str, Any]]
"""What one step of a run shows: the board's value and the buttons' value."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A draft as it is scored.

    Attributes:
        candidates: one per solution, named by its letter; complete only when there is no issue.
        thinking: for each candidate and step, whether the step stood inside `<think>`.
        issues: what stands in the way, as sentences with their places (see `actions_value`).
    """

    candidates: list[Candidate] = field(default_factory=list)
    thinking: list[list[bool]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)


def read_candidates(draft: Draft) -> Reading:
    """Cut the solutions into steps, and name everything that cannot be scored at once."""
    reading = Reading()
    if not draft.problem.strip():
        reading.issues.append({"where": "problem", "text": "Write the problem first."})
    if not draft.solutions:
        reading.issues.append({"where": "problem", "text": "Add at least one solution."})
    try:
        splits = split_solutions(draft.solutions, draft.rule)
    except BadOptionError as error:
        reading.issues.append({"where": "rule", "text": str(error)})
        return reading
    for index, steps in enumerate(one.steps for one in splits.solutions):
        if not steps:
            words = f"Solution {letter(index)} has no steps; write at least one line of reasoning."
            reading.issues.append({"where": index, "text": words})
        elif not reading.issues:
            reading.candidates.append(candidate_of(draft.problem, steps, letter(index)))
            reading.thinking.append([step.thinking for step in steps])
    return reading


def too_long(scorer: AnyScorer, candidates: list[Candidate]) -> list[dict[str, Any]]:
    """A sentence for each candidate that the model cannot read, or not whole."""
    issues: list[dict[str, Any]] = []
    if isinstance(scorer, VerifierScorer):  # its server counts the tokens
        return issues
    for index, candidate in enumerate(candidates):
        try:
            scorer.encode(candidate)
        except (TooLongError, UnreadableError) as error:
            issues.append({"where": index, "text": str(error)})
    return issues


def on_score(host: ModelHost, payload: object, model: str) -> Iterator[Update]:
    """Score what the left side holds, showing results as they come.

    Closing the generator between two results ends the run and frees the model; what was shown
    stays.
    """
    try:
        draft = read_draft(payload)
        reading = read_candidates(draft)
    except InputError as error:
        where = error.where if isinstance(error, PlaceError) else "problem"
        reading = Reading(issues=[{"where": where, "text": str(error)}])
    if reading.issues:
        yield gr.skip(), actions_value(running=False, issues=reading.issues)
        return

    candidates = reading.candidates
    scored: list[ScoredCandidate | None] = [None] * len(candidates)
    run = next(_runs)
    threshold = 0.5
    views: dict[int, dict[str, Any]] = {}

    def board(status: Status, message: str = "") -> Any:
        return board_value(
            draft.problem,
            scored,
            threshold=threshold,
            status=status,
            message=message,
            model=host.label(model),
            model_note=host.note(model),
            run=run,
            thinking=reading.thinking,
            views=views,
        )

    def running(message: str) -> Update:
        return board("running", message), actions_value(running=True, message=message)

    def failed(message: str) -> Update:
        return board("failed", message), actions_value(running=False)

    try:
        loading = host.scorer(model)
        while not wait([loading], timeout=0).done:
            yield running("Loading the model…")  # Cancel acts where a run yields
            wait([loading], timeout=LOADING_S)
        threshold = loading.result().threshold
        message = "Scoring…"
        yield running(message)
        started = shown = time.monotonic()
        n_done = n_shown = 0
        for found in host.run(candidates):
            if found is not None:
                index, scored[index] = found
                n_done += 1
            now = time.monotonic()
            due = max(YIELD_S, YIELD_SHARE * (shown - started))
            if n_done > n_shown and now - shown >= due and n_done < len(candidates):
                message = f"{n_done} of {len(candidates)} solutions scored"
                yield running(message)
                n_shown, shown = n_done, time.monotonic()
            elif found is None:
                yield gr.skip(), actions_value(running=True, message=message)
    except (TooLongError, UnreadableError) as error:
        issues = too_long(loading.result(), candidates)
        yield board("failed", str(error)), actions_value(running=False, issues=issues)
    except PRMError as error:
        yield failed(str(error))
    except gr.Error as error:  # ZeroGPU says in these words that a quota is used up
        yield failed(str(error.message))
    except Exception:
        logger.exception("scoring failed")
        yield failed("Something broke inside the app; its log says what. Your text is kept.")
    else:
        n_steps, seconds = sum(map(len, reading.thinking)), time.monotonic() - started
        time_taken = f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
        text = f"{n_steps} {'step' if n_steps == 1 else 'steps'} scored in {time_taken}"
        yield board("done"), actions_value(running=False, message=text)


def build_page(host: ModelHost) -> gr.Blocks:
    """The page around one model host."""

    def score(payload: object, model: str) -> Iterator[Update]:
        yield from on_score(host, payload, (model or "").strip())

    examples = load_examples()
    gr.set_static_paths([assets_dir() / "vendor"])
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    demo: gr.Blocks
    with gr.Blocks(title=TITLE, fill_width=True, analytics_enabled=False) as demo:
        with gr.Row(elem_id="prm-header"):
            Brand()
            model = gr.Dropdown(
                list(host.choices),
                value=host.choices[0][1],
                label="Model: a name from the list, a directory or a hub id; options may follow",
                show_label=False,
                container=False,
                allow_custom_value=not host.listed_only,
                interactive=True,
                elem_id="prm-model",
            )
            tools = Tools(host)
        with gr.Row(elem_id="prm-main", equal_height=False):
            with gr.Column(elem_id="prm-left"):
                editor = Editor(examples)
                actions = Actions()
            with gr.Column(elem_id="prm-right"):
                board = Board(
                    examples=[(one.id, one.problem) for one in examples[:3]], elem_id="prm-board"
                )

        job = actions.submit(
            score,
            [editor, model],
            [board, actions],
            concurrency_id="model",
            concurrency_limit=1,
            **private,
        )
        # A run that ended without a word of its own (cancelled, a full queue, a lost server) frees
        # the buttons and says so. Gradio tells of a cancelled one when it is over.
        job.failure(None, board, [actions, board], js=_ENDED, **private)
        # The browser marks the run as cancelled: what is on the board is there already.
        actions.stop(None, None, None, cancels=[job], **private).then(
            None, board, board, js=_CANCELLED, **private
        )
        model.change(None, model, tools, js="(model) => model", **private)
    demo.queue(default_concurrency_limit=None, max_size=QUEUE_SIZE, api_open=False)
    return demo


_CANCELLED = """(board) => board.status === "running"
    ? {...board, status: "cancelled", message: "Cancelled; what was scored stays."} : board"""

_LOST = """(board) => board.status === "running"
    ? {...board, status: "failed", message: "The server stopped; what was scored stays."} : board"""

_ENDED = f"""(board) => {{
    const event = new CustomEvent("prm:failed", {{cancelable: true}});
    const cancelled = !document.dispatchEvent(event);
    const message = cancelled ? "Cancelled."
        : "The server took no more work; it may be busy. Press Score again in a moment.";
    const actions = {{running: false, issues: [], turn: Math.random(), message}};
    return [actions, (cancelled ? {_CANCELLED} : {_LOST})(board)];
}}"""


async def healthz(request: Request) -> JSONResponse:
    """Tells a load balancer that the server answers."""
    return JSONResponse({"ok": True})


def serve(demo: gr.Blocks, *, host: str, port: int) -> str:
    """Start the server in the background and return its address.

    Launching, not mounting: Gradio checks the paths of uploads only for a launched app.

    Raises:
        OSError: the address cannot be had, such as when the port is taken.
    """
    _, address, _ = demo.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        show_error=False,
        theme=_theme(),
        head=_head(),
        favicon_path=FAVICON,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        max_file_size="1mb",  # nothing on the page takes files
        app_kwargs={
            "routes": [Route("/healthz", healthz), picture_route],
            "middleware": [Middleware(Card)],
            "docs_url": None,  # FastAPI's documentation pages load scripts from other hosts
            "redoc_url": None,
        },
    )
    return str(address)


def _head() -> str:
    """The style sheet. `launch(css=…)` would put every rule under Gradio's container."""
    return f"<style>{(assets_dir() / 'page' / 'page.css').read_text(encoding='utf-8')}</style>"


def _theme() -> gr.themes.Base:
    """Gradio's own parts in the page's colours, with the system's fonts.

    The ground is given as colours and not as tokens: Gradio paints it before any style sheet.
    """
    return gr.themes.Base(
        font=["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
        font_mono=["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"],
        radius_size="md",
    ).set(
        body_background_fill="#fbfaf8",
        body_background_fill_dark="#121419",
        body_text_color="#1d1f24",
        body_text_color_dark="#eceef3",
        background_fill_primary="var(--prm-card)",
        background_fill_primary_dark="var(--prm-card)",
        background_fill_secondary="var(--prm-soft)",
        background_fill_secondary_dark="var(--prm-soft)",
        border_color_primary="var(--prm-line)",
        border_color_primary_dark="var(--prm-line)",
        input_background_fill="var(--prm-card)",
        input_background_fill_dark="var(--prm-card)",
        input_border_color="var(--prm-line)",
        input_border_color_dark="var(--prm-line)",
        input_border_color_focus="var(--prm-accent)",
        input_border_color_focus_dark="var(--prm-accent)",
        body_text_color_subdued="var(--prm-mute)",
        body_text_color_subdued_dark="var(--prm-mute)",
    )

"""The page: layout, wiring, and how it is served.

What is judged is on the left, the verdict on the right. Callbacks are thin: they read what the
browser sent, call the library and pass on the result. Every error that a user can cause is shown as
a sentence at the place where it happened, never as a traceback.
"""

from __future__ import annotations

import asyncio
import ipaddress
import itertools
import logging
import socket
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any, TypeVar

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from prm_core.errors import (
    BadOptionError,
    InputError,
    PRMError,
    TooLongError,
    UnreadableError,
)
from prm_core.paths import assets_dir
from prm_core.text.steps import candidate_of, split_solutions
from prm_core.types import Candidate, ScoredCandidate, StepScorer, whole_characters
from prm_core.ui.actions import Actions, actions_value
from prm_core.ui.annotators import compare_annotators
from prm_core.ui.board import Board, Judged, Status, board_value, packed
from prm_core.ui.calls import parameters_of
from prm_core.ui.card import FAVICON, TITLE, Card, picture_route
from prm_core.ui.compare import compare, compare_searches
from prm_core.ui.editor import Draft, Editor, PlaceError, read_draft
from prm_core.ui.examples import load_examples
from prm_core.ui.exports import export_session
from prm_core.ui.gate import Gate, Hosts, Known
from prm_core.ui.header import Brand, Tools
from prm_core.ui.kept import read_all, read_json, still_valid
from prm_core.ui.line import MOST_RUNS, FullError, Place
from prm_core.ui.model_field import ModelField, ModelIssue
from prm_core.ui.models import SOON_S, ModelHost, log_bug, settled
from prm_core.ui.problems import MAX_PROBLEMS, Problems, progress_value
from prm_core.ui.restore import restore
from prm_core.ui.sampling import Run as SamplingRun
from prm_core.ui.sampling import Sampler
from prm_core.ui.search import SearchRun
from prm_core.ui.sessions import ForgetfulHolder, Readers
from prm_core.ui.words import page_words, sentence

logger = logging.getLogger(__name__)

QUEUE_SIZE = MOST_RUNS
"""Requests that Gradio holds before it asks the line; beyond, it says that the server is busy. All
that the line takes may arrive between two polls of Gradio's."""

LINE_S = 1.0
"""How often a waiting run learns how many are before it; less often the longer it waits."""

SMALL_CHARS = 20_000
"""Up to this many characters, a draft is read and its results are drawn between two other requests;
larger ones in a thread, so that nothing else waits."""

YIELD_S = 0.05
"""Results that follow each other faster than this go to the browser together: a person sees no
difference."""

YIELD_SHARE = 0.25
"""… and less often the longer a run takes: each transfer carries all results so far, and a browser
that draws more slowly than the model scores must keep up."""

LOOK_S = 0.004
"""How often Gradio checks whether a run has arrived."""

large_drafts = ThreadPoolExecutor(2, "draft")  # large drafts, two at a time

T = TypeVar("T")

BROKEN = "Unexpected error; the server's log says what. Your text is kept."
NO_PROBLEM = "Nothing was scored: the model cannot read the problem. The message under it says why."
NO_MODEL = "Nothing was scored: the model cannot be used. The message under its field says why."

_runs = itertools.count(1)  # run numbers: the board tells a new run from a later pack

Update = tuple[Any, dict[str, Any]]
"""What one step of a run shows: the board's value and the buttons' value."""


@dataclass(slots=True)
class Reading:
    """A draft as it is scored.

    Attributes:
        candidates: one per solution, named by its letter; None where it cannot be scored.
        thinking: for each candidate and step, whether the step is inside `<think>`.
        cuts: for each candidate, the step rule that cut it.
        cut_note: what must be known about these rules; empty if one rule cut all.
        errors: why a solution cannot be scored, by its place; the others can.
        issues: what prevents the whole run, as sentences with their places (see `actions_value`).
    """

    candidates: list[Candidate | None] = field(default_factory=list)
    thinking: list[list[bool]] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)
    cut_note: str = ""
    errors: dict[int, str] = field(default_factory=dict)
    issues: list[dict[str, Any]] = field(default_factory=list)

    def all_issues(self) -> list[dict[str, Any]]:
        """The messages shown at their places on the left, on all solutions and on single ones."""
        return self.issues + [{"where": i, "text": text} for i, text in sorted(self.errors.items())]

    @property
    def scorable(self) -> bool:
        """Whether there is something to score, and nothing prevents it."""
        return not self.issues and any(self.candidates)


def read_candidates(draft: Draft) -> Reading:
    """Cut the solutions into steps, and report everything that cannot be scored together."""
    reading = Reading()
    if not draft.problem.strip():
        reading.issues.append({"where": "problem", "text": "Write the problem first."})
    if not draft.solutions:
        reading.issues.append({"where": "problem", "text": "Add at least one solution."})
    reading.errors |= draft.refused
    texts = ["" if i in draft.refused else text for i, text in enumerate(draft.solutions)]
    try:
        splits = split_solutions(texts, draft.rule)
    except BadOptionError as error:
        reading.issues.append({"where": "rule", "text": str(error)})
        return reading
    if note := splits.note(draft.letters):
        reading.cut_note = f"{sentence(note)} Choose one rule under “steps”."
    for index, (name, split) in enumerate(zip(draft.letters, splits.solutions, strict=True)):
        if not split.steps and index not in reading.errors:
            words = f"Solution {name} has no steps; write at least one line of reasoning."
            reading.errors[index] = words
        read = bool(split.steps) and not reading.issues
        reading.candidates.append(candidate_of(draft.problem, split.steps, name) if read else None)
        reading.cuts.append(split.rule.split(":")[0])
        reading.thinking.append([step.thinking for step in split.steps])
    return reading


def refused(
    scorer: StepScorer, candidates: Sequence[Candidate], error: PRMError, label: str
) -> dict[str, str]:
    """Which candidates a scorer cannot score, and why, after it has raised an error.

    Args:
        scorer: the model.
        candidates: those that it was given.
        error: what it raised.
        label: what the page calls the model.

    Returns:
        Sentences by the candidates' names; empty if the error is not theirs.

    Raises:
        UnreadableError: the problem is what it cannot read.
    """
    found = {}
    for candidate in candidates:
        try:
            scorer.check_length(candidate)
        except TooLongError as why:
            found[candidate.id] = str(why)
        except UnreadableError as why:
            if why.of_problem:
                raise
            found[candidate.id] = str(why)
    if not found:  # found only by running the model; the error names the candidate
        found = {one.id: str(error) for one in candidates if f"candidate {one.id!r}" in str(error)}
    return {name: page_words(words, scorer.model_id, label) for name, words in found.items()}


def read_payload(payload: object) -> tuple[Draft | None, Reading]:
    """What a browser sent as candidates; no draft if the payload is invalid."""
    try:
        draft = read_draft(payload)
        return draft, read_candidates(draft)
    except InputError as error:
        where = error.where if isinstance(error, PlaceError) else "problem"
        return None, Reading(issues=[{"where": where, "text": str(error)}])


class Run:
    """One press of Score, from what the browser sent to the last card.

    Args:
        host: the model.
        payload: what the browser sent.
        model: the content of the model's field.
        session: whose run it is.
    """

    def __init__(self, host: ModelHost, payload: object, model: str, session: str) -> None:
        self._host, self._payload, self._model, self._session = host, payload, model, session
        self._number = next(_runs)
        self._threshold = self._own = 0.5  # the one that is shown, and the model's
        self._views: dict[int, dict[str, Any]] = {}
        self._message = ""
        self._model_id = ""  # known when the model is loaded
        self._scorer: StepScorer | None = None  # the same
        self._large = _size(payload) > SMALL_CHARS
        self._reading, self._scored = Reading(), list[ScoredCandidate | None]()
        self._equal: dict[int, list[int]] = {}  # the first of equal solutions → all of them
        self._done = False

    @property
    def results(self) -> list[ScoredCandidate | str]:
        """Each solution's scores, or why it has none; empty if the draft could not be read."""
        errors = self._reading.errors
        return [one or errors.get(i, "not scored") for i, one in enumerate(self._scored)]

    @property
    def threshold(self) -> float:
        """The model's; known when the run is over."""
        return self._own

    @property
    def done(self) -> bool:
        """Whether the run ended as it should."""
        return self._done

    async def updates(self) -> AsyncGenerator[Update | None]:
        """Results as they arrive; None where nothing changed, so that the caller can leave.

        Closing it ends the run between two forward passes; what was shown stays.
        """
        draft, reading = await self._aside(read_payload, self._payload)
        if draft is None or not reading.scorable:
            yield gr.skip(), actions_value(running=False, issues=reading.all_issues())
            return
        self._draft, self._reading = draft, reading
        self._scored = [None] * len(reading.candidates)
        try:
            self._host.refuse(self._model)
            with self._host.line.join(self._session, self._model, _size(self._payload)) as place:
                async with aclosing(self._score(place)) as updates:
                    async for update in updates:
                        yield update
        except PRMError as error:
            words = self._words(error)
            if isinstance(error, UnreadableError) and error.of_problem:
                yield await self._failed(NO_PROBLEM, [{"where": "problem", "text": words}])
            elif self._model_id or isinstance(error, FullError):
                yield await self._failed(words, reading.all_issues())
            else:
                model = {"where": "model", "text": words}
                yield await self._failed(NO_MODEL, [model, *reading.all_issues()])
        except gr.Error as error:  # ZeroGPU's way of saying that a quota is used up
            yield await self._failed(str(error.message))
        except Exception as error:
            log_bug(logger, "scoring failed", error)
            yield await self._failed(BROKEN)

    async def _score(self, place: Place) -> AsyncGenerator[Update | None]:
        host, line = self._host, self._host.line
        came = told = time.monotonic()
        board = None  # the same for all messages, so that only they are sent
        while not await line.turn(place, SOON_S):
            words = f"{line.before(place)} before you"
            pause = max(LINE_S, YIELD_SHARE * (told - came))
            if words != self._message and time.monotonic() - told > pause:
                board = board or await self._board("running")
                self._message, told = words, time.monotonic()
                yield board, actions_value(running=True, message=words)
            else:
                yield None
        loading = host.scorer(self._model)
        while not await settled(loading, SOON_S):
            words = host.loading(self._model)
            yield await self._running(words) if words != self._message else None
        self._scorer = scorer = loading.result()
        self._own, self._model_id = scorer.threshold, scorer.model_id
        chosen = self._draft.threshold
        self._threshold = self._own if chosen is None else chosen
        due = await self._aside(self._keep)
        started = time.monotonic()
        n_earlier = sum(len(one.probabilities) for one in self._scored if one is not None)
        while due:
            try:
                async with aclosing(self._stream(place, scorer, due)) as updates:
                    async for update in updates:
                        yield update
            except InputError as error:  # concerns one solution; the others are scored
                await self._refuse(scorer, due, error)
            due = [i for i in due if self._scored[i] is None and i not in self._reading.errors]
        self._done = True
        seconds = time.monotonic() - started
        text = self._summary(seconds, n_earlier)
        issues = self._reading.all_issues()
        yield await self._board("done"), actions_value(running=False, message=text, issues=issues)

    async def _stream(
        self, place: Place, scorer: StepScorer, due: list[int]
    ) -> AsyncGenerator[Update | None]:
        """Score the solutions at these places."""
        n_all, n_kept = len(self._scored), sum(one is not None for one in self._scored)
        n_done = n_shown = n_kept
        started = shown = time.monotonic()
        to_score = [one for i in due if (one := self._reading.candidates[i]) is not None]
        async with aclosing(self._host.watch(place, scorer, to_score)) as results:
            async for found in results:
                if found is not None:
                    n_done += self._take(due[found[0]], found[1])
                now = time.monotonic()
                pause = max(YIELD_S, YIELD_SHARE * (shown - started))
                if n_shown < n_done < n_all - len(self._reading.errors) and now - shown >= pause:
                    yield await self._running(f"{n_done} of {n_all} solutions scored")
                    n_shown, shown = n_done, time.monotonic()
                elif found is None:
                    words = "The model solves the problem itself, then it scores…"
                    words = words if scorer.solves else "Scoring…"
                    begins = n_shown == n_kept and words != self._message
                    yield await self._running(words) if begins else None

    async def _refuse(self, scorer: StepScorer, due: list[int], error: PRMError) -> None:
        """Note which solutions the model cannot score.

        Raises:
            PRMError: the error is not theirs, or none is left.
        """
        due = [i for first in due for i in self._equal[first]]
        there = {one.id: i for i in due if (one := self._reading.candidates[i]) is not None}
        candidates = [one for i in due if (one := self._reading.candidates[i]) is not None]
        label = self._host.label(self._model)
        found = await self._host.call(refused, scorer, candidates, error, label)
        self._reading.errors.update({there[name]: words for name, words in found.items()})
        if not found or (len(found) == len(due) and not any(self._scored)):
            raise error

    def _summary(self, seconds: float, n_earlier: int) -> str:
        """What a run did, in a sentence."""
        n_steps = sum(len(one.probabilities) for one in self._scored if one is not None)
        taken = f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
        text = f"{n_steps} {'step' if n_steps == 1 else 'steps'} scored in {taken}"
        text += f", {n_earlier} of them earlier" * bool(n_earlier)
        n_left = len(self._reading.errors)
        return text + f"; {n_left} of {len(self._scored)} solutions not scored" * bool(n_left)

    def _keep(self) -> list[int]:
        """Reuse kept scores that are still valid; the places that are left to judge.

        Of equal solutions one is judged: on their own they would differ in the last digits.
        """
        candidates = self._reading.candidates
        kept = read_all(self._draft.kept, self._draft.problem, self._draft.letters)
        valid = still_valid(kept, candidates, self._model_id)
        places: dict[object, list[int]] = {}
        for index, one in enumerate(candidates):
            if one is not None:
                places.setdefault((one.steps, one.thinking), []).append(index)
        self._equal = {equal[0]: equal for equal in places.values()}
        for first, equal in self._equal.items():
            if known := [valid[index] for index in equal if index in valid]:
                self._take(first, known[0])
        return [first for first in self._equal if self._scored[first] is None]

    def _take(self, first: int, scored: ScoredCandidate) -> int:
        """Note the scores of a solution and of those that are equal to it; how many they are."""
        for index in self._equal[first]:
            candidate = self._reading.candidates[index]
            assert candidate is not None
            self._scored[index] = replace(scored, candidate=candidate)
        return len(self._equal[first])

    def _words(self, error: PRMError) -> str:
        return page_words(str(error), self._model_id, self._host.label(self._model))

    async def _running(self, message: str) -> Update:
        self._message = message
        board = await self._board("running", message)
        return board, actions_value(running=True, message=message)

    async def _failed(self, message: str, issues: list[dict[str, Any]] | None = None) -> Update:
        return await self._board("failed", message), actions_value(running=False, issues=issues)

    async def _board(self, status: Status, message: str = "") -> Any:
        return await self._aside(self._board_now, status, message)

    def _judged(self) -> Judged:
        draft = self._draft
        return Judged(
            draft.letters,
            draft.solutions,
            draft.rule,
            self._reading.cuts,
            self._model,
            draft.gold,
            self._reading.cut_note,
            self._reading.errors,
        )

    def _board_now(self, status: Status, message: str) -> Any:
        return board_value(
            self._draft.problem,
            self._scored,
            threshold=self._threshold,
            own=self._own,
            status=status,
            message=message,
            model=self._host.label(self._model),
            model_note=self._host.note(self._model),
            judged=self._judged(),
            run=self._number,
            thinking=self._reading.thinking,
            views=self._views,
            second_opinion=self._host.second_opinion(self._model),
            own_solutions=self._scorer.solutions(self._draft.problem) if self._scorer else (),
        )

    async def _aside(self, function: Callable[..., T], *values: Any) -> T:
        """A function's value, computed in a thread if the draft is large."""
        if not self._large:
            return function(*values)
        return await asyncio.get_running_loop().run_in_executor(large_drafts, function, *values)


def _size(payload: object) -> int:
    """How many characters a draft has with the scores that came with it, valid or not."""
    match payload:
        case {"problem": str(problem), "solutions": list(texts), **others}:
            there = [problem, others.get("kept"), *texts]
            return sum(len(text) for text in there if isinstance(text, str))
    return 0


@dataclass(frozen=True, slots=True)
class Page:
    """The page, and which sessions are reading it.

    Attributes:
        demo: Gradio's part.
        readers: which sessions are being read.
    """

    demo: gr.Blocks
    readers: Readers


def build_page(
    host: ModelHost, endpoints: Callable[[ModelHost, Readers], None] | None = None
) -> Page:
    """The page around one model host.

    Args:
        host: the models.
        endpoints: adds what programs may call, as `prm_core.ui.api.add_api`; None for a page that
            answers browsers only.
    """

    async def score(payload: object, model: object, request: gr.Request) -> AsyncIterator[Update]:
        name = whole_characters(model.strip()) if isinstance(model, str) else ""
        run = Run(host, payload, name, str(request.session_hash))
        async with aclosing(readers.follow(request, run.updates())) as updates:
            async for results, buttons in updates:
                yield packed(results), buttons

    async def score_all(
        payload: object, model: object, request: gr.Request
    ) -> AsyncIterator[dict[str, Any]]:
        name = model.strip() if isinstance(model, str) else ""
        drafts = read_json(payload)
        drafts = drafts[:MAX_PROBLEMS] if isinstance(drafts, list) else []

        async def runs() -> AsyncGenerator[dict[str, Any] | None]:
            for place, draft in enumerate(drafts):
                last: Update | None = None
                run = Run(host, draft, name, str(request.session_hash))
                async with aclosing(run.updates()) as updates:
                    async for update in updates:
                        last = update or last
                        yield None
                yield _ended(last, place, len(drafts))

        async with aclosing(readers.follow(request, runs())) as updates:
            async for update in updates:
                yield update

    async def sample(
        payload: object, model: object, request: gr.Request
    ) -> AsyncIterator[dict[str, Any]]:
        name, session = model.strip() if isinstance(model, str) else "", str(request.session_hash)
        guided = isinstance(asked := read_json(payload), dict) and asked.get("way")
        run = SearchRun(host, payload, name, session) if guided else SamplingRun(payload)
        async with aclosing(readers.follow(request, run.updates())) as updates:
            async for update in updates:
                yield update

    examples = load_examples()
    gr.set_static_paths([assets_dir() / "vendor"])
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    demo: gr.Blocks
    with gr.Blocks(title=TITLE, fill_width=True, analytics_enabled=False) as demo:
        readers = Readers(demo)
        if endpoints is not None:  # first, so that their names are their own
            endpoints(host, readers)
        with gr.Row(elem_id="prm-header"):
            Brand()
            model = ModelField(host)
            Tools(host)
        ModelIssue()
        with gr.Row(elem_id="prm-main", equal_height=False):
            with gr.Column(elem_id="prm-left"):
                problems = Problems(hub=not host.public)
                editor = Editor(examples)
                # A request to any address is for the owner alone to make.
                sampler = None if host.public else Sampler()
                actions = Actions()
            with gr.Column(elem_id="prm-right"):
                board = Board(
                    examples=[(one.id, one.problem) for one in examples[:3]],
                    elem_id="prm-board",
                    server_functions=[
                        restore,
                        export_session,
                        compare,
                        compare_searches,
                        compare_annotators,
                    ],
                )

        # Gradio hears of a run's end after its last results are there: a press in between waits.
        run = {"preprocess": False, "postprocess": False, "trigger_mode": "always_last", **private}
        job = actions.submit(
            score,
            [editor, model],
            [board, actions],
            concurrency_id="model",
            concurrency_limit=None,  # the line decides which run is next
            js=_REQUEST,  # adds the scores to keep
            **run,
        )
        jobs = problems.submit(
            score_all,
            [problems, model],
            problems,
            concurrency_id="model",
            concurrency_limit=None,
            js="(_, model) => [window.prm.drafts, model]",  # as text, which is one value
            **run,
        )
        jobs.failure(None, None, None, js=_ENDED_ALL, **private)
        problems.stop(None, None, None, cancels=[jobs], **private)
        if sampler is not None:
            sampling = sampler.submit(
                sample,
                [sampler, model],
                sampler,
                concurrency_id="sampling",
                concurrency_limit=None,
                js="(_, model) => [...window.prm.takeSampling(), model]",  # as text, with the key
                **run,
            )
            sampling.failure(None, None, None, js=_ENDED_SAMPLING, **private)
            sampler.stop(None, None, None, cancels=[sampling], **private)
        # A run that ended without a message (cancelled, a full queue, a lost server): the buttons
        # and the board do the rest. Gradio reports a cancelled one when it is over.
        job.failure(None, None, None, js=_ENDED, **private)
        actions.stop(None, None, None, cancels=[job], **private)
    demo.queue(default_concurrency_limit=None, max_size=QUEUE_SIZE, api_open=False)
    # Statistics of its last 10,000 runs, recomputed after each of them, took most of Gradio's time.
    demo._queue.ANALYTICS_MAX_EVENTS, demo._queue.ANAYLTICS_CACHE_FREQUENCY = 1, sys.maxsize
    # It polls for new runs and for progress bars, which do not exist here; the thread that runs the
    # model has to pause for every poll.
    demo._queue.sleep_when_free, demo._queue.progress_update_sleep_when_free = LOOK_S, 60.0
    return Page(demo, readers)


def _ended(last: Update | None, place: int, n_all: int) -> dict[str, Any]:
    """What the list shows about a problem whose run is over."""
    board, actions = last or (None, {})
    found = board if isinstance(board, dict) and "candidates" in board else None
    results = found if found and any(one["detail"] for one in found["candidates"]) else None
    issues = "; ".join(one["text"] for one in actions.get("issues") or ())
    words = "" if results else issues or (found or {}).get("message", "")
    return progress_value(place + 1, n_all, place=place, board=results, words=words)


_REQUEST = "(draft, model) => [window.prm.request(draft), model]"

_ENDED_ALL = "() => { document.dispatchEvent(new CustomEvent('prm:ended-all')); }"

_ENDED_SAMPLING = "() => { document.dispatchEvent(new CustomEvent('prm:ended-sampling')); }"

_ENDED = "() => { document.dispatchEvent(new CustomEvent('prm:ended')); }"


async def healthz(request: Request) -> JSONResponse:
    """For load balancers: the server answers."""
    return JSONResponse({"ok": True})


def is_loopback(host: str) -> bool:
    """Whether an address to listen on is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def known_hosts(host: str, names: Sequence[str] = ()) -> Hosts:
    """The names to which a server that listens on an address answers.

    Args:
        host: the address.
        names: more of them, as "prm.example.org" or "*.example.org"; "*" for any.
    """
    own = ["localhost", "127.0.0.1", "::1", host.strip("[]"), *names]
    if is_loopback(host):
        return Hosts(own, addresses=False)
    return Hosts([*own, socket.gethostname(), socket.getfqdn()], addresses=True)


_BOUNDED = frozenset(
    {
        *("split_preview", "restore", "open_file", "open_hub", "export_session"),
        *("compare", "compare_searches", "compare_annotators"),
    }
)
"""Functions of which a session has one at a time."""


def serve(
    page: Page, *, host: str, port: int, names: Sequence[str] = (), framed: bool = False
) -> str:
    """Start the server in the background and return its address.

    Launching, not mounting: Gradio checks the paths of uploads only for a launched app.

    Args:
        page: of `build_page`.
        host, port: where it listens.
        names: see `known_hosts`.
        framed: whether Hugging Face may show the page in a frame.

    Raises:
        OSError: the address is not available, such as when the port is in use.
    """

    demo = page.demo
    _note_absence("matplotlib")  # Gradio looks for it twice at every step of a run

    @asynccontextmanager
    async def forgetful(app: Any) -> AsyncIterator[None]:
        app.state_holder = ForgetfulHolder(demo)  # before the first request
        _log_nobody_in(app)
        yield

    known = Known(
        {number: len(event.inputs) for number, event in demo.fns.items() if event.fn is not None},
        frozenset(_functions(demo)),
        frozenset({"open_file", "export_session", "compare_annotators"}),
        _BOUNDED,
        {
            event.api_name: parameters_of(event.fn)
            for event in demo.fns.values()
            if event.api_visibility == "public" and isinstance(event.api_name, str) and event.fn
        },
    )
    gate = Middleware(
        Gate, known=known, hosts=known_hosts(host, names), readers=page.readers, framed=framed
    )
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
        max_threads=MOST_RUNS + QUEUE_SIZE,  # the line bounds the runs, not the threads
        max_file_size="1mb",  # nothing on the page takes files
        # Or Gradio would load the page once and give up if that takes more than three seconds.
        _frontend=False,
        app_kwargs={
            "routes": [Route("/healthz", healthz), picture_route],
            "middleware": [gate, Middleware(Card)],
            "lifespan": forgetful,
            "openapi_url": None,
        },
    )
    return str(address)


def _log_nobody_in(app: Any) -> None:
    """Spare every request a thread that checks for a login; there are no logins."""

    async def nobody() -> None:
        return None

    for route in app.routes:
        for asked in getattr(route, "dependencies", ()):
            if getattr(asked.dependency, "__name__", "") == "login_check":
                app.dependency_overrides[asked.dependency] = nobody


def _note_absence(name: str) -> None:
    """Make every later import of a package that is not installed fail without a search."""
    if find_spec(name) is None:
        sys.modules[name] = None  # type: ignore[assignment]


def _functions(demo: gr.Blocks) -> Iterator[tuple[int, str]]:
    """What the page's components call on the server: component's number and function's name."""
    for number, block in demo.blocks.items():
        for name in block.get_config().get("server_fns", []):
            yield number, str(name)


def _head() -> str:
    """The style sheets. `launch(css=…)` would scope every rule to Gradio's container."""
    folder = assets_dir() / "page"
    names = ("page.css", "problems.css", "sampling.css")
    return (
        f"<style>{''.join((folder / name).read_text(encoding='utf-8') for name in names)}</style>"
    )


def _theme() -> gr.themes.Base:
    """Gradio's own parts in the page's colours, with the system's fonts.

    The background is given as colours and not as tokens: Gradio paints it before any style sheet.
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

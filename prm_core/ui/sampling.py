"""The panel that lets a server write solutions into the editor.

Only if the page's visitor is its owner: the request goes out from this machine, to any address that
is typed. The key comes with each request and is not kept after it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from prm_core.errors import InputError, PRMError
from prm_core.http_client import Endpoint
from prm_core.paths import page_script
from prm_core.sampling import ASK, Solution, models_of, prompt, what_to_do
from prm_core.search.generators import ASK as ASK_FOR_STEPS
from prm_core.text.limits import MAX_CANDIDATES, MAX_SOLUTION_CHARS, MAX_TOTAL_CHARS
from prm_core.types import whole_characters
from prm_core.ui.editor import PlaceError
from prm_core.ui.kept import read_json
from prm_core.ui.models import SOON_S, log_bug, settled
from prm_core.ui.words import page_words

logger = logging.getLogger(__name__)

MOST_TOKENS = 100_000
"""Of one solution."""

MOST_TEMPERATURE = 2.0
"""The highest in OpenAI's protocol."""

AT_ONCE = 16
"""Solutions that one server writes at the same time."""

ATTEMPTS = 3
"""How often a request is sent: the visitor can press again."""

_turns = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of the panel.

    Attributes:
        url, key, model: the server's address, its key, and the model's name there; the last two may
            be blank.
        problem: the problem to solve.
        n: how many solutions.
        temperature, max_tokens: how they are sampled.
    """

    url: str
    key: str
    model: str
    problem: str
    n: int
    temperature: float
    max_tokens: int


def read_asked(asked: object) -> Asked:
    """Check a browser's request.

    Raises:
        PlaceError: a field cannot be used.
        InputError: the request has another shape; only a forged one does.
    """
    match asked:
        case {
            "url": str(url),
            "key": str(key),
            "model": str(model),
            "problem": str(problem),
            "n": n,
            "temperature": temperature,
            "max_tokens": max_tokens,
        }:
            pass
        case _:
            raise InputError("the request does not say what to sample")
    if not problem.strip():
        raise PlaceError("Write the problem first.", "problem")
    if not url.strip():
        raise PlaceError("Type the server's address, such as http://127.0.0.1:8000/v1.", "url")
    key = key.strip()
    if not (key.isascii() and key.isprintable()):
        raise PlaceError("The key contains characters that cannot be sent.", "key")
    return Asked(
        url.strip(),
        key,
        model.strip()[:500],
        whole_characters(problem[:MAX_SOLUTION_CHARS]),
        int(whole_number(n, 1, MAX_CANDIDATES, "Solutions", "n")),
        whole_number(temperature, 0, MOST_TEMPERATURE, "Temperature", "temperature"),
        int(whole_number(max_tokens, 1, MOST_TOKENS, "Max tokens", "max_tokens")),
    )


def whole_number(value: object, least: float, most: float, name: str, where: str) -> float:
    """A field's number; only a temperature has decimals.

    Raises:
        PlaceError: it is none, or out of range.
    """
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not least <= value <= most or (where != "temperature" and value % 1):  # type: ignore[operator]
        kind = "a number" if where == "temperature" else "a whole number"
        raise PlaceError(f"{name} must be {kind} from {least:g} to {most:,g}.", where)
    return float(value)  # type: ignore[arg-type]


class Run:
    """One press of Sample, from the browser's request to the end of the server's reply.

    Args:
        payload: what the browser sent, as JSON text; `run` in it is its number of this press.
    """

    def __init__(self, payload: object) -> None:
        self._asked = read_json(payload)
        run = self._asked.get("run") if isinstance(self._asked, dict) else None
        self._run = run if isinstance(run, int) else 0
        self._model = ""  # by the name that the server is asked for
        self._solutions: list[Solution] = []
        self._failed: dict[int, BaseException] = {}

    async def updates(self) -> AsyncGenerator[dict[str, Any] | None]:
        """The text so far, repeatedly; None where nothing changed.

        Closing it ends the requests.
        """
        try:
            asked = self._read()
            endpoint = Endpoint(asked.url, "the server", api_key=asked.key, attempts=ATTEMPTS)
        except InputError as error:
            where = str(error.where) if isinstance(error, PlaceError) else "url"
            yield self._value(issue=page_words(str(error)), where=where)
            return
        pool = ThreadPoolExecutor(AT_ONCE, "sampling")
        try:
            async with aclosing(self._sample(asked, endpoint, pool)) as updates:
                async for update in updates:
                    yield update
        except PRMError as error:
            remedy = pool.submit(what_to_do, endpoint, error, self._model, bool(asked.key))
            while not await settled(remedy, SOON_S):
                yield None
            where, words, models = remedy.result()
            issue = f"{page_words(_capital(str(error)))} {words}".strip()
            yield self._value(issue=issue, where=where, models=models)
        except Exception as error:
            log_bug(logger, "sampling failed", error)
            yield self._value(issue="Unexpected error; the server's log says what.")
        finally:
            endpoint.close()
            pool.shutdown(wait=False, cancel_futures=True)

    def _read(self) -> Asked:
        """
        Raises:
            InputError: as `read_asked`.
        """
        return read_asked(self._asked)

    async def _sample(
        self, asked: Asked, endpoint: Endpoint, pool: ThreadPoolExecutor
    ) -> AsyncGenerator[dict[str, Any] | None]:
        """
        Raises:
            PRMError: nothing was received.
        """
        model = asked.model
        if not model:
            listing = pool.submit(models_of, endpoint)
            while not await settled(listing, SOON_S):
                yield None
            models = listing.result()
            if len(models) != 1:
                has = "several models; name one of them" if models else "no model"
                yield self._value(issue=f"The server has {has}.", where="model", models=models)
                return
            model = models[0]
        self._model = model
        async with aclosing(self._write(asked, endpoint, pool)) as updates:
            async for update in updates:
                yield update

    async def _write(
        self, asked: Asked, endpoint: Endpoint, pool: ThreadPoolExecutor
    ) -> AsyncGenerator[dict[str, Any] | None]:
        """What the named model writes.

        Raises:
            PRMError: nothing was received.
        """
        began = time.monotonic()
        body = {
            "model": self._model,
            "messages": prompt(asked.problem),
            "temperature": asked.temperature,
            "max_tokens": asked.max_tokens,
        }
        most = min(MAX_SOLUTION_CHARS, MAX_TOTAL_CHARS // asked.n)
        self._solutions = [Solution(endpoint, body, most) for _ in range(asked.n)]
        writing = [pool.submit(one.write) for one in self._solutions]
        shown: list[str] = []
        while not all(one.done() for one in writing):
            await asyncio.sleep(SOON_S)
            value = self._value(running=True)
            yield None if value["texts"] == shown else value
            shown = value["texts"]
        for place, one in enumerate(writing):
            if error := one.exception():
                self._failed[place] = error
        if len(self._failed) == asked.n and not any(one.text for one in self._solutions):
            raise self._failed[0]
        if bug := next((e for e in self._failed.values() if not isinstance(e, PRMError)), None):
            raise bug
        yield self._value(seconds=time.monotonic() - began)

    def _value(
        self,
        *,
        running: bool = False,
        issue: str = "",
        where: str = "",
        models: Sequence[str] = (),
        seconds: float = 0.0,
    ) -> dict[str, Any]:
        """What the panel shows.

        Returns:
            `{"run", "running", "texts", "ends", "issue", "where", "models", "model", "seconds",
            "turn"}`: the texts so far; for each, once nothing runs, why it ended ("stop", "length",
            or a sentence where it failed).
        """
        ends = [
            str(self._failed[i]) if i in self._failed else one.end
            for i, one in enumerate(self._solutions)
        ]
        return {
            "run": self._run,
            "running": running,
            "texts": [one.text for one in self._solutions],
            "ends": [] if running else ends,
            "issue": whole_characters(issue),
            "where": where,
            "models": list(models),
            "model": whole_characters(self._model),
            "seconds": seconds,
            "turn": next(_turns),
        }


def _capital(words: str) -> str:
    """A sentence's beginning; an address stays as it is."""
    return words if words.startswith("http") else words[:1].upper() + words[1:]


class Sampler(gr.HTML):
    """The panel; events `submit` and `stop`."""

    def __init__(self) -> None:
        super().__init__(
            value=None,
            html_template=_TEMPLATE,
            js_on_load=page_script("state.js", "sampling.js", "searching.js"),
            apply_default_css=False,
            elem_id="prm-sampling",
            ask=ASK,  # not in the template, where a backslash has a special meaning
            ask_for_steps=ASK_FOR_STEPS,
            most=MAX_CANDIDATES,
        )

    def api_info(self) -> dict[str, Any]:
        """The value is an object, not HTML."""
        return {"type": "object"}


# Fields without a form: a browser would offer to save a form's key.
_TEMPLATE = f"""
<section class="prm-sampler" id="prm-sampler" aria-label="Sample solutions from a server" hidden>
  <div class="prm-sampler-fields">
    <label class="prm-wide">Server
      <input type="url" data-field="url" placeholder="http://127.0.0.1:8000/v1" spellcheck="false"
        autocapitalize="off" aria-describedby="prm-sampler-issue"></label>
    <label class="prm-half">Model
      <input type="text" data-field="model" placeholder="if it has several"
        list="prm-sampler-models" autocomplete="off" spellcheck="false" autocapitalize="off"
        aria-describedby="prm-sampler-issue"></label>
    <label class="prm-half">Key
      <input type="password" data-field="key" placeholder="if it requires one"
        autocomplete="off" aria-describedby="prm-sampler-issue"></label>
    <label>Way
      <select data-field="way">
        <option value="">Independent</option>
        <option value="best-of-n">Best of n</option>
        <option value="beam">Beam search</option>
        <option value="dvts">DVTS</option>
      </select></label>
    <label class="prm-sampler-guided" hidden>Width
      <input type="number" data-field="width" value="4" min="1" max="{MAX_CANDIDATES}" step="1"
        aria-describedby="prm-sampler-issue"></label>
    <label class="prm-sampler-guided" hidden>Rounds
      <input type="number" data-field="rounds" value="20" min="1" step="1"
        aria-describedby="prm-sampler-issue"></label>
    <label>Solutions
      <input type="number" data-field="n" value="4" min="1" max="{MAX_CANDIDATES}" step="1"
        aria-describedby="prm-sampler-issue"></label>
    <label>Temperature
      <input type="number" data-field="temperature" value="0.7" min="0" max="{MOST_TEMPERATURE:g}"
        step="0.1" aria-describedby="prm-sampler-issue"></label>
    <label>Max tokens
      <input type="number" data-field="max_tokens" value="4096" min="1" max="{MOST_TOKENS}" step="1"
        aria-describedby="prm-sampler-issue"></label>
    <datalist id="prm-sampler-models"></datalist>
  </div>
  <p class="prm-issue" id="prm-sampler-issue" role="alert" hidden></p>
  <p class="prm-sampler-hint">The server must speak OpenAI's protocol, as vLLM, SGLang, llama.cpp
    and Ollama do. It gets the problem and <q></q> The key is not kept.</p>
  <div class="prm-sampler-foot">
    <p class="prm-sampler-said" role="status"></p>
    <button type="button" class="prm-button prm-sampler-cancel" hidden>Cancel</button>
    <button type="button" class="prm-button prm-sampler-go">Sample</button>
  </div>
</section>
"""

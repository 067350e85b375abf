"""A search from the page: a server writes, the chosen PRM judges, and the browser draws the tree.

Asked for by the panel of `prm_core.ui.sampling`, so only where the page's visitor is its owner.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from prm_core.errors import BadOptionError, DataError, InputError, ModelError, PRMError
from prm_core.evaluation.choices import compare_choices
from prm_core.http_client import Endpoint
from prm_core.search.engine import Event, grow
from prm_core.search.generators import Generator, ServerGenerator, model_of_form
from prm_core.search.results import search_session, searched
from prm_core.search.tree import Node, Settings, Tree, new_tree, tree_json
from prm_core.session import Model, Opened, Problem
from prm_core.text.limits import MAX_CANDIDATES
from prm_core.types import Candidate, ScoredCandidate, StepScorer, whole_characters
from prm_core.ui.editor import PlaceError
from prm_core.ui.kept import read_tree
from prm_core.ui.line import FullError
from prm_core.ui.models import SOON_S, ModelHost, settled
from prm_core.ui.problems import shown
from prm_core.ui.sampling import ATTEMPTS, MOST_TOKENS, Asked, Run, read_asked, whole_number
from prm_core.ui.words import page_words

MOST_ROUNDS = 100
"""Of a search from the page; a round is a step of every path."""

YIELD_S = 0.3
"""The tree goes to the browser as often as this at most …"""

YIELD_SHARE = 5
"""… and no more often than this many times what it takes to write it."""


def read_settings(asked: dict[str, Any]) -> Settings:
    """How the tree grows, as a browser asks for it.

    Raises:
        PlaceError: a field cannot be used.
    """
    try:
        return Settings(
            way=asked["way"],
            n=int(asked["n"]),
            width=int(whole_number(asked.get("width"), 1, 64, "Width", "width")),
            rounds=int(whole_number(asked.get("rounds"), 1, MOST_ROUNDS, "Rounds", "rounds")),
            temperature=asked["temperature"],
            max_tokens=int(asked["max_tokens"]),
            aggregation=str(asked.get("aggregation")),
        )
    except BadOptionError as error:
        where = "width" if "multiple" in str(error) else "temperature"
        raise PlaceError(page_words(str(error)), where) from error


def read_half(text: object) -> Tree:
    """A search that was cut off, as a browser kept it: the tree to grow on.

    Raises:
        PlaceError: it cannot be read, has ended, or is larger than a search from the page.
    """
    try:
        tree = read_tree(text).whole()
    except DataError as error:
        raise PlaceError(f"The tree of this search cannot be read: {error}", "") from error
    s, n_paths = tree.settings, sum(map(len, tree.groups))
    if tree.status or not n_paths:
        raise PlaceError("This search has ended.", "")
    for noun, value, most in (
        ("paths", max(s.n, n_paths), MAX_CANDIDATES),
        ("rounds", s.n_rounds, MOST_ROUNDS),
        ("tokens for a step", s.max_tokens, MOST_TOKENS),
    ):
        if value > most:
            words = f"This search has up to {value:,} {noun}; the page takes at most {most:,}."
            raise PlaceError(words, "")
    return tree


class SearchRun(Run):
    """One press of Search, from what the browser sent to the last node.

    Args:
        host: the PRM's.
        payload: what the browser sent, as JSON text.
        model: the content of the model's field.
        session: whose run it is.
    """

    def __init__(self, host: ModelHost, payload: object, model: str, session: str) -> None:
        super().__init__(payload)
        self._host, self._line, self._session = host, model, session
        self._over = threading.Event()
        self._half: Tree | None = None  # what goes on
        self._tree: Tree | None = None
        self._nodes: list[Node] = []
        self._threshold = 0.5
        self._n_events = 0
        self._judging: Future[Any] | None = None
        self._judge_failed = False

    def _read(self) -> Asked:
        asked = read_asked(self._asked)
        if half := self._asked.get("half"):
            self._half = read_half(half)
            model, _ = model_of_form(self._half.generator)
            return replace(asked, model=model, problem=self._half.problem)
        self._settings = read_settings(self._asked)
        return asked

    async def _write(
        self, asked: Asked, endpoint: Endpoint, pool: ThreadPoolExecutor
    ) -> AsyncGenerator[dict[str, Any] | None]:
        """
        Raises:
            PRMError: the generator does not work.
        """
        try:
            loading = self._host.scorer(self._line)
            while not await settled(loading, SOON_S):
                yield None
            scorer = loading.result()
        except PRMError as error:
            yield self._value(issue=page_words(str(error)))
            return
        if self._half is not None and self._half.model != scorer.model_id:
            words = f"{self._half.model} judged this search; choose it at the top to go on."
            yield self._value(issue=page_words(words))
            return
        self._threshold = scorer.threshold
        chat = self._half is None or model_of_form(self._half.generator)[1]
        generator = ServerGenerator(
            asked.url, self._model, chat=chat, api_key=asked.key, attempts=ATTEMPTS
        )
        self._tree = self._half or new_tree(
            asked.problem, self._settings, generator.name, scorer.model_id
        )
        self._nodes = list(self._tree.nodes)
        judge = _Judge(scorer, self, asyncio.get_running_loop())
        growing = pool.submit(self._grow, self._tree, generator, judge)
        try:
            async with aclosing(self._watch(growing)) as updates:
                async for update in updates:
                    yield update
            error_ = growing.exception()
            if error_ is not None and not self._judge_failed:
                raise error_
            issue = page_words(str(error_)) if isinstance(error_, PRMError) else ""
            yield await asyncio.to_thread(self._value, issue=issue)
        finally:
            self._over.set()
            if self._judging is not None:
                self._judging.cancel()
            # It waits for its requests to end, and the pool takes no more work.
            threading.Thread(target=generator.close, daemon=True).start()

    async def _watch(self, growing: Future[None]) -> AsyncGenerator[dict[str, Any] | None]:
        """The tree again and again while it grows; None where nothing is new."""
        n_shown, due = 0, 0.0
        while not await settled(growing, SOON_S):
            if self._n_events == n_shown or time.monotonic() < due:
                yield None
                continue
            n_shown, began = self._n_events, time.monotonic()
            value = await asyncio.to_thread(self._value, running=True)
            taken = time.monotonic() - began
            due = time.monotonic() + max(YIELD_S, YIELD_SHARE * taken)
            yield value

    def _grow(self, tree: Tree, generator: Generator, judge: StepScorer) -> None:
        """In a thread of its own."""
        for event in grow(tree, generator, judge, self._beat):
            self._take(event)

    def _beat(self) -> None:
        if self._over.is_set():
            raise ModelError("the search was cancelled")

    def _take(self, event: Event) -> None:
        """Note what has just happened, for `_value` in another thread."""
        node = event.node
        if node is None:
            self._nodes, self._tree = list(event.tree.nodes), event.tree
        elif node.id < len(self._nodes):
            self._nodes[node.id] = node
        else:
            self._nodes.append(node)
        self._n_events += 1

    async def judged(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        """What the PRM says of candidates, in its line like any other run.

        Raises:
            InputError: it refuses one of them.
            ModelError: it does not work.
        """
        host, n_chars = self._host, sum(len(step) for one in candidates for step in one.steps)
        found: dict[int, ScoredCandidate] = {}
        try:
            with host.line.join(self._session, self._line, n_chars) as place:
                while not await host.line.turn(place, SOON_S):
                    pass
                loading = host.scorer(self._line)
                while not await settled(loading, SOON_S):
                    pass
                async with aclosing(host.watch(place, loading.result(), candidates)) as results:
                    async for one in results:
                        if one is not None:
                            found[one[0]] = one[1]
        except FullError as error:
            self._judge_failed = True
            raise ModelError(str(error)) from error
        except InputError:
            raise
        except Exception:
            self._judge_failed = True
            raise
        return [found[place] for place in range(len(candidates))]

    def wait_for(self, judging: Future[list[ScoredCandidate]]) -> list[ScoredCandidate]:
        """The result of `judged`, in the thread of the search."""
        self._judging = judging
        return judging.result()

    # --- what the browser gets --------------------------------------------------------------------

    def _value(self, **more: Any) -> dict[str, Any]:
        """As sampling's, with the tree, and as a session what there is to keep of it."""
        value = super()._value(**more)
        if self._tree is None or not self._nodes:
            return value | {"search": None, "opened": None}
        tree = replace(self._tree, nodes=tuple(self._nodes))
        problem = self._problem(tree)
        words = (
            f"Round {tree.n_rounds + (not tree.status)} of at most {tree.settings.n_rounds}, "
            f"{len(tree.nodes):,} steps, {tree.n_tokens:,} tokens"
        )
        search = {
            "tree": whole_characters(json.dumps(tree_json(tree), ensure_ascii=False)),
            "groups": self._groups(problem) if tree.solutions else [],
            "aggregation": tree.settings.aggregation,
            "words": words,
        }
        session = search_session([problem], tree, self._threshold)
        model = Model(
            tree.model,
            self._host.label(self._line),
            self._line,
            self._host.note(self._line),
            self._threshold,
        )
        opened = shown(Opened(replace(session, models=(model,)))) if problem.solutions else None
        return value | {"search": search, "opened": opened}

    def _problem(self, tree: Tree) -> Problem:
        """What there is to keep."""
        gold, part = self._asked.get("gold"), tree.settings.step_end.replace("\n", "\\n")
        given = isinstance(gold, str) and gold.strip()
        problem = Problem(
            tree.problem,
            gold_answer=whole_characters(gold[:500]) if given else None,
            rule=f"separator:{part}",
        )
        return searched(tree, problem)

    @staticmethod
    def _groups(problem: Problem) -> list[dict[str, Any]]:
        """The answers so far, each with the solutions that give it."""
        found = [
            (one.name, scored)
            for one in problem.solutions
            for name in one.scores
            if (scored := one.scored(problem.problem, name)) is not None
        ]
        groups = compare_choices([one for _, one in found], problem.gold_answer).groups
        return [
            {
                "answer": group.answer,
                "letters": [found[place][0] for place in group.solutions],
                "correct": group.correct,
            }
            for group in groups
        ]


class _Judge(StepScorer):
    """The page's PRM for the thread of a search."""

    def __init__(self, scorer: StepScorer, run: SearchRun, loop: asyncio.AbstractEventLoop) -> None:
        self.model_id, self.threshold = scorer.model_id, scorer.threshold
        self._run, self._loop = run, loop

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        judging = self._run.judged(candidates)
        return self._run.wait_for(asyncio.run_coroutine_threadsafe(judging, self._loop))

"""A vLLM server on loopback whose scores are scripted; what it lists and answers can be changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.loopback import JsonHandler, LoopbackServer, running

Ids = tuple[int, ...]


class PoolingServer:
    """A running server.

    Attributes:
        url: its address.
        tag: the token whose places it scores.
        models: what it lists.
        logits: from a prompt and a place in it to the two logits.
        change: what becomes of the rows of a prompt; a test may make them wrong.
        answer: called before each answer; returns None, or (status, body) in its stead.
        requests: (path, body, headers) of all requests.
    """

    def __init__(self, tag: int, root: str) -> None:
        self.tag = tag
        self.models: list[dict[str, Any]] = [{"id": "prm", "root": root, "max_model_len": 500}]
        self.logits: Callable[[Ids, int], tuple[float, float]] = lambda ids, place: (
            (sum(ids[: place + 1]) % 17) / 4,
            (place % 13) / 4,
        )
        self.change: Callable[[list[Any]], Any] = lambda rows: rows
        self.answer: Callable[[str], tuple[int, Any] | None] = lambda path: None
        self.activates = True
        self.requests: list[tuple[str, dict[str, Any] | None, dict[str, str]]] = []
        server = self

        class Handler(JsonHandler):
            def reply(self, body: dict[str, Any] | None) -> None:
                server.requests.append((self.path, body, dict(self.headers)))
                status, content = server.answer(self.path) or (200, server.content(body))
                self.send(status, content)

        self.http = LoopbackServer(Handler)
        self.url = self.http.url

    def content(self, body: dict[str, Any] | None) -> dict[str, Any]:
        """What vLLM would answer."""
        if body is None:
            return {"object": "list", "data": self.models}
        data = [
            {"index": i, "object": "pooling", "data": self.rows(tuple(ids), body["use_activation"])}
            for i, ids in enumerate(body["input"])
        ]
        return {"object": "list", "data": data[::-1]}  # index says which is which

    def rows(self, ids: Ids, activated: bool) -> Any:
        """A row for each tag."""
        rows = [list(self.logits(ids, i)) for i, token in enumerate(ids) if token == self.tag]
        if activated and self.activates:
            rows = [[1 / (1 + math.exp(b - a)), 1 / (1 + math.exp(a - b))] for a, b in rows]
        return self.change(rows)

    @property
    def batches(self) -> list[list[Ids]]:
        """The prompts of each request for scores, without the two that check the server."""
        asked = [body for path, body, _ in self.requests if path == "/pooling" and body]
        return [[tuple(ids) for ids in body["input"]] for body in asked][2:]


@contextmanager
def serve_pooling(tag: int, root: str) -> Iterator[PoolingServer]:
    """A server that runs until the block ends."""
    server = PoolingServer(tag, root)
    with running(server.http):
        yield server

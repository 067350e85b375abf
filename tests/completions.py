"""A server that speaks OpenAI's protocol, on loopback, with whatever writes the texts behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.loopback import JsonHandler, LoopbackServer, running

Write = Callable[[dict[str, Any]], str | dict[str, Any]]
"""From a request's body to the text that goes on, or to a whole choice of the answer; a choice's
`usage` stands beside it there."""


class RefusedError(Exception):
    """The server answers with this status."""

    def __init__(self, status: int, message: str = "no", headers: tuple[str, str] = ("", "")):
        super().__init__(message)
        self.status, self.headers = status, headers


class Server:
    """A running server.

    Attributes:
        url: where the protocol begins.
        models: what it lists.
        requests: (path, body, headers) of every request, in the order in which they came.
    """

    def __init__(self, write: Write) -> None:
        self.requests: list[tuple[str, dict[str, Any], dict[str, str]]] = []
        self.models: list[dict[str, Any]] = []
        server = self

        class Handler(JsonHandler):
            def reply(self, body: dict[str, Any] | None) -> None:
                if body is None:
                    self.send(200, {"object": "list", "data": server.models})
                    return
                server.requests.append((self.path, body, dict(self.headers)))
                try:
                    text = write(body)
                except RefusedError as refused:
                    self.send(refused.status, {"error": {"message": str(refused)}}, refused.headers)
                    return
                choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
                if isinstance(text, dict):
                    choice |= text
                elif self.path.endswith("/chat/completions"):
                    choice["message"] = {"role": "assistant", "content": text}
                else:
                    choice["text"] = text
                usage = {"usage": choice.pop("usage")} if "usage" in choice else {}
                self.send(200, {"object": "text_completion", "choices": [choice], **usage})

        self.http = LoopbackServer(Handler)
        self.url = f"{self.http.url}/v1"


@contextmanager
def serve(write: Write) -> Iterator[Server]:
    """A server that runs until the block ends."""
    server = Server(write)
    with running(server.http):
        yield server

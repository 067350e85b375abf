"""A visitor of the page without a browser: Gradio's queue protocol over plain HTTP."""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 60.0


def free_port() -> int:
    """A port that nobody listens on, and none of those that the system gives to connections."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Visitor:
    """One session.

    Args:
        url: the server's address.
        event: the number of the page's event that scores.
    """

    def __init__(self, url: str, event: int) -> None:
        self._netloc, self._event = urlsplit(url).netloc, event
        self.session = uuid.uuid4().hex

    def ask(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request: status, headers in lower case, and what was said."""
        connection = http.client.HTTPConnection(self._netloc, timeout=PATIENCE_S)
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        try:
            connection.request(method, path, None if body is None else content, given)
            reply = connection.getresponse()
            named = {name.lower(): value for name, value in reply.getheaders()}
            return reply.status, named, reply.read()
        finally:
            connection.close()

    def join(self, values: Sequence[object], **changed: object) -> tuple[int, str]:
        """Ask for a run; the status and what the server says of it."""
        body = {
            "data": list(values),
            "event_data": {},
            "fn_index": self._event,
            "trigger_id": 1,
            "session_hash": self.session,
        } | changed
        status, _, said = self.ask("POST", "/gradio_api/queue/join", body)
        return status, str(json.loads(said).get("detail", ""))

    @contextmanager
    def messages(self) -> Iterator[Iterator[dict[str, Any]]]:
        """What the server says of the session's runs, until the block is left."""
        connection = http.client.HTTPConnection(self._netloc, timeout=PATIENCE_S)
        try:
            connection.request("GET", f"/gradio_api/queue/data?session_hash={self.session}")
            reply = connection.getresponse()
            yield (json.loads(line[6:]) for line in reply if line.startswith(b"data: "))
        finally:
            connection.close()

    def score(
        self, problem: str, solutions: Sequence[str], model: str = "default", rule: str = "auto"
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run to the end: the values of the board and of the buttons."""
        draft = {"problem": problem, "solutions": list(solutions), "rule": rule}
        status, said = self.join([draft, model])
        assert status == 200, said
        with self.messages() as messages:
            for message in messages:
                if message["msg"] == "process_completed":
                    assert message["success"], message
                    board, actions = message["output"]["data"]
                    return unpacked(board), actions
        raise AssertionError("the stream ended before the run")


def unpacked(value: dict[str, Any]) -> dict[str, Any]:
    """A board's value as it was before it was sent; see `prm_core.ui.board.packed`."""
    board: dict[str, Any] = json.loads(value["about"])
    texts = zip(board["candidates"], value["details"], value["marks"], strict=True)
    for one, detail, marks in texts:
        one.update(detail=detail, marks=marks)
    return board


def probabilities(board: dict[str, Any]) -> list[list[float]]:
    """The numbers that a board shows, by candidate."""
    return [json.loads(one["detail"])["probabilities"] for one in board["candidates"]]

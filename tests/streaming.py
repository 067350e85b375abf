"""A server that streams solutions as OpenAI's protocol has it, on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.loopback import JsonHandler, LoopbackServer, running


class Stream:
    """One answer that is being sent.

    Attributes:
        body: what was asked for.
        number: counts the answers of a server.
    """

    def __init__(self, handler: JsonHandler, body: dict[str, Any], number: int) -> None:
        self.body, self.number = body, number
        self._handler, self._begun = handler, False

    def refuse(self, status: int, message: str) -> None:
        self._handler.send(status, {"error": {"message": message}})

    def whole(self, content: Any) -> None:
        """Answer in one piece, as a server that does not know `stream`."""
        self._handler.send(200, content)

    def raw(self, data: bytes) -> None:
        if not self._begun:
            self._begun = True
            self._handler.send_response(200)
            self._handler.send_header("Content-Type", "text/event-stream")
            self._handler.send_header("Connection", "close")
            self._handler.end_headers()
            self._handler.close_connection = True
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def event(self, value: Any) -> None:
        self.raw(f"data: {json.dumps(value)}\n\n".encode())

    def say(self, text: str, field: str = "content") -> None:
        self.event({"choices": [{"index": 0, "delta": {field: text}, "finish_reason": None}]})

    def end(self, reason: str = "stop") -> None:
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        self.raw(b"data: [DONE]\n\n")

    def gone(self) -> bool:
        """Whether the other side has hung up."""
        self._handler.connection.settimeout(0.05)
        try:
            return self._handler.connection.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True

    def cut(self) -> None:
        """Hang up."""
        self._handler.connection.shutdown(socket.SHUT_RDWR)


Script = Callable[[Stream], None]


class StreamingServer:
    """A running server.

    Attributes:
        url: where the protocol begins.
        models: the names that it lists.
        requests: (body, headers) of what was asked for.
    """

    def __init__(self, script: Script) -> None:
        self.models = ["org/model"]
        self.requests: list[tuple[dict[str, Any], dict[str, str]]] = []
        server, lock = self, threading.Lock()

        class Handler(JsonHandler):
            def reply(self, body: dict[str, Any] | None) -> None:
                if self.path == "/v1/models":
                    self.send(200, {"data": [{"id": name} for name in server.models]})
                elif self.path != "/v1/chat/completions" or body is None:
                    self.send(404, {"detail": "Not Found"})
                else:
                    with lock:
                        server.requests.append((body, dict(self.headers)))
                        number = len(server.requests)
                    script(Stream(self, body, number))

        self.http = LoopbackServer(Handler)
        self.url = f"{self.http.url}/v1"


@contextmanager
def streaming(script: Script) -> Iterator[StreamingServer]:
    """A server that runs until the block ends."""
    server = StreamingServer(script)
    with running(server.http):
        yield server


def solution(stream: Stream) -> None:
    """A short solution in three pieces, another one for each answer."""
    for piece in (f"Way {stream.number}: 7 × 8", " = 56.\n", "The answer is \\boxed{56}."):
        stream.say(piece)
    stream.end()

"""A server that speaks OpenAI's protocol, on loopback, with whatever writes the texts behind it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Write = Callable[[dict[str, Any]], str | dict[str, Any]]
"""From a request's body to the text that goes on, or to a whole choice of the answer."""


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

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.answer(200, {"object": "list", "data": server.models})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append((self.path, body, dict(self.headers)))
                try:
                    text = write(body)
                except RefusedError as refused:
                    self.answer(
                        refused.status, {"error": {"message": str(refused)}}, refused.headers
                    )
                    return
                choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
                if isinstance(text, dict):
                    choice |= text
                elif self.path.endswith("/chat/completions"):
                    choice["message"] = {"role": "assistant", "content": text}
                else:
                    choice["text"] = text
                self.answer(200, {"object": "text_completion", "choices": [choice]})

            def answer(
                self, status: int, content: dict[str, Any], headers: tuple[str, str] = ("", "")
            ) -> None:
                raw = json.dumps(content).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                if headers[0]:
                    self.send_header(*headers)
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *args: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *args: object) -> None:
                """The other side has gone; that is what some tests do."""

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


@contextmanager
def serve(write: Write) -> Iterator[Server]:
    """A server that runs until the block ends."""
    server = Server(write)
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        thread.join()

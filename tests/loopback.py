"""HTTP servers on loopback, for tests: what the scripted ones share."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LoopbackServer(ThreadingHTTPServer):
    """A server at a free port, which says nothing and waits for nobody."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)

    @property
    def url(self) -> str:
        """Its address, without a path."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *args: object) -> None:
        """The other side has gone; that is what some tests do."""


class JsonHandler(BaseHTTPRequestHandler):
    """Reads and sends JSON; a server says in `reply` what it answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.reply(None)

    def do_POST(self) -> None:
        self.reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def reply(self, body: Any) -> None:
        """Answer a request: what it sent, or None for a GET."""
        raise NotImplementedError

    def send(self, status: int, content: Any, headers: tuple[str, str] = ("", "")) -> None:
        """Answer with an object, or with bytes as they are."""
        raw = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        if headers[0]:
            self.send_header(*headers)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *args: object) -> None:
        """Nothing is said on stderr."""


@contextmanager
def running(http: LoopbackServer) -> Iterator[None]:
    """Let a server answer until the block ends."""
    thread = threading.Thread(target=http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        http.shutdown()
        http.server_close()
        thread.join()

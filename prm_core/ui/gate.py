"""What reaches Gradio, and what is added to every answer.

Gradio serves a whole platform: uploads, saved views, an API, monitoring, an editor. The page needs
a dozen of its addresses, so these are named here and all others answer 404. Requests are bounded
before anything reads them, and must look like the page's own; every refusal has a message, as
`{"detail": …}`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from ipaddress import ip_address
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prm_core.ui.calls import CALL, CALLS, OPENAPI, Parameters, described, values_of
from prm_core.ui.models import log_bug
from prm_core.ui.sessions import Readers

logger = logging.getLogger(__name__)

READ = re.compile(
    r"/|/healthz|/card\.png|/config|/theme\.css|/favicon\.ico|/robots\.txt|/manifest\.json"
    r"|/(assets|static)/.+|/gradio_api/(app_id|info|startup-events|queue/data|file=.+|heartbeat/[\w-]+)"
)
"""What may be fetched: the page and its files, and the messages of a session."""

JOIN, ASK = "/gradio_api/queue/join", "/gradio_api/component_server"
CANCEL, RESET = "/gradio_api/cancel", "/gradio_api/reset"

MOST_BYTES = {JOIN: 12_000_000, ASK: 12_000_000, CANCEL: 4_000, RESET: 4_000}
"""What may be sent, and how large: a draft of 2,000,000 characters, a preview's texts, a name."""

MOST_ASKED = 2_500_000
"""Bytes of what a component asks, but for functions that take a file."""

MOST_HELD = 64_000_000
"""Bytes of all requests that are being read or answered at the same time."""

BODY_S = 60.0
"""How long a request may take to arrive."""

PREVIEWS = 2
"""Previews at the same time; they run beside the model."""

MOST_PARTS = 1_000
"""Strings, lists, objects and commas in a request; the page's largest has 64 solutions and
their letters. Millions of empty lists would take a hundred times their length in memory."""

_PART = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{,]', re.DOTALL)
_HOST = re.compile(r"(?:\[(?P<address>[\da-f:.]+)\]|(?P<name>[\w.-]+))(?::\d*)?", re.ASCII | re.I)
_SESSION = re.compile(r"[\w-]{1,64}", re.ASCII)

_POLICY = {
    "default-src": "'self'",
    # Gradio compiles templates in the browser and writes its settings into the page.
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
_FRAMES = {False: "'self'", True: "'self' https://huggingface.co https://*.hf.space"}


class RefusedError(Exception):
    """A request is not answered.

    Attributes:
        status: HTTP's number.
    """

    def __init__(self, status: int, words: str) -> None:
        self.status = status
        super().__init__(words)


@dataclass(frozen=True, slots=True)
class Hosts:
    """The names that the server answers to.

    Another site can point its own name at this machine's address, and a browser then lets it talk
    to this server as if to itself; so a name must be known. An IP address is not a name that a site
    can claim.

    Attributes:
        names: as "localhost" or "*.example.org"; "*" is any.
        addresses: whether IP addresses are answered to.
    """

    names: Sequence[str]
    addresses: bool

    def know(self, host: str) -> bool:
        """Whether a `Host` header, with or without a port, is answered to."""
        name = _host_name(host)
        if "*" in self.names or self.named(host):
            return bool(name)
        try:
            ip_address(name)
        except ValueError:
            return False
        return self.addresses

    def named(self, host: str) -> bool:
        """Whether it is one of the names, not merely an address or covered by "*"."""
        name = _host_name(host)
        return any(fnmatchcase(name, one.lower()) for one in self.names if one != "*")


@dataclass(frozen=True, slots=True)
class Known:
    """What the page itself requests.

    Attributes:
        events: how many values each event takes, by its number.
        functions: (component's number, name) of each function that a component calls.
        files: names of functions that take a file.
        bounded: names of the functions that a session runs one at a time, each by itself.
        calls: what each endpoint for programs takes, by its name; none if closed.
    """

    events: Mapping[int, int]
    functions: frozenset[tuple[int, str]]
    files: frozenset[str]
    bounded: frozenset[str]
    calls: Mapping[str, Parameters] = field(default_factory=dict)


class Previews:
    """One at a time per session, a few in all; of a session's waiting ones, only the newest."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(PREVIEWS)
        self._own: dict[str, asyncio.Lock] = {}
        self._newest: dict[str, object] = {}

    async def run(self, session: str, work: Callable[[], Any]) -> bool:
        """Await `work()` when it is its turn; False if a newer one arrived in the meantime."""
        me = self._newest[session] = object()
        lock = self._own.setdefault(session, asyncio.Lock())
        try:
            async with lock:
                if self._newest.get(session) is not me:
                    return False
                async with self._free:
                    await work()
                return True
        finally:
            if self._newest.get(session) is me:
                del self._newest[session], self._own[session]


class Gate:
    """ASGI middleware around Gradio; see the module.

    Args:
        app: the app that it protects.
        known: what the page requests.
        hosts: the server's names.
        readers: records which sessions are being read.
        framed: whether Hugging Face may show the page in a frame.
    """

    def __init__(
        self, app: ASGIApp, *, known: Known, hosts: Hosts, readers: Readers, framed: bool = False
    ) -> None:
        self._app, self._known, self._hosts, self._readers = app, known, hosts, readers
        policy = _POLICY | {"frame-ancestors": _FRAMES[framed]}
        self._headers = {
            "Content-Security-Policy": "; ".join(" ".join(one) for one in policy.items()),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }
        self._files: list[object] = [*known.files]  # `in` takes whatever a request holds
        self._held = 0
        self._previews = Previews()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # the page opens no web socket
        begun = False

        async def send_on(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        try:
            await self._answer(scope, receive, send_on)
        except RefusedError as refused:
            reply = JSONResponse({"detail": str(refused)}, refused.status)
            await reply(scope, receive, send_on)
        except Exception as error:
            if begun and isinstance(error.__cause__, HTTPException):
                await send_on({"type": "http.response.body"})  # refused in the stream's own format
                return
            log_bug(logger, f"{scope['method']} {_shown(scope['path'])} failed", error)
            if not begun:
                words = {"detail": "Unexpected error; the server's log says where."}
                await JSONResponse(words, 500)(scope, receive, send_on)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        self._check_names(headers)
        if scope["method"] in ("GET", "HEAD"):
            if await self._read_call(path, scope, receive, send):
                return
            if not READ.fullmatch(path):
                raise RefusedError(404, "There is nothing here.")
            asked = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])
            reads = path == "/gradio_api/queue/data"
            with self._readers.reading(_session(asked[0])) if reads else nullcontext():
                await self._app(scope, receive, send)
            return
        path = path.rstrip("/")
        called = CALL.fullmatch(path)
        is_call = bool(called and not called["event"] and called["name"] in self._known.calls)
        if scope["method"] != "POST" or not (is_call or path in MOST_BYTES):
            raise RefusedError(404, "There is nothing here.")
        self._check_origin(headers)
        n_bytes = _length(headers, MOST_BYTES[JOIN if is_call else path])
        _check_kind(headers)
        parts: list[bytes] = []
        try:
            async with aclosing(_arriving(receive, n_bytes)) as arriving:
                async for part in arriving:  # what is only announced takes no memory
                    if self._held + len(part) > MOST_HELD:
                        raise RefusedError(503, "The server is busy; try again in a moment.")
                    self._held += len(part)
                    parts.append(part)
            body = b"".join(parts)
            request = _json(body)
            if called is not None:
                data = self._called(called["name"], bool(called["named"]), request)
                await self._begin_call(called["name"], data, scope, receive, send)
                return
            if path == ASK and len(body) > MOST_ASKED and request.get("fn_name") not in self._files:
                raise _too_large(MOST_ASKED)
            await self._forward(path, request, scope, _replay(body, receive), send)
        finally:
            self._held -= sum(map(len, parts))

    async def _read_call(self, path: str, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer with what a program's run says, or with the schema of the endpoints.

        Returns:
            False if the address is neither.
        """
        called = CALL.fullmatch(path)
        if not self._known.calls or not (called or path == OPENAPI):
            return False
        if called is None:
            await self._describe(scope, receive, send)
            return True
        session = self._readers.session_of(called["event"] or "")
        if called["named"] or called["name"] not in self._known.calls or session is None:
            raise RefusedError(404, "There is no such run; it may have ended long ago.")
        with self._readers.reading(session):
            await self._app(scope, receive, send)
        return True

    async def _describe(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the schema of the endpoints."""
        said: list[Message] = []

        async def take(message: Message) -> None:
            said.append(message)

        await self._app({**scope, "method": "GET"}, receive, take)
        schema = json.loads(b"".join(one.get("body", b"") for one in said))
        await JSONResponse(described(schema), said[0]["status"])(scope, receive, send)

    def _called(self, name: str, named: bool, request: dict[str, Any]) -> list[Any]:
        """The values of a program's call."""
        wanted = self._known.calls[name]
        if named:
            try:
                return values_of(wanted, request)
            except ValueError as error:
                raise RefusedError(400, f"The endpoint {name} {error}.") from error
        _check_keys(request, {"data"})
        _check_values(request.get("data"), len(wanted))
        return list(request["data"])

    async def _begin_call(
        self, name: str, data: list[Any], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Start a program's run, in a session of its own."""
        session, path = uuid.uuid4().hex, f"{CALLS}{name}"
        body = json.dumps({"data": data, "session_hash": session}).encode()
        scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, _replay(body, receive), send)
        self._readers.drop_soon(session)  # nobody may read it

    async def _forward(
        self, path: str, request: dict[str, Any], scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Forward a request that looks like the page's own."""
        if path == RESET:  # Gradio's page sends it with every cancel; it has no effect there
            await JSONResponse({"success": True})(scope, receive, send)
            return
        session = _session(request.get("session_hash"))
        if path == JOIN:
            self._check_join(request)
        elif path == ASK:
            self._check_ask(request)
        else:
            _check_keys(request, {"session_hash", "fn_index", "event_id"})
            self._event(request)
            _session(request.get("event_id"))
        if path == ASK and request["fn_name"] in self._known.bounded:
            whose = f"{session} {request['fn_name']}"
            if not await self._previews.run(whose, lambda: self._app(scope, receive, send)):
                await JSONResponse(None)(scope, receive, send)  # the page waits for the newer one
        else:
            await self._app(scope, receive, send)
        if path == JOIN:
            self._readers.drop_soon(session)  # it may be cancelled before it begins

    def _check_names(self, headers: Headers) -> None:
        """The server's names in the request; Gradio writes them into the page."""
        if "x-gradio-server" in headers:
            raise RefusedError(400, "This server is not mounted behind another Gradio server.")
        names = [headers.get("host", "")]
        names += headers.get("x-forwarded-host", names[0]).split(",")
        for name in names:
            if not self._hosts.know(name.strip()):
                raise RefusedError(
                    400,
                    f"This server does not answer to the name {_shown(name)}; its operator can "
                    "add names in PRM_INSPECTOR_HOSTS.",
                )

    def _check_origin(self, headers: Headers) -> None:
        """A browser says which page sent the request; only the server's own may."""
        origin = headers.get("origin")
        if origin is None:
            return
        own = {headers.get("host", ""), headers.get("x-forwarded-host", "").split(",")[0].strip()}
        netloc = urlsplit(origin).netloc
        if netloc not in own - {""} and not self._hosts.named(netloc):
            raise RefusedError(403, "Only the server's own page may request this.")

    def _check_join(self, request: dict[str, Any]) -> None:
        keys = {"data", "event_data", "fn_index", "trigger_id", "session_hash"}
        _check_keys(request, keys)
        _check_values(request.get("data"), self._known.events[self._event(request)])
        if request.get("event_data") not in (None, {}):
            raise RefusedError(400, "The page sends no event_data.")
        if not isinstance(request.get("trigger_id"), int | None):
            raise RefusedError(400, "The request's trigger_id must be a number.")

    def _event(self, request: dict[str, Any]) -> int:
        event = request.get("fn_index")
        if type(event) is not int or event not in self._known.events:
            raise RefusedError(400, "The request's fn_index is not one of the page's events.")
        return event

    def _check_ask(self, request: dict[str, Any]) -> None:
        _check_keys(request, {"data", "component_id", "fn_name", "session_hash"})
        number, name = request.get("component_id"), request.get("fn_name")
        if type(number) is not int or (number, str(name)) not in self._known.functions:
            raise RefusedError(404, "No part of the page has this function.")
        if "data" not in request:
            raise RefusedError(400, "The request has no data.")


def _host_name(host: str) -> str:
    """A host's name in lower case, without its port; empty if it is not a name."""
    found = _HOST.fullmatch(host)
    return (found["address"] or found["name"]).lower() if found else ""


def _shown(name: str) -> str:
    """A value from a request, shortened, without characters that a log or terminal interprets."""
    return repr(name[:80])


def _check_keys(request: dict[str, Any], known: set[str]) -> None:
    if unknown := request.keys() - known:
        word = _shown(min(unknown))
        raise RefusedError(400, f"The request contains {word}, which the page does not send.")


def _session(name: object) -> str:
    if not isinstance(name, str) or not _SESSION.fullmatch(name):
        raise RefusedError(400, "The request names no session.")
    return name


def _check_values(values: object, wanted: int) -> None:
    if not isinstance(values, list) or len(values) != wanted:
        raise RefusedError(400, f"The request's data must be a list of {wanted} values.")


def _check_kind(headers: Headers) -> None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError(415, "The request's content type must be application/json.")


def _length(headers: Headers, most: int) -> int:
    said = headers.get("content-length", "")
    if not said.isdecimal() or not said.isascii():
        raise RefusedError(411, "The request must give its Content-Length.")
    if len(said) > 12 or int(said) > most:
        raise _too_large(most)
    return int(said)


def _too_large(most: int) -> RefusedError:
    return RefusedError(
        413, f"The request is too large; at most {most:,} bytes are read. Send less text."
    )


async def _arriving(receive: Receive, n_bytes: int) -> AsyncGenerator[bytes]:
    """A request's body, part by part; no more than it announced."""
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise RefusedError(400, "The request ended before it was complete.")
                part = message.get("body", b"")
                n_bytes -= len(part)
                if n_bytes < 0:
                    raise RefusedError(400, "The request is longer than its Content-Length.")
                yield part
                if not message.get("more_body"):
                    return
    except TimeoutError as error:
        raise RefusedError(408, f"The request did not arrive within {BODY_S:g} s.") from error


def _json(body: bytes) -> dict[str, Any]:
    """A request's object.

    Raises:
        RefusedError: it is not an object, or has more parts than any of the page's.
    """
    if any(islice(_PART.finditer(body), MOST_PARTS, None)):
        raise RefusedError(400, f"The request has more than {MOST_PARTS:,} parts.")
    try:
        request = json.loads(body, object_hook=_no_file)
    except ValueError as error:
        raise RefusedError(400, "The request is not JSON.") from error
    if not isinstance(request, dict):
        raise RefusedError(400, "The request is not an object.")
    return request


def _no_file(found: dict[str, Any]) -> dict[str, Any]:
    """An object that is not a file's; Gradio would look for a file, and log one that is missing.

    Raises:
        RefusedError: it is a file's.
    """
    if "path" in found:
        raise RefusedError(400, "The page takes no files.")
    return found


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, for the app."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again

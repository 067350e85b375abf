"""A server that answers JSON over HTTP: retried while it fails, if a retry can help.

One connection per thread. Redirects are not followed and proxies not used: the request goes only to
the given address.
"""

from __future__ import annotations

import json
import math
import random
import signal
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from prm_core.errors import BadOptionError, InputError, ModelError, ServerError

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

API_KEY = "PRM_INSPECTOR_API_KEY"
"""The environment variable with a server's key."""

_ATTEMPTS = 7  # about a minute of waiting in all
_LONGEST_WAIT_S = 30.0
_CONNECT_S = 10.0
_SURELY_A_KEY = 8  # characters
_HIDDEN = "[key]"
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # a later attempt may succeed
_THIS_ONE = {400, 413, 422}  # the request is refused, as for a prompt that is too long
_NAP_S = 0.5  # how long one wait takes at most
_MOST_LINE_BYTES = 10_000_000  # of an answer that is read line by line


class Endpoint:
    """An address that requests are sent to.

    Attributes:
        name: the address, without what follows its path.

    Args:
        url: the base of the request paths, such as "http://127.0.0.1:8000/v1".
        what: names it in errors, such as "the generator".
        timeout_s: how long the server may be silent before a request is sent again.
        api_key: sent as a bearer token; not sent if it is empty.
        attempts: the most times a request is sent; None for about a minute of retries.

    Raises:
        BadOptionError: the address or the key cannot be used.
    """

    def __init__(
        self,
        url: str,
        what: str,
        *,
        timeout_s: float = 300.0,
        api_key: str = "",
        attempts: int | None = None,
    ) -> None:
        wrong = BadOptionError(f"{url!r} is not an address such as http://127.0.0.1:8000/v1")
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port  # a port that is not a number raises
        except ValueError as error:
            raise wrong from error
        if parts.scheme not in ("http", "https") or not host or not url.isascii() or " " in url:
            raise wrong
        if parts.username is not None or parts.query or parts.fragment:
            raise wrong
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise BadOptionError("the API key contains characters that cannot be sent")
        self.name = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
        self._what, self._key, self._attempts = what, api_key, attempts
        self._again = partial(
            Endpoint, url, what, timeout_s=timeout_s, api_key=api_key, attempts=attempts
        )
        self._branches: weakref.WeakSet[Endpoint] = weakref.WeakSet()
        self._closed = threading.Event()
        self._works = False  # it has answered at least once
        self._understood = threading.Event()  # … and `read` could use an answer
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._client = _client(parts.scheme == "https", timeout_s, api_key)
        self._drop_all = weakref.finalize(self, self._client.close)

    def ask(self, path: str, body: dict[str, Any] | None = None) -> bytes:
        """The server's answer; retries with exponential backoff while it fails.

        Args:
            path: relative to the address.
            body: is posted; without one the request is a GET.

        Raises:
            InputError: the server refuses this request.
            ServerError: it refuses every request.
            ModelError: it does not answer, or `close` was called.
        """
        return self.without_key(self._accepted(path, body, whole=True).content)

    def read(self, path: str, body: dict[str, Any], use: Callable[[bytes], T]) -> T:
        """What `use` makes of the server's answer.

        An answer that it cannot use, such as one that was cut or a gateway's page, is a failure as
        any other if the server has given better ones; else the server speaks another protocol.

        Raises:
            InputError, ServerError, ModelError: as `ask`; and what `use` raises.
        """
        for attempt in count():
            answer = self.ask(path, body)
            try:
                found = use(answer)
            except ModelError:
                is_last = attempt + 1 >= (self._attempts or _ATTEMPTS)
                if is_last or not self._understood.is_set():
                    raise
                if self._closed.wait(_pause_s(attempt)):
                    raise self.closed() from None
            else:
                self._understood.set()
                return found
        raise AssertionError("counting does not end")

    def lines(self, path: str, body: dict[str, Any]) -> Iterator[bytes]:
        """The lines of the server's answer, each as soon as it arrives.

        Retries as in `ask`, but not for an answer that breaks off.

        Raises:
            InputError, ServerError, ModelError: as `ask`; also if the answer breaks off.
        """
        import httpx

        response = self._accepted(path, body)
        rest = b""
        try:
            for part in response.iter_raw():
                *whole, rest = (rest + part).split(b"\n")
                yield from map(self.without_key, whole)
                if len(rest) > _MOST_LINE_BYTES:
                    raise ModelError(f"{self._what} at {self.name} sends no lines")
            if self._closed.is_set():  # this looks like the end of an answer
                raise self.closed()
            if rest:
                yield self.without_key(rest)
        except (OSError, httpx.HTTPError) as error:
            if self._closed.is_set():
                raise self.closed() from error
            reason = self.keyless(str(error)) or type(error).__name__
            raise ModelError(f"{self._what} at {self.name} broke off: {reason}") from error
        finally:
            response.close()

    def _accepted(
        self, path: str, body: dict[str, Any] | None, *, whole: bool = False
    ) -> httpx.Response:
        """A successful answer, whose rest may not have arrived yet.

        Raises:
            InputError, ServerError, ModelError: as `ask`.
        """
        import httpx

        content = None if body is None else json.dumps(body).encode()
        reason, wait_s, status = "", 0.0, None
        for attempt in range(self._attempts or _ATTEMPTS):
            if self._closed.wait(wait_s):
                raise self.closed()
            wait_s = _pause_s(attempt)
            status = None
            try:
                response = self._send(path, content, whole=whole)
            except (OSError, httpx.HTTPError, httpx.InvalidURL) as error:
                reason = self.keyless(str(error)) or type(error).__name__
                if _is_nobody(error) and not self._works:
                    break  # the address is wrong, or the server has not been started
                continue
            self._works = True
            status = response.status_code
            if status == 200:
                return response
            reason = f"HTTP {status}: {self.sentence(response.content)}"
            if status in _THIS_ONE:
                raise InputError(f"{self._what} rejected the request ({reason})")
            if status not in _PASSING:
                break
            asked = response.headers.get("Retry-After", "")
            if asked.isdecimal():
                wait_s = max(wait_s, min(float(asked), _LONGEST_WAIT_S))
        if self._closed.is_set():
            raise self.closed()
        words = f"{self._what} at {self.name} failed: {reason}"
        raise ModelError(words) if status is None else ServerError(words, status)

    def branch(self) -> Endpoint:
        """Another endpoint for the same address, which is closed with this one or before it."""
        one = self._again()
        one._works, one._understood = self._works, self._understood
        self._branches.add(one)
        if self._closed.is_set():
            one.close()
        return one

    def close(self) -> None:
        """Wake the threads that wait for an answer; they and all later requests get an error."""
        self._closed.set()
        for one in list(self._branches):
            one.close()
        for one_socket in list(self._sockets):
            _shut(one_socket)

    def drop(self) -> None:
        """Close all connections; call it when no thread uses one any more."""
        self._drop_all()

    def closed(self) -> ModelError:
        """The error that is raised after `close`."""
        return ModelError(f"{self._what} was closed")

    def _send(self, path: str, content: bytes | None, *, whole: bool) -> httpx.Response:
        """One request, and all of its answer, or its beginning if it is not an error."""
        request = self._client.build_request(
            "GET" if content is None else "POST",
            self.name + path,
            content=content,
            extensions={"trace": self._note_socket},
        )
        response = self._client.send(request, stream=not whole)
        if response.status_code != 200:
            with closing(response):
                response.read()
        return response

    def _note_socket(self, event: str, told: dict[str, Any]) -> None:
        """Keep the sockets of new connections.

        Closing a client does not wake a thread that waits for an answer; only shutting its socket
        down does, so `close` has to know the sockets.
        """
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            opened: socket.socket = told["return_value"].get_extra_info("socket")
            self._sockets.add(opened)
            if self._closed.is_set():  # too late for `close` to see this one
                _shut(opened)

    def without_key(self, said: bytes) -> bytes:
        """An answer without the key, as what a server echoes may be shown to other people."""
        if len(self._key) < _SURELY_A_KEY:  # a short one may be part of a number or a word
            return said
        return said.replace(self._key.encode(), _HIDDEN.encode())

    def keyless(self, text: str) -> str:
        """A message without the key, however short the key is."""
        for key in (self._key, repr(self._key)[1:-1]):  # the second for libraries that quote bytes
            text = text.replace(key, _HIDDEN) if key else text
        return text

    def sentence(self, said: bytes) -> str:
        """A server's account of an error, on one line, without the key, and cut."""
        text = said.decode("utf-8", "replace")
        with suppress(ValueError, LookupError, TypeError, RecursionError):
            text = str(json.loads(said)["error"]["message"])
        text = self.keyless(text)[:2000]
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:300]


def _client(https: bool, timeout_s: float, api_key: str) -> httpx.Client:
    """A client that uses exactly the address it is given: no redirects, no proxies, no netrc.

    Certificates are those that the system trusts. Connections stay open for as long as the server
    lets them, one per concurrent thread.
    """
    import httpx

    headers = {
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": "prm-inspector",
        **({"Authorization": f"Bearer {api_key}"} if api_key else {}),
    }
    return httpx.Client(
        headers=headers,
        timeout=httpx.Timeout(timeout_s, connect=_CONNECT_S, pool=None),
        limits=httpx.Limits(keepalive_expiry=None),
        follow_redirects=False,
        trust_env=False,
        verify=ssl.create_default_context() if https else False,  # http has nothing to verify
    )


def _pause_s(attempt: int) -> float:
    """How long to wait after a failure before the request is sent again; attempts count from 0."""
    return min(2.0**attempt, _LONGEST_WAIT_S) * random.uniform(0.5, 1.0)


def _is_nobody(error: BaseException | None) -> bool:
    """Whether nothing listens there, which a retry will not change."""
    while error is not None:
        if isinstance(error, ConnectionRefusedError | socket.gaierror):
            return True
        error = error.__cause__ or error.__context__
    return False


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def completed(futures: Iterable[Future[T]], beat_s: float | None) -> Iterator[Future[T] | None]:
    """The futures as they are done, and None whenever `beat_s` seconds pass without one.

    Between two beats, the caller can leave. An interrupt is obeyed within `_NAP_S` seconds.
    """
    beat_s = math.inf if beat_s is None else beat_s
    waiting, due_s = set(futures), time.monotonic() + beat_s
    while waiting:
        with uninterrupted():
            left_s = max(due_s - time.monotonic(), 0.0)
            done, waiting = wait(waiting, min(left_s, _NAP_S), FIRST_COMPLETED)
        if done:
            yield from done
        elif time.monotonic() >= due_s:
            yield None
        else:
            continue
        due_s = time.monotonic() + beat_s


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C takes effect when the block ends, which must be soon.

    An interrupt inside `concurrent.futures` can leave a lock held that its threads need, and one
    that comes just before a wait without end is only seen when the wait is over.
    """
    usual = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(usual):
        yield  # only the main thread is interrupted
        return
    held: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda *told: held.append(told))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        for told in held[:1]:
            usual(*told)


def served_model(
    endpoint: Endpoint, path: str, model: str, served_as: str | None = None
) -> tuple[str, int]:
    """A model's name on a server, and its context length there, in tokens.

    Args:
        endpoint: the server.
        path: of its list of models.
        model: the name the server was started with.
        served_as: the model's name there, if it differs.

    Raises:
        ModelError: the server has other models.
    """
    try:
        served = json.loads(endpoint.ask(path))["data"]
        roots = {str(one["id"]): str(one.get("root") or one["id"]) for one in served}
        lengths = {str(one["id"]): one.get("max_model_len") for one in served}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ModelError(f"{endpoint.name} does not list its models as vLLM does") from error
    wanted = model if served_as is None else served_as
    same = {wanted, str(Path(wanted).resolve())}  # it may have been started with the same folder
    found = [name for name, root in roots.items() if {name, root, str(Path(root).resolve())} & same]
    if not found:
        has = " and ".join(f"{name!r} (from {root!r})" for name, root in roots.items())
        raise ModelError(
            f"the server at {endpoint.name} has {has or 'no model'}, not {wanted!r}; if it is "
            "the same model, give its name there (--server-model)"
        )
    length = lengths[found[0]]
    return found[0], length if isinstance(length, int) else 2**63

"""The server: what it answers, what it refuses in words, and that it keeps nothing."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import math
import runpy
import socket
import subprocess
import sys
import threading
import time
import types
import warnings
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks import load
from prm_core.errors import BadOptionError, InputError
from prm_core.scoring.load import load_scorer
from prm_core.text.steps import split_steps
from prm_core.types import Candidate
from prm_core.ui import gate, page, sessions
from prm_core.ui.actions import Actions
from prm_core.ui.board import letter
from prm_core.ui.editor import PlaceError, read_draft, split_preview
from prm_core.ui.models import ModelHost
from prm_core.ui.page import Page, build_page, known_hosts, serve
from prm_core.ui.restore import restore
from tests.clock import cpu_seconds
from tests.visiting import PATIENCE_S, Visitor, free_port, probabilities, unpacked

# Gradio leaves its event loop to the collector when it is closed.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ROOT = Path(__file__).parent.parent.parent
DRAFT = {"problem": "2 + 3?", "solutions": ["2 + 3 = 5."], "rule": "auto"}
FILE = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
HALF = "\ud800"


@dataclass(frozen=True)
class Running:
    """A server in this process."""

    url: str
    page: Page
    host: ModelHost
    event: int

    def visitor(self) -> Visitor:
        return Visitor(self.url, self.event)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    host = ModelHost([("own", "default")], device="cpu", public=True)
    shown = build_page(host)
    url = serve(shown, host="127.0.0.1", port=free_port()).rstrip("/")
    (event,) = (
        number
        for number, one in shown.demo.fns.items()
        if any(
            name == "submit" and isinstance(shown.demo.blocks[block], Actions)
            for block, name in one.targets
            if block is not None
        )
    )
    yield Running(url, shown, host, event)
    shown.demo.close()
    del shown
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.unfreeze()
        gc.collect()  # what Gradio leaves open, so that no later test is blamed for it


def test_the_load_benchmark_finds_the_page_s_run(server: Running) -> None:
    assert asyncio.run(load.start(server.url)) == server.event


def until(true: Any) -> None:
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < PATIENCE_S
        time.sleep(0.02)


# --- what it is for -------------------------------------------------------------------------------


def test_answers_are_the_scorer_s_own_whoever_asks_at_the_same_time(server: Running) -> None:
    drafts = [
        (f"What is {n} + 8?", [f"{n} + 8 = {n + 8 + wrong}.\nSo {n}." for wrong in (0, 1)])
        for n in range(100, 112)
    ]
    boards: dict[int, dict[str, Any]] = {}

    def visit(i: int) -> None:
        boards[i] = server.visitor().score(*drafts[i])[0]

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(len(drafts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    scorer = load_scorer(device="cpu", keep_bytes=0)
    for i, (problem, texts) in enumerate(drafts):
        scored = scorer.score([Candidate(problem, split_steps(text)) for text in texts])
        assert boards[i]["problem"] == problem
        for shown, one in zip(probabilities(boards[i]), scored, strict=True):
            assert shown == pytest.approx(one.probabilities, rel=0, abs=1e-6)


def test_a_run_searches_for_no_module(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search through all folders, as Gradio's for matplotlib, takes longer than a message."""
    server.visitor().score("2 + 3?", ["2 + 3 = 5."])
    searched: list[str] = []

    class Witness:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            searched.append(name)

    monkeypatch.setattr(sys, "meta_path", [Witness, *sys.meta_path])
    server.visitor().score("2 + 4?", ["2 + 4 = 6."])
    assert searched == []


def test_a_run_takes_no_thread_to_see_who_is_logged_in(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can be; each change of threads has the model's thread wait."""
    taken: list[str] = []

    async def witness(function: Any, *values: Any, **named: Any) -> Any:
        taken.append(function.__name__)
        return function(*values, **named)

    monkeypatch.setattr("fastapi.dependencies.utils.run_in_threadpool", witness)
    server.visitor().score("2 + 3?", ["2 + 3 = 5."])
    assert taken == []


# --- what it refuses ------------------------------------------------------------------------------

CLOSED = [
    "GET /gradio_api/deep_link?session_hash=x",
    "POST /gradio_api/upload",
    "GET /gradio_api/upload_progress?upload_id=x",
    "GET /gradio_api/dev/reload",
    "GET /gradio_api/openapi.json",
    "GET /openapi.json",
    "GET /docs",
    "GET /redoc",
    "GET /monitoring",
    "GET /monitoring/summary",
    "GET /gradio_api/runs",
    "GET /gradio_api/vibe-code",
    "POST /gradio_api/vibe-edit/",
    "POST /gradio_api/run/predict",
    "POST /gradio_api/api/predict",
    "POST /gradio_api/call/score",
    "GET /gradio_api/call/score/x",
    "POST /gradio_api/stream/x",
    "POST /gradio_api/process_recording",
    "GET /gradio_api/proxy=http://127.0.0.1:1/",
    "GET /gradio_api/token",
    "POST /login",
    "PUT /",
    "DELETE /gradio_api/queue/join",
    "GET /nowhere",
]


@pytest.mark.parametrize("request_line", CLOSED)
def test_what_the_page_does_not_use_is_not_there(server: Running, request_line: str) -> None:
    method, path = request_line.split()
    status, headers, _ = server.visitor().ask(method, path, {} if method != "GET" else None)
    assert status == 404
    assert headers["x-content-type-options"] == "nosniff"


def test_a_page_s_own_addresses_answer_with_the_browser_s_safeguards(server: Running) -> None:
    for path in ("/", "/healthz", "/config", "/theme.css"):
        status, headers, _ = server.visitor().ask("GET", path)
        assert status == 200, path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        policy = dict(one.split(" ", 1) for one in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == policy["frame-ancestors"] == "'self'"
        assert policy["object-src"] == "'none'"


@pytest.mark.parametrize(
    ("changed", "status", "words"),
    [
        ({"fn_index": 10_000}, 400, "not one of the page's events"),
        ({"fn_index": "0"}, 400, "not one of the page's events"),
        ({"fn_index": True}, 400, "not one of the page's events"),
        ({"fn_index": None}, 400, "not one of the page's events"),
        ({"data": [DRAFT]}, 400, "a list of 2 values"),
        ({"data": []}, 400, "a list of 2 values"),
        ({"data": "two"}, 400, "a list of 2 values"),
        ({"anything": 1}, 400, "'anything', which the page does not send"),
        ({"event_id": "x"}, 400, "'event_id'"),
        ({"oauth_token": "x"}, 400, "'oauth_token'"),
        ({"event_data": {"x": 1}}, 400, "no event_data"),
        ({"trigger_id": [1]}, 400, "trigger_id"),
        ({"data": [FILE, "default"]}, 400, "takes no files"),
        ({"data": [{**DRAFT, "solutions": [FILE]}, "default"]}, 400, "takes no files"),
        ({"data": [DRAFT, FILE]}, 400, "takes no files"),
        ({"session_hash": "../x"}, 400, "names no session"),
        ({"session_hash": None}, 400, "names no session"),
        ({"session_hash": "x" * 65}, 400, "names no session"),
    ],
)
def test_a_forged_request_is_told_why(
    server: Running, changed: dict[str, Any], status: int, words: str
) -> None:
    got, said = server.visitor().join([DRAFT, "default"], **changed)
    assert got == status
    assert words in said


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"nothing",
        b"[" * 100_000,
        b'{"data":' * 900 + b"1" + b"}" * 900,
        b'{"x": [' + b"[]," * 100_000 + b"[]]}",
        b'{"data": ' + b"9" * 5000 + b"}",
        b"\xff{}",
    ],
)
def test_what_is_no_request_is_refused(server: Running, body: bytes) -> None:
    status, _, said = server.visitor().ask("POST", "/gradio_api/queue/join", body)
    assert status == 400
    assert json.loads(said)["detail"].startswith("The request ")


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        (None, "the request has no problem, solutions and rule"),
        ({"problem": 1}, "the request has no problem, solutions and rule"),
        ({**DRAFT, "solutions": [1]}, "the request has no problem, solutions and rule"),
        ({**DRAFT, "rule": "x"}, "x"),
        ({**DRAFT, "rule": "separator:" + "\n" * 100_000}, "at most 100"),
        ({**DRAFT, "rule": f"separator:{HALF}"}, "separator contains an unpaired surrogate"),
        ({**DRAFT, "rule": HALF}, "not known"),
    ],
)
def test_a_forged_draft_is_told_why(server: Running, draft: object, words: str) -> None:
    visitor = server.visitor()
    status, said = visitor.join([draft, "default"])
    assert status == 200, said
    with visitor.messages() as messages:
        (last,) = (one for one in messages if one["msg"] == "process_completed")
    assert words in last["output"]["data"][1]["issues"][0]["text"]


def test_a_problem_that_the_model_cannot_read_is_told_once_and_at_its_place(
    server: Running,
) -> None:
    """Our own model knows no Arabic."""
    board, actions = server.visitor().score("ما هو ناتج الضرب؟", ["7 × 8 = 56.", "7 × 8 = 54."])
    assert (board["status"], board["message"]) == ("failed", page.NO_PROBLEM)
    (issue,) = actions["issues"]
    assert issue["where"] == "problem"
    assert issue["text"].startswith("The problem cannot be judged: this model's tokenizer")
    board, actions = server.visitor().score("What is 7 × 8?", ["7 × 8 = 56.", "הכפל"])
    (issue,) = actions["issues"]
    assert issue["where"] == 1
    assert issue["text"].startswith("Step 1 of solution B cannot be judged")
    assert board["status"] == "done"


OWN = 0.54  # the default model's threshold, as its card says


@pytest.mark.parametrize(
    ("asked", "threshold"),
    [(0.9, 0.9), (0, 0.0), (None, OWN), (True, OWN), ("0.9", OWN), (1.5, OWN), (math.nan, OWN)],
)
def test_a_run_keeps_the_visitor_s_threshold(
    server: Running, asked: object, threshold: float
) -> None:
    visitor = server.visitor()
    assert visitor.join([{**DRAFT, "threshold": asked}, "default"]) == (200, "")
    with visitor.messages() as messages:
        *_, last = (one for one in messages if one["msg"] == "process_completed")
    board = unpacked(last["output"]["data"][0])
    assert (board["threshold"], board["own"]) == (threshold, OWN)
    (one,) = board["candidates"]
    assert (one["first_error"] is None) == (min(probabilities(board)[0]) >= threshold)


@pytest.mark.parametrize("line", [HALF, f"owner/{HALF}", f"default --dtype {HALF}"])
def test_a_model_s_name_may_hold_what_cannot_be_sent(server: Running, line: str) -> None:
    board, _ = server.visitor().score("2 + 3?", ["2 + 3 = 5."], model=line)
    assert (board["status"], "\N{REPLACEMENT CHARACTER}" in board["model"]) == ("failed", True)


def test_components_answer_whatever_they_are_asked(server: Running) -> None:
    for name, data in (
        ("split_preview", {"texts": ["a"], "rule": f"separator:{HALF}"}),
        ("split_preview", {"texts": [HALF], "rule": "auto"}),
        ("check_model", f"/{HALF}"),
        ("check_model", "x" * 5000),
    ):
        status, said = ask(server, name, data)
        assert status == 200, said


def test_a_request_of_many_texts_is_refused_at_once() -> None:
    body = b'{"data": [' + b'""' * 5_000_000

    def read() -> None:
        with pytest.raises(gate.RefusedError, match="more than 1,000 parts"):
            gate._json(body)

    assert cpu_seconds(read) < 0.1


def test_the_largest_draft_is_let_in(server: Running) -> None:
    draft = {"problem": "p", "solutions": ["2 + 3 = 5."] * 64, "rule": "auto", "gold": "5"}
    draft |= {"letters": [letter(i) for i in range(64)], "kept": json.dumps([None] * 64)}
    assert server.visitor().join([draft, "default"]) == (200, "")


def test_a_session_that_is_none_is_told_in_the_stream_and_not_in_the_log(
    server: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), server.visitor().messages() as messages:
        assert [one["session_not_found"] for one in messages] == [True]
    assert caplog.text == ""


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", ""])
def test_only_json_is_read(server: Running, kind: str) -> None:
    """A form on another page may send the other kinds without asking."""
    for path in ("queue/join", "component_server/", "cancel"):
        status, _, said = server.visitor().ask(
            "POST", f"/gradio_api/{path}", {"session_hash": "x"}, Content_Type=kind
        )
        assert (status, "application/json" in said.decode()) == (415, True)


def test_a_forged_cancel_is_told_why(server: Running) -> None:
    good = {"session_hash": "x", "fn_index": server.event, "event_id": "y"}
    for changed in ({"fn_index": [1]}, {"fn_index": None}, {"event_id": 5}, {"more": 1}):
        status, _, said = server.visitor().ask("POST", "/gradio_api/cancel", good | changed)
        assert (status, json.loads(said)["detail"][:11]) == (400, "The request")


def test_requests_that_never_arrive_keep_nobody_out(server: Running) -> None:
    """What they announce is nothing that the server holds."""
    host = server.url.removeprefix("http://")
    most = gate.MOST_BYTES[gate.JOIN]
    n_open, rest = divmod(gate.MOST_HELD, most)
    open_ones = []
    try:
        for length in [most] * n_open + [rest - 10]:
            open_ones.append(socket.create_connection((host.split(":")[0], int(host[-5:]))))
            open_ones[-1].sendall(
                f"POST /gradio_api/queue/join HTTP/1.1\r\nHost: {host}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{{".encode()
            )
        time.sleep(0.2)
        assert server.visitor().score("2 + 3?", ["2 + 3 = 5."])[0]["status"] == "done"
    finally:
        for one in open_ones:
            one.close()


def test_a_request_has_a_time_to_arrive(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "BODY_S", 0.2)
    host = server.url.removeprefix("http://")
    with socket.create_connection((host.split(":")[0], int(host[-5:]))) as sock:
        sock.settimeout(PATIENCE_S)
        sock.sendall(
            f"POST /gradio_api/queue/join HTTP/1.1\r\nHost: {host}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
        )
        assert sock.recv(4096).startswith(b"HTTP/1.1 408")


def test_no_more_is_held_at_once_than_is_said(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "MOST_HELD", 1_000)
    status, said = server.visitor().join([{**DRAFT, "problem": "x" * 2_000}, "default"])
    assert (status, "try again in a moment" in said) == (503, True)
    assert server.visitor().score("2 + 3?", ["2 + 3 = 5."])[0]["status"] == "done"


def test_a_large_request_is_refused_before_it_is_read(server: Running) -> None:
    for path, length in (
        ("queue/join", 50_000_000),
        ("queue/join", 10**15),
        ("component_server/", 50_000_000),
        ("cancel", 10_000),
    ):
        with socket.create_connection((server.url[7:].split(":")[0], int(server.url[-5:]))) as sock:
            sock.settimeout(PATIENCE_S)
            host = server.url.removeprefix("http://")
            sock.sendall(
                f"POST /gradio_api/{path} HTTP/1.1\r\nHost: {host}\r\n"
                f"Content-Length: {length}\r\n\r\n{{".encode()  # and never the rest
            )
            said = sock.recv(4096).decode()
        assert said.startswith("HTTP/1.1 413"), said
    status, _, said_chunked = server.visitor().ask(
        "POST", "/gradio_api/queue/join", iter_chunks(), Transfer_Encoding="chunked"
    )
    assert (status, b"Content-Length" in said_chunked) == (411, True)


def test_only_a_file_may_be_larger_than_a_preview(server: Running) -> None:
    text = "x" * 3_000_000
    functions = {
        name: number
        for number, block in server.page.demo.blocks.items()
        for name in block.get_config().get("server_fns", [])
    }
    for name, data, wanted in (
        ("open_file", {"name": "x.jsonl", "contents": text}, 200),
        ("split_preview", {"texts": [text], "rule": "auto"}, 413),
        ("restore", text, 413),
        (["open_file"], text, 413),
    ):
        number = functions[name if isinstance(name, str) else "open_file"]
        asked = {"data": data, "component_id": number, "fn_name": name, "session_hash": "x"}
        status, _, said = server.visitor().ask("POST", "/gradio_api/component_server/", asked)
        assert status == wanted, said


def test_a_public_page_fetches_nothing_from_the_hub(server: Running) -> None:
    names = {
        name
        for block in server.page.demo.blocks.values()
        for name in block.get_config().get("server_fns", [])
    }
    assert "open_file" in names
    assert "open_hub" not in names


def iter_chunks() -> bytes:
    return b"5\r\n12345\r\n0\r\n\r\n"


def test_bad_questions_of_components_are_refused(server: Running) -> None:
    asked = {"data": "default", "component_id": 1, "fn_name": "state", "session_hash": "x"}
    for changed, status in (
        ({}, 404),
        ({"component_id": "1"}, 404),
        ({"component_id": 10_000, "fn_name": "model_state"}, 404),
        ({"fn_name": ["model_state"]}, 404),
        ({"more": 1}, 400),
        ({"session_hash": 5}, 400),
    ):
        got, _, said = server.visitor().ask(
            "POST", "/gradio_api/component_server/", asked | changed
        )
        assert got == status, said


# --- whose name it answers to ---------------------------------------------------------------------


def test_a_foreign_name_is_not_answered_to(server: Running) -> None:
    visitor = server.visitor()
    for headers in (
        {"Host": "evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "evil.example@localhost"},
        {"X_Forwarded_Host": "evil.example"},
        {"X_Forwarded_Host": "localhost, evil.example"},
        {"X_Gradio_Server": "http://evil.example"},
    ):
        status, _, said = visitor.ask("GET", "/", **headers)
        assert status == 400, headers
        assert b'"root"' not in said
    assert visitor.ask("GET", "/", Host="localhost:80")[0] == 200
    assert visitor.ask("GET", "/", Host="[::1]:80")[0] == 200
    status, _, said = visitor.ask("GET", "/", Host="evil.example")
    assert "PRM_INSPECTOR_HOSTS" in json.loads(said)["detail"]


def test_another_page_s_requests_are_refused(server: Running) -> None:
    visitor = server.visitor()
    for origin in ("http://evil.example", "null", "http://10.0.0.1", "http://127.0.0.1:1"):
        for path in ("queue/join", "component_server/", "cancel"):
            status, _, _ = visitor.ask("POST", f"/gradio_api/{path}", {}, Origin=origin)
            assert status in ({403} if origin != "http://127.0.0.1:1" else {400, 404}), origin


@pytest.mark.parametrize(
    ("listens", "names", "asked", "known"),
    [
        ("127.0.0.1", [], "127.0.0.1:7860", True),
        ("127.0.0.1", [], "10.0.0.5:7860", False),
        ("127.0.0.1", [], "prm.example.org", False),
        ("127.0.0.1", ["prm.example.org"], "PRM.example.org:443", True),
        ("127.0.0.1", ["*.example.org"], "a.example.org", True),
        ("127.0.0.1", ["*.example.org"], "example.org.evil", False),
        ("0.0.0.0", [], "10.0.0.5:7860", True),
        ("0.0.0.0", [], "[fe80::1]:7860", True),
        ("0.0.0.0", [], "evil.example", False),
        ("0.0.0.0", ["*"], "any.example", True),
        ("0.0.0.0", ["*"], "a b", False),
        ("0.0.0.0", ["*"], "", False),
    ],
)
def test_names_are_known_by_the_address_and_the_setting(
    listens: str, names: list[str], asked: str, known: bool
) -> None:
    assert known_hosts(listens, names).know(asked) is known


# --- that it keeps nothing ------------------------------------------------------------------------


def holders(needle: str) -> list[str]:
    """What holds a text in this process, found from everything that the collector tracks."""
    gc.unfreeze()  # caches among it, which are as old as their modules
    gc.collect()
    found: list[str] = []
    seen: set[int] = set()
    waiting: list[object] = [one for one in gc.get_objects() if type(one) is not types.FrameType]
    while waiting:
        holder = waiting.pop()
        for one in gc.get_referents(holder):
            if type(one) in (str, bytes):
                text = one if isinstance(one, str) else one.decode("utf-8", "replace")
                if needle in text:
                    found.append(type(holder).__name__)
            elif type(one) in (dict, tuple, list) and id(one) not in seen:
                seen.add(id(one))
                if not gc.is_tracked(one):
                    waiting.append(one)
    return found


def test_nothing_of_a_run_is_left(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "READER_S", 0.2)
    backwards = "noitide tsrif ,yranac"

    def visit() -> str:
        word = backwards[::-1]
        board, _ = server.visitor().score(f"What of {word}?", [f"{word} is 5.", f"No, {word} 6."])
        assert word in board["problem"]
        # One whose messages nobody reads, and one that is refused.
        unread = server.visitor()
        assert unread.join([{**DRAFT, "problem": word}, "default"])[0] == 200
        server.visitor().join([{**DRAFT, "solutions": [word, 1]}, "default"])
        # In every other field, and in what the components are asked.
        kept = json.dumps([{"model_id": word, "steps": [word], "probabilities": [0.5]}])
        server.visitor().score("2 + 3?", ["2 + 3 = 5."], model=word)
        odd = {**DRAFT, "gold": word, "kept": kept, "rule": f"separator:{word}", word: word}
        full = server.visitor()
        answers = [f"{text} {word}\nThe answer is {text} {word}." for text in ("3 kg", "x =")]
        assert full.join([{**odd, "solutions": answers}, "default"])[0] == 200
        with full.messages() as messages:
            assert any(word in json.dumps(one) for one in messages)
        for name in ("split_preview", "restore", "check_model", "model_state"):
            for data in (word, {"texts": [word], "rule": f"separator:{word}"}, [word]):
                ask(server, name, data)
        return unread.session

    visit()
    queue = server.page.demo._queue
    until(lambda: not queue.pending_messages_per_session and not queue.event_ids_to_events)
    assert holders(backwards[::-1]) == []
    assert not server.host.line._sessions
    kept = ForgetfulCheck.texts(server)
    assert backwards[::-1] not in kept


def ask(server: Running, name: str, data: object) -> tuple[int, bytes]:
    """A question of one of the page's components."""
    (number,) = (
        number
        for number, one in server.page.demo.blocks.items()
        if name in one.get_config().get("server_fns", [])
    )
    asked = {"component_id": number, "fn_name": name, "data": data, "session_hash": "x"}
    status, _, said = server.visitor().ask("POST", "/gradio_api/component_server/", asked)
    return status, said


class ForgetfulCheck:
    """What Gradio would write into a shared view."""

    @staticmethod
    def texts(server: Running) -> str:
        app: Any = server.page.demo.app
        assert not app.state_holder.session_data
        return str(list(app.state_holder["any"].components))


def test_a_run_that_nobody_reads_ends(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "READER_S", 0.3)
    visitor = server.visitor()
    solutions = ["\n".join(f"{i} + {n} = {i + n}." for i in range(100)) for n in range(64)]
    assert visitor.join([{**DRAFT, "solutions": solutions}, "default"])[0] == 200
    until(lambda: visitor.session in server.host.line._sessions)
    until(lambda: visitor.session not in server.host.line._sessions)
    until(lambda: visitor.session not in server.page.demo._queue.pending_messages_per_session)


def test_what_a_run_said_waits_for_its_reader_whatever_ended_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A session's earlier run ended long enough ago; its last one only now."""
    ended = types.SimpleNamespace(session_hash="one")  # it was cancelled in its last moment
    queue = types.SimpleNamespace(
        event_ids_to_events={"a run": ended},
        event_queue_per_concurrency_id={"model": types.SimpleNamespace(queue=[])},
        active_jobs=[None],
        pending_messages_per_session={"one": ["a result"]},
        pending_event_ids_session={"one": {"a run"}},
    )
    readers = sessions.Readers(types.SimpleNamespace(_queue=queue))  # type: ignore[arg-type]

    async def run() -> None:
        monkeypatch.setattr(sessions, "READER_S", 0.0)
        readers.drop_soon("one")
        monkeypatch.setattr(sessions, "READER_S", PATIENCE_S)
        readers.drop_soon("one")
        await asyncio.sleep(0.05)
        assert queue.pending_messages_per_session == {"one": ["a result"]}
        monkeypatch.setattr(sessions, "READER_S", 0.0)
        readers.drop_soon("one")
        await asyncio.sleep(0.05)
        assert not queue.pending_messages_per_session
        assert not queue.pending_event_ids_session
        assert not queue.event_ids_to_events

    asyncio.run(run())


def test_a_run_that_is_cancelled_before_anybody_reads_leaves_nothing(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "READER_S", 0.3)
    queue = server.page.demo._queue
    for pause in (0.0, 0.0, 0.002, 0.004, 0.008, 0.016, 0.03):
        visitor = server.visitor()
        visitor.join([DRAFT, "default"])
        time.sleep(pause)
        cancel = {"session_hash": visitor.session, "fn_index": server.event, "event_id": "x"}
        assert visitor.ask("POST", "/gradio_api/cancel", cancel)[0] == 200
    until(lambda: not queue.pending_messages_per_session and not queue.event_ids_to_events)
    assert not queue.pending_event_ids_session


def test_many_sessions_leave_as_much_as_few(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "READER_S", 0.2)

    def visit(times: int) -> int:
        for _ in range(times):
            server.visitor().score("2 + 3?", ["2 + 3 = 5."])
        queue = server.page.demo._queue
        until(lambda: not queue.pending_messages_per_session and not queue.event_ids_to_events)
        gc.collect()
        return len(gc.get_objects())

    visit(5)
    few = visit(5)
    many = visit(40)
    assert many - few < 40 * 20  # a session of Gradio's own took hundreds of objects


def test_the_log_never_says_what_a_visitor_wrote(
    server: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> AsyncGenerator[None]:
        raise ValueError("the text was: my secret")
        yield None

    monkeypatch.setattr(ModelHost, "watch", broken)
    with caplog.at_level(logging.DEBUG):
        board, _ = server.visitor().score("my secret", ["my secret"])
    assert "Unexpected error" in board["message"]
    assert "ValueError" in caplog.text
    assert "page.py" in caplog.text
    assert "secret" not in caplog.text
    monkeypatch.setattr(Visitor, "score", None)
    monkeypatch.setattr(gate.Gate, "_answer", broken_answer)
    caplog.clear()
    status, _, said = server.visitor().ask("GET", "/healthz")
    assert (status, "log says where" in said.decode()) == (500, True)
    assert "secret" not in caplog.text + said.decode()


async def broken_answer(*_: object) -> None:
    raise ValueError("my secret")


# --- the line -------------------------------------------------------------------------------------


def test_whoever_comes_at_the_same_time_gets_a_place(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as the line takes, sent before Gradio looks for the first."""
    monkeypatch.setattr(server.page.demo._queue, "sleep_when_free", 3.0)
    time.sleep(0.1)
    host = server.url.removeprefix("http://")
    visitors = [server.visitor() for _ in range(150)]
    sockets = []
    for one in visitors:
        body = json.dumps(
            {"data": [DRAFT, "default"], "fn_index": server.event, "session_hash": one.session}
        )
        sockets.append(socket.create_connection((host.split(":")[0], int(host[-5:]))))
        sockets[-1].sendall(
            f"POST /gradio_api/queue/join HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            f"{body[:-1]}".encode()
        )
    for sock in sockets:
        sock.sendall(b"}")
    said = []
    for sock in sockets:
        sock.settimeout(PATIENCE_S)
        said.append(sock.recv(15))
        sock.close()
    assert set(said) == {b"HTTP/1.1 200 OK"}


def test_a_session_may_wait_with_two_runs(server: Running) -> None:
    visitor = server.visitor()
    solutions = ["\n".join(f"{i} + {n} = {i + n}." for i in range(40)) for n in range(32)]
    draft = {**DRAFT, "solutions": solutions}
    for _ in range(4):
        assert visitor.join([draft, "default"])[0] == 200
    said = []
    with visitor.messages() as messages:
        for message in messages:
            if message["msg"] == "process_completed":
                said.append(message["output"]["data"][1]["message"])
                break
    assert said == [""]  # the fourth, at once; its board says why


def test_small_runs_pass_a_large_one(server: Running) -> None:
    """They wait for packs of it, and not for its end."""
    solutions = ["\n".join(f"{i} + {n} = {i + n}." for i in range(40)) for n in range(32)]
    large = server.visitor()
    assert large.join([{**DRAFT, "solutions": solutions}, "default"])[0] == 200
    with large.messages() as messages:
        first = next(one for one in messages if one["msg"] == "process_generating")
        assert unpacked(first["output"]["data"][0])["status"] == "running"
        done: list[str] = []

        def small(number: int) -> None:
            server.visitor().score(f"{number} + 1?", [f"{number} + 1 = {number + 1}."])
            done.append("small")

        threads = [threading.Thread(target=small, args=(n,)) for n in range(10)]
        for thread in threads:
            thread.start()
        last: dict[str, Any] = {}
        for message in messages:
            if message["msg"] == "process_completed":
                done.append("large")
                last = unpacked(message["output"]["data"][0])
        for thread in threads:
            thread.join()
    assert done == ["small"] * 10 + ["large"]
    scorer = load_scorer(device="cpu", keep_bytes=0)
    scored = scorer.score([Candidate("2 + 3?", split_steps(text)) for text in solutions])
    for shown, one in zip(probabilities(last), scored, strict=True):
        assert shown == pytest.approx(one.probabilities, rel=0, abs=1e-6)


# --- previews -------------------------------------------------------------------------------------


def test_previews_are_one_a_session_and_two_in_all() -> None:
    async def run() -> tuple[int, dict[str, int], list[str]]:
        previews = gate.Previews()
        now, most, most_own, log = 0, 0, dict[str, int](), list[str]()
        own = dict[str, int]()

        async def ask(session: str, number: int) -> None:
            async def work() -> None:
                nonlocal now, most
                now += 1
                own[session] = own.get(session, 0) + 1
                most = max(most, now)
                most_own[session] = max(most_own.get(session, 0), own[session])
                await asyncio.sleep(0.01)
                log.append(f"{session}{number}")
                now -= 1
                own[session] -= 1

            if not await previews.run(session, work):
                log.append(f"{session}{number} passed over")

        await asyncio.gather(*(ask(s, n) for n in range(4) for s in "abcd"))
        assert not previews._own
        assert not previews._newest
        return most, most_own, log

    most, most_own, log = asyncio.run(run())
    assert most == 2
    assert set(most_own.values()) == {1}
    for session in "abcd":  # the first ran, the newest ran, those between were passed over
        assert {f"{session}0", f"{session}3"} <= set(log)
        assert {f"{session}{n} passed over" for n in (1, 2)} <= set(log)


def test_a_preview_that_is_passed_over_is_no_error(server: Running) -> None:
    """Browsers write failed requests to the console, and nothing has failed."""
    texts = ["a line of it\n" * 7_000] * 8
    with ThreadPoolExecutor(8) as pool:
        replies = list(
            pool.map(
                lambda _: ask(server, "split_preview", {"texts": texts, "rule": "line"}), range(8)
            )
        )
    assert {status for status, _ in replies} == {200}
    said = [json.loads(reply) for _, reply in replies]
    previews = [one for one in said if one is not None]
    assert previews
    assert all(len(one) == 8 for one in previews)


def test_a_preview_is_bounded() -> None:
    texts = ["a line\n" * 20_000] * 8  # 1.1 million characters
    previews = split_preview({"texts": texts, "rule": "line"})
    assert [(one["steps"], one["large"]) for one in previews] == [([], True)] * 8
    assert [len(one["steps"]) for one in split_preview({"texts": texts[:2], "rule": "line"})] == [
        20_000,
        20_000,
    ]


def test_the_longest_traces_are_drawn_again_at_once() -> None:
    """Whoever reloads has them drawn; the work grows with the steps, not with their square."""
    steps = [f"{i} + {i} = {2 * i}." for i in range(4_900)]
    scores = {"model_id": "m", "steps": steps, "probabilities": [0.6] * 4_900}
    scores["log_odds"] = [0.4] * 4_900
    row = {"source": "x", "cut": "auto", "error": "", "scores": scores}
    words = ("problem", "model", "model_line", "model_note", "message")
    results = dict.fromkeys(words, "x") | {"rule": "auto", "gold": None, "threshold": 0.5}
    results |= {"status": "done", "candidates": [row | {"letter": letter} for letter in "ABCD"]}
    began = time.thread_time()
    board = restore(json.dumps(results))
    assert board is not None
    assert time.thread_time() - began < 5.0
    assert list(map(len, probabilities(board))) == [4_900] * 4


def test_a_separator_is_bounded() -> None:
    read_draft({**DRAFT, "rule": "separator:" + "x" * 100})
    with pytest.raises(PlaceError, match="separator has 101 characters; at most 100") as raised:
        read_draft({**DRAFT, "rule": "separator:" + "x" * 101})
    assert raised.value.where == "rule"


# --- whom it serves -------------------------------------------------------------------------------


def test_a_public_server_runs_its_list_and_asks_no_stranger_s_server() -> None:
    own = [("own", "default"), ("far", "a/b --server http://127.0.0.1:1")]
    closed = ModelHost(own, public=True)
    opened = ModelHost(own, public=True, listed_only=False)
    for line in ("a/b", "/etc", "x --server http://127.0.0.1:1/", 'x --ser"ver" http://127.0.0.1'):
        with pytest.raises(InputError, match="only the models in its list"):
            closed.refuse(line)
    opened.refuse("a/b")
    for line in ("x --server http://127.0.0.1:1/", 'x --ser"ver" http://127.0.0.1', "x --server=y"):
        with pytest.raises(BadOptionError, match="PRM_INSPECTOR_MODEL"):
            opened.scorer(line)
    for host in (closed, opened):
        host.refuse(own[1][1])
    with pytest.raises(InputError, match=r"have 1,001 characters; at most 1,000"):
        opened.refuse("x" * 1001)


def test_the_page_starts_where_its_first_answer_takes_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Gradio asks for the page when it starts, and gives up after three seconds."""
    monkeypatch.setattr("gradio.networking.url_ok", lambda url: False)
    shown = build_page(ModelHost([("own", "default")], device="cpu"))
    try:
        url = serve(shown, host="127.0.0.1", port=free_port()).rstrip("/")
        assert Visitor(url, 0).ask("GET", "/healthz")[0] == 200
    finally:
        shown.demo.close()


@pytest.mark.parametrize("port", ["x", "", "-1", "0", "65536"])
def test_what_is_no_port_is_said(
    port: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", port)
    assert runpy.run_path(str(ROOT / "app.py"), run_name="app")["launch"]() == 1
    assert capsys.readouterr().err == f"PORT is {port!r}; give a number such as 7860\n"


def test_the_app_lets_others_in_with_care(tmp_path: Path) -> None:
    port = free_port()
    environment = {"PATH": "/usr/bin:/bin", "HOST": "0.0.0.0", "PORT": str(port)}
    log = tmp_path / "log"
    with log.open("w") as out:
        app = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=out, stderr=out
        )
        try:
            until(lambda: "models in its list only" in log.read_text() or app.poll() is not None)
            visitor = Visitor(f"http://127.0.0.1:{port}", 0)
            status, _, said = visitor.ask("GET", "/config")
            assert status == 200, log.read_text()
            event = next(
                one["id"]
                for one in json.loads(said)["dependencies"]
                if any(name == "submit" for _, name in one["targets"])
            )
            _, actions = Visitor(f"http://127.0.0.1:{port}", event).score(
                "2 + 3?", ["2 + 3 = 5."], model=str(tmp_path)
            )
            (issue,) = actions["issues"]
            assert issue["where"] == "model"
            assert "only the models in its list" in issue["text"]
        finally:
            app.terminate()
            app.wait(timeout=30)


def test_names_of_any_length_are_a_sentence() -> None:
    host = ModelHost([("own", "default")])
    for name in ("x" * 256, "owner/" + "y" * 300, "/" + "z" * 900):
        with pytest.raises(Exception, match="neither a folder here nor the name of a repository"):
            host.scorer(name).result(60)

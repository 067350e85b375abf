"""The endpoints for programs: what they answer, and that they open nothing else."""

from __future__ import annotations

import json
import logging
import re
import runpy
import shutil
import subprocess
import threading
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.text.steps import split_steps
from prm_core.types import Candidate
from prm_core.ui import sessions
from prm_core.ui.api import add_api
from prm_core.ui.models import ModelHost
from prm_core.ui.page import Page, build_page, serve
from tests.visiting import Visitor, free_port

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ROOT = Path(__file__).parents[2]
PROBLEM = "What is 8 × 3?"
RIGHT, WRONG = "8 × 3 = 24.\nThe answer is 24.", "8 × 3 = 21.\nThe answer is 21."
NAMES = {"score", "rank", "split", "answers", "models"}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Page, str]]:
    """A page of one's own, which would load any directory, and its address."""
    host = ModelHost([("own", "default"), ("far", "secret/path")], device="cpu")
    page = build_page(host, add_api)
    yield page, serve(page, host="127.0.0.1", port=free_port()).rstrip("/")
    page.demo.close()


@pytest.fixture(scope="module")
def client(server: tuple[Page, str]) -> Iterator[Client]:
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        client = Client(server[1], verbose=False)
        yield client
        client.close()


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The model answers when this is set."""
    go_on = threading.Event()
    score = Scorer.stream

    def slow(self: Scorer, *args: Any, **options: Any) -> Any:
        go_on.wait(60)
        return score(self, *args, **options)

    monkeypatch.setattr(Scorer, "stream", slow)
    return go_on


def call(url: str, name: str, *data: object) -> tuple[str, Any]:
    """An endpoint as curl calls it: how it ends ("complete" or "error"), and what it says."""
    visitor = Visitor(url, 0)
    status, _, said = visitor.ask("POST", f"/gradio_api/call/{name}", {"data": list(data)})
    if status != 200:
        return str(status), json.loads(said)["detail"]
    event = json.loads(said)["event_id"]
    _, _, stream = visitor.ask("GET", f"/gradio_api/call/{name}/{event}")
    last = stream.decode().strip().split("\n\n")[-1]
    kind, data_line = last.split("\n", 1)
    value = json.loads(data_line.removeprefix("data: "))
    return kind.removeprefix("event: "), value[0] if isinstance(value, list) else value


def test_scores_are_the_model_s_own_both_ways(server: tuple[Page, str], client: Client) -> None:
    scorer = load_scorer(device="cpu")
    wanted = scorer.score([Candidate(PROBLEM, split_steps(text)) for text in (RIGHT, WRONG)])
    kind, curled = call(server[1], "score", PROBLEM, [RIGHT, WRONG, ""], "auto", "min", "")
    assert kind == "complete"
    asked = client.predict(PROBLEM, [RIGHT, WRONG, ""], api_name="/score")
    for found in (curled, asked):
        *scored, blank = found["solutions"]
        assert "no steps" in blank["error"]
        for one, other in zip(scored, wanted, strict=True):
            got = [step["probability"] for step in one["steps"]]
            assert got == pytest.approx(other.probabilities, abs=1e-6)
            assert one["first_error"] == other.first_error(scorer.threshold)
        assert [one["answer"] for one in scored] == ["24", "21"]


def test_the_other_endpoints_answer(client: Client) -> None:
    ranked = client.predict(PROBLEM, [WRONG, "", RIGHT], aggregation="mean", api_name="/rank")
    assert [place["index"] for place in ranked["ranking"]] == [2, 0]
    assert list(ranked["errors"]) == ["1"]
    cut = client.predict([RIGHT, "One. Two."], steps="sentence", api_name="/split")
    assert cut["solutions"][1] == {"rule": "sentence", "steps": ["One.", "Two."]}
    found = client.predict([RIGHT, WRONG, "Hm."], gold="24", api_name="/answers")["solutions"]
    assert [one["correct"] for one in found] == [True, False, False]
    listed = client.predict(api_name="/models")
    assert listed["models"] == ["own", "far"]
    assert "secret" not in json.dumps(listed)


def test_they_are_described_and_nothing_else_is(server: tuple[Page, str]) -> None:
    visitor = Visitor(server[1], 0)
    info = json.loads(visitor.ask("GET", "/gradio_api/info")[2])
    assert {name.strip("/") for name in info["named_endpoints"]} == NAMES
    for one in info["named_endpoints"].values():
        assert one["description"]
        assert all(given["parameter_name"] != "request" for given in one["parameters"])
    assert visitor.ask("HEAD", "/gradio_api/openapi.json")[0] == 200
    status, _, said = visitor.ask("GET", "/gradio_api/openapi.json")
    assert status == 200
    paths = json.loads(said)["paths"]
    wanted = {f"/gradio_api/call/v2/{name}" for name in NAMES}
    assert set(paths) == wanted | {f"/gradio_api/call/{name}/{{event_id}}" for name in NAMES}
    for path in wanted:  # they are there: 400 and not 404
        assert visitor.ask("POST", path, {"no such": 1})[0] == 400


def test_values_have_names_as_the_schema_says(server: tuple[Page, str]) -> None:
    visitor = Visitor(server[1], 0)

    def post(name: str, body: object) -> tuple[int, Any]:
        status, _, said = visitor.ask("POST", f"/gradio_api/call/v2/{name}", body)
        return status, json.loads(said)

    status, begun = post("split", {"solutions": ["One. Two."], "steps": "sentence"})
    assert status == 200
    path = f"/gradio_api/call/split/{begun['event_id']}"
    assert '"steps": ["One.", "Two."]' in visitor.ask("GET", path)[2].decode()
    status, begun = post("score", {"solutions": [WRONG], "problem": PROBLEM})  # the rest by default
    assert status == 200
    path = f"/gradio_api/call/score/{begun['event_id']}"
    assert '"first_error": 0' in visitor.ask("GET", path)[2].decode()
    assert (
        post("score", {"problem": PROBLEM})[1]["detail"] == "The endpoint score needs 'solutions'."
    )
    said = post("split", {"solutions": [RIGHT], "request": {}})[1]["detail"]
    assert said == "The endpoint split has no parameter 'request'."


def test_a_program_is_told_which_value_is_over_which_limit(client: Client) -> None:
    for solutions, words in (
        ([RIGHT] * 65, "There are 65 solutions; at most 64 can be compared."),
        (["x" * 200_001], "Solution A has 200,001 characters; at most 200,000 are read."),
        (["x" * 190_000] * 11, "have 2,090,014 characters together; at most 2,000,000"),
    ):
        with pytest.raises(AppError, match=re.escape(words)):
            client.predict(PROBLEM, solutions, api_name="/rank")
    with pytest.raises(AppError, match="have 450,000 characters; at most 400,000"):
        client.predict(["x" * 150_000] * 3, api_name="/split")
    with pytest.raises(AppError, match="at most 1,000 characters and has 1,001"):
        client.predict([RIGHT], "2" * 1_001, api_name="/answers")


def test_one_address_has_the_turns_of_one_visitor(
    server: tuple[Page, str], held: threading.Event
) -> None:
    """However many calls it makes, each of which is a session of its own to Gradio."""
    with ThreadPoolExecutor(6) as pool:
        data = [PROBLEM, [RIGHT], "auto", "min", ""]
        calls = [pool.submit(call, server[1], "score", *data) for _ in range(6)]
        ends = time.monotonic() + 20
        # One has the model and two wait; the others are refused at once.
        while sum(one.done() for one in calls) < 3 and time.monotonic() < ends:
            time.sleep(0.05)
        held.set()
        kinds = Counter(one.result()[0] for one in calls)
    assert kinds == {"complete": 3, "error": 3}
    refused = [said for kind, said in (one.result() for one in calls) if kind == "error"]
    assert all("3 runs of yours are under way" in str(said) for said in refused)


def test_equal_solutions_are_judged_once_and_are_level(
    server: tuple[Page, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apart they would differ in the last digits, and one would rank before the other."""
    judged: list[list[tuple[str, ...]]] = []
    watch = ModelHost.watch

    def seen(host: ModelHost, place: Any, scorer: Any, candidates: list[Candidate]) -> Any:
        judged.append([one.steps for one in candidates])
        return watch(host, place, scorer, candidates)

    monkeypatch.setattr(ModelHost, "watch", seen)
    solutions = [WRONG, RIGHT, WRONG.replace("\n", "\n\n")]
    kind, said = call(server[1], "rank", PROBLEM, solutions, "auto", "min", "")
    assert kind == "complete"
    assert judged == [[tuple(split_steps(WRONG)), tuple(split_steps(RIGHT))]]
    ranks = [(one["index"], one["rank"]) for one in said["ranking"]]
    assert ranks == [(1, 1), (0, 2), (2, 2)]


@pytest.mark.parametrize("model", ["/etc", "secret/path", "default", "x --server http://a", 7])
def test_no_program_names_a_path_a_repository_or_an_address(
    server: tuple[Page, str], model: object
) -> None:
    for name in ("score", "rank"):
        kind, said = call(server[1], name, PROBLEM, [RIGHT], "auto", "min", model)
        assert kind == "error"
        assert "is not in the list: own, far" in str(said)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("score", ["", [RIGHT], "auto", "min", ""], "Write the problem"),
        ("score", [PROBLEM, [], "auto", "min", ""], "at least one solution"),
        ("score", [PROBLEM, ["\n"] * 65, "auto", "min", ""], "at most 64"),
        ("score", [7, [RIGHT], "auto", "min", ""], "problem must be a text and is 7"),
        ("score", [PROBLEM, "text", "auto", "min", ""], "solutions must be a list of texts"),
        ("rank", [PROBLEM, [RIGHT], None, "min", ""], "steps must be a text"),
        ("score", [PROBLEM, [RIGHT], "words", "min", ""], "'words'"),
        ("score", [PROBLEM, [RIGHT], "auto", "best", ""], "'best' is not known"),
        ("score", [PROBLEM, [RIGHT], "auto", {}, ""], "is not known"),
        ("rank", [PROBLEM, ["", ""], "auto", "min", ""], "no steps"),
        ("split", [["x" * 150_000] * 3, "auto"], "400,000"),
        ("split", [[1], "auto"], "solutions must be a list of texts and is [1]"),
        ("answers", [[RIGHT], ["24"]], "gold must be a text"),
        ("answers", [[RIGHT], "2" * 1_001], "1,000"),
    ],
)
def test_what_cannot_be_answered_is_told_why(
    server: tuple[Page, str], name: str, data: list[object], words: str, caplog: Any
) -> None:
    with caplog.at_level(logging.INFO):
        kind, said = call(server[1], name, *data)
    assert kind == "error"
    assert words in str(said)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


def test_forged_calls_are_refused_before_anything_reads_them(server: tuple[Page, str]) -> None:
    visitor = Visitor(server[1], 0)

    def post(name: str, body: object, **headers: str) -> int:
        return visitor.ask("POST", f"/gradio_api/call/{name}", body, **headers)[0]

    file = {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}
    good = {"data": []}
    assert post("models", good) == 200
    assert post("models", {"data": [1]}) == 400
    assert post("models", good | {"session_hash": "another's"}) == 400
    assert post("split", {"data": [file, "auto"]}) == 400
    assert post("models", good, Origin="http://evil.example") == 403
    assert post("models", good, Host="evil.example") == 400
    for name in ("score_1", "score_all", "v2/nothing", "models/x", "nothing"):
        assert post(name, good) == 404
    for path in (
        "call/models/0",
        "call/v2/models/0",
        "call/v2/models",
        "call/models",
        "call/score_1/0",
        "run/models",
        "api/models",
    ):
        assert visitor.ask("GET", f"/gradio_api/{path}")[0] == 404
    assert visitor.ask("POST", "/gradio_api/run/models", good)[0] == 404
    assert visitor.ask("POST", "/gradio_api/upload", good)[0] == 404


def test_a_result_that_nobody_reads_is_dropped(
    server: tuple[Page, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "READER_S", 0.2)
    page, url = server
    data = [PROBLEM, [RIGHT], "auto", "min", ""]
    _, _, said = Visitor(url, 0).ask("POST", "/gradio_api/call/score", {"data": data})
    event = json.loads(said)["event_id"]
    began = time.monotonic()
    queue = page.demo._queue
    while queue.pending_messages_per_session or event in queue.event_ids_to_events:
        assert time.monotonic() - began < 60
        time.sleep(0.05)
    assert Visitor(url, 0).ask("GET", f"/gradio_api/call/score/{event}")[0] == 404


def test_the_examples_of_the_docs_run(
    server: tuple[Page, str], capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    text = text.replace("http://127.0.0.1:7860", server[1])
    found = re.findall(r"```(python|bash)\n(.*?)```", text, re.DOTALL)
    (code,) = (block for kind, block in found if kind == "python" and "gradio_client" in block)
    (curl,) = (block for kind, block in found if kind == "bash")
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        exec(code, {})
    assert capsys.readouterr().out.endswith("0 21\n")
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    said = subprocess.run(["bash", "-c", curl], capture_output=True, text=True, check=True).stdout
    assert said.startswith("event: complete")
    (result,) = json.loads(said.split("data: ")[1])
    assert result["solutions"][0]["first_error"] == 0


def test_a_page_without_them_answers_browsers_only() -> None:
    host = ModelHost([("own", "default")], device="cpu")
    page = build_page(host)
    try:
        visitor = Visitor(serve(page, host="127.0.0.1", port=free_port()).rstrip("/"), 0)
        for name in NAMES:
            assert visitor.ask("POST", f"/gradio_api/call/{name}", {"data": []})[0] == 404
            assert visitor.ask("GET", f"/gradio_api/call/{name}/0")[0] == 404
        assert visitor.ask("GET", "/gradio_api/openapi.json")[0] == 404
        assert not json.loads(visitor.ask("GET", "/gradio_api/info")[2])["named_endpoints"]
    finally:
        page.demo.close()


@pytest.mark.parametrize(("setting", "names"), [("", NAMES), ("0", set())])
def test_a_setting_of_the_app_closes_them(
    setting: str, names: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRM_INSPECTOR_ENDPOINTS", setting)
    demo = runpy.run_path(str(ROOT / "app.py"), run_name="app")["demo"]
    open_ones = {one.api_name for one in demo.fns.values() if one.api_visibility == "public"}
    assert open_ones == names

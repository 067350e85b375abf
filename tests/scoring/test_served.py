"""A PRM on a server: scripted on loopback, and with PRM_INSPECTOR_VLLM a real one."""

from __future__ import annotations

import json
import random
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prm_core import http_client
from prm_core.bulk.run import Task, result_lines
from prm_core.cli import main
from prm_core.errors import BadOptionError, InputError, ModelError, ModelLoadError, TooLongError
from prm_core.formats.problems import ProblemRow
from prm_core.scoring import served
from prm_core.scoring.load import load_scorer
from prm_core.scoring.served import VllmScorer, open_server
from prm_core.types import Candidate
from prm_core.ui.models import ModelHost, ModelState
from tests.families import build
from tests.families.test_math_shepherd import mistral
from tests.families.test_qwen_prm import make, tokenizer
from tests.pooling import PoolingServer, serve_pooling
from tests.tiny import tiny_model

TAG = 3
SHORT = Candidate("What is 7 × 8?", ("7 × 8 = 56.", "The answer is 56."), "a")
TYPED = Candidate("What does <extra_0> mean?", ("<extra_0> ends a step.", "b", "c"), "b")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the published directory looks, but without its weights."""
    directory = make(tmp_path_factory.mktemp("models") / "qwen", n_files=1)
    (directory / "model.safetensors").unlink()
    return directory


@pytest.fixture
def server(model: Path) -> Iterator[PoolingServer]:
    with serve_pooling(TAG, str(model)) as running:
        yield running


@pytest.fixture
def scorer(server: PoolingServer, model: Path) -> Iterator[VllmScorer]:
    opened = open_server(server.url, model)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_LONGEST_WAIT_S", 0.01)


def expected(server: PoolingServer, scorer: VllmScorer, candidate: Candidate) -> list[float]:
    encoded = scorer.encode(candidate)
    pairs = [server.logits(encoded.input_ids, place) for place in encoded.positions]
    return [right - wrong for wrong, right in pairs]


def test_scores_are_the_difference_of_the_servers_logits(
    server: PoolingServer, scorer: VllmScorer
) -> None:
    scored = scorer.score([SHORT, TYPED])
    assert [one.candidate for one in scored] == [SHORT, TYPED]
    for one in scored:
        assert list(one.log_odds) == expected(server, scorer, one.candidate)
        assert len(one.probabilities) == len(one.candidate.steps)
    assert dict(scorer.stream([TYPED, SHORT])) == dict(enumerate(reversed(scored)))
    assert scorer.score([]) == []
    assert scorer.score(iter([SHORT, TYPED])) == scored
    assert dict(scorer.stream(iter([SHORT, TYPED]))) == dict(enumerate(scored))


def test_prompts_are_those_of_a_model_that_is_loaded_here(
    server: PoolingServer, scorer: VllmScorer, tmp_path: Path
) -> None:
    here = load_scorer(make(tmp_path), device="cpu", dtype="float32")
    scorer.score([TYPED])
    assert server.batches == [[here.encode(TYPED).input_ids]]
    assert server.batches[0][0].count(TAG) == 3, "a typed marker is text"
    assert scorer.explain(TYPED) == here.explain(TYPED)
    assert (scorer.family, scorer.threshold) == (here.family, here.threshold)


def test_a_server_may_run_weights_that_are_stored_quantized(
    server: PoolingServer, scorer: VllmScorer, model: Path, tmp_path: Path
) -> None:
    quantized = shutil.copytree(model, tmp_path / "quantized")
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (quantized / "config.json").write_text(json.dumps(config), encoding="utf-8")
    opened = open_server(server.url, quantized, served_as=str(model))
    assert opened.score([SHORT])[0].log_odds == scorer.score([SHORT])[0].log_odds
    opened.close()


def test_candidates_are_sent_in_batches_and_come_back_in_order(
    server: PoolingServer, scorer: VllmScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served, "MAX_TOKENS", 400)
    rng = random.Random(0)
    candidates = [
        Candidate(f"problem {i}", tuple(f"step {j}" for j in range(rng.randrange(1, 9))), str(i))
        for i in range(40)
    ]
    scored = scorer.score(candidates)
    assert [one.candidate for one in scored] == candidates
    for one in scored:
        assert list(one.log_odds) == expected(server, scorer, one.candidate)
    assert sorted(ids for batch in server.batches for ids in batch) == sorted(
        scorer.encode(one).input_ids for one in candidates
    )
    assert 4 < len(server.batches) < 40
    assert all(sum(map(len, batch)) <= 400 for batch in server.batches)


def test_a_row_per_token_is_read_at_the_steps(server: PoolingServer, scorer: VllmScorer) -> None:
    before = scorer.score([SHORT])
    server.rows = lambda ids, activated: [  # type: ignore[method-assign]
        list(server.logits(ids, i)) for i in range(len(ids))
    ]
    assert scorer.score([SHORT]) == before


def test_other_places_with_the_same_token_are_left_out(tmp_path: Path) -> None:
    """A token classifier's separator is an ordinary token, and users write it too."""
    directory = build.checkpoint(
        tmp_path, tokenizer(), arch="qwen2", architectures=["Qwen2ForTokenClassification"]
    )
    candidate = Candidate("a\nb", ("c\nd", "e"))
    newline = tokenizer().encode("\n")[0]
    with serve_pooling(newline, str(tmp_path)) as server:
        scorer = open_server(server.url, directory, family="trl", separator="\n")
        (scored,) = scorer.score([candidate])
        (ids,) = server.batches[0]
        assert ids.count(newline) == 4
        assert list(scored.log_odds) == expected(server, scorer, candidate)
        scorer.close()


def test_log_odds_order_what_has_saturated(server: PoolingServer, scorer: VllmScorer) -> None:
    server.logits = lambda ids, place: (-30.0 - place, 30.0)
    (scored,) = scorer.score([SHORT])
    assert scored.probabilities == (1.0, 1.0)
    assert scored.log_odds[0] < scored.log_odds[1]


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "with 0 scores for 2 steps, so its tag is not"),
        ([[0.0, 1.0]], "with 1 scores for 2 steps"),
        ([[0.0, 1.0]] * 3, '"step_tag_id": 3'),
        ([[0.0]] * 2, "with [0.0] for a step, not with two finite numbers"),
        ([[0.0, 1.0, 2.0]] * 2, "not with two finite numbers"),
        ([[0.0, None]] * 2, "not with two finite numbers"),
        ([[0.0, float("nan")]] * 2, "not with two finite numbers"),
        ([[0.0, 10**400]] * 2, "not with two finite numbers"),
        ([0.1, 0.2], "not with two finite numbers"),
        (0.5, "with something other than scores"),
    ],
)
def test_a_reply_that_does_not_fit_the_steps_is_an_error(
    server: PoolingServer, scorer: VllmScorer, rows: Any, expected: str
) -> None:
    server.change = lambda right: rows
    with pytest.raises(ModelError) as caught:
        scorer.score([SHORT])
    assert expected in str(caught.value)
    assert server.url in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"<html>", "with something other than scores"),
        ({"data": 5}, "with something other than scores"),
        ({"data": []}, "for 0 prompts instead of 1"),
        ({"data": [{"index": 0, "data": []}, {"index": 0, "data": []}]}, "for 2 prompts"),
        ({"data": [{"index": 1, "data": []}]}, "for 1 prompts instead of 1"),
    ],
)
def test_a_reply_that_is_none_is_an_error(
    server: PoolingServer, scorer: VllmScorer, content: Any, expected: str
) -> None:
    server.answer = lambda path: (200, content)
    with pytest.raises(ModelError, match=expected):
        scorer.score([SHORT])


def test_another_tag_is_found_out_when_the_server_is_opened(
    server: PoolingServer, model: Path
) -> None:
    server.tag = 7
    with pytest.raises(
        ModelError, match=r"its tag is not that of .*; start it with --pooler-config"
    ):
        open_server(server.url, model)


def test_probabilities_are_not_taken_for_logits(server: PoolingServer, model: Path) -> None:
    server.activates = False
    with pytest.raises(ModelError, match="which do not match; a vLLM that knows use_act"):
        open_server(server.url, model)


def test_another_model_is_refused_with_those_that_there_are(
    server: PoolingServer, tmp_path: Path, model: Path
) -> None:
    server.models = [{"id": "prm", "root": "/models/other"}, {"id": "b", "root": "b"}]
    with pytest.raises(ModelError) as caught:
        open_server(server.url, model)
    assert f"has 'prm' (from '/models/other') and 'b' (from 'b'), not {str(model)!r}" in str(
        caught.value
    )
    assert "--server-model" in str(caught.value)
    scorer = open_server(server.url, model, served_as="prm")
    assert server.requests[-1][1] is not None
    assert server.requests[-1][1]["model"] == "prm"
    scorer.close()
    with pytest.raises(ModelError, match="not 'c'"):
        open_server(server.url, model, served_as="c")


def test_a_server_of_another_kind_is_refused(
    server: PoolingServer, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.answer = lambda path: (200, {"models": []})
    with pytest.raises(ModelError, match="does not list its models as vLLM does"):
        open_server(server.url, model)

    def too_deep(said: bytes) -> None:
        raise RecursionError

    monkeypatch.setattr(http_client.json, "loads", too_deep)
    with pytest.raises(ModelError, match="does not list its models as vLLM does"):
        open_server(server.url, model)


def test_families_that_vllm_cannot_score_are_refused(server: PoolingServer, tmp_path: Path) -> None:
    directory = tiny_model(tmp_path / "value-head")
    server.models[0]["root"] = str(directory)
    with pytest.raises(BadOptionError, match="belongs to family value_head, whose steps a vLLM"):
        open_server(server.url, directory)
    with pytest.raises(BadOptionError, match="name the model that the server runs"):
        open_server(server.url, None)


def test_too_long_is_refused_before_anything_is_sent(
    server: PoolingServer, scorer: VllmScorer
) -> None:
    assert scorer.context == 500, "the server's, which is shorter than the model's"
    n_before = len(server.requests)
    with pytest.raises(TooLongError, match="reads at most 500"):
        scorer.score([SHORT, Candidate("p", ("long " * 600,))])
    assert len(server.requests) == n_before


# --- trouble on the way ---------------------------------------------------------------------------


def test_what_passes_is_asked_again(server: PoolingServer, scorer: VllmScorer) -> None:
    right = scorer.score([SHORT])
    failures = iter([(503, b"busy"), (429, b"slow down"), (500, b"")])
    server.answer = lambda path: next(failures, None)
    assert scorer.score([SHORT]) == right
    server.answer = lambda path: (503, b"busy")
    with pytest.raises(ModelError, match="failed: HTTP 503: busy"):
        scorer.score([SHORT])


def test_a_silent_server_is_given_up(server: PoolingServer, model: Path) -> None:
    wait = threading.Event()
    scorer = open_server(server.url, model, timeout_s=0.05)
    server.answer = lambda path: wait.wait(5) and None
    with pytest.raises(ModelError, match="timed out"):
        scorer.score([SHORT])
    wait.set()
    scorer.close()


def test_a_refused_request_is_the_input_s_fault(server: PoolingServer, scorer: VllmScorer) -> None:
    server.answer = lambda path: (400, {"error": {"message": "too\nlong"}})
    with pytest.raises(InputError, match=r"the server rejected the request \(HTTP 400: too long\)"):
        scorer.score([SHORT])
    row = ProblemRow("in", 4, None, "p", ("s",))
    (line,) = result_lines(scorer, [row], Task())
    assert json.loads(line).startswith(
        "in, line 4, field 'solutions': the server rejected the request"
    )


def test_nobody_is_there(model: Path) -> None:
    with serve_pooling(TAG, str(model)) as server:
        url = server.url
    with pytest.raises(ModelError, match=f"the server at {url} failed: .*refused"):
        open_server(url, model)


def test_a_closed_scorer_says_so(scorer: VllmScorer) -> None:
    scorer.close()
    with pytest.raises(ModelError, match="the server was closed"):
        scorer.score([SHORT])


# --- the command ----------------------------------------------------------------------------------


def test_a_file_is_scored_by_a_server(
    server: PoolingServer,
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRM_INSPECTOR_API_KEY", "sk-secret")
    rows = [{"id": i, "problem": f"{i}?", "solutions": [["a", "b"], "c"]} for i in range(100)]
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = ["score", str(source), "--model", str(model), "--server", f"{server.url}/v1"]
    assert main([*words, "-o", str(out)]) == 0
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in found] == list(range(100))
    assert {len(row["candidates"][0]["probabilities"]) for row in found} == {2}
    assert len(server.batches) < 20, "problems share requests"
    assert all(headers["Authorization"] == "Bearer sk-secret" for _, _, headers in server.requests)
    assert "sk-secret" not in "".join(capsys.readouterr())
    assert main([*words, "--dtype", "float32"]) == 1
    assert "--dtype does not apply with --server" in capsys.readouterr().err
    assert main(["score", str(source), "--server-model", "x"]) == 1
    assert "give its address (--server)" in capsys.readouterr().err


def test_the_page_s_model_field_takes_an_address(
    server: PoolingServer, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRM_INSPECTOR_API_KEY", "sk-secret")
    address = f"{model} --server {server.url}"
    host = ModelHost([("own", "default")])
    scored = host.scorer(address).result(20).score([SHORT])
    assert host.state(address) == ModelState("ready", "ready · server")
    assert scored == [one for _, one in host.run([SHORT])]
    assert not any("Authorization" in headers for _, _, headers in server.requests)
    # The page's own device is for models that are loaded here.
    ModelHost([("own", address)], device="cpu").scorer(address).result(20)
    assert server.requests[-1][2]["Authorization"] == "Bearer sk-secret"
    with pytest.raises(BadOptionError, match="on the page NAME --server URL"):
        host.scorer(f"--server {server.url}").result(20)
    with pytest.raises(ModelLoadError, match="a server's address goes after --server"):
        host.scorer(server.url).result(20)
    with pytest.raises(BadOptionError, match="--dtype does not apply with --server"):
        host.scorer(f"{address} --dtype float32").result(20)
    with pytest.raises(BadOptionError, match=r"separator 'x' would not be used: .* qwen_prm; only"):
        host.scorer(f"{address} --separator x").result(20)
    with pytest.raises(InputError, match="only the models in its list"):
        ModelHost([("own", "default")], listed_only=True).scorer(address)


def test_a_config_that_makes_no_model_is_refused_in_words(
    server: PoolingServer, model: Path, tmp_path: Path
) -> None:
    damaged = shutil.copytree(model, tmp_path / "damaged")
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    (damaged / "config.json").write_text(json.dumps(config | {"hidden_act": "?"}), "utf-8")
    with pytest.raises(
        ModelLoadError, match=r"config\.json is not a valid configuration .*; correct it"
    ):
        open_server(server.url, damaged, served_as=str(model))


def test_only_what_the_prompt_needs_is_fetched(
    monkeypatch: pytest.MonkeyPatch, model: Path
) -> None:
    asked: list[list[str]] = []

    def fetch(name: str, *, allow_patterns: list[str], **rest: Any) -> str:
        asked.append(allow_patterns)
        return str(model)

    monkeypatch.setattr("prm_core.models.backbone.snapshot_download", fetch)
    with serve_pooling(TAG, "Qwen/Qwen2.5-Math-PRM-7B") as server:
        open_server(server.url, "Qwen/Qwen2.5-Math-PRM-7B").close()
    (patterns,) = asked
    assert "*.json" in patterns
    assert not any("safetensors" in pattern or "bin" in pattern for pattern in patterns)


def test_tags_of_the_ordinary_vocabulary(tmp_path: Path) -> None:
    directory = build.checkpoint(
        tmp_path, mistral(), arch="mistral", architectures=["MistralForCausalLM"]
    )
    with serve_pooling(mistral().convert_tokens_to_ids("▁ки"), str(tmp_path)) as server:
        scorer = open_server(server.url, directory, family="math_shepherd")
        (scored,) = scorer.score([SHORT])
        assert list(scored.log_odds) == expected(server, scorer, SHORT)
        scorer.close()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("HTTP/1.1 401 no", b"no user has the key sk-secret."),
        ("HTTP/1.1 401 no", b'{"error": {"message": "what is sk-\\u0073ecret?"}}'),
        ("Authorization: Bearer sk-secret", b""),
        ("HTTP/1.1 200 OK", b'{"data": [{"id": "sk-secret-model"}]}'),
    ],
    ids=["words", "escaped", "no protocol", "a name"],
)
def test_a_server_that_says_the_key_again_is_not_heard(
    status: str, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prm_core.http_client._ATTEMPTS", 1)
    head = f"{status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            taken, _ = server.accept()
            with taken:
                taken.recv(4096)
                taken.sendall(head + body)

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(ModelError) as raised:
            open_server(f"http://127.0.0.1:{server.getsockname()[1]}", "a/b", api_key="sk-secret")
        thread.join()
    assert "sk-secret" not in str(raised.value)

"""A real vLLM server against our own scores: `make test-vllm`, with vLLM in its own environment.

Outside `make test`, because vLLM needs gigabytes and minutes. PRM_INSPECTOR_VLLM names the Python
that has it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from prm_core.errors import ModelError
from prm_core.scoring.load import load_scorer
from prm_core.scoring.served import open_server
from prm_core.types import Candidate
from tests.families import build
from tests.families.test_math_shepherd import mistral
from tests.families.test_qwen_prm import tokenizer
from tests.visiting import free_port

PYTHON = os.environ.get("PRM_INSPECTOR_VLLM", "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="vLLM: make test-vllm installs and runs it")

# vLLM's attention on CPUs knows heads of 32 and more.
WIDE = {"hidden_size": 128, "intermediate_size": 256, "head_dim": 32}
START_S = 400
TOLERANCE = 1e-4

CANDIDATES = [
    Candidate("What is 7 × 8?", ("7 × 8 = 56.", "The answer is 56.")),
    Candidate("What does <extra_0> mean?\n", ("<extra_0> ends a step.", "So does ки.", "c")),
    *(
        Candidate(f"Problem {i}: add.", tuple(f"Step {j}: {i} + {j} = {i + j}." for j in range(n)))
        for i, n in enumerate((1, 3, 8, 20, 40))
    ),
]


def qwen(path: Path) -> tuple[Path, dict[str, str], list[str]]:
    shapes = {"score.0.weight": (128, 128), "score.2.weight": (2, 128)}
    head = {**shapes, "score.0.bias": (128,), "score.2.bias": (2,)}
    kind = ["Qwen2ForProcessRewardModel"]
    build.checkpoint(path, tokenizer(), arch="qwen2", architectures=kind, head=head, settings=WIDE)
    return path, {}, pooler(pooling_type="STEP", step_tag_id=tokenizer().encode("<extra_0>")[0])


def trl(path: Path) -> tuple[Path, dict[str, str], list[str]]:
    head = {"score.weight": (2, 128), "score.bias": (2,)}
    kind = ["Qwen2ForTokenClassification"]
    build.checkpoint(path, tokenizer(), arch="qwen2", architectures=kind, head=head, settings=WIDE)
    tag = tokenizer().encode("\n")[0]
    return path, {"separator": "\n"}, pooler(pooling_type="STEP", step_tag_id=tag)


def shepherd(path: Path) -> tuple[Path, dict[str, str], list[str]]:
    kind = ["MistralForCausalLM"]
    build.checkpoint(path, mistral(), arch="mistral", architectures=kind, settings=WIDE)
    overrides = {
        "architectures": ["MistralForSequenceClassification"],
        "classifier_from_token": ["▁-", "▁+"],
        "method": "no_post_processing",
    }
    tag = mistral().convert_tokens_to_ids("▁ки")
    options = pooler(task="token_classify", tok_pooling_type="STEP", step_tag_id=tag)
    return path, {"family": "math_shepherd"}, [*options, "--hf-overrides", json.dumps(overrides)]


def pooler(**config: Any) -> list[str]:
    return ["--runner", "pooling", "--pooler-config", json.dumps(config)]


@contextmanager
def vllm(model: Path, options: list[str], log: Path) -> Iterator[str]:
    """A server that has answered that it is well, until the block ends."""
    port = free_port()
    words = [PYTHON, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model)]
    words += ["--host", "127.0.0.1", "--port", str(port), "--max-model-len", "4096"]
    words += ["--enforce-eager", "--dtype", "float32", *options]
    settings = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            words,
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **settings},
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_S
        while not is_well(url):
            assert process.poll() is None, log.read_text("utf-8", "replace")[-4000:]
            assert time.monotonic() < deadline, log.read_text("utf-8", "replace")[-4000:]
            time.sleep(1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(60)
        finally:
            if process.poll() is None:  # its group: the server has children of its own
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def is_well(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


@pytest.mark.parametrize("make", [qwen, trl, shepherd])
def test_a_server_gives_our_own_scores(
    make: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, how, options = make(tmp_path / "model")
    ours = load_scorer(model, device="cpu", dtype="float32", **how)
    with vllm(model, options, tmp_path / "vllm.log") as url:
        scorer = open_server(url, model, **how)
        theirs = scorer.score(CANDIDATES)
        scorer.close()
    expected = ours.score(CANDIDATES)
    n_steps = sum(len(one.candidate.steps) for one in expected)
    for what in ("probabilities", "log_odds"):
        pairs = [
            pair
            for a, b in zip(theirs, expected, strict=True)
            for pair in zip(getattr(a, what), getattr(b, what), strict=True)
        ]
        assert len(pairs) == n_steps
        largest = max(abs(a - b) for a, b in pairs)
        with capsys.disabled():
            print(f"\n{scorer.family}: {n_steps} steps, largest difference of {what} {largest:.1e}")
        if what == "probabilities":
            assert largest <= TOLERANCE
    assert max(max(one.probabilities) for one in expected) > 0.6, "the model tells steps apart"
    assert min(min(one.probabilities) for one in expected) < 0.4


def test_a_real_server_with_another_tag_is_refused(tmp_path: Path) -> None:
    model, _, _ = qwen(tmp_path / "model")
    options = pooler(pooling_type="STEP", step_tag_id=151651)  # vLLM's default
    with (
        vllm(model, options, tmp_path / "vllm.log") as url,
        pytest.raises(ModelError, match=r'0 scores for 2 steps.*"step_tag_id": 3'),
    ):
        open_server(url, model)

"""Generators: servers on loopback that speak OpenAI's protocol, and a tiny model right here."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from prm_core.errors import (
    BadOptionError,
    InputError,
    ModelError,
    ModelLoadError,
    TooLongError,
)
from prm_core.labelling.completers import ASK, Sampling, ServerCompleter, prefix_of
from prm_core.labelling.local_completer import LocalCompleter
from tests.completions import RefusedError, Write, serve
from tests.tiny import tiny_model, tiny_tokenizer

PROBLEM, STEPS = "What is 2 + 3 + 4?", ("2 + 3 = 5.", "5 + 4 = 9.")
SAMPLING = Sampling(temperature=0.9, max_tokens=12)
TEMPLATE = (
    "{% for m in messages %}[{{ m.role }}]{{ m.content }}[/]{% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


def fail(body: dict[str, Any]) -> str:
    raise RefusedError(404, "no such model")


@pytest.fixture
def ask() -> Iterator[Callable[..., Any]]:
    """Starts a server and asks it; (continuations, server)."""
    opened: list[Any] = []

    def start(write: Write, *, seeds: tuple[int, ...] = (1,), **options: Any) -> Any:
        running = serve(write)
        server = running.__enter__()
        generator = ServerCompleter(
            server.url, "some-model", options.pop("sampling", SAMPLING), **options
        )
        opened.append((generator, running))
        return generator.continue_solution(PROBLEM, STEPS, seeds), server

    yield start
    for generator, running in opened:
        generator.close()
        running.__exit__(None, None, None)


# --- a server -------------------------------------------------------------------------------------


def test_every_seed_is_a_request_and_the_order_is_the_seeds(ask: Callable[..., Any]) -> None:
    def write(body: dict[str, Any]) -> str:
        time.sleep(0.05 if body["seed"] == 7 else 0)
        return f"So 9. I was seed {body['seed']}.\nProblem: another one"

    texts, server = ask(write, seeds=(7, 8, 9), concurrency=3)
    assert texts == [f"So 9. I was seed {seed}." for seed in (7, 8, 9)]
    path, body, headers = server.requests[0]
    assert path == "/v1/completions"
    assert body["prompt"].startswith(f"Problem: {PROBLEM}\n")
    assert body["prompt"].endswith("Solution:\n2 + 3 = 5.\n\n5 + 4 = 9.\n\n")
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("some-model", 0.9, 12)
    assert body["stop"] == ["\nProblem:"]
    assert "Authorization" not in headers


def test_chat_goes_on_with_the_assistant_s_turn(ask: Callable[..., Any]) -> None:
    sampling = Sampling(chat=True)
    texts, server = ask(lambda body: "\n\nSo 9.", sampling=sampling)
    path, body, _ = server.requests[0]
    assert texts == ["\n\nSo 9."]
    assert path == "/v1/chat/completions"
    assert [m["role"] for m in body["messages"]] == ["user", "assistant"]
    assert body["messages"][1]["content"] == "2 + 3 = 5.\n\n5 + 4 = 9."
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_a_server_that_is_busy_is_asked_again(ask: Callable[..., Any]) -> None:
    answers = iter(
        [RefusedError(503), RefusedError(429, "slow down", ("Retry-After", "1")), "So 9."]
    )

    def write(body: dict[str, Any]) -> str:
        answer = next(answers)
        if isinstance(answer, RefusedError):
            raise answer
        return answer

    began = time.monotonic()
    texts, server = ask(write)
    assert texts == ["So 9."]
    assert len(server.requests) == 3
    assert time.monotonic() - began >= 1.5  # at least 0.5 s, and then 1 s as it asked


def test_a_server_that_is_silent_is_asked_again(ask: Callable[..., Any]) -> None:
    asked, again = threading.Event(), threading.Event()

    def write(body: dict[str, Any]) -> str:
        if asked.is_set():
            again.set()
        else:
            asked.set()
            again.wait(20)
        return "So 9."

    texts, server = ask(write, timeout_s=1.0)
    assert texts == ["So 9."]
    assert len(server.requests) == 2


def test_what_the_server_says_of_an_error_is_passed_on(ask: Callable[..., Any]) -> None:
    with pytest.raises(ModelError, match="failed: HTTP 404: no such model") as error:
        ask(fail, api_key="secret")
    assert "secret" not in str(error.value)


def test_a_request_that_is_refused_is_the_solution_s_fault(ask: Callable[..., Any]) -> None:
    def write(body: dict[str, Any]) -> str:
        raise RefusedError(400, "too long\x1b[2J")

    with pytest.raises(InputError, match="HTTP 400: too long"):
        ask(write)


def test_an_answer_that_is_no_text(ask: Callable[..., Any]) -> None:
    with pytest.raises(ModelError, match="did not answer with a text"):
        ask(lambda body: 5)  # type: ignore[arg-type, return-value]


def test_the_key_is_sent_as_a_bearer_token(ask: Callable[..., Any]) -> None:
    _, server = ask(lambda body: "So 9.", api_key="secret")
    assert server.requests[0][2]["Authorization"] == "Bearer secret"


def test_nobody_listens() -> None:
    with serve(fail) as server:
        url = server.url
    generator = ServerCompleter(url, "m", SAMPLING)
    began = time.monotonic()
    with pytest.raises(ModelError, match="failed"):
        generator.continue_solution(PROBLEM, STEPS, (1,))
    assert time.monotonic() - began < 2
    generator.close()


@pytest.mark.parametrize(
    "url",
    [
        "ftp://127.0.0.1/v1",
        "http://",
        "http://127.0.0.1:port/v1",
        "http://[::1/v1",
        "http://user:password@127.0.0.1/v1",
        "http://127.0.0.1/v 1",
        "http://127.0.0.1/v1?key=1",
    ],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(BadOptionError, match="is not an address"):
        ServerCompleter(url, "m", SAMPLING)


def test_a_key_that_cannot_be_sent_is_not_shown() -> None:
    with pytest.raises(BadOptionError) as error:
        ServerCompleter("http://127.0.0.1/v1", "m", SAMPLING, api_key="sec\nret")
    assert "sec" not in str(error.value)


def test_closing_wakes_who_waits() -> None:
    asked, over = threading.Event(), threading.Event()

    def write(body: dict[str, Any]) -> str:
        asked.set()
        over.wait(10)
        return "too late"

    with serve(write) as server, ThreadPoolExecutor(1) as pool:
        generator = ServerCompleter(server.url, "m", SAMPLING, concurrency=2)
        waiting = pool.submit(generator.continue_solution, PROBLEM, STEPS, range(20))
        assert asked.wait(5)
        began = time.monotonic()
        generator.close()
        with pytest.raises(ModelError, match="was closed"):
            waiting.result(5)
        assert time.monotonic() - began < 2
        with pytest.raises(ModelError, match="was closed"):
            generator.continue_solution(PROBLEM, STEPS, (1,))
        over.set()
    assert len(server.requests) <= 2


@pytest.mark.parametrize("settings", [{"temperature": 0.0}, {"max_tokens": 0}])
def test_sampling_needs_numbers_above_0(settings: dict[str, Any]) -> None:
    with pytest.raises(BadOptionError, match="must be above 0"):
        Sampling(**settings)


# --- a model in this process ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def local(model: str) -> LocalCompleter:
    return LocalCompleter(model, SAMPLING, device="cpu")


def test_the_seeds_decide(local: LocalCompleter) -> None:
    before = torch.random.get_rng_state()
    first = local.continue_solution(PROBLEM, STEPS, (1, 2, 3))
    assert local.continue_solution(PROBLEM, STEPS, (1, 2, 3)) == first
    assert local.continue_solution(PROBLEM, STEPS, (4, 2, 3))[1:] == first[1:]  # each its own
    assert local.continue_solution(PROBLEM, STEPS, (4, 2, 3))[0] != first[0]
    assert len(set(first)) == 3
    assert torch.equal(torch.random.get_rng_state(), before)


def test_many_continuations_go_in_batches(local: LocalCompleter) -> None:
    texts = local.continue_solution(PROBLEM, (), range(20))
    assert len(set(texts)) == 20
    assert texts[:16] == local.continue_solution(PROBLEM, (), range(16))


def test_a_server_with_the_same_model_writes_the_same(model: str, local: LocalCompleter) -> None:
    """The whole way over HTTP, with a plain loop over the vocabulary behind it."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model)

    def write(body: dict[str, Any]) -> str:
        ids = torch.tensor([tokenizer(body["prompt"])["input_ids"]])
        n_prompt = ids.shape[1]
        with torch.inference_mode(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(body["seed"])
            for _ in range(body["max_tokens"]):
                logits = network(ids).logits[:, -1].float() / body["temperature"]
                ids = torch.cat([ids, torch.multinomial(logits.softmax(-1), 1)], dim=1)
        return tokenizer.decode(ids[0, n_prompt:], skip_special_tokens=True)

    with serve(write) as server:
        remote = ServerCompleter(server.url, "tiny", SAMPLING, concurrency=1)
        texts = remote.continue_solution(PROBLEM, STEPS, (1, 2))
        remote.close()
    assert texts == [local.continue_solution(PROBLEM, STEPS, (seed,))[0] for seed in (1, 2)]


def test_chat_uses_the_model_s_template(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = TEMPLATE
    path = tiny_model(tmp_path / "chat", tokenizer=tokenizer)
    chat = LocalCompleter(str(path), Sampling(max_tokens=4, chat=True), device="cpu")
    for steps, end in ((STEPS, "[/][assistant]2 + 3 = 5.\n\n5 + 4 = 9."), ((), "[/][assistant]")):
        ids = chat._generator._ids(PROBLEM, [prefix_of(steps, chat=True)], ASK)
        text = tokenizer.decode(ids[0])
        assert text.startswith(f"[user]{PROBLEM}")
        assert text.endswith(end)
    assert len(chat.continue_solution(PROBLEM, STEPS, (1, 2))) == 2


def test_a_model_that_cannot_be_used(model: str, tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match="has no chat template"):
        LocalCompleter(model, Sampling(chat=True), device="cpu")
    with pytest.raises(ModelLoadError, match=r"tokenizer\.json is missing; download"):
        LocalCompleter(str(tmp_path), SAMPLING, device="cpu")


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    path = tiny_model(tmp_path / "pickled")
    (path / "model.safetensors").unlink()
    torch.save({}, path / "pytorch_model.bin")
    with pytest.raises(ModelLoadError, match=r"pytorch_model\.bin is a pickle, which is not read"):
        LocalCompleter(str(path), SAMPLING, device="cpu")


def test_a_solution_that_leaves_no_room_is_refused(local: LocalCompleter) -> None:
    with pytest.raises(TooLongError, match="reads at most 4,096"):
        local.continue_solution("x" * 4096, (), (1,))


def test_a_closed_model_stops_between_two_tokens(model: str) -> None:
    endless = LocalCompleter(model, Sampling(max_tokens=3500), device="cpu")
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(endless.continue_solution, PROBLEM, STEPS, (1,))
        time.sleep(0.2)
        endless.close()
        with pytest.raises(ModelError, match="was closed"):
            writing.result(10)

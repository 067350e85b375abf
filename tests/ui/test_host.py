"""The page's one loaded model: what it waits for, and what it does not."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from prm_core.errors import InputError, ModelLoadError, PRMError
from prm_core.ui.models import ModelHost
from tests.tiny import MARKED, tiny_model


def test_a_download_keeps_no_other_model_waiting_and_is_not_loaded_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = (tiny_model(tmp_path / name, prm=MARKED) for name in ("large", "small"))
    asked, is_here = threading.Event(), threading.Event()

    def fetch(name: str, **rest: object) -> str:
        asked.set()
        assert is_here.wait(60)
        return str(large)

    monkeypatch.setattr("prm_core.models.backbone.snapshot_download", fetch)
    host = ModelHost([("own", "default")])
    waiting = host.scorer("owner/large")
    assert asked.wait(60)
    assert host.scorer(str(small)).result(60).model_id == str(small)
    assert not waiting.done()
    is_here.set()
    with pytest.raises(ModelLoadError, match="another model was chosen"):
        waiting.result(60)
    assert host.scorer("owner/large").result(60).model_id == "owner/large"


def unlike_a_model(folder: Path, kind: str) -> str:
    """A name that somebody may type by mistake, for one kind of mistake."""
    if kind == "no such folder":
        return str(folder / "nowhere")
    if kind == "no server":
        return "Qwen/Qwen2.5-Math-PRM-7B --server http://127.0.0.1:1"
    if kind == "unknown option":
        return "default --bogus x"
    if kind == "unknown family":
        tiny_model(folder, prm=MARKED)
        return f"{folder} --family nobodys"
    tiny_model(folder, prm=MARKED)
    if kind == "no weights":
        (folder / "model.safetensors").unlink()
    elif kind == "no tokenizer":
        for file in folder.glob("tokenizer*"):
            file.unlink()
    else:
        (folder / "config.json").write_text(json.dumps({"model_type": "nobodys"}))
    return str(folder)


@pytest.mark.parametrize(
    "kind",
    [
        "no such folder",
        "no server",
        "unknown option",
        "unknown family",
        "no weights",
        "no tokenizer",
        "no architecture",
    ],
)
def test_a_mistyped_model_leaves_the_loaded_one_as_it_is(tmp_path: Path, kind: str) -> None:
    loaded = str(tiny_model(tmp_path / "loaded", prm=MARKED))
    host = ModelHost([("own", "default")])
    scorer = host.scorer(loaded).result(60)
    wrong = unlike_a_model(tmp_path / "wrong", kind)
    with pytest.raises(PRMError):
        host.scorer(wrong).result(60)
    assert host.state(wrong).kind == "failed"
    assert host.state(loaded).kind == "ready"
    assert host.scorer(loaded).result(0) is scorer  # nothing was loaded anew


def test_a_model_that_is_asked_for_again_is_not_given_up_for_one_that_still_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large, small = (str(tiny_model(tmp_path / name, prm=MARKED)) for name in ("large", "small"))
    asked, is_here = threading.Event(), threading.Event()

    def fetch(name: str, **rest: object) -> str:
        asked.set()
        assert is_here.wait(60)
        return large

    monkeypatch.setattr("prm_core.models.backbone.snapshot_download", fetch)
    host = ModelHost([("own", "default")])
    scorer = host.scorer(small).result(60)
    waiting = host.scorer("owner/large")
    assert asked.wait(60)
    assert host.state("owner/large").kind == "loading"
    assert host.scorer(small).result(0) is scorer
    is_here.set()
    with pytest.raises(ModelLoadError, match="another model was chosen"):
        waiting.result(60)
    assert host.state(small).kind == "ready"


def test_an_empty_line_names_no_model() -> None:
    host = ModelHost([("own", "default")])
    with pytest.raises(InputError, match="choose a model"):
        host.scorer(" ")

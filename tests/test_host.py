"""The page's one loaded model: what it waits for, and what it does not."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from prm_core.errors import ModelLoadError
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

    monkeypatch.setattr("prm_core.loading.snapshot_download", fetch)
    host = ModelHost([("own", "default")])
    waiting = host.scorer("owner/large")
    assert asked.wait(60)
    assert host.scorer(str(small)).result(60).model_id == str(small)
    assert not waiting.done()
    is_here.set()
    with pytest.raises(ModelLoadError, match="another model was chosen meanwhile"):
        waiting.result(60)
    assert host.scorer("owner/large").result(60).model_id == "owner/large"

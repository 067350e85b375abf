"""The apps that the tests look at, each a process of its own.

They are forked from a process that has imported the libraries, which takes seconds, and a run of
all tests starts a dozen. That `python app.py` starts by itself is tested, too: `test_the_app_…` of
`tests/ui/test_server.py`, and the port that is taken.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import sys
import time
import urllib.error
import urllib.request
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from tests.visiting import free_port

ROOT = Path(__file__).parent.parent.parent
START_S = 180  # only so that it ends at all: other work may have the processors

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    ["gradio", "pandas", "torch", "transformers", "transformers.models.qwen2.modeling_qwen2"]
)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


class App:
    """`python app.py` on a port of its own.

    Attributes:
        url: its address, without a slash at the end.
        log: everything that it has printed.
    """

    def __init__(self, log: Path, script: str = "app.py", **settings: str) -> None:
        self.log = log
        self._script = script
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GRADIO_", "PRM_"))}
        own = {"PORT": str(port), "HOST": "127.0.0.1", "GRADIO_ANALYTICS_ENABLED": "False"}
        self._environment = kept | own | settings
        self._process: ForkServerProcess | None = None

    def start(self) -> None:
        """Start it unless it runs, and wait until it answers."""
        if self._process is not None and self._process.is_alive():
            return
        self._process = FORKED.Process(
            target=_run, args=(self._script, self._environment, str(self.log)), daemon=True
        )
        self._process.start()
        began = time.monotonic()
        while not answers(f"{self.url}/healthz"):
            if not self._process.is_alive() or time.monotonic() - began > START_S:
                pytest.fail(f"the app did not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it without a warning, as a machine that fails would."""
        if self._process is not None:
            self._process.kill()
            self._process.join(30)


def _run(script: str, environment: dict[str, str], log: str) -> None:
    """In the new process."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.argv = [script]
    sys.path[:0] = [str(ROOT), *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    runpy.run_path(script, run_name="__main__")

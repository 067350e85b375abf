"""PRM Inspector in the browser: `python app.py`, then open the address that it prints.

Settings come from the environment: HOST, PORT, PRM_INSPECTOR_MODEL (what the page's model field
takes: a directory or a hub id, followed by options), PRM_INSPECTOR_DEVICE (auto, cpu, cuda, mps)
and PRM_INSPECTOR_DTYPE (auto, float32, bfloat16, float16). If other machines can reach the server:
PRM_INSPECTOR_HOSTS (names that it answers to) and PRM_INSPECTOR_ANY_MODEL (1: visitors load what
they like). PRM_INSPECTOR_ENDPOINTS=0 closes the endpoints for programs. On a Hugging Face Space
settings are detected automatically.
"""

from __future__ import annotations

import os
import sys

# Read by gradio and huggingface_hub when they are imported.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

try:  # ZeroGPU must be imported before torch; elsewhere it is not installed
    import spaces
except ImportError:
    spaces = None

from prm_core.model_options import name_and_options
from prm_core.ui.api import add_api
from prm_core.ui.models import DEFAULT, MEDIUM, SMALL, ModelHost, expected_seconds
from prm_core.ui.page import build_page, is_loopback, serve

ON_SPACE = "SPACE_ID" in os.environ
ADDRESS = os.environ.get("HOST", "0.0.0.0" if ON_SPACE else "127.0.0.1")
NAMES = os.environ.get("PRM_INSPECTOR_HOSTS", "*" if ON_SPACE else "").replace(",", " ").split()
# Behind a proxy on this machine others come in by a name, whatever the address is.
PUBLIC = ON_SPACE or bool(NAMES) or not is_loopback(ADDRESS)
ANY_MODEL = os.environ.get("PRM_INSPECTOR_ANY_MODEL", "") == "1"
ZERO_GPU = spaces is not None and bool(os.environ.get("SPACES_ZERO_GPU"))


def model_host() -> ModelHost:
    """The model to start with, and what else the page offers."""
    own = os.environ.get("PRM_INSPECTOR_MODEL", "").strip()
    name = name_and_options(own)[0].rstrip("/").split("/")[-1]
    choices = [(name, own)] if own else []
    if not (own and ZERO_GPU):  # ZeroGPU keeps only what was loaded at the start on the GPU
        choices.append(("Embedded arithmetic PRM", DEFAULT))
    if not PUBLIC:
        choices.append(("Small PRM on SmolLM2's first layers", SMALL))
        choices.append(("Medium PRM on Qwen2.5-Coder-1.5B", MEDIUM))
    return ModelHost(
        choices,
        device=os.environ.get("PRM_INSPECTOR_DEVICE", "auto"),
        dtype=os.environ.get("PRM_INSPECTOR_DTYPE", "auto"),
        public=PUBLIC,
        listed_only=PUBLIC and not ANY_MODEL,
        on_gpu=spaces.GPU(duration=expected_seconds) if ZERO_GPU else None,
    )


host = model_host()
if ZERO_GPU:  # at module level: what is loaded now is handed to every GPU worker
    host.scorer(host.choices[0][1]).result()
page = build_page(host, None if os.environ.get("PRM_INSPECTOR_ENDPOINTS", "") == "0" else add_api)
demo = page.demo  # a Space looks for this name


def _warning() -> str:
    """What the operator should know if others can reach the server."""
    if ANY_MODEL:
        return (
            "WARNING: PRM_INSPECTOR_ANY_MODEL is 1, so everyone who reaches this server can make "
            "it load any folder that it may read and any repository of the hub."
        )
    names = f" as {', '.join(NAMES)}" if NAMES else ""
    return (
        f"Others can reach this server on {ADDRESS}{names}: it runs the models in its list only. "
        "PRM_INSPECTOR_ANY_MODEL=1 lets visitors load any."
    )


def launch() -> int:
    """Serve until interrupted; returns the exit code."""
    port = os.environ.get("PORT", "7860")
    if not (port.isdecimal() and 0 < int(port) < 65_536):
        print(f"PORT is {port!r}; give a number such as 7860", file=sys.stderr)
        return 1
    try:
        url = serve(page, host=ADDRESS, port=int(port), names=NAMES, framed=ON_SPACE)
    except OSError:
        print(
            f"cannot listen on {ADDRESS}:{port}; it is in use or not permitted. "
            "Choose another one, such as PORT=7861",
            file=sys.stderr,
        )
        return 1
    print(f"PRM Inspector is on {url}", flush=True)
    if PUBLIC and not ON_SPACE:
        print(_warning(), file=sys.stderr, flush=True)
    host.scorer(host.choices[0][1])  # after the page answers: importing torch takes seconds
    demo.block_thread()
    return 0


if __name__ == "__main__":
    sys.exit(launch())

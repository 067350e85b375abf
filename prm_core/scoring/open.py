"""From a request for a model to a scorer: here, on a vLLM server, or a verifier on any server.

torch is imported when a model is opened, so that `--help` and wrong options do not wait for it.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from prm_core.errors import BadOptionError
from prm_core.http_client import API_KEY
from prm_core.model_options import read_line
from prm_core.types import ModelRequest, StepScorer
from prm_core.verifiers import VERIFIERS, VerifierRecipe, open_verifier, recipe_of


def open_scorer(
    request: ModelRequest | str = "",
    *,
    keep: bool = False,
    send_key: bool = True,
    load_lock: AbstractContextManager[object] | None = None,
) -> StepScorer:
    """The requested scorer; close it after use.

    A call that is still waiting for a server would keep the process alive.

    Args:
        request: which model, and how: a record, or a line with a model's name and the command
            line's options after it, as "my-prm --server http://127.0.0.1:8000"; nothing for the
            model that ships with the project.
        keep: whether what was computed for a problem may be kept for the next call. In files every
            problem comes once, and a resumed run must give the same bits.
        send_key: whether a server gets the key from the environment.
        load_lock: as `load_scorer` takes it.

    Raises:
        BadOptionError: options contradict each other, or have unknown values.
        ModelError: the model cannot be loaded, or its server's answers are invalid.
    """
    if isinstance(request, str):
        request = read_line(request)
    form = recipe_of(request.model, request.family)
    if form is None:
        for name, value in (("samples", request.samples), ("max-tokens", request.max_tokens)):
            if value is not None:
                raise BadOptionError(
                    f"--{name} is for models that write their verdicts "
                    f"(--family {', '.join(VERIFIERS)})"
                )
    if request.server is not None:
        key = os.environ.get(API_KEY, "").strip() if send_key else ""
        return _open_server(request, request.server, form, key)
    if request.server_model is not None:
        raise BadOptionError("--server-model is a name on a server; give its address (--server)")
    from prm_core.scoring.load import load
    from prm_core.scoring.local import KEEP_BYTES

    return load(request, keep_bytes=KEEP_BYTES if keep else 0, load_lock=load_lock)


def _open_server(
    request: ModelRequest, url: str, form: VerifierRecipe | None, key: str
) -> StepScorer:
    """The scorer at an address."""
    here = {"device": request.device, "dtype": request.dtype, "quantize": request.quantize}
    for name, value in here.items():
        if value not in ("auto", None):
            raise BadOptionError(f"--{name} does not apply with --server; the server has its own")
    if form is not None:
        for name, value in (
            ("revision", request.revision),
            ("separator", request.separator),
            ("reference", request.reference),
        ):
            if value is not None:
                raise BadOptionError(f"--{name} does not apply to a generative verifier")
        return open_verifier(
            url,
            request.model,
            form,
            served_as=request.server_model,
            n_samples=request.samples or 1,
            max_tokens=request.max_tokens,
            api_key=key,
        )
    if request.reference is not None:
        raise BadOptionError("--reference does not apply with --server, which runs one model")
    from prm_core.scoring.served import open_server

    return open_server(
        url,
        request.model,
        served_as=request.server_model,
        revision=request.revision,
        family=request.family,
        separator=request.separator,
        api_key=key,
    )

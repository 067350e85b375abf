"""The top of the page: its name, the model's state, light or dark, and help."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import gradio as gr

from prm_core.paths import assets_dir, page_script
from prm_core.ui.models import ModelHost


class Brand(gr.HTML):
    """Name and tagline; constant."""

    def __init__(self) -> None:
        super().__init__(
            html_template='<h1>PRM Inspector</h1><span class="prm-tagline">which step went wrong?'
            "</span>",
            js_on_load=None,
            apply_default_css=False,
            elem_id="prm-brand",
        )


class Tools(gr.HTML):
    """The badge that says whether the model is ready, the theme switch and the help.

    The value is the chosen model. The browser asks for its state until it is settled; this costs a
    dictionary look-up and no place in the queue.
    """

    def __init__(self, host: ModelHost) -> None:
        def model_state(model: str) -> dict[str, str]:
            return asdict(host.state(str(model)))

        page = assets_dir() / "page"
        super().__init__(
            value=host.choices[0][1],
            html_template=(page / "tools.html").read_text(encoding="utf-8"),
            js_on_load=page_script("state.js", "tools.js"),
            apply_default_css=False,
            elem_id="prm-tools",
            server_functions=[model_state],
        )

    def api_info(self) -> dict[str, Any]:
        """The value is a model's name, not HTML."""
        return {"type": "string"}

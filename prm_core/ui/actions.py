"""Score, Cancel and the status line of a run."""

from __future__ import annotations

import itertools
from typing import Any

import gradio as gr

from prm_core.paths import page_script

_turns = itertools.count(1)


def actions_value(
    *, running: bool, message: str = "", issues: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """What the buttons show.

    Args:
        running: a run is in progress, so Cancel is shown and Score is disabled.
        message: one sentence for the line beside the buttons.
        issues: `{"where": "problem" | "rule" | index of a card, "text": sentence}` each; the
            editor shows them at these places.
    """
    # Gradio sends the browser only values that differ from the last one; the same refusal a second
    # time must free the buttons as well.
    return {
        "running": running,
        "message": message,
        "issues": issues or [],
        "turn": next(_turns),
    }


class Actions(gr.HTML):
    """The two buttons; events `submit` and `stop`."""

    def __init__(self) -> None:
        super().__init__(
            value=actions_value(running=False),
            html_template=_TEMPLATE,
            js_on_load=page_script("state.js", "away.js", "actions.js"),
            apply_default_css=False,
            elem_id="prm-actions",
        )

    def api_info(self) -> dict[str, Any]:
        """The value is an object, not HTML."""
        return {"type": "object"}


_TEMPLATE = """
<div class="prm-actions">
  <p class="prm-state" role="status"></p>
  <button type="button" class="prm-link prm-all" hidden>judge all again</button>
  <button type="button" class="prm-button prm-cancel" hidden>Cancel</button>
  <button type="button" class="prm-button prm-primary prm-score">Score<span class="prm-what"></span>
    <kbd>Ctrl ↵</kbd></button>
</div>
"""

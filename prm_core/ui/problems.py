"""The list of problems above the editor: a file that was opened, or the gallery.

The browser holds what was opened and keeps it; the server reads a file and forgets it.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import gradio as gr

from prm_core.errors import PRMError
from prm_core.paths import assets_dir, page_script
from prm_core.session import Opened, open_session, session_json

MAX_FILE_BYTES = 1_800_000
"""Of a file as it comes here; the browser compresses it before."""

MOST_ERRORS = 20
"""Rows that could not be read and are named; the others are counted."""

_one_at_a_time = threading.Lock()
PATIENCE_S = 10


def open_file(asked: object) -> dict[str, Any]:
    """What a file holds. Called by the browser (`server.open_file`).

    Args:
        asked: `{"name", "contents"}`, the contents in base64.

    Returns:
        `{"session", "n_errors", "errors"}`: a session as JSON text, how many rows could not be
        read, and sentences on the first of them; or `{"error"}`, why nothing could be read.
    """
    match asked:
        case {"name": str(name), "contents": str(contents)} if (
            len(contents) <= 4 * MAX_FILE_BYTES // 3 + 4
        ):
            pass
        case _:
            return {"error": "The file is too large for the page."}
    if not _one_at_a_time.acquire(timeout=PATIENCE_S):
        return {"error": "The server is busy; open the file again in a minute."}
    try:
        return _shown(open_session(base64.b64decode(contents, validate=True), name[:200]))
    except (PRMError, binascii.Error) as error:
        return {"error": str(error)}
    finally:
        _one_at_a_time.release()


def gallery(asked: object) -> dict[str, Any]:
    """The gallery that ships, in the same form. Called by the browser (`server.gallery`)."""
    return _gallery()


@cache
def _gallery() -> dict[str, Any]:
    path = assets_dir().parent / "examples" / "gallery" / "gsm8k.json.gz"
    try:
        return _shown(open_session(path))
    except PRMError as error:  # the examples are not installed with the package
        return {"error": str(error)}


def _shown(opened: Opened) -> dict[str, Any]:
    return {
        "session": session_json(opened.session),
        "n_errors": len(opened.errors),
        "errors": [str(error) for error in opened.errors[:MOST_ERRORS]],
    }


_TEMPLATE = """
<div class="prm-problems">
  <div class="prm-open">
    <button type="button" class="prm-button prm-ghost prm-open-file">Open a file</button>
    <button type="button" class="prm-button prm-ghost prm-open-gallery">Gallery</button>
    <input type="file" hidden aria-label="File of problems">
    <span class="prm-grow"></span>
    <button type="button" class="prm-button prm-ghost prm-open-back" hidden></button>
  </div>
  <p class="prm-issue prm-open-issue" role="alert" hidden></p>
  <section class="prm-session" aria-label="Problems" hidden>
    <div class="prm-session-head">
      <strong class="prm-session-title"></strong>
      <span class="prm-session-count" role="status"></span>
      <span class="prm-grow"></span>
      <button type="button" class="prm-icon prm-session-close"
        aria-label="Close the list">×</button>
    </div>
    <div class="prm-session-tools">
      <input type="search" class="prm-search" placeholder="Search" aria-label="Search the problems"
        autocapitalize="off" spellcheck="false">
      <select class="prm-filter" aria-label="Show"></select>
      <select class="prm-recorded" aria-label="Recorded scores of"></select>
    </div>
    <ol class="prm-list" role="listbox" tabindex="0" aria-label="Problems"></ol>
    <details class="prm-unread" hidden><summary></summary><ul></ul></details>
  </section>
</div>
"""


class Problems(gr.HTML):
    """Opens files and shows what they hold, a line per problem."""

    def __init__(self) -> None:
        functions: list[Callable[..., Any]] = [open_file, gallery]
        super().__init__(
            value=None,
            html_template=_TEMPLATE,
            js_on_load=page_script("state.js", "problems.js"),
            apply_default_css=False,
            elem_id="prm-problems",
            server_functions=functions,
            max_bytes=MAX_FILE_BYTES,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}

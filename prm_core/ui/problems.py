"""The list of problems above the editor: a file that was opened, or the gallery.

The browser holds what was opened and keeps it; the server reads a file and forgets it.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import io
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import gradio as gr

from prm_core.errors import DataError, PRMError
from prm_core.evaluation.choices import compare_choices
from prm_core.formats.atomic import read_errors
from prm_core.formats.files import GZIP, MOST_PACKED, too_packed
from prm_core.formats.hub import hub_rows
from prm_core.paths import assets_dir, page_script
from prm_core.session import Opened, Problem, Session, from_rows, open_session, session_json
from prm_core.ui.kept import MAX_CHARS
from prm_core.ui.words import sentence

MAX_FILE_BYTES = 8_900_000
"""Of a file as it arrives here; in base64 as large as a draft may be. The browser compresses it."""

MAX_UNPACKED = 100_000_000
"""Bytes, or characters of texts, that a file may contain unpacked."""

MOST_HUB_ROWS = 5_000
"""Rows of a data set on the Hub; the command line reads all of them."""

HUB_S = 60.0
"""How long to wait for its rows, from the first one on."""

MOST_ERRORS = 20
"""Unreadable rows that are named; the others are counted."""

MAX_PROBLEMS = 500
"""Scored by one press; the next press continues."""

MOST_FACTS = 4_000
"""Recorded solutions whose choices are computed when a file is opened; each takes a moment."""

PATIENCE_S = 10

_one_at_a_time = threading.Lock()
_one_fetch_at_a_time = threading.Lock()
_turns = itertools.count(1)


def open_file(asked: object) -> dict[str, Any]:
    """What a file contains. Called by the browser (`server.open_file`).

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
        return shown(opened_file(base64.b64decode(contents, validate=True), name[:200]))
    except (PRMError, binascii.Error) as error:
        return {"error": str(error)}
    finally:
        _one_at_a_time.release()


def opened_file(contents: bytes, name: str) -> Opened:
    """The session in a file's contents, up to the page's limits.

    Raises:
        DataError: as `open_session`; or the file is too large.
    """
    for _ in range(1 + MOST_PACKED):  # the browser compresses as well
        if not contents.startswith(GZIP):
            break
        with read_errors(name):
            unpacked = gzip.GzipFile(fileobj=io.BytesIO(contents)).read(MAX_UNPACKED + 1)
        if len(unpacked) > MAX_UNPACKED:
            raise DataError(
                f"has more than {MAX_UNPACKED:,} bytes, the most that the page opens; the "
                "command line has no limit: python -m prm_core score",
                path=name,
            )
        contents, name = unpacked, name.removesuffix(".gz")
    if contents.startswith(GZIP):
        raise too_packed(name)
    return open_session(contents, name, most_chars=MAX_UNPACKED, most_bytes=MAX_UNPACKED)


def open_hub(asked: object) -> dict[str, Any]:
    """What a data set of the Hub contains. Called by the browser (`server.open_hub`).

    Only if the visitor is the page's owner: it fetches any data set that they name.

    Args:
        asked: the data set's name, as `prm_core.formats.hub` takes it; "hf:" may be missing.

    Returns:
        As `open_file`, and the `title`, which says if only the first rows are there.
    """
    if not isinstance(asked, str) or not asked.strip():
        return {"error": "Type the name of a data set, such as openai/gsm8k/main/test."}
    if not _one_fetch_at_a_time.acquire(timeout=PATIENCE_S):
        return {"error": "Another data set is being opened; try again in a minute."}
    name = f"hf:{asked.strip().removeprefix('hf:')[:200]}"
    rows = _FirstRows(name)
    try:
        opened = shown(from_rows(rows, name))
    except PRMError as error:
        return {"error": sentence(str(error))}
    finally:
        _one_fetch_at_a_time.release()
    more = f", the first {rows.n_read:,} rows" if rows.cut else ""
    return opened | {"title": name.removeprefix("hf:") + more}


class _FirstRows:
    """The first rows of a data set, up to limits on number, time and text.

    Attributes:
        n_read: how many there were so far.
        cut: whether there are more.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self.n_read, self.cut = 0, False

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """
        Raises:
            DataError: as `hub_rows`.
        """
        n_chars, began = 0, 0.0
        for row in hub_rows(self._name):
            if isinstance(row, DataError):
                raise row
            began = began or time.monotonic()
            n_chars += len(repr(row.fields))
            if (
                self.n_read == MOST_HUB_ROWS
                or n_chars > MAX_UNPACKED
                or time.monotonic() - began > HUB_S
            ):
                self.cut = True
                return
            self.n_read += 1
            yield row.fields


def gallery(asked: object) -> dict[str, Any]:
    """A session that ships, in the same form. Called by the browser (`server.gallery`).

    Args:
        asked: "outcome" for the example of an outcome reward, else the gallery.
    """
    return _shipped("outcome.json" if asked == "outcome" else "gallery/gsm8k.json.gz")


@cache
def _shipped(name: str) -> dict[str, Any]:
    path = assets_dir().parent / "examples" / name
    try:
        return shown(open_session(path))
    except PRMError as error:  # the examples are not installed with the package
        return {"error": str(error)}


def shown(opened: Opened) -> dict[str, Any]:
    """A session as the list takes it; see `open_file`."""
    return {
        "session": session_json(opened.session),
        "n_errors": len(opened.errors),
        "errors": [str(error) for error in opened.errors[:MOST_ERRORS]],
        "facts": json.dumps(_facts(opened.session)),
    }


def _facts(session: Session) -> dict[str, list[dict[str, Any] | None]]:
    """By a model's id, what the list says about each problem; null if that was too much work."""
    left, found = MOST_FACTS, {}
    for model in session.models:
        facts: list[dict[str, Any] | None] = []
        for problem in session.problems:
            left -= sum(one is not None for one in problem.scored(model.id))
            facts.append(_fact(problem, model.id, model.threshold) if left >= 0 else None)
        found[model.id] = facts
    return found


def _fact(problem: Problem, model: str, threshold: float) -> dict[str, Any] | None:
    """How a model's recorded scores rank a problem's solutions; None if it has none.

    Returns:
        `{"leaders", "right", "rules", "apart", "error", "correct", "majority"}`: the places of
        those that lead by their weakest step, the chance that they are right (null if no right
        answer is known), how many different choices the aggregations make, whether the leaders'
        answer is not the most frequent one, whether a step is below the threshold, whether each
        solution's answer is right (null if unknown), and the places of those that give the most
        frequent answer.
    """
    scored = [(i, one) for i, one in enumerate(problem.scored(model)) if one is not None]
    if not scored:
        return None
    found = compare_choices([one for _, one in scored], problem.gold_answer)
    correct: list[bool | None] = [None] * len(problem.solutions)
    for group in found.groups:
        for place in group.solutions:
            correct[scored[place][0]] = group.correct
    best, majority = found.pick("min"), found.pick("majority")
    return {
        "leaders": [scored[place][0] for place in best.solutions],
        "right": best.accuracy,
        "rules": len({pick.solutions for pick in found.picks if pick.kind == "score"}),
        "apart": bool(majority.solutions) and not set(best.solutions) & set(majority.solutions),
        "error": any(one.first_error(threshold) is not None for _, one in scored),
        "correct": correct,
        "majority": [scored[place][0] for place in majority.solutions],
    }


def progress_value(
    n_done: int, n_all: int, *, place: int | None = None, board: Any = None, words: str = ""
) -> dict[str, Any]:
    """What the list shows while all of its problems are scored.

    Args:
        n_done, n_all: the number of finished problems, and of all.
        place: which of them has just ended.
        board: its results, as the board shows them.
        words: why it has no results.
    """
    return {
        "n_done": n_done,
        "n_all": n_all,
        "place": place,
        # As text, like `detail` of the board: Gradio walks every value that it can see.
        "board": None if board is None else json.dumps(board),
        "words": words,
        "turn": next(_turns),
    }


_TEMPLATE = """
<div class="prm-problems">
  <div class="prm-open">
    <button type="button" class="prm-button prm-ghost prm-open-new">New problem</button>
    <button type="button" class="prm-button prm-ghost prm-open-file">Open a file</button>
    <button type="button" class="prm-button prm-ghost prm-open-gallery">Gallery</button>
    <button type="button" class="prm-button prm-ghost prm-open-hub" aria-expanded="false"
      aria-controls="prm-hub" hidden>Hub…</button>
    <input type="file" hidden aria-label="File of problems">
    <span class="prm-grow"></span>
    <button type="button" class="prm-button prm-ghost prm-open-back" hidden></button>
  </div>
  <div class="prm-hub" id="prm-hub" hidden>
    <label for="prm-hub-name">Data set on the Hub</label>
    <input type="text" id="prm-hub-name" placeholder="openai/gsm8k/main/test" autocomplete="off"
      autocapitalize="off" spellcheck="false">
    <button type="button" class="prm-button">Open</button>
  </div>
  <p class="prm-issue prm-open-issue" role="alert" hidden></p>
  <section class="prm-session" aria-label="Problems" hidden>
    <div class="prm-session-head">
      <strong class="prm-session-title"></strong>
      <span class="prm-session-count" role="status"></span>
      <span class="prm-grow"></span>
      <button type="button" class="prm-button prm-ghost prm-score-all">Score all</button>
      <button type="button" class="prm-icon prm-session-close"
        aria-label="Close the list">×</button>
    </div>
    <div class="prm-session-tools">
      <input type="search" class="prm-search" placeholder="Search" aria-label="Search the problems"
        autocapitalize="off" spellcheck="false">
      <select class="prm-filter" aria-label="Show"></select>
      <select class="prm-sort" aria-label="Sort"></select>
      <select class="prm-recorded" aria-label="Recorded scores of"></select>
    </div>
    <p class="prm-all-said" role="status" hidden></p>
    <ol class="prm-list" role="listbox" tabindex="0" aria-label="Problems"></ol>
    <details class="prm-unread" hidden><summary></summary><ul></ul></details>
  </section>
</div>
"""


class Problems(gr.HTML):
    """Opens files and lists their problems, one per line; events `submit` and `stop`."""

    def __init__(self, *, hub: bool = False) -> None:
        """
        Args:
            hub: whether data sets of the Hub can be opened by their names.
        """
        functions: list[Callable[..., Any]] = [open_file, gallery]
        if hub:
            functions.append(open_hub)
        super().__init__(
            value=None,
            html_template=_TEMPLATE,
            js_on_load=page_script(
                *("state.js", "others.js", "said.js", "problems.js", "queue.js", "merged.js")
            ),
            apply_default_css=False,
            elem_id="prm-problems",
            server_functions=functions,
            max_bytes=MAX_FILE_BYTES,
            hub=hub,
            max_problems=MAX_PROBLEMS,
            max_chars=MAX_CHARS,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}

"""The page's results as a file: the numbers as a table, the session, or a report to keep."""

from __future__ import annotations

import base64
import binascii
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from prm_core.errors import PRMError
from prm_core.evaluation.session_report import session_html
from prm_core.formats.rows import json_line
from prm_core.session import (
    Session,
    export,
    prm800k_rows,
    processbench_rows,
    trl_rows,
)
from prm_core.ui.problems import MAX_FILE_BYTES, opened_file

FORMATS = {
    "html": "Report to keep or print (HTML)",
    "json": "Session, opens here again (JSON)",
    "jsonl": "Rows of score (JSON lines)",
    "csv": "Table (CSV)",
    "parquet": "Table (Parquet)",
}
"""What the menu offers, by the file's suffix."""

TABLES = ("csv", "parquet")
"""Those that hold only what has scores, labels or notes."""

LABELS: dict[str, tuple[str, Callable[[Session], Iterable[dict[str, Any]]]]] = {
    "trl": ("TRL", trl_rows),
    "processbench": ("ProcessBench", processbench_rows),
    "prm800k": ("PRM800K", prm800k_rows),
}
"""Formats of labelled rows, for other programs."""

MAX_SESSION = 4 * MAX_FILE_BYTES // 3 + 4
"""Characters of a session that is exported, compressed and in base64."""

PATIENCE_S = 10

_one_at_a_time = threading.Lock()


def _written(session: Session, kind: str) -> bytes:
    if kind == "html":
        return session_html(session).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"results.{kind}"
        export(session, path)
        return path.read_bytes()


def export_session(asked: object) -> dict[str, str]:
    """A session, or its labels, as a file. Called by the browser (`server.export_session`).

    Args:
        asked: `{"format", "session"}`: one of `FORMATS` or `LABELS`; and the session's JSON,
            compressed with gzip, in base64.

    Returns:
        `{"name", "contents", "words"}`, the contents in base64, and a description of them; or
        `{"error"}`, why there is no file.
    """
    match asked:
        case {"format": str(kind), "session": str(packed)} if kind in (*LABELS, *FORMATS):
            pass
        case _:
            return {"error": "There is no such format."}
    if len(packed) > MAX_SESSION:
        return {"error": "This is too large for the page."}
    if not _one_at_a_time.acquire(timeout=PATIENCE_S):
        return {"error": "The server is busy; save it again in a minute."}
    try:
        opened = opened_file(base64.b64decode(packed, validate=True), "session.json.gz")
        if opened.errors:  # nothing may be left out without a word
            raise opened.errors[0]
        name, contents, words = _file(opened.session, kind)
    except (PRMError, ImportError, binascii.Error) as error:  # Parquet needs a library of its own
        return {"error": str(error)}
    finally:
        _one_at_a_time.release()
    if not contents:
        return {"error": f"There is no solution whose labels fit the format {words}."}
    return {"name": name, "contents": base64.b64encode(contents).decode(), "words": words}


def _file(session: Session, kind: str) -> tuple[str, bytes, str]:
    """A file's name, its contents, and their description; no contents if no label fits."""
    n = sum(bool(one.labels) for problem in session.problems for one in problem.solutions)
    if kind in TABLES:
        return f"prm-session.{kind}", _written(session, kind), _in_table(session)
    if kind not in LABELS:
        return f"prm-session.{kind}", _written(session, kind), f"a session with {n} labelled"
    label, rows = LABELS[kind]
    lines = [json_line(row) for row in rows(session)]
    words = f"{len(lines)} of {n} labelled solutions" if lines else label
    return f"labels-{kind}.jsonl", "".join(lines).encode(), words


def _in_table(session: Session) -> str:
    """What a table holds: solutions with scores by the displayed model, labels or notes."""
    shown = session.model.id if session.model else ""
    there = [
        scored is not None or bool(one.labels or one.step_notes or one.note)
        for problem in session.problems
        for one, scored in zip(problem.solutions, problem.scored(shown), strict=True)
    ]
    if all(there):
        return f"{len(there):,} solution" + "s" * (len(there) != 1)
    return f"{sum(there):,} of {len(there):,} solutions; the others have no scores or labels"


def label_formats() -> list[dict[str, str]]:
    """What the labels can be saved as."""
    rows = [{"format": name, "label": label} for name, (label, _) in LABELS.items()]
    return [{"format": "json", "label": "Session"}, *rows, {"format": "csv", "label": "CSV"}]


def formats() -> list[dict[str, Any]]:
    """The menu's entries. A table does not hold everything, and what it holds is said."""
    return [
        {"format": name, "label": label, "table": name in TABLES} for name, label in FORMATS.items()
    ]

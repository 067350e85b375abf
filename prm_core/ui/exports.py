"""The page's results as a file: the numbers as a table, the session, or a report to keep."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

from prm_core.errors import PRMError
from prm_core.evaluation.session_report import session_html
from prm_core.session import Session, Settings, export, from_page
from prm_core.ui.kept import read_json

FORMATS = {
    "html": "Report to keep or print (HTML)",
    "json": "Session, opens here again (JSON)",
    "jsonl": "Rows of score (JSON lines)",
    "csv": "Table (CSV)",
    "parquet": "Table (Parquet)",
}
"""What the menu offers, by the file's suffix."""


def export_results(asked: object) -> dict[str, str]:
    """Results as a file. Called by the browser (`server.export_results`).

    Args:
        asked: `{"format", "aggregation", "results"}`: one of `FORMATS`, the chosen rule, and the
            results as the browser stores them, as JSON text.

    Returns:
        `{"name", "contents"}`, the contents in base64; or `{"error"}`, why there is no file.
    """
    match asked:
        case {"format": str(kind), "aggregation": str(rule), "results": results} if kind in FORMATS:
            pass
        case _:
            return {"error": "There is no such format."}
    try:
        stored = read_json(results)
        if not isinstance(stored, dict):
            return {"error": "These results are too large for the page to export."}
        session = from_page(stored, Settings(aggregation=rule))
        contents = _written(session, kind)
    except (PRMError, ImportError) as error:  # Parquet needs a library of its own
        return {"error": str(error)}
    return {"name": f"prm-results.{kind}", "contents": base64.b64encode(contents).decode()}


def _written(session: Session, kind: str) -> bytes:
    if kind == "html":
        return session_html(session).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"results.{kind}"
        export(session, path)
        return path.read_bytes()


def formats() -> list[dict[str, Any]]:
    """The menu's entries."""
    return [{"format": name, "label": label} for name, label in FORMATS.items()]

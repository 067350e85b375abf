"""A session written to a file, in the format given by the file's name."""

from __future__ import annotations

from pathlib import Path

from prm_core.errors import BadOptionError
from prm_core.formats.files import open_results
from prm_core.formats.rows import json_line
from prm_core.session.codec import save_session
from prm_core.session.convert import session_rows, table_rows
from prm_core.session.record import Session

_KINDS = ".json, .jsonl, .csv (each perhaps with .gz), .parquet"


def export(session: Session, path: str | Path, model: str = "") -> None:
    """Write a session; equal sessions make equal files, written completely or not at all.

    `.json` holds everything, and so does `.jsonl`, whose lines are rows as `score` writes them.
    `.csv` and `.parquet` have a row for each solution that the model scored or that has labels or
    notes, as `score` writes them, and columns for these; CSV cells that a spreadsheet would run are
    escaped, and read back unchanged.

    Args:
        session: what to write.
        path: its name gives the format.
        model: whose scores a table has; empty for the model on display.

    Raises:
        BadOptionError: the name does not give a format.
        DataError: the file cannot be written.
        InputError: a field for arbitrary JSON contains something else.
    """
    kind = export_kind(path)
    if kind == ".json":
        save_session(session, path)
    else:
        rows = session_rows(session) if kind == ".jsonl" else table_rows(session, model)
        with open_results(path, labelled=True) as write:
            for row in rows:
                write(json_line(row))


def export_kind(path: str | Path) -> str:
    """The format that a file's name gives, as ".json".

    Raises:
        BadOptionError: the name does not give a format.
    """
    kind = Path(str(path).removesuffix(".gz")).suffix.lower()
    if kind not in (".json", ".jsonl", ".csv", ".parquet"):
        raise BadOptionError(f"the name {path} does not give a format; end it in one of {_KINDS}")
    return kind

"""A session into a file, in the format that the file's name tells."""

from __future__ import annotations

from pathlib import Path

from prm_core.errors import BadOptionError
from prm_core.formats.files import open_results
from prm_core.formats.rows import json_line
from prm_core.session.codec import save_session
from prm_core.session.convert import result_rows, session_rows
from prm_core.session.record import Session

_KINDS = ".json, .jsonl, .csv (each perhaps with .gz), .parquet"


def export(session: Session, path: str | Path, model: str = "") -> None:
    """Write a session; equal sessions make equal files, which appear whole or not at all.

    `.json` holds everything, and so does `.jsonl`, whose lines are rows as `score` writes them.
    `.csv` and `.parquet` have a row for each solution that the model scored, as `score` writes
    them; cells of CSV that a spreadsheet would run are defused, and read back as they were.

    Args:
        session: what to write.
        path: its name tells the format.
        model: whose scores a table has; empty for the model on show.

    Raises:
        BadOptionError: the name tells none.
        DataError: the file cannot be written.
        InputError: a field that may hold any JSON holds something else.
    """
    kind = Path(str(path).removesuffix(".gz")).suffix.lower()
    if kind == ".json":
        save_session(session, path)
    elif kind in (".jsonl", ".csv", ".parquet"):
        rows = session_rows(session) if kind == ".jsonl" else result_rows(session, model)
        with open_results(path) as write:
            for row in rows:
                write(json_line(row))
    else:
        raise BadOptionError(f"{path} tells no format by its name; end it in one of {_KINDS}")

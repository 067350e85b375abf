"""A file of labels that grows row by row, and that a stopped run resumes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from prm_core.errors import BadOptionError, DataError
from prm_core.formats.atomic import file_errors
from prm_core.formats.labelled import example_row, examples_of
from prm_core.formats.rows import json_line, read_rows
from prm_core.labelling.methods import digest
from prm_core.types import Example

_NOT_LINES = (".csv", ".tsv", ".parquet", ".gz")  # would be read as something else


class LabelFile:
    """A file of labels that grows row by row, in the order of the solutions.

    Each row is written in one piece. A stopped run resumes where it was; anything after the last
    line end is cut off.

    Args:
        path: the file; created if it does not exist.
        labelled_by: what determines the labels; part of every row.

    Raises:
        DataError: it cannot be read or written.
        BadOptionError: it contains labels that were made with other settings, or its name is that
            of a table or of a compressed file.
    """

    def __init__(self, path: Path, labelled_by: dict[str, Any]) -> None:
        if path.suffix.lower() in _NOT_LINES:
            raise BadOptionError(
                f"{path} cannot grow row by row: labels are JSON lines; write a .jsonl and convert "
                "or compress it later"
            )
        self.path, self.labelled_by = path, labelled_by
        self.keys: set[bytes] = set()
        self._end = 0  # bytes up to the last line end
        with file_errors(path, "read"):
            if path.exists():
                self._read()

    def append(self, example: Example) -> None:
        """Write one labelled solution.

        Raises:
            DataError: the file cannot be written.
        """
        line = json_line({**example_row(example), "labelled_by": self.labelled_by}).encode("utf-8")
        with file_errors(self.path, "written"), self.path.open("ab", buffering=0) as file:
            n_written = file.write(line)
        if n_written != len(line):  # the next run cuts off the partial row
            raise DataError("cannot be written: the disk may be full", path=self.path)

    def _read(self) -> None:
        """Find out which solutions are done; nothing is cut off from a file that is not ours."""
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(0)
            for row in read_rows(self._whole_lines(file), self.path):
                if isinstance(row, DataError):
                    raise row
                if row.fields.get("labelled_by") != self.labelled_by:
                    raise BadOptionError(
                        f"{self.path} holds labels that were made with other settings (line "
                        f"{row.line}: {json.dumps(row.fields.get('labelled_by'))}); "
                        "choose another file"
                    )
                (example,) = examples_of(row)
                # Unchanged: reading them as examples would cut what looks like a calculator mark.
                steps, gold_answer = row.fields["steps"], example.gold_answer or ""
                candidate = example.candidate
                self.keys.add(digest(candidate.problem, steps, gold_answer, candidate.thinking))
        if size > self._end:
            if not self.keys:
                raise DataError("does not contain labels; choose another file", path=self.path)
            os.truncate(self.path, self._end)

    def _whole_lines(self, file: Iterable[bytes]) -> Iterator[bytes]:
        for line in file:
            if line.endswith(b"\n"):
                self._end += len(line)
                yield line

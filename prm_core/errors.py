"""Everything that PRM Inspector raises on purpose.

    PRMError
    ├─ InputError      the user's text or options
    │  ├─ NoStepsError
    │  ├─ TooLongError
    │  ├─ UnreadableError
    │  ├─ BadOptionError
    │  └─ NoVerdictError
    ├─ DataError       a file: path, line, field
    └─ ModelError
       ├─ UnknownModelError
       ├─ ModelLoadError
       └─ ServerError

A message says what happened, with which value, and what to do next. The library raises; the
doors (`prm_core.ui`, `prm_core.cli`) turn errors into sentences on the page, text on stderr and
exit codes. Anything else that is raised is a bug and keeps its traceback.
"""

from __future__ import annotations

import math
from pathlib import Path


class PRMError(Exception):
    """Base of every error that PRM Inspector raises on purpose."""


class InputError(PRMError):
    """The text or an option that the user gave cannot be used."""


class NoStepsError(InputError):
    """A solution has no step: it is empty or contains nothing but separators."""


class TooLongError(InputError):
    """A candidate has more tokens than the model reads. Nothing is ever truncated."""


class UnreadableError(InputError):
    """A step or a problem contains nothing that the model's tokenizer can express.

    Attributes:
        of_problem: it is the problem, and no solution of it can be judged.
    """

    def __init__(self, message: str, of_problem: bool = False) -> None:
        self.of_problem = of_problem
        super().__init__(message)


class BadOptionError(InputError):
    """An option has an unknown value, or one outside its range."""


class NoVerdictError(InputError):
    """What a verifier wrote about one candidate contains no readable verdict; others' may."""


class DataError(PRMError):
    """A file, or a row of one, does not contain what it should.

    Attributes:
        path: the file, or "-" for standard input.
        line: 1-based number of the line; None when the whole file is meant.
        field: the field of the row; None when the whole row is meant.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | Path = "-",
        line: int | None = None,
        field: str | None = None,
    ) -> None:
        self.path, self.line, self.field = str(path), line, field
        where = self.path if line is None else f"{self.path}, line {line}"
        if field is not None:
            where += f", field {field!r}"
        super().__init__(f"{where}: {message}")


class ModelError(PRMError):
    """A model cannot be found, loaded or used."""


class UnknownModelError(ModelError):
    """No family is known for a model, and none was named."""


class ModelLoadError(ModelError):
    """A model's files are missing, damaged, or not what their configuration says."""


class ServerError(ModelError):
    """A server answers every request with an error.

    Attributes:
        status: HTTP's number, as 401 where it wants another key.
    """

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


def check_above_zero(**options: float | None) -> None:
    """Refuse options that are not above 0 and finite; None is an option that was not given.

    Raises:
        BadOptionError: names the first one that is not.
    """
    for name, value in options.items():
        if value is not None and not 0 < value < math.inf:
            raise BadOptionError(f"{name} is {value}; it must be above 0")

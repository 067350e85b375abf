"""A session: problems and solutions, with models' scores and people's labels; plain Python.

`record` has the frozen records, `codec` writes and reads them as versioned JSON, `convert` makes
them from scored and labelled solutions, and rows for other programs from them, `open` reads any
file as a session, and `export` writes one. `page` knows the form in which the page keeps a board.

    >>> from prm_core import Candidate, ScoredCandidate
    >>> candidate = Candidate("2 + 2?", ("2 + 2 = 5.",), "A")
    >>> session = from_scored([ScoredCandidate(candidate, (0.1,), (-2.2,), "my-prm")])
    >>> read_session(session_json(session)) == session
    True
"""

from __future__ import annotations

from prm_core.session.codec import (
    FORMAT,
    VERSION,
    load_session,
    read_session,
    save_session,
    session_json,
)
from prm_core.session.convert import (
    examples,
    from_examples,
    from_scored,
    from_session_rows,
    prm800k_rows,
    processbench_rows,
    result_rows,
    scores_of,
    session_rows,
    trl_rows,
    with_scores,
)
from prm_core.session.export import export
from prm_core.session.open import Opened, cut, from_rows, open_session
from prm_core.session.page import page_results
from prm_core.session.record import (
    Draft,
    Label,
    Model,
    Problem,
    Scores,
    Session,
    Settings,
    Solution,
)

__all__ = [
    "FORMAT",
    "VERSION",
    "Draft",
    "Label",
    "Model",
    "Opened",
    "Problem",
    "Scores",
    "Session",
    "Settings",
    "Solution",
    "cut",
    "examples",
    "export",
    "from_examples",
    "from_rows",
    "from_scored",
    "from_session_rows",
    "load_session",
    "open_session",
    "page_results",
    "prm800k_rows",
    "processbench_rows",
    "read_session",
    "result_rows",
    "save_session",
    "scores_of",
    "session_json",
    "session_rows",
    "trl_rows",
    "with_scores",
]

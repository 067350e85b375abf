"""A second annotator's file beside the labels on the page."""

from __future__ import annotations

import base64
import binascii
import threading
from typing import Any

from prm_core.errors import DataError, PRMError
from prm_core.evaluation.agreement import Agreement, compare_labels
from prm_core.ui.exports import MAX_SESSION, PATIENCE_S
from prm_core.ui.problems import opened_file

MOST_NAME = 100
"""Characters of an annotator's name."""

_one_at_a_time = threading.Lock()


def compare_annotators(asked: object) -> dict[str, Any]:
    """How far the page's labels agree with a second annotator's file.

    Called by the browser (`server.compare_annotators`).

    Args:
        asked: `{"session", "name", "contents"}`: the page's session, compressed with gzip, and the
            second file with its name; both in base64.

    Returns:
        `{"name", "words", "differing"}`: the second annotator, the agreement in sentences, and the
        solutions on which they differ: `{"at", "name", "steps", "labels"}`, the problem's place,
        the solution's name, the steps, and the second's labels of all of its steps. Or
        `{"error"}`, why they cannot be compared.
    """
    match asked:
        case {"session": str(packed), "name": str(name), "contents": str(contents)} if (
            max(len(packed), len(contents)) <= MAX_SESSION
        ):
            pass
        case _:
            return {"error": "The file is too large for the page."}
    if not _one_at_a_time.acquire(timeout=PATIENCE_S):
        return {"error": "The server is busy; open the file again in a minute."}
    try:
        ours = opened_file(base64.b64decode(packed, validate=True), "session.json.gz").session
        opened = opened_file(base64.b64decode(contents, validate=True), name[:200])
        theirs, n_errors = opened.session, len(opened.errors)
        found = compare_labels(ours, theirs)
        if not found.n_solutions:
            raise DataError("has no labels of the steps that are labelled here", path=name[:200])
    except (PRMError, binascii.Error) as error:
        return {"error": str(error)}
    finally:
        _one_at_a_time.release()
    other = theirs.annotator[:MOST_NAME] or name[:MOST_NAME]
    words = _words(found, other)
    if n_errors:
        words += f" {_count(n_errors, 'row')} of the file could not be read."
    return {
        "name": other,
        "words": words,
        "differing": [
            {
                "at": one.place,
                "name": one.solution,
                "steps": one.steps,
                "labels": one.labels,
            }
            for one in found.differing
        ],
    }


def _words(found: Agreement, other: str) -> str:
    """
    >>> from prm_core.session import Problem, Session, Solution
    >>> def said(*labels):
    ...     one = Solution("A", steps=("a", "b"), labels=labels)
    ...     return Session((Problem("?", solutions=(one,)),))
    >>> _words(compare_labels(said(1, 0), said(1, 1)), "Bo")
    'You and Bo agree on 1 of 2 steps (50 %, Cohen’s kappa 0.00). Same first error: 0 of 1. 1 \
solution differs.'
    """
    n_same = sum(found.confusion[i][i] for i in range(len(found.confusion)))
    share = "" if found.agreement is None else f"{100 * found.agreement:.0f} %"
    kappa = "not defined" if found.kappa is None else f"{found.kappa:.2f}"
    n_firsts = round((found.first_error or 0) * found.n_judged)
    words = (
        f"You and {other} agree on {n_same} of {_count(found.n_steps, 'step')} ({share}, Cohen’s "
        f"kappa {kappa}). Same first error: {n_firsts} of {found.n_judged}."
    )
    n = len(found.differing)
    words += f" {_count(n, 'solution')} {'differs' if n == 1 else 'differ'}." if n else ""
    alone = [
        f"{_count(k, 'solution')} only {who}"
        for k, who in ((found.n_only_a, "you"), (found.n_only_b, other))
        if k
    ]
    return f"{words} Labelled by one alone: {', '.join(alone)}." if alone else words


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"

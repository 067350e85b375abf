"""A second annotator's file beside the labels of the page."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import replace
from typing import Any

import pytest

from prm_core.session import Label, Problem, Session, Solution, prm800k_rows, session_json, trl_rows
from prm_core.ui.annotators import compare_annotators

STEPS = ("One.", "Two.", "Three.")


def session(*labels: tuple[Label, ...], annotator: str = "") -> Session:
    problems = tuple(
        Problem(f"Problem {i}?", solutions=(Solution("B", steps=STEPS, labels=one),))
        for i, one in enumerate(labels)
    )
    return Session(problems, annotator=annotator)


def packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode())).decode()


def compared(mine: Session, text: str, name: str = "bo.jsonl.gz") -> dict[str, Any]:
    asked = {"session": packed(session_json(mine)), "name": name, "contents": packed(text)}
    return compare_annotators(asked)


MINE = session((1, 0, None), (1, 1, 1), (1, 1, 0))
THEIRS = session((1, 1, 0), (1, 1, 1), (), (1, 0, 0), annotator="Bo")


def test_agreement_is_said_and_the_differing_steps_are_listed() -> None:
    """Five steps of two solutions: one differs. By chance: (4·5 + 1·0) / 25, so kappa is 0."""
    found = compared(MINE, session_json(THEIRS))
    assert found["name"] == "Bo"
    assert found["words"] == (
        "You and Bo agree on 4 of 5 steps (80 %, Cohen’s kappa 0.00). Same first error: 1 of 2. "
        "1 solution differs. Labelled by one alone: 1 solution only you, 1 solution only Bo."
    )
    assert found["differing"] == [{"at": 0, "name": "B", "steps": (1,), "labels": (1.0, 1.0, 0.0)}]


@pytest.mark.parametrize("rows", [trl_rows, prm800k_rows])
def test_rows_say_who_labelled(rows: Any) -> None:
    text = "".join(json.dumps(row) + "\n" for row in rows(THEIRS))
    assert compared(MINE, text)["name"] == "Bo"
    unsigned = "".join(json.dumps(row) + "\n" for row in rows(replace(THEIRS, annotator="")))
    assert compared(MINE, unsigned)["name"] == "bo.jsonl.gz"


@pytest.mark.parametrize(
    "asked",
    [
        None,
        {"session": "!", "name": "x", "contents": "!"},
        {"session": packed(session_json(MINE)), "name": "x", "contents": packed("rubbish")},
        {"session": packed("{}"), "name": "x", "contents": packed(session_json(THEIRS))},
        {
            "session": packed(session_json(session((1, 1, 1)))),
            "name": "x",
            "contents": packed(session_json(Session((Problem("Another?"),)))),
        },
    ],
)
def test_what_cannot_be_compared_gets_a_sentence(asked: object) -> None:
    found = compare_annotators(asked)
    assert set(found) == {"error"}
    assert found["error"].strip()

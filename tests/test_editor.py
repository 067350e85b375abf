"""What a browser may send as a draft."""

from __future__ import annotations

import pytest

from prm_core.ui.editor import PlaceError, read_draft


@pytest.mark.parametrize(
    ("problem", "solutions", "where", "what"),
    [("half \ud83d", ["s"], "problem", "The problem"), ("p", ["s", "\udc00"], 1, "Solution B")],
)
def test_half_of_a_character_is_named(
    problem: str, solutions: list[str], where: str | int, what: str
) -> None:
    with pytest.raises(PlaceError, match=f"{what} holds half of a character") as raised:
        read_draft({"problem": problem, "solutions": solutions, "rule": "auto"})
    assert raised.value.where == where

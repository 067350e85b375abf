"""What a browser may send as a draft."""

from __future__ import annotations

import pytest

from prm_core.ui.editor import PlaceError, read_draft


def test_half_of_a_character_is_named() -> None:
    with pytest.raises(PlaceError, match="The problem contains an unpaired surrogate") as raised:
        read_draft({"problem": "half \ud83d", "solutions": ["s"], "rule": "auto"})
    assert raised.value.where == "problem"
    draft = read_draft({"problem": "p", "solutions": ["s", "\udc00"], "rule": "auto"})
    assert list(draft.refused) == [1]
    assert "Solution B contains an unpaired surrogate" in draft.refused[1]


def test_one_solution_that_is_too_long_refuses_no_other() -> None:
    draft = read_draft({"problem": "p", "solutions": ["s", "x" * 200_001], "rule": "auto"})
    assert draft.refused == {1: "Solution B has 200,001 characters; at most 200,000 are read."}

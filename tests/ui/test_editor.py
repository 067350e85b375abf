"""What a browser may send as a draft."""

from __future__ import annotations

import pytest

from prm_core.ui.editor import PlaceError, read_draft, split_preview


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


@pytest.mark.parametrize(
    ("rule", "words"),
    [("auto", ["numbered", "by paragraph"]), ("numbered", ["", "by paragraph"]),
     ("line", ["", ""]), ("separator:;", ["", ""])],
)  # fmt: skip
def test_a_preview_names_the_rule_that_cut_where_the_menu_does_not(
    rule: str, words: list[str]
) -> None:
    texts = ["1. Add 3.\n2. So 14.", "We add 3. Then more.\n\nSo it is 14."]
    assert [one["words"] for one in split_preview({"texts": texts, "rule": rule})] == words


def test_one_text_that_cannot_be_read_hides_no_other_preview() -> None:
    first, second = split_preview({"texts": ["One.\nTwo.", "half \ud83d"], "rule": "auto"})
    assert len(first["steps"]) == 2
    assert second["unread"]

# ruff: noqa: E501  (lists of words)
"""Whatever a row holds, it is read or named; nothing else is ever raised."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prm_core.errors import DataError
from prm_core.formats.candidate_sets import read_candidate_sets
from prm_core.formats.files import open_problems
from prm_core.formats.labelled import read_examples
from prm_core.formats.labelled_rows import LABELLED
from prm_core.formats.translate import FORMATS
from prm_core.labelling.solutions import read_unlabelled
from prm_core.session import open_session

# Values that come near what the formats want, and far from it.
ROLES = st.sampled_from(["user", "assistant", "tool", "system", "function", ""])
TEXTS = st.sampled_from(
    ["", " ", "a", "a\n\nb", "+", "-", "#### 7", "x\n#### ", "\\boxed{7}", "<think>", "ки", "Step 1: a ки", "N/A", "\ud800", "attachment://h"]
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers(-2, 3) | st.just(10**400) | st.floats(0, 1) | TEXTS
KEYS = st.sampled_from(
    ["role", "content", "text", "value", "steps", "probabilities", "log_odds", "extras", "rationales", "thinking", "labels", "scores", "answer", "correct", "name", "tool_calls", "function", "arguments", "type", "reasoning", "completions", "rating", "chosen_completion", "human_completion", "problem", "solutions", "id", "input", "target", "messages", "epoch", "attachments", "choices", "error", "question"]
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.fixed_dictionaries({"role": ROLES, "content": inner})
    ),
    max_leaves=12,
)
FIELDS = [{"problem", "solutions"}, {"question", "label"}, {"role", "content"}, {"eval", "status", "samples"}]  # fmt: skip
FIELDS += [set(one.fields) for one in FORMATS] + [set(one) for one in LABELLED]
ROWS = st.sampled_from(FIELDS).flatmap(
    lambda names: st.fixed_dictionaries(
        dict.fromkeys(sorted(names), VALUES),
        optional={
            name: VALUES
            for name in ("id", "gold_answer", "scores", "answer", "model", "session", "problem")
            if name not in names
        },
    )
)


def consume(path: Path, how: Any) -> None:
    error = None
    try:
        for one in how(path):
            assert one is not None
    except DataError as found:
        error = found
    assert error is None or (path.name in str(error) and len(str(error)) < 600)


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
@given(st.lists(ROWS, min_size=1, max_size=2))
def test_a_row_is_read_or_named(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def problems(path: Path) -> Any:
        with open_problems(path, None) as found:  # type: ignore[arg-type]
            yield from found

    consume(path, problems)
    for how in (read_candidate_sets, read_examples, read_unlabelled):
        consume(path, how)
    consume(path, lambda path: [open_session(path)])

# ruff: noqa: E501  (a case a line)
"""Sessions: what they hold, and that reading gives back what was written."""

from __future__ import annotations

import gzip
import json
import math
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prm_core import Candidate, DataError, InputError, ScoredCandidate
from prm_core.ranking.aggregate import METHODS
from prm_core.session import (
    VERSION,
    Draft,
    Model,
    Problem,
    Scores,
    Session,
    Settings,
    Solution,
    from_scored,
    from_session_rows,
    load_session,
    read_session,
    save_session,
    session_json,
    session_rows,
    with_scores,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
WORDS = TEXT.filter(lambda text: bool(text.strip()))
SHARE = st.floats(0, 1)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
MORE = st.dictionaries(TEXT, JSON, max_size=2)


def many(strategy: st.SearchStrategy[Any], n: int) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, min_size=n, max_size=n).map(tuple)


@st.composite
def scores(draw: st.DrawFn, n_steps: int) -> Scores:
    """Scores of the solution's steps, of the whole, or of other steps."""
    steps = tuple(draw(st.lists(WORDS, min_size=0 if n_steps else 1, max_size=3)))
    n = len(steps) or draw(st.sampled_from([1, n_steps]))
    p = draw(many(SHARE, n))
    odds = draw(many(st.floats(allow_nan=False), n) | st.just(()))
    extras = st.dictionaries(
        TEXT, many(st.none() | st.floats(allow_nan=False, allow_infinity=False), n), max_size=2
    )
    marks = draw(many(st.booleans(), len(steps)))
    return Scores(p, odds, draw(extras), tuple(draw(st.lists(TEXT, max_size=2))), steps, marks)


@st.composite
def solutions(draw: st.DrawFn, name: str, models: list[str]) -> Solution:
    steps = tuple(draw(st.lists(WORDS, max_size=3)))
    judged = draw(st.lists(st.sampled_from(models), unique=True)) if models else []
    n = len(steps)
    return Solution(
        name,
        draw(TEXT),
        steps,
        draw(many(st.booleans(), n)),
        draw(st.none() | TEXT),
        draw(TEXT),
        draw(TEXT),
        draw(st.none() | TEXT),
        draw(st.none() | st.booleans()),
        {model: draw(scores(n)) for model in judged},
        draw(many(st.none() | st.just("neutral") | SHARE, n)),
        draw(many(TEXT, n)),
        draw(TEXT),
        draw(TEXT),
        draw(st.none() | TEXT),
        draw(MORE),
    )


@st.composite
def problems(draw: st.DrawFn, models: list[str]) -> Problem:
    names = draw(st.lists(WORDS, max_size=3, unique=True))
    return Problem(
        draw(WORDS),
        draw(st.none() | TEXT | st.integers(0, 2**60)),
        tuple(draw(solutions(name, models)) for name in names),
        draw(st.none() | TEXT),
        draw(TEXT),
        draw(TEXT),
        draw(TEXT),
        draw(st.sampled_from(["", "done", "cancelled", "failed"])),
        draw(TEXT),
        draw(TEXT),
        draw(
            st.none() | st.builds(Draft, TEXT, TEXT, st.none() | TEXT, many(TEXT, 2), many(TEXT, 2))
        ),
        draw(MORE),
    )


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    models = draw(st.lists(WORDS, max_size=2, unique=True))
    shown = st.sampled_from(["", *models])
    return Session(
        tuple(draw(st.lists(problems(models), max_size=2))),
        tuple(
            Model(one, draw(TEXT), draw(TEXT), draw(TEXT), draw(SHARE), draw(st.booleans()))
            for one in models
        ),
        Settings(
            draw(shown),
            draw(shown),
            draw(st.sampled_from([*METHODS])),
            draw(st.none() | SHARE),
            draw(TEXT),
            draw(st.integers(0, 9)),
            draw(MORE),
        ),
        draw(TEXT),
        draw(TEXT),
        draw(TEXT),
        draw(MORE),
    )


@settings(max_examples=30, deadline=None)
@given(sessions())
def test_a_session_reads_back_equal(session: Session) -> None:
    text = session_json(session)
    again = read_session(text)
    assert again == session
    assert session_json(again) == text
    assert read_session(gzip.compress(text.encode())) == session


@settings(max_examples=15, deadline=None)
@given(sessions().filter(lambda session: bool(session.problems)))
def test_json_lines_read_back_equal(session: Session) -> None:
    lines = [json.dumps(row, allow_nan=False) for row in session_rows(session)]
    assert from_session_rows([json.loads(line) for line in lines]) == session


def test_a_file_is_the_same_for_the_same_session(tmp_path: Path) -> None:
    session = Session((Problem("2 + 2?", solutions=(Solution("A", "4"),)),), title="Ünïcode")
    for name in ("a.json", "b.json", "a.json.gz", "b.json.gz"):
        save_session(session, tmp_path / name)
        assert load_session(tmp_path / name) == session
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()


def written(**fields: Any) -> str:
    return json.dumps({"format": "prm-inspector-session", "version": VERSION} | fields)


def with_solution(**fields: Any) -> str:
    models = [{"id": "m"}]
    solution = {"name": "A", "steps": ["One.", "Two."]} | fields
    return written(
        models=models, problems=[{"problem": "?"}, {"problem": "?", "solutions": [solution]}]
    )


@pytest.mark.parametrize(
    ("text", "field", "said"),
    [
        ("[]", None, "is not a session"),
        ('{"format": "other"}', None, "is not a session"),
        (json.dumps({"format": "prm-inspector-session"}), "version", "null"),
        (json.dumps({"format": "prm-inspector-session", "version": 99}), "version", "is 99; this program reads version 1; open it with a newer PRM Inspector"),
        (json.dumps({"format": "prm-inspector-session", "version": True}), "version", "true"),
        (written(colour=1), "colour", "is not known in version 1"),
        (written(title=3), "title", "must be text, not 3"),
        (written(problems={}), "problems", "must be a list, not an object"),
        (written(problems=[{"problem": "?"}, {}]), "problems[1].problem", "is missing"),
        (written(settings={"aggregation": "best"}), "settings", "aggregation is 'best'; choose from 'min'"),
        (written(settings={"problem": -1}), "settings.problem", "from 0, not -1"),
        (written(settings={"model": "gone"}), None, "settings.model is 'gone', which is not in models"),
        (with_solution(labels=[1, 2]), "problems[1].solutions[0]", "labels contains 2.0"),
        (with_solution(labels=[1]), "problems[1].solutions[0]", "labels has 1 entries for 2 steps"),
        (with_solution(steps=["a", " "]), "problems[1].solutions[0]", "blank text at place 1"),
        (with_solution(name=""), "problems[1].solutions[0]", "name is empty"),
        (with_solution(scores={"m": {"probabilities": [0.5, 1.5]}}), "problems[1].solutions[0].scores[\"m\"]", "contains 1.5"),
        (with_solution(scores={"m": {"probabilities": [0.5, "x"]}}), "problems[1].solutions[0].scores[\"m\"].probabilities[1]", 'must be a number, not "x"'),
        (with_solution(scores={"m": {"probabilities": [0.5, 10**400]}}), "problems[1].solutions[0].scores[\"m\"].probabilities[1]", "too large"),
        (with_solution(scores={"m": {"probabilities": [0.5, 0.5, 0.5]}}), "problems[1].solutions[0]", "3 probabilities for 2 steps"),
        (with_solution(scores={"n": {"probabilities": [0.5]}}), None, "scores of 'n' are there, but not in models"),
        (with_solution(text="\ud800"), "problems[1].solutions[0]", "unpaired surrogate"),
        ('{"format": "prm-inspector-session", "version": 1, "title": NaN}', None, "NaN is not a JSON value"),
        ('{"format": "prm-inspector-session", "version": 1, "title": "a", "title": "b"}', "title", "appears twice"),
        ("[" * 100_000, None, "too deep"),
        (written(more={"a": json.loads("[" * 60 + "]" * 60)}), "more", "levels deep"),
        ("\ufeff" + written(), None, None),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_place(
    text: str, field: str | None, said: str | None
) -> None:
    if said is None:
        assert read_session(text) == Session()
        return
    with pytest.raises(DataError) as caught:
        read_session(text, "my.json")
    assert caught.value.field == field
    assert said in str(caught.value)
    assert str(caught.value).startswith("my.json")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "raw", [b"\x1f\x8b\x08rubbish", gzip.compress(written().encode(), mtime=0)[:-9], b"\xff\xfe"]
)
def test_damaged_bytes_are_an_error(raw: bytes) -> None:
    with pytest.raises(DataError, match="my"):
        read_session(raw, "my")


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prm_core.session.codec.MAX_BYTES", 10_000)
    with pytest.raises(DataError, match="more than 10,000 bytes"):
        read_session(gzip.compress(b" " * 10_000_000))


def test_scores_say_their_infinite_log_odds() -> None:
    assert Scores((0.0, 0.5, 1.0), (None, 0.0, None)) == Scores((0.0, 0.5, 1.0))  # type: ignore[arg-type]
    assert Scores((0.0, 1.0)).log_odds == (-math.inf, math.inf)
    with pytest.raises(InputError, match="NaN"):
        Scores((0.5,), (math.nan,))


def scored(name: str, *p: float, model: str = "m", problem: str = "2 + 2?") -> ScoredCandidate:
    steps = tuple(f"{name}, step {letter}." for letter in string.ascii_lowercase[: len(p)])
    odds = tuple(math.log(x / (1 - x)) for x in p)
    extras = {"raw": odds}
    return ScoredCandidate(Candidate(problem, steps, name), p, odds, model, extras, ("Hm.",))


def test_scored_candidates_come_back_equal() -> None:
    there = [scored("A", 0.1, 0.9), scored("B", 0.5), scored("A", 0.3, 0.4, model="n")]
    session = from_scored(there, thresholds={"n": 0.2}, gold_answers={"2 + 2?": "4"})
    (problem,) = session.problems
    assert problem.scored("m") == there[:2]
    assert problem.scored("n") == [there[2], None]
    assert problem.gold_answer == "4"
    assert [one.threshold for one in session.models] == [0.5, 0.2]


def test_an_outcome_model_scores_the_whole() -> None:
    candidate = Candidate("2 + 2?", ("One.", "Two."), "A", (True, False))
    whole = ScoredCandidate(candidate.joined(), (0.7,), (0.85,), "orm")
    session = from_scored([whole])
    (solution,) = session.problems[0].solutions
    assert solution.steps == ("One.", "Two.")
    again = read_session(session_json(session)).problems[0].scored("orm")
    assert again == [whole]
    assert again[0] is not None
    assert again[0].candidate.whole_of == candidate


def test_new_scores_leave_the_others_whatever_steps_they_are_of() -> None:
    session = from_scored([scored("A", 0.1, 0.9), scored("B", 0.5)])
    solution = session.problems[0].solutions[0]
    assert solution.labels == ()
    more = with_scores(session, 0, Model("n"), {"A": scored("A", 0.2, 0.3, model="n")})
    assert more.problems[0].scored("m") == session.problems[0].scored("m")
    assert [one.id for one in more.models] == ["m", "n"]
    cut = scored("A", 0.2, 0.3, 0.4, model="n")
    recut = with_scores(more, 0, Model("n"), {"A": cut})
    first, second = recut.problems[0].solutions
    assert first.scored("2 + 2?", "n") == cut
    assert first.scored("2 + 2?", "m") == session.problems[0].scored("m")[0]
    assert first.steps == solution.steps
    assert second == session.problems[0].solutions[1]
    assert read_session(session_json(recut)) == recut


def test_a_solution_without_scores_takes_the_steps_that_are_judged() -> None:
    text = Session((Problem("2 + 2?", solutions=(Solution("A", "Three steps."),)),))
    judged = with_scores(text, 0, Model("n"), {"A": scored("A", 0.2, 0.3, 0.4, model="n")})
    (solution,) = judged.problems[0].solutions
    assert solution.steps == scored("A", 0.2, 0.3, 0.4).candidate.steps
    assert solution.scores["n"].steps == ()


def test_scores_that_name_the_solution_s_own_steps_are_the_same_without() -> None:
    for own in (Scores((0.5, 0.25), steps=("a", "b")), Scores((0.5,), steps=("a\n\nb",))):
        named = Solution("A", steps=("a", "b"), scores={"m": own})
        assert named == Solution("A", steps=("a", "b"), scores={"m": Scores(own.probabilities)})
    with pytest.raises(InputError, match="steps has 1 entries for 2 probabilities"):
        Scores((0.5, 0.25), steps=("a",))


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [at, *(place for name, one in inside for place in places(one, (*at, name)))]


@pytest.mark.parametrize("wrong", [None, True, -1, 10**400, "", "\ud800", [], {}, [[]], {"a": 1}])
def test_another_value_anywhere_is_read_or_named(wrong: Any) -> None:
    text = with_solution(
        scores={
            "m": {
                "probabilities": [0.5, 1.0],
                "log_odds": [0, None],
                "extras": {"raw": [1, None]},
                "rationales": ["a"],
            }
        },
        labels=[1, "neutral"],
        thinking=[True, False],
    )
    whole = json.loads(text) | {"settings": {"model": "m", "view": {"a": [1]}}}
    whole["problems"][0]["draft"] = {"names": ["A"], "texts": ["a"]}
    for *above, last in places(whole)[1:]:
        changed = json.loads(json.dumps(whole))
        holder = changed
        for name in above:
            holder = holder[name]
        holder[last] = wrong
        try:
            session = read_session(json.dumps(changed))
        except DataError:
            continue
        assert read_session(session_json(session)) == session

"""A PRM as a verifier: the textbook's examples, through the short way in Python."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from prm_core import Candidate, InputError, ScoredCandidate, StepScorer, Verifier, load_scorer
from prm_core.errors import BadOptionError, NoStepsError, TooLongError
from prm_core.scoring.local import Scorer

PROBLEM = "What is 7 × 8?"
A = ["I need to multiply 7 by 8.", "7 × 8 = 56.", "The answer is 56."]
B = ["I need to multiply 7 by 8.", "7 × 8 = 54.", "The answer is 54."]
C = ["I need to multiply 7 by 8.", "7 × 8 = 54.", "Wait, let me check: 7 × 8 = 56.", A[2]]


class Scripted(StepScorer):
    """Says what it was told to say, by the text of the step."""

    model_id = "me"
    threshold = 0.35

    def __init__(self, says: dict[str, float]) -> None:
        self.says = says

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        return [
            ScoredCandidate(c, p := tuple(self.says[s] for s in c.steps), (0.0,) * len(p), "me")
            for c in candidates
        ]


SAYS = {A[0]: 0.95, A[1]: 0.9, A[2]: 0.85, B[1]: 0.3, B[2]: 0.4, C[2]: 0.8}


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return load_scorer(device="cpu")


def test_a_verdict_names_the_score_the_weakest_step_the_error_and_the_answer() -> None:
    verdict = Verifier(Scripted(SAYS), "mean").score(PROBLEM, "\n".join(B))
    assert verdict.score == pytest.approx((0.95 + 0.3 + 0.4) / 3)
    assert (verdict.weakest_step, verdict.weakest_probability) == (1, 0.3)
    assert verdict.first_error == 1  # 0.4 is not below this scorer's threshold of 0.35
    assert verdict.answer == "54"
    assert verdict.steps == tuple(B)
    assert verdict.probabilities == (0.95, 0.3, 0.4)
    assert (verdict.rank, verdict.tied, verdict.index) == (1, False, 0)


def test_solutions_are_ranked_by_the_chosen_aggregation_and_keep_their_place() -> None:
    def order(aggregation: str) -> list[tuple[int, int]]:
        verdicts = Verifier(Scripted(SAYS), aggregation).rank(PROBLEM, [B, A, C])
        return [(v.rank, v.index) for v in verdicts]

    assert order("min") == [(1, 1), (2, 0), (2, 2)]  # B and C share their weakest step
    assert order("last") == [(1, 1), (1, 2), (3, 0)]


def test_texts_and_lists_of_steps_give_the_same_verdict() -> None:
    verifier = Verifier(Scripted(SAYS))
    assert verifier.score(PROBLEM, A) == verifier.score(PROBLEM, "\n".join(A))


def test_any_iterable_of_solutions_and_steps_will_do() -> None:
    verifier = Verifier(Scripted(SAYS))
    assert verifier.score(PROBLEM, iter(A)) == verifier.score(PROBLEM, A)
    found = verifier.rank(PROBLEM, (iter(steps) for steps in (B, A)))
    assert found == verifier.rank(PROBLEM, [B, A])
    assert list(verifier.stream([(PROBLEM, iter([B, iter(A)]))])) == [found]


def test_an_answer_that_was_only_thought_of_is_no_answer() -> None:
    says = {"7 × 8 = 54.": 0.4, "So 54.": 0.4, "The answer is 56.": 0.9}
    text = "<think>\n7 × 8 = 54.\n\nSo 54.\n</think>\nThe answer is 56."
    verdict = Verifier(Scripted(says)).score(PROBLEM, text)
    assert verdict.answer == "56"
    assert verdict.scored.candidate.thinking == (True, True, False)


def test_the_reference_s_ranking_comes_out_with_the_default_model(scorer: Scorer) -> None:
    for aggregation in ("min", "prod"):
        verdicts = Verifier(scorer, aggregation).rank(PROBLEM, [A, B, C])
        assert verdicts[0].index == 0
        assert [v.first_error for v in sorted(verdicts, key=lambda v: v.index)] == [None, 1, 1]
    for aggregation in ("last", "mean"):
        assert Verifier(scorer, aggregation).rank(PROBLEM, [A, B, C])[-1].index == 1


def test_what_cannot_be_judged_is_refused_with_the_way_out() -> None:
    with pytest.raises(BadOptionError, match="choose from min, prod"):
        Verifier(Scripted(SAYS), "median")
    verifier = Verifier(Scripted(SAYS))
    with pytest.raises(InputError, match="call score"):
        verifier.rank(PROBLEM, "7 × 8 = 56.")
    with pytest.raises(InputError, match="no solutions"):
        verifier.rank(PROBLEM, [])
    with pytest.raises(NoStepsError):
        verifier.score(PROBLEM, "  \n ")
    with pytest.raises(NoStepsError, match=r"^solution 10: .* no steps; write"):
        verifier.rank(PROBLEM, [A] * 9 + ["---"])
    with pytest.raises(InputError, match=r"^solution 2: .* surrogate"):
        verifier.rank(PROBLEM, [A, "half a \ud800 character"])


def test_what_the_model_cannot_read_is_named(scorer: Scorer) -> None:
    long = "7 × 8 = 56. " * 5000
    with pytest.raises(TooLongError, match=r"^solution 2: .* tokens"):
        Verifier(scorer).rank(PROBLEM, [A, long, B])
    found = list(Verifier(scorer).stream([(PROBLEM, [A]), (PROBLEM, [B, A, long])], 10))
    assert isinstance(found[0], list)
    assert isinstance(found[1], TooLongError)
    assert str(found[1]).startswith("solution 3: ")


def test_what_is_no_scorer_is_refused_at_once() -> None:
    class Half:
        model_id = "half"

        def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
            return []

    half: Any = Half()
    with pytest.raises(BadOptionError, match=r"Half, has no threshold, .*; inherit from .*Scorer"):
        Verifier(half)


class Counting(Scripted):
    """Also says which problems came in each call, and refuses long texts."""

    elsewhere, repeatable = True, True

    def __init__(self, says: dict[str, float]) -> None:
        super().__init__(says)
        self.calls: list[list[str]] = []

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        self.calls.append(list(dict.fromkeys(one.problem for one in candidates)))
        if any("long" in step for one in candidates for step in one.steps):
            raise TooLongError("a candidate has 5,000 tokens")
        return super().score(candidates)


def test_problems_stream_in_order_with_an_error_where_one_has_no_verdict() -> None:
    scorer = Counting(SAYS)
    rows: list[tuple[str, list[str | list[str]]]] = [
        ("one", [B, A]),
        ("none", []),
        ("two", ["so long"]),
        ("blank", [A, ""]),
        ("three", [C]),
    ]
    found = list(Verifier(scorer).stream(rows, n_together=100))
    assert [type(one).__name__ for one in found] == [
        "list",
        "InputError",
        "TooLongError",
        "NoStepsError",
        "list",
    ]
    assert isinstance(found[0], list)
    assert [verdict.index for verdict in found[0]] == [1, 0]
    assert found[0] == Verifier(Scripted(SAYS)).rank("one", [B, A])
    assert scorer.calls[0] == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("problem", "solutions", "words"),
    [
        (PROBLEM, None, "the solutions are None; give a list"),
        (PROBLEM, [None], "solution 1 holds None"),
        (PROBLEM, [A, ["7 × 8 = 56.", 56]], "solution 2 holds 56"),
        (PROBLEM, "7 × 8 = 56.", "the solutions are one text"),
        (None, ["a"], "the problem is None; give its text"),
        (" ", ["a"], "an empty problem"),
    ],
)
def test_a_malformed_problem_gets_its_error_and_the_others_are_scored(
    problem: Any, solutions: Any, words: str
) -> None:
    rows = [(PROBLEM, [A]), (problem, solutions), (PROBLEM, [B])]
    before, error, after = Verifier(Scripted(SAYS)).stream(rows)
    assert isinstance(error, InputError)
    assert words in str(error)
    assert isinstance(before, list)
    assert isinstance(after, list)
    assert (before[0].answer, after[0].answer) == ("56", "54")


def test_no_more_problems_are_taken_than_one_call_scores() -> None:
    scorer, taken = Counting(SAYS), list[int]()

    def problems() -> Iterator[tuple[str, list[str | list[str]]]]:
        for number in itertools.count():  # there is no end
            taken.append(number)
            yield f"problem {number}", [A, B]

    stream = Verifier(scorer).stream(problems(), n_together=6)
    first = list(itertools.islice(stream, 4))
    assert len(first) == 4
    assert len(taken) == 6  # two calls of three problems with two solutions each
    assert [len(call) for call in scorer.calls] == [3, 3]


def test_a_local_model_gets_a_problem_at_a_time_and_gives_what_rank_gives(scorer: Scorer) -> None:
    verifier = Verifier(scorer)
    rows = [(PROBLEM, [A, B]), ("What is 8 × 3?", ["8 × 3 = 21.\nThe answer is 21."])]
    alone = [verifier.rank(*row) for row in rows]
    for together in (None, 10):
        for one, other in zip(verifier.stream(iter(rows), together), alone, strict=True):
            assert isinstance(one, list)
            for got, wanted in zip(one, other, strict=True):
                assert got.index == wanted.index
                assert got.probabilities == pytest.approx(wanted.probabilities, abs=1e-5)

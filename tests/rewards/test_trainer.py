"""The reward function, called as TRL calls it, and by TRL itself where that is installed."""

from __future__ import annotations

import json
import math
import runpy
import sys
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from prm_core.errors import BadOptionError, InputError, TooLongError
from prm_core.rewards.trainer import PRMReward
from prm_core.scoring.open import open_scorer
from prm_core.types import Candidate, ScoredCandidate, StepScorer
from tests.families.test_qwen_prm import make
from tests.pooling import serve_pooling

EXAMPLE = Path(__file__).parents[2] / "examples" / "grpo_with_a_prm.py"
RIGHT, WRONG = "7 × 8 = 56.\nThe answer is 56.", "7 × 8 = 54.\nThe answer is 54."
PROBLEM = "What is 7 × 8?"


class Says(StepScorer):
    """0.9 of every step, 0.2 of those with 54; refuses what is long."""

    model_id = "says"
    threshold = 0.3

    def __init__(self) -> None:
        self.calls: list[list[Candidate]] = []

    def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
        self.calls.append(list(candidates))
        for one in candidates:
            self.check_length(one)
        return [
            ScoredCandidate(
                one, p := tuple(0.2 if "54" in s else 0.9 for s in one.steps), (0.0,) * len(p), "x"
            )
            for one in candidates
        ]

    def check_length(self, candidate: Candidate) -> None:
        if len("".join(candidate.steps)) > 200:
            raise TooLongError("a candidate has 1,000 tokens")


@pytest.mark.parametrize("calls", ["times", [{}], [{"function": {"arguments": "{}"}}]])
def test_a_call_that_cannot_be_read_is_a_wrong_step_and_the_others_are_scored(calls: Any) -> None:
    odd = [{"role": "assistant", "content": "I ask.", "tool_calls": calls}]
    reward = PRMReward(Says(), "raw")
    assert reward([PROBLEM] * 2, [odd, RIGHT]) == [0.0, pytest.approx(1.8)]
    assert "call" in reward.rewarded([PROBLEM], [odd])[0].why


def test_a_batch_is_scored_in_one_call_and_in_order() -> None:
    scorer = Says()
    reward = PRMReward(scorer, "raw", problem="question")
    found = reward(prompts=["Q: 7 × 8\nA:"] * 2, completions=[RIGHT, WRONG], question=[PROBLEM] * 2)
    assert found == [pytest.approx(1.8), pytest.approx(0.4)]
    ((first, second),) = scorer.calls
    assert first.problem == second.problem == PROBLEM
    assert first.steps == ("7 × 8 = 56.", "The answer is 56.")


def test_conversations_are_read_as_texts_are() -> None:
    scorer = Says()
    prompt = [
        {"role": "user", "content": "What is 1 + 1?"},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": [{"type": "text", "text": PROBLEM}]},
    ]
    replies: list[list[dict[str, Any]]] = [
        [{"role": "assistant", "content": RIGHT}],
        [{"role": "assistant", "content": [{"type": "text", "text": RIGHT}]}],
    ]
    found = PRMReward(scorer, "raw")(prompts=[prompt] * 2, completions=replies)
    assert found == PRMReward(Says(), "raw")(prompts=[PROBLEM] * 2, completions=[RIGHT] * 2)
    assert {one.problem for one in scorer.calls[0]} == {PROBLEM}


def test_turns_with_tools_are_steps() -> None:
    turns: list[dict[str, Any]] = [
        {
            "role": "assistant",
            "content": "Let me calculate.",
            "tool_calls": [{"function": {"name": "times", "arguments": {"a": 7, "b": 8}}}],
        },
        {"role": "tool", "content": "56"},
        {"role": "assistant", "content": "The answer is 56."},
    ]
    scorer = Says()
    (one,) = PRMReward(scorer).rewarded([[{"role": "user", "content": PROBLEM}]], [turns])
    call, answer = scorer.calls[0][0].steps
    assert call.startswith("Let me calculate.")
    assert call.endswith("→ 56")
    assert answer == "The answer is 56."
    with pytest.raises(InputError, match="one text"):
        one.by_token([(0, 1)])


@pytest.mark.parametrize("form", ["raw", "log", "difference", "pure", "until-error"])
def test_what_cannot_be_scored_earns_no_more_than_a_wrong_step(form: str) -> None:
    """Not 0, which would be the best that "log" has to give, and no row stops the others."""
    blank: list[dict[str, Any]] = [{"role": "assistant", "content": " "}]
    said: dict[str, float] = {}
    reward = PRMReward(Says(), form)
    found = reward(
        prompts=[PROBLEM] * 6,
        completions=["", RIGHT, "x " * 150, blank, "half a \ud800 character", WRONG],
        log_metric=said.__setitem__,
    )
    alone = PRMReward(Says(), form)(prompts=[PROBLEM], completions=["54"])
    for place in (0, 2, 3, 4):
        assert found[place] <= alone[0] + 1e-12
    assert found[1] > found[5]
    assert said == {"prm/unscored": pytest.approx(4 / 6), "prm/steps": 2.0, "prm/min": 0.55}


def test_a_right_answer_earns_its_weight() -> None:
    reward = PRMReward(Says(), "until-error", outcome="gold", outcome_weight=2.0)
    rows = {"prompts": [PROBLEM] * 3, "completions": [RIGHT, WRONG, RIGHT]}
    found = reward(**rows, gold=["56", "56", None])
    # 0.2 is below this scorer's threshold of 0.3, so the wrong one earns nothing before it.
    assert found == [pytest.approx(1.8 + 2.0), 0.0, pytest.approx(1.8)]


@pytest.mark.parametrize(
    "gold",
    [
        "He has 7*8 = <<7*8=56>>56 apples.\n#### 56",
        r"The product is $7 \cdot 8 = \boxed{56}$ apples.",
        "7 × 8 = 56.\nThe answer is 56.",
        "The answer is 56.",
    ],
)
def test_a_column_of_reference_solutions_is_read_for_their_answers(gold: str) -> None:
    reward = PRMReward(Says(), "raw", problem="question", outcome="answer")
    rows = {"prompts": ["x"] * 2, "completions": [RIGHT, WRONG], "question": [PROBLEM] * 2}
    assert reward(**rows, answer=[gold] * 2) == [pytest.approx(1.8 + 1.0), pytest.approx(0.4)]


def test_rewards_by_token_lie_where_the_steps_end() -> None:
    (one,) = PRMReward(Says(), "shaped", gamma=1.0).rewarded([PROBLEM], [RIGHT])
    offsets = [(i, i + 1) for i in range(len(RIGHT))]  # a token for each character
    placed = one.by_token(offsets)
    assert [RIGHT[: i + 1].rsplit("\n")[-1] for i, r in enumerate(placed) if r] == [
        "7 × 8 = 56.",
        "The answer is 56.",
    ]
    assert math.fsum(placed) == pytest.approx(0.0)


def test_what_would_teach_nothing_or_something_else_is_refused() -> None:
    rows = {"prompts": [PROBLEM], "completions": [RIGHT]}
    with pytest.raises(BadOptionError, match="same for every completion"):
        PRMReward(Says(), "shaped")(**rows)
    with pytest.raises(BadOptionError, match="no column 'gold'; it has answer"):
        PRMReward(Says(), outcome="gold")(**rows, answer=["56"])
    with pytest.raises(BadOptionError, match="no column 'question'"):
        PRMReward(Says(), problem="question")(**rows)
    with pytest.raises(BadOptionError, match="takes temperature, not gamma"):
        PRMReward(Says(), gamma=0.9)
    with pytest.raises(BadOptionError, match="'words'"):
        PRMReward(Says(), steps="words")
    with pytest.raises(InputError, match="0 completions for 1 prompts"):
        PRMReward(Says())([PROBLEM], [])
    with pytest.raises(InputError, match="no message of a user"):
        PRMReward(Says())([[{"role": "system", "content": "Be brief."}]], [RIGHT])


@pytest.mark.parametrize("name", ["question", "answer"])
@pytest.mark.parametrize(
    ("column", "words"),
    [
        (["7"], "has 1 entries for 2 prompts; give one for each"),
        (["7"] * 3, "has 3 entries for 2 prompts; give one for each"),
        ([], "has 0 entries for 2 prompts; give one for each"),
        ("77", "is text; give a list, one entry a prompt"),
        (None, "is null; give a list, one entry a prompt"),
        (["7", ["7"]], "entry 2 of column '{}' is a list; it must be a text"),
        (["7", {"a": 1}], "entry 2 of column '{}' is an object; it must be a text"),
    ],
)
def test_a_column_that_does_not_fit_is_named(name: str, column: Any, words: str) -> None:
    columns: dict[str, Any] = {"question": [PROBLEM] * 2, "answer": ["56"] * 2} | {name: column}
    reward = PRMReward(Says(), problem="question", outcome="answer")
    with pytest.raises(InputError) as caught:
        reward(["", ""], [RIGHT, WRONG], **columns)
    assert words.format(name) in str(caught.value)
    assert f"column {name!r}" in str(caught.value)


def test_a_problem_that_is_missing_is_named() -> None:
    with pytest.raises(InputError, match="entry 1 of column 'q' is a number; it must be a text"):
        PRMReward(Says(), problem="q")([""], [RIGHT], q=[7])
    with pytest.raises(InputError, match="entry 2 of column 'q' is null; it must be a text"):
        PRMReward(Says(), problem="q")(["", ""], [RIGHT, RIGHT], q=[PROBLEM, None])


def test_a_problem_that_is_blank_is_no_bad_completion() -> None:
    with pytest.raises(InputError, match="entry 1 of the prompts is blank"):
        PRMReward(Says())(["", PROBLEM], [RIGHT] * 2)
    with pytest.raises(InputError, match="entry 2 of column 'q' is blank"):
        PRMReward(Says(), problem="q")([PROBLEM] * 2, [RIGHT] * 2, q=[PROBLEM, " \n"])


def test_what_is_no_scorer_is_refused_at_once() -> None:
    class Half:
        model_id = "half"
        threshold = 0.5

        def score(self, candidates: Sequence[Candidate]) -> list[ScoredCandidate]:
            return []

    half: Any = Half()
    with pytest.raises(BadOptionError, match="Half, has no check_length; inherit from"):
        PRMReward(half)


def test_right_answers_may_be_numbers_of_any_library() -> None:
    numpy = pytest.importorskip("numpy")
    reward = PRMReward(Says(), "raw", outcome="answer")
    for column in (numpy.array([56, 7]), [Decimal("56.0"), Decimal(7)], (56.0, 7)):
        right, wrong = reward([PROBLEM] * 2, [RIGHT] * 2, answer=column)
        assert right - wrong == pytest.approx(1.0)
    unknown, null = reward([PROBLEM] * 2, [RIGHT] * 2, answer=numpy.array([math.nan, math.nan]))
    assert unknown == null == pytest.approx(1.8)  # no answer is known, so none counts


# TRL sets an option under a name that transformers is about to drop.
@pytest.mark.filterwarnings("ignore:.*will be removed in v6:FutureWarning")
def test_trl_takes_it_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example, shortened: real steps of GRPO with the default model's rewards."""
    pytest.importorskip("trl")
    words = "--imitate 3 --steps 1 --size 16"
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *words.split()])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    printed = capsys.readouterr().out
    assert "before: reward" in printed
    assert "after: reward" in printed
    logged = [json.loads(line.replace("'", '"')) for line in printed.splitlines() if "{" in line]
    assert "rewards/prm_pure/mean" in logged[0]
    assert {"prm/steps", "prm/min", "prm/unscored"} & logged[0].keys()


def test_the_scorer_may_be_on_a_server_named_as_in_the_model_field(tmp_path: Path) -> None:
    """vLLM's protocol on loopback; what each step earns is worked out from what the server said."""
    directory = make(tmp_path / "qwen", n_files=1)
    with (
        serve_pooling(3, str(directory)) as server,
        closing(open_scorer(f"{directory} --server {server.url}")) as scorer,
    ):
        found = PRMReward(scorer, "raw")([PROBLEM] * 3, [RIGHT, "", WRONG])
        scored = scorer.score([Candidate(PROBLEM, tuple(RIGHT.split("\n")))])
    assert found[0] == pytest.approx(sum(scored[0].probabilities))
    assert found[1] == 0.0


def test_a_line_opens_a_model_here() -> None:
    with closing(open_scorer(" --device cpu")) as scorer:
        (right, wrong) = PRMReward(scorer)([PROBLEM] * 2, [RIGHT, WRONG])
    assert right > 0 > wrong
    with pytest.raises(BadOptionError, match="--nothing"):
        open_scorer("my-prm --nothing 1")

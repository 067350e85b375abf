"""Verifiers that write: their prompts and readings against their authors', a scripted server."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prm_core import http_client
from prm_core.bulk.run import Task, result_lines
from prm_core.catalog import KNOWN_MODELS
from prm_core.cli import main
from prm_core.errors import BadOptionError, InputError, ModelError, NoVerdictError
from prm_core.formats.problems import ProblemRow
from prm_core.formats.results import result_row
from prm_core.scoring.load import load_scorer
from prm_core.scoring.served import open_server
from prm_core.types import Candidate
from prm_core.ui import models
from prm_core.ui.models import ModelHost, ModelState
from prm_core.verifiers import (
    VERIFIERS,
    VerifierRecipe,
    VerifierScorer,
    critic,
    gen_prm,
    open_verifier,
    recipe_of,
    think_prm,
)
from prm_core.verifiers.base import Judgement, Reply, Token
from tests.completions import RefusedError, Server, serve
from tests.families import build

SUM = Candidate("What is 2 + 3 + 4?", ("2 + 3 = 5.", "5 + 4 = 8."), "a")
TYPED = Candidate(
    "{solution} or {tagged_response}?",
    (r"\boxed{-1} </think> \boxed{correct}", "<paragraph_0>\n</paragraph_0> </analyze>"),
    "b",
)
CANDIDATES = [SUM, TYPED, Candidate("p", ("one",)), Candidate("p\n", tuple("abcdef"))]
NAME = "some/model"
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "_LONGEST_WAIT_S", 0.01)


# --- the prompts, retyped from the authors' programs ----------------------------------------------


def think_prm_text(problem: str, steps: tuple[str, ...]) -> str:
    """mukhal/ThinkPRM: process_example, then format_verification_cot_for_thinkprm."""
    text = "You are given a math problem and a proposed step-by-step solution:\n"
    text += "\n"
    text += "[Math Problem]\n"
    text += "\n"
    text += problem + "\n"
    text += "\n"
    text += "[Solution]\n"
    text += "\n"
    solution = ""
    for i in range(len(steps)):
        solution = solution + "Step " + str(i + 1) + ": " + steps[i] + "\n"
    text += solution.strip() + "\n"
    text += "\n"
    text += "Review and critique each step in the proposed solution to determine whether each step "
    text += "is correct. If the solution is incomplete, only verify the provided steps."
    return text


def critic_text(problem: str, steps: tuple[str, ...]) -> str:
    """QwenLM/ProcessBench: prepare_input_boxed on its template."""
    text = "The following is a math problem and a solution (split into paragraphs, enclosed with "
    text += "tags and indexed from 0):\n"
    text += "\n"
    text += "[Math Problem]\n"
    text += "\n"
    text += problem + "\n"
    text += "\n"
    text += "[Solution]\n"
    text += "\n"
    tagged = ""
    for i in range(len(steps)):
        tagged += "<paragraph_" + str(i) + ">\n" + steps[i] + "\n</paragraph_" + str(i) + ">\n\n"
    text += tagged.strip() + "\n"
    text += "\n"
    text += "Your task is to review and critique the solution paragraph by paragraph. Once you "
    text += "identify an error in a paragraph, return the index of the paragraph where the "
    text += "earliest error occurs. Otherwise, return the index of -1 (which typically denotes "
    text += '"not found").\n'
    text += "\n"
    text += "Please put your final answer (i.e., the index) in \\boxed{}."
    return text


@pytest.mark.parametrize("candidate", CANDIDATES)
def test_prompts_of_one_turn_are_the_authors(candidate: Candidate) -> None:
    text = think_prm_text(candidate.problem, candidate.steps)
    assert think_prm.conversation(candidate) == [{"role": "user", "content": text}]
    text = critic_text(candidate.problem, candidate.steps)
    assert critic.conversation(candidate) == [{"role": "user", "content": text}]


def test_a_step_s_own_number_is_not_doubled() -> None:
    written = Candidate(SUM.problem, ("**Step 1:** 2 + 3 = 5.", "2) 5 + 4 = 8."))
    text = think_prm_text(SUM.problem, SUM.steps).replace("Step 1:", "**Step 1:**")
    assert think_prm.conversation(written)[0]["content"] == text


def test_the_critic_s_template_is_the_file() -> None:
    digest = "0e7dba24bfaa9dea379907e11b8dc701c6cd6e74453ab2ffc9b1d63237cc4434"
    assert hashlib.sha256(critic.TEMPLATE.encode()).hexdigest() == digest
    assert digest in (critic.__doc__ or "")
    one = Candidate("p", ("s",))
    filled = critic.TEMPLATE.format(problem="p", tagged_response="<paragraph_0>\ns\n</paragraph_0>")
    assert critic.conversation(one)[0]["content"] == filled


STEP_BY_STEP = (
    "You are a math teacher. Your task is to review and critique the paragraphs in solution step "
    "by step."
)
DIRECTLY = (
    "You are a math teacher. Your task is to review and critique the paragraphs in solution "
    "directly. Output your judgement in the format of `\\boxed{Yes}` if the paragraph is correct, "
    "or `\\boxed{No}` if the paragraph is incorrect."
)


def gen_prm_requests(analyses: dict[int, str] | None, judgements: dict[int, str]) -> list[Any]:
    """RyanLiu112/GenPRM: eval_logic/processbench.py and inference() for SUM, one sample."""
    steps = list(SUM.steps)
    steps[0] = SUM.problem + "\n" + steps[0]
    system = {"role": "system", "content": STEP_BY_STEP if analyses else DIRECTLY}
    messages = [system]
    sent = []
    for cur_step in (1, 2):
        messages.append({"role": "user", "content": steps[cur_step - 1]})
        prompt = ""
        if analyses:
            prompt = f"<analyze>\nLet's analyze the Paragraph {cur_step} step by step: "
            sent.append([*messages, {"role": "assistant", "content": prompt}])
            prompt += analyses[cur_step] + "</analyze>\n"  # the stop string is in their output
        prompt += "<output>\n**Judgement**: $\\boxed"
        sent.append([*messages, {"role": "assistant", "content": prompt}])
        text = prompt + judgements[cur_step] + "</output>\n"
        messages.append({"role": "assistant", "content": text})
    return [*sent, messages]


def judged(word: str, log_p: float, top: dict[str, float], text: str | None = None) -> Reply:
    """What GenPRM writes after "$\\boxed"."""
    tokens = ("{", word, "}", "$\n")
    told = (*top.items(), *((f"other {i}", -0.05) for i in range(20 - len(top))))
    return Reply(
        f"{{{word}}}$\n" if text is None else text,
        tokens=tuple(Token(t, log_p if t == word else -0.01, told) for t in tokens),
    )


def run(
    form: VerifierRecipe, candidate: Candidate, batches: list[list[Reply]], n_samples: int = 1
) -> Any:
    """A talk's requests and its judgement, when the model writes this."""
    talk = form.talk(candidate, n_samples, 99)
    sent = [next(talk)]
    for number, replies in enumerate(batches, start=1):
        assert len(replies) == len(sent[-1])
        try:
            sent.append(talk.send(replies))
        except StopIteration as end:
            assert number == len(batches)
            return sent, end.value
    raise AssertionError("the talk goes on")


def test_gen_prm_s_conversation_is_the_authors() -> None:
    yes, no = judged("Yes", -0.1, {"No": -3.0}), judged("No", -0.2, {"Yes": -2.0})
    batches = [[Reply("adds. ")], [yes], [Reply("wrong.\n")], [no]]
    sent, judgement = run(VERIFIERS["gen_prm"], SUM, batches)
    *expected, whole = gen_prm_requests({1: "adds. ", 2: "wrong.\n"}, {1: "{Yes}$\n", 2: "{No}$\n"})
    assert [list(request.messages) for (request,) in sent] == expected
    texts = [turn["content"] for turn in whole if turn["role"] == "assistant"]
    assert judgement.rationales == ("\n".join(texts),)
    analysis, judging = sent[0][0].options, sent[1][0].options
    assert analysis == {
        **{"temperature": 0.6, "top_p": 0.95, "top_k": 20, "max_tokens": 99, "seed": 0},
        "stop": ["</analyze>\n"],
    }
    assert judging == {
        **{"temperature": 0.6, "top_p": 0.95, "top_k": 20, "max_tokens": 20, "seed": 0},
        **{"stop": ["</output>\n"], "logprobs": True, "top_logprobs": 20},
    }


def test_gen_prm_judges_directly_with_its_other_system_message() -> None:
    yes, no = judged("Yes", -0.1, {"No": -3.0}), judged("No", -0.2, {"Yes": -2.0})
    sent, judgement = run(VERIFIERS["gen_prm_direct"], SUM, [[yes], [no]])
    *expected, _ = gen_prm_requests(None, {1: "{Yes}$\n", 2: "{No}$\n"})
    assert [list(request.messages) for (request,) in sent] == expected
    assert judgement.rationales[0].count("<output>") == 2


R1 = (
    "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'system' %}{{ m['content'] }}"
    "{% elif m['role'] == 'user' %}{{ '<｜User｜>' + m['content'] }}"
    "{% else %}{{ '<｜Assistant｜>' + m['content'] + '<｜end▁of▁sentence｜>' }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"
)


def test_a_begun_turn_is_the_text_that_the_authors_send() -> None:
    """They write the opening behind the rendered prompt; the chat protocol has it rendered too."""
    tokenizer = build.merging_tokenizer(("<s>",), words=())
    tokenizer.chat_template = R1
    opening = gen_prm.ANALYZE.format(number=2)
    turns = gen_prm.turns(SUM, ["first\n</output>\n", opening], analyze=True)
    ours = tokenizer.apply_chat_template(turns, tokenize=False, continue_final_message=True)
    theirs = tokenizer.apply_chat_template(turns[:-1], tokenize=False, add_generation_prompt=True)
    assert ours == f"{theirs}{opening}"


def test_a_server_that_ignores_the_stop_word_changes_nothing() -> None:
    long = judged("Yes", -0.1, {"No": -3.0}, "{Yes}$\n</output>\n<verify>")
    replies = [[Reply("adds.</analyze>\n<verify>\n```python\nimport os")], [long]]
    _, judgement = run(VERIFIERS["gen_prm"], Candidate("p", ("s",)), replies)
    assert "import os" not in judgement.rationales[0]
    assert judgement.rationales[0].endswith("$\\boxed{Yes}$\n</output>\n")


def test_a_conversation_shows_every_turn_that_is_sent() -> None:
    for name, n_turns in (("think_prm", 1), ("critic", 1), ("gen_prm", 5), ("gen_prm_direct", 5)):
        turns = VERIFIERS[name].conversation(SUM)
        assert len(turns) == n_turns
        assert turns[-1]["role"] == ("user" if n_turns == 1 else "assistant")
    assert turns[2]["content"] == "<output>\n**Judgement**: $\\boxed…</output>\n"


# --- reading --------------------------------------------------------------------------------------

CORRECT, INCORRECT = r"so \boxed{correct}. ", r"so \boxed{incorrect}. "


@pytest.mark.parametrize(
    ("text", "n_steps", "expected"),
    [
        (CORRECT + INCORRECT, 2, (1.0, 0.0)),
        (CORRECT + INCORRECT, 4, (1.0, 0.0, 0.0, 0.0)),
        (INCORRECT, 3, (0.0, 0.0, 0.0)),
        (CORRECT + INCORRECT + CORRECT, 3, (1.0, 0.0, 1.0)),
        (r"\boxed{5} \boxed{Correct} \text{correct} " + CORRECT, 1, (1.0,)),
    ],
)
def test_think_prm_reads_boxed_words(text: str, n_steps: int, expected: tuple[float, ...]) -> None:
    assert think_prm.verdicts(Reply(text), n_steps, 9) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply("all fine"), r"has no \\boxed\{correct\} and no \\boxed\{incorrect\}; ask several"),
        (Reply(CORRECT), "has 1 verdict for 2 steps"),
        (Reply(CORRECT * 3), "has 3 verdicts for 2 steps"),
        (Reply(CORRECT * 2, cut=True), r"was cut at 8,192 tokens.*\(--max-tokens\)"),
        (Reply(""), "has no"),
    ],
)
def test_what_think_prm_cannot_read(reply: Reply, expected: str) -> None:
    with pytest.raises(NoVerdictError, match=expected):
        think_prm.verdicts(reply, 2, 8192)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"\boxed{0} … no: \boxed{1}", 1),
        (r"\boxed{-1}", -1),
        (r"\boxed{ 2 } \boxed{", 2),
        (r"in <paragraph_1>: \boxed{1}. Not \boxed 0.", 1),
    ],
)
def test_the_critic_s_last_box_counts(text: str, expected: int) -> None:
    assert critic.first_wrong(Reply(text), 3, 9) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply("paragraph 1"), r"has no \\boxed"),
        (Reply(r"\boxed{0} \boxed{none}"), "holds 'none', not the index"),
        (Reply(r"\boxed{\text{1}}"), r"holds '\\\\text\{1', not"),
        (Reply(r"\boxed{3}"), "names paragraph 3, but there are only those from 0 to 2"),
        (Reply(r"\boxed{-2}"), "names paragraph -2"),
        (Reply(r"\boxed{" + "9" * 10_000 + "}"), "holds '9{40}', not"),
        (Reply(r"\boxed{1}", cut=True), "was cut at 9 tokens"),
    ],
)
def test_what_the_critic_cannot_say(reply: Reply, expected: str) -> None:
    with pytest.raises(NoVerdictError, match=expected):
        critic.first_wrong(reply, 3, 9)


def test_boxes_are_those_of_the_authors_pattern() -> None:
    rng = random.Random(0)
    for _ in range(3000):
        text = "".join(rng.choices(["\\boxed{", "{", "}", "1", " ", "\n"], k=rng.randrange(12)))
        matches = re.findall(r"\\boxed\{([^}]*)\}", text)
        assert critic.last_box(text) == (matches[-1].strip() if matches else None)


@pytest.mark.parametrize(
    "text", ["\\boxed{" * 200_000, "\\boxed" * 200_000 + "{", "{" * 10**6, "}" * 10**6]
)
def test_reading_takes_time_by_the_length_of_a_reply_alone(text: str) -> None:
    began = time.process_time()
    for read in (think_prm.verdicts, critic.first_wrong):
        with pytest.raises(NoVerdictError):
            read(Reply(text), 3, 9)
    with pytest.raises(NoVerdictError):
        gen_prm.probability(Reply(text))
    assert time.process_time() - began < 2


def test_gen_prm_s_score_by_hand() -> None:
    """P(Yes) = 0.6 and P(No) = 0.2 at the word: 0.6 / 0.8."""
    yes, no = math.log(0.6), math.log(0.2)
    assert gen_prm.probability(judged("Yes", yes, {"Yes": yes, "No": no})) == pytest.approx(0.75)
    assert gen_prm.probability(judged("No", no, {"Yes": yes, "No": no})) == pytest.approx(0.75)
    # "No" is not among those told of: the least of them, 0.1, stands for it.
    told = {"Yes": yes, "{": math.log(0.15), " Yes": math.log(0.1)}
    assert gen_prm.probability(judged("Yes", yes, told)) == pytest.approx(0.6 / 0.7)
    # The word itself is the least: 0.05 against 0.05.
    least = math.log(0.05)
    assert gen_prm.probability(judged("No", least, {"a": -0.1, "b": -1.0})) == pytest.approx(0.5)
    # What was cut off before drawing comes as -9999.
    assert gen_prm.probability(judged("Yes", 0.0, {"Yes": 0.0, "No": -9999.0})) == 1.0
    assert gen_prm.probability(judged("No", 0.0, {"No": 0.0, "Yes": -9999.0})) == 0.0


def test_gen_prm_s_last_word_is_read() -> None:
    first, last = Token("Yes", -9.0, (("No", -1.0),)), Token("Yes", -1.0, (("No", -1.0),))
    reply = Reply("{Yes} {Yes}$", tokens=(first, Token("{", 0.0), last, Token("}", 0.0)))
    assert gen_prm.probability(reply) == 0.5
    assert gen_prm.probability(Reply("{yes}$", tokens=(last,))) == 0.5


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply("<analyze> \\boxed{Yes}"), "continues with '<analyze>.*continue_final_message"),
        (Reply("{Maybe}"), "continues with '{Maybe}', not with {Yes} or {No}"),
        (Reply("{Yes}", tokens=(Token(" Yes", 0.0),)), "no token of it is 'Yes'"),
    ],
)
def test_what_gen_prm_cannot_read(reply: Reply, expected: str) -> None:
    with pytest.raises(NoVerdictError, match=expected):
        gen_prm.probability(reply)


def test_gen_prm_needs_probabilities_of_tokens() -> None:
    with pytest.raises(ModelError, match=r"does not return its tokens' probabilities \(logprobs\)"):
        gen_prm.probability(Reply("{Yes}$\n"))
    few = Token("Yes", -0.1, (("Yes", -0.1), ("Sure", -3.0)))
    with pytest.raises(ModelError, match=r"reports 2 tokens .*score needs 20"):
        gen_prm.probability(Reply("{Yes}$\n", tokens=(few,)))


# --- several samples ------------------------------------------------------------------------------


def test_the_share_of_think_prm_s_chains() -> None:
    texts = [CORRECT + CORRECT, CORRECT + INCORRECT, "?", INCORRECT]
    sent, judgement = run(VERIFIERS["think_prm"], SUM, [[Reply(t) for t in texts]], 4)
    assert judgement == Judgement((2 / 3, 1 / 3), tuple(texts))
    assert [request.options["seed"] for request in sent[0]] == [0, 1, 2, 3]
    assert sent[0][0].options == {**{"temperature": 0.7, "top_p": 1.0, "max_tokens": 99, "seed": 0}}


def test_the_critic_s_majority() -> None:
    def votes(*indices: object) -> Judgement:
        replies = [[Reply(f"\\boxed{{{index}}}") for index in indices]]
        _, judgement = run(VERIFIERS["critic"], SUM, replies, len(indices))
        assert isinstance(judgement, Judgement)
        return judgement

    assert votes(1, -1, 1).probabilities == (1.0, 0.0)
    assert votes(1, -1, 1).extras == {"share": (1.0, 1 / 3)}
    assert votes(0, -1).probabilities == (0.0, 0.0), "the first one seen wins a tie"
    assert votes(-1, 0).probabilities == (1.0, 1.0)
    assert votes("none", "none", 1).probabilities == (1.0, 0.0), "what says nothing does not vote"
    assert votes("none", 7, 1).extras == {"share": (1.0, 0.0)}


def test_the_critic_is_greedy_alone_and_drawn_with_others() -> None:
    (one,) = next(VERIFIERS["critic"].talk(SUM, 1, 99))
    assert one.options == {"temperature": 0.0, "max_tokens": 99, "seed": 42}
    several = next(VERIFIERS["critic"].talk(SUM, 8, 99))
    assert [request.options["seed"] for request in several] == list(range(42, 50))
    assert several[0].options == {
        **{"temperature": 1.0, "top_p": 0.9, "max_tokens": 99, "seed": 42}
    }


def test_gen_prm_s_mean_and_its_history() -> None:
    yes, no = judged("Yes", -1.0, {"No": -1.0}), judged("No", -0.0, {"Yes": -9999.0})
    none = Reply("{Perhaps}")
    batches = [
        [Reply("cut", cut=True), Reply("first"), Reply("second")],
        [yes, no],
        [Reply("x"), Reply("y"), Reply("z")],
        [yes, none, no],
    ]
    sent, judgement = run(VERIFIERS["gen_prm"], SUM, batches, 3)
    assert judgement.probabilities == (pytest.approx(1.0 / 3), pytest.approx(1.0 / 3))
    assert [request.options["seed"] for request in sent[1]] == [1, 2], "what was cut is not judged"
    for request in (*sent[2], *sent[3]):
        assert "first" in request.messages[2]["content"]
        assert request.messages[2]["content"].endswith("$\\boxed{Yes}$\n</output>\n")
    assert [text.count("<output>") for text in judgement.rationales] == [1, 2, 2]
    assert "y</analyze>\n<output>\n**Judgement**: $\\boxed{Perhaps}" in judgement.rationales[1]


def test_one_readable_sample_is_needed() -> None:
    with pytest.raises(NoVerdictError, match=r"none of 2 replies can be read; the first: .* no "):
        run(VERIFIERS["think_prm"], SUM, [[Reply("?"), Reply(CORRECT)]], 2)
    with pytest.raises(NoVerdictError, match=r"^step 2: the judgement continues with '{Maybe}'"):
        run(
            VERIFIERS["gen_prm_direct"],
            SUM,
            [[judged("Yes", -0.1, {"No": -3.0})], [Reply("{Maybe}")]],
        )
    with pytest.raises(NoVerdictError, match=r"^step 1: the reply was cut at 99 tokens"):
        run(VERIFIERS["gen_prm"], SUM, [[Reply("…", cut=True)]])


# --- a server -------------------------------------------------------------------------------------


def steps_of(body: dict[str, Any]) -> int:
    """How many steps a ThinkPRM prompt has."""
    return sum(line.startswith("Step ") for line in body["messages"][0]["content"].splitlines())


def right(body: dict[str, Any]) -> str:
    """A ThinkPRM that likes everything."""
    return CORRECT * steps_of(body)


def opened(server: Server, family: str = "think_prm", **how: Any) -> VerifierScorer:
    server.models = server.models or [{"id": NAME}]
    return open_verifier(server.url, NAME, VERIFIERS[family], **how)


@pytest.fixture
def likes() -> Iterator[tuple[Server, VerifierScorer]]:
    with serve(right) as server:
        scorer = opened(server)
        yield server, scorer
        scorer.close()


def test_a_candidate_is_scored(likes: tuple[Server, VerifierScorer]) -> None:
    server, scorer = likes
    (scored,) = scorer.score([SUM])
    assert scored.candidate == SUM
    assert scored.probabilities == (1.0, 1.0)
    assert scored.log_odds == (math.inf, math.inf)
    assert scored.rationales == (CORRECT * 2,)
    assert (scored.model_id, scorer.family, scorer.threshold) == (NAME, "think_prm", 0.5)
    path, body, _ = server.requests[-1]
    assert path == "/v1/chat/completions"
    assert body == {
        "model": NAME,
        "messages": [{"role": "user", "content": think_prm_text(SUM.problem, SUM.steps)}],
        **{"temperature": 0.7, "top_p": 1.0, "max_tokens": 8192, "seed": 0},
    }
    assert dict(scorer.stream([SUM])) == {0: scored}
    assert scorer.score([]) == []
    assert scorer.score([SUM, SUM]) == [scored, scored]
    assert len(server.requests) == 3, "the same candidate is asked about once"
    assert scorer.score(iter([SUM, SUM])) == [scored, scored]
    assert scorer.explain(SUM)[0].text == think_prm_text(SUM.problem, SUM.steps)


def test_many_candidates_keep_their_order_and_go_some_at_a_time() -> None:
    busy, most, lock = 0, 0, threading.Lock()

    def write(body: dict[str, Any]) -> str:
        nonlocal busy, most
        with lock:
            busy += 1
            most = max(most, busy)
        time.sleep(0.005 * (steps_of(body) % 3))
        with lock:
            busy -= 1
        return CORRECT * (steps_of(body) - 1) + INCORRECT

    candidates = [Candidate(f"{i}", ("s",) * (1 + i % 5), str(i)) for i in range(40)]
    with serve(write) as server:
        scorer = opened(server, n_samples=2)
        scored = scorer.score(candidates)
        scorer.close()
    assert [one.candidate for one in scored] == candidates
    assert all(one.first_error() == len(one.candidate.steps) - 1 for one in scored)
    assert len(server.requests) == 80
    assert 2 <= most <= 8


def test_result_rows_hold_the_rationales_and_are_json(
    likes: tuple[Server, VerifierScorer],
) -> None:
    row = result_row(None, likes[1].score([SUM]))
    assert row["candidates"][0]["rationales"] == [CORRECT * 2]
    json.dumps(row, allow_nan=False)


def gen_prm_server(body: dict[str, Any]) -> str | dict[str, Any]:
    """GenPRM that says No of the second step."""
    n_steps = sum(message["role"] == "user" for message in body["messages"])
    if "logprobs" not in body:
        return f"thoughts on {n_steps}"
    word, other = ("Yes", "No") if n_steps == 1 else ("No", "Yes")
    top = [{"token": word, "logprob": -0.25}, {"token": other, "logprob": -1.5}]
    content = [
        {"token": "{", "logprob": 0.0, "top_logprobs": []},
        {"token": word, "logprob": -0.25, "top_logprobs": top},
        {"token": "}$", "logprob": -0.1, "top_logprobs": []},
    ]
    message = {"role": "assistant", "content": f"{{{word}}}$\n"}
    return {"message": message, "logprobs": {"content": content}}


def test_gen_prm_over_http() -> None:
    with serve(gen_prm_server) as server:
        scorer = opened(server, "gen_prm", n_samples=2)
        (scored,) = scorer.score([SUM])
        scorer.close()
    p = math.exp(-0.25) / (math.exp(-0.25) + math.exp(-1.5))
    assert scored.probabilities == pytest.approx((p, 1 - p))
    assert scored.log_odds == pytest.approx((1.25, -1.25))
    assert len(scored.rationales) == 2
    assert "thoughts on 1</analyze>" in scored.rationales[1]
    bodies = [body for _, body, _ in server.requests]
    assert len(bodies) == 8
    for body in bodies:
        assert body["messages"][-1]["role"] == "assistant"
        assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_thoughts_that_a_server_gives_apart_are_read_too() -> None:
    for name in ("reasoning_content", "reasoning"):
        message = {"role": "assistant", "content": "Is the solution correct? Yes"}
        with serve(lambda body, m=message, n=name: {"message": {**m, n: CORRECT * 2}}) as server:
            scorer = opened(server)
            (scored,) = scorer.score([SUM])
            scorer.close()
        assert scored.rationales == (f"{CORRECT * 2}\n\nIs the solution correct? Yes",)
        assert scored.probabilities == (1.0, 1.0)


# --- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("family", "choice", "expected"),
    [
        ("think_prm", {"content": "?"}, r"candidate 'a': the reply has no \\boxed\{correct\}"),
        ("critic", {"content": r"\boxed{2}"}, "candidate 'a': the reply names paragraph 2"),
        ("gen_prm_direct", {"content": "So?"}, "candidate 'a': step 1: the judgement continues"),
        ("critic", {"content": None}, "candidate 'a': the reply has no"),
    ],
)
def test_an_unreadable_reply_names_the_candidate(
    family: str, choice: dict[str, Any], expected: str
) -> None:
    with serve(lambda body: {"message": choice}) as server:
        scorer = opened(server, family)
        with pytest.raises(NoVerdictError, match=expected):
            scorer.score([SUM])
        with pytest.raises(NoVerdictError, match=expected):
            dict(scorer.stream([SUM]))
        scorer.close()


def test_a_reply_that_was_cut_is_never_read() -> None:
    choice = {"message": {"content": CORRECT * 2}, "finish_reason": "length"}
    with serve(lambda body: choice) as server:
        scorer = opened(server, max_tokens=7)
        with pytest.raises(NoVerdictError, match="cut at 7 tokens"):
            scorer.score([SUM])
        scorer.close()
    assert server.requests[0][1]["max_tokens"] == 7


def test_a_server_without_probabilities_is_an_error() -> None:
    with serve(lambda body: "{Yes}$\n") as server:
        scorer = opened(server, "gen_prm_direct")
        with pytest.raises(ModelError, match="logprobs"):
            scorer.score([SUM])
        scorer.close()


@pytest.mark.parametrize(
    "choice",
    [
        {"message": "text"},
        {"message": {"content": 5}},
        {"message": None},
        {"message": {"content": "{Yes}"}, "logprobs": {"content": [{"token": "Yes"}]}},
        {"message": {"content": "x"}, "logprobs": {"content": [{"token": "x", "logprob": 3.0}]}},
        {"message": {"content": "x"}, "logprobs": {"content": [{"token": "x", "logprob": "n"}]}},
        {"message": {"content": "x"}, "logprobs": 5},
    ],
)
def test_an_answer_that_is_none_is_an_error(choice: dict[str, Any]) -> None:
    with serve(lambda body: choice) as server:
        scorer = opened(server)
        with pytest.raises(ModelError, match="did not answer with a text"):
            scorer.score([SUM])
        scorer.close()


def sometimes(body: dict[str, Any]) -> str:
    """A model that fails at one problem."""
    if "bad" in body["messages"][0]["content"]:
        return "?"
    return right(body)


def test_one_bad_row_costs_no_other_a_second_time() -> None:
    rows = [ProblemRow("in", i, None, "bad" if i == 3 else f"{i}", ("s\nt",)) for i in range(6)]
    with serve(sometimes) as server:
        scorer = opened(server)
        lines = [json.loads(line) for line in result_lines(scorer, rows, Task())]
        assert len(server.requests) == 6
        with pytest.raises(NoVerdictError):
            scorer.score([Candidate("bad", ("s",))])
        with pytest.raises(NoVerdictError):
            scorer.score([Candidate("bad", ("s",))])
        assert len(server.requests) == 8, "who asks again is asking again"
        scorer.close()
    assert [isinstance(line, str) for line in lines] == [i == 3 for i in range(6)]
    assert lines[3].startswith("in, line 3, field 'solutions': candidate '1': the reply has no")


def test_what_passes_is_asked_again_and_a_refusal_is_not() -> None:
    failures = iter([RefusedError(503), RefusedError(429)])

    def write(body: dict[str, Any]) -> str:
        failure = next(failures, None)
        if failure is not None:
            raise failure
        if "long" in body["messages"][0]["content"]:
            raise RefusedError(400, "too many tokens")
        return right(body)

    with serve(write) as server:
        scorer = opened(server)
        assert scorer.score([SUM])[0].probabilities == (1.0, 1.0)
        assert len(server.requests) == 3
        with pytest.raises(
            InputError, match=r"candidate 'c': the verifier rejected the request .*too many"
        ):
            scorer.score([Candidate("long", ("s",), "c")])
        assert len(server.requests) == 4
        scorer.close()


def test_nobody_is_there_or_somebody_else() -> None:
    with serve(right) as server:
        server.models = [{"id": "other", "root": "/models/other"}]
        with pytest.raises(ModelError, match=r"has 'other' \(from '/models/other'\), not 'some/mo"):
            opened(server)
        scorer = opened(server, served_as="other")
        scorer.score([SUM])
        assert server.requests[-1][1]["model"] == "other"
        scorer.close()
    with pytest.raises(ModelError, match=r"the verifier at .* failed: .*refused"):
        opened(server)


def test_an_address_without_a_path_gets_v1() -> None:
    with serve(right) as server:
        server.models = [{"id": NAME}]
        root = server.url.removesuffix("/v1")
        for url in (root, f"{root}/", f"{root}/v1/"):
            open_verifier(url, NAME, VERIFIERS["critic"]).close()
    for url in ("ftp://x", "http://", "http://[::1", "nonsense"):
        with pytest.raises(BadOptionError, match="is not an address"):
            open_verifier(url, NAME, VERIFIERS["critic"])
    with pytest.raises(BadOptionError, match="samples is 0"):
        open_verifier("http://127.0.0.1:1", NAME, VERIFIERS["critic"], n_samples=0)
    with pytest.raises(BadOptionError, match="name the model"):
        open_verifier("http://127.0.0.1:1", None, VERIFIERS["critic"])


def test_closing_ends_what_is_being_asked(likes: tuple[Server, VerifierScorer]) -> None:
    entered, release = threading.Event(), threading.Event()

    def hang(body: dict[str, Any]) -> str:
        entered.set()
        release.wait(10)
        return right(body)

    with serve(hang) as server:
        scorer = opened(server)
        failed: list[BaseException] = []

        def score() -> None:
            try:
                scorer.score([SUM] * 3)
            except ModelError as error:
                failed.append(error)

        asking = threading.Thread(target=score)
        asking.start()
        assert entered.wait(5)
        scorer.close()
        asking.join(5)
        release.set()
        assert not asking.is_alive()
        assert "the verifier was closed" in str(failed[0])
        with pytest.raises(ModelError, match="the verifier was closed"):
            scorer.score([SUM])


def test_a_stream_that_is_left_asks_no_further_steps() -> None:
    def write(body: dict[str, Any]) -> str | dict[str, Any]:
        time.sleep(0.01)
        return gen_prm_server(body)

    long = Candidate("p", ("s",) * 200, "long")
    with serve(write) as server:
        scorer = opened(server, "gen_prm_direct")
        stream = scorer.stream([Candidate("p", ("s",)), long])
        assert next(stream)[0] == 0
        stream.close()  # type: ignore[attr-defined]
        scorer.close()
    assert len(server.requests) < 20


# --- where it is chosen ---------------------------------------------------------------------------


def test_known_models_have_a_form() -> None:
    for name, known in KNOWN_MODELS.items():
        form = recipe_of(name, None)
        assert (form is not None) == known.server
        assert form is None or form.name == known.family
    assert recipe_of("launch/ThinkPRM-7B", "critic") is VERIFIERS["critic"]
    assert recipe_of("Qwen/Qwen2.5-Math-PRM-7B", None) is None
    assert recipe_of(None, None) is None


@pytest.mark.parametrize("load", [load_scorer, lambda m, **k: open_server("http://x:1", m, **k)])
def test_verifiers_are_not_loaded_here(load: Any) -> None:
    with pytest.raises(BadOptionError, match=r"ThinkPRM-7B belongs to family think_prm, which wri"):
        load("launch/ThinkPRM-7B")
    with pytest.raises(BadOptionError, match=r"needs a server that runs it: --server URL"):
        load("any/chat-model", family="critic")


def test_the_page_takes_a_verifier() -> None:
    with serve(right) as server:
        server.models = [{"id": "launch/ThinkPRM-7B"}]
        address = f"launch/ThinkPRM-7B --server {server.url}"
        host = ModelHost([("own", "default")])
        scored = host.scorer(address).result(20).score([SUM])
        assert host.state(address) == ModelState("ready", "ready · server")
        assert scored == [one for _, one in host.run([SUM])]
        assert scored[0].rationales == (CORRECT * 2,)
    with serve(critic_server) as server:
        server.models = [{"id": NAME}]
        chat = f"{NAME} --server {server.url} --family critic --samples 3"
        (scored_by_chat,) = host.scorer(chat).result(20).score([Candidate("p", ("a", "wrong"))])
        assert scored_by_chat.probabilities == (1.0, 0.0)
        assert len(scored_by_chat.rationales) == len(server.requests) == 3
    with pytest.raises(BadOptionError, match="needs a server"):
        host.scorer("launch/ThinkPRM-1.5B").result(20)


def test_leaving_between_two_beats_ends_what_is_being_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(models, "BEAT_S", 0.05)
    may_write = threading.Event()

    def write(body: dict[str, Any]) -> str:
        if "slow" in body["messages"][0]["content"]:
            may_write.wait(60)
        return critic_server(body)

    with serve(write) as server:
        server.models = [{"id": NAME}]
        host = ModelHost([("own", "default")])
        scorer = host.scorer(f"{NAME} --server {server.url} --family critic").result(20)
        run = host.run([Candidate(f"slow {i}", ("a",)) for i in range(30)])
        assert [next(run), next(run)] == [None, None]
        run.close()  # type: ignore[attr-defined]
        assert len(server.requests) <= 8
        (scored,) = [found for found in host.run([Candidate("p", ("a",))]) if found]
        assert scored[1].probabilities == (1.0,)
        may_write.set()
        scorer.close()


def test_a_silent_server_keeps_no_other_model_waiting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = ModelHost([("own", "default")])
        port = silent.getsockname()[1]
        waiting = host.scorer(f"{NAME} --server http://127.0.0.1:{port} --family critic")
        host.scorer("default").result(60)
        assert not waiting.done()


# --- the commands ---------------------------------------------------------------------------------


def critic_server(body: dict[str, Any]) -> str:
    """A critic that calls wrong what has "wrong" in it, or says so when it is asked about "odd"."""
    text = body["messages"][0]["content"]
    if "odd" in text:
        return "I cannot tell."
    found = re.search(r"<paragraph_(\d+)>\n[^<]*wrong", text)
    return f"Thought about it. \\boxed{{{found[1] if found else -1}}}"


def problems(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def test_half_of_a_character_in_a_reply_is_marked() -> None:
    with serve(lambda body: critic_server(body) + " \ud83d") as server:
        scorer = opened(server, "critic")
        (scored,) = scorer.score([SUM])
        scorer.close()
    assert scored.rationales == ("Thought about it. \\boxed{-1} \ufffd",)


GOOD = {"id": 1, "problem": "p", "solutions": [["a", "wrong", "c"], "a\nb"]}
ODD = {"id": 2, "problem": "odd", "solutions": [["a"]]}


def test_a_file_is_judged_and_the_rationales_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = problems(tmp_path / "in.jsonl", GOOD, ODD), tmp_path / "out.jsonl"
    with serve(critic_server) as server:
        server.models = [{"id": NAME}]
        words = ["--server", server.url, "--model", NAME, "--family", "critic"]
        assert main(["score", source, *words, "--samples", "2", "-o", str(out)]) == 1
        assert len(server.requests) == 6, "the bad row costs no other a second time"
        err = capsys.readouterr().err
        assert "in.jsonl, line 2, field 'solutions': candidate '1': none of 2 replies" in err
        (row,) = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        first, second = row["candidates"]
        assert row["model"] == NAME
        assert row["ranking"] == [1, 0]
        assert first["probabilities"] == [1.0, 0.0, 0.0]
        assert first["first_error"] == 1
        assert first["extras"] == {"share": [1.0, 0.0, 0.0]}
        assert first["rationales"] == ["Thought about it. \\boxed{1}"] * 2
        assert second["first_error"] is None
        assert "Infinity" not in out.read_text(encoding="utf-8")

        assert main(["score", source, *words, "--skip-bad", "-o", str(tmp_path / "o.csv")]) == 0
        with (tmp_path / "o.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert json.loads(rows[0]["rationales"]) == ["Thought about it. \\boxed{1}"]

        capsys.readouterr()
        assert main(["rank", problems(tmp_path / "good.jsonl", GOOD), *words]) == 0
        table = capsys.readouterr().out
        assert "step 2" in table
        assert "1.000" in table


def test_an_interrupt_does_not_wait_for_the_server(tmp_path: Path) -> None:
    asked, may_write = threading.Event(), threading.Event()

    def write(body: dict[str, Any]) -> str:
        asked.set()
        may_write.wait(60)
        return critic_server(body)

    with serve(write) as server:
        server.models = [{"id": NAME}]
        words = ["score", problems(tmp_path / "in.jsonl", GOOD), "-o", str(tmp_path / "out")]
        words += ["--server", server.url, "--model", NAME, "--family", "critic"]
        process = subprocess.Popen(
            [sys.executable, "-m", "prm_core", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        try:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        finally:
            process.kill()
            may_write.set()
    assert (process.returncode, said) == (1, "interrupted\n")


def test_a_run_goes_on_where_it_was_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"id": i, "problem": f"{i}", "solutions": [["a", "b"]]} for i in range(80)]
    source, out = problems(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl"
    n_asked = 0

    def write(body: dict[str, Any]) -> str:
        nonlocal n_asked
        n_asked += 1
        if n_asked == 50:
            raise RefusedError(401, "the key has run out")
        return critic_server(body)

    with serve(write) as server:
        server.models = [{"id": NAME}]
        words = ["score", source, "-o", str(out), "--server", server.url, "--family", "critic"]
        words += ["--model", NAME]
        assert main(words) == 1
        assert "the key has run out" in capsys.readouterr().err
        assert main([*words, "--resume", "--samples", "3"]) == 1
        assert "was started with --samples null, not 3" in capsys.readouterr().err
        assert main([*words, "--resume", "--server-model", "other"]) == 1
        assert 'was started with --server-model null, not "other"' in capsys.readouterr().err
        assert main([*words, "--resume"]) == 0
    found = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [row["id"] for row in found] == list(range(80))
    assert n_asked < 50 + 80, "what was done is not asked again"


def test_evaluate_measures_a_critic(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"problem": "p", "steps": ["a", "wrong"], "labels": [1, -1]},
        {"problem": "p", "steps": ["wrong", "b"], "labels": [-1, None]},
        {"problem": "p", "steps": ["wrong", "c"], "labels": [1, -1]},
        {"problem": "p", "steps": ["a", "d"], "labels": [1, 1]},
        {"problem": "odd", "steps": ["e"], "labels": [1]},
        {"problem": "odd", "steps": ["e", "f"], "labels": [1, -1]},
    ]
    source = problems(tmp_path / "in.jsonl", *rows)
    with serve(critic_server) as server:
        server.models = [{"id": NAME}]
        words = ["--server", server.url, "--model", NAME, "--family", "critic", "--json"]
        assert main(["evaluate", source, *words]) == 0
        report = json.loads(capsys.readouterr().out)
        assert len(server.requests) == 6
        assert main(["evaluate", source, *words[:-1], "--sweep"]) == 0
    table = capsys.readouterr().out
    assert (report["unread"], report["skipped"], report["skipped_reasons"]) == (2, 0, {})
    assert (report["n_error"], report["n_correct"]) == (4, 2)
    assert report["error_accuracy"] == 0.5
    assert report["correct_accuracy"] == 0.5
    assert report["f1"] == 0.5
    assert "2 without a readable verdict; they count as wrong" in table
    assert "best threshold" in table
    assert "F1 0.500" in table


def test_explain_shows_the_conversation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = problems(tmp_path / "in.jsonl", {"problem": "p\x1b[2J", "solutions": [["a", "wrong"]]})
    with serve(critic_server) as server:
        server.models = [{"id": NAME}]
        words = ["--server", server.url, "--model", NAME, "--family", "critic", "--explain"]
        assert main(["score", source, *words]) == 0
    out = capsys.readouterr().out
    assert out.startswith("solution 1, sent as user:\n    The following is a math problem")
    assert "\n    <paragraph_1>\n    wrong\n    </paragraph_1>\n" in out
    assert "solution 1, written as sample 1:\n    Thought about it. \\boxed{1}\n" in out
    assert out.endswith("step 1: 1.0000\nstep 2: 0.0000\n\n")
    assert "\x1b" not in out


def test_options_that_do_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = problems(tmp_path / "in.jsonl", GOOD)
    for words, expected in (
        (
            ["--family", "critic", "--model", NAME],
            "some/model belongs to family critic, which writes",
        ),
        (["--model", "launch/ThinkPRM-14B"], "needs a server that runs it: --server URL"),
        (["--samples", "2"], "--samples is for models that write their verdicts"),
        (["--max-tokens", "2"], "--max-tokens is for models that write"),
        (["--family", "critic", "--server", "http://127.0.0.1:1"], "name the model that the"),
        (
            ["--family", "critic", "--server", "http://127.0.0.1:1", "--separator", "x"],
            "--separator does not apply to a generative verifier",
        ),
        (
            ["--family", "critic", "--server", "http://127.0.0.1:1", "--dtype", "float16"],
            "--dtype does not apply with --server",
        ),
    ):
        assert main(["score", source, *words]) == 1
        assert expected in capsys.readouterr().err

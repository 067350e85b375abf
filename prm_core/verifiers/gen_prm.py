"""GenPRM without its code: a turn for each step, an analysis, and P(Yes) at the judgement.

Source: RyanLiu112/GenPRM (MIT), src/prm_evaluation: eval_logic/processbench.py and
infer_module/infer_genprm.py (the conversation with a server, the prefilled beginnings of replies),
infer_module/genprm_inference.py and prm_evaluate.py (the sampling and the score). The texts of the
prompt are theirs.

Their program has three parts of a turn: `--analyze`, `--verify` (the model writes Python) and
`--execute` (which runs it). Nothing that a model writes is run here, so there are two verifiers: an
analysis and then the judgement (`gen_prm`, their `--analyze` alone), and the judgement at once
(`gen_prm_direct`, none of the parts, with their other system message). Their published results use
code.

The score is P(Yes) / (P(Yes) + P(No)) at the last "Yes" or "No" that is written. If one of them is
not among the tokens that the server reports, the least probable of those is used instead. The next
step is judged after the first sample's text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Sequence
from functools import partial
from typing import Any, NamedTuple

from prm_core.errors import ModelError, NoVerdictError
from prm_core.types import Candidate
from prm_core.verifiers.base import (
    AGAIN,
    Dialogue,
    Judgement,
    Message,
    Reply,
    Request,
    VerifierRecipe,
    mean,
    read_each,
    refuse_cut,
)

STEP_BY_STEP = (
    "You are a math teacher. Your task is to review and critique the paragraphs in solution step "
    "by step."
)
DIRECTLY = (
    "You are a math teacher. Your task is to review and critique the paragraphs in solution "
    "directly. Output your judgement in the format of `\\boxed{Yes}` if the paragraph is correct, "
    "or `\\boxed{No}` if the paragraph is incorrect."
)
ANALYZE = "<analyze>\nLet's analyze the Paragraph {number} step by step: "
ANALYZED = "</analyze>\n"
OUTPUT = "<output>\n**Judgement**: $\\boxed"
DONE = "</output>\n"

JUDGEMENT_TOKENS = 20
"""Of the judgement, `{Yes}$` and a closing tag."""

ALTERNATIVES = 20
"""Tokens whose probabilities are requested at each place."""

UNREAD = 0.5
"""The value of a sample without a verdict if others have one, as in the authors' code."""

_DRAWN = {"temperature": 0.6, "top_p": 0.95, "top_k": 20}
_VERDICT = re.compile(r"(yes|no)\}", re.IGNORECASE)


def conversation(candidate: Candidate, *, analyze: bool) -> list[Message]:
    """The turns of all steps, with "…" for what the model writes."""
    opening = ANALYZE + "…" + ANALYZED if analyze else ""
    written = [
        opening.format(number=number) + OUTPUT + "…" + DONE
        for number in range(1, len(candidate.steps) + 1)
    ]
    return turns(candidate, written, analyze=analyze)


def turns(candidate: Candidate, written: Sequence[str], *, analyze: bool) -> list[Message]:
    """The system's message, and a turn of the user and one of the assistant for each step.

    Args:
        candidate: its problem comes before its first step.
        written: the assistant's turns; there may be fewer than steps.
        analyze: whether there is an analysis before each judgement.
    """
    messages = [{"role": "system", "content": STEP_BY_STEP if analyze else DIRECTLY}]
    for index, text in enumerate(written):
        step = candidate.steps[index]
        asked = f"{candidate.problem}\n{step}" if index == 0 else step
        messages.append({"role": "user", "content": asked})
        messages.append({"role": "assistant", "content": text})
    return messages


def probability(reply: Reply) -> float:
    """P(Yes) against P(No) at the judgement.

    Raises:
        NoVerdictError: it is not a judgement.
        ModelError: the server does not return its tokens' probabilities.
    """
    match = _VERDICT.search(reply.text)
    if match is None or not reply.text.lstrip().startswith("{"):
        raise NoVerdictError(
            f"the judgement continues with {reply.text[:40]!r}, not with {{Yes}} or {{No}}; "
            f"{AGAIN}, and use a server that continues an assistant's turn (continue_final_message)"
        )
    if not reply.tokens:
        raise ModelError(
            "the server does not return its tokens' probabilities (logprobs), which the score is "
            "read from; use one that does, such as vLLM or SGLang"
        )
    decision = match[1].capitalize()
    token = next((one for one in reversed(reply.tokens) if one.text == decision), None)
    if token is None:
        raise NoVerdictError(
            f"the judgement is {decision}, but no token of it is {decision!r}, so this is not "
            "GenPRM's tokenizer"
        )
    told = {**dict(token.top), decision: token.log_p}
    if not {"Yes", "No"} <= told.keys() and len(token.top) < ALTERNATIVES:
        raise ModelError(
            f"the server reports {len(token.top)} tokens beside the judgement, and one of Yes and "
            f"No is not among them; GenPRM's score needs {ALTERNATIVES} (vLLM: --max-logprobs "
            f"{ALTERNATIVES})"
        )
    least = min([token.log_p, *(log_p for _, log_p in token.top)])
    gap = told.get("No", least) - told.get("Yes", least)
    return 0.0 if gap > 700 else 1 / (1 + math.exp(gap))


def talk(candidate: Candidate, n_samples: int, max_tokens: int, *, analyze: bool) -> Dialogue:
    """One step after the other; its probability is the mean of the samples."""
    history: list[str] = []
    probabilities: list[float] = []
    texts: list[list[str]] = [[] for _ in range(n_samples)]
    for number in range(1, len(candidate.steps) + 1):
        try:
            samples = yield from _step(candidate, history, n_samples, max_tokens, analyze)
        except NoVerdictError as error:
            raise NoVerdictError(f"step {number}: {error}") from error
        probabilities.append(mean([UNREAD if one.p is None else one.p for one in samples]))
        for written, one in zip(texts, samples, strict=True):
            written.append(one.text)
        history.append(next(one.text for one in samples if one.p is not None))
    return Judgement(tuple(probabilities), tuple("\n".join(written) for written in texts))


class _Sample(NamedTuple):
    """One sample's turn on a step, and its verdict; None if that cannot be read."""

    text: str
    p: float | None


def _step(
    candidate: Candidate, history: list[str], n_samples: int, max_tokens: int, analyze: bool
) -> Generator[list[Request], list[Reply], list[_Sample]]:
    """The turns on the step after those in `history`.

    Raises:
        NoVerdictError: none of them can be read.
    """

    def request(seed: int, begun: str, options: dict[str, Any]) -> Request:
        messages = tuple(turns(candidate, [*history, begun], analyze=analyze))
        return Request(messages, {**_DRAWN, **options, "seed": seed})

    seeds = range(n_samples)
    begun, whole = [""] * n_samples, [True] * n_samples
    if analyze:
        opening = ANALYZE.format(number=len(history) + 1)
        how: dict[str, Any] = {"max_tokens": max_tokens, "stop": [ANALYZED]}
        analyses = yield [request(seed, opening, how) for seed in seeds]
        read = read_each(analyses, partial(_whole, max_tokens=max_tokens))
        whole = [one is not None for one in read]
        begun = [opening + reply.text.split("</analyze>")[0] + ANALYZED for reply in analyses]
    how = {
        "max_tokens": JUDGEMENT_TOKENS,
        "stop": [DONE],
        "logprobs": True,
        "top_logprobs": ALTERNATIVES,
    }
    asked = [seed for seed in seeds if whole[seed]]
    judgements = yield [request(seed, begun[seed] + OUTPUT, how) for seed in asked]
    samples = [_Sample(text, None) for text in begun]
    for seed, p in zip(asked, read_each(judgements, probability), strict=True):
        said = judgements[asked.index(seed)].text.split("</output>")[0]
        samples[seed] = _Sample(begun[seed] + OUTPUT + said + DONE, p)
    return samples


def _whole(reply: Reply, max_tokens: int) -> str:
    refuse_cut(reply, max_tokens)
    return reply.text


GEN_PRM = VerifierRecipe(
    name="gen_prm",
    summary='Analyses each step on a server, without code, then P("Yes") against P("No").',
    max_tokens=2048,
    talk=partial(talk, analyze=True),
    conversation=partial(conversation, analyze=True),
)

GEN_PRM_DIRECT = VerifierRecipe(
    name="gen_prm_direct",
    summary='P("Yes") against P("No") for each step on a server, at once, without an analysis.',
    max_tokens=2048,
    talk=partial(talk, analyze=False),
    conversation=partial(conversation, analyze=False),
)

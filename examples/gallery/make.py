"""Make the gallery: 30 GSM8K problems whose solutions differ, with what real 7B PRMs said of them.

    python examples/gallery/make.py candidates_gsm8k_pool32.jsonl.gz examples/gallery/gsm8k.json.gz

The first file holds pools of StrictPRMBench (its README names them): a row is a problem with
`solutions`, each with `steps`, `answer`, `correct` and `prm_scores`. Nothing is drawn by chance:
the same file makes the same gallery.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from prm_core.ranking.aggregate import aggregate
from prm_core.session import (
    Model,
    Problem,
    Session,
    Settings,
    Solution,
    open_session,
    save_session,
)

N_PROBLEMS = 30
N_SOLUTIONS = 16  # of each problem
METHODS = ("min", "prod", "last", "mean")
MODELS = {
    "qwen_prm": Model("Qwen/Qwen2.5-Math-PRM-7B", "Qwen2.5-Math-PRM-7B", recorded=True),
    "skywork_prm": Model(
        "Skywork/Skywork-o1-Open-PRM-Qwen-2.5-7B", "Skywork-o1-Open-PRM-7B", recorded=True
    ),
    "rlhflow_prm": Model(
        "RLHFlow/Llama3.1-8B-PRM-Deepseek-Data", "RLHFlow-PRM-Deepseek-8B", recorded=True
    ),
    "math_shepherd": Model(
        "peiyi9979/math-shepherd-mistral-7b-prm", "Math-Shepherd-PRM-7B", recorded=True
    ),
}
NOTE = """Problems: GSM8K (openai/grade-school-math), MIT License, Copyright (c) 2021 OpenAI.
Solutions and scores: StrictPRMBench, Anonymous Authors, 2026, \
https://huggingface.co/datasets/staged-benchmark-2026/StrictPRMBench, \
CC BY 4.0, https://creativecommons.org/licenses/by/4.0/. Changed: chat template cut, correctness \
judged anew, 30 problems with 16 solutions each chosen, scores rounded to 4 digits."""


def leader(problem: Problem, model: str, method: str) -> Solution:
    """The solution that a model puts first; the earliest of equal ones."""
    return max(
        problem.solutions,
        key=lambda one: aggregate(one.scores[model].probabilities, method),
    )


def interest(problem: Problem) -> tuple[int, int, float]:
    """How much the models differ: in the answers that they put first, from the majority, and in
    which solutions have an error at all."""
    leaders = [leader(problem, model, method) for model in MODELS for method in METHODS]
    votes = Counter(one.answer for one in problem.solutions)
    majority = votes.most_common(1)[0][0]
    verdicts = [
        [min(one.scores[model].probabilities) < 0.5 for one in problem.solutions]
        for model in MODELS
    ]
    differing = sum(
        a != b
        for left, right in combinations(verdicts, 2)
        for a, b in zip(left, right, strict=True)
    )
    return (
        len({one.answer for one in leaders}),
        sum(one.answer != majority for one in leaders),
        differing / len(problem.solutions),
    )


def chosen(problem: Problem) -> list[Solution]:
    """Some solutions: those that any model puts first, one for every answer, then the others."""
    solutions = list(problem.solutions)
    first = [leader(problem, model, method) for model in MODELS for method in METHODS]
    by_answer = {one.answer: one for one in reversed(solutions)}
    wanted = [*first, *by_answer.values(), *solutions]
    names = list(dict.fromkeys(one.name for one in wanted))[:N_SOLUTIONS]
    return [one for one in solutions if one.name in names]


def made(problem: Problem) -> Problem:
    """A problem of the gallery: letters anew, models by their real names, what is not shown cut."""
    solutions = tuple(
        Solution(
            "ABCDEFGHIJKLMNOP"[place],
            steps=one.steps,
            answer=one.answer,
            correct=one.correct,
            scores={MODELS[name].id: one.scores[name] for name in MODELS},
        )
        for place, one in enumerate(chosen(problem))
    )
    return replace(problem, solutions=solutions, source="strictprmbench/gsm8k")


def gallery(problems: Sequence[Problem]) -> Session:
    """The session: the problems on which models differ most, in the order of their numbers."""
    mixed = [
        problem
        for problem in problems
        if {one.correct for one in problem.solutions} == {True, False}
        and all(MODELS.keys() <= one.scores.keys() for one in problem.solutions)
    ]
    best = sorted(mixed, key=interest, reverse=True)[:N_PROBLEMS]
    names = {problem.id for problem in best}
    return Session(
        tuple(made(problem) for problem in mixed if problem.id in names),
        tuple(MODELS.values()),
        Settings(model=MODELS["qwen_prm"].id, other=MODELS["math_shepherd"].id),
        title="Gallery: 30 GSM8K problems on which PRMs differ",
        note=NOTE,
    )


if __name__ == "__main__":
    source, output = sys.argv[1:]
    save_session(gallery(open_session(source).session.problems), output)

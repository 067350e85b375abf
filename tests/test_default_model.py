"""The model that ships with the project, held against the teaching reference's examples."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from prm_core import Candidate, load_scorer, rank
from prm_core.answers.final import same_answer
from prm_core.cli import main
from prm_core.evaluation.arithmetic import evaluate_arithmetic
from prm_core.formats.labelled import read_examples
from prm_core.formats.problems import read_problems
from prm_core.paths import assets_dir
from prm_core.scoring.local import Scorer
from prm_core.session import load_session
from prm_core.types import Example

MODEL = assets_dir() / "default-model"
REFERENCE = Path(__file__).parent.parent / "examples" / "reference.jsonl"

VISITORS = Path(__file__).parent / "data" / "visitors.jsonl"
# What a model that is believed must reach; see `test_visitors_can_believe_it`.
STEPS_WANTED, SOLUTIONS_WANTED = 0.90, 0.85
STEPS_RIGHT, SOLUTIONS_RIGHT = 0.797, 0.898  # as measured; they may only rise

# One string per solution of examples/reference.jsonl, in order; "+" is a probability above 0.5.
WANTED = [
    ["+++"],
    ["+--"],
    ["+++"],
    ["+-++"],
    ["+++"],
    ["+--"],
    ["+--"],
    ["++-++"],
    ["+++", "+--", "+-++"],
]


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return load_scorer(device="cpu")


def test_the_reference_examples_come_out_right_through_the_command_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["score", str(REFERENCE), "--device", "cpu"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    signs = [
        ["".join("+" if p > 0.5 else "-" for p in c["probabilities"]) for c in row["candidates"]]
        for row in rows
    ]
    assert signs == WANTED


def test_the_ranking_example_comes_out_right(scorer: Scorer) -> None:
    with REFERENCE.open("rb") as lines:
        *_, row = read_problems(lines, str(REFERENCE))
    scored = scorer.score([Candidate(row.problem, steps) for steps in row.solutions])
    for method in ("min", "prod"):
        assert rank(scored, method)[0].index == 0
    for method in ("last", "mean"):
        assert rank(scored, method)[-1].index == 1  # A and C come before B


NOTATIONS: dict[str, Callable[[str], str]] = {
    "*": lambda text: text.replace("×", "*"),
    "x": lambda text: text.replace("×", "x"),
    "·": lambda text: text.replace("×", "·"),
    r"\times": lambda text: text.replace("×", r"\times"),
    "÷": lambda text: text.replace(" / ", " ÷ "),
    "no spaces": lambda text: re.sub(r" ?([×+*/=-]) ?", r"\1", text),
    "many spaces": lambda text: text.replace(" ", "  "),
    "capitals": str.upper,
    "full stop": lambda text: text.rstrip(".") + ".",
    "no full stop": lambda text: text.rstrip("."),
    "formulas": lambda text: re.sub(r"(\d+ [×+/-] \d+ = \d+)", r"$\1$", text),
    "numbered": lambda text: f"Step 1: {text}",
}


@pytest.mark.parametrize("name", NOTATIONS)
def test_notation_changes_no_probability(scorer: Scorer, name: str) -> None:
    with REFERENCE.open("rb") as lines:
        rows = [(row.problem, tuple(s)) for row in read_problems(lines) for s in row.solutions]
    plain = scorer.score([Candidate(problem, steps) for problem, steps in rows])
    other = scorer.score(
        [Candidate(problem, tuple(map(NOTATIONS[name], steps))) for problem, steps in rows]
    )
    for one, same in zip(plain, other, strict=True):
        assert same.probabilities == pytest.approx(one.probabilities, abs=0.1)


def test_it_is_small_and_safe() -> None:
    files = [path for path in MODEL.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 10_000_000
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".md"}


def test_stock_transformers_reads_its_backbone() -> None:
    model, loading = AutoModelForCausalLM.from_pretrained(MODEL, output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    assert model.config.vocab_size == len(AutoTokenizer.from_pretrained(MODEL))


def test_arithmetic_in_phrases_that_training_never_sees(scorer: Scorer) -> None:
    reports = list(evaluate_arithmetic(scorer, n_solutions=60))
    one_digit = [r.step_accuracy for r in reports if r.size == "1x1"]
    assert len(one_digit) == 4
    assert all(accuracy is not None and accuracy >= 0.93 for accuracy in one_digit)
    assert all(r.step_accuracy is not None and r.step_accuracy >= 0.80 for r in reports)


@pytest.fixture(scope="module")
def visitors(scorer: Scorer) -> tuple[float, float]:
    """Share of the hand-typed steps on their side, and of right solutions without a red step.

    Written and labelled by hand before the model was trained; it never trains on them (see
    `tests/training/test_training_rows.py`).
    """
    examples = [row for row in read_examples(VISITORS) if isinstance(row, Example)]
    assert len(examples) == 232
    steps, solutions = [], []
    scored = scorer.score([example.candidate for example in examples])
    for example, one in zip(examples, scored, strict=True):
        green = [p >= scorer.threshold for p in one.probabilities]
        steps += [g == (y == 1.0) for g, y in zip(green, example.labels, strict=True)]
        if 0.0 not in example.labels:
            solutions.append(all(green))
    return sum(steps) / len(steps), sum(solutions) / len(solutions)


def test_problems_as_visitors_type_them(visitors: tuple[float, float]) -> None:
    assert visitors[0] >= STEPS_RIGHT
    assert visitors[1] >= SOLUTIONS_RIGHT


@pytest.mark.xfail(
    strict=True,
    reason="wanted: .90 of the steps on their side and .85 of the right solutions passed; the "
    "shipped model has .81 and .90, for it passes a wrong idea in a true equation",
)
def test_visitors_can_believe_it(visitors: tuple[float, float]) -> None:
    assert visitors[0] >= STEPS_WANTED
    assert visitors[1] >= SOLUTIONS_WANTED


def test_an_outcome_reward_passes_what_the_model_does_not(scorer: Scorer) -> None:
    """The shipped example: three solutions end in 12, two of them by way of 120."""
    (problem,) = load_session(REFERENCE.parent / "outcome.json").problems
    outcome = [one.scores["answer-check"].probabilities for one in problem.solutions]
    assert outcome == [
        (float(same_answer(one.final_answer(), problem.gold_answer)),) for one in problem.solutions
    ]
    assert outcome == [(1.0,), (1.0,), (1.0,), (0.0,)]
    scored = scorer.score([one.candidate(problem.problem) for one in problem.solutions])
    assert [one.first_error(0.5) for one in scored] == [None, 2, 1, 1]
    assert rank(scored, "min")[0].index == 0

"""The model that ships with the project, held against the teaching reference's examples."""

import json
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from prm_core import Candidate, load_scorer, rank
from prm_core.cli import main
from prm_core.data import read_problems
from prm_core.paths import assets_dir
from prm_core.scorer import Scorer

MODEL = assets_dir() / "default-model"
REFERENCE = Path(__file__).parent.parent / "examples" / "reference.jsonl"

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


@pytest.mark.parametrize(
    "steps",
    [
        ("I need to multiply 7 by 8.", "7 x 8 = 54", "The answer is 54"),
        ("i need to multiply 7 by 8", r"$7 \times 8 = 54$", r"The answer is $\boxed{54}$."),
        ("Step 1: I need to multiply 7 by 8.", "Step 2: 7*8=54.", "Step 3: The answer is 54."),
    ],
)
def test_notation_changes_no_verdict(scorer: Scorer, steps: tuple[str, ...]) -> None:
    plain = ("I need to multiply 7 by 8.", "7 × 8 = 54.", "The answer is 54.")
    one, other = scorer.score([Candidate("What is 7 × 8?", s) for s in (plain, steps)])
    assert other.probabilities == pytest.approx(one.probabilities, abs=0.1)


def test_it_is_small_and_safe() -> None:
    files = [path for path in MODEL.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 10_000_000
    assert {path.suffix for path in files} <= {".json", ".safetensors", ".md"}


def test_stock_transformers_reads_its_backbone() -> None:
    model, loading = AutoModelForCausalLM.from_pretrained(MODEL, output_loading_info=True)
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    assert model.config.vocab_size == len(AutoTokenizer.from_pretrained(MODEL))

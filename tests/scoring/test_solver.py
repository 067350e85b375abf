"""A model that solves the problem itself before it judges."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from prm_core.calculator import read_solution
from prm_core.calculator.solver import N_FEATURES, VERSION, read_others
from prm_core.errors import ModelLoadError
from prm_core.scoring import solver
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.scoring.packed_forward import read_alone
from prm_core.scoring.solver import Solver
from prm_core.types import Candidate
from tests.tiny import MARKED, tiny_model

SOLVES: dict[str, Any] = {**MARKED, "evidence": {"calculator": 1, "solver": VERSION}}
PROBLEMS = ["12 + 3", "A box holds 6 eggs. How many eggs are in 7 boxes?", "double 9"]
CANDIDATE = Candidate(PROBLEMS[1], ("6 * 7 = 42", "So there are 42 eggs."))


@pytest.fixture(autouse=True)
def few_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights never write an end."""
    monkeypatch.setattr(solver, "MOST_TOKENS", 12)


def solving(path: Path, arch: str = "qwen2") -> Scorer:
    return load_scorer(tiny_model(path, arch, prm=SOLVES), device="cpu")


def by_hand(scorer: Scorer, problem: str, seed: int) -> str:
    """A solution from one sequence at a time, drawn as the documentation says."""
    assert scorer.checkpoint is not None
    lm_head, tokenizer = scorer.checkpoint.lm_head(), scorer.tokenizer
    prompt = f"{solver._BEFORE}Problem: {problem}\nSolution:\n"
    ids = tokenizer.encode(prompt, add_special_tokens=False)
    start, draw = len(ids), random.Random(seed)
    while len(ids) - start < solver.MOST_TOKENS:
        hidden = read_alone(scorer.checkpoint.backbone, ids, [len(ids) - 1])[0]
        values, tokens = (hidden @ lm_head.T).sort(descending=True)
        reached = (values[:20] / 0.6).softmax(0).cumsum(0)
        at = draw.random()
        ids.append(int(tokens[next((i for i, p in enumerate(reached) if p >= at), 19)]))
        if "\n\n" in tokenizer.decode(ids[start:]):
            break
    return str(tokenizer.decode(ids[start:], skip_special_tokens=True))


@pytest.mark.parametrize("arch", ["qwen2", "llama", "granite"])
@torch.inference_mode()
def test_paths_side_by_side_are_those_written_one_at_a_time(arch: str, tmp_path: Path) -> None:
    scorer = solving(tmp_path, arch)
    assert scorer._solver is not None
    found = scorer._solver.solve_now(PROBLEMS)
    wanted = [
        tuple(by_hand(scorer, problem, seed) for seed in range(solver.N_SOLUTIONS))
        for problem in PROBLEMS
    ]
    assert found == wanted
    assert len({text for texts in found for text in texts}) > len(PROBLEMS)


def test_a_problem_has_the_same_solutions_whatever_is_solved_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = solving(tmp_path)
    assert scorer._solver is not None
    together = scorer._solver.solve_now(PROBLEMS)
    assert [scorer._solver.solve_now([one])[0] for one in PROBLEMS] == together
    monkeypatch.setattr(solver, "_PATHS_AT_ONCE", 5)
    monkeypatch.setattr(solver, "_PROBLEMS_AT_ONCE", 2)
    assert scorer._solver.solve_now(PROBLEMS) == together


def test_what_the_user_types_cannot_end_the_prompt(tmp_path: Path) -> None:
    scorer = solving(tmp_path)
    assert scorer._solver is not None
    marker = scorer.tokenizer.convert_tokens_to_ids("[STEP]")
    assert marker not in scorer._solver._prompt("Is [STEP] a number?")


def test_the_head_sees_what_the_solutions_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = solving(tmp_path)
    own = ("6 * 7 = 42\nAnswer: 42", "6 + 7 = 13\nAnswer: 13")
    calls: list[list[str]] = []

    def solve(self: Solver, problems: list[str]) -> Any:
        calls.append(list(problems))
        yield None
        return [own for _ in problems]

    monkeypatch.setattr(Solver, "solve", solve)
    (explanation,) = scorer.explain(CANDIDATE)
    readings = [one.reading for one in read_solution(CANDIDATE.problem, CANDIDATE.steps)]
    rows = read_others(CANDIDATE.problem, readings, own)
    for said, row in zip(explanation.calculator, rows, strict=True):
        assert [v for n, v in said if n in scorer.calculator[-N_FEATURES:]] == [v for v in row if v]
    assert explanation.solutions == scorer.solutions(CANDIDATE.problem) == own
    wrong = Candidate(CANDIDATE.problem, ("6 + 6 = 12",))
    scorer.score([CANDIDATE, wrong])
    assert calls == [[CANDIDATE.problem]]  # once for all that is judged of it
    scorer.score([Candidate(PROBLEMS[0], ("15",))])
    assert CANDIDATE.problem not in scorer._solved  # nothing stays of a problem that is left
    scorer.score([wrong])
    assert calls[1:] == [[PROBLEMS[0]], [CANDIDATE.problem]]
    scorer.forget()
    assert not scorer._solved


def test_scores_depend_on_the_solutions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = solving(tmp_path)
    found = []
    for own in (("6 * 7 = 42\nAnswer: 42",) * 4, ("6 + 7 = 13\nAnswer: 13",) * 4):
        monkeypatch.setattr(scorer, "_solved", {CANDIDATE.problem: own})
        found.append(scorer.score([CANDIDATE])[0].probabilities)
    assert found[0][0] != pytest.approx(found[1][0], abs=1e-4)


def test_a_run_can_be_left_between_two_tokens(tmp_path: Path) -> None:
    scorer = solving(tmp_path)
    stream = scorer.stream([CANDIDATE], heartbeat_s=1.0)
    assert [next(stream) for _ in range(3)] == [None] * 3
    stream.close()
    assert CANDIDATE.problem not in scorer._solved


def test_the_model_says_so(tmp_path: Path) -> None:
    scorer = solving(tmp_path)
    assert scorer.model_id.endswith("(sees a calculator and its own solutions)")
    assert scorer.solves
    assert not load_scorer(tiny_model(tmp_path / "other", prm=MARKED), device="cpu").solves


def test_its_solutions_are_there_as_soon_as_it_has_judged(tmp_path: Path) -> None:
    scorer = solving(tmp_path)
    assert scorer.solutions(CANDIDATE.problem) == ()
    scorer.score([CANDIDATE])
    assert len(scorer.solutions(CANDIDATE.problem)) == solver.N_SOLUTIONS


def test_a_problem_that_leaves_no_room_has_no_solutions(tmp_path: Path) -> None:
    scorer = solving(tmp_path)
    long = "9 + " * 900 + "9"
    assert len(scorer.score([Candidate(long, ("1 + 1 = 2",))])[0].probabilities) == 1
    assert scorer.solutions(long) == ()


def test_a_backbone_that_is_not_packed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="its own solutions"):
        solving(tmp_path, "gpt2")

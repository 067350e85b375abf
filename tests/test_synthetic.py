import random
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.synthetic.phrases import TRAINING, UNSEEN
from prm_core.synthetic.problems import KINDS, operation, solve_facts
from prm_core.synthetic.solution import near, show, solve
from prm_core.synthetic.stream import evaluation, generate, held_out
from prm_core.types import Candidate


def test_a_step_is_right_exactly_when_it_says_what_the_true_state_says() -> None:
    rng = random.Random(0)
    for _ in range(2000):
        solution = generate(rng, rng.random())
        assert len(solution.steps) == len(solution.truth) == len(solution.labels)
        assert (solution.error is None) == all(solution.labels)


def test_generated_solutions_are_candidates() -> None:
    rng = random.Random(1)
    for _ in range(500):
        solution = generate(rng)
        Candidate(solution.problem, solution.steps)
        assert "{" not in solution.problem + "".join(solution.steps)


def test_equations_of_the_truth_hold() -> None:
    rng = random.Random(2)
    checked = 0
    for _ in range(2000):
        for step in solve_facts(rng).truth:
            left, right = step.split(" = ")
            a, sign, b = left.split()
            x, y = Fraction(a), Fraction(b)
            value = {"+": x + y, "-": x - y, "×": x * y}.get(sign)
            assert (x / y if value is None else value) == Fraction(right)
            checked += 1
    assert checked > 2000


def test_an_error_is_carried_to_the_answer_and_a_correction_ends_it() -> None:
    rng = random.Random(3)
    carried = mended = 0
    for _ in range(3000):
        solution = solve(rng, operation(rng, "mul", 1, 1), error_rate=1.0, correct_rate=0.5)
        labels = solution.labels
        if solution.error == "slip" and len(labels) >= 2 and not labels[-2] and not labels[-1]:
            carried += 1
        if False in labels and labels[-1] and labels.index(False) < len(labels) - 2:
            mended += 1
    assert carried > 100
    assert mended > 100


def test_right_and_wrong_steps_are_both_common() -> None:
    rng = random.Random(4)
    labels = [label for _ in range(3000) for label in generate(rng, 0.9).labels]
    assert 0.2 < labels.count(False) / len(labels) < 0.5


def test_the_same_seed_makes_the_same_solutions() -> None:
    first = [generate(random.Random(5), 0.4) for _ in range(3)]
    assert first == [generate(random.Random(5), 0.4) for _ in range(3)]


@pytest.mark.parametrize("kind", ["facts", *KINDS])
def test_every_kind_makes_both_right_and_wrong_solutions(kind: str) -> None:
    rng = random.Random(6)
    outcomes = {generate(rng, kinds=[kind]).error is None for _ in range(200)}
    assert outcomes == {True, False}


EQUATION = re.compile(r"(?<![\d.])(?=(\d+) ([-+×/]) (\d+)(?!\.?\d))")
OPERATIONS = {"+": "add", "-": "sub", "×": "mul", "/": "div"}


def equations(text: str) -> set[tuple[str, int, int]]:
    return {(OPERATIONS[sign], int(a), int(b)) for a, sign, b in EQUATION.findall(text) if int(b)}


def test_training_never_shows_the_operands_that_are_measured_on() -> None:
    rng = random.Random(7)
    trained: set[tuple[str, int, int]] = set()
    for _ in range(20_000):
        solution = generate(rng, rng.random())
        trained |= equations(" ; ".join((solution.problem, *solution.steps, *solution.truth)))
    assert len(trained) > 5000
    assert not [one for one in trained if held_out(*one)]
    measured: set[tuple[str, int, int]] = set()
    for solution in evaluation(0, "add", 2, 2, 200):
        measured |= {one for step in solution.truth[:2] for one in equations(step)}
    assert len([one for one in measured if one[0] == "add" and held_out(*one)]) > 30
    assert not measured & trained


@pytest.mark.parametrize("op", ["add", "sub", "mul", "div"])
def test_held_out_operands_are_held_out_in_either_order(op: str) -> None:
    pairs = [(a, b) for a in range(10, 100) for b in range(10, 100)]
    kept = [held_out(op, a, b) for a, b in pairs]
    assert 0.03 < sum(kept) / len(kept) < 0.07
    assert all(held_out(op, a, b) == held_out(op, b, a) for a, b in pairs)


def test_the_measured_phrasings_are_never_trained_on() -> None:
    for field in ("asks", "starts", "equations", "answers"):
        assert not set(getattr(TRAINING, field)) & set(getattr(UNSEEN, field))


@given(st.integers(-10_000, 10_000), st.integers(0, 3), st.integers(0, 2**32))
def test_a_slip_is_never_the_right_number(whole: int, places: int, seed: int) -> None:
    value = Fraction(whole, 10**places)
    assert near(random.Random(seed), value) != value


@given(st.builds(Fraction, st.integers(-9999, 9999), st.integers(1, 999)))
def test_a_number_is_shown_as_itself(value: Fraction) -> None:
    assert Fraction(show(value)) == value

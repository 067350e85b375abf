import itertools
import random
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.paths import assets_dir
from prm_core.synthetic.gsm8k import read_plan, read_plans, read_solutions
from prm_core.synthetic.phrases import TRAINING, UNSEEN
from prm_core.synthetic.problems import KINDS, operation, solve_facts
from prm_core.synthetic.scenes import SCENES, drawn, line_of, plan_of, scene_problem
from prm_core.synthetic.solution import ERRORS, HELD_OUT_ERRORS, near, show, solve
from prm_core.synthetic.stream import evaluation, generate, held_out
from prm_core.synthetic.styles import restyled
from prm_core.types import Candidate

SOLUTIONS = assets_dir() / "gsm8k" / "train.jsonl.gz"


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
        assert not re.search(r"\{[A-Za-z]", solution.problem + "".join(solution.steps))


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


@pytest.mark.parametrize("kind", ["facts", "scenes", *KINDS])
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


@pytest.mark.parametrize("kind", ERRORS)
def test_every_kind_of_error_is_put_in_and_told(kind: str) -> None:
    rng = random.Random(8)
    plans = read_plans(itertools.islice(read_solutions(SOLUTIONS), 300))
    made = [solve(rng, rng.choice(plans), error_rate=1, errors=(kind,)) for _ in range(900)]
    spoiled = [one for one in made if one.error is not None]
    assert len(spoiled) > 10
    assert {one.error for one in spoiled} <= {kind, "final"}
    assert all(False in one.labels for one in spoiled)


def test_kinds_that_are_measured_on_are_made_and_never_trained_on() -> None:
    rng = random.Random(9)
    plans = read_plans(itertools.islice(read_solutions(SOLUTIONS), 300))
    for kind in HELD_OUT_ERRORS:
        made = {
            solve(rng, rng.choice(plans), error_rate=1, errors=(kind,)).error for _ in "." * 900
        }
        assert made == {None, kind}
    trained = {generate(rng, rng.random(), gsm8k=plans).error for _ in range(3000)}
    assert not trained & set(HELD_OUT_ERRORS)
    assert trained >= set(ERRORS)


def test_errors_by_hand() -> None:
    steps = ["He has 60 - 20 = <<60-20=40>>40 pens.", "Each of 4 gets 40/4=<<40/4=10>>10 pens."]
    plan = read_plan("Of 60 pens 20 are lost, the others go to 4 friends.", steps)
    assert plan is not None

    def texts(kind: str) -> set[tuple[str, ...]]:
        drawn = (
            solve(random.Random(k), plan, error_rate=1, correct_rate=0, errors=(kind,))
            for k in range(300)
        )
        checked = re.compile("check|redo|recalculate")  # says a right step once more
        return {
            one.steps
            for one in drawn
            if one.error == kind and not any(map(checked.search, one.steps))
        }

    answer = "The answer is {}."
    assert texts("exchanged") == {
        ("He has 20 - 60 = -40 pens.", "Each of 4 gets -40/4=-10 pens.", answer.format(-10)),
        ("He has 60 - 20 = 40 pens.", "Each of 4 gets 4/40=0.1 pens.", answer.format(0.1)),
    }
    assert ("Each of 4 gets 60/4=15 pens.", answer.format(15)) in texts("left_out")
    assert ("He has 60 - 20 = 40 pens.", answer.format(4)) in texts("left_out")
    again = ("He has 60 - 20 = 40 pens.", "He has 40 - 20 = 20 pens.")
    assert (*again, "Each of 4 gets 20/4=5 pens.", answer.format(5)) in texts("twice")
    assert (
        "He has 60 + 20 = 80 pens.",
        "Each of 4 gets 80/4=20 pens.",
        answer.format(20),
    ) in texts("reversed")


def test_scenes_come_to_one_answer_by_every_way() -> None:
    for scene in SCENES:
        for seed in range(5):
            answers = set()
            for way in scene.ways:
                env = drawn(random.Random(seed), scene.draw)
                for line in map(line_of, way.split("\n")):
                    for name, value in line.before:
                        env[name] = value(env)
                    if line.result is not None and line.value is not None:
                        env[line.result] = line.value(env)
                answers.add(env.get("r"))
            assert len(answers) == 1, scene.asks


def test_right_scenes_hold_and_show_no_places() -> None:
    rng = random.Random(10)
    shown = re.compile(
        r"(?<![\w./=(])(?<![-+×/] )(-?[\d.]+) ([-+×/]) (-?[\d.]+) = (-?[\d.]+)(?![/\d])"
    )
    checked = 0
    for scene in SCENES * 10:
        solution = solve(rng, plan_of(rng, scene), error_rate=0)
        assert not re.search(r"[\[{|]", " ".join((solution.problem, *solution.steps)))
        for step in solution.steps:
            for a, sign, b, result in shown.findall(step):
                x, y = Fraction(a), Fraction(b)
                truth = {"+": x + y, "-": x - y, "×": x * y, "/": x / y if y else None}[sign]
                assert truth == Fraction(result), step
                checked += 1
    assert checked > 500


def test_another_style_keeps_what_is_right_and_what_is_wrong() -> None:
    rng = random.Random(11)
    kept = n = 0
    for _ in range(2000):
        solution = solve(rng, scene_problem(rng))
        other = restyled(rng, solution)
        n += len(solution.labels)
        kept += sum(a == b for a, b in zip(solution.labels, other.labels, strict=True))
        # What is not written down cannot be wrong; nothing that was right turns wrong.
        assert all(b >= a for a, b in zip(solution.labels, other.labels, strict=True))
    assert kept / n > 0.99


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

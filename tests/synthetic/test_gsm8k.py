import random
from pathlib import Path

import pytest

from prm_core.errors import DataError
from prm_core.synthetic.gsm8k import read_plan, read_plans, read_solutions
from prm_core.synthetic.solution import solve
from prm_core.synthetic.stream import generate

PROBLEM = "Ann has 3 boxes with 12 pens each. She sells 6 pens at $2. How much does the rest bring?"
STEPS = [
    "She has 3*12=<<3*12=36>>36 pens.",
    "So 36 - 6 = <<36-6=30>>30 pens are left.",
    "They bring 30 * 2 = $<<30*2=60>>60.",
]


def test_a_right_solution_says_what_the_source_says() -> None:
    plan = read_plan(PROBLEM, STEPS)
    assert plan is not None
    solution = solve(random.Random(0), plan, error_rate=0)
    written = [step for step in solution.steps if not step.startswith(("Wait", "Let", "Hmm"))]
    assert written == [
        "She has 3*12=36 pens.",
        "So 36 - 6 = 30 pens are left.",
        "They bring 30 * 2 = $60.",
        "The answer is 60.",
    ]
    assert all(solution.labels)


def test_an_error_travels_to_every_step_that_uses_its_result() -> None:
    plan = read_plan(PROBLEM, STEPS)
    assert plan is not None
    carried = 0
    for seed in range(200):
        solution = solve(random.Random(seed), plan, error_rate=1, correct_rate=0, errors=["slip"])
        if solution.labels[0]:
            continue
        assert not any(solution.labels)
        wrong = solution.steps[0].removeprefix("She has 3*12=").removesuffix(" pens.")
        assert solution.steps[1].startswith(f"So {wrong} - 6 = ")
        carried += 1
    assert carried > 20


def test_operators_are_swapped_in_text_and_value() -> None:
    plan = read_plan(PROBLEM, STEPS)
    assert plan is not None
    seen = set()
    for seed in range(100):
        solution = solve(
            random.Random(seed), plan, error_rate=1, correct_rate=0, errors=["operator"]
        )
        seen.add(solution.steps[0])
    assert seen == {"She has 3*12=36 pens.", "She has 3+12=15 pens."}


def test_several_computations_in_one_step_are_tied_together() -> None:
    plan = read_plan(
        "Tom buys 4 pens at 3 and 2 caps at 5.",
        ["Pens cost 4*3=<<4*3=12>>12, caps 2*5=<<2*5=10>>10, so 12+10=<<12+10=22>>22."],
    )
    assert plan is not None
    truth = solve(random.Random(0), plan, error_rate=0).truth
    assert truth[0] == "Pens cost 4*3=12, caps 2*5=10, so 12+10=22."
    texts = {solve(random.Random(seed), plan, error_rate=1).steps[0] for seed in range(50)}
    assert len(texts) > 5


@pytest.mark.parametrize(
    "steps",
    [
        [],
        ["No computation at all."],
        ["She has 3*12=<<3*12=35>>35 pens."],  # not true
        ["She has <<3*12=36>>many pens."],  # the result is not shown
        ["She has <<2**99=36>>36."],
        ["She has <<__import__('os')=36>>36."],
        ["She has <<1/0=36>>36."],
    ],
)
def test_marks_that_do_not_add_up_give_no_plan(steps: list[str]) -> None:
    assert read_plan(PROBLEM, steps) is None
    assert len(read_plans([(PROBLEM, steps), (PROBLEM, STEPS)])) == 1


def test_braces_are_text() -> None:
    plan = read_plan(PROBLEM, ["{a} 3*12=<<3*12=36>>36 {0}"])
    assert plan is not None
    assert solve(random.Random(0), plan, error_rate=0).steps[0] == "{a} 3*12=36 {0}"


def test_training_draws_from_the_plans() -> None:
    plans = read_plans([(PROBLEM, STEPS)])
    rng = random.Random(0)
    kinds = [generate(rng, 0.9, gsm8k=plans).kind for _ in range(400)]
    assert kinds.count("gsm8k") > 10


def test_solutions_to_spoil_name_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "solutions.jsonl"
    good = '{"problem": "a", "steps": ["b <<1+1=2>>2"]}\n'
    path.write_text(good + '{"problem": "x"}\n')
    with pytest.raises(DataError, match="line 2"):
        list(read_solutions(path))
    path.write_text(good)
    assert list(read_solutions(path)) == [("a", ["b <<1+1=2>>2"])]

"""The rows that the default model's head learns from: honest, and apart from what is measured."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest

from prm_core.formats.labelled import read_examples
from prm_core.paths import assets_dir
from prm_core.synthetic.gsm8k import read_solutions
from prm_core.synthetic.halves import half
from prm_core.training.operations import teaches
from prm_core.types import Example

ROWS = assets_dir() / "training"
TYPED = ("typed_right", "typed_wrong")
VISITORS = Path(__file__).parent.parent / "data" / "visitors.jsonl"
MEASURED = ("mr_gsm8k.jsonl.gz", "processbench_gsm8k.jsonl.gz")
WRITTEN = Path(__file__).parents[2] / "benchmarks" / "data" / "written.jsonl.gz"

_NUMBER = r"\d+(?:\.\d+)?"
_EQUATION = re.compile(
    rf"(?<![\d.)}}/*x×:+=-] )(?<![\d./])(-?{_NUMBER}(?: ?[-+*/×x:] ?{_NUMBER})+)"
    rf" = (-?{_NUMBER})(?![\d.:/])(?! remainder)"
)
_ALONE = re.compile(
    rf"(?:^|: )({_NUMBER}(?: ?[-+*×x] ?{_NUMBER})+) = ({_NUMBER})(?![\d.,:/%]| \d| ?[-+*×x/÷])"
)
# The same within a sentence: a colon introduces, and a percentage is another number, as is a part
# of something ("so 1/5 = 5").
_WITHIN = re.compile(
    rf"(?<![-\d.)}}/*×+=:] )(?<![-+\d.:/*}}])(?!1/\d = )({_NUMBER}(?: ?[-+*/×] ?{_NUMBER})+)"
    rf" = (-?{_NUMBER})(?![\d:/%(]|\.\d| ?[-+*×/:] ?[\d(]| percent| full| remainder)"
)


def rows(path: Path) -> list[Example]:
    return [row for row in read_examples(path) if isinstance(row, Example)]


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9+*/=<>^().-]+", " ", text.lower()).strip()


def value_of(shown: str) -> Fraction:
    """The value of numbers with signs between them, products before sums."""
    signs = re.sub(r"(?<=[\d ])[×x](?=[\d ])", "*", shown).replace(":", "/")
    total = Fraction(0)
    for sign, product in re.findall(r"([+-]?)\s*([^+-]+)", signs):
        value = Fraction(1)
        for over, number in re.findall(r"([*/]?)\s*([\d.]+)", product):
            value = value / Fraction(number) if over == "/" else value * Fraction(number)
        total += -value if sign == "-" else value
    return total


def holds(shown: str, result: str) -> bool:
    """Whether a plain equation is true, to the decimals that its result has."""
    decimals = len(result.partition(".")[2])
    most = Fraction(6, 10 ** (decimals + 1)) if decimals else Fraction(0)
    return abs(value_of(shown) - Fraction(result)) <= most


def test_no_plain_equation_of_a_right_typed_step_is_false() -> None:
    n_found = 0
    for example in (row for name in TYPED for row in rows(ROWS / f"{name}.jsonl.gz")):
        for step, label in zip(example.candidate.steps, example.labels, strict=True):
            text = re.sub(r"(?<=\d),(?=\d{3})", "", step.replace("$", "").replace("−", "-"))
            for shown, result in _EQUATION.findall(text):
                n_found += 1
                assert label == 0.0 or holds(shown, result), step
    assert n_found > 800


@pytest.mark.parametrize("name", ["written_long", "written_gsm8k", "written_alike"])
def test_no_plain_equation_of_a_right_long_step_is_false(name: str) -> None:
    n_found = 0
    for row in rows(ROWS / f"{name}.jsonl.gz"):
        for step, label in zip(row.candidate.steps, row.labels, strict=True):
            text = re.sub(r"(?<=\d),(?=\d{3})", "", step.replace("$", "").replace("−", "-"))
            text = text.replace("÷", "/").replace(r"\times", "×").replace(r"\div", "/")
            text = re.sub(r"(?<=\d) ?x ?(?=\d)", " × ", text)
            for shown, result in _WITHIN.findall(re.sub(r"\S*(?:\\frac|\{,\})\S*", "", text)):
                n_found += 1
                assert label != 1.0 or holds(shown, result), step
    assert n_found > 4000


def test_the_typed_files_are_what_their_names_say() -> None:
    for name in TYPED:
        assert all(
            (0.0 in row.labels) == (name == "typed_wrong")
            for row in rows(ROWS / f"{name}.jsonl.gz")
        )


def test_typed_rows_share_no_problem_and_no_longer_step_with_what_is_measured() -> None:
    measured = rows(VISITORS)
    problems = {plain(row.candidate.problem) for row in measured}
    steps = {plain(step) for row in measured for step in row.candidate.steps}
    for row in (row for name in TYPED for row in rows(ROWS / f"{name}.jsonl.gz")):
        assert plain(row.candidate.problem) not in problems
        same = {plain(step) for step in row.candidate.steps} & steps
        assert all(len(step) <= 8 for step in same), same


@pytest.mark.parametrize(
    "name", ["mr_gsm8k", "parc", "consensus_right", "consensus_wrong", "judged_wrong"]
)
def test_real_solutions_are_of_the_half_that_is_fitted_on(name: str) -> None:
    assert {half(row.candidate.problem) for row in rows(ROWS / f"{name}.jsonl.gz")} == {"fit"}


def test_a_judged_solution_is_right_up_to_its_one_wrong_step() -> None:
    judged = rows(ROWS / "judged_wrong.jsonl.gz")
    assert len(judged) == 4170
    for row in judged:
        wrong = row.labels.index(0.0)
        assert row.labels == (1.0,) * wrong + (0.0,) + (None,) * (len(row.labels) - wrong - 1)


def test_written_gsm8k_is_of_training_problems_that_the_table_has_not_seen() -> None:
    gsm8k = read_solutions(assets_dir() / "gsm8k" / "train.jsonl.gz")
    new = {plain(problem) for problem, _ in gsm8k if not teaches(problem)}
    written = rows(ROWS / "written_gsm8k.jsonl.gz")
    assert len(written) == 6 * 1392
    assert {plain(row.candidate.problem) for row in written} <= new


def test_written_alike_is_six_solutions_of_each_of_other_training_problems() -> None:
    gsm8k = read_solutions(assets_dir() / "gsm8k" / "train.jsonl.gz")
    known = {plain(problem) for problem, _ in gsm8k if teaches(problem)}
    of_problem: dict[str, list[bool]] = {}
    for row in rows(ROWS / "written_alike.jsonl.gz"):
        of_problem.setdefault(plain(row.candidate.problem), []).append(0.0 in row.labels)
    assert len(of_problem) == 1385
    assert of_problem.keys() <= known
    assert all(sorted(wrong) == [False] * 2 + [True] * 4 for wrong in of_problem.values())


@pytest.mark.parametrize("name", ["written_gsm8k", "written_alike"])
def test_the_manner_of_a_written_gsm8k_solution_does_not_give_it_away(name: str) -> None:
    """Where wrong ones are written in another manner, a model learns the manner."""
    shares = {}
    written = rows(ROWS / f"{name}.jsonl.gz")
    for is_wrong in (False, True):
        some = [row.candidate.steps for row in written if (0.0 in row.labels) == is_wrong]
        shares[is_wrong] = [
            sum(any(re.search(sign, step) for step in steps) for steps in some) / len(some)
            for sign in (r"^Step 1:", r"\\", "####", r"^(First|Next|Therefore),", r"\*\*")
        ]
    for right, wrong in zip(shares[False], shares[True], strict=True):
        assert abs(right - wrong) < 0.02


def test_what_is_reported_on_written_problems_is_of_none_that_a_model_learned_from() -> None:
    learned = {
        plain(row.candidate.problem) for path in ROWS.glob("*.jsonl.gz") for row in rows(path)
    }
    gsm8k = list(read_solutions(assets_dir() / "gsm8k" / "train.jsonl.gz"))
    learned |= {plain(problem) for problem, _ in gsm8k}
    written = rows(WRITTEN)
    assert len(gsm8k) > 7000
    assert len(written) == 7332
    reported = [row for row in written if half(row.candidate.problem) == "report"]
    assert len(reported) == 3579
    assert all(plain(row.candidate.problem) not in learned for row in reported)


def test_written_rows_share_no_problem_with_other_sets_that_are_measured() -> None:
    measured = {
        plain(row.candidate.problem)
        for path in (VISITORS, *map(WRITTEN.with_name, MEASURED))
        for row in rows(path)
    }
    for name, n_problems in (("written", 3676), ("written_long", 798)):
        written = {plain(row.candidate.problem) for row in rows(ROWS / f"{name}.jsonl.gz")}
        assert len(written) == n_problems
        assert not written & measured


@pytest.mark.parametrize("path", [WRITTEN, ROWS / "written.jsonl.gz"], ids=["measured", "learned"])
def test_no_plain_equation_of_a_right_written_step_is_false(path: Path) -> None:
    n_found = 0
    for row in rows(path):
        for step, label in zip(row.candidate.steps, row.labels, strict=True):
            for shown, result in _ALONE.findall(step):
                n_found += 1
                assert label == 0.0 or holds(shown, result), (row.candidate.problem, step)
    assert n_found > 4000

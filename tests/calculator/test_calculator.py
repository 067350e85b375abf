"""What the calculator reads in a text, against arithmetic done by hand and GSM8K's own marks."""

from __future__ import annotations

import gc
import json
import random
import re
import time
from pathlib import Path

import pytest

from benchmarks.calculator import Counts, count_step
from prm_core.calculator import FEATURES, Ledger, read, read_solution
from prm_core.formats.problems import read_problems
from prm_core.paths import assets_dir
from prm_core.synthetic.gsm8k import read_solutions

ROOT = Path(__file__).parent.parent.parent
INDEX = {name: i for i, (name, _) in enumerate(FEATURES)}

TRUE = [
    "17 apples + 15 apples = 32 apples",
    "$12 × 3 = $36",
    "144 / 12 = 12",
    "-3 + 5 = 2",
    "5 times 3 is 15",
    "20% of 45 is 9",
    "Half of 20 is 10.",
    "two thirds of 30 is 20",
    r"$\frac{3}{4} \times 20 = 15$",
    r"\(9 \cdot 6 = \boxed{54}\)",
    r"12 \div 4 = 3 \text{ eggs}",
    "1,250 + 3,875 = 5,125",
    "2 1/2 + 1/2 = 3",
    "2½ + ½ = 3",
    "40 + 20 = 60 + 10 = 70",
    "10 / 3 = 3.33",
    "6/8 = 3/4",
    "1/3 of 27 = 9",
    "17 + 15, which makes 32",
    "five plus three is eight",
    "twenty-five minus three equals 22",
    "2 hours = 120 minutes",
    "60 × 2 = 120 seconds = 2 minutes",
    "$5 = 500 cents",
    "80 - 20% = 64",
    "100% - 20% = 80%",
    "25 / 100 = 25%",
    "12 : 3 = 4",
    "80:4 = 20",
    "12:4 + 5 = 8",
    "48:2:3 = 8",
    "100:(2 + 3) = 20",
    "60:12 = 5",
    "3:4 = 6:8",
    "2,5 + 1 = 3,5",
    "7 : 2 = 3,5",
    "0,05*200 = 10",
    "3 * 1,50 € = 4,50 €",
    "3,5 x 4 = 14",
    "1 pen = 4.50/3 = 1.50",
    "pi*3^2 = 9pi ≈ 28.27",
    "9π = 28.26",
    "7 squared minus 5 = 44",
    "(2 + 1)² = 9",
    "9 cm² + 1 cm squared = 10 cm²",
    "3 h = 180 min = 10,800 s",
    "the result of 7 × 8 is 56",
    "3kg + 2kg = 5kg",
    "7200 millilitres = 7.2 l",
    r"\frac{2}{3} \left(40 - 10\right) = 20",
    r"2 \text{ hours} = 2 \times 60 = 120 \text{ minutes}",
    r"\frac{\$10,\!000}{\$550} \approx 18.18",
    "5 × 4 = 20\n- 1 head: 5 × 1 = 5",
    "2.5 kilometers = 2500 metres",
    r"\pi \cdot 3^2 = 9\pi",
    "2(π) = 6.28",
    "3(4 + 5) = 27",
    "2^3 = 8",
    "5² = 25",
    r"\sqrt{49} = 7",
    "24 eggs / 12 eggs per box = 2 boxes",
    "60 miles/hour * 2 hours = 120 miles",
    "add 5 and 7 to get 12",
    "subtracting 4 from 10 leaves 6",
    "25 classmates + his 1 teacher + 1 = 27 people",
    "**7 × 8 = 56**",
    "7 − 9 = −2",
    "Wait, that is too high: 0.15 × 80 = 12",
    "2 million * 3 = 6 million",
    "x = 15/3 = 5",
    "6 2/5 + 1 3/5 = 8",
    "5 1/2 - 2 1/4 = 3 1/4",
    "4 1/2 = 18/4",
    "one and a half times 145 is 217.5",
    "10% of 12,000 is 1,200, so 13,200",
    "1 kg - 300 g = 700 g",
    "24 h - 14 h 20 min = 9 h 40 min",
    "1 h 30 min × 2 = 3 h",
    "4 h 30 + 45 min = 5 h 15",
    "270 + 45 = 315 min = 5 h 15",
    "50 ct + 95 ct = €1.45",
    "60 km/h × 2 h 30 min = 150 km",
    "300 g + 1 kg = 1.3 kg",
    "$5 - 4 * 25 cents = $4",
    "0.98 m² = 9800 cm²",
    "2 m^3 = 2000000 cm^3",
    "389 ≈ 390",
    "53 ÷ 8 = 6 remainder 5",
    "24/7 = 3 R3",
    "65 : 8 = 8 with a remainder of 1",
    "62 take away 17 is 45",
    "28 / 4 = 7 times a week",
    "2.5 t = 2500 kg",
    r"\frac{60}{9} = 6\frac{2}{3}",
    r"12 \times 6\frac{2}{3} = 80",
    r"2\dfrac{1}{2} + \frac{1}{2} = 3",
    r"5\frac{10}{2} = 25",
    "15 mangoes = 15 × 1.60 = $24",
    "First 10 jerseys = 10 * 24 = 240 dollars",
    "half of 24 - 6 = 18, which is 9",
    "1/3 of 6 + 3 = 9, which is 3",
    "two thirds of 45 × 12 = 540 is 360",
    "half of 12 + 8 = 14",
    "40 times burns 40 * 128 = 5120 calories",
    "The shop loses 5 × 3 = 15 thousand dollars.",
    "38 / 19 = 2 million",
    "2 thousand + 3 thousand = 5 thousand",
    "year 2 377+50=427",
    "double 220*2=440 to the intersection",
    "martha is half of doris so 6/2=3",
    r"so he is 9\*2=18 years old",
    r"5000-2/5\*5000=3000",
    "half of the remaining 19 - 5 = 14, which is 7",
    r"\( \frac{9}{10} \) of the \( 85 - 15 = 70 \) meters, which is 63",
    "half of one set is 6 / 2 = 3 colors",
    "Being late 3 times costs her 3 * 5 = $15",
    "1 bottle fills 50/3=16 balloons and a bit",
    r"\frac{38}{9} \approx \boxed{4.22}",
    "Ann (21) - Tom (13) = 8 eggs",
    "10 (left) + 6 (four students) + 32 (16 students) = 48",
    "1 check per quarter × 4 quarters = 4 checks",
    "The six trucks take away 6 * 18 = 108",
    "450 × 6 = 2700 dollars plus 3000 dollars",
    "3 small + 1 large = 3 × $4 + $10 = $22",
    "-3^2 = -9",
    "(-3)^2 = 9",
    "25 cents × 4 = $1",
    "30 minutes × 4 = 2 hours",
    "60 + 8% tax = 64.80",
    "40% + 8% = 48%",
    "C = 2 x pi x 5 = 31.4",
    "17 / 5 = 3 with 2 left over",
    "176 / 9 = 19 bouquets with 5 flowers left over",
    "3 • 4 = 12",
    "3 pens @ $2 = $6",
    r"$3 \frac{1}{2} \times 2 = 7$",
    "10'000 / 4 = 2'500",
    "123 + 456 ≈ 580",
    "53 / 8 = 6 full boxes",
    "5 km/h × 2 h = 10 km",
    "P = 2 (12 + 5) = 34",
    "2.5 kg = 2.5 x £3 = £7.50",
    "250 ml x 4 = 1 L",
    "-5² + 30 = 5",
    "− 7 + 12 = 5",
    "- 7 + 12 = 5",
    "- 7 + 12 = 19",
    "3 ＋ 4 = 7",
    "72 ∶ 8 = 9",
    "80 - 15% = 68",
    "⅜ + ⅝ = 1",
    r"\frac14 + \frac14 = \frac12",
    "180° − 125° = 55°",
    "−7 °C + 12 °C = 5 °C",
    "1/3 = 24 ÷ 3 = 8",
    "20% = 2 x £4.50 = £9",
]
FALSE = [
    "17 apples + 15 apples = 31 apples",
    "$12 × 3 = $34",
    "144 / 12 = 11",
    "-3 + 5 = 8",
    "5 times 3 is 16",
    "20% of 45 is 8",
    r"$\frac{3}{4} \times 20 = 16$",
    r"\(9 \cdot 6 = \boxed{56}\)",
    "1,250 + 3,875 = 5,025",
    "2 1/2 + 1/2 = 4",
    "10 / 3 = 3.43",
    "0.15 × 80 = 15 × 8 = 120",
    "17 + 15, which makes 33",
    "five plus three is nine",
    "2 hours = 100 minutes",
    "8 h 30 - 45 min = 7 h 55",
    "80 - 20% = 54",
    "add 5 and 7 to get 13",
    "12 : 3 = 5",
    "80:4 = 21",
    "7:2 = 3,6",
    r"9\pi = 8\pi",
    "9pi = 28.8",
    "12 apples = 3 + 8",
    "$144 / 12 = 11$",
    "$5 = 6$",
    "the product of 7 and 8 is 54",
    "the result of 7 × 8 is 54",
    "12,50 - 3,75 = 8,85",
    "3(4 + 5) = 17",
    "123456789 × 987654321 = 121932631112635268",
    "20% = 0.3",
    "7 / 2 = 3",
    "6 2/5 + 1 3/5 = 7",
    "1 kg - 300 g = 800 g",
    "6 feet + 3 inches = 9 feet",
    "2 h - 45 min = 1 h 25 min",
    "1.5 m² = 150 cm²",
    "389 ≈ 380",
    "53 ÷ 8 = 7 remainder 5",
    "24 / 7 = 3 r 4",
    "62 take away 17 is 55",
    "28 / 4 = 6 times",
    "2.5 t = 250 kg",
    r"12 \times 6\frac{2}{3} = 72",
    r"\frac{60}{9} = 6\frac{1}{3}",
    "15 mangoes = 15 × 1.60 = $25",
    "2 hours = 2 × 50 = 100 minutes",
    "3 × 5 = 16, so there are 16",
    "half of 24 - 6 = 17",
    "half of 60 = 60",
    "40 times 128 = 128",
    "5 × 3 = 16 thousand",
    "2 thousand + 3 thousand = 5",
    "year 2 377+50=437",
    "double 220*2=441",
    r"9\*2=19",
    "1/12 + 1/18 = 2/30 of the wall",
    "2/3 of 1/2 is 1/4 of the pizza",
    "half of 13/12 is 13/6",
    "100% - 80% = 10% of the way",
    "12/4 = 2 each",
    "3 apples + 4 apples = 3 + 5",
    "-3^2 = 9",
    "60 + 8% tax = 68",
    "3 • 4 = 13",
    "10'000 / 4 = 2'600",
    "17 / 5 = 3 with 1 left over",
    "2.5 years * 12 = 36 months",
    "100 - 40 = 61 apples remaining",
    "The full price is 12 × 8 = 97 dollars",
    "A round trip is 2 × 60 = 122 miles",
    "What about Tom? He has 50 + 30 = 81",
    "Half of the remaining 500 students is 200",
    "P = 2 (12 + 5) = 35",
    "4/8 = 2",
    "3/4 h = 75 min",
    "250 ml x 4 = 2 L",
    "- 7 + 12 = 18",
    "6 － 2 = 5",
    "80 - 15% = 65",
    r"\frac12 + \frac14 = \frac14",
    "180° − 125° = 65°",
    "tickets ($20.25) + food ($2.25) + rides ($66) = $90.50",
]
# Words and signs that are no statement of equality, or one that only looks false.
SILENT = [
    "third of 21 = 7 given away",
    "three of 2 = 6",
    "2/5 of choc not sold = 20",
    "1/2 fell, 1/2 of that destroyed = 1/4",
    "tax 10% = 55",
    "20 less 10% = 18",
    "15 strips = 3/5 of the rest so 1/5 = 5",
    "5% of $1200 is half of that, $60",
    "8 is half of 16, so it is 50%",
    "The second night was half of the first one, which is 8 ÷ 2",
    "19 + second half + 7 = 32",
    "6 pm minus 8 hours is 10 am",
    "plus 60 min stop = 420 min",
    "3 17/12 = 4 5/12",
    "1 + H2 = 250",
    r"\frac{5}{4} b = 360",
    "The 2 x 4 boards were $10",
    "3 quarters + 2 dimes = 95 cents",
    "3 tens + 4 ones = 34",
    "40 + 7 = 4 tens 7 ones",
    "□ + 5 = 12",
    "2/5 = 24 pupils",
    "|3 - 8| + 1 = 6",
    r"\left|-5\right| + 2 = 7",
    "1 + 2 + ... + 10 = 55",
    r"1 + 2 + \dots + 10 = 55",
    "√2 × √8 = 4",
    "∛27 = 3",
    "3! × 2 = 12",
    "17 % 5 = 2",
    "25 out of 100 = 25%",
    "10 km at 5 km/h = 2 hours",
    "54 km/h = 15 m/s",
    "2 more than twice 5 = 12",
    "0.333... × 3 = 1",
    "9 + 5 = 2 mod 12",
    "Is 3 + 4 = 8? No.",
    "30 lbs. * 3500 calories = 105,000",
    "The increase of 50% means 0.5x, and x + 3",
    "120 / 4 = 30, rest 90",
    "5 - 2 = 3 and 3/4 = 0.75",
    "1 9/12 + 2 8/12 = 3 17/12",
    "2000 ml : 7 ≈ 286 ml",
    "Day 1 = 5 × 2",
    "6 × 7 is 6 groups of 7",
    "one is 5",
    "The score was 3 - 2 and then 4.",
    "T + 4 + 2 = 8",
    "24V + 15 = 141",
    "5 apples = $10",
    "3 pens = 4.50",
    "2πr = 18.84",
    "f(-2) = 4",
    "f'(2) = 6 · 2 - 6",
    r"\binom{11}{4} = 330",
    r"a_{14} = 2^{21}",
    r"\log_2 64 = 6",
    r"\log_{4} 16 = 2",
    r"321_5 = 86_{10}",
    r"\frac{(y - 1)^2}{81} = 1",
    r"6\sqrt{3} \cdot \frac{1}{2} = 3\sqrt{3}",
    "\\[ 31 + O = 50 \\]\n\\[ O = 50 - 31 \\]",
    r"7 \pm 2 = 5",
    r"f\left(-\frac{1}{2}\right) = \frac{49}{20}",
    "3k = 30, so k = 10",
    "5a = -8",
    "K-9 = 8",
    "the units digit of 18^{19} is 2",
    "2n = 7k + 3",
    "49 - 3ab = 6",
    r"\frac{2}{3} = 0.\overline{6}",
    "2/3 = 0.66...",
    r"r = 5 \quad \text{or} \quad r = -1",
    "a = 0 or a = 2",
    "x² = 9",
    "x^2 + 5 = 14",
    "one pie = 3",
    "96% is 48 ounces",
    "An increase of 50% of 8",
    "Step 3 of 4: multiply.",
    "Day 2: 4 = 2 + 2",
    "The ratio is 3:4 and 5 = 5",
    "x = 1,2",
    "f(2,5) = 7",
    "1,2,3 = 3",
    "So 3, 4 = 2 + 2",
    "7 / 0 = 0",
    "(((((",
    "= = =",
    "17",
    "10% of the price = 55",
    "63 = 6 × 10 + 3, so there are 10 full boxes.",
    "They share in the ratio 2 : 1 : 1, so there are 4 parts.",
]


@pytest.mark.parametrize("text", TRUE)
def test_true_equations_hold(text: str) -> None:
    equations = read(text).equations
    assert equations
    assert all(equation.holds for equation in equations)


@pytest.mark.parametrize("text", FALSE)
def test_false_equations_fail(text: str) -> None:
    assert any(not equation.holds and equation.error > 0 for equation in read(text).equations)


@pytest.mark.parametrize("text", SILENT)
def test_what_is_no_equation_is_not_called_false(text: str) -> None:
    assert all(equation.holds for equation in read(text).equations)


def test_an_equation_knows_its_place() -> None:
    (reading,) = read_solution("What is 8 × 3?", ["Step 1: So 8 × 3 = 21, I think."])
    (equation,) = reading.equations
    text = "Step 1: So 8 × 3 = 21, I think."
    assert text[equation.start : equation.end] == "8 × 3 = 21"
    assert not equation.holds
    assert equation.error == pytest.approx(3 / 24)


def test_the_unknown_is_solved_for_and_put_in() -> None:
    assert read("Solve for x: 3x + 4 = 19").root == 5
    right, wrong = (
        read_solution("Solve for x: 3x + 4 = 19", ["3x = 15", last])[1]
        for last in ("x = 5", "x = 4")
    )
    assert right.equations[0].holds
    assert not wrong.equations[0].holds


def said(problem: str, steps: list[str]) -> list[set[str]]:
    """The features of each step that are above zero."""
    return [
        {name for name, i in INDEX.items() if reading.features[i]}
        for reading in read_solution(problem, steps)
    ]


def test_an_error_is_carried_and_mended() -> None:
    steps = ["15 / 3 = 3", "The answer is 3.", "Wait, 15 / 3 = 5", "The answer is 5."]
    first, carried, mended, answer = said("What is 15 / 3?", steps)
    assert "false" in first
    assert {"states_false", "misses"} <= carried
    assert {"mends", "hits"} <= mended
    assert {"last", "hits"} <= answer
    assert not {"open_false", "states_false", "misses"} & answer


def test_tens_and_ones_are_no_numbers_from_nowhere() -> None:
    steps = ["1000 + 3000 = 4000", "250 + 875 = 1125", "4000 + 1125 = 5125"]
    for found in said("What is 1,250 + 3,875?", steps):
        assert not {"new", "off_the_way", "misses", "false"} & found


def test_a_true_equation_off_the_way_is_told() -> None:
    first, second, answer = said("What is 2 + 3 × 4?", ["2 + 3 = 5", "5 × 4 = 20", "So 20"])
    assert "off_the_way" in first
    assert "doubtful" in second
    assert "misses" in answer
    assert "on_the_way" in said("What is 2 + 3 × 4?", ["3 × 4 = 12"])[0]


@pytest.mark.parametrize(
    ("problem", "step"),
    [
        ("What is 15 × 15?", "10*15 + 5*15 = 150 + 75 = 225"),
        ("A bag has 3 red and 5 blue balls.", "3 / (3 + 5) = 3/8"),
        ("What is 7 squared minus 5?", "49 - 5 = 44"),
        ("Find the area of a circle of radius 8.", "3.14 * 64 = 200.96"),
        ("If x = 3, what is 2x^2 - 4x + 1?", "2 * 9 = 18"),
        ("3 dozen eggs, 7 broke. How many are left?", "36 - 7 = 29"),
        ("A pump runs for 2.5 hours at 8 l a minute.", "150 * 8 = 1200"),
    ],
)
def test_what_is_on_the_way_comes_from_somewhere(problem: str, step: str) -> None:
    (one,) = read_solution(problem, [step])
    assert one.features[INDEX["true"]] == 1
    assert one.features[INDEX["new"]] == 0


@pytest.mark.parametrize(
    ("problem", "steps"),
    [
        (
            "Two numbers add to 30 and differ by 6.",
            ["x + y = 30", "x - y = 6", "2x = 36", "x = 18"],
        ),
        ("x + y = 30, x - y = 6", ["2x = 36", "x = 18", "y = 30 - 18 = 12", "x - y = 6"]),
        ("Solve x^2 - 5x + 6 = 0.", ["x = 2", "x = 3"]),
        ("Solve x^2 - 5x + 6 = 0.", ["x = 2 or x = 3"]),
        (
            "How many?",
            [r"\frac{1}{3} (x - 30) - 1 = 5", r"\frac{1}{3} (x - 30) = 6", "x - 30 = 18"],
        ),
        ("Which n?", ["For n = 3: 2n = 6.", "For n = 6: 2n = 12.", "2n = 7 + 3", "n = 5"]),
        ("x = 4. What is y if y = x + 3?", ["y = 4 + 3", "y = 7"]),
    ],
)
def test_letters_have_values_of_their_own(problem: str, steps: list[str]) -> None:
    assert all(e.holds for one in read_solution(problem, steps) for e in one.equations)


def test_a_number_and_a_part_of_something_are_two() -> None:
    told = read_solution("He buys 5 and a third of the 12 on the shelf.", ["5 + 12 / 3 = 9"])
    assert told[0].features[INDEX["new"]] == 0
    told = read_solution("She walks two and a half hours at 4 km/h.", ["2.5 * 4 = 10"])
    assert told[0].features[INDEX["given"]] == 1


def test_what_an_equation_says_of_a_letter_holds_in_the_next_step() -> None:
    told = read_solution("Bob has x, Anna twice as many, 36 in all.", ["3x = 36", "x = 13"])
    assert [e.holds for one in told for e in one.equations] == [True, False]
    told = read_solution("How many?", ["3x + 8 = 32", "3x = 24", "x = 6"])
    assert [e.holds for one in told for e in one.equations] == [True, True, False]


def test_a_root_of_a_number_is_one_step_from_it() -> None:
    (one,) = read_solution("Solve x^2 = 49.", ["x = 7 or x = -7"])
    assert (one.features[INDEX["unfounded"]], one.features[INDEX["reachable"]]) == (0, 1)


def test_an_expression_has_its_value_where_the_unknown_is_given() -> None:
    told = read_solution("If x = 3, what is 2x + 1?", ["2 * 3 + 1 = 7", "7"])
    assert [one.features[INDEX["hits"]] for one in told] == [1, 1]


def test_numbers_from_nowhere_and_unwritten_results() -> None:
    problem = "Tom has 40 blocks in rows of 6. He takes 3 rows away. How many are left?"
    assert "reachable" in said(problem, ["18 blocks go away"])[0]
    assert "unfounded" in said(problem, ["19 blocks go away"])[0]
    assert "new" in said(problem, ["40 - 23 = 17"])[0]


def test_operations_against_the_words_beside_the_numbers() -> None:
    problem = "My sister is 14 and I am 5 years younger. How old am I?"
    assert "clashes" in said(problem, ["14 + 5 = 19"])[0]
    assert "fits" in said(problem, ["14 - 5 = 9"])[0]


def test_a_result_after_a_line_break_goes_on_from_the_line_before() -> None:
    _, right = said("1,250 + 3,875", ["1,250 + 3,875", "= 5,125"])
    _, wrong = said("1,250 + 3,875", ["1,250 + 3,875", "= 5,025"])
    assert "false" not in right
    assert "false" in wrong


def test_a_percentage_may_go_on_from_a_longer_line_before() -> None:
    steps = ["So we take 3 more and then 5 of them, that is 20% of 50% of them all", "= 12%"]
    assert "false" in said("What is 20% of 50%?", steps)[1]
    assert "false" not in said("What is 20% of 50%?", [steps[0], "= 10%"])[1]


def test_any_mixture_of_signs_and_words_is_read() -> None:
    """Nothing fails, and every equation stands in its own step."""
    rng = random.Random(7)
    text = (
        "5 12% $3 = = + - × / ( ) x of is makes half twice 3/4 2½ apples and add from ^ 2 % : 8:15 "
        r"\frac{1}{2} \sqrt { } dozen h min km 1,250 .5 ≈ sum remainder ² 20% Day , . -3 to"
    )
    atoms = re.split(" ", text)
    for _ in range(1500):
        steps = [" ".join(rng.choices(atoms, k=rng.randint(1, 12))) for _ in range(3)]
        for step, reading in zip(steps, read_solution(steps[0], steps), strict=True):
            assert all(0 <= e.start < e.end <= len(step) for e in reading.equations)


def test_the_reference_examples_read_right() -> None:
    """A step of the reference is wrong exactly when its arithmetic says so."""
    wanted = ["+++", "+--", "+++", "+-++", "+++", "+--", "+--", "++-++", "+++", "+--", "+-++"]
    with (ROOT / "examples" / "reference.jsonl").open("rb") as lines:
        rows = list(read_problems(lines))
    solutions = [(row.problem, list(steps)) for row in rows for steps in row.solutions]
    bad = {"false", "states_false", "misses"}
    for (problem, steps), signs in zip(solutions, wanted, strict=True):
        found = [
            "-" if bad & step and "mends" not in step else "+" for step in said(problem, steps)
        ]
        assert "".join(found) == signs


def test_gsm8k_is_read_as_its_marks_say() -> None:
    counts, rng = Counts(), random.Random(0)
    rows = list(read_solutions(assets_dir() / "gsm8k" / "test.jsonl.gz"))
    for _, steps in rows[:250]:
        for step in steps:
            count_step(counts, step, rng)
    assert counts.marks > 700
    assert counts.found / counts.marks >= 0.95
    assert counts.held / counts.read >= 0.99
    assert counts.caught / counts.spoiled >= 0.95


def test_what_it_says_of_a_step_leans_on_nothing_behind_it() -> None:
    with (ROOT / "tests" / "data" / "visitors.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    for row in rows:
        whole = read_solution(row["problem"], row["steps"])
        ledger = Ledger(row["problem"])
        for step, reading in zip(row["steps"], whole, strict=True):
            assert ledger.step(step) == reading
            assert all(0.0 <= value <= 1.0 for value in reading.features)
            assert len(reading.features) == len(FEATURES)


@pytest.mark.parametrize(
    "part",
    ["(", "1+(", "1 - ", "9", "1/97", "5 = ", r"\frac{", "x 2", "one and ", "2^", "12:30 ",
     "12:30 + 5 = ", "9:00 to ", "7:2:", "2,5*", "1,5 h ", "3 of ", "7 7/8 ", "5 apples "],
)  # fmt: skip
def test_any_text_is_read_in_time(part: str) -> None:
    """Twice the text takes about twice the time; were it a square, four times."""

    def seconds(length: int) -> float:
        text = (part * length)[:length]
        gc.disable()  # a collection costs what other tests left
        begin = time.process_time()
        read_solution("What is 5 + 7?", [text, text[::-1]])
        took = time.process_time() - begin
        gc.enable()
        return took

    seconds(100)
    assert seconds(4_000) < 3.2 * seconds(2_000) + 0.05


def test_every_feature_is_explained_once() -> None:
    names = [name for name, _ in FEATURES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)
    assert all(meaning for _, meaning in FEATURES)

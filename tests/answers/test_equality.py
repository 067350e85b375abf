"""Answers that mean the same and answers that do not, by what they are."""

from __future__ import annotations

import cmath
import itertools
import math
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prm_core.answers.equality import same_answer
from prm_core.answers.expressions import Formula, NoFormulaError
from prm_core.answers.notation import one_spelling, tokens_of, words
from tests.clock import cpu_seconds

SAME = {
    "plain numbers": [
        ("1,000", "1000"),
        ("10 000", "10000"),
        (r"1\,000", "1000"),
        ("10{,}000", "10000"),
        ("0.5", r"\frac{1}{2}"),
        (".5", "0.50"),
        ("+5", "5"),
        ("1/2", r"\dfrac12"),
        ("2/3", r"\frac23"),
        (r"\frac9{19}", r"\frac{9}{19}"),
        ("1 1/2", "1.5"),
        (r"2\frac{1}{3}", "7/3"),
        ("−3", "-3"),
        (r"0.\overline{3}", "1/3"),
        (r"0.1\overline{6}", r"\frac{1}{6}"),
        ("3 million", "3,000,000"),
        ("6th", "6"),
    ],
    "rates": [("15%", "0.15"), ("15%", "15"), (r"15\%", "15 percent"), ("3/4", "75%")],
    "decimals that were rounded": [
        ("0.3333", "1/3"),
        ("1.4142", r"\sqrt{2}"),
        ("3.1416", r"\pi"),
        ("0.70711", r"\frac{\sqrt{2}}{2}"),
        ("2.71828", "e"),
        ("1.0986", r"\ln 3"),
        (r"\approx 1.7321", r"\sqrt{3}"),
    ],
    "powers of ten": [
        (r"1.6\times 10^{-19}", "1.6e-19"),
        (r"3 \cdot 10^8", "3e8"),
        ("6.02 x 10^23", "6.02 × 10²³"),
    ],
    "plain names": [
        ("4*pi*r", r"4\pi r"),
        ("pi/3", r"\dfrac{\pi}{3}"),
        ("exp(2)", "e^{2}"),
        ("sqrt(3)/2", r"\frac{\sqrt{3}}{2}"),
        ("x**2 + 1", "x^2+1"),
        ("2*theta", r"2\theta"),
        ("a*b*c", "abc"),
        ("abs(-3)", "3"),
        ("cbrt(8)", "2"),
        ("log2(8)", r"\log_2 8"),
        ("(-oo, 3)", r"(-\infty, 3)"),
        ("sin(pi/6)", "1/2"),
    ],
    "Unicode": [
        ("5√3", r"5\sqrt{3}"),
        ("√12", r"2\sqrt{3}"),
        ("x²+1", "x^2+1"),
        ("x⁻¹", "1/x"),
        ("½", "1/2"),
        ("1⁄3", "1/3"),
        ("2½", "2.5"),
        ("(−∞, 2) ∪ (3, ∞)", r"(-\infty,2)\cup(3,\infty)"),
        ("±3", r"\pm 3"),
        ("x ≠ 2", r"x \neq 2"),
        ("∅", r"\emptyset"),
        ("2θ", r"2\theta"),
        ("a₁", "a_1"),
    ],
    "formulas": [
        (r"x^2 + 2x + 1", r"(x+1)^2"),
        (r"\sin^2 x + \cos^2 x", "1"),
        (r"\frac{\sqrt{8}}{2}", r"\sqrt{2}"),
        (r"\binom{5}{2}", "10"),
        ("5!", "120"),
        (r"\sqrt[3]{27}", "3"),
        ("|-3|", "3"),
        ("(1+i)^2", "2i"),
        (r"\lfloor 3.7 \rfloor", "3"),
        (r"\sin 30^\circ", "0.5"),
    ],
    "blanks": [
        ("y=c e^{-x^{2}}", "y = c e^{-x^{2}}"),
        (r"(2,3) \text{ and } (4,5)", r"(2, 3) \text{ and } (4, 5)"),
        ("red,blue", "red, blue"),
        (r"\sum_{n=0}^{\infty}x^n", r"\sum_{n = 0}^{\infty} x^{n}"),
        (r"\lim_{x\to 0}f(x)", r"\lim _{x \to 0} f(x)"),
    ],
    "lists": [
        ("either 3 or 5", "3, 5"),
        ("3 & 5", "5, 3"),
        ("x < 2 or x > 3", r"(-\infty,2)\cup(3,\infty)"),
        ("17, 35 and 71", "17, 35, 71"),
        ("17, 35, and 71", "17,35,71"),
        (r"17, 35, \text{ and } 71", "17, 35, 71"),
        ("5 and 3", "3, 5"),
        (r"\{3, 5\}", "5 or 3"),
        ("{3, 5}", r"\{5, 3\}"),
        ("{1, 2} ∪ {3, 4}", r"\{1,2\}\cup\{3,4\}"),
        ("x = 3 or x = 5", "3, 5"),
        ("x=3, y=5", "y = 5, x = 3"),
        ("x = 2 or x = -2", r"x = \pm 2"),
        ("red and blue", "blue, red"),
        (r"$\frac{1}{2}$ and $\frac{3}{2}$", "1/2, 1.5"),
        ("-1,-1,1,1", "1, 1, -1, -1"),
    ],
    "tuples and intervals": [
        ("(2,3)", "( 2, 3 )"),
        ("(x,y) = (2,3)", "(2,3)"),
        ("x=2, y=3", "(2,3)"),
        ("[0, 1) ∪ (2, 3]", r"(2, 3] \cup [0, 1)"),
        (r"2 < x \le 5", "(2, 5]"),
        (r"\{x \mid x > 3\}", "x > 3"),
        (r"x \in [0,1]", "[0, 1]"),
    ],
    "equations": [
        ("y = 2x + 1", "2x + 1"),
        ("2x + 3y = 6", r"y = 2 - \frac{2}{3}x"),
        ("x > 3", "3 < x"),
        ("2 + 3 = 5", "5"),
        ("n = 5", "5"),
    ],
    "matrices": [
        (r"\begin{pmatrix} 1 \\[4pt] 2 \end{pmatrix}", r"\begin{bmatrix}1\\2\end{bmatrix}"),
        (
            r"\left(\begin{array}{c} (x+1) \\ 2 \end{array}\right)",
            r"\begin{pmatrix}x+1\\2\end{pmatrix}",
        ),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
        (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", r"\begin{bmatrix}1&2\\3&4\end{bmatrix}"),
        (
            r"\left[\begin{array}{rr} 1/2 & 2 \\ 3 & 4\end{array}\right]",
            r"\begin{pmatrix}0.5&2\\3&4\end{pmatrix}",
        ),
    ],
    "units": [
        ("5 min", "5 minutes"),
        ("10 m/sec^2", "10 m/s^2"),
        ("20 degrees Celsius", "20°C"),
        ("5 in.", "5 inches"),
        ("5 sq in", "5 in^2"),
        (r"10 m s^{-1}", "10 m/s"),
        ("500 mL", "0.5 L"),
        ("12 inches", "1 foot"),
        ("12 apples", "12"),
        ("6 feet", "6 foot"),
        ("24 cm", "24 centimeters"),
        ("24 kg", "24 kilograms"),
        ("5 m", "5 meters"),
        ("5 m", "5"),
        ("2600g", "2600"),
        (r"24\text{ cm}^2", "24"),
        (r"10 \text{ cm}^2", "10 square centimeters"),
        ("10 sq. ft", "10 ft²"),
        ("60 km/h", "60 kilometers per hour"),
        ("60 mph", "60 miles per hour"),
        ("9.8 m/s^2", "9.8 meters per second squared"),
        (r"3 \mathrm{~m} / \mathrm{s}", "3 m/s"),
        ("2 hours", "120 minutes"),
        ("30°", r"30^\circ"),
        ("90 degrees", "90"),
        ("$12", "12"),
        ("7 units^2", "7 square units"),
        (r"\$18.90", "18.90 dollars"),
        ("€5", "5 euros"),
        ("50 cents", "$0.50"),
        (r"12\pi \text{ square units}", r"12\pi"),
    ],
    "choices": [
        ("(B)", "b"),
        ("(C) 12", "C"),
        (r"\textbf{(C)}\ 12", "C"),
        ("C: twelve apples", "C"),
        (r"\text{(E)}", "E"),
        ("C) 12", "(C)"),
        ("option D", "D"),
        ("(C) 12", "12"),
        (r"\boxed{\text{C}}", "(C)"),
    ],
    "words": [("Yes", "yes"), (r"\text{east}", "east"), ("No Solution", "no solution")],
    "several units beside a letter": [
        ("3 kg 500 g", "3500 g"),
        ("1 h 15 min", "1.25 h"),
        ("2 km 300 m", "2300 m"),
        ("2 m 30 cm", "2.3 m"),
    ],
    "a quotient and its remainder": [("6 R 2", "6 remainder 2"), ("6r2", "6 remainder of 2")],
    "bases": [("57_8", "57_{8}"), (r"57_{\text{eight}}", "57_8"), ("57_8", "57")],
    "primes": [("f'(x)", r"f^{\prime}(x)")],
    "ratios": [("3:4", "3 : 4"), ("1:2", "2:4"), ("1:2:3", "2 : 4 : 6"), ("3 to 4", "6:8")],
    "pounds and pence": [
        *(("£3.00", "300p"), ("150p", "£1.50"), ("£3 and 50p", "£3.50"), ("£3.50", "£3 50p")),
    ],
    "durations and times as they are written elsewhere": [
        *(("1.5 h", "1 h 30"), ("1h30", "90 min"), ("95 min", "1h35"), ("20:35", "20h35")),
        *(("20:35", "20.35"), ("8:35 PM", "20.35"), ("8:35 AM", "8 h 35")),
    ],
    "marks between thousands": [("12'500", "12500"), ("1’250’000", "1,250,000")],
    "prices of one": [("$5 per hour", "$5"), ("$5/hour", "5 dollars"), ("$5 per hour", "5")],
    "below zero": [("4 degrees below zero", "-4"), ("4°C below zero", "-4°C")],
    "fractions of one character": [("⅝", "5/8"), ("1⅜", "1.375"), ("−⅚", r"-\frac{5}{6}")],
    "sets that are typed": [
        ("{1,4}", "{4,1}"),
        ("A = {1,4}", "{4,1}"),
        (r"A = \{1,4\}", "A={4, 1}"),
        ("{x | x > 3}", "x > 3"),
    ],
    "ranges": [("10-20", "10 – 20"), ("20-10", "10")],
    "dates and times": [
        ("2020-05-06", "2020/5/6"),
        ("10:30 AM", "10:30"),
        ("3 p.m.", "3:00 PM"),
        ("10:30 PM", "22:30"),
    ],
    "several units": [
        ("1 hour 30 minutes", "90 minutes"),
        ("1 hour and 30 minutes", "1.5 hours"),
        ("2h 15min", "135 min"),
        ("5 ft 3 in", "63 inches"),
        ("5 dollars and 50 cents", "$5.50"),
        ("3 weeks, 2 days", "23 days"),
        ("2 m 5 cm", "205 cm"),
        ("1 year 6 months", "1 year and 6 months"),
    ],
    "signs in words": [("negative 5", "-5"), ("minus 1/2", "-0.5")],
    "mixed numbers": [(r"1\frac12", "1.5"), (r"2\frac34", "2.75")],
    "rates with the word for what changes": [
        ("10% increase", "10%"),
        ("an increase of 10%", r"10\%"),
        ("10% increase", "0.1"),
        ("25% off", "25% discount"),
        ("10 percent of the students", "10%"),
        ("up 10%", "10% more"),
    ],
    "lists in other languages": [
        *(("3 et 5", "3, 5"), ("3 ou 5", "5, 3"), ("3 und 5", "3, 5"), ("3 oder 5", "3, 5")),
        *(("3 y 5", "3, 5"), ("-1 o 4", "4, -1"), ("3 e 5", "3, 5"), ("3 и 5", "5, 3")),
        *(("3 или 5", "3, 5"), ("3和5", "3, 5"), ("3或5", "3, 5"), ("$3$ y $5$", "3, 5")),
    ],
    "functions by name": [
        ("floor(2.5)", "2"),
        ("ceil(x/2)", r"\lceil x/2 \rceil"),
        ("factorial(5)", "120"),
        ("binomial(5, 2)", r"\binom{5}{2}"),
    ],
    "characters": [
        ("∠ABC", r"\angle ABC"),
        ("△ABC", r"\triangle ABC"),
        ("A ⊂ B", r"A \subset B"),
        ("x ∉ A", r"x \notin A"),
        ("a ∥ b", r"a \parallel b"),
        ("p ⇒ q", r"p \implies q"),
        ("∣x∣", "|x|"),
        ("²⁄₃", "2/3"),
        ("<b>12</b>", "12"),
        ("x<sup>2</sup>", "x^2"),
    ],
    "matrices in plain text": [
        ("[[1, 2], [3, 4]]", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
        ("Matrix([[1, 2], [3, 4]])", r"\begin{bmatrix}1&2\\3&4\end{bmatrix}"),
        (r"\begin{bmatrix}1&2\cr3&4\end{bmatrix}", r"\pmatrix{1&2\cr3&4}"),
        (r"A = \begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
        (r"\langle 1, 2 \rangle", r"\begin{pmatrix}1\\2\end{pmatrix}"),
        (r"\begin{cases}x=1\\y=2\end{cases}", "y = 2, x = 1"),
    ],
    "moduli": [
        (r"x \equiv 3 \pmod{7}", "x ≡ 3 (mod 7)"),
        (r"3 \bmod 7", "3 mod 7"),
    ],
    "plain forms": [
        ("f^{(2)}(x)", "f''(x)"),
        (r"1 \& 2", "1, 2"),
        ("sum_{k=1}^n k", r"\sum_{k=1}^{n} k"),
        ("int x dx", r"\int x\,dx"),
        ("lim_{x->0} f", r"\lim_{x \to 0} f"),
        ("24 cm2", "24 cm^2"),
        ("5 m3", "5 cubic meters"),
        ("5 US dollars", "$5"),
        ("US$5", "5 dollars"),
        ("Rs. 500", "₹500"),
        ("b. twelve", "B"),
        (r"0.\overline7", "7/9"),
        ("[1 0; 0 1]", r"\begin{bmatrix}1&0\\0&1\end{bmatrix}"),
        ("[1, 0; 0, 1]", "[[1, 0], [0, 1]]"),
    ],
    "prefixes of units": [
        ("5 kHz", "5000 hertz"),
        ("1 MHz", "1000 kHz"),
        ("1 MW", "1000 kW"),
        ("2 GB", "2000 megabytes"),
        ("250 mA", "0.25 amperes"),
        ("3 μm", "3 micrometers"),
        (r"3\,\mu\text{m}", "0.003 mm"),
        ("4 kΩ", "4000 ohms"),
        (r"5\,\Omega", "5 ohm"),
    ],
    "derived units": [
        ("5 N", "5 kg·m/s²"),
        ("5 N m", "5 J"),
        ("1 kWh", "3.6 MJ"),
        ("3600 s", "1 h"),
        ("1 hectare", "10000 m^2"),
        ("2 cups", "1 pint"),
        ("10 fl oz", "10 fluid ounces"),
        ("1.5e8 km", "1.5 × 10^8 km"),
        ("15 sq. units", "15"),
    ],
    "units in other languages": [
        ("24 Zentimeter", "24 cm"),
        ("5 mètres", "5 m"),
        ("2 Stunden", "120 Minuten"),
        ("3 horas", "3 hours"),
        ("7 кг", "7000 г"),
        ("60 км/ч", "60 km/h"),
        ("7厘米", "7 cm"),
        ("7 кг", "7"),
    ],
    "choices with their text": [
        *(("C - twelve apples", "C"), ("C — twelve", "C"), ("[C] 12", "C"), ("**C.** 12", "C")),
        *(("C, twelve", "C"), ("C (12)", "C"), (r"C\ 12", "C"), ("Answer: (C)", "C")),
        *(("选项C", "C"), ("选 C", "C"), ("Choice_C", "C"), ("The answer is C", "C")),
    ],
    "numbers of a base in brackets": [("(57)_8", "57_8"), ("(1A)_{16}", "1A_{16}")],
    "pounds, tons and degrees beside what tells which": [
        *(("£5", "5 pounds"), ("5 lb", "5 pounds"), ("80 oz", "5 pounds"), ("5 pence", "£0.05")),
        *(("2 tons", "2000 kg"), ("2 tons", "4000 lb"), ("3 tonnes", "3000 kg")),
        *(("20 degrees", "20°C"), ("20 degrees", "20°F"), ("20 C", "20°C")),
        *(("25°C", "25 degrees C"), ("50 cents", "€0.50"), ("50 cents", "$0.50")),
    ],
    "delimiters around a number": [
        *((r"\(5\) km", "5 km"), (r"\boxed{5} km", "5 km"), ("$5$ km", r"\(5\) km")),
    ],
    "feet and inches": [
        *(("5'3\"", "5 ft 3 in"), ("5'3\"", "63 inches"), ("5′3″", "5 feet 3 inches")),
        *(("5' 11\"", "71 in"), ("6'2", "6' 2\"")),
    ],
    "amounts of money": [
        *(("$5 million", "5,000,000 dollars"), ("€3 thousand", "3000 euros"), ("$5k", "$5000")),
        *(("£2.5bn", "£2.5 billion"), ("$1.2M", "1.2 million dollars"), ("USD 5", "$5")),
        *(("5 ₽", "5 rubles"), ("₽5", "5 rubles"), ("₩500", "500 won")),
    ],
    "numbers in words": [
        *(("five", "5"), ("Twenty-five apples", "25"), ("two hundred fifty", "250")),
        *(("one thousand two hundred", "1200"), ("five million", "5000000"), ("half", "1/2")),
        *(("two-thirds", "2/3"), ("three quarters", "3/4"), ("one and a half", "1.5")),
        *(("3 and a half hours", "3.5 hours"), ("three and five", "3, 5"), ("minus five", "-5")),
    ],
    "shares": [("1 in 6", "1/6"), ("5 out of 10", "1/2"), ("3 to 4", "3:4"), ("3 to 4", "3-4")],
    "dates in words": [
        *(("May 5, 2020", "5 May 2020"), ("May 5th", "5 May"), ("Jan. 1", "January 1")),
        *(("4/1/2020", "2020-01-04"), ("noon", "12:00 PM"), ("midnight", "12 AM")),
        ("3 o'clock", "3:00"),
    ],
    "answers in several words": [
        *(("no solution", "No solutions"), ("empty set", "∅"), ("{}", r"\emptyset")),
        *(("DNE", "does not exist"), ("all real numbers", r"(-\infty, \infty)")),
        *(("all real numbers", r"\mathbb{R}"), ("a dog", "A dog"), ("the numbers 2 and 7", "2, 7")),
    ],
    "solutions with a number": [
        ("x_1 = 2, x_2 = 7", "x = 7 or x = 2"),
        ("$x = 2$ ou $x = 7$", "2, 7"),
    ],
    "plain names of programs": [
        *(("math.pi/2", r"\frac{\pi}{2}"), ("np.sqrt(2)", r"\sqrt{2}"), ("Rational(1, 3)", "1/3")),
        *(("2*I", "2i"), ("sqrt(5)*I", r"i\sqrt{5}"), ("E**2", "e^2"), ("Delta", r"\Delta")),
        *(("0x2A", "2A_{16}"), ("0b110", "110_2"), ("gcd(4, 6)", r"\gcd(4,6)")),
        *(("min(2,3)", r"\min(2, 3)"), ("[[1 2]\n [3 4]]", "[[1, 2], [3, 4]]")),
    ],
    "what is not computed": [
        (
            r"\frac{1}{2}\begin{pmatrix}1\\2\end{pmatrix}",
            r"\frac12 \begin{bmatrix} 1 \\ 2 \end{bmatrix}",
        ),
        ("2*[[1,2],[3,4]]", "2 * [[1, 2], [3, 4]]"),
    ],
    "units of physics": [
        *((r"1.6\times 10^{-19}\text{ C}", "1.6e-19"), ("5 C", "5 coulombs"), ("8 bits", "1 byte")),
        *(("60 rpm", "60 revolutions per minute"), ("25 mpg", "25 miles per gallon")),
    ],
    "sets of real numbers": [
        ("{x ∈ ℝ | x > 1}", r"(1, \infty)"),
        (r"ℝ∖{0}", r"\mathbb{R} \setminus \{0\}"),
    ],
    "nouns": [
        ("14个苹果", "14"),
        ("一共有 14 个", "14"),
        ("500 rupees", "₹500"),
        ("12 boys, 8 girls", "8 girls, 12 boys"),
    ],
}
DIFFERENT = {
    "plain numbers": [("56", "54"), ("1", "10"), ("1,234", "1.234"), ("1/0", "0"), ("3", "3!")],
    "rates": [("15%", "15.1%"), ("15%", "1.5")],
    "decimals that were rounded": [
        ("0.33", "1/3"),
        ("1.41", r"\sqrt{2}"),
        ("3.14", r"\pi"),
        ("22/7", r"\pi"),
        ("0.3333", "0.3334"),
        ("3.0001", "3"),
    ],
    "small and large numbers": [
        (r"1.38 \times 10^{-23}", r"1.381 \times 10^{-23}"),
        ("1e-400", "2e-400"),
        (r"1.6\times10^{-19}", r"9.1\times10^{-31}"),
        (r"6.63 \times 10^{-34}", r"6.63 \times 10^{-33}"),
        (r"\frac{1}{3^{60}}", r"\frac{1}{3^{61}}"),
        ("10^{-20}", "0"),
        ("2^{100}", "2^{100}+1"),
        (r"e^{\pi\sqrt{163}}", "262537412640768744"),
    ],
    "letters": [("x", "y"), ("x", "X"), ("2a", "2A"), ("AB", "ab"), ("x_1", "x_2")],
    "marks": [("f'(x)", "f(x)"), ("y'", "y''"), ("f'", "f")],
    "a quotient and its remainder": [("6 R 2", "6 R 3"), ("6 R 2", "6"), ("6 R 2", "62")],
    "bases": [("57_8", "57_9"), ("1011_2", "1011_3"), ("57_{8}", "57_{16}"), ("57_8", "56_8")],
    "formulas": [
        (r"\sqrt{x^2}", "x"),
        (r"\sin x", r"\cos x"),
        ("12", "12x"),
        ("2^x", "x^2"),
        (r"\log_2 3", r"\log_3 2"),
    ],
    "lists": [
        ("3, 5", "3, 6"),
        ("3, 5", "3"),
        ("3, 5", "3, 5, 5"),
        ("x=3, y=5", "x=5, y=3"),
        ("x = 1", "y = 1"),
    ],
    "tuples and intervals": [
        ("(1,2),(3,4)", "(1,3),(2,4)"),
        ("(a,b)", "(A,B)"),
        ("(2,3)", "(3,2)"),
        ("[2,3)", "(2,3)"),
        ("(2,3)", "3, 2"),
        ("(-3, 3)", "x = -3 or x = 3"),
        ("(2,3)", "2.3"),
    ],
    "equations": [("x > 3", r"x \ge 3"), ("x > 3", "x < 3"), ("0", "x^2 + 7x + 10 = 0")],
    "matrices": [
        (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\1\end{pmatrix}"),
        (r"\begin{pmatrix}1&2\end{pmatrix}", r"\begin{pmatrix}1\\2\end{pmatrix}"),
        (r"\begin{vmatrix}1&2\\3&4\end{vmatrix}", r"\begin{pmatrix}1&2\\3&4\end{pmatrix}"),
    ],
    "units": [
        ("20°C", "20°F"),
        ("5 min", "5 sec"),
        ("12 inches", "12 feet"),
        ("12 cm", "12 mm"),
        ("24 cm", r"24 \text{ cm}^2"),
        ("60 km/h", "60 m/s"),
        ("60 km/h", "60 km"),
        ("5 kg", "5 lb"),
        ("$5", "€5"),
        ("100 cm", "1 cm"),
    ],
    "choices": [("(A)", "(B)"), ("(C) 12", "(D) 12"), ("(C) 12", "B"), ("C", "B")],
    "words": [
        ("east", "west"),
        ("", ""),
        ("yes", "no"),
        ("new york", "newyork"),
        (r"\text{east coast}", "eastcoast"),
        ("no one", "noone"),
        ("a part", "apart"),
    ],
    "ratios": [("3:4", "4:3"), ("1:2", "2:5"), ("8:30", "4:15")],
    "pounds and pence": [("150p", "£150"), ("2p", "3p"), ("£3 and 50p", "£3.05")],
    "durations and times as they are written elsewhere": [
        *(("1h30", "1.3 h"), ("20:35", "20h36"), ("2:50", "2.50"), ("20.35", "20.36")),
    ],
    "marks between thousands": [("12'500", "12.5"), ("12'500", "12 ft 500 in")],
    "prices of one": [("$5 per hour", "$5 per day"), ("$5 per hour", "$6"), ("60 km/h", "60 km")],
    "below zero": [("4 degrees below zero", "4"), ("4 degrees below zero", "4 degrees")],
    "ranges": [("10-20", "-10"), ("10-20", "10-21"), ("3–5", "-2")],
    "sets that are typed": [("A = {1,4}", "{1,5}"), ("A = {1,4}", "B = {1,4}")],
    "dates and times": [
        ("2020-05-06", "2020-06-05"),
        ("1/4/2020", "2/8/2020"),
        ("10:30 AM", "10:30 PM"),
        ("3 AM", "3 PM"),
    ],
    "several units": [
        ("1 hour 30 minutes", "1 hour 20 minutes"),
        ("2 km 300 m", "2301 m"),
        ("2 h 5 min", "2.5 h"),
        ("1 hour 30 minutes", "30 minutes"),
        ("5 ft 3 in", "3 ft 5 in"),
        ("3 hours and 20 minutes", "3 kg and 20 g"),
    ],
    "prefixes of units": [
        *(("5 Hz", "5 kHz"), ("3 mW", "3 MW"), ("5 GB", "5 MB"), ("5 mol", "5 g")),
        *(("5 cups", "5 liters"), ("3 acres", "3 hectares"), ("5 A", "5 V")),
    ],
    "units in other languages": [
        *(("2 Stunden", "2 Minuten"), ("24 Zentimeter", "24 Meter"), ("3 horas", "3 minutos")),
        *(("7 кг", "7 г"), ("7厘米", "7米")),
    ],
    "moduli": [(r"3 \pmod 7", r"3 \pmod 8")],
    "plain forms": [
        *(("f^{(2)}(x)", "f(x)"), ("24 cm2", "24 cm"), ("[1 0; 0 1]", "[1 0; 0 2]")),
        *(("b. twelve", "C"), ("sum", "int"), ("f^{(2)}", "f^2")),
        *(("A cube has 6 faces", "a"), ("A cube has 6 faces", "(A)"), (r"0.\overline7", "0")),
    ],
    "matrices in plain text": [("[[1, 2], [3, 4]]", r"\begin{pmatrix}1&2\\3&5\end{pmatrix}")],
    "choices with their text": [("C (12)", "D (12)"), ("C - 12", "C - 13"), ("C - 12", "D")],
    "pounds, tons and degrees beside what tells which": [
        *(("£5", "5 lb"), ("£5", "5 kg"), ("5 pounds", "£6"), ("2 tonnes", "2 lb")),
        *(("20°C", "20°F"), ("50 cents", "€50"), ("20 degrees", "20 radians")),
    ],
    "feet and inches": [("5'3\"", "3'5\""), ("5'3\"", "53"), ("5'", "5 inches")],
    "amounts of money": [
        *(("$5 million", "$5"), ("$5 million", "$5 billion"), ("€3 thousand", "€3"), ("$5k", "$5")),
    ],
    "numbers in words": [
        *(("two hundred fifty", "200"), ("twenty-five", "15"), ("two thirds", "2")),
        *(("seven", "nine"), ("none", "one"), ("no one", "no 1"), ("third", "1/3")),
    ],
    "shares": [("1 in 6", "1"), ("1 in 6", "6"), ("5 of 12", "5"), ("3 to 4", "4")],
    "dates in words": [
        *(("May 5", "May 6"), ("May 5, 2020", "May 5, 2021"), ("noon", "midnight")),
        *(("12 noon", "12 midnight"), ("3 o'clock", "4:00")),
    ],
    "answers in several words": [
        *(("no solution", "infinitely many solutions"), ("A dog", "A"), ("A dog", "A cat")),
        *(("all real numbers", "all integers"), ("no real solutions", "real solutions")),
    ],
    "solutions with a number": [("x_1 = 2, x_2 = 7", "x_1 = 7, x_2 = 2")],
    "what is not computed": [
        *(("2*[[1,2],[3,4]]", "[[1,2],[3,4]]"), ("[[1,2],[3,4]]^T", "[[1,2],[3,4]]")),
        *(("-[[1,2],[3,4]]", "[[1,2],[3,4]]"), ("[[1,2],[3,4]]+[[1,1],[1,1]]", "[[1,2],[3,4]]")),
        (r"2\begin{pmatrix}1\\2\end{pmatrix}", r"3\begin{pmatrix}1\\2\end{pmatrix}"),
    ],
    "units of physics": [
        *(("5 coulombs", "5 farads"), ("8 bits", "8 bytes"), ("60 rpm", "60 Hz")),
        *(("5 knots", "5 km/h"), ("5 light-years", "5 years")),
    ],
    "several choices": [("(A) and (B)", "(A)"), ("A and B", "A")],
    "which way": [("10 less", "10 more"), ("5 m north", "5 m south"), ("5% increase", "5% loss")],
    "mixed numbers": [(r"1\frac12", "0.5"), ("1 1/2", "0.5")],
    "nouns": [
        ("12 boys, 8 girls", "8 boys, 12 girls"),
        ("5 apples and 3 pears", "3 apples and 5 pears"),
        ("₹500", "$500"),
    ],
}
_same = [(kind, *pair) for kind, pairs in SAME.items() for pair in pairs]
_different = [(kind, *pair) for kind, pairs in DIFFERENT.items() for pair in pairs]


@pytest.mark.parametrize(("kind", "a", "b"), _same)
def test_equal_answers(kind: str, a: str, b: str) -> None:
    assert same_answer(a, b), kind
    assert same_answer(b, a), kind


@pytest.mark.parametrize(("kind", "a", "b"), _different)
def test_different_answers(kind: str, a: str, b: str) -> None:
    assert not same_answer(a, b), kind
    assert not same_answer(b, a), kind


def test_no_answer_equals_nothing() -> None:
    assert not same_answer(None, None)
    assert not same_answer(None, "1")


PIECES = st.sampled_from(
    sorted(
        words(
            r"""1 23 0.5 x y X f' pi \pi e i sqrt \sqrt \frac { } ( ) [ ] \{ \} | ^ _ ! + - * / = <
            \le , ; and \text{cm} cm m % $ \$ \\ & \begin{pmatrix} \end{pmatrix} \cup \pm \log sin °
            ½ √ x² (C) : \binom \overline " ' \left \right. \infty 10^ 9^9^9 !!! \sum \boxed{ 57_8
            per square £ pounds 5'3" degrees °C tons million two half noon to x_1 ∈ ℝ (A) dog"""
        )
    )
)


@given(st.lists(PIECES, max_size=14).map(" ".join), st.lists(PIECES, max_size=14).map("".join))
@settings(max_examples=400)
def test_any_mathematics_is_compared_without_an_error_and_in_both_orders(a: str, b: str) -> None:
    assert same_answer(a, b) == same_answer(b, a)
    assert same_answer(a, a) == bool(a.strip())


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_compared_without_an_error(a: str, b: str) -> None:
    assert same_answer(a, b) == same_answer(b, a)
    assert same_answer(a, a) == bool(a.strip())


@given(st.integers(-(10**9), 10**9))
def test_a_number_is_itself_however_it_is_written(n: int) -> None:
    assert same_answer(str(n), f"{n:,}")
    assert same_answer(str(n), f"{n}.0")
    assert not same_answer(str(n), str(n + 1))


@given(st.integers(1, 9_999), st.integers(-300, 300), st.integers(1, 3))
def test_numbers_of_any_size_are_told_apart(digits: int, power: int, shift: int) -> None:
    assert not same_answer(
        rf"{digits}\times 10^{{{power}}}", rf"{digits}\times 10^{{{power + shift}}}"
    )
    assert not same_answer(f"{digits}e{power}", f"{digits + 1}e{power}")
    assert same_answer(rf"{digits}\times 10^{{{power}}}", f"{digits}e{power}")


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        (r"\frac{\sqrt{3}}{2} + \pi", math.sqrt(3) / 2 + math.pi),
        ("2^{3^2} - 1", 511),
        ("-2^2", -4),
        ("1/2*3", 1.5),
        (r"3\frac{1}{2} \cdot 2", 7),
        (r"\log_{10} 1000 + \ln e^2", 5),
        (r"\cos^{-1} 0.5", math.acos(0.5)),
        (r"\arctan 1 + \sinh 2", math.pi / 4 + math.sinh(2)),
        (r"\sqrt[3]{-8}", -2),
        (r"e^{i \pi / 3}", cmath.exp(1j * math.pi / 3)),
        (r"\left|3 - 5\right| + \lceil 2.1 \rceil", 5),
        (r"\frac{10!}{8!} - \binom{6}{3}", 70),
        (r"2\sin\frac{\pi}{6}\cos\frac{\pi}{3}", 0.5),
        (r"\tan 45^\circ", 1),
        ("(50%) * 4", 2),
        ("sqrt(2)sqrt(8)", 4),
        (r"8^{-\frac{2}{3}}", 0.25),
    ],
)
def test_formulas_are_worked_out(formula: str, value: complex) -> None:
    (found,) = Formula(tokens_of(one_spelling(formula))).values()
    assert complex(found) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("text", ["", "east", r"\sum_k k", "(1", "1/0", "9^{9^{9^9}}", "=", "("])
def test_what_is_no_formula_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NoFormulaError):
        Formula(tokens_of(one_spelling(text))).values()


@pytest.mark.parametrize(
    "trap",
    [
        "9^{9^{9^9}}",
        "9^9^9^9",
        "10000!",
        "99999999!",
        "((((9!)!)!)!)",
        "(x+1)^{900}",
        "(x+y+z)^{99999999}",
        r"\binom{999999}{499999}",
        r"\sum_{k=1}^{99999999} k",
        r"\sin(10^{999999})",
        r"e^{e^{e^{e^{9}}}}",
        r"\sqrt[999]{2^{99999}}",
        "2^{" * 40,
        "(" * 2000,
        "|" * 2000,
        "x_" * 1000,
        "1," * 1000,
        r"\frac" * 400,
        r"\pm" * 500,
        "x=" * 900,
        r"\begin{pmatrix}" * 100,
        r"\begin{cases}" * 150,
        "**a" * 600,
        "<b>" * 600,
        "binom(" * 300,
        "[[1," * 400,
        r"\pmod{" * 300,
    ],
)
def test_a_trap_costs_no_time(trap: str) -> None:
    others = ("7", trap[:-1] + "0")
    assert cpu_seconds(lambda: [same_answer(trap, other) for other in others]) < 2
    assert not any(same_answer(trap, other) for other in others)


def test_answers_are_compared_in_any_thread() -> None:
    results: list[bool] = []

    def compare() -> None:
        results.append(same_answer(r"\sqrt{12}", r"2\sqrt{3}"))
        results.append(same_answer(r"\sin 1", r"\cos 1"))

    threads = [threading.Thread(target=compare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 4 + [True] * 4


HOSTILE_LISTS = {
    "unions": (r"\cup", lambda i: f"({i},x)", 200),
    "sets": (",", lambda i: r"\{" + ",".join(f"x+{i}{j}" for j in range(12)) + r"\}", 25),
    "tuples": (",", lambda i: "(" + ",".join(f"{i}{j}" for j in range(9)) + ")", 40),
    "relations": (" or ", lambda i: f"{i}<x<{i + 1}", 140),
}


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("name", HOSTILE_LISTS)
def test_lists_of_lists_are_compared_in_bounded_time(name: str) -> None:
    """Entries may equal each other at each depth; 200 unions in another order took minutes."""
    joint, entry, number = HOSTILE_LISTS[name]
    entries = [entry(index) for index in range(number)]
    texts = [joint.join(order)[:1990] for order in (entries, entries[::-1], entries[1:])]
    assert cpu_seconds(lambda: [same_answer(*pair) for pair in itertools.pairwise(texts)]) < 1.0


def test_unions_in_another_order_are_the_same() -> None:
    parts = [f"({number}, {number + 1}]" for number in range(20)]
    assert same_answer(r" \cup ".join(parts), r"\cup".join(reversed(parts)))
    assert not same_answer(r" \cup ".join(parts), r"\cup".join([*parts[:-1], "(0, 99]"]))

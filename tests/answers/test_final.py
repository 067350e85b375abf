from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prm_core.answers.final import final_answer


@pytest.mark.parametrize(
    ("solution", "answer"),
    [
        (r"So \boxed{56}.", "56"),
        (r"First \boxed{1}, no: \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        ("2 + 2 = 4\n#### 4", "4"),
        ("7 × 8 = 56.\nThe answer is 56.", "56"),
        ("**Final answer:** $\\frac{3}{4}$", r"\frac{3}{4}"),
        ("Answer: 1,200 dollars", "1,200 dollars"),
        ("The answer to the question is (B).", "(B)"),
        ("Therefore the answer is 12, because 3 × 4 = 12.", "12"),
        ("答案是 42。", "42"),
        ("It costs $12.50.", "12.50"),
        ("She pays $40 and has $10 left", "10"),
        ("<think>The answer is 3.</think>No: the answer is 4.", "4"),
        ("<think>The answer is 3.</think>", None),
        ("<think>It is 3.</think>I am sure.", None),
        ("Nothing to see here", None),
        ("", None),
    ],
)
def test_the_final_answer_of_a_text(solution: str, answer: str | None) -> None:
    assert final_answer(solution) == answer


FOUND = {
    "yes or no before a remark": [
        ("Answer: Yes, he can.", "Yes"),
        ("The answer is no, he needs 5 more.", "no"),
        ("Answer: No solution", "No solution"),
    ],
    "an aside in brackets that gives a reason": [
        ("The answer is 12 (since 144/12 = 12).", "12"),
        ("The answer is 12 (as 13 is too many).", "12"),
    ],
    "a bullet under a heading is no sign": [
        ("Answer:\n- 12", "12"),
        ("Answer:\n-12", "-12"),
        ("**Answer**\n\n• 12 cm", "12 cm"),
        ("Answer:\n- 3\n- 5", "3, 5"),
    ],
    "several units": [
        ("It takes her 1 h 15 min.", "1 h 15 min"),
        ("The rope is 2m 30cm.", "2m 30cm"),
        ("The car goes 5 m in 2 s.", "2"),
    ],
    "numbers in words": [
        ("the probability is one half", "one half"),
        ("Each gets three quarters.", "three quarters"),
        ("ninety", "ninety"),
        ("So forty-two apples.", "forty-two"),
        ("One of them is wrong.", None),
        ("Two wrongs make no right, as they say.", None),
    ],
    "what is said beside it": [
        ("64 since 8 times 8", "64"),
        ("so 8 each for the 3 friends", "8"),
        ("So it costs $5 for all 3 books.", "5"),
        ("so the answer should be 9, i think", "9"),
    ],
    "parts with letters": [
        ("a) 5 b) 7", "5, 7"),
        ("a) 5 cm, b) 2.5 kg.", "5, 2.5"),
    ],
    "nothing that is left": [
        ("They eat 18, so none are left.", "0"),
        ("6 * 3 = 18 and they eat 18 so nothing is left", "0"),
        ("5 - 5 = 0. So there are no cookies left.", "0"),
        ("She gives away all 12. Then she has none left.", "0"),
        ("She eats 4, so no red apples are left.", "0"),
        ("All 12 are sold. No red apples remain.", "0"),
        ("18 / 3 = 6\nNone of them are left.", "0"),
        ("Each child gets 6 and none are left over.", "6"),
        ("Each child gets 6, so none are left over.", "6"),
        ("So zero are left.", "0"),
        ("so there arent any left", "0"),
        ("Tom does not have any coins left.", "0"),
        ("18 / 3 = 6. No remainder is left.", "6"),
        ("So no more than 5 are left.", "5"),
        ("So none of the 3 teams has 5 left.", "5"),
    ],
    "a quotient and its remainder": [
        ("So 20 divided by 3 is 6 remainder 2.", "6 remainder 2"),
        ("20 ÷ 3 = 6 R 2", "6 R 2"),
        ("So the remainder of 20 / 3 is 2.", "2"),
    ],
    "signs": [
        ("The slope is −½ here.", "−½"),
        (r"So x = -\frac{1}{2}.", r"-\frac{1}{2}"),
        (r"The slope is $-\frac{3}{4}$.", r"-\frac{3}{4}"),
        (r"Hence y = −\dfrac{2}{7}", r"−\dfrac{2}{7}"),
        (r"It is -\tfrac{5}{6} of them", r"-\tfrac{5}{6}"),
    ],
    "the formula that ends it": [
        (r"Thus h = 2\sqrt{3}.", r"2\sqrt{3}"),
        (r"So \(a + b = 12\pi\).", r"12\pi"),
        ("Therefore 3 + 4 = 7", "7"),
    ],
    "a number within a formula is no answer": [
        (r"The length is $2\sqrt{3}$ cm.", r"2\sqrt{3}"),
        (r"We get -\sqrt{7}.", r"-\sqrt{7}"),
        (r"Its area is \(A = \frac{9\pi}{2}\) square units.", r"\frac{9\pi}{2}"),
        (r"The probability is \frac{\pi}{4} here.", r"\frac{\pi}{4}"),
        ("The sum is x^2 + 3 here.", "x^2 + 3"),
        ("So the box holds 2^{10} balls.", "2^{10}"),
        ("So **$4\\pi$** metres", r"4\pi"),
        ("So $36 - 10 = 26$ pencils are left.", "26"),
        (r"So $26\text{ pencils}$ are left.", "26"),
        ("It is $5, and that is $7 in all.", "7"),
    ],
    "headings": [
        ("> **Answer**\n>\n> 7", "7"),
        ("Final answer\n------------\n\n5", "5"),
        ("So h = 5.\n\n# Answer\n\n2\\sqrt{3}", r"2\sqrt{3}"),
        ("We are done.\n\n# Answer\n\n8, 3, 1", "8, 3, 1"),
        ("We get it.\n\n## Final Answer\n\nx+1", "x+1"),
        ("We get it.\n\n**Answer**\n\n\\text{even}", "even"),
        ("**Final Answer**\n$\\frac{1}{2}$", r"\frac{1}{2}"),
        ("__Answer__\n\n42", "42"),
        ("### Answer:\n\n(2, 3)", "(2, 3)"),
        ("Answer\n5", "5"),
        ("# Answer\n\nx = 3\ny = 5", "x = 3, y = 5"),
        ("# Réponse\n\n12", "12"),
        ("# Answer\n\nThere are 15 ways to do it.", "15"),
    ],
    "answer tags": [
        ("<think>3 + 4 = 7</think>\n<answer>x^2 + 1</answer>", "x^2 + 1"),
        ("<think>It is C.</think>\n<answer>(C)</answer>", "(C)"),
        ("<answer>Paris</answer>", "Paris"),
        (r"<answer>So \boxed{5}.</answer>", "5"),
        ("<answer>The answer is 7.</answer>", "7"),
        ("<answer>\n1/2\n</answer>\n", "1/2"),
    ],
    "boxes of one sentence": [
        (r"The roots are \boxed{3} and \boxed{5}.", "3, 5"),
        (r"So $x = \boxed{3}$, $y = \boxed{5}$.", "3, 5"),
        (r"$x = \boxed{3}$ or $x = \boxed{5}$", "3, 5"),
        (r"\boxed{1}, \boxed{2}, and \boxed{4}", "1, 2, 4"),
        (r"The first is \boxed{3} and the second is \boxed{5}.", "3, 5"),
    ],
    "boxes that were taken back": [
        (r"First \boxed{1}, no: \boxed{2}", "2"),
        (r"So \boxed{3}. Wait, it is \boxed{4}.", "4"),
        (r"\boxed{3}, I mean \boxed{4}", "4"),
        ("So \\boxed{3}.\n\nAnd now \\boxed{4}.", "4"),
        (r"\boxed{0.5} = \boxed{1/2}", "1/2"),
        ("Could it be \\boxed{3}?\n\nNo, 2 + 2 = 4.\n\nThe answer is 4.", "4"),
        ("So \\boxed{12}.\n\nThe answer is correct.", "12"),
    ],
    "boxes that both count": [
        (r"The minimum is \boxed{1} and the maximum is \boxed{9}.", "1, 9"),
        (r"There are \boxed{3} boys and \boxed{4} girls.", "3, 4"),
        ("- Length: \\boxed{3}\n- Width: \\boxed{4}", "3, 4"),
        (r"So $x = \boxed{3}$ oder $x = \boxed{5}$.", "3, 5"),
        (r"As $a = \boxed{3}$, the total cost is \boxed{12}.", "12"),
        (r"$x = \boxed{\sqrt{9}}$, or simply \boxed{3}.", "3"),
        (r"It is \boxed{3} (not \boxed{4}).", "3"),
    ],
    "answers that are taken back": [
        ("The answer is 5.\n\nWait, that is wrong. 3 + 3 = 6, so the total is 6.", "6"),
        ("The answer is 5. Wait, let me check: 3 + 3 = 6.", "6"),
        ("\\boxed{5}\nWait, no. The answer is 6.", "6"),
        ("\\boxed{5}\n\nHold on, I made a mistake. 3 + 3 = 6.", "6"),
        ("#### 5\nActually, no: the answer is 6.", "6"),
        ("<answer>5</answer>\nNo, that was an error. It is 3 + 3 = 6.", "6"),
        ("Answer: 5\nCorrection: 3 + 3 = 6.", "6"),
        ("Antwort: 5\nMoment, das ist falsch: 3 + 3 = 6.", "6"),
        ("答案：5\n\n等等，不对。3 + 3 = 6。", "6"),
        ("The answer is 5.\n\nWait, let me verify: 5 * 2 = 10. Yes.", "5"),
        ("The answer is 5.\n\nWait, is that right? 12 - 5 = 7. No error there.", "5"),
        ("\\boxed{5}\n\nActually, the answer is reasonable, as 5 < 6.", "5"),
        ("Hmm, wait. So 2 + 3 = 5. The answer is 5.", "5"),
    ],
    "results": [
        ("Ergebnis: x+1", "x+1"),
        ("Das Ergebnis ist x+1.", "x+1"),
        ("Résultat : x+1", "x+1"),
        ("El resultado final es x+1.", "x+1"),
        ("Resultado: x+1", "x+1"),
        ("Risultato: x+1", "x+1"),
        ("Результат: x+1", "x+1"),
        ("最后结果是 x+1。", "x+1"),
        ("Lösung: x+1", "x+1"),
        ("Somit lautet die Antwort x+1.", "x+1"),
        ("The result is 12. Adding 3 we get 15.", "15"),
        ("We compare.\nSolution: Choice_C", "Choice_C"),
        ("It is 3.82 hours.\nSolution: Choice_C: 3.82\nSo it takes 3.82 hours.", "Choice_C: 3.82"),
    ],
    "answers that come first": [
        ("So x+1 is the answer.", "x+1"),
        ("12 * 12 = 144, so it is 12", "12"),
        ("12 × 12 = 144, therefore it's $12.", "12"),
        ("12 * 12 = 144 so 12.", "12"),
        ("5 + 3 = 8, so 8 + 2 = 10", "10"),
        ("So $a = 41$ is our answer.", "41"),
        (r"Hence $\frac{1}{2}$ is our final answer.", r"\frac{1}{2}"),
        ("So we pick option D.", "D"),
        ("Choose (D).", "(D)"),
    ],
    "what it is not": [
        ("The answer is not 5 but 6.", "6"),
        ("The answer is 6 (not 5).", "6"),
        ("The answer is 6, not 5.", "6"),
        ("The answer is not defined.", "not defined"),
    ],
    "sentences behind what announces an answer": [
        ("**Final answer:** Oscar has 31 lollipops.", "31"),
        ("8 * 6 = 48\n\n**Answer**: It takes 5 people 48 hours to paint a house.", "48"),
        ("Answer: A tetrahedron has 4 faces.", "4"),
        ("**Answer:**\n- x = 2\n- y = 3", "x = 2, y = 3"),
        ("So.\n#### The answer is 12", "12"),
        ("The answer is <b>12</b>.", "12"),
        ("答：小明一共有 14 个苹果。", "14 个苹果"),
    ],
    "what is worked out in words": [
        ("6 * 8 = 48. 48 divided by 12 is 4, so she needs 4 pans of cupcakes.", "4"),
        ("12 + 12 = 24. We subtract 24 from 36, which gives us 12.", "12"),
        ("1000 + 500 = 1500. We multiply $1500 by 12 to get $18,000.", "18,000"),
        ("0.4 * 220 = 88. The rest is half of 88, which is 44.", "44"),
        (
            "5 * 4 = 20. There are 5 red and 15 blue cards, for a total of 20 cards in 2 boxes.",
            "20",
        ),
        ("2 / 8 = 0.25. Each costs 0.25 dollars, which is equal to 25 cents.", "25"),
        ("Adding the 5 and the 2 gives the total (5 + 2 = 7).", "7"),
        ("We divide both sides by 2, and then 25 = x.", "25"),
        ("The number that times 3 gives 33 is 11.", "11"),
        ("10 jars cost $50 and 16 jars cost a total of $48, for a total of $98.", "98"),
        ("78 - 4 = 74. It is 74 degrees, which is 4 degrees lower than at first.", "74"),
        ("98 - 40 = 58. She will have 58 plants after giving 1 plant away.", "58"),
    ],
    "empty and cut boxes": [
        (r"The answer is \boxed{}", None),
        (r"3 + 4 = 7. The answer is \boxed{", None),
        (r"The answer is \boxed{\frac{1}{2", None),
        ("So \\boxed{5}.\n\nThat is \\boxed{}.", "5"),
    ],
    "behind ####": [
        ("So.\n#### x^2+1", "x^2+1"),
        ("So.\n#### \\frac{\\pi}{4}", r"\frac{\pi}{4}"),
        ("So.\n#### B", "B"),
        ("So.\n#### (2,3)", "(2,3)"),
        ("So.\n#### -$1,234.50", "-1,234.50"),
        ("So.\n#### Paris", "Paris"),
        ("#### Step 1: add\n2 + 3 = 5\n#### 6", "6"),
        ("#### 1. Add\n2 + 3 = 5\n#### 2. Conclude\nThe answer is 7.", "7"),
    ],
    "bold and dollars": [
        ("The answer is __42__ apples.", "42"),
        ("The answer is **42** apples.", "42"),
        ("The answer is *42*, as we saw.", "42"),
        ("**The answer is 42.**", "42"),
        (r"The answer is $\$42$.", "42"),
        (r"The answer is \$42.", "42"),
        (r"The answer is \$x + 1\$.", "x + 1"),
        ("The answer is $30 - $2 = $28.", "30 - $2 = $28"),
        ("Claire eats **7** dozens in 4 weeks.", "7"),
    ],
    "markers and end tokens": [
        ("The answer is: 42 ки", "42"),
        ("The answer is 42<|im_end|>", "42"),
        ("The answer is 42.</s>", "42"),
        ("\\boxed{42}<|eot_id|>", "42"),
        ("Step 2: The answer is: x+1<extra_0>", "x+1"),
        ("Step 1: 6 * 7 = 42. +\nStep 2: The answer is: x+1 -", "x+1"),
    ],
    "eight languages": [
        ("La respuesta correcta es la (B).", "(B)"),
        ("La réponse est 12.", "12"),
        ("Réponse : x+1", "x+1"),
        ("Die Antwort ist 12.", "12"),
        ("Antwort: x+1", "x+1"),
        ("Die Antwort lautet $x+1$.", "x+1"),
        ("La respuesta es 12.", "12"),
        ("Respuesta final: x+1", "x+1"),
        ("La risposta è 12.", "12"),
        ("Risposta: x+1", "x+1"),
        ("A resposta é 12.", "12"),
        ("Resposta: x+1", "x+1"),
        ("Шаг 1: 3 + 4 = 7\nОтвет: x+1", "x+1"),
        ("Ответ — 14.", "14"),
        ("答案：x+1", "x+1"),
        ("因此答案是12。", "12"),
        ("答：12", "12"),
    ],
    "sentences": [
        ("Thus, the answer to this problem is 8.", "8"),
        ("The correct choice is (D).", "(D)"),
        ("Answer: 7 cm, as shown above.", "7 cm"),
        ("The answer is therefore 5.", "5"),
        ("The answer is (C) 12.", "(C) 12"),
        ("Answer: 3 hours and 20 minutes", "3 hours and 20 minutes"),
        ("The answer is that the shop makes a profit of $10,000 a day.", "10,000"),
        ("He runs 84 / 12 = 7. So he needs 7 boxes for 4 weeks.", "7"),
        ("The candle is 8 cm shorter at 5:00 PM.", "8"),
        ("So he walks 35 hours a week (5*7).", "35"),
        ("So she has 12 left, not 15.", "12"),
        ("So he earned $5 in 2020.", "5"),
        ("The answer is 1000, the number of people who had not voted by 16:00.", "1000"),
    ],
    "a choice said at the end": [
        ("2 * 3 = 6, so it is the second.\nHence B.", "B"),
        ("Therefore, option (B) is correct.", "(B)"),
        ("Option C is correct", "C"),
        ("D is the right choice.", "D"),
    ],
    "signs and letters": [
        ("so the temperature is –5 degrees.", "–5"),
        ("The temperature is minus 5 degrees.", "-5"),
        ("It is negative 5.", "-5"),
        ("10 minus 5 is 5.", "5"),
        ("From 3–5 pm that is 2 hours.", "2"),
        ("Therefore, the perimeter is 6x.", "6x"),
        ("So the perimeter is 12x cm.", "12x"),
        ("So the product is −6x", "−6x"),
        ("So the sum is 2x + 3.", "2x + 3"),
        ("So there are n - 1 edges.", "n - 1"),
        ("So he has 5 m.", "5"),
        ("So it has 3x as many.", "3"),
        ("=> 12", "12"),
    ],
    "shares, ratios, factorials and words": [
        ("So the probability is 1 in 6.", "1 in 6"),
        ("The probability is 1 out of 6.", "1 out of 6"),
        ("So the ratio is 3 to 4.", "3 to 4"),
        ("The ratio is 3 : 4", "3 : 4"),
        ("So the number of ways is 5!.", "5!"),
        ("It takes 2 and a half hours.", "2 and a half"),
        ("It takes two and a half hours.", "two and a half"),
        ("There are twelve of them.", "twelve"),
        ("It is one of them.", None),
        ("So 5 + 7 = 12, the sum of two primes.", "12"),
    ],
    "Chinese": [
        ("所以小明有12个苹果。", "12"),
        ("因此面积为12平方厘米。", "12"),
        ("故选B。", "B"),
        ("故选：C.", "C"),
        ("所以选择B。", "B"),
        ("所以正确的选项是B。", "B"),
        ("【答案】C", "C"),
        ("故答案为12．", "12"),
    ],
    "other tags, JSON and headings": [
        ("[ANSWER]12[/ANSWER]", "12"),
        ("<analysis>The answer is 3</analysis>\n<final>The answer is 4</final>", "4"),
        ("<response>The answer is 12.</response>", "12"),
        ("<result>Paris</result>", "Paris"),
        ("{think}It is \\boxed{3}{/think}\nThe answer is 4.", "4"),
        ('<answer>{"answer": 12}</answer>', "12"),
        ('{"reasoning": "3 + 4 = 7", "answer": "x+1", "sure": 9}', "x+1"),
        ("So.\n\n<b>Answer:</b> 12", "12"),
        ("So.\n### 12", "12"),
        ("So 3 + 4 = 7 #### 7", "7"),
        ("The answer is: 14 +", "14"),
    ],
    "more ways to say it": [
        ("A resposta correta é (C).", "(C)"),
        ("Ответ (B).", "(B)"),
        ("I would choose C.", "C"),
        ("The answer is obviously 12.", "12"),
        ("\\boxed{3} is wrong, \\boxed{4} is right", "4"),
        ("The answer to part (b) is 12.", "12"),
        ("The answer is $\\boxed{", None),
    ],
    "several values at the end": [
        (r"The roots are $x = 2$ and $x = 3$.", "x = 2, x = 3"),
        (r"So $x = 2$ or $x = -3$.", "x = 2, x = -3"),
        ("So the solutions are 2 and -3.", "2 and -3"),
        ("Hence, the sides are 3 cm, 4 cm and 5 cm.", "3 cm, 4 cm and 5 cm"),
        ("Therefore, the vertices are at $(0,0)$, $(1,0)$ and $(0,1)$.", "(0,0), (1,0), (0,1)"),
        (r"The domain is $(-\infty, 2) \cup (2, \infty)$.", r"(-\infty, 2) \cup (2, \infty)"),
        ("So, it will take 3 hours and 20 minutes.", "3 hours and 20 minutes"),
        ("So she makes 1125 + 1800 = $2925 in 1 week.", "2925"),
    ],
    "matrices, complex numbers and millions at the end": [
        (
            r"So the matrix is $\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}$.",
            r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
        ),
        ("So the complex number is 3 + 4i.", "3 + 4i"),
        ("So the company made $1.2 million.", "1.2 million"),
        ("So the height is 5'3\".", "5'3"),
    ],
    "what is beside the point": [
        ("So the final price is $80, a 20% discount.", "80"),
        ("So the remainder is 3 when divided by 7.", "3"),
        ("So she scored 12 out of 20.", "12"),
        ("The answer is 3.14 (rounded to 2 decimal places).", "3.14"),
        ("The answer is 3.14, rounded to 2 decimal places.", "3.14"),
    ],
    "labels of the answer": [
        ("**Answer:** There are **4** apples.", "4"),
        (r"\textbf{Answer: } 12", "12"),
        (r"$\text{Answer: } 12$", "12"),
        ("Answer :- 12", "12"),
        ("Answer(s): 3, 5", "3, 5"),
        ("Answer choice: B", "B"),
        ("So (A) is the answer.", "(A)"),
        ("Therefore, the correct statement is (C).", "(C)"),
    ],
    "what a number is beside": [
        ("So the area is 4pi cm^2.", "4pi"),
        ("So the volume is 12 cm^3.", "12"),
        ("So she ate 5 of the 20 eggs.", "5"),
        ("So 7 birds stay. See equation (3).", "7"),
        ("So the result of step 2 is right: 9.", "9"),
        ("The party is on May 5, 2020.", "May 5, 2020"),
        ("So it is on 5 May.", "5 May"),
    ],
    "what a sentence ends with, whole": [
        ("So 1 1/2 cups.", "1 1/2"),
        ("He has 2½ pies.", "2½"),
        ("Donc il reste 3,5 litres.", "3,5"),
        ("Also insgesamt 1.234,50 Euro.", "1.234,50"),
        ("So it is 1.5e3 J.", "1.5e3"),
        ("So the area is 4π.", "4π"),
        ("It arrives at 10:30.", "10:30"),
        ("The ratio is 3:4.", "3:4"),
        ("The interval is [0, 5).", "[0, 5)"),
        ("The point is (2, 3).", "(2, 3)"),
        ("The set is {1, 4}.", "{1, 4}"),
        ("So x ≥ 5.", "x ≥ 5"),
        ("Therefore x < 3 or x > 5.", "x < 3 or x > 5"),
        ("Hence 2 < x <= 5.", "2 < x <= 5"),
        ("The solutions are x = 2 and x = 3.", "x = 2 and x = 3"),
        ("So x = -3.", "-3"),
        ("Since x + y = 5, x = 3.", "3"),
        ("So 3x = 6, x = 2.", "2"),
    ],
}


@pytest.mark.parametrize(
    ("kind", "solution", "answer"), [(k, *pair) for k, pairs in FOUND.items() for pair in pairs]
)
def test_answers_of_every_kind_are_found(kind: str, solution: str, answer: str | None) -> None:
    assert final_answer(solution) == answer, kind


@pytest.mark.parametrize("kind", ["headings", "answer tags", "eight languages", "behind ####"])
def test_steps_are_read_like_their_text(kind: str) -> None:
    for solution, answer in FOUND[kind]:
        assert final_answer(solution.split("\n\n")) == answer


def test_steps_are_read_like_a_text() -> None:
    assert final_answer(["7 × 8 = 54.", "Wait: 7 × 8 = 56.", "The answer is 56."]) == "56"
    assert final_answer(["3 × 4 = 12", "So there are 12 apples", " "]) == "12"
    assert final_answer([]) is None


TRAPS = [
    "</think>" * 5000,
    "(" * 5000,
    r"\boxed{" * 5000,
    r"\boxed{1} and " * 3000,
    "<answer>" * 5000,
    "The answer is " * 5000,
    "#### 1\n" * 5000,
    "$1 + " * 5000,
    "**1 " * 5000,
    "1 = " * 5000,
    "# Answer\n" * 5000,
    "The answer is 5. Wait, wrong. " * 3000,
    "which gives us a total " * 5000,
    "\n" + "Solution " * 10_000,
    "好" * 50_000,
    " " * 100_000 + "1",
    "\n" * 50_000 + "Answer",
]


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    final_answer(text)


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_costs_no_time(trap: str) -> None:
    began = time.thread_time()
    final_answer(trap)
    assert time.thread_time() - began < 5

"""Splitting: every rule, what is never cut, what `auto` sees, and that nothing else is lost."""

from __future__ import annotations

import re
import sys

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from prm_core.errors import BadOptionError, NoStepsError
from prm_core.text.labels import EDGE, numbered, step_content
from prm_core.text.steps import RULES, chosen_rule, find_steps, split_solutions, split_steps
from prm_core.text.tags import read_tags
from tests.clock import cpu_seconds


def check(text: str, rule: str, *wanted: str) -> None:
    assert split_steps(text, rule) == wanted


# --- sentences ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sentences",
    [
        ["I need to multiply 7 by 8.", "7 × 8 = 56.", "The answer is 56."],
        ["15% of 80 = 12.", "So the tip is $12."],
        ["15% means 15/100 = 0.15.", "Then 0.15 × 80 = 12."],
        ["Use a large number, e.g. 1,000.50 or so, i.e. more than 3.5 kg.", "Done."],
        ["Dr. Smith has 3 apples.", "Mrs. Lee has 4."],
        ["See No. 3 and Eq. (2) on pp. 4 and 5.", "We go on."],
        ["It costs $3.50.", "She pays $5 and $6.", "That is $11."],
        ["J. K. Rowling wrote 7 books.", "George W. Bush read 2."],
        ["The answer is B.", "Then we stop there."],
        ["It was shown by B. Smith.", "We use it."],
        ["So the choice is A.", "The rest is wrong."],
        ["1. e4 is the first move.", "Then 2. Nf3 follows."],
        ["We get x = 1.", "A line follows."],
        ["Wait... is that right?", "No!", "It is 56."],
        ["The sum 1 + 2 + ... + n is n(n+1)/2.", "Fine."],
        ["There are 5! = 120 orders.", "And 3! ways for the rest.", "So 6!"],
        ["He walks 5 ft. per second.", "In 3 hrs. he is done."],
        ["It costs 3 lb. 5 oz. of butter.", "He is 5 ft. 3 in. tall.", "Then 2 hr. 30 min. pass."],
        ["It takes 5 min.", "5 * 3 = 15.", "He eats 2 lb.", "3 lb of it is butter."],
        ["They need nails, screws, etc. for it.", "We go on."],
        ['He said "it is 5."', "Then he left."],
        ["(This is 12.)", "Next comes 13."],
        ["**Add them.**", "We get 5."],
        ["At 5 p.m. it ends.", "At 6 a.m. it starts."],
        ["Он купил 4, т.е. стало 7.", "Потом 8."],
        ["The U.K. has 2.", "France has 3."],
    ],
)
def test_sentences_end_where_a_reader_ends_them(sentences: list[str]) -> None:
    check(" ".join(sentences), "sentence", *sentences)


def test_a_capital_word_right_behind_a_full_stop_begins_a_sentence() -> None:
    said = ["He buys 3 at $1.20 each.", "He also buys 2.", "So 3 + 2 = 5.", "It is done!"]
    check("".join(said), "sentence", *said)
    check("Let a.B be 5 and x.Y be 6.", "sentence", "Let a.B be 5 and x.Y be 6.")


def test_chinese_and_french_sentences() -> None:
    check(
        "他有5个苹果。又买了3个!所以共有5+3=8个。答案是8。",
        "sentence",
        "他有5个苹果。",
        "又买了3个!所以共有5+3=8个。",
        "答案是8。",
    )
    check(
        "On calcule 7 × 8 = 56. Combien ? Chez M. Dupont, il y a « 56 ». La réponse est 56.",
        "sentence",
        "On calcule 7 × 8 = 56.",
        "Combien ?",
        "Chez M. Dupont, il y a « 56 ».",
        "La réponse est 56.",
    )


@pytest.mark.parametrize(
    ("text", "n_steps"),
    [
        ("$15\\% = 0.15$\n$0.15 \\times 80 = 12$", 2),
        ("\\(a = 2\\)\n\\(b = 3\\)\n\\(a + b = 5\\)", 3),
        ("$x = 2 + 3$\n$= 5$", 1),
    ],
)
def test_a_formula_on_each_line_is_a_step_each(text: str, n_steps: int) -> None:
    assert len(split_solutions([text], "auto").solutions[0].steps) == n_steps


def test_wrapped_lines_stay_one_sentence() -> None:
    check(
        "I need to multiply 7\nby 8. The product of both\nis 56. Now\nI am done",
        "sentence",
        "I need to multiply 7\nby 8.",
        "The product of both\nis 56.",
        "Now",
        "I am done",
    )


@pytest.mark.parametrize(
    "text",
    [
        "48/6 = 8 boxes\n8 x 2.50 = 20\nso he gets $20",
        "48 x 2.50 = 120\nhe gets 120 dollars",
        "5+3=8\nthen 8*2=16\nso 16",
        "he buys 3 apples\nhe eats one\nso 2 left",
        "He buys 3 apples\nhe eats one\nso 2 left",
        "three bags of 4\nmakes 12 sweets\nminus 2 is 10",
        "From 9:40 to 10:00 is 20 minutes\nfrom 10:00 to 11:15 is 75 min\n20+75=95 min",
        "Von 8:50 bis 9:00 sind es 10 Minuten\nvon 9:00 bis 10:30 sind es 90",
    ],
)
def test_notes_typed_line_by_line_are_cut_at_the_lines(text: str) -> None:
    check(text, "line", *text.split("\n"))


def test_a_line_after_a_displayed_formula_goes_on() -> None:
    text = "It is:\n\\[ x = \\frac{-b}{2a} \\]\nwhere \\( a = 1 \\) and \\( b = 2 \\).\nSo x = -1."
    check(text, "sentence", text[: text.index("\nSo")], "So x = -1.")


def test_lines_without_full_stops_are_sentences() -> None:
    check(
        "7 × 8 = 56\nwidth = 12\nThe answer is 56",
        "sentence",
        "7 × 8 = 56",
        "width = 12",
        "The answer is 56",
    )


def test_a_sentence_ends_with_the_formula_that_holds_its_full_stop() -> None:
    check(r"So $x = 5. 0.$ Then $y = 2$. \(z. q.\) Last.", "sentence", *[
        "So $x = 5. 0.$", "Then $y = 2$.", r"\(z. q.\)", "Last."
    ])  # fmt: skip


# --- numbered -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prefix", "pattern"),
    [
        ("Step {}: ", r"Step 1"),
        ("Step {}. ", r"Step 1"),
        ("Step 1.{}: ", r"Step 1"),
        ("Step {} - ", r"Step 1"),
        ("step {}) ", r"step 1"),
        ("STEP {}:", r"STEP 1"),
        ("Step #{}: ", r"Step"),
        ("Step_{}: ", r"Step"),
        ("### Step {}: ", r"###"),
        ("### Step {}\n", r"###"),
        ("## Step {} ", r"##"),
        ("**Step {}**: ", r"Step"),
        ("**Step {}:** ", r"Step"),
        ("__Step {}__ ", r"Step"),
        ("- Step {}: ", r"-"),
        ("{}. ", r"1"),
        ("{}) ", r"1"),
        ("**{}.** ", r"1"),
        ("## {}. ", r"##"),
        ("{}、", r"1"),
        ("第{}步:", r"第"),
        ("步骤{}:", r"步骤"),
        ("Étape {} : ", r"Étape"),
        ("Schritt {}: ", r"Schritt"),
        ("Paso {}: ", r"Paso"),
    ],
)
def test_every_kind_of_number_is_seen_kept_and_taken_off(prefix: str, pattern: str) -> None:
    bodies = ["Multiply 7 by 8.\nThat is a product.", "7 × 8 = 56.\nWe are sure.", "So 56."]
    written = [prefix.format(k) + body for k, body in enumerate(bodies, start=1)]
    text = "\n".join(written)
    assert chosen_rule(text) == "numbered"
    steps = find_steps(text)
    assert [step.text for step in steps] == written
    assert [step.content for step in steps] == bodies
    assert pattern in steps[0].text


def test_a_preamble_and_what_follows_the_list_are_steps_of_their_own() -> None:
    check(
        "Let us work it out.\n\n1. **Bagel**:\n   It costs $4.\n\n2. **Soup**:\n   It costs $5.\n\n"
        "Therefore she pays $9.\n\nFinal answer: 9",
        "auto",
        "Let us work it out.",
        "1. **Bagel**:\n   It costs $4.",
        "2. **Soup**:\n   It costs $5.",
        "Therefore she pays $9.",
        "Final answer: 9",
    )


def test_paragraphs_of_a_numbered_step_stay_with_it() -> None:
    check(
        "### Step 1: Set up\nLet x be it.\n\n\\[\n\nx = 5\n\n\\]\n\n### Step 2: Solve\n"
        "First this.\n\nThen that.\n\n### Conclusion\nIt is 5.",
        "auto",
        "### Step 1: Set up\nLet x be it.\n\n\\[\n\nx = 5\n\n\\]",
        "### Step 2: Solve\nFirst this.\n\nThen that.",
        "### Conclusion\nIt is 5.",
    )


def test_the_answer_line_leaves_the_last_numbered_step() -> None:
    check(
        "Step 1: 7 × 8 = 56.\nStep 2: Done.\n**Final Answer:** 56",
        "auto",
        "Step 1: 7 × 8 = 56.",
        "Step 2: Done.",
        "**Final Answer:** 56",
    )
    check("1. 7 × 8 = 56.\n2. Done.\n#### 56", "auto", "1. 7 × 8 = 56.", "2. Done.", "#### 56")


def test_a_list_within_a_step_is_not_the_numbering() -> None:
    text = "Step 1: There are\n1. apples\n2. pears\nStep 2: Count.\n  1. 3\n  2. 4"
    check(text, "auto", *text.replace("\nStep 2", "\x00Step 2").split("\x00"))


def test_numbers_count_only_while_they_go_up() -> None:
    check("1. We have\n100. That is many.\n2. Go on.", "numbered", "1. We have\n100. That is many.",
          "2. Go on.")  # fmt: skip


def test_a_list_in_one_of_many_paragraphs_is_not_the_numbering() -> None:
    text = "We match:\n1. For y, 6 = 6.\n2. For z, 5 = 5.\n\nNow compare.\n\nThe answer is 5."
    assert chosen_rule(text) == "paragraph"
    assert len(split_steps(text)) == 3


def test_the_numbered_rule_takes_paragraphs_where_nothing_is_numbered() -> None:
    check("One.\nMore.\n\nTwo.", "numbered", "One.\nMore.", "Two.")


def test_step_word_in_a_sentence_is_no_number() -> None:
    text = "Step 1 gives 5 apples.\nStep 2 gives 3 more apples.\nSo 8."
    assert chosen_rule(text) == "line"


@pytest.mark.parametrize(
    ("step", "content"),
    [
        ("Step 1: Add.", "Add."),
        ("### Step 2", "### Step 2"),
        ("### Step 2: Title\nBody", "Title\nBody"),
        ("**Step 3**: Add.", "Add."),
        ("**Step 3: Find x.** Then", "**Find x.** Then"),
        ("1. Add.", "Add."),
        ("1) Add.", "Add."),
        ("0.15 × 80 = 12", "0.15 × 80 = 12"),
        ("56.", "56."),
        ("3.", "3."),
        ("Step one: Add.", "Add."),
        ("Step 1", "Step 1"),
        ("Step 1 (setup): x = 3.", "(setup) x = 3."),
        ("**Step 1 (setup).** x = 3.", "(setup) x = 3."),
        ("第1步（设）：x = 3。", "（设） x = 3。"),
        ("Step 1 (setup)", "Step 1 (setup)"),
        ("Step 1 (the first) gives 5.", "Step 1 (the first) gives 5."),
        ("Step 2.5 times as far", "Step 2.5 times as far"),
        ("Stepping up", "Stepping up"),
        ("1998. In that year", "1998. In that year"),
        ("**Bold** first", "**Bold** first"),
        ("", ""),
    ],
)
def test_content_is_the_step_without_its_prefix(step: str, content: str) -> None:
    assert step_content(step) == content


def test_words_in_brackets_belong_to_the_number() -> None:
    text = "Step 1 (setup): Let x = 3.\nSo x > 0.\nStep 2 (solve): x + 1 = 4."
    check(text, "auto", "Step 1 (setup): Let x = 3.\nSo x > 0.", "Step 2 (solve): x + 1 = 4.")


def test_a_number_is_added_where_a_step_has_none() -> None:
    own = ["Step 1: a", "Step 2 (b): b", "**Step 3:** c", "## Step 4\nd", "Schritt 9: e", "Step 6:"]
    assert numbered(own) == own
    assert numbered(["First step: a", "Sub-step 2: b"]) == ["Step 1: a", "Step 2: b"]
    assert numbered(["a", " 2) b\n", "Step 2.5 times c", "Step 1 gives d"]) == [
        "Step 1: a",
        "Step 2: b",
        "Step 3: Step 2.5 times c",
        "Step 4: Step 1 gives d",
    ]


# --- lists that are steps, and lists within a step ------------------------------------------------

ITEMS = ["We have 3 boxes of 12: 36.", "Ben gives away 10.", "So 36 - 10 = 26."]


@pytest.mark.parametrize(
    "numbers",
    ["1. 2. 3.", "1) 2) 3)", "(1) (2) (3)", "① ② ③", "１． ２． ３．", "1: 2: 3:", "I. II. III.",
     "(i) (ii) (iii)", "1.\xa0 2.\xa0 3.\xa0", "1️⃣ 2️⃣ 3️⃣", "**1.** **2.** **3.**", "- - -", "* * *",
     "• • •", "i) ii) iii)", "A. B. C.", "[1] [2] [3]", "1.) 2.) 3.)", "一、 二、 三、",
     r"\item \item \item", "→ → →", "\uf0b7 \uf0b7 \uf0b7"],
)  # fmt: skip
@pytest.mark.parametrize("before", ["", "We count.\n\n", "We follow these steps:\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_item_of_a_tight_list_is_a_step(numbers: str, before: str, end: str) -> None:
    items = [f"{number} {text}" for number, text in zip(numbers.split(" "), ITEMS, strict=True)]
    closing = ["So Ben has 26 pencils left.", "The answer is: 26."]
    text = (before + "\n".join(items) + "\n\n" + "\n\n".join(closing)).replace("\n", end)
    wanted = [before.strip(), *items, *closing]
    assert split_steps(text) == tuple(step for step in wanted if step)


@pytest.mark.parametrize(
    "text",
    [
        "1. Find x:\n   x = 3\n¦2. Find y:\n\n   y = 4\n¦3. Add.\n\n¦Thus 7.",
        "**1. Find x**\nx = 3\n¦**2. Find y**\ny = 4\n\n¦Therefore 7.",
        "**1. Find x**\n\nx = 3\n\n¦**2. Find y**\n\ny = 4\n\n¦Therefore 7.",
        "1. a = 1.\n¦2. b = 2.\n\n¦3. c = 3.\n¦4. d = 4.\n\n¦In all 10.",
        "Part A:\n¦1. a = 1.\n¦2. b = 2.\n\n¦Part B:\n¦1. c = 3.\n¦2. d = 4.",
    ],
)
def test_items_keep_their_lines(text: str) -> None:
    check(text.replace("¦", ""), "auto", *(step.strip() for step in text.split("¦")))


@pytest.mark.parametrize(
    "text",
    [
        "First the costs:\n1. pens 3\n2. books 5\n3. bags 7\n\nThe sum is 15.\n\nHe pays with 20, "
        "so he gets 5 back.\n\nThe answer is 5.",
        "Given:\n1. AB = 5\n2. BC = 7\n3. B = 90\n\nBy Pythagoras AC² = 74.\n\nTherefore AC = 8.6.",
        "We count:\n- 5 red\n- 3 blue\n- 1 green\n\nThat is 9.\n\nWith 4 more it is 13.",
        "Job A:\n- $15\n- 2000 h\n- 20% tax\n\nThat is $24,000.\n\nJob B:\n- $42,000\n- 10% tax\n"
        "- $6,000\n\nThat is $32,400.",
    ],
)
def test_a_list_within_a_step_stays_whole(text: str) -> None:
    check(text, "auto", *text.split("\n\n"))


def test_a_list_within_a_labelled_step_stays_whole() -> None:
    text = "### Step 1\nWe have:\n1. pens 3\n2. books 5\n3. bags 7\n\nSum: 15.\n\n### Step 2\nSo 5."
    check(text, "auto", *text.replace("\n\n###", "\x00###").split("\x00"))


@pytest.mark.parametrize(
    "text",
    [
        "Step 1: 3 + 4 = 7 ¦Step 2: 7 * 2 = 14 ¦Step 3: The answer is: 14",
        "STEP 1: 3 + 4 = 7; ¦STEP 2: 7 * 2 = 14; ¦STEP 3: 14",
        "Step 1: 3+4=7¦Step 2: 7*2=14¦Step 3: so 14",
        "**Step 1:** 7 ¦**Step 2:** by Step 1: 14 ¦**Step 3:** so 14",
        "Let us go. ¦Step 1: 3 + 4 = 7 ¦Step 2: 14 ¦The answer is: 14",
        "Schritt 1: 7 ¦Schritt 2: 14 ¦Antwort: 14",
        "第1步：3+4=7 ¦第2步：7*2=14",
        "Step 1 - 3 + 4 = 7 ¦Step 2 - 7 * 2 = 14 ¦Step 3 - So 14",
        "Step 1. a = 3 ¦Step 2. b = 4 ¦Step 3. So a + b = 7",
        "Step 1) 3+4=7 ¦Step 2) 7*2=14",
        "1. Step 1. So x = 3.\n¦2. Step 2. So y = 4.\n¦3. Step 3. So z = 5.",
        "**Step 1** 3+4=7 ¦**Step 2** 7*2=14",
        "Paso 1 – suma 7 ¦Paso 2 – resta 5",
        "step 1: 3 + 4 = 7 ¦step 2: 7 * 2 = 14 ¦step 3: so 14",
        "### Step 1: 3 + 4 = 7 ¦### Step 2: 7 * 2 = 14 ¦### Step 3: so 14",
        "1. 3 + 4 = 7 ¦2. 7 * 2 = 14 ¦3. The answer is 14",
        "1) We add: 7. ¦2) We double: 14.",
        "(1) 3 + 4 = 7 ¦(2) 7 * 2 = 14 ¦(3) so 14",
        "(Step 1) 3 + 4 = 7 ¦(Step 2) 7 * 2 = 14 ¦(Step 3) so 14",
        "[Step 1] 3 + 4 = 7 ¦[Step 2] 7 * 2 = 14",
        "Step 1/3: 3 + 4 = 7 ¦Step 2/3: 7 * 2 = 14 ¦Step 3/3: so 14",
        "Step 1 of 2: 3 + 4 = 7 ¦Step 2 of 2: 7 * 2 = 14",
        "Step No. 1: 3 + 4 = 7 ¦Step No. 2: 7 * 2 = 14",
        "Étape n°1 : 3 + 4 = 7 ¦Étape n°2 : 7 * 2 = 14",
        "Шаг №1: 3 + 4 = 7 ¦Шаг №2: 7 * 2 = 14",
        "- Step 1: 3 + 4 = 7 ¦- Step 2: 7 * 2 = 14",
        "→ Step 1: 3 + 4 = 7 ¦→ Step 2: 7 * 2 = 14",
        "*Step 1:* 3 + 4 = 7 ¦*Step 2:* 7 * 2 = 14",
        r"\textbf{Step 1:} 3 + 4 = 7 ¦\textbf{Step 2:} 7 * 2 = 14",
        "(a) 3+4=7 ¦(b) 7*2=14",
        "a. 3 + 4 = 7 ¦b. 7 * 2 = 14 ¦c. So 14",
        "A) 3 + 4 = 7; ¦B) 7 * 2 = 14",
        "Stage 1: 3 + 4 = 7 ¦Stage 2: 7 * 2 = 14 ¦Stage 3: so 14",
        "Part 1: 3 + 4 = 7 ¦Part 2: 7 * 2 = 14",
        "#1: 3 + 4 = 7 ¦#2: 7 * 2 = 14 ¦#3: so 14",
        "#1 3 + 4 = 7 ¦#2 7 * 2 = 14 ¦#3 so 14",
        "[1] 3 + 4 = 7 ¦[2] 7 * 2 = 14",
        "**1.** 3 + 4 = 7 ¦**2.** 7 * 2 = 14 ¦**3.** so 14",
        "**(1)** 3 + 4 = 7 ¦**(2)** 7 * 2 = 14",
        "1️⃣ 3 + 4 = 7 ¦2️⃣ 7 * 2 = 14 ¦3️⃣ so 14",
        "① 3 + 4 = 7 ¦② 7 * 2 = 14",
        "1、3 + 4 = 7 ¦2、7 * 2 = 14",
        "First step: 3 + 4 = 7. It is odd. ¦Second step: 7 * 2 = 14. ¦Third step: so 14",
        "1st step: 3 + 4 = 7 ¦2nd step: 7 * 2 = 14",
        "Sub-step 1: 3 + 4 = 7. ¦Sub-step 2: 7 * 2 = 14",
        "Thought 1: We add. It is 7. ¦Action 1: calc[7 * 2] ¦Observation 1: 14",
        "We go on with the first step: 3 + 4 = 7, and then the Second step: 14",
        "(1) x + y = 3, as in (2) below",
        "(a) x + y = 3, as in (b) below",
        "a (b) 3 + 4 = 7 (c) 5",
        "We add the results: 52 (step 1) + 13 (step 2) + 65 (step 3) = 130",
        "Step 1: 3 + 4 = 7 ¦Step 2: 7 (Step 1) * 2 (as in (Step 3) later) = 14",
        "From Step 1 - Step 2 - Step 3 we get 5",
        "Step 1: we use a rule, step 2: of the book",
        "Step 1 = 3, Step 2 = 4",
        "Step 1: as Step 3: says, 3 + 4 = 7",
    ],
)
def test_labels_count_within_a_line(text: str) -> None:
    check(text.replace("¦", ""), "auto", *(step.strip() for step in text.split("¦")))


@pytest.mark.parametrize(
    ("first", "second"),
    [("Stage 1: ", "Stage 2: "), ("Part 1: ", "Part 2: "), ("Этап 1. ", "Этап 2. "),
     ("#1 ", "#2 "), ("(Step 1) ", "(Step 2) "), ("i. ", "ii. "), ("1.- ", "2.- "),
     ("1°) ", "2°) "), ("1/ ", "2/ "), ("1.", "2."), ("➡️ Step 1: ", "➡️ Step 2: "),
     (r"\textbf{Step 1:} ", r"\textbf{Step 2:} "), ("<b>Step 1:</b> ", "<b>Step 2:</b> "),
     ("<h3>Step 1</h3>\n", "<h3>Step 2</h3>\n"), ("== Step 1 ==\n", "== Step 2 ==\n"),
     ("\\section*{Step 1}\n", "\\section*{Step 2}\n")],
)  # fmt: skip
def test_items_are_steps_whatever_counts_them(first: str, second: str) -> None:
    steps = [f"{first}Count them. 3 + 4 = 7.", f"{second}Double it. 7 * 2 = 14."]
    check("\n".join(steps) + "\n\nSo it is 14.", "auto", *steps, "So it is 14.")


@pytest.mark.parametrize("bullet", ["o", "§", "•", "\uf0b7"])
def test_bullets_of_a_word_processor(bullet: str) -> None:
    items = [f"{bullet}\tAdd: 7", f"{bullet}\tDouble: 14", f"{bullet}\tSo 14"]
    text = "We count.\n\n" + "\n".join(items) + "\n\nSo it is 14."
    check(text, "auto", "We count.", *items, "So it is 14.")


@pytest.mark.parametrize(
    ("labels", "counted"),
    [
        (["1st step: ", "2nd step: ", "3rd step: "], True),
        (["First step: ", "Second step: ", "Final step: "], True),
        (["**First step:** ", "**Second step:** ", "**Third step:** "], True),
        (["### First Step\n", "### Second Step\n", "### Last Step\n"], True),
        (["1st step - ", "2nd step - ", "3rd step - "], True),
        (["Erster Schritt: ", "Zweiter Schritt: ", "Dritter Schritt: "], True),
        (["Première étape : ", "2e étape : ", "3ème étape : "], True),
        (["Primer paso: ", "Segundo paso: ", "Tercer paso: "], True),
        (["Первый шаг: ", "Второй шаг: ", "3-й шаг: "], True),
        (["Substep 1.1: ", "Substep 1.2: ", "Substep 1.3: "], True),
        (["Sub-step 1: ", "Sub-step 2: ", "Sub-step 3: "], True),
        (["Thought 1: ", "Action 1: ", "Observation 1: "], False),
        (["**Thought 1:** ", "**Action 1:** ", "**Observation 1:** "], False),
        (["Thought: ", "Action: ", "Observation: "], False),
    ],
)
def test_whole_texts_with_other_labels_are_cut_at_them(labels: list[str], counted: bool) -> None:
    """A turn's name says what it is, and stays."""
    bodies = ["We add: 7.\nIt is odd.", "We double.\n\nIt is 14.", "So 14.\nWe are sure."]
    written = [label + body for label, body in zip(labels, bodies, strict=True)]
    (split,) = split_solutions(["\n".join(written)]).solutions
    assert [step.text for step in split.steps] == written
    assert [step.content for step in split.steps] == (bodies if counted else written)
    assert split.words == ("numbered" if counted else "by label")


def test_lines_with_headings_after_a_list_leave_it() -> None:
    items = ["To solve this we need:", "1. The number of apples: 3", "2. The number of pears: 4"]
    lines = [*items, "Adding: 3 + 4 = 7", "Doubling : 14", "Answer: 14"]
    check("\n".join(lines), "auto", *lines)
    items = ["1. We add: 7", "2. We double: 14", "3. We take half: 7"]
    check("\n".join([*items, "That is\nright: 7", "Check: 4 + 3 = 7"]), "auto",
          *items, "That is\nright: 7", "Check: 4 + 3 = 7")  # fmt: skip


@pytest.mark.parametrize(
    "items",
    [["1. Apples", "2. Pears\nThere are 4"], ["1. Apples\nRed: 3", "2. Pears\nGreen: 4"],
     ["1. Apples", "2. Pears\n   Green: 4"], ["1. Apples", "2. Pears\nGreen pears are many: 4"]],
)  # fmt: skip
def test_other_lines_after_two_items_belong_to_the_last(items: list[str]) -> None:
    check("\n".join(items), "auto", *items)


def test_substeps_stay_in_their_step() -> None:
    steps = ["Step 1: Count.\nSubstep 1.1: 3 red.\nSubstep 1.2: 4 blue.", "Step 2: So 7."]
    check("\n".join(steps), "auto", *steps)


@pytest.mark.parametrize(
    "lines",
    [
        ["First step on the ladder is 3 cm high.", "Second step is 4 cm high.", "So 7 cm."],
        ["Observation: it is 3.", "So we add 4.", "Action: we stop at 7."],
        ["The first step: we add 3 and 4.", "Then the second step: we stop."],
        ["Next step, we add 3 and 4.", "Last step, we stop."],
        ["Thought is free.", "Action costs 3.", "So 3."],
    ],
)
def test_words_of_labels_in_a_sentence_are_no_labels(lines: list[str]) -> None:
    check("\n".join(lines), "line", *lines)
    assert chosen_rule("\n".join(lines)) == "line"


def test_stages_of_several_lines_are_no_steps() -> None:
    text = (
        "**Phase 1: Ride**\n5 * 25 = 125\n125 * 4 = 500\n**Phase 2: Walk**\n2 * 6 = 12\n12 * 3 = 36"
    )
    check(text, "auto", *text.split("\n"))


def test_parts_of_several_paragraphs_are_no_steps() -> None:
    text = "Part 1: Count.\n\n3 + 4 = 7.\n\nPart 2: Double.\n\n7 * 2 = 14."
    check(text, "auto", *text.split("\n\n"))


@pytest.mark.parametrize(
    ("step", "content"),
    [(r"\textbf{Step 1:} 3 + 4 = 7", "3 + 4 = 7"), ("<h3>Step 1</h3>\nWe add.", "We add."),
     (r"\textbf{Step 1: Add.} 3 + 4 = 7", r"\textbf{Add.} 3 + 4 = 7"),
     ("== Step 1 ==\nWe add.", "We add.")],
)  # fmt: skip
def test_a_label_that_is_set_is_taken_off_with_what_sets_it(step: str, content: str) -> None:
    assert step_content(step) == content


def test_a_heading_after_the_steps_stands_with_what_follows() -> None:
    steps = ["### Step 1: Count\n\n3 + 4 = 7", "### Step 2: Double\n\n7 * 2 = 14"]
    check("\n\n".join([*steps, "### Conclusion\n\nSo 14."]), "auto", *steps,
          "### Conclusion\n\nSo 14.")  # fmt: skip


@pytest.mark.parametrize(
    "closing",
    ["The answer is: 26.", "The answer is 26.", "**The answer is 26.**",
     "Therefore, the answer is 26.",
     "The final answer is $26$. I hope it is correct.", "#### x + 1", "Réponse : 26",
     "La réponse est 26.", "Antwort: 26", "Respuesta: 26", "La respuesta es 26.", "Resposta: 26",
     "Risposta: 26", "Ответ: 26", "答案：26", "答：26", "Result: 26", "**Ergebnis:** 26",
     "Die Antwort lautet 26.", "Résultat : 26", "Resultado: 26", "Risultato finale: 26",
     "Результат: 26", "Итоговый ответ: 26", "结果：26", "Solution: 26"],
)  # fmt: skip
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_closing_line_leaves_the_last_label(closing: str, gap: str) -> None:
    steps = [f"Step 1: Find the total.{gap}3 * 12 = 36", f"Step 2: Take away.{gap}36 - 10 = 26"]
    check(gap.join([*steps, closing]), "auto", *steps, closing)


def test_a_result_that_every_step_has_stays_in_it() -> None:
    steps = ["Step 1: Find the total.\nResult: 36", "Step 2: Take away.\nResult: 26"]
    check("\n".join(steps), "auto", *steps)


# --- what is no step ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule", ["---", "~~~~~", "***", "* * *", "_____", "======", "🎉", "✅ ✅", "•", "∎", "…"]
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_line_without_letter_or_digit_is_no_step(rule: str, gap: str) -> None:
    steps = ["3 + 4 = 7", "7 * 2 = 14", "The answer is 14."]
    check(f"{gap}{rule}{gap}".join(steps) + gap + rule, "auto", *steps)


@pytest.mark.parametrize(
    "heading",
    ["**Final Answer**", "# Answer", "Final answer:", "Réponse :", "✅ Final Answer",
     "✅ **Answer**", "🎯 Final Answer:"],
)  # fmt: skip
def test_a_heading_of_the_answer_stands_with_it(heading: str) -> None:
    end = f"{heading}\n\n\\boxed{{14}}"
    check(f"3 + 4 = 7\n\n7 * 2 = 14\n\n{end}", "auto", "3 + 4 = 7", "7 * 2 = 14", end)
    check(f"1. 3 + 4 = 7\n2. 7 * 2 = 14\n\n{end}", "auto", "1. 3 + 4 = 7", "2. 7 * 2 = 14", end)
    text = f"**Step 1: Add**\n\n3 + 4 = 7\n\n**Step 2: Double**\n\n7 * 2 = 14\n\n{end}"
    steps = ["**Step 1: Add**\n\n3 + 4 = 7", "**Step 2: Double**\n\n7 * 2 = 14", end]
    check(text, "auto", *steps)


def test_a_heading_of_the_answer_needs_no_blank_line() -> None:
    check("Step 1: Add\n3 + 4 = 7\nStep 2: Double\n7 * 2 = 14\nFinal Answer\n14", "auto",
          "Step 1: Add\n3 + 4 = 7", "Step 2: Double\n7 * 2 = 14", "Final Answer\n14")  # fmt: skip
    wrapped = "Step 1: Add 3 and 4, and that is the\nanswer\n7\nStep 2: Double it."
    check(wrapped, "auto", *wrapped.replace("\nStep 2", "\x00Step 2").split("\x00"))


def test_blank_lines_of_a_quoted_text_part_paragraphs() -> None:
    check("> We add. It is\n> 7.\n>\n> We double.\n> It is 14.", "auto",
          "> We add. It is\n> 7.", "> We double.\n> It is 14.")  # fmt: skip


def test_a_tilde_fence_without_an_end_is_a_rule() -> None:
    text = "3 + 4 = 7\n\n~~~\n\n7 * 2 = 14\n\nSo 14."
    check(text, "auto", "3 + 4 = 7", "7 * 2 = 14", "So 14.")


def test_a_rule_between_labelled_steps_is_in_neither_and_one_within_a_step_stays() -> None:
    text = "### Step 1\n3 + 4 = 7\n\n---\n\n### Step 2\n7 * 2 = 14\n\n---\n\nThe answer is 14."
    (split,) = split_solutions([text]).solutions
    assert [one.text for one in split.steps] == [
        "### Step 1\n3 + 4 = 7", "### Step 2\n7 * 2 = 14", "The answer is 14."
    ]  # fmt: skip
    assert [text[one.start : one.end] for one in split.dropped] == ["---", "---"]
    assert {one.kind for one in split.dropped} == {"no letter or digit"}
    check("Step 1: a\n---\nb\nStep 2: c", "auto", "Step 1: a\n---\nb", "Step 2: c")


def test_symbols_that_are_values_are_steps() -> None:
    check("The limit is\n\n∞\n\n∅", "paragraph", "The limit is", "∞", "∅")


def test_a_text_of_nothing_but_rules_has_no_step() -> None:
    with pytest.raises(NoStepsError):
        split_steps("---\n\n***")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("24-7=17, 3*5=15, 17+15=32", ["24-7=17,", "3*5=15,", "17+15=32"]),
        ("24-7=17; 3*5=15.", ["24-7=17;", "3*5=15."]),
        ("24-7=17,3*5=15,17+15=32", ["24-7=17,", "3*5=15,", "17+15=32"]),
        ("24-7=17;3*5=15", ["24-7=17;", "3*5=15"]),
        ("10/4=2.5,2.5*2=5", ["10/4=2.5,", "2.5*2=5"]),
        ("8*15=120,120+35=155", ["8*15=120,", "120+35=155"]),
        ("24-7=17,3*5=15,100+32=132", ["24-7=17,", "3*5=15,", "100+32=132"]),
        ("2500*2=5,000,5,000/4=1,250", ["2500*2=5,000,", "5,000/4=1,250"]),
        ("24 / 3 = 8, 8 * 2 = 16, so 16", ["24 / 3 = 8,", "8 * 2 = 16,", "so 16"]),
        ("5+3=8; 8-2=6; ans=6", ["5+3=8;", "8-2=6;", "ans=6"]),
        ("5+3=8, 8-2=6, so Tom has 6 left.", ["5+3=8,", "8-2=6,", "so Tom has 6 left."]),
        ("5+3=8, so 8", ["5+3=8, so 8"]),
        ("5+3=8, 8-2=6, so x=3, y=4", ["5+3=8, 8-2=6, so x=3, y=4"]),
        ("1,000+2,000=3,000", ["1,000+2,000=3,000"]),
        ("1000+1234=2,234-34=2200", ["1000+1234=2,234-34=2200"]),
        ("3,5+2,5=6", ["3,5+2,5=6"]),
        ("x=3,y=4", ["x=3,y=4"]),
        ("x = 3, y = 4", ["x = 3, y = 4"]),
        ("1,000 + 2,000 = 3,000", ["1,000 + 2,000 = 3,000"]),
        ("We get 24-7=17, 3*5=15", ["We get 24-7=17, 3*5=15"]),
    ],
)
def test_equations_behind_each_other_are_steps(text: str, wanted: list[str]) -> None:
    check(text, "auto", *wanted)


@pytest.mark.parametrize(
    "text",
    [
        "34 - 12 = 22,¦ 22 * 12 = 264 cm^2",
        "480 : 5 = 96,¦ 96 · 8 = 768,¦ 768 - 480 = 288 boys",
        "17 + 8 = 25 ;¦ 45 - 25 = 20 ;¦ Réponse : 20 passagers",
        "2.5m=250cm;¦ 250/20=12.5;¦ so 12 pieces",
        "12 x 4 = 48,¦ 48 - 8 = 40",
        "12x$4=$48 ,¦$48-$8=$40",
        "12 : 4 = 3,¦ 3 + 5 = 8",
        "10% of 80 = 8,¦ 80 - 8 = 72",
        "12 * 4 = 48 cm,¦ 48 - 8 = 40 cm",
        "12*4=48cm,¦48cm-8cm=40cm",
        "2,5 * 4 = 10;¦ 10 + 2 = 12",
        "3,5 + 2,5 = 6,¦ 6 * 2 = 12",
        r"$3+4=7$,¦ $7\cdot 2=14$,¦ so 14",
        r"\(3 \times 4 = 12\),¦ \(12 - 2 = 10\).",
        "100/3 ≈ 33.3,¦ 33.3 * 3 ≈ 100",
        "60 km/h * 2 h = 120 km,¦ 120 km - 20 km = 100 km",
        "3 + 4 = 7 (яблок),¦ 7 - 2 = 5 (яблок)",
        "3 × 4 = 12 apples in all,¦ 12 - 2 = 10 red apples",
        "1,000 + 2,000 = 3,000 apples",
        "1 foot = 12 inches, 1 yard = 3 feet",
        "2x + 3 = 7, 2x = 4",
        "2 * 3 = 6, 7, 8",
        "(1 + 2, 3 + 4) = (3, 7)",
        "(3, 4), (5, 6)",
        "5 apples, 3 + 4 = 7 apples",
        "He has 5 apples, 3 + 4 = 7",
        "3 + 4 = 7, which is odd",
        r"$3+4=7, 7\cdot 2=14$",
    ],
)
def test_equations_are_seen_in_every_spelling(text: str) -> None:
    check(text.replace("¦", ""), "auto", *(step.strip() for step in text.split("¦")))


@pytest.mark.parametrize("bullet", ["•", "●", "▪"])
def test_bullets_on_one_line_begin_lines(bullet: str) -> None:
    steps = [f"{bullet} 3+4=7", f"{bullet} 7*2=14", f"{bullet} $14 • 1 = 14$"]
    check(" ".join(steps), "auto", *steps)
    check("We get 3 • 4 = 12", "auto", "We get 3 • 4 = 12")


@pytest.mark.parametrize("signs", [("a)", "b)", "c)"), ("(a)", "(b)", "(c)"), ("a.", "b.", "c."),
                                   ("A)", "B)", "C)")])  # fmt: skip
@pytest.mark.parametrize("before", ["", "We count.\n"])
def test_items_with_letters_are_steps(signs: tuple[str, ...], before: str) -> None:
    first, second, third = (f"{sign} {text}" for sign, text in zip(
        signs, ("3 * 12 = 36", "we take 10 away: 26", "so 26"), strict=True))  # fmt: skip
    wanted = [before.strip()] * bool(before) + [first, second, third]
    check(f"{before}{first}\n{second}\n{third}", "auto", *wanted)


def test_letters_of_a_questions_parts_stand_before_steps_of_their_own() -> None:
    parts = ["(a) There are 36.", "Then 26.", "(b) Now 13.", "So 13 each."]
    check("\n\n".join(parts), "auto", *parts)


@pytest.mark.parametrize("head", ["Step {}: {}", "**Step {}: {}**", "### Step {}: {}", "## {}. {}"])
def test_the_conclusion_after_labels_with_paragraphs_is_a_step_of_its_own(head: str) -> None:
    first = head.format(1, "Count") + "\n\n3 * 12 = 36"
    second = head.format(2, "Subtract") + "\n\n36 - 10 = 26"
    check(f"{first}\n\n{second}\n\nTherefore 26 are left.", "auto", first, second,
          "Therefore 26 are left.")  # fmt: skip
    third = head.format(3, "Halve") + "\n\n26 / 2 = 13"
    check(f"{first}\n\n{second}\n\n{third}\n\nEach has 13.", "auto", first, second, third,
          "Each has 13.")  # fmt: skip
    concluding = head.format(2, "Subtract") + "\n\nSo 36 - 10 = 26."
    check(f"{first}\n\n{concluding}", "auto", first, concluding)


# --- several solutions ----------------------------------------------------------------------------

TIGHT = "1. We have 3 boxes of 12: 36.\n2. Ben gives away 10.\n3. So 36 - 10 = 26."
LONG_ITEMS = "1. We have 3 boxes. Each holds 12. So 36.\n2. Ben gives 10. He keeps 26. That is it."
PARAGRAPHS = "We have 36. That is a lot.\n\nBen gives 10. So 26.\n\nWe are done."
LINES = "3 * 12 = 36\n36 - 10 = 26\nSo 26"
SENTENCES = "There are 36. Then we get 26."


@pytest.mark.parametrize(
    ("texts", "rule"),
    [
        ([TIGHT, TIGHT], "numbered"),
        ([TIGHT, SENTENCES], "sentence"),
        ([TIGHT, LINES], "line"),
        ([TIGHT, PARAGRAPHS, SENTENCES], "sentence"),
        ([TIGHT, "26"], "numbered"),
        ([TIGHT, " "], "numbered"),
        ([LONG_ITEMS, SENTENCES], None),
        ([LONG_ITEMS, PARAGRAPHS], "numbered"),
        ([TIGHT, PARAGRAPHS], "numbered"),
    ],
)
def test_solutions_are_cut_by_one_rule_where_one_fits(texts: list[str], rule: str | None) -> None:
    splits = split_solutions(texts)
    assert splits.rule == rule
    for text, split in zip(texts, splits.solutions, strict=True):
        assert split.steps == find_steps(text, split.rule)
        assert rule is None or split.rule == rule or not split.steps
    assert split_solutions(texts[::-1]).rule == rule


def test_a_list_within_a_step_stays_whole_beside_a_numbered_solution() -> None:
    """Chosen by name, the rule cuts it."""
    plan = "We do this:\n1. We count.\n2. We subtract.\n\nFirst, 36.\n\nThen 10.\n\nSo 26."
    auto, by_name = split_solutions([TIGHT, plan]), split_solutions([TIGHT, plan], "numbered")
    assert auto.rule == by_name.rule == "numbered"
    assert [len(one.steps) for one in auto.solutions] == [3, 4]
    assert [len(one.steps) for one in by_name.solutions] == [3, 6]


def test_different_rules_are_told() -> None:
    splits = split_solutions([LONG_ITEMS, SENTENCES, SENTENCES])
    assert "A numbered; B, C by sentence" in splits.note("ABC")
    assert split_solutions([TIGHT, SENTENCES]).note("AB") == ""


@pytest.mark.parametrize(
    ("rule", "note"),
    [("numbered", "nothing is numbered here"), ("paragraph", "there is no blank line"),
     ("line", "there is one line"), ("separator:;", "the separator does not split it")],
)  # fmt: skip
def test_a_rule_that_finds_one_step_says_why(rule: str, note: str) -> None:
    (split,) = split_solutions(["It is 7. So 14."], rule).solutions
    assert (len(split.steps), split.note) == (1, note)


@pytest.mark.parametrize(
    ("text", "rule", "note"),
    [
        ("so 7 and then 14", "auto", "no numbering, line breaks or sentence ends found"),
        ("So it is 14.", "auto", ""),  # a sentence is a step
        ("1. It is 14", "auto", ""),
        ("```\na = 7\nb = 2 * a\n```", "auto", ""),
        ("It is 14\n", "line", "there is one line"),
        ("It is 14.\n---", "line", ""),  # there are two
        ("It is 14.\n\n---", "paragraph", ""),
        ("```\na = 7\nb = 2 * a\n```", "line", "code, tables and formulas stay whole"),
        ("$$\n7 + 7\n\n= 14\n$$", "paragraph", "code, tables and formulas stay whole"),
        ("1. It is 14.", "numbered", ""),
        ("I double.\n\nSo 14.", "numbered", "nothing is numbered here"),
        ("1. I double.\n2. So 14.", "numbered", ""),
        ("<think>---</think>\nSo 14.", "line", ""),
    ],
)
def test_what_is_said_of_a_split_is_true(text: str, rule: str, note: str) -> None:
    (split,) = split_solutions([text], rule).solutions
    assert split.note == note


def test_only_what_is_numbered_is_called_numbered() -> None:
    plain = "We count 3. Then more.\n\nSo it is 14 in the end."
    bullets = "- We count 3.\n\n- Then more.\n\n- So 14."
    numbered, paragraphs = split_solutions([TIGHT, plain]).solutions
    assert numbered.rule == paragraphs.rule == "numbered"  # one rule for both
    assert (numbered.words, paragraphs.words) == ("numbered", "by paragraph")
    assert split_solutions([bullets]).solutions[0].words == "by list item"
    thought = f"<think>1. 7\n2. 14</think>\n{plain}"
    assert split_solutions([thought]).solutions[0].words == "by paragraph (thinking numbered)"


# --- paragraphs, lines, separators ----------------------------------------------------------------


def test_paragraphs_end_at_blank_lines_of_every_kind() -> None:
    check("a\nb\n\nc\r\n \t\r\nd\r\re\u2029f\n\n\n\n", "paragraph", "a\nb", "c", "d", "e", "f")


def test_lines_end_with_every_kind_of_line_end() -> None:
    check("\ufeffa\r\nb\rc\u2028d\x85e\tf\n\n", "line", "a", "b", "c", "d", "e\tf")


def test_windows_text_splits_as_unix_text() -> None:
    text = "First.\nMore.\n\nStep 1: a\nStep 2: b\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    for rule in RULES:
        unix = split_steps(text, rule)
        windows = split_steps(text.replace("\n", "\r\n"), rule)
        assert tuple(step.replace("\r\n", "\n") for step in windows) == unix


@pytest.mark.parametrize(
    ("rule", "text", "wanted"),
    [
        ("separator:ки", "a ки b ки\n", ["a", "b"]),
        ("separator:\\n\\n", "a\nb\n\nc", ["a\nb", "c"]),
        ("separator:\\n\\n", "a\r\nb\r\n\r\nc", ["a\r\nb", "c"]),
        ("separator:\n", "a\nb", ["a", "b"]),
        ("separator:\\t", "a\tb", ["a", "b"]),
        ("separator:\\\\n", "a\\nb\nc", ["a", "b\nc"]),
        ("separator:\\alpha", "a\\alpha b", ["a", "b"]),
        ("separator:.", "0.5 + 1,5. Then 3.2.", ["0.5 + 1,5", "Then 3.2"]),
        ("separator:,", "1,000, 2,000", ["1,000", "2,000"]),
        ("separator:;", "a; $x; y$; \\(z; w\\)", ["a", "$x; y$", "\\(z; w\\)"]),
        ("separator:$$", "a$$b$$c", ["a", "b", "c"]),
        ("separator:|", "| a | b |\n|---|---|", ["a", "b"]),
        ("separator:.*", "a.*b.c", ["a", "b.c"]),
        ("separator:no", "all of it", ["all of it"]),
    ],
)
def test_a_separator_of_the_users_own(rule: str, text: str, wanted: list[str]) -> None:
    check(text, rule, *wanted)


@pytest.mark.parametrize("rule", ["", "lines", "Auto", "separator", "separator:", "separate:x"])
def test_an_unknown_rule_is_named(rule: str) -> None:
    with pytest.raises(BadOptionError) as caught:
        split_steps("text", rule)
    if rule != "separator:":
        assert repr(rule) in str(caught.value)
        assert all(name in str(caught.value) for name in (*RULES, "separator:TEXT"))


@pytest.mark.parametrize("text", ["", " \n\t", "\ufeff\u200b", "<think></think>", "<think>\n"])
def test_text_without_a_step(text: str) -> None:
    for rule in (*RULES, "separator:x"):
        assert find_steps(text, rule) == ()
        with pytest.raises(NoStepsError):
            split_steps(text, rule)


def test_a_text_of_nothing_but_separators_has_no_step() -> None:
    assert find_steps("--- --- ---", "separator:---") == ()


# --- what is never cut ----------------------------------------------------------------------------

WHOLE = {
    "inline": "$a = 1. 2.\nB = 3. C$",
    "display dollars": "$$\n\na = 1.\n\nb = 2. C\n\n$$",
    "round": "\\( a = 1. B\n\nc \\)",
    "square": "\\[\n\na = 1. B\n\nc\n\n\\]",
    "align": "\\begin{align*}\na &= 1. \\\\[2pt]\n\n1. B &= 2\n\\end{align*}",
    "nested": "\\begin{a}\n\\begin{a}\nx. Y\n\\end{a}\n\n\\begin{b}\n\\end{b}\n\nz\n\\end{a}",
    "fence": "```python\nx = 1. \n\n1. y\n\nStep 1: \\[ $\n```",
    "tildes": "~~~~\na. B\n\n~~~\nb\n~~~~",
    "many tildes": "~~~~~ python\na. B\n\n~~~\nb\n~~~~~",
    "unclosed fence": "```\na. B\n\nc. D\n\nAnswer: 5",
    "figure": '[asy]\nunitsize(1 cm);\n\ndraw((0,0)--(3,0));\nlabel("$3$", (1,0), S);\n[/asy]',
    "svg": '<svg width="9">\n<rect/>\n\n<circle r="2"/>\n</svg>',
    "tikz": "[tikz]\n\\draw (0,0);\n\n\\draw (1,1);\n[/tikz]",
    "tables of HTML": "<table>\n<tr><td>A.\n<table>\n<tr>B.</tr></table>\n\nC.\n</table>",
    "table of HTML": "<table>\n<tr><td>1. A</td></tr>\n\n<tr><td>2</td></tr>\n</table>",
    "table": "| a. B | c |\n|---|:-:|\n| 1. | 2. C |\n| Answer: | 3 |",
    "bare table": "a | b. C\n--|--\n1 | 2",
}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("rule", [*RULES, "separator:\\n", "separator:."])
def test_whole_things_are_never_cut(name: str, rule: str) -> None:
    whole = WHOLE[name]
    after = "" if name == "unclosed fence" else "\n\nThen more. And more.\n\nEnd of it."
    text = f"Before it. There is this:\n\n{whole}{after}"
    start, end = text.index(whole), text.index(whole) + len(whole)
    steps = find_steps(text, rule)
    assert any(step.start <= start and step.end >= end - 1 for step in steps)
    assert len(steps) > 1


@pytest.mark.parametrize(
    "lines",
    [
        ["It costs $5 and he has $6.", "So $11 in all.", "And 5$ more, or 10$."],
        ["He pays $5*16 = $<<5*16=80>>80.", "Then 60/100*$5 = $<<60/100*5=3>>3."],
        ["He had 6000$ - 1500$ = 4500$.", "Half of it is 2250$. That is all."],
        ["Let $x be it.", "Then y $ is it."],
        ["Open \\( here.", "Open \\[ there.", "And \\begin{align} too.", "$$ and"],
        ["A back-slash at the end \\", "x \\) and \\] and \\end{align}"],
        ["|x - 3| = 5", "|x| = 8"],
        ["Use ```code``` here.", "And `x` there."],
    ],
)
def test_what_only_looks_like_a_block_is_text(lines: list[str]) -> None:
    check("\n".join(lines), "line", *lines)


def test_environments_of_text_are_cut() -> None:
    text = "\\begin{proof}\nWe add: 7.\n\nWe double: 14.\n\\end{proof}"
    check(text, "auto", "We add: 7.", "We double: 14.")
    text = "\\begin{enumerate}\n\\item 3 + 4 = 7\n\\item 7 * 2 = 14\n\\item so 14\n\\end{enumerate}"
    check(text, "line", "\\item 3 + 4 = 7", "\\item 7 * 2 = 14", "\\item so 14")


def test_the_later_of_two_opening_brackets_counts() -> None:
    check("Lost \\( here.\n\nThen \\(x\\) is.\n\nEnd.", "paragraph", "Lost \\( here.",
          "Then \\(x\\) is.", "End.")  # fmt: skip


def test_formula_in_code_does_not_reach_out_of_it() -> None:
    check(
        "```\n$x\n\\[\n```\n\nA. $5$\n\nB \\]", "paragraph", "```\n$x\n\\[\n```", "A. $5$", "B \\]"
    )


# --- line ends that are written out ---------------------------------------------------------------


def check_pieces(text: str, rule: str) -> None:
    """Every ¦ ends a step, and what stands between two ‖ is taken off as layout."""
    parts = text.replace("¦", "").split("‖")
    plain = "".join(parts)
    (split,) = split_solutions([plain]).solutions
    wanted = [step.strip() for step in "¦".join(re.split("‖[^‖]*‖|¦", text)).split("¦")]
    assert [step.text for step in split.steps] == [step for step in wanted if step]
    assert split.rule == rule
    assert [plain[step.start : step.end] for step in split.steps] == [
        step.text for step in split.steps
    ]
    layout = ["".join(part.split()) for part in parts[1::2]]
    dropped = [plain[one.start : one.end] for one in split.dropped]
    assert ["".join(one.split()) for one in dropped] == layout
    kinds = {"layout" if re.search("[A-Za-z]", piece) else "no letter or digit" for piece in layout}
    assert {one.kind for one in split.dropped} == kinds


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("3 + 4 = 7‖<br>‖7 * 2 = 14‖<br>‖so 14", "line"),
        ("3 + 4 = 7‖<br/>‖7 * 2 = 14 ‖<BR />‖ so 14 ‖<br>‖", "line"),
        ("3 + 4 = 7‖<br>‖\n7 * 2 = 14‖<br>‖\nso 14", "line"),
        ("We add. It is 7.‖<br><br>‖We double. It is 14.", "paragraph"),
        ("We add. It is 7.‖<br />\n<br />‖We double. It is 14.", "paragraph"),
        ("‖<p>‖We add. It is 7.‖</p><p>‖We double. It is 14.‖</p>‖", "paragraph"),
        ('‖<p class="a">‖We add. It is 7.‖</p>\n<p>‖We double. It is 14.‖</p>‖', "paragraph"),
        ("‖<p>‖We add. It is 7.‖</p>\n\n<p>‖We double. It is 14.‖</p>‖", "paragraph"),
        ("‖<p>‖3 + 4 = 7‖<br>‖7 * 2 = 14‖</p>‖", "line"),
        ("‖<p>‖We add.<br>It is 7.‖</p><p>‖So 14.‖</p>‖", "paragraph"),
        ("‖<div>‖3 + 4 = 7‖</div><div>‖7 * 2 = 14‖</div>‖", "line"),
        ("‖<ol><li>‖We add: 7.‖</li><li>‖We double: 14.‖</li></ol>‖", "numbered"),
        ("‖<ol><li>‖we add‖<li>‖we double‖</ol>‖", "numbered"),
        ("‖<ul>\n  <li>‖We add: 7.‖</li>\n  <li>‖We double: 14.‖</li>\n</ul>‖", "line"),
        ("‖<p>‖We count.‖</p>\n<ol>\n<li>‖We add.\nIt is 7.‖</li>\n<li>‖We double. 14.‖</li>\n</ol>"
         "\n<p>‖So it is 14.‖</p>‖", "numbered"),
        ("‖<p>‖We count.‖</p><ol><li><p>‖We add.</p><p>It is 7.‖</p></li><li><p>‖So 14.‖</p></li>"
         "</ol>‖", "numbered"),
        ("‖<ol><li>‖We add:<ul><li>3 red</li><li>4 blue‖</li></ul></li><li>‖So 7.‖</li></ol>‖",
         "numbered"),
        ("Step 1: We add.<br>It is 7.‖<br>‖Step 2: We double.<br>It is 14.", "numbered"),
        ("‖<p>‖<strong>Step 1:</strong> We add.</p><p>It is 7.‖</p><p>‖<strong>Step 2:</strong> So "
         "14.‖</p>‖", "numbered"),
        ("1. We add.‖<br>‖2. We double.‖<br>‖3. So 14.", "numbered"),
        ("‖<br>‖So 7.‖<br>‖Then 14.", "line"),
        ("3 + 4 = 7. ‖<br> <br>‖ So 7¦\nThen 14", "line"),
    ],
)  # fmt: skip
def test_html_ends_lines(text: str, rule: str) -> None:
    check_pieces(text, rule)


@pytest.mark.parametrize(
    "text",
    [
        "Use `<br>` here",
        "```\na<br>b\n```",
        "| a<br>b | c |\n|---|---|\n| 1<br>2<br>3 | 4 |",
        "So <p> = 5 is the mean",
        "$a <br> b$",
        "<table><tr><td><p>a</p></td><td><ul><li>b</li></ul></td></tr></table>",
    ],
)
def test_tags_that_end_no_line(text: str) -> None:
    check(text, "line", text)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (r"3 + 4 = 7‖\n‖7 * 2 = 14‖\n‖So 14", "line"),
        (r"3 + 4 = 7‖\n‖then 14‖\n‖so 14‖\n‖", "line"),
        (r"We add. It is 7.‖\n\n‖We double. It is 14.", "paragraph"),
        (r"We add. It is 7.‖\r\n\r\n‖We double. It is 14.", "paragraph"),
        (r"Step 1: We add.\nIt is 7.‖\n\n‖Step 2: So 14.", "numbered"),
        (r"1. We add.‖\n‖2. We double.‖\n‖3. So 14.", "numbered"),
        (r"So $x \neq 3$ and \nu = 4.‖\n‖Then $\nabla \not= \nexists$.", "line"),
        (r"Let \\(x \\neq 3\\).‖\n\n‖\\[\nx = 5.\n\nB\n\\]‖\n\n‖So 5.", "paragraph"),
        (r"```python\nx = 1\n\ny = 2\n```‖\n\n‖So 2.", "paragraph"),
    ],
)
def test_a_backslash_and_n_end_a_line_where_nothing_else_does(text: str, rule: str) -> None:
    check_pieces(text, rule)


@pytest.mark.parametrize(
    "text",
    [
        r"a \neq b, \nu and \nabla f, \ni, \newpage, \notin, \nRightarrow, \noindent, \norm{v}",
        r"x \\n y",
        r"He writes print('a\n') and it is so",
        r"The vector \nv_1 or \nfoo{1}",
    ],
)
def test_what_only_looks_like_a_written_line_end_is_text(text: str) -> None:
    check(text, "line", text)


@pytest.mark.parametrize(
    "text",
    ['["We add: 7.", "We double. It is 14."]', "['We add: 7.', 'We double. It is 14.',]",
     '[\n  "We add: 7.",\n  "We double. It is 14."\n]\n',
     '{"steps": ["We add: 7.", "We double. It is 14."]}'],
)  # fmt: skip
def test_the_strings_of_a_list_are_steps(text: str) -> None:
    (split,) = split_solutions([text]).solutions
    assert [step.text for step in split.steps] == ["We add: 7.", "We double. It is 14."]
    assert [text[step.start : step.end] for step in split.steps] == [s.text for s in split.steps]


@pytest.mark.parametrize("text", ['["a"]', '["a" "b"]', "[1, 2]", 'So ["a", "b"]', '["a", "b'])
def test_brackets_that_hold_no_list_of_strings_are_text(text: str) -> None:
    check(text, "line", text)


@pytest.mark.parametrize(
    "text",
    ["We add 3 and 4 ‖\\\\‖ This gives 7 ‖\\\\‖ So 14", r"Add: 7‖\par‖ Double: 14‖\newline‖ So 14",
     r"‖\begin{enumerate}‖ \item add 7 ¦\item double 14 ‖\end{enumerate}‖ Thus 14"],
)  # fmt: skip
def test_latex_of_one_line_is_cut_where_it_would_be_set(text: str) -> None:
    check_pieces(text, "line")


@pytest.mark.parametrize(
    "text", [r"So $a \\ b$ holds", r"x \\frac{1}{2} \\ne y", r"x \parallel y", r"x \\[2pt] y"]
)
def test_latex_that_ends_no_line_is_text(text: str) -> None:
    check(text, "line", text)


def test_beside_line_ends_a_backslash_and_n_are_text() -> None:
    check("We write a\\nb\nand so on", "line", "We write a\\nb", "and so on")


def test_a_separator_is_looked_for_in_what_was_written() -> None:
    check("a<br>b", "separator:<br>", "a", "b")
    check("a\\nb", "separator:\\\\n", "a", "b")


# --- the answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    ["Final answer: 56", "The final answer is: 56", "Answer: 56", "**Answer:** 56", "#### 56",
     "#### $1,200", "$\\boxed{56}$", "\\boxed{56}", "\\[\n\\boxed{56}\n\\]", "最终答案:56"],
)  # fmt: skip
def test_a_line_that_states_the_answer_is_a_step(answer: str) -> None:
    body = "I multiply 7 by 8. That gives 56."
    for rule in ("auto", "paragraph", "line", "sentence", "numbered"):
        assert split_steps(f"{body}\n{answer}\n\n", rule)[-1] == answer


def test_a_box_after_a_formula_of_another_paragraph_is_a_step() -> None:
    check("1. 3 + 4 = 7\n\n2. 7 * 2 = 14\n\n$\\boxed{14}$", "auto",
          "1. 3 + 4 = 7", "2. 7 * 2 = 14", "$\\boxed{14}$")  # fmt: skip


def test_a_box_that_ends_a_sentence_stays_in_it() -> None:
    text = "Add both.\n\nSo the answer is:\n\\[ \\boxed{5} \\]"
    check(text, "paragraph", "Add both.", "So the answer is:\n\\[ \\boxed{5} \\]")


# --- thinking -------------------------------------------------------------------------------------

TRACE = """<think>
Okay, so I need 7 × 8. Hmm.

Wait, 7 × 8 = 54? No, 7 × 7 = 49, so 56.
</think>

**Step 1:** Multiply 7 by 8.

**Step 2:** 7 × 8 = 56.

**Answer:** 56
"""


def test_thinking_is_kept_marked_and_split_on_its_own() -> None:
    steps = find_steps(TRACE)
    assert [(step.text, step.thinking) for step in steps] == [
        ("Okay, so I need 7 × 8. Hmm.", True),
        ("Wait, 7 × 8 = 54? No, 7 × 7 = 49, so 56.", True),
        ("**Step 1:** Multiply 7 by 8.", False),
        ("**Step 2:** 7 × 8 = 56.", False),
        ("**Answer:** 56", False),
    ]
    assert chosen_rule(TRACE) == "numbered"  # what follows the thinking decides
    assert chosen_rule(TRACE.partition("</think>")[0]) == "paragraph"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<think>a\n\nb", [("a", True), ("b", True)]),
        ("a\n\nb</think>c", [("a", True), ("b", True), ("c", False)]),
        ("<think>a</think>b<think>c</think>", [("a", True), ("b", False), ("c", True)]),
        ("a</think></think>b", [("a", True), ("b", False)]),
        ("<think>\n```py\nx\n</think>\n\nB.", [("```py\nx", True), ("B.", False)]),
        ("<think>\\[ x\n</think>y \\]", [("\\[ x", True), ("y \\]", False)]),
        ("a\n\n```\n<think>\n```", [("a", False), ("```\n<think>\n```", False)]),
        ("a <THINK> b", [("a", False), ("b", True)]),  # models write tags in any case
    ],
)
def test_think_tags(text: str, wanted: list[tuple[str, bool]]) -> None:
    assert [(step.text, step.thinking) for step in find_steps(text)] == wanted


# --- auto -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("sentence", "I need to multiply 7 by 8. 7 × 8 = 56. The answer is 56."),
        ("sentence", "I add 5 and 7. That is 12.\nFinal answer: 12"),
        ("line", "15% means 15/100 = 0.15\nMultiply: 0.15 × 80\n0.15 × 80 = 15 × 8 = 120\n"
                 "Wait, that's too high. Let me check: 0.15 × 80 = 12\nFinal answer: 12"),
        ("line", "He reads 12 x 2 = <<12*2=24>>24 pages.\nSo 12 + 24 = <<12+24=36>>36.\n#### 36"),
        ("line", "Solution:\n\n7 × 8 = 56.\n56 + 1 = 57.\n57 is odd."),
        ("line", "7 × 8 = 56.\n56 + 1 = 57.\n\nThe answer is simple.\n"[:25]),
        ("line", "We count:\n- 5 red\n- 3 blue\nSo 8."),
        ("paragraph", "First, we add:\n- 5 red\n- 3 blue\n\nThen we have 8.\n\nSo \\(8\\)."),
        ("paragraph", "A long thought. It goes on.\n\nAnother one."),
        ("numbered", "1. Add.\n2. Subtract.\n3. Done."),
        ("numbered", "We go:\n1. Add.\n2. Subtract."),
        ("sentence", "This text was wrapped by hand\nat some width. It has a few\nmore in it."),
        ("sentence", ""),
    ],
)  # fmt: skip
def test_auto_sees_what_the_text_shows(rule: str, text: str) -> None:
    assert chosen_rule(text) == rule
    assert find_steps(text) == find_steps(text, rule)


def test_auto_on_the_one_line_example_gives_three_steps() -> None:
    check("I need to multiply 7 by 8. 7 × 8 = 56. The answer is 56.", "auto",
          "I need to multiply 7 by 8.", "7 × 8 = 56.", "The answer is 56.")  # fmt: skip


# --- properties -----------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["<br>", "<p>", "</p>", "<li>", "<ol>", "\\n",
     "<answer>", "<|im_end|>", "<extra_0>", " ки\n", "---", "\n***\n", "🎉", "[asy]", "[/asy]",
     "Step 2: ", "(1) ", "①", "a", "Word ", "x = 5. ",
     "Dr. ", "0.5", "1,000 ", " ", "\n", "\n\n", "\r\n", "\r", "\t",
     "\u2028", "\u2029", "\ufeff", "$", "$$", "\\(", "\\)", "\\[", "\\]", "\\begin{a}", "\\end{a}",
     "\\", "\\\\", "```", "~~~", "`", "|", "\n|--|\n", "--", "<think>", "</think>", "Step 1: ",
     "1. ", "2. ", "# ", "**", "- ", "#### 5", "Answer: ", "\\boxed{", "}", "。", "!", "...",
     "7 × 8 = 56", "Final answer:"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=80), st.lists(PIECES, max_size=40).map("".join))
WRITTEN = re.compile(r"\\n|<", re.IGNORECASE)  # means more in a text without line ends
RULE = st.sampled_from([*RULES, "separator:\\n\\n", "separator:.", "separator:$", "separator: "])


@given(TEXTS, RULE)
@settings(max_examples=600, deadline=None)
@example("</think>", "auto")
@example("a ки\n---\nb <|im_end|>", "auto")
def test_nothing_is_lost_in_silence(text: str, rule: str) -> None:
    (split,) = split_solutions([text], rule).solutions
    spans = sorted([*((s.start, s.end) for s in split.steps), *((d[:2]) for d in split.dropped)])
    for step in split.steps:
        assert text[step.start : step.end] == step.text
        assert any(character.isalnum() or character in "∞∅" for character in step.text)
        assert step.text.strip(EDGE) == step.text
    for start, end, kind in split.dropped:
        if kind == "no letter or digit":
            assert not any(character.isalnum() for character in text[start:end])
    at = 0
    for start, end in [*spans, (len(text), len(text))]:
        assert start >= at
        assert not text[at:start].strip(EDGE)
        at = end


@given(TEXTS, st.sampled_from(["paragraph", "line"]))
@settings(max_examples=400, deadline=None)
@example("\ufeff```\u20280", "line")
@example("0\r[ASY]\n0", "line")
def test_joined_by_blank_lines_steps_split_as_before(text: str, rule: str) -> None:
    assume(not read_tags(text).tags)  # what is open there need not be so without the tag
    assume(not WRITTEN.search(text))
    steps = tuple(step.text for step in find_steps(text, rule))
    joined = "\n\n".join(steps)
    assert tuple(step.text for step in find_steps(joined, rule)) == steps


@given(TEXTS, st.sampled_from(["paragraph", "line"]))
@settings(max_examples=400, deadline=None)
@example("0\n####0\ufeff", "paragraph")
@example("0\n#### 7 %\xa0\u3000", "line")
def test_a_step_is_one_step(text: str, rule: str) -> None:
    assume(not WRITTEN.search(text))
    for step in find_steps(text, rule):
        if not read_tags(step.text).tags:
            assert split_steps(step.text, rule) == (step.text,)


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_auto_is_the_rule_it_names(text: str) -> None:
    if "think>" not in text:
        assert find_steps(text) == find_steps(text, chosen_rule(text))


@given(TEXTS)
@settings(max_examples=300, deadline=None)
@example("==STEP0:0==")
def test_content_is_the_end_of_the_step(text: str) -> None:
    for step in find_steps(text):
        assert step.content.strip()
        bare = step.content.removeprefix("**").removeprefix("__")
        assert step.text.endswith(bare)


@given(st.lists(PIECES, max_size=15).map("".join), st.sampled_from(sorted(WHOLE)), RULE)
@settings(max_examples=400, deadline=None)
@example("---[asy]", "svg", "auto")
@example("[asy]\n[asy]", "figure", "auto")
def test_no_cut_falls_inside_a_whole_thing(before: str, name: str, rule: str) -> None:
    if set("$\\`~|") & set(rule.removeprefix("separator:")) or set("$\\`~|<") & set(before):
        return
    whole = WHOLE[name]
    text = f"{before}\n\n{whole}"
    start = text.index(whole)
    for step in find_steps(text, rule):
        assert not start < step.start < len(text) - 1
        assert not start < step.end < len(text) - 1


def test_edges_are_white_space_and_marks_without_width() -> None:
    spaces = {chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()}
    assert set(EDGE) == spaces | set("\ufeff\u200b\u2060")


# --- time -----------------------------------------------------------------------------------------

SOLUTION = (
    "To find \\(c\\), we look at $5 and $6. First, Dr. No. 3 adds 0.15 × 80 = 12.\n\n"
    "1. **One**:\n   \\[ a = 1. \\]\n2. **Two**: $$b$$\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
)


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("rule", [*RULES, "separator:\\n\\n"])
def test_a_million_characters_take_well_under_two_seconds(rule: str) -> None:
    text = SOLUTION * (1_000_000 // len(SOLUTION))
    assert len(find_steps(text, rule)) > 1000
    assert cpu_seconds(lambda: find_steps(text, rule)) < 1.5


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize(
    "unit",
    ["a", " ", "\n", "\t\n", "1", "1.", "1. ", "1.\n", ".", ". ", "...)", "$", "$ ", "$a", "$a$ ",
     "$$ ", "\\", "\\(", "\\[ ", "\\begin{a}", "\\begin{a}\\end{a}", "`", "```\n", "``` `\n", "~~~",
     "|", "|\n", "|--|\n", "a|\n-|-\n", "<think>", "<think>a", "</think>", "Step 1: ", "Step 1\n",
     "**", "__ ", "> ", "#", "#### 1\n", "answer", "answer: ", "\\boxed", "$\\boxed\n", "。",
     "[asy]\n", "a ки ", "a<extra_0>", "a\n---\n", "1. a\n2. b\n", "- a\n\n", "</think>a",
     "Step 1: a Step 2: b ", "2+2=4, ", "given:\n1. a\n2. b\nx\n", "<answer>a", "(1) ",
     "e.g. ", "A. B ", "\r", "\u2029", "第", "- ", "=\n", "\ufeff",
     "<br>\n", "<li>", "</p><p>", "<ol><li>a", "\\n", "\\\\n", "a\\n", "\\\\ ", "\"a\",", "['a',",
     "2^", "1/", "1=1+", "<plan>\n", "</plan>\n", "<br>", "<svg>", "\\item ", "1) 2) ", "&nbsp;",
     "Result: 1\n", "<a_b>", "1 ", "1)", ")", "1 m ", "1 aa ", "1x(", "; the ", ", so ", "• ",
     "(a) (b) ", "1. a\nAb: 1\n", "1+1=2 m; "],
)  # fmt: skip
def test_hostile_text_takes_linear_time(unit: str) -> None:
    text = (unit * 40_000)[:40_000]
    rules = (*RULES, "separator:\\n", "separator:.")
    # Quadratic work would take ten seconds here; seven linear passes take less than half a one.
    assert cpu_seconds(lambda: [find_steps(text, rule) for rule in rules]) < 2

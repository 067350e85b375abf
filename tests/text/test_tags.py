"""Tags, tokens and markers: what is thinking, what is dropped, and what stays text."""

from __future__ import annotations

import pytest

from prm_core.answers.final import final_answer
from prm_core.text.steps import candidate_of, find_steps, split_solutions
from prm_core.text.tags import read_tags


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<think>", "</think>"),
        ("<THINK>", "</THINK>"),
        ("<thinking>", "</thinking>"),
        ("<thought>", "</thought>"),
        ("<reasoning>", "</reasoning>"),
        ("<reflection>", "</reflection>"),
        ("<scratchpad>", "</scratchpad>"),
        ("<seed:think>", "</seed:think>"),
        ("&lt;think&gt;", "&lt;/think&gt;"),
        ("[THINK]", "[/THINK]"),
        ("[REASONING]", "[/REASONING]\n\n[ANSWER]"),
        ("<inner_monologue>", "</inner_monologue>"),
        ("<internal_thoughts>", "</internal_thoughts>"),
        ("<antThinking>", "</antThinking>"),
        ("<chain_of_thought>", "</chain_of_thought>"),
        ("<thinking_process>", "</thinking_process>"),
        ("<longcat_think>", "</longcat_think>"),
        ("<rationale>", "</rationale>"),
        ("◁think▷", "◁/think▷"),
        ("{think}", "{/think}"),
        ("[think]", "[/think]"),
        ("<|begin▁of▁thinking|>", "<|end▁of▁thinking|>"),
        ("<|begin_of_thought|>", "<|end_of_thought|>\n\n<|begin_of_solution|>"),
        ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
        ("<unused94>thought", "<unused95>"),
        (
            "<|channel|>analysis<|message|>",
            "<|end|><|start|>assistant<|channel|>final<|message|>",
        ),
        ("", "</think>"),
        ("<think>", "</thinking>"),
        ("<think>", "<answer>"),
        ("<think>So <think>", "</think>"),
    ],
)
def test_thinking_is_told_from_the_solution(opening: str, closing: str) -> None:
    text = f"{opening}\n3 + 4 = 7.\n\nCheck it.\n{closing}\n\nThe answer is 7.<|im_end|>"
    steps = [(one.text, one.thinking) for one in find_steps(text) if one.text != "So"]
    assert steps == [("3 + 4 = 7.", True), ("Check it.", True), ("The answer is 7.", False)]


def test_a_token_of_any_model_is_no_step() -> None:
    found = [
        one.text for one in find_steps("3 + 4 = 7.<|step|>\n<|newthing|>\n7 * 2 = 14.<|stop|>")
    ]
    assert found == ["3 + 4 = 7.", "7 * 2 = 14."]
    assert find_steps("So |x| <|y|> 2 holds")[0].text == "So |x| <|y|> 2 holds"


def test_harmony_channels_without_their_tokens() -> None:
    text = "analysisWe add: 7. Check it.assistantfinalThe answer is 7."
    found = [(one.text, one.thinking) for one in find_steps(text)]
    assert found == [("We add: 7.", True), ("Check it.", True), ("The answer is 7.", False)]
    assert len(read_tags("The analysisOf it, assistantfinalX").tags) == 0


@pytest.mark.parametrize(
    ("text", "thinking"),
    [
        ("<thinking>a<reflection>b</reflection>c</thinking>d", "abc"),
        ("<thinking>a<reflection>b</thinking>d", "ab"),
        ("<think>a<think>b</think>c</think>d", "abc"),
        ("a</think>b</think>c", "ab"),
        ("<think>a</think>b</think>", "a"),
        ("<think>a: put it in <answer></answer> b</think>c", "a: put it in b"),
        ("a<answer>b</answer>", ""),
    ],
)
def test_nested_and_stray_tags(text: str, thinking: str) -> None:
    steps = find_steps(text)
    assert "".join(one.text for one in steps if one.thinking) == thinking.replace(" b", "b")


@pytest.mark.parametrize(
    "token",
    ["<|im_end|>", "</s>", "<|eot_id|>", "<|endoftext|>", "<|end_of_text|>", "<eos>", "[EOS]",
     "<end_of_turn>", "<|end|>", "<|return|>", "<｜end▁of▁sentence｜>", "<|END_OF_TURN_TOKEN|>",
     "</answer>", "<extra_0>", " ки", " <+>", "<pos>", "[|endofturn|]", "[end of text]",
     "<end_of_utterance>", "<end_of_step>"],
)  # fmt: skip
def test_a_token_at_the_end_is_no_text(token: str) -> None:
    text = f"1. 3 + 4 = 7\n2. The answer is 7.{token}\n"
    (split,) = split_solutions([text]).solutions
    assert [one.text for one in split.steps] == ["1. 3 + 4 = 7", "2. The answer is 7."]
    assert split.rule == "numbered"
    assert [text[one.start : one.end] for one in split.dropped] == [token.strip()]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("7. Sure.<extra_0>The answer is 7.<extra_0>", ["7. Sure.", "The answer is 7."]),
        ("7. Sure. <PRM>\nThe answer is 7. <PRM>", ["7. Sure.", "The answer is 7."]),
        ("7. Sure. [PRM] The answer is 7. [PRM]", ["7. Sure.", "The answer is 7."]),
        ("7. Sure. <extra_id_0> It is 7. <extra_id_0>", ["7. Sure.", "It is 7."]),
        ("Step 1: 42. ки\nStep 2: So 42 ки", ["Step 1: 42.", "Step 2: So 42"]),
        ("3 ручки = 6 ки Итого 6 ки", ["3 ручки = 6", "Итого 6"]),
        ("<step>a. b.</step>\n<step>c</step>", ["a. b.", "c"]),
        ("7. Sure.[STEP]The answer is 7.[STEP]", ["7. Sure.", "The answer is 7."]),
        ("7. Sure.<step_end>It is 7.<step_end>", ["7. Sure.", "It is 7."]),
        ("7. Sure. <RM>\nIt is 7. <RM>", ["7. Sure.", "It is 7."]),
        ("7. Sure.<RM>It is 7.<RM>", ["7. Sure.", "It is 7."]),
        ("7. Sure.<step_tag>It is 7.<step_tag>", ["7. Sure.", "It is 7."]),
        ("7. Sure.<END_STEP>It is 7.<END_STEP>", ["7. Sure.", "It is 7."]),
    ],
)  # fmt: skip
def test_markers_that_join_a_text_are_its_cuts(text: str, wanted: list[str]) -> None:
    (split,) = split_solutions([text]).solutions
    assert [one.text for one in split.steps] == wanted
    assert split.rule.startswith("separator:")
    assert find_steps(text, split.rule) == split.steps


@pytest.mark.parametrize(
    "text",
    ["ручки", "a < b and c > d", "x <|x|> y", "Use `<think>` here", "```\n<think>\n</s>\n```",
     "a <-> b is an arrow", "<table>", "f<T>(x)", "the final analysis", "<b>5</b>"],
)  # fmt: skip
def test_what_only_looks_like_a_tag_is_text(text: str) -> None:
    assert read_tags(text).tags == []
    assert [one.text for one in find_steps(text, "paragraph")] == [text]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Hence.\n<answer>(C)</answer>", "(C)"),
        ("We go.\n<answer>Paris</answer>", "Paris"),
        ("<think>So <answer>5</answer>?</think>No.\n<answer>x^2 + 1</answer>", "x^2 + 1"),
        ("It is <|begin_of_box|>red<|end_of_box|>", "red"),
    ],
)
def test_the_answer_of_a_tag_outlives_the_tag(text: str, answer: str) -> None:
    candidate = candidate_of("What is it?", find_steps(text))
    assert not any("<" in step for step in candidate.steps)
    assert final_answer(candidate) == answer
    assert final_answer(candidate.joined()) == answer


def test_labels_at_the_end_of_every_line_are_no_text() -> None:
    (split,) = split_solutions(["Step 1: 3 + 4 = 7. +\nStep 2: 7 * 2 = 15. -\n"]).solutions
    assert [one.text for one in split.steps] == ["Step 1: 3 + 4 = 7.", "Step 2: 7 * 2 = 15."]
    assert [one.kind for one in split.dropped] == ["step label", "step label"]
    unfinished = "3 + 4 = 7\n7 +\n7 = 14"
    assert "\n".join(one.text for one in find_steps(unfinished)) == unfinished


def test_a_marker_with_an_accent_is_a_word() -> None:
    assert [one.text for one in find_steps("Это ки\u0301 и 3.")] == ["Это ки\u0301 и 3."]


@pytest.mark.parametrize("name", ["plan", "working", "explanation", "my_notes", "paragraph_1"])
def test_a_pair_of_tags_on_lines_of_their_own_is_no_text(name: str) -> None:
    text = f"<{name}>\n3 + 4 = 7.\n\n</{name}>\n\nThe answer is 7."
    (split,) = split_solutions([text]).solutions
    assert [one.text for one in split.steps] == ["3 + 4 = 7.", "The answer is 7."]
    assert {one.kind for one in split.dropped} == {"tag"}


@pytest.mark.parametrize(
    "text",
    [
        "<plan>\nWe add.",
        "It says <plan> and </plan>.",
        "<table>\n3 | 4\n</table>",
        "So {think} x.",
        r"\text{think}",
        "See [think] again.",
        "<h2>\nWe add.\n</h2>",
    ],
)
def test_other_tags_are_text(text: str) -> None:
    assert "\n".join(one.text for one in find_steps(text)) == text


@pytest.mark.parametrize(
    "line",
    [
        *("<br>", "<hr/>", "&nbsp;", "<br/>&nbsp;", "</div>", '<p align="center">'),
        *(r"\hrule", r"\newline", r"\noindent", r"\vspace{1em}", r"\rule{1cm}{1pt}", r"\\[6pt]"),
        *(r"$\blacksquare$", r"\begin{proof}", r"\qed", "<!-- next -->"),
    ],
)
def test_what_only_sets_the_text_is_no_step(line: str) -> None:
    (split,) = split_solutions([f"3 + 4 = 7\n\n{line}\n\n7 * 2 = 14\n\nSo 14."]).solutions
    assert [one.text for one in split.steps] == ["3 + 4 = 7", "7 * 2 = 14", "So 14."]
    assert [one.kind for one in split.dropped] == ["layout"]


@pytest.mark.parametrize("line", [r"\sqrt{4}", "<b>So 7.</b>", r"\quad x"])
def test_what_says_something_is_a_step(line: str) -> None:
    assert line in [one.text for one in find_steps(f"3 + 4 = 7\n\n{line}\n\nSo 14.")]

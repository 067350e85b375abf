from __future__ import annotations

import json
import string
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import normalizers
from transformers import AutoModelForCausalLM

from prm_core.catalog import KNOWN_MODELS, NOT_READ
from prm_core.errors import InputError, ModelLoadError, UnknownModelError
from prm_core.families import FAMILIES, family_for
from prm_core.families.heads import ValueHead
from prm_core.families.value_head import (
    HEAD_FILE,
    TEXTBOOK,
    encode,
    read_template,
    save_value_head,
)
from prm_core.models.weight_files import ModelFolder
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests.tiny import (
    DIGITS_AND_SIGNS,
    MARKED,
    random_head,
    rewrite_tensors,
    tiny_model,
    tiny_tokenizer,
)

TOKENIZER = tiny_tokenizer()
SEVEN = Candidate("What is 7 × 8?", ("7 × 8 = 54.", "The answer is 54."))


def with_layout(prm: dict[str, Any], **layout: Any) -> dict[str, Any]:
    return {**prm, "layout": {**prm["layout"], **layout}}


def pieces(prm: dict[str, Any], candidate: Candidate) -> list[str]:
    """What the model reads, cut after each position."""
    encoded = encode(TOKENIZER, read_template(prm, TOKENIZER), candidate)
    edges = [0, *(position + 1 for position in encoded.positions)]
    assert edges[-1] == len(encoded.input_ids)  # nothing after the last step
    return [TOKENIZER.decode(encoded.input_ids[a:b]) for a, b in pairwise(edges)]


# --- encode -----------------------------------------------------------------------------------


def test_textbook_input_is_one_line_for_the_problem_and_one_for_each_step() -> None:
    assert pieces(TEXTBOOK, SEVEN) == [
        "[BOS]Problem: What is 7 × 8?\nStep 1: 7 × 8 = 54.\n",
        "Step 2: The answer is 54.\n",
    ]


def test_marked_input_has_special_tokens_between_the_texts() -> None:
    assert pieces(MARKED, SEVEN) == [
        "[BOS]What is 7 × 8?[Q]7 × 8 = 54.[STEP]",
        "The answer is 54.[STEP]",
    ]


def test_a_step_number_of_the_user_gives_way_to_the_templates() -> None:
    numbered = replace(SEVEN, steps=("Step 3: 7 × 8 = 54.", "2) The answer is 54."))
    assert pieces(TEXTBOOK, numbered) == pieces(TEXTBOOK, SEVEN)
    assert pieces(MARKED, numbered) == pieces(MARKED, SEVEN)


def test_a_template_may_put_a_marker_after_its_text() -> None:
    both = {**TEXTBOOK, "marker": "[STEP]"}
    assert pieces(both, SEVEN)[1] == "Step 2: The answer is 54.\n[STEP]"


def test_no_bos_where_the_tokenizer_has_none() -> None:
    tokenizer = tiny_tokenizer(bos=False)
    encoded = encode(tokenizer, read_template(MARKED, tokenizer), SEVEN)
    assert tokenizer.decode(encoded.input_ids[:4]) == "What"


def test_braces_in_the_users_text_are_text() -> None:
    braces = Candidate("{problem} {step}", ("{number} {step} {}",))
    (piece,) = pieces(TEXTBOOK, braces)
    assert piece == "[BOS]Problem: {problem} {step}\nStep 1: {number} {step} {}\n"


def test_a_marker_that_the_user_types_is_text() -> None:
    typed = Candidate("[Q] [BOS]", ("one [STEP] two [STEP]", "[STEP]"))
    encoded = encode(TOKENIZER, read_template(MARKED, TOKENIZER), typed)
    special = [token for token in encoded.input_ids if token < 4]
    assert TOKENIZER.convert_ids_to_tokens(special) == ["[BOS]", "[Q]", "[STEP]", "[STEP]"]
    assert TOKENIZER.decode(encoded.input_ids) == (
        "[BOS][Q] [BOS][Q]one [STEP] two [STEP][STEP][STEP][STEP]"
    )


def evidence_texts(prm: dict[str, Any], candidate: Candidate) -> list[str]:
    encoded = encode(TOKENIZER, read_template(prm, TOKENIZER), candidate)
    return [TOKENIZER.decode([encoded.input_ids[t] for t in step]) for step in encoded.evidence]


@pytest.mark.parametrize("prm", [TEXTBOOK, MARKED], ids=["textbook", "marked"])
def test_evidence_is_the_named_tokens_of_the_users_text_alone(prm: dict[str, Any]) -> None:
    prm = {**prm, "evidence": DIGITS_AND_SIGNS}
    candidate = replace(SEVEN, steps=("Step 1: 12 + 3 = 15", "no digits", "so 15 - 1"))
    assert evidence_texts(prm, candidate) == ["12+3=15", "", "15-1"]


def test_without_evidence_in_the_file_none_is_recorded() -> None:
    assert encode(TOKENIZER, read_template(MARKED, TOKENIZER), SEVEN).evidence == ()


def test_a_step_without_any_token_is_refused_where_nothing_else_can_be_read() -> None:
    bare = with_layout(TEXTBOOK, step="{step}")
    tokenizer = tiny_tokenizer(normalizer=normalizers.Replace("?", ""))
    with pytest.raises(InputError, match="step 2"):
        encode(tokenizer, read_template(bare, tokenizer), replace(SEVEN, steps=("a", "?")))


text = st.text(min_size=1).filter(str.strip)


@given(text, st.lists(text, min_size=1, max_size=5), st.sampled_from([TEXTBOOK, MARKED]))
def test_any_text_gives_one_position_per_step(
    problem: str, steps: list[str], prm: dict[str, Any]
) -> None:
    template = read_template({**prm, "evidence": DIGITS_AND_SIGNS}, TOKENIZER)
    encoded = encode(TOKENIZER, template, Candidate(problem, tuple(steps)))
    assert len(encoded.positions) == len(encoded.evidence) == len(steps)
    end = TOKENIZER.convert_tokens_to_ids("[STEP]" if prm is MARKED else "Ċ")
    assert {encoded.input_ids[position] for position in encoded.positions} == {end}


# --- the family file --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prm", "message"),
    [
        ({**TEXTBOOK, "marks": "[STEP]"}, "'marks' is not known"),
        ({**TEXTBOOK, "format": 2}, "'format' is 2"),
        ({**TEXTBOOK, "layout": "Problem:"}, "'layout' must be an object"),
        (with_layout(TEXTBOOK, steps="{step}"), "'layout.steps' is not known"),
        (with_layout(TEXTBOOK, problem="Problem:"), "'layout.problem' must be a text"),
        (with_layout(TEXTBOOK, step="{step} {step}"), "'layout.step' must be a text"),
        (with_layout(TEXTBOOK, step=3), "'layout.step' must be a text"),
        (with_layout(TEXTBOOK, problem_end="[NO]"), "'layout.problem_end' is '[NO]'"),
        ({**TEXTBOOK, "marker": "[NO]"}, "'marker' is '[NO]', which is not in the vocabulary"),
        ({**TEXTBOOK, "marker": 2}, "'marker' is 2"),
        ({**TEXTBOOK, "marker": "a"}, "'marker' is 'a', which is not a special token"),
        ({**TEXTBOOK, "threshold": "half"}, "'threshold' must be a number"),
        ({**TEXTBOOK, "threshold": True}, "'threshold' must be a number"),
        ({**TEXTBOOK, "threshold": 1.0}, "'threshold' is 1.0"),
        ({**TEXTBOOK, "evidence": []}, "'evidence' must be null or"),
        ({**TEXTBOOK, "evidence": {"tokens": []}}, "'evidence' must be null or"),
        ({**TEXTBOOK, "evidence": {"tokens": ["12"]}}, "'evidence.tokens' has '12'"),
        (
            {**TEXTBOOK, "evidence": {"tokens": ["1"], "min": 1}},
            "'evidence.min' is not known",
        ),
    ],
)
def test_a_malformed_family_file_is_refused_by_file_and_key(
    prm: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelLoadError) as raised:
        read_template(prm, TOKENIZER, "here/prm.json")
    assert str(raised.value).startswith("here/prm.json: ")
    assert message in str(raised.value)


def test_the_family_file_names_the_family(tmp_path: Path) -> None:
    (tmp_path / "prm.json").write_text('{"family": "value_head"}', encoding="utf-8")
    assert family_for(ModelFolder(tmp_path)) is FAMILIES["value_head"]


@pytest.mark.parametrize("written", ['{"family": "oracle"}', "{}", '{"family": ["value_head"]}'])
def test_an_unknown_family_is_refused_with_those_that_are_known(
    written: str, tmp_path: Path
) -> None:
    (tmp_path / "prm.json").write_text(written, encoding="utf-8")
    with pytest.raises(UnknownModelError, match="value_head"):
        family_for(ModelFolder(tmp_path))


def test_without_a_family_file_the_family_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UnknownModelError, match=r"--family\): value_head"):
        family_for(ModelFolder(tmp_path))
    assert family_for(ModelFolder(tmp_path), "value_head").name == "value_head"


@pytest.mark.parametrize("family", [None, "trl", "value_head"])
def test_a_folder_that_is_no_checkpoint_points_to_the_one_inside(
    family: str | None, tmp_path: Path
) -> None:
    with pytest.raises(ModelLoadError, match=r"config\.json is missing; download the model again"):
        load_scorer(tmp_path, family=family)
    for name in ("checkpoint-20", "checkpoint-100", "logs"):
        (tmp_path / name).mkdir()
        if name != "logs":
            (tmp_path / name / "config.json").write_text("{}")
    with pytest.raises(ModelLoadError) as caught:
        load_scorer(tmp_path, family=family)
    assert str(caught.value) == (
        f"{tmp_path / 'config.json'} is missing; try {tmp_path / 'checkpoint-100'}"
    )


def test_models_that_nothing_here_reads_are_refused_with_the_reason() -> None:
    docs = (Path(__file__).parent.parent.parent / "docs/models.md").read_text("utf-8")
    assert not NOT_READ.keys() & KNOWN_MODELS.keys()
    for name, reason in NOT_READ.items():
        assert f"`{name}`" in docs
        with pytest.raises(UnknownModelError, match="is not read here: ") as caught:
            load_scorer(name)
        assert reason in str(caught.value)


def test_a_family_that_is_named_wrong_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownModelError, match="'orm' is not known; choose from value_head"):
        family_for(ModelFolder(tmp_path), "orm")


@pytest.mark.parametrize("written", ["{", "[]", "\xff"])
def test_a_damaged_family_file_is_refused_by_name(written: str, tmp_path: Path) -> None:
    (tmp_path / "prm.json").write_bytes(written.encode("latin-1"))
    with pytest.raises(ModelLoadError, match=r"prm\.json"):
        family_for(ModelFolder(tmp_path))


# --- the head ---------------------------------------------------------------------------------


def probabilities(directory: Path) -> tuple[float, ...]:
    (scored,) = load_scorer(directory, family="value_head").score([SEVEN])
    return scored.probabilities


def test_the_head_that_is_saved_is_the_head_that_scores(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    before = probabilities(tmp_path)
    save_value_head(tmp_path, ValueHead(32), TEXTBOOK)
    assert probabilities(tmp_path) == (0.5, 0.5)
    assert 0.5 not in before


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_a_changed_head_changes_the_score_and_a_missing_one_is_refused(
    name: str, tmp_path: Path
) -> None:
    tiny_model(tmp_path)
    before = probabilities(tmp_path)
    tensor = load_file(tmp_path / HEAD_FILE)[name]
    rewrite_tensors(tmp_path / HEAD_FILE, **{name: tensor + 1})
    assert probabilities(tmp_path) != before
    rewrite_tensors(tmp_path / HEAD_FILE, **{name: None})
    with pytest.raises(ModelLoadError, match=f"value head's '{name}' is missing"):
        load_scorer(tmp_path)


def test_a_head_of_another_size_is_refused_with_both_shapes(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    save_value_head(tmp_path, random_head(16), TEXTBOOK)
    with pytest.raises(ModelLoadError, match=r"\(1, 16\).*hidden size 32.*\(1, 32\)"):
        load_scorer(tmp_path)


def test_a_head_without_the_evidence_that_the_file_promises_is_refused(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    prm = {**TEXTBOOK, "evidence": DIGITS_AND_SIGNS}
    with pytest.raises(ValueError, match="disagree about evidence"):
        save_value_head(tmp_path, random_head(32), prm)
    (tmp_path / "prm.json").write_text(json.dumps(prm), encoding="utf-8")
    with pytest.raises(ModelLoadError, match=r"\(1, 32\).*with evidence needs \(1, 35\)"):
        load_scorer(tmp_path)


def test_a_damaged_head_is_refused_by_file(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    (tmp_path / HEAD_FILE).write_bytes(b"half a file")
    with pytest.raises(ModelLoadError, match=f"{HEAD_FILE} is damaged"):
        load_scorer(tmp_path)


def trl_names(head: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"v_head.summary.{name}": tensor for name, tensor in head.items()}


def test_a_head_under_trls_names_is_found_in_its_own_file(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    before = probabilities(tmp_path)
    save_file(trl_names(load_file(tmp_path / HEAD_FILE)), tmp_path / HEAD_FILE)
    assert probabilities(tmp_path) == before


def test_a_head_among_the_models_tensors_needs_no_family_file(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    before = probabilities(tmp_path)
    weights = tmp_path / "model.safetensors"
    head = trl_names(load_file(tmp_path / HEAD_FILE))
    save_file({**load_file(weights), **head}, weights, metadata={"format": "pt"})
    (tmp_path / HEAD_FILE).unlink()
    (tmp_path / "prm.json").unlink()
    assert probabilities(tmp_path) == before


def shard(directory: Path, head: dict[str, torch.Tensor]) -> dict[str, str]:
    """Weights in shards with an index, the head in the last."""
    tensors = load_file(directory / "model.safetensors")
    (directory / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = [{n: tensors[n] for n in names[::2]}, {n: tensors[n] for n in names[1::2]}, head]
    weight_map = {}
    for number, content in enumerate(shards, start=1):
        file = f"model-0000{number}-of-00003.safetensors"
        save_file(content, directory / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(content, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return weight_map


def test_a_head_in_a_shard_is_found_through_the_index(tmp_path: Path) -> None:
    tiny_model(tmp_path)
    before = probabilities(tmp_path)
    weight_map = shard(tmp_path, trl_names(load_file(tmp_path / HEAD_FILE)))
    (tmp_path / HEAD_FILE).unlink()
    assert probabilities(tmp_path) == before
    (tmp_path / weight_map["v_head.summary.bias"]).unlink()
    with pytest.raises(ModelLoadError, match=r"model-00003-of-00003\.safetensors"):
        load_scorer(tmp_path)


def test_evidence_reads_the_language_models_own_head_where_it_is_not_tied(tmp_path: Path) -> None:
    prm = {**MARKED, "evidence": DIGITS_AND_SIGNS}
    tiny_model(tmp_path, prm=prm, tie_word_embeddings=False)
    before = probabilities(tmp_path)
    weights = tmp_path / "model.safetensors"
    lm_head = load_file(weights)["lm_head.weight"]
    rewrite_tensors(weights, lm_head__weight=lm_head.flip(0).contiguous())
    assert probabilities(tmp_path) != before
    rewrite_tensors(weights, lm_head__weight=None)
    with pytest.raises(ModelLoadError, match=r"'lm_head\.weight'.*is missing"):
        load_scorer(tmp_path)


def test_the_backbone_is_a_stock_causal_language_model(tmp_path: Path) -> None:
    """What we write loads with plain transformers, nothing missing."""
    tiny_model(tmp_path, prm={**MARKED, "evidence": DIGITS_AND_SIGNS})
    _, found = AutoModelForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not found["missing_keys"]
    assert not found["unexpected_keys"]


def test_the_normaliser_of_the_tokenizer_travels_with_the_checkpoint(tmp_path: Path) -> None:
    tiny_model(tmp_path, tokenizer=tiny_tokenizer(normalizer=normalizers.Lowercase()))
    loud = replace(SEVEN, steps=tuple(step.upper() for step in SEVEN.steps))
    quiet = replace(SEVEN, steps=tuple(step.lower() for step in SEVEN.steps))
    one, other = load_scorer(tmp_path).score([loud, quiet])
    assert one.probabilities == other.probabilities


# --- what every family owes -------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_families_say_who_they_are(family: Any) -> None:
    assert FAMILIES[family.name] is family
    assert set(family.name) <= set(string.ascii_lowercase + string.digits + "_")
    assert family.summary.endswith(".")


@pytest.mark.parametrize("architectures", [None, [None], "Qwen2ForProcessRewardModel", 3, [{}]])
def test_architectures_of_any_form_are_told(architectures: Any, tmp_path: Path) -> None:
    tiny_model(tmp_path)
    (tmp_path / "prm.json").unlink()
    (tmp_path / HEAD_FILE).unlink()
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    content = json.dumps(config | {"architectures": architectures})
    (tmp_path / "config.json").write_text(content, encoding="utf-8")
    with pytest.raises(UnknownModelError, match="name its family"):
        family_for(ModelFolder(tmp_path))

"""TRL's process reward models and PURE."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.scoring.load import load_scorer
from prm_core.types import Candidate
from tests import reference
from tests.families import build, contract

HEAD = {"score.weight": (2, 32), "score.bias": (2,)}


def make(
    path: Path,
    arch: str = "qwen2",
    side: str = "right",
    bos: str | None = None,
    head: dict[str, tuple[int, ...]] = HEAD,
    labels: tuple[str, str] | None = None,
) -> Path:
    own = build.merging_tokenizer(("<|endoftext|>", "<s>"), bos=bos, pad="<|endoftext|>", side=side)
    kind = {"qwen2": "Qwen2", "llama": "Llama", "mistral": "Mistral", "qwen3": "Qwen3"}[arch]
    return build.checkpoint(
        path,
        own,
        arch=arch,
        architectures=[f"{kind}ForTokenClassification"],
        head=head,
        settings={"num_labels": 2},
        written={"id2label": dict(enumerate(labels))} if labels else None,
    )


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    ("arch", "bos", "separator"),
    [
        ("qwen2", None, "\n"),
        ("qwen2", None, "\n\n"),
        ("llama", "<s>", " and then "),
        ("mistral", None, "\n"),
        ("qwen3", None, "\n"),
    ],
)
def test_scores_are_those_of_the_stock_class_on_trl_s_rows(
    side: str, arch: str, bos: str | None, separator: str, tmp_path: Path
) -> None:
    recipe = partial(reference.token_classifier, separator=separator)
    scorer = contract.hold_parity(make(tmp_path, arch, side, bos), recipe, separator=separator)
    assert scorer.family == "trl"
    contract.hold_causality(scorer)
    contract.hold_length(scorer)
    contract.hold_typed_markers(scorer, [separator, "<s>"])


@pytest.mark.parametrize(
    ("labels", "right"),
    [
        (("LABEL_0", "LABEL_1"), 1),
        (("0", "1"), 1),
        (("incorrect", "correct"), 1),
        (("correct", "incorrect"), 0),
        (("good", "bad"), 0),
        (("+", "-"), 0),
        (("-", "+"), 1),
        (("<+>", "<->"), 0),
        (("True", "False"), 0),
        (("STEP_WRONG", "STEP_RIGHT"), 1),
        (("correct", "not correct"), 0),
        (("no_error", "error"), 0),
        (("Negative", "Positive"), 1),
    ],
)
def test_the_labels_of_config_json_say_which_class_is_right(
    labels: tuple[str, str], right: int, tmp_path: Path
) -> None:
    plain, named = make(tmp_path / "plain"), make(tmp_path / "named", labels=labels)
    candidate = contract.CANDIDATES[0]
    (expected,), (scored,) = (
        load_scorer(path, separator="\n").score([candidate]) for path in (plain, named)
    )
    wanted = expected.probabilities if right else [1 - p for p in expected.probabilities]
    assert scored.probabilities == pytest.approx(wanted, abs=1e-6)
    assert max(abs(p - 0.5) for p in wanted) > 0.01
    (pure,) = load_scorer(named, family="pure").score([candidate])
    assert pure.extras["raw"] == pytest.approx([2 * p - 1 for p in wanted], abs=1e-5)


@pytest.mark.parametrize(
    "labels",
    [
        ("O", "B-PER"),
        ("correct", "right"),
        ("correct", "LABEL_1"),
        ("1", "0"),
        ("wrong", "neutral"),
    ],
)
def test_labels_that_do_not_say_which_class_is_right_are_refused(
    labels: tuple[str, str], tmp_path: Path
) -> None:
    with pytest.raises(ModelLoadError, match=r"config\.json: the labels .*\(id2label\)") as caught:
        load_scorer(make(tmp_path, labels=labels), separator="\n")
    assert all(repr(label) in str(caught.value) for label in labels)


def test_pure_has_its_reward_beside_the_probability(tmp_path: Path) -> None:
    recipe = partial(reference.token_classifier, separator="\n", raw=True)
    scorer = contract.hold_parity(make(tmp_path), recipe, family="pure")
    (scored,) = scorer.score([Candidate("a", ("b", "c"))])
    for p, reward in zip(scored.probabilities, scored.extras["raw"], strict=True):
        assert p == pytest.approx((reward + 1) / 2, abs=1e-6)
    other = partial(reference.token_classifier, separator="\n\n", raw=True)
    contract.hold_parity(tmp_path, other, family="pure", separator="\n\n")


def test_a_separator_is_asked_for_and_never_guessed(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match=r"does not say which text .*--separator '\\n'"):
        load_scorer(make(tmp_path))
    with pytest.raises(BadOptionError, match="separator '' has no token"):
        load_scorer(tmp_path, separator="")


def test_what_a_family_would_not_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadOptionError, match=r"reference 'x' would not be used: .* only implicit"):
        load_scorer(make(tmp_path), separator="\n", reference="x")
    with pytest.raises(
        BadOptionError, match=r"separator '\\n' would not .* outcome; only trl, pure"
    ):
        load_scorer(tmp_path, family="outcome", separator="\n")


@pytest.mark.parametrize("name", HEAD)
def test_a_missing_or_misshapen_head_is_refused_by_name(name: str, tmp_path: Path) -> None:
    head: dict[str, tuple[int, ...]] = dict(HEAD)
    del head[name]
    with pytest.raises(ModelLoadError, match=f"'{name}' of the head is missing"):
        load_scorer(make(tmp_path / "missing", head=head), separator="\n")
    three = {**HEAD, name: (3, *HEAD[name][1:])}
    with pytest.raises(ModelLoadError, match=rf"'{name}' has shape \(3"):
        load_scorer(make(tmp_path / "three", head=three), separator="\n")

"""EurusPRM and other implicit PRMs: a model against its reference."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from prm_core.errors import BadOptionError, ModelLoadError
from prm_core.scoring.load import load_scorer
from tests import reference
from tests.families import build, contract

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def tokenizer(side: str = "right", words: tuple[str, ...] = ()) -> PreTrainedTokenizerFast:
    return build.merging_tokenizer(
        SPECIAL, template=build.QWEN_TEMPLATE, pad="<|endoftext|>", side=side, words=words
    )


def make(path: Path, seed: int, side: str = "right", tied: bool = False) -> Path:
    return build.checkpoint(
        path,
        tokenizer(side),
        arch="qwen2",
        architectures=["Qwen2ForCausalLM"],
        seed=seed,
        n_files=2,
        settings={"tie_word_embeddings": tied},
    )


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("tied", [True, False])
def test_sums_end_where_the_authors_script_ends_them(side: str, tied: bool, tmp_path: Path) -> None:
    own, other = make(tmp_path / "own", 0, side, tied), make(tmp_path / "other", 1, side)
    recipe = partial(reference.implicit, other=other, beta=0.001)
    scorer = contract.hold_parity(own, recipe, family="implicit", reference=other)
    contract.hold_causality_of_sums(scorer)
    contract.hold_length(scorer)
    contract.hold_typed_markers(scorer, ["\n\n", "<|im_end|>"])
    (scored,) = scorer.score(contract.CANDIDATES[:1])
    assert scored.log_odds == scored.extras["raw"]
    assert scored.model_id == f"{own} (β = 0.001, reference {other})"
    assert sum(scored.extras["single"]) == pytest.approx(scored.extras["raw"][-1], abs=1e-6)
    assert scorer.threshold == 0.5


def test_the_authors_processbench_has_its_own_beta_and_threshold(tmp_path: Path) -> None:
    own, other = make(tmp_path / "own", 0), make(tmp_path / "other", 1)
    recipe = partial(reference.implicit, other=other, beta=0.005)
    scorer = contract.hold_parity(own, recipe, family="implicit_processbench", reference=other)
    assert (scorer.threshold, scorer.tolerance) == (0.5005, 0.005 / 4)
    assert "β = 0.005" in scorer.model_id


def test_the_exact_cut_is_another_family(tmp_path: Path) -> None:
    own, other = make(tmp_path / "own", 0), make(tmp_path / "other", 1)
    recipe = partial(reference.implicit_exact, other=other, beta=0.001)
    exact = contract.hold_parity(own, recipe, family="implicit_exact", reference=other)
    script = load_scorer(own, family="implicit", reference=other)
    (a,), (b,) = (one.score(contract.CANDIDATES[:1]) for one in (exact, script))
    assert all(abs(x - y) > 1e-5 for x, y in zip(a.extras["raw"], b.extras["raw"], strict=True))


def test_a_template_that_ends_the_turn_with_more_or_fewer_tokens(tmp_path: Path) -> None:
    """The script counts tokens of the closed conversation, whatever closes it."""
    for number, end in enumerate(("<|im_end|><|endoftext|>\n", "<|im_end|> end", "<|im_end|>")):
        own, other = make(tmp_path / f"own{number}", 0), make(tmp_path / f"other{number}", 1)
        for path in (own, other):
            tokenizer_here = reference.tokenizer_of(path)
            tokenizer_here.chat_template = build.QWEN_TEMPLATE.replace(
                "+ '<|im_end|>' + '\n' }}\n{%- endfor", f"+ '{end}' }}}}\n{{%- endfor"
            ).replace("+ '<|im_end|>' + '\n' }}{%- endfor", f"+ '{end}' }}}}{{%- endfor")
            tokenizer_here.save_pretrained(path)
        reference.tokenizer_of.cache_clear()
        assert end in str(reference.tokenizer_of(own).chat_template)
        recipe = partial(reference.implicit, other=other, beta=0.005)
        contract.hold_parity(own, recipe, family="implicit_processbench", reference=other)


def test_a_model_against_itself_says_nothing(tmp_path: Path) -> None:
    own = make(tmp_path, 0)
    scorer = load_scorer(own, family="implicit", reference=own)
    for scored in scorer.score(contract.CANDIDATES):
        assert scored.extras["raw"] == pytest.approx([0.0] * len(scored.candidate.steps), abs=1e-6)


def test_the_reference_is_asked_for_and_must_speak_the_same_language(tmp_path: Path) -> None:
    own = make(tmp_path / "own", 0)
    with pytest.raises(BadOptionError, match="--reference"):
        load_scorer(own, family="implicit")
    other = build.checkpoint(
        tmp_path / "other",
        tokenizer(words=(" marmalade",)),
        arch="qwen2",
        architectures=["Qwen2ForCausalLM"],
    )
    with pytest.raises(ModelLoadError, match="have different vocabularies"):
        load_scorer(own, family="implicit", reference=other)
    with pytest.raises(ModelLoadError, match="neither a folder here"):
        load_scorer(own, family="implicit", reference=tmp_path / "nowhere")

"""A smaller backbone: the tokens that stay mean what they meant, and 4-bit weights are trained."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest
import torch
from gguf import GGMLQuantizationType, dequantize, quantize
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from prm_core.errors import BadOptionError
from prm_core.models.weight_files import FOUR_BIT_FILE
from prm_core.scoring.load import load_scorer
from prm_core.training.data import Source
from prm_core.training.loss import Loss
from prm_core.training.options import RunConfig, TuneConfig
from prm_core.training.shrink import keep_words, train_rounded
from prm_core.training.tune import fine_tune
from prm_core.types import Candidate, Example
from tests.tiny import tiny_config, tiny_tokenizer

Q4_0 = GGMLQuantizationType.Q4_0
TEXTS = [
    "Tom buys 12 apples and 3 pears; each apple costs 2 dollars.",
    "12 apples cost 12 * 2 = 24 dollars, and 3 pears cost 3 dollars.",
    "A train leaves the station and travels 60 miles in an hour.",
]


@pytest.fixture(scope="module")
def bpe() -> PreTrainedTokenizerFast:
    """A byte-level BPE whose merges were learned from all texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<s>", "<pad>"], initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", pad_token="<pad>", model_max_length=512
    )


def model_for(tokenizer: PreTrainedTokenizerFast) -> AutoModelForCausalLM:
    torch.manual_seed(1)
    config = tiny_config("llama", vocab_size=len(tokenizer), tie_word_embeddings=True)
    return AutoModelForCausalLM.from_config(config).eval()


def test_kept_words_are_tokenized_and_read_as_before(bpe: PreTrainedTokenizerFast) -> None:
    model = model_for(bpe)
    text = TEXTS[0]
    before = model.base_model(bpe(text, return_tensors="pt").input_ids).last_hidden_state
    smaller = keep_words(model, bpe, TEXTS[:1], 310)
    assert len(smaller) <= 310 < len(bpe)
    assert smaller.tokenize(text) == bpe.tokenize(text)
    assert smaller.decode(smaller(TEXTS[2]).input_ids) == TEXTS[2]
    assert len(smaller.tokenize(TEXTS[2])) > len(bpe.tokenize(TEXTS[2]))  # words that went
    after = model.base_model(smaller(text, return_tensors="pt").input_ids).last_hidden_state
    torch.testing.assert_close(after, before)
    assert model.config.vocab_size == len(smaller)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert model.config.pad_token_id == smaller.pad_token_id == 1


def test_the_most_used_words_stay(bpe: PreTrainedTokenizerFast) -> None:
    texts = [TEXTS[2], *(f"{TEXTS[0]} {i}" for i in range(5))]
    smaller = keep_words(model_for(bpe), bpe, texts, 285)
    assert "Ġapples" in smaller.get_vocab() or "Ġapple" in smaller.get_vocab()
    assert "Ġstation" not in smaller.get_vocab()


def test_a_vocabulary_that_cannot_be_cut_is_refused(bpe: PreTrainedTokenizerFast) -> None:
    with pytest.raises(BadOptionError, match=r"single bytes and special tokens .* are 258"):
        keep_words(model_for(bpe), bpe, TEXTS, 100)
    words = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, "[UNK]"))
    other = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]")
    with pytest.raises(BadOptionError, match="this one is 'WordLevel'"):
        keep_words(model_for(bpe), other, TEXTS, 300)


def test_a_rounded_model_computes_in_4_bits_and_trains_all_bits() -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(tiny_config("llama"))
    ids = torch.tensor([[5, 9, 40, 41]])
    packed = copy.deepcopy(model)
    for weight in packed.parameters():
        if weight.dim() == 2:
            blocks = quantize(weight.detach().numpy(), Q4_0)
            weight.data = torch.from_numpy(dequantize(blocks, Q4_0))
    plain = model.base_model(ids).last_hidden_state
    train_rounded(model)
    rounded = model.base_model(ids).last_hidden_state
    torch.testing.assert_close(rounded, packed.base_model(ids).last_hidden_state)
    assert (plain - rounded).abs().max() > 1e-3
    rounded.pow(2).sum().backward()
    weight = model.base_model.layers[0].mlp.up_proj.weight
    assert weight.grad is not None
    assert weight.grad.abs().max() > 0
    with pytest.raises(BadOptionError, match=r"blocks of 32 weights, and .* is 48 wide"):
        train_rounded(AutoModelForCausalLM.from_config(tiny_config("llama", hidden_size=48)))


def examples() -> Source:
    rows = []
    for a in range(2, 10):
        candidate = Candidate(f"What is {a} + {a}?", (f"{a} + {a} = {2 * a}", "It is 1."))
        rows.append(Example(candidate, (1.0, 0.0)))
    return Source("sums", tuple(rows))


def test_a_small_model_in_4_bits_is_written_loaded_and_resumed(
    bpe: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    directory = tmp_path / "backbone"
    model_for(bpe).save_pretrained(directory)
    bpe.save_pretrained(directory)
    config = TuneConfig(
        str(directory), first_layers=1, keep_tokens=280, four_bit=True, batch_size=4, epochs=3
    )
    for name, resume in (("whole", False), ("cut", False), ("cut", True)):
        run_config = RunConfig(tmp_path / name, "cpu", save_every=2, resume=resume)
        fine_tune(config, [examples()], Loss(), run_config)
        if name == "cut" and not resume:  # as after a kill behind the fourth step
            for path in (tmp_path / "cut").iterdir():
                if path.is_file():
                    path.unlink()
            shutil.rmtree(tmp_path / "cut" / "checkpoint-6")
    one, other = ((tmp_path / n / FOUR_BIT_FILE).read_bytes() for n in ("whole", "cut"))
    assert one == other
    scorer = load_scorer(tmp_path / "whole", device="cpu")
    scored = scorer.score([Candidate("What is 2 + 2?", ("2 + 2 = 4", "It is 1."))])
    assert len(scored[0].probabilities) == 2


def test_options_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(BadOptionError, match="keep_tokens changes it"):
        TuneConfig("any", mode="head", keep_tokens=500, without_backbone=True)
    with pytest.raises(BadOptionError, match="choose mode full"):
        TuneConfig("any", mode="lora", four_bit=True)
    with pytest.raises(BadOptionError, match="keep_tokens"):
        TuneConfig("any", keep_tokens=0)


def test_a_vocabulary_of_bytes_alone_stays_whole() -> None:
    tokenizer = tiny_tokenizer()
    smaller = keep_words(
        AutoModelForCausalLM.from_config(tiny_config("llama", vocab_size=len(tokenizer))),
        tokenizer,
        TEXTS,
        len(tokenizer),
    )
    assert smaller.get_vocab() == tokenizer.get_vocab()

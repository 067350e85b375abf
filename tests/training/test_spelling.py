"""One spelling for each sign: what people write in different ways becomes the same tokens."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from prm_core.training.spelling import spell_as_a_line


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(models.BPE({token: i for i, token in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    spell_as_a_line(tokenizer)
    return tokenizer


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (
            ("3 × 4 = 12", "3*4=12.", "3 x 4  =  12", r"3 \times 4 = 12", "$3 · 4 = 12$"),
            " 3×4=12\n",
        ),
        (("10 - 4 = 6", "10−4 = 6", "10 – 4=6 ."), " 10-4=6\n"),
        (("12 ÷ 3", r"12 \div 3", "12/3", r"\frac{12}{3}"), " 12/3\n"),
        (("She pays 1,200 dollars.", "SHE PAYS 1200  DOLLARS"), " she pays 1200 dollars\n"),
        (("-3 + 5 = 2", "  −3+5 = 2"), " -3+5=2\n"),
        (("a well-known rule: 0.5", "a well-known rule: .5"), " a well-known rule: 0.5\n"),
    ],
)
def test_one_spelling(
    tokenizer: PreTrainedTokenizerFast, texts: tuple[str, ...], read: str
) -> None:
    for text in texts:
        assert tokenizer.decode(tokenizer(text).input_ids) == read


@pytest.mark.parametrize("text", ["", ".", " ", "日本 é", "=", "×", "\n"])
def test_any_text_is_read(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    ids = tokenizer(text).input_ids
    assert ids or not text.strip()

"""A tiny real model writes: with what it kept it writes what it would without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models
from transformers import (
    AutoModelForCausalLM,
    Lfm2Config,
    MambaConfig,
    PreTrainedConfig,
    PreTrainedTokenizerFast,
)

from prm_core.continuations import chat_messages, plain_prompt
from prm_core.errors import BadOptionError, ModelError, ModelLoadError
from prm_core.labelling.completers import Sampling as Completing
from prm_core.labelling.local_completer import LocalCompleter
from prm_core.models.backbone import load_tokenizer
from prm_core.search import local_generator
from prm_core.search.engine import grow
from prm_core.search.generators import ASK, Sampling, Written, ending
from prm_core.search.local_generator import LocalGenerator
from prm_core.search.tree import Settings, Tree, new_tree
from tests.search.scripted import ScriptedScorer
from tests.tiny import tiny_model, tiny_tokenizer

PROBLEM = "What is 2 + 3?"
PREFIXES = ["", "2 + 3 = 5.\n\n", "", "I add 2 and 3:\n\n2 + 3 = 5\n\n", "2 + 3 = 5.\n\n"]
SEEDS = [7, 8, 9, 10, 11]


def never() -> bool:
    return False


def letters_model(path: Path, arch: str, **config: Any) -> Path:
    """A model whose tokens are a few letters, so that what it writes is read as it was written."""
    letters = ["[BOS]", "[PAD]", *"abcdefgh.\n 0123456789+=?"]
    vocabulary = {letter: i for i, letter in enumerate(letters)}
    plain = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    plain.decoder = decoders.Fuse()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token="[BOS]",
        pad_token="[PAD]",
        chat_template=config.pop("chat", None),
    )
    tiny_model(path, arch, tokenizer=tokenizer, vocab_size=len(letters), pad_token_id=1, **config)
    return path


@pytest.fixture(
    scope="module",
    params=[("qwen2", {}), ("gpt2", {}), ("mistral", {"sliding_window": 12})],
    ids=["qwen2", "gpt2", "sliding window"],
)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    arch, config = request.param
    return letters_model(tmp_path_factory.mktemp("generator") / arch, arch, **config)


@pytest.fixture(scope="module")
def plainly(model: Path) -> Callable[..., Written]:
    """One prefix alone, all of it read again for each token."""
    network: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    tokenizer = load_tokenizer(model)

    def write(prompt: str, seed: int, sampling: Sampling) -> Written:
        ids = tokenizer(prompt)["input_ids"]
        begin, random = len(ids), torch.Generator().manual_seed(seed)
        while len(ids) - begin < sampling.max_tokens:
            with torch.inference_mode():
                logits = network(torch.tensor([ids])).logits[0, -1].float()
            if sampling.temperature:
                p = torch.softmax(logits / sampling.temperature, -1)
                ids.append(int(torch.multinomial(p, 1, generator=random)))
            else:
                ids.append(int(logits.argmax()))
            text = tokenizer.decode(ids[begin:], skip_special_tokens=True)
            if sampling.until and sampling.until in text:
                text = text.partition(sampling.until)[0] + sampling.until
                return Written(text, len(ids) - begin, "step")
        return Written(text, len(ids) - begin, "length")

    return write


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_paths_side_by_side_are_what_each_is_alone(
    model: Path, plainly: Callable[..., Written], temperature: float
) -> None:
    generator = LocalGenerator(str(model))
    longer = [prefix + "5 + 3" * i for i, prefix in enumerate(PREFIXES)]
    # The second call finds the first one's rows; in the third each has more or less that is new.
    for until, max_tokens, prefixes in ((".", 24, PREFIXES), (None, 5, PREFIXES), (".", 9, longer)):
        sampling = Sampling(until, temperature, 1.0, max_tokens)
        written = generator.write(PROBLEM, prefixes, SEEDS, sampling, never)
        assert written == [
            plainly(plain_prompt(PROBLEM, ASK) + prefix, seed, sampling)
            for prefix, seed in zip(prefixes, SEEDS, strict=True)
        ]


def search(generator: LocalGenerator, way: str) -> Tree:
    settings = Settings(way=way, n=4, width=2, rounds=4, max_tokens=30, step_end=".", lookahead=1)
    start = new_tree(PROBLEM, settings, generator.name, "table")
    *_, last = grow(start, generator, ScriptedScorer({}))
    return last.tree


@pytest.mark.parametrize("way", ["beam", "dvts"])
def test_a_search_that_keeps_what_it_read_grows_the_same_tree(model: Path, way: str) -> None:
    keeping, forgetting = LocalGenerator(str(model)), LocalGenerator(str(model), keep=False)
    tree = search(keeping, way)
    assert tree.nodes == search(forgetting, way).nodes
    assert tree.n_rounds > 2
    # The prompt has more tokens than all the steps: it is read once, and not for every path.
    n_prompt = len(keeping._ids(PROBLEM, [""], ASK)[0])
    assert keeping.n_computed < n_prompt + 1.2 * tree.n_tokens < forgetting.n_computed


def test_more_paths_than_a_batch_holds_are_the_same(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = []
    for at_once in (16, 3):
        monkeypatch.setattr(local_generator, "_AT_ONCE", at_once)
        trees.append(search(LocalGenerator(str(model)), "beam").nodes)
    assert trees[0] == trees[1]


def test_a_model_without_sdpa_writes_what_transformers_does(tmp_path: Path) -> None:
    path = letters_model(tmp_path / "gemma2", "gemma2", sliding_window=12)
    generator = LocalGenerator(str(path))
    (one,) = generator.write(PROBLEM, [""], [1], Sampling(None, 0.0, 1.0, 12), never)
    ids = generator._ids(PROBLEM, [""], ASK)[0]
    network: Any = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    whole = network.generate(torch.tensor([ids]), do_sample=False, max_new_tokens=12)[0]
    assert one.text == load_tokenizer(path).decode(whole[len(ids) :], skip_special_tokens=True)


@pytest.mark.parametrize(
    "config",
    [MambaConfig(), Lfm2Config(layer_types=["conv", "full_attention"] * 16)],
    ids=["mamba", "lfm2"],
)
@pytest.mark.parametrize(
    "opened",
    [LocalGenerator, lambda model: LocalCompleter(model, Completing())],
    ids=["search", "label"],
)
def test_a_model_that_keeps_a_state_is_to_be_served(
    config: PreTrainedConfig, opened: Callable[[str], object], tmp_path: Path
) -> None:
    config.save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelLoadError, match=f"{tmp_path}.*keeps a state.*server.*--generator"):
        opened(str(tmp_path))


def test_top_p_draws_from_the_most_probable_tokens() -> None:
    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    drawn = {
        p: {
            local_generator._drawn(
                logits, Sampling(None, 1.0, p, 1), torch.Generator().manual_seed(i)
            )
            for i in range(200)
        }
        for p in (0.4, 0.5, 0.6, 0.9, 1.0)
    }
    assert drawn == {0.4: {0}, 0.5: {0}, 0.6: {0, 1}, 0.9: {0, 1, 2}, 1.0: {0, 1, 2, 3}}


def test_a_text_ends_at_the_model_s_end_token_and_at_another_problem(tmp_path: Path) -> None:
    generator = LocalGenerator(str(letters_model(tmp_path / "ends", "qwen2", eos_token_id=12)))
    sampling = Sampling("never", 1.5, 1.0, 200)
    written = generator.write(PROBLEM, [""] * 8, range(8), sampling, never)
    assert {one.end for one in written} == {"done"}  # token 12 is a blank
    assert all(" " not in one.text for one in written)
    assert any(one.n_tokens == len(one.text) + 1 for one in written)
    assert ending("So 5.\nProblem: 3", "\n\n", True) == ("So 5.", "done")
    assert ending("Problem: 3\n\n", "\n\n", True) == ("", "done")
    assert ending("Problem: 3", None, False) == ("Problem: 3", "")


def test_chat_is_the_tokenizer_s_format_and_needs_one(model: Path, tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}[assistant]{% endif %}"
    )
    chatting = letters_model(tmp_path / "chat", "qwen2", chat=template)
    generator = LocalGenerator(str(chatting), chat=True)
    (content,) = [turn["content"] for turn in chat_messages(PROBLEM, ASK)]
    wanted = generator._loaded.tokenizer(f"[user]{content}[assistant]2 + 3 = 5.\n\n")["input_ids"]
    assert generator._ids(PROBLEM, ["2 + 3 = 5.\n\n"], ASK) == [wanted]
    assert generator.name != LocalGenerator(str(chatting)).name  # trees of both are kept apart
    with pytest.raises(BadOptionError, match="no chat template"):
        LocalGenerator(str(model), chat=True)


def test_a_path_that_fills_the_context_is_cut_and_the_others_go_on(tmp_path: Path) -> None:
    generator = LocalGenerator(str(letters_model(tmp_path / "short", "gpt2", n_positions=120)))
    n_prompt = len(generator._ids(PROBLEM, [""], ASK)[0])
    prefixes = ["a" * (120 - n_prompt), "a" * (117 - n_prompt), ""]
    written = generator.write(PROBLEM, prefixes, [1, 2, 3], Sampling(None, 1.0, 1.0, 8), never)
    assert [(one.n_tokens, one.end) for one in written] == [
        (0, "length"),
        (3, "length"),
        (8, "length"),
    ]


def test_writing_ends_when_the_time_is_up_or_it_is_closed(model: Path) -> None:
    generator = LocalGenerator(str(model))
    beats = iter([False, False, True])
    sampling = Sampling(None, 1.0, 1.0, 1000)
    written = generator.write(PROBLEM, ["", ""], [1, 2], sampling, lambda: next(beats))
    assert [(one.n_tokens, one.end) for one in written] == [(3, "length")] * 2

    def leave() -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generator.write(PROBLEM, [""], [1], sampling, leave)
    again = generator.write(PROBLEM, [""], [1], Sampling(None, 1.0, 1.0, 3), never)
    assert again[0].text == written[0].text
    generator.close()
    with pytest.raises(ModelError, match="closed"):
        generator.write(PROBLEM, [""], [1], sampling, never)

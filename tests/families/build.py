"""Tiny checkpoints that look like the public ones from outside: class names, tensors, files.

The tokenizers merge, as real ones do: "\n\n", ".\n" or " -" are single tokens, so a prompt that
is encoded in other pieces than its authors' gives other ids here too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from tests.tiny import tiny_config

_CORPUS = [
    "What is 7 × 8? I need to multiply 7 by 8. The answer is 54.\n\nStep 1: Step 2: + - + - - +\n",
    "Please reason step by step, and put your final answer within \\boxed{}.\nuser\nassistant\n\n",
    "Ann has 3 pens and 12 more.\nSo 3 + 12 = 15.\n\n# Question\n\n# Solution\n\n",
    "Question:\nAnswer:\n",
    "a.\n\nb?\n\nc:\n\nd)\n\n" * 3,
]

# How Qwen2 and Llama-3 cut text before they merge.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

QWEN_TEMPLATE = (
    "{%- if messages[0]['role'] != 'system' -%}"
    "{{ '<|im_start|>system\nYou are kind.<|im_end|>\n' }}"
    "{%- endif -%}"
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)

LLAMA_TEMPLATE = (
    "{{- bos_token }}"
    "{{- '<|start_header_id|>system<|end_header_id|>\n\nToday is 26 Jul 2024.<|eot_id|>' }}"
    "{%- for message in messages %}"
    "{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
    "+ message['content'] | trim + '<|eot_id|>' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}"
    "{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{%- endif %}"
)

GRANITE_TEMPLATE = (
    "{%- if messages[0]['role'] != 'system' -%}"
    "{{ '<|start_of_role|>system<|end_of_role|>Knowledge Cutoff Date.<|end_of_text|>\n' }}"
    "{%- endif -%}"
    "{%- for message in messages -%}"
    "{{ '<|start_of_role|>' + message['role'] + '<|end_of_role|>' + message['content'] "
    "+ '<|end_of_text|>\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}"
    "{{ '<|start_of_role|>assistant<|end_of_role|>' }}"
    "{%- endif -%}"
)


def merging_tokenizer(
    special: tuple[str, ...],
    *,
    added: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
    template: str | None = None,
    bos: str | None = None,
    pad: str | None = None,
    side: str = "right",
) -> PreTrainedTokenizerFast:
    """Byte-level pairs, as Qwen, Llama-3 and Granite have them.

    Args:
        special: special tokens.
        added: tokens that are added but not flagged special.
        words: texts that must be single tokens of the ordinary vocabulary.
        template: the chat template.
        bos, pad: which special token is which.
        side: the padding side.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420,
        min_frequency=1,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=list(special),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*_CORPUS, *list(words) * 50], trainer)
    tokenizer.add_tokens(list(added))
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=bos, pad_token=pad, padding_side=side
    )
    made.chat_template = template
    for word in words:
        assert len(made.encode(word, add_special_tokens=False)) == 1, word
    return made


def sentencepiece_tokenizer(
    words: tuple[str, ...], special: tuple[str, ...] = ("<unk>", "<s>", "</s>"), **options: Any
) -> PreTrainedTokenizerFast:
    """As Llama-2's and Mistral's: "▁" for blanks, one in front of every text, bytes for the rest.

    Args:
        words: single tokens, with "▁" for the blank in front of them.
        special: special tokens.
        options: of `PreTrainedTokenizerFast`.
    """
    alphabet = sorted({*"".join(_CORPUS), *"".join(words), "▁"} - {"\n", " "})
    vocabulary = {token: i for i, token in enumerate(special)}
    for token in [*(f"<0x{i:02X}>" for i in range(256)), *alphabet]:
        vocabulary.setdefault(token, len(vocabulary))
    merges: list[tuple[str, str]] = []
    for word in (*words, "▁Step", "▁▁", "▁answer", "8."):
        for end in range(2, len(word) + 1):
            if word[:end] not in vocabulary:
                vocabulary[word[:end]] = len(vocabulary)
                merges.append((word[: end - 1], word[end - 1]))
    tokenizer = Tokenizer(
        models.BPE(
            vocab=vocabulary, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(list(special))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", **options)


def checkpoint(
    path: Path,
    tokenizer: PreTrainedTokenizerFast,
    *,
    arch: str,
    architectures: list[str],
    head: Mapping[str, Tensor | tuple[int, ...]] | None = None,
    n_files: int = 1,
    pickled: bool = False,
    settings: Mapping[str, Any] | None = None,
    written: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Path:
    """A checkpoint of a causal model with the tensors of a head beside it.

    Args:
        path: the folder; made if need be.
        tokenizer: saved with it.
        arch: a key of `tests.tiny.CONFIGS`.
        architectures: what config.json calls the class.
        head: tensors by name, or shapes of random ones.
        n_files: in how many files the weights lie; above 1 there is an index.
        pickled: as pytorch_model.bin.
        settings: changes to `tiny_config`.
        written: further keys of config.json.
        seed: of the weights.
    """
    config = tiny_config(
        arch,
        **{"vocab_size": len(tokenizer) + 8, "tie_word_embeddings": False, **(settings or {})},
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "norm" in name or name.endswith("bias"):
                    weight.add_(0.1 * torch.randn_like(weight))
        tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        if config.tie_word_embeddings:
            del tensors["lm_head.weight"]
        for name, value in (head or {}).items():
            tensors[name] = 0.3 * torch.randn(value) if isinstance(value, tuple) else value
    path.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(path)
    content = config.to_dict() | {"architectures": architectures} | dict(written or {})
    (path / "config.json").write_text(json.dumps(content), encoding="utf-8")
    write_weights(path, tensors, n_files=n_files, pickled=pickled)
    return path


def write_weights(
    path: Path, tensors: Mapping[str, Tensor], *, n_files: int = 1, pickled: bool = False
) -> None:
    """The tensors under the names that transformers and the Hub give the files."""
    stem, end = ("pytorch_model", "bin") if pickled else ("model", "safetensors")
    names = sorted(tensors)
    shards = [{name: tensors[name] for name in names[i::n_files]} for i in range(n_files)]
    where: dict[str, str] = {}
    for number, shard in enumerate(shards, start=1):
        file = f"{stem}-{number:05}-of-{n_files:05}.{end}" if n_files > 1 else f"{stem}.{end}"
        where |= dict.fromkeys(shard, file)
        if pickled:
            torch.save(shard, path / file)
        else:
            save_file(shard, path / file, metadata={"format": "pt"})
    if n_files > 1:
        index = {"metadata": {}, "weight_map": where}
        (path / f"{stem}.{end}.index.json").write_text(json.dumps(index), encoding="utf-8")

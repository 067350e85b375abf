"""Train a PRM from scratch on problems from `prm_core.synthetic`: the default model's recipe.

The loss is binary cross-entropy on the head's log-odds at the step ends plus a language-model
term, without which the small model learns arithmetic far more slowly. The language model's targets
come from the *true* solution: in every step the tokens up to the first one that differs, and there
the true one; what follows a wrong token has no target.
"""

from __future__ import annotations

import os
import random
import string
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.utils.data import IterableDataset
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from prm_core import calculator
from prm_core.families.value_head import Template, encode, read_template
from prm_core.models.backbone import load_backbone, load_config, load_tokenizer, quiet_transformers
from prm_core.models.device import Placement
from prm_core.models.weight_files import ModelFolder
from prm_core.synthetic.solution import LabelledSolution, Plan, solve
from prm_core.synthetic.stream import generate
from prm_core.training.card import Card
from prm_core.training.engine import Feed, Recipe, run
from prm_core.training.loss import Loss
from prm_core.training.model import Verifier
from prm_core.training.optimizer import MuonAndAdamW
from prm_core.training.options import RunConfig, ScratchConfig
from prm_core.training.rows import NOT_ASKED, TrainingRow, collate, flat_evidence
from prm_core.training.saving import Learner
from prm_core.training.spelling import END, SIGNS, one_spelling
from prm_core.types import Candidate

BOS, QUESTION_END, STEP_END, PAD, UNKNOWN = "[BOS]", "[Q]", "[STEP]", "[PAD]", "[UNK]"
_EVIDENCE = [*"0123456789", "+", "-", "×", "/", "%", "."]

PRM_FILE: dict[str, Any] = {
    "format": 1,
    "family": "value_head",
    "layout": {"problem": "{problem}", "problem_end": QUESTION_END, "step": "{step}"},
    "marker": STEP_END,
    "evidence": {"tokens": _EVIDENCE, "calculator": calculator.VERSION},
    "head": {"units": 32},
    "threshold": 0.5,
}
"""The family file of a model trained here: `[BOS] problem [Q] step [STEP] step [STEP]`."""


_ALPHABET = [*_EVIDENCE, *"abcdefghijklmnopqrstuvwxyz=()?!,:;'\"$<>^|&@_[]~"]


def build_tokenizer(texts: Sequence[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer with one token per digit and one spelling for each sign.

    The same texts give the same vocabulary. By default the trainer numbers the letters inside words
    in the order of its hash map, differently in every run; so they are numbered beforehand.

    Args:
        texts: the texts from which the words are learnt.
        vocabulary: the most entries.
    """
    special = [PAD, UNKNOWN, BOS, QUESTION_END, STEP_END]
    apart = {*string.whitespace, *string.punctuation, *string.digits}
    inside = sorted({c for text in texts for c in text.lower()} - apart)
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        special_tokens=[*special, *(f"##{c}" for c in inside)],
        initial_alphabet=_ALPHABET,
        show_progress=False,
    )
    learning = _pipeline(models.WordPiece(unk_token=UNKNOWN))
    learning.train_from_iterator(texts, trainer)
    tokenizer = _pipeline(
        models.WordPiece(learning.get_vocab(), unk_token=UNKNOWN, max_input_chars_per_word=64)
    )
    tokenizer.add_special_tokens(special)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        pad_token=PAD,
        unk_token=UNKNOWN,
        additional_special_tokens=[QUESTION_END, STEP_END],
    )


def _pipeline(model: models.Model) -> Tokenizer:
    """A tokenizer around a model: one spelling for each sign, every digit a token."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = one_spelling((*SIGNS, (END, " .")))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)]
    )
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


_WORD_WEIGHT = 0.1  # wording is free; digits and signs follow from the problem


def make_row(
    tokenizer: PreTrainedTokenizerFast, template: Template, solution: LabelledSolution
) -> TrainingRow:
    """Encode a solution with its labels and with the right tokens as targets."""
    assert template.problem_end is not None
    encoded = encode(tokenizer, template, Candidate(solution.problem, solution.steps))
    true = encoded
    if solution.steps != solution.truth:
        true = encode(tokenizer, template, Candidate(solution.problem, solution.truth))
    ids = encoded.input_ids
    targets, weights = [NOT_ASKED] * len(ids), [0.0] * len(ids)
    # The first step begins after the token that ends the problem.
    begin = true_begin = ids.index(template.problem_end) + 1
    for end, true_end in zip(encoded.positions, true.positions, strict=True):
        for own, wanted in zip(
            range(begin, end + 1), true.input_ids[true_begin : true_end + 1], strict=False
        ):
            targets[own] = wanted
            counts = wanted in template.evidence or wanted == template.marker
            weights[own] = 1.0 if counts or ids[own] != wanted else _WORD_WEIGHT
            if ids[own] != wanted:
                break
        begin, true_begin = end + 1, true_end + 1
    return TrainingRow(
        ids,
        encoded.positions,
        tuple(map(float, solution.labels)),
        flat_evidence(encoded),
        tuple(targets),
        tuple(weights),
        encoded.calculator,
    )


class Batches(IterableDataset[list[TrainingRow]]):
    """Batches made as they are needed, of rows of similar length; determined by the seed."""

    def __init__(
        self,
        config: ScratchConfig,
        seed: int,
        n_batches: int,
        tokenizer: PreTrainedTokenizerFast,
        template: Template,
        gsm8k: Sequence[Plan] = (),
        begin: float = 0.0,
    ) -> None:
        """
        Args:
            config: for `batch_tokens`.
            seed: of the solutions and their order.
            n_batches: how many there are; the curriculum follows the share that has been made.
            tokenizer, template: the model's.
            gsm8k: solutions to put errors into, in addition to the generated problems.
            begin: the first batch's place in the curriculum.
        """
        self._config, self._seed, self._n_batches = config, seed, n_batches
        self._tokenizer, self._template, self._gsm8k = tokenizer, template, gsm8k
        self._begin = begin

    def __iter__(self) -> Iterator[list[TrainingRow]]:
        rng = random.Random(self._seed)
        batch_tokens = self._config.batch_tokens
        made, pool_batches = 0, 24
        while made < self._n_batches:
            pool: list[TrainingRow] = []
            size = 0
            while size < batch_tokens * pool_batches:
                progress = self._begin + (1 - self._begin) * made / self._n_batches
                solution = generate(rng, progress, gsm8k=self._gsm8k)
                pool.append(make_row(self._tokenizer, self._template, solution))
                size += len(pool[-1].input_ids)
            pool.sort(key=lambda row: len(row.input_ids))
            groups: list[list[TrainingRow]] = [[]]
            for row in pool:
                if (len(groups[-1]) + 1) * len(row.input_ids) > batch_tokens:
                    groups.append([])
                groups[-1].append(row)
            rng.shuffle(groups)
            for group in groups:
                if group and made < self._n_batches:
                    made += 1
                    yield group


_FACTS_ARE_KNOWN = 0.5  # share of the curriculum that a model to continue from has completed


def learning_rate(progress: float, steps: int) -> float:
    """Factor of the peak rate: warm-up over 150 steps, flat to 55 %, then linear to 2 %."""
    warm = min(1.0, (progress * steps + 1) / 150)
    return warm * min(1.0, 0.02 + 0.98 * (1 - progress) / 0.45)


def train_from_scratch(
    config: ScratchConfig,
    loss: Loss,
    run_config: RunConfig,
    *,
    gsm8k: Sequence[Plan] = (),
    start: Path | None = None,
) -> dict[str, float]:
    """Train from scratch and write a checkpoint that `load_scorer` reads.

    Args:
        config: shape and length.
        loss: the default model's has a language-model weight of 1.
        run_config: seed, device, checkpoints.
        gsm8k: solutions to put errors into, in addition to the generated problems
            (`synthetic.gsm8k`).
        start: a model that was trained here, to continue from with its vocabulary and weights; its
            shape then replaces that of `config`, and a new head is trained.

    Returns:
        The last metrics of the run.

    Raises:
        BadOptionError: the device is not available, or the directory holds checkpoints.
        ModelLoadError: the model to start from cannot be loaded.
    """
    torch.manual_seed(run_config.seed)
    tokenizer, model = (
        _new_model(config, run_config.seed, gsm8k) if start is None else _started(start)
    )
    template = read_template(PRM_FILE, tokenizer)
    model.set_attn_implementation("eager")  # on a CPU in bfloat16 1.5 times as fast as sdpa
    head = template.head(int(model.config.hidden_size))
    verifier = Verifier(model, head, loss)

    def optimizer() -> torch.optim.Optimizer:
        matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
        chosen = {id(p) for p in matrices}
        others = [p for p in verifier.parameters() if id(p) not in chosen]
        return MuonAndAdamW(matrices, others, config.muon_lr, config.adamw_lr)

    n_processes = int(os.environ.get("WORLD_SIZE", "1"))
    arguments = {
        **asdict(config),
        **asdict(loss),
        "seed": run_config.seed,
        "precision": run_config.precision,
        "processes": n_processes,
        "gsm8k": len(gsm8k),
        "start": None if start is None else str(start),
    }
    data = [("problems made by `prm_core/synthetic`", f"{config.steps * n_processes:,} batches")]
    if gsm8k:
        data.append(("GSM8K's training part, with errors put in", f"{len(gsm8k):,} solutions"))
    return run(
        Learner(verifier, model, head, tokenizer, PRM_FILE, dtype=torch.float16),
        Feed(
            Batches(
                config,
                run_config.seed,
                config.steps * n_processes,
                tokenizer,
                template,
                gsm8k,
                begin=0.0 if start is None else _FACTS_ARE_KNOWN,
            ),
            lambda rows: collate(rows, tokenizer.pad_token_id, loss),
            steps=config.steps,
            arguments=arguments,
        ),
        Recipe(
            optimizer=optimizer,
            schedule=lambda step: learning_rate(step / config.steps, config.steps),
            cpu_precision="bfloat16",
        ),
        run_config,
        Card(
            None,
            "It was trained from scratch." if start is None else f"It continues from `{start}`.",
            data,
            PRM_FILE,
            arguments,
            run_config.command,
        ),
    )


def _new_model(
    config: ScratchConfig, seed: int, gsm8k: Sequence[Plan]
) -> tuple[PreTrainedTokenizerFast, LlamaForCausalLM]:
    """An untrained model with its own vocabulary."""
    tokenizer = _tokenizer(config, seed, gsm8k)
    settings = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.hidden_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.heads,
        intermediate_size=config.mlp_size,
        max_position_embeddings=4096,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
    )
    return tokenizer, LlamaForCausalLM(settings)


def _started(start: Path) -> tuple[PreTrainedTokenizerFast, LlamaForCausalLM]:
    """A model that was trained here, in float32."""
    place = Placement(torch.device("cpu"), torch.float32, "training")
    folder = ModelFolder(start)
    with quiet_transformers():
        config = load_config(folder)
        tokenizer = load_tokenizer(start)
        model = load_backbone(folder, config, place, AutoModelForCausalLM)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    assert isinstance(model, LlamaForCausalLM)
    model.requires_grad_(True)  # it was loaded frozen
    return tokenizer, model


def _tokenizer(config: ScratchConfig, seed: int, gsm8k: Sequence[Plan]) -> PreTrainedTokenizerFast:
    """The vocabulary, learnt from texts like those of the training."""
    rng = random.Random(seed + 1)
    made = [generate(rng) for _ in range(config.vocabulary_texts)]
    made += [solve(rng, plan, error_rate=0) for plan in gsm8k]
    return build_tokenizer([t for s in made for t in (s.problem, *s.steps)], config.vocabulary)

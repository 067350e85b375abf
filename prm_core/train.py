"""Train a value-head PRM from scratch on problems that `prm_core.synthetic` makes.

Training shares its path with scoring: the same `encode`, the same positions, the same evidence
features and the same `ValueHead`. The loss is binary cross-entropy on the head's log-odds at the
step ends plus a language-model loss, without which the small model learns arithmetic far more
slowly. The language-model loss asks for what the *true* solution says: in every step the tokens
up to the first one that differs count, and there the true token; what follows a wrong token has
no target.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from prm_core.device import choose_device
from prm_core.errors import BadOptionError, DataError
from prm_core.families.value_head import Template, encode, read_template, save_value_head
from prm_core.gsm8k import read_plans
from prm_core.paths import assets_dir
from prm_core.readout import ValueHead, evidence_features, token_log_probability
from prm_core.synthetic import LabelledSolution, Plan, generate, solve
from prm_core.types import Candidate

_log = logging.getLogger(__name__)

BOS, QUESTION_END, STEP_END, PAD, UNKNOWN = "[BOS]", "[Q]", "[STEP]", "[PAD]", "[UNK]"
_EVIDENCE = [*"0123456789", "+", "-", "×", "/", "%", "."]

PRM_FILE: dict[str, Any] = {
    "format": 1,
    "family": "value_head",
    "layout": {"problem": "{problem}", "problem_end": QUESTION_END, "step": "{step}"},
    "marker": STEP_END,
    "evidence": {"tokens": _EVIDENCE},
    "threshold": 0.5,
}
"""The family file of a model trained here: `[BOS] problem [Q] step [STEP] step [STEP]`."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """What decides a training run; the model card names it.

    Attributes:
        steps: optimizer steps.
        batch_tokens: tokens per batch, padding included.
        hidden_size, layers, heads, mlp_size: shape of the backbone.
        vocabulary: entries of the tokenizer at most.
        lm_weight: weight of the language-model loss beside the step loss.
        muon_lr, adamw_lr: peak learning rates of the layers' matrices and of everything else.
        seed: of data, weights and order.
    """

    steps: int = 24_000
    batch_tokens: int = 1024
    hidden_size: int = 160
    layers: int = 6
    heads: int = 5
    mlp_size: int = 432
    vocabulary: int = 1400
    lm_weight: float = 1.0
    muon_lr: float = 4e-3
    adamw_lr: float = 2e-3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if name != "seed" and not value > 0:
                raise BadOptionError(f"{name} is {value}; it must be above 0")
        if self.hidden_size % (2 * self.heads):
            raise BadOptionError(
                f"hidden_size {self.hidden_size} cannot be split into {self.heads} heads "
                "of even size"
            )


# One spelling for each sign, so that scores do not depend on notation. The rules travel inside
# tokenizer.json, where no caller can forget them.
_SPELLINGS: tuple[tuple[str, str], ...] = (
    (r"\\(?:left|right|,|;|!|quad|displaystyle|text|mathrm|boxed)", " "),
    (r"\\[dt]?frac\s*\{", ""),
    (r"\}\s*\{", "/"),
    (r"\\(?:times|cdot)|[·⋅∙✕✖⨯]", "×"),
    (r"\\div|÷", "/"),
    (r"[−–—]", "-"),
    (r"\\%", "%"),
    (r"\\[()\[\]]", " "),
    (r"\*\*|__|[`#]", " "),
    (r"\*", "×"),
    (r"(?<=[0-9)])\s*x\s*(?=[0-9(])", "×"),
    (r"[{}$]", " "),
    (r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))", ""),
    (r"[’‘]", "'"),
    (r"<<[^<>]*>>", ""),
    (r"(?<![0-9])\.(?=[0-9])", "0."),
    (r"[.\s]*\z", " ."),
)


def build_tokenizer(texts: Sequence[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer with one token per digit and one spelling for each sign.

    Args:
        texts: what the words are learnt from.
        vocabulary: entries at most.
    """
    special = [PAD, UNKNOWN, BOS, QUESTION_END, STEP_END]
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN, max_input_chars_per_word=64))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Lowercase(),
            *(normalizers.Replace(Regex(pattern), to) for pattern, to in _SPELLINGS),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.BertPreTokenizer(), pre_tokenizers.Digits(individual_digits=True)]
    )
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=[*_EVIDENCE, *"abcdefghijklmnopqrstuvwxyz=()?!,:;'\"$<>^|&@_[]~"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        pad_token=PAD,
        unk_token=UNKNOWN,
        additional_special_tokens=[QUESTION_END, STEP_END],
    )


@dataclass(frozen=True, slots=True)
class Example:
    """A solution as the model is trained on it.

    Attributes:
        input_ids: [T].
        positions: [S]; where each step is judged.
        labels: [S]; 1.0 right, 0.0 wrong.
        evidence: (index of the token, index of its step) of every token that counts.
        targets: [T]; the token that should stand here, -1 where nothing is asked.
        weights: [T]; of each target in the language-model loss.
    """

    input_ids: tuple[int, ...]
    positions: tuple[int, ...]
    labels: tuple[float, ...]
    evidence: tuple[tuple[int, int], ...]
    targets: tuple[int, ...]
    weights: tuple[float, ...]


_WORD_WEIGHT = 0.1  # words can be put in many ways; digits and signs follow from the problem


def make_example(
    tokenizer: PreTrainedTokenizerFast, template: Template, solution: LabelledSolution
) -> Example:
    """Encode a solution with its labels and with what should have been written."""
    assert template.problem_end is not None
    encoded = encode(tokenizer, template, Candidate(solution.problem, solution.steps))
    true = encoded
    if solution.steps != solution.truth:
        true = encode(tokenizer, template, Candidate(solution.problem, solution.truth))
    ids = encoded.input_ids
    targets, weights = [-1] * len(ids), [0.0] * len(ids)
    # The first step begins behind the token that ends the problem.
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
    return Example(
        ids,
        encoded.positions,
        tuple(map(float, solution.labels)),
        tuple((t, s) for s, tokens in enumerate(encoded.evidence) for t in tokens),
        tuple(targets),
        tuple(weights),
    )


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples side by side, padded at the right; causal attention needs no mask for that."""

    input_ids: Tensor  # [B, T]
    rows: Tensor  # [S] which sequence
    positions: Tensor  # [S]
    labels: Tensor  # [S] float32
    evidence: Tensor  # [E, 3]: row, token, step in the batch
    target_rows: Tensor  # [N]
    target_positions: Tensor  # [N]
    targets: Tensor  # [N]
    weights: Tensor  # [N]


def collate(examples: Sequence[Example], pad: int, device: torch.device) -> Batch:
    """Put examples into one batch."""
    width = max(len(e.input_ids) for e in examples)
    ids = torch.full((len(examples), width), pad)
    rows: list[int] = []
    positions: list[int] = []
    labels: list[float] = []
    evidence: list[tuple[int, int, int]] = []
    asked: list[tuple[int, int, int, float]] = []
    for b, e in enumerate(examples):
        ids[b, : len(e.input_ids)] = torch.tensor(e.input_ids)
        evidence += [(b, token, len(positions) + step) for token, step in e.evidence]
        rows += [b] * len(e.positions)
        positions += e.positions
        labels += e.labels
        asked += [
            (b, t, target, weight)
            for t, (target, weight) in enumerate(zip(e.targets, e.weights, strict=True))
            if target >= 0
        ]
    target_rows, target_positions, targets, weights = zip(*asked, strict=True)
    return Batch(
        ids.to(device),
        torch.tensor(rows, device=device),
        torch.tensor(positions, device=device),
        torch.tensor(labels, device=device),
        torch.tensor(evidence, device=device).reshape(-1, 3),
        torch.tensor(target_rows, device=device),
        torch.tensor(target_positions, device=device),
        torch.tensor(targets, device=device),
        torch.tensor(weights, device=device),
    )


def losses(model: LlamaForCausalLM, head: ValueHead, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """(step loss, language-model loss, log-odds [S]) of one batch.

    The step loss is the binary cross-entropy, averaged over all steps of the batch.
    """
    hidden = model.model(input_ids=batch.input_ids, use_cache=False).last_hidden_state  # [B, T, H]
    embedding = model.model.embed_tokens.weight  # [V, H]; the LM head is tied to it
    row, token, step = batch.evidence.unbind(1)
    log_p = token_log_probability(hidden[row, token - 1], embedding, batch.input_ids[row, token])
    features = evidence_features(log_p, step, len(batch.labels))
    logits = head(hidden[batch.rows, batch.positions], features)
    step_loss = functional.binary_cross_entropy_with_logits(logits, batch.labels)
    before = hidden[batch.target_rows, batch.target_positions - 1]
    word_loss = -token_log_probability(before, embedding, batch.targets) * batch.weights
    return step_loss, word_loss.sum() / batch.weights.sum(), logits


def batches(
    config: TrainConfig,
    tokenizer: PreTrainedTokenizerFast,
    template: Template,
    device: torch.device,
    gsm8k: Sequence[Plan] = (),
) -> Iterator[Batch]:
    """One batch per optimizer step, made as they are needed; examples of like length together."""
    rng = random.Random(config.seed)
    made, pool_batches = 0, 24
    while made < config.steps:
        pool: list[Example] = []
        size = 0
        while size < config.batch_tokens * pool_batches:
            solution = generate(rng, made / config.steps, gsm8k=gsm8k)
            pool.append(make_example(tokenizer, template, solution))
            size += len(pool[-1].input_ids)
        pool.sort(key=lambda e: len(e.input_ids))
        groups: list[list[Example]] = [[]]
        for example in pool:
            if (len(groups[-1]) + 1) * len(example.input_ids) > config.batch_tokens:
                groups.append([])
            groups[-1].append(example)
        rng.shuffle(groups)
        for group in groups:
            if group and made < config.steps:
                made += 1
                yield collate(group, tokenizer.pad_token_id, device)


def learning_rate(progress: float, steps: int) -> float:
    """Factor of the peak rate: warm-up over 150 steps, flat to 55 %, then linear to 2 %."""
    warm = min(1.0, (progress * steps + 1) / 150)
    return warm * min(1.0, 0.02 + 0.98 * (1 - progress) / 0.45)


def train(
    config: TrainConfig, output: Path, *, gsm8k: Sequence[Plan] = (), device: str = "auto"
) -> None:
    """Train from scratch and write a checkpoint that `load_scorer` reads.

    Args:
        config: what decides the run.
        output: directory to write to.
        gsm8k: solutions to spoil, beside the generated problems (`prm_core.gsm8k`).
        device: "auto", "cpu", "cuda", …

    Raises:
        BadOptionError: the device is not available.
    """
    place = choose_device(device).device
    torch.manual_seed(config.seed)
    rng = random.Random(config.seed + 1)
    made = [generate(rng) for _ in range(20_000)]
    made += [solve(rng, plan, error_rate=0) for plan in gsm8k]
    words = [t for s in made for t in (s.problem, *s.steps)]
    tokenizer = build_tokenizer(words, config.vocabulary)
    template = read_template(PRM_FILE, tokenizer)
    backbone = LlamaConfig(
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
    model = LlamaForCausalLM(backbone)
    model.set_attn_implementation("eager")  # on a CPU in bfloat16 half as fast again as sdpa
    nn.Module.to(model, place)  # transformers' own `to` has no types
    model.train()
    head = ValueHead(config.hidden_size, evidence=True).to(place).train()
    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    others = [p for p in (*model.parameters(), *head.parameters()) if id(p) not in chosen]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(
            matrices,
            lr=config.muon_lr,
            momentum=0.95,
            weight_decay=0.02,
            adjust_lr_fn="match_rms_adamw",
        ),
        torch.optim.AdamW(others, lr=config.adamw_lr, betas=(0.9, 0.98), weight_decay=0.01),
    ]
    peaks = [group["lr"] for optimizer in optimizers for group in optimizer.param_groups]
    began = time.monotonic()
    n_tokens, n_right, n_steps = 0, 0, 0
    for index, batch in enumerate(batches(config, tokenizer, template, place, gsm8k)):
        factor = learning_rate(index / config.steps, config.steps)
        for optimizer, peak in zip(optimizers, peaks, strict=True):
            optimizer.param_groups[0]["lr"] = peak * factor
            optimizer.zero_grad(set_to_none=True)
        with torch.autocast(place.type, dtype=torch.bfloat16):
            step_loss, word_loss, logits = losses(model, head, batch)
        (step_loss + config.lm_weight * word_loss).backward()
        nn.utils.clip_grad_norm_([*matrices, *others], 1.0)
        for optimizer in optimizers:
            optimizer.step()
        n_tokens += batch.input_ids.numel()
        n_right += int(((logits > 0) == (batch.labels > 0.5)).sum())
        n_steps += len(batch.labels)
        if (index + 1) % 100 == 0 or index + 1 == config.steps:
            used = time.monotonic() - began
            left = used / (index + 1) * (config.steps - index - 1)
            _log.info(
                "step %d of %d, step loss %.3f, word loss %.3f, step accuracy %.3f, "
                "%.0f tokens/s, %.0f s left",
                index + 1,
                config.steps,
                step_loss.item(),
                word_loss.item(),
                n_right / n_steps,
                n_tokens / used,
                left,
            )
            n_right, n_steps = 0, 0
        if (index + 1) % 1000 == 0 or index + 1 == config.steps:
            save(output, config, tokenizer, model, head)


def save(
    output: Path,
    config: TrainConfig,
    tokenizer: PreTrainedTokenizerFast,
    model: LlamaForCausalLM,
    head: ValueHead,
) -> None:
    """Write a checkpoint; weights in float16, the head in float32."""
    output.mkdir(parents=True, exist_ok=True)
    half = LlamaForCausalLM(model.config)
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(output)
    tokenizer.save_pretrained(output)
    save_value_head(output, head, PRM_FILE)
    (output / "training.json").write_text(json.dumps(asdict(config), indent=2) + "\n")


def read_solutions(path: Path) -> Iterator[tuple[str, list[str]]]:
    """(problem, steps) of every row of a (gzip) JSONL file.

    Raises:
        DataError: the file cannot be read, or a row has no problem and steps.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                row = json.loads(line)
                if not isinstance(row, dict) or not {"problem", "steps"} <= row.keys():
                    raise DataError("has no problem and steps", path=path, line=number)
                yield row["problem"], row["steps"]
    except (OSError, ValueError) as error:
        raise DataError(f"cannot be read: {error}", path=path) from error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `train`: where to, and every field of `TrainConfig`."""
    parser.add_argument("-o", "--output", type=Path, required=True, help="directory to write")
    parser.add_argument(
        "--gsm8k",
        type=Path,
        default=assets_dir() / "gsm8k" / "train.jsonl.gz",
        metavar="FILE",
        help="JSONL (or .jsonl.gz) of GSM8K's problems and steps, calculator marks included "
        "(default: the training part, which comes along)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (default: auto)")
    for field in fields(TrainConfig):
        parser.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=field.default,
            metavar="N",
            help=f"default: {field.default}",
        )


def main(options: argparse.Namespace) -> int:
    """Run `train` and say how it goes on stderr."""
    _log.setLevel(logging.INFO)
    config = TrainConfig(**{f.name: getattr(options, f.name) for f in fields(TrainConfig)})
    plans = read_plans(read_solutions(options.gsm8k))
    _log.info("%d solutions of %s can be spoiled", len(plans), options.gsm8k)
    train(config, options.output, gsm8k=plans, device=options.device)
    return 0

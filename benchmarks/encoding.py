"""Which share of scoring is making token ids.

    python benchmarks/encoding.py --threads 1

Solutions of GSM8K (`data/`), a byte-level BPE of 8,000 words that is trained on them, and a Qwen2
of 62 million random parameters. Two workloads: six solutions for each of 20 problems, and the last
round of a beam search, 64 paths of ten steps. Encoding is timed as scoring does it, problem by
problem, without texts from before; scoring is timed as a whole, encoding included.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
import tempfile
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from benchmarks.packing import Sizes, now, random_model
from prm_core.families.heads import ValueHead
from prm_core.families.value_head import TEXTBOOK, save_value_head
from prm_core.models.device import choose_device
from prm_core.scoring.load import load_scorer
from prm_core.scoring.local import Scorer
from prm_core.types import Candidate

POOLS = Path(__file__).parent / "data" / "gsm8k_test6.jsonl.gz"


def tokenizer_of(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level, as Qwen's and Llama's are."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=8000,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


def make_scorer(folder: Path, texts: list[str], device: str, dtype: str) -> Scorer:
    """A checkpoint on disk, loaded as any other."""
    tokenizer = tokenizer_of(texts)
    placement = choose_device("cpu", "float32")
    backbone, _ = random_model(Sizes(n_vocabulary=len(tokenizer)), placement)
    backbone.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    save_value_head(folder, ValueHead(backbone.config.hidden_size), TEXTBOOK)
    return load_scorer(folder, device=device, dtype=dtype, keep_bytes=0)


def search(problem: str, steps: list[str]) -> list[Candidate]:
    """64 paths of ten steps, as a search that keeps 16 leaves them."""
    draw = random.Random(0)
    beams: list[tuple[str, ...]] = [()] * 16
    for _ in range(10):
        paths = [(*beam, draw.choice(steps)) for beam in beams for _ in range(4)]
        beams = draw.sample(paths, 16)
    return [Candidate(problem, path) for path in paths]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's)")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    with gzip.open(POOLS, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    solutions = [one for row in rows for one in row["solutions"] if one["steps"]]
    pools = [
        [Candidate(row["problem"], tuple(one["steps"])) for one in row["solutions"] if one["steps"]]
        for row in rows[:20]
    ]
    steps = [step for one in solutions for step in one["steps"]]
    with tempfile.TemporaryDirectory() as folder:
        scorer = make_scorer(
            Path(folder), [one["text"] for one in solutions], options.device, options.dtype
        )
        print(
            f"{scorer.device_reason}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        )
        for name, calls in (
            ("six solutions, 20 problems", pools),
            ("search, 64 paths", [search(rows[0]["problem"], steps)]),
        ):
            encoding, scoring = [], []
            for _ in range(options.repeats):
                began, n_tokens = now(scorer.device), 0
                for candidates in calls:
                    scorer.forget()
                    n_tokens += sum(len(scorer.encode(one).input_ids) for one in candidates)
                encoding.append(now(scorer.device) - began)
                began = now(scorer.device)
                for candidates in calls:
                    scorer.score(candidates)
                scoring.append(now(scorer.device) - began)
            encode_s, score_s = statistics.median(encoding), statistics.median(scoring)
            print(
                f"{name}: {n_tokens:,} tokens, encoded at {n_tokens / encode_s:,.0f}/s, scored at "
                f"{n_tokens / score_s:,.0f}/s; encoding is {encode_s / score_s:.2%} of scoring"
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

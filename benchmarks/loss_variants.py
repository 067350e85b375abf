"""What the variants of the loss change: the same small training with each, three seeds.

    python benchmarks/loss_variants.py [--backbone DIRECTORY] [--solutions N] [--seeds N]

The backbone is the default model's, with a new value head. It is trained for one epoch on made
solutions, and measured on others whose problems it did not see. Prints Markdown: mean and standard
deviation over the seeds. `docs/training.md` has the figures.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from pathlib import Path

from prm_core import Candidate, load_scorer
from prm_core.evaluation.metrics import auroc, first_error_score
from prm_core.models.weight_files import read_json
from prm_core.paths import assets_dir
from prm_core.synthetic.stream import generate
from prm_core.training.data import Source, same_problem
from prm_core.training.loss import Loss
from prm_core.training.options import RunConfig, TuneConfig
from prm_core.training.tune import fine_tune
from prm_core.types import Example

VARIANTS = {
    "plain": Loss(),
    "`--pos-weight 0.4`": Loss(pos_weight=0.4),
    "`--later-weighs-more`": Loss(later=True),
    "`--mask-after-error`": Loss(mask_after_error=True),
    "`--ranking 0.5`": Loss(ranking=0.5),
    "`--lm-weight 0.5`": Loss(lm_weight=0.5),
}
FIGURES = ("AUROC", "AUROC to the first error", "first-error F1", "wrong steps found")


def solutions(n: int, seed: int) -> list[Example]:
    """Labelled solutions as training from scratch sees them."""
    rng = random.Random(seed)
    made = [generate(rng) for _ in range(n)]
    return [Example(Candidate(s.problem, s.steps), tuple(map(float, s.labels))) for s in made]


def figures(model: Path, examples: list[Example]) -> list[float]:
    """The columns of the table, for one trained model."""
    scored = load_scorer(model, device="cpu").score([e.candidate for e in examples])
    steps, early = [], []
    for one, example in zip(scored, examples, strict=True):
        end = len(example.labels) if example.first_error is None else example.first_error + 1
        pairs = [(v, y == 1.0) for v, y in zip(one.log_odds, example.labels, strict=True)]
        steps += pairs
        early += pairs[:end]
    verdicts = [(one.probabilities, e.first_error) for one, e in zip(scored, examples, strict=True)]
    wrong = [value < 0 for value, right in steps if not right]
    found = (
        auroc(*map(list, zip(*steps, strict=True))),
        auroc(*map(list, zip(*early, strict=True))),
        first_error_score(verdicts, 0.5).f1,
        sum(wrong) / len(wrong),
    )
    return [0.0 if value is None else value for value in found]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--backbone", default=str(assets_dir() / "default-model"))
    parser.add_argument("--solutions", type=int, default=1600, metavar="N")
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    options = parser.parse_args()
    held = solutions(options.solutions // 2, seed=-1)
    problems = {same_problem(e.candidate.problem) for e in held}
    prm = read_json(Path(options.backbone) / "prm.json")
    print(f"| loss | {' | '.join(FIGURES)} |\n| --- |{' --- |' * len(FIGURES)}", flush=True)
    for name, loss in VARIANTS.items():
        rows = []
        for seed in range(options.seeds):
            seen = [
                e
                for e in solutions(options.solutions, seed)
                if same_problem(e.candidate.problem) not in problems
            ]
            with tempfile.TemporaryDirectory() as folder:
                fine_tune(
                    TuneConfig(options.backbone, batch_size=8, learning_rate=1e-3),
                    [Source("made", tuple(seen))],
                    loss,
                    RunConfig(Path(folder), device="cpu", precision="bfloat16", seed=seed),
                    prm=prm,
                )
                rows.append(figures(Path(folder), held))
        cells = [
            f"{statistics.fmean(column):.3f} ± {statistics.pstdev(column):.3f}"
            for column in zip(*rows, strict=True)
        ]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

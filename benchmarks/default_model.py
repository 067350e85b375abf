"""How good the default model is, as the table of its model card.

    python benchmarks/default_model.py [--model DIRECTORY]

Everything is measured on what training never saw: generated problems in held-out phrasings and
with held-out operands, the test part of GSM8K with errors put in, and real errors of language
models on GSM8K (`benchmarks/data`). Prints Markdown.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from prm_core import Candidate, load_scorer
from prm_core.data import read_problems
from prm_core.evaluate import best_of_n_report, first_error_report, judge, judge_pools
from prm_core.labelled import read_examples
from prm_core.metrics import auroc, first_error_score, share
from prm_core.paths import assets_dir
from prm_core.pools import read_pools
from prm_core.scorer import Scorer
from prm_core.synthetic.gsm8k import read_plans, read_solutions
from prm_core.synthetic.phrases import UNSEEN
from prm_core.synthetic.problems import operation
from prm_core.synthetic.solution import LabelledSolution, solve
from prm_core.synthetic.stream import evaluation, generate, held_out

DATA = Path(__file__).parent / "data"
EXAMPLES = Path(__file__).parent.parent / "examples" / "reference.jsonl"
N = 400  # generated solutions of each kind
SEED = 20_000
WRONG_OPERANDS = ("operand", "operator", "reversed")

# One sign per step of each solution of examples/reference.jsonl.
REFERENCE = ["+++", "+--", "+++", "+-++", "+++", "+--", "+--", "++-++", "+++", "+--", "+-++"]


def arithmetic(sizes: Sequence[tuple[str, int, int]]) -> list[LabelledSolution]:
    """Solutions of these operations and sizes, `N` in all."""
    each = N // len(sizes)
    return [s for op, n_a, n_b in sizes for s in evaluation(SEED, op, n_a, n_b, each)]


def wrong_operands() -> Iterator[LabelledSolution]:
    """Half of these copy an operand wrongly or compute with another operation, truly."""
    rng = random.Random(SEED)
    while True:
        plan = operation(rng, phrases=UNSEEN)
        if max(plan.env.values()) < 10 or held_out(plan.kind, plan.env["a"], plan.env["b"]):
            yield solve(rng, plan, error_rate=0.5, correct_rate=0, errors=WRONG_OPERANDS)


def spoiled_gsm8k() -> Iterator[LabelledSolution]:
    """GSM8K's test solutions, six in ten with an error put in."""
    rng = random.Random(SEED)
    for plan in read_plans(read_solutions(assets_dir() / "gsm8k" / "test.jsonl.gz")):
        yield solve(rng, plan)


def measure(scorer: Scorer, solutions: Iterable[LabelledSolution]) -> list[float | None]:
    """Step accuracy, AUROC over steps, exactly located share of wrong solutions, of right ones."""
    made = list(solutions)
    scored = scorer.score([Candidate(s.problem, s.steps) for s in made])
    p = [x for one in scored for x in one.probabilities]
    labels = [label for s in made for label in s.labels]
    verdicts = [
        (one.probabilities, s.labels.index(False) if False in s.labels else None)
        for one, s in zip(scored, made, strict=True)
    ]
    located = first_error_score(verdicts, scorer.threshold)
    return [
        share([(x >= scorer.threshold) == y for x, y in zip(p, labels, strict=True)]),
        auroc(p, labels),
        located.error_accuracy,
        located.correct_accuracy,
    ]


def reference(scorer: Scorer) -> str:
    """How many reference steps are on their side of 0.5, and the narrowest margin."""
    with EXAMPLES.open("rb") as lines:
        rows = list(read_problems(lines, EXAMPLES))
    candidates = [Candidate(row.problem, tuple(s)) for row in rows for s in row.solutions]
    margins = [
        p - 0.5 if sign == "+" else 0.5 - p
        for signs, one in zip(REFERENCE, scorer.score(candidates), strict=True)
        for sign, p in zip(signs, one.probabilities, strict=True)
    ]
    right = sum(margin > 0 for margin in margins)
    return f"{right} of {len(margins)} steps right, narrowest margin {min(margins):+.2f}"


def groups() -> dict[str, Callable[[], Iterable[LabelledSolution]]]:
    """What is generated, by the name that the table gives it."""
    ops = ("add", "sub", "mul", "div")
    made: dict[str, Callable[[], Iterable[LabelledSolution]]] = {
        "one digit, + − × ÷": lambda: arithmetic([(op, 1, 1) for op in ops]),
        "two and three digits, + −": lambda: arithmetic(
            [(op, n, n) for op in ops[:2] for n in (2, 3)]
        ),
        "2×1 and 3×1 digits, × ÷": lambda: arithmetic(
            [(op, n, 1) for op in ops[2:] for n in (2, 3)]
        ),
        "wrong operand or operator": lambda: take(wrong_operands()),
    }
    for kind in ("decimals", "percent", "fractions", "order", "linear", "word"):
        made[kind] = lambda kind=kind: of_kind(kind)  # type: ignore[misc]
    made["spoiled GSM8K test solutions"] = spoiled_gsm8k
    return made


def take(solutions: Iterator[LabelledSolution]) -> list[LabelledSolution]:
    return [next(solutions) for _ in range(N)]


def of_kind(kind: str) -> list[LabelledSolution]:
    """Problems of a kind; their templates are those of training, the numbers are drawn anew."""
    rng = random.Random(SEED)
    return [generate(rng, kinds=[kind]) for _ in range(N)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="directory or hub name; the default model when not given")
    scorer = load_scorer(parser.parse_args().model)
    print(f"Reference examples: {reference(scorer)}.\n")
    print("| generated | step accuracy | AUROC | first error exact | right ones passed |")
    print("| --- | --- | --- | --- | --- |")
    for name, solutions in groups().items():
        figures = measure(scorer, solutions())
        print(f"| {name} | " + " | ".join(f"{x:.3f}" for x in figures) + " |", flush=True)
    print("\n| real errors | F1 | AUROC | wrong located | right passed |")
    print("| --- | --- | --- | --- | --- |")
    for name in ("mr_gsm8k", "processbench_gsm8k"):
        path = DATA / f"{name}.jsonl.gz"
        report = first_error_report(
            judge(scorer, read_examples(path)),
            model=scorer.model_id,
            source=name,
            threshold=scorer.threshold,
            threshold_source="the model's own",
        )
        figures = [report.f1, report.auroc, report.error_accuracy, report.correct_accuracy]
        print(f"| {name} | " + " | ".join(f"{x:.3f}" for x in figures) + " |", flush=True)
    path = DATA / "gsm8k_test6.jsonl.gz"
    chosen = best_of_n_report(
        judge_pools(scorer, read_pools(path)), model=scorer.model_id, source=path.name
    )
    print(f"\n| best of {chosen.n}, {chosen.n_problems} GSM8K problems | accuracy |")
    print("| --- | --- |")
    for rule, accuracy in chosen.accuracy.items():
        print(f"| {rule} | {accuracy:.3f} |")


if __name__ == "__main__":
    sys.exit(main())

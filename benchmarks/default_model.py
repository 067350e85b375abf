"""How good a model is at school mathematics: the table of our model cards.

    python benchmarks/default_model.py [--model DIRECTORY] [--problems N] [--generated]

Hand-typed problems, problems that a language model wrote with right and wrong solutions, GSM8K
solutions spoiled in kinds that training never sees, real errors of language models, best of six,
and the teaching examples in their own and in twelve other phrasings.
Where a set is also fitted on, only problems of its half "report" count
(`prm_core.synthetic.halves`). Beside the model is a guess from position and length alone,
fitted on the other half. Prints Markdown.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.content_blind import fit_content_blind
from benchmarks.phrasings import PHRASINGS, other_words
from prm_core import Candidate, load_scorer, rank
from prm_core.evaluation.judge import judge_pools
from prm_core.evaluation.metrics import (
    auroc,
    calibration,
    first_error_score,
    plain_mean,
    share,
    sweep,
)
from prm_core.evaluation.reports import best_of_n_report
from prm_core.formats.candidate_sets import CandidateSet, read_candidate_sets
from prm_core.formats.labelled import read_examples
from prm_core.formats.problems import read_problems
from prm_core.paths import assets_dir
from prm_core.scoring.local import Scorer
from prm_core.synthetic.gsm8k import read_plans, read_solutions
from prm_core.synthetic.halves import half
from prm_core.synthetic.phrases import UNSEEN
from prm_core.synthetic.problems import operation
from prm_core.synthetic.solution import ERRORS, HELD_OUT_ERRORS, LabelledSolution, solve
from prm_core.synthetic.stream import evaluation, generate, held_out
from prm_core.types import Example

ROOT = Path(__file__).parent.parent
DATA = ROOT / "benchmarks" / "data"
EXAMPLES = ROOT / "examples" / "reference.jsonl"
VISITORS = ROOT / "tests" / "data" / "visitors.jsonl"
N = 400  # generated solutions of each kind
SEED = 20_000
WRONG_OPERANDS = ("operand", "operator", "reversed")

# One sign per step of each solution of examples/reference.jsonl.
REFERENCE = ["+++", "+--", "+++", "+-++", "+++", "+--", "+--", "++-++", "+++", "+--", "+-++"]


@dataclass(frozen=True, slots=True)
class Row:
    """A solution with P(step is right) of each step, or None where nobody said."""

    candidate: Candidate
    labels: tuple[float | None, ...]

    @property
    def first_error(self) -> int | None:
        """Index of its first wrong step; None when it has none."""
        return self.labels.index(0.0) if 0.0 in self.labels else None


Scores = Sequence[Sequence[float]]  # of each solution, of each step


# --- the sets -------------------------------------------------------------------------------------


def labelled(path: Path) -> list[Row]:
    """The rows of a file of labelled solutions."""
    examples = [row for row in read_examples(path) if isinstance(row, Example)]
    return [Row(example.candidate, example.labels) for example in examples]


def spoiled_gsm8k(errors: Sequence[str]) -> list[Row]:
    """GSM8K's test solutions, six in ten with an error of these kinds."""
    rng = random.Random(SEED)
    plans = read_plans(read_solutions(assets_dir() / "gsm8k" / "test.jsonl.gz"))
    return [row_of(solve(rng, plan, errors=errors)) for plan in plans]


def row_of(solution: LabelledSolution) -> Row:
    return Row(Candidate(solution.problem, solution.steps), tuple(map(float, solution.labels)))


def measured_sets() -> dict[str, Callable[[], list[Row]]]:
    """The sets by the name that the table gives them."""
    return {
        "hand-typed": lambda: labelled(VISITORS),
        "written by a language model": lambda: labelled(DATA / "written.jsonl.gz"),
        "spoiled GSM8K, unseen kinds": lambda: spoiled_gsm8k(HELD_OUT_ERRORS),
        "spoiled GSM8K, kinds of training": lambda: spoiled_gsm8k(ERRORS),
        "MR-GSM8K": lambda: labelled(DATA / "mr_gsm8k.jsonl.gz"),
        "ProcessBench GSM8K": lambda: labelled(DATA / "processbench_gsm8k.jsonl.gz"),
    }


# --- the figures ----------------------------------------------------------------------------------


def figures(rows: Sequence[Row], scores: Scores, threshold: float) -> list[float | None]:
    """Steps right, AUROC, F1, first errors located, right ones passed and calibration error."""
    steps = [
        (p, label)
        for row, found in zip(rows, scores, strict=True)
        for p, label in zip(found, row.labels, strict=True)
        if label is not None
    ]
    p, labels = [p for p, _ in steps], [label for _, label in steps]
    located = first_error_score(verdicts(rows, scores), threshold)
    return [
        share([(x >= threshold) == (y >= 0.5) for x, y in steps]),
        auroc(p, [y >= 0.5 for y in labels]),
        located.f1,
        located.error_accuracy,
        located.correct_accuracy,
        calibration(p, labels).ece,
    ]


def verdicts(rows: Sequence[Row], scores: Scores) -> list[tuple[Sequence[float], int | None]]:
    """Probabilities and true first error of each solution."""
    return [(found, row.first_error) for row, found in zip(rows, scores, strict=True)]


def best_threshold(rows: Sequence[Row], scores: Scores) -> float:
    """The threshold with the highest F1 on these."""
    best = sweep({"": verdicts(rows, scores)}).best_threshold
    return 0.5 if best is None else best


def content_blind(fit: Sequence[Row], report: Sequence[Row]) -> list[float | None]:
    """The figures of a guess from position and length, its threshold too from the half "fit"."""
    model = fit_content_blind([(row.candidate, row.labels) for row in fit])
    threshold = best_threshold(fit, [model.probabilities(row.candidate) for row in fit])
    return figures(report, [model.probabilities(row.candidate) for row in report], threshold)


def scores_of(scorer: Scorer, rows: Sequence[Row]) -> Scores:
    return [one.probabilities for one in scorer.score([row.candidate for row in rows])]


def table_of_sets(scorer: Scorer, n_most: int | None) -> Iterator[str]:
    """The table's lines: of each set the model, at its own and at a fitted threshold, and a guess.

    Args:
        scorer: what is measured.
        n_most: so many solutions of a half at most, the first ones; None for all.
    """
    yield "| set | solutions | by | steps right | AUROC | F1 | located | passed | ECE |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, read in measured_sets().items():
        halves: dict[str, list[Row]] = {"fit": [], "report": []}
        for row in read():
            halves[half(row.candidate.problem)].append(row)
        fit, report = (halves[key][:n_most] for key in ("fit", "report"))
        guess = content_blind(halves["fit"], report)
        if name == "hand-typed":  # the model is not fitted on these, so all count
            guess = means(guess, content_blind(halves["report"], fit))
            report = [*fit, *report]
        scores = scores_of(scorer, report)
        start = f"| {name} | {len(report)} | "
        yield start + "model | " + told(figures(report, scores, scorer.threshold))
        if name != "hand-typed":
            chosen = best_threshold(fit, scores_of(scorer, fit))
            at = f"at {chosen:.2f}, from the other half | "
            yield start + at + told(figures(report, scores, chosen))
        yield start + "position and length | " + told(guess)


def means(one: Sequence[float | None], other: Sequence[float | None]) -> list[float | None]:
    """The mean of each two figures."""
    return [plain_mean(pair) for pair in zip(one, other, strict=True)]


def told(values: Sequence[float | None]) -> str:
    """The cells of a line."""
    return " | ".join("n/a" if x is None else f"{x:.3f}" for x in values) + " |"


def best_of_six(scorer: Scorer, n_most: int | None) -> Iterator[str]:
    """Choosing one of six solutions, and the rules that need no model beside it."""
    path = DATA / "gsm8k_test6.jsonl.gz"
    pools = [
        pool
        for pool in read_candidate_sets(path)
        if isinstance(pool, CandidateSet) and half(pool.solutions[0].candidate.problem) == "report"
    ]
    judged = judge_pools(scorer, pools[:n_most])
    chosen = best_of_n_report(judged, model=scorer.model_id, source=path.name, n_resamples=10)
    yield f"| best of {chosen.n}, {chosen.n_problems} GSM8K problems | accuracy |"
    yield "| --- | --- |"
    for rule, accuracy in chosen.accuracy.items():
        yield f"| {rule} | {accuracy:.3f} |"


# --- the teaching examples ------------------------------------------------------------------------


def teaching_examples(scorer: Scorer) -> Iterator[str]:
    """Signs and orders that come out, in the examples' own words and in others."""
    with EXAMPLES.open("rb") as lines:
        rows = list(read_problems(lines, EXAMPLES))
    own = [Candidate(row.problem, tuple(s)) for row in rows for s in row.solutions]
    yield f"Teaching examples: {signs_and_orders(scorer, [own])}.\n"
    others = [
        [
            Candidate(
                other_words(one.problem, phrasing, problem=True),
                tuple(other_words(step, phrasing) for step in one.steps),
            )
            for one in own
        ]
        for phrasing in PHRASINGS
    ]
    yield f"In {len(PHRASINGS)} other phrasings: {signs_and_orders(scorer, others)}.\n"


def signs_and_orders(scorer: Scorer, sets: Sequence[Sequence[Candidate]]) -> str:
    """How many steps are on their side, how many orders are as wanted, the narrowest margin."""
    margins, orders, whole = [], [], []
    for candidates in sets:
        scored = scorer.score(candidates)
        for signs, one in zip(REFERENCE, scored, strict=True):
            sides = [
                p - scorer.threshold if sign == "+" else scorer.threshold - p
                for sign, p in zip(signs, one.probabilities, strict=True)
            ]
            margins += sides
            whole.append(min(sides) > 0)
        trio = scored[-3:]  # right, wrong, corrected
        orders += [rank(trio, method)[0].index == 0 for method in ("min", "prod")]
        orders += [rank(trio, method)[-1].index == 1 for method in ("last", "mean")]
    return (
        f"{sum(m > 0 for m in margins)} of {len(margins)} steps on their side, {sum(whole)} of "
        f"{len(whole)} solutions wholly, {sum(orders)} of {len(orders)} orders, narrowest margin "
        f"{min(margins):+.2f}"
    )


# --- what is generated ----------------------------------------------------------------------------


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
        "wrong operand or operator": lambda: itertools.islice(wrong_operands(), N),
    }
    for kind in ("scenes", "decimals", "percent", "fractions", "order", "linear", "word"):
        made[kind] = lambda kind=kind: of_kind(kind)  # type: ignore[misc]
    return made


def of_kind(kind: str) -> list[LabelledSolution]:
    """Problems of a kind; their templates are those of training, the numbers are drawn anew."""
    rng = random.Random(SEED)
    return [generate(rng, kinds=[kind]) for _ in range(N)]


def table_of_generated(scorer: Scorer) -> Iterator[str]:
    """The same figures on generated problems."""
    yield "| generated | steps right | AUROC | F1 | located | passed | ECE |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, solutions in groups().items():
        rows = [row_of(solution) for solution in solutions()]
        yield f"| {name} | " + told(figures(rows, scores_of(scorer, rows), scorer.threshold))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="directory or hub name; the default model when not given")
    parser.add_argument(
        "--problems", type=int, help="solutions of each half at most; all when not given"
    )
    parser.add_argument("--generated", action="store_true", help="generated problems as well")
    options = parser.parse_args()
    scorer, began = load_scorer(options.model), time.monotonic()
    print(f"{scorer.model_id}, threshold {scorer.threshold:.2f}\n")
    parts = [
        teaching_examples(scorer),
        table_of_sets(scorer, options.problems),
        [""],
        best_of_six(scorer, options.problems),
    ]
    if options.generated:
        parts += [[""], table_of_generated(scorer)]
    for line in itertools.chain.from_iterable(parts):
        print(line, flush=True)
    print(f"\n{time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

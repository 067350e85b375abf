"""Score one solution and show where it went wrong.

    python -m examples.score_one
    python -m examples.score_one --model path/or/hub-name

The first uses the model that ships with the project.
"""

from __future__ import annotations

import argparse

from prm_core import Candidate, aggregate, load_scorer, split_steps

PROBLEM = "What is 15 / 3?"
SOLUTION = """\
I need to divide 15 by 3.
15 / 3 = 3.
Wait, let me recalculate: 15 / 3 = 5.
The answer is 5.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="directory or hub name; the default model when not given")
    scorer = load_scorer(parser.parse_args().model)

    (scored,) = scorer.score([Candidate(problem=PROBLEM, steps=split_steps(SOLUTION))])

    print(PROBLEM)
    for step, p in zip(scored.candidate.steps, scored.probabilities, strict=True):
        print(f"  {p:.3f}  {step}")
    for method in ("min", "prod", "last", "mean", "weighted"):
        print(f"{method:>8}: {aggregate(scored.probabilities, method):.3f}")
    print(f"weakest step: {scored.weakest_step + 1}")


if __name__ == "__main__":
    main()

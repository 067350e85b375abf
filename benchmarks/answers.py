"""How final answers are compared, on the right answers and the verdicts of public sets.

    python benchmarks/answers.py --gold FILE... [--verdicts FILE]

Every row of a gold FILE (JSON lines) has its right answer in `answer` or `final_answer`. Of 500 of
them, drawn with a fixed seed: how many are another answer once blanks are added after `,` `=` `+`,
or taken away; and how many of 4,000 random pairs of answers that are written differently count as
the same, and which. A verdicts FILE is Qwen2.5-Math's `eval_rm_maj_example`: solutions in `code`,
whether each is right in `score`, the right answer in `answer`.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from prm_core.answers.equality import same_answer
from prm_core.answers.final import final_answer
from prm_core.formats.labelled import rows_of
from prm_core.formats.rows import FileRow

_SEED = 7
_N_ANSWERS = 500
_N_PAIRS = 4000
_BLANK_NEEDED = re.compile(r"(\\[A-Za-z]+) +(?=[A-Za-z])|(?<=[A-Za-z]) +(?=[A-Za-z])")


def answers_of(path: str) -> list[str]:
    """The right answers of a file that are texts, without dollar signs around them."""
    found = []
    for row in rows_of(path):
        if isinstance(row, FileRow):
            given = row.fields.get("final_answer") or row.fields.get("answer")
            text = ", ".join(map(str, given)) if isinstance(given, list) else str(given)
            found.append(text.strip().strip("$"))
    return [text for text in found if text and "$" not in text]


def spaced(answer: str) -> str:
    """An answer with a blank behind every comma, equals sign and plus."""
    return re.sub(r"([,=+])(?! |\d{3}(?!\d)|\})", r"\1 ", answer)


def unspaced(answer: str) -> str:
    """An answer without blanks, but for those that part words or end a command."""
    kept = _BLANK_NEEDED.sub(lambda found: found[0].rstrip(" ") + "\0", answer)
    return kept.replace(" ", "").replace("\0", " ")


def changed(answers: Sequence[str], variants: Sequence[str]) -> str:
    """How many variants are another answer, of those that are written differently."""
    pairs = [(a, v) for a, v in zip(answers, variants, strict=True) if a != v]
    other = [pair for pair in pairs if not same_answer(*pair)]
    for pair in other:
        print("  not the same:", *pair, sep="\n    ")
    return f"{len(other)} of {len(pairs)}"


def verdicts(path: str) -> Iterator[tuple[bool, bool]]:
    """For each solution the source's verdict and ours."""
    for row in rows_of(path):
        if isinstance(row, FileRow):
            for text, right in zip(row.fields["code"], row.fields["score"], strict=True):
                yield bool(right), same_answer(final_answer(text), str(row.fields["answer"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gold", nargs="+", metavar="FILE", default=[])
    parser.add_argument("--verdicts", metavar="FILE")
    options = parser.parse_args()
    rng = random.Random(_SEED)
    every = [answer for path in options.gold for answer in answers_of(path)]
    if every:
        drawn = rng.sample(every, min(_N_ANSWERS, len(every)))
        print("blanks added:  ", changed(drawn, [spaced(one) for one in drawn]))
        print("blanks removed:", changed(drawn, [unspaced(one) for one in drawn]))
        pairs = [tuple(rng.sample(sorted(set(every)), 2)) for _ in range(_N_PAIRS)]
        seconds, same = [], []
        for one, other in pairs:
            began = time.thread_time()
            if same_answer(one, other):
                same.append((one, other))
            seconds.append(time.thread_time() - began)
        print(f"random pairs that are the same: {len(same)} of {len(pairs)}")
        for pair in same:
            print("  the same:", *pair, sep="\n    ")
        percent = statistics.quantiles(seconds, n=100)
        print(f"one comparison: {1e3 * percent[49]:.2f} ms, 99th {1e3 * percent[98]:.2f} ms")
    if options.verdicts:
        found = list(verdicts(options.verdicts))
        print("verdicts that agree:", sum(a == b for a, b in found), "of", len(found))


if __name__ == "__main__":
    main()

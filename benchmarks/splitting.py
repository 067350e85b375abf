"""How real solutions are cut: what should not be there, and for how many problems one rule fits.

    python benchmarks/splitting.py FILE...

Every row of a FILE (JSON lines, also gzip) is one problem. Its solutions are the texts in
`solutions` (or the `text` of each), in `code` as in Qwen2.5-Math's `eval_rm_maj_example`, or the
one in `solution` as in MATH-500. Prints a line for each file: how many texts have a step that holds
three or more numbered lines, a step without a letter or digit, a figure that is cut, or a step that
is only a tag; and how many problems are cut by one rule.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from prm_core.formats.labelled import rows_of
from prm_core.formats.rows import FileRow
from prm_core.text.steps import Splits, split_solutions

_NUMBERED_LINE = re.compile(r"^[ \t]*[*#]{0,4}[ \t]*(?:Step[ \t]*)?\d{1,2}[.):]", re.MULTILINE)
_FAULTS = {
    "numbered lines": lambda step: len(_NUMBERED_LINE.findall(step)) >= 3,
    "no word": lambda step: not re.search(r"[^\W_]", step),
    "figure cut": lambda step: step.count("[asy]") != step.count("[/asy]"),
    "only a tag": lambda step: re.fullmatch(r"\s*(?:<[^<>]*>|◁[^▷]*▷)\s*", step) is not None,
}


def solutions_of(row: FileRow) -> list[str]:
    """The solutions of a row that are texts."""
    given = row.fields.get("solutions") or row.fields.get("code") or [row.fields.get("solution")]
    texts = (one.get("text") if isinstance(one, dict) else one for one in given)
    return [text for text in texts if isinstance(text, str)]


def faults_of(splits: Splits) -> Iterator[str]:
    """The names of what is wrong with each solution."""
    for split in splits.solutions:
        for name, is_fault in _FAULTS.items():
            if any(is_fault(step.text) for step in split.steps):
                yield name


def measure(path: str) -> str:
    """A file's line of the table."""
    found: Counter[str] = Counter()
    n_texts = n_problems = n_together = 0
    for row in rows_of(path):
        if not isinstance(row, FileRow):
            continue
        splits = split_solutions(solutions_of(row))
        found.update(faults_of(splits))
        n_texts += len(splits.solutions)
        n_problems += 1
        n_together += splits.rule is not None
    cells = [*(found[name] for name in _FAULTS), f"{n_together} of {n_problems}"]
    return f"{Path(path).name:36}{n_texts:>8}" + "".join(f"{cell:>16}" for cell in cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+", metavar="FILE")
    options = parser.parse_args()
    print(f"{'file':36}{'texts':>8}" + "".join(f"{name:>16}" for name in [*_FAULTS, "one rule"]))
    for path in options.files:
        print(measure(path), flush=True)


if __name__ == "__main__":
    main()

"""The model card that training writes beside the weights: method, data and results."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

CARD_FILE, FIGURES_FILE = "README.md", "training.json"
_PACKAGES = ("torch", "transformers", "tokenizers", "accelerate", "peft")


@dataclass(frozen=True, slots=True)
class Card:
    """What is known about a model before it is trained.

    Attributes:
        base: the backbone's name or directory; None for one trained from scratch.
        method: one sentence on what was trained.
        data: (name, contents) of all training data.
        prm: the family file.
        arguments: what determines the run.
        command: the way to repeat the run.
        left_out: names of the rows that were not trained on, by reason.
    """

    base: str | None
    method: str
    data: Sequence[tuple[str, str]]
    prm: Mapping[str, Any]
    arguments: Mapping[str, Any]
    command: str = ""
    left_out: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def write(self, directory: Path, figures: Mapping[str, float]) -> None:
        """Write the card, and its numbers as JSON.

        Args:
            directory: the finished model's.
            figures: the last metrics of training and of validation.
        """
        (directory / CARD_FILE).write_text(self._text(directory.name, figures), encoding="utf-8")
        record = {
            "arguments": dict(self.arguments),
            "figures": dict(figures),
            "left_out": {reason: list(names) for reason, names in self.left_out.items()},
            "versions": _versions(),
        }
        text = json.dumps(record, indent=2, ensure_ascii=False)
        (directory / FIGURES_FILE).write_text(text + "\n", encoding="utf-8")

    def _text(self, name: str, figures: Mapping[str, float]) -> str:
        front = ["---", "tags:", "- process-reward-model"]
        on_the_hub = self.base is not None and not Path(self.base).exists()
        if on_the_hub:
            front.append(f"base_model: {json.dumps(self.base)}")
        marker = self.prm.get("marker")
        read_at = f"the marker `{marker}`" if marker else "the last token"
        lines = [
            *front,
            "---",
            "",
            f"# {name}",
            "",
            f"A process reward model: for every step of a solution, the probability that it is "
            f"right, read at {read_at} of the step by a value head. {self.method}",
            "",
            f"- Base model: {f'`{self.base}`' if self.base is not None else 'none'}",
            f"- Family: `{self.prm.get('family', 'value_head')}`; text around problem and steps: "
            f"`{json.dumps(self.prm['layout'], ensure_ascii=False)}`",
            f"- Threshold: {self.prm.get('threshold', 0.5)}; below it a step counts as wrong.",
            "",
            "## Use",
            "",
            "```python",
            "from prm_core import Candidate, load_scorer",
            "",
            f"scorer = load_scorer({name!r})",
            '[scored] = scorer.score([Candidate("What is 5 + 7?", ("5 + 7 = 12.",))])',
            "print(scored.probabilities)",
            "```",
            "",
            "## Data",
            "",
            "The licences of the data were not checked by the program that wrote this card.",
            "",
            *(f"- {source}: {content}" for source, content in self.data),
            *(
                f"- left out, {reason}: {len(names):,} (named in `{FIGURES_FILE}`)"
                for reason, names in self.left_out.items()
                if names
            ),
            "",
            "## Figures",
            "",
            "The run's last; those with `validation_` are for problems that were not trained on.",
            "",
            "| figure | value |",
            "| --- | --- |",
            *(f"| {key} | {value:.4g} |" for key, value in figures.items()),
            "",
            "## The run",
            "",
            *(("```console", f"$ {self.command}", "```", "") if self.command else ()),
            "| argument | value |",
            "| --- | --- |",
            *(f"| {key} | `{value}` |" for key, value in self.arguments.items()),
            "",
            "Versions: " + ", ".join(f"{key} {value}" for key, value in _versions().items()) + ".",
        ]
        return "\n".join(lines) + "\n"


def _versions() -> dict[str, str]:
    """Versions of Python and of the installed packages that affect the numbers."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found

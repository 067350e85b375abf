"""`models`: what is known by name, and what each family's score means."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from prm_core.catalog import KNOWN_MODELS
from prm_core.cli.terminal import columns, written_to
from prm_core.formats.rows import json_line
from prm_core.verifiers import VERIFIERS

_NOTE = (
    "F1 is ProcessBench's average in percent, as published; \"unknown\" means that the model's\n"
    "page and its papers do not say.\n"
    "Every family is tested against its authors' recipe on tiny weights. If published numbers\n"
    'are available ("doctor"), the doctor command compares the real weights with them.\n'
    'If the threshold says "tune", its authors tune it on labelled steps, or publish none; 0.5\n'
    "is used until you do (evaluate --tune).\n"
    'A model on a "server" writes its verdicts (--server URL); only its prompt is tested.\n'
    "GenPRM's F1 was measured by running the Python that it writes, which is never done here."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`models`: its arguments."""
    parser.add_argument("--json", action="store_true", help="JSON lines instead of tables")


def main(options: argparse.Namespace) -> int:
    """`models`: what is known by name, and what each family's score means."""
    from prm_core.families import FAMILIES

    summaries = {name: family.summary for name, family in FAMILIES.items()}
    summaries |= {name: form.summary for name, form in VERIFIERS.items()}
    with written_to("-") as write:
        if options.json:
            for name, known in KNOWN_MODELS.items():
                means = summaries[known.family]
                row = {"id": name, **asdict(known), "bf16_gb": known.bf16_gb, "score": means}
                write(json_line(row))
            return 0
        table = [
            (
                "model",
                "family",
                "size",
                "bf16",
                "context",
                "threshold",
                "F1",
                "licence",
                "runs",
                "checked",
            )
        ]
        for name, known in KNOWN_MODELS.items():
            table.append(
                (
                    name,
                    known.family,
                    f"{known.billions:g} B",
                    f"{known.bf16_gb:.1f} GB",
                    "unknown" if known.context is None else f"{known.context:,}",
                    "tune" if known.threshold is None else f"{known.threshold:g}",
                    "unknown" if known.f1 is None else f"{known.f1:.1f}",
                    known.licence or "unknown",
                    "server" if known.server else "here",
                    known.checked,
                )
            )
        write(columns(table) + "\n\n")
        write(_NOTE + "\n\n")
        rows = [("family", "score"), *summaries.items()]
        write(columns(rows) + "\n")
    return 0

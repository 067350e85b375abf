"""`train` and `label`: each a module of prm_core that is opened when called."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prm_core.labelling.completers import Completer, Sampling


def train_arguments(parser: argparse.ArgumentParser) -> None:
    """`train`: what it asks for."""
    from prm_core import training

    training.add_arguments(parser)


def train(options: argparse.Namespace) -> int:
    """`train`: a value-head PRM."""
    from prm_core import training

    return training.main(options)


def label_arguments(parser: argparse.ArgumentParser) -> None:
    """`label`: what it asks for."""
    from prm_core.labelling import run as label_run

    label_run.add_arguments(parser)


def label(options: argparse.Namespace) -> int:
    """`label`: step labels from final answers and continuations."""
    from prm_core.labelling import run as label_run

    def open_local(options: argparse.Namespace, sampling: Sampling) -> Completer:
        from prm_core.labelling.local_completer import LocalCompleter

        return LocalCompleter(
            options.generator, sampling, device=options.device, dtype=options.dtype
        )

    return label_run.main(options, open_local)
